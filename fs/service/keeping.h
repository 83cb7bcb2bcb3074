/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The octets of a publication in the store, for peers, while they stream through. They are a cache
 * like all else there: where the disk gives trouble or there is no room they are not kept, and
 * nobody hears of it.
 *
 * One object takes them while nobody knows yet which blocks they will be, and is described when all
 * have come. Peers ask by either version of content information, and an object has one: with both
 * versions enabled there are two objects, each with all octets, and the second one is copied from
 * the first (which needs no block hashes again).
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
/* SIZE octets have come, and there are no more. What has them, to be described; the keeping's own.
 * NULL: none has. */
struct object *keeping_end(struct keeping *keeping, uint64_t size);
void keeping_free(struct keeping *keeping);

/* All units of TO that FROM has the octets of, which are known to be TO's. GO_ON is asked now and
 * then. */
void keeping_copy(struct object *from, struct object *to, bool (*go_on)(void *context),
		  void *context);

#endif
