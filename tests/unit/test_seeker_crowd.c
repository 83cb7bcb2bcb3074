/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The seeker: several want the same at the same time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/seeker_scene.h"

/* How many of those sought have not ended. */
static unsigned sought(const struct scene *scene)
{
	return scene_count(scene, SCENE_SOUGHT);
}

static void one_of_two_is_chosen_for_each(void **state)
{
	struct scene *scene = scene_begin();

	(void)state;
	scene_seek_2(scene, 1, 0, 256);
	scene_pass(scene, 10);
	scene_hear(scene, 1, 0, 255);
	scene_hear(scene, 1, 255, 1);
	scene_pass(scene, 500);
	/* By lot: about the half. */
	assert_in_range(scene_refused(scene, SEEKER_CHOSEN), 90, 166);
	assert_int_equal(sought(scene) + scene_refused(scene, SEEKER_CHOSEN), 256);
	scene_until_ended(scene, 20000);
	scene_end(scene);
}

/* What one of two machines fetches the other waits for, and none is left to nobody. */
static void both_draw_the_same_lots(void **state)
{
	struct scene *one = scene_begin(), *other = scene_begin();
	struct xaddr address = scene_address(1);
	unsigned alike = 0;

	(void)state;
	seeker_self(other->seeker, &address, 1);
	scene_seek_2(one, 1, 0, 200);
	scene_seek_2(other, 1, 0, 200);
	scene_pass(one, 30);
	scene_pass(other, 30);
	scene_hear(one, 1, 0, 200);
	scene_hear(other, 0, 0, 200);
	scene_pass(one, 500);
	scene_pass(other, 500);
	for (unsigned i = 0; i < 200; i++)
		alike += one->wants[i].end == other->wants[i].end;
	assert_int_equal(alike, 0);
	scene_until_ended(one, 20000);
	scene_until_ended(other, 20000);
	scene_end(one);
	scene_end(other);
}

static void who_came_before_us_fetches_it(void **state)
{
	struct scene *scene = scene_begin();

	(void)state;
	scene_hear(scene, 1, 0, 64);
	scene_pass(scene, 500);
	scene_seek_2(scene, 1, 0, 64);
	scene_pass(scene, 800);
	assert_int_equal(sought(scene), 64);
	scene_until_ended(scene, 20000);
	scene_end(scene);
}

static void who_comes_after_us_changes_nothing(void **state)
{
	struct scene *scene = scene_begin();

	(void)state;
	scene_seek_2(scene, 1, 0, 64);
	scene_pass(scene, SEEKER_PATIENCE_MS - 1);
	scene_hear(scene, 1, 0, 64);
	scene_pass(scene, 20);
	assert_int_equal(scene_count(scene, SCENE_REFUSED), 64);
	assert_int_equal(scene_refused(scene, SEEKER_CHOSEN), 64);
	scene_end(scene);
}

static void what_others_fetch_is_given_when_it_is_there(void **state)
{
	struct scene *scene = scene_begin();

	(void)state;
	scene_hear(scene, 1, 0, 64);
	scene_pass(scene, 500);
	scene_seek_2(scene, 1, 0, 64);
	scene_pass(scene, 600);
	assert_int_equal(sought(scene), 64);
	scene_peer(scene, 1);
	scene_until_ended(scene, 1200);
	assert_int_equal(scene_count(scene, SCENE_CAME), 64);
	/* Found by asking again, not too often. */
	assert_in_range(scene->probe_count, 5, 30);
	scene_end(scene);
}

static unsigned grown;

static bool below_grown(unsigned segment, unsigned block)
{
	(void)block;
	return segment < grown;
}

static void who_is_chosen_is_polled_at_most_ten_times_a_second(void **state)
{
	struct scene *scene = scene_begin();

	(void)state;
	grown = 8;
	scene_peer(scene, 1)->has = below_grown;
	scene_hear(scene, 1, 0, 64);
	scene_pass(scene, 500);
	scene_seek_2(scene, 1, 0, 64); /* meets him, gets the first 8 */
	scene_pass(scene, 300);
	assert_int_equal(scene_count(scene, SCENE_CAME), 8);
	for (unsigned i = 0; i < 56; i++) {
		scene_pass(scene, 50);
		grown++;
	}
	scene_until_ended(scene, 1000);
	assert_int_equal(scene_count(scene, SCENE_CAME), 64);
	/* Eight when they met, then 3.1 s. */
	assert_in_range(scene->peers[1].asked - 64, 1, 8 + 36);
	scene_end(scene);
}

