/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What is known by offers of version 1.0: whole lists in the store, short ones in memory.
 */
#include "tests/unit/store_content_fixture.h"

#include "cache/store_known.h"
#include "cache/store_segment.h"
#include "peer/hosted_known.h"
#include "peer/hosted_lists.h"

#define BLOCKS 20u
#define SIZE (BLOCKS * CUTTING_UNIT - 100)

static int fresh(void **state)
{
	fixture_clean();
	return fixture_setup(state);
}

static const struct offers_giver giver = {{4, 192, 0, 2, 1}};

struct offered {
	unsigned char *data;
	struct content_v1_single single;
	uint8_t hashes[BLOCKS * 32];
	struct pccrr_id id;
};

/* LISTED blocks from FIRST on. */
static struct offered *make_offered(uint64_t seed, uint32_t first, uint32_t listed)
{
	struct offered *offered = calloc(1, sizeof(*offered));
	struct content_v1_single *single = &offered->single;
	struct content *content;
	struct encoded *encoded;

	offered->data = make_octets(SIZE, seed);
	encoded = encode(offered->data, SIZE, 1);
	assert_int_equal(
		content_decode(encoded->data, encoded->size, encoded->size, &content, NULL), 0);
	free(encoded);
	assert_int_equal(content_segment(content, 0, &single->segment), 0);
	assert_int_equal(content_segment_id(content, &single->segment, single->id), 0);
	for (uint32_t i = 0; i < listed; i++) {
		struct content_block block;

		assert_int_equal(content_block_listed(content, &single->segment, first + i, &block),
				 0);
		memcpy(offered->hashes + i * 32, block.hash, 32);
	}
	content_put(content);
	single->segment.first_listed = single->first_otherwise = first;
	single->segment.listed = listed;
	single->hashes = offered->hashes;
	offered->id = (struct pccrr_id){single->id, 32};
	return offered;
}

static void free_offered(struct offered *offered)
{
	free(offered->data);
	free(offered);
}

/* ---- whole ones ---- */

static void assert_known(struct store *store, const struct offered *offered)
{
	enum digest_algorithm algorithm = DIGEST_ALGORITHMS;
	uint32_t length = 0;

	assert_true(hosted_known_has(store, offered->id, &algorithm, &length));
	assert_int_equal(algorithm, DIGEST_SHA256);
	assert_int_equal(length, SIZE);
}

static void whole_list_is_kept_over_a_restart(void **state)
{
	struct offered *offered = make_offered(1, 0, BLOCKS);
	struct store *store = fixture_open(LIMIT);
	struct store_known *known;

	(void)state;
	assert_false(
		hosted_known_has(store, offered->id, &(enum digest_algorithm){0}, &(uint32_t){0}));
	assert_int_equal(hosted_known_keep(store, &giver, &offered->single), 0);
	assert_known(store, offered);
	store_close(store);
	store = fixture_open(LIMIT);
	assert_known(store, offered);
	assert_int_equal(store_known_find(store, offered->id.octets, 32, &known), 0);
	assert_int_equal(store_known_write(known, 1, offered->data + CUTTING_UNIT, CUTTING_UNIT),
			 0);
	store_known_put(known);
	assert_known(store, offered); /* now that something is held */
	store_close(store);
	free_offered(offered);
}

static void once_is_enough(void **state)
{
	struct offered *offered = make_offered(2, 0, BLOCKS);
	struct store *store = fixture_open(LIMIT);

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(hosted_known_keep(store, &giver, &offered->single), 0);
	assert_int_equal(count_content_files(), 1);
	store_close(store);
	free_offered(offered);
}

/* Where the segment lies in its content is nothing to us. */
static void place_in_the_content_does_not_matter(void **state)
{
	struct offered *offered = make_offered(3, 0, BLOCKS);
	struct store *store = fixture_open(LIMIT);

	(void)state;
	offered->single.segment.offset = UINT64_C(33554432) * 1000000;
	offered->single.skip = 12345;
	assert_int_equal(hosted_known_keep(store, &giver, &offered->single), 0);
	assert_known(store, offered);
	store_close(store);
	free_offered(offered);
}

