/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Packages that are cut short, damaged, or written to do harm: nothing wrong comes into the store,
 * and what is right of them does.
 */
#include "tests/unit/package_fixture.h"

#define SMALL 200000u

static int import_cut(struct store *store, const struct bundle *bundle, size_t size,
		      struct package_figures *figures_out)
{
	struct bundle cut = {.data = bundle->data, .size = size};

	return import(store, &cut, NULL, figures_out);
}

/* At every length near the ends, and at many others. */
static size_t next_length(size_t length, size_t size)
{
	size_t step = length < 600 || length + 100 >= size ? 1 : 997;

	return length + 100 < size && length + step + 100 > size ? size - 100 : length + step;
}

static void a_package_cut_short_is_known_as_such(void **state)
{
	unsigned char *data = make_octets(SMALL, 1);
	struct store *store = fixture_open(64 * MIB), *other = open_other(64 * MIB);
	struct bundle bundle = {0};
	struct package_figures out, in;
	uint64_t octets = 0;

	(void)state;
	object_put(make_described(store, "file", data, SMALL, 1));
	export_all(store, &bundle, &out);
	for (size_t size = 0; size < bundle.size; size = next_length(size, bundle.size)) {
		assert_int_equal(import_cut(other, &bundle, size, &in),
				 size < 40 ? -EPROTO : -EBADMSG);
		assert_int_equal(in.bad + in.unfit, 0);
		octets += in.octets;
		assert_int_equal(right_in(other, "file", data, SMALL), octets);
	}
	/* The end alone was missing by then. */
	assert_int_equal(octets, SMALL);
	bundle_clear(&bundle);
	store_close(other);
	store_close(store);
	free(data);
}

static void a_flipped_bit_loses_what_it_is_in(void **state)
{
	unsigned char *data = make_octets(SMALL, 2);
	struct store *store = fixture_open(64 * MIB);
	struct bundle bundle = {0};
	struct package_figures out, in;
	unsigned survived = 0;

	(void)state;
	object_put(make_described(store, "file", data, SMALL, 2));
	export_all(store, &bundle, &out);
	for (size_t at = 0; at < bundle.size; at += at < 300 ? 3 : 3331) {
		struct store *other = open_other(16 * MIB);
		int error;

		bundle.data[at] ^= (unsigned char)(1u << at % 8);
		error = import(other, &bundle, NULL, &in);
		bundle.data[at] ^= (unsigned char)(1u << at % 8);
		assert_true(error == -EPROTO || error == -EBADMSG || error == 0);
		if (at < 40)
			assert_int_equal(error, -EPROTO);
		if (error == 0)
			assert_true(in.bad > 0);
		survived += error == 0 && in.blocks > 0;
		/* Whatever reads is right. */
		assert_int_equal(right_in(other, "file", data, SMALL), in.octets);
		store_close(other);
	}
	assert_true(survived > 10);
	bundle_clear(&bundle);
	store_close(store);
	free(data);
}

/* Ends as an error, with nothing read. */
static void what_is_no_package_is_refused(void **state)
{
	static const char text[] = "this is no package at all, but long enough to hold a header";
	struct store *store = fixture_open(16 * MIB);
	struct bundle bundle = {0};
	struct package_figures in;

	(void)state;
	assert_int_equal(import(store, &bundle, NULL, &in), -EPROTO);
	bundle_put(&bundle, text, sizeof(text));
	assert_int_equal(import(store, &bundle, NULL, &in), -EPROTO);
	bundle_clear(&bundle);
	store_close(store);
}

static long take_nothing(void *owner, void *data, size_t size)
{
	(void)owner;
	(void)data;
	(void)size;
	return -EIO;
}

static void what_reading_gives_ends_the_import(void **state)
{
	struct store *store = fixture_open(16 * MIB);
	struct package_figures in;

	(void)state;
	assert_int_equal(
		package_import(store, take_nothing, NULL, &(struct package_options){0}, &in), -EIO);
	store_close(store);
}

