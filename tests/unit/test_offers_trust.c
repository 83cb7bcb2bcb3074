/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Whom a hosted cache believes: complaints, what they replace and what follows for who gave it
 * (hosted-cache.md section 9), and addresses that fail (retrieval.md 11.3).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/offers_stage.h"

#define MINUTE 60000
#define DAY (INT64_C(24) * 60 * MINUTE)

/* ---- complaints ---- */

/* Whether an offer of segment 7 by SERVER leads to a pull, when GIVER gave what is held. */
static bool complains(const struct xaddr *server, const struct xaddr *giver, int64_t age_ms)
{
	struct stage *stage = stage_begin();
	bool asked;

	stage_hold_2(stage, giver, age_ms);
	stage_offer_from(stage, server, 7);
	asked = stage->asked_count > 0;
	stage_end(stage);
	return asked;
}

static void an_offer_by_another_address_after_a_minute_is_a_complaint(void **state)
{
	struct xaddr here = stage_address(1), there = stage_address(2);

	(void)state;
	assert_true(complains(&here, &there, MINUTE + 1));
}

static void an_offer_within_a_minute_is_none(void **state)
{
	struct xaddr here = stage_address(1), there = stage_address(2);

	(void)state;
	assert_false(complains(&here, &there, MINUTE));
	assert_false(complains(&here, &there, 0));
	assert_false(complains(&here, &there, -DAY));
}

static void an_offer_by_the_giver_is_none(void **state)
{
	struct xaddr here = stage_address(1), other_port = stage_address(1);

	(void)state;
	other_port.port = 99;
	assert_false(complains(&here, &here, DAY));
	assert_false(complains(&other_port, &here, DAY));
}

static void an_offer_of_what_nobody_is_known_to_have_given_is_one(void **state)
{
	struct xaddr here = stage_address(1);

	(void)state;
	assert_true(complains(&here, NULL, DAY));
}

static void an_ipv6_network_is_one_giver(void **state)
{
	struct xaddr here = stage_address_6(1, 1), near = stage_address_6(1, 2);
	struct xaddr far = stage_address_6(2, 1), ipv4 = stage_address(1);

	(void)state;
	assert_false(complains(&here, &near, DAY));
	assert_true(complains(&here, &far, DAY));
	assert_true(complains(&here, &ipv4, DAY));
}

static void another_size_is_a_complaint_whoever_offers_it(void **state)
{
	struct stage *stage = stage_begin();
	struct xaddr here = stage_address(1);
	struct offers_item item = {.algorithm = DIGEST_SHA512_TRUNC256, .size = STAGE_BLOCK - 1};

	(void)state;
	stage_hold_2(stage, &here, MINUTE);
	stage_offer_item(stage, &here, 7, item);
	assert_int_equal(stage->asked_count, 0);
	stage->portions[0].age_ms = MINUTE + 1;
	stage_offer_item(stage, &here, 7, item);
	stage_asked_block(stage, 0, 1, 0);
	stage_end(stage);
}

static void another_algorithm_is_a_complaint_too(void **state)
{
	struct stage *stage = stage_begin();
	struct xaddr here = stage_address(1);
	struct offers_item item = {.algorithm = DIGEST_SHA256, .size = STAGE_BLOCK};

	(void)state;
	stage_hold_2(stage, &here, MINUTE + 1);
	stage_offer_item(stage, &here, 7, item);
	stage_asked_block(stage, 0, 1, 0);
	stage_end(stage);
}

static void the_newest_offer_counts(void **state)
{
	struct stage *stage = stage_begin();
	struct xaddr there = stage_address(2);

	(void)state;
	stage->later = true;
	stage_offer(stage, 1, 7);
	stage->now_ms += 10;
	stage_offer(stage, 1, 7);
	stage_hold_2(stage, &there, MINUTE + 1);
	stage_look(stage);
	stage_asked_block(stage, 0, 1, 0);
	stage_end(stage);
}

static void only_what_is_old_enough_is_replaced(void **state)
{
	struct stage *stage = stage_begin();
	struct xaddr there = stage_address(2), here = stage_address(1);

	(void)state;
	stage_hold(stage, 0, 100, &there, MINUTE);
	stage_hold(stage, 100, 2, &there, MINUTE + 1);
	stage_hold(stage, 102, 410, &here, DAY);
	stage_offer_1(stage, 1, 7, 512);
	stage_asked_block(stage, 0, 1, 100);
	stage_tell(stage, 0, OFFERS_CAME);
	stage_asked_block(stage, 1, 1, 101);
	stage_tell(stage, 1, OFFERS_CAME);
	assert_int_equal(stage->asked_count, 2);
	stage_end(stage);
}

