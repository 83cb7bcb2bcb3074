/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The fetch engine: whether there is content information is asked for, and it comes while a file is
 * read.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/unit/fetch_scene.h"

#define SIZE (10 * UNIT + 1000)
/* Of version 2: no unit begins where one of 64 KiB does, but the first. */
#define FIXED 100000u

static struct content *content_of(struct fixture *fixture, unsigned version)
{
	return make_content(fixture, version, SIZE, version == 2 ? FIXED : 0, 0, 0);
}

/* ---- asking ---- */

static void first_read_that_lacks_something_asks_once_and_waits(void **state)
{
	struct fixture *fixture = *state;

	open_file(fixture, "\"v1\"", SIZE, FETCH_MAY_ASK);
	struct reading *one = start_read(fixture, 0, UNIT, 0);
	struct reading *two = start_read(fixture, 3 * UNIT, UNIT, 0);
	assert_int_equal(waiting_questions(fixture), 1);
	assert_int_equal(waiting_transfers(fixture), 0);
	answer(fixture);
	assert_int_equal(serve(fixture, one), 0);
	assert_int_equal(serve(fixture, two), 0);
	assert_int_equal(transfers_for(fixture, 5 * UNIT, UNIT), 1);
	assert_int_equal(waiting_questions(fixture), 0);
}

static void answers_that_come_again_change_nothing(void **state)
{
	struct fixture *fixture = *state;

	open_file(fixture, "\"v1\"", SIZE, FETCH_MAY_ASK);
	fetch_asked(fixture->file);
	fetch_asked(fixture->file);
	assert_int_equal(transfers_for(fixture, 0, UNIT), 1);
	assert_int_equal(waiting_questions(fixture), 0);
	fetch_asked(fixture->file);
	assert_int_equal(transfers_for(fixture, 2 * UNIT, UNIT), 1);
}

static void nobody_waits_long_for_the_answer(void **state)
{
	struct fixture *fixture = *state;

	open_file(fixture, "\"v1\"", SIZE, FETCH_MAY_ASK);
	struct reading *reading = start_read(fixture, 0, UNIT, 0);
	fetch_tick(fixture->fetch, 1000);
	assert_int_equal(waiting_transfers(fixture), 0);
	fetch_tick(fixture->fetch, 1001);
	assert_int_equal(serve(fixture, reading), 0);
	/* It comes late. */
	struct fetch_file *file = take_question(fixture);
	assert_int_equal(fetch_describe(file, content_of(fixture, 1)), 0);
	wait_described(file, 1);
	fetch_file_put(file);
	assert_int_equal(transfers_for(fixture, 0, SIZE), 1);
}

static void present_data_are_read_without_asking(void **state)
{
	struct fixture *fixture = *state;

	open_file(fixture, "\"v1\"", SIZE, 0);
	assert_int_equal(transfers_for(fixture, 0, 4 * UNIT), 1);
	settle_fetch(fixture, 4 * UNIT);
	close_file(fixture);
	open_file(fixture, "\"v1\"", SIZE, FETCH_MAY_ASK);
	assert_int_equal(transfers_for(fixture, 0, 4 * UNIT), 0);
	assert_int_equal(waiting_questions(fixture), 0);
}

static void what_is_known_is_not_asked_for(void **state)
{
	struct fixture *fixture = *state;

	open_file(fixture, "\"v1\"", SIZE, FETCH_MAY_ASK);
	describe(fixture, content_of(fixture, 2));
	assert_int_equal(transfers_for(fixture, 0, UNIT), 1);
	fetch_file_put(fixture->file);
	assert_int_equal(fetch_open(fixture->fetch, fixture->object, "a/file", "\"v1\"",
				    FETCH_MAY_ASK, &fixture->file),
			 0);
	wait_described(fixture->file, 2);
	assert_int_equal(transfers_for(fixture, 5 * UNIT, UNIT), 1);
	assert_int_equal(waiting_questions(fixture), 0);
}

static void without_judges_nothing_is_asked(void **state)
{
	struct fixture *fixture = *state;

	open_file(fixture, "\"v1\"", SIZE, FETCH_MAY_ASK);
	assert_int_equal(transfers_for(fixture, 0, UNIT), 1);
}

