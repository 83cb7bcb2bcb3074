/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/http_scene.h"
#include "tests/unit/raw_client.h"

static int start(void **state)
{
	static struct scene scene;

	http_scene_start(&scene, NULL);
	*state = &scene;
	return 0;
}

static int end(void **state)
{
	http_scene_end(*state);
	return 0;
}

static void expect_reply(struct client *client, int status, const char *body)
{
	struct reply reply;

	assert_true(raw_reply(client, false, &reply));
	assert_int_equal(reply.status, status);
	assert_true(reply.whole);
	if (body != NULL)
		assert_string_equal((char *)reply.body, body);
	raw_free(&reply);
}

static void expect_end(struct client *client)
{
	assert_false(raw_receive(client));
	assert_int_equal(client->held, 0);
}

static void request_may_be_split_at_every_octet(void **state)
{
	static const char request[] = "POST /a%20b?c HTTP/1.1\r\nHost: h\r\nX: y\r\n"
				      "Content-Length: 5\r\n\r\nabcde";
	struct scene *scene = *state;
	struct client client;

	for (size_t i = 1; i < sizeof(request) - 1; i++) {
		raw_connect(&client, scene->port);
		raw_send_octets(&client, request, i);
		raw_send_octets(&client, request + i, sizeof(request) - 1 - i);
		expect_reply(&client, 200, "POST /a%20b?c 1 abcde");
		raw_close(&client);
	}
	raw_connect(&client, scene->port);
	for (size_t i = 0; i < sizeof(request) - 1; i++)
		raw_send_octets(&client, request + i, 1);
	expect_reply(&client, 200, "POST /a%20b?c 1 abcde");
	raw_close(&client);
}

static void target_arrives_as_it_came(void **state)
{
	static const char *const targets[] = {
		"/",
		"/a%20b%2Fc?d=%26&e#f",
		"//x",
		"//x/../y",
		"/..",
		"/../../etc/passwd",
		"/%2e%2e/%00",
		"/a/./b//c",
		"http://other/path?x",
		"https://user@other:99/",
		"ftp://other/x",
		"*",
		"/\xc3\xa4\xff",
		"/a\\b|c\"<>",
		"/%zz",
		"/;a=b:c",
	};
	struct scene *scene = *state;
	struct client client;
	char text[256];

	raw_connect(&client, scene->port);
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		snprintf(text, sizeof(text), "OPTIONS %s HTTP/1.1\r\nHost: h\r\n\r\n", targets[i]);
		raw_send(&client, text);
		snprintf(text, sizeof(text), "OPTIONS %s 1 ", targets[i]);
		expect_reply(&client, 200, text);
	}
	raw_close(&client);
}

static void long_target_arrives_whole(void **state)
{
	struct scene *scene = *state;
	struct client client;
	char *text = malloc(80000);

	raw_connect(&client, scene->port);
	strcpy(text, "GET /");
	memset(text + 5, 'x', 60000);
	strcpy(text + 60005, " HTTP/1.1\r\nHost: h\r\n\r\n");
	raw_send(&client, text);
	strcpy(text + 60005, " 1 ");
	expect_reply(&client, 200, text);
	raw_close(&client);
	free(text);
}

static void methods_arrive(void **state)
{
	static const char *const methods[] = {"GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"};
	struct scene *scene = *state;
	struct client client;
	char text[256];

	raw_connect(&client, scene->port);
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		snprintf(text, sizeof(text), "%s /m HTTP/1.1\r\nHost: h\r\n\r\n", methods[i]);
		raw_send(&client, text);
		snprintf(text, sizeof(text), "%s /m 1 ", methods[i]);
		expect_reply(&client, 200, text);
	}
	raw_close(&client);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
	struct scene *scene = *state;
	struct client client;
	char text[64];

	raw_connect(&client, scene->port);
	for (int i = 0; i < 500; i++) {
		snprintf(text, sizeof(text), "GET /p%d HTTP/1.1\r\nHost: h\r\n\r\n", i);
		raw_send(&client, text);
	}
	for (int i = 0; i < 500; i++) {
		snprintf(text, sizeof(text), "GET /p%d 1 ", i);
		expect_reply(&client, 200, text);
	}
	raw_close(&client);
}

