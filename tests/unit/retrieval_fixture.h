/* SPDX-License-Identifier: BSD-2-Clause
 *
 * For the tests of the retrieval server: a server on loopback over a store that the test makes up
 * (retrieval_answer.c is compiled here with calls that go to it), and a client of raw octets.
 */
#ifndef TESTS_UNIT_RETRIEVAL_FIXTURE_H
#define TESTS_UNIT_RETRIEVAL_FIXTURE_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* The real ones may be in the same program. */
#define store_segment_find made_up_find
#define store_segment_put made_up_put
#define store_segment_description made_up_description
#define store_segment_version made_up_version
#define store_segment_held made_up_held
#define store_segment_age_ms made_up_age_ms
#define store_segment_read made_up_read
#define store_segment_look made_up_look
#define store_segment_find_block made_up_find_block
#define store_opaque_held made_up_opaque_held
#define store_opaque_next made_up_opaque_next
#define store_opaque_look made_up_opaque_look
#define store_opaque_read made_up_opaque_read
#define store_opaque_drop made_up_opaque_drop
#include "peer/retrieval_answer.c"

#include "peer/retrieval_server.h"
#include "tests/unit/raw_client.h"
#include "tests/unit/retrieval_vectors.h"

#define UNUSED __attribute__((unused))
/* Seconds after which a test that waits in vain fails. */
#define FIXTURE_PATIENCE 120
#define ID_SIZE 32u

/* ---- the store ---- */

struct store_segment {
	uint8_t id[ID_SIZE];
	unsigned version;
	struct content_segment description;
	uint64_t held[STORE_SEGMENT_WORDS];
	uint64_t age_ms;
	int read_error;   /* what reading gives */
	const char *text; /* what block 3 is, if not NULL */
};

/* Octets OCTET; its id and giver are not looked at. */
struct made_up_opaque {
	uint8_t id[ID_SIZE];
	struct store_opaque of;
	uint64_t age_ms;
	uint8_t octet;
	int read_error;
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* Guarded by lock. */
	struct store_segment segments[4];
	unsigned count;
	struct made_up_opaque opaque[8];
	unsigned opaque_count, opaque_goes, opaque_reads;
	bool closed; /* reading waits */
	unsigned reading, found, looks;
} made_up = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

/* An octet of a block. */
static uint8_t made_up_octet(uint32_t block, uint32_t offset)
{
	uint32_t number = (block << 20 ^ offset) * 2654435761u;

	return (uint8_t)(number >> 24);
}

static UNUSED uint32_t made_up_length(const struct store_segment *segment, uint32_t block)
{
	if (segment->text != NULL && block == 3)
		return (uint32_t)strlen(segment->text);
	if (block + 1 < segment->description.blocks)
		return CUTTING_UNIT;
	return segment->description.length - block * CUTTING_UNIT;
}

/* The last one of that id that MASK, if there is one, has a block in common with. */
static int find_segment(const uint8_t *id, size_t id_size, const uint64_t *mask,
			struct store_segment **segment_out)
{
	int error = -ENOENT;

	pthread_mutex_lock(&made_up.lock);
	for (unsigned i = made_up.count; i-- > 0 && error != 0;) {
		struct store_segment *segment = &made_up.segments[i];
		bool common = mask == NULL;

		for (unsigned j = 0; j < STORE_SEGMENT_WORDS && !common; j++)
			common = (segment->held[j] & mask[j]) != 0;
		if (!common || id_size != ID_SIZE || memcmp(id, segment->id, ID_SIZE) != 0)
			continue;
		*segment_out = segment;
		made_up.found++;
		error = 0;
	}
	pthread_mutex_unlock(&made_up.lock);
	return error;
}

int made_up_find(struct store *store, const uint8_t *id, size_t id_size,
		 struct store_segment **segment_out)
{
	(void)store;
	return find_segment(id, id_size, NULL, segment_out);
}

int made_up_find_block(struct store *store, const uint8_t *id, size_t id_size, uint32_t block,
		       struct store_segment **segment_out)
{
	uint64_t mask[STORE_SEGMENT_WORDS] = {0};

	(void)store;
	range_set_add(mask, STORE_SEGMENT_BLOCKS, (struct range){block, 1});
	return find_segment(id, id_size, mask, segment_out);
}

void made_up_put(struct store_segment *segment)
{
	pthread_mutex_lock(&made_up.lock);
	made_up.found -= segment != NULL;
	pthread_mutex_unlock(&made_up.lock);
}

const struct content_segment *made_up_description(const struct store_segment *segment)
{
	return &segment->description;
}

unsigned made_up_version(const struct store_segment *segment)
{
	return segment->version;
}

