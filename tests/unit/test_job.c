/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Jobs: their text for readers that come and go, cancelling, and ending with the mount.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "fs/job.h"

struct sleeper {
	struct job_waiter waiter; /* first */
	atomic_int woken;
};

static int setup(void **state)
{
	return jobs_create((struct jobs **)state);
}

static int teardown(void **state)
{
	jobs_destroy(*state);
	return 0;
}

static void wake(struct job_waiter *waiter)
{
	atomic_fetch_add(&((struct sleeper *)waiter)->woken, 1);
}

static void await_cancel(struct job *job)
{
	while (!job_cancelled(job))
		sched_yield();
}

static int until_cancelled(struct job *job, void *context)
{
	(void)context;
	await_cancel(job);
	return -ECANCELED;
}

static int print_and_end(struct job *job, void *context)
{
	job_print(job, "%s", (const char *)context);
	return 0;
}

static struct job *make(void **state)
{
	struct job *job;

	assert_int_equal(job_create(*state, "command", &job), 0);
	return job;
}

/* All of the answer, once the job has ended. */
static void read_all(struct job *job, char *text, size_t size)
{
	long length;

	while ((length = job_read(job, 0, text, size - 1)) == -EAGAIN)
		sched_yield();
	assert_in_range(length, 0, size - 1);
	text[length] = '\0';
}

static void answer_is_read_from_any_position(void **state)
{
	struct job *job = make(state);
	char text[16];

	assert_int_equal(job_read(job, 0, text, sizeof text), -EAGAIN);
	job_print(job, "ok %d\n", 42);
	assert_int_equal(job_read(job, 3, text, sizeof text), 3);
	assert_memory_equal(text, "42\n", 3);
	assert_int_equal(job_read(job, 6, text, sizeof text), -EAGAIN);
	job_end(job, 0);
	assert_int_equal(job_read(job, 6, text, sizeof text), 0);
	job_put(job);
}

static void error_is_the_last_line(void **state)
{
	struct job *job = make(state);
	char text[64];

	job_end(job, -ENOENT);
	read_all(job, text, sizeof text);
	assert_string_equal(text, "error 2 ENOENT\n");
	job_put(job);
}

static void who_waits_is_woken_once_by_text_behind_his_position(void **state)
{
	struct job *job = make(state);
	struct sleeper first = {.waiter = {.wake = wake}};
	struct sleeper behind = {.waiter = {.position = 5, .wake = wake}};
	struct sleeper late = {.waiter = {.position = 2, .wake = wake}};

	job_wait(job, &first.waiter);
	job_wait(job, &behind.waiter);
	job_print(job, "12345");
	assert_int_equal(first.woken, 1);
	assert_int_equal(behind.woken, 0);
	job_wait(job, &late.waiter);
	assert_int_equal(late.woken, 1);
	job_end(job, 0);
	assert_int_equal(first.woken, 1);
	assert_int_equal(behind.woken, 1);
	assert_false(job_leave(job, &behind.waiter));
	job_put(job);
}

static void who_leaves_is_not_woken(void **state)
{
	struct job *job = make(state);
	struct sleeper sleeper = {.waiter = {.wake = wake}};

	job_wait(job, &sleeper.waiter);
	assert_true(job_leave(job, &sleeper.waiter));
	job_end(job, 0);
	assert_int_equal(sleeper.woken, 0);
	job_put(job);
}

static void long_work_runs_on_and_is_listed_until_it_is_cancelled(void **state)
{
	struct job *job = make(state), *answer = make(state);
	char text[64];

	assert_int_equal(job_start(job, until_cancelled, NULL), 0);
	jobs_list(*state, answer);
	job_end(answer, 0);
	read_all(answer, text, sizeof text);
	assert_string_equal(text, "1 0 0 command\n");
	assert_int_equal(job_cancel(*state, 2), -ENOENT);
	assert_int_equal(job_cancel(*state, job_number(job)), 0);
	read_all(job, text, sizeof text);
	assert_string_equal(text, "error 125 ECANCELED\n");
	job_put(answer);
	job_put(job);
}

static void work_outlives_who_started_it_and_ends_with_the_mount(void **state)
{
	for (int i = 0; i < 4; i++) {
		struct job *job = make(state);
		assert_int_equal(job_start(job, until_cancelled, NULL), 0);
		job_put(job);
	}
	/* teardown returns only when all have ended. */
}

static void too_many_are_refused(void **state)
{
	struct job *job;
	int count = 0, error;

	while (job = make(state), (error = job_start(job, until_cancelled, NULL)) == 0) {
		job_put(job);
		count++;
	}
	assert_int_equal(error, -EBUSY);
	assert_in_range(count, 2, 64);
	job_put(job);
}

static void one_reader_follows_many_jobs(void **state)
{
	char text[64];

	for (int i = 0; i < 200; i++) {
		struct job *job = make(state);
		struct sleeper sleeper = {.waiter = {.wake = wake}};
		char *words = strdup("ok\n");
		while (job_start(job, print_and_end, words) == -EBUSY)
			sched_yield();
		job_wait(job, &sleeper.waiter);
		read_all(job, text, sizeof text);
		assert_string_equal(text, "ok\n");
		while (atomic_load(&sleeper.woken) == 0)
			sched_yield();
		job_put(job);
	}
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(answer_is_read_from_any_position),
		test(error_is_the_last_line),
		test(who_waits_is_woken_once_by_text_behind_his_position),
		test(who_leaves_is_not_woken),
		test(long_work_runs_on_and_is_listed_until_it_is_cancelled),
		test(work_outlives_who_started_it_and_ends_with_the_mount),
		test(too_many_are_refused),
		test(one_reader_follows_many_jobs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
