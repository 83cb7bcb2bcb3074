/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Those who wait for content information are called back once, whatever comes first.
 */
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "origin/content_waiting.h"

struct called {
	sem_t semaphore;
	int count;
};

static void ready(void *context)
{
	struct called *called = context;

	__atomic_add_fetch(&called->count, 1, __ATOMIC_SEQ_CST);
	sem_post(&called->semaphore);
}

static int count_of(struct called *called)
{
	return __atomic_load_n(&called->count, __ATOMIC_SEQ_CST);
}

#define LONG_MS 3600000u

static void made_calls_back(void **state)
{
	struct content_waiting *waiting;
	struct content_waiter *waiter;
	struct called called = {.count = 0};

	(void)state;
	sem_init(&called.semaphore, 0, 0);
	assert_int_equal(content_waiting_create(2, LONG_MS, &waiting), 0);
	waiter = content_waiter_begin(waiting, ready, &called);
	assert_non_null(waiter);
	assert_int_equal(count_of(&called), 0);
	content_waiter_made(waiter, 0);
	assert_int_equal(count_of(&called), 1);
	content_waiting_free(waiting);
	assert_int_equal(count_of(&called), 1);
}

static void time_calls_back_once(void **state)
{
	struct content_waiting *waiting;
	struct content_waiter *waiter;
	struct called called = {.count = 0};

	(void)state;
	sem_init(&called.semaphore, 0, 0);
	assert_int_equal(content_waiting_create(2, 1, &waiting), 0);
	waiter = content_waiter_begin(waiting, ready, &called);
	assert_non_null(waiter);
	sem_wait(&called.semaphore);
	/* The making goes on, and holds its place till it ends. */
	content_waiter_made(waiter, 0);
	assert_int_equal(count_of(&called), 1);
	content_waiting_free(waiting);
}

static void no_more_than_so_many(void **state)
{
	struct content_waiting *waiting;
	struct content_waiter *one, *other;
	struct called called = {.count = 0};

	(void)state;
	sem_init(&called.semaphore, 0, 0);
	assert_int_equal(content_waiting_create(2, 1, &waiting), 0);
	one = content_waiter_begin(waiting, ready, &called);
	other = content_waiter_begin(waiting, ready, &called);
	assert_non_null(one);
	assert_non_null(other);
	sem_wait(&called.semaphore);
	sem_wait(&called.semaphore);
	assert_null(content_waiter_begin(waiting, ready, &called));
	content_waiter_made(one, 0);
	one = content_waiter_begin(waiting, ready, &called);
	assert_non_null(one);
	sem_wait(&called.semaphore);
	content_waiter_made(one, -1);
	content_waiter_made(other, 0);
	assert_int_equal(count_of(&called), 3);
	content_waiting_free(waiting);
}

static void withdrawn_is_not_called(void **state)
{
	struct content_waiting *waiting;
	struct content_waiter *waiter;
	struct called called = {.count = 0};

	(void)state;
	sem_init(&called.semaphore, 0, 0);
	assert_int_equal(content_waiting_create(1, LONG_MS, &waiting), 0);
	waiter = content_waiter_begin(waiting, ready, &called);
	assert_true(content_waiter_withdraw(waiter));
	waiter = content_waiter_begin(waiting, ready, &called);
	assert_non_null(waiter);
	content_waiting_stop(waiting);
	assert_int_equal(count_of(&called), 1);
	assert_false(content_waiter_withdraw(waiter));
	content_waiting_free(waiting);
}

static void stopping_calls_back_all(void **state)
{
	struct content_waiting *waiting;
	struct content_waiter *waiters[3];
	struct called called = {.count = 0};

	(void)state;
	sem_init(&called.semaphore, 0, 0);
	assert_int_equal(content_waiting_create(3, LONG_MS, &waiting), 0);
	for (int i = 0; i < 3; i++)
		waiters[i] = content_waiter_begin(waiting, ready, &called);
	content_waiting_stop(waiting);
	assert_int_equal(count_of(&called), 3);
	content_waiter_made(waiters[0], -1);
	assert_null(content_waiter_begin(waiting, ready, &called));
	content_waiter_made(waiters[1], -1);
	content_waiter_made(waiters[2], -1);
	assert_int_equal(count_of(&called), 3);
	content_waiting_free(waiting);
	content_waiting_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(made_calls_back),
		cmocka_unit_test(time_calls_back_once),
		cmocka_unit_test(no_more_than_so_many),
		cmocka_unit_test(withdrawn_is_not_called),
		cmocka_unit_test(stopping_calls_back_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
