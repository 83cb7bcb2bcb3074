/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/job.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <time.h>

/* Long jobs at a time. Our choice: more would only compete for the same disk and link. */
#define RUNNING_MAX 8
#define PROGRESS_MS 200

struct jobs {
	pthread_mutex_t lock;
	pthread_cond_t ended;
	LIST_HEAD(, job) running;
	unsigned count, last_number;
	bool stopping;
};

struct job {
	LIST_ENTRY(job) in_running; /* jobs->lock */
	struct jobs *jobs;
	unsigned number; /* of those that run; set before the thread starts */
	char *command;
	int (*run)(struct job *job, void *context);
	void *context;
	pthread_mutex_t lock; /* all below; taken after jobs->lock */
	unsigned references;
	char *text;        /* of the answer, from position "base" on */
	char *explanation; /* NULL: none */
	size_t base, length, room;
	bool streams;         /* octets before "read" are of no use any more */
	size_t read;          /* a position */
	pthread_cond_t taken; /* of read, cancelled */
	struct feed *feed;    /* constant once the job runs; NULL: none */
	bool ended, cancelled;
	uint64_t done, total;
	int64_t progress_ms;
	struct job_waiter *waiters;
};

int jobs_create(struct jobs **jobs_out)
{
	struct jobs *jobs = calloc(1, sizeof *jobs);

	if (jobs == NULL)
		return -ENOMEM;
	pthread_mutex_init(&jobs->lock, NULL);
	pthread_cond_init(&jobs->ended, NULL);
	*jobs_out = jobs;
	return 0;
}

static void cancel(struct job *job)
{
	pthread_mutex_lock(&job->lock);
	job->cancelled = true;
	pthread_cond_broadcast(&job->taken);
	pthread_mutex_unlock(&job->lock);
	if (job->feed != NULL)
		feed_close(job->feed);
}

void jobs_stop(struct jobs *jobs)
{
	struct job *job;

	if (jobs == NULL)
		return;
	pthread_mutex_lock(&jobs->lock);
	jobs->stopping = true;
	LIST_FOREACH (job, &jobs->running, in_running)
		cancel(job);
	while (jobs->count > 0)
		pthread_cond_wait(&jobs->ended, &jobs->lock);
	pthread_mutex_unlock(&jobs->lock);
}

void jobs_destroy(struct jobs *jobs)
{
	if (jobs == NULL)
		return;
	jobs_stop(jobs);
	pthread_mutex_destroy(&jobs->lock);
	pthread_cond_destroy(&jobs->ended);
	free(jobs);
}

int job_create(struct jobs *jobs, const char *command, struct job **job_out)
{
	struct job *job = calloc(1, sizeof *job);

	if (job == NULL)
		return -ENOMEM;
	job->command = strdup(command);
	if (job->command == NULL) {
		free(job);
		return -ENOMEM;
	}
	pthread_mutex_init(&job->lock, NULL);
	pthread_cond_init(&job->taken, NULL);
	job->jobs = jobs;
	job->references = 1;
	*job_out = job;
	return 0;
}

struct job *job_get(struct job *job)
{
	pthread_mutex_lock(&job->lock);
	job->references++;
	pthread_mutex_unlock(&job->lock);
	return job;
}

void job_put(struct job *job)
{
	if (job == NULL)
		return;
	pthread_mutex_lock(&job->lock);
	bool last = --job->references == 0;
	pthread_mutex_unlock(&job->lock);
	if (!last)
		return;
	pthread_mutex_destroy(&job->lock);
	pthread_cond_destroy(&job->taken);
	feed_free(job->feed);
	free(job->command);
	free(job->text);
	free(job->explanation);
	free(job);
}

/* Takes out of the list all whom the present text serves. */
static struct job_waiter *ready_locked(struct job *job)
{
	struct job_waiter *ready = NULL;
	struct job_waiter **link = &job->waiters;

	while (*link != NULL) {
		struct job_waiter *waiter = *link;
		if (!job->ended && waiter->position >= job->base + job->length) {
			link = &waiter->next;
			continue;
		}
		*link = waiter->next;
		waiter->next = ready;
		ready = waiter;
	}
	return ready;
}

