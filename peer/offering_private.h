/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the files of the offering share. Nobody else includes this.
 */
#ifndef PEER_OFFERING_PRIVATE_H
#define PEER_OFFERING_PRIVATE_H

#include <sys/queue.h>

#include "peer/offering.h"
#include "peer/recent.h"

#define OFFERING_NEVER INT64_MIN

/* ---- segments (offering.c) ---- */

/* Who can be offered a segment depends on what its id was made with. */
enum offering_kind {
	KIND_EITHER, /* SHA-256: version 1.0 of content, either version of offers */
	KIND_LONG,   /* SHA-384, SHA-512: offers of version 1.0 only */
	KIND_2,      /* version 2.0 of both */
	OFFERING_KINDS
};

/* Idle, then queued (a step is reached), then out (in a message), then idle; back from out to
 * queued when that failed, or when another step was reached meanwhile. */
enum offered_state { OFFERED_IDLE, OFFERED_QUEUED, OFFERED_OUT };

/* A segment. Its slot in the table decides when it is forgotten, whatever its state. */
struct offered {
	uint8_t id[DIGEST_SIZE_MAX];
	uint8_t id_size;
	enum digest_algorithm algorithm;
	uint32_t length, blocks; /* 0: only complained of up to now */
	uint64_t seen[RANGE_SET_WORDS(PCCRR_BLOCKS)];
	uint32_t count; /* of SEEN */
	uint8_t steps;  /* for which it was queued already */
	bool complaint; /* a hosted cache has rubbish in its place: the next block is a step */
	bool again;     /* while it is out: a step was reached */
	uint8_t tries;  /* failures since it was last offered well */
	enum offered_state state;
	int64_t queued_ms;     /* when it was queued first, of OFFERED_QUEUED and OFFERED_OUT */
	int64_t kept_until_ms; /* OFFERING_NEVER: was never out */
	struct lane *lane;     /* of OFFERED_OUT */
	TAILQ_ENTRY(offered) in_list; /* its kind's queue, or its lane's */
};
TAILQ_HEAD(offereds, offered);

enum offering_kind offering_kind(const struct offered *segment);

/* ---- lanes (offering_send.c) ---- */

/* Idle, then out (waiting for an answer), then idle, or after PCHC_INITIAL_OFFER interested (more
 * is to be sent) and out again. */
enum lane_state { LANE_IDLE, LANE_OUT, LANE_INTERESTED };

/* Offers of one version to one server. */
struct lane {
	unsigned server, version;
	enum lane_state state;
	struct offereds out;
	enum pchc_type asked;
	uint64_t number;   /* of the message that is out */
	int64_t due_ms;    /* when it is given up */
	unsigned failures; /* in a row */
	int64_t rest_until_ms;
};

/* To the end of its kind's queue. */
void offering_queue(struct offering *offering, struct offered *segment);
/* Out of whichever list it is in; idle. */
void offering_unlist(struct offering *offering, struct offered *segment);
bool offering_takes(const struct lane *lane, enum offering_kind kind);

/* ---- the offering ---- */

#define OFFERING_LANES_MAX (2u * OFFERING_SERVERS_MAX)
#define OFFERING_MESSAGE_MAX (32u + CONTENT_V1_SINGLE_MAX) /* PCHC_SEGMENT_INFO */

struct offering {
	struct offering_options options;
	int64_t now_ms;
	bool stopped;

	struct recent *slots;
	struct offered *segments; /* by slot */
	struct offereds queue[OFFERING_KINDS];
	uint32_t queued[OFFERING_KINDS];
	struct lane lanes[OFFERING_LANES_MAX]; /* in the order of preference */
	unsigned lane_count;
	uint64_t numbers;
	int64_t kept_until_ms; /* the latest of all segments */
	struct offering_counters counters;

	uint8_t message[OFFERING_MESSAGE_MAX];
};

void offering_advance(struct offering *offering, int64_t now_ms);
uint32_t offering_random(const struct offering *offering);

#endif
