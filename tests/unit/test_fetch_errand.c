/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The fetch engine: units are sought nearby before the origin is asked.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/fetch_scene.h"

#define SIZE (16u * UNIT + 1234)
#define FIXED 100000u

static void open_described(struct fixture *fixture, unsigned version)
{
	open_file(fixture, version == 1 ? "\"v1\"" : "\"v2\"", SIZE, 0);
	describe(fixture, make_content(fixture, version, SIZE, version == 2 ? FIXED : 0, 0, 0));
}

static void refuse(struct neighbours_want *want)
{
	want->refused(&want, 1, SEEKER_NO_ANSWER);
}

static void say_late(struct neighbours_want *want)
{
	want->late(want->owner, want->stream, &want->offset, 1, SEEKER_TIMEOUT);
}

static uint64_t given_by(struct fixture *fixture, enum given given)
{
	struct fetch_counters counters;

	fetch_counters(fixture->fetch, &counters);
	return counters.given[given].bytes;
}

static void what_is_nearby_is_not_asked_of_the_origin(void **state)
{
	struct fixture *fixture = *state;

	for (unsigned version = 1; version <= 2; version++) {
		uint64_t before = given_by(fixture, GIVEN_PEER);
		open_described(fixture, version);
		struct reading *reading = start_read(fixture, 0, SIZE, 0);
		for (uint64_t offset = 0; offset < SIZE;) {
			struct neighbours_want *want = take_want(fixture);
			assert_int_equal(want->offset, offset);
			assert_true(want->urgent);
			offset += want->length;
			bring(want);
		}
		assert_int_equal(end_read(reading), 0);
		assert_int_equal(waiting_transfers(fixture), 0);
		assert_int_equal(given_by(fixture, GIVEN_PEER) - before, SIZE);
		settle(fixture, SIZE);
		assert_int_equal(end_read(start_read(fixture, 0, SIZE, 0)), 0);
		close_file(fixture);
	}
	assert_int_equal(given_by(fixture, GIVEN_CACHE), 2 * SIZE);
}

static void without_content_information_nobody_is_asked(void **state)
{
	struct fixture *fixture = *state;

	open_file(fixture, "\"v\"", SIZE, 0);
	assert_int_equal(transfers_for(fixture, 0, UNIT), 1);
	assert_int_equal(fixture->near.seeks, 0);
}

static void nobody_is_asked_when_it_is_not_worth_it(void **state)
{
	struct fixture *fixture = *state;

	open_described(fixture, 1);
	fixture->near.why = LEDGER_MODE;
	assert_int_equal(transfers_for(fixture, 0, SIZE), 1);
	assert_int_equal(fixture->near.seeks, 0);
}

static void what_is_refused_together_travels_together(void **state)
{
	struct fixture *fixture = *state;
	struct neighbours_want *wants[4];

	open_described(fixture, 1);
	struct reading *reading = start_read(fixture, 2 * UNIT, 4 * UNIT, 0);
	for (unsigned i = 0; i < 4; i++)
		wants[i] = take_want(fixture);
	wants[0]->refused(wants, 4, SEEKER_NO_ANSWER);
	struct transfer *transfer = take_transfer(fixture);
	assert_wish(transfer, 2 * UNIT, 4 * UNIT);
	deliver(fixture, transfer);
	assert_int_equal(end_read(reading), 0);
	assert_int_equal(given_by(fixture, GIVEN_ORIGIN), 4 * UNIT);
	assert_int_equal(given_by(fixture, GIVEN_PEER), 0);
}

static void what_is_read_ahead_is_not_urgent_until_somebody_waits(void **state)
{
	struct fixture *fixture = *state;

	open_described(fixture, 1);
	struct reading *first = start_read(fixture, 0, UNIT, 2 * UNIT);
	struct neighbours_want *one = take_want(fixture), *two = take_want(fixture);
	assert_true(one->urgent);
	assert_false(two->urgent);
	struct reading *second = start_read(fixture, UNIT, UNIT, 0);
	assert_int_equal(fixture->near.hurried, 1);
	bring(one);
	bring(two);
	assert_int_equal(end_read(first), 0);
	assert_int_equal(end_read(second), 0);
}

