/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The seeker with hosted caches and neighbours at the same time; what is thought of hosted caches;
 * and walks through all of it by lot.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/seeker_scene.h"

enum { HOSTED = 1, NEIGHBOUR = 2, OUT_MS = 60000, SPOILT_MS = 600000 };

/* ---- both sides ---- */

static void it_is_asked_when_the_probe_goes_out_and_who_is_first_gives(void **state)
{
	struct scene *scene = scene_begin();
	unsigned want;

	(void)state;
	scene_hosted(scene, 0, HOSTED)->question_ms = 30;
	scene_peer(scene, NEIGHBOUR)->answer_ms = 20;
	want = scene_seek_urgently(scene, 1, 0);
	assert_int_equal(scene->probe_count, 1);
	assert_int_equal(scene->peers[HOSTED].questions, 1);
	scene_until_ended(scene, 100);
	assert_int_equal(scene->wants[want].from, NEIGHBOUR);
	scene->peers[HOSTED].question_ms = 5;
	want = scene_seek_urgently(scene, 2, 100);
	scene_until_ended(scene, 100);
	assert_int_equal(scene->wants[want].from, HOSTED);
	scene_end(scene);
}

static void at_equal_load_it_comes_first_else_the_least_busy(void **state)
{
	struct scene *scene = scene_begin();
	unsigned want;

	(void)state;
	scene_hosted(scene, 0, HOSTED);
	scene_peer(scene, NEIGHBOUR);
	want = scene_seek_1(scene, 1, 0, 0, 1);
	scene_until_ended(scene, 100);
	scene_pass(scene, 100);
	for (unsigned i = 1; i < 20; i++) {
		want = scene_seek_1(scene, 1, 0, i, 1);
		scene_until_ended(scene, 100);
		assert_int_equal(scene->wants[want].from, HOSTED);
	}
	scene_seek_1(scene, 1, 0, 20, 200);
	scene_until_ended(scene, 1000);
	assert_true(scene->peers[HOSTED].asked > 60);
	assert_true(scene->peers[NEIGHBOUR].asked > 60);
	assert_int_equal(scene_count(scene, SCENE_CAME), 220);
	scene_end(scene);
}

static void what_it_lacks_is_waited_for_as_long_as_a_probe_is_out(void **state)
{
	struct scene *scene = scene_begin();
	unsigned want;

	(void)state;
	scene_hosted(scene, 0, HOSTED)->has = scene_has_nothing;
	want = scene_seek_urgently(scene, 1, 0);
	scene_pass(scene, SEEKER_PATIENCE_MS - 1);
	assert_int_equal(scene->wants[want].end, SCENE_SOUGHT);
	scene_pass(scene, 1);
	assert_int_equal(scene->wants[want].end, SCENE_REFUSED);
	scene_end(scene);
}

static void when_no_neighbour_answers_it_is_still_waited_for(void **state)
{
	struct scene *scene = scene_begin();
	unsigned want;

	(void)state;
	scene_hosted(scene, 0, HOSTED)->question_ms = 200;
	want = scene_seek_urgently(scene, 1, 0);
	scene_until_ended(scene, 300);
	assert_int_equal(scene->wants[want].from, HOSTED);
	assert_int_equal(scene->wants[want].end, SCENE_CAME);
	scene_end(scene);
}

static void one_side_goes_on_when_the_other_fails(void **state)
{
	struct scene *scene = scene_begin();

	(void)state;
	scene_hosted(scene, 0, HOSTED)->manner = SCENE_BREAKS;
	scene_peer(scene, NEIGHBOUR);
	scene_seek_2(scene, 1, 0, 40);
	scene_until_ended(scene, 1000);
	assert_int_equal(scene_count(scene, SCENE_CAME), 40);
	scene_pass(scene, OUT_MS);
	scene->peers[HOSTED].manner = SCENE_GIVES;
	scene->peers[NEIGHBOUR].manner = SCENE_BREAKS;
	scene_seek_2(scene, 2, 100, 40);
	scene_until_ended(scene, 1000);
	assert_int_equal(scene_count(scene, SCENE_CAME), 80);
	scene_end(scene);
}

