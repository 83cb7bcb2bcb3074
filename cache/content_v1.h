/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Writing content information of version 1.0 (content-information.md sections 6, 7 and 11), byte
 * for byte. Everything but the hashes follows from the size of the content and the range, so a
 * plan comes first; then the parts are put in any order, each at its own place. Pure. Reading is
 * behind cache/content.h.
 */
#ifndef CACHE_CONTENT_V1_H
#define CACHE_CONTENT_V1_H

#include <stdint.h>

#include "cache/bytes.h"
#include "cache/digest.h"

#define CONTENT_V1_SEGMENT 33554432u
#define CONTENT_V1_BLOCK 65536u
#define CONTENT_V1_BLOCKS 512u /* of a full segment */
#define CONTENT_V1_HEADER_SIZE 18u

struct content_v1_plan {
	enum digest_algorithm algorithm;
	uint64_t content_size;
	uint64_t first_segment; /* of the content; the listed ones are this one and those after */
	uint32_t segments;      /* listed */
	uint32_t skip;          /* dwOffsetInFirstSegment */
	uint32_t read;          /* dwReadBytesInLastSegment */
	uint64_t size;          /* of the encoded form */
};

/* -EINVAL: no content, no octet in the range, a range beyond the content, a content beyond
 * 2^63-1, or the algorithm of version 2.0; -EFBIG: more than 2^32-1 segments. */
int content_v1_plan(enum digest_algorithm algorithm, uint64_t content_size, uint64_t start,
		    uint64_t length, struct content_v1_plan *plan_out);

/* INDEX counts listed segments. Place and length in the content, and how many blocks that makes. */
uint64_t content_v1_offset(const struct content_v1_plan *plan, uint32_t index);
uint32_t content_v1_length(const struct content_v1_plan *plan, uint32_t index);
uint32_t content_v1_blocks(const struct content_v1_plan *plan, uint32_t index);
/* How many block hashes are listed, from block 0 on: the prefix form. */
uint32_t content_v1_listed(const struct content_v1_plan *plan, uint32_t index);

/* Where a part begins in the encoded form, and its size. The header is at 0. */
uint64_t content_v1_description_at(const struct content_v1_plan *plan, uint32_t index);
uint32_t content_v1_description_size(const struct content_v1_plan *plan);
uint64_t content_v1_list_at(const struct content_v1_plan *plan, uint32_t index);
uint32_t content_v1_list_size(const struct content_v1_plan *plan, uint32_t index);

void content_v1_put_header(const struct content_v1_plan *plan, struct bytes_out *out);
void content_v1_put_description(const struct content_v1_plan *plan, uint32_t index,
				const uint8_t *hash_of_data, const uint8_t *secret,
				struct bytes_out *out);
/* HASHES: those of the segment's blocks, one after the other; those not listed are not read. */
void content_v1_put_list(const struct content_v1_plan *plan, uint32_t index, const uint8_t *hashes,
			 struct bytes_out *out);

#endif
