/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the client half of the library shares: instances (called clients here: the daemon has
 * instances of its own), the objects opened through them, and operations in flight.
 *
 * Threads: the program's, in calls, and one dispatcher, which alone delivers completions. A call
 * that has to return after the delivery of something (cancel, close, shutdown) asks the dispatcher
 * for a visit and waits for its end.
 *
 * Locks, in the order in which they are taken:
 *	item->input_lock	held over the submission of input and over each frame of it, so that
 *				frames go in the order of submission and no frame is read from a
 *				buffer that was given back
 *	client->lock		a client's state, its lists
 *	pending.c's lock	one for all operations and their OVERLAPPEDs, held over the steps of
 *				4.5, so that nobody sees one without the others
 *	the dispatcher's own
 * But for the first, none is held over I/O.
 */
#ifndef FS_API_CLIENT_H
#define FS_API_CLIENT_H

#include <pthread.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "fs/api/library.h"
#include "fs/api/operations.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "The library does not convert messages to the control file's little-endian order."
#endif

/* 10 + 21 bits would do for the operations that the daemon allows; one bit more of index, so that
 * it is the daemon who refuses one too many, in the order of 3.3. The last index is not used. */
#define PENDING_INDEX_BITS 11
#define PENDING_MAX ((1u << PENDING_INDEX_BITS) - 1)
/* A number that no operation ever has. */
#define PENDING_NONE 0x7fffffffu

struct pending;

struct pending_slot {
	struct pending *pending; /* NULL: free */
	uint32_t generation;
	uint32_t next_free;
};

/* By number. pending.c's lock. */
struct pending_table {
	struct pending_slot *slots;
	uint32_t size, first_free; /* PENDING_MAX: none is free */
	unsigned count;
};

/* An instance. */
struct client {
	struct object object;
	LIST_ENTRY(client) in_library; /* client.c */
	uid_t identity;                /* the fsuid of PeerDistStartup(): who attaches */
	DWORD version;                 /* that the program asked for */

	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* Those that follow: lock. The first three change only while `switching` and with no call
	 * in progress, so a call may read them without. */
	int control;         /* the open control file; -1: detached */
	uint32_t attachment; /* which one this is; objects of earlier ones are invalid */
	uint32_t frame_max;  /* octets */
	bool broken;         /* the transport failed, or the daemon talks nonsense */
	bool withdrawn;      /* PeerDistLinuxDetach() */
	bool switching;      /* one thread attaches or detaches */
	bool ending;         /* PeerDistShutdown() */
	unsigned calls;      /* in progress */
	DWORD publish_flags;
	LIST_HEAD(, item) items;
	TAILQ_HEAD(, item) feeding; /* those with input to be sent */

	/* pending.c's lock. */
	struct pending_table table;
	struct pending *registration;

	/* dispatcher.c's lock. */
	TAILQ_ENTRY(client) in_queue;
	bool queued, watched;
	uint64_t visits_wanted, visits_done;
	/* The dispatcher's own. */
	unsigned unknown_records;
};

/* A stream, content information or a content. */
struct item {
	struct object object;
	struct client *client; /* a reference */
	uint32_t attachment;
	uint64_t number; /* the daemon's handle */
	HANDLE handle;
	struct object *port; /* a reference, or NULL */
	ULONG_PTR key;
	void *identifier; /* of a stream */
	DWORD identifier_length;
	LIST_ENTRY(item) in_client; /* client->lock */
	unsigned pending;           /* pending.c's lock */

	pthread_mutex_t input_lock;
	TAILQ_HEAD(, pending) inputs; /* not all sent, oldest first; input_lock */
	TAILQ_ENTRY(item) in_feeding; /* client->lock */
};

enum pending_state {
	PENDING_SUBMITTING, /* its ioctl has not returned */
	PENDING_ACCEPTED,
	PENDING_SETTLING, /* the dispatcher has it; nobody else ends it any more */
	PENDING_FINISHED
};

