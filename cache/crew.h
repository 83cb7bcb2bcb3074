/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Work in pieces, done by pool threads together with the thread that waits for it. Because the
 * waiting thread works too, it may be a pool thread itself: with every other thread busy the work
 * is still done. Batches are begun in the order of submission. One thread uses a crew at a time.
 */
#ifndef CACHE_CREW_H
#define CACHE_CREW_H

#include <stdint.h>

#include "cache/pool.h"

struct crew;
/* Embedded in the submitter's own struct; the crew's from submit until wait returns. */
struct crew_batch {
	/* Does piece INDEX; pieces of a batch run at the same time. */
	void (*piece)(struct crew_batch *batch, uint32_t index);
	uint32_t pieces;
	/* The crew's own. */
	uint32_t begun, done;
	struct crew_batch *next;
};

/* POOL NULL: the waiting thread does all. Else the pool is destroyed after the crew. Returns 0 or a
 * negative errno. */
int crew_create(struct pool *pool, enum pool_lane lane, struct crew **crew_out);
/* Never blocks, never fails. */
void crew_submit(struct crew *crew, struct crew_batch *batch);
/* Works until all pieces of BATCH are done; at once when it has none. */
void crew_wait(struct crew *crew, struct crew_batch *batch);
/* Every batch was waited for. NULL is fine. */
void crew_destroy(struct crew *crew);

/* Threads that work at the same time, at most. */
unsigned crew_size(const struct crew *crew);

#endif
