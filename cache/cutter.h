/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Cuts content into segments for version 2.0 (content-information.md section 10): where the bytes
 * say so, so that an insertion changes the segments around it and no others, or every so many
 * bytes. The cuts depend on the bytes alone, not on how they arrive and not on the processor.
 * A cutter is a few words owned by its user, one content each; no call allocates or fails.
 */
#ifndef CACHE_CUTTER_H
#define CACHE_CUTTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CUTTER_SEGMENT_MIN 32768u
#define CUTTER_SEGMENT_MAX 131072u

/* Ways to find the same cuts. The last one that this processor can go is the fastest. */
enum cutter_way {
	CUTTER_PORTABLE,
	CUTTER_AVX2,
	CUTTER_AVX512, /* with GFNI */
	CUTTER_WAYS
};

struct cutter_finder;
struct cutter {
	uint32_t fixed; /* bytes per segment; 0: the content decides */
	bool zero_runs; /* a run of zeros at the next segment's start is a segment of its own */
	const struct cutter_finder *finder;
};

/* FIXED is 0 or at most CUTTER_SEGMENT_MAX. Goes the fastest way. */
void cutter_start(struct cutter *cutter, uint32_t fixed);
/* The length of the next segment, DATA being what follows the last one. To choose it LENGTH must be
 * CUTTER_SEGMENT_MAX or more, or FIXED, or END true (nothing follows DATA); else 0 is returned, as
 * when no segment is left. */
uint32_t cutter_next(struct cutter *cutter, const uint8_t *data, size_t length, bool end);

/* For tests and measurements: another way than the fastest. */
bool cutter_can_go(enum cutter_way way);
void cutter_go(struct cutter *cutter, enum cutter_way way);
const char *cutter_way_name(enum cutter_way way);

#endif
