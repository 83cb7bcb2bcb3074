/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The search for cut positions with AVX2: a map of a byte is two look-ups among 16 values, done
 * for 32 bytes at once.
 */
#include "cache/cutter_private.h"

#ifdef CUTTER_X86
#include <immintrin.h>

#define AVX2 __attribute__((target("avx2")))

enum {
	WIDTH = 64,
	/* Groups looked at before their matches are: no branch hangs on the bytes meanwhile. */
	RUN = 16,
};

/* 64 bytes. */
struct bytes {
	__m256i half[2];
};

AVX2 static inline struct bytes load(const uint8_t *from)
{
	return (struct bytes){{_mm256_loadu_si256((const __m256i *)from),
			       _mm256_loadu_si256((const __m256i *)(from + 32))}};
}

/* Adds what DATA, the bytes J + 9 before the positions, gives to them. */
AVX2 static inline void add_early(struct bytes *sum, struct bytes data, const uint8_t tables[2][32])
{
	const __m256i lower = _mm256_set1_epi8(0x0f);
	__m256i low_table = _mm256_load_si256((const __m256i *)tables[0]);
	__m256i high_table = _mm256_load_si256((const __m256i *)tables[1]);

	for (int i = 0; i < 2; i++) {
		__m256i low = _mm256_and_si256(data.half[i], lower);
		__m256i high = _mm256_and_si256(_mm256_srli_epi16(data.half[i], 4), lower);

		low = _mm256_shuffle_epi8(low_table, low);
		high = _mm256_shuffle_epi8(high_table, high);
		sum->half[i] = _mm256_xor_si256(sum->half[i], _mm256_xor_si256(low, high));
	}
}

/* How one byte of the hashes at 64 positions, FIRST and so on, differs from what is wanted. */
AVX2 static inline struct bytes difference(const uint8_t *first, unsigned byte)
{
	const __m256i wanted = _mm256_set1_epi8(CUTTER_WANTED);
	struct bytes sum = load(first - 1 - byte);

	sum.half[0] = _mm256_xor_si256(sum.half[0], wanted);
	sum.half[1] = _mm256_xor_si256(sum.half[1], wanted);
#pragma GCC unroll 8
	for (unsigned j = 0; j < CUTTER_EARLY; j++)
		add_early(&sum, load(first - 9 - j), cutter_maps.nibbles[byte][j]);
	return sum;
}

/* Bit i for the i-th byte that has none of BITS. */
AVX2 static inline uint64_t without(struct bytes bytes, unsigned bits)
{
	const __m256i mask = _mm256_set1_epi8((char)bits), zero = _mm256_setzero_si256();
	__m256i first = _mm256_cmpeq_epi8(_mm256_and_si256(bytes.half[0], mask), zero);
	__m256i second = _mm256_cmpeq_epi8(_mm256_and_si256(bytes.half[1], mask), zero);

	return (uint32_t)_mm256_movemask_epi8(first) |
	       (uint64_t)(uint32_t)_mm256_movemask_epi8(second) << 32;
}

/* Looks at the high bytes where the low ones match; returns what cutter_note does. */
AVX2 static inline uint32_t note(struct cutter_search *search, uint32_t base, uint64_t low)
{
	struct bytes differ = difference(search->data + base, CUTTER_HIGH);
	uint64_t match[CUTTER_STRENGTHS];

	match[0] = low & without(differ, (1u << (CUTTER_PARTIAL_BITS - 8)) - 1);
	if (match[0] == 0)
		return 0;
	for (int s = 1; s < CUTTER_STRENGTHS; s++)
		match[s] = low & without(differ, (1u << (CUTTER_PARTIAL_BITS - 8 + s)) - 1);
	return cutter_note(search, base, match);
}

AVX2 static uint32_t scan(struct cutter_search *search, uint32_t from, uint32_t last)
{
	while (from <= last) {
		uint32_t bases[RUN], count = 0;
		uint64_t lows[RUN];

		for (unsigned i = 0; i < RUN && from <= last; i++, from += WIDTH) {
			bases[count] = from;
			lows[count] = without(difference(search->data + from, CUTTER_LOW), 0xff);
			count += lows[count] != 0;
		}
		for (unsigned i = 0; i < count; i++) {
			uint32_t cut = note(search, bases[i], lows[i]);

			if (cut != 0)
				return cut;
		}
	}
	return 0;
}

const struct cutter_finder cutter_avx2 = {WIDTH, scan};
#endif
