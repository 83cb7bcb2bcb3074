/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "peer/pace.h"

#define NOW 5000000

static struct pace pace;

/* The delay, or -1. */
static int book(uint32_t size, unsigned wait_ms, int64_t now_ms)
{
	unsigned delay_ms;

	return pace_book(&pace, size, wait_ms, now_ms, &delay_ms) ? (int)delay_ms : -1;
}

static void no_rate_is_no_limit(void **state)
{
	(void)state;
	pace_begin(&pace, 0, NOW);
	for (int i = 0; i < 100; i++)
		assert_int_equal(book(UINT32_MAX, 0, NOW), 0);
}

static void portions_wait_for_those_before(void **state)
{
	(void)state;
	pace_begin(&pace, 1000000, NOW);
	assert_int_equal(book(65536, 1000, NOW), 0);
	assert_int_equal(book(65536, 1000, NOW), 66);
	assert_int_equal(book(65536, 1000, NOW), 132);
	assert_int_equal(book(65536, 1000, NOW + 100), 97);
	assert_int_equal(book(65536, 1000, NOW + 300), 0);
}

static void what_would_wait_too_long_is_not_booked(void **state)
{
	(void)state;
	pace_begin(&pace, 1000, NOW);
	assert_int_equal(book(1500, 1000, NOW), 0);
	assert_int_equal(book(1, 1000, NOW), -1);
	assert_int_equal(book(1, 1499, NOW), -1);
	assert_int_equal(book(1, 1000, NOW + 499), -1);
	assert_int_equal(book(1, 1000, NOW + 500), 1000);
	assert_int_equal(book(1, 1000, NOW + 501), 1000);
}

static void little_is_saved(void **state)
{
	(void)state;
	pace_begin(&pace, 1000, NOW);
	assert_int_equal(book(100, 1000, NOW + 1000000), 0);
	assert_int_equal(book(100, 1000, NOW + 1000000), 0);
	assert_int_equal(book(100, 1000, NOW + 1000000), 100);
}

static void clock_may_go_back(void **state)
{
	(void)state;
	pace_begin(&pace, 1000, NOW);
	assert_int_equal(book(100, 1000, NOW - 500), 500);
	assert_int_equal(book(100, 1000, NOW - 5000), -1);
}

static void highest_rate_and_largest_portion_fit(void **state)
{
	(void)state;
	pace_begin(&pace, UINT64_MAX, NOW);
	assert_int_equal(book(UINT32_MAX, 0, NOW), 0);
	assert_int_equal(book(UINT32_MAX, 0, NOW), 0);
	pace_begin(&pace, 1, NOW);
	assert_int_equal(book(UINT32_MAX, 0, NOW), 0);
	assert_int_equal(book(1, 1000, NOW + 1000), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_rate_is_no_limit),
		cmocka_unit_test(portions_wait_for_those_before),
		cmocka_unit_test(what_would_wait_too_long_is_not_booked),
		cmocka_unit_test(little_is_saved),
		cmocka_unit_test(clock_may_go_back),
		cmocka_unit_test(highest_rate_and_largest_portion_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
