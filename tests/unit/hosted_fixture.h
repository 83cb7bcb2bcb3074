/* SPDX-License-Identifier: BSD-2-Clause
 *
 * For the tests of the hosted cache: a whole one on loopback, over a real store; clients at
 * addresses of 127.0.0.0/8 that offer to it; and those who have what they offer, which are
 * retrieval servers over a store of their own.
 */
#ifndef TESTS_UNIT_HOSTED_FIXTURE_H
#define TESTS_UNIT_HOSTED_FIXTURE_H

#include "tests/unit/store_content_fixture.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "cache/store_opaque.h"
#include "cache/store_segment.h"
#include "peer/hosted_cache.h"
#include "peer/hosted_known.h"
#include "tests/unit/http_scene.h"
#include "tests/unit/raw_client.h"

/* Seconds after which a test that waits in vain fails. */
#define HOSTED_PATIENCE 120

/* ---- the cache ---- */

static struct {
	struct store *store;
	struct pool *pool;
	struct loop *loop;
	struct hosted_cache *cache;
	unsigned port, tls_port;
	char cert[128], key[128];
} hosted;

static UNUSED unsigned hosted_port_of(unsigned index)
{
	char address[96];

	assert_int_equal(hosted_cache_address(hosted.cache, index, address, sizeof(address)), 0);
	return (unsigned)atoi(strrchr(address, ':') + 1);
}

/* LIMIT_: of the store. ADJUST may be NULL. */
static UNUSED void hosted_begin_with(uint64_t limit,
				     void (*adjust)(struct hosted_cache_options *options))
{
	static const char *const listen[] = {"127.0.0.1:0", NULL};
	struct hosted_cache_options options = {.listen = listen, .tls_listen = listen};
	char message[512] = "";

	alarm(HOSTED_PATIENCE);
	hosted.store = fixture_open(limit);
	assert_int_equal(pool_create(2, &hosted.pool), 0);
	assert_int_equal(loop_create(&hosted.loop), 0);
	snprintf(hosted.cert, sizeof(hosted.cert), "%s/cert.pem", fixture_directory);
	snprintf(hosted.key, sizeof(hosted.key), "%s/key.pem", fixture_directory);
	http_scene_make_certificate(hosted.cert, hosted.key);
	options.store = hosted.store;
	options.pool = hosted.pool;
	options.loop = hosted.loop;
	options.tls_cert = hosted.cert;
	options.tls_key = hosted.key;
	if (adjust != NULL)
		adjust(&options);
	if (hosted_cache_create(&options, &hosted.cache, message, sizeof(message)) != 0)
		fail_msg("hosted_cache_create: %s", message);
	hosted.port = hosted_port_of(0);
	hosted.tls_port = hosted_port_of(1);
}

static UNUSED void hosted_begin(void)
{
	hosted_begin_with(LIMIT, NULL);
}

static UNUSED void hosted_end(void)
{
	hosted_cache_free(hosted.cache);
	loop_destroy(hosted.loop);
	pool_destroy(hosted.pool);
	store_close(hosted.store);
	memset(&hosted, 0, sizeof(hosted));
	fixture_clean();
	assert_int_equal(fixture_setup(NULL), 0);
	alarm(0);
}

static UNUSED struct hosted_cache_counters hosted_counters(void)
{
	struct hosted_cache_counters counters;

	hosted_cache_counters(hosted.cache, &counters);
	return counters;
}

static UNUSED uint64_t hosted_offers_seen(const struct hosted_cache_counters *counters)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < OFFERS_FATES; i++)
		sum += counters->offers.offers[i];
	return sum;
}

/* So many descriptors have been offered, and what was to be done about them is done. */
static UNUSED struct hosted_cache_counters hosted_await(uint64_t offered)
{
	struct hosted_cache_counters counters;

	for (;;) {
		counters = hosted_counters();
		if (hosted_offers_seen(&counters) >= offered && counters.offers.segments == 0)
			return counters;
		usleep(200);
	}
}

/* ---- clients ---- */

/* 127.0.NETWORK.HOST. */
static UNUSED struct in_addr client_address(unsigned number)
{
	return (struct in_addr){htonl(INADDR_LOOPBACK + number)};
}

