/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Streams: what is wanted of a content, in its order, and who gave of it lately. As long as
 * something is pending there is a round every SEEKER_ROUND_MS, in which is done what only time
 * decides.
 */
#include "peer/seeker_private.h"

#include <stdlib.h>

static struct stream_chain *chain_of(struct seeker *seeker, uint64_t number)
{
	return &seeker->stream_chains[(number ^ number >> 8 ^ number >> 32) % STREAM_CHAINS];
}

static void stream_free(struct seeker *seeker, struct stream *stream)
{
	TAILQ_REMOVE(&seeker->idle_streams, stream, in_idle);
	seeker->idle_stream_count--;
	LIST_REMOVE(stream, in_chain);
	alarms_leave(&seeker->alarms, &stream->alarm);
	free(stream);
}

static void idle_add(struct seeker *seeker, struct stream *stream)
{
	TAILQ_INSERT_TAIL(&seeker->idle_streams, stream, in_idle);
	if (++seeker->idle_stream_count > SEEKER_STREAMS)
		stream_free(seeker, TAILQ_FIRST(&seeker->idle_streams));
}

struct stream *seeker_stream_use(struct seeker *seeker, uint64_t number)
{
	struct stream *stream;

	LIST_FOREACH (stream, chain_of(seeker, number), in_chain)
		if (stream->number == number)
			return stream;
	stream = calloc(1, sizeof(*stream));
	if (stream == NULL)
		return NULL;
	if (alarms_join(&seeker->alarms) != 0) {
		free(stream);
		return NULL;
	}
	stream->number = number;
	stream->progress_ms = stream->vain_ms = SEEKER_NEVER;
	stream->background_ms = stream->again_ms = SEEKER_NEVER;
	stream->alarm.kind = ALARM_STREAM;
	TAILQ_INIT(&stream->wants);
	LIST_INSERT_HEAD(chain_of(seeker, number), stream, in_chain);
	idle_add(seeker, stream);
	return stream;
}

/* Mostly behind the last one, seldom in between. */
static void insert(struct stream *stream, struct seeker_state *state)
{
	struct seeker_state *first = TAILQ_FIRST(&stream->wants), *before;

	if (first != NULL && state->want->place < first->want->place) {
		TAILQ_INSERT_HEAD(&stream->wants, state, in_stream);
		return;
	}
	TAILQ_FOREACH_REVERSE(before, &stream->wants, seeker_states, in_stream)
	if (before->want->place <= state->want->place)
		break;
	if (before == NULL)
		TAILQ_INSERT_HEAD(&stream->wants, state, in_stream);
	else
		TAILQ_INSERT_AFTER(&stream->wants, before, state, in_stream);
}

static void mind_front(struct seeker *seeker, struct stream *stream)
{
	const struct seeker_state *first = TAILQ_FIRST(&stream->wants);

	if (first == NULL || (stream->front == first->want->place && stream->want_count > 1))
		return;
	stream->front = first->want->place;
	stream->front_ms = seeker->now_ms;
}

void seeker_stream_enter(struct seeker *seeker, struct stream *stream, struct seeker_state *state)
{
	if (stream->want_count++ == 0) {
		TAILQ_REMOVE(&seeker->idle_streams, stream, in_idle);
		seeker->idle_stream_count--;
	}
	insert(stream, state);
	mind_front(seeker, stream);
	if (stream->alarm.place == 0)
		alarms_set(&seeker->alarms, &stream->alarm, seeker->now_ms + SEEKER_ROUND_MS);
}

void seeker_stream_leave(struct seeker *seeker, struct stream *stream, struct seeker_state *state)
{
	TAILQ_REMOVE(&stream->wants, state, in_stream);
	mind_front(seeker, stream);
	if (--stream->want_count > 0)
		return;
	alarms_clear(&seeker->alarms, &stream->alarm);
	idle_add(seeker, stream);
}

/* ---- suppliers ---- */

struct supplier *seeker_stream_supplier(struct stream *stream, const struct peer *peer)
{
	for (unsigned i = 0; i < stream->supplier_count; i++)
		if (stream->suppliers[i].peer == peer)
			return &stream->suppliers[i];
	return NULL;
}

