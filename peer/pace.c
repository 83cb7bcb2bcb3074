/* SPDX-License-Identifier: BSD-2-Clause */
#include "peer/pace.h"

#define SECOND_US 1000000u

void pace_begin(struct pace *pace, uint64_t rate, int64_t now_ms)
{
	*pace = (struct pace){rate, now_ms * 1000};
}

bool pace_book(struct pace *pace, uint32_t size, unsigned wait_ms, int64_t now_ms,
	       unsigned *delay_ms_out)
{
	int64_t now = now_ms * 1000, from = pace->free_us;

	if (pace->rate == 0) {
		*delay_ms_out = 0;
		return true;
	}
	if (from < now - PACE_SAVED_MS * 1000)
		from = now - PACE_SAVED_MS * 1000;
	if (from > now + (int64_t)wait_ms * 1000)
		return false;
	pace->free_us = from + (int64_t)((uint64_t)size * SECOND_US / pace->rate);
	*delay_ms_out = from > now ? (unsigned)((from - now + 999) / 1000) : 0;
	return true;
}
