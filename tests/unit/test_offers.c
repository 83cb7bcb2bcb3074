/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a hosted cache asks for when it is offered something (hosted-cache.md 8.4). Its bounds are
 * in test_offers_bounds.c, what section 9 wants in test_offers_trust.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/offers_stage.h"

#define MIB (UINT32_C(1) << 20)

/* ---- what is asked for ---- */

static void what_is_missing_is_asked_for_at_once(void **state)
{
	struct stage *stage = stage_begin();
	const struct offers_exchange *exchange = &stage->copies[0];

	(void)state;
	stage_offer(stage, 1, 7);
	stage_asked_block(stage, 0, 1, 0);
	assert_int_equal(exchange->segment.size, 32);
	assert_int_equal(exchange->segment.octets[1], 7);
	assert_int_equal(exchange->algorithm, DIGEST_SHA512_TRUNC256);
	assert_int_equal(exchange->size, STAGE_BLOCK);
	assert_int_equal(exchange->length, STAGE_BLOCK);
	stage_end(stage);
}

static void what_has_come_is_done_with(void **state)
{
	struct stage *stage = stage_begin();

	(void)state;
	stage_offer(stage, 1, 7);
	stage_tell(stage, 0, OFFERS_CAME);
	assert_true(offers_is_idle(stage->offers));
	assert_int_equal(stage_counters(stage).blocks[OFFERS_CAME], 1);
	assert_int_equal(stage_counters(stage).pulls, 1);
	stage_end(stage);
}

static void three_adjacent_blocks_need_no_list(void **state)
{
	struct stage *stage = stage_begin();

	(void)state;
	stage_offer_1(stage, 1, 7, 3);
	stage_asked_block(stage, 0, 1, 0);
	stage_tell(stage, 0, OFFERS_CAME);
	assert_int_equal(stage->asked_count, 3);
	assert_int_equal(stage->copies[1].block, 1);
	assert_int_equal(stage->copies[2].block, 2);
	assert_int_equal(stage->copies[2].type, PCCRR_ASK_BLOCK);
	stage_end(stage);
}

static void of_four_blocks_the_list_is_asked_for_first(void **state)
{
	struct stage *stage = stage_begin();

	(void)state;
	stage_offer_1(stage, 1, 7, 4);
	stage_asked_list(stage, 0, 1);
	assert_int_equal(stage->copies[0].blocks[0], 0xf);
	stage_end(stage);
}

static void of_blocks_apart_the_list_is_asked_for_first(void **state)
{
	struct stage *stage = stage_begin();

	(void)state;
	stage_hold(stage, 1, 510, NULL, 0);
	stage_offer_1(stage, 1, 7, 512);
	stage_asked_list(stage, 0, 1);
	assert_int_equal(stage->copies[0].blocks[0], 1);
	assert_int_equal(stage->copies[0].blocks[7], UINT64_C(1) << 63);
	stage_end(stage);
}

static void only_what_is_listed_is_asked_for(void **state)
{
	struct stage *stage = stage_begin();

	(void)state;
	stage_offer_1(stage, 1, 7, 512);
	stage_tell_list(stage, 0, 100, 1);
	stage_asked_block(stage, 1, 1, 100);
	stage_tell(stage, 1, OFFERS_CAME);
	assert_true(offers_is_idle(stage->offers));
	stage_end(stage);
}

static void an_empty_list_ends_the_pull(void **state)
{
	struct stage *stage = stage_begin();

	(void)state;
	stage_offer_1(stage, 1, 7, 512);
	stage_tell_list(stage, 0, 0, 0);
	assert_int_equal(stage->asked_count, 1);
	assert_true(offers_is_idle(stage->offers));
	stage_end(stage);
}

