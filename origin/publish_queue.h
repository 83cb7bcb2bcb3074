/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Makings: what was asked for and is not finished, found by subject, and in the order in which
 * those that wait are begun. Private to publish*.c. The publisher's lock is held for all calls.
 */
#ifndef ORIGIN_PUBLISH_QUEUE_H
#define ORIGIN_PUBLISH_QUEUE_H

#include "origin/publish_file.h"
#include "origin/publish_private.h"

enum { PUBLISH_BUCKETS = 1024 }; /* to find a subject among thousands; our choice */

struct publish_waiter {
	struct publish_waiter *next;
	publish_done *done;
	void *context;
};

struct publish_making {
	/* Constant. */
	struct publish *publish;
	struct publish_subject subject;
	int file; /* -1: made from a stream */

	/* Guarded by the publisher's lock; "waits" and what links makings is the queue's. */
	struct publish_making *next;       /* in a queue */
	struct publish_making *same_chain; /* of a bucket */
	struct publish_waiter *waiters;
	bool urgent, waits;

	struct publish_file *progress; /* of who runs it, as what follows; NULL until then */
	int64_t took_ms;               /* its slices */
};

struct publish_queue {
	struct publish_lane {
		struct publish_making *first, **end;
	} urgent, idle;
	unsigned waiting; /* in both */
	struct publish_making *buckets[PUBLISH_BUCKETS];
};

void publish_queue_init(struct publish_queue *queue);
/* Registered makings only. NULL: there is none. */
struct publish_making *publish_queue_find(struct publish_queue *queue,
					  const struct publish_subject *subject);
void publish_queue_register(struct publish_queue *queue, struct publish_making *making);
void publish_queue_unregister(struct publish_queue *queue, struct publish_making *making);
/* To the end of those as urgent as MAKING. */
void publish_queue_add(struct publish_queue *queue, struct publish_making *making);
/* The next to begin, or NULL. */
struct publish_making *publish_queue_take(struct publish_queue *queue, bool urgent_only);
/* MAKING is urgent now, whether it waits or not. */
void publish_queue_hurry(struct publish_queue *queue, struct publish_making *making);

#endif
