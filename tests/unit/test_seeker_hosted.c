/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The seeker and hosted caches: what they are asked, how long they are waited for, and which one
 * gives what.
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

static bool even(unsigned segment, unsigned block)
{
	(void)segment;
	return block % 2 == 0;
}

static bool early(unsigned segment, unsigned block)
{
	(void)block;
	return segment < 100;
}

static void one_question_asks_for_all_that_is_wanted(void **state)
{
	struct scene *scene = scene_begin_hosted_only();
	struct scene_peer *cache = scene_hosted(scene, 0, 1);

	(void)state;
	scene_seek_2(scene, 1, 0, 40);
	scene_pass(scene, 19);
	assert_int_equal(cache->questions, 0);
	scene_pass(scene, 1);
	assert_int_equal(cache->questions, 1);
	assert_int_equal(cache->ids, 40);
	scene_until_ended(scene, 1000);
	assert_int_equal(scene_count(scene, SCENE_CAME), 40);
	assert_int_equal(cache->asked, 40);
	assert_int_equal(cache->questions, 1);
	assert_int_equal(scene->probe_count, 0);
	assert_int_equal(scene_counters(scene).lists, 1);
	scene_end(scene);
}

static void an_urgent_want_is_asked_about_at_once(void **state)
{
	struct scene *scene = scene_begin_hosted_only();
	struct scene_peer *cache = scene_hosted(scene, 0, 1);
	unsigned want;

	(void)state;
	scene_seek_2(scene, 1, 1, 8);
	scene_seek_urgently(scene, 1, 0);
	assert_int_equal(cache->questions, 1);
	assert_int_equal(cache->ids, 9);
	want = scene_seek_2(scene, 1, 20, 1);
	assert_int_equal(cache->questions, 1);
	seeker_hurry(scene->seeker, &scene->wants[want].want, scene->now_ms);
	assert_int_equal(cache->questions, 2);
	scene_until_ended(scene, 1000);
	scene_end(scene);
}

static void a_question_has_256_ids_at_most(void **state)
{
	struct scene *scene = scene_begin_hosted_only();
	struct scene_peer *cache = scene_hosted(scene, 0, 1);

	(void)state;
	scene_seek_2(scene, 1, 0, 600);
	assert_int_equal(cache->questions, 3);
	assert_int_equal(cache->ids_most, SEEKER_HOSTED_IDS);
	scene_until_ended(scene, 5000);
	assert_int_equal(cache->ids, 600);
	assert_int_equal(scene_count(scene, SCENE_CAME), 600);
	scene_end(scene);
}

static void what_is_wanted_while_four_are_out_gathers(void **state)
{
	struct scene *scene = scene_begin_hosted_only();
	struct scene_peer *cache = scene_hosted(scene, 0, 1);

	(void)state;
	cache->question_ms = 100;
	for (unsigned i = 0; i < 50; i++)
		scene_seek_urgently(scene, 1, i);
	assert_int_equal(cache->questions, 4);
	scene_until_ended(scene, 1000);
	assert_int_equal(cache->questions, 5);
	assert_int_equal(cache->ids_most, 46);
	assert_int_equal(scene_count(scene, SCENE_CAME), 50);
	scene_end(scene);
}

static void what_it_lacks_is_refused_as_soon_as_it_says_so(void **state)
{
	struct scene *scene = scene_begin_hosted_only();
	struct scene_peer *cache = scene_hosted(scene, 0, 1);
	unsigned want;

	(void)state;
	cache->has = scene_has_nothing;
	cache->question_ms = 50;
	want = scene_seek_urgently(scene, 1, 0);
	scene_pass(scene, 50);
	assert_int_equal(scene->wants[want].end, SCENE_REFUSED);
	assert_int_equal(scene->wants[want].reason, SEEKER_NO_ANSWER);
	assert_int_equal(scene->wants[want].ended_ms, 1050);
	assert_int_equal(cache->asked, 0);
	scene_end(scene);
}

