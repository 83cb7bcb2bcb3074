/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Hosted caches: at which of their addresses they are asked, and what is thought of them
 * (retrieval.md section 11.3). What they are asked for is in seeker_hosted_ask.c.
 */
#include "peer/seeker_private.h"

#include <assert.h>
#include <string.h>

#define WRONG_OUT_MS 60000 /* each time (retrieval.md 11.3) */

void seeker_hosted_begin(struct seeker *seeker)
{
	TAILQ_INIT(&seeker->hosted_queue);
	bucket_begin(&seeker->hosted_bucket, SEEKER_HOSTED_RATE, seeker->now_ms);
	for (unsigned i = 0; i < SEEKER_HOSTED_MAX; i++) {
		seeker->hosted[i].number = i;
		seeker->hosted[i].listless_until_ms = SEEKER_NEVER;
		seeker->hosted[i].unanswered_ms = SEEKER_NEVER;
	}
}

void seeker_hosted_end(struct seeker *seeker)
{
	for (unsigned i = 0; i < seeker->hosted_count; i++)
		if (seeker->hosted[i].peer != NULL)
			seeker_peer_free(seeker, seeker->hosted[i].peer);
}

bool seeker_hosted_is_fit(const struct seeker *seeker, const struct hosted *hosted)
{
	return hosted->address_count > 0 && !seeker_peer_is_out(seeker, hosted->peer);
}

bool seeker_hosted_is_on(const struct seeker *seeker)
{
	for (unsigned i = 0; i < seeker->hosted_count; i++)
		if (seeker_hosted_is_fit(seeker, &seeker->hosted[i]))
			return true;
	return false;
}

bool seeker_hosted_is_before(const struct peer *one, const struct peer *best)
{
	if (one->hosted == NULL || best->hosted == NULL)
		return one->hosted != NULL;
	return one->hosted->number < best->hosted->number;
}

/* ---- addresses ---- */

/* It is asked nowhere any more: out for good. */
static void leave(struct seeker *seeker, struct hosted *hosted)
{
	struct holding *holding;

	hosted->address_count = 0;
	if (hosted->peer == NULL)
		return;
	hosted->peer->banned_until_ms = INT64_MAX;
	while ((holding = TAILQ_FIRST(&hosted->peer->holdings)) != NULL)
		seeker_holding_free(seeker, holding);
}

static bool enter(struct seeker *seeker, struct hosted *hosted, const struct xaddr *address)
{
	if (hosted->peer != NULL)
		return true;
	hosted->peer = seeker_peer_make(seeker, address);
	if (hosted->peer == NULL)
		return false;
	hosted->peer->hosted = hosted;
	if (hosted->number >= seeker->hosted_count)
		seeker->hosted_count = hosted->number + 1;
	return true;
}

/* The one in use stays in use, if it is still there. Whether it is. */
static bool stay(struct hosted *hosted)
{
	for (unsigned i = 0; i < hosted->address_count; i++)
		if (xaddr_same(&hosted->addresses[i], &hosted->peer->address)) {
			hosted->address = i;
			return true;
		}
	hosted->address = 0;
	hosted->peer->address = hosted->addresses[0];
	return false;
}

void seeker_hosted(struct seeker *seeker, unsigned number, const struct xaddr *addresses,
		   unsigned count, int64_t now_ms)
{
	struct hosted *hosted = &seeker->hosted[number];

	assert(number < SEEKER_HOSTED_MAX);
	if (now_ms > seeker->now_ms)
		seeker->now_ms = now_ms;
	if (count > SEEKER_HOSTED_ADDRESSES)
		count = SEEKER_HOSTED_ADDRESSES;
	if (count == 0 || !enter(seeker, hosted, &addresses[0])) {
		leave(seeker, hosted);
	} else {
		bool back = hosted->address_count == 0;

		memcpy(hosted->addresses, addresses, count * sizeof(addresses[0]));
		hosted->address_count = count;
		hosted->failed = 0;
		if (!stay(hosted) || back)
			seeker_peer_forgive(seeker, hosted->peer);
	}
	seeker_probe_mind_alone(seeker);
	seeker_run(seeker);
}

/* Whether the next address is in use now; false: all have failed. */
static bool move(struct seeker *seeker, struct hosted *hosted)
{
	const struct seeker_outlet *outlet = &seeker->options.outlet;
	bool all = ++hosted->failed >= hosted->address_count;

	hosted->address = (hosted->address + 1) % hosted->address_count;
	hosted->peer->address = hosted->addresses[hosted->address];
	if (!all)
		return true;
	hosted->failed = 0;
	if (outlet->unreachable != NULL)
		outlet->unreachable(outlet->owner, hosted->number);
	return false;
}