static void check_path(struct store *store, const struct encoded *encoded, const char *path,
		       size_t size, const char *validator)
{
	struct author *author = author_create();
	struct package_figures in;

	author_content(author, path, size, validator, SMALL, encoded->size);
	author_octets(author, PACKAGE_INFORMATION, encoded->data, encoded->size);
	assert_int_equal(author_import(author, store, &in), 0);
	assert_int_equal(in.contents, 0);
	assert_int_equal(in.bad, 2);
	author_free(author);
}

static void names_that_cannot_be_are_refused(void **state)
{
	static const char *const paths[] = {"",     ".",  "..",  "../x", "a/../b",
					    "a//b", "a/", "a/.", "./a",  "a/b/.."};
	unsigned char *data = make_octets(SMALL, 3);
	struct encoded *encoded = encode(data, SMALL, 1);
	struct store *store = fixture_open(16 * MIB);
	char lengthy[5000];
	struct store_usage usage;

	(void)state;
	for (unsigned i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		check_path(store, encoded, paths[i], strlen(paths[i]), "v1");
	check_path(store, encoded, "a\0b", 3, "v1");
	memset(lengthy, 'x', sizeof(lengthy));
	check_path(store, encoded, lengthy, 256, "v1");
	for (unsigned i = 200; i < sizeof(lengthy); i += 200)
		lengthy[i] = '/';
	check_path(store, encoded, lengthy, PACKAGE_PATH_MAX + 1, "v1");
	lengthy[300] = '\0';
	check_path(store, encoded, "file", 4, lengthy);
	store_usage(store, &usage);
	assert_int_equal(usage.contents, 0);
	store_close(store);
	free(encoded);
	free(data);
}

static void numbers_beyond_all_measure_are_refused(void **state)
{
	static const uint64_t sizes[][2] = {
		/* of the content, of its content information; 0: as it is */
		{UINT64_MAX, 0}, {INT64_MAX, 0}, {1, 0}, {SMALL - 1, 0}, {SMALL + 1, 0},
	};
	unsigned char *data = make_octets(SMALL, 4);
	struct encoded *encoded = encode(data, SMALL, 1);
	struct store *store = fixture_open(16 * MIB);
	struct package_figures in;

	(void)state;
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct author *author = author_create();

		author_content(author, "file", 4, "v1", sizes[i][0], encoded->size);
		author_octets(author, PACKAGE_INFORMATION, encoded->data, encoded->size);
		author_block(author, 0, data, CUTTING_UNIT);
		assert_int_equal(author_import(author, store, &in), 0);
		assert_int_equal(in.contents + in.blocks, 0);
		assert_int_equal(in.bad, 2);
		author_free(author);
	}
	/* So much content information never comes; nothing is set aside for it. */
	struct author *author = author_create();
	author_content(author, "file", 4, "v1", SMALL, UINT64_MAX);
	author_octets(author, PACKAGE_INFORMATION, encoded->data, encoded->size);
	author_block(author, 0, data, CUTTING_UNIT);
	assert_int_equal(author_import(author, store, &in), 0);
	assert_int_equal(in.contents + in.blocks, 0);
	assert_int_equal(in.bad, 1);
	author_free(author);
	store_close(store);
	free(encoded);
	free(data);
}

static void sizes_of_records_are_limited(void **state)
{
	struct store *store = fixture_open(16 * MIB);
	struct author *author = author_create();
	struct package_figures in;
	static char much[PACKAGE_BODY_MAX];

	(void)state;
	author_octets(author, PACKAGE_INFORMATION, much, PACKAGE_INFORMATION_MAX + 1);
	author_octets(author, PACKAGE_BLOCK, much, 7);
	author_octets(author, PACKAGE_BLOCK, much, PACKAGE_BODY_MAX);
	author_octets(author, PACKAGE_CONTENT, much, 3);
	author_octets(author, PACKAGE_OPAQUE, much, 3);
	author_octets(author, (enum package_kind)99, much, 3);
	author_octets(author, (enum package_kind)0, much, 0);
	assert_int_equal(author_import(author, store, &in), 0);
	assert_int_equal(in.bad, 7);
	author_free(author);
	store_close(store);
}