static void closing_is_told_unless_it_was_inside(void **state)
{
	struct fixture *fixture = *state;

	open_file(fixture, "\"v1\"", SIZE, 0);
	close_file(fixture);
	assert_int_equal(fixture->bench.closed, 1);
	open_file(fixture, "\"v1\"", SIZE, FETCH_INSIDE);
	assert_null(fetch_find(fixture->fetch, fixture->object));
	close_file(fixture);
	assert_int_equal(fixture->bench.closed, 1);
}

/* ---- content information comes ---- */

static void content_before_any_octet(void **state)
{
	struct fixture *fixture = *state;
	struct transfer_wish wish;

	for (unsigned version = 1; version <= 2; version++) {
		open_file(fixture, version == 1 ? "\"v1\"" : "\"v2\"", SIZE, 0);
		describe(fixture, content_of(fixture, version));
		struct reading *reading = start_read(fixture, UNIT + 5, 10, 0);
		struct transfer *transfer = take_transfer(fixture);
		transfer_wish(transfer, &wish);
		assert_true(wish.missing);
		assert_int_equal(wish.offset, version == 1 ? UNIT : 0);
		assert_int_equal(wish.length, version == 1 ? UNIT : FIXED);
		deliver(fixture, transfer);
		assert_int_equal(end_read(reading), 0);
		assert_int_equal(transfers_for(fixture, 0, SIZE), version == 1 ? 2 : 1);
		settle_fetch(fixture, SIZE);
		assert_int_equal(transfers_for(fixture, 0, SIZE), 0);
		close_file(fixture);
	}
}

static void content_of_something_else_is_refused(void **state)
{
	struct fixture *fixture = *state;

	open_file(fixture, "\"v1\"", SIZE, FETCH_MAY_ASK);
	struct reading *reading = start_read(fixture, 0, UNIT, 0);
	struct fetch_file *file = take_question(fixture);
	assert_int_equal(fetch_describe(file, make_content(fixture, 1, SIZE - 1, 0, 0, 0)),
			 -EINVAL);
	fetch_file_put(file);
	/* That is an answer, too. */
	assert_int_equal(serve(fixture, reading), 0);
	wait_described(fixture->file, 0);
}

static void what_is_present_and_wrong_is_dropped(void **state)
{
	struct fixture *fixture = *state;

	for (unsigned version = 1; version <= 2; version++) {
		open_file(fixture, version == 1 ? "\"v1\"" : "\"v2\"", SIZE, 0);
		fixture->scripted.wrong = 2 * UNIT + 7;
		fixture->scripted.wrong_to = 2 * UNIT + 8;
		struct reading *reading = start_read(fixture, 0, UNIT, 6 * UNIT);
		deliver(fixture, take_transfer(fixture));
		assert_int_equal(end_read(reading), 0);
		fixture->scripted.wrong_to = 0;
		settle_fetch(fixture, 6 * UNIT);
		describe(fixture, content_of(fixture, version));
		/* Of version 2: two units before, one behind, the fourth is not all there. */
		assert_int_equal(object_cached(fixture->object),
				 version == 1 ? 5 * UNIT : 2 * FIXED);
		assert_int_equal(transfers_for(fixture, 0, UNIT), 0);
		assert_int_equal(transfers_for(fixture, 2 * UNIT, UNIT), 1);
		close_file(fixture);
	}
}

static void content_in_the_middle_of_a_transfer(void **state)
{
	struct fixture *fixture = *state;
	const struct entry entry = entry_of(SIZE, 0);

	for (unsigned version = 1; version <= 2; version++) {
		open_file(fixture, version == 1 ? "\"v1\"" : "\"v2\"", SIZE, 0);
		struct reading *one = start_read(fixture, 0, 6 * UNIT, 0);
		struct reading *two = start_read(fixture, 5 * UNIT + 5, 10, 0);
		struct transfer *transfer = take_transfer(fixture);
		assert_int_equal(transfer_begin(transfer, &entry, 0, 6 * UNIT), 0);
		/* Wrong as it was before anybody could know, and in the middle of a unit. */
		fixture->scripted.wrong_to = 10;
		assert_int_equal(send_octets(fixture, transfer, 0, 2 * UNIT + 99), 0);
		fixture->scripted.wrong_to = 0;
		describe(fixture, content_of(fixture, version));
		assert_int_equal(transfer_bytes(transfer, "x", 1), -ECANCELED);
		assert_int_equal(serve(fixture, one), 0);
		transfer_end(transfer, -ECANCELED);
		assert_int_equal(serve(fixture, two), 0);
		assert_int_equal(transfers_for(fixture, 0, 6 * UNIT), 0);
		close_file(fixture);
	}
}

