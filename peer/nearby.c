/* SPDX-License-Identifier: BSD-2-Clause */
#include "peer/nearby.h"

#include <string.h>

#define IPV4_BITS 32u

static bool has_bits(const struct xaddr *one, const struct xaddr *other, unsigned bits)
{
	unsigned rest = bits % 8;

	if (one->family != other->family || bits > 8 * xaddr_size(one) ||
	    memcmp(one->octets, other->octets, bits / 8) != 0)
		return false;
	return rest == 0 || ((one->octets[bits / 8] ^ other->octets[bits / 8]) >> (8 - rest)) == 0;
}

/* The network itself or its broadcast. Networks of two addresses or one have neither. */
static bool is_whole_network(const struct xaddr *host, unsigned bits)
{
	uint32_t address = 0, mask;

	if (host->family != XADDR_IPV4 || bits + 1 >= IPV4_BITS)
		return false;
	for (unsigned i = 0; i < 4; i++)
		address = address << 8 | host->octets[i];
	mask = UINT32_MAX >> bits;
	return (address & mask) == 0 || (address & mask) == mask;
}

bool nearby_is_neighbour(const struct nearby_interface *interface, const struct xaddr *source)
{
	bool inside = false;

	if (!xaddr_is_host(source) || (xaddr_is_loopback(source) && !interface->loopback))
		return false;
	for (unsigned i = 0; i < interface->count; i++) {
		const struct nearby_prefix *prefix = &interface->prefixes[i];

		if (source->family == XADDR_IPV6 && prefix->own.family == XADDR_IPV6 &&
		    xaddr_is_link_local(source))
			return source->zone == interface->zone;
		if (!has_bits(source, &prefix->own, prefix->bits))
			continue;
		if (is_whole_network(source, prefix->bits))
			return false;
		inside = true;
	}
	return inside;
}

bool nearby_is_own(const struct nearby_interface *interface, const struct xaddr *host)
{
	for (unsigned i = 0; i < interface->count; i++)
		if (xaddr_same_host(&interface->prefixes[i].own, host))
			return true;
	return false;
}

bool nearby_may_use(const struct nearby_interface *interface, const struct xaddr *source,
		    const struct xaddr *address)
{
	if (address->port == 0 || address->family != source->family)
		return false;
	if (xaddr_same_host(address, source))
		return xaddr_is_host(address) &&
		       (interface->loopback || !xaddr_is_loopback(address));
	return address->family == XADDR_IPV6 && nearby_is_neighbour(interface, address);
}

static const struct xaddr *find_wider(const struct xaddr *listening, unsigned count,
				      enum xaddr_family family)
{
	for (unsigned i = 0; i < count; i++)
		if (listening[i].family == family && xaddr_is_host(&listening[i]) &&
		    !xaddr_is_loopback(&listening[i]) &&
		    (family == XADDR_IPV4 || !xaddr_is_link_local(&listening[i])))
			return &listening[i];
	return NULL;
}

unsigned nearby_announce(enum wsd_form form, const struct xaddr *sender,
			 const struct xaddr *listening, unsigned count,
			 struct xaddr announced_out[NEARBY_ANNOUNCED_MAX])
{
	const struct xaddr *wider = NULL;
	unsigned announced = 0;

	if (form == WSD_FORM_1 && sender->family == XADDR_IPV6 && xaddr_is_link_local(sender)) {
		wider = find_wider(listening, count, XADDR_IPV4);
		if (wider == NULL)
			wider = find_wider(listening, count, XADDR_IPV6);
	}
	if (wider != NULL)
		announced_out[announced++] = *wider;
	for (unsigned i = 0; i < count; i++) {
		if (!xaddr_same_host(&listening[i], sender))
			continue;
		announced_out[announced++] = listening[i];
		break;
	}
	return announced;
}
