/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A pace: octets that go out at so many a second, each portion when those before it are paid for.
 * Portions larger than a second's worth are fine: the next one waits for longer. Pure.
 */
#ifndef PEER_PACE_H
#define PEER_PACE_H

#include <stdbool.h>
#include <stdint.h>

/* What time unused is good for afterwards, so that what comes unevenly still gets the whole rate:
 * our choice. */
#define PACE_SAVED_MS 100

struct pace {
	uint64_t rate;   /* octets a second; 0: no limit */
	int64_t free_us; /* when the next portion may go */
};

/* Nothing is owed. */
void pace_begin(struct pace *pace, uint64_t rate, int64_t now_ms);
/* Books SIZE octets, which may go in so many milliseconds. False, and nothing is booked: they would
 * have to wait for more than WAIT_MS. A clock that goes back only makes them wait. */
bool pace_book(struct pace *pace, uint32_t size, unsigned wait_ms, int64_t now_ms,
	       unsigned *delay_ms_out);

#endif
