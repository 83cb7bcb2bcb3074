/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A hosted cache and those who offer what they have not, or something else: nothing that is wrong
 * is kept, nobody is held up, and they are asked no more.
 */
#include "tests/unit/hosted_fixture.h"

#include <limits.h>
#include <stdatomic.h>

#include "tests/unit/scripted_server.h"

#define BLOCKS 20u
#define SIZE (BLOCKS * CUTTING_UNIT - 100)
#define TIMEOUT_MS 300u /* of those who stall */

/* Answers as a server that has everything; WHAT decides what is wrong with that. */
enum lie {
	LIE_NONE,
	LIE_OTHER_OCTETS, /* encrypted well */
	LIE_TOO_LONG,
	LIE_TOO_SHORT,
	LIE_ODD, /* no multiple of 16 */
	LIE_PLAIN,
	LIE_PLAIN_SHORT,
	LIE_OTHER_BLOCK,
	LIE_RUBBISH,
	LIE_STATUS,
	LIE_GIANT,
	LIE_VANISH,
	LIE_STALL,
	LIE_EMPTY,
	LIE_LIST_ONLY, /* and then nothing is there */
};

struct liar {
	struct scripted_server *server;
	enum lie lie;
	const struct known_segment *segment;
	unsigned port;
	atomic_uint allowed; /* requests; more wait */
};

