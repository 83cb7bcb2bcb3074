/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The scene of offers, and asking in it.
 */
#include "tests/unit/offer_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/http_scene.h"

/* Seconds after which a test that waits in vain fails. */
#define PATIENCE 120
#define BODY_MAX 98304u /* as that of the retrieval server on the same listener */

static char cert_path[64], key_path[64];

struct offer_scene offer_scene = {.lock = PTHREAD_MUTEX_INITIALIZER,
				  .changed = PTHREAD_COND_INITIALIZER};

/* ---- the scene ---- */

void offer_answer(const struct offer_intake_message *message)
{
	offer_intake_answer(message, message->request.type == PCHC_INITIAL_OFFER ? offer_scene.code
										 : PCHC_OK);
}

static void note_offer(void *context, const struct offer_intake_message *message)
{
	bool keep;

	assert_ptr_equal(context, &offer_scene);
	pthread_mutex_lock(&offer_scene.lock);
	offer_scene.offered++;
	offer_scene.server_of = message->server;
	octets_free(&offer_scene.written);
	offer_scene.written = pchc_written(&message->request);
	keep = offer_scene.keep;
	if (keep)
		offer_scene.kept[offer_scene.kept_count++] = message;
	pthread_cond_broadcast(&offer_scene.changed);
	pthread_mutex_unlock(&offer_scene.lock);
	if (!keep)
		offer_answer(message);
}

/* Not 127.0.0.2. */
bool offer_is_permitted(void *context, const struct xaddr *source)
{
	assert_ptr_equal(context, &offer_scene);
	return source->family != XADDR_IPV4 || source->octets[3] != 2;
}

static void handle(void *intake, struct http_served *served)
{
	offer_intake_handle(intake, served);
}

static unsigned port_at(unsigned index)
{
	char address[96];

	assert_int_equal(http_server_address(offer_scene.server, index, address, sizeof(address)),
			 0);
	return (unsigned)atoi(strrchr(address, ':') + 1);
}

void offer_make_intake(void)
{
	const struct offer_intake_options options = {
		.permitted = offer_is_permitted, .offered = note_offer, .context = &offer_scene};

	alarm(PATIENCE);
	offer_scene.code = PCHC_OK;
	offer_scene.keep = false;
	offer_scene.offered = offer_scene.kept_count = 0;
	assert_int_equal(offer_intake_create(&options, &offer_scene.intake), 0);
}

int offer_begin_on(const char *where)
{
	const char *const listen[] = {where, NULL}, *const tls_listen[] = {"127.0.0.1:0", NULL};
	const struct http_server_options options = {
		.listen = listen,
		.tls_listen = tls_listen,
		.tls_cert = cert_path,
		.tls_key = key_path,
		.threads = 2,
		.timeout = 60,
		.body_limit = BODY_MAX,
		.handle = handle,
		.context = offer_scene.intake,
	};
	char message[256];

	if (http_server_create(&options, &offer_scene.server, message, sizeof(message)) != 0)
		fail_msg("%s", message);
	offer_scene.plain = port_at(0);
	offer_scene.tls = port_at(1);
	return 0;
}

int offer_begin(void **state)
{
	(void)state;
	offer_make_intake();
	return offer_begin_on("127.0.0.1:0");
}

int offer_end(void **state)
{
	(void)state;
	if (offer_scene.row != NULL)
		print_error("row: %s\n", offer_scene.row);
	offer_scene.row = NULL;
	http_server_free(offer_scene.server);
	offer_scene.server = NULL;
	offer_intake_free(offer_scene.intake);
	offer_scene.intake = NULL;
	octets_free(&offer_scene.written);
	offer_scene.written = (struct octets){NULL, 0};
	alarm(0);
	return 0;
}

int offer_make_certificate(void **state)
{
	(void)state;
	snprintf(cert_path, sizeof(cert_path), "/tmp/offer-cert-%d", (int)getpid());
	snprintf(key_path, sizeof(key_path), "/tmp/offer-key-%d", (int)getpid());
	http_scene_make_certificate(cert_path, key_path);
	return 0;
}

int offer_remove_certificate(void **state)
{
	(void)state;
	unlink(cert_path);
	unlink(key_path);
	return 0;
}

struct offer_intake_counters offer_counters(void)
{
	struct offer_intake_counters offer_counters;

	offer_intake_counters(offer_scene.intake, &offer_counters);
	return offer_counters;
}

/* ---- the client ---- */

const char *const offer_paths[] = {NULL, PCHC_PATH_1, PCHC_PATH_2};

/* By the transport of VERSION. */
void offer_come(struct client *client, unsigned version)
{
	if (version == 1)
		raw_connect_tls(client, offer_scene.tls);
	else
		raw_connect(client, offer_scene.plain);
}

/* HEADERS: more of them, each with its line's end. */
void offer_post(struct client *client, const char *path, const char *headers,
		const struct octets *message)
{
	char head[1024];

	snprintf(head, sizeof(head), "POST %s HTTP/1.1\r\nHost: h\r\n%sContent-Length: %zu\r\n\r\n",
		 path, headers, message->size);
	raw_send(client, head);
	raw_send_octets(client, message->data, message->size);
}

void offer_expect_code(struct client *client, const char *code)
{
	struct reply reply;

	assert_true(raw_reply(client, false, &reply));
	assert_int_equal(reply.status, 200);
	assert_null(raw_header(&reply, "Content-Type"));
	assert_hex(reply.body, reply.size, code);
	raw_free(&reply);
}

/* An empty answer. LAST: and the connection ends. */
void offer_expect_refusal(struct client *client, int status, bool last)
{
	struct reply reply;

	assert_true(raw_reply(client, false, &reply));
	assert_int_equal(reply.status, status);
	assert_int_equal(reply.size, 0);
	assert_string_equal(raw_header(&reply, "Content-Length"), "0");
	if (status == 405)
		assert_string_equal(raw_header(&reply, "Allow"), "POST");
	if (last) {
		assert_string_equal(raw_header(&reply, "Connection"), "close");
		assert_false(raw_receive(client));
		assert_int_equal(client->held, 0);
	}
	raw_free(&reply);
}

/* Sends MESSAGE, hexadecimal, in a connection of its own. */
void offer_expect_answered(unsigned version, const char *path, const char *headers,
			   const char *message_hex, const char *code)
{
	struct octets message = vectors_unhex(message_hex);
	struct client client;

	offer_come(&client, version);
	offer_post(&client, path, headers, &message);
	offer_expect_code(&client, code);
	raw_close(&client);
	octets_free(&message);
}

/* Nor is it offered. */
void offer_expect_refused(unsigned version, const char *path, const char *headers,
			  const char *message_hex, int status, bool last)
{
	struct octets message = vectors_unhex(message_hex);
	unsigned before = offer_scene.offered;
	struct client client;

	offer_come(&client, version);
	offer_post(&client, path, headers, &message);
	offer_expect_refusal(&client, status, last);
	raw_close(&client);
	octets_free(&message);
	assert_int_equal(offer_scene.offered, before);
}

/* The last one is as it came, and said that PORT is served at 127.0.0.1. */
void offer_expect_offered(const char *message_hex, unsigned port)
{
	static const uint8_t loopback[16] = {127, 0, 0, 1};

	assert_hex(offer_scene.written.data, offer_scene.written.size, message_hex);
	assert_int_equal(offer_scene.server_of.family, XADDR_IPV4);
	assert_memory_equal(offer_scene.server_of.octets, loopback, 16);
	assert_int_equal(offer_scene.server_of.port, port);
	assert_int_equal(offer_scene.server_of.zone, 0);
}
