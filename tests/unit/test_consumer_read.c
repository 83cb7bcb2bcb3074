/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reads of consumers, and cancelling them. Names of rows (F01 ...) are those of
 * peerdist-api-cases.md.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "origin/loop.h"
#include "tests/unit/consumer_scene.h"

#define BLOCK_READ OPERATION_block_read
#define STREAM_READ OPERATION_stream_read
#define NO_LIMIT UINT32_MAX

static struct consumer_scene scene;

static int setup(void **state)
{
	(void)state;
	consumer_scene_begin(&scene, FILE_SIZE);
	return 0;
}

static int setup_large(void **state)
{
	(void)state;
	consumer_scene_begin(&scene, 5000000);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	consumer_scene_end(&scene);
	return 0;
}

static uint64_t ready(uint64_t start, uint64_t length)
{
	return consumer_scene_ready_content(&scene, scene.program, 1, 1, start, length);
}

/* Everything in the cache, READY content of the whole. */
static uint64_t ready_cached(unsigned version)
{
	uint64_t handle = consumer_scene_ready_content(&scene, scene.program, 1, version, 0, 0);

	assert_int_equal(consumer_scene_add(&scene, scene.program, handle, 0, (uint32_t)scene.size),
			 0);
	return handle;
}

/* Blocks 0 and 2 cached. */
static uint64_t ready_holes(void)
{
	uint64_t handle = ready(0, 0);

	assert_int_equal(consumer_scene_add(&scene, scene.program, handle, 0, BLOCK), 0);
	assert_int_equal(consumer_scene_add(&scene, scene.program, handle, 2 * BLOCK, BLOCK), 0);
	return handle;
}

static void expect(enum operation_opcode opcode, uint64_t handle, uint64_t at, uint32_t length,
		   uint32_t status, uint64_t offset, uint32_t bytes)
{
	consumer_scene_expect(&scene, opcode, handle, at, length, 0, status, offset, bytes);
}

static uint32_t submit(enum operation_opcode opcode, uint64_t handle, uint64_t offset,
		       uint32_t length, uint32_t timeout_ms)
{
	uint32_t number;

	assert_int_equal(consumer_scene_submit_read(scene.program, opcode, handle, offset, length,
						    timeout_ms, &number),
			 ERROR_IO_PENDING);
	return number;
}

static void cancel(uint64_t handle, uint32_t number, uint32_t status)
{
	assert_int_equal(
		service_scene_simple(scene.program, OPERATION_client_cancel, handle, number),
		status);
}

static void expect_reaped(uint32_t number, uint32_t status)
{
	struct pdc_completion completion = consumer_scene_reap(&scene, scene.program);

	assert_int_equal(completion.op, number);
	assert_int_equal(completion.status, status);
}

/* F01, F02: a stream of what is here, in large and in small reads; version 2 too. */
static void test_stream(void **state)
{
	(void)state;
	for (unsigned version = 1; version <= 2; version++) {
		uint64_t handle = ready_cached(version);

		expect(STREAM_READ, handle, 0, 300000, 0, 0, FILE_SIZE);
		expect(STREAM_READ, handle, 0, 300000, PEERDIST_ERROR_NO_MORE, 0, 0);
		expect(STREAM_READ, handle, 0, 300000, PEERDIST_ERROR_NO_MORE, 0, 0);
		handle = consumer_scene_ready_content(&scene, scene.program, 1, version, 0, 0);
		for (uint64_t at = 0; at < FILE_SIZE; at += 1000)
			expect(STREAM_READ, handle, 0, 1000, 0, at, 1000);
		expect(STREAM_READ, handle, 0, 1000, PEERDIST_ERROR_NO_MORE, 0, 0);
	}
}

/* F03, F04: nothing is here; the stream goes on behind what is missing. */
static void test_nothing_here(void **state)
{
	uint64_t handle = ready(0, 0);

	(void)state;
	expect(STREAM_READ, handle, 0, 1000, PEERDIST_ERROR_MISSING_DATA, 0, FILE_SIZE);
	expect(STREAM_READ, handle, 0, 1000, PEERDIST_ERROR_NO_MORE, 0, 0);
}

/* F05: nobody there: missing at once. Nobody asked: likewise. */
static void test_nobody(void **state)
{
	uint64_t handle = ready(0, 0);

	(void)state;
	consumer_scene_expect(&scene, STREAM_READ, handle, 0, 1000, 5000,
			      PEERDIST_ERROR_MISSING_DATA, 0, FILE_SIZE);
	assert_true(consumer_scene_asked(&scene) > 0);
	scene.near.why = 1;
	consumer_scene_expect(&scene, BLOCK_READ, handle, 0, 1000, 5000,
			      PEERDIST_ERROR_MISSING_DATA, 0, FILE_SIZE);
}