static UNUSED void client_connect(struct client *client, unsigned number, bool tls)
{
	struct sockaddr_in source = {.sin_family = AF_INET, .sin_addr = client_address(number)};
	struct sockaddr_in cache = {.sin_family = AF_INET,
				    .sin_port =
					    htons((uint16_t)(tls ? hosted.tls_port : hosted.port)),
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int on = 1;

	memset(client, 0, sizeof(*client));
	client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(client->fd >= 0);
	setsockopt(client->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	assert_int_equal(bind(client->fd, (struct sockaddr *)&source, sizeof(source)), 0);
	assert_int_equal(connect(client->fd, (struct sockaddr *)&cache, sizeof(cache)), 0);
	if (!tls)
		return;
	client->context = SSL_CTX_new(TLS_client_method());
	client->ssl = SSL_new(client->context);
	SSL_set_fd(client->ssl, client->fd);
	assert_int_equal(SSL_connect(client->ssl), 1);
}

/* The code that REQUEST is answered with. */
static UNUSED enum pchc_code client_post(struct client *client, const struct pchc_request *request)
{
	bool one = request->type != PCHC_BATCHED_OFFER;
	size_t size = pchc_request_size(request);
	uint8_t *message = malloc(size);
	enum pchc_code code;
	struct reply reply;
	char head[256];

	assert_true(size > 0);
	pchc_request_write(request, message);
	snprintf(head, sizeof(head), "POST %s HTTP/1.1\r\nHost: h\r\nContent-Length: %zu\r\n\r\n",
		 one ? PCHC_PATH_1 : PCHC_PATH_2, size);
	raw_send(client, head);
	raw_send_octets(client, message, size);
	free(message);
	assert_true(raw_reply(client, false, &reply));
	assert_int_equal(reply.status, 200);
	assert_int_equal(pchc_response_read(reply.body, reply.size, request->type, &code), 0);
	raw_free(&reply);
	return code;
}

static UNUSED enum pchc_code client_ask(unsigned number, const struct pchc_request *request)
{
	struct client client;
	enum pchc_code code;

	client_connect(&client, number, request->type != PCHC_BATCHED_OFFER);
	code = client_post(&client, request);
	raw_close(&client);
	return code;
}

/* ---- segments, as everybody who has the content information knows them ---- */

struct known_segment {
	const unsigned char *data;
	struct content *content;
	struct content_segment segment;
	uint32_t index;
	uint8_t id[DIGEST_SIZE_MAX];
};

static UNUSED struct known_segment segment_of(const unsigned char *data, size_t size,
					      unsigned version, uint32_t index)
{
	struct encoded *encoded = encode(data, size, version);
	struct known_segment known = {.index = index};

	assert_int_equal(
		content_decode(encoded->data, encoded->size, encoded->size, &known.content, NULL),
		0);
	free(encoded);
	assert_int_equal(content_segment(known.content, index, &known.segment), 0);
	assert_int_equal(content_segment_id(known.content, &known.segment, known.id), 0);
	known.data = data + known.segment.offset;
	return known;
}

static UNUSED void segment_free(struct known_segment *known)
{
	content_put(known->content);
}

static UNUSED uint32_t segment_block_length(const struct known_segment *known, uint32_t block)
{
	uint32_t left = known->segment.length - block * CUTTING_UNIT;

	if (content_version(known->content) == 2)
		return known->segment.length;
	return left < CUTTING_UNIT ? left : CUTTING_UNIT;
}

/* ---- offering ---- */

static UNUSED void offer_batch(unsigned number, unsigned port, const struct known_segment *segments,
			       unsigned count)
{
	static const uint8_t tag[PCHC_TAG_SIZE];
	uint8_t wire[PCHC_OFFERS_MAX * PCHC_OFFER_SIZE];
	struct bytes_out out = bytes_out(wire, sizeof(wire));
	struct pchc_request request = {
		.type = PCHC_BATCHED_OFFER, .port = (uint16_t)port, .offers = {wire, count}};

	for (unsigned i = 0; i < count; i++) {
		struct pchc_offer offer;

		assert_true(pchc_offer_make(content_algorithm(segments[i].content),
					    segments[i].segment.length, tag, segments[i].id,
					    &offer));
		pchc_offers_put(&out, &offer);
	}
	assert_int_equal(client_ask(number, &request), PCHC_OK);
}

static UNUSED enum pchc_code offer_initial(unsigned number, unsigned port,
					   const struct known_segment *segment)
{
	struct pchc_request request = {
		.type = PCHC_INITIAL_OFFER, .port = (uint16_t)port, .segment = {segment->id, 32}};

	return client_ask(number, &request);
}

/* Hashes of LISTED blocks from FIRST on; made from the first on, if WRONG. */
static UNUSED void offer_information_of(unsigned number, unsigned port,
					const struct known_segment *known, uint32_t first,
					uint32_t listed, bool wrong)
{
	static const uint8_t tag[PCHC_TAG_SIZE];
	uint8_t hashes[512 * 32];
	struct pchc_request request = {
		.type = PCHC_SEGMENT_INFO, .port = (uint16_t)port, .tag = tag};
	struct content_v1_single *single = &request.information;

	single->algorithm = DIGEST_SHA256;
	single->segment = known->segment;
	single->segment.first_listed = first;
	single->segment.listed = listed;
	single->skip = first * CUTTING_UNIT;
	for (uint32_t i = 0; i < listed; i++) {
		struct content_block block;

		assert_int_equal(
			content_block_listed(known->content, &known->segment, first + i, &block),
			0);
		memcpy(hashes + i * 32, block.hash, 32);
		hashes[i * 32] ^= wrong;
	}
	if (wrong && listed == known->segment.blocks)
		assert_int_equal(digest_hash(DIGEST_SHA256, hashes, listed * 32,
					     single->segment.hash_of_data),
				 0);
	single->hashes = hashes;
	assert_int_equal(client_ask(number, &request), PCHC_OK);
}

static UNUSED void offer_information(unsigned number, unsigned port,
				     const struct known_segment *known)
{
	offer_information_of(number, port, known, 0, known->segment.blocks, false);
}

/* ---- who has it ---- */

struct owner {
	struct store *store;
	struct pool *pool;
	struct retrieval_server *server;
	struct object *object;
	unsigned port;
};

/* At client NUMBER's address, with all of DATA. */
static UNUSED void owner_begin(struct owner *owner, unsigned number, const unsigned char *data,
			       size_t size, unsigned version)
{
	static unsigned owners;
	struct in_addr at = client_address(number);
	char directory[160], address[INET_ADDRSTRLEN], message[256];
	struct store_options options = {.directory = directory,
					.scope = "http://origin/",
					.owner = "/mnt/owner",
					.limit = LIMIT,
					.now = fixture_now};
	struct retrieval_server_options server = {.address = address};

	snprintf(directory, sizeof(directory), "%s/owner-%u", fixture_directory, owners++);
	inet_ntop(AF_INET, &at, address, sizeof(address));
	assert_int_equal(store_open(&options, &owner->store, message, sizeof(message)), 0);
	assert_int_equal(pool_create(2, &owner->pool), 0);
	owner->object = make_described(owner->store, "f", data, size, version);
	server.store = owner->store;
	server.pool = owner->pool;
	server.plaintext = true;
	assert_int_equal(retrieval_server_create(&server, &owner->server, message, sizeof(message)),
			 0);
	owner->port = retrieval_server_port(owner->server);
}

static UNUSED void owner_end(struct owner *owner)
{
	retrieval_server_free(owner->server);
	pool_destroy(owner->pool);
	object_put(owner->object);
	store_close(owner->store);
}

static UNUSED struct retrieval_served owner_served(const struct owner *owner)
{
	struct retrieval_served served;

	retrieval_server_counters(owner->server, &served);
	return served;
}

/* ---- what the cache has ---- */

static UNUSED uint32_t opaque_blocks(const struct known_segment *known)
{
	uint64_t held[STORE_SEGMENT_WORDS];

	return store_opaque_held(hosted.store, known->id, 32, held, NULL);
}

static UNUSED uint32_t verified_blocks(const struct known_segment *known)
{
	uint64_t held[STORE_SEGMENT_WORDS];

	return store_segment_anywhere(hosted.store, known->id, 32, held);
}

static void open_sealed(const struct pccrr_answer *answer, const uint8_t *secret,
			const unsigned char *expected, uint32_t length)
{
	unsigned char *plain = malloc(CUTTING_UNIT_MAX);

	assert_int_equal(cipher_decrypt(answer->cipher, secret, answer->iv, answer->data,
					answer->size, plain, length),
			 0);
	assert_memory_equal(plain, expected, length);
	free(plain);
}

/* Asks the cache for every block; returns how many come, all of them right. */
static UNUSED unsigned get_all(const struct known_segment *known)
{
	struct client client;
	unsigned came = 0;

	client_connect(&client, 99, false);
	for (uint32_t i = 0; i < known->segment.blocks; i++) {
		struct pccrr_request request = {.type = PCCRR_ASK_BLOCK,
						.cipher = CIPHER_AES_256,
						.segment = {known->id, 32},
						.block = i};
		size_t size = pccrr_request_size(&request);
		struct pccrr_answer answer;
		struct reply reply;
		uint8_t message[256];
		char head[256];

		pccrr_request_write(&request, message);
		snprintf(head, sizeof(head),
			 "POST %s HTTP/1.1\r\nHost: h\r\nContent-Length: %zu\r\n\r\n", PCCRR_PATH,
			 size);
		raw_send(&client, head);
		raw_send_octets(&client, message, size);
		assert_true(raw_reply(&client, false, &reply));
		assert_int_equal(reply.status, 200);
		assert_int_equal(pccrr_answer_read(reply.body, reply.size, &request, &answer), 0);
		if (answer.size > 0)
			open_sealed(&answer, known->segment.secret, known->data + i * CUTTING_UNIT,
				    segment_block_length(known, i));
		came += answer.size > 0;
		raw_free(&reply);
	}
	raw_close(&client);
	return came;
}

#endif
