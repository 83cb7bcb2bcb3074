/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Who else wants a segment, and who of all fetches it from the origin. Nothing is agreed upon:
 * everybody hears the same Probes, and draws the same lots.
 *
 * If nobody else began to want it within SEEKER_NEAR_MS of the first, that one has decided by then,
 * having heard of no other, and fetches it. Else those who began within SEEKER_COHORT_MS of
 * the first are a cohort, and all wait until all have heard of all, SEEKER_SETTLE_MS more, before
 * the least lot decides. The cohort is wide because those who read the same stream come to its new
 * segments nearly together: few are at its edge, where two might not agree. Who came later comes
 * after the cohort, by time. Whoever has his turn and does not give it in time loses it to the
 * next.
 */
#include "peer/seeker_private.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define HEARD_MS 30000       /* how long somebody is taken to want what he asked for */
#define ACTIVE_MS 5000       /* who was heard so lately is reading */
#define DISTRUST_MS 10000    /* who was waited for in vain does not count */
#define IDLE_SUPPLIER_MS 300 /* for a supplier that was not heard to read himself */
#define TURNS_LOST 2u        /* then a want waits for nobody any more */
#define EACH_MS 125          /* longer for each who fetches at the same time */
#define CONNECTIONS 16       /* that each who fetches may have, twice as many as we */
#define SHARED_MAX 17u       /* and no longer for more */
#define STUCK_MS 200         /* between two who give up waiting */
#define MESSAGES 1024u
#define ASKERS_FIRST 4u

static size_t host_key(const struct xaddr *address, uint8_t key_out[24])
{
	memset(key_out, 0, 24);
	key_out[0] = (uint8_t)address->family;
	memcpy(key_out + 4, &address->zone, sizeof(address->zone));
	memcpy(key_out + 8, address->octets, sizeof(address->octets));
	return 24;
}

bool seeker_crowds_begin(struct seeker *seeker, uint64_t seed)
{
	seeker->hosts = calloc(SEEKER_HOSTS, sizeof(*seeker->hosts));
	seeker->messages = calloc(MESSAGES, sizeof(*seeker->messages));
	return seeker->hosts != NULL && seeker->messages != NULL &&
	       recent_create(SEEKER_HOSTS, seed, &seeker->host_slots) == 0 &&
	       recent_create(MESSAGES, seed, &seeker->message_slots) == 0;
}

void seeker_crowds_end(struct seeker *seeker)
{
	recent_free(seeker->host_slots);
	recent_free(seeker->message_slots);
	free(seeker->hosts);
	free(seeker->messages);
}

struct host *seeker_host_find(struct seeker *seeker, const struct xaddr *address)
{
	uint8_t key[24];
	uint32_t slot = recent_find(seeker->host_slots, key, host_key(address, key));

	return slot == RECENT_NONE ? NULL : &seeker->hosts[slot];
}

struct host *seeker_host_use(struct seeker *seeker, const struct xaddr *address)
{
	uint8_t key[24];
	bool fresh;
	uint32_t slot = recent_use(seeker->host_slots, key, host_key(address, key), &fresh);

	if (fresh)
		seeker->hosts[slot] =
			(struct host){.heard_ms = SEEKER_NEVER, .vain_ms = SEEKER_NEVER};
	return &seeker->hosts[slot];
}

static bool lately(int64_t then_ms, int64_t now_ms, int64_t within_ms)
{
	return then_ms != SEEKER_NEVER && now_ms - then_ms < within_ms;
}

/* The same on every machine: of what all see, the segment's id and the asker's address. */
static uint64_t lot_of(const struct segment *segment, const struct xaddr *host)
{
	uint8_t octets[DIGEST_SIZE_MAX + 16];

	memcpy(octets, segment->id, segment->id_size);
	memcpy(octets + segment->id_size, host->octets, xaddr_size(host));
	return XXH3_64bits(octets, segment->id_size + xaddr_size(host));
}

/* ---- hearing ---- */

static struct asker *asker_find(const struct crowd *crowd, const struct xaddr *host)
{
	for (uint32_t i = 0; crowd != NULL && i < crowd->count; i++)
		if (xaddr_same_host(&crowd->askers[i].host, host))
			return (struct asker *)&crowd->askers[i];
	return NULL;
}

