/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Packages: what goes out of one store comes into another, as far as it is there; names; what is
 * there already; cancelling and running out of room.
 */
#include "tests/unit/package_fixture.h"

static void check_round_trip(unsigned version)
{
	unsigned char *data = make_octets(BIG, version);
	struct store *store = fixture_open(64 * MIB), *other = open_other(64 * MIB);
	struct bundle bundle = {.portion = 1000};
	struct package_figures out, in;
	struct object *object = make_described(store, "dir/file", data, BIG, version);
	uint32_t units = cutting_count(object_cutting(object));

	object_put(object);
	export_all(store, &bundle, &out);
	assert_int_equal(out.contents, 1);
	assert_int_equal(out.blocks, units);
	assert_int_equal(out.octets, BIG);
	assert_int_equal(out.lacking, 0);
	assert_int_equal(import(other, &bundle, NULL, &in), 0);
	assert_int_equal(in.contents, 1);
	assert_int_equal(in.blocks, units);
	assert_int_equal(in.octets, BIG);
	assert_int_equal(in.bad + in.unfit + in.present, 0);
	assert_int_equal(store_find(other, "dir/file", "v1", BIG, &object), 0);
	assert_true(object_complete(object));
	assert_true(has_content_of(object, data));
	assert_int_equal(octets_right(object, data), BIG);
	object_put(object);
	bundle_clear(&bundle);
	store_close(other);
	store_close(store);
	free(data);
}

static void both_versions_go_round(void **state)
{
	check_round_trip(1);
	fixture_teardown(state);
	fixture_setup(state);
	check_round_trip(2);
}

static void what_is_present_in_part_comes_in_part(void **state)
{
	unsigned char *data = make_octets(BIG, 3);
	struct store *store = fixture_open(64 * MIB), *other = open_other(64 * MIB);
	struct bundle bundle = {0};
	struct package_figures out, in;
	struct object *object = make_described(store, "file", data, BIG, 1);
	uint32_t units = cutting_count(object_cutting(object));
	uint64_t there;

	(void)state;
	object_discard(object, 3, 20);
	object_discard(object, units - 1, 1);
	there = octets_right(object, data);
	object_put(object);
	export_all(store, &bundle, &out);
	assert_int_equal(out.blocks, units - 21);
	assert_int_equal(out.lacking, 21);
	assert_int_equal(out.octets, there);
	assert_int_equal(import(other, &bundle, NULL, &in), 0);
	assert_int_equal(in.blocks, units - 21);
	assert_int_equal(right_in(other, "file", data, BIG), there);
	bundle_clear(&bundle);
	store_close(other);
	store_close(store);
	free(data);
}

static void small_contents_that_share_a_pack_go_round(void **state)
{
	unsigned char *data = make_octets(50000, 4);
	struct store *store = fixture_open(64 * MIB), *other = open_other(64 * MIB);
	struct bundle bundle = {0};
	struct package_figures out, in;
	char path[32];

	(void)state;
	for (unsigned i = 0; i < 200; i++) {
		snprintf(path, sizeof(path), "small/%u", i);
		data[0] = (unsigned char)i;
		object_put(make_described(store, path, data, 300 + 200 * i, 1 + i % 2));
	}
	export_all(store, &bundle, &out);
	assert_int_equal(out.contents, 200);
	assert_int_equal(import(other, &bundle, NULL, &in), 0);
	assert_int_equal(in.contents, 200);
	assert_int_equal(in.bad + in.unfit, 0);
	for (unsigned i = 0; i < 200; i++) {
		snprintf(path, sizeof(path), "small/%u", i);
		data[0] = (unsigned char)i;
		assert_int_equal(right_in(other, path, data, 300 + 200 * i), 300 + 200 * i);
	}
	bundle_clear(&bundle);
	store_close(other);
	store_close(store);
	free(data);
}

