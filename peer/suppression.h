/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Which Probes are repeats (discovery.md section 7, step 2). A Probe travels in several copies with
 * one MessageID; a copy is passed over when one came from the same address less than
 * SUPPRESSION_MS before it, answered or not. The window is short because iPXE asks again after a
 * second with the same MessageID; the address counts because it asks on IPv6 and IPv4 with the
 * same, and needs the second answer. One thread.
 */
#ifndef PEER_SUPPRESSION_H
#define PEER_SUPPRESSION_H

#include "peer/xaddr.h"

#define SUPPRESSION_MS 750
#define SUPPRESSION_PAIRS 4096u

struct suppression;

/* SEED: random, so that nobody can choose pairs that meet. -ENOMEM. */
int suppression_create(uint64_t seed, struct suppression **suppression_out);
void suppression_free(struct suppression *suppression);

/* Notes a copy and returns whether it is a repeat. MESSAGE_ID: as wsd_read gave it; SOURCE: its
 * port does not count. Beyond SUPPRESSION_PAIRS the pair that was not heard for longest is
 * forgotten, so that a flood costs at most answers to repeats. */
bool suppression_hears(struct suppression *suppression, const char *message_id,
		       const struct xaddr *source, int64_t now_ms);

#endif
