/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Moving data between a program and its operations: completions taken, frames of input, output
 * fetched (peerdist-api.md 11.5, 11.6).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/service/operation.h"

/* Completions */

/* The program has it. True: the operation has ended, and the table's reference is to be put. */
static bool take_locked(struct operation *operation, struct pdc_completion *completion_out)
{
	TAILQ_REMOVE(&operation->instance->queue, operation, in_queue);
	*completion_out = operation->completion;
	operation->state = OPERATION_TAKEN;
	if (operation->output != NULL && !operation->given)
		return false;
	completion_out->flags &= (uint8_t)~PDC_OUTPUT;
	operation_end_locked(operation);
	return true;
}

static uint32_t reap(struct request *request)
{
	struct pdc_reap *reap = (struct pdc_reap *)request->header;
	struct instance *instance = request->instance;
	size_t room = request->tail / sizeof *reap->completions;
	struct operation *operation, *ended[PDC_SIZE_MAX / sizeof *reap->completions];
	size_t count = 0, ended_count = 0;

	pthread_mutex_lock(&instance->lock);
	while (count < room && (operation = TAILQ_FIRST(&instance->queue)) != NULL)
		if (take_locked(operation, &reap->completions[count++]))
			ended[ended_count++] = operation;
	reap->more = !TAILQ_EMPTY(&instance->queue);
	pthread_mutex_unlock(&instance->lock);
	reap->count = (uint32_t)count;
	for (size_t i = 0; i < ended_count; i++)
		operation_put(ended[i]);
	return ERROR_SUCCESS;
}

static uint32_t get_result(struct request *request)
{
	struct pdc_result *result = (struct pdc_result *)request->header;
	struct instance *instance = request->instance;
	struct operation *ended = NULL;

	pthread_mutex_lock(&instance->lock);
	struct operation *operation = operation_find_locked(instance, request->header->op);
	if (operation != NULL && operation->state == OPERATION_PENDING) {
		memset(&result->completion, 0, sizeof result->completion);
		result->completion.op = operation->number;
		result->completion.status = ERROR_IO_PENDING;
	} else if (operation != NULL && operation->state == OPERATION_TAKEN) {
		result->completion = operation->completion;
	} else if (operation != NULL && take_locked(operation, &result->completion)) {
		ended = operation;
	}
	pthread_mutex_unlock(&instance->lock);
	if (ended != NULL)
		operation_put(ended);
	return operation != NULL ? ERROR_SUCCESS : PEERDIST_ERROR_OPERATION_NOTFOUND;
}

/* Input */

static int feed(struct instance *instance, uint32_t number, uint32_t position, const void *data,
		uint32_t length)
{
	struct chunk *chunk = chunk_create(data, length);
	int error = -ENOENT;

	pthread_mutex_lock(&instance->lock);
	struct operation *operation = operation_find_locked(instance, number);
	if (operation != NULL && operation->state == OPERATION_PENDING)
		error = operation_feed_locked(operation, position, &chunk);
	pthread_mutex_unlock(&instance->lock);
	free(chunk);
	return error;
}

int instance_frame(struct instance *instance, const void *frame, size_t size)
{
	const struct pdc_frame *head = frame;

	if (size < sizeof *head || head->reserved != 0)
		return -EINVAL;
	if (head->length > PDC_FRAME_MAX || size - sizeof *head < head->length)
		return -EMSGSIZE;
	if (size - sizeof *head != head->length)
		return -EINVAL;
	return feed(instance, head->op, head->pos, head + 1, head->length);
}

static uint32_t push(struct request *request)
{
	const struct pdc_xfer *transfer = (const struct pdc_xfer *)request->header;

	request->error = feed(request->instance, transfer->hdr.op, transfer->pos, transfer->data,
			      transfer->length);
	return ERROR_SUCCESS;
}

/* Output */

/* Its memory goes with the last of those who may be reading it. True: the table's reference is to
 * be put. */
static bool fetched_locked(struct operation *operation)
{
	operation->given = true;
	if (operation->state != OPERATION_TAKEN)
		return false;
	operation_end_locked(operation);
	return true;
}

const void *instance_output(struct instance *instance, uint64_t offset, size_t *size,
			    struct operation **operation_out)
{
	uint32_t number = (uint32_t)(offset >> 32), position = (uint32_t)offset;
	const uint8_t *output = NULL;
	bool ended = false;

	pthread_mutex_lock(&instance->lock);
	struct operation *operation = operation_find_locked(instance, number);
	if (operation != NULL && operation->output != NULL && !operation->given && *size > 0 &&
	    operation->output_size > position) {
		output = (const uint8_t *)operation->output + position;
		if (*size > operation->output_size - position)
			*size = operation->output_size - position;
		*operation_out = operation_get(operation);
		ended = position + *size == operation->output_size && fetched_locked(operation);
	}
	pthread_mutex_unlock(&instance->lock);
	if (ended)
		operation_put(operation);
	return output;
}

void instance_given(struct operation *operation)
{
	operation_put(operation);
}

static uint32_t pull(struct request *request)
{
	struct pdc_xfer *transfer = (struct pdc_xfer *)request->header;
	struct operation *operation;
	uint64_t offset = PDC_OUTPUT_AT(transfer->hdr.op, transfer->pos);
	size_t size = transfer->length < request->tail ? transfer->length : request->tail;
	const void *output = instance_output(request->instance, offset, &size, &operation);

	transfer->length = 0;
	if (output == NULL)
		return ERROR_SUCCESS;
	memcpy(transfer->data, output, size);
	transfer->length = (uint32_t)size;
	instance_given(operation);
	return ERROR_SUCCESS;
}

const struct request_call call_reap = {.act = reap};
const struct request_call call_get_result = {.act = get_result};
const struct request_call call_push = {.act = push};
const struct request_call call_pull = {.act = pull};
