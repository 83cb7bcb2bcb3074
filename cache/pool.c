/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Worker threads. All of them wait at one condition; each takes the first job of the most urgent
 * lane that may start. Idle jobs never occupy the last thread, so there are at least two.
 */
#include "cache/pool.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

enum { THREADS_MIN = 2, THREADS_MAX = 1024 };

struct lane {
	struct pool_job *first, **end;
};

struct pool {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	/* Guarded by lock. */
	struct lane lanes[POOL_LANES];
	unsigned waiting;      /* threads at "wake" */
	unsigned idle_running; /* jobs of POOL_IDLE that run now */
	bool ending;
	/* Constant between create and destroy. */
	unsigned count;
	pthread_t threads[];
};

/* The next job that may start, or NULL. Lock held. */
static struct pool_job *take(struct pool *pool, enum pool_lane *lane_out)
{
	for (unsigned i = 0; i < POOL_LANES; i++) {
		struct lane *lane = &pool->lanes[i];
		struct pool_job *job = lane->first;

		if (job == NULL)
			continue;
		if (i == POOL_IDLE && pool->idle_running + 1 >= pool->count)
			return NULL;
		lane->first = job->next;
		if (lane->first == NULL)
			lane->end = &lane->first;
		*lane_out = (enum pool_lane)i;
		return job;
	}
	return NULL;
}

static bool queued(const struct pool *pool)
{
	for (unsigned i = 0; i < POOL_LANES; i++)
		if (pool->lanes[i].first != NULL)
			return true;
	return false;
}

static void *work(void *context)
{
	struct pool *pool = context;

	pthread_mutex_lock(&pool->lock);
	for (;;) {
		enum pool_lane lane;
		struct pool_job *job = take(pool, &lane);

		if (job == NULL) {
			/* A thread that may not take the idle job leaves it to the one that runs
			 * one now, which comes back here. */
			if (pool->ending && (!queued(pool) || pool->idle_running > 0))
				break;
			pool->waiting++;
			pthread_cond_wait(&pool->wake, &pool->lock);
			pool->waiting--;
			continue;
		}
		pool->idle_running += lane == POOL_IDLE;
		pthread_mutex_unlock(&pool->lock);
		job->run(job);
		pthread_mutex_lock(&pool->lock);
		pool->idle_running -= lane == POOL_IDLE;
	}
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

static void end_threads(struct pool *pool, unsigned count)
{
	pthread_mutex_lock(&pool->lock);
	pool->ending = true;
	pthread_cond_broadcast(&pool->wake);
	pthread_mutex_unlock(&pool->lock);
	for (unsigned i = 0; i < count; i++)
		pthread_join(pool->threads[i], NULL);
	pthread_cond_destroy(&pool->wake);
	pthread_mutex_destroy(&pool->lock);
	free(pool);
}

static unsigned thread_count(unsigned wished)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	if (wished == 0)
		wished = cores > 0 ? (unsigned)cores : THREADS_MIN;
	if (wished < THREADS_MIN)
		return THREADS_MIN;
	return wished > THREADS_MAX ? THREADS_MAX : wished;
}

int pool_create(unsigned threads, struct pool **pool_out)
{
	unsigned count = thread_count(threads);
	struct pool *pool = calloc(1, sizeof(*pool) + count * sizeof(pool->threads[0]));

	if (pool == NULL)
		return -ENOMEM;
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->wake, NULL);
	pool->count = count;
	for (unsigned i = 0; i < POOL_LANES; i++)
		pool->lanes[i].end = &pool->lanes[i].first;
	for (unsigned i = 0; i < count; i++) {
		int error = pthread_create(&pool->threads[i], NULL, work, pool);

		if (error != 0) {
			end_threads(pool, i);
			return -error;
		}
	}
	*pool_out = pool;
	return 0;
}

void pool_submit(struct pool *pool, enum pool_lane lane, struct pool_job *job)
{
	job->next = NULL;
	pthread_mutex_lock(&pool->lock);
	*pool->lanes[lane].end = job;
	pool->lanes[lane].end = &job->next;
	if (pool->waiting > 0)
		pthread_cond_signal(&pool->wake);
	pthread_mutex_unlock(&pool->lock);
}

void pool_destroy(struct pool *pool)
{
	if (pool != NULL)
		end_threads(pool, pool->count);
}
