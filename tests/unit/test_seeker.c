/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The seeker: discovery, aloneness, choice of whom to ask, and what is refused together.
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

static void wants_that_come_together_share_a_probe(void **state)
{
	struct scene *scene = scene_begin();

	(void)state;
	scene_peer(scene, 1);
	scene_seek_2(scene, 1, 0, 40);
	scene_pass(scene, 19);
	assert_int_equal(scene->probe_count, 2);
	assert_int_equal(scene->probes[0].count, WSD_BATCH_2);
	scene_pass(scene, 1);
	assert_int_equal(scene->probe_count, 3);
	assert_int_equal(scene->probes[2].count, 8);
	scene_until_ended(scene, 1000);
	assert_int_equal(scene_count(scene, SCENE_CAME), 40);
	assert_int_equal(scene->asked, 40);
	scene_end(scene);
}

static void an_urgent_want_does_not_wait_for_company(void **state)
{
	struct scene *scene = scene_begin();
	unsigned want = scene_want_2(scene, 1, 0, 1);

	(void)state;
	scene->wants[want].want.urgent = true;
	scene_seek(scene, want, 1);
	assert_int_equal(scene->probe_count, 1);
	want = scene_seek_2(scene, 1, 1, 1);
	assert_int_equal(scene->probe_count, 1);
	seeker_hurry(scene->seeker, &scene->wants[want].want, scene->now_ms);
	assert_int_equal(scene->probe_count, 2);
	scene_until_ended(scene, 200);
	scene_end(scene);
}

static void a_segment_that_is_looked_for_is_joined(void **state)
{
	struct scene *scene = scene_begin();

	(void)state;
	scene_peer(scene, 1)->answer_ms = 60;
	scene_seek_2(scene, 1, 0, 16);
	scene_pass(scene, 10);
	scene_seek_2(scene, 2, 0, 16);
	scene_until_ended(scene, 1000);
	assert_int_equal(scene->probe_count, 1);
	assert_int_equal(scene_count(scene, SCENE_CAME), 32);
	scene_end(scene);
}

static void answers_are_used_as_they_come(void **state)
{
	struct scene *scene = scene_begin();
	unsigned want;

	(void)state;
	scene_peer(scene, 1)->answer_ms = 5;
	want = scene_want_2(scene, 1, 0, 1);
	scene->wants[want].want.urgent = true;
	scene_seek(scene, want, 1);
	scene_pass(scene, 8);
	assert_int_equal(scene->wants[want].end, SCENE_CAME);
	assert_int_equal(scene->wants[want].ended_ms, 1007);
	scene_end(scene);
}

static void nobody_answers_and_patience_ends(void **state)
{
	struct scene *scene = scene_begin();

	(void)state;
	scene_seek_2(scene, 1, 0, 16);
	scene_pass(scene, SEEKER_PATIENCE_MS - 1);
	assert_int_equal(scene_count(scene, SCENE_SOUGHT), 16);
	scene_pass(scene, 1);
	assert_int_equal(scene_refused(scene, SEEKER_NO_ANSWER), 16);
	assert_int_equal(scene->refusals, 1); /* neighbours together */
	scene_end(scene);
}

static void who_answers_after_patience_is_still_found(void **state)
{
	struct scene *scene = scene_begin();

	(void)state;
	scene_peer(scene, 1)->answer_ms = 200;
	scene_seek_2(scene, 1, 0, 16);
	scene_pass(scene, 250);
	assert_int_equal(scene_refused(scene, SEEKER_NO_ANSWER), 16);
	scene_seek_2(scene, 1, 0, 16);
	scene_until_ended(scene, 100);
	assert_int_equal(scene_count(scene, SCENE_CAME), 16);
	assert_int_equal(scene->probe_count, 1);
	scene_end(scene);
}

static void an_answer_after_the_request_timer_is_none(void **state)
{
	struct scene *scene = scene_begin();

	(void)state;
	scene_peer(scene, 1)->answer_ms = SEEKER_COLLECT_MS + 1;
	scene_seek_2(scene, 1, 0, 16);
	scene_pass(scene, SEEKER_COLLECT_MS + 100);
	assert_int_equal(scene_counters(scene).answers, 0);
	assert_null(seeker_probe(scene->seeker, scene->probes[0].message_id));
	assert_true(seeker_is_ours(scene->seeker, scene->probes[0].message_id));
	scene_end(scene);
}

