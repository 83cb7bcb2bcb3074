/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Segments are found by their ids, with what is held of them, whatever object they are of, and
 * while all of it changes.
 */
#include "tests/unit/store_segment_fixture.h"

#include <pthread.h>

/* Lies in a pack. */
#define SMALL 30000

/* ---- what is found ---- */

static void check_nothing_answers(struct store *store, const struct id *id)
{
	struct store_segment_summary summary;
	struct store_segment *segment;
	struct id other = *id;

	other.data[id->size - 1] ^= 1;
	assert_int_equal(held_of(store, &other), 0);
	other = *id;
	other.data[0] ^= 1;
	assert_int_equal(held_of(store, &other), 0);
	for (size_t size = 0; size < id->size; size += 8)
		assert_int_equal(store_segment_find(store, id->data, size, &segment), -ENOENT);
	other.size = 0;
	assert_int_equal(held_of(store, &other), 0);
	assert_int_equal(store_segment_find(store, other.data, 1000, &segment), -ENOENT);
	assert_int_equal(store_segment_look(store, other.data, 1000, &summary), 0);
	assert_int_equal(summary.held, 0);
}

/* Blocks 0 to 9 and 70 to 79 of one segment. */
static void blocks_of_version_1_are_found_as_they_come(void **state)
{
	struct store *store = fixture_open(LIMIT);
	unsigned char *data = make_octets(BIG, 1);
	struct ids *ids = ids_of(data, BIG, 1);
	struct object *object = make_object(store, "f", BIG);
	struct content *content = content_of(store, data, BIG, 1);
	const struct content_segment *description;
	uint64_t words[STORE_SEGMENT_WORDS], dropped;
	struct store_segment *segment;

	(void)state;
	assert_int_equal(ids->count, 1);
	assert_int_equal(held_of(store, ids->list), 0);
	wait_segments(store, 0);
	write_units(object, data, 0, 10);
	/* Octets that nothing vouches for are not given to others. */
	assert_int_equal(held_of(store, ids->list), 0);
	assert_int_equal(describe(object, content, &dropped), 0);
	wait_segments(store, 1);
	assert_int_equal(held_of(store, ids->list), 10);
	assert_int_equal(find_id(store, ids->list, &segment), 0);
	write_units(object, data, 70, 80);
	assert_int_equal(store_segment_held(segment, words), 20);
	assert_int_equal(words[0], 0x3ff);
	assert_int_equal(words[1], 0x3ff << 6);
	for (unsigned i = 2; i < STORE_SEGMENT_WORDS; i++)
		assert_int_equal(words[i], 0);
	description = store_segment_description(segment);
	assert_int_equal(description->offset, 0);
	assert_int_equal(description->length, BIG);
	assert_int_equal(description->blocks, cutting_count(object_cutting(object)));
	assert_int_equal(store_segment_version(segment), 1);
	assert_int_equal(blocks_right(segment, data), 20);
	assert_int_equal(store_segment_read(segment, description->blocks, words, NULL), -ENOENT);
	assert_int_equal(store_segment_read(segment, UINT32_MAX, words, NULL), -ENOENT);
	assert_int_equal(held_of(store, ids->list), 20);
	write_units(object, data, 0, UINT32_MAX);
	assert_int_equal(blocks_right(segment, data), description->blocks);
	store_segment_put(segment);
	store_segment_put(NULL);
	check_nothing_answers(store, ids->list);
	content_put(content);
	object_put(object);
	free(ids);
	free(data);
	store_close(store);
}

static void segments_of_version_2_are_found_as_they_come(void **state)
{
	struct store *store = fixture_open(LIMIT);
	unsigned char *data = make_octets(BIG, 1);
	struct ids *ids = ids_of(data, BIG, 2);
	struct content *content = content_of(store, data, BIG, 2);
	struct object *object = make_object(store, "f", BIG);
	uint64_t dropped;

	(void)state;
	assert_true(ids->count > 40);
	assert_int_equal(describe(object, content, &dropped), 0);
	wait_segments(store, ids->count);
	assert_int_equal(held_of_all(store, ids), 0);
	for (uint32_t i = 0; i < ids->count; i += 3)
		assert_int_equal(write_at(object, data, i), 0);
	object_put(object);
	for (uint32_t i = 0; i < ids->count; i++) {
		struct store_segment *segment;

		assert_int_equal(held_of(store, &ids->list[i]), i % 3 == 0);
		if (i % 3 != 0)
			continue;
		assert_int_equal(find_id(store, &ids->list[i], &segment), 0);
		assert_int_equal(store_segment_version(segment), 2);
		assert_int_equal(store_segment_description(segment)->blocks, 1);
		assert_int_equal(blocks_right(segment, data), 1);
		store_segment_put(segment);
	}
	check_nothing_answers(store, &ids->list[0]);
	content_put(content);
	free(ids);
	free(data);
	store_close(store);
}

