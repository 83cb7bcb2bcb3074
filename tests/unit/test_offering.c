/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What is offered to hosted caches, when, to whom, and for how long it is served.
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

/* ---- what ---- */

static void a_version_2_segment_is_offered_once_fetched(void **state)
{
	struct play *play = play_batched(one_2, 1);
	struct pchc_offer offer = play_descriptor(play, 0, 0);

	(void)state;
	assert_int_equal(play->sent[0].version, 2);
	assert_int_equal(play_read(play, 0).offers.count, 1);
	assert_int_equal(play_read(play, 0).port, PLAY_PORT);
	assert_int_equal(offer.algorithm, 4);
	assert_int_equal(offer.segment_size, PLAY_LENGTH_2);
	assert_int_equal(offer.block_size, PLAY_LENGTH_2);
	assert_memory_equal(offer.id, play_id(0).octets, PCHC_ID_SIZE);
	assert_memory_equal(offer.tag, OFFERING_TAG, PCHC_TAG_SIZE);
	play_end(play);
}

static void a_version_1_segment_goes_into_a_batch_too(void **state)
{
	struct play *play = play_begin(one_2, 1);
	struct pchc_offer offer;

	(void)state;
	play_came_1_run(play, 0, 0, 103);
	play_until_sent(play, OFFERING_BATCH_MS);
	offer = play_descriptor(play, 0, 0);
	assert_int_equal(offer.algorithm, 1);
	assert_int_equal(offer.segment_size, PLAY_FULL);
	assert_int_equal(offer.block_size, 65536);
	play_end(play);
}

static void less_than_a_fifth_is_not_offered(void **state)
{
	struct play *play = play_begin(one_2, 1);

	(void)state;
	play_came_1_run(play, 0, 0, 102);
	assert_int_equal(play_counters(play).queued, 0);
	play_came_1_run(play, 0, 102, 1);
	assert_int_equal(play_counters(play).queued, 1);
	play_end(play);
}

static void each_further_fifth_is_offered_and_the_last_block(void **state)
{
	static const uint32_t offered_at[OFFERING_STEPS] = {103, 205, 308, 410, 512};
	struct play *play = play_begin(one_1, 1);
	unsigned steps = 0;

	(void)state;
	for (uint32_t block = 0; block < 512; block++) {
		play_came_1(play, 0, PLAY_FULL, block);
		if (play->sent_count == steps)
			continue;
		assert_int_equal(block + 1, offered_at[steps++]);
		play_answer(play, PCHC_OK);
	}
	assert_int_equal(steps, OFFERING_STEPS);
	play_end(play);
}

static void a_block_counts_once(void **state)
{
	struct play *play = play_begin(one_2, 1);

	(void)state;
	play_came_1_run(play, 0, 0, 102);
	play_came_1_run(play, 0, 0, 102);
	assert_int_equal(play_counters(play).queued, 0);
	play_end(play);
}

static void what_is_fetched_again_much_later_is_offered_again(void **state)
{
	struct play *play = play_batched(one_2, 1);

	(void)state;
	play_answer(play, PCHC_OK);
	play_pass(play, OFFERING_KEEP_MS - 1);
	play_came_2(play, 0);
	assert_int_equal(play_counters(play).queued, 0);
	play_pass(play, 1);
	play_came_2(play, 0);
	assert_int_equal(play_counters(play).queued, 1);
	play_end(play);
}

static void what_is_out_for_a_later_step_is_not_fetched_again(void **state)
{
	struct play *play = play_begin(one_1, 1);

	(void)state;
	play_came_1(play, 0, 5 * 65536, 0);
	play_answer(play, PCHC_OK);
	play_pass(play, OFFERING_KEEP_MS);
	play_came_1(play, 0, 5 * 65536, 1);
	play_came_1(play, 0, 5 * 65536, 1);
	play_answer(play, PCHC_OK);
	assert_int_equal(play->sent_count, 2);
	play_end(play);
}

static void a_step_that_is_reached_while_the_offer_is_out_is_offered_then(void **state)
{
	struct play *play = play_begin(one_1, 1);

	(void)state;
	play_came_1_run(play, 0, 0, 205);
	assert_int_equal(play->sent_count, 1);
	play_answer(play, PCHC_OK);
	assert_int_equal(play->sent_count, 2);
	assert_int_equal(play->sent[1].type, PCHC_INITIAL_OFFER);
	play_answer(play, PCHC_OK);
	assert_int_equal(play->sent_count, 2);
	play_end(play);
}

