/* SPDX-License-Identifier: BSD-2-Clause */
#include "peer/bucket.h"

#define TOKEN 1000u /* thousandths; a rate of one gives one a millisecond */

void bucket_begin(struct bucket *bucket, uint32_t rate, int64_t now_ms)
{
	*bucket = (struct bucket){rate, (uint64_t)rate * TOKEN, now_ms};
}

static void fill(struct bucket *bucket, int64_t now_ms)
{
	uint64_t full = (uint64_t)bucket->rate * TOKEN;
	int64_t passed_ms = now_ms - bucket->counted_ms;

	if (passed_ms <= 0)
		return;
	if (passed_ms >= BUCKET_FULL_MS)
		bucket->thousandths = full;
	else
		bucket->thousandths += (uint64_t)passed_ms * bucket->rate;
	if (bucket->thousandths > full)
		bucket->thousandths = full;
	bucket->counted_ms = now_ms;
}

bool bucket_has(struct bucket *bucket, int64_t now_ms)
{
	fill(bucket, now_ms);
	return bucket->thousandths >= TOKEN;
}

bool bucket_take(struct bucket *bucket, int64_t now_ms)
{
	if (!bucket_has(bucket, now_ms))
		return false;
	bucket->thousandths -= TOKEN;
	return true;
}
