/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Segments that are described, held or not: finding them, and keeping blocks of them.
 */
#include "tests/unit/store_content_fixture.h"

#include "cache/store_known.h"

static struct object *describe_empty(struct store *store, const char *path,
				     const unsigned char *data, size_t size, unsigned version)
{
	struct object *object = make_object(store, path, size);
	struct content *content = content_of(store, data, size, version);
	uint64_t dropped;

	assert_int_equal(describe(object, content, &dropped), 0);
	content_put(content);
	return object;
}

static void id_of(struct object *object, uint32_t index, uint8_t id_out[DIGEST_SIZE_MAX])
{
	struct content *content = object_content(object);
	struct content_segment segment;

	assert_int_equal(content_segment(content, index, &segment), 0);
	assert_int_equal(content_segment_id(content, &segment, id_out), 0);
	content_put(content);
}

static void every_block_can_be_kept(unsigned version)
{
	struct store *store = fixture_open(LIMIT);
	unsigned char *data = make_octets(BIG, 1);
	struct object *object = describe_empty(store, "f", data, BIG, version);
	struct content *content = object_content(object);

	for (uint32_t i = 0; i < content_segments(content); i++) {
		struct store_known *known;
		uint8_t id[DIGEST_SIZE_MAX];
		uint64_t at;

		id_of(object, i, id);
		assert_int_equal(store_known_find(store, id, 32, &known), 0);
		assert_int_equal(store_known_algorithm(known), content_algorithm(content));
		at = store_known_segment(known)->offset;
		for (uint32_t block = 0; block < store_known_segment(known)->blocks; block++) {
			uint32_t length = store_known_length(known, block);

			assert_int_equal(store_known_write(known, block, data + at, length), 0);
			assert_int_equal(store_known_write(known, block, data + at, length), 0);
			at += length;
		}
		store_known_put(known);
	}
	assert_true(object_complete(object));
	assert_int_equal(octets_right(object, data), BIG);
	content_put(content);
	object_put(object);
	store_close(store);
	fixture_clean();
	fixture_setup(NULL);
	free(data);
}

static void blocks_of_version_1_are_kept(void **state)
{
	(void)state;
	every_block_can_be_kept(1);
}

static void segments_of_version_2_are_kept(void **state)
{
	(void)state;
	every_block_can_be_kept(2);
}

static void wrong_blocks_are_not_kept(void **state)
{
	struct store *store = fixture_open(LIMIT);
	unsigned char *data = make_octets(BIG, 2);
	struct object *object = describe_empty(store, "f", data, BIG, 1);
	struct store_known *known;
	uint8_t id[DIGEST_SIZE_MAX];
	uint32_t blocks;

	(void)state;
	id_of(object, 0, id);
	assert_int_equal(store_known_find(store, id, 32, &known), 0);
	blocks = store_known_segment(known)->blocks;
	assert_int_equal(store_known_write(known, 0, data + CUTTING_UNIT, CUTTING_UNIT), -EBADMSG);
	assert_int_equal(store_known_write(known, 0, data, CUTTING_UNIT - 1), -EBADMSG);
	assert_int_equal(store_known_write(known, blocks, data, CUTTING_UNIT), -ENOENT);
	assert_int_equal(store_known_write(known, UINT32_MAX, data, CUTTING_UNIT), -ENOENT);
	assert_int_equal(store_known_length(known, blocks), 0);
	assert_int_equal(store_known_length(known, blocks - 1), BIG % CUTTING_UNIT);
	assert_int_equal(object_cached(object), 0);
	store_known_put(known);
	object_put(object);
	store_close(store);
	free(data);
}

static void others_are_not_found(void **state)
{
	struct store *store = fixture_open(LIMIT);
	unsigned char *data = make_octets(BIG, 3);
	struct object *object = describe_empty(store, "f", data, BIG, 1);
	struct store_known *known = NULL;
	uint8_t id[DIGEST_SIZE_MAX];

	(void)state;
	id_of(object, 0, id);
	assert_int_equal(store_known_find(store, id, 31, &known), -ENOENT);
	id[31] ^= 1;
	assert_int_equal(store_known_find(store, id, 32, &known), -ENOENT);
	id[31] ^= 1;
	assert_int_equal(object_disown(object, false), 0);
	assert_int_equal(store_known_find(store, id, 32, &known), -ENOENT);
	assert_null(known);
	store_known_put(known);
	object_put(object);
	store_close(store);
	free(data);
}

/* What describes it now has other units. */
static void described_anew_keeps_nothing(void **state)
{
	struct store *store = fixture_open(LIMIT);
	unsigned char *data = make_octets(BIG, 4);
	struct object *object = describe_empty(store, "f", data, BIG, 1);
	struct content *other = content_of(store, data, BIG, 2);
	struct store_known *known;
	uint8_t id[DIGEST_SIZE_MAX];
	uint64_t dropped;

	(void)state;
	id_of(object, 0, id);
	assert_int_equal(store_known_find(store, id, 32, &known), 0);
	assert_int_equal(describe(object, other, &dropped), 0);
	assert_int_equal(store_known_write(known, 0, data, CUTTING_UNIT), -ESTALE);
	assert_int_equal(object_cached(object), 0);
	store_known_put(known);
	content_put(other);
	object_put(object);
	store_close(store);
	free(data);
}

static void one_that_holds_most_is_found(void **state)
{
	struct store *store = fixture_open(LIMIT);
	unsigned char *data = make_octets(BIG, 5);
	struct object *one = describe_empty(store, "one", data, BIG, 1);
	struct object *two = describe_empty(store, "two", data, BIG, 1);
	struct store_known *known;
	uint8_t id[DIGEST_SIZE_MAX];

	(void)state;
	write_units(two, data, 3, 5);
	id_of(one, 0, id);
	assert_int_equal(store_known_find(store, id, 32, &known), 0);
	assert_int_equal(store_known_write(known, 0, data, CUTTING_UNIT), 0);
	assert_int_equal(object_cached(two), 3 * CUTTING_UNIT);
	store_known_put(known);
	object_put(one);
	object_put(two);
	store_close(store);
	free(data);
}

static int fresh(void **state)
{
	fixture_clean();
	return fixture_setup(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(blocks_of_version_1_are_kept, fresh),
		cmocka_unit_test_setup(segments_of_version_2_are_kept, fresh),
		cmocka_unit_test_setup(wrong_blocks_are_not_kept, fresh),
		cmocka_unit_test_setup(others_are_not_found, fresh),
		cmocka_unit_test_setup(described_anew_keeps_nothing, fresh),
		cmocka_unit_test_setup(one_that_holds_most_is_found, fresh),
	};

	return cmocka_run_group_tests_name("store_known", tests, fixture_setup, fixture_teardown);
}
