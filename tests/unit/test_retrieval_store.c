/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The retrieval server over a real store: what a client gets is the content, decrypted by OpenSSL
 * alone, its padding checked; or an opaque block as it was written.
 */
#include "tests/unit/store_content_fixture.h"

#include <openssl/evp.h>

#include "cache/store_opaque.h"
#include "peer/pccrr.h"
#include "peer/retrieval_server.h"
#include "tests/unit/raw_client.h"

#define PATIENCE 120

static struct store *store;
static struct pool *pool;
static struct retrieval_server *server;
static struct client client;

static void begin(void)
{
	struct retrieval_server_options options = {.address = "127.0.0.1"};
	char message[256];

	alarm(PATIENCE);
	store = fixture_open(LIMIT);
	assert_int_equal(pool_create(2, &pool), 0);
	options.store = store;
	options.pool = pool;
	assert_int_equal(retrieval_server_create(&options, &server, message, sizeof(message)), 0);
	raw_connect(&client, retrieval_server_port(server));
}

static void finish(void)
{
	raw_close(&client);
	retrieval_server_free(server);
	pool_destroy(pool);
	store_close(store);
	alarm(0);
}

/* Leads into REPLY_OUT. */
static struct pccrr_answer exchange(struct pccrr_request *request, struct reply *reply_out)
{
	uint8_t message[1024];
	size_t size = pccrr_request_size(request);
	struct pccrr_answer answer;
	char head[256];

	assert_in_range(size, 1, sizeof(message));
	pccrr_request_write(request, message);
	snprintf(head, sizeof(head), "POST %s HTTP/1.1\r\nHost: h\r\nContent-Length: %zu\r\n\r\n",
		 PCCRR_PATH, size);
	raw_send(&client, head);
	raw_send_octets(&client, message, size);
	assert_true(raw_reply(&client, false, reply_out));
	assert_int_equal(reply_out->status, 200);
	assert_int_equal(pccrr_answer_read(reply_out->body, reply_out->size, request, &answer), 0);
	return answer;
}

static void check_decrypted(const struct pccrr_answer *answer, const uint8_t *secret,
			    const unsigned char *expected, size_t length)
{
	static const EVP_CIPHER *(*const functions[])(void) = {NULL, EVP_aes_128_cbc,
							       EVP_aes_192_cbc, EVP_aes_256_cbc};
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	unsigned char *plain = malloc(answer->size + 16);
	int most, last;

	assert_int_equal(
		EVP_DecryptInit_ex(context, functions[answer->cipher](), NULL, secret, answer->iv),
		1);
	assert_int_equal(EVP_DecryptUpdate(context, plain, &most, answer->data, (int)answer->size),
			 1);
	assert_int_equal(EVP_DecryptFinal_ex(context, plain + most, &last), 1);
	assert_int_equal(most + last, length);
	assert_memory_equal(plain, expected, length);
	EVP_CIPHER_CTX_free(context);
	free(plain);
}

/* Asks for every block of the segment; returns how many came, which are right. */
static unsigned get_segment(const struct content *content, uint32_t index,
			    const unsigned char *data, enum cipher_algorithm cipher)
{
	struct content_segment segment;
	uint8_t id[DIGEST_SIZE_MAX];
	unsigned came = 0;

	assert_int_equal(content_segment(content, index, &segment), 0);
	assert_int_equal(content_segment_id(content, &segment, id), 0);
	for (uint32_t i = 0; i < segment.blocks; i++) {
		struct pccrr_request request = {
			.type = PCCRR_ASK_BLOCK, .cipher = cipher, .segment = {id, 32}, .block = i};
		struct content_block block;
		struct reply reply;
		struct pccrr_answer answer = exchange(&request, &reply);

		assert_int_equal(content_block_listed(content, &segment, i, &block), 0);
		if (answer.size > 0)
			check_decrypted(&answer, segment.secret, data + block.offset, block.length);
		came += answer.size > 0;
		raw_free(&reply);
	}
	return came;
}

