/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The fetch engine: answers that nobody asked for, and its end while content information is at
 * work.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <unistd.h>

#include "tests/unit/fetch_scene.h"

#define SIZE (40 * UNIT + 1000)
#define FIXED 100000u

static struct transfer *offer(struct fixture *fixture)
{
	struct transfer *transfer = fetch_offer(fixture->file, &fixture->scripted);

	assert_non_null(transfer);
	return transfer;
}

static struct content *content_of(struct fixture *fixture, unsigned version)
{
	return make_content(fixture, version, SIZE, version == 2 ? FIXED : 0, 0, 0);
}

/* As it happens: the answer to the question is plain. */
static struct transfer *offer_as_answer(struct fixture *fixture)
{
	struct fetch_file *file = take_question(fixture);
	struct transfer *transfer = offer(fixture);

	fetch_asked(file);
	fetch_file_put(file);
	return transfer;
}

static void readers_near_an_offer_follow_it(void **state)
{
	struct fixture *fixture = *state;

	open_file(fixture, "\"v1\"", SIZE, FETCH_MAY_ASK);
	struct reading *reading = start_read(fixture, 0, 2 * UNIT, 0);
	struct transfer *transfer = offer_as_answer(fixture);
	assert_int_equal(send_octets(fixture, transfer, 0, 2 * UNIT), 0);
	assert_int_equal(end_read(reading), 0);
	reading = start_read(fixture, 6 * UNIT, UNIT, 10 * UNIT);
	assert_int_equal(send_octets(fixture, transfer, 2 * UNIT, 8 * UNIT), 0);
	assert_int_equal(end_read(reading), 0);
	settle_fetch(fixture, 6 * UNIT);
	assert_int_equal(transfers_for(fixture, 6 * UNIT, 4 * UNIT), 0);
	reading = start_read(fixture, 10 * UNIT, UNIT, SIZE);
	assert_int_equal(send_octets(fixture, transfer, 10 * UNIT, SIZE - 10 * UNIT), 0);
	transfer_end(transfer, 0);
	assert_int_equal(end_read(reading), 0);
	assert_int_equal(fixture->scripted.last, 0);
}

static void readers_far_from_an_offer_do_not(void **state)
{
	struct fixture *fixture = *state;

	open_file(fixture, "\"v1\"", SIZE, FETCH_MAY_ASK);
	struct reading *reading = start_read(fixture, 30 * UNIT, UNIT, 0);
	struct transfer *transfer = offer_as_answer(fixture);
	assert_int_equal(serve(fixture, reading), 0);
	assert_int_equal(transfer_bytes(transfer, "x", 1), -EAGAIN);
	transfer_end(transfer, -ECANCELED);
}

static void offer_that_nobody_follows_is_ended(void **state)
{
	struct fixture *fixture = *state;

	open_file(fixture, "\"v1\"", SIZE, 0);
	struct transfer *transfer = offer(fixture);
	assert_int_equal(transfer_bytes(transfer, "x", 1), -EAGAIN);
	fetch_tick(fixture->fetch, 200);
	assert_int_equal(fixture->scripted.resumed, 0);
	fetch_tick(fixture->fetch, 301);
	assert_int_equal(fixture->scripted.resumed, 1);
	assert_int_equal(transfer_bytes(transfer, "x", 1), -ECANCELED);
	transfer_end(transfer, -ECANCELED);
	assert_int_equal(object_cached(fixture->object), 0);
}

static void offer_that_breaks_off_is_gone_on_with(void **state)
{
	struct fixture *fixture = *state;

	open_file(fixture, "\"v1\"", SIZE, FETCH_MAY_ASK);
	struct reading *reading = start_read(fixture, 0, 5 * UNIT, 0);
	struct transfer *transfer = offer_as_answer(fixture);
	assert_int_equal(send_octets(fixture, transfer, 0, 2 * UNIT + 5), 0);
	transfer_end(transfer, -ECONNRESET);
	fetch_tick(fixture->fetch, 5000);
	transfer = take_transfer(fixture);
	assert_wish(transfer, 2 * UNIT, 3 * UNIT);
	deliver(fixture, transfer);
	assert_int_equal(end_read(reading), 0);
}

