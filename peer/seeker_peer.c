/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The table of peers, and what is thought of them (retrieval.md section 11.3). Where there is no
 * room for a new one, one that has never given anything goes, then one that is out, last the one
 * that was not used for longest; never one that is being asked.
 */
#include "peer/seeker_private.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define FAILURES_ONLY 4u    /* without any success */
#define FAILURES_RECENT 12u /* in the last 16 exchanges, a timeout counts twice */
#define TIMEOUTS_IN_A_ROW 3u
#define BAN_MS 60000
#define BAN_MAX_MS 3600000
#define FORGET_MS 3600000 /* without failure */
/* Our choice: who says to have, and has not, so often in a row is not believed for a while. */
#define EMPTIES_IN_A_ROW 4u
#define EMPTIES_FULL 32u
#define GIVES_MS 10000
#define DOUBT_MS 5000
#define DOUBT_MAX_MS 60000

static struct peer_chain *chain_of(const struct seeker *seeker, const struct xaddr *address)
{
	uint8_t key[24] = {(uint8_t)address->family, (uint8_t)(address->port >> 8),
			   (uint8_t)address->port};
	uint64_t hash;

	memcpy(key + 4, &address->zone, sizeof(address->zone));
	memcpy(key + 8, address->octets, sizeof(address->octets));
	hash = XXH3_64bits_withSeed(key, sizeof(key), seeker->options.seed);
	return (struct peer_chain *)&seeker->peer_chains[hash % PEER_CHAINS];
}

static struct peer *find_peer(const struct seeker *seeker, const struct xaddr *address)
{
	struct peer *peer;

	LIST_FOREACH (peer, chain_of(seeker, address), in_chain)
		if (xaddr_same(&peer->address, address) && peer->address.zone == address->zone)
			return peer;
	return NULL;
}

void seeker_peer_free(struct seeker *seeker, struct peer *peer)
{
	struct holding *holding;

	while ((holding = TAILQ_FIRST(&peer->holdings)) != NULL)
		seeker_holding_free(seeker, holding);
	seeker_streams_without(seeker, peer);
	if (peer->pumping)
		TAILQ_REMOVE(&seeker->pump, peer, in_pump);
	alarms_leave(&seeker->alarms, &peer->alarm);
	if (peer->hosted == NULL) {
		LIST_REMOVE(peer, in_chain);
		TAILQ_REMOVE(&seeker->peers[peer->rank], peer, in_order);
		seeker->peer_count--;
	}
	free(peer);
}

static bool make_room(struct seeker *seeker)
{
	struct peer *peer;

	if (seeker->peer_count < SEEKER_PEERS)
		return true;
	for (unsigned rank = 0; rank < PEER_RANKS; rank++)
		TAILQ_FOREACH (peer, &seeker->peers[rank], in_order)
			if (peer->exchange_count == 0) {
				seeker_peer_free(seeker, peer);
				return true;
			}
	return false;
}

static void rank(struct seeker *seeker, struct peer *peer, enum peer_rank rank)
{
	if (peer->hosted != NULL) {
		peer->rank = rank;
		return;
	}
	TAILQ_REMOVE(&seeker->peers[peer->rank], peer, in_order);
	peer->rank = rank;
	TAILQ_INSERT_TAIL(&seeker->peers[rank], peer, in_order);
}

struct peer *seeker_peer_make(struct seeker *seeker, const struct xaddr *address)
{
	struct peer *peer = calloc(1, sizeof(*peer));

	if (peer == NULL)
		return NULL;
	if (alarms_join(&seeker->alarms) != 0) {
		free(peer);
		return NULL;
	}
	peer->address = *address;
	peer->places = 1;
	peer->good_ms = peer->heard_ms = peer->failed_ms = peer->poll_ms = SEEKER_NEVER;
	peer->banned_until_ms = peer->doubted_until_ms = SEEKER_NEVER;
	peer->alarm.kind = ALARM_PEER;
	TAILQ_INIT(&peer->holdings);
	TAILQ_INIT(&peer->ready[0]);
	TAILQ_INIT(&peer->ready[1]);
	TAILQ_INIT(&peer->exchanges);
	return peer;
}

