/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Segments by the id under which other machines ask for them (HoHoDk, content-information.md
 * section 5): which of them the store holds something of, whatever object and version of content
 * information they are of. Only what was checked against content information is held: units of an
 * object that has one (cache/store_content.h), at least one present.
 *
 * The ids are in the index from the moment that an object is described on, also after a restart;
 * an entry that does not hold any more (evicted, cleared, disowned, superseded) is found out when
 * it is asked for, never answered.
 *
 * Calls block on disk; any thread but a loop thread.
 */
#ifndef CACHE_STORE_SEGMENT_H
#define CACHE_STORE_SEGMENT_H

#include "cache/content.h"
#include "cache/store.h"

/* Blocks of a segment at most, in version 1.0; in 2.0 it has one. */
#define STORE_SEGMENT_BLOCKS 512u
#define STORE_SEGMENT_WORDS (STORE_SEGMENT_BLOCKS / 64)

struct store_segment;

/* -ENOENT: nothing of it is held. Of several objects that have it, the one with most of it. What is
 * found stays usable until it is put; what is held of it may become more or less meanwhile. */
int store_segment_find(struct store *store, const uint8_t *id, size_t id_size,
		       struct store_segment **segment_out);
/* The same, but of those that have BLOCK. */
int store_segment_find_block(struct store *store, const uint8_t *id, size_t id_size, uint32_t block,
			     struct store_segment **segment_out);
/* Which blocks some object has, all of them together, as far as the index knows; as
 * store_segment_held(). */
uint32_t store_segment_anywhere(struct store *store, const uint8_t *id, size_t id_size,
				uint64_t held_out[STORE_SEGMENT_WORDS]);
/* NULL is fine. */
void store_segment_put(struct store_segment *segment);

/* The secret is good for as long as SEGMENT. */
const struct content_segment *store_segment_description(const struct store_segment *segment);
/* The hashes of the blocks that are listed there, one after the other; of version 1.0.
 * HASHES_OUT: room for digest_size octets of each, which the size of the id is too. -ENOENT:
 * something else describes the object by now; or what reading content information gives. */
int store_segment_hashes(const struct store_segment *segment, uint8_t *hashes_out);
/* 1 or 2. */
unsigned store_segment_version(const struct store_segment *segment);
/* A bit for each block that is present, block 0 in the lowest bit of the first word. Returns how
 * many. */
uint32_t store_segment_held(struct store_segment *segment, uint64_t held_out[STORE_SEGMENT_WORDS]);
/* Milliseconds since this content information came to describe the segment's object (or, where that
 * was before the index knew segments, since it does); as good as what others are told needs to be,
 * to the second. */
uint64_t store_segment_age_ms(const struct store_segment *segment);
/* Whether content information here, of this scope, describes the segment completely; of the blocks
 * nothing need be held. */
bool store_segment_known(struct store *store, const uint8_t *id, size_t id_size);
/* Reads and checks a block. DATA has room for CUTTING_UNIT_MAX octets. 0; -ENOENT: it is not
 * present; -EBADMSG: it was damaged on disk, and is dropped. */
int store_segment_read(struct store_segment *segment, uint32_t block, void *data,
		       uint32_t *length_out);

/* What of it is known for a Probe's answer, without the rest: how many blocks are present (0: none,
 * or the id is unknown; zeros then) and of how many, and the age. Cheaper than finding it: what
 * describes the object is not read. 0; -ENOMEM. */
struct store_segment_summary {
	uint32_t held, blocks;
	uint64_t age_ms;
};
int store_segment_look(struct store *store, const uint8_t *id, size_t id_size,
		       struct store_segment_summary *summary_out);

#endif