static void what_is_begun_comes_before_what_waits(void **state)
{
	struct stage *stage = stage_begin();

	(void)state;
	stage_offer_1(stage, 1, 7, 512);
	stage_offer_1(stage, 1, 8, 512);
	stage_tell_list(stage, 0, 0, 512);
	assert_int_equal(stage->asked_count, 3);
	assert_int_equal(stage->copies[1].segment.octets[1], 7);
	assert_int_equal(stage->copies[2].segment.octets[1], 7);
	assert_int_equal(stage->copies[2].block, 1);
	stage_end(stage);
}

static void what_is_held_is_not_asked_for(void **state)
{
	struct stage *stage = stage_begin();

	(void)state;
	stage_hold(stage, 0, 510, NULL, 0);
	stage_offer_1(stage, 1, 7, 512);
	stage_asked_block(stage, 0, 1, 510);
	stage_hold(stage, 510, 2, NULL, 0);
	stage_offer_1(stage, 2, 8, 512);
	assert_int_equal(stage->asked_count, 1);
	assert_int_equal(stage_counters(stage).needless, 1);
	stage_end(stage);
}

static void nonsense_about_what_is_held_does_no_harm(void **state)
{
	struct stage *stage = stage_begin();

	(void)state;
	stage_hold(stage, UINT32_MAX, UINT32_MAX, NULL, 0);
	stage_hold(stage, 2, UINT32_MAX, NULL, 0);
	stage_offer_1(stage, 1, 7, 3);
	stage_asked_block(stage, 0, 1, 0);
	stage_end(stage);
}

static void the_last_block_may_be_short(void **state)
{
	struct stage *stage = stage_begin();
	struct xaddr server = stage_address(1);

	(void)state;
	stage_hold(stage, 0, 1, NULL, 0);
	stage_offer_item(stage, &server, 7,
			 (struct offers_item){.algorithm = DIGEST_SHA256, .size = STAGE_BLOCK + 5});
	stage_asked_block(stage, 0, 1, 1);
	assert_int_equal(stage->copies[0].length, 5);
	stage_end(stage);
}

static void nothing_is_pulled_for_offers_without_sense(void **state)
{
	static const struct {
		enum digest_algorithm algorithm;
		uint32_t size;
		uint16_t port;
		uint8_t first; /* octet of the address */
	} rows[] = {
		{DIGEST_SHA256, 1, 0, 10},
		{DIGEST_SHA256, 1, STAGE_OWN_PORT, 10},
		{DIGEST_SHA256, 1, 80, 224},
		{DIGEST_SHA256, 0, 80, 10},
		{DIGEST_SHA256, 32 * MIB + 1, 80, 10},
		{DIGEST_SHA256, UINT32_MAX, 80, 10},
		{DIGEST_SHA512_TRUNC256, 0, 80, 10},
		{DIGEST_SHA512_TRUNC256, 128 * 1024 + 1, 80, 10},
		{DIGEST_SHA512, 1, 80, 10}, /* its id has another size */
		{DIGEST_ALGORITHMS, 1, 80, 10},
	};
	struct stage *stage = stage_begin();

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct xaddr server = stage_address(1);

		server.port = rows[i].port;
		server.octets[0] = rows[i].first;
		stage_offer_item(
			stage, &server, i,
			(struct offers_item){.algorithm = rows[i].algorithm, .size = rows[i].size});
		assert_int_equal(stage_fate(stage, OFFERS_NOTHING), i + 1);
	}
	assert_int_equal(stage->asked_count, 0);
	assert_true(offers_is_idle(stage->offers));
	stage_end(stage);
}

static void the_largest_segments_are_pulled(void **state)
{
	struct stage *stage = stage_begin();
	struct xaddr server = stage_address(1);

	(void)state;
	stage_offer_item(
		stage, &server, 1,
		(struct offers_item){.algorithm = DIGEST_SHA512_TRUNC256, .size = 128 * 1024});
	stage_asked_block(stage, 0, 1, 0);
	assert_int_equal(stage->copies[0].length, 128 * 1024);
	server = stage_address(2);
	stage_offer_item(stage, &server, 2,
			 (struct offers_item){.algorithm = DIGEST_SHA256, .size = 32 * MIB});
	stage_asked_list(stage, 1, 2);
	assert_int_equal(stage->copies[1].blocks[7], UINT64_MAX);
	stage_end(stage);
}

