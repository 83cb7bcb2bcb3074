/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The fetch engine: contents behind which there is no source.
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

#include "cache/content_hashes.h"
#include "tests/unit/fetch_scene.h"

#define SIZE (16u * UNIT + 1234)
#define TIMEOUT_MS 30000

static void describe_object(struct fixture *fixture, unsigned version)
{
	struct content *content =
		make_content(fixture, version, SIZE, version == 2 ? 100000 : 0, 0, 0);
	struct object_survey *survey;

	assert_int_equal(object_survey(fixture->object, content, NULL, NULL, &survey), 0);
	assert_int_equal(object_describe(survey, NULL), 0);
	content_put(content);
}

static void open_nearby(struct fixture *fixture, unsigned version)
{
	const char *path = version == 1 ? "/content/1" : "/content/2";

	assert_int_equal(store_object(fixture->store, path, "", SIZE, &fixture->object), 0);
	describe_object(fixture, version);
	assert_int_equal(
		fetch_open_nearby(fixture->fetch, fixture->object, path, NULL, &fixture->file), 0);
}

static void refuse(struct neighbours_want *want, enum seeker_reason reason)
{
	want->refused(&want, 1, reason);
}

static struct fetch_counters counters_of(struct fixture *fixture)
{
	struct fetch_counters counters;

	fetch_counters(fixture->fetch, &counters);
	return counters;
}

static void units_come_from_nearby(void **state)
{
	struct fixture *fixture = *state;

	for (unsigned version = 1; version <= 2; version++) {
		open_nearby(fixture, version);
		struct reading *reading = start_read(fixture, 0, SIZE, 0);
		for (uint64_t offset = 0; offset < SIZE;) {
			struct neighbours_want *want = take_want(fixture);
			assert_int_equal(want->offset, offset);
			offset += want->length;
			bring(want);
		}
		assert_int_equal(end_read(reading), 0);
		settle_fetch(fixture, SIZE);
		assert_int_equal(end_read(start_read(fixture, 0, SIZE, 0)), 0);
		close_file(fixture);
	}
	assert_int_equal(counters_of(fixture).given[GIVEN_PEER].bytes, 2 * SIZE);
	assert_int_equal(counters_of(fixture).given[GIVEN_CACHE].bytes, 2 * SIZE);
}

static void who_is_refused_is_told_at_once_and_may_ask_again(void **state)
{
	static const struct {
		enum seeker_reason reason;
		int error;
	} cases[] = {
		{SEEKER_ALONE, -ENODATA},  {SEEKER_NO_ANSWER, -ENODATA}, {SEEKER_CHOSEN, -ENODATA},
		{SEEKER_ENDED, -ENODATA},  {SEEKER_EMPTY, -EAGAIN},      {SEEKER_BAD, -EAGAIN},
		{SEEKER_TIMEOUT, -EAGAIN}, {SEEKER_FAILED, -EAGAIN},     {SEEKER_BANNED, -EAGAIN},
		{SEEKER_BUSY, -EAGAIN},
	};
	struct fixture *fixture = *state;

	open_nearby(fixture, 1);
	for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct reading *reading = start_read(fixture, UNIT, UNIT, 0);
		refuse(take_want(fixture), cases[i].reason);
		assert_int_equal(end_read(reading), cases[i].error);
	}
	struct reading *reading = start_read(fixture, UNIT, UNIT, 0);
	bring(take_want(fixture));
	assert_int_equal(end_read(reading), 0);
}

static void nobody_is_asked_when_it_is_not_worth_it(void **state)
{
	struct fixture *fixture = *state;

	open_nearby(fixture, 1);
	fixture->near.why = LEDGER_MODE;
	assert_int_equal(end_read(start_read(fixture, 0, UNIT, SIZE)), -ENODATA);
	fixture->near.why = LEDGER_SEEKER + SEEKER_ALONE;
	assert_int_equal(end_read(start_read(fixture, 0, UNIT, SIZE)), -ENODATA);
	assert_int_equal(fixture->near.seeks, 0);
	fixture->near.why = 0;
	struct reading *reading = start_read(fixture, 0, UNIT, 0);
	bring(take_want(fixture));
	assert_int_equal(end_read(reading), 0);
}

