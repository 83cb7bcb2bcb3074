/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the files of parts share: parts.c (opening, closing, writing, flushing), parts_place.c (the
 * objects that a content's blocks are kept in), parts_read.c (what is here), parts_elsewhere.c
 * (blocks that other objects have), parts_search.c (blocks from nearby).
 *
 * A content has up to three *places*: the run of segments that are listed wholly, and before and
 * behind it, in version 1.0, a segment of which only some blocks are listed. What is kept in the
 * object of a whole run was checked before against hashes that its name stands for. Of a partly
 * listed segment the list is bound to nothing but itself, and a program may make one up: the object
 * is that of the list, which its name stands for, and shared by those who have the same. What is
 * found of the segment elsewhere is checked against the list, and so is what is read here.
 */
#ifndef FS_SERVICE_PARTS_PRIVATE_H
#define FS_SERVICE_PARTS_PRIVATE_H

#include <pthread.h>

#include "cache/store_segment.h"
#include "cache/store_tags.h"
#include "fs/service/parts.h"

#define PARTS_PLACES 3u
/* Segments found elsewhere that are kept, so that reading on, or here and there, need not find them
 * again. Our choice. */
#define PARTS_FOUND 16u

struct place {
	struct object *object;         /* a reference */
	struct fetch_file *file;       /* a reference */
	const struct cutting *cutting; /* the object's */
	uint64_t base;                 /* where the object begins in the content */
	uint64_t start, end;           /* in the content: what is listed of it; whole blocks */
	uint32_t first;                /* among the listed segments */
	bool partly;                   /* a partly listed segment */
};

/* A segment that another object has. */
struct elsewhere {
	unsigned references;  /* atomic */
	uint32_t index;       /* among the content's listed ones */
	uint64_t offset, end; /* of the segment in the content */
	struct store_segment *segment;
};

/* Tags what comes. */
struct tagger {
	struct fetch_witness witness; /* first, so that one pointer is the other */
	struct store_tag tag;
};

struct parts {
	/* Constant. */
	struct fetch *fetch;
	struct store *store;
	struct content *content; /* a reference */
	bool kept;               /* it is the first place's object's */
	struct store_tag tag;
	struct tagger *tagger; /* a reference */
	unsigned place_count;
	struct place places[PARTS_PLACES];

	pthread_mutex_t lock;
	struct elsewhere *found[PARTS_FOUND]; /* by index; guarded by lock */
};

/* ---- parts_place.c ---- */

/* Finds out where all of the content is kept. What was made until it failed is to be closed. */
int places_open(struct parts *parts);
void places_close(struct parts *parts);
/* NULL: nothing listed holds OFFSET. */
struct place *place_at(struct parts *parts, uint64_t offset);
static inline uint32_t place_unit(const struct place *place, uint64_t offset)
{
	return cutting_unit_at(place->cutting, offset - place->base);
}
/* In the content. */
static inline uint64_t place_offset(const struct place *place, uint32_t unit)
{
	return place->base + cutting_offset(place->cutting, unit);
}
/* The first unit behind what is before END (in the content) and listed. */
uint32_t place_units_end(const struct place *place, uint64_t end);
/* Reads the UNIT of a place that is partly listed, and checks it. DATA has room for CUTTING_UNIT.
 * 0; -ENOENT. */
int place_read_checked(struct parts *parts, struct place *place, uint32_t unit, void *data);

/* ---- parts_search.c ---- */

/* NULL: no memory. */
struct tagger *tagger_create(const struct store_tag *tag);

/* ---- parts_elsewhere.c ---- */

/* Which blocks of the segment that holds OFFSET, in PLACE, other objects have. BLOCK_OUT: the one
 * that holds OFFSET; BLOCKS_OUT: how many there are. */
int elsewhere_look(struct parts *parts, const struct place *place, uint64_t offset,
		   uint64_t held_out[STORE_SEGMENT_WORDS], uint32_t *block_out,
		   uint32_t *blocks_out);
/* Octets from OFFSET to the end of its block at most, checked. Returns how many; 0: no other object
 * has the block. */
size_t elsewhere_read(struct parts *parts, const struct place *place, uint64_t offset, void *buffer,
		      size_t size);
void elsewhere_close(struct parts *parts);

#endif
