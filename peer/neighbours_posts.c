/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Messages to hosted caches on their way. A *posting* is noted by the offering's outlet, started by
 * posts_flush() once it is known where to, and gone when its answer was told, or it was abandoned.
 * Before one of PCHC_INITIAL_OFFER goes out, a job of the pool reads what the message after it
 * would need, which is in files, so that it is there when the answer is.
 */
#include "peer/neighbours_offers.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cache/store_segment.h"

#define CONNECTIONS (2 * OFFERING_SERVERS_MAX) /* as many as there are messages at a time */
#define ADDRESSES_SIZE (HOST_PLACE_NAME_SIZE + 8u + NAME_LOOKUP_ADDRESSES_MAX * XADDR_TEXT_MAX)

#define STATUS_OK 200u

/* New, then describing (a job has it) or posted, then gone. */
enum posting_state { POSTING_NEW, POSTING_DESCRIBING, POSTING_POSTED };

struct offers_posting {
	struct http_exchange exchange; /* first, so that one pointer is the other */
	LIST_ENTRY(offers_posting) in_list;
	struct neighbours_offers *offers;
	struct offers_server *server;
	enum posting_state state;
	bool abandoned;
	uint64_t number;
	enum pchc_type type;
	struct pool_job job;
	struct loop_task task;
	struct offers_description *description;
	char addresses[ADDRESSES_SIZE];
	struct curl_slist resolved;
	unsigned status;
	uint8_t body[PCHC_RESPONSE_SIZE + 1]; /* one more, so that what is too long is seen */
	size_t body_size;
	uint8_t id[PCCRR_ID_SIZE_MAX];
	size_t id_size; /* 0: not PCHC_INITIAL_OFFER */
	size_t size;
	uint8_t octets[];
};

static void description_free(struct offers_description *description)
{
	if (description == NULL)
		return;
	OPENSSL_cleanse(&description->single, sizeof description->single);
	free(description);
}

static void posting_free(struct offers_posting *posting)
{
	LIST_REMOVE(posting, in_list);
	description_free(posting->description);
	free(posting);
}

/* ---- the offering's outlet ---- */

/* Without memory it will be late, and counts as any that is. */
void posts_send(void *context, const struct offering_message *message)
{
	struct neighbours_offers *offers = context;
	struct offers_posting *posting = calloc(1, sizeof *posting + message->size);
	struct pchc_request request;

	if (posting == NULL)
		return;
	posting->offers = offers;
	posting->server = &offers->servers[message->server];
	posting->number = message->number;
	posting->type = message->type;
	posting->size = message->size;
	memcpy(posting->octets, message->octets, message->size);
	if (message->type == PCHC_INITIAL_OFFER &&
	    pchc_request_read(message->octets, message->size, 1, &request) == PCHC_VALID) {
		posting->id_size = request.segment.size;
		memcpy(posting->id, request.segment.octets, request.segment.size);
	}
	LIST_INSERT_HEAD(&offers->postings, posting, in_list);
}

void posts_abandon(void *context, uint64_t number)
{
	struct neighbours_offers *offers = context;
	struct offers_posting *posting;

	LIST_FOREACH (posting, &offers->postings, in_list)
		if (posting->number == number)
			posting->abandoned = true;
}

bool posts_describe(void *context, struct pccrr_id segment, struct content_v1_single *single_out)
{
	struct neighbours_offers *offers = context;

	for (unsigned i = 0; i < offers->server_count; i++) {
		const struct offers_description *described = offers->servers[i].described;

		if (described == NULL || described->id_size != segment.size ||
		    memcmp(described->id, segment.octets, segment.size) != 0)
			continue;
		*single_out = described->single;
		return true;
	}
	return false;
}

/* ---- describing ---- */

static enum digest_algorithm algorithm_of(size_t id_size)
{
	switch (id_size) {
	case 32:
		return DIGEST_SHA256;
	case 48:
		return DIGEST_SHA384;
	default:
		return DIGEST_SHA512;
	}
}

/* All hashes that content information lists, not only those of blocks that are held: with a
 * complete list the server can see that it is true (hosted-cache.md section 9). */