static void what_cannot_be_a_block_is_passed_over(void **state)
{
	struct play *play = play_begin(both, 1);
	struct offering_block block = {DIGEST_SHA256, {play_id(0).octets, 31}, 1, 0};

	(void)state;
	play_came(play, DIGEST_SHA256, 0, 0, 0);
	play_came(play, DIGEST_SHA256, 1, 65536, 1);
	play_came(play, DIGEST_SHA512_TRUNC256, 2, 131073, 0);
	play_came(play, DIGEST_SHA512_TRUNC256, 3, 131072, 1);
	for (uint32_t i = 0; i <= 512; i++)
		play_came(play, DIGEST_SHA256, 4, PLAY_FULL + 1, i);
	offering_came(play->offering, &block, play->now_ms);
	assert_int_equal(play_counters(play).queued, 0);
	play_end(play);
}

static void another_length_of_the_same_id_does_no_harm(void **state)
{
	struct play *play = play_begin(one_2, 1);

	(void)state;
	play_came_1(play, 0, 65536, 0);
	play_until_sent(play, OFFERING_BATCH_MS);
	assert_int_equal(play_descriptor(play, 0, 0).segment_size, 65536);
	play_answer(play, PCHC_OK);
	play_came_1(play, 0, PLAY_FULL, 511);
	assert_int_equal(play_counters(play).queued, 0);
	play_end(play);
}

static void what_nobody_takes_is_not_remembered(void **state)
{
	struct play *play = play_begin(one_1, 1);

	(void)state;
	play_came_2(play, 0);
	assert_int_equal(play_counters(play).queued, 0);
	assert_int_equal(play->due_ms, INT64_MAX);
	play_end(play);
	play = play_begin(one_2, 1);
	play_came(play, DIGEST_SHA384, 0, 1, 0);
	assert_int_equal(play_counters(play).queued, 0);
	play_end(play);
}

/* ---- batches ---- */

static void a_batch_waits_for_a_second_after_its_first(void **state)
{
	struct play *play = play_begin(one_2, 1);

	(void)state;
	play_came_2(play, 0);
	play_pass(play, OFFERING_BATCH_MS - 1);
	play_came_2(play, 1);
	assert_int_equal(play->sent_count, 0);
	assert_int_equal(play_until_sent(play, 1), 1);
	assert_int_equal(play_read(play, 0).offers.count, 2);
	play_end(play);
}

static void a_full_batch_does_not_wait(void **state)
{
	struct play *play = play_begin(one_2, 1);

	(void)state;
	for (unsigned i = 0; i < PCHC_OFFERS_MAX; i++) {
		assert_int_equal(play->sent_count, 0);
		play_came_2(play, i);
	}
	assert_int_equal(play->sent_count, 1);
	assert_int_equal(play_read(play, 0).offers.count, PCHC_OFFERS_MAX);
	play_end(play);
}

static void one_batch_is_under_way_at_a_time(void **state)
{
	struct play *play = play_begin(one_2, 1);

	(void)state;
	for (unsigned i = 0; i < 2 * PCHC_OFFERS_MAX + 1; i++)
		play_came_2(play, i);
	play_pass(play, OFFERING_BATCH_MS);
	assert_int_equal(play->sent_count, 1);
	play_answer(play, PCHC_OK);
	assert_int_equal(play->sent_count, 2);
	assert_int_equal(play_read(play, 1).offers.count, PCHC_OFFERS_MAX);
	play_answer(play, PCHC_OK);
	assert_int_equal(play_read(play, 2).offers.count, 1);
	play_end(play);
}

static void the_oldest_go_first_whatever_their_version(void **state)
{
	struct play *play = play_begin(one_2, 1);

	(void)state;
	play_came_2(play, 0);
	play_pass(play, 1);
	play_came_1(play, 1, 1, 0);
	play_pass(play, 1);
	play_came_2(play, 2);
	play_until_sent(play, OFFERING_BATCH_MS);
	for (unsigned i = 0; i < 3; i++)
		assert_memory_equal(play_descriptor(play, 0, i).id, play_id(i).octets,
				    PCHC_ID_SIZE);
	play_end(play);
}

