/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What becomes of offers that fail, and of the servers that they fail at.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/offering_play.h"

static const char *const one_2[] = {"2"};
static const char *const one_1[] = {"1"};
static const char *const both[] = {"12"};
static const char *const two[] = {"2", "2"};

static void a_message_is_given_up_after_its_timer(void **state)
{
	struct play *play = play_batched(one_2, 1);

	(void)state;
	play_pass(play, OFFERING_REQUEST_MS - 1);
	assert_false(play->sent[0].abandoned);
	play_pass(play, 1);
	assert_true(play->sent[0].abandoned);
	assert_int_equal(play_counters(play).failed, 1);
	play_end(play);
}

static void each_message_of_a_sequence_has_its_own_timer(void **state)
{
	struct play *play = play_initial();

	(void)state;
	play_pass(play, OFFERING_REQUEST_MS - 1);
	play_answer(play, PCHC_INTERESTED);
	play_pass(play, OFFERING_REQUEST_MS - 1);
	assert_false(play->sent[1].abandoned);
	play_pass(play, 1);
	assert_true(play->sent[1].abandoned);
	play_end(play);
}

static void a_late_answer_is_passed_over(void **state)
{
	struct play *play = play_batched(one_2, 1);

	(void)state;
	play_pass(play, OFFERING_REQUEST_MS);
	play_answer(play, PCHC_OK);
	assert_int_equal(play_counters(play).offered, 0);
	assert_int_equal(play_counters(play).queued, 1);
	play_refuse(play, 500);
	play_break(play);
	assert_int_equal(play_counters(play).failed, 1);
	play_end(play);
}

static void what_failed_is_offered_again_after_a_rest(void **state)
{
	struct play *play = play_batched(one_2, 1);

	(void)state;
	play_came_2(play, 1);
	play_break(play);
	assert_int_equal(play_counters(play).queued, 2);
	assert_int_equal(play_until_sent(play, OFFERING_REST_MAX_MS), OFFERING_REST_MS);
	assert_int_equal(play_read(play, 1).offers.count, 2);
	assert_memory_equal(play_descriptor(play, 1, 0).id, play_id(0).octets, PCHC_ID_SIZE);
	play_end(play);
}

static void what_failed_keeps_its_order_before_the_others(void **state)
{
	struct play *play = play_begin(one_2, 1);

	(void)state;
	for (unsigned i = 0; i < PCHC_OFFERS_MAX + 3; i++)
		play_came_2(play, i);
	play_break(play);
	play_until_sent(play, OFFERING_REST_MS);
	for (unsigned i = 0; i < PCHC_OFFERS_MAX; i++)
		assert_memory_equal(play_descriptor(play, 1, i).id, play_id(i).octets,
				    PCHC_ID_SIZE);
	play_end(play);
}

static void rests_double_up_to_a_limit(void **state)
{
	struct play *play = play_batched(one_2, 1);
	int64_t rest_ms = OFFERING_REST_MS;

	(void)state;
	for (unsigned i = 0; i < 10; i++) {
		play_came_2(play,
			    i + 1); /* there is something to be offered, whatever is dropped */
		play_break(play);
		assert_int_equal(play_until_sent(play, OFFERING_REST_MAX_MS), rest_ms);
		rest_ms = rest_ms * 2 < OFFERING_REST_MAX_MS ? rest_ms * 2 : OFFERING_REST_MAX_MS;
	}
	play_end(play);
}

static void a_rest_is_shortened_by_lot_to_half(void **state)
{
	struct play *play = play_batched(one_2, 1);

	(void)state;
	play->random = 0;
	play_break(play);
	assert_int_equal(play_until_sent(play, OFFERING_REST_MS), OFFERING_REST_MS / 2);
	play_end(play);
}

static void a_success_ends_the_doubling(void **state)
{
	struct play *play = play_batched(one_2, 1);

	(void)state;
	play_break(play);
	play_until_sent(play, OFFERING_REST_MS);
	play_answer(play, PCHC_OK);
	play_came_2(play, 1);
	play_until_sent(play, OFFERING_BATCH_MS);
	play_break(play);
	assert_int_equal(play_until_sent(play, OFFERING_REST_MAX_MS), OFFERING_REST_MS);
	play_end(play);
}

static void the_next_server_gets_what_failed_at_once(void **state)
{
	struct play *play = play_batched(two, 2);

	(void)state;
	assert_int_equal(play->sent[0].server, 0);
	play_break(play);
	assert_int_equal(play->sent_count, 2);
	assert_int_equal(play->sent[1].server, 1);
	assert_memory_equal(play_descriptor(play, 1, 0).id, play_id(0).octets, PCHC_ID_SIZE);
	play_end(play);
}

