/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Wants as they come and go, and the seeker as a whole. What is refused or late during a call is
 * handed out at its end, sorted, so that neighbours go together.
 */
#include "peer/seeker_private.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define container_of(pointer, type, member)                                                        \
	((type *)(void *)((char *)(pointer)-offsetof(type, member)))
#define ALONE_MS 1000 /* between two times that it is worthwhile while alone */

const char *seeker_reason_name(enum seeker_reason reason)
{
	static const char *const names[SEEKER_REASONS] = {
		[SEEKER_CAME] = "came",
		[SEEKER_ALONE] = "no neighbours",
		[SEEKER_NO_ANSWER] = "no answer",
		[SEEKER_CHOSEN] = "chosen to fetch it",
		[SEEKER_EMPTY] = "not there after all",
		[SEEKER_BAD] = "hash mismatch",
		[SEEKER_TIMEOUT] = "timed out",
		[SEEKER_FAILED] = "refused",
		[SEEKER_BANNED] = "banned",
		[SEEKER_BUSY] = "over a limit",
		[SEEKER_ENDED] = "stopped",
	};

	return (unsigned)reason < SEEKER_REASONS ? names[reason] : "?";
}

uint32_t seeker_random(const struct seeker *seeker)
{
	return seeker->options.outlet.random(seeker->options.outlet.owner);
}

/* ---- life ---- */

static void begin_lists(struct seeker *seeker)
{
	for (unsigned i = 0; i < 3; i++)
		TAILQ_INIT(&seeker->idle[i]);
	for (unsigned i = 0; i < PEER_RANKS; i++)
		TAILQ_INIT(&seeker->peers[i]);
	TAILQ_INIT(&seeker->dirty);
	TAILQ_INIT(&seeker->pump);
	TAILQ_INIT(&seeker->idle_streams);
	TAILQ_INIT(&seeker->probes);
	TAILQ_INIT(&seeker->queue[0]);
	TAILQ_INIT(&seeker->queue[1]);
	TAILQ_INIT(&seeker->refused);
	TAILQ_INIT(&seeker->late);
	TAILQ_INIT(&seeker->exchanges);
}

int seeker_create(const struct seeker_options *options, int64_t now_ms, struct seeker **seeker_out)
{
	struct seeker *seeker = calloc(1, sizeof(*seeker));

	if (seeker == NULL)
		return -ENOMEM;
	seeker->options = *options;
	if (seeker->options.limits.lists == 0)
		seeker->options.limits = SEEKER_LIMITS;
	seeker->now_ms = now_ms;
	seeker->heard_ms = SEEKER_NEVER;
	seeker->gather.kind = ALARM_GATHER;
	seeker->hosted_gather.kind = ALARM_HOSTED;
	seeker->lan_alone = options->hosted_only;
	begin_lists(seeker);
	bucket_begin(&seeker->probe_bucket,
		     options->probes != 0 ? options->probes : BUCKET_PROBES_RATE, now_ms);
	bucket_begin(&seeker->poll_bucket, SEEKER_POLLS, now_ms);
	seeker_hosted_begin(seeker);
	if (!seeker_crowds_begin(seeker, options->seed) || alarms_join(&seeker->alarms) != 0 ||
	    alarms_join(&seeker->alarms) != 0) {
		seeker_crowds_end(seeker);
		alarms_end(&seeker->alarms);
		free(seeker);
		return -ENOMEM;
	}
	seeker_probe_mind_alone(seeker);
	*seeker_out = seeker;
	return 0;
}

void seeker_free(struct seeker *seeker)
{
	if (seeker == NULL)
		return;
	assert(seeker->sought == 0 && TAILQ_EMPTY(&seeker->exchanges));
	seeker_segments_end(seeker);
	seeker_streams_end(seeker);
	seeker_probes_end(seeker);
	seeker_peers_end(seeker);
	seeker_hosted_end(seeker);
	seeker_crowds_end(seeker);
	alarms_leave(&seeker->alarms, &seeker->gather);
	alarms_leave(&seeker->alarms, &seeker->hosted_gather);
	alarms_end(&seeker->alarms);
	free(seeker->batch);
	free(seeker);
}

bool seeker_worthwhile(struct seeker *seeker, int64_t now_ms)
{
	int64_t due_ms;

	if (!atomic_load(&seeker->alone))
		return true;
	due_ms = atomic_load(&seeker->alone_ms);
	return now_ms >= due_ms &&
	       atomic_compare_exchange_strong(&seeker->alone_ms, &due_ms, now_ms + ALONE_MS);
}

