/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Carries out what offers decide (peer/offers.h): finds out what the store holds of a segment,
 * fetches lists and blocks from who offers, checks them, and keeps them: verified where content
 * information of the segment is known, else opaque, as they came (hosted-cache.md section 9).
 *
 * Sockets and decisions are on the loop thread; disk, decryption and hashes are jobs of the pool,
 * OFFERS_LOOKS looks and as many blocks at a time as offers have exchanges. A block is decrypted
 * where it was received, and written from there.
 */
#ifndef PEER_PULLER_H
#define PEER_PULLER_H

#include <stdbool.h>
#include <stdint.h>

#include "cache/pool.h"
#include "cache/store.h"
#include "origin/loop.h"
#include "peer/hosted_lists.h"
#include "peer/hosted_share.h"
#include "peer/offers.h"

struct puller;

struct puller_options {
	struct store *store;
	struct pool *pool;
	struct loop *loop;
	struct hosted_lists *lists;
	struct hosted_share *share;
	unsigned timeout_ms;  /* of an exchange; 0: RETRIEVAL_TIMEOUT_MS */
	unsigned connections; /* open at a time; 0: the retrieval client's default */
	bool plaintext;       /* keeps blocks that came unencrypted */
	bool (*is_own)(void *context, const struct xaddr *server);
	/* An exchange with SERVER has ended; OCTETS: of a block that is kept now. On the loop. */
	void (*pulled)(void *context, const struct xaddr *server, enum offers_outcome outcome,
		       uint32_t octets);
	void *context;
};
/* Loop thread, as what follows but for puller_learned() and puller_wait(). */
int puller_create(const struct puller_options *options, struct puller **puller_out);
/* NULL is fine. Nothing is under way. */
void puller_free(struct puller *puller);

/* For offers_create(). */
struct offers_outlet puller_outlet(struct puller *puller);
/* Whom it tells; before anything is offered. */
void puller_begin(struct puller *puller, struct offers *offers);
/* After offers_stop(): exchanges that wait for an answer are given up. */
void puller_stop(struct puller *puller);
/* After puller_stop(): returns when nothing is under way. Not from a loop or pool thread. */
void puller_wait(struct puller *puller);

/* Content information of some segment came into the store. Any thread. */
void puller_learned(struct puller *puller);

struct puller_counters {
	uint64_t bytes, blocks; /* kept, plain octets */
	uint64_t verified;      /* blocks of them */
	uint64_t wrong;         /* blocks that content information or section 9 refuses */
	uint64_t malformed;     /* answers */
	uint64_t not_kept;      /* blocks that the store had no room for */
};
void puller_counters(const struct puller *puller, struct puller_counters *counters_out);

#endif
