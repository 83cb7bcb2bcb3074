/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Looks and exchanges as they begin and end, and the machine as a whole.
 */
#include "peer/offers_private.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cache/content_v1.h"

#define container_of(pointer, type, member)                                                        \
	((type *)(void *)((char *)(pointer)-offsetof(type, member)))

/* ---- life ---- */

static bool begin_exchanges(struct offers *offers)
{
	unsigned count = offers->options.limits.exchanges;

	LIST_INIT(&offers->free_exchanges);
	offers->exchanges = calloc(count, sizeof(struct exchange));
	if (offers->exchanges == NULL)
		return false;
	for (unsigned i = 0; i < count; i++)
		LIST_INSERT_HEAD(&offers->free_exchanges, &offers->exchanges[i], in_free);
	return true;
}

static bool begin_spoilt(struct offers *offers)
{
	uint32_t slots = offers->options.limits.spoilt;

	offers->spoilt_until_ms = calloc(slots, sizeof(*offers->spoilt_until_ms));
	return offers->spoilt_until_ms != NULL &&
	       recent_create(slots, offers->options.seed, &offers->spoilt) == 0;
}

int offers_create(const struct offers_options *options, struct offers **offers_out)
{
	struct offers *offers = calloc(1, sizeof(*offers));

	if (offers == NULL)
		return -ENOMEM;
	offers->options = *options;
	if (offers->options.limits.exchanges == 0)
		offers->options.limits = OFFERS_LIMITS;
	offers->now_ms = OFFERS_NEVER;
	if (!offers_hosts_begin(offers) || !offers_segments_begin(offers) ||
	    !begin_exchanges(offers) || !begin_spoilt(offers)) {
		offers_free(offers);
		return -ENOMEM;
	}
	*offers_out = offers;
	return 0;
}

void offers_free(struct offers *offers)
{
	if (offers == NULL)
		return;
	offers_stop(offers);
	assert(offers_is_idle(offers));
	offers_segments_end(offers);
	offers_hosts_end(offers);
	recent_free(offers->spoilt);
	free(offers->spoilt_until_ms);
	free(offers->exchanges);
	free(offers);
}

bool offers_is_idle(const struct offers *offers)
{
	return offers->counters.segments == 0;
}

static void stop_segment(struct offers *offers, struct offers_segment *segment)
{
	if (segment->state == SEGMENT_LOOKING)
		return;
	if (segment->busy > 0)
		offers_segment_over(offers, segment);
	else
		offers_segment_forget(offers, segment);
}

void offers_stop(struct offers *offers)
{
	struct offers_segment *segment, *next;

	offers->stopped = true;
	if (offers->segment_chains == NULL)
		return;
	for (uint32_t i = 0; i <= offers->segment_mask; i++)
		for (segment = LIST_FIRST(&offers->segment_chains[i]); segment != NULL;
		     segment = next) {
			next = LIST_NEXT(segment, in_chain);
			stop_segment(offers, segment);
		}
}

static void pass(struct offers *offers, int64_t now_ms)
{
	if (now_ms > offers->now_ms)
		offers->now_ms = now_ms;
}

void offers_counters(const struct offers *offers, struct offers_counters *counters_out)
{
	*counters_out = offers->counters;
}

/* ---- offers ---- */

/* An IPv4 address inside an IPv6 one is IPv4 (section 13). */
static struct xaddr plain(const struct xaddr *server)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	struct xaddr address = {.family = XADDR_IPV4, .port = server->port};

	if (server->family != XADDR_IPV6 || memcmp(server->octets, mapped, sizeof(mapped)) != 0)
		return *server;
	memcpy(address.octets, server->octets + sizeof(mapped), 4);
	return address;
}

void offers_take(struct offers *offers, const struct xaddr *server, const struct offers_item *items,
		 unsigned count, int64_t now_ms)
{
	const struct offers_outlet *outlet = &offers->options.outlet;
	struct xaddr address = plain(server);
	bool nothing = address.port == 0 || !xaddr_is_host(&address) ||
		       outlet->is_own(outlet->owner, &address);

	pass(offers, now_ms);
	for (unsigned i = 0; i < count; i++) {
		enum offers_fate fate = OFFERS_BEYOND;

		if (nothing)
			fate = OFFERS_NOTHING;
		else if (!offers->stopped)
			fate = offers_segment_offer(offers, &address, &items[i]);
		offers->counters.offers[fate]++;
	}
	offers_run(offers);
}