static void content_while_a_transfer_starves(void **state)
{
	struct fixture *fixture = *state;
	const struct entry entry = entry_of(SIZE, 0);

	open_file(fixture, "\"v1\"", SIZE, 0);
	struct reading *reading = calloc(1, sizeof *reading);
	*reading = (struct reading){.lock = PTHREAD_MUTEX_INITIALIZER,
				    .ended = PTHREAD_COND_INITIALIZER,
				    .bytes = malloc(UNIT)};
	reading->read = (struct fetch_read){.file = fixture->file,
					    .length = UNIT,
					    .ahead = 2 * UNIT,
					    .reach = 8 * UNIT,
					    .done = read_done};
	fetch_read(&reading->read);
	struct transfer *transfer = take_transfer(fixture);
	assert_int_equal(transfer_begin(transfer, &entry, 0, 8 * UNIT), 0);
	assert_int_equal(send_octets(fixture, transfer, 0, 2 * UNIT), 0);
	assert_int_equal(end_read(reading), 0);
	assert_int_equal(transfer_bytes(transfer, "x", 1), -EAGAIN);
	describe(fixture, content_of(fixture, 2));
	assert_int_equal(fixture->scripted.resumed, 1);
	assert_int_equal(transfer_bytes(transfer, "x", 1), -ECANCELED);
	assert_int_equal(transfers_for(fixture, 2 * UNIT, UNIT), 1);
	transfer_end(transfer, -ECANCELED);
}

static void content_while_a_transfer_is_paused(void **state)
{
	struct fixture *fixture = *state;
	const uint64_t size = 3ull * FETCH_BUFFERED_MAX / 2;
	const struct entry entry = entry_of((int64_t)size, 0);
	static const unsigned char portion[UNIT];
	struct content *content = make_content(fixture, 1, size, 0, 0, 0);
	int error;

	open_file(fixture, "\"v1\"", size, FETCH_NO_RANGES);
	struct reading *reading = start_read(fixture, size - UNIT, UNIT, 0);
	struct transfer *transfer = take_transfer(fixture);
	assert_int_equal(transfer_begin(transfer, &entry, 0, (int64_t)size), 0);
	/* Landings that last, so that there is no more room. */
	struct pool_job *held[2 * FETCH_BUFFERED_MAX / UNIT];
	unsigned count = 0;
	for (uint32_t unit = 0; unit <= FETCH_BUFFERED_MAX / UNIT; unit++)
		held[count++] = hold_change(fixture, unit);
	do
		error = transfer_bytes(transfer, portion, sizeof portion);
	while (error == 0);
	assert_int_equal(error, -EAGAIN);
	unsigned resumed = fixture->scripted.resumed;
	assert_int_equal(fetch_describe(fixture->file, content), 0);
	assert_int_equal(fixture->scripted.resumed, resumed + 1);
	assert_int_equal(transfer_bytes(transfer, portion, 1), -ECANCELED);
	transfer_end(transfer, -ECANCELED);
	assert_int_equal(waiting_transfers(fixture), 0);
	while (count > 0) {
		struct pool_job *job = held[--count];
		job->run(job);
	}
	assert_int_equal(serve(fixture, reading), 0);
	wait_described(fixture->file, 1);
}

