/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Builders give the content information of the vectors, byte for byte, however the bytes come and
 * whoever hashes; and hold few of them.
 */
#include <errno.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "cache/content_build.h"
#include "cache/cutter.h"
#include "cache/secret.h"
#include "tests/unit/content_vectors.h"

static struct pool *pool;

static int make_pool(void **state)
{
	(void)state;
	return pool_create(3, &pool);
}

static int end_pool(void **state)
{
	(void)state;
	pool_destroy(pool);
	return 0;
}

/* Deterministic, so that a failure comes again. */
static uint32_t next_random(uint32_t *random)
{
	*random ^= *random << 13;
	*random ^= *random >> 17;
	*random ^= *random << 5;
	return *random;
}

static struct octets random_content(size_t size, uint32_t seed)
{
	struct octets octets = {malloc(size), size};

	assert_non_null(octets.data);
	for (size_t i = 0; i < size; i++)
		octets.data[i] = (uint8_t)(next_random(&seed) >> 9);
	return octets;
}

static struct content_build *builder(unsigned version, enum digest_algorithm algorithm,
				     uint32_t fixed, struct pool *helpers)
{
	struct content_build_options options = {
		.version = version,
		.algorithm = algorithm,
		.fixed = fixed,
		.pool = helpers,
		.lane = POOL_IDLE,
	};
	struct content_build *build;

	assert_int_equal(content_build_create(&options, &build), 0);
	return build;
}

/* In portions of up to LARGEST octets. */
static void add_portions(struct content_build *build, const struct octets *content, size_t largest)
{
	uint32_t random = (uint32_t)largest;

	for (size_t at = 0; at < content->size;) {
		size_t portion = 1 + next_random(&random) % largest;

		if (portion > content->size - at)
			portion = content->size - at;
		assert_int_equal(content_build_add(build, content->data + at, portion), 0);
		at += portion;
	}
}

static void assert_same(const struct content_hashes *hashes, const struct content_hashes *expected)
{
	assert_int_equal(hashes->version, expected->version);
	assert_int_equal(hashes->algorithm, expected->algorithm);
	assert_int_equal(hashes->size, expected->size);
	assert_int_equal(hashes->count, expected->count);
	if (expected->count > 0)
		assert_memory_equal(hashes->hashes, expected->hashes,
				    expected->count * digest_size(expected->algorithm));
	if (expected->lengths == NULL)
		assert_null(hashes->lengths);
	else
		assert_memory_equal(hashes->lengths, expected->lengths,
				    expected->count * sizeof(uint32_t));
}

/* Pieces of LENGTHS, hashed one by one. */
static struct content_hashes model(unsigned version, enum digest_algorithm algorithm,
				   const struct octets *content, const uint32_t *lengths,
				   uint32_t count)
{
	size_t hash_size = digest_size(algorithm), at = 0;
	struct content_hashes hashes = {version, algorithm, content->size, count, NULL, NULL};

	if (count == 0)
		return hashes;
	hashes.hashes = malloc(count * hash_size);
	if (version == 2) {
		hashes.lengths = malloc(count * sizeof(*lengths));
		memcpy(hashes.lengths, lengths, count * sizeof(*lengths));
	}
	for (uint32_t i = 0; i < count; at += lengths[i++])
		assert_int_equal(digest_hash(algorithm, content->data + at, lengths[i],
					     hashes.hashes + i * hash_size),
				 0);
	assert_int_equal(at, content->size);
	return hashes;
}

/* FIXED 0: cut by content. */
static uint32_t *cut(const struct octets *content, uint32_t fixed, uint32_t *count_out)
{
	uint32_t *lengths = calloc(content->size / CUTTER_SEGMENT_MIN + 2, sizeof(*lengths));
	struct cutter cutter;
	size_t at = 0;

	cutter_start(&cutter, fixed);
	for (*count_out = 0; at < content->size; at += lengths[(*count_out)++])
		lengths[*count_out] =
			cutter_next(&cutter, content->data + at, content->size - at, true);
	return lengths;
}