static void nobody_is_known_for_15_s_to_have_it(void **state)
{
	struct scene *scene = scene_begin();

	(void)state;
	scene_hear(scene, 9, 1000, 1); /* somebody is there, so we are not alone */
	scene_seek_2(scene, 1, 0, 16);
	scene_until_ended(scene, 100);
	scene_pass(scene, 10000);
	scene_seek_2(scene, 1, 0, 16);
	assert_int_equal(scene_refused(scene, SEEKER_NO_ANSWER), 32);
	assert_int_equal(scene->probe_count, 1);
	scene_pass(scene, 5000);
	scene_seek_2(scene, 1, 0, 16);
	scene_until_ended(scene, 200);
	assert_int_equal(scene->probe_count, 2);
	scene_end(scene);
}

static void alone_after_two_silent_probes(void **state)
{
	struct scene *scene = scene_begin();

	(void)state;
	assert_true(seeker_worthwhile(scene->seeker, scene->now_ms));
	scene_seek_2(scene, 1, 0, 16);
	scene_until_ended(scene, 100);
	assert_false(scene_counters(scene).alone);
	scene_seek_2(scene, 1, 16, 16);
	scene_until_ended(scene, 100);
	assert_true(scene_counters(scene).alone);
	assert_false(seeker_worthwhile(scene->seeker, scene->now_ms + 999));
	assert_true(seeker_worthwhile(scene->seeker, scene->now_ms + 1000));
	assert_false(seeker_worthwhile(scene->seeker, scene->now_ms + 1001));
	scene_seek_2(scene, 1, 32, 100);
	assert_int_equal(scene_refused(scene, SEEKER_ALONE), 100); /* at once */
	assert_int_equal(scene->probe_count, 2);
	scene_end(scene);
}

static struct scene *alone(void)
{
	struct scene *scene = scene_begin();

	scene_seek_2(scene, 1, 0, 32);
	scene_until_ended(scene, 100);
	assert_true(scene_counters(scene).alone);
	return scene;
}

static void one_probe_a_second_goes_out_while_alone(void **state)
{
	struct scene *scene = alone();
	unsigned before = scene->probe_count;

	(void)state;
	for (unsigned i = 0; i < 30; i++) {
		scene_pass(scene, 100);
		scene_seek_2(scene, 1, 100 + i * 8, 8);
	}
	assert_int_equal(scene_refused(scene, SEEKER_ALONE), 240);
	assert_int_equal(scene->probe_count - before, 3);
	scene_end(scene);
}

static void an_answer_ends_aloneness(void **state)
{
	struct scene *scene = alone();

	(void)state;
	scene_pass(scene, 1000);
	scene_peer(scene, 1);
	scene_seek_2(scene, 1, 100, 8);
	assert_int_equal(scene_refused(scene, SEEKER_ALONE), 8);
	scene_pass(scene, 30);
	assert_false(scene_counters(scene).alone);
	scene_seek_2(scene, 1, 100, 8);
	scene_until_ended(scene, 100);
	assert_int_equal(scene_count(scene, SCENE_CAME), 8);
	scene_end(scene);
}

static void a_probe_that_is_heard_ends_aloneness(void **state)
{
	struct scene *scene = alone();

	(void)state;
	scene_hear(scene, 5, 7777, 1);
	assert_false(scene_counters(scene).alone);
	assert_true(seeker_worthwhile(scene->seeker, scene->now_ms));
	scene_end(scene);
}

/* Who answers later than patience lasts is a neighbour all the same. */
static void who_answered_lately_keeps_us_company(void **state)
{
	struct scene *scene = alone();
	struct scene_peer *peer = scene_peer(scene, 1);

	(void)state;
	peer->there = true;
	scene_pass(scene, 1000);
	scene_seek_2(scene, 1, 100, 8);
	scene_pass(scene, 30);
	assert_false(scene_counters(scene).alone);
	peer->there = false;
	for (unsigned i = 0; i < 4; i++) {
		scene_seek_2(scene, 1, 200 + i * 16, 16);
		scene_pass(scene, 400);
	}
	assert_false(scene_counters(scene).alone);
	scene_pass(scene, 60000);
	for (unsigned i = 0; i < 2; i++) {
		scene_seek_2(scene, 1, 300 + i * 16, 16);
		scene_pass(scene, 400);
	}
	assert_true(scene_counters(scene).alone);
	scene_end(scene);
}