static struct offers_description *describe(struct store_segment *segment, const uint8_t *id,
					   size_t id_size)
{
	const struct content_segment *from = store_segment_description(segment);
	struct offers_description *description =
		malloc(sizeof *description + from->listed * id_size);

	if (description == NULL)
		return NULL;
	*description = (struct offers_description){.single = {.algorithm = algorithm_of(id_size),
							      .segment = *from,
							      .hashes = description->hashes},
						   .id_size = id_size};
	memcpy(description->id, id, id_size);
	if (store_segment_hashes(segment, description->hashes) == 0)
		return description;
	description_free(description);
	return NULL;
}

/* Pool thread. */
static void run_describing(struct pool_job *job)
{
	struct offers_posting *posting =
		(struct offers_posting *)((char *)job - offsetof(struct offers_posting, job));
	struct neighbours *neighbours = posting->offers->neighbours;
	struct store_segment *segment = NULL;

	if (store_segment_find(neighbours->options.store, posting->id, posting->id_size,
			       &segment) == 0 &&
	    store_segment_version(segment) == 1)
		posting->description = describe(segment, posting->id, posting->id_size);
	store_segment_put(segment);
	loop_post(neighbours->options.loop, &posting->task);
}

/* ---- answers ---- */

static int take_head(struct http_exchange *exchange, const struct http_answer *answer)
{
	struct offers_posting *posting = (struct offers_posting *)exchange;

	posting->status = (unsigned)answer->status;
	return 0;
}

static int take_body(struct http_exchange *exchange, const void *data, size_t length)
{
	struct offers_posting *posting = (struct offers_posting *)exchange;
	size_t room = sizeof posting->body - posting->body_size;
	size_t size = length < room ? length : room;

	memcpy(posting->body + posting->body_size, data, size);
	posting->body_size += size;
	return posting->body_size < sizeof posting->body ? 0 : -EMSGSIZE;
}

static const char *reason_of(const struct offers_posting *posting, int error, char status_out[64])
{
	if (posting->status != 0 && posting->status != STATUS_OK) {
		snprintf(status_out, 64, "it answers with status %u", posting->status);
		return status_out;
	}
	if (error == 0 || error == -EMSGSIZE)
		return "what it answers is not of the protocol";
	return posting->exchange.reason[0] != '\0' ? posting->exchange.reason : strerror(-error);
}

/* What a user can mend most likely has never worked. */
static void log_failure(struct offers_posting *posting, int error)
{
	struct offers_server *server = posting->server;
	char status[64], reason[LOG_NAME_MAX];

	log_limited(&server->failing, server->takes ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING,
		    "hosted cache %s takes no offers: %s", server->host,
		    log_escape(reason, sizeof reason, reason_of(posting, error, status)));
}

static void take_answer(struct offers_posting *posting, int error)
{
	struct offers_server *server = posting->server;
	struct neighbours_offers *offers = posting->offers;
	enum pchc_code code;

	if (error == 0 && posting->status == STATUS_OK &&
	    pchc_response_read(posting->body, posting->body_size, posting->type, &code) == 0)
		server->takes = true;
	else
		log_failure(posting, error);
	if (posting->description != NULL) {
		description_free(server->described);
		server->described = posting->description;
		posting->description = NULL;
	}
	if (error == 0 || error == -EMSGSIZE)
		neighbours_offers_answered(offers, posting->number, posting->status, posting->body,
					   posting->body_size);
	else
		neighbours_offers_broken(offers, posting->number);
	if (error == -EHOSTUNREACH)
		neighbours_offers_look_up(offers->neighbours, (unsigned)(server - offers->servers));
}

static void done(struct http_exchange *exchange, int error)
{
	struct offers_posting *posting = (struct offers_posting *)exchange;

	take_answer(posting, error);
	posting_free(posting);
}

/* ---- on their way ---- */