static void check_portions(unsigned version, uint32_t fixed, const struct octets *content)
{
	static const size_t largest[] = {3000, 65536, 131072, 200000, 5000000};
	enum digest_algorithm algorithm = version == 1 ? DIGEST_SHA256 : DIGEST_SHA512_TRUNC256;
	uint32_t count, *lengths = cut(content, version == 1 ? 65536 : fixed, &count);
	struct content_hashes expected = model(version, algorithm, content, lengths, count);

	for (int helped = 0; helped < 2; helped++) {
		struct content_build *build =
			builder(version, algorithm, fixed, helped ? pool : NULL);

		for (size_t i = 0; i < sizeof(largest) / sizeof(largest[0]); i++) {
			struct content_hashes hashes;

			add_portions(build, content, largest[i]);
			assert_int_equal(content_build_end(build, &hashes), 0);
			assert_same(&hashes, &expected);
			content_hashes_clear(&hashes);
		}
		content_build_free(build);
	}
	content_hashes_clear(&expected);
	free(lengths);
}

static void portions_make_no_difference(void **state)
{
	static const size_t sizes[] = {0,       1,       65535,   65536,   65537,   131072, 131073,
				       1048575, 1048576, 1048577, 1179648, 5000001, 9437184};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct octets content = random_content(sizes[i], 7);

		check_portions(1, 0, &content);
		check_portions(2, 0, &content);
		check_portions(2, 32768, &content);
		check_portions(2, 131072, &content);
		octets_free(&content);
	}
}

struct written {
	uint8_t *data;
	size_t size, room;
};

static int put(void *owner, const void *data, size_t size)
{
	struct written *written = owner;

	if (size > written->room - written->size) {
		written->room = 2 * written->room + size;
		written->data = realloc(written->data, written->room);
		assert_non_null(written->data);
	}
	memcpy(written->data + written->size, data, size);
	written->size += size;
	return 0;
}

static enum digest_algorithm algorithm_named(const char *name)
{
	enum digest_algorithm algorithm = 0;

	while (strcmp(digest_name(algorithm), name) != 0)
		algorithm++;
	return algorithm;
}

static const json_t *canonical(const json_t *vector)
{
	const json_t *form;
	size_t index;

	json_array_foreach(vectors_list(vector, "forms"), index,
			   form) if (vectors_true(form, "canonical")) return form;
	fail_msg("no canonical form");
	return NULL;
}

static void check_written(const struct content_hashes *hashes, const json_t *vector)
{
	struct octets key = vectors_octets(vector, "secret_key");
	struct written written = {0};
	uint8_t ks[DIGEST_SIZE_MAX], hash[32];
	uint64_t start = 0, length = hashes->size, size = 0;
	struct secret *secret;
	const json_t *form;
	int error;

	assert_int_equal(secret_create(key.data, key.size, &secret), 0);
	assert_int_equal(secret_server(secret, hashes->algorithm, ks), 0);
	if (json_object_get(vector, "range") != NULL)
		vectors_pair(json_object_get(vector, "range"), &start, &length);
	error = content_hashes_write(hashes, ks, start, length, &size, put, &written);
	if (vectors_true(vector, "refuse")) {
		assert_int_equal(error, -EINVAL);
		assert_int_equal(written.size, 0);
	} else {
		form = canonical(vector);
		assert_int_equal(error, 0);
		assert_int_equal(size, written.size);
		assert_int_equal(size, vectors_number(form, "info_size"));
		EVP_Digest(written.data, written.size, hash, NULL, EVP_sha256(), NULL);
		assert_json_hex(hash, sizeof(hash), form, "info_sha256");
	}
	free(written.data);
	secret_free(secret);
	octets_free(&key);
}

