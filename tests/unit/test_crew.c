/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Crews: each piece is done once, and waiting ends, whoever waits and whoever helps.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>

#include <cmocka.h>

#include "cache/crew.h"

enum { PIECES = 1000, BATCHES = 20 };

struct counted {
	struct crew_batch batch;
	atomic_uint times[PIECES];
};

static void count_piece(struct crew_batch *batch, uint32_t index)
{
	struct counted *counted = (struct counted *)batch;

	atomic_fetch_add(&counted->times[index], 1);
}

static void check_counted(struct counted *counted)
{
	for (uint32_t i = 0; i < PIECES; i++)
		assert_int_equal(atomic_load(&counted->times[i]), i < counted->batch.pieces);
}

/* Batches of all sizes, up to three at a time. */
static void use_crew(struct pool *pool)
{
	struct counted counted[3];
	struct crew *crew;

	assert_int_equal(crew_create(pool, POOL_IDLE, &crew), 0);
	for (unsigned i = 0; i < BATCHES; i++) {
		for (unsigned j = 0; j < 3; j++) {
			counted[j] = (struct counted){
				.batch = {.piece = count_piece, .pieces = i * 17 * j % PIECES}};
			crew_submit(crew, &counted[j].batch);
		}
		for (unsigned j = 0; j < 3; j++) {
			crew_wait(crew, &counted[j].batch);
			check_counted(&counted[j]);
		}
	}
	crew_destroy(crew);
}

static void every_piece_is_done_once(void **state)
{
	struct pool *pool;

	(void)state;
	assert_int_equal(pool_create(4, &pool), 0);
	use_crew(pool);
	pool_destroy(pool);
}

static void without_a_pool_the_waiting_thread_does_all(void **state)
{
	struct crew *crew;

	(void)state;
	use_crew(NULL);
	assert_int_equal(crew_create(NULL, POOL_IDLE, &crew), 0);
	assert_int_equal(crew_size(crew), 1);
	crew_destroy(crew);
	crew_destroy(NULL);
}

struct user {
	struct pool_job job;
	struct pool *pool;
	pthread_mutex_t *lock;
	pthread_cond_t *ended;
	unsigned *running;
};

static void use_from_pool(struct pool_job *job)
{
	struct user *user = (struct user *)job;

	use_crew(user->pool);
	pthread_mutex_lock(user->lock);
	--*user->running;
	pthread_cond_signal(user->ended);
	pthread_mutex_unlock(user->lock);
}

static void a_pool_full_of_waiting_threads_gets_on(void **state)
{
	enum { USERS = 5 };
	pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	pthread_cond_t ended = PTHREAD_COND_INITIALIZER;
	unsigned running = USERS;
	struct user users[USERS];
	struct pool *pool;

	(void)state;
	assert_int_equal(pool_create(2, &pool), 0);
	for (unsigned i = 0; i < USERS; i++) {
		users[i] = (struct user){
			.job.run = use_from_pool,
			.pool = pool,
			.lock = &lock,
			.ended = &ended,
			.running = &running,
		};
		pool_submit(pool, POOL_READER, &users[i].job);
	}
	pthread_mutex_lock(&lock);
	while (running > 0)
		pthread_cond_wait(&ended, &lock);
	pthread_mutex_unlock(&lock);
	pool_destroy(pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_piece_is_done_once),
		cmocka_unit_test(without_a_pool_the_waiting_thread_does_all),
		cmocka_unit_test(a_pool_full_of_waiting_threads_gets_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
