/* SPDX-License-Identifier: BSD-2-Clause */
#include "peer/host_place.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_"

static bool is_port(const char *text, uint16_t *port_out)
{
	unsigned long port;

	if (strlen(text) == 0 || strlen(text) > 5 || strspn(text, "0123456789") != strlen(text))
		return false;
	port = strtoul(text, NULL, 10);
	if (port == 0 || port > UINT16_MAX)
		return false;
	*port_out = (uint16_t)port;
	return true;
}

static bool is_six(const char *name)
{
	char address[INET6_ADDRSTRLEN];
	struct in6_addr six;
	size_t size = strcspn(name, "%");

	if (size >= sizeof address)
		return false;
	memcpy(address, name, size);
	address[size] = '\0';
	if (name[size] == '%' && strlen(name + size + 1) == 0)
		return false;
	return strspn(name + size, "%" NAME_CHARACTERS) == strlen(name + size) &&
	       inet_pton(AF_INET6, address, &six) == 1;
}

static bool is_name(const char *name)
{
	return name[0] != '\0' && name[0] != '-' && strspn(name, NAME_CHARACTERS) == strlen(name);
}

/* The octets before END are the name; of a literal without brackets. */
static bool take_name(const char *text, const char *end, struct host_place *place)
{
	size_t size = (size_t)(end - text);

	if (size >= sizeof place->name)
		return false;
	memcpy(place->name, text, size);
	place->name[size] = '\0';
	return place->literal ? is_six(place->name) : is_name(place->name);
}

int host_place_read(const char *text, uint16_t port, struct host_place *place_out)
{
	struct host_place place = {.port = port, .literal = text[0] == '['};
	const char *end = place.literal ? strchr(text, ']') : text + strcspn(text, ":");

	if (end == NULL)
		return -EINVAL;
	if (!take_name(text + place.literal, end, &place))
		return -EINVAL;
	end += place.literal;
	if (*end != '\0' && (*end != ':' || !is_port(end + 1, &place.port)))
		return -EINVAL;
	*place_out = place;
	return 0;
}

void host_place_url(const struct host_place *place, const char *scheme, uint16_t port,
		    char url_out[HOST_PLACE_URL_SIZE])
{
	int size = (int)strcspn(place->name, "%");
	const char *zone = place->name[size] == '%' ? place->name + size + 1 : NULL;

	snprintf(url_out, HOST_PLACE_URL_SIZE, "%s://%s%.*s%s%s%s:%u", scheme,
		 place->literal ? "[" : "", size, place->name, zone != NULL ? "%25" : "",
		 zone != NULL ? zone : "", place->literal ? "]" : "", (unsigned)port);
}
