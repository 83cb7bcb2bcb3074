/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The inside of offers, a section for each file. How it hangs together:
 *
 *   segment  what was offered, by its id, with its sources: the current one and those that wait
 *   host     an address: its places and judgement; its segments that have something to ask for
 *
 * A segment's states:
 *
 *   TO_LOOK -> LOOKING   there is room for a look
 *   LOOKING -> READY     something is missing; it is in its host's work
 *   READY   -> OPEN      its first exchange begins
 *   LOOKING, READY, OPEN -> TO_LOOK or gone   its current source is done with
 *
 * A segment is in its host's work when it is READY, and while it is OPEN and a block can be asked
 * for. A host is in the list of ready ones, by exchanges under way, when it has work and a place.
 */
#ifndef PEER_OFFERS_PRIVATE_H
#define PEER_OFFERS_PRIVATE_H

#include "peer/offers.h"

#include <sys/queue.h>

#include "peer/recent.h"

#define OFFERS_NEVER INT64_MIN
#define OFFERS_SOURCES (1u + OFFERS_ALTERNATIVES)
#define OFFERS_WORDS RANGE_SET_WORDS(PCCRR_BLOCKS)

struct host {
	LIST_ENTRY(host) in_chain;
	TAILQ_ENTRY(host) in_list; /* ready[busy], or idle without sources */
	TAILQ_HEAD(, offers_segment) work;
	struct xaddr address;            /* its port is the one that was asked last */
	uint32_t sources;                /* in segments, and exchanges */
	uint32_t queued;                 /* segments whose current source it is */
	uint16_t history, history_late;  /* of the last 16 exchanges, a bit for each */
	uint8_t places, busy;            /* exchanges that it may have, and has */
	uint8_t failures_only, timeouts; /* without success; in a row */
	bool ready, succeeded;
	uint16_t out_port; /* that is out, until: */
	int64_t failed_ms, out_until_ms;
	uint32_t out_ms; /* how long it was out last */
};

struct source {
	struct host *host;
	int64_t offered_ms;
	uint32_t size;
	uint16_t port;
	uint8_t algorithm;
	bool informed;
};

enum segment_state { SEGMENT_TO_LOOK, SEGMENT_LOOKING, SEGMENT_READY, SEGMENT_OPEN };

struct offers_segment {
	LIST_ENTRY(offers_segment) in_chain;
	TAILQ_ENTRY(offers_segment) in_queue; /* to_look, or its host's work */
	struct source sources[OFFERS_SOURCES];
	uint64_t wanted[OFFERS_WORDS]; /* of the current source, not asked for yet */
	uint8_t state;                 /* enum segment_state */
	uint8_t source_count, busy;    /* busy: exchanges */
	bool in_work, listed;          /* listed: no list has to be asked for any more */
	uint8_t id_size;
	uint8_t id[PCCRR_ID_SIZE_MAX];
};

/* What the head of offers.h says of memory. */
_Static_assert(sizeof(void *) != 8 || sizeof(struct offers_segment) <= 264, "octets of a segment");
_Static_assert(sizeof(void *) != 8 || sizeof(struct host) <= 120, "octets of an address");

struct exchange {
	struct offers_exchange public;
	LIST_ENTRY(exchange) in_free;
	struct offers_segment *segment;
	struct host *host;
	int64_t begun_ms;
};

LIST_HEAD(segment_chain, offers_segment);
LIST_HEAD(host_chain, host);
TAILQ_HEAD(host_list, host);

struct offers {
	struct offers_options options;
	int64_t now_ms;
	bool stopped, running;
	struct segment_chain *segment_chains;
	uint32_t segment_mask;
	TAILQ_HEAD(, offers_segment) to_look;
	struct host_chain *host_chains;
	uint32_t host_mask;
	struct host_list ready[OFFERS_PLACES], idle; /* idle: the longest first */
	struct recent *spoilt;                       /* giver and id */
	int64_t *spoilt_until_ms;                    /* by slot */
	struct exchange *exchanges;                  /* as many as the limit */
	LIST_HEAD(, exchange) free_exchanges;
	struct offers_counters counters;
};

/* ---- offers.c ---- */

/* Does what can be done; at the end of each call. */
void offers_run(struct offers *offers);

/* ---- offers_host.c ---- */

bool offers_hosts_begin(struct offers *offers);
void offers_hosts_end(struct offers *offers);
/* NULL: no room, no memory. Without a source it may be gone by the next call of this. */
struct host *offers_host_make(struct offers *offers, const struct xaddr *address);
void offers_host_use(struct offers *offers, struct host *host);
void offers_host_unuse(struct offers *offers, struct host *host);
bool offers_host_is_out(const struct offers *offers, const struct host *host, uint16_t port);
/* Puts it where it belongs among the ready ones, having changed. */
void offers_host_settle(struct offers *offers, struct host *host);
/* An exchange with it. */
void offers_host_begins(struct offers *offers, struct host *host);
void offers_host_ends(struct offers *offers, struct host *host);
/* Who is to be asked next; NULL: nobody has work and a place. */
struct host *offers_host_next(struct offers *offers);
/* What follows is about exchanges with PORT. */
void offers_host_good(struct host *host, uint16_t port);
/* It had not what it said to have: no failure, but it may have fewer exchanges at a time. */
void offers_host_empty(struct host *host, uint16_t port);
/* An exchange that began at BEGUN_MS failed. PORT may be out by that. */
void offers_host_failed(struct offers *offers, struct host *host, uint16_t port, bool late,
			int64_t begun_ms);

/* ---- offers_segment.c ---- */

bool offers_segments_begin(struct offers *offers);
void offers_segments_end(struct offers *offers);
struct pccrr_id offers_id(const struct offers_segment *segment);
void offers_spoil(struct offers *offers, const struct offers_giver *giver, struct pccrr_id id);
/* One offer. */
enum offers_fate offers_segment_offer(struct offers *offers, const struct xaddr *server,
				      const struct offers_item *item);
/* What its current source is to give of it, by what is held; false: nothing. */
bool offers_segment_want(const struct offers *offers, struct offers_segment *segment,
			 const struct offers_holding *holding);
void offers_segment_work(struct offers *offers, struct offers_segment *segment);
void offers_segment_unwork(struct offers *offers, struct offers_segment *segment);
/* Nothing more is asked of the current source. */
void offers_segment_over(struct offers *offers, struct offers_segment *segment);
/* The current source is done with, and no exchange under way: the next one's turn, or it is gone.
 */
void offers_segment_advance(struct offers *offers, struct offers_segment *segment);
/* Gone, whoever waits. */
void offers_segment_forget(struct offers *offers, struct offers_segment *segment);

#endif
