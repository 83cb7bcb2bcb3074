/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The octets of a publication in the store, for peers, while they stream through. They are a cache
 * like all else there: where the disk gives trouble or there is no room they are not kept, and
 * nobody hears of it.
 *
 * One object takes them while nobody knows yet which blocks they will be. When all have come they
 * move to where consumers of that content have them (parts_object()), which others may have filled
 * already. Peers ask by either version of content information, and an object has one: with both
 * versions enabled there are two such objects. Copying needs no block hashes again.
 *
 * Calls block on disk; one thread at a time.
 */
#ifndef FS_SERVICE_KEEPING_H
#define FS_SERVICE_KEEPING_H

#include "cache/store.h"

struct keeping;

/* SIZE: octets that will come; STORE_SIZE_UNKNOWN. NULL: it is not possible. */
struct keeping *keeping_begin(struct store *store, const char *path, const char *validator,
			      uint64_t size);
/* NULL is fine here, and below. */
void keeping_add(struct keeping *keeping, const void *data, size_t size);
/* SIZE octets have come, and there are no more. Whether they were all written. */
bool keeping_end(struct keeping *keeping, uint64_t size);
/* What it has is dropped from the store. */
void keeping_free(struct keeping *keeping);

/* After the end: all units of TO, which is of the same octets, that KEEPING has and TO has not.
 * LAST: KEEPING needs not have them any more. GO_ON is asked now and then. */
void keeping_copy(struct keeping *keeping, struct object *to, bool last,
		  bool (*go_on)(void *context), void *context);

#endif
