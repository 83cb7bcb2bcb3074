/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Exchanges, from being asked for to being told of.
 */
#include "peer/puller_private.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define container_of(pointer, type, member)                                                        \
	((type *)(void *)((char *)(pointer)-offsetof(type, member)))

/* ---- what is under way ---- */

static void runs(struct puller *puller)
{
	pthread_mutex_lock(&puller->lock);
	puller->running++;
	pthread_mutex_unlock(&puller->lock);
}

void puller_ran(struct puller *puller)
{
	pthread_mutex_lock(&puller->lock);
	if (--puller->running == 0)
		pthread_cond_broadcast(&puller->quiet);
	pthread_mutex_unlock(&puller->lock);
}

void puller_wait(struct puller *puller)
{
	pthread_mutex_lock(&puller->lock);
	while (puller->running > 0)
		pthread_cond_wait(&puller->quiet, &puller->lock);
	pthread_mutex_unlock(&puller->lock);
}

/* ---- the end of an exchange ---- */

static void count(struct puller *puller, const struct puller_asking *asking)
{
	struct puller_counters *counters = &puller->counters;
	bool block = asking->exchange->type == PCCRR_ASK_BLOCK;

	counters->not_kept += asking->no_room;
	if (asking->outcome == OFFERS_CAME && block) {
		counters->bytes += asking->exchange->length;
		counters->blocks++;
		counters->verified += asking->verified;
	}
	/* Without data it was no answer at all. */
	if (asking->outcome == OFFERS_WRONG ||
	    (asking->outcome == OFFERS_MALFORMED && asking->data != NULL))
		counters->wrong++;
	else if (asking->outcome == OFFERS_MALFORMED)
		counters->malformed++;
}

static void tell(struct puller *puller, struct offers_exchange *exchange,
		 const struct offers_result *result)
{
	bool kept = result->outcome == OFFERS_CAME && exchange->type == PCCRR_ASK_BLOCK;

	if (puller->options.pulled != NULL)
		puller->options.pulled(puller->options.context, &exchange->server, result->outcome,
				       kept ? exchange->length : 0);
	offers_told(puller->offers, exchange, result, loop_clock_ms());
}

static void end(struct puller_asking *asking, const uint64_t *list)
{
	struct puller *puller = asking->puller;
	const struct offers_result result = {
		.outcome = asking->outcome, .list = list, .replaced = asking->replaced};

	LIST_REMOVE(asking, in_list);
	count(puller, asking);
	tell(puller, asking->exchange, &result);
	puller_target_put(asking->target);
	hosted_list_put(asking->list);
	free(asking->body);
	free(asking);
	puller_ran(puller);
}

static void end_as(struct puller_asking *asking, enum offers_outcome outcome)
{
	asking->outcome = outcome;
	end(asking, NULL);
}

static void run_end(struct loop_task *task)
{
	end(container_of(task, struct puller_asking, task), NULL);
}

static void end_later(struct puller_asking *asking, enum offers_outcome outcome)
{
	asking->outcome = outcome;
	asking->task.run = run_end;
	loop_post(asking->puller->options.loop, &asking->task);
}

/* ---- answers ---- */

static void run_check(struct pool_job *job)
{
	struct puller_asking *asking = container_of(job, struct puller_asking, job);

	puller_check(asking);
	end_later(asking, asking->outcome);
}

static void take_block(struct puller_asking *asking, const struct pccrr_answer *answer)
{
	struct puller *puller = asking->puller;

	if (answer->size == 0) {
		end_as(asking, OFFERS_NOT_HERE);
		return;
	}
	asking->data = asking->body + (answer->data - asking->body);
	asking->size = answer->size;
	asking->cipher = answer->cipher;
	memcpy(asking->iv, answer->iv, sizeof(asking->iv));
	asking->room = offers_room(puller->offers, &asking->exchange->server);
	asking->job.run = run_check;
	pool_submit(puller->options.pool, POOL_AHEAD, &asking->job);
}

static bool is_empty(const uint64_t *set)
{
	struct range first;

	return !range_set_next(set, PCCRR_BLOCKS, 0, &first);
}

static void take_list(struct puller_asking *asking, const struct pccrr_answer *answer)
{
	asking->outcome = is_empty(answer->blocks) ? OFFERS_NOT_HERE : OFFERS_CAME;
	end(asking, answer->blocks);
}

static enum offers_outcome outcome_of(int error)
{
	switch (error) {
	case -EBADMSG:
	case -EPROTONOSUPPORT:
		return OFFERS_MALFORMED;
	case -ETIMEDOUT:
		return OFFERS_LATE;
	case -ECONNRESET:
	case -EPIPE:
		return OFFERS_VANISHED;
	case -ENOMEM: /* our own doing, from here on */
	case -ENOBUFS:
	case -EMFILE:
	case -ENFILE:
	case -EADDRNOTAVAIL: /* no port left */
		return OFFERS_GAVE_UP;
	default:
		return OFFERS_REFUSED;
	}
}

static void answered(struct retrieval *retrieval, int error, const struct pccrr_answer *answer,
		     uint8_t *body, size_t size)
{
	struct puller_asking *asking = (struct puller_asking *)retrieval;

	(void)size;
	asking->waiting = false;
	if (error != 0) {
		end_as(asking, outcome_of(error));
		return;
	}
	asking->body = body;
	if (asking->exchange->type == PCCRR_ASK_LIST)
		take_list(asking, answer);
	else
		take_block(asking, answer);
}

/* ---- asking ---- */