void seeker_counters(const struct seeker *seeker, struct seeker_counters *counters_out)
{
	*counters_out = seeker->counters;
}

/* ---- handing out ---- */

static int compare(const void *one, const void *other)
{
	const struct seeker_state *a = (*(struct seeker_want *const *)one)->state;
	const struct seeker_state *b = (*(struct seeker_want *const *)other)->state;

	if (a->want->stream != b->want->stream)
		return a->want->stream < b->want->stream ? -1 : 1;
	if (a->reason != b->reason)
		return a->reason < b->reason ? -1 : 1;
	if (a->want->place != b->want->place)
		return a->want->place < b->want->place ? -1 : 1;
	return 0;
}

/* Into the batch, which has room for all that are sought. */
static void put(struct seeker *seeker, unsigned *count, struct seeker_state *state)
{
	seeker->batch[(*count)++] = state->want;
}

static void sort(struct seeker *seeker, unsigned count)
{
	qsort(seeker->batch, count, sizeof(struct seeker_want *), compare);
}

/* How many from FIRST on are neighbours, refused for the same reason. */
static unsigned run_of(struct seeker_want *const *wants, unsigned count)
{
	unsigned length = 1;

	while (length < count && wants[length]->stream == wants[0]->stream &&
	       wants[length]->state->reason == wants[0]->state->reason &&
	       wants[length]->place == wants[length - 1]->place + wants[length - 1]->length)
		length++;
	return length;
}

static void hand_out_late(struct seeker *seeker)
{
	const struct seeker_outlet *outlet = &seeker->options.outlet;
	struct seeker_state *state;
	unsigned count = 0, length;

	while ((state = TAILQ_FIRST(&seeker->late)) != NULL) {
		TAILQ_REMOVE(&seeker->late, state, in_late);
		state->told_late = false;
		put(seeker, &count, state);
	}
	sort(seeker, count);
	for (unsigned i = 0; i < count; i += length) {
		length = run_of(seeker->batch + i, count - i);
		outlet->late(outlet->owner, seeker->batch + i, length,
			     seeker->batch[i]->state->reason);
	}
}

static void hand_out_refused(struct seeker *seeker)
{
	const struct seeker_outlet *outlet = &seeker->options.outlet;
	struct seeker_state *state;
	unsigned count = 0, length;

	while ((state = TAILQ_FIRST(&seeker->refused)) != NULL) {
		TAILQ_REMOVE(&seeker->refused, state, in_pending);
		put(seeker, &count, state);
	}
	sort(seeker, count);
	for (unsigned i = 0; i < count; i += length) {
		enum seeker_reason reason = seeker->batch[i]->state->reason;

		length = run_of(seeker->batch + i, count - i);
		for (unsigned k = i; k < i + length; k++) {
			free(seeker->batch[k]->state);
			seeker->batch[k]->state = NULL;
		}
		seeker->sought -= length;
		seeker->counters.refused[reason] += length;
		outlet->refuse(outlet->owner, seeker->batch + i, length, reason);
	}
}

/* ---- the rest of each call ---- */

void seeker_run(struct seeker *seeker)
{
	struct segment *segment;
	struct peer *peer;

	while (!TAILQ_EMPTY(&seeker->dirty) || !TAILQ_EMPTY(&seeker->pump)) {
		while ((peer = TAILQ_FIRST(&seeker->pump)) != NULL) {
			TAILQ_REMOVE(&seeker->pump, peer, in_pump);
			peer->pumping = false;
			seeker_choose_pump(seeker, peer);
		}
		segment = TAILQ_FIRST(&seeker->dirty);
		if (segment != NULL) {
			TAILQ_REMOVE(&seeker->dirty, segment, in_dirty);
			segment->dirty = false;
			seeker_choose_review(seeker, segment);
		}
		if (TAILQ_EMPTY(&seeker->dirty)) {
			seeker_probe_flush(seeker);
			seeker_hosted_flush(seeker);
		}
	}
	if (!TAILQ_EMPTY(&seeker->late))
		hand_out_late(seeker);
	if (!TAILQ_EMPTY(&seeker->refused))
		hand_out_refused(seeker);
}

static void ring(struct seeker *seeker, struct alarm *alarm)
{
	switch (alarm->kind) {
	case ALARM_PEER:
		seeker_exchange_ring(seeker, container_of(alarm, struct peer, alarm));
		break;
	case ALARM_STREAM:
		seeker_stream_round(seeker, container_of(alarm, struct stream, alarm));
		break;
	case ALARM_PROBE:
		seeker_probe_ring(seeker, container_of(alarm, struct probe, alarm));
		break;
	case ALARM_HOSTED:
		seeker_hosted_flush(seeker);
		break;
	default:
		seeker_probe_flush(seeker);
		break;
	}
}