static void wake(struct job_waiter *ready)
{
	while (ready != NULL) {
		struct job_waiter *next = ready->next;
		ready->wake(ready);
		ready = next;
	}
}

/* Room for SIZE octets more, or NULL. */
static char *room_locked(struct job *job, size_t size)
{
	size_t room = job->room;

	while (room - job->length < size)
		room = room < 1024 ? 1024 : room * 2;
	if (room > job->room) {
		char *grown = realloc(job->text, room);

		if (grown == NULL)
			return NULL;
		job->text = grown;
		job->room = room;
	}
	return job->text + job->length;
}

/* LINE, then SIZE octets. */
static int append(struct job *job, const char *line, const void *octets, size_t size)
{
	size_t length = strlen(line);

	pthread_mutex_lock(&job->lock);
	char *room = room_locked(job, length + size);
	if (room != NULL) {
		memcpy(room, line, length);
		if (size > 0)
			memcpy(room + length, octets, size);
		job->length += length + size;
	}
	struct job_waiter *ready = ready_locked(job);
	pthread_mutex_unlock(&job->lock);
	wake(ready);
	return room != NULL ? 0 : -ENOMEM;
}

void job_print(struct job *job, const char *format, ...)
{
	char *text;
	va_list arguments;

	va_start(arguments, format);
	int length = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (length < 0)
		return;
	(void)append(job, text, NULL, 0);
	free(text);
}

void job_progress(struct job *job, uint64_t done, uint64_t total)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	int64_t now_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
	pthread_mutex_lock(&job->lock);
	bool due = now_ms - job->progress_ms >= PROGRESS_MS;
	if (due)
		job->progress_ms = now_ms;
	job->done = done;
	job->total = total;
	pthread_mutex_unlock(&job->lock);
	if (due)
		job_print(job, "progress %llu %llu\n", (unsigned long long)done,
			  (unsigned long long)total);
}

void job_explain(struct job *job, const char *format, ...)
{
	char *text;
	va_list arguments;

	va_start(arguments, format);
	int length = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (length < 0)
		return;
	pthread_mutex_lock(&job->lock);
	free(job->explanation);
	job->explanation = text;
	pthread_mutex_unlock(&job->lock);
}

void job_end(struct job *job, int error)
{
	if (error != 0)
		job_print(job, "error %d %s%s%s\n", -error, strerrorname_np(-error),
			  job->explanation != NULL ? " " : "",
			  job->explanation != NULL ? job->explanation : "");
	pthread_mutex_lock(&job->lock);
	job->ended = true;
	struct job_waiter *ready = ready_locked(job);
	pthread_mutex_unlock(&job->lock);
	if (job->feed != NULL)
		feed_close(job->feed);
	wake(ready);
}

/* ---- octets ---- */

void job_stream(struct job *job)
{
	pthread_mutex_lock(&job->lock);
	job->streams = true;
	pthread_mutex_unlock(&job->lock);
}

int job_octets(struct job *job, const void *data, size_t size)
{
	char line[32];

	snprintf(line, sizeof line, "octets %zu\n", size);
	pthread_mutex_lock(&job->lock);
	while (!job->cancelled && job->base + job->length - job->read > JOB_UNREAD_MAX)
		pthread_cond_wait(&job->taken, &job->lock);
	bool cancelled = job->cancelled;
	pthread_mutex_unlock(&job->lock);
	return cancelled ? -ECANCELED : append(job, line, data, size);
}

int job_accept(struct job *job)
{
	return feed_create(&job->feed);
}

struct feed *job_feed(struct job *job)
{
	return job->feed;
}

void job_abandon(struct job *job)
{
	pthread_mutex_lock(&job->lock);
	bool needed = job->streams || (job->feed != NULL && !feed_is_whole(job->feed));
	pthread_mutex_unlock(&job->lock);
	if (needed)
		cancel(job);
}

/* Who reads at POSITION has all before it. Moved only when that is at least half of it. */
static void forget_locked(struct job *job, size_t position)
{
	if (position > job->read)
		job->read = position;
	size_t gone = job->read - job->base;
	if (gone > job->length / 2) {
		memmove(job->text, job->text + gone, job->length - gone);
		job->base += gone;
		job->length -= gone;
	}
	pthread_cond_broadcast(&job->taken);
}

