/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The origin as a source of names, attributes and bytes: an HTTP(S) server or a local directory,
 * behind one small set of operations. Every operation is asynchronous: it may be started from any
 * thread, its callbacks run on the loop thread, and "done" is called exactly once.
 *
 * PATH is relative to the origin's root, decoded, without slashes at the ends; "" is the root.
 *
 * What starting an operation returns is a number in the shape of a pointer, never used twice: NULL
 * means there was no memory, and done will not be called.
 *
 * Errors of "done" (negative errno):
 *   -ENOENT       not there (404, 410)
 *   -EACCES       not for us (401, 403, 407)
 *   -ESTALE       there, but no longer the version that was asked for
 *   -ENOTDIR      origin_list(): it answers, but not with a listing
 *   -EBADMSG      the answer contradicts itself or the question (Content-Range, lengths, encoding)
 *   -ELOOP        redirected more often than 10 times, or to where we do not go
 *   -EFBIG        a listing over its limits
 *   -EREMOTEIO    5xx, 429: trouble over there          } transient: see origin_transient();
 *   -EHOSTUNREACH no connection, no name, TLS refused   } origin_stat() and origin_list() have
 *   -ECONNRESET   cut short                             } tried again before they say so,
 *   -ETIMEDOUT    too slow                              } origin_read() has not
 *   -ECANCELED    origin_cancel()
 *   -EPROTO       any other answer
 */
#ifndef ORIGIN_ORIGIN_H
#define ORIGIN_ORIGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cache/directory.h"
#include "cache/pool.h"
#include "origin/loop.h"

/* Largest listing, in octets as sent. */
#define ORIGIN_LISTING_MAX (512ull << 20)

struct origin;
struct origin_request;

struct origin_options {
	const char *url;      /* http://, https://, file:// ; without user part */
	unsigned connections; /* at most, at a time */
	unsigned timeout;     /* seconds; a transfer under 1 KiB/s for half of it is given up */
	const char *const *headers; /* "Name: value", NULL-terminated; NULL: none */
	const char *user;           /* NAME:PASSWORD; NULL: none, as all below */
	const char *netrc, *cacert, *cert, *certkey, *proxy;
	bool insecure;
	/* What catalog facts of a former mount say; NULL: nothing. See origin_dialect(). */
	const char *dialect;
};

/* 0, or a negative errno with a MESSAGE (what is wrong with URL or options). Does not connect. */
int origin_open(const struct origin_options *options, struct loop *loop, struct pool *pool,
		struct origin **origin_out, char *message, size_t message_size);
/* Ends requests in progress, and all that are started later, with -ECANCELED. */
void origin_stop(struct origin *origin);
/* Stops it and waits for the last end. Not from the loop thread. NULL is fine. */
void origin_close(struct origin *origin);

enum origin_priority {
	ORIGIN_READER,
	ORIGIN_AHEAD,
	ORIGIN_SHARED /* ahead, on a line that neighbours fetch over as well: few at a time */
};

/* What PATH is: kind, size, mtime, validator, ranges. "checked" is set to now. */
typedef void origin_stat_done(void *context, int error, const struct entry *entry);
struct origin_request *origin_stat(struct origin *origin, const char *path,
				   enum origin_priority priority, origin_stat_done *done,
				   void *context);

/* What the origin says of a file besides, for who passes it on: values of headers as they came, ""
 * where there is none. A Cache-Control that is too long to be kept is "no-store". */
#define ORIGIN_SAID_MAX 256
struct origin_said {
	char type[ORIGIN_SAID_MAX], cache_control[ORIGIN_SAID_MAX];
};
typedef void origin_look_done(void *context, int error, const struct entry *entry,
			      const struct origin_said *said);
/* origin_stat() with that. */
struct origin_request *origin_look(struct origin *origin, const char *path,
				   enum origin_priority priority, origin_look_done *done,
				   void *context);

/* The names in PATH. The callback takes DIRECTORY over when ERROR is 0; else it is NULL. */
typedef void origin_list_done(void *context, int error, struct directory *directory);
struct origin_request *origin_list(struct origin *origin, const char *path, origin_list_done *done,
				   void *context);

