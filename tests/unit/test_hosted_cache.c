/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A hosted cache and honest clients: what is offered is pulled, kept as it may be, and given on.
 */
#include "tests/unit/hosted_fixture.h"

#define BLOCKS 20u
#define SIZE (BLOCKS * CUTTING_UNIT - 100)

static void everything_is_pulled_and_replayed(unsigned version)
{
	unsigned char *data = make_octets(SIZE, 10 + version);
	struct known_segment segment = segment_of(data, SIZE, version, 0);
	struct hosted_cache_counters counters;
	struct owner owner;

	hosted_begin();
	owner_begin(&owner, 5, data, SIZE, version);
	assert_int_equal(get_all(&segment), 0);
	offer_batch(5, owner.port, &segment, 1);
	counters = hosted_await(1);
	assert_int_equal(counters.pulled_blocks, segment.segment.blocks);
	assert_int_equal(counters.pulled_bytes, segment.segment.length);
	assert_int_equal(counters.verified_blocks, 0);
	assert_int_equal(counters.wrong + counters.malformed + counters.not_kept, 0);
	assert_int_equal(counters.offers.offers[OFFERS_QUEUED], 1);
	assert_int_equal(opaque_blocks(&segment), segment.segment.blocks);
	owner_end(&owner);
	assert_int_equal(get_all(&segment), segment.segment.blocks);
	hosted_end();
	segment_free(&segment);
	free(data);
}

static void blocks_of_version_1_are_pulled_and_replayed(void **state)
{
	(void)state;
	everything_is_pulled_and_replayed(1);
}

static void segments_of_version_2_are_pulled_and_replayed(void **state)
{
	(void)state;
	everything_is_pulled_and_replayed(2);
}

/* Three adjacent blocks are asked for without a list. */
static void few_blocks_need_no_list(void **state)
{
	unsigned char *data = make_octets(3 * CUTTING_UNIT, 1);
	struct known_segment segment = segment_of(data, 3 * CUTTING_UNIT, 1, 0);
	struct hosted_cache_counters counters;
	struct owner owner;

	(void)state;
	hosted_begin();
	owner_begin(&owner, 5, data, 3 * CUTTING_UNIT, 1);
	offer_batch(5, owner.port, &segment, 1);
	counters = hosted_await(1);
	assert_int_equal(counters.offers.lists[OFFERS_CAME], 0);
	assert_int_equal(owner_served(&owner).requests, 3);
	assert_int_equal(get_all(&segment), 3);
	owner_end(&owner);
	hosted_end();
	segment_free(&segment);
	free(data);
}

static void content_information_makes_it_verified(void **state)
{
	unsigned char *data = make_octets(SIZE, 2);
	struct known_segment segment = segment_of(data, SIZE, 1, 0);
	struct hosted_cache_counters counters;
	struct owner owner;

	(void)state;
	hosted_begin();
	owner_begin(&owner, 5, data, SIZE, 1);
	assert_int_equal(offer_initial(5, owner.port, &segment), PCHC_INTERESTED);
	counters = hosted_counters();
	assert_int_equal(hosted_offers_seen(&counters), 0);
	offer_information(5, owner.port, &segment);
	counters = hosted_await(1);
	assert_int_equal(counters.verified_blocks, BLOCKS);
	assert_int_equal(counters.pulled_blocks, BLOCKS);
	assert_int_equal(counters.wrong + counters.not_kept, 0);
	assert_int_equal(verified_blocks(&segment), BLOCKS);
	assert_int_equal(opaque_blocks(&segment), 0);
	assert_int_equal(offer_initial(5, owner.port, &segment), PCHC_OK);
	counters = hosted_await(2);
	assert_int_equal(counters.offers.needless, 1);
	assert_int_equal(counters.pulled_blocks, BLOCKS);
	owner_end(&owner);
	assert_int_equal(get_all(&segment), BLOCKS);
	hosted_end();
	segment_free(&segment);
	free(data);
}

/* An initial offer of what is known, but not held, is reason enough to pull. */
static void known_segment_is_pulled_by_an_initial_offer(void **state)
{
	unsigned char *data = make_octets(SIZE, 3);
	struct known_segment segment = segment_of(data, SIZE, 1, 0);
	struct hosted_cache_counters counters;
	struct owner owner;

	(void)state;
	hosted_begin();
	offer_information(5, 0, &segment);
	counters = hosted_await(1);
	assert_int_equal(counters.offers.offers[OFFERS_NOTHING], 1);
	owner_begin(&owner, 6, data, SIZE, 1);
	assert_int_equal(offer_initial(6, owner.port, &segment), PCHC_OK);
	counters = hosted_await(2);
	assert_int_equal(counters.verified_blocks, BLOCKS);
	owner_end(&owner);
	hosted_end();
	segment_free(&segment);
	free(data);
}

