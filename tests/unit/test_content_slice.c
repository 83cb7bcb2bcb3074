/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Slices of content information: what is written of some segments says of their blocks what the
 * whole said, and the content's octets are those blocks.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cache/content_build.h"
#include "cache/content_slice.h"
#include "tests/unit/content_vectors.h"

struct written {
	uint8_t *data;
	size_t size;
};

static int put(void *owner, const void *data, size_t size)
{
	struct written *written = owner;

	written->data = realloc(written->data, written->size + size);
	assert_non_null(written->data);
	memcpy(written->data + written->size, data, size);
	written->size += size;
	return 0;
}

static struct content_segment segment_of(const struct content *content, uint32_t index)
{
	struct content_segment segment;

	assert_int_equal(content_segment(content, index, &segment), 0);
	return segment;
}

/* DATA: the octets of the content, of which CONTENT is; NULL: not known. */
static void check_segment(const struct content *content, uint32_t index,
			  const struct content *slice, uint32_t slice_index, const uint8_t *data,
			  uint64_t size)
{
	struct content_segment is = segment_of(slice, slice_index);
	struct content_segment was = segment_of(content, index);
	uint8_t is_id[DIGEST_SIZE_MAX] = {0}, was_id[DIGEST_SIZE_MAX] = {0};

	assert_int_equal(is.offset, was.offset - segment_of(content, index - slice_index).offset);
	assert_int_equal(is.length, was.length);
	assert_int_equal(is.first_listed, was.first_listed);
	assert_int_equal(is.listed, was.listed);
	assert_int_equal(content_segment_id(slice, &is, is_id), 0);
	assert_int_equal(content_segment_id(content, &was, was_id), 0);
	assert_memory_equal(is_id, was_id, sizeof is_id);
	for (uint32_t i = 0; i < is.listed; i++) {
		struct content_block block, former;
		assert_int_equal(content_block_listed(slice, &is, is.first_listed + i, &block), 0);
		assert_int_equal(content_block_listed(content, &was, was.first_listed + i, &former),
				 0);
		assert_int_equal(block.length, former.length);
		assert_memory_equal(block.hash, former.hash,
				    digest_size(content_algorithm(content)));
		if (data == NULL || former.offset + former.length > size)
			continue;
		assert_int_equal(
			content_block_check(slice, &block, data + former.offset, former.length), 0);
	}
}

/* Returns whether there is such a slice. */
static bool check_slice(const struct content *content, uint32_t first, uint32_t count,
			const uint8_t *data, uint64_t size)
{
	struct written written = {0};
	struct content *slice;
	bool whole = true;
	int error = content_slice_write(content, first, count, put, &written);

	for (uint32_t i = first; i < first + count; i++) {
		struct content_segment segment = segment_of(content, i);
		whole &= content_segment_is_whole(&segment);
	}
	if (!whole && count > 1) {
		assert_int_equal(error, -EINVAL);
		free(written.data);
		return false;
	}
	assert_int_equal(error, 0);
	assert_true(written.size <= content_header(content)->size);
	assert_int_equal(content_decode(written.data, written.size, written.size, &slice, NULL), 0);
	assert_int_equal(content_version(slice), content_version(content));
	assert_int_equal(content_segments(slice), count);
	for (uint32_t i = 0; i < count; i++)
		check_segment(content, first + i, slice, i, data, size);
	if (whole) {
		struct content_segment last = segment_of(slice, count - 1);
		struct cutting *cutting;
		assert_int_equal(content_start(slice), 0);
		assert_int_equal(content_end(slice), last.offset + last.length);
		assert_int_equal(content_cutting(slice, &cutting), 0);
		cutting_free(cutting);
	} else {
		uint64_t base = segment_of(content, first).offset;
		assert_int_equal(content_start(slice) % 65536, 0);
		if (content_start(content) > base)
			assert_int_equal(content_start(slice),
					 (content_start(content) - base) / 65536 * 65536);
	}
	content_put(slice);
	free(written.data);
	return true;
}

static unsigned check_all(const struct octets *info, const struct octets *data)
{
	struct content *content;
	unsigned slices = 0;

	assert_int_equal(content_decode(info->data, info->size, info->size, &content, NULL), 0);
	uint32_t segments = content_segments(content);
	for (uint32_t first = 0; first < segments; first++)
		for (uint32_t count = 1; count <= segments - first; count++)
			slices +=
				check_slice(content, first, count, data != NULL ? data->data : NULL,
					    data != NULL ? data->size : 0);
	assert_int_equal(content_slice_write(content, 0, 0, put, NULL), -EINVAL);
	assert_int_equal(content_slice_write(content, segments, 1, put, NULL), -EINVAL);
	assert_int_equal(content_slice_write(content, 0, segments + 1, put, NULL), -EINVAL);
	content_put(content);
	return slices;
}

static unsigned check_forms(const json_t *vector)
{
	struct octets data = vectors_content(json_object_get(vector, "content"));
	const json_t *form;
	unsigned slices = 0;
	size_t index;

	json_array_foreach(vectors_list(vector, "forms"), index, form)
	{
		const char *hex = json_string_value(json_object_get(form, "info"));
		if (hex == NULL)
			continue;
		struct octets info = vectors_unhex(hex);
		slices += check_all(&info, &data);
		octets_free(&info);
	}
	octets_free(&data);
	return slices;
}

