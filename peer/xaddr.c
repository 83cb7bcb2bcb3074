/* SPDX-License-Identifier: BSD-2-Clause */
#include "peer/xaddr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char scheme[] = "http://";
static const uint8_t zeros[16];

/* A piece of a text. */
struct piece {
	const char *at;
	size_t length;
};

static struct piece up_to(struct piece piece, size_t length)
{
	return (struct piece){piece.at, length};
}

static struct piece behind(struct piece piece, size_t length)
{
	return (struct piece){piece.at + length, piece.length - length};
}

static bool find(struct piece piece, char wanted, size_t *place_out)
{
	const char *found = piece.length > 0 ? memchr(piece.at, wanted, piece.length) : NULL;

	if (found == NULL)
		return false;
	*place_out = (size_t)(found - piece.at);
	return true;
}

static int read_host(struct piece text, enum xaddr_family family, struct xaddr *address)
{
	char copy[INET6_ADDRSTRLEN];

	if (text.length >= sizeof(copy))
		return -EBADMSG;
	memcpy(copy, text.at, text.length);
	copy[text.length] = '\0';
	address->family = family;
	if (strlen(copy) != text.length ||
	    inet_pton(family == XADDR_IPV4 ? AF_INET : AF_INET6, copy, address->octets) != 1)
		return -EBADMSG;
	return xaddr_is_host(address) ? 0 : -EBADMSG;
}

static int read_port(struct piece text, struct xaddr *address)
{
	uint32_t port = 0;

	if (text.length == 0) {
		address->port = XADDR_PORT_DEFAULT;
		return 0;
	}
	if (text.at[0] != ':' || text.length > strlen(":65535"))
		return -EBADMSG;
	for (size_t i = 1; i < text.length; i++) {
		if (text.at[i] < '0' || text.at[i] > '9')
			return -EBADMSG;
		port = port * 10 + (uint32_t)(text.at[i] - '0');
	}
	if (port == 0 || port > UINT16_MAX)
		return -EBADMSG;
	address->port = (uint16_t)port;
	return 0;
}

static int read_ipv6(struct piece text, struct piece port, struct xaddr *address)
{
	size_t place;
	int error;

	if (find(text, '%', &place))
		text = up_to(text, place);
	error = read_host(text, XADDR_IPV6, address);
	return error != 0 ? error : read_port(port, address);
}

/* "ADDRESS:PORT" with what may be missing. */
static int read_place(struct piece text, struct xaddr *address)
{
	size_t place, second;
	int error;

	if (text.length > 0 && text.at[0] == '[') {
		if (!find(text, ']', &place))
			return -EBADMSG;
		return read_ipv6(behind(up_to(text, place), 1), behind(text, place + 1), address);
	}
	if (!find(text, ':', &place))
		place = text.length;
	else if (find(behind(text, place + 1), ':', &second))
		return read_ipv6(text, behind(text, text.length), address);
	error = read_host(up_to(text, place), XADDR_IPV4, address);
	return error != 0 ? error : read_port(behind(text, place), address);
}

int xaddr_read(const char *text, size_t length, struct xaddr *address_out)
{
	struct piece rest = {text, length};
	struct xaddr address = {0};
	size_t place;
	int error;

	if (length >= strlen(scheme) && strncasecmp(text, scheme, strlen(scheme)) == 0)
		rest = behind(rest, strlen(scheme));
	if (find(rest, '/', &place))
		rest = up_to(rest, place);
	error = read_place(rest, &address);
	if (error == 0)
		*address_out = address;
	return error;
}

void xaddr_write(const struct xaddr *address, char text_out[XADDR_TEXT_MAX])
{
	bool ipv4 = address->family == XADDR_IPV4;
	char host[INET6_ADDRSTRLEN];

	inet_ntop(ipv4 ? AF_INET : AF_INET6, address->octets, host, sizeof(host));
	if (ipv4)
		snprintf(text_out, XADDR_TEXT_MAX, "%.15s:%u", host, (unsigned)address->port);
	else
		snprintf(text_out, XADDR_TEXT_MAX, "[%s]:%u", host, (unsigned)address->port);
}

size_t xaddr_size(const struct xaddr *address)
{
	return address->family == XADDR_IPV4 ? 4 : 16;
}

bool xaddr_same_host(const struct xaddr *one, const struct xaddr *other)
{
	if (one->family != other->family ||
	    memcmp(one->octets, other->octets, xaddr_size(one)) != 0)
		return false;
	return one->zone == other->zone || one->family != XADDR_IPV6 || !xaddr_is_link_local(one);
}

bool xaddr_same(const struct xaddr *one, const struct xaddr *other)
{
	return one->port == other->port && xaddr_same_host(one, other);
}

bool xaddr_is_host(const struct xaddr *address)
{
	const uint8_t *octets = address->octets;

	if (memcmp(octets, zeros, xaddr_size(address)) == 0)
		return false;
	if (address->family == XADDR_IPV4)
		return octets[0] < 224 ||
		       (octets[0] >= 240 && memcmp(octets, "\xff\xff\xff\xff", 4));
	return octets[0] != 0xff &&
	       (memcmp(octets, zeros, 10) != 0 || octets[10] != 0xff || octets[11] != 0xff);
}

bool xaddr_is_loopback(const struct xaddr *address)
{
	if (address->family == XADDR_IPV4)
		return address->octets[0] == 127;
	return memcmp(address->octets, zeros, 15) == 0 && address->octets[15] == 1;
}

bool xaddr_is_link_local(const struct xaddr *address)
{
	const uint8_t *octets = address->octets;

	if (address->family == XADDR_IPV4)
		return octets[0] == 169 && octets[1] == 254;
	return octets[0] == 0xfe && (octets[1] & 0xc0) == 0x80;
}
