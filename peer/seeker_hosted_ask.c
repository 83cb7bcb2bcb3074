/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What hosted caches are asked (MSG_GETSEGLIST; hosted-cache.md section 12): segments that are
 * wanted gather in a queue, from which each hosted cache takes those that it has not been asked
 * about. It has SEEKER_HOSTED_ASKING questions at a time; what is wanted meanwhile goes together
 * into the next, so that many small reads make few questions. What it names becomes a holding like
 * a neighbour's; where it cannot be asked so, all segments become holdings, as guesses.
 */
#include "peer/seeker_private.h"

#include <string.h>

#define LISTLESS_MS 600000 /* hosted-cache.md section 12 */
#define UNANSWERED_MS 100  /* nothing is repeated sooner (retrieval.md 11.3) */

_Static_assert(SEEKER_HOSTED_MAX <= 16, "a bit each");

static uint16_t bit(const struct hosted *hosted)
{
	return (uint16_t)(1u << hosted->number);
}

static bool lists(const struct seeker *seeker, const struct hosted *hosted)
{
	return seeker->now_ms >= hosted->listless_until_ms;
}

/* Those that can be asked. */
static uint16_t answering(const struct seeker *seeker)
{
	uint16_t all = 0;

	for (unsigned i = 0; i < seeker->hosted_count; i++)
		if (seeker_hosted_is_fit(seeker, &seeker->hosted[i]) &&
		    lists(seeker, &seeker->hosted[i]))
			all |= bit(&seeker->hosted[i]);
	return all;
}

/* ---- the queue ---- */

static void queue(struct seeker *seeker, struct segment *segment, uint16_t todo)
{
	segment->hosted_todo |= todo;
	seeker->hosted_urgent |= segment->pending_urgent > 0;
	if (segment->hosted_queued)
		return;
	segment->hosted_queued = true;
	if (segment->pending_urgent > 0)
		TAILQ_INSERT_HEAD(&seeker->hosted_queue, segment, in_hosted);
	else
		TAILQ_INSERT_TAIL(&seeker->hosted_queue, segment, in_hosted);
	seeker->hosted_queued++;
	alarms_hasten(&seeker->alarms, &seeker->hosted_gather, seeker->now_ms + SEEKER_GATHER_MS);
}

void seeker_hosted_unqueue(struct seeker *seeker, struct segment *segment)
{
	if (!segment->hosted_queued)
		return;
	TAILQ_REMOVE(&seeker->hosted_queue, segment, in_hosted);
	seeker->hosted_queued--;
	segment->hosted_queued = false;
	if (segment->hosted_todo != 0 && segment->hosted_asked == 0)
		segment->hosted_ms = SEEKER_NEVER;
	segment->hosted_todo = 0;
}

/* Whether one of them is known to have something of it; a guess is not knowing. */
static bool is_held(const struct seeker *seeker, const struct segment *segment)
{
	const struct holding *holding;

	TAILQ_FOREACH (holding, &segment->holdings, in_segment)
		if (holding->peer->hosted != NULL && !holding->blind &&
		    seeker->now_ms < holding->until_ms &&
		    seeker->now_ms >= holding->spoilt_until_ms &&
		    !seeker_peer_is_out(seeker, holding->peer))
			return true;
	return false;
}

static bool is_due(const struct seeker *seeker, const struct segment *segment)
{
	if (segment->hosted_queued || segment->hosted_asked != 0)
		return false;
	return segment->hosted_ms == SEEKER_NEVER ||
	       (seeker->now_ms - segment->hosted_ms >= SEEKER_LACKS_MS &&
		!is_held(seeker, segment));
}

void seeker_hosted_look(struct seeker *seeker, struct segment *segment)
{
	uint16_t todo = 0;

	for (unsigned i = 0; i < seeker->hosted_count; i++) {
		const struct hosted *hosted = &seeker->hosted[i];
		const struct holding *holding;

		if (!seeker_hosted_is_fit(seeker, hosted))
			continue;
		holding = seeker_holding_find(segment, hosted->peer);
		if (holding != NULL && seeker->now_ms < holding->spoilt_until_ms)
			continue;
		if (lists(seeker, hosted))
			todo |= bit(hosted);
		else if (holding == NULL)
			seeker_holding_make(seeker, segment, hosted->peer);
	}
	if (todo == 0 || !is_due(seeker, segment))
		return;
	segment->hosted_ms = seeker->now_ms;
	queue(seeker, segment, todo);
}

/* Behind questions of which nothing comes no other is waited for. */
static uint16_t stalled(const struct seeker *seeker)
{
	uint16_t all = 0;

	for (unsigned i = 0; i < seeker->hosted_count; i++)
		if (seeker->hosted[i].peer != NULL && seeker->hosted[i].peer->stalled)
			all |= bit(&seeker->hosted[i]);
	return all;
}

