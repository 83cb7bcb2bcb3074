/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The content server: a source of contents (content_source.h) behind an HTTP server, as plain HTTP
 * for everyone and with content information for who asks. What requests mean is content_answer.h's.
 *
 * Loop threads of the HTTP server take requests and send answers; all else, files and directories
 * above all, is done by the pool, and by two threads that mostly sleep: one watches the time of
 * those who wait for content information, one walks the tree (content_walk.h).
 */
#ifndef ORIGIN_CONTENT_SERVER_H
#define ORIGIN_CONTENT_SERVER_H

#include "cache/pool.h"
#include "origin/content_source.h"
#include "origin/http_server.h"
#include "origin/publish.h"

struct content_server;

struct content_server_options {
	/* As of http_server_options. */
	const char *const *listen, *const *tls_listen;
	const char *tls_cert, *tls_key;
	unsigned connections;
	/* For their ends see content_server_stop(). */
	struct content_source *source;
	struct publish *publish;
	struct pool *pool;
	unsigned versions; /* that are offered: bits 1 and 2 */
	uint64_t min_size; /* least octets of a file that has content information; at least 1 */
	int walked;        /* descriptor of a tree to be walked, if not lazy; else -1 */
};

/* Our choices. Windows waits longer than this for an answer. */
#define CONTENT_SERVER_WAIT_MS 10000
#define CONTENT_SERVER_WAITERS 64
/* As other servers keep idle connections. */
#define CONTENT_SERVER_TIMEOUT 75
/* Bodies of requests are read and thrown away. */
#define CONTENT_SERVER_BODY_MAX 65536

/* 0, or a negative errno with a MESSAGE. It answers once this returns. */
int content_server_create(const struct content_server_options *options,
			  struct content_server **server_out, char *message, size_t message_size);
/* As http_server_address(). */
int content_server_address(const struct content_server *server, unsigned index, char *buffer,
			   size_t size);
/* Counted when the answer begins, whatever the client then takes of it. */
struct content_server_counters {
	uint64_t requests;           /* of all kinds, that the HTTP server did not refuse */
	uint64_t octets;             /* of files, given as they are */
	uint64_t informations;       /* content information given in their place */
	uint64_t information_octets; /* of these */
	uint64_t unreadable;         /* answers that say that the source failed: 500, 502, 504 */
	uint64_t busy;               /* answers that put off: 503 */
};
void content_server_counters(const struct content_server *server,
			     struct content_server_counters *counters_out);
/* Has the publisher forget what it keeps of the file at PATH (as of content_target.h). 0 or a
 * negative errno of the source. Not on a loop thread, and not while the server is being stopped. */
int content_server_forget(struct content_server *server, const char *path);
/* Answers and ends all that can be ended from here. What the publisher will still call back for,
 * and the last steps of pool jobs, need the server: so publish_free() and pool_destroy() come
 * before content_server_free(), and the source is closed last. */
void content_server_stop(struct content_server *server);
/* NULL is fine. */
void content_server_free(struct content_server *server);

#endif
