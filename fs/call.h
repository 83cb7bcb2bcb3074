/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Parked FUSE requests. A request whose answer must come over the network is parked: the FUSE
 * thread goes on, and whoever completes the work answers. If its process is killed meanwhile the
 * request is answered with EINTR at once, so that the process can end, and the work goes on for
 * the others. Other signals do not disturb it: stat(2) and open(2) are not expected to fail for a
 * timer's sake.
 */
#ifndef FS_CALL_H
#define FS_CALL_H

#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/queue.h>

struct call {
	LIST_ENTRY(call) in_calls; /* calls->lock */
	fuse_req_t request;
	pid_t thread;
	atomic_bool interrupted, answered;
};

struct calls {
	pthread_mutex_t lock;
	LIST_HEAD(, call) parked;
};

void calls_init(struct calls *calls);
/* CALL is embedded in the caller's struct, which must stay until call_take(). */
void call_park(struct calls *calls, struct call *call, fuse_req_t request);
/* Ends the parking. True: the caller answers call->request. False: it was answered, do not. */
bool call_take(struct calls *calls, struct call *call);
/* Answers for those who were killed. Called about ten times a second; need not be while it says
 * that nobody is parked. */
bool calls_tick(struct calls *calls);

#endif
