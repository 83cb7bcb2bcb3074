/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Questions to peers: asked, slow, answered, judged. A want has two at most, the second when the
 * first is slow.
 */
#include "peer/seeker_private.h"

#include <stdlib.h>
#include <string.h>

#define BROKEN_MS 1000 /* a refused connection is not tried again for the same block */

static enum pccrr_type type_of(enum exchange_kind kind)
{
	if (kind == EXCHANGE_SEGMENTS)
		return PCCRR_ASK_SEGMENTS;
	return kind == EXCHANGE_LIST ? PCCRR_ASK_LIST : PCCRR_ASK_BLOCK;
}

static struct exchange *make(struct seeker *seeker, struct peer *peer, enum exchange_kind kind,
			     unsigned ids)
{
	struct exchange *exchange = calloc(1, sizeof(*exchange) + ids * sizeof(exchange->ids[0]));

	if (exchange == NULL)
		return NULL;
	exchange->kind = kind;
	exchange->peer = peer;
	exchange->asked_ms = seeker->now_ms;
	exchange->public.server = peer->address;
	exchange->public.hosted = peer->hosted != NULL;
	exchange->public.type = type_of(kind);
	TAILQ_INSERT_TAIL(&peer->exchanges, exchange, in_peer);
	TAILQ_INSERT_TAIL(&seeker->exchanges, exchange, in_all);
	peer->busy += kind != EXCHANGE_SEGMENTS;
	peer->exchange_count++;
	return exchange;
}

static struct exchange *begin(struct seeker *seeker, struct peer *peer,
			      const struct segment *segment, enum exchange_kind kind)
{
	struct exchange *exchange = make(seeker, peer, kind, 0);

	if (exchange == NULL)
		return NULL;
	memcpy(exchange->id, segment->id, segment->id_size);
	exchange->public.segment = (struct pccrr_id){exchange->id, segment->id_size};
	return exchange;
}

static void send_out(struct seeker *seeker, struct exchange *exchange)
{
	seeker->counters.asked++;
	if (exchange == TAILQ_FIRST(&exchange->peer->exchanges))
		seeker_peer_watch(seeker, exchange->peer);
	seeker->options.outlet.ask(seeker->options.outlet.owner, &exchange->public);
}

bool seeker_ask_block(struct seeker *seeker, struct seeker_state *state, struct peer *peer,
		      enum exchange_kind kind)
{
	struct exchange *exchange = begin(seeker, peer, state->segment, kind);
	unsigned slot = state->exchanges[0] == NULL ? 0 : 1;

	if (exchange == NULL)
		return false;
	exchange->public.block = state->want->block;
	exchange->public.want = state->want;
	exchange->length = state->want->length;
	if (slot == 1 || state->exchanges[1] != NULL)
		seeker->counters.overtaken++;
	state->exchanges[slot] = exchange;
	state->ready_ms = SEEKER_NEVER;
	seeker_unpend(state);
	send_out(seeker, exchange);
	return true;
}

bool seeker_ask_list(struct seeker *seeker, struct holding *holding)
{
	struct segment *segment = holding->segment;
	const struct seeker_state *first = TAILQ_FIRST(&segment->pending);
	struct exchange *exchange = begin(seeker, holding->peer, segment, EXCHANGE_LIST);

	if (exchange == NULL)
		return false;
	exchange->public.first = first->want->block;
	exchange->public.count = segment->blocks - first->want->block;
	holding->listing = true;
	send_out(seeker, exchange);
	return true;
}

struct exchange *seeker_make_question(struct seeker *seeker, struct peer *peer, unsigned count)
{
	struct exchange *exchange = make(seeker, peer, EXCHANGE_SEGMENTS, count);

	if (exchange == NULL)
		return NULL;
	exchange->public.ids = exchange->ids;
	exchange->public.id_count = count;
	return exchange;
}

void seeker_send_question(struct seeker *seeker, struct exchange *exchange)
{
	seeker->counters.lists++;
	/* It may be slow before a block that was asked for before it is. */
	seeker_peer_watch(seeker, exchange->peer);
	seeker->options.outlet.ask(seeker->options.outlet.owner, &exchange->public);
}

bool seeker_is_asked_of(const struct seeker_state *state, const struct peer *peer)
{
	return (state->exchanges[0] != NULL && state->exchanges[0]->peer == peer) ||
	       (state->exchanges[1] != NULL && state->exchanges[1]->peer == peer);
}

void seeker_exchange_abandon(struct seeker_state *state)
{
	for (unsigned i = 0; i < 2; i++)
		if (state->exchanges[i] != NULL) {
			state->exchanges[i]->public.want = NULL;
			state->exchanges[i] = NULL;
		}
}

/* ---- slow ones ---- */

