/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Whom discovery believes to be a neighbour (discovery.md sections 5, 7 and 8). Anybody can put any
 * source on a datagram and any address into a message; without these checks a responder answers
 * strangers, and one forged answer makes every client post requests to a host of the attacker's
 * choosing. Pure.
 *
 * Link-local IPv6 addresses have the zone of the interface they belong to: those of interfaces
 * (peer/interfaces.h) and sources of datagrams bring it along, and into what a message announces
 * its receiver puts it before asking here. The same address in two zones is two hosts.
 */
#ifndef PEER_NEARBY_H
#define PEER_NEARBY_H

#include "peer/wsd.h"
#include "peer/xaddr.h"

/* An address of an interface, and how many bits of it are its network's. */
struct nearby_prefix {
	struct xaddr own; /* the port does not count */
	uint8_t bits;
};

struct nearby_interface {
	const struct nearby_prefix *prefixes;
	unsigned count;
	bool loopback; /* it is lo, and the administrator named it */
	uint32_t zone; /* its index: the zone of the link-local IPv6 addresses on it */
};

/* Whether SOURCE is on the link: inside a prefix of the interface, or link-local of IPv6 in its
 * zone where the interface has IPv6. Never a multicast or unspecified address, nor the first or
 * last of an IPv4 network, nor loopback other than on a loopback interface. Who is not, is not
 * answered; nor is an answer of it believed. */
bool nearby_is_neighbour(const struct nearby_interface *interface, const struct xaddr *source);

/* Whether HOST is an address of the interface itself: what comes by lo from such a one is another
 * daemon of this machine, and a good peer. */
bool nearby_is_own(const struct nearby_interface *interface, const struct xaddr *host);

/* Whether to ask at ADDRESS, which an answer announced. SOURCE: of the answer, already known to be
 * a neighbour or our own; only it will do, or for IPv6 another neighbour of IPv6. The caller takes
 * its own retrieval servers out. */
bool nearby_may_use(const struct nearby_interface *interface, const struct xaddr *source,
		    const struct xaddr *address);

/* What to announce in an answer to a Probe of FORM, sent from SENDER by an interface on whose
 * addresses the retrieval server listens at LISTENING. One item, the sender's own; but one that is
 * link-local and asked for in form 1 comes second, behind an address of IPv4, or else a wider one
 * of IPv6: iPXE takes the first item and cannot use a link-local one. Returns how many; 0: nothing
 * to announce, so stay silent. */
#define NEARBY_ANNOUNCED_MAX 2u
unsigned nearby_announce(enum wsd_form form, const struct xaddr *sender,
			 const struct xaddr *listening, unsigned count,
			 struct xaddr announced_out[NEARBY_ANNOUNCED_MAX]);

#endif
