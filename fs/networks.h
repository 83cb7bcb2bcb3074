/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A list of networks, as an administrator writes them, and whether an address is in one of them.
 * IPv4 inside IPv6 counts as IPv4 on both sides; zones do not count. Once it is filled any thread
 * may ask.
 */
#ifndef FS_NETWORKS_H
#define FS_NETWORKS_H

#include <stdbool.h>
#include <stddef.h>

#include "peer/xaddr.h"

/* Of a network as text, with its end. */
#define NETWORKS_TEXT_MAX 64u

struct network;
/* Zeros: none. */
struct networks {
	struct network *list;
	size_t count;
};

/* TEXT: "192.0.2.0/24", "2001:db8::/32", or an address, which is a network of one. 0; -EINVAL: no
 * such; -EDOM: it is an address in a network, which is NEAREST_OUT then, so that nobody names more
 * than was meant; -ENOMEM. */
int networks_add(struct networks *networks, const char *text, char nearest_out[NETWORKS_TEXT_MAX]);
bool networks_hold(const struct networks *networks, const struct xaddr *address);
/* Leaves zeros. */
void networks_free(struct networks *networks);

#endif
