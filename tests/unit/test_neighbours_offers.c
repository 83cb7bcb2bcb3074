/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What neighbours offer to hosted caches by version 2.0, and give them then.
 */
#include "tests/unit/offers_fixture.h"

static bool is_of_content(const struct pchc_offer *offer)
{
	uint32_t count = content_segments(offerer.content);
	struct content_segment segment;
	uint8_t id[DIGEST_SIZE_MAX];

	for (uint32_t i = 0; i < count; i++) {
		assert_int_equal(content_segment(offerer.content, i, &segment), 0);
		assert_int_equal(content_segment_id(offerer.content, &segment, id), 0);
		if (memcmp(id, offer->id, PCHC_ID_SIZE) == 0)
			return offer->segment_size == segment.length &&
			       memcmp(offer->tag, OFFERING_TAG, PCHC_TAG_SIZE) == 0;
	}
	return false;
}

static void check_message(const struct taken *taken)
{
	struct pchc_offers rest = taken->request.offers;
	struct pchc_offer offer;

	assert_int_equal(taken->version, 2);
	assert_int_equal(taken->request.type, PCHC_BATCHED_OFFER);
	assert_int_equal(taken->request.port, retrieval_port());
	assert_false(taken->tls);
	assert_false(taken->credentials);
	while (pchc_offers_next(&rest, &offer))
		assert_true(is_of_content(&offer));
}

static void what_came_from_the_origin_is_offered(unsigned version, unsigned expected)
{
	make_offerer(version, NULL, 0, UINT32_MAX);
	struct taker *taker = add_taker();

	turn_offerer_on(NEIGHBOURS_HOSTED);
	fetch(0, UINT32_MAX);
	WAIT_FOR(offered, expected);
	assert_int_equal(taker_segments(taker), expected);
	for (unsigned i = 0; i < taker_count(taker); i++)
		check_message(taker_wait(taker, i));
	assert_int_equal(offering_of().failed, 0);
	assert_int_equal(offering_of().messages, taker_count(taker));
	/* Told once more, it is nothing new. */
	fetch(0, UINT32_MAX);
	assert_int_equal(offering_of().queued, 0);
	neighbours_off(offerer.machine->neighbours);
	assert_int_equal(offering_of().offered, expected);
	assert_false(counters_of(offerer.machine).deaf);
}

static void segments_of_version_1_are(void **state)
{
	(void)state;
	what_came_from_the_origin_is_offered(1, 1);
}

static void segments_of_version_2_are(void **state)
{
	struct content *content;

	(void)state;
	struct store *store = open_store(9);
	content = content_of(store, data, BIG, 2);
	unsigned count = content_segments(content);
	content_put(content);
	store_close(store);
	assert_true(count > 16);
	what_came_from_the_origin_is_offered(2, count);
}

static void a_fifth_of_a_segment_is_offered_and_the_next_one_again(void **state)
{
	(void)state;
	make_offerer(1, NULL, 0, UINT32_MAX);
	struct taker *taker = add_taker();

	turn_offerer_on(NEIGHBOURS_HOSTED);
	assert_int_equal(fetch(0, 16), 16);
	assert_int_equal(offering_of().queued, 0);
	fetch(16, 17); /* of 81 */
	taker_wait(taker, 0);
	WAIT_FOR(offered, 1);
	fetch(17, 33);
	taker_wait(taker, 1);
}

static void nothing_is_offered_without_that_side(void **state)
{
	(void)state;
	make_offerer(2, NULL, 0, UINT32_MAX);
	add_taker();
	fetch(0, UINT32_MAX);
	turn_offerer_on(NEIGHBOURS_LAN);
	fetch(0, UINT32_MAX);
	assert_int_equal(offering_of().queued + offering_of().messages, 0);
	struct neighbours_server servers[OFFERING_SERVERS_MAX];
	assert_int_equal(neighbours_servers(offerer.machine->neighbours, servers), 0);
	turn_offerer_on(NEIGHBOURS_LAN | NEIGHBOURS_HOSTED);
	fetch(0, 1);
	WAIT_FOR(offered, 1);
}