static void without_neighbours_probes_are_rare_and_nobody_waits_for_them(void **state)
{
	struct scene *scene = scene_begin();
	unsigned want, probes;

	(void)state;
	scene_hosted(scene, 0, HOSTED)->has = scene_has_nothing;
	for (unsigned i = 0; i < 10; i++) {
		scene_seek_urgently(scene, 1, i);
		scene_until_ended(scene, 100);
	}
	assert_int_equal(scene->probe_count, SEEKER_SILENCE);
	assert_false(scene_counters(scene).alone);
	assert_true(seeker_worthwhile(scene->seeker, scene->now_ms));
	scene_pass(scene, 1000);
	probes = scene->probe_count;
	want = scene_seek_urgently(scene, 1, 100);
	assert_int_equal(scene->probe_count, probes + 1);
	scene_pass(scene, 2);
	assert_int_equal(scene->wants[want].end, SCENE_REFUSED);
	/* Somebody answers at last. */
	scene_peer(scene, NEIGHBOUR);
	scene_pass(scene, 1000);
	scene_seek_urgently(scene, 1, 200);
	scene_pass(scene, 30);
	want = scene_seek_urgently(scene, 1, 201);
	scene_until_ended(scene, 100);
	assert_int_equal(scene->wants[want].from, NEIGHBOUR);
	scene_end(scene);
}

static void alone_without_neighbours_and_hosted_caches(void **state)
{
	struct scene *scene = scene_begin();
	unsigned want;

	(void)state;
	scene_hosted(scene, 0, HOSTED)->manner = SCENE_BREAKS;
	for (unsigned i = 0; i < 4; i++) {
		scene_seek_urgently(scene, 1, i);
		scene_until_ended(scene, SEEKER_PATIENCE_MS + 20);
	}
	assert_true(scene_counters(scene).alone);
	want = scene_seek_urgently(scene, 1, 50);
	assert_int_equal(scene->wants[want].reason, SEEKER_ALONE);
	scene_pass(scene, OUT_MS);
	assert_false(scene_counters(scene).alone);
	scene_end(scene);
}

static void a_neighbour_at_its_address_is_another_machine(void **state)
{
	struct scene *scene = scene_begin();
	struct xaddr address = scene_address(HOSTED);
	struct seeker_peer peers[4];

	(void)state;
	/* The scene makes one machine of both, which answers Probes with its port for neighbours.
	 */
	scene_hosted(scene, 0, HOSTED)->there = true;
	scene_seek_1(scene, 1, 0, 0, 200);
	scene_until_ended(scene, 1000);
	assert_int_equal(scene_count(scene, SCENE_CAME), 200);
	assert_int_equal(seeker_peers(scene->seeker, peers, 4, scene->now_ms), 1);
	assert_true(xaddr_same(&peers[0].address, &address));
	assert_true(peers[0].blocks > 0);
	assert_int_equal(peers[0].blocks + scene_hosted_state(scene, 0).peer.blocks, 200);
	assert_int_equal(scene_hosted_state(scene, 0).peer.address.port, 80);
	scene_end(scene);
}

static void a_crowd_decides_what_hosted_caches_lack(void **state)
{
	struct scene *scene = scene_begin();
	unsigned want;

	(void)state;
	scene_hosted(scene, 0, HOSTED)->has = scene_has_nothing;
	scene_hear(scene, 9, 0, 1);
	scene_pass(scene, 200);
	want = scene_seek_urgently(scene, 1, 0);
	scene_pass(scene, 300);
	assert_int_equal(scene->wants[want].end, SCENE_SOUGHT); /* the other one fetches it */
	scene_until_ended(scene, 20000);
	assert_int_equal(scene->peers[HOSTED].asked, 0);
	scene_end(scene);
}

