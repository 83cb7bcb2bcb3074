/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reads of a consumer's content, by block or as a stream (peerdist-api.md 8.6, 8.7).
 *
 * What is here is given at once, in one step. Else, with time, it is sought nearby; who adds it
 * meanwhile wakes the read. A search that found nobody ends the read; one that found somebody who
 * does not give it (yet) is repeated every REPEAT_MS until the time is over, and from then on in
 * this read the others are too. A search cannot be ended: one that nobody waits for any more keeps
 * the operation's memory, and so the content, until it is told.
 *
 * The next stream read of a content does not begin while a step of the one before runs, so the
 * position is moved by the step that has completed its operation.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/service/consumer.h"
#include "origin/loop.h"

#define TIMEOUT_DEFAULT 0xFFFFFFFEu /* PEERDIST_READ_TIMEOUT_DEFAULT */
#define TIMEOUT_NONE 0xFFFFFFFFu
/* Between searches of one read: our choice; who is asked is not asked more often than every 100 ms
 * anyway (peer/seeker.h). */
#define REPEAT_MS 500
/* When a content's first search that finds nobody is repeated: answers to a Probe are collected for
 * so long (discovery.md section 6). */
#define GRACE_MS 300
/* Searches under way of an instance, those included that nobody waits for any more: as many as
 * operations. And of all of a user's: our choice. */
#define INSTANCE_SEARCHES_MAX PDC_OPERATIONS_MAX
#define USER_SEARCHES_MAX (4 * INSTANCE_SEARCHES_MAX)

enum search_state { SEARCH_NONE, SEARCH_UNDER_WAY, SEARCH_ENDED };

struct reading {
	struct parts_search search;
	struct operation *operation; /* a reference while a search is under way */
	uint64_t offset;             /* where it begins; once `begun` */
	uint32_t wanted;
	bool stream, begun;
	bool promised;    /* somebody said to have it */
	int64_t again_ms; /* no search before */
	atomic_int state; /* enum search_state; ENDED: what follows is set */
	int error;
	void *octets; /* found, `length` of them */
	uint32_t length;
};

static struct consumer *consumer_for(const struct reading *reading)
{
	return (struct consumer *)reading->operation->handle;
}

static void end(void *context)
{
	struct reading *reading = context;

	free(reading->octets);
	free(reading);
}

/* The stream goes on behind LENGTH octets, if STREAM and it was COMPLETED so. */
static void move(struct reading *reading, bool completed, uint64_t length)
{
	if (completed && reading->stream)
		atomic_store(&consumer_for(reading)->position, reading->offset + length);
}

static void give(struct reading *reading, void *octets, uint32_t length)
{
	move(reading, operation_give(reading->operation, reading->offset, octets, length), length);
}

/* What a read from here on may bring. */
static uint32_t room(const struct reading *reading)
{
	uint64_t left = consumer_for(reading)->end - reading->offset;
	uint32_t size = reading->wanted < PDC_READ_MAX ? reading->wanted : PDC_READ_MAX;

	return left < size ? (uint32_t)left : size;
}

/* Puts what a search FOUND where it is given from. */
static void use_found(struct reading *reading, char *buffer, uint32_t found)
{
	if (found == 0)
		return;
	memcpy(buffer, reading->octets, found);
	parts_given(consumer_for(reading)->parts, reading->offset, found);
}

/* Here ---------------------------------------------------------------------------------------- */

/* Whether it has ended. FOUND: so much was brought from nearby; what is here goes behind it. */
static bool read_local(struct reading *reading, uint32_t found)
{
	struct parts *parts = consumer_for(reading)->parts;
	uint64_t count, at = reading->offset + found;
	bool here;

	if (found == room(reading))
		return false;
	/* Many may look in vain each time that something comes: before there is memory. */
	count = parts_extent(parts, at, reading->offset + room(reading), &here);
	if (!here)
		return false;
	uint32_t size = found + (uint32_t)count;
	char *buffer = malloc(size), *fitting;
	if (buffer == NULL) {
		operation_complete(reading->operation, ERROR_NOT_ENOUGH_MEMORY, 0, 0);
		return true;
	}
	ssize_t length = parts_read(parts, at, buffer + found, (size_t)count);
	if (length <= 0) {
		free(buffer);
		return false;
	}
	use_found(reading, buffer, found);
	uint32_t whole = found + (uint32_t)length;
	/* It may wait for long until it is fetched. */
	if (whole < size / 2 && (fitting = realloc(buffer, whole)) != NULL)
		buffer = fitting;
	give(reading, buffer, whole);
	return true;
}

