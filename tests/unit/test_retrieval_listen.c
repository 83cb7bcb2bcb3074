/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Where the retrieval server listens, and to whom.
 */
#include "tests/unit/retrieval_fixture.h"

#include "origin/http_server.h"

static bool come_by_ipv6(struct client *client, unsigned port)
{
	struct sockaddr_in6 address = {.sin6_family = AF_INET6,
				       .sin6_port = htons((uint16_t)port),
				       .sin6_addr = IN6ADDR_LOOPBACK_INIT};

	memset(client, 0, sizeof(*client));
	client->fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (client->fd >= 0 &&
	    connect(client->fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return true;
	if (client->fd >= 0)
		close(client->fd);
	return false;
}

/* ---- who may ask ---- */

static bool not_the_second(void *context, const struct xaddr *source, const struct xaddr *local)
{
	static const uint8_t second[4] = {127, 0, 0, 2}, ours[4] = {127, 0, 0, 1};

	assert_int_equal(local->family, XADDR_IPV4);
	assert_memory_equal(local->octets, ours, 4);
	assert_int_equal(local->port, retrieval_server_port(server));
	*(unsigned *)context += 1;
	return memcmp(source->octets, second, 4) != 0;
}

static void unwelcome_ones_are_not_listened_to(void **state)
{
	unsigned asked = 0;
	struct client welcome, other;

	(void)state;
	begin_with(
		&(struct retrieval_server_options){.welcome = not_the_second, .context = &asked});
	for (unsigned i = 0; i < 10; i++) {
		come_from(&other, "127.0.0.2", 0);
		post_block(&other, 3);
		expect_end(&other);
		raw_close(&other);
	}
	come(&welcome);
	assert_true(get(&welcome, segment, 3));
	assert_int_equal(counters().requests, 1);
	assert_int_equal(counters().unwelcome, 10);
	raw_close(&welcome);
	finish();
	assert_int_equal(asked, 11);
}

static bool note_source(void *context, const struct xaddr *source, const struct xaddr *local)
{
	struct xaddr *both = context;

	both[0] = *source;
	both[1] = *local;
	return true;
}

static void address_of_ipv6_is_listened_on(void **state)
{
	static const uint8_t loopback[16] = {[15] = 1};
	struct xaddr both[2];
	struct client client;
	int probe = socket(AF_INET6, SOCK_STREAM, 0);
	struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	bool there = probe >= 0 && bind(probe, (struct sockaddr *)&address, sizeof(address)) == 0;

	(void)state;
	if (probe >= 0)
		close(probe);
	if (!there)
		skip();
	for (unsigned i = 0; i < 2; i++) {
		begin_with(&(struct retrieval_server_options){.address = i == 0 ? "::1" : "[::1]",
							      .welcome = note_source,
							      .context = both});
		assert_true(come_by_ipv6(&client, retrieval_server_port(server)));
		assert_true(get(&client, segment, 3));
		for (unsigned j = 0; j < 2; j++) {
			assert_int_equal(both[j].family, XADDR_IPV6);
			assert_memory_equal(both[j].octets, loopback, 16);
			assert_int_equal(both[j].zone, 0);
		}
		raw_close(&client);
		finish();
	}
}

/* ---- who gets an answer, and to what ---- */

static bool only_the_second(void *context, const struct xaddr *source)
{
	static const uint8_t second[16] = {127, 0, 0, 2};

	(void)context;
	assert_int_equal(source->family, XADDR_IPV4);
	assert_int_equal(source->port, 0);
	return memcmp(source->octets, second, 16) == 0;
}

static void expect_status(struct client *client, const char *request, int status)
{
	struct reply reply;

	raw_send(client, request);
	assert_true(raw_reply(client, false, &reply));
	assert_int_equal(reply.status, status);
	if (status != 200)
		assert_int_equal(reply.size, 0);
	if (status == 403)
		assert_string_equal(raw_header(&reply, "Connection"), "close");
	raw_free(&reply);
}

#define GET_OTHER "GET /other HTTP/1.1\r\nHost: h\r\n\r\n"

/* By a socket that both families come to, too. */
static void who_is_not_permitted_gets_403(void **state)
{
	static const char *const either[] = {"0", NULL}, *const four[] = {"127.0.0.1:0", NULL};
	struct client client;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		begin_with(&(struct retrieval_server_options){.permitted = only_the_second,
							      .listen = i == 0 ? either : four});
		come_from(&client, "127.0.0.2", 0);
		assert_true(get(&client, segment, 3));
		expect_status(&client, GET_OTHER, 404);
		raw_close(&client);
		come(&client);
		expect_status(&client, GET_OTHER, 403);
		expect_end(&client);
		raw_close(&client);
		come(&client);
		post_block(&client, 3);
		expect_status(&client, "", 403);
		expect_end(&client);
		raw_close(&client);
		assert_int_equal(counters().requests, 1);
		assert_int_equal(counters().forbidden, 2);
		finish();
	}
}

static void answer_other(void *context, struct http_served *served)
{
	*(unsigned *)context += 1;
	http_reply_header(served, "X-Target", "%s", http_served_target(served));
	http_reply(served, 204);
}

static void other_paths_are_handed_on(void **state)
{
	unsigned others = 0;
	struct client client;

	(void)state;
	begin_with(&(struct retrieval_server_options){
		.other = answer_other, .permitted = only_the_second, .context = &others});
	come_from(&client, "127.0.0.2", 0);
	expect_status(&client, GET_OTHER, 204);
	expect_status(&client,
		      "POST /116B50EB-ECE2-41ac-8429-9F9E963361B8/ HTTP/1.1\r\nHost: h\r\n"
		      "Content-Length: 0\r\n\r\n",
		      204);
	assert_true(get(&client, segment, 3));
	expect_status(&client, "GET " PATH " HTTP/1.1\r\nHost: h\r\n\r\n", 405);
	raw_close(&client);
	come(&client);
	expect_status(&client, GET_OTHER, 403);
	raw_close(&client);
	finish();
	assert_int_equal(others, 2);
}

/* ---- ports ---- */

static void several_addresses_are_listened_on(void **state)
{
	static const char *const listen[] = {"127.0.0.1:0", "127.0.0.2:0", NULL};
	char first[96], second[96], none[96] = "none";
	struct sockaddr_in address = {.sin_family = AF_INET};
	struct client client;

	(void)state;
	begin_with(&(struct retrieval_server_options){.listen = listen});
	assert_int_equal(retrieval_server_address(server, 0, first, sizeof(first)), 0);
	assert_int_equal(retrieval_server_address(server, 1, second, sizeof(second)), 0);
	assert_int_equal(retrieval_server_address(server, 2, none, sizeof(none)), -ENOENT);
	assert_string_equal(none, "none");
	assert_memory_equal(first, "127.0.0.1:", 10);
	assert_memory_equal(second, "127.0.0.2:", 10);
	assert_int_equal(retrieval_server_port(server), atoi(first + 10));
	come(&client);
	assert_true(get(&client, segment, 3));
	raw_close(&client);
	memset(&client, 0, sizeof(client));
	client.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	inet_pton(AF_INET, "127.0.0.2", &address.sin_addr);
	address.sin_port = htons((uint16_t)atoi(second + 10));
	assert_int_equal(connect(client.fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_true(get(&client, segment, 4));
	raw_close(&client);
	finish();
}

static void address_that_is_taken_is_named(void **state)
{
	const char *listen[] = {"127.0.0.1:0", NULL, NULL};
	struct retrieval_server_options options = {.listen = listen};
	struct retrieval_server *never = NULL;
	char message[256] = "", taken[96];

	(void)state;
	begin(&(struct retrieval_server_options){0});
	assert_int_equal(retrieval_server_address(server, 0, taken, sizeof(taken)), 0);
	listen[1] = taken;
	assert_int_equal(retrieval_server_create(&options, &never, message, sizeof(message)),
			 -EADDRINUSE);
	assert_null(never);
	assert_non_null(strstr(message, taken));
	finish();
}

static int create_on(unsigned first, unsigned last, struct retrieval_server **server_out,
		     char message_out[256])
{
	const struct retrieval_server_options options = {
		.pool = pool, .port_first = first, .port_last = last};

	return retrieval_server_create(&options, server_out, message_out, 256);
}

/* Of 20 ports from the first server's on, the first one that is free is taken, and all in the end.
 */
static void first_free_port_is_taken(void **state)
{
	struct retrieval_server *more[20] = {NULL};
	unsigned first, count = 0, before;
	char message[256] = "";
	int error;

	(void)state;
	begin(&(struct retrieval_server_options){.address = "0.0.0.0"});
	first = before = retrieval_server_port(server);
	while ((error = create_on(first, first + 19, &more[count], message)) == 0) {
		assert_in_range(retrieval_server_port(more[count]), before + 1, first + 19);
		before = retrieval_server_port(more[count++]);
	}
	assert_int_equal(error, -EADDRINUSE);
	assert_in_range(count, 1, 19);
	snprintf(message + 200, 56, "%u to %u", first, first + 19);
	assert_non_null(strstr(message, message + 200));
	for (unsigned i = 0; i < count; i++)
		retrieval_server_free(more[i]);
	assert_int_equal(create_on(first, first, &more[0], message), -EADDRINUSE);
	finish();
}

static void both_families_have_the_same_port(void **state)
{
	struct retrieval_server *everywhere;
	struct client client;
	char message[256];

	(void)state;
	begin_with(&(struct retrieval_server_options){0});
	assert_int_equal(create_on(0, 0, &everywhere, message), 0);
	raw_connect(&client, retrieval_server_port(everywhere));
	assert_true(get(&client, segment, 3));
	raw_close(&client);
	if (come_by_ipv6(&client, retrieval_server_port(everywhere))) {
		assert_true(get(&client, segment, 3));
		raw_close(&client);
	}
	retrieval_server_free(everywhere);
	retrieval_server_free(NULL);
	finish();
}

static void address_that_is_not_ours_is_named(void **state)
{
	struct retrieval_server_options options = {.address = "192.0.2.1"};
	struct retrieval_server *never = NULL;
	char message[256] = "";

	(void)state;
	assert_int_equal(retrieval_server_create(&options, &never, message, sizeof(message)),
			 -EADDRNOTAVAIL);
	assert_null(never);
	assert_non_null(strstr(message, "192.0.2.1"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unwelcome_ones_are_not_listened_to),
		cmocka_unit_test(address_of_ipv6_is_listened_on),
		cmocka_unit_test(who_is_not_permitted_gets_403),
		cmocka_unit_test(other_paths_are_handed_on),
		cmocka_unit_test(several_addresses_are_listened_on),
		cmocka_unit_test(address_that_is_taken_is_named),
		cmocka_unit_test(first_free_port_is_taken),
		cmocka_unit_test(both_families_have_the_same_port),
		cmocka_unit_test(address_that_is_not_ours_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
