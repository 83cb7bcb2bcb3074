/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Crews. A helper is a pool job that takes pieces as long as there are any. Helpers may still lie
 * in the pool's queue when all work is done and the crew is gone, so each holds a reference.
 */
#include "cache/crew.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	CREW_MAX = 1024, /* like the threads of a pool */
	/* Our choice: after so many pieces a helper queues up again, so that more urgent jobs of
	 * the pool wait for a few milliseconds at most. */
	PIECES_A_TURN = 8,
};

struct helper {
	struct pool_job job;
	struct crew *crew;
	bool called; /* in the pool's hands; guarded by the crew's lock */
};

struct crew {
	pthread_mutex_t lock;
	pthread_cond_t batch_done;
	/* Guarded by lock. */
	struct crew_batch *first, **end; /* those with pieces not begun */
	unsigned references;             /* the user's, and one of each called helper */
	/* Constant. */
	struct pool *pool;
	enum pool_lane lane;
	unsigned count;
	struct helper helpers[];
};

/* Begins the next piece. Lock held. */
static struct crew_batch *begin(struct crew *crew, uint32_t *index_out)
{
	struct crew_batch *batch = crew->first;

	if (batch == NULL)
		return NULL;
	*index_out = batch->begun++;
	if (batch->begun == batch->pieces) {
		crew->first = batch->next;
		if (crew->first == NULL)
			crew->end = &crew->first;
	}
	return batch;
}

/* Does one piece, if there is one. Lock held before and after. */
static bool work(struct crew *crew)
{
	uint32_t index;
	struct crew_batch *batch = begin(crew, &index);

	if (batch == NULL)
		return false;
	pthread_mutex_unlock(&crew->lock);
	batch->piece(batch, index);
	pthread_mutex_lock(&crew->lock);
	if (++batch->done == batch->pieces)
		pthread_cond_signal(&crew->batch_done);
	return true;
}

/* Lock held before, not after. */
static void release(struct crew *crew)
{
	bool last = --crew->references == 0;

	pthread_mutex_unlock(&crew->lock);
	if (!last)
		return;
	pthread_cond_destroy(&crew->batch_done);
	pthread_mutex_destroy(&crew->lock);
	free(crew);
}

static void help(struct pool_job *job)
{
	struct helper *helper = (struct helper *)job;
	struct crew *crew = helper->crew;

	pthread_mutex_lock(&crew->lock);
	for (int pieces = 0; work(crew); pieces++) {
		if (pieces + 1 < PIECES_A_TURN || crew->first == NULL)
			continue;
		pthread_mutex_unlock(&crew->lock);
		pool_submit(crew->pool, crew->lane, &helper->job);
		return;
	}
	helper->called = false;
	release(crew);
}

int crew_create(struct pool *pool, enum pool_lane lane, struct crew **crew_out)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned count = pool == NULL || cores < 2 ? 0 : (unsigned)cores - 1;
	struct crew *crew;

	if (count > CREW_MAX)
		count = CREW_MAX;
	crew = calloc(1, sizeof(*crew) + count * sizeof(crew->helpers[0]));
	if (crew == NULL)
		return -ENOMEM;
	pthread_mutex_init(&crew->lock, NULL);
	pthread_cond_init(&crew->batch_done, NULL);
	crew->end = &crew->first;
	crew->references = 1;
	crew->pool = pool;
	crew->lane = lane;
	crew->count = count;
	for (unsigned i = 0; i < count; i++) {
		crew->helpers[i].job.run = help;
		crew->helpers[i].crew = crew;
	}
	*crew_out = crew;
	return 0;
}

unsigned crew_size(const struct crew *crew)
{
	return crew->count + 1;
}

void crew_submit(struct crew *crew, struct crew_batch *batch)
{
	uint32_t wanted = batch->pieces;

	batch->begun = 0;
	batch->done = 0;
	batch->next = NULL;
	if (batch->pieces == 0)
		return;
	pthread_mutex_lock(&crew->lock);
	*crew->end = batch;
	crew->end = &batch->next;
	for (unsigned i = 0; i < crew->count && wanted > 0; i++) {
		struct helper *helper = &crew->helpers[i];

		if (helper->called)
			continue;
		helper->called = true;
		crew->references++;
		pool_submit(crew->pool, crew->lane, &helper->job);
		wanted--;
	}
	pthread_mutex_unlock(&crew->lock);
}

void crew_wait(struct crew *crew, struct crew_batch *batch)
{
	pthread_mutex_lock(&crew->lock);
	while (batch->done < batch->pieces)
		if (!work(crew))
			pthread_cond_wait(&crew->batch_done, &crew->lock);
	pthread_mutex_unlock(&crew->lock);
}

void crew_destroy(struct crew *crew)
{
	if (crew == NULL)
		return;
	pthread_mutex_lock(&crew->lock);
	assert(crew->first == NULL);
	release(crew);
}
