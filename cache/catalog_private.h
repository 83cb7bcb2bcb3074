/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the catalog's files share. It has no memory of its own: everything is in rows, under
 * index.lock (cache/store_private.h).
 *
 * Row dir: "generation" is the number of the listing that holds (0: none yet), "attempt" that of
 * the last one that was begun, "next" the next free position.
 * Row entry: "first" and "last" are the numbers of the listings since when and until when the name
 * is listed, both 0 if it never was but the origin was asked for it. So a name is listed when
 * first <= dir.generation <= last; a listing that is being written shows when it is complete, all
 * at once; and a name with 0 < last < generation is forgotten, only not deleted yet. "said" is a
 * checksum of what the last listing said of the name; 0: nothing. "position" orders a listing and
 * is the name's cookie.
 */
#ifndef CACHE_CATALOG_PRIVATE_H
#define CACHE_CATALOG_PRIVATE_H

#include "cache/catalog.h"
#include "cache/store_private.h"

struct catalog {
	struct store *store;
	/* One listing is written, or some forgotten, at a time. Taken before index.lock, held over
	 * all of it. */
	pthread_mutex_t replacing;
	LIST_HEAD(, catalog_hold) holds; /* index.lock */
};

struct catalog_hold {
	LIST_ENTRY(catalog_hold) in_catalog;
	char path[];
};

int catalog_create(struct store *store, struct catalog **catalog_out);
void catalog_free(struct catalog *catalog);

/* A row of dir. index.lock held. */
struct catalog_dir {
	int64_t id, fetched, count, generation, attempt, next;
};
int catalog_dir(struct catalog *catalog, const char *path, struct catalog_dir *dir_out);
/* As above, made if it is not there. */
int catalog_make_dir(struct catalog *catalog, const char *path, struct catalog_dir *dir_out);

#define ENTRY_COLUMNS "kind, flags, size, mtime, mode, checked, validator"
#define ENTRY_COLUMN_COUNT 7
/* From a row whose columns from FIRST on are ENTRY_COLUMNS. */
void catalog_entry_of(sqlite3_stmt *row, int first, struct entry *entry_out);

/* What was written is to be committed soon. index.lock held. */
void catalog_wrote(struct catalog *catalog);

#endif
