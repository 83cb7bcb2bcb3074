/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/inquiry.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/random.h>
#include <time.h>
#include <xxhash.h>

#include "cache/log.h"

/* So many doubts of a name within so many seconds, and it counts as one without validator for so
 * many seconds; remembered by hash. Our choices. */
#define DOUBTS_MAX 2u
#define DOUBT_SECONDS 60
#define FICKLE_SECONDS 600
#define DOUBTED 64u

/* How often a listing that cannot be written at once is tried again, and the pause when the cache
 * has no room for it: what readers pin is free again soon. Our choice. */
#define LISTING_TRIES 10
#define ROOM_PAUSE_NS 20000000

struct asker {
	struct asker *next;
	inquiry_done *done;
	void *context;
};

struct inquiry {
	LIST_ENTRY(inquiry) in_all; /* inquiries->lock */
	struct inquiries *inquiries;
	enum inquiry_kind kind;
	char *dir, *name, *path;
	struct asker *askers; /* inquiries->lock */
	struct pool_job job;
	int64_t asked; /* seconds since 1970 */
	int error;
	struct entry entry;
	struct directory *directory;
	unsigned char *body;
	size_t body_length;
	bool too_large;
};

struct inquiries {
	/* Held from looking into the catalog to changing what was seen there. Taken first. */
	pthread_mutex_t learning;
	pthread_mutex_t lock;
	LIST_HEAD(, inquiry) all; /* that can be joined */
	unsigned count;           /* of these, and those whose askers are being told */
	struct doubted {
		uint64_t hash;
		unsigned doubts;
		int64_t until; /* when they are forgotten */
	} doubted[DOUBTED];    /* lock */
	struct catalog *catalog;
	struct origin *origin;
	struct pool *pool;
};

int inquiries_create(struct catalog *catalog, struct origin *origin, struct pool *pool,
		     struct inquiries **inquiries_out)
{
	struct inquiries *inquiries = calloc(1, sizeof *inquiries);

	if (inquiries == NULL)
		return -ENOMEM;
	pthread_mutex_init(&inquiries->learning, NULL);
	pthread_mutex_init(&inquiries->lock, NULL);
	inquiries->catalog = catalog;
	inquiries->origin = origin;
	inquiries->pool = pool;
	*inquiries_out = inquiries;
	return 0;
}

void inquiries_destroy(struct inquiries *inquiries)
{
	if (inquiries == NULL)
		return;
	pthread_mutex_destroy(&inquiries->learning);
	pthread_mutex_destroy(&inquiries->lock);
	free(inquiries);
}

bool inquiries_idle(struct inquiries *inquiries)
{
	pthread_mutex_lock(&inquiries->lock);
	bool idle = inquiries->count == 0;
	pthread_mutex_unlock(&inquiries->lock);
	return idle;
}

void inquiry_new_once(char *validator_out)
{
	uint64_t number = 0;

	if (getrandom(&number, sizeof number, 0) != sizeof number)
		number = (uint64_t)time(NULL);
	snprintf(validator_out, ENTRY_VALIDATOR_MAX, INQUIRY_ONCE "%016" PRIx64, number);
}

static void inquiry_free(struct inquiry *inquiry)
{
	directory_free(inquiry->directory);
	free(inquiry->dir);
	free(inquiry->name);
	free(inquiry->path);
	free(inquiry->body);
	free(inquiry);
}

/* A content without a length is measured by reading it. Under the same validator that stays true;
 * without one it is only what can be shown until the next reading. */
static void keep_measured_size(struct inquiry *inquiry)
{
	struct entry *entry = &inquiry->entry;
	struct entry former;

	if (entry->size >= 0 || entry->kind != ENTRY_FILE ||
	    catalog_find(inquiry->inquiries->catalog, inquiry->dir, inquiry->name, &former) != 0 ||
	    former.size < 0 || !(former.flags & ENTRY_SIZE_EXACT))
		return;
	bool once = entry->validator[0] == '\0';
	if (once || strcmp(entry->validator, former.validator) == 0) {
		entry->size = former.size;
		entry->flags |= ENTRY_SIZE_EXACT | (once ? ENTRY_SIZE_MEASURED : 0);
	}
}

