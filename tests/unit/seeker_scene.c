/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/seeker_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { LATE_MS = 2000, BLOCK = 65536 };

static struct scene_want *want_of(struct seeker_want *want)
{
	return (struct scene_want *)want;
}

static unsigned number_of(const struct xaddr *address)
{
	return (unsigned)(address->octets[2] << 8 | address->octets[3]);
}

struct xaddr scene_address(unsigned peer)
{
	return (struct xaddr){.family = XADDR_IPV4,
			      .port = 1337,
			      .octets = {10, 0, (uint8_t)(peer >> 8), (uint8_t)peer}};
}

void scene_name(unsigned segment, uint8_t id_out[32])
{
	memset(id_out, 0xa5, 32);
	memcpy(id_out, &segment, sizeof(segment));
}

static unsigned segment_of(const uint8_t *id)
{
	unsigned segment;

	memcpy(&segment, id, sizeof(segment));
	return segment;
}

uint32_t scene_draw(struct scene *scene)
{
	scene->chance = scene->chance * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t)(scene->chance >> 32);
}

static uint32_t draw(void *owner)
{
	return scene_draw(owner);
}

/* ---- outlet ---- */

static void probe(void *owner, const struct wsd_probe *message)
{
	struct scene *scene = owner;

	assert_true(scene->probe_count < SCENE_PROBES);
	assert_true(message->count <= (message->form == WSD_FORM_1 ? WSD_BATCH_1 : WSD_BATCH_2));
	assert_true(message->count > 0);
	scene->probes[scene->probe_count].at_ms = scene->now_ms;
	scene->probes[scene->probe_count].count = message->count;
	strcpy(scene->probes[scene->probe_count].message_id, message->message_id);
	for (unsigned i = 0; i < message->count; i++)
		scene->probes[scene->probe_count].segments[i] = segment_of(message->ids[i].octets);
	scene->probe_count++;
}

static unsigned index_of(const struct seeker_exchange *exchange)
{
	unsigned segment = segment_of(exchange->segment.octets);

	return (segment >= 100000 ? exchange->block : segment) % SCENE_WANTS;
}

static void question(struct scene *scene, struct scene_peer *peer, struct seeker_exchange *exchange)
{
	bool late =
		(peer->manner == SCENE_STALLS && !peer->talks) || peer->questioned == SEEKER_LATE;

	assert_true(exchange->hosted);
	assert_in_range(exchange->id_count, 1, SEEKER_HOSTED_IDS);
	peer->questions++;
	peer->open++;
	assert_true(peer->open <= 4);
	peer->ids += exchange->id_count;
	if (exchange->id_count > peer->ids_most)
		peer->ids_most = exchange->id_count;
	scene->waiting[scene->waiting_count++] = (struct scene_waiting){
		scene->now_ms + (late ? LATE_MS : peer->question_ms), exchange, false};
}

static void ask(void *owner, struct seeker_exchange *exchange)
{
	struct scene *scene = owner;
	struct scene_peer *peer = &scene->peers[number_of(&exchange->server) % SCENE_PEERS];
	int64_t takes_ms = peer->manner == SCENE_STALLS ? LATE_MS : peer->exchange_ms;

	assert_true(scene->waiting_count < SCENE_WAITING);
	assert_true(exchange->hosted == (exchange->server.port == 80));
	if (exchange->type == PCCRR_ASK_SEGMENTS) {
		question(scene, peer, exchange);
		return;
	}
	scene->asked++;
	if (exchange->type == PCCRR_ASK_BLOCK) {
		assert_non_null(exchange->want);
		assert_int_equal(want_of(exchange->want)->end, SCENE_SOUGHT);
		peer->asked++;
		peer->asked_of[index_of(exchange)]++;
	} else {
		assert_true(exchange->count > 0 && exchange->first + exchange->count <= 512);
		peer->lists++;
	}
	peer->busy++;
	if (peer->busy > peer->busy_most)
		peer->busy_most = peer->busy;
	scene->waiting[scene->waiting_count++] =
		(struct scene_waiting){scene->now_ms + takes_ms, exchange, false};
}

static void end(struct scene *scene, struct seeker_want *want, enum scene_end how,
		enum seeker_reason reason)
{
	struct scene_want *ended = want_of(want);

	assert_true(ended->begun);
	assert_int_equal(ended->end, SCENE_SOUGHT);
	assert_null(want->state);
	ended->end = how;
	ended->reason = reason;
	ended->ended_ms = scene->now_ms;
}

static void check_neighbours(struct seeker_want *const *wants, unsigned count)
{
	assert_true(count > 0);
	for (unsigned i = 1; i < count; i++) {
		assert_int_equal(wants[i]->stream, wants[0]->stream);
		assert_int_equal(wants[i]->place, wants[i - 1]->place + wants[i - 1]->length);
	}
}

