/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Messages: what they offer, and the answer. Batched offers are answered at once. Initial offers
 * are a job each, of which there are no more than connections. Content information is kept by one
 * job after the other, in the order in which it came, so that not more than one pool thread waits
 * for what the disk does with it.
 */
#include "peer/hosted_cache_private.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "cache/log.h"
#include "peer/hosted_known.h"

#define container_of(pointer, type, member)                                                        \
	((type *)(void *)((char *)(pointer)-offsetof(type, member)))

/* ---- jobs ---- */

static void message_begins(struct hosted_cache *cache)
{
	pthread_mutex_lock(&cache->lock);
	cache->messages++;
	pthread_mutex_unlock(&cache->lock);
}

static void message_ends(struct hosted_cache *cache)
{
	pthread_mutex_lock(&cache->lock);
	if (--cache->messages == 0)
		pthread_cond_broadcast(&cache->quiet);
	pthread_mutex_unlock(&cache->lock);
}

void hosted_cache_settle(struct hosted_cache *cache)
{
	pthread_mutex_lock(&cache->lock);
	while (cache->messages > 0)
		pthread_cond_wait(&cache->quiet, &cache->lock);
	pthread_mutex_unlock(&cache->lock);
}

/* ---- batched offers ---- */

/* What nobody knows, or would take, is an item that nobody takes. */
static struct offers_item item_of(const struct pchc_offer *offer)
{
	struct offers_item item = {.algorithm = DIGEST_ALGORITHMS,
				   .id = {offer->id, PCHC_ID_SIZE},
				   .size = offer->segment_size};
	uint32_t blocks;

	(void)pchc_offer_use(offer, &item.algorithm, &blocks);
	return item;
}

static void take_batch(struct hosted_cache *cache, const struct offer_intake_message *message)
{
	struct pchc_offers rest = message->request.offers;
	struct offers_item items[PCHC_OFFERS_MAX];
	struct pchc_offer offer;
	unsigned count = 0;

	while (count < PCHC_OFFERS_MAX && pchc_offers_next(&rest, &offer)) {
		items[count] = item_of(&offer);
		hosted_lists_forget(cache->lists, &message->server, items[count].id);
		count++;
	}
	if (count > 0)
		hosted_inbox_put(cache->inbox, &message->server, items, count);
	offer_intake_answer(message, PCHC_OK);
}

/* ---- initial offers ---- */

struct hosted_initial {
	struct pool_job job;
	struct hosted_cache *cache;
	const struct offer_intake_message *message;
};

static void run_initial(struct pool_job *job)
{
	struct hosted_initial *initial = container_of(job, struct hosted_initial, job);
	const struct offer_intake_message *message = initial->message;
	struct hosted_cache *cache = initial->cache;
	struct offers_item item = {.id = message->request.segment, .informed = true};
	enum pchc_code code = PCHC_INTERESTED;

	free(initial);
	if (hosted_known_has(cache->options.store, item.id, &item.algorithm, &item.size)) {
		hosted_inbox_put(cache->inbox, &message->server, &item, 1);
		if (!cache->options.interested)
			code = PCHC_OK;
	}
	offer_intake_answer(message, code);
	message_ends(cache);
}

static void take_initial(struct hosted_cache *cache, const struct offer_intake_message *message)
{
	struct hosted_initial *initial = malloc(sizeof(*initial));

	if (initial == NULL) {
		offer_intake_answer(message, PCHC_OK);
		return;
	}
	*initial = (struct hosted_initial){{.run = run_initial}, cache, message};
	message_begins(cache);
	pool_submit(cache->options.pool, POOL_AHEAD, &initial->job);
}

/* ---- content information ---- */

struct hosted_information {
	struct pool_job job;
	STAILQ_ENTRY(hosted_information) next;
	struct hosted_cache *cache;
	const struct offer_intake_message *message;
};

