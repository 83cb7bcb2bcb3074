/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Who is asked for what. A segment's review offers each pending want to those who may have it; what
 * finds no free place waits in the peers' queues, from which places are filled as they become free.
 * What nobody may have is looked for, waited for, or refused.
 */
#include "peer/seeker_private.h"

#define AGAIN_FULL_MS 2000
#define FOLLOW 2u            /* each that comes asks for so many: doubling, as long as they come */
#define PLACE_LIMITS 3       /* times as long */
#define CROWD_FRESH_MS 10000 /* so long after the first, who is chosen has it before others */

static bool counts(const struct seeker *seeker, const struct holding *holding)
{
	return !seeker_peer_is_out(seeker, holding->peer) &&
	       seeker->now_ms >= holding->peer->doubted_until_ms &&
	       seeker->now_ms >= holding->spoilt_until_ms && seeker->now_ms < holding->until_ms;
}

/* A list comes first (retrieval.md 11.1) of who has it in part, if many blocks are wanted; also of
 * a hosted cache that does not say what it has. */
static bool wants_list(const struct holding *holding)
{
	const struct segment *segment = holding->segment;

	return (!holding->blind || holding->peer->hosted != NULL) && !holding->whole &&
	       segment->blocks > 1 &&
	       (holding->listed || segment->pending_count >= SEEKER_LIST_FROM);
}

static bool gives(const struct seeker *seeker, const struct holding *holding,
		  const struct seeker_state *state)
{
	if (seeker_is_asked_of(state, holding->peer) ||
	    (state->exchanges[0] != NULL && state->exchanges[1] != NULL))
		return false;
	if (!holding->listed && wants_list(holding))
		return false;
	return seeker_holding_has(holding, state->want->block, seeker->now_ms);
}

/* ---- guesses ---- */

/* Whether PEER, who gives the stream, may have what others fetch just now. */
static bool may_guess(struct seeker *seeker, const struct segment *segment, const struct peer *peer)
{
	const struct crowd *crowd = segment->crowd;
	const struct host *host;
	struct xaddr chosen;

	if (crowd == NULL || crowd->count == 0 ||
	    seeker->now_ms - crowd->first_ms > CROWD_FRESH_MS ||
	    seeker_crowd_turn(seeker, segment, &chosen) != CROWD_OTHERS)
		return true;
	host = seeker_host_find(seeker, &chosen);
	return host != NULL && host->server.family != 0 &&
	       xaddr_same(&host->server, &peer->address);
}

/* Those who gave the stream's last blocks may have this one. */
static void guess(struct seeker *seeker, struct segment *segment)
{
	const struct seeker_state *state = TAILQ_FIRST(&segment->pending);
	struct stream *stream = state->stream;

	for (unsigned i = 0; i < stream->supplier_count; i++) {
		struct supplier *supplier = &stream->suppliers[i];

		if (supplier->closed || seeker_peer_is_out(seeker, supplier->peer) ||
		    seeker->now_ms - supplier->gave_ms > SEEKER_SUPPLIER_MS ||
		    seeker_holding_find(segment, supplier->peer) != NULL)
			continue;
		if (may_guess(seeker, segment, supplier->peer))
			seeker_holding_guess(seeker, segment, supplier->peer);
	}
}

/* Now and then what suppliers give is looked for all the same: there may be more of them. */
static void look_around(struct seeker *seeker, struct segment *segment)
{
	struct stream *stream = TAILQ_FIRST(&segment->pending)->stream;

	if (segment->looked_ms != SEEKER_NEVER || segment->pending_urgent > 0)
		return;
	if (stream->background_ms == SEEKER_NEVER || seeker->now_ms >= stream->background_ms) {
		stream->background_ms = seeker->now_ms + SEEKER_BACKGROUND_MS;
		stream->background = WSD_BATCH_2;
	}
	if (stream->background == 0)
		return;
	stream->background--;
	seeker_probe_queue(seeker, segment, false);
}

/* ---- offering ---- */

static bool is_better(const struct seeker *seeker, const struct peer *one, const struct peer *best,
		      unsigned *equals)
{
	bool trouble = one->failures_only > 0, best_trouble = best->failures_only > 0;

	if (trouble != best_trouble)
		return !trouble;
	if (one->busy != best->busy)
		return one->busy < best->busy;
	if (one->hosted != NULL || best->hosted != NULL)
		return seeker_hosted_is_before(one, best);
	++*equals;
	return seeker_random(seeker) % *equals == 0;
}

