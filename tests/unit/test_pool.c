/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Worker threads: each job once, lanes in their order, idle work out of the way.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cache/pool.h"

/* A gate that jobs wait at, and a record of what ran. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool open;
	unsigned waiting, count;
	int order[64];
} scene = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

struct numbered {
	struct pool_job job; /* first */
	int number;
};

static int reset(void **state)
{
	(void)state;
	scene.open = false;
	scene.waiting = scene.count = 0;
	return 0;
}

static void wait_at_gate(struct pool_job *job)
{
	(void)job;
	pthread_mutex_lock(&scene.lock);
	scene.waiting++;
	pthread_cond_broadcast(&scene.changed);
	while (!scene.open)
		pthread_cond_wait(&scene.changed, &scene.lock);
	pthread_mutex_unlock(&scene.lock);
}

static void record(struct pool_job *job)
{
	pthread_mutex_lock(&scene.lock);
	scene.order[scene.count++] = ((struct numbered *)job)->number;
	pthread_cond_broadcast(&scene.changed);
	pthread_mutex_unlock(&scene.lock);
}

static void await(unsigned *value, unsigned wanted)
{
	pthread_mutex_lock(&scene.lock);
	while (*value < wanted)
		pthread_cond_wait(&scene.changed, &scene.lock);
	pthread_mutex_unlock(&scene.lock);
}

static void open_gate(void)
{
	pthread_mutex_lock(&scene.lock);
	scene.open = true;
	pthread_cond_broadcast(&scene.changed);
	pthread_mutex_unlock(&scene.lock);
}

static void urgent_lanes_go_first_each_in_order(void **state)
{
	struct pool_job gates[2] = {{.run = wait_at_gate}, {.run = wait_at_gate}};
	struct numbered jobs[30];
	struct pool *pool;
	unsigned seen[POOL_LANES] = {0};

	(void)state;
	assert_int_equal(pool_create(2, &pool), 0);
	pool_submit(pool, POOL_READER, &gates[0]);
	pool_submit(pool, POOL_READER, &gates[1]);
	await(&scene.waiting, 2);
	for (int i = 0; i < 30; i++) {
		jobs[i] = (struct numbered){.job.run = record, .number = i};
		pool_submit(pool, (enum pool_lane)(2 - i % 3), &jobs[i].job);
	}
	open_gate();
	pool_destroy(pool);
	assert_int_equal(scene.count, 30);
	/* Two threads may record neighbours the other way round, so lanes may touch by one. */
	for (unsigned i = 0; i < 30; i++) {
		unsigned lane = (unsigned)(2 - scene.order[i] % 3);

		assert_true(lane + 1 >= i / 10 && lane <= i / 10 + 1);
		seen[lane]++;
	}
	for (unsigned i = 0; i < POOL_LANES; i++)
		assert_int_equal(seen[i], 10);
}

static void one_thread_keeps_clear_of_idle_work(void **state)
{
	struct pool_job gates[5];
	struct numbered reader = {.job.run = record, .number = 1};
	struct pool *pool;

	(void)state;
	assert_int_equal(pool_create(3, &pool), 0);
	for (int i = 0; i < 5; i++) {
		gates[i] = (struct pool_job){.run = wait_at_gate};
		pool_submit(pool, POOL_IDLE, &gates[i]);
	}
	await(&scene.waiting, 2);
	pool_submit(pool, POOL_READER, &reader.job);
	await(&scene.count, 1);
	pthread_mutex_lock(&scene.lock);
	assert_int_equal(scene.waiting, 2);
	pthread_mutex_unlock(&scene.lock);
	open_gate();
	pool_destroy(pool);
	assert_int_equal(scene.waiting, 5);
}

static struct pool *chain_pool;
static struct numbered chain[20];

static void submit_next(struct pool_job *job)
{
	int number = ((struct numbered *)job)->number;

	record(job);
	if (number + 1 < 20)
		pool_submit(chain_pool, (enum pool_lane)(number % 3), &chain[number + 1].job);
}

static void destroying_runs_what_jobs_still_submit(void **state)
{
	(void)state;
	assert_int_equal(pool_create(0, &chain_pool), 0);
	for (int i = 0; i < 20; i++)
		chain[i] = (struct numbered){.job.run = submit_next, .number = i};
	pool_submit(chain_pool, POOL_IDLE, &chain[0].job);
	pool_destroy(chain_pool);
	assert_int_equal(scene.count, 20);
	pool_destroy(NULL);
}

static void one_thread_is_made_two(void **state)
{
	struct numbered idle = {.job.run = record, .number = 7};
	struct pool *pool;

	(void)state;
	assert_int_equal(pool_create(1, &pool), 0);
	pool_submit(pool, POOL_IDLE, &idle.job);
	await(&scene.count, 1);
	pool_destroy(pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(urgent_lanes_go_first_each_in_order, reset),
		cmocka_unit_test_setup(one_thread_keeps_clear_of_idle_work, reset),
		cmocka_unit_test_setup(destroying_runs_what_jobs_still_submit, reset),
		cmocka_unit_test_setup(one_thread_is_made_two, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
