/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A consumer's content: which of it is here, what comes from him, and what goes with a tag.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cache/store_segment.h"
#include "tests/unit/parts_scene.h"

/* ---- what the consumer brings ---- */

static void what_is_written_is_here(void **state)
{
	struct fixture *fixture = *state;

	for (unsigned version = 1; version <= 2; version++) {
		struct parts *parts = open_small(fixture, version, &owner_a);
		assert_extent(parts, 0, SMALL, SMALL, false);
		assert_int_equal(read_at(parts, 0, SMALL), 0);
		uint64_t end = write_block(fixture, parts, version, SMALL, 3 * UNIT);
		struct content *content = range_of(fixture, version, SMALL, 0, SMALL);
		struct content_block block;
		assert_int_equal(content_block_at(content, 3 * UNIT, &block), 0);
		content_put(content);
		if (block.offset > 0)
			assert_extent(parts, 0, SMALL, block.offset, false);
		assert_extent(parts, block.offset, SMALL, block.length, true);
		assert_extent(parts, block.offset + 5, SMALL, block.length - 5, true);
		assert_extent(parts, block.offset + 5, block.offset + 7, 2, true);
		assert_extent(parts, end, SMALL, SMALL - end, false);
		assert_int_equal(read_at(parts, block.offset + 10, SMALL), block.length - 10);
		write_range(fixture, parts, version, SMALL, 0, SMALL);
		assert_extent(parts, 0, SMALL, SMALL, true);
		assert_int_equal(read_at(parts, 0, SMALL + 100), SMALL);
		assert_int_equal(read_at(parts, SMALL - 1, 100), 1);
		assert_int_equal(read_at(parts, SMALL, 100), 0);
		parts_close(parts);
	}
	rest(fixture);
}

static void another_consumer_has_it_too(void **state)
{
	struct fixture *fixture = *state;

	for (unsigned version = 1; version <= 2; version++) {
		struct parts *parts = open_small(fixture, version, &owner_a);
		struct parts *other = open_small(fixture, version, &other_user);
		write_range(fixture, parts, version, SMALL, 0, SMALL);
		assert_int_equal(read_at(other, 0, SMALL), SMALL);
		parts_close(parts);
		parts_close(other);
		parts = open_small(fixture, version, &owner_b);
		assert_int_equal(read_at(parts, 0, SMALL), SMALL);
		parts_close(parts);
	}
	rest(fixture);
}

/* Peers ask by segment. */
static void it_is_served_to_peers(void **state)
{
	struct fixture *fixture = *state;

	for (unsigned version = 1; version <= 2; version++) {
		struct parts *parts = open_range(fixture, version, SMALL, 0, SMALL, &owner_a);
		struct content *content = range_of(fixture, version, SMALL, 0, SMALL);
		struct store_segment *found;
		struct content_segment segment;
		uint8_t id[DIGEST_SIZE_MAX];
		assert_int_equal(content_segment(content, 0, &segment), 0);
		assert_int_equal(content_segment_id(content, &segment, id), 0);
		assert_int_equal(store_segment_find(fixture->store, id, 32, &found), -ENOENT);
		write_block(fixture, parts, version, SMALL, 0);
		assert_int_equal(store_segment_find(fixture->store, id, 32, &found), 0);
		store_segment_put(found);
		content_put(content);
		parts_close(parts);
	}
	rest(fixture);
}

static void what_is_not_a_block_is_refused(void **state)
{
	struct fixture *fixture = *state;
	struct parts *parts = open_range(fixture, 1, LARGE, SEGMENT, SEGMENT, &owner_a);
	struct content *content = range_of(fixture, 1, LARGE, 0, LARGE);
	unsigned char data[UNIT];
	struct content_block block;

	/* It is right, but not listed there. */
	assert_int_equal(content_block_at(content, 0, &block), 0);
	for (uint32_t i = 0; i < UNIT; i++)
		data[i] = octet_at(i);
	assert_int_equal(parts_write(parts, NULL, &block, data), -EBADMSG);
	content_put(content);
	parts_close(parts);
	rest(fixture);
}

/* ---- ranges ---- */

