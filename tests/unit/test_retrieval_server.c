/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the retrieval server answers: the worked messages (retrieval.md section 15), every row of
 * the table of bad requests (section 10) as an HTTP exchange, what is held wholly, in part or not.
 */
#include "tests/unit/retrieval_fixture.h"

static const char fox[] = "The quick brown fox jumps over the lazy dog.";

/* ---- worked messages ---- */

static void expect_body(const char *request_hex, const char *answer_hex)
{
	struct octets request = vectors_unhex(request_hex), answer = vectors_unhex(answer_hex);
	struct client client;
	struct reply reply;

	come(&client);
	post_octets(&client, request.data, request.size);
	reply = take(&client);
	assert_int_equal(reply.size, answer.size);
	assert_memory_equal(reply.body, answer.data, answer.size);
	raw_free(&reply);
	raw_close(&client);
	octets_free(&request);
	octets_free(&answer);
}

/* Only the IV, and what is encrypted with it, is not known beforehand. */
static void worked_block_is_answered(void **state)
{
	struct octets request = vectors_unhex(ASK_WORKED_BLOCK);
	struct octets head = vectors_unhex("00000088"
					   "00000001000000050000008800000001" WORKED_ID
					   "000000030000000400000030");
	struct octets middle = vectors_unhex("0000000000000010");
	uint8_t sealed[48];
	struct client client;
	struct reply reply;

	(void)state;
	segment->text = fox;
	come(&client);
	post_octets(&client, request.data, request.size);
	reply = take(&client);
	assert_int_equal(reply.size, 4 + 0x88);
	assert_memory_equal(reply.body, head.data, head.size);
	assert_memory_equal(reply.body + head.size + 48, middle.data, middle.size);
	assert_int_equal(cipher_encrypt(CIPHER_AES_128, segment->description.secret,
					reply.body + reply.size - 16, fox, 44, sealed),
			 0);
	assert_memory_equal(reply.body + head.size, sealed, sizeof(sealed));
	raw_free(&reply);
	raw_close(&client);
	octets_free(&request);
	octets_free(&head);
	octets_free(&middle);
}

static void worked_block_that_is_missing_is_answered(void **state)
{
	(void)state;
	memset(segment->held, 0, sizeof(segment->held));
	hold(segment, 0);
	expect_body(ASK_WORKED_BLOCK, "00000048"
				      "00000001000000050000004800000001" WORKED_ID
				      "0000000300000000000000000000000000000000");
}

static void worked_list_is_answered(void **state)
{
	static const uint32_t held[] = {0, 1, 44, 45, 46, 47, 48, 60};

	(void)state;
	memset(segment->held, 0, sizeof(segment->held));
	for (size_t i = 0; i < sizeof(held) / sizeof(*held); i++)
		hold(segment, held[i]);
	expect_body("00000001000000020000004800000001" WORKED_ID
		    "0000000200000000000000040000002a00000007",
		    "0000004c"
		    "00000001000000040000004c00000001" WORKED_ID
		    "0000000200000000000000020000002c000000050000003c");
}

static void worked_list_of_segments_is_answered(void **state)
{
	struct store_segment *other = make_segment(2, 0x80, 1, 50000);

	(void)state;
	memset(segment->held, 0, sizeof(segment->held));
	hold(other, 0);
	other->age_ms = 0x012345 * 10;
	expect_body("00000002000000060000007000000001"
		    "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf"
		    "00000002" WORKED_ID
		    "00000020808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"
		    "00000000",
		    "00000038"
		    "00000002000000070000003800000001"
		    "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf"
		    "000000010000000100000001"
		    "000000080001030100452301");
}

static void worked_versions_are_answered(void **state)
{
	(void)state;
	expect_body("000000010000000000000018000000010000000100000002",
		    "00000018"
		    "000000010000000100000018000000000000000100000002");
}

/* ---- section 10 ---- */

/* What a valid one is answered with: it reads as an answer to what was asked. */
static void expect_answer(const struct octets *message, const struct reply *reply)
{
	struct pccrr_request request;
	struct pccrr_answer answer;
	enum pccrr_verdict verdict = pccrr_request_read(message->data, message->size, &request);

	if (verdict == PCCRR_INCOMPATIBLE || request.type == PCCRR_ASK_VERSIONS) {
		assert_int_equal(reply->size, 28);
		assert_int_equal(reply->body[11], PCCRR_VERSIONS);
		return;
	}
	assert_int_equal(pccrr_answer_read(reply->body, reply->size, &request, &answer), 0);
	assert_int_not_equal(answer.type, PCCRR_VERSIONS);
}

