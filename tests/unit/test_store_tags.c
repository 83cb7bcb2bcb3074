/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Tags of units, and dropping units.
 */
#include "tests/unit/store_segment_fixture.h"

#include "cache/store_tags.h"

#define PATH "/content/1"
#define SIZE (300 * (uint64_t)CUTTING_UNIT + 77)
#define LARGE (9000 * (uint64_t)CUTTING_UNIT)

static const struct store_tag tag_a = {1000, "tag A"}, tag_b = {1000, "tag B"},
			      other_user = {1001, "tag A"};

/* Units that were told to be dropped: how many, and of the last call which. */
struct told {
	uint32_t units, calls, first, count;
	int error;
	bool discard;
};

static int tell(void *owner, struct object *object, uint32_t first, uint32_t count)
{
	struct told *told = owner;

	told->calls++;
	told->units += count;
	told->first = first;
	told->count = count;
	if (told->discard)
		object_discard(object, first, count);
	return told->error;
}

static struct told drop(struct store *store, const struct store_tag *tag)
{
	struct told told = {0};

	assert_int_equal(store_tag_drop(store, tag, tell, &told), 0);
	return told;
}

static void what_is_noted_is_known_at_once(void **state)
{
	struct store *store = fixture_open(LIMIT);
	struct object *object = make_object(store, PATH, SIZE);

	(void)state;
	assert_int_equal(write_unit(object, 1, 5), 0);
	assert_false(store_tag_has(object, &tag_a, 5));
	assert_int_equal(store_tag_note(object, &tag_a, 5, 1), 0);
	assert_true(store_tag_has(object, &tag_a, 5));
	assert_false(store_tag_has(object, &tag_a, 4));
	assert_false(store_tag_has(object, &tag_a, 6));
	assert_false(store_tag_has(object, &tag_b, 5));
	assert_false(store_tag_has(object, &other_user, 5));
	object_put(object);
	store_close(store);
}

static void it_outlives_the_store(void **state)
{
	struct store *store = fixture_open(LIMIT);
	struct object *object = make_object(store, PATH, SIZE);

	(void)state;
	for (uint32_t unit = 60; unit < 70; unit++) {
		assert_int_equal(write_unit(object, 1, unit), 0);
		assert_int_equal(store_tag_note(object, &tag_a, unit, 1), 0);
	}
	object_put(object);
	store_close(store);
	store = fixture_open(LIMIT);
	object = make_object(store, PATH, SIZE);
	for (uint32_t unit = 59; unit <= 70; unit++)
		assert_int_equal(store_tag_has(object, &tag_a, unit), unit >= 60 && unit < 70);
	struct told told = drop(store, &tag_a);
	assert_int_equal(told.calls, 1);
	assert_int_equal(told.first, 60);
	assert_int_equal(told.count, 10);
	object_put(object);
	store_close(store);
}

static void a_dropped_tag_spares_what_others_have(void **state)
{
	struct store *store = fixture_open(LIMIT);
	struct object *object = make_object(store, PATH, SIZE);

	(void)state;
	for (uint32_t unit = 0; unit < 10; unit++)
		assert_int_equal(write_unit(object, 1, unit), 0);
	assert_int_equal(store_tag_note(object, &tag_a, 0, 10), 0);
	assert_int_equal(store_tag_note(object, &tag_b, 3, 2), 0);
	assert_int_equal(store_tag_note(object, &other_user, 9, 1), 0);
	struct told told = drop(store, &tag_a);
	assert_int_equal(told.units, 7);
	assert_int_equal(told.calls, 2);
	assert_int_equal(told.first, 5);
	assert_int_equal(told.count, 4);
	assert_false(store_tag_has(object, &tag_a, 0));
	assert_true(store_tag_has(object, &tag_b, 3));
	assert_int_equal(drop(store, &tag_a).calls, 0);
	assert_int_equal(drop(store, &tag_b).units, 2);
	assert_int_equal(drop(store, &other_user).units, 1);
	object_put(object);
	store_close(store);
}

static void an_unknown_tag_is_no_failure(void **state)
{
	struct store *store = fixture_open(LIMIT);

	(void)state;
	assert_int_equal(drop(store, &tag_a).calls, 0);
	store_close(store);
}

static void large_objects_have_several_stretches(void **state)
{
	struct store *store = fixture_open(LIMIT);
	struct object *object = make_object(store, PATH, LARGE);

	(void)state;
	assert_int_equal(write_unit(object, 1, 4095), 0);
	assert_int_equal(store_tag_note(object, &tag_a, 4090, 4200), 0);
	assert_int_equal(store_flush(store), 0);
	assert_int_equal(store_tag_note(object, &tag_a, 8999, 1), 0);
	assert_true(store_tag_has(object, &tag_a, 4090));
	assert_true(store_tag_has(object, &tag_a, 8289));
	assert_false(store_tag_has(object, &tag_a, 8290));
	struct told told = drop(store, &tag_a);
	assert_int_equal(told.units, 4201);
	assert_int_equal(told.first, 8999);
	object_put(object);
	store_close(store);
}

