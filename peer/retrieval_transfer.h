/* SPDX-License-Identifier: BSD-2-Clause
 *
 * HTTP as the retrieval client uses it (retrieval.md section 2): one message posted, the answer
 * received into one buffer of its own. A transfer is a curl handle that is used again and
 * again; what never changes has been set once. Loop thread only.
 */
#ifndef PEER_RETRIEVAL_TRANSFER_H
#define PEER_RETRIEVAL_TRANSFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <curl/curl.h>

#include "peer/pccrr.h"
#include "peer/xaddr.h"

struct retrieval_transfer;

/* CONTEXT: CURLINFO_PRIVATE of its handle. NULL: no memory. */
struct retrieval_transfer *retrieval_transfer_create(void *context);
/* NULL is fine. */
void retrieval_transfer_free(struct retrieval_transfer *transfer);
CURL *retrieval_transfer_handle(struct retrieval_transfer *transfer);

struct retrieval_question {
	const struct xaddr *server;
	const struct pccrr_request *request; /* one that pccrr_request_size() knows */
	struct pccrr_version version;        /* major 0: as REQUEST has it */
	bool fresh;                          /* on a new connection, whatever others are idle */
	int64_t timeout_ms;                  /* from connecting to the last octet */
};
/* Makes it ready to be started. 0 or -ENOMEM. */
int retrieval_transfer_prepare(struct retrieval_transfer *transfer,
			       const struct retrieval_question *question);
/* It has ended with CODE, and its handle is not removed yet: what retrieval.done says of ERROR. */
int retrieval_transfer_error(const struct retrieval_transfer *transfer, CURLcode code);
/* Whether that was a connection which had been idle for too long at the other end (section 2).
 * curl tries a few idle ones by itself; with many of them none may have been left alive. */
bool retrieval_transfer_was_stale(const struct retrieval_transfer *transfer, CURLcode code);
/* The answer, after no error, and the body it leads into, which is the caller's from now on. */
uint8_t *retrieval_transfer_steal(struct retrieval_transfer *transfer,
				  struct pccrr_answer *answer_out, size_t *size_out);
/* Lets go of what it has received and of a long message. */
void retrieval_transfer_rest(struct retrieval_transfer *transfer);

#endif