int64_t seeker_tick(struct seeker *seeker, int64_t now_ms)
{
	struct alarm *alarm;

	if (now_ms > seeker->now_ms)
		seeker->now_ms = now_ms;
	while ((alarm = alarms_first(&seeker->alarms)) != NULL && alarm->due_ms <= seeker->now_ms) {
		ring(seeker, alarm);
		alarm = alarms_first(&seeker->alarms);
		if (alarm == NULL || alarm->due_ms > seeker->now_ms)
			seeker_run(seeker);
	}
	return alarm != NULL ? alarm->due_ms : INT64_MAX;
}

/* ---- wants ---- */

static void insert_pending(struct segment *segment, struct seeker_state *state)
{
	struct seeker_state *first = TAILQ_FIRST(&segment->pending), *before;

	if (first != NULL && state->want->block < first->want->block) {
		TAILQ_INSERT_HEAD(&segment->pending, state, in_pending);
		return;
	}
	TAILQ_FOREACH_REVERSE(before, &segment->pending, seeker_states, in_pending)
	if (before->want->block <= state->want->block)
		break;
	if (before == NULL)
		TAILQ_INSERT_HEAD(&segment->pending, state, in_pending);
	else
		TAILQ_INSERT_AFTER(&segment->pending, before, state, in_pending);
}

void seeker_pend(struct seeker *seeker, struct seeker_state *state)
{
	if (state->pending)
		return;
	insert_pending(state->segment, state);
	state->pending = true;
	state->served = false;
	state->segment->pending_count++;
	state->segment->pending_urgent += state->want->urgent;
	seeker_segment_dirty(seeker, state->segment);
}

void seeker_unpend(struct seeker_state *state)
{
	if (!state->pending)
		return;
	state->pending = false;
	TAILQ_REMOVE(&state->segment->pending, state, in_pending);
	state->segment->pending_count--;
	state->segment->pending_urgent -= state->want->urgent;
}

static void detach(struct seeker *seeker, struct seeker_state *state)
{
	seeker_exchange_abandon(state);
	seeker_unpend(state);
	if (state->told_late)
		TAILQ_REMOVE(&seeker->late, state, in_late);
	state->told_late = false;
	seeker_stream_leave(seeker, state->stream, state);
	seeker_segment_leave(seeker, state->segment);
}

void seeker_end_state(struct seeker *seeker, struct seeker_state *state)
{
	detach(seeker, state);
	state->want->state = NULL;
	seeker->sought--;
	free(state);
}

void seeker_refuse_state(struct seeker *seeker, struct seeker_state *state,
			 enum seeker_reason reason)
{
	detach(seeker, state);
	state->reason = reason;
	TAILQ_INSERT_TAIL(&seeker->refused, state, in_pending);
}

void seeker_late_state(struct seeker *seeker, struct seeker_state *state, enum seeker_reason reason)
{
	if (state->late)
		return;
	state->late = state->told_late = true;
	state->reason = reason;
	TAILQ_INSERT_TAIL(&seeker->late, state, in_late);
}

/* Those that do not even begin to be sought. */
static void turn_away(struct seeker *seeker, struct seeker_want *const *wants, unsigned count,
		      enum seeker_reason reason)
{
	const struct seeker_outlet *outlet = &seeker->options.outlet;
	unsigned length;

	for (; count > 0; wants += length, count -= length) {
		length = 1;
		while (length < count && wants[length]->stream == wants[0]->stream &&
		       wants[length]->place == wants[length - 1]->place + wants[length - 1]->length)
			length++;
		seeker->counters.refused[reason] += length;
		outlet->refuse(outlet->owner, wants, length, reason);
	}
}

/* While alone somebody may come all the same. */
static void probe_alone(struct seeker *seeker, struct seeker_want *const *wants, unsigned count)
{
	unsigned batch = wants[0]->form == WSD_FORM_2 ? WSD_BATCH_2 : WSD_BATCH_1;

	if (seeker->now_ms < seeker->alone_probe_ms)
		return;
	seeker->alone_probe_ms = seeker->now_ms + ALONE_MS;
	for (unsigned i = 0; i < count && i < batch; i++) {
		const struct seeker_want *want = wants[i];
		struct segment *segment = seeker_segment_make(seeker, want->form, want->id,
							      want->id_size, SEGMENT_KNOWN);

		if (segment == NULL)
			continue;
		if (segment->blocks == 0 && want->blocks <= PCCRR_BLOCKS)
			segment->blocks = want->blocks;
		seeker_probe_queue(seeker, segment, true);
	}
	seeker_probe_flush(seeker);
}

