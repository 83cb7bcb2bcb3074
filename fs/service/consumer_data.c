/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Data that a program adds to its content (peerdist-api.md 8.5). What comes is cut into blocks: one
 * that lies wholly in a portion of input is verified from there, others are put together from loose
 * data. What lies outside the blocks of the range is loose until a content of the same user covers
 * it: those that are ready are tried at once, others when they become so. Of a content that others
 * describe otherwise nothing fits, which is nobody's failure.
 */
#include <errno.h>
#include <stdlib.h>

#include "fs/service/consumer.h"

/* Other contents of the user that data outside the range is tried with: our choice. The newest
 * handles come first. */
#define OTHERS_MAX 32u

/* Context of an operation. */
struct adding {
	uint32_t done; /* octets worked through */
};

/* The block of what CONSUMER covers that holds OFFSET. */
static int block_at(const struct consumer *consumer, uint64_t offset,
		    struct content_block *block_out)
{
	uint64_t at = offset < consumer->start  ? consumer->start
		      : offset >= consumer->end ? consumer->end - 1
						: offset;

	return content_block_at(consumer->content, at, block_out);
}

/* Loose data ---------------------------------------------------------------------------------- */

/* Tries what is loose of OWNER with the blocks of CONSUMER that touch [FROM, TO). */
static void try_blocks(struct consumer *consumer, const struct loose_owner *owner, uint64_t from,
		       uint64_t to)
{
	struct user *user = consumer->handle.instance->user;
	struct content_block block;
	void *buffer = NULL;

	if (from < consumer->covered_start)
		from = consumer->covered_start;
	if (to > consumer->covered_end)
		to = consumer->covered_end;
	for (; from < to && block_at(consumer, from, &block) == 0;
	     from = block.offset + block.length) {
		if (buffer == NULL && (buffer = malloc(CUTTING_UNIT_MAX)) == NULL)
			return;
		if (loose_copy(user, owner, block.offset, block.length, buffer) &&
		    parts_write(consumer->parts, &block, buffer) == 0)
			loose_drop(user, owner, block.offset, block.length);
	}
	free(buffer);
}

void consumer_verify_loose(struct consumer *consumer)
{
	size_t count = 0;
	struct loose_place *places =
		loose_places(consumer->handle.instance->user, consumer->covered_start,
			     consumer->covered_end, &count);

	for (size_t i = 0; i < count; i++)
		try_blocks(consumer, &places[i].owner, places[i].offset,
			   places[i].offset + LOOSE_SLAB);
	free(places);
}

struct others {
	struct consumer *consumers[OTHERS_MAX];
	unsigned count;
};

static bool is_other_locked(const struct consumer *other, const struct consumer *consumer,
			    uint64_t from, uint64_t to)
{
	return other != consumer && !other->handle.invalid &&
	       (other->state == CONSUMER_VERIFYING || other->state == CONSUMER_READY) &&
	       other->covered_start < to && other->covered_end > from;
}

/* Contents of the user of CONSUMER that cover something of [FROM, TO), each with a reference. */
static void find_others(const struct consumer *consumer, uint64_t from, uint64_t to,
			struct others *others)
{
	struct service *service = consumer->handle.instance->service;
	struct instance *instance;
	struct handle *handle;

	others->count = 0;
	pthread_mutex_lock(&service->lock);
	LIST_FOREACH (instance, &service->instances, in_service) {
		pthread_mutex_lock(&instance->lock);
		LIST_FOREACH (handle, &instance->handles, in_instance)
			if (instance->user == consumer->handle.instance->user &&
			    handle->kind == consumer->handle.kind && others->count < OTHERS_MAX &&
			    is_other_locked((struct consumer *)handle, consumer, from, to))
				others->consumers[others->count++] =
					(struct consumer *)handle_get(handle);
		pthread_mutex_unlock(&instance->lock);
	}
	pthread_mutex_unlock(&service->lock);
}

/* Data outside of what CONSUMER covers. It is loose before others are looked for, so that one that
 * becomes ready meanwhile finds it, or is found. */
