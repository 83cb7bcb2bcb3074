/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Has what was not used for too long go out of a store, every few minutes, as long as the loop
 * runs.
 */
#ifndef FS_EXPIRY_H
#define FS_EXPIRY_H

#include <stdatomic.h>

#include "cache/pool.h"
#include "cache/store.h"
#include "origin/loop.h"

/* How often it is looked for. Our choice. */
#define EXPIRY_MS (10u * 60 * 1000)

struct expiry {
	struct store *store;
	struct pool *pool;
	struct pool_job job;
	atomic_bool running;
};

/* Loop, pool and store end in this order, and before EXPIRY goes. 0 or a negative errno. */
int expiry_start(struct expiry *expiry, struct loop *loop, struct pool *pool, struct store *store);

#endif
