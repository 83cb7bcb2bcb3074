/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The queue of exchanges and the life of one; what curl wants of the loop is in http_events.c. An
 * exchange goes idle -> queued -> active -> idle; http_start(), begin() and leave() are the places
 * that change this. curl's callbacks only record; curl handles are added and removed outside them.
 */
#include "origin/http_client.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "cache/log.h"
#include "origin/http_events.h"
#include "origin/origin_url.h"

/* Our choice: no honest answer has so much before its body, interim answers included. */
#define HEAD_OCTETS_MAX (256u << 10)
#define FREE_HANDLES_MAX 64u
/* Idle connections kept, for each that may be active: one to ORIGIN and one to where its redirects
 * lead. */
#define CONNECTIONS_KEPT 2
/* Where neighbours fetch as well: enough to hide a round trip behind another's answer, and few
 * enough that a slow line is not cut into as many parts as there are neighbours times connections.
 * Our choice. */
#define SHARED_MAX 2u

TAILQ_HEAD(exchange_queue, http_exchange);

struct handle_stack {
	CURL *handles[FREE_HANDLES_MAX];
	unsigned count;
};

struct http_client {
	const struct http_setup *setup;
	struct http_events *events;
	struct exchange_queue urgent, ahead, shared;
	unsigned connections, active, ahead_active, shared_active;
	struct handle_stack home, away;
	bool home_seen_local, home_seen_remote; /* addresses of home connections */
	struct log_limit unreachable;
	_Atomic uint64_t octets;
};

static void start_queued(struct http_client *client);

static struct exchange_queue *queue_of(const struct http_exchange *exchange)
{
	struct http_client *client = exchange->client;

	return exchange->urgent   ? &client->urgent
	       : exchange->shared ? &client->shared
				  : &client->ahead;
}

bool http_client_home_is_local(const struct http_client *client)
{
	return client->home_seen_local && !client->home_seen_remote &&
	       !http_setup_proxied(client->setup);
}

uint64_t http_client_octets(const struct http_client *client)
{
	return atomic_load_explicit(&client->octets, memory_order_relaxed);
}

/* Sees the address of each new connection, whatever name led to it. */
static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct http_exchange *exchange = context;
	struct http_client *client = exchange->client;
	bool local = origin_address_is_local(&address->addr);

	(void)purpose;
	if (http_setup_proxied(client->setup)) {
		/* the proxy connects; names were judged before */
	} else if (exchange->home) {
		client->home_seen_local |= local;
		client->home_seen_remote |= !local;
	} else if (local && !http_client_home_is_local(client)) {
		exchange->refused = true;
		return CURL_SOCKET_BAD;
	}
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static size_t receive_header(char *data, size_t size, size_t count, void *context)
{
	struct http_exchange *exchange = context;

	(void)data;
	exchange->head_octets += size * count;
	if (exchange->head_octets <= HEAD_OCTETS_MAX)
		return size * count;
	exchange->error = -EBADMSG;
	return 0;
}

static int see_head(struct http_exchange *exchange, bool undecodable)
{
	struct http_answer answer = {.handle = exchange->handle, .undecodable = undecodable};

	if (exchange->head_seen)
		return 0;
	exchange->head_seen = true;
	curl_easy_getinfo(exchange->handle, CURLINFO_RESPONSE_CODE, &answer.status);
	return exchange->head(exchange, &answer);
}

static size_t receive_body(char *data, size_t size, size_t count, void *context)
{
	struct http_exchange *exchange = context;
	int error = see_head(exchange, false);

	if (error == 0)
		error = exchange->body(exchange, data, size * count);
	if (error == -EAGAIN) {
		exchange->paused = true;
		return CURL_WRITEFUNC_PAUSE;
	}
	if (error < 0) {
		exchange->error = error;
		return CURL_WRITEFUNC_ERROR;
	}
	atomic_fetch_add_explicit(&exchange->client->octets, size * count, memory_order_relaxed);
	return size * count;
}

static CURL *take_handle(struct http_client *client, bool home)
{
	struct handle_stack *stack = home ? &client->home : &client->away;
	CURL *handle;

	if (stack->count > 0)
		return stack->handles[--stack->count];
	handle = http_setup_handle(client->setup, home);
	if (handle == NULL)
		return NULL;
	curl_easy_setopt(handle, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, receive_header);
	curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, receive_body);
	return handle;
}

static void keep_handle(struct http_client *client, CURL *handle, bool home)
{
	struct handle_stack *stack = home ? &client->home : &client->away;

	if (stack->count < FREE_HANDLES_MAX)
		stack->handles[stack->count++] = handle;
	else
		curl_easy_cleanup(handle);
}

