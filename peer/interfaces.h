/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The network interfaces that take part, and their addresses, as they come and go (rtnetlink;
 * discovery.md section 9). Those that were named; else all that are up and multicast-capable and
 * have an address, without loopback, tunnels, ports of bridges and bonds, and the bridges that
 * container engines make (docker*, virbr*, veth*...: our choice, interface.md). `lo` only when
 * named, and then in spite of its missing multicast flag. Named ones that do not exist yet are
 * taken when they come.
 *
 * Changes are seen on the loop thread. The present state can be asked for by any thread.
 */
#ifndef PEER_INTERFACES_H
#define PEER_INTERFACES_H

#include <net/if.h>
#include <stdbool.h>

#include "origin/loop.h"
#include "peer/nearby.h"

#define INTERFACES_MAX 64u
#define INTERFACES_PREFIXES_MAX 32u /* of one interface */

struct interface {
	unsigned index;
	char name[IF_NAMESIZE];
	struct nearby_prefix prefixes[INTERFACES_PREFIXES_MAX]; /* link-local with their zone */
	unsigned prefix_count;
	bool loopback;
	bool ipv4, ipv6; /* has an address of it that can be used: tentative ones are not */
};

struct interfaces;

struct interfaces_options {
	struct loop *loop;
	const char *const *names; /* NULL-terminated; NULL: see above */
	/* Something is different; on the loop thread. NULL: nobody wants to know. */
	void (*changed)(void *context);
	void *context;
};
/* The present ones are known when it returns. */
int interfaces_create(const struct interfaces_options *options, struct interfaces **interfaces_out);
/* On the loop thread, or when the loop has ended. NULL is fine. */
void interfaces_free(struct interfaces *interfaces);

/* Copies of them; returns how many, at most INTERFACES_MAX. Any thread. */
unsigned interfaces_list(struct interfaces *interfaces, struct interface found_out[INTERFACES_MAX]);
/* That with this index. False: it does not take part. Any thread. */
bool interfaces_find(struct interfaces *interfaces, unsigned index, struct interface *found_out);
/* As peer/nearby.h wants it; leads into INTERFACE. */
struct nearby_interface interfaces_nearby(const struct interface *interface);
/* Whether SOURCE is a neighbour on the interface that has the address LOCAL (for accepted
 * connections), or is one of this machine's own addresses there. Any thread. */
bool interfaces_welcome(struct interfaces *interfaces, const struct xaddr *source,
			const struct xaddr *local);

#endif
