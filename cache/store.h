/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Blocks on disk: never wrong, sometimes absent.
 *
 * A store is one directory with one owner. It keeps *objects*: an object is one version of one
 * path's content, cut into units (cache/cutting.h). A unit is absent, or present with its length
 * and XXH3-128. What is small as a whole (one unit) lies in a *pack*, an append-only file that
 * many share; anything else is a sparse file with every octet at its true offset. A *run* is up to
 * STORE_RUN_UNITS neighbouring units of an object, or one pack: it is one row of the index, and the
 * unit of eviction. A run that is being read is pinned and never evicted.
 *
 * Rule: a unit whose record or checksum does not hold is absent. So nothing is synced on the data
 * path, and a crash at any instant costs fetching again. Records reach the index a moment after
 * their unit (a flusher thread that groups them), so that a killed daemon loses milliseconds.
 *
 * The limit counts everything in the directory, the index included, and is never exceeded: room is
 * made before a unit is written, and where none can be made the write is refused with -ENOSPC.
 * A failing disk is the same to the caller: -ENOSPC, one warning, tried again later.
 *
 * Calls block on disk; any thread but the loop thread. Paths: as in cache/catalog.h.
 */
#ifndef CACHE_STORE_H
#define CACHE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "cache/cutting.h"

#define STORE_RUN_UNITS 64u
#define STORE_SIZE_UNKNOWN UINT64_MAX

struct store;
struct object;

struct store_options {
	const char *directory; /* made with mode 0700 if missing */
	bool unlinked;     /* nothing outlives the store: files below DIRECTORY have no names and
			    * the index is in memory */
	const char *scope; /* origin URL and a digest of the credentials: objects and names of other
			    * scopes in the same directory are never seen */
	const char *owner; /* for the message to a second owner: the mount point */
	uint64_t limit;    /* octets */
	int64_t max_age;   /* seconds without use after which a run goes; 0: never */
	int64_t (*now)(void); /* seconds since 1970; NULL: the system's clock */
};

/* 0; -EBUSY when another process owns the directory, -EACCES, -EROFS, ...; MESSAGE then says what,
 * which and what to do. A damaged index is put aside and the store starts with what can be proven.
 * What a former owner with a greater limit has left goes in the background, at once. */
int store_open(const struct store_options *options, struct store **store_out, char *message,
	       size_t message_size);
/* The directory and all in it belong to this user from now on; for root. */
int store_give(struct store *store, uid_t uid, gid_t gid);
/* Every object, and every content that came from the store, must have been put. NULL is fine. */
void store_close(struct store *store);
/* Returns when all that was written before is in the index. */
int store_flush(struct store *store);

/* Finds or makes the object of this version of PATH. SIZE: octets, or STORE_SIZE_UNKNOWN until
 * object_finish(). An object of the same path and validator but another size is another version.
 * A reference is taken; give it back with object_put(). */
int store_object(struct store *store, const char *path, const char *validator, uint64_t size,
		 struct object **object_out);
/* Like store_object(), but -ENOENT instead of making one: neither data nor content information of
 * this version are there. */
int store_find(struct store *store, const char *path, const char *validator, uint64_t size,
	       struct object **object_out);
/* Other versions of PATH than OBJECT's are no longer wanted: each goes when its last reference
 * does. Returns whether some may have one. */
bool store_supersede(struct store *store, struct object *object);

struct object *object_get(struct object *object);
/* NULL is fine. */
void object_put(struct object *object);

uint64_t object_size(const struct object *object); /* STORE_SIZE_UNKNOWN before object_finish() */
/* Valid as long as the caller has its reference, also when another one takes its place
 * (cache/store_content.h). */
const struct cutting *object_cutting(const struct object *object);
/* The size has become known. -EINVAL when data behind SIZE exist or it was known. */
int object_finish(struct object *object, uint64_t size);
uint64_t object_cached(struct object *object); /* octets present */
bool object_complete(struct object *object);

/* How many units from FIRST on, at most COUNT, are all present (or all absent, if the first is). */
uint32_t object_extent(struct object *object, uint32_t first, uint32_t count, bool *present_out);
/* Reads and checks. Every unit that the range touches is checked whole, but in a read smaller than
 * its unit a check less than a minute old is believed. 0; -ENOENT when a unit is absent; -EBADMSG
 * when one did not match: it is dropped, counted, and absent from now on. BUFFER is undefined
 * unless 0 is returned. */
int object_read(struct object *object, uint64_t offset, size_t length, void *buffer);
/* Keeps a unit whose bytes the caller vouches for. 0, also when it is there already; -ENOSPC (see
 * above); -EINVAL when LENGTH is not the unit's. */
int object_write(struct object *object, uint32_t unit, const void *data, size_t length);
/* Drops those of COUNT units from FIRST on that are present. Waits until nobody reads or writes the
 * object. */
void object_discard(struct object *object, uint32_t first, uint32_t count);

/* Wishes. A pinned path and all below it are never evicted, by size or by age. */
int store_pin(struct store *store, const char *path, bool pinned);

struct store_usage {
	uint64_t used, limit;
	uint64_t room;     /* what can be kept still before anything has to go */
	uint64_t contents; /* objects of which something is present */
	uint64_t segments; /* that content information of objects describes: something may
			    * be present of each (cache/store_segment.h); a moment late */
	uint64_t opaque;   /* blocks of cache/store_opaque.h, not counted above */
	uint64_t checksum_errors;
	uint64_t evicted; /* octets since the store was opened */
};
void store_usage(struct store *store, struct store_usage *usage_out);
/* Evicts at once if it must. -EBUSY when what is pinned and the index would not fit: nothing is
 * evicted then. -EINVAL: too small for any store. */
int store_resize(struct store *store, uint64_t limit);
/* Drops data and content information of PATH and below (NULL: all). Objects in use stay usable,
 * empty; what describes them goes with their last reference. FREED_OUT: octets. */
int store_clear(struct store *store, const char *path, uint64_t *freed_out);

/* About how many octets what lies below PATH takes, described contents being all of it, other than
 * what shares a pack. One row for each is looked at. */
uint64_t store_octets_below(struct store *store, const char *path);
/* Of what lies below PATH, what was used longest ago goes, until OCTETS are free, or a number of
 * runs are. Returns how many came free; 0: nothing can go. */
uint64_t store_evict_below(struct store *store, const char *path, uint64_t octets);
#define STORE_BELOW_MAX 128 /* octets of such a path: nothing lies below a longer one */

struct store_progress {
	uint64_t checked, bad; /* octets */
};
/* Checks every present unit of PATH and below (NULL: all), drops the bad; content information that
 * does not hold is not used any more. CONTINUE_ is asked now
 * and then and may return false: -ECANCELED. Long: POOL_IDLE or a thread of its own. */
int store_verify(struct store *store, const char *path,
		 bool (*continue_)(void *context, const struct store_progress *progress),
		 void *context, struct store_progress *progress_out);

void store_set_max_age(struct store *store, int64_t max_age);
int64_t store_max_age(struct store *store);
/* The age limit, now. Called by the owner every few minutes. */
void store_expire(struct store *store);

#endif
