/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the service's files share: instances, handles, operations. The public side is service.h.
 *
 * An *operation* is an asynchronous call on its way. It is worked on in *steps*, on pool threads:
 * never two of one operation at a time, and of the operations of a *lane* only the first is
 * stepped, in the order of submission. A step takes what input there is, completes the operation,
 * or returns and is called again when input came or somebody called operation_wake(). Whatever ends
 * an operation, a step, a cancel, a close, the end of the service, it completes exactly once; what
 * a step still does after that is dropped.
 *
 * Locks, in the order in which they are taken: service->lock (instances, users, publications,
 * status), instance->lock (everything of an instance, its handles' `state` that says so). Neither
 * is held over I/O, over a step, or over notify().
 */
#ifndef FS_SERVICE_INSTANCE_H
#define FS_SERVICE_INSTANCE_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>

#include "fs/api/operations.h"
#include "fs/api/peerdist.h"
#include "fs/service/outputs.h"
#include "fs/service/service.h"

/* Limits (peerdist-api.md section 10, row 20). */
#define INSTANCE_READS_MAX (256ull << 20) /* octets of reads pending or not fetched */
#define INSTANCE_INPUT_MAX (8u << 20)     /* octets of input not worked through */
#define USER_INSTANCES_MAX 4096u
#define USER_PUBLICATIONS_MAX 65536u
#define USER_READS_MAX (1ull << 30)
#define USER_INPUT_MAX (256ull << 20)

/* What one uid has of the service. service->lock; the octets are atomic. */
struct user {
	LIST_ENTRY(user) in_service;
	uid_t uid;
	unsigned instances;
	atomic_uint publications;
	atomic_ullong reads, input;
	atomic_ullong hashing; /* octets that streams hold between two steps, the publisher's */
	atomic_ullong loose;   /* octets of unverified data */
	LIST_HEAD(, loose) loose_data; /* newest first; loose.c's, as is its lock */
	/* Content information that consumers keep: octets in memory, files without a name
	 * (gathering.h). */
	atomic_ullong information;
	atomic_uint information_files;
	atomic_uint searches;           /* under way, of all instances; consumer_read.c's */
	LIST_HEAD(, consumer) contents; /* newest first; consumer_others.c's, as is its lock */
	atomic_bool starved; /* one of its instances was refused credit for all of them */
};

struct handle;
struct lane;

/* What makes handles of a kind different; consumer.c, stream.c and
 * information.c have them. */
struct handle_kind {
	enum operation_handle kind;
	/* OPERATION, of HANDLE, was cancelled, before it had an effect or in the middle of one.
	 * instance->lock held. May be NULL. */
	void (*cancelled)(struct handle *handle, struct operation *operation);
	/* The last reference is gone: it was closed and nothing of it runs. Pool thread. */
	void (*free)(struct handle *handle);
};

/* First member of a stream, a content, ... */
struct handle {
	const struct handle_kind *kind;
	struct instance *instance; /* a reference */
	uint64_t number;
	LIST_ENTRY(handle) in_instance;
	atomic_uint references;
	bool closed, invalid; /* instance->lock */
	struct pool_job job;
};

/* Operations that are worked on one after the other. instance->lock. */
struct lane {
	TAILQ_HEAD(, operation) operations;
};

enum operation_state {
	OPERATION_PENDING,
	OPERATION_COMPLETED, /* in the queue */
	OPERATION_TAKEN,     /* its output is being fetched */
	OPERATION_ENDED      /* its number may be used again */
};

struct chunk {
	TAILQ_ENTRY(chunk) in_operation;
	uint32_t length, room, taken; /* octets */
	uint8_t data[];
};

struct operation {
	uint32_t number;
	enum operation_opcode opcode;
	struct instance *instance; /* a reference */
	struct handle *handle;     /* a reference; NULL: of none */
	struct lane *lane;         /* NULL: it does not wait for others */
	/* Does the next piece of work; no lock held. */
	void (*step)(struct operation *operation);
	/* Frees `context` with the last reference; NULL: free(). */
	void (*end)(void *context);
	void *context; /* the step's own */
	/* Constant; of the message. */
	uint64_t offset;
	uint32_t length;     /* of the input, or wanted of the output */
	uint32_t timeout_ms; /* of a read */
	int64_t deadline_ms; /* when its time is over; INT64_MAX: never */
	/* The rest: instance->lock. */
	atomic_uint references;
	enum operation_state state;
	bool running, again, waking; /* waking: it may be timed */
	bool timed;                  /* service->timed_lock, as the next */
	int64_t wake_ms;             /* when it is stepped again */
	uint32_t received;           /* octets of input that came */
	TAILQ_HEAD(chunks, chunk) input;
	uint64_t reserved; /* octets that count against INSTANCE_READS_MAX */
	struct pdc_completion completion;
	void *output;
	uint32_t output_size;
	bool given; /* its last octet was fetched */
	TAILQ_ENTRY(operation) in_lane, in_queue;
	LIST_ENTRY(operation) in_instance, in_bucket, in_timed;
	struct pool_job job;
};

struct instance {
	LIST_ENTRY(instance) in_service; /* service->lock */
	struct service *service;
	struct user *user;
	struct instance_opener opener;
	uint64_t id; /* no other ever has it */
	pthread_mutex_t lock;
	atomic_uint references; /* the opener, handles, operations */
	bool started, ended;
	unsigned handle_count, operation_count;
	atomic_uint living; /* operations in memory */
	uint64_t next_handle;
	uint64_t reads, input;                 /* octets */
	bool starved;                          /* somebody was refused credit */
	uint64_t output;                       /* octets waiting to be fetched */
	atomic_uint searches;                  /* under way; consumer_read.c's */
	LIST_HEAD(, publication) publications; /* that it made; service->lock */
	LIST_HEAD(, handle) handles;
	LIST_HEAD(, operation) operations; /* whose number is in use */
	LIST_HEAD(, operation) buckets[64];
	TAILQ_HEAD(, operation) queue; /* COMPLETED, oldest first */
	struct operation *registration;
	enum service_status reported; /* `prev` of 5.5 */
	pthread_mutex_t notify_lock;  /* held over notify() alone */
	instance_notify *notify;      /* NULL: nobody listens any more */
	void *notify_owner;
};

struct service {
	struct service_options options;
	pthread_mutex_t lock;
	LIST_HEAD(, instance) instances;
	LIST_HEAD(, user) users;
	unsigned living; /* instances whose memory is still in use */
	uint64_t next_instance;
	pthread_mutex_t status_lock; /* one change at a time */
	atomic_int status;           /* enum service_status */
	atomic_bool stopped;
	pthread_mutex_t timed_lock; /* guards the next two; nothing is taken under it */
	LIST_HEAD(, operation) timed;
	int64_t earliest_ms; /* none of them is to be stepped before */
	atomic_uint versions, read_timeout_ms;
	atomic_ullong unkept; /* blocks that were right and that the store could not keep */
	struct outputs outputs;
	struct publications *publications; /* publisher's */
};

/* One synchronous call in the making. */
struct request {
	struct instance *instance;
	enum operation_opcode opcode;
	unsigned rules; /* enum operation_rules */
	const struct request_call *call;
	struct pdc_hdr *header; /* the message, whose reply is written over it */
	size_t tail;            /* octets of its tail, at least what the message says */
	int error;              /* out: errno of the ioctl, for what moves data only */
	struct handle *handle;  /* as the list says; alive, with a reference that is request's */
};
/* What a call does; returns its Win32 code. For a numbered operation ERROR_IO_PENDING, or an error
 * upon which nothing was started. `check` sees arguments only: ERROR_SUCCESS,
 * ERROR_INVALID_PARAMETER, ERROR_INSUFFICIENT_BUFFER; NULL: nothing to check. */
struct request_call {
	uint32_t (*check)(const struct request *request);
	uint32_t (*act)(struct request *request);
};
/* By name: consumer*.c has those of contents, stream.c those of streams, information.c those of
 * content information, publisher.c, status.c, instance.c and transfer.c the rest. */
#define X(opcode, name, function, layout, handle, rules)                                           \
	extern const struct request_call call_##name;
OPERATIONS(X)
OPERATIONS_TRANSPORT(X)
#undef X

/* ---- handle.c ---- */

/* Enters HANDLE, whose kind is set, with one reference for the table and none for the caller.
 * ERROR_SUCCESS and the number in the reply; ERROR_NO_SYSTEM_RESOURCES: too many (it is still the
 * caller's); PEERDIST_ERROR_SHUTDOWN_IN_PROGRESS and the like, likewise. */
uint32_t handle_enter(struct request *request, struct handle *handle);
struct handle *handle_get(struct handle *handle);
/* Any thread; what it frees, it frees on a pool thread. */
void handle_put(struct handle *handle);
/* As a close function: what is pending completes with 995. */
void handle_close(struct handle *handle);
/* Everything on it but closing gives 4057 from now on; what is pending completes with STATUS. */
void handle_invalidate(struct handle *handle, uint32_t status);

/* ---- operation.c ---- */

void lane_init(struct lane *lane);
/* Makes the operation of REQUEST, whose number was checked, LENGTH octets of input or output, with
 * the CONTEXT that END frees (also when this fails). The inline part of input is taken, if there is
 * credit. RESERVED: octets that count as read. Begins to step it. ERROR_IO_PENDING or an error. */
struct operation_wish {
	struct lane *lane;
	void (*step)(struct operation *operation);
	void *context;
	void (*end)(void *context);
	uint64_t offset;
	uint32_t length, timeout_ms;
	uint64_t reserved;
	bool timed;     /* stepped again when timeout_ms have passed */
	bool registers; /* it is the instance's registration, of which there is one at most */
};
uint32_t operation_submit(struct request *request, const struct operation_wish *wish);
struct operation *operation_get(struct operation *operation);
void operation_put(struct operation *operation);
/* Whether somebody ended it meanwhile: a step may as well return. */
bool operation_is_over(struct operation *operation);
/* Whether its time is over (of a timed one). */
bool operation_is_late(struct operation *operation);
/* Steps it again, soon. Any thread, no lock held. */
void operation_wake(struct operation *operation);
/* Steps those reads of its handle again that may want something of the content's [START, END): it
 * has come. No lock held. */
void operation_wake_reads(struct operation *operation, uint64_t start, uint64_t end);
/* Steps it again at AT_MS (loop_clock_ms()) or when its time is over, whichever comes first, and
 * not at what was said before. Any thread, no lock held. */
void operation_wake_later(struct operation *operation, int64_t at_ms);
/* The next input octets, for a step: stays valid until the next call of operation_take() or the end
 * of the step. NULL: none for now. LAST_OUT: the input ends with them. The credit comes back with
 * the next call, or the end of the step. */
const void *operation_take(struct operation *operation, uint32_t *length_out, bool *last_out);
/* Completes it; false: it was completed before, and nothing has happened. No lock held. */
bool operation_complete(struct operation *operation, uint32_t status, uint64_t offset,
			uint32_t bytes);
/* The same with 0, handing over OUTPUT (malloc'd, LENGTH octets, freed also if it is false). */
bool operation_give(struct operation *operation, uint64_t offset, void *output, uint32_t length);
/* Ends pending operations of INSTANCE that MATCH says (with instance->lock held) with STATUS;
 * returns how many. */
unsigned operations_end(struct instance *instance, uint32_t status,
			bool (*match)(const struct operation *operation, const void *context),
			const void *context);

/* ---- publication.c ---- */

int publications_create(struct store *store, struct publications **publications_out);
void publications_free(struct publications *publications);
/* Those that INSTANCE made (NULL: all) go. */
void publications_remove(struct service *service, const struct instance *instance);
uint64_t publications_count(struct service *service);

#endif
