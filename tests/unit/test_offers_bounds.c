/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a hosted cache does not do, however much it is offered (hosted-cache.md 8.4).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/offers_stage.h"

static void sixty_four_exchanges_are_under_way_at_most(void **state)
{
	struct stage *stage = stage_begin();

	(void)state;
	for (unsigned i = 0; i < 100; i++)
		stage_offer(stage, i, i);
	assert_int_equal(stage->asked_count, 64);
	stage_tell(stage, 5, OFFERS_CAME);
	stage_asked_block(stage, 64, 64, 0);
	stage_end(stage);
}

static void an_address_gets_one_exchange_more_with_each_block_up_to_eight(void **state)
{
	struct stage *stage = stage_begin();

	(void)state;
	for (unsigned i = 0; i < 100; i++)
		stage_offer(stage, 1, i);
	assert_int_equal(stage->asked_count, 1);
	for (unsigned told = 0; told < 20; told++) {
		stage_tell(stage, told, OFFERS_CAME);
		assert_int_equal(stage_counters(stage).exchanges, told < 7 ? told + 2 : 8);
	}
	stage_end(stage);
}

static void an_address_gets_half_of_them_after_a_failure_or_an_empty_block(void **state)
{
	static const enum offers_outcome rows[] = {OFFERS_LATE, OFFERS_NOT_HERE};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct stage *stage = stage_begin();

		for (unsigned k = 0; k < 100; k++)
			stage_offer(stage, 1, k);
		for (unsigned told = 0; told < 7; told++)
			stage_tell(stage, told, OFFERS_CAME);
		stage->now_ms++;
		stage_tell(stage, 7, rows[i]);
		for (unsigned told = 8; told < 11; told++)
			stage_tell(stage, told, OFFERS_GAVE_UP);
		assert_int_equal(stage_counters(stage).exchanges, 4);
		stage_tell(stage, 11, OFFERS_GAVE_UP);
		assert_int_equal(stage_counters(stage).exchanges, 4);
		stage_end(stage);
	}
}

static void who_has_least_under_way_comes_first(void **state)
{
	struct stage *stage = stage_begin_with((struct offers_limits){
		.exchanges = 8, .segments = 1024, .addresses = 8, .spoilt = 8});

	(void)state;
	for (unsigned i = 0; i < 100; i++)
		stage_offer(stage, 1, i);
	for (unsigned told = 0; told < 8; told++)
		stage_tell(stage, told, OFFERS_CAME);
	assert_int_equal(stage_counters(stage).exchanges, 8);
	for (unsigned i = 0; i < 2; i++) {
		stage_offer(stage, 2, 200 + i);
		stage_offer(stage, 3, 300 + i);
	}
	stage_tell(stage, 8, OFFERS_CAME);
	stage_asked_block(stage, 16, 2, 0);
	stage_tell(stage, 9, OFFERS_CAME);
	stage_asked_block(stage, 17, 3, 0);
	stage_end(stage);
}

static void looks_are_64_at_a_time(void **state)
{
	struct stage *stage = stage_begin();

	(void)state;
	stage->later = true;
	for (unsigned i = 0; i < 100; i++)
		stage_offer(stage, 1, i);
	assert_int_equal(stage->look_count, 64);
	stage_look(stage);
	assert_int_equal(stage->look_count, 65);
	stage_end(stage);
}

static void offers_beyond_65536_segments_are_forgotten(void **state)
{
	struct stage *stage = stage_begin();

	(void)state;
	stage->later = true;
	for (unsigned i = 0; i < 65537; i++)
		stage_offer(stage, i % 5, i);
	assert_int_equal(stage_fate(stage, OFFERS_QUEUED), 65536);
	assert_int_equal(stage_fate(stage, OFFERS_BEYOND), 1);
	assert_int_equal(stage_counters(stage).segments, 65536);
	stage_offer(stage, 9, 0);
	assert_int_equal(stage_fate(stage, OFFERS_WAITING), 1);
	stage_end(stage);
}

static void half_of_the_segments_may_be_of_one_address(void **state)
{
	struct stage *stage = stage_begin();

	(void)state;
	stage->later = true;
	for (unsigned i = 0; i < 32769; i++)
		stage_offer(stage, 1, i);
	assert_int_equal(stage_fate(stage, OFFERS_QUEUED), 32768);
	assert_int_equal(stage_fate(stage, OFFERS_BEYOND), 1);
	stage_offer(stage, 2, 99999);
	assert_int_equal(stage_fate(stage, OFFERS_QUEUED), 32769);
	stage_end(stage);
}