static struct doubted *doubted_locked(struct inquiries *inquiries, const char *dir,
				      const char *name)
{
	uint64_t hash = XXH3_64bits_withSeed(name, strlen(name), XXH3_64bits(dir, strlen(dir)));
	struct doubted *doubted = &inquiries->doubted[hash % DOUBTED];

	if (doubted->hash != hash || doubted->until <= (int64_t)time(NULL))
		*doubted = (struct doubted){.hash = hash};
	return doubted;
}

static void count_doubt(struct inquiries *inquiries, const char *dir, const char *name)
{
	pthread_mutex_lock(&inquiries->lock);
	struct doubted *doubted = doubted_locked(inquiries, dir, name);
	doubted->doubts++;
	doubted->until = (int64_t)time(NULL) +
			 (doubted->doubts < DOUBTS_MAX ? DOUBT_SECONDS : FICKLE_SECONDS);
	pthread_mutex_unlock(&inquiries->lock);
}

static bool is_fickle(struct inquiry *inquiry)
{
	struct inquiries *inquiries = inquiry->inquiries;

	pthread_mutex_lock(&inquiries->lock);
	bool fickle = doubted_locked(inquiries, inquiry->dir, inquiry->name)->doubts >= DOUBTS_MAX;
	pthread_mutex_unlock(&inquiries->lock);
	return fickle;
}

/* Whether a version that has no validator was begun since the question was asked: a head that has
 * none either does not make it older. */
static bool was_begun_since(const struct inquiry *inquiry)
{
	struct entry known;

	return inquiry->error == 0 && inquiry->body == NULL &&
	       inquiry->entry.validator[0] == '\0' &&
	       catalog_find(inquiry->inquiries->catalog, inquiry->dir, inquiry->name, &known) ==
		       0 &&
	       known.checked >= inquiry->asked && known.size == inquiry->entry.size &&
	       strncmp(known.validator, INQUIRY_ONCE, strlen(INQUIRY_ONCE)) == 0;
}

/* A time that only the listing gives is better than none. */
static void keep_listed_time(struct inquiry *inquiry)
{
	struct entry former;

	if (inquiry->entry.mtime < 0 &&
	    catalog_find(inquiry->inquiries->catalog, inquiry->dir, inquiry->name, &former) == 0 &&
	    !(former.flags & ENTRY_MTIME_EXACT))
		inquiry->entry.mtime = former.mtime;
}

static void learn_name(struct inquiry *inquiry)
{
	struct catalog *catalog = inquiry->inquiries->catalog;

	if (inquiry->error == -ENOENT)
		inquiry->entry = (struct entry){.kind = ENTRY_ABSENT,
						.size = -1,
						.mtime = -1,
						.checked = (int64_t)time(NULL)};
	else if (inquiry->error != 0)
		return;
	if (is_fickle(inquiry))
		inquiry->entry.validator[0] = '\0';
	keep_measured_size(inquiry);
	keep_listed_time(inquiry);
	if (inquiry->body != NULL && inquiry->entry.validator[0] == '\0')
		inquiry_new_once(inquiry->entry.validator);
	if (!was_begun_since(inquiry))
		catalog_learn(catalog, inquiry->dir, inquiry->name, &inquiry->entry);
}

int inquiries_learn(struct inquiries *inquiries, const char *dir, const char *name,
		    const struct entry *entry)
{
	pthread_mutex_lock(&inquiries->learning);
	int error = catalog_learn(inquiries->catalog, dir, name, entry);
	pthread_mutex_unlock(&inquiries->learning);
	return error;
}

void inquiries_doubt(struct inquiries *inquiries, const char *dir, const char *name,
		     const char *validator, bool unread)
{
	struct entry entry;

	pthread_mutex_lock(&inquiries->learning);
	if (catalog_find(inquiries->catalog, dir, name, &entry) == 0 &&
	    strcmp(entry.validator, validator) == 0 && entry.checked != 0) {
		if (unread)
			count_doubt(inquiries, dir, name);
		entry.checked = 0;
		catalog_learn(inquiries->catalog, dir, name, &entry);
	}
	pthread_mutex_unlock(&inquiries->learning);
}

void inquiries_new_version(struct inquiries *inquiries, const char *dir, const char *name,
			   struct entry *entry)
{
	struct entry known;

