/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a client offers to which hosted cache and when (hosted-cache.md sections 2, 7 and 11;
 * system.md section 2).
 *
 * A machine without sockets, threads or a clock, like peer/seeker.h: time is an argument, what
 * happens is told by the calls, what is to be done goes out by the outlet, from offering_tick() and
 * offering_stop() only. One thread. The outlet may call nothing of the offering from inside. All
 * memory is taken at the beginning. Nothing here is waited for: whoever reads does not notice
 * whether offers succeed.
 *
 * Rules, beyond the digests':
 *
 * - What. A segment is offered at each further 20 % of it that came from the origin, the last time
 *   when the last block has come; one of a single block once fetched. A block counts once, and
 *   anew if it has to be fetched again later than OFFERING_KEEP_MS after the segment was offered.
 *   Where a hosted cache gave what is not the block, the next block from the origin is enough.
 * - To whom. Servers have numbers in the order in which they were given, and the first that takes a
 *   segment and is not left alone gets it, by version 2.0 if it takes that: that tells no secret.
 * - How. Version 2.0: PCHC_OFFERS_MAX segments together, or those that there are OFFERING_BATCH_MS
 *   after the first; version 1.0: one after the other. A server gets one message of each version
 *   at a time, and has OFFERING_REQUEST_MS for each. Without a port nothing is begun.
 * - Failures. A sequence that fails is over, and the version at that server is left alone for
 *   OFFERING_REST_MS, twice as long each time until one succeeds, up to OFFERING_REST_MAX_MS; by
 *   lot half of that at least, so that not all clients come back together. Its segments go back
 *   to the head of the queue, for the next server or the next time; a segment that was in
 *   OFFERING_TRIES failures is dropped, a wrong answer counting as OFFERING_REFUSED_TRIES, as who
 *   answers was there to take it; not one with status 429 or 5xx, which says that it is not now.
 * - Memory. OFFERING_SEGMENTS segments are known, in whatever state; beyond, the one of which
 *   nothing was told for longest is forgotten. So the queue needs no other bound.
 * - Asking them for blocks is not here (peer/seeker.h), and the two kinds of failure have nothing
 *   to do with each other: who takes no offers is asked for blocks, and the other way round.
 */
#ifndef PEER_OFFERING_H
#define PEER_OFFERING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cache/content_v1_single.h"
#include "cache/digest.h"
#include "peer/pccrr.h"
#include "peer/pchc.h"

#define OFFERING_BATCH_MS 1000    /* hosted-cache.md 11, like the next three */
#define OFFERING_REQUEST_MS 10000 /* request timer, of each message */
#define OFFERING_KEEP_MS 600000   /* what was on offer can still be had */
#define OFFERING_STEPS 5u         /* in which a segment is offered, 20 % each */

/* Our choices: as a machine that restarts, as one that is off for the night; see above. */
#define OFFERING_REST_MS 5000
#define OFFERING_REST_MAX_MS 300000
#define OFFERING_TRIES 8u
#define OFFERING_REFUSED_TRIES 4u

/* As many as a hosted cache has queued of one client (hosted-cache.md 8.4); some 7 MiB. */
#define OFFERING_SEGMENTS 32768u
#define OFFERING_SERVERS_MAX 16u /* our choice */

/* The content tag of all that we offer, PCHC_TAG_SIZE octets. Windows' caches count it as "other".
 */
#define OFFERING_TAG "peerdistfs\0\0\0\0\0\0"

struct offering;

/* What is known of a server from its configuration. */
struct offering_server {
	bool takes_1; /* offers of version 1.0, by HTTPS */
	bool takes_2; /* offers of version 2.0, by HTTP */
};

/* A message that is to be posted. */
struct offering_message {
	uint64_t number;  /* not used again */
	unsigned server;  /* number */
	unsigned version; /* 1: by HTTPS to PCHC_PATH_1; 2: by HTTP to PCHC_PATH_2 */
	enum pchc_type type;
	const uint8_t *octets; /* only until send() returns */
	size_t size;
};

