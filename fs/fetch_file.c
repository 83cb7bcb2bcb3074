/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Files: their life, which ends when nobody has them open and nothing of them is on its way, and
 * what is remembered of failures.
 */
#include "fs/fetch_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void release(struct fetch_file *file)
{
	content_put(file->content);
	object_put(file->object);
	free(file->path);
	free(file->validator);
	free(file->fresh);
	free(file);
}

static void file_free(struct pool_job *job)
{
	struct fetch_file *file =
		(struct fetch_file *)((char *)job - offsetof(struct fetch_file, job));
	struct fetch *fetch = file->fetch;
	const struct fetch_judges *judges = &fetch->judges;

	if (judges->closed != NULL && !(file->flags & FETCH_INSIDE))
		judges->closed(judges->owner, file->object, file->path, file->validator);
	release(file);
	pthread_mutex_lock(&fetch->lock);
	fetch->file_count--;
	pthread_mutex_unlock(&fetch->lock);
}

void file_get_locked(struct fetch_file *file)
{
	file->references++;
}

/* Returns whether that was the last reference. */
static bool leave_locked(struct fetch_file *file)
{
	struct flight *flight;

	if (--file->references > 0)
		return false;
	LIST_REMOVE(file, in_fetch);
	if (file->shared)
		LIST_REMOVE(file, in_shared);
	if (file->asking == FILE_ASKING) /* and nobody waits for the answer */
		file->fetch->asking--;
	while ((flight = LIST_FIRST(&file->flights)) != NULL)
		flight_free_locked(flight);
	return true;
}

void file_put_locked(struct fetch_file *file)
{
	if (!leave_locked(file))
		return;
	/* Putting the object may block. */
	file->job.run = file_free;
	pool_submit(file->fetch->pool, POOL_AHEAD, &file->job);
}

static int open_file(struct fetch *fetch, struct object *object, const char *path,
		     const char *validator, unsigned flags, struct content *content,
		     struct fetch_file **file_out)
{
	struct fetch_file *file = calloc(1, sizeof *file);

	if (file == NULL)
		return -ENOMEM;
	file->fetch = fetch;
	file->object = object_get(object);
	file->path = strdup(path);
	file->validator = strdup(validator);
	file->flags = flags;
	file->dead = flags & FETCH_ANSWERED ? -ESTALE : 0;
	file->references = 1;
	pthread_mutex_lock(&fetch->lock);
	file->number = ++fetch->files_opened;
	pthread_mutex_unlock(&fetch->lock);
	TAILQ_INIT(&file->parked);
	TAILQ_INIT(&file->doubted);
	int error = file->path != NULL && file->validator != NULL ? describe_begin(file, content)
								  : -ENOMEM;
	if (error != 0) {
		release(file);
		return error;
	}
	*file_out = file;
	return 0;
}

int fetch_open(struct fetch *fetch, struct object *object, const char *path, const char *validator,
	       unsigned flags, struct fetch_file **file_out)
{
	return open_file(fetch, object, path, validator, flags, NULL, file_out);
}

static unsigned shared_bucket(const struct object *object)
{
	return (unsigned)(((uintptr_t)object >> 6) * 2654435761u % SHARED_BUCKETS);
}

/* One of OBJECT that is open and goes by what describes it, with a reference; NULL: none. */
static struct fetch_file *find_shared_locked(struct fetch *fetch, const struct object *object)
{
	struct fetch_file *file;

	LIST_FOREACH (file, &fetch->shared[shared_bucket(object)], in_shared)
		if (file->object == object)
			break;
	if (file != NULL)
		file_get_locked(file);
	return file;
}

static struct fetch_file *find_shared(struct fetch *fetch, const struct object *object)
{
	pthread_mutex_lock(&fetch->lock);
	struct fetch_file *file = find_shared_locked(fetch, object);
	pthread_mutex_unlock(&fetch->lock);
	return file;
}

/* From now on others find FILE, unless somebody was quicker: then it is put, and that one's is
 * returned. */
static struct fetch_file *share(struct fetch_file *file)
{
	struct fetch *fetch = file->fetch;

	pthread_mutex_lock(&fetch->lock);
	struct fetch_file *other = find_shared_locked(fetch, file->object);
	if (other == NULL) {
		LIST_INSERT_HEAD(&fetch->shared[shared_bucket(file->object)], file, in_shared);
		file->shared = true;
	}
	pthread_mutex_unlock(&fetch->lock);
	if (other == NULL)
		return file;
	fetch_file_put(file);
	return other;
}

int fetch_open_nearby(struct fetch *fetch, struct object *object, const char *path,
		      struct content *content, struct fetch_file **file_out)
{
	const unsigned flags = FETCH_NEARBY_ONLY | FETCH_INSIDE;
	struct fetch_file *file = content == NULL ? find_shared(fetch, object) : NULL;
	int error = 0;