static void an_offer_from_before_the_block_came_is_no_complaint(void **state)
{
	struct stage *stage = stage_begin();
	struct xaddr here = stage_address(1);

	(void)state;
	stage_offer(stage, 1, 7);
	stage_offer(stage, 2, 7);
	stage->now_ms += 10 * MINUTE;
	stage_hold_2(stage, &here, 2 * MINUTE);
	stage_tell(stage, 0, OFFERS_CAME);
	assert_int_equal(stage->asked_count, 1);
	assert_true(offers_is_idle(stage->offers));
	stage_end(stage);
}

static void what_is_verified_is_never_replaced(void **state)
{
	struct stage *stage = stage_begin();
	struct xaddr there = stage_address(2);

	(void)state;
	stage_hold_2(stage, &there, DAY);
	stage->portions[0].verified = true;
	stage_offer(stage, 1, 7);
	stage->holding.informed = true;
	stage_offer(stage, 1, 7);
	assert_int_equal(stage->asked_count, 0);
	stage_end(stage);
}

static void opaque_blocks_count_as_missing_where_content_information_is_known(void **state)
{
	struct stage *stage = stage_begin();
	struct xaddr here = stage_address(1);

	(void)state;
	stage_hold_2(stage, &here, 0);
	stage_offer(stage, 1, 7);
	assert_int_equal(stage->asked_count, 0);
	stage->holding.informed = true;
	stage_offer(stage, 1, 7);
	stage_asked_block(stage, 0, 1, 0);
	assert_true(stage->copies[0].informed);
	stage_end(stage);
}

static void an_offer_may_bring_the_content_information(void **state)
{
	struct stage *stage = stage_begin();
	struct xaddr here = stage_address(1);
	struct offers_item item = {.algorithm = DIGEST_SHA256, .size = STAGE_BLOCK};

	(void)state;
	stage->later = true;
	stage_hold(stage, 0, 1, &here, 0);
	stage->portions[0].size = STAGE_BLOCK;
	stage_offer_item(stage, &here, 7, item);
	item.informed = true;
	stage_offer_item(stage, &here, 7, item);
	stage_look(stage);
	assert_int_equal(stage->asked_count, 0);
	stage_look(stage);
	stage_asked_block(stage, 0, 1, 0);
	stage_end(stage);
}

/* ---- what was replaced ---- */

static void whose_block_was_replaced_is_not_asked_for_that_segment_for_a_day(void **state)
{
	struct stage *stage = stage_begin();
	struct xaddr liar = stage_address(9);

	(void)state;
	stage_offer(stage, 1, 7);
	stage_tell_replaced(stage, 0, &liar);
	assert_int_equal(stage_counters(stage).replaced, 1);
	stage->now_ms += DAY - 1;
	stage_offer(stage, 9, 7);
	assert_int_equal(stage->asked_count, 1);
	assert_int_equal(stage_fate(stage, OFFERS_UNTRUSTED), 1);
	stage->now_ms++;
	stage_offer(stage, 9, 7);
	stage_asked_block(stage, 1, 9, 0);
	stage_end(stage);
}

static void whose_block_was_replaced_is_asked_for_other_segments(void **state)
{
	struct stage *stage = stage_begin();
	struct xaddr liar = stage_address(9);

	(void)state;
	stage_offer(stage, 1, 7);
	stage_tell_replaced(stage, 0, &liar);
	stage_offer(stage, 9, 8);
	stage_asked_block(stage, 1, 9, 0);
	stage_end(stage);
}

static void the_whole_ipv6_network_is_not_asked_again(void **state)
{
	struct stage *stage = stage_begin();
	struct xaddr liar = stage_address_6(1, 1), near = stage_address_6(1, 2);
	struct xaddr far = stage_address_6(2, 2);

	(void)state;
	stage_offer(stage, 1, 7);
	stage_tell_replaced(stage, 0, &liar);
	stage_offer_from(stage, &near, 7);
	assert_int_equal(stage->asked_count, 1);
	stage_offer_from(stage, &far, 7);
	assert_int_equal(stage->asked_count, 2);
	stage_end(stage);
}