static void check_row(const json_t *vector)
{
	struct octets message = vectors_octets(vector, "message");
	bool malformed = strcmp(vectors_text(vector, "verdict"), "malformed") == 0;
	struct client client;
	struct reply reply;

	come(&client);
	post_octets(&client, message.data, message.size);
	assert_true(raw_reply(&client, false, &reply));
	if (reply.status != (malformed ? 400 : 200))
		fail_msg("%s: %d", vectors_text(vector, "name"), reply.status);
	if (malformed) {
		assert_int_equal(reply.size, 0);
		assert_string_equal(raw_header(&reply, "Content-Length"), "0");
		assert_string_equal(raw_header(&reply, "Connection"), "close");
		expect_end(&client);
	} else {
		expect_answer(&message, &reply);
		assert_null(raw_header(&reply, "Content-Type"));
		assert_true(get(&client, segment, 4));
	}
	raw_free(&reply);
	raw_close(&client);
	octets_free(&message);
}

static void every_request_is_answered_or_dropped(void **state)
{
	json_t *vectors = retrieval_load("messages.json");
	const json_t *vector, *list = vectors_list(vectors, "requests");
	unsigned malformed = 0;
	size_t i;

	(void)state;
	json_array_foreach(list, i, vector)
	{
		check_row(vector);
		malformed += strcmp(vectors_text(vector, "verdict"), "malformed") == 0;
	}
	assert_true(malformed > 0);
	assert_int_equal(counters().malformed, malformed);
	json_decref(vectors);
}

/* The range with an index is beyond all blocks, or the block is not named at all: what is held is
 * not given. */
static void nothing_is_given_that_was_not_asked_for(void **state)
{
	struct pccrr_request none = ask_block(segment, 3);
	struct pccrr_request most = ask_block(segment, UINT32_MAX);
	struct pccrr_answer answer;
	struct client client;
	struct reply reply;

	(void)state;
	come(&client);
	none.none = true;
	answer = exchange(&client, &none, &reply);
	assert_false(is_block(&answer, segment, 3));
	assert_int_equal(answer.next, 4);
	raw_free(&reply);
	answer = exchange(&client, &most, &reply);
	assert_int_equal(answer.size, 0);
	assert_int_equal(answer.next, 0);
	/* the reader takes what it asked for; on the wire it is the index selected */
	assert_memory_equal(reply.body + 56, "\xff\xff\xff\xff", 4);
	raw_free(&reply);
	raw_close(&client);
}

static void first_of_several_blocks_is_given(void **state)
{
	/* ranges 9 for 3, 4 for 2, 3 for 0 */
	struct octets request =
		vectors_unhex("00000001000000030000005400000001" WORKED_ID "00000003"
			      "0000000900000003"
			      "0000000400000002"
			      "0000000300000000"
			      "00000000");
	struct pccrr_request asked = ask_block(segment, 4);
	struct pccrr_answer answer;
	struct client client;
	struct reply reply;

	(void)state;
	come(&client);
	post_octets(&client, request.data, request.size);
	reply = take(&client);
	assert_int_equal(pccrr_answer_read(reply.body, reply.size, &asked, &answer), 0);
	assert_true(is_block(&answer, segment, 4));
	raw_free(&reply);
	raw_close(&client);
	octets_free(&request);
}

/* ---- what is held ---- */

static void every_block_of_a_segment_comes(void **state)
{
	struct client client;

	(void)state;
	come(&client);
	for (uint32_t block = 0; block < 64; block++) {
		bool held = block % 3 != 1;

		if (held)
			hold(segment, block);
	}
	for (uint32_t block = 0; block < 66; block++) {
		struct pccrr_request request = ask_block(segment, block);
		struct reply reply;
		struct pccrr_answer answer = exchange(&client, &request, &reply);
		bool held = block < 64 && (block % 3 != 1 || block == 4);

		if (block < 64)
			assert_int_equal(is_block(&answer, segment, block), held);
		else
			assert_int_equal(answer.size, 0);
		assert_int_equal(answer.next, pccrr_next_block(segment->held, block + 1));
		raw_free(&reply);
	}
	assert_int_equal(counters().blocks, 44);
	assert_int_equal(counters().requests, 66);
	assert_int_equal(counters().bytes, 44 * CUTTING_UNIT - 100);
	raw_close(&client);
}

static void segment_of_version_two_comes_in_one(void **state)
{
	static const uint32_t lengths[] = {1, 15, 16, 17, 50001, CUTTING_UNIT_MAX};
	struct client client;

	(void)state;
	come(&client);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		struct store_segment *two = make_segment(2, 0x80, 1, lengths[i]);

		assert_false(get(&client, two, 0));
		hold(two, 0);
		assert_true(get(&client, two, 0));
		made_up.count--;
	}
	raw_close(&client);
}

