/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One object goes all the way: a struct responder_lookup is made when a Probe is heard, holds what
 * is needed of it (a Probe may come in 64 KiB of anything), hangs in the queue until there is a
 * place to look it up, is handed out meanwhile, and hangs in the line of those that wait when there
 * is something to say.
 */
#include "peer/responder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "cache/bytes.h"
#include "peer/allowance.h"
#include "peer/backoff.h"
#include "peer/suppression.h"

struct responder_lookup {
	TAILQ_ENTRY(responder_lookup) line; /* the line, or the queue */
	struct responder *responder;
	struct multicast_arrival arrival;
	int64_t heard_ms, due_ms;
	size_t octets;             /* of this object */
	struct wsd_probe probe;    /* a copy; all that it points to is in this object */
	unsigned claim_count;      /* of what the answer says */
	struct wsd_claim claims[]; /* room for as many as ids; behind them ids, then texts */
};

struct responder {
	struct responder_outlet outlet;
	uint32_t instance, number; /* of the message sent last */
	char *endpoint;
	unsigned backoff_ms, thinning;
	struct suppression *suppression;
	struct allowance *lookup_allowance, *answer_allowance;
	TAILQ_HEAD(responder_line, responder_lookup)
	line; /* that wait to be sent, the next one first */
	struct responder_line
		queue; /* that wait to be looked up, in the order in which they came */
	unsigned looked_up, queued, waiting;
	size_t octets; /* of all three */
	bool starting; /* look-ups: what is found from inside starts none */
	bool ended;    /* the last look-up frees it */
	struct responder_counters counters;
	uint8_t datagram[WSD_DATAGRAM_MAX];
};

/* ---- beginning and end ---- */

static uint32_t rate_of_lookups(uint32_t rate)
{
	return rate < UINT32_MAX / RESPONDER_LOOKUPS_PER_ANSWER
		       ? rate * RESPONDER_LOOKUPS_PER_ANSWER
		       : UINT32_MAX;
}

static int create_parts(struct responder *responder, const struct responder_options *options,
			int64_t now_ms)
{
	uint32_t all = options->all > 0 ? options->all : ALLOWANCE_ALL;
	uint32_t each = options->each > 0 ? options->each : ALLOWANCE_EACH;

	responder->endpoint = strdup(options->endpoint);
	if (responder->endpoint == NULL ||
	    suppression_create(options->seed, &responder->suppression) != 0 ||
	    allowance_create(rate_of_lookups(all), rate_of_lookups(each), options->seed, now_ms,
			     &responder->lookup_allowance) != 0 ||
	    allowance_create(all, each, options->seed, now_ms, &responder->answer_allowance) != 0)
		return -ENOMEM;
	return 0;
}

static void free_parts(struct responder *responder)
{
	free(responder->endpoint);
	suppression_free(responder->suppression);
	allowance_free(responder->lookup_allowance);
	allowance_free(responder->answer_allowance);
}

int responder_create(const struct responder_options *options, int64_t now_ms,
		     struct responder **responder_out)
{
	struct responder *responder = calloc(1, sizeof(*responder));

	if (responder == NULL)
		return -ENOMEM;
	responder->outlet = options->outlet;
	responder->instance = options->instance;
	responder->backoff_ms =
		options->backoff_ms > 0 ? options->backoff_ms : BACKOFF_ANSWER_MAX_MS;
	responder->thinning = options->thinning < THINNING_MAX ? options->thinning : THINNING_MAX;
	TAILQ_INIT(&responder->line);
	TAILQ_INIT(&responder->queue);
	if (create_parts(responder, options, now_ms) != 0) {
		free_parts(responder);
		free(responder);
		return -ENOMEM;
	}
	*responder_out = responder;
	return 0;
}

static void drop(struct responder_lookup *lookup)
{
	lookup->responder->octets -= lookup->octets;
	free(lookup);
}

static void leave_queue(struct responder_lookup *lookup)
{
	TAILQ_REMOVE(&lookup->responder->queue, lookup, line);
	lookup->responder->queued--;
}

static void leave_line(struct responder_lookup *lookup)
{
	TAILQ_REMOVE(&lookup->responder->line, lookup, line);
	lookup->responder->waiting--;
}

void responder_free(struct responder *responder)
{
	struct responder_lookup *lookup;

	if (responder == NULL)
		return;
	while ((lookup = TAILQ_FIRST(&responder->line)) != NULL) {
		leave_line(lookup);
		drop(lookup);
	}
	while ((lookup = TAILQ_FIRST(&responder->queue)) != NULL) {
		leave_queue(lookup);
		drop(lookup);
	}
	free_parts(responder);
	responder->ended = true;
	if (responder->looked_up == 0)
		free(responder);
}

/* ---- a Probe is heard ---- */

