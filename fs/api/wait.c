/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Waiting for events (peerdist-api.md 11.3).
 *
 * For all of several: nothing is taken before all are set, then they are taken in the order of
 * their descriptors. Who misses one gives back what it took and goes on waiting for that one. The
 * order is the same for everybody, so that of two who want the same events one gets them all.
 */
#include <stdlib.h>

#include "fs/api/library.h"

struct wanted {
	struct object *events[MAXIMUM_WAIT_OBJECTS]; /* with references */
	struct pollfd descriptors[MAXIMUM_WAIT_OBJECTS];
	DWORD count;
};

static void release(struct wanted *wanted)
{
	while (wanted->count)
		object_release(wanted->events[--wanted->count]);
}

static bool find_all(DWORD count, const HANDLE *handles, struct wanted *wanted)
{
	for (wanted->count = 0; wanted->count < count; wanted->count++) {
		struct object *event = handle_find(handles[wanted->count], OBJECT_EVENT);

		if (!event) {
			release(wanted);
			return false;
		}
		wanted->events[wanted->count] = event;
		wanted->descriptors[wanted->count] =
			(struct pollfd){.fd = event_descriptor(event), .events = POLLIN};
	}
	return true;
}

/* The lowest that could be taken, or COUNT. */
static DWORD take_one(struct wanted *wanted)
{
	DWORD i;

	for (i = 0; i < wanted->count; i++)
		if (wanted->descriptors[i].revents && event_take(wanted->events[i]))
			break;
	return i;
}

static DWORD wait_any(struct wanted *wanted, const struct clock_limit *limit)
{
	DWORD index;
	int ready;

	do {
		ready = clock_poll(wanted->descriptors, wanted->count, limit);
		if (ready <= 0)
			return ready == 0 ? WAIT_TIMEOUT : WAIT_FAILED;
		index = take_one(wanted);
	} while (index == wanted->count);
	return WAIT_OBJECT_0 + index;
}

static int by_descriptor(const void *a, const void *b)
{
	int first = event_descriptor(*(struct object *const *)a);
	int second = event_descriptor(*(struct object *const *)b);

	return (first > second) - (first < second);
}

/* The first that is not set, or COUNT. */
static DWORD first_unset(struct wanted *wanted)
{
	DWORD i = 0;

	poll(wanted->descriptors, wanted->count, 0);
	while (i < wanted->count && wanted->descriptors[i].revents)
		i++;
	return i;
}

/* All or none; the first that is missing, or COUNT. */
static DWORD take_all(struct wanted *wanted)
{
	DWORD missing = first_unset(wanted);
	DWORD taken = 0;

	if (missing < wanted->count)
		return missing;
	while (taken < wanted->count && event_take(wanted->events[taken]))
		taken++;
	missing = taken;
	while (missing < wanted->count && taken)
		event_give_back(wanted->events[--taken]);
	return missing;
}

static DWORD wait_all(struct wanted *wanted, const struct clock_limit *limit)
{
	DWORD missing, i;
	int ready;

	qsort(wanted->events, wanted->count, sizeof(wanted->events[0]), by_descriptor);
	for (i = 0; i < wanted->count; i++)
		wanted->descriptors[i].fd = event_descriptor(wanted->events[i]);
	while ((missing = take_all(wanted)) < wanted->count) {
		ready = clock_poll(&wanted->descriptors[missing], 1, limit);
		if (ready <= 0)
			return ready == 0 ? WAIT_TIMEOUT : WAIT_FAILED;
	}
	return WAIT_OBJECT_0;
}

static bool has_twice(DWORD count, const HANDLE *handles)
{
	for (DWORD i = 0; i < count; i++)
		for (DWORD k = i + 1; k < count; k++)
			if (handles[i] == handles[k])
				return true;
	return false;
}

static DWORD fail(DWORD error)
{
	SetLastError(error);
	return WAIT_FAILED;
}

PUBLIC DWORD WINAPI WaitForSingleObject(HANDLE hHandle, DWORD dwMilliseconds)
{
	struct object *event = handle_find(hHandle, OBJECT_EVENT);
	DWORD result;

	if (!event)
		return fail(ERROR_INVALID_HANDLE);
	result = event_wait(event, dwMilliseconds);
	object_release(event);
	return result == WAIT_FAILED ? fail(ERROR_NO_SYSTEM_RESOURCES) : result;
}

PUBLIC DWORD WINAPI WaitForMultipleObjects(DWORD nCount, const HANDLE *lpHandles, BOOL bWaitAll,
					   DWORD dwMilliseconds)
{
	struct clock_limit limit = clock_limit(dwMilliseconds);
	struct wanted wanted;
	DWORD result;

	if (nCount == 0 || nCount > MAXIMUM_WAIT_OBJECTS || !lpHandles ||
	    (bWaitAll && has_twice(nCount, lpHandles)))
		return fail(ERROR_INVALID_PARAMETER);
	if (!find_all(nCount, lpHandles, &wanted))
		return fail(ERROR_INVALID_HANDLE);
	result = bWaitAll ? wait_all(&wanted, &limit) : wait_any(&wanted, &limit);
	release(&wanted);
	return result == WAIT_FAILED ? fail(ERROR_NO_SYSTEM_RESOURCES) : result;
}