static void content_while_a_transfer_is_to_be_tried_again(void **state)
{
	struct fixture *fixture = *state;

	open_file(fixture, "\"v1\"", SIZE, 0);
	struct reading *reading = start_read(fixture, 0, UNIT, 0);
	transfer_end(take_transfer(fixture), -ECONNRESET);
	assert_int_equal(waiting_transfers(fixture), 0);
	describe(fixture, content_of(fixture, 2));
	assert_int_equal(serve(fixture, reading), 0);
	fetch_tick(fixture->fetch, 2);
	fetch_tick(fixture->fetch, 5000);
	assert_int_equal(waiting_transfers(fixture), 0);
}

static void *read_apart(void *context)
{
	return start_read(context, 0, UNIT, 0);
}

static void content_while_a_transfer_is_being_started(void **state)
{
	struct fixture *fixture = *state;
	pthread_t thread;
	void *reading;

	for (int early = 0; early <= 1; early++) {
		open_file(fixture, early ? "\"v1\"" : "\"v2\"", SIZE, 0);
		fixture->scripted.held = true;
		assert_int_equal(pthread_create(&thread, NULL, read_apart, fixture), 0);
		struct transfer *transfer = take_transfer(fixture);
		describe(fixture, content_of(fixture, 2));
		/* The one that follows is begun by a pool thread, which is held as well. */
		struct transfer *next = take_transfer(fixture);
		assert_int_equal(transfer_bytes(transfer, "x", 1), -ECANCELED);
		if (early)
			transfer_end(transfer, -ECANCELED);
		pthread_mutex_lock(&fixture->scripted.lock);
		fixture->scripted.held = false;
		pthread_cond_broadcast(&fixture->scripted.started);
		pthread_mutex_unlock(&fixture->scripted.lock);
		assert_int_equal(pthread_join(thread, &reading), 0);
		if (!early)
			transfer_end(transfer, -ECANCELED);
		deliver(fixture, next);
		assert_int_equal(end_read(reading), 0);
		close_file(fixture);
	}
}

static void content_while_the_stream_is_under_way(void **state)
{
	struct fixture *fixture = *state;
	const struct entry entry = entry_of(SIZE, ENTRY_NO_RANGES);

	open_file(fixture, "\"v1\"", SIZE, 0);
	struct reading *reading = start_read(fixture, 4 * UNIT, UNIT, 0);
	struct transfer *stream = take_transfer(fixture);
	assert_int_equal(transfer_begin(stream, &entry, 0, SIZE), 0);
	assert_int_equal(send_octets(fixture, stream, 0, 2 * UNIT + 5), 0);
	describe(fixture, content_of(fixture, 2));
	struct transfer *next = take_transfer(fixture);
	assert_wish(next, 0, 0);
	assert_int_equal(transfer_bytes(stream, "x", 1), -ECANCELED);
	transfer_end(stream, -ECANCELED);
	deliver(fixture, next);
	assert_int_equal(end_read(reading), 0);
	settle_fetch(fixture, SIZE);
}

/* Nothing would tell two answers apart, but the content information does. */
static void one_answer_may_be_another_while_there_is_content(void **state)
{
	struct fixture *fixture = *state;
	const struct entry entry = entry_of(SIZE, ENTRY_NO_RANGES);

	open_file(fixture, "once:1", SIZE, FETCH_ONE_ANSWER);
	struct reading *reading = start_read(fixture, 4 * UNIT, UNIT, 0);
	struct transfer *stream = take_transfer(fixture);
	assert_int_equal(transfer_begin(stream, &entry, 0, SIZE), 0);
	assert_int_equal(send_octets(fixture, stream, 0, 2 * UNIT + 5), 0);
	describe(fixture, make_content(fixture, 1, SIZE, 0, 8 * UNIT, SIZE));
	transfer_end(stream, -ECANCELED);
	stream = take_transfer(fixture);
	assert_int_equal(transfer_begin(stream, &entry, 0, SIZE), 0);
	assert_int_equal(send_octets(fixture, stream, 0, 6 * UNIT), 0);
	assert_int_equal(end_read(reading), 0);
	reading = start_read(fixture, 8 * UNIT, UNIT, 0);
	assert_int_equal(send_octets(fixture, stream, 6 * UNIT, SIZE - 6 * UNIT), 0);
	transfer_end(stream, 0);
	struct doubt doubt = take_doubt(fixture);
	fetch_judge(doubt.file, FETCH_CONTRADICTED, NULL);
	fetch_file_put(doubt.file);
	/* Without it what came of the first answer must not meet what comes of a third. */
	assert_int_equal(end_read(reading), -ESTALE);
	assert_int_equal(waiting_transfers(fixture), 0);
}