static void block_that_cannot_be_read_is_not_here(void **state)
{
	static const int errors[] = {-ENOENT, -EBADMSG, -EIO, -ENOMEM};
	struct client client;

	(void)state;
	come(&client);
	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
		segment->read_error = errors[i];
		assert_false(get(&client, segment, 3));
	}
	segment->read_error = 0;
	assert_true(get(&client, segment, 3));
	assert_int_equal(counters().blocks, 1);
	raw_close(&client);
}

static void algorithm_is_the_one_wished_for(void **state)
{
	struct pccrr_request request = ask_block(segment, 3);
	struct client client;
	struct reply reply;

	(void)state;
	come(&client);
	for (unsigned wish = 0; wish < CIPHER_ALGORITHMS; wish++) {
		struct pccrr_answer answer;

		request.cipher = wish;
		answer = exchange(&client, &request, &reply);
		assert_int_equal(answer.cipher, wish == CIPHER_NONE ? CIPHER_AES_128 : wish);
		assert_true(is_block(&answer, segment, 3));
		raw_free(&reply);
	}
	raw_close(&client);
}

static void no_iv_is_used_twice(void **state)
{
	struct pccrr_request request = ask_block(segment, 3);
	struct pccrr_answer first, second;
	struct client client;
	struct reply one, other;

	(void)state;
	come(&client);
	first = exchange(&client, &request, &one);
	second = exchange(&client, &request, &other);
	assert_memory_not_equal(first.iv, second.iv, CIPHER_IV_SIZE);
	assert_memory_not_equal(first.data, second.data, 1000);
	raw_free(&one);
	raw_free(&other);
	raw_close(&client);
}

static int setup_plaintext(void **state)
{
	(void)state;
	begin(&(struct retrieval_server_options){.plaintext = true});
	hold(segment, 3);
	return 0;
}

static void plaintext_goes_to_who_asks_for_it_alone(void **state)
{
	struct pccrr_request request = ask_block(segment, 3);
	struct pccrr_answer answer;
	struct client client;
	struct reply reply;

	(void)state;
	come(&client);
	answer = exchange(&client, &request, &reply);
	assert_int_equal(answer.cipher, CIPHER_AES_128);
	raw_free(&reply);
	for (int odd = 0; odd < 2; odd++) {
		segment->text = odd ? "odd" : NULL;
		request.cipher = CIPHER_NONE;
		answer = exchange(&client, &request, &reply);
		assert_int_equal(answer.cipher, CIPHER_NONE);
		assert_true(is_block(&answer, segment, 3));
		raw_free(&reply);
	}
	raw_close(&client);
}

/* 2,700 ids, of which every seventh is held, and two beyond where ages reach. */
static void long_list_of_segments_is_answered(void **state)
{
	enum { COUNT = 2700 };
	struct pccrr_request request = {.type = PCCRR_ASK_SEGMENTS, .cipher = CIPHER_AES_128};
	uint8_t *wire = malloc(COUNT * 36);
	struct bytes_out out = bytes_out(wire, COUNT * 36);
	struct ages_entry ages[AGES_MAX];
	struct pccrr_answer answer;
	struct client client;
	struct reply reply;
	unsigned count;

	(void)state;
	segment->age_ms = 1230;
	for (unsigned i = 0; i < COUNT; i++) {
		uint8_t id[ID_SIZE] = {1, (uint8_t)(i >> 8), (uint8_t)i};

		pccrr_ids_put(&out, (struct pccrr_id){i % 7 == 3 ? segment->id : id, ID_SIZE});
	}
	request.ids = (struct pccrr_ids){wire, COUNT * 36, COUNT};
	come(&client);
	answer = exchange(&client, &request, &reply);
	for (unsigned i = 0; i < COUNT; i++)
		assert_int_equal(range_set_has(answer.segments, COUNT, i), i % 7 == 3);
	assert_int_equal(answer.first, 3);
	assert_int_equal(ages_read(answer.blob.octets, answer.blob.size, ages, &count), 0);
	assert_int_equal(count, 255 / 7 + 1);
	for (unsigned i = 0; i < count; i++) {
		assert_int_equal(ages[i].segment, i * 7);
		assert_int_equal(ages[i].age_ms, 1230);
	}
	raw_free(&reply);
	raw_close(&client);
	free(wire);
}

/* As many as a message can have, each of one octet: no look is wasted on them. */
static void ids_that_cannot_be_are_not_looked_for(void **state)
{
	struct pccrr_request request = {.type = PCCRR_ASK_SEGMENTS, .cipher = CIPHER_AES_128};
	uint8_t *wire = calloc(PCCRR_IDS_MAX, 8);
	struct bytes_out out = bytes_out(wire, PCCRR_IDS_MAX * 8);
	struct pccrr_answer answer;
	struct client client;
	struct reply reply;

	(void)state;
	for (unsigned i = 0; i < PCCRR_IDS_MAX; i++)
		pccrr_ids_put(&out, (struct pccrr_id){segment->id, 1});
	request.ids = (struct pccrr_ids){wire, PCCRR_IDS_MAX * 8, PCCRR_IDS_MAX};
	come(&client);
	answer = exchange(&client, &request, &reply);
	assert_int_equal(range_set_ranges(answer.segments, PCCRR_IDS_MAX), 0);
	assert_int_equal(answer.blob.size, 0);
	assert_int_equal(made_up.looks, 0);
	assert_int_equal(made_up.opaque_goes, 0);
	raw_free(&reply);
	raw_close(&client);
	free(wire);
}

