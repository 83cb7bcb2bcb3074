/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The fetch engine: blocks that are not what the content information says of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/fetch_scene.h"

#define SIZE (10 * UNIT + 1000)
#define FIXED 100000u

static uint64_t hash_errors(struct fixture *fixture)
{
	struct fetch_counters counters;

	fetch_counters(fixture->fetch, &counters);
	return counters.hash_errors;
}

/* Answers one doubt, with the right octets for FETCH_RIGHT. */
static void judge(struct fixture *fixture, uint64_t offset, enum fetch_verdict verdict)
{
	struct doubt doubt = take_doubt(fixture);
	unsigned char octets[CUTTING_UNIT_MAX];

	assert_int_equal(doubt.offset, offset);
	for (size_t i = 0; i < doubt.length; i++)
		octets[i] = octet_at(doubt.offset + i);
	assert_memory_not_equal(doubt.data, octets, doubt.length);
	fetch_judge(doubt.file, verdict, octets);
	fetch_file_put(doubt.file);
}

static void open_described(struct fixture *fixture, unsigned version)
{
	open_file(fixture, version == 1 ? "\"v1\"" : "\"v2\"", SIZE, 0);
	describe(fixture, make_content(fixture, version, SIZE, version == 2 ? FIXED : 0, 0, 0));
}

/* Delivers with the octets from FROM to before END altered. */
static void deliver_wrong(struct fixture *fixture, uint64_t from, uint64_t end)
{
	fixture->scripted.wrong = from;
	fixture->scripted.wrong_to = end;
	deliver(fixture, take_transfer(fixture));
	fixture->scripted.wrong_to = 0;
}

static void wrong_block_is_judged_and_corrected(void **state)
{
	struct fixture *fixture = *state;

	for (unsigned version = 1; version <= 2; version++) {
		open_described(fixture, version);
		struct reading *reading = start_read(fixture, 0, 4 * UNIT, 0);
		uint64_t wrong = version == 1 ? 3 * UNIT - 1 : 2 * FIXED - 1;
		deliver_wrong(fixture, wrong, wrong + 1);
		struct doubt doubt = take_doubt(fixture);
		assert_int_equal(doubt.offset, version == 1 ? 2 * UNIT : FIXED);
		assert_int_equal(doubt.length, version == 1 ? UNIT : FIXED);
		unsigned char octets[FIXED];
		for (size_t i = 0; i < doubt.length; i++)
			octets[i] = octet_at(doubt.offset + i);
		assert_memory_equal(doubt.data, octets, doubt.length - 1);
		assert_int_equal(doubt.data[doubt.length - 1], octets[doubt.length - 1] ^ 0xa5);
		assert_false(has_ended(reading));
		fetch_judge(doubt.file, FETCH_RIGHT, octets);
		fetch_file_put(doubt.file);
		assert_int_equal(end_read(reading), 0);
		assert_int_equal(hash_errors(fixture), version);
		settle_fetch(fixture, version == 1 ? 4 * UNIT : 3 * FIXED);
		assert_int_equal(transfers_for(fixture, 0, 4 * UNIT), 0);
		close_file(fixture);
	}
}

static void unreliable_block_fails_its_readers_only(void **state)
{
	struct fixture *fixture = *state;

	open_described(fixture, 1);
	struct reading *whole = start_read(fixture, 0, 4 * UNIT, 0);
	struct reading *bad = start_read(fixture, 2 * UNIT + 5, 10, 0);
	struct reading *good = start_read(fixture, 3 * UNIT, UNIT, 0);
	deliver_wrong(fixture, 2 * UNIT, 2 * UNIT + 1);
	assert_int_equal(end_read(good), 0);
	judge(fixture, 2 * UNIT, FETCH_UNRELIABLE);
	assert_int_equal(end_read(whole), -EIO);
	assert_int_equal(end_read(bad), -EIO);
	settle_fetch(fixture, 3 * UNIT);
	/* The kernel asks a second time. */
	assert_int_equal(end_read(start_read(fixture, 2 * UNIT, UNIT, 0)), -EIO);
	fetch_tick(fixture->fetch, 10000);
	assert_int_equal(transfers_for(fixture, 0, 4 * UNIT), 1);
	wait_described(fixture->file, 1);
	assert_false(object_refuses_content(fixture->object));
}

