/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Blocks from the origin that are not what its content information says. Either the way from there
 * alters octets, or the origin contradicts itself; who judges finds out by reading again. One block
 * of a file is judged at a time, since one answer often serves for all, and since an answer says
 * nothing of which block it is for: when the block was given up meanwhile it is for none.
 */
#include "fs/fetch_private.h"

#include <errno.h>
#include <string.h>

#include "cache/log.h"

/* Where there is nothing to check against: whether it takes a second reading. */
static bool is_doubtful(const struct fetch_file *file)
{
	return atomic_load(&file->distrusted) &&
	       (file->flags & (FETCH_NO_RANGES | FETCH_ONE_ANSWER)) == 0;
}

int doubt_check(const struct flight *flight)
{
	const struct fetch_file *file = flight->file;
	const struct buffer *buffer = flight->buffer;
	struct content_block block;

	if (file->content == NULL)
		return is_doubtful(file) ? -EBADMSG : 0;
	/* Not the octets' fault. */
	if (content_block_at(file->content, cutting_offset(file->cutting, flight->unit), &block) !=
	    0)
		return -EIO;
	return content_block_check(file->content, &block, buffer->bytes, buffer->length);
}

static struct flight *flight_of(struct pool_job *job)
{
	return (struct flight *)((char *)job - offsetof(struct flight, job));
}

static void drop_job(struct pool_job *job)
{
	struct flight *flight = flight_of(job);
	struct fetch_file *file = flight->file;
	struct fetch *fetch = file->fetch;

	pthread_mutex_lock(&fetch->lock);
	/* Who came since it was given up. */
	flight_give_locked(flight, -EAGAIN);
	atomic_fetch_sub(&fetch->buffered, flight->buffer->length);
	flight_free_locked(flight);
	transfer_resume_locked(fetch);
	pthread_mutex_unlock(&fetch->lock);
	flight_settled(file);
}

static void accept_job(struct pool_job *job)
{
	flight_accept(flight_of(job));
}

/* FLIGHT is in doubt no longer: what becomes of it is done by RUN on a pool thread. */
static void release_locked(struct flight *flight, void (*run)(struct pool_job *job))
{
	struct fetch_file *file = flight->file;

	TAILQ_REMOVE(&file->doubted, flight, in_doubt);
	if (file->judged.flight == flight)
		file->judged.flight = NULL;
	flight->job.run = run;
	pool_submit(file->fetch->pool, POOL_READER, &flight->job);
}

void doubt_drop_locked(struct fetch_file *file)
{
	struct flight *flight;

	while ((flight = TAILQ_FIRST(&file->doubted)) != NULL) {
		while (flight->waiting != NULL)
			read_park_locked(flight->waiting->read);
		release_locked(flight, drop_job);
	}
}

static void fail_locked(struct flight *flight)
{
	struct fetch_file *file = flight->file;

	if (file->content == NULL)
		atomic_fetch_add(&file->fetch->hash_errors, 1);
	file_fail_locked(file, flight->unit, -EIO);
	flight_give_locked(flight, -EIO);
	release_locked(flight, drop_job);
}

static void fail_all_locked(struct fetch_file *file)
{
	struct flight *flight;

	while ((flight = TAILQ_FIRST(&file->doubted)) != NULL)
		fail_locked(flight);
}

static void correct_locked(struct flight *flight, const void *data)
{
	memcpy(flight->buffer->bytes, data, flight->buffer->length);
	release_locked(flight, accept_job);
}

static void drop_content_locked(struct fetch_file *file, bool refuse)
{
	if (describe_drop_locked(file, refuse) != 0)
		fail_all_locked(file);
}

static void ask_judge(struct pool_job *job)
{
	struct fetch_file *file =
		(struct fetch_file *)((char *)job - offsetof(struct fetch_file, judged.job));
	const struct fetch_judges *judges = &file->fetch->judges;

	if (judges->doubt == NULL)
		fetch_judge(file, FETCH_UNRELIABLE, NULL); /* nobody can tell */
	else
		judges->doubt(judges->owner, file, file->judged.offset, file->judged.buffer->bytes,
			      file->judged.buffer->length);
}

/* The oldest flight in doubt, if nothing is being judged. */
static void judge_next_locked(struct fetch_file *file)
{
	struct flight *flight = TAILQ_FIRST(&file->doubted);

	if (flight == NULL || file->judged.buffer != NULL)
		return;
	if (file->fetch->stopping) {
		fail_all_locked(file);
		return;
	}
	file->judged.flight = flight;
	file->judged.buffer = buffer_get(flight->buffer);
	file->judged.offset = cutting_offset(file->cutting, flight->unit);
	file->judged.job.run = ask_judge;
	file_get_locked(file);
	pool_submit(file->fetch->pool, POOL_READER, &file->judged.job);
}

void doubt_begin(struct flight *flight, int error)
{
	struct fetch_file *file = flight->file;
	struct fetch *fetch = file->fetch;

	if (error == -EBADMSG)
		if (file->content != NULL)
			atomic_fetch_add(&fetch->hash_errors, 1);
	pthread_mutex_lock(&fetch->lock);
	TAILQ_INSERT_TAIL(&file->doubted, flight, in_doubt);
	if (file->change != NULL) /* what it is to match is about to be another */
		doubt_drop_locked(file);
	else if (error != -EBADMSG) /* it cannot be read any more */
		drop_content_locked(file, false);
	else
		judge_next_locked(file);
	pthread_mutex_unlock(&fetch->lock);
}

static void decide_locked(struct flight *flight, enum fetch_verdict verdict, const void *data)
{
	switch (verdict) {
	case FETCH_RIGHT:
		correct_locked(flight, data);
		break;
	case FETCH_UNRELIABLE:
		fail_locked(flight);
		break;
	case FETCH_CONTRADICTED:
		drop_content_locked(flight->file, true);
		break;
	}
}

/* The readings of the origin agree with each other, and not with what it says of them. */
static void tell(const struct fetch_file *file)
{
	char path[LOG_NAME_MAX];

	log_write(LOG_LEVEL_WARNING,
		  "%s: the origin's octets contradict its content information, which is dropped; "
		  "reading goes on without",
		  log_escape(path, sizeof path, file->path));
}

void fetch_judge(struct fetch_file *file, enum fetch_verdict verdict, const void *data)
{
	struct fetch *fetch = file->fetch;

	pthread_mutex_lock(&fetch->lock);
	struct buffer *buffer = file->judged.buffer;
	struct flight *flight = file->judged.flight;
	file->judged.buffer = NULL;
	file->judged.flight = NULL;
	if (flight != NULL)
		decide_locked(flight, verdict, data);
	if (buffer != NULL)
		judge_next_locked(file);
	pthread_mutex_unlock(&fetch->lock);
	if (buffer == NULL)
		return; /* nothing was asked */
	if (flight != NULL && verdict == FETCH_CONTRADICTED)
		tell(file);
	buffer_put(buffer);
	fetch_file_put(file);
}

void fetch_distrust(struct fetch_file *file)
{
	atomic_store(&file->distrusted, true);
}