static bool has_it(const struct seeker *seeker, const struct segment *segment,
		   const struct xaddr *host)
{
	const struct asker *asker = asker_find(segment->crowd, host);

	return asker != NULL && lately(asker->heard_ms, seeker->now_ms, HEARD_MS);
}

bool seeker_crowd_is_full(const struct seeker *seeker, const struct segment *segment)
{
	return segment->crowd != NULL && segment->crowd->count == SEEKER_ASKERS &&
	       lately(segment->crowd->first_ms, seeker->now_ms, HEARD_MS);
}

static bool crowd_grow(struct segment *segment)
{
	struct crowd *crowd = segment->crowd;
	uint32_t room = crowd == NULL ? ASKERS_FIRST : crowd->room * 2;

	if (crowd != NULL && crowd->count < crowd->room)
		return true;
	crowd = realloc(crowd, sizeof(*crowd) + room * sizeof(struct asker));
	if (crowd == NULL)
		return false;
	if (segment->crowd == NULL)
		crowd->count = 0;
	crowd->room = room;
	segment->crowd = crowd;
	return true;
}

/* Lets those go who have not been heard for long. */
static void crowd_age(struct crowd *crowd, int64_t now_ms)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < crowd->count; i++)
		if (lately(crowd->askers[i].heard_ms, now_ms, HEARD_MS))
			crowd->askers[kept++] = crowd->askers[i];
	crowd->count = kept;
}

/* Where there is no room, whose turn would come last goes. */
static struct asker *asker_displace(struct crowd *crowd, uint64_t lot, int64_t now_ms)
{
	struct asker *last = &crowd->askers[0];

	if (now_ms - crowd->first_ms > SEEKER_COHORT_MS)
		return NULL;
	for (uint32_t i = 1; i < crowd->count; i++)
		if (crowd->askers[i].lot > last->lot)
			last = &crowd->askers[i];
	return last->lot > lot ? last : NULL;
}

static struct asker *asker_add(struct segment *segment, uint64_t lot, int64_t now_ms)
{
	struct crowd *crowd = segment->crowd;

	if (crowd != NULL && crowd->count == SEEKER_ASKERS)
		crowd_age(crowd, now_ms);
	if (crowd != NULL && crowd->count == SEEKER_ASKERS)
		return asker_displace(crowd, lot, now_ms);
	if (!crowd_grow(segment))
		return NULL;
	crowd = segment->crowd;
	if (crowd->count == 0)
		crowd->first_ms = now_ms;
	return &crowd->askers[crowd->count++];
}

static void hear(struct segment *segment, const struct xaddr *host, int64_t now_ms)
{
	struct asker *asker = asker_find(segment->crowd, host);

	if (asker != NULL && lately(asker->heard_ms, now_ms, HEARD_MS)) {
		asker->heard_ms = now_ms;
		return;
	}
	if (segment->crowd != NULL && now_ms - segment->crowd->first_ms > HEARD_MS)
		crowd_age(segment->crowd, now_ms);
	if (segment->crowd != NULL && segment->crowd->count == 0)
		segment->crowd->first_ms = now_ms;
	asker = asker_add(segment, lot_of(segment, host), now_ms);
	if (asker != NULL)
		*asker = (struct asker){lot_of(segment, host), *host, now_ms, now_ms};
}

/* The machine that was heard as BEFORE is to be known by its IPv4 address. */
static void rename_askers(struct seeker *seeker, const struct wsd_probe *probe,
			  const struct xaddr *before, const struct xaddr *host)
{
	for (unsigned i = 0; i < probe->count; i++) {
		const struct wsd_id *id = &probe->ids[i];
		struct segment *segment = seeker_segment_find(seeker, id->octets, id->size);
		struct asker *asker = segment != NULL ? asker_find(segment->crowd, before) : NULL;

		if (asker == NULL)
			continue;
		asker->host = *host;
		asker->lot = lot_of(segment, host);
	}
}

