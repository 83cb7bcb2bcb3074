/* SPDX-License-Identifier: BSD-2-Clause
 *
 * How the HTTP server begins and ends, how many it serves, and TLS.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/unit/http_scene.h"
#include "tests/unit/raw_client.h"

#define CONNECTIONS 300u

static char cert_path[64], key_path[64];

static void with_three_connections(struct http_server_options *options)
{
	options->connections = 3;
}

/* Stops the only thread until the gate is opened, so that who comes meanwhile comes in one turn. */
static sem_t gate;

static bool welcome_behind_the_gate(void *context, const struct sockaddr *source,
				    const struct sockaddr *local)
{
	(void)context;
	(void)source;
	(void)local;
	http_scene_wait(&gate);
	sem_post(&gate);
	return true;
}

static void with_a_gate(struct http_server_options *options)
{
	options->threads = 1;
	options->connections = 3;
	options->displace = true;
	options->welcome = welcome_behind_the_gate;
}

static void with_tls(struct http_server_options *options)
{
	static const char *const listen[] = {"127.0.0.1:0", NULL};

	options->listen = NULL;
	options->tls_listen = listen;
	options->tls_cert = cert_path;
	options->tls_key = key_path;
}

static int start_adjusted(void **state, void (*adjust)(struct http_server_options *options))
{
	static struct scene scene;

	http_scene_start(&scene, adjust);
	*state = &scene;
	return 0;
}

static int start(void **state)
{
	return start_adjusted(state, NULL);
}

static int start_limited(void **state)
{
	return start_adjusted(state, with_three_connections);
}

static int start_gated(void **state)
{
	sem_init(&gate, 0, 0);
	return start_adjusted(state, with_a_gate);
}

static int start_tls(void **state)
{
	return start_adjusted(state, with_tls);
}

static int end(void **state)
{
	http_scene_end(*state);
	return 0;
}

static int make_certificate(void **state)
{
	(void)state;
	snprintf(cert_path, sizeof(cert_path), "/tmp/http-cert-%d", (int)getpid());
	snprintf(key_path, sizeof(key_path), "/tmp/http-key-%d", (int)getpid());
	http_scene_make_certificate(cert_path, key_path);
	return 0;
}

static int remove_certificate(void **state)
{
	(void)state;
	unlink(cert_path);
	unlink(key_path);
	return 0;
}

/* ---- how many ---- */

