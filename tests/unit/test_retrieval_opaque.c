/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the retrieval server answers where blocks are held opaque (hosted-cache.md section 9): they
 * are replayed, and told of together with those that are held checked.
 */
#include "tests/unit/retrieval_fixture.h"

static struct client client;

static int begin_opaque(void **state)
{
	(void)state;
	setup(NULL);
	come(&client);
	return 0;
}

static int begin_plaintext(void **state)
{
	(void)state;
	begin_with(&(struct retrieval_server_options){.plaintext = true});
	come(&client);
	return 0;
}

static int end(void **state)
{
	raw_close(&client);
	return teardown(state);
}

/* Asks for BLOCK, wishing for CIPHER. */
static struct pccrr_answer ask(uint32_t block, enum cipher_algorithm cipher, struct reply *reply)
{
	struct pccrr_request request = ask_block(segment, block);

	request.cipher = cipher;
	return exchange(&client, &request, reply);
}

static void expect_replay(const struct pccrr_answer *answer, const struct made_up_opaque *opaque)
{
	assert_int_equal(answer->cipher, opaque->of.cipher);
	assert_int_equal(answer->block, opaque->of.block);
	assert_int_equal(answer->size, opaque->of.size);
	for (uint32_t i = 0; i < answer->size; i++)
		if (answer->data[i] != opaque->octet)
			fail_msg("octet %u", i);
	if (opaque->of.cipher != CIPHER_NONE)
		assert_memory_equal(answer->iv, opaque->of.iv, CIPHER_IV_SIZE);
}

/* ---- blocks ---- */

static void opaque_block_is_replayed_whatever_is_asked_for(void **state)
{
	const struct made_up_opaque *opaque = hold_opaque(segment, 9, 0xaa);

	(void)state;
	for (unsigned wish = 0; wish < CIPHER_ALGORITHMS; wish++) {
		struct reply reply;
		struct pccrr_answer answer = ask(9, wish, &reply);

		expect_replay(&answer, opaque);
		raw_free(&reply);
	}
	assert_int_equal(counters().blocks, CIPHER_ALGORITHMS);
	assert_int_equal(counters().bytes, CIPHER_ALGORITHMS * CUTTING_UNIT);
}

/* The answer, octet by octet: header, id, indexes; the block; no verification data, the IV. */
static void replayed_message_is_ours_around_the_block(void **state)
{
	struct made_up_opaque *opaque = hold_opaque(segment, 1, 0xbb);
	struct octets head = vectors_unhex("00000078"
					   "00000001000000050000007800000002" WORKED_ID
					   "000000010000000300000020");
	struct octets tail = vectors_unhex("0000000000000010"
					   "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb");
	struct reply reply;
	uint8_t block[32];

	(void)state;
	memset(block, 0xbb, sizeof(block));
	opaque->of.size = sizeof(block);
	opaque->of.cipher = CIPHER_AES_192;
	ask(1, CIPHER_AES_128, &reply);
	assert_int_equal(reply.size, head.size + sizeof(block) + tail.size);
	assert_memory_equal(reply.body, head.data, head.size);
	assert_memory_equal(reply.body + head.size, block, sizeof(block));
	assert_memory_equal(reply.body + head.size + sizeof(block), tail.data, tail.size);
	raw_free(&reply);
	octets_free(&head);
	octets_free(&tail);
}

static void segment_that_is_held_opaque_alone_is_served(void **state)
{
	struct store_segment other = {.id = {0xc0, 1, 2}};
	struct pccrr_request request = ask_block(&other, 0);
	struct made_up_opaque *opaque = hold_opaque(&other, 0, 0xcc);
	struct pccrr_answer answer;
	struct reply reply;

	(void)state;
	opaque->of.algorithm = DIGEST_SHA512_TRUNC256;
	opaque->of.segment_size = CUTTING_UNIT_MAX;
	opaque->of.size = STORE_OPAQUE_MAX;
	answer = exchange(&client, &request, &reply);
	expect_replay(&answer, opaque);
	assert_int_equal(answer.next, 0);
	assert_int_equal(counters().bytes, CUTTING_UNIT_MAX);
	raw_free(&reply);
}

static void checked_block_is_given_rather_than_an_opaque_one(void **state)
{
	(void)state;
	hold_opaque(segment, 3, 0xdd);
	assert_true(get(&client, segment, 3));
	assert_int_equal(made_up.opaque_reads, 0);
}

/* The object that has most of it has only blocks 3 and 4. */
static void checked_block_of_another_object_is_given_rather(void **state)
{
	struct store_segment *most = &made_up.segments[1];

	(void)state;
	made_up.segments[1] = *segment;
	made_up.count = 2;
	hold(segment, 7);
	hold_opaque(segment, 7, 0xdd);
	assert_false(range_set_has(most->held, PCCRR_BLOCKS, 7));
	assert_true(get(&client, segment, 7));
	assert_int_equal(made_up.opaque_reads, 0);
}

