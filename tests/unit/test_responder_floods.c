/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the responder does not answer, and how it ends: floods, thinning, being freed at any moment.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "peer/allowance.h"
#include "peer/backoff.h"
#include "tests/unit/responder_scene.h"
#include "tests/unit/wsd_scene.h"

#define HELD 1
#define UNKNOWN 2

static struct responder_scene scene;
static struct xaddr asker;

static int prepare(void **state)
{
	(void)state;
	responder_scene_prepare(&scene);
	asker = responder_scene_host(9);
	return 0;
}

static int begin(void **state)
{
	prepare(state);
	responder_scene_begin(&scene);
	return 0;
}

static int end(void **state)
{
	(void)state;
	responder_scene_end(&scene);
	return 0;
}

static void ask_times(uint8_t number, unsigned times)
{
	for (unsigned i = 0; i < times; i++)
		responder_scene_ask_anew(&scene, number, &asker);
}

/* Each asks once. */
static void ask_from_many(uint8_t number, unsigned askers)
{
	static uint32_t many;

	for (unsigned i = 0; i < askers; i++) {
		struct xaddr source = responder_scene_host(1000 + many++);

		responder_scene_ask_anew(&scene, number, &source);
	}
}

static struct responder_counters counted(void)
{
	responder_scene_pass(&scene, BACKOFF_ANSWER_MAX_MS);
	return responder_scene_counters(&scene);
}

/* ---- floods ---- */

static void one_asker_gets_its_share_to_the_answer(void **state)
{
	(void)state;
	ask_times(HELD, 500);
	for (unsigned ms = 0; ms < 3000; ms++) {
		responder_scene_pass(&scene, 1);
		ask_times(HELD, 1);
	}
	assert_int_equal(counted().answered, ALLOWANCE_EACH + 3 * ALLOWANCE_EACH);
	assert_int_equal(counted().received, 3500);
	assert_int_equal(counted().refused, 3500 - 4 * ALLOWANCE_EACH);
	assert_int_equal(scene.looked_up, RESPONDER_LOOKUPS_PER_ANSWER * 4 * ALLOWANCE_EACH);
	assert_int_equal(scene.sent_count, 4 * ALLOWANCE_EACH);
}

static void others_are_answered_while_one_floods(void **state)
{
	(void)state;
	ask_times(HELD, 1000);
	ask_from_many(HELD, 300);
	assert_int_equal(counted().answered, ALLOWANCE_EACH + 300);
}

static void many_askers_get_their_share_to_the_answer(void **state)
{
	(void)state;
	ask_from_many(HELD, 5000);
	assert_int_equal(counted().answered, ALLOWANCE_ALL);
	assert_int_equal(scene.looked_up, RESPONDER_LOOKUPS_PER_ANSWER * ALLOWANCE_ALL);
	responder_scene_pass(&scene, 35);
	ask_from_many(HELD, 300);
	assert_int_equal(counted().answered, ALLOWANCE_ALL + 100);
	assert_int_equal(counted().refused, 5300 - ALLOWANCE_ALL - 100);
}

static void what_is_not_held_costs_no_answer(void **state)
{
	(void)state;
	ask_times(UNKNOWN, 300);
	ask_times(HELD, 100);
	assert_int_equal(counted().answered, 100);
	assert_int_equal(counted().refused, 0);
	ask_from_many(UNKNOWN, 2700);
	ask_from_many(HELD, 300);
	assert_int_equal(counted().answered, 400);
	assert_int_equal(counted().refused, 0);
}

static struct wsd_probe large_probe(unsigned number)
{
	static char name[32];
	struct wsd_probe probe = scene_asked(WSD_FORM_1, WSD_SEGMENTS_MAX);

	snprintf(name, sizeof(name), "urn:large:%u", number);
	probe.message_id = name;
	return probe;
}

static void many_ids_count_as_several_look_ups(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 30; i++) {
		struct wsd_probe probe = large_probe(i);

		responder_scene_hear(&scene, &probe, &asker);
	}
	assert_int_equal(scene.looked_up, RESPONDER_LOOKUPS_PER_ANSWER * ALLOWANCE_EACH / 16);
}

static void find_from(unsigned first)
{
	for (unsigned i = first; i < scene.parked_count; i++)
		responder_scene_find(&scene, i);
}

static void look_ups_under_way_are_bounded(void **state)
{
	(void)state;
	scene.slow = true;
	ask_from_many(HELD, RESPONDER_LOOKUPS_MAX + 36);
	assert_int_equal(scene.looked_up, RESPONDER_LOOKUPS_MAX);
	responder_scene_find(&scene, 5);
	assert_int_equal(scene.looked_up, RESPONDER_LOOKUPS_MAX + 1);
}

