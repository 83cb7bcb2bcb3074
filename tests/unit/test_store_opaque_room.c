/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Room for opaque blocks: under the same limit and age as all else, or at the cost of their giver
 * alone; cleared with everything, but not with paths.
 */
#include "tests/unit/store_opaque_fixture.h"

#include <sys/wait.h>

static unsigned count_held(struct store *store, uint32_t first, uint32_t end)
{
	unsigned count = 0;

	for (uint32_t i = first; i < end; i++)
		count += is_held(store, i, 0);
	return count;
}

static void what_was_used_longest_ago_goes(void **state)
{
	struct store *store = fixture_open(16 * MIB);

	(void)state;
	write_object(store, "old", 1, 3 * MIB);
	fixture_pass(1);
	/* Packs are of a MiB here: 15 blocks. */
	for (uint32_t i = 0; i < 45; i++)
		assert_int_equal(write_opaque(store, i, 0, 1, USUAL, i / 15), 0);
	fixture_pass(1);
	/* What is asked for stays. */
	assert_int_equal(read_opaque(store, 3, 0, 1, USUAL), 0);
	fixture_pass(1);
	write_object(store, "new", 2, 12 * MIB);
	assert_int_equal(count_right(store, "old", 1, 3 * MIB), 0);
	assert_int_equal(count_held(store, 0, 15), 15);
	assert_in_range(count_held(store, 15, 45), 0, 29);
	assert_int_equal(read_opaque(store, 14, 0, 1, USUAL), 0);
	assert_int_equal(usage(store).opaque, count_held(store, 0, 45));
	assert_true(disk_usage() <= 16 * MIB);
	store_close(store);
	assert_consistent();
}

static void a_use_is_known_after_a_remount(void **state)
{
	struct store *store = fixture_open(LIMIT);

	(void)state;
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(write_opaque(store, i, 0, 1, USUAL, i), 0);
	fixture_pass(1000);
	assert_int_equal(read_opaque(store, 2, 0, 1, USUAL), 0);
	store_close(store);
	store = fixture_open(LIMIT);
	fixture_pass(3000);
	store_expire(store);
	assert_int_equal(count_held(store, 0, 4), 1);
	assert_int_equal(read_opaque(store, 2, 0, 1, USUAL), 0);
	fixture_pass(4000);
	store_expire(store);
	assert_int_equal(usage(store).opaque, 0);
	store_close(store);
	assert_consistent();
	assert_int_equal(count_files("data"), 0);
}

/* Looking, listing, verifying and walking are no uses. */
static int walk_on(void *context, const struct store_opaque *block, const void *data)
{
	(void)context;
	(void)block;
	(void)data;
	return 0;
}

static void looks_are_no_uses(void **state)
{
	struct store *store = fixture_open(LIMIT);

	(void)state;
	assert_int_equal(write_opaque(store, 1, 0, 1, USUAL, 1), 0);
	fixture_pass(3000);
	assert_true(is_held(store, 1, 0));
	assert_int_equal(store_verify(store, NULL, NULL, NULL, NULL), 0);
	assert_int_equal(store_opaque_walk(store, walk_on, NULL), 0);
	fixture_pass(1000);
	store_expire(store);
	assert_false(is_held(store, 1, 0));
	store_close(store);
}

static void own_room_is_the_givers(void **state)
{
	struct store *store = fixture_open(16 * MIB);
	uint32_t giver;
	int error;

	(void)state;
	for (uint32_t i = 0; i < 40; i++)
		assert_int_equal(write_opaque(store, i, 0, 1, USUAL, 1), 0);
	write_object(store, "other", 1, 3 * MIB);
	fixture_pass(10);
	/* All the rest, and more: the first ones of the same giver go, although used last. */
	for (uint32_t i = 100; i < 400; i++) {
		assert_int_equal(
			write_opaque_in(store, i, 0, 1, USUAL, 2, STORE_OPAQUE_ROOM_OF_GIVERS), 0);
		assert_int_equal(read_opaque(store, i, 0, 1, USUAL), 0);
	}
	assert_int_equal(count_held(store, 0, 40), 40);
	assert_int_equal(count_right(store, "other", 1, 3 * MIB), 48);
	assert_false(is_held(store, 100, 0));
	assert_true(count_held(store, 100, 400) > 60);
	assert_int_equal(share_of(store, 1), 40 * USUAL);
	assert_int_equal(share_of(store, 2), count_held(store, 100, 400) * USUAL);
	assert_int_equal(usage(store).opaque, 40 + count_held(store, 100, 400));
	/* What is left goes to others; then who has nothing has no room of his own. */
	for (error = 0, giver = 3; error == 0; giver++) {
		assert_in_range(giver, 3, 100);
		error = write_opaque_in(store, 1000 + giver, 0, 1, USUAL, giver,
					STORE_OPAQUE_ROOM_OF_GIVERS);
	}
	assert_int_equal(error, -ENOSPC);
	assert_int_equal(count_held(store, 0, 40), 40);
	assert_int_equal(count_held(store, 1000, 1100), giver - 4);
	assert_int_equal(write_opaque_in(store, 500, 0, 1, USUAL, giver, STORE_OPAQUE_ROOM_OF_ALL),
			 0);
	assert_true(disk_usage() <= 16 * MIB);
	store_close(store);
	assert_consistent();
}

