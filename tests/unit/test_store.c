/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The store in good order: what is kept, found, cut, verified and cleared.
 */
#include "tests/unit/store_fixture.h"

#include <pthread.h>

#define LIMIT (64 * MIB)
#define BIG (5 * MIB + 12345)

static void sparse_content_outlives_the_store(void **state)
{
	struct store *store = fixture_open(LIMIT);
	uint32_t units = BIG / CUTTING_UNIT + 1;

	(void)state;
	write_object(store, "dir/big", 1, BIG);
	store_close(store);
	store = fixture_open(LIMIT);
	assert_int_equal(count_right(store, "dir/big", 1, BIG), units);
	assert_int_equal(usage(store).contents, 1);
	store_close(store);
}

static void packed_contents_outlive_the_store(void **state)
{
	struct store *store = fixture_open(LIMIT);
	char path[32];

	(void)state;
	for (int i = 0; i < 3000; i++) {
		snprintf(path, sizeof(path), "small/%d", i);
		write_object(store, path, (uint64_t)i, (uint64_t)(1 + i % 900));
	}
	store_close(store);
	assert_in_range(count_files("data"), 1, 10);
	store = fixture_open(LIMIT);
	assert_int_equal(usage(store).contents, 3000);
	for (int i = 0; i < 3000; i++) {
		snprintf(path, sizeof(path), "small/%d", i);
		assert_int_equal(count_right(store, path, (uint64_t)i, (uint64_t)(1 + i % 900)), 1);
	}
	store_close(store);
}

static void ranges_of_any_kind_read_right(void **state)
{
	static const struct {
		uint64_t offset;
		size_t length;
	} ranges[] = {{0, 1},       {65535, 2},   {65536, 65536},   {1000, 200000}, {0, BIG},
		      {BIG - 1, 1}, {4194303, 2}, {4194304, 65536}, {70000, 100},   {BIG, 0}};
	struct store *store = fixture_open(LIMIT);
	unsigned char *wanted = malloc(BIG), *got = malloc(BIG);
	struct object *object;

	(void)state;
	write_object(store, "big", 1, BIG);
	for (uint32_t unit = 0; unit <= BIG / CUTTING_UNIT; unit++)
		fixture_fill(wanted + unit * CUTTING_UNIT,
			     unit < BIG / CUTTING_UNIT ? CUTTING_UNIT : BIG % CUTTING_UNIT,
			     unit_seed(1, unit));
	object = make_object(store, "big", BIG);
	for (int round = 0; round < 2; round++)
		for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
			assert_int_equal(
				object_read(object, ranges[i].offset, ranges[i].length, got), 0);
			assert_memory_equal(got, wanted + ranges[i].offset, ranges[i].length);
		}
	assert_int_equal(object_read(object, BIG, 1, got), -EINVAL);
	assert_int_equal(object_read(object, UINT64_MAX, 2, got), -EINVAL);
	object_put(object);
	free(got);
	free(wanted);
	store_close(store);
}

static void absent_units_are_told_from_present_ones(void **state)
{
	struct store *store = fixture_open(LIMIT);
	struct object *object = make_object(store, "big", 300 * CUTTING_UNIT);
	bool present;

	(void)state;
	for (uint32_t unit = 60; unit < 70; unit++)
		assert_int_equal(write_unit(object, 1, unit), 0);
	assert_int_equal(object_extent(object, 0, 300, &present), 60);
	assert_false(present);
	assert_int_equal(object_extent(object, 60, 300, &present), 10);
	assert_true(present);
	assert_int_equal(object_extent(object, 70, 300, &present), 230);
	assert_false(present);
	assert_int_equal(object_extent(object, 62, 3, &present), 3);
	assert_int_equal(object_extent(object, 300, 3, &present), 0);
	assert_int_equal(object_cached(object), 10 * CUTTING_UNIT);
	assert_false(object_complete(object));
	assert_int_equal(read_unit(object, 1, 59), -ENOENT);
	assert_int_equal(read_unit(object, 1, 60), 0);
	object_put(object);
	store_close(store);
}