static void longer_ids_are_pulled_too(void **state)
{
	static const uint8_t id[48] = {1};
	struct stage *stage = stage_begin();
	struct xaddr server = stage_address(1);

	(void)state;
	stage_offer_item(stage, &server, 0,
			 (struct offers_item){.algorithm = DIGEST_SHA384,
					      .id = {id, sizeof(id)},
					      .size = 2 * STAGE_BLOCK});
	assert_int_equal(stage->asked_count, 1);
	assert_int_equal(stage->copies[0].segment.size, 48);
	assert_int_equal(stage->copies[0].length, STAGE_BLOCK);
	stage_end(stage);
}

static void ipv4_inside_ipv6_is_ipv4(void **state)
{
	struct stage *stage = stage_begin();
	struct xaddr server = {
		.family = XADDR_IPV6,
		.port = 1337,
		.octets = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 1},
	};

	(void)state;
	stage_offer_from(stage, &server, 7);
	stage_asked_block(stage, 0, 1, 0);
	stage_end(stage);
}

/* ---- the same segment more than once ---- */

static void duplicates_in_one_message_count_once(void **state)
{
	struct stage *stage = stage_begin();
	struct xaddr server = stage_address(1);
	uint8_t id[32] = {1};
	struct offers_item item = {DIGEST_SHA256, {id, sizeof(id)}, STAGE_BLOCK, false};
	struct offers_item items[3] = {item, item, item};

	(void)state;
	offers_take(stage->offers, &server, items, 3, stage->now_ms);
	assert_int_equal(stage->asked_count, 1);
	assert_int_equal(stage_fate(stage, OFFERS_REPEATED), 2);
	stage_tell(stage, 0, OFFERS_CAME);
	assert_true(offers_is_idle(stage->offers));
	stage_end(stage);
}

static void duplicates_in_several_messages_count_once(void **state)
{
	struct stage *stage = stage_begin();

	(void)state;
	stage->later = true;
	for (unsigned i = 0; i < 5; i++)
		stage_offer(stage, 1, 7);
	assert_int_equal(stage->look_count, 1);
	assert_int_equal(stage_fate(stage, OFFERS_REPEATED), 4);
	stage_look(stage);
	stage_tell(stage, 0, OFFERS_CAME);
	assert_true(offers_is_idle(stage->offers));
	stage_end(stage);
}

static void the_newest_port_is_asked(void **state)
{
	struct stage *stage = stage_begin();
	struct xaddr server = stage_address(1);

	(void)state;
	stage->later = true;
	stage_offer(stage, 1, 7);
	server.port = 4711;
	stage_offer_from(stage, &server, 7);
	stage_look(stage);
	assert_int_equal(stage->asked_count, 1);
	assert_int_equal(stage->copies[0].server.port, 4711);
	stage_end(stage);
}

static void what_is_offered_while_it_is_pulled_is_looked_at_again(void **state)
{
	struct stage *stage = stage_begin();

	(void)state;
	stage_offer_1(stage, 1, 7, 512);
	stage_offer_1(stage, 1, 7, 512);
	stage_offer_1(stage, 1, 7, 512);
	stage_tell_list(stage, 0, 0, 1);
	stage_tell(stage, 1, OFFERS_CAME);
	stage_asked_list(stage, 2, 1);
	stage_tell_list(stage, 2, 0, 0);
	assert_true(offers_is_idle(stage->offers));
	stage_end(stage);
}

