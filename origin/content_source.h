/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Where a content server's contents come from: a few operations, one struct of them for each kind
 * of source. What a request means is the server's (content_answer.h); a kind knows nothing of
 * methods, conditions, ranges and headers.
 *
 * All operations but look_now are called on pool threads, stop and close on that of the owner. What
 * calls back does so exactly once, before it returns or later; look and list from any thread but a
 * loop's, a pool thread if it takes long, send from any.
 */
#ifndef ORIGIN_CONTENT_SOURCE_H
#define ORIGIN_CONTENT_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "cache/directory.h"
#include "origin/content_ranges.h"
#include "origin/http_server.h"
#include "origin/publish.h"

struct content_source;
struct content_source_kind;

/* Size of an item. */
#define CONTENT_SIZE_UNKNOWN UINT64_MAX

/* What there is at a path, in one version. A kind embeds it as the first member of its own. */
#define CONTENT_ETAG_MAX ENTRY_VALIDATOR_MAX
struct content_item {
	struct content_source *source;
	enum entry_kind kind; /* ENTRY_FILE or ENTRY_DIRECTORY; what follows is of files only */
	uint64_t size;        /* or CONTENT_SIZE_UNKNOWN: it has no ranges then */
	int64_t mtime;        /* seconds since 1970; -1: not known */
	char etag[CONTENT_ETAG_MAX]; /* as sent, with its quotes; "": none */
	const char *type;            /* media type; NULL: by the name. Lives as long as the item */
	const char *cache_control;   /* likewise; NULL: none */
	bool no_ranges;              /* is sent as a whole or not at all */
	/* A stored object, of which content information of this version may be made and sent. */
	bool publishable;
};

/* A body as it will be sent: its pieces in order, octets of ours and octets of the item. */
struct content_piece {
	const char *text; /* if not NULL, instead of the extent */
	struct content_extent extent;
};
struct content_body {
	unsigned count;
	const struct content_piece *pieces;
};

/* ERROR as of origin.h. -ENOENT: nothing there that is served; -EACCES: not for us. The callee owns
 * the item from then on. */
typedef void content_looked(void *context, int error, struct content_item *item);
/* 0: the answer is under way. Else nothing has been sent, and the exchange, headers included, is
 * the callee's again. -ESTALE: the item is no longer this version; a look will tell. */
typedef void content_sent(void *context, int error);
/* Owns DIRECTORY if ERROR is 0. */
typedef void content_listed(void *context, int error, struct directory *directory);

struct content_source_kind {
	/* PATH: as of content_target.h, valid during the call. */
	void (*look)(struct content_source *source, const char *path, content_looked *done,
		     void *context);
	/* The same at once and without blocking, so that a small file costs no way through the
	 * pool; for loop threads. What is done to the item there must not block either: send and
	 * free_item. -EAGAIN: look() is needed. NULL: this kind cannot. */
	int (*look_now)(struct content_source *source, const char *path,
			struct content_item **item_out);
	void (*list)(struct content_source *source, const char *path, content_listed *done,
		     void *context);
	/* The rest is of a file that is publishable. */
	void (*subject)(const struct content_item *item, struct publish_subject *subject_out);
	/* As publish_make(). */
	int (*make)(struct content_item *item, struct publish *publish, bool urgent,
		    publish_done *done, void *context);
	/* Of any file: sends the answer, whose headers are set, with BODY (valid during the call),
	 * and frees ITEM. When the octets are no longer those of this version, or fewer, the
	 * connection is cut, unless DONE can be told before the first of them. An extent of
	 * CONTENT_SIZE_UNKNOWN octets goes to the end of the content. */
	void (*send)(struct content_item *item, struct http_served *served, int status,
		     const struct content_body *body, content_sent *done, void *context);
	void (*free_item)(struct content_item *item);
	/* Ends what is under way, callbacks included, before it returns; all that is asked for
	 * later fails at once. The pool, the publisher and the HTTP server are still there. NULL:
	 * nothing takes long here. */
	void (*stop)(struct content_source *source);
	void (*close)(struct content_source *source);
};

/* Embedded as the first member. */
struct content_source {
	const struct content_source_kind *kind;
};

/* NULL is fine. */
void content_source_close(struct content_source *source);

#endif
