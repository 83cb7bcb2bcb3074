/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The address of another machine, or of ours, as people are shown it: "192.0.2.1:1337",
 * "[2001:db8::1]:1337", and with the interface where without it the address would be ambiguous,
 * "[fe80::1%eth0]:1337". peer/xaddr.h has the form that is sent.
 */
#ifndef FS_PEER_ADDRESS_H
#define FS_PEER_ADDRESS_H

#include <net/if.h>

#include "peer/xaddr.h"

#define PEER_ADDRESS_MAX (XADDR_TEXT_MAX + 1 + IF_NAMESIZE)

/* Returns TEXT_OUT. */
const char *peer_address_text(const struct xaddr *address, char text_out[PEER_ADDRESS_MAX]);

#endif
