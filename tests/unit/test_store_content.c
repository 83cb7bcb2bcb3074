/* SPDX-License-Identifier: BSD-2-Clause
 *
 * An object is compared with content information, and described by it.
 */
#include "tests/unit/store_content_fixture.h"

static void check_complete_object_stays_complete(unsigned version)
{
	struct store *store = fixture_open(LIMIT);
	unsigned char *data = make_octets(BIG, 1);
	struct object *object = make_object(store, "f", BIG);
	struct content *content = content_of(store, data, BIG, version);
	uint64_t dropped, used;

	write_units(object, data, 0, UINT32_MAX);
	used = usage(store).used;
	assert_int_equal(describe(object, content, &dropped), 0);
	assert_int_equal(dropped, 0);
	assert_true(object_complete(object));
	assert_int_equal(cutting_is_uniform(object_cutting(object)), version == 1);
	assert_int_equal(octets_right(object, data), BIG);
	assert_true(has_content_of(object, data));
	assert_in_range(usage(store).used, used - MIB, used + MIB);
	content_put(content);
	object_put(object);
	store_close(store);
	store = fixture_open(LIMIT);
	assert_int_equal(store_find(store, "f", "v1", BIG, &object), 0);
	assert_true(object_complete(object));
	assert_int_equal(octets_right(object, data), BIG);
	assert_true(has_content_of(object, data));
	object_put(object);
	free(data);
	store_close(store);
}

static void complete_object_stays_complete(void **state)
{
	(void)state;
	check_complete_object_stays_complete(1);
	fixture_teardown(NULL);
	fixture_setup(NULL);
	check_complete_object_stays_complete(2);
}

static void new_units_that_are_not_filled_are_absent_not_dropped(void **state)
{
	struct store *store = fixture_open(LIMIT);
	unsigned char *data = make_octets(BIG, 1);
	struct object *object = make_object(store, "f", BIG);
	struct content *content = content_of(store, data, BIG, 2);
	uint64_t dropped;

	(void)state;
	/* All but the units 20 to 29. */
	write_units(object, data, 0, 20);
	write_units(object, data, 30, UINT32_MAX);
	assert_int_equal(describe(object, content, &dropped), 0);
	assert_int_equal(dropped, 0);
	for (uint32_t unit = 0; unit < cutting_count(object_cutting(object)); unit++) {
		uint64_t offset = cutting_offset(object_cutting(object), unit);
		uint64_t end = offset + cutting_length(object_cutting(object), unit);
		bool present;

		assert_int_equal(object_extent(object, unit, 1, &present), 1);
		assert_int_equal(present, end <= 20 * CUTTING_UNIT || offset >= 30 * CUTTING_UNIT);
	}
	assert_int_equal(octets_right(object, data), object_cached(object));
	/* What no unit covers was given back. */
	assert_true(disk_usage() <= usage(store).used + MIB);
	write_units(object, data, 0, UINT32_MAX);
	assert_int_equal(octets_right(object, data), BIG);
	content_put(content);
	object_put(object);
	free(data);
	store_close(store);
}

static void check_wrong_octets_are_dropped(unsigned version)
{
	struct store *store = fixture_open(LIMIT);
	unsigned char *data = make_octets(BIG, 1), *other = make_octets(BIG, 1);
	struct object *object = make_object(store, "f", BIG);
	struct content *content = content_of(store, data, BIG, version);
	const struct cutting *cutting;
	uint64_t dropped;
	uint32_t unit;

	other[3 * MIB + 5] ^= 1;
	write_units(object, other, 0, UINT32_MAX);
	assert_int_equal(describe(object, content, &dropped), 0);
	cutting = object_cutting(object);
	unit = cutting_unit_at(cutting, 3 * MIB + 5);
	assert_int_equal(dropped, cutting_length(cutting, unit));
	assert_int_equal(octets_right(object, data), BIG - dropped);
	assert_int_equal(object_cached(object), BIG - dropped);
	assert_int_equal(usage(store).checksum_errors, 0);
	assert_int_equal(write_at(object, data, unit), 0);
	assert_true(object_complete(object));
	content_put(content);
	object_put(object);
	free(other);
	free(data);
	store_close(store);
}

static void wrong_octets_are_dropped_and_counted(void **state)
{
	(void)state;
	check_wrong_octets_are_dropped(1);
	fixture_teardown(NULL);
	fixture_setup(NULL);
	check_wrong_octets_are_dropped(2);
}

