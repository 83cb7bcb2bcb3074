/* SPDX-License-Identifier: BSD-2-Clause
 *
 * How many answers a responder sends: a bucket for all and one for each asker (discovery.md section
 * 7). An answer is larger than its Probe, and the source of a datagram is unproven. One thread.
 *
 * The memory is bounded and yet exact: within the second that an asker's bucket takes to be full
 * again, which is as good as forgotten, no more askers are answered than one burst and one second's
 * worth, and for so many there is room.
 */
#ifndef PEER_ALLOWANCE_H
#define PEER_ALLOWANCE_H

#include "peer/xaddr.h"

/* A second. Not less for one: a Windows asker may start 100 Probes a second, and takes silence for
 * 15 s of "nobody has it". */
#define ALLOWANCE_ALL 1000u
#define ALLOWANCE_EACH 100u

struct allowance;

/* Rates are answers a second. SEED: random. -ENOMEM. */
int allowance_create(uint32_t all, uint32_t each, uint64_t seed, int64_t now_ms,
		     struct allowance **allowance_out);
void allowance_free(struct allowance *allowance);

/* Whether SOURCE, whose port does not count, may be answered; if so the answer is counted. */
bool allowance_grants(struct allowance *allowance, const struct xaddr *source, int64_t now_ms);

#endif