/* F06, F07: somebody says nothing until the time is over. */
static void test_silence(void **state)
{
	uint64_t handle = ready(0, 0);
	int64_t begun = loop_clock_ms();

	(void)state;
	consumer_scene_become(&scene, NEAR_SILENT);
	consumer_scene_expect(&scene, STREAM_READ, handle, 0, 1000, 200, ERROR_TIMEOUT, 0,
			      FILE_SIZE);
	assert_true(loop_clock_ms() >= begun + 200);
	expect(STREAM_READ, handle, 0, 1000, PEERDIST_ERROR_NO_MORE, 0, 0);
	service_set_read_timeout(scene.scene.service, 100);
	begun = loop_clock_ms();
	consumer_scene_expect(&scene, BLOCK_READ, handle, BLOCK, 1000, 0xfffffffe, ERROR_TIMEOUT,
			      BLOCK, FILE_SIZE - BLOCK);
	assert_true(loop_clock_ms() >= begun + 100);
}

/* F06, the other way of saying nothing: who has it gives nothing, again and again. */
static void test_empty_promises(void **state)
{
	uint64_t handle = ready(0, 0);
	int64_t begun = loop_clock_ms();

	(void)state;
	consumer_scene_become(&scene, NEAR_EMPTY);
	consumer_scene_expect(&scene, BLOCK_READ, handle, 0, 1000, 300, ERROR_TIMEOUT, 0,
			      FILE_SIZE);
	assert_true(loop_clock_ms() >= begun + 300);
}

/* Waits until somebody nearby is asked for COUNT blocks; the service's clock goes on. */
static void wait_asked(unsigned count)
{
	while (consumer_scene_asked(&scene) < count) {
		service_tick(scene.scene.service, loop_clock_ms());
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	}
}

/* Who said to have it is gone: it is asked on, since in this read somebody did. */
static void test_promised_once(void **state)
{
	uint64_t handle = ready(0, 0);

	(void)state;
	consumer_scene_become(&scene, NEAR_EMPTY);
	uint32_t number = submit(BLOCK_READ, handle, 0, 1000, 60000);
	wait_asked(1);
	consumer_scene_become(&scene, NEAR_NOBODY);
	wait_asked(3);
	consumer_scene_become(&scene, NEAR_WILLING);
	expect_reaped(number, 0);
}

/* Who gave nothing says nothing when it is asked again: the time is over then too. */
static void test_silence_later(void **state)
{
	uint64_t handle = ready(0, 0);

	(void)state;
	consumer_scene_become(&scene, NEAR_EMPTY);
	uint32_t number = submit(BLOCK_READ, handle, 0, 1000, 1000);
	wait_asked(1);
	consumer_scene_become(&scene, NEAR_SILENT);
	expect_reaped(number, ERROR_TIMEOUT);
}

/* F08: no limit: pending until it is cancelled. */
static void test_no_limit(void **state)
{
	uint64_t handle = ready(0, 0);

	(void)state;
	consumer_scene_become(&scene, NEAR_EMPTY);
	uint32_t number = submit(BLOCK_READ, handle, 0, 1000, NO_LIMIT);
	wait_asked(3);
	service_scene_expect_nothing(scene.program);
	cancel(handle, number, 0);
	expect_reaped(number, ERROR_OPERATION_ABORTED);
}

/* What comes from nearby is given, at most the block that was waited for and what is here by then;
 * and is here from then on. */
static void test_willing(void **state)
{
	uint64_t handle = ready(0, 0), position = 0;

	(void)state;
	consumer_scene_become(&scene, NEAR_WILLING);
	while (position < FILE_SIZE) {
		struct pdc_completion completion = consumer_scene_read(
			&scene, scene.program, STREAM_READ, handle, 0, 300000, 5000);
		assert_int_equal(completion.status, 0);
		assert_int_equal(completion.offset, position);
		position += completion.bytes;
	}
	assert_int_equal(consumer_scene_asked(&scene), 4);
	handle = consumer_scene_ready_content(&scene, scene.program, 2, 1, 0, 0);
	consumer_scene_become(&scene, NEAR_NOBODY);
	consumer_scene_expect(&scene, BLOCK_READ, handle, 100, 10, 5000, 0, 100, 10);
}

/* In the middle of a block, of version 2 too. */
static void test_willing_inside(void **state)
{
	uint64_t handle = consumer_scene_ready_content(&scene, scene.program, 1, 2, 0, 0);

	(void)state;
	consumer_scene_become(&scene, NEAR_WILLING);
	consumer_scene_expect(&scene, BLOCK_READ, handle, 100001, 10, 5000, 0, 100001, 10);
}