static void limit_holds_whatever_is_written(void **state)
{
	/* Also where the index is most of it. */
	static const uint64_t limits[] = {MIB, 2 * MIB, 8 * MIB, 24 * MIB};
	static const uint32_t sizes[] = {1, 500, 20000, USUAL, STORE_OPAQUE_MAX};

	(void)state;
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		struct store *store = fixture_open(limits[i]);

		for (uint32_t j = 0; j < 3000; j++) {
			int error =
				write_opaque(store, j / 2, j % 2, j % 4, sizes[j % 7 % 5], j % 11);

			assert_true(error == 0 || error == -ENOSPC);
			if (j % 100 == 0)
				assert_in_range(disk_usage(), 0, limits[i]);
			fixture_pass(j % 50 == 0);
		}
		assert_true(usage(store).opaque > 0);
		assert_true(usage(store).used <= limits[i]);
		store_close(store);
		assert_in_range(disk_usage(), 0, limits[i]);
		assert_consistent();
		fixture_teardown(NULL);
		fixture_setup(NULL);
	}
}

static void contents_are_counted_without_them(void **state)
{
	struct store *store = fixture_open(16 * MIB);

	(void)state;
	for (uint32_t i = 0; i < 20; i++) {
		char path[32];

		assert_int_equal(write_opaque(store, i, 0, 1, USUAL, 1), 0);
		snprintf(path, sizeof(path), "p/%u", i);
		write_object(store, path, i, 1000);
	}
	assert_int_equal(usage(store).contents, 20);
	assert_int_equal(usage(store).opaque, 20);
	fixture_pass(10);
	assert_int_equal(count_right(store, "p/1", 1, 1000), 1);
	fixture_pass(3595);
	store_expire(store);
	assert_int_equal(usage(store).contents, 20);
	assert_int_equal(usage(store).opaque, 0);
	for (uint32_t i = 0; i < 20; i++)
		assert_int_equal(write_opaque(store, i, 0, 1, USUAL, 1), 0);
	fixture_pass(3000);
	store_expire(store);
	assert_int_equal(usage(store).contents, 0);
	assert_int_equal(usage(store).opaque, 20);
	store_close(store);
	assert_consistent();
}

static void clearing_all_drops_them_and_counts_them(void **state)
{
	struct store *store = fixture_open(LIMIT);
	uint64_t freed;

	(void)state;
	for (uint32_t i = 0; i < 500; i++)
		assert_int_equal(write_opaque(store, i, 0, 1, USUAL, i % 20), 0);
	write_object(store, "p/a", 1, 1000);
	write_object(store, "q", 2, 200000);
	assert_int_equal(store_clear(store, "p", &freed), 0);
	assert_int_equal(usage(store).opaque, 500);
	assert_int_equal(store_clear(store, "", &freed), 0);
	assert_int_equal(usage(store).opaque, 500);
	assert_int_equal(count_held(store, 0, 500), 500);
	assert_int_equal(store_clear(store, NULL, &freed), 0);
	assert_in_range(freed, 500ull * USUAL, 500ull * (USUAL + 8192));
	assert_int_equal(usage(store).opaque, 0);
	assert_int_equal(usage(store).contents, 0);
	assert_int_equal(count_held(store, 0, 500), 0);
	assert_int_equal(count_files("data"), 0);
	assert_int_equal(write_opaque(store, 1, 0, 2, USUAL, 3), 0);
	assert_int_equal(read_opaque(store, 1, 0, 2, USUAL), 0);
	store_close(store);
	assert_consistent();
}

static void resizing_evicts_them(void **state)
{
	struct store *store = fixture_open(LIMIT);

	(void)state;
	for (uint32_t i = 0; i < 500; i++) {
		assert_int_equal(write_opaque(store, i, 0, 1, USUAL, i / 10), 0);
		fixture_pass(i % 20 == 0);
	}
	assert_int_equal(store_resize(store, 8 * MIB), 0);
	assert_true(disk_usage() <= 8 * MIB);
	assert_false(is_held(store, 0, 0));
	assert_int_equal(read_opaque(store, 499, 0, 1, USUAL), 0);
	for (uint32_t i = 500; i < 600; i++)
		assert_int_equal(write_opaque(store, i, 0, 1, USUAL, 1), 0);
	assert_int_equal(read_opaque(store, 599, 0, 1, USUAL), 0);
	assert_int_equal(usage(store).checksum_errors, 0);
	store_close(store);
	assert_consistent();
}

/* Many givers of one block each, and then of many: memory has only some of them. */
static void givers_without_number_are_counted(void **state)
{
	enum { GIVERS = 5000 };
	struct store *store = fixture_open(LIMIT);

	(void)state;
	for (uint32_t i = 0; i < GIVERS; i++)
		assert_int_equal(write_opaque(store, i, 0, 1, 100 + i % 2, i), 0);
	assert_int_equal(write_opaque(store, 0, 1, 1, USUAL, 0), 0);
	assert_int_equal(share_of(store, 0), USUAL + 100);
	store_close(store);
	assert_consistent();
	store = fixture_open(LIMIT);
	assert_int_equal(share_of(store, 0), USUAL + 100);
	assert_int_equal(write_opaque(store, 4000, 1, 1, USUAL, 4001), 0);
	assert_int_equal(share_of(store, 4001), USUAL + 101);
	assert_int_equal(usage(store).opaque, GIVERS + 2);
	store_close(store);
	assert_consistent();
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_was_used_longest_ago_goes),
		TEST(a_use_is_known_after_a_remount),
		TEST(looks_are_no_uses),
		TEST(own_room_is_the_givers),
		TEST(limit_holds_whatever_is_written),
		TEST(contents_are_counted_without_them),
		TEST(clearing_all_drops_them_and_counts_them),
		TEST(resizing_evicts_them),
		TEST(givers_without_number_are_counted),
	};

	log_open("/dev/null", LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