static void paths_choose_what_goes_out(void **state)
{
	static const char *const chosen[] = {"b", "a/one", "a", "a/one"};
	static const char *const absent[] = {"a", "nothing"};
	static const char *const plain[] = {"plain"};
	unsigned char *data = make_octets(70000, 5);
	struct store *store = fixture_open(64 * MIB);
	struct bundle bundle = {0};
	struct package_figures out;
	unsigned failed = 0;

	(void)state;
	object_put(make_described(store, "a/one", data, 70000, 1));
	object_put(make_described(store, "a/two", data, 70000, 2));
	object_put(make_described(store, "ab", data, 70000, 1));
	object_put(make_described(store, "b", data, 70000, 1));
	write_object(store, "plain", 1, 70000);
	assert_int_equal(export_paths(store, chosen, 4, NULL, &bundle, &out), 0);
	assert_int_equal(out.contents, 3);
	assert_int_equal(out.octets, 3 * 70000);
	assert_int_equal(out.undescribed, 0);
	bundle_clear(&bundle);
	assert_int_equal(package_export(store, absent, 2, bundle_put, &bundle,
					&(struct package_options){0}, &out, &failed),
			 -ENOENT);
	assert_int_equal(failed, 1);
	assert_int_equal(bundle.size, 0);
	assert_int_equal(export_paths(store, plain, 1, NULL, &bundle, &out), -ENOENT);
	export_all(store, &bundle, &out);
	assert_int_equal(out.contents, 4);
	assert_int_equal(out.undescribed, 1);
	bundle_clear(&bundle);
	store_close(store);
	free(data);
}

static struct store *late_store;

static void describe_late(void *context, struct object *object, const char *path,
			  const char *validator)
{
	struct content *content;
	uint64_t dropped;

	assert_string_equal(path, "whole");
	assert_string_equal(validator, "v1");
	content = content_of(late_store, context, 70000, 2);
	assert_int_equal(describe(object, content, &dropped), 0);
	assert_int_equal(dropped, 0);
	content_put(content);
}

static void what_nothing_describes_may_get_a_description(void **state)
{
	static const char *const everything[] = {""};
	static const char *const names[] = {"part", "whole", "/own"};
	unsigned char *data = make_octets(70000, 20);
	const struct package_options options = {.undescribed = describe_late, .context = data};
	struct store *store = fixture_open(64 * MIB);
	struct bundle bundle = {0};
	struct package_figures out;

	(void)state;
	late_store = store;
	for (unsigned i = 0; i < 3; i++) {
		struct object *object = make_object(store, names[i], 70000);

		write_units(object, data, 0, i == 0 ? 1 : 2);
		object_put(object);
	}
	assert_int_equal(export_paths(store, everything, 1, &options, &bundle, &out), 0);
	assert_int_equal(out.contents, 1);
	assert_int_equal(out.octets, 70000);
	assert_int_equal(out.undescribed, 2);
	bundle_clear(&bundle);
	store_close(store);
	free(data);
}

static void what_is_there_already_is_left_alone(void **state)
{
	unsigned char *data = make_octets(BIG, 6);
	struct store *store = fixture_open(64 * MIB), *other = open_other(64 * MIB);
	struct bundle bundle = {0};
	struct package_figures out, in;
	struct object *object = make_described(store, "file", data, BIG, 1), *there;

	(void)state;
	object_put(object);
	export_all(store, &bundle, &out);
	/* The same version with the same content information, in part. */
	there = make_described(other, "file", data, BIG, 1);
	object_discard(there, 5, 7);
	assert_int_equal(import(other, &bundle, NULL, &in), 0);
	assert_int_equal(in.blocks, 7);
	assert_int_equal(in.present, out.blocks - 7);
	assert_true(object_complete(there));
	object_put(there);
	bundle_clear(&bundle);
	store_close(other);
	store_close(store);
	free(data);
}

/* The units are others; nothing is lost by it, and nothing gained. */
static void another_description_stays(void **state)
{
	unsigned char *data = make_octets(BIG, 7);
	struct store *store = fixture_open(64 * MIB), *other = open_other(64 * MIB);
	struct bundle bundle = {0};
	struct package_figures out, in;
	struct object *there;

	(void)state;
	object_put(make_described(store, "file", data, BIG, 1));
	export_all(store, &bundle, &out);
	there = make_described(other, "file", data, BIG, 2);
	assert_int_equal(import(other, &bundle, NULL, &in), 0);
	assert_int_equal(in.blocks, 0);
	assert_int_equal(in.bad, 0);
	assert_int_equal(in.unfit + in.present, out.blocks);
	assert_false(cutting_is_uniform(object_cutting(there)));
	assert_int_equal(octets_right(there, data), BIG);
	object_put(there);
	bundle_clear(&bundle);
	store_close(other);
	store_close(store);
	free(data);
}