bool job_cancelled(struct job *job)
{
	pthread_mutex_lock(&job->lock);
	bool cancelled = job->cancelled;
	pthread_mutex_unlock(&job->lock);
	return cancelled;
}

static void *run_thread(void *argument)
{
	struct job *job = argument;
	struct jobs *jobs = job->jobs;

	job_end(job, job->run(job, job->context));
	free(job->context);
	pthread_mutex_lock(&jobs->lock);
	LIST_REMOVE(job, in_running);
	pthread_mutex_unlock(&jobs->lock);
	job_put(job);
	/* After this JOBS may be gone. */
	pthread_mutex_lock(&jobs->lock);
	jobs->count--;
	pthread_cond_broadcast(&jobs->ended);
	pthread_mutex_unlock(&jobs->lock);
	return NULL;
}

int job_start(struct job *job, int (*run)(struct job *job, void *context), void *context)
{
	struct jobs *jobs = job->jobs;
	pthread_attr_t attributes;
	pthread_t thread;

	job->run = run;
	job->context = context;
	pthread_mutex_lock(&jobs->lock);
	if (jobs->stopping || jobs->count >= RUNNING_MAX) {
		pthread_mutex_unlock(&jobs->lock);
		return -EBUSY;
	}
	job->number = ++jobs->last_number;
	jobs->count++;
	LIST_INSERT_HEAD(&jobs->running, job, in_running);
	job_get(job);
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	int error = -pthread_create(&thread, &attributes, run_thread, job);
	pthread_attr_destroy(&attributes);
	if (error != 0) {
		LIST_REMOVE(job, in_running);
		jobs->count--;
	}
	pthread_mutex_unlock(&jobs->lock);
	if (error != 0)
		job_put(job);
	return error;
}

long job_read(struct job *job, size_t position, char *buffer, size_t size)
{
	long taken = 0;

	pthread_mutex_lock(&job->lock);
	size_t end = job->base + job->length;
	if (job->streams && position <= end)
		forget_locked(job, position);
	if (position >= job->base && position < end) {
		size_t left = end - position;
		taken = (long)(left < size ? left : size);
		memcpy(buffer, job->text + (position - job->base), (size_t)taken);
	} else if (position >= end && !job->ended) {
		taken = -EAGAIN;
	}
	pthread_mutex_unlock(&job->lock);
	return taken;
}

void job_wait(struct job *job, struct job_waiter *waiter)
{
	pthread_mutex_lock(&job->lock);
	bool now = job->ended || waiter->position < job->base + job->length;
	if (!now) {
		waiter->next = job->waiters;
		job->waiters = waiter;
	}
	pthread_mutex_unlock(&job->lock);
	if (now)
		waiter->wake(waiter);
}

bool job_leave(struct job *job, struct job_waiter *waiter)
{
	pthread_mutex_lock(&job->lock);
	struct job_waiter **link = &job->waiters;
	while (*link != NULL && *link != waiter)
		link = &(*link)->next;
	bool found = *link != NULL;
	if (found)
		*link = waiter->next;
	pthread_mutex_unlock(&job->lock);
	return found;
}

void jobs_list(struct jobs *jobs, struct job *answer)
{
	struct job *job;

	pthread_mutex_lock(&jobs->lock);
	LIST_FOREACH (job, &jobs->running, in_running) {
		pthread_mutex_lock(&job->lock);
		uint64_t done = job->done, total = job->total;
		pthread_mutex_unlock(&job->lock);
		job_print(answer, "%u %llu %llu %s\n", job->number, (unsigned long long)done,
			  (unsigned long long)total, job->command);
	}
	pthread_mutex_unlock(&jobs->lock);
}

int job_cancel(struct jobs *jobs, unsigned number)
{
	struct job *job;
	int error = -ENOENT;

	pthread_mutex_lock(&jobs->lock);
	LIST_FOREACH (job, &jobs->running, in_running) {
		if (job->number != number)
			continue;
		cancel(job);
		error = 0;
	}
	pthread_mutex_unlock(&jobs->lock);
	return error;
}

unsigned job_number(const struct job *job)
{
	return job->number;
}
