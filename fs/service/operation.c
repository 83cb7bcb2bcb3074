/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Operations: submission, steps, input, completion. What the program then does with a completed one
 * is in transfer.c.
 */
#include "fs/service/operation.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "origin/loop.h"

/* Room of a small chunk: frames of an octet or two do not cost a chunk each. Our choice. */
#define CHUNK_MIN 4096u
/* Operations that may be in memory: those that were ended while they were worked on are, until that
 * notices. Our choice. */
#define LIVING_MAX (2 * PDC_OPERATIONS_MAX)

#define BUCKETS (sizeof((struct instance *)0)->buckets / sizeof(*((struct instance *)0)->buckets))

void lane_init(struct lane *lane)
{
	TAILQ_INIT(&lane->operations);
}

struct operation *operation_find_locked(struct instance *instance, uint32_t number)
{
	struct operation *operation;

	LIST_FOREACH (operation, &instance->buckets[number % BUCKETS], in_bucket)
		if (operation->number == number)
			return operation;
	return NULL;
}

struct operation *operation_get(struct operation *operation)
{
	atomic_fetch_add_explicit(&operation->references, 1, memory_order_relaxed);
	return operation;
}

/* Content information is as good as the content, to who has it. */
static void chunk_free(const struct operation *operation, struct chunk *chunk)
{
	if (operation->opcode == OPERATION_add_information)
		OPENSSL_cleanse(chunk->data, chunk->length);
	free(chunk);
}

void operation_put(struct operation *operation)
{
	struct chunk *chunk;

	if (atomic_fetch_sub_explicit(&operation->references, 1, memory_order_acq_rel) != 1)
		return;
	while ((chunk = TAILQ_FIRST(&operation->input)) != NULL) {
		TAILQ_REMOVE(&operation->input, chunk, in_operation);
		chunk_free(operation, chunk);
	}
	if (operation->output != NULL && operation->opcode == OPERATION_retrieve_information)
		OPENSSL_cleanse(operation->output, operation->output_size);
	atomic_fetch_sub(&operation->instance->living, 1);
	if (operation->context != NULL)
		(operation->end != NULL ? operation->end : free)(operation->context);
	if (operation->output != NULL) {
		free(operation->output);
		outputs_free(&operation->instance->service->outputs, operation->output_size);
	}
	if (operation->handle != NULL)
		handle_put(operation->handle);
	instance_put(operation->instance);
	free(operation);
}

/* Steps */

static void run_steps(struct pool_job *job);

static void schedule_locked(struct operation *operation)
{
	if (operation->running) {
		operation->again = true;
		return;
	}
	operation->running = true;
	operation->job.run = run_steps;
	operation_get(operation);
	pool_submit(operation->instance->service->options.pool, POOL_READER, &operation->job);
}

static bool is_first_locked(const struct operation *operation)
{
	return operation->lane == NULL || TAILQ_FIRST(&operation->lane->operations) == operation;
}

static void wake_locked(struct operation *operation)
{
	if (operation->state == OPERATION_PENDING && is_first_locked(operation))
		schedule_locked(operation);
}

/* It was completed, and no step of it runs: the next in its lane begins. */
static void leave_lane_locked(struct operation *operation)
{
	struct lane *lane = operation->lane;

	if (lane == NULL)
		return;
	bool first = is_first_locked(operation);
	TAILQ_REMOVE(&lane->operations, operation, in_lane);
	operation->lane = NULL;
	struct operation *next = TAILQ_FIRST(&lane->operations);
	if (first && next != NULL)
		schedule_locked(next);
}

/* Frees what was taken, or all of it. Returns what is to be told. */
static bool drop_input_locked(struct operation *operation, bool all)
{
	struct instance *instance = operation->instance;
	struct chunk *chunk;
	uint64_t freed = 0;

	while ((chunk = TAILQ_FIRST(&operation->input)) != NULL && (all || chunk->taken > 0)) {
		TAILQ_REMOVE(&operation->input, chunk, in_operation);
		freed += chunk->length;
		chunk_free(operation, chunk);
	}
	return freed > 0 && credit_return_locked(instance, freed);
}

