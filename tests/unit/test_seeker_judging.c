/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The seeker: slow ones are overtaken, peers are judged, and strangers do their worst.
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

/* PEER has given segments up to COUNT of stream 1. */
static struct scene *acquainted(unsigned count)
{
	struct scene *scene = scene_begin();

	scene_peer(scene, 1);
	scene_seek_2(scene, 1, 0, count);
	scene_until_ended(scene, 2000);
	assert_int_equal(scene_count(scene, SCENE_CAME), count);
	return scene;
}

static void hurry(struct scene *scene, unsigned first, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		seeker_hurry(scene->seeker, &scene->wants[first + i].want, scene->now_ms);
	scene_pass(scene, 0);
}

static void read_ahead_behind_a_slow_one_is_late_after_a_second(void **state)
{
	struct scene *scene = scene_begin();
	unsigned want;

	(void)state;
	scene_peer(scene, 1)->exchange_ms = 1900;
	want = scene_seek_2(scene, 1, 0, 1);
	scene_pass(scene, 40 + SEEKER_SLOW_MS + SEEKER_CROWD_MS - 10);
	assert_false(scene->wants[want].late);
	scene_pass(scene, 120);
	assert_true(scene->wants[want].late);
	scene_until_ended(scene, 2000);
	assert_int_equal(scene->wants[want].end, SCENE_CAME);
	scene_end(scene);
}

static struct seeker_peer describe(const struct scene *scene, unsigned number)
{
	struct seeker_peer peers[SCENE_PEERS];
	struct xaddr address = scene_address(number);
	unsigned count = seeker_peers(scene->seeker, peers, SCENE_PEERS, scene->now_ms);

	for (unsigned i = 0; i < count; i++)
		if (xaddr_same(&peers[i].address, &address))
			return peers[i];
	fail();
	return peers[0];
}

static void a_slow_exchange_is_overtaken_by_another_peer(void **state)
{
	struct scene *scene = scene_begin();
	unsigned want;

	(void)state;
	scene_peer(scene, 1)->manner = SCENE_STALLS;
	scene->peers[1].answer_ms = 10;
	scene_peer(scene, 2)->answer_ms = 30;
	want = scene_seek_2(scene, 1, 0, 1);
	scene_until_ended(scene, 400);
	assert_int_equal(scene->wants[want].end, SCENE_CAME);
	assert_int_equal(scene->wants[want].from, 2);
	assert_in_range(scene->wants[want].ended_ms, 1030 + SEEKER_SLOW_MS, 1060 + SEEKER_SLOW_MS);
	assert_false(scene->wants[want].late);
	assert_int_equal(scene_counters(scene).overtaken, 1);
	scene_end(scene);
}

static void where_nobody_else_has_it_the_owner_is_told_and_the_late_one_may_win(void **state)
{
	struct scene *scene = scene_begin();
	unsigned want;

	(void)state;
	scene_peer(scene, 1)->exchange_ms = 500;
	want = scene_seek_2(scene, 1, 0, 1);
	hurry(scene, want, 1);
	scene_pass(scene, 20 + 20 + SEEKER_SLOW_MS);
	assert_true(scene->wants[want].late);
	assert_int_equal(scene->wants[want].end, SCENE_SOUGHT);
	scene_until_ended(scene, 1000);
	assert_int_equal(scene->wants[want].end, SCENE_CAME);
	assert_int_equal(scene->lates, 1);
	scene_end(scene);
}

static void when_both_are_slow_the_owner_is_told(void **state)
{
	struct scene *scene = scene_begin();
	unsigned want;

	(void)state;
	scene_peer(scene, 1)->manner = SCENE_STALLS;
	scene_peer(scene, 2)->manner = SCENE_STALLS;
	want = scene_seek_2(scene, 1, 0, 1);
	hurry(scene, want, 1);
	scene_pass(scene, 40 + 2 * SEEKER_SLOW_MS + 10);
	assert_true(scene->wants[want].late);
	assert_int_equal(scene->peers[1].asked + scene->peers[2].asked, 2);
	scene_until_ended(scene, 5000);
	assert_int_equal(scene->wants[want].reason, SEEKER_TIMEOUT);
	scene_end(scene);
}

static bool never(unsigned segment, unsigned block)
{
	(void)segment;
	(void)block;
	return false;
}

