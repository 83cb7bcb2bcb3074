/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Asking a retrieval server (MS-PCCRR; retrieval.md sections 2, 8 and 11): one exchange is one
 * request and its answer over HTTP, on connections that are kept. Redirects, proxies, credentials,
 * codings and names instead of addresses do not exist here. An idle connection that turns out to be
 * closed is replaced without a word, and a server that speaks of versions is asked once more as
 * section 8 says. What comes back has passed everything of section 11.2 but decryption and hash.
 * Loop thread only.
 */
#ifndef PEER_RETRIEVAL_CLIENT_H
#define PEER_RETRIEVAL_CLIENT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "origin/loop.h"
#include "peer/pccrr.h"
#include "peer/xaddr.h"

/* From connecting to the last octet (section 11.3; Windows: the same). */
#define RETRIEVAL_TIMEOUT_MS 2000u

struct retrieval_client;

struct retrieval_client_options {
	struct loop *loop;
	unsigned timeout_ms;  /* of an exchange; 0: RETRIEVAL_TIMEOUT_MS */
	unsigned connections; /* open at a time, all servers together; 0: 256 */
};
int retrieval_client_create(const struct retrieval_client_options *options,
			    struct retrieval_client **client_out);
/* No exchange may be under way. NULL is fine. */
void retrieval_client_free(struct retrieval_client *client);

/* Embedded in the caller's struct, or allocated; zero at first. */
struct retrieval {
	/* The caller's, untouched until done is called. */
	struct xaddr server;          /* with its zone, if it is link-local */
	struct pccrr_request request; /* pccrr_request_size() > 0; what it leads into stays too */
	/* ERROR: 0: ANSWER is one to the request, leading into BODY, SIZE octets from malloc(),
	 * which are the callee's from now on; -EBADMSG: refused by section 11.2, or a status other
	 * than 200; -ETIMEDOUT; -ECONNREFUSED, -ECONNRESET, -EHOSTUNREACH, ...: no connection, or
	 * it broke; -EPROTONOSUPPORT: no common version; -ENOMEM. The exchange may be started anew,
	 * or freed, in it. */
	void (*done)(struct retrieval *retrieval, int error, const struct pccrr_answer *answer,
		     uint8_t *body, size_t size);
	/* The client's */
	struct retrieval_exchange *exchange; /* NULL: idle */
	TAILQ_ENTRY(retrieval) queue;
};
/* done is called later, never from inside. */
void retrieval_start(struct retrieval_client *client, struct retrieval *retrieval);
/* Ends it without done; nothing happens to an idle one. Not from a done. */
void retrieval_cancel(struct retrieval *retrieval);
/* This machine's addresses have changed: connections from those that are gone are cut. */
void retrieval_client_readdressed(struct retrieval_client *client);

#endif
