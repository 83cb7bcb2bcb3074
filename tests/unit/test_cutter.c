/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Cutters: every way that this processor can go gives the cuts of the vectors, and those of a
 * model written down from the description with no thought of speed. Contents lie in blocks of
 * exactly their size, so that a sanitizer sees what reads on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "cache/cutter.h"
#include "tests/unit/content_vectors.h"

static uint64_t push[256], drop[256];

static uint64_t times_x(uint64_t v)
{
	return v << 1 ^ (v >> 63 ? 0xF2B5D42C384A2167u : 0);
}

static uint64_t times_x_to(uint64_t v, unsigned power)
{
	while (power-- > 0)
		v = times_x(v);
	return v;
}

static int make_model(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 256; i++) {
		push[i] = times_x_to(i, 64);
		drop[i] = times_x_to(i, 120);
	}
	return 0;
}

static uint64_t slide(uint64_t v, uint8_t enters, uint8_t leaves)
{
	v ^= drop[leaves];
	return v << 8 ^ enters ^ push[v >> 56];
}

static uint64_t window_hash(const uint8_t *end)
{
	uint64_t v = 0;

	for (int i = -16; i < 0; i++)
		v = slide(v, end[i], 0);
	return v;
}

static bool matches(uint64_t v, unsigned bits)
{
	return ((v ^ 0x5555) & ((1u << bits) - 1)) == 0;
}

static uint32_t zero_run(const uint8_t *data, uint32_t limit)
{
	uint32_t run = 0;

	while (run < limit && data[run] == 0)
		run++;
	return run;
}

static uint32_t model_next(const uint8_t *data, size_t left, bool *zero_runs)
{
	uint32_t limit = left < 131072 ? (uint32_t)left : 131072, best[16] = {0}, length = 131072;
	uint64_t v;

	if (left < 32768)
		return limit;
	if (*zero_runs && zero_run(data, 32768) == 32768)
		return zero_run(data, limit);
	*zero_runs = true;
	v = window_hash(data + 32768);
	for (uint32_t e = 32768;; e++) {
		if (matches(v, 16))
			return e;
		for (unsigned n = 12; n < 16; n++)
			if (matches(v, n))
				best[n] = e;
		if (e == limit)
			break;
		v = slide(v, data[e], data[e - 16]);
	}
	if (limit < 131072)
		return limit;
	for (unsigned n = 12; n < 16; n++)
		if (best[n] != 0)
			length = best[n];
	*zero_runs = 131072 - length < 16;
	return length;
}

enum { SEGMENTS_MAX = 64 };

static size_t model_cut(const uint8_t *data, size_t size, uint32_t lengths[SEGMENTS_MAX])
{
	bool zero_runs = true;
	size_t count = 0;

	for (size_t at = 0; at < size; at += lengths[count++]) {
		assert_true(count < SEGMENTS_MAX);
		lengths[count] = model_next(data + at, size - at, &zero_runs);
	}
	return count;
}

/* Every way cuts all of DATA as the model does. */
static void check_ways(const uint8_t *data, size_t size)
{
	uint32_t lengths[SEGMENTS_MAX];
	size_t count = model_cut(data, size, lengths);

	for (enum cutter_way way = 0; way < CUTTER_WAYS; way++) {
		struct cutter cutter;
		size_t at = 0;

		if (!cutter_can_go(way))
			continue;
		cutter_start(&cutter, 0);
		cutter_go(&cutter, way);
		for (size_t i = 0; i < count; at += lengths[i++]) {
			uint32_t length = cutter_next(&cutter, data + at, size - at, true);

			if (length != lengths[i])
				fail_msg("%s: at %zu of %zu: %u, not %u", cutter_way_name(way), at,
					 size, length, lengths[i]);
		}
		assert_int_equal(cutter_next(&cutter, data + size, 0, true), 0);
	}
}

/* Deterministic, so that a failure comes again. */
static uint32_t next_random(uint32_t *random)
{
	*random ^= *random << 13;
	*random ^= *random >> 17;
	*random ^= *random << 5;
	return *random;
}

