/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The loop's thread and its queue of posted tasks. The queue is a locked list; an eventfd wakes the
 * thread when the list stops being empty. Everything else in struct loop belongs to the thread, and
 * so does the event base: libevent is used without its locks.
 */
#include "origin/loop.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

struct loop_timer {
	struct loop_task start;
	struct loop *loop;
	struct event *event;
	struct timeval interval;
	void (*run)(void *context);
	void *context;
	struct loop_timer *next;
};

struct loop {
	struct event_base *base;
	struct event *wake;
	int wake_fd;
	pthread_t thread;
	struct loop_timer *timers;
	struct loop_task stop;

	pthread_mutex_t lock;
	struct loop_task *first, **last; /* guarded by lock */
};

static _Thread_local const struct loop *current_loop;

static struct loop_task *take_tasks(struct loop *loop)
{
	struct loop_task *first;

	pthread_mutex_lock(&loop->lock);
	first = loop->first;
	loop->first = NULL;
	loop->last = &loop->first;
	pthread_mutex_unlock(&loop->lock);
	return first;
}

static bool run_tasks(struct loop *loop)
{
	struct loop_task *task = take_tasks(loop);
	bool some = task != NULL;

	while (task != NULL) {
		struct loop_task *next = task->next;

		task->run(task);
		task = next;
	}
	return some;
}

static void woken(evutil_socket_t fd, short what, void *context)
{
	uint64_t count;

	(void)what;
	if (read(fd, &count, sizeof(count)) < 0)
		return; /* cannot be: only this thread reads, and it was told to */
	run_tasks(context);
}

static void *loop_main(void *context)
{
	struct loop *loop = context;

	current_loop = loop;
	event_base_dispatch(loop->base);
	while (run_tasks(loop))
		;
	return NULL;
}

void loop_post(struct loop *loop, struct loop_task *task)
{
	static const uint64_t one = 1;
	bool wake;

	task->next = NULL;
	pthread_mutex_lock(&loop->lock);
	wake = loop->first == NULL;
	*loop->last = task;
	loop->last = &task->next;
	/* with the lock: the task may be what somebody waits for to destroy the loop */
	if (wake && write(loop->wake_fd, &one, sizeof(one)) < 0)
		abort(); /* an eventfd that is read at every wake-up cannot be full */
	pthread_mutex_unlock(&loop->lock);
}

struct loop_waiting {
	struct loop_task task;
	int (*run)(void *context);
	void *context;
	int result;
	sem_t done;
};

static void run_waiting(struct loop_task *task)
{
	struct loop_waiting *waiting = (struct loop_waiting *)task;

	waiting->result = waiting->run(waiting->context);
	sem_post(&waiting->done);
}

int loop_call(struct loop *loop, int (*run)(void *context), void *context)
{
	struct loop_waiting waiting = {.task.run = run_waiting, .run = run, .context = context};

	if (loop_inside(loop))
		return run(context);
	sem_init(&waiting.done, 0, 0);
	loop_post(loop, &waiting.task);
	while (sem_wait(&waiting.done) < 0)
		; /* a signal */
	sem_destroy(&waiting.done);
	return waiting.result;
}

bool loop_inside(const struct loop *loop)
{
	return current_loop == loop;
}

struct event_base *loop_base(struct loop *loop)
{
	return loop->base;
}

static struct event_base *new_base(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base = NULL;

	if (config == NULL)
		return NULL;
	if (event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK) == 0)
		base = event_base_new_with_config(config);
	event_config_free(config);
	return base;
}

/* Signals are for the threads that handle them; SIGPIPE, which OpenSSL may raise, is for none. */
static int start_thread(struct loop *loop)
{
	sigset_t all, before;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&loop->thread, NULL, loop_main, loop);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -error;
}

static void free_loop(struct loop *loop)
{
	while (loop->timers != NULL) {
		struct loop_timer *timer = loop->timers;

		loop->timers = timer->next;
		event_free(timer->event);
		free(timer);
	}
	if (loop->wake != NULL)
		event_free(loop->wake);
	if (loop->base != NULL)
		event_base_free(loop->base);
	if (loop->wake_fd >= 0)
		close(loop->wake_fd);
	pthread_mutex_destroy(&loop->lock);
	free(loop);
}

int loop_create(struct loop **loop_out)
{
	struct loop *loop = calloc(1, sizeof(*loop));
	int error = -ENOMEM;

	if (loop == NULL)
		return -ENOMEM;
	pthread_mutex_init(&loop->lock, NULL);
	loop->last = &loop->first;
	loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (loop->wake_fd < 0) {
		error = -errno;
		goto fail;
	}
	loop->base = new_base();
	if (loop->base == NULL)
		goto fail;
	loop->wake = event_new(loop->base, loop->wake_fd, EV_READ | EV_PERSIST, woken, loop);
	if (loop->wake == NULL || event_add(loop->wake, NULL) < 0)
		goto fail;
	error = start_thread(loop);
	if (error < 0)
		goto fail;
	*loop_out = loop;
	return 0;
fail:
	free_loop(loop);
	return error;
}

static void timer_fired(evutil_socket_t fd, short what, void *context)
{
	struct loop_timer *timer = context;

	(void)fd;
	(void)what;
	timer->run(timer->context);
}

static void start_timer(struct loop_task *task)
{
	struct loop_timer *timer = (struct loop_timer *)task;

	timer->next = timer->loop->timers;
	timer->loop->timers = timer;
	event_add(timer->event, &timer->interval);
}

int loop_every(struct loop *loop, unsigned interval_ms, void (*run)(void *context), void *context)
{
	struct loop_timer *timer = calloc(1, sizeof(*timer));

	if (timer == NULL)
		return -ENOMEM;
	timer->event = event_new(loop->base, -1, EV_PERSIST, timer_fired, timer);
	if (timer->event == NULL) {
		free(timer);
		return -ENOMEM;
	}
	timer->loop = loop;
	timer->run = run;
	timer->context = context;
	timer->interval.tv_sec = interval_ms / 1000;
	timer->interval.tv_usec = (suseconds_t)(interval_ms % 1000) * 1000;
	timer->start.run = start_timer;
	loop_post(loop, &timer->start);
	return 0;
}

static void stop_loop(struct loop_task *task)
{
	struct loop *loop = (struct loop *)((char *)task - offsetof(struct loop, stop));

	event_base_loopbreak(loop->base);
}

void loop_destroy(struct loop *loop)
{
	if (loop == NULL)
		return;
	loop->stop.run = stop_loop;
	loop_post(loop, &loop->stop);
	pthread_join(loop->thread, NULL);
	free_loop(loop);
}

int64_t loop_clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