static void who_asks_again_for_what_was_late_is_told_so(void **state)
{
	struct scene *scene = scene_begin();
	unsigned want;

	(void)state;
	scene_peer(scene, 1)->manner = SCENE_STALLS;
	want = scene_seek_2(scene, 1, 0, 1);
	scene_until_ended(scene, 5000);
	assert_int_equal(scene->wants[want].reason, SEEKER_TIMEOUT);
	want = scene_seek_2(scene, 1, 0, 1);
	scene_until_ended(scene, 1000);
	assert_int_equal(scene->wants[want].reason, SEEKER_TIMEOUT);
	/* What nobody ever said to have is nobody's. */
	scene->peers[1].has = never;
	want = scene_seek_2(scene, 1, 1, 1);
	scene_until_ended(scene, 1000);
	assert_int_equal(scene->wants[want].reason, SEEKER_NO_ANSWER);
	scene_end(scene);
}

static void what_waits_behind_a_stalled_peer_is_late_too(void **state)
{
	struct scene *scene = acquainted(32);
	unsigned want;

	(void)state;
	scene->peers[1].manner = SCENE_STALLS;
	want = scene_seek_2(scene, 1, 32, 64);
	scene_pass(scene, SEEKER_SLOW_MS + 200);
	assert_int_equal(scene->lates, 0); /* nobody waits for it */
	hurry(scene, want, 64);
	for (unsigned i = 0; i < 64; i++)
		assert_true(scene->wants[want + i].late ||
			    scene->wants[want + i].end == SCENE_REFUSED);
	scene_until_ended(scene, 6000);
	scene_end(scene);
}

static void a_machine_that_gets_busy_is_followed_not_abandoned(void **state)
{
	struct scene *scene = acquainted(64);

	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		scene->peers[1].exchange_ms = 20 + i * 15;
		scene_seek_2(scene, 1, 64 + i * 16, 16);
		scene_until_ended(scene, 5000);
	}
	assert_int_equal(scene_count(scene, SCENE_CAME), 64 + 320);
	assert_int_equal(scene->lates, 0);
	scene_end(scene);
}

static void a_bad_block_is_never_asked_of_the_same_one_again(void **state)
{
	struct scene *scene = scene_begin();
	unsigned want;

	(void)state;
	scene_peer(scene, 1)->manner = SCENE_SPOILS;
	want = scene_seek_2(scene, 1, 0, 1);
	scene_until_ended(scene, 1000);
	assert_int_equal(scene->wants[want].reason, SEEKER_BAD);
	for (unsigned i = 0; i < 20; i++) {
		scene_seek_2(scene, 1, 0, 1);
		scene_until_ended(scene, 1000);
		scene_pass(scene, 1000);
	}
	assert_int_equal(scene->peers[1].asked_of[0], 1);
	assert_int_equal(describe(scene, 1).bad, 1);
	scene_end(scene);
}

static void a_bad_block_comes_from_another(void **state)
{
	struct scene *scene = scene_begin();

	(void)state;
	scene_peer(scene, 1)->manner = SCENE_SPOILS;
	scene_peer(scene, 2);
	scene_seek_2(scene, 1, 0, 64);
	scene_until_ended(scene, 2000);
	assert_int_equal(scene_count(scene, SCENE_CAME), 64);
	assert_int_equal(scene->peers[1].asked, 4);
	assert_in_range(describe(scene, 1).banned_ms, 50000, 60000);
	scene_end(scene);
}

static void out_for_a_minute_then_for_two(void **state)
{
	struct scene *scene = scene_begin();

	(void)state;
	scene_peer(scene, 1)->manner = SCENE_BREAKS;
	scene_seek_2(scene, 1, 0, 16);
	scene_until_ended(scene, 2000);
	assert_int_equal(scene->peers[1].asked, 4);
	scene_pass(scene, 30000);
	scene_seek_2(scene, 1, 100, 16);
	scene_until_ended(scene, 2000);
	assert_int_equal(scene->peers[1].asked, 4);
	assert_true(scene_refused(scene, SEEKER_BANNED) >= 16);
	scene_pass(scene, 31000);
	scene_seek_2(scene, 1, 200, 16);
	scene_until_ended(scene, 2000);
	assert_int_equal(scene->peers[1].asked, 8);
	assert_in_range(describe(scene, 1).banned_ms, 110000, 120000);
	scene_end(scene);
}

