/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Octets on their way from writes to an open file, whose threads do not wait, to a job's thread,
 * which does. Bounded: what is above FEED_ROOM is taken all the same, but who gave it is told
 * later, and whoever writes has one write under way.
 */
#ifndef FS_FEED_H
#define FS_FEED_H

#include <stdbool.h>
#include <stddef.h>

/* Octets; our choice: some writes, so that reading a file and what is done with it overlap. */
#define FEED_ROOM (512u << 10)

struct feed;

struct feed_waiter {
	struct feed_waiter *next;
	/* With no lock held: there is room, or nobody takes anything any more. */
	void (*wake)(struct feed_waiter *waiter);
};

int feed_create(struct feed **feed_out);
/* NULL is fine. Nobody gives or takes any more. */
void feed_free(struct feed *feed);
/* Copies DATA. 0; -EAGAIN: the same, and the next octets are welcome when WAITER is woken, possibly
 * before this returns; -EPIPE: nobody takes them; -ENOMEM. */
int feed_give(struct feed *feed, const void *data, size_t size, struct feed_waiter *waiter);
/* All was given. -EPIPE. */
int feed_end(struct feed *feed);
/* Up to SIZE octets; waits for the first. 0 at the end; -ECANCELED: closed. */
long feed_take(struct feed *feed, void *data, size_t size);
/* Nothing is given or taken any more. */
void feed_close(struct feed *feed);
/* Whether feed_end() was called. */
bool feed_is_whole(struct feed *feed);

#endif
