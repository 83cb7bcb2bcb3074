/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a hosted cache knows of segments: content information that came by offers of version 1.0
 * (hosted-cache.md sections 8.2 and 9), and whatever else the store has.
 *
 * A complete list is kept in the store: it describes an object of its own, of exactly that segment,
 * at the path HOSTED_KNOWN_FOLDER/ID in hexadecimal digits. So blocks of it are verified, given
 * away, evicted and found again after a restart like any others.
 *
 * Calls block on disk; any thread but a loop thread.
 */
#ifndef PEER_HOSTED_KNOWN_H
#define PEER_HOSTED_KNOWN_H

#include <stdbool.h>
#include <stdint.h>

#include "cache/content_v1_single.h"
#include "cache/store.h"
#include "peer/pccrr.h"

#define HOSTED_KNOWN_FOLDER "offered"
/* The one version that such an object has: its id stands for all of its octets. */
#define HOSTED_KNOWN_VALIDATOR "1"

/* Whether all of the segment is described, and its algorithm and octets then. */
bool hosted_known_has(struct store *store, struct pccrr_id id, enum digest_algorithm *algorithm_out,
		      uint32_t *length_out);
/* Keeps a complete list, unless the segment is known. One call of it at a time for a store. 0;
 * -EINVAL: it is not complete; -ENOSPC; -ENOMEM. */
int hosted_known_keep(struct store *store, const struct content_v1_single *single);

#endif
