/* SPDX-License-Identifier: BSD-2-Clause */
#include "peer/hosted_places.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <stdlib.h>
#include <string.h>

#include "peer/request.h"

#define HOST_MAX 64u

/* ---- who is near ---- */

static bool is_private_4(const uint8_t *octets)
{
	return octets[0] == 127 || octets[0] == 10 || (octets[0] == 172 && octets[1] >> 4 == 1) ||
	       (octets[0] == 192 && octets[1] == 168) || (octets[0] == 169 && octets[1] == 254);
}

bool hosted_places_near(const struct xaddr *source)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff}, loopback[16] = {[15] = 1};
	const uint8_t *octets = source->octets;

	if (source->family == XADDR_IPV4)
		return is_private_4(octets);
	if (memcmp(octets, mapped, sizeof(mapped)) == 0)
		return is_private_4(octets + sizeof(mapped));
	return memcmp(octets, loopback, sizeof(loopback)) == 0 ||
	       (octets[0] == 0xfe && octets[1] >> 6 == 2) || octets[0] >> 1 == 0xfc >> 1;
}

/* ---- where we are ---- */

struct hosted_places {
	struct xaddr *listeners;
	unsigned count;
	struct ifaddrs *addresses; /* NULL: not known yet */
	int64_t known_ms;
};

int hosted_places_create(struct hosted_places **places_out)
{
	struct hosted_places *places = calloc(1, sizeof(*places));

	if (places == NULL)
		return -ENOMEM;
	*places_out = places;
	return 0;
}

void hosted_places_free(struct hosted_places *places)
{
	if (places == NULL)
		return;
	if (places->addresses != NULL)
		freeifaddrs(places->addresses);
	free(places->listeners);
	free(places);
}

/* "192.0.2.1:80", "[2001:db8::1]:80", "[fe80::1%eth0]:80", also of no single host. */
static int read_listener(const char *text, struct xaddr *listener_out)
{
	struct xaddr listener = {.family = *text == '[' ? XADDR_IPV6 : XADDR_IPV4};
	const char *colon = strrchr(text, ':');
	const char *host = *text == '[' ? text + 1 : text;
	char copy[HOST_MAX];
	size_t length;

	if (colon == NULL || colon <= host || (*text == '[') != (colon[-1] == ']'))
		return -EINVAL;
	length = strcspn(host, listener.family == XADDR_IPV6 ? "%]" : ":");
	if (length >= sizeof(copy))
		return -EINVAL;
	memcpy(copy, host, length);
	copy[length] = '\0';
	listener.port = (uint16_t)atoi(colon + 1);
	if (inet_pton(listener.family == XADDR_IPV6 ? AF_INET6 : AF_INET, copy, listener.octets) !=
	    1)
		return -EINVAL;
	*listener_out = listener;
	return 0;
}

int hosted_places_add(struct hosted_places *places, const char *text)
{
	struct xaddr listener, *more;

	if (read_listener(text, &listener) != 0)
		return -EINVAL;
	more = reallocarray(places->listeners, places->count + 1, sizeof(*more));
	if (more == NULL)
		return -ENOMEM;
	places->listeners = more;
	places->listeners[places->count++] = listener;
	return 0;
}

static bool is_everywhere(const struct xaddr *listener)
{
	static const uint8_t nowhere[16];

	return memcmp(listener->octets, nowhere, sizeof(nowhere)) == 0;
}

static bool is_same_place(const struct xaddr *one, const struct xaddr *other)
{
	return one->family == other->family &&
	       memcmp(one->octets, other->octets, xaddr_size(one)) == 0;
}

/* Whether the machine has ADDRESS; when that cannot be found out, it has not. */
static bool is_of_this_machine(struct hosted_places *places, const struct xaddr *address,
			       int64_t now_ms)
{
	struct ifaddrs *found;

	if (xaddr_is_loopback(address))
		return true;
	if ((places->addresses == NULL || now_ms - places->known_ms >= HOSTED_PLACES_FRESH_MS) &&
	    getifaddrs(&found) == 0) {
		if (places->addresses != NULL)
			freeifaddrs(places->addresses);
		places->addresses = found;
		places->known_ms = now_ms;
	}
	for (const struct ifaddrs *at = places->addresses; at != NULL; at = at->ifa_next) {
		struct xaddr own;

		if (at->ifa_addr != NULL && request_address(at->ifa_addr, &own) &&
		    is_same_place(&own, address))
			return true;
	}
	return false;
}

bool hosted_places_has(struct hosted_places *places, const struct xaddr *address, int64_t now_ms)
{
	for (unsigned i = 0; i < places->count; i++) {
		const struct xaddr *listener = &places->listeners[i];

		if (listener->port != address->port)
			continue;
		if (is_everywhere(listener) ? is_of_this_machine(places, address, now_ms)
					    : is_same_place(listener, address))
			return true;
	}
	return false;
}
