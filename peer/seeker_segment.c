/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Segments by their id, and who holds what of them. Those without wants are kept as long as there
 * is room: the ones we looked for, and apart from them, so that a flood of strangers' Probes pushes
 * out nothing of ours, the ones that others were heard to want.
 */
#include "peer/seeker_private.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

static struct segment_chain *chain_of(const struct seeker *seeker, const uint8_t *id,
				      size_t id_size)
{
	uint64_t hash = XXH3_64bits_withSeed(id, id_size, seeker->options.seed);

	return (struct segment_chain *)&seeker->segment_chains[hash % SEGMENT_CHAINS];
}

struct segment *seeker_segment_find(const struct seeker *seeker, const uint8_t *id, size_t id_size)
{
	struct segment *segment;

	LIST_FOREACH (segment, chain_of(seeker, id, id_size), in_chain)
		if (segment->id_size == id_size && memcmp(segment->id, id, id_size) == 0)
			return segment;
	return NULL;
}

static void segment_free(struct seeker *seeker, struct segment *segment)
{
	struct holding *holding;

	while ((holding = TAILQ_FIRST(&segment->holdings)) != NULL)
		seeker_holding_free(seeker, holding);
	if (segment->dirty)
		TAILQ_REMOVE(&seeker->dirty, segment, in_dirty);
	if (segment->queued)
		seeker_probe_unqueue(seeker, segment);
	seeker_hosted_unqueue(seeker, segment);
	LIST_REMOVE(segment, in_chain);
	free(segment->crowd);
	free(segment);
}

static void idle_remove(struct seeker *seeker, struct segment *segment)
{
	TAILQ_REMOVE(&seeker->idle[segment->place], segment, in_idle);
	seeker->idle_count[segment->place]--;
}

static void idle_add(struct seeker *seeker, struct segment *segment, enum segment_place place)
{
	uint32_t most = place == SEGMENT_HEARD ? SEEKER_HEARD : seeker->options.limits.lists;

	segment->place = place;
	TAILQ_INSERT_TAIL(&seeker->idle[place], segment, in_idle);
	if (++seeker->idle_count[place] > most) {
		struct segment *oldest = TAILQ_FIRST(&seeker->idle[place]);

		idle_remove(seeker, oldest);
		segment_free(seeker, oldest);
	}
}

struct segment *seeker_segment_make(struct seeker *seeker, enum wsd_form form, const uint8_t *id,
				    size_t id_size, enum segment_place place)
{
	struct segment *segment = seeker_segment_find(seeker, id, id_size);

	if (segment != NULL) {
		/* Strangers may have named it first, in whatever form. */
		if (place == SEGMENT_KNOWN && !segment->queued)
			segment->form = form;
		if (segment->place == SEGMENT_LIVE)
			return segment;
		idle_remove(seeker, segment);
		idle_add(seeker, segment, place < segment->place ? place : segment->place);
		return segment;
	}
	segment = calloc(1, sizeof(*segment));
	if (segment == NULL)
		return NULL;
	segment->form = form;
	segment->id_size = (uint8_t)id_size;
	memcpy(segment->id, id, id_size);
	segment->looked_ms = segment->refused_ms = segment->own_ms = SEEKER_NEVER;
	segment->hosted_ms = SEEKER_NEVER;
	TAILQ_INIT(&segment->pending);
	TAILQ_INIT(&segment->holdings);
	LIST_INSERT_HEAD(chain_of(seeker, id, id_size), segment, in_chain);
	idle_add(seeker, segment, place);
	return segment;
}

void seeker_segment_enter(struct seeker *seeker, struct segment *segment)
{
	if (segment->want_count++ > 0)
		return;
	idle_remove(seeker, segment);
	segment->place = SEGMENT_LIVE;
}

