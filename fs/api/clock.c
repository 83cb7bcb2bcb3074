/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Time: limits of waiting, Sleep() and GetTickCount64(). Contract: library.h.
 */
#include <errno.h>
#include <sched.h>

#include "fs/api/library.h"

#define NANOSECONDS 1000000000L

struct clock_limit clock_limit(DWORD milliseconds)
{
	struct clock_limit limit = {.infinite = milliseconds == INFINITE};

	clock_gettime(CLOCK_MONOTONIC, &limit.at);
	limit.at.tv_sec += milliseconds / 1000;
	limit.at.tv_nsec += milliseconds % 1000 * 1000000L;
	if (limit.at.tv_nsec >= NANOSECONDS) {
		limit.at.tv_nsec -= NANOSECONDS;
		limit.at.tv_sec++;
	}
	return limit;
}

/* Zero when it is over. */
static struct timespec left_until(const struct timespec *at)
{
	struct timespec now, left;

	clock_gettime(CLOCK_MONOTONIC, &now);
	left.tv_sec = at->tv_sec - now.tv_sec;
	left.tv_nsec = at->tv_nsec - now.tv_nsec;
	if (left.tv_nsec < 0) {
		left.tv_nsec += NANOSECONDS;
		left.tv_sec--;
	}
	if (left.tv_sec < 0)
		left = (struct timespec){0};
	return left;
}

int clock_poll(struct pollfd *descriptors, unsigned count, const struct clock_limit *limit)
{
	struct timespec left;
	int ready;

	do {
		left = left_until(&limit->at);
		ready = ppoll(descriptors, count, limit->infinite ? NULL : &left, NULL);
	} while (ready < 0 && (errno == EINTR || errno == EAGAIN || errno == ENOMEM));
	return ready;
}

PUBLIC void WINAPI Sleep(DWORD dwMilliseconds)
{
	struct clock_limit limit = clock_limit(dwMilliseconds);

	if (dwMilliseconds == 0)
		sched_yield();
	else
		clock_poll(NULL, 0, &limit);
}

PUBLIC ULONGLONG WINAPI GetTickCount64(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now); /* as Windows counts: with the time asleep */
	return (ULONGLONG)now.tv_sec * 1000 + (ULONGLONG)now.tv_nsec / 1000000;
}