static void set_method(CURL *handle, const struct http_exchange *exchange)
{
	bool head = strcmp(exchange->method, "HEAD") == 0;
	bool get = strcmp(exchange->method, "GET") == 0;

	if (exchange->payload != NULL) {
		curl_easy_setopt(handle, CURLOPT_POST, 1L);
		curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE,
				 (long)(exchange->payload_size > 0 ? exchange->payload_size
								   : strlen(exchange->payload)));
		curl_easy_setopt(handle, CURLOPT_POSTFIELDS, exchange->payload);
	} else if (head) {
		curl_easy_setopt(handle, CURLOPT_NOBODY, 1L);
	} else {
		curl_easy_setopt(handle, CURLOPT_HTTPGET, 1L);
	}
	curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, head || get ? NULL : exchange->method);
}

/* The exchange's own lines, then the user's. */
static struct curl_slist *all_lines(struct http_exchange *exchange)
{
	struct curl_slist *rest =
		exchange->home ? http_setup_headers(exchange->client->setup) : NULL;

	for (unsigned i = exchange->line_count; i-- > 0;) {
		exchange->lines[i].next = rest;
		rest = &exchange->lines[i];
	}
	return rest;
}

static void set_request(struct http_exchange *exchange)
{
	CURL *handle = exchange->handle;

	set_method(handle, exchange);
	http_setup_coding(handle, exchange->as_sent);
	curl_easy_setopt(handle, CURLOPT_URL, exchange->url);
	curl_easy_setopt(handle, CURLOPT_RESOLVE, exchange->resolved);
	curl_easy_setopt(handle, CURLOPT_HTTPHEADER, all_lines(exchange));
	curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, (long)exchange->timeout_ms);
	exchange->reason[0] = '\0';
	curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, exchange->reason);
	curl_easy_setopt(handle, CURLOPT_PRIVATE, exchange);
	curl_easy_setopt(handle, CURLOPT_OPENSOCKETDATA, exchange);
	curl_easy_setopt(handle, CURLOPT_HEADERDATA, exchange);
	curl_easy_setopt(handle, CURLOPT_WRITEDATA, exchange);
}

/* Queued to active. -ENOMEM: the exchange stays off both. */
static int begin(struct http_client *client, struct http_exchange *exchange)
{
	exchange->handle = take_handle(client, exchange->home);
	if (exchange->handle == NULL)
		return -ENOMEM;
	exchange->state = HTTP_ACTIVE;
	exchange->ahead_counted = !exchange->urgent;
	client->active++;
	client->ahead_active += exchange->ahead_counted;
	exchange->shared_counted = exchange->ahead_counted && exchange->shared;
	client->shared_active += exchange->shared_counted;
	set_request(exchange);
	if (http_events_add(client->events, exchange->handle) == 0)
		return 0;
	return -ENOMEM;
}

/* Active or queued to idle. */
static void leave(struct http_exchange *exchange)
{
	struct http_client *client = exchange->client;

	if (exchange->state == HTTP_QUEUED)
		TAILQ_REMOVE(queue_of(exchange), exchange, queue);
	if (exchange->state == HTTP_ACTIVE) {
		http_events_remove(client->events, exchange->handle);
		curl_easy_setopt(exchange->handle, CURLOPT_ERRORBUFFER, NULL);
		keep_handle(client, exchange->handle, exchange->home);
		client->active--;
		client->ahead_active -= exchange->ahead_counted;
		client->shared_active -= exchange->shared_counted;
	}
	exchange->state = HTTP_IDLE;
	exchange->handle = NULL;
}

static int code_error(const struct http_exchange *exchange, CURLcode code)
{
	curl_off_t sent_us = 0;

	switch (code) {
	case CURLE_OK:
		return 0;
	case CURLE_OUT_OF_MEMORY: /* also when a header line is too long for curl */
		return exchange->head_octets > 0 && !exchange->head_seen ? -EBADMSG : -ENOMEM;
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_COULDNT_CONNECT:
	case CURLE_PROXY:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_INVALIDCERTSTATUS:
	case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
		return -EHOSTUNREACH;
	case CURLE_OPERATION_TIMEDOUT: /* also when no connection came about */
		curl_easy_getinfo(exchange->handle, CURLINFO_PRETRANSFER_TIME_T, &sent_us);
		return sent_us > 0 ? -ETIMEDOUT : -EHOSTUNREACH;
	case CURLE_PARTIAL_FILE:
	case CURLE_GOT_NOTHING:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_HTTP2:
	case CURLE_HTTP2_STREAM:
		return -ECONNRESET;
	case CURLE_BAD_CONTENT_ENCODING:
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_UNSUPPORTED_PROTOCOL: /* HTTP/0.9 */
	case CURLE_FILESIZE_EXCEEDED:
		return -EBADMSG;
	default:
		return -EPROTO;
	}
}

/* What a user can mend is said: names, addresses, certificates. Such reasons name the host and
 * never the rest of the URL. */
static void log_unreachable(struct http_exchange *exchange, CURLcode code)
{
	struct http_client *client = exchange->client;
	const char *reason =
		exchange->reason[0] != '\0' ? exchange->reason : curl_easy_strerror(code);
	char escaped[LOG_NAME_MAX];

	log_limited(&client->unreachable, LOG_LEVEL_WARNING, "origin %s: %s",
		    http_setup_host(client->setup), log_escape(escaped, sizeof(escaped), reason));
}

