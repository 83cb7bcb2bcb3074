/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a firewall of this machine has to let in so that others are found and find us (discovery.md
 * section 9), as rules that an administrator can take over: a file for nft(8), with the same as
 * commands of firewalld in its comments. Nothing is ever changed by us. Pure.
 *
 * A stateful firewall does not connect a unicast answer with the multicast question, so answers
 * look like new traffic from port 3702. That port alone proves nothing, anybody can send from it:
 * let in is only what comes from the networks named and goes to ports that questions are sent from.
 */
#ifndef PEER_FIREWALL_H
#define PEER_FIREWALL_H

#include <stdint.h>

#include "peer/nearby.h"

/* What Linux takes for sockets that do not choose (ip_local_port_range). */
#define FIREWALL_EPHEMERAL_FIRST 32768u
#define FIREWALL_EPHEMERAL_LAST 60999u

struct firewall_options {
	uint16_t retrieval_port, discovery_port;
	uint16_t ephemeral_first, ephemeral_last; /* zeros: see above */
	/* Networks of the interfaces that take part; loopback is left out. None: all private and
	 * link-local ones. */
	const struct nearby_prefix *prefixes;
	unsigned prefix_count;
};

/* -EINVAL: a port is 0, or the range is none; -ENOMEM. The text is to be freed. */
int firewall_rules(const struct firewall_options *options, char **text_out);

#endif
