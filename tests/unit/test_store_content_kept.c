/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Content information in the store stays over restarts, as long as its object's data and while
 * somebody has the object; and goes when it is cleared, superseded, disowned or evicted.
 */
#include "tests/unit/store_content_fixture.h"

/* Too small for two segments. */
#define SMALL 30000

/* ---- staying ---- */

static void content_without_data_is_kept(void **state)
{
	struct store *store = fixture_open(LIMIT);
	unsigned char *data = make_octets(BIG, 1);
	struct object *object = make_object(store, kept_path, BIG);
	struct content *content = content_of(store, data, BIG, 2);
	uint64_t dropped;

	(void)state;
	assert_int_equal(describe(object, content, &dropped), 0);
	content_put(content);
	object_put(object);
	store_close(store);
	store = fixture_open(LIMIT);
	object = find(store, BIG);
	assert_int_equal(object_cached(object), 0);
	assert_true(has_content_of(object, data));
	write_units(object, data, 0, UINT32_MAX);
	assert_int_equal(octets_right(object, data), BIG);
	object_put(object);
	free(data);
	store_close(store);
}

static void content_goes_last(void **state)
{
	struct store *store = fixture_open(16 * MIB);
	unsigned char *data = make_octets(BIG, 1);
	struct object *object;
	bool present = true;
	char other[32];

	(void)state;
	object_put(make_described(store, kept_path, data, BIG, 2));
	/* Only its last part is used from now on. */
	for (int i = 0; i < 12; i++) {
		fixture_pass(100);
		object = find(store, BIG);
		assert_true(has_content(object));
		object_read(object, BIG - 10, 10, other);
		object_put(object);
		snprintf(other, sizeof(other), "o%d", i);
		write_object(store, other, (uint64_t)i, MIB);
	}
	object = find(store, BIG);
	object_extent(object, 0, 1, &present);
	assert_false(present);
	assert_true(object_cached(object) > 0);
	assert_true(octets_right(object, data) > 0);
	object_put(object);
	/* Nobody wants it any more. */
	for (int i = 0; i < 40; i++) {
		fixture_pass(100);
		snprintf(other, sizeof(other), "p%d", i);
		write_object(store, other, (uint64_t)i, MIB);
		assert_true(disk_usage() <= 16 * MIB);
	}
	assert_int_equal(store_find(store, kept_path, "v1", BIG, &object), -ENOENT);
	assert_int_equal(count_content_files(), 0);
	free(data);
	store_close(store);
}

static void content_is_not_evicted_while_referenced(void **state)
{
	struct store *store = fixture_open(16 * MIB);
	unsigned char *data = make_octets(BIG, 1);
	struct object *object = make_described(store, kept_path, data, BIG, 2);
	char other[32];

	(void)state;
	for (int i = 0; i < 40; i++) {
		fixture_pass(100);
		snprintf(other, sizeof(other), "p%d", i);
		write_object(store, other, (uint64_t)i, MIB);
	}
	fixture_pass(100000);
	store_expire(store);
	assert_int_equal(object_cached(object), 0);
	assert_true(has_content_of(object, data));
	write_units(object, data, 0, UINT32_MAX);
	assert_int_equal(octets_right(object, data), BIG);
	object_put(object);
	fixture_pass(100000);
	store_expire(store);
	assert_int_equal(store_find(store, kept_path, "v1", BIG, &object), -ENOENT);
	assert_int_equal(count_files("data"), 0);
	free(data);
	store_close(store);
}

/* Rows that may not go must not hide those that may. */
static void many_referenced_contents_do_not_stop_eviction(void **state)
{
	enum { MANY = 300 };
	struct store *store = fixture_open(16 * MIB);
	unsigned char *data = make_octets(70000, 1);
	struct encoded *encoded = encode(data, 70000, 2);
	struct object *objects[MANY];
	char other[32];

	(void)state;
	for (unsigned i = 0; i < MANY; i++) {
		struct content *content;
		uint64_t dropped;

		snprintf(other, sizeof(other), "r%u", i);
		objects[i] = make_object(store, other, 70000);
		assert_int_equal(take_in(store, encoded, 1000, &content), 0);
		assert_int_equal(describe(objects[i], content, &dropped), 0);
		content_put(content);
	}
	for (int i = 0; i < 40; i++) {
		fixture_pass(1);
		snprintf(other, sizeof(other), "p%d", i);
		write_object(store, other, (uint64_t)i, MIB);
	}
	for (unsigned i = 0; i < MANY; i++) {
		assert_true(has_content(objects[i]));
		object_put(objects[i]);
	}
	free(encoded);
	free(data);
	store_close(store);
}

static void pinned_content_stays(void **state)
{
	struct store *store = fixture_open(LIMIT);
	unsigned char *data = make_octets(BIG, 1);
	struct object *object = make_object(store, kept_path, BIG);
	struct content *content = content_of(store, data, BIG, 2);
	uint64_t dropped;

	(void)state;
	assert_int_equal(describe(object, content, &dropped), 0);
	content_put(content);
	object_put(object);
	assert_int_equal(store_pin(store, kept_path, true), 0);
	fixture_pass(100000);
	store_expire(store);
	object = find(store, BIG);
	assert_true(has_content(object));
	object_put(object);
	assert_int_equal(store_pin(store, kept_path, false), 0);
	fixture_pass(100000);
	store_expire(store);
	assert_int_equal(store_find(store, kept_path, "v1", BIG, &object), -ENOENT);
	free(data);
	store_close(store);
}