static uint8_t *random_content(size_t size, uint32_t *random)
{
	uint8_t *data = malloc(size > 0 ? size : 1);

	assert_non_null(data);
	for (size_t i = 0; i < size; i++)
		data[i] = (uint8_t)(next_random(random) >> 11);
	return data;
}

static void check_vector(const json_t *vector, enum cutter_way way)
{
	struct octets content = vectors_content(json_object_get(vector, "content"));
	const json_t *lengths = json_object_get(vector, "lengths");
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	uint8_t hash[32];
	struct cutter cutter;
	size_t at = 0, count = 0;

	assert_int_equal(EVP_DigestInit_ex(context, EVP_sha256(), NULL), 1);
	cutter_start(&cutter, 0);
	cutter_go(&cutter, way);
	for (; at < content.size; count++) {
		char text[16];
		uint32_t length = cutter_next(&cutter, content.data + at, content.size - at, true);
		int size = snprintf(text, sizeof(text), at > 0 ? ",%u" : "%u", length);

		assert_int_equal(EVP_DigestUpdate(context, text, (size_t)size), 1);
		if (json_array_size(lengths) > 0)
			assert_int_equal(length,
					 json_integer_value(json_array_get(lengths, count)));
		at += length;
	}
	assert_int_equal(count, vectors_number(vector, "count"));
	assert_int_equal(EVP_DigestFinal_ex(context, hash, NULL), 1);
	assert_json_hex(hash, sizeof(hash), vector, "lengths_sha256");
	EVP_MD_CTX_free(context);
	octets_free(&content);
}

static void check_vectors(enum cutter_way way)
{
	json_t *loaded;
	const json_t *vector;
	size_t index;

	if (!cutter_can_go(way)) {
		print_message("this processor has no %s\n", cutter_way_name(way));
		skip();
	}
	loaded = vectors_load("segmentation.json");
	json_array_foreach(vectors_list(loaded, "vectors"), index, vector)
		check_vector(vector, way);
	assert_true(index > 20);
	json_decref(loaded);
}

static void portable_way_cuts_the_vectors(void **state)
{
	(void)state;
	check_vectors(CUTTER_PORTABLE);
}

static void avx2_way_cuts_the_vectors(void **state)
{
	(void)state;
	check_vectors(CUTTER_AVX2);
}

static void avx512_way_cuts_the_vectors(void **state)
{
	(void)state;
	check_vectors(CUTTER_AVX512);
}

static void random_content_of_any_size_is_cut_as_described(void **state)
{
	uint32_t random = 1;

	(void)state;
	for (int i = 0; i < 60; i++) {
		size_t size =
			i < 40 ? 32700 + next_random(&random) % 200 : next_random(&random) % 600000;
		uint8_t *data = random_content(size, &random);

		check_ways(data, size);
		free(data);
	}
}

static void constant_content_is_cut_as_described(void **state)
{
	enum { SIZE = 131072 + 32768 + 7 };
	uint8_t *data = malloc(SIZE);

	(void)state;
	for (int value = 0; value < 256; value++) {
		memset(data, value, SIZE);
		check_ways(data, SIZE);
	}
	free(data);
}

static void runs_of_zeros_are_cut_as_described(void **state)
{
	enum { SIZE = 500000 };
	uint32_t random = 2;

	(void)state;
	for (int i = 0; i < 30; i++) {
		uint8_t *data = random_content(SIZE, &random);
		uint32_t from = next_random(&random) % 100000;
		uint32_t length = i % 3 == 0 ? 32760 + next_random(&random) % 16
					     : next_random(&random) % 300000;

		memset(data + (i % 2 == 0 ? 0 : from), 0, length);
		check_ways(data, SIZE);
		free(data);
	}
}

/* The last two bytes of a window stand in the low bits of its hash as they are, so any bits of the
 * hash can be had at every second position. */