static void an_hour_of_being_out_forgets_nothing(void **state)
{
	struct scene *scene = scene_begin();

	(void)state;
	scene_peer(scene, 1)->manner = SCENE_BREAKS;
	for (unsigned i = 0; i < 9; i++) {
		scene_seek_2(scene, 1, i * 100, 16);
		scene_until_ended(scene, 2000);
		scene_pass(scene, i < 8 ? describe(scene, 1).banned_ms + 1 : 1);
	}
	assert_in_range(describe(scene, 1).banned_ms, 59 * 60000, 60 * 60000);
	scene_end(scene);
}

static void three_timeouts_in_a_row_put_out_even_a_good_one(void **state)
{
	struct scene *scene = acquainted(64);

	(void)state;
	scene->peers[1].manner = SCENE_STALLS;
	scene_seek_2(scene, 1, 64, 64);
	scene_until_ended(scene, 5000);
	assert_true(describe(scene, 1).banned_ms > 0);
	assert_in_range(describe(scene, 1).failures, 3, 8);
	scene_end(scene);
}

static void one_that_fails_now_and_then_is_kept(void **state)
{
	struct scene *scene = acquainted(16);

	(void)state;
	for (unsigned i = 0; i < 64; i++) {
		scene->peers[1].manner = i % 3 == 0 ? SCENE_SPOILS : SCENE_GIVES;
		scene_seek_2(scene, 1, 16 + i, 1);
		scene_until_ended(scene, 1000);
	}
	assert_int_equal(describe(scene, 1).banned_ms, 0);
	assert_int_equal(describe(scene, 1).bad, 22);
	assert_int_equal(scene_count(scene, SCENE_CAME), 16 + 42);
	scene_end(scene);
}

static void twelve_of_sixteen_put_it_out(void **state)
{
	struct scene *scene = acquainted(16);
	unsigned bad = 0;

	(void)state;
	scene->peers[1].manner = SCENE_SPOILS;
	for (unsigned i = 0; i < 32 && describe(scene, 1).banned_ms == 0; i++, bad++) {
		scene_seek_2(scene, 1, 16 + i, 1);
		scene_until_ended(scene, 1000);
	}
	assert_int_equal(bad, 12);
	scene_end(scene);
}

static void trust_forgets_all_judgements(void **state)
{
	struct scene *scene = scene_begin();

	(void)state;
	scene_peer(scene, 1)->manner = SCENE_BREAKS;
	scene_seek_2(scene, 1, 0, 16);
	scene_until_ended(scene, 2000);
	assert_true(describe(scene, 1).banned_ms > 0);
	seeker_trust(scene->seeker);
	assert_int_equal(describe(scene, 1).banned_ms, 0);
	scene->peers[1].manner = SCENE_GIVES;
	scene_pass(scene, 1000);
	scene_seek_2(scene, 1, 100, 16);
	scene_until_ended(scene, 2000);
	assert_int_equal(scene_count(scene, SCENE_CAME), 16);
	scene_end(scene);
}

static void places_are_halved_by_a_reset(void **state)
{
	struct scene *scene = acquainted(64);

	(void)state;
	assert_int_equal(describe(scene, 1).places, 8);
	scene->peers[1].manner = SCENE_BREAKS;
	scene_seek_2(scene, 1, 64, 1);
	scene_until_ended(scene, 1000);
	assert_int_equal(describe(scene, 1).places, 4);
	scene_end(scene);
}

static void who_claims_all_and_gives_nothing_is_soon_not_believed(void **state)
{
	struct scene *scene = scene_begin();

	(void)state;
	scene_peer(scene, 1)->manner = SCENE_DENIES;
	scene_seek_2(scene, 1, 0, 256);
	scene_until_ended(scene, 2000);
	assert_in_range(scene->peers[1].asked, 1, 8);
	assert_int_equal(scene_count(scene, SCENE_REFUSED), 256);
	assert_int_equal(describe(scene, 1).failures, 0);
	assert_true(scene->now_ms < 1500);
	scene_end(scene);
}

static bool below_500(unsigned segment, unsigned block)
{
	(void)segment;
	return block < 500;
}