enum offers_room offers_room(const struct offers *offers, const struct xaddr *server)
{
	const struct offers_outlet *outlet = &offers->options.outlet;
	struct xaddr address = plain(server);
	struct offers_giver giver = offers_giver(&address);
	uint64_t given = 0, held = 0;

	outlet->share(outlet->owner, &giver, &given, &held);
	return given > held / 2 ? OFFERS_ROOM_OF_ITS_OWN : OFFERS_ROOM_OF_ALL;
}

/* ---- looks ---- */

static void look(struct offers *offers, struct offers_segment *segment)
{
	const struct offers_outlet *outlet = &offers->options.outlet;

	TAILQ_REMOVE(&offers->to_look, segment, in_queue);
	segment->state = SEGMENT_LOOKING;
	offers->counters.looks++;
	outlet->look(outlet->owner, segment, offers_id(segment));
}

void offers_looked(struct offers *offers, struct offers_segment *segment,
		   const struct offers_holding *holding, int64_t now_ms)
{
	const struct source *source = &segment->sources[0];

	assert(segment->state == SEGMENT_LOOKING);
	pass(offers, now_ms);
	offers->counters.looks--;
	segment->state = SEGMENT_READY;
	if (offers->stopped || holding == NULL) {
		offers_segment_forget(offers, segment);
	} else if (offers_host_is_out(offers, source->host, source->port)) {
		offers_segment_advance(offers, segment);
	} else if (!offers_segment_want(offers, segment, holding)) {
		offers->counters.needless++;
		offers_segment_advance(offers, segment);
	} else {
		offers_segment_work(offers, segment);
	}
	offers_run(offers);
}

/* ---- exchanges ---- */

/* Whether no list is to be asked for (8.4, rule 1). */
static bool is_simple(const uint64_t *wanted)
{
	struct range first, second;

	return range_set_next(wanted, PCCRR_BLOCKS, 0, &first) && first.count <= OFFERS_UNLISTED &&
	       !range_set_next(wanted, PCCRR_BLOCKS, (uint64_t)first.index + first.count, &second);
}

static bool is_empty(const uint64_t *set)
{
	struct range first;

	return !range_set_next(set, PCCRR_BLOCKS, 0, &first);
}

static uint32_t length_of(const struct source *source, uint32_t block)
{
	uint32_t rest = source->size - block * CONTENT_V1_BLOCK;

	if (source->algorithm == DIGEST_SHA512_TRUNC256)
		return source->size;
	return rest < CONTENT_V1_BLOCK ? rest : CONTENT_V1_BLOCK;
}

static struct exchange *begin_exchange(struct offers *offers, struct offers_segment *segment)
{
	struct exchange *exchange = LIST_FIRST(&offers->free_exchanges);
	const struct source *source = &segment->sources[0];

	LIST_REMOVE(exchange, in_free);
	*exchange = (struct exchange){.segment = segment,
				      .host = source->host,
				      .begun_ms = offers->now_ms,
				      .public = {.server = source->host->address,
						 .segment = offers_id(segment),
						 .algorithm = source->algorithm,
						 .size = source->size,
						 .informed = source->informed}};
	exchange->public.server.port = source->port;
	segment->busy++;
	offers->counters.exchanges++;
	return exchange;
}

static void ask_list(struct offers *offers, struct offers_segment *segment)
{
	struct offers_exchange *exchange = &begin_exchange(offers, segment)->public;

	exchange->type = PCCRR_ASK_LIST;
	memcpy(exchange->blocks, segment->wanted, sizeof(exchange->blocks));
	offers_segment_unwork(offers, segment);
}

static void ask_block(struct offers *offers, struct offers_segment *segment)
{
	struct offers_exchange *exchange = &begin_exchange(offers, segment)->public;
	struct range first = {0};

	range_set_next(segment->wanted, PCCRR_BLOCKS, 0, &first);
	segment->wanted[first.index / 64] &= ~(UINT64_C(1) << first.index % 64);
	exchange->type = PCCRR_ASK_BLOCK;
	exchange->block = first.index;
	exchange->length = length_of(&segment->sources[0], first.index);
	if (is_empty(segment->wanted))
		offers_segment_unwork(offers, segment);
}

static void ask(struct offers *offers, struct host *host)
{
	const struct offers_outlet *outlet = &offers->options.outlet;
	struct offers_segment *segment = TAILQ_FIRST(&host->work);
	struct exchange *exchange = LIST_FIRST(&offers->free_exchanges);

	if (segment->state == SEGMENT_READY) {
		segment->state = SEGMENT_OPEN;
		segment->listed = is_simple(segment->wanted);
		offers->counters.pulls++;
	}
	if (segment->listed)
		ask_block(offers, segment);
	else
		ask_list(offers, segment);
	offers_host_begins(offers, host);
	outlet->ask(outlet->owner, &exchange->public);
}