static void query(struct reading *reading)
{
	struct consumer *consumer = consumer_for(reading);
	bool here;
	uint64_t count = parts_extent(consumer->parts, reading->offset, consumer->end, &here);

	if (!here)
		count = 0;
	operation_complete(reading->operation, ERROR_SUCCESS, reading->offset,
			   count < UINT32_MAX ? (uint32_t)count : UINT32_MAX);
}

/* Octets that are not here from the reading's offset on. 0: something is, by now. */
static uint32_t missing(struct reading *reading)
{
	struct consumer *consumer = consumer_for(reading);
	uint64_t left = consumer->end - reading->offset, count;
	bool here;

	if (left > UINT32_MAX)
		left = UINT32_MAX;
	count = parts_extent(consumer->parts, reading->offset, reading->offset + left, &here);
	return here ? 0 : (uint32_t)count;
}

/* The rest of the block. */
static uint32_t block_left(struct reading *reading)
{
	struct consumer *consumer = consumer_for(reading);
	struct content_block block;
	uint64_t block_end = consumer->end;

	if (content_block_at(consumer->content, reading->offset, &block) == 0 &&
	    block.offset + block.length < block_end)
		block_end = block.offset + block.length;
	block_end -= reading->offset;
	return block_end < UINT32_MAX ? (uint32_t)block_end : UINT32_MAX;
}

/* Ends it with STATUS, 4052 or 1460, unless what it wants has come just now. */
static void end_missing(struct reading *reading, uint32_t status)
{
	uint32_t length = missing(reading);

	if (length == 0 && read_local(reading, 0))
		return;
	/* Said to be here and not readable: then it is not. */
	if (length == 0)
		length = block_left(reading);
	move(reading, operation_complete(reading->operation, status, reading->offset, length),
	     length);
}

/* Nearby -------------------------------------------------------------------------------------- */

static void keep_found(struct reading *reading, const void *octets, size_t length)
{
	if (length > room(reading))
		length = room(reading);
	reading->octets = malloc(length);
	if (reading->octets == NULL) {
		reading->error = -ENOMEM;
		return;
	}
	memcpy(reading->octets, octets, length);
	reading->length = (uint32_t)length;
}

/* False: there are too many. */
static bool enter_search(struct instance *instance)
{
	struct user *user = instance->user;

	if (atomic_fetch_add(&instance->searches, 1) < INSTANCE_SEARCHES_MAX) {
		if (atomic_fetch_add(&user->searches, 1) < USER_SEARCHES_MAX)
			return true;
		atomic_fetch_sub(&user->searches, 1);
	}
	atomic_fetch_sub(&instance->searches, 1);
	return false;
}

static void leave_search(struct instance *instance)
{
	atomic_fetch_sub(&instance->user->searches, 1);
	atomic_fetch_sub(&instance->searches, 1);
}

static void search_done(struct parts_search *search, int error, const void *octets, size_t length)
{
	struct reading *reading = (struct reading *)search;
	struct operation *operation = reading->operation;

	reading->error = error;
	if (error == 0 && length > 0 && !operation_is_over(operation))
		keep_found(reading, octets, length);
	leave_search(operation->instance);
	atomic_store(&reading->state, SEARCH_ENDED);
	operation_wake(operation);
	operation_put(operation);
}

static bool is_late(const struct reading *reading)
{
	return operation_is_late(reading->operation);
}

static void search_again(struct reading *reading)
{
	reading->again_ms = loop_clock_ms() + REPEAT_MS;
	operation_wake_later(reading->operation, reading->again_ms);
}

static void begin_search(struct reading *reading)
{
	struct consumer *consumer = consumer_for(reading);

	if (!enter_search(reading->operation->instance)) {
		search_again(reading);
		return;
	}
	reading->search = (struct parts_search){
		.offset = reading->offset, .size = room(reading), .done = search_done};
	atomic_store(&reading->state, SEARCH_UNDER_WAY);
	if (reading->again_ms != 0)
		operation_wake_later(reading->operation, INT64_MAX);
	operation_get(reading->operation);
	parts_search(consumer->parts, &reading->search);
}

/* Whether to look again in a moment, though nobody has the block: those who take longer to answer
 * than a search waits are known by then. Once for each content, or every missing block would take
 * so long. */
static bool takes_grace(struct reading *reading)
{
	struct neighbours *neighbours = reading->operation->instance->service->options.neighbours;

	return neighbours != NULL && neighbours_are_on(neighbours) &&
	       !atomic_exchange(&consumer_for(reading)->graced, true);
}

