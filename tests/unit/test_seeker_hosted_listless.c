/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The seeker with hosted caches that do not say which segments they have: they do not understand
 * the question, close the connection, or say nothing.
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

static void who_does_not_understand_the_question_is_just_asked_for_blocks(void **state)
{
	struct scene *scene = scene_begin_hosted_only();
	struct scene_peer *cache = scene_hosted(scene, 0, 1);

	(void)state;
	cache->questioned = SEEKER_MALFORMED;
	scene_seek_2(scene, 1, 0, 20);
	scene_until_ended(scene, 1000);
	assert_int_equal(scene_count(scene, SCENE_CAME), 20);
	assert_false(scene_hosted_state(scene, 0).lists);
	scene_seek_2(scene, 1, 20, 20);
	scene_until_ended(scene, 1000);
	assert_int_equal(scene_count(scene, SCENE_CAME), 40);
	assert_int_equal(cache->questions, 1);
	assert_int_equal(scene_hosted_state(scene, 0).peer.failures +
				 scene_hosted_state(scene, 0).peer.bad,
			 0);
	cache->questioned = SEEKER_GOOD;
	scene_pass(scene, 599900);
	scene_seek_urgently(scene, 1, 50);
	scene_until_ended(scene, 100);
	assert_int_equal(cache->questions, 1);
	scene_pass(scene, 200);
	scene_seek_urgently(scene, 1, 51);
	assert_int_equal(cache->questions, 2);
	assert_true(scene_hosted_state(scene, 0).lists);
	scene_until_ended(scene, 100);
	scene_end(scene);
}

static void one_that_ends_a_connection_once_is_asked_the_next_question(void **state)
{
	struct scene *scene = scene_begin_hosted_only();
	struct scene_peer *cache = scene_hosted(scene, 0, 1);

	(void)state;
	cache->questioned = SEEKER_CLOSED;
	scene_seek_2(scene, 1, 0, 20);
	scene_until_ended(scene, 90);
	assert_int_equal(scene_count(scene, SCENE_CAME), 20);
	assert_false(scene_hosted_state(scene, 0).lists);
	cache->questioned = SEEKER_GOOD;
	scene_pass(scene, 100);
	assert_true(scene_hosted_state(scene, 0).lists);
	scene_seek_urgently(scene, 1, 50);
	assert_int_equal(cache->questions, 2);
	scene_until_ended(scene, 100);
	/* Answered, so the next one counts anew. */
	cache->questioned = SEEKER_CLOSED;
	scene_seek_urgently(scene, 1, 51);
	scene_until_ended(scene, 90);
	scene_pass(scene, 100);
	assert_true(scene_hosted_state(scene, 0).lists);
	assert_int_equal(scene_hosted_state(scene, 0).peer.failures, 0);
	scene_end(scene);
}

static void one_that_ends_them_always_is_just_asked_for_blocks(void **state)
{
	struct scene *scene = scene_begin_hosted_only();
	struct scene_peer *cache = scene_hosted(scene, 0, 1);

	(void)state;
	cache->questioned = SEEKER_CLOSED;
	for (unsigned i = 0; i < 5; i++) {
		scene_seek_urgently(scene, 1, i);
		scene_until_ended(scene, 10);
		scene_pass(scene, 200);
	}
	assert_int_equal(scene_count(scene, SCENE_CAME), 5);
	assert_int_equal(cache->questions, 2);
	assert_false(scene_hosted_state(scene, 0).lists);
	scene_pass(scene, 600000);
	assert_true(scene_hosted_state(scene, 0).lists);
	scene_end(scene);
}

static void connections_that_end_together_count_once(void **state)
{
	struct scene *scene = scene_begin_hosted_only();
	struct scene_peer *cache = scene_hosted(scene, 0, 1);

	(void)state;
	cache->questioned = SEEKER_CLOSED;
	cache->question_ms = 50;
	for (unsigned i = 0; i < 20; i++) {
		scene_seek_urgently(scene, 1, i);
		scene_pass(scene, 1);
	}
	assert_int_equal(cache->questions, 4);
	scene_until_ended(scene, 1000);
	assert_int_equal(scene_count(scene, SCENE_CAME), 20);
	assert_int_equal(cache->questions, 4);
	scene_pass(scene, 100);
	assert_true(scene_hosted_state(scene, 0).lists);
	scene_end(scene);
}

