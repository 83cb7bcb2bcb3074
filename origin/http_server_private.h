/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Shared by the files of the HTTP server only. A connection, its evhttp objects and its exchange
 * belong to one thread; what is guarded otherwise says so.
 *
 * evhttp parses heads and bodies, keeps connections alive and writes heads of answers. What it does
 * not do, or not well enough for strangers, is done here and said where it is done.
 */
#ifndef ORIGIN_HTTP_SERVER_PRIVATE_H
#define ORIGIN_HTTP_SERVER_PRIVATE_H

#include <netinet/in.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/queue.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/listener.h>

#include "origin/http_guests.h"
#include "origin/http_server.h"
#include "origin/loop.h"

/* Request line and headers: our choice, more than any browser sends. */
#define HTTP_HEAD_MAX (64u << 10)
/* A request is to be whole within so many timeouts, plus the time its largest body takes at
 * HTTP_BODY_RATE octets a second: who drips octets holds a place no longer. Our choice. */
#define HTTP_REQUEST_TIMEOUTS 4
#define HTTP_BODY_RATE (4u << 10)
/* What a stream may have waiting before its giver is told to wait; room() comes at half. */
#define HTTP_STREAM_WAITING (1u << 20)
/* "[ADDRESS%INTERFACE]:PORT" */
#define HTTP_ADDRESS_MAX 96

/* ---- http_listen.c ---- */

struct http_listener {
	int fd;
	bool tls;
	char address[HTTP_ADDRESS_MAX];
};

/* WHERE as in struct http_server_options. */
int http_listen(const char *where, bool tls, struct http_listener *listener_out, char *message,
		size_t message_size);

/* ---- http_tls.c ---- */

/* The former one, if there is one, is replaced when all was read. */
struct http_tls {
	pthread_mutex_t lock;
	SSL_CTX *context; /* guarded by lock; NULL: no TLS */
	char *cert, *key; /* files */
	bool old;         /* as in struct http_server_options */
};

void http_tls_begin(struct http_tls *tls);
void http_tls_end(struct http_tls *tls);
/* As http_server_create() for the fields of that name in OPTIONS. */
int http_tls_set(struct http_tls *tls, const struct http_server_options *options, char *message,
		 size_t message_size);
/* For a new connection, with what is in use now. NULL: no memory. Any thread. */
SSL *http_tls_new(struct http_tls *tls);

/* ---- http_server.c ---- */

#define HTTP_CONNECTION_BUCKETS 256u
LIST_HEAD(http_connections, http_connection);
TAILQ_HEAD(http_arrivals, http_connection);

struct http_thread {
	struct http_server *server;
	struct loop *loop;
	struct evhttp *plain, *tls;
	struct evconnlistener **accepting; /* as many as the server has listeners; may be NULL */
	bool stopping;
	struct http_connections connections[HTTP_CONNECTION_BUCKETS]; /* by their bufferevent */
	struct event *arrival;                                        /* some of these are new: */
	struct http_arrivals arrived;                                 /* in that order */
	struct http_guest_list displaced; /* guarded by the lock of the server's guests */
	atomic_bool displacing;           /* the task of that name is under way */
	struct loop_task start, stop, cut, displace;
	int start_error;
};

struct http_server {
	void (*handle)(void *context, struct http_served *served);
	void *context;
	bool (*welcome)(void *context, const struct sockaddr *source, const struct sockaddr *local);
	unsigned timeout, request_ms, answer_ms, send_buffer;
	uint64_t body_limit;
	uint64_t (*body_limit_of)(void *context, const char *target);
	struct http_tls tls;
	struct http_listener *listeners;
	unsigned listener_count;
	struct http_thread *threads;
	unsigned thread_count;
	struct timeval idle; /* the timeout */
	sem_t told;          /* a thread has started, or was cut */
	atomic_bool stopped;
	struct http_guests guests;

	pthread_mutex_t lock;
	pthread_cond_t fewer;
	unsigned exchanges; /* guarded by lock: not yet released */
};

void http_server_exchange_begun(struct http_server *server);
void http_server_exchange_ended(struct http_server *server);

/* ---- http_arrival.c ---- */

/* For evhttp_set_bevcb(); ARG is a thread. */
struct bufferevent *http_arrival_plain(struct event_base *base, void *arg);
struct bufferevent *http_arrival_tls(struct event_base *base, void *arg);
/* On the thread, before it accepts. 0; -ENOMEM. */
int http_arrival_begin(struct http_thread *thread);
void http_arrival_end(struct http_thread *thread);
/* For struct http_guests. */
void http_arrival_displaced(struct http_guest *victim);

/* ---- http_connection.c ---- */

union http_source {
	struct sockaddr any;
	struct sockaddr_in four;
	struct sockaddr_in6 six;
};