/* Nothing of the object is recorded yet: what is read ahead has a tag before it comes. */
static void an_object_without_a_record_keeps_its_notes(void **state)
{
	struct store *store = fixture_open(LIMIT);
	struct object *object = make_object(store, PATH, SIZE);

	(void)state;
	assert_int_equal(store_tag_note(object, &tag_a, 7, 2), 0);
	assert_int_equal(drop(store, &tag_b).calls, 0); /* records what can be recorded */
	assert_true(store_tag_has(object, &tag_a, 8));
	assert_int_equal(write_unit(object, 1, 7), 0);
	assert_int_equal(drop(store, &tag_a).units, 2);
	object_put(object);
	store_close(store);
}

static void tags_go_with_their_object(void **state)
{
	struct store *store = fixture_open(LIMIT);
	struct object *object = make_object(store, PATH, SIZE);
	struct object *kept = make_object(store, "/content/2", SIZE);

	(void)state;
	assert_int_equal(write_unit(object, 1, 1), 0);
	assert_int_equal(write_unit(kept, 1, 1), 0);
	assert_int_equal(store_tag_note(object, &tag_a, 1, 1), 0);
	assert_int_equal(store_tag_note(kept, &tag_a, 1, 1), 0);
	object_put(object);
	object_put(kept);
	assert_int_equal(store_clear(store, PATH, NULL), 0);
	store_close(store);
	assert_int_equal(in_index("SELECT count(*) FROM tag"), 1);
	store = fixture_open(LIMIT);
	fixture_pass(100000);
	store_expire(store);
	store_close(store);
	assert_int_equal(in_index("SELECT count(*) FROM tag"), 0);
}

static void an_index_without_the_table_gets_it(void **state)
{
	struct store *store = fixture_open(LIMIT);

	(void)state;
	write_object(store, "a", 1, SIZE);
	store_close(store);
	in_index("DROP TABLE tag");
	store = fixture_open(LIMIT);
	assert_int_equal(count_right(store, "a", 1, SIZE), 301);
	struct object *object = make_object(store, "a", SIZE);
	assert_int_equal(store_tag_note(object, &tag_a, 300, 1), 0);
	assert_int_equal(drop(store, &tag_a).units, 1);
	object_put(object);
	store_close(store);
}

static void who_is_told_may_end_it(void **state)
{
	struct store *store = fixture_open(LIMIT);
	struct object *object = make_object(store, PATH, LARGE);
	struct told told = {.error = -ECANCELED};

	(void)state;
	assert_int_equal(write_unit(object, 1, 1), 0);
	assert_int_equal(store_tag_note(object, &tag_a, 0, 1), 0);
	assert_int_equal(store_tag_note(object, &tag_a, 5000, 1), 0);
	assert_int_equal(store_tag_drop(store, &tag_a, tell, &told), -ECANCELED);
	assert_int_equal(told.calls, 1);
	assert_false(store_tag_has(object, &tag_a, 0));
	assert_true(store_tag_has(object, &tag_a, 5000));
	object_put(object);
	store_close(store);
}

static int64_t rows_of(uint32_t uid)
{
	char sql[64];

	snprintf(sql, sizeof sql, "SELECT count(*) FROM tag WHERE uid = %u", uid);
	return in_index(sql);
}

/* Those of the oldest object go, whose data stays; other users' stay. */
static void a_user_s_tags_are_limited(void **state)
{
	struct store *store = fixture_open(1024 * MIB);
	struct object *first = make_object(store, PATH, SIZE);
	struct object *last = make_object(store, "/content/2", SIZE);
	struct store_tag tag = {.uid = 1000};

	(void)state;
	assert_int_equal(write_unit(first, 1, 1), 0);
	assert_int_equal(write_unit(last, 1, 1), 0);
	assert_int_equal(store_tag_note(first, &other_user, 1, 1), 0);
	for (uint32_t i = 0; i < STORE_TAGS_MAX + 4096; i++) {
		memcpy(tag.name, &i, sizeof i);
		assert_int_equal(store_tag_note(i < 8192 ? first : last, &tag, 1, 1), 0);
		/* It records them; many at once would take longer. */
		if (i % 512 == 511)
			drop(store, &tag_b);
	}
	assert_true(store_tag_has(last, &tag, 1));
	assert_true(store_tag_has(first, &other_user, 1));
	assert_int_equal(read_unit(first, 1, 1), 0);
	object_put(first);
	object_put(last);
	store_close(store);
	assert_in_range(rows_of(1000), STORE_TAGS_MAX, STORE_TAGS_MAX + 1024);
	assert_int_equal(rows_of(other_user.uid), 1);
	assert_in_range(in_index("SELECT count(*) FROM tag WHERE uid = 1000 AND object ="
				 " (SELECT min(object) FROM tag)"),
			4096, 4096 + 1024);
}