static void the_first_server_is_preferred_again_after_its_rest(void **state)
{
	struct play *play = play_batched(two, 2);

	(void)state;
	play_break(play);
	play_answer(play, PCHC_OK);
	play_pass(play, OFFERING_REST_MS - OFFERING_BATCH_MS - 1);
	play_came_2(play, 1);
	play_until_sent(play, OFFERING_BATCH_MS);
	assert_int_equal(play_last(play)->server, 1);
	play_answer(play, PCHC_OK);
	play_came_2(play, 2);
	play_until_sent(play, OFFERING_BATCH_MS);
	assert_int_equal(play_last(play)->server, 0);
	play_end(play);
}

static void a_busy_server_is_no_reason_for_the_next_one(void **state)
{
	struct play *play = play_batched(two, 2);

	(void)state;
	for (unsigned i = 1; i <= PCHC_OFFERS_MAX; i++)
		play_came_2(play, i);
	assert_int_equal(play->sent_count, 1);
	play_end(play);
}

static void a_certificate_that_is_not_trusted_does_not_stop_version_2(void **state)
{
	struct play *play = play_begin(both, 1);

	(void)state;
	play_came(play, DIGEST_SHA384, 0, 1, 0);
	play_break(play);
	play_came_2(play, 1);
	assert_int_equal(play_until_sent(play, OFFERING_BATCH_MS), OFFERING_BATCH_MS);
	assert_int_equal(play->sent[1].version, 2);
	assert_true(play_state(play, 0).rest_ms[0] > 0);
	assert_int_equal(play_state(play, 0).rest_ms[1], 0);
	play_end(play);
}

static void any_other_answer_is_a_failure(void **state)
{
	static const uint8_t bodies[][6] = {{0, 0, 0, 1, 2}, {0, 0, 0, 2, 0}, {0, 0, 0, 1, 1}};
	static const unsigned statuses[] = {201, 204, 400, 401, 403, 404, 500};
	struct play *play;

	(void)state;
	for (unsigned i = 0; i < 7; i++) {
		play = play_batched(one_2, 1);
		play_refuse(play, statuses[i]);
		assert_int_equal(play_counters(play).failed, 1);
		play_end(play);
	}
	for (unsigned i = 0; i < 3; i++) {
		play = play_batched(one_2, 1);
		offering_answered(play->offering, play->sent[0].number, 200, bodies[i], 5,
				  play->now_ms);
		assert_int_equal(play_counters(play).failed, 1);
		play_end(play);
	}
}

static void what_fails_too_often_is_dropped(void **state)
{
	struct play *play = play_batched(one_2, 1);

	(void)state;
	for (unsigned i = 1; i < OFFERING_TRIES; i++) {
		play_break(play);
		play_until_sent(play, OFFERING_REST_MAX_MS);
	}
	play_break(play);
	assert_int_equal(play_counters(play).queued, 0);
	assert_int_equal(play_counters(play).dropped, 1);
	assert_int_equal(play->due_ms, INT64_MAX);
	play_end(play);
}

static void a_success_forgets_the_failures_of_a_segment(void **state)
{
	struct play *play = play_begin(one_1, 1);

	(void)state;
	play_came_1_run(play, 0, 0, 103);
	for (unsigned i = 1; i < OFFERING_TRIES; i++) {
		play_break(play);
		play_until_sent(play, OFFERING_REST_MAX_MS);
	}
	play_answer(play, PCHC_OK);
	play_came_1_run(play, 0, 103, 102);
	play_break(play);
	assert_int_equal(play_counters(play).queued, 1);
	play_end(play);
}

static void who_refuses_it_twice_is_left_with_it(void **state)
{
	struct play *play = play_batched(one_2, 1);

	(void)state;
	play_refuse(play, 403);
	play_until_sent(play, OFFERING_REST_MS);
	play_refuse(play, 403);
	assert_int_equal(play_counters(play).dropped, 1);
	play_end(play);
}

static void who_says_not_now_is_asked_as_often_as_who_says_nothing(void **state)
{
	static const unsigned statuses[] = {429, 500, 503};

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct play *play = play_batched(one_2, 1);

		for (unsigned tries = 1; tries < OFFERING_TRIES; tries++) {
			play_refuse(play, statuses[i]);
			play_until_sent(play, OFFERING_REST_MAX_MS);
		}
		play_answer(play, PCHC_OK);
		assert_int_equal(play_counters(play).offered, 1);
		assert_int_equal(play_counters(play).dropped, 0);
		play_end(play);
	}
}

static void what_waits_behind_is_not_dropped_with_it(void **state)
{
	struct play *play = play_begin(one_2, 1);

	(void)state;
	for (unsigned i = 0; i <= PCHC_OFFERS_MAX; i++)
		play_came_2(play, i);
	play_refuse(play, 403);
	play_until_sent(play, OFFERING_REST_MS);
	play_refuse(play, 403);
	assert_int_equal(play_counters(play).dropped, PCHC_OFFERS_MAX);
	assert_int_equal(play_counters(play).queued, 1);
	play_end(play);
}