static void send_answer(struct scripted_request *request, const struct pccrr_answer *answer)
{
	size_t size = pccrr_answer_size(answer);
	uint8_t *body = malloc(size);

	pccrr_answer_write(answer, body);
	scripted_send(request, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", size);
	scripted_send_octets(request, body, size);
	free(body);
}

static uint32_t sealed_size(enum lie lie, uint32_t length)
{
	uint32_t whole = (uint32_t)cipher_sealed_size(CIPHER_AES_128, length);

	switch (lie) {
	case LIE_TOO_LONG:
		return whole + 16;
	case LIE_TOO_SHORT:
		return whole - 32;
	case LIE_ODD:
		return whole - 1;
	case LIE_PLAIN:
		return length;
	case LIE_PLAIN_SHORT:
		return length - 1;
	default:
		return whole;
	}
}

static void give_block(struct scripted_request *request, const struct liar *liar,
		       const struct pccrr_request *asked)
{
	const struct known_segment *segment = liar->segment;
	bool plain = liar->lie == LIE_PLAIN || liar->lie == LIE_PLAIN_SHORT;
	uint32_t length = segment_block_length(segment, asked->block);
	struct pccrr_answer answer;
	uint8_t *data = calloc(1, CUTTING_UNIT_MAX + 64);

	pccrr_answer_begin(asked, plain ? CIPHER_NONE : CIPHER_AES_128, &answer);
	memcpy(data, segment->data + asked->block * CUTTING_UNIT, length);
	data[7] ^= liar->lie == LIE_OTHER_OCTETS;
	memset(answer.iv, 3, sizeof(answer.iv));
	if (!plain && cipher_encrypt(CIPHER_AES_128, segment->segment.secret, answer.iv, data,
				     length, data) != 0)
		abort();
	answer.block += liar->lie == LIE_OTHER_BLOCK;
	answer.data = data;
	answer.size = sealed_size(liar->lie, length);
	if (liar->lie == LIE_EMPTY || liar->lie == LIE_LIST_ONLY)
		answer.size = 0;
	send_answer(request, &answer);
	free(data);
}

static void give_list(struct scripted_request *request, const struct liar *liar,
		      const struct pccrr_request *asked)
{
	struct pccrr_answer answer;

	pccrr_answer_begin(asked, CIPHER_AES_128, &answer);
	if (liar->lie != LIE_EMPTY)
		memcpy(answer.blocks, asked->blocks, sizeof(answer.blocks));
	send_answer(request, &answer);
}

static bool stall(struct scripted_request *request)
{
	scripted_send(request, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nx");
	while (!scripted_stopping(request->server))
		usleep(1000);
	return false;
}

static bool lie(struct scripted_request *request)
{
	const struct liar *liar = request->context;
	struct pccrr_request asked;

	if (pccrr_request_read(request->payload, request->payload_size, &asked) != PCCRR_VALID)
		abort();
	while (request->number > atomic_load(&liar->allowed) && !scripted_stopping(request->server))
		usleep(200);
	switch (liar->lie) {
	case LIE_RUBBISH:
		scripted_send(request, "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nrubbish");
		return true;
	case LIE_STATUS:
		scripted_send(request, "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n");
		return true;
	case LIE_GIANT:
		scripted_send(request, "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n");
		return false;
	case LIE_VANISH:
		scripted_reset(request);
		return false;
	case LIE_STALL:
		return stall(request);
	default:
		break;
	}
	if (asked.type == PCCRR_ASK_LIST)
		give_list(request, liar, &asked);
	else
		give_block(request, liar, &asked);
	return true;
}

static void liar_begin(struct liar *liar, unsigned number, enum lie what,
		       const struct known_segment *segment)
{
	struct sockaddr_storage place = {0};
	struct sockaddr_in *at = (struct sockaddr_in *)&place;

	at->sin_family = AF_INET;
	at->sin_addr = client_address(number);
	*liar = (struct liar){.lie = what, .segment = segment};
	atomic_init(&liar->allowed, UINT_MAX);
	liar->server = scripted_start_at(lie, liar, &place);
	liar->port = scripted_port(liar->server);
}

static void be_impatient(struct hosted_cache_options *options)
{
	options->timeout_ms = TIMEOUT_MS;
}

static void take_plaintext(struct hosted_cache_options *options)
{
	options->plaintext = true;
}

struct scene_of_lie {
	unsigned char *data;
	struct known_segment segment;
	struct liar liar;
};

static void lie_begin(struct scene_of_lie *scene, enum lie what,
		      void (*adjust)(struct hosted_cache_options *options))
{
	scene->data = make_octets(SIZE, 30);
	scene->segment = segment_of(scene->data, SIZE, 1, 0);
	hosted_begin_with(LIMIT, adjust);
	liar_begin(&scene->liar, 5, what, &scene->segment);
}

static void lie_end(struct scene_of_lie *scene)
{
	scripted_stop(scene->liar.server);
	hosted_end();
	segment_free(&scene->segment);
	free(scene->data);
}

static struct hosted_cache_counters offer_lie(enum lie what, bool informed,
					      void (*adjust)(struct hosted_cache_options *options),
					      uint32_t *kept_out)
{
	struct hosted_cache_counters counters;
	struct scene_of_lie scene;

	lie_begin(&scene, what, adjust);
	if (informed)
		offer_information(5, scene.liar.port, &scene.segment);
	else
		offer_batch(5, scene.liar.port, &scene.segment, 1);
	counters = hosted_await(1);
	*kept_out = opaque_blocks(&scene.segment) + verified_blocks(&scene.segment);
	assert_int_equal(counters.pulled_blocks, *kept_out);
	lie_end(&scene);
	return counters;
}

static void truth_is_taken(void **state)
{
	uint32_t kept;

	(void)state;
	offer_lie(LIE_NONE, false, NULL, &kept);
	assert_int_equal(kept, BLOCKS);
	offer_lie(LIE_NONE, true, NULL, &kept);
	assert_int_equal(kept, BLOCKS);
}

static void other_octets_are_found_out_where_hashes_are_known(void **state)
{
	struct hosted_cache_counters counters;
	uint32_t kept;

	(void)state;
	counters = offer_lie(LIE_OTHER_OCTETS, true, NULL, &kept);
	assert_int_equal(kept, 0);
	assert_true(counters.wrong > 0);
	assert_int_equal(counters.wrong, counters.offers.blocks[OFFERS_WRONG]);
	offer_lie(LIE_OTHER_OCTETS, false, NULL, &kept);
	assert_int_equal(kept, BLOCKS); /* nobody can know */
}

static void impossible_blocks_are_not_kept(void **state)
{
	static const enum lie lies[] = {LIE_TOO_LONG, LIE_TOO_SHORT, LIE_ODD, LIE_PLAIN,
					LIE_PLAIN_SHORT};
	struct hosted_cache_counters counters;
	uint32_t kept;

	(void)state;
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		counters = offer_lie(lies[i], false, NULL, &kept);
		assert_int_equal(kept, 0);
		assert_true(counters.wrong > 0);
		assert_int_equal(counters.malformed, 0);
		assert_int_equal(counters.wrong, counters.offers.blocks[OFFERS_MALFORMED]);
	}
}

static void plaintext_is_kept_where_it_may_be(void **state)
{
	uint32_t kept;

	(void)state;
	offer_lie(LIE_PLAIN, false, take_plaintext, &kept);
	assert_int_equal(kept, BLOCKS);
	offer_lie(LIE_PLAIN_SHORT, false, take_plaintext, &kept);
	assert_int_equal(kept, 0);
	/* what is verified may come as it likes */
	offer_lie(LIE_PLAIN, true, NULL, &kept);
	assert_int_equal(kept, BLOCKS);
}

static void malformed_answers_are_counted(void **state)
{
	static const enum lie lies[] = {LIE_RUBBISH, LIE_STATUS, LIE_GIANT};
	struct hosted_cache_counters counters;
	uint32_t kept;

	(void)state;
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		counters = offer_lie(lies[i], false, NULL, &kept);
		assert_int_equal(kept, 0);
		assert_int_equal(counters.malformed, 1);
		assert_int_equal(counters.offers.lists[OFFERS_MALFORMED], 1);
	}
	counters = offer_lie(LIE_OTHER_BLOCK, false, NULL, &kept);
	assert_int_equal(kept, 0);
	assert_true(counters.malformed > 0);
}

