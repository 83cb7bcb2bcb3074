/* SPDX-License-Identifier: BSD-2-Clause
 *
 * An exchange: on a loop thread the request is read and judged (section 9.1, steps 1 to 5); what
 * needs the store becomes an *upload*, which is a job of the pool and the memory of its answer in
 * one; the answer is lent to the HTTP server, and when that gives it back, all of it being in the
 * socket's buffer or nobody there to take it, the upload has ended and its place is free.
 *
 * Uploads that have ended are kept for the next ones, the last one on top: its memory is still in
 * the processor's caches.
 */
#include "peer/retrieval_server.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "origin/http_server.h"
#include "origin/loop.h"
#include "peer/pace.h"
#include "peer/pccrr.h"
#include "peer/request.h"
#include "peer/retrieval_answer.h"
#include "peer/retrieval_listen.h"

/* Our choice: one loop sends 2 GB/s, and the pool wants cores as well. */
#define THREADS_MAX 4u
/* One whole answer, so that a slow reader costs memory and not a place (section 9.1). */
#define SEND_BUFFER (256u << 10)
/* Uploads kept for later; our choice, 2 MiB at most. */
#define SPARE_MAX 16u

struct upload {
	struct pool_job job;
	struct retrieval_server *server;
	struct http_served *served;
	struct xaddr source;
	struct upload *next; /* spare */
	struct retrieval_answer answer;
};

struct retrieval_server {
	struct http_server *http;
	struct pool *pool;
	struct retrieval_giver giver;
	bool (*welcome)(void *context, const struct xaddr *source, const struct xaddr *local);
	bool (*permitted)(void *context, const struct xaddr *source);
	enum retrieval_manner (*manner)(void *context, const uint8_t *id, size_t id_size);
	void (*other)(void *context, struct http_served *served);
	void (*unserved)(void *context, const struct xaddr *source, const uint8_t *id,
			 size_t id_size);
	void *context;
	uint64_t other_body_max;
	unsigned uploads_max, port;
	atomic_uint uploads;
	atomic_uint_fast64_t bytes, blocks, requests, busy, malformed, unwelcome, forbidden;

	pthread_mutex_t lock; /* guards what follows */
	struct pace pace;
	struct upload *spare;
	unsigned spares;
};

/* ---- uploads ---- */

static struct upload *take_spare(struct retrieval_server *server)
{
	struct upload *upload;

	pthread_mutex_lock(&server->lock);
	upload = server->spare;
	if (upload != NULL) {
		server->spare = upload->next;
		server->spares--;
	}
	pthread_mutex_unlock(&server->lock);
	return upload;
}

static struct upload *new_upload(struct retrieval_server *server)
{
	void *memory = take_spare(server);

	if (memory == NULL &&
	    posix_memalign(&memory, alignof(struct upload), sizeof(struct upload)) != 0)
		return NULL;
	((struct upload *)memory)->server = server;
	return memory;
}

static void free_upload(struct upload *upload)
{
	struct retrieval_server *server = upload->server;

	pthread_mutex_lock(&server->lock);
	if (server->spares < SPARE_MAX) {
		upload->next = server->spare;
		server->spare = upload;
		server->spares++;
		upload = NULL;
	}
	pthread_mutex_unlock(&server->lock);
	free(upload);
}

static void upload_ended(const void *body, size_t size, void *context)
{
	struct upload *upload = context;
	struct retrieval_server *server = upload->server;

	(void)body;
	(void)size;
	free_upload(upload);
	atomic_fetch_sub(&server->uploads, 1);
}

static bool permits(void *context, uint32_t size, unsigned *delay_ms_out)
{
	struct retrieval_server *server = context;
	bool permitted;

	if (server->pace.rate == 0) { /* constant */
		*delay_ms_out = 0;
		return true;
	}
	pthread_mutex_lock(&server->lock);
	permitted = pace_book(&server->pace, size, RETRIEVAL_RATE_WAIT_MS, loop_clock_ms(),
			      delay_ms_out);
	pthread_mutex_unlock(&server->lock);
	return permitted;
}

static enum retrieval_manner manner_of(void *context, struct pccrr_id id)
{
	const struct retrieval_server *server = context;

	return server->manner != NULL ? server->manner(server->context, id.octets, id.size)
				      : RETRIEVAL_AS_ASKED;
}