void seeker_segment_leave(struct seeker *seeker, struct segment *segment)
{
	struct holding *holding, *next;

	if (--segment->want_count > 0)
		return;
	/* Guesses are made anew when something of it is wanted again; what a hosted cache lacks is
	 * remembered. */
	for (holding = TAILQ_FIRST(&segment->holdings); holding != NULL; holding = next) {
		next = TAILQ_NEXT(holding, in_segment);
		seeker_holding_unready(holding);
		if (holding->blind && holding->peer->hosted == NULL)
			seeker_holding_unguess(seeker, holding);
	}
	if (segment->queued)
		seeker_probe_unqueue(seeker, segment);
	seeker_hosted_unqueue(seeker, segment);
	idle_add(seeker, segment, SEGMENT_KNOWN);
}

void seeker_segment_dirty(struct seeker *seeker, struct segment *segment)
{
	if (segment->dirty || segment->place != SEGMENT_LIVE)
		return;
	segment->dirty = true;
	TAILQ_INSERT_TAIL(&seeker->dirty, segment, in_dirty);
}

void seeker_segments_end(struct seeker *seeker)
{
	for (unsigned place = 0; place < 3; place++) {
		struct segment *segment;

		while ((segment = TAILQ_FIRST(&seeker->idle[place])) != NULL) {
			idle_remove(seeker, segment);
			segment_free(seeker, segment);
		}
	}
}

/* ---- holdings ---- */

struct holding *seeker_holding_find(const struct segment *segment, const struct peer *peer)
{
	struct holding *holding;

	TAILQ_FOREACH (holding, &segment->holdings, in_segment)
		if (holding->peer == peer)
			return holding;
	return NULL;
}

/* One that may go for a new one: of who has never given anything, or, if GUESSES_GO, is a guess. */
static struct holding *least_useful(const struct segment *segment, bool guesses_go)
{
	struct holding *holding;

	TAILQ_FOREACH (holding, &segment->holdings, in_segment)
		if (holding->peer->hosted == NULL &&
		    (holding->peer->rank != PEER_PROVEN || (guesses_go && holding->blind)))
			return holding;
	return NULL;
}

static bool is_full(const struct seeker *seeker, const struct segment *segment)
{
	return segment->holding_count >= seeker->options.limits.per_list;
}

static struct holding *make(struct seeker *seeker, struct segment *segment, struct peer *peer)
{
	unsigned words = RANGE_SET_WORDS(segment->blocks);
	struct holding *holding;

	holding = calloc(1, sizeof(*holding) + 3 * words * sizeof(uint64_t));
	if (holding == NULL)
		return NULL;
	holding->segment = segment;
	holding->peer = peer;
	holding->words = words;
	holding->blind = true;
	holding->until_ms = seeker->now_ms + seeker->options.limits.found_ms;
	holding->list_ms = holding->lacks_until_ms = holding->late_until_ms = SEEKER_NEVER;
	holding->spoilt_until_ms = SEEKER_NEVER;
	TAILQ_INSERT_TAIL(&segment->holdings, holding, in_segment);
	segment->holding_count++;
	TAILQ_INSERT_TAIL(&peer->holdings, holding, in_peer);
	return holding;
}

struct holding *seeker_holding_make(struct seeker *seeker, struct segment *segment,
				    struct peer *peer)
{
	struct holding *holding = seeker_holding_find(segment, peer);

	if (holding != NULL)
		return holding;
	if (is_full(seeker, segment) && peer->hosted == NULL) {
		holding = least_useful(segment, true);
		if (holding == NULL)
			return NULL;
		seeker_holding_free(seeker, holding);
	}
	return make(seeker, segment, peer);
}

struct holding *seeker_holding_guess(struct seeker *seeker, struct segment *segment,
				     struct peer *peer)
{
	struct holding *holding = seeker_holding_find(segment, peer);

