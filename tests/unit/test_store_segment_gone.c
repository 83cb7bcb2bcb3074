/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Segments are not found when what was held of them is gone, damaged, or described by something
 * else; and that they were found keeps nothing that has to go.
 */
#include "tests/unit/store_segment_fixture.h"

/* ---- what is not found any more ---- */

/* A found segment as well: it has nothing, and reads nothing. */
static void check_gone(struct store *store, const struct ids *ids, struct store_segment *segment,
		       const unsigned char *data)
{
	uint64_t words[STORE_SEGMENT_WORDS];

	assert_int_equal(store_segment_held(segment, words), 0);
	assert_int_equal(words[0], 0);
	assert_int_equal(blocks_right(segment, data), 0);
	assert_int_equal(held_of_all(store, ids), 0);
}

static void check_cleared(unsigned version)
{
	struct store *store = fixture_open(LIMIT);
	unsigned char *data = make_octets(BIG, 1);
	struct ids *ids = ids_of(data, BIG, version);
	struct object *object = make_described(store, "f", data, BIG, version);
	struct store_segment *segment;

	assert_int_equal(find_id(store, ids->list, &segment), 0);
	assert_int_equal(store_clear(store, "f", NULL), 0);
	check_gone(store, ids, segment, data);
	/* Who has it reads on, and what comes is found again. */
	write_units(object, data, 0, 1);
	assert_int_equal(store_flush(store), 0);
	assert_int_equal(blocks_right(segment, data), 1);
	assert_int_equal(held_of_all(store, ids), 1);
	wait_segments(store, ids->count);
	store_segment_put(segment);
	object_put(object);
	/* Nobody has it. That it was found does not keep it. */
	assert_int_equal(held_of_all(store, ids), 1);
	assert_int_equal(store_clear(store, NULL, NULL), 0);
	assert_int_equal(count_files("data"), 0);
	assert_int_equal(held_of_all(store, ids), 0);
	wait_segments(store, 0);
	free(ids);
	free(data);
	store_close(store);
}

static void cleared_segments_are_not_found(void **state)
{
	(void)state;
	check_cleared(1);
	fixture_teardown(NULL);
	fixture_setup(NULL);
	check_cleared(2);
}

static void check_disowned(unsigned version)
{
	struct store *store = fixture_open(LIMIT);
	unsigned char *data = make_octets(BIG, 1);
	struct ids *ids = ids_of(data, BIG, version);
	struct object *object = make_described(store, "f", data, BIG, version);
	struct store_segment *segment;

	assert_int_equal(find_id(store, ids->list, &segment), 0);
	assert_int_equal(object_disown(object, true), 0);
	assert_true(object_complete(object));
	check_gone(store, ids, segment, data);
	wait_segments(store, 0);
	store_segment_put(segment);
	object_put(object);
	free(ids);
	free(data);
	store_close(store);
}

static void disowned_segments_are_not_found(void **state)
{
	(void)state;
	check_disowned(1);
	fixture_teardown(NULL);
	fixture_setup(NULL);
	check_disowned(2);
}

static void other_content_information_has_other_segments(void **state)
{
	struct store *store = fixture_open(LIMIT);
	unsigned char *data = make_octets(BIG, 1);
	struct ids *ids[2] = {ids_of(data, BIG, 1), ids_of(data, BIG, 2)};
	struct object *object = make_described(store, "f", data, BIG, 1);
	struct store_segment *segment;

	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		const struct ids *now = ids[i % 2], *next = ids[(i + 1) % 2];
		struct content *content = content_of(store, data, BIG, 1 + (i + 1) % 2);
		uint64_t dropped;

		assert_int_equal(find_id(store, now->list, &segment), 0);
		assert_int_equal(describe(object, content, &dropped), 0);
		check_gone(store, now, segment, data);
		assert_int_equal(held_of_all(store, next), cutting_count(object_cutting(object)));
		store_segment_put(segment);
		content_put(content);
	}
	object_put(object);
	free(ids[0]);
	free(ids[1]);
	free(data);
	store_close(store);
}

static void superseded_segments_are_not_found(void **state)
{
	struct store *store = fixture_open(LIMIT);
	unsigned char *data = make_octets(BIG, 1);
	struct ids *ids = ids_of(data, BIG, 2);
	struct object *former = make_described(store, "f", data, BIG, 2), *object;
	struct store_segment *segment;

	(void)state;
	assert_int_equal(find_id(store, ids->list, &segment), 0);
	assert_int_equal(held_of_all(store, ids), ids->count);
	assert_int_equal(store_object(store, "f", "v2", BIG, &object), 0);
	store_supersede(store, object);
	assert_int_equal(held_of_all(store, ids), 0);
	/* Who has it reads on. */
	assert_int_equal(blocks_right(segment, data), 1);
	object_put(former);
	store_segment_put(segment);
	assert_int_equal(count_files("data"), 0);
	wait_segments(store, 0);
	object_put(object);
	free(ids);
	free(data);
	store_close(store);
}