void offers_run(struct offers *offers)
{
	struct offers_segment *segment;
	struct host *host;

	if (offers->running)
		return;
	offers->running = true;
	while (offers->counters.looks < OFFERS_LOOKS &&
	       (segment = TAILQ_FIRST(&offers->to_look)) != NULL)
		look(offers, segment);
	while (offers->counters.exchanges < offers->options.limits.exchanges &&
	       (host = offers_host_next(offers)) != NULL)
		ask(offers, host);
	offers->running = false;
}

/* ---- what became of them ---- */

/* What waited there, at the port that is out, is for the others, or forgotten. */
static void evacuate(struct offers *offers, struct host *host)
{
	struct offers_segment *segment, *next;

	for (segment = TAILQ_FIRST(&host->work); segment != NULL; segment = next) {
		next = TAILQ_NEXT(segment, in_queue);
		if (segment->sources[0].port != host->out_port)
			continue;
		offers_segment_over(offers, segment);
		if (segment->busy == 0)
			offers_segment_advance(offers, segment);
	}
}

static void came(struct offers *offers, const struct exchange *exchange,
		 const struct offers_result *result)
{
	static const struct offers_giver nobody;
	struct offers_segment *segment = exchange->segment;
	struct offers_giver giver = offers_giver(&exchange->host->address);

	offers_host_good(exchange->host, exchange->public.server.port);
	if (exchange->public.type == PCCRR_ASK_LIST) {
		range_set_keep(segment->wanted, result->list, PCCRR_BLOCKS);
		segment->listed = true;
		return;
	}
	if (memcmp(&result->replaced, &nobody, sizeof(nobody)) == 0 ||
	    memcmp(&result->replaced, &giver, sizeof(giver)) == 0)
		return;
	offers->counters.replaced++;
	offers_spoil(offers, &result->replaced, offers_id(segment));
}

static void tally(struct offers *offers, const struct exchange *exchange,
		  enum offers_outcome outcome)
{
	if (exchange->public.type == PCCRR_ASK_LIST)
		offers->counters.lists[outcome]++;
	else
		offers->counters.blocks[outcome]++;
}

static void judge(struct offers *offers, const struct exchange *exchange,
		  const struct offers_result *result)
{
	struct offers_segment *segment = exchange->segment;
	bool list = exchange->public.type == PCCRR_ASK_LIST;

	switch (result->outcome) {
	case OFFERS_CAME:
		came(offers, exchange, result);
		break;
	case OFFERS_NOT_HERE:
		/* A block that it listed, or said to have by offering: it is full, or forgot. */
		offers_host_empty(exchange->host, exchange->public.server.port);
		if (list)
			offers_segment_over(offers, segment);
		break;
	case OFFERS_GAVE_UP:
		offers_segment_over(offers, segment);
		break;
	default:
		offers_segment_over(offers, segment);
		offers_host_failed(offers, exchange->host, exchange->public.server.port,
				   result->outcome == OFFERS_LATE, exchange->begun_ms);
		break;
	}
}

/* SEGMENT after an exchange: there is more to ask, or to wait for, or this source is done with. */
static void go_on(struct offers *offers, struct offers_segment *segment)
{
	bool empty = is_empty(segment->wanted);

	if (segment->busy == 0 && empty)
		offers_segment_advance(offers, segment);
	else if (!empty && !segment->in_work)
		offers_segment_work(offers, segment);
}

void offers_told(struct offers *offers, struct offers_exchange *public,
		 const struct offers_result *result, int64_t now_ms)
{
	struct exchange *exchange = container_of(public, struct exchange, public);
	struct offers_segment *segment = exchange->segment;
	struct host *host = exchange->host;
	uint16_t port = public->server.port;

	pass(offers, now_ms);
	tally(offers, exchange, result->outcome);
	segment->busy--;
	offers->counters.exchanges--;
	judge(offers, exchange, result);
	LIST_INSERT_HEAD(&offers->free_exchanges, exchange, in_free);
	offers_host_ends(offers, host);
	if (offers_host_is_out(offers, host, port)) {
		offers_segment_over(offers, segment);
		evacuate(offers, host);
	}
	go_on(offers, segment);
	offers_run(offers);
}