static void our_own_probe_heard_again_does_not(void **state)
{
	struct scene *scene = alone();
	struct xaddr self = scene_address(0);

	(void)state;
	scene_hear_from(scene, &self, scene->probes[0].message_id, 0, 1);
	assert_true(scene_counters(scene).alone);
	scene_end(scene);
}

static void who_gave_a_stream_is_asked_for_what_follows_without_a_probe(void **state)
{
	struct scene *scene = scene_begin();
	unsigned want;

	(void)state;
	scene_peer(scene, 1);
	scene_seek_2(scene, 1, 0, 16);
	scene_until_ended(scene, 200);
	want = scene_want_2(scene, 1, 16, 1);
	scene->wants[want].want.urgent = true;
	scene_seek(scene, want, 1);
	scene_pass(scene, 2);
	assert_int_equal(scene->wants[want].end, SCENE_CAME);
	assert_int_equal(scene->probe_count, 1);
	scene_end(scene);
}

/* More machines than a segment's list has room for: who gives the stream though others have taken
 * his room, and they, must not push each other out for ever. */
static void more_givers_than_a_list_has_room_for(void **state)
{
	struct scene *scene = scene_begin();

	(void)state;
	for (unsigned i = 1; i <= 40; i++) {
		scene_peer(scene, i)->answer_ms = i;
		scene->peers[i].exchange_ms = 20 + i;
	}
	scene_seek_1(scene, 1, 0, 0, 512);
	scene_pass(scene, 70);
	for (unsigned i = 1; i <= 40; i++) /* the Probe's second copy is answered as well */
		scene_claim(scene, 0, i);
	scene_until_ended(scene, 10000);
	assert_int_equal(scene_count(scene, SCENE_CAME), 512);
	scene_end(scene);
}

/* One machine of two addresses: what it would be asked for blindly is looked for anew. */
static void who_is_asked_elsewhere_from_now_on_is_no_supplier(void **state)
{
	struct scene *scene = scene_begin();
	struct xaddr address = scene_address(1);
	unsigned want;

	(void)state;
	scene_peer(scene, 1);
	scene_seek_2(scene, 1, 0, 16);
	scene_until_ended(scene, 200);
	seeker_retire(scene->seeker, &address, scene->now_ms);
	want = scene_want_2(scene, 1, 16, 1);
	scene->wants[want].want.urgent = true;
	scene_seek(scene, want, 1);
	scene_pass(scene, 2);
	assert_int_equal(scene->wants[want].end, SCENE_SOUGHT);
	assert_int_equal(scene->probe_count, 2);
	scene_until_ended(scene, 1000);
	scene_end(scene);
}

/* Strangers ask in whatever form (iPXE in version 1 for all). */
static void the_form_is_that_of_our_content_information(void **state)
{
	struct scene *scene = scene_begin();
	struct xaddr source = scene_address(9);
	struct wsd_id id = {.size = 32};
	struct wsd_probe probe = {.form = WSD_FORM_1,
				  .message_id = "urn:uuid:00000000-0000-4000-8000-00000000ffff",
				  .count = 1,
				  .ids = &id};

	(void)state;
	scene_name(0, id.octets);
	seeker_heard(scene->seeker, &probe, &source, scene->now_ms);
	scene_peer(scene, 1);
	scene_seek_2(scene, 1, 0, 1);
	scene_until_ended(scene, 3000);
	assert_true(scene->probe_count > 0);
	assert_int_equal(seeker_probe(scene->seeker, scene->probes[0].message_id)->form,
			 WSD_FORM_2);
	scene_end(scene);
}