/* Offers STATE; says whether somebody has it, though perhaps without a free place, and whether he
 * is worth waiting for. */
static void offer(struct seeker *seeker, struct seeker_state *state, bool *stalled_out)
{
	struct holding *holding, *best = NULL;
	unsigned equals = 1;
	bool stalled = false;

	state->served = false;
	TAILQ_FOREACH (holding, &state->segment->holdings, in_segment) {
		if (!counts(seeker, holding) || !gives(seeker, holding, state))
			continue;
		if (holding->peer->stalled) {
			stalled = true;
			continue;
		}
		state->served = true;
		if (!seeker_peer_is_free(seeker, holding->peer))
			continue;
		if (best == NULL) {
			best = holding;
			equals = 1;
		} else if (is_better(seeker, holding->peer, best->peer, &equals)) {
			best = holding;
		}
	}
	*stalled_out = stalled && !state->served;
	if (best != NULL && !seeker_ask_block(seeker, state, best->peer,
					      best->blind ? EXCHANGE_BLIND : EXCHANGE_CLAIMED))
		state->served = false;
}

static void queue(struct seeker *seeker, struct segment *segment)
{
	struct holding *holding;

	TAILQ_FOREACH (holding, &segment->holdings, in_segment) {
		if (segment->pending_count > 0 && counts(seeker, holding))
			seeker_holding_ready(holding, segment->pending_urgent > 0);
		else
			seeker_holding_unready(holding);
	}
}

static void forget_expired(struct seeker *seeker, struct segment *segment)
{
	struct holding *holding, *next;

	for (holding = TAILQ_FIRST(&segment->holdings); holding != NULL; holding = next) {
		next = TAILQ_NEXT(holding, in_segment);
		if (seeker->now_ms >= holding->until_ms)
			seeker_holding_free(seeker, holding);
	}
}

/* ---- what nobody has ---- */

/* Whether somebody who counts may have something of it. */
static bool is_held(const struct seeker *seeker, const struct segment *segment)
{
	const struct holding *holding;

	TAILQ_FOREACH (holding, &segment->holdings, in_segment)
		if (counts(seeker, holding))
			return true;
	return false;
}

static bool must_look(const struct seeker *seeker, const struct segment *segment)
{
	if (seeker->options.hosted_only || seeker_probe_is_vain(seeker))
		return false;
	return segment->looked_ms == SEEKER_NEVER ||
	       (!is_held(seeker, segment) &&
		seeker->now_ms - segment->looked_ms >= seeker->options.limits.empty_ms);
}

/* Whether all who are known to have something of it are put out. */
static bool is_banned(const struct seeker *seeker, const struct segment *segment)
{
	const struct holding *holding;

	TAILQ_FOREACH (holding, &segment->holdings, in_segment)
		if (!seeker_peer_is_out(seeker, holding->peer))
			return false;
	return segment->holding_count > 0;
}

/* Whether somebody who should have it did not give it in time, a moment ago: the next who wants it
 * is not told that nobody has it. */
static bool is_late(const struct seeker *seeker, const struct seeker_state *state)
{
	const struct holding *holding;

	TAILQ_FOREACH (holding, &state->segment->holdings, in_segment)
		if (seeker->now_ms < holding->late_until_ms &&
		    !seeker_holding_has(holding, state->want->block, seeker->now_ms))
			return true;
	return false;
}

/* Asks PEER, who may have fetched it by now. */
static void poll(struct seeker *seeker, struct seeker_state *state, struct peer *peer)
{
	struct segment *segment = state->segment;
	struct holding *holding = seeker_holding_find(segment, peer);

	if (segment->blocks > 1 && segment->pending_count >= SEEKER_LIST_FROM) {
		if (holding == NULL)
			holding = seeker_holding_guess(seeker, segment, peer);
		if (holding != NULL)
			holding->blind = false;
		return;
	}
	if (peer->poll_ms > seeker->now_ms || !seeker_peer_is_free(seeker, peer) ||
	    seeker_is_asked_of(state, peer) || peer->busy > 0)
		return;
	if (holding != NULL && !holding->blind &&
	    !seeker_holding_has(holding, state->want->block, seeker->now_ms))
		return;
	if (!bucket_take(&seeker->poll_bucket, seeker->now_ms))
		return;
	peer->poll_ms = seeker->now_ms + SEEKER_ROUND_MS;
	seeker_ask_block(seeker, state, peer, EXCHANGE_POLL);
}