static void version_1_is_that_of_the_vectors(void **state)
{
	json_t *loaded = vectors_load("v1.json");
	const json_t *vector;
	size_t index;

	(void)state;
	json_array_foreach(vectors_list(loaded, "vectors"), index, vector)
	{
		struct octets content = vectors_content(json_object_get(vector, "content"));
		struct content_build *build =
			builder(1, algorithm_named(vectors_text(vector, "hash")), 0, pool);
		struct content_hashes hashes;

		add_portions(build, &content, 3000000);
		assert_int_equal(content_build_end(build, &hashes), 0);
		check_written(&hashes, vector);
		content_hashes_clear(&hashes);
		content_build_free(build);
		octets_free(&content);
	}
	json_decref(loaded);
}

/* The lengths a vector is given for, or NULL and one fixed length. */
static uint32_t *given_lengths(const json_t *vector, uint32_t *count_out, uint32_t *fixed_out)
{
	const json_t *given = json_object_get(vector, "segment_lengths");
	uint32_t *lengths;

	*fixed_out = (uint32_t)json_integer_value(json_object_get(given, "fixed"));
	*count_out = (uint32_t)json_array_size(given);
	if (*fixed_out != 0)
		return NULL;
	lengths = calloc(*count_out + 1, sizeof(*lengths));
	for (uint32_t i = 0; i < *count_out; i++)
		lengths[i] = (uint32_t)json_integer_value(json_array_get(given, i));
	return lengths;
}

static struct content_hashes build_v2(const struct octets *content, uint32_t fixed)
{
	struct content_build *build = builder(2, DIGEST_SHA512_TRUNC256, fixed, pool);
	struct content_hashes hashes;

	add_portions(build, content, 300000);
	assert_int_equal(content_build_end(build, &hashes), 0);
	content_build_free(build);
	return hashes;
}

static void check_v2(const json_t *vector, unsigned *built)
{
	struct octets content = vectors_content(json_object_get(vector, "content"));
	uint32_t count, fixed, *lengths = given_lengths(vector, &count, &fixed);
	struct content_hashes hashes;

	if (lengths == NULL || strstr(vectors_text(vector, "name"), "content-defined") != NULL) {
		++*built;
		hashes = build_v2(&content, fixed);
	} else {
		hashes = model(2, DIGEST_SHA512_TRUNC256, &content, lengths, count);
	}
	check_written(&hashes, vector);
	content_hashes_clear(&hashes);
	free(lengths);
	octets_free(&content);
}

static void version_2_is_that_of_the_vectors(void **state)
{
	json_t *loaded = vectors_load("v2.json");
	const json_t *vector;
	unsigned built = 0;
	size_t index;

	(void)state;
	json_array_foreach(vectors_list(loaded, "vectors"), index, vector) check_v2(vector, &built);
	assert_int_equal(built, 4);
	json_decref(loaded);
}

static int put_nothing_more(void *owner, const void *data, size_t size)
{
	(void)data;
	(void)size;
	return --*(int *)owner < 0 ? -ENOSPC : 0;
}

static void writing_ends_when_no_more_is_taken(void **state)
{
	struct octets content = random_content(200000, 8);
	uint8_t ks[DIGEST_SIZE_MAX] = {0};

	(void)state;
	for (unsigned version = 1; version <= 2; version++) {
		struct content_build *build = builder(version, DIGEST_SHA256, 0, NULL);
		struct content_hashes hashes;

		add_portions(build, &content, 200000);
		assert_int_equal(content_build_end(build, &hashes), 0);
		for (int portions = 0; portions < 3; portions++) {
			int left = portions;

			assert_int_equal(content_hashes_write(&hashes, ks, 0, content.size, NULL,
							      put_nothing_more, &left),
					 -ENOSPC);
			assert_int_equal(left, -1);
		}
		content_hashes_clear(&hashes);
		content_build_free(build);
	}
	octets_free(&content);
}

static void ranges_beyond_the_content_are_refused(void **state)
{
	static const uint64_t ranges[][2] = {{0, 0}, {5, 0}, {5, 1}, {0, 6}, {4, UINT64_MAX}};
	struct octets content = random_content(5, 9);
	uint8_t ks[DIGEST_SIZE_MAX] = {0};

	(void)state;
	for (unsigned version = 1; version <= 2; version++) {
		struct content_build *build = builder(version, DIGEST_SHA256, 0, NULL);
		struct content_hashes hashes;

		add_portions(build, &content, 5);
		assert_int_equal(content_build_end(build, &hashes), 0);
		for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
			assert_int_equal(content_hashes_write(&hashes, ks, ranges[i][0],
							      ranges[i][1], NULL, NULL, NULL),
					 -EINVAL);
		content_hashes_clear(&hashes);
		content_build_free(build);
	}
	octets_free(&content);
}

