/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The fetch engine: contents of which there is but one answer, contents whose length nobody knows,
 * and reads whose blocks go away while they wait.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <unistd.h>

#include "tests/unit/fetch_scene.h"

static void clear_store(struct fixture *fixture)
{
	uint64_t freed;

	fetch_forget(fixture->fetch);
	assert_int_equal(store_clear(fixture->store, NULL, &freed), 0);
}

static void wait_for_all(struct fixture *fixture)
{
	while (!object_complete(fixture->object))
		usleep(100);
}

/* A reading of a whole content, on the test's stack. */
static void start_whole(struct fetch_file *file, struct reading *reading)
{
	*reading = (struct reading){.lock = PTHREAD_MUTEX_INITIALIZER,
				    .ended = PTHREAD_COND_INITIALIZER};
	reading->read.file = file;
	reading->read.done = read_done;
	fetch_whole(&reading->read);
}

static int end_whole(struct reading *reading)
{
	while (!has_ended(reading))
		usleep(100);
	return reading->error;
}

static void begin_unsized(struct transfer *transfer)
{
	const struct entry entry = entry_of(-1, ENTRY_NO_RANGES);

	assert_int_equal(transfer_begin(transfer, &entry, 0, -1), 0);
}

static void one_answer_that_came_whole_is_not_asked_for_again(void **state)
{
	struct fixture *fixture = *state;

	open_file(fixture, "once:1", 4 * UNIT, FETCH_ONE_ANSWER);
	struct reading *reading = start_read(fixture, 0, UNIT, 0);
	deliver(fixture, take_transfer(fixture));
	assert_int_equal(end_read(reading), 0);
	wait_for_all(fixture);
	clear_store(fixture);
	assert_int_equal(end_read(start_read(fixture, 2 * UNIT, UNIT, 0)), -ESTALE);
	assert_int_equal(waiting_transfers(fixture), 0);
}

static void one_answer_that_came_before_is_not_asked_for_again(void **state)
{
	struct fixture *fixture = *state;

	open_file(fixture, "once:1", 4 * UNIT, FETCH_ONE_ANSWER | FETCH_ANSWERED);
	assert_int_equal(end_read(start_read(fixture, 2 * UNIT, UNIT, 0)), -ESTALE);
	assert_false(fetch_file_alive(fixture->file));
	fetch_file_revive(fixture->file);
	assert_false(fetch_file_alive(fixture->file));
}

static void one_answer_of_which_nothing_came_is_tried_again(void **state)
{
	struct fixture *fixture = *state;

	open_file(fixture, "once:1", 4 * UNIT, FETCH_ONE_ANSWER);
	struct reading *first = start_read(fixture, 0, UNIT, 0);
	transfer_end(take_transfer(fixture), -EHOSTUNREACH);
	/* Between the tries others may come, for blocks that nobody wanted before. */
	assert_true(fetch_file_alive(fixture->file));
	struct reading *second = start_read(fixture, 3 * UNIT, UNIT, 0);
	while (waiting_transfers(fixture) == 0)
		fetch_tick(fixture->fetch, 1000);
	deliver(fixture, take_transfer(fixture));
	assert_int_equal(end_read(first), 0);
	assert_int_equal(end_read(second), 0);
}

static void version_that_the_origin_has_again_is_alive_again(void **state)
{
	struct fixture *fixture = *state;

	open_file(fixture, "\"v1\"", 2 * UNIT, 0);
	struct reading *reading = start_read(fixture, 0, UNIT, 0);
	transfer_end(take_transfer(fixture), -ESTALE);
	assert_int_equal(end_read(reading), -ESTALE);
	assert_int_equal(end_read(start_read(fixture, 0, UNIT, 0)), -ESTALE);
	fetch_file_revive(fixture->file);
	reading = start_read(fixture, 0, UNIT, 0);
	deliver(fixture, take_transfer(fixture));
	assert_int_equal(end_read(reading), 0);
}

static void content_that_is_measured_already_is_not_read_again(void **state)
{
	struct fixture *fixture = *state;
	struct reading one, two, late;

	open_file(fixture, "\"v1\"", STORE_SIZE_UNKNOWN, FETCH_NO_RANGES);
	start_whole(fixture->file, &one);
	start_whole(fixture->file, &two);
	struct transfer *transfer = take_transfer(fixture);
	assert_int_equal(waiting_transfers(fixture), 0);
	begin_unsized(transfer);
	assert_int_equal(send_octets(fixture, transfer, 0, UNIT + 1), 0);
	transfer_end(transfer, 0);
	assert_int_equal(end_whole(&one), 0);
	assert_int_equal(end_whole(&two), 0);
	start_whole(fixture->file, &late);
	assert_int_equal(end_whole(&late), 0);
	assert_int_equal(waiting_transfers(fixture), 0);
}