	pthread_mutex_lock(&inquiries->learning);
	if (catalog_find(inquiries->catalog, dir, name, &known) == 0 && known.kind == ENTRY_FILE &&
	    strcmp(known.validator, entry->validator) != 0) {
		*entry = known;
	} else {
		inquiry_new_once(entry->validator);
		/* If it cannot be kept, the next open makes another one. */
		(void)catalog_learn(inquiries->catalog, dir, name, entry);
	}
	pthread_mutex_unlock(&inquiries->learning);
}

static void learn_listing(struct inquiry *inquiry)
{
	struct catalog *catalog = inquiry->inquiries->catalog;
	char name[LOG_NAME_MAX];

	if (inquiry->error == -ENOENT)
		catalog_forget(catalog, inquiry->dir);
	if (inquiry->error != 0)
		return;
	if (directory_rejected(inquiry->directory) > 0)
		log_warning("listing of /%s: %" PRIu32 " impossible names left out",
			    log_escape(name, sizeof name, inquiry->dir),
			    directory_rejected(inquiry->directory));
	for (int tries = 0; tries < LISTING_TRIES; tries++) {
		inquiry->error = catalog_replace(catalog, inquiry->dir, inquiry->directory,
						 (int64_t)time(NULL));
		/* A flush may forget the directory while its listing is written. */
		if (inquiry->error == -ENOSPC)
			nanosleep(&(struct timespec){.tv_nsec = ROOM_PAUSE_NS}, NULL);
		else if (inquiry->error != -ECANCELED)
			return;
	}
}

static void deliver(struct pool_job *job)
{
	struct inquiry *inquiry = (struct inquiry *)((char *)job - offsetof(struct inquiry, job));
	struct inquiries *inquiries = inquiry->inquiries;

	if (inquiry->kind == INQUIRY_LIST) {
		learn_listing(inquiry);
	} else {
		pthread_mutex_lock(&inquiries->learning);
		learn_name(inquiry);
		pthread_mutex_unlock(&inquiries->learning);
	}
	pthread_mutex_lock(&inquiries->lock);
	LIST_REMOVE(inquiry, in_all);
	struct asker *asker = inquiry->askers;
	pthread_mutex_unlock(&inquiries->lock);

	const struct inquiry_answer answer = {inquiry->entry, inquiry->body, inquiry->body_length};
	while (asker != NULL) {
		struct asker *next = asker->next;
		if (asker->done != NULL)
			asker->done(asker->context, inquiry->error, &answer);
		free(asker);
		asker = next;
	}
	inquiry_free(inquiry);
	pthread_mutex_lock(&inquiries->lock);
	inquiries->count--;
	pthread_mutex_unlock(&inquiries->lock);
}

static void to_pool(struct inquiry *inquiry)
{
	inquiry->job.run = deliver;
	pool_submit(inquiry->inquiries->pool, POOL_READER, &inquiry->job);
}

static void listed(void *context, int error, struct directory *directory)
{
	struct inquiry *inquiry = context;

	inquiry->error = error;
	inquiry->directory = directory;
	to_pool(inquiry);
}

static void stated(void *context, int error, const struct entry *entry)
{
	struct inquiry *inquiry = context;

	inquiry->error = error;
	if (error == 0)
		inquiry->entry = *entry;
	if (error == 0 && entry->kind == ENTRY_ABSENT)
		inquiry->error = -ENOENT;
	to_pool(inquiry);
}

static int body_begin(void *context, const struct entry *entry, uint64_t start, int64_t length)
{
	struct inquiry *inquiry = context;

	(void)start;
	inquiry->entry = *entry;
	inquiry->too_large = length > (int64_t)INQUIRY_BODY_MAX;
	if (inquiry->too_large)
		return -EFBIG;
	inquiry->body = malloc(INQUIRY_BODY_MAX);
	return inquiry->body != NULL ? 0 : -ENOMEM;
}

static int body_bytes(void *context, const void *data, size_t length)
{
	struct inquiry *inquiry = context;

	inquiry->too_large = length > INQUIRY_BODY_MAX - inquiry->body_length;
	if (inquiry->too_large)
		return -EFBIG;
	memcpy(inquiry->body + inquiry->body_length, data, length);
	inquiry->body_length += length;
	return 0;
}

/* A body is not asked for twice; what the name is, is, until the origin answers. The body then
 * comes as that of any other file. */
