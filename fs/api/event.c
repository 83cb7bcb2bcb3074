/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Events (peerdist-api.md 11.3): an eventfd each, which counts how often it was set. Manual-reset
 * events are looked at by poll(), auto-reset ones are read, which takes the whole count; of several
 * threads one gets it. After fork() both processes have the same event.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "fs/api/library.h"

struct event {
	struct object object;
	int descriptor;
	bool automatic;
	/* Orders memory between who sets it and who finds it set, also for the language and its
	 * tools, which know nothing of what a descriptor does. */
	atomic_uint times_set;
};

static struct event *event_of(struct object *object)
{
	return (struct event *)object;
}

static void event_free(struct object *object)
{
	close(event_of(object)->descriptor);
	free(object);
}

/* 0, or the Windows code. */
static DWORD event_new(bool automatic, bool set, struct object **object)
{
	struct event *event;
	int descriptor = eventfd(set, EFD_CLOEXEC | EFD_NONBLOCK);

	if (descriptor < 0)
		return errno == ENOMEM ? ERROR_NOT_ENOUGH_MEMORY : ERROR_NO_SYSTEM_RESOURCES;
	event = malloc(sizeof(*event));
	if (!event) {
		close(descriptor);
		return ERROR_NOT_ENOUGH_MEMORY;
	}
	event->automatic = automatic;
	event->descriptor = descriptor;
	atomic_init(&event->times_set, 0);
	object_init(&event->object, OBJECT_EVENT, event_free);
	*object = &event->object;
	return 0;
}

void event_set(struct object *object)
{
	static const uint64_t one = 1;
	ssize_t written;

	atomic_fetch_add_explicit(&event_of(object)->times_set, 1, memory_order_release);
	written = write(event_of(object)->descriptor, &one, sizeof(one));
	(void)written; /* fails only when the count is full, and then it is set */
}

void event_reset(struct object *object)
{
	uint64_t count;
	ssize_t got = read(event_of(object)->descriptor, &count, sizeof(count));

	(void)got; /* fails when it is not set */
}

static bool is_set(struct event *event)
{
	struct pollfd descriptor = {.fd = event->descriptor, .events = POLLIN};

	return poll(&descriptor, 1, 0) > 0;
}

static void acquire(struct event *event)
{
	(void)atomic_load_explicit(&event->times_set, memory_order_acquire);
}

bool event_take(struct object *object)
{
	struct event *event = event_of(object);
	uint64_t count;
	bool taken;

	if (event->automatic)
		taken = read(event->descriptor, &count, sizeof(count)) > 0 || errno != EAGAIN;
	else
		taken = is_set(event);
	if (taken)
		acquire(event);
	return taken;
}

void event_give_back(struct object *object)
{
	if (event_of(object)->automatic)
		event_set(object);
}

DWORD event_wait(struct object *object, DWORD milliseconds)
{
	struct pollfd descriptor = {.fd = event_of(object)->descriptor, .events = POLLIN};
	struct clock_limit limit = clock_limit(milliseconds);
	int ready;

	do {
		ready = clock_poll(&descriptor, 1, &limit);
		if (ready <= 0)
			return ready == 0 ? WAIT_TIMEOUT : WAIT_FAILED;
	} while (event_of(object)->automatic && !event_take(object));
	acquire(event_of(object));
	return WAIT_OBJECT_0;
}

int event_descriptor(const struct object *object)
{
	return ((const struct event *)object)->descriptor;
}

/* Windows' functions ----------------------------------------------------------------------------
 */

static HANDLE create(bool automatic, bool set, bool named)
{
	struct object *event = NULL;
	HANDLE handle;
	DWORD error = named ? ERROR_NOT_SUPPORTED : event_new(automatic, set, &event);

	if (error) {
		SetLastError(error);
		return NULL;
	}
	handle = handle_new(event);
	if (!handle) {
		object_release(event);
		SetLastError(ERROR_NOT_ENOUGH_MEMORY);
	}
	return handle;
}

PUBLIC HANDLE WINAPI CreateEventA(LPSECURITY_ATTRIBUTES lpEventAttributes, BOOL bManualReset,
				  BOOL bInitialState, LPCSTR lpName)
{
	(void)lpEventAttributes;
	return create(!bManualReset, bInitialState, lpName);
}

PUBLIC HANDLE WINAPI CreateEventW(LPSECURITY_ATTRIBUTES lpEventAttributes, BOOL bManualReset,
				  BOOL bInitialState, LPCWSTR lpName)
{
	(void)lpEventAttributes;
	return create(!bManualReset, bInitialState, lpName);
}

static BOOL apply(HANDLE handle, void (*change)(struct object *event))
{
	struct object *event = handle_find(handle, OBJECT_EVENT);

	if (!event) {
		SetLastError(ERROR_INVALID_HANDLE);
		return FALSE;
	}
	change(event);
	object_release(event);
	return TRUE;
}

PUBLIC BOOL WINAPI SetEvent(HANDLE hEvent)
{
	return apply(hEvent, event_set);
}

PUBLIC BOOL WINAPI ResetEvent(HANDLE hEvent)
{
	return apply(hEvent, event_reset);
}
