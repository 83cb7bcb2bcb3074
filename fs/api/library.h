/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the library's files share about handles, events and ports; instances and their objects are
 * in fs/api/client.h. The public side is peerdist.h.
 *
 * A handle is a small number times four: an index into a table of typed, counted objects, with a
 * generation, so that a stale, foreign or invented one is recognised (peerdist-api.md 11.2). The
 * table holds one reference; operations in flight hold their own, so that an object outlives its
 * handle as long as it is needed.
 */
#ifndef FS_API_LIBRARY_H
#define FS_API_LIBRARY_H

#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

#include "fs/api/peerdist.h"

/* Exported; everything else is hidden. */
#define PUBLIC __attribute__((visibility("default")))

/* Bits, so that several can be asked for. */
enum object_kind {
	OBJECT_EVENT = 1,
	OBJECT_PORT = 2,
	OBJECT_INSTANCE = 4,
	OBJECT_STREAM = 8,
	OBJECT_INFORMATION = 16,
	OBJECT_CONTENT = 32,
	OBJECT_ANY = 63
};

/* First member of an event, a port, an instance, ... */
struct object {
	enum object_kind kind;
	atomic_uint references;
	void (*free)(struct object *object); /* with the last reference; no lock is held */
};

/* handles.c
 *
 * fork(): the handlers of handles.c and port.c are registered before main() and before those of
 * anybody else (LIBRARY_FIRST), so that a handler in the child that was registered later finds
 * their locks free. */

/* Priority of a constructor; those without one run later. */
#define LIBRARY_FIRST 200

/* With one reference, the caller's. */
void object_init(struct object *object, enum object_kind kind, void (*free)(struct object *object));
struct object *object_hold(struct object *object);
/* NULL is fine. */
void object_release(struct object *object);
/* The table takes the caller's reference over. NULL: no memory, and the reference is still the
 * caller's. */
HANDLE handle_new(struct object *object);
/* With a reference, if HANDLE is live and its object is of one of KINDS; else NULL. */
struct object *handle_find(HANDLE handle, unsigned kinds);
/* Likewise, and HANDLE is not live any more; the table's reference is the caller's. Of two threads
 * that close the same handle one gets it. */
struct object *handle_remove(HANDLE handle, unsigned kinds);
/* In a child after fork(): every handle of KINDS is dead. FORGET is called for each object, with no
 * lock held, and has the table's reference. */
void handles_forget(unsigned kinds, void (*forget)(struct object *object));

/* event.c: an eventfd. */

/* As SetEvent() and ResetEvent(). */
void event_set(struct object *event);
void event_reset(struct object *event);
/* Until it is set; consumes an auto-reset one. INFINITE: no limit. WAIT_OBJECT_0, WAIT_TIMEOUT or
 * WAIT_FAILED: the system does not let us wait. */
DWORD event_wait(struct object *event, DWORD milliseconds);
/* Whether it is set; an auto-reset one is reset by it. */
bool event_take(struct object *event);
/* Undoes an event_take() that was true. */
void event_give_back(struct object *event);
/* Readable as long as it is set; the event's. */
int event_descriptor(const struct object *event);

/* port.c: a queue of packets. */

/* Its handle is closed: who waits is told, packets are dropped. */
void port_close(struct object *port);
/* Readable as long as there are packets; the port's. Negative errno. */
int port_descriptor(struct object *port);
/* A packet of an operation. STATUS: its code; 0 is success. Dropped when the port's handle was
 * closed. Never fails: what it needs was reserved by port_reserve(). */
void port_post(struct object *port, ULONG_PTR key, OVERLAPPED *overlapped, DWORD bytes,
	       DWORD status);
/* Memory for one packet, before the operation is submitted; or returned when it was not. */
bool port_reserve(struct object *port);
void port_unreserve(struct object *port);

/* clock.c: how long to wait. */

struct clock_limit {
	bool infinite;
	struct timespec at; /* of CLOCK_MONOTONIC */
};
/* From now on. INFINITE: no limit. */
struct clock_limit clock_limit(DWORD milliseconds);
/* poll() until then; a signal does not end it. 0: it was not ready in time. Negative: it cannot be,
 * because a limit on descriptors is lower than COUNT. */
int clock_poll(struct pollfd *descriptors, unsigned count, const struct clock_limit *limit);

#endif