static void run_steps(struct pool_job *job)
{
	struct operation *operation =
		(struct operation *)((char *)job - offsetof(struct operation, job));
	struct instance *instance = operation->instance;

	operation->step(operation);
	pthread_mutex_lock(&instance->lock);
	bool over = operation->state != OPERATION_PENDING;
	bool tell = drop_input_locked(operation, over);
	bool again = operation->again && !over;
	operation->again = false;
	operation->running = again;
	if (over)
		leave_lane_locked(operation);
	pthread_mutex_unlock(&instance->lock);
	if (tell)
		instance_tell(instance);
	/* Not at once: others wait for a thread too. */
	if (again)
		pool_submit(instance->service->options.pool, POOL_READER, &operation->job);
	else
		operation_put(operation);
}

void operation_wake(struct operation *operation)
{
	pthread_mutex_lock(&operation->instance->lock);
	wake_locked(operation);
	pthread_mutex_unlock(&operation->instance->lock);
}

/* A stream read knows itself where it is. */
static bool reads_of(const struct operation *operation, uint64_t start, uint64_t end)
{
	return operation->opcode == OPERATION_stream_read ||
	       (operation->opcode == OPERATION_block_read && operation->offset >= start &&
		operation->offset < end);
}

void operation_wake_reads(struct operation *operation, uint64_t start, uint64_t end)
{
	struct instance *instance = operation->instance;
	struct operation *other;

	pthread_mutex_lock(&instance->lock);
	LIST_FOREACH (other, &instance->operations, in_instance)
		if (other->handle == operation->handle && reads_of(other, start, end))
			wake_locked(other);
	pthread_mutex_unlock(&instance->lock);
}

void operation_wake_later(struct operation *operation, int64_t at_ms)
{
	struct instance *instance = operation->instance;

	if (at_ms > operation->deadline_ms)
		at_ms = operation->deadline_ms;
	pthread_mutex_lock(&instance->lock);
	if (operation->state == OPERATION_PENDING) {
		operation->waking = true;
		service_time(operation, at_ms);
	}
	pthread_mutex_unlock(&instance->lock);
}

bool operation_is_over(struct operation *operation)
{
	pthread_mutex_lock(&operation->instance->lock);
	bool over = operation->state != OPERATION_PENDING;
	pthread_mutex_unlock(&operation->instance->lock);
	return over;
}

bool operation_is_late(struct operation *operation)
{
	return loop_clock_ms() >= operation->deadline_ms;
}

/* Input */

struct chunk *chunk_create(const void *data, uint32_t length)
{
	uint32_t room = length < CHUNK_MIN ? CHUNK_MIN : length;
	struct chunk *chunk = malloc(sizeof *chunk + room);

	if (chunk == NULL)
		return NULL;
	chunk->length = length;
	chunk->room = room;
	chunk->taken = 0;
	memcpy(chunk->data, data, length);
	return chunk;
}

/* Whether it went into the last chunk that is there. */
static bool append_locked(struct operation *operation, const struct chunk *chunk)
{
	struct chunk *last = TAILQ_LAST(&operation->input, chunks);

	if (last == NULL || last->taken > 0 || chunk->length > last->room - last->length)
		return false;
	memcpy(last->data + last->length, chunk->data, chunk->length);
	last->length += chunk->length;
	return true;
}

int operation_feed_locked(struct operation *operation, uint32_t position, struct chunk **chunk)
{
	if (*chunk == NULL)
		return -ENOMEM;
	uint32_t length = (*chunk)->length;
	if (length == 0 || position != operation->received ||
	    length > operation->length - operation->received)
		return -EINVAL;
	if (!credit_take_locked(operation->instance, length))
		return -EAGAIN;
	if (!append_locked(operation, *chunk)) {
		TAILQ_INSERT_TAIL(&operation->input, *chunk, in_operation);
		*chunk = NULL;
	}
	operation->received += length;
	wake_locked(operation);
	return 0;
}

const void *operation_take(struct operation *operation, uint32_t *length_out, bool *last_out)
{
	struct instance *instance = operation->instance;
	const void *data = NULL;

	pthread_mutex_lock(&instance->lock);
	bool tell = drop_input_locked(operation, operation->state != OPERATION_PENDING);
	struct chunk *chunk = TAILQ_FIRST(&operation->input);
	if (chunk != NULL) {
		chunk->taken = chunk->length;
		data = chunk->data;
		*length_out = chunk->length;
		*last_out = operation->received == operation->length &&
			    TAILQ_NEXT(chunk, in_operation) == NULL;
	}
	pthread_mutex_unlock(&instance->lock);
	if (tell)
		instance_tell(instance);
	return data;
}

/* Submission */