static void who_waits_is_not_asked_when_his_block_was_replaced(void **state)
{
	struct stage *stage = stage_begin();
	struct xaddr liar = stage_address(9);

	(void)state;
	stage_offer_1(stage, 1, 7, 2);
	stage_offer_1(stage, 9, 7, 2);
	stage_tell_replaced(stage, 0, &liar);
	stage_tell(stage, 1, OFFERS_LATE);
	assert_int_equal(stage->asked_count, 2);
	assert_true(offers_is_idle(stage->offers));
	stage_end(stage);
}

static void who_replaces_his_own_block_may_go_on(void **state)
{
	struct stage *stage = stage_begin();
	struct xaddr here = stage_address(1);

	(void)state;
	stage_offer(stage, 1, 7);
	stage_tell_replaced(stage, 0, &here);
	assert_int_equal(stage_counters(stage).replaced, 0);
	stage_offer(stage, 1, 7);
	stage_asked_block(stage, 1, 1, 0);
	stage_end(stage);
}

static void who_gave_over_half_displaces_his_own(void **state)
{
	struct stage *stage = stage_begin();
	struct xaddr here = stage_address(1);

	(void)state;
	assert_int_equal(offers_room(stage->offers, &here), OFFERS_ROOM_OF_ALL);
	stage->held = 11;
	stage->given = 5;
	assert_int_equal(offers_room(stage->offers, &here), OFFERS_ROOM_OF_ALL);
	stage->given = 6;
	assert_int_equal(offers_room(stage->offers, &here), OFFERS_ROOM_OF_ITS_OWN);
	stage->held = 12;
	assert_int_equal(offers_room(stage->offers, &here), OFFERS_ROOM_OF_ALL);
	stage_end(stage);
}

/* ---- judgements ---- */

/* ADDRESS offers COUNT segments, from FIRST on, and each exchange ends with OUTCOME. */
static void fails(struct stage *stage, unsigned address, unsigned first, unsigned count,
		  enum offers_outcome outcome)
{
	for (unsigned i = 0; i < count; i++) {
		stage_offer(stage, address, first + i);
		stage->now_ms++;
		stage_tell(stage, stage->asked_count - 1, outcome);
	}
}

static void who_fails_four_times_and_never_gives_is_out_for_a_minute(void **state)
{
	struct stage *stage = stage_begin();
	struct xaddr bad = stage_address(1);

	(void)state;
	fails(stage, 1, 0, 3, OFFERS_MALFORMED);
	assert_false(offers_is_out(stage->offers, &bad, stage->now_ms));
	fails(stage, 1, 3, 1, OFFERS_MALFORMED);
	assert_true(offers_is_out(stage->offers, &bad, stage->now_ms));
	stage->now_ms += MINUTE - 1;
	stage_offer(stage, 1, 9);
	assert_int_equal(stage->asked_count, 4);
	assert_int_equal(stage_fate(stage, OFFERS_UNTRUSTED), 1);
	stage->now_ms++;
	stage_offer(stage, 1, 9);
	stage_asked_block(stage, 4, 1, 0);
	stage_end(stage);
}

static void who_is_out_again_is_so_for_twice_as_long(void **state)
{
	struct stage *stage = stage_begin();
	struct xaddr bad = stage_address(1);

	(void)state;
	fails(stage, 1, 0, 4, OFFERS_REFUSED);
	stage->now_ms += MINUTE;
	fails(stage, 1, 0, 4, OFFERS_REFUSED);
	assert_true(offers_is_out(stage->offers, &bad, stage->now_ms + 2 * MINUTE - 1));
	assert_false(offers_is_out(stage->offers, &bad, stage->now_ms + 2 * MINUTE));
	stage_end(stage);
}

static void who_gave_something_is_out_after_three_timeouts_in_a_row(void **state)
{
	struct stage *stage = stage_begin();
	struct xaddr slow = stage_address(1);

	(void)state;
	fails(stage, 1, 0, 1, OFFERS_CAME);
	fails(stage, 1, 1, 2, OFFERS_LATE);
	fails(stage, 1, 3, 1, OFFERS_CAME);
	fails(stage, 1, 4, 2, OFFERS_LATE);
	assert_false(offers_is_out(stage->offers, &slow, stage->now_ms));
	fails(stage, 1, 6, 1, OFFERS_LATE);
	assert_true(offers_is_out(stage->offers, &slow, stage->now_ms));
	stage_end(stage);
}