static void without_a_port_offers_wait(void **state)
{
	struct play *play = play_begin(one_2, 1);

	(void)state;
	offering_port(play->offering, 0);
	play_came_2(play, 0);
	assert_int_equal(play->due_ms, INT64_MAX);
	play_pass(play, 60000);
	offering_port(play->offering, 1337);
	play_tick(play);
	assert_int_equal(play_read(play, 0).port, 1337);
	play_end(play);
}

/* ---- version 1.0 ---- */

static void an_initial_offer_goes_out_at_once(void **state)
{
	struct play *play = play_initial();
	struct pchc_request request = play_read(play, 0);

	(void)state;
	assert_int_equal(play->sent[0].version, 1);
	assert_int_equal(request.type, PCHC_INITIAL_OFFER);
	assert_int_equal(request.port, PLAY_PORT);
	assert_true(pccrr_id_equal(request.segment, play_id(0)));
	play_end(play);
}

static void who_is_interested_is_told_all_with_our_tag(void **state)
{
	struct play *play = play_initial();
	struct pchc_request request;

	(void)state;
	play_answer(play, PCHC_INTERESTED);
	assert_int_equal(play->sent_count, 2);
	request = play_read(play, 1);
	assert_int_equal(request.type, PCHC_SEGMENT_INFO);
	assert_int_equal(request.port, PLAY_PORT);
	assert_memory_equal(request.tag, OFFERING_TAG, PCHC_TAG_SIZE);
	assert_int_equal(request.information.segment.length, 19);
	play_answer(play, PCHC_OK);
	assert_int_equal(play_counters(play).offered, 1);
	assert_int_equal(play->due_ms, INT64_MAX);
	play_end(play);
}

static void who_knows_all_is_told_nothing(void **state)
{
	struct play *play = play_initial();

	(void)state;
	play_answer(play, PCHC_OK);
	assert_int_equal(play->sent_count, 1);
	assert_int_equal(play_counters(play).offered, 1);
	play_end(play);
}

static void what_is_not_known_any_more_ends_the_sequence_without_blame(void **state)
{
	struct play *play = play_initial();

	(void)state;
	play->unknown = true;
	play_came_1(play, 1, 1, 0);
	play_answer(play, PCHC_INTERESTED);
	assert_int_equal(play->sent_count, 2);
	assert_int_equal(play->sent[1].type, PCHC_INITIAL_OFFER);
	assert_int_equal(play_counters(play).failed, 0);
	play_end(play);
}

static void initial_offers_go_one_after_the_other(void **state)
{
	struct play *play = play_initial();

	(void)state;
	play_came_1(play, 1, 1, 0);
	assert_int_equal(play->sent_count, 1);
	play_answer(play, PCHC_INTERESTED);
	assert_int_equal(play->sent[1].type, PCHC_SEGMENT_INFO);
	play_answer(play, PCHC_OK);
	assert_int_equal(play->sent_count, 3);
	assert_true(pccrr_id_equal(play_read(play, 2).segment, play_id(1)));
	play_end(play);
}

static void an_interest_in_the_segment_info_is_a_wrong_answer(void **state)
{
	struct play *play = play_initial();

	(void)state;
	play_answer(play, PCHC_INTERESTED);
	play_answer(play, PCHC_INTERESTED);
	assert_int_equal(play->sent_count, 2);
	assert_int_equal(play_counters(play).failed, 1);
	play_end(play);
}

static void long_ids_go_by_version_1_where_both_are_taken(void **state)
{
	struct play *play = play_begin(both, 1);

	(void)state;
	play_came(play, DIGEST_SHA512, 0, 1, 0);
	play_came_1(play, 1, 1, 0);
	assert_int_equal(play->sent_count, 1);
	assert_int_equal(play->sent[0].version, 1);
	assert_int_equal(play_read(play, 0).segment.size, 64);
	play_until_sent(play, OFFERING_BATCH_MS);
	assert_int_equal(play->sent[1].version, 2);
	play_end(play);
}

/* ---- serving ---- */

