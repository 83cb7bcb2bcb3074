/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Publications whose octets are kept for peers: what the store then has of them under the names
 * that peers ask by, also when the publication is gone; of one that did not come about, nothing.
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
#include "fs/service/parts.h"
#include "fs/service/publication.h"

#define POOL_THREADS 4 /* of the scene */

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

/* All threads of the pool are held up until they are told to go on. */
static struct {
	struct pool_job jobs[POOL_THREADS];
	atomic_uint arrived, left;
	atomic_bool open;
} gate;

static void stand_still(struct pool_job *job)
{
	(void)job;
	atomic_fetch_add(&gate.arrived, 1);
	while (!atomic_load(&gate.open))
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	atomic_fetch_add(&gate.left, 1);
}

static void wait_until_all(const atomic_uint *count)
{
	for (unsigned waited = 0; atomic_load(count) < POOL_THREADS; waited++) {
		assert_true(waited < 10000);
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	}
}

static void hold_pool(void)
{
	atomic_store(&gate.arrived, 0);
	atomic_store(&gate.left, 0);
	atomic_store(&gate.open, false);
	for (unsigned i = 0; i < POOL_THREADS; i++) {
		gate.jobs[i].run = stand_still;
		pool_submit(scene.pool, POOL_AHEAD, &gate.jobs[i]);
	}
	wait_until_all(&gate.arrived);
}

static void release_pool(void)
{
	atomic_store(&gate.open, true);
	wait_until_all(&gate.left);
}

/* What was queued before, for somebody who waits or soon will, is done: no thread has it. */
static void wait_for_pool(void)
{
	for (unsigned i = 0; i < 2; i++) {
		hold_pool();
		release_pool();
	}
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

/* All of it is in the store when everything that the pool had to do is done. */
static void assert_stays(const uint8_t *data, size_t size)
{
	wait_for_pool();
	assert_int_equal(held(data, size, 1), size);
	assert_int_equal(held(data, size, 2), size);
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
		assert_stays(content, sizes[i]);
		free(content);
	}
}

