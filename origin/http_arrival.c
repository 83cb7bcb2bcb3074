/* SPDX-License-Identifier: BSD-2-Clause
 *
 * New connections: made, and looked at before a single octet of them is read: who is unwelcome, or
 * finds no room, goes at once.
 *
 * evhttp accepts, asks us for a bufferevent, and only then gives it the socket. So new connections
 * are listed, and an event made active at once, which runs before the loop asks again which sockets
 * have something to read.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <event2/bufferevent_ssl.h>

#include "origin/http_server_private.h"

/* At once, from or to one socket: our choice, so that one connection does not hold up the others
 * for long. Files go by sendfile, which libevent does not bound. */
#define READ_MAX (64u << 10)
#define WRITE_MAX (1u << 20)

/* ---- looked at ---- */

static bool is_welcome(const struct http_server *server, int socket, const struct sockaddr *source)
{
	struct sockaddr_storage local;
	socklen_t size = sizeof(local);

	if (server->welcome == NULL)
		return true;
	return getsockname(socket, (struct sockaddr *)&local, &size) == 0 &&
	       server->welcome(server->context, source, (struct sockaddr *)&local);
}

/* False: it is to go. */
static bool let_in(struct http_connection *connection)
{
	struct http_server *server = connection->thread->server;
	int socket = bufferevent_getfd(connection->buffers);
	struct sockaddr *source = &connection->source.any;
	socklen_t size = sizeof(connection->source);

	/* who has left already has no address */
	return getpeername(socket, source, &size) == 0 && is_welcome(server, socket, source) &&
	       http_guests_come(&server->guests, &connection->guest, source);
}

static void look(evutil_socket_t none, short what, void *context)
{
	struct http_thread *thread = context;
	struct http_connection *connection;

	(void)none;
	(void)what;
	while ((connection = TAILQ_FIRST(&thread->arrived)) != NULL) {
		TAILQ_REMOVE(&thread->arrived, connection, arrivals);
		connection->arriving = false;
		if (!let_in(connection))
			http_connection_turn_away(connection);
	}
}

/* ---- displaced ---- */

static void turn_displaced_away(struct loop_task *task)
{
	struct http_thread *thread =
		(struct http_thread *)((char *)task - offsetof(struct http_thread, displace));
	struct http_guest *guest;

	atomic_store(&thread->displacing, false);
	while ((guest = http_guests_displaced(&thread->server->guests, &thread->displaced)) != NULL)
		http_connection_turn_away(
			(struct http_connection *)((char *)guest -
						   offsetof(struct http_connection, guest)));
}

void http_arrival_displaced(struct http_guest *victim)
{
	struct http_thread *thread =
		(struct http_thread *)((char *)victim->home -
				       offsetof(struct http_thread, displaced));

	if (atomic_exchange(&thread->displacing, true))
		return;
	thread->displace.run = turn_displaced_away;
	loop_post(thread->loop, &thread->displace);
}

/* ---- made ---- */

/* A body is read before it is handed out, and requests that follow are read ahead no further. */
static size_t input_max(const struct http_server *server)
{
	uint64_t most = server->body_limit > HTTP_HEAD_MAX ? server->body_limit : HTTP_HEAD_MAX;

	return most < SIZE_MAX / 2 ? (size_t)most + HTTP_HEAD_MAX : SIZE_MAX / 2;
}

/* BUFFERS may be NULL; the caller then has none either, and evhttp makes one of its own, whose
 * requests are turned away since http_connection_find() does not know it. */
static struct bufferevent *keep(struct http_thread *thread, struct bufferevent *buffers, bool tls)
{
	struct http_connection *connection;

	if (buffers == NULL)
		return NULL;
	connection = http_connection_new(thread, buffers, tls);
	if (connection == NULL) {
		bufferevent_free(buffers);
		return NULL;
	}
	bufferevent_setwatermark(buffers, EV_READ, 0, input_max(thread->server));
	bufferevent_set_max_single_read(buffers, READ_MAX);
	connection->arriving = true;
	TAILQ_INSERT_TAIL(&thread->arrived, connection, arrivals);
	event_active(thread->arrival, 0, 0);
	return buffers;
}

struct bufferevent *http_arrival_plain(struct event_base *base, void *arg)
{
	struct bufferevent *buffers = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);

	if (buffers != NULL)
		bufferevent_set_max_single_write(buffers, WRITE_MAX);
	return keep(arg, buffers, false);
}

struct bufferevent *http_arrival_tls(struct event_base *base, void *arg)
{
	struct http_thread *thread = arg;
	SSL *ssl = http_tls_new(&thread->server->tls);
	struct bufferevent *buffers;

	if (ssl == NULL)
		return NULL;
	/* frees the SSL also when it fails */
	buffers = bufferevent_openssl_socket_new(base, -1, ssl, BUFFEREVENT_SSL_ACCEPTING,
						 BEV_OPT_CLOSE_ON_FREE);
	if (buffers != NULL)
		bufferevent_openssl_set_allow_dirty_shutdown(buffers, 1);
	return keep(thread, buffers, true);
}

int http_arrival_begin(struct http_thread *thread)
{
	TAILQ_INIT(&thread->arrived);
	thread->arrival = event_new(loop_base(thread->loop), -1, 0, look, thread);
	return thread->arrival != NULL ? 0 : -ENOMEM;
}

void http_arrival_end(struct http_thread *thread)
{
	if (thread->arrival != NULL)
		event_free(thread->arrival);
	thread->arrival = NULL;
}
