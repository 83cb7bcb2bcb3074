/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Cuttings: units touch, do not overlap and cover the content.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cache/cutting.h"

/* Every unit follows its neighbour, and is found from its first and its last octet. */
static void check_cover(const struct cutting *cutting)
{
	uint64_t offset = 0;

	for (uint32_t unit = 0; unit < cutting_count(cutting); unit++) {
		uint32_t length = cutting_length(cutting, unit);

		assert_in_range(length, 1, CUTTING_UNIT_MAX);
		assert_int_equal(cutting_offset(cutting, unit), offset);
		assert_int_equal(cutting_unit_at(cutting, offset), unit);
		assert_int_equal(cutting_unit_at(cutting, offset + length - 1), unit);
		offset += length;
	}
	assert_int_equal(cutting_size(cutting), offset);
}

static void uniform_units_cover_any_size(void **state)
{
	static const uint64_t sizes[] = {0, 1, 65535, 65536, 65537, 10000000};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct cutting *cutting;

		assert_int_equal(cutting_uniform(sizes[i], &cutting), 0);
		assert_int_equal(cutting_size(cutting), sizes[i]);
		assert_int_equal(cutting_count(cutting), (sizes[i] + 65535) / 65536);
		assert_true(cutting_is_uniform(cutting));
		check_cover(cutting);
		cutting_free(cutting);
	}
}

static void largest_uniform_content_is_the_one_with_the_most_units(void **state)
{
	uint64_t largest = (uint64_t)UINT32_MAX * CUTTING_UNIT;
	struct cutting *cutting;

	(void)state;
	assert_int_equal(cutting_uniform(largest, &cutting), 0);
	assert_int_equal(cutting_unit_at(cutting, largest - 1), UINT32_MAX - 1);
	assert_int_equal(cutting_length(cutting, UINT32_MAX - 1), CUTTING_UNIT);
	cutting_free(cutting);
	assert_int_equal(cutting_uniform(largest + 1, &cutting), -EFBIG);
	assert_int_equal(cutting_uniform(UINT64_MAX, &cutting), -EFBIG);
}

static void listed_units_cover_their_sum(void **state)
{
	uint32_t lengths[1000];

	(void)state;
	for (uint32_t i = 0; i < 1000; i++)
		lengths[i] = 1 + i * 7919 % CUTTING_UNIT_MAX;
	for (uint32_t count = 0; count <= 1000; count += count < 130 ? 1 : 290) {
		struct cutting *cutting;

		assert_int_equal(cutting_listed(lengths, count, &cutting), 0);
		assert_int_equal(cutting_count(cutting), count);
		assert_false(cutting_is_uniform(cutting));
		check_cover(cutting);
		for (uint32_t unit = 0; unit < count; unit++)
			assert_int_equal(cutting_length(cutting, unit), lengths[unit]);
		cutting_free(cutting);
	}
}

static int unpack(const void *packed, size_t size, struct cutting **cutting_out)
{
	void *copy = calloc(1, size + CUTTING_PACKED_SLACK);
	int error;

	assert_non_null(copy);
	if (size > 0)
		memcpy(copy, packed, size);
	error = cutting_unpack(&copy, size, cutting_out);
	assert_int_equal(copy == NULL, error == 0);
	free(copy);
	return error;
}

static void packed_lists_are_the_same_again(void **state)
{
	uint32_t lengths[1000];

	(void)state;
	for (uint32_t i = 0; i < 1000; i++)
		lengths[i] = i % 3 == 0 ? CUTTING_UNIT_MAX : 1 + i * 7919 % CUTTING_UNIT_MAX;
	for (uint32_t count = 0; count <= 1000; count++) {
		struct cutting *cutting, *again;
		const void *packed;
		size_t size;

		assert_int_equal(cutting_listed(lengths, count, &cutting), 0);
		packed = cutting_packed(cutting, &size);
		assert_true(size <= count * 17 / 8 + 1);
		assert_int_equal(unpack(packed, size, &again), 0);
		assert_int_equal(cutting_count(again), count);
		assert_true(cutting_equal(cutting, again));
		check_cover(again);
		cutting_free(again);
		if (count > 0) {
			assert_int_equal(cutting_listed(lengths, count - 1, &again), 0);
			assert_false(cutting_equal(cutting, again));
			cutting_free(again);
		}
		cutting_free(cutting);
	}
}

static void uniform_and_listed_are_not_equal(void **state)
{
	const uint32_t length = 5;
	struct cutting *uniform, *listed;
	size_t size;

	(void)state;
	assert_int_equal(cutting_uniform(5, &uniform), 0);
	assert_int_equal(cutting_listed(&length, 1, &listed), 0);
	assert_false(cutting_equal(uniform, listed));
	assert_true(cutting_equal(uniform, uniform));
	assert_null(cutting_packed(uniform, &size));
	assert_int_equal(size, 0);
	cutting_free(uniform);
	cutting_free(listed);
}

static void impossible_packed_sizes_are_refused(void **state)
{
	struct cutting *cutting;

	(void)state;
	/* One octet holds no length, two neither, four hold one and half of the next. */
	assert_int_equal(unpack("a", 1, &cutting), -EBADMSG);
	assert_int_equal(unpack("ab", 2, &cutting), -EBADMSG);
	assert_int_equal(unpack("abcd", 4, &cutting), -EBADMSG);
	assert_int_equal(unpack("abc", 3, &cutting), 0);
	assert_int_equal(cutting_count(cutting), 1);
	cutting_free(cutting);
}

static void impossible_lengths_are_refused(void **state)
{
	const uint32_t zero[] = {5, 0, 5}, long_one[] = {5, CUTTING_UNIT_MAX + 1};
	struct cutting *cutting;

	(void)state;
	assert_int_equal(cutting_listed(zero, 3, &cutting), -EINVAL);
	assert_int_equal(cutting_listed(long_one, 2, &cutting), -EINVAL);
	cutting_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(uniform_units_cover_any_size),
		cmocka_unit_test(largest_uniform_content_is_the_one_with_the_most_units),
		cmocka_unit_test(listed_units_cover_their_sum),
		cmocka_unit_test(packed_lists_are_the_same_again),
		cmocka_unit_test(uniform_and_listed_are_not_equal),
		cmocka_unit_test(impossible_packed_sizes_are_refused),
		cmocka_unit_test(impossible_lengths_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
