/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Publications whose octets are kept for peers: what the store then has of them under the names
 * that peers ask by, until the publication goes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/unit/publisher_scene.h"

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cache/store_segment.h"

static struct scene scene;
static struct scene_program *program;

static int setup(void **state)
{
	(void)state;
	service_scene_begin(&scene, NULL);
	program = scene.program;
	return 0;
}

static int setup_small(void **state)
{
	const struct scene_options options = {.limit = 8u << 20};

	(void)state;
	service_scene_begin(&scene, &options);
	program = scene.program;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	service_scene_end(&scene);
	return 0;
}

/* How many octets of SEGMENT, which is called ID, the store has; they are those of DATA. */
static uint64_t held_of(const uint8_t *id, size_t id_size, const struct content_segment *segment,
			const uint8_t *data)
{
	static uint8_t read[CUTTING_UNIT_MAX];
	struct store_segment *found;
	uint64_t octets = 0;

	if (store_segment_find(scene.store, id, id_size, &found) != 0)
		return 0;
	for (uint32_t block = 0; block < segment->blocks; block++) {
		uint32_t length;

		if (store_segment_read(found, block, read, &length) != 0)
			continue;
		assert_memory_equal(read, data + segment->offset + block * 65536ull, length);
		octets += length;
	}
	store_segment_put(found);
	return octets;
}

/* How many octets of the content can be had by the names of VERSION. */
static uint64_t held(const uint8_t *data, size_t size, unsigned version)
{
	struct publisher_octets information =
		publisher_expect(&scene, data, size, version, 0, size);
	struct content *content;
	uint64_t octets = 0;

	assert_int_equal(content_decode(information.octets, information.size, information.size,
					&content, NULL),
			 0);
	for (uint32_t i = 0; i < content_segments(content); i++) {
		struct content_segment segment;
		uint8_t id[DIGEST_SIZE_MAX];

		assert_int_equal(content_segment(content, i, &segment), 0);
		assert_int_equal(content_segment_id(content, &segment, id), 0);
		octets += held_of(id, digest_size(content_algorithm(content)), &segment, data);
	}
	content_put(content);
	free(information.octets);
	return octets;
}

/* Until nothing is left in the store: what is removed is cleared by another thread. */
static void wait_cleared(const uint8_t *data, size_t size)
{
	struct store_usage usage;

	for (unsigned waited = 0;; waited++) {
		store_usage(scene.store, &usage);
		if (usage.contents == 0 && held(data, size, 1) == 0 && held(data, size, 2) == 0)
			return;
		assert_true(waited < 10000);
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	}
}

static const size_t sizes[] = {1, 5, 65535, 65536, 65537, 200000, (5 << 20) + 12345, 33 << 20};
#define SIZES (sizeof sizes / sizeof *sizes)

static void test_kept_in_both_versions(void **state)
{
	(void)state;
	for (unsigned i = 0; i < SIZES; i++) {
		uint8_t *content = publisher_content(sizes[i], i + 10);

		publisher_publish(program, "id", content, sizes[i], PDC_PUBLISH_KEEP);
		publisher_assert_published(program, "id", content, sizes[i]);
		assert_int_equal(held(content, sizes[i], 1), sizes[i]);
		assert_int_equal(held(content, sizes[i], 2), sizes[i]);
		assert_int_equal(publisher_unpublish(program, "id"), ERROR_SUCCESS);
		wait_cleared(content, sizes[i]);
		free(content);
	}
}

static void test_kept_in_the_versions_enabled(void **state)
{
	enum { SIZE = 3000000 };
	uint8_t *content = publisher_content(SIZE, 1);

	(void)state;
	for (unsigned versions = 1; versions <= 2; versions++) {
		service_set_versions(scene.service, versions);
		publisher_publish(program, "id", content, SIZE, PDC_PUBLISH_KEEP);
		assert_int_equal(held(content, SIZE, versions), SIZE);
		assert_int_equal(held(content, SIZE, 3 - versions), 0);
		service_set_versions(scene.service, 3);
		publisher_assert_published(program, "id", content, SIZE);
		assert_int_equal(publisher_unpublish(program, "id"), ERROR_SUCCESS);
		wait_cleared(content, SIZE);
	}
	free(content);
}

