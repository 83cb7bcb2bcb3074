/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The seeker's inside, a section for each file. How it hangs together:
 *
 *   stream   a content that somebody reads: its wants in their order, its suppliers (who gave its
 *            blocks lately)
 *   segment  what is asked for by id: its wants that wait, its holdings, its crowd
 *   holding  that a peer has, or may have, something of a segment
 *   peer     a retrieval server: places, judgement, exchanges; also that of a hosted cache, which
 * is not in the table of peers, since it is known by number and not by address
 *
 * A want is *pending* while it is to be asked of somebody (also of a second one, when the first is
 * slow). Whatever happens changes the tables and marks segments as dirty; seeker_run(), at the end
 * of each call, reviews those, fills places that are free, sends Probes, and hands out what is
 * refused. A segment's review offers its pending wants to holdings with free places and queues the
 * holding at its peer where there is none, so that a block that comes costs no search. What only
 * time decides (waiting, polling) is looked at in rounds of a stream.
 */
#ifndef PEER_SEEKER_PRIVATE_H
#define PEER_SEEKER_PRIVATE_H

#include "peer/seeker.h"

#include <stdatomic.h>

#include "peer/alarms.h"
#include "peer/bucket.h"
#include "peer/range_set.h"
#include "peer/recent.h"

#define SEEKER_NEVER INT64_MIN

/* Our choices, all of them. */
#define SEEKER_HEARD 4096u      /* segments of which it is only known that others want them */
#define SEEKER_STREAMS 256u     /* streams remembered without wants */
#define SEEKER_PEERS 1024u      /* as many machines as a LAN has */
#define SEEKER_HOSTS 2048u      /* hosts heard of, whose retrieval address may not be known */
#define SEEKER_ASKERS 32u       /* remembered of a segment; those who are chosen sooner stay */
#define SEEKER_SUPPLIERS 8u     /* of a stream: enough to fill any reader */
#define SEEKER_PLACES 8u        /* retrieval.md 11.3 */
#define SEEKER_TRIES 4u         /* failures of a want, then the origin is nearer */
#define SEEKER_LIST_FROM 4u     /* blocks wanted: ask for the list first (retrieval.md 11.1) */
#define SEEKER_ROUND_MS 100     /* nothing is asked twice of one peer within (11.3) */
#define SEEKER_PAUSE_MAX_MS 500 /* and pauses do not grow beyond */
#define SEEKER_LACKS_MS 5000    /* an empty answer is remembered (11.3) */
#define SEEKER_GATHER_MS 20     /* what is not urgent waits for company in its Probe */
#define SEEKER_PATIENCE_MAX_MS 250
#define SEEKER_SLOW_MAX_MS 1000  /* who is always slow is slow */
#define SEEKER_SUPPLIER_MS 10000 /* who gave a block of a stream may have what follows */
/* See seeker_crowd.c. */
#define SEEKER_NEAR_MS 60 /* less than SEEKER_PATIENCE_MS, by what a datagram takes */
#define SEEKER_COHORT_MS 250
#define SEEKER_SETTLE_MS 100
#define SEEKER_CROWD_MAX_MS 10000 /* and no longer for others, whatever the origin takes */
#define SEEKER_AHEAD_MAX (16u << 20)
#define SEEKER_POLLS 200u        /* polls a second, of all peers */
#define SEEKER_BACKGROUND_MS 400 /* between Probes for what a supplier seems to have */
/* See seeker_hosted.c. */
#define SEEKER_HOSTED_ASKING 4u /* questions to one at a time; others gather meanwhile */
#define SEEKER_HOSTED_RATE 500u /* questions a second, to all of them */
/* Longer no want waits, whatever happens: a little less than the request timer, so that of what no
 * answer comes to nothing more is tried. */
#define SEEKER_HOSTED_WAIT_MS 1900
#define SEEKER_HOSTED_JUDGED 16u /* segments (retrieval.md 11.3, like the next two) */
#define SEEKER_HOSTED_WRONG 12u  /* of them */
#define SEEKER_HOSTED_SPOILT_MS 600000