static void who_is_far_away_is_waited_for(void **state)
{
	struct scene *scene = scene_begin_hosted_only();
	struct scene_peer *cache = scene_hosted(scene, 0, 1);

	(void)state;
	cache->question_ms = cache->exchange_ms = 400;
	for (unsigned i = 0; i < 8; i++) {
		scene_seek_urgently(scene, 1, i);
		scene_until_ended(scene, 1000);
	}
	assert_int_equal(scene_count(scene, SCENE_CAME), 8);
	assert_int_equal(scene->lates, 0);
	scene_end(scene);
}

static int64_t waited_for_nothing(unsigned usually_ms)
{
	struct scene *scene = scene_begin_hosted_only();
	struct scene_peer *cache = scene_hosted(scene, 0, 1);
	int64_t waited_ms;
	unsigned want;

	cache->question_ms = usually_ms;
	scene_seek_2(scene, 1, 0, 4);
	scene_until_ended(scene, 2500);
	cache->manner = SCENE_STALLS;
	waited_ms = scene->now_ms;
	want = scene_seek_urgently(scene, 1, 10);
	scene_until_ended(scene, 2500);
	assert_int_equal(scene->wants[want].reason, SEEKER_TIMEOUT);
	waited_ms = scene->wants[want].ended_ms - waited_ms;
	scene_end(scene);
	return waited_ms;
}

static void patience_is_four_times_as_long_as_it_usually_takes(void **state)
{
	(void)state;
	assert_int_equal(waited_for_nothing(2), SEEKER_HOSTED_PATIENCE_MS);
	assert_int_equal(waited_for_nothing(100), 400);
	assert_int_equal(waited_for_nothing(900), 1900);
}

static void the_first_answer_is_waited_for_a_second(void **state)
{
	struct scene *scene = scene_begin_hosted_only();
	unsigned want;

	(void)state;
	scene_hosted(scene, 0, 1)->manner = SCENE_STALLS;
	want = scene_seek_urgently(scene, 1, 0);
	scene_pass(scene, SEEKER_HOSTED_FIRST_MS - 1);
	assert_int_equal(scene->wants[want].end, SCENE_SOUGHT);
	scene_pass(scene, 1);
	assert_int_equal(scene->wants[want].end, SCENE_REFUSED);
	scene_end(scene);
}

static void a_question_takes_no_place(void **state)
{
	struct scene *scene = scene_begin_hosted_only();
	unsigned want;

	(void)state;
	scene_hosted(scene, 0, 1);
	scene_seek_1(scene, 1, 0, 0, 1);
	scene_until_ended(scene, 100);
	scene->peers[1].question_ms = 200;
	for (unsigned i = 0; i < 4; i++)
		scene_seek_urgently(scene, 2, i);
	assert_int_equal(scene->peers[1].open, 4);
	want = scene_seek_1(scene, 1, 0, 1, 1);
	scene_pass(scene, 2);
	assert_int_equal(scene->wants[want].end, SCENE_CAME);
	scene_until_ended(scene, 1000);
	scene_end(scene);
}

static void behind_questions_that_stall_nobody_waits(void **state)
{
	struct scene *scene = scene_begin_hosted_only();
	unsigned want;

	(void)state;
	scene_hosted(scene, 0, 1);
	scene_seek_urgently(scene, 1, 0);
	scene_until_ended(scene, 100);
	scene->peers[1].manner = SCENE_STALLS;
	for (unsigned i = 1; i <= 8; i++)
		scene_seek_urgently(scene, 1, i);
	assert_int_equal(scene->peers[1].open, 4);
	scene_pass(scene, SEEKER_HOSTED_PATIENCE_MS + 100);
	assert_int_equal(scene_count(scene, SCENE_REFUSED), 8);
	want = scene_seek_urgently(scene, 1, 10);
	assert_int_equal(scene->wants[want].end, SCENE_REFUSED);
	scene_end(scene);
}

