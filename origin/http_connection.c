/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What evhttp does not do for its connections: count and bound them, end those whose request does
 * not become whole, bound what is read ahead, notice a client that leaves while an answer waits,
 * and close without destroying what the client has not read yet.
 *
 * evhttp asks us for the bufferevent of every connection that it accepts; we keep a second
 * reference to it. So the descriptor is closed when both have let go. That evhttp has let go is
 * told by a callback once a request has come whole (http_connection_watch()), and is otherwise seen
 * by the sweep: the bufferevent has no callbacks any more.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <event2/bufferevent_ssl.h>
#include <openssl/err.h>

#include "origin/http_server_private.h"

/* At once, from or to one socket: our choice, so that one connection does not hold up the others
 * for long. Files go by sendfile, which libevent does not bound. */
#define READ_MAX (64u << 10)
#define WRITE_MAX (1u << 20)
/* How long what a refused client still sends is read and thrown away. Closing at once would make
 * the kernel reset the connection, upon which the client may never see why. Our choice. */
#define LINGER_MS 2000

static struct http_connections *bucket(struct http_thread *thread,
				       const struct bufferevent *buffers)
{
	uintptr_t number = (uintptr_t)buffers;

	return &thread->connections[(number >> 4 ^ number >> 12) % HTTP_CONNECTION_BUCKETS];
}

struct http_connection *http_connection_find(struct http_thread *thread,
					     struct bufferevent *buffers)
{
	struct http_connection *connection;

	LIST_FOREACH (connection, bucket(thread, buffers), siblings)
		if (connection->buffers == buffers)
			return connection;
	return NULL;
}

static struct http_connection *of_task(struct loop_task *task)
{
	return (struct http_connection *)((char *)task - offsetof(struct http_connection, task));
}

/* Of a head that may go on behind it. */
static void scan_part(struct http_connection *connection, const char *data, size_t size)
{
	for (size_t i = 0; i < size && !connection->head_ended; i++) {
		connection->has_nul |= data[i] == '\0';
		if (data[i] == '\n') {
			connection->head_ended = connection->line_begins;
			connection->line_begins = true;
		} else if (data[i] != '\r') {
			connection->line_begins = false;
		}
	}
}

/* evhttp takes a NUL for the end of a header's value: "Content-Length: 3\0 99" is 3 to it, and may
 * be something else to whoever is in front of us. So heads are looked through as they come. */
static void scan(struct http_connection *connection, struct evbuffer *input, size_t from)
{
	struct evbuffer_ptr at;
	struct evbuffer_iovec part;

	if (evbuffer_ptr_set(input, &at, from, EVBUFFER_PTR_SET) < 0)
		return;
	while (!connection->head_ended && evbuffer_peek(input, 1, &at, &part, 1) > 0) {
		scan_part(connection, part.iov_base, part.iov_len);
		if (evbuffer_ptr_set(input, &at, part.iov_len, EVBUFFER_PTR_ADD) < 0)
			return;
	}
}

static void input_changed(struct evbuffer *input, const struct evbuffer_cb_info *info,
			  void *context)
{
	struct http_connection *connection = context;

	if (info->n_added > 0 && !connection->head_ended)
		scan(connection, input, evbuffer_get_length(input) - info->n_added);
}

/* The next request begins with what is there already. */
static void scan_anew(struct http_connection *connection)
{
	connection->head_ended = connection->line_begins = connection->has_nul = false;
	scan(connection, bufferevent_get_input(connection->buffers), 0);
}

static void forget(struct http_connection *connection)
{
	LIST_REMOVE(connection, siblings);
	evbuffer_remove_cb(bufferevent_get_input(connection->buffers), input_changed, connection);
	bufferevent_decref(connection->buffers);
	atomic_fetch_sub(&connection->thread->server->connections, 1);
	free(connection);
}

static void post(struct http_connection *connection, void (*run)(struct loop_task *task))
{
	connection->posted = true;
	connection->task.run = run;
	loop_post(connection->thread->loop, &connection->task);
}

