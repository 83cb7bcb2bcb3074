/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the store's files share of segments. The public side is cache/store_segment.h; locks are in
 * cache/store_private.h.
 *
 * The *names* of a content are the keys of its segments' ids, made while an object is surveyed.
 * From the moment that the content describes the object they are known in memory, and the flusher
 * makes rows of them, a few at a time; then they are gone from memory. A row says: what has this
 * key may be segment NUMBER of the content in FILE. Files have a number of their own for ever, so
 * nothing that is left behind can speak for anything else, and all that is left behind is inert.
 */
#ifndef CACHE_STORE_SEGMENT_PRIVATE_H
#define CACHE_STORE_SEGMENT_PRIVATE_H

#include "cache/store_content_private.h"
#include "cache/store_segment.h"

/* Our choice: places that are considered for one id. */
#define SEGMENT_PLACES 32u

/* Where a segment may be. */
struct segment_place {
	uint64_t object, file;
	uint32_t number;
	int64_t since; /* seconds: when FILE came to describe OBJECT */
};

/* ---- store_segment.c ------------------------------------------------------------------------- */

/* Lets go of what was found and not found again since BEFORE; INT64_MAX: of all. Neither lock held,
 * nothing begun. Whether there was anything. */
bool segment_release(struct store *store, int64_t before);
/* Of what was not found again for a while. */
void segment_release_idle(struct store *store);

/* ---- store_segment_holding.c ----------------------------------------------------------------- */

struct holding {
	unsigned version;
	uint32_t first, blocks, held;
	uint64_t words[STORE_SEGMENT_WORDS];
};

/* Begins the object if FILE describes it. It does not wait for who has it alone, since that one is
 * about to change that. Lock held. */
bool holding_begin(struct object *object, uint64_t file);
/* What of segment NUMBER is held now; none when FILE does not describe OBJECT. SUPERSEDED: even if
 * the object is. Lock not held. Whether there is such a segment. */
bool holding_measure(struct object *object, uint64_t file, uint32_t number, bool superseded,
		     struct holding *holding_out);

struct candidate {
	struct object *object; /* a reference */
	struct segment_place place;
	struct holding holding;
	bool described; /* the object has such a segment now; how much of it says HOLDING */
};

struct candidates {
	unsigned count;
	struct candidate list[SEGMENT_PLACES];
};

/* Who may have the segment of this id, of this scope, and how much each holds now; the id has yet
 * to be proven. Neither lock held. */
void candidates_gather(struct store *store, const uint8_t *id, size_t id_size,
		       struct candidates *candidates_out);
void candidates_put(struct candidates *candidates);
/* That with most of it; NULL: nobody has any. */
struct candidate *candidates_best(struct candidates *candidates);

/* ---- store_segment_names.c ------------------------------------------------------------------- */

struct segment_names;

/* Those of CONTENT, which is in FILE. -ECANCELED; -ENOMEM; what reading it gives. */
int segment_names_make(const struct content *content, uint64_t file,
		       bool (*continue_)(void *context), void *context,
		       struct segment_names **names_out);
/* NULL is fine. */
void segment_names_free(struct segment_names *names);
/* Their content describes OBJECT. Both locks held. */
void segment_names_add(struct object *object, struct segment_names *names);
/* Where the segment of this id may be. index.lock held. Returns how many. */
unsigned segment_names_look(struct store *store, const uint8_t *id, size_t id_size,
			    struct segment_place places_out[SEGMENT_PLACES]);
/* Makes rows of some, and sweeps rows away. index.lock held, all else recorded. Returns whether
 * there is more to do. */
bool segment_names_record(struct store *store);
/* Takes the index over. CLEAN: the former session left nothing undone. index.lock not needed. */
int segment_names_open(struct store *store, bool clean);
/* Records what is left; all else is recorded. Nobody else uses the store. */
void segment_names_close(struct store *store);

/* ---- store_segment_backlog.c ----------------------------------------------------------------- */

/* A thread names what was described before, and has no names in the index. */
int segment_backlog_start(struct store *store);
void segment_backlog_stop(struct store *store);

#endif
