/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a hosted cache knows of segments: content information that came by offers of version 1.0
 * (hosted-cache.md sections 8.2 and 9), and whatever else the store has.
 *
 * A complete list is kept in the store: it describes an object of its own, of exactly that segment,
 * at the path HOSTED_KNOWN_FOLDER/GIVER/ID-LENGTH in hexadecimal digits. So blocks of it are
 * verified, given away, evicted and found again after a restart like any others. All of it counts
 * as given by who gave the list (peer/hosted_share.h).
 *
 * The id speaks for all of a list but for the length of the last block: that is what its sender
 * says, until a last block comes whose hash is right.
 *
 * Calls block on disk; any thread but a loop thread.
 */
#ifndef PEER_HOSTED_KNOWN_H
#define PEER_HOSTED_KNOWN_H

#include <stdbool.h>
#include <stdint.h>

#include "cache/content_v1_single.h"
#include "cache/store.h"
#include "cache/store_known.h"
#include "peer/offers.h"

#define HOSTED_KNOWN_FOLDER "offered"
/* The one version that such an object has: its id stands for all of its octets. */
#define HOSTED_KNOWN_VALIDATOR "1"

/* Whether all of the segment is described, and its algorithm and octets then. */
bool hosted_known_has(struct store *store, struct pccrr_id id, enum digest_algorithm *algorithm_out,
		      uint32_t *length_out);
/* Keeps a complete list, unless the segment is known. 0; -EINVAL: it is not complete; -ENOSPC;
 * -ENOMEM. */
int hosted_known_keep(struct store *store, const struct offers_giver *giver,
		      const struct content_v1_single *single);
/* DATA has the hash of the last block of what is KNOWN, but LENGTH octets, other than what that
 * says: it is kept, with all blocks that are held, as what the segment is. What was offered of the
 * wrong length goes. -EBADMSG: it has not that hash; -EINVAL: it is not of version 1.0, or no block
 * is so long; as hosted_known_keep(). */
int hosted_known_prove(struct store *store, const struct offers_giver *giver,
		       const struct store_known *known, const void *data, uint32_t length);

/* Where all lies that GIVER has brought. */
#define HOSTED_KNOWN_PATH_MAX (sizeof(HOSTED_KNOWN_FOLDER) + 1 + 2 * OFFERS_GIVER_SIZE)
void hosted_known_folder(const struct offers_giver *giver, char path_out[HOSTED_KNOWN_PATH_MAX]);
/* Who has brought what is at PATH; false: it did not come by an offer. */
bool hosted_known_giver(const char *path, struct offers_giver *giver_out);

#endif