static void who_gave_something_is_out_after_twelve_failures_of_sixteen(void **state)
{
	struct stage *stage = stage_begin();
	struct xaddr bad = stage_address(1);

	(void)state;
	fails(stage, 1, 0, 4, OFFERS_CAME);
	fails(stage, 1, 4, 11, OFFERS_WRONG);
	assert_false(offers_is_out(stage->offers, &bad, stage->now_ms));
	fails(stage, 1, 15, 1, OFFERS_WRONG);
	assert_true(offers_is_out(stage->offers, &bad, stage->now_ms));
	stage_end(stage);
}

static void empty_blocks_put_nobody_out(void **state)
{
	struct stage *stage = stage_begin();
	struct xaddr empty = stage_address(1);

	(void)state;
	fails(stage, 1, 0, 100, OFFERS_NOT_HERE);
	assert_false(offers_is_out(stage->offers, &empty, stage->now_ms));
	stage_end(stage);
}

static void exchanges_that_fail_together_are_one_failure(void **state)
{
	struct stage *stage = stage_begin();
	struct xaddr bad = stage_address(1);

	(void)state;
	for (unsigned i = 0; i < 15; i++)
		stage_offer(stage, 1, i);
	for (unsigned i = 0; i < 7; i++)
		stage_tell(stage, i, OFFERS_CAME);
	assert_int_equal(stage->asked_count, 15);
	stage->now_ms += 2000;
	for (unsigned i = 7; i < 15; i++)
		stage_tell(stage, i, OFFERS_LATE);
	assert_false(offers_is_out(stage->offers, &bad, stage->now_ms));
	stage_end(stage);
}

static void what_waits_for_who_is_put_out_is_the_next_ones_or_forgotten(void **state)
{
	struct stage *stage = stage_begin();

	(void)state;
	for (unsigned i = 0; i < 100; i++)
		stage_offer(stage, 1, i);
	stage_offer(stage, 2, 50);
	for (unsigned i = 0; i < 4; i++) {
		stage->now_ms++;
		stage_tell(stage, i, OFFERS_VANISHED);
	}
	stage_asked_block(stage, 4, 2, 0);
	assert_int_equal(stage_counters(stage).segments, 1);
	stage_end(stage);
}

/* All that is under way but the first so many times out. */
static void stall(struct stage *stage, unsigned first)
{
	unsigned end = stage->asked_count;

	stage->now_ms++;
	for (unsigned i = first; i < end; i++)
		if (stage->asked[i] != NULL)
			stage_tell(stage, i, OFFERS_LATE);
}

static void a_list_that_comes_when_its_giver_is_out_is_not_used(void **state)
{
	struct stage *stage = stage_begin();
	struct xaddr bad = stage_address(1);

	(void)state;
	fails(stage, 1, 0, 8, OFFERS_CAME);
	stage_offer_1(stage, 1, 100, 512);
	for (unsigned i = 0; i < 50; i++)
		stage_offer(stage, 1, 200 + i);
	for (unsigned i = 0; i < 3; i++) {
		assert_false(offers_is_out(stage->offers, &bad, stage->now_ms));
		stall(stage, 9);
	}
	assert_true(offers_is_out(stage->offers, &bad, stage->now_ms));
	assert_int_equal(stage_counters(stage).segments, 1);
	stage_tell_list(stage, 8, 0, 512);
	assert_true(offers_is_idle(stage->offers));
	stage_end(stage);
}

static void who_is_put_out_during_a_look_is_not_asked(void **state)
{
	struct stage *stage = stage_begin();

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		stage_offer_1(stage, 1, i, 3);
	stage->later = true;
	stage_offer(stage, 1, 7);
	for (unsigned i = 0; i < 3; i++) {
		stage->now_ms++;
		stage_tell(stage, i, OFFERS_LATE);
	}
	stage_look(stage);
	assert_int_equal(stage->asked_count, 3);
	assert_true(offers_is_idle(stage->offers));
	stage_end(stage);
}