uint32_t made_up_held(struct store_segment *segment, uint64_t held_out[STORE_SEGMENT_WORDS])
{
	uint32_t count = 0;

	memcpy(held_out, segment->held, sizeof(segment->held));
	for (unsigned i = 0; i < STORE_SEGMENT_WORDS; i++)
		count += (uint32_t)__builtin_popcountll(held_out[i]);
	return count;
}

uint64_t made_up_age_ms(const struct store_segment *segment)
{
	return segment->age_ms;
}

int made_up_read(struct store_segment *segment, uint32_t block, void *data, uint32_t *length_out)
{
	uint32_t length = made_up_length(segment, block);

	pthread_mutex_lock(&made_up.lock);
	made_up.reading++;
	pthread_cond_broadcast(&made_up.changed);
	while (made_up.closed)
		pthread_cond_wait(&made_up.changed, &made_up.lock);
	made_up.reading--;
	pthread_mutex_unlock(&made_up.lock);
	if (segment->read_error != 0)
		return segment->read_error;
	if (segment->text != NULL && block == 3)
		memcpy(data, segment->text, length);
	else
		for (uint32_t i = 0; i < length; i++)
			((uint8_t *)data)[i] = made_up_octet(block, i);
	*length_out = length;
	return 0;
}

int made_up_look(struct store *store, const uint8_t *id, size_t id_size,
		 struct store_segment_summary *summary_out)
{
	uint64_t held[STORE_SEGMENT_WORDS];
	struct store_segment *segment;

	made_up.looks++;
	if (made_up_find(store, id, id_size, &segment) != 0)
		return -ENOENT;
	*summary_out = (struct store_segment_summary){made_up_held(segment, held),
						      segment->description.blocks, segment->age_ms};
	made_up_put(segment);
	return 0;
}

static struct made_up_opaque *find_opaque(const uint8_t *id, size_t id_size, uint32_t block)
{
	for (unsigned i = 0; i < made_up.opaque_count; i++)
		if (id_size == ID_SIZE && memcmp(id, made_up.opaque[i].id, ID_SIZE) == 0 &&
		    made_up.opaque[i].of.block == block)
			return &made_up.opaque[i];
	return NULL;
}

uint32_t made_up_opaque_held(struct store *store, const uint8_t *id, size_t id_size,
			     uint64_t held_out[STORE_SEGMENT_WORDS], uint64_t *age_ms_out)
{
	uint64_t age_ms = 0;
	uint32_t count = 0;

	(void)store;
	memset(held_out, 0, STORE_SEGMENT_WORDS * sizeof(*held_out));
	for (uint32_t block = 0; block < STORE_SEGMENT_BLOCKS; block++) {
		const struct made_up_opaque *opaque = find_opaque(id, id_size, block);

		if (opaque == NULL)
			continue;
		range_set_add(held_out, STORE_SEGMENT_BLOCKS, (struct range){block, 1});
		age_ms = opaque->age_ms > age_ms ? opaque->age_ms : age_ms;
		count++;
	}
	if (age_ms_out != NULL)
		*age_ms_out = age_ms;
	return count;
}

uint32_t made_up_opaque_next(struct store *store, const uint8_t *id, size_t id_size, uint32_t from)
{
	(void)store;
	assert_in_range(from, 0, STORE_SEGMENT_BLOCKS - 1);
	while (from < STORE_SEGMENT_BLOCKS && find_opaque(id, id_size, from) == NULL)
		from++;
	return from;
}

int made_up_opaque_look(struct store *store, const uint8_t *const *ids, const size_t *id_sizes,
			unsigned count, struct store_segment_summary *summaries_out)
{
	uint64_t held[STORE_SEGMENT_WORDS];

	assert_in_range(count, 1, RETRIEVAL_ANSWER_LOOKS);
	made_up.opaque_goes++;
	for (unsigned i = 0; i < count; i++) {
		uint64_t age_ms;

		summaries_out[i] = (struct store_segment_summary){0};
		if (made_up.opaque_count == 0)
			continue;
		summaries_out[i].held =
			made_up_opaque_held(store, ids[i], id_sizes[i], held, &age_ms);
		summaries_out[i].age_ms = age_ms;
	}
	return 0;
}

int made_up_opaque_drop(struct store *store, const uint8_t *id, size_t id_size, uint32_t block)
{
	struct made_up_opaque *opaque = find_opaque(id, id_size, block);

	(void)store;
	if (opaque == NULL)
		return -ENOENT;
	*opaque = made_up.opaque[--made_up.opaque_count];
	return 0;
}

int made_up_opaque_read(struct store *store, const uint8_t *id, size_t id_size, uint32_t block,
			struct store_opaque *block_out, void *data)
{
	const struct made_up_opaque *opaque = find_opaque(id, id_size, block);