/* Octets of the origin that nothing describes yet are kept where they match. */
static void octets_without_description_get_one(void **state)
{
	unsigned char *data = make_octets(BIG, 8);
	struct store *store = fixture_open(64 * MIB), *other = open_other(64 * MIB);
	struct bundle bundle = {0};
	struct package_figures out, in;
	struct object *there;

	(void)state;
	object_put(make_described(store, "file", data, BIG, 1));
	export_all(store, &bundle, &out);
	there = make_object(other, "file", BIG);
	write_units(there, data, 0, 10);
	assert_int_equal(import(other, &bundle, NULL, &in), 0);
	assert_int_equal(in.present, 10);
	assert_int_equal(in.blocks, out.blocks - 10);
	assert_true(has_content_of(there, data));
	assert_int_equal(octets_right(there, data), BIG);
	object_put(there);
	bundle_clear(&bundle);
	store_close(other);
	store_close(store);
	free(data);
}

/* A package says what the origin's octets contradict: they stay, and it does not come in. */
static void octets_of_the_origin_are_not_dropped_for_a_package(void **state)
{
	unsigned char *data = make_octets(BIG, 9), *origin = make_octets(BIG, 9);
	struct store *store = fixture_open(64 * MIB), *other = open_other(64 * MIB);
	struct bundle bundle = {0};
	struct package_figures out, in;
	struct object *there;

	(void)state;
	origin[6 * CUTTING_UNIT + 5] ^= 1;
	object_put(make_described(store, "file", data, BIG, 1));
	export_all(store, &bundle, &out);
	there = make_object(other, "file", BIG);
	write_units(there, origin, 0, 10);
	assert_int_equal(import(other, &bundle, NULL, &in), 0);
	assert_int_equal(in.contents, 0);
	assert_int_equal(in.blocks, 0);
	assert_int_equal(in.bad, 1 + out.blocks);
	assert_false(has_content(there));
	assert_int_equal(octets_right(there, origin), 10 * CUTTING_UNIT);
	object_put(there);
	bundle_clear(&bundle);
	store_close(other);
	store_close(store);
	free(data);
	free(origin);
}

/* What the origin's own octets refused once is refused again. */
static void a_refused_description_stays_refused(void **state)
{
	unsigned char *data = make_octets(200000, 10);
	struct store *store = fixture_open(64 * MIB), *other = open_other(64 * MIB);
	struct bundle bundle = {0};
	struct package_figures out, in;
	struct object *there;

	(void)state;
	object_put(make_described(store, "file", data, 200000, 1));
	export_all(store, &bundle, &out);
	there = make_described(other, "file", data, 200000, 1);
	assert_int_equal(object_disown(there, true), 0);
	assert_int_equal(import(other, &bundle, NULL, &in), 0);
	assert_int_equal(in.contents, 0);
	assert_false(has_content(there));
	object_put(there);
	bundle_clear(&bundle);
	store_close(other);
	store_close(store);
	free(data);
}

/* ---- names ---- */

static unsigned told_count;
static char told_path[64];

static void note_kept(void *context, const char *path, const char *validator, uint64_t size)
{
	assert_ptr_equal(context, &told_count);
	assert_string_equal(validator, "v1");
	assert_int_equal(size, 200000);
	snprintf(told_path, sizeof(told_path), "%s", path);
	told_count++;
}

static void own_names_are_not_taken_over(void **state)
{
	const struct package_options telling = {.kept = note_kept, .context = &told_count};
	unsigned char *data = make_octets(200000, 11);
	struct store *store = fixture_open(64 * MIB), *other = open_other(64 * MIB);
	struct bundle bundle = {0}, again = {0};
	struct package_figures out, in;

	(void)state;
	object_put(make_described(store, "/content/0123", data, 200000, 1));
	data[0] ^= 1;
	object_put(make_described(store, ".peerdist/publications/3/1", data, 200000, 2));
	data[0] ^= 2;
	object_put(make_described(store, "path", data, 200000, 2));
	export_all(store, &bundle, &out);
	assert_int_equal(out.contents, 3);
	told_count = 0;
	assert_int_equal(import(other, &bundle, &telling, &in), 0);
	assert_int_equal(in.contents, 3);
	assert_int_equal(in.octets, 600000);
	assert_int_equal(told_count, 1);
	assert_string_equal(told_path, "path");
	assert_int_equal(right_in(other, "/content/0123", data, 200000), 0);
	assert_int_equal(right_in(other, ".peerdist/publications/3/1", data, 200000), 0);
	assert_int_equal(right_in(other, "path", data, 200000), 200000);
	/* They are there, under other names, and go on from here; the second time they are known.
	 */
	export_all(other, &again, &out);
	assert_int_equal(out.octets, 600000);
	assert_int_equal(import(other, &bundle, NULL, &in), 0);
	assert_int_equal(in.blocks, 0);
	bundle_clear(&bundle);
	bundle_clear(&again);
	store_close(other);
	store_close(store);
	free(data);
}