static void opaque_block_helps_where_a_checked_one_is_damaged(void **state)
{
	const struct made_up_opaque *opaque = hold_opaque(segment, 3, 0xee);
	struct pccrr_answer answer;
	struct reply reply;

	(void)state;
	segment->read_error = -EBADMSG;
	answer = ask(3, CIPHER_AES_128, &reply);
	expect_replay(&answer, opaque);
	raw_free(&reply);
}

static void opaque_block_that_cannot_be_read_is_not_here(void **state)
{
	static const int errors[] = {-ENOENT, -EBADMSG, -EIO};
	struct made_up_opaque *opaque = hold_opaque(segment, 9, 1);

	(void)state;
	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
		struct reply reply;
		struct pccrr_answer answer;

		opaque->read_error = errors[i];
		answer = ask(9, CIPHER_AES_192, &reply);
		assert_int_equal(answer.size, 0);
		assert_int_equal(answer.cipher, CIPHER_AES_192);
		raw_free(&reply);
	}
	assert_int_equal(counters().blocks, 0);
}

static void algorithm_that_does_not_exist_is_not_replayed(void **state)
{
	struct reply reply;

	(void)state;
	hold_opaque(segment, 9, 1)->of.cipher = CIPHER_ALGORITHMS;
	assert_int_equal(ask(9, CIPHER_AES_128, &reply).size, 0);
	raw_free(&reply);
}

/* What an offer said of the segment, and what came, need not agree. */
static void plain_octets_are_counted_as_far_as_they_are_known(void **state)
{
	static const struct {
		enum digest_algorithm algorithm;
		uint32_t segment_size, block, size, given;
	} rows[] = {
		{DIGEST_SHA256, 64 * CUTTING_UNIT, 0, CUTTING_UNIT + 16, CUTTING_UNIT},
		{DIGEST_SHA256, 64 * CUTTING_UNIT, 0, CUTTING_UNIT, CUTTING_UNIT},
		{DIGEST_SHA256, CUTTING_UNIT + 100, 1, 112, 100},
		{DIGEST_SHA256, CUTTING_UNIT + 100, 2, 112, 112},
		{DIGEST_SHA512_TRUNC256, 70000, 0, 70000, 70000},
		{DIGEST_SHA512_TRUNC256, 70001, 0, 70016, 70001},
		{DIGEST_SHA512_TRUNC256, 5, 0, 70016, 70016},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct made_up_opaque *opaque = hold_opaque(segment, rows[i].block, 1);
		uint64_t before = counters().bytes;
		struct reply reply;

		opaque->of.algorithm = rows[i].algorithm;
		opaque->of.segment_size = rows[i].segment_size;
		opaque->of.size = rows[i].size;
		assert_int_equal(ask(rows[i].block, CIPHER_AES_128, &reply).size, rows[i].size);
		assert_int_equal(counters().bytes - before, rows[i].given);
		made_up.opaque_count = 0;
		raw_free(&reply);
	}
}

static void hold_plain(uint32_t block)
{
	struct made_up_opaque *opaque = hold_opaque(segment, block, 0x55);

	opaque->of.cipher = CIPHER_NONE;
	opaque->of.size = CUTTING_UNIT;
}

static void plaintext_that_is_kept_is_not_given_unless_allowed(void **state)
{
	struct reply reply;

	(void)state;
	hold_plain(9);
	assert_int_equal(ask(9, CIPHER_NONE, &reply).size, 0);
	raw_free(&reply);
}

static void plaintext_that_is_not_allowed_any_more_makes_room_for_better(void **state)
{
	struct reply reply;

	(void)state;
	hold_opaque(segment, 8, 0xaa);
	hold_plain(9);
	ask(9, CIPHER_AES_128, &reply);
	raw_free(&reply);
	assert_int_equal(made_up.opaque_count, 1);
	assert_int_equal(ask(8, CIPHER_AES_128, &reply).next, 0);
	raw_free(&reply);
}

static void plaintext_that_is_kept_is_given_if_allowed(void **state)
{
	(void)state;
	hold_plain(9);
	for (unsigned wish = 0; wish < CIPHER_ALGORITHMS; wish++) {
		struct reply reply;
		struct pccrr_answer answer = ask(9, wish, &reply);

		expect_replay(&answer, &made_up.opaque[0]);
		raw_free(&reply);
	}
}

/* ---- what is held ---- */

