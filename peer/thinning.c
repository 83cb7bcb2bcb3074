/* SPDX-License-Identifier: BSD-2-Clause */
#include "peer/thinning.h"

/* 0.33 of 2^32. */
#define ANSWER_BELOW 1417339207u

/* A place for a new host: a free one; else, for one that claims the whole, that of one that does
 * not, so that both counts are true up to the maximum. */
static unsigned find_place(const struct thinning_tally *tally, bool whole)
{
	unsigned place = 0;

	if (tally->counted.answers < THINNING_MAX)
		return tally->counted.answers;
	while (place < THINNING_MAX && (!whole || tally->known[place].whole))
		place++;
	return place;
}

void thinning_count(struct thinning_tally *tally, const struct xaddr *source, bool whole)
{
	unsigned place = 0;

	while (place < tally->counted.answers &&
	       !xaddr_same_host(&tally->known[place].host, source))
		place++;
	if (place == tally->counted.answers) {
		place = find_place(tally, whole);
		if (place == THINNING_MAX)
			return;
		if (place == tally->counted.answers)
			tally->counted.answers++;
		tally->known[place].host = *source;
	}
	if (!whole || tally->known[place].whole)
		return;
	tally->known[place].whole = true;
	tally->counted.whole++;
}

bool thinning_answers(struct thinning counted, unsigned threshold, uint32_t random)
{
	if (threshold == 0 || counted.answers < threshold)
		return true;
	return counted.whole < threshold && random < ANSWER_BELOW;
}