static void what_comes_after_the_survey_is_compared_too(void **state)
{
	struct store *store = fixture_open(LIMIT);
	unsigned char *data = make_octets(BIG, 1), *other = make_octets(BIG, 2);
	struct object *object = make_object(store, "f", BIG);
	struct content *content = content_of(store, data, BIG, 2);
	struct object_survey *survey;
	uint64_t dropped;

	(void)state;
	write_units(object, data, 0, 20);
	assert_int_equal(object_survey(object, content, NULL, NULL, &survey), 0);
	write_units(object, data, 20, 40);
	write_units(object, other, 40, 60);
	assert_int_equal(object_describe(survey, &dropped), 0);
	/* At both ends a new unit may lie in right and in wrong or absent ones. */
	assert_in_range(dropped, 18 * CUTTING_UNIT, 22 * CUTTING_UNIT);
	assert_in_range(octets_right(object, data), 38 * CUTTING_UNIT, 40 * CUTTING_UNIT);
	content_put(content);
	object_put(object);
	free(other);
	free(data);
	store_close(store);
}

static void what_goes_after_the_survey_is_absent(void **state)
{
	struct store *store = fixture_open(LIMIT);
	unsigned char *data = make_octets(BIG, 1), *other = make_octets(BIG, 2);
	struct object *object = make_object(store, "f", BIG);
	struct content *content = content_of(store, data, BIG, 2);
	struct object_survey *survey;
	uint64_t dropped;

	(void)state;
	write_units(object, data, 0, UINT32_MAX);
	assert_int_equal(object_survey(object, content, NULL, NULL, &survey), 0);
	/* Other octets come in the place of the first ones. */
	assert_int_equal(store_clear(store, "f", NULL), 0);
	write_units(object, other, 0, 10);
	assert_int_equal(object_describe(survey, &dropped), 0);
	assert_int_equal(octets_right(object, data), 0);
	write_units(object, data, 0, UINT32_MAX);
	assert_int_equal(octets_right(object, data), BIG);
	content_put(content);
	object_put(object);
	free(other);
	free(data);
	store_close(store);
}

static void survey_that_is_not_used_changes_nothing(void **state)
{
	struct store *store = fixture_open(LIMIT);
	unsigned char *data = make_octets(BIG, 1);
	struct object *object = make_object(store, "f", BIG);
	struct content *content = content_of(store, data, BIG, 2);
	struct object_survey *survey;
	uint64_t dropped;

	(void)state;
	write_units(object, data, 0, UINT32_MAX);
	assert_int_equal(object_survey(object, content, NULL, NULL, &survey), 0);
	object_survey_free(survey);
	object_survey_free(NULL);
	assert_true(cutting_is_uniform(object_cutting(object)));
	assert_false(has_content(object));
	assert_int_equal(octets_right(object, data), BIG);
	/* It can be used for another one afterwards. */
	assert_int_equal(describe(object, content, &dropped), 0);
	assert_true(has_content_of(object, data));
	content_put(content);
	object_put(object);
	free(data);
	store_close(store);
}

static bool stop_at_once(void *context)
{
	(void)context;
	return false;
}

static void survey_can_be_ended(void **state)
{
	struct store *store = fixture_open(LIMIT);
	unsigned char *data = make_octets(BIG, 1);
	struct object *object = make_object(store, "f", BIG);
	struct content *content = content_of(store, data, BIG, 2);
	struct object_survey *survey;

	(void)state;
	write_units(object, data, 0, UINT32_MAX);
	assert_int_equal(object_survey(object, content, stop_at_once, NULL, &survey), -ECANCELED);
	assert_int_equal(octets_right(object, data), BIG);
	content_put(content);
	object_put(object);
	free(data);
	store_close(store);
}

static void content_of_another_size_is_refused(void **state)
{
	struct store *store = fixture_open(LIMIT);
	unsigned char *data = make_octets(BIG, 1);
	struct object *object = make_object(store, "f", BIG), *unknown;
	struct object_survey *survey;
	struct content *content;
	struct encoded *encoded;

	(void)state;
	unknown = make_object(store, "u", STORE_SIZE_UNKNOWN);
	for (unsigned version = 1; version <= 2; version++) {
		content = content_of(store, data, BIG - 1, version);
		assert_int_equal(object_survey(object, content, NULL, NULL, &survey), -EINVAL);
		assert_int_equal(object_survey(unknown, content, NULL, NULL, &survey), -EINVAL);
		content_put(content);
		encoded = encode_range(data, BIG, version, 200000, BIG - 200000);
		assert_int_equal(take_in(store, encoded, 1000, &content), 0);
		assert_int_equal(object_survey(object, content, NULL, NULL, &survey), -EINVAL);
		content_put(content);
		free(encoded);
		encoded = encode_range(data, BIG, version, 0, BIG - 1);
		assert_int_equal(take_in(store, encoded, 1000, &content), 0);
		assert_int_equal(object_survey(object, content, NULL, NULL, &survey), -EINVAL);
		content_put(content);
		free(encoded);
	}
	object_put(unknown);
	object_put(object);
	free(data);
	store_close(store);
}

