/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/scripted_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS_MAX 256

struct connection {
	struct scripted_server *server;
	pthread_t thread;
	int fd;
};

struct scripted_server {
	scripted_answer *answer;
	void *context;
	int listener;
	unsigned port;
	pthread_t thread;
	atomic_bool stopping;
	atomic_uint accepted, requests;
	struct connection connections[CONNECTIONS_MAX];
};

static void fail(const char *what)
{
	perror(what);
	abort();
}

void scripted_send_octets(struct scripted_request *request, const void *data, size_t length)
{
	const char *at = data;

	while (length > 0) {
		ssize_t sent = send(request->fd, at, length, MSG_NOSIGNAL);

		if (sent <= 0)
			return;
		at += sent;
		length -= (size_t)sent;
	}
}

void scripted_send(struct scripted_request *request, const char *format, ...)
{
	char *text;
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (length < 0)
		fail("vasprintf");
	scripted_send_octets(request, text, (size_t)length);
	free(text);
}

/* Dissolving the association resets, and the descriptor stays ours until the end. */
void scripted_reset(struct scripted_request *request)
{
	struct sockaddr none = {.sa_family = AF_UNSPEC};

	if (connect(request->fd, &none, sizeof(none)) < 0)
		fail("connect");
}

const char *scripted_header(const struct scripted_request *request, const char *name)
{
	static _Thread_local char value[1024];
	size_t length = strlen(name);

	for (const char *line = strstr(request->head, "\r\n"); line != NULL;
	     line = strstr(line + 2, "\r\n")) {
		const char *text = line + 2;

		if (strncasecmp(text, name, length) != 0 || text[length] != ':')
			continue;
		text += length + 1;
		text += strspn(text, " ");
		snprintf(value, sizeof(value), "%.*s", (int)strcspn(text, "\r"), text);
		return value;
	}
	return NULL;
}

static bool read_octets(int fd, char *to, size_t length)
{
	while (length > 0) {
		ssize_t got = recv(fd, to, length, 0);

		if (got <= 0)
			return false;
		to += got;
		length -= (size_t)got;
	}
	return true;
}

/* Octet by octet: simple, and never reads into the next request. */
static bool read_head(struct scripted_request *request)
{
	size_t length = 0;

	while (length < sizeof(request->head) - 1) {
		if (!read_octets(request->fd, request->head + length, 1))
			return false;
		request->head[++length] = '\0';
		if (length >= 4 && strcmp(request->head + length - 4, "\r\n\r\n") == 0)
			return sscanf(request->head, "%15s %2047s", request->method,
				      request->target) == 2;
	}
	return false;
}

static bool read_payload(struct scripted_request *request)
{
	const char *length = scripted_header(request, "Content-Length");
	size_t left = length != NULL ? strtoul(length, NULL, 10) : 0;
	char octet;

	request->payload_size = 0;
	for (; left > 0; left--) {
		if (!read_octets(request->fd, &octet, 1))
			return false;
		if (request->payload_size < SCRIPTED_PAYLOAD_MAX)
			request->payload[request->payload_size] = (unsigned char)octet;
		request->payload_size++;
	}
	return true;
}

static void *serve_connection(void *context)
{
	struct connection *connection = context;
	struct scripted_server *server = connection->server;
	struct scripted_request *request = calloc(1, sizeof(*request));
	bool keep = true;

	if (request == NULL)
		fail("calloc");
	request->server = server;
	request->context = server->context;
	request->fd = connection->fd;
	while (keep && !server->stopping && read_head(request) && read_payload(request)) {
		request->turn++;
		request->number = atomic_fetch_add(&server->requests, 1) + 1;
		keep = server->answer(request);
	}
	shutdown(connection->fd, SHUT_RDWR);
	free(request);
	return NULL;
}

static void *accept_connections(void *context)
{
	struct scripted_server *server = context;
	int one = 1;

	while (server->accepted < CONNECTIONS_MAX) {
		int fd = accept(server->listener, NULL, NULL);
		struct connection *connection = &server->connections[server->accepted];

		if (fd < 0 || server->stopping) {
			if (fd >= 0)
				close(fd);
			break;
		}
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		connection->server = server;
		connection->fd = fd;
		/* before it is answered, so that who has an answer sees it counted */
		atomic_fetch_add(&server->accepted, 1);
		if (pthread_create(&connection->thread, NULL, serve_connection, connection) != 0)
			fail("pthread_create");
	}
	return NULL;
}

static unsigned port_of(int listener)
{
	struct sockaddr_storage address;
	socklen_t length = sizeof(address);

	if (getsockname(listener, (struct sockaddr *)&address, &length) < 0)
		fail("getsockname");
	/* the port is at the same place in both families */
	return ntohs(((struct sockaddr_in *)&address)->sin_port);
}

struct scripted_server *scripted_start_at(scripted_answer *answer, void *context,
					  const struct sockaddr_storage *address)
{
	struct scripted_server *server = calloc(1, sizeof(*server));

	if (server == NULL)
		fail("calloc");
	server->answer = answer;
	server->context = context;
	server->listener = socket(address->ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (server->listener < 0 ||
	    bind(server->listener, (const struct sockaddr *)address, sizeof(*address)) < 0 ||
	    listen(server->listener, 64) < 0)
		fail("listen");
	server->port = port_of(server->listener);
	if (pthread_create(&server->thread, NULL, accept_connections, server) != 0)
		fail("pthread_create");
	return server;
}

struct scripted_server *scripted_start(scripted_answer *answer, void *context)
{
	struct sockaddr_storage address = {0};

	*(struct sockaddr_in *)&address = (struct sockaddr_in){
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	return scripted_start_at(answer, context, &address);
}

void scripted_stop(struct scripted_server *server)
{
	server->stopping = true;
	shutdown(server->listener, SHUT_RDWR);
	pthread_join(server->thread, NULL);
	close(server->listener);
	for (unsigned i = 0; i < server->accepted; i++)
		shutdown(server->connections[i].fd, SHUT_RDWR);
	for (unsigned i = 0; i < server->accepted; i++) {
		pthread_join(server->connections[i].thread, NULL);
		close(server->connections[i].fd);
	}
	free(server);
}

unsigned scripted_port(const struct scripted_server *server)
{
	return server->port;
}

unsigned scripted_connections(struct scripted_server *server)
{
	return server->accepted;
}

unsigned scripted_requests(struct scripted_server *server)
{
	return server->requests;
}

bool scripted_stopping(struct scripted_server *server)
{
	return server->stopping;
}
