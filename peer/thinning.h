/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Silence about what many have, so that a popular segment does not raise a storm (discovery.md
 * section 7). Who first fetches a segment counts who answered its Probe; later that count decides
 * whether it answers others. Pure. Forged answers could silence us, so each address counts once,
 * and the caller counts only answers that passed every check.
 */
#ifndef PEER_THINNING_H
#define PEER_THINNING_H

#include "peer/xaddr.h"

#define THINNING_DEFAULT 10u
/* Our choice: the highest threshold. A tally needs not count further. */
#define THINNING_MAX 32u

/* What is kept with a segment, in memory only. */
struct thinning {
	uint8_t answers; /* r */
	uint8_t whole;   /* f: of these, claimed the whole segment */
};

/* One for each segment of a Probe while answers come; zeroed at first. */
struct thinning_tally {
	struct thinning counted;
	struct {
		struct xaddr host;
		bool whole;
	} known[THINNING_MAX];
};

/* SOURCE: of the datagram; its port does not count. */
void thinning_count(struct thinning_tally *tally, const struct xaddr *source, bool whole);

/* Whether to answer a Probe for a segment. THRESHOLD: n, at most THINNING_MAX; 0: always answer.
 * RANDOM: 32 random bits. A zeroed COUNTED, for what was not found by a Probe, always answers. */
bool thinning_answers(struct thinning counted, unsigned threshold, uint32_t random);

#endif