static void other_hash_functions_are_kept_too(void **state)
{
	static const enum digest_algorithm algorithms[] = {DIGEST_SHA384, DIGEST_SHA512};
	struct store *store = fixture_open(LIMIT);

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		static const char text[] = "one block";
		size_t size = digest_size(algorithms[i]);
		struct content_v1_single single = {
			.algorithm = algorithms[i],
			.segment = {.length = sizeof(text), .blocks = 1, .listed = 1}};
		uint8_t hash[DIGEST_SIZE_MAX], encoded[512];
		struct bytes_out out = bytes_out(encoded, sizeof(encoded));
		struct content_v1_single read;
		enum digest_algorithm algorithm;
		struct store_known *known;
		uint32_t length;

		digest_hash(algorithms[i], text, sizeof(text), hash);
		digest_hash(algorithms[i], hash, size, single.segment.hash_of_data);
		single.hashes = hash;
		content_v1_single_write(&single, &out);
		assert_int_equal(content_v1_single_read(encoded, sizeof(encoded) - out.left, &read),
				 0);
		assert_int_equal(hosted_known_keep(store, &giver, &read), 0);
		assert_int_equal(store_known_find(store, read.id, size, &known), 0);
		assert_int_equal(store_known_write(known, 0, text, sizeof(text)), 0);
		store_known_put(known);
		assert_true(hosted_known_has(store, (struct pccrr_id){read.id, (uint32_t)size},
					     &algorithm, &length));
		assert_int_equal(algorithm, algorithms[i]);
		assert_int_equal(length, sizeof(text));
	}
	store_close(store);
}

static void short_list_is_not_kept(void **state)
{
	struct offered *offered = make_offered(4, 0, BLOCKS - 1);
	struct store *store = fixture_open(LIMIT);

	(void)state;
	assert_int_equal(hosted_known_keep(store, &giver, &offered->single), -EINVAL);
	assert_int_equal(count_content_files(), 0);
	store_close(store);
	free_offered(offered);
}

/* ---- how long the last block is ---- */

#define LAST (BLOCKS - 1)
#define LAST_SIZE (SIZE - LAST * CUTTING_UNIT)

static struct store_known *known_of(struct store *store, const struct offered *offered)
{
	struct store_known *known;

	assert_int_equal(store_known_find(store, offered->id.octets, 32, &known), 0);
	return known;
}

static void assert_held(struct store *store, const struct offered *offered, uint32_t block,
			uint32_t length)
{
	unsigned char *data = malloc(CUTTING_UNIT_MAX);
	struct store_segment *segment;
	uint32_t came;

	assert_int_equal(store_segment_find(store, offered->id.octets, 32, &segment), 0);
	assert_int_equal(store_segment_read(segment, block, data, &came), 0);
	assert_int_equal(came, length);
	assert_memory_equal(data, offered->data + block * CUTTING_UNIT, length);
	store_segment_put(segment);
	free(data);
}

static void last_block_proves_how_long_it_is(void **state)
{
	static const int32_t wrong_by[] = {50, -1, 100, 1 - (int32_t)LAST_SIZE};
	struct offered *offered = make_offered(5, 0, BLOCKS);
	const unsigned char *last = offered->data + LAST * CUTTING_UNIT;

	for (unsigned i = 0; i < sizeof(wrong_by) / sizeof(wrong_by[0]); i++) {
		struct store *store = fixture_open(LIMIT);
		struct store_known *known;

		offered->single.segment.length = SIZE + (uint32_t)wrong_by[i];
		assert_int_equal(hosted_known_keep(store, &giver, &offered->single), 0);
		known = known_of(store, offered);
		assert_int_equal(
			store_known_write(known, 1, offered->data + CUTTING_UNIT, CUTTING_UNIT), 0);
		assert_int_equal(hosted_known_prove(store, &giver, known, last, LAST_SIZE), 0);
		store_known_put(known);
		assert_known(store, offered);
		assert_held(store, offered, 1, CUTTING_UNIT);
		assert_held(store, offered, LAST, LAST_SIZE);
		/* Who says it again is not believed. */
		assert_int_equal(hosted_known_keep(store, &giver, &offered->single), 0);
		store_close(store);
		assert_int_equal(count_content_files(), 1);
		store = fixture_open(LIMIT);
		assert_known(store, offered);
		assert_held(store, offered, LAST, LAST_SIZE);
		store_close(store);
		fresh(state);
	}
	free_offered(offered);
}

