/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Offers on real sockets, as HTTP: paths, methods, sizes, old clients, who may offer and where he
 * is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cache/pool.h"
#include "peer/retrieval_server.h"
#include "tests/unit/offer_scene.h"

/* ---- HTTP ---- */

static void path_is_known_in_all_its_forms(void **state)
{
	static const char *const good[][2] = {
		{"/C574AC30-5794-4AEE-B1BB-6651C5315029/",
		 "/0131501b-d67f-491b-9a40-c4bf27bcb4d4/"},
		{"/C574AC30-5794-4AEE-B1BB-6651C5315029", "/0131501b-d67f-491b-9a40-c4bf27bcb4d4"},
		{"/c574ac30-5794-4aee-b1bb-6651c5315029", "/0131501B-D67F-491B-9A40-C4BF27BCB4D4/"},
		{"/c574ac30-5794-4aee-b1bb-6651c5315029/?a=b",
		 "/0131501B-D67F-491B-9A40-C4BF27BCB4D4?a"},
		{"https://cache:443/C574AC30-5794-4AEE-B1BB-6651C5315029/",
		 "http://cache/0131501b-d67f-491b-9a40-c4bf27bcb4d4"},
	};
	static const char *const bad[][2] = {
		{PCHC_PATH_2, PCHC_PATH_1}, /* the other's */
		{"/", "/"},
		{"*", "*"},
		{"/C574AC30-5794-4AEE-B1BB-6651C531502/", "/0131501b-d67f-491b-9a40-c4bf27bcb4d/"},
		{PCHC_PATH_1 "/", PCHC_PATH_2 "/"},
		{PCHC_PATH_1 "x", PCHC_PATH_2 "x"},
		{"/{C574AC30-5794-4AEE-B1BB-6651C5315029}/",
		 "/{0131501b-d67f-491b-9a40-c4bf27bcb4d4}/"},
		{"/116B50EB-ECE2-41ac-8429-9F9E963361B7/",
		 "/116B50EB-ECE2-41ac-8429-9F9E963361B7/"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		for (unsigned version = 1; version <= 2; version++)
			offer_expect_answered(version, good[i][version - 1], "",
					      version == 1 ? INITIAL : BATCHED, OK);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		for (unsigned version = 1; version <= 2; version++)
			offer_expect_refused(version, bad[i][version - 1], "",
					     version == 1 ? INITIAL : BATCHED, 404, false);
	assert_int_equal(offer_scene.offered, 2 * sizeof(good) / sizeof(*good));
	assert_int_equal(offer_counters().malformed, 0);
}

static void offers_are_posted(void **state)
{
	static const char *const methods[] = {"GET", "PUT", "PATCH", "DELETE", "OPTIONS"};

	(void)state;
	for (unsigned version = 1; version <= 2; version++)
		for (size_t i = 0; i < sizeof(methods) / sizeof(*methods); i++) {
			struct client client;
			char request[256];

			offer_come(&client, version);
			snprintf(request, sizeof(request), "%s %s HTTP/1.1\r\nHost: h\r\n\r\n",
				 methods[i], offer_paths[version]);
			raw_send(&client, request);
			offer_expect_refusal(&client, 405, false);
			raw_close(&client);
		}
}

static void pages_may_not_offer(void **state)
{
	(void)state;
	offer_expect_refused(1, PCHC_PATH_1, "Origin: https://page.example\r\n", INITIAL, 403,
			     true);
	offer_expect_refused(2, PCHC_PATH_2, "origin: null\r\n", BATCHED, 403, true);
	offer_expect_refused(2, PCHC_PATH_2, "Origin:\r\n", BATCHED, 403, true);
	assert_int_equal(offer_counters().forbidden, 3);
}

/* From SOURCE. */
static void come_from(struct client *client, const char *source, unsigned port)
{
	struct sockaddr_in address = {.sin_family = AF_INET};

	memset(client, 0, sizeof(*client));
	client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(client->fd >= 0);
	inet_pton(AF_INET, source, &address.sin_addr);
	assert_int_equal(bind(client->fd, (struct sockaddr *)&address, sizeof(address)), 0);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	address.sin_port = htons((uint16_t)port);
	assert_int_equal(connect(client->fd, (struct sockaddr *)&address, sizeof(address)), 0);
}

static void come_tls_from(struct client *client, const char *source, unsigned port)
{
	come_from(client, source, port);
	client->context = SSL_CTX_new(TLS_client_method());
	client->ssl = SSL_new(client->context);
	SSL_set_fd(client->ssl, client->fd);
	assert_int_equal(SSL_connect(client->ssl), 1);
}

/* Whatever it asks for. */
static void who_is_not_permitted_gets_403(void **state)
{
	static const char *const targets[] = {PCHC_PATH_1, PCHC_PATH_2, "/"};
	struct octets message = vectors_unhex(BATCHED);
	struct client client;

	(void)state;
	for (size_t i = 0; i < sizeof(targets) / sizeof(*targets); i++) {
		come_from(&client, "127.0.0.2", offer_scene.plain);
		offer_post(&client, targets[i], "", &message);
		offer_expect_refusal(&client, 403, true);
		raw_close(&client);
		come_tls_from(&client, "127.0.0.2", offer_scene.tls);
		offer_post(&client, targets[i], "", &message);
		offer_expect_refusal(&client, 403, true);
		raw_close(&client);
	}
	assert_int_equal(offer_scene.offered, 0);
	assert_int_equal(offer_counters().forbidden, 6);
	come_from(&client, "127.0.0.3", offer_scene.plain);
	offer_post(&client, PCHC_PATH_2, "", &message);
	offer_expect_code(&client, OK);
	raw_close(&client);
	assert_int_equal(offer_scene.server_of.octets[3], 3);
	octets_free(&message);
}

static void send_octets_of(struct client *client, unsigned version, size_t size)
{
	struct octets message = {calloc(1, size), size};

	offer_post(client, offer_paths[version], "", &message);
	octets_free(&message);
}

static void body_of_more_than_64_KiB_is_refused(void **state)
{
	struct client client;

	(void)state;
	for (unsigned version = 1; version <= 2; version++) {
		offer_come(&client, version);
		send_octets_of(&client, version, PCHC_REQUEST_MAX); /* is no message, but a body */
		offer_expect_refusal(&client, 400, true);
		raw_close(&client);
		offer_come(&client, version);
		send_octets_of(&client, version, PCHC_REQUEST_MAX + 1);
		offer_expect_refusal(&client, 413, true);
		raw_close(&client);
	}
	assert_int_equal(offer_counters().malformed, 4);
	assert_int_equal(offer_scene.offered, 0);
}

/* Before any of the body is sent. */
static void expect_length_refused(unsigned version, uint64_t length)
{
	struct client client;
	struct reply reply;
	char head[256];

	offer_come(&client, version);
	snprintf(head, sizeof(head),
		 "POST %s HTTP/1.1\r\nHost: h\r\nContent-Length: %" PRIu64 "\r\n\r\n",
		 offer_paths[version], length);
	raw_send(&client, head);
	assert_true(raw_reply(&client, false, &reply));
	assert_int_equal(reply.status, 413);
	raw_free(&reply);
	raw_close(&client);
}

/* The listener's own limit is seen before the body comes. */
static void giant_is_refused_before_it_is_sent(void **state)
{
	(void)state;
	for (unsigned version = 1; version <= 2; version++)
		expect_length_refused(version, UINT64_C(1) << 32);
	assert_int_equal(offer_scene.offered, 0);
}

/* As the test suite of the protocol's authors does. */
static void old_http_is_spoken(void **state)
{
	(void)state;
	for (unsigned version = 1; version <= 2; version++) {
		struct octets message = vectors_unhex(version == 1 ? INITIAL : BATCHED);
		struct client client;
		char head[256];

		offer_come(&client, version);
		snprintf(head, sizeof(head), "POST %s HTTP/1.0\r\nContent-Length: %zu\r\n\r\n",
			 offer_paths[version], message.size);
		raw_send(&client, head);
		raw_send_octets(&client, message.data, message.size);
		offer_expect_code(&client, OK);
		assert_false(raw_receive(&client));
		raw_close(&client);
		octets_free(&message);
	}
	assert_int_equal(offer_scene.offered, 2);
}

static void body_is_asked_for_if_the_client_waits(void **state)
{
	(void)state;
	for (unsigned version = 1; version <= 2; version++) {
		struct octets message = vectors_unhex(version == 1 ? INITIAL : BATCHED);
		struct client client;
		struct reply reply;
		char head[256];

		offer_come(&client, version);
		snprintf(head, sizeof(head),
			 "POST %s HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n"
			 "Content-Length: %zu\r\n\r\n",
			 offer_paths[version], message.size);
		raw_send(&client, head);
		assert_true(raw_reply(&client, false, &reply));
		assert_int_equal(reply.status, 100);
		raw_free(&reply);
		raw_send_octets(&client, message.data, message.size);
		offer_expect_code(&client, OK);
		raw_close(&client);
		octets_free(&message);
	}
}

/* ---- where they come from ---- */

static int begin_everywhere(void **state)
{
	(void)state;
	offer_make_intake();
	return offer_begin_on("0");
}

/* By a socket for both families. */
static void mapped_address_counts_as_ipv4(void **state)
{
	(void)state;
	offer_expect_answered(2, PCHC_PATH_2, "", BATCHED, OK);
	offer_expect_offered(BATCHED, 80);
}

/* In a network of its own, where fe80::1 is the loopback interface's. The former one, or -1. */
static int enter_network(void)
{
	int former = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	if (former < 0 || unshare(CLONE_NEWNET) != 0) {
		close(former);
		return -1;
	}
	if (system("ip link set lo up && ip -6 address add fe80::1/64 dev lo nodad "
		   "2>/dev/null") == 0)
		return former;
	setns(former, CLONE_NEWNET);
	close(former);
	return -1;
}

static void zone_of_a_link_local_address_is_known(void **state)
{
	static const uint8_t expected[16] = {0xfe, 0x80, [15] = 1};
	struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_scope_id = 1};
	struct octets message = vectors_unhex(BATCHED);
	struct client client = {.fd = -1};
	int former = enter_network(), error = -1;

	if (former < 0) {
		octets_free(&message);
		skip();
	}
	begin_everywhere(state);
	memcpy(&address.sin6_addr, expected, 16);
	address.sin6_port = htons((uint16_t)offer_scene.plain);
	client.fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	/* The kernel takes a moment to make the address usable. */
	for (unsigned i = 0; i < 500 && error != 0; i++) {
		error = connect(client.fd, (struct sockaddr *)&address, sizeof(address));
		if (error != 0)
			usleep(10000);
	}
	assert_int_equal(error, 0);
	offer_post(&client, PCHC_PATH_2, "", &message);
	offer_expect_code(&client, OK);
	assert_int_equal(offer_scene.server_of.family, XADDR_IPV6);
	assert_memory_equal(offer_scene.server_of.octets, expected, 16);
	assert_int_equal(offer_scene.server_of.zone, 1);
	assert_int_equal(offer_scene.server_of.port, 80);
	raw_close(&client);
	octets_free(&message);
	offer_end(state);
	assert_int_equal(setns(former, CLONE_NEWNET), 0);
	close(former);
}

/* ---- beside the retrieval server ---- */

static void take_other(void *context, struct http_served *served)
{
	assert_ptr_equal(context, &offer_scene);
	offer_intake_handle(offer_scene.intake, served);
}

static void one_listener_serves_both_protocols(void **state)
{
	static const char *const listen[] = {"127.0.0.1:0", NULL};
	struct octets versions = vectors_unhex("000000010000000000000018000000010000000100000002");
	struct octets batched = vectors_unhex(BATCHED);
	struct retrieval_server_options options = {.listen = listen,
						   .permitted = offer_is_permitted,
						   .other = take_other,
						   .other_body_max = PCHC_REQUEST_MAX,
						   .context = &offer_scene};
	struct retrieval_server *server;
	struct client client;
	struct reply reply;
	char message[256];

	(void)state;
	offer_make_intake();
	assert_int_equal(pool_create(1, &options.pool), 0);
	assert_int_equal(retrieval_server_create(&options, &server, message, sizeof(message)), 0);
	offer_scene.plain = retrieval_server_port(server);
	offer_come(&client, 2);
	offer_post(&client, PCCRR_PATH, "", &versions);
	assert_true(raw_reply(&client, false, &reply));
	assert_int_equal(reply.size, 28);
	raw_free(&reply);
	offer_post(&client, PCHC_PATH_2, "", &batched);
	offer_expect_code(&client, OK);
	offer_expect_offered(BATCHED, 80);
	send_octets_of(&client, 2, PCHC_REQUEST_MAX); /* is no message, but a body */
	offer_expect_refusal(&client, 400, true);
	raw_close(&client);
	expect_length_refused(2, PCHC_REQUEST_MAX + 1);
	offer_expect_refused(2, PCHC_PATH_1, "", INITIAL, 404, false);
	come_from(&client, "127.0.0.2", offer_scene.plain);
	offer_post(&client, PCHC_PATH_2, "", &batched);
	offer_expect_refusal(&client, 403, true);
	raw_close(&client);
	retrieval_server_free(server);
	pool_destroy(options.pool);
	octets_free(&versions);
	octets_free(&batched);
	offer_end(state);
}

int main(void)
{
#define in_scene(test) cmocka_unit_test_setup_teardown(test, offer_begin, offer_end)
	const struct CMUnitTest tests[] = {
		in_scene(path_is_known_in_all_its_forms),
		in_scene(offers_are_posted),
		in_scene(pages_may_not_offer),
		in_scene(who_is_not_permitted_gets_403),
		in_scene(body_of_more_than_64_KiB_is_refused),
		in_scene(giant_is_refused_before_it_is_sent),
		in_scene(old_http_is_spoken),
		in_scene(body_is_asked_for_if_the_client_waits),
		cmocka_unit_test_setup_teardown(mapped_address_counts_as_ipv4, begin_everywhere,
						offer_end),
		cmocka_unit_test(zone_of_a_link_local_address_is_known),
		cmocka_unit_test(one_listener_serves_both_protocols),
	};

	return cmocka_run_group_tests(tests, offer_make_certificate, offer_remove_certificate);
}
