/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a hosted cache does about offers: which of the segments that clients say to have are fetched
 * from whom, when, and which blocks of them (hosted-cache.md sections 8.4 and 9). A *pull* is the
 * fetching of a segment from one address; it consists of *exchanges* of the retrieval protocol.
 *
 * A machine without sockets, threads, disk or a clock: time is an argument, what happens is told by
 * the calls, what is to be done goes out by the outlet. One thread. There are no timers: whatever
 * is due is done in a call. The outlet may call nothing of this from inside, but for
 * offers_looked().
 *
 * Rules, beyond the digest's:
 *
 * - Queue. What is offered is looked up first, in the order of offering, OFFERS_LOOKS at a time, so
 *   that offers of what is held already do not wait for exchanges; then it waits at its address.
 *   Of the addresses with something to fetch and a free place, who has the least exchanges under
 *   way comes first, in turn among equals: who stalls holds what he has got, and gets no more as
 *   long as others wait.
 * - Places of an address: retrieval.md 11.3, as are judgements: out after 4 failures without any
 *   success, 12 failures among its last 16 exchanges (a timeout counts twice) or 3 timeouts in a
 *   row, for 60 s, doubling up to an hour. Exchanges that were under way together fail together:
 *   that is one failure. What one who is out offers, or has offered and is waiting, is forgotten.
 * - A pull ends when everything it was for has come, was not there after all, or something failed.
 *   What was asked for together with what failed may come still. Then the next address that offered
 *   the segment is looked at, with what is missing by then; if there is none, the segment is
 *   forgotten. An address waits only once for a segment; when it offers again while it is pulled
 *   from, it is its own next one, since it may have more by now.
 * - An address is IPv4's, or all 128 bits of IPv6's, and its ports are one, as far as bounds and
 *   places go. Who is out is one of its ports alone: another is another program's, or that of the
 *   one that was started anew, which must not suffer for it. What counts for that is what came of
 *   the port that was asked last. Who *gave* a block is an IPv4 address or an IPv6 /64 (section 9).
 * - Complaints are as old as the offer, not as the pull: an offer from before a block came is none.
 *
 * Memory, at most, with OFFERS_LIMITS and pointers of 64 bits: 17 MiB for 65,536 segments (264
 * octets each), 8 MiB for 65,536 addresses (120 octets each), 3 MiB for pairs that were spoilt,
 * 1 MiB of tables: 29 MiB. The last two are taken at the beginning, the others as they come.
 */
#ifndef PEER_OFFERS_H
#define PEER_OFFERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cache/digest.h"
#include "peer/pccrr.h"
#include "peer/xaddr.h"

struct offers;
struct offers_segment;

/* Who gave a block, to be kept beside it: the family and four or eight octets. Zeros: nobody that
 * is known, which is another one than everybody. SERVER: as an exchange has it, never IPv4 inside
 * IPv6. */
#define OFFERS_GIVER_SIZE 9u
struct offers_giver {
	uint8_t octets[OFFERS_GIVER_SIZE];
};
struct offers_giver offers_giver(const struct xaddr *server);

/* One segment that is offered. */
struct offers_item {
	enum digest_algorithm algorithm; /* of the id; it also tells how long blocks are */
	struct pccrr_id id;
	uint32_t size; /* octets of the segment */
	/* Complete content information of the segment is known here, by this offer or another: what
	 * comes is verified, and opaque blocks count as missing. (What is known of any offer's
	 * segment is said again by the look, which may come later.) */
	bool informed;
};

/* Blocks that are held of an id, some that came together. */
struct offers_portion {
	struct range blocks;
	bool verified; /* then nothing of what follows counts */
	struct offers_giver giver;
	enum digest_algorithm algorithm; /* of the offer by which they came */
	uint32_t size;
	int64_t age_ms;
};

/* What is known of an id. Zeros: nothing. */
struct offers_holding {
	bool informed; /* as in struct offers_item */
	const struct offers_portion *portions;
	unsigned count;
};

/* One question to one address. */
struct offers_exchange {
	struct xaddr server;
	enum pccrr_type type;    /* PCCRR_ASK_BLOCK or PCCRR_ASK_LIST */
	struct pccrr_id segment; /* good until offers_told() */
	enum digest_algorithm algorithm;
	uint32_t size;          /* octets of the segment, as it was offered */
	uint32_t block, length; /* PCCRR_ASK_BLOCK; its octets */
	uint64_t blocks[RANGE_SET_WORDS(PCCRR_BLOCKS)]; /* PCCRR_ASK_LIST: asked about */
	bool informed;                                  /* only what is verified is good */
	void *owner; /* free for who carries it out; NULL at first */
};

enum offers_outcome {
	OFFERS_CAME, /* the block, and it is kept; the list */
	OFFERS_NOT_HERE,
	OFFERS_MALFORMED, /* no answer of the protocol, or what section 9 finds impossible */
	OFFERS_WRONG,     /* not what content information says */
	OFFERS_LATE,      /* timed out */
	OFFERS_REFUSED,   /* no connection */
	OFFERS_VANISHED,  /* it broke */
	OFFERS_GAVE_UP,   /* by us, without blame (memory, disk, being stopped) */
	OFFERS_OUTCOMES
};

struct offers_result {
	enum offers_outcome outcome;
	/* OFFERS_CAME: the blocks it has of those asked about (PCCRR_ASK_LIST) */
	const uint64_t *list;
	/* OFFERS_CAME: who had given the opaque block in whose place this one is now (zeros: there
	 * was none, or nobody knows) */
	struct offers_giver replaced;
};

