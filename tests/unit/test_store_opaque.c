/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Opaque blocks in the store: written, read, replaced, dropped, looked up, counted for their
 * givers, and there again after a restart.
 */
#include "tests/unit/store_opaque_fixture.h"

#include <xxhash.h>

static void what_was_written_is_read(void **state)
{
	struct store *store = fixture_open(LIMIT);

	(void)state;
	assert_int_equal(read_opaque(store, 1, 0, 1, USUAL), -ENOENT);
	assert_int_equal(write_opaque(store, 1, 0, 1, USUAL, 5), 0);
	assert_false(had);
	assert_int_equal(read_opaque(store, 1, 0, 1, USUAL), 0);
	assert_int_equal(read_opaque(store, 1, 1, 1, USUAL), -ENOENT);
	assert_int_equal(read_opaque(store, 2, 0, 1, USUAL), -ENOENT);
	assert_int_equal(usage(store).opaque, 1);
	assert_int_equal(usage(store).contents, 0);
	store_close(store);
	assert_consistent();
}

static void all_sizes_and_ids_are_kept(void **state)
{
	static const uint32_t sizes[] = {1, 15, 16, 4096, 65536, USUAL, STORE_OPAQUE_MAX};
	static const size_t id_sizes[] = {32, 48, 64};
	struct store *store = fixture_open(LIMIT);
	uint8_t id[DIGEST_SIZE_MAX], *data = malloc(STORE_OPAQUE_MAX);

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		assert_int_equal(write_opaque(store, 10 + (uint32_t)i, 511, 1, sizes[i], 5), 0);
		assert_int_equal(read_opaque(store, 10 + (uint32_t)i, 511, 1, sizes[i]), 0);
	}
	for (size_t i = 0; i < 3; i++) {
		struct store_opaque block = describe_opaque(50, 3, 1, 100, 5, id), got;

		/* The same octets, of which the id has more or less. */
		block.id_size = id_sizes[i];
		block.segment_size = (uint32_t)i;
		fixture_fill(data, 100, i);
		assert_int_equal(store_opaque_write(store, &block, data, STORE_OPAQUE_ROOM_OF_ALL,
						    &had, NULL),
				 0);
		assert_false(had);
		assert_int_equal(store_opaque_read(store, id, id_sizes[i], 3, &got, data), 0);
		assert_int_equal(got.segment_size, i);
	}
	free(data);
	store_close(store);
	assert_consistent();
}

static void impossible_blocks_are_refused(void **state)
{
	struct store *store = fixture_open(LIMIT);
	uint8_t id[DIGEST_SIZE_MAX], data[STORE_OPAQUE_MAX + 1] = {0};
	struct store_opaque got;

	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		struct store_opaque block = describe_opaque(1, 0, 1, 100, 5, id);
		enum store_opaque_room room = STORE_OPAQUE_ROOM_OF_ALL;

		if (i == 0)
			block.size = 0;
		else if (i == 1)
			block.size = STORE_OPAQUE_MAX + 1;
		else if (i == 2)
			block.size = UINT32_MAX;
		else if (i == 3)
			block.block = STORE_SEGMENT_BLOCKS;
		else if (i == 4)
			block.id_size = 31;
		else if (i == 5)
			block.id_size = DIGEST_SIZE_MAX + 1;
		else if (i == 6)
			block.algorithm = DIGEST_ALGORITHMS;
		else
			room = 2;
		assert_int_equal(store_opaque_write(store, &block, data, room, NULL, NULL),
				 -EINVAL);
	}
	assert_int_equal(write_opaque(store, 1, 0, 1, 100, 5), 0);
	make_id(1, id);
	assert_int_equal(store_opaque_read(store, id, 0, 0, &got, data), -ENOENT);
	assert_int_equal(store_opaque_read(store, id, SIZE_MAX, 0, &got, data), -ENOENT);
	assert_int_equal(store_opaque_read(store, id, ID_SIZE, 512, &got, data), -ENOENT);
	assert_int_equal(store_opaque_read(store, id, ID_SIZE, UINT32_MAX, &got, data), -ENOENT);
	assert_int_equal(store_opaque_drop(store, id, ID_SIZE, 512), -ENOENT);
	assert_int_equal(usage(store).opaque, 1);
	store_close(store);
}