static void test_not_kept_unless_asked(void **state)
{
	enum { SIZE = 3000000 };
	uint8_t *content = publisher_content(SIZE, 1);

	(void)state;
	publisher_publish(program, "id", content, SIZE, 0);
	assert_int_equal(held(content, SIZE, 1), 0);
	assert_int_equal(held(content, SIZE, 2), 0);
	free(content);
}

/* Adds in pieces of many sizes. */
static void add_in_pieces(uint64_t handle, const uint8_t *content, uint32_t size)
{
	uint32_t status, portion = 1;

	for (uint32_t at = 0; at < size; at += portion) {
		portion = portion * 7 % 300007;
		if (portion > size - at)
			portion = size - at;
		publisher_add(program, handle, content + at, portion, 70000, &status);
		assert_int_equal(status, ERROR_IO_PENDING);
		assert_int_equal(service_scene_reap(program).status, ERROR_SUCCESS);
	}
}

static void complete(uint64_t handle)
{
	assert_int_equal(service_scene_simple(program, OPERATION_complete_stream, handle,
					      service_scene_number(program)),
			 ERROR_IO_PENDING);
	assert_int_equal(service_scene_reap(program).status, ERROR_SUCCESS);
}

static void test_kept_from_pieces(void **state)
{
	enum { SIZE = 2500000 };
	uint8_t *content = publisher_content(SIZE, 2);
	uint64_t handle;

	(void)state;
	for (unsigned declared = 0; declared < 2; declared++) {
		assert_int_equal(
			publisher_open(program, "id", declared * SIZE, PDC_PUBLISH_KEEP, &handle),
			ERROR_SUCCESS);
		add_in_pieces(handle, content, SIZE);
		complete(handle);
		publisher_assert_published(program, "id", content, SIZE);
		assert_int_equal(held(content, SIZE, 1), SIZE);
		assert_int_equal(held(content, SIZE, 2), SIZE);
		/* The stream is still open, and has nothing to do with it any more. */
		assert_int_equal(publisher_unpublish(program, "id"), ERROR_SUCCESS);
		wait_cleared(content, SIZE);
	}
	free(content);
}

static uint64_t kept_stream(uint64_t length)
{
	uint64_t handle;

	assert_int_equal(publisher_open(program, "id", length, PDC_PUBLISH_KEEP, &handle),
			 ERROR_SUCCESS);
	return handle;
}

static void test_abandoned_is_cleared(void **state)
{
	enum { SIZE = 2500000 };
	uint8_t *content = publisher_content(SIZE, 3);
	uint64_t handle;

	(void)state;
	assert_int_equal(publisher_open(program, "id", 0, PDC_PUBLISH_KEEP, &handle),
			 ERROR_SUCCESS);
	add_in_pieces(handle, content, SIZE);
	assert_int_equal(service_scene_simple(program, OPERATION_close_stream, handle, 0),
			 ERROR_SUCCESS);
	wait_cleared(content, SIZE);
	free(content);
}

static void test_shutdown_clears(void **state)
{
	enum { SIZE = 2500000 };
	uint8_t *content = publisher_content(SIZE, 4);

	(void)state;
	publisher_publish(program, "id", content, SIZE, PDC_PUBLISH_KEEP);
	assert_int_equal(service_scene_simple(program, OPERATION_shutdown, 0, 0), ERROR_SUCCESS);
	wait_cleared(content, SIZE);
	free(content);
}

