/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The search for cut positions on any processor: a table tells what a byte gives to the eight
 * positions it concerns, so eight positions are one word, summed from one look-up per byte.
 */
#include <endian.h>
#include <string.h>

#include "cache/cutter_private.h"

#define WANTED (CUTTER_WANTED * 0x0101010101010101u)

enum { WIDTH = 8, BACK = CUTTER_WINDOW - CUTTER_EARLY + 1 };

static inline uint64_t load(const uint8_t *from)
{
	uint64_t word;

	memcpy(&word, from, sizeof(word));
	return le64toh(word);
}

/* What the eight bytes at FROM give to the eight positions beginning 9 bytes behind the first, to
 * which it adds what CARRY says of the bytes before; then CARRY is for the next eight. */
static inline uint64_t add_early(const uint64_t *ahead, const uint8_t *from, uint64_t *carry)
{
	uint64_t sum = *carry ^ ahead[from[0]], next = 0;

#pragma GCC unroll 8
	for (unsigned i = 1; i < WIDTH; i++) {
		uint64_t given = ahead[from[i]];

		sum ^= given << (8 * i);
		next ^= given >> (64 - 8 * i);
	}
	*carry = next;
	return sum;
}

/* The bytes above the lowest of the eight hashes at positions POSITION, POSITION + 1, ... */
static uint64_t high_bytes(const uint8_t *position)
{
	const uint64_t *ahead = cutter_maps.ahead[CUTTER_HIGH];
	uint64_t carry = 0;

	add_early(ahead, position - BACK - WIDTH, &carry);
	return add_early(ahead, position - BACK, &carry) ^ load(position - 2);
}

/* Whether any of the eight bytes is zero. */
static inline bool any_zero(uint64_t bytes)
{
	return ((bytes - 0x0101010101010101u) & ~bytes & 0x8080808080808080u) != 0;
}

/* Looks at the high bytes. LOW is how the low ones differ from what is wanted; returns what
 * cutter_note does. */
static uint32_t note(struct cutter_search *search, uint32_t base, uint64_t low)
{
	uint64_t high = high_bytes(search->data + base) ^ WANTED;
	uint64_t match[CUTTER_STRENGTHS] = {0};

	for (unsigned i = 0; i < WIDTH; i++, low >>= 8, high >>= 8) {
		uint32_t differ = (uint32_t)(low & 0xff) | (uint32_t)(high & 0xff) << 8 | 1u << 16;
		int bits = __builtin_ctz(differ);

		for (int s = 0; s <= bits - CUTTER_PARTIAL_BITS; s++)
			match[s] |= 1u << i;
	}
	return match[0] == 0 ? 0 : cutter_note(search, base, match);
}

static uint32_t scan(struct cutter_search *search, uint32_t from, uint32_t last)
{
	const uint64_t *ahead = cutter_maps.ahead[CUTTER_LOW];
	uint64_t carry = 0;

	add_early(ahead, search->data + from - BACK - WIDTH, &carry);
	for (; from <= last; from += WIDTH) {
		uint64_t low = add_early(ahead, search->data + from - BACK, &carry);
		uint32_t cut;

		low ^= load(search->data + from - 1) ^ WANTED;
		cut = any_zero(low) ? note(search, from, low) : 0;
		if (cut != 0)
			return cut;
	}
	return 0;
}

const struct cutter_finder cutter_portable = {WIDTH, scan};