static void a_second_one_replaces_the_first(void **state)
{
	struct store *store = fixture_open(LIMIT);
	struct store_giver five = giver_of(5);

	(void)state;
	assert_int_equal(write_opaque(store, 1, 7, 1, USUAL, 5), 0);
	assert_int_equal(write_opaque(store, 1, 8, 1, 1000, 5), 0);
	assert_int_equal(write_opaque(store, 1, 7, 2, 1234, 6), 0);
	assert_true(had);
	assert_memory_equal(&former, &five, sizeof(five));
	assert_int_equal(read_opaque(store, 1, 7, 2, 1234), 0);
	assert_int_equal(read_opaque(store, 1, 8, 1, 1000), 0);
	assert_int_equal(usage(store).opaque, 2);
	assert_int_equal(share_of(store, 5), 1000);
	assert_int_equal(share_of(store, 6), 1234);
	assert_int_equal(store_opaque_octets(store), 2234);
	store_close(store);
	assert_consistent();
}

static void a_pack_without_a_living_block_goes(void **state)
{
	struct store *store = fixture_open(LIMIT);

	(void)state;
	for (uint32_t variant = 0; variant < 200; variant++)
		assert_int_equal(write_opaque(store, 1, 0, variant, USUAL, 5), 0);
	assert_int_equal(read_opaque(store, 1, 0, 199, USUAL), 0);
	assert_int_equal(usage(store).opaque, 1);
	assert_int_equal(share_of(store, 5), USUAL);
	store_close(store);
	assert_consistent();
	assert_int_equal(count_files("data"), 1);
	assert_true(disk_usage() < 6 * MIB);
}

static void dropped_blocks_are_gone(void **state)
{
	struct store *store = fixture_open(LIMIT);

	(void)state;
	assert_int_equal(drop_opaque(store, 1, 0), -ENOENT);
	for (uint32_t block = 0; block < 10; block++)
		assert_int_equal(write_opaque(store, 1, block, 1, USUAL, 5), 0);
	for (uint32_t block = 0; block < 10; block++) {
		assert_int_equal(drop_opaque(store, 1, block), 0);
		assert_int_equal(drop_opaque(store, 1, block), -ENOENT);
		assert_int_equal(read_opaque(store, 1, block, 1, USUAL), -ENOENT);
	}
	assert_int_equal(usage(store).opaque, 0);
	assert_int_equal(share_of(store, 5), 0);
	store_close(store);
	assert_consistent();
	assert_int_equal(count_files("data"), 0);
}

/* ---- looking ---- */

static void blocks_held_are_told(void **state)
{
	struct store *store = fixture_open(LIMIT);
	uint64_t held[STORE_SEGMENT_WORDS], age;
	uint8_t id[DIGEST_SIZE_MAX];

	(void)state;
	make_id(3, id);
	assert_int_equal(store_opaque_held(store, id, ID_SIZE, held, &age), 0);
	assert_int_equal(age, 0);
	assert_int_equal(write_opaque(store, 3, 511, 1, 100, 5), 0);
	fixture_pass(100);
	assert_int_equal(write_opaque(store, 3, 0, 1, 100, 5), 0);
	assert_int_equal(write_opaque(store, 3, 64, 1, 100, 6), 0);
	fixture_pass(7);
	assert_int_equal(store_opaque_held(store, id, ID_SIZE, held, &age), 3);
	assert_int_equal(age, 107000);
	for (unsigned i = 0; i < STORE_SEGMENT_WORDS; i++)
		assert_int_equal(held[i], i < 2 ? 1 : i == 7 ? UINT64_C(1) << 63 : 0);
	/* The clock may be set back. */
	fixture_pass(-1000);
	assert_int_equal(store_opaque_held(store, id, ID_SIZE, held, &age), 3);
	assert_int_equal(age, 0);
	store_close(store);
}

static void blocks_held_are_listed_with_their_givers(void **state)
{
	struct store_opaque_held list[STORE_SEGMENT_BLOCKS];
	struct store *store = fixture_open(LIMIT);
	uint8_t id[DIGEST_SIZE_MAX];

	(void)state;
	for (uint32_t block = 0; block < STORE_SEGMENT_BLOCKS; block++)
		assert_int_equal(write_opaque(store, 3, block, 1, 10, block % 3), 0);
	assert_int_equal(write_opaque(store, 4, 9, 1, 10, 9), 0);
	fixture_pass(2);
	make_id(3, id);
	assert_int_equal(store_opaque_list(store, id, ID_SIZE, list), STORE_SEGMENT_BLOCKS);
	for (uint32_t block = 0; block < STORE_SEGMENT_BLOCKS; block++) {
		struct store_giver giver = giver_of(block % 3);

		assert_int_equal(list[block].block, block);
		assert_int_equal(list[block].algorithm, DIGEST_SHA512_TRUNC256);
		assert_int_equal(list[block].segment_size, 100003);
		assert_int_equal(list[block].age_ms, 2000);
		assert_memory_equal(&list[block].giver, &giver, sizeof(giver));
	}
	make_id(5, id);
	assert_int_equal(store_opaque_list(store, id, ID_SIZE, list), 0);
	store_close(store);
	assert_consistent();
}