static void some_probes_go_out_all_the_same(void **state)
{
	struct scene *scene = scene_begin();

	(void)state;
	scene_peer(scene, 1);
	scene_seek_2(scene, 1, 0, 16);
	scene_until_ended(scene, 200);
	for (unsigned i = 1; i < 100; i++) {
		scene_seek_2(scene, 1, i * 16, 16);
		scene_pass(scene, 20);
	}
	assert_int_equal(scene_count(scene, SCENE_CAME), 1600);
	/* 2 s: a few each second. */
	assert_in_range(scene->probe_count, 3, 10);
	scene_end(scene);
}

static bool first_sixteen(unsigned segment, unsigned block)
{
	(void)block;
	return segment < 16;
}

static void a_wrong_guess_leads_to_a_probe(void **state)
{
	struct scene *scene = scene_begin();

	(void)state;
	scene_peer(scene, 1)->has = first_sixteen;
	scene_peer(scene, 2);
	scene->peers[2].there = false;
	scene_seek_2(scene, 1, 0, 16);
	scene_until_ended(scene, 200);
	scene->peers[2].there = true;
	scene_seek_2(scene, 1, 16, 100);
	scene_until_ended(scene, 300);
	assert_int_equal(scene_count(scene, SCENE_CAME), 116);
	/* Not for each of them blindly. */
	assert_in_range(scene->peers[1].asked, 17, 16 + 8);
	scene_end(scene);
}

static void blocks_are_spread_over_those_who_have_them(void **state)
{
	struct scene *scene = scene_begin();

	(void)state;
	for (unsigned i = 1; i <= 4; i++)
		scene_peer(scene, i);
	scene_seek_2(scene, 1, 0, 256);
	scene_until_ended(scene, 1000);
	assert_int_equal(scene_count(scene, SCENE_CAME), 256);
	for (unsigned i = 1; i <= 4; i++)
		assert_in_range(scene->peers[i].asked, 32, 128);
	scene_end(scene);
}

static void places_begin_with_one_and_grow_to_eight(void **state)
{
	struct scene *scene = scene_begin();
	struct seeker_peer peer;

	(void)state;
	scene_peer(scene, 1)->exchange_ms = 10;
	scene_seek_2(scene, 1, 0, 256);
	scene_pass(scene, 25); /* answered, asked */
	assert_int_equal(scene->peers[1].busy, 1);
	scene_pass(scene, 10);
	assert_int_equal(scene->peers[1].busy, 2);
	scene_until_ended(scene, 2000);
	assert_int_equal(scene->peers[1].busy_most, 8);
	assert_int_equal(seeker_peers(scene->seeker, &peer, 1, scene->now_ms), 1);
	assert_int_equal(peer.places, 8);
	assert_int_equal(peer.blocks, 256);
	assert_int_equal(peer.bytes, 256 * 65536);
	assert_int_equal(peer.exchange_ms, 10);
	scene_end(scene);
}

static void received_frees_the_place_before_the_check_is_done(void **state)
{
	struct scene *scene = scene_begin();
	struct seeker_exchange *exchange;

	(void)state;
	scene_peer(scene, 1)->exchange_ms = 50;
	scene_seek_2(scene, 1, 0, 16);
	scene_pass(scene, 25);
	assert_int_equal(scene->asked, 1);
	exchange = scene->waiting[0].exchange;
	seeker_received(scene->seeker, exchange, 65536, scene->now_ms);
	assert_int_equal(scene->asked, 2);
	scene_until_ended(scene, 1000);
	scene_end(scene);
}

static void urgent_wants_get_places_first(void **state)
{
	struct scene *scene = scene_begin();
	unsigned want;

	(void)state;
	scene_peer(scene, 1)->exchange_ms = 10;
	want = scene_seek_2(scene, 1, 0, 64);
	scene_pass(scene, 25);
	seeker_hurry(scene->seeker, &scene->wants[want + 60].want, scene->now_ms);
	scene_pass(scene, 25);
	assert_int_equal(scene->wants[want + 60].end, SCENE_CAME);
	assert_int_equal(scene->wants[want + 30].end, SCENE_SOUGHT);
	scene_until_ended(scene, 2000);
	scene_end(scene);
}

static bool even(unsigned segment, unsigned block)
{
	(void)segment;
	return block % 2 == 0;
}

