/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The request side: what evhttp has parsed is judged, and handed out. evhttp is more lenient than
 * RFC 9112: here is refused what two programs in a row could understand differently, and the
 * connection ends after every request whose end is not beyond doubt, so that no octet of a body is
 * ever taken for a request.
 *
 * An exchange is released on its loop once it was answered and evhttp has either sent the answer or
 * lost the connection, whichever comes last. Its evhttp request is "owned": evhttp frees it when
 * the answer is sent, and else we do.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <event2/keyvalq_struct.h>

#include "origin/http_server_private.h"

struct method {
	enum evhttp_cmd_type type;
	const char *name;
};

/* evhttp does not keep the names of others. */
static const struct method methods[] = {
	{EVHTTP_REQ_GET, "GET"},         {EVHTTP_REQ_HEAD, "HEAD"},   {EVHTTP_REQ_POST, "POST"},
	{EVHTTP_REQ_PUT, "PUT"},         {EVHTTP_REQ_PATCH, "PATCH"}, {EVHTTP_REQ_DELETE, "DELETE"},
	{EVHTTP_REQ_OPTIONS, "OPTIONS"},
};

static const char *method_name(enum evhttp_cmd_type type)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (methods[i].type == type)
			return methods[i].name;
	return NULL;
}

/* ---- judging ---- */

static bool is_token(const char *text)
{
	static const char marks[] = "!#$%&'*+-.^_`|~";
	const char *at = text;

	while ((*at >= '0' && *at <= '9') || (*at >= 'a' && *at <= 'z') ||
	       (*at >= 'A' && *at <= 'Z') || (*at != '\0' && strchr(marks, *at) != NULL))
		at++;
	return at > text && *at == '\0';
}

static bool is_value(const char *text)
{
	for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++)
		if ((*at < ' ' && *at != '\t') || *at == 0x7f)
			return false;
	return true;
}

static bool is_target(const char *text)
{
	for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++)
		if (*at <= ' ' || *at == 0x7f)
			return false;
	return *text != '\0';
}

static bool headers_well_formed(const struct evkeyvalq *headers)
{
	const struct evkeyval *header;

	TAILQ_FOREACH (header, headers, next)
		if (!is_token(header->key) || !is_value(header->value))
			return false;
	return true;
}

static bool lengths_beyond_doubt(const struct http_served *served)
{
	const char *length = "", *coding = "", *other;
	unsigned lengths = http_served_fields(served, "Content-Length", &length, 1);
	unsigned codings = http_served_fields(served, "Transfer-Encoding", &coding, 1);

	if (lengths + codings > 1 || http_served_fields(served, "Host", &other, 1) > 1)
		return false;
	if (lengths == 1 && (*length == '\0' || length[strspn(length, "0123456789")] != '\0'))
		return false;
	return codings == 0 || (served->minor >= 1 && strcasecmp(coding, "chunked") == 0);
}

/* 0, or the status of the refusal. */
static int judge(struct http_served *served)
{
	struct evhttp_request *request = served->request;
	const char *host;

	if (served->bad_version)
		return 505;
	if (served->bad_head || !headers_well_formed(request->input_headers) ||
	    !is_target(request->uri) || !lengths_beyond_doubt(served))
		return 400;
	if (served->minor >= 1 && http_served_fields(served, "Host", &host, 1) == 0)
		return 400;
	if (served->method == NULL)
		return 501;
	if (served->thread->stopping)
		return 503;
	return 0;
}

/* ---- what the client wants of the connection ---- */

static bool lists(const char *list, const char *word)
{
	size_t length = strlen(word);

	while (*list != '\0') {
		size_t part;

		list += strspn(list, " \t,");
		part = strcspn(list, " \t,");
		if (part == length && strncasecmp(list, word, length) == 0)
			return true;
		list += part;
	}
	return false;
}

static bool connection_option(const struct http_served *served, const char *option)
{
	const struct evkeyval *header;

	TAILQ_FOREACH (header, served->request->input_headers, next)
		if (strcasecmp(header->key, "Connection") == 0 && lists(header->value, option))
			return true;
	return false;
}

/* Whether octets may follow that evhttp has not read as this request's body. */
static bool body_unread(const struct http_served *served)
{
	const char *value;

	return served->head && http_served_fields(served, "Content-Length", &value, 1) > 0 &&
	       strspn(value, "0") != strlen(value);
}

static bool is_last(const struct http_served *served)
{
	const char *value;

	return connection_option(served, "close") || body_unread(served) ||
	       http_served_fields(served, "Transfer-Encoding", &value, 1) > 0 ||
	       (served->minor == 0 && !connection_option(served, "keep-alive"));
}

/* ---- arriving and leaving ---- */

static void sent(struct evhttp_request *request, void *context)
{
	struct http_served *served = context;
	struct http_connection *connection = served->connection;

	(void)request; /* evhttp frees it after this */
	served->request = NULL;
	served->connection = NULL;
	http_connection_ready(connection);
	connection->linger = served->linger || !served->last;
	if (!served->streaming || http_stream_over(served, true))
		http_served_free(served);
}

