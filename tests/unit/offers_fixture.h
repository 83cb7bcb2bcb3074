/* SPDX-License-Identifier: BSD-2-Clause
 *
 * For the tests of what neighbours offer to hosted caches, over real sockets on this machine: a
 * client with a content in its store, and asking its retrieval server as a hosted cache does.
 */
#ifndef TESTS_UNIT_OFFERS_FIXTURE_H
#define TESTS_UNIT_OFFERS_FIXTURE_H

#include "tests/unit/neighbours_fixture.h"

#include <openssl/evp.h>

#include "peer/neighbours_private.h"
#include "tests/unit/raw_client.h"
#include "tests/unit/taker_scene.h"

/* ---- the client ---- */

struct offerer {
	struct machine *machine;
	struct content *content;
	struct taker *takers[4];
	char host[4][64];
	const char *hosts[5];
	unsigned taker_count;
};

static struct offerer offerer;

/* Of no interface: who is welcome is so because it is a hosted cache. */
static const char *const no_interface[] = {"none0", NULL};

static UNUSED int begin_offering(void **state)
{
	memset(&offerer, 0, sizeof(offerer));
	alarm(4 * TAKER_PATIENCE);
	return begin(state);
}

static UNUSED int end_offering(void **state)
{
	int error;

	content_put(offerer.content);
	error = end(state);
	for (unsigned i = 0; i < offerer.taker_count; i++)
		taker_end(offerer.takers[i]);
	alarm(0);
	return error;
}

/* ADDRESS: as `listen` names it; NULL: all. The content is held, from FIRST to before END. */
static UNUSED void make_offerer(unsigned version, const char *address, uint32_t first,
				uint32_t end_)
{
	struct machine *machine = make_machine(no_interface);

	neighbours_free(machine->neighbours);
	const struct neighbours_options options = {.loop = machine->loop,
						   .pool = machine->pool,
						   .store = machine->store,
						   .interfaces = no_interface,
						   .address = address,
						   .plaintext = true,
						   .discovery_port = 3702,
						   .thinning = THINNING_DEFAULT};
	assert_int_equal(neighbours_create(&options, &machine->neighbours), 0);
	hold_units(machine, version, first, end_);
	offerer.machine = machine;
	offerer.content = content_of(machine->store, data, BIG, version);
}

static UNUSED struct taker *add_host(struct taker *taker, const char *name, unsigned port)
{
	unsigned number = offerer.taker_count++;

	offerer.takers[number] = taker;
	snprintf(offerer.host[number], sizeof(offerer.host[number]), "%s:%u", name, port);
	offerer.hosts[number] = offerer.host[number];
	return taker;
}

static UNUSED struct taker *add_taker(void)
{
	struct taker *taker = taker_begin("127.0.0.1:0", NULL, NULL);

	return add_host(taker, "127.0.0.1", taker->port);
}

/* Addresses are looked up by then; of those that have any. */
static UNUSED void wait_until_known(void)
{
	struct neighbours_server servers[OFFERING_SERVERS_MAX];

	for (unsigned i = 0; i < TAKER_PATIENCE * 1000; i++) {
		unsigned count = neighbours_servers(offerer.machine->neighbours, servers),
			 known = 0;
		for (unsigned j = 0; j < count; j++)
			known += servers[j].peer.address.family != 0;
		if (known == count)
			return;
		usleep(1000);
	}
	fail_msg("hosted caches have no addresses");
}

static UNUSED void turn_offerer_on_with(unsigned sides, unsigned tls_port, const char *cacert)
{
	const struct neighbours_hosted hosted = {
		.hosts = offerer.hosts, .tls_port = tls_port, .cacert = cacert};
	char message[512] = "";

	if (neighbours_on(offerer.machine->neighbours, sides,
			  (sides & NEIGHBOURS_HOSTED) != 0 ? &hosted : NULL, message,
			  sizeof(message)) != 0)
		fail_msg("neighbours_on: %s", message);
}

static UNUSED void turn_offerer_on(unsigned sides)
{
	turn_offerer_on_with(sides, 0, NULL);
}

