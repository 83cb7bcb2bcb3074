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

	for (; left > 0; left--)
		if (!read_octets(request->fd, &octet, 1))
			return false;
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
		if (pthread_create(&connection->thread, NULL, serve_connection, connection) != 0)
			fail("pthread_create");
		atomic_fetch_add(&server->accepted, 1);
	}
	return NULL;
}

struct scripted_server *scripted_start(scripted_answer *answer, void *context)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	struct scripted_server *server = calloc(1, sizeof(*server));

	if (server == NULL)
		fail("calloc");
	server->answer = answer;
	server->context = context;
	server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (server->listener < 0 ||
	    bind(server->listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(server->listener, 64) < 0 ||
	    getsockname(server->listener, (struct sockaddr *)&address, &length) < 0)
		fail("listen");
	server->port = ntohs(address.sin_port);
	if (pthread_create(&server->thread, NULL, accept_connections, server) != 0)
		fail("pthread_create");
	return server;
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
