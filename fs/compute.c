/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/compute.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <time.h>

#include "cache/content_build.h"
#include "cache/log.h"
#include "cache/store_content.h"

/* Contents that wait; further ones are considered when they are opened again. Our choice. */
#define QUEUE_MAX 4096u
/* How often it is looked whether it has been taken in. */
#define WAIT_MS 10

struct candidate {
	STAILQ_ENTRY(candidate) next;
	struct fetch *fetch;
	struct object *object; /* a reference */
	char *path, *validator;
};

struct compute {
	struct compute_options options;
	atomic_bool stopping;
	pthread_mutex_t lock; /* what follows */
	STAILQ_HEAD(, candidate) queue;
	unsigned queued;
	bool running;
	struct pool_job job;
};

static void candidate_free(struct candidate *candidate)
{
	object_put(candidate->object);
	free(candidate->path);
	free(candidate->validator);
	free(candidate);
}

static bool described(struct object *object)
{
	struct content *content = object_content(object);

	content_put(content);
	return content != NULL;
}

/* ---- one content ---- */

/* The octets of OBJECT, as long as they are all there. */
static int feed(struct compute *compute, struct content_build *build, struct object *object)
{
	uint64_t size = object_size(object), offset = 0;
	int error = 0;

	while (offset < size && error == 0) {
		void *room;
		size_t length;

		if (atomic_load(&compute->stopping))
			return -ECANCELED;
		error = content_build_room(build, &room, &length);
		if (error != 0)
			break;
		if (length > size - offset)
			length = (size_t)(size - offset);
		error = object_read(object, offset, length, room);
		if (error == 0)
			content_build_filled(build, length);
		offset += length;
	}
	return error;
}

static int make_hashes(struct compute *compute, struct object *object,
		       struct content_hashes *hashes_out)
{
	const struct content_build_options options = {
		.version = compute->options.version != 0 ? compute->options.version : 2,
		.algorithm = compute->options.version == 1 ? DIGEST_SHA256 : DIGEST_SHA512_TRUNC256,
	};
	struct content_build *build;
	int error = content_build_create(&options, &build);

	if (error != 0)
		return error;
	error = feed(compute, build, object);
	if (error == 0)
		error = content_build_end(build, hashes_out);
	content_build_free(build);
	return error;
}

static int put(void *owner, const void *data, size_t size)
{
	return store_intake_feed(owner, data, size);
}

static int take_in(struct compute *compute, const struct content_hashes *hashes,
		   struct content **content_out)
{
	uint8_t ks[DIGEST_SIZE_MAX];
	struct store_intake *intake;
	int error = store_intake_begin(compute->options.store, CONTENT_LIMIT_DEFAULT, &intake);

	if (error != 0)
		return error;
	error = secret_server(compute->options.secret, hashes->algorithm, ks);
	if (error == 0)
		error = content_hashes_write(hashes, ks, 0, hashes->size, NULL, put, intake);
	OPENSSL_cleanse(ks, sizeof ks);
	if (error == 0)
		error = store_intake_end(intake, content_out);
	store_intake_free(intake);
	return error;
}

static int make_content(struct compute *compute, struct object *object,
			struct content **content_out)
{
	struct content_hashes hashes;
	int error = make_hashes(compute, object, &hashes);

	if (error != 0)
		return error;
	error = take_in(compute, &hashes, content_out);
	content_hashes_clear(&hashes);
	return error;
}

/* FILE_OUT, not NULL: a file in which it is being taken in when this returns 0, or NULL when
 * nothing is; to be put. */
static int describe(struct compute *compute, const struct candidate *candidate,
		    struct fetch_file **file_out)
{
	struct content *content;
	struct fetch_file *file;

	*file_out = NULL;
	if (described(candidate->object))
		return 0;
	if (compute->options.secret == NULL || !object_complete(candidate->object))
		return -ENODATA;
	int error = make_content(compute, candidate->object, &content);
	if (error != 0)
		return error;
	error = fetch_open(candidate->fetch, candidate->object, candidate->path,
			   candidate->validator, FETCH_INSIDE, &file);
	if (error != 0) {
		content_put(content);
		return error;
	}
	error = fetch_describe(file, content);
	if (error == 0)
		*file_out = file;
	else
		fetch_file_put(file);
	return error;
}

bool compute_made(struct compute *compute, const struct content *content)
{
	enum digest_algorithm algorithm = content_algorithm(content);
	uint8_t ks[DIGEST_SIZE_MAX], kp[DIGEST_SIZE_MAX];
	struct content_segment segment;

	if (compute->options.secret == NULL || content_segment(content, 0, &segment) != 0 ||
	    secret_server(compute->options.secret, algorithm, ks) != 0)
		return false;
	bool made = secret_segment(algorithm, ks, segment.hash_of_data, kp) == 0 &&
		    memcmp(kp, segment.secret, digest_size(algorithm)) == 0;
	OPENSSL_cleanse(ks, sizeof ks);
	OPENSSL_cleanse(kp, sizeof kp);
	return made;
}