static void who_vanishes_or_stalls_is_given_up(void **state)
{
	struct hosted_cache_counters counters;
	uint32_t kept;

	(void)state;
	counters = offer_lie(LIE_VANISH, false, NULL, &kept);
	assert_int_equal(counters.offers.lists[OFFERS_VANISHED], 1);
	assert_int_equal(kept, 0);
	counters = offer_lie(LIE_STALL, false, be_impatient, &kept);
	assert_int_equal(counters.offers.lists[OFFERS_LATE], 1);
	assert_int_equal(kept, 0);
}

static void what_is_not_there_is_no_fault(void **state)
{
	struct hosted_cache_counters counters;
	uint32_t kept;

	(void)state;
	counters = offer_lie(LIE_EMPTY, false, NULL, &kept);
	assert_int_equal(counters.offers.lists[OFFERS_NOT_HERE], 1);
	assert_int_equal(kept, 0);
	counters = offer_lie(LIE_LIST_ONLY, false, NULL, &kept);
	assert_int_equal(counters.offers.blocks[OFFERS_NOT_HERE], BLOCKS);
	assert_int_equal(counters.wrong + counters.malformed, 0);
	assert_int_equal(kept, 0);
}

static void nobody_listening_is_refused(void **state)
{
	struct hosted_cache_counters counters;
	struct scene_of_lie scene;

	(void)state;
	lie_begin(&scene, LIE_NONE, NULL);
	offer_batch(6, scene.liar.port, &scene.segment, 1); /* it is at another address */
	counters = hosted_await(1);
	assert_int_equal(counters.offers.lists[OFFERS_REFUSED], 1);
	lie_end(&scene);
}

static void nothing_is_pulled_from_port_0_or_from_itself(void **state)
{
	struct hosted_cache_counters counters;
	struct scene_of_lie scene;

	(void)state;
	lie_begin(&scene, LIE_NONE, NULL);
	offer_batch(0, 0, &scene.segment, 1);
	offer_batch(0, hosted.port, &scene.segment, 1);
	offer_batch(0, hosted.tls_port, &scene.segment, 1);
	counters = hosted_await(3);
	assert_int_equal(counters.offers.offers[OFFERS_NOTHING], 3);
	offer_batch(7, hosted.port, &scene.segment, 1); /* who is another */
	counters = hosted_await(4);
	assert_int_equal(counters.offers.offers[OFFERS_QUEUED], 1);
	lie_end(&scene);
}

