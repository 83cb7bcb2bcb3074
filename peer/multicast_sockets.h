/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The sockets of discovery, and datagrams through them (discovery.md section 9). None waits.
 *
 * *Ears* hear a group: one socket for each interface and family, bound to the group's address and
 * the port of discovery, joined on that interface only. So each gets every datagram to the group
 * beside other programs that share the port, none of the unicast that is meant for them, and
 * nothing of other interfaces; and an interface that cannot be heard does not hinder the others
 * (the kernel allows one IPv4 socket 20 groups, by default). What is sent through an ear has the
 * port of discovery as its source.
 *
 * *Askers* send to groups by any interface, and get the answers: one for each family, on a port of
 * its own.
 */
#ifndef PEER_MULTICAST_SOCKETS_H
#define PEER_MULTICAST_SOCKETS_H

#include <stddef.h>
#include <stdint.h>

#include "peer/xaddr.h"

/* Most that a datagram of UDP over IPv4 holds; larger ones are dropped. */
#define MULTICAST_DATAGRAM_MAX 65507u

/* The descriptor, or a negative errno; -EADDRINUSE: somebody has the port and does not share it. */
int multicast_sockets_ear(enum xaddr_family family, uint16_t port, unsigned interface);
int multicast_sockets_asker(enum xaddr_family family);

/* The group of discovery. */
struct xaddr multicast_sockets_group(enum xaddr_family family, uint16_t port);

/* From an ear or asker to TO, by the interface with that index. OWN: source address, one of that
 * interface; NULL: the kernel's choice. */
int multicast_sockets_send(int fd, const struct xaddr *to, unsigned interface,
			   const struct xaddr *own, const void *datagram, size_t size);

struct multicast_received {
	struct xaddr source; /* a host that can be answered; zone as its kind wants it */
	unsigned interface;  /* index of where it came in */
	size_t size;
};
/* One datagram into BUFFER. -EAGAIN: there is none now. -EBADMSG: it was too large, or from
 * nowhere, and is gone. */
int multicast_sockets_receive(int fd, unsigned char buffer[MULTICAST_DATAGRAM_MAX],
			      struct multicast_received *received_out);

#endif