bool seeker_hosted_moves(struct seeker *seeker, const struct exchange *exchange,
			 enum seeker_outcome outcome)
{
	struct hosted *hosted = exchange->peer->hosted;

	if ((outcome != SEEKER_LATE && outcome != SEEKER_BROKEN) || hosted->address_count == 0)
		return false;
	/* Others that were under way there, too. */
	if (!xaddr_same(&exchange->public.server, &hosted->peer->address))
		return true;
	/* Something came since: it is there. */
	if (hosted->peer->heard_ms != SEEKER_NEVER && hosted->peer->heard_ms >= exchange->asked_ms)
		return false;
	return move(seeker, hosted);
}

/* ---- judging ---- */

static struct hosted_judged *judged_of(struct hosted *hosted, const struct exchange *exchange)
{
	uint8_t size = (uint8_t)exchange->public.segment.size;
	struct hosted_judged *judged;

	for (unsigned i = 0; i < SEEKER_HOSTED_JUDGED; i++) {
		judged = &hosted->judged[i];
		if (judged->id_size == size && memcmp(judged->id, exchange->id, size) == 0)
			return judged;
	}
	judged = &hosted->judged[hosted->judged_next++ % SEEKER_HOSTED_JUDGED];
	*judged = (struct hosted_judged){.id_size = size};
	memcpy(judged->id, exchange->id, size);
	return judged;
}

void seeker_hosted_good(struct exchange *exchange)
{
	judged_of(exchange->peer->hosted, exchange);
}

void seeker_hosted_wrong(struct seeker *seeker, struct exchange *exchange, struct holding *holding)
{
	struct peer *peer = exchange->peer;
	struct hosted *hosted = peer->hosted;
	unsigned wrong = 0;

	peer->bad++;
	judged_of(hosted, exchange)->wrong = true;
	if (holding != NULL) {
		holding->spoilt_until_ms = seeker->now_ms + SEEKER_HOSTED_SPOILT_MS;
		holding->until_ms = holding->spoilt_until_ms;
		seeker_segment_dirty(seeker, holding->segment);
	}
	for (unsigned i = 0; i < SEEKER_HOSTED_JUDGED; i++)
		wrong += hosted->judged[i].wrong;
	if (wrong < SEEKER_HOSTED_WRONG)
		return;
	memset(hosted->judged, 0, sizeof(hosted->judged));
	if (!seeker_peer_is_out(seeker, peer))
		seeker_peer_put_out(seeker, peer, WRONG_OUT_MS);
}

void seeker_hosted_out(struct seeker *seeker, struct hosted *hosted)
{
	/* Perhaps it was not there at all; when it is again it may be asked everything. */
	hosted->listless_until_ms = hosted->unanswered_ms = SEEKER_NEVER;
	seeker_probe_mind_alone(seeker);
}

void seeker_hosted_trust(struct seeker *seeker)
{
	for (unsigned i = 0; i < seeker->hosted_count; i++) {
		struct hosted *hosted = &seeker->hosted[i];
		struct holding *holding;

		hosted->listless_until_ms = hosted->unanswered_ms = SEEKER_NEVER;
		hosted->failed = 0;
		memset(hosted->judged, 0, sizeof(hosted->judged));
		if (hosted->peer == NULL)
			continue;
		TAILQ_FOREACH (holding, &hosted->peer->holdings, in_peer)
			holding->spoilt_until_ms = SEEKER_NEVER;
		seeker_peer_forgive(seeker, hosted->peer);
	}
	seeker_probe_mind_alone(seeker);
}

/* ---- for status ---- */

void seeker_hosted_state(const struct seeker *seeker, unsigned number, int64_t now_ms,
			 struct seeker_hosted_state *state_out)
{
	const struct hosted *hosted = &seeker->hosted[number];

	assert(number < SEEKER_HOSTED_MAX);
	*state_out = (struct seeker_hosted_state){.lists = now_ms >= hosted->listless_until_ms};
	if (hosted->peer == NULL)
		return;
	seeker_peer_describe(seeker, hosted->peer, now_ms, &state_out->peer);
	if (hosted->address_count > 0)
		return;
	state_out->peer.address = (struct xaddr){0};
	state_out->peer.banned_ms = 0;
}