static void blocks_must_be_those_that_are_described(void **state)
{
	unsigned char *data = make_octets(SMALL, 5);
	struct encoded *encoded = encode(data, SMALL, 1);
	struct store *store = fixture_open(16 * MIB);
	struct author *author = author_create();
	struct package_figures in;

	(void)state;
	author_block(author, 0, data, CUTTING_UNIT); /* of nothing */
	author_described(author, "file", encoded, SMALL);
	author_block(author, 0, data + CUTTING_UNIT, CUTTING_UNIT); /* another one's octets */
	author_block(author, 1, data + 1, CUTTING_UNIT);
	author_block(author, CUTTING_UNIT, data + CUTTING_UNIT, CUTTING_UNIT - 1);
	author_block(author, SMALL, data, 1);
	author_block(author, UINT64_MAX, data, 1);
	author_block(author, 0, data, 0);
	author_block(author, 3 * CUTTING_UNIT, data + 3 * CUTTING_UNIT, SMALL - 3 * CUTTING_UNIT);
	author_block(author, 3 * CUTTING_UNIT, data + 3 * CUTTING_UNIT, SMALL - 3 * CUTTING_UNIT);
	assert_int_equal(author_import(author, store, &in), 0);
	assert_int_equal(in.contents, 1);
	assert_int_equal(in.blocks, 1);
	assert_int_equal(in.present, 1);
	assert_int_equal(in.bad, 7);
	assert_int_equal(right_in(store, "file", data, SMALL), SMALL - 3 * CUTTING_UNIT);
	author_free(author);
	store_close(store);
	free(encoded);
	free(data);
}

static void information_must_hold_and_be_whole(void **state)
{
	unsigned char *data = make_octets(SMALL, 6);
	struct encoded *encoded = encode(data, SMALL, 1);
	struct store *store = fixture_open(16 * MIB);
	struct author *author = author_create();
	struct package_figures in;
	struct object *object;

	(void)state;
	/* Half of it, then a block, then the next content. */
	author_content(author, "half", 4, "v1", SMALL, encoded->size);
	author_octets(author, PACKAGE_INFORMATION, encoded->data, encoded->size / 2);
	author_block(author, 0, data, CUTTING_UNIT);
	/* More than was said. */
	author_content(author, "more", 4, "v1", SMALL, encoded->size - 1);
	author_octets(author, PACKAGE_INFORMATION, encoded->data, encoded->size);
	/* Behind all of it. */
	author_described(author, "file", encoded, SMALL);
	author_octets(author, PACKAGE_INFORMATION, encoded->data, 1);
	author_block(author, 0, data, CUTTING_UNIT);
	/* Wrong in itself: a block's hash is not the segment's any more. */
	encoded->data[encoded->size - 5] ^= 1;
	author_described(author, "wrong", encoded, SMALL);
	author_block(author, 0, data, CUTTING_UNIT);
	assert_int_equal(author_import(author, store, &in), 0);
	assert_int_equal(in.contents, 1);
	assert_int_equal(in.blocks, 1);
	assert_int_equal(in.bad, 5);
	assert_int_equal(store_find(store, "half", "v1", SMALL, &object), -ENOENT);
	assert_int_equal(store_find(store, "more", "v1", SMALL, &object), -ENOENT);
	assert_int_equal(store_find(store, "wrong", "v1", SMALL, &object), -ENOENT);
	author_free(author);
	store_close(store);
	free(encoded);
	free(data);
}

