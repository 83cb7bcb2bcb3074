/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The fetch engine: each block travels once, and what fails, fails for whom it must.
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

static void cold_read_gets_its_blocks_in_one_transfer(void **state)
{
	struct fixture *fixture = *state;

	open_file(fixture, "\"v1\"", 10 * UNIT + 7, 0);
	struct reading *reading = start_read(fixture, UNIT + 100, 3 * UNIT, 0);
	struct transfer *transfer = take_transfer(fixture);
	assert_wish(transfer, UNIT, 4 * UNIT);
	deliver(fixture, transfer);
	assert_int_equal(end_read(reading), 0);
}

static void two_readers_of_a_block_share_one_flight(void **state)
{
	struct fixture *fixture = *state;

	open_file(fixture, "\"v1\"", 10 * UNIT, 0);
	struct reading *one = start_read(fixture, 0, UNIT, 0);
	struct reading *two = start_read(fixture, 100, 200, 0);
	struct transfer *transfer = take_transfer(fixture);
	assert_int_equal(waiting_transfers(fixture), 0);
	deliver(fixture, transfer);
	assert_int_equal(end_read(one), 0);
	assert_int_equal(end_read(two), 0);
}

static void what_was_read_is_not_fetched_again(void **state)
{
	struct fixture *fixture = *state;
	struct fetch_counters counters;

	open_file(fixture, "\"v1\"", 2 * UNIT + 5, 0);
	struct reading *reading = start_read(fixture, 0, 2 * UNIT + 5, 0);
	deliver(fixture, take_transfer(fixture));
	assert_int_equal(end_read(reading), 0);
	close_file(fixture);
	open_file(fixture, "\"v1\"", 2 * UNIT + 5, 0);
	assert_int_equal(end_read(start_read(fixture, 0, 2 * UNIT + 5, 0)), 0);
	fetch_counters(fixture->fetch, &counters);
	assert_int_equal(counters.given[GIVEN_ORIGIN].bytes, 2 * UNIT + 5);
	assert_int_equal(counters.given[GIVEN_ORIGIN].blocks, 3);
	assert_int_equal(counters.given[GIVEN_CACHE].bytes, 2 * UNIT + 5);
	assert_int_equal(counters.given[GIVEN_CACHE].blocks, 3);
}

static void present_and_missing_blocks_make_one_answer(void **state)
{
	struct fixture *fixture = *state;

	open_file(fixture, "\"v1\"", 5 * UNIT, 0);
	struct reading *reading = start_read(fixture, 2 * UNIT, UNIT, 0);
	deliver(fixture, take_transfer(fixture));
	assert_int_equal(end_read(reading), 0);
	fetch_forget(fixture->fetch);
	reading = start_read(fixture, 10, 5 * UNIT - 20, 0);
	struct transfer *before = take_transfer(fixture), *behind = take_transfer(fixture);
	assert_wish(before, 0, 2 * UNIT);
	assert_wish(behind, 3 * UNIT, 2 * UNIT);
	deliver(fixture, behind);
	deliver(fixture, before);
	assert_int_equal(end_read(reading), 0);
}

static void broken_transfer_is_tried_again_for_the_rest(void **state)
{
	struct fixture *fixture = *state;
	const struct entry entry = entry_of(4 * UNIT, 0);

	open_file(fixture, "\"v1\"", 4 * UNIT, 0);
	struct reading *reading = start_read(fixture, 0, 4 * UNIT, 0);
	struct transfer *transfer = take_transfer(fixture);
	assert_int_equal(transfer_begin(transfer, &entry, 0, 4 * UNIT), 0);
	assert_int_equal(send_octets(fixture, transfer, 0, UNIT + 1000), 0);
	transfer_end(transfer, -ECONNRESET);
	fetch_tick(fixture->fetch, 2);
	transfer = take_transfer(fixture);
	assert_wish(transfer, UNIT, 3 * UNIT);
	deliver(fixture, transfer);
	assert_int_equal(end_read(reading), 0);
}