static void who_waits_is_not_asked_when_he_is_out_by_then(void **state)
{
	struct stage *stage = stage_begin();

	(void)state;
	stage_offer(stage, 1, 100);
	stage_offer(stage, 2, 100);
	fails(stage, 2, 0, 3, OFFERS_LATE);
	stage_tell(stage, 0, OFFERS_GAVE_UP);
	assert_int_equal(stage->asked_count, 4);
	assert_true(offers_is_idle(stage->offers));
	stage_end(stage);
}

static void who_was_out_begins_with_one_exchange(void **state)
{
	struct stage *stage = stage_begin();

	(void)state;
	fails(stage, 1, 0, 20, OFFERS_CAME);
	fails(stage, 1, 20, 3, OFFERS_LATE);
	stage->now_ms += MINUTE;
	for (unsigned i = 0; i < 8; i++)
		stage_offer(stage, 1, i);
	assert_int_equal(stage_counters(stage).exchanges, 1);
	stage_end(stage);
}

static void an_hour_without_failure_forgets(void **state)
{
	struct stage *stage = stage_begin();
	struct xaddr bad = stage_address(1);

	(void)state;
	fails(stage, 1, 0, 3, OFFERS_LATE);
	stage->now_ms += 61 * MINUTE;
	fails(stage, 1, 0, 3, OFFERS_LATE);
	assert_true(offers_is_out(stage->offers, &bad, stage->now_ms + MINUTE - 1));
	assert_false(offers_is_out(stage->offers, &bad, stage->now_ms + MINUTE));
	stage_end(stage);
}

static void an_hour_of_being_out_forgets_nothing(void **state)
{
	struct stage *stage = stage_begin();
	struct xaddr bad = stage_address(1);
	int64_t out_ms = MINUTE;

	(void)state;
	for (unsigned i = 0; i < 9; i++) {
		fails(stage, 1, i * 3, 3, OFFERS_LATE);
		assert_true(offers_is_out(stage->offers, &bad, stage->now_ms + out_ms - 1));
		stage->now_ms += out_ms;
		assert_false(offers_is_out(stage->offers, &bad, stage->now_ms));
		out_ms = out_ms * 2 < 60 * MINUTE ? out_ms * 2 : 60 * MINUTE;
	}
	stage_end(stage);
}

static void an_empty_block_between_timeouts_ends_their_row(void **state)
{
	struct stage *stage = stage_begin();
	struct xaddr slow = stage_address(1);

	(void)state;
	fails(stage, 1, 0, 1, OFFERS_CAME);
	fails(stage, 1, 1, 2, OFFERS_LATE);
	fails(stage, 1, 3, 1, OFFERS_NOT_HERE);
	fails(stage, 1, 4, 2, OFFERS_LATE);
	assert_false(offers_is_out(stage->offers, &slow, stage->now_ms));
	stage_end(stage);
}

/* A mount that was ended does not speak for the one beside it, or for the one that follows. */
static void another_port_of_who_is_out_is_asked(void **state)
{
	struct stage *stage = stage_begin();
	struct xaddr bad = stage_address(1), good = stage_address(1);

	(void)state;
	good.port = 99;
	fails(stage, 1, 0, 4, OFFERS_REFUSED);
	assert_true(offers_is_out(stage->offers, &bad, stage->now_ms));
	assert_false(offers_is_out(stage->offers, &good, stage->now_ms));
	stage_offer_from(stage, &good, 9);
	assert_int_equal(stage->asked_count, 5);
	assert_int_equal(stage->copies[4].server.port, 99);
	stage_tell(stage, 4, OFFERS_CAME);
	stage_offer(stage, 1, 10);
	assert_int_equal(stage->asked_count, 5);
	assert_int_equal(stage_fate(stage, OFFERS_UNTRUSTED), 1);
	stage_end(stage);
}

static void failures_of_different_ports_do_not_add_up(void **state)
{
	struct stage *stage = stage_begin();
	struct xaddr server = stage_address(1);

	(void)state;
	for (unsigned i = 0; i < 16; i++) {
		server.port = (uint16_t)(100 + i);
		stage_offer_from(stage, &server, i);
		stage->now_ms++;
		stage_tell(stage, i, OFFERS_MALFORMED);
		assert_false(offers_is_out(stage->offers, &server, stage->now_ms));
	}
	stage_end(stage);
}

