/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Segments that content information describes, whether anything of them is held or not.
 */
#include "tests/unit/store_segment_fixture.h"

static bool is_known(struct store *store, const struct id *id)
{
	return store_segment_known(store, id->data, id->size);
}

static void described_ones_are_known_without_a_block(void **state)
{
	unsigned char *data = make_octets(BIG, 1);

	(void)state;
	for (unsigned version = 1; version <= 2; version++) {
		struct store *store = fixture_open(LIMIT);
		struct ids *ids = ids_of(data, BIG, version);
		struct object *object;
		struct content *content;
		uint64_t dropped;

		assert_false(is_known(store, &ids->list[0]));
		object = make_object(store, "a", BIG);
		content = content_of(store, data, BIG, version);
		assert_int_equal(describe(object, content, &dropped), 0);
		content_put(content);
		for (uint32_t i = 0; i < ids->count; i++) {
			struct id other = ids->list[i];

			assert_true(is_known(store, &ids->list[i]));
			assert_int_equal(held_of(store, &ids->list[i]), 0);
			other.data[7] ^= 1;
			assert_false(is_known(store, &other));
			other = ids->list[i];
			other.size--;
			assert_false(is_known(store, &other));
		}
		write_units(object, data, 0, UINT32_MAX);
		assert_true(is_known(store, &ids->list[0]));
		object_put(object);
		store_close(store);
		store = fixture_open(LIMIT);
		assert_true(is_known(store, &ids->list[0]));
		assert_true(held_of(store, &ids->list[0]) > 0);
		assert_int_equal(store_clear(store, NULL, NULL), 0);
		assert_false(is_known(store, &ids->list[0]));
		free(ids);
		store_close(store);
		fixture_teardown(NULL);
		fixture_setup(NULL);
	}
	free(data);
}

static void those_of_other_scopes_are_not(void **state)
{
	unsigned char *data = make_octets(BIG, 1);
	struct ids *ids = ids_of(data, BIG, 1);
	struct store_options options = {
		.scope = "http://other/", .limit = LIMIT, .now = fixture_now};
	char directory[256], message[256];
	struct store *store;

	(void)state;
	leave_described(data, BIG, 1);
	snprintf(directory, sizeof(directory), "%s", fixture_path(""));
	options.directory = directory;
	assert_int_equal(store_open(&options, &store, message, sizeof(message)), 0);
	assert_false(is_known(store, &ids->list[0]));
	assert_int_equal(held_of(store, &ids->list[0]), 0);
	store_close(store);
	store = fixture_open(LIMIT);
	assert_true(is_known(store, &ids->list[0]));
	store_close(store);
	free(ids);
	free(data);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(described_ones_are_known_without_a_block),
		TEST(those_of_other_scopes_are_not),
	};

	log_open("/dev/null", LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