/* Whether there is something to ask for, once what this server has no hashes of is left out. */
static bool describe_request(struct puller_asking *asking)
{
	const struct offers_exchange *exchange = asking->exchange;
	struct pccrr_request *request = &asking->retrieval.request;
	uint64_t listed[PULLER_WORDS];

	asking->retrieval.server = exchange->server;
	asking->retrieval.done = answered;
	request->type = exchange->type;
	request->cipher = CIPHER_AES_128;
	request->segment = exchange->segment;
	request->block = exchange->block;
	memcpy(request->blocks, exchange->blocks, sizeof(request->blocks));
	if (asking->list == NULL)
		return true;
	hosted_list_blocks(asking->list, listed);
	if (exchange->type == PCCRR_ASK_BLOCK)
		return range_set_has(listed, PCCRR_BLOCKS, exchange->block);
	range_set_keep(request->blocks, listed, PCCRR_BLOCKS);
	return !is_empty(request->blocks);
}

static struct puller_asking *make_asking(struct puller *puller, struct offers_exchange *exchange)
{
	struct puller_asking *asking = calloc(1, sizeof(*asking));

	if (asking == NULL)
		return NULL;
	asking->puller = puller;
	asking->exchange = exchange;
	if (exchange->type == PCCRR_ASK_BLOCK) {
		asking->target = puller_target_get(puller, exchange->segment);
		if (asking->target == NULL) {
			free(asking);
			return NULL;
		}
	}
	if (!exchange->informed)
		asking->list = hosted_lists_find(puller->options.lists, &exchange->server,
						 exchange->segment);
	LIST_INSERT_HEAD(&puller->asking, asking, in_list);
	return asking;
}

/* Offers must not be told from inside. */
static void run_giving_up(struct loop_task *task)
{
	struct puller *puller = container_of(task, struct puller, giving_up);
	const struct offers_result result = {.outcome = OFFERS_GAVE_UP};
	struct offers_exchange *exchange = puller->unasked, *next;

	puller->unasked = NULL;
	puller->will_give_up = false;
	for (; exchange != NULL; exchange = next) {
		next = exchange->owner;
		tell(puller, exchange, &result);
		puller_ran(puller);
	}
}

static void give_up(struct puller *puller, struct offers_exchange *exchange)
{
	exchange->owner = puller->unasked;
	puller->unasked = exchange;
	if (puller->will_give_up)
		return;
	puller->will_give_up = true;
	puller->giving_up.run = run_giving_up;
	loop_post(puller->options.loop, &puller->giving_up);
}

static void ask(void *context, struct offers_exchange *exchange)
{
	struct puller *puller = context;
	struct puller_asking *asking = make_asking(puller, exchange);

	runs(puller);
	if (asking == NULL) {
		give_up(puller, exchange);
	} else if (!describe_request(asking)) {
		end_later(asking, OFFERS_NOT_HERE);
	} else {
		asking->waiting = true;
		retrieval_start(puller->client, &asking->retrieval);
	}
}

/* ---- the rest of the outlet ---- */

static void look(void *context, struct offers_segment *segment, struct pccrr_id id)
{
	runs(context);
	puller_look(context, segment, id);
}

static bool is_own(void *context, const struct xaddr *server)
{
	const struct puller *puller = context;

	return puller->options.is_own != NULL &&
	       puller->options.is_own(puller->options.context, server);
}

_Static_assert(sizeof(struct store_giver) == sizeof(struct offers_giver), "one is the other");

static void share(void *context, const struct offers_giver *giver, uint64_t *given_out,
		  uint64_t *held_out)
{
	const struct puller *puller = context;
	struct store_giver name;

	memcpy(name.octets, giver->octets, sizeof(name.octets));
	store_opaque_share(puller->options.store, &name, given_out, held_out);
}

struct offers_outlet puller_outlet(struct puller *puller)
{
	return (struct offers_outlet){
		.look = look, .ask = ask, .is_own = is_own, .share = share, .owner = puller};
}

/* ---- its life ---- */

int puller_create(const struct puller_options *options, struct puller **puller_out)
{
	const struct retrieval_client_options client = {.loop = options->loop,
							.timeout_ms = options->timeout_ms,
							.connections = options->connections};
	struct puller *puller = calloc(1, sizeof(*puller));
	int error;

	if (puller == NULL)
		return -ENOMEM;
	puller->options = *options;
	error = retrieval_client_create(&client, &puller->client);
	if (error != 0) {
		free(puller);
		return error;
	}
	pthread_mutex_init(&puller->lock, NULL);
	pthread_cond_init(&puller->quiet, NULL);
	*puller_out = puller;
	return 0;
}

void puller_free(struct puller *puller)
{
	if (puller == NULL)
		return;
	retrieval_client_free(puller->client);
	pthread_cond_destroy(&puller->quiet);
	pthread_mutex_destroy(&puller->lock);
	free(puller);
}

void puller_begin(struct puller *puller, struct offers *offers)
{
	puller->offers = offers;
}

void puller_stop(struct puller *puller)
{
	struct puller_asking *asking, *next;

	for (asking = LIST_FIRST(&puller->asking); asking != NULL; asking = next) {
		next = LIST_NEXT(asking, in_list);
		if (!asking->waiting)
			continue; /* it is being checked, or told of */
		retrieval_cancel(&asking->retrieval);
		end_as(asking, OFFERS_GAVE_UP);
	}
}

void puller_learned(struct puller *puller)
{
	atomic_fetch_add(&puller->learned, 1);
}

void puller_counters(const struct puller *puller, struct puller_counters *counters_out)
{
	*counters_out = puller->counters;
}
