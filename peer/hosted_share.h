/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Whose room it is: who has brought over half of what a hosted cache holds makes room for more by
 * what he brought himself and was used longest ago, not by what others gave (hosted-cache.md
 * section 9). Lists of version 1.0 and the blocks that are verified by them, which count for who
 * gave the list, count together with the opaque blocks that he gave. (Of these alone the same is
 * known without the index: OFFERS_ROOM_OF_ITS_OWN in peer/offers.h.)
 *
 * How much somebody has brought is asked of the index when the cache is full, and then again when
 * so much more was written that he may have got over half. Calls block on disk; any thread but a
 * loop thread.
 */
#ifndef PEER_HOSTED_SHARE_H
#define PEER_HOSTED_SHARE_H

#include <stdint.h>

#include "cache/store.h"
#include "peer/offers.h"

/* Of whom it is remembered what they may write still. Our choice: more than write at a time. */
#define HOSTED_SHARE_GIVERS 256u
/* This part of a full cache is made free at a time, and may be written beyond half: our choice, so
 * that the index is seldom asked. At most so much, so that it is done soon. */
#define HOSTED_SHARE_PART 64u
#define HOSTED_SHARE_PORTION_MAX (UINT64_C(256) << 20)

struct hosted_share;

/* SEED: random. -ENOMEM. */
int hosted_share_create(struct store *store, uint64_t seed, struct hosted_share **share_out);
/* NULL is fine. */
void hosted_share_free(struct hosted_share *share);
/* Before OCTETS more of GIVER's are written. */
void hosted_share_make_room(struct hosted_share *share, const struct offers_giver *giver,
			    uint64_t octets);

#endif