/* ---- what is given ---- */

/* The cache takes no offers, but knows the id. */
static void alone_it_gives_what_is_on_offer_only(void **state)
{
	(void)state;
	make_offerer(2, NULL, 0, UINT32_MAX);
	add_taker();
	turn_offerer_on(NEIGHBOURS_HOSTED);
	fetch(0, 1);
	WAIT_FOR(offered, 1);
	struct pulled pulled = pull(0, 0, CIPHER_AES_128);
	assert_true(!pulled.empty && pulled.right);
	assert_int_equal(pulled.cipher, CIPHER_AES_128);
	assert_true(pull(1, 0, CIPHER_AES_128).empty);
	assert_true(pull(2, 0, CIPHER_NONE).empty);
}

/* `plaintext` is set. */
static void what_is_on_offer_is_never_given_in_plaintext(void **state)
{
	struct pulled pulled;

	(void)state;
	make_offerer(2, NULL, 0, UINT32_MAX);
	add_taker();
	for (int both = 0; both < 2; both++) {
		turn_offerer_on(NEIGHBOURS_HOSTED | (both ? NEIGHBOURS_LAN : 0));
		fetch(0, 1);
		WAIT_FOR(offered, (unsigned)both + 1);
		pulled = pull(0, 0, CIPHER_NONE);
		assert_true(!pulled.empty && pulled.right);
		assert_int_equal(pulled.cipher, CIPHER_AES_128);
	}
	/* What is not, to whoever asks for it so. */
	pulled = pull(1, 0, CIPHER_NONE);
	assert_true(!pulled.empty && pulled.right);
	assert_int_equal(pulled.cipher, CIPHER_NONE);
	pulled = pull(1, 0, CIPHER_AES_128);
	assert_true(!pulled.empty && pulled.right);
	assert_int_equal(pulled.cipher, CIPHER_AES_128);
}

static void it_can_be_pulled_while_the_offer_is_under_way(void **state)
{
	(void)state;
	make_offerer(2, NULL, 0, UINT32_MAX);
	struct taker *taker = add_taker();
	taker_behave(taker, TAKER_SILENT);
	turn_offerer_on(NEIGHBOURS_HOSTED);
	fetch(0, 1);
	taker_wait(taker, 0);
	struct pulled pulled = pull(0, 0, CIPHER_NONE);
	assert_true(!pulled.empty && pulled.right && pulled.cipher == CIPHER_AES_128);
}

static void only_hosted_caches_are_welcome_from_elsewhere(void **state)
{
	(void)state;
	make_offerer(2, NULL, 0, UINT32_MAX);
	add_host(NULL, "192.0.2.1", 80);
	turn_offerer_on(NEIGHBOURS_HOSTED);
	wait_until_known();
	assert_true(pull(0, 0, CIPHER_AES_128).refused);
	offerer.taker_count = 0;
	add_taker();
	turn_offerer_on(NEIGHBOURS_HOSTED);
	fetch(0, 1);
	WAIT_FOR(offered, 1);
	assert_false(pull(0, 0, CIPHER_AES_128).refused);
}

/* Whatever address of it has its name. */
static void one_on_this_machine_is_welcome(void **state)
{
	(void)state;
	make_offerer(2, NULL, 0, UINT32_MAX);
	add_host(NULL, "127.0.1.1", 80);
	turn_offerer_on(NEIGHBOURS_HOSTED);
	wait_until_known();
	assert_false(pull(0, 0, CIPHER_AES_128).refused);
}

static void it_offers_from_where_it_listens(void **state)
{
	(void)state;
	make_offerer(2, "127.0.0.2", 0, UINT32_MAX);
	struct taker *taker = add_taker();
	turn_offerer_on(NEIGHBOURS_HOSTED);
	fetch(0, 1);
	assert_string_equal(taker_wait(taker, 0)->peer, "127.0.0.2");
}