static void what_is_late_comes_from_nearby_all_the_same(void **state)
{
	struct fixture *fixture = *state;

	open_described(fixture, 1);
	struct reading *reading = start_read(fixture, 0, UNIT, 0);
	struct neighbours_want *want = take_want(fixture);
	say_late(want);
	say_late(want);
	struct transfer *transfer = take_transfer(fixture);
	assert_int_equal(waiting_transfers(fixture), 0);
	bring(want);
	assert_int_equal(end_read(reading), 0);
	deliver(fixture, transfer);
	assert_int_equal(given_by(fixture, GIVEN_PEER), UNIT);
}

static void what_is_late_comes_from_the_origin_first(void **state)
{
	struct fixture *fixture = *state;

	open_described(fixture, 1);
	struct reading *reading = start_read(fixture, 0, UNIT, 0);
	while (waiting_wants(fixture) == 0)
		usleep(100);
	say_late(fixture->near.wants[0]);
	deliver(fixture, take_transfer(fixture));
	assert_int_equal(end_read(reading), 0);
	assert_int_equal(fixture->near.dropped, 1);
	assert_int_equal(given_by(fixture, GIVEN_ORIGIN), UNIT);
}

/* It ended just when it was dropped. */
static void both_come_at_the_same_time(void **state)
{
	struct fixture *fixture = *state;

	open_described(fixture, 1);
	struct reading *reading = start_read(fixture, 0, UNIT, 0);
	struct neighbours_want *want = take_want(fixture);
	say_late(want);
	deliver(fixture, take_transfer(fixture));
	assert_int_equal(end_read(reading), 0);
	bring(want);
	assert_int_equal(given_by(fixture, GIVEN_ORIGIN), UNIT);
}

static void what_is_late_survives_the_origin(void **state)
{
	struct fixture *fixture = *state;

	open_described(fixture, 1);
	struct reading *reading = start_read(fixture, 0, UNIT, 0);
	struct neighbours_want *want = take_want(fixture);
	say_late(want);
	transfer_end(take_transfer(fixture), -EACCES);
	assert_false(has_ended(reading));
	bring(want);
	assert_int_equal(end_read(reading), 0);
}

static void what_the_origin_has_not_either_fails(void **state)
{
	struct fixture *fixture = *state;

	open_described(fixture, 1);
	struct reading *reading = start_read(fixture, 0, UNIT, 0);
	struct neighbours_want *want = take_want(fixture);
	say_late(want);
	transfer_end(take_transfer(fixture), -EACCES);
	refuse(want);
	transfer_end(take_transfer(fixture), -EACCES);
	assert_int_equal(end_read(reading), -EACCES);
}

static void content_information_of_another_kind_comes_meanwhile(void **state)
{
	struct fixture *fixture = *state;

	open_described(fixture, 1);
	struct reading *reading = start_read(fixture, 0, SIZE, 0);
	struct neighbours_want *taken = take_want(fixture);
	describe(fixture, make_content(fixture, 2, SIZE, FIXED, 0, 0));
	bring(taken); /* of units that are no more */
	assert_false(has_ended(reading));
	for (uint64_t offset = 0; offset < SIZE;) {
		struct neighbours_want *want = take_want(fixture);
		assert_int_equal(want->offset, offset);
		offset += want->length;
		bring(want);
	}
	assert_int_equal(end_read(reading), 0);
	assert_true(fixture->near.dropped > 0);
}

static void nobody_has_it_open_any_more(void **state)
{
	struct fixture *fixture = *state;

	open_described(fixture, 1);
	struct reading *reading = start_read(fixture, 0, UNIT, 3 * UNIT);
	bring(take_want(fixture));
	assert_int_equal(end_read(reading), 0);
	fetch_file_put(fixture->file);
	fixture->file = NULL;
	object_put(fixture->object);
	assert_false(fetch_idle(fixture->fetch));
	bring(take_want(fixture));
	fetch_stop(fixture->fetch);
	refuse(take_want(fixture));
	while (!fetch_idle(fixture->fetch))
		usleep(100);
	assert_int_equal(waiting_transfers(fixture), 0);
}

