/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Certificate and key of a running HTTP server are read anew, and which versions of TLS it speaks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/pem.h>

#include "tests/unit/http_scene.h"
#include "tests/unit/raw_client.h"

static char cert_path[64], key_path[64], other_cert[64], other_key[64];

static void name_files(void)
{
	snprintf(cert_path, sizeof(cert_path), "/tmp/http-tls-cert-%d", (int)getpid());
	snprintf(key_path, sizeof(key_path), "/tmp/http-tls-key-%d", (int)getpid());
	snprintf(other_cert, sizeof(other_cert), "/tmp/http-tls-cert2-%d", (int)getpid());
	snprintf(other_key, sizeof(other_key), "/tmp/http-tls-key2-%d", (int)getpid());
}

static void with_tls(struct http_server_options *options)
{
	static const char *const listen[] = {"127.0.0.1:0", NULL};

	options->listen = NULL;
	options->tls_listen = listen;
	options->tls_cert = cert_path;
	options->tls_key = key_path;
}

static void with_old_tls(struct http_server_options *options)
{
	with_tls(options);
	options->tls_old = true;
}

static int start_adjusted(void **state, void (*adjust)(struct http_server_options *options))
{
	static struct scene scene;

	name_files();
	http_scene_make_certificate(cert_path, key_path);
	http_scene_make_certificate(other_cert, other_key);
	http_scene_start(&scene, adjust);
	*state = &scene;
	return 0;
}

static int start_plain(void **state)
{
	return start_adjusted(state, NULL);
}

static int start_tls(void **state)
{
	return start_adjusted(state, with_tls);
}

static int start_old(void **state)
{
	return start_adjusted(state, with_old_tls);
}

static int end(void **state)
{
	http_scene_end(*state);
	unlink(cert_path);
	unlink(key_path);
	unlink(other_cert);
	unlink(other_key);
	return 0;
}

/* ---- read anew ---- */

static void expect_answer(struct client *client)
{
	struct reply reply;

	raw_send(client, "GET /m HTTP/1.1\r\nHost: h\r\n\r\n");
	assert_true(raw_reply(client, false, &reply));
	assert_string_equal((char *)reply.body, "GET /m 1 ");
	raw_free(&reply);
}

/* Whether the server has shown the certificate in FILE. */
static bool has_shown(struct client *client, const char *file)
{
	X509 *shown = SSL_get1_peer_certificate(client->ssl);
	FILE *stream = fopen(file, "r");
	X509 *kept = PEM_read_X509(stream, NULL, NULL, NULL);
	bool same = X509_cmp(shown, kept) == 0;

	fclose(stream);
	X509_free(shown);
	X509_free(kept);
	return same;
}

static void expect_certificate(struct scene *scene, const char *file)
{
	struct client client;

	raw_connect_tls(&client, scene->port);
	assert_true(has_shown(&client, file));
	expect_answer(&client);
	raw_close(&client);
}

static void new_connections_get_the_new_certificate(void **state)
{
	struct scene *scene = *state;
	struct client before;
	char message[256] = "";

	raw_connect_tls(&before, scene->port);
	assert_true(has_shown(&before, cert_path));
	expect_answer(&before);
	assert_int_equal(rename(other_cert, cert_path), 0);
	assert_int_equal(rename(other_key, key_path), 0);
	assert_int_equal(http_server_reload_tls(scene->server, message, sizeof(message)), 0);
	assert_string_equal(message, "");
	assert_false(has_shown(&before, cert_path));
	expect_certificate(scene, cert_path);
	expect_answer(&before);
	raw_close(&before);
}

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

/* Files are as they are to be; the server says WHICH is wrong and goes on with the certificate in
 * KEPT. */
static void expect_failure(struct scene *scene, const char *which, const char *kept)
{
	char message[256] = "";

	assert_int_equal(http_server_reload_tls(scene->server, message, sizeof(message)), -EINVAL);
	if (strncmp(message, which, strlen(which)) != 0 || strstr(message, "PEM") == NULL)
		fail_msg("%s", message);
	expect_certificate(scene, kept);
}

