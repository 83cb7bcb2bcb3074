/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a source delivers: units are put together and land, those that nobody wants are passed over,
 * and too much of it is put off.
 */
#include "fs/fetch_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A running answer of another request that brings all that FILE waits for; NULL: none. */
static struct transfer *find_whole_locked(struct fetch_file *file)
{
	struct transfer *transfer, *found = NULL;
	struct flight *flight;

	LIST_FOREACH (transfer, &file->transfers, in_file)
		if (transfer->offered && !atomic_load(&transfer->unwanted))
			found = transfer;
	LIST_FOREACH (flight, &file->flights, in_file)
		if (found != NULL && flight->state == FLIGHT_WAITING &&
		    flight->unit < found->next_unit)
			found = NULL;
	return found;
}

/* The source ignored the range: this answer becomes the file's stream, or the one that it gave to
 * the question for content information does. */
static int become_stream(struct transfer *transfer)
{
	struct fetch_file *file = transfer->file;
	struct flight *flight;
	struct transfer *other;

	pthread_mutex_lock(&file->fetch->lock);
	file->flags |= FETCH_NO_RANGES;
	if (transfer->detached) {
		pthread_mutex_unlock(&file->fetch->lock);
		return -ECANCELED;
	}
	if (file->stream == NULL && (other = find_whole_locked(file)) != NULL) {
		transfer_make_stream_locked(other);
		if (other->starved)
			follow_feed_locked(other);
	} else if (file->stream == NULL) {
		transfer_make_stream_locked(transfer);
		transfer->unit = 0;
	}
	int error = file->stream == transfer ? 0 : -ECANCELED;
	LIST_FOREACH (other, &file->transfers, in_file)
		if (other != file->stream)
			atomic_store(&other->unwanted, true);
	LIST_FOREACH (flight, &file->flights, in_file)
		if (flight->state == FLIGHT_WAITING)
			flight->transfer = file->stream;
	pthread_mutex_unlock(&file->fetch->lock);
	return error;
}

int transfer_begin(struct transfer *transfer, const struct entry *entry, uint64_t start,
		   int64_t length)
{
	struct fetch_file *file = transfer->file;
	uint64_t size = object_size(file->object);
	struct transfer_wish wish;

	if (size != STORE_SIZE_UNKNOWN && entry->size >= 0 && (uint64_t)entry->size != size)
		return -ESTALE;
	if ((entry->flags & ENTRY_NO_RANGES) && !transfer->stream)
		return become_stream(transfer);
	transfer_wish(transfer, &wish);
	if (start != wish.offset)
		return -EBADMSG;
	if (wish.length > 0 && length >= 0 && (uint64_t)length != wish.length)
		return -EBADMSG;
	return 0;
}

static uint32_t unit_length(const struct transfer *transfer)
{
	const struct object *object = transfer->file->object;
	const struct cutting *cutting = transfer->cutting;

	if (object_size(object) == STORE_SIZE_UNKNOWN)
		return CUTTING_UNIT;
	if (transfer->stream && cutting_is_uniform(cutting))
		cutting = object_cutting(object); /* the size may have become known meanwhile */
	return transfer->unit < cutting_count(cutting) ? cutting_length(cutting, transfer->unit)
						       : 0;
}