/* So long in all one reads who waits for each of COUNT segments, from FIRST on, before the next. */
static int64_t read_in_turn(struct scene *scene, unsigned first, unsigned count)
{
	int64_t waited_ms = 0;

	for (unsigned i = first; i < first + count; i++) {
		unsigned want = scene_seek_urgently(scene, 1, i);
		int64_t begun_ms = scene->now_ms;

		while (scene->wants[want].end == SCENE_SOUGHT && !scene->wants[want].late)
			scene_pass(scene, 1);
		waited_ms += scene->now_ms - begun_ms;
		scene_drop(scene, want); /* it came from the origin */
		scene_pass(scene, 50);
	}
	return waited_ms;
}

static void one_that_is_gone_costs_a_second_once(void **state)
{
	struct scene *scene = scene_begin_hosted_only();

	(void)state;
	scene_hosted(scene, 0, 1)->manner = SCENE_STALLS;
	assert_in_range(read_in_turn(scene, 0, 400), SEEKER_HOSTED_FIRST_MS,
			SEEKER_HOSTED_FIRST_MS + 5 * SEEKER_SLOW_MS);
	assert_true(scene_hosted_state(scene, 0).peer.banned_ms > 0);
	/* And after its ban less. */
	scene_pass(scene, scene_hosted_state(scene, 0).peer.banned_ms + 1);
	assert_in_range(read_in_turn(scene, 400, 400), 0, 5 * SEEKER_SLOW_MS);
	/* When it is there again it is used. */
	scene->peers[1].manner = SCENE_GIVES;
	scene_pass(scene, scene_hosted_state(scene, 0).peer.banned_ms + 1);
	read_in_turn(scene, 800, 10);
	assert_int_equal(scene_count(scene, SCENE_CAME), 10);
	scene_end(scene);
}

/* It still says what it has. */
static void one_that_gives_no_more_blocks_likewise(void **state)
{
	struct scene *scene = scene_begin_hosted_only();
	struct scene_peer *cache = scene_hosted(scene, 0, 1);

	(void)state;
	cache->manner = SCENE_STALLS;
	cache->talks = true;
	assert_in_range(read_in_turn(scene, 0, 400), SEEKER_HOSTED_FIRST_MS,
			SEEKER_HOSTED_FIRST_MS + 5 * SEEKER_SLOW_MS);
	assert_true(scene_hosted_state(scene, 0).peer.banned_ms > 0);
	scene_end(scene);
}

static void an_answer_after_patience_is_used_by_the_next(void **state)
{
	struct scene *scene = scene_begin_hosted_only();
	struct scene_peer *cache = scene_hosted(scene, 0, 1);
	unsigned want;

	(void)state;
	cache->question_ms = 1500;
	want = scene_seek_urgently(scene, 1, 0);
	scene_pass(scene, 1600);
	assert_int_equal(scene->wants[want].end, SCENE_REFUSED);
	want = scene_seek_urgently(scene, 2, 0);
	scene_pass(scene, 2);
	assert_int_equal(scene->wants[want].end, SCENE_CAME);
	assert_int_equal(cache->questions, 1);
	scene_end(scene);
}

static void what_it_lacked_is_asked_for_again_after_5_s(void **state)
{
	struct scene *scene = scene_begin_hosted_only();
	struct scene_peer *cache = scene_hosted(scene, 0, 1);
	unsigned want;

	(void)state;
	cache->has = scene_has_nothing;
	scene_seek_urgently(scene, 1, 0);
	scene_pass(scene, 4990);
	cache->has = NULL;
	want = scene_seek_urgently(scene, 1, 0);
	assert_int_equal(scene->wants[want].end, SCENE_REFUSED);
	assert_int_equal(cache->questions, 1);
	scene_pass(scene, 20);
	want = scene_seek_urgently(scene, 1, 0);
	scene_until_ended(scene, 100);
	assert_int_equal(scene->wants[want].end, SCENE_CAME);
	assert_int_equal(cache->questions, 2);
	scene_end(scene);
}

static void who_gave_a_stream_is_not_polled_for_what_follows(void **state)
{
	struct scene *scene = scene_begin_hosted_only();
	struct scene_peer *cache = scene_hosted(scene, 0, 1);

	(void)state;
	cache->has = early;
	scene_seek_2(scene, 1, 90, 20);
	scene_pass(scene, 40);
	assert_int_equal(scene_count(scene, SCENE_CAME), 10);
	assert_int_equal(scene_refused(scene, SEEKER_NO_ANSWER), 10);
	assert_int_equal(cache->asked, 10);
	assert_int_equal(cache->questions, 1);
	scene_end(scene);
}