static void what_waits_at_another_port_stays_when_one_is_put_out(void **state)
{
	struct stage *stage = stage_begin();
	struct xaddr good = stage_address(1), any = stage_address(1);

	(void)state;
	good.port = 99;
	any.port = 0;
	for (unsigned i = 0; i < 10; i++)
		stage_offer(stage, 1, i);
	stage_offer_from(stage, &good, 10);
	for (unsigned i = 0; i < 4; i++) {
		stage->now_ms++;
		stage_tell(stage, i, OFFERS_MALFORMED);
	}
	assert_true(offers_is_out(stage->offers, &any, stage->now_ms));
	assert_int_equal(stage->asked_count, 5);
	assert_int_equal(stage->copies[4].server.port, 99);
	assert_int_equal(stage_counters(stage).segments, 1);
	stage_end(stage);
}

static void trust_can_be_given_back(void **state)
{
	struct stage *stage = stage_begin();
	struct xaddr bad = stage_address(1), liar = stage_address(9);

	(void)state;
	fails(stage, 1, 0, 3, OFFERS_LATE);
	assert_true(offers_is_out(stage->offers, &bad, stage->now_ms));
	stage_offer(stage, 2, 7);
	stage_tell_replaced(stage, stage->asked_count - 1, &liar);
	offers_trust(stage->offers);
	assert_false(offers_is_out(stage->offers, &bad, stage->now_ms));
	stage_offer(stage, 9, 7);
	assert_int_equal(stage_counters(stage).exchanges, 1);
	stage_end(stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_offer_by_another_address_after_a_minute_is_a_complaint),
		cmocka_unit_test(an_offer_within_a_minute_is_none),
		cmocka_unit_test(an_offer_by_the_giver_is_none),
		cmocka_unit_test(an_offer_of_what_nobody_is_known_to_have_given_is_one),
		cmocka_unit_test(an_ipv6_network_is_one_giver),
		cmocka_unit_test(another_size_is_a_complaint_whoever_offers_it),
		cmocka_unit_test(another_algorithm_is_a_complaint_too),
		cmocka_unit_test(the_newest_offer_counts),
		cmocka_unit_test(only_what_is_old_enough_is_replaced),
		cmocka_unit_test(an_offer_from_before_the_block_came_is_no_complaint),
		cmocka_unit_test(what_is_verified_is_never_replaced),
		cmocka_unit_test(opaque_blocks_count_as_missing_where_content_information_is_known),
		cmocka_unit_test(an_offer_may_bring_the_content_information),
		cmocka_unit_test(whose_block_was_replaced_is_not_asked_for_that_segment_for_a_day),
		cmocka_unit_test(whose_block_was_replaced_is_asked_for_other_segments),
		cmocka_unit_test(the_whole_ipv6_network_is_not_asked_again),
		cmocka_unit_test(who_waits_is_not_asked_when_his_block_was_replaced),
		cmocka_unit_test(who_replaces_his_own_block_may_go_on),
		cmocka_unit_test(who_gave_over_half_displaces_his_own),
		cmocka_unit_test(who_fails_four_times_and_never_gives_is_out_for_a_minute),
		cmocka_unit_test(who_is_out_again_is_so_for_twice_as_long),
		cmocka_unit_test(who_gave_something_is_out_after_three_timeouts_in_a_row),
		cmocka_unit_test(who_gave_something_is_out_after_twelve_failures_of_sixteen),
		cmocka_unit_test(empty_blocks_put_nobody_out),
		cmocka_unit_test(exchanges_that_fail_together_are_one_failure),
		cmocka_unit_test(what_waits_for_who_is_put_out_is_the_next_ones_or_forgotten),
		cmocka_unit_test(a_list_that_comes_when_its_giver_is_out_is_not_used),
		cmocka_unit_test(who_is_put_out_during_a_look_is_not_asked),
		cmocka_unit_test(who_waits_is_not_asked_when_he_is_out_by_then),
		cmocka_unit_test(who_was_out_begins_with_one_exchange),
		cmocka_unit_test(an_hour_without_failure_forgets),
		cmocka_unit_test(an_hour_of_being_out_forgets_nothing),
		cmocka_unit_test(an_empty_block_between_timeouts_ends_their_row),
		cmocka_unit_test(another_port_of_who_is_out_is_asked),
		cmocka_unit_test(failures_of_different_ports_do_not_add_up),
		cmocka_unit_test(what_waits_at_another_port_stays_when_one_is_put_out),
		cmocka_unit_test(trust_can_be_given_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
