/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The inside of a hosted cache, a section for each file. Threads:
 *
 *   HTTP    reads messages, answers batched offers, hands everything on
 *   pool    what is known of a segment, and keeping content information, a message at a time
 *   loop    offers, puller, clients, places: what to do about what was offered
 */
#ifndef PEER_HOSTED_CACHE_PRIVATE_H
#define PEER_HOSTED_CACHE_PRIVATE_H

#include "peer/hosted_cache.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>

#include "peer/hosted_clients.h"
#include "peer/hosted_inbox.h"
#include "peer/hosted_lists.h"
#include "peer/hosted_places.h"
#include "peer/hosted_share.h"
#include "peer/puller.h"

struct http_server;
struct hosted_information;

struct hosted_cache {
	struct hosted_cache_options options; /* without the lists, which are the caller's */
	uint64_t seed;
	struct retrieval_server *server;
	struct http_server *tls; /* NULL: there is none */
	unsigned plain;          /* listeners of SERVER */
	struct offer_intake *intake;
	struct hosted_inbox *inbox;
	struct hosted_lists *lists;
	struct hosted_share *share;
	atomic_bool stopped;
	/* The loop's. */
	struct offers *offers;
	struct puller *puller;
	struct hosted_clients *clients;
	struct hosted_places *places;

	pthread_mutex_t lock; /* what follows */
	pthread_cond_t quiet;
	unsigned messages; /* that jobs are to answer, or have just answered */
	bool keeping;      /* a job has the first of: */
	STAILQ_HEAD(, hosted_information) informations;
};

/* ---- hosted_cache_messages.c ---- */

/* Of offer_intake: what to do about a message is found out, and it is answered. */
void hosted_cache_offered(void *cache, const struct offer_intake_message *message);
/* No message comes any more; waits until jobs are done with those that came. */
void hosted_cache_settle(struct hosted_cache *cache);

#endif
