/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The retrieval server: gives other machines the blocks that the store holds, checked or opaque
 * (cache/store_opaque.h), one HTTP exchange a block, encrypted (MS-PCCRR; retrieval.md sections 2,
 * 9 and 10). Loop threads of its own take requests; look-up, reading and encryption are jobs of the
 * pool, at most `uploads` of them at a time: beyond it requests are answered empty, at once.
 * Requests are hostile: nothing of theirs decides what is allocated, and how long one may take is
 * bounded in every respect (section 9.1).
 */
#ifndef PEER_RETRIEVAL_SERVER_H
#define PEER_RETRIEVAL_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cache/pool.h"
#include "cache/store.h"
#include "peer/xaddr.h"

#define RETRIEVAL_UPLOADS 64u
/* The upload timer of the specification, which goes from 100 ms to 1 h, and, our choice, the same
 * for the request. */
#define RETRIEVAL_UPLOAD_MS 15000u
#define RETRIEVAL_REQUEST_MS RETRIEVAL_UPLOAD_MS
/* Our choice. One iPXE asks by 32 connections. */
#define RETRIEVAL_IDLE 60u
#define RETRIEVAL_CONNECTIONS 1024u
#define RETRIEVAL_CONNECTIONS_EACH 256u
/* A block that the rate would hold back for longer is answered empty: clients wait for 2 s (section
 * 11.3). Our choice. */
#define RETRIEVAL_RATE_WAIT_MS 1000u
/* Tried in this order where the configuration names no port (interface.md, listen). */
#define RETRIEVAL_PORT_FIRST 1337u
#define RETRIEVAL_PORT_LAST 1352u

struct http_served;
struct retrieval_server;

/* How blocks of a segment may be given. */
enum retrieval_manner {
	RETRIEVAL_NOT,       /* as if nothing of it were held */
	RETRIEVAL_ENCRYPTED, /* whatever is asked for */
	RETRIEVAL_AS_ASKED,  /* in plaintext too, if `plaintext` is set */
};

struct retrieval_server_options {
	struct store *store;
	struct pool *pool;
	/* "ADDRESS" or "[ADDRESS]" to listen on alone; NULL: all of IPv4 and IPv6, and `welcome`
	 * decides. */
	const char *address;
	unsigned port_first, port_last; /* the first that is free; 0 and 0: any */
	/* Instead of these three: as in origin/http_server.h. NULL: there are none. */
	const char *const *listen;
	unsigned uploads; /* requests served at a time; 0: RETRIEVAL_UPLOADS */
	/* Octets a second of blocks, all together; 0: no limit. What comes too soon waits, its
	 * place taken, for RETRIEVAL_RATE_WAIT_MS at most; else it is answered empty. */
	uint64_t rate;
	bool plaintext; /* to who asks for it (retrieval.md section 7) */
	/* Whether a machine at SOURCE may ask at our address LOCAL: who may not has his connection
	 * closed before anything is read. Any thread. NULL: everybody may. */
	bool (*welcome)(void *context, const struct xaddr *source, const struct xaddr *local);
	/* Whether a machine at SOURCE gets an answer: 403 else, and the connection ends. Any
	 * thread. NULL: all do. */
	bool (*permitted)(void *context, const struct xaddr *source);
	/* How the segment ID is given. Pool thread. NULL: RETRIEVAL_AS_ASKED. */
	enum retrieval_manner (*manner)(void *context, const uint8_t *id, size_t id_size);
	/* Requests for another path than ours, of those who are permitted; on a loop thread, like
	 * http_server's handle(). NULL: 404. */
	void (*other)(void *context, struct http_served *served);
	/* Octets of the body of such a request that are taken: 413 from its announced length else.
	 * 0: as of our own. */
	uint64_t other_body_max;
	/* Who is at SOURCE has asked for what is not held of the segment ID. Pool thread. NULL:
	 * nobody wants to know. */
	void (*unserved)(void *context, const struct xaddr *source, const uint8_t *id,
			 size_t id_size);
	void *context;
	/* 0: the default of each. */
	unsigned request_ms;  /* from the first octet of a request to its last */
	unsigned upload_ms;   /* from then to the end of the answer */
	unsigned idle;        /* seconds without a request */
	unsigned connections; /* at a time: a new one takes the place of the one longest idle, and
			       * is closed if none is */
	unsigned connections_each; /* of one address, likewise */
};

/* 0, or a negative errno with a MESSAGE: what, which address, what to do. -EADDRINUSE: all ports
 * are taken. */
int retrieval_server_create(const struct retrieval_server_options *options,
			    struct retrieval_server **server_out, char *message,
			    size_t message_size);
/* Cuts connections, waits for jobs and for what the rate holds back. Not from a loop or pool
 * thread. NULL is fine. */
void retrieval_server_free(struct retrieval_server *server);
/* The port that was got; of several addresses, the first one's. */
unsigned retrieval_server_port(const struct retrieval_server *server);
/* As http_server_address(). */
int retrieval_server_address(const struct retrieval_server *server, unsigned index, char *buffer,
			     size_t size);

struct retrieval_served {
	/* What was sent: blocks, and their plain octets, of opaque ones as their offers said. */
	uint64_t bytes, blocks;
	uint64_t requests; /* valid ones, of all kinds */
	uint64_t busy; /* of these, answered empty because too many were being served, or for the
			* rate */
	uint64_t malformed;
	uint64_t unwelcome; /* connections */
	uint64_t forbidden; /* requests, by `permitted` */
};
void retrieval_server_counters(const struct retrieval_server *server,
			       struct retrieval_served *served_out);

#endif
