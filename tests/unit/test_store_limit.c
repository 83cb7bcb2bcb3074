/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The store's limit: never exceeded, kept by evicting what was used longest ago, but for wishes.
 */
#include "tests/unit/store_fixture.h"

#include <pthread.h>

#define LIMIT (64 * MIB)

static void oldest_goes_first(void **state)
{
	struct store *store = fixture_open(16 * MIB);
	char path[32];

	(void)state;
	for (int i = 0; i < 10; i++) {
		snprintf(path, sizeof(path), "f%d", i);
		write_object(store, path, (uint64_t)i, MIB);
		fixture_pass(1);
	}
	/* f0 becomes the youngest. */
	assert_int_equal(count_right(store, "f0", 0, MIB), 16);
	fixture_pass(1);
	for (int i = 10; i < 17; i++) {
		snprintf(path, sizeof(path), "f%d", i);
		write_object(store, path, (uint64_t)i, MIB);
		fixture_pass(1);
	}
	assert_int_equal(count_right(store, "f0", 0, MIB), 16);
	assert_int_equal(count_right(store, "f16", 16, MIB), 16);
	assert_int_equal(count_right(store, "f1", 1, MIB), 0);
	assert_true(usage(store).evicted >= MIB);
	/* Whatever is there is younger than whatever is not. */
	bool gone = true;

	for (int i = 1; i < 17; i++) {
		snprintf(path, sizeof(path), "f%d", i);
		if (count_right(store, path, (uint64_t)i, MIB) == 16)
			gone = false;
		else
			assert_true(gone);
	}
	store_close(store);
}

static void last_use_is_known_after_a_remount(void **state)
{
	struct store *store = fixture_open(16 * MIB);
	char path[32];

	(void)state;
	for (int i = 0; i < 10; i++) {
		snprintf(path, sizeof(path), "f%d", i);
		write_object(store, path, (uint64_t)i, MIB);
		fixture_pass(1);
	}
	assert_int_equal(count_right(store, "f0", 0, MIB), 16);
	store_close(store);
	store = fixture_open(16 * MIB);
	fixture_pass(1);
	for (int i = 10; i < 16; i++) {
		snprintf(path, sizeof(path), "f%d", i);
		write_object(store, path, (uint64_t)i, MIB);
	}
	assert_int_equal(count_right(store, "f0", 0, MIB), 16);
	assert_int_equal(count_right(store, "f1", 1, MIB), 0);
	store_close(store);
}

static void file_larger_than_the_cache_streams_through(void **state)
{
	struct store *store = fixture_open(8 * MIB);
	struct object *object = make_object(store, "huge", 64 * MIB);

	(void)state;
	for (uint32_t unit = 0; unit < 1024; unit++) {
		assert_int_equal(write_unit(object, 1, unit), 0);
		assert_int_equal(read_unit(object, 1, unit), 0);
		if (unit % 16 == 0)
			assert_true(disk_usage() <= 8 * MIB);
	}
	assert_true(object_cached(object) > 2 * MIB);
	object_put(object);
	store_close(store);
}

struct writer {
	struct store *store;
	pthread_rwlock_t *measuring; /* a sum over files is one only while none of them changes */
	unsigned number;
	bool done;
};

static void *write_many(void *context)
{
	struct writer *writer = context;
	char path[32];

	for (unsigned i = 0; i < 60; i++) {
		struct object *object;
		uint64_t size = i % 3 == 0 ? 5000 : 700000, content = writer->number * 1000 + i;

		snprintf(path, sizeof(path), "w%u/%u", writer->number, i);
		if (store_object(writer->store, path, "v1", size, &object) != 0)
			continue;
		for (uint32_t unit = 0; unit < cutting_count(object_cutting(object)); unit++) {
			int error;

			pthread_rwlock_rdlock(writer->measuring);
			error = write_unit(object, content, unit);
			pthread_rwlock_unlock(writer->measuring);
			if (error == 0)
				error = read_unit(object, content, unit);
			if (error != 0 && error != -ENOENT && error != -ENOSPC)
				abort();
		}
		object_put(object);
	}
	__atomic_store_n(&writer->done, true, __ATOMIC_RELEASE);
	return NULL;
}

