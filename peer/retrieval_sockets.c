/* SPDX-License-Identifier: BSD-2-Clause */
#include "peer/retrieval_sockets.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROOM_FIRST 16u

/* Of some that never were connected curl does not say that it closes them, so FD may be known. */
static void remember(struct retrieval_sockets *sockets, int fd)
{
	for (unsigned i = 0; i < sockets->count; i++)
		if (sockets->open[i] == fd)
			return;
	if (sockets->count == sockets->room) {
		unsigned room = sockets->room > 0 ? 2 * sockets->room : ROOM_FIRST;
		int *longer = reallocarray(sockets->open, room, sizeof(*longer));

		if (longer == NULL)
			return; /* it just cannot be cut */
		sockets->open = longer;
		sockets->room = room;
	}
	sockets->open[sockets->count++] = fd;
}

static curl_socket_t open_one(void *context, curlsocktype purpose, struct curl_sockaddr *server)
{
	int fd = socket(server->family, server->socktype | SOCK_CLOEXEC, server->protocol);

	(void)purpose;
	if (fd < 0)
		return CURL_SOCKET_BAD;
	remember(context, fd);
	return fd;
}

static void closes(void *context, int fd)
{
	struct retrieval_sockets *sockets = context;

	for (unsigned i = 0; i < sockets->count; i++)
		if (sockets->open[i] == fd) {
			sockets->open[i] = sockets->open[--sockets->count];
			return;
		}
}

void retrieval_sockets_begin(struct retrieval_sockets *sockets, struct http_events *events)
{
	http_events_closes(events, closes, sockets);
}

void retrieval_sockets_watch(struct retrieval_sockets *sockets, CURL *handle)
{
	curl_easy_setopt(handle, CURLOPT_OPENSOCKETFUNCTION, open_one);
	curl_easy_setopt(handle, CURLOPT_OPENSOCKETDATA, sockets);
}

/* The kernel knows best: it lets nobody have an address that is not there. */
static bool has_lost_address(int fd)
{
	union {
		struct sockaddr any;
		struct sockaddr_in ipv4;
		struct sockaddr_in6 ipv6;
	} own = {.any.sa_family = AF_UNSPEC}, server;
	socklen_t size = sizeof(own), server_size = sizeof(server);
	bool lost;
	int probe;

	/* What is no connection may be something else by now. */
	if (getpeername(fd, &server.any, &server_size) < 0)
		return false;
	if (getsockname(fd, &own.any, &size) < 0)
		return false;
	if (own.any.sa_family == AF_INET)
		own.ipv4.sin_port = 0;
	else if (own.any.sa_family == AF_INET6)
		own.ipv6.sin6_port = 0;
	else
		return false;
	probe = socket(own.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (probe < 0)
		return false;
	/* ENODEV: the interface of a link-local one is gone */
	lost = bind(probe, &own.any, size) < 0 && (errno == EADDRNOTAVAIL || errno == ENODEV);
	close(probe);
	return lost;
}

void retrieval_sockets_cut(struct retrieval_sockets *sockets)
{
	for (unsigned i = 0; i < sockets->count; i++)
		if (has_lost_address(sockets->open[i]))
			shutdown(sockets->open[i], SHUT_RDWR);
}

void retrieval_sockets_end(struct retrieval_sockets *sockets)
{
	free(sockets->open);
	*sockets = (struct retrieval_sockets){.count = 0};
}
