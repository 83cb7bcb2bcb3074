/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The names of an origin's tree and what is known of each, kept in the store's index so that they
 * outlive the mount and the origin. It holds two kinds of knowledge of a name: what the last
 * listing said, and what the origin itself said of the name (HEAD, GET), which is exact. When a
 * new listing repeats what the former one said of a name, the exact knowledge stays; when it says
 * something else the exact knowledge is no longer believed (checked becomes 0) and the listing's
 * size and time take its place.
 *
 * DIR arguments are paths relative to the origin's root, decoded, without slashes at the ends; ""
 * is the root. Times are seconds since 1970 and come from the caller. Calls block on disk for
 * microseconds (listings: longer); any thread but the loop thread.
 */
#ifndef CACHE_CATALOG_H
#define CACHE_CATALOG_H

#include "cache/directory.h"
#include "cache/store.h"

struct catalog;
struct catalog_hold;

/* Belongs to the store and goes with it. */
struct catalog *store_catalog(struct store *store);

/* 0; -ENOENT when nothing is known of the name (a name known to be absent is found, with kind
 * ENTRY_ABSENT). */
int catalog_find(struct catalog *catalog, const char *dir, const char *name,
		 struct entry *entry_out);
/* Records what the origin itself said of a name, ENTRY_ABSENT included. */
int catalog_learn(struct catalog *catalog, const char *dir, const char *name,
		  const struct entry *entry);

struct catalog_listing {
	int64_t fetched; /* 0: never */
	uint32_t count;
	bool complete;
};
/* 0; -ENOENT when there is no listing of DIR. */
int catalog_listing(struct catalog *catalog, const char *dir, struct catalog_listing *listing_out);
/* Replaces the listing of DIR by DIRECTORY; names that were listed and are not any more are
 * forgotten with all below them. Other names stay findable while it runs. -ENOSPC: the limit or the
 * volume has no room; something was evicted if anything could be, so it may be tried again. */
int catalog_replace(struct catalog *catalog, const char *dir, const struct directory *directory,
		    int64_t now);

struct catalog_name {
	uint64_t cookie; /* pass to catalog_read() to go on behind this name; stays valid over a
			  * replaced listing as long as the name does */
	struct entry entry;
	char name[DIRECTORY_NAME_MAX + 1];
};
/* The listed names behind AFTER (0: from the first), up to MAX of them, in listing order. Returns
 * how many; 0 at the end; or a negative errno. */
int catalog_read(struct catalog *catalog, const char *dir, uint64_t after,
		 struct catalog_name *names, int max);

/* The listed names behind NAME, up to MAX of them, in listing order. As catalog_read(). */
int catalog_behind(struct catalog *catalog, const char *dir, const char *name,
		   struct catalog_name *names, int max);

/* While a directory is held, its listed names stay readable: catalog_forget() only has them no
 * longer believed. NULL: not enough memory. */
struct catalog_hold *catalog_hold(struct catalog *catalog, const char *dir);
/* NULL is fine. */
void catalog_release(struct catalog *catalog, struct catalog_hold *hold);

/* Forgets all that is known of PATH and below it. NULL or "": everything. */
int catalog_forget(struct catalog *catalog, const char *path);

/* Small facts about the origin itself that a mount wants to find again (its kind, its dialect).
 * VALUE_OUT gets at most SIZE octets with the terminating NUL; -ENOENT. */
int catalog_fact(struct catalog *catalog, const char *key, char *value_out, size_t size);
int catalog_set_fact(struct catalog *catalog, const char *key, const char *value);

#endif