enum { ALARM_PEER, ALARM_STREAM, ALARM_PROBE, ALARM_GATHER, ALARM_HOSTED };

struct seeker_state;
struct segment;
struct stream;
struct peer;
struct probe;
struct exchange;
struct hosted;

TAILQ_HEAD(seeker_states, seeker_state);
TAILQ_HEAD(segments, segment);
TAILQ_HEAD(holdings, holding);
TAILQ_HEAD(exchanges, exchange);
TAILQ_HEAD(peers, peer);
TAILQ_HEAD(streams, stream);
TAILQ_HEAD(probes, probe);
LIST_HEAD(segment_chain, segment);
LIST_HEAD(peer_chain, peer);
LIST_HEAD(stream_chain, stream);

enum { SEGMENT_CHAINS = 8192, PEER_CHAINS = 1024, STREAM_CHAINS = 256 };

/* A want's. */
struct seeker_state {
	struct seeker_want *want;
	struct segment *segment;
	struct stream *stream;
	TAILQ_ENTRY(seeker_state) in_stream;
	TAILQ_ENTRY(seeker_state) in_pending; /* while PENDING; and among the refused */
	TAILQ_ENTRY(seeker_state) in_late;    /* while TOLD_LATE */
	struct exchange *exchanges[2];
	int64_t waiting_ms; /* since when it waits for who may be fetching it; or NEVER */
	int64_t ready_ms;   /* since when it waits for a place; or NEVER */
	enum seeker_reason reason;
	uint8_t tries;
	bool pending;   /* to be asked of somebody */
	bool served;    /* somebody has it, but no free place; as of the last review */
	bool late;      /* told so */
	bool told_late; /* in the list of those to be told so */
};

/* ---- seeker_segment.c: what is known of segments ---- */

enum segment_place { SEGMENT_LIVE, SEGMENT_KNOWN, SEGMENT_HEARD };

struct segment {
	LIST_ENTRY(segment) in_chain;
	TAILQ_ENTRY(segment) in_idle, in_dirty, in_queue, in_hosted;
	enum segment_place place;
	enum wsd_form form;
	uint32_t blocks; /* 0: not known */
	unsigned want_count, pending_count, pending_urgent;
	struct seeker_states pending; /* ascending */
	struct holdings holdings;
	unsigned holding_count;
	struct probe *probe; /* that looks for it, outstanding */
	int64_t looked_ms;   /* when one last went out; NEVER */
	int64_t refused_ms;  /* when none could, for their rate; NEVER */
	bool dirty, queued;  /* in the list of the dirty; in that of those to be looked for */
	struct crowd *crowd; /* NULL: nobody else was heard to want it */
	int64_t own_ms;      /* when we were first heard to want it; NEVER */
	/* Hosted caches, a bit each: to be asked, while it is queued; those whose answer is waited
	 * for. */
	uint16_t hosted_todo, hosted_asked;
	bool hosted_queued;
	int64_t hosted_ms; /* when it was last to be asked; NEVER */
	struct thinning thinning;
	uint8_t id_size;
	uint8_t id[DIGEST_SIZE_MAX];
};

struct holding {
	struct segment *segment;
	struct peer *peer;
	TAILQ_ENTRY(holding) in_segment, in_peer, in_ready;
	struct holdings *ready; /* the peer's queue in which it is; NULL */
	int64_t until_ms;
	bool blind;  /* a guess, from the stream */
	bool whole;  /* claimed */
	bool listed; /* HAVE is what it has */
	bool listing;
	bool spoilt;     /* it gave a bad block */
	int64_t list_ms; /* when it may be asked for the list */
	int32_t list_pause_ms;
	int64_t lacks_until_ms;  /* how long LACKS counts */
	int64_t late_until_ms;   /* so long who asks again is told of a timeout */
	int64_t spoilt_until_ms; /* of a hosted cache: so long nothing of it is asked */
	int32_t lacks_pause_ms;
	unsigned words;
	uint64_t bits[]; /* have, lacks, bad: WORDS each */
};

