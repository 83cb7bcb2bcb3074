/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/service/stream.h"

#include <errno.h>
#include <stdlib.h>

#include "cache/cutter.h"
#include "origin/loop.h"

/* What a stream holds between two steps at most: less than a block of version 1, less than a
 * segment of version 2. With all threads it is more, but only a few streams have those. */
#define CHARGE_MAX ((uint64_t)CUTTING_UNIT + CUTTER_SEGMENT_MAX)
/* Octets of a user that may be held so. Our choice: all handles of five instances, and any number
 * of small streams. */
#define USER_HASHING_MAX (1ull << 30)
/* How often a stream that waits looks whether others have ended; our choice. */
#define CHARGE_PAUSE_MS 100

static struct stream *stream_of(struct handle *handle)
{
	return (struct stream *)handle;
}

/* Of both versions; the same octets are held for each. */
static uint64_t charge_of(uint64_t octets)
{
	return octets < CHARGE_MAX / PUBLICATION_VERSIONS ? octets * PUBLICATION_VERSIONS
							  : CHARGE_MAX;
}

static bool charge_locked(struct stream *stream, uint64_t octets)
{
	struct user *user = stream->published.handle.instance->user;
	uint64_t wanted = charge_of(octets), more;

	if (wanted <= stream->charged)
		return true;
	more = wanted - stream->charged;
	if (atomic_fetch_add(&user->hashing, more) + more > USER_HASHING_MAX) {
		atomic_fetch_sub(&user->hashing, more);
		return false;
	}
	stream->charged = wanted;
	return true;
}

bool stream_charge(struct operation *operation)
{
	struct stream *stream = stream_of(operation->handle);
	struct instance *instance = operation->instance;

	pthread_mutex_lock(&instance->lock);
	bool charged = TAILQ_EMPTY(&operation->input) ||
		       charge_locked(stream, stream->added + operation->length);
	pthread_mutex_unlock(&instance->lock);
	if (!charged)
		operation_wake_later(operation, loop_clock_ms() + CHARGE_PAUSE_MS);
	return charged;
}

static void uncharge(struct stream *stream)
{
	struct instance *instance = stream->published.handle.instance;

	pthread_mutex_lock(&instance->lock);
	if (stream->charged > 0)
		atomic_fetch_sub(&instance->user->hashing, stream->charged);
	stream->charged = 0;
	pthread_mutex_unlock(&instance->lock);
}

void stream_release(struct stream *stream)
{
	struct service *service = stream->published.handle.instance->service;

	for (unsigned i = 0; i < PUBLICATION_VERSIONS; i++) {
		content_build_free(stream->builds[i]);
		stream->builds[i] = NULL;
	}
	if (stream->in_crew)
		publications_leave_crew(service);
	stream->in_crew = false;
	keeping_free(stream->keeping);
	stream->keeping = NULL;
	uncharge(stream);
}

/* PEERDIST_ERROR_INVALIDATED, PEERDIST_ERROR_ALREADY_COMPLETED, or ERROR_SUCCESS. */
static uint32_t state_of(struct stream *stream)
{
	struct instance *instance = stream->published.handle.instance;

	pthread_mutex_lock(&instance->lock);
	bool failed = stream->failed, sealed = stream->sealed;
	pthread_mutex_unlock(&instance->lock);
	if (failed)
		return PEERDIST_ERROR_INVALIDATED;
	return sealed ? PEERDIST_ERROR_ALREADY_COMPLETED : ERROR_SUCCESS;
}

void stream_fail(struct operation *operation, uint32_t status)
{
	struct stream *stream = stream_of(operation->handle);

	pthread_mutex_lock(&operation->instance->lock);
	stream->failed = true;
	pthread_mutex_unlock(&operation->instance->lock);
	operation_complete(operation, status, 0, 0);
}

uint32_t stream_status(int error)
{
	switch (error) {
	case -ENOMEM:
		return ERROR_NOT_ENOUGH_MEMORY;
	case -EFBIG:
		return PEERDIST_ERROR_OUT_OF_BOUNDS;
	case -ECANCELED:
		return ERROR_OPERATION_ABORTED;
	case -ENOSPC:
		return ERROR_NO_SYSTEM_RESOURCES;
	default:
		return PEERDIST_ERROR_SERVICE_UNAVAILABLE;
	}
}

