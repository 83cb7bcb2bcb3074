/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The network interfaces that take part, and their addresses, as they come and go (rtnetlink;
 * discovery.md section 9). Those that were named; else all that peer/interfaces_choice.h chooses.
 * In both cases only while they are up, have a carrier and an address. Named ones that do not exist
 * yet are taken when they come.
 *
 * What the kernel tells of changes is taken as a hint only: a moment after it
 * (INTERFACES_SETTLE_MS, so that many make one) everything is read anew, and only a difference in
 * what is said here counts as a change. So nothing is lost where the kernel could not tell all
 * (ENOBUFS).
 *
 * Changes are seen on the loop thread. The present state can be asked for by any thread.
 */
#ifndef PEER_INTERFACES_H
#define PEER_INTERFACES_H

#include <stdbool.h>

#include "origin/loop.h"
#include "peer/nearby.h"

/* Our choice: more than any desk or server has; what is over is left out, with a warning. */
#define INTERFACES_MAX 64u
#define INTERFACES_PREFIXES_MAX 32u /* of one interface; likewise, without one */
/* IF_NAMESIZE, without what <net/if.h> brings along. */
#define INTERFACES_NAME_SIZE 16u
/* Our choice: a change often comes as several messages. */
#define INTERFACES_SETTLE_MS 50

struct interface {
	unsigned index;
	char name[INTERFACES_NAME_SIZE];
	/* In the kernel's order (primary ones before secondary), deprecated ones last; link-local
	 * with their zone. */
	struct nearby_prefix prefixes[INTERFACES_PREFIXES_MAX];
	unsigned prefix_count;
	bool loopback;
	bool ipv4, ipv6; /* has an address of it that can be used: tentative ones are not */
};

struct interfaces;

struct interfaces_options {
	struct loop *loop;
	/* NULL-terminated; stays until it is freed. NULL, or none in it: see above. */
	const char *const *names;
	/* Something is different; on the loop thread. It must not free the interfaces. NULL: nobody
	 * wants to know. */
	void (*changed)(void *context);
	void *context;
};
/* The present ones are known when it returns; `changed` may be called before that. Any thread that
 * the loop thread does not wait for. */
int interfaces_create(const struct interfaces_options *options, struct interfaces **interfaces_out);
/* On the loop thread, or when the loop has ended. NULL is fine. */
void interfaces_free(struct interfaces *interfaces);

/* Copies of them, by index; returns how many, at most INTERFACES_MAX. Any thread. */
unsigned interfaces_list(struct interfaces *interfaces, struct interface found_out[INTERFACES_MAX]);
/* That with this index. False: it does not take part. Any thread. */
bool interfaces_find(struct interfaces *interfaces, unsigned index, struct interface *found_out);
/* That which has this address. False: none of those that take part. Any thread. */
bool interfaces_owner(struct interfaces *interfaces, const struct xaddr *own,
		      struct interface *found_out);
/* As peer/nearby.h wants it; leads into INTERFACE. */
struct nearby_interface interfaces_nearby(const struct interface *interface);
/* Whether SOURCE is a neighbour on the interface that has the address LOCAL (for accepted
 * connections), or is one of this machine's own addresses there. Link-local ones with their zone.
 * Any thread. */
bool interfaces_welcome(struct interfaces *interfaces, const struct xaddr *source,
			const struct xaddr *local);

#endif