static const char *const everywhere[] = {"0", NULL};

static void listen_everywhere(struct hosted_cache_options *options)
{
	options->listen = everywhere;
}

static void everywhere_is_itself_too(void **state)
{
	struct hosted_cache_counters counters;
	struct scene_of_lie scene;

	(void)state;
	lie_begin(&scene, LIE_NONE, listen_everywhere);
	offer_batch(0, hosted.port, &scene.segment, 1);
	offer_batch(7, hosted.port, &scene.segment, 1);
	offer_batch(0, hosted.tls_port, &scene.segment, 1);
	counters = hosted_await(3);
	assert_int_equal(counters.offers.offers[OFFERS_NOTHING], 3);
	lie_end(&scene);
}

static void absurd_descriptors_are_passed_over(void **state)
{
	static const uint8_t tag[PCHC_TAG_SIZE];
	uint8_t wire[4 * PCHC_OFFER_SIZE];
	struct bytes_out out = bytes_out(wire, sizeof(wire));
	struct pchc_request request = {.type = PCHC_BATCHED_OFFER, .port = 80, .offers = {wire, 4}};
	struct hosted_cache_counters counters;
	struct scene_of_lie scene;

	(void)state;
	lie_begin(&scene, LIE_NONE, NULL);
	for (unsigned i = 0; i < 4; i++) {
		static const struct pchc_offer offers[] = {
			{.algorithm = 1, .segment_size = 0},
			{.algorithm = 1, .segment_size = 33554433},
			{.algorithm = 4, .segment_size = 131073},
			{.algorithm = 0xfe, .segment_size = 65536},
		};
		struct pchc_offer offer = offers[i];

		offer.tag = tag;
		offer.id = scene.segment.id;
		pchc_offers_put(&out, &offer);
	}
	assert_int_equal(client_ask(5, &request), PCHC_OK);
	counters = hosted_await(4);
	assert_int_equal(counters.offers.offers[OFFERS_NOTHING], 4);
	lie_end(&scene);
}

/* The next one who offered it is asked where the first failed. */
static void another_helps_where_one_fails(void **state)
{
	struct hosted_cache_counters counters;
	struct scene_of_lie scene;
	struct owner owner;

	(void)state;
	lie_begin(&scene, LIE_STALL, be_impatient);
	owner_begin(&owner, 6, scene.data, SIZE, 1);
	offer_batch(5, scene.liar.port, &scene.segment, 1);
	offer_batch(6, owner.port, &scene.segment, 1);
	counters = hosted_await(2);
	assert_int_equal(counters.offers.offers[OFFERS_WAITING], 1);
	assert_int_equal(opaque_blocks(&scene.segment), BLOCKS);
	assert_int_equal(get_all(&scene.segment), BLOCKS);
	owner_end(&owner);
	lie_end(&scene);
}

static void who_lies_always_is_put_out_until_he_is_trusted_again(void **state)
{
	struct known_segment segments[8];
	struct hosted_cache_client client;
	struct hosted_cache_counters counters;
	struct scene_of_lie scene;
	unsigned char *data[8];

	(void)state;
	lie_begin(&scene, LIE_RUBBISH, NULL);
	for (unsigned i = 0; i < 8; i++) {
		data[i] = make_octets(SIZE, 40 + i);
		segments[i] = segment_of(data[i], SIZE, 1, 0);
	}
	offer_batch(5, scene.liar.port, segments, 8);
	counters = hosted_await(8);
	assert_int_equal(counters.malformed, 4);
	assert_int_equal(hosted_cache_clients(hosted.cache, &client, 1), 1);
	assert_true(client.banned);
	assert_int_equal(client.bad, 4);
	offer_batch(5, scene.liar.port, segments, 1);
	counters = hosted_await(9);
	assert_int_equal(counters.offers.offers[OFFERS_UNTRUSTED], 1);
	hosted_cache_trust(hosted.cache);
	assert_int_equal(hosted_cache_clients(hosted.cache, &client, 1), 1);
	assert_false(client.banned);
	for (unsigned i = 0; i < 8; i++) {
		segment_free(&segments[i]);
		free(data[i]);
	}
	lie_end(&scene);
}