	(void)store;
	made_up.opaque_reads++;
	if (opaque == NULL || opaque->read_error != 0)
		return opaque == NULL ? -ENOENT : opaque->read_error;
	*block_out = opaque->of;
	memset(data, opaque->octet, opaque->of.size);
	return 0;
}

/* BLOCK of OF, opaque: AES-256, of a segment of 64 full blocks, its IV and data OCTET. */
static UNUSED struct made_up_opaque *hold_opaque(const struct store_segment *of, uint32_t block,
						 uint8_t octet)
{
	struct made_up_opaque *opaque = &made_up.opaque[made_up.opaque_count++];

	*opaque = (struct made_up_opaque){.octet = octet};
	memcpy(opaque->id, of->id, ID_SIZE);
	opaque->of = (struct store_opaque){
		.block = block,
		.algorithm = DIGEST_SHA256,
		.segment_size = 64 * CUTTING_UNIT,
		.cipher = CIPHER_AES_256,
		.size = CUTTING_UNIT + CIPHER_PADDING_MAX,
	};
	memset(opaque->of.iv, octet, sizeof(opaque->of.iv));
	return opaque;
}

/* Id FIRST, FIRST + 1, ..., secret from FIRST + 0x40 on; nothing of it is held. */
static UNUSED struct store_segment *make_segment(unsigned version, uint8_t first, uint32_t blocks,
						 uint32_t length)
{
	struct store_segment *segment = &made_up.segments[made_up.count++];

	memset(segment, 0, sizeof(*segment));
	segment->version = version;
	segment->description.blocks = blocks;
	segment->description.length = length;
	for (unsigned i = 0; i < ID_SIZE; i++) {
		segment->id[i] = (uint8_t)(first + i);
		segment->description.secret[i] = (uint8_t)(first + 0x40 + i);
	}
	return segment;
}

static UNUSED void hold(struct store_segment *segment, uint32_t block)
{
	range_set_add(segment->held, PCCRR_BLOCKS, (struct range){block, 1});
}

/* Reading waits from now on, until it is opened. */
static UNUSED void close_reading(void)
{
	pthread_mutex_lock(&made_up.lock);
	made_up.closed = true;
	pthread_mutex_unlock(&made_up.lock);
}

static UNUSED void open_reading(void)
{
	pthread_mutex_lock(&made_up.lock);
	made_up.closed = false;
	pthread_cond_broadcast(&made_up.changed);
	pthread_mutex_unlock(&made_up.lock);
}

static UNUSED void wait_for_readers(unsigned count)
{
	pthread_mutex_lock(&made_up.lock);
	while (made_up.reading < count)
		pthread_cond_wait(&made_up.changed, &made_up.lock);
	pthread_mutex_unlock(&made_up.lock);
}

/* ---- the server ---- */

#define POOL_THREADS 3u

static struct pool *pool;
static struct retrieval_server *server;
static struct store_segment *segment; /* the worked one */

/* The segment of retrieval.md section 15, of 64 blocks, without any. */
static UNUSED void begin(const struct retrieval_server_options *adjusted)
{
	struct retrieval_server_options options = *adjusted;
	char message[256];

	alarm(FIXTURE_PATIENCE);
	made_up.count = made_up.looks = 0;
	made_up.opaque_count = made_up.opaque_goes = made_up.opaque_reads = 0;
	segment = make_segment(1, 0, 64, 64 * CUTTING_UNIT - 100);
	assert_int_equal(pool_create(POOL_THREADS, &pool), 0);
	if (options.address == NULL && options.port_first == 0 && options.listen == NULL)
		options.address = "127.0.0.1";
	options.pool = pool;
	if (retrieval_server_create(&options, &server, message, sizeof(message)) != 0)
		fail_msg("%s", message);
}

static UNUSED void finish(void)
{
	open_reading();
	retrieval_server_free(server);
	server = NULL;
	pool_destroy(pool);
	pool = NULL;
	assert_int_equal(made_up.found, 0);
	assert_int_equal(made_up.reading, 0);
	alarm(0);
}

/* Blocks 3 and 4 are held. */
static UNUSED void begin_with(const struct retrieval_server_options *options)
{
	begin(options);
	hold(segment, 3);
	hold(segment, 4);
}

static UNUSED int setup(void **state)
{
	(void)state;
	begin_with(&(struct retrieval_server_options){0});
	return 0;
}

static UNUSED int teardown(void **state)
{
	(void)state;
	finish();
	return 0;
}

static UNUSED struct retrieval_served counters(void)
{
	struct retrieval_served served;

	retrieval_server_counters(server, &served);
	return served;
}