/* Decides whether the unit that begins is wanted, and where its octets go. */
static int begin_unit(struct transfer *transfer)
{
	struct fetch_file *file = transfer->file;
	uint32_t length = unit_length(transfer);
	int error = 0;

	if (length == 0)
		return -EBADMSG; /* more than the content is long */
	transfer->length = length;
	pthread_mutex_lock(&file->fetch->lock);
	if (transfer->detached) {
		pthread_mutex_unlock(&file->fetch->lock);
		return -ECANCELED;
	}
	struct flight *flight = flight_find_locked(file, transfer->unit);
	/* What comes in one portion with the last that was wanted is kept as well. */
	bool beyond = transfer->unit - transfer->first >= transfer->count;
	transfer->next_unit = transfer->unit + 1;
	if (flight == NULL && (transfer->stream || beyond)) {
		flight = flight_create_locked(file, transfer->unit);
		if (flight != NULL)
			flight->why = transfer->why;
		else
			error = -ENOMEM;
	}
	/* Also what is only sought nearby, as it comes by; a stream does not come by again. */
	if (flight != NULL && flight->state == FLIGHT_WAITING && flight->transfer == NULL)
		flight->transfer = transfer;
	transfer->skipping =
		flight == NULL || flight->state != FLIGHT_WAITING || flight->transfer != transfer;
	pthread_mutex_unlock(&file->fetch->lock);
	if (error != 0 || transfer->skipping)
		return error;
	transfer->buffer = buffer_create(length);
	if (transfer->buffer == NULL)
		return -ENOMEM;
	atomic_fetch_add(&file->fetch->buffered, length);
	return 0;
}

static void end_unit(struct transfer *transfer)
{
	struct fetch_file *file = transfer->file;
	struct fetch *fetch = file->fetch;

	if (!transfer->skipping) {
		pthread_mutex_lock(&fetch->lock);
		struct flight *flight = flight_find_locked(file, transfer->unit);
		if (flight != NULL && flight->state == FLIGHT_WAITING && !transfer->detached) {
			flight_land_locked(flight, transfer->buffer, fetch->source->given);
		} else {
			atomic_fetch_sub(&fetch->buffered, transfer->buffer->length);
			buffer_put(transfer->buffer);
		}
		pthread_mutex_unlock(&fetch->lock);
		transfer->landed++;
	}
	transfer->buffer = NULL;
	transfer->filled = 0;
	transfer->unit++;
}

static bool pause_if_full(struct transfer *transfer)
{
	struct fetch *fetch = transfer->file->fetch;
	bool pause;

	if (atomic_load(&fetch->buffered) <= FETCH_BUFFERED_MAX)
		return false;
	pthread_mutex_lock(&fetch->lock);
	/* Looked at again under the lock, so that the landing that would resume is not missed. */
	pause = atomic_load(&fetch->buffered) > FETCH_BUFFERED_MAX &&
		!atomic_load(&transfer->unwanted);
	if (pause && !transfer->paused) {
		transfer->paused = true;
		TAILQ_INSERT_TAIL(&fetch->paused, transfer, in_queue);
	}
	pthread_mutex_unlock(&fetch->lock);
	return pause;
}

int transfer_bytes(struct transfer *transfer, const void *data, size_t length)
{
	const unsigned char *next = data;

	if (atomic_load(&transfer->unwanted))
		return -ECANCELED;
	if (transfer->first_ms == 0)
		transfer->first_ms = loop_clock_ms();
	if (follow_starves(transfer) || pause_if_full(transfer)) {
		transfer->delayed = true;
		return -EAGAIN;
	}
	while (length > 0) {
		if (transfer->filled == 0) {
			int error = begin_unit(transfer);
			if (error != 0)
				return error;
		}
		size_t part = transfer->length - transfer->filled;
		if (part > length)
			part = length;
		if (!transfer->skipping)
			memcpy(transfer->buffer->bytes + transfer->filled, next, part);
		transfer->filled += part;
		atomic_fetch_add(&transfer->received, part);
		next += part;
		length -= part;
		if (transfer->filled == transfer->length)
			end_unit(transfer);
	}
	return 0;
}

void transfer_end_unsized(struct transfer *transfer)
{
	if (transfer->filled == 0)
		return;
	if (!transfer->skipping) {
		atomic_fetch_sub(&transfer->file->fetch->buffered,
				 transfer->buffer->length - transfer->filled);
		transfer->buffer->length = (uint32_t)transfer->filled;
	}
	end_unit(transfer);
}
