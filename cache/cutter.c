/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The rules by which segments end; the search for cut positions is in cutter_portable.c,
 * cutter_avx2.c and cutter_avx512.c. "Rule" below is that step of section 10.
 */
#include "cache/cutter.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>

#include "cache/cutter_private.h"

/* The modulus of the window hash is x^64 and these. */
#define MODULUS_REST 0xF2B5D42C384A2167ull

struct cutter_maps cutter_maps;

static uint64_t times_x(uint64_t polynomial)
{
	return polynomial << 1 ^ (polynomial >> 63 ? MODULUS_REST : 0);
}

/* MAP is where each of the 8 bits of a byte goes, in 8 bits. */
static uint8_t apply(const uint8_t map[8], unsigned byte)
{
	uint8_t sum = 0;

	for (unsigned bit = 0; bit < 8; bit++)
		if (byte >> bit & 1)
			sum ^= map[bit];
	return sum;
}

/* As GF2P8AFFINEQB has it: byte 7 - i tells the bits whose sum is bit i of the result. */
static uint64_t matrix_of(const uint8_t map[8])
{
	uint64_t matrix = 0;

	for (unsigned to = 0; to < 8; to++)
		for (unsigned from = 0; from < 8; from++)
			matrix |= (uint64_t)(map[from] >> to & 1) << ((7 - to) * 8 + from);
	return matrix;
}

static void add_map(unsigned byte, unsigned early, const uint8_t map[8])
{
	struct cutter_maps *maps = &cutter_maps;

	for (unsigned value = 0; value < 256; value++)
		maps->ahead[byte][value] |= (uint64_t)apply(map, value) << (8 * early);
	for (unsigned i = 0; i < 32; i++) {
		maps->nibbles[byte][early][0][i] = apply(map, i % 16);
		maps->nibbles[byte][early][1][i] = apply(map, i % 16 << 4);
	}
	maps->matrices[byte][early] = matrix_of(map);
}

static void make_maps(void)
{
	uint64_t power = MODULUS_REST; /* x^64, the lowest place of the first early byte */

	for (unsigned early = 0; early < CUTTER_EARLY; early++) {
		uint8_t low[8], high[8];

		for (unsigned bit = 0; bit < 8; bit++) {
			low[bit] = (uint8_t)power;
			high[bit] = (uint8_t)(power >> 8);
			power = times_x(power);
		}
		add_map(CUTTER_LOW, early, low);
		add_map(CUTTER_HIGH, early, high);
	}
}

static const struct {
	const char *name;
	const struct cutter_finder *finder;
} ways[CUTTER_WAYS] = {
	[CUTTER_PORTABLE] = {"portable", &cutter_portable},
#ifdef CUTTER_X86
	[CUTTER_AVX2] = {"AVX2", &cutter_avx2},
	[CUTTER_AVX512] = {"AVX-512 and GFNI", &cutter_avx512},
#else
	[CUTTER_AVX2] = {"AVX2", NULL},
	[CUTTER_AVX512] = {"AVX-512 and GFNI", NULL},
#endif
};

bool cutter_can_go(enum cutter_way way)
{
	switch (way) {
	case CUTTER_PORTABLE:
		return true;
#ifdef CUTTER_X86
	case CUTTER_AVX2:
		return __builtin_cpu_supports("avx2");
	case CUTTER_AVX512:
		return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
		       __builtin_cpu_supports("gfni");
#endif
	default:
		return false;
	}
}

const char *cutter_way_name(enum cutter_way way)
{
	return ways[way].name;
}

void cutter_go(struct cutter *cutter, enum cutter_way way)
{
	assert(cutter_can_go(way));
	cutter->finder = ways[way].finder;
}

void cutter_start(struct cutter *cutter, uint32_t fixed)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	enum cutter_way way = CUTTER_WAYS - 1;

	assert(fixed <= CUTTER_SEGMENT_MAX);
	pthread_once(&once, make_maps);
	while (!cutter_can_go(way))
		way--;
	cutter->fixed = fixed;
	cutter->zero_runs = true;
	cutter_go(cutter, way);
}

/* The zero bytes DATA begins with. */
static uint32_t zeros(const uint8_t *data, uint32_t length)
{
	uint32_t count = 0;
	uint64_t word;

	for (; count + sizeof(word) <= length; count += sizeof(word)) {
		memcpy(&word, data + count, sizeof(word));
		if (word != 0)
			break;
	}
	while (count < length && data[count] == 0)
		count++;
	return count;
}

uint32_t cutter_note(struct cutter_search *search, uint32_t base,
		     const uint64_t match[CUTTER_STRENGTHS])
{
	const int full = CUTTER_STRENGTHS - 1;
	uint64_t allowed = UINT64_MAX;

	if (base < CUTTER_SEGMENT_MIN)
		allowed <<= CUTTER_SEGMENT_MIN - base;
	if (match[full] & allowed)
		return base + (uint32_t)__builtin_ctzll(match[full] & allowed);
	for (int s = full - 1; s >= search->strength; s--) {
		if ((match[s] & allowed) == 0)
			continue;
		search->strength = s;
		search->partial = base + 63 - (uint32_t)__builtin_clzll(match[s] & allowed);
		break;
	}
	return 0;
}

/* Rule 3: the cut at a full match, or 0; then PARTIAL_OUT is the last of the strongest partial
 * matches, or 0. */
static uint32_t search_cut(const struct cutter_finder *finder, const uint8_t *data, uint32_t limit,
			   uint32_t *partial_out)
{
	struct cutter_search search = {.data = data};
	uint32_t positions = limit + 1 - CUTTER_SEGMENT_MIN, last = limit + 1 - finder->width;
	uint32_t cut = finder->scan(&search, CUTTER_SEGMENT_MIN, last);

	/* What is less than a group at the end is looked at in one that overlaps: to note a
	 * position twice changes nothing. It may even begin before the first position. */
	if (cut == 0 && positions % finder->width != 0)
		cut = finder->scan(&search, last, last);
	*partial_out = search.partial;
	return cut;
}

static uint32_t next_by_content(struct cutter *cutter, const uint8_t *data, uint32_t limit)
{
	uint32_t length, partial = 0;

	if (limit < CUTTER_SEGMENT_MIN)
		return limit; /* rule 1 */
	if (cutter->zero_runs && zeros(data, CUTTER_SEGMENT_MIN) == CUTTER_SEGMENT_MIN)
		return zeros(data, limit); /* rule 2 */
	cutter->zero_runs = true;
	length = search_cut(cutter->finder, data, limit, &partial);
	if (length != 0)
		return length;
	if (limit < CUTTER_SEGMENT_MAX)
		return limit; /* rule 4 */
	/* Rule 5. The flag's condition is what the published algorithm has. */
	length = partial != 0 ? partial : CUTTER_SEGMENT_MAX;
	cutter->zero_runs = CUTTER_SEGMENT_MAX - length < CUTTER_WINDOW;
	return length;
}

uint32_t cutter_next(struct cutter *cutter, const uint8_t *data, size_t length, bool end)
{
	uint32_t sight = cutter->fixed != 0 ? cutter->fixed : CUTTER_SEGMENT_MAX;

	if (length < sight && !end)
		return 0;
	if (length < sight)
		sight = (uint32_t)length;
	return cutter->fixed != 0 ? sight : next_by_content(cutter, data, sight);
}
