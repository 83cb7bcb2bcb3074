/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Content information of version 1.0 of exactly one segment, as a client hands it to a hosted cache
 * (hosted-cache.md section 5; content-information.md section 12, with what rule 9 says of it). Not
 * for cache/content.h: whatever its range, its list may be shorter than the segment, since it has
 * what the client has; and dwReadBytesInLastSegment has no meaning, since senders disagree on it.
 * Of the range only the start is looked at, to see where a short list begins.
 *
 * A complete list has been checked against HoD. What is verified by a short one is only what its
 * sender says it is: anybody who knows HoD and Kp can make a false one.
 *
 * Pure: nothing is allocated, and pointers lead into what was read.
 */
#ifndef CACHE_CONTENT_V1_SINGLE_H
#define CACHE_CONTENT_V1_SINGLE_H

#include <stddef.h>
#include <stdint.h>

#include "cache/bytes.h"
#include "cache/content.h"
#include "cache/digest.h"

/* Octets, the largest: 512 hashes of SHA-512. */
#define CONTENT_V1_SINGLE_MAX 32934u

struct content_v1_single {
	enum digest_algorithm algorithm;
	uint32_t skip; /* dwOffsetInFirstSegment */
	struct content_segment segment;
	/* A short list may begin here just as well as at segment.first_listed, and
	 * content_v1_single_check finds out. The same as that: there is no doubt. Not written. */
	uint32_t first_otherwise;
	const uint8_t *hashes;       /* segment.listed of them, one after the other */
	uint8_t id[DIGEST_SIZE_MAX]; /* HoHoDk; not written */
};

/* -EBADMSG: not that, or a complete list that does not make HoD; -ENOMEM and -ENOSYS as
 * digest_hash, and then nothing is known of it. */
int content_v1_single_read(const void *data, size_t size, struct content_v1_single *single_out);

/* Octets of the encoded form, dwReadBytesInLastSegment being the length of the segment. 0: a reader
 * would not take it, or not as it is meant. Hashes are not looked at. */
size_t content_v1_single_size(const struct content_v1_single *single);
/* OUT has room for content_v1_single_size octets, which must not be 0. */
void content_v1_single_write(const struct content_v1_single *single, struct bytes_out *out);

/* 0: DATA is BLOCK of the segment, all of it and nothing else; a doubt where the list begins is
 * over if this block tells. -EBADMSG: it is not; -ENOENT: the block has no hash here. */
int content_v1_single_check(struct content_v1_single *single, uint32_t block, const void *data,
			    size_t size);

#endif
