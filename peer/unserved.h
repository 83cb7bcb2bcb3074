/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Which segments other machines asked for lately and could not be given here: who has failed to get
 * something from us is about to have it from elsewhere, so what is missing here may soon be had
 * nearby (peerdist-api.md 8.10). Time is an argument. Any thread.
 *
 * Noting takes constant time, and memory is taken once. Machines share it by lot of their addresses
 * (UNSERVED_ROWS): one that asks for anything and everything makes only those of its own row be
 * forgotten.
 */
#ifndef PEER_UNSERVED_H
#define PEER_UNSERVED_H

#include "peer/xaddr.h"

#define UNSERVED_MS 30000 /* how long "lately" is: peerdist-api.md 8.10 */
/* Our choices, some 700 KiB in all: rows; segments that a row remembers, which is 16 MiB of content
 * information of version 2.0 that one machine goes through; machines that it remembers of each. */
#define UNSERVED_ROWS 16u
#define UNSERVED_IDS 256u
#define UNSERVED_HOSTS 4u

struct unserved;

/* SEED: random, so that nobody can choose addresses or ids that meet. -ENOMEM. */
int unserved_create(uint64_t seed, struct unserved **unserved_out);
/* NULL is fine. */
void unserved_free(struct unserved *unserved);

/* HOST, whose port and zone do not count, was not given ID. */
void unserved_note(struct unserved *unserved, const struct xaddr *host, const uint8_t *id,
		   size_t id_size, int64_t now_ms);
/* How many machines were not given ID within UNSERVED_MS. Many ask by IPv4 and IPv6 at once, and
 * their addresses do not say so: those of either family are counted, and the larger number is it.
 */
unsigned unserved_hosts(struct unserved *unserved, const uint8_t *id, size_t id_size,
			int64_t now_ms);

#endif
