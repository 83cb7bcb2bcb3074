/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Data that a program adds to its content (peerdist-api.md 8.5). What comes is cut into blocks: one
 * that lies wholly in a portion of input is verified from there, others are put together from loose
 * data. What lies outside the blocks of the range is loose until a content of the same user covers
 * it: those that are ready are tried at once, others when they become so. Of a content that others
 * describe otherwise nothing fits, which is nobody's failure. Nor is it the program's if the store
 * cannot keep what is right: it is counted.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/service/consumer.h"

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

/* Whose tag it gets: he who added it may flush it, whoever could verify it. */
static struct parts_owner tagged(const struct consumer *consumer, const struct loose_owner *owner)
{
	struct parts_owner tagged = {.uid = consumer->handle.instance->opener.uid};

	memcpy(tagged.tag, owner->tag, sizeof tagged.tag);
	return tagged;
}

/* Of CONSUMER's content, added by GIVER, or by that handle itself if it is NULL. False: it is not
 * the block. */
static bool write_block(struct consumer *consumer, const struct parts_owner *giver,
			const struct content_block *block, const void *data)
{
	struct service *service = consumer->handle.instance->service;
	int error = parts_write(consumer->parts, giver, block, data);

	if (error != 0 && error != -EBADMSG)
		atomic_fetch_add(&service->unkept, 1);
	return error != -EBADMSG;
}

/* Loose data ---------------------------------------------------------------------------------- */

/* Tries what is loose of OWNER with the blocks of CONSUMER that touch [FROM, TO). What is right
 * stays loose: another content may need it that does not find what this one keeps, being of the
 * other version, or only this one's list. */
static void try_blocks(struct consumer *consumer, const struct loose_owner *owner, uint64_t from,
		       uint64_t to)
{
	const struct parts_owner giver = tagged(consumer, owner);
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
		if (!parts_has(consumer->parts, &giver, &block) &&
		    loose_copy(user, owner, block.offset, block.length, buffer))
			(void)write_block(consumer, &giver, &block, buffer);
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

/* Data outside of what CONSUMER covers. It is loose before others are looked for, so that one that
 * becomes ready meanwhile finds it, or is found. */
static void take_outside(struct consumer *consumer, uint64_t offset, const void *data, size_t size)
{
	struct user *user = consumer->handle.instance->user;
	const struct loose_owner owner = consumer_owner(consumer);
	struct consumer *others[CONSUMER_OTHERS_MAX];

	loose_put(user, &owner, offset, data, size);
	unsigned count = consumer_find_others(consumer, offset, offset + size, others);
	for (unsigned i = 0; i < count; i++) {
		try_blocks(others[i], &owner, offset, offset + size);
		handle_put(&others[i]->handle);
	}
}

/* Data that is covered ------------------------------------------------------------------------ */

static void check(struct consumer *consumer, const struct content_block *block, const void *data)
{
	const struct loose_owner owner = consumer_owner(consumer);
	struct instance *instance = consumer->handle.instance;

	if (!write_block(consumer, NULL, block, data))
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

	/* What it could be verified with cannot be read: the disk's trouble. */
	if (block_at(consumer, offset, &block) != 0) {
		atomic_fetch_add(&consumer->handle.instance->service->unkept, 1);
		return size;
	}
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

/* All was taken: who waits for a block of it is to look. A block may begin before, or end behind.
 * Reads of the same content by other handles wait on, and find it when they ask again or end. */
static void tell_reads(struct operation *operation)
{
	uint64_t start = operation->offset, end = start + operation->length;

	start -= start < CUTTING_UNIT_MAX ? start : CUTTING_UNIT_MAX;
	end += end > UINT64_MAX - CUTTING_UNIT_MAX ? 0 : CUTTING_UNIT_MAX;
	operation_wake_reads(operation, start, end);
}

static void step(struct operation *operation)
{
	struct consumer *consumer = (struct consumer *)operation->handle;
	struct adding *adding = operation->context;
	const void *data;
	uint32_t length, done = 0;
	bool last = false;

	/* The sum fits: it was checked. */
	if (consumer->size != CONSUMER_SIZE_UNKNOWN &&
	    operation->offset + operation->length > consumer->size) {
		operation_complete(operation, PEERDIST_ERROR_OUT_OF_BOUNDS, 0, 0);
		return;
	}
	while (!last && done < CONSUMER_STEP_MAX && !operation_is_over(operation) &&
	       (data = operation_take(operation, &length, &last)) != NULL) {
		take(consumer, operation->offset + adding->done, data, length);
		adding->done += length;
		done += length;
	}
	if (!last && done >= CONSUMER_STEP_MAX)
		operation_wake(operation);
	if (!last)
		return;
	tell_reads(operation);
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