struct segment *seeker_segment_find(const struct seeker *seeker, const uint8_t *id, size_t id_size);
/* PLACE: KNOWN for what is wanted, HEARD else. NULL: no memory. */
struct segment *seeker_segment_make(struct seeker *seeker, enum wsd_form form, const uint8_t *id,
				    size_t id_size, enum segment_place place);
/* A want of it begins, ends. */
void seeker_segment_enter(struct seeker *seeker, struct segment *segment);
void seeker_segment_leave(struct seeker *seeker, struct segment *segment);
void seeker_segment_dirty(struct seeker *seeker, struct segment *segment);
void seeker_segments_end(struct seeker *seeker);

struct holding *seeker_holding_find(const struct segment *segment, const struct peer *peer);
/* Found or made, as a guess at first. NULL: no memory, or no room. */
struct holding *seeker_holding_make(struct seeker *seeker, struct segment *segment,
				    struct peer *peer);
/* The same in the middle of a review, which would have no end if those guessed at could take each
 * other's room: where there is none, who has given something gets that of who never has. */
struct holding *seeker_holding_guess(struct seeker *seeker, struct segment *segment,
				     struct peer *peer);
void seeker_holding_free(struct seeker *seeker, struct holding *holding);
void seeker_holding_ready(struct holding *holding, bool urgent);
void seeker_holding_unready(struct holding *holding);
/* Whether it may have the block, as far as is known. */
bool seeker_holding_has(const struct holding *holding, uint32_t block, int64_t now_ms);
void seeker_holding_lacks(struct holding *holding, uint32_t block, int64_t pause_ms,
			  int64_t now_ms);
void seeker_holding_bad(struct holding *holding, uint32_t block);
/* A guess that was wrong goes, but for what must not be forgotten. */
void seeker_holding_unguess(struct seeker *seeker, struct holding *holding);
/* SET: the blocks of FIRST to FIRST + COUNT that it has. Whether any is new. */
bool seeker_holding_list(struct holding *holding, const uint64_t *set, uint32_t first,
			 uint32_t count);

/* ---- seeker_peer.c: the table of peers, and judging ---- */

enum peer_rank { PEER_UNPROVEN, PEER_OUT, PEER_PROVEN, PEER_RANKS };

struct peer {
	struct xaddr address;
	struct hosted *hosted;     /* whose it is; NULL: a neighbour */
	LIST_ENTRY(peer) in_chain; /* these two: of neighbours only */
	TAILQ_ENTRY(peer) in_order;
	enum peer_rank rank;
	struct holdings holdings;
	struct holdings ready[2];   /* with pending wants: urgent ones, others */
	struct exchanges exchanges; /* unanswered, oldest first */
	unsigned exchange_count;    /* also those being checked */
	unsigned places, busy;      /* without EXCHANGE_SEGMENTS */
	int64_t exchange_16ths;     /* ms, smoothed */
	int64_t heard_ms;           /* when an answer last came */
	int64_t good_ms;            /* and a good block */
	uint64_t blocks, octets, bad, failures;
	unsigned failures_only; /* since the last success, or the last ban, if there was none */
	bool succeeded;         /* since then */
	unsigned timeouts;      /* in a row */
	uint16_t history, history_late; /* the last 16 exchanges: failed; by a timeout */
	unsigned empties;               /* in a row, of what it said to have */
	int64_t doubted_until_ms;       /* what it says to have does not count */
	int32_t doubt_ms;
	int64_t banned_until_ms, failed_ms;
	int32_t ban_ms;           /* the last one's */
	int64_t retired_until_ms; /* its machine is asked elsewhere */
	bool stalled;             /* its oldest exchange is slow, and nothing comes */
	bool silent;              /* a block or list timed out, and none came since */
	int64_t poll_ms;          /* when it may be asked for what it had not */
	int32_t poll_pause_ms;
	bool pumping;
	TAILQ_ENTRY(peer) in_pump;
	struct alarm alarm; /* slow exchanges, the end of a ban */
};