static void connection_ends_when_it_was_asked_to(void **state)
{
	static const struct {
		const char *request;
		bool ends;
		const char *said; /* Connection: */
	} cases[] = {
		{"GET / HTTP/1.1\r\nHost: h\r\n\r\n", false, NULL},
		{"GET / HTTP/1.1\r\nHost: h\r\nConnection: keep-alive\r\n\r\n", false, NULL},
		{"GET / HTTP/1.1\r\nHost: h\r\nConnection: x, Close\r\n\r\n", true, "close"},
		{"GET http://h/ HTTP/1.1\r\nHost: h\r\n\r\n", false, NULL},
		{"GET / HTTP/1.0\r\n\r\n", true, "close"},
		{"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", false, "keep-alive"},
		{"GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", true, "close"},
		{"HEAD / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", true, "close"},
	};
	struct scene *scene = *state;
	struct client client;
	struct reply reply;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		raw_connect(&client, scene->port);
		raw_send(&client, cases[i].request);
		assert_true(raw_reply(&client, cases[i].request[0] == 'H', &reply));
		if (cases[i].said != NULL)
			assert_string_equal(raw_header(&reply, "Connection"), cases[i].said);
		else
			assert_null(raw_header(&reply, "Connection"));
		raw_free(&reply);
		if (cases[i].ends) {
			expect_end(&client);
		} else {
			raw_send(&client, "GET /again HTTP/1.1\r\nHost: h\r\n\r\n");
			expect_reply(&client, 200, "GET /again 1 ");
		}
		raw_close(&client);
	}
}

static void client_that_sends_its_end_is_answered(void **state)
{
	struct scene *scene = *state;
	struct client client;
	size_t size;
	struct reply reply;

	raw_connect(&client, scene->port);
	raw_send(&client, "GET /whole HTTP/1.1\r\nHost: h\r\n\r\n");
	shutdown(client.fd, SHUT_WR);
	assert_true(raw_reply(&client, false, &reply));
	size = reply.size;
	raw_free(&reply);
	assert_int_equal(size, SCENE_FILE_SIZE);
	expect_end(&client);
	raw_close(&client);
}

static void head_says_the_length_and_has_no_body(void **state)
{
	struct scene *scene = *state;
	struct client client;
	struct reply reply;
	char length[32];

	snprintf(length, sizeof(length), "%u", SCENE_FILE_SIZE);
	raw_connect(&client, scene->port);
	raw_send(&client, "HEAD /whole HTTP/1.1\r\nHost: h\r\n\r\n"
			  "GET /after HTTP/1.1\r\nHost: h\r\n\r\n");
	assert_true(raw_reply(&client, true, &reply));
	assert_int_equal(reply.status, 200);
	assert_string_equal(raw_header(&reply, "Content-Length"), length);
	raw_free(&reply);
	expect_reply(&client, 200, "GET /after 1 ");
	raw_close(&client);
}

static void some_statuses_have_no_body(void **state)
{
	struct scene *scene = *state;
	struct client client;
	struct reply reply;

	raw_connect(&client, scene->port);
	for (int i = 0; i < 2; i++) {
		raw_send(&client, i == 0 ? "GET /304 HTTP/1.1\r\nHost: h\r\n\r\n"
					 : "GET /204 HTTP/1.1\r\nHost: h\r\n\r\n");
		assert_true(raw_reply(&client, false, &reply));
		assert_int_equal(reply.status, i == 0 ? 304 : 204);
		assert_null(raw_header(&reply, "Content-Length"));
		assert_int_equal(raw_header_count(&reply), 1); /* Date */
		raw_free(&reply);
	}
	raw_send(&client, "GET /after HTTP/1.1\r\nHost: h\r\n\r\n");
	expect_reply(&client, 200, "GET /after 1 ");
	raw_close(&client);
}

