/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The store in good order: what is kept, found, evicted, pinned, cut and cleared.
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

/* ---- the limit ---- */

static void oldest_goes_first(void **state)
{
	struct store *store = fixture_open(16 * MIB);
	char path[32];

	(void)state;
	for (int i = 0; i < 10; i++) {
		snprintf(path, sizeof(path), "f%d", i);
		write_object(store, path, (uint64_t)i, MIB);
		fixture_time++;
	}
	/* f0 becomes the youngest. */
	assert_int_equal(count_right(store, "f0", 0, MIB), 16);
	fixture_time++;
	for (int i = 10; i < 17; i++) {
		snprintf(path, sizeof(path), "f%d", i);
		write_object(store, path, (uint64_t)i, MIB);
		fixture_time++;
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
		fixture_time++;
	}
	assert_int_equal(count_right(store, "f0", 0, MIB), 16);
	store_close(store);
	store = fixture_open(16 * MIB);
	fixture_time++;
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
		fixture_time++;
		snprintf(path, sizeof(path), "f%d", i);
		write_object(store, path, (uint64_t)i, MIB);
	}
	assert_int_equal(count_right(store, "keep/before", 100, MIB), 16);
	assert_int_equal(count_right(store, "keep/after", 101, MIB), 16);
	assert_int_equal(count_right(store, "keep/small", 102, 100), 1);
	assert_int_equal(count_right(store, "keeper", 103, MIB), 0);
	fixture_time += 100000;
	store_expire(store);
	assert_int_equal(count_right(store, "keep/before", 100, MIB), 16);
	assert_int_equal(count_right(store, "f19", 19, MIB), 0);
	assert_int_equal(store_pin(store, "keep", false), 0);
	fixture_time += 100000;
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

static void unused_go_by_age(void **state)
{
	struct store *store = fixture_open(LIMIT);

	(void)state;
	write_object(store, "old", 1, MIB);
	write_object(store, "old-small", 2, 10);
	fixture_time += 3000;
	write_object(store, "young", 3, MIB);
	fixture_time += 1000;
	store_expire(store);
	assert_int_equal(count_right(store, "old", 1, MIB), 0);
	assert_int_equal(count_right(store, "young", 3, MIB), 16);
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
		fixture_time++;
		write_object(store, path, i, MIB);
	}
	__atomic_store_n(&reader.stop, true, __ATOMIC_RELAXED);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(usage(store).checksum_errors, 0);
	object_put(reader.object);
	store_close(store);
}

/* A list of lengths that covers SIZE, of no regularity. */
static uint32_t make_lengths(uint32_t *lengths, uint64_t size)
{
	uint32_t count = 0;

	for (uint64_t left = size; left > 0; count++) {
		uint32_t length = 1000 + (count * 7919u) % 130000;

		lengths[count] = length < left ? length : (uint32_t)left;
		left -= lengths[count];
	}
	return count;
}

static void listed_cutting_is_kept(void **state)
{
	struct store *store = fixture_open(LIMIT);
	struct object *object = make_object(store, "v2", BIG);
	uint32_t lengths[4000], count = make_lengths(lengths, BIG);

	(void)state;
	assert_int_equal(object_cut(object, lengths, count - 1), -EINVAL);
	assert_int_equal(object_cut(object, lengths, count), 0);
	assert_int_equal(cutting_count(object_cutting(object)), count);
	for (uint32_t unit = 0; unit < count; unit++)
		assert_int_equal(write_unit(object, 1, unit), 0);
	assert_true(object_complete(object));
	object_put(object);
	store_close(store);
	store = fixture_open(LIMIT);
	assert_int_equal(count_right(store, "v2", 1, BIG), count);
	store_close(store);
}

static void cutting_anew_keeps_what_fits(void **state)
{
	struct store *store = fixture_open(LIMIT);
	struct object *object = make_object(store, "f", BIG);
	uint32_t lengths[4000], count = make_lengths(lengths, BIG), kept = 0;
	unsigned char *before = malloc(BIG), *after = malloc(BIG);
	uint64_t used;

	(void)state;
	/* All but the units 20 to 29. */
	for (uint32_t unit = 0; unit <= BIG / CUTTING_UNIT; unit++)
		if (unit < 20 || unit >= 30)
			assert_int_equal(write_unit(object, 1, unit), 0);
	assert_int_equal(object_read(object, 0, 20 * CUTTING_UNIT, before), 0);
	used = usage(store).used;
	assert_int_equal(object_cut(object, lengths, count), 0);
	for (uint32_t unit = 0; unit < count; unit++) {
		uint64_t offset = cutting_offset(object_cutting(object), unit);
		uint32_t length = cutting_length(object_cutting(object), unit);
		bool fits = offset + length <= 20 * CUTTING_UNIT || offset >= 30 * CUTTING_UNIT;
		bool present;

		assert_int_equal(object_extent(object, unit, 1, &present), 1);
		assert_int_equal(present, fits);
		kept += present;
		if (present && offset + length <= 20 * CUTTING_UNIT) {
			assert_int_equal(object_read(object, offset, length, after), 0);
			assert_memory_equal(after, before + offset, length);
		}
	}
	assert_in_range(kept, 1, count - 1);
	assert_true(usage(store).used <= used + 1 * MIB);
	object_put(object);
	store_close(store);
	store = fixture_open(LIMIT);
	assert_int_equal(store_find(store, "f", "v1", BIG, &object), 0);
	assert_int_equal(cutting_count(object_cutting(object)), count);
	assert_int_equal(object_read(object, 0, lengths[0], after), 0);
	assert_memory_equal(after, before, lengths[0]);
	object_put(object);
	free(after);
	free(before);
	store_close(store);
}

static void packed_content_can_be_cut(void **state)
{
	static const uint32_t lengths[] = {1000, 2000, 500};
	struct store *store = fixture_open(LIMIT);
	struct object *object = make_object(store, "small", 3500);
	unsigned char before[3500], after[3500];

	(void)state;
	assert_int_equal(write_unit(object, 1, 0), 0);
	assert_int_equal(object_read(object, 0, 3500, before), 0);
	assert_int_equal(object_cut(object, lengths, 3), 0);
	assert_true(object_complete(object));
	assert_int_equal(object_read(object, 0, 3500, after), 0);
	assert_memory_equal(before, after, 3500);
	object_put(object);
	store_close(store);
	store = fixture_open(LIMIT);
	assert_int_equal(store_find(store, "small", "v1", 3500, &object), 0);
	assert_int_equal(object_read(object, 1000, 2000, after), 0);
	assert_memory_equal(before + 1000, after, 2000);
	object_put(object);
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
		TEST(oldest_goes_first),
		TEST(last_use_is_known_after_a_remount),
		TEST(file_larger_than_the_cache_streams_through),
		TEST(limit_holds_with_several_writers),
		TEST(names_count_in_the_limit),
		TEST(pinned_paths_stay),
		TEST(pins_that_fill_the_cache_refuse_writes),
		TEST(unused_go_by_age),
		TEST(resize_evicts_at_once),
		TEST(cleared_object_in_use_stays_usable),
		TEST(clearing_and_evicting_under_readers_is_harmless),
		TEST(listed_cutting_is_kept),
		TEST(cutting_anew_keeps_what_fits),
		TEST(packed_content_can_be_cut),
		TEST(verify_finds_and_drops_the_bad),
		TEST(unlinked_store_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