static void of_one_segment_the_half_is_one(void **state)
{
	struct stage *stage = stage_begin_with(
		(struct offers_limits){.exchanges = 1, .segments = 1, .addresses = 8, .spoilt = 8});

	(void)state;
	stage_offer(stage, 1, 1);
	stage_asked_block(stage, 0, 1, 0);
	stage_offer(stage, 2, 2);
	assert_int_equal(stage_fate(stage, OFFERS_BEYOND), 1);
	stage_end(stage);
}

static void what_is_done_with_does_not_count_to_the_half(void **state)
{
	struct stage *stage = stage_begin_with(
		(struct offers_limits){.exchanges = 1, .segments = 4, .addresses = 8, .spoilt = 8});

	(void)state;
	for (unsigned i = 0; i < 10; i++) {
		stage_offer(stage, 1, i);
		stage_tell(stage, i, OFFERS_CAME);
	}
	assert_int_equal(stage_fate(stage, OFFERS_QUEUED), 10);
	stage_end(stage);
}

static void who_has_half_of_them_does_not_take_over_more(void **state)
{
	struct stage *stage = stage_begin_with(
		(struct offers_limits){.exchanges = 1, .segments = 4, .addresses = 8, .spoilt = 8});

	(void)state;
	stage_offer(stage, 2, 1);
	stage_offer(stage, 1, 1);
	stage_offer(stage, 1, 2);
	stage_offer(stage, 1, 3);
	stage_tell(stage, 0, OFFERS_LATE);
	assert_int_equal(stage_counters(stage).segments, 2);
	stage_end(stage);
}

static void addresses_with_nothing_queued_make_room(void **state)
{
	struct stage *stage = stage_begin_with(
		(struct offers_limits){.exchanges = 8, .segments = 8, .addresses = 2, .spoilt = 8});

	(void)state;
	stage_offer(stage, 1, 1);
	stage_offer(stage, 2, 2);
	stage_offer(stage, 3, 3);
	assert_int_equal(stage_fate(stage, OFFERS_BEYOND), 1);
	stage_tell(stage, 0, OFFERS_CAME);
	stage_offer(stage, 3, 3);
	stage_asked_block(stage, 2, 3, 0);
	assert_int_equal(stage_counters(stage).addresses, 2);
	stage_end(stage);
}

static void link_local_addresses_differ_by_their_zone(void **state)
{
	struct stage *stage = stage_begin();
	struct xaddr server = {XADDR_IPV6, 1337, {0xfe, 0x80, [15] = 1}, 1};

	(void)state;
	stage_offer_from(stage, &server, 1);
	server.zone = 2;
	stage_offer_from(stage, &server, 2);
	assert_int_equal(stage->asked_count, 2);
	assert_int_equal(stage->copies[0].server.zone, 1);
	assert_int_equal(stage->copies[1].server.zone, 2);
	stage_end(stage);
}

static void what_is_stopped_begins_nothing_more(void **state)
{
	struct stage *stage = stage_begin();

	(void)state;
	stage_offer_1(stage, 1, 1, 3);
	stage_offer_1(stage, 2, 1, 3);
	stage_offer(stage, 1, 2);
	stage->later = true;
	stage_offer(stage, 3, 3);
	offers_stop(stage->offers);
	assert_int_equal(stage_counters(stage).segments, 2);
	stage_offer(stage, 4, 4);
	stage_look(stage);
	stage_tell(stage, 0, OFFERS_CAME);
	assert_int_equal(stage->asked_count, 1);
	assert_true(offers_is_idle(stage->offers));
	stage_end(stage);
	offers_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sixty_four_exchanges_are_under_way_at_most),
		cmocka_unit_test(an_address_gets_one_exchange_more_with_each_block_up_to_eight),
		cmocka_unit_test(an_address_gets_half_of_them_after_a_failure_or_an_empty_block),
		cmocka_unit_test(who_has_least_under_way_comes_first),
		cmocka_unit_test(looks_are_64_at_a_time),
		cmocka_unit_test(offers_beyond_65536_segments_are_forgotten),
		cmocka_unit_test(half_of_the_segments_may_be_of_one_address),
		cmocka_unit_test(of_one_segment_the_half_is_one),
		cmocka_unit_test(what_is_done_with_does_not_count_to_the_half),
		cmocka_unit_test(who_has_half_of_them_does_not_take_over_more),
		cmocka_unit_test(addresses_with_nothing_queued_make_room),
		cmocka_unit_test(link_local_addresses_differ_by_their_zone),
		cmocka_unit_test(what_is_stopped_begins_nothing_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