static void contradiction_drops_the_content(void **state)
{
	struct fixture *fixture = *state;

	for (unsigned version = 1; version <= 2; version++) {
		open_file(fixture, version == 1 ? "\"v1\"" : "\"v2\"", SIZE, 0);
		describe(fixture, make_content(fixture, version, SIZE, version == 2 ? FIXED : 0,
					       3 * UNIT, 3 * UNIT + 1));
		assert_int_equal(transfers_for(fixture, 0, UNIT), 1);
		struct reading *one = start_read(fixture, 3 * UNIT, UNIT, 0);
		deliver(fixture, take_transfer(fixture));
		struct reading *two = start_read(fixture, 8 * UNIT, UNIT, 0);
		struct transfer *transfer = take_transfer(fixture);
		struct doubt doubt = take_doubt(fixture);
		fetch_judge(doubt.file, FETCH_CONTRADICTED, NULL);
		fetch_file_put(doubt.file);
		assert_int_equal(transfer_bytes(transfer, "x", 1), -ECANCELED);
		transfer_end(transfer, -ECANCELED);
		assert_int_equal(serve(fixture, one), 0);
		assert_int_equal(serve(fixture, two), 0);
		wait_described(fixture->file, 0);
		assert_true(object_refuses_content(fixture->object));
		assert_int_equal(transfers_for(fixture, 0, UNIT), 0);
		assert_int_equal(waiting_doubts(fixture), 0);
		close_file(fixture);
	}
}

static void several_wrong_blocks_are_judged_one_by_one(void **state)
{
	struct fixture *fixture = *state;
	struct reading *readings[4];

	open_described(fixture, 1);
	for (uint32_t unit = 0; unit < 4; unit++)
		readings[unit] = start_read(fixture, unit * UNIT, UNIT, 4 * UNIT);
	deliver_wrong(fixture, 0, 3 * UNIT);
	assert_int_equal(end_read(readings[3]), 0);
	while (hash_errors(fixture) < 3)
		usleep(100);
	/* In the order in which they landed, which is chance. */
	for (unsigned done = 0; done < 3; done++) {
		struct doubt doubt = take_doubt(fixture);
		unsigned char octets[UNIT];
		assert_int_equal(waiting_doubts(fixture), 0);
		for (size_t i = 0; i < UNIT; i++)
			octets[i] = octet_at(doubt.offset + i);
		fetch_judge(doubt.file, doubt.offset == UNIT ? FETCH_UNRELIABLE : FETCH_RIGHT,
			    octets);
		fetch_file_put(doubt.file);
	}
	assert_int_equal(end_read(readings[0]), 0);
	assert_int_equal(end_read(readings[1]), -EIO);
	assert_int_equal(end_read(readings[2]), 0);
}

static void contradiction_is_enough_for_all_of_them(void **state)
{
	struct fixture *fixture = *state;

	open_file(fixture, "\"v1\"", SIZE, 0);
	describe(fixture, make_content(fixture, 1, SIZE, 0, 0, SIZE));
	struct reading *reading = start_read(fixture, 0, 6 * UNIT, 0);
	deliver(fixture, take_transfer(fixture));
	while (hash_errors(fixture) < 6)
		usleep(100);
	struct doubt doubt = take_doubt(fixture);
	fetch_judge(doubt.file, FETCH_CONTRADICTED, NULL);
	fetch_file_put(doubt.file);
	assert_int_equal(serve(fixture, reading), 0);
	assert_int_equal(waiting_doubts(fixture), 0);
}

static void without_judges_wrong_blocks_fail(void **state)
{
	struct fixture *fixture = *state;

	open_described(fixture, 1);
	struct reading *reading = start_read(fixture, 0, SIZE, 0);
	deliver_wrong(fixture, 0, SIZE);
	assert_int_equal(end_read(reading), -EIO);
	wait_described(fixture->file, 1);
}

static void new_content_ends_the_doubt(void **state)
{
	struct fixture *fixture = *state;

	open_file(fixture, "\"v1\"", SIZE, 0);
	describe(fixture, make_content(fixture, 1, SIZE, 0, UNIT, UNIT + 1));
	struct reading *reading = start_read(fixture, UNIT, UNIT, 0);
	deliver(fixture, take_transfer(fixture));
	struct doubt doubt = take_doubt(fixture);
	assert_int_equal(fetch_describe(doubt.file, make_content(fixture, 1, SIZE, 0, 0, 0)), 0);
	/* Until the verdict its octets stay, whatever became of the flight. */
	assert_int_equal(serve(fixture, reading), 0);
	assert_int_equal(doubt.data[doubt.length - 1], octet_at(2 * UNIT - 1));
	fetch_judge(doubt.file, FETCH_CONTRADICTED, NULL);
	fetch_judge(doubt.file, FETCH_CONTRADICTED, NULL);
	fetch_file_put(doubt.file);
	assert_false(object_refuses_content(fixture->object));
	assert_int_equal(transfers_for(fixture, 0, SIZE), 2);
	wait_described(fixture->file, 1);
}