static size_t size_of_texts(const struct wsd_probe *probe)
{
	size_t size = strlen(probe->message_id) + 1;

	for (unsigned i = 0; i < probe->count; i++)
		if (probe->ids[i].spelled != NULL)
			size += 2 * (size_t)probe->ids[i].size;
	return size;
}

static const char *copy_text(char **at, const char *text, size_t size)
{
	char *copy = *at;

	memcpy(copy, text, size);
	*at += size;
	return copy;
}

static void copy_probe(struct responder_lookup *lookup, const struct wsd_probe *probe)
{
	struct wsd_id *ids = (struct wsd_id *)(lookup->claims + probe->count);
	char *texts = (char *)(ids + probe->count);

	_Static_assert(_Alignof(struct wsd_id) <= _Alignof(struct wsd_claim) &&
			       sizeof(struct wsd_claim) % _Alignof(struct wsd_id) == 0,
		       "ids stand behind claims");
	memcpy(ids, probe->ids, probe->count * sizeof(*ids));
	for (unsigned i = 0; i < probe->count; i++)
		if (ids[i].spelled != NULL)
			ids[i].spelled = copy_text(&texts, ids[i].spelled, 2 * (size_t)ids[i].size);
	lookup->probe = *probe;
	lookup->probe.ids = ids;
	lookup->probe.message_id =
		copy_text(&texts, probe->message_id, strlen(probe->message_id) + 1);
}

/* NULL: no room, or no memory. */
static struct responder_lookup *keep(struct responder *responder,
				     const struct multicast_arrival *arrival,
				     const struct wsd_probe *probe, int64_t now_ms)
{
	struct responder_lookup *lookup = NULL;
	size_t octets = sizeof(*lookup) +
			probe->count * (sizeof(struct wsd_claim) + sizeof(struct wsd_id)) +
			size_of_texts(probe);

	if (responder->queued == RESPONDER_WAITING_MAX ||
	    octets > RESPONDER_OCTETS_MAX - responder->octets)
		return NULL;
	lookup = malloc(octets);
	if (lookup == NULL)
		return NULL;
	lookup->responder = responder;
	lookup->arrival = *arrival;
	lookup->heard_ms = now_ms;
	lookup->octets = octets;
	lookup->claim_count = 0;
	copy_probe(lookup, probe);
	responder->octets += octets;
	return lookup;
}

static bool may_look_up(struct responder *responder, const struct xaddr *source, unsigned ids,
			int64_t now_ms)
{
	for (unsigned counted = 0; counted < ids; counted += RESPONDER_LOOKUP_IDS)
		if (!allowance_grants(responder->lookup_allowance, source, now_ms))
			return false;
	return true;
}

/* What is found at once, from inside, makes room for the next round here and not in a depth of
 * calls. */
static void start_lookups(struct responder *responder)
{
	struct responder_lookup *lookup;

	if (responder->starting)
		return;
	responder->starting = true;
	while (responder->looked_up < RESPONDER_LOOKUPS_MAX &&
	       (lookup = TAILQ_FIRST(&responder->queue)) != NULL) {
		leave_queue(lookup);
		responder->looked_up++;
		responder->outlet.look_up(responder->outlet.owner, lookup, &lookup->probe);
	}
	responder->starting = false;
}

static void consider(struct responder *responder, const struct multicast_arrival *arrival,
		     const struct wsd_probe *probe, int64_t now_ms)
{
	struct responder_lookup *lookup = NULL;

	if (suppression_hears(responder->suppression, probe->message_id, &arrival->source,
			      now_ms)) {
		responder->counters.repeats++;
		return;
	}
	responder->counters.received++;
	if (may_look_up(responder, &arrival->source, probe->count, now_ms))
		lookup = keep(responder, arrival, probe, now_ms);
	if (lookup == NULL) {
		responder->counters.refused++;
		return;
	}
	TAILQ_INSERT_TAIL(&responder->queue, lookup, line);
	responder->queued++;
	start_lookups(responder);
}

void responder_hears(struct responder *responder, const struct multicast_arrival *arrival,
		     struct wsd_message *message, int64_t now_ms)
{
	if (message->kind == WSD_PROBE)
		consider(responder, arrival, message->probe, now_ms);
	wsd_free(message);
}

/* ---- it is known what is held ---- */

static uint32_t draw(const struct responder *responder)
{
	return responder->outlet.random(responder->outlet.owner);
}

static bool is_thinned_out(const struct responder *responder, const struct wsd_id *id)
{
	if (responder->thinning == 0)
		return false;
	return !thinning_answers(responder->outlet.thinning(responder->outlet.owner, id),
				 responder->thinning, draw(responder));
}

static struct wsd_claim claim_of(enum wsd_form form, unsigned segment,
				 const struct responder_holding *holding)
{
	if (form == WSD_FORM_1)
		return (struct wsd_claim){.segment = (uint8_t)segment,
					  .blocks = (uint16_t)(holding->held < WSD_BLOCKS_MAX
								       ? holding->held
								       : WSD_BLOCKS_MAX)};
	return (struct wsd_claim){.segment = (uint8_t)segment,
				  .whole = holding->held >= holding->blocks,
				  .aged = true,
				  .age_ms = holding->age_ms};
}

