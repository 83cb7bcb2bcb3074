/* SPDX-License-Identifier: BSD-2-Clause
 *
 * An HTTP server on the first port that is free, of IPv4 and IPv6 the same one; or on addresses
 * that are named.
 */
#ifndef PEER_RETRIEVAL_LISTEN_H
#define PEER_RETRIEVAL_LISTEN_H

#include "origin/http_server.h"

/* As in struct retrieval_server_options. */
struct retrieval_place {
	const char *address;
	unsigned port_first, port_last;
	const char *const *listen;
};

/* OPTIONS without where to listen. As http_server_create(); -EADDRINUSE: all ports are taken. The
 * port is that of the first address. */
int retrieval_listen(const struct http_server_options *options, const struct retrieval_place *place,
		     struct http_server **server_out, unsigned *port_out, char *message,
		     size_t message_size);

#endif
