/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "origin/file_stamps.h"

#define TICK FILE_STAMPS_TICK_NS
#define WHOLE FILE_STAMPS_WHOLE_SECONDS_NS
#define SECOND 1000000000ll

/* Of a file changed at SECONDS and NANOSECONDS, AGE later. */
static int64_t unsettled(int64_t seconds, int64_t nanoseconds, int64_t age)
{
	int64_t then = nanoseconds + age;
	const struct stat status = {.st_ctim = {seconds, (long)nanoseconds},
				    .st_mtim = {1000, 0}}; /* set by somebody, and counts not */
	const struct timespec now = {seconds + then / SECOND, (long)(then % SECOND)};

	return file_stamps_unsettled_ns(&status, &now);
}

static void a_tick_is_waited_for(void **state)
{
	(void)state;
	assert_int_equal(unsettled(1000000, 500, 0), TICK);
	assert_int_equal(unsettled(1000000, 500, 1), TICK - 1);
	assert_int_equal(unsettled(1000000, 500, TICK - 1), 1);
	assert_int_equal(unsettled(1000000, 500, TICK), 0);
	assert_int_equal(unsettled(1000000, 500, 3 * SECOND), 0);
}

static void the_second_may_end_meanwhile(void **state)
{
	(void)state;
	assert_int_equal(unsettled(1000000, SECOND - 1, 2), TICK - 2);
	assert_int_equal(unsettled(1000000, SECOND - 1, TICK), 0);
}

static void whole_seconds_take_longer(void **state)
{
	(void)state;
	assert_int_equal(unsettled(1000000, 0, 0), WHOLE);
	assert_int_equal(unsettled(1000000, 0, WHOLE - 1), 1);
	assert_int_equal(unsettled(1000000, 0, WHOLE), 0);
}

static void what_is_to_come_is_by_another_clock(void **state)
{
	const struct timespec now = {1000, 0};
	struct stat status = {.st_ctim = {1000, 1}};

	(void)state;
	assert_int_equal(file_stamps_unsettled_ns(&status, &now), 0);
	status.st_ctim.tv_sec = INT64_MAX;
	assert_int_equal(file_stamps_unsettled_ns(&status, &now), 0);
	status.st_ctim.tv_sec = INT64_MIN;
	assert_int_equal(file_stamps_unsettled_ns(&status, &now), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tick_is_waited_for),
		cmocka_unit_test(the_second_may_end_meanwhile),
		cmocka_unit_test(whole_seconds_take_longer),
		cmocka_unit_test(what_is_to_come_is_by_another_clock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
