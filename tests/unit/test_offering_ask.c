/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Which hosted cache is asked for blocks, and when it is done without one.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/offering_play.h"

static const char *const one[] = {"2"};
static const char *const two[] = {"2", "1"};

enum { OUT_MS = 60000, HOUR_MS = 3600000, SPOILT_MS = 600000 };

/* The only server has just been put out. */
static struct play *out(void)
{
	struct play *play = play_begin(one, 1);

	play_told_often(play, 0, OFFERING_FAILED, 4);
	assert_int_equal(play_asked(play, 0, 0), -ENOENT);
	return play;
}

static void the_first_server_is_asked_and_then_the_next(void **state)
{
	struct play *play = play_begin(two, 2);

	(void)state;
	assert_int_equal(play_asked(play, 0, 0), 0);
	assert_int_equal(play_asked(play, 0, 1), 1);
	assert_int_equal(play_asked(play, 0, 2), -ENOENT);
	play_end(play);
}

static void without_a_server_it_is_done_without(void **state)
{
	struct play *play = play_begin(NULL, 0);

	(void)state;
	assert_int_equal(play_asked(play, 0, 0), -ENOENT);
	play_came_2(play, 0);
	assert_int_equal(play->due_ms, INT64_MAX);
	play_end(play);
}

static void four_failures_without_success_put_a_server_out(void **state)
{
	struct play *play = play_begin(two, 2);

	(void)state;
	play_told_often(play, 0, OFFERING_FAILED, 3);
	assert_int_equal(play_asked(play, 0, 0), 0);
	play_told(play, 0, 3, OFFERING_FAILED);
	assert_int_equal(play_asked(play, 0, 0), 1);
	assert_int_equal(play_state(play, 0).out_ms, OUT_MS);
	assert_int_equal(play_state(play, 1).out_ms, 0);
	play_end(play);
}

static void three_timeouts_in_a_row_put_a_server_out(void **state)
{
	struct play *play = play_begin(one, 1);

	(void)state;
	play_told(play, 0, 0, OFFERING_GOOD);
	play_told_often(play, 0, OFFERING_LATE, 2);
	play_told(play, 0, 0, OFFERING_GOOD);
	play_told_often(play, 0, OFFERING_LATE, 2);
	assert_int_equal(play_asked(play, 0, 0), 0);
	play_told(play, 0, 0, OFFERING_LATE);
	assert_int_equal(play_asked(play, 0, 0), -ENOENT);
	play_end(play);
}

static void twelve_failures_of_sixteen_put_a_server_out(void **state)
{
	struct play *play = play_begin(one, 1);

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		play_told(play, 0, 0, OFFERING_GOOD);
		play_told_often(play, 0, OFFERING_FAILED, 3);
	}
	play_told(play, 0, 0, OFFERING_GOOD);
	play_told_often(play, 0, OFFERING_FAILED, 2);
	assert_int_equal(play_asked(play, 0, 0), 0);
	play_told(play, 0, 0, OFFERING_FAILED);
	assert_int_equal(play_asked(play, 0, 0), -ENOENT);
	play_end(play);
}

static void who_was_out_begins_anew(void **state)
{
	struct play *play = play_begin(one, 1);

	(void)state;
	play_told(play, 0, 0, OFFERING_GOOD);
	play_told_often(play, 0, OFFERING_FAILED, 12);
	play_pass(play, OUT_MS);
	play_told_often(play, 0, OFFERING_FAILED, 3);
	assert_int_equal(play_asked(play, 0, 0), 0);
	play_told(play, 0, 0, OFFERING_FAILED);
	assert_int_equal(play_asked(play, 0, 0), -ENOENT);
	play_end(play);
}

static void who_gave_something_may_fail_more_often(void **state)
{
	struct play *play = play_begin(one, 1);

	(void)state;
	play_told(play, 0, 0, OFFERING_GOOD);
	play_told_often(play, 0, OFFERING_FAILED, 11);
	assert_int_equal(play_asked(play, 0, 0), 0);
	play_end(play);
}

static void an_empty_answer_is_no_failure(void **state)
{
	struct play *play = play_begin(one, 1);

	(void)state;
	play_told_often(play, 0, OFFERING_EMPTY, 100);
	assert_int_equal(play_asked(play, 0, 0), 0);
	play_end(play);
}