static void many_are_looked_up_at_once(void **state)
{
	enum { COUNT = 300 };
	static uint8_t ids[COUNT][DIGEST_SIZE_MAX];
	struct store_segment_summary summaries[COUNT];
	struct store *store = fixture_open(LIMIT);
	const uint8_t *list[COUNT];
	size_t sizes[COUNT];

	(void)state;
	for (uint32_t i = 0; i < COUNT; i++) {
		make_id(i, ids[i]);
		list[i] = ids[i];
		sizes[i] = ID_SIZE;
	}
	sizes[1] = SIZE_MAX;
	memset(summaries, 0xff, sizeof(summaries));
	assert_int_equal(store_opaque_look(store, list, sizes, COUNT, summaries), 0);
	for (uint32_t i = 0; i < COUNT; i++)
		assert_int_equal(summaries[i].held, 0);
	for (uint32_t i = 0; i < COUNT; i += 3)
		for (uint32_t block = 0; block <= i % 2; block++)
			assert_int_equal(write_opaque(store, i, block, 1, 10, 1), 0);
	fixture_pass(3);
	memset(summaries, 0xff, sizeof(summaries));
	assert_int_equal(store_opaque_look(store, list, sizes, COUNT, summaries), 0);
	for (uint32_t i = 0; i < COUNT; i++) {
		assert_int_equal(summaries[i].held, i % 3 == 0 ? 1 + i % 2 : 0);
		assert_int_equal(summaries[i].age_ms, i % 3 == 0 ? 3000 : 0);
		assert_int_equal(summaries[i].blocks, 0);
	}
	store_close(store);
}

/* With the seed, which nobody outside has: a first word at which the hash forgets the second one.
 */
static void make_colliding(uint64_t seed, uint64_t second, uint8_t id[DIGEST_SIZE_MAX])
{
	static const uint8_t secret[] = {0xb8, 0xfe, 0x6c, 0x39, 0x23, 0xa4, 0x4b, 0xbe};
	uint64_t first;

	memset(id, 7, DIGEST_SIZE_MAX);
	memcpy(&first, secret, sizeof(first));
	first += seed;
	memcpy(id, &first, sizeof(first));
	memcpy(id + 8, &second, sizeof(second));
}

static void ids_of_the_same_number_are_told_apart(void **state)
{
	struct store *store = fixture_open(LIMIT);
	uint8_t unused[DIGEST_SIZE_MAX], ids[2][DIGEST_SIZE_MAX], data[STORE_OPAQUE_MAX] = {0};
	struct store_opaque block = describe_opaque(1, 0, 1, 100, 5, unused), got;
	uint64_t seed;

	(void)state;
	store_close(store);
	seed = (uint64_t)ask_sql("SELECT seed FROM opaques");
	store = fixture_open(LIMIT);
	for (unsigned i = 0; i < 2; i++)
		make_colliding(seed, i, ids[i]);
	assert_int_equal(XXH3_64bits_withSeed(ids[0], ID_SIZE, seed),
			 XXH3_64bits_withSeed(ids[1], ID_SIZE, seed));
	for (unsigned i = 0; i < 2; i++) {
		block.id = ids[i];
		assert_int_equal(store_opaque_write(store, &block, data, STORE_OPAQUE_ROOM_OF_ALL,
						    &had, NULL),
				 0);
		assert_int_equal(had, i);
		assert_int_equal(store_opaque_read(store, ids[1 - i], ID_SIZE, 0, &got, data),
				 -ENOENT);
		assert_int_equal(store_opaque_read(store, ids[i], ID_SIZE, 0, &got, data), 0);
	}
	assert_int_equal(usage(store).opaque, 1);
	assert_int_equal(usage(store).checksum_errors, 0);
	store_close(store);
	assert_consistent();
}

static void a_row_of_another_number_leads_nowhere(void **state)
{
	struct store *store = fixture_open(LIMIT);
	uint8_t id[DIGEST_SIZE_MAX];
	uint64_t seed;
	char sql[256];

	(void)state;
	assert_int_equal(write_opaque(store, 1, 0, 1, USUAL, 5), 0);
	store_close(store);
	seed = (uint64_t)ask_sql("SELECT seed FROM opaques");
	make_id(2, id);
	snprintf(sql, sizeof(sql), "UPDATE opaque SET id = %lld",
		 (long long)(XXH3_64bits_withSeed(id, ID_SIZE, seed) & ~511ull));
	run_sql(sql);
	store = fixture_open(LIMIT);
	assert_true(is_held(store, 2, 0));
	assert_int_equal(read_opaque(store, 2, 0, 1, USUAL), -EBADMSG);
	assert_int_equal(read_opaque(store, 2, 0, 1, USUAL), -ENOENT);
	assert_int_equal(read_opaque(store, 1, 0, 1, USUAL), -ENOENT);
	store_close(store);
	assert_consistent();
}