/* instance->lock held. */
static void cancelled(struct handle *handle, struct operation *operation)
{
	struct stream *stream = stream_of(handle);

	if (operation->opcode == OPERATION_add_to_stream || stream->finishing)
		stream->failed = true;
	else
		stream->sealed = false;
}

static void stream_free(struct handle *handle)
{
	struct stream *stream = stream_of(handle);

	stream_release(stream);
	published_detach(&stream->published);
	publication_put(stream->published.publication);
	free(stream);
}

static const struct handle_kind stream_kind = {
	.kind = HANDLE_STREAM,
	.cancelled = cancelled,
	.free = stream_free,
};

/* ---- PublishStream ---- */

static uint32_t check_publish(const struct request *request)
{
	const struct pdc_publish *publish = (const struct pdc_publish *)request->header;

	if (publish->id_len == 0 || publish->id_len > PDC_ID_MAX || publish->opt_version > 2 ||
	    publish->opt_flags != 0)
		return ERROR_INVALID_PARAMETER;
	return ERROR_SUCCESS;
}

static uint32_t enter(struct request *request, struct stream *stream)
{
	struct publication *publication = publication_get(stream->published.publication);
	uint32_t status = handle_enter(request, &stream->published.handle);

	if (status == ERROR_SUCCESS) {
		published_attach(request, publication, HANDLE_STREAM);
	} else {
		publication_remove(request->instance->service, publication, request->instance);
		publication_put(publication);
		free(stream);
	}
	publication_put(publication);
	return status;
}

static uint32_t publish_stream(struct request *request)
{
	const struct pdc_publish *publish = (const struct pdc_publish *)request->header;
	struct stream *stream = calloc(1, sizeof *stream);
	uint32_t status;

	if (stream == NULL)
		return ERROR_NOT_ENOUGH_MEMORY;
	stream->published.handle.kind = &stream_kind;
	lane_init(&stream->lane);
	stream->declared = publish->length;
	stream->keep = (publish->flags & PDC_PUBLISH_KEEP) != 0;
	status = publication_claim(request->instance, publish->id, publish->id_len, publish->length,
				   &stream->published.publication);
	if (status == ERROR_SUCCESS)
		return enter(request, stream);
	free(stream);
	return status;
}

const struct request_call call_publish_stream = {check_publish, publish_stream};

/* ---- AddToStream, CompleteStream ---- */

static uint32_t check_add(const struct request *request)
{
	const struct pdc_input *input = (const struct pdc_input *)request->header;

	return input->offset == 0 && input->length > 0 ? ERROR_SUCCESS : ERROR_INVALID_PARAMETER;
}

static uint32_t add_to_stream(struct request *request)
{
	const struct pdc_input *input = (const struct pdc_input *)request->header;
	struct stream *stream = stream_of(request->handle);
	uint32_t status = state_of(stream);

	if (status != ERROR_SUCCESS)
		return status;
	return operation_submit(request, &(struct operation_wish){.lane = &stream->lane,
								  .step = stream_add,
								  .length = input->length});
}

const struct request_call call_add_to_stream = {check_add, add_to_stream};

static uint32_t complete_stream(struct request *request)
{
	struct stream *stream = stream_of(request->handle);
	struct instance *instance = request->instance;
	uint32_t status;

	pthread_mutex_lock(&instance->lock);
	bool failed = stream->failed, sealed = stream->sealed;
	stream->sealed = true;
	pthread_mutex_unlock(&instance->lock);
	if (failed)
		return PEERDIST_ERROR_INVALIDATED;
	if (sealed)
		return PEERDIST_ERROR_ALREADY_COMPLETED;
	status = operation_submit(
		request, &(struct operation_wish){.lane = &stream->lane, .step = stream_complete});
	if (status == ERROR_IO_PENDING)
		return status;
	pthread_mutex_lock(&instance->lock);
	stream->sealed = false;
	pthread_mutex_unlock(&instance->lock);
	return status;
}

const struct request_call call_complete_stream = {.act = complete_stream};

/* ---- CloseStreamHandle ---- */

static uint32_t close_stream(struct request *request)
{
	struct service *service = request->instance->service;
	struct stream *stream = stream_of(request->handle);
	struct publication *publication = stream->published.publication;

	handle_close(request->handle);
	if (!publication_is_complete(service, publication))
		publication_remove(service, publication, request->instance);
	return ERROR_SUCCESS;
}

const struct request_call call_close_stream = {.act = close_stream};