/* What comes to be known while it is pulled is verified from then on. */
static void knowledge_may_come_in_the_middle(void **state)
{
	struct hosted_cache_counters counters;
	struct scene_of_lie scene;

	(void)state;
	lie_begin(&scene, LIE_NONE, NULL);
	atomic_store(&scene.liar.allowed, 3); /* the list, and two blocks */
	offer_batch(5, scene.liar.port, &scene.segment, 1);
	do {
		counters = hosted_counters();
	} while (counters.pulled_blocks < 2);
	offer_information(5, 0, &scene.segment);
	atomic_store(&scene.liar.allowed, UINT_MAX);
	counters = hosted_await(2);
	assert_int_equal(counters.pulled_blocks, BLOCKS);
	assert_int_equal(counters.verified_blocks, BLOCKS - 2);
	assert_int_equal(opaque_blocks(&scene.segment), 2);
	lie_end(&scene);
}

/* A list of random hashes that makes the hash of data is as good as any, until blocks come. */
static void random_lists_let_nothing_in(void **state)
{
	struct hosted_cache_counters counters;
	struct known_segment made_up;
	struct scene_of_lie scene;
	uint8_t hashes[BLOCKS * 32];

	(void)state;
	lie_begin(&scene, LIE_NONE, NULL);
	made_up = scene.segment;
	for (uint32_t i = 0; i < BLOCKS; i++) {
		struct content_block block;

		content_block_listed(made_up.content, &made_up.segment, i, &block);
		memcpy(hashes + i * 32, block.hash, 32);
		hashes[i * 32] ^= 1;
	}
	digest_hash(DIGEST_SHA256, hashes, sizeof(hashes), made_up.segment.hash_of_data);
	assert_int_equal(content_segment_id(made_up.content, &made_up.segment, made_up.id), 0);
	offer_information_of(5, scene.liar.port, &scene.segment, 0, BLOCKS, true);
	counters = hosted_await(1);
	assert_int_equal(counters.pulled_blocks, 0);
	assert_true(counters.wrong > 0);
	assert_int_equal(opaque_blocks(&made_up) + verified_blocks(&made_up), 0);
	assert_int_equal(offer_initial(5, 0, &made_up), PCHC_OK); /* it is known all the same */
	lie_end(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(truth_is_taken),
		cmocka_unit_test(other_octets_are_found_out_where_hashes_are_known),
		cmocka_unit_test(impossible_blocks_are_not_kept),
		cmocka_unit_test(plaintext_is_kept_where_it_may_be),
		cmocka_unit_test(malformed_answers_are_counted),
		cmocka_unit_test(who_vanishes_or_stalls_is_given_up),
		cmocka_unit_test(what_is_not_there_is_no_fault),
		cmocka_unit_test(nobody_listening_is_refused),
		cmocka_unit_test(nothing_is_pulled_from_port_0_or_from_itself),
		cmocka_unit_test(everywhere_is_itself_too),
		cmocka_unit_test(absurd_descriptors_are_passed_over),
		cmocka_unit_test(another_helps_where_one_fails),
		cmocka_unit_test(who_lies_always_is_put_out_until_he_is_trusted_again),
		cmocka_unit_test(knowledge_may_come_in_the_middle),
		cmocka_unit_test(random_lists_let_nothing_in),
	};

	return cmocka_run_group_tests_name("hosted_liars", tests, fixture_setup, fixture_teardown);
}
