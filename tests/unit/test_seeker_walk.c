/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The seeker: random walks. Whatever happens, in whatever order: each want ends once, no place is
 * exceeded, no exchange is lost, nobody waits for ever.
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

#define FEW 12u
#define MANY 48u /* more than a segment's list has room for, by far */

static bool some(unsigned segment, unsigned block)
{
	return (segment * 7 + block) % 3 != 0;
}

/* Machines of all kinds. */
static void people(struct scene *scene, unsigned most)
{
	unsigned count = scene_draw(scene) % most;

	for (unsigned i = 1; i <= count; i++) {
		struct scene_peer *peer = scene_peer(scene, i);

		peer->there = scene_draw(scene) % 4 != 0;
		peer->whole = scene_draw(scene) % 2 == 0;
		peer->answer_ms = 1 + scene_draw(scene) % 120;
		peer->exchange_ms = 1 + scene_draw(scene) % (scene_draw(scene) % 4 == 0 ? 400 : 20);
		peer->manner = scene_draw(scene) % 2 == 0
				       ? SCENE_GIVES
				       : (enum scene_manner)(scene_draw(scene) % 5);
		peer->has = scene_draw(scene) % 2 == 0 ? some : NULL;
	}
}

static void seek_something(struct scene *scene)
{
	unsigned count = 1 + scene_draw(scene) % 40, first = scene_draw(scene) % 200;
	unsigned stream = 1 + scene_draw(scene) % 4, number;

	if (scene->want_count + count > SCENE_WANTS)
		return;
	number = scene_draw(scene) % 2 == 0
			 ? scene_want_2(scene, stream, first, count)
			 : scene_want_1(scene, stream + 10, scene_draw(scene) % 3, first, count);
	scene->wants[number].want.urgent = scene_draw(scene) % 2 == 0;
	scene_seek(scene, number, count);
}

static void change_somebody(struct scene *scene)
{
	struct scene_peer *peer = &scene->peers[1 + scene_draw(scene) % 12];

	peer->manner = (enum scene_manner)(scene_draw(scene) % 5);
	peer->there = scene_draw(scene) % 2 == 0;
}

static void hurry_something(struct scene *scene, unsigned want)
{
	seeker_hurry(scene->seeker, &scene->wants[want].want, scene->now_ms);
}

static void step(struct scene *scene)
{
	unsigned want = scene->want_count > 0 ? scene_draw(scene) % scene->want_count : 0;

	switch (scene_draw(scene) % 13) {
	case 0:
	case 1:
		seek_something(scene);
		break;
	case 2:
		if (scene->want_count > 0)
			scene_drop(scene, want);
		break;
	case 3:
		if (scene->want_count > 0)
			hurry_something(scene, want);
		break;
	case 4:
		scene_hear(scene, 1 + scene_draw(scene) % 20, scene_draw(scene) % 220,
			   1 + scene_draw(scene) % 30);
		break;
	case 5:
		change_somebody(scene);
		break;
	case 6:
		if (scene->waiting_count > 0)
			seeker_received(scene->seeker, scene->waiting[0].exchange, 1,
					scene->now_ms);
		break;
	case 7:
		if (scene->probe_count > 0)
			scene_claim(scene, scene_draw(scene) % scene->probe_count,
				    scene_draw(scene) % 3000);
		break;
	case 11:
		for (unsigned i = 1; scene->probe_count > 0 && i < MANY; i++)
			scene_claim(scene, scene->probe_count - 1, i);
		break;
	case 8:
		seeker_origin(scene->seeker, scene_draw(scene) % 10000000, scene_draw(scene) % 500);
		break;
	default:
		scene_pass(scene, scene_draw(scene) % 60);
		break;
	}
}

static void check_places(const struct scene *scene)
{
	struct seeker_peer peers[SCENE_PEERS];
	unsigned count = seeker_peers(scene->seeker, peers, SCENE_PEERS, scene->now_ms);

	for (unsigned i = 0; i < count; i++) {
		assert_in_range(peers[i].places, 1, 8);
		assert_true(peers[i].busy <= 8);
	}
	for (unsigned i = 0; i < SCENE_PEERS; i++)
		assert_true(scene->peers[i].busy_most <= 8 * 48);
}

static void walk(unsigned seed, unsigned steps, unsigned most, bool stopped)
{
	struct scene *scene = scene_begin();

	scene->chance = seed;
	people(scene, most);
	for (unsigned i = 0; i < steps; i++) {
		step(scene);
		check_places(scene);
	}
	if (stopped)
		seeker_stop(scene->seeker, scene->now_ms);
	scene_until_ended(scene, stopped ? 1 : 60000);
	scene_end(scene);
}

static void walks_end_well(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 40; seed++)
		walk(seed, 150, seed % 2 == 0 ? MANY : FEW, false);
}

static void walks_can_be_stopped_anywhere(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 40; seed++)
		walk(1000 + seed, seed, FEW, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(walks_end_well),
		cmocka_unit_test(walks_can_be_stopped_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
