/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Whether the origin can be reached at all, so that a tree whose origin is gone is quick to say so.
 * Pure; one thread.
 *
 *   up    --no connection--> down    for OUTAGE_MS nothing is tried
 *   down  --time is over-->  trial   one request is let through, the others are not
 *   trial --no connection--> down
 *   any   --an answer------> up
 */
#ifndef ORIGIN_OUTAGE_H
#define ORIGIN_OUTAGE_H

#include <stdbool.h>
#include <stdint.h>

/* Our choice: short enough not to be noticed when the origin is back. */
#define OUTAGE_MS 2000

enum outage_state { OUTAGE_UP, OUTAGE_DOWN, OUTAGE_TRIAL };

struct outage {
	enum outage_state state;
	int64_t until_ms; /* while down */
};

/* Whether to try; *TRIAL_OUT: as the one request that finds out. */
bool outage_admits(struct outage *outage, int64_t now_ms, bool *trial_out);
/* No connection. Returns whether that is news. */
bool outage_unreachable(struct outage *outage, int64_t now_ms);
void outage_answered(struct outage *outage);
/* The trial has ended, perhaps without saying anything (cancelled): the next one is let through. */
void outage_trial_over(struct outage *outage, int64_t now_ms);

#endif
