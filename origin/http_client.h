/* SPDX-License-Identifier: BSD-2-Clause
 *
 * HTTP exchanges over libcurl's multi interface, driven by the loop: at most so many at a time,
 * readers first, connections kept alive. An exchange is one request and one answer; redirects are
 * answers like others. All functions and callbacks: loop thread only.
 */
#ifndef ORIGIN_HTTP_CLIENT_H
#define ORIGIN_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include <curl/curl.h>

#include "origin/http_setup.h"
#include "origin/loop.h"

#define HTTP_LINES_MAX 6

struct http_client;

/* An answer's head, while head() runs. */
struct http_answer {
	long status;
	CURL *handle;
	bool undecodable; /* and no body will come */
};
/* The header's value, or NULL when there is none. Of several the first. */
const char *http_answer_header(const struct http_answer *answer, const char *name);
/* The same for a header that may be there only once: -EBADMSG when several differ. */
int http_answer_single(const struct http_answer *answer, const char *name, const char **value_out);
/* Of a header that is a list: the values of its lines in order, then NULL. -EBADMSG when there are
 * more than the array holds. */
#define HTTP_ANSWER_LINES_MAX 16
int http_answer_lines(const struct http_answer *answer, const char *name,
		      const char *lines_out[HTTP_ANSWER_LINES_MAX + 1]);
/* Content-Length; -1 when there is none or the length is given by other means. -EBADMSG. */
int http_answer_length(const struct http_answer *answer, int64_t *length_out);

enum http_state { HTTP_IDLE, HTTP_QUEUED, HTTP_ACTIVE };

/* Embedded in the caller's struct, zero at first. The first part is the caller's and stays as it is
 * until done has been called. */
struct http_exchange {
	const char *method; /* GET, HEAD, or another that may have a payload */
	const char *url;
	const char *payload; /* NULL: none */
	size_t payload_size; /* 0: it is a string */
	/* What the URL's host has for addresses ("HOST:PORT:ADDRESS,ADDRESS", as of
	 * CURLOPT_RESOLVE); NULL: it is looked up. */
	struct curl_slist *resolved;
	bool home; /* the URL is of ORIGIN's scheme, host and port */
	bool urgent;
	bool shared;         /* not urgent, and only a few such at a time */
	bool as_sent;        /* see http_setup_coding() */
	unsigned timeout_ms; /* for all of it; 0: as long as it is not too slow */
	/* The answer's head. 0 or a negative errno to give up: done gets it. */
	int (*head)(struct http_exchange *exchange, const struct http_answer *answer);
	/* 0; -EAGAIN: not taken, it comes again after http_resume(); or a negative errno. */
	int (*body)(struct http_exchange *exchange, const void *data, size_t length);
	/* Whether it is still to be sent, having waited for its turn; if not, done gets
	 * -ECANCELED. NULL: always. */
	bool (*wanted)(const struct http_exchange *exchange);
	/* Last; head and body are called before it and in this order. The exchange may be freed or
	 * started anew in it. */
	void (*done)(struct http_exchange *exchange, int error);

	/* http_client.c's */
	enum http_state state;
	bool head_seen, paused, refused, ahead_counted, shared_counted;
	int error;
	size_t head_octets;
	CURL *handle;
	char reason[CURL_ERROR_SIZE]; /* curl's words for a failure */
	struct http_client *client;
	struct curl_slist lines[HTTP_LINES_MAX];
	unsigned line_count;
	TAILQ_ENTRY(http_exchange) queue;
};

int http_client_create(struct loop *loop, const struct http_setup *setup, unsigned connections,
		       struct http_client **client_out);
/* No exchange may be queued or active. NULL is fine. */
void http_client_free(struct http_client *client);

/* Adds a header line, before http_start(). LINE must stay until done. Lines hold for further starts
 * until they are dropped. */
void http_line(struct http_exchange *exchange, const char *line);
void http_drop_lines(struct http_exchange *exchange);
/* The caller's last step: without memory done is called before this returns. */
void http_start(struct http_client *client, struct http_exchange *exchange);
/* Ends the exchange without calling done; nothing happens to an idle one. Not from its head or
 * body. */
void http_cancel(struct http_exchange *exchange);
void http_resume(struct http_exchange *exchange);
/* Makes a queued exchange urgent. */
void http_hurry(struct http_exchange *exchange);
/* Whether every address that home connections went to was of the kind that redirects must not lead
 * to from elsewhere. */
bool http_client_home_is_local(const struct http_client *client);
/* Body octets received. Any thread. */
uint64_t http_client_octets(const struct http_client *client);

#endif
