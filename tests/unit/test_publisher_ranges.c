/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Content information that is handed out is that of the vectors (tests/vectors), and of larger
 * contents that which the builders make, whatever the range and the size of the pieces; also when
 * the cache is cleared meanwhile.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/unit/publisher_scene.h"

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/service/encoding.h"
#include "tests/unit/content_vectors.h"

static struct scene scene;

static int setup(void **state)
{
	(void)state;
	service_scene_begin(&scene, NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	service_scene_end(&scene);
	return 0;
}

/* ---- vectors ---- */

static bool same_lengths(const struct octets *content, const json_t *lengths)
{
	struct publisher_octets made =
		publisher_expect(&scene, content->data, content->size, 2, 0, content->size);
	struct content *decoded;
	bool same;

	assert_int_equal(content_decode(made.octets, made.size, made.size, &decoded, NULL), 0);
	same = json_is_array(lengths) && json_array_size(lengths) == content_segments(decoded);
	for (uint32_t i = 0; same && i < content_segments(decoded); i++) {
		struct content_segment segment;

		assert_int_equal(content_segment(decoded, i, &segment), 0);
		same = segment.length == (uint32_t)json_integer_value(json_array_get(lengths, i));
	}
	content_put(decoded);
	free(made.octets);
	return same;
}

static const json_t *canonical(const json_t *vector)
{
	const json_t *form;
	size_t index;

	json_array_foreach(vectors_list(vector, "forms"), index, form)
	{
		if (vectors_true(form, "canonical"))
			return form;
	}
	return NULL;
}

/* Whether it speaks of what this daemon makes: our hash functions, and our segments. */
static bool applies(const json_t *vector, const struct octets *content)
{
	if (vectors_true(vector, "refuse"))
		return false;
	if (json_object_get(vector, "segment_lengths") != NULL)
		return same_lengths(content, json_object_get(vector, "segment_lengths"));
	return strcmp(vectors_text(vector, "hash"), "sha256") == 0;
}

static void set_key(const json_t *vector)
{
	struct octets key = vectors_octets(vector, "secret_key");

	secret_free(scene.secret);
	assert_int_equal(secret_create(key.data, key.size, &scene.secret), 0);
	octets_free(&key);
}

static void check_vector(const json_t *vector, const struct octets *content, unsigned version)
{
	const json_t *form = canonical(vector);
	struct publisher_octets found;
	uint64_t start, length;

	assert_non_null(form);
	vectors_pair(json_object_get(vector, "range"), &start, &length);
	publisher_publish(scene.program, "vector", content->data, content->size, 0);
	found = publisher_information_of(scene.program, "vector", start, length, version);
	assert_int_equal(found.size, vectors_number(form, "info_size"));
	if (json_object_get(form, "info") != NULL) {
		assert_json_hex(found.octets, found.size, form, "info");
	} else {
		uint8_t hash[DIGEST_SIZE_MAX];

		assert_int_equal(digest_hash(DIGEST_SHA256, found.octets, found.size, hash), 0);
		assert_json_hex(hash, 32, form, "info_sha256");
	}
	free(found.octets);
}

/* Returns how many there were. */
static unsigned check_vectors(const char *file, unsigned version)
{
	json_t *vectors = vectors_load(file), *vector;
	unsigned checked = 0;
	size_t index;

	json_array_foreach(json_object_get(vectors, "vectors"), index, vector)
	{
		struct octets content = vectors_content(json_object_get(vector, "content"));

		setup(NULL);
		set_key(vector);
		if (applies(vector, &content)) {
			check_vector(vector, &content, version);
			checked++;
		}
		teardown(NULL);
		octets_free(&content);
	}
	json_decref(vectors);
	return checked;
}

static void test_vectors(void **state)
{
	(void)state;
	assert_in_range(check_vectors("v1.json", 1), 15, 100);
	assert_in_range(check_vectors("v2.json", 2), 3, 100);
}

/* ---- ranges of what is larger ---- */

static uint64_t random_state = 88172645463325252u;

static uint64_t below(uint64_t end)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state % end;
}

static void check_range(const uint8_t *content, size_t size, uint64_t start, uint64_t length,
			unsigned version)
{
	struct publisher_octets found, expected;
	uint64_t handle;

	assert_int_equal(publisher_information(scene.program, "large", start, length, version,
					       version, &handle),
			 ERROR_SUCCESS);
	found = publisher_read(scene.program, handle, 1 + (uint32_t)below(100000));
	expected = publisher_expect(&scene, content, size, version, start, length);
	publisher_assert_same(&found, &expected);
	service_scene_simple(scene.program, OPERATION_close_information, handle, 0);
	free(found.octets);
	free(expected.octets);
}