/* The list is true but for the length of the last block, which no id tells. */
/* One offers a length that is not the last block's, and another has it all. */
static void pull_despite_a_lie(uint32_t blocks)
{
	size_t size = blocks * (size_t)CUTTING_UNIT - 100;
	unsigned char *data = make_octets(size, 25);
	struct known_segment known = segment_of(data, size, 1, 0);
	struct known_segment lied = known;
	struct hosted_cache_counters counters;
	struct owner owner;

	hosted_begin();
	lied.segment.length += 70;
	offer_information(2, 9, &lied); /* nobody is there */
	hosted_await(1);
	owner_begin(&owner, 1, data, size, 1);
	assert_int_equal(offer_initial(1, owner.port, &known), PCHC_OK);
	counters = hosted_await(2);
	assert_int_equal(counters.verified_blocks, blocks);
	assert_int_equal(counters.wrong, 0);
	assert_int_equal(get_all(&known), blocks);
	owner_end(&owner);
	hosted_end();
	segment_free(&known);
	free(data);
}

static void last_block_is_as_long_as_it_is(void **state)
{
	(void)state;
	pull_despite_a_lie(4);
}

/* They are checked beside each other: none is written to what goes. */
static void blocks_beside_the_last_stay(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 20; i++)
		pull_despite_a_lie(2 + i % 7);
}

static void be_interested(struct hosted_cache_options *options)
{
	options->interested = true;
}

static void interest_can_be_forced(void **state)
{
	unsigned char *data = make_octets(SIZE, 4);
	struct known_segment segment = segment_of(data, SIZE, 1, 0);
	struct hosted_cache_counters counters;
	struct owner owner;

	(void)state;
	hosted_begin_with(LIMIT, be_interested);
	owner_begin(&owner, 5, data, SIZE, 1);
	offer_information(5, 0, &segment);
	hosted_await(1);
	assert_int_equal(offer_initial(5, owner.port, &segment), PCHC_INTERESTED);
	counters = hosted_await(2);
	assert_int_equal(counters.verified_blocks, BLOCKS);
	owner_end(&owner);
	hosted_end();
	segment_free(&segment);
	free(data);
}

static void verified_blocks_replace_opaque_ones(void **state)
{
	unsigned char *data = make_octets(SIZE, 5);
	struct known_segment segment = segment_of(data, SIZE, 1, 0);
	struct hosted_cache_counters counters;
	struct owner owner;

	(void)state;
	hosted_begin();
	owner_begin(&owner, 5, data, SIZE, 1);
	offer_batch(5, owner.port, &segment, 1);
	hosted_await(1);
	assert_int_equal(opaque_blocks(&segment), BLOCKS);
	offer_information(5, owner.port, &segment);
	counters = hosted_await(2);
	assert_int_equal(counters.verified_blocks, BLOCKS);
	assert_int_equal(opaque_blocks(&segment), 0);
	assert_int_equal(verified_blocks(&segment), BLOCKS);
	/* and nothing replaces these */
	fixture_pass(120);
	offer_batch(6, owner.port, &segment, 1);
	counters = hosted_await(3);
	assert_int_equal(counters.offers.needless, 1);
	assert_int_equal(counters.pulled_blocks, 2 * BLOCKS);
	owner_end(&owner);
	assert_int_equal(get_all(&segment), BLOCKS);
	hosted_end();
	segment_free(&segment);
	free(data);
}

/* Either version: what the store knows from elsewhere is verified. */
static void offers_of_known_segments_are_verified(unsigned version)
{
	unsigned char *data = make_octets(SIZE, 6);
	struct known_segment segment = segment_of(data, SIZE, version, 0);
	struct hosted_cache_counters counters;
	struct object *object;
	struct content *content;
	struct owner owner;
	uint64_t dropped;

	hosted_begin();
	object = make_object(hosted.store, "elsewhere", SIZE);
	content = content_of(hosted.store, data, SIZE, version);
	assert_int_equal(describe(object, content, &dropped), 0);
	content_put(content);
	owner_begin(&owner, 5, data, SIZE, version);
	offer_batch(5, owner.port, &segment, 1);
	counters = hosted_await(1);
	assert_int_equal(counters.verified_blocks, segment.segment.blocks);
	assert_int_equal(verified_blocks(&segment), segment.segment.blocks);
	assert_int_equal(octets_right(object, data), segment.segment.length);
	object_put(object);
	owner_end(&owner);
	hosted_end();
	segment_free(&segment);
	free(data);
}