static void headers_are_those_given_and_three_more(void **state)
{
	struct scene *scene = *state;
	struct client client;
	struct reply reply;

	for (int minor = 0; minor <= 1; minor++) {
		raw_connect(&client, scene->port);
		raw_send(&client, minor == 0 ? "GET /whole HTTP/1.0\r\n\r\n"
					     : "GET /whole HTTP/1.1\r\nHost: h\r\n"
					       "Connection: close\r\n\r\n");
		assert_true(raw_reply(&client, false, &reply));
		assert_string_equal(raw_header(&reply, "X-Given"), "7");
		assert_non_null(raw_header(&reply, "Date"));
		assert_non_null(raw_header(&reply, "Content-Length"));
		assert_string_equal(raw_header(&reply, "Connection"), "close");
		assert_int_equal(raw_header_count(&reply), 4);
		raw_free(&reply);
		raw_close(&client);
	}
}

static void pieces_come_in_order(void **state)
{
	struct scene *scene = *state;
	struct client client;
	struct reply reply;
	size_t size;
	unsigned char *body = http_scene_pieces(scene, &size);

	raw_connect(&client, scene->port);
	for (int i = 0; i < 3; i++) {
		raw_send(&client, "GET /pieces HTTP/1.1\r\nHost: h\r\n\r\n");
		assert_true(raw_reply(&client, false, &reply));
		assert_int_equal(reply.status, 206);
		assert_int_equal(reply.size, size);
		assert_memory_equal(reply.body, body, size);
		raw_free(&reply);
	}
	raw_close(&client);
	free(body);
}

static void body_arrives_however_it_is_sent(void **state)
{
	struct scene *scene = *state;
	struct client client;
	struct reply reply;

	raw_connect(&client, scene->port);
	raw_send(&client, "POST /l HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc");
	expect_reply(&client, 200, "POST /l 1 abc");
	raw_send(&client, "PUT /e HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n"
			  "Expect: 100-continue\r\n\r\n");
	assert_true(raw_reply(&client, false, &reply));
	assert_int_equal(reply.status, 100);
	raw_free(&reply);
	raw_send(&client, "def");
	expect_reply(&client, 200, "PUT /e 1 def");
	raw_send(&client, "POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
			  "2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n");
	expect_reply(&client, 200, "POST /c 1 abcde");
	expect_end(&client); /* nothing after such a body is believed */
	raw_close(&client);
}