static void packed_content_goes_before_what_describes_it(void **state)
{
	struct store *store = fixture_open(LIMIT);
	unsigned char *data = make_octets(SMALL, 1);
	struct object *object;

	(void)state;
	object_put(make_described(store, kept_path, data, SMALL, 2));
	fixture_pass(2000);
	object = find(store, SMALL);
	assert_true(has_content(object));
	object_put(object);
	fixture_pass(2000);
	store_expire(store); /* the pack was not used for longer than an hour */
	store_close(store);
	store = fixture_open(LIMIT);
	object = find(store, SMALL);
	assert_int_equal(object_cached(object), 0);
	assert_true(has_content_of(object, data));
	assert_int_equal(write_at(object, data, 0), 0);
	assert_int_equal(octets_right(object, data), SMALL);
	object_put(object);
	fixture_pass(4000);
	store_expire(store);
	assert_int_equal(store_find(store, kept_path, "v1", SMALL, &object), -ENOENT);
	assert_int_equal(count_content_files(), 0);
	free(data);
	store_close(store);
}

/* ---- going ---- */

static void disowned_object_keeps_what_fits(void **state)
{
	unsigned char *data = make_octets(BIG, 1);
	struct object *object;
	struct store *store;

	(void)state;
	for (unsigned version = 1; version <= 2; version++) {
		store = fixture_open(LIMIT);
		object = make_described(store, kept_path, data, BIG, version);
		assert_false(object_refuses_content(object));
		assert_int_equal(object_disown(object, version == 2), 0);
		assert_true(cutting_is_uniform(object_cutting(object)));
		assert_false(has_content(object));
		assert_int_equal(count_content_files(), 0);
		assert_int_equal(octets_right(object, data), BIG);
		object_put(object);
		store_close(store);
		store = fixture_open(LIMIT);
		object = find(store, BIG);
		assert_int_equal(object_refuses_content(object), version == 2);
		assert_int_equal(octets_right(object, data), BIG);
		assert_false(has_content(object));
		object_put(object);
		store_clear(store, NULL, NULL);
		store_close(store);
	}
	free(data);
}

static void disowned_object_loses_what_does_not_fit(void **state)
{
	struct store *store = fixture_open(LIMIT);
	unsigned char *data = make_octets(BIG, 1);
	struct object *object = make_object(store, kept_path, BIG);
	struct content *content = content_of(store, data, BIG, 2);
	uint64_t dropped;

	(void)state;
	assert_int_equal(describe(object, content, &dropped), 0);
	content_put(content);
	write_units(object, data, 0, 20);
	write_units(object, data, 30, 40);
	assert_int_equal(object_disown(object, false), 0);
	assert_false(object_refuses_content(object));
	assert_in_range(octets_right(object, data), 10 * CUTTING_UNIT, BIG / 2);
	assert_int_equal(octets_right(object, data), object_cached(object));
	object_put(object);
	free(data);
	store_close(store);
}

static void disowned_packed_content_is_kept(void **state)
{
	struct store *store = fixture_open(LIMIT);
	unsigned char *data = make_octets(SMALL, 1);

	(void)state;
	for (unsigned version = 1; version <= 2; version++) {
		struct object *object = make_described(store, kept_path, data, SMALL, version);

		assert_int_equal(object_disown(object, false), 0);
		assert_true(cutting_is_uniform(object_cutting(object)));
		assert_int_equal(octets_right(object, data), SMALL);
		object_put(object);
	}
	free(data);
	store_close(store);
}

static void cleared_content_goes(void **state)
{
	unsigned char *data = make_octets(BIG, 1);
	struct object *object;
	struct store *store;
	uint64_t freed;

	(void)state;
	leave_described(data, BIG, 2);
	store = fixture_open(LIMIT);
	assert_int_equal(store_clear(store, NULL, &freed), 0);
	assert_true(freed > BIG);
	assert_int_equal(count_files("data"), 0);
	assert_int_equal(store_find(store, kept_path, "v1", BIG, &object), -ENOENT);
	/* In use: it stays until the last reference goes. */
	object = make_described(store, kept_path, data, BIG, 2);
	assert_int_equal(store_clear(store, kept_path, NULL), 0);
	assert_int_equal(object_cached(object), 0);
	assert_true(has_content_of(object, data));
	assert_int_equal(write_at(object, data, 5), 0);
	assert_int_equal(octets_right(object, data), cutting_length(object_cutting(object), 5));
	assert_int_equal(store_clear(store, kept_path, NULL), 0);
	object_put(object);
	assert_int_equal(store_find(store, kept_path, "v1", BIG, &object), -ENOENT);
	assert_int_equal(count_files("data"), 0);
	free(data);
	store_close(store);
}