static void no_probe_goes_out_where_there_are_no_neighbours(void **state)
{
	struct scene *scene = scene_begin_hosted_only();
	unsigned want;

	(void)state;
	want = scene_seek_urgently(scene, 1, 0);
	assert_int_equal(scene->wants[want].reason, SEEKER_ALONE);
	scene_hosted(scene, 0, HOSTED)->has = scene_has_nothing;
	for (unsigned i = 0; i < 20; i++) {
		scene_seek_urgently(scene, 1, i);
		scene_pass(scene, 1000);
	}
	assert_int_equal(scene->probe_count, 0);
	scene_end(scene);
}

/* ---- judging ---- */

static void one_wrong_block_spoils_its_segment_for_10_minutes(void **state)
{
	struct scene *scene = scene_begin_hosted_only();
	struct scene_peer *cache = scene_hosted(scene, 0, HOSTED);
	unsigned want;

	(void)state;
	cache->manner = SCENE_SPOILS;
	want = scene_seek_1(scene, 1, 0, 0, 1);
	scene_until_ended(scene, 100);
	assert_int_equal(scene->wants[want].reason, SEEKER_BAD);
	assert_int_equal(cache->asked, 1);
	cache->manner = SCENE_GIVES;
	want = scene_seek_1(scene, 1, 0, 1, 1);
	assert_int_equal(scene->wants[want].end, SCENE_REFUSED);
	want = scene_seek_1(scene, 1, 1, 0, 1); /* another segment */
	scene_until_ended(scene, 100);
	assert_int_equal(scene->wants[want].end, SCENE_CAME);
	scene_pass(scene, SPOILT_MS - 1000);
	want = scene_seek_1(scene, 1, 0, 2, 1);
	assert_int_equal(scene->wants[want].end, SCENE_REFUSED);
	scene_pass(scene, 1000);
	want = scene_seek_1(scene, 1, 0, 3, 1);
	scene_until_ended(scene, 100);
	assert_int_equal(scene->wants[want].end, SCENE_CAME);
	assert_int_equal(scene_hosted_state(scene, 0).peer.bad, 1);
	assert_int_equal(scene_hosted_state(scene, 0).peer.banned_ms, 0);
	scene_end(scene);
}

static void a_wrong_block_is_asked_of_another_holder(void **state)
{
	struct scene *scene = scene_begin_hosted_only();
	unsigned want;

	(void)state;
	scene_hosted(scene, 0, HOSTED)->manner = SCENE_SPOILS;
	scene_hosted(scene, 1, 3);
	want = scene_seek_urgently(scene, 1, 0);
	scene_until_ended(scene, 100);
	assert_int_equal(scene->wants[want].from, 3);
	scene_end(scene);
}

static void wrong(struct scene *scene, unsigned first, unsigned count)
{
	scene->peers[HOSTED].manner = SCENE_SPOILS;
	for (unsigned i = 0; i < count; i++) {
		scene_seek_urgently(scene, 1, first + i);
		scene_until_ended(scene, 100);
	}
	scene->peers[HOSTED].manner = SCENE_GIVES;
}

static void twelve_wrong_segments_of_sixteen_put_it_out_for_a_minute_each_time(void **state)
{
	struct scene *scene = scene_begin_hosted_only();

	(void)state;
	scene_hosted(scene, 0, HOSTED);
	for (unsigned i = 0; i < 3; i++) {
		wrong(scene, i * 100, 11);
		assert_int_equal(scene_hosted_state(scene, 0).peer.banned_ms, 0);
		wrong(scene, i * 100 + 50, 1);
		assert_in_range(scene_hosted_state(scene, 0).peer.banned_ms, OUT_MS - 10, OUT_MS);
		scene_pass(scene, OUT_MS);
		assert_int_equal(scene_hosted_state(scene, 0).peer.banned_ms, 0);
	}
	scene_end(scene);
}

static void good_segments_between_keep_it_in(void **state)
{
	struct scene *scene = scene_begin_hosted_only();

	(void)state;
	scene_hosted(scene, 0, HOSTED);
	for (unsigned i = 0; i < 60; i += 3) {
		wrong(scene, i, 2);
		scene_seek_urgently(scene, 1, i + 2);
		scene_until_ended(scene, 100);
	}
	assert_int_equal(scene_hosted_state(scene, 0).peer.banned_ms, 0);
	assert_int_equal(scene_hosted_state(scene, 0).peer.bad, 40);
	scene_end(scene);
}

