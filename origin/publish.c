/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What is asked for, and the few workers that make it.
 *
 * A *making* is registered by its subject from when it is asked for until those who asked are told.
 * It waits, urgent or not, or runs: parked at a worker between two slices, or in one, or as a
 * stream of someone else's. A worker is a pool job that does one slice of its making and submits
 * itself again, so that more urgent jobs of the pool get their turn, and giving up is quick.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "origin/loop.h"
#include "origin/publish_file.h"
#include "origin/publish_private.h"
#include "origin/publish_queue.h"
#include "origin/publish_vain.h"

enum {
	/* All our choices. Each that waits holds a descriptor, so also at most a quarter of those
	 * we may have. */
	WAITING_MAX = 4096,
	WAITING_SHARE = 4,
	/* Files at the same time. Large ones use all cores anyway; small ones gain by it. */
	WORKERS_MAX = 4,
	STREAMS_MAX = 32, /* each holds up to 4 MiB */
};

struct worker {
	struct pool_job job;
	struct publish *publish;
	bool urgent_only; /* so that urgent ones do not wait for a long one to end */
	/* Guarded by the lock. */
	bool submitted;
	struct publish_making *making; /* NULL: takes the next one */
};

struct publish {
	/* Constant. */
	struct pool *pool;
	unsigned versions, waiting_max, worker_count;
	struct publish_shelf *shelf; /* until publish_free */

	pthread_mutex_t lock;
	pthread_cond_t slice_done;
	/* Guarded by lock. */
	bool ending;
	unsigned references; /* the owner's, and one of each submitted worker */
	unsigned slices;     /* running now */
	unsigned streams;
	struct publish_queue queue;
	struct publish_vain vain;
	uint64_t made, failed;
	struct worker workers[WORKERS_MAX + 1];

	_Atomic uint64_t octets_hashed;
};

void publish_subject_of_file(const struct stat *status, struct publish_subject *subject_out)
{
	snprintf(subject_out->name, sizeof(subject_out->name), "file:%jx:%ju",
		 (uintmax_t)status->st_dev, (uintmax_t)status->st_ino);
	snprintf(subject_out->state, sizeof(subject_out->state), "%jd %jd.%09ld %jd.%09ld",
		 (intmax_t)status->st_size, (intmax_t)status->st_mtim.tv_sec,
		 status->st_mtim.tv_nsec, (intmax_t)status->st_ctim.tv_sec,
		 status->st_ctim.tv_nsec);
	subject_out->size = status->st_size > 0 ? (uint64_t)status->st_size : 0;
}

static enum pool_lane lane_of(const struct worker *worker)
{
	bool urgent = worker->making != NULL ? worker->making->urgent
					     : worker->publish->queue.urgent.first != NULL;

	return urgent ? POOL_AHEAD : POOL_IDLE;
}

static void submit(struct worker *worker)
{
	worker->submitted = true;
	pool_submit(worker->publish->pool, lane_of(worker), &worker->job);
}

static bool has_work(const struct worker *worker)
{
	const struct publish *publish = worker->publish;

	return publish->queue.urgent.first != NULL ||
	       (!worker->urgent_only && publish->queue.idle.first != NULL);
}

/* Something came into a queue: one worker that rests begins, those for urgent ones first. */
static void wake(struct publish *publish)
{
	for (unsigned i = 0; i < publish->worker_count; i++) {
		struct worker *worker = &publish->workers[i];

		if (worker->submitted || !has_work(worker))
			continue;
		publish->references++;
		submit(worker);
		return;
	}
}

/* The end of a making */

/* Who asked is told, with no lock held. Frees MAKING. */
static void tell(struct publish_making *making, int error)
{
	while (making->waiters != NULL) {
		struct publish_waiter *waiter = making->waiters;

		making->waiters = waiter->next;
		waiter->done(waiter->context, error);
		free(waiter);
	}
	publish_file_free(making->progress);
	if (making->file >= 0)
		close(making->file);
	free(making);
}

/* ANEW: something was made, or could not be. */
static void finish(struct publish_making *making, int error, bool anew)
{
	struct publish *publish = making->publish;

	pthread_mutex_lock(&publish->lock);
	publish_queue_unregister(&publish->queue, making);
	publish_vain_note(&publish->vain, &making->subject, error, making->took_ms,
			  loop_clock_ms());
	if (making->file < 0)
		publish->streams--;
	publish->made += error == 0 && anew;
	publish->failed += error != 0 && error != -ECANCELED;
	pthread_mutex_unlock(&publish->lock);
	tell(making, error);
}

/* Workers */