static uint64_t given_by(enum given kind)
{
	struct fetch_counters counters;

	fetch_counters(scene.scene.fetch, &counters);
	return counters.given[kind].bytes;
}

/* All of the range, in reads of LENGTH. */
static void read_all(uint64_t handle, uint32_t length)
{
	struct pdc_completion completion;

	do
		completion = consumer_scene_read(&scene, scene.program, STREAM_READ, handle, 0,
						 length, 5000);
	while (completion.status == 0);
	assert_int_equal(completion.status, PEERDIST_ERROR_NO_MORE);
}

/* What a program was given counts, once, as that of who gave it, in large reads and in small ones;
 * given again, as the cache's. */
static void test_counted(void **state)
{
	static const uint32_t lengths[] = {300000, 7000};
	const uint64_t size = FILE_SIZE;

	(void)state;
	consumer_scene_become(&scene, NEAR_WILLING);
	for (unsigned i = 0; i < 2; i++) {
		read_all(ready(0, size), lengths[i]);
		assert_int_equal(given_by(GIVEN_PEER), (i + 1) * size);
		assert_int_equal(given_by(GIVEN_CACHE), i * size);
		read_all(ready(0, size), lengths[i]);
		assert_int_equal(given_by(GIVEN_PEER), (i + 1) * size);
		assert_int_equal(given_by(GIVEN_CACHE), (i + 1) * size);
		assert_int_equal(consumer_scene_flush(scene.program, 1), 0);
	}
}

/* F09, F18: no time, and queries, ask nobody. */
static void test_local_only(void **state)
{
	uint64_t handle = ready(0, 0);

	(void)state;
	consumer_scene_become(&scene, NEAR_WILLING);
	expect(BLOCK_READ, handle, 0, 1000, PEERDIST_ERROR_MISSING_DATA, 0, FILE_SIZE);
	consumer_scene_expect(&scene, BLOCK_READ, handle, 0, 0, 5000, 0, 0, 0);
	assert_int_equal(consumer_scene_asked(&scene), 0);
}

/* F10 to F13: what is missing where. */
static void test_holes(void **state)
{
	uint64_t handle = ready_holes();
	const uint32_t missing = PEERDIST_ERROR_MISSING_DATA;

	(void)state;
	expect(BLOCK_READ, handle, 0, 300000, 0, 0, BLOCK);
	expect(BLOCK_READ, handle, BLOCK, 300000, missing, BLOCK, BLOCK);
	expect(BLOCK_READ, handle, BLOCK + 100, 10, missing, BLOCK + 100, BLOCK - 100);
	expect(BLOCK_READ, handle, 196608, 10, missing, 196608, 3392);
	/* F14 */
	expect(STREAM_READ, handle, 0, 300000, 0, 0, BLOCK);
	expect(STREAM_READ, handle, 0, 300000, missing, BLOCK, BLOCK);
	expect(STREAM_READ, handle, 0, 300000, 0, 2 * BLOCK, BLOCK);
	expect(STREAM_READ, handle, 0, 300000, missing, 196608, 3392);
	expect(STREAM_READ, handle, 0, 300000, PEERDIST_ERROR_NO_MORE, 0, 0);
}

/* F15 */
static void test_outside(void **state)
{
	static const uint64_t offsets[] = {FILE_SIZE, FILE_SIZE + 1, 1ull << 63, UINT64_MAX};
	uint64_t handle = ready(0, 0);

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		expect(BLOCK_READ, handle, offsets[i], 10, PEERDIST_ERROR_NO_MORE, 0, 0);
		expect(BLOCK_READ, handle, offsets[i], 0, PEERDIST_ERROR_NO_MORE, 0, 0);
	}
}

/* F16, F17, F19: queries. */
static void test_query(void **state)
{
	uint64_t handle = ready(0, 0);

	(void)state;
	expect(BLOCK_READ, handle, 0, 0, 0, 0, 0);
	assert_int_equal(consumer_scene_add(&scene, scene.program, handle, 0, 2 * BLOCK), 0);
	expect(BLOCK_READ, handle, 0, 0, 0, 0, 2 * BLOCK);
	expect(BLOCK_READ, handle, 1000, 0, 0, 1000, 2 * BLOCK - 1000);
	expect(STREAM_READ, handle, 0, 0, 0, 0, 2 * BLOCK);
	expect(STREAM_READ, handle, 0, 1000, 0, 0, 1000);
	expect(STREAM_READ, handle, 0, 0, 0, 1000, 2 * BLOCK - 1000);
}