/* What could not be given. */
static struct {
	pthread_mutex_t lock;
	unsigned told;
	struct xaddr source;
	uint8_t id[ID_SIZE];
} unserved = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void note_unserved(void *context, const struct xaddr *source, const uint8_t *id,
			  size_t id_size)
{
	pthread_mutex_lock(&unserved.lock);
	assert_ptr_equal(context, &unserved);
	unserved.told++;
	unserved.source = *source;
	if (id_size == ID_SIZE)
		memcpy(unserved.id, id, ID_SIZE);
	pthread_mutex_unlock(&unserved.lock);
}

static int setup_unserved(void **state)
{
	(void)state;
	unserved.told = 0;
	begin_with(&(struct retrieval_server_options){.unserved = note_unserved,
						      .context = &unserved});
	return 0;
}

/* How often it is told of a request for segment OCTET. */
static unsigned told_of(struct pccrr_request request, uint8_t octet)
{
	struct client client;
	struct reply reply;
	unsigned before = unserved.told;

	memset(unserved.id, 0, ID_SIZE);
	come(&client);
	request.cipher = CIPHER_AES_128;
	exchange(&client, &request, &reply);
	raw_free(&reply);
	raw_close(&client);
	if (unserved.told > before) {
		assert_int_equal(unserved.source.octets[0], 127);
		assert_int_equal(unserved.id[0], octet);
	}
	return unserved.told - before;
}

static struct pccrr_request request_of(enum pccrr_type type, const uint8_t id[ID_SIZE],
				       uint32_t first, uint32_t count)
{
	struct pccrr_request request = {.type = type, .segment = {id, ID_SIZE}, .block = first};

	range_set_add(request.blocks, PCCRR_BLOCKS, (struct range){first, count});
	return request;
}

/* The test's segment has blocks 3 and 4. */
static void who_asks_for_what_is_not_here_is_told_of(void **state)
{
	static const uint8_t strange[ID_SIZE] = {0xee, 1};
	struct octets list = vectors_unhex(
		"00000020ee01000000000000000000000000000000000000000000000000000000000000");
	struct pccrr_request segments = {.type = PCCRR_ASK_SEGMENTS,
					 .ids = {list.data, list.size, 1}};

	(void)state;
	assert_int_equal(told_of(request_of(PCCRR_ASK_BLOCK, segment->id, 3, 1), 0), 0);
	assert_int_equal(told_of(request_of(PCCRR_ASK_LIST, segment->id, 0, 9), 0), 0);
	assert_int_equal(told_of(request_of(PCCRR_ASK_BLOCK, segment->id, 5, 1), segment->id[0]),
			 1);
	assert_int_equal(told_of(request_of(PCCRR_ASK_LIST, segment->id, 5, 9), segment->id[0]), 1);
	assert_int_equal(told_of(request_of(PCCRR_ASK_BLOCK, strange, 3, 1), 0xee), 1);
	assert_int_equal(told_of(request_of(PCCRR_ASK_LIST, strange, 0, 9), 0xee), 1);
	assert_int_equal(told_of(segments, 0xee), 1);
	octets_free(&list);
}

int main(void)
{
#define in_scene(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		in_scene(worked_block_is_answered),
		in_scene(worked_block_that_is_missing_is_answered),
		in_scene(worked_list_is_answered),
		in_scene(worked_list_of_segments_is_answered),
		in_scene(worked_versions_are_answered),
		in_scene(every_request_is_answered_or_dropped),
		in_scene(nothing_is_given_that_was_not_asked_for),
		in_scene(first_of_several_blocks_is_given),
		in_scene(every_block_of_a_segment_comes),
		in_scene(segment_of_version_two_comes_in_one),
		in_scene(block_that_cannot_be_read_is_not_here),
		in_scene(algorithm_is_the_one_wished_for),
		in_scene(no_iv_is_used_twice),
		cmocka_unit_test_setup_teardown(plaintext_goes_to_who_asks_for_it_alone,
						setup_plaintext, teardown),
		in_scene(long_list_of_segments_is_answered),
		in_scene(ids_that_cannot_be_are_not_looked_for),
		cmocka_unit_test_setup_teardown(who_asks_for_what_is_not_here_is_told_of,
						setup_unserved, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
