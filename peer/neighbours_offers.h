/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What neighbours_offers.c (the policy of peer/offering.h under a lock, and where hosted caches
 * are) and neighbours_posts.c (messages on their way) share. Nobody else includes this.
 */
#ifndef PEER_NEIGHBOURS_OFFERS_H
#define PEER_NEIGHBOURS_OFFERS_H

#include "cache/content_v1.h"
#include "cache/log.h"
#include "origin/http_client.h"
#include "peer/host_place.h"
#include "peer/name_lookup.h"
#include "peer/neighbours_private.h"

/* What is told of a segment by version 1.0. */
struct offers_description {
	struct content_v1_single single;
	uint8_t id[DIGEST_SIZE_MAX];
	size_t id_size;
	uint8_t hashes[];
};

struct offers_server {
	char host[NEIGHBOURS_HOST_SIZE]; /* as it was given; the rest is constant, too, but where */
	struct host_place place;
	char url[HOST_PLACE_URL_SIZE + sizeof PCHC_PATH_2];
	struct xaddr addresses[NAME_LOOKUP_ADDRESSES_MAX]; /* the lock's; changed by the loop */
	unsigned count;
	/* The loop's. */
	bool looked_up; /* at least once: it is known whether there are addresses */
	struct offers_description *described; /* the segment that was offered last */
	bool takes;                           /* has taken an offer */
	struct log_limit failing;
};

/* Of the segment of version 1.0 that a block came of last: often the next one is of the same. */
struct offers_known {
	struct content *content; /* a reference; NULL: none */
	uint64_t offset;
	uint32_t length;
	enum digest_algorithm algorithm;
	uint8_t id[DIGEST_SIZE_MAX];
};

LIST_HEAD(offers_postings, offers_posting);

struct neighbours_offers {
	struct neighbours *neighbours;
	atomic_bool open; /* what comes from the origin is looked at */
	/* Before neighbours.lock. Nothing slow is done under it: the offering's outlet takes notes
	 * only. */
	pthread_mutex_t lock;
	struct offering *offering; /* the lock's; NULL: there is no NEIGHBOURS_HOSTED */
	struct offers_known known; /* the lock's */
	bool woken;                /* the lock's */
	unsigned unknown;          /* the lock's; servers that were not looked up yet */
	pthread_cond_t known_all;  /* none of them is any more; of the monotonic clock */
	struct loop_task waking;
	/* Constant between neighbours_offers_prepare() and neighbours_offers_end(). */
	unsigned tls_port; /* 0: offers are of version 2.0 */
	char *cacert;
	unsigned server_count;
	struct offers_server servers[OFFERING_SERVERS_MAX];
	struct http_setup *setup;
	/* The loop's. */
	struct http_client *client;
	struct name_lookup *lookup;
	struct offers_postings postings;
};

/* neighbours_offers.c */
/* What became of message NUMBER. Loop thread. */
void neighbours_offers_answered(struct neighbours_offers *offers, uint64_t number, unsigned status,
				const void *body, size_t size);
void neighbours_offers_broken(struct neighbours_offers *offers, uint64_t number);

/* neighbours_posts.c; loop thread. */
int posts_begin(struct neighbours_offers *offers);
/* When none is on its way. */
void posts_end(struct neighbours_offers *offers);
/* Of the offering's outlet: notes only, which posts_flush() sees to. */
void posts_send(void *offers, const struct offering_message *message);
void posts_abandon(void *offers, uint64_t number);
bool posts_describe(void *offers, struct pccrr_id segment, struct content_v1_single *single_out);
void posts_flush(struct neighbours_offers *offers);

#endif