/* The origin lies: under one validator it gives one reader less than another. */
static void content_that_is_measured_while_another_reads_it_overruns_nothing(void **state)
{
	struct fixture *fixture = *state;
	struct fetch_file *other;
	struct reading one, two;

	open_file(fixture, "\"v1\"", STORE_SIZE_UNKNOWN, FETCH_NO_RANGES);
	assert_int_equal(fetch_open(fixture->fetch, fixture->object, "a/file", "\"v1\"",
				    FETCH_NO_RANGES, &other),
			 0);
	start_whole(fixture->file, &one);
	struct transfer *shorter = take_transfer(fixture);
	start_whole(other, &two);
	struct transfer *longer = take_transfer(fixture);
	begin_unsized(shorter);
	begin_unsized(longer);
	assert_int_equal(send_octets(fixture, longer, 0, 5000), 0);
	assert_int_equal(send_octets(fixture, shorter, 0, 10), 0);
	transfer_end(shorter, 0);
	assert_int_equal(end_whole(&one), 0);
	int error = send_octets(fixture, longer, 5000, 4 * UNIT);
	assert_int_equal(error, -EBADMSG);
	transfer_end(longer, error);
	assert_int_equal(end_whole(&two), -EIO);
	assert_int_equal(object_size(fixture->object), 10);
	fetch_file_put(other);
}

static void content_that_is_shorter_at_the_second_try_pauses_nobody(void **state)
{
	struct fixture *fixture = *state;
	struct reading reading;

	open_file(fixture, "\"v1\"", STORE_SIZE_UNKNOWN, FETCH_NO_RANGES);
	start_whole(fixture->file, &reading);
	struct transfer *transfer = take_transfer(fixture);
	begin_unsized(transfer);
	assert_int_equal(send_octets(fixture, transfer, 0, 3 * UNIT), 0);
	transfer_end(transfer, -ECONNRESET);
	while (waiting_transfers(fixture) == 0)
		fetch_tick(fixture->fetch, 1000);
	transfer = take_transfer(fixture);
	begin_unsized(transfer);
	assert_int_equal(send_octets(fixture, transfer, 0, 2 * UNIT + 5), 0);
	transfer_end(transfer, 0);
	assert_int_not_equal(end_whole(&reading), 0);
	close_file(fixture);
	open_file(fixture, "\"v2\"", UNIT, 0);
	struct reading *next = start_read(fixture, 0, UNIT, 0);
	transfer = take_transfer(fixture);
	const struct entry entry = entry_of(UNIT, 0);
	assert_int_equal(transfer_begin(transfer, &entry, 0, UNIT), 0);
	assert_int_equal(transfer_bytes(transfer, "", 1), 0); /* octet_at(0) is 0 */
	assert_int_equal(send_octets(fixture, transfer, 1, UNIT - 1), 0);
	transfer_end(transfer, 0);
	assert_int_equal(end_read(next), 0);
}

static void body_that_came_along_counts_once_as_the_origins(void **state)
{
	struct fixture *fixture = *state;
	struct fetch_counters counters;
	unsigned char body[100];

	for (size_t i = 0; i < sizeof body; i++)
		body[i] = octet_at(i);
	/* Whether the first read comes before the landing or behind it is chance. */
	for (unsigned round = 1; round <= 50; round++) {
		char validator[] = {'"', (char)('0' + round), '"', '\0'};
		open_file(fixture, validator, sizeof body, 0);
		struct pool_job *storing = fetch_seed(fixture->file, 0, body, sizeof body);
		storing->run(storing);
		assert_int_equal(end_read(start_read(fixture, 0, sizeof body, 0)), 0);
		wait_for_all(fixture);
		assert_int_equal(end_read(start_read(fixture, 0, sizeof body, 0)), 0);
		close_file(fixture);
		fetch_counters(fixture->fetch, &counters);
		assert_int_equal(counters.given[GIVEN_ORIGIN].blocks, round);
		assert_int_equal(counters.given[GIVEN_CACHE].blocks, round);
	}
}

static void read_gets_on_however_often_the_store_is_cleared(void **state)
{
	struct fixture *fixture = *state;
	unsigned clears = 0;

	open_file(fixture, "\"v1\"", 8 * UNIT, 0);
	struct reading *reading = start_read(fixture, 2 * UNIT, UNIT, 0);
	deliver(fixture, take_transfer(fixture));
	assert_int_equal(end_read(reading), 0);
	fetch_forget(fixture->fetch);
	while (object_cached(fixture->object) < UNIT)
		usleep(100);
	reading = start_read(fixture, 0, 8 * UNIT, 0);
	while (!has_ended(reading)) {
		if (waiting_transfers(fixture) == 0)
			continue;
		struct transfer *transfer = take_transfer(fixture);
		clear_store(fixture);
		clears++;
		deliver(fixture, transfer);
	}
	assert_int_equal(end_read(reading), 0);
	assert_in_range(clears, 2, 4);
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(one_answer_that_came_whole_is_not_asked_for_again),
		test(one_answer_that_came_before_is_not_asked_for_again),
		test(one_answer_of_which_nothing_came_is_tried_again),
		test(version_that_the_origin_has_again_is_alive_again),
		test(content_that_is_measured_already_is_not_read_again),
		test(content_that_is_measured_while_another_reads_it_overruns_nothing),
		test(content_that_is_shorter_at_the_second_try_pauses_nobody),
		test(body_that_came_along_counts_once_as_the_origins),
		test(read_gets_on_however_often_the_store_is_cleared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