static void source_that_is_gone_is_given_up_and_the_failure_remembered(void **state)
{
	struct fixture *fixture = *state;
	int64_t now = 1;

	open_file(fixture, "\"v1\"", UNIT, 0);
	struct reading *reading = start_read(fixture, 0, UNIT, 0);
	for (int tries = 0; tries < 4; tries++) {
		while (waiting_transfers(fixture) == 0)
			fetch_tick(fixture->fetch, now += 10);
		transfer_end(take_transfer(fixture), -EHOSTUNREACH);
	}
	assert_in_range(now, 2000, 2500);
	assert_int_equal(end_read(reading), -EIO);
	assert_int_equal(end_read(start_read(fixture, 0, UNIT, 0)), -EIO);
	assert_int_equal(waiting_transfers(fixture), 0);
	fetch_tick(fixture->fetch, now += 6000);
	reading = start_read(fixture, 0, UNIT, 0);
	deliver(fixture, take_transfer(fixture));
	assert_int_equal(end_read(reading), 0);
}

static void refusal_is_final(void **state)
{
	struct fixture *fixture = *state;

	open_file(fixture, "\"v1\"", UNIT, 0);
	struct reading *reading = start_read(fixture, 0, UNIT, 0);
	transfer_end(take_transfer(fixture), -EACCES);
	assert_int_equal(end_read(reading), -EACCES);
}

static void slow_block_fails_its_reader_and_still_lands(void **state)
{
	struct fixture *fixture = *state;

	open_file(fixture, "\"v1\"", UNIT, 0);
	struct reading *reading = start_read(fixture, 0, UNIT, 0);
	struct transfer *transfer = take_transfer(fixture);
	fetch_tick(fixture->fetch, 29000);
	assert_false(has_ended(reading));
	fetch_tick(fixture->fetch, 31000);
	assert_int_equal(end_read(reading), -ETIMEDOUT);
	/* The kernel asks again for what failed, and is not to wait as long again. */
	assert_int_equal(end_read(start_read(fixture, 0, UNIT, 0)), -EIO);
	deliver(fixture, transfer);
	while (!object_complete(fixture->object))
		usleep(100);
	assert_int_equal(end_read(start_read(fixture, 0, UNIT, 0)), 0);
}

static void other_size_is_another_version(void **state)
{
	struct fixture *fixture = *state;
	const struct entry entry = entry_of(3 * UNIT, 0);

	open_file(fixture, "\"v1\"", 2 * UNIT, 0);
	struct reading *reading = start_read(fixture, 0, UNIT, 0);
	struct transfer *transfer = take_transfer(fixture);
	int error = transfer_begin(transfer, &entry, 0, UNIT);
	assert_int_equal(error, -ESTALE);
	transfer_end(transfer, error);
	assert_int_equal(end_read(reading), -ESTALE);
	/* The other blocks are of the version that is gone. */
	assert_int_equal(end_read(start_read(fixture, UNIT, UNIT, 0)), -ESTALE);
	assert_false(fetch_file_alive(fixture->file));
}

static void answer_without_ranges_becomes_the_stream_of_all(void **state)
{
	struct fixture *fixture = *state;
	const struct entry entry = entry_of(6 * UNIT, ENTRY_NO_RANGES);

	open_file(fixture, "\"v1\"", 6 * UNIT, 0);
	struct reading *late = start_read(fixture, 4 * UNIT, UNIT, 0);
	struct reading *early = start_read(fixture, UNIT, UNIT, 0);
	struct transfer *transfer = take_transfer(fixture), *other = take_transfer(fixture);
	assert_int_equal(transfer_begin(transfer, &entry, 0, 6 * UNIT), 0);
	assert_int_equal(transfer_begin(other, &entry, 0, 6 * UNIT), -ECANCELED);
	transfer_end(other, -ECANCELED);
	assert_int_equal(send_octets(fixture, transfer, 0, 6 * UNIT), 0);
	transfer_end(transfer, 0);
	assert_int_equal(end_read(early), 0);
	assert_int_equal(end_read(late), 0);
	while (!object_complete(fixture->object))
		usleep(100);
}