struct offering_outlet {
	/* offering_answered() or offering_broken() is to follow, unless abandon() comes first.
	 * The connection must leave from an address at which our port can be reached. */
	void (*send)(void *owner, const struct offering_message *message);
	/* Nobody waits for the answer to that message any more. */
	void (*abandon)(void *owner, uint64_t number);
	/* What is known of a segment of version 1.0, pointers being good until the next call.
	 * False: nothing any more; or it is not to be told. */
	bool (*describe)(void *owner, struct pccrr_id segment,
			 struct content_v1_single *single_out);
	uint32_t (*random)(void *owner); /* 32 random bits */
	void *owner;
};

struct offering_options {
	struct offering_outlet outlet;
	struct offering_server servers[OFFERING_SERVERS_MAX];
	unsigned server_count;
	uint16_t port;     /* see offering_port() */
	uint64_t seed;     /* random, so that nobody can choose ids that meet */
	uint32_t segments; /* 0: OFFERING_SEGMENTS */
};
/* -EINVAL: too many servers; -ENOMEM. */
int offering_create(const struct offering_options *options, int64_t now_ms,
		    struct offering **offering_out);
/* At any time; nothing goes out. NULL is fine. */
void offering_free(struct offering *offering);
/* What is under way is abandoned, the queue dropped, and nothing more begun. offering_serves() goes
 * on. */
void offering_stop(struct offering *offering, int64_t now_ms);

/* Does what is due. Returns when it wants to be called next; INT64_MAX: never. To be asked again
 * after every other call. */
int64_t offering_tick(struct offering *offering, int64_t now_ms);

/* ---- offers ---- */

/* The port at which we serve the retrieval protocol, as it is named in messages from now on; 0: we
 * do not just now, and offers wait. */
void offering_port(struct offering *offering, uint16_t port);

struct offering_block {
	/* Of the id, digest_size octets; DIGEST_SHA512_TRUNC256 means version 2.0. */
	enum digest_algorithm algorithm;
	struct pccrr_id segment;
	uint32_t length; /* of the segment, octets */
	uint32_t block;  /* in the segment */
};
/* A block came from the origin, is checked, and can be served. Not to be told of those that came
 * from a hosted cache or a neighbour. What cannot be a block, or nobody takes, is passed over.
 * False: there is nothing more to do for it than there was. */
bool offering_came(struct offering *offering, const struct offering_block *block, int64_t now_ms);
/* A hosted cache gave what is not the segment's: the next block of it that comes is offered. */
void offering_spoilt(struct offering *offering, struct pccrr_id id);

/* A response with STATUS came. What is late, or unknown, is passed over. */
void offering_answered(struct offering *offering, uint64_t number, unsigned status,
		       const void *body, size_t size, int64_t now_ms);
/* None will: no address, refused, reset, a certificate that is not trusted. */
void offering_broken(struct offering *offering, uint64_t number, int64_t now_ms);

/* Whether a hosted cache may be asking for the segment: it is on offer, or was OFFERING_KEEP_MS
 * ago. Blocks of it must then be kept and served, and never in plaintext, which would be replayed
 * (hosted-cache.md section 9). */
bool offering_serves(const struct offering *offering, struct pccrr_id segment, int64_t now_ms);
/* Until when that is so of any segment; INT64_MAX: an offer is out; INT64_MIN: none ever was. */
int64_t offering_serves_until(const struct offering *offering);

/* Forgets failures: nobody is left alone any more (`trust reset`). */
void offering_trust(struct offering *offering);

/* ---- for status ---- */

struct offering_server_state {
	int64_t rest_ms[2]; /* how long it gets no offers of version 1.0, 2.0; 0: it does */
};
void offering_look(const struct offering *offering, unsigned server, int64_t now_ms,
		   struct offering_server_state *state_out);

struct offering_counters {
	uint64_t messages; /* that went out */
	uint64_t offered;  /* segments, each time that a sequence with it ended well */
	uint64_t failed;   /* sequences */
	uint64_t dropped;  /* segments that were in too many of them */
	uint64_t pushed;   /* segments forgotten for others while they waited */
	uint32_t queued;   /* segments that wait now */
};
void offering_counters(const struct offering *offering, struct offering_counters *counters_out);

#endif