/* Who fetches it may be found by a Probe, once he has something. */
static void look_again(struct seeker *seeker, struct seeker_state *state)
{
	struct stream *stream = state->stream;

	if (stream->again == 0 || state->segment->probe != NULL)
		return;
	/* A thousand machines must not ask twice a second. */
	if (seeker_crowd_is_full(seeker, state->segment))
		stream->again_ms = seeker->now_ms + AGAIN_FULL_MS;
	stream->again--;
	seeker_probe_queue(seeker, state->segment, true);
}

static void hope_or_refuse(struct seeker *seeker, struct seeker_state *state)
{
	struct hope hope;
	enum seeker_reason reason = seeker_crowd_decide(seeker, state, &hope);

	if (reason == SEEKER_NO_ANSWER && is_banned(seeker, state->segment))
		reason = SEEKER_BANNED;
	else if (reason == SEEKER_NO_ANSWER && is_late(seeker, state))
		reason = SEEKER_TIMEOUT;
	if (reason != SEEKER_CAME) {
		seeker_refuse_state(seeker, state, reason);
		return;
	}
	if (seeker_crowd_is_stuck(seeker, state))
		seeker_late_state(seeker, state, SEEKER_TIMEOUT);
	for (unsigned i = 0; i < hope.count && state->pending; i++)
		poll(seeker, state, hope.peers[i]);
	if (state->pending && hope.unknown)
		look_again(seeker, state);
}

/* Who has it is slow. If somebody waits for it its owner is told at once; read-ahead has time. */
static void late_in_time(struct seeker *seeker, struct seeker_state *state)
{
	if (state->ready_ms == SEEKER_NEVER)
		state->ready_ms = seeker->now_ms;
	if (state->want->urgent || seeker->now_ms - state->ready_ms >= SEEKER_CROWD_MS)
		seeker_late_state(seeker, state, SEEKER_TIMEOUT);
}

/* By Probes, of which one is sent if it is time. */
static bool is_looked_for(struct seeker *seeker, const struct seeker_state *state)
{
	struct segment *segment = state->segment;

	if (seeker_probe_searches(seeker, segment))
		return true;
	if (!must_look(seeker, segment) || segment->refused_ms == seeker->now_ms ||
	    seeker_crowd_is_full(seeker, segment))
		return false;
	seeker_probe_queue(seeker, segment, state->want->urgent);
	return true;
}

/* Nobody is known to have it. */
static void despair(struct seeker *seeker, struct seeker_state *state)
{
	struct segment *segment = state->segment;

	if (state->exchanges[0] != NULL || state->exchanges[1] != NULL) {
		late_in_time(seeker, state);
	} else if (!is_looked_for(seeker, state) && !seeker_hosted_searches(seeker, segment)) {
		if (segment->refused_ms == seeker->now_ms)
			state->reason = SEEKER_BUSY;
		hope_or_refuse(seeker, state);
	}
}

/* Somebody has it, but no place free for long. What the reader waits for goes first, the rest has
 * more time. */
static void wait_for_place(struct seeker *seeker, struct seeker_state *state)
{
	int64_t since_ms, limit_ms = seeker_crowd_limit_ms(seeker, state);

	if (state->ready_ms == SEEKER_NEVER)
		state->ready_ms = seeker->now_ms;
	since_ms = state->ready_ms;
	if (state->stream->progress_ms > since_ms)
		since_ms = state->stream->progress_ms;
	if (seeker->now_ms - since_ms >= PLACE_LIMITS * limit_ms ||
	    seeker_crowd_is_stuck(seeker, state))
		seeker_late_state(seeker, state, SEEKER_TIMEOUT);
}