bool seeker_hosted_searches(const struct seeker *seeker, const struct segment *segment)
{
	uint16_t open = segment->hosted_asked | segment->hosted_todo;

	return open != 0 && (open & answering(seeker) & ~stalled(seeker)) != 0 &&
	       seeker->now_ms - segment->hosted_ms < SEEKER_HOSTED_WAIT_MS;
}

/* ---- asking ---- */

static unsigned count_for(const struct seeker *seeker, uint16_t one)
{
	const struct segment *segment;
	unsigned count = 0;

	TAILQ_FOREACH (segment, &seeker->hosted_queue, in_hosted) {
		count += (segment->hosted_todo & one) != 0;
		if (count == SEEKER_HOSTED_IDS)
			break;
	}
	return count;
}

static void fill(struct seeker *seeker, struct exchange *exchange, uint16_t one)
{
	struct wsd_id *id = exchange->ids, *end = id + exchange->public.id_count;
	struct segment *segment;

	TAILQ_FOREACH (segment, &seeker->hosted_queue, in_hosted) {
		if (id == end)
			break;
		if ((segment->hosted_todo & one) == 0)
			continue;
		segment->hosted_todo &= (uint16_t)~one;
		segment->hosted_asked |= one;
		id->size = segment->id_size;
		memcpy(id->octets, segment->id, segment->id_size);
		id++;
	}
}

/* Whether a question went out. */
static bool ask(struct seeker *seeker, struct hosted *hosted)
{
	unsigned count = count_for(seeker, bit(hosted));
	struct exchange *exchange;

	if (count == 0 || hosted->asking >= SEEKER_HOSTED_ASKING ||
	    !bucket_take(&seeker->hosted_bucket, seeker->now_ms))
		return false;
	exchange = seeker_make_question(seeker, hosted->peer, count);
	if (exchange == NULL)
		return false;
	fill(seeker, exchange, bit(hosted));
	hosted->asking++;
	seeker_send_question(seeker, exchange);
	return true;
}

/* Those that all who can be asked have been asked about. */
static void shorten(struct seeker *seeker)
{
	uint16_t all = answering(seeker);
	struct segment *segment, *next;

	for (segment = TAILQ_FIRST(&seeker->hosted_queue); segment != NULL; segment = next) {
		next = TAILQ_NEXT(segment, in_hosted);
		if ((segment->hosted_todo & all) != 0)
			continue;
		segment->hosted_todo = 0;
		seeker_hosted_unqueue(seeker, segment);
	}
}

void seeker_hosted_flush(struct seeker *seeker)
{
	bool due =
		seeker->hosted_gather.place != 0 && seeker->hosted_gather.due_ms <= seeker->now_ms;

	if (seeker->stopped || seeker->hosted_queued == 0) {
		alarms_clear(&seeker->alarms, &seeker->hosted_gather);
		return;
	}
	if (!seeker->hosted_urgent && !due && seeker->hosted_queued < SEEKER_HOSTED_IDS)
		return;
	for (unsigned i = 0; i < seeker->hosted_count; i++) {
		struct hosted *hosted = &seeker->hosted[i];

		if (!seeker_hosted_is_fit(seeker, hosted) || !lists(seeker, hosted))
			continue;
		while (ask(seeker, hosted))
			;
	}
	shorten(seeker);
	seeker->hosted_urgent &= seeker->hosted_queued > 0;
	if (seeker->hosted_queued == 0)
		alarms_clear(&seeker->alarms, &seeker->hosted_gather);
	else
		alarms_set(&seeker->alarms, &seeker->hosted_gather,
			   seeker->now_ms + SEEKER_GATHER_MS);
}

/* ---- answers ---- */

int64_t seeker_hosted_patience_ms(const struct hosted *hosted)
{
	int64_t patience_ms = hosted->answer_16ths * 4 / 16;

	if (hosted->silent)
		return SEEKER_SLOW_MS;
	if (hosted->answer_16ths == 0)
		return SEEKER_HOSTED_FIRST_MS;
	if (patience_ms > SEEKER_HOSTED_WAIT_MS)
		return SEEKER_HOSTED_WAIT_MS;
	return patience_ms > SEEKER_HOSTED_PATIENCE_MS ? patience_ms : SEEKER_HOSTED_PATIENCE_MS;
}

void seeker_hosted_took(struct hosted *hosted, int64_t ms)
{
	int64_t sixteenths = ms > 0 ? ms * 16 : 1;

	/* As of blocks (seeker_peer_took): up fast, down slowly. */
	if (hosted->answer_16ths == 0)
		hosted->answer_16ths = sixteenths;
	else if (sixteenths > hosted->answer_16ths)
		hosted->answer_16ths += (sixteenths - hosted->answer_16ths) / 2;
	else
		hosted->answer_16ths -= (hosted->answer_16ths - sixteenths) / 8;
}