struct http_connection {
	LIST_ENTRY(http_connection) siblings;
	TAILQ_ENTRY(http_connection) arrivals;
	struct http_thread *thread;
	struct bufferevent *buffers; /* a reference of ours: evhttp has another */
	struct http_served *served;  /* the exchange under way, or NULL */
	struct http_guest guest;
	union http_source source; /* known when it was looked at */
	/* When the next request must be whole, or the answer be sent; leaving: the end. */
	int64_t deadline_ms;
	bool tls;
	bool arriving;  /* not looked at yet */
	bool begun;     /* octets of the next request have come */
	bool full;      /* at the last sweep: of a request that is not whole no more is read */
	bool displaced; /* ends after the answer */
	bool known;     /* evhttp tells us of its end */
	bool linger;    /* the client may be sending still when we close */
	/* The look through the head of the request that comes: */
	bool head_ended, line_begins, has_nul, target_seen;
	bool leaving; /* evhttp has let go; what the client still sends is thrown away */
	bool posted;  /* task is under way, and it alone may free this */
	struct loop_task task;
};

/* For BUFFERS, of which it keeps a reference; NULL: no memory. */
struct http_connection *http_connection_new(struct http_thread *thread, struct bufferevent *buffers,
					    bool tls);
/* NULL: not one of ours. */
struct http_connection *http_connection_find(struct http_thread *thread, struct bufferevent *bev);
/* Ends it now, if nothing is being answered; else after the answer, or when evhttp lets go. */
void http_connection_turn_away(struct http_connection *connection);
/* A whole request is there. From now on evhttp tells when EVCON ends, and SERVED learns of it. */
void http_connection_serve(struct http_connection *connection, struct evhttp_connection *evcon,
			   struct http_served *served);
/* Also while nothing is read from the client its leaving is noticed; never a read timeout. */
void http_connection_listen_for_end(struct http_connection *connection);
/* The exchange is over: the next request may come. */
void http_connection_ready(struct http_connection *connection);
/* The client is to see that its end is no proper one. */
void http_connection_reset(struct http_connection *connection);
/* Called every now and then on the thread: ends those that are overdue. */
void http_connection_sweep(void *thread);
/* Ends those that no exchange holds. */
void http_connection_end_idle(struct http_thread *thread);
/* Lets go of all; evhttp must have done so before. */
void http_connection_forget_all(struct http_thread *thread);

/* ---- http_served.c ---- */

/* Held by its pieces, and by what the connection still has to send of them: of one thread at a
 * time, as the exchange. */
struct http_file {
	int file;
	unsigned users;
};

struct http_piece {
	struct http_piece *next;
	struct http_file *file; /* NULL: data */
	uint64_t offset, length;
	const void *data;
	void (*release)(const void *data, size_t size, void *context); /* of data */
	void *context;
};

struct http_stream_state {
	struct http_stream user;
	int64_t left; /* octets of the body not sent yet; -1: not known */
	bool known;   /* the loop has seen that there is a stream */
	bool begun;   /* the head is sent */
	bool ending;  /* http_reply_end() was seen by the loop: nobody else knows the exchange */

	pthread_mutex_t lock; /* guards what follows */
	struct evbuffer *given;
	size_t output; /* in the connection, at the last look */
	bool posted;   /* the exchange's task is under way */
	bool ended, whole;
	bool client_left, wants_room;
	bool broken; /* something could not be kept */
};

/* Fields are of the loop thread, those of the answer before http_reply() of who answers. */
struct http_served {
	struct http_thread *thread;
	struct http_connection *connection; /* NULL: the client has left */
	struct evhttp_request *request;     /* NULL: evhttp has freed it, all is sent */
	const char *method;
	char peer[HTTP_ADDRESS_MAX]; /* for logs */
	union http_source source;
	int socket; /* closed before the answer only by the server's end; another's by then */
	unsigned minor;
	bool tls;
	bool bad_version;
	bool bad_head;
	bool head;     /* HEAD: no body in the answer */
	bool last;     /* the connection ends with this answer */
	bool linger;   /* and the client may still be sending then */
	bool answered; /* http_reply() has arrived on the loop */
	bool posted;   /* from another thread */
	const void *body;
	size_t body_size;
	struct loop_task task;

	/* the answer */
	bool failed; /* something of it could not be kept */
	int status;
	struct http_piece *first, **end;
	struct http_file *file; /* the last that was given, or NULL */
	uint64_t length;
	unsigned delay_ms;

	bool streaming;
	struct http_stream_state stream;
};

/* For evhttp_set_gencb(); ARG is a thread. */
void http_served_arrived(struct evhttp_request *request, void *arg);
/* The connection is no more. */
void http_served_gone(struct http_served *served);
void http_served_free(struct http_served *served);

/* ---- http_reply.c ---- */

/* Headers that are the server's, then the head. LENGTH -1: not known. */
void http_reply_head(struct http_served *served, int64_t length);
/* An answer without a body, whatever the method. */
bool http_reply_bodiless(const struct http_served *served);
void http_reply_free_pieces(struct http_served *served);
/* Ends the connection in the middle of the answer. RESET: so that the client cannot take the end
 * for the body's. */
void http_reply_cut(struct http_served *served, bool reset);

/* ---- http_stream.c ---- */

/* The client left, or (WHOLE) all is sent. Returns whether the exchange may be released. */
bool http_stream_over(struct http_served *served, bool whole);
/* Whether the end of the connection would be taken for that of the body. */
bool http_stream_ends_with_connection(const struct http_served *served);
void http_stream_free(struct http_served *served);

#endif