static void body_over_the_limit_is_refused(void **state)
{
	struct scene *scene = *state;
	struct client client;
	char *much = calloc(1, 1u << 20);

	raw_connect(&client, scene->port);
	raw_send(&client, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n");
	raw_send_octets(&client, much, 1000000);
	expect_reply(&client, 413, NULL);
	expect_end(&client);
	raw_close(&client);
	raw_connect(&client, scene->port);
	raw_send(&client, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
			  "fffff\r\n");
	expect_reply(&client, 413, NULL);
	expect_end(&client);
	raw_close(&client);
	free(much);
	assert_int_equal(http_scene_requests(scene), 0);
}

static uint64_t little_or_much(void *context, const char *target)
{
	(void)context;
	return strcmp(target, "/little") == 0 ? 5 : 1000;
}

static void limit_by_target(struct http_server_options *options)
{
	options->body_limit_of = little_or_much;
}

/* One after the other on a connection, and before the body comes. */
static void limit_of_the_body_may_be_the_targets(void **state)
{
	struct scene scene;
	struct client client;

	(void)state;
	http_scene_start(&scene, limit_by_target);
	raw_connect(&client, scene.port);
	raw_send(&client, "POST /little HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabcde"
			  "POST /much HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nabcdef"
			  "POST /lit");
	expect_reply(&client, 200, "POST /little 1 abcde");
	expect_reply(&client, 200, "POST /much 1 abcdef");
	raw_send(&client, "tle HTTP/1.1\r\nHost: h\r\n");
	raw_send(&client, "Expect: 100-continue\r\nContent-Length: 6\r\n\r\n");
	expect_reply(&client, 413, NULL);
	expect_end(&client);
	raw_close(&client);
	raw_connect(&client, scene.port);
	raw_send(&client, "POST /much HTTP/1.1\r\nHost: h\r\nContent-Length: 1001\r\n\r\n");
	expect_reply(&client, 413, NULL);
	raw_close(&client);
	assert_int_equal(http_scene_requests(&scene), 2);
	http_scene_end(&scene);
}

/* Each is followed by what would be a second request if the first were misunderstood. */
static void doubtful_requests_are_refused_and_are_the_last(void **state)
{
	static const struct {
		const char *request;
		int status;
	} cases[] = {
		{"nonsense\r\n\r\n", 400},
		{"GET /\r\n\r\n", 400},
		{"GET / HTTP/2.0\r\n\r\n", 400},
		{"GET / HTTP/0.9\r\nHost: h\r\n\r\n", 505},
		{"GET / HTTP/2.0\r\nHost: h\r\n\r\n", 400},
		{"GET / HTTP/1.1 x\r\nHost: h\r\n\r\n", 400},
		{"GET /a b HTTP/1.1\r\nHost: h\r\n\r\n", 400},
		{"GET /a\x01 HTTP/1.1\r\nHost: h\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\nHost: h\r\nHost: g\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\nHost: h\r\nno colon\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\nHost: h\r\n: empty\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\nHost: h\r\nA: b\x01\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\nHost : h\r\n\r\n", 400},
		{"POST / HTTP/1.1\r\nHost: h\r\nContent-Length : 5\r\n\r\n", 400},
		{"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nabc",
		 400},
		{"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
		 400},
		{"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3, 3\r\n\r\nabc", 400},
		{"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -3\r\n\r\n", 400},
		{"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +3\r\n\r\nabc", 400},
		{"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0x3\r\n\r\nabc", 400},
		{"POST / HTTP/1.1\r\nHost: h\r\nContent-Length:\r\n\r\nabc", 400},
		{"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999\r\n\r\n", 413},
		{"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n"
		 "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		 400},
		{"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n", 400},
		{"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, gzip\r\n\r\n", 400},
		{"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: \x0b"
		 "chunked\r\n\r\n",
		 400},
		{"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
		{"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 413},
		{"BREW / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n", 501},
		{"TRACE / HTTP/1.1\r\nHost: h\r\n\r\n", 501},
		{"CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n", 501},
		{"HEAD / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n", 200},
	};
	struct scene *scene = *state;
	struct client client;
	struct reply reply;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		raw_connect(&client, scene->port);
		raw_send(&client, cases[i].request);
		raw_send(&client, "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n");
		assert_true(raw_reply(&client, cases[i].request[0] == 'H', &reply));
		if (reply.status != cases[i].status)
			print_error("%s", cases[i].request);
		assert_int_equal(reply.status, cases[i].status);
		assert_string_equal(raw_header(&reply, "Connection"), "close");
		assert_null(strstr((char *)reply.body, "smuggled"));
		raw_free(&reply);
		expect_end(&client);
		assert_false(client.reset);
		raw_close(&client);
	}
	assert_int_equal(http_scene_requests(scene), 1);
}

/* Of what comes in one go only the last request has a NUL in its head. */
static void heads_with_a_nul_are_refused(void **state)
{
	static const char good[] = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n\0\n\n";
	static const char *const bad[] = {"GET / HTTP/1.1\r\nHost: h\r\nX: y#z\r\n\r\n",
					  "GET / HTTP/1.1\r\nHost: h\r\nX: y\r\n#\r\n\r\n",
					  "GET /# HTTP/1.1\r\nHost: h\r\n\r\n",
					  "GET / HTTP/1.1#\r\nHost: h\r\n\r\n",
					  "POST / HTTP/1.0\r\nContent-Length: 3# 99\r\n\r\nabc"};
	struct scene *scene = *state;
	struct client client;
	struct reply reply;

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]) * 2; i++) {
		size_t front = i % 2 == 0 ? sizeof(good) - 1 : 0, size = strlen(bad[i / 2]);
		char text[256];

		memcpy(text, good, front);
		memcpy(text + front, bad[i / 2], size);
		*(char *)memchr(text + front, '#', size) = '\0';
		raw_connect(&client, scene->port);
		raw_send_octets(&client, text, front + size);
		if (front > 0) {
			assert_true(raw_reply(&client, false, &reply));
			assert_int_equal(reply.status, 200);
			raw_free(&reply);
		}
		assert_true(raw_reply(&client, false, &reply));
		assert_int_equal(reply.status, 400);
		raw_free(&reply);
		expect_end(&client);
		raw_close(&client);
	}
}

