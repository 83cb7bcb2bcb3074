/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Opaque blocks written, read, dropped, looked up, cleared and evicted by many threads at once.
 * Whatever is read is one of the variants that were given.
 */
#include "tests/unit/store_opaque_fixture.h"

#include <pthread.h>

enum { SEGMENTS = 40, VARIANTS = 4, ROUNDS = 400, GIVERS = 70 };
#define ROOM (6 * MIB)

static struct store *store;
static bool stopping;

static uint32_t size_of(uint32_t segment, uint32_t variant)
{
	return 1 + (segment * 7919 + variant * 104729) % STORE_OPAQUE_MAX;
}

static uint64_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return *state >> 33;
}

static void *write_many(void *context)
{
	uint64_t state = (uintptr_t)context;

	for (unsigned i = 0; i < ROUNDS; i++) {
		uint32_t segment = (uint32_t)next_random(&state) % SEGMENTS;
		uint32_t variant = (uint32_t)next_random(&state) % VARIANTS;
		int error = write_opaque_in(
			store, segment, segment % 3, variant, size_of(segment, variant),
			(uint32_t)next_random(&state) % GIVERS, next_random(&state) % 2);

		if (error != 0 && error != -ENOSPC)
			fail_msg("write: %d", error);
	}
	return NULL;
}

/* Whether what is there is one of the variants. */
static void read_one(uint32_t segment)
{
	uint8_t id[DIGEST_SIZE_MAX];
	uint8_t *data = malloc(STORE_OPAQUE_MAX), *right = malloc(STORE_OPAQUE_MAX);
	struct store_opaque got;
	bool found = false;
	int error;

	make_id(segment, id);
	error = store_opaque_read(store, id, ID_SIZE, segment % 3, &got, data);
	for (uint32_t variant = 0; error == 0 && variant < VARIANTS; variant++) {
		struct store_opaque wanted = describe_opaque(segment, segment % 3, variant,
							     size_of(segment, variant), 0, id);

		fixture_fill(right, wanted.size, opaque_seed(segment, segment % 3, variant));
		found |= got.size == wanted.size && memcmp(data, right, got.size) == 0 &&
			 memcmp(got.iv, wanted.iv, sizeof(got.iv)) == 0;
	}
	if (error == 0 ? !found : error != -ENOENT)
		fail_msg("read: %d", error);
	free(data);
	free(right);
}

static void *read_many(void *context)
{
	uint64_t state = (uintptr_t)context;

	while (!__atomic_load_n(&stopping, __ATOMIC_RELAXED))
		read_one((uint32_t)next_random(&state) % SEGMENTS);
	return NULL;
}

static void look_one(uint32_t segment)
{
	struct store_opaque_held list[STORE_SEGMENT_BLOCKS];
	struct store_segment_summary summary;
	uint8_t id[DIGEST_SIZE_MAX];
	const uint8_t *ids = id;
	size_t size = ID_SIZE;

	make_id(segment, id);
	if (store_opaque_list(store, id, ID_SIZE, list) > 1 ||
	    store_opaque_look(store, &ids, &size, 1, &summary) != 0 || summary.held > 1)
		fail_msg("more is held than can be");
	share_of(store, segment);
}

static int walk_on(void *context, const struct store_opaque *block, const void *data)
{
	(void)context;
	(void)block;
	(void)data;
	return 0;
}

static void *disturb(void *context)
{
	uint64_t state = (uintptr_t)context;

	while (!__atomic_load_n(&stopping, __ATOMIC_RELAXED)) {
		uint32_t segment = (uint32_t)next_random(&state) % SEGMENTS;

		switch (next_random(&state) % 8) {
		case 0:
			drop_opaque(store, segment, segment % 3);
			break;
		case 1:
			if (next_random(&state) % 8 == 0)
				store_clear(store, NULL, NULL);
			break;
		case 2:
			store_verify(store, NULL, NULL, NULL, NULL);
			break;
		case 3:
			store_opaque_walk(store, walk_on, NULL);
			break;
		case 4:
			store_resize(store, ROOM - next_random(&state) % 3 * MIB);
			break;
		case 5:
			fixture_pass(600);
			store_expire(store);
			break;
		case 6:
			store_flush(store);
			break;
		default:
			look_one(segment);
		}
	}
	return NULL;
}

static void *write_contents(void *context)
{
	(void)context;
	for (unsigned i = 0; i < 60; i++) {
		char path[32];
		struct object *object = NULL;

		snprintf(path, sizeof(path), "c/%u", i);
		if (store_object(store, path, "v1", 30000 + 3000 * i, &object) != 0)
			continue;
		for (uint32_t unit = 0; unit < cutting_count(object_cutting(object)); unit++)
			write_unit(object, i, unit);
		object_put(object);
	}
	return NULL;
}

static void many_threads_do_everything_at_once(void **state)
{
	static void *(*const works[])(void *) = {write_many, write_many, write_contents, read_many,
						 read_many,  disturb,    disturb};
	enum { WORKS = sizeof(works) / sizeof(works[0]), WRITERS = 3 };
	pthread_t threads[WORKS];

	(void)state;
	store = fixture_open(ROOM);
	stopping = false;
	for (unsigned i = 0; i < WORKS; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, works[i], (void *)(uintptr_t)(i + 1)), 0);
	for (unsigned i = 0; i < WRITERS; i++)
		pthread_join(threads[i], NULL);
	__atomic_store_n(&stopping, true, __ATOMIC_RELAXED);
	for (unsigned i = WRITERS; i < WORKS; i++)
		pthread_join(threads[i], NULL);
	for (uint32_t i = 0; i < SEGMENTS; i++)
		read_one(i);
	assert_int_equal(usage(store).checksum_errors, 0);
	store_clear(store, NULL, NULL);
	assert_int_equal(usage(store).opaque, 0);
	assert_int_equal(usage(store).contents, 0);
	for (uint32_t i = 0; i < GIVERS; i++)
		assert_int_equal(share_of(store, i), 0);
	store_close(store);
	assert_consistent();
	assert_int_equal(count_files("data"), 0);
}

/* The same, but what is left is checked as it is. */
static void rows_agree_after_many_writers(void **state)
{
	enum { WRITERS = 4 };
	pthread_t threads[WRITERS];

	(void)state;
	store = fixture_open(ROOM);
	for (unsigned i = 0; i < WRITERS; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, write_many, (void *)(uintptr_t)(i + 100)),
			0);
	for (unsigned i = 0; i < WRITERS; i++)
		pthread_join(threads[i], NULL);
	assert_in_range(disk_usage(), 0, ROOM);
	store_close(store);
	assert_consistent();
	store = fixture_open(ROOM);
	for (uint32_t i = 0; i < SEGMENTS; i++)
		read_one(i);
	assert_int_equal(usage(store).checksum_errors, 0);
	store_close(store);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(many_threads_do_everything_at_once),
		TEST(rows_agree_after_many_writers),
	};

	log_open("/dev/null", LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