static void set_deadline(struct http_connection *connection)
{
	const struct http_server *server = connection->thread->server;
	uint64_t seconds = (uint64_t)HTTP_REQUEST_TIMEOUTS * server->timeout +
			   server->body_limit / HTTP_BODY_RATE;

	connection->deadline_ms = loop_clock_ms() + (int64_t)(seconds * 1000);
}

/* Whether evhttp has freed its side. */
static bool abandoned(const struct http_connection *connection)
{
	bufferevent_event_cb callback;

	bufferevent_getcb(connection->buffers, NULL, NULL, &callback, NULL);
	return callback == NULL;
}

/* As if the client had left: evhttp frees its side, and a known connection ends in ended(). */
static void end(struct http_connection *connection)
{
	bool known = connection->known;
	struct bufferevent *buffers = connection->buffers;

	connection->linger = false;
	bufferevent_trigger_event(buffers, BEV_EVENT_READING | BEV_EVENT_EOF, 0);
	if (!known)
		forget(connection);
}

static void turn_away(struct loop_task *task)
{
	struct http_connection *connection = of_task(task);

	connection->posted = false;
	if (abandoned(connection))
		forget(connection);
	else
		end(connection);
}

/* ---- their beginning ---- */

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
	struct http_server *server = thread->server;
	struct http_connection *connection = calloc(1, sizeof(*connection));
	unsigned open;

	if (buffers == NULL || connection == NULL) {
		if (buffers != NULL)
			bufferevent_free(buffers);
		free(connection);
		return NULL;
	}
	if (evbuffer_add_cb(bufferevent_get_input(buffers), input_changed, connection) == NULL) {
		bufferevent_free(buffers);
		free(connection);
		return NULL;
	}
	bufferevent_incref(buffers);
	bufferevent_setwatermark(buffers, EV_READ, 0, input_max(server));
	bufferevent_set_max_single_read(buffers, READ_MAX);
	connection->thread = thread;
	connection->buffers = buffers;
	connection->tls = tls;
	open = atomic_fetch_add(&server->connections, 1);
	connection->linger = true;
	LIST_INSERT_HEAD(bucket(thread, buffers), connection, siblings);
	set_deadline(connection);
	if (server->connections_max != 0 && open >= server->connections_max)
		post(connection, turn_away);
	return buffers;
}

struct bufferevent *http_connection_plain(struct event_base *base, void *arg)
{
	struct bufferevent *buffers = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);

	if (buffers != NULL)
		bufferevent_set_max_single_write(buffers, WRITE_MAX);
	return keep(arg, buffers, false);
}

struct bufferevent *http_connection_tls(struct event_base *base, void *arg)
{
	struct http_thread *thread = arg;
	SSL *ssl = SSL_new(thread->server->tls);
	struct bufferevent *buffers;

	if (ssl == NULL) {
		ERR_clear_error();
		return NULL;
	}
	/* frees the SSL also when it fails */
	buffers = bufferevent_openssl_socket_new(base, -1, ssl, BUFFEREVENT_SSL_ACCEPTING,
						 BEV_OPT_CLOSE_ON_FREE);
	if (buffers != NULL)
		bufferevent_openssl_set_allow_dirty_shutdown(buffers, 1);
	return keep(thread, buffers, true);
}

/* ---- under way ---- */

void http_connection_listen_for_end(struct http_connection *connection)
{
	bufferevent_set_timeouts(connection->buffers, NULL, &connection->thread->server->idle);
	bufferevent_enable(connection->buffers, EV_READ);
}

void http_connection_ready(struct http_connection *connection)
{
	const struct timeval *idle = &connection->thread->server->idle;

	connection->served = NULL;
	connection->linger = true;
	scan_anew(connection);
	bufferevent_setwatermark(connection->buffers, EV_WRITE, 0, 0);
	bufferevent_set_timeouts(connection->buffers, idle, idle);
	set_deadline(connection);
}

/* ---- their end ---- */

void http_connection_reset(struct http_connection *connection)
{
	struct sockaddr none = {.sa_family = AF_UNSPEC};

	(void)connect(bufferevent_getfd(connection->buffers), &none, sizeof(none));
	connection->linger = false;
}

