/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What was offered, on its way from whoever has read it to the loop thread, where it is decided
 * what to do about it: in order, a bounded number of descriptors, and not too many at once, so that
 * a flood of them neither takes memory nor keeps the loop from its sockets.
 */
#ifndef PEER_HOSTED_INBOX_H
#define PEER_HOSTED_INBOX_H

#include <stdint.h>

#include "origin/loop.h"
#include "peer/offers.h"

/* On their way: our choice, as many as offers queue at most; 5 MiB with SHA-256. */
#define HOSTED_INBOX_ITEMS OFFERS_SEGMENTS
/* Taken in one turn of the loop: our choice, a few milliseconds. */
#define HOSTED_INBOX_TURN 1024u

struct hosted_inbox;

struct hosted_inbox_options {
	struct loop *loop;
	/* A message that was put. On the loop. */
	void (*take)(void *context, const struct xaddr *server, const struct offers_item *items,
		     unsigned count);
	void *context;
	unsigned items; /* 0: HOSTED_INBOX_ITEMS */
};
/* -ENOMEM. */
int hosted_inbox_create(const struct hosted_inbox_options *options,
			struct hosted_inbox **inbox_out);
/* Stopped, nobody puts anything, and the loop has run a task since. NULL is fine. */
void hosted_inbox_free(struct hosted_inbox *inbox);

/* Copied, ids too; COUNT is not 0. What is too much is forgotten, and counted. Any thread. */
void hosted_inbox_put(struct hosted_inbox *inbox, const struct xaddr *server,
		      const struct offers_item *items, unsigned count);
/* Items that were forgotten. Any thread. */
uint64_t hosted_inbox_beyond(struct hosted_inbox *inbox);

/* From now on take() is called: until then all of it waits. Any thread. */
void hosted_inbox_begin(struct hosted_inbox *inbox);
/* What is there, and comes yet, is forgotten. take() may be running. Any thread. */
void hosted_inbox_stop(struct hosted_inbox *inbox);

#endif