/* Whether this copy of a Probe tells anything new. */
static bool is_news(struct seeker *seeker, const struct wsd_probe *probe,
		    const struct xaddr *source)
{
	bool fresh;
	uint32_t slot = recent_use(seeker->message_slots, probe->message_id,
				   strlen(probe->message_id), &fresh);
	struct xaddr *known = &seeker->messages[slot];

	if (!fresh && known->family == XADDR_IPV6 && source->family == XADDR_IPV4) {
		rename_askers(seeker, probe, known, source);
		*known = *source;
	}
	if (fresh)
		*known = *source;
	return fresh;
}

void seeker_heard(struct seeker *seeker, const struct wsd_probe *probe, const struct xaddr *source,
		  int64_t now_ms)
{
	struct xaddr host = *source;

	if (now_ms > seeker->now_ms)
		seeker->now_ms = now_ms;
	host.port = 0;
	if (seeker->stopped || seeker_is_ours(seeker, probe->message_id))
		return;
	seeker_probe_heard(seeker);
	seeker_host_use(seeker, &host)->heard_ms = seeker->now_ms;
	if (!is_news(seeker, probe, &host))
		return;
	for (unsigned i = 0; i < probe->count; i++) {
		const struct wsd_id *id = &probe->ids[i];
		struct segment *segment = seeker_segment_make(seeker, probe->form, id->octets,
							      id->size, SEGMENT_HEARD);

		if (segment != NULL)
			hear(segment, &host, seeker->now_ms);
	}
}

void seeker_self(struct seeker *seeker, const struct xaddr *addresses, unsigned count)
{
	const struct xaddr *best = NULL;

	for (unsigned i = 0; i < count; i++) {
		const struct xaddr *address = &addresses[i];

		if (best == NULL ||
		    (best->family == XADDR_IPV6 &&
		     (address->family == XADDR_IPV4 ||
		      (!xaddr_is_link_local(best) && xaddr_is_link_local(address)))))
			best = address;
	}
	seeker->self = best != NULL ? *best : (struct xaddr){0};
}

void seeker_origin(struct seeker *seeker, uint64_t octets_per_second, unsigned first_ms)
{
	seeker->origin_rate = octets_per_second;
	seeker->origin_first_ms = first_ms;
}

/* ---- turns ---- */

struct candidate {
	uint64_t lot;
	int64_t began_ms;
	const struct xaddr *host; /* NULL: we */
};

/* Of the cohort first, by lot; then by time. */
static bool is_before(const struct candidate *one, const struct candidate *other, int64_t cohort_ms)
{
	bool first = one->began_ms <= cohort_ms, second = other->began_ms <= cohort_ms;

	if (first != second)
		return first;
	if (!first && one->began_ms != other->began_ms)
		return one->began_ms < other->began_ms;
	return one->lot < other->lot;
}

static unsigned candidates(struct seeker *seeker, const struct segment *segment,
			   struct candidate all[SEEKER_ASKERS + 1])
{
	const struct crowd *crowd = segment->crowd;
	unsigned count = 0;

	for (uint32_t i = 0; crowd != NULL && i < crowd->count; i++) {
		const struct asker *asker = &crowd->askers[i];
		const struct host *host;

		if (!lately(asker->heard_ms, seeker->now_ms, HEARD_MS))
			continue;
		host = seeker_host_find(seeker, &asker->host);
		if (host != NULL && lately(host->vain_ms, seeker->now_ms, DISTRUST_MS))
			continue;
		all[count++] = (struct candidate){asker->lot, asker->began_ms, &asker->host};
	}
	return count;
}

/* When the last of the cohort began. *WIDE_OUT: it is not just who was first. */
static int64_t cohort_until(const struct candidate *all, unsigned count, bool *wide_out)
{
	const struct candidate *first = &all[0], *second = NULL;

	for (unsigned i = 1; i < count; i++) {
		if (all[i].began_ms < first->began_ms) {
			second = first;
			first = &all[i];
		} else if (second == NULL || all[i].began_ms < second->began_ms) {
			second = &all[i];
		}
	}
	*wide_out = second != NULL && second->began_ms - first->began_ms <= SEEKER_NEAR_MS;
	return *wide_out ? first->began_ms + SEEKER_COHORT_MS : first->began_ms;
}

