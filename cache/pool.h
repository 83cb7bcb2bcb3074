/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Worker threads for disk, hashes and ciphers. A job runs once on one of them. Within a lane jobs
 * start in the order of submission; a lane starts nothing while a more urgent one has work, but
 * one thread always keeps clear of POOL_IDLE so that long work does not hold up short work.
 */
#ifndef CACHE_POOL_H
#define CACHE_POOL_H

enum pool_lane {
	POOL_READER, /* somebody waits for it */
	POOL_AHEAD,  /* somebody will soon */
	POOL_IDLE,   /* nobody waits: verify, warm, computing; may take long */
	POOL_LANES
};

struct pool;
/* Embedded in the submitter's own struct; owned by the pool from submit until run is called. */
struct pool_job {
	void (*run)(struct pool_job *job);
	struct pool_job *next;
};

/* THREADS 0: one per core, at least 2. Returns 0 or a negative errno. */
int pool_create(unsigned threads, struct pool **pool_out);
/* Any thread, a pool thread included. Never blocks, never fails. */
void pool_submit(struct pool *pool, enum pool_lane lane, struct pool_job *job);
/* Runs what is queued to its end, then ends the threads. NULL is fine. */
void pool_destroy(struct pool *pool);

#endif