static void each_segment_of_a_long_content_has_its_own_blocks(void **state)
{
	const size_t size = 70 * MIB + 5;
	struct store *store = fixture_open(128 * MIB);
	unsigned char *data = make_octets(size, 1);
	struct ids *ids = ids_of(data, size, 1);
	struct content *content = content_of(store, data, size, 1);
	struct object *object = make_object(store, "f", size);
	struct store_segment *segment;
	uint64_t words[STORE_SEGMENT_WORDS], dropped;

	(void)state;
	assert_int_equal(ids->count, 3);
	assert_int_equal(describe(object, content, &dropped), 0);
	assert_int_equal(write_at(object, data, 512 + 511), 0);
	write_units(object, data, 1024 + 90, 1024 + 98);
	assert_int_equal(held_of(store, &ids->list[0]), 0);
	assert_int_equal(held_of(store, &ids->list[1]), 1);
	assert_int_equal(held_of(store, &ids->list[2]), 7);
	assert_int_equal(find_id(store, &ids->list[1], &segment), 0);
	assert_int_equal(store_segment_held(segment, words), 1);
	assert_int_equal(words[7], 1ull << 63);
	assert_int_equal(blocks_right(segment, data), 1);
	store_segment_put(segment);
	assert_int_equal(find_id(store, &ids->list[2], &segment), 0);
	assert_int_equal(store_segment_description(segment)->blocks, 97);
	assert_int_equal(blocks_right(segment, data), 7);
	store_segment_put(segment);
	content_put(content);
	object_put(object);
	free(ids);
	free(data);
	store_close(store);
}

static void what_lies_in_a_pack_is_found(void **state)
{
	struct store *store = fixture_open(LIMIT);
	unsigned char *data = make_octets(SMALL, 1);

	(void)state;
	for (unsigned version = 1; version <= 2; version++) {
		struct object *object =
			make_described(store, version == 1 ? "1" : "2", data, SMALL, version);
		struct ids *ids = ids_of(data, SMALL, version);
		struct store_segment *segment;

		object_put(object);
		assert_int_equal(held_of(store, ids->list), 1);
		assert_int_equal(find_id(store, ids->list, &segment), 0);
		assert_int_equal(store_segment_version(segment), version);
		assert_int_equal(blocks_right(segment, data), 1);
		assert_int_equal(store_clear(store, NULL, NULL), 0);
		assert_int_equal(blocks_right(segment, data), 0);
		store_segment_put(segment);
		assert_int_equal(held_of(store, ids->list), 0);
		free(ids);
	}
	free(data);
	store_close(store);
}

static void the_object_with_most_of_it_is_taken(void **state)
{
	struct store *store = fixture_open(LIMIT);
	unsigned char *data = make_octets(BIG, 1);
	struct ids *ids = ids_of(data, BIG, 1);
	struct object *objects[3];
	struct store_segment *segment;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		char path[8];
		struct content *content = content_of(store, data, BIG, 1);
		uint64_t dropped;

		snprintf(path, sizeof(path), "%u", i);
		objects[i] = make_object(store, path, BIG);
		write_units(objects[i], data, 0, i == 1 ? 20 : 5 + i);
		assert_int_equal(describe(objects[i], content, &dropped), 0);
		content_put(content);
		assert_int_equal(held_of(store, ids->list), i == 0 ? 5 : 20);
	}
	write_units(objects[2], data, 0, 30);
	assert_int_equal(held_of(store, ids->list), 30);
	assert_int_equal(find_id(store, ids->list, &segment), 0);
	assert_int_equal(blocks_right(segment, data), 30);
	store_segment_put(segment);
	assert_int_equal(store_clear(store, "2", NULL), 0);
	assert_int_equal(held_of(store, ids->list), 20);
	write_units(objects[0], data, 0, UINT32_MAX);
	assert_int_equal(held_of(store, ids->list), cutting_count(object_cutting(objects[0])));
	for (unsigned i = 0; i < 3; i++)
		object_put(objects[i]);
	free(ids);
	free(data);
	store_close(store);
}

static void same_segment_many_times_in_one_content_is_found(void **state)
{
	struct store *store = fixture_open(LIMIT);
	unsigned char *data = calloc(1, BIG);
	struct ids *ids = ids_of(data, BIG, 2);
	struct object *object = make_described(store, "f", data, BIG, 2);

	(void)state;
	assert_memory_equal(ids->list[0].data, ids->list[1].data, 32);
	assert_in_range(usage(store).segments, 2, ids->count - 1);
	assert_int_equal(held_of(store, &ids->list[0]), 1);
	assert_int_equal(held_of(store, &ids->list[ids->count - 1]), 1);
	object_put(object);
	free(ids);
	free(data);
	store_close(store);
}

