/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Content information of version 2.0 against the vectors, in both directions, and a large one made
 * here, to find segments in.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "cache/content_v2.h"
#include "cache/secret.h"
#include "tests/unit/content_vectors.h"

#define SMALL 2048 /* octets of content information of which every prefix is tried */

struct described {
	struct octets data;
	uint32_t *lengths; /* of all segments */
	uint32_t count;
	uint8_t ks[DIGEST_SIZE_MAX];
};

static void read_lengths(const json_t *vector, struct described *described)
{
	const json_t *lengths = json_object_get(vector, "segment_lengths");
	uint64_t fixed = 0, size = described->data.size, count = json_array_size(lengths);

	if (json_is_object(lengths)) {
		fixed = vectors_number(lengths, "fixed");
		count = (size + fixed - 1) / fixed;
	}
	described->count = (uint32_t)count;
	described->lengths = calloc(count + 1, sizeof(uint32_t));
	assert_non_null(described->lengths);
	for (uint32_t i = 0; i < count; i++) {
		uint64_t length = fixed;

		if (fixed == 0)
			length = (uint64_t)json_integer_value(json_array_get(lengths, i));
		else if (fixed > size)
			length = size;
		assert_true(length > 0 && length <= size);
		described->lengths[i] = (uint32_t)length;
		size -= length;
	}
	assert_int_equal(size, 0);
}

static struct described describe(const json_t *vector)
{
	struct described described = {.data = vectors_content(json_object_get(vector, "content"))};
	struct octets key = vectors_octets(vector, "secret_key");
	struct secret *secret;

	assert_string_equal(vectors_text(vector, "hash"), digest_name(DIGEST_SHA512_TRUNC256));
	read_lengths(vector, &described);
	assert_int_equal(secret_create(key.data, key.size, &secret), 0);
	assert_int_equal(secret_server(secret, DIGEST_SHA512_TRUNC256, described.ks), 0);
	assert_json_hex(described.ks, CONTENT_V2_HASH_SIZE, vector, "ks");
	secret_free(secret);
	octets_free(&key);
	return described;
}

static void described_free(struct described *described)
{
	octets_free(&described->data);
	free(described->lengths);
}

static uint64_t offset_of(const struct described *described, uint64_t segment)
{
	uint64_t offset = 0;

	for (uint64_t i = 0; i < segment; i++)
		offset += described->lengths[i];
	return offset;
}

static void put_listed(const struct described *described, const struct content_v2_plan *plan,
		       uint32_t index, struct bytes_out *out)
{
	uint64_t segment = plan->first_segment + index;
	uint32_t length = described->lengths[segment];
	uint8_t hash_of_data[DIGEST_SIZE_MAX], kp[DIGEST_SIZE_MAX];

	assert_int_equal(digest_hash(DIGEST_SHA512_TRUNC256,
				     described->data.data + offset_of(described, segment), length,
				     hash_of_data),
			 0);
	assert_int_equal(secret_segment(DIGEST_SHA512_TRUNC256, described->ks, hash_of_data, kp),
			 0);
	content_v2_put_segment(plan, index, length, hash_of_data, kp, out);
}

/* As our encoder does it: parts in any order, here the last first. */
static struct octets encode(const struct described *described, const struct content_v2_plan *plan)
{
	struct octets info = {malloc(plan->size), plan->size};
	struct bytes_out out;

	assert_non_null(info.data);
	for (uint32_t i = plan->segments; i-- > 0;) {
		out = bytes_out(info.data + content_v2_segment_at(plan, i),
				content_v2_segment_size(plan, i));
		put_listed(described, plan, i, &out);
		assert_true(!out.failed && out.left == 0);
	}
	out = bytes_out(info.data, CONTENT_V2_HEADER_SIZE);
	content_v2_put_header(plan, &out);
	assert_true(!out.failed && out.left == 0);
	return info;
}