/* F21, F22, F23, F24: ranges. */
static void test_ranges(void **state)
{
	const uint32_t missing = PEERDIST_ERROR_MISSING_DATA;
	uint64_t range = ready(BLOCK, BLOCK);

	(void)state;
	expect(BLOCK_READ, range, 70000, 10, missing, 70000, 61072);
	ready_cached(1);
	range = ready(BLOCK, BLOCK);
	expect(STREAM_READ, range, 0, 300000, 0, BLOCK, BLOCK);
	expect(STREAM_READ, range, 0, 300000, PEERDIST_ERROR_NO_MORE, 0, 0);
	expect(BLOCK_READ, range, 0, 10, PEERDIST_ERROR_NO_MORE, 0, 0);
	expect(BLOCK_READ, range, 2 * BLOCK, 10, PEERDIST_ERROR_NO_MORE, 0, 0);
	expect(BLOCK_READ, range, 2 * BLOCK - 1, 10, 0, 2 * BLOCK - 1, 1);
	range = ready(100, 5000);
	expect(STREAM_READ, range, 0, 300000, 0, 100, 5000);
	expect(STREAM_READ, range, 0, 300000, PEERDIST_ERROR_NO_MORE, 0, 0);
}

/* F25, F26, F27: many in flight. */
static void test_many(void **state)
{
	uint64_t handle = ready_cached(1);
	uint32_t numbers[5];
	uint64_t seen = 0;

	(void)state;
	for (unsigned i = 0; i < 10; i++)
		submit(BLOCK_READ, handle, i * 10000, 10000, 5000);
	for (unsigned i = 0; i < 10; i++) {
		struct pdc_completion completion = consumer_scene_reap(&scene, scene.program);
		assert_int_equal(completion.status, 0);
		assert_int_equal(completion.bytes, 10000);
		seen |= 1ull << (completion.offset / 10000);
	}
	assert_int_equal(seen, (1 << 10) - 1);
	for (unsigned i = 0; i < 5; i++) {
		numbers[i] = submit(STREAM_READ, handle, 0, 10000, 5000);
		submit(BLOCK_READ, handle, 100000, 1, 0);
	}
	for (unsigned i = 0, next = 0; i < 10; i++) {
		struct pdc_completion completion = consumer_scene_reap(&scene, scene.program);
		if (completion.bytes == 1)
			continue;
		assert_int_equal(completion.op, numbers[next]);
		assert_int_equal(completion.offset, next++ * 10000);
	}
}

/* F28: at most a megabyte at a time. */
static void test_large(void **state)
{
	uint64_t handle = ready_cached(1);

	(void)state;
	expect(STREAM_READ, handle, 0, (1 << 20) + 17, 0, 0, 1 << 20);
	expect(STREAM_READ, handle, 0, UINT32_MAX, 0, 1 << 20, 1 << 20);
	expect(BLOCK_READ, handle, 1, 1 << 20, 0, 1, 1 << 20);
}

/* H01, H03, H04, H08 */
static void test_cancel(void **state)
{
	uint64_t handle = ready(0, 0), other = ready(0, 0);

	(void)state;
	consumer_scene_become(&scene, NEAR_SILENT);
	uint32_t number = submit(BLOCK_READ, handle, 0, 10, NO_LIMIT);
	cancel(other, number, PEERDIST_ERROR_OPERATION_NOTFOUND);
	cancel(handle, number + 1000, PEERDIST_ERROR_OPERATION_NOTFOUND);
	cancel(handle, number, 0);
	cancel(handle, number, PEERDIST_ERROR_OPERATION_NOTFOUND);
	expect_reaped(number, ERROR_OPERATION_ABORTED);
	cancel(handle, number, PEERDIST_ERROR_OPERATION_NOTFOUND);
}

/* H05, H06 */
static void test_cancel_all(void **state)
{
	uint64_t handle = ready(0, 0);

	(void)state;
	cancel(handle, 0, 0);
	consumer_scene_become(&scene, NEAR_SILENT);
	for (unsigned i = 0; i < 5; i++)
		submit(BLOCK_READ, handle, i * 100, 10, NO_LIMIT);
	cancel(handle, 0, 0);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(consumer_scene_reap(&scene, scene.program).status,
				 ERROR_OPERATION_ABORTED);
	service_scene_expect_nothing(scene.program);
}