static void what_was_spoilt_there_is_offered_again(void **state)
{
	struct content_segment segment;
	uint8_t id[DIGEST_SIZE_MAX];

	(void)state;
	make_offerer(1, NULL, 0, UINT32_MAX);
	struct taker *taker = add_taker();
	turn_offerer_on(NEIGHBOURS_HOSTED);
	fetch(0, UINT32_MAX);
	WAIT_FOR(offered, 1);
	assert_int_equal(content_segment(offerer.content, 0, &segment), 0);
	assert_int_equal(content_segment_id(offerer.content, &segment, id), 0);
	neighbours_offers_spoilt(offerer.machine->neighbours, (struct pccrr_id){id, 32});
	fetch(5, 6);
	taker_wait(taker, 1);
	WAIT_FOR(offered, 2);
}

/* ---- where they are ---- */

static void names_are_looked_up(void **state)
{
	struct neighbours_server servers[OFFERING_SERVERS_MAX];

	(void)state;
	make_offerer(2, NULL, 0, UINT32_MAX);
	struct taker *taker = taker_begin("127.0.0.1:0", NULL, NULL);
	add_host(taker, "localhost", taker->port);
	turn_offerer_on(NEIGHBOURS_HOSTED);
	fetch(0, 1);
	WAIT_FOR(offered, 1);
	assert_int_equal(neighbours_servers(offerer.machine->neighbours, servers), 1);
	assert_string_equal(servers[0].host, offerer.host[0]);
	assert_int_not_equal(servers[0].peer.address.family, 0);
	assert_int_equal(servers[0].peer.address.port, taker->port);
}

static void a_name_that_there_is_not_does_no_harm(void **state)
{
	struct neighbours_server servers[OFFERING_SERVERS_MAX];

	(void)state;
	make_offerer(2, NULL, 0, UINT32_MAX);
	add_host(NULL, "no..name", 80); /* of which no server need be asked */
	struct taker *taker = add_taker();
	turn_offerer_on(NEIGHBOURS_HOSTED);
	fetch(0, 1);
	WAIT_FOR(failed, 1);
	/* The next one. */
	taker_wait(taker, 0);
	WAIT_FOR(offered, 1);
	assert_int_equal(neighbours_servers(offerer.machine->neighbours, servers), 2);
	assert_int_equal(servers[0].peer.address.family, 0);
	assert_true(servers[0].offering.rest_ms[1] > 0);
	assert_int_equal(servers[1].offering.rest_ms[1], 0);
	neighbours_trust(offerer.machine->neighbours);
	neighbours_servers(offerer.machine->neighbours, servers);
	assert_int_equal(servers[0].offering.rest_ms[1], 0);
}

static void assert_refused(const char *host, const char *cacert)
{
	const char *hosts[] = {host, NULL};
	const struct neighbours_hosted hosted = {.hosts = hosts, .tls_port = 443, .cacert = cacert};
	char message[512] = "";

	assert_int_not_equal(neighbours_on(offerer.machine->neighbours, NEIGHBOURS_HOSTED, &hosted,
					   message, sizeof(message)),
			     0);
	assert_true(strlen(message) > 0);
	assert_false(neighbours_are_on(offerer.machine->neighbours));
	assert_int_equal(neighbours_sides(offerer.machine->neighbours), 0);
}

static void what_is_no_host_is_refused(void **state)
{
	static const char *const wrong[] = {
		"",    ":80", "a:",  "a:0",  "a:65536", "a:b",     "a/b",
		"u@a", "a b", "::1", "[::1", "[a]",     "[::1]80",
	};

	(void)state;
	make_offerer(2, NULL, 0, UINT32_MAX);
	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_refused(wrong[i], NULL);
	assert_refused("a", "/no/such/file");
	add_taker();
	turn_offerer_on(NEIGHBOURS_HOSTED);
}

/* ---- failures ---- */