static void refuse(void *owner, struct seeker_want *const *wants, unsigned count,
		   enum seeker_reason reason)
{
	struct scene *scene = owner;

	assert_true(reason > SEEKER_CAME && reason < SEEKER_REASONS);
	check_neighbours(wants, count);
	scene->refusals++;
	for (unsigned i = 0; i < count; i++)
		end(scene, wants[i], SCENE_REFUSED, reason);
}

static void late(void *owner, struct seeker_want *const *wants, unsigned count,
		 enum seeker_reason reason)
{
	struct scene *scene = owner;

	assert_int_equal(reason, SEEKER_TIMEOUT);
	check_neighbours(wants, count);
	scene->lates++;
	for (unsigned i = 0; i < count; i++) {
		assert_int_equal(want_of(wants[i])->end, SCENE_SOUGHT);
		assert_non_null(wants[i]->state);
		assert_false(want_of(wants[i])->late);
		want_of(wants[i])->late = true;
	}
}

/* ---- life ---- */

static void count_unreachable(void *owner, unsigned server)
{
	struct scene *scene = owner;

	assert_true(server < SEEKER_HOSTED_MAX);
	scene->unreachable++;
}

static struct scene *begin(bool hosted_only)
{
	struct scene *scene = calloc(1, sizeof(*scene));
	struct seeker_options options = {
		.outlet = {probe, ask, refuse, late, draw, scene, count_unreachable},
		.seed = 7,
		.hosted_only = hosted_only,
	};
	struct xaddr self = scene_address(0);

	assert_non_null(scene);
	scene->now_ms = 1000;
	scene->chance = 3;
	assert_int_equal(seeker_create(&options, scene->now_ms, &scene->seeker), 0);
	seeker_self(scene->seeker, &self, 1);
	return scene;
}

struct scene *scene_begin(void)
{
	return begin(false);
}

struct scene *scene_begin_hosted_only(void)
{
	return begin(true);
}

void scene_end(struct scene *scene)
{
	for (unsigned i = 0; i < scene->want_count; i++)
		if (scene->wants[i].begun)
			assert_int_not_equal(scene->wants[i].end, SCENE_SOUGHT);
	scene_pass(scene, LATE_MS + 1);
	assert_int_equal(scene->waiting_count, 0);
	seeker_free(scene->seeker);
	free(scene);
}

struct scene_peer *scene_peer(struct scene *scene, unsigned number)
{
	struct scene_peer *peer = &scene->peers[number];

	*peer = (struct scene_peer){
		.there = true, .whole = true, .answer_ms = 20, .exchange_ms = 2};
	return peer;
}

struct scene_peer *scene_hosted(struct scene *scene, unsigned server, unsigned number)
{
	struct scene_peer *peer = scene_peer(scene, number);
	struct xaddr address = scene_address(number);

	peer->there = false;
	peer->question_ms = 2;
	address.port = 80;
	seeker_hosted(scene->seeker, server, &address, 1, scene->now_ms);
	return peer;
}

/* ---- wants ---- */

static unsigned add(struct scene *scene, enum wsd_form form, unsigned stream, unsigned segment,
		    unsigned block, uint64_t place)
{
	struct scene_want *want = &scene->wants[scene->want_count];

	assert_true(scene->want_count < SCENE_WANTS);
	*want = (struct scene_want){0};
	want->want.form = form;
	want->want.id_size = 32;
	scene_name(segment, want->want.id);
	want->want.block = block;
	want->want.blocks = form == WSD_FORM_1 ? 512 : 1;
	want->want.length = BLOCK;
	want->want.stream = stream;
	want->want.place = place * BLOCK;
	return scene->want_count++;
}

unsigned scene_want_2(struct scene *scene, unsigned stream, unsigned first, unsigned count)
{
	unsigned number = scene->want_count;

	for (unsigned i = 0; i < count; i++)
		add(scene, WSD_FORM_2, stream, first + i, 0, first + i);
	return number;
}

unsigned scene_want_1(struct scene *scene, unsigned stream, unsigned segment, unsigned first,
		      unsigned count)
{
	unsigned number = scene->want_count;

	for (unsigned i = 0; i < count; i++)
		add(scene, WSD_FORM_1, stream, 100000 + segment, first + i,
		    segment * 512 + first + i);
	return number;
}

void scene_seek(struct scene *scene, unsigned first, unsigned count)
{
	struct seeker_want **wants = calloc(count, sizeof(*wants));

	for (unsigned i = 0; i < count; i++) {
		wants[i] = &scene->wants[first + i].want;
		scene->wants[first + i].begun = true;
		scene->wants[first + i].end = SCENE_SOUGHT;
		scene->wants[first + i].late = false;
	}
	seeker_seek(scene->seeker, wants, count, scene->now_ms);
	seeker_tick(scene->seeker, scene->now_ms);
	free(wants);
}

