/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Which network interfaces take part (discovery.md section 9, interface.md `interface=`). Pure.
 *
 * If some were named: those, whatever they are. Else every one that can multicast, without
 *
 *   loopback
 *   tunnels and point-to-point links: their far end is another site, or a provider
 *   ports of a bridge, bond, team or the like: the whole it is part of counts
 *   the bridges and host ends that engines of containers and virtual machines make (our choice; see
 *     the list): behind them are only guests of this machine. They are known by their customary
 *     names. The other end, in a container, is an interface like any other and takes part.
 *
 * Both only while up and with a carrier: elsewhere nobody can be reached, and waiting for answers
 * would be in vain.
 */
#ifndef PEER_INTERFACES_CHOICE_H
#define PEER_INTERFACES_CHOICE_H

#include <stdbool.h>

#include "peer/interfaces_netlink.h"

/* NAMES: NULL-terminated, or NULL. */
bool interfaces_choice(const struct interfaces_link *link, const char *const *names);

#endif