static void wrong_blocks_of_one_segment_count_once(void **state)
{
	struct scene *scene = scene_begin_hosted_only();

	(void)state;
	scene_hosted(scene, 0, HOSTED);
	for (unsigned i = 0; i < 20; i++) {
		scene->peers[HOSTED].manner = SCENE_SPOILS;
		scene_seek_1(scene, 1, 0, i, 1);
		scene_until_ended(scene, 100);
		scene_pass(scene, SPOILT_MS);
	}
	assert_int_equal(scene->peers[HOSTED].asked, 20);
	assert_int_equal(scene_hosted_state(scene, 0).peer.banned_ms, 0);
	scene_end(scene);
}

static void three_timeouts_in_a_row_put_it_out(void **state)
{
	struct scene *scene = scene_begin_hosted_only();

	(void)state;
	scene_hosted(scene, 0, HOSTED)->questioned = SEEKER_MALFORMED;
	scene_seek_2(scene, 1, 0, 10);
	scene_until_ended(scene, 200);
	scene->peers[HOSTED].manner = SCENE_STALLS;
	scene_seek_2(scene, 1, 10, 10);
	scene_until_ended(scene, 9000);
	assert_true(scene_hosted_state(scene, 0).peer.banned_ms > 0);
	assert_true(scene_hosted_state(scene, 0).lists); /* perhaps it was not there at all */
	assert_int_equal(scene_count(scene, SCENE_REFUSED), 10);
	scene_end(scene);
}

static void empty_answers_are_not_remembered_for_longer_than_5_s(void **state)
{
	struct scene *scene = scene_begin_hosted_only();
	struct scene_peer *cache = scene_hosted(scene, 0, HOSTED);
	unsigned want;

	(void)state;
	cache->manner = SCENE_DENIES; /* it names them, and gives nothing: full */
	for (unsigned i = 0; i < 6; i++) {
		scene_seek_2(scene, 1, i * 40, 40);
		scene_until_ended(scene, 1000);
		scene_pass(scene, 5001);
	}
	cache->manner = SCENE_GIVES;
	want = scene_seek_urgently(scene, 1, 0);
	scene_until_ended(scene, 100);
	assert_int_equal(scene->wants[want].end, SCENE_CAME);
	scene_end(scene);
}

static void trust_forgets_what_was_thought(void **state)
{
	struct scene *scene = scene_begin_hosted_only();
	unsigned want;

	(void)state;
	scene_hosted(scene, 0, HOSTED)->questioned = SEEKER_MALFORMED;
	wrong(scene, 0, 12);
	assert_true(scene_hosted_state(scene, 0).peer.banned_ms > 0);
	scene->peers[HOSTED].questioned = SEEKER_GOOD;
	seeker_trust(scene->seeker);
	assert_int_equal(scene_hosted_state(scene, 0).peer.banned_ms, 0);
	assert_int_equal(scene_hosted_state(scene, 0).peer.bad, 0);
	assert_true(scene_hosted_state(scene, 0).lists);
	assert_false(scene_counters(scene).alone);
	want = scene_seek_urgently(scene, 1, 0);
	scene_until_ended(scene, 100);
	assert_int_equal(scene->wants[want].end, SCENE_CAME);
	scene_end(scene);
}

/* ---- by lot ---- */

static bool by_lot(unsigned segment, unsigned block)
{
	return (segment * 7 + block * 3) % 5 < 3;
}

static void change(struct scene *scene, unsigned number)
{
	static const enum seeker_outcome questioned[] = {SEEKER_GOOD,   SEEKER_GOOD,
							 SEEKER_GOOD,   SEEKER_MALFORMED,
							 SEEKER_CLOSED, SEEKER_LATE};
	struct scene_peer *peer = &scene->peers[number];

	peer->manner = scene_draw(scene) % 3 == 0 ? (enum scene_manner)(scene_draw(scene) % 5)
						  : SCENE_GIVES;
	peer->questioned = questioned[scene_draw(scene) % 6];
	peer->question_ms = scene_draw(scene) % 300;
	peer->exchange_ms = 1 + scene_draw(scene) % 200;
	peer->has = scene_draw(scene) % 2 == 0 ? by_lot : NULL;
}