/* The segment at INDEX of the question does not wait for its answer any more, and its wants know
 * why, unless they know something else. NULL: it is forgotten. */
static struct segment *settle(struct seeker *seeker, const struct exchange *exchange,
			      unsigned index, enum seeker_reason reason)
{
	const struct wsd_id *id = &exchange->public.ids[index];
	struct segment *segment = seeker_segment_find(seeker, id->octets, id->size);
	struct seeker_state *state;

	if (segment == NULL)
		return NULL;
	segment->hosted_asked &= (uint16_t)~bit(exchange->peer->hosted);
	TAILQ_FOREACH (state, &segment->pending, in_pending)
		if (reason != SEEKER_CAME && state->reason == SEEKER_NO_ANSWER)
			state->reason = reason;
	seeker_segment_dirty(seeker, segment);
	return segment;
}

static void settle_all(struct seeker *seeker, const struct exchange *exchange,
		       enum seeker_reason reason)
{
	for (unsigned i = 0; i < exchange->public.id_count; i++)
		settle(seeker, exchange, i, reason);
}

void seeker_hosted_slow(struct seeker *seeker, const struct exchange *exchange)
{
	settle_all(seeker, exchange, SEEKER_TIMEOUT);
}

static void claim(struct seeker *seeker, struct segment *segment, struct peer *peer)
{
	struct holding *holding =
		segment->blocks > 0 ? seeker_holding_make(seeker, segment, peer) : NULL;

	if (holding == NULL || seeker->now_ms < holding->spoilt_until_ms)
		return;
	holding->blind = false;
	holding->whole = segment->blocks == 1;
	holding->until_ms = seeker->now_ms + seeker->options.limits.found_ms;
}

static void take_list(struct seeker *seeker, const struct exchange *exchange, const uint64_t *list)
{
	struct hosted *hosted = exchange->peer->hosted;

	for (unsigned i = 0; i < exchange->public.id_count; i++) {
		struct segment *segment = settle(seeker, exchange, i, SEEKER_CAME);

		if (segment != NULL && hosted->address_count > 0 &&
		    range_set_has(list, PCCRR_IDS_MAX, i))
			claim(seeker, segment, exchange->peer);
	}
}

/* The same once more, at another address. */
static void ask_again(struct seeker *seeker, const struct exchange *exchange)
{
	for (unsigned i = 0; i < exchange->public.id_count; i++) {
		struct segment *segment = settle(seeker, exchange, i, SEEKER_CAME);

		if (segment != NULL && segment->pending_count > 0)
			queue(seeker, segment, bit(exchange->peer->hosted));
	}
	seeker->hosted_urgent |= seeker->hosted_queued > 0;
}

/* It brought nothing: no time, a restart, or its way. Blocks are just asked for: for a moment; for
 * long if the next one brings nothing either. Questions that were out together tell no more than
 * one does. */
static void unanswered(struct seeker *seeker, const struct exchange *exchange)
{
	struct hosted *hosted = exchange->peer->hosted;

	if (hosted->unanswered_ms == SEEKER_NEVER) {
		hosted->unanswered_ms = seeker->now_ms;
		hosted->listless_until_ms = seeker->now_ms + UNANSWERED_MS;
	} else if (exchange->asked_ms > hosted->unanswered_ms) {
		hosted->listless_until_ms = seeker->now_ms + LISTLESS_MS;
	}
	settle_all(seeker, exchange, SEEKER_CAME);
}

void seeker_hosted_told(struct seeker *seeker, struct exchange *exchange,
			enum seeker_outcome outcome, const uint64_t *list)
{
	struct hosted *hosted = exchange->peer->hosted;

	hosted->asking--;
	if (outcome == SEEKER_GOOD) {
		hosted->unanswered_ms = SEEKER_NEVER;
		take_list(seeker, exchange, list);
	} else if (outcome == SEEKER_GAVE_UP) {
		settle_all(seeker, exchange, SEEKER_BUSY);
	} else if (seeker_hosted_moves(seeker, exchange, outcome)) {
		ask_again(seeker, exchange);
	} else if (outcome == SEEKER_BROKEN) {
		seeker_peer_failed(seeker, exchange->peer, outcome);
		settle_all(seeker, exchange, SEEKER_FAILED);
	} else if (outcome == SEEKER_CLOSED || outcome == SEEKER_LATE) {
		unanswered(seeker, exchange);
	} else {
		/* It has no lists: blocks are just asked for now. */
		hosted->listless_until_ms = seeker->now_ms + LISTLESS_MS;
		settle_all(seeker, exchange, SEEKER_CAME);
	}
	seeker_hosted_flush(seeker);
}