static void a_list_that_lies_costs_little(void **state)
{
	struct scene *scene = scene_begin();

	(void)state;
	scene_peer(scene, 1)->whole = false;
	scene->peers[1].has = below_500;
	scene->peers[1].manner = SCENE_GIVES;
	scene_seek_1(scene, 1, 0, 0, 16);
	scene_pass(scene, 23);
	scene->peers[1].manner = SCENE_DENIES;
	scene_until_ended(scene, 2000);
	assert_in_range(scene->peers[1].asked, 1, 8);
	scene_end(scene);
}

static void full_servers_are_not_taken_for_liars(void **state)
{
	struct scene *scene = acquainted(64);
	unsigned want;

	(void)state;
	scene->peers[1].manner = SCENE_DENIES;
	want = scene_seek_2(scene, 1, 64, 8);
	scene_pass(scene, 150);
	scene->peers[1].manner = SCENE_GIVES;
	scene_until_ended(scene, 2000);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(scene->wants[want + i].end, SCENE_CAME);
	scene_end(scene);
}

static void nothing_is_asked_twice_within_100_ms(void **state)
{
	struct scene *scene = acquainted(16);

	(void)state;
	scene->peers[1].manner = SCENE_DENIES;
	for (unsigned i = 0; i < 30; i++) {
		scene_seek_2(scene, 1, 100, 1);
		scene_pass(scene, 10);
		scene_drop(scene, scene->want_count - 1);
	}
	assert_in_range(scene->peers[1].asked_of[100], 1, 4);
	scene_end(scene);
}

/* Claims of thousands of machines that are not there. */
static void thousands_of_forged_servers(void **state)
{
	struct scene *scene = acquainted(64);
	unsigned want;

	(void)state;
	for (unsigned i = 2; i < SCENE_PEERS; i++) {
		scene_peer(scene, i)->manner = SCENE_BREAKS;
		scene->peers[i].there = false;
	}
	want = scene_want_2(scene, 2, 1000, 32);
	scene->wants[want].want.urgent = true;
	scene_seek(scene, want, 32);
	for (unsigned k = 0; k < scene->probe_count; k++)
		for (unsigned i = 0; i < 5000; i++)
			if (i % SCENE_PEERS > 1)
				scene_claim(scene, k, i);
	scene_until_ended(scene, 1000);
	/* The good one is not forgotten, and neither waited for nor asked in vain for long. */
	assert_int_equal(describe(scene, 1).blocks >= 64, true);
	assert_true(scene->asked < 64 + 32 * 6);
	scene_seek_2(scene, 1, 64, 16);
	scene_until_ended(scene, 1000);
	assert_int_equal(scene_count(scene, SCENE_CAME) >= 64 + 16, true);
	scene_end(scene);
}

static void forged_stallers_do_not_hold_a_reader_for_long(void **state)
{
	struct scene *scene = scene_begin();
	unsigned want;

	(void)state;
	for (unsigned i = 1; i < SCENE_PEERS; i++)
		scene_peer(scene, i)->manner = SCENE_STALLS;
	want = scene_want_2(scene, 2, 1000, 32);
	scene->wants[want].want.urgent = true;
	scene_seek(scene, want, 32);
	hurry(scene, want, 32);
	scene_pass(scene, 40 + 3 * SEEKER_SLOW_MS);
	for (unsigned i = 0; i < 32; i++)
		assert_true(scene->wants[want + i].late ||
			    scene->wants[want + i].end == SCENE_REFUSED);
	scene_until_ended(scene, 20000);
	scene_end(scene);
}

static void a_flood_of_probes_pushes_out_nothing_of_ours(void **state)
{
	struct scene *scene = scene_begin();

	(void)state;
	scene_peer(scene, 1);
	scene_seek_2(scene, 1, 0, 16);
	scene_until_ended(scene, 1000);
	for (unsigned i = 0; i < 20000; i++)
		scene_hear(scene, i, 5000 + i * 16, 16);
	scene_seek_2(scene, 2, 0, 16);
	scene_until_ended(scene, 100);
	assert_int_equal(scene_count(scene, SCENE_CAME), 32);
	assert_int_equal(scene->probe_count, 1);
	scene_end(scene);
}