/* ---- walking ---- */

enum { WALKED = 150 };

struct walked {
	unsigned count, end;
	bool seen[WALKED];
	struct store *store;
};

static int note_walked(void *context, const struct store_opaque *block, const void *data)
{
	struct walked *walked = context;
	uint8_t id[DIGEST_SIZE_MAX], wanted[2000];
	uint32_t segment = block->segment_size - 100000;
	struct store_opaque right = describe_opaque(segment, 2, 1, 1000 + segment, segment, id);

	assert_in_range(segment, 0, WALKED - 1);
	assert_false(walked->seen[segment]);
	walked->seen[segment] = true;
	assert_int_equal(block->id_size, ID_SIZE);
	assert_memory_equal(block->id, id, ID_SIZE);
	assert_int_equal(block->block, 2);
	assert_int_equal(block->size, right.size);
	assert_int_equal(block->cipher, right.cipher);
	assert_int_equal(block->algorithm, right.algorithm);
	assert_memory_equal(block->iv, right.iv, sizeof(right.iv));
	assert_memory_equal(&block->giver, &right.giver, sizeof(right.giver));
	fixture_fill(wanted, right.size, opaque_seed(segment, 2, 1));
	assert_memory_equal(data, wanted, right.size);
	/* What EACH does may be anything that others could do. */
	if (segment % 2 == 1)
		assert_int_equal(drop_opaque(walked->store, segment, 2), 0);
	return ++walked->count == walked->end ? -ECANCELED : 0;
}

static void all_are_walked_through(void **state)
{
	struct store *store = fixture_open(LIMIT);
	struct walked walked = {.store = store, .end = 100};

	(void)state;
	assert_int_equal(store_opaque_walk(store, note_walked, &walked), 0);
	for (uint32_t i = 0; i < WALKED; i++)
		assert_int_equal(write_opaque(store, i, 2, 1, 1000 + i, i), 0);
	assert_int_equal(store_opaque_walk(store, note_walked, &walked), -ECANCELED);
	assert_int_equal(walked.count, 100);
	assert_int_equal(usage(store).opaque, 100);
	walked = (struct walked){.store = store};
	assert_int_equal(store_opaque_walk(store, note_walked, &walked), 0);
	assert_int_equal(walked.count, 100);
	store_close(store);
	assert_consistent();
}

/* ---- givers ---- */

static void shares_are_what_is_held(void **state)
{
	struct store *store = fixture_open(LIMIT);
	struct store_giver nobody = giver_of(99);
	uint64_t given, held;

	(void)state;
	for (uint32_t i = 0; i < 40; i++)
		assert_int_equal(write_opaque(store, i, 0, 1, 1000 + i, i % 2), 0);
	assert_int_equal(share_of(store, 0), 20 * 1000 + 380);
	assert_int_equal(share_of(store, 1), 20 * 1000 + 400);
	store_opaque_share(store, &nobody, &given, &held);
	assert_int_equal(given, 0);
	assert_true(held >= 40 * 1000);
	write_object(store, "checked", 1, 5 * MIB);
	store_opaque_share(store, &nobody, &given, &held);
	assert_true(held >= 5 * MIB);
	store_close(store);
	assert_consistent();
	store = fixture_open(LIMIT);
	assert_int_equal(share_of(store, 0), 20 * 1000 + 380);
	assert_int_equal(share_of(store, 1), 20 * 1000 + 400);
	assert_int_equal(store_clear(store, NULL, NULL), 0);
	assert_int_equal(share_of(store, 0), 0);
	store_close(store);
	assert_consistent();
	assert_int_equal(ask_sql("SELECT count(*) FROM giver"), 0);
}