static void without_neighbours_there_is_nothing(void **state)
{
	struct fixture *fixture = *state;

	open_nearby(fixture, 1);
	assert_int_equal(end_read(start_read(fixture, 0, UNIT, 0)), -ENODATA);
}

static void without_content_information_there_is_nothing(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(store_object(fixture->store, "/segment/1", "", SIZE, &fixture->object), 0);
	assert_int_equal(fetch_open_nearby(fixture->fetch, fixture->object, "/segment/1", NULL,
					   &fixture->file),
			 0);
	assert_int_equal(end_read(start_read(fixture, 0, UNIT, 0)), -ENODATA);
	assert_int_equal(fixture->near.seeks, 0);
}

static void what_is_late_is_waited_for(void **state)
{
	struct fixture *fixture = *state;

	open_nearby(fixture, 1);
	struct reading *reading = start_read(fixture, 0, UNIT, 0);
	struct neighbours_want *want = take_want(fixture);
	want->late(want->owner, want->stream, &want->offset, 1, SEEKER_TIMEOUT);
	/* Half of its time: others would go to the origin. */
	fetch_tick(fixture->fetch, 1 + TIMEOUT_MS / 2 + 1000);
	assert_false(has_ended(reading));
	bring(want);
	assert_int_equal(end_read(reading), 0);
}

static void time_that_is_over_is_no_failure(void **state)
{
	struct fixture *fixture = *state;

	open_nearby(fixture, 1);
	struct reading *reading = start_read(fixture, 0, UNIT, 0);
	struct neighbours_want *want = take_want(fixture);
	fetch_tick(fixture->fetch, 1 + TIMEOUT_MS);
	assert_int_equal(end_read(reading), -EAGAIN);
	/* It is still sought, and waited for by the next one. */
	reading = start_read(fixture, 0, UNIT, 0);
	assert_int_equal(waiting_wants(fixture), 0);
	bring(want);
	assert_int_equal(end_read(reading), 0);
}

static void what_is_ahead_fails_quietly(void **state)
{
	struct fixture *fixture = *state;

	open_nearby(fixture, 1);
	struct reading *reading = start_read(fixture, 0, UNIT, 3 * UNIT);
	struct neighbours_want *first = take_want(fixture), *second = take_want(fixture),
			       *third = take_want(fixture);
	refuse(second, SEEKER_NO_ANSWER);
	bring(first);
	assert_int_equal(end_read(reading), 0);
	bring(third);
	settle_fetch(fixture, 2 * UNIT);
}

static void several_blocks_fail_together(void **state)
{
	struct fixture *fixture = *state;
	struct neighbours_want *wants[3];

	open_nearby(fixture, 1);
	struct reading *reading = start_read(fixture, 0, 3 * UNIT, 0);
	for (unsigned i = 0; i < 3; i++)
		wants[i] = take_want(fixture);
	bring(wants[1]);
	wants[1] = wants[2];
	wants[0]->refused(wants, 2, SEEKER_EMPTY);
	assert_int_equal(end_read(reading), -EAGAIN);
}

static void who_has_the_same_object_shares_it(void **state)
{
	struct fixture *fixture = *state;
	struct fetch_file *other;

	open_nearby(fixture, 1);
	assert_int_equal(
		fetch_open_nearby(fixture->fetch, fixture->object, "/content/1", NULL, &other), 0);
	assert_ptr_equal(other, fixture->file);
	assert_null(fetch_find(fixture->fetch, fixture->object));
	fetch_file_put(other);
}

static int put(void *owner, const void *data, size_t size)
{
	FILE *file = owner;

	return fwrite(data, 1, size, file) == size ? 0 : -EIO;
}

/* Of the first three blocks. */
static struct content *make_partly(struct fixture *fixture)
{
	struct content *whole = make_content(fixture, 1, SIZE, 0, 0, 0), *content;
	const uint8_t ks[DIGEST_SIZE_MAX] = "server secret";
	struct content_hashes hashes;
	char *data;
	size_t size;
	FILE *file = open_memstream(&data, &size);