static void tell_unserved(const struct responder_lookup *lookup, const struct wsd_id *id)
{
	const struct responder_outlet *outlet = &lookup->responder->outlet;

	outlet->unserved(outlet->owner, &lookup->arrival, id);
}

/* What the answer is to say; returns how many segments are held. */
static unsigned claim(struct responder_lookup *lookup, const struct responder_holding *holdings)
{
	const struct wsd_probe *probe = &lookup->probe;
	unsigned held = 0;

	for (unsigned i = 0; i < probe->count; i++) {
		if (holdings[i].held == 0 || holdings[i].blocks == 0) {
			tell_unserved(lookup, &probe->ids[i]);
			continue;
		}
		held++;
		if (!is_thinned_out(lookup->responder, &probe->ids[i]))
			lookup->claims[lookup->claim_count++] =
				claim_of(probe->form, i, &holdings[i]);
	}
	return held;
}

/* The wait is counted from when the Probe was heard, so that a slow disk does not make it longer:
 * the asker's patience is. */
static void join_line(struct responder *responder, struct responder_lookup *lookup)
{
	struct responder_lookup *before;

	lookup->due_ms =
		lookup->heard_ms + backoff_answer_ms(responder->backoff_ms, draw(responder));
	before = TAILQ_LAST(&responder->line, responder_line);
	while (before != NULL && before->due_ms > lookup->due_ms)
		before = TAILQ_PREV(before, responder_line, line);
	if (before != NULL)
		TAILQ_INSERT_AFTER(&responder->line, before, lookup, line);
	else
		TAILQ_INSERT_HEAD(&responder->line, lookup, line);
	responder->waiting++;
}

/* Whether LOOKUP is in the line now. */
static bool prepare(struct responder *responder, struct responder_lookup *lookup,
		    const struct responder_holding *holdings, int64_t now_ms)
{
	if (holdings == NULL || claim(lookup, holdings) == 0)
		return false;
	if (lookup->claim_count == 0) {
		responder->counters.thinned++;
		return false;
	}
	if (responder->waiting == RESPONDER_WAITING_MAX ||
	    !allowance_grants(responder->answer_allowance, &lookup->arrival.source, now_ms)) {
		responder->counters.refused++;
		return false;
	}
	join_line(responder, lookup);
	return true;
}

void responder_found(struct responder_lookup *lookup, const struct responder_holding *holdings,
		     int64_t now_ms)
{
	struct responder *responder = lookup->responder;

	responder->looked_up--;
	if (responder->ended || !prepare(responder, lookup, holdings, now_ms))
		drop(lookup);
	if (!responder->ended)
		start_lookups(responder);
	else if (responder->looked_up == 0)
		free(responder);
}

/* ---- an answer is due ---- */

static void name_message(const struct responder *responder, char uuid_out[WSD_UUID_MAX])
{
	uint8_t random[16];
	struct bytes_out out = bytes_out(random, sizeof(random));

	while (out.left > 0)
		bytes_put_be32(&out, draw(responder));
	wsd_uuid(random, uuid_out);
}

/* The largest answer, 255 ids of 128 digits to a MessageID of 256 characters that must be escaped,
 * has 37 KiB, so there is always room. */
static void answer(struct responder *responder, const struct responder_lookup *lookup)
{
	const struct responder_outlet *outlet = &responder->outlet;
	struct xaddr own, announced[NEARBY_ANNOUNCED_MAX];
	char name[WSD_UUID_MAX];
	struct wsd_answer answer = {
		.probe = &lookup->probe,
		.message_id = name,
		.endpoint = responder->endpoint,
		.instance = responder->instance,
		.number = responder->number + 1,
		.claims = lookup->claims,
		.claim_count = lookup->claim_count,
		.addresses = announced,
	};
	size_t size;

	answer.address_count = outlet->announce(outlet->owner, lookup->probe.form, &lookup->arrival,
						&own, announced);
	if (answer.address_count == 0)
		return;
	name_message(responder, name);
	if (wsd_write_answer(&answer, responder->datagram, sizeof(responder->datagram), &size) != 0)
		return;
	responder->number++;
	responder->counters.answered++;
	outlet->send(outlet->owner, &lookup->arrival, &own, responder->datagram, size);
}

int64_t responder_tick(struct responder *responder, int64_t now_ms)
{
	struct responder_lookup *lookup;

	while ((lookup = TAILQ_FIRST(&responder->line)) != NULL && lookup->due_ms <= now_ms) {
		leave_line(lookup);
		answer(responder, lookup);
		drop(lookup);
	}
	return lookup != NULL ? lookup->due_ms : INT64_MAX;
}

void responder_counters(const struct responder *responder, struct responder_counters *counters_out)
{
	*counters_out = responder->counters;
}