	if (holding != NULL)
		return holding;
	if (is_full(seeker, segment)) {
		holding = peer->rank == PEER_PROVEN ? least_useful(segment, false) : NULL;
		if (holding == NULL)
			return NULL;
		seeker_holding_free(seeker, holding);
	}
	return make(seeker, segment, peer);
}

void seeker_holding_free(struct seeker *seeker, struct holding *holding)
{
	seeker_holding_unready(holding);
	TAILQ_REMOVE(&holding->segment->holdings, holding, in_segment);
	holding->segment->holding_count--;
	TAILQ_REMOVE(&holding->peer->holdings, holding, in_peer);
	seeker_segment_dirty(seeker, holding->segment);
	free(holding);
}

void seeker_holding_ready(struct holding *holding, bool urgent)
{
	struct holdings *queue = &holding->peer->ready[urgent ? 0 : 1];

	if (holding->ready == queue)
		return;
	seeker_holding_unready(holding);
	TAILQ_INSERT_TAIL(queue, holding, in_ready);
	holding->ready = queue;
}

void seeker_holding_unready(struct holding *holding)
{
	if (holding->ready != NULL)
		TAILQ_REMOVE(holding->ready, holding, in_ready);
	holding->ready = NULL;
}

static uint64_t *have(const struct holding *holding)
{
	return (uint64_t *)holding->bits;
}

static uint64_t *lacks(const struct holding *holding)
{
	return have(holding) + holding->words;
}

static uint64_t *bad(const struct holding *holding)
{
	return lacks(holding) + holding->words;
}

static bool bit(const uint64_t *words, uint32_t index)
{
	return (words[index / 64] >> index % 64 & 1) != 0;
}

static void set_bit(uint64_t *words, uint32_t index)
{
	words[index / 64] |= UINT64_C(1) << index % 64;
}

bool seeker_holding_has(const struct holding *holding, uint32_t block, int64_t now_ms)
{
	if (block / 64 >= holding->words || bit(bad(holding), block))
		return false;
	if (now_ms < holding->lacks_until_ms && bit(lacks(holding), block))
		return false;
	return !holding->listed || bit(have(holding), block);
}

void seeker_holding_lacks(struct holding *holding, uint32_t block, int64_t pause_ms, int64_t now_ms)
{
	if (block / 64 >= holding->words)
		return;
	if (now_ms >= holding->lacks_until_ms)
		memset(lacks(holding), 0, holding->words * sizeof(uint64_t));
	set_bit(lacks(holding), block);
	if (holding->lacks_until_ms < now_ms + pause_ms)
		holding->lacks_until_ms = now_ms + pause_ms;
}

void seeker_holding_bad(struct holding *holding, uint32_t block)
{
	if (block / 64 >= holding->words)
		return;
	set_bit(bad(holding), block);
	holding->spoilt = true;
}

void seeker_holding_unguess(struct seeker *seeker, struct holding *holding)
{
	if (!holding->spoilt) {
		seeker_holding_free(seeker, holding);
		return;
	}
	seeker_holding_unready(holding);
	memset(have(holding), 0, holding->words * sizeof(uint64_t));
	holding->blind = false;
	holding->listed = true;
}

bool seeker_holding_list(struct holding *holding, const uint64_t *set, uint32_t first,
			 uint32_t count)
{
	bool news = false;

	if (!holding->listed)
		memset(have(holding), 0, holding->words * sizeof(uint64_t));
	for (uint32_t block = first; block < first + count; block++) {
		bool has = range_set_has(set, PCCRR_BLOCKS, block);

		if (block / 64 >= holding->words)
			break;
		if (has && !bit(have(holding), block))
			news = true;
		have(holding)[block / 64] &= ~(UINT64_C(1) << block % 64);
		if (has)
			set_bit(have(holding), block);
	}
	holding->listed = true;
	holding->blind = false;
	/* What it lacked a moment ago it may have now. */
	holding->lacks_until_ms = news ? SEEKER_NEVER : holding->lacks_until_ms;
	return news;
}