static void tell_unserved(void *context, const struct retrieval_answer *answer, struct pccrr_id id)
{
	const struct retrieval_server *server = context;
	const struct upload *upload =
		(const struct upload *)((const char *)answer - offsetof(struct upload, answer));

	server->unserved(server->context, &upload->source, id.octets, id.size);
}

/* After the last call of this the server may be gone. */
static void send_upload(struct upload *upload)
{
	struct retrieval_server *server = upload->server;
	const struct retrieval_answer *answer = &upload->answer;
	struct http_served *served = upload->served;
	unsigned delay_ms = answer->delay_ms;

	atomic_fetch_add(&server->bytes, answer->given);
	atomic_fetch_add(&server->blocks, answer->given > 0);
	atomic_fetch_add(&server->busy, answer->not_permitted);
	http_reply_lend(served, answer->body, answer->size, upload_ended, upload);
	http_reply_after(served, 200, delay_ms);
}

static void run_upload(struct pool_job *job)
{
	struct upload *upload = (struct upload *)((char *)job - offsetof(struct upload, job));
	struct retrieval_server *server = upload->server;

	if (retrieval_answer_make(&upload->answer, &server->giver))
		send_upload(upload);
	else
		pool_submit(server->pool, POOL_AHEAD, job); /* others first */
}

/* ---- requests ---- */

/* REQUEST NULL: with the versions. */
static void reply_empty(struct retrieval_server *server, struct http_served *served,
			const struct pccrr_request *request)
{
	uint8_t body[RETRIEVAL_ANSWER_EMPTY_MAX];

	http_reply_bytes(served, body,
			 retrieval_answer_empty(request, server->giver.plaintext, body));
	http_reply(served, 200);
}

static void reply_from_store(struct retrieval_server *server, struct http_served *served,
			     const struct xaddr *source, const struct pccrr_request *request)
{
	struct upload *upload = NULL;

	if (atomic_fetch_add(&server->uploads, 1) < server->uploads_max)
		upload = new_upload(server);
	if (upload == NULL) {
		atomic_fetch_sub(&server->uploads, 1);
		atomic_fetch_add(&server->busy, 1);
		reply_empty(server, served, request);
		return;
	}
	upload->served = served;
	upload->source = *source;
	upload->job.run = run_upload;
	retrieval_answer_begin(&upload->answer, request, &server->giver);
	/* whoever reads here on this machine comes first */
	pool_submit(server->pool, POOL_AHEAD, &upload->job);
}

/* The specification says nothing to these; our 400 says no more, and frees the client (section
 * 10). */
static void drop(struct retrieval_server *server, struct http_served *served)
{
	atomic_fetch_add(&server->malformed, 1);
	http_reply_last(served);
	http_reply(served, 400);
}

static void take_message(struct retrieval_server *server, struct http_served *served,
			 const struct xaddr *source)
{
	struct pccrr_request request;
	size_t size;
	const void *body = http_served_body(served, &size);
	enum pccrr_verdict verdict = pccrr_request_read(body, size, &request);

	if (verdict == PCCRR_MALFORMED) {
		drop(server, served);
		return;
	}
	atomic_fetch_add(&server->requests, 1);
	if (verdict == PCCRR_INCOMPATIBLE || request.type == PCCRR_ASK_VERSIONS)
		reply_empty(server, served, NULL);
	else
		reply_from_store(server, served, source, &request);
}

static bool is_our_path(const char *target)
{
	char path[REQUEST_PATH_MAX];

	return request_path(target, path) && pccrr_is_path(path);
}

static uint64_t body_limit_of(void *context, const char *target)
{
	const struct retrieval_server *server = context;

	return is_our_path(target) ? PCCRR_REQUEST_MAX : server->other_body_max;
}

static void handle(void *context, struct http_served *served)
{
	struct retrieval_server *server = context;
	struct xaddr source;

	if (!request_permitted(served, server->permitted, server->context, &source)) {
		atomic_fetch_add(&server->forbidden, 1);
		request_forbid(served);
	} else if (is_our_path(http_served_target(served))) {
		if (request_is_post(served))
			take_message(server, served, &source);
	} else if (server->other != NULL) {
		server->other(server->context, served);
	} else {
		http_reply(served, 404);
	}
}

/* ---- who may ask ---- */

