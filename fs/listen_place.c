/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/listen_place.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "peer/retrieval_server.h"

#define PORT_MAX 65535
#define PORT_DIGITS 5

static int read_port(const char *text, unsigned *port_out)
{
	size_t digits = strspn(text, "0123456789");

	if (digits == 0 || digits > PORT_DIGITS || text[digits] != '\0' || atoi(text) > PORT_MAX)
		return -EINVAL;
	*port_out = (unsigned)atoi(text);
	return 0;
}

/* Whether a socket can be bound to it: multicast addresses are nobody's. */
static bool is_address(const char *text, bool ipv6)
{
	struct in6_addr six;
	struct in_addr four;

	if (ipv6)
		return inet_pton(AF_INET6, text, &six) == 1 && !IN6_IS_ADDR_MULTICAST(&six);
	return inet_pton(AF_INET, text, &four) == 1 && !IN_MULTICAST(ntohl(four.s_addr)) &&
	       four.s_addr != INADDR_BROADCAST;
}

/* However it is written: what peer/neighbours.h knows it by. NULL: it is no wildcard. */
static const char *wildcard(const char *address, bool ipv6)
{
	struct in6_addr six;

	if (!ipv6)
		return inet_addr(address) == INADDR_ANY ? "0.0.0.0" : NULL;
	if (inet_pton(AF_INET6, address, &six) != 1)
		return NULL;
	if (IN6_IS_ADDR_V4MAPPED(&six) && six.s6_addr32[3] == INADDR_ANY)
		return "0.0.0.0";
	return IN6_IS_ADDR_UNSPECIFIED(&six) ? "::" : NULL;
}

/* TEXT is LENGTH octets. */
static int read_address(const char *text, size_t length, char address_out[INET6_ADDRSTRLEN])
{
	char address[INET6_ADDRSTRLEN];
	bool ipv6 = length >= 2 && text[0] == '[' && text[length - 1] == ']';

	if (ipv6) {
		text++;
		length -= 2;
	}
	if (length == 0 || length >= sizeof address)
		return -EINVAL;
	memcpy(address, text, length);
	address[length] = '\0';
	if (!is_address(address, ipv6))
		return -EINVAL;
	const char *any = wildcard(address, ipv6);
	snprintf(address_out, INET6_ADDRSTRLEN, "%s", any != NULL ? any : address);
	return 0;
}

int listen_place_read(const char *text, struct listen_place *place_out)
{
	struct listen_place place = {.port_first = RETRIEVAL_PORT_FIRST,
				     .port_last = RETRIEVAL_PORT_LAST};
	const char *colon = text != NULL ? strrchr(text, ':') : NULL;
	int error = 0;

	if (colon != NULL)
		error = read_address(text, (size_t)(colon - text), place.address);
	if (error == 0 && text != NULL) {
		error = read_port(colon != NULL ? colon + 1 : text, &place.port_first);
		place.port_last = place.port_first;
	}
	if (error == 0)
		*place_out = place;
	return error;
}

const char *listen_place_address(const struct listen_place *place)
{
	return place->address[0] != '\0' ? place->address : NULL;
}
