/* SPDX-License-Identifier: BSD-2-Clause */
#include "origin/content_origin.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "origin/content_origin_private.h"
#include "origin/loop.h"

#define NAME_PREFIX "url:"

/* ---- what is under way ---- */

bool content_origin_enter(struct content_origin *source)
{
	bool may;

	pthread_mutex_lock(&source->lock);
	may = !source->stopping;
	source->under_way += may;
	pthread_mutex_unlock(&source->lock);
	return may;
}

void content_origin_leave(struct content_origin *source)
{
	pthread_mutex_lock(&source->lock);
	if (--source->under_way == 0)
		pthread_cond_broadcast(&source->less);
	pthread_mutex_unlock(&source->lock);
}

/* ---- items ---- */

static struct origin_item *new_item(struct content_origin *source, const char *path)
{
	struct origin_item *item = calloc(1, sizeof(*item) + strlen(path) + 1);

	if (item == NULL)
		return NULL;
	item->item.source = &source->source;
	strcpy(item->path, path);
	return item;
}

void origin_item_free(struct content_item *item)
{
	free(item);
}

/* The strings of an item are its own. */
static void settle_words(struct origin_item *item)
{
	if (item->said.type[0] != '\0')
		item->item.type = item->said.type;
	if (item->said.cache_control[0] != '\0')
		item->item.cache_control = item->said.cache_control;
}

struct origin_item *origin_item_copy(const struct origin_item *item)
{
	size_t size = sizeof(*item) + strlen(item->path) + 1;
	struct origin_item *copy = malloc(size);

	if (copy == NULL)
		return NULL;
	memcpy(copy, item, size);
	settle_words(copy);
	return copy;
}

/* Short of NUL if the URL does not fit: no name then. */
static bool write_name(struct content_origin *source, const char *path, char name[PUBLISH_NAME_MAX])
{
	size_t prefix = strlen(NAME_PREFIX);

	strcpy(name, NAME_PREFIX);
	origin_url(source->origin, path, name + prefix, PUBLISH_NAME_MAX - prefix);
	return strlen(name) < PUBLISH_NAME_MAX - 1;
}

void origin_item_subject(const struct content_item *opaque, struct publish_subject *subject_out)
{
	const struct origin_item *item = (const struct origin_item *)opaque;

	write_name(origin_item_source(item), item->path, subject_out->name);
	snprintf(subject_out->state, sizeof(subject_out->state), "%llu %s",
		 (unsigned long long)item->item.size, item->validator);
	subject_out->size = item->item.size;
}

/* Whether WORD is among the items of LIST (RFC 9110 section 5.6.1). */
static bool has_word(const char *list, const char *word)
{
	while (*list != '\0') {
		size_t length = strcspn(list, ", \t=");

		if (length == strlen(word) && strncasecmp(list, word, length) == 0)
			return true;
		list += length;
		list += *list == '=' ? strcspn(list, ",") : 1;
	}
	return false;
}

/* http-extension.md section 3, steps 9 and 10, as far as they are of the origin's answer. */
static bool is_publishable(struct content_origin *source, const struct origin_item *item)
{
	char name[PUBLISH_NAME_MAX];

	return item->validator[0] != '\0' && item->item.size != CONTENT_SIZE_UNKNOWN &&
	       !has_word(item->said.cache_control, "no-store") &&
	       write_name(source, item->path, name);
}

static void fill_file(struct content_origin *source, struct origin_item *item,
		      const struct content_look *look)
{
	const struct entry *entry = &look->entry;
	bool exact = entry->flags & ENTRY_SIZE_EXACT && entry->size >= 0;

	item->said = look->said;
	settle_words(item);
	strcpy(item->validator, entry->validator);
	item->item.size = exact ? (uint64_t)entry->size : CONTENT_SIZE_UNKNOWN;
	item->item.mtime = entry->flags & ENTRY_MTIME_EXACT ? entry->mtime : -1;
	if (entry->validator[0] == '"')
		strcpy(item->item.etag, entry->validator);
	item->item.no_ranges = !exact || entry->flags & ENTRY_NO_RANGES ||
			       loop_clock_ms() < atomic_load(&source->no_ranges_until_ms);
	item->item.publishable = is_publishable(source, item);
}

/* ---- looking ---- */

struct looking {
	struct pool_job job; /* first */
	struct content_origin *source;
	content_looked *done;
	void *context;
	struct content_look look;
	char path[];
};

static void tell_look(struct content_origin *source, const char *path,
		      const struct content_look *look, content_looked *done, void *context)
{
	struct origin_item *item = look->error == 0 ? new_item(source, path) : NULL;

	if (item == NULL) {
		done(context, look->error == 0 ? -ENOMEM : look->error, NULL);
		return;
	}
	item->item.kind = look->entry.kind;
	if (item->item.kind == ENTRY_FILE)
		fill_file(source, item, look);
	done(context, 0, &item->item);
}

static void end_look(struct pool_job *job)
{
	struct looking *looking = (struct looking *)job;
	struct content_origin *source = looking->source;
	char name[PUBLISH_NAME_MAX];

	if (looking->look.error == -ENOENT && write_name(source, looking->path, name))
		publish_forget(source->publish, name);
	tell_look(source, looking->path, &looking->look, looking->done, looking->context);
	free(looking);
	content_origin_leave(source);
}

static void looked(void *context, int error, const struct entry *entry,
		   const struct origin_said *said)
{
	struct looking *looking = context;
	struct content_origin *source = looking->source;

	looking->look.error = error;
	if (error == 0) {
		looking->look.entry = *entry;
		looking->look.said = *said;
	}
	content_looks_put(source->looks, looking->path, loop_clock_ms(), &looking->look);
	pool_submit(source->pool, POOL_READER, &looking->job);
}