/* Server NUMBER is there, at one of its two addresses. */
static void move(struct scene *scene, unsigned number)
{
	struct scene_peer before;
	unsigned at = 1 + number + 6 * (scene_draw(scene) % 2);

	before = scene->peers[at];
	scene_hosted(scene, number, at);
	scene->peers[at].open = before.open;
	scene->peers[at].busy = before.busy;
	change(scene, at);
}

static void step(struct scene *scene)
{
	unsigned stream = 1 + scene_draw(scene) % 4, first;

	switch (scene_draw(scene) % 8) {
	case 0:
		change(scene, 1 + scene_draw(scene) % 6);
		break;
	case 1:
		move(scene, scene_draw(scene) % 3);
		break;
	case 2:
		if (scene_draw(scene) % 4 == 0)
			seeker_hosted(scene->seeker, scene_draw(scene) % 3, NULL, 0, scene->now_ms);
		break;
	case 3:
		if (scene->want_count > 0)
			scene_drop(scene, scene_draw(scene) % scene->want_count);
		break;
	case 4:
		scene_seek_1(scene, stream, scene_draw(scene) % 3, scene_draw(scene) % 400,
			     1 + scene_draw(scene) % 30);
		break;
	default:
		first = scene_want_2(scene, stream, scene_draw(scene) % 500, 5);
		scene->wants[first].want.urgent = scene_draw(scene) % 2 == 0;
		scene_seek(scene, first, 5);
		break;
	}
}

static void walk(uint64_t seed, bool hosted_only, bool stop)
{
	struct scene *scene = hosted_only ? scene_begin_hosted_only() : scene_begin();

	scene->chance = seed;
	for (unsigned i = 4; i <= 6; i++)
		scene_peer(scene, i)->there = !hosted_only;
	while (scene->want_count < SCENE_WANTS - 40 && scene->now_ms < 60000) {
		step(scene);
		scene_pass(scene, scene_draw(scene) % 60);
	}
	if (stop)
		seeker_stop(scene->seeker, scene->now_ms);
	scene_until_ended(scene, 60000);
	scene_end(scene);
}

static void walks_end_well(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 30; seed++)
		walk(seed, seed % 2 == 0, seed % 3 == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_asked_when_the_probe_goes_out_and_who_is_first_gives),
		cmocka_unit_test(at_equal_load_it_comes_first_else_the_least_busy),
		cmocka_unit_test(what_it_lacks_is_waited_for_as_long_as_a_probe_is_out),
		cmocka_unit_test(when_no_neighbour_answers_it_is_still_waited_for),
		cmocka_unit_test(one_side_goes_on_when_the_other_fails),
		cmocka_unit_test(without_neighbours_probes_are_rare_and_nobody_waits_for_them),
		cmocka_unit_test(alone_without_neighbours_and_hosted_caches),
		cmocka_unit_test(a_neighbour_at_its_address_is_another_machine),
		cmocka_unit_test(a_crowd_decides_what_hosted_caches_lack),
		cmocka_unit_test(no_probe_goes_out_where_there_are_no_neighbours),
		cmocka_unit_test(one_wrong_block_spoils_its_segment_for_10_minutes),
		cmocka_unit_test(a_wrong_block_is_asked_of_another_holder),
		cmocka_unit_test(
			twelve_wrong_segments_of_sixteen_put_it_out_for_a_minute_each_time),
		cmocka_unit_test(good_segments_between_keep_it_in),
		cmocka_unit_test(wrong_blocks_of_one_segment_count_once),
		cmocka_unit_test(three_timeouts_in_a_row_put_it_out),
		cmocka_unit_test(empty_answers_are_not_remembered_for_longer_than_5_s),
		cmocka_unit_test(trust_forgets_what_was_thought),
		cmocka_unit_test(walks_end_well),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
