/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a request to a content server means, and the answer to it: RFC 9110 as any web server, and
 * Peer Distribution (http-extension.md sections 3 to 6) for files. Where the contents come from is
 * behind content_source.h.
 *
 * An *exchange* is looked up, perhaps waits once for content information, and ends with the one
 * http_reply(). One thread has it at a time: a pool thread, but for short plain files that are in
 * memory, which are answered on the loop thread at once. (A way through the pool costs more than
 * all else that a small file takes: 65 and 30 us of processor time a request, as measured.)
 */
#ifndef ORIGIN_CONTENT_ANSWER_H
#define ORIGIN_CONTENT_ANSWER_H

#include <stdatomic.h>

#include "cache/pool.h"
#include "origin/content_source.h"
#include "origin/content_target.h"
#include "origin/content_waiting.h"
#include "origin/http_server.h"
#include "origin/pccrtp.h"
#include "origin/publish.h"

/* What all exchanges of a server count; see content_server_counters. */
struct content_counts {
	_Atomic uint64_t requests, octets, informations, information_octets, unreadable, busy;
};

/* What all exchanges of a server share. */
struct content_service {
	struct content_source *source;
	struct publish *publish;
	struct content_waiting *waiting;
	struct pool *pool;
	unsigned versions; /* of content information that are offered, PCCRTP_CONTENT_ bits */
	uint64_t min_size; /* least octets of a file that has content information */
	_Atomic uint64_t names_listed; /* in the listings that are being sent */
	struct content_counts counts;
};

struct content_exchange {
	struct pool_job job; /* first */
	struct content_service *service;
	struct http_served *served;
	struct content_target target;
	struct content_item *item; /* once it is looked up */
	bool at_once;              /* on the loop thread: must not block */
	bool renewed; /* had changed by the time it was sent, and was looked up again */
	bool hurried; /* has waited for content information, or must not */
};

/* On a loop thread: answers at once, or hands the request to the pool. A
 * http_server_options.handle; CONTEXT is the service. */
void content_answer(void *context, struct http_served *served);

static inline void content_count(_Atomic uint64_t *count, uint64_t more)
{
	atomic_fetch_add_explicit(count, more, memory_order_relaxed);
}

/* ---- between the files of this part; each of these ends the exchange ---- */

/* A short answer without any content, such as an error. */
void content_answer_status(struct content_exchange *exchange, int status);
/* The status for a negative errno of the source. */
void content_answer_error(struct content_exchange *exchange, int error);
/* content_file.c: EXCHANGE's item is a file. */
void content_answer_file(struct content_exchange *exchange);
/* content_folder.c: it is a directory, asked for with its slash. */
void content_answer_folder(struct content_exchange *exchange);
/* The client has left, so far as can be told: nothing is sent, nothing is made. */
void content_answer_nobody(struct content_exchange *exchange);
/* Frees it, the item included, after its reply. */
void content_exchange_end(struct content_exchange *exchange);
/* Does it all over again, on a pool thread. */
void content_exchange_again(struct content_exchange *exchange);

/* The lines of a header, NULL-terminated, as the readers of headers want them: NULL when there are
 * none. MANY: there were more, which counts as malformed. */
#define CONTENT_LINES_MAX 16
struct content_lines {
	const char *line[CONTENT_LINES_MAX + 1];
	bool many;
};
const char *const *content_lines_read(const struct http_served *served, const char *name,
				      struct content_lines *lines_out);
/* The value of a header that may be there once; NULL: none, or several. */
const char *content_line_read(const struct http_served *served, const char *name);

#endif