static struct looking *new_looking(struct content_origin *source, const char *path,
				   content_looked *done, void *context)
{
	struct looking *looking = calloc(1, sizeof(*looking) + strlen(path) + 1);

	if (looking == NULL)
		return NULL;
	looking->job.run = end_look;
	looking->source = source;
	looking->done = done;
	looking->context = context;
	strcpy(looking->path, path);
	return looking;
}

static int ask(struct content_origin *source, const char *path, content_looked *done, void *context)
{
	struct looking *looking;

	if (!content_origin_enter(source))
		return -ECANCELED;
	looking = new_looking(source, path, done, context);
	if (looking != NULL &&
	    origin_look(source->origin, path, ORIGIN_READER, looked, looking) != NULL)
		return 0;
	free(looking);
	content_origin_leave(source);
	return -ENOMEM;
}

static void look(struct content_source *opaque, const char *path, content_looked *done,
		 void *context)
{
	struct content_origin *source = (struct content_origin *)opaque;
	struct content_look known;
	int error;

	if (content_looks_find(source->looks, path, loop_clock_ms(), &known)) {
		tell_look(source, path, &known, done, context);
		return;
	}
	error = ask(source, path, done, context);
	if (error < 0)
		done(context, error, NULL);
}

/* ---- listing ---- */

struct reading {
	struct pool_job job; /* first */
	struct content_origin *source;
	content_listed *done;
	void *context;
	int error;
	struct directory *directory;
};

static void end_list(struct pool_job *job)
{
	struct reading *reading = (struct reading *)job;
	struct content_origin *source = reading->source;

	reading->done(reading->context, reading->error, reading->directory);
	free(reading);
	content_origin_leave(source);
}

static void listed(void *context, int error, struct directory *directory)
{
	struct reading *reading = context;

	reading->error = error;
	reading->directory = directory;
	pool_submit(reading->source->pool, POOL_READER, &reading->job);
}

static void list(struct content_source *opaque, const char *path, content_listed *done,
		 void *context)
{
	struct content_origin *source = (struct content_origin *)opaque;
	struct reading *reading;

	if (!content_origin_enter(source)) {
		done(context, -ECANCELED, NULL);
		return;
	}
	reading = malloc(sizeof(*reading));
	if (reading != NULL) {
		*reading = (struct reading){
			.job.run = end_list, .source = source, .done = done, .context = context};
		if (origin_list(source->origin, path, listed, reading) != NULL)
			return;
	}
	free(reading);
	content_origin_leave(source);
	done(context, -ENOMEM, NULL);
}

/* ---- publishing ---- */

/* Who is only told to ask again gets the content now, and it is hashed as it passes if it passes
 * whole: send() knows. */
static int make(struct content_item *opaque, struct publish *publish, bool urgent,
		publish_done *done, void *context)
{
	struct origin_item *item = (struct origin_item *)opaque;

	(void)publish;
	origin_hashing_missed(item);
	if (!urgent && done == NULL) {
		item->wanted = true;
		return 0;
	}
	return origin_hashing_want(item, urgent, done, context);
}

/* ---- life ---- */

static void stop(struct content_source *opaque)
{
	struct content_origin *source = (struct content_origin *)opaque;

	pthread_mutex_lock(&source->lock);
	source->stopping = true;
	pthread_mutex_unlock(&source->lock);
	origin_stop(source->origin);
	origin_hashing_drop_waiting(source);
	pthread_mutex_lock(&source->lock);
	while (source->under_way > 0)
		pthread_cond_wait(&source->less, &source->lock);
	pthread_mutex_unlock(&source->lock);
}

static void close_source(struct content_source *opaque)
{
	struct content_origin *source = (struct content_origin *)opaque;

	origin_close(source->origin);
	loop_destroy(source->loop);
	content_looks_free(source->looks);
	pthread_cond_destroy(&source->less);
	pthread_mutex_destroy(&source->lock);
	free(source);
}

static const struct content_source_kind origin_kind = {
	.look = look,
	.list = list,
	.subject = origin_item_subject,
	.make = make,
	.send = origin_passing_send,
	.free_item = origin_item_free,
	.stop = stop,
	.close = close_source,
};

static int open_parts(struct content_origin *source, const struct content_origin_options *options,
		      char *message, size_t message_size)
{
	int error = content_looks_create(&source->looks);

	if (error == 0)
		error = loop_create(&source->loop);
	if (error < 0) {
		snprintf(message, message_size, "cannot start: %s", strerror(-error));
		return error;
	}
	return origin_open(options->origin, source->loop, options->pool, &source->origin, message,
			   message_size);
}

int content_origin_open(const struct content_origin_options *options,
			struct content_source **source_out, char *message, size_t message_size)
{
	struct content_origin *source = calloc(1, sizeof(*source));
	int error;

	if (source == NULL) {
		snprintf(message, message_size, "out of memory");
		return -ENOMEM;
	}
	source->source.kind = &origin_kind;
	source->pool = options->pool;
	source->publish = options->publish;
	source->min_size = options->min_size;
	TAILQ_INIT(&source->hashings);
	pthread_mutex_init(&source->lock, NULL);
	pthread_cond_init(&source->less, NULL);
	error = open_parts(source, options, message, message_size);
	if (error < 0) {
		close_source(&source->source);
		return error;
	}
	*source_out = &source->source;
	return 0;
}
