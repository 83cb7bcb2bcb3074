/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A hosted cache, all of it in one object (MS-PCHC, MS-PCCRR; hosted-cache.md sections 2, 8, 9 and
 * 13): the retrieval server and offers of version 2.0 by HTTP, offers of version 1.0 by HTTPS, what
 * is done about them (peer/offers.h), pulling from those who offer (peer/puller.h) and keeping what
 * came: verified where content information is known, else opaque (cache/store_opaque.h).
 */
#ifndef PEER_HOSTED_CACHE_H
#define PEER_HOSTED_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cache/pool.h"
#include "cache/store.h"
#include "origin/loop.h"
#include "peer/offer_intake.h"
#include "peer/offers.h"
#include "peer/retrieval_server.h"

/* Connections and uploads of a hosted cache (retrieval.md section 9.1). */
#define HOSTED_CACHE_CONNECTIONS 4096u
#define HOSTED_CACHE_UPLOADS 1024u

struct hosted_cache;

struct hosted_cache_options {
	struct store *store;
	struct pool *pool;
	struct loop *loop;
	const char *const *listen;     /* NULL-terminated, as in origin/http_server.h */
	const char *const *tls_listen; /* NULL: no offers of version 1.0 */
	const char *tls_cert, *tls_key;
	bool tls_old; /* TLS 1.0 and 1.1 too, for Windows 7 (section 2) */
	/* Who may offer and retrieve. Any thread. NULL: loopback, link-local and private addresses
	 * (section 13). */
	bool (*permitted)(void *context, const struct xaddr *source);
	void *context;
	bool plaintext;      /* keeps and gives unencrypted blocks */
	bool interested;     /* answers PCHC_INTERESTED to each initial offer (section 8.1) */
	unsigned uploads;    /* 0: HOSTED_CACHE_UPLOADS */
	unsigned timeout_ms; /* of an exchange with who offers; 0: RETRIEVAL_TIMEOUT_MS */
	struct offers_limits limits; /* zeros: OFFERS_LIMITS */
};

/* 0, or a negative errno with a MESSAGE: what, which address or file, what to do. */
int hosted_cache_create(const struct hosted_cache_options *options, struct hosted_cache **cache_out,
			char *message, size_t message_size);
/* Takes no further offers, asks nobody any more. Any thread but the loop's and the pool's. */
void hosted_cache_stop(struct hosted_cache *cache);
/* Stops it; waits for what is under way. Likewise. NULL is fine. */
void hosted_cache_free(struct hosted_cache *cache);

/* As http_server_address(); TLS ones behind the others. */
int hosted_cache_address(const struct hosted_cache *cache, unsigned index, char *buffer,
			 size_t size);
/* Reads certificate and key anew, for connections from now on; after a failure, of which MESSAGE
 * says all, the former ones stay in use. Any thread. */
int hosted_cache_reload(struct hosted_cache *cache, char *message, size_t message_size);

struct hosted_cache_counters {
	struct retrieval_served served;
	struct offer_intake_counters intake;
	struct offers_counters offers;
	uint64_t pulled_bytes, pulled_blocks; /* kept, plain octets where that is known */
	uint64_t verified_blocks;             /* of them */
	uint64_t wrong;     /* blocks that content information or section 9's checks refuse */
	uint64_t malformed; /* answers */
	uint64_t not_kept;  /* blocks that the store had no room for */
};
/* Any thread but the loop's. */
void hosted_cache_counters(struct hosted_cache *cache, struct hosted_cache_counters *counters_out);

/* Who offers, most recent first. */
struct hosted_cache_client {
	struct xaddr address; /* without a port */
	uint64_t blocks, bytes, bad;
	bool banned;
};
/* Returns how many. Any thread but the loop's. */
unsigned hosted_cache_clients(struct hosted_cache *cache, struct hosted_cache_client *clients_out,
			      unsigned room);
/* Forgets judgements of those who offer (`trust reset`). Likewise. */
void hosted_cache_trust(struct hosted_cache *cache);

#endif
