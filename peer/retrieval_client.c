/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The life of a retrieval: idle -> waiting -> asked -> idle, or idle -> waiting -> vain -> idle
 * when it cannot even begin for want of memory, which is told from the loop. "Asked" has a
 * transfer; waiting and vain ones are in a queue. A server that speaks of versions makes "asked"
 * begin anew, once, and so do stale connections; all in the time of one exchange.
 */
#include "peer/retrieval_client.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "origin/http_events.h"
#include "peer/retrieval_sockets.h"
#include "peer/retrieval_transfer.h"

/* Our choice: 32 neighbours at 8 exchanges each. */
#define CONNECTIONS 256u
#define SPARE_MAX 64u /* exchanges kept for the next ones */

TAILQ_HEAD(retrieval_queue, retrieval);

struct retrieval_exchange {
	struct retrieval_client *client;
	struct retrieval *retrieval;
	struct retrieval_transfer *transfer;
	int64_t deadline_ms;
	struct pccrr_version version; /* of retrieval_question */
	bool resent;                  /* another version was asked for, */
	bool fresh;                   /* or a new connection */
};

struct retrieval_client {
	struct http_events *events;
	struct retrieval_sockets sockets;
	unsigned timeout_ms, connections;
	unsigned asked;
	struct retrieval_queue queued, vain;
	struct retrieval_exchange waiting, hopeless; /* what those in the queues have as theirs */
	struct event tell_vain;
	struct retrieval_exchange *spare[SPARE_MAX];
	unsigned spare_count;
};

static void free_exchange(struct retrieval_exchange *exchange)
{
	retrieval_transfer_free(exchange->transfer);
	free(exchange);
}

static struct retrieval_exchange *take_exchange(struct retrieval_client *client)
{
	struct retrieval_exchange *exchange;

	if (client->spare_count > 0)
		return client->spare[--client->spare_count];
	exchange = calloc(1, sizeof(*exchange));
	if (exchange == NULL)
		return NULL;
	exchange->client = client;
	exchange->transfer = retrieval_transfer_create(exchange);
	if (exchange->transfer == NULL) {
		free(exchange);
		return NULL;
	}
	retrieval_sockets_watch(&client->sockets, retrieval_transfer_handle(exchange->transfer));
	return exchange;
}

static void give_exchange(struct retrieval_exchange *exchange)
{
	struct retrieval_client *client = exchange->client;

	retrieval_transfer_rest(exchange->transfer);
	if (client->spare_count < SPARE_MAX)
		client->spare[client->spare_count++] = exchange;
	else
		free_exchange(exchange);
}

/* ---- the life of one ---- */

static void set_vain(struct retrieval_client *client, struct retrieval *retrieval)
{
	retrieval->exchange = &client->hopeless;
	TAILQ_INSERT_TAIL(&client->vain, retrieval, queue);
	event_active(&client->tell_vain, EV_TIMEOUT, 0);
}

/* The transfer is in no multi handle. */
static int ask(struct retrieval_exchange *exchange)
{
	struct retrieval_question question = {
		.server = &exchange->retrieval->server,
		.request = &exchange->retrieval->request,
		.version = exchange->version,
		.fresh = exchange->fresh,
		.timeout_ms = exchange->deadline_ms - loop_clock_ms(),
	};
	int error;

	if (question.timeout_ms <= 0)
		return -ETIMEDOUT;
	error = retrieval_transfer_prepare(exchange->transfer, &question);
	if (error < 0)
		return error;
	return http_events_add(exchange->client->events,
			       retrieval_transfer_handle(exchange->transfer));
}

static int begin(struct retrieval_client *client, struct retrieval *retrieval)
{
	struct retrieval_exchange *exchange = take_exchange(client);
	int error;

	if (exchange == NULL)
		return -ENOMEM;
	exchange->retrieval = retrieval;
	exchange->version = (struct pccrr_version){0, 0};
	exchange->resent = exchange->fresh = false;
	exchange->deadline_ms = loop_clock_ms() + client->timeout_ms;
	error = ask(exchange);
	if (error < 0) {
		give_exchange(exchange);
		return error;
	}
	retrieval->exchange = exchange;
	client->asked++;
	return 0;
}

static void start_queued(struct retrieval_client *client)
{
	struct retrieval *retrieval;

	while (client->asked < client->connections &&
	       (retrieval = TAILQ_FIRST(&client->queued)) != NULL) {
		TAILQ_REMOVE(&client->queued, retrieval, queue);
		if (begin(client, retrieval) < 0)
			set_vain(client, retrieval);
	}
}

/* Asked to idle; the transfer is in no multi handle any more. */
static void leave(struct retrieval_exchange *exchange)
{
	exchange->retrieval->exchange = NULL;
	exchange->client->asked--;
	give_exchange(exchange);
}

