/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Octets from writes to a job, and from a job to the reader of its answer: in order, bounded, and
 * nobody waits for one who has gone.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fs/job.h"

struct giver {
	struct feed_waiter waiter; /* first */
	atomic_int woken;
};

static void wake(struct feed_waiter *waiter)
{
	atomic_fetch_add(&((struct giver *)waiter)->woken, 1);
}

static void octets_come_in_order_and_then_the_end(void **state)
{
	struct giver giver = {.waiter.wake = wake};
	struct feed *feed;
	char taken[16];

	(void)state;
	assert_int_equal(feed_create(&feed), 0);
	assert_int_equal(feed_give(feed, "one", 3, &giver.waiter), 0);
	assert_int_equal(feed_give(feed, "", 0, &giver.waiter), 0);
	assert_int_equal(feed_give(feed, "two!", 4, &giver.waiter), 0);
	assert_int_equal(feed_take(feed, taken, 2), 2);
	assert_memory_equal(taken, "on", 2);
	assert_int_equal(feed_take(feed, taken, sizeof(taken)), 1);
	assert_int_equal(feed_take(feed, taken, sizeof(taken)), 4);
	assert_memory_equal(taken, "two!", 4);
	assert_false(feed_is_whole(feed));
	assert_int_equal(feed_give(feed, "three", 5, &giver.waiter), 0);
	assert_int_equal(feed_end(feed), 0);
	assert_true(feed_is_whole(feed));
	assert_int_equal(feed_give(feed, "four", 4, &giver.waiter), -EPIPE);
	assert_int_equal(feed_take(feed, taken, sizeof(taken)), 5);
	assert_int_equal(feed_take(feed, taken, sizeof(taken)), 0);
	assert_int_equal(feed_take(feed, taken, sizeof(taken)), 0);
	assert_int_equal(giver.woken, 0);
	feed_free(feed);
}

static void who_gives_too_much_is_told_when_there_is_room(void **state)
{
	struct giver giver = {.waiter.wake = wake};
	char *much = calloc(1, FEED_ROOM);
	struct feed *feed;

	(void)state;
	assert_int_equal(feed_create(&feed), 0);
	assert_int_equal(feed_give(feed, much, FEED_ROOM, &giver.waiter), 0);
	assert_int_equal(feed_give(feed, much, 10, &giver.waiter), -EAGAIN);
	assert_int_equal(feed_take(feed, much, 9), 9);
	assert_int_equal(giver.woken, 0);
	assert_int_equal(feed_take(feed, much, 1), 1);
	assert_int_equal(giver.woken, 1);
	assert_int_equal(feed_give(feed, much, 1, &giver.waiter), -EAGAIN);
	feed_close(feed);
	assert_int_equal(giver.woken, 2);
	assert_int_equal(feed_take(feed, much, 1), -ECANCELED);
	assert_int_equal(feed_give(feed, much, 1, &giver.waiter), -EPIPE);
	assert_int_equal(feed_end(feed), -EPIPE);
	assert_int_equal(giver.woken, 2);
	feed_free(feed);
	free(much);
}

/* ---- of jobs ---- */

static int setup(void **state)
{
	return jobs_create((struct jobs **)state);
}

static int teardown(void **state)
{
	jobs_destroy(*state);
	return 0;
}

static struct job *make(void **state)
{
	struct job *job;

	assert_int_equal(job_create(*state, "command", &job), 0);
	return job;
}

/* Echoes what it is given, with lines in between. */
static int echo(struct job *job, void *context)
{
	char octets[3000];
	long length;

	(void)context;
	while ((length = feed_take(job_feed(job), octets, sizeof(octets))) > 0) {
		int error = job_octets(job, octets, (size_t)length);

		if (error != 0)
			return error;
		job_print(job, "line\n");
	}
	if (length == 0)
		job_print(job, "ok\n");
	return (int)length;
}

static struct job *start_echo(void **state)
{
	struct job *job = make(state);

	job_stream(job);
	assert_int_equal(job_accept(job), 0);
	assert_int_equal(job_start(job, echo, NULL), 0);
	return job;
}

static void give(struct job *job, const void *data, size_t size)
{
	struct giver giver = {.waiter.wake = wake};
	int error = feed_give(job_feed(job), data, size, &giver.waiter);

	assert_true(error == 0 || error == -EAGAIN);
	while (error == -EAGAIN && giver.woken == 0)
		sched_yield();
}

static void *give_all(void *argument)
{
	struct job *job = argument;
	char octets[50000];

	for (unsigned i = 0; i < 100; i++) {
		memset(octets, (int)i, sizeof(octets));
		give(job, octets, sizeof(octets));
	}
	assert_int_equal(feed_end(job_feed(job)), 0);
	return NULL;
}

static long read_at(struct job *job, size_t position, char *buffer, size_t size)
{
	long length;

	while ((length = job_read(job, position, buffer, size)) == -EAGAIN)
		sched_yield();
	return length;
}