static void waiting_ends_when_nothing_comes(void **state)
{
	struct scene *scene = scene_begin();

	(void)state;
	scene_hear(scene, 1, 0, 64);
	scene_pass(scene, 500);
	scene_seek_2(scene, 1, 0, 64);
	scene_pass(scene, SEEKER_CROWD_MS - 10);
	assert_int_equal(sought(scene), 64);
	scene_until_ended(scene, 1000);
	assert_int_equal(scene_count(scene, SCENE_REFUSED), 64);
	scene_end(scene);
}

static void waiting_begins_anew_with_each_block_that_comes(void **state)
{
	struct scene *scene = scene_begin();

	(void)state;
	grown = 4;
	scene_peer(scene, 1)->has = below_grown;
	scene_hear(scene, 1, 0, 32);
	scene_pass(scene, 500);
	scene_seek_2(scene, 1, 0, 32);
	for (unsigned i = 0; i < 28; i++) {
		scene_pass(scene, 600);
		grown++;
	}
	scene_until_ended(scene, 2000);
	assert_int_equal(scene_count(scene, SCENE_CAME), 32);
	scene_end(scene);
}

static void who_let_us_down_is_not_waited_for_again(void **state)
{
	struct scene *scene = scene_begin();
	int64_t began_ms;

	(void)state;
	scene_hear(scene, 1, 0, 64);
	scene_pass(scene, 500);
	scene_seek_2(scene, 1, 0, 32);
	scene_until_ended(scene, 3000);
	began_ms = scene->now_ms;
	scene_seek_2(scene, 1, 32, 32);
	scene_until_ended(scene, 3000);
	assert_true(scene->now_ms - began_ms < 200);
	scene_end(scene);
}

static void forged_askers_cost_a_few_seconds_at_most(void **state)
{
	struct scene *scene = scene_begin();
	int64_t began_ms;

	(void)state;
	for (unsigned i = 1; i < 500; i++)
		scene_hear(scene, i, 0, 255);
	scene_pass(scene, 500);
	began_ms = scene->now_ms;
	scene_seek_2(scene, 1, 0, 64);
	scene_until_ended(scene, 15000);
	scene_seek_2(scene, 1, 64, 64);
	scene_until_ended(scene, 15000);
	scene_seek_2(scene, 1, 128, 64);
	scene_until_ended(scene, 15000);
	assert_true(scene->now_ms - began_ms < 15000);
	scene_end(scene);
}

static void an_empty_list_does_not_count_where_others_want_it(void **state)
{
	struct scene *scene = scene_begin();

	(void)state;
	scene_hear(scene, 9, 1000, 1);
	scene_seek_2(scene, 1, 0, 16);
	scene_until_ended(scene, 200); /* nobody has it */
	scene_hear(scene, 1, 100, 16);
	scene_pass(scene, 300);
	scene_seek_2(scene, 1, 100, 16);
	scene_pass(scene, 200);
	scene_drop(scene, 16);
	scene_seek_2(scene, 1, 100, 1); /* the list is empty, but he is fetching it */
	scene_pass(scene, 100);
	assert_int_equal(sought(scene), 16);
	scene_until_ended(scene, 5000);
	scene_end(scene);
}

static void a_machine_is_one_whatever_families_it_asks_by(void **state)
{
	struct scene *one = scene_begin(), *two = scene_begin();
	struct xaddr ipv4 = scene_address(1);
	struct xaddr ipv6 = {.family = XADDR_IPV6, .port = 9, .octets = {0xfe, 0x80, 1}, .zone = 2};

	(void)state;
	scene_seek_2(one, 1, 0, 128);
	scene_seek_2(two, 1, 0, 128);
	scene_pass(one, 20);
	scene_pass(two, 20);
	scene_hear_from(one, &ipv4, "urn:uuid:1", 0, 128);
	scene_hear_from(one, &ipv6, "urn:uuid:1", 0, 128);
	scene_hear_from(two, &ipv6, "urn:uuid:1", 0, 128);
	scene_hear_from(two, &ipv4, "urn:uuid:1", 0, 128);
	scene_pass(one, 500);
	scene_pass(two, 500);
	assert_in_range(scene_refused(one, SEEKER_CHOSEN), 40, 88);
	for (unsigned i = 0; i < 128; i++)
		assert_int_equal(one->wants[i].end, two->wants[i].end);
	scene_until_ended(one, 20000);
	scene_until_ended(two, 20000);
	scene_end(one);
	scene_end(two);
}

