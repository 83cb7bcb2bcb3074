/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Sets of indexes against a plain array of flags.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "peer/range_set.h"

#define LARGEST 512u

struct pair {
	uint32_t size;
	uint64_t set[RANGE_SET_WORDS(LARGEST)];
	bool model[LARGEST];
};

static void add(struct pair *pair, struct range range)
{
	range_set_add(pair->set, pair->size, range);
	for (uint64_t i = range.index; i < (uint64_t)range.index + range.count && i < pair->size;
	     i++)
		pair->model[i] = true;
}

static bool model_meets(const struct pair *pair, struct range range)
{
	for (uint64_t i = range.index; i < (uint64_t)range.index + range.count && i < pair->size;
	     i++)
		if (pair->model[i])
			return true;
	return false;
}

/* Ranges in order give exactly the flags, and no two of them touch. */
static void check_same(const struct pair *pair)
{
	struct range range = {0, 0};
	uint64_t at = 0;
	uint32_t ranges = 0;

	while (range_set_next(pair->set, pair->size, at, &range)) {
		assert_true(range.count > 0 && range.index + range.count <= pair->size);
		assert_true(ranges == 0 || range.index > at);
		for (; at < range.index; at++)
			assert_false(pair->model[at]);
		for (; at < range.index + range.count; at++)
			assert_true(pair->model[at]);
		ranges++;
	}
	for (; at < pair->size; at++)
		assert_false(pair->model[at]);
	assert_int_equal(range_set_ranges(pair->set, pair->size), ranges);
	for (uint32_t i = 0; i < LARGEST + 2; i++)
		assert_int_equal(range_set_has(pair->set, pair->size, i),
				 i < pair->size && pair->model[i]);
	for (uint32_t i = pair->size; i < LARGEST; i++)
		assert_int_equal(pair->set[i / 64] >> i % 64 & 1, 0);
}

static const uint32_t sizes[] = {1, 2, 63, 64, 65, 127, 128, 129, 500, 511, 512};
#define SIZES (sizeof(sizes) / sizeof(sizes[0]))

static void every_single_range(void **state)
{
	(void)state;
	for (size_t s = 0; s < SIZES; s++)
		for (uint32_t index = 0; index < sizes[s]; index += 1 + index / 70)
			for (uint32_t count = 0; count < sizes[s] + 2; count += 1 + count / 66) {
				struct pair pair = {.size = sizes[s]};

				add(&pair, (struct range){index, count});
				check_same(&pair);
			}
}

static void far_ranges(void **state)
{
	static const struct range far[] = {{0, UINT32_MAX}, {UINT32_MAX, UINT32_MAX},
					   {UINT32_MAX, 1}, {5, UINT32_MAX},
					   {512, 1},        {511, 2},
					   {512, 0},        {0, 0}};

	(void)state;
	for (size_t s = 0; s < SIZES; s++)
		for (size_t i = 0; i < sizeof(far) / sizeof(far[0]); i++) {
			struct pair pair = {.size = sizes[s]};

			assert_false(range_set_meets(pair.set, pair.size, far[i]));
			add(&pair, far[i]);
			check_same(&pair);
			assert_int_equal(range_set_meets(pair.set, pair.size, far[i]),
					 model_meets(&pair, far[i]));
		}
}

static struct range some_range(unsigned *seed, uint32_t size)
{
	return (struct range){(uint32_t)rand_r(seed) % (size + 3), (uint32_t)rand_r(seed) % 70};
}

static void many_ranges_meet_and_keep(void **state)
{
	unsigned seed = 1;

	(void)state;
	for (int round = 0; round < 2000; round++) {
		struct pair one = {.size = sizes[(size_t)round % SIZES]}, other = one;

		for (int i = 0; i < round % 9; i++) {
			struct range range = some_range(&seed, one.size);

			assert_int_equal(range_set_meets(one.set, one.size, range),
					 model_meets(&one, range));
			add(&one, range);
			add(&other, some_range(&seed, one.size));
		}
		check_same(&one);
		range_set_keep(one.set, other.set, one.size);
		for (uint32_t i = 0; i < one.size; i++)
			one.model[i] = one.model[i] && other.model[i];
		check_same(&one);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_single_range),
		cmocka_unit_test(far_ranges),
		cmocka_unit_test(many_ranges_meet_and_keep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