static FILE *file_of(const struct octets *content)
{
	FILE *file = tmpfile();

	assert_non_null(file);
	assert_int_equal(fwrite(content->data, 1, content->size, file), content->size);
	assert_int_equal(fflush(file), 0);
	return file;
}

static void check_file(unsigned version, size_t before, const struct octets *content)
{
	struct octets part = {content->data + 1000, content->size - 3000};
	struct content_build *build = builder(version, DIGEST_SHA256, 0, pool);
	struct content_hashes hashes, expected;
	FILE *file = file_of(content);

	assert_int_equal(content_build_add(build, content->data, before), 0);
	add_portions(build, &part, 100000);
	assert_int_equal(content_build_end(build, &expected), 0);
	assert_int_equal(content_build_add(build, content->data, before), 0);
	assert_int_equal(content_build_add_file(build, fileno(file), 1000, part.size), 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(content_build_end(build, &hashes), 0);
	assert_same(&hashes, &expected);
	content_hashes_clear(&hashes);
	content_hashes_clear(&expected);
	content_build_free(build);
}

static void files_give_what_their_octets_give(void **state)
{
	static const size_t sizes[] = {3001, 68536, 68537, 300000, 2100152, 3500000, 12000000};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct octets content = random_content(sizes[i], 10);

		for (unsigned version = 1; version <= 2; version++) {
			check_file(version, 0, &content);
			check_file(version, 1, &content);
		}
		octets_free(&content);
	}
}

/* The file ends MISSING octets early. */
static void check_short_file(struct content_build *build, const struct octets *content,
			     uint64_t missing)
{
	struct content_hashes hashes = {.version = 77};
	FILE *file = file_of(content);

	assert_int_equal(content_build_add_file(build, fileno(file), 0, content->size + missing),
			 -ENODATA);
	assert_int_equal(content_build_add(build, "x", 1), -ENODATA);
	assert_int_equal(content_build_end(build, &hashes), -ENODATA);
	assert_int_equal(hashes.version, 77);
	assert_int_equal(content_build_add_file(build, fileno(file), 0, content->size), 0);
	assert_int_equal(content_build_end(build, &hashes), 0);
	assert_int_equal(hashes.size, content->size);
	assert_int_equal(hashes.count, (content->size + 65535) / 65536);
	content_hashes_clear(&hashes);
	assert_int_equal(fclose(file), 0);
}

static void after_a_file_that_ends_early_the_next_content_is_sound(void **state)
{
	struct octets content = random_content(2500000, 11);
	struct content_build *build = builder(1, DIGEST_SHA256, 0, pool);

	(void)state;
	check_short_file(build, &content, 1);
	check_short_file(build, &content, 10000000);
	check_short_file(build, &content, INT64_MAX - content.size);
	content_build_free(build);
	octets_free(&content);
}

static void a_builder_holds_few_buffers(void **state)
{
	enum { BUFFERS_MAX = 2048 };
	struct content_build *build = builder(1, DIGEST_SHA256, 0, pool);
	size_t allowed = 1 + (size_t)sysconf(_SC_NPROCESSORS_ONLN), count = 0, size;
	const void *seen[BUFFERS_MAX];
	void *room;

	(void)state;
	for (unsigned i = 0; i < 4 * allowed; i++) {
		size_t known = 0;

		assert_int_equal(content_build_room(build, &room, &size), 0);
		assert_int_equal(size, CONTENT_BUILD_BUFFER);
		memset(room, (int)i, size);
		content_build_filled(build, size);
		while (known < count && seen[known] != room)
			known++;
		seen[known] = room;
		count += known == count;
	}
	assert_true(count >= 2 && count <= allowed);
	content_build_free(build); /* what was not ended is given up */
}

