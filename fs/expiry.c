/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/expiry.h"

#include <stddef.h>

static void run(struct pool_job *job)
{
	struct expiry *expiry = (struct expiry *)((char *)job - offsetof(struct expiry, job));

	store_expire(expiry->store);
	atomic_store(&expiry->running, false);
}

static void begin(void *context)
{
	struct expiry *expiry = context;

	if (atomic_exchange(&expiry->running, true))
		return;
	expiry->job.run = run;
	pool_submit(expiry->pool, POOL_IDLE, &expiry->job);
}

int expiry_start(struct expiry *expiry, struct loop *loop, struct pool *pool, struct store *store)
{
	expiry->store = store;
	expiry->pool = pool;
	atomic_init(&expiry->running, false);
	return loop_every(loop, EXPIRY_MS, begin, expiry);
}
