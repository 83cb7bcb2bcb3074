/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Who has brought over half of what is held displaces his own, and nobody else's.
 */
#include "tests/unit/store_content_fixture.h"

#include "cache/content_v1.h"
#include "cache/secret.h"
#include "cache/store_known.h"
#include "cache/store_opaque.h"
#include "peer/hosted_known.h"
#include "peer/hosted_share.h"

#define SMALL (16 * MIB)

static const struct offers_giver modest = {{4, 192, 0, 2, 1}}, greedy = {{4, 192, 0, 2, 2}};

static struct {
	struct store *store;
	struct hosted_share *share;
} scene;

static int scene_begin(void **state)
{
	fixture_clean();
	if (fixture_setup(state) != 0)
		return -1;
	scene.store = fixture_open(SMALL);
	return hosted_share_create(scene.store, 7, &scene.share);
}

static int scene_end(void **state)
{
	(void)state;
	hosted_share_free(scene.share);
	store_close(scene.store);
	return 0;
}

/* ---- lists, and blocks that fit them ---- */

struct listed {
	struct content_v1_single single;
	uint8_t hashes[CONTENT_V1_BLOCKS * 32];
};

/* Of BLOCKS equal blocks that nobody else has. */
static struct listed *make_listed(uint32_t number, uint32_t blocks, unsigned char **block_out)
{
	struct listed *listed = calloc(1, sizeof(*listed));
	struct content_v1_single *single = &listed->single;

	*block_out = make_octets(CUTTING_UNIT, number);
	single->segment.length = blocks * CUTTING_UNIT;
	single->segment.blocks = single->segment.listed = blocks;
	assert_int_equal(digest_hash(DIGEST_SHA256, *block_out, CUTTING_UNIT, listed->hashes), 0);
	for (uint32_t i = 1; i < blocks; i++)
		memcpy(listed->hashes + i * 32, listed->hashes, 32);
	assert_int_equal(digest_hash(DIGEST_SHA256, listed->hashes, blocks * 32,
				     single->segment.hash_of_data),
			 0);
	assert_int_equal(secret_segment_id(DIGEST_SHA256, single->segment.secret,
					   single->segment.hash_of_data, single->id),
			 0);
	single->hashes = listed->hashes;
	return listed;
}

static void write_blocks(const struct listed *listed, const struct offers_giver *giver,
			 const unsigned char *block, uint32_t count)
{
	struct store_known *known;

	assert_int_equal(store_known_find(scene.store, listed->single.id, 32, &known), 0);
	for (uint32_t i = 0; i < count; i++) {
		hosted_share_make_room(scene.share, giver, CUTTING_UNIT);
		assert_int_equal(store_known_write(known, i, block, CUTTING_UNIT), 0);
	}
	store_known_put(known);
}

/* A list of LISTED blocks, of which COUNT come. Whether it is there afterwards. */
static bool bring(const struct offers_giver *giver, uint32_t number, uint32_t listed_blocks,
		  uint32_t count)
{
	enum digest_algorithm algorithm;
	unsigned char *block;
	struct listed *listed = make_listed(number, listed_blocks, &block);
	struct pccrr_id id = {listed->single.id, 32};
	uint32_t length;
	bool there;

	hosted_share_make_room(scene.share, giver, CONTENT_V1_SINGLE_MAX);
	assert_int_equal(hosted_known_keep(scene.store, giver, &listed->single), 0);
	if (count > 0)
		write_blocks(listed, giver, block, count);
	there = hosted_known_has(scene.store, id, &algorithm, &length);
	free(listed);
	free(block);
	return there;
}

/* ---- opaque ones ---- */

#define OPAQUE_SIZE (CUTTING_UNIT + 16u)

