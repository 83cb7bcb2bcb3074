/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A run of a content's listed segments as a content of its own, which begins with the first of
 * them: content information, written anew, with other offsets and else the same. So what a range
 * describes can be kept like any content (cache/store_content.h). Ids of segments stay what they
 * were.
 */
#ifndef CACHE_CONTENT_SLICE_H
#define CACHE_CONTENT_SLICE_H

#include <stdbool.h>
#include <stdint.h>

#include "cache/content_hashes.h"

/* Whether all blocks of SEGMENT are listed; always in version 2.0. */
static inline bool content_segment_is_whole(const struct content_segment *segment)
{
	return segment->listed == segment->blocks;
}

/* Writes COUNT segments from FIRST on. Where all are listed wholly it speaks for all their octets,
 * whatever the range was; a segment that is not must be alone, and the blocks of the range in it
 * are spoken for. The encoded form is never longer than that of CONTENT. Returns what PUT did;
 * -EINVAL: there are no such segments, or one in between is not whole; -ENOMEM; or what reading
 * gives. */
int content_slice_write(const struct content *content, uint32_t first, uint32_t count,
			content_hashes_put *put, void *owner);
/* The same of one segment, in memory; in version 1.0 up to 33 KiB (SHA-256: 17). */
int content_slice_segment(const struct content *content, uint32_t index,
			  struct content **slice_out);

#endif
