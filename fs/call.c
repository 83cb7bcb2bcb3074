/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/call.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void calls_init(struct calls *calls)
{
	pthread_mutex_init(&calls->lock, NULL);
	LIST_INIT(&calls->parked);
}

static void note_interrupt(fuse_req_t request, void *data)
{
	struct call *call = data;

	(void)request;
	atomic_store(&call->interrupted, true);
}

void call_park(struct calls *calls, struct call *call, fuse_req_t request)
{
	call->request = request;
	call->thread = fuse_req_ctx(request)->pid;
	atomic_init(&call->interrupted, false);
	atomic_init(&call->answered, false);
	pthread_mutex_lock(&calls->lock);
	LIST_INSERT_HEAD(&calls->parked, call, in_calls);
	pthread_mutex_unlock(&calls->lock);
	fuse_req_interrupt_func(request, note_interrupt, call);
}

bool call_take(struct calls *calls, struct call *call)
{
	pthread_mutex_lock(&calls->lock);
	LIST_REMOVE(call, in_calls);
	bool mine = !atomic_exchange(&call->answered, true);
	pthread_mutex_unlock(&calls->lock);
	if (mine)
		fuse_req_interrupt_func(call->request, NULL, NULL);
	return mine;
}

/* A fatal signal leaves SIGKILL pending in every thread of the process. THREAD is 0 when it is not
 * visible from our process namespace: then nobody can tell. */
static bool killed(pid_t thread)
{
	char path[64], line[256];
	bool dying = false;

	snprintf(path, sizeof path, "/proc/%ld/status", (long)thread);
	FILE *status = thread != 0 ? fopen(path, "re") : NULL;
	if (status == NULL)
		return thread != 0 && errno == ENOENT;
	while (!dying && fgets(line, sizeof line, status) != NULL) {
		if (strncmp(line, "State:", 6) == 0)
			dying = strchr(line, 'Z') != NULL || strchr(line, 'X') != NULL;
		else if (strncmp(line, "SigPnd:", 7) == 0 || strncmp(line, "ShdPnd:", 7) == 0)
			dying = (strtoull(line + 7, NULL, 16) >> (SIGKILL - 1)) & 1;
	}
	fclose(status);
	return dying;
}

bool calls_tick(struct calls *calls)
{
	struct call *call;

	pthread_mutex_lock(&calls->lock);
	LIST_FOREACH (call, &calls->parked, in_calls) {
		if (!atomic_load(&call->interrupted) || atomic_load(&call->answered) ||
		    !killed(call->thread))
			continue;
		atomic_store(&call->answered, true);
		fuse_req_interrupt_func(call->request, NULL, NULL);
		fuse_reply_err(call->request, EINTR);
	}
	bool parked = !LIST_EMPTY(&calls->parked);
	pthread_mutex_unlock(&calls->lock);
	return parked;
}
