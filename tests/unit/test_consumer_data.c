/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Data that consumers add, and flushing it. Names of rows (G01 ...) are those of
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

#include "fs/service/loose.h"
#include "tests/unit/consumer_scene.h"

#define BLOCK_READ OPERATION_block_read

static struct consumer_scene scene;

static int setup(void **state)
{
	(void)state;
	consumer_scene_begin(&scene, FILE_SIZE);
	return 0;
}

#define LARGE (20u << 20)
static int setup_large(void **state)
{
	(void)state;
	consumer_scene_begin(&scene, LARGE);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	consumer_scene_end(&scene);
	return 0;
}

static uint64_t ready(unsigned version, uint64_t start, uint64_t length)
{
	return consumer_scene_ready_content(&scene, scene.program, 1, version, start, length);
}

static void expect(uint64_t handle, uint64_t at, uint32_t length, uint32_t status, uint64_t offset,
		   uint32_t bytes)
{
	consumer_scene_expect(&scene, BLOCK_READ, handle, at, length, 0, status, offset, bytes);
}

static void add(uint64_t handle, uint64_t offset, uint32_t length)
{
	assert_int_equal(consumer_scene_add(&scene, scene.program, handle, offset, length), 0);
}

/* What is here of the content from OFFSET on. */
static uint32_t here(uint64_t handle, uint64_t offset)
{
	return consumer_scene_read(&scene, scene.program, BLOCK_READ, handle, offset, 0, 0).bytes;
}

static uint32_t add_any(uint64_t handle, uint64_t offset, uint32_t length)
{
	uint8_t *data = calloc(1, length);
	uint32_t status = consumer_scene_input(scene.program, OPERATION_add_data, handle, offset,
					       data, length, 100000);

	free(data);
	return status;
}

static uint64_t hash_errors(void)
{
	struct fetch_counters counters;

	fetch_counters(scene.scene.fetch, &counters);
	return counters.hash_errors;
}

static uint64_t loose_octets(void)
{
	return atomic_load(&scene.program->instance->user->loose);
}

/* G01, in both versions and portions that fit no block. */
static void test_all(void **state)
{
	(void)state;
	for (unsigned version = 1; version <= 2; version++) {
		static const uint32_t portions[] = {FILE_SIZE, 100000, 65536, 999};

		for (unsigned i = 0; i < 4; i++) {
			uint64_t handle = ready(version, 0, 0);

			assert_int_equal(here(handle, 0), 0);
			assert_int_equal(consumer_scene_input(scene.program, OPERATION_add_data,
							      handle, 0, scene.octets, FILE_SIZE,
							      portions[i]),
					 0);
			assert_int_equal(here(handle, 0), FILE_SIZE);
			expect(handle, 0, FILE_SIZE, 0, 0, FILE_SIZE);
			assert_int_equal(loose_octets(), 0);
			assert_int_equal(consumer_scene_flush(scene.program, 1), 0);
		}
	}
	assert_int_equal(hash_errors(), 0);
}

/* G03: a block in pieces of 1000, in any order. */
static void test_pieces(void **state)
{
	uint64_t handle = ready(1, 0, 0);

	(void)state;
	for (uint32_t i = 0; i < 66; i++) {
		uint32_t at = i * 37 % 66 * 1000;
		uint32_t length = BLOCK - at < 1000 ? BLOCK - at : 1000;

		assert_int_equal(here(handle, BLOCK), 0);
		add(handle, BLOCK + at, length);
	}
	assert_int_equal(here(handle, BLOCK), BLOCK);
	expect(handle, BLOCK, BLOCK, 0, BLOCK, BLOCK);
	assert_int_equal(loose_octets(), 0);
}

/* G04, G05: wrong, then right; whole and in pieces. */
static void test_wrong(void **state)
{
	uint64_t handle = ready(1, 0, 0);

	(void)state;
	assert_int_equal(add_any(handle, BLOCK, BLOCK), 0);
	assert_int_equal(hash_errors(), 1);
	expect(handle, BLOCK, 10, PEERDIST_ERROR_MISSING_DATA, BLOCK, FILE_SIZE - BLOCK);
	assert_int_equal(add_any(handle, BLOCK, 1000), 0);
	add(handle, BLOCK + 1000, BLOCK - 1000);
	assert_int_equal(hash_errors(), 2);
	assert_int_equal(loose_octets(), 0);
	add(handle, BLOCK, BLOCK);
	expect(handle, BLOCK, 10, 0, BLOCK, 10);
	/* A part that was wrong does not spoil the whole that comes later, nor right octets in its
	 * place. */
	assert_int_equal(add_any(handle, 0, 1000), 0);
	add(handle, 0, 1000);
	add(handle, 1000, BLOCK - 1000);
	expect(handle, 0, 10, 0, 0, 10);
	assert_int_equal(add_any(handle, 2 * BLOCK, 1000), 0);
	add(handle, 2 * BLOCK, BLOCK);
	assert_int_equal(loose_octets(), 0);
	assert_int_equal(hash_errors(), 2);
}

