/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the ways of cutting share. Only cutter*.c include it.
 *
 * The window hash is linear over GF(2) (content-information.md section 10), and only its low 16
 * bits decide. Of the 16 bytes before a cut position the 8 late ones stand in the hash as they
 * are, the last one lowest. The 8 early ones enter as the sum of a linear map of each: eight maps
 * of a byte to the low byte of the hash, and eight to the byte above. So the low bits at any
 * position need none of the positions before it. One position in 256 has the wanted low byte;
 * only there is the high byte looked at.
 */
#ifndef CACHE_CUTTER_PRIVATE_H
#define CACHE_CUTTER_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

#if (defined(__x86_64__) || defined(__i386__)) && defined(__GNUC__)
#define CUTTER_X86 1
#endif

enum {
	CUTTER_WINDOW = 16,
	CUTTER_EARLY = 8,         /* bytes of the window that take part through a map */
	CUTTER_WANTED = 0x55,     /* low byte, and high byte, of a full match */
	CUTTER_PARTIAL_BITS = 12, /* the weakest match that counts */
	CUTTER_STRENGTHS = 16 - CUTTER_PARTIAL_BITS + 1,
	CUTTER_LOW = 0,
	CUTTER_HIGH = 1,
	CUTTER_BYTES = 2,
};

/* The maps, in the form each way wants; [..][j] belongs to the byte j + 9 before the position. */
struct cutter_maps {
	/* portable: what a byte gives to the position 9 + k behind it, in byte k */
	uint64_t ahead[CUTTER_BYTES][256];
	/* AVX2: the map of the lower, the upper four bits, twice */
	uint8_t nibbles[CUTTER_BYTES][CUTTER_EARLY][2][32] __attribute__((aligned(32)));
	/* GFNI: its matrix */
	uint64_t matrices[CUTTER_BYTES][CUTTER_EARLY];
};
extern struct cutter_maps cutter_maps; /* constant once cutter_start has returned */

/* One search for the cut position of a segment. */
struct cutter_search {
	const uint8_t *data; /* of the segment */
	uint32_t partial;    /* the last of the strongest partial matches, 0: none yet */
	int strength;        /* of that match, in bits beyond CUTTER_PARTIAL_BITS */
};
/* For the group of positions at BASE: bit i of MATCH[s] tells whether the i-th matches
 * CUTTER_PARTIAL_BITS + s bits or more. Those before CUTTER_SEGMENT_MIN do not count. Returns the
 * first full match, or 0. */
uint32_t cutter_note(struct cutter_search *search, uint32_t base,
		     const uint64_t match[CUTTER_STRENGTHS]);

struct cutter_finder {
	unsigned width; /* positions in a group, at most 64 */
	/* Notes the matches of the groups at FROM, FROM + width, ... up to LAST, until there is a
	 * full one; returns it, or 0. Reads from 17 bytes before FROM on, and no byte that lies
	 * behind all these positions. */
	uint32_t (*scan)(struct cutter_search *search, uint32_t from, uint32_t last);
};
extern const struct cutter_finder cutter_portable;
#ifdef CUTTER_X86
extern const struct cutter_finder cutter_avx2, cutter_avx512;
#endif

#endif
