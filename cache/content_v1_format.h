/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What writing and reading version 1.0 share (content-information.md section 6). Private to
 * content_v1*.c.
 */
#ifndef CACHE_CONTENT_V1_FORMAT_H
#define CACHE_CONTENT_V1_FORMAT_H

#include "cache/content_v1.h"

#define CONTENT_V1_VERSION 0x0100u
#define CONTENT_V1_DESCRIPTION_FIXED 16u /* then HoD and Kp */
#define CONTENT_V1_COUNT_SIZE 4u         /* before the hashes of a list */

/* dwHashAlgo; 0 for an algorithm that version 1.0 has not. */
static inline uint32_t content_v1_number(enum digest_algorithm algorithm)
{
	static const uint32_t numbers[DIGEST_ALGORITHMS] = {
		[DIGEST_SHA256] = 0x800c,
		[DIGEST_SHA384] = 0x800d,
		[DIGEST_SHA512] = 0x800e,
	};

	return numbers[algorithm];
}

static inline bool content_v1_algorithm(uint32_t number, enum digest_algorithm *algorithm_out)
{
	for (enum digest_algorithm i = 0; i < DIGEST_ALGORITHMS; i++) {
		if (number == 0 || content_v1_number(i) != number)
			continue;
		*algorithm_out = i;
		return true;
	}
	return false;
}

/* Blocks that LENGTH octets from the start of a segment touch. */
static inline uint32_t content_v1_blocks_of(uint32_t length)
{
	return length / CONTENT_V1_BLOCK + (length % CONTENT_V1_BLOCK != 0);
}

#endif