	if (file == NULL) {
		error = open_file(fetch, object, path, "", flags, content, &file);
		if (error == 0 && content == NULL)
			file = share(file);
	}
	if (error == 0)
		*file_out = file;
	return error;
}

struct fetch_file *fetch_file_get(struct fetch_file *file)
{
	pthread_mutex_lock(&file->fetch->lock);
	file_get_locked(file);
	pthread_mutex_unlock(&file->fetch->lock);
	return file;
}

void fetch_file_put(struct fetch_file *file)
{
	if (file == NULL)
		return;
	struct fetch *fetch = file->fetch;
	pthread_mutex_lock(&fetch->lock);
	bool last = leave_locked(file);
	pthread_mutex_unlock(&fetch->lock);
	if (last)
		file_free(&file->job);
}

struct object *fetch_file_object(const struct fetch_file *file)
{
	return file->object;
}

const char *fetch_file_path(const struct fetch_file *file)
{
	return file->path;
}

const char *fetch_file_validator(const struct fetch_file *file)
{
	return file->validator;
}

static bool alive_locked(const struct fetch_file *file)
{
	return !file->replaced && (file->dead == 0 || (file->answered && file->landing > 0));
}

bool fetch_file_replaced(struct fetch_file *file)
{
	return atomic_load(&file->replaced);
}

bool fetch_file_alive(struct fetch_file *file)
{
	pthread_mutex_lock(&file->fetch->lock);
	bool alive = alive_locked(file);
	pthread_mutex_unlock(&file->fetch->lock);
	return alive;
}

struct fetch_file *fetch_find(struct fetch *fetch, const struct object *object)
{
	struct fetch_file *file, *found = NULL;

	pthread_mutex_lock(&fetch->lock);
	LIST_FOREACH (file, &fetch->files, in_fetch)
		if (file->object == object && !(file->flags & FETCH_INSIDE) &&
		    (found == NULL || !alive_locked(found)))
			found = file;
	if (found != NULL)
		file_get_locked(found);
	pthread_mutex_unlock(&fetch->lock);
	return found;
}

/* Nothing more of FILE comes, not even by an answer that is under way and could be followed. */
static void supersede_locked(struct fetch_file *file)
{
	struct transfer *transfer;

	file->dead = -ESTALE;
	LIST_FOREACH (transfer, &file->transfers, in_file) {
		if (!transfer->offered || transfer->stream)
			continue;
		atomic_store(&transfer->unwanted, true);
		if (transfer->starved)
			follow_feed_locked(transfer);
	}
}

void fetch_supersede(struct fetch *fetch, const char *path, const struct object *object)
{
	struct fetch_file *file;

	pthread_mutex_lock(&fetch->lock);
	LIST_FOREACH (file, &fetch->files, in_fetch)
		if (file->object != object && file->dead == 0 &&
		    !(file->flags & FETCH_ONE_ANSWER) && strcmp(file->path, path) == 0)
			supersede_locked(file);
	pthread_mutex_unlock(&fetch->lock);
}

void fetch_file_revive(struct fetch_file *file)
{
	pthread_mutex_lock(&file->fetch->lock);
	if (file->dead != 0 && !(file->flags & FETCH_ONE_ANSWER)) {
		file->dead = 0;
		memset(file->failures, 0, sizeof file->failures);
	}
	pthread_mutex_unlock(&file->fetch->lock);
}

struct pool_job *fetch_seed(struct fetch_file *file, uint32_t unit, const void *data, size_t length)
{
	struct fetch *fetch = file->fetch;
	struct buffer *buffer = buffer_create((uint32_t)length);
	struct flight *flight = NULL;

	if (buffer == NULL)
		return NULL;
	memcpy(buffer->bytes, data, length);
	pthread_mutex_lock(&fetch->lock);
	/* What must be checked first is fetched when it is wanted. */
	if (file->content == NULL && file->change == NULL && flight_find_locked(file, unit) == NULL)
		flight = flight_create_locked(file, unit);
	if (flight != NULL) {
		flight->why = LEDGER_NO_INFORMATION;
		flight_believe_locked(flight, buffer, fetch->source->given);
	} else {
		buffer_put(buffer);
	}
	pthread_mutex_unlock(&fetch->lock);
	return flight != NULL ? &flight->job : NULL;
}

void file_fail_locked(struct fetch_file *file, uint32_t unit, int error)
{
	unsigned slot = file->next_failure++ % FAILURES;

	file->failures[slot].unit = unit;
	file->failures[slot].error = error;
	file->failures[slot].until_ms = file->fetch->now_ms + FAILURE_MS;
}

int file_failure_locked(const struct fetch_file *file, uint32_t unit)
{
	for (unsigned i = 0; i < FAILURES; i++)
		if (file->failures[i].error != 0 && file->failures[i].unit == unit &&
		    file->failures[i].until_ms > file->fetch->now_ms)
			return file->failures[i].error;
	return 0;
}