/* An operation in flight. */
struct pending {
	/* Constant. */
	struct client *client; /* a reference */
	struct item *item;     /* a reference, or NULL */
	enum operation_opcode opcode;
	uint32_t number;
	OVERLAPPED *overlapped;
	struct object *event, *port; /* references; at most one of them */
	ULONG_PTR key;
	void *output;
	uint32_t output_max;
	PEERDIST_STATUS *status_out;
	PEERDIST_STATUS_INFO *info_out;
	/* pending.c's lock. */
	unsigned references;
	enum pending_state state;
	LIST_ENTRY(pending) in_bucket;
	pthread_cond_t finished;
	ULONG_PTR internal, internal_high; /* as they were, should it be refused */
	DWORD status, bytes;               /* once PENDING_FINISHED */
	/* item->input_lock. */
	const uint8_t *input;
	uint32_t input_length, input_sent;
	bool feeding;
	DWORD failure; /* why its input could not be sent; 0: it could */
	TAILQ_ENTRY(pending) in_inputs;
};

/* ---- call.c: from a function's arguments to the control file ---- */

/* One call in the making; the functions fill in the first part. */
struct call {
	enum operation_opcode opcode;
	void *message; /* begins with struct pdc_hdr; its handle and number are filled in */
	size_t size;
	HANDLE instance;
	HANDLE object; /* of the kind that the list of operations says */
	HANDLE port_handle;
	ULONG_PTR key;
	/* Asynchronous ones; the buffers as in struct pending. */
	OVERLAPPED *overlapped;
	void *output;
	uint32_t output_max;
	const void *input;
	uint32_t input_length;
	PEERDIST_STATUS *status_out;
	PEERDIST_STATUS_INFO *info_out;
	/* Opens: an identifier to be kept, or NULL; the new handle. */
	const void *identifier;
	DWORD identifier_length;
	HANDLE *handle_out;
	/* call_begin() fills in these. */
	struct client *client;
	struct item *item;
	struct object *port, *event;
	bool lost; /* call_end(): the transport failed meanwhile */
};

/* Everything of 3.3 that concerns handles and attachment, in that order. An error: there is nothing
 * to be ended. */
DWORD call_begin(struct call *call);
void call_end(struct call *call);
/* The ioctl, within a call that was begun: the reply's status, or what the errno says. */
DWORD call_send(struct call *call);
/* All of a synchronous one. */
DWORD call_perform(struct call *call);
/* All of one that opens an object. */
DWORD call_open(struct call *call);
/* All of one that closes CALL's object. */
DWORD call_close(struct call *call);
/* All of an asynchronous one without input. */
DWORD call_submit(struct call *call);
/* Whether its OVERLAPPED serves another operation; then it may not even be looked at. */
bool call_is_pending(const struct call *call);
/* What its OVERLAPPED says; 0: there is none. */
uint64_t call_offset(const struct call *call);
/* The kind of object that OPCODE takes or makes; 0: none. */
unsigned call_kind(enum operation_opcode opcode);

/* ---- client.c ---- */

/* Begins a call on HANDLE's client: attaches it, if it is not and may be. 0, or 6 or 4056.
 * *UNUSABLE_OUT: why it is not attached; 0 if it is. */
DWORD client_enter(HANDLE handle, struct client **client_out, DWORD *unusable_out);
void client_leave(struct client *client);
/* Whether objects of this ATTACHMENT can be used. */
bool client_has(struct client *client, uint32_t attachment);
bool client_is_broken(struct client *client);
bool client_is_ending(struct client *client);
/* Nothing more can be had of the control file; the dispatcher ends what is pending. */
void client_break(struct client *client);
/* Sends MESSAGE; as call_send(). */
DWORD client_send(struct client *client, enum operation_opcode opcode, void *message, size_t size);
/* The code for an errno of the control file; the client is broken if that says so. */
DWORD client_error(struct client *client, int error);

/* ---- item.c ---- */