static void bad_files_are_named_and_the_former_stay_in_use(void **state)
{
	struct scene *scene = *state;
	char kept[80], message[256];

	snprintf(kept, sizeof(kept), "%s.kept", cert_path);
	assert_int_equal(rename(cert_path, kept), 0);
	expect_failure(scene, cert_path, kept); /* missing */
	write_file(cert_path, "nonsense\n");
	expect_failure(scene, cert_path, kept);
	write_file(cert_path, "");
	expect_failure(scene, cert_path, kept);
	assert_int_equal(rename(other_cert, cert_path), 0); /* which has another key */
	expect_failure(scene, key_path, kept);
	write_file(key_path, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
	expect_failure(scene, key_path, kept);
	unlink(key_path);
	expect_failure(scene, key_path, kept);
	assert_int_equal(rename(other_key, key_path), 0);
	assert_int_equal(http_server_reload_tls(scene->server, message, sizeof(message)), 0);
	expect_certificate(scene, cert_path);
	unlink(kept);
}

static void server_without_tls_has_nothing_to_read(void **state)
{
	struct scene *scene = *state;
	char message[256] = "";

	assert_int_equal(http_server_reload_tls(scene->server, message, sizeof(message)), 0);
	assert_string_equal(message, "");
}

static void *reload_often(void *context)
{
	struct scene *scene = context;
	char message[256];

	for (int i = 0; i < 50; i++)
		assert_int_equal(http_server_reload_tls(scene->server, message, sizeof(message)),
				 0);
	return NULL;
}

static void connections_come_while_it_is_read(void **state)
{
	struct scene *scene = *state;
	pthread_t threads[2];

	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, reload_often, scene), 0);
	for (int i = 0; i < 20; i++)
		expect_certificate(scene, cert_path);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
}

/* ---- versions ---- */

/* As a client of VERSION alone. */
static bool can_connect(struct scene *scene, int version)
{
	struct client client;
	bool connected;

	raw_connect(&client, scene->port);
	client.context = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_security_level(client.context, 0);
	SSL_CTX_set_min_proto_version(client.context, version);
	SSL_CTX_set_max_proto_version(client.context, version);
	client.ssl = SSL_new(client.context);
	SSL_set_fd(client.ssl, client.fd);
	connected = SSL_connect(client.ssl) == 1;
	if (connected) {
		assert_int_equal(SSL_version(client.ssl), version);
		expect_answer(&client);
	}
	raw_close(&client);
	return connected;
}

static void old_versions_are_spoken_where_they_are_allowed(void **state)
{
	struct scene *scene = *state;
	char message[256];

	for (int round = 0; round < 2; round++) {
		assert_true(can_connect(scene, TLS1_VERSION));
		assert_true(can_connect(scene, TLS1_1_VERSION));
		assert_true(can_connect(scene, TLS1_2_VERSION));
		assert_true(can_connect(scene, TLS1_3_VERSION));
		assert_int_equal(http_server_reload_tls(scene->server, message, sizeof(message)),
				 0);
	}
}

static void new_versions_are_spoken_else(void **state)
{
	struct scene *scene = *state;
	char message[256];

	for (int round = 0; round < 2; round++) {
		assert_false(can_connect(scene, TLS1_VERSION));
		assert_false(can_connect(scene, TLS1_1_VERSION));
		assert_true(can_connect(scene, TLS1_2_VERSION));
		assert_true(can_connect(scene, TLS1_3_VERSION));
		assert_int_equal(http_server_reload_tls(scene->server, message, sizeof(message)),
				 0);
	}
}

int main(void)
{
#define in_scene(test, kind) cmocka_unit_test_setup_teardown(test, kind, end)
	const struct CMUnitTest tests[] = {
		in_scene(new_connections_get_the_new_certificate, start_tls),
		in_scene(bad_files_are_named_and_the_former_stay_in_use, start_tls),
		in_scene(server_without_tls_has_nothing_to_read, start_plain),
		in_scene(connections_come_while_it_is_read, start_tls),
		in_scene(old_versions_are_spoken_where_they_are_allowed, start_old),
		in_scene(new_versions_are_spoken_else, start_tls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