static void whole_content_comes(void **state)
{
	unsigned char *data = make_octets(BIG, 1);

	(void)state;
	for (unsigned version = 1; version <= 2; version++) {
		struct object *object;
		struct content *content;
		uint32_t units, came = 0;

		begin();
		object = make_described(store, version == 1 ? "one" : "two", data, BIG, version);
		units = cutting_count(object_cutting(object));
		content = object_content(object);
		for (uint32_t i = 0; i < content_segments(content); i++)
			came += get_segment(content, i, data, 1 + i % 3);
		assert_int_equal(came, units);
		content_put(content);
		object_put(object);
		finish();
	}
	free(data);
}

static void part_of_a_segment_comes(void **state)
{
	unsigned char *data = make_octets(BIG, 2);
	struct content *content;
	struct content_segment segment;
	struct pccrr_request list = {
		.type = PCCRR_ASK_LIST, .cipher = CIPHER_AES_128, .blocks = {0xff00}};
	struct object *object;
	struct pccrr_answer answer;
	struct reply reply;
	uint8_t id[DIGEST_SIZE_MAX];
	uint64_t dropped;

	(void)state;
	begin();
	object = make_object(store, "part", BIG);
	content = content_of(store, data, BIG, 1);
	assert_int_equal(describe(object, content, &dropped), 0);
	write_units(object, data, 10, 20);
	write_units(object, data, 30, 31);
	assert_int_equal(content_segment(content, 0, &segment), 0);
	assert_int_equal(content_segment_id(content, &segment, id), 0);
	list.segment = (struct pccrr_id){id, 32};
	answer = exchange(&list, &reply);
	assert_int_equal(answer.blocks[0], 0xfc00);
	assert_int_equal(answer.next, 16);
	raw_free(&reply);
	assert_int_equal(get_segment(content, 0, data, CIPHER_AES_128), 11);
	content_put(content);
	object_put(object);
	finish();
	free(data);
}

static void positions_of_segments_are_told(void **state)
{
	unsigned char *data = make_octets(1000, 3);
	uint8_t id[DIGEST_SIZE_MAX], unknown[32] = {1}, wire[3 * 36];
	struct bytes_out out = bytes_out(wire, sizeof(wire));
	struct pccrr_request request = {.type = PCCRR_ASK_SEGMENTS, .cipher = CIPHER_AES_128};
	struct content_segment segment;
	struct pccrr_answer answer;
	struct content *content;
	struct object *object;
	struct reply reply;

	(void)state;
	begin();
	object = make_described(store, "small", data, 1000, 1);
	content = object_content(object);
	assert_int_equal(content_segment(content, 0, &segment), 0);
	assert_int_equal(content_segment_id(content, &segment, id), 0);
	pccrr_ids_put(&out, (struct pccrr_id){unknown, 32});
	pccrr_ids_put(&out, (struct pccrr_id){id, 32});
	pccrr_ids_put(&out, (struct pccrr_id){id, 32});
	request.ids = (struct pccrr_ids){wire, sizeof(wire), 3};
	answer = exchange(&request, &reply);
	assert_int_equal(answer.segments[0], 6);
	assert_int_equal(answer.first, 1);
	assert_int_equal(answer.blob.size, 12);
	raw_free(&reply);
	content_put(content);
	object_put(object);
	finish();
	free(data);
}

/* ---- opaque blocks ---- */

#define OPAQUE_SIZE 1040u

static void write_opaque(const uint8_t *id, uint32_t block, uint8_t octet)
{
	struct store_opaque opaque = {
		.id = id,
		.id_size = 32,
		.block = block,
		.algorithm = DIGEST_SHA256,
		.segment_size = 20 * CUTTING_UNIT,
		.cipher = CIPHER_AES_192,
		.size = OPAQUE_SIZE,
	};
	uint8_t data[OPAQUE_SIZE];

	memset(opaque.iv, octet, sizeof(opaque.iv));
	memset(data, octet, sizeof(data));
	assert_int_equal(
		store_opaque_write(store, &opaque, data, STORE_OPAQUE_ROOM_OF_ALL, NULL, NULL), 0);
}

/* Whether BLOCK comes as it was written with OCTET. */
static bool is_replayed(const uint8_t *id, uint32_t block, uint8_t octet)
{
	struct pccrr_request request = {.type = PCCRR_ASK_BLOCK,
					.cipher = CIPHER_AES_128,
					.segment = {id, 32},
					.block = block};
	struct reply reply;
	struct pccrr_answer answer = exchange(&request, &reply);
	bool replayed = answer.cipher == CIPHER_AES_192 && answer.size == OPAQUE_SIZE &&
			answer.iv[0] == octet && answer.iv[15] == octet;

	for (unsigned i = 0; replayed && i < OPAQUE_SIZE; i++)
		replayed = answer.data[i] == octet;
	raw_free(&reply);
	return replayed;
}