static void test_kept_in_the_versions_enabled(void **state)
{
	enum { SIZE = 3000000 };

	(void)state;
	for (unsigned versions = 1; versions <= 2; versions++) {
		uint8_t *content = publisher_content(SIZE, versions);

		service_set_versions(scene.service, versions);
		publisher_publish(program, "id", content, SIZE, PDC_PUBLISH_KEEP);
		assert_int_equal(held(content, SIZE, versions), SIZE);
		assert_int_equal(held(content, SIZE, 3 - versions), 0);
		service_set_versions(scene.service, 3);
		publisher_assert_published(program, "id", content, SIZE);
		assert_int_equal(publisher_unpublish(program, "id"), ERROR_SUCCESS);
		free(content);
	}
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
	uint64_t handle;

	(void)state;
	for (unsigned declared = 0; declared < 2; declared++) {
		uint8_t *content = publisher_content(SIZE, 2 + declared);

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
		free(content);
	}
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

static void test_stays_after_a_shutdown(void **state)
{
	enum { SIZE = 2500000 };
	uint8_t *content = publisher_content(SIZE, 4);

	(void)state;
	publisher_publish(program, "id", content, SIZE, PDC_PUBLISH_KEEP);
	assert_int_equal(service_scene_simple(program, OPERATION_shutdown, 0, 0), ERROR_SUCCESS);
	assert_stays(content, SIZE);
	free(content);
}

static void test_stays_when_the_service_goes(void **state)
{
	enum { SIZE = 2500000 };
	uint8_t *content = publisher_content(SIZE, 4);

	(void)state;
	publisher_publish(program, "id", content, SIZE, PDC_PUBLISH_KEEP);
	service_set_status(scene.service, SERVICE_DISABLED);
	assert_stays(content, SIZE);
	free(content);
}

static uint64_t used(void)
{
	struct store_usage usage;

	store_usage(scene.store, &usage);
	return usage.used;
}

/* One object of each version, whoever publishes it, and whatever came while it was published. */
static void test_same_content_is_kept_once(void **state)
{
	enum { SIZE = 12 << 20 };
	uint8_t *content = publisher_content(SIZE, 8);
	struct scene_program *other = service_scene_start(&scene, 1001);
	struct store_usage usage;

	(void)state;
	publisher_publish(program, "id", content, SIZE, PDC_PUBLISH_KEEP);
	assert_in_range(used(), 2 * SIZE, 2 * SIZE + SIZE / 4);
	publisher_publish(program, "again", content, SIZE, PDC_PUBLISH_KEEP);
	publisher_publish(other, "id", content, SIZE, PDC_PUBLISH_KEEP);
	assert_in_range(used(), 2 * SIZE, 2 * SIZE + SIZE / 4);
	store_usage(scene.store, &usage);
	assert_int_equal(usage.contents, 2);
	assert_int_equal(publisher_unpublish(program, "id"), ERROR_SUCCESS);
	service_scene_close(other);
	assert_stays(content, SIZE);
	publisher_assert_published(program, "again", content, SIZE);
	free(content);
}

static struct content *decode(const struct publisher_octets *information)
{
	struct content *decoded;

	assert_int_equal(content_decode(information->octets, information->size, information->size,
					&decoded, NULL),
			 0);
	return decoded;
}

/* A consumer on this machine has it, in the same place, and cannot take it away by his tag. */
static void test_consumers_share_it(void **state)
{
	enum { SIZE = 3000000 };
	static const struct parts_owner owner = {.uid = 1002, .tag = "tag"};
	uint8_t *content = publisher_content(SIZE, 33);

	(void)state;
	publisher_publish(program, "id", content, SIZE, PDC_PUBLISH_KEEP);
	for (unsigned version = 1; version <= 2; version++) {
		struct publisher_octets information =
			publisher_expect(&scene, content, SIZE, version, 0, SIZE);
		struct content *decoded = decode(&information);
		uint64_t before = used();
		struct content_block block;
		struct parts *parts;
		bool here = false;

		assert_int_equal(parts_open(scene.fetch, scene.store, decoded, &owner, &parts), 0);
		assert_int_equal(parts_extent(parts, 0, SIZE, &here), SIZE);
		assert_true(here);
		assert_int_equal(content_block_at(decoded, 100000, &block), 0);
		assert_int_equal(parts_write(parts, NULL, &block, content + block.offset), 0);
		parts_close(parts);
		assert_in_range(used(), before / 2, before + SIZE / 4);
		assert_int_equal(parts_flush(scene.fetch, scene.store, &owner), 0);
		content_put(decoded);
		free(information.octets);
	}
	assert_stays(content, SIZE);
	free(content);
}

/* One that fails takes nothing from those of the same content that are there. */
static void test_abandoned_leaves_what_others_keep(void **state)
{
	enum { SIZE = 2500000 };
	uint8_t *content = publisher_content(SIZE, 9);
	uint64_t handle;

	(void)state;
	publisher_publish(program, "other", content, SIZE, PDC_PUBLISH_KEEP);
	handle = kept_stream(0);
	assert_int_equal(publisher_add_status(program, handle, content, SIZE), ERROR_SUCCESS);
	assert_int_equal(publisher_unpublish(program, "id"), ERROR_SUCCESS);
	assert_int_equal(publisher_close_stream(program, handle), ERROR_SUCCESS);
	assert_stays(content, SIZE);
	free(content);
}

/* What nobody could keep says nothing of the disk. */
static void test_impossible_lengths_are_no_trouble(void **state)
{
	static const uint64_t lengths[] = {1ull << 45, 1ull << 62,     (1ull << 63) - 1,
					   1ull << 63, UINT64_MAX - 1, UINT64_MAX};
	enum { SIZE = 2500000 };

	(void)state;
	for (unsigned i = 0; i < sizeof lengths / sizeof *lengths; i++) {
		uint8_t *content = publisher_content(SIZE, 20 + i);
		uint64_t handle = kept_stream(lengths[i]);

		assert_int_equal(publisher_add_status(program, handle, content, SIZE),
				 ERROR_SUCCESS);
		assert_int_equal(publisher_complete(program, handle), ERROR_INVALID_PARAMETER);
		assert_int_equal(publisher_close_stream(program, handle), ERROR_SUCCESS);
		publisher_publish(program, "id", content, SIZE, PDC_PUBLISH_KEEP);
		assert_int_equal(publisher_unpublish(program, "id"), ERROR_SUCCESS);
		assert_stays(content, SIZE);
		free(content);
	}
}

/* What cannot fit does not push out what others have. */
static void test_larger_than_the_cache_is_not_kept(void **state)
{
	enum { SIZE = 1 << 20, LARGE = 20 << 20 };
	uint8_t *content = publisher_content(SIZE, 30), *large = publisher_content(LARGE, 31);
	uint64_t handle;

	(void)state;
	publisher_publish(program, "small", content, SIZE, PDC_PUBLISH_KEEP);
	handle = kept_stream(LARGE);
	assert_int_equal(publisher_add_status(program, handle, large, LARGE), ERROR_SUCCESS);
	assert_int_equal(publisher_complete(program, handle), ERROR_SUCCESS);
	publisher_assert_published(program, "id", large, LARGE);
	assert_stays(content, SIZE);
	assert_int_equal(held(large, LARGE, 1) + held(large, LARGE, 2), 0);
	free(content);
	free(large);
}

/* Whether the store has its content information of version 1. */
static bool is_stored(const struct publication_place *place, uint64_t size)
{
	struct object *object;

	if (store_find(scene.store, place->path, place->validator, size, &object) != 0)
		return false;
	object_put(object);
	return true;
}

/* Once, and never by the thread of who happens to be the last to let go of it. */
static void test_cleared_by_the_pool_alone(void **state)
{
	enum { SIZE = 20 << 20 }; /* too much for content information in memory */
	uint8_t *content = publisher_content(SIZE, 32);
	struct publication *publication;
	struct publication_place place;

	(void)state;
	publisher_publish(program, "id", content, SIZE, 0);
	service_scene_wait_counters(&scene, 0, 0);
	wait_for_pool();
	publication = publication_find(scene.service, 1000, "id", 2);
	assert_non_null(publication);
	publication_place(scene.service, publication, "1", &place);
	assert_true(is_stored(&place, SIZE));
	assert_int_equal(publisher_unpublish(program, "id"), ERROR_SUCCESS);
	wait_for_pool();
	assert_true(is_stored(&place, SIZE));
	hold_pool();
	publication_put(publication);
	bool stored = is_stored(&place, SIZE);
	release_pool();
	assert_true(stored);
	wait_for_pool();
	assert_false(is_stored(&place, SIZE));
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
		assert_stays(content, size);
		assert_int_equal(store_clear(scene.store, NULL, NULL), 0);
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
		CASE(test_stays_after_a_shutdown),
		CASE(test_stays_when_the_service_goes),
		CASE(test_same_content_is_kept_once),
		CASE(test_consumers_share_it),
		CASE(test_abandoned_leaves_what_others_keep),
		CASE(test_impossible_lengths_are_no_trouble),
		cmocka_unit_test_setup_teardown(test_larger_than_the_cache_is_not_kept, setup_small,
						teardown),
		CASE(test_cleared_by_the_pool_alone),
		CASE(test_ended_while_completing),
		cmocka_unit_test_setup_teardown(test_full_cache, setup_small, teardown),
		CASE(test_leftovers_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