static void cleared_packed_content_goes(void **state)
{
	unsigned char *data = make_octets(SMALL, 1);
	struct object *object;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct store *store;

		leave_described(data, SMALL, 2);
		store = fixture_open(LIMIT);
		assert_int_equal(store_clear(store, i == 0 ? NULL : kept_path, NULL), 0);
		assert_int_equal(store_find(store, kept_path, "v1", SMALL, &object), -ENOENT);
		assert_int_equal(count_content_files(), 0);
		store_close(store);
	}
	free(data);
}

static void superseded_content_goes(void **state)
{
	struct store *store = fixture_open(LIMIT);
	unsigned char *data = make_octets(BIG, 1);
	struct object *former = make_described(store, kept_path, data, BIG, 2), *object;

	(void)state;
	assert_int_equal(store_object(store, kept_path, "v2", BIG, &object), 0);
	store_supersede(store, object);
	assert_true(has_content_of(former, data));
	object_put(former);
	assert_int_equal(count_files("data"), 0);
	assert_int_equal(store_find(store, kept_path, "v1", BIG, &former), -ENOENT);
	object_put(object);
	free(data);
	store_close(store);
}

static void unlinked_store_has_no_names_for_it(void **state)
{
	struct store_options options = {.directory = fixture_path(""),
					.unlinked = true,
					.scope = "s",
					.limit = 16 * MIB,
					.now = fixture_now};
	unsigned char *data = make_octets(BIG, 1);
	struct object *object;
	struct store *store;
	char message[256], other[32];
	uint64_t used;

	(void)state;
	assert_int_equal(store_open(&options, &store, message, sizeof(message)), 0);
	used = usage(store).used;
	object_put(make_described(store, kept_path, data, BIG, 2));
	assert_int_equal(count_files(""), 0);
	object = find(store, BIG);
	assert_int_equal(octets_right(object, data), BIG);
	assert_true(has_content_of(object, data));
	object_put(object);
	assert_int_equal(store_verify(store, NULL, NULL, NULL, NULL), 0);
	for (int i = 0; i < 40; i++) {
		fixture_pass(100);
		snprintf(other, sizeof(other), "p%d", i);
		write_object(store, other, (uint64_t)i, MIB);
		assert_true(usage(store).used <= 16 * MIB);
	}
	assert_int_equal(store_find(store, kept_path, "v1", BIG, &object), -ENOENT);
	assert_int_equal(store_clear(store, NULL, NULL), 0);
	assert_true(usage(store).used < used + MIB);
	object_put(make_described(store, kept_path, data, BIG, 1));
	free(data);
	store_close(store);
}

/* What is counted follows what is there, however often it is exchanged. */
static void nothing_is_counted_twice_or_forgotten(void **state)
{
	enum { ROUNDS = 60, SIZE = 300000 };
	unsigned char *data = make_octets(SIZE, 1);
	struct store_options options = {
		.directory = fixture_path(""), .scope = "s", .limit = LIMIT, .now = fixture_now};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct object *object;
		struct store *store;
		char message[256];
		uint64_t before, used;

		options.unlinked = i == 1;
		assert_int_equal(store_open(&options, &store, message, sizeof(message)), 0);
		object = make_described(store, kept_path, data, SIZE, 2);
		before = usage(store).used;
		for (unsigned round = 0; round < ROUNDS; round++) {
			struct content *content = content_of(store, data, SIZE, 1 + round % 2);
			struct content *former = object_content(object);
			uint64_t dropped;

			assert_int_equal(describe(object, content, &dropped), 0);
			content_put(content);
			if (round % 5 == 0)
				assert_int_equal(object_disown(object, false), 0);
			if (round % 7 == 0)
				store_clear(store, kept_path, NULL);
			content_put(former);
			write_units(object, data, 0, UINT32_MAX);
		}
		assert_true(object_complete(object));
		assert_int_equal(store_flush(store), 0);
		used = usage(store).used;
		if (options.unlinked)
			assert_in_range(used, before - 100000, before + 200000);
		else
			/* Directories and the lock take a few blocks. */
			assert_in_range(used, disk_usage() - 20000, disk_usage() + 100000);
		object_put(object);
		store_clear(store, kept_path, NULL);
		/* The index grows meanwhile: segments are entered in the background. */
		assert_in_range(usage(store).used, 0, used - SIZE + 100000);
		store_close(store);
	}
	free(data);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(content_without_data_is_kept),
		TEST(content_goes_last),
		TEST(content_is_not_evicted_while_referenced),
		TEST(many_referenced_contents_do_not_stop_eviction),
		TEST(pinned_content_stays),
		TEST(packed_content_goes_before_what_describes_it),
		TEST(disowned_object_keeps_what_fits),
		TEST(disowned_object_loses_what_does_not_fit),
		TEST(disowned_packed_content_is_kept),
		TEST(cleared_content_goes),
		TEST(cleared_packed_content_goes),
		TEST(superseded_content_goes),
		TEST(unlinked_store_has_no_names_for_it),
		TEST(nothing_is_counted_twice_or_forgotten),
	};

	log_open("/dev/null", LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
