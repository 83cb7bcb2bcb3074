/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Transfers: which units travel together, and when. What comes by them is in transfer_data.c, how
 * they end in transfer_end.c.
 *
 * A ranged transfer brings its units and no others. A *stream* brings the whole content from octet
 * 0 on, because the source cannot do ranges or because there is no validator that would tell one
 * version from the next; there is at most one of a file at a time, and it serves every flight.
 */
#include "fs/fetch_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "origin/loop.h"
#include "origin/origin.h"

/* What is under way, and for nothing, is cut off if so much is left. Our choice. */
#define VAIN_MIN (256u << 10)

static struct transfer *transfer_create_locked(struct fetch_file *file, uint32_t first,
					       uint32_t count, bool urgent,
					       struct transfer_queue *starting)
{
	struct transfer *transfer = calloc(1, sizeof *transfer);

	if (transfer == NULL)
		return NULL;
	transfer->file = file;
	transfer->cutting = file->cutting;
	transfer->first = transfer->unit = transfer->next_unit = first;
	transfer->count = transfer->reach = count;
	atomic_init(&transfer->wanted_end, first + count);
	atomic_init(&transfer->unwanted, file->fetch->stopping);
	transfer->urgent = urgent;
	transfer->why = file->content == NULL ? LEDGER_NO_INFORMATION : LEDGER_NOT_TOLD;
	file_get_locked(file);
	LIST_INSERT_HEAD(&file->transfers, transfer, in_file);
	TAILQ_INSERT_TAIL(starting, transfer, in_queue);
	return transfer;
}

int transfer_stream_locked(struct fetch_file *file, bool urgent, struct transfer_queue *starting)
{
	if (file->stream != NULL)
		return 0;
	if (file->dead != 0)
		return file->dead;
	file->stream = transfer_create_locked(file, 0, UINT32_MAX, urgent, starting);
	if (file->stream == NULL)
		return -ENOMEM;
	file->stream->stream = true;
	return 0;
}

static bool extends_locked(const struct transfer *transfer, const struct flight *flight)
{
	const struct cutting *cutting = flight->file->cutting;

	return transfer != NULL && !transfer->stream && transfer->file == flight->file &&
	       transfer->cutting == cutting && transfer->first + transfer->count == flight->unit &&
	       cutting_offset(cutting, flight->unit) + cutting_length(cutting, flight->unit) -
			       cutting_offset(cutting, transfer->first) <=
		       TRANSFER_MAX;
}

/* Whether who waits in FILE would begin a stream, of what is offered just now. */
static bool serves_all_locked(const struct fetch_file *file)
{
	return (file->flags & (FETCH_NO_RANGES | FETCH_ONE_ANSWER)) == FETCH_NO_RANGES &&
	       file->stream == NULL && !TAILQ_EMPTY(&file->parked);
}

void transfer_make_stream_locked(struct transfer *transfer)
{
	transfer->file->stream = transfer;
	transfer->stream = true;
	transfer->count = UINT32_MAX;
}

int transfer_assign_locked(struct flight *flight, bool urgent, struct transfer_queue *starting)
{
	struct fetch_file *file = flight->file;
	struct transfer *last = TAILQ_LAST(starting, transfer_queue);

	if (file->flags & (FETCH_NO_RANGES | FETCH_ONE_ANSWER)) {
		bool begun = file->stream != NULL;
		int error = transfer_stream_locked(file, urgent, starting);
		flight->transfer = file->stream;
		if (!begun && error == 0)
			file->stream->why = flight->why;
		return error;
	}
	struct transfer *running = follow_find_locked(file, flight->unit);
	if (running != NULL) {
		flight->transfer = running;
		follow_want_locked(running, flight->unit);
		return 0;
	}
	if (extends_locked(last, flight)) {
		last->count = ++last->reach;
		atomic_store(&last->wanted_end, last->first + last->count);
	} else {
		last = transfer_create_locked(file, flight->unit, 1, urgent, starting);
		if (last == NULL)
			return -ENOMEM;
		last->why = flight->why;
	}
	flight->transfer = last;
	return 0;
}

int transfer_want_locked(struct flight *flight, bool urgent, struct transfer_queue *starting)
{
	if (flight->transfer == NULL)
		return 0;
	if (!flight->transfer->stream && atomic_load(&flight->transfer->unwanted))
		return transfer_assign_locked(flight, urgent, starting);
	follow_want_locked(flight->transfer, flight->unit);
	return 0;
}

static void start(struct fetch *fetch, struct transfer *transfer)
{
	pthread_mutex_lock(&fetch->lock);
	bool detached = transfer->detached;
	pthread_mutex_unlock(&fetch->lock);
	if (detached) {
		transfer_end(transfer, -ECANCELED);
		return;
	}
	transfer->starting = true;
	transfer->began_ms = loop_clock_ms();
	void *handle = fetch->source->start(fetch->source, transfer);

	pthread_mutex_lock(&fetch->lock);
	transfer->starting = false;
	transfer->handle = handle;
	bool ended = transfer->ended;
	if (transfer->paused)
		transfer_resume_locked(fetch);
	if (transfer->owed && !ended && handle != NULL)
		fetch->source->resume(fetch->source, handle);
	pthread_mutex_unlock(&fetch->lock);
	if (ended)
		free(transfer);
}