/* What the search that ended says. Whether the read has ended by it. */
static bool use_search(struct reading *reading)
{
	int error = reading->error;

	atomic_store(&reading->state, SEARCH_NONE);
	if (error == 0 && reading->octets != NULL) {
		parts_given(consumer_for(reading)->parts, reading->offset, reading->length);
		give(reading, reading->octets, reading->length);
		reading->octets = NULL;
		return true;
	}
	if (error == -EAGAIN)
		reading->promised = true;
	if (error == -ENODATA && !reading->promised && takes_grace(reading)) {
		reading->again_ms = loop_clock_ms() + GRACE_MS;
		return false;
	}
	/* 0: it came, and was not kept, or could not be. */
	if (error != 0 && error != -EAGAIN && !(error == -ENODATA && reading->promised)) {
		end_missing(reading, PEERDIST_ERROR_MISSING_DATA);
		return true;
	}
	reading->again_ms = loop_clock_ms() + REPEAT_MS;
	return false;
}

static void seek(struct reading *reading, int state)
{
	if (state == SEARCH_ENDED && use_search(reading))
		return;
	if (is_late(reading))
		end_missing(reading, ERROR_TIMEOUT);
	else if (state == SEARCH_UNDER_WAY)
		return;
	else if (loop_clock_ms() < reading->again_ms)
		operation_wake_later(reading->operation, reading->again_ms);
	else
		begin_search(reading);
}

/* Steps --------------------------------------------------------------------------------------- */

/* False: it has ended. */
static bool begin(struct reading *reading)
{
	struct consumer *consumer = consumer_for(reading);

	/* Also before the first step: nobody waits for it. */
	if (operation_is_over(reading->operation))
		return false;
	if (reading->begun)
		return true;
	reading->begun = true;
	if (reading->stream)
		reading->offset = atomic_load(&consumer->position);
	if (reading->offset < consumer->start || reading->offset >= consumer->end) {
		operation_complete(reading->operation, PEERDIST_ERROR_NO_MORE, reading->offset, 0);
		return false;
	}
	return true;
}

static void step(struct operation *operation)
{
	struct reading *reading = operation->context;

	/* A search under way looks at it. */
	if (!reading->begun)
		reading->operation = operation;
	if (!begin(reading))
		return;
	if (reading->wanted == 0) {
		query(reading);
		return;
	}
	int state = atomic_load(&reading->state);
	uint32_t found = state == SEARCH_ENDED ? reading->length : 0;
	/* Also while it is sought: somebody may have added it. */
	if (read_local(reading, found))
		return;
	if (operation->timeout_ms == 0)
		end_missing(reading, PEERDIST_ERROR_MISSING_DATA);
	else
		seek(reading, state);
}

static uint32_t submit(struct request *request, bool stream)
{
	const struct pdc_read *message = (const struct pdc_read *)request->header;
	struct consumer *consumer = consumer_of(request);
	uint32_t timeout = message->timeout_ms, wanted = message->max_bytes;
	uint32_t status = consumer_ready(consumer);
	struct reading *reading;

	if (status != ERROR_SUCCESS)
		return status;
	if (timeout == TIMEOUT_DEFAULT)
		timeout = service_read_timeout(request->instance->service);
	reading = calloc(1, sizeof *reading);
	if (reading == NULL)
		return ERROR_NOT_ENOUGH_MEMORY;
	reading->stream = stream;
	reading->offset = message->offset;
	reading->wanted = wanted;
	const struct operation_wish wish = {
		.lane = stream ? &consumer->stream : NULL,
		.step = step,
		.context = reading,
		.end = end,
		.offset = message->offset,
		.length = wanted,
		.timeout_ms = timeout,
		.reserved = wanted < PDC_READ_MAX ? wanted : PDC_READ_MAX,
		.timed = wanted > 0 && timeout > 0 && timeout != TIMEOUT_NONE,
	};
	return operation_submit(request, &wish);
}

static uint32_t block_read(struct request *request)
{
	return submit(request, false);
}

static uint32_t stream_check(const struct request *request)
{
	const struct pdc_read *message = (const struct pdc_read *)request->header;

	return message->offset == 0 ? ERROR_SUCCESS : ERROR_INVALID_PARAMETER;
}

static uint32_t stream_read(struct request *request)
{
	return submit(request, true);
}

const struct request_call call_block_read = {.act = block_read};
const struct request_call call_stream_read = {stream_check, stream_read};