static bool odd(unsigned segment, unsigned block)
{
	return !even(segment, block);
}

static void lists_tell_who_has_which_block(void **state)
{
	struct scene *scene = scene_begin();

	(void)state;
	scene_peer(scene, 1)->has = even;
	scene_peer(scene, 2)->has = odd;
	scene->peers[1].whole = scene->peers[2].whole = false;
	scene_seek_1(scene, 1, 0, 0, 256);
	scene_until_ended(scene, 2000);
	assert_int_equal(scene_count(scene, SCENE_CAME), 256);
	assert_int_equal(scene->peers[1].asked, 128);
	assert_int_equal(scene->peers[2].asked, 128);
	assert_in_range(scene->peers[1].lists, 1, 2);
	scene_end(scene);
}

static void who_has_all_is_asked_for_no_list(void **state)
{
	struct scene *scene = scene_begin();

	(void)state;
	scene_peer(scene, 1);
	scene_seek_1(scene, 1, 0, 0, 256);
	scene_until_ended(scene, 2000);
	assert_int_equal(scene->peers[1].lists, 0);
	assert_int_equal(scene_count(scene, SCENE_CAME), 256);
	scene_end(scene);
}

static void few_blocks_need_no_list(void **state)
{
	struct scene *scene = scene_begin();

	(void)state;
	scene_peer(scene, 1)->whole = false;
	scene_seek_1(scene, 1, 0, 9, 3);
	scene->peers[1].has = NULL;
	scene_until_ended(scene, 2000);
	assert_int_equal(scene->peers[1].lists, 0);
	assert_int_equal(scene_count(scene, SCENE_CAME), 3);
	scene_end(scene);
}

static unsigned grown;

static bool below_grown(unsigned segment, unsigned block)
{
	(void)segment;
	return block < grown;
}

static void a_list_is_asked_for_again_when_more_is_wanted(void **state)
{
	struct scene *scene = scene_begin();

	(void)state;
	grown = 64;
	scene_peer(scene, 1)->has = below_grown;
	scene->peers[1].whole = false;
	scene_seek_1(scene, 1, 0, 0, 128);
	for (unsigned i = 0; i < 64; i++) {
		scene_pass(scene, 40);
		grown++;
	}
	scene_until_ended(scene, 2000);
	assert_int_equal(scene_count(scene, SCENE_CAME), 128);
	assert_in_range(scene->peers[1].lists, 5, 35);
	scene_end(scene);
}

static void too_many_probes_are_refused_not_queued(void **state)
{
	struct scene *scene = scene_begin();

	(void)state;
	scene_seek_2(scene, 1, 0, 100 * WSD_BATCH_2 + 32);
	scene_pass(scene, 20);
	assert_int_equal(scene->probe_count, 100);
	assert_int_equal(scene_refused(scene, SEEKER_BUSY), 32);
	scene_until_ended(scene, 200);
	scene_end(scene);
}

static void what_is_dropped_is_not_told_of(void **state)
{
	struct scene *scene = scene_begin();
	unsigned want;

	(void)state;
	scene_peer(scene, 1)->exchange_ms = 30;
	want = scene_seek_2(scene, 1, 0, 32);
	scene_drop(scene, want + 31);
	scene_pass(scene, 30);
	scene_drop(scene, want); /* asked for */
	assert_null(scene->waiting[0].exchange->want);
	scene_drop(scene, want + 5);
	scene_until_ended(scene, 2000);
	assert_int_equal(scene_count(scene, SCENE_CAME), 29);
	assert_int_equal(scene_counters(scene).good, 30);
	scene_end(scene);
}

static void stop_refuses_everything(void **state)
{
	struct scene *scene = scene_begin();

	(void)state;
	scene_peer(scene, 1)->exchange_ms = 50;
	scene_seek_2(scene, 1, 0, 64);
	scene_seek_1(scene, 2, 0, 0, 64);
	scene_pass(scene, 60);
	seeker_stop(scene->seeker, scene->now_ms);
	assert_int_equal(scene_count(scene, SCENE_SOUGHT), 0);
	scene_seek_2(scene, 1, 64, 4);
	assert_int_equal(scene_count(scene, SCENE_SOUGHT), 0);
	assert_int_equal(scene_refused(scene, SEEKER_ENDED) + scene_count(scene, SCENE_CAME), 132);
	scene_end(scene);
}