/* Whether a list that nobody has given yet may tell who has it. */
static bool is_list_due(const struct seeker *seeker, const struct segment *segment)
{
	const struct holding *holding;

	TAILQ_FOREACH (holding, &segment->holdings, in_segment)
		if (wants_list(holding) && !holding->listed && counts(seeker, holding) &&
		    !holding->peer->stalled &&
		    (holding->listing || seeker->now_ms >= holding->list_ms))
			return true;
	return false;
}

/* MISSING: for something that is wanted nobody is known to have. */
static void ask_lists(struct seeker *seeker, struct segment *segment, bool missing)
{
	struct holding *holding;

	if (segment->pending_count == 0)
		return;
	TAILQ_FOREACH (holding, &segment->holdings, in_segment)
		if (wants_list(holding) && (missing || !holding->listed) && !holding->listing &&
		    counts(seeker, holding) && seeker->now_ms >= holding->list_ms &&
		    seeker_peer_is_free(seeker, holding->peer) &&
		    bucket_take(&seeker->poll_bucket, seeker->now_ms))
			seeker_ask_list(seeker, holding);
}

void seeker_choose_review(struct seeker *seeker, struct segment *segment)
{
	struct seeker_state *state, *next;
	bool stalled, missing = false;

	forget_expired(seeker, segment);
	if (segment->pending_count == 0)
		return;
	guess(seeker, segment);
	seeker_hosted_look(seeker, segment);
	if (segment->holding_count > 0)
		look_around(seeker, segment);
	for (state = TAILQ_FIRST(&segment->pending); state != NULL; state = next) {
		next = TAILQ_NEXT(state, in_pending);
		offer(seeker, state, &stalled);
		if (!state->pending)
			continue;
		missing |= !state->served;
		if (state->served || is_list_due(seeker, segment))
			wait_for_place(seeker, state);
		else if (stalled)
			late_in_time(seeker, state);
		else
			despair(seeker, state);
	}
	ask_lists(seeker, segment, missing);
	queue(seeker, segment);
}

/* ---- filling places ---- */

/* What HOLDING's peer is to be asked for next. */
static struct seeker_state *pick(const struct seeker *seeker, const struct holding *holding,
				 bool urgent)
{
	struct seeker_state *state;

	TAILQ_FOREACH (state, &holding->segment->pending, in_pending)
		if ((!urgent || state->want->urgent) && gives(seeker, holding, state))
			return state;
	return NULL;
}

static void serve(struct seeker *seeker, struct holding *holding)
{
	bool urgent = holding->ready == &holding->peer->ready[0];
	struct seeker_state *state = counts(seeker, holding) ? pick(seeker, holding, urgent) : NULL;

	if (state != NULL)
		seeker_ask_block(seeker, state, holding->peer,
				 holding->blind ? EXCHANGE_BLIND : EXCHANGE_CLAIMED);
	else if (urgent && counts(seeker, holding) && pick(seeker, holding, false) != NULL)
		seeker_holding_ready(holding, false);
	else
		seeker_holding_unready(holding);
}

void seeker_choose_pump(struct seeker *seeker, struct peer *peer)
{
	while (seeker_peer_is_free(seeker, peer)) {
		struct holding *holding = TAILQ_FIRST(&peer->ready[0]);

		if (holding == NULL)
			holding = TAILQ_FIRST(&peer->ready[1]);
		if (holding == NULL)
			return;
		serve(seeker, holding);
	}
}

void seeker_choose_follow(struct seeker *seeker, struct seeker_state *state, struct peer *peer)
{
	struct seeker_state *next = state;
	unsigned asked = 0;

	while (asked < FOLLOW && seeker_peer_is_free(seeker, peer) &&
	       (next = TAILQ_NEXT(next, in_stream)) != NULL) {
		const struct host *host;
		struct xaddr chosen;

		if (!next->pending || next->served || next->waiting_ms == SEEKER_NEVER ||
		    seeker_is_asked_of(next, peer) ||
		    seeker_crowd_turn(seeker, next->segment, &chosen) != CROWD_OTHERS)
			continue;
		host = seeker_host_find(seeker, &chosen);
		if (host == NULL || host->server.family == 0 ||
		    !xaddr_same(&host->server, &peer->address))
			continue;
		asked += seeker_ask_block(seeker, next, peer, EXCHANGE_POLL);
	}
}