static struct peer *peer_create(struct seeker *seeker, const struct xaddr *address)
{
	struct peer *peer = make_room(seeker) ? seeker_peer_make(seeker, address) : NULL;

	if (peer == NULL)
		return NULL;
	LIST_INSERT_HEAD(chain_of(seeker, address), peer, in_chain);
	TAILQ_INSERT_TAIL(&seeker->peers[PEER_UNPROVEN], peer, in_order);
	seeker->peer_count++;
	return peer;
}

struct peer *seeker_peer_use(struct seeker *seeker, const struct xaddr *address)
{
	struct peer *peer = find_peer(seeker, address);

	if (peer == NULL)
		return peer_create(seeker, address);
	rank(seeker, peer, peer->rank);
	return peer;
}

bool seeker_peer_is_out(const struct seeker *seeker, const struct peer *peer)
{
	return seeker->now_ms < peer->banned_until_ms;
}

bool seeker_peer_is_free(const struct seeker *seeker, const struct peer *peer)
{
	return peer->busy < peer->places && !peer->stalled && !seeker_peer_is_out(seeker, peer);
}

int64_t seeker_peer_slow_ms(const struct peer *peer)
{
	int64_t slow_ms = peer->exchange_16ths * 4 / 16, least_ms = SEEKER_SLOW_MS;

	/* A hosted cache may be far away; one that may be gone is not waited for each time. */
	if (peer->hosted != NULL && peer->silent)
		return SEEKER_SLOW_MS;
	if (peer->hosted != NULL)
		least_ms = slow_ms == 0 ? SEEKER_SLOW_MAX_MS : SEEKER_HOSTED_PATIENCE_MS;
	if (slow_ms > SEEKER_SLOW_MAX_MS)
		return SEEKER_SLOW_MAX_MS;
	return slow_ms > least_ms ? slow_ms : least_ms;
}

void seeker_peer_took(struct peer *peer, int64_t ms)
{
	int64_t sixteenths = ms * 16;

	/* Up fast, down slowly: when the machine or the network gets busy everybody is slower. */
	if (peer->exchange_16ths == 0)
		peer->exchange_16ths = sixteenths > 0 ? sixteenths : 1;
	else if (sixteenths > peer->exchange_16ths)
		peer->exchange_16ths += (sixteenths - peer->exchange_16ths) / 2;
	else
		peer->exchange_16ths -= (peer->exchange_16ths - sixteenths) / 8;
}

static void remember(struct peer *peer, bool failed, bool late)
{
	peer->history = (uint16_t)(peer->history << 1 | failed);
	peer->history_late = (uint16_t)(peer->history_late << 1 | late);
}

void seeker_peer_good(struct seeker *seeker, struct peer *peer, uint64_t octets)
{
	peer->blocks++;
	peer->good_ms = seeker->now_ms;
	peer->octets += octets;
	peer->succeeded = true;
	peer->failures_only = peer->timeouts = peer->empties = 0;
	peer->doubted_until_ms = SEEKER_NEVER;
	peer->doubt_ms = 0;
	remember(peer, false, false);
	if (peer->places < SEEKER_PLACES)
		peer->places++;
	if (!seeker_peer_is_out(seeker, peer))
		rank(seeker, peer, PEER_PROVEN);
	seeker_peer_pump_later(seeker, peer);
}

bool seeker_peer_gives(const struct seeker *seeker, const struct peer *peer)
{
	return peer->good_ms != SEEKER_NEVER && seeker->now_ms - peer->good_ms < GIVES_MS;
}

static void halve(struct peer *peer)
{
	if (peer->places > 1)
		peer->places /= 2;
}