static void a_server_that_was_out_is_asked_again(void **state)
{
	struct play *play = out();

	(void)state;
	play_pass(play, OUT_MS - 1);
	assert_int_equal(play_asked(play, 0, 0), -ENOENT);
	play_pass(play, 1);
	assert_int_equal(play_asked(play, 0, 0), 0);
	play_end(play);
}

static void it_is_out_for_longer_each_time_up_to_an_hour(void **state)
{
	struct play *play = out();

	(void)state;
	for (int64_t ms = OUT_MS; ms < HOUR_MS; ms *= 2) {
		assert_int_equal(play_state(play, 0).out_ms, ms);
		play_pass(play, ms);
		play_told_often(play, 0, OFFERING_FAILED, 4);
	}
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(play_state(play, 0).out_ms, HOUR_MS);
		play_pass(play, HOUR_MS);
		play_told_often(play, 0, OFFERING_FAILED, 4);
	}
	play_end(play);
}

static void what_was_under_way_when_it_was_put_out_does_not_count(void **state)
{
	struct play *play = out();

	(void)state;
	play_told_often(play, 0, OFFERING_LATE, 100);
	assert_int_equal(play_state(play, 0).out_ms, OUT_MS);
	play_end(play);
}

static void an_hour_without_failure_forgets(void **state)
{
	struct play *play = out();

	(void)state;
	play_pass(play, OUT_MS + HOUR_MS);
	play_told_often(play, 0, OFFERING_FAILED, 4);
	assert_int_equal(play_state(play, 0).out_ms, OUT_MS);
	play_end(play);
}

static void a_wrong_block_spoils_its_segment_at_that_server_only(void **state)
{
	struct play *play = play_begin(two, 2);

	(void)state;
	play_told(play, 0, 7, OFFERING_WRONG);
	assert_int_equal(play_asked(play, 7, 0), 1);
	assert_int_equal(play_asked(play, 8, 0), 0);
	play_pass(play, SPOILT_MS - 1);
	assert_int_equal(play_asked(play, 7, 0), 1);
	play_pass(play, 1);
	assert_int_equal(play_asked(play, 7, 0), 0);
	play_end(play);
}

static void a_spoilt_segment_is_offered_with_its_next_block(void **state)
{
	struct play *play = play_begin(one, 1);

	(void)state;
	play_told(play, 0, 0, OFFERING_WRONG);
	play_came_1(play, 0, PLAY_FULL, 5);
	assert_int_equal(play_counters(play).queued, 1);
	play_until_sent(play, OFFERING_BATCH_MS);
	play_answer(play, PCHC_OK);
	play_came_1(play, 0, PLAY_FULL, 6);
	assert_int_equal(play_counters(play).queued, 0);
	play_end(play);
}

static void what_was_offered_and_is_spoilt_is_offered_again(void **state)
{
	struct play *play = play_begin(one, 1);

	(void)state;
	play_came_2(play, 0);
	play_until_sent(play, OFFERING_BATCH_MS);
	play_answer(play, PCHC_OK);
	play_told(play, 0, 0, OFFERING_WRONG);
	play_came_2(play, 0);
	assert_int_equal(play_counters(play).queued, 1);
	play_end(play);
}

static void wrong_blocks_of_one_segment_count_once(void **state)
{
	struct play *play = play_begin(one, 1);

	(void)state;
	for (unsigned i = 0; i < 100; i++)
		play_told(play, 0, 7, OFFERING_WRONG);
	assert_int_equal(play_asked(play, 8, 0), 0);
	play_end(play);
}

static void twelve_wrong_segments_of_sixteen_put_a_server_out_for_a_minute(void **state)
{
	struct play *play = play_begin(one, 1);

	(void)state;
	for (unsigned time = 0; time < 2; time++) {
		for (unsigned i = 0; i < 4; i++)
			play_told(play, 0, 100 + i, OFFERING_GOOD);
		play_told_often(play, 0, OFFERING_WRONG, 11);
		assert_int_equal(play_asked(play, 50, 0), 0);
		play_told(play, 0, 11, OFFERING_WRONG);
		assert_int_equal(play_state(play, 0).out_ms, OUT_MS);
		play_pass(play, OUT_MS);
	}
	play_end(play);
}