/* Found or made; NULL: no memory, or no room. */
struct peer *seeker_peer_use(struct seeker *seeker, const struct xaddr *address);
/* One that is in no table. NULL: no memory. */
struct peer *seeker_peer_make(struct seeker *seeker, const struct xaddr *address);
void seeker_peer_free(struct seeker *seeker, struct peer *peer);
/* Nothing is held against it any more. */
void seeker_peer_forgive(struct seeker *seeker, struct peer *peer);
/* For so long, whatever was before. */
void seeker_peer_put_out(struct seeker *seeker, struct peer *peer, int64_t ms);
void seeker_peer_describe(const struct seeker *seeker, const struct peer *peer, int64_t now_ms,
			  struct seeker_peer *peer_out);
bool seeker_peer_is_out(const struct seeker *seeker, const struct peer *peer);
bool seeker_peer_is_free(const struct seeker *seeker, const struct peer *peer);
/* How long an exchange with it may take before it is slow. */
int64_t seeker_peer_slow_ms(const struct peer *peer);
void seeker_peer_took(struct peer *peer, int64_t ms);
void seeker_peer_good(struct seeker *seeker, struct peer *peer, uint64_t octets);
/* It has given a block lately. */
bool seeker_peer_gives(const struct seeker *seeker, const struct peer *peer);
/* The answer was empty; CLAIMED: though it had said to have it. */
void seeker_peer_empty(struct seeker *seeker, struct peer *peer, bool claimed);
void seeker_peer_failed(struct seeker *seeker, struct peer *peer, enum seeker_outcome outcome);
/* It may have a place free: to be filled at the end of the call. */
void seeker_peer_pump_later(struct seeker *seeker, struct peer *peer);
void seeker_peer_watch(struct seeker *seeker, struct peer *peer);
void seeker_peer_dirty(struct seeker *seeker, struct peer *peer);
void seeker_peers_end(struct seeker *seeker);

/* ---- seeker_stream.c: streams, and rounds ---- */

struct supplier {
	struct peer *peer;
	int64_t gave_ms;
	bool closed; /* it had not what follows: only polled, until it has */
	bool vain;   /* it was waited for, and gave nothing */
};

struct stream {
	LIST_ENTRY(stream) in_chain;
	TAILQ_ENTRY(stream) in_idle;
	uint64_t number;
	struct seeker_states wants; /* ascending */
	unsigned want_count;
	struct supplier suppliers[SEEKER_SUPPLIERS];
	unsigned supplier_count;
	uint64_t front;        /* the place of the first want, */
	int64_t front_ms;      /* since when it is the first */
	int64_t progress_ms;   /* when a neighbour last gave a block; NEVER */
	int64_t vain_ms;       /* when waiting was last in vain */
	unsigned vain;         /* how often, without success in between */
	int64_t background_ms; /* when what suppliers seem to have may be looked for */
	unsigned background;   /* so many segments now */
	int64_t again_ms;      /* likewise, what others fetch */
	int32_t again_pause_ms;
	unsigned again;
	struct alarm alarm; /* the next round */
};

/* Of the want's stream, found or made. NULL: no memory. */
struct stream *seeker_stream_use(struct seeker *seeker, uint64_t number);
void seeker_stream_enter(struct seeker *seeker, struct stream *stream, struct seeker_state *state);
void seeker_stream_leave(struct seeker *seeker, struct stream *stream, struct seeker_state *state);
struct supplier *seeker_stream_supplier(struct stream *stream, const struct peer *peer);
/* PEER gave a block of it. */
void seeker_stream_gave(struct seeker *seeker, struct stream *stream, struct peer *peer);
/* PEER, who was asked without a claim, had it not. */
void seeker_stream_close(struct seeker *seeker, struct stream *stream, struct peer *peer);
void seeker_stream_reopen(struct seeker *seeker, struct stream *stream, struct supplier *supplier);
void seeker_stream_round(struct seeker *seeker, struct stream *stream);
/* PEER is forgotten. */
void seeker_streams_without(struct seeker *seeker, const struct peer *peer);
void seeker_streams_end(struct seeker *seeker);