/* ---- the change under way ---- */

static void change_waits_for_what_lands_and_reads_for_the_change(void **state)
{
	struct fixture *fixture = *state;

	open_file(fixture, "\"v1\"", SIZE, FETCH_MAY_ASK);
	fetch_asked(fixture->file);
	assert_int_equal(transfers_for(fixture, 0, 2 * UNIT), 1);
	settle_fetch(fixture, 2 * UNIT);
	struct pool_job *held = hold_change(fixture, 4);
	assert_int_equal(fetch_describe(fixture->file, content_of(fixture, 2)), 0);
	struct reading *reading = start_read(fixture, 5 * UNIT, UNIT, 0);
	assert_int_equal(fetch_describe(fixture->file, content_of(fixture, 1)), -EBUSY);
	fetch_asked(fixture->file);
	assert_null(fetch_seed(fixture->file, 6, "", 1));
	/* What is here, or in memory, is given. */
	assert_int_equal(transfers_for(fixture, 0, 2 * UNIT), 0);
	assert_int_equal(transfers_for(fixture, 4 * UNIT, UNIT), 0);
	assert_false(has_ended(reading));
	assert_int_equal(waiting_transfers(fixture), 0);
	wait_described(fixture->file, 0);
	held->run(held);
	wait_described(fixture->file, 2);
	assert_int_equal(serve(fixture, reading), 0);
}

/* Of which nothing more comes: it has all that is wanted, but under other units for a moment. */
static void answered_file_waits_for_the_change(void **state)
{
	struct fixture *fixture = *state;
	struct content *content = content_of(fixture, 2);
	struct object_survey *survey;
	struct fetch_file *answered;

	open_file(fixture, "\"v1\"", SIZE, 0);
	assert_int_equal(transfers_for(fixture, 0, 6 * UNIT), 1);
	settle_fetch(fixture, 6 * UNIT);
	struct pool_job *held = hold_change(fixture, 7);
	assert_int_equal(fetch_open(fixture->fetch, fixture->object, "a/file", "\"v1\"",
				    FETCH_ONE_ANSWER | FETCH_ANSWERED, &answered),
			 0);
	assert_int_equal(fetch_describe(fixture->file, content_of(fixture, 2)), 0);
	assert_int_equal(object_survey(fixture->object, content, NULL, NULL, &survey), 0);
	assert_int_equal(object_describe(survey, NULL), 0);
	content_put(content);
	struct fetch_file *first = fixture->file;
	fixture->file = answered;
	struct reading *reading = start_read(fixture, 0, UNIT, 2 * UNIT);
	fixture->file = first;
	assert_false(has_ended(reading));
	held->run(held);
	wait_described(answered, 2);
	assert_int_equal(end_read(reading), 0);
	fetch_file_put(answered);
}

static void all_files_of_an_object_change(void **state)
{
	struct fixture *fixture = *state;
	struct fetch_file *first, *third;

	open_file(fixture, "\"v1\"", SIZE, 0);
	first = fixture->file;
	struct reading *one = start_read(fixture, 0, UNIT, 0);
	assert_int_equal(
		fetch_open(fixture->fetch, fixture->object, "a/file", "\"v1\"", 0, &fixture->file),
		0);
	struct reading *two = start_read(fixture, 6 * UNIT, UNIT, 0);
	struct pool_job *held = hold_change(fixture, 2);
	struct transfer *transfers[] = {take_transfer(fixture), take_transfer(fixture)};
	assert_int_equal(fetch_describe(first, content_of(fixture, 2)), 0);
	/* Opened in the middle. */
	assert_int_equal(fetch_open(fixture->fetch, fixture->object, "a/file", "\"v1\"",
				    FETCH_MAY_ASK, &third),
			 0);
	struct fetch_file *second = fixture->file;
	fixture->file = third;
	struct reading *three = start_read(fixture, 8 * UNIT, UNIT, 0);
	fixture->file = second;
	assert_int_equal(waiting_transfers(fixture), 0);
	held->run(held);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(transfer_bytes(transfers[i], "x", 1), -ECANCELED);
		transfer_end(transfers[i], -ECANCELED);
	}
	assert_int_equal(serve(fixture, one), 0);
	assert_int_equal(serve(fixture, two), 0);
	assert_int_equal(serve(fixture, three), 0);
	wait_described(first, 2);
	wait_described(second, 2);
	wait_described(third, 2);
	assert_int_equal(waiting_questions(fixture), 0);
	fetch_file_put(first);
	fetch_file_put(third);
}