struct offers_outlet {
	/* Find out what is held of ID; offers_looked() follows, from inside or later. ID is good
	 * until then. */
	void (*look)(void *owner, struct offers_segment *segment, struct pccrr_id id);
	/* Ask EXCHANGE->server; offers_told() follows, in the end, for each. */
	void (*ask)(void *owner, struct offers_exchange *exchange);
	/* Whether the cache's own listener is there. */
	bool (*is_own)(void *owner, const struct xaddr *server);
	/* Octets that GIVER has given of what is held opaque, and of all that is held. */
	void (*share)(void *owner, const struct offers_giver *giver, uint64_t *given_out,
		      uint64_t *held_out);
	void *owner;
};

/* Section 8.4 has the first two; the others are our choice. */
struct offers_limits {
	unsigned exchanges; /* under way */
	uint32_t segments; /* queued, those that are being pulled among them; half of one address */
	uint32_t addresses; /* known; those with nothing queued make room */
	uint32_t spoilt;    /* pairs of who gave and id that are remembered for OFFERS_SPOILT_MS */
	int64_t young_ms;   /* a block is not older when an offer of it is no complaint */
};
#define OFFERS_EXCHANGES 64u
#define OFFERS_SEGMENTS 65536u
#define OFFERS_ADDRESSES 65536u
#define OFFERS_SPOILT 65536u
#define OFFERS_YOUNG_MS 60000 /* section 9 */
#define OFFERS_LIMITS                                                                              \
	((struct offers_limits){OFFERS_EXCHANGES, OFFERS_SEGMENTS, OFFERS_ADDRESSES,               \
				OFFERS_SPOILT, OFFERS_YOUNG_MS})

#define OFFERS_PLACES 8u       /* exchanges with an address, at most (retrieval.md 11.3) */
#define OFFERS_ALTERNATIVES 3u /* that wait for a segment that is pulled from another (8.4) */
#define OFFERS_LOOKS 64u       /* at a time: enough for a few disk threads, our choice */
/* Missing blocks that are asked for without asking for a list, if they are adjacent (8.4). */
#define OFFERS_UNLISTED 3u
#define OFFERS_SPOILT_MS (INT64_C(24) * 3600 * 1000) /* section 9: a day; not over a restart */

struct offers_options {
	struct offers_outlet outlet;
	uint64_t seed;               /* random, so that nobody can choose ids that meet */
	struct offers_limits limits; /* zeros: OFFERS_LIMITS */
};
int offers_create(const struct offers_options *options, struct offers **offers_out);
/* No look and no exchange is under way: see offers_stop(). NULL is fine. */
void offers_free(struct offers *offers);
/* All that is queued is forgotten and nothing more is begun. Looks and exchanges under way end as
 * ever. */
void offers_stop(struct offers *offers);
/* Whether nothing is queued, looked up or asked for. */
bool offers_is_idle(const struct offers *offers);

/* A message from SERVER: the connection's address, with its zone if it is link-local, and the port
 * that the message names. What is not worth anything (8.4) is passed over. */
void offers_take(struct offers *offers, const struct xaddr *server, const struct offers_item *items,
		 unsigned count, int64_t now_ms);
/* HOLDING: what was found; NULL: it could not be found out, and the segment is forgotten. */
void offers_looked(struct offers *offers, struct offers_segment *segment,
		   const struct offers_holding *holding, int64_t now_ms);
/* What became of EXCHANGE, which is gone then. A block has been kept or dropped by now. */
void offers_told(struct offers *offers, struct offers_exchange *exchange,
		 const struct offers_result *result, int64_t now_ms);

/* Where room is taken from, if something must go before a block of SERVER can be kept: it displaces
 * the oldest of what it gave itself if it gave over half (section 9). */
enum offers_room { OFFERS_ROOM_OF_ALL, OFFERS_ROOM_OF_ITS_OWN };
enum offers_room offers_room(const struct offers *offers, const struct xaddr *server);

/* Offers, by what became of each at first. */
enum offers_fate {
	OFFERS_QUEUED,    /* a segment more */
	OFFERS_WAITING,   /* somebody else has offered it; now there is one more */
	OFFERS_REPEATED,  /* it was queued of the same address */
	OFFERS_NOTHING,   /* nothing to pull: 8.4, rule 5 */
	OFFERS_UNTRUSTED, /* the address is out, or has spoilt the segment once */
	OFFERS_BEYOND,    /* a limit is reached: forgotten */
	OFFERS_FATES
};
struct offers_counters {
	uint64_t offers[OFFERS_FATES];
	uint64_t needless; /* looks that found nothing to pull */
	uint64_t pulls;    /* begun */
	uint64_t lists[OFFERS_OUTCOMES], blocks[OFFERS_OUTCOMES];
	uint64_t replaced;                              /* blocks that were another's */
	uint32_t segments, addresses, looks, exchanges; /* now */
};
void offers_counters(const struct offers *offers, struct offers_counters *counters_out);
/* Whether the address is put out just now, at SERVER's port; port 0: at any. */
bool offers_is_out(const struct offers *offers, const struct xaddr *server, int64_t now_ms);
/* Forgets judgements of addresses and what was spoilt (`trust reset`). */
void offers_trust(struct offers *offers);

#endif