/* ---- seeker_probe.c: discovery ---- */

struct probe {
	TAILQ_ENTRY(probe) in_list;
	struct wsd_probe message;
	char message_id[WSD_UUID_MAX];
	struct wsd_id ids[WSD_BATCH_2];
	struct thinning_tally *tallies[WSD_BATCH_2];
	int64_t sent_ms;
	bool answered, patient, outstanding;
	struct alarm alarm;
};

/* SEGMENT is to be looked for. */
void seeker_probe_queue(struct seeker *seeker, struct segment *segment, bool urgent);
void seeker_probe_unqueue(struct seeker *seeker, struct segment *segment);
/* Sends what is queued, if it is time. */
void seeker_probe_flush(struct seeker *seeker);
void seeker_probe_ring(struct seeker *seeker, struct probe *probe);
void seeker_probe_heard(struct seeker *seeker); /* somebody is there */
/* Whether anybody is there, hosted caches included, may be different now. */
void seeker_probe_mind_alone(struct seeker *seeker);
/* Only hosted caches are there. */
bool seeker_probe_is_vain(const struct seeker *seeker);
void seeker_probes_end(struct seeker *seeker);
/* Whether an answer may come that a want of SEGMENT waits for. */
bool seeker_probe_searches(const struct seeker *seeker, const struct segment *segment);

/* ---- seeker_crowd.c: who else wants it ---- */

struct asker {
	uint64_t lot; /* the least is chosen */
	struct xaddr host;
	int64_t began_ms, heard_ms;
};

struct crowd {
	uint32_t count, room;
	int64_t first_ms; /* when the first of all was heard */
	struct asker askers[];
};

/* What is known of a host, by its address in datagrams. */
struct host {
	struct xaddr server; /* family 0: not known */
	int64_t heard_ms;    /* its last Probe */
	int64_t vain_ms;     /* when it was last waited for in vain */
};

enum crowd_turn { CROWD_NOBODY, CROWD_OPEN, CROWD_OURS, CROWD_OTHERS };
/* Whose turn it is to fetch SEGMENT; NOBODY: nobody else wants it; OPEN: it will
 * be known in a moment. */
enum crowd_turn seeker_crowd_turn(struct seeker *seeker, const struct segment *segment,
				  struct xaddr *host_out);
/* So many others want it that it makes no difference that we do: we follow, and need not say so. */
bool seeker_crowd_is_full(const struct seeker *seeker, const struct segment *segment);
struct host *seeker_host_find(struct seeker *seeker, const struct xaddr *address);
struct host *seeker_host_use(struct seeker *seeker, const struct xaddr *address);
/* What is to become of a want that nobody is known to have: SEEKER_CAME: wait. *ASK_OUT: of whom
 * it may be asked meanwhile, up to SEEKER_SUPPLIERS + 1; *UNKNOWN_OUT: who fetches it can only be
 * found by a Probe. */
struct hope {
	struct peer *peers[SEEKER_SUPPLIERS + 1];
	unsigned count;
	bool unknown;
};
enum seeker_reason seeker_crowd_decide(struct seeker *seeker, struct seeker_state *state,
				       struct hope *hope_out);
/* What the reader waits for does not come, while other blocks do. Who would have the next turn
 * gives up first; the others get it of him. */
bool seeker_crowd_is_stuck(struct seeker *seeker, const struct seeker_state *state);
/* What a want waits for others at most, without anything that comes. */
int64_t seeker_crowd_limit_ms(const struct seeker *seeker, const struct seeker_state *state);
bool seeker_crowds_begin(struct seeker *seeker, uint64_t seed);
void seeker_crowds_end(struct seeker *seeker);

/* ---- seeker_hosted.c: hosted caches ---- */

/* A segment of which something was given. */
struct hosted_judged {
	uint8_t id[DIGEST_SIZE_MAX];
	uint8_t id_size;
	bool wrong;
};

