/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Sets of indexes.
 */
#include "peer/range_set.h"

#define WORD 64u /* bits */

static uint64_t end_of(struct range range, uint32_t size)
{
	uint64_t end = (uint64_t)range.index + range.count;

	return end < size ? end : size;
}

/* The bits of WORD that are in [start, end), of which it has at least one. */
static uint64_t bits_of(uint64_t word, uint64_t start, uint64_t end)
{
	uint64_t first = word * WORD, bits = UINT64_MAX;

	if (start > first)
		bits &= UINT64_MAX << (start - first);
	if (end < first + WORD)
		bits &= UINT64_MAX >> (first + WORD - end);
	return bits;
}

void range_set_add(uint64_t *set, uint32_t size, struct range range)
{
	uint64_t end = end_of(range, size);

	if (range.index >= end)
		return;
	for (uint64_t word = range.index / WORD; word * WORD < end; word++)
		set[word] |= bits_of(word, range.index, end);
}

bool range_set_has(const uint64_t *set, uint32_t size, uint32_t index)
{
	return index < size && (set[index / WORD] >> index % WORD & 1) != 0;
}

bool range_set_meets(const uint64_t *set, uint32_t size, struct range range)
{
	uint64_t end = end_of(range, size);

	if (range.index >= end)
		return false;
	for (uint64_t word = range.index / WORD; word * WORD < end; word++)
		if ((set[word] & bits_of(word, range.index, end)) != 0)
			return true;
	return false;
}

void range_set_keep(uint64_t *set, const uint64_t *other, uint32_t size)
{
	for (uint32_t word = 0; word < RANGE_SET_WORDS((uint64_t)size); word++)
		set[word] &= other[word];
}

/* The first index from FROM on that is in the set, after FLIP of every bit; SIZE: there is none. */
static uint32_t find(const uint64_t *set, uint32_t size, uint64_t from, uint64_t flip)
{
	for (uint64_t at = from; at < size; at = (at / WORD + 1) * WORD) {
		uint64_t bits = (set[at / WORD] ^ flip) & UINT64_MAX << at % WORD;

		if (bits != 0) {
			at = at / WORD * WORD + (unsigned)__builtin_ctzll(bits);
			return at < size ? (uint32_t)at : size;
		}
	}
	return size;
}

bool range_set_next(const uint64_t *set, uint32_t size, uint64_t from, struct range *range_out)
{
	uint32_t index = find(set, size, from, 0);

	if (index == size)
		return false;
	range_out->index = index;
	range_out->count = find(set, size, index, UINT64_MAX) - index;
	return true;
}

uint32_t range_set_ranges(const uint64_t *set, uint32_t size)
{
	struct range range = {0, 0};
	uint32_t ranges = 0;

	while (range_set_next(set, size, (uint64_t)range.index + range.count, &range))
		ranges++;
	return ranges;
}