static bool reserve(struct seeker *seeker, unsigned count)
{
	unsigned room = seeker->sought + count;
	struct seeker_want **batch;

	if (room <= seeker->batch_room)
		return true;
	room += room / 2;
	batch = reallocarray(seeker->batch, room, sizeof(struct seeker_want *));
	if (batch == NULL)
		return false;
	seeker->batch = batch;
	seeker->batch_room = room;
	return true;
}

static bool begin(struct seeker *seeker, struct seeker_want *want)
{
	struct seeker_state *state;
	struct segment *segment =
		seeker_segment_make(seeker, want->form, want->id, want->id_size, SEGMENT_KNOWN);
	struct stream *stream = seeker_stream_use(seeker, want->stream);

	if (segment == NULL || stream == NULL)
		return false;
	if (segment->blocks == 0)
		segment->blocks = want->blocks;
	if (want->block >= segment->blocks || segment->blocks > PCCRR_BLOCKS)
		return false;
	state = calloc(1, sizeof(*state));
	if (state == NULL)
		return false;
	want->state = state;
	*state = (struct seeker_state){.want = want,
				       .segment = segment,
				       .stream = stream,
				       .waiting_ms = SEEKER_NEVER,
				       .ready_ms = SEEKER_NEVER,
				       .reason = SEEKER_NO_ANSWER};
	seeker_segment_enter(seeker, segment);
	seeker_stream_enter(seeker, stream, state);
	seeker->sought++;
	seeker_pend(seeker, state);
	return true;
}

void seeker_seek(struct seeker *seeker, struct seeker_want *const *wants, unsigned count,
		 int64_t now_ms)
{
	if (now_ms > seeker->now_ms)
		seeker->now_ms = now_ms;
	if (count == 0)
		return;
	if (seeker->stopped) {
		turn_away(seeker, wants, count, SEEKER_ENDED);
		return;
	}
	if (seeker->counters.alone) {
		probe_alone(seeker, wants, count);
		turn_away(seeker, wants, count,
			  seeker->options.hosted_only && seeker->hosted_count > 0 ? SEEKER_BANNED
										  : SEEKER_ALONE);
		return;
	}
	if (seeker_probe_is_vain(seeker))
		probe_alone(seeker, wants, count);
	if (!reserve(seeker, count)) {
		turn_away(seeker, wants, count, SEEKER_BUSY);
		return;
	}
	for (unsigned i = 0; i < count; i++)
		if (!begin(seeker, wants[i]))
			turn_away(seeker, wants + i, 1, SEEKER_BUSY);
	seeker_run(seeker);
}

void seeker_hurry(struct seeker *seeker, struct seeker_want *want, int64_t now_ms)
{
	struct seeker_state *state = want->state;

	if (now_ms > seeker->now_ms)
		seeker->now_ms = now_ms;
	if (want->urgent)
		return;
	want->urgent = true;
	if (state == NULL || !state->pending)
		return;
	state->segment->pending_urgent++;
	seeker->queue_urgent |= state->segment->queued;
	seeker->hosted_urgent |= state->segment->hosted_queued;
	seeker_segment_dirty(seeker, state->segment);
	seeker_probe_flush(seeker);
	seeker_hosted_flush(seeker);
	seeker_run(seeker);
}

void seeker_drop(struct seeker *seeker, struct seeker_want *want, int64_t now_ms)
{
	if (now_ms > seeker->now_ms)
		seeker->now_ms = now_ms;
	if (want->state == NULL)
		return;
	seeker_end_state(seeker, want->state);
	seeker_run(seeker);
}

/* Of any stream. */
static struct seeker_state *any_state(struct seeker *seeker)
{
	for (unsigned i = 0; i < STREAM_CHAINS; i++) {
		struct stream *stream;

		LIST_FOREACH (stream, &seeker->stream_chains[i], in_chain)
			if (stream->want_count > 0)
				return TAILQ_FIRST(&stream->wants);
	}
	return NULL;
}

void seeker_stop(struct seeker *seeker, int64_t now_ms)
{
	struct seeker_state *state;

	if (now_ms > seeker->now_ms)
		seeker->now_ms = now_ms;
	seeker->stopped = true;
	while ((state = any_state(seeker)) != NULL)
		seeker_refuse_state(seeker, state, SEEKER_ENDED);
	seeker_run(seeker);
}