/* A range of a content, or not all hashes, describe no file. */
static void information_of_a_part_is_refused(void **state)
{
	unsigned char *data = make_octets(SMALL, 7);
	struct encoded *encoded = encode_range(data, SMALL, 1, CUTTING_UNIT, CUTTING_UNIT);
	struct store *store = fixture_open(16 * MIB);
	struct author *author = author_create();
	struct package_figures in;

	(void)state;
	author_described(author, "part", encoded, SMALL);
	author_described(author, "short", encoded, CUTTING_UNIT);
	author_described(author, "end", encoded, 2 * CUTTING_UNIT);
	assert_int_equal(author_import(author, store, &in), 0);
	assert_int_equal(in.contents, 0);
	assert_int_equal(in.bad, 3);
	author_free(author);
	store_close(store);
	free(encoded);
	free(data);
}

/* Records that were left out, or that changed places, are found although each holds. */
static void records_have_their_place(void **state)
{
	unsigned char *data = make_octets(SMALL, 8);
	struct encoded *encoded = encode(data, SMALL, 1);
	struct store *store = fixture_open(16 * MIB);
	struct author *author = author_create();
	struct package_figures in;
	size_t before, after;

	(void)state;
	author_described(author, "file", encoded, SMALL);
	before = author->bundle.size;
	author_block(author, 0, data, CUTTING_UNIT);
	after = author->bundle.size;
	author_block(author, CUTTING_UNIT, data + CUTTING_UNIT, CUTTING_UNIT);
	memmove(author->bundle.data + before, author->bundle.data + after,
		author->bundle.size - after);
	author->bundle.size -= after - before;
	assert_int_equal(author_import(author, store, &in), -EBADMSG);
	assert_int_equal(in.contents, 1);
	assert_int_equal(in.blocks, 0);
	author_free(author);
	store_close(store);
	free(encoded);
	free(data);
}

static void the_end_must_count_what_was_before(void **state)
{
	struct store *store = fixture_open(16 * MIB);
	struct author *author = author_create();
	struct package_figures in;

	(void)state;
	author_octets(author, PACKAGE_END, "\1\0\0\0\0\0\0\0", 8);
	assert_int_equal(import(store, &author->bundle, NULL, &in), -EBADMSG);
	author_free(author);
	author = author_create();
	author_octets(author, PACKAGE_END, "\0\0\0\0\0\0\0\0\0", 9);
	assert_int_equal(import(store, &author->bundle, NULL, &in), -EBADMSG);
	author_free(author);
	author = author_create();
	assert_int_equal(author_import(author, store, &in), 0);
	author_free(author);
	store_close(store);
}

/* All of it was kept by then. */
static void octets_behind_the_end_are_refused(void **state)
{
	unsigned char *data = make_octets(SMALL, 8);
	struct store *store = fixture_open(64 * MIB);
	struct bundle bundle = {0};
	struct package_figures out, in;

	(void)state;
	object_put(make_described(store, "file", data, SMALL, 1));
	export_all(store, &bundle, &out);
	for (unsigned i = 0; i < 2; i++) {
		struct bundle longer = {0};
		struct store *other = open_other(64 * MIB);

		bundle_put(&longer, bundle.data, bundle.size);
		bundle_put(&longer, bundle.data, i == 0 ? 1 : bundle.size);
		assert_int_equal(import(other, &longer, NULL, &in), -E2BIG);
		assert_int_equal(in.contents, 1);
		assert_int_equal(in.octets, SMALL);
		assert_int_equal(in.bad, 0);
		assert_int_equal(right_in(other, "file", data, SMALL), SMALL);
		store_close(other);
		bundle_clear(&longer);
	}
	bundle_clear(&bundle);
	store_close(store);
	free(data);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_package_cut_short_is_known_as_such),
		TEST(octets_behind_the_end_are_refused),
		TEST(a_flipped_bit_loses_what_it_is_in),
		TEST(what_is_no_package_is_refused),
		TEST(what_reading_gives_ends_the_import),
		TEST(names_that_cannot_be_are_refused),
		TEST(numbers_beyond_all_measure_are_refused),
		TEST(sizes_of_records_are_limited),
		TEST(blocks_must_be_those_that_are_described),
		TEST(information_must_hold_and_be_whole),
		TEST(information_of_a_part_is_refused),
		TEST(records_have_their_place),
		TEST(the_end_must_count_what_was_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