static void known_segments_of_version_1_are_verified(void **state)
{
	(void)state;
	offers_of_known_segments_are_verified(1);
}

static void known_segments_of_version_2_are_verified(void **state)
{
	(void)state;
	offers_of_known_segments_are_verified(2);
}

static void all_of_it_survives_a_restart(void **state)
{
	unsigned char *data = make_octets(SIZE, 7);
	struct known_segment one = segment_of(data, SIZE, 1, 0), two = segment_of(data, SIZE, 2, 0);
	struct owner owner, other;

	(void)state;
	hosted_begin();
	owner_begin(&owner, 5, data, SIZE, 1);
	owner_begin(&other, 6, data, SIZE, 2);
	offer_information(5, owner.port, &one);
	offer_batch(6, other.port, &two, 1);
	hosted_await(2);
	owner_end(&owner);
	owner_end(&other);
	hosted_cache_free(hosted.cache);
	loop_destroy(hosted.loop);
	pool_destroy(hosted.pool);
	store_close(hosted.store);
	hosted_begin();
	assert_int_equal(get_all(&one), BLOCKS);
	assert_int_equal(get_all(&two), 1);
	assert_int_equal(offer_initial(5, 0, &one), PCHC_OK);
	hosted_end();
	segment_free(&one);
	segment_free(&two);
	free(data);
}

/* An offer of what another gave is a complaint, once that is old enough. */
static void complaint_replaces_what_another_gave(void **state)
{
	unsigned char *data = make_octets(SIZE, 8);
	struct known_segment segment = segment_of(data, SIZE, 1, 0);
	struct hosted_cache_counters counters;
	struct owner owner, other;

	(void)state;
	hosted_begin();
	owner_begin(&owner, 5, data, SIZE, 1);
	owner_begin(&other, 6, data, SIZE, 1);
	offer_batch(5, owner.port, &segment, 1);
	hosted_await(1);
	offer_batch(6, other.port, &segment, 1);
	counters = hosted_await(2);
	assert_int_equal(counters.offers.needless, 1); /* young */
	fixture_pass(120);
	offer_batch(5, owner.port, &segment, 1);
	counters = hosted_await(3);
	assert_int_equal(counters.offers.needless, 2); /* its own */
	offer_batch(6, other.port, &segment, 1);
	counters = hosted_await(4);
	assert_int_equal(counters.offers.replaced, BLOCKS);
	assert_int_equal(counters.pulled_blocks, 2 * BLOCKS);
	offer_batch(5, owner.port, &segment, 1);
	counters = hosted_await(5);
	assert_int_equal(counters.offers.offers[OFFERS_UNTRUSTED], 1);
	assert_int_equal(get_all(&segment), BLOCKS);
	owner_end(&owner);
	owner_end(&other);
	hosted_end();
	segment_free(&segment);
	free(data);
}

/* Blocks that a short list has no hashes of are not pulled, and the others are opaque. */
static void short_list_limits_what_is_pulled(void **state)
{
	unsigned char *data = make_octets(SIZE, 9);
	struct known_segment segment = segment_of(data, SIZE, 1, 0);
	struct hosted_cache_counters counters;
	struct owner owner;

	(void)state;
	hosted_begin();
	owner_begin(&owner, 5, data, SIZE, 1);
	offer_information_of(5, owner.port, &segment, 4, 8, false);
	counters = hosted_await(1);
	assert_int_equal(counters.verified_blocks, 0);
	assert_int_equal(counters.wrong, 0);
	assert_int_equal(opaque_blocks(&segment), 8);
	assert_int_equal(get_all(&segment), 8);
	assert_int_equal(offer_initial(5, owner.port, &segment), PCHC_INTERESTED);
	/* a complete one proves it */
	offer_information(5, owner.port, &segment);
	counters = hosted_await(2);
	assert_int_equal(counters.verified_blocks, BLOCKS);
	assert_int_equal(opaque_blocks(&segment), 0);
	owner_end(&owner);
	hosted_end();
	segment_free(&segment);
	free(data);
}