/* "HOST:PORT:ADDRESS,ADDRESS". False: of none of them. */
static bool write_addresses(struct offers_posting *posting, const char *colon)
{
	const struct offers_server *server = posting->server;
	char text[XADDR_TEXT_MAX];
	int size = snprintf(posting->addresses, sizeof posting->addresses, "%s%.6s",
			    server->place.name, colon);

	for (unsigned i = 0; i < server->count; i++) {
		struct xaddr address = server->addresses[i];

		address.port = 1;
		xaddr_write(&address, text);
		*strrchr(text, ':') = '\0';
		size += snprintf(posting->addresses + size,
				 sizeof posting->addresses - (size_t)size, "%s%s",
				 i == 0 ? ":" : ",", text);
	}
	return server->count > 0;
}

/* Where connections may come from by our retrieval server is where they go to. */
static bool resolve(struct offers_posting *posting)
{
	const struct offers_server *server = posting->server;
	const char *colon;
	char port[8];

	if (server->count == 0)
		return false;
	if (server->place.literal)
		return true;
	colon = strrchr(server->url, ':');
	snprintf(port, sizeof port, "%.*s", (int)strcspn(colon, "/"), colon);
	if (!write_addresses(posting, port))
		return false;
	posting->resolved.data = posting->addresses;
	posting->exchange.resolved = &posting->resolved;
	return true;
}

static void post(struct offers_posting *posting)
{
	struct http_exchange *exchange = &posting->exchange;
	struct neighbours_offers *offers = posting->offers;

	posting->state = POSTING_POSTED;
	if (!resolve(posting)) { /* of which name_lookup has said something */
		neighbours_offers_broken(offers, posting->number);
		posting_free(posting);
		return;
	}
	exchange->method = "POST";
	exchange->url = posting->server->url;
	exchange->payload = (const char *)posting->octets;
	exchange->payload_size = posting->size;
	exchange->home = exchange->urgent = exchange->as_sent = true;
	exchange->timeout_ms = OFFERING_REQUEST_MS;
	exchange->head = take_head;
	exchange->body = take_body;
	exchange->done = done;
	http_line(exchange, "Content-Type: application/octet-stream");
	http_start(offers->client, exchange);
}

static void run_described(struct loop_task *task)
{
	struct offers_posting *posting =
		(struct offers_posting *)((char *)task - offsetof(struct offers_posting, task));
	struct neighbours *neighbours = posting->offers->neighbours;

	if (posting->abandoned)
		posting_free(posting);
	else
		post(posting);
	neighbours_ran(neighbours);
}

static void begin(struct offers_posting *posting)
{
	struct neighbours *neighbours = posting->offers->neighbours;

	if (posting->id_size == 0) {
		post(posting);
		return;
	}
	posting->state = POSTING_DESCRIBING;
	posting->job.run = run_describing;
	posting->task.run = run_described;
	neighbours_running(neighbours);
	pool_submit(neighbours->options.pool, POOL_AHEAD, &posting->job);
}

/* Not of those that are under way when all ends. */
static void log_silence(struct offers_posting *posting)
{
	if (posting->state == POSTING_POSTED && atomic_load(&posting->offers->open))
		log_failure(posting, -ETIMEDOUT);
}

/* First those that nobody waits for, so that there is a connection for each of the others: then
 * none is queued, and each begins or ends by itself alone. */
void posts_flush(struct neighbours_offers *offers)
{
	struct offers_posting *posting, *next;

	for (posting = LIST_FIRST(&offers->postings); posting != NULL; posting = next) {
		next = LIST_NEXT(posting, in_list);
		if (!posting->abandoned || posting->state == POSTING_DESCRIBING)
			continue;
		log_silence(posting);
		http_cancel(&posting->exchange);
		posting_free(posting);
	}
	for (posting = LIST_FIRST(&offers->postings); posting != NULL; posting = next) {
		next = LIST_NEXT(posting, in_list);
		if (posting->state == POSTING_NEW && posting->server->looked_up)
			begin(posting);
	}
}

int posts_begin(struct neighbours_offers *offers)
{
	LIST_INIT(&offers->postings);
	return http_client_create(offers->neighbours->options.loop, offers->setup, CONNECTIONS,
				  &offers->client);
}

void posts_end(struct neighbours_offers *offers)
{
	http_client_free(offers->client);
	offers->client = NULL;
	for (unsigned i = 0; i < offers->server_count; i++)
		description_free(offers->servers[i].described);
}
