/* SPDX-License-Identifier: BSD-2-Clause */
#include "origin/listing_pump.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* Our choices: a parser at work is not to hold up the network, and a network at work is not to fill
 * the memory. */
#define CHUNK_SIZE (64u << 10)
#define WAITING_MAX (4u << 20)

struct pump_chunk {
	struct pump_chunk *next;
	size_t length;
	char octets[CHUNK_SIZE];
};

static struct listing_pump *from_job(struct pool_job *job)
{
	return (struct listing_pump *)((char *)job - offsetof(struct listing_pump, job));
}

static struct listing_pump *from_back(struct loop_task *task)
{
	return (struct listing_pump *)((char *)task - offsetof(struct listing_pump, back));
}

static void free_chunks(struct pump_chunk *chunk)
{
	while (chunk != NULL) {
		struct pump_chunk *next = chunk->next;

		free(chunk);
		chunk = next;
	}
}

/* On a pool thread: it has `taken`, the listing and, set before, `ended`. */
static void run_job(struct pool_job *job)
{
	struct listing_pump *pump = from_job(job);
	bool last = pump->taken == NULL;
	int error = 0;

	for (struct pump_chunk *chunk = pump->taken; chunk != NULL && error == 0;
	     chunk = chunk->next)
		error = listing_feed(pump->listing, chunk->octets, chunk->length);
	if (last)
		error = listing_end(pump->listing);
	free_chunks(pump->taken);
	pump->taken = NULL;
	pump->error = error;
	pump->finished = last && error == 0;
	loop_post(pump->loop, &pump->back);
}

static void submit(struct listing_pump *pump)
{
	if (pump->working || pump->error < 0 || (pump->first == NULL && !pump->ended))
		return;
	pump->taken = pump->first;
	pump->first = pump->last = NULL;
	pump->waiting = 0;
	pump->working = true;
	pool_submit(pump->pool, POOL_READER, &pump->job);
}

static void job_is_back(struct loop_task *task)
{
	struct listing_pump *pump = from_back(task);

	pump->working = false;
	if (!pump->finished)
		submit(pump);
	pump->moved(pump);
}

int pump_begin(struct listing_pump *pump, const char *base, const char *content_type,
	       struct directory *directory)
{
	pump_clear(pump);
	pump->error = 0;
	pump->finished = pump->ended = false;
	pump->job.run = run_job;
	pump->back.run = job_is_back;
	return listing_begin(base, content_type, directory, &pump->listing);
}

static struct pump_chunk *chunk_with_room(struct listing_pump *pump)
{
	struct pump_chunk *chunk = pump->last;

	if (chunk != NULL && chunk->length < CHUNK_SIZE)
		return chunk;
	chunk = malloc(sizeof(*chunk));
	if (chunk == NULL)
		return NULL;
	chunk->next = NULL;
	chunk->length = 0;
	if (pump->last != NULL)
		pump->last->next = chunk;
	else
		pump->first = chunk;
	pump->last = chunk;
	return chunk;
}

int pump_push(struct listing_pump *pump, const void *data, size_t length)
{
	const char *octets = data;

	if (!pump->working && pump->error < 0)
		return pump->error;
	if (pump->waiting > WAITING_MAX)
		return -EAGAIN;
	pump->waiting += length;
	while (length > 0) {
		struct pump_chunk *chunk = chunk_with_room(pump);
		size_t part;

		if (chunk == NULL)
			return -ENOMEM;
		part = CHUNK_SIZE - chunk->length < length ? CHUNK_SIZE - chunk->length : length;
		memcpy(chunk->octets + chunk->length, octets, part);
		chunk->length += part;
		octets += part;
		length -= part;
	}
	submit(pump);
	return 0;
}

void pump_end(struct listing_pump *pump)
{
	pump->ended = true;
	submit(pump);
}

void pump_clear(struct listing_pump *pump)
{
	free_chunks(pump->first);
	pump->first = pump->last = NULL;
	pump->waiting = 0;
	listing_free(pump->listing);
	pump->listing = NULL;
}
