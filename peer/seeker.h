/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Which neighbour gives which block, and when nobody is waited for (discovery.md section 6,
 * retrieval.md section 11, system.md section 3). A *want* is a block of a segment that somebody
 * here lacks. The seeker asks the LAN who has the segment, asks who has it for the block, spreads
 * blocks over those who have them, judges them by what they give, and says at last: it came, or get
 * it from the origin, and why.
 *
 * A machine without sockets, threads or a clock: time is an argument, what happens is told by the
 * calls, what is to be done goes out by the outlet. peer/neighbours.c runs it on a loop,
 * tests/bench/simulation.c runs a thousand under a virtual clock. One thread. The outlet may call
 * nothing of the seeker from inside.
 *
 * Rules, beyond the digests':
 *
 * - Discovery. Segments of wants that come together share a Probe (WSD_BATCH_1, WSD_BATCH_2), a
 *   segment that is looked for already is joined. Answers are used as they come. The request timer
 *   is SEEKER_COLLECT_MS, but a want waits for a first answer only SEEKER_PATIENCE_MS from the
 *   Probe on (answers come within 65 ms on a quiet LAN); its segment can still be found by later
 *   answers. Who served a block of a stream is asked for what follows in it at once, without a
 *   Probe; when that is given, no Probe is needed. Not more than 100 Probes a second.
 * - Alone. After SEEKER_SILENCE Probes in a row that nobody answered in time, and nothing heard of
 *   anybody for a minute, no Probe, no answer and no block, wants are refused at once
 *   (SEEKER_ALONE), and only now and then, once a second at most, a Probe goes out for some of
 *   them. Any answer, and any Probe heard, ends that.
 * - Choice. A block is asked of one who has it, with a free place (retrieval.md 11.3: 1, one more
 *   after each good block up to 8, half after a timeout or reset), least busy first, by lot among
 *   equals. Where all are busy it waits for a place; urgent ones first, then by stream and place.
 *   Version 1 segments of which 4 blocks in a row or more are wanted: the block list is asked for
 *   first (11.1) of who holds it in part.
 * - Overtaking. An exchange that takes four times as long as that peer usually does, at least
 *   SEEKER_SLOW_MS and at most a second, is overtaken: another who has the block is asked as
 *   well, and where there is none the want is told to be late: its owner may get it from the
 *   origin too, and whichever comes first counts; of what nobody waits for yet he is told a
 *   second later. What a peer usually takes follows quickly when he gets slower, so that a busy
 *   machine is not deserted. What waits behind one that gives nothing at all any more is late
 *   too, and what the reader waits for, when other blocks come but it does not.
 * - Judging. As retrieval.md 11.3: out after 4 failures without success, or 12 of the last 16
 *   exchanges, or 3 timeouts in a row, for 60 s, doubling up to 1 h. A bad block is never asked
 *   of the same one again. An empty answer is no failure, and is remembered for 5 s at most,
 *   half a second of who gave something in the last 10 s: he is rather full. Who says to have,
 *   and gives nothing, 4 times in a row is not believed for 5 s, doubling up to a minute. After
 *   4 failures a want is refused.
 * - Crowds (peer/seeker_crowd.c). Probes heard from others tell who wants the same segments now.
 *   If nobody has one, who was the first by far fetches it from the origin; among those who came
 *   nearly together, us included, the one with the least hash of segment id and address
 *   (SEEKER_CHOSEN). The others ask him again, of whom not more often than every 100 ms, with
 *   growing pauses, and when he has something go on at full speed; if his retrieval address is
 *   not known, they look for him by further Probes. A want waits so for no longer than the
 *   origin would take (seeker_origin), at least SEEKER_CROWD_MS, longer the more fetch at a
 *   time; as long as blocks of its stream keep coming from neighbours the wait begins anew with
 *   each. Who was waited for in vain does not count for 10 s, then it is the next one's turn;
 *   waits in vain get shorter, until a block comes. An empty server list does not count for such
 *   a segment. An asker is one machine, whatever families it asks by: its copies share a
 *   MessageID, and IPv4 counts, if there is any.
 * - Suppliers. Who gave the last blocks of a stream, has not what follows, and was not heard to
 *   ask for it, was there before us, and may well be fetching it: he is asked again likewise,
 *   for as long if he was heard to read in the last 5 s, else for 300 ms.
 * - Hosted caches (peer/seeker_hosted.c; system.md section 2, hosted-cache.md section 12) are known
 *   by number, and are there until they are taken away. For each new segment all of them are asked
 *   when a Probe would go out, as many segments at once as are wanted, up to SEEKER_HOSTED_IDS
 *   (MSG_GETSEGLIST); what they name they hold as a neighbour does. At equal load they come before
 *   neighbours, and the one given first before the next. A want waits for their answers four times
 *   as long as these usually take, SEEKER_HOSTED_PATIENCE_MS at least; when all have answered, and
 *   no Probe is outstanding, it is refused at once. One of which a timeout was the last that was
 *   heard is waited for SEEKER_SLOW_MS only, lest one that is gone costs a second each time. What
 *   they lack is asked for again after 5 s at the soonest, and not polled: neither crowds nor
 *   suppliers are made of them. While one is not out nobody is alone. One that does not
 *   understand the question (anything else than an answer comes of it, or nothing) is not asked
 *   it for 10 minutes, and blocks are asked of it as if it had all segments; where nothing came,
 *   in time or before the connection ended, only once that has happened to a later question too,
 *   since one that restarts, or is busy, does the same. Wrong blocks are not its fault, as it
 * replays what others offer: of that segment nothing is asked of it for 10 minutes, and it is out,
 * for 60 s each time, only when 12 of the last 16 segments of which it gave anything were wrong.
 * Refusals and timeouts lead to its next address, and count, as those of peers, when all have
 * failed.
 */