static void good_segments_between_keep_it_in(void **state)
{
	struct play *play = play_begin(one, 1);

	(void)state;
	for (unsigned i = 0; i < 100; i++)
		play_told(play, 0, i, i % 3 == 0 ? OFFERING_GOOD : OFFERING_WRONG);
	assert_int_equal(play_asked(play, 200, 0), 0);
	play_end(play);
}

static void failing_offers_do_not_keep_from_asking(void **state)
{
	struct play *play = play_begin(one, 1);

	(void)state;
	play_came_2(play, 0);
	for (unsigned i = 0; i < OFFERING_TRIES; i++) {
		play_until_sent(play, OFFERING_REST_MAX_MS);
		play_break(play);
	}
	assert_int_equal(play_asked(play, 0, 0), 0);
	play_end(play);
}

static void a_server_that_is_out_is_offered_to(void **state)
{
	struct play *play = out();

	(void)state;
	play_came_2(play, 0);
	play_until_sent(play, OFFERING_BATCH_MS);
	play_end(play);
}

static void who_does_not_understand_lists_is_not_asked_for_them_for_ten_minutes(void **state)
{
	struct play *play = play_begin(two, 2);

	(void)state;
	assert_true(offering_may_list(play->offering, 0, play->now_ms));
	offering_cannot_list(play->offering, 0, play->now_ms);
	assert_true(offering_may_list(play->offering, 1, play->now_ms));
	assert_false(play_state(play, 0).lists);
	assert_int_equal(play_asked(play, 0, 0), 0);
	play_pass(play, 599999);
	assert_false(offering_may_list(play->offering, 0, play->now_ms));
	play_pass(play, 1);
	assert_true(offering_may_list(play->offering, 0, play->now_ms));
	assert_true(play_state(play, 0).lists);
	play_end(play);
}

static void trust_forgets_all_judgements(void **state)
{
	struct play *play = out();

	(void)state;
	play_told(play, 0, 7, OFFERING_WRONG);
	offering_cannot_list(play->offering, 0, play->now_ms);
	play_came_2(play, 0);
	play_until_sent(play, OFFERING_BATCH_MS);
	play_break(play);
	offering_trust(play->offering);
	play_tick(play);
	assert_int_equal(play->sent_count, 2);
	assert_int_equal(play_asked(play, 7, 0), 0);
	assert_true(offering_may_list(play->offering, 0, play->now_ms));
	play_end(play);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_server_is_asked_and_then_the_next),
		cmocka_unit_test(without_a_server_it_is_done_without),
		cmocka_unit_test(four_failures_without_success_put_a_server_out),
		cmocka_unit_test(three_timeouts_in_a_row_put_a_server_out),
		cmocka_unit_test(twelve_failures_of_sixteen_put_a_server_out),
		cmocka_unit_test(who_was_out_begins_anew),
		cmocka_unit_test(who_gave_something_may_fail_more_often),
		cmocka_unit_test(an_empty_answer_is_no_failure),
		cmocka_unit_test(a_server_that_was_out_is_asked_again),
		cmocka_unit_test(it_is_out_for_longer_each_time_up_to_an_hour),
		cmocka_unit_test(what_was_under_way_when_it_was_put_out_does_not_count),
		cmocka_unit_test(an_hour_without_failure_forgets),
		cmocka_unit_test(a_wrong_block_spoils_its_segment_at_that_server_only),
		cmocka_unit_test(a_spoilt_segment_is_offered_with_its_next_block),
		cmocka_unit_test(what_was_offered_and_is_spoilt_is_offered_again),
		cmocka_unit_test(wrong_blocks_of_one_segment_count_once),
		cmocka_unit_test(twelve_wrong_segments_of_sixteen_put_a_server_out_for_a_minute),
		cmocka_unit_test(good_segments_between_keep_it_in),
		cmocka_unit_test(failing_offers_do_not_keep_from_asking),
		cmocka_unit_test(a_server_that_is_out_is_offered_to),
		cmocka_unit_test(
			who_does_not_understand_lists_is_not_asked_for_them_for_ten_minutes),
		cmocka_unit_test(trust_forgets_all_judgements),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
