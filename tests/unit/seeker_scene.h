/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A seeker under a virtual clock, among machines that follow a script. Segments and peers have
 * numbers. Every want must end once: good, refused or dropped; and every exchange is told of once.
 */
#ifndef TESTS_UNIT_SEEKER_SCENE_H
#define TESTS_UNIT_SEEKER_SCENE_H

#include "peer/seeker.h"

enum { SCENE_PEERS = 64, SCENE_WANTS = 4096, SCENE_PROBES = 4096, SCENE_WAITING = 8192 };

/* What a machine does when it is asked for a block that it holds. */
enum scene_manner {
	SCENE_GIVES,
	SCENE_SPOILS,
	SCENE_DENIES,
	SCENE_STALLS,
	SCENE_BREAKS,
	SCENE_MUMBLES
};

struct scene_peer {
	bool there;           /* it answers Probes */
	bool whole;           /* it claims all of a segment of which it has something */
	unsigned answer_ms;   /* after a Probe */
	unsigned exchange_ms; /* for one */
	enum scene_manner manner;
	/* Whether it has the block; NULL: all. */
	bool (*has)(unsigned segment, unsigned block);
	/* Of a hosted cache: what it does when it is asked for segments (else as its manner says),
	 * and how long that takes. */
	enum seeker_outcome questioned;
	unsigned question_ms;
	bool talks; /* it answers such questions whatever its manner */
	unsigned asked, lists, busy, busy_most;
	unsigned questions, open, ids, ids_most; /* questions: in all, now; ids: in all, in one */
	unsigned asked_of[SCENE_WANTS]; /* by block of a version 1 segment, or by segment */
};

enum scene_end { SCENE_SOUGHT, SCENE_CAME, SCENE_REFUSED, SCENE_DROPPED };

struct scene_want {
	struct seeker_want want;
	bool begun, late;
	enum scene_end end;
	enum seeker_reason reason;
	int64_t ended_ms;
	unsigned from; /* the peer that gave it */
};

struct scene_waiting {
	int64_t at_ms;
	struct seeker_exchange *exchange;
	bool received;
};

struct scene {
	struct seeker *seeker;
	int64_t now_ms;
	uint64_t chance;
	struct scene_peer peers[SCENE_PEERS];
	struct scene_want wants[SCENE_WANTS];
	unsigned want_count;
	struct {
		int64_t at_ms;
		char message_id[WSD_UUID_MAX];
		unsigned count, segments[WSD_BATCH_2];
		bool answered[SCENE_PEERS];
	} probes[SCENE_PROBES];
	unsigned probe_count, probe_first; /* the first that may be answered still */
	struct scene_waiting waiting[SCENE_WAITING];
	unsigned waiting_count;
	unsigned refusals, lates; /* calls of them */
	unsigned unreachable;
	unsigned asked;
	bool inside; /* the outlet; nothing of the seeker may be called */
};

struct scene *scene_begin(void);
struct scene *scene_begin_hosted_only(void);
/* Everything must have ended well. */
void scene_end(struct scene *scene);

struct xaddr scene_address(unsigned peer);
void scene_name(unsigned segment, uint8_t id_out[32]);
/* A peer that is there, whole, answers after 20 ms and gives a block within 2 ms. */
struct scene_peer *scene_peer(struct scene *scene, unsigned number);
/* The hosted cache SERVER, at the address of peer NUMBER, port 80; it does not answer Probes, and
 * questions after 2 ms. */
struct scene_peer *scene_hosted(struct scene *scene, unsigned server, unsigned number);

/* Wants of version 2: segments FIRST on; of version 1: blocks FIRST on of SEGMENT, which has 512.
 * Returns the first one's number in wants; not sought yet. */
unsigned scene_want_2(struct scene *scene, unsigned stream, unsigned first, unsigned count);
unsigned scene_want_1(struct scene *scene, unsigned stream, unsigned segment, unsigned first,
		      unsigned count);
void scene_seek(struct scene *scene, unsigned first, unsigned count);
/* At once both. */
unsigned scene_seek_2(struct scene *scene, unsigned stream, unsigned first, unsigned count);
unsigned scene_seek_1(struct scene *scene, unsigned stream, unsigned segment, unsigned first,
		      unsigned count);
void scene_drop(struct scene *scene, unsigned want);

/* Lets time pass: answers come, exchanges end. */
void scene_pass(struct scene *scene, int64_t ms);
/* Until none of them is sought any more; fails after MOST_MS. */
void scene_until_ended(struct scene *scene, int64_t most_ms);
unsigned scene_count(const struct scene *scene, enum scene_end end);
unsigned scene_refused(const struct scene *scene, enum seeker_reason reason);

/* Another machine's Probe for version 2 segments FIRST on is heard; or one copy of it, by name. */
void scene_hear(struct scene *scene, unsigned peer, unsigned first, unsigned count);
void scene_hear_from(struct scene *scene, const struct xaddr *source, const char *message_id,
		     unsigned first, unsigned count);
/* What an answer says to the last Probe: PEER claims all of its segments. */
void scene_claim(struct scene *scene, unsigned probe, unsigned peer);

/* A peer's has(): nobody's. */
bool scene_has_nothing(unsigned segment, unsigned block);
/* At once, one segment of version 2 that somebody waits for; its want. */
unsigned scene_seek_urgently(struct scene *scene, unsigned stream, unsigned segment);
struct seeker_hosted_state scene_hosted_state(const struct scene *scene, unsigned server);

struct seeker_counters scene_counters(const struct scene *scene);
uint32_t scene_draw(struct scene *scene);

#endif
