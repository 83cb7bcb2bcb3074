/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Asking. The loop thread brings octets and waits for nothing; a pool thread takes them in. An
 * *asking* is one question and its answer; the last of its two ends, the answer's on the loop
 * thread and the taking in on a pool thread, concludes it.
 */
#include "fs/inform_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cache/log.h"
#include "origin/pccrtp.h"

/* So many plain answers make an origin plain, for so long (seconds). */
#define PLAIN_ANSWERS 3u
#define PLAIN_SECONDS 3600
#define FACT_PLAIN "plain"
/* Readers wait for content information that comes in one go: our choice, 1 GiB of content. */
#define WAITED_FOR_MAX (1 << 20)
/* Between the loop and the pool thread; above it the answer is paused. Our choice. */
#define STAGED_MAX (512u << 10)

struct asking {
	struct inform *inform;
	struct fetch_file *file; /* a reference */
	bool hash_request, again;
	unsigned versions;         /* that were asked for */
	inform_answered *answered; /* NULL: the file is to have it */
	void *context;

	pthread_mutex_t lock; /* what follows, but for the intake */
	struct origin_request *request;
	struct transfer *transfer; /* loop thread: the answer is plain, and is a flight */
	bool begun, information, spoke;
	char *staged; /* came, and was not taken in yet */
	size_t staged_size;
	bool paused, taking, ended;
	int error;
	struct store_intake *intake; /* pool thread, as what follows */
	bool complained;
	struct pool_job job;
};

/* ---- plain origins ---- */

/* Plain is who has nothing in the versions that were asked for. */
static void recall_plain(struct inform *inform)
{
	char text[64];
	unsigned count, versions;
	long long since;

	if (catalog_fact(inform->options.catalog, FACT_PLAIN, text, sizeof text) != 0 ||
	    sscanf(text, "%u %lld %u", &count, &since, &versions) != 3 ||
	    versions != inform->options.versions)
		return;
	inform->plain = count;
	inform->plain_since = since;
}

static void note_answer(struct inform *inform, bool spoke)
{
	char text[64];

	pthread_mutex_lock(&inform->lock);
	bool changed = !spoke || inform->plain > 0;
	inform->plain = spoke ? 0 : inform->plain + 1;
	inform->plain_since = (int64_t)time(NULL);
	snprintf(text, sizeof text, "%u %lld %u", inform->plain, (long long)inform->plain_since,
		 atomic_load(&inform->versions));
	pthread_mutex_unlock(&inform->lock);
	if (changed)
		(void)catalog_set_fact(inform->options.catalog, FACT_PLAIN, text);
}

static bool known_plain(struct inform *inform)
{
	int64_t now = (int64_t)time(NULL);

	pthread_mutex_lock(&inform->lock);
	int64_t age = now - inform->plain_since;
	bool plain = inform->plain >= PLAIN_ANSWERS && age >= 0 && age < PLAIN_SECONDS;
	pthread_mutex_unlock(&inform->lock);
	return plain;
}

bool inform_may_ask(struct inform *inform, struct object *object)
{
	return inform->options.origin != NULL && atomic_load(&inform->versions) != 0 &&
	       object_size(object) != STORE_SIZE_UNKNOWN &&
	       object_size(object) >= INFORM_SIZE_MIN && !known_plain(inform) &&
	       !object_refuses_content(object);
}

/* ---- the end ---- */

static void asking_free(struct asking *asking)
{
	struct fetch_file *file = asking->file;

	store_intake_free(asking->intake);
	pthread_mutex_destroy(&asking->lock);
	free(asking->staged);
	free(asking);
	/* Last: when the last file is gone, so may be everything else. */
	fetch_file_put(file);
}

static void complain(struct asking *asking, const char *reason)
{
	static struct log_limit limit;
	char path[LOG_NAME_MAX];

	if (asking->complained)
		return;
	asking->complained = true;
	atomic_fetch_add(&asking->inform->malformed, 1);
	log_limited(&limit, LOG_LEVEL_WARNING,
		    "%s: the origin's content information cannot be used: %s",
		    log_escape(path, sizeof path, fetch_file_path(asking->file)), reason);
}

/* What came as content information, if it is that. */
static struct content *read_content(struct asking *asking)
{
	unsigned accepted = atomic_load(&asking->inform->versions);
	struct content *content;

	if (asking->intake == NULL)
		return NULL;
	if (store_intake_end(asking->intake, &content) != 0) {
		complain(asking, store_intake_reason(asking->intake));
		return NULL;
	}
	unsigned version = 1u << (content_version(content) - 1);
	if ((asking->versions & version) == 0)
		complain(asking, "it is of a version that was not asked for");
	else if (content_start(content) != 0 ||
		 content_end(content) != object_size(fetch_file_object(asking->file)))
		complain(asking, "it speaks for another length or range");
	else if ((accepted & version) != 0) /* not forbidden meanwhile, which is nobody's fault */
		return content;
	content_put(content);
	return NULL;
}