static bool reserve_locked(struct instance *instance, uint64_t octets)
{
	struct user *user = instance->user;

	if (octets > INSTANCE_READS_MAX - instance->reads)
		return false;
	if (atomic_fetch_add(&user->reads, octets) + octets > USER_READS_MAX) {
		atomic_fetch_sub(&user->reads, octets);
		return false;
	}
	instance->reads += octets;
	return true;
}

static void unreserve_locked(struct operation *operation)
{
	operation->instance->reads -= operation->reserved;
	atomic_fetch_sub(&operation->instance->user->reads, operation->reserved);
	operation->reserved = 0;
}

/* What may have changed since the call was looked at. */
static uint32_t check_locked(const struct request *request, const struct operation_wish *wish)
{
	const struct handle *handle = request->handle;

	if (request->instance->ended)
		return PEERDIST_ERROR_SHUTDOWN_IN_PROGRESS;
	if (handle != NULL && handle->closed)
		return ERROR_INVALID_HANDLE;
	if (handle != NULL && handle->invalid)
		return PEERDIST_ERROR_INVALIDATED;
	if (operation_find_locked(request->instance, request->header->op) != NULL)
		return ERROR_INVALID_PARAMETER;
	if (wish->registers && request->instance->registration != NULL)
		return PEERDIST_ERROR_ALREADY_EXISTS;
	if (request->instance->operation_count >= PDC_OPERATIONS_MAX ||
	    atomic_load(&request->instance->living) > LIVING_MAX)
		return ERROR_NO_SYSTEM_RESOURCES;
	return ERROR_SUCCESS;
}

static void enter_locked(struct operation *operation)
{
	struct instance *instance = operation->instance;

	instance->operation_count++;
	LIST_INSERT_HEAD(&instance->operations, operation, in_instance);
	LIST_INSERT_HEAD(&instance->buckets[operation->number % BUCKETS], operation, in_bucket);
	if (operation->lane != NULL)
		TAILQ_INSERT_TAIL(&operation->lane->operations, operation, in_lane);
	if (operation->deadline_ms != INT64_MAX) {
		operation->waking = true;
		service_time(operation, operation->deadline_ms);
	}
}

static bool has_input(enum operation_opcode opcode)
{
	return opcode == OPERATION_add_information || opcode == OPERATION_add_data ||
	       opcode == OPERATION_add_to_stream;
}

/* What comes with the call itself; NULL: nothing, or it has no input. */
static struct chunk *copy_inline(const struct request *request)
{
	const struct pdc_input *input = (const struct pdc_input *)request->header;
	return has_input(request->opcode) && input->inline_len > 0
		       ? chunk_create(input->data, input->inline_len)
		       : NULL;
}

/* Says how much of it was taken. */
static void take_inline_locked(struct request *request, struct operation *operation,
			       struct chunk **chunk)
{
	if (*chunk == NULL || operation_feed_locked(operation, 0, chunk) != 0) {
		wake_locked(operation);
		if (has_input(request->opcode))
			((struct pdc_input *)request->header)->inline_len = 0;
	}
}

static struct operation *create(struct request *request, const struct operation_wish *wish)
{
	struct operation *operation = calloc(1, sizeof *operation);

	if (operation == NULL)
		return NULL;
	operation->number = request->header->op;
	operation->opcode = request->opcode;
	operation->instance = instance_get(request->instance);
	atomic_fetch_add(&operation->instance->living, 1);
	operation->handle = request->handle != NULL ? handle_get(request->handle) : NULL;
	operation->lane = wish->lane;
	operation->step = wish->step;
	operation->context = wish->context;
	operation->end = wish->end;
	operation->offset = wish->offset;
	operation->length = wish->length;
	operation->timeout_ms = wish->timeout_ms;
	operation->deadline_ms = wish->timed ? loop_clock_ms() + wish->timeout_ms : INT64_MAX;
	operation->references = 1; /* the table's */
	TAILQ_INIT(&operation->input);
	return operation;
}

