/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The seeker and the addresses of hosted caches: several of one name, and what becomes of it when
 * they fail or change.
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

/* ---- addresses ---- */

/* Server 0 has the addresses of peers 1 to COUNT. */
static void give_addresses(struct scene *scene, unsigned count)
{
	struct xaddr addresses[8];

	for (unsigned i = 0; i < count; i++) {
		scene_peer(scene, 1 + i)->there = false;
		addresses[i] = scene_address(1 + i);
		addresses[i].port = 80;
	}
	seeker_hosted(scene->seeker, 0, addresses, count, scene->now_ms);
}

static void the_next_address_is_used_when_one_fails(void **state)
{
	struct scene *scene = scene_begin_hosted_only();
	unsigned want;

	(void)state;
	give_addresses(scene, 7);
	for (unsigned i = 1; i <= 6; i++)
		scene->peers[i].manner = SCENE_BREAKS;
	want = scene_seek_urgently(scene, 1, 0);
	scene_until_ended(scene, 100);
	assert_int_equal(scene->wants[want].from, 7);
	assert_int_equal(scene_hosted_state(scene, 0).peer.failures, 0);
	assert_int_equal(scene_hosted_state(scene, 0).peer.address.octets[3], 7);
	assert_int_equal(scene->unreachable, 0);
	/* And it stays, until it fails too. */
	scene_seek_urgently(scene, 1, 1);
	scene_until_ended(scene, 100);
	scene->peers[7].manner = SCENE_BREAKS;
	scene->peers[1].manner = SCENE_GIVES;
	scene_seek_2(scene, 1, 2, 8);
	scene_until_ended(scene, 200);
	assert_int_equal(scene_count(scene, SCENE_CAME), 10);
	assert_int_equal(scene->peers[2].questions, 1);
	scene_end(scene);
}

static void a_silent_address_is_left_as_well(void **state)
{
	struct scene *scene = scene_begin_hosted_only();
	unsigned want;

	(void)state;
	give_addresses(scene, 2);
	scene->peers[1].manner = SCENE_STALLS;
	scene_seek_urgently(scene, 1, 0);
	scene_pass(scene, 2010);
	want = scene_seek_urgently(scene, 1, 1);
	scene_until_ended(scene, 100);
	assert_int_equal(scene->wants[want].from, 2);
	assert_true(scene_hosted_state(scene, 0).lists);
	scene_end(scene);
}

static void when_all_addresses_fail_it_is_told_and_out(void **state)
{
	struct scene *scene = scene_begin_hosted_only();
	unsigned want;

	(void)state;
	give_addresses(scene, 2);
	scene->peers[1].manner = scene->peers[2].manner = SCENE_BREAKS;
	for (unsigned i = 0; i < 8; i++) {
		want = scene_seek_urgently(scene, 1, i);
		scene_until_ended(scene, 100);
		assert_int_equal(scene->wants[want].end, SCENE_REFUSED);
	}
	assert_true(scene->unreachable >= 4);
	assert_true(scene_hosted_state(scene, 0).peer.banned_ms > 0);
	assert_true(scene_counters(scene).alone);
	want = scene_seek_urgently(scene, 1, 100);
	assert_int_equal(scene->wants[want].reason, SEEKER_BANNED);
	assert_true(seeker_worthwhile(scene->seeker, scene->now_ms + 1000));
	assert_false(seeker_worthwhile(scene->seeker, scene->now_ms + 1000));
	scene->peers[1].manner = scene->peers[2].manner = SCENE_GIVES;
	scene_pass(scene, 60000);
	assert_false(scene_counters(scene).alone);
	want = scene_seek_urgently(scene, 1, 101);
	scene_until_ended(scene, 100);
	assert_int_equal(scene->wants[want].end, SCENE_CAME);
	scene_end(scene);
}

static void other_addresses_of_its_name_begin_anew(void **state)
{
	struct scene *scene = scene_begin_hosted_only();
	unsigned want;

	(void)state;
	scene_hosted(scene, 0, 1)->manner = SCENE_BREAKS;
	for (unsigned i = 0; i < 4; i++) {
		scene_seek_urgently(scene, 1, i);
		scene_until_ended(scene, 100);
	}
	assert_true(scene_hosted_state(scene, 0).peer.banned_ms > 0);
	scene_hosted(scene, 0, 1)->manner = SCENE_BREAKS; /* the same again is nothing new */
	assert_true(scene_hosted_state(scene, 0).peer.banned_ms > 0);
	scene_hosted(scene, 0, 2);
	assert_int_equal(scene_hosted_state(scene, 0).peer.banned_ms, 0);
	want = scene_seek_urgently(scene, 1, 10);
	scene_until_ended(scene, 100);
	assert_int_equal(scene->wants[want].from, 2);
	scene_end(scene);
}

static void one_that_is_taken_away_is_not_asked(void **state)
{
	struct scene *scene = scene_begin_hosted_only();

	(void)state;
	scene_hosted(scene, 0, 1);
	scene_seek_2(scene, 1, 0, 64);
	scene_pass(scene, 24);
	seeker_hosted(scene->seeker, 0, NULL, 0, scene->now_ms);
	scene_pass(scene, 1);
	assert_int_equal(scene_hosted_state(scene, 0).peer.address.family, 0);
	scene_until_ended(scene, 100);
	assert_true(scene_count(scene, SCENE_REFUSED) > 50);
	assert_true(scene_counters(scene).alone);
	scene_hosted(scene, 0, 1);
	assert_false(scene_counters(scene).alone);
	scene_seek_urgently(scene, 1, 100);
	scene_until_ended(scene, 100);
	assert_int_equal(scene->wants[64].end, SCENE_CAME);
	scene_end(scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_next_address_is_used_when_one_fails),
		cmocka_unit_test(a_silent_address_is_left_as_well),
		cmocka_unit_test(when_all_addresses_fail_it_is_told_and_out),
		cmocka_unit_test(other_addresses_of_its_name_begin_anew),
		cmocka_unit_test(one_that_is_taken_away_is_not_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
