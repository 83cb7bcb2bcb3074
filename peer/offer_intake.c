/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Everything is done on the loop thread of the HTTP server that a request came by; the counters are
 * all that threads share.
 */
#include "peer/offer_intake.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "origin/http_server.h"
#include "peer/request.h"

struct offer_intake {
	struct offer_intake_options options;
	atomic_uint_fast64_t messages[PCHC_BATCHED_OFFER + 1];
	atomic_uint_fast64_t ignored, malformed, forbidden;
};

_Static_assert(sizeof(((struct offer_intake_counters *)0)->messages) / sizeof(uint64_t) ==
		       PCHC_BATCHED_OFFER + 1,
	       "all types are counted");

int offer_intake_create(const struct offer_intake_options *options,
			struct offer_intake **intake_out)
{
	struct offer_intake *intake = calloc(1, sizeof(*intake));

	if (intake == NULL)
		return -ENOMEM;
	intake->options = *options;
	*intake_out = intake;
	return 0;
}

void offer_intake_free(struct offer_intake *intake)
{
	free(intake);
}

/* ---- answers ---- */

static void reply_code(struct http_served *served, enum pchc_code code)
{
	uint8_t body[PCHC_RESPONSE_SIZE];

	pchc_response_write(code, body);
	http_reply_bytes(served, body, sizeof(body));
	http_reply(served, 200);
}

/* Refused, and the connection ends. */
static void refuse(struct http_served *served, int status)
{
	http_reply_last(served);
	http_reply(served, status);
}

void offer_intake_answer(const struct offer_intake_message *message, enum pchc_code code)
{
	struct http_served *served = message->served;

	assert(code == PCHC_OK || message->request.type == PCHC_INITIAL_OFFER);
	free((struct offer_intake_message *)message);
	reply_code(served, code);
}

/* ---- messages ---- */

static void hand_out(struct offer_intake *intake, struct http_served *served,
		     const struct xaddr *source, const struct pchc_request *request)
{
	struct offer_intake_message *message = malloc(sizeof(*message));

	if (message == NULL) {
		refuse(served, 503);
		return;
	}
	message->served = served;
	message->server = *source;
	message->server.port = request->port;
	message->request = *request;
	atomic_fetch_add(&intake->messages[request->type], 1);
	intake->options.offered(intake->options.context, message);
}

/* Who listens for us may take more, where no length was announced, or for another path. */
static void take_message(struct offer_intake *intake, struct http_served *served, unsigned version,
			 const struct xaddr *source)
{
	struct pchc_request request;
	size_t size;
	const void *body = http_served_body(served, &size);

	if (size > PCHC_REQUEST_MAX) {
		atomic_fetch_add(&intake->malformed, 1);
		refuse(served, 413);
		return;
	}
	switch (pchc_request_read(body, size, version, &request)) {
	case PCHC_VALID:
		hand_out(intake, served, source, &request);
		break;
	case PCHC_IGNORED:
		atomic_fetch_add(&intake->ignored, 1);
		reply_code(served, PCHC_OK);
		break;
	case PCHC_MALFORMED:
		atomic_fetch_add(&intake->malformed, 1);
		refuse(served, 400);
		break;
	}
}

/* ---- requests ---- */

/* 1 or 2, which path and transport must agree on; 0: neither. */
static unsigned version_of(const struct http_served *served)
{
	char path[REQUEST_PATH_MAX];
	unsigned version;

	if (!request_path(http_served_target(served), path))
		return 0;
	version = pchc_path_version(path);
	return http_served_tls(served) == (version == 1) ? version : 0;
}

/* Only a browser says on behalf of which page it asks. */
static bool is_of_a_page(const struct http_served *served)
{
	const char *origin;

	return http_served_fields(served, "Origin", &origin, 1) > 0;
}

static void forbid(struct offer_intake *intake, struct http_served *served)
{
	atomic_fetch_add(&intake->forbidden, 1);
	request_forbid(served);
}

void offer_intake_handle(struct offer_intake *intake, struct http_served *served)
{
	struct xaddr source;
	unsigned version;

	if (!request_permitted(served, intake->options.permitted, intake->options.context,
			       &source)) {
		forbid(intake, served);
		return;
	}
	version = version_of(served);
	if (version == 0)
		http_reply(served, 404);
	else if (is_of_a_page(served))
		forbid(intake, served);
	else if (request_is_post(served))
		take_message(intake, served, version, &source);
}

void offer_intake_counters(const struct offer_intake *intake,
			   struct offer_intake_counters *counters_out)
{
	for (unsigned type = 0; type <= PCHC_BATCHED_OFFER; type++)
		counters_out->messages[type] = atomic_load(&intake->messages[type]);
	counters_out->ignored = atomic_load(&intake->ignored);
	counters_out->malformed = atomic_load(&intake->malformed);
	counters_out->forbidden = atomic_load(&intake->forbidden);
}