/* A source that gives the whole content only would be asked for it a second time. */
static void offer_is_the_stream_where_there_are_no_ranges(void **state)
{
	struct fixture *fixture = *state;

	open_file(fixture, "\"v1\"", SIZE, FETCH_NO_RANGES | FETCH_MAY_ASK);
	struct reading *reading = start_read(fixture, 30 * UNIT, UNIT, 0);
	struct transfer *transfer = offer_as_answer(fixture);
	assert_int_equal(send_octets(fixture, transfer, 0, SIZE), 0);
	transfer_end(transfer, 0);
	assert_int_equal(end_read(reading), 0);
	assert_int_equal(fixture->scripted.last, 0);
	settle_fetch(fixture, SIZE);
}

static void offer_is_checked_and_ends_with_a_change(void **state)
{
	struct fixture *fixture = *state;

	open_file(fixture, "\"v1\"", SIZE, 0);
	describe(fixture, content_of(fixture, 2));
	struct reading *reading = start_read(fixture, 0, UNIT, 0);
	deliver(fixture, take_transfer(fixture));
	assert_int_equal(end_read(reading), 0);
	struct transfer *transfer = offer(fixture);
	reading = start_read(fixture, FIXED, FIXED, 0);
	fixture->scripted.wrong = FIXED;
	fixture->scripted.wrong_to = FIXED + 1;
	assert_int_equal(send_octets(fixture, transfer, 0, 2 * FIXED), 0);
	struct doubt doubt = take_doubt(fixture);
	assert_int_equal(doubt.offset, FIXED);
	fetch_judge(doubt.file, FETCH_UNRELIABLE, NULL);
	fetch_file_put(doubt.file);
	assert_int_equal(end_read(reading), -EIO);
	describe(fixture, content_of(fixture, 1));
	assert_int_equal(transfer_bytes(transfer, "x", 1), -ECANCELED);
	transfer_end(transfer, -ECANCELED);
	settle_fetch(fixture, UNIT);
}

static void offer_in_the_middle_of_a_change_is_of_no_use(void **state)
{
	struct fixture *fixture = *state;

	open_file(fixture, "\"v1\"", SIZE, 0);
	struct pool_job *held = hold_change(fixture, 0);
	assert_int_equal(fetch_describe(fixture->file, content_of(fixture, 1)), 0);
	struct transfer *transfer = offer(fixture);
	assert_int_equal(transfer_bytes(transfer, "x", 1), -ECANCELED);
	transfer_end(transfer, -ECANCELED);
	held->run(held);
	wait_described(fixture->file, 1);
}

/* ---- the end ---- */

static void wait_idle(struct fixture *fixture)
{
	fetch_file_put(fixture->file);
	object_put(fixture->object);
	fixture->file = NULL;
	for (int64_t now = 2; !fetch_idle(fixture->fetch); now += 100) {
		fetch_tick(fixture->fetch, now);
		usleep(100);
	}
}

static void stopped_while_the_question_is_open(void **state)
{
	struct fixture *fixture = *state;

	open_file(fixture, "\"v1\"", SIZE, FETCH_MAY_ASK);
	struct reading *reading = start_read(fixture, 0, UNIT, 0);
	struct fetch_file *file = take_question(fixture);
	fetch_stop(fixture->fetch);
	fetch_tick(fixture->fetch, 2);
	assert_int_equal(end_read(reading), -EIO);
	assert_int_equal(fetch_describe(file, content_of(fixture, 1)), -ECANCELED);
	fetch_file_put(file);
	wait_idle(fixture);
}

static void stopped_while_an_offer_starves(void **state)
{
	struct fixture *fixture = *state;

	open_file(fixture, "\"v1\"", SIZE, 0);
	struct transfer *transfer = offer(fixture);
	assert_int_equal(transfer_bytes(transfer, "x", 1), -EAGAIN);
	fetch_stop(fixture->fetch);
	assert_int_equal(fixture->scripted.resumed, 1);
	assert_int_equal(transfer_bytes(transfer, "x", 1), -ECANCELED);
	transfer_end(transfer, -ECANCELED);
	wait_idle(fixture);
}

