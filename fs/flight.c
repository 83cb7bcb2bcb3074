/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Flights: the table, joining and leaving, landing, and what is kept a moment after landing.
 */
#include "fs/fetch_private.h"

#include <errno.h>
#include <stdlib.h>

struct buffer *buffer_create(uint32_t length)
{
	struct buffer *buffer = malloc(sizeof *buffer + length);

	if (buffer == NULL)
		return NULL;
	atomic_init(&buffer->references, 1);
	buffer->length = length;
	return buffer;
}

struct buffer *buffer_adopt(void *memory, uint32_t length)
{
	struct buffer *buffer = memory;

	atomic_init(&buffer->references, 1);
	buffer->length = length;
	return buffer;
}

struct buffer *buffer_get(struct buffer *buffer)
{
	atomic_fetch_add_explicit(&buffer->references, 1, memory_order_relaxed);
	return buffer;
}

void buffer_put(struct buffer *buffer)
{
	if (buffer != NULL &&
	    atomic_fetch_sub_explicit(&buffer->references, 1, memory_order_acq_rel) == 1)
		free(buffer);
}

static unsigned bucket_of(const struct fetch_file *file, uint32_t unit)
{
	return (unsigned)(((uintptr_t)file >> 6) + unit) % FLIGHT_BUCKETS;
}

struct flight *flight_find_locked(struct fetch_file *file, uint32_t unit)
{
	struct flight *flight;

	LIST_FOREACH (flight, &file->fetch->buckets[bucket_of(file, unit)], in_bucket)
		if (flight->file == file && flight->unit == unit)
			return flight;
	return NULL;
}

struct flight *flight_create_locked(struct fetch_file *file, uint32_t unit)
{
	struct flight *flight = calloc(1, sizeof *flight);

	if (flight == NULL)
		return NULL;
	flight->file = file;
	flight->unit = unit;
	LIST_INSERT_HEAD(&file->fetch->buckets[bucket_of(file, unit)], flight, in_bucket);
	LIST_INSERT_HEAD(&file->flights, flight, in_file);
	atomic_fetch_add(&file->flight_count, 1);
	return flight;
}

void fetch_witness_put(struct fetch_witness *witness)
{
	if (witness != NULL && atomic_fetch_sub(&witness->references, 1) == 1)
		free(witness);
}

void flight_witness_locked(struct flight *flight, struct fetch_witness *witness)
{
	if (witness == NULL)
		return;
	atomic_fetch_add(&witness->references, 1);
	flight->witness = witness;
}

void flight_free_locked(struct flight *flight)
{
	struct fetch_file *file = flight->file;

	if (flight->held) {
		TAILQ_REMOVE(&file->fetch->held, flight, in_held);
		file->fetch->held_octets -= flight->buffer->length;
	}
	errand_drop_locked(flight);
	LIST_REMOVE(flight, in_bucket);
	LIST_REMOVE(flight, in_file);
	atomic_fetch_add(&file->generation, 1);
	atomic_fetch_sub(&file->flight_count, 1);
	buffer_put(flight->buffer);
	fetch_witness_put(flight->witness);
	free(flight);
}

void flight_join_locked(struct flight *flight, struct fetch_piece *piece)
{
	piece->flight = flight;
	piece->next_waiting = flight->waiting;
	flight->waiting = piece;
	piece->read->pending++;
}

void flight_leave_locked(struct fetch_piece *piece)
{
	struct fetch_piece **link = &piece->flight->waiting;

	while (*link != piece)
		link = &(*link)->next_waiting;
	*link = piece->next_waiting;
	piece->flight = NULL;
	piece->read->pending--;
}

/* ALL false: those who want the unit in the store wait on. */
static void give_locked(struct flight *flight, int error, bool all)
{
	struct fetch_piece *piece, *next;

	for (piece = flight->waiting; piece != NULL; piece = next) {
		struct fetch_read *read = piece->read;

		next = piece->next_waiting;
		if (read->store_only && !all)
			continue;
		flight_leave_locked(piece);
		if (error == 0)
			piece->buffer = buffer_get(flight->buffer);
		else if (read->error == 0)
			read->error = error;
		if (read->pending == 0)
			read_end_locked(read, read->error);
	}
}

void flight_give_locked(struct flight *flight, int error)
{
	give_locked(flight, error, true);
}

void flight_fail_locked(struct flight *flight, int error)
{
	give_locked(flight, error, true);
	flight_free_locked(flight);
}

/* Of FLIGHT, landed, no reader was given anything yet. */
static void mark_fresh_locked(struct flight *flight)
{
	struct fetch_file *file = flight->file;

	if (file->fresh == NULL || flight->unit >= cutting_count(file->cutting))
		return;
	/* One that came before, and went again, may have been given partly. */
	if (file->fresh[flight->unit] == 0)
		atomic_fetch_add(&file->fresh_count, 1);
	file->fresh[flight->unit] = (uint8_t)flight->given;
}

static void hold_locked(struct flight *flight)
{
	struct fetch *fetch = flight->file->fetch;

	flight->held = true;
	flight->landed_ms = fetch->now_ms;
	TAILQ_INSERT_TAIL(&fetch->held, flight, in_held);
	fetch->held_octets += flight->buffer->length;
	while (fetch->held_octets > HELD_MAX)
		flight_free_locked(TAILQ_FIRST(&fetch->held));
}

