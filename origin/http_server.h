/* SPDX-License-Identifier: BSD-2-Clause
 *
 * An HTTP/1.1 server over libevent's: listening, TLS, requests in, answers out. What requests mean
 * is its user's. Loop threads of its own, one per core at most, each with its part of the
 * connections; a request and its callbacks belong to one of them. A client that sends nothing, or
 * takes nothing, for the timeout is dropped, and so is one whose head is too long, or whose request
 * does not become whole in a few timeouts. How long an answer takes is not limited, unless it is
 * asked for.
 *
 * Answered without the user: what is no HTTP/1.0 or 1.1 (505; from 2.0 on 400) or can be understood
 * in two ways (400), methods other than GET, HEAD, POST, PUT, PATCH, DELETE and OPTIONS (501),
 * HTTP/1.1 without Host (400), too long a body (413). The connection ends after these, and after a
 * chunked body.
 *
 * An *exchange* is a request and the answer to it. handle() may answer at once or later; whoever
 * answers later does so from any thread. The answer is put together by http_reply_...() and sent by
 * http_reply(), after which the exchange is gone.
 */
#ifndef ORIGIN_HTTP_SERVER_H
#define ORIGIN_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sockaddr;
struct http_server;
struct http_served; /* an exchange */

struct http_server_options {
	const char *const *listen;     /* NULL-terminated: "PORT", "ADDRESS:PORT", "[ADDRESS]:PORT";
					* port     0: any that is free */
	const char *const *tls_listen; /* NULL: none; likewise */
	const char *tls_cert, *tls_key; /* PEM files, for tls_listen */
	/* TLS 1.0 and 1.1 too, and what OpenSSL else refuses for being old (security level 0):
	 * where clients speak no more. Else from 1.2 on. */
	bool tls_old;
	unsigned threads;          /* 0: one per core */
	unsigned timeout;          /* seconds */
	unsigned connections;      /* at a time; more are closed at once; 0: no limit */
	unsigned connections_each; /* likewise, of one address */
	/* More are not closed at once if one is idle: they take the place of the one that has been
	 * idle for longest, where it is that limit, of their address. */
	bool displace;
	/* Milliseconds from a request's first octet to its last; 0: a few timeouts, and from when
	 * it could have come. Then the timeout is for who is idle, or takes nothing, alone. */
	unsigned request_ms;
	/* From then to the end of its answer, upon which the connection is reset; also how long a
	 * client may take nothing of what the system has for it. 0: no limit. */
	unsigned answer_ms;
	/* Octets of an answer that the system takes at once; 0: as it sees fit. */
	unsigned send_buffer;
	/* Whether SOURCE may connect to LOCAL: else the connection is closed before anything is
	 * read. On a loop thread. NULL: always. */
	bool (*welcome)(void *context, const struct sockaddr *source, const struct sockaddr *local);
	uint64_t body_limit; /* octets of a request's body that are taken; above: 413. Each
			      * connection may hold so many in memory */
	/* Of a request for TARGET, not more than that; on a loop thread. NULL: the same for all. */
	uint64_t (*body_limit_of)(void *context, const char *target);
	/* On a loop thread; must not block. */
	void (*handle)(void *context, struct http_served *served);
	void *context;
};

/* Whether WHERE has the form of a place to listen on. */
bool http_server_is_place(const char *where);
/* 0, or a negative errno with a MESSAGE: which address or file, what, and what to do. Requests may
 * come before this returns. */
int http_server_create(const struct http_server_options *options, struct http_server **server_out,
		       char *message, size_t message_size);
/* "ADDRESS:PORT" of listener INDEX as it came to be, TLS ones behind the others. -ENOENT: no such.
 */
int http_server_address(const struct http_server *server, unsigned index, char *buffer,
			size_t size);
/* Reads certificate and key anew, from the same files: connections from now on have these. Else the
 * former ones stay in use: -EINVAL, -ENOMEM, with a MESSAGE: which file, what, and what to do.
 * Without tls_listen there is nothing to read. Any thread. */
int http_server_reload_tls(struct http_server *server, char *message, size_t message_size);
/* No further request is handled; connections end when their answer is sent. Any thread. */
void http_server_stop(struct http_server *server);
/* Stops it and cuts its connections. Waits for those who answer later: each exchange that was
 * handed out is still to be answered (or ended), by another thread than the caller's. Not from a
 * callback. NULL is fine. */