static void head_over_the_limit_is_refused(void **state)
{
	struct scene *scene = *state;
	struct client client;
	char *line = malloc(100001);

	memset(line, 'x', 100000);
	line[100000] = '\0';
	raw_connect(&client, scene->port);
	raw_send(&client, "GET / HTTP/1.1\r\nHost: h\r\n");
	for (int i = 0; i < 10000; i++)
		raw_send(&client, "X-Name: value\r\n");
	expect_reply(&client, 400, NULL);
	raw_close(&client);
	raw_connect(&client, scene->port);
	raw_send(&client, line);
	expect_reply(&client, 400, NULL);
	raw_close(&client);
	free(line);
	assert_int_equal(http_scene_requests(scene), 0);
}

static void fields_are_given_in_order(void **state)
{
	struct scene *scene = *state;
	const struct sockaddr_in *source;
	struct http_served *served;
	const char *values[2];
	struct client client;
	size_t size;

	raw_connect(&client, scene->port);
	raw_send(&client, "GET /later HTTP/1.1\r\nHost: h\r\nX: 1\r\nY: 2\r\nx:3 \r\nX: \r\n"
			  "\r\n");
	served = http_scene_take_kept(scene);
	source = (const struct sockaddr_in *)http_served_source(served);
	assert_int_equal(http_served_fields(served, "X", values, 2), 3);
	assert_string_equal(values[0], "1");
	assert_string_equal(values[1], "3");
	assert_int_equal(http_served_fields(served, "Z", values, 2), 0);
	assert_int_equal(source->sin_family, AF_INET);
	assert_int_equal(source->sin_addr.s_addr, htonl(INADDR_LOOPBACK));
	assert_false(http_served_tls(served));
	assert_null(http_served_body(served, &size));
	assert_int_equal(size, 0);
	http_scene_answer_kept(served, "done");
	expect_reply(&client, 200, "done");
	raw_close(&client);
}

static void other_threads_may_answer(void **state)
{
	struct scene *scene = *state;
	struct client clients[20];

	for (int i = 0; i < 20; i++) {
		raw_connect(&clients[i], scene->port);
		raw_send(&clients[i], "GET /later HTTP/1.1\r\nHost: h\r\n\r\n"
				      "GET /next HTTP/1.1\r\nHost: h\r\n\r\n");
	}
	for (int i = 0; i < 20; i++)
		http_scene_answer_kept(http_scene_take_kept(scene), "late");
	for (int i = 0; i < 20; i++) {
		expect_reply(&clients[i], 200, "late");
		expect_reply(&clients[i], 200, "GET /next 1 ");
		raw_close(&clients[i]);
	}
}