static void refusals_are_runs_of_neighbours(void **state)
{
	struct scene *scene = scene_begin();
	struct seeker_want *wants[6];
	unsigned first = scene_want_2(scene, 1, 0, 3), second = scene_want_2(scene, 1, 10, 3);

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		wants[i] = &scene->wants[first + i].want;
		wants[i + 3] = &scene->wants[second + i].want;
	}
	for (unsigned i = first; i < second + 3; i++)
		scene->wants[i].begun = true;
	seeker_seek(scene->seeker, wants, 6, scene->now_ms);
	scene_until_ended(scene, 200);
	assert_int_equal(scene->refusals, 2);
	scene_end(scene);
}

static void thinning_counts_who_answered(void **state)
{
	struct scene *scene = scene_begin();
	struct thinning thinning;
	uint8_t id[32];

	(void)state;
	for (unsigned i = 1; i <= 5; i++)
		scene_peer(scene, i);
	scene_seek_2(scene, 1, 3, 1);
	scene_until_ended(scene, 200);
	scene_name(3, id);
	thinning = seeker_thinning(scene->seeker, id, 32);
	assert_int_equal(thinning.answers, 5);
	assert_int_equal(thinning.whole, 5);
	scene_name(4, id);
	assert_int_equal(seeker_thinning(scene->seeker, id, 32).answers, 0);
	scene_end(scene);
}

static void every_reason_has_a_name(void **state)
{
	(void)state;
	for (unsigned i = 0; i < SEEKER_REASONS; i++)
		assert_string_not_equal(seeker_reason_name((enum seeker_reason)i), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wants_that_come_together_share_a_probe),
		cmocka_unit_test(an_urgent_want_does_not_wait_for_company),
		cmocka_unit_test(a_segment_that_is_looked_for_is_joined),
		cmocka_unit_test(answers_are_used_as_they_come),
		cmocka_unit_test(nobody_answers_and_patience_ends),
		cmocka_unit_test(who_answers_after_patience_is_still_found),
		cmocka_unit_test(an_answer_after_the_request_timer_is_none),
		cmocka_unit_test(nobody_is_known_for_15_s_to_have_it),
		cmocka_unit_test(alone_after_two_silent_probes),
		cmocka_unit_test(one_probe_a_second_goes_out_while_alone),
		cmocka_unit_test(an_answer_ends_aloneness),
		cmocka_unit_test(a_probe_that_is_heard_ends_aloneness),
		cmocka_unit_test(who_answered_lately_keeps_us_company),
		cmocka_unit_test(our_own_probe_heard_again_does_not),
		cmocka_unit_test(who_gave_a_stream_is_asked_for_what_follows_without_a_probe),
		cmocka_unit_test(more_givers_than_a_list_has_room_for),
		cmocka_unit_test(who_is_asked_elsewhere_from_now_on_is_no_supplier),
		cmocka_unit_test(the_form_is_that_of_our_content_information),
		cmocka_unit_test(some_probes_go_out_all_the_same),
		cmocka_unit_test(a_wrong_guess_leads_to_a_probe),
		cmocka_unit_test(blocks_are_spread_over_those_who_have_them),
		cmocka_unit_test(places_begin_with_one_and_grow_to_eight),
		cmocka_unit_test(received_frees_the_place_before_the_check_is_done),
		cmocka_unit_test(urgent_wants_get_places_first),
		cmocka_unit_test(lists_tell_who_has_which_block),
		cmocka_unit_test(who_has_all_is_asked_for_no_list),
		cmocka_unit_test(few_blocks_need_no_list),
		cmocka_unit_test(a_list_is_asked_for_again_when_more_is_wanted),
		cmocka_unit_test(too_many_probes_are_refused_not_queued),
		cmocka_unit_test(what_is_dropped_is_not_told_of),
		cmocka_unit_test(stop_refuses_everything),
		cmocka_unit_test(refusals_are_runs_of_neighbours),
		cmocka_unit_test(thinning_counts_who_answered),
		cmocka_unit_test(every_reason_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