#ifndef PEER_SEEKER_H
#define PEER_SEEKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "peer/pccrr.h"
#include "peer/thinning.h"
#include "peer/wsd.h"

#define SEEKER_COLLECT_MS 300
#define SEEKER_PATIENCE_MS 100
#define SEEKER_SILENCE 2u
#define SEEKER_SLOW_MS 150
#define SEEKER_CROWD_MS 1000
#define SEEKER_HOSTED_MAX 16u      /* hosted caches; our choice, as the next four */
#define SEEKER_HOSTED_ADDRESSES 8u /* of one name */
#define SEEKER_HOSTED_IDS 256u     /* in a question; 2,729 ids fit, 256 ages come back */
#define SEEKER_HOSTED_PATIENCE_MS 250
#define SEEKER_HOSTED_FIRST_MS 1000 /* for the first answer: a connection, a cold disk */

struct seeker;

/* Why a want is refused, that is, has to come from the origin. */
enum seeker_reason {
	SEEKER_CAME,      /* (not refused) */
	SEEKER_ALONE,     /* nobody answers here, so nobody was asked */
	SEEKER_NO_ANSWER, /* nobody has the segment, or said so in time */
	SEEKER_CHOSEN,    /* several want it, nobody has it, and it is ours to fetch it */
	SEEKER_EMPTY,     /* who was said to have the segment does not give the block */
	SEEKER_BAD,       /* what was given was not the block */
	SEEKER_TIMEOUT,   /* who has it is too slow, or waiting for who is chosen took too long */
	SEEKER_FAILED,    /* connections failed, or gave something else than an answer */
	SEEKER_BANNED,    /* all who have it are out */
	SEEKER_BUSY,      /* over a limit: of Probes, of memory */
	SEEKER_ENDED,     /* the seeker is being stopped */
	SEEKER_REASONS
};
/* "no answer", "hash mismatch", ...: for `explain`. */
const char *seeker_reason_name(enum seeker_reason reason);

/* Embedded in its owner's struct. */
struct seeker_want {
	/* The owner's, constant as long as it is sought. */
	enum wsd_form form; /* the version of the content information */
	uint8_t id[DIGEST_SIZE_MAX];
	uint8_t id_size;
	bool urgent;     /* somebody waits; may become true later: seeker_hurry() */
	uint32_t block;  /* in the segment */
	uint32_t blocks; /* that the segment has */
	uint32_t length; /* octets of the block */
	uint64_t stream; /* which content, a number that is not used again */
	uint64_t place;  /* where in it, octets */
	/* The seeker's. */
	struct seeker_state *state; /* NULL: not sought */
};

/* One question to one peer, the seeker's own. */
struct seeker_exchange {
	struct xaddr server;
	enum pccrr_type type; /* PCCRR_ASK_BLOCK, _LIST or, of a hosted cache, _SEGMENTS */
	struct pccrr_id segment;
	uint32_t block;           /* PCCRR_ASK_BLOCK */
	uint32_t first, count;    /* PCCRR_ASK_LIST: blocks asked about */
	const struct wsd_id *ids; /* PCCRR_ASK_SEGMENTS: ID_COUNT of them */
	unsigned id_count;
	bool hosted;              /* SERVER is a hosted cache */
	struct seeker_want *want; /* PCCRR_ASK_BLOCK; NULL once nobody waits for it any more */
	void *owner;              /* free for who carries it out; NULL at first */
};