static void evicted_segments_are_not_found(void **state)
{
	struct store *store = fixture_open(16 * MIB);
	unsigned char *data = make_octets(BIG, 1);
	struct ids *ids = ids_of(data, BIG, 2);
	struct object *object = make_described(store, "f", data, BIG, 2);
	struct store_segment *segment;
	char other[32];

	(void)state;
	assert_int_equal(find_id(store, ids->list, &segment), 0);
	assert_int_equal(held_of_all(store, ids), ids->count);
	object_put(object);
	for (int i = 0; i < 40; i++) {
		fixture_pass(100);
		snprintf(other, sizeof(other), "p%d", i);
		write_object(store, other, (uint64_t)i, MIB);
		assert_true(disk_usage() <= 16 * MIB);
	}
	check_gone(store, ids, segment, data);
	store_segment_put(segment);
	assert_int_equal(store_find(store, "f", "v1", BIG, &object), 0);
	object_put(object);
	/* With nothing left of it what describes it goes too. */
	fixture_pass(100000);
	store_expire(store);
	assert_int_equal(store_find(store, "f", "v1", BIG, &object), -ENOENT);
	wait_segments(store, 0);
	free(ids);
	free(data);
	store_close(store);
}

static void what_was_found_goes_with_age_like_anything_else(void **state)
{
	struct store *store = fixture_open(LIMIT);
	unsigned char *data = make_octets(BIG, 1);
	struct ids *ids = ids_of(data, BIG, 2);
	struct object *object;

	(void)state;
	object_put(make_described(store, "f", data, BIG, 2));
	assert_int_equal(held_of_all(store, ids), ids->count);
	fixture_pass(100000);
	store_expire(store);
	assert_int_equal(store_find(store, "f", "v1", BIG, &object), -ENOENT);
	assert_int_equal(count_files("data"), 0);
	free(ids);
	free(data);
	store_close(store);
}

/* What describes it must make room for what is wished for. */
static void what_was_found_does_not_stop_eviction(void **state)
{
	struct store *store = fixture_open(8 * MIB);
	unsigned char *data = make_octets(MANY * MANY_OCTETS, 1), *information;
	struct object *object, *other;
	struct ids *ids;
	uint32_t unit = 0;
	size_t size;
	int error;

	(void)state;
	information = information_of_many(data, &size, &ids);
	object = describe_octets(store, "f", MANY * MANY_OCTETS, information, size);
	write_units(object, data, 0, 1);
	object_put(object);
	assert_int_equal(held_of_all(store, ids), 1);
	assert_int_equal(store_pin(store, "other", true), 0);
	other = make_object(store, "other", 16 * MIB);
	do {
		assert_int_equal(find_id(store, &ids->list[1], &(struct store_segment *){NULL}),
				 -ENOENT);
		error = write_unit(other, 1, unit++);
	} while (error == 0);
	assert_int_equal(error, -ENOSPC);
	assert_int_equal(store_find(store, "f", "v1", MANY * MANY_OCTETS, &object), -ENOENT);
	assert_int_equal(count_content_files(), 0);
	object_put(other);
	free(ids);
	free(information);
	free(data);
	store_close(store);
}

/* ---- damage ---- */

static void damaged_block_is_dropped(void **state)
{
	unsigned char *data = make_octets(BIG, 1);
	unsigned char *read = malloc(CUTTING_UNIT_MAX);
	uint32_t length;

	(void)state;
	for (unsigned version = 1; version <= 2; version++) {
		struct store *store = fixture_open(LIMIT);
		struct ids *ids = ids_of(data, BIG, version);
		struct object *object = make_described(store, "f", data, BIG, version);
		const struct content_segment *description;
		struct store_segment *segment;
		uint32_t block = version == 1 ? 7 : 0;

		assert_int_equal(find_id(store, &ids->list[version == 1 ? 0 : 9], &segment), 0);
		description = store_segment_description(segment);
		alter(largest_file(),
		      (off_t)(description->offset + (uint64_t)block * CUTTING_UNIT) + 100, "?!", 2);
		assert_int_equal(store_segment_read(segment, block, read, &length), -EBADMSG);
		assert_int_equal(store_segment_read(segment, block, read, &length), -ENOENT);
		assert_int_equal(usage(store).checksum_errors, 1);
		assert_int_equal(blocks_right(segment, data), description->blocks - 1);
		store_segment_put(segment);
		assert_int_equal(held_of_all(store, ids),
				 cutting_count(object_cutting(object)) - 1);
		object_put(object);
		store_clear(store, NULL, NULL);
		free(ids);
		store_close(store);
	}
	free(read);
	free(data);
}

static void damaged_content_information_is_not_answered(void **state)
{
	unsigned char *data = make_octets(BIG, 1);

	(void)state;
	for (unsigned version = 1; version <= 2; version++) {
		struct ids *ids = ids_of(data, BIG, version);
		struct store_segment *segment;
		struct store *store;

		leave_described(data, BIG, version);
		alter(content_file_path(), 60, "?!", 2);
		store = fixture_open(LIMIT);
		if (version == 1)
			assert_int_equal(store_verify(store, NULL, NULL, NULL, NULL), 0);
		else
			assert_int_equal(find_id(store, ids->list, &segment), -ENOENT);
		assert_int_equal(held_of_all(store, ids), 0);
		store_clear(store, NULL, NULL);
		free(ids);
		store_close(store);
	}
	free(data);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(cleared_segments_are_not_found),
		TEST(disowned_segments_are_not_found),
		TEST(other_content_information_has_other_segments),
		TEST(superseded_segments_are_not_found),
		TEST(evicted_segments_are_not_found),
		TEST(what_was_found_goes_with_age_like_anything_else),
		TEST(what_was_found_does_not_stop_eviction),
		TEST(damaged_block_is_dropped),
		TEST(damaged_content_information_is_not_answered),
	};

	log_open("/dev/null", LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
