/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Datagrams of discovery (discovery.md sections 2 and 9): the groups on port 3702, heard on each
 * interface that takes part, in both families, beside other programs that do so too; and questions
 * to the groups from a port of our own. Knows nothing of what is in a datagram. Follows the
 * interfaces as they come and go. Loop thread only, but for creating it.
 */
#ifndef PEER_MULTICAST_H
#define PEER_MULTICAST_H

#include <stdbool.h>
#include <stddef.h>

#include "origin/loop.h"
#include "peer/interfaces.h"
#include "peer/xaddr.h"

#define MULTICAST_PORT 3702u
/* discovery.md section 9; by then the other program may have gone. */
#define MULTICAST_RETRY_MS 30000u

struct multicast;

/* Where a datagram came from, and by which address of ours it can be answered. */
struct multicast_arrival {
	struct xaddr source; /* with its port; with a zone, if it is link-local */
	struct interface interface;
};

struct multicast_options {
	struct loop *loop;
	struct interfaces *interfaces; /* stays until it is freed */
	unsigned port;                 /* MULTICAST_PORT, but for tests */
	/* How long until what could not be opened is tried again; 0: MULTICAST_RETRY_MS. */
	unsigned retry_ms;
	/* A datagram to a group, or (ANSWER) to the port that ours are sent from. What did not
	 * come by an interface that takes part is not told, nor what is larger than UDP over IPv4
	 * can be. What comes by lo from an address of this machine that is not lo's is told as of
	 * the interface that has the address. Not more than MULTICAST_PASS at a time, then others
	 * have their turn on the loop. On the loop thread; may send, but neither refresh nor free.
	 */
	void (*heard)(void *context, bool answer, const struct multicast_arrival *arrival,
		      const void *datagram, size_t size);
	void *context;
};

/* Our choice: datagrams, and octets of them, that are taken from a socket in a row. */
#define MULTICAST_PASS 64u
#define MULTICAST_PASS_OCTETS (128u << 10)

/* Fails only if nothing could ever be sent: what cannot be heard now is tried again later, the port
 * being another program's is no failure (see multicast_deaf()). `heard` may be called before it
 * returns. Any thread that the loop thread does not wait for. */
int multicast_create(const struct multicast_options *options, struct multicast **multicast_out);
/* Leaves the groups. On the loop thread, or when the loop has ended. NULL is fine. */
void multicast_free(struct multicast *multicast);
/* The interfaces are others now. */
void multicast_refresh(struct multicast *multicast);

/* To both groups on every interface, once. Returns how many were sent; 0: no interface, or none
 * would take it. */
unsigned multicast_ask(struct multicast *multicast, const void *datagram, size_t size);
/* To where something was heard, from port 3702 by the interface it came in and OWN, an address of
 * that. 0 or a negative errno; -ENODEV: nothing is heard there any more. */
int multicast_answer(struct multicast *multicast, const struct multicast_arrival *arrival,
		     const struct xaddr *own, const void *datagram, size_t size);
/* Our address on the interface that faces the asker: of the same family, for IPv6 of the same kind
 * (link-local or not) where there is one, in the asker's network where there is one. False: there
 * is none. Pure. */
bool multicast_facing(const struct multicast_arrival *arrival, struct xaddr *own_out);

/* Another program has the port for itself, in one family or both, so that Probes are not heard
 * there; tried again every 30 s. Any thread. */
bool multicast_deaf(const struct multicast *multicast);

#endif