/* The same in chunks of so many segments. PER_CHUNK 0: one chunk. */
static struct octets encode_chunked(const struct octets *canonical, uint64_t range_length,
				    uint32_t segments, uint32_t per_chunk, size_t size)
{
	struct octets info = {malloc(size), size};
	struct bytes_out out = bytes_out(info.data, size);
	const uint8_t *descriptions =
		canonical->data + CONTENT_V2_HEADER_SIZE + CONTENT_V2_CHUNK_HEADER_SIZE;

	assert_non_null(info.data);
	bytes_put(&out, canonical->data, CONTENT_V2_HEADER_SIZE - 8);
	bytes_put_be64(&out, range_length);
	if (per_chunk == 0)
		per_chunk = segments;
	for (uint32_t i = 0; i < segments; i += per_chunk) {
		uint32_t count = segments - i < per_chunk ? segments - i : per_chunk;

		bytes_put_u8(&out, 0);
		bytes_put_be32(&out, count * CONTENT_V2_DESCRIPTION_SIZE);
		bytes_put(&out, descriptions + (size_t)i * CONTENT_V2_DESCRIPTION_SIZE,
			  (size_t)count * CONTENT_V2_DESCRIPTION_SIZE);
	}
	assert_true(!out.failed && out.left == 0);
	return info;
}

static void check_octets(const struct octets *info, const json_t *form)
{
	uint8_t hash[32];

	assert_int_equal(info->size, vectors_number(form, "info_size"));
	assert_int_equal(EVP_Digest(info->data, info->size, hash, NULL, EVP_sha256(), NULL), 1);
	assert_json_hex(hash, sizeof(hash), form, "info_sha256");
	if (json_object_get(form, "info") != NULL)
		assert_json_hex(info->data, info->size, form, "info");
}

static void check_form(const json_t *vector, const json_t *form, const struct octets *canonical,
		       const struct described *described)
{
	const json_t *per_chunk = json_object_get(form, "segments_per_chunk");
	uint32_t segments = (uint32_t)vectors_number(vector, "segment_count");
	uint64_t length = vectors_number(form, "ullLengthOfRange");
	struct octets info =
		encode_chunked(canonical, length, segments, (uint32_t)json_integer_value(per_chunk),
			       (size_t)vectors_number(form, "info_size"));
	size_t chunk = (size_t)json_integer_value(per_chunk) * CONTENT_V2_DESCRIPTION_SIZE;
	struct content *content;

	check_octets(&info, form);
	if (vectors_true(form, "canonical"))
		check_octets(canonical, form);
	assert_int_equal(
		content_decode(info.data, info.size, CONTENT_LIMIT_DEFAULT, &content, NULL), 0);
	assert_int_equal(content_version(content), 2);
	assert_int_equal(content_header(content)->skip,
			 vectors_number(form, "dwOffsetInFirstSegment"));
	assert_int_equal(content_header(content)->length, length);
	assert_int_equal(content_header(content)->first_segment,
			 vectors_number(form, "ullIndexOfFirstSegment"));
	assert_int_equal(content_header(content)->size,
			 CONTENT_V2_HEADER_SIZE + segments * CONTENT_V2_DESCRIPTION_SIZE +
				 content_header(content)->chunks * CONTENT_V2_CHUNK_HEADER_SIZE);
	assert_int_equal(content_segments(content), segments);
	check_decoded(content, vector, described->data.data);
	content_put(content);
	assert_int_equal(check_verdict(&info), 0);
	check_prefixes(&info, info.size <= SMALL ? 1 : 509,
		       length == 0 && chunk > 0 ? chunk + CONTENT_V2_CHUNK_HEADER_SIZE : 0);
	octets_free(&info);
}

static void check_vector(const json_t *vector, const struct described *described)
{
	struct content_v2_plan plan;
	struct octets canonical;
	const json_t *form;
	uint64_t start, length;
	size_t i;

	vectors_pair(json_object_get(vector, "range"), &start, &length);
	assert_int_equal(
		content_v2_plan(described->lengths, described->count, start, length, &plan), 0);
	canonical = encode(described, &plan);
	json_array_foreach(vectors_list(vector, "forms"), i, form)
	{
		assert_int_equal(plan.start, vectors_number(form, "ullStartInContent"));
		assert_int_equal(plan.first_segment,
				 vectors_number(form, "ullIndexOfFirstSegment"));
		assert_int_equal(plan.skip, vectors_number(form, "dwOffsetInFirstSegment"));
		check_form(vector, form, &canonical, described);
	}
	octets_free(&canonical);
}

static void every_vector_is_written_and_every_form_read(void **state)
{
	json_t *file = vectors_load("v2.json");
	const json_t *vector;
	size_t i;

	(void)state;
	json_array_foreach(vectors_list(file, "vectors"), i, vector)
	{
		struct described described = describe(vector);
		struct content_v2_plan plan;

		if (vectors_true(vector, "refuse"))
			assert_int_equal(content_v2_plan(described.lengths, described.count, 0,
							 described.data.size, &plan),
					 -EINVAL);
		else
			check_vector(vector, &described);
		described_free(&described);
	}
	json_decref(file);
}