static void answer_for_a_client_that_has_left_is_dropped(void **state)
{
	struct scene *scene = *state;
	struct client client;
	struct http_served *served;

	for (int i = 0; i < 10; i++) {
		raw_connect(&client, scene->port);
		raw_send(&client, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
		served = http_scene_take_kept(scene);
		raw_close(&client);
		assert_string_equal(http_served_target(served), "/later");
		http_reply_file(served, dup(scene->file), 0, SCENE_FILE_SIZE);
		http_scene_answer_kept(served, "late");
	}
}

/* A FIN or a reset takes its time, however short. */
static void wait_until_left(const struct http_served *served, bool silent)
{
	while (!http_served_left(served, silent))
		sched_yield();
}

static void client_that_has_left_can_be_told(void **state)
{
	static const struct linger at_once = {.l_onoff = 1};
	struct scene *scene = *state;
	struct client client;
	struct http_served *served;

	for (int resets = 0; resets <= 1; resets++) {
		raw_connect(&client, scene->port);
		raw_send(&client, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
		served = http_scene_take_kept(scene);
		assert_false(http_served_left(served, true));
		if (resets)
			setsockopt(client.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
		raw_close(&client);
		wait_until_left(served, true);
		if (resets)
			wait_until_left(served, false);
		else /* it may only have ended its sending */
			assert_false(http_served_left(served, false));
		http_reply_none(served);
	}
}

static void answer_with_a_broken_header_is_not_sent(void **state)
{
	struct scene *scene = *state;
	struct client client;
	struct http_served *served;

	raw_connect(&client, scene->port);
	raw_send(&client, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
	served = http_scene_take_kept(scene);
	http_reply_header(served, "Location", "%s", "/a\r\nSet-Cookie: b");
	http_scene_answer_kept(served, "text");
	expect_end(&client);
	raw_close(&client);
}

static void answer_taken_back_is_as_if_never_begun(void **state)
{
	struct scene *scene = *state;
	struct client client;
	struct reply reply;

	raw_connect(&client, scene->port);
	raw_send(&client, "GET /anew HTTP/1.1\r\nHost: h\r\n\r\n");
	assert_true(raw_reply(&client, false, &reply));
	assert_string_equal((char *)reply.body, "GET /anew 1 ");
	assert_null(raw_header(&reply, "X-Given"));
	raw_free(&reply);
	raw_close(&client);
}

static void file_that_has_become_shorter_cuts_the_connection(void **state)
{
	struct scene *scene = *state;
	struct client client;
	struct reply reply;

	assert_int_equal(ftruncate(scene->file, 1000000), 0);
	raw_connect(&client, scene->port);
	raw_send(&client, "GET /whole HTTP/1.1\r\nHost: h\r\n\r\n");
	assert_true(raw_reply(&client, false, &reply));
	assert_false(reply.whole);
	assert_true(reply.size <= 1000000);
	raw_free(&reply);
	raw_close(&client);
}

int main(void)
{
#define in_scene(test) cmocka_unit_test_setup_teardown(test, start, end)
	const struct CMUnitTest tests[] = {
		in_scene(request_may_be_split_at_every_octet),
		in_scene(target_arrives_as_it_came),
		in_scene(long_target_arrives_whole),
		in_scene(methods_arrive),
		in_scene(pipelined_requests_are_answered_in_order),
		in_scene(connection_ends_when_it_was_asked_to),
		in_scene(client_that_sends_its_end_is_answered),
		in_scene(head_says_the_length_and_has_no_body),
		in_scene(some_statuses_have_no_body),
		in_scene(headers_are_those_given_and_three_more),
		in_scene(pieces_come_in_order),
		in_scene(client_that_has_left_can_be_told),
		in_scene(heads_with_a_nul_are_refused),
		in_scene(answer_taken_back_is_as_if_never_begun),
		in_scene(body_arrives_however_it_is_sent),
		in_scene(body_over_the_limit_is_refused),
		cmocka_unit_test(limit_of_the_body_may_be_the_targets),
		in_scene(doubtful_requests_are_refused_and_are_the_last),
		in_scene(head_over_the_limit_is_refused),
		in_scene(fields_are_given_in_order),
		in_scene(other_threads_may_answer),
		in_scene(answer_for_a_client_that_has_left_is_dropped),
		in_scene(answer_with_a_broken_header_is_not_sent),
		in_scene(file_that_has_become_shorter_cuts_the_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