/* Shrunk after every portion. */
static void add_shrinking(struct content_build *build, const struct octets *content, size_t largest)
{
	uint32_t random = (uint32_t)largest + 1;

	content_build_shrink(build);
	for (size_t at = 0; at < content->size;) {
		size_t portion = 1 + next_random(&random) % largest;

		if (portion > content->size - at)
			portion = content->size - at;
		assert_int_equal(content_build_add(build, content->data + at, portion), 0);
		content_build_shrink(build);
		content_build_shrink(build);
		at += portion;
	}
}

static void check_shrinking(const struct octets *content, unsigned version, struct pool *helpers)
{
	static const size_t largest[] = {5000, 100000, 3000000};
	struct content_build *plain = builder(version, DIGEST_SHA256, 0, helpers);
	struct content_build *build = builder(version, DIGEST_SHA256, 0, helpers);
	struct content_hashes hashes, expected;

	add_portions(plain, content, 1000000);
	assert_int_equal(content_build_end(plain, &expected), 0);
	for (unsigned i = 0; i < 3; i++) {
		add_shrinking(build, content, largest[i]);
		assert_int_equal(content_build_end(build, &hashes), 0);
		assert_same(&hashes, &expected);
		content_hashes_clear(&hashes);
	}
	add_shrinking(build, content, 7000); /* and is given up */
	content_hashes_clear(&expected);
	content_build_free(plain);
	content_build_free(build);
}

static void shrinking_makes_no_difference(void **state)
{
	struct octets content = random_content(5000000, 12);

	(void)state;
	memset(content.data + 1500000, 0, 700000);
	for (unsigned version = 1; version <= 2; version++) {
		check_shrinking(&content, version, NULL);
		check_shrinking(&content, version, pool);
	}
	octets_free(&content);
}

/* Allocated by the process, in octets. */
static size_t allocated(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

static void a_shrunk_builder_holds_little(void **state)
{
	enum { BUILDERS = 20 };
	struct octets content = random_content(3000000, 13);
	struct content_build *builds[BUILDERS];
	size_t before = allocated();

	(void)state;
	for (unsigned i = 0; i < BUILDERS; i++) {
		builds[i] = builder(1 + i % 2, DIGEST_SHA256, 0, NULL);
		add_portions(builds[i], &content, 200000);
		content_build_shrink(builds[i]);
	}
	/* Without, each has two buffers. ASan's allocator does not count. */
	assert_true(allocated() - before < BUILDERS * (CUTTER_SEGMENT_MAX + 50000u));
	for (unsigned i = 0; i < BUILDERS; i++)
		content_build_free(builds[i]);
	octets_free(&content);
}

static void impossible_options_are_refused(void **state)
{
	static const struct content_build_options wrong[] = {
		{.version = 0},
		{.version = 3},
		{.version = 1, .algorithm = DIGEST_SHA512_TRUNC256},
		{.version = 2, .fixed = CUTTER_SEGMENT_MIN - 1},
		{.version = 2, .fixed = CUTTER_SEGMENT_MAX + 1},
	};
	struct content_build *build;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(content_build_create(&wrong[i], &build), -EINVAL);
	content_build_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(portions_make_no_difference),
		cmocka_unit_test(version_1_is_that_of_the_vectors),
		cmocka_unit_test(version_2_is_that_of_the_vectors),
		cmocka_unit_test(writing_ends_when_no_more_is_taken),
		cmocka_unit_test(ranges_beyond_the_content_are_refused),
		cmocka_unit_test(files_give_what_their_octets_give),
		cmocka_unit_test(after_a_file_that_ends_early_the_next_content_is_sound),
		cmocka_unit_test(a_builder_holds_few_buffers),
		cmocka_unit_test(shrinking_makes_no_difference),
		cmocka_unit_test(a_shrunk_builder_holds_little),
		cmocka_unit_test(impossible_options_are_refused),
	};

	return cmocka_run_group_tests(tests, make_pool, end_pool);
}