/* evhttp still has the request in its list, so it is not freed before it has come back. */
static void release_later(struct loop_task *task)
{
	http_served_free((struct http_served *)((char *)task - offsetof(struct http_served, task)));
}

void http_served_gone(struct http_served *served)
{
	served->connection = NULL;
	if (served->stream.known ? http_stream_over(served, false) : served->answered) {
		served->task.run = release_later;
		loop_post(served->thread->loop, &served->task);
	}
}

void http_served_free(struct http_served *served)
{
	struct http_server *server = served->thread->server;

	http_reply_free_pieces(served);
	http_stream_free(served);
	if (served->request != NULL)
		evhttp_request_free(served->request);
	free(served);
	http_server_exchange_ended(server);
}

static void read_peer(struct http_served *served)
{
	static const char mapped[] = "::ffff:";
	const char *peer = served->request->remote_host;

	if (strncmp(peer, mapped, strlen(mapped)) == 0 && strchr(peer, '.') != NULL)
		peer += strlen(mapped);
	snprintf(served->peer, sizeof(served->peer), "%s", peer);
}

static struct http_served *new_served(struct http_connection *connection,
				      struct evhttp_request *request)
{
	struct http_served *served = calloc(1, sizeof(*served));

	if (served == NULL)
		return NULL;
	served->thread = connection->thread;
	served->connection = connection;
	served->request = request;
	served->bad_head = connection->has_nul;
	served->socket = bufferevent_getfd(connection->buffers);
	served->source = connection->source;
	served->tls = connection->tls;
	served->end = &served->first;
	served->method = method_name(request->type);
	served->bad_version = request->major != 1 || (signed char)request->minor < 0;
	served->minor = !served->bad_version && request->minor == 0 ? 0 : 1;
	request->major = 1;
	request->minor = (char)served->minor; /* a later 1.x is answered as 1.1 */
	served->head = request->type == EVHTTP_REQ_HEAD;
	served->body_size = evbuffer_get_length(request->input_buffer);
	if (served->body_size > 0) {
		served->body = evbuffer_pullup(request->input_buffer, -1);
		if (served->body == NULL) {
			free(served);
			return NULL;
		}
	}
	read_peer(served);
	return served;
}

static void refuse(struct http_served *served, int status)
{
	served->last = true;
	served->linger = true;
	/* evhttp sends no body to CONNECT and never ends its connection */
	if (served->request->type == EVHTTP_REQ_CONNECT)
		served->request->type = EVHTTP_REQ_GET;
	http_reply_header(served, "Content-Type", "text/plain");
	http_reply_bytes(served, "refused\n", 8);
	http_reply(served, status);
}

void http_served_arrived(struct evhttp_request *request, void *arg)
{
	struct http_thread *thread = arg;
	struct evhttp_connection *evcon = evhttp_request_get_connection(request);
	struct http_connection *connection =
		http_connection_find(thread, evhttp_connection_get_bufferevent(evcon));
	struct http_served *served = connection != NULL ? new_served(connection, request) : NULL;
	int status;

	if (served == NULL) {
		evhttp_connection_free(evcon);
		return;
	}
	evhttp_request_own(request);
	evhttp_request_set_on_complete_cb(request, sent, served);
	request->flags &= ~EVHTTP_PROXY_REQUEST; /* an absolute target is no other matter to us */
	http_connection_serve(connection, evcon, served);
	http_server_exchange_begun(thread->server);
	status = judge(served);
	if (status != 0) {
		refuse(served, status);
		return;
	}
	served->last = is_last(served);
	served->linger = body_unread(served);
	thread->server->handle(thread->server->context, served);
}

/* ---- for the user ---- */

const char *http_served_method(const struct http_served *served)
{
	return served->method;
}

const char *http_served_target(const struct http_served *served)
{
	return served->request->uri;
}

unsigned http_served_minor(const struct http_served *served)
{
	return served->minor;
}

bool http_served_tls(const struct http_served *served)
{
	return served->tls;
}

const struct sockaddr *http_served_source(const struct http_served *served)
{
	return &served->source.any;
}

bool http_served_left(const struct http_served *served, bool silent)
{
	struct pollfd look = {.fd = served->socket, .events = POLLRDHUP};

	return poll(&look, 1, 0) == 1 &&
	       ((look.revents & (POLLERR | POLLHUP)) != 0 || (silent && look.revents & POLLRDHUP));
}

unsigned http_served_fields(const struct http_served *served, const char *name,
			    const char **fields_out, unsigned max)
{
	const struct evkeyval *header;
	unsigned count = 0;

	TAILQ_FOREACH (header, served->request->input_headers, next) {
		if (strcasecmp(header->key, name) != 0)
			continue;
		if (count < max)
			fields_out[count] = header->value;
		count++;
	}
	return count;
}

const void *http_served_body(const struct http_served *served, size_t *size_out)
{
	*size_out = served->body_size;
	return served->body;
}
