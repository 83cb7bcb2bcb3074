/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The waits of discovery that are drawn by lot (discovery.md sections 2 and 7). RANDOM: 32 random
 * bits. Pure.
 */
#ifndef PEER_BACKOFF_H
#define PEER_BACKOFF_H

#include <stdint.h>

/* Before an answer: 1 to this many ms, APP_MAX_DELAY of MS-PCCRD. */
#define BACKOFF_ANSWER_MAX_MS 65u
/* Before the second copy of a Probe: our choice within the 50 to 250 ms of SOAP-over-UDP, so that
 * its answers still fall into the request timer. */
#define BACKOFF_COPY_MIN_MS 50u
#define BACKOFF_COPY_MAX_MS 100u

/* MIN to MAX, both included, each as likely. */
static inline uint32_t backoff_between(uint32_t min_ms, uint32_t max_ms, uint32_t random)
{
	if (max_ms <= min_ms)
		return min_ms;
	return min_ms + (uint32_t)(((uint64_t)random * ((uint64_t)max_ms - min_ms + 1)) >> 32);
}

/* MAX_MS: what is configured; less than 1 counts as 1. */
static inline uint32_t backoff_answer_ms(uint32_t max_ms, uint32_t random)
{
	return backoff_between(1, max_ms, random);
}

static inline uint32_t backoff_copy_ms(uint32_t random)
{
	return backoff_between(BACKOFF_COPY_MIN_MS, BACKOFF_COPY_MAX_MS, random);
}

#endif
