/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <semaphore.h>

#include "origin/loop.h"

#define TASKS 1000

struct numbered {
	struct loop_task task; /* first */
	struct loop *loop;
	unsigned number;
};

static unsigned ran; /* loop thread, read after it has ended */
static bool in_order, inside;

static void run_numbered(struct loop_task *task)
{
	const struct numbered *numbered = (struct numbered *)task;

	in_order &= numbered->number == ran++;
	inside &= loop_inside(numbered->loop);
}

static void tasks_run_in_order_and_before_the_end(void **state)
{
	static struct numbered tasks[TASKS];
	struct loop *loop;

	(void)state;
	ran = 0;
	in_order = inside = true;
	assert_int_equal(loop_create(&loop), 0);
	assert_false(loop_inside(loop));
	for (unsigned i = 0; i < TASKS; i++) {
		tasks[i] = (struct numbered){{run_numbered, NULL}, loop, i};
		loop_post(loop, &tasks[i].task);
	}
	loop_destroy(loop);
	assert_int_equal(ran, TASKS);
	assert_true(in_order);
	assert_true(inside);
}

static void run_twice(struct loop_task *task)
{
	struct numbered *numbered = (struct numbered *)task;

	if (ran++ == 0)
		loop_post(numbered->loop, task);
}

static void task_may_post_itself_anew(void **state)
{
	struct numbered again = {.task.run = run_twice};

	(void)state;
	ran = 0;
	assert_int_equal(loop_create(&again.loop), 0);
	loop_post(again.loop, &again.task);
	loop_destroy(again.loop);
	assert_int_equal(ran, 2);
}

static int answer_once(void *context)
{
	struct numbered *numbered = context;

	inside = loop_inside(numbered->loop);
	ran++;
	return (int)numbered->number;
}

static int call_from_inside(void *context)
{
	struct numbered *numbered = context;

	return loop_call(numbered->loop, answer_once, numbered) + 1;
}

static void call_waits_for_what_it_returns(void **state)
{
	struct numbered called = {.number = 7};

	(void)state;
	ran = 0;
	inside = false;
	assert_int_equal(loop_create(&called.loop), 0);
	assert_int_equal(loop_call(called.loop, answer_once, &called), 7);
	assert_true(inside);
	assert_int_equal(loop_call(called.loop, call_from_inside, &called), 8);
	assert_int_equal(ran, 2);
	loop_destroy(called.loop);
}

static void tick(void *context)
{
	sem_post(context);
}

static void timer_comes_again_and_again(void **state)
{
	struct loop *loop;
	sem_t ticks;

	(void)state;
	assert_int_equal(sem_init(&ticks, 0, 0), 0);
	assert_int_equal(loop_create(&loop), 0);
	assert_int_equal(loop_every(loop, 1, tick, &ticks), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(sem_wait(&ticks), 0);
	loop_destroy(loop);
	sem_destroy(&ticks);
}

static void no_loop_is_fine(void **state)
{
	(void)state;
	loop_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tasks_run_in_order_and_before_the_end),
		cmocka_unit_test(task_may_post_itself_anew),
		cmocka_unit_test(call_waits_for_what_it_returns),
		cmocka_unit_test(timer_comes_again_and_again),
		cmocka_unit_test(no_loop_is_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
