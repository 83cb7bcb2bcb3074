/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Content information comes, or goes, while a file is read. Its units change then, so nothing of it
 * may be on its way: transfers are detached, who waits for them is parked, landings are waited for;
 * then the store exchanges the units, and all begin anew. The long part, comparing what is present,
 * is done before, while everything goes on. All files of an object change together.
 */
#include "fs/fetch_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cache/log.h"

/* Our choice: an origin with ever other content information is not believed for ever. */
#define REPLACEMENTS_MAX 3u

struct change {
	struct pool_job job;
	struct fetch_file *file; /* a reference */
	struct content *content; /* a reference; NULL: there is to be none */
	struct object_survey *survey;
	bool refuse, submitted;
};

/* Calls what follows for each file of OBJECT. */
#define FOREACH_FILE_OF(file, fetch, owner)                                                        \
	LIST_FOREACH (file, &(fetch)->files, in_fetch)                                             \
		if ((file)->object == (owner))

static void adopt_locked(struct fetch_file *file, const struct cutting *cutting,
			 struct content *content, uint8_t *fresh)
{
	atomic_store(&file->cutting, cutting);
	file->content = content;
	free(file->fresh);
	file->fresh = fresh;
	atomic_store(&file->fresh_count, 0);
}

static uint8_t *make_fresh(const struct cutting *cutting)
{
	return calloc((size_t)cutting_count(cutting) + 1, 1);
}

int describe_begin(struct fetch_file *file, struct content *given)
{
	struct fetch *fetch = file->fetch;
	struct object *object = file->object;
	struct fetch_file *other;
	bool sized = object_size(object) != STORE_SIZE_UNKNOWN;

	for (;;) {
		pthread_mutex_lock(&fetch->lock);
		unsigned changes = fetch->changes;
		pthread_mutex_unlock(&fetch->lock);
		const struct cutting *cutting = object_cutting(object);
		struct content *content = given != NULL ? content_get(given)
					  : sized       ? object_content(object)
							: NULL;
		uint8_t *fresh = sized ? make_fresh(cutting) : NULL;
		if (sized && fresh == NULL) {
			content_put(content);
			return -ENOMEM;
		}
		pthread_mutex_lock(&fetch->lock);
		if (changes == fetch->changes) {
			adopt_locked(file, cutting, content, fresh);
			FOREACH_FILE_OF(other, fetch, object)
			if (other->change != NULL)
				file->change = other->change;
			if (content != NULL || !(file->flags & FETCH_MAY_ASK) ||
			    fetch->judges.ask == NULL)
				file->asking = FILE_ASKED;
			LIST_INSERT_HEAD(&fetch->files, file, in_fetch);
			fetch->file_count++;
			pthread_mutex_unlock(&fetch->lock);
			return 0;
		}
		pthread_mutex_unlock(&fetch->lock);
		content_put(content);
		free(fresh);
	}
}

void describe_sized_locked(struct fetch *fetch, struct object *object)
{
	const struct cutting *cutting = object_cutting(object);
	struct fetch_file *file;

	FOREACH_FILE_OF(file, fetch, object)
	if (file->fresh == NULL && file->change == NULL && file->cutting != cutting) {
		adopt_locked(file, cutting, file->content, make_fresh(cutting));
		atomic_fetch_add(&file->changed, 1);
	}
}

bool describe_parks_locked(struct fetch_file *file, bool *ask_out)
{
	if (file->fetch->stopping)
		return false;
	/* Also where nothing more comes: what the store has is of other units in a moment. */
	if (file->change != NULL)
		return true;
	if (file->dead != 0)
		return false;
	if (file->asking == FILE_UNASKED) {
		file->asking = FILE_ASKING;
		file->asked_ms = file->fetch->now_ms;
		file->fetch->asking++;
		*ask_out = true;
	}
	return file->asking == FILE_ASKING;
}

static void answered_locked(struct fetch_file *file)
{
	if (file->asking == FILE_ASKING)
		file->fetch->asking--;
	file->asking = FILE_ASKED;
	if (file->change == NULL)
		reads_restart_locked(file, -EAGAIN);
}