static void a_burst_waits_to_be_looked_up(void **state)
{
	(void)state;
	scene.slow = true;
	ask_from_many(HELD, ALLOWANCE_ALL);
	assert_int_equal(responder_scene_counters(&scene).refused, 0);
	find_from(0);
	assert_int_equal(scene.looked_up, ALLOWANCE_ALL);
	assert_int_equal(counted().answered, ALLOWANCE_ALL);
}

static void what_waits_to_be_looked_up_is_bounded(void **state)
{
	(void)state;
	scene.slow = true;
	ask_from_many(UNKNOWN, RESPONDER_LOOKUPS_MAX + RESPONDER_WAITING_MAX + 36);
	assert_int_equal(responder_scene_counters(&scene).refused, 36);
	find_from(0);
	assert_int_equal(scene.looked_up, RESPONDER_LOOKUPS_MAX + RESPONDER_WAITING_MAX);
	ask_from_many(HELD, 1);
	assert_int_equal(responder_scene_counters(&scene).refused, 36);
}

/* The scene's end frees the responder, and finds what is parked after that. */
static void what_waits_to_be_looked_up_ends_with_the_responder(void **state)
{
	(void)state;
	scene.slow = true;
	ask_from_many(HELD, RESPONDER_LOOKUPS_MAX + 36);
	responder_free(scene.responder);
	scene.responder = NULL;
	find_from(0);
	assert_int_equal(scene.looked_up, RESPONDER_LOOKUPS_MAX);
}

static void begin_with_rate(unsigned rate)
{
	scene.options.all = scene.options.each = rate;
	responder_scene_begin(&scene);
}

static void waiting_answers_are_bounded(void **state)
{
	(void)state;
	begin_with_rate(5000);
	ask_times(HELD, RESPONDER_WAITING_MAX + 100);
	assert_int_equal(responder_scene_counters(&scene).refused, 100);
	assert_int_equal(counted().answered, RESPONDER_WAITING_MAX);
	ask_times(HELD, 10);
	assert_int_equal(counted().answered, RESPONDER_WAITING_MAX + 10);
}

static unsigned ask_large(unsigned first, unsigned count)
{
	uint64_t before = responder_scene_counters(&scene).answered;

	for (unsigned i = first; i < first + count; i++) {
		struct wsd_probe probe = large_probe(i);

		responder_scene_hear(&scene, &probe, &asker);
	}
	return (unsigned)(counted().answered - before);
}

static void octets_of_what_is_kept_are_bounded(void **state)
{
	/* Digits, octets and a claim for each id. */
	const unsigned size = WSD_SEGMENTS_MAX * (64 + sizeof(struct wsd_id) + 16);
	unsigned answered;

	(void)state;
	begin_with_rate(5000);
	answered = ask_large(0, 300);
	assert_in_range(answered * size, RESPONDER_OCTETS_MAX * 9 / 10, RESPONDER_OCTETS_MAX);
	assert_int_equal(responder_scene_counters(&scene).refused, 300 - answered);
	assert_int_equal(ask_large(300, 300), answered);
}

/* ---- thinning ---- */

static void begin_with_thinning(unsigned threshold, struct thinning found)
{
	scene.options.thinning = threshold;
	scene.counted[HELD] = found;
	responder_scene_begin(&scene);
}

static void few_answers_thin_nothing_out(void **state)
{
	(void)state;
	begin_with_thinning(10, (struct thinning){9, 9});
	ask_times(HELD, 50);
	assert_int_equal(counted().answered, 50);
	assert_int_equal(counted().thinned, 0);
}

static void silence_where_enough_have_it_all(void **state)
{
	(void)state;
	begin_with_thinning(10, (struct thinning){10, 10});
	ask_times(HELD, 50);
	assert_int_equal(counted().answered, 0);
	assert_int_equal(counted().thinned, 50);
	assert_int_equal(counted().refused, 0);
}

static void thinning_can_be_off(void **state)
{
	(void)state;
	begin_with_thinning(0, (struct thinning){THINNING_MAX, THINNING_MAX});
	ask_times(HELD, 50);
	assert_int_equal(counted().answered, 50);
}

static void the_highest_threshold_is_what_can_be_counted(void **state)
{
	(void)state;
	begin_with_thinning(UINT32_MAX, (struct thinning){THINNING_MAX, THINNING_MAX});
	ask_times(HELD, 1);
	assert_int_equal(counted().thinned, 1);
}

static void the_lot_decides_where_many_have_some(void **state)
{
	(void)state;
	begin_with_thinning(10, (struct thinning){10, 9});
	scene.words[0] = UINT32_C(0x547ae146); /* below 0.33 of 2^32; the next is for the wait */
	scene.words[2] = UINT32_C(0x547ae148);
	scene.word_count = 3;
	ask_times(HELD, 1);
	assert_int_equal(responder_scene_counters(&scene).thinned, 0);
	ask_times(HELD, 1);
	assert_int_equal(responder_scene_counters(&scene).thinned, 1);
	assert_int_equal(counted().answered, 1);
}

