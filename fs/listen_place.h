/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Where peers fetch from us, as the key `listen` says it: PORT, ADDRESS:PORT, an IPv6 address in
 * brackets; port 0 is any that is free. Without the key, the ports of peer/retrieval_server.h.
 * Pure.
 */
#ifndef FS_LISTEN_PLACE_H
#define FS_LISTEN_PLACE_H

#include <netinet/in.h>

struct listen_place {
	char address[INET6_ADDRSTRLEN]; /* without brackets; "": none was named. A
					 * wildcard is "0.0.0.0" or "::" */
	/* The first that is free of them; 0 and 0: any. */
	unsigned port_first, port_last;
};

/* TEXT NULL: the default. -EINVAL: not of this form, or no address that can be listened on. */
int listen_place_read(const char *text, struct listen_place *place_out);
/* As peer/retrieval_server.h and peer/neighbours.h want it: NULL where none was named. */
const char *listen_place_address(const struct listen_place *place);

#endif
