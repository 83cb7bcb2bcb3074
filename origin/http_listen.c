/* SPDX-License-Identifier: BSD-2-Clause
 *
 * From "PORT", "ADDRESS:PORT" or "[ADDRESS]:PORT" to a listening socket. A port alone means every
 * address of the machine, IPv4 and IPv6 by one socket where there is IPv6.
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "origin/http_server_private.h"

#define PORT_DIGITS_MAX 5

struct place {
	char host[HTTP_ADDRESS_MAX]; /* "": every address */
	char port[PORT_DIGITS_MAX + 1];
};

static int read_port(const char *text, char port_out[PORT_DIGITS_MAX + 1])
{
	size_t length = strlen(text);

	if (length == 0 || length > PORT_DIGITS_MAX || strspn(text, "0123456789") != length ||
	    atoi(text) > UINT16_MAX)
		return -EINVAL;
	memcpy(port_out, text, length + 1);
	return 0;
}

static int read_place(const char *where, struct place *place_out)
{
	struct place place = {{0}, {0}};
	const char *colon = strrchr(where, ':');
	const char *host = where;
	size_t length;

	if (read_port(colon != NULL ? colon + 1 : where, place.port) < 0)
		return -EINVAL;
	if (colon != NULL) {
		length = (size_t)(colon - where);
		if (length >= 2 && host[0] == '[' && host[length - 1] == ']') {
			host++;
			length -= 2;
		} else if (memchr(host, ':', length) != NULL) {
			return -EINVAL;
		}
		if (length == 0 || length >= sizeof(place.host))
			return -EINVAL;
		memcpy(place.host, host, length);
	}
	*place_out = place;
	return 0;
}

static int bind_to(const struct sockaddr *address, socklen_t length, bool both_families)
{
	int on = 1, off = !both_families;
	int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int error;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	/* accepted sockets have it from this one: a head must not wait for the client's ACK of the
	 * answer before */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (address->sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (bind(fd, address, length) == 0 && listen(fd, SOMAXCONN) == 0)
		return fd;
	error = -errno;
	close(fd);
	return error;
}

static int bind_everywhere(const char *port)
{
	struct sockaddr_in6 six = {.sin6_family = AF_INET6,
				   .sin6_port = htons((uint16_t)atoi(port))};
	struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = six.sin6_port};
	int fd = bind_to((struct sockaddr *)&six, sizeof(six), true);

	if (fd == -EAFNOSUPPORT || fd == -EADDRNOTAVAIL)
		fd = bind_to((struct sockaddr *)&four, sizeof(four), false);
	return fd;
}

/* The first address of a name that can be bound. */
static int bind_host(const struct place *place)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
	struct addrinfo *found;
	int fd = -EADDRNOTAVAIL;

	if (getaddrinfo(place->host, place->port, &hints, &found) != 0)
		return -EADDRNOTAVAIL;
	for (struct addrinfo *at = found; at != NULL && fd < 0; at = at->ai_next)
		fd = bind_to(at->ai_addr, at->ai_addrlen, false);
	freeaddrinfo(found);
	return fd;
}

static int write_address(int fd, char address_out[HTTP_ADDRESS_MAX])
{
	struct sockaddr_storage bound;
	socklen_t length = sizeof(bound);
	char host[NI_MAXHOST], port[NI_MAXSERV];

	if (getsockname(fd, (struct sockaddr *)&bound, &length) < 0)
		return -errno;
	if (getnameinfo((struct sockaddr *)&bound, length, host, sizeof(host), port, sizeof(port),
			NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		return -EADDRNOTAVAIL;
	snprintf(address_out, HTTP_ADDRESS_MAX, bound.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s",
		 host, port);
	return 0;
}

static const char *advice(int error)
{
	switch (error) {
	case -EADDRINUSE:
		return "; end the program that listens there, or choose another port";
	case -EACCES:
		return "; ports below 1024 are for root, choose another";
	case -EADDRNOTAVAIL:
		return "; choose an address of this machine";
	default:
		return "";
	}
}

bool http_server_is_place(const char *where)
{
	struct place place;

	return read_place(where, &place) == 0;
}

int http_listen(const char *where, bool tls, struct http_listener *listener_out, char *message,
		size_t message_size)
{
	struct http_listener listener = {.tls = tls};
	struct place place;
	int error = read_place(where, &place);

	if (error < 0) {
		snprintf(message, message_size,
			 "%s is no address to listen on; write PORT, ADDRESS:PORT or "
			 "[ADDRESS]:PORT",
			 where);
		return error;
	}
	listener.fd = place.host[0] != '\0' ? bind_host(&place) : bind_everywhere(place.port);
	error = listener.fd < 0 ? listener.fd : write_address(listener.fd, listener.address);
	if (error < 0) {
		snprintf(message, message_size, "cannot listen on %s: %s%s", where,
			 strerror(-error), advice(error));
		if (listener.fd >= 0)
			close(listener.fd);
		return error;
	}
	*listener_out = listener;
	return 0;
}