static void versions_and_sizes_are_kept_apart(void **state)
{
	struct store *store = fixture_open(LIMIT);
	struct object *first, *same, *other;

	(void)state;
	assert_int_equal(store_object(store, "p", "v1", 100, &first), 0);
	assert_int_equal(store_object(store, "p", "v1", 100, &same), 0);
	assert_ptr_equal(first, same);
	assert_int_equal(store_object(store, "p", "v1", 101, &other), 0);
	assert_ptr_not_equal(first, other);
	object_put(other);
	assert_int_equal(write_unit(first, 1, 0), 0);
	assert_int_equal(store_find(store, "p", "v2", 100, &other), -ENOENT);
	assert_int_equal(store_find(store, "p", "v1", 101, &other), -ENOENT);
	assert_int_equal(store_find(store, "p", "v1", 100, &other), 0);
	object_put(other);
	object_put(same);
	object_put(first);
	store_close(store);
}

static void another_scope_sees_nothing(void **state)
{
	struct store *store = fixture_open(LIMIT);
	struct store_options options = {.directory = fixture_path(""),
					.scope = "other",
					.limit = LIMIT,
					.now = fixture_now};
	char message[256];
	struct object *object;

	(void)state;
	write_object(store, "p", 1, 100);
	store_close(store);
	assert_int_equal(store_open(&options, &store, message, sizeof(message)), 0);
	assert_int_equal(store_find(store, "p", "v1", 100, &object), -ENOENT);
	assert_int_equal(usage(store).contents, 1);
	store_close(store);
}

static void superseded_version_goes_with_its_last_reference(void **state)
{
	struct store *store = fixture_open(LIMIT);
	struct object *old, *new, *unused;

	(void)state;
	write_object(store, "unused", 3, 200000);
	old = make_object(store, "p", 200000);
	assert_int_equal(write_unit(old, 1, 0), 0);
	assert_int_equal(store_object(store, "p", "v2", 200000, &new), 0);
	assert_int_equal(write_unit(new, 2, 0), 0);
	store_supersede(store, new);
	assert_int_equal(read_unit(old, 1, 0), 0);
	object_put(old);
	assert_int_equal(store_find(store, "p", "v1", 200000, &old), -ENOENT);
	assert_int_equal(read_unit(new, 2, 0), 0);
	object_put(new);
	/* One that nobody uses goes at once. */
	assert_int_equal(store_object(store, "unused", "v2", 5, &new), 0);
	store_supersede(store, new);
	assert_int_equal(store_find(store, "unused", "v1", 200000, &unused), -ENOENT);
	object_put(new);
	assert_int_equal(usage(store).contents, 1);
	assert_int_equal(count_files("data"), 1);
	store_close(store);
}

static void size_becomes_known_at_the_end(void **state)
{
	struct store *store = fixture_open(LIMIT);
	struct object *object = make_object(store, "stream", STORE_SIZE_UNKNOWN);
	unsigned char data[CUTTING_UNIT];
	struct object *found;

	(void)state;
	for (uint32_t unit = 0; unit < 70; unit++)
		assert_int_equal(write_unit(object, 1, unit), 0);
	fixture_fill(data, 1234, unit_seed(1, 70));
	assert_int_equal(object_write(object, 70, data, 1234), 0);
	assert_int_equal(object_write(object, 71, data, 100), -EINVAL);
	assert_int_equal(object_finish(object, 70 * CUTTING_UNIT), -EINVAL);
	assert_int_equal(object_finish(object, 70 * CUTTING_UNIT + 1235), -EINVAL);
	assert_int_equal(object_finish(object, 70 * CUTTING_UNIT + 1234), 0);
	assert_int_equal(object_finish(object, 70 * CUTTING_UNIT + 1234), -EINVAL);
	assert_int_equal(object_size(object), 70 * CUTTING_UNIT + 1234);
	assert_true(object_complete(object));
	object_put(object);
	store_close(store);
	store = fixture_open(LIMIT);
	assert_int_equal(store_find(store, "stream", "v1", 70 * CUTTING_UNIT + 1234, &found), 0);
	assert_true(object_complete(found));
	for (uint32_t unit = 0; unit <= 70; unit++)
		assert_int_equal(read_unit(found, 1, unit), 0);
	object_put(found);
	store_close(store);
}