static void who_says_nothing_to_it_too(void **state)
{
	struct scene *scene = scene_begin_hosted_only();
	struct scene_peer *cache = scene_hosted(scene, 0, 1);

	(void)state;
	cache->questioned = SEEKER_LATE;
	scene_seek_urgently(scene, 1, 0);
	scene_until_ended(scene, SEEKER_HOSTED_FIRST_MS + 1);
	assert_int_equal(scene_refused(scene, SEEKER_TIMEOUT), 1);
	scene_pass(scene, 1000);
	scene_seek_urgently(scene, 1, 1);
	scene_until_ended(scene, 10);
	assert_int_equal(scene_count(scene, SCENE_CAME), 1);
	assert_int_equal(cache->questions, 1);
	assert_int_equal(scene->unreachable, 1);
	scene_end(scene);
}

static void one_that_says_nothing_once_is_asked_the_next_question(void **state)
{
	struct scene *scene = scene_begin_hosted_only();
	struct scene_peer *cache = scene_hosted(scene, 0, 1);

	(void)state;
	cache->questioned = SEEKER_LATE;
	scene_seek_urgently(scene, 1, 0);
	scene_until_ended(scene, 2500);
	scene_pass(scene, 2200);
	assert_true(scene_hosted_state(scene, 0).lists);
	cache->questioned = SEEKER_GOOD;
	scene_seek_urgently(scene, 1, 1);
	scene_until_ended(scene, 10);
	assert_int_equal(cache->questions, 2);
	assert_int_equal(scene_count(scene, SCENE_CAME), 1);
	/* Answered, so the next one counts anew. */
	cache->questioned = SEEKER_LATE;
	scene_seek_urgently(scene, 1, 2);
	scene_until_ended(scene, 2500);
	scene_pass(scene, 2200);
	assert_true(scene_hosted_state(scene, 0).lists);
	scene_end(scene);
}

static void one_that_never_says_anything_is_just_asked_for_blocks(void **state)
{
	struct scene *scene = scene_begin_hosted_only();
	struct scene_peer *cache = scene_hosted(scene, 0, 1);

	(void)state;
	cache->questioned = SEEKER_LATE;
	for (unsigned i = 0; i < 5; i++) {
		scene_seek_urgently(scene, 1, i);
		scene_until_ended(scene, 2500);
		scene_pass(scene, 2200);
	}
	assert_int_equal(cache->questions, 2);
	assert_int_equal(scene_count(scene, SCENE_CAME), 3);
	assert_false(scene_hosted_state(scene, 0).lists);
	assert_int_equal(scene_hosted_state(scene, 0).peer.banned_ms, 0);
	scene_end(scene);
}

static void a_list_that_is_none_is_told_as_the_reason(void **state)
{
	struct scene *scene = scene_begin_hosted_only();
	struct scene_peer *cache = scene_hosted(scene, 0, 1);

	(void)state;
	cache->talks = true;
	cache->manner = SCENE_MUMBLES;
	scene_seek_1(scene, 1, 0, 0, 64);
	scene_until_ended(scene, 1000);
	assert_int_equal(cache->lists, 1);
	assert_int_equal(scene_refused(scene, SEEKER_FAILED), 64);
	scene_end(scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_does_not_understand_the_question_is_just_asked_for_blocks),
		cmocka_unit_test(one_that_ends_a_connection_once_is_asked_the_next_question),
		cmocka_unit_test(one_that_ends_them_always_is_just_asked_for_blocks),
		cmocka_unit_test(connections_that_end_together_count_once),
		cmocka_unit_test(who_says_nothing_to_it_too),
		cmocka_unit_test(one_that_says_nothing_once_is_asked_the_next_question),
		cmocka_unit_test(one_that_never_says_anything_is_just_asked_for_blocks),
		cmocka_unit_test(a_list_that_is_none_is_told_as_the_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