struct hosted {
	unsigned number;
	struct peer *peer; /* NULL: it never had an address */
	struct xaddr addresses[SEEKER_HOSTED_ADDRESSES];
	unsigned address_count; /* 0: not to be asked */
	unsigned address;       /* the one in use, the peer's */
	unsigned failed;        /* addresses in a row */
	unsigned asking;        /* questions that are out */
	bool silent;            /* one timed out, and nothing was heard since */
	int64_t answer_16ths;   /* ms, smoothed, until they are answered; 0: not known */
	int64_t listless_until_ms;
	int64_t unanswered_ms; /* when a question brought nothing; SEEKER_NEVER: or answered since
				*/
	struct hosted_judged judged[SEEKER_HOSTED_JUDGED];
	unsigned judged_next;
};

void seeker_hosted_begin(struct seeker *seeker);
void seeker_hosted_end(struct seeker *seeker);
/* It has an address, and is not out. */
bool seeker_hosted_is_fit(const struct seeker *seeker, const struct hosted *hosted);
/* One is there, and not out. */
bool seeker_hosted_is_on(const struct seeker *seeker);
/* Whether one comes before BEST, where both are as busy; either may be a neighbour. */
bool seeker_hosted_is_before(const struct peer *one, const struct peer *best);
/* The address at which EXCHANGE failed is not used any more, but another one. */
bool seeker_hosted_moves(struct seeker *seeker, const struct exchange *exchange,
			 enum seeker_outcome outcome);
/* What it gave was a block of the exchange's segment, or was not. HOLDING: NULL for want of memory.
 */
void seeker_hosted_good(struct exchange *exchange);
void seeker_hosted_wrong(struct seeker *seeker, struct exchange *exchange, struct holding *holding);
/* It has just been put out. */
void seeker_hosted_out(struct seeker *seeker, struct hosted *hosted);
/* As seeker_trust(). */
void seeker_hosted_trust(struct seeker *seeker);

/* ---- seeker_hosted_ask.c: what hosted caches are asked ---- */

/* SEGMENT is wanted: they are to be asked, if it is time, or are taken to have it. */
void seeker_hosted_look(struct seeker *seeker, struct segment *segment);
/* Whether an answer may come that a want of SEGMENT waits for. */
bool seeker_hosted_searches(const struct seeker *seeker, const struct segment *segment);
void seeker_hosted_unqueue(struct seeker *seeker, struct segment *segment);
/* Asks what is queued, if it is time. */
void seeker_hosted_flush(struct seeker *seeker);
/* So long the answer to a question is waited for. */
int64_t seeker_hosted_patience_ms(const struct hosted *hosted);
void seeker_hosted_took(struct hosted *hosted, int64_t ms);
/* Nobody waits for that answer any more. */
void seeker_hosted_slow(struct seeker *seeker, const struct exchange *exchange);
/* What came of EXCHANGE_SEGMENTS. */
void seeker_hosted_told(struct seeker *seeker, struct exchange *exchange,
			enum seeker_outcome outcome, const uint64_t *list);

/* ---- seeker_exchange.c: asking, and what comes of it ---- */

enum exchange_kind {
	EXCHANGE_CLAIMED,
	EXCHANGE_BLIND,
	EXCHANGE_POLL,
	EXCHANGE_LIST,
	EXCHANGE_SEGMENTS /* of hosted caches; takes no place */
};

struct exchange {
	struct seeker_exchange public; /* first */
	enum exchange_kind kind;
	struct peer *peer;
	TAILQ_ENTRY(exchange) in_peer, in_all;
	int64_t asked_ms;
	uint32_t length; /* of the block */
	bool answered, slow;
	uint8_t id[DIGEST_SIZE_MAX];
	struct wsd_id ids[]; /* EXCHANGE_SEGMENTS */
};

/* PEER has a free place. False: no memory. */
bool seeker_ask_block(struct seeker *seeker, struct seeker_state *state, struct peer *peer,
		      enum exchange_kind kind);