/* In a hosted cache paths of several origins meet. */
static void places_keep_contents_apart_whatever_their_paths(void **state)
{
	const struct package_options places = {.places = true};
	struct store *other = fixture_open(64 * MIB);
	unsigned char *data = make_octets(200000, 12);
	struct store_usage usage;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct store *store = open_other(64 * MIB);
		struct bundle bundle = {0};
		struct package_figures out, in;

		data[0] = (unsigned char)i;
		object_put(make_described(store, "index.html", data, 200000, 1));
		export_all(store, &bundle, &out);
		assert_int_equal(import(other, &bundle, &places, &in), 0);
		assert_int_equal(in.blocks, out.blocks);
		assert_int_equal(in.unfit + in.bad, 0);
		bundle_clear(&bundle);
		store_close(store);
	}
	store_usage(other, &usage);
	assert_int_equal(usage.contents, 2);
	store_close(other);
	free(data);
}

/* ---- who describes ---- */

static int describe_result;

static int describe_otherwise(void *context, struct object *object, const char *path,
			      const char *validator, struct content *content)
{
	uint64_t dropped;

	(void)context;
	assert_string_equal(path, "file");
	assert_string_equal(validator, "v1");
	return describe_result != 0 ? describe_result : describe(object, content, &dropped);
}

static void the_owner_of_objects_describes_them(void **state)
{
	static const int results[] = {0, -EINVAL, -ECANCELED};
	const struct package_options options = {.describe = describe_otherwise};
	unsigned char *data = make_octets(200000, 13);
	struct store *store = fixture_open(64 * MIB);
	struct bundle bundle = {0};
	struct package_figures out;

	(void)state;
	object_put(make_described(store, "file", data, 200000, 1));
	export_all(store, &bundle, &out);
	for (unsigned i = 0; i < 3; i++) {
		struct store *other = open_other(64 * MIB);
		struct package_figures in;

		describe_result = results[i];
		assert_int_equal(import(other, &bundle, &options, &in),
				 results[i] == -ECANCELED ? -ECANCELED : 0);
		assert_int_equal(in.blocks, i == 0 ? 4 : 0);
		assert_int_equal(in.bad, i == 1 ? 5 : 0);
		store_close(other);
	}
	bundle_clear(&bundle);
	store_close(store);
	free(data);
}

/* ---- ends before its time ---- */

struct countdown {
	unsigned left;
	uint64_t done, total;
};

static bool count_down(void *context, const struct package_progress *progress)
{
	struct countdown *countdown = context;

	assert_true(progress->done >= countdown->done);
	assert_true(progress->total == 0 || progress->done <= progress->total);
	countdown->done = progress->done;
	countdown->total = progress->total;
	return countdown->left-- > 0;
}

static void both_ways_can_be_cancelled_and_tell_how_far_they_are(void **state)
{
	static const char *const everything[] = {""};
	unsigned char *data = make_octets(BIG, 14);
	struct store *store = fixture_open(64 * MIB), *other = open_other(64 * MIB);
	struct countdown countdown = {.left = UINT32_MAX};
	const struct package_options options = {.continue_ = count_down, .context = &countdown};
	struct bundle bundle = {0}, cut = {0};
	struct package_figures out, in;

	(void)state;
	object_put(make_described(store, "file", data, BIG, 1));
	assert_int_equal(export_paths(store, everything, 1, &options, &bundle, &out), 0);
	assert_int_equal(countdown.done, BIG);
	assert_int_equal(countdown.total, BIG);
	countdown = (struct countdown){.left = 20};
	assert_int_equal(export_paths(store, everything, 1, &options, &cut, &out), -ECANCELED);
	assert_true(out.blocks > 0 && out.blocks < 20);
	countdown = (struct countdown){.left = 20};
	assert_int_equal(import(other, &bundle, &options, &in), -ECANCELED);
	assert_true(in.blocks > 0 && in.blocks < 20);
	assert_int_equal(right_in(other, "file", data, BIG), in.octets);
	countdown = (struct countdown){.left = UINT32_MAX};
	assert_int_equal(import(other, &bundle, &options, &in), 0);
	assert_int_equal(countdown.done, BIG);
	assert_int_equal(right_in(other, "file", data, BIG), BIG);
	bundle_clear(&bundle);
	bundle_clear(&cut);
	store_close(other);
	store_close(store);
	free(data);
}

