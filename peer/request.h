/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a request of another machine is judged by before it is read: where it comes from, the path
 * that it names, its method; and the refusals that go with it. An IPv4 address inside an IPv6 one,
 * as a socket for both families has it, counts as IPv4.
 */
#ifndef PEER_REQUEST_H
#define PEER_REQUEST_H

#include <stdbool.h>

#include "origin/http_server.h"
#include "peer/xaddr.h"

/* Characters, with NUL: what is longer is no path of ours. */
#define REQUEST_PATH_MAX 256u

/* The path of TARGET, which is in origin form or absolute (RFC 9112), without a query. False: it is
 * too long. */
bool request_path(const char *target, char path_out[REQUEST_PATH_MAX]);

/* With zone and port. False: it is of neither family. */
bool request_address(const struct sockaddr *socket_address, struct xaddr *address_out);
/* Who has sent SERVED, by request_address(http_served_source()), with port 0, and whether RULE, if
 * there is one, permits that. */
bool request_permitted(const struct http_served *served,
		       bool (*rule)(void *context, const struct xaddr *source), void *context,
		       struct xaddr *source_out);
/* 403, and the connection ends. */
void request_forbid(struct http_served *served);
/* Whether it is POST; else it is answered: 405. */
bool request_is_post(struct http_served *served);

#endif
