/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What evhttp does not do for its connections: end those whose request does not become whole, or
 * whose answer does not, bound what is read ahead, notice a client that leaves while an answer
 * waits, and close without destroying what the client has not read yet.
 *
 * We keep a reference of our own to the bufferevent of every connection. So the descriptor is
 * closed when both have let go. That evhttp has let go is told by a callback once a request has
 * come whole (http_connection_serve()), and is otherwise seen by the sweep: the bufferevent has no
 * callbacks any more.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <event2/bufferevent_ssl.h>
#include <openssl/err.h>

#include "origin/http_server_private.h"

/* How long what a refused client still sends is read and thrown away. Closing at once would make
 * the kernel reset the connection, upon which the client may never see why. Our choice. */
#define LINGER_MS 2000
/* Of a request line: what is longer is no target that has a limit of its own. Our choice. */
#define LINE_LOOKED_AT 512u

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

/* LINE: the beginning of a request line; "" if there is no target. */
static const char *target_in(char *line)
{
	char *target = line + strcspn(line, " ");

	target += strspn(target, " ");
	target[strcspn(target, " \r\n")] = '\0';
	return target;
}

/* evhttp has a limit for each connection, which it looks at when the head has ended: so it may be
 * another one for every request. The input begins with the request line: evhttp takes whole lines.
 */
static void limit_body(struct http_connection *connection)
{
	struct evbuffer *input = bufferevent_get_input(connection->buffers);
	const struct http_server *server = connection->thread->server;
	bufferevent_event_cb callback;
	void *evcon;
	char line[LINE_LOOKED_AT];
	ev_ssize_t length;

	connection->target_seen = true;
	if (server->body_limit_of == NULL)
		return;
	bufferevent_getcb(connection->buffers, NULL, NULL, &callback, &evcon);
	length = evbuffer_copyout(input, line, sizeof(line) - 1);
	if (length < 0 || callback == NULL)
		return;
	line[length] = '\0';
	uint64_t limit =
		server->body_limit_of(server->context, target_in(line + strspn(line, "\r\n")));
	evhttp_connection_set_max_body_size(evcon, (ev_ssize_t)limit);
}