/* One slice. Returns whether there is more to do; else ERROR_OUT and ANEW_OUT are set. */
static bool work_on(struct publish_making *making, enum pool_lane lane, int *error_out,
		    bool *anew_out)
{
	struct publish *publish = making->publish;
	int64_t begun_ms = loop_clock_ms();
	int error = 0;

	*anew_out = true;
	if (making->progress == NULL) {
		error = publish_file_begin(making->file, &making->subject, publish->shelf,
					   publish->versions, publish->pool, lane,
					   &making->progress);
		*anew_out = error != -EALREADY;
	}
	if (error == 0) {
		uint64_t octets = 0;
		bool more;

		error = publish_file_slice(making->progress, &octets, &more);
		publish_count_octets(publish, octets);
		making->took_ms += loop_clock_ms() - begun_ms;
		if (error == 0 && more)
			return true;
	}
	*error_out = error == -EALREADY ? 0 : error;
	return false;
}

/* Lock held before, not after. */
static void release(struct publish *publish)
{
	bool last = --publish->references == 0;

	pthread_mutex_unlock(&publish->lock);
	if (!last)
		return;
	pthread_cond_destroy(&publish->slice_done);
	pthread_mutex_destroy(&publish->lock);
	free(publish);
}

/* Lock held. With a making to work on, or nothing is left to do. */
static bool begin_slice(struct worker *worker)
{
	struct publish *publish = worker->publish;

	if (publish->ending)
		return false;
	if (worker->making == NULL)
		worker->making = publish_queue_take(&publish->queue, worker->urgent_only);
	if (worker->making == NULL)
		return false;
	publish->slices++;
	return true;
}

static void run_slice(struct worker *worker)
{
	struct publish *publish = worker->publish;
	enum pool_lane lane = worker->making->urgent ? POOL_AHEAD : POOL_IDLE;
	int error = 0;
	bool anew;

	pthread_mutex_unlock(&publish->lock);
	if (!work_on(worker->making, lane, &error, &anew)) {
		finish(worker->making, error, anew);
		worker->making = NULL;
	}
	pthread_mutex_lock(&publish->lock);
	if (--publish->slices == 0)
		pthread_cond_broadcast(&publish->slice_done);
}

static void run_worker(struct pool_job *job)
{
	struct worker *worker = (struct worker *)job;
	struct publish *publish = worker->publish;

	pthread_mutex_lock(&publish->lock);
	if (begin_slice(worker))
		run_slice(worker);
	if (!publish->ending && (worker->making != NULL || has_work(worker))) {
		submit(worker);
		pthread_mutex_unlock(&publish->lock);
		return;
	}
	worker->submitted = false;
	release(publish);
}

/* What is asked for */

static int add_waiter(struct publish_making *making, publish_done *done, void *context)
{
	struct publish_waiter *waiter;

	if (done == NULL)
		return 0;
	waiter = malloc(sizeof(*waiter));
	if (waiter == NULL)
		return -EBUSY;
	*waiter = (struct publish_waiter){making->waiters, done, context};
	making->waiters = waiter;
	return 0;
}

static int create_making(struct publish *publish, const struct publish_subject *subject, int file,
			 struct publish_making **making_out)
{
	struct publish_making *making = calloc(1, sizeof(*making));

	if (making == NULL)
		return -EBUSY;
	making->publish = publish;
	making->subject = *subject;
	making->subject.name[sizeof(making->subject.name) - 1] = '\0';
	making->subject.state[sizeof(making->subject.state) - 1] = '\0';
	making->file = file;
	*making_out = making;
	return 0;
}

/* Lock held. */
static int make_new(struct publish *publish, const struct publish_subject *subject, int file,
		    bool urgent, publish_done *done, void *context)
{
	struct publish_making *making;
	int duplicate, error;

	error = publish_vain_look(&publish->vain, subject, loop_clock_ms());
	if (error != 0)
		return error;
	if (publish->queue.waiting >= publish->waiting_max)
		return -EBUSY;
	duplicate = fcntl(file, F_DUPFD_CLOEXEC, 0);
	if (duplicate < 0)
		return -EBUSY;
	error = create_making(publish, subject, duplicate, &making);
	if (error == 0) {
		error = add_waiter(making, done, context);
		if (error != 0)
			free(making);
	}
	if (error != 0) {
		close(duplicate);
		return error;
	}
	making->urgent = urgent;
	publish_queue_register(&publish->queue, making);
	publish_queue_add(&publish->queue, making);
	wake(publish);
	return 0;
}

int publish_make(struct publish *publish, const struct publish_subject *subject, int file,
		 bool urgent, publish_done *done, void *context)
{
	struct publish_making *making;
	int error;

	pthread_mutex_lock(&publish->lock);
	making = publish_queue_find(&publish->queue, subject);
	if (publish->ending) {
		error = -EBUSY;
	} else if (making == NULL) {
		error = make_new(publish, subject, file, urgent, done, context);
	} else {
		error = add_waiter(making, done, context);
		if (error == 0 && urgent) {
			publish_queue_hurry(&publish->queue, making);
			wake(publish);
		}
	}
	pthread_mutex_unlock(&publish->lock);
	return error;
}

