/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Waiting for content information that is being made, without a thread for each who waits: so long
 * at most, and so many at most. A *waiter* is called back exactly once: when it is made, when it
 * will not be, or when its time is over. One thread of its own watches the time.
 */
#ifndef ORIGIN_CONTENT_WAITING_H
#define ORIGIN_CONTENT_WAITING_H

#include <stdbool.h>

struct content_waiting;
struct content_waiter;

/* MAX: waiters, those counted too whose time is over but for whom it is still being made. */
int content_waiting_create(unsigned max, unsigned timeout_ms, struct content_waiting **waiting_out);
/* All who wait are called back, and nobody waits any more. */
void content_waiting_stop(struct content_waiting *waiting);
/* Stops it. Of every waiter content_waiter_made() has been called. NULL is fine. */
void content_waiting_free(struct content_waiting *waiting);

/* Enrols a waiter; it is handed to publish_make() or its like as the context of
 * content_waiter_made(). READY is called on any thread and must not block. NULL: no place. */
struct content_waiter *content_waiter_begin(struct content_waiting *waiting,
					    void (*ready)(void *context), void *context);
/* A publish_done. The waiter is gone afterwards. */
void content_waiter_made(void *waiter, int error);
/* Nothing is being made after all; READY is not called. Returns false when it has been called
 * already, because the time was over. */
bool content_waiter_withdraw(struct content_waiter *waiter);

#endif