/* Begins and ends in the middle of segments and blocks: two are listed partly, one wholly. */
static void a_range_has_several_places(void **state)
{
	struct fixture *fixture = *state;
	uint64_t start = SEGMENT - 3 * UNIT + 77, end = 2 * SEGMENT + UNIT + 99;
	struct content *content = exact_range_of(fixture, start, end - start);
	struct parts *parts = open_content(fixture, content, &owner_a);
	unsigned char *data = malloc(10 * UNIT);

	content_put(content);

	assert_extent(parts, start, end, end - start, false);
	write_block(fixture, parts, 1, LARGE, start);
	write_block(fixture, parts, 1, LARGE, SEGMENT - 1);
	assert_extent(parts, start, end, UNIT - 77, true);
	assert_extent(parts, start + UNIT, end, UNIT - 77, false);
	write_block(fixture, parts, 1, LARGE, SEGMENT);
	write_block(fixture, parts, 1, LARGE, SEGMENT - UNIT - 1);
	assert_extent(parts, start, end, 4 * UNIT - 77, true);
	assert_int_equal(read_at(parts, start, 10 * UNIT), 4 * UNIT - 77);
	write_range(fixture, parts, 1, LARGE, 2 * SEGMENT - UNIT, end);
	assert_extent(parts, 2 * SEGMENT - UNIT, end, 2 * UNIT + 99, true);
	/* Not beyond the range, though the block goes on. */
	assert_int_equal(read_at(parts, 2 * SEGMENT - 10, 10 * UNIT), UNIT + 109);
	assert_int_equal(parts_read(parts, end, data, 10), -ENOENT);
	free(data);
	parts_close(parts);
	/* The same range, of somebody else; and another one that lists these blocks, among others:
	 * what it lists partly is its own. (Of the segment that it lists wholly the last block is
	 * found by the id of the one before, which is alike.) */
	content = exact_range_of(fixture, start, end - start);
	parts = open_content(fixture, content, &other_user);
	content_put(content);
	assert_int_equal(read_at(parts, start, 10 * UNIT), 4 * UNIT - 77);
	parts_close(parts);
	content = exact_range_of(fixture, SEGMENT - 2 * UNIT, SEGMENT + 3 * UNIT);
	parts = open_content(fixture, content, &owner_b);
	content_put(content);
	assert_int_equal(read_at(parts, SEGMENT - 2 * UNIT, UNIT), 0);
	assert_int_equal(read_at(parts, SEGMENT - UNIT, 4 * UNIT), 2 * UNIT);
	parts_close(parts);
	/* And the whole: what was listed wholly is found by ids, what was not is not. (Segments of
	 * this content are alike: the last block of the first is found by that of the second.) */
	parts = open_range(fixture, 1, LARGE, 0, LARGE, &owner_b);
	assert_int_equal(read_at(parts, SEGMENT, 10 * UNIT), UNIT);
	assert_int_equal(read_at(parts, SEGMENT - 2 * UNIT, UNIT), 0);
	assert_int_equal(read_at(parts, SEGMENT - UNIT, 2 * UNIT), 2 * UNIT);
	parts_close(parts);
	rest(fixture);
}

static void a_range_of_version_two_is_whole_segments(void **state)
{
	struct fixture *fixture = *state;
	struct parts *parts = open_range(fixture, 2, SMALL, 400000, 300000, &owner_a);

	assert_extent(parts, 400000, 700000, 300000, false);
	write_range(fixture, parts, 2, SMALL, 400000, 700000);
	assert_extent(parts, 400000, 700000, 300000, true);
	assert_int_equal(read_at(parts, 400000, 400000), 300000);
	assert_int_equal(read_at(parts, 500001, 10), 10);
	parts_close(parts);
	parts = open_small(fixture, 2, &owner_b);
	assert_int_equal(read_at(parts, 400000, 300000), 300000);
	parts_close(parts);
	rest(fixture);
}