static void complain(const struct xaddr *server, int error)
{
	static struct log_limit limit;
	char client[XADDR_TEXT_MAX];

	xaddr_write(server, client);
	log_limited(&limit, LOG_LEVEL_WARNING,
		    "%s has offered a segment whose content information cannot be kept: %s; %s",
		    client, strerror(-error),
		    error == -ENOSPC ? "give the cache more room (size)"
				     : "the segment is fetched when it is offered again");
}

/* Whether the segment is to be fetched. */
static bool keep_whole(struct hosted_cache *cache, const struct offer_intake_message *message,
		       struct offers_item *item)
{
	const struct offers_giver giver = offers_giver(&message->server);
	int error;

	hosted_share_make_room(cache->share, &giver, CONTENT_V1_SINGLE_MAX);
	error = hosted_known_keep(cache->options.store, &giver, &message->request.information);
	if (error != 0) {
		complain(&message->server, error);
		return false;
	}
	item->informed = true;
	hosted_lists_forget(cache->lists, &message->server, item->id);
	puller_learned(cache->puller);
	return true;
}

static bool keep_part(struct hosted_cache *cache, const struct offer_intake_message *message,
		      struct offers_item *item)
{
	enum digest_algorithm algorithm;
	uint32_t length;

	item->informed = hosted_known_has(cache->options.store, item->id, &algorithm, &length);
	return item->informed ||
	       hosted_lists_add(cache->lists, &message->server, &message->request.information) == 0;
}

static void keep(struct hosted_cache *cache, const struct offer_intake_message *message)
{
	const struct content_v1_single *single = &message->request.information;
	struct offers_item item = {.algorithm = single->algorithm,
				   .id = {single->id, (uint32_t)digest_size(single->algorithm)},
				   .size = single->segment.length};
	bool whole = single->segment.listed == single->segment.blocks;

	if (atomic_load(&cache->stopped))
		return;
	if (whole ? keep_whole(cache, message, &item) : keep_part(cache, message, &item))
		hosted_inbox_put(cache->inbox, &message->server, &item, 1);
}

static void run_information(struct pool_job *job);

/* The first is a job now. Lock held. */
static void submit_first(struct hosted_cache *cache)
{
	struct hosted_information *first = STAILQ_FIRST(&cache->informations);

	cache->keeping = first != NULL;
	if (first == NULL)
		return;
	STAILQ_REMOVE_HEAD(&cache->informations, next);
	first->job.run = run_information;
	pool_submit(cache->options.pool, POOL_AHEAD, &first->job);
}

static void run_information(struct pool_job *job)
{
	struct hosted_information *information = container_of(job, struct hosted_information, job);
	struct hosted_cache *cache = information->cache;

	keep(cache, information->message);
	offer_intake_answer(information->message, PCHC_OK);
	free(information);
	pthread_mutex_lock(&cache->lock);
	submit_first(cache);
	pthread_mutex_unlock(&cache->lock);
	message_ends(cache);
}

static void take_information(struct hosted_cache *cache, const struct offer_intake_message *message)
{
	struct hosted_information *information = malloc(sizeof(*information));

	if (information == NULL) {
		offer_intake_answer(message, PCHC_OK);
		return;
	}
	*information = (struct hosted_information){.cache = cache, .message = message};
	message_begins(cache);
	pthread_mutex_lock(&cache->lock);
	STAILQ_INSERT_TAIL(&cache->informations, information, next);
	if (!cache->keeping)
		submit_first(cache);
	pthread_mutex_unlock(&cache->lock);
}

void hosted_cache_offered(void *context, const struct offer_intake_message *message)
{
	switch (message->request.type) {
	case PCHC_INITIAL_OFFER:
		take_initial(context, message);
		break;
	case PCHC_SEGMENT_INFO:
		take_information(context, message);
		break;
	case PCHC_BATCHED_OFFER:
		take_batch(context, message);
		break;
	}
}