struct origin_reader {
	/* The answer's head was accepted: ENTRY describes the whole object, the body's first octet
	 * is START (0 when the origin ignored the range; ENTRY_NO_RANGES is then set in
	 * entry->flags), LENGTH octets follow (-1: until the end of the connection). Return a
	 * negative errno to give up: done gets it. */
	int (*begin)(void *context, const struct entry *entry, uint64_t start, int64_t length);
	/* The next octets. 0; -EAGAIN: not taken, call origin_resume() when they can be; another
	 * negative errno to give up: done gets it. */
	int (*bytes)(void *context, const void *data, size_t length);
	void (*done)(void *context, int error);
	/* Whether it is still to be sent, having waited for its turn; if not, done gets -ECANCELED.
	 * NULL: always. */
	bool (*wanted)(void *context);
};
enum origin_purpose {
	ORIGIN_ORDINARY,
	ORIGIN_MISSING_DATA /* content information is here, nobody nearer has these octets: told to
			     * the server by MissingDataRequest (http-extension.md section 7) */
};
/* VALIDATOR: only this version will do (else -ESTALE before any octet); "": any. LENGTH 0: all from
 * OFFSET on (OFFSET 0: a GET without Range). Bodies are of the identity form, always; what begin
 * announced is what bytes deliver in sum, or done has an error. */
struct origin_request *origin_read(struct origin *origin, const char *path, const char *validator,
				   uint64_t offset, uint64_t length, enum origin_purpose purpose,
				   enum origin_priority priority,
				   const struct origin_reader *reader, void *context);

/* Asking for the content information of a file. The origin answers with it, or with the file. */
struct origin_question {
	const char *validator; /* only this version will do (else -ESTALE); "": any */
	unsigned versions;     /* bits: 1 for version 1.0, 2 for 2.0 of content information */
	bool hash_request;     /* its hashes were to be made: wait for them */
	bool no_cache;         /* past caches on the way */
};
struct origin_answer {
	struct entry entry; /* of the content, as for a read; entry.size is the content's */
	bool information;   /* content information follows, else the content from octet 0 on */
	int64_t length;     /* octets that follow; -1 unknown */
	bool spoke;         /* the origin knows the protocol (it sent some X-P2P header) */
	bool make;          /* it makes the hashes now: ask once more, with hash_request */
};
struct origin_asker {
	/* As of origin_reader. Content information is not read here: what begin announced as its
	 * length was checked against the limits of section 7, what it says was not. */
	int (*begin)(void *context, const struct origin_answer *answer);
	int (*bytes)(void *context, const void *data, size_t length);
	void (*done)(void *context, int error);
};
/* -EOPNOTSUPP: this kind of origin never has content information. -EBADMSG: content information
 * under another coding. A plain answer in a coding is given as it is, without a validator. begin is
 * called with the first octet of the body. */
struct origin_request *origin_ask(struct origin *origin, const char *path,
				  const struct origin_question *question,
				  enum origin_priority priority, const struct origin_asker *asker,
				  void *context);
/* Any thread, callbacks included, at any time before origin_close(): once done has been or is being
 * called they do nothing. A resume that comes before its -EAGAIN is not kept for it. A queued
 * request may be made urgent. */
void origin_cancel(struct origin *origin, struct origin_request *request);
void origin_resume(struct origin *origin, struct origin_request *request);
void origin_hurry(struct origin *origin, struct origin_request *request);

/* Whether trying again later makes sense. */
bool origin_transient(int error);
/* What was found out about how the origin lists directories, to be handed to origin_open() of a
 * later mount. Copies at most SIZE octets with the NUL. */
void origin_dialect(struct origin *origin, char *buffer, size_t size);
/* The URL of PATH without user, password and query, for people. */
void origin_url(struct origin *origin, const char *path, char *buffer, size_t size);

struct origin_counters {
	uint64_t requests, bytes;   /* sent; body octets received */
	uint64_t errors, malformed; /* failed for any reason; of these, answers that do not parse */
};
void origin_counters(struct origin *origin, struct origin_counters *counters_out);

#endif