/* G06, G07, G09: bounds. */
static void test_bounds(void **state)
{
	uint32_t number;

	(void)state;
	for (unsigned version = 1; version <= 2; version++) {
		uint64_t handle = ready(version, 0, 0);

		assert_int_equal(add_any(handle, FILE_SIZE, 1), 4061);
		assert_int_equal(add_any(handle, 300000, 10), 4061);
		assert_int_equal(add_any(handle, UINT64_MAX - 1, 1), 4061);
		assert_int_equal(consumer_scene_input(scene.program, OPERATION_add_data, handle,
						      199000, scene.octets + 199000, 2000, 2000),
				 4061);
		/* Over several blocks: nothing of it is stored. */
		assert_int_equal(consumer_scene_input(scene.program, OPERATION_add_data, handle, 0,
						      scene.octets, FILE_SIZE + 1, 50000),
				 4061);
		assert_int_equal(here(handle, 0), 0);
		assert_int_equal(loose_octets(), 0);
		add(handle, 199999, 1);
		assert_int_equal(consumer_scene_submit_input(scene.program, OPERATION_add_data,
							     handle, UINT64_MAX, 2, &number),
				 ERROR_INVALID_PARAMETER);
		assert_int_equal(consumer_scene_submit_input(scene.program, OPERATION_add_data,
							     handle, 0, 0, &number),
				 ERROR_INVALID_PARAMETER);
		assert_int_equal(
			service_scene_simple(scene.program, OPERATION_close_content, handle, 0), 0);
	}
	/* The range ends before the content. In version 1 the last segment tells the content's end
	 * all the same; in version 2 nothing does. */
	assert_int_equal(add_any(ready(1, 0, BLOCK), FILE_SIZE, 1), 4061);
	assert_int_equal(add_any(ready(2, 0, 100), 1ull << 62, 1), 0);
	assert_int_equal(add_any(ready(2, 0, 100), UINT64_MAX - 1, 1), 0);
}

/* G08: outside the range, verified when another content covers it. */
static void test_outside_before(void **state)
{
	uint64_t part = ready(1, 0, BLOCK);

	(void)state;
	add(part, BLOCK, BLOCK);
	assert_true(loose_octets() > 0);
	uint64_t whole = consumer_scene_open(scene.program, 1);
	uint32_t size;
	uint8_t *data = consumer_scene_information(&scene, 1, 0, FILE_SIZE, &size);
	assert_int_equal(consumer_scene_input(scene.program, OPERATION_add_information, whole, 0,
					      data, size, size),
			 0);
	assert_int_equal(consumer_scene_complete(scene.program, whole), 0);
	free(data);
	expect(whole, BLOCK, BLOCK, 0, BLOCK, BLOCK);
	/* Of the first, it was never there. */
	expect(part, BLOCK, 1, PEERDIST_ERROR_NO_MORE, 0, 0);
}

/* G08, the other content was there before; by another instance of the user. */
static void test_outside_after(void **state)
{
	struct scene_program *other = service_scene_start(&scene.scene, 1000);
	uint64_t whole = consumer_scene_ready_content(&scene, other, 1, 2, 0, 0);
	uint64_t part = ready(1, 0, BLOCK);

	(void)state;
	add(part, BLOCK, FILE_SIZE - BLOCK);
	/* Segments of version 2 are cut elsewhere: the first that begins behind what was added. */
	struct pdc_completion completion =
		consumer_scene_read(&scene, other, BLOCK_READ, whole, FILE_SIZE - 1, 1, 0);
	assert_int_equal(completion.status, 0);
	assert_int_equal(hash_errors(), 0);
	service_scene_close(other);
}

/* One content that covers it does not take it from another: what the one keeps by its list of a
 * range, or by the other version, the other does not find. */