enum seeker_outcome {
	SEEKER_GOOD, /* the block, checked; the list */
	SEEKER_NOT_HERE,
	SEEKER_WRONG,     /* not the block */
	SEEKER_MALFORMED, /* no answer of the protocol, or another status than 200 */
	SEEKER_CLOSED,    /* PCCRR_ASK_SEGMENTS: the connection ended without an answer */
	SEEKER_LATE,      /* timed out */
	SEEKER_BROKEN,    /* refused or reset */
	SEEKER_GAVE_UP    /* by us, without blame (want NULL, being stopped, no memory) */
};

struct seeker_outlet {
	/* Multicast this Probe, twice (backoff_copy_ms). */
	void (*probe)(void *owner, const struct wsd_probe *probe);
	/* Ask EXCHANGE->server; seeker_told() follows, in the end, for each. */
	void (*ask)(void *owner, struct seeker_exchange *exchange);
	/* WANTS are their owner's again, and are to come from the origin. Neighbours of a stream
	 * come together, ascending. */
	void (*refuse)(void *owner, struct seeker_want *const *wants, unsigned count,
		       enum seeker_reason reason);
	/* May come from the origin too, but is still sought; once for each want. */
	void (*late)(void *owner, struct seeker_want *const *wants, unsigned count,
		     enum seeker_reason reason);
	uint32_t (*random)(void *owner); /* 32 random bits */
	void *owner;
	/* All addresses of hosted cache NUMBER fail: perhaps its name has others by now. NULL:
	 * nobody wants to know. */
	void (*unreachable)(void *owner, unsigned number);
};

/* What is remembered of who has what (discovery.md section 6). The life times are Windows' own; the
 * text has 15 s for a found server too. */
struct seeker_limits {
	uint32_t lists;    /* segments of which something is known, beside those that are wanted */
	uint32_t per_list; /* servers of each */
	int64_t empty_ms, found_ms;
};
#define SEEKER_LISTS 4096u
#define SEEKER_PER_LIST 16u
#define SEEKER_EMPTY_MS 15000
#define SEEKER_FOUND_MS 60000
#define SEEKER_LIMITS                                                                              \
	((struct seeker_limits){SEEKER_LISTS, SEEKER_PER_LIST, SEEKER_EMPTY_MS, SEEKER_FOUND_MS})

struct seeker_options {
	struct seeker_outlet outlet;
	uint64_t seed;
	struct seeker_limits limits; /* zeros: SEEKER_LIMITS */
	uint32_t probes;             /* a second; 0: BUCKET_PROBES_RATE */
	bool hosted_only;            /* no Probes go out */
};
int seeker_create(const struct seeker_options *options, int64_t now_ms, struct seeker **seeker_out);
/* No want is sought and no exchange under way: see seeker_stop(). NULL is fine. */
void seeker_free(struct seeker *seeker);
/* Every want is refused (SEEKER_ENDED); exchanges under way end by seeker_told(). Nothing more is
 * begun. */
void seeker_stop(struct seeker *seeker, int64_t now_ms);

/* Whether to seek at all: false while alone. Any thread, cheap; true once a second, so that it is
 * noticed when somebody comes. */
bool seeker_worthwhile(struct seeker *seeker, int64_t now_ms);

/* Neighbouring wants of one stream, ascending. */
void seeker_seek(struct seeker *seeker, struct seeker_want *const *wants, unsigned count,
		 int64_t now_ms);
void seeker_hurry(struct seeker *seeker, struct seeker_want *want, int64_t now_ms);
/* The want is its owner's again at once: it came from elsewhere, or nobody wants it any more.
 * Nothing happens to one that is not sought. */
void seeker_drop(struct seeker *seeker, struct seeker_want *want, int64_t now_ms);

/* The answer to EXCHANGE has arrived, and is being checked: the peer may be asked for the next.
 * OCTETS of its body. */
void seeker_received(struct seeker *seeker, struct seeker_exchange *exchange, size_t octets,
		     int64_t now_ms);
