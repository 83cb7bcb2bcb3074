/* SPDX-License-Identifier: BSD-2-Clause */
#include "origin/content_waiting.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <time.h>

struct content_waiter {
	struct content_waiting *waiting;
	void (*ready)(void *context);
	void *context;
	struct timespec deadline; /* CLOCK_MONOTONIC */
	bool listed;              /* guarded by the lock, as what follows: not called back yet */
	TAILQ_ENTRY(content_waiter) link;
};

struct content_waiting {
	unsigned max, timeout_ms;
	pthread_t watch;
	pthread_mutex_t lock; /* leaf */
	pthread_cond_t changed;
	unsigned count; /* guarded by lock, as what follows: waiters there are */
	TAILQ_HEAD(waiter_list, content_waiter) list; /* of one timeout each, so by deadline */
	bool stopped;
};

/* Takes the waiter off the list; whoever does so calls it back. Lock held. */
static bool claim(struct content_waiting *waiting, struct content_waiter *waiter)
{
	if (!waiter->listed)
		return false;
	TAILQ_REMOVE(&waiting->list, waiter, link);
	waiter->listed = false;
	return true;
}

/* Lock held; let go for the call. The waiter itself stays for content_waiter_made(), so what is
 * needed of it is copied first. */
static void call_first(struct content_waiting *waiting)
{
	struct content_waiter *waiter = TAILQ_FIRST(&waiting->list);
	void (*ready)(void *context) = waiter->ready;
	void *context = waiter->context;

	claim(waiting, waiter);
	pthread_mutex_unlock(&waiting->lock);
	ready(context);
	pthread_mutex_lock(&waiting->lock);
}

static bool is_over(const struct timespec *deadline)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec > deadline->tv_sec ||
	       (now.tv_sec == deadline->tv_sec && now.tv_nsec >= deadline->tv_nsec);
}

static void *watch(void *opaque)
{
	struct content_waiting *waiting = opaque;

	pthread_mutex_lock(&waiting->lock);
	while (!waiting->stopped || !TAILQ_EMPTY(&waiting->list)) {
		struct content_waiter *first = TAILQ_FIRST(&waiting->list);

		if (first == NULL) {
			pthread_cond_wait(&waiting->changed, &waiting->lock);
		} else if (waiting->stopped || is_over(&first->deadline)) {
			call_first(waiting);
		} else {
			struct timespec deadline = first->deadline;

			pthread_cond_timedwait(&waiting->changed, &waiting->lock, &deadline);
		}
	}
	pthread_mutex_unlock(&waiting->lock);
	return NULL;
}

int content_waiting_create(unsigned max, unsigned timeout_ms, struct content_waiting **waiting_out)
{
	struct content_waiting *waiting = calloc(1, sizeof(*waiting));
	pthread_condattr_t attributes;
	int error;

	if (waiting == NULL)
		return -ENOMEM;
	waiting->max = max;
	waiting->timeout_ms = timeout_ms;
	TAILQ_INIT(&waiting->list);
	pthread_mutex_init(&waiting->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&waiting->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	error = pthread_create(&waiting->watch, NULL, watch, waiting);
	if (error) {
		pthread_cond_destroy(&waiting->changed);
		pthread_mutex_destroy(&waiting->lock);
		free(waiting);
		return -error;
	}
	*waiting_out = waiting;
	return 0;
}

void content_waiting_stop(struct content_waiting *waiting)
{
	bool first;

	pthread_mutex_lock(&waiting->lock);
	first = !waiting->stopped;
	waiting->stopped = true;
	pthread_cond_signal(&waiting->changed);
	pthread_mutex_unlock(&waiting->lock);
	if (first)
		pthread_join(waiting->watch, NULL);
}

void content_waiting_free(struct content_waiting *waiting)
{
	if (waiting == NULL)
		return;
	content_waiting_stop(waiting);
	pthread_cond_destroy(&waiting->changed);
	pthread_mutex_destroy(&waiting->lock);
	free(waiting);
}

static void set_deadline(struct content_waiter *waiter, unsigned timeout_ms)
{
	struct timespec *deadline = &waiter->deadline;

	clock_gettime(CLOCK_MONOTONIC, deadline);
	deadline->tv_sec += timeout_ms / 1000;
	deadline->tv_nsec += (long)(timeout_ms % 1000) * 1000000;
	if (deadline->tv_nsec >= 1000000000) {
		deadline->tv_nsec -= 1000000000;
		deadline->tv_sec++;
	}
}

struct content_waiter *content_waiter_begin(struct content_waiting *waiting,
					    void (*ready)(void *context), void *context)
{
	struct content_waiter *waiter = calloc(1, sizeof(*waiter));
	bool place;

	if (waiter == NULL)
		return NULL;
	*waiter = (struct content_waiter){.waiting = waiting, .ready = ready, .context = context};
	pthread_mutex_lock(&waiting->lock);
	place = !waiting->stopped && waiting->count < waiting->max;
	if (place) {
		set_deadline(waiter, waiting->timeout_ms);
		waiting->count++;
		waiter->listed = true;
		TAILQ_INSERT_TAIL(&waiting->list, waiter, link);
		pthread_cond_signal(&waiting->changed);
	}
	pthread_mutex_unlock(&waiting->lock);
	if (!place) {
		free(waiter);
		return NULL;
	}
	return waiter;
}

bool content_waiter_withdraw(struct content_waiter *waiter)
{
	struct content_waiting *waiting = waiter->waiting;
	bool claimed;

	pthread_mutex_lock(&waiting->lock);
	claimed = claim(waiting, waiter);
	waiting->count--;
	pthread_mutex_unlock(&waiting->lock);
	free(waiter);
	return claimed;
}

void content_waiter_made(void *opaque, int error)
{
	struct content_waiter *waiter = opaque;
	void (*ready)(void *context) = waiter->ready;
	void *context = waiter->context;

	(void)error;
	if (content_waiter_withdraw(waiter))
		ready(context);
}