static void false_lists_let_nothing_in(void **state)
{
	unsigned char *data = make_octets(SIZE, 11);
	struct known_segment segment = segment_of(data, SIZE, 1, 0);
	struct hosted_cache_counters counters;
	struct owner owner;

	(void)state;
	hosted_begin();
	owner_begin(&owner, 5, data, SIZE, 1);
	offer_information_of(5, owner.port, &segment, 4, 8, true);
	counters = hosted_await(1);
	assert_true(counters.wrong > 0);
	assert_int_equal(counters.pulled_blocks, 0);
	assert_int_equal(opaque_blocks(&segment), 0);
	owner_end(&owner);
	hosted_end();
	segment_free(&segment);
	free(data);
}

/* Neither asked for nor kept. */
static void blocks_without_hashes_are_not_asked_for(uint32_t blocks, uint32_t listed)
{
	size_t size = blocks * (size_t)CUTTING_UNIT;
	unsigned char *data = make_octets(size, 13);
	struct known_segment segment = segment_of(data, size, 1, 0);
	struct hosted_cache_counters counters;
	struct owner owner;

	hosted_begin();
	owner_begin(&owner, 5, data, size, 1);
	offer_information_of(5, owner.port, &segment, 0, listed, false);
	counters = hosted_await(1);
	assert_int_equal(counters.offers.lists[OFFERS_CAME], blocks > 3);
	assert_int_equal(counters.offers.blocks[OFFERS_NOT_HERE], blocks > 3 ? 0 : blocks - listed);
	assert_int_equal(opaque_blocks(&segment), listed);
	assert_int_equal(owner_served(&owner).blocks, listed);
	/* until it is offered otherwise */
	offer_batch(5, owner.port, &segment, 1);
	hosted_await(2);
	assert_int_equal(opaque_blocks(&segment), blocks);
	assert_int_equal(owner_served(&owner).blocks, blocks);
	owner_end(&owner);
	hosted_end();
	segment_free(&segment);
	free(data);
}

static void list_of_a_short_list_is_short(void **state)
{
	(void)state;
	blocks_without_hashes_are_not_asked_for(BLOCKS, 8);
}

static void few_blocks_of_a_short_list_are_fewer(void **state)
{
	(void)state;
	blocks_without_hashes_are_not_asked_for(3, 2);
}

/* As if client NUMBER had given COUNT blocks from FIRST on just now. */
static void put_opaque(const struct known_segment *segment, unsigned number, uint32_t first,
		       uint32_t count)
{
	struct store_opaque block = {.id = segment->id,
				     .id_size = 32,
				     .algorithm = DIGEST_SHA256,
				     .segment_size = segment->segment.length,
				     .cipher = CIPHER_AES_128,
				     .size = CUTTING_UNIT + 16};
	struct in_addr at = client_address(number);
	uint8_t *data = calloc(1, CUTTING_UNIT + 16);

	block.giver.octets[0] = XADDR_IPV4;
	memcpy(block.giver.octets + 1, &at, 4);
	for (uint32_t i = first; i < first + count; i++) {
		block.block = i;
		assert_int_equal(store_opaque_write(hosted.store, &block, data,
						    STORE_OPAQUE_ROOM_OF_ALL, NULL, NULL),
				 0);
	}
	free(data);
}

static void only_what_is_missing_is_pulled(void **state)
{
	unsigned char *data = make_octets(SIZE, 14);
	struct known_segment segment = segment_of(data, SIZE, 1, 0);
	struct hosted_cache_counters counters;
	struct owner owner;

	(void)state;
	hosted_begin();
	owner_begin(&owner, 5, data, SIZE, 1);
	put_opaque(&segment, 5, 0, 2);
	put_opaque(&segment, 5, 7, 1);
	offer_batch(5, owner.port, &segment, 1);
	counters = hosted_await(1);
	assert_int_equal(counters.pulled_blocks, BLOCKS - 3);
	assert_int_equal(opaque_blocks(&segment), BLOCKS);
	owner_end(&owner);
	hosted_end();
	segment_free(&segment);
	free(data);
}

