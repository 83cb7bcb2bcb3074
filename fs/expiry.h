/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Has what was not used for too long go out of a store, every few minutes, or sooner where little
 * is too long, as long as the loop runs.
 */
#ifndef FS_EXPIRY_H
#define FS_EXPIRY_H

#include <stdatomic.h>

#include "cache/pool.h"
#include "cache/store.h"
#include "origin/loop.h"

/* How often it is looked for: a part of what is too long, within these. Our choice. */
#define EXPIRY_PART 8
#define EXPIRY_MS_MIN 5000
#define EXPIRY_MS_MAX (10 * 60 * 1000)

struct expiry {
	struct store *store;
	struct pool *pool;
	struct pool_job job;
	atomic_bool running;
	int64_t begun_ms; /* the loop's */
};

/* Loop, pool and store end in this order, and before EXPIRY goes. 0 or a negative errno. */
int expiry_start(struct expiry *expiry, struct loop *loop, struct pool *pool, struct store *store);

#endif