static void short_end_may_follow_the_size(void **state)
{
	struct store *store = fixture_open(LIMIT);
	struct object *object = make_object(store, "stream", STORE_SIZE_UNKNOWN);

	(void)state;
	assert_int_equal(write_unit(object, 1, 0), 0);
	assert_int_equal(object_finish(object, 100), -EINVAL);
	assert_int_equal(object_finish(object, CUTTING_UNIT + 100), 0);
	assert_int_equal(write_unit(object, 1, 1), 0);
	assert_true(object_complete(object));
	assert_int_equal(read_unit(object, 1, 1), 0);
	object_put(object);
	store_close(store);
}

static void empty_content_is_complete(void **state)
{
	struct store *store = fixture_open(LIMIT);
	struct object *object;
	bool present;

	(void)state;
	assert_int_equal(store_find(store, "empty", "v1", 0, &object), 0);
	assert_true(object_complete(object));
	assert_int_equal(object_extent(object, 0, 1, &present), 0);
	assert_int_equal(object_read(object, 0, 0, &present), 0);
	object_put(object);
	store_close(store);
}

static void wrong_lengths_are_refused(void **state)
{
	struct store *store = fixture_open(LIMIT);
	struct object *object = make_object(store, "p", CUTTING_UNIT + 10);
	char data[CUTTING_UNIT] = {0};

	(void)state;
	assert_int_equal(object_write(object, 0, data, CUTTING_UNIT - 1), -EINVAL);
	assert_int_equal(object_write(object, 1, data, 11), -EINVAL);
	assert_int_equal(object_write(object, 2, data, 10), -EINVAL);
	assert_int_equal(object_write(object, 1, data, 10), 0);
	object_put(object);
	store_close(store);
}

/* ---- clearing, cutting, verifying ---- */

static void cleared_object_in_use_stays_usable(void **state)
{
	struct store *store = fixture_open(LIMIT);
	struct object *big = make_object(store, "a/big", BIG),
		      *small = make_object(store, "a/s", 9);
	uint64_t freed = 0;

	(void)state;
	write_object(store, "b", 7, MIB);
	assert_int_equal(write_unit(big, 1, 3), 0);
	assert_int_equal(write_unit(small, 2, 0), 0);
	assert_int_equal(store_clear(store, "a", &freed), 0);
	assert_true(freed >= CUTTING_UNIT);
	assert_int_equal(read_unit(big, 1, 3), -ENOENT);
	assert_int_equal(read_unit(small, 2, 0), -ENOENT);
	assert_int_equal(object_cached(big), 0);
	assert_int_equal(count_right(store, "b", 7, MIB), 16);
	assert_int_equal(write_unit(big, 1, 3), 0);
	assert_int_equal(write_unit(small, 2, 0), 0);
	assert_int_equal(store_clear(store, NULL, &freed), 0);
	assert_int_equal(usage(store).contents, 0);
	assert_int_equal(count_files("data"), 0);
	assert_int_equal(write_unit(big, 1, 3), 0);
	assert_int_equal(write_unit(small, 2, 0), 0);
	object_put(big);
	object_put(small);
	store_close(store);
	store = fixture_open(LIMIT);
	assert_int_equal(count_right(store, "a/big", 1, BIG), 1);
	assert_int_equal(count_right(store, "a/s", 2, 9), 1);
	assert_int_equal(usage(store).contents, 2);
	store_close(store);
}

struct reader {
	struct object *object;
	bool stop;
};

