/* SPDX-License-Identifier: BSD-2-Clause
 *
 * For the tests of offers: an intake behind an HTTP server on loopback that has a port of either
 * transport, and clients of raw octets. What is offered is noted, and answered at once or kept.
 */
#ifndef TESTS_UNIT_OFFER_SCENE_H
#define TESTS_UNIT_OFFER_SCENE_H

#include <pthread.h>
#include <stdbool.h>

#include "origin/http_server.h"
#include "peer/offer_intake.h"
#include "tests/unit/pchc_vectors.h"
#include "tests/unit/raw_client.h"

#define KEPT_MAX 8u

#define OK "0000000100"
#define INTERESTED "0000000101"

struct offer_scene {
	struct http_server *server;
	struct offer_intake *intake;
	unsigned plain, tls; /* ports */
	enum pchc_code code; /* of answers to initial offers */
	bool keep;           /* they are answered later */
	const char *row;     /* that is being checked */

	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* Guarded by lock. */
	unsigned offered;
	struct xaddr server_of; /* of the last one */
	struct octets written;  /* the last one, written anew */
	const struct offer_intake_message *kept[KEPT_MAX];
	unsigned kept_count;
};
extern struct offer_scene offer_scene;

/* ---- setups and teardowns ---- */

int offer_make_certificate(void **state);
int offer_remove_certificate(void **state);
int offer_begin(void **state);
/* Whatever has begun of it. */
int offer_end(void **state);
/* The intake alone. */
void offer_make_intake(void);
/* Behind an HTTP server at WHERE, and one for HTTPS at 127.0.0.1. */
int offer_begin_on(const char *where);

/* Not 127.0.0.2. */
bool offer_is_permitted(void *context, const struct xaddr *source);
/* With OK, or what the scene has for initial offers. */
void offer_answer(const struct offer_intake_message *message);
struct offer_intake_counters offer_counters(void);

/* ---- clients ---- */

/* By version, 1 or 2. */
extern const char *const offer_paths[];

/* By the transport of VERSION. */
void offer_come(struct client *client, unsigned version);
/* HEADERS: more of them, each with its line's end. */
void offer_post(struct client *client, const char *path, const char *headers,
		const struct octets *message);
/* The next answer. */
void offer_expect_code(struct client *client, const char *code);
/* An empty one. LAST: and the connection ends. */
void offer_expect_refusal(struct client *client, int status, bool last);
/* Sends MESSAGE, hexadecimal, in a connection of its own. */
void offer_expect_answered(unsigned version, const char *path, const char *headers,
			   const char *message_hex, const char *code);
/* Nor is it offered. */
void offer_expect_refused(unsigned version, const char *path, const char *headers,
			  const char *message_hex, int status, bool last);
/* The last one is as it came, and said that PORT is served at 127.0.0.1. */
void offer_expect_offered(const char *message_hex, unsigned port);

#endif