static struct seeker_state *state_of(const struct exchange *exchange)
{
	return exchange->public.want != NULL ? exchange->public.want->state : NULL;
}

int64_t seeker_exchange_slow_ms(const struct exchange *exchange)
{
	return exchange->kind == EXCHANGE_SEGMENTS
		       ? seeker_hosted_patience_ms(exchange->peer->hosted)
		       : seeker_peer_slow_ms(exchange->peer);
}

/* Its want may be asked of another, or its owner told. */
static void overtake(struct seeker *seeker, struct exchange *exchange)
{
	struct seeker_state *state = state_of(exchange);

	if (state != NULL)
		seeker_pend(seeker, state);
}

static void stall(struct seeker *seeker, struct peer *peer)
{
	if (peer->stalled || (peer->heard_ms != SEEKER_NEVER &&
			      seeker->now_ms - peer->heard_ms < seeker_peer_slow_ms(peer)))
		return;
	peer->stalled = true;
	seeker_peer_dirty(seeker, peer);
}

void seeker_exchange_ring(struct seeker *seeker, struct peer *peer)
{
	struct exchange *exchange;

	TAILQ_FOREACH (exchange, &peer->exchanges, in_peer) {
		if (exchange->slow ||
		    exchange->asked_ms + seeker_exchange_slow_ms(exchange) > seeker->now_ms)
			continue;
		exchange->slow = true;
		if (exchange->kind == EXCHANGE_SEGMENTS)
			seeker_hosted_slow(seeker, exchange);
		overtake(seeker, exchange);
		stall(seeker, peer);
	}
	if (peer->hosted != NULL)
		seeker_probe_mind_alone(seeker);
	if (!seeker_peer_is_out(seeker, peer) && peer->rank == PEER_OUT)
		seeker_peer_dirty(seeker, peer);
	seeker_peer_watch(seeker, peer);
}

/* ---- answers ---- */

static void leave_place(struct seeker *seeker, struct exchange *exchange)
{
	struct peer *peer = exchange->peer;
	bool oldest = exchange == TAILQ_FIRST(&peer->exchanges);

	exchange->answered = true;
	TAILQ_REMOVE(&peer->exchanges, exchange, in_peer);
	peer->busy -= exchange->kind != EXCHANGE_SEGMENTS;
	if (TAILQ_EMPTY(&peer->exchanges) && peer->stalled) {
		peer->stalled = false;
		seeker_peer_dirty(seeker, peer);
	}
	if (oldest)
		seeker_peer_watch(seeker, peer);
	seeker_peer_pump_later(seeker, peer);
}

static void answered(struct seeker *seeker, struct exchange *exchange)
{
	struct peer *peer = exchange->peer;

	leave_place(seeker, exchange);
	if (exchange->kind == EXCHANGE_SEGMENTS) {
		seeker_hosted_took(peer->hosted, seeker->now_ms - exchange->asked_ms);
	} else {
		seeker_peer_took(peer, seeker->now_ms - exchange->asked_ms);
		peer->silent = false;
	}
	peer->heard_ms = seeker->now_ms;
	if (peer->hosted != NULL)
		peer->hosted->silent = false;
	if (peer->hosted != NULL && xaddr_same(&exchange->public.server, &peer->address))
		peer->hosted->failed = 0;
	if (!peer->stalled)
		return;
	peer->stalled = false;
	seeker_peer_dirty(seeker, peer);
}

void seeker_received(struct seeker *seeker, struct seeker_exchange *public, size_t octets,
		     int64_t now_ms)
{
	struct exchange *exchange = (struct exchange *)public;

	(void)octets;
	if (now_ms > seeker->now_ms)
		seeker->now_ms = now_ms;
	if (!exchange->answered)
		answered(seeker, exchange);
	seeker_run(seeker);
}

/* Nothing came in all the time that it had. Of a question that is not understood nothing comes
 * either, but then blocks do. */
static void timed_out(struct exchange *exchange)
{
	struct peer *peer = exchange->peer;

	peer->silent = true;
	if (peer->hosted != NULL &&
	    (peer->heard_ms == SEEKER_NEVER || peer->heard_ms < exchange->asked_ms))
		peer->hosted->silent = true;
}

/* The want has one exchange less. */
static struct seeker_state *detach(struct exchange *exchange)
{
	struct seeker_state *state = state_of(exchange);

	if (state == NULL)
		return NULL;
	for (unsigned i = 0; i < 2; i++)
		if (state->exchanges[i] == exchange)
			state->exchanges[i] = NULL;
	return state;
}