static void of_a_segment_in_part_the_list_comes_first(void **state)
{
	struct scene *scene = scene_begin_hosted_only();
	struct scene_peer *cache = scene_hosted(scene, 0, 1);

	(void)state;
	cache->has = even;
	scene_seek_1(scene, 1, 0, 0, 64);
	scene_until_ended(scene, 500);
	assert_int_equal(scene_count(scene, SCENE_CAME), 32);
	assert_int_equal(scene_count(scene, SCENE_REFUSED), 32);
	assert_int_equal(cache->lists, 1);
	assert_int_equal(cache->asked, 32);
	scene_end(scene);
}

static void few_blocks_are_asked_for_without_a_list(void **state)
{
	struct scene *scene = scene_begin_hosted_only();
	struct scene_peer *cache = scene_hosted(scene, 0, 1);

	(void)state;
	cache->has = even;
	scene_seek_1(scene, 1, 0, 0, 3);
	scene_until_ended(scene, 500);
	assert_int_equal(scene_count(scene, SCENE_CAME), 2);
	assert_int_equal(scene_refused(scene, SEEKER_NO_ANSWER), 1);
	assert_int_equal(cache->lists, 0);
	assert_int_equal(cache->asked, 3);
	scene_end(scene);
}

static void of_many_blocks_its_list_comes_first(void **state)
{
	struct scene *scene = scene_begin_hosted_only();
	struct scene_peer *cache = scene_hosted(scene, 0, 1);

	(void)state;
	cache->questioned = SEEKER_MALFORMED;
	cache->has = even;
	scene_seek_1(scene, 1, 0, 0, 64);
	scene_until_ended(scene, 500);
	assert_int_equal(scene_count(scene, SCENE_CAME), 32);
	assert_int_equal(cache->lists, 1);
	assert_int_equal(cache->asked, 32);
	scene_end(scene);
}

static void what_it_lacks_is_known_after_one_exchange_and_for_5_s(void **state)
{
	struct scene *scene = scene_begin_hosted_only();
	struct scene_peer *cache = scene_hosted(scene, 0, 1);

	(void)state;
	cache->questioned = SEEKER_MALFORMED;
	cache->has = scene_has_nothing;
	scene_seek_urgently(scene, 1, 0);
	scene_pass(scene, 4);
	assert_int_equal(scene_refused(scene, SEEKER_NO_ANSWER), 1);
	assert_int_equal(cache->asked, 1);
	scene_seek_urgently(scene, 1, 0);
	assert_int_equal(scene_refused(scene, SEEKER_NO_ANSWER), 2);
	assert_int_equal(cache->asked, 1);
	scene_pass(scene, 5100);
	scene_seek_urgently(scene, 1, 0);
	assert_int_equal(cache->asked, 2);
	scene_until_ended(scene, 100);
	scene_end(scene);
}

/* ---- several of them ---- */

static void all_are_asked_and_the_first_gives(void **state)
{
	struct scene *scene = scene_begin_hosted_only();

	(void)state;
	scene_hosted(scene, 0, 1);
	scene_hosted(scene, 1, 2);
	for (unsigned i = 0; i < 20; i++) {
		scene_seek_urgently(scene, 1, i);
		scene_until_ended(scene, 100);
	}
	assert_int_equal(scene->peers[1].questions, 20);
	assert_int_equal(scene->peers[2].questions, 20);
	assert_int_equal(scene->peers[1].asked, 20);
	assert_int_equal(scene->peers[2].asked, 0);
	scene_end(scene);
}

static void at_equal_load_the_first_gives(void **state)
{
	struct scene *scene = scene_begin_hosted_only();
	unsigned want;

	(void)state;
	scene_hosted(scene, 0, 1)->question_ms = 20;
	scene_hosted(scene, 1, 2);
	scene_seek_1(scene, 1, 0, 0, 1);
	scene_pass(scene, 50);
	for (unsigned i = 1; i < 10; i++) {
		want = scene_seek_1(scene, 1, 0, i, 1);
		scene_until_ended(scene, 100);
		assert_int_equal(scene->wants[want].from, 1);
	}
	scene_end(scene);
}