void transfers_start(struct fetch *fetch, struct transfer_queue *starting)
{
	struct transfer *transfer;

	while ((transfer = TAILQ_FIRST(starting)) != NULL) {
		TAILQ_REMOVE(starting, transfer, in_queue);
		start(fetch, transfer);
	}
}

void transfer_detach_locked(struct transfer *transfer)
{
	struct fetch *fetch = transfer->file->fetch;

	transfer->detached = true;
	transfer->start_ms = 0; /* one that is to be tried again ends then */
	atomic_store(&transfer->unwanted, true);
	if (transfer->starved) {
		follow_feed_locked(transfer);
	} else if (transfer->paused) {
		TAILQ_REMOVE(&fetch->paused, transfer, in_queue);
		transfer->paused = false;
		if (transfer->handle != NULL)
			fetch->source->resume(fetch->source, transfer->handle);
		else
			transfer->owed = true;
	}
}

struct transfer *fetch_offer(struct fetch_file *file, void *handle)
{
	struct fetch *fetch = file->fetch;
	struct transfer_queue started = TAILQ_HEAD_INITIALIZER(started);

	pthread_mutex_lock(&fetch->lock);
	struct transfer *transfer = transfer_create_locked(file, 0, 0, false, &started);
	if (transfer != NULL) {
		transfer->handle = handle;
		transfer->offered = true;
		transfer->reach = cutting_count(file->cutting);
		if (file->change != NULL)
			transfer_detach_locked(transfer);
		else if (serves_all_locked(file))
			transfer_make_stream_locked(transfer);
	}
	pthread_mutex_unlock(&fetch->lock);
	return transfer;
}

void transfers_retry(struct fetch *fetch)
{
	struct transfer_queue starting = TAILQ_HEAD_INITIALIZER(starting);
	struct transfer *transfer, *next;

	pthread_mutex_lock(&fetch->lock);
	for (transfer = TAILQ_FIRST(&fetch->retries); transfer != NULL; transfer = next) {
		next = TAILQ_NEXT(transfer, in_queue);
		if (transfer->start_ms > fetch->now_ms && !fetch->stopping)
			continue;
		TAILQ_REMOVE(&fetch->retries, transfer, in_queue);
		TAILQ_INSERT_TAIL(&starting, transfer, in_queue);
	}
	pthread_mutex_unlock(&fetch->lock);
	transfers_start(fetch, &starting);
}

void transfer_hurry_locked(struct transfer *transfer)
{
	if (transfer == NULL || transfer->urgent)
		return;
	transfer->urgent = true;
	if (transfer->handle != NULL)
		transfer->file->fetch->source->hurry(transfer->file->fetch->source,
						     transfer->handle);
}

bool transfer_is_wanted(const struct transfer *transfer)
{
	return !atomic_load(&transfer->unwanted) && !atomic_load(&transfer->vain);
}

static uint64_t octets_left(const struct transfer *transfer)
{
	uint32_t last = transfer->first + transfer->count - 1;
	uint64_t all = cutting_offset(transfer->cutting, last) +
		       cutting_length(transfer->cutting, last) -
		       cutting_offset(transfer->cutting, transfer->first);
	uint64_t received = atomic_load(&transfer->received);

	return received < all ? all - received : 0;
}

void transfer_leave_locked(struct flight *flight)
{
	struct transfer *transfer = flight->transfer;
	struct flight *other;

	if (transfer == NULL || transfer->stream || transfer->offered)
		return;
	LIST_FOREACH (other, &flight->file->flights, in_file)
		if (other != flight && other->transfer == transfer)
			return;
	atomic_store(&transfer->vain, true);
	/* A little more costs less than another connection. */
	if (octets_left(transfer) < VAIN_MIN)
		return;
	atomic_store(&transfer->unwanted, true);
	if (transfer->starved)
		follow_feed_locked(transfer);
}

void transfer_resume_locked(struct fetch *fetch)
{
	struct transfer *transfer, *next;

	if (atomic_load(&fetch->buffered) > FETCH_BUFFERED_MAX / 2)
		return;
	for (transfer = TAILQ_FIRST(&fetch->paused); transfer != NULL; transfer = next) {
		next = TAILQ_NEXT(transfer, in_queue);
		if (transfer->handle == NULL)
			continue; /* about to get one, and looked at again then */
		TAILQ_REMOVE(&fetch->paused, transfer, in_queue);
		transfer->paused = false;
		fetch->source->resume(fetch->source, transfer->handle);
	}
}

void transfer_wish(const struct transfer *transfer, struct transfer_wish *wish_out)
{
	const struct fetch_file *file = transfer->file;
	const struct cutting *cutting = transfer->cutting;

	pthread_mutex_lock(&file->fetch->lock);
	*wish_out = (struct transfer_wish){
		.path = file->path,
		.validator = file->flags & FETCH_ONE_ANSWER ? "" : file->validator,
		.urgent = transfer->urgent,
		.shared = transfer->why == LEDGER_SEEKER + SEEKER_CHOSEN,
		.missing = file->content != NULL,
	};
	bool stream = transfer->stream;
	pthread_mutex_unlock(&file->fetch->lock);
	if (stream)
		return;
	uint32_t last = transfer->first + transfer->reach - 1;
	wish_out->offset = cutting_offset(cutting, transfer->first);
	wish_out->length =
		cutting_offset(cutting, last) + cutting_length(cutting, last) - wish_out->offset;
}