static void came(struct seeker *seeker, struct exchange *exchange, struct seeker_state *state)
{
	struct peer *peer = exchange->peer;
	struct supplier *supplier = seeker_stream_supplier(state->stream, peer);
	bool closed = supplier != NULL && supplier->closed;

	seeker_stream_gave(seeker, state->stream, peer);
	if (exchange->kind == EXCHANGE_POLL) {
		peer->poll_ms = SEEKER_NEVER;
		peer->poll_pause_ms = 0;
		if (closed)
			seeker_stream_reopen(seeker, state->stream, supplier);
		seeker_choose_follow(seeker, state, peer);
	}
	seeker->counters.refused[SEEKER_CAME]++;
	seeker_end_state(seeker, state);
}

static int64_t grow(int32_t *pause_ms, int32_t most_ms)
{
	*pause_ms = *pause_ms == 0 ? SEEKER_ROUND_MS : *pause_ms * 2;
	if (*pause_ms > most_ms)
		*pause_ms = most_ms;
	return *pause_ms;
}

static void good_block(struct seeker *seeker, struct exchange *exchange, struct segment *segment)
{
	struct holding *holding =
		segment != NULL ? seeker_holding_find(segment, exchange->peer) : NULL;
	struct seeker_state *state;

	seeker_peer_good(seeker, exchange->peer, exchange->length);
	if (exchange->public.hosted)
		seeker_hosted_good(exchange);
	else
		seeker_probe_heard(seeker);
	if (holding != NULL)
		holding->lacks_pause_ms = 0;
	state = detach(exchange);
	if (state != NULL)
		came(seeker, exchange, state);
}

static void good_list(struct seeker *seeker, struct exchange *exchange, struct segment *segment,
		      const uint64_t *list)
{
	struct holding *holding =
		segment != NULL ? seeker_holding_find(segment, exchange->peer) : NULL;

	seeker_peer_empty(seeker, exchange->peer, false);
	if (holding == NULL)
		return;
	holding->listing = false;
	if (list != NULL &&
	    seeker_holding_list(holding, list, exchange->public.first, exchange->public.count)) {
		holding->list_pause_ms = 0;
		holding->until_ms = seeker->now_ms + seeker->options.limits.found_ms;
	}
	holding->list_ms =
		exchange->public.hosted
			? seeker->now_ms + SEEKER_LACKS_MS
			: exchange->asked_ms + grow(&holding->list_pause_ms, SEEKER_PAUSE_MAX_MS);
	seeker_segment_dirty(seeker, segment);
}

static void empty_block(struct seeker *seeker, struct exchange *exchange, struct segment *segment,
			struct seeker_state *state)
{
	struct peer *peer = exchange->peer;
	struct holding *holding = segment != NULL ? seeker_holding_find(segment, peer) : NULL;
	bool claimed = exchange->kind == EXCHANGE_CLAIMED && holding != NULL &&
		       (holding->whole || holding->listed);

	seeker_peer_empty(seeker, peer, claimed);
	if (exchange->kind != EXCHANGE_CLAIMED)
		peer->poll_ms = seeker->now_ms + grow(&peer->poll_pause_ms, SEEKER_PAUSE_MAX_MS);
	if (exchange->kind == EXCHANGE_BLIND && state != NULL)
		seeker_stream_close(seeker, state->stream, peer);
	holding = segment != NULL ? seeker_holding_find(segment, peer) : NULL;
	if (holding != NULL && exchange->public.hosted)
		seeker_holding_lacks(holding, exchange->public.block, SEEKER_LACKS_MS,
				     seeker->now_ms);
	else if (holding != NULL)
		seeker_holding_lacks(
			holding, exchange->public.block,
			grow(&holding->lacks_pause_ms, claimed && !seeker_peer_gives(seeker, peer)
							       ? SEEKER_LACKS_MS
							       : SEEKER_PAUSE_MAX_MS),
			seeker->now_ms);
	if (state != NULL && claimed)
		state->reason = SEEKER_EMPTY;
}

static enum seeker_reason reason_of(enum seeker_outcome outcome)
{
	return outcome == SEEKER_WRONG  ? SEEKER_BAD
	       : outcome == SEEKER_LATE ? SEEKER_TIMEOUT
					: SEEKER_FAILED;
}

/* Why a list brought nothing to those who wait for it, unless they know something else. */
static void tell_waiting(struct segment *segment, enum seeker_outcome outcome)
{
	struct seeker_state *state;

	TAILQ_FOREACH (state, &segment->pending, in_pending)
		if (state->reason == SEEKER_NO_ANSWER)
			state->reason = reason_of(outcome);
}

static void failed(struct seeker *seeker, struct exchange *exchange, struct segment *segment,
		   struct seeker_state *state, enum seeker_outcome outcome)
{
	struct peer *peer = exchange->peer;
	struct holding *holding =
		segment != NULL ? seeker_holding_make(seeker, segment, peer) : NULL;
	bool moved = exchange->public.hosted && seeker_hosted_moves(seeker, exchange, outcome);
	bool excused = exchange->public.hosted && outcome == SEEKER_WRONG;