enum crowd_turn seeker_crowd_turn(struct seeker *seeker, const struct segment *segment,
				  struct xaddr *host_out)
{
	struct candidate all[SEEKER_ASKERS + 1];
	unsigned count = candidates(seeker, segment, all), least = 0;
	int64_t until_ms;
	bool wide;

	if (count == 0)
		return CROWD_NOBODY;
	if (segment->own_ms != SEEKER_NEVER)
		all[count++] = (struct candidate){
			seeker->self.family != 0 ? lot_of(segment, &seeker->self) : UINT64_MAX,
			segment->own_ms, NULL};
	until_ms = cohort_until(all, count, &wide);
	for (unsigned i = 1; i < count; i++)
		if (is_before(&all[i], &all[least], until_ms))
			least = i;
	if (wide && seeker->now_ms < until_ms + SEEKER_SETTLE_MS)
		return CROWD_OPEN;
	if (all[least].host == NULL)
		return CROWD_OURS;
	*host_out = *all[least].host;
	return CROWD_OTHERS;
}

/* How many have their turn before us. */
static unsigned turns_before_us(struct seeker *seeker, const struct segment *segment)
{
	struct candidate all[SEEKER_ASKERS + 1];
	uint64_t lot = seeker->self.family != 0 ? lot_of(segment, &seeker->self) : UINT64_MAX;
	unsigned count = candidates(seeker, segment, all), before = 0;

	for (unsigned i = 0; i < count; i++)
		before += all[i].lot < lot;
	return before;
}

/* ---- waiting ---- */

/* How long until the origin has given what comes before this want, and it: the stream's others are
 * fetched by SHARED of us at a time, over many connections, of which each is slow. */
static int64_t origin_ms(const struct seeker *seeker, const struct seeker_state *state,
			 unsigned shared)
{
	const struct seeker_state *first = TAILQ_FIRST(&state->stream->wants);
	uint64_t ahead = state->want->place - first->want->place, takes_ms;

	if (seeker->origin_rate == 0)
		return 0;
	if (ahead > SEEKER_AHEAD_MAX)
		ahead = SEEKER_AHEAD_MAX;
	ahead = ahead / shared + (uint64_t)state->want->length * CONNECTIONS;
	takes_ms = ahead * 1000 / seeker->origin_rate + seeker->origin_first_ms;
	return takes_ms < SEEKER_CROWD_MAX_MS ? (int64_t)takes_ms : SEEKER_CROWD_MAX_MS;
}

int64_t seeker_crowd_limit_ms(const struct seeker *seeker, const struct seeker_state *state)
{
	const struct stream *stream = state->stream;
	const struct crowd *crowd = state->segment->crowd;
	unsigned shared = 1 + (crowd != NULL ? crowd->count : 0);
	int64_t limit, takes_ms;

	if (shared > SHARED_MAX)
		shared = SHARED_MAX;
	limit = SEEKER_CROWD_MS + (shared - 1) * EACH_MS;
	takes_ms = origin_ms(seeker, state, shared);

	if (takes_ms > limit)
		limit = takes_ms;
	return limit >> (stream->vain < 4 ? stream->vain : 4);
}

static void in_vain(struct seeker *seeker, struct seeker_state *state)
{
	struct stream *stream = state->stream;

	stream->vain_ms = seeker->now_ms;
	stream->vain++;
}

static void hope_for(struct hope *hope, struct peer *peer)
{
	if (hope->count < SEEKER_SUPPLIERS + 1)
		hope->peers[hope->count++] = peer;
}

static int64_t waited_ms(const struct seeker *seeker, const struct seeker_state *state)
{
	int64_t since_ms = state->waiting_ms;

	if (state->stream->progress_ms > since_ms)
		since_ms = state->stream->progress_ms;
	/* One is given up at a time. */
	if (state->stream->vain_ms > since_ms)
		since_ms = state->stream->vain_ms;
	return seeker->now_ms - since_ms;
}

/* Suppliers of the stream who were not heard to want it: they were before us, and may be fetching
 * it. */