/* Of a head that may go on behind it. */
static void scan_part(struct http_connection *connection, const char *data, size_t size)
{
	for (size_t i = 0; i < size && !connection->head_ended; i++) {
		connection->has_nul |= data[i] == '\0';
		if (data[i] == '\n') {
			if (!connection->target_seen)
				limit_body(connection);
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

static void set_deadline(struct http_connection *connection)
{
	const struct http_server *server = connection->thread->server;
	uint64_t seconds = (uint64_t)HTTP_REQUEST_TIMEOUTS * server->timeout +
			   server->body_limit / HTTP_BODY_RATE;
	int64_t most = server->request_ms != 0 ? server->request_ms : (int64_t)(seconds * 1000);

	connection->deadline_ms = loop_clock_ms() + most;
}

static void request_begins(struct http_connection *connection)
{
	connection->begun = true;
	http_guests_set_idle(&connection->thread->server->guests, &connection->guest, false);
	if (connection->thread->server->request_ms != 0)
		set_deadline(connection);
}

static void input_changed(struct evbuffer *input, const struct evbuffer_cb_info *info,
			  void *context)
{
	struct http_connection *connection = context;

	if (info->n_added == 0 || connection->leaving)
		return;
	if (!connection->begun)
		request_begins(connection);
	if (!connection->head_ended)
		scan(connection, input, evbuffer_get_length(input) - info->n_added);
}

/* The next request begins with what is there already. */
static void scan_anew(struct http_connection *connection)
{
	connection->head_ended = connection->line_begins = connection->has_nul = false;
	connection->target_seen = false;
	scan(connection, bufferevent_get_input(connection->buffers), 0);
}

static void forget(struct http_connection *connection)
{
	LIST_REMOVE(connection, siblings);
	if (connection->arriving)
		TAILQ_REMOVE(&connection->thread->arrived, connection, arrivals);
	evbuffer_remove_cb(bufferevent_get_input(connection->buffers), input_changed, connection);
	bufferevent_decref(connection->buffers);
	http_guests_leave(&connection->thread->server->guests, &connection->guest);
	free(connection);
}

static void post(struct http_connection *connection, void (*run)(struct loop_task *task))
{
	connection->posted = true;
	connection->task.run = run;
	loop_post(connection->thread->loop, &connection->task);
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
	http_connection_turn_away(connection);
}

void http_connection_turn_away(struct http_connection *connection)
{
	connection->displaced = true;
	if (connection->posted)
		return; /* it is about to go */
	if (connection->leaving || abandoned(connection))
		forget(connection);
	else if (connection->served == NULL)
		end(connection);
}

struct http_connection *http_connection_new(struct http_thread *thread, struct bufferevent *buffers,
					    bool tls)
{
	struct http_connection *connection = calloc(1, sizeof(*connection));

	if (connection == NULL)
		return NULL;
	if (evbuffer_add_cb(bufferevent_get_input(buffers), input_changed, connection) == NULL) {
		free(connection);
		return NULL;
	}
	bufferevent_incref(buffers);
	connection->thread = thread;
	connection->buffers = buffers;
	connection->guest.home = &thread->displaced;
	connection->tls = tls;
	connection->linger = true;
	LIST_INSERT_HEAD(bucket(thread, buffers), connection, siblings);
	set_deadline(connection);
	return connection;
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
	connection->begun = evbuffer_get_length(bufferevent_get_input(connection->buffers)) > 0;
	scan_anew(connection);
	bufferevent_setwatermark(connection->buffers, EV_WRITE, 0, 0);
	bufferevent_set_timeouts(connection->buffers, idle, idle);
	set_deadline(connection);
	if (!connection->begun)
		http_guests_set_idle(&connection->thread->server->guests, &connection->guest, true);
	if (connection->displaced && !connection->posted)
		post(connection, turn_away);
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

/* Who lent it wants it back. */
static void discard_output(struct bufferevent *buffers)
{
	struct evbuffer *output = bufferevent_get_output(buffers);

	evbuffer_unfreeze(output, 1);
	evbuffer_drain(output, evbuffer_get_length(output));
	evbuffer_freeze(output, 1);
}

static void leave(struct http_connection *connection)
{
	connection->leaving = true;
	http_guests_set_idle(&connection->thread->server->guests, &connection->guest, true);
	connection->deadline_ms = loop_clock_ms() + LINGER_MS;
	discard(connection->buffers, NULL);
	bufferevent_setwatermark(connection->buffers, EV_READ, 0, 0);
	bufferevent_setcb(connection->buffers, discard, NULL, client_closed, connection);
	bufferevent_set_timeouts(connection->buffers, NULL, NULL);
	bufferevent_disable(connection->buffers, EV_WRITE);
	discard_output(connection->buffers);
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

void http_connection_serve(struct http_connection *connection, struct evhttp_connection *evcon,
			   struct http_served *served)
{
	connection->served = served;
	connection->deadline_ms = loop_clock_ms() + connection->thread->server->answer_ms;
	connection->known = true;
	evhttp_connection_set_closecb(evcon, ended, connection);
}

/* Nothing is owed any more to who waits for a request, or has taken too long. */
static bool overdue(const struct http_connection *connection, int64_t now)
{
	const struct http_server *server = connection->thread->server;

	if (connection->served != NULL)
		return server->answer_ms != 0 && now >= connection->deadline_ms;
	return (connection->begun || server->request_ms == 0) && now >= connection->deadline_ms;
}

/* What fills the input without being a request never will be one (a chunk's length without an end,
 * say), and libevent looks at it again and again. */
static bool is_full(const struct http_connection *connection)
{
	size_t most = 0;

	if (connection->served != NULL || connection->leaving)
		return false;
	bufferevent_getwatermark(connection->buffers, EV_READ, NULL, &most);
	return most > 0 && evbuffer_get_length(bufferevent_get_input(connection->buffers)) >= most;
}

static void look_after(struct http_connection *connection, int64_t now)
{
	bool was_full = connection->full;

	if (connection->posted)
		return;
	connection->full = is_full(connection);
	if (connection->leaving) {
		if (now >= connection->deadline_ms)
			forget(connection);
	} else if (abandoned(connection)) {
		leave(connection);
	} else if (overdue(connection, now) || (was_full && connection->full)) {
		if (connection->served != NULL)
			http_connection_reset(connection);
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