static void what_is_not_the_last_block_proves_nothing(void **state)
{
	struct offered *offered = make_offered(6, 0, BLOCKS);
	const unsigned char *last = offered->data + LAST * CUTTING_UNIT;
	struct store *store = fixture_open(LIMIT);
	struct store_known *known;

	(void)state;
	assert_int_equal(hosted_known_keep(store, &giver, &offered->single), 0);
	known = known_of(store, offered);
	assert_int_equal(hosted_known_prove(store, &giver, known, last, LAST_SIZE - 1), -EBADMSG);
	assert_int_equal(hosted_known_prove(store, &giver, known, offered->data, CUTTING_UNIT),
			 -EBADMSG);
	assert_int_equal(hosted_known_prove(store, &giver, known, last, 0), -EINVAL);
	assert_int_equal(hosted_known_prove(store, &giver, known, offered->data, CUTTING_UNIT + 1),
			 -EINVAL);
	store_known_put(known);
	assert_known(store, offered);
	store_close(store);
	free_offered(offered);
}

/* ---- no room ---- */

/* With what must stay. */
static void fill(struct store *store, uint64_t size)
{
	for (uint32_t i = 0, error = 0; error == 0; i++) {
		struct object *object;
		char path[48];

		snprintf(path, sizeof(path), "pinned/%u/%u", (unsigned)size, i);
		object = make_object(store, path, size);
		error = write_unit(object, i, 0) != 0;
		object_put(object);
	}
}

/* The longest list that there is. */
static void full_store_keeps_none(void **state)
{
	struct store *store = fixture_open(8 * MIB);
	struct content_v1_single single = {
		.segment = {.length = 512 * CUTTING_UNIT, .blocks = 512, .listed = 512}};
	uint8_t *hashes = make_octets(512 * 32, 5);

	(void)state;
	single.hashes = hashes;
	digest_hash(DIGEST_SHA256, hashes, 512 * 32, single.segment.hash_of_data);
	assert_int_equal(store_pin(store, "pinned", true), 0);
	fill(store, CUTTING_UNIT);
	fill(store, 4096);
	assert_int_equal(hosted_known_keep(store, &giver, &single), -ENOSPC);
	assert_int_equal(count_content_files(), 0);
	store_close(store);
	free(hashes);
}

/* ---- short ones ---- */

static struct xaddr address(uint32_t number)
{
	struct xaddr address = {.family = XADDR_IPV4, .port = 80, .octets = {10, 0}};

	address.octets[2] = (uint8_t)(number >> 8);
	address.octets[3] = (uint8_t)number;
	return address;
}

static struct hosted_lists *make_lists(void)
{
	struct hosted_lists *lists;

	assert_int_equal(hosted_lists_create(1, &lists), 0);
	return lists;
}

static void short_list_is_its_senders(void **state)
{
	struct offered *offered = make_offered(6, 4, 8);
	struct hosted_lists *lists = make_lists();
	struct xaddr one = address(1), other = address(2);
	struct hosted_list *list;
	uint64_t blocks[RANGE_SET_WORDS(PCCRR_BLOCKS)];

	(void)state;
	assert_int_equal(hosted_lists_add(lists, &one, &offered->single), 0);
	assert_null(hosted_lists_find(lists, &other, offered->id));
	one.port++;
	list = hosted_lists_find(lists, &one, offered->id);
	assert_non_null(list);
	hosted_list_blocks(list, blocks);
	assert_int_equal(blocks[0], 0xff0);
	assert_int_equal(hosted_list_check(list, 4, offered->data + 4 * CUTTING_UNIT, CUTTING_UNIT),
			 0);
	assert_int_equal(hosted_list_check(list, 5, offered->data, CUTTING_UNIT), -EBADMSG);
	assert_int_equal(hosted_list_check(list, 3, offered->data, CUTTING_UNIT), -ENOENT);
	assert_int_equal(hosted_list_check(list, UINT32_MAX, offered->data, CUTTING_UNIT), -ENOENT);
	assert_memory_equal(hosted_list_secret(list), offered->single.segment.secret, 32);
	hosted_lists_forget(lists, &one, offered->id);
	assert_null(hosted_lists_find(lists, &one, offered->id));
	hosted_lists_forget(lists, &one, offered->id);
	assert_int_equal(hosted_list_check(list, 4, offered->data + 4 * CUTTING_UNIT, CUTTING_UNIT),
			 0);
	hosted_list_put(list);
	hosted_lists_free(lists);
	free_offered(offered);
}

