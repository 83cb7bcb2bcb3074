/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Segments that the store has content information of, whether or not anything of them is held: so
 * that blocks that come from elsewhere can be checked, and kept where they belong. (Of those that
 * something is held of, to give it away, cache/store_segment.h tells.)
 *
 * What was found keeps a reference to its object, and so its content information; put it soon. It
 * speaks for one content: when another one describes the object, or none, nothing is kept any more.
 *
 * Calls block on disk; any thread but a loop thread.
 */
#ifndef CACHE_STORE_KNOWN_H
#define CACHE_STORE_KNOWN_H

#include <stddef.h>
#include <stdint.h>

#include "cache/content.h"
#include "cache/store.h"

struct store_known;

/* -ENOENT: nothing describes all of it; -ENOMEM. Of several objects that have it, one that holds
 * most of it. */
int store_known_find(struct store *store, const uint8_t *id, size_t id_size,
		     struct store_known **known_out);
/* NULL is fine. */
void store_known_put(struct store_known *known);

/* Good for as long as KNOWN. */
const struct content_segment *store_known_segment(const struct store_known *known);
enum digest_algorithm store_known_algorithm(const struct store_known *known);
/* The object's path. */
const char *store_known_path(const struct store_known *known);
/* Octets of a block; 0: there is no such block. */
uint32_t store_known_length(const struct store_known *known, uint32_t block);
/* The hash of BLOCK. HASH_OUT: room for DIGEST_SIZE_MAX octets. -ENOENT: no such block; -ESTALE. */
int store_known_hash(const struct store_known *known, uint32_t block, uint8_t *hash_out);
/* Keeps BLOCK if DATA is that. 0, also when it is there already; -EBADMSG: it is not; -ENOENT: no
 * such block; -ESTALE: what described it is gone; -ENOSPC as object_write(). */
int store_known_write(struct store_known *known, uint32_t block, const void *data, size_t size);

#endif