static void *read_always(void *context)
{
	struct reader *reader = context;

	while (!__atomic_load_n(&reader->stop, __ATOMIC_RELAXED))
		for (uint32_t unit = 0; unit < 64; unit++) {
			int error = read_unit(reader->object, 1, unit);

			if (error == -ENOENT)
				error = write_unit(reader->object, 1, unit);
			if (error != 0 && error != -ENOSPC)
				abort();
		}
	return NULL;
}

static void clearing_and_evicting_under_readers_is_harmless(void **state)
{
	struct store *store = fixture_open(8 * MIB);
	struct reader reader = {.object = make_object(store, "big", 4 * MIB)};
	pthread_t threads[2];

	(void)state;
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, read_always, &reader), 0);
	for (unsigned i = 0; i < 50; i++) {
		char path[32];

		snprintf(path, sizeof(path), "f%u", i);
		if (i % 5 == 0)
			assert_int_equal(store_clear(store, NULL, NULL), 0);
		fixture_pass(1);
		write_object(store, path, i, MIB);
	}
	__atomic_store_n(&reader.stop, true, __ATOMIC_RELAXED);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(usage(store).checksum_errors, 0);
	object_put(reader.object);
	store_close(store);
}

static bool stop_at_once(void *context, const struct store_progress *progress)
{
	(void)context;
	(void)progress;
	return false;
}

static void verify_finds_and_drops_the_bad(void **state)
{
	struct store *store = fixture_open(LIMIT);
	struct store_progress progress;

	(void)state;
	write_object(store, "d/big", 1, BIG);
	write_object(store, "d/small", 2, 100);
	assert_int_equal(store_verify(store, "d", NULL, NULL, &progress), 0);
	assert_int_equal(progress.checked, BIG + 100);
	assert_int_equal(progress.bad, 0);
	alter(largest_file(), 3 * CUTTING_UNIT + 17, "x", 1);
	assert_int_equal(store_verify(store, NULL, NULL, NULL, &progress), 0);
	assert_int_equal(progress.bad, CUTTING_UNIT);
	assert_int_equal(usage(store).checksum_errors, 1);
	assert_int_equal(store_verify(store, "other", NULL, NULL, &progress), 0);
	assert_int_equal(progress.checked, 0);
	assert_int_equal(store_verify(store, "d", stop_at_once, NULL, &progress), -ECANCELED);
	assert_int_equal(count_right(store, "d/big", 1, BIG), BIG / CUTTING_UNIT);
	store_close(store);
}

static void unlinked_store_leaves_nothing(void **state)
{
	struct store_options options = {.directory = fixture_path(""),
					.unlinked = true,
					.scope = "s",
					.limit = 8 * MIB,
					.now = fixture_now};
	struct store *store, *second;
	char message[256], path[32];

	(void)state;
	assert_int_equal(store_open(&options, &store, message, sizeof(message)), 0);
	assert_int_equal(store_open(&options, &second, message, sizeof(message)), 0);
	for (unsigned i = 0; i < 100; i++) {
		snprintf(path, sizeof(path), "f%u", i);
		write_object(store, path, i, i % 2 == 0 ? 1000 : 300000);
		assert_int_equal(count_right(store, path, i, i % 2 == 0 ? 1000 : 300000),
				 i % 2 == 0 ? 1 : 5);
	}
	assert_int_equal(count_files(""), 0);
	assert_true(usage(store).used <= 8 * MIB);
	store_close(second);
	store_close(store);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(sparse_content_outlives_the_store),
		TEST(packed_contents_outlive_the_store),
		TEST(ranges_of_any_kind_read_right),
		TEST(absent_units_are_told_from_present_ones),
		TEST(versions_and_sizes_are_kept_apart),
		TEST(another_scope_sees_nothing),
		TEST(superseded_version_goes_with_its_last_reference),
		TEST(size_becomes_known_at_the_end),
		TEST(short_end_may_follow_the_size),
		TEST(empty_content_is_complete),
		TEST(wrong_lengths_are_refused),
		TEST(cleared_object_in_use_stays_usable),
		TEST(clearing_and_evicting_under_readers_is_harmless),
		TEST(verify_finds_and_drops_the_bad),
		TEST(unlinked_store_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