unsigned scene_seek_2(struct scene *scene, unsigned stream, unsigned first, unsigned count)
{
	unsigned number = scene_want_2(scene, stream, first, count);

	scene_seek(scene, number, count);
	return number;
}

unsigned scene_seek_1(struct scene *scene, unsigned stream, unsigned segment, unsigned first,
		      unsigned count)
{
	unsigned number = scene_want_1(scene, stream, segment, first, count);

	scene_seek(scene, number, count);
	return number;
}

void scene_drop(struct scene *scene, unsigned want)
{
	if (scene->wants[want].end != SCENE_SOUGHT)
		return;
	seeker_drop(scene->seeker, &scene->wants[want].want, scene->now_ms);
	end(scene, &scene->wants[want].want, SCENE_DROPPED, SEEKER_CAME);
}

/* ---- the others ---- */

static bool holds(const struct scene_peer *peer, unsigned segment, unsigned block)
{
	return peer->has == NULL || peer->has(segment, block);
}

static enum seeker_outcome outcome_of(const struct scene_peer *peer,
				      const struct seeker_exchange *exchange)
{
	static const enum seeker_outcome outcomes[] = {
		[SCENE_GIVES] = SEEKER_GOOD,      [SCENE_SPOILS] = SEEKER_WRONG,
		[SCENE_DENIES] = SEEKER_NOT_HERE, [SCENE_STALLS] = SEEKER_LATE,
		[SCENE_BREAKS] = SEEKER_BROKEN,   [SCENE_MUMBLES] = SEEKER_MALFORMED,
	};

	if (exchange->type == PCCRR_ASK_BLOCK && outcomes[peer->manner] == SEEKER_GOOD &&
	    !holds(peer, segment_of(exchange->segment.octets), exchange->block))
		return SEEKER_NOT_HERE;
	return outcomes[peer->manner];
}

static bool holds_any(const struct scene_peer *peer, unsigned segment)
{
	bool any = false;

	for (unsigned block = 0; block < (segment >= 100000 ? 512 : 1); block++)
		any |= holds(peer, segment, block);
	return any;
}

static void tell_segments(struct scene *scene, struct seeker_exchange *exchange)
{
	struct scene_peer *peer = &scene->peers[number_of(&exchange->server) % SCENE_PEERS];
	uint64_t list[RANGE_SET_WORDS(PCCRR_IDS_MAX)] = {0};
	enum seeker_outcome outcome = peer->talks                    ? peer->questioned
				      : peer->manner == SCENE_STALLS ? SEEKER_LATE
				      : peer->manner == SCENE_BREAKS ? SEEKER_BROKEN
								     : peer->questioned;

	for (unsigned i = 0; i < exchange->id_count; i++)
		if (holds_any(peer, segment_of(exchange->ids[i].octets)))
			range_set_add(list, PCCRR_IDS_MAX, (struct range){i, 1});
	peer->open--;
	seeker_told(scene->seeker, exchange, outcome, list, scene->now_ms);
}

static void tell(struct scene *scene, struct seeker_exchange *exchange)
{
	struct scene_peer *peer = &scene->peers[number_of(&exchange->server) % SCENE_PEERS];
	enum seeker_outcome outcome = outcome_of(peer, exchange);
	struct seeker_want *want = exchange->want;
	uint64_t list[RANGE_SET_WORDS(PCCRR_BLOCKS)] = {0};

	for (unsigned i = 0; exchange->type == PCCRR_ASK_LIST && i < exchange->count; i++)
		if (holds(peer, segment_of(exchange->segment.octets), exchange->first + i))
			range_set_add(list, PCCRR_BLOCKS, (struct range){exchange->first + i, 1});
	peer->busy--;
	if (want != NULL)
		want_of(want)->from = number_of(&exchange->server);
	seeker_told(scene->seeker, exchange, outcome, list, scene->now_ms);
	if (want != NULL && outcome == SEEKER_GOOD)
		end(scene, want, SCENE_CAME, SEEKER_CAME);
}

static bool step_exchanges(struct scene *scene)
{
	for (unsigned i = 0; i < scene->waiting_count; i++) {
		struct scene_waiting waiting = scene->waiting[i];

		if (waiting.at_ms > scene->now_ms)
			continue;
		memmove(scene->waiting + i, scene->waiting + i + 1,
			(--scene->waiting_count - i) * sizeof(waiting));
		if (waiting.exchange->type == PCCRR_ASK_SEGMENTS)
			tell_segments(scene, waiting.exchange);
		else
			tell(scene, waiting.exchange);
		return true;
	}
	return false;
}