static bool ask_without_body(struct inquiry *inquiry)
{
	inquiry->entry = (struct entry){0};
	return origin_stat(inquiry->inquiries->origin, inquiry->path, ORIGIN_READER, stated,
			   inquiry) != NULL;
}

static void body_done(void *context, int error)
{
	struct inquiry *inquiry = context;

	if (error != 0) {
		free(inquiry->body);
		inquiry->body = NULL;
		inquiry->body_length = 0;
	}
	if (origin_transient(error) && ask_without_body(inquiry))
		return;
	/* Too large to travel with the answer: what its head said is an answer all the same. */
	inquiry->error = inquiry->too_large ? 0 : error;
	if (inquiry->error == 0)
		inquiry->entry.checked = (int64_t)time(NULL);
	if (inquiry->body != NULL && inquiry->entry.size < 0) {
		inquiry->entry.size = (int64_t)inquiry->body_length;
		inquiry->entry.flags |= ENTRY_SIZE_EXACT;
	}
	to_pool(inquiry);
}

static const struct origin_reader body_reader = {
	.begin = body_begin, .bytes = body_bytes, .done = body_done};

static void ask_origin(struct inquiry *inquiry, enum origin_priority priority)
{
	struct origin *origin = inquiry->inquiries->origin;
	struct origin_request *request = NULL;

	switch (inquiry->kind) {
	case INQUIRY_LIST:
		request = origin_list(origin, inquiry->path, listed, inquiry);
		break;
	case INQUIRY_STAT:
		request = origin_stat(origin, inquiry->path, priority, stated, inquiry);
		break;
	case INQUIRY_BODY:
		request = origin_read(origin, inquiry->path, "", 0, 0, ORIGIN_ORDINARY, priority,
				      &body_reader, inquiry);
		break;
	}
	if (request == NULL) {
		inquiry->error = -ENOMEM;
		to_pool(inquiry);
	}
}

static struct inquiry *find_locked(struct inquiries *inquiries, enum inquiry_kind kind,
				   const char *path)
{
	struct inquiry *inquiry;

	LIST_FOREACH (inquiry, &inquiries->all, in_all)
		if (inquiry->kind == kind && strcmp(inquiry->path, path) == 0)
			return inquiry;
	return NULL;
}

static struct inquiry *inquiry_create(struct inquiries *inquiries, enum inquiry_kind kind,
				      const char *dir, const char *name)
{
	struct inquiry *inquiry = calloc(1, sizeof *inquiry);

	if (inquiry == NULL)
		return NULL;
	inquiry->inquiries = inquiries;
	inquiry->kind = kind;
	inquiry->asked = (int64_t)time(NULL);
	inquiry->dir = strdup(dir);
	inquiry->name = strdup(name);
	if (asprintf(&inquiry->path, "%s%s%s", dir, *dir != '\0' && *name != '\0' ? "/" : "",
		     name) < 0)
		inquiry->path = NULL;
	if (inquiry->dir == NULL || inquiry->name == NULL || inquiry->path == NULL) {
		inquiry_free(inquiry);
		return NULL;
	}
	return inquiry;
}

int inquire(struct inquiries *inquiries, enum inquiry_kind kind, const char *dir, const char *name,
	    inquiry_done *done, void *context)
{
	struct asker *asker = calloc(1, sizeof *asker);
	struct inquiry *made = inquiry_create(inquiries, kind, dir, name);

	if (asker == NULL || made == NULL) {
		free(asker);
		if (made != NULL)
			inquiry_free(made);
		return -ENOMEM;
	}
	asker->done = done;
	asker->context = context;
	pthread_mutex_lock(&inquiries->lock);
	struct inquiry *inquiry = find_locked(inquiries, kind, made->path);
	bool ask = inquiry == NULL;
	if (ask) {
		inquiry = made;
		LIST_INSERT_HEAD(&inquiries->all, inquiry, in_all);
		inquiries->count++;
	}
	asker->next = inquiry->askers;
	inquiry->askers = asker;
	pthread_mutex_unlock(&inquiries->lock);
	if (ask)
		ask_origin(inquiry, done != NULL ? ORIGIN_READER : ORIGIN_AHEAD);
	else
		inquiry_free(made);
	return 0;
}
