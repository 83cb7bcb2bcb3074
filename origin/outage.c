/* SPDX-License-Identifier: BSD-2-Clause */
#include "origin/outage.h"

bool outage_admits(struct outage *outage, int64_t now_ms, bool *trial_out)
{
	*trial_out = false;
	if (outage->state == OUTAGE_UP)
		return true;
	if (outage->state == OUTAGE_TRIAL || now_ms < outage->until_ms)
		return false;
	outage->state = OUTAGE_TRIAL;
	*trial_out = true;
	return true;
}

bool outage_unreachable(struct outage *outage, int64_t now_ms)
{
	bool news = outage->state == OUTAGE_UP;

	outage->state = OUTAGE_DOWN;
	outage->until_ms = now_ms + OUTAGE_MS;
	return news;
}

void outage_answered(struct outage *outage)
{
	outage->state = OUTAGE_UP;
}

void outage_trial_over(struct outage *outage, int64_t now_ms)
{
	if (outage->state != OUTAGE_TRIAL)
		return;
	outage->state = OUTAGE_DOWN;
	outage->until_ms = now_ms;
}