static void file_that_is_closed_in_the_middle_changes_nothing(void **state)
{
	struct fixture *fixture = *state;
	struct fetch_file *other;

	open_file(fixture, "\"v1\"", SIZE, 0);
	assert_int_equal(fetch_open(fixture->fetch, fixture->object, "a/file", "\"v1\"", 0, &other),
			 0);
	struct pool_job *held = hold_change(fixture, 2);
	assert_int_equal(fetch_describe(other, content_of(fixture, 1)), 0);
	fetch_file_put(other);
	held->run(held);
	wait_described(fixture->file, 1);
	close_file(fixture);
}

static void content_comes_again_and_in_the_other_version(void **state)
{
	struct fixture *fixture = *state;

	open_file(fixture, "\"v1\"", SIZE, 0);
	describe(fixture, content_of(fixture, 1));
	assert_int_equal(transfers_for(fixture, 0, SIZE), 1);
	settle_fetch(fixture, SIZE);
	describe(fixture, content_of(fixture, 2));
	assert_int_equal(transfers_for(fixture, 0, SIZE), 0);
	describe(fixture, content_of(fixture, 2));
	describe(fixture, content_of(fixture, 1));
	assert_int_equal(transfers_for(fixture, 0, SIZE), 0);
	assert_true(object_complete(fixture->object));
}

static void reading_only_into_the_store_asks_and_changes_too(void **state)
{
	struct fixture *fixture = *state;
	struct reading reading = {.lock = PTHREAD_MUTEX_INITIALIZER,
				  .ended = PTHREAD_COND_INITIALIZER};

	open_file(fixture, "\"v1\"", SIZE, FETCH_MAY_ASK);
	reading.read = (struct fetch_read){
		.file = fixture->file, .length = SIZE, .store_only = true, .done = read_done};
	fetch_read(&reading.read);
	answer(fixture);
	struct transfer *transfer = take_transfer(fixture);
	describe(fixture, content_of(fixture, 2));
	transfer_end(transfer, -ECANCELED);
	deliver(fixture, take_transfer(fixture));
	while (!has_ended(&reading))
		usleep(100);
	assert_int_equal(reading.error, 0);
	assert_true(object_complete(fixture->object));
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(first_read_that_lacks_something_asks_once_and_waits),
		test(answers_that_come_again_change_nothing),
		test(nobody_waits_long_for_the_answer),
		test(present_data_are_read_without_asking),
		test(what_is_known_is_not_asked_for),
		cmocka_unit_test_setup_teardown(without_judges_nothing_is_asked,
						setup_without_judges, teardown),
		test(closing_is_told_unless_it_was_inside),
		test(content_before_any_octet),
		test(content_of_something_else_is_refused),
		test(what_is_present_and_wrong_is_dropped),
		test(content_in_the_middle_of_a_transfer),
		test(content_while_a_transfer_starves),
		test(content_while_a_transfer_is_paused),
		test(content_while_a_transfer_is_to_be_tried_again),
		test(content_while_a_transfer_is_being_started),
		test(content_while_the_stream_is_under_way),
		test(one_answer_may_be_another_while_there_is_content),
		test(change_waits_for_what_lands_and_reads_for_the_change),
		test(answered_file_waits_for_the_change),
		test(all_files_of_an_object_change),
		test(file_that_is_closed_in_the_middle_changes_nothing),
		test(content_comes_again_and_in_the_other_version),
		test(reading_only_into_the_store_asks_and_changes_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