static void bad_answers_end_it(void **state)
{
	static const enum taker_manner manners[] = {TAKER_WRONG,  TAKER_SHORT,     TAKER_ENDLESS,
						    TAKER_DENIES, TAKER_ELSEWHERE, TAKER_CUTS};

	(void)state;
	make_offerer(2, NULL, 0, UINT32_MAX);
	struct taker *taker = add_taker();
	turn_offerer_on(NEIGHBOURS_HOSTED);
	for (unsigned i = 0; i < sizeof(manners) / sizeof(manners[0]); i++) {
		taker_behave(taker, manners[i]);
		fetch(i, i + 1);
		WAIT_FOR(failed, i + 1);
		neighbours_trust(offerer.machine->neighbours);
	}
	/* Those not dropped for good, and another one. */
	taker_behave(taker, TAKER_OK);
	neighbours_trust(offerer.machine->neighbours);
	fetch(20, 21);
	WAIT_FOR(offered, 1);
	WAIT_UNTIL(offering_of().queued == 0);
}

static void the_next_one_is_offered_to_when_one_is_gone(void **state)
{
	(void)state;
	make_offerer(2, NULL, 0, UINT32_MAX);
	struct taker *gone = taker_begin("127.0.0.1:0", NULL, NULL);
	add_host(NULL, "127.0.0.1", gone->port);
	taker_end(gone);
	struct taker *taker = add_taker();
	turn_offerer_on(NEIGHBOURS_HOSTED);
	fetch(0, 1);
	taker_wait(taker, 0);
	WAIT_FOR(offered, 1);
	assert_int_equal(offering_of().failed, 1);
}

/* Nothing waits for one that says nothing. */
static void off_gives_up_what_is_under_way(void **state)
{
	(void)state;
	make_offerer(2, NULL, 0, UINT32_MAX);
	struct taker *taker = add_taker();
	taker_behave(taker, TAKER_SILENT);
	for (unsigned i = 0; i < 3; i++) {
		turn_offerer_on(NEIGHBOURS_HOSTED);
		fetch(0, 1);
		taker_wait(taker, i);
		if (i == 1)
			turn_offerer_on(NEIGHBOURS_LAN);
		neighbours_off(offerer.machine->neighbours);
	}
	assert_int_equal(offering_of().messages, 3);
	assert_int_equal(offering_of().offered + offering_of().failed, 0);
}

/* ---- sides ---- */

static void sides_are_switched_while_on(void **state)
{
	static const unsigned order[] = {1, 2, 3, 2, 1, 3, 1};
	struct neighbours *neighbours;

	(void)state;
	make_offerer(2, NULL, 0, UINT32_MAX);
	add_taker();
	neighbours = offerer.machine->neighbours;
	for (unsigned i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		turn_offerer_on(order[i]);
		assert_int_equal(neighbours_sides(neighbours), order[i]);
		/* The same again changes nothing. */
		struct retrieval_server *server = neighbours->server;
		turn_offerer_on(order[i]);
		assert_ptr_equal(neighbours->server, server);
		assert_int_equal(neighbours->multicast != NULL, order[i] & 1);
		assert_int_equal(neighbours->responder != NULL, order[i] & 1);
	}
	/* Other servers. */
	turn_offerer_on(NEIGHBOURS_HOSTED);
	fetch(0, 1);
	WAIT_FOR(offered, 1);
	struct taker *second = taker_begin("127.0.0.1:0", NULL, NULL);
	add_host(second, "127.0.0.1", second->port);
	offerer.hosts[0] = offerer.hosts[1];
	offerer.hosts[1] = NULL;
	turn_offerer_on(NEIGHBOURS_HOSTED);
	fetch(0, 1);
	taker_wait(second, 0);
}

struct load {
	pthread_t thread;
	atomic_bool *over;
	unsigned seed;
};

static void *fetch_all_the_time(void *context)
{
	struct load *load = context;
	struct neighbours_server servers[OFFERING_SERVERS_MAX];
	struct neighbours *neighbours = offerer.machine->neighbours;
	struct neighbours_counters counters;

	while (!atomic_load(load->over)) {
		uint32_t first = (uint32_t)rand_r(&load->seed) % 32;

		fetch(first, first + 32);
		neighbours_servers(neighbours, servers);
		neighbours_counters(neighbours, &counters);
		neighbours_trust(neighbours);
	}
	return NULL;
}