static struct supplier *supplier_make(struct stream *stream, struct peer *peer)
{
	struct supplier *supplier = &stream->suppliers[0];

	if (stream->supplier_count < SEEKER_SUPPLIERS)
		supplier = &stream->suppliers[stream->supplier_count++];
	else
		for (unsigned i = 1; i < SEEKER_SUPPLIERS; i++)
			if (stream->suppliers[i].gave_ms < supplier->gave_ms)
				supplier = &stream->suppliers[i];
	*supplier = (struct supplier){.peer = peer};
	return supplier;
}

/* What is pending and nobody is known to have, PEER may have. */
static void review_pending(struct seeker *seeker, struct stream *stream)
{
	struct seeker_state *state;

	TAILQ_FOREACH (state, &stream->wants, in_stream)
		if (state->pending && !state->served)
			seeker_segment_dirty(seeker, state->segment);
}

void seeker_stream_reopen(struct seeker *seeker, struct stream *stream, struct supplier *supplier)
{
	supplier->closed = supplier->vain = false;
	review_pending(seeker, stream);
}

void seeker_stream_gave(struct seeker *seeker, struct stream *stream, struct peer *peer)
{
	struct supplier *supplier = seeker_stream_supplier(stream, peer);

	stream->progress_ms = seeker->now_ms;
	if (peer->hosted != NULL)
		return;
	if (supplier == NULL && seeker->now_ms >= peer->retired_until_ms)
		supplier = supplier_make(stream, peer);
	if (supplier != NULL) {
		supplier->gave_ms = seeker->now_ms;
		supplier->vain = false;
	}
	stream->vain = 0;
	stream->again_pause_ms = 0;
}

void seeker_stream_close(struct seeker *seeker, struct stream *stream, struct peer *peer)
{
	struct supplier *supplier = seeker_stream_supplier(stream, peer);
	struct holding *holding, *next;

	if (supplier == NULL || supplier->closed)
		return;
	supplier->closed = true;
	for (holding = TAILQ_FIRST(&peer->holdings); holding != NULL; holding = next) {
		next = TAILQ_NEXT(holding, in_peer);
		if (holding->blind)
			seeker_holding_unguess(seeker, holding);
	}
}

void seeker_streams_without(struct seeker *seeker, const struct peer *peer)
{
	if (peer->blocks == 0)
		return;
	for (unsigned i = 0; i < STREAM_CHAINS; i++) {
		struct stream *stream;

		LIST_FOREACH (stream, &seeker->stream_chains[i], in_chain) {
			struct supplier *supplier = seeker_stream_supplier(stream, peer);

			if (supplier != NULL)
				*supplier = stream->suppliers[--stream->supplier_count];
		}
	}
}

/* ---- rounds ---- */

/* Allowances of Probes for what others have, or fetch. */
static void allow(struct seeker *seeker, struct stream *stream)
{
	int64_t now_ms = seeker->now_ms;

	stream->again = 0;
	if (now_ms < stream->again_ms)
		return;
	stream->again_pause_ms =
		stream->again_pause_ms == 0 ? SEEKER_ROUND_MS : stream->again_pause_ms * 3 / 2;
	if (stream->again_pause_ms > SEEKER_PAUSE_MAX_MS)
		stream->again_pause_ms = SEEKER_PAUSE_MAX_MS;
	stream->again_ms = now_ms + stream->again_pause_ms;
	stream->again = WSD_BATCH_2;
}

void seeker_stream_round(struct seeker *seeker, struct stream *stream)
{
	const struct segment *last = NULL;
	struct seeker_state *state;

	allow(seeker, stream);
	TAILQ_FOREACH (state, &stream->wants, in_stream) {
		if (!state->pending || state->segment == last)
			continue;
		last = state->segment;
		seeker_segment_dirty(seeker, state->segment);
	}
	alarms_set(&seeker->alarms, &stream->alarm, seeker->now_ms + SEEKER_ROUND_MS);
}

void seeker_streams_end(struct seeker *seeker)
{
	while (!TAILQ_EMPTY(&seeker->idle_streams))
		stream_free(seeker, TAILQ_FIRST(&seeker->idle_streams));
}