static void thousands_of_segments_are_found(void **state)
{
	struct store *store = fixture_open(MANY_LIMIT);
	unsigned char *data = make_octets(MANY * MANY_OCTETS, 1), *information;
	struct object *object;
	struct ids *ids;
	size_t size;

	(void)state;
	information = information_of_many(data, &size, &ids);
	object = describe_octets(store, "f", MANY * MANY_OCTETS, information, size);
	wait_segments(store, MANY);
	write_units(object, data, 0, MANY / 2);
	object_put(object);
	assert_int_equal(held_of_all(store, ids), MANY / 2);
	store_close(store);
	store = fixture_open(MANY_LIMIT);
	wait_segments(store, MANY);
	assert_int_equal(held_of_all(store, ids), MANY / 2);
	free(ids);
	free(information);
	free(data);
	store_close(store);
}

/* ---- all at once ---- */

struct crowd {
	struct store *store;
	struct ids *ids[2];
	unsigned char *data;
	bool stop; /* atomic */
	uint32_t blocks;
};

enum { CROWD_ROUNDS = 40, CROWD_OCTETS = MIB };

static void *crowd_finds(void *context)
{
	struct crowd *crowd = context;
	uint32_t found = 0;

	while (!__atomic_load_n(&crowd->stop, __ATOMIC_RELAXED))
		for (unsigned version = 0; version < 2; version++)
			for (uint32_t i = 0; i < crowd->ids[version]->count; i++) {
				const struct id *id = &crowd->ids[version]->list[i];
				struct store_segment_summary summary;
				struct store_segment *segment;

				assert_int_equal(store_segment_look(crowd->store, id->data,
								    id->size, &summary),
						 0);
				if (find_id(crowd->store, id, &segment) != 0)
					continue;
				assert_int_equal(store_segment_version(segment), version + 1);
				found += blocks_right(segment, crowd->data);
				store_segment_put(segment);
			}
	__atomic_fetch_add(&crowd->blocks, found, __ATOMIC_RELAXED);
	return NULL;
}

static void *crowd_changes(void *context)
{
	struct crowd *crowd = context;

	for (unsigned round = 0; round < CROWD_ROUNDS; round++) {
		struct object *object = make_object(crowd->store, "f", CROWD_OCTETS);
		struct content *content =
			content_of(crowd->store, crowd->data, CROWD_OCTETS, 1 + round % 2);
		uint64_t dropped;

		assert_int_equal(describe(object, content, &dropped), 0);
		content_put(content);
		write_units(object, crowd->data, 0, UINT32_MAX);
		if (round % 5 == 1)
			assert_int_equal(object_disown(object, false), 0);
		if (round % 3 == 1)
			assert_int_equal(store_clear(crowd->store, "f", NULL), 0);
		object_put(object);
		if (round % 7 == 3)
			assert_int_equal(store_clear(crowd->store, NULL, NULL), 0);
		fixture_pass(7);
	}
	return NULL;
}

static void finding_goes_on_while_all_changes(void **state)
{
	struct crowd crowd = {.store = fixture_open(16 * MIB)};
	pthread_t finders[3], changer;

	(void)state;
	crowd.data = make_octets(CROWD_OCTETS, 1);
	for (unsigned version = 0; version < 2; version++)
		crowd.ids[version] = ids_of(crowd.data, CROWD_OCTETS, version + 1);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&finders[i], NULL, crowd_finds, &crowd), 0);
	assert_int_equal(pthread_create(&changer, NULL, crowd_changes, &crowd), 0);
	pthread_join(changer, NULL);
	__atomic_store_n(&crowd.stop, true, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < 3; i++)
		pthread_join(finders[i], NULL);
	assert_true(crowd.blocks > 0);
	assert_int_equal(usage(crowd.store).checksum_errors, 0);
	for (unsigned version = 0; version < 2; version++)
		free(crowd.ids[version]);
	free(crowd.data);
	store_close(crowd.store);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(blocks_of_version_1_are_found_as_they_come),
		TEST(segments_of_version_2_are_found_as_they_come),
		TEST(each_segment_of_a_long_content_has_its_own_blocks),
		TEST(what_lies_in_a_pack_is_found),
		TEST(the_object_with_most_of_it_is_taken),
		TEST(same_segment_many_times_in_one_content_is_found),
		TEST(thousands_of_segments_are_found),
		TEST(finding_goes_on_while_all_changes),
	};

	log_open("/dev/null", LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