static void doubt_where_it_begins_ends_with_a_block(void **state)
{
	struct offered *offered = make_offered(7, 4, 8);
	struct hosted_lists *lists = make_lists();
	struct xaddr one = address(1);
	struct hosted_list *list;
	uint64_t blocks[RANGE_SET_WORDS(PCCRR_BLOCKS)];

	(void)state;
	offered->single.segment.first_listed = 0; /* or 4 */
	assert_int_equal(hosted_lists_add(lists, &one, &offered->single), 0);
	list = hosted_lists_find(lists, &one, offered->id);
	hosted_list_blocks(list, blocks);
	assert_int_equal(blocks[0], 0xfff);
	/* no proof of anything */
	assert_int_equal(hosted_list_check(list, 0, offered->data, CUTTING_UNIT), -ENOENT);
	/* listed either way */
	assert_int_equal(hosted_list_check(list, 5, offered->data, CUTTING_UNIT), -EBADMSG);
	assert_int_equal(hosted_list_check(list, 5, offered->data + 5 * CUTTING_UNIT, CUTTING_UNIT),
			 0);
	hosted_list_blocks(list, blocks);
	assert_int_equal(blocks[0], 0xff0);
	assert_int_equal(hosted_list_check(list, 11, offered->data, CUTTING_UNIT), -EBADMSG);
	hosted_list_put(list);
	hosted_lists_free(lists);
	free_offered(offered);
}

static void whole_list_is_no_short_one(void **state)
{
	struct offered *offered = make_offered(8, 0, BLOCKS);
	struct hosted_lists *lists = make_lists();
	struct xaddr one = address(1);

	(void)state;
	assert_int_equal(hosted_lists_add(lists, &one, &offered->single), -EINVAL);
	assert_null(hosted_lists_find(lists, &one, offered->id));
	hosted_lists_free(lists);
	free_offered(offered);
}

static void most_recent_lists_are_remembered(void **state)
{
	struct offered *offered = make_offered(9, 4, 8);
	struct hosted_lists *lists = make_lists();

	(void)state;
	for (uint32_t i = 0; i <= HOSTED_LISTS; i++) {
		struct xaddr server = address(i);

		assert_int_equal(hosted_lists_add(lists, &server, &offered->single), 0);
		assert_int_equal(hosted_lists_add(lists, &server, &offered->single), 0);
	}
	for (uint32_t i = 0; i <= HOSTED_LISTS; i++) {
		struct xaddr server = address(i);
		struct hosted_list *list = hosted_lists_find(lists, &server, offered->id);

		assert_int_equal(list != NULL, i > 0);
		hosted_list_put(list);
	}
	hosted_lists_free(lists);
	free_offered(offered);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(whole_list_is_kept_over_a_restart, fresh),
		cmocka_unit_test_setup(once_is_enough, fresh),
		cmocka_unit_test_setup(place_in_the_content_does_not_matter, fresh),
		cmocka_unit_test_setup(other_hash_functions_are_kept_too, fresh),
		cmocka_unit_test_setup(short_list_is_not_kept, fresh),
		cmocka_unit_test_setup(last_block_proves_how_long_it_is, fresh),
		cmocka_unit_test_setup(what_is_not_the_last_block_proves_nothing, fresh),
		cmocka_unit_test_setup(full_store_keeps_none, fresh),
		cmocka_unit_test(short_list_is_its_senders),
		cmocka_unit_test(doubt_where_it_begins_ends_with_a_block),
		cmocka_unit_test(whole_list_is_no_short_one),
		cmocka_unit_test(most_recent_lists_are_remembered),
	};

	return cmocka_run_group_tests_name("hosted_known", tests, fixture_setup, fixture_teardown);
}