/* Two segments of version 1 and a bit. */
static void test_ranges_of_a_large_content(void **state)
{
	enum { SIZE = 68 << 20, SEGMENT = 32 << 20 };
	uint8_t *content = publisher_content(SIZE, 3);
	static const uint64_t ranges[][2] = {
		{0, SIZE},        {SEGMENT, SEGMENT},
		{SEGMENT - 1, 2}, {SEGMENT + 65536, SIZE - SEGMENT - 65536},
		{SIZE - 1, 1},    {0, SIZE - 1}};

	(void)state;
	publisher_publish(scene.program, "large", content, SIZE, 0);
	for (unsigned i = 0; i < sizeof ranges / sizeof *ranges; i++)
		for (unsigned version = 1; version <= 2; version++)
			check_range(content, SIZE, ranges[i][0], ranges[i][1], version);
	free(content);
}

static void test_random_ranges(void **state)
{
	enum { SIZE = 3 << 20 };
	uint8_t *content = publisher_content(SIZE, 4);

	(void)state;
	publisher_publish(scene.program, "large", content, SIZE, 0);
	for (unsigned i = 0; i < 30; i++) {
		uint64_t start = below(SIZE), length = 1 + below(SIZE - start);

		check_range(content, SIZE, start, length, 1 + i % 2);
	}
	free(content);
}

/* Around the size from which on the store keeps content information. */
static void test_sizes(void **state)
{
	struct store_usage usage;
	bool in_memory = false, in_store = false;
	char id[16];

	(void)state;
	for (uint32_t blocks = 1; blocks <= 40; blocks += 3) {
		size_t size = blocks * 65536u - blocks;
		uint8_t *content = publisher_content(size, blocks);

		snprintf(id, sizeof id, "%u", blocks);
		publisher_publish(scene.program, id, content, size, 0);
		publisher_assert_published(scene.program, id, content, size);
		store_usage(scene.store, &usage);
		*(usage.segments > 0 ? &in_store : &in_memory) = true;
		free(content);
	}
	assert_true(in_memory && in_store);
	/* Nothing of the contents themselves. */
	assert_int_equal(usage.contents, 0);
}

static void test_clearing_leaves_publications(void **state)
{
	enum { SIZE = 9 << 20 };
	uint8_t *content = publisher_content(SIZE, 5);
	struct publisher_octets found, expected;
	uint64_t handle, freed;
	void *first;

	(void)state;
	for (uint32_t flags = 0; flags <= PDC_PUBLISH_KEEP; flags++) {
		publisher_publish(scene.program, "id", content, SIZE, flags);
		assert_int_equal(publisher_information(scene.program, "id", 0, 0, 2, 2, &handle),
				 ERROR_SUCCESS);
		struct pdc_completion completion =
			publisher_next(scene.program, handle, 100, &first);
		assert_int_equal(completion.status, ERROR_SUCCESS);
		assert_int_equal(store_clear(scene.store, NULL, &freed), 0);
		store_expire(scene.store);
		publisher_assert_published(scene.program, "id", content, SIZE);
		/* A handle that reads goes on. */
		void *rest;
		completion = publisher_next(scene.program, handle, PDC_READ_MAX, &rest);
		expected = publisher_expect(&scene, content, SIZE, 2, 0, SIZE);
		assert_int_equal(completion.bytes, expected.size - 100);
		assert_memory_equal(first, expected.octets, 100);
		assert_memory_equal(rest, expected.octets + 100, completion.bytes);
		/* Nor does it depend on where it is read. */
		found = publisher_information_of(scene.program, "id", 65536, 65536 * 50, 1);
		free(expected.octets);
		expected = publisher_expect(&scene, content, SIZE, 1, 65536, 65536 * 50);
		publisher_assert_same(&found, &expected);
		free(found.octets);
		free(expected.octets);
		free(first);
		free(rest);
		service_scene_simple(scene.program, OPERATION_close_information, handle, 0);
		assert_int_equal(publisher_unpublish(scene.program, "id"), ERROR_SUCCESS);
	}
	free(content);
}

/* What is kept of many does not grow: neither descriptors nor files of the short ones. */
static void test_many(void **state)
{
	enum { MANY = 3000 };
	uint8_t *content = publisher_content(MANY + 1, 6);
	struct store_usage before, after;
	char id[16];

	(void)state;
	store_usage(scene.store, &before);
	for (unsigned i = 0; i < MANY; i++) {
		snprintf(id, sizeof id, "%u", i);
		publisher_publish(scene.program, id, content, i + 1, 0);
	}
	store_usage(scene.store, &after);
	assert_int_equal(after.used, before.used);
	for (unsigned i = 0; i < MANY; i += 251) {
		snprintf(id, sizeof id, "%u", i);
		publisher_assert_published(scene.program, id, content, i + 1);
	}
	assert_int_equal(service_scene_simple(scene.program, OPERATION_shutdown, 0, 0),
			 ERROR_SUCCESS);
	free(content);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		CASE(test_ranges_of_a_large_content),
		CASE(test_random_ranges),
		CASE(test_sizes),
		CASE(test_clearing_leaves_publications),
		CASE(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
