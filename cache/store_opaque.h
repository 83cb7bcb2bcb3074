/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Opaque blocks: what a hosted cache has got by offers of version 2.0, cannot decrypt or check, and
 * gives to others as it came (hosted-cache.md section 9). Of each is known where it belongs
 * (segment id and block), what is needed to send it again, who gave it, and when.
 *
 * They lie in packs of the same store, under the same limit, age and rule: a block whose record or
 * checksum does not hold is absent. A pack holds blocks of one *giver*, so that room can be taken
 * from him alone. No block is larger than STORE_OPAQUE_MAX, and there may be many: a cache of 1 TiB
 * has 16 million of 64 KiB. Nothing is kept in memory of those that are not in use, and a store
 * that never had any pays nothing.
 *
 * Calls block on disk; any thread but a loop thread.
 */
#ifndef CACHE_STORE_OPAQUE_H
#define CACHE_STORE_OPAQUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cache/digest.h"
#include "cache/store.h"
#include "cache/store_segment.h"

#define STORE_OPAQUE_IV_SIZE 16u
#define STORE_OPAQUE_GIVER_SIZE 9u
/* Octets of data: a block of 128 KiB, padded. */
#define STORE_OPAQUE_MAX (CUTTING_UNIT_MAX + 16u)

/* A name for who gave a block; the caller's, zeros are one like others. */
struct store_giver {
	uint8_t octets[STORE_OPAQUE_GIVER_SIZE];
};

struct store_opaque {
	const uint8_t *id; /* the segment's, 32 to DIGEST_SIZE_MAX octets */
	size_t id_size;
	uint32_t block;        /* in the segment, below STORE_SEGMENT_BLOCKS */
	uint8_t algorithm;     /* enum digest_algorithm, of the offer by which it came */
	uint32_t segment_size; /* octets, as that offer said */
	uint8_t cipher;        /* CryptoAlgoId, as on the wire; 0: not encrypted, without IV */
	uint8_t iv[STORE_OPAQUE_IV_SIZE];
	uint32_t size; /* octets of the data, 1 to STORE_OPAQUE_MAX */
	struct store_giver giver;
};

/* Where room is made when there is none. */
enum store_opaque_room {
	STORE_OPAQUE_ROOM_OF_ALL,    /* what was used longest ago goes, whosever it is */
	STORE_OPAQUE_ROOM_OF_GIVERS, /* the packs of its giver that were begun first go; -ENOSPC
				      * when he has none */
};

/* Keeps a block in place of what was there under its id and number. *HAD_OUT (may be NULL): there
 * was one; *FORMER_OUT (may be NULL): who had given that. 0; -ENOSPC as object_write(); -EINVAL.
 */
int store_opaque_write(struct store *store, const struct store_opaque *block, const void *data,
		       enum store_opaque_room room, bool *had_out, struct store_giver *former_out);
/* Fills BLOCK_OUT, but for id and giver, and DATA, which has room for STORE_OPAQUE_MAX. 0; -ENOENT;
 * -EBADMSG: it was damaged on disk, and is dropped. */
int store_opaque_read(struct store *store, const uint8_t *id, size_t id_size, uint32_t block,
		      struct store_opaque *block_out, void *data);
/* It is dropped: something better is there. -ENOENT. */
int store_opaque_drop(struct store *store, const uint8_t *id, size_t id_size, uint32_t block);

/* Which blocks of a segment are held, as store_segment_held(); returns how many. *AGE_MS_OUT (may
 * be NULL): since the oldest of them came. */
uint32_t store_opaque_held(struct store *store, const uint8_t *id, size_t id_size,
			   uint64_t held_out[STORE_SEGMENT_WORDS], uint64_t *age_ms_out);

/* The first block from FROM on that is held; STORE_SEGMENT_BLOCKS: none. Far cheaper than all. */
uint32_t store_opaque_next(struct store *store, const uint8_t *id, size_t id_size, uint32_t from);

/* The same as store_opaque_held() for many ids at once, as a summary each (blocks: 0); far cheaper
 * than one by one. 0; -ENOMEM. */
int store_opaque_look(struct store *store, const uint8_t *const *ids, const size_t *id_sizes,
		      unsigned count, struct store_segment_summary *summaries_out);

/* What is held of a segment, block by block, ascending. */
struct store_opaque_held {
	uint32_t block;
	uint8_t algorithm;
	uint32_t segment_size;
	struct store_giver giver;
	uint64_t age_ms;
};
/* HELD_OUT has room for STORE_SEGMENT_BLOCKS. Returns how many. */
unsigned store_opaque_list(struct store *store, const uint8_t *id, size_t id_size,
			   struct store_opaque_held *held_out);

/* Octets that GIVER has given of what is held opaque, and all that the store holds, verified or not
 * (without the index). Of givers without number only the 4096 with most are remembered here, and
 * those that write: 0 for another one, who has less than that part. Cheap; any thread, also a loop
 * thread. */
void store_opaque_share(struct store *store, const struct store_giver *giver, uint64_t *given_out,
			uint64_t *held_out);

/* The pack of GIVER's that was begun first goes. -ENOENT: he has none, or each is in use. */
int store_opaque_evict(struct store *store, const struct store_giver *giver);

/* Octets of all that is held opaque, by whomever it was given. Blocks on disk. */
uint64_t store_opaque_octets(struct store *store);

/* Every opaque block, for copying them elsewhere: what is added or goes meanwhile may be missed,
 * and what is damaged is dropped. Nothing is locked during the call, and it is no use of the block.
 * BLOCK's id and DATA are good during the call. What EACH gives, if not 0, ends it and is returned.
 */
typedef int store_opaque_each(void *context, const struct store_opaque *block, const void *data);
int store_opaque_walk(struct store *store, store_opaque_each *each, void *context);

#endif