static void what_writing_gives_ends_the_export(void **state)
{
	static const char *const everything[] = {""};
	unsigned char *data = make_octets(200000, 15);
	struct store *store = fixture_open(64 * MIB);
	struct package_figures out;
	struct bundle bundle = {0};

	(void)state;
	object_put(make_described(store, "file", data, 200000, 2));
	export_all(store, &bundle, &out);
	for (size_t full = 1; full < bundle.size; full += 20000) {
		struct bundle small = {.full = full};

		assert_int_equal(export_paths(store, everything, 1, NULL, &small, &out), -ENOSPC);
		bundle_clear(&small);
	}
	bundle_clear(&bundle);
	store_close(store);
	free(data);
}

/* Older things go, and of what does not fit at all the last stays; nothing else comes of it. */
static void a_package_larger_than_the_cache_does_no_harm(void **state)
{
	unsigned char *data = make_octets(BIG, 16);
	struct store *store = fixture_open(64 * MIB), *other = open_other(2 * MIB);
	struct bundle bundle = {0};
	struct package_figures out, in;
	struct store_usage usage;
	int error;

	(void)state;
	object_put(make_described(store, "file", data, BIG, 1));
	export_all(store, &bundle, &out);
	error = import(other, &bundle, NULL, &in);
	assert_true(error == 0 || error == -ENOSPC);
	store_usage(other, &usage);
	assert_true(usage.used <= usage.limit);
	assert_true(right_in(other, "file", data, BIG) <= 2 * MIB);
	/* What is pinned is not pushed out: then there is no room. */
	store_close(other);
	other = open_other(2 * MIB);
	assert_int_equal(store_pin(other, "", true), 0);
	assert_int_equal(import(other, &bundle, NULL, &in), -ENOSPC);
	assert_true(in.blocks > 0 && in.blocks < out.blocks);
	assert_int_equal(right_in(other, "file", data, BIG), in.octets);
	bundle_clear(&bundle);
	store_close(other);
	store_close(store);
	free(data);
}

/* A damaged unit is not carried on. */
static void what_is_damaged_on_disk_is_lacking(void **state)
{
	unsigned char *data = make_octets(BIG, 17);
	struct store *store = fixture_open(64 * MIB);
	struct bundle bundle = {0};
	struct package_figures out;

	(void)state;
	object_put(make_described(store, "file", data, BIG, 1));
	assert_int_equal(store_flush(store), 0);
	alter(largest_file(), 3 * CUTTING_UNIT + 7, "damaged", 7);
	export_all(store, &bundle, &out);
	assert_int_equal(out.lacking, 1);
	assert_int_equal(out.octets, BIG - CUTTING_UNIT);
	bundle_clear(&bundle);
	store_close(store);
	free(data);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(both_versions_go_round),
		TEST(what_is_present_in_part_comes_in_part),
		TEST(small_contents_that_share_a_pack_go_round),
		TEST(paths_choose_what_goes_out),
		TEST(what_nothing_describes_may_get_a_description),
		TEST(what_is_there_already_is_left_alone),
		TEST(another_description_stays),
		TEST(octets_without_description_get_one),
		TEST(octets_of_the_origin_are_not_dropped_for_a_package),
		TEST(a_refused_description_stays_refused),
		TEST(own_names_are_not_taken_over),
		TEST(places_keep_contents_apart_whatever_their_paths),
		TEST(the_owner_of_objects_describes_them),
		TEST(both_ways_can_be_cancelled_and_tell_how_far_they_are),
		TEST(what_writing_gives_ends_the_export),
		TEST(a_package_larger_than_the_cache_does_no_harm),
		TEST(what_is_damaged_on_disk_is_lacking),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