static void limit_holds_with_several_writers(void **state)
{
	struct store *store = fixture_open(12 * MIB);
	struct writer writers[4];
	pthread_rwlock_t measuring;
	pthread_rwlockattr_t attributes;
	pthread_t threads[4];
	bool running = true;

	(void)state;
	pthread_rwlockattr_init(&attributes);
	pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&measuring, &attributes);
	for (unsigned i = 0; i < 4; i++) {
		writers[i] = (struct writer){.store = store, .measuring = &measuring, .number = i};
		assert_int_equal(pthread_create(&threads[i], NULL, write_many, &writers[i]), 0);
	}
	while (running) {
		uint64_t used;

		pthread_rwlock_wrlock(&measuring);
		used = disk_usage();
		pthread_rwlock_unlock(&measuring);
		if (used > 12 * MIB)
			abort(); /* the others still use this frame */
		running = false;
		for (unsigned i = 0; i < 4; i++)
			running |= !__atomic_load_n(&writers[i].done, __ATOMIC_ACQUIRE);
	}
	for (unsigned i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	pthread_rwlock_destroy(&measuring);
	pthread_rwlockattr_destroy(&attributes);
	assert_true(usage(store).used <= 12 * MIB);
	assert_int_equal(usage(store).checksum_errors, 0);
	store_close(store);
	assert_true(disk_usage() <= 12 * MIB);
}

static void names_count_in_the_limit(void **state)
{
	struct store *store = fixture_open(4 * MIB);
	struct entry entry = {.kind = ENTRY_FILE, .checked = 1};
	char name[64];
	int error = 0;

	(void)state;
	for (int i = 0; i < 100000 && error == 0; i++) {
		snprintf(name, sizeof(name), "a-name-that-takes-some-room-%d", i);
		error = catalog_learn(store_catalog(store), "dir", name, &entry);
		if (i % 1000 == 0)
			assert_true(disk_usage() <= 4 * MIB);
	}
	assert_int_equal(error, -ENOSPC);
	assert_true(disk_usage() <= 4 * MIB);
	store_close(store);
}

static void pinned_paths_stay(void **state)
{
	struct store *store = fixture_open(8 * MIB);
	char path[32];

	(void)state;
	write_object(store, "keep/before", 100, MIB);
	write_object(store, "keep/small", 102, 100);
	assert_int_equal(store_pin(store, "keep", true), 0);
	write_object(store, "keep/after", 101, MIB);
	write_object(store, "keeper", 103, MIB);
	store_close(store);
	store = fixture_open(8 * MIB);
	for (int i = 0; i < 20; i++) {
		fixture_pass(1);
		snprintf(path, sizeof(path), "f%d", i);
		write_object(store, path, (uint64_t)i, MIB);
	}
	assert_int_equal(count_right(store, "keep/before", 100, MIB), 16);
	assert_int_equal(count_right(store, "keep/after", 101, MIB), 16);
	assert_int_equal(count_right(store, "keep/small", 102, 100), 1);
	assert_int_equal(count_right(store, "keeper", 103, MIB), 0);
	fixture_pass(100000);
	store_expire(store);
	assert_int_equal(count_right(store, "keep/before", 100, MIB), 16);
	assert_int_equal(count_right(store, "f19", 19, MIB), 0);
	assert_int_equal(store_pin(store, "keep", false), 0);
	fixture_pass(100000);
	store_expire(store);
	assert_int_equal(usage(store).contents, 0);
	store_close(store);
}

static void pins_that_fill_the_cache_refuse_writes(void **state)
{
	struct store *store = fixture_open(4 * MIB);
	struct object *object;
	uint32_t unit = 0;
	int error = 0;

	(void)state;
	assert_int_equal(store_pin(store, "keep", true), 0);
	object = make_object(store, "keep/big", 16 * MIB);
	while (error == 0 && unit < 256)
		error = write_unit(object, 1, unit++);
	assert_int_equal(error, -ENOSPC);
	assert_true(unit > 20);
	assert_int_equal(read_unit(object, 1, 0), 0);
	assert_int_equal(store_resize(store, 2 * MIB), -EBUSY);
	assert_int_equal(store_resize(store, 16 * MIB), 0);
	assert_int_equal(write_unit(object, 1, unit), 0);
	object_put(object);
	store_close(store);
}

