/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the kernel says of its network interfaces (rtnetlink): all of it when asked, and a hint when
 * something changed. The kernel answers from within the calls, so nothing here waits.
 */
#ifndef PEER_INTERFACES_NETLINK_H
#define PEER_INTERFACES_NETLINK_H

#include <stdbool.h>
#include <stdint.h>

#include "peer/interfaces.h"

#define INTERFACES_KIND_SIZE 16u /* longest that the kernel has, and some */

struct interfaces_link {
	unsigned index;
	unsigned flags;      /* IFF_... */
	unsigned master;     /* index of what it is a port of; 0: of nothing */
	unsigned short type; /* ARPHRD_... */
	char name[INTERFACES_NAME_SIZE];
	char kind[INTERFACES_KIND_SIZE]; /* "bridge", "veth", ...; "": none is said */
};

struct interfaces_address {
	unsigned index;              /* of the interface */
	struct nearby_prefix prefix; /* with the zone, port 0 */
	bool deprecated;             /* still good for who knows it */
};

struct interfaces_reader {
	/* All links first, then all addresses that can be used: not those that are tentative, or
	 * found to be another's. Not 0: reading ends with that. */
	int (*link)(void *context, const struct interfaces_link *link);
	int (*address)(void *context, const struct interfaces_address *address);
	void *context;
};
/* 0, or a negative errno; -EINTR: something changed during it, so that it may not fit together. */
int interfaces_netlink_read(const struct interfaces_reader *reader);

/* A descriptor that can be read when something changed, or a negative errno. */
int interfaces_netlink_watch(void);
/* Takes what is there to read. Whether there was anything, or something was lost. */
bool interfaces_netlink_drain(int fd);

#endif