void flights_forget_locked(struct fetch *fetch, int64_t older_than_ms)
{
	struct flight *flight;

	while ((flight = TAILQ_FIRST(&fetch->held)) != NULL && flight->landed_ms <= older_than_ms)
		flight_free_locked(flight);
}

/* FLIGHT's unit is kept: if it came from the origin, and was checked, others may have it of us. */
static void tell_fetched(const struct flight *flight, const struct content *content)
{
	struct nearby *nearby = flight->file->fetch->nearby;

	if (content != NULL && nearby != NULL && flight->given == GIVEN_ORIGIN)
		nearby->fetched(nearby, content,
				cutting_offset(flight->file->cutting, flight->unit));
}

/* After the last landing of a stream of unknown length the object gets its size. */
void flight_settled(struct fetch_file *file)
{
	struct fetch *fetch = file->fetch;
	struct fetch_read *whole = NULL;

	pthread_mutex_lock(&fetch->lock);
	bool finish = --file->landing == 0 && file->finishing;
	describe_settled_locked(file);
	pthread_mutex_unlock(&fetch->lock);

	int error = finish ? object_finish(file->object, file->finished_size) : 0;
	if (finish) {
		pthread_mutex_lock(&fetch->lock);
		if (error == 0)
			describe_sized_locked(fetch, file->object);
		file->finishing = false;
		whole = file->whole;
		file->whole = NULL;
		pthread_mutex_unlock(&fetch->lock);
	}
	while (whole != NULL) {
		struct fetch_read *next = whole->next;
		whole->done(whole, error);
		whole = next;
	}
	fetch_file_put(file);
}

static void settle_job(struct pool_job *job)
{
	flight_settled((struct fetch_file *)((char *)job - offsetof(struct fetch_file, job)));
}

void flight_finish_locked(struct fetch_file *file, uint64_t size)
{
	file->finished_size = size;
	file->finishing = true;
	file->landing++;
	file_get_locked(file);
	file->job.run = settle_job;
	pool_submit(file->fetch->pool, POOL_READER, &file->job);
}

void flight_accept(struct flight *flight)
{
	struct fetch_file *file = flight->file;
	struct fetch *fetch = file->fetch;

	pthread_mutex_lock(&fetch->lock);
	if (flight->state == FLIGHT_LANDING)
		mark_fresh_locked(flight);
	flight->state = FLIGHT_LANDED;
	give_locked(flight, 0, false);
	pthread_mutex_unlock(&fetch->lock);

	/* A store that cannot take it costs the next reader a fetch, not this one its bytes. */
	int error = object_write(file->object, flight->unit, flight->buffer->bytes,
				 flight->buffer->length);
	if (error == 0)
		tell_fetched(flight, file->content);
	if (error == 0 && flight->witness != NULL)
		flight->witness->stored(flight->witness, file->object, flight->unit);
	if (fetch->ledger != NULL && !(file->flags & FETCH_NEARBY_ONLY))
		ledger_note(fetch->ledger, file->path, file->validator, file->cutting, flight->unit,
			    flight->given, flight->why, &flight->from);

	pthread_mutex_lock(&fetch->lock);
	atomic_fetch_sub(&fetch->buffered, flight->buffer->length);
	flight->stored = true;
	give_locked(flight, 0, true);
	hold_locked(flight);
	transfer_resume_locked(fetch);
	pthread_mutex_unlock(&fetch->lock);
	flight_settled(file);
}

/* Its octets are checked before anybody sees them. */
static void land(struct pool_job *job)
{
	struct flight *flight = (struct flight *)((char *)job - offsetof(struct flight, job));

	int error = doubt_check(flight);

	if (error == 0)
		flight_accept(flight);
	else
		doubt_begin(flight, error);
}

static void leave_source_locked(struct flight *flight, struct buffer *buffer, enum given given)
{
	errand_drop_locked(flight);
	if (given != GIVEN_ORIGIN)
		transfer_leave_locked(flight);
	flight->transfer = NULL;
	flight->buffer = buffer;
	flight->given = given;
	flight->file->landing++;
	file_get_locked(flight->file);
	flight->job.run = land;
}

void flight_land_locked(struct flight *flight, struct buffer *buffer, enum given given)
{
	bool wanted = flight->waiting != NULL;

	leave_source_locked(flight, buffer, given);
	flight->state = FLIGHT_LANDING;
	pool_submit(flight->file->fetch->pool, wanted ? POOL_READER : POOL_AHEAD, &flight->job);
}

void flight_bring_locked(struct flight *flight, struct buffer *buffer, enum given given,
			 const struct xaddr *from)
{
	atomic_fetch_add(&flight->file->fetch->buffered, buffer->length);
	leave_source_locked(flight, buffer, given);
	flight->state = FLIGHT_LANDING;
	flight->from = *from;
}

void flight_believe_locked(struct flight *flight, struct buffer *buffer, enum given given)
{
	atomic_fetch_add(&flight->file->fetch->buffered, buffer->length);
	leave_source_locked(flight, buffer, given);
	flight->state = FLIGHT_LANDED;
	mark_fresh_locked(flight);
}