static void refused_resize_evicts_nothing(void **state)
{
	struct store *store = fixture_open(LIMIT);

	(void)state;
	assert_int_equal(store_pin(store, "keep", true), 0);
	write_object(store, "keep/pinned", 1, 8 * MIB);
	write_object(store, "other", 2, 8 * MIB);
	assert_int_equal(store_resize(store, 4 * MIB), -EBUSY);
	assert_int_equal(usage(store).limit, LIMIT);
	assert_int_equal(count_right(store, "keep/pinned", 1, 8 * MIB), 8 * 16);
	assert_int_equal(count_right(store, "other", 2, 8 * MIB), 8 * 16);
	assert_int_equal(usage(store).evicted, 0);
	store_close(store);
}

/* What the index keeps free for itself is a part of the limit, whichever it was opened with. */
static void index_fits_into_any_limit(void **state)
{
	struct store *store = fixture_open(1024 * MIB);
	char path[32];

	(void)state;
	assert_int_equal(store_resize(store, 2 * MIB), 0);
	write_object(store, "big", 1, 8 * MIB);
	assert_true(disk_usage() <= 2 * MIB);
	assert_true(count_right(store, "big", 1, 8 * MIB) > 8);
	assert_int_equal(store_resize(store, 1024 * MIB), 0);
	for (int i = 0; i < 3000; i++) {
		snprintf(path, sizeof(path), "small%d", i);
		write_object(store, path, (uint64_t)i, 3000);
	}
	assert_int_equal(store_resize(store, 5 * MIB), 0);
	assert_true(disk_usage() <= 5 * MIB);
	write_object(store, "after", 4, MIB / 2);
	assert_int_equal(count_right(store, "after", 4, MIB / 2), 8);
	assert_true(disk_usage() <= 5 * MIB);
	store_close(store);
}

static void unused_go_by_age(void **state)
{
	struct store *store = fixture_open(LIMIT);

	(void)state;
	write_object(store, "old", 1, MIB);
	write_object(store, "old-small", 2, 10);
	fixture_pass(3000);
	write_object(store, "young", 3, MIB);
	fixture_pass(1000);
	store_expire(store);
	assert_int_equal(count_right(store, "old", 1, MIB), 0);
	assert_int_equal(count_right(store, "young", 3, MIB), 16);
	store_close(store);
}

static bool within(struct store *store, uint64_t limit)
{
	return usage(store).used <= limit && disk_usage() <= limit;
}

/* Nobody writes: what is too much for the new limit goes all the same. */
static void smaller_limit_at_opening_evicts(void **state)
{
	const struct timespec moment = {.tv_nsec = 1000000};
	struct store *store = fixture_open(LIMIT);

	(void)state;
	write_object(store, "big", 1, 40 * MIB);
	store_close(store);
	store = fixture_open(16 * MIB);
	for (unsigned i = 0; i < 60000 && !within(store, 16 * MIB); i++)
		nanosleep(&moment, NULL);
	assert_true(within(store, 16 * MIB));
	assert_in_range(count_right(store, "big", 1, 40 * MIB), 1, 16 * 16);
	store_close(store);
}

static void resize_evicts_at_once(void **state)
{
	struct store *store = fixture_open(LIMIT);

	(void)state;
	write_object(store, "big", 1, 40 * MIB);
	assert_int_equal(store_resize(store, 16 * MIB), 0);
	assert_true(disk_usage() <= 16 * MIB);
	assert_int_equal(store_resize(store, 1000), -EINVAL);
	assert_in_range(count_right(store, "big", 1, 40 * MIB), 1, 16 * 16);
	store_close(store);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(oldest_goes_first),
		TEST(last_use_is_known_after_a_remount),
		TEST(file_larger_than_the_cache_streams_through),
		TEST(limit_holds_with_several_writers),
		TEST(names_count_in_the_limit),
		TEST(pinned_paths_stay),
		TEST(pins_that_fill_the_cache_refuse_writes),
		TEST(refused_resize_evicts_nothing),
		TEST(index_fits_into_any_limit),
		TEST(unused_go_by_age),
		TEST(resize_evicts_at_once),
		TEST(smaller_limit_at_opening_evicts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