	if (!moved && !excused)
		seeker_peer_failed(seeker, peer, outcome);
	if (holding != NULL && exchange->kind == EXCHANGE_LIST) {
		holding->listing = false;
		holding->list_ms = moved ? seeker->now_ms : seeker->now_ms + SEEKER_LACKS_MS;
		if (!moved)
			tell_waiting(segment, outcome);
	} else if (excused) {
		seeker_hosted_wrong(seeker, exchange, holding);
	} else if (moved) {
		seeker_peer_pump_later(seeker, peer);
	} else if (holding != NULL && outcome == SEEKER_WRONG) {
		seeker_holding_bad(holding, exchange->public.block);
	} else if (holding != NULL) {
		seeker_holding_lacks(holding, exchange->public.block,
				     outcome == SEEKER_LATE ? SEEKER_LACKS_MS : BROKEN_MS,
				     seeker->now_ms);
		if (outcome == SEEKER_LATE)
			holding->late_until_ms = seeker->now_ms + SEEKER_LACKS_MS;
	}
	if (state == NULL)
		return;
	state->tries++;
	state->reason = reason_of(outcome);
}

static void give_up(struct exchange *exchange, struct segment *segment)
{
	struct holding *holding =
		segment != NULL ? seeker_holding_find(segment, exchange->peer) : NULL;

	if (holding != NULL && exchange->kind == EXCHANGE_LIST)
		holding->listing = false;
}

/* The want goes on without this exchange. */
static void go_on(struct seeker *seeker, struct seeker_state *state, enum seeker_outcome outcome)
{
	if (state->exchanges[0] != NULL || state->exchanges[1] != NULL)
		return;
	if (outcome == SEEKER_GAVE_UP)
		seeker_refuse_state(seeker, state, SEEKER_BUSY);
	else if (state->tries >= SEEKER_TRIES)
		seeker_refuse_state(seeker, state, state->reason);
	else
		seeker_pend(seeker, state);
}

static void count(struct seeker *seeker, const struct exchange *exchange,
		  enum seeker_outcome outcome)
{
	struct seeker_counters *counters = &seeker->counters;

	if (outcome == SEEKER_GOOD)
		counters->good += exchange->kind != EXCHANGE_LIST;
	else if (outcome == SEEKER_NOT_HERE)
		counters->empty++;
	else if (outcome == SEEKER_WRONG || outcome == SEEKER_MALFORMED)
		counters->wrong++;
	else if (outcome == SEEKER_LATE)
		counters->timeouts++;
	else if (outcome == SEEKER_BROKEN)
		counters->broken++;
}

static void judge(struct seeker *seeker, struct exchange *exchange, enum seeker_outcome outcome,
		  const uint64_t *list)
{
	struct segment *segment;
	struct seeker_state *state;

	if (exchange->kind == EXCHANGE_SEGMENTS) {
		seeker_hosted_told(seeker, exchange, outcome, list);
		return;
	}
	segment = seeker_segment_find(seeker, exchange->id, exchange->public.segment.size);
	count(seeker, exchange, outcome);
	if (exchange->kind == EXCHANGE_LIST &&
	    (outcome == SEEKER_GOOD || outcome == SEEKER_NOT_HERE)) {
		good_list(seeker, exchange, segment, outcome == SEEKER_GOOD ? list : NULL);
		return;
	}
	if (outcome == SEEKER_GOOD) {
		good_block(seeker, exchange, segment);
		return;
	}
	state = detach(exchange);
	if (outcome == SEEKER_NOT_HERE)
		empty_block(seeker, exchange, segment, state);
	else if (outcome == SEEKER_GAVE_UP)
		give_up(exchange, segment);
	else
		failed(seeker, exchange, segment, state, outcome);
	if (state != NULL)
		go_on(seeker, state, outcome);
}

void seeker_told(struct seeker *seeker, struct seeker_exchange *public, enum seeker_outcome outcome,
		 const uint64_t *list, int64_t now_ms)
{
	struct exchange *exchange = (struct exchange *)public;

	if (now_ms > seeker->now_ms)
		seeker->now_ms = now_ms;
	if (!exchange->answered &&
	    (outcome == SEEKER_GOOD || outcome == SEEKER_NOT_HERE || outcome == SEEKER_WRONG ||
	     outcome == SEEKER_MALFORMED || outcome == SEEKER_CLOSED))
		answered(seeker, exchange);
	else if (!exchange->answered)
		leave_place(seeker, exchange);
	if (outcome == SEEKER_LATE)
		timed_out(exchange);
	judge(seeker, exchange, outcome, list);
	exchange->peer->exchange_count--;
	TAILQ_REMOVE(&seeker->exchanges, exchange, in_all);
	free(exchange);
	seeker_run(seeker);
}