static void both_kinds_are_told_of_together(void **state)
{
	struct pccrr_request list = {.type = PCCRR_ASK_LIST,
				     .cipher = CIPHER_AES_128,
				     .segment = {segment->id, ID_SIZE}};
	struct pccrr_answer answer;
	struct reply reply;

	(void)state;
	hold_opaque(segment, 1, 1);
	hold_opaque(segment, 4, 1);
	hold_opaque(segment, 5, 1);
	hold_opaque(segment, 60, 1);
	list.blocks[0] = 0x1f << 1; /* 1 to 5 */
	answer = exchange(&client, &list, &reply);
	assert_int_equal(answer.blocks[0], 0x3a);
	assert_int_equal(answer.next, 60);
	raw_free(&reply);
	assert_int_equal(ask(0, CIPHER_AES_128, &reply).next, 1);
	raw_free(&reply);
	assert_int_equal(ask(1, CIPHER_AES_128, &reply).next, 3);
	raw_free(&reply);
	assert_int_equal(ask(3, CIPHER_AES_128, &reply).next, 4);
	raw_free(&reply);
	assert_int_equal(ask(5, CIPHER_AES_128, &reply).next, 60);
	raw_free(&reply);
	assert_int_equal(ask(60, CIPHER_AES_128, &reply).next, 0);
	raw_free(&reply);
}

#define IDS 2729u /* of 32 octets, that a message can have */

static void put_ids(struct bytes_out *out)
{
	for (unsigned i = 0; i < IDS; i++) {
		uint8_t id[ID_SIZE] = {0xf0, (uint8_t)(i >> 8), (uint8_t)i};

		pccrr_ids_put(out, (struct pccrr_id){id, ID_SIZE});
	}
}

/* Number AT of these ids. */
static struct store_segment numbered(unsigned at)
{
	return (struct store_segment){.id = {0xf0, (uint8_t)(at >> 8), (uint8_t)at}};
}

static void opaque_segments_of_a_long_list_are_told(void **state)
{
	static const unsigned held[] = {100, 101, 163, 164, 300, 2728};
	struct pccrr_request request = {.type = PCCRR_ASK_SEGMENTS, .cipher = CIPHER_AES_128};
	uint8_t *wire = malloc(IDS * 36);
	struct bytes_out out = bytes_out(wire, IDS * 36);
	struct ages_entry ages[AGES_MAX];
	struct pccrr_answer answer;
	struct reply reply;
	unsigned count, found = 0;

	(void)state;
	put_ids(&out);
	request.ids = (struct pccrr_ids){wire, IDS * 36, IDS};
	for (size_t i = 0; i < sizeof(held) / sizeof(*held); i++) {
		struct store_segment of = numbered(held[i]);

		hold_opaque(&of, 0, 1)->age_ms = 10 * (i + 1);
	}
	/* of number 101 there is a checked block too, which is younger */
	made_up.segments[made_up.count] = numbered(101);
	made_up.segments[made_up.count].age_ms = 10;
	hold(&made_up.segments[made_up.count++], 0);
	answer = exchange(&client, &request, &reply);
	for (unsigned i = 0; i < IDS; i++) {
		bool is = found < 6 && held[found] == i;

		assert_int_equal(range_set_has(answer.segments, IDS, i), is);
		found += is;
	}
	assert_int_equal(answer.first, 100);
	assert_int_equal(ages_read(answer.blob.octets, answer.blob.size, ages, &count), 0);
	assert_int_equal(count, 5);
	for (unsigned i = 0; i < count; i++) {
		assert_int_equal(ages[i].segment, held[i] - 100);
		assert_int_equal(ages[i].age_ms, 10 * (i + 1));
	}
	assert_int_equal(made_up.opaque_goes,
			 (IDS + RETRIEVAL_ANSWER_LOOKS - 1) / RETRIEVAL_ANSWER_LOOKS);
	raw_free(&reply);
	free(wire);
}

int main(void)
{
#define in_scene(test) cmocka_unit_test_setup_teardown(test, begin_opaque, end)
	const struct CMUnitTest tests[] = {
		in_scene(opaque_block_is_replayed_whatever_is_asked_for),
		in_scene(replayed_message_is_ours_around_the_block),
		in_scene(segment_that_is_held_opaque_alone_is_served),
		in_scene(checked_block_is_given_rather_than_an_opaque_one),
		in_scene(checked_block_of_another_object_is_given_rather),
		in_scene(opaque_block_helps_where_a_checked_one_is_damaged),
		in_scene(opaque_block_that_cannot_be_read_is_not_here),
		in_scene(algorithm_that_does_not_exist_is_not_replayed),
		in_scene(plain_octets_are_counted_as_far_as_they_are_known),
		in_scene(plaintext_that_is_kept_is_not_given_unless_allowed),
		in_scene(plaintext_that_is_not_allowed_any_more_makes_room_for_better),
		cmocka_unit_test_setup_teardown(plaintext_that_is_kept_is_given_if_allowed,
						begin_plaintext, end),
		in_scene(both_kinds_are_told_of_together),
		in_scene(opaque_segments_of_a_long_list_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