static void test_service_that_goes_clears(void **state)
{
	enum { SIZE = 2500000 };
	uint8_t *content = publisher_content(SIZE, 4);

	(void)state;
	publisher_publish(program, "id", content, SIZE, PDC_PUBLISH_KEEP);
	service_set_status(scene.service, SERVICE_DISABLED);
	wait_cleared(content, SIZE);
	free(content);
}

/* Closed, or cancelled, at any moment of it: published or not, as the completion says. */
static void end_while_completing(uint8_t *content, uint32_t size, unsigned after_ms, bool cancel)
{
	uint64_t handle = kept_stream(size);
	uint32_t number;

	assert_int_equal(publisher_add_status(program, handle, content, size), ERROR_SUCCESS);
	assert_int_equal(publisher_try_complete(program, handle), ERROR_IO_PENDING);
	number = program->number;
	nanosleep(&(struct timespec){.tv_nsec = after_ms * 1000000L}, NULL);
	if (cancel)
		publisher_cancel(program, "id", number);
	else
		assert_int_equal(publisher_close_stream(program, handle), ERROR_SUCCESS);
	if (service_scene_reap(program).status == ERROR_SUCCESS) {
		publisher_assert_published(program, "id", content, size);
		assert_int_equal(publisher_unpublish(program, "id"), ERROR_SUCCESS);
	} else {
		assert_int_equal(publisher_open_status(program, "id"), ERROR_NOT_FOUND);
		if (cancel)
			assert_int_equal(publisher_unpublish(program, "id"), ERROR_SUCCESS);
	}
	if (cancel)
		assert_int_equal(publisher_close_stream(program, handle), ERROR_SUCCESS);
	wait_cleared(content, size);
}

static void test_ended_while_completing(void **state)
{
	enum { SIZE = 36 << 20 };
	uint8_t *content = publisher_content(SIZE, 7);

	(void)state;
	for (unsigned i = 0; i < 6; i++)
		end_while_completing(content, SIZE, i * 20, i % 2 == 1);
	free(content);
}

/* Larger than the cache: published all the same. */
static void test_full_cache(void **state)
{
	enum { SIZE = 30 << 20 };
	uint8_t *content = publisher_content(SIZE, 5);

	(void)state;
	publisher_publish(program, "id", content, SIZE, PDC_PUBLISH_KEEP);
	publisher_assert_published(program, "id", content, SIZE);
	assert_in_range(held(content, SIZE, 1) + held(content, SIZE, 2), 1, 8u << 20);
	assert_int_equal(publisher_unpublish(program, "id"), ERROR_SUCCESS);
	wait_cleared(content, SIZE);
	free(content);
}

/* What a daemon that was killed has left goes when the next one begins. */
static void test_leftovers_go(void **state)
{
	uint8_t *content = publisher_content(200000, 6);
	const struct service_options options = {
		.store = scene.store, .pool = scene.pool, .fetch = scene.fetch, .versions = 3};
	struct service *next;
	struct object *object;

	(void)state;
	assert_int_equal(store_object(scene.store, ".peerdist/publications/1/octets", "former",
				      200000, &object),
			 0);
	for (uint32_t unit = 0; unit < 4; unit++)
		assert_int_equal(object_write(object, unit, content + unit * 65536ull,
					      unit < 3 ? 65536 : 3392),
				 0);
	object_put(object);
	assert_int_equal(service_create(&options, &next), 0);
	assert_int_equal(store_find(scene.store, ".peerdist/publications/1/octets", "former",
				    200000, &object),
			 -2);
	service_destroy(next);
	free(content);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_kept_in_both_versions),
		CASE(test_kept_in_the_versions_enabled),
		CASE(test_not_kept_unless_asked),
		CASE(test_kept_from_pieces),
		CASE(test_abandoned_is_cleared),
		CASE(test_shutdown_clears),
		CASE(test_service_that_goes_clears),
		CASE(test_ended_while_completing),
		cmocka_unit_test_setup_teardown(test_full_cache, setup_small, teardown),
		CASE(test_leftovers_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