static void test_outside_two(void **state)
{
	(void)ready(1, BLOCK, BLOCK);
	(void)ready(2, 0, 0);
	uint64_t part = ready(1, 0, BLOCK);

	(void)state;
	add(part, BLOCK, BLOCK);
	expect(ready(1, 0, 0), BLOCK, BLOCK, 0, BLOCK, BLOCK);
	assert_int_equal(consumer_scene_flush(scene.program, 1), 0);
	assert_int_equal(loose_octets(), 0);
	expect(ready(1, 0, 0), BLOCK, 1, PEERDIST_ERROR_MISSING_DATA, BLOCK, FILE_SIZE - BLOCK);
}

/* What another content could verify has the tag of who added it. */
static void test_outside_tag(void **state)
{
	uint64_t whole = consumer_scene_ready_content(&scene, scene.program, 2, 1, 0, 0);
	uint64_t part = ready(1, 0, BLOCK);

	(void)state;
	add(part, BLOCK, BLOCK);
	assert_int_equal(consumer_scene_flush(scene.program, 2), 0);
	assert_int_equal(here(whole, BLOCK), BLOCK);
	assert_int_equal(consumer_scene_flush(scene.program, 1), 0);
	assert_int_equal(here(whole, BLOCK), 0);
}

/* G15, with what was added from outside: it was here under another tag. */
static void test_outside_two_tags(void **state)
{
	uint64_t whole = consumer_scene_ready_content(&scene, scene.program, 2, 1, 0, 0);
	uint64_t part = ready(1, 0, BLOCK);

	(void)state;
	add(whole, BLOCK, BLOCK);
	add(part, BLOCK, BLOCK);
	assert_int_equal(consumer_scene_flush(scene.program, 2), 0);
	assert_int_equal(here(whole, BLOCK), BLOCK);
	assert_int_equal(consumer_scene_flush(scene.program, 1), 0);
	assert_int_equal(here(whole, BLOCK), 0);
}

/* What is loose goes with its tag, and with no other. */
static void test_outside_flushed(void **state)
{
	uint64_t part = ready(1, 0, BLOCK);

	(void)state;
	add(part, BLOCK, BLOCK);
	assert_int_equal(consumer_scene_flush(scene.program, 2), 0);
	assert_int_equal(loose_octets(), LOOSE_SLAB);
	assert_int_equal(consumer_scene_flush(scene.program, 1), 0);
	assert_int_equal(loose_octets(), 0);
}

/* Not by the content of another user, nor after the handle was closed. */
static void test_outside_others(void **state)
{
	struct scene_program *stranger = service_scene_start(&scene.scene, 2000);
	uint64_t part = ready(1, 0, BLOCK);

	(void)state;
	/* Theirs there before, and after. */
	for (unsigned i = 0; i < 2; i++) {
		uint64_t theirs = consumer_scene_ready_content(&scene, stranger, 1, 1, 0, 0);

		add(part, BLOCK, BLOCK);
		assert_int_equal(
			consumer_scene_read(&scene, stranger, BLOCK_READ, theirs, BLOCK, 1, 0)
				.status,
			PEERDIST_ERROR_MISSING_DATA);
	}
	assert_true(loose_octets() > 0);
	assert_int_equal(service_scene_simple(scene.program, OPERATION_close_content, part, 0), 0);
	assert_int_equal(loose_octets(), 0);
	expect(ready(1, 0, 0), BLOCK, 1, PEERDIST_ERROR_MISSING_DATA, BLOCK, FILE_SIZE - BLOCK);
	service_scene_close(stranger);
}

/* What is of another content is not an error of anybody, and stays. */
static void test_outside_unrelated(void **state)
{
	uint64_t part = ready(1, 0, BLOCK);

	(void)state;
	assert_int_equal(add_any(part, BLOCK, BLOCK), 0);
	uint64_t whole = ready(1, 0, 0);
	assert_int_equal(hash_errors(), 0);
	assert_int_equal(loose_octets(), LOOSE_SLAB);
	assert_int_equal(add_any(part, 2 * BLOCK, BLOCK), 0);
	assert_int_equal(hash_errors(), 0);
	assert_int_equal(here(whole, 0), 0);
}

/* 8.5: 16 MiB are kept, the newest; in the range everything passes. */
static void test_limit(void **state)
{
	uint64_t part = ready(1, 0, BLOCK);

	(void)state;
	add(part, BLOCK, LARGE - BLOCK);
	assert_int_equal(loose_octets(), (uint64_t)LOOSE_INSTANCE_MAX * LOOSE_SLAB);
	uint64_t whole = ready(1, 0, 0);
	assert_int_equal(service_scene_simple(scene.program, OPERATION_close_content, part, 0), 0);
	assert_int_equal(loose_octets(), 0);
	assert_int_equal(here(whole, 0), 0);
	assert_int_equal(here(whole, LARGE - (16 << 20)), 16 << 20);
	add(whole, 0, LARGE);
	assert_int_equal(here(whole, 0), LARGE);
	assert_int_equal(loose_octets(), 0);
}