static void give(const struct offers_giver *giver, uint32_t segment, uint32_t blocks)
{
	unsigned char *data = make_octets(OPAQUE_SIZE, segment);
	uint8_t id[32] = {1, (uint8_t)segment};
	struct store_opaque opaque = {.id = id,
				      .id_size = sizeof(id),
				      .algorithm = DIGEST_SHA256,
				      .segment_size = blocks * CUTTING_UNIT,
				      .cipher = 1,
				      .size = OPAQUE_SIZE};

	memcpy(opaque.giver.octets, giver->octets, sizeof(opaque.giver.octets));
	for (opaque.block = 0; opaque.block < blocks; opaque.block++)
		assert_int_equal(store_opaque_write(scene.store, &opaque, data,
						    STORE_OPAQUE_ROOM_OF_ALL, NULL, NULL),
				 0);
	free(data);
}

static uint32_t given(uint32_t segment)
{
	uint64_t held[STORE_SEGMENT_WORDS];
	uint8_t id[32] = {1, (uint8_t)segment};

	return store_opaque_held(scene.store, id, sizeof(id), held, NULL);
}

/* ---- the rule ---- */

static void flood_of_lists_displaces_lists(void **state)
{
	(void)state;
	give(&modest, 1, 64);
	for (uint32_t i = 0; i < 1200; i++)
		assert_true(bring(&greedy, i, CONTENT_V1_BLOCKS, 0));
	assert_int_equal(given(1), 64);
}

static void flood_of_blocks_displaces_blocks(void **state)
{
	(void)state;
	give(&modest, 1, 64);
	assert_true(bring(&modest, 9999, 16, 16));
	for (uint32_t i = 0; i < 40; i++)
		assert_true(bring(&greedy, i, 16, 16));
	assert_int_equal(given(1), 64);
	assert_true(bring(&modest, 9999, 16, 0));
}

/* In equal parts of both kinds, each being less than half. */
static void opaque_blocks_count_too(void **state)
{
	(void)state;
	give(&modest, 1, 32);
	give(&greedy, 2, 90);
	for (uint32_t i = 0; i < 40; i++)
		assert_true(bring(&greedy, i, 16, 16));
	assert_int_equal(given(1), 32);
}

/* The newest is kept, however much he has of the other kind. */
static void both_kinds_make_room(void **state)
{
	uint64_t before;

	(void)state;
	give(&modest, 1, 16);
	give(&greedy, 2, 150);
	before = given(2);
	for (uint32_t i = 0; i < 6; i++)
		assert_true(bring(&greedy, i, 16, 16));
	assert_true(given(2) < before);
	assert_true(bring(&greedy, 3, 16, 0));
	assert_int_equal(given(1), 16);
}

/* Below half, age decides as ever. */
static void who_has_little_displaces_what_is_old(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 14; i++)
		assert_true(bring(&greedy, i, 16, 16));
	fixture_pass(60);
	assert_true(bring(&modest, 100, 64, 64));
	assert_true(bring(&modest, 100, 64, 0));
}

static void givers_are_read_from_paths(void **state)
{
	char path[HOSTED_KNOWN_PATH_MAX + 16];
	struct offers_giver giver;

	(void)state;
	hosted_known_folder(&modest, path);
	assert_string_equal(path, "offered/04c000020100000000");
	assert_false(hosted_known_giver(path, &giver));
	strcat(path, "/ab-1");
	assert_true(hosted_known_giver(path, &giver));
	assert_memory_equal(&giver, &modest, sizeof(giver));
	assert_false(hosted_known_giver("offered/04c0000201/x", &giver));
	assert_false(hosted_known_giver("offered/ 4c000020100000000/x", &giver));
	assert_false(hosted_known_giver("offers/04c000020100000000/x", &giver));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(flood_of_lists_displaces_lists, scene_begin,
						scene_end),
		cmocka_unit_test_setup_teardown(flood_of_blocks_displaces_blocks, scene_begin,
						scene_end),
		cmocka_unit_test_setup_teardown(opaque_blocks_count_too, scene_begin, scene_end),
		cmocka_unit_test_setup_teardown(both_kinds_make_room, scene_begin, scene_end),
		cmocka_unit_test_setup_teardown(who_has_little_displaces_what_is_old, scene_begin,
						scene_end),
		cmocka_unit_test(givers_are_read_from_paths),
	};

	return cmocka_run_group_tests_name("hosted_share", tests, fixture_setup, fixture_teardown);
}