static void one_in_three_answers_where_many_have_some(void **state)
{
	(void)state;
	begin_with_thinning(10, (struct thinning){20, 0});
	for (unsigned i = 0; i < 3000; i++) {
		ask_times(HELD, 1);
		responder_scene_pass(&scene, 20);
	}
	assert_in_range(counted().answered, 900, 1080);
	assert_int_equal(counted().answered + counted().thinned, 3000);
}

static void segments_are_thinned_out_one_by_one(void **state)
{
	struct wsd_probe probe = scene_asked(WSD_FORM_2, 4);

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		scene.held[i] = (struct responder_holding){1, 1, 0};
	scene.counted[2] = (struct thinning){10, 10};
	begin_with_thinning(10, (struct thinning){10, 10});
	responder_scene_hear(&scene, &probe, &asker);
	assert_int_equal(counted().answered, 1);
	assert_int_equal(counted().thinned, 0);
	assert_non_null(strstr(scene.sent[0].text, "<wsd:Scopes>ww==</wsd:Scopes>"));
}

static void what_is_thinned_out_costs_no_answer(void **state)
{
	(void)state;
	begin_with_thinning(10, (struct thinning){10, 10});
	ask_times(HELD, 200);
	scene.counted[HELD] = (struct thinning){0};
	ask_times(HELD, ALLOWANCE_EACH);
	assert_int_equal(counted().answered, ALLOWANCE_EACH);
}

/* ---- the end ---- */

/* What happens to two Probes, step by step; the first waits 10 ms, the second 60. */
static void run_steps(unsigned steps)
{
	scene.slow = true;
	scene.words[0] = UINT32_C(0x24000000);
	scene.words[1] = UINT32_C(0xe9000000);
	scene.word_count = 2;
	for (unsigned step = 0; step < steps; step++) {
		if (step < 2)
			ask_times(HELD, 1);
		else if (step < 4)
			responder_scene_find(&scene, step - 2);
		else
			responder_scene_pass(&scene, 50);
	}
}

static void it_can_be_freed_at_every_stage(void **state)
{
	static const unsigned sent[] = {0, 0, 0, 0, 0, 1, 2};

	for (unsigned steps = 0; steps <= 6; steps++) {
		uint64_t drawn;
		unsigned word;

		begin(state);
		run_steps(steps);
		assert_int_equal(scene.sent_count, sent[steps]);
		responder_free(scene.responder);
		scene.responder = NULL;
		drawn = scene.state;
		word = scene.word;
		for (unsigned i = 0; i < scene.parked_count; i++)
			responder_scene_find(&scene, i);
		assert_int_equal(scene.sent_count, sent[steps]);
		assert_true(scene.state == drawn && scene.word == word);
		if (steps < 6)
			end(state);
	}
	responder_free(NULL);
}

static void look_ups_end_in_any_order_after_it_is_freed(void **state)
{
	(void)state;
	scene.slow = true;
	ask_times(HELD, 5);
	responder_scene_find(&scene, 2);
	responder_free(scene.responder);
	scene.responder = NULL;
	responder_scene_find(&scene, 4);
	responder_scene_find(&scene, 0);
	responder_scene_find(&scene, 3);
	responder_found(scene.parked[1], NULL, scene.now_ms);
	scene.parked[1] = NULL;
	assert_int_equal(scene.sent_count, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
/* Begins by itself. */
#define PREPARED(name) cmocka_unit_test_setup_teardown(name, prepare, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_asker_gets_its_share_to_the_answer),
		TEST(others_are_answered_while_one_floods),
		TEST(many_askers_get_their_share_to_the_answer),
		TEST(what_is_not_held_costs_no_answer),
		TEST(many_ids_count_as_several_look_ups),
		TEST(look_ups_under_way_are_bounded),
		TEST(a_burst_waits_to_be_looked_up),
		TEST(what_waits_to_be_looked_up_is_bounded),
		TEST(what_waits_to_be_looked_up_ends_with_the_responder),
		PREPARED(waiting_answers_are_bounded),
		PREPARED(octets_of_what_is_kept_are_bounded),
		PREPARED(few_answers_thin_nothing_out),
		PREPARED(silence_where_enough_have_it_all),
		PREPARED(thinning_can_be_off),
		PREPARED(the_highest_threshold_is_what_can_be_counted),
		PREPARED(the_lot_decides_where_many_have_some),
		PREPARED(one_in_three_answers_where_many_have_some),
		PREPARED(segments_are_thinned_out_one_by_one),
		PREPARED(what_is_thinned_out_costs_no_answer),
		PREPARED(it_can_be_freed_at_every_stage),
		TEST(look_ups_end_in_any_order_after_it_is_freed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
