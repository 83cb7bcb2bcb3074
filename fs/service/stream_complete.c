/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Completing a stream: content information of what has come is made and kept, and can be had from
 * then on.
 */
#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>

#include "cache/log.h"
#include "cache/store_tags.h"
#include "fs/service/parts.h"
#include "fs/service/stream.h"

/* Octets that are kept and described by a step; of more it takes longer than others should wait for
 * its thread. Our choice, a fifth of a second or so. */
#define STEP_KEPT_MAX (32u << 20)

struct completion {
	struct stream *stream;
	struct operation *operation;
	struct service *service;
	struct publication *publication;
	struct encoding *encodings[PUBLICATION_VERSIONS];
	/* Objects that peers are served from, and that were made for it; "": none. */
	char made[PUBLICATION_VERSIONS][PARTS_NAME_SIZE];
};

static bool go_on(void *context)
{
	return !operation_is_over(context);
}

/* ---- content information ---- */

static void warn(int error)
{
	static struct log_limit no_secret, other;

	if (error == -ENOKEY)
		log_limited(&no_secret, LOG_LEVEL_WARNING,
			    "nothing can be published: there is no server key");
	else if (error != -ECANCELED)
		log_limited(&other, LOG_LEVEL_WARNING,
			    "content information of a publication could not be kept (%s)",
			    strerror(-error));
}

/* The one of [INDEX]. */
static int make_encoding(struct completion *completion, unsigned index,
			 const struct content_hashes *hashes, const uint8_t *ks)
{
	static const char *const parts[PUBLICATION_VERSIONS] = {"1", "2"};
	struct publication_place place;
	const struct encoding_options how = {
		.store = completion->service->options.store,
		.path = place.path,
		.validator = place.validator,
		.go_on = go_on,
		.context = completion->operation,
	};

	publication_place(completion->service, completion->publication, parts[index], &place);
	if (!encoding_is_short(hashes))
		publication_uses_store(completion->publication);
	return encoding_make(&how, hashes, ks, &completion->encodings[index]);
}

static int make_version(struct completion *completion, unsigned index)
{
	uint8_t ks[DIGEST_SIZE_MAX];
	struct content_hashes hashes;
	int error = publications_key(completion->service, index + 1, ks);

	if (error != 0)
		return error;
	error = content_build_end(completion->stream->builds[index], &hashes);
	if (error == 0) {
		error = make_encoding(completion, index, &hashes, ks);
		content_hashes_clear(&hashes);
	}
	OPENSSL_cleanse(ks, sizeof ks);
	return error;
}

static int make_all(struct completion *completion)
{
	int error = 0;

	for (unsigned i = 0; i < PUBLICATION_VERSIONS && error == 0; i++)
		error = make_version(completion, i);
	if (error != 0)
		warn(error);
	return error;
}

/* ---- octets for peers ---- */

/* No consumer has this tag, so none can drop what is kept here by dropping his own. Without it some
 * may, and that is all. */
static void tag(struct object *object)
{
	static const struct store_tag published = {.uid = UINT32_MAX, .name = "published"};

	(void)store_tag_note(object, &published, 0, cutting_count(object_cutting(object)));
}

/* By the names of the version of [INDEX]. Like all of the cache it may not be possible. */
static void keep_version(struct completion *completion, unsigned index, bool last)
{
	struct store *store = completion->service->options.store;
	struct encoding *encoding = completion->encodings[index];
	char name[PARTS_NAME_SIZE];
	struct content *content;
	struct object *object;
	bool made;

	if (!encoding_can_lend(encoding) || encoding_content(encoding, &content) != 0)
		return;
	if (parts_object(store, content, name, &made, &object) == 0) {
		if (made)
			strcpy(completion->made[index], name);
		keeping_copy(completion->stream->keeping, object, last, go_on,
			     completion->operation);
		tag(object);
		object_put(object);
	}
	content_put(content);
}

/* Peers ask by the versions that are enabled. */
static void keep_all(struct completion *completion)
{
	unsigned versions = service_versions(completion->service) & 3;
	struct stream *stream = completion->stream;

	if (!keeping_end(stream->keeping, stream->added))
		return;
	for (unsigned i = 0; i < PUBLICATION_VERSIONS; i++)
		if ((versions & 1u << i) != 0 && go_on(completion->operation))
			keep_version(completion, i, versions >> (i + 1) == 0);
}

/* It was not published: what nobody had before is dropped again. */
static void give_up(const struct completion *completion)
{
	for (unsigned i = 0; i < PUBLICATION_VERSIONS; i++)
		if (completion->made[i][0] != '\0')
			store_clear(completion->service->options.store, completion->made[i], NULL);
}

/* ---- its end ---- */

static void discard(struct encoding *encodings[PUBLICATION_VERSIONS])
{
	for (unsigned i = 0; i < PUBLICATION_VERSIONS; i++) {
		encoding_free(encodings[i]);
		encodings[i] = NULL;
	}
}

static void finish(struct operation *operation)
{
	struct stream *stream = (struct stream *)operation->handle;
	struct service *service = operation->instance->service;
	struct completion completion = {
		.stream = stream,
		.operation = operation,
		.service = service,
		.publication = stream->published.publication,
	};
	int error = make_all(&completion);
	uint64_t length = stream->added;

	if (error == 0)
		keep_all(&completion);
	stream_release(stream);
	if (error != 0) {
		discard(completion.encodings);
		stream_fail(operation, stream_status(error));
		return;
	}
	if (!publication_complete(operation, completion.publication, length, completion.encodings))
		give_up(&completion);
}

static void finish_job(struct pool_job *job)
{
	struct stream *stream = (struct stream *)((char *)job - offsetof(struct stream, job));
	struct operation *operation = stream->completing;

	stream->completing = NULL;
	finish(operation);
	operation_put(operation);
}

/* ---- its beginning ---- */

static uint32_t check_length(const struct stream *stream)
{
	return stream->added > 0 && (stream->declared == 0 || stream->added == stream->declared)
		       ? ERROR_SUCCESS
		       : ERROR_INVALID_PARAMETER;
}

/* From here on a cancelled completion leaves a failed stream. False: it is over. */
static bool begin(struct operation *operation, bool *failed_out)
{
	struct stream *stream = (struct stream *)operation->handle;

	pthread_mutex_lock(&operation->instance->lock);
	bool pending = operation->state == OPERATION_PENDING;
	*failed_out = stream->failed;
	stream->finishing |= pending && !stream->failed;
	pthread_mutex_unlock(&operation->instance->lock);
	return pending;
}

void stream_complete(struct operation *operation)
{
	struct stream *stream = (struct stream *)operation->handle;
	uint32_t status;
	bool failed;

	if (!begin(operation, &failed))
		return;
	status = failed ? PEERDIST_ERROR_INVALIDATED : check_length(stream);
	if (status != ERROR_SUCCESS) {
		stream_fail(operation, status);
	} else if (stream->keeping == NULL || stream->added <= STEP_KEPT_MAX) {
		finish(operation);
	} else {
		stream->completing = operation_get(operation);
		stream->job.run = finish_job;
		pool_submit(operation->instance->service->options.pool, POOL_IDLE, &stream->job);
	}
}