static bool let_in(void *context, const struct sockaddr *source_address,
		   const struct sockaddr *local_address)
{
	struct retrieval_server *server = context;
	struct xaddr source, local;

	if (request_address(source_address, &source) && request_address(local_address, &local) &&
	    server->welcome(server->context, &source, &local))
		return true;
	atomic_fetch_add(&server->unwelcome, 1);
	return false;
}

/* ---- its life ---- */

static unsigned half_of_the_cores(void)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	if (cores < 4)
		return 1;
	return cores / 2 < THREADS_MAX ? (unsigned)cores / 2 : THREADS_MAX;
}

static unsigned or_default(unsigned value, unsigned otherwise)
{
	return value != 0 ? value : otherwise;
}

static int start(struct retrieval_server *server, const struct retrieval_server_options *options,
		 char *message, size_t message_size)
{
	const struct http_server_options http = {
		.threads = half_of_the_cores(),
		.timeout = or_default(options->idle, RETRIEVAL_IDLE),
		.connections = or_default(options->connections, RETRIEVAL_CONNECTIONS),
		.connections_each =
			or_default(options->connections_each, RETRIEVAL_CONNECTIONS_EACH),
		.displace = true,
		.request_ms = or_default(options->request_ms, RETRIEVAL_REQUEST_MS),
		.answer_ms = or_default(options->upload_ms, RETRIEVAL_UPLOAD_MS),
		.send_buffer = SEND_BUFFER,
		.welcome = options->welcome != NULL ? let_in : NULL,
		.body_limit = PCCRR_REQUEST_MAX,
		.body_limit_of = server->other_body_max != 0 ? body_limit_of : NULL,
		.handle = handle,
		.context = server,
	};
	const struct retrieval_place place = {options->address, options->port_first,
					      options->port_last, options->listen};

	return retrieval_listen(&http, &place, &server->http, &server->port, message, message_size);
}

static void free_server(struct retrieval_server *server)
{
	while (server->spare != NULL) {
		struct upload *upload = server->spare;

		server->spare = upload->next;
		free(upload);
	}
	pthread_mutex_destroy(&server->lock);
	free(server);
}

int retrieval_server_create(const struct retrieval_server_options *options,
			    struct retrieval_server **server_out, char *message,
			    size_t message_size)
{
	struct retrieval_server *server = calloc(1, sizeof(*server));
	int error;

	if (server == NULL) {
		snprintf(message, message_size, "cannot listen for peers: out of memory");
		return -ENOMEM;
	}
	pthread_mutex_init(&server->lock, NULL);
	server->pool = options->pool;
	server->giver = (struct retrieval_giver){
		.store = options->store,
		.plaintext = options->plaintext,
		.permits = permits,
		.manner = manner_of,
		.unserved = options->unserved != NULL ? tell_unserved : NULL,
		.context = server};
	server->welcome = options->welcome;
	server->permitted = options->permitted;
	server->manner = options->manner;
	server->other = options->other;
	server->other_body_max = options->other_body_max;
	server->unserved = options->unserved;
	server->context = options->context;
	server->uploads_max = or_default(options->uploads, RETRIEVAL_UPLOADS);
	pace_begin(&server->pace, options->rate, loop_clock_ms());
	error = start(server, options, message, message_size);
	if (error < 0) {
		free_server(server);
		return error;
	}
	*server_out = server;
	return 0;
}

void retrieval_server_free(struct retrieval_server *server)
{
	if (server == NULL)
		return;
	http_server_free(server->http);
	free_server(server);
}

unsigned retrieval_server_port(const struct retrieval_server *server)
{
	return server->port;
}

int retrieval_server_address(const struct retrieval_server *server, unsigned index, char *buffer,
			     size_t size)
{
	return http_server_address(server->http, index, buffer, size);
}

void retrieval_server_counters(const struct retrieval_server *server,
			       struct retrieval_served *served_out)
{
	*served_out = (struct retrieval_served){
		.bytes = atomic_load(&server->bytes),
		.blocks = atomic_load(&server->blocks),
		.requests = atomic_load(&server->requests),
		.busy = atomic_load(&server->busy),
		.malformed = atomic_load(&server->malformed),
		.unwelcome = atomic_load(&server->unwelcome),
		.forbidden = atomic_load(&server->forbidden),
	};
}