static void *pull_all_the_time(void *context)
{
	struct load *load = context;

	/* The port is another one each time: here it is asked without one. */
	while (!atomic_load(load->over)) {
		struct content_segment segment;
		uint8_t id[DIGEST_SIZE_MAX];
		const struct xaddr source = {.family = XADDR_IPV4, .octets = {127, 0, 0, 1}};

		if (content_segment(offerer.content, 0, &segment) != 0 ||
		    content_segment_id(offerer.content, &segment, id) != 0)
			abort();
		neighbours_offers_serve(offerer.machine->neighbours->offers, id, 32);
		neighbours_offers_welcome(offerer.machine->neighbours->offers, &source);
		neighbours_offers_spoilt(offerer.machine->neighbours, (struct pccrr_id){id, 32});
	}
	return NULL;
}

static void switching_under_load(unsigned version)
{
	struct load loads[3];
	atomic_bool over;
	unsigned seed = 7;

	atomic_init(&over, false);
	make_offerer(version, NULL, 0, UINT32_MAX);
	struct taker *taker = add_taker();
	for (unsigned i = 0; i < 3; i++) {
		loads[i] = (struct load){.over = &over, .seed = i + 1};
		assert_int_equal(pthread_create(&loads[i].thread, NULL,
						i == 0 ? pull_all_the_time : fetch_all_the_time,
						&loads[i]),
				 0);
	}
	for (unsigned i = 0; i < 40; i++) {
		unsigned sides = (unsigned)rand_r(&seed) % 4;

		taker_behave(taker, i % 3 == 0 ? TAKER_CUTS : TAKER_OK);
		if (sides == 0)
			neighbours_off(offerer.machine->neighbours);
		else
			turn_offerer_on(sides);
		usleep((useconds_t)rand_r(&seed) % 20000);
	}
	atomic_store(&over, true);
	for (unsigned i = 0; i < 3; i++)
		pthread_join(loads[i].thread, NULL);
}

static void sides_are_switched_under_load(void **state)
{
	(void)state;
	switching_under_load(2);
}

static void sides_are_switched_under_load_of_version_1(void **state)
{
	(void)state;
	switching_under_load(1);
}

#define OFFERS_TEST(name) cmocka_unit_test_setup_teardown(name, begin_offering, end_offering)

int main(void)
{
	const struct CMUnitTest tests[] = {
		OFFERS_TEST(segments_of_version_1_are),
		OFFERS_TEST(segments_of_version_2_are),
		OFFERS_TEST(a_fifth_of_a_segment_is_offered_and_the_next_one_again),
		OFFERS_TEST(nothing_is_offered_without_that_side),
		OFFERS_TEST(alone_it_gives_what_is_on_offer_only),
		OFFERS_TEST(what_is_on_offer_is_never_given_in_plaintext),
		OFFERS_TEST(it_can_be_pulled_while_the_offer_is_under_way),
		OFFERS_TEST(only_hosted_caches_are_welcome_from_elsewhere),
		OFFERS_TEST(one_on_this_machine_is_welcome),
		OFFERS_TEST(it_offers_from_where_it_listens),
		OFFERS_TEST(what_was_spoilt_there_is_offered_again),
		OFFERS_TEST(names_are_looked_up),
		OFFERS_TEST(a_name_that_there_is_not_does_no_harm),
		OFFERS_TEST(what_is_no_host_is_refused),
		OFFERS_TEST(bad_answers_end_it),
		OFFERS_TEST(the_next_one_is_offered_to_when_one_is_gone),
		OFFERS_TEST(off_gives_up_what_is_under_way),
		OFFERS_TEST(sides_are_switched_while_on),
		OFFERS_TEST(sides_are_switched_under_load),
		OFFERS_TEST(sides_are_switched_under_load_of_version_1),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