void seeker_peer_empty(struct seeker *seeker, struct peer *peer, bool claimed)
{
	remember(peer, false, false);
	peer->timeouts = 0;
	if (!claimed)
		return;
	halve(peer);
	/* Who gave something a moment ago is rather full (retrieval.md section 9.1). */
	if (++peer->empties < (seeker_peer_gives(seeker, peer) ? EMPTIES_FULL : EMPTIES_IN_A_ROW))
		return;
	/* A hosted cache's empty answers are remembered no longer than that. */
	peer->doubt_ms =
		peer->doubt_ms == 0 || peer->hosted != NULL ? DOUBT_MS : peer->doubt_ms * 2;
	if (peer->doubt_ms > DOUBT_MAX_MS)
		peer->doubt_ms = DOUBT_MAX_MS;
	peer->doubted_until_ms = seeker->now_ms + peer->doubt_ms;
	peer->empties = 0;
	seeker_peer_dirty(seeker, peer);
}

void seeker_peer_put_out(struct seeker *seeker, struct peer *peer, int64_t ms)
{
	peer->banned_until_ms = seeker->now_ms + ms;
	peer->history = peer->history_late = 0;
	peer->failures_only = peer->timeouts = 0;
	peer->succeeded = false;
	peer->places = 1;
	rank(seeker, peer, PEER_OUT);
	seeker_peer_dirty(seeker, peer);
	seeker_peer_watch(seeker, peer);
	if (peer->hosted != NULL)
		seeker_hosted_out(seeker, peer->hosted);
}

static void ban(struct seeker *seeker, struct peer *peer)
{
	peer->ban_ms = peer->ban_ms == 0 ? BAN_MS : peer->ban_ms * 2;
	if (peer->ban_ms > BAN_MAX_MS)
		peer->ban_ms = BAN_MAX_MS;
	seeker_peer_put_out(seeker, peer, peer->ban_ms);
}

void seeker_peer_failed(struct seeker *seeker, struct peer *peer, enum seeker_outcome outcome)
{
	int64_t last_ms;
	unsigned recent;

	/* Nobody who is out fails: that time does not count. */
	last_ms = peer->failed_ms > peer->banned_until_ms ? peer->failed_ms : peer->banned_until_ms;
	if (last_ms != SEEKER_NEVER && seeker->now_ms - last_ms >= FORGET_MS)
		peer->ban_ms = 0;
	peer->failed_ms = seeker->now_ms;
	peer->failures_only += peer->succeeded ? 0 : 1;
	if (outcome == SEEKER_WRONG || outcome == SEEKER_MALFORMED)
		peer->bad++;
	else
		peer->failures++;
	if (outcome == SEEKER_LATE || outcome == SEEKER_BROKEN)
		halve(peer);
	peer->timeouts = outcome == SEEKER_LATE ? peer->timeouts + 1 : 0;
	remember(peer, true, outcome == SEEKER_LATE);
	recent = (unsigned)(__builtin_popcount(peer->history) +
			    __builtin_popcount(peer->history_late));
	if (seeker_peer_is_out(seeker, peer))
		return;
	if (peer->failures_only >= FAILURES_ONLY || recent >= FAILURES_RECENT ||
	    peer->timeouts >= TIMEOUTS_IN_A_ROW)
		ban(seeker, peer);
}

void seeker_peer_pump_later(struct seeker *seeker, struct peer *peer)
{
	if (peer->pumping)
		return;
	peer->pumping = true;
	TAILQ_INSERT_TAIL(&seeker->pump, peer, in_pump);
}

/* Sets its alarm to when the next exchange that is not slow yet becomes so, or its ban ends. */
void seeker_peer_watch(struct seeker *seeker, struct peer *peer)
{
	int64_t due_ms = INT64_MAX;
	struct exchange *exchange;

	TAILQ_FOREACH (exchange, &peer->exchanges, in_peer)
		if (!exchange->slow &&
		    exchange->asked_ms + seeker_exchange_slow_ms(exchange) < due_ms)
			due_ms = exchange->asked_ms + seeker_exchange_slow_ms(exchange);
	if (seeker_peer_is_out(seeker, peer) && peer->banned_until_ms < due_ms)
		due_ms = peer->banned_until_ms;
	if (due_ms == INT64_MAX)
		alarms_clear(&seeker->alarms, &peer->alarm);
	else
		alarms_set(&seeker->alarms, &peer->alarm, due_ms);
}