void scene_claim(struct scene *scene, unsigned number, unsigned peer)
{
	const struct wsd_probe *message =
		seeker_probe(scene->seeker, scene->probes[number].message_id);
	struct wsd_claim claims[WSD_BATCH_2];
	struct xaddr address = scene_address(peer);
	unsigned count = 0;

	if (message == NULL)
		return;
	for (unsigned i = 0; i < message->count; i++) {
		unsigned held = 0, segment = scene->probes[number].segments[i];
		unsigned blocks = message->form == WSD_FORM_1 ? 512 : 1;
		const struct scene_peer *script = &scene->peers[peer % SCENE_PEERS];

		for (unsigned block = 0; block < blocks; block++)
			held += holds(script, segment, block);
		if (script->whole && held > 0)
			held = blocks;
		if (held > 0)
			claims[count++] = (struct wsd_claim){.segment = (uint8_t)i,
							     .whole = held == blocks,
							     .blocks = (uint16_t)held};
	}
	if (count > 0)
		seeker_answer(scene->seeker, message, &address, &address, 1, claims, count,
			      scene->now_ms);
}

static bool step_probes(struct scene *scene)
{
	while (scene->probe_first < scene->probe_count &&
	       scene->probes[scene->probe_first].at_ms + 2 * SEEKER_COLLECT_MS < scene->now_ms)
		scene->probe_first++;
	for (unsigned i = scene->probe_first; i < scene->probe_count; i++)
		for (unsigned peer = 1; peer < SCENE_PEERS; peer++) {
			if (!scene->peers[peer].there || scene->probes[i].answered[peer] ||
			    scene->probes[i].at_ms + scene->peers[peer].answer_ms > scene->now_ms)
				continue;
			scene->probes[i].answered[peer] = true;
			scene_claim(scene, i, peer);
			return true;
		}
	return false;
}

void scene_pass(struct scene *scene, int64_t ms)
{
	int64_t until_ms = scene->now_ms + ms;

	for (;;) {
		int64_t due_ms;

		while (step_exchanges(scene) || step_probes(scene))
			;
		due_ms = seeker_tick(scene->seeker, scene->now_ms);
		assert_true(due_ms > scene->now_ms);
		if (scene->now_ms == until_ms)
			return;
		scene->now_ms++;
	}
}

void scene_until_ended(struct scene *scene, int64_t most_ms)
{
	int64_t until_ms = scene->now_ms + most_ms;

	for (unsigned i = 0; i < scene->want_count; i++)
		while (scene->wants[i].begun && scene->wants[i].end == SCENE_SOUGHT) {
			assert_true(scene->now_ms < until_ms);
			scene_pass(scene, 1);
		}
}

unsigned scene_count(const struct scene *scene, enum scene_end how)
{
	unsigned count = 0;

	for (unsigned i = 0; i < scene->want_count; i++)
		count += scene->wants[i].begun && scene->wants[i].end == how;
	return count;
}

unsigned scene_refused(const struct scene *scene, enum seeker_reason reason)
{
	unsigned count = 0;

	for (unsigned i = 0; i < scene->want_count; i++)
		count += scene->wants[i].end == SCENE_REFUSED && scene->wants[i].reason == reason;
	return count;
}

void scene_hear_from(struct scene *scene, const struct xaddr *source, const char *message_id,
		     unsigned first, unsigned count)
{
	struct wsd_id ids[WSD_SEGMENTS_MAX] = {0};
	struct wsd_probe message = {WSD_FORM_2, message_id, count, ids};

	for (unsigned i = 0; i < count; i++) {
		ids[i].size = 32;
		scene_name(first + i, ids[i].octets);
	}
	seeker_heard(scene->seeker, &message, source, scene->now_ms);
}

void scene_hear(struct scene *scene, unsigned peer, unsigned first, unsigned count)
{
	struct xaddr source = scene_address(peer);
	char message_id[WSD_UUID_MAX];

	source.port = 50000;
	snprintf(message_id, sizeof(message_id), "urn:uuid:%08x-%08x", scene_draw(scene), peer);
	scene_hear_from(scene, &source, message_id, first, count);
}

struct seeker_counters scene_counters(const struct scene *scene)
{
	struct seeker_counters counters;

	seeker_counters(scene->seeker, &counters);
	return counters;
}

bool scene_has_nothing(unsigned segment, unsigned block)
{
	(void)segment;
	(void)block;
	return false;
}

unsigned scene_seek_urgently(struct scene *scene, unsigned stream, unsigned segment)
{
	unsigned want = scene_want_2(scene, stream, segment, 1);

	scene->wants[want].want.urgent = true;
	scene_seek(scene, want, 1);
	return want;
}

struct seeker_hosted_state scene_hosted_state(const struct scene *scene, unsigned server)
{
	struct seeker_hosted_state known;

	seeker_hosted_state(scene->seeker, server, scene->now_ms, &known);
	return known;
}