/* A body that could not be decoded has not been seen, and its head neither. */
static int head_error(struct http_exchange *exchange, int error)
{
	int told = see_head(exchange, true);

	return told < 0 ? told : error;
}

static void ended(void *context, CURL *handle, CURLcode code)
{
	struct http_client *client = context;
	struct http_exchange *exchange = NULL;
	int error;

	curl_easy_getinfo(handle, CURLINFO_PRIVATE, &exchange);
	error = exchange->error != 0 ? exchange->error : code_error(exchange, code);
	if (exchange->refused && error == -EHOSTUNREACH)
		error = -ELOOP;
	if (error == -EHOSTUNREACH && !http_setup_is_bare(client->setup))
		log_unreachable(exchange, code);
	if (error == 0)
		error = see_head(exchange, false);
	else if (code == CURLE_BAD_CONTENT_ENCODING)
		error = head_error(exchange, error);
	leave(exchange);
	exchange->done(exchange, error);
	start_queued(client);
}

/* One place is kept free of reading ahead, so that a reader need not wait for its end. */
static struct http_exchange *next_queued(struct http_client *client)
{
	unsigned ahead_max = client->connections > 1 ? client->connections - 1 : 1;

	if (client->active >= client->connections)
		return NULL;
	if (!TAILQ_EMPTY(&client->urgent))
		return TAILQ_FIRST(&client->urgent);
	if (client->ahead_active >= ahead_max)
		return NULL;
	if (!TAILQ_EMPTY(&client->ahead))
		return TAILQ_FIRST(&client->ahead);
	return client->shared_active < SHARED_MAX ? TAILQ_FIRST(&client->shared) : NULL;
}

static void start_queued(struct http_client *client)
{
	struct http_exchange *exchange;

	while ((exchange = next_queued(client)) != NULL) {
		TAILQ_REMOVE(queue_of(exchange), exchange, queue);
		exchange->state = HTTP_IDLE;
		bool wanted = exchange->wanted == NULL || exchange->wanted(exchange);
		if (wanted && begin(client, exchange) == 0)
			continue;
		leave(exchange);
		exchange->done(exchange, wanted ? -ENOMEM : -ECANCELED);
	}
}

void http_line(struct http_exchange *exchange, const char *line)
{
	if (exchange->line_count >= HTTP_LINES_MAX)
		abort(); /* our own bug: each request's lines are counted when it is written */
	/* curl's struct has no const; it does not write to it */
	exchange->lines[exchange->line_count++].data = (char *)(uintptr_t)line;
}

void http_drop_lines(struct http_exchange *exchange)
{
	exchange->line_count = 0;
}

void http_start(struct http_client *client, struct http_exchange *exchange)
{
	exchange->client = client;
	exchange->state = HTTP_QUEUED;
	exchange->head_seen = exchange->paused = exchange->refused = false;
	exchange->error = 0;
	exchange->head_octets = 0;
	TAILQ_INSERT_TAIL(queue_of(exchange), exchange, queue);
	start_queued(client);
}

void http_cancel(struct http_exchange *exchange)
{
	if (exchange->state == HTTP_IDLE)
		return;
	leave(exchange);
	start_queued(exchange->client);
}

void http_resume(struct http_exchange *exchange)
{
	if (exchange->state != HTTP_ACTIVE || !exchange->paused)
		return;
	exchange->paused = false;
	http_events_resume(exchange->client->events, exchange->handle);
}

void http_hurry(struct http_exchange *exchange)
{
	struct http_client *client = exchange->client;

	if (exchange->urgent)
		return;
	if (exchange->state == HTTP_QUEUED) {
		TAILQ_REMOVE(queue_of(exchange), exchange, queue);
		TAILQ_INSERT_TAIL(&client->urgent, exchange, queue);
	}
	exchange->urgent = true;
	if (exchange->state == HTTP_QUEUED)
		start_queued(client);
}

int http_client_create(struct loop *loop, const struct http_setup *setup, unsigned connections,
		       struct http_client **client_out)
{
	struct http_client *client = calloc(1, sizeof(*client));
	int error;

	if (client == NULL)
		return -ENOMEM;
	client->setup = setup;
	client->connections = connections > 0 ? connections : 1;
	TAILQ_INIT(&client->urgent);
	TAILQ_INIT(&client->ahead);
	TAILQ_INIT(&client->shared);
	error = http_events_create(loop, CONNECTIONS_KEPT * client->connections, ended, client,
				   &client->events);
	if (error < 0)
		free(client);
	else
		*client_out = client;
	return error;
}

static void free_handles(struct handle_stack *stack)
{
	while (stack->count > 0)
		curl_easy_cleanup(stack->handles[--stack->count]);
}

void http_client_free(struct http_client *client)
{
	if (client == NULL)
		return;
	free_handles(&client->home);
	free_handles(&client->away);
	http_events_free(client->events);
	free(client);
}