uint32_t operation_submit(struct request *request, const struct operation_wish *wish)
{
	struct instance *instance = request->instance;
	struct operation *operation = create(request, wish);
	struct chunk *chunk = operation != NULL ? copy_inline(request) : NULL;

	if (operation == NULL) {
		if (wish->context != NULL)
			(wish->end != NULL ? wish->end : free)(wish->context);
		return ERROR_NOT_ENOUGH_MEMORY;
	}
	pthread_mutex_lock(&instance->lock);
	uint32_t status = check_locked(request, wish);
	if (status == ERROR_SUCCESS && !reserve_locked(instance, wish->reserved))
		status = ERROR_NO_SYSTEM_RESOURCES;
	if (status == ERROR_SUCCESS) {
		operation->reserved = wish->reserved;
		if (wish->registers)
			instance->registration = operation;
		enter_locked(operation);
		take_inline_locked(request, operation, &chunk);
	}
	pthread_mutex_unlock(&instance->lock);
	free(chunk);
	if (status != ERROR_SUCCESS) {
		operation_put(operation);
		return status;
	}
	return ERROR_IO_PENDING;
}

/* Completion */

void operation_end_locked(struct operation *operation)
{
	struct instance *instance = operation->instance;

	operation->state = OPERATION_ENDED;
	if (operation->output != NULL)
		instance->output -= operation->output_size;
	unreserve_locked(operation);
	LIST_REMOVE(operation, in_bucket);
	LIST_REMOVE(operation, in_instance);
	instance->operation_count--;
}

/* Whether the program is to be told. */
static bool queue_locked(struct operation *operation)
{
	struct instance *instance = operation->instance;
	bool tell = TAILQ_EMPTY(&instance->queue);

	operation->state = OPERATION_COMPLETED;
	TAILQ_INSERT_TAIL(&instance->queue, operation, in_queue);
	if (instance->registration == operation)
		instance->registration = NULL;
	if (operation->waking)
		service_untime(operation);
	if (operation->output == NULL)
		unreserve_locked(operation);
	/* A step that runs still uses the input. */
	if (!operation->running) {
		tell |= drop_input_locked(operation, true);
		leave_lane_locked(operation);
	}
	return tell;
}

bool operation_complete_locked(struct operation *operation, const struct pdc_completion *completion,
			       bool *tell)
{
	if (operation->state != OPERATION_PENDING)
		return false;
	operation->completion = *completion;
	operation->completion.op = operation->number;
	*tell |= queue_locked(operation);
	return true;
}

static bool complete(struct operation *operation, const struct pdc_completion *completion,
		     void *output)
{
	struct instance *instance = operation->instance;
	bool tell = false;

	pthread_mutex_lock(&instance->lock);
	bool pending = operation->state == OPERATION_PENDING;
	if (pending && output != NULL) {
		operation->output = output;
		operation->output_size = completion->bytes;
		outputs_hold(&instance->service->outputs, completion->bytes);
		instance->output += completion->bytes;
		output = NULL;
	}
	if (pending)
		operation_complete_locked(operation, completion, &tell);
	pthread_mutex_unlock(&instance->lock);
	free(output);
	if (tell)
		instance_tell(instance);
	return pending;
}

bool operation_complete(struct operation *operation, uint32_t status, uint64_t offset,
			uint32_t bytes)
{
	const struct pdc_completion completion = {
		.status = status, .offset = offset, .bytes = bytes};

	return complete(operation, &completion, NULL);
}

bool operation_give(struct operation *operation, uint64_t offset, void *output, uint32_t length)
{
	const struct pdc_completion completion = {
		.offset = offset, .bytes = length, .flags = PDC_OUTPUT};

	return complete(operation, &completion, output);
}

bool operation_is_no_registration(const struct operation *operation, const void *context)
{
	(void)context;
	return operation != operation->instance->registration;
}

unsigned operations_end_locked(struct instance *instance, uint32_t status,
			       bool (*match)(const struct operation *operation,
					     const void *context),
			       const void *context, bool *tell)
{
	const struct pdc_completion completion = {.status = status};
	struct operation *operation;
	unsigned ended = 0;

	LIST_FOREACH (operation, &instance->operations, in_instance) {
		if (operation->state != OPERATION_PENDING ||
		    (match != NULL && !match(operation, context)))
			continue;
		struct handle *handle = operation->handle;
		if (handle != NULL && handle->kind->cancelled != NULL)
			handle->kind->cancelled(handle, operation);
		operation_complete_locked(operation, &completion, tell);
		ended++;
	}
	return ended;
}

unsigned operations_end(struct instance *instance, uint32_t status,
			bool (*match)(const struct operation *operation, const void *context),
			const void *context)
{
	bool tell = false;

	pthread_mutex_lock(&instance->lock);
	unsigned ended = operations_end_locked(instance, status, match, context, &tell);
	pthread_mutex_unlock(&instance->lock);
	if (tell)
		instance_tell(instance);
	return ended;
}
