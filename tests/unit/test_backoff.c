/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Waits drawn by lot stay within their bounds, and reach them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "peer/backoff.h"

static void an_answer_waits_1_to_65_ms(void **state)
{
	(void)state;
	assert_int_equal(backoff_answer_ms(BACKOFF_ANSWER_MAX_MS, 0), 1);
	assert_int_equal(backoff_answer_ms(BACKOFF_ANSWER_MAX_MS, UINT32_MAX), 65);
	assert_int_equal(backoff_answer_ms(BACKOFF_ANSWER_MAX_MS, UINT32_MAX / 2), 33);
}

static void every_wait_is_as_likely(void **state)
{
	unsigned counts[66] = {0};

	(void)state;
	for (uint32_t i = 0; i < 65000; i++)
		counts[backoff_answer_ms(65, (uint32_t)(((uint64_t)i << 32) / 65000))]++;
	assert_int_equal(counts[0], 0);
	for (unsigned i = 1; i <= 65; i++)
		assert_in_range(counts[i], 999, 1001);
}

static void a_copy_waits_50_to_100_ms(void **state)
{
	(void)state;
	assert_int_equal(backoff_copy_ms(0), 50);
	assert_int_equal(backoff_copy_ms(UINT32_MAX), 100);
}

static void bounds_that_are_nothing_do_no_harm(void **state)
{
	(void)state;
	assert_int_equal(backoff_answer_ms(0, UINT32_MAX), 1);
	assert_int_equal(backoff_answer_ms(1, UINT32_MAX), 1);
	assert_int_equal(backoff_between(0, UINT32_MAX, UINT32_MAX), UINT32_MAX);
	assert_int_equal(backoff_between(7, 3, 5), 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_waits_1_to_65_ms),
		cmocka_unit_test(every_wait_is_as_likely),
		cmocka_unit_test(a_copy_waits_50_to_100_ms),
		cmocka_unit_test(bounds_that_are_nothing_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