/* With one reference; its input lock etc. is ready. NULL: no memory. */
struct item *item_new(struct call *call);
/* Enters it, and takes the reference over. NULL: no memory, and it is gone. */
HANDLE item_enter(struct item *item);
/* The object of HANDLE is not live any more, ITEM is off its client's list. False: another thread
 * was quicker. */
bool item_remove(struct item *item);

/* ---- attach.c ---- */

/* Opens the control file and starts an instance there. The descriptor, or -1 with *ERROR_OUT:
 * PEERDIST_ERROR_SERVICE_UNAVAILABLE if there is none. */
int attach_open(DWORD version, uint32_t *frame_max_out, DWORD *error_out);
/* The lock of what PeerDistLinuxSetControlPath() set, around fork(). */
void attach_before_fork(void);
void attach_after_fork(void);

/* ---- pending.c ---- */

/* Whether an operation with OVERLAPPED is in flight. */
bool pending_has(const OVERLAPPED *overlapped);
/* Submits CALL, which was begun: 997, or an error upon which nothing was started. On 997
 * *PENDING_OUT, if not NULL, is the operation, with a reference. */
DWORD pending_submit(struct call *call, struct pending **pending_out);
/* The number of CLIENT's operation with OVERLAPPED, on ITEM if that is not NULL; PENDING_NONE. */
uint32_t pending_number(const struct client *client, const struct item *item,
			const OVERLAPPED *overlapped);
/* For the dispatcher: the operation NUMBER, which is its own to end from now on, or any that is
 * accepted; with a reference. NULL: there is none. */
struct pending *pending_claim(struct client *client, uint32_t number);
struct pending *pending_claim_any(struct client *client);
/* Ends a claimed operation: everything of 4.5 but the data and out parameters. */
void pending_finish(struct pending *pending, DWORD status, uint64_t offset, DWORD bytes);
/* The registration in flight with a reference, or NULL. */
struct pending *pending_registration(struct client *client);
/* Its code, or 997 if it is not finished. */
DWORD pending_status(struct pending *pending);
unsigned pending_count(const struct client *client);
unsigned pending_count_of(const struct item *item);
void pending_get(struct pending *pending);
void pending_put(struct pending *pending);
void pending_after_fork(void);

/* ---- input.c ---- */

/* All of an asynchronous call with input. OFFSET: AddData's. */
DWORD input_submit(struct call *call, uint64_t offset);
/* The dispatcher: sends of what CLIENT has to send; true: there is credit left for more. */
bool input_continue(struct client *client);
/* PENDING's buffer will not be looked at any more. Returns why it was given up, or 0. */
DWORD input_stop(struct pending *pending);

/* ---- settle.c: a completion record's way to the program; the dispatcher only ---- */

void settle(struct client *client, const struct pdc_completion *record);
/* Ends all that is accepted, because the client is broken or ends. */
void settle_all(struct client *client);

/* ---- stay.c ---- */

/* Called without any lock: constructors and destructors that the loader runs may call us. */
struct stay {
	/* A reference to the library itself, if it can be unloaded; or NULL. */
	void *(*begin)(void);
	/* The program has another one, since it is in a call. NULL is fine. */
	void (*end)(void *reference);
};
/* The shared library's own; NULL in the other one, which is part of its program. */
extern const struct stay *stay;

/* ---- dispatcher.c ---- */

/* One more client, one less: with the last one the thread ends. */
DWORD dispatcher_join(void);
void dispatcher_leave(void);
/* The thread runs from now on. */
DWORD dispatcher_start(void);
/* Looks after CLIENT's control file, or no longer; on return of the latter the dispatcher does not
 * know CLIENT any more, and all that was pending has ended. */
DWORD dispatcher_watch(struct client *client);
void dispatcher_forget(struct client *client);
/* Has it look at CLIENT soon. */
void dispatcher_kick(struct client *client);
/* The same, and waits until what was in the daemon's queue at the call was delivered. */
void dispatcher_visit(struct client *client);
void dispatcher_after_fork(void);

#endif
