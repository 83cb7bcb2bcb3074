/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The sockets of connections to retrieval servers, so that those whose own address this machine
 * does not have any more can be cut. On such a connection nothing ever comes, not even a reset:
 * without this, each idle one costs a timeout, and neighbours are put out for what they did not do.
 * Loop thread only.
 */
#ifndef PEER_RETRIEVAL_SOCKETS_H
#define PEER_RETRIEVAL_SOCKETS_H

#include <curl/curl.h>

#include "origin/http_events.h"

struct retrieval_sockets {
	int *open;
	unsigned count, room;
};

/* SOCKETS, zero, will hear of those that EVENTS closes. */
void retrieval_sockets_begin(struct retrieval_sockets *sockets, struct http_events *events);
/* Connections that HANDLE makes are in SOCKETS until curl closes them, which may be
 * after HANDLE's end. */
void retrieval_sockets_watch(struct retrieval_sockets *sockets, CURL *handle);
/* Cuts those that have lost their address: idle ones are not used again, others end. */
void retrieval_sockets_cut(struct retrieval_sockets *sockets);
/* No connection is left. */
void retrieval_sockets_end(struct retrieval_sockets *sockets);

#endif
