/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Between origin.c and the kinds of origin. origin.c makes and frees requests, brings them to the
 * loop thread and calls the user back; a kind does the work. All of a kind's functions but close
 * are called on the loop thread; it embeds struct origin and struct origin_request as the first
 * members of its own.
 */
#ifndef ORIGIN_ORIGIN_PRIVATE_H
#define ORIGIN_ORIGIN_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "origin/origin.h"

enum origin_operation { ORIGIN_STAT, ORIGIN_LIST, ORIGIN_READ, ORIGIN_ASK };

struct origin_request {
	struct origin *origin;
	enum origin_operation operation;
	enum origin_priority priority;
	const char *path; /* lies behind the kind's own struct */
	char validator[ENTRY_VALIDATOR_MAX];
	uint64_t offset, length;
	enum origin_purpose purpose;
	struct origin_reader reader;
	struct origin_question question; /* but for its validator, which is above */
	struct origin_asker asker;
	origin_stat_done *stat_done;
	origin_look_done *look_done;    /* instead of it, if not NULL */
	const struct origin_said *said; /* for it; NULL: nothing */
	origin_list_done *list_done;
	void *context;

	struct loop_task start;
	struct loop_task wish; /* brings wishes to the loop thread */
	unsigned wishes;       /* guarded by origin.lock */
	bool wish_posted;      /* likewise: the loop has the task */
	bool ended;            /* loop thread */
	bool started;          /* loop thread */
	uintptr_t handle;      /* what the user holds, see origin.c */
};

struct origin_kind {
	size_t request_size;
	/* Begins REQUEST, which comes to one of origin_end_...() sooner or later. */
	void (*start)(struct origin_request *request);
	/* Makes the end come soon, with -ECANCELED. May be called again before it has come. */
	void (*cancel)(struct origin_request *request);
	void (*resume)(struct origin_request *request);
	void (*hurry)(struct origin_request *request);
	void (*dialect)(struct origin *origin, char *buffer, size_t size); /* any thread */
	void (*url)(struct origin *origin, const char *path, char *buffer,
		    size_t size);                  /* any thread */
	void (*close)(struct origin *origin);      /* loop thread, when no request is left */
	uint64_t (*octets)(struct origin *origin); /* received; any thread */
};

struct origin_slot {
	struct origin_request *request; /* NULL: free */
	uintptr_t generation;
};

struct origin {
	const struct origin_kind *kind;
	struct loop *loop;
	struct pool *pool;
	_Atomic uint64_t requests, errors, malformed;

	pthread_mutex_t lock; /* leaf but for the loop's queue */
	pthread_cond_t all_ended;
	struct origin_slot *slots; /* guarded by lock, as what follows */
	uint32_t slot_count, free_hint, live;
	bool stopped; /* new requests are cancelled at once */
};

/* Call the user's done and free REQUEST. DIRECTORY goes to the user if ERROR is 0. */
void origin_end_stat(struct origin_request *request, int error, const struct entry *entry);
void origin_end_list(struct origin_request *request, int error, struct directory *directory);
void origin_end_read(struct origin_request *request, int error);
void origin_end_ask(struct origin_request *request, int error);
/* Whichever REQUEST is, with an error. */
void origin_end_failed(struct origin_request *request, int error);

int origin_http_open(const struct origin_options *options, struct loop *loop,
		     struct origin **origin_out, char *message, size_t message_size);
int origin_file_open(const struct origin_options *options, struct origin **origin_out,
		     char *message, size_t message_size);

#endif