/* ---- the queue ---- */

static struct candidate *next_candidate(struct compute *compute)
{
	pthread_mutex_lock(&compute->lock);
	struct candidate *candidate = STAILQ_FIRST(&compute->queue);
	if (candidate != NULL) {
		STAILQ_REMOVE_HEAD(&compute->queue, next);
		compute->queued--;
	} else {
		compute->running = false;
	}
	pthread_mutex_unlock(&compute->lock);
	return candidate;
}

/* Some errors are nobody's fault, and not worth a word. */
static void tell(const struct candidate *candidate, int error)
{
	static struct log_limit limit;
	char path[LOG_NAME_MAX];

	if (error == 0 || error == -ECANCELED || error == -ENODATA || error == -ENOENT ||
	    error == -EBUSY)
		return;
	log_limited(&limit, LOG_LEVEL_WARNING,
		    "%s: its content information cannot be computed (%s)",
		    log_escape(path, sizeof path, candidate->path), strerror(-error));
}

static void run(struct pool_job *job)
{
	struct compute *compute = (struct compute *)((char *)job - offsetof(struct compute, job));
	struct candidate *candidate;

	while ((candidate = next_candidate(compute)) != NULL) {
		struct fetch_file *file = NULL;

		if (!atomic_load(&compute->stopping))
			tell(candidate, describe(compute, candidate, &file));
		fetch_file_put(file);
		candidate_free(candidate);
	}
}

static struct candidate *candidate_create(struct fetch *fetch, struct object *object,
					  const char *path, const char *validator)
{
	struct candidate *candidate = calloc(1, sizeof *candidate);

	if (candidate == NULL)
		return NULL;
	candidate->fetch = fetch;
	candidate->object = object_get(object);
	candidate->path = strdup(path);
	candidate->validator = strdup(validator);
	if (candidate->path != NULL && candidate->validator != NULL)
		return candidate;
	candidate_free(candidate);
	return NULL;
}

static bool is_wanted(const struct compute *compute, struct object *object)
{
	uint64_t size = object_size(object);

	return compute->options.version != 0 && compute->options.secret != NULL &&
	       !atomic_load(&compute->stopping) && size != STORE_SIZE_UNKNOWN &&
	       size >= compute->options.size_min && object_complete(object) &&
	       !object_refuses_content(object) && !described(object);
}

void compute_consider(struct compute *compute, struct fetch *fetch, struct object *object,
		      const char *path, const char *validator)
{
	if (!is_wanted(compute, object))
		return;
	struct candidate *candidate = candidate_create(fetch, object, path, validator);
	if (candidate == NULL)
		return;
	pthread_mutex_lock(&compute->lock);
	bool full = compute->queued >= QUEUE_MAX, start = false;
	if (!full) {
		STAILQ_INSERT_TAIL(&compute->queue, candidate, next);
		compute->queued++;
		start = !compute->running;
		compute->running = true;
	}
	pthread_mutex_unlock(&compute->lock);
	if (full)
		candidate_free(candidate);
	if (start)
		pool_submit(compute->options.pool, POOL_IDLE, &compute->job);
}

int compute_now(struct compute *compute, struct fetch *fetch, struct object *object,
		const char *path, const char *validator)
{
	struct candidate *candidate = candidate_create(fetch, object, path, validator);

	if (candidate == NULL)
		return -ENOMEM;
	struct fetch_file *file;
	int error = describe(compute, candidate, &file);
	/* The store exchanges the units when all flights have landed. */
	while (error == 0 && file != NULL && fetch_file_changing(file))
		nanosleep(&(struct timespec){.tv_nsec = WAIT_MS * 1000000L}, NULL);
	fetch_file_put(file);
	candidate_free(candidate);
	return error != 0 || described(object) ? error : -EIO;
}

int compute_create(const struct compute_options *options, struct compute **compute_out)
{
	struct compute *compute = calloc(1, sizeof *compute);

	if (compute == NULL)
		return -ENOMEM;
	compute->options = *options;
	pthread_mutex_init(&compute->lock, NULL);
	STAILQ_INIT(&compute->queue);
	compute->job.run = run;
	*compute_out = compute;
	return 0;
}

void compute_stop(struct compute *compute)
{
	atomic_store(&compute->stopping, true);
}

void compute_destroy(struct compute *compute)
{
	if (compute == NULL)
		return;
	pthread_mutex_destroy(&compute->lock);
	free(compute);
}
