/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Lists of block hashes that came by offers of version 1.0 and are shorter than their segment
 * (hosted-cache.md section 9). Each is worth what its sender is worth: it says which blocks of the
 * segment are fetched from him, and what they are checked against, and nothing of what others give.
 * They are in memory alone, the most recent ones. Any thread.
 */
#ifndef PEER_HOSTED_LISTS_H
#define PEER_HOSTED_LISTS_H

#include <stdint.h>

#include "cache/content_v1_single.h"
#include "peer/cipher.h"
#include "peer/pccrr.h"
#include "peer/xaddr.h"

/* Our choice: 4 MiB of SHA-256, 9 MiB at most. Windows clients send whole lists. */
#define HOSTED_LISTS 256u

struct hosted_lists;
struct hosted_list;

/* SEED: random. -ENOMEM. */
int hosted_lists_create(uint64_t seed, struct hosted_lists **lists_out);
/* NULL is fine. */
void hosted_lists_free(struct hosted_lists *lists);

/* What SERVER, whose port does not count, says of the segment, instead of what it said before; it
 * is copied. -EINVAL: the list is not shorter than the segment; -ENOMEM. */
int hosted_lists_add(struct hosted_lists *lists, const struct xaddr *server,
		     const struct content_v1_single *single);
/* It is forgotten: the server offers the segment otherwise now. */
void hosted_lists_forget(struct hosted_lists *lists, const struct xaddr *server,
			 struct pccrr_id id);
/* With a reference; NULL: there is none. */
struct hosted_list *hosted_lists_find(struct hosted_lists *lists, const struct xaddr *server,
				      struct pccrr_id id);

/* NULL is fine. */
void hosted_list_put(struct hosted_list *list);
/* The blocks that it may have hashes of. Where it begins may be in doubt (content_v1_single.h)
 * until a block tells. */
void hosted_list_blocks(struct hosted_list *list,
			uint64_t blocks_out[RANGE_SET_WORDS(PCCRR_BLOCKS)]);
/* Whether DATA, LENGTH octets, is BLOCK: 0; -EBADMSG: it is not; -ENOENT: it has no hash, or that
 * is in doubt; -ENOMEM. */
int hosted_list_check(struct hosted_list *list, uint32_t block, const void *data, uint32_t length);
/* The segment's, as long as LIST. */
const uint8_t *hosted_list_secret(const struct hosted_list *list);

#endif