static void what_is_on_offer_is_served_until_ten_minutes_after(void **state)
{
	struct play *play = play_begin(one_2, 1);

	(void)state;
	assert_true(offering_serves_until(play->offering) == INT64_MIN);
	play_came_2(play, 0);
	assert_false(play_serves(play, 0));
	play_until_sent(play, OFFERING_BATCH_MS);
	assert_true(play_serves(play, 0));
	assert_false(play_serves(play, 1));
	assert_true(offering_serves_until(play->offering) == INT64_MAX);
	play_pass(play, OFFERING_REQUEST_MS - 1);
	play_answer(play, PCHC_OK);
	assert_true(offering_serves_until(play->offering) == play->now_ms + 600000);
	play_pass(play, 599999);
	assert_true(play_serves(play, 0));
	play_pass(play, 1);
	assert_false(play_serves(play, 0));
	play_end(play);
}

static void what_may_have_arrived_is_served_too(void **state)
{
	struct play *play = play_batched(one_2, 1);

	(void)state;
	play_pass(play, OFFERING_REQUEST_MS);
	assert_true(play_serves(play, 0));
	play_end(play);
}

static void a_further_offer_prolongs_it(void **state)
{
	struct play *play = play_begin(one_1, 1);

	(void)state;
	play_came_1_run(play, 0, 0, 103);
	play_answer(play, PCHC_OK);
	play_pass(play, OFFERING_KEEP_MS - 1);
	play_came_1_run(play, 0, 103, 102);
	play_answer(play, PCHC_OK);
	play_pass(play, OFFERING_KEEP_MS - 1);
	assert_true(play_serves(play, 0));
	play_end(play);
}

/* ---- the end ---- */

static void stopping_abandons_what_is_out_and_begins_nothing(void **state)
{
	struct play *play = play_batched(one_2, 1);

	(void)state;
	play_came_2(play, 1);
	play->may = true;
	offering_stop(play->offering, play->now_ms);
	play_tick(play);
	assert_true(play->sent[0].abandoned);
	assert_int_equal(play_counters(play).queued, 0);
	assert_true(play_serves(play, 0));
	play_came_2(play, 2);
	assert_int_equal(play->due_ms, INT64_MAX);
	assert_int_equal(play->sent_count, 1);
	play_end(play);
}

static void too_many_servers_are_refused(void **state)
{
	struct offering_options options = {.server_count = OFFERING_SERVERS_MAX + 1};
	struct offering *offering;

	(void)state;
	assert_int_not_equal(offering_create(&options, 0, &offering), 0);
	offering_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_version_2_segment_is_offered_once_fetched),
		cmocka_unit_test(a_version_1_segment_goes_into_a_batch_too),
		cmocka_unit_test(less_than_a_fifth_is_not_offered),
		cmocka_unit_test(each_further_fifth_is_offered_and_the_last_block),
		cmocka_unit_test(a_block_counts_once),
		cmocka_unit_test(what_is_fetched_again_much_later_is_offered_again),
		cmocka_unit_test(what_is_out_for_a_later_step_is_not_fetched_again),
		cmocka_unit_test(a_step_that_is_reached_while_the_offer_is_out_is_offered_then),
		cmocka_unit_test(what_cannot_be_a_block_is_passed_over),
		cmocka_unit_test(another_length_of_the_same_id_does_no_harm),
		cmocka_unit_test(what_nobody_takes_is_not_remembered),
		cmocka_unit_test(a_batch_waits_for_a_second_after_its_first),
		cmocka_unit_test(a_full_batch_does_not_wait),
		cmocka_unit_test(one_batch_is_under_way_at_a_time),
		cmocka_unit_test(the_oldest_go_first_whatever_their_version),
		cmocka_unit_test(without_a_port_offers_wait),
		cmocka_unit_test(an_initial_offer_goes_out_at_once),
		cmocka_unit_test(who_is_interested_is_told_all_with_our_tag),
		cmocka_unit_test(who_knows_all_is_told_nothing),
		cmocka_unit_test(what_is_not_known_any_more_ends_the_sequence_without_blame),
		cmocka_unit_test(initial_offers_go_one_after_the_other),
		cmocka_unit_test(an_interest_in_the_segment_info_is_a_wrong_answer),
		cmocka_unit_test(long_ids_go_by_version_1_where_both_are_taken),
		cmocka_unit_test(what_is_on_offer_is_served_until_ten_minutes_after),
		cmocka_unit_test(what_may_have_arrived_is_served_too),
		cmocka_unit_test(a_further_offer_prolongs_it),
		cmocka_unit_test(stopping_abandons_what_is_out_and_begins_nothing),
		cmocka_unit_test(too_many_servers_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
