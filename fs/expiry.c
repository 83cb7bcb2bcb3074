/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/expiry.h"

#include <stddef.h>

static void run(struct pool_job *job)
{
	struct expiry *expiry = (struct expiry *)((char *)job - offsetof(struct expiry, job));

	store_expire(expiry->store);
	atomic_store(&expiry->running, false);
}

static int64_t interval_ms(const struct expiry *expiry)
{
	int64_t max_age = store_max_age(expiry->store);

	if (max_age <= 0 || max_age >= EXPIRY_MS_MAX / 1000 * EXPIRY_PART)
		return EXPIRY_MS_MAX;
	return max_age * 1000 / EXPIRY_PART;
}

static void begin(void *context)
{
	struct expiry *expiry = context;
	int64_t now_ms = loop_clock_ms();

	if (now_ms - expiry->begun_ms < interval_ms(expiry) ||
	    atomic_exchange(&expiry->running, true))
		return;
	expiry->begun_ms = now_ms;
	expiry->job.run = run;
	pool_submit(expiry->pool, POOL_IDLE, &expiry->job);
}

int expiry_start(struct expiry *expiry, struct loop *loop, struct pool *pool, struct store *store)
{
	expiry->store = store;
	expiry->pool = pool;
	expiry->begun_ms = loop_clock_ms();
	atomic_init(&expiry->running, false);
	return loop_every(loop, EXPIRY_MS_MIN, begin, expiry);
}