/* Nothing binds a list that is not complete to its segment: whoever makes one up poisons nobody. */
static void a_wrong_list_harms_nobody_else(void **state)
{
	struct fixture *fixture = *state;
	struct information information = encode(1, SMALL, 0, 3 * UNIT);
	unsigned char wrong[UNIT] = "not the block", wrong_read[UNIT];

	assert_int_equal(digest_hash(DIGEST_SHA256, wrong, UNIT,
				     information.data + information.size - 2 * 32),
			 0);
	struct content *content = take_in(fixture, &information);
	struct parts *liar = open_content(fixture, content, &other_user);
	struct parts *parts = open_range(fixture, 1, SMALL, 0, 3 * UNIT, &owner_a);
	struct content_block block;
	assert_int_equal(content_block_at(content, UNIT, &block), 0);
	write_block(fixture, parts, 1, SMALL, UNIT);
	write_block(fixture, parts, 1, SMALL, 0);
	/* What is here stays, whatever the liar does; nor does he get it by his list. */
	assert_int_equal(parts_read(liar, UNIT, wrong_read, UNIT), -ENOENT);
	assert_int_equal(parts_write(liar, NULL, &block, wrong), 0);
	assert_int_equal(parts_read(liar, UNIT, wrong_read, UNIT), UNIT);
	assert_memory_equal(wrong_read, wrong, UNIT);
	assert_int_equal(read_at(parts, UNIT, UNIT), UNIT);
	assert_int_equal(read_at(parts, 0, 3 * UNIT), 2 * UNIT);
	assert_int_equal(parts_flush(fixture->fetch, fixture->store, &other_user), 0);
	/* Nor by what is found elsewhere. */
	struct parts *whole = open_small(fixture, 1, &owner_a);
	write_range(fixture, whole, 1, SMALL, 0, SMALL);
	assert_int_equal(parts_read(liar, UNIT, wrong_read, UNIT), -ENOENT);
	assert_int_equal(parts_read(liar, 0, wrong_read, UNIT), UNIT);
	parts_close(whole);
	parts_close(liar);
	parts_close(parts);
	content_put(content);
	rest(fixture);
}

/* ---- elsewhere ---- */

static struct object *make_file(struct fixture *fixture, unsigned version, uint64_t size)
{
	struct content *content = range_of(fixture, version, size, 0, size);
	struct object_survey *survey;
	struct object *object;
	unsigned char data[CUTTING_UNIT_MAX];

	assert_int_equal(
		store_object(fixture->store, "a/file", version == 1 ? "1" : "2", size, &object), 0);
	assert_int_equal(object_survey(object, content, NULL, NULL, &survey), 0);
	assert_int_equal(object_describe(survey, NULL), 0);
	content_put(content);
	const struct cutting *cutting = object_cutting(object);
	for (uint32_t unit = 0; unit < cutting_count(cutting); unit++) {
		uint64_t offset = cutting_offset(cutting, unit);
		for (uint32_t i = 0; i < cutting_length(cutting, unit); i++)
			data[i] = octet_at(offset + i);
		assert_int_equal(object_write(object, unit, data, cutting_length(cutting, unit)),
				 0);
	}
	return object;
}

static void what_a_file_of_the_mount_holds_is_here(void **state)
{
	struct fixture *fixture = *state;

	for (unsigned version = 1; version <= 2; version++) {
		struct object *object = make_file(fixture, version, SMALL);
		struct parts *parts = open_small(fixture, version, &owner_a);
		assert_extent(parts, 0, SMALL, SMALL, true);
		assert_extent(parts, 70000, SMALL - 5, SMALL - 70005, true);
		assert_int_equal(read_at(parts, 0, SMALL), SMALL);
		assert_int_equal(read_at(parts, 123456, 100), 100);
		parts_close(parts);
		parts = open_range(fixture, version, SMALL, 200000, 300001, &owner_a);
		assert_int_equal(read_at(parts, 200000, SMALL), 300001);
		assert_extent(parts, 200000, 500001, 300001, true);
		/* Some of it goes; it is asked for again. */
		uint32_t unit = cutting_unit_at(object_cutting(object), 400000);
		uint64_t gone = cutting_offset(object_cutting(object), unit);
		object_discard(object, unit, 1);
		assert_extent(parts, 200000, 500001, gone - 200000, true);
		assert_int_equal(read_at(parts, 200000, SMALL), gone - 200000);
		parts_close(parts);
		object_put(object);
	}
	rest(fixture);
}

/* Neither has all: the own object has what a file has not. */
static void what_is_in_two_places_is_read_as_one(void **state)
{
	struct fixture *fixture = *state;

	for (unsigned version = 1; version <= 2; version++) {
		struct object *object = make_file(fixture, version, SMALL);
		const struct cutting *cutting = object_cutting(object);
		struct parts *parts = open_small(fixture, version, &owner_a);
		object_discard(object, 2, 2);
		uint64_t from = cutting_offset(cutting, 2), to = cutting_offset(cutting, 4);
		assert_extent(parts, from, SMALL, to - from, false);
		write_range(fixture, parts, version, SMALL, from, to);
		assert_extent(parts, 0, SMALL, SMALL, true);
		assert_int_equal(read_at(parts, 0, SMALL), SMALL);
		parts_close(parts);
		object_put(object);
	}
	rest(fixture);
}