static void finish(struct retrieval_exchange *exchange, int error,
		   const struct pccrr_answer *answer, uint8_t *body, size_t size)
{
	struct retrieval_client *client = exchange->client;
	struct retrieval *retrieval = exchange->retrieval;

	leave(exchange);
	retrieval->done(retrieval, error, answer, body, size);
	start_queued(client);
}

/* 0: asked once more. */
static int ask_in_version(struct retrieval_exchange *exchange, const struct pccrr_answer *versions)
{
	if (exchange->resent ||
	    !pccrr_version_agreed(exchange->retrieval->request.type, versions, &exchange->version))
		return -EPROTONOSUPPORT;
	exchange->resent = true;
	return ask(exchange);
}

static void receive(struct retrieval_exchange *exchange)
{
	struct pccrr_answer answer;
	size_t size;
	uint8_t *body = retrieval_transfer_steal(exchange->transfer, &answer, &size);
	int error;

	if (answer.type != PCCRR_VERSIONS ||
	    exchange->retrieval->request.type == PCCRR_ASK_VERSIONS) {
		finish(exchange, 0, &answer, body, size);
		return;
	}
	free(body);
	error = ask_in_version(exchange, &answer);
	if (error < 0)
		finish(exchange, error, NULL, NULL, 0);
}

static void ended(void *context, CURL *handle, CURLcode code)
{
	struct retrieval_client *client = context;
	struct retrieval_exchange *exchange = NULL;
	bool stale;
	int error;

	curl_easy_getinfo(handle, CURLINFO_PRIVATE, &exchange);
	error = retrieval_transfer_error(exchange->transfer, code);
	stale = retrieval_transfer_was_stale(exchange->transfer, code);
	http_events_remove(client->events, handle);
	if (error == 0) {
		receive(exchange);
		return;
	}
	if (stale && !exchange->fresh) {
		exchange->fresh = true;
		error = ask(exchange);
	}
	if (error < 0)
		finish(exchange, error, NULL, NULL, 0);
}

/* ---- from outside ---- */

/* One at a time: its done may start or cancel any. */
static void tell_vain(evutil_socket_t fd, short what, void *context)
{
	struct retrieval_client *client = context;
	struct retrieval *retrieval = TAILQ_FIRST(&client->vain);

	(void)fd;
	(void)what;
	if (retrieval == NULL)
		return;
	TAILQ_REMOVE(&client->vain, retrieval, queue);
	if (!TAILQ_EMPTY(&client->vain))
		event_active(&client->tell_vain, EV_TIMEOUT, 0);
	retrieval->exchange = NULL;
	retrieval->done(retrieval, -ENOMEM, NULL, NULL, 0);
}

void retrieval_start(struct retrieval_client *client, struct retrieval *retrieval)
{
	retrieval->exchange = &client->waiting;
	TAILQ_INSERT_TAIL(&client->queued, retrieval, queue);
	start_queued(client);
}

void retrieval_cancel(struct retrieval *retrieval)
{
	struct retrieval_exchange *exchange = retrieval->exchange;
	struct retrieval_client *client;

	if (exchange == NULL)
		return;
	client = exchange->client;
	if (exchange == &client->waiting) {
		TAILQ_REMOVE(&client->queued, retrieval, queue);
		retrieval->exchange = NULL;
	} else if (exchange == &client->hopeless) {
		TAILQ_REMOVE(&client->vain, retrieval, queue);
		retrieval->exchange = NULL;
	} else {
		http_events_remove(client->events, retrieval_transfer_handle(exchange->transfer));
		leave(exchange);
		start_queued(client);
	}
}

void retrieval_client_readdressed(struct retrieval_client *client)
{
	retrieval_sockets_cut(&client->sockets);
}

int retrieval_client_create(const struct retrieval_client_options *options,
			    struct retrieval_client **client_out)
{
	struct retrieval_client *client = calloc(1, sizeof(*client));
	int error;

	if (client == NULL)
		return -ENOMEM;
	client->timeout_ms = options->timeout_ms > 0 ? options->timeout_ms : RETRIEVAL_TIMEOUT_MS;
	client->connections = options->connections > 0 ? options->connections : CONNECTIONS;
	TAILQ_INIT(&client->queued);
	TAILQ_INIT(&client->vain);
	client->waiting.client = client->hopeless.client = client;
	evtimer_assign(&client->tell_vain, loop_base(options->loop), tell_vain, client);
	error = http_events_create(options->loop, client->connections, ended, client,
				   &client->events);
	if (error < 0) {
		free(client);
		return error;
	}
	http_events_limit(client->events, client->connections);
	retrieval_sockets_begin(&client->sockets, client->events);
	*client_out = client;
	return 0;
}

void retrieval_client_free(struct retrieval_client *client)
{
	if (client == NULL)
		return;
	while (client->spare_count > 0)
		free_exchange(client->spare[--client->spare_count]);
	http_events_free(client->events);
	retrieval_sockets_end(&client->sockets);
	event_del(&client->tell_vain);
	free(client);
}