/* Of one chunk, these fields have one right value; in the others another may do. */
static bool must_be_as_is(size_t at)
{
	return at < 3 || (at >= CONTENT_V2_HEADER_SIZE &&
			  at < CONTENT_V2_HEADER_SIZE + CONTENT_V2_CHUNK_HEADER_SIZE);
}

static void no_changed_octet_is_accepted_that_could_be_checked(void **state)
{
	json_t *file = vectors_load("v2.json");
	const json_t *vector;
	size_t i;

	(void)state;
	json_array_foreach(vectors_list(file, "vectors"), i, vector)
	{
		const json_t *form = json_array_get(json_object_get(vector, "forms"), 0);
		struct octets info;

		if (json_object_get(form, "info") == NULL)
			continue;
		info = vectors_octets(form, "info");
		for (size_t at = 0; at < info.size; at++) {
			uint8_t was = info.data[at];

			for (unsigned change = 1; change < 256; change = change * 2 + 1) {
				info.data[at] = was ^ (uint8_t)change;
				if (check_verdict(&info) == 0 && must_be_as_is(at))
					fail_msg("accepted with octet %zu changed", at);
			}
			info.data[at] = was;
		}
		octets_free(&info);
	}
	json_decref(file);
}

static void ranges_that_cannot_be_are_refused(void **state)
{
	static const uint32_t lengths[] = {40000, 131072, 5}, zero[] = {5, 0}, large[] = {131073};
	static const struct {
		uint64_t start, length;
	} cases[] = {{0, 0}, {171077, 1}, {0, 171078}, {1, 171077}, {171076, 2}, {1, UINT64_MAX}};
	struct content_v2_plan plan;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(
			content_v2_plan(lengths, 3, cases[i].start, cases[i].length, &plan),
			-EINVAL);
	assert_int_equal(content_v2_plan(zero, 2, 0, 5, &plan), -EINVAL);
	assert_int_equal(content_v2_plan(large, 1, 0, 5, &plan), -EINVAL);
	assert_int_equal(content_v2_plan(NULL, 0, 0, 1, &plan), -EINVAL);
}

static void a_full_chunk_begins_another(void **state)
{
	struct content_v2_plan plan;
	static const uint8_t hash[CONTENT_V2_HASH_SIZE];
	uint8_t data[CONTENT_V2_CHUNK_HEADER_SIZE + CONTENT_V2_DESCRIPTION_SIZE];
	struct bytes_out out = bytes_out(data, sizeof(data));
	struct bytes_in in = bytes_in(data, sizeof(data));
	uint64_t full = CONTENT_V2_HEADER_SIZE + CONTENT_V2_CHUNK_HEADER_SIZE +
			(uint64_t)CONTENT_V2_CHUNK_SEGMENTS * CONTENT_V2_DESCRIPTION_SIZE;

	(void)state;
	assert_int_equal(CONTENT_V2_CHUNK_SEGMENTS, 63161283);
	content_v2_plan_whole(CONTENT_V2_CHUNK_SEGMENTS, &plan);
	assert_int_equal(plan.size, full);
	content_v2_plan_whole(CONTENT_V2_CHUNK_SEGMENTS + 3, &plan);
	assert_int_equal(plan.size, full + 5 + 3 * 68);
	assert_int_equal(content_v2_segment_at(&plan, CONTENT_V2_CHUNK_SEGMENTS), full);
	assert_int_equal(content_v2_segment_at(&plan, CONTENT_V2_CHUNK_SEGMENTS + 1),
			 full + 5 + 68);
	content_v2_put_segment(&plan, CONTENT_V2_CHUNK_SEGMENTS, 7, hash, hash, &out);
	assert_false(out.failed);
	assert_int_equal(bytes_u8(&in), 0);
	assert_int_equal(bytes_be32(&in), 3 * 68);
	assert_int_equal(bytes_be32(&in), 7);
}

enum { MANY = 5000 };

static uint32_t many_length(uint32_t index)
{
	return 1 + index * 7919u % CONTENT_V2_SEGMENT_MAX;
}