static bool suppliers_may(struct seeker *seeker, struct seeker_state *state, struct hope *hope)
{
	struct stream *stream = state->stream;
	int64_t waited = waited_ms(seeker, state), limit = seeker_crowd_limit_ms(seeker, state);
	bool may = false;

	for (unsigned i = 0; i < stream->supplier_count; i++) {
		struct supplier *supplier = &stream->suppliers[i];
		const struct host *host = seeker_host_find(seeker, &supplier->peer->address);
		bool active = host != NULL && lately(host->heard_ms, seeker->now_ms, ACTIVE_MS);

		if (supplier->vain || seeker_peer_is_out(seeker, supplier->peer) ||
		    !lately(supplier->gave_ms, seeker->now_ms, SEEKER_SUPPLIER_MS + limit) ||
		    has_it(seeker, state->segment, &supplier->peer->address))
			continue;
		if (waited >= (active || limit < IDLE_SUPPLIER_MS ? limit : IDLE_SUPPLIER_MS)) {
			supplier->vain = true;
			if (active)
				in_vain(seeker, state);
			continue;
		}
		hope_for(hope, supplier->peer);
		may = true;
	}
	return may;
}

/* The host whose turn it is has let us down: the next one's turn. */
static void lose_turn(struct seeker *seeker, struct seeker_state *state)
{
	struct xaddr host;

	if (seeker_crowd_turn(seeker, state->segment, &host) != CROWD_OTHERS)
		return;
	in_vain(seeker, state);
	seeker_host_use(seeker, &host)->vain_ms = seeker->now_ms;
}

bool seeker_crowd_is_stuck(struct seeker *seeker, const struct seeker_state *state)
{
	const struct stream *stream = state->stream;
	int64_t waited = seeker->now_ms - stream->front_ms,
		limit = seeker_crowd_limit_ms(seeker, state);

	return state == TAILQ_FIRST(&stream->wants) && waited >= limit &&
	       waited >= limit + STUCK_MS * turns_before_us(seeker, state->segment);
}

static bool crowd_decides(struct seeker *seeker, struct seeker_state *state, struct hope *hope,
			  enum seeker_reason *reason_out)
{
	int64_t limit = seeker_crowd_limit_ms(seeker, state);
	struct xaddr host = {0};
	const struct host *known;
	struct peer *peer = NULL;
	enum crowd_turn turn;

	if (waited_ms(seeker, state) >= limit)
		lose_turn(seeker, state);
	turn = seeker_crowd_turn(seeker, state->segment, &host);
	if (turn == CROWD_NOBODY)
		return false;
	if (turn == CROWD_OTHERS && state->stream->vain >= TURNS_LOST &&
	    seeker->now_ms - state->waiting_ms >= limit) {
		*reason_out = SEEKER_TIMEOUT;
		return true;
	}
	*reason_out = turn == CROWD_OURS ? SEEKER_CHOSEN : SEEKER_CAME;
	if (turn != CROWD_OTHERS)
		return true;
	/* Somebody else may have it by now. */
	hope->unknown = seeker->now_ms - state->waiting_ms >= limit;
	known = seeker_host_find(seeker, &host);
	if (known != NULL && known->server.family != 0)
		peer = seeker_peer_use(seeker, &known->server);
	if (peer != NULL && !seeker_peer_is_out(seeker, peer))
		hope_for(hope, peer);
	else
		hope->unknown = true;
	return true;
}

enum seeker_reason seeker_crowd_decide(struct seeker *seeker, struct seeker_state *state,
				       struct hope *hope_out)
{
	struct hope hope = {.count = 0};
	enum seeker_reason reason = SEEKER_CAME;
	bool crowd;

	if (state->waiting_ms == SEEKER_NEVER)
		state->waiting_ms = seeker->now_ms;
	crowd = crowd_decides(seeker, state, &hope, &reason);
	if (crowd && reason == SEEKER_CHOSEN && !seeker_crowd_is_full(seeker, state->segment) &&
	    suppliers_may(seeker, state, &hope))
		reason = SEEKER_CAME;
	else if (!crowd && !suppliers_may(seeker, state, &hope))
		reason = state->reason;
	*hope_out = hope;
	return reason;
}
