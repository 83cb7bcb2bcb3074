/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The hosted cache's end of HTTP for offers (MS-PCHC; hosted-cache.md sections 2, 7, 10 and 13):
 * requests to the paths of version 2.0 by HTTP and 1.0 by HTTPS, from their octets to what they
 * say, and the answers. What is done about them is its user's (peer/hosted_cache.c). Everything in
 * section 10's table that can be told from the message alone is decided here. Who reaches the path
 * of the other version, by the wrong transport, finds nothing there (404).
 */
#ifndef PEER_OFFER_INTAKE_H
#define PEER_OFFER_INTAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "peer/pchc.h"
#include "peer/xaddr.h"

struct http_served;

/* An offer that came; to be answered once, by offer_intake_answer(). */
struct offer_intake_message {
	struct http_served *served;
	/* The connection's source (IPv4 inside IPv6 as IPv4, a zone if it is link-local) with the
	 * port that the message names. Port 0: nothing can be fetched. */
	struct xaddr server;
	struct pchc_request request; /* leads into the body, which stays until it is answered */
};

struct offer_intake_options {
	/* As in peer/retrieval_server.h. */
	bool (*permitted)(void *context, const struct xaddr *source);
	/* Something valid came. On a loop thread of the HTTP server; answered from inside or later,
	 * from any thread. */
	void (*offered)(void *context, const struct offer_intake_message *message);
	void *context;
};

struct offer_intake_counters {
	uint64_t messages[4]; /* valid ones, by enum pchc_type */
	uint64_t ignored;     /* answered, but of no use (PCHC_IGNORED) */
	uint64_t malformed;
	uint64_t forbidden; /* 403 */
};

struct offer_intake;

/* -ENOMEM. */
int offer_intake_create(const struct offer_intake_options *options,
			struct offer_intake **intake_out);
/* No request may come any more, all are answered. NULL is fine. */
void offer_intake_free(struct offer_intake *intake);
/* A request for whatever path, by HTTP or HTTPS; for http_server's handle() and retrieval_server's
 * other(). Answers it, or hands it out. */
void offer_intake_handle(struct offer_intake *intake, struct http_served *served);
/* MESSAGE is gone. */
void offer_intake_answer(const struct offer_intake_message *message, enum pchc_code code);
void offer_intake_counters(const struct offer_intake *intake,
			   struct offer_intake_counters *counters_out);

#endif
