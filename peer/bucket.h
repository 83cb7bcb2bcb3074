/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A token bucket: so many things a second, and one second's worth at once. Pure.
 */
#ifndef PEER_BUCKET_H
#define PEER_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

/* Probes that a requester starts (Fmax, discovery.md section 6); beyond, it goes on without. */
#define BUCKET_PROBES_RATE 100u
/* How long an untouched bucket takes to be full, whatever its rate. */
#define BUCKET_FULL_MS 1000

struct bucket {
	uint32_t rate; /* a second; 0: nothing ever */
	uint64_t thousandths;
	int64_t counted_ms; /* until when the tokens are counted */
};

/* Full. */
void bucket_begin(struct bucket *bucket, uint32_t rate, int64_t now_ms);
/* Whether a token is there. A clock that goes back gives none. */
bool bucket_has(struct bucket *bucket, int64_t now_ms);
/* Takes one, if there is one. */
bool bucket_take(struct bucket *bucket, int64_t now_ms);

#endif