static void content_from_elsewhere_is_copied(void **state)
{
	struct store *store = fixture_open(LIMIT);
	unsigned char *data = make_octets(BIG, 1);
	struct encoded *encoded = encode(data, BIG, 2);
	struct object *one = make_object(store, "1", BIG), *two = make_object(store, "2", BIG);
	struct content *content;
	uint64_t dropped;

	(void)state;
	assert_int_equal(
		content_decode(encoded->data, encoded->size, encoded->size, &content, NULL), 0);
	assert_int_equal(describe(one, content, &dropped), 0);
	content_put(content);
	content = object_content(one);
	assert_int_equal(describe(two, content, &dropped), 0);
	content_put(content);
	assert_int_equal(count_content_files(), 2);
	assert_int_equal(store_clear(store, "1", NULL), 0);
	object_put(one);
	assert_true(has_content_of(two, data));
	object_put(two);
	free(encoded);
	free(data);
	store_close(store);
}

static void packed_content_is_described(void **state)
{
	static const unsigned versions[] = {1, 2};
	struct store *store = fixture_open(LIMIT);
	unsigned char *data = make_octets(60000, 1);
	struct object *object;
	uint64_t dropped;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		const char *path = i == 0 ? "one" : "two";
		struct content *content = content_of(store, data, 60000, versions[i]);

		object = make_object(store, path, 60000);
		assert_int_equal(write_at(object, data, 0), 0);
		assert_int_equal(describe(object, content, &dropped), 0);
		assert_int_equal(dropped, 0);
		content_put(content);
		assert_true(object_complete(object));
		assert_int_equal(octets_right(object, data), 60000);
		object_put(object);
	}
	store_close(store);
	store = fixture_open(LIMIT);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(store_find(store, i == 0 ? "one" : "two", "v1", 60000, &object),
				 0);
		assert_int_equal(octets_right(object, data), 60000);
		assert_true(has_content_of(object, data));
		object_put(object);
	}
	free(data);
	store_close(store);
}

static void wrong_packed_content_is_dropped(void **state)
{
	struct store *store = fixture_open(LIMIT);
	unsigned char *data = make_octets(60000, 1), *other = make_octets(60000, 2);

	(void)state;
	for (unsigned version = 1; version <= 2; version++) {
		const char *path = version == 1 ? "one" : "two";
		struct content *content = content_of(store, data, 60000, version);
		struct object *object = make_object(store, path, 60000);
		uint64_t dropped;

		assert_int_equal(write_at(object, other, 0), 0);
		assert_int_equal(describe(object, content, &dropped), 0);
		assert_int_equal(dropped, 60000);
		assert_int_equal(object_cached(object), 0);
		write_units(object, data, 0, UINT32_MAX);
		assert_int_equal(octets_right(object, data), 60000);
		content_put(content);
		object_put(object);
	}
	free(other);
	free(data);
	store_close(store);
}

static void another_content_takes_the_place_of_the_first(void **state)
{
	struct store *store = fixture_open(LIMIT);
	unsigned char *data = make_octets(BIG, 1);
	struct object *object = make_described(store, "f", data, BIG, 2);
	struct content *first = object_content(object), *second = content_of(store, data, BIG, 1);
	struct content_block block;
	uint64_t dropped;

	(void)state;
	assert_int_equal(describe(object, second, &dropped), 0);
	assert_int_equal(dropped, 0);
	assert_true(object_complete(object));
	assert_int_equal(count_content_files(), 1);
	/* Whoever has the former one goes on with it. */
	assert_int_equal(content_block_at(first, MIB, &block), 0);
	content_put(first);
	content_put(second);
	object_put(object);
	store_close(store);
	store = fixture_open(LIMIT);
	assert_int_equal(store_find(store, "f", "v1", BIG, &object), 0);
	second = object_content(object);
	assert_non_null(second);
	assert_int_equal(content_version(second), 1);
	content_put(second);
	assert_int_equal(octets_right(object, data), BIG);
	object_put(object);
	free(data);
	store_close(store);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(complete_object_stays_complete),
		TEST(new_units_that_are_not_filled_are_absent_not_dropped),
		TEST(wrong_octets_are_dropped_and_counted),
		TEST(what_comes_after_the_survey_is_compared_too),
		TEST(what_goes_after_the_survey_is_absent),
		TEST(survey_that_is_not_used_changes_nothing),
		TEST(survey_can_be_ended),
		TEST(content_of_another_size_is_refused),
		TEST(content_from_elsewhere_is_copied),
		TEST(packed_content_is_described),
		TEST(wrong_packed_content_is_dropped),
		TEST(another_content_takes_the_place_of_the_first),
	};

	log_open("/dev/null", LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
