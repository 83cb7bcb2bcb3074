/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Contents of consumers: opened, closed, their operations cancelled.
 */
#include "fs/service/consumer.h"

#include <stdlib.h>
#include <string.h>

struct consumer *consumer_of(const struct request *request)
{
	return (struct consumer *)request->handle;
}

struct loose_owner consumer_owner(const struct consumer *consumer)
{
	struct loose_owner owner = {consumer->handle.instance->id, consumer->handle.number, {0}};

	_Static_assert(sizeof owner.tag == sizeof consumer->tag, "tags are tags");
	memcpy(owner.tag, consumer->tag, sizeof owner.tag);
	return owner;
}

uint32_t consumer_ready(struct consumer *consumer)
{
	struct instance *instance = consumer->handle.instance;
	uint32_t status = PEERDIST_ERROR_NOT_INITIALIZED;

	pthread_mutex_lock(&instance->lock);
	if (consumer->state == CONSUMER_READY)
		status = ERROR_SUCCESS;
	else if (consumer->state == CONSUMER_FAILED)
		status = consumer->failure;
	pthread_mutex_unlock(&instance->lock);
	return status;
}

void consumer_set_state(struct consumer *consumer, enum consumer_state state, uint32_t failure)
{
	struct instance *instance = consumer->handle.instance;

	pthread_mutex_lock(&instance->lock);
	if (consumer->state != CONSUMER_FAILED) {
		consumer->state = state;
		consumer->failure = failure;
	}
	pthread_mutex_unlock(&instance->lock);
}

static void cancelled(struct handle *handle, struct operation *operation)
{
	consumer_information_cancelled((struct consumer *)handle, operation);
}

static void free_consumer(struct handle *handle)
{
	struct consumer *consumer = (struct consumer *)handle;
	const struct loose_owner owner = consumer_owner(consumer);

	consumer_leave_others(consumer);
	loose_forget(handle->instance->user, &owner);
	parts_close(consumer->parts);
	content_put(consumer->content);
	gathering_free(consumer->gathering);
	free(consumer->crowd);
	free(consumer);
}

static const struct handle_kind kind = {HANDLE_CONTENT, cancelled, free_consumer};

static uint32_t open_content(struct request *request)
{
	const struct pdc_tag *message = (const struct pdc_tag *)request->header;
	struct consumer *consumer = calloc(1, sizeof *consumer);

	if (consumer == NULL)
		return ERROR_NOT_ENOUGH_MEMORY;
	consumer->handle.kind = &kind;
	memcpy(consumer->tag, message->tag, sizeof consumer->tag);
	lane_init(&consumer->information);
	lane_init(&consumer->stream);
	uint32_t status = handle_enter(request, &consumer->handle);
	if (status != ERROR_SUCCESS)
		free(consumer);
	return status;
}

static uint32_t close_content(struct request *request)
{
	struct consumer *consumer = consumer_of(request);
	const struct loose_owner owner = consumer_owner(consumer);

	handle_close(request->handle);
	/* Who still searches for it may hold it for a while. */
	loose_forget(request->instance->user, &owner);
	return ERROR_SUCCESS;
}

static bool is_meant(const struct operation *operation, const void *context)
{
	const struct request *request = context;
	uint32_t number = request->header->op;

	return operation->handle == request->handle && (number == 0 || operation->number == number);
}

static uint32_t client_cancel(struct request *request)
{
	unsigned ended =
		operations_end(request->instance, ERROR_OPERATION_ABORTED, is_meant, request);

	return ended == 0 && request->header->op != 0 ? PEERDIST_ERROR_OPERATION_NOTFOUND
						      : ERROR_SUCCESS;
}

const struct request_call call_open_content = {.act = open_content};
const struct request_call call_close_content = {.act = close_content};
const struct request_call call_client_cancel = {.act = client_cancel};