static void a_segment_is_pulled_from_one_address_at_a_time(void **state)
{
	struct stage *stage = stage_begin();

	(void)state;
	stage_offer_1(stage, 1, 7, 2);
	stage_offer_1(stage, 2, 7, 2);
	stage_asked_block(stage, 0, 1, 0);
	stage_tell(stage, 0, OFFERS_NOT_HERE);
	stage_asked_block(stage, 1, 1, 1);
	stage_tell(stage, 1, OFFERS_NOT_HERE);
	stage_asked_block(stage, 2, 2, 0);
	stage_end(stage);
}

static void three_more_addresses_are_remembered(void **state)
{
	struct stage *stage = stage_begin();

	(void)state;
	for (unsigned i = 1; i <= 5; i++)
		stage_offer(stage, i, 7);
	assert_int_equal(stage_fate(stage, OFFERS_WAITING), 3);
	assert_int_equal(stage_fate(stage, OFFERS_BEYOND), 1);
	for (unsigned i = 0; i < 4; i++) {
		stage_asked_block(stage, i, i + 1, 0);
		stage_tell(stage, i, OFFERS_VANISHED);
	}
	assert_int_equal(stage->asked_count, 4);
	assert_true(offers_is_idle(stage->offers));
	stage_end(stage);
}

static void an_address_waits_once_for_a_segment(void **state)
{
	struct stage *stage = stage_begin();
	struct xaddr server = stage_address(2);

	(void)state;
	stage_offer(stage, 1, 7);
	for (uint16_t port = 1000; port < 1010; port++) {
		server.port = port;
		stage_offer_from(stage, &server, 7);
	}
	stage_offer(stage, 3, 7);
	stage_tell(stage, 0, OFFERS_LATE);
	assert_int_equal(stage->copies[1].server.port, 1009);
	stage_tell(stage, 1, OFFERS_LATE);
	stage_asked_block(stage, 2, 3, 0);
	stage_end(stage);
}

/* ---- what becomes of pulls ---- */

static void after_each_kind_of_failure_it_is_the_next_ones_turn(void **state)
{
	static const enum offers_outcome rows[] = {OFFERS_MALFORMED, OFFERS_WRONG,
						   OFFERS_LATE,      OFFERS_REFUSED,
						   OFFERS_VANISHED,  OFFERS_GAVE_UP};

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct stage *stage = stage_begin();

		stage_offer_1(stage, 1, 7, 2);
		stage_offer_1(stage, 2, 7, 2);
		stage_tell(stage, 0, rows[i]);
		stage_asked_block(stage, 1, 2, 0);
		stage_tell(stage, 1, rows[i]);
		assert_int_equal(stage->asked_count, 2);
		assert_true(offers_is_idle(stage->offers));
		assert_int_equal(stage_counters(stage).blocks[rows[i]], 2);
		stage_end(stage);
	}
}

static void after_a_failed_list_it_is_the_next_ones_turn(void **state)
{
	struct stage *stage = stage_begin();

	(void)state;
	stage_offer_1(stage, 1, 7, 9);
	stage_offer_1(stage, 2, 7, 9);
	stage_tell(stage, 0, OFFERS_MALFORMED);
	stage_asked_list(stage, 1, 2);
	stage_tell(stage, 1, OFFERS_NOT_HERE);
	assert_true(offers_is_idle(stage->offers));
	stage_end(stage);
}

static void the_next_one_is_asked_for_what_is_missing_then(void **state)
{
	struct stage *stage = stage_begin();

	(void)state;
	stage_offer_1(stage, 1, 7, 512);
	stage_offer_1(stage, 2, 7, 512);
	stage_hold(stage, 0, 509, NULL, 0);
	stage_tell(stage, 0, OFFERS_LATE);
	stage_asked_block(stage, 1, 2, 509);
	stage_end(stage);
}

