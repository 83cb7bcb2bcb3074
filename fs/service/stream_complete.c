/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Completing a stream: content information of what has come is made and kept, and can be had from
 * then on.
 */
#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>

#include "cache/log.h"
#include "fs/service/stream.h"

/* Octets that are kept and described by a step; of more it takes longer than others should wait for
 * its thread. Our choice, a fifth of a second or so. */
#define STEP_KEPT_MAX (32u << 20)

struct completion {
	struct stream *stream;
	struct operation *operation;
	struct service *service;
	struct publication *publication;
	unsigned serve;      /* versions by which peers may ask for what is kept, bits */
	struct object *kept; /* octets that nothing describes yet; the keeping's reference */
	struct encoding *encodings[PUBLICATION_VERSIONS];
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

/* The one of [INDEX]. The first that serves describes the octets as they came. */
static int make_encoding(struct completion *completion, unsigned index,
			 const struct content_hashes *hashes, const uint8_t *ks)
{
	const struct service_options *options = &completion->service->options;
	static const char *const parts[PUBLICATION_VERSIONS] = {"1", "2"};
	bool serves = (completion->serve & 1u << index) != 0;
	struct publication_place place;
	struct encoding_options how = {
		.store = options->store,
		.path = place.path,
		.validator = place.validator,
		.serves = serves,
		.object = serves ? completion->kept : NULL,
		.go_on = go_on,
		.context = completion->operation,
	};

	if (serves)
		completion->kept = NULL;
	publication_place(completion->service, completion->publication, parts[index], &place);
	if (serves || !encoding_is_short(hashes))
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

/* Of two enabled versions the first one has the octets now. */
static void copy_kept(struct completion *completion)
{
	struct object *from, *to;

	if (completion->serve != 3)
		return;
	from = encoding_object(completion->encodings[0]);
	to = encoding_object(completion->encodings[1]);
	if (from != NULL && to != NULL)
		keeping_copy(from, to, go_on, completion->operation);
}

static int make_all(struct completion *completion)
{
	struct stream *stream = completion->stream;
	int error = 0;

	completion->kept = keeping_end(stream->keeping, stream->added);
	if (completion->kept != NULL)
		completion->serve = service_versions(completion->service) & 3;
	for (unsigned i = 0; i < PUBLICATION_VERSIONS && error == 0; i++)
		error = make_version(completion, i);
	if (error == 0)
		copy_kept(completion);
	else
		warn(error);
	return error;
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

	stream_release(stream);
	if (error != 0) {
		discard(completion.encodings);
		stream_fail(operation, stream_status(error));
		return;
	}
	publication_complete(operation, completion.publication, length, completion.encodings);
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