static void several_segments_elsewhere(void **state)
{
	struct fixture *fixture = *state;
	struct object *object = make_file(fixture, 1, LARGE);
	struct parts *parts = open_range(fixture, 1, LARGE, 0, LARGE, &owner_a);

	assert_extent(parts, 0, LARGE, LARGE, true);
	assert_int_equal(read_at(parts, SEGMENT - 100000, 200000), 200000);
	assert_int_equal(read_at(parts, 2 * SEGMENT - 1, 1 << 20), 200001);
	assert_int_equal(read_at(parts, 7, 1 << 20), 1 << 20);
	parts_close(parts);
	object_put(object);
	rest(fixture);
}

/* ---- counting ---- */

static void what_is_read_counts_as_the_cache_s(void **state)
{
	struct fixture *fixture = *state;
	struct object *object = make_file(fixture, 1, SMALL);
	struct parts *parts = open_small(fixture, 1, &owner_a);

	assert_int_equal(read_at(parts, 0, SMALL), SMALL);
	assert_int_equal(given(fixture, GIVEN_CACHE, false), SMALL);
	assert_int_equal(given(fixture, GIVEN_CACHE, true), 17);
	write_block(fixture, parts, 1, SMALL, 0);
	assert_int_equal(read_at(parts, 0, 100), 100);
	assert_int_equal(given(fixture, GIVEN_CACHE, false), SMALL + 100);
	assert_int_equal(given(fixture, GIVEN_CACHE, true), 17);
	assert_int_equal(given(fixture, GIVEN_PEER, false), 0);
	parts_close(parts);
	object_put(object);
	rest(fixture);
}

/* ---- tags ---- */

static void a_flushed_tag_takes_its_blocks(void **state)
{
	struct fixture *fixture = *state;

	for (unsigned version = 1; version <= 2; version++) {
		struct parts *parts = open_small(fixture, version, &owner_a);
		write_range(fixture, parts, version, SMALL, 0, SMALL);
		assert_int_equal(parts_flush(fixture->fetch, fixture->store, &owner_b), 0);
		assert_int_equal(parts_flush(fixture->fetch, fixture->store, &other_user), 0);
		assert_int_equal(read_at(parts, 0, SMALL), SMALL);
		assert_int_equal(parts_flush(fixture->fetch, fixture->store, &owner_a), 0);
		assert_int_equal(read_at(parts, 0, SMALL), 0);
		assert_extent(parts, 0, SMALL, SMALL, false);
		write_block(fixture, parts, version, SMALL, 0);
		assert_true(read_at(parts, 0, 10) == 10);
		parts_close(parts);
		assert_int_equal(parts_flush(fixture->fetch, fixture->store, &owner_a), 0);
	}
	rest(fixture);
}

static void what_another_tag_has_stays(void **state)
{
	struct fixture *fixture = *state;
	struct parts *parts = open_small(fixture, 1, &owner_a);
	struct parts *other = open_small(fixture, 1, &owner_b);

	write_range(fixture, parts, 1, SMALL, 0, SMALL);
	write_block(fixture, other, 1, SMALL, 2 * UNIT); /* that is here already */
	parts_close(parts);
	assert_int_equal(parts_flush(fixture->fetch, fixture->store, &owner_a), 0);
	assert_extent(other, 0, SMALL, 2 * UNIT, false);
	assert_extent(other, 2 * UNIT, SMALL, UNIT, true);
	assert_int_equal(parts_flush(fixture->fetch, fixture->store, &owner_b), 0);
	assert_extent(other, 0, SMALL, SMALL, false);
	parts_close(other);
	rest(fixture);
}

static void what_a_file_holds_stays(void **state)
{
	struct fixture *fixture = *state;
	struct object *object = make_file(fixture, 1, SMALL);
	struct parts *parts = open_small(fixture, 1, &owner_a);

	write_range(fixture, parts, 1, SMALL, 0, SMALL);
	assert_int_equal(parts_flush(fixture->fetch, fixture->store, &owner_a), 0);
	assert_int_equal(object_cached(object), SMALL);
	assert_int_equal(read_at(parts, 0, SMALL), SMALL);
	parts_close(parts);
	object_put(object);
	rest(fixture);
}