static void what_was_under_way_with_what_failed_is_waited_for(void **state)
{
	struct stage *stage = stage_begin();

	(void)state;
	stage_offer_1(stage, 1, 7, 3);
	stage_offer_1(stage, 2, 7, 3);
	stage_tell(stage, 0, OFFERS_CAME);
	stage_tell(stage, 1, OFFERS_MALFORMED);
	assert_int_equal(stage->asked_count, 3);
	stage_tell(stage, 2, OFFERS_CAME);
	stage_asked_block(stage, 3, 2, 0);
	stage_end(stage);
}

static void an_empty_block_is_skipped(void **state)
{
	struct stage *stage = stage_begin();

	(void)state;
	stage_offer_1(stage, 1, 7, 2);
	stage_tell(stage, 0, OFFERS_NOT_HERE);
	stage_asked_block(stage, 1, 1, 1);
	stage_tell(stage, 1, OFFERS_CAME);
	assert_true(offers_is_idle(stage->offers));
	stage_end(stage);
}

static void a_new_offer_is_asked_after_a_malformed_answer(void **state)
{
	struct stage *stage = stage_begin();

	(void)state;
	stage_offer_1(stage, 1, 7, 2);
	stage_tell(stage, 0, OFFERS_MALFORMED);
	assert_int_equal(stage->asked_count, 1);
	stage_offer_1(stage, 1, 7, 2);
	stage_asked_block(stage, 1, 1, 0);
	stage_end(stage);
}

static void what_cannot_be_looked_up_is_forgotten(void **state)
{
	struct stage *stage = stage_begin();

	(void)state;
	stage->later = true;
	stage_offer(stage, 1, 7);
	stage_offer(stage, 2, 7);
	offers_looked(stage->offers, stage->looks[stage->look_first++], NULL, stage->now_ms);
	assert_true(offers_is_idle(stage->offers));
	stage_end(stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_missing_is_asked_for_at_once),
		cmocka_unit_test(what_has_come_is_done_with),
		cmocka_unit_test(three_adjacent_blocks_need_no_list),
		cmocka_unit_test(of_four_blocks_the_list_is_asked_for_first),
		cmocka_unit_test(of_blocks_apart_the_list_is_asked_for_first),
		cmocka_unit_test(only_what_is_listed_is_asked_for),
		cmocka_unit_test(an_empty_list_ends_the_pull),
		cmocka_unit_test(what_is_begun_comes_before_what_waits),
		cmocka_unit_test(what_is_held_is_not_asked_for),
		cmocka_unit_test(nonsense_about_what_is_held_does_no_harm),
		cmocka_unit_test(the_last_block_may_be_short),
		cmocka_unit_test(nothing_is_pulled_for_offers_without_sense),
		cmocka_unit_test(the_largest_segments_are_pulled),
		cmocka_unit_test(longer_ids_are_pulled_too),
		cmocka_unit_test(ipv4_inside_ipv6_is_ipv4),
		cmocka_unit_test(duplicates_in_one_message_count_once),
		cmocka_unit_test(duplicates_in_several_messages_count_once),
		cmocka_unit_test(the_newest_port_is_asked),
		cmocka_unit_test(what_is_offered_while_it_is_pulled_is_looked_at_again),
		cmocka_unit_test(a_segment_is_pulled_from_one_address_at_a_time),
		cmocka_unit_test(three_more_addresses_are_remembered),
		cmocka_unit_test(an_address_waits_once_for_a_segment),
		cmocka_unit_test(after_each_kind_of_failure_it_is_the_next_ones_turn),
		cmocka_unit_test(after_a_failed_list_it_is_the_next_ones_turn),
		cmocka_unit_test(the_next_one_is_asked_for_what_is_missing_then),
		cmocka_unit_test(what_was_under_way_with_what_failed_is_waited_for),
		cmocka_unit_test(an_empty_block_is_skipped),
		cmocka_unit_test(a_new_offer_is_asked_after_a_malformed_answer),
		cmocka_unit_test(what_cannot_be_looked_up_is_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