void seeker_peer_dirty(struct seeker *seeker, struct peer *peer)
{
	struct holding *holding;

	TAILQ_FOREACH (holding, &peer->holdings, in_peer)
		seeker_segment_dirty(seeker, holding->segment);
}

void seeker_peers_end(struct seeker *seeker)
{
	struct peer *peer;

	for (unsigned i = 0; i < PEER_RANKS; i++)
		while ((peer = TAILQ_FIRST(&seeker->peers[i])) != NULL)
			seeker_peer_free(seeker, peer);
}

void seeker_peer_forgive(struct seeker *seeker, struct peer *peer)
{
	peer->banned_until_ms = peer->doubted_until_ms = SEEKER_NEVER;
	peer->ban_ms = peer->doubt_ms = 0;
	peer->history = peer->history_late = 0;
	peer->failures_only = peer->timeouts = peer->empties = 0;
	peer->bad = peer->failures = 0;
	peer->succeeded = peer->silent = false;
	if (peer->hosted != NULL)
		peer->hosted->silent = false;
	seeker_peer_dirty(seeker, peer);
}

void seeker_peer_describe(const struct seeker *seeker, const struct peer *peer, int64_t now_ms,
			  struct seeker_peer *peer_out)
{
	*peer_out = (struct seeker_peer){
		.address = peer->address,
		.blocks = peer->blocks,
		.bytes = peer->octets,
		.bad = peer->bad,
		.failures = peer->failures,
		.places = peer->places,
		.busy = peer->busy,
		.exchange_ms = (unsigned)((peer->exchange_16ths + 15) / 16),
	};
	if (seeker_peer_is_out(seeker, peer) && peer->banned_until_ms > now_ms)
		peer_out->banned_ms = peer->banned_until_ms - now_ms;
}

unsigned seeker_peers(const struct seeker *seeker, struct seeker_peer *peers_out, unsigned room,
		      int64_t now_ms)
{
	static const enum peer_rank order[] = {PEER_PROVEN, PEER_OUT, PEER_UNPROVEN};
	const struct peer *peer;
	unsigned count = 0;

	for (unsigned i = 0; i < PEER_RANKS; i++)
		TAILQ_FOREACH_REVERSE(peer, &seeker->peers[order[i]], peers, in_order)
		{
			if (count < room)
				seeker_peer_describe(seeker, peer, now_ms, &peers_out[count++]);
		}
	return count;
}

void seeker_trust(struct seeker *seeker)
{
	struct peer *peer;

	while ((peer = TAILQ_FIRST(&seeker->peers[PEER_OUT])) != NULL)
		rank(seeker, peer, peer->blocks > 0 ? PEER_PROVEN : PEER_UNPROVEN);
	for (unsigned i = 0; i < PEER_RANKS; i++)
		TAILQ_FOREACH (peer, &seeker->peers[i], in_order)
			seeker_peer_forgive(seeker, peer);
	seeker_hosted_trust(seeker);
}

void seeker_retire(struct seeker *seeker, const struct xaddr *server, int64_t now_ms)
{
	struct peer *peer = find_peer(seeker, server);
	struct holding *holding;

	if (now_ms > seeker->now_ms)
		seeker->now_ms = now_ms;
	if (peer == NULL)
		return;
	peer->retired_until_ms = seeker->now_ms + SEEKER_FOUND_MS;
	seeker_peer_dirty(seeker, peer);
	while ((holding = TAILQ_FIRST(&peer->holdings)) != NULL)
		seeker_holding_free(seeker, holding);
	seeker_streams_without(seeker, peer);
	seeker_run(seeker);
}

bool seeker_is_out(const struct seeker *seeker, const struct xaddr *address)
{
	const struct peer *peer = find_peer(seeker, address);

	return peer != NULL && seeker_peer_is_out(seeker, peer);
}