void http_server_free(struct http_server *server);

/* The request. Strings are valid until http_reply() or http_reply_begin(), also when the client has
 * left. */
const char *http_served_method(const struct http_served *served);
/* As it came, no octet changed: origin form ("/a%20b?c"), absolute form for whatever host, or "*".
 * No spaces and no control characters are in it; all else may be, also octets above 127 and names
 * without a slash before them. */
const char *http_served_target(const struct http_served *served);
/* 1 for HTTP/1.1, 0 for 1.0. */
unsigned http_served_minor(const struct http_served *served);
bool http_served_tls(const struct http_served *served);
/* Who asks, with port and zone; of IPv4, or of IPv6. */
const struct sockaddr *http_served_source(const struct http_served *served);
/* The values of a header in order, at most MAX; returns how many there are. */
unsigned http_served_fields(const struct http_served *served, const char *name,
			    const char **fields_out, unsigned max);
/* The request's body. NULL when there is none. */
const void *http_served_body(const struct http_served *served, size_t *size_out);

/* Whether the client is seen to have left: it has reset the connection, or (SILENT) it sends no
 * more, which clients do that leave, and a few that wait. Cheap; whoever answers may call it. */
bool http_served_left(const struct http_served *served, bool silent);

/* The answer. Loop thread of the exchange, or, from within handle() or later, one other thread.
 * What fails for want of memory makes http_reply() close the connection, and so does a header that
 * is not one line. Content-Length, Transfer-Encoding, Connection and Date are the server's; such
 * that are given are left out. */
void http_reply_header(struct http_served *served, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* The body, in pieces; copied. */
void http_reply_bytes(struct http_served *served, const void *data, size_t size);
/* Likewise, not copied: DATA stays as it is until RELEASE is called, once, on any thread: it is in
 * the socket's buffer, or not needed. */
void http_reply_lend(struct http_served *served, const void *data, size_t size,
		     void (*release)(const void *data, size_t size, void *context), void *context);
/* LENGTH octets of FILE from OFFSET on; the descriptor is taken over and closed. Sent by sendfile
 * where the connection allows; never read into memory as a whole. The disk is read by the loop
 * thread. When the file has become shorter the connection is cut. */
void http_reply_file(struct http_served *served, int file, uint64_t offset, uint64_t length);
/* More of the file that was last given, by the same descriptor. */
void http_reply_file_again(struct http_served *served, uint64_t offset, uint64_t length);
/* Sends it. Content-Length is set here; HEAD is answered without the body, 204 and 304 without body
 * and length; Date is added. */
void http_reply(struct http_served *served, int status);
/* The same, later. http_server_free() waits for it. */
void http_reply_after(struct http_served *served, int status, unsigned delay_ms);
/* The connection is to end with this answer. Before http_reply(). */
void http_reply_last(struct http_served *served);

/* Instead of an answer the connection is closed. */
void http_reply_none(struct http_served *served);
/* Takes back all that was given for the answer, which is begun anew. */
void http_reply_anew(struct http_served *served);

/* An answer whose body comes bit by bit: instead of http_reply(). LENGTH -1: not known, chunked. */
struct http_stream {
	void (*room)(void *context); /* the next octets may be given; on the loop thread */
	/* The last call, exactly one: the end was sent (WHOLE), or the client left, perhaps before
	 * http_reply_end(); on the loop thread. A client that closes its sending half has left,
	 * unless MADE_HERE: that is then seen as soon as it takes nothing more. */
	void (*gone)(void *context, bool whole);
	void *context;
	bool made_here; /* the octets do not wait for anybody else's */
};
void http_reply_begin(struct http_served *served, int status, int64_t length,
		      const struct http_stream *stream);
/* Copied. Any one thread at a time. 0: go on; -EAGAIN: taken, but wait for room() or gone();
 * -EPIPE: the client has left, nothing is taken any more. */
int http_reply_more(struct http_served *served, const void *data, size_t size);
/* The end, and the exchange's; not WHOLE, or other than LENGTH octets were given: the connection is
 * cut, so that the client sees that something is missing; by a reset where it would take the end of
 * the connection for the body's, as also when it is cut for any other reason. gone() follows unless
 * it has come. Must be called, also after -EPIPE and gone(). */
void http_reply_end(struct http_served *served, bool whole);

#endif