void fetch_asked(struct fetch_file *file)
{
	pthread_mutex_lock(&file->fetch->lock);
	answered_locked(file);
	pthread_mutex_unlock(&file->fetch->lock);
}

void describe_tick_locked(struct fetch *fetch)
{
	struct fetch_file *file;

	if (fetch->asking == 0)
		return;
	LIST_FOREACH (file, &fetch->files, in_fetch)
		if (file->asking == FILE_ASKING &&
		    (fetch->now_ms - file->asked_ms >= PATIENCE_MS || fetch->stopping))
			answered_locked(file);
}

struct content *fetch_file_content(struct fetch_file *file)
{
	pthread_mutex_lock(&file->fetch->lock);
	struct content *content = file->content != NULL ? content_get(file->content) : NULL;
	pthread_mutex_unlock(&file->fetch->lock);
	return content;
}

/* Stopping what is on its way */

static void park_waiting_locked(struct fetch_file *file)
{
	struct flight *flight, *next;

	for (flight = LIST_FIRST(&file->flights); flight != NULL; flight = next) {
		next = LIST_NEXT(flight, in_file);
		if (flight->state != FLIGHT_WAITING)
			continue;
		while (flight->waiting != NULL)
			read_park_locked(flight->waiting->read);
		flight_free_locked(flight);
	}
}

static void quiet_locked(struct fetch_file *file, struct change *change)
{
	struct transfer *transfer;

	file->change = change;
	LIST_FOREACH (transfer, &file->transfers, in_file)
		transfer_detach_locked(transfer);
	if (file->stream != NULL && (file->flags & FETCH_ONE_ANSWER) &&
	    atomic_load(&file->stream->received) > 0)
		file->torn = true;
	file->stream = NULL;
	park_waiting_locked(file);
	doubt_drop_locked(file);
}

static bool landed_locked(const struct fetch_file *of)
{
	const struct fetch_file *file;

	FOREACH_FILE_OF(file, of->fetch, of->object)
	if (file->landing > 0)
		return false;
	return true;
}

void describe_settled_locked(struct fetch_file *file)
{
	struct change *change = file->change;

	if (change == NULL || change->submitted || !landed_locked(file))
		return;
	change->submitted = true;
	pool_submit(file->fetch->pool, POOL_READER, &change->job);
}

/* The change itself */

/* The parked reads begin anew, or get ERROR. */
static void install_locked(struct fetch_file *file, const struct cutting *cutting,
			   struct content *content, int error)
{
	struct flight *flight;

	/* What is kept for the reader just behind is of other units. */
	while ((flight = LIST_FIRST(&file->flights)) != NULL)
		flight_free_locked(flight);
	/* The last reference is run_change()'s, so that nothing is freed under the lock. */
	content_put(file->content);
	adopt_locked(file, cutting, content != NULL ? content_get(content) : NULL,
		     make_fresh(cutting));
	atomic_fetch_add(&file->changed, 1);
	file->change = NULL;
	/* A second answer may be another version, and nothing would tell. */
	if (content == NULL && file->torn && file->dead == 0)
		file->dead = -ESTALE;
	reads_restart_locked(file, error);
	answered_locked(file);
}

static void tell(const struct change *change, int error, uint64_t dropped)
{
	static struct log_limit limit;
	char path[LOG_NAME_MAX];

	log_escape(path, sizeof path, change->file->path);
	if (error != 0)
		log_limited(&limit, LOG_LEVEL_WARNING,
			    "%s: its content information cannot be taken in (%s)", path,
			    strerror(-error));
	else if (change->content == NULL && !change->refuse)
		log_limited(&limit, LOG_LEVEL_WARNING,
			    "%s: its content information cannot be read any more and is dropped",
			    path);
	else if (dropped > 0)
		log_limited(&limit, LOG_LEVEL_WARNING,
			    "%s: %llu octets that were cached before its content information came "
			    "do not match it and were dropped",
			    path, (unsigned long long)dropped);
}

/* What was right by the former content information is not by the one that fits now: the origin has
 * other octets under the same validator. Nobody may get parts of both. */