int publish_claim(struct publish *publish, const struct publish_subject *subject,
		  struct publish_making **making_out)
{
	struct publish_making *making;
	int error = create_making(publish, subject, -1, &making);

	if (error != 0)
		return error;
	pthread_mutex_lock(&publish->lock);
	error = publish_vain_look(&publish->vain, subject, loop_clock_ms());
	if (error == 0 && (publish->ending || publish->streams >= STREAMS_MAX ||
			   publish_queue_find(&publish->queue, subject) != NULL))
		error = -EBUSY;
	if (error != 0) {
		pthread_mutex_unlock(&publish->lock);
		free(making);
		return error;
	}
	publish->streams++;
	publish_queue_register(&publish->queue, making);
	pthread_mutex_unlock(&publish->lock);
	*making_out = making;
	return 0;
}

int publish_claim_end(struct publish_making *making, int error, const struct publish_made *made)
{
	if (error == 0)
		error = publish_shelf_put(making->publish->shelf, &making->subject, made);
	finish(making, error, true);
	return error;
}

unsigned publish_versions(const struct publish *publish)
{
	return publish->versions;
}

struct publish_shelf *publish_shelf(const struct publish *publish)
{
	return publish->shelf;
}

void publish_count_octets(struct publish *publish, uint64_t octets)
{
	atomic_fetch_add_explicit(&publish->octets_hashed, octets, memory_order_relaxed);
}

void publish_forget(struct publish *publish, const char *name)
{
	publish_shelf_forget(publish->shelf, name);
}

int publish_clear(struct publish *publish)
{
	return publish_shelf_clear(publish->shelf);
}

void publish_counters(struct publish *publish, struct publish_counters *counters_out)
{
	pthread_mutex_lock(&publish->lock);
	*counters_out = (struct publish_counters){
		.made = publish->made,
		.octets_hashed =
			atomic_load_explicit(&publish->octets_hashed, memory_order_relaxed),
		.failed = publish->failed,
		.queued = publish->queue.waiting,
	};
	pthread_mutex_unlock(&publish->lock);
}

/* The publisher */

static unsigned waiting_max(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur > WAITING_MAX * WAITING_SHARE)
		return WAITING_MAX;
	return (unsigned)files.rlim_cur / WAITING_SHARE;
}

static void set_up_workers(struct publish *publish)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned idle = cores > 2 ? (unsigned)cores - 1 : 1; /* as many as the pool runs of them */

	publish->worker_count = 1 + (idle < WORKERS_MAX ? idle : WORKERS_MAX);
	for (unsigned i = 0; i < publish->worker_count; i++)
		publish->workers[i] = (struct worker){
			.job.run = run_worker, .publish = publish, .urgent_only = i == 0};
}

int publish_create(const struct publish_options *options, struct publish **publish_out,
		   char *message, size_t message_size)
{
	struct publish *publish = calloc(1, sizeof(*publish));
	int error = publish == NULL ? -ENOMEM : 0;

	assert(options->versions != 0 && options->versions < 1u << PUBLISH_VERSIONS);
	if (error != 0)
		snprintf(message, message_size, "no memory");
	else
		error = publish_shelf_open(options, &publish->shelf, message, message_size);
	if (error != 0) {
		free(publish);
		return error;
	}
	publish->pool = options->pool;
	publish->versions = options->versions;
	publish->waiting_max = waiting_max();
	publish->references = 1;
	publish_queue_init(&publish->queue);
	pthread_mutex_init(&publish->lock, NULL);
	pthread_cond_init(&publish->slice_done, NULL);
	set_up_workers(publish);
	*publish_out = publish;
	return 0;
}

/* One that no worker is at, or NULL. Lock held. */
static struct publish_making *take_parked(struct publish *publish)
{
	for (unsigned i = 0; i < publish->worker_count; i++) {
		struct publish_making *making = publish->workers[i].making;

		if (making == NULL)
			continue;
		publish->workers[i].making = NULL;
		return making;
	}
	return publish_queue_take(&publish->queue, false);
}

static void give_up_all(struct publish *publish)
{
	for (;;) {
		struct publish_making *making;

		pthread_mutex_lock(&publish->lock);
		making = take_parked(publish);
		pthread_mutex_unlock(&publish->lock);
		if (making == NULL)
			return;
		finish(making, -ECANCELED, false);
	}
}

void publish_free(struct publish *publish)
{
	if (publish == NULL)
		return;
	pthread_mutex_lock(&publish->lock);
	publish->ending = true;
	while (publish->slices > 0)
		pthread_cond_wait(&publish->slice_done, &publish->lock);
	assert(publish->streams == 0);
	pthread_mutex_unlock(&publish->lock);
	give_up_all(publish);
	publish_shelf_close(publish->shelf);
	/* Workers may still lie in the pool's queue. */
	pthread_mutex_lock(&publish->lock);
	release(publish);
}
