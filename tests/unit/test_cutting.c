/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Cuttings: units touch, do not overlap and cover the content.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

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
		cmocka_unit_test(impossible_lengths_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