/* NextBlockIndex of the answer to a request for BLOCK. */
static uint32_t next_after(const uint8_t *id, uint32_t block)
{
	struct pccrr_request request = {.type = PCCRR_ASK_BLOCK,
					.cipher = CIPHER_AES_128,
					.segment = {id, 32},
					.block = block};
	struct reply reply;
	uint32_t next = exchange(&request, &reply).next;

	raw_free(&reply);
	return next;
}

static struct pccrr_answer list_all(const uint8_t *id, struct reply *reply_out)
{
	struct pccrr_request list = {.type = PCCRR_ASK_LIST,
				     .cipher = CIPHER_AES_128,
				     .segment = {id, 32},
				     .blocks = {UINT64_MAX}};

	return exchange(&list, reply_out);
}

static void opaque_blocks_are_replayed_until_checked_ones_are_held(void **state)
{
	unsigned char *data = make_octets(BIG, 4);
	struct content *content;
	struct content_segment segment;
	struct object *object;
	struct pccrr_answer answer;
	struct reply reply;
	uint8_t id[DIGEST_SIZE_MAX];
	uint64_t dropped;

	(void)state;
	begin();
	content = content_of(store, data, BIG, 1);
	assert_int_equal(content_segment(content, 0, &segment), 0);
	assert_int_equal(content_segment_id(content, &segment, id), 0);
	for (uint32_t block = 8; block < 12; block++)
		write_opaque(id, block, (uint8_t)block);
	for (uint32_t block = 8; block < 12; block++)
		assert_true(is_replayed(id, block, (uint8_t)block));
	assert_int_equal(next_after(id, 0), 8);
	assert_int_equal(next_after(id, 11), 0);
	assert_int_equal(next_after(id, 511), 0);
	object = make_object(store, "part", BIG);
	assert_int_equal(describe(object, content, &dropped), 0);
	write_units(object, data, 10, 14);
	answer = list_all(id, &reply);
	assert_int_equal(answer.blocks[0], 0x3f00);
	raw_free(&reply);
	assert_int_equal(next_after(id, 7), 8);
	assert_int_equal(next_after(id, 8), 9);
	assert_int_equal(next_after(id, 9), 10);
	assert_int_equal(next_after(id, 11), 12);
	assert_int_equal(next_after(id, 13), 0);
	assert_true(is_replayed(id, 8, 8));
	assert_true(is_replayed(id, 9, 9));
	assert_int_equal(store_opaque_drop(store, id, 32, 8), 0);
	assert_int_equal(store_opaque_drop(store, id, 32, 9), 0);
	/* now every one that comes is right */
	assert_int_equal(get_segment(content, 0, data, CIPHER_AES_128), 4);
	content_put(content);
	object_put(object);
	finish();
	free(data);
}

static void opaque_segments_are_told_by_position(void **state)
{
	uint8_t ids[3][32] = {{1}, {2}, {3}}, wire[3 * 36];
	struct bytes_out out = bytes_out(wire, sizeof(wire));
	struct pccrr_request request = {.type = PCCRR_ASK_SEGMENTS, .cipher = CIPHER_AES_128};
	struct pccrr_answer answer;
	struct reply reply;

	(void)state;
	begin();
	write_opaque(ids[1], 0, 1);
	for (unsigned i = 0; i < 3; i++)
		pccrr_ids_put(&out, (struct pccrr_id){ids[i], 32});
	request.ids = (struct pccrr_ids){wire, sizeof(wire), 3};
	answer = exchange(&request, &reply);
	assert_int_equal(answer.segments[0], 2);
	assert_int_equal(answer.first, 1);
	assert_int_equal(answer.blob.size, 8);
	raw_free(&reply);
	finish();
}

int main(void)
{
#define in_directory(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		in_directory(whole_content_comes),
		in_directory(part_of_a_segment_comes),
		in_directory(positions_of_segments_are_told),
		in_directory(opaque_blocks_are_replayed_until_checked_ones_are_held),
		in_directory(opaque_segments_are_told_by_position),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