static void the_next_one_has_what_the_first_lacks(void **state)
{
	struct scene *scene = scene_begin_hosted_only();
	unsigned want;

	(void)state;
	scene_hosted(scene, 0, 1)->has = scene_has_nothing;
	scene_hosted(scene, 1, 2)->question_ms = 30;
	want = scene_seek_urgently(scene, 1, 0);
	scene_until_ended(scene, 100);
	assert_int_equal(scene->wants[want].from, 2);
	assert_int_equal(scene->peers[1].asked, 0);
	scene_end(scene);
}

static void the_next_one_takes_over_when_the_first_breaks(void **state)
{
	struct scene *scene = scene_begin_hosted_only();

	(void)state;
	scene_hosted(scene, 0, 1);
	scene_hosted(scene, 1, 2);
	scene_seek_2(scene, 1, 0, 10);
	scene_until_ended(scene, 100);
	scene_seek_2(scene, 1, 10, 200);
	scene_pass(scene, 24);
	scene->peers[1].manner = SCENE_BREAKS;
	scene_until_ended(scene, 1000);
	assert_int_equal(scene_count(scene, SCENE_CAME), 210);
	assert_true(scene_hosted_state(scene, 0).peer.banned_ms > 0);
	assert_int_equal(scene_hosted_state(scene, 1).peer.banned_ms, 0);
	scene_end(scene);
}

static void the_next_one_is_asked_when_the_first_is_slow(void **state)
{
	struct scene *scene = scene_begin_hosted_only();
	unsigned want;

	(void)state;
	scene_hosted(scene, 0, 1);
	scene_hosted(scene, 1, 2);
	scene_seek_urgently(scene, 1, 0);
	scene_until_ended(scene, 100);
	scene->peers[1].exchange_ms = 1900;
	want = scene_seek_urgently(scene, 1, 1);
	scene_until_ended(scene, 300);
	assert_int_equal(scene->wants[want].from, 2);
	assert_false(scene->wants[want].late);
	scene_end(scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_question_asks_for_all_that_is_wanted),
		cmocka_unit_test(an_urgent_want_is_asked_about_at_once),
		cmocka_unit_test(a_question_has_256_ids_at_most),
		cmocka_unit_test(what_is_wanted_while_four_are_out_gathers),
		cmocka_unit_test(what_it_lacks_is_refused_as_soon_as_it_says_so),
		cmocka_unit_test(who_is_far_away_is_waited_for),
		cmocka_unit_test(patience_is_four_times_as_long_as_it_usually_takes),
		cmocka_unit_test(the_first_answer_is_waited_for_a_second),
		cmocka_unit_test(a_question_takes_no_place),
		cmocka_unit_test(behind_questions_that_stall_nobody_waits),
		cmocka_unit_test(one_that_is_gone_costs_a_second_once),
		cmocka_unit_test(one_that_gives_no_more_blocks_likewise),
		cmocka_unit_test(an_answer_after_patience_is_used_by_the_next),
		cmocka_unit_test(what_it_lacked_is_asked_for_again_after_5_s),
		cmocka_unit_test(who_gave_a_stream_is_not_polled_for_what_follows),
		cmocka_unit_test(of_a_segment_in_part_the_list_comes_first),
		cmocka_unit_test(few_blocks_are_asked_for_without_a_list),
		cmocka_unit_test(of_many_blocks_its_list_comes_first),
		cmocka_unit_test(what_it_lacks_is_known_after_one_exchange_and_for_5_s),
		cmocka_unit_test(all_are_asked_and_the_first_gives),
		cmocka_unit_test(at_equal_load_the_first_gives),
		cmocka_unit_test(the_next_one_has_what_the_first_lacks),
		cmocka_unit_test(the_next_one_takes_over_when_the_first_breaks),
		cmocka_unit_test(the_next_one_is_asked_when_the_first_is_slow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
