/* SPDX-License-Identifier: BSD-2-Clause
 *
 * An administrator's command while it is carried out: the text it has answered so far, for readers
 * that come and go, and for long ones a thread of its own. A job outlives the descriptor that
 * started it.
 */
#ifndef FS_JOB_H
#define FS_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fs/feed.h"

struct jobs;
struct job;

int jobs_create(struct jobs **jobs_out);
/* Cancels what runs, waits for its end, and starts nothing any more. NULL is fine. */
void jobs_stop(struct jobs *jobs);
/* NULL is fine. */
void jobs_destroy(struct jobs *jobs);

/* A command with no text yet; one reference is the caller's. */
int job_create(struct jobs *jobs, const char *command, struct job **job_out);
/* Has RUN carry it out on a thread of its own: it writes progress and returns 0 or a negative
 * errno, which becomes the last line. CONTEXT is freed with free() afterwards. -EBUSY when too
 * many run or the mount ends: CONTEXT stays the caller's. */
int job_start(struct job *job, int (*run)(struct job *job, void *context), void *context);
struct job *job_get(struct job *job);
void job_put(struct job *job);

/* Adds to the answer and wakes its readers. */
void job_print(struct job *job, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* "progress DONE TOTAL"; at most some a second are kept. */
void job_progress(struct job *job, uint64_t done, uint64_t total);
/* Why it is about to fail, in words for the user: what, which object, what to do. The last one
 * given counts. */
void job_explain(struct job *job, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Ends it: ERROR 0 writes nothing; else "error NUMBER NAME", and the explanation if there is one,
 * becomes the last line. */
void job_end(struct job *job, int error);
bool job_cancelled(struct job *job);

/* Octets. They stand in the answer behind a line "octets SIZE", lines follow. What was read of such
 * an answer is gone: it cannot be read again, and when its reader goes the job is cancelled. */

/* Octets of the answer that wait for the reader: our choice. */
#define JOB_UNREAD_MAX (1u << 20)

/* The answer will have octets; before the job starts. */
void job_stream(struct job *job);
/* Waits while much is unread. 0; -ECANCELED; -ENOMEM. SIZE is above 0. */
int job_octets(struct job *job, const void *data, size_t size);
/* The job is given octets; before it starts. 0; -ENOMEM. */
int job_accept(struct job *job);
/* Who gives them, or NULL: it takes none. As long as JOB. */
struct feed *job_feed(struct job *job);
/* Who began it has gone: one that needs him is cancelled. */
void job_abandon(struct job *job);

/* Copies of the answer's octets from POSITION on. Returns how many, 0 at the end, or -EAGAIN while
 * there are none yet. An answer with octets forgets what is before POSITION. */
long job_read(struct job *job, size_t position, char *buffer, size_t size);
/* Calls WAKE once, with no lock held, when job_read(POSITION) would not return -EAGAIN any more,
 * possibly before this returns. */
struct job_waiter {
	struct job_waiter *next;
	size_t position;
	void (*wake)(struct job_waiter *waiter);
};
void job_wait(struct job *job, struct job_waiter *waiter);
/* False: it was woken already, or is about to be. */
bool job_leave(struct job *job, struct job_waiter *waiter);

/* A line for each job that runs. */
void jobs_list(struct jobs *jobs, struct job *answer);
/* 0; -ENOENT. */
int job_cancel(struct jobs *jobs, unsigned number);
unsigned job_number(const struct job *job);

#endif
