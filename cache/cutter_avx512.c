/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The search for cut positions with AVX-512 and GFNI, which has an instruction for linear maps of
 * bytes: 64 of them at once.
 */
#include "cache/cutter_private.h"

#ifdef CUTTER_X86
#include <immintrin.h>

#define AVX512 __attribute__((target("avx512f,avx512bw,gfni")))

enum {
	WIDTH = 64,
	XOR3 = 0x96, /* truth table of a sum of three */
	/* Groups looked at before their matches are: no branch hangs on the bytes meanwhile. */
	RUN = 32,
};

/* The bytes BACK before each of the 64 positions, 16 at a time from two loads: loads that cross
 * cache lines would cost as much as all the rest. */
#define BEFORE(back) _mm512_alignr_epi8(later, earlier, 17 - (back))
/* What the bytes 9 + J and 10 + J before the positions give, and SUM. */
#define ADD_EARLY(sum, j)                                                                          \
	_mm512_ternarylogic_epi64(                                                                 \
		sum, _mm512_gf2p8affine_epi64_epi8(BEFORE(9 + (j)), maps[j], 0),                   \
		_mm512_gf2p8affine_epi64_epi8(BEFORE(10 + (j)), maps[(j) + 1], 0), XOR3)

/* How one byte of the hashes at 64 positions, FIRST and so on, differs from what is wanted. */
AVX512 static inline __m512i difference(const uint8_t *first, const __m512i *maps, unsigned byte)
{
	__m512i later = _mm512_loadu_si512(first - 1), earlier = _mm512_loadu_si512(first - 17);
	__m512i late = byte == CUTTER_LOW ? later : BEFORE(2);
	__m512i sum = _mm512_xor_si512(late, _mm512_set1_epi8(CUTTER_WANTED));

	sum = ADD_EARLY(sum, 0);
	sum = ADD_EARLY(sum, 2);
	sum = ADD_EARLY(sum, 4);
	return ADD_EARLY(sum, 6);
}

AVX512 static inline void load_maps(__m512i maps[CUTTER_EARLY], unsigned byte)
{
	for (unsigned j = 0; j < CUTTER_EARLY; j++)
		maps[j] = _mm512_set1_epi64((long long)cutter_maps.matrices[byte][j]);
}

/* Looks at the high bytes where the low ones match; returns what cutter_note does. */
AVX512 static inline uint32_t note(struct cutter_search *search, uint32_t base, __mmask64 low,
				   const __m512i *maps)
{
	__m512i differ = difference(search->data + base, maps, CUTTER_HIGH);
	uint64_t match[CUTTER_STRENGTHS];

	for (int s = 0; s < CUTTER_STRENGTHS; s++) {
		__m512i bits = _mm512_set1_epi8((char)((1 << (CUTTER_PARTIAL_BITS - 8 + s)) - 1));

		match[s] = _mm512_mask_testn_epi8_mask(low, differ, bits);
	}
	return match[0] == 0 ? 0 : cutter_note(search, base, match);
}

AVX512 static uint32_t scan(struct cutter_search *search, uint32_t from, uint32_t last)
{
	__m512i low_maps[CUTTER_EARLY], high_maps[CUTTER_EARLY];

	load_maps(low_maps, CUTTER_LOW);
	load_maps(high_maps, CUTTER_HIGH);
	while (from <= last) {
		uint32_t bases[RUN], count = 0;
		__mmask64 lows[RUN];

		for (unsigned i = 0; i < RUN && from <= last; i++, from += WIDTH) {
			__m512i differ = difference(search->data + from, low_maps, CUTTER_LOW);

			bases[count] = from;
			lows[count] = _mm512_testn_epi8_mask(differ, differ);
			count += lows[count] != 0;
		}
		for (unsigned i = 0; i < count; i++) {
			uint32_t cut = note(search, bases[i], lows[i], high_maps);

			if (cut != 0)
				return cut;
		}
	}
	return 0;
}

const struct cutter_finder cutter_avx512 = {WIDTH, scan};
#endif
