/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the store's files share of opaque blocks. The public side is cache/store_opaque.h; locks are
 * in cache/store_private.h.
 *
 * In its pack a block is preceded by a header that says all of it, under a checksum. In the index
 * it has a row of table "opaque" with what is needed to find it and to judge an offer, and nothing
 * more, since there may be 16 million of them. Rows are changed under index.lock, each change as a
 * whole: the row, its pack's row of "run", its giver's, the total. So a block has a row only while
 * the row of its pack is there, at whichever commit the process is killed.
 *
 * Which giver a pack is of is said in its row of "run" ("present"), so that neither can be without
 * the other.
 */
#ifndef CACHE_STORE_OPAQUE_PRIVATE_H
#define CACHE_STORE_OPAQUE_PRIVATE_H

#include "cache/store_opaque.h"
#include "cache/store_private.h"

/* Our choices. */
enum {
	OPAQUE_OPEN_PACKS = 64, /* taking what is written, one for each giver */
	/* In one pack at most: deleting their rows changes so many pages in one transaction. */
	OPAQUE_PACK_BLOCKS = 128,
	/* Givers in memory, those with most: whoever is not among them has less than this part. */
	OPAQUE_GIVERS = 4096,
	OPAQUE_GIVER_BUCKETS = 512,
};

#define OPAQUE_MAGIC 0x4b434c42u /* "BLCK" */

/* Before each block; numbers as this machine has them. No padding. */
struct opaque_header {
	uint32_t magic, size, segment_size;
	uint16_t block;
	uint8_t id_size, cipher;
	uint8_t iv[STORE_OPAQUE_IV_SIZE];
	uint8_t id[DIGEST_SIZE_MAX]; /* zeros at the end */
	uint8_t algorithm, zeros[7];
	XXH128_hash_t data_sum, sum; /* the last one of all before it */
};
_Static_assert(sizeof(struct opaque_header) == 136, "as it is on disk");

/* ---- store_opaque_rows.c: the index ---------------------------------------------------------- */

/* Key and block as one number: the row's. Blocks of a segment are neighbours. */
int64_t opaque_row_id(const struct store *store, const uint8_t *id, size_t id_size, uint32_t block);

struct opaque_row {
	int64_t id;
	uint64_t pack;
	uint32_t start, length; /* of the header; of the data */
};

/* All of these: index.lock held, store.lock not. */

/* 1, 0: there is none, or a negative errno. A row that cannot be is not there. */
int opaque_row_find(struct store *store, int64_t id, struct opaque_row *row_out);
/* The giver of what lies in PACK. The same. */
int opaque_row_giver(struct store *store, uint64_t pack, struct store_giver *giver_out);
/* Those behind AFTER, by pack; at most MAX. Returns how many. */
unsigned opaque_rows_next(struct store *store, const struct opaque_row *after,
			  struct opaque_row *rows_out, unsigned max);
/* Adds it; there is none. Counts it. */
int opaque_row_add(struct store *store, const struct opaque_row *row,
		   const struct opaque_header *header);
/* Deletes it, if it is still there, and takes it from its pack. 1, 0 or a negative errno. */
int opaque_row_drop(struct store *store, const struct opaque_row *row);
/* Ends a change: ERROR is what it gave; if negative, all that is not committed is undone. Commits
 * when much has been written. Returns ERROR, or why that failed. */
int opaque_rows_end(struct store *store, int error);

/* ---- store_opaque_givers.c ------------------------------------------------------------------- */

/* Guarded by store.lock. */
struct opaque_giver {
	LIST_ENTRY(opaque_giver) by_name, by_id;
	struct store_giver name; /* constant */
	uint64_t id;             /* of its row, if it has one; constant, never used again */
	uint64_t octets;
	unsigned users;
	struct pack *open; /* NULL: none */
};

struct opaque_givers {
	unsigned count;
	LIST_HEAD(, opaque_giver) by_name[OPAQUE_GIVER_BUCKETS], by_id[OPAQUE_GIVER_BUCKETS];
};

/* With a use. Neither lock held. */
int opaque_giver_get(struct store *store, const struct store_giver *name,
		     struct opaque_giver **giver_out);
void opaque_giver_put(struct store *store, struct opaque_giver *giver);
/* NULL: it is not in memory. Lock held. */
struct opaque_giver *opaque_giver_of(struct store *store, uint64_t id);
/* Adds OCTETS to, or takes them from, what giver ID is said to have given, in memory and in its
 * row. index.lock held, lock not. */
int opaque_giver_add(struct store *store, struct opaque_giver *giver, uint64_t octets);
int opaque_giver_less(struct store *store, uint64_t id, uint64_t octets);
/* Its row goes if no pack is left of it. The same. */
int opaque_giver_end(struct store *store, uint64_t id);

/* ---- store_opaque_pack.c: packs that take what is written ------------------------------------ */

/* A place for LENGTH octets in a pack of GIVER's, pinned. RESERVED, of the limit, is given back.
 * Neither lock held. */
int opaque_place(struct store *store, struct opaque_giver *giver, uint32_t length,
		 uint64_t reserved, struct pack **pack_out, uint32_t *start_out);

/* ---- store_opaque.c -------------------------------------------------------------------------- */

/* Reads and checks what ROW stands for, and drops it if it is bad, or has no pack. HEADER_OUT and
 * DATA (STORE_OPAQUE_MAX octets) are undefined unless 0 is returned. As store_opaque_read(). */
int opaque_load(struct store *store, const struct opaque_row *row, bool touch,
		struct opaque_header *header_out, void *data);
static inline bool opaque_none(struct store *store)
{
	return __atomic_load_n(&store->opaque, __ATOMIC_RELAXED) == 0;
}

#endif