/* What became of it; EXCHANGE is gone, with seeker_received() before or not. With SEEKER_GOOD and a
 * block the want, if there still is one, is its owner's again. LIST: the blocks it holds of those
 * asked about (PCCRR_ASK_LIST, SEEKER_GOOD), or positions of IDS (PCCRR_ASK_SEGMENTS, likewise). */
void seeker_told(struct seeker *seeker, struct seeker_exchange *exchange,
		 enum seeker_outcome outcome, const uint64_t *list, int64_t now_ms);

/* Whether MESSAGE_ID is of one of our Probes that is outstanding (or was, a moment ago). */
bool seeker_is_ours(const struct seeker *seeker, const char *message_id);
/* The Probe that an answer's RelatesTo names; NULL: none that is outstanding. */
const struct wsd_probe *seeker_probe(const struct seeker *seeker, const char *relates_to);
/* What one neighbour, SOURCE, says to our PROBE; SERVERS: its addresses that passed peer/nearby.h,
 * the one to ask first in front. */
void seeker_answer(struct seeker *seeker, const struct wsd_probe *probe, const struct xaddr *source,
		   const struct xaddr *servers, unsigned server_count,
		   const struct wsd_claim *claims, unsigned claim_count, int64_t now_ms);
/* The machine at SERVER is asked at another address from now on, for a minute at least: what it is
 * known to have by this one is forgotten. */
void seeker_retire(struct seeker *seeker, const struct xaddr *server, int64_t now_ms);
/* Whether the server at ADDRESS is put out just now. */
bool seeker_is_out(const struct seeker *seeker, const struct xaddr *address);
/* A Probe of another machine, SOURCE, a neighbour, repeats included. */
void seeker_heard(struct seeker *seeker, const struct wsd_probe *probe, const struct xaddr *source,
		  int64_t now_ms);
/* By which of our addresses others know us: for crowds. */
void seeker_self(struct seeker *seeker, const struct xaddr *addresses, unsigned count);
/* What the origin takes lately: octets a second of what we read from it, and ms to a first octet.
 * Zeros: not known. */
void seeker_origin(struct seeker *seeker, uint64_t octets_per_second, unsigned first_ms);

/* Hosted cache NUMBER has these ADDRESSES, of which the first that works is asked; more than
 * SEEKER_HOSTED_ADDRESSES are passed over. COUNT 0: it is not to be asked any more. */
void seeker_hosted(struct seeker *seeker, unsigned number, const struct xaddr *addresses,
		   unsigned count, int64_t now_ms);

/* Does what is due. Returns when it wants to be called next; INT64_MAX: never. To be asked again
 * after every other call. */
int64_t seeker_tick(struct seeker *seeker, int64_t now_ms);

/* How many answered when we first looked for a segment (peer/thinning.h). */
struct thinning seeker_thinning(const struct seeker *seeker, const uint8_t *id, size_t id_size);
/* Forgets all judgements of peers (`trust reset`). */
void seeker_trust(struct seeker *seeker);

struct seeker_peer {
	struct xaddr address;
	uint64_t blocks, bytes; /* good ones that it gave */
	uint64_t bad;           /* wrong hashes and malformed answers */
	uint64_t failures;      /* timeouts, refusals, resets */
	unsigned places, busy;  /* exchanges that it may have at a time, and has */
	unsigned exchange_ms;   /* what one usually takes; 0: not known */
	int64_t banned_ms;      /* how long it is out still; 0: it is not */
};
/* The most recently used ones, hosted caches not among them; returns how many. */
unsigned seeker_peers(const struct seeker *seeker, struct seeker_peer *peers_out, unsigned room,
		      int64_t now_ms);

struct seeker_hosted_state {
	struct seeker_peer peer; /* at the address in use; family 0: none is known */
	bool lists;              /* understands MSG_GETSEGLIST, for all that is known */
};
void seeker_hosted_state(const struct seeker *seeker, unsigned number, int64_t now_ms,
			 struct seeker_hosted_state *state_out);

struct seeker_counters {
	uint64_t probes, answers; /* answers that were used */
	uint64_t late_answers;    /* of them, those that nobody waited for any more */
	uint64_t asked, good, empty, wrong, timeouts, broken;
	uint64_t overtaken;
	uint64_t lists; /* questions to hosted caches; not among what was asked above */
	uint64_t refused[SEEKER_REASONS];
	bool alone;
};
void seeker_counters(const struct seeker *seeker, struct seeker_counters *counters_out);

#endif