static void one_answer_that_breaks_off_is_never_pieced_together(void **state)
{
	struct fixture *fixture = *state;
	const struct entry entry = entry_of(4 * UNIT, 0);

	open_file(fixture, "once:1", 4 * UNIT, FETCH_ONE_ANSWER);
	struct reading *first = start_read(fixture, 0, UNIT, 0);
	struct reading *last = start_read(fixture, 3 * UNIT, UNIT, 0);
	struct transfer *transfer = take_transfer(fixture);
	assert_wish(transfer, 0, 0);
	assert_int_equal(transfer_begin(transfer, &entry, 0, 4 * UNIT), 0);
	assert_int_equal(send_octets(fixture, transfer, 0, 2 * UNIT + 5), 0);
	transfer_end(transfer, -ECONNRESET);
	assert_int_equal(end_read(first), 0);
	assert_int_equal(end_read(last), -EIO);
	assert_false(fetch_file_alive(fixture->file));
	assert_int_equal(waiting_transfers(fixture), 0);
}

static void content_of_unknown_length_is_measured(void **state)
{
	struct fixture *fixture = *state;
	const struct entry entry = entry_of(-1, ENTRY_NO_RANGES);
	struct reading reading = {.lock = PTHREAD_MUTEX_INITIALIZER,
				  .ended = PTHREAD_COND_INITIALIZER};

	open_file(fixture, "once:2", STORE_SIZE_UNKNOWN, FETCH_ONE_ANSWER | FETCH_NO_RANGES);
	reading.read.file = fixture->file;
	reading.read.done = read_done;
	fetch_whole(&reading.read);
	struct transfer *transfer = take_transfer(fixture);
	assert_int_equal(transfer_begin(transfer, &entry, 0, -1), 0);
	assert_int_equal(send_octets(fixture, transfer, 0, 2 * UNIT + 77), 0);
	transfer_end(transfer, 0);
	while (!has_ended(&reading))
		usleep(100);
	assert_int_equal(reading.error, 0);
	assert_int_equal(object_size(fixture->object), 2 * UNIT + 77);
	assert_true(object_complete(fixture->object));
	close_file(fixture);
	open_file(fixture, "once:2", 2 * UNIT + 77, FETCH_ONE_ANSWER);
	assert_int_equal(end_read(start_read(fixture, 0, 2 * UNIT + 77, 0)), 0);
}

static void empty_content_of_unknown_length_is_measured(void **state)
{
	struct fixture *fixture = *state;
	const struct entry entry = entry_of(-1, ENTRY_NO_RANGES);
	struct reading reading = {.lock = PTHREAD_MUTEX_INITIALIZER,
				  .ended = PTHREAD_COND_INITIALIZER};

	open_file(fixture, "once:3", STORE_SIZE_UNKNOWN, FETCH_ONE_ANSWER | FETCH_NO_RANGES);
	reading.read.file = fixture->file;
	reading.read.done = read_done;
	fetch_whole(&reading.read);
	struct transfer *transfer = take_transfer(fixture);
	assert_int_equal(transfer_begin(transfer, &entry, 0, -1), 0);
	transfer_end(transfer, 0);
	while (!has_ended(&reading))
		usleep(100);
	assert_int_equal(reading.error, 0);
	assert_int_equal(object_size(fixture->object), 0);
}