static void offer_after_the_end_is_not_taken(void **state)
{
	struct fixture *fixture = *state;

	open_file(fixture, "\"v1\"", SIZE, 0);
	fetch_stop(fixture->fetch);
	struct transfer *transfer = offer(fixture);
	assert_int_equal(transfer_bytes(transfer, "x", 1), -ECANCELED);
	transfer_end(transfer, -ECANCELED);
	wait_idle(fixture);
}

static void stopped_in_doubt(void **state)
{
	struct fixture *fixture = *state;
	struct fetch_counters counters = {.hash_errors = 0};

	open_file(fixture, "\"v1\"", SIZE, 0);
	describe(fixture, make_content(fixture, 1, SIZE, 0, 0, SIZE));
	struct reading *reading = start_read(fixture, 0, 3 * UNIT, 0);
	deliver(fixture, take_transfer(fixture));
	while (counters.hash_errors < 3) {
		usleep(100);
		fetch_counters(fixture->fetch, &counters);
	}
	struct doubt doubt = take_doubt(fixture);
	fetch_stop(fixture->fetch);
	/* No content is dropped any more, and the others are not asked about. */
	fetch_judge(doubt.file, FETCH_CONTRADICTED, NULL);
	fetch_file_put(doubt.file);
	assert_int_equal(end_read(reading), -EIO);
	assert_false(object_refuses_content(fixture->object));
	wait_idle(fixture);
}

static void stopped_in_the_middle_of_a_change(void **state)
{
	struct fixture *fixture = *state;

	open_file(fixture, "\"v1\"", SIZE, 0);
	struct reading *one = start_read(fixture, 0, UNIT, 0);
	struct transfer *transfer = take_transfer(fixture);
	struct pool_job *held = hold_change(fixture, 5);
	assert_int_equal(fetch_describe(fixture->file, content_of(fixture, 2)), 0);
	struct reading *two = start_read(fixture, 8 * UNIT, UNIT, 0);
	fetch_stop(fixture->fetch);
	struct reading *three = start_read(fixture, 9 * UNIT, UNIT, 0);
	assert_int_equal(end_read(three), -EIO);
	held->run(held);
	assert_int_equal(end_read(one), -EIO);
	assert_int_equal(end_read(two), -EIO);
	assert_int_equal(transfer_bytes(transfer, "x", 1), -ECANCELED);
	transfer_end(transfer, -ECANCELED);
	wait_idle(fixture);
}

static void stopped_while_a_detached_transfer_waits_to_be_tried_again(void **state)
{
	struct fixture *fixture = *state;

	open_file(fixture, "\"v1\"", SIZE, 0);
	struct reading *reading = start_read(fixture, 0, UNIT, 0);
	transfer_end(take_transfer(fixture), -ECONNRESET);
	describe(fixture, content_of(fixture, 1));
	struct transfer *transfer = take_transfer(fixture);
	fetch_stop(fixture->fetch);
	assert_int_equal(transfer_bytes(transfer, "x", 1), -ECANCELED);
	transfer_end(transfer, -ECANCELED);
	assert_int_equal(end_read(reading), -EIO);
	wait_idle(fixture);
	assert_int_equal(waiting_transfers(fixture), 0);
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(readers_near_an_offer_follow_it),
		test(readers_far_from_an_offer_do_not),
		test(offer_that_nobody_follows_is_ended),
		test(offer_that_breaks_off_is_gone_on_with),
		test(offer_is_the_stream_where_there_are_no_ranges),
		test(offer_is_checked_and_ends_with_a_change),
		test(offer_in_the_middle_of_a_change_is_of_no_use),
		test(stopped_while_the_question_is_open),
		test(stopped_while_an_offer_starves),
		test(offer_after_the_end_is_not_taken),
		test(stopped_in_doubt),
		test(stopped_in_the_middle_of_a_change),
		test(stopped_while_a_detached_transfer_waits_to_be_tried_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
