/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The inside of a puller, a section for each file.
 *
 * What is kept of a *target*, a segment that is being pulled, is found out once for all of its
 * exchanges, by the first that has a block to check; the target is gone with the last of them.
 */
#ifndef PEER_PULLER_PRIVATE_H
#define PEER_PULLER_PRIVATE_H

#include "peer/puller.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>

#include "cache/store_known.h"
#include "cache/store_opaque.h"
#include "peer/retrieval_client.h"

#define PULLER_WORDS RANGE_SET_WORDS(PCCRR_BLOCKS)

struct puller_target {
	LIST_ENTRY(puller_target) in_list; /* the loop's, as are the next two */
	unsigned exchanges;
	struct puller *puller;
	uint8_t id[PCCRR_ID_SIZE_MAX]; /* constant */
	uint32_t id_size;

	pthread_rwlock_t replacing; /* writing: what is known gets another length */
	pthread_mutex_t lock;       /* taken after that one; what follows */
	bool opened;
	unsigned learned;              /* puller.learned, when it was looked up */
	struct store_known *known;     /* NULL: not */
	struct store_known *former;    /* whose length proved wrong: others may use it still */
	uint64_t opaque[PULLER_WORDS]; /* blocks that are held so */
};

/* An exchange. */
struct puller_asking {
	struct retrieval retrieval; /* first, so that one pointer is the other */
	LIST_ENTRY(puller_asking) in_list;
	struct puller *puller;
	struct offers_exchange *exchange;
	struct puller_target *target; /* of PCCRR_ASK_BLOCK */
	struct hosted_list *list;     /* what this server says of the segment, or NULL */
	bool waiting;                 /* for an answer: it can be cancelled */
	enum offers_room room;
	/* A block, while it is checked. */
	uint8_t *body, *data;
	uint32_t size;
	enum cipher_algorithm cipher;
	uint8_t iv[CIPHER_IV_SIZE];
	struct pool_job job;
	struct loop_task task;
	/* What became of it. */
	enum offers_outcome outcome;
	struct offers_giver replaced;
	bool verified, no_room;
};

struct puller {
	struct puller_options options;
	struct offers *offers;
	struct retrieval_client *client;
	atomic_uint learned; /* how often puller_learned() was called */
	LIST_HEAD(, puller_asking) asking;
	LIST_HEAD(, puller_target) targets;
	struct offers_exchange *unasked; /* for want of memory; chained by their owner */
	struct loop_task giving_up;
	bool will_give_up;
	struct puller_counters counters;

	pthread_mutex_t lock; /* what follows */
	pthread_cond_t quiet;
	unsigned running; /* looks and exchanges */
};

/* ---- puller.c ---- */

void puller_ran(struct puller *puller);

/* ---- puller_look.c ---- */

/* Of the outlet. */
void puller_look(void *puller, struct offers_segment *segment, struct pccrr_id id);

/* ---- puller_check.c: pool thread, but for these two ---- */

/* With a reference; NULL: no memory. */
struct puller_target *puller_target_get(struct puller *puller, struct pccrr_id id);
/* NULL is fine. */
void puller_target_put(struct puller_target *target);
/* Checks the block that came, keeps it, and fills in what became of it. */
void puller_check(struct puller_asking *asking);

#endif