static void who_gives_the_stream_may_be_fetching_what_follows(void **state)
{
	struct scene *scene = scene_begin();

	(void)state;
	grown = 64;
	scene_peer(scene, 1)->has = below_grown;
	scene_seek_2(scene, 1, 0, 64);
	scene_until_ended(scene, 1000);
	scene_hear(scene, 1, 5000, 1); /* he reads on, somewhere */
	scene_seek_2(scene, 1, 64, 32);
	for (unsigned i = 0; i < 32; i++) {
		scene_pass(scene, 50);
		grown++;
	}
	scene_until_ended(scene, 1000);
	assert_int_equal(scene_count(scene, SCENE_CAME), 96);
	scene_end(scene);
}

static void who_has_half_of_it_is_waited_for_once(void **state)
{
	struct scene *scene = scene_begin();
	int64_t began_ms;

	(void)state;
	grown = 64;
	scene_peer(scene, 1)->has = below_grown;
	scene_seek_2(scene, 1, 0, 64);
	scene_until_ended(scene, 1000);
	began_ms = scene->now_ms;
	scene_seek_2(scene, 1, 64, 32);
	scene_until_ended(scene, 1000);
	assert_true(scene->now_ms - began_ms < 600);
	began_ms = scene->now_ms;
	scene_seek_2(scene, 1, 96, 32);
	scene_until_ended(scene, 1000);
	assert_true(scene->now_ms - began_ms < 200);
	assert_int_equal(scene_refused(scene, SEEKER_NO_ANSWER), 64);
	scene_end(scene);
}

static void a_flood_of_askers_leaves_the_least_lots(void **state)
{
	struct scene *few = scene_begin(), *many = scene_begin();

	(void)state;
	/* The 40 that all hear first, and 400 more that only one hears, late. */
	scene_seek_2(few, 1, 0, 64);
	scene_seek_2(many, 1, 0, 64);
	for (unsigned i = 1; i <= 40; i++) {
		scene_hear(few, i, 0, 64);
		scene_hear(many, 41 - i, 0, 64);
	}
	scene_pass(few, 300);
	scene_pass(many, 300);
	for (unsigned i = 100; i < 500; i++)
		scene_hear(many, i, 0, 64);
	scene_pass(few, 200);
	scene_pass(many, 200);
	for (unsigned i = 0; i < 64; i++)
		assert_int_equal(few->wants[i].end, many->wants[i].end);
	scene_until_ended(few, 60000);
	scene_until_ended(many, 60000);
	scene_end(few);
	scene_end(many);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_of_two_is_chosen_for_each),
		cmocka_unit_test(both_draw_the_same_lots),
		cmocka_unit_test(who_came_before_us_fetches_it),
		cmocka_unit_test(who_comes_after_us_changes_nothing),
		cmocka_unit_test(what_others_fetch_is_given_when_it_is_there),
		cmocka_unit_test(who_is_chosen_is_polled_at_most_ten_times_a_second),
		cmocka_unit_test(waiting_ends_when_nothing_comes),
		cmocka_unit_test(waiting_begins_anew_with_each_block_that_comes),
		cmocka_unit_test(who_let_us_down_is_not_waited_for_again),
		cmocka_unit_test(forged_askers_cost_a_few_seconds_at_most),
		cmocka_unit_test(an_empty_list_does_not_count_where_others_want_it),
		cmocka_unit_test(a_machine_is_one_whatever_families_it_asks_by),
		cmocka_unit_test(who_gives_the_stream_may_be_fetching_what_follows),
		cmocka_unit_test(who_has_half_of_it_is_waited_for_once),
		cmocka_unit_test(a_flood_of_askers_leaves_the_least_lots),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