/* The blocks from FIRST to before END come from the origin. Returns how many. */
static UNUSED unsigned fetch(uint32_t first, uint32_t end_)
{
	uint32_t number = 0;
	struct content_block block;

	for (uint64_t offset = 0; offset < BIG && number < end_; offset += block.length, number++) {
		if (content_block_at(offerer.content, offset, &block) != 0)
			abort();
		if (number >= first)
			neighbours_fetched(offerer.machine->neighbours, offerer.content, offset);
	}
	return number > first ? number - first : 0;
}

static UNUSED struct offering_counters offering_of(void)
{
	return counters_of(offerer.machine).offering;
}

#define WAIT_UNTIL(condition)                                                                      \
	do {                                                                                       \
		for (unsigned tries_ = 0; !(condition); tries_++) {                                \
			if (tries_ == TAKER_PATIENCE * 1000)                                       \
				fail_msg("never: %s", #condition);                                 \
			usleep(1000);                                                              \
		}                                                                                  \
	} while (0)
/* COUNTER: one of offering_of(). */
#define WAIT_FOR(counter, wanted) WAIT_UNTIL(offering_of().counter >= (wanted))

/* ---- as the hosted cache ---- */

static UNUSED unsigned retrieval_port(void)
{
	return retrieval_server_port(offerer.machine->neighbours->server);
}

struct pulled {
	bool refused; /* the connection */
	bool empty;
	enum cipher_algorithm cipher;
	bool right; /* it is the block, in plaintext or decrypted */
};

static UNUSED bool is_right(const struct pccrr_answer *answer,
			    const struct content_segment *segment,
			    const struct content_block *block)
{
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	unsigned char *plain = malloc(answer->size + 16);
	int most = 0, last = 0;
	bool right;

	if (answer->cipher == CIPHER_NONE) {
		memcpy(plain, answer->data, answer->size);
		most = (int)answer->size;
	} else {
		EVP_DecryptInit_ex(context, EVP_aes_128_cbc(), NULL, segment->secret, answer->iv);
		EVP_DecryptUpdate(context, plain, &most, answer->data, (int)answer->size);
		EVP_DecryptFinal_ex(context, plain + most, &last);
	}
	right = (uint32_t)(most + last) == block->length &&
		memcmp(plain, data + block->offset, block->length) == 0;
	EVP_CIPHER_CTX_free(context);
	free(plain);
	return right;
}

static UNUSED struct pulled read_pulled(struct reply *reply, const struct pccrr_request *request,
					const struct content_segment *segment,
					const struct content_block *block)
{
	struct pulled pulled = {.empty = true};
	struct pccrr_answer answer;

	assert_int_equal(reply->status, 200);
	assert_int_equal(pccrr_answer_read(reply->body, reply->size, request, &answer), 0);
	if (answer.size > 0) {
		pulled.empty = false;
		pulled.cipher = answer.cipher;
		pulled.right = is_right(&answer, segment, block);
	}
	raw_free(reply);
	return pulled;
}

/* BLOCK of the content's segment INDEX, asked for with CIPHER, from 127.0.0.1. */
static UNUSED struct pulled pull(uint32_t index, uint32_t number, enum cipher_algorithm cipher)
{
	struct content_segment segment;
	struct content_block block;
	uint8_t id[DIGEST_SIZE_MAX], message[1024];
	struct client client = {0};
	struct reply reply;
	char head[256];

	assert_int_equal(content_segment(offerer.content, index, &segment), 0);
	assert_int_equal(content_segment_id(offerer.content, &segment, id), 0);
	assert_int_equal(content_block_listed(offerer.content, &segment, number, &block), 0);
	struct pccrr_request request = {
		.type = PCCRR_ASK_BLOCK, .cipher = cipher, .segment = {id, 32}, .block = number};
	size_t size = pccrr_request_size(&request);
	assert_in_range(size, 1, sizeof(message));
	pccrr_request_write(&request, message);
	raw_connect(&client, retrieval_port());
	snprintf(head, sizeof(head), "POST %s HTTP/1.1\r\nHost: h\r\nContent-Length: %zu\r\n\r\n",
		 PCCRR_PATH, size);
	raw_send(&client, head);
	raw_send_octets(&client, message, size);
	bool answered = raw_reply(&client, false, &reply);
	raw_close(&client);
	return answered ? read_pulled(&reply, &request, &segment, &block)
			: (struct pulled){.refused = true};
}

#endif