/* Chunks of 1, 2, 3, ... segments; a segment's HoD and Kp begin with its number. */
static struct octets encode_many(void)
{
	struct octets info = {malloc(MANY * 73 + 31), 0};
	struct bytes_out out = bytes_out(info.data, MANY * 73 + 31);
	static const uint8_t rest[28];
	uint32_t index = 0;

	assert_non_null(info.data);
	bytes_put(&out, "\0\2\4", 3);
	bytes_put_be64(&out, 1000000);
	bytes_put_be64(&out, 9);
	bytes_put_be32(&out, 0);
	bytes_put_be64(&out, 0);
	for (uint32_t chunk = 1; index < MANY; chunk++) {
		uint32_t count = chunk < MANY - index ? chunk : MANY - index;

		bytes_put_u8(&out, 0);
		bytes_put_be32(&out, count * 68);
		for (; count > 0; count--, index++) {
			bytes_put_be32(&out, many_length(index));
			bytes_put_be32(&out, index);
			bytes_put(&out, rest, sizeof(rest));
			bytes_put_be32(&out, ~index);
			bytes_put(&out, rest, sizeof(rest));
		}
	}
	assert_false(out.failed);
	info.size = MANY * 73 + 31 - out.left;
	return info;
}

static void one_of_many_segments_is_found(void **state)
{
	struct octets info = encode_many();
	struct content *content;
	uint64_t offset = 1000000;

	(void)state;
	assert_int_equal(
		content_decode(info.data, info.size, CONTENT_LIMIT_DEFAULT, &content, NULL), 0);
	assert_int_equal(content_segments(content), MANY);
	for (uint32_t i = 0; i < MANY; offset += many_length(i++)) {
		struct content_segment segment;
		struct content_block block;
		struct bytes_in hash = bytes_in(segment.hash_of_data, 32);
		struct bytes_in secret = bytes_in(segment.secret, 32);
		struct bytes_in block_hash = bytes_in(block.hash, 32);
		uint32_t found;

		assert_int_equal(content_segment(content, i, &segment), 0);
		assert_int_equal(segment.offset, offset);
		assert_int_equal(segment.length, many_length(i));
		assert_int_equal(bytes_be32(&hash), i);
		assert_int_equal(bytes_be32(&secret), ~i);
		assert_int_equal(content_segment_at(content, offset, &found), 0);
		assert_int_equal(found, i);
		assert_int_equal(content_block_at(content, offset + many_length(i) - 1, &block), 0);
		assert_int_equal(block.segment, i);
		assert_int_equal(block.block, 0);
		assert_int_equal(block.offset, offset);
		assert_int_equal(block.length, many_length(i));
		assert_int_equal(bytes_be32(&block_hash), i);
	}
	assert_int_equal(content_end(content), offset);
	content_put(content);
	octets_free(&info);
}

static void every_range_comes_back(void **state)
{
	static const uint32_t lengths[] = {1, 131072, 7, 65536, 2};
	static const uint64_t edges[] = {0,      1,      2,      131072, 131073, 131074,
					 131080, 131081, 196615, 196616, 196617, 196618};
	enum { EDGES = sizeof(edges) / sizeof(edges[0]) };
	uint8_t *data = calloc(1, edges[EDGES - 1]);
	struct described described = {{data, edges[EDGES - 1]}, (uint32_t *)lengths, 5, {0}};

	(void)state;
	assert_non_null(data);
	for (size_t i = 0; i < EDGES; i++)
		for (size_t j = i + 1; j < EDGES; j++) {
			struct content_v2_plan plan;
			struct octets info;
			struct content *content;

			assert_int_equal(
				content_v2_plan(lengths, 5, edges[i], edges[j] - edges[i], &plan),
				0);
			info = encode(&described, &plan);
			assert_int_equal(
				content_decode(info.data, info.size, info.size, &content, NULL), 0);
			assert_int_equal(content_start(content), edges[i]);
			assert_int_equal(content_end(content), edges[j]);
			content_put(content);
			octets_free(&info);
		}
	free(data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_vector_is_written_and_every_form_read),
		cmocka_unit_test(no_changed_octet_is_accepted_that_could_be_checked),
		cmocka_unit_test(ranges_that_cannot_be_are_refused),
		cmocka_unit_test(every_range_comes_back),
		cmocka_unit_test(a_full_chunk_begins_another),
		cmocka_unit_test(one_of_many_segments_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