/* G11: four at once, octets in turn. */
static void test_at_once(void **state)
{
	uint64_t handle = ready(1, 0, 0);
	uint32_t numbers[4];

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(consumer_scene_submit_input(scene.program, OPERATION_add_data,
							     handle, i * 50000, 50000, &numbers[i]),
				 ERROR_IO_PENDING);
	for (unsigned i = 4; i-- > 0;)
		assert_int_equal(service_scene_feed(scene.program, numbers[i],
						    scene.octets + i * 50000, 50000, 777),
				 0);
	for (unsigned i = 0; i < 4; i++) {
		struct pdc_completion completion = service_scene_reap(scene.program);
		assert_int_equal(completion.status, 0);
		assert_int_equal(completion.bytes, 50000);
	}
	assert_int_equal(here(handle, 0), FILE_SIZE);
	assert_int_equal(loose_octets(), 0);
}

/* Cancelled in the middle: what was made whole before is here. */
static void test_cancelled(void **state)
{
	uint64_t handle = ready(1, 0, 0);
	struct service_counters counters = {.input = 1};
	uint32_t number;

	(void)state;
	assert_int_equal(consumer_scene_submit_input(scene.program, OPERATION_add_data, handle, 0,
						     FILE_SIZE, &number),
			 ERROR_IO_PENDING);
	assert_int_equal(service_scene_feed(scene.program, number, scene.octets, 100000, 100000),
			 0);
	while (counters.input > 0)
		service_counters(scene.scene.service, &counters);
	assert_int_equal(
		service_scene_simple(scene.program, OPERATION_client_cancel, handle, number), 0);
	assert_int_equal(service_scene_reap(scene.program).status, ERROR_OPERATION_ABORTED);
	assert_int_equal(service_scene_feed(scene.program, number, scene.octets, 1, 1), -ENOENT);
	assert_int_equal(here(handle, 0), BLOCK);
}

/* G13, G14, G18 */
static void test_flush(void **state)
{
	struct scene_program *stranger = service_scene_start(&scene.scene, 2000);
	uint64_t handle = ready(1, 0, 0);

	(void)state;
	add(handle, 0, FILE_SIZE);
	assert_int_equal(consumer_scene_flush(scene.program, 2), 0);
	assert_int_equal(here(handle, 0), FILE_SIZE);
	assert_int_equal(consumer_scene_flush(stranger, 1), 0);
	assert_int_equal(here(handle, 0), FILE_SIZE);
	assert_int_equal(consumer_scene_flush(scene.program, 1), 0);
	expect(handle, 0, 10, PEERDIST_ERROR_MISSING_DATA, 0, FILE_SIZE);
	add(handle, 0, FILE_SIZE);
	assert_int_equal(here(handle, 0), FILE_SIZE);
	service_scene_close(stranger);
}

/* G15: two tags, put together from pieces too. */
static void test_two_tags(void **state)
{
	uint64_t first = ready(1, 0, 0);
	uint64_t second = consumer_scene_ready_content(&scene, scene.program, 2, 1, 0, 0);

	(void)state;
	add(first, 0, FILE_SIZE);
	for (uint32_t at = 0; at < FILE_SIZE; at += 20000)
		add(second, at, 20000);
	assert_int_equal(consumer_scene_flush(scene.program, 1), 0);
	assert_int_equal(here(first, 0), FILE_SIZE);
	assert_int_equal(consumer_scene_flush(scene.program, 2), 0);
	assert_int_equal(here(first, 0), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_all),
		TEST(test_pieces),
		TEST(test_wrong),
		TEST(test_bounds),
		TEST(test_outside_before),
		TEST(test_outside_after),
		TEST(test_outside_two),
		TEST(test_outside_tag),
		TEST(test_outside_two_tags),
		TEST(test_outside_flushed),
		TEST(test_outside_others),
		TEST(test_outside_unrelated),
		cmocka_unit_test_setup_teardown(test_limit, setup_large, teardown),
		TEST(test_at_once),
		TEST(test_cancelled),
		TEST(test_flush),
		TEST(test_two_tags),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
