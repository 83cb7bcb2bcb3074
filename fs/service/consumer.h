/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the files of the consumer share: a content that a program reads by its content information
 * (peerdist-api.md 5.4, 8). By file: consumer.c its life; consumer_information.c content
 * information (gathering.c keeps it); consumer_read.c reads; consumer_data.c added data (loose.c
 * what of it cannot be verified yet, consumer_others.c who else may verify it); consumer_flush.c
 * flushing; consumer_crowd.c whether many want it.
 *
 * Content information, and stream reads, are worked on in a lane each, so what only their steps use
 * needs no lock. What READY gives is constant from VERIFYING on.
 */
#ifndef FS_SERVICE_CONSUMER_H
#define FS_SERVICE_CONSUMER_H

#include "fs/service/gathering.h"
#include "fs/service/instance.h"
#include "fs/service/loose.h"
#include "fs/service/parts.h"

/* EMPTY -> COMPLETING -> VERIFYING -> READY; from each of the first three FAILED; from COMPLETING
 * back to EMPTY when that was cancelled before it began. Changed by consumer_set_state() and the
 * kind's cancelled(). */
enum consumer_state {
	CONSUMER_EMPTY,      /* or some content information has come */
	CONSUMER_COMPLETING, /* no more may be added */
	CONSUMER_VERIFYING,  /* all is there, loose data of others is looked through */
	CONSUMER_READY,
	CONSUMER_FAILED
};

#define CONSUMER_SIZE_UNKNOWN UINT64_MAX
/* Octets of input after which a step lets others have its thread: our choice. */
#define CONSUMER_STEP_MAX (4u << 20)

struct consumer_crowd;

struct consumer {
	struct handle handle; /* first */
	uint8_t tag[PARTS_TAG_SIZE];
	struct lane information, stream;
	enum consumer_state state; /* instance->lock */
	uint32_t failure;          /* FAILED: what calls get; likewise */
	/* The information lane's. */
	struct gathering *gathering; /* NULL: nothing came, or nothing of it is kept */
	uint8_t version[2];          /* the first octets */
	unsigned version_octets;
	/* As READY has it. */
	struct content *content;
	struct parts *parts;
	uint64_t start, end;                 /* the range */
	uint64_t covered_start, covered_end; /* all of the blocks that the range touches */
	uint64_t size;                       /* of the content, or CONSUMER_SIZE_UNKNOWN */
	struct consumer_crowd *crowd;        /* NULL: no memory for it */
	atomic_ullong position;              /* the stream's; its lane's to change */
	atomic_bool graced;                  /* a first search has found nobody */
	LIST_ENTRY(consumer) in_user;        /* when `known`; consumer_others.c's, as is the lock */
	bool known;
};

/* ---- consumer.c ---- */

struct consumer *consumer_of(const struct request *request);
struct loose_owner consumer_owner(const struct consumer *consumer);
/* ERROR_SUCCESS when it is READY, else what a call gets. */
uint32_t consumer_ready(struct consumer *consumer);
/* FAILURE: with FAILED. A failure stays. */
void consumer_set_state(struct consumer *consumer, enum consumer_state state, uint32_t failure);

/* ---- consumer_information.c ---- */

/* The kind's: OPERATION is ended from outside. instance->lock held. */
void consumer_information_cancelled(struct consumer *consumer, const struct operation *operation);

/* ---- consumer_data.c ---- */

/* Takes what is loose with the user, and right here. VERIFYING; pool thread. */
void consumer_verify_loose(struct consumer *consumer);

/* ---- consumer_others.c ---- */

/* Other contents that are tried at a time: our choice. */
#define CONSUMER_OTHERS_MAX 32u

/* From now on others of its user find it. When it is VERIFYING. */
void consumer_enter_others(struct consumer *consumer);
void consumer_leave_others(struct consumer *consumer);
/* Contents of CONSUMER's user, not itself, that cover something of [FROM, TO), each with a
 * reference for handle_put(); returns how many. */
unsigned consumer_find_others(struct consumer *consumer, uint64_t from, uint64_t to,
			      struct consumer *others_out[CONSUMER_OTHERS_MAX]);

/* ---- consumer_crowd.c ---- */

/* Remembers segments to ask about; reads of the content. NULL: it cannot. */
struct consumer_crowd *consumer_crowd_create(const struct consumer *consumer);

#endif
