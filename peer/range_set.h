/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A set of indexes below SIZE, as bits of 64-bit words, and as the ranges that messages carry
 * (retrieval.md section 3.4). Whatever order, overlap or adjacency ranges came in, a set gives them
 * back in normal form: sorted, disjoint, none adjacent to the next. SIZE is what the set was made
 * for; no bit beyond it is ever set. Pure; nothing is allocated.
 */
#ifndef PEER_RANGE_SET_H
#define PEER_RANGE_SET_H

#include <stdbool.h>
#include <stdint.h>

/* Words of a set, which begins as zeros. */
#define RANGE_SET_WORDS(size) (((size) + 63) / 64)

struct range {
	uint32_t index;
	uint32_t count;
};

/* What of the range is below SIZE; the sum may be more than 32 bits hold. */
void range_set_add(uint64_t *set, uint32_t size, struct range range);
/* Also for an index beyond SIZE: false. */
bool range_set_has(const uint64_t *set, uint32_t size, uint32_t index);
/* Some index of the range is in the set. */
bool range_set_meets(const uint64_t *set, uint32_t size, struct range range);
/* Of the set, only what is in OTHER too, which has the same size. */
void range_set_keep(uint64_t *set, const uint64_t *other, uint32_t size);
/* The first range of what the set holds from FROM on, in normal form; false when there is nothing.
 * The next one is asked for from this one's end. */
bool range_set_next(const uint64_t *set, uint32_t size, uint64_t from, struct range *range_out);
/* Ranges of the normal form. */
uint32_t range_set_ranges(const uint64_t *set, uint32_t size);

#endif