/* evhttp only shuts the socket down. Without this a TLS client cannot tell the end of an answer of
 * unknown length from a cut. */
static void say_goodbye(struct http_connection *connection)
{
	SSL *ssl = bufferevent_openssl_get_ssl(connection->buffers);

	if (evbuffer_get_length(bufferevent_get_output(connection->buffers)) > 0)
		return;
	ERR_clear_error();
	if (SSL_is_init_finished(ssl))
		SSL_shutdown(ssl);
	ERR_clear_error();
}

static void discard(struct bufferevent *buffers, void *context)
{
	struct evbuffer *input = bufferevent_get_input(buffers);

	(void)context;
	evbuffer_drain(input, evbuffer_get_length(input));
}

static void client_closed(struct bufferevent *buffers, short what, void *context)
{
	(void)buffers;
	(void)what;
	forget(context);
}

static void leave(struct http_connection *connection)
{
	connection->leaving = true;
	connection->deadline_ms = loop_clock_ms() + LINGER_MS;
	discard(connection->buffers, NULL);
	bufferevent_setwatermark(connection->buffers, EV_READ, 0, 0);
	bufferevent_setcb(connection->buffers, discard, NULL, client_closed, connection);
	bufferevent_set_timeouts(connection->buffers, NULL, NULL);
	bufferevent_disable(connection->buffers, EV_WRITE);
	bufferevent_enable(connection->buffers, EV_READ);
}

/* evhttp has freed its side by now. */
static void left(struct loop_task *task)
{
	struct http_connection *connection = of_task(task);

	connection->posted = false;
	if (connection->thread->stopping)
		forget(connection);
	else
		leave(connection);
}

static void ended(struct evhttp_connection *evcon, void *context)
{
	struct http_connection *connection = context;
	struct http_served *served = connection->served;

	(void)evcon;
	connection->served = NULL;
	if (served != NULL && http_stream_ends_with_connection(served))
		http_connection_reset(connection);
	if (connection->tls && served == NULL)
		say_goodbye(connection);
	if (connection->linger && !connection->posted)
		post(connection, left);
	else if (!connection->posted)
		forget(connection);
	if (served != NULL)
		http_served_gone(served);
}

void http_connection_watch(struct http_connection *connection, struct evhttp_connection *evcon)
{
	connection->known = true;
	evhttp_connection_set_closecb(evcon, ended, connection);
}

static void look_after(struct http_connection *connection, int64_t now)
{
	if (connection->posted)
		return;
	if (connection->leaving) {
		if (now >= connection->deadline_ms)
			forget(connection);
	} else if (abandoned(connection)) {
		leave(connection);
	} else if (connection->served == NULL && now >= connection->deadline_ms) {
		end(connection);
	}
}

static void for_each(struct http_thread *thread,
		     void (*visit)(struct http_connection *connection, int64_t now))
{
	int64_t now = loop_clock_ms();

	for (unsigned i = 0; i < HTTP_CONNECTION_BUCKETS; i++) {
		struct http_connection *at = LIST_FIRST(&thread->connections[i]);

		while (at != NULL) {
			struct http_connection *next = LIST_NEXT(at, siblings);

			visit(at, now);
			at = next;
		}
	}
}

void http_connection_sweep(void *thread)
{
	for_each(thread, look_after);
}

static void end_if_idle(struct http_connection *connection, int64_t now)
{
	(void)now;
	if (connection->served == NULL && !connection->posted && !connection->leaving &&
	    !abandoned(connection))
		end(connection);
}

void http_connection_end_idle(struct http_thread *thread)
{
	for_each(thread, end_if_idle);
}

static void drop(struct http_connection *connection, int64_t now)
{
	(void)now;
	if (connection->posted)
		return; /* its task will */
	bufferevent_setcb(connection->buffers, NULL, NULL, NULL, NULL);
	forget(connection);
}

void http_connection_forget_all(struct http_thread *thread)
{
	for_each(thread, drop);
}
