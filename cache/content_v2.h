/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Writing content information of version 2.0 (content-information.md sections 8, 9 and 11), byte
 * for byte. A plan says which segments of the content are listed; then header and segments are
 * put, each at its own place. Pure. Reading is behind cache/content.h.
 */
#ifndef CACHE_CONTENT_V2_H
#define CACHE_CONTENT_V2_H

#include <stdint.h>

#include "cache/bytes.h"
#include "cache/digest.h"

#define CONTENT_V2_SEGMENT_MAX 131072u
#define CONTENT_V2_HEADER_SIZE 31u
#define CONTENT_V2_CHUNK_HEADER_SIZE 5u
#define CONTENT_V2_DESCRIPTION_SIZE 68u
#define CONTENT_V2_HASH_SIZE 32u /* of DIGEST_SHA512_TRUNC256 */
/* A chunk's length field allows no more; the next segment begins another chunk. */
#define CONTENT_V2_CHUNK_SEGMENTS (UINT32_MAX / CONTENT_V2_DESCRIPTION_SIZE)

struct content_v2_plan {
	uint64_t start;         /* ullStartInContent */
	uint64_t first_segment; /* ullIndexOfFirstSegment; listed are this one and those after */
	uint32_t segments;      /* listed */
	uint32_t skip;          /* dwOffsetInFirstSegment */
	uint64_t length;        /* ullLengthOfRange */
	uint64_t size;          /* of the encoded form */
};

/* LENGTHS: of all segments of the content. -EINVAL: no content, no octet in the range, a range
 * beyond the content, a content beyond 2^63-1, or a length that cannot be. */
int content_v2_plan(const uint32_t *lengths, uint32_t count, uint64_t start, uint64_t length,
		    struct content_v2_plan *plan_out);
/* The same for the whole content, of which only the number of segments matters; not 0. */
void content_v2_plan_whole(uint32_t count, struct content_v2_plan *plan_out);

/* Where listed segment INDEX begins in the encoded form, the header of its chunk included where it
 * is a chunk's first; and its size. The header is at 0. */
uint64_t content_v2_segment_at(const struct content_v2_plan *plan, uint32_t index);
uint32_t content_v2_segment_size(const struct content_v2_plan *plan, uint32_t index);

void content_v2_put_header(const struct content_v2_plan *plan, struct bytes_out *out);
void content_v2_put_segment(const struct content_v2_plan *plan, uint32_t index, uint32_t length,
			    const uint8_t *hash_of_data, const uint8_t *secret,
			    struct bytes_out *out);

#endif