static void replace(struct fetch_file *first)
{
	struct fetch *fetch = first->fetch;
	struct fetch_file *file;
	char path[LOG_NAME_MAX];

	log_write(
		LOG_LEVEL_WARNING,
		"%s: the origin has other octets under the same validator; it must be opened anew",
		log_escape(path, sizeof path, first->path));
	pthread_mutex_lock(&fetch->lock);
	FOREACH_FILE_OF(file, fetch, first->object)
	atomic_store(&file->replaced, true);
	pthread_mutex_unlock(&fetch->lock);
	if (fetch->judges.replaced != NULL)
		fetch->judges.replaced(fetch->judges.owner, first->path);
}

bool fetch_file_changing(struct fetch_file *file)
{
	pthread_mutex_lock(&file->fetch->lock);
	bool changing = file->change != NULL;
	pthread_mutex_unlock(&file->fetch->lock);
	return changing;
}

static void run_change(struct pool_job *job)
{
	struct change *change = (struct change *)job;
	struct fetch_file *file, *first = change->file;
	struct fetch *fetch = first->fetch;
	struct object *object = first->object;
	struct content *former = fetch_file_content(first);
	uint64_t dropped = 0;
	int error = change->content != NULL ? object_describe(change->survey, &dropped)
					    : object_disown(object, change->refuse);

	tell(change, error, dropped);
	if (dropped > 0)
		atomic_fetch_add(&fetch->hash_errors, 1);
	if (dropped > 0 && former != NULL)
		replace(first);
	/* Whatever became of it, this is what the store has now. */
	struct content *content = object_content(object);
	/* With what should have gone all would begin anew for ever. */
	int told = content != NULL && change->content == NULL ? -EIO : -EAGAIN;
	pthread_mutex_lock(&fetch->lock);
	fetch->changes++;
	FOREACH_FILE_OF(file, fetch, object)
	install_locked(file, object_cutting(object), content, told);
	pthread_mutex_unlock(&fetch->lock);
	content_put(former);
	content_put(content);
	content_put(change->content);
	free(change);
	fetch_file_put(first);
}

static bool go_on(void *context)
{
	struct fetch *fetch = context;

	pthread_mutex_lock(&fetch->lock);
	bool stopping = fetch->stopping;
	pthread_mutex_unlock(&fetch->lock);
	return !stopping;
}

static void begin_locked(struct change *change)
{
	struct fetch_file *file, *first = change->file;

	file_get_locked(first);
	change->job.run = run_change;
	FOREACH_FILE_OF(file, first->fetch, first->object)
	quiet_locked(file, change);
	describe_settled_locked(first);
}

static int end_early(struct change *change, int error)
{
	object_survey_free(change->survey);
	content_put(change->content);
	free(change);
	return error;
}

int describe_drop_locked(struct fetch_file *file, bool refuse)
{
	if (file->change != NULL)
		return 0; /* it has been given up already */
	if (file->fetch->stopping)
		return -ECANCELED;
	struct change *change = calloc(1, sizeof *change);
	if (change == NULL)
		return -ENOMEM;
	*change = (struct change){.file = file, .refuse = refuse};
	begin_locked(change);
	return 0;
}

static int take_in(struct fetch_file *file, struct content *content)
{
	struct fetch *fetch = file->fetch;
	struct change *change = calloc(1, sizeof *change);

	if (change == NULL) {
		content_put(content);
		return -ENOMEM;
	}
	*change = (struct change){.file = file, .content = content};
	int error = object_survey(file->object, content, go_on, fetch, &change->survey);
	if (error != 0)
		return end_early(change, error);
	pthread_mutex_lock(&fetch->lock);
	error = file->change != NULL ? -EBUSY : fetch->stopping ? -ECANCELED : 0;
	if (error == 0 && file->content != NULL && file->replacements++ >= REPLACEMENTS_MAX)
		error = -ELOOP;
	if (error == 0)
		begin_locked(change);
	pthread_mutex_unlock(&fetch->lock);
	return error != 0 ? end_early(change, error) : 0;
}

int fetch_describe(struct fetch_file *file, struct content *content)
{
	int error = take_in(file, content);

	if (error != 0)
		fetch_asked(file);
	return error;
}