static void force(uint8_t *end, unsigned bits, uint32_t *random)
{
	uint64_t v;
	uint16_t wanted = (uint16_t)(0x5555 ^ (bits < 16 ? 1u << bits : 0));

	if (bits < 15)
		wanted ^= (uint16_t)((next_random(random) & 0xffff) << (bits + 1));
	end[-1] = end[-2] = 0;
	v = window_hash(end) ^ wanted;
	end[-1] = (uint8_t)v;
	end[-2] = (uint8_t)(v >> 8);
}

static void content_full_of_partial_matches_is_cut_as_described(void **state)
{
	uint32_t random = 3;

	(void)state;
	for (int i = 0; i < 12; i++) {
		size_t size = 131072 + 32768 + next_random(&random) % 200;
		uint8_t *data = random_content(size, &random);
		size_t shift = (size_t)i % 2;

		for (size_t end = 32768 + shift; end <= size; end += 2)
			force(data + end, 8 + next_random(&random) % 8, &random);
		check_ways(data, size);
		free(data);
	}
}

/* At POSITION only, in content that has no match elsewhere. */
static void check_single_match(size_t position, unsigned bits, size_t size, uint32_t *random)
{
	uint8_t *data = malloc(size);

	memset(data, 1, size);
	force(data + position, bits, random);
	check_ways(data, size);
	free(data);
}

static void match_at_any_position_of_a_group_is_seen(void **state)
{
	uint32_t random = 4;

	(void)state;
	for (size_t i = 0; i < 130; i++) {
		check_single_match(32768 + i, 16, 40000, &random);
		check_single_match(40050 - i, 16, 40050, &random);
		check_single_match(32767 - i, 16, 32768 + i % 70, &random);
		check_single_match(131072 - i, 16, 131072, &random);
		check_single_match(131072 - i, 12 + i % 4, 131072, &random);
	}
}

static void nothing_is_decided_before_enough_is_in_sight(void **state)
{
	enum { SIZE = 1000000 };
	uint32_t random = 6;
	uint8_t *data = random_content(SIZE, &random);
	struct cutter cutter, other;
	size_t at = 0;

	(void)state;
	cutter_start(&cutter, 0);
	cutter_start(&other, 0);
	while (at < SIZE) {
		size_t left = SIZE - at;
		uint32_t length = cutter_next(&cutter, data + at, left, true);

		for (int i = 0; i < 20; i++)
			assert_int_equal(cutter_next(&other, data + at,
						     next_random(&random) % CUTTER_SEGMENT_MAX,
						     false),
					 0);
		/* What lies beyond makes no difference. */
		if (left >= CUTTER_SEGMENT_MAX)
			left = CUTTER_SEGMENT_MAX;
		assert_int_equal(cutter_next(&other, data + at, left, left < CUTTER_SEGMENT_MAX),
				 length);
		at += length;
	}
	free(data);
}

static void fixed_segments_have_the_length_wished(void **state)
{
	static const uint8_t zeros[140000];
	struct cutter cutter;

	(void)state;
	cutter_start(&cutter, 65536);
	assert_int_equal(cutter_next(&cutter, zeros, 65535, false), 0);
	assert_int_equal(cutter_next(&cutter, zeros, 65536, false), 65536);
	assert_int_equal(cutter_next(&cutter, zeros, sizeof(zeros), true), 65536);
	assert_int_equal(cutter_next(&cutter, zeros, 8928, true), 8928);
	assert_int_equal(cutter_next(&cutter, zeros, 0, true), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(portable_way_cuts_the_vectors),
		cmocka_unit_test(avx2_way_cuts_the_vectors),
		cmocka_unit_test(avx512_way_cuts_the_vectors),
		cmocka_unit_test(random_content_of_any_size_is_cut_as_described),
		cmocka_unit_test(constant_content_is_cut_as_described),
		cmocka_unit_test(runs_of_zeros_are_cut_as_described),
		cmocka_unit_test(content_full_of_partial_matches_is_cut_as_described),
		cmocka_unit_test(match_at_any_position_of_a_group_is_seen),
		cmocka_unit_test(nothing_is_decided_before_enough_is_in_sight),
		cmocka_unit_test(fixed_segments_have_the_length_wished),
	};

	return cmocka_run_group_tests(tests, make_model, NULL);
}