/* More than may have packs open, taking turns: nobody leaves a file for each block. */
static void givers_who_take_turns_fill_their_packs(void **state)
{
	enum { GIVERS = 100, TURNS = 10 };
	struct store *store = fixture_open(LIMIT);

	(void)state;
	for (uint32_t i = 0; i < GIVERS * TURNS; i++)
		assert_int_equal(write_opaque(store, i, 0, 1, 2000, i % GIVERS), 0);
	for (uint32_t i = 0; i < GIVERS * TURNS; i++)
		assert_int_equal(read_opaque(store, i, 0, 1, 2000), 0);
	store_close(store);
	assert_int_equal(count_files("data"), GIVERS);
	assert_consistent();
	store = fixture_open(LIMIT);
	for (uint32_t i = 0; i < GIVERS; i++)
		assert_int_equal(write_opaque(store, i, 1, 1, 2000, i), 0);
	for (uint32_t i = 0; i < GIVERS * TURNS; i++)
		assert_int_equal(read_opaque(store, i, 0, 1, 2000), 0);
	assert_int_equal(usage(store).checksum_errors, 0);
	store_close(store);
	assert_int_equal(count_files("data"), GIVERS);
	assert_consistent();
}

/* A pack is of one giver. */
static void givers_do_not_share_packs(void **state)
{
	struct store *store = fixture_open(LIMIT);

	(void)state;
	for (uint32_t i = 0; i < 60; i++)
		assert_int_equal(write_opaque(store, i, 0, 1, 100, i % 3), 0);
	write_object(store, "small", 1, 100);
	store_close(store);
	assert_int_equal(count_files("data"), 4);
	assert_int_equal(ask_sql("SELECT count(DISTINCT pack) FROM opaque"), 3);
	assert_int_equal(ask_sql("SELECT count(DISTINCT present) FROM run WHERE present <> 0"), 3);
}

/* ---- restarts ---- */

static void all_is_there_after_a_restart(void **state)
{
	struct store *store = fixture_open(LIMIT);

	(void)state;
	for (uint32_t i = 0; i < 300; i++)
		assert_int_equal(write_opaque(store, i, i % 512, i, 1000 + i * 50, i % 7), 0);
	for (uint32_t round = 0; round < 3; round++) {
		store_close(store);
		assert_consistent();
		store = fixture_open(LIMIT);
		assert_int_equal(usage(store).opaque, 300);
		assert_int_equal(usage(store).contents, 0);
		for (uint32_t i = 0; i < 300; i++)
			assert_int_equal(read_opaque(store, i, i % 512, i, 1000 + i * 50), 0);
	}
	store_close(store);
}

static void an_index_of_before_gets_the_tables(void **state)
{
	struct store *store = fixture_open(LIMIT);

	(void)state;
	write_object(store, "a", 1, 100);
	store_close(store);
	run_sql("DROP TABLE opaque; DROP TABLE giver; DROP TABLE opaques; DROP INDEX run_giver");
	store = fixture_open(LIMIT);
	assert_int_equal(count_right(store, "a", 1, 100), 1);
	assert_int_equal(write_opaque(store, 1, 0, 1, USUAL, 5), 0);
	assert_int_equal(read_opaque(store, 1, 0, 1, USUAL), 0);
	store_close(store);
	assert_consistent();
}

static void a_store_without_names_has_them_as_well(void **state)
{
	struct store_options options = {.directory = fixture_path(""),
					.unlinked = true,
					.scope = "s",
					.limit = 8 * MIB,
					.now = fixture_now};
	struct store *store;
	char message[256];

	(void)state;
	assert_int_equal(store_open(&options, &store, message, sizeof(message)), 0);
	for (uint32_t i = 0; i < 300; i++) {
		assert_int_equal(write_opaque(store, i, 0, 1, USUAL, i % 2), 0);
		assert_int_equal(read_opaque(store, i, 0, 1, USUAL), 0);
		fixture_pass(1);
	}
	assert_int_equal(read_opaque(store, 0, 0, 1, USUAL), -ENOENT);
	assert_int_equal(store_clear(store, NULL, NULL), 0);
	assert_int_equal(usage(store).opaque, 0);
	store_close(store);
	assert_int_equal(count_files(""), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_was_written_is_read),
		TEST(all_sizes_and_ids_are_kept),
		TEST(impossible_blocks_are_refused),
		TEST(a_second_one_replaces_the_first),
		TEST(a_pack_without_a_living_block_goes),
		TEST(dropped_blocks_are_gone),
		TEST(blocks_held_are_told),
		TEST(blocks_held_are_listed_with_their_givers),
		TEST(many_are_looked_up_at_once),
		TEST(ids_of_the_same_number_are_told_apart),
		TEST(a_row_of_another_number_leads_nowhere),
		TEST(all_are_walked_through),
		TEST(shares_are_what_is_held),
		TEST(givers_who_take_turns_fill_their_packs),
		TEST(givers_do_not_share_packs),
		TEST(all_is_there_after_a_restart),
		TEST(an_index_of_before_gets_the_tables),
		TEST(a_store_without_names_has_them_as_well),
	};

	log_open("/dev/null", LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