/* H07, H15: what is cancelled does not move the stream. */
static void test_cancel_stream(void **state)
{
	uint64_t handle = ready(0, 0);

	(void)state;
	consumer_scene_become(&scene, NEAR_SILENT);
	uint32_t first = submit(STREAM_READ, handle, 0, 10000, NO_LIMIT);
	uint32_t second = submit(STREAM_READ, handle, 0, 10000, NO_LIMIT);
	uint32_t third = submit(STREAM_READ, handle, 0, 10000, NO_LIMIT);
	wait_asked(1);
	cancel(handle, second, 0);
	expect_reaped(second, ERROR_OPERATION_ABORTED);
	consumer_scene_become(&scene, NEAR_WILLING);
	struct pdc_completion completion = consumer_scene_reap(&scene, scene.program);
	assert_int_equal(completion.op, first);
	assert_int_equal(completion.offset, 0);
	assert_int_equal(completion.bytes, 10000);
	completion = consumer_scene_reap(&scene, scene.program);
	assert_int_equal(completion.op, third);
	assert_int_equal(completion.offset, 10000);
	/* The first of the lane, while it searches. */
	handle = consumer_scene_ready_content(&scene, scene.program, 1, 2, 0, 0);
	consumer_scene_become(&scene, NEAR_SILENT);
	first = submit(STREAM_READ, handle, 0, 20, NO_LIMIT);
	cancel(handle, first, 0);
	expect_reaped(first, ERROR_OPERATION_ABORTED);
	consumer_scene_become(&scene, NEAR_WILLING);
	consumer_scene_expect(&scene, STREAM_READ, handle, 0, 20, NO_LIMIT, 0, 0, 20);
}

/* H09: the race of a cancel with data. */
static void test_cancel_race(void **state)
{
	uint64_t handle = ready_cached(1), position = 0;
	unsigned cancelled = 0;

	(void)state;
	for (unsigned i = 0; i < 2000 && position < FILE_SIZE - 200; i++) {
		uint32_t number = submit(STREAM_READ, handle, 0, 100, 0);
		uint32_t status = service_scene_simple(scene.program, OPERATION_client_cancel,
						       handle, number);
		struct pdc_completion completion = consumer_scene_reap(&scene, scene.program);

		assert_int_equal(completion.op, number);
		if (completion.status == 0) {
			assert_int_equal(status, PEERDIST_ERROR_OPERATION_NOTFOUND);
			assert_int_equal(completion.offset, position);
			assert_int_equal(completion.bytes, 100);
			position += 100;
		} else {
			assert_int_equal(status, 0);
			assert_int_equal(completion.status, ERROR_OPERATION_ABORTED);
			cancelled++;
		}
	}
	assert_true(cancelled > 0);
	expect(STREAM_READ, handle, 0, 100, 0, position, 100);
}

/* Closed while it searches: the search comes to its end by itself. */
static void test_close_searching(void **state)
{
	uint64_t handle = ready(0, 0);

	(void)state;
	consumer_scene_become(&scene, NEAR_SILENT);
	uint32_t number = submit(BLOCK_READ, handle, 0, 10, NO_LIMIT);
	wait_asked(1);
	assert_int_equal(service_scene_simple(scene.program, OPERATION_close_content, handle, 0),
			 0);
	expect_reaped(number, ERROR_OPERATION_ABORTED);
	consumer_scene_become(&scene, NEAR_WILLING);
	service_scene_wait_counters(&scene.scene, 0, 0);
}

/* A read that waited for its turn in vain. */
static void test_late_in_the_queue(void **state)
{
	uint64_t handle = ready(0, 0);

	(void)state;
	consumer_scene_become(&scene, NEAR_SILENT);
	uint32_t first = submit(STREAM_READ, handle, 0, 10, 150);
	uint32_t second = submit(STREAM_READ, handle, 0, 10, 50);
	expect_reaped(first, ERROR_TIMEOUT);
	expect_reaped(second, PEERDIST_ERROR_NO_MORE); /* the first has passed all of it by */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_stream),
		TEST(test_nothing_here),
		TEST(test_nobody),
		TEST(test_silence),
		TEST(test_empty_promises),
		TEST(test_promised_once),
		TEST(test_silence_later),
		TEST(test_no_limit),
		TEST(test_willing),
		TEST(test_willing_inside),
		TEST(test_counted),
		TEST(test_local_only),
		TEST(test_holes),
		TEST(test_outside),
		TEST(test_query),
		TEST(test_ranges),
		TEST(test_many),
		cmocka_unit_test_setup_teardown(test_large, setup_large, teardown),
		TEST(test_cancel),
		TEST(test_cancel_all),
		TEST(test_cancel_stream),
		TEST(test_cancel_race),
		TEST(test_close_searching),
		TEST(test_late_in_the_queue),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