/* One line from POSITION on, without its end; returns where the next begins. */
static size_t read_line(struct job *job, size_t position, char *line, size_t size)
{
	size_t length = 0;
	char octet;

	while (read_at(job, position + length, &octet, 1) == 1 && octet != '\n') {
		assert_true(length + 1 < size);
		line[length++] = octet;
	}
	line[length] = '\0';
	return position + length + 1;
}

static void octets_and_lines_come_out_as_they_went_in(void **state)
{
	struct job *job = start_echo(state);
	size_t position = 0, total = 0;
	char line[64];
	pthread_t thread;

	pthread_create(&thread, NULL, give_all, job);
	for (;;) {
		char octets[3000];
		size_t size;

		position = read_line(job, position, line, sizeof(line));
		if (sscanf(line, "octets %zu", &size) != 1) {
			if (strcmp(line, "line") != 0)
				break;
			continue;
		}
		assert_in_range(size, 1, sizeof(octets));
		for (size_t got = 0; got < size;) {
			long length = read_at(job, position, octets + got, size - got);

			assert_true(length > 0);
			got += (size_t)length;
			position += (size_t)length;
		}
		for (size_t i = 0; i < size; i++)
			assert_int_equal(octets[i], (char)((total + i) / 50000));
		total += size;
	}
	pthread_join(thread, NULL);
	assert_string_equal(line, "ok");
	assert_int_equal(total, 100 * 50000);
	/* What was read is gone. */
	assert_int_equal(job_read(job, 0, line, sizeof(line)), 0);
	job_put(job);
}

static int pour(struct job *job, void *context)
{
	atomic_size_t *poured = *(atomic_size_t **)context;
	char octets[1000] = {0};
	int error;

	while ((error = job_octets(job, octets, sizeof(octets))) == 0)
		atomic_fetch_add(poured, sizeof(octets));
	return error;
}

static struct job *start_pouring(void **state, atomic_size_t *poured)
{
	atomic_size_t **context = malloc(sizeof(*context));
	struct job *job = make(state);

	*context = poured;
	job_stream(job);
	assert_int_equal(job_start(job, pour, context), 0);
	while (atomic_load(poured) <= JOB_UNREAD_MAX - 20000)
		sched_yield();
	return job;
}

/* The reader who stands still is waited for; only what he has read makes room. */
static void what_is_not_read_is_bounded(void **state)
{
	atomic_size_t poured = 0;
	struct job *job = start_pouring(state, &poured);
	char *octets = malloc(JOB_UNREAD_MAX);
	size_t position = 0;

	while (position <= 3 * JOB_UNREAD_MAX) {
		position += (size_t)read_at(job, position, octets, JOB_UNREAD_MAX);
		assert_true(atomic_load(&poured) <= position + JOB_UNREAD_MAX + 2000);
	}
	free(octets);
	job_abandon(job);
	while (job_read(job, SIZE_MAX, NULL, 0) == -EAGAIN)
		sched_yield();
	assert_true(job_cancelled(job));
	job_put(job);
}

static void whoever_waits_ends_with_the_jobs(void **state)
{
	struct job *job = start_echo(state), *other;
	atomic_size_t poured = 0;

	other = start_pouring(state, &poured);
	jobs_stop(*state);
	assert_true(job_cancelled(job));
	assert_int_equal(feed_give(job_feed(job), "x", 1, NULL), -EPIPE);
	job_put(job);
	job_put(other);
}

static void cancelling_ends_who_waits_for_octets(void **state)
{
	struct job *job = start_echo(state);

	assert_int_equal(job_cancel(*state, job_number(job)), 0);
	while (job_read(job, SIZE_MAX, NULL, 0) == -EAGAIN)
		sched_yield();
	job_put(job);
}

/* Who has given all may go; and others need nobody. */
static void only_a_job_that_needs_its_beginner_is_abandoned(void **state)
{
	struct job *job = make(state), *plain = make(state);
	char text[64];

	assert_int_equal(job_accept(job), 0);
	assert_int_equal(feed_give(job_feed(job), "x", 1, NULL), 0);
	assert_int_equal(feed_end(job_feed(job)), 0);
	job_abandon(job);
	assert_false(job_cancelled(job));
	assert_int_equal(feed_take(job_feed(job), text, sizeof(text)), 1);
	job_abandon(plain);
	assert_false(job_cancelled(plain));
	job_put(job);
	job = make(state);
	assert_int_equal(job_accept(job), 0);
	job_abandon(job);
	assert_true(job_cancelled(job));
	job_put(job);
	job_put(plain);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(octets_come_in_order_and_then_the_end),
		cmocka_unit_test(who_gives_too_much_is_told_when_there_is_room),
		TEST(octets_and_lines_come_out_as_they_went_in),
		TEST(what_is_not_read_is_bounded),
		TEST(whoever_waits_ends_with_the_jobs),
		TEST(cancelling_ends_who_waits_for_octets),
		TEST(only_a_job_that_needs_its_beginner_is_abandoned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