static void reading_ahead_bothers_nobody(void **state)
{
	struct fixture *fixture = *state;

	open_file(fixture, "\"v1\"", 100 * UNIT, 0);
	struct reading *reading = start_read(fixture, 0, UNIT, 8 * UNIT);
	struct transfer *transfer = take_transfer(fixture);
	const struct entry entry = entry_of(100 * UNIT, 0);
	assert_wish(transfer, 0, 8 * UNIT);
	assert_int_equal(transfer_begin(transfer, &entry, 0, 8 * UNIT), 0);
	assert_int_equal(send_octets(fixture, transfer, 0, UNIT), 0);
	assert_int_equal(end_read(reading), 0);
	transfer_end(transfer, -ECONNRESET);
	/* Nobody waited for the rest, so it is neither tried again nor remembered as a failure. */
	fetch_tick(fixture->fetch, 1000);
	assert_int_equal(waiting_transfers(fixture), 0);
	reading = start_read(fixture, UNIT, UNIT, 0);
	deliver(fixture, take_transfer(fixture));
	assert_int_equal(end_read(reading), 0);
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

static void request_that_reaches_on_serves_the_next_reads(void **state)
{
	struct fixture *fixture = *state;
	const struct entry entry = entry_of(100 * UNIT, 0);

	open_file(fixture, "\"v1\"", 100 * UNIT, 0);
	struct reading *reading = start_reaching(fixture, 0, 4 * UNIT, 50 * UNIT);
	struct transfer *transfer = take_transfer(fixture);
	assert_wish(transfer, 0, 50 * UNIT);
	assert_int_equal(transfer_begin(transfer, &entry, 0, 50 * UNIT), 0);
	assert_int_equal(send_octets(fixture, transfer, 0, 4 * UNIT), 0);
	assert_int_equal(end_read(reading), 0);
	/* What is not wanted yet is not taken; what is wanted later comes by the same answer. */
	assert_int_equal(transfer_bytes(transfer, "x", 1), -EAGAIN);
	reading = start_reaching(fixture, 4 * UNIT, 8 * UNIT, 50 * UNIT);
	assert_int_equal(fixture->scripted.resumed, 1);
	assert_int_equal(waiting_transfers(fixture), 0);
	assert_int_equal(send_octets(fixture, transfer, 4 * UNIT, 4 * UNIT), 0);
	assert_int_equal(end_read(reading), 0);
	transfer_end(transfer, -ECANCELED);
}

static void request_that_nobody_follows_is_ended(void **state)
{
	struct fixture *fixture = *state;
	const struct entry entry = entry_of(100 * UNIT, 0);

	open_file(fixture, "\"v1\"", 100 * UNIT, 0);
	struct reading *reading = start_reaching(fixture, 0, 2 * UNIT, 50 * UNIT);
	struct transfer *transfer = take_transfer(fixture);
	assert_int_equal(transfer_begin(transfer, &entry, 0, 50 * UNIT), 0);
	assert_int_equal(send_octets(fixture, transfer, 0, 2 * UNIT), 0);
	assert_int_equal(end_read(reading), 0);
	assert_int_equal(transfer_bytes(transfer, "x", 1), -EAGAIN);
	fetch_tick(fixture->fetch, 5000);
	assert_int_equal(fixture->scripted.resumed, 1);
	assert_int_equal(transfer_bytes(transfer, "x", 1), -ECANCELED);
	/* Who comes now gets a request of his own, and is not harmed by the other's end. */
	reading = start_read(fixture, 2 * UNIT, UNIT, 0);
	transfer_end(transfer, -ECANCELED);
	deliver(fixture, take_transfer(fixture));
	assert_int_equal(end_read(reading), 0);
}

static void request_does_not_reach_over_what_is_here(void **state)
{
	struct fixture *fixture = *state;

	open_file(fixture, "\"v1\"", 100 * UNIT, 0);
	struct reading *reading = start_read(fixture, 10 * UNIT, UNIT, 0);
	deliver(fixture, take_transfer(fixture));
	assert_int_equal(end_read(reading), 0);
	while (object_cached(fixture->object) < UNIT)
		usleep(100);
	fetch_forget(fixture->fetch);
	reading = start_reaching(fixture, 0, 2 * UNIT, 50 * UNIT);
	struct transfer *transfer = take_transfer(fixture);
	const struct entry entry = entry_of(100 * UNIT, 0);
	assert_wish(transfer, 0, 10 * UNIT);
	assert_int_equal(transfer_begin(transfer, &entry, 0, 10 * UNIT), 0);
	assert_int_equal(send_octets(fixture, transfer, 0, 2 * UNIT), 0);
	assert_int_equal(end_read(reading), 0);
	transfer_end(transfer, -ECANCELED);
}

static void store_without_room_costs_no_byte(void **state)
{
	struct fixture *fixture = *state;

	for (int round = 0; round < 2; round++) {
		open_file(fixture, "\"v1\"", 64 * UNIT, 0);
		struct reading *reading = start_read(fixture, 3, 64 * UNIT - 3, 0);
		while (!has_ended(reading)) {
			if (waiting_transfers(fixture) > 0)
				deliver(fixture, take_transfer(fixture));
			usleep(100);
		}
		assert_int_equal(end_read(reading), 0);
		close_file(fixture);
	}
}

static void source_that_outruns_the_store_is_paused(void **state)
{
	struct fixture *fixture = *state;
	const uint64_t size = 3ull * FETCH_BUFFERED_MAX;

	open_file(fixture, "\"v1\"", size, FETCH_NO_RANGES);
	struct reading *reading = start_read(fixture, size - UNIT, UNIT, 0);
	deliver(fixture, take_transfer(fixture));
	assert_int_equal(end_read(reading), 0);
}

static void only_into_the_store_waits_for_the_store(void **state)
{
	struct fixture *fixture = *state;
	struct reading reading = {.lock = PTHREAD_MUTEX_INITIALIZER,
				  .ended = PTHREAD_COND_INITIALIZER};
	struct fetch_counters counters;

	open_file(fixture, "\"v1\"", 5 * UNIT, 0);
	reading.read = (struct fetch_read){
		.file = fixture->file, .length = 5 * UNIT, .store_only = true, .done = read_done};
	fetch_read(&reading.read);
	deliver(fixture, take_transfer(fixture));
	while (!has_ended(&reading))
		usleep(100);
	assert_int_equal(reading.error, 0);
	assert_true(object_complete(fixture->object));
	fetch_counters(fixture->fetch, &counters);
	assert_int_equal(counters.given[GIVEN_ORIGIN].bytes, 0);
}

static void body_that_came_along_is_given_and_kept(void **state)
{
	struct fixture *fixture = *state;
	unsigned char body[100];

	for (size_t i = 0; i < sizeof body; i++)
		body[i] = octet_at(i);
	open_file(fixture, "\"v1\"", sizeof body, 0);
	struct pool_job *storing = fetch_seed(fixture->file, 0, body, sizeof body);
	storing->run(storing);
	assert_int_equal(end_read(start_read(fixture, 0, sizeof body, 0)), 0);
	close_file(fixture);
	open_file(fixture, "\"v1\"", sizeof body, 0);
	assert_int_equal(end_read(start_read(fixture, 10, 20, 0)), 0);
	assert_int_equal(waiting_transfers(fixture), 0);
}

static void stopping_ends_what_waits(void **state)
{
	struct fixture *fixture = *state;

	open_file(fixture, "\"v1\"", 4 * UNIT, 0);
	struct reading *reading = start_read(fixture, 0, UNIT, 0);
	struct transfer *transfer = take_transfer(fixture);
	fetch_stop(fixture->fetch);
	assert_int_equal(transfer_bytes(transfer, "x", 1), -ECANCELED);
	transfer_end(transfer, -ECANCELED);
	assert_int_equal(end_read(reading), -EIO);
	assert_int_equal(end_read(start_read(fixture, UNIT, UNIT, 0)), -EIO);
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(cold_read_gets_its_blocks_in_one_transfer),
		test(two_readers_of_a_block_share_one_flight),
		test(what_was_read_is_not_fetched_again),
		test(present_and_missing_blocks_make_one_answer),
		test(broken_transfer_is_tried_again_for_the_rest),
		test(source_that_is_gone_is_given_up_and_the_failure_remembered),
		test(refusal_is_final),
		test(slow_block_fails_its_reader_and_still_lands),
		test(other_size_is_another_version),
		test(answer_without_ranges_becomes_the_stream_of_all),
		test(one_answer_that_breaks_off_is_never_pieced_together),
		test(content_of_unknown_length_is_measured),
		test(empty_content_of_unknown_length_is_measured),
		test(reading_ahead_bothers_nobody),
		test(request_that_reaches_on_serves_the_next_reads),
		test(request_that_nobody_follows_is_ended),
		test(request_does_not_reach_over_what_is_here),
		cmocka_unit_test_setup_teardown(store_without_room_costs_no_byte,
						setup_without_room, teardown),
		test(source_that_outruns_the_store_is_paused),
		test(only_into_the_store_waits_for_the_store),
		test(body_that_came_along_is_given_and_kept),
		test(stopping_ends_what_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
