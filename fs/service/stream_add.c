/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Adding to a stream: what has come is hashed, and written.
 */
#include "fs/service/stream.h"

/* Hashing with all threads is worth their buffers from here on; our choice. */
#define CREW_LENGTH_MIN (1u << 20)
/* Octets after which a step lets others have its thread; our choice. */
#define STEP_LENGTH_MAX (4u << 20)

static int begin_hashing(struct stream *stream, uint64_t length)
{
	struct service *service = stream->published.handle.instance->service;
	int error = 0;

	if (stream->declared > length)
		length = stream->declared;
	stream->in_crew = length >= CREW_LENGTH_MIN && publications_join_crew(service);
	for (unsigned i = 0; i < PUBLICATION_VERSIONS && error == 0; i++) {
		const struct content_build_options options = {
			.version = i + 1,
			.algorithm = DIGEST_SHA256,
			.pool = stream->in_crew ? service->options.pool : NULL,
			.lane = POOL_AHEAD,
		};

		error = content_build_create(&options, &stream->builds[i]);
	}
	return error;
}

static void begin_keeping(struct stream *stream)
{
	struct service *service = stream->published.handle.instance->service;
	struct publication *publication = stream->published.publication;
	struct publication_place place;

	publication_uses_store(publication);
	publication_place(service, publication, PUBLICATION_OCTETS, &place);
	stream->keeping =
		keeping_begin(service->options.store, place.path, place.validator,
			      stream->declared > 0 ? stream->declared : STORE_SIZE_UNKNOWN);
}

static int begin(struct stream *stream, const struct operation *operation)
{
	int error = 0;

	if (stream->builds[0] == NULL)
		error = begin_hashing(stream, operation->length);
	if (error == 0 && stream->keep && stream->added == 0 && stream->keeping == NULL)
		begin_keeping(stream);
	return error;
}

static int add(struct stream *stream, const void *data, uint32_t length)
{
	int error = 0;

	for (unsigned i = 0; i < PUBLICATION_VERSIONS && error == 0; i++)
		error = content_build_add(stream->builds[i], data, length);
	if (error == 0)
		keeping_add(stream->keeping, data, length);
	stream->added += length;
	return error;
}

/* LENGTH octets of OPERATION go into the stream, if they may. */
static uint32_t take(struct stream *stream, struct operation *operation, const void *data,
		     uint32_t length)
{
	int error;

	if (stream->declared > 0 && length > stream->declared - stream->added)
		return PEERDIST_ERROR_OUT_OF_BOUNDS;
	error = begin(stream, operation);
	if (error == 0)
		error = add(stream, data, length);
	return error == 0 ? ERROR_SUCCESS : stream_status(error);
}

/* Whether another operation, that was submitted before, has ended it all. */
static uint32_t check(struct stream *stream)
{
	pthread_mutex_lock(&stream->published.handle.instance->lock);
	bool failed = stream->failed, finished = stream->finishing;
	pthread_mutex_unlock(&stream->published.handle.instance->lock);
	if (failed)
		return PEERDIST_ERROR_INVALIDATED;
	return finished ? PEERDIST_ERROR_ALREADY_COMPLETED : ERROR_SUCCESS;
}

/* Other steps need buffers too. */
static void rest(struct stream *stream)
{
	for (unsigned i = 0; i < PUBLICATION_VERSIONS && !stream->in_crew; i++)
		if (stream->builds[i] != NULL)
			content_build_shrink(stream->builds[i]);
}

void stream_add(struct operation *operation)
{
	struct stream *stream = (struct stream *)operation->handle;
	uint32_t status = check(stream), length, done = 0;
	bool last = false;
	const void *data;

	if (status != ERROR_SUCCESS) {
		operation_complete(operation, status, 0, 0);
		return;
	}
	while (!last && done < STEP_LENGTH_MAX && !operation_is_over(operation) &&
	       stream_charge(operation) &&
	       (data = operation_take(operation, &length, &last)) != NULL) {
		status = take(stream, operation, data, length);
		if (status != ERROR_SUCCESS) {
			stream_fail(operation, status);
			stream_release(stream);
			return;
		}
		done += length;
	}
	rest(stream);
	if (last)
		operation_complete(operation, ERROR_SUCCESS, 0, operation->length);
	else if (done >= STEP_LENGTH_MAX)
		operation_wake(operation);
}
