/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Shared by the files of the HTTP origin, sectioned by .c file. Loop thread only, unless noted.
 *
 * An operation is a request of the user (stat, list, read, ask) and goes through one *query* after
 * the other: a request with its redirects followed. What it makes of each is in its struct
 * http_step.
 */
#ifndef ORIGIN_ORIGIN_HTTP_H
#define ORIGIN_ORIGIN_HTTP_H

#include <event2/event.h>
#include <event2/event_struct.h>

#include "origin/http_client.h"
#include "origin/origin_private.h"
#include "origin/origin_s3.h"
#include "origin/origin_url.h"
#include "origin/outage.h"
#include "origin/pccrtp.h"

enum http_dialect {
	DIALECT_UNKNOWN,
	DIALECT_WEB,
	DIALECT_DAV,
	DIALECT_S3, /* ORIGIN is the bucket; it and those behind it are in the order of s3_bucket */
	DIALECT_S3_HOST,
	DIALECT_S3_PATH,
};

struct http_origin {
	struct origin origin;
	struct origin_root root;
	struct http_setup *setup;
	struct http_client *client;
	struct outage outage;
	unsigned timeout_ms;
	bool head_refused; /* this origin does not answer HEAD but does answer GET */
	bool options_asked;
	_Atomic(enum http_dialect) dialect;
};

struct http_op;

struct http_step {
	/* The head of an answer that is no redirect; 0 or a negative errno to give up. */
	int (*head)(struct http_op *op, const struct http_answer *answer);
	/* NULL: what comes is dropped. Otherwise as http_exchange.body. */
	int (*body)(struct http_op *op, const void *data, size_t length);
	/* The end of the query. It may begin another or end the operation. */
	void (*done)(struct http_op *op, int error);
};

struct http_op {
	struct origin_request request;
	struct http_origin *origin;

	/* the query */
	struct http_exchange exchange;
	const struct http_step *step;
	char *url;      /* of the exchange */
	char *next_url; /* where its answer redirects to, or NULL */
	unsigned redirects;
	bool slash_ends;  /* asked: do not follow a redirect that only adds a "/" */
	bool slash;       /* that is what the answer was */
	bool unasked;     /* the answer has content information, which nobody asked for */
	bool past_caches; /* for that reason it is asked once more */
	size_t dropped;   /* octets of a body that nobody wants */
	char range_line[64];
	char if_range_line[ENTRY_VALIDATOR_MAX + 16];

	/* trying again */
	void (*again)(struct http_op *op);
	struct event back_off;
	unsigned tries;
	int64_t deadline_ms;    /* of the whole operation, loop_clock_ms() */
	int64_t retry_after_ms; /* what the last answer asked for; 0: nothing */
	bool trial, found_outage;

	union {
		struct {
			struct entry entry;
			struct origin_said said;
			bool known; /* entry is the answer, whatever becomes of the body */
			bool by_get, head_refused;
			bool get_refused; /* 405 */
			char *probe;      /* the beginning of an S3 page; owned */
			size_t probe_length;
		} stat;
		struct {
			int64_t left; /* octets of the body still to come; -1 unknown */
		} read;
		struct {
			int64_t left;  /* as above */
			uint64_t room; /* octets that may come at most */
			char line[PCCRTP_EX_LINE_MAX];
		} ask;
		struct http_list *list;
	};
};

/* ---- origin_http_query.c ---- */

/* Begins a query of URL (taken over; NULL: there was no memory for it). Add lines with http_line()
 * and let it go; step->done may be called before http_query_go() returns. */
void http_query(struct http_op *op, const struct http_step *step, const char *method, char *url);
void http_query_go(struct http_op *op);
void http_query_range(struct http_op *op, uint64_t offset, uint64_t length);

/* ---- origin_http_retry.c ---- */

/* Starts an operation that is tried again when it fails for a while: calls AGAIN for each try, or
 * ends the operation at once in an outage. */
void http_try(struct http_op *op, void (*again)(struct http_op *op));
/* A try has failed: tries again later, or ends the operation. */
void http_try_failed(struct http_op *op, int error);
/* Milliseconds until the operation's deadline, at least 1. */
unsigned http_time_left(const struct http_op *op);

/* ---- origin_http_entry.c ---- */

/* The errno for a status that is no success. */
int http_status_error(long status);
/* What an answer's head says of a file of SIZE octets (-1 unknown). 0 or -EBADMSG. */
int http_entry_make(const struct http_answer *answer, int64_t size, struct entry *entry_out);
/* What it says besides. */
void http_entry_said(const struct http_answer *answer, struct origin_said *said_out);
/* Whether the body is under a coding, other than content information. */
bool http_entry_coded(const struct http_answer *answer);
/* What the head of a 200 answer says of a file. 0 or -EBADMSG. */
int http_entry_whole(const struct http_answer *answer, struct entry *entry_out);
/* The same of a 206 answer to a request for LENGTH octets (0: all) from OFFSET on; what it carries
 * goes to *CARRIED_OUT. -EBADMSG when it is not what was asked. */
int http_entry_part(const struct http_answer *answer, uint64_t offset, uint64_t length,
		    struct entry *entry_out, uint64_t *carried_out);
/* Of a 416 answer: an empty file, or -EPROTO. */
int http_entry_unsatisfied(const struct http_answer *answer, struct entry *entry_out);
/* Whether the answer, described by ENTRY, is of the version VALIDATOR. If so ENTRY gets it. */
bool http_entry_is(const struct http_answer *answer, const char *validator, struct entry *entry);

/* ---- origin_http_ask.c ---- */

void http_ask_start(struct http_op *op);
/* What the answer's headers say of content information. 0 or -EBADMSG. */
int http_ask_answer(const struct http_answer *answer, struct pccrtp_answer *said_out);

/* ---- origin_http_list.c ---- */

/* Whether DIALECT is one of S3, and which. */
bool http_dialect_is_s3(enum http_dialect dialect, enum s3_bucket *bucket_out);

/* ---- one each ---- */

void http_stat_start(struct http_op *op);
void http_stat_cancel(struct http_op *op);
void http_read_start(struct http_op *op);
void http_list_start(struct http_op *op);
/* Ends a list, or makes its pool job end it soon. */
void http_list_cancel(struct http_op *op);

/* ---- origin_http.c ---- */

/* Takes the operation's own things down; origin_end_...() must follow. */
void http_op_clear(struct http_op *op);

#endif