	assert_int_equal(content_hashes_of(whole, &hashes), 0);
	assert_int_equal(content_hashes_write(&hashes, ks, 0, 3 * UNIT, NULL, put, file), 0);
	fclose(file);
	assert_int_equal(content_decode(data, size, size, &content, NULL), 0);
	content_hashes_clear(&hashes);
	content_put(whole);
	free(data);
	return content;
}

static void content_that_does_not_describe_the_object_will_do(void **state)
{
	struct fixture *fixture = *state;
	struct content *content = make_partly(fixture);
	struct fetch_file *other;

	assert_int_equal(content_end(content), 3 * UNIT);
	assert_int_equal(store_object(fixture->store, "/segment/2", "", SIZE, &fixture->object), 0);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(fetch_open_nearby(fixture->fetch, fixture->object, "/segment/2",
						   content, i == 0 ? &fixture->file : &other),
				 0);
	}
	assert_ptr_not_equal(other, fixture->file);
	fetch_file_put(other);
	struct reading *reading = start_read(fixture, UNIT, UNIT, 3 * UNIT);
	struct neighbours_want *first = take_want(fixture), *second = take_want(fixture);
	assert_ptr_equal(first->content, content);
	assert_int_equal(first->offset, UNIT);
	bring(first);
	bring(second);
	assert_int_equal(end_read(reading), 0);
	settle_fetch(fixture, 2 * UNIT);
	content_put(content);
}

static void what_is_given_by_another_way_counts_once_as_what_it_was(void **state)
{
	struct fixture *fixture = *state;

	open_nearby(fixture, 1);
	struct reading *reading = start_read(fixture, 0, UNIT, 2 * UNIT);
	bring(take_want(fixture));
	bring(take_want(fixture));
	assert_int_equal(end_read(reading), 0);
	settle_fetch(fixture, 2 * UNIT);
	struct fetch_counters before = counters_of(fixture);
	assert_int_equal(before.given[GIVEN_PEER].blocks, 1);
	assert_int_equal(before.given[GIVEN_CACHE].blocks, 0);
	/* The second was never given; the first was. */
	fetch_file_given(fixture->file, 0, 2 * UNIT);
	struct fetch_counters after = counters_of(fixture);
	assert_int_equal(after.given[GIVEN_PEER].bytes, 2 * UNIT);
	assert_int_equal(after.given[GIVEN_PEER].blocks, 2);
	assert_int_equal(after.given[GIVEN_CACHE].bytes, UNIT);
	assert_int_equal(after.given[GIVEN_CACHE].blocks, 1);
	fetch_file_given(fixture->file, 100, 2 * UNIT - 200);
	fetch_file_given(fixture->file, 0, 0);
	after = counters_of(fixture);
	assert_int_equal(after.given[GIVEN_CACHE].bytes, 3 * UNIT - 200);
	assert_int_equal(after.given[GIVEN_CACHE].blocks, 2);
	assert_int_equal(after.given[GIVEN_PEER].bytes, 2 * UNIT);
}

static void who_stops_the_engine_ends_it(void **state)
{
	struct fixture *fixture = *state;

	open_nearby(fixture, 1);
	struct reading *reading = start_read(fixture, 0, UNIT, 0);
	struct neighbours_want *want = take_want(fixture);
	fetch_stop(fixture->fetch);
	refuse(want, SEEKER_ENDED);
	assert_int_equal(end_read(reading), -ENODATA);
	assert_int_equal(end_read(start_read(fixture, 0, UNIT, 0)), -EIO);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_nearby, teardown)
	const struct CMUnitTest tests[] = {
		TEST(units_come_from_nearby),
		TEST(who_is_refused_is_told_at_once_and_may_ask_again),
		TEST(nobody_is_asked_when_it_is_not_worth_it),
		cmocka_unit_test_setup_teardown(without_neighbours_there_is_nothing, setup,
						teardown),
		TEST(without_content_information_there_is_nothing),
		TEST(what_is_late_is_waited_for),
		TEST(time_that_is_over_is_no_failure),
		TEST(what_is_ahead_fails_quietly),
		TEST(several_blocks_fail_together),
		TEST(who_has_the_same_object_shares_it),
		TEST(content_that_does_not_describe_the_object_will_do),
		TEST(what_is_given_by_another_way_counts_once_as_what_it_was),
		TEST(who_stops_the_engine_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