static void tiny_contents_too(void **state)
{
	struct fixture *fixture = *state;

	for (unsigned version = 1; version <= 2; version++) {
		struct parts *parts = open_range(fixture, version, TINY, 0, TINY, &owner_a);
		write_block(fixture, parts, version, TINY, 0);
		assert_extent(parts, 10, TINY, TINY - 10, true);
		assert_int_equal(read_at(parts, 10, TINY), TINY - 10);
		parts_close(parts);
		parts = open_range(fixture, version, TINY, 5, 100, &owner_b);
		assert_int_equal(read_at(parts, 5, TINY), 100);
		assert_int_equal(parts_flush(fixture->fetch, fixture->store, &owner_a), 0);
		assert_extent(parts, 5, 105, 100, false);
		assert_int_equal(read_at(parts, 5, TINY), 0);
		parts_close(parts);
	}
	rest(fixture);
}

static void clearing_takes_all(void **state)
{
	struct fixture *fixture = *state;
	struct parts *parts = open_range(fixture, 1, LARGE, UNIT, SEGMENT, &owner_a);
	uint64_t freed;

	write_range(fixture, parts, 1, LARGE, UNIT, 5 * UNIT);
	write_block(fixture, parts, 1, LARGE, SEGMENT);
	assert_int_equal(store_clear(fixture->store, "", &freed), 0);
	assert_true(freed >= 5 * UNIT);
	assert_int_equal(read_at(parts, UNIT, 5 * UNIT), 0);
	assert_int_equal(read_at(parts, SEGMENT, UNIT), 0);
	write_block(fixture, parts, 1, LARGE, UNIT);
	assert_int_equal(read_at(parts, UNIT, 5 * UNIT), UNIT);
	parts_close(parts);
	rest(fixture);
}

/* ---- at once ---- */

struct worker {
	struct fixture *fixture;
	pthread_t thread;
	unsigned version;
	struct parts_owner owner;
};

static void *work(void *context)
{
	struct worker *worker = context;

	for (unsigned round = 0; round < 10; round++) {
		struct parts *parts = open_small(worker->fixture, worker->version, &worker->owner);
		for (uint64_t offset = 0; offset < SMALL; offset += 3 * UNIT)
			read_at(parts, offset, 2 * UNIT);
		struct content *content =
			range_of(worker->fixture, worker->version, SMALL, 0, SMALL);
		unsigned char *data = malloc(CUTTING_UNIT_MAX);
		for (uint64_t offset = 0; offset < SMALL;) {
			struct content_block block;
			assert_int_equal(content_block_at(content, offset, &block), 0);
			for (uint32_t i = 0; i < block.length; i++)
				data[i] = octet_at(block.offset + i);
			assert_int_equal(parts_write(parts, NULL, &block, data), 0);
			offset += block.length;
		}
		free(data);
		content_put(content);
		read_at(parts, 0, SMALL);
		parts_close(parts);
		assert_int_equal(
			parts_flush(worker->fixture->fetch, worker->fixture->store, &worker->owner),
			0);
	}
	return NULL;
}

static void many_at_once(void **state)
{
	struct worker workers[6];

	hashes_of(1, SMALL);
	hashes_of(2, SMALL);
	for (unsigned i = 0; i < 6; i++) {
		workers[i] = (struct worker){.fixture = *state,
					     .version = i % 2 + 1,
					     .owner = {1000 + i / 2, {(uint8_t)i}}};
		assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
	}
	for (unsigned i = 0; i < 6; i++)
		pthread_join(workers[i].thread, NULL);
	struct parts *parts = open_small(*state, 1, &owner_a);
	assert_extent(parts, 0, SMALL, SMALL, false);
	parts_close(parts);
	rest(*state);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_nearby, teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_is_written_is_here),
		TEST(another_consumer_has_it_too),
		TEST(it_is_served_to_peers),
		TEST(what_is_not_a_block_is_refused),
		TEST(a_range_has_several_places),
		TEST(a_range_of_version_two_is_whole_segments),
		TEST(a_wrong_list_harms_nobody_else),
		TEST(what_a_file_of_the_mount_holds_is_here),
		TEST(what_is_in_two_places_is_read_as_one),
		TEST(several_segments_elsewhere),
		TEST(what_is_read_counts_as_the_cache_s),
		TEST(a_flushed_tag_takes_its_blocks),
		TEST(what_another_tag_has_stays),
		TEST(what_a_file_holds_stays),
		TEST(tiny_contents_too),
		TEST(clearing_takes_all),
		TEST(many_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