static void slices_of_vectors_say_what_the_whole_said(void **state)
{
	static const char *const files[] = {"v1.json", "v2.json"};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		json_t *loaded = vectors_load(files[i]);
		const json_t *vector;
		unsigned slices = 0;
		size_t index;
		json_array_foreach(vectors_list(loaded, "vectors"), index, vector)
		{
			if (!vectors_true(vector, "refuse"))
				slices += check_forms(vector);
		}
		assert_true(slices >= 30);
		json_decref(loaded);
	}
}

static void slices_of_unusual_vectors_too(void **state)
{
	json_t *loaded = vectors_load("unusual.json");
	const json_t *vector;
	unsigned slices = 0;
	size_t index;

	(void)state;
	json_array_foreach(vectors_list(loaded, "vectors"), index, vector)
	{
		struct octets info = vectors_octets(vector, "info");
		slices += check_all(&info, NULL);
		octets_free(&info);
	}
	assert_true(slices >= 10);
	json_decref(loaded);
}

/* Three segments and a bit of version 1.0. */
#define SIZE (3u * 33554432u + 200000u)

static uint8_t *make_data(void)
{
	uint8_t *data = malloc(SIZE);

	assert_non_null(data);
	for (uint32_t i = 0; i < SIZE; i++)
		data[i] = (uint8_t)(i * 31 + (i >> 8) * 7 + (i >> 16));
	return data;
}

static struct octets make_info(unsigned version, const uint8_t *data, uint64_t start,
			       uint64_t length)
{
	const struct content_build_options options = {.version = version,
						      .algorithm = DIGEST_SHA256};
	const uint8_t ks[DIGEST_SIZE_MAX] = "server secret";
	struct content_build *build;
	struct content_hashes hashes;
	struct written written = {0};

	assert_int_equal(content_build_create(&options, &build), 0);
	assert_int_equal(content_build_add(build, data, SIZE), 0);
	assert_int_equal(content_build_end(build, &hashes), 0);
	assert_int_equal(content_hashes_write(&hashes, ks, start, length, NULL, put, &written), 0);
	content_hashes_clear(&hashes);
	content_build_free(build);
	return (struct octets){written.data, written.size};
}

static void ranges_over_several_segments(void **state)
{
	static const uint64_t ranges[][2] = {{0, SIZE},
					     {33554432, SIZE - 33554432},
					     {33554431, 33554434},
					     {70000, 2 * 33554432},
					     {SIZE - 100, 100}};
	uint8_t *data = make_data();
	struct octets octets = {data, SIZE};

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		struct octets info = make_info(1, data, ranges[i][0], ranges[i][1]);
		assert_true(check_all(&info, &octets) > 0);
		free(info.data);
	}
	free(data);
}

/* A content of version 2.0 has many segments: some runs of them. */
static void many_segments(void **state)
{
	uint8_t *data = make_data();
	struct octets info = make_info(2, data, 100000, SIZE - 200000);
	struct content *content;

	(void)state;
	assert_int_equal(content_decode(info.data, info.size, info.size, &content, NULL), 0);
	uint32_t segments = content_segments(content);
	assert_true(segments > 600);
	assert_true(check_slice(content, 0, segments, data, SIZE));
	assert_true(check_slice(content, 1, segments - 1, data, SIZE));
	assert_true(check_slice(content, 300, 260, data, SIZE));
	assert_true(check_slice(content, segments - 1, 1, data, SIZE));
	content_put(content);
	free(info.data);
	free(data);
}

static void one_segment_in_memory(void **state)
{
	uint8_t *data = make_data();

	(void)state;
	for (unsigned version = 1; version <= 2; version++) {
		struct octets info = make_info(version, data, 65536 * 3 + 5, 40000000);
		struct content *content, *slice;
		assert_int_equal(content_decode(info.data, info.size, info.size, &content, NULL),
				 0);
		for (uint32_t i = 0; i < 2; i++) {
			assert_int_equal(content_slice_segment(content, i, &slice), 0);
			check_segment(content, i, slice, 0, data, SIZE);
			content_put(slice);
		}
		content_put(content);
		free(info.data);
	}
	free(data);
}

struct failing {
	unsigned left;
};

static int put_failing(void *owner, const void *data, size_t size)
{
	struct failing *failing = owner;

	(void)data;
	(void)size;
	return failing->left-- == 0 ? -ENOSPC : 0;
}

static void what_cannot_be_put_ends_it(void **state)
{
	json_t *loaded = vectors_load("unusual.json");
	const json_t *vector = json_array_get(vectors_list(loaded, "vectors"), 0);
	struct octets info = vectors_octets(vector, "info");
	struct content *content;

	(void)state;
	assert_int_equal(content_decode(info.data, info.size, info.size, &content, NULL), 0);
	for (unsigned puts = 0; puts <= 3; puts++) {
		struct failing failing = {puts};
		assert_int_equal(content_slice_write(content, 0, 1, put_failing, &failing),
				 puts < 3 ? -ENOSPC : 0);
	}
	content_put(content);
	octets_free(&info);
	json_decref(loaded);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slices_of_vectors_say_what_the_whole_said),
		cmocka_unit_test(slices_of_unusual_vectors_too),
		cmocka_unit_test(ranges_over_several_segments),
		cmocka_unit_test(many_segments),
		cmocka_unit_test(one_segment_in_memory),
		cmocka_unit_test(what_cannot_be_put_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