static void start_asking(struct asking *asking);
static struct asking *asking_create(struct inform *inform, struct fetch_file *file);

/* What came was altered on the way, perhaps: once more, past caches, and in another version if one
 * is accepted, whose octets lie elsewhere. */
static bool ask_once_more(struct asking *asking)
{
	unsigned others = atomic_load(&asking->inform->versions) & PCCRTP_CONTENT_1;

	if (!asking->complained || !asking->information || asking->again ||
	    asking->answered != NULL)
		return false;
	struct asking *more = asking_create(asking->inform, asking->file);
	if (more == NULL)
		return false;
	more->again = true;
	more->versions = others != 0 ? others : asking->versions;
	start_asking(more);
	return true;
}

static void conclude(struct asking *asking)
{
	struct content *content = NULL;

	if (asking->begun && (asking->spoke || !asking->hash_request))
		note_answer(asking->inform, asking->spoke);
	if (asking->information && asking->error == 0)
		content = read_content(asking);
	else if (asking->error == -EBADMSG || asking->error == -EFBIG)
		complain(asking, "the answer contradicts itself or is cut short");
	if (content == NULL && ask_once_more(asking)) {
		asking_free(asking);
		return;
	}
	if (content == NULL && asking->again && asking->complained)
		fetch_distrust(asking->file);
	if (asking->answered != NULL)
		asking->answered(asking->context, content);
	else if (content == NULL || fetch_describe(asking->file, content) != 0)
		fetch_asked(asking->file);
	asking_free(asking);
}

/* ---- taking in ---- */

static void take_in(struct asking *asking, const char *octets, size_t size)
{
	int error = 0;

	if (asking->intake == NULL)
		error = store_intake_begin(asking->inform->options.store, CONTENT_LIMIT_DEFAULT,
					   &asking->intake);
	if (error == 0)
		error = store_intake_feed(asking->intake, octets, size);
	if (error == 0)
		return;
	pthread_mutex_lock(&asking->lock);
	struct origin_request *request = asking->request;
	if (asking->error == 0)
		asking->error = error;
	pthread_mutex_unlock(&asking->lock);
	if (error == -EBADMSG || error == -EFBIG)
		complain(asking, store_intake_reason(asking->intake));
	origin_cancel(asking->inform->options.origin, request);
}

static void run(struct pool_job *job)
{
	struct asking *asking = (struct asking *)((char *)job - offsetof(struct asking, job));
	struct origin *origin = asking->inform->options.origin;

	for (;;) {
		pthread_mutex_lock(&asking->lock);
		char *octets = asking->staged;
		size_t size = asking->staged_size;
		bool failed = asking->error != 0, paused = asking->paused, ended = asking->ended;
		asking->staged = NULL;
		asking->staged_size = 0;
		asking->paused = false;
		asking->taking = octets != NULL || ended;
		struct origin_request *request = asking->request;
		pthread_mutex_unlock(&asking->lock);
		if (paused)
			origin_resume(origin, request);
		if (octets != NULL && !failed)
			take_in(asking, octets, size);
		free(octets);
		if (octets != NULL)
			continue;
		if (ended)
			conclude(asking);
		return;
	}
}

/* ---- the answer, on the loop thread ---- */

static void ask_for_hashes(struct asking *asking)
{
	struct asking *again = asking_create(asking->inform, asking->file);

	if (again == NULL)
		return;
	again->hash_request = true;
	start_asking(again);
}

static int begin_plain(struct asking *asking, const struct origin_answer *answer)
{
	struct fetch_file *file = asking->file;
	uint64_t size = object_size(fetch_file_object(file));

	if (asking->hash_request || asking->answered != NULL)
		return -ECANCELED;
	if (answer->make)
		ask_for_hashes(asking);
	if (answer->entry.size >= 0 && (uint64_t)answer->entry.size == size)
		asking->transfer = fetch_offer(file, asking->request);
	fetch_asked(file);
	return asking->transfer != NULL ? 0 : -ECANCELED;
}

static int begin(void *context, const struct origin_answer *answer)
{
	struct asking *asking = context;
	int error = 0;

	pthread_mutex_lock(&asking->lock);
	asking->begun = true;
	asking->spoke = answer->spoke || answer->information;
	asking->information = answer->information;
	if (!answer->information)
		error = begin_plain(asking, answer);
	else if ((uint64_t)answer->entry.size != object_size(fetch_file_object(asking->file)))
		error = -EBADMSG;
	pthread_mutex_unlock(&asking->lock);
	if (error == 0 && answer->information && asking->answered == NULL &&
	    (answer->length < 0 || answer->length > WAITED_FOR_MAX))
		fetch_asked(asking->file);
	return error;
}

