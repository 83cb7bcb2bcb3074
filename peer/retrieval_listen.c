/* SPDX-License-Identifier: BSD-2-Clause
 *
 * On all addresses there are two sockets, so that an address is what it looks like: one that takes
 * both families would show IPv4 addresses as such of IPv6.
 */
#include "peer/retrieval_listen.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* How often any free port is looked for, in case another program takes it in between. */
#define ANY_PORT_TRIES 16u
#define WHERE_MAX 96u

struct attempt {
	struct http_server_options options;
	const char *address;
	struct http_server *server;
	char *message;
	size_t message_size;
};

static int start(struct attempt *attempt, const char *const *listen)
{
	attempt->options.listen = listen;
	return http_server_create(&attempt->options, &attempt->server, attempt->message,
				  attempt->message_size);
}

static bool has_no_such_family(int error)
{
	return error == -EAFNOSUPPORT || error == -EADDRNOTAVAIL;
}

/* A machine may have one of the families only. */
static int start_everywhere(struct attempt *attempt, unsigned port)
{
	char four[WHERE_MAX], six[WHERE_MAX];
	int error;

	snprintf(four, sizeof(four), "0.0.0.0:%u", port);
	snprintf(six, sizeof(six), "[::]:%u", port);
	error = start(attempt, (const char *const[]){four, six, NULL});
	if (has_no_such_family(error))
		error = start(attempt, (const char *const[]){four, NULL});
	if (has_no_such_family(error))
		error = start(attempt, (const char *const[]){six, NULL});
	return error;
}

static int start_on(struct attempt *attempt, unsigned port)
{
	const char *address = attempt->address;
	char where[WHERE_MAX];
	bool bare_ipv6;

	if (address == NULL)
		return start_everywhere(attempt, port);
	bare_ipv6 = address[0] != '[' && strchr(address, ':') != NULL;
	snprintf(where, sizeof(where), bare_ipv6 ? "[%s]:%u" : "%s:%u", address, port);
	return start(attempt, (const char *const[]){where, NULL});
}

/* One that no socket of IPv4 has now, or 0. */
static unsigned find_port(void)
{
	struct sockaddr_in any = {.sin_family = AF_INET};
	socklen_t size = sizeof(any);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	unsigned port = 0;

	if (fd < 0)
		return 0;
	if (bind(fd, (struct sockaddr *)&any, size) == 0 &&
	    getsockname(fd, (struct sockaddr *)&any, &size) == 0)
		port = ntohs(any.sin_port);
	close(fd);
	return port;
}

/* Two sockets are to have the same port, so the system cannot choose for both. */
static int start_on_any(struct attempt *attempt)
{
	int error = -EADDRINUSE;

	if (attempt->address != NULL)
		return start_on(attempt, 0);
	for (unsigned i = 0; i < ANY_PORT_TRIES && error == -EADDRINUSE; i++)
		error = start_on(attempt, find_port());
	return error;
}

static int start_on_first(struct attempt *attempt, unsigned first, unsigned last)
{
	int error = -EADDRINUSE;

	for (unsigned port = first; port <= last && error == -EADDRINUSE; port++)
		error = start_on(attempt, port);
	if (error == -EADDRINUSE && last > first)
		snprintf(attempt->message, attempt->message_size,
			 "cannot listen for peers: all ports from %u to %u are taken; end a "
			 "program that listens there, or choose another port",
			 first, last);
	return error;
}

static unsigned port_of(const struct http_server *server)
{
	char address[WHERE_MAX];

	if (http_server_address(server, 0, address, sizeof(address)) < 0)
		return 0;
	return (unsigned)atoi(strrchr(address, ':') + 1);
}

int retrieval_listen(const struct http_server_options *options, const struct retrieval_place *place,
		     struct http_server **server_out, unsigned *port_out, char *message,
		     size_t message_size)
{
	struct attempt attempt = {*options, place->address, NULL, message, message_size};
	int error;

	if (place->listen != NULL)
		error = start(&attempt, place->listen);
	else if (place->port_first == 0)
		error = start_on_any(&attempt);
	else
		error = start_on_first(&attempt, place->port_first, place->port_last);
	if (error < 0)
		return error;
	*port_out = port_of(attempt.server);
	*server_out = attempt.server;
	return 0;
}