static void only_what_is_old_is_replaced(void **state)
{
	unsigned char *data = make_octets(SIZE, 15);
	struct known_segment segment = segment_of(data, SIZE, 1, 0);
	struct hosted_cache_counters counters;
	struct owner owner;

	(void)state;
	hosted_begin();
	owner_begin(&owner, 5, data, SIZE, 1);
	put_opaque(&segment, 6, 0, 2);
	fixture_pass(120);
	put_opaque(&segment, 6, 2, 3);
	put_opaque(&segment, 5, 5, 1);
	offer_batch(5, owner.port, &segment, 1);
	counters = hosted_await(1);
	assert_int_equal(counters.pulled_blocks, BLOCKS - 4);
	assert_int_equal(counters.offers.replaced, 2);
	owner_end(&owner);
	hosted_end();
	segment_free(&segment);
	free(data);
}

static void clients_are_listed(void **state)
{
	unsigned char *data = make_octets(SIZE, 12);
	struct known_segment segment = segment_of(data, SIZE, 1, 0);
	struct hosted_cache_client clients[4];
	struct owner owner;

	(void)state;
	hosted_begin();
	owner_begin(&owner, 5, data, SIZE, 1);
	offer_batch(5, owner.port, &segment, 1);
	hosted_await(1);
	offer_batch(6, 0, &segment, 1);
	hosted_await(2);
	assert_int_equal(hosted_cache_clients(hosted.cache, clients, 4), 2);
	assert_int_equal(clients[0].address.octets[3], 1 + 6);
	assert_int_equal(clients[1].address.octets[3], 1 + 5);
	assert_int_equal(clients[1].blocks, BLOCKS);
	assert_int_equal(clients[1].bytes, SIZE);
	assert_false(clients[1].banned);
	assert_int_equal(hosted_cache_clients(hosted.cache, clients, 1), 1);
	owner_end(&owner);
	hosted_end();
	segment_free(&segment);
	free(data);
}

static void certificate_is_read_anew(void **state)
{
	char message[512] = "";

	(void)state;
	hosted_begin();
	http_scene_make_certificate(hosted.cert, hosted.key);
	assert_int_equal(hosted_cache_reload(hosted.cache, message, sizeof(message)), 0);
	assert_int_equal(truncate(hosted.cert, 0), 0);
	assert_true(hosted_cache_reload(hosted.cache, message, sizeof(message)) < 0);
	assert_non_null(strstr(message, hosted.cert));
	hosted_end();
}

static const char *const taken_place[] = {"127.0.0.1:1x", NULL};

static void failure_to_listen_is_explained(void **state)
{
	struct hosted_cache_options options = {.listen = taken_place};
	struct hosted_cache *cache = NULL;
	char message[512] = "";

	(void)state;
	hosted_begin();
	options.store = hosted.store;
	options.pool = hosted.pool;
	options.loop = hosted.loop;
	assert_true(hosted_cache_create(&options, &cache, message, sizeof(message)) < 0);
	assert_non_null(strstr(message, "127.0.0.1:1x"));
	assert_null(cache);
	hosted_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_of_version_1_are_pulled_and_replayed),
		cmocka_unit_test(segments_of_version_2_are_pulled_and_replayed),
		cmocka_unit_test(few_blocks_need_no_list),
		cmocka_unit_test(content_information_makes_it_verified),
		cmocka_unit_test(known_segment_is_pulled_by_an_initial_offer),
		cmocka_unit_test(last_block_is_as_long_as_it_is),
		cmocka_unit_test(blocks_beside_the_last_stay),
		cmocka_unit_test(interest_can_be_forced),
		cmocka_unit_test(verified_blocks_replace_opaque_ones),
		cmocka_unit_test(known_segments_of_version_1_are_verified),
		cmocka_unit_test(known_segments_of_version_2_are_verified),
		cmocka_unit_test(all_of_it_survives_a_restart),
		cmocka_unit_test(complaint_replaces_what_another_gave),
		cmocka_unit_test(short_list_limits_what_is_pulled),
		cmocka_unit_test(false_lists_let_nothing_in),
		cmocka_unit_test(list_of_a_short_list_is_short),
		cmocka_unit_test(few_blocks_of_a_short_list_are_fewer),
		cmocka_unit_test(only_what_is_missing_is_pulled),
		cmocka_unit_test(only_what_is_old_is_replaced),
		cmocka_unit_test(clients_are_listed),
		cmocka_unit_test(certificate_is_read_anew),
		cmocka_unit_test(failure_to_listen_is_explained),
	};

	return cmocka_run_group_tests_name("hosted_cache", tests, fixture_setup, fixture_teardown);
}
