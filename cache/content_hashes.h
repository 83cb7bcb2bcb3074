/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What content information says of a content's bytes, before a server secret enters: worth
 * keeping, since a new secret or another range needs no bytes again (content-information.md
 * section 11). Version 1.0: the hash of every block of 65536 bytes. Version 2.0: length and hash
 * of every segment. Immutable once made, so any thread may read it.
 */
#ifndef CACHE_CONTENT_HASHES_H
#define CACHE_CONTENT_HASHES_H

#include <stdint.h>

#include "cache/content.h"
#include "cache/digest.h"

struct content_hashes {
	unsigned version; /* 1 or 2 */
	enum digest_algorithm algorithm;
	uint64_t size;     /* of the content */
	uint32_t count;    /* blocks or segments */
	uint32_t *lengths; /* version 2.0: of the segments; else NULL */
	uint8_t *hashes;   /* digest_size octets each */
};

/* The two arrays; not the struct. */
void content_hashes_clear(struct content_hashes *hashes);

/* Out of content information that is backed. -EINVAL: not of a whole content, as far as its range
 * tells; -EBADMSG: its backing is not what was read at first; what the backing's read gives. */
int content_hashes_of(const struct content *content, struct content_hashes *hashes_out);

/* Takes the encoded form in portions, in order; anything but 0 ends the writing. */
typedef int content_hashes_put(void *owner, const void *data, size_t size);
/* Content information of LENGTH octets from START on, with the segment secrets that Ks gives
 * (secret_server). SIZE_OUT, not NULL, gets the size of the whole before the first portion. Returns
 * what PUT did; -EINVAL: no content, or a range that is empty or beyond it; -ENOMEM. */
int content_hashes_write(const struct content_hashes *hashes, const uint8_t *ks, uint64_t start,
			 uint64_t length, uint64_t *size_out, content_hashes_put *put, void *owner);

#endif