static void late_verdict_is_not_for_the_next_doubt(void **state)
{
	struct fixture *fixture = *state;
	unsigned char nonsense[CUTTING_UNIT_MAX] = {0};

	open_file(fixture, "\"v1\"", SIZE, 0);
	describe(fixture, make_content(fixture, 1, SIZE, 0, UNIT, UNIT + 1));
	struct reading *first = start_read(fixture, UNIT, UNIT, 0);
	deliver(fixture, take_transfer(fixture));
	struct doubt late = take_doubt(fixture);
	assert_int_equal(fetch_describe(late.file, make_content(fixture, 2, SIZE, FIXED, 0, 0)), 0);
	assert_int_equal(serve(fixture, first), 0);
	struct reading *second = start_read(fixture, 5 * UNIT, UNIT, 0);
	deliver_wrong(fixture, 5 * UNIT, 5 * UNIT + 1);
	while (hash_errors(fixture) < 2)
		usleep(100);
	assert_int_equal(waiting_doubts(fixture), 0);
	fetch_judge(late.file, FETCH_RIGHT, nonsense);
	fetch_file_put(late.file);
	judge(fixture, 3 * FIXED, FETCH_RIGHT);
	assert_int_equal(end_read(second), 0);
}

static void reader_that_waits_too_long_is_told_so(void **state)
{
	struct fixture *fixture = *state;

	open_described(fixture, 1);
	struct reading *reading = start_read(fixture, UNIT, UNIT, 0);
	deliver_wrong(fixture, UNIT, UNIT + 1);
	struct doubt doubt = take_doubt(fixture);
	fetch_tick(fixture->fetch, 40000);
	assert_int_not_equal(end_read(reading), 0);
	unsigned char octets[UNIT];
	for (size_t i = 0; i < UNIT; i++)
		octets[i] = octet_at(UNIT + i);
	fetch_judge(doubt.file, FETCH_RIGHT, octets);
	fetch_file_put(doubt.file);
	settle_fetch(fixture, UNIT);
	assert_int_equal(transfers_for(fixture, UNIT, UNIT), 0);
}

static void file_that_is_closed_in_doubt_ends_with_the_verdict(void **state)
{
	struct fixture *fixture = *state;

	open_described(fixture, 1);
	struct reading *reading = start_read(fixture, 0, UNIT, 3 * UNIT);
	deliver_wrong(fixture, UNIT, 2 * UNIT);
	assert_int_equal(end_read(reading), 0);
	struct doubt doubt = take_doubt(fixture);
	fetch_file_put(fixture->file);
	object_put(fixture->object);
	fixture->file = NULL;
	assert_false(fetch_idle(fixture->fetch));
	fetch_judge(doubt.file, FETCH_UNRELIABLE, NULL);
	fetch_file_put(doubt.file);
	while (!fetch_idle(fixture->fetch))
		usleep(100);
}

/* Readers come between the verdict and the end of the flight, or not: that is chance. */
static void who_comes_when_a_block_fails_is_told_as_well(void **state)
{
	struct fixture *fixture = *state;

	open_described(fixture, 1);
	for (unsigned round = 0; round < 50; round++) {
		struct reading *first = start_read(fixture, UNIT, UNIT, 0);
		deliver_wrong(fixture, UNIT, UNIT + 1);
		struct doubt doubt = take_doubt(fixture);
		fetch_judge(doubt.file, FETCH_UNRELIABLE, NULL);
		struct reading *second = start_read(fixture, UNIT, UNIT, 0);
		fetch_file_put(doubt.file);
		assert_int_equal(end_read(first), -EIO);
		assert_int_equal(end_read(second), -EIO);
		fetch_tick(fixture->fetch, 10000 * (round + 1));
		assert_int_equal(waiting_transfers(fixture), 0);
	}
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(wrong_block_is_judged_and_corrected),
		test(unreliable_block_fails_its_readers_only),
		test(contradiction_drops_the_content),
		test(several_wrong_blocks_are_judged_one_by_one),
		test(contradiction_is_enough_for_all_of_them),
		cmocka_unit_test_setup_teardown(without_judges_wrong_blocks_fail,
						setup_without_judges, teardown),
		test(new_content_ends_the_doubt),
		test(late_verdict_is_not_for_the_next_doubt),
		test(reader_that_waits_too_long_is_told_so),
		test(file_that_is_closed_in_doubt_ends_with_the_verdict),
		test(who_comes_when_a_block_fails_is_told_as_well),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
