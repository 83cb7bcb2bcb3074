/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The fetch engine: units are sought nearby before the origin is asked.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/fetch_scene.h"

#define SIZE (16u * UNIT + 1234)
#define FIXED 100000u

static void open_described_with(struct fixture *fixture, unsigned version, unsigned flags)
{
	open_file(fixture, version == 1 ? "\"v1\"" : "\"v2\"", SIZE, flags);
	describe(fixture, make_content(fixture, version, SIZE, version == 2 ? FIXED : 0, 0, 0));
}

static void open_described(struct fixture *fixture, unsigned version)
{
	open_described_with(fixture, version, 0);
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

static struct reading *start_reaching(struct fixture *fixture, uint64_t offset, uint64_t ahead,
				      uint64_t reach)
{
	struct reading *reading = calloc(1, sizeof *reading);

	pthread_mutex_init(&reading->lock, NULL);
	pthread_cond_init(&reading->ended, NULL);
	reading->bytes = malloc(UNIT);
	reading->read = (struct fetch_read){.file = fixture->file,
					    .offset = offset,
					    .length = UNIT,
					    .ahead = ahead,
					    .reach = reach,
					    .done = read_done};
	fetch_read(&reading->read);
	return reading;
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
		settle_fetch(fixture, SIZE);
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

static uint64_t fetched_of(struct fixture *fixture)
{
	pthread_mutex_lock(&fixture->near.lock);
	uint64_t fetched = fixture->near.fetched;
	pthread_mutex_unlock(&fixture->near.lock);
	return fetched;
}

/* What is to be offered to hosted caches. */
static void what_the_origin_gave_is_told_and_nothing_else(void **state)
{
	struct fixture *fixture = *state;

	open_described(fixture, 1);
	struct reading *reading = start_read(fixture, 0, 3 * UNIT, 0);
	bring(take_want(fixture));
	bring_hosted(take_want(fixture));
	refuse(take_want(fixture));
	deliver(fixture, take_transfer(fixture));
	assert_int_equal(end_read(reading), 0);
	settle_fetch(fixture, 3 * UNIT);
	assert_int_equal(given_by(fixture, GIVEN_PEER), UNIT);
	assert_int_equal(given_by(fixture, GIVEN_HOSTED), UNIT);
	assert_int_equal(given_by(fixture, GIVEN_ORIGIN), UNIT);
	while (fetched_of(fixture) < UNIT)
		usleep(100);
	assert_int_equal(fetched_of(fixture), UNIT);
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
	settle_fetch(fixture, UNIT);
	assert_int_equal(end_read(start_read(fixture, 0, UNIT, 0)), 0);
}

/* Who reads on in sequence gets one request for it all, as without neighbours. */
static void a_request_reaches_on_where_nobody_has_it(void **state)
{
	static const struct {
		enum seeker_reason reason;
		bool reaches;
	} cases[] = {{SEEKER_NO_ANSWER, true}, {SEEKER_ALONE, true}, {SEEKER_CHOSEN, false}};
	struct fixture *fixture = *state;

	for (unsigned i = 0; i < 3; i++) {
		struct neighbours_want *wants[4];
		char validator[16];
		snprintf(validator, sizeof validator, "\"v%u\"", i);
		open_file(fixture, validator, SIZE, 0);
		describe(fixture, make_content(fixture, 1, SIZE, 0, 0, 0));
		struct reading *reading = start_reaching(fixture, 0, 4 * UNIT, SIZE);
		for (unsigned k = 0; k < 4; k++)
			wants[k] = take_want(fixture);
		wants[0]->refused(wants, 4, cases[i].reason);
		struct transfer *transfer = take_transfer(fixture);
		const struct entry entry = entry_of(SIZE, 0);
		uint64_t length = cases[i].reaches ? SIZE : 4 * UNIT;
		assert_wish(transfer, 0, length);
		assert_int_equal(transfer_begin(transfer, &entry, 0, (int64_t)length), 0);
		assert_int_equal(send_octets(fixture, transfer, 0, 4 * UNIT), 0);
		assert_int_equal(end_read(reading), 0);
		/* What is refused next comes by the same answer. */
		reading = start_read(fixture, 4 * UNIT, UNIT, 0);
		refuse(take_want(fixture));
		assert_int_equal(waiting_transfers(fixture), cases[i].reaches ? 0 : 1);
		if (cases[i].reaches)
			assert_int_equal(send_octets(fixture, transfer, 4 * UNIT, UNIT), 0);
		else
			deliver(fixture, take_transfer(fixture));
		assert_int_equal(end_read(reading), 0);
		transfer_end(transfer, cases[i].reaches ? -ECANCELED : 0);
		close_file(fixture);
	}
}

/* A neighbour has the first of four, which is COMES or still sought: of the others the origin is
 * asked for themselves only. */
static void check_no_reach(struct fixture *fixture, const char *validator, bool comes)
{
	struct neighbours_want *wants[4];

	open_file(fixture, validator, SIZE, 0);
	describe(fixture, make_content(fixture, 1, SIZE, 0, 0, 0));
	struct reading *reading = start_reaching(fixture, 0, 4 * UNIT, SIZE);
	for (unsigned k = 0; k < 4; k++)
		wants[k] = take_want(fixture);
	if (comes)
		bring(wants[0]);
	wants[1]->refused(wants + 1, 3, SEEKER_NO_ANSWER);
	struct transfer *transfer = take_transfer(fixture);
	assert_wish(transfer, UNIT, 3 * UNIT);
	if (!comes)
		bring(wants[0]);
	deliver(fixture, transfer);
	assert_int_equal(end_read(reading), 0);
	close_file(fixture);
}

static void a_request_does_not_reach_where_somebody_has_a_part(void **state)
{
	struct fixture *fixture = *state;

	check_no_reach(fixture, "\"v0\"", false);
	check_no_reach(fixture, "\"v1\"", true);
}

static void a_request_does_not_skip_what_comes_from_nearby(void **state)
{
	struct fixture *fixture = *state;
	struct neighbours_want *wants[2];

	open_described(fixture, 1);
	struct reading *reading = start_reaching(fixture, 0, UNIT, SIZE);
	refuse(take_want(fixture));
	struct transfer *transfer = take_transfer(fixture);
	const struct entry entry = entry_of(SIZE, 0);
	assert_wish(transfer, 0, SIZE);
	assert_int_equal(transfer_begin(transfer, &entry, 0, SIZE), 0);
	assert_int_equal(send_octets(fixture, transfer, 0, UNIT), 0);
	assert_int_equal(end_read(reading), 0);
	reading = start_read(fixture, UNIT, 2 * UNIT, 0);
	wants[0] = take_want(fixture);
	wants[1] = take_want(fixture);
	bring(wants[0]);
	refuse(wants[1]);
	struct transfer *other = take_transfer(fixture);
	assert_wish(other, 2 * UNIT, UNIT);
	deliver(fixture, other);
	assert_int_equal(end_read(reading), 0);
	transfer_end(transfer, -ECANCELED);
	assert_int_equal(given_by(fixture, GIVEN_PEER), UNIT);
}

/* The answer may be yes for one try. */
static void what_departs_together_goes_the_same_way(void **state)
{
	struct fixture *fixture = *state;

	open_described(fixture, 1);
	struct reading *reading = start_read(fixture, 0, 3 * UNIT, 8 * UNIT);
	assert_int_equal(fixture->near.questions, 1);
	assert_int_equal(waiting_transfers(fixture), 0);
	for (unsigned i = 0; i < 8; i++)
		bring(take_want(fixture));
	assert_int_equal(end_read(reading), 0);
}

/* It comes once, so nothing of it may go by. */
static void a_stream_brings_also_what_is_sought(void **state)
{
	struct fixture *fixture = *state;
	unsigned dropped = 0;

	for (unsigned version = 1; version <= 2; version++) {
		open_described_with(fixture, version,
				    version == 1 ? FETCH_NO_RANGES : FETCH_ONE_ANSWER);
		struct reading *reading = start_read(fixture, 0, SIZE, 0);
		refuse(take_want(fixture));
		dropped += waiting_wants(fixture);
		deliver(fixture, take_transfer(fixture));
		assert_int_equal(end_read(reading), 0);
		assert_int_equal(waiting_transfers(fixture), 0);
		assert_int_equal(fixture->near.dropped, dropped);
		close_file(fixture);
	}
	assert_int_equal(given_by(fixture, GIVEN_ORIGIN), 2 * SIZE);
}

/* Whoever is nearby may keep it waiting for ever, and what it does is not known to the engine. */
static void who_waits_for_half_of_his_time_goes_to_the_origin_too(void **state)
{
	struct fixture *fixture = *state;

	open_described(fixture, 1);
	struct reading *reading = start_read(fixture, 0, 2 * UNIT, 0);
	struct neighbours_want *first = take_want(fixture), *second = take_want(fixture);
	fetch_tick(fixture->fetch, 1000);
	assert_int_equal(waiting_transfers(fixture), 0);
	fetch_tick(fixture->fetch, 29000);
	struct transfer *transfer = take_transfer(fixture);
	fetch_tick(fixture->fetch, 29100);
	assert_int_equal(waiting_transfers(fixture), 0);
	assert_wish(transfer, 0, 2 * UNIT);
	bring(second);
	deliver(fixture, transfer);
	assert_int_equal(end_read(reading), 0);
	bring(first);
	assert_int_equal(given_by(fixture, GIVEN_PEER), UNIT);
	assert_int_equal(given_by(fixture, GIVEN_ORIGIN), UNIT);
}

#define LARGE (72u << 20)
#define LARGE_UNIT CUTTING_UNIT_MAX

static void what_is_sought_without_need_is_bounded(void **state)
{
	struct fixture *fixture = *state;

	open_file(fixture, "\"v2\"", LARGE, 0);
	describe(fixture, make_content(fixture, 2, LARGE, LARGE_UNIT, 0, 0));
	struct reading *reading = start_read(fixture, 0, LARGE_UNIT, LARGE);
	assert_in_range(waiting_wants(fixture), FETCH_BUFFERED_MAX / LARGE_UNIT,
			FETCH_BUFFERED_MAX / LARGE_UNIT + 1);
	/* Who waits is not refused for that. */
	struct reading *last = start_read(fixture, LARGE - UNIT, UNIT, 0);
	unsigned count = waiting_wants(fixture);
	fetch_stop(fixture->fetch);
	for (unsigned i = 0; i < count; i++)
		refuse(take_want(fixture));
	assert_int_equal(end_read(reading), -EIO);
	assert_int_equal(end_read(last), -EIO);
}

static void what_nobody_seeks_cannot_be_late(void **state)
{
	struct fixture *fixture = *state;
	static const uint64_t offsets[] = {0, UNIT, SIZE, UINT64_MAX};

	open_described(fixture, 1);
	struct reading *reading = start_read(fixture, 0, UNIT, 0);
	struct neighbours_want *want = take_want(fixture);
	want->late(want->owner, want->stream + 1, offsets, 4, SEEKER_TIMEOUT);
	want->late(want->owner, want->stream, offsets + 1, 3, SEEKER_TIMEOUT);
	assert_int_equal(waiting_transfers(fixture), 0);
	bring(want);
	assert_int_equal(end_read(reading), 0);
}

static void a_version_that_is_superseded_still_comes_from_nearby(void **state)
{
	struct fixture *fixture = *state;

	open_described(fixture, 1);
	struct reading *one = start_read(fixture, 0, UNIT, 0);
	struct reading *two = start_read(fixture, UNIT, UNIT, 0);
	struct neighbours_want *first = take_want(fixture), *second = take_want(fixture);
	fetch_supersede(fixture->fetch, "a/file", NULL);
	bring(first);
	assert_int_equal(end_read(one), 0);
	refuse(second);
	assert_int_equal(end_read(two), -ESTALE);
	assert_int_equal(waiting_transfers(fixture), 0);
}

static void each_octet_counts_once_as_a_neighbours(void **state)
{
	struct fixture *fixture = *state;

	open_described(fixture, 1);
	struct reading *reading = start_read(fixture, UNIT / 2, UNIT, 0);
	bring(take_want(fixture));
	bring(take_want(fixture));
	assert_int_equal(end_read(reading), 0);
	assert_int_equal(given_by(fixture, GIVEN_PEER), UNIT);
	assert_int_equal(end_read(start_read(fixture, 0, UNIT / 2, 0)), 0);
	assert_int_equal(end_read(start_read(fixture, UNIT + UNIT / 2, UNIT / 2, 0)), 0);
	assert_int_equal(given_by(fixture, GIVEN_PEER), 2 * UNIT);
	assert_int_equal(end_read(start_read(fixture, 0, 2 * UNIT, 0)), 0);
	assert_int_equal(given_by(fixture, GIVEN_PEER), 2 * UNIT);
	assert_int_equal(given_by(fixture, GIVEN_CACHE), 2 * UNIT);
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
		test(what_the_origin_gave_is_told_and_nothing_else),
		test(what_is_read_ahead_is_not_urgent_until_somebody_waits),
		test(what_is_late_comes_from_nearby_all_the_same),
		test(what_is_late_comes_from_the_origin_first),
		test(both_come_at_the_same_time),
		test(what_is_late_survives_the_origin),
		test(what_the_origin_has_not_either_fails),
		test(content_information_of_another_kind_comes_meanwhile),
		test(nobody_has_it_open_any_more),
		test(a_reader_gives_up),
		test(a_request_reaches_on_where_nobody_has_it),
		test(a_request_does_not_reach_where_somebody_has_a_part),
		test(a_request_does_not_skip_what_comes_from_nearby),
		test(what_departs_together_goes_the_same_way),
		test(a_stream_brings_also_what_is_sought),
		test(who_waits_for_half_of_his_time_goes_to_the_origin_too),
		test(what_is_sought_without_need_is_bounded),
		test(what_nobody_seeks_cannot_be_late),
		test(a_version_that_is_superseded_still_comes_from_nearby),
		test(each_octet_counts_once_as_a_neighbours),
		test(all_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