static void what_was_dropped_is_offered_at_its_next_step(void **state)
{
	struct play *play = play_begin(one_1, 1);

	(void)state;
	play_came_1_run(play, 0, 0, 103);
	play_refuse(play, 403);
	play_until_sent(play, OFFERING_REST_MS);
	play_refuse(play, 403);
	play_came_1_run(play, 0, 103, 102);
	assert_int_equal(play_counters(play).queued, 1);
	play_until_sent(play, OFFERING_REST_MAX_MS);
	play_answer(play, PCHC_OK);
	assert_int_equal(play_counters(play).offered, 1);
	play_end(play);
}

static void the_oldest_are_forgotten_when_there_are_too_many(void **state)
{
	struct play *play = play_begin_small("2", 4);

	(void)state;
	for (unsigned i = 0; i < 6; i++)
		play_came_2(play, i);
	assert_int_equal(play_counters(play).queued, 4);
	assert_int_equal(play_counters(play).pushed, 2);
	play_until_sent(play, OFFERING_BATCH_MS);
	assert_memory_equal(play_descriptor(play, 0, 0).id, play_id(2).octets, PCHC_ID_SIZE);
	play_end(play);
}

static void what_is_forgotten_while_it_is_out_does_no_harm(void **state)
{
	struct play *play = play_begin_small("1", 1);

	(void)state;
	play_came_1(play, 0, 1, 0);
	play_came_1(play, 1, 1, 0);
	assert_int_equal(play->sent_count, 1);
	play_answer(play, PCHC_INTERESTED);
	assert_int_equal(play->sent_count, 2);
	assert_true(pccrr_id_equal(play_read(play, 1).segment, play_id(1)));
	play_end(play);
}

static void a_spoilt_segment_is_offered_with_its_next_block(void **state)
{
	struct play *play = play_begin((const char *const[]){"2"}, 1);

	(void)state;
	offering_spoilt(play->offering, play_id(0));
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
	struct play *play = play_begin((const char *const[]){"2"}, 1);

	(void)state;
	play_came_2(play, 0);
	play_until_sent(play, OFFERING_BATCH_MS);
	play_answer(play, PCHC_OK);
	offering_spoilt(play->offering, play_id(0));
	play_came_2(play, 0);
	assert_int_equal(play_counters(play).queued, 1);
	play_end(play);
}

static void trust_leaves_nobody_alone(void **state)
{
	struct play *play = play_begin((const char *const[]){"2"}, 1);

	(void)state;
	play_came_2(play, 0);
	play_until_sent(play, OFFERING_BATCH_MS);
	play_break(play);
	assert_true(play_state(play, 0).rest_ms[1] > 0);
	offering_trust(play->offering);
	assert_int_equal(play_state(play, 0).rest_ms[1], 0);
	play_tick(play);
	assert_int_equal(play->sent_count, 2);
	play_end(play);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_is_given_up_after_its_timer),
		cmocka_unit_test(each_message_of_a_sequence_has_its_own_timer),
		cmocka_unit_test(a_late_answer_is_passed_over),
		cmocka_unit_test(what_failed_is_offered_again_after_a_rest),
		cmocka_unit_test(what_failed_keeps_its_order_before_the_others),
		cmocka_unit_test(rests_double_up_to_a_limit),
		cmocka_unit_test(a_rest_is_shortened_by_lot_to_half),
		cmocka_unit_test(a_success_ends_the_doubling),
		cmocka_unit_test(the_next_server_gets_what_failed_at_once),
		cmocka_unit_test(the_first_server_is_preferred_again_after_its_rest),
		cmocka_unit_test(a_busy_server_is_no_reason_for_the_next_one),
		cmocka_unit_test(a_certificate_that_is_not_trusted_does_not_stop_version_2),
		cmocka_unit_test(any_other_answer_is_a_failure),
		cmocka_unit_test(what_fails_too_often_is_dropped),
		cmocka_unit_test(a_success_forgets_the_failures_of_a_segment),
		cmocka_unit_test(who_refuses_it_twice_is_left_with_it),
		cmocka_unit_test(who_says_not_now_is_asked_as_often_as_who_says_nothing),
		cmocka_unit_test(what_waits_behind_is_not_dropped_with_it),
		cmocka_unit_test(what_was_dropped_is_offered_at_its_next_step),
		cmocka_unit_test(the_oldest_are_forgotten_when_there_are_too_many),
		cmocka_unit_test(what_is_forgotten_while_it_is_out_does_no_harm),
		cmocka_unit_test(a_spoilt_segment_is_offered_with_its_next_block),
		cmocka_unit_test(what_was_offered_and_is_spoilt_is_offered_again),
		cmocka_unit_test(trust_leaves_nobody_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