static int stage_locked(struct asking *asking, const void *data, size_t length)
{
	if (asking->error != 0)
		return -ECANCELED;
	if (asking->staged_size > 0 && length > STAGED_MAX - asking->staged_size) {
		asking->paused = true;
		return -EAGAIN;
	}
	if (asking->staged == NULL)
		asking->staged = malloc(length > STAGED_MAX ? length : STAGED_MAX);
	if (asking->staged == NULL)
		return -ENOMEM;
	memcpy(asking->staged + asking->staged_size, data, length);
	asking->staged_size += length;
	return 0;
}

static void run_locked(struct asking *asking)
{
	if (!asking->taking)
		pool_submit(asking->inform->options.pool, POOL_READER, &asking->job);
	asking->taking = true;
}

static int bytes(void *context, const void *data, size_t length)
{
	struct asking *asking = context;

	if (asking->transfer != NULL)
		return transfer_bytes(asking->transfer, data, length);
	pthread_mutex_lock(&asking->lock);
	int error = stage_locked(asking, data, length);
	if (error == 0)
		run_locked(asking);
	pthread_mutex_unlock(&asking->lock);
	return error;
}

static void done(void *context, int error)
{
	struct asking *asking = context;

	if (asking->transfer != NULL)
		transfer_end(asking->transfer, error);
	pthread_mutex_lock(&asking->lock);
	if (asking->error == 0)
		asking->error = error;
	asking->ended = true;
	run_locked(asking);
	pthread_mutex_unlock(&asking->lock);
}

static const struct origin_asker asker = {begin, bytes, done};

/* ---- the question ---- */

static struct asking *asking_create(struct inform *inform, struct fetch_file *file)
{
	struct asking *asking = calloc(1, sizeof *asking);

	if (asking == NULL)
		return NULL;
	pthread_mutex_init(&asking->lock, NULL);
	asking->inform = inform;
	asking->file = fetch_file_get(file);
	asking->job.run = run;
	return asking;
}

static void start_asking(struct asking *asking)
{
	struct inform *inform = asking->inform;
	if (asking->versions == 0)
		asking->versions = atomic_load(&inform->versions);
	const struct origin_question question = {
		.validator = fetch_file_validator(asking->file),
		.versions = asking->versions,
		.hash_request = asking->hash_request,
		.no_cache = asking->again || asking->answered != NULL,
	};

	/* begin() may come before this returns, and wants to know the request. */
	pthread_mutex_lock(&asking->lock);
	asking->request = origin_ask(inform->options.origin, fetch_file_path(asking->file),
				     &question, ORIGIN_READER, &asker, asking);
	bool started = asking->request != NULL;
	pthread_mutex_unlock(&asking->lock);
	if (!started)
		done(asking, -ENOMEM);
}

/* FILE comes with a reference. */
static void ask(void *owner, struct fetch_file *file)
{
	struct asking *asking = asking_create(owner, file);

	if (asking != NULL)
		start_asking(asking);
	else
		fetch_asked(file);
	fetch_file_put(file);
}

void inform_ask_again(struct inform *inform, struct fetch_file *file, inform_answered *answered,
		      void *context)
{
	struct asking *asking = asking_create(inform, file);

	if (asking == NULL) {
		answered(context, NULL);
		return;
	}
	asking->answered = answered;
	asking->context = context;
	start_asking(asking);
}

/* ---- the informer ---- */

int inform_create(const struct inform_options *options, struct inform **inform_out)
{
	struct inform *inform = calloc(1, sizeof *inform);

	if (inform == NULL)
		return -ENOMEM;
	inform->options = *options;
	atomic_init(&inform->versions, options->versions);
	pthread_mutex_init(&inform->lock, NULL);
	recall_plain(inform);
	*inform_out = inform;
	return 0;
}

void inform_destroy(struct inform *inform)
{
	if (inform == NULL)
		return;
	pthread_mutex_destroy(&inform->lock);
	free(inform);
}

static void closed(void *owner, struct object *object, const char *path, const char *validator)
{
	struct inform *inform = owner;

	compute_consider(inform->options.compute, inform->fetch, object, path, validator);
}

static void replaced(void *owner, const char *path)
{
	struct inform *inform = owner;

	inform->options.replaced(inform->options.context, path);
}

void inform_set_fetch(struct inform *inform, struct fetch *fetch)
{
	inform->fetch = fetch;
}

void inform_serve(struct inform *inform, struct fetch_judges *judges)
{
	judges->ask = ask;
	judges->doubt = judge_doubt;
	judges->closed = closed;
	judges->replaced = replaced;
	judges->owner = inform;
}

void inform_set_versions(struct inform *inform, unsigned versions)
{
	if (atomic_exchange(&inform->versions, versions) == versions)
		return;
	pthread_mutex_lock(&inform->lock);
	inform->plain = 0;
	pthread_mutex_unlock(&inform->lock);
}

uint64_t inform_malformed(struct inform *inform)
{
	return atomic_load(&inform->malformed);
}