/* ---- the client ---- */

#define WORKED_ID "00000020000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define ASK_WORKED_BLOCK                                                                           \
	"00000001000000030000004400000001" WORKED_ID "00000001000000030000000100000000"

#define PATH "/116B50EB-ECE2-41ac-8429-9F9E963361B7/"

static UNUSED void come(struct client *client)
{
	raw_connect(client, retrieval_server_port(server));
}

static UNUSED void post_octets(struct client *client, const void *message, size_t size)
{
	char octets[1024];
	int head =
		snprintf(octets, sizeof(octets),
			 "POST " PATH " HTTP/1.1\r\nHost: h\r\nContent-Length: %zu\r\n\r\n", size);

	if (size <= sizeof(octets) - (size_t)head) {
		if (size > 0)
			memcpy(octets + head, message, size);
		raw_send_octets(client, octets, (size_t)head + size);
	} else {
		raw_send_octets(client, octets, (size_t)head);
		raw_send_octets(client, message, size);
	}
}

static UNUSED void post(struct client *client, const struct pccrr_request *request)
{
	struct octets message = write_request(request);

	post_octets(client, message.data, message.size);
	octets_free(&message);
}

/* The body of the next answer, whose status is 200. */
static UNUSED struct reply take(struct client *client)
{
	struct reply reply;

	assert_true(raw_reply(client, false, &reply));
	assert_int_equal(reply.status, 200);
	assert_true(reply.whole);
	return reply;
}

static UNUSED struct pccrr_request ask_block(const struct store_segment *of, uint32_t block)
{
	return (struct pccrr_request){.type = PCCRR_ASK_BLOCK,
				      .cipher = CIPHER_AES_128,
				      .segment = {of->id, ID_SIZE},
				      .block = block};
}

/* Leads into REPLY_OUT, for raw_free(). */
static UNUSED struct pccrr_answer
exchange(struct client *client, const struct pccrr_request *request, struct reply *reply_out)
{
	struct pccrr_answer answer;

	post(client, request);
	*reply_out = take(client);
	assert_int_equal(pccrr_answer_read(reply_out->body, reply_out->size, request, &answer), 0);
	return answer;
}

/* Whether ANSWER is BLOCK, encrypted; else it must be empty. */
static UNUSED bool is_block(const struct pccrr_answer *answer, const struct store_segment *of,
			    uint32_t block)
{
	uint32_t length = made_up_length(of, block);
	uint8_t *plain;

	assert_int_equal(answer->type, PCCRR_BLOCK);
	assert_int_equal(answer->block, block);
	if (answer->size == 0)
		return false;
	plain = malloc(length);
	assert_int_equal(answer->size, cipher_sealed_size(answer->cipher, length));
	assert_int_equal(cipher_decrypt(answer->cipher, of->description.secret, answer->iv,
					answer->data, answer->size, plain, length),
			 0);
	for (uint32_t i = 0; i < length; i++)
		if (of->text != NULL && block == 3)
			assert_int_equal(plain[i], of->text[i]);
		else if (plain[i] != made_up_octet(block, i))
			fail_msg("block %u differs at %u", block, i);
	free(plain);
	return true;
}

/* Asks for a block; whether it came. */
static UNUSED bool get(struct client *client, const struct store_segment *of, uint32_t block)
{
	struct pccrr_request request = ask_block(of, block);
	struct reply reply;
	struct pccrr_answer answer = exchange(client, &request, &reply);
	bool came = is_block(&answer, of, block);

	raw_free(&reply);
	return came;
}

/* RECEIVE_BUFFER 0: as usual. */
static UNUSED void come_from(struct client *client, const char *source, int receive_buffer)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	struct timeval patience = {.tv_sec = FIXTURE_PATIENCE};

	memset(client, 0, sizeof(*client));
	client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(client->fd >= 0);
	setsockopt(client->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (receive_buffer != 0)
		setsockopt(client->fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer,
			   sizeof(receive_buffer));
	inet_pton(AF_INET, source, &address.sin_addr);
	assert_int_equal(bind(client->fd, (struct sockaddr *)&address, sizeof(address)), 0);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	address.sin_port = htons((uint16_t)retrieval_server_port(server));
	assert_int_equal(connect(client->fd, (struct sockaddr *)&address, sizeof(address)), 0);
}

static UNUSED void post_block(struct client *client, uint32_t block)
{
	struct pccrr_request request = ask_block(segment, block);

	post(client, &request);
}

/* The connection is closed, in whatever way, and nothing more comes. */
static UNUSED void expect_end(struct client *client)
{
	assert_false(raw_receive(client));
	assert_int_equal(client->held, 0);
}

#endif