static void an_unlinked_store_has_tags_too(void **state)
{
	const struct store_options options = {.directory = fixture_directory,
					      .unlinked = true,
					      .scope = "http://origin/",
					      .owner = "/mnt/point",
					      .limit = LIMIT,
					      .now = fixture_now};
	char message[512];
	struct store *store;

	(void)state;
	assert_int_equal(store_open(&options, &store, message, sizeof message), 0);
	struct object *object = make_object(store, PATH, SIZE);
	assert_int_equal(write_unit(object, 1, 3), 0);
	assert_int_equal(store_tag_note(object, &tag_a, 3, 1), 0);
	struct told told = {.discard = true};
	assert_int_equal(store_tag_drop(store, &tag_a, tell, &told), 0);
	assert_int_equal(told.units, 1);
	assert_int_equal(read_unit(object, 1, 3), -ENOENT);
	object_put(object);
	store_close(store);
}

/* ---- dropping units ---- */

static void discarded_units_are_absent(void **state)
{
	struct store *store = fixture_open(LIMIT);
	struct object *object = make_object(store, PATH, SIZE);

	(void)state;
	for (uint32_t unit = 50; unit < 301; unit++)
		assert_int_equal(write_unit(object, 1, unit), 0);
	assert_int_equal(store_flush(store), 0);
	uint64_t used = usage(store).used;
	object_discard(object, 0, 200);
	object_discard(object, 300, 1);
	for (uint32_t unit = 0; unit < 301; unit++)
		assert_int_equal(read_unit(object, 1, unit),
				 unit >= 200 && unit < 300 ? 0 : -ENOENT);
	assert_int_equal(object_cached(object), 100 * (uint64_t)CUTTING_UNIT);
	assert_true(usage(store).used < used - 140 * (uint64_t)CUTTING_UNIT);
	assert_int_equal(write_unit(object, 1, 60), 0);
	assert_int_equal(read_unit(object, 1, 60), 0);
	object_put(object);
	store_close(store);
	store = fixture_open(LIMIT);
	object = make_object(store, PATH, SIZE);
	assert_int_equal(object_cached(object), 101 * (uint64_t)CUTTING_UNIT);
	object_discard(object, 0, 301);
	assert_int_equal(object_cached(object), 0);
	object_put(object);
	assert_int_equal(store_flush(store), 0);
	assert_int_equal(usage(store).contents, 0);
	store_close(store);
	assert_int_equal(in_index("SELECT count(*) FROM content"), 0);
}

static void small_ones_are_taken_out_of_their_pack(void **state)
{
	struct store *store = fixture_open(LIMIT);
	struct object *object = make_object(store, PATH, 1000),
		      *other = make_object(store, "b", 1000);

	(void)state;
	assert_int_equal(write_unit(object, 1, 0), 0);
	assert_int_equal(write_unit(other, 2, 0), 0);
	object_discard(object, 0, 1);
	assert_int_equal(read_unit(object, 1, 0), -ENOENT);
	assert_int_equal(read_unit(other, 2, 0), 0);
	object_put(object);
	object_put(other);
	assert_int_equal(store_flush(store), 0);
	assert_int_equal(usage(store).contents, 1);
	store_close(store);
}

static void described_ones_stay_described(void **state)
{
	unsigned char *data = make_octets(BIG, 1);

	(void)state;
	for (unsigned version = 1; version <= 2; version++) {
		struct store *store = fixture_open(LIMIT);
		struct object *object =
			make_described(store, version == 1 ? "1" : "2", data, BIG, version);
		object_discard(object, 0, UINT32_MAX / 64);
		assert_int_equal(object_cached(object), 0);
		assert_true(has_content_of(object, data));
		write_units(object, data, 0, 2);
		assert_true(octets_right(object, data) > 0);
		object_put(object);
		store_close(store);
	}
	free(data);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_is_noted_is_known_at_once),
		TEST(it_outlives_the_store),
		TEST(a_dropped_tag_spares_what_others_have),
		TEST(an_unknown_tag_is_no_failure),
		TEST(large_objects_have_several_stretches),
		TEST(an_object_without_a_record_keeps_its_notes),
		TEST(tags_go_with_their_object),
		TEST(an_index_without_the_table_gets_it),
		TEST(who_is_told_may_end_it),
		TEST(a_user_s_tags_are_limited),
		TEST(an_unlinked_store_has_tags_too),
		TEST(discarded_units_are_absent),
		TEST(small_ones_are_taken_out_of_their_pack),
		TEST(described_ones_stay_described),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