static void connections_over_the_limit_are_closed(void **state)
{
	struct scene *scene = *state;
	struct client clients[3], more;
	struct reply reply;

	for (int i = 0; i < 3; i++) {
		raw_connect(&clients[i], scene->port);
		raw_send(&clients[i], "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
		assert_true(raw_reply(&clients[i], false, &reply));
		raw_free(&reply);
	}
	for (int i = 0; i < 10; i++) {
		raw_connect(&more, scene->port);
		assert_false(raw_receive(&more));
		raw_close(&more);
	}
	raw_close(&clients[0]);
	do { /* until its end has been noticed */
		raw_connect(&more, scene->port);
		raw_send(&more, "GET / HTTP/1.0\r\n\r\n");
		raw_receive_all(&more, NULL);
		reply.status = more.held > 0;
		raw_close(&more);
	} while (reply.status == 0);
	raw_close(&clients[1]);
	raw_close(&clients[2]);
}

static void many_connections_are_served(void **state)
{
	static struct client clients[CONNECTIONS];
	struct scene *scene = *state;
	struct reply reply;

	for (unsigned i = 0; i < CONNECTIONS; i++)
		raw_connect(&clients[i], scene->port);
	for (int round = 0; round < 5; round++) {
		for (unsigned i = 0; i < CONNECTIONS; i++)
			raw_send(&clients[i], "GET /m HTTP/1.1\r\nHost: h\r\n\r\n");
		for (unsigned i = 0; i < CONNECTIONS; i++) {
			assert_true(raw_reply(&clients[i], false, &reply));
			assert_string_equal((char *)reply.body, "GET /m 1 ");
			raw_free(&reply);
		}
	}
	for (unsigned i = 0; i < CONNECTIONS; i++)
		raw_close(&clients[i]);
}

static void server_recovers_when_descriptors_have_run_out(void **state)
{
	struct scene *scene = *state;
	struct client client;
	struct rlimit limit, low;
	struct reply reply;
	int next = dup(0);

	close(next);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	low = limit;
	low.rlim_cur = (rlim_t)next + 1; /* for the client's own */
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	raw_connect(&client, scene->port);
	raw_send(&client, "GET /m HTTP/1.1\r\nHost: h\r\n\r\n");
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_true(raw_reply(&client, false, &reply));
	assert_string_equal((char *)reply.body, "GET /m 1 ");
	raw_free(&reply);
	raw_close(&client);
}

static void the_last_to_come_displaces_those_before(void **state)
{
	struct scene *scene = *state;
	struct client idle[20], client;
	struct reply reply;

	for (int i = 0; i < 20; i++)
		raw_connect(&idle[i], scene->port);
	raw_connect(&client, scene->port);
	raw_send(&client, "GET /last HTTP/1.1\r\nHost: h\r\n\r\n");
	sem_post(&gate);
	assert_true(raw_reply(&client, false, &reply));
	assert_string_equal((char *)reply.body, "GET /last 1 ");
	raw_free(&reply);
	for (int i = 0; i < 17; i++)
		assert_false(raw_receive(&idle[i]));
	for (int i = 0; i < 20; i++)
		raw_close(&idle[i]);
	raw_close(&client);
	sem_destroy(&gate);
}

/* ---- the end ---- */

static void stopped_server_finishes_what_it_has(void **state)
{
	struct scene *scene = *state;
	struct client idle, busy;
	struct http_served *served;
	struct reply reply;

	raw_connect(&idle, scene->port);
	raw_connect(&busy, scene->port);
	raw_send(&busy, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n"
			"GET /never HTTP/1.1\r\nHost: h\r\n\r\n");
	served = http_scene_take_kept(scene);
	http_server_stop(scene->server);
	assert_false(raw_receive(&idle));
	http_scene_answer_kept(served, "late");
	assert_true(raw_reply(&busy, false, &reply));
	assert_string_equal((char *)reply.body, "late");
	assert_string_equal(raw_header(&reply, "Connection"), "close");
	raw_free(&reply);
	assert_false(raw_receive(&busy));
	assert_int_equal(http_scene_requests(scene), 1);
	raw_close(&idle);
	raw_close(&busy);
}

static void *free_in_thread(void *context)
{
	http_scene_free_server(context);
	return NULL;
}

static void freed_server_waits_for_those_who_answer_late(void **state)
{
	struct scene *scene = *state;
	struct client clients[8], stream;
	struct http_served *served[8];
	struct giver giver;
	pthread_t thread;

	for (int i = 0; i < 8; i++) {
		raw_connect(&clients[i], scene->port);
		raw_send(&clients[i], "GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
		served[i] = http_scene_take_kept(scene);
	}
	raw_connect(&stream, scene->port);
	raw_send(&stream, "GET /stream HTTP/1.1\r\nHost: h\r\n\r\n");
	http_scene_begin(scene, &giver, -1);
	http_reply_more(giver.served, "x", 1);
	assert_int_equal(pthread_create(&thread, NULL, free_in_thread, scene), 0);
	http_scene_wait(&giver.gone);
	assert_false(giver.whole);
	for (int i = 0; i < 8; i++) {
		assert_false(raw_receive(&clients[i]));
		assert_string_equal(http_served_target(served[i]), "/later");
		http_reply_file(served[i], dup(scene->file), 0, SCENE_FILE_SIZE);
		http_scene_answer_kept(served[i], "late");
		raw_close(&clients[i]);
	}
	sem_post(&giver.gone);
	http_scene_finish(&giver, true);
	pthread_join(thread, NULL);
	raw_close(&stream);
}

static void server_may_be_freed_while_it_sends(void **state)
{
	struct scene *scene = *state;
	struct client clients[8];

	for (int i = 0; i < 8; i++) {
		raw_connect(&clients[i], scene->port);
		for (int j = 0; j < 20; j++)
			raw_send(&clients[i], "GET /pieces HTTP/1.1\r\nHost: h\r\n\r\n");
		raw_receive(&clients[i]);
	}
	http_scene_free_server(scene);
	for (int i = 0; i < 8; i++) {
		raw_receive_all(&clients[i], NULL);
		raw_close(&clients[i]);
	}
}

/* ---- TLS ---- */

static void tls_gives_the_same_answers(void **state)
{
	struct scene *scene = *state;
	struct client client;
	struct reply reply;
	pthread_t thread;
	size_t size;
	unsigned char *body = http_scene_pieces(scene, &size);

	raw_connect_tls(&client, scene->port);
	for (int i = 0; i < 3; i++) {
		raw_send(&client, "GET /pieces HTTP/1.1\r\nHost: h\r\n\r\n");
		assert_true(raw_reply(&client, false, &reply));
		assert_int_equal(reply.size, size);
		assert_memory_equal(reply.body, body, size);
		raw_free(&reply);
	}
	assert_int_equal(pthread_create(&thread, NULL, http_scene_give_in_thread, scene), 0);
	raw_send(&client, "GET /stream HTTP/1.1\r\nHost: h\r\n\r\n");
	assert_true(raw_reply(&client, false, &reply));
	assert_int_equal(reply.size, SCENE_FILE_SIZE);
	assert_memory_equal(reply.body, scene->content, SCENE_FILE_SIZE);
	raw_free(&reply);
	pthread_join(thread, NULL);
	raw_send(&client, "GET /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
	assert_true(raw_reply(&client, false, &reply));
	assert_string_equal((char *)reply.body, "GET /x 1 ");
	raw_free(&reply);
	assert_false(raw_receive(&client));
	assert_int_equal(SSL_get_shutdown(client.ssl), SSL_RECEIVED_SHUTDOWN);
	raw_close(&client);
	free(body);
}

static void tls_is_known_to_the_handler(void **state)
{
	struct scene *scene = *state;
	struct http_served *served;
	struct client client;
	struct reply reply;

	raw_connect_tls(&client, scene->port);
	raw_send(&client, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
	served = http_scene_take_kept(scene);
	assert_true(http_served_tls(served));
	http_scene_answer_kept(served, "done");
	assert_true(raw_reply(&client, false, &reply));
	raw_free(&reply);
	raw_close(&client);
}

static void tls_survives_clients_that_are_none(void **state)
{
	struct scene *scene = *state;
	struct client client;

	raw_connect(&client, scene->port);
	raw_send(&client, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
	raw_receive_all(&client, NULL);
	raw_close(&client);
	for (int i = 0; i < 5; i++) { /* leave in the middle of an answer */
		raw_connect_tls(&client, scene->port);
		raw_send(&client, "GET /whole HTTP/1.1\r\nHost: h\r\n\r\n");
		raw_receive(&client);
		raw_close(&client);
	}
	raw_connect_tls(&client, scene->port);
	raw_send(&client, "GET /x HTTP/1.0\r\n\r\n");
	assert_non_null(strstr(raw_receive_all(&client, NULL), "GET /x 0 "));
	raw_close(&client);
	assert_int_equal(http_scene_requests(scene), 6);
}

static void old_tls_is_refused(void **state)
{
	struct scene *scene = *state;
	struct client client;

	raw_connect(&client, scene->port);
	client.context = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_security_level(client.context, 0);
	SSL_CTX_set_min_proto_version(client.context, TLS1_VERSION);
	SSL_CTX_set_max_proto_version(client.context, TLS1_1_VERSION);
	client.ssl = SSL_new(client.context);
	SSL_set_fd(client.ssl, client.fd);
	assert_int_not_equal(SSL_connect(client.ssl), 1);
	raw_close(&client);
}

/* ---- what cannot start ---- */

static void unused(void *context, struct http_served *served)
{
	(void)context;
	http_reply(served, 200);
}

static void expect_refusal(struct http_server_options *options, int error, const char *named)
{
	struct http_server *server = NULL;
	char message[256] = "";

	options->handle = unused;
	options->threads = 1;
	options->timeout = 10;
	assert_int_equal(http_server_create(options, &server, message, sizeof(message)), error);
	assert_null(server);
	if (strstr(message, named) == NULL)
		print_error("%s\n", message);
	assert_non_null(strstr(message, named));
}

static void address_that_cannot_be_is_named(void **state)
{
	static const char *const wrong[] = {
		"",      "x",  "70000",     "127.0.0.1", "127.0.0.1:", ":80",  "::1:80",
		"[::1]", "-1", "1.2.3.4:x", "[]:80",     "80 ",        "0x50", "a:b:80"};
	struct scene *scene = *state;
	const char *listen[] = {scene->address, NULL};

	expect_refusal(&(struct http_server_options){.listen = listen}, -EADDRINUSE,
		       scene->address);
	listen[0] = "192.0.2.1:0";
	expect_refusal(&(struct http_server_options){.listen = listen}, -EADDRNOTAVAIL,
		       "192.0.2.1:0");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		listen[0] = wrong[i];
		expect_refusal(&(struct http_server_options){.listen = listen}, -EINVAL, wrong[i]);
	}
	expect_refusal(&(struct http_server_options){.listen = NULL}, -EINVAL, "address");
}

static void certificate_that_cannot_be_used_is_named(void **state)
{
	static const char *const listen[] = {"127.0.0.1:0", NULL};
	struct http_server_options options = {.tls_listen = listen};

	(void)state;
	expect_refusal(&options, -EINVAL, "certificate");
	options.tls_cert = "/nonexistent/cert";
	options.tls_key = key_path;
	expect_refusal(&options, -EINVAL, "/nonexistent/cert");
	options.tls_cert = cert_path;
	options.tls_key = "/nonexistent/key";
	expect_refusal(&options, -EINVAL, "/nonexistent/key");
	options.tls_key = cert_path;
	expect_refusal(&options, -EINVAL, cert_path);
}

static void every_address_serves_both_families(void **state)
{
	const char *listen[] = {"0", NULL};
	struct http_server_options options = {
		.listen = listen, .threads = 1, .timeout = 10, .handle = unused};
	struct http_server *server;
	struct client client;
	struct reply reply;
	char text[256];

	(void)state;
	assert_int_equal(http_server_create(&options, &server, text, sizeof(text)), 0);
	assert_int_equal(http_server_address(server, 0, text, sizeof(text)), 0);
	assert_int_equal(http_server_address(server, 1, text, sizeof(text)), -ENOENT);
	raw_connect(&client, (unsigned)atoi(strrchr(text, ':') + 1));
	raw_send(&client, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
	assert_true(raw_reply(&client, false, &reply));
	assert_int_equal(reply.size, 0);
	raw_free(&reply);
	raw_close(&client);
	http_server_free(server);
	http_server_free(NULL);
}

int main(void)
{
#define in_scene(test, kind) cmocka_unit_test_setup_teardown(test, kind, end)
	const struct CMUnitTest tests[] = {
		in_scene(connections_over_the_limit_are_closed, start_limited),
		in_scene(the_last_to_come_displaces_those_before, start_gated),
		in_scene(many_connections_are_served, start),
		in_scene(server_recovers_when_descriptors_have_run_out, start),
		in_scene(stopped_server_finishes_what_it_has, start),
		in_scene(freed_server_waits_for_those_who_answer_late, start),
		in_scene(server_may_be_freed_while_it_sends, start),
		in_scene(tls_gives_the_same_answers, start_tls),
		in_scene(tls_is_known_to_the_handler, start_tls),
		in_scene(tls_survives_clients_that_are_none, start_tls),
		in_scene(old_tls_is_refused, start_tls),
		in_scene(address_that_cannot_be_is_named, start),
		cmocka_unit_test(certificate_that_cannot_be_used_is_named),
		cmocka_unit_test(every_address_serves_both_families),
	};

	return cmocka_run_group_tests(tests, make_certificate, remove_certificate);
}