static void a_reader_gives_up(void **state)
{
	struct fixture *fixture = *state;

	open_described(fixture, 1);
	struct reading *reading = start_read(fixture, 0, UNIT, 0);
	fetch_tick(fixture->fetch, 40000);
	assert_int_equal(end_read(reading), -ETIMEDOUT);
	bring(take_want(fixture));
	settle(fixture, UNIT);
	assert_int_equal(end_read(start_read(fixture, 0, UNIT, 0)), 0);
}

/* Everything at once: neighbours that bring, refuse, are late, and an origin; whatever comes first.
 */
struct world {
	struct fixture *fixture;
	unsigned seed;
	bool over;
	pthread_mutex_t lock;
};

static bool is_over(struct world *world)
{
	pthread_mutex_lock(&world->lock);
	bool over = world->over;
	pthread_mutex_unlock(&world->lock);
	return over;
}

static void *be_nearby(void *argument)
{
	struct world *world = argument;
	unsigned seed = world->seed;

	while (!is_over(world) || waiting_wants(world->fixture) > 0) {
		if (waiting_wants(world->fixture) == 0) {
			usleep(50);
			continue;
		}
		struct neighbourhood *near = &world->fixture->near;
		int what = rand_r(&seed) % 4;
		pthread_mutex_lock(&near->lock);
		struct neighbours_want *want = NULL;
		while (want == NULL && near->first != near->last)
			want = near->wants[near->first++ % 1024];
		pthread_mutex_unlock(&near->lock);
		if (want == NULL)
			continue;
		if (what == 0) {
			refuse(want);
			continue;
		}
		if (what == 1)
			say_late(want);
		if (what == 2)
			usleep(200);
		bring(want);
	}
	return NULL;
}

static void *be_origin(void *argument)
{
	struct world *world = argument;

	while (!is_over(world) || waiting_transfers(world->fixture) > 0)
		if (waiting_transfers(world->fixture) > 0)
			deliver(world->fixture, take_transfer(world->fixture));
		else
			usleep(50);
	return NULL;
}

static void all_at_once(void **state)
{
	struct fixture *fixture = *state;
	struct world world = {.fixture = fixture, .seed = 7};
	pthread_t threads[3];
	struct reading *readings[24];

	pthread_mutex_init(&world.lock, NULL);
	open_described(fixture, 2);
	pthread_create(&threads[0], NULL, be_nearby, &world);
	pthread_create(&threads[1], NULL, be_nearby, &world);
	pthread_create(&threads[2], NULL, be_origin, &world);
	for (unsigned round = 0; round < 20; round++) {
		uint64_t freed;
		for (unsigned i = 0; i < 24; i++) {
			uint64_t offset = (uint64_t)rand_r(&world.seed) % SIZE;
			size_t length = (size_t)rand_r(&world.seed) % (SIZE - offset) + 1;
			readings[i] = start_read(fixture, offset, length, 0);
		}
		for (unsigned i = 0; i < 24; i++)
			assert_int_equal(end_read(readings[i]), 0);
		fetch_forget(fixture->fetch);
		assert_int_equal(store_clear(fixture->store, NULL, &freed), 0);
	}
	pthread_mutex_lock(&world.lock);
	world.over = true;
	pthread_mutex_unlock(&world.lock);
	for (unsigned i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	pthread_mutex_destroy(&world.lock);
}

int main(void)
{
#define test(function) cmocka_unit_test_setup_teardown(function, setup_nearby, teardown)
	const struct CMUnitTest tests[] = {
		test(what_is_nearby_is_not_asked_of_the_origin),
		test(without_content_information_nobody_is_asked),
		test(nobody_is_asked_when_it_is_not_worth_it),
		test(what_is_refused_together_travels_together),
		test(what_is_read_ahead_is_not_urgent_until_somebody_waits),
		test(what_is_late_comes_from_nearby_all_the_same),
		test(what_is_late_comes_from_the_origin_first),
		test(both_come_at_the_same_time),
		test(what_is_late_survives_the_origin),
		test(what_the_origin_has_not_either_fails),
		test(content_information_of_another_kind_comes_meanwhile),
		test(nobody_has_it_open_any_more),
		test(a_reader_gives_up),
		test(all_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