static void take_outside(struct consumer *consumer, uint64_t offset, const void *data, size_t size)
{
	struct user *user = consumer->handle.instance->user;
	const struct loose_owner owner = consumer_owner(consumer);
	struct others others;

	loose_put(user, &owner, offset, data, size);
	find_others(consumer, offset, offset + size, &others);
	for (unsigned i = 0; i < others.count; i++) {
		try_blocks(others.consumers[i], &owner, offset, offset + size);
		handle_put(&others.consumers[i]->handle);
	}
}

/* Data that is covered ------------------------------------------------------------------------ */

static void check(struct consumer *consumer, const struct content_block *block, const void *data)
{
	const struct loose_owner owner = consumer_owner(consumer);
	struct instance *instance = consumer->handle.instance;

	if (parts_write(consumer->parts, block, data) == -EBADMSG)
		fetch_count_hash_error(instance->service->options.fetch);
	/* Here now, or wrong. */
	loose_drop(instance->user, &owner, block->offset, block->length);
}

/* SIZE octets of BLOCK, not all. */
static void take_part(struct consumer *consumer, const struct content_block *block, uint64_t offset,
		      const void *data, size_t size)
{
	struct user *user = consumer->handle.instance->user;
	const struct loose_owner owner = consumer_owner(consumer);
	void *whole = malloc(block->length);

	loose_put(user, &owner, offset, data, size);
	if (whole != NULL && loose_copy(user, &owner, block->offset, block->length, whole))
		check(consumer, block, whole);
	free(whole);
}

/* Takes the first of the octets; returns how many. */
static size_t take_covered(struct consumer *consumer, uint64_t offset, const void *data,
			   size_t size)
{
	struct content_block block;

	if (block_at(consumer, offset, &block) != 0)
		return size; /* what could be verified with cannot be read: the disk's trouble */
	uint64_t left = block.offset + block.length - offset;
	size_t part = left < size ? (size_t)left : size;
	if (part == block.length)
		check(consumer, &block, data);
	else
		take_part(consumer, &block, offset, data, part);
	return part;
}

static void take(struct consumer *consumer, uint64_t offset, const uint8_t *data, size_t size)
{
	while (size > 0) {
		size_t part = size;

		if (offset >= consumer->covered_start && offset < consumer->covered_end) {
			part = take_covered(consumer, offset, data, size);
		} else {
			if (offset < consumer->covered_start &&
			    consumer->covered_start - offset < size)
				part = (size_t)(consumer->covered_start - offset);
			take_outside(consumer, offset, data, part);
		}
		offset += part;
		data += part;
		size -= part;
	}
}

/* Operations ---------------------------------------------------------------------------------- */

static void step(struct operation *operation)
{
	struct consumer *consumer = (struct consumer *)operation->handle;
	struct adding *adding = operation->context;
	const void *data;
	uint32_t length;
	bool last = false;

	/* The sum fits: it was checked. */
	if (consumer->size != CONSUMER_SIZE_UNKNOWN &&
	    operation->offset + operation->length > consumer->size) {
		operation_complete(operation, PEERDIST_ERROR_OUT_OF_BOUNDS, 0, 0);
		return;
	}
	while (!last && (data = operation_take(operation, &length, &last)) != NULL) {
		take(consumer, operation->offset + adding->done, data, length);
		adding->done += length;
	}
	if (last)
		operation_complete(operation, ERROR_SUCCESS, operation->offset, operation->length);
}

static uint32_t add_check(const struct request *request)
{
	const struct pdc_input *message = (const struct pdc_input *)request->header;

	return message->length > 0 && message->offset <= UINT64_MAX - message->length
		       ? ERROR_SUCCESS
		       : ERROR_INVALID_PARAMETER;
}

static uint32_t add_data(struct request *request)
{
	const struct pdc_input *message = (const struct pdc_input *)request->header;
	uint32_t status = consumer_ready(consumer_of(request));

	if (status != ERROR_SUCCESS)
		return status;
	const struct operation_wish wish = {.step = step,
					    .context = calloc(1, sizeof(struct adding)),
					    .offset = message->offset,
					    .length = message->length};
	return wish.context != NULL ? operation_submit(request, &wish) : ERROR_NOT_ENOUGH_MEMORY;
}

const struct request_call call_add_data = {add_check, add_data};