bool seeker_ask_list(struct seeker *seeker, struct holding *holding);
/* Room for COUNT ids, to be filled before it is sent. NULL: no memory. */
struct exchange *seeker_make_question(struct seeker *seeker, struct peer *peer, unsigned count);
void seeker_send_question(struct seeker *seeker, struct exchange *exchange);
/* How long it may take before it is slow. */
int64_t seeker_exchange_slow_ms(const struct exchange *exchange);
/* Looks for slow ones. */
void seeker_exchange_ring(struct seeker *seeker, struct peer *peer);
bool seeker_is_asked_of(const struct seeker_state *state, const struct peer *peer);
/* Its exchanges go on without it. */
void seeker_exchange_abandon(struct seeker_state *state);

/* ---- seeker_choose.c: who is asked for what ---- */

void seeker_choose_review(struct seeker *seeker, struct segment *segment);
void seeker_choose_pump(struct seeker *seeker, struct peer *peer);
/* PEER had STATE's block, for which it was polled: what follows it. */
void seeker_choose_follow(struct seeker *seeker, struct seeker_state *state, struct peer *peer);

/* ---- seeker.c: wants, and the whole ---- */

struct seeker {
	struct seeker_options options;
	int64_t now_ms;
	bool stopped;
	struct alarms alarms;

	struct segment_chain segment_chains[SEGMENT_CHAINS];
	struct segments idle[3], dirty;
	unsigned idle_count[3];

	struct peer_chain peer_chains[PEER_CHAINS];
	struct peers peers[PEER_RANKS], pump;
	unsigned peer_count;

	struct stream_chain stream_chains[STREAM_CHAINS];
	struct streams idle_streams;
	unsigned idle_stream_count;

	struct probes probes;     /* outstanding, and those of a moment ago */
	struct segments queue[2]; /* to be looked for, by form */
	unsigned queued[2];
	bool queue_urgent;
	struct alarm gather;
	struct bucket probe_bucket, poll_bucket;
	bool lan_alone;         /* nobody is there who answers Probes */
	unsigned silent;        /* Probes in a row that nobody answered */
	int64_t heard_ms;       /* when somebody else's Probe, answer or block last came */
	int64_t alone_probe_ms; /* when one may go out while alone */
	int64_t answer_16ths;   /* ms until a first answer comes, smoothed */
	atomic_bool alone;
	_Atomic int64_t alone_ms; /* when seeker_worthwhile says so again */

	struct hosted hosted[SEEKER_HOSTED_MAX];
	unsigned hosted_count;        /* numbers in use are below */
	struct segments hosted_queue; /* to be asked about */
	unsigned hosted_queued;
	bool hosted_urgent;
	struct alarm hosted_gather;
	struct bucket hosted_bucket;

	struct recent *host_slots, *message_slots;
	struct host *hosts;
	struct xaddr *messages; /* who sent them */
	struct xaddr self;      /* family 0: not known */
	uint64_t origin_rate;
	unsigned origin_first_ms;

	struct seeker_states refused, late; /* to be handed out */
	struct seeker_want **batch;         /* room for all that are sought */
	unsigned batch_room, sought;
	struct exchanges exchanges; /* all */
	struct seeker_counters counters;
};

/* Out of its segment's pending ones, into them. */
void seeker_pend(struct seeker *seeker, struct seeker_state *state);
void seeker_unpend(struct seeker_state *state);
/* The want ends; refused, it is handed out at the end of the call. */
void seeker_refuse_state(struct seeker *seeker, struct seeker_state *state,
			 enum seeker_reason reason);
void seeker_end_state(struct seeker *seeker, struct seeker_state *state);
void seeker_late_state(struct seeker *seeker, struct seeker_state *state,
		       enum seeker_reason reason);
/* What no file but seeker.c needs to call by itself: all that a call has left to do. */
void seeker_run(struct seeker *seeker);
uint32_t seeker_random(const struct seeker *seeker);

#endif