static void claims_beyond_the_probe_are_passed_over(void **state)
{
	struct scene *scene = scene_begin();
	struct wsd_claim claims[] = {{.segment = 255, .whole = true},
				     {.segment = 1, .whole = true}};
	struct xaddr address = scene_address(3);
	const struct wsd_probe *message;

	(void)state;
	scene_seek_2(scene, 1, 0, 16);
	message = seeker_probe(scene->seeker, scene->probes[0].message_id);
	seeker_answer(scene->seeker, message, &address, &address, 1, claims, 2, scene->now_ms);
	assert_int_equal(scene_counters(scene).answers, 1);
	scene_until_ended(scene, 3000);
	scene_end(scene);
}

static void one_machine_of_two_addresses_is_asked_by_the_first_that_is_not_out(void **state)
{
	struct scene *scene = scene_begin();
	struct xaddr addresses[2] = {scene_address(1), scene_address(2)};
	struct wsd_claim claim = {.segment = 0, .whole = true};

	(void)state;
	scene_peer(scene, 1)->manner = SCENE_BREAKS;
	scene_peer(scene, 2);
	scene->peers[2].there = false;
	scene_seek_2(scene, 1, 0, 16);
	scene_until_ended(scene, 2000);
	assert_int_equal(scene->peers[1].asked, 4);
	scene->peers[1].there = false;
	scene_seek_2(scene, 2, 100, 1);
	scene_pass(scene, 20);
	seeker_answer(scene->seeker,
		      seeker_probe(scene->seeker, scene->probes[scene->probe_count - 1].message_id),
		      &addresses[0], addresses, 2, &claim, 1, scene->now_ms);
	scene_until_ended(scene, 1000);
	assert_int_equal(scene->peers[2].asked, 1);
	scene_end(scene);
}

static void a_liar_beside_a_giver_costs_no_block(void **state)
{
	struct scene *scene = scene_begin();

	(void)state;
	scene_peer(scene, 1)->manner = SCENE_DENIES;
	scene_peer(scene, 2);
	scene_peer(scene, 3)->has = never;
	scene_seek_2(scene, 1, 0, 256);
	scene_until_ended(scene, 3000);
	assert_int_equal(scene_count(scene, SCENE_CAME), 256);
	scene_end(scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(read_ahead_behind_a_slow_one_is_late_after_a_second),
		cmocka_unit_test(a_slow_exchange_is_overtaken_by_another_peer),
		cmocka_unit_test(
			where_nobody_else_has_it_the_owner_is_told_and_the_late_one_may_win),
		cmocka_unit_test(when_both_are_slow_the_owner_is_told),
		cmocka_unit_test(who_asks_again_for_what_was_late_is_told_so),
		cmocka_unit_test(what_waits_behind_a_stalled_peer_is_late_too),
		cmocka_unit_test(a_machine_that_gets_busy_is_followed_not_abandoned),
		cmocka_unit_test(a_bad_block_is_never_asked_of_the_same_one_again),
		cmocka_unit_test(a_bad_block_comes_from_another),
		cmocka_unit_test(out_for_a_minute_then_for_two),
		cmocka_unit_test(an_hour_of_being_out_forgets_nothing),
		cmocka_unit_test(three_timeouts_in_a_row_put_out_even_a_good_one),
		cmocka_unit_test(one_that_fails_now_and_then_is_kept),
		cmocka_unit_test(twelve_of_sixteen_put_it_out),
		cmocka_unit_test(trust_forgets_all_judgements),
		cmocka_unit_test(places_are_halved_by_a_reset),
		cmocka_unit_test(who_claims_all_and_gives_nothing_is_soon_not_believed),
		cmocka_unit_test(a_list_that_lies_costs_little),
		cmocka_unit_test(full_servers_are_not_taken_for_liars),
		cmocka_unit_test(nothing_is_asked_twice_within_100_ms),
		cmocka_unit_test(thousands_of_forged_servers),
		cmocka_unit_test(forged_stallers_do_not_hold_a_reader_for_long),
		cmocka_unit_test(a_flood_of_probes_pushes_out_nothing_of_ours),
		cmocka_unit_test(claims_beyond_the_probe_are_passed_over),
		cmocka_unit_test(
			one_machine_of_two_addresses_is_asked_by_the_first_that_is_not_out),
		cmocka_unit_test(a_liar_beside_a_giver_costs_no_block),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
