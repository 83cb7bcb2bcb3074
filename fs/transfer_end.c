/* SPDX-License-Identifier: BSD-2-Clause
 *
 * How a transfer ends: it is tried again for what did not land, or who waits is told.
 */
#include "fs/fetch_private.h"

#include <errno.h>
#include <stdlib.h>

#include "origin/loop.h"
#include "origin/origin.h"

/* How often a transfer that brought nothing is tried again, and the first pause; each further one
 * is four times as long. Our choice: an origin that is gone is given up after two seconds. */
#define ATTEMPTS_MAX 3
#define BACKOFF_MS 100
/* Shorter ones tell little of what the source can do. Our choice. */
#define MEASURED_MIN 65536u

static bool waited_for_locked(const struct transfer *transfer, int error)
{
	const struct flight *flight;

	LIST_FOREACH (flight, &transfer->file->flights, in_file)
		if (flight->state == FLIGHT_WAITING && flight->transfer == transfer &&
		    flight->waiting != NULL)
			return true;
	return error != 0 && transfer->stream && transfer->file->whole != NULL;
}

static bool may_retry_locked(const struct transfer *transfer, int error)
{
	const struct fetch_file *file = transfer->file;

	if (file->fetch->stopping || file->dead != 0 || transfer->detached)
		return false;
	if ((file->flags & FETCH_ONE_ANSWER) && transfer->received > 0)
		return false;
	if (error != 0 && !origin_transient(error))
		return false;
	return transfer->attempts < ATTEMPTS_MAX && waited_for_locked(transfer, error);
}

/* Puts what has not landed on new transfers, which start after a pause unless the broken one had
 * brought something. Returns whether there are any. */
static bool retry_locked(struct transfer *transfer, int error)
{
	struct fetch_file *file = transfer->file;
	struct fetch *fetch = file->fetch;
	struct transfer_queue again = TAILQ_HEAD_INITIALIZER(again);
	/* Only ranges get on by this: a stream starts at octet 0 again. */
	bool progress = error != 0 && !transfer->stream && transfer->landed > 0;
	unsigned attempts = progress ? 0 : transfer->attempts + 1;
	int64_t pause = attempts == 0 ? 0 : BACKOFF_MS << (2 * (attempts - 1));
	uint32_t end = transfer->first + transfer->count;
	struct flight *flight;

	if (file->flags & (FETCH_NO_RANGES | FETCH_ONE_ANSWER)) {
		if (transfer_stream_locked(file, true, &again) != 0)
			return false;
		file->stream->why = transfer->why;
		LIST_FOREACH (flight, &file->flights, in_file)
			if (flight->state == FLIGHT_WAITING && flight->transfer == transfer)
				flight->transfer = file->stream;
	} else {
		for (uint32_t unit = transfer->unit; unit < end; unit++) {
			flight = flight_find_locked(file, unit);
			if (flight != NULL && flight->state == FLIGHT_WAITING &&
			    flight->transfer == transfer &&
			    transfer_assign_locked(flight, true, &again) != 0)
				flight->transfer = transfer;
		}
	}
	bool some = !TAILQ_EMPTY(&again);
	for (struct transfer *one = TAILQ_FIRST(&again), *after; one != NULL; one = after) {
		after = TAILQ_NEXT(one, in_queue);
		one->attempts = attempts;
		one->start_ms = fetch->now_ms + pause;
		TAILQ_REMOVE(&again, one, in_queue);
		TAILQ_INSERT_TAIL(&fetch->retries, one, in_queue);
	}
	return some;
}

/* What a reader is told. */
static int reader_error(int error)
{
	switch (error) {
	case -ESTALE:
	case -EACCES:
	case -ENOENT:
	case -ENOMEM:
		return error;
	default:
		return -EIO;
	}
}

static void fail_flights_locked(struct transfer *transfer, int error)
{
	struct fetch_file *file = transfer->file;
	struct flight *flight, *next;
	/* An answer that was complete, but did not bring what it should have: -EIO too. */
	int told = reader_error(error != 0 ? error : -EIO);
	if (error == -ECANCELED && file->dead != 0)
		told = file->dead;

	for (flight = LIST_FIRST(&file->flights); flight != NULL; flight = next) {
		next = LIST_NEXT(flight, in_file);
		if (flight->state != FLIGHT_WAITING || flight->transfer != transfer)
			continue;
		if (flight->errand != NULL) { /* which may still bring it */
			flight->transfer = NULL;
			continue;
		}
		if (flight->waiting != NULL && error != -ECANCELED)
			file_fail_locked(file, flight->unit, told);
		flight_fail_locked(flight, told);
	}
}

/* TRANSFER will not be tried again: what follows for all reads of what is missing. */
static void lose_locked(const struct transfer *transfer, int error)
{
	struct fetch_file *file = transfer->file;

	if (file->dead != 0 || (transfer->detached && error != -ESTALE))
		return;
	if (error == -ESTALE)
		file->dead = -ESTALE;
	else if ((file->flags & FETCH_ONE_ANSWER) && transfer->stream) {
		/* A second answer may be another version. */
		file->dead = error != 0 ? reader_error(error) : -ESTALE;
		file->answered = error == 0;
	}
}

static void end_whole_locked(struct transfer *transfer, int error)
{
	struct fetch_file *file = transfer->file;

	if (error == 0 && object_size(file->object) == STORE_SIZE_UNKNOWN) {
		flight_finish_locked(file, atomic_load(&transfer->received));
		return;
	}
	struct fetch_read *read = file->whole;
	file->whole = NULL;
	while (read != NULL) {
		struct fetch_read *next = read->next;
		read_end_locked(read, error == 0 ? 0 : reader_error(error));
		read = next;
	}
}

/* What the source takes lately: a fourth of it is what it took this time. */
static void measure_locked(const struct transfer *transfer)
{
	struct fetch *fetch = transfer->file->fetch;
	uint64_t octets = atomic_load(&transfer->received);
	int64_t took_ms = loop_clock_ms() - transfer->first_ms;

	if (transfer->delayed || transfer->first_ms == 0 || octets < MEASURED_MIN)
		return;
	uint64_t rate = octets * 1000 / (uint64_t)(took_ms > 0 ? took_ms : 1);
	uint64_t first = (uint64_t)(transfer->first_ms - transfer->began_ms);
	bool known = fetch->octets_per_second != 0;
	fetch->octets_per_second = known ? (3 * fetch->octets_per_second + rate) / 4 : rate;
	fetch->first_ms = known ? (3 * fetch->first_ms + first) / 4 : first;
	if (fetch->nearby != NULL)
		fetch->nearby->origin(fetch->nearby, fetch->octets_per_second,
				      (unsigned)fetch->first_ms);
}

void transfer_end(struct transfer *transfer, int error)
{
	struct fetch_file *file = transfer->file;
	struct fetch *fetch = file->fetch;

	bool measured =
		error == 0 && transfer->stream && object_size(file->object) == STORE_SIZE_UNKNOWN;

	if (measured)
		transfer_end_unsized(transfer);
	pthread_mutex_lock(&fetch->lock);
	if (transfer->paused)
		TAILQ_REMOVE(&fetch->paused, transfer, in_queue);
	transfer->paused = false;
	follow_leave_locked(transfer);
	if (error == 0)
		measure_locked(transfer);
	LIST_REMOVE(transfer, in_file);
	if (transfer->buffer != NULL)
		atomic_fetch_sub(&fetch->buffered, transfer->buffer->length);
	buffer_put(transfer->buffer);
	if (file->stream == transfer)
		file->stream = NULL;
	bool again =
		!measured && may_retry_locked(transfer, error) && retry_locked(transfer, error);
	if (!again)
		lose_locked(transfer, error);
	if (!again && transfer->stream)
		end_whole_locked(transfer, error);
	fail_flights_locked(transfer, error);
	transfer_resume_locked(fetch);
	file_put_locked(file);
	transfer->ended = true;
	bool starting = transfer->starting;
	pthread_mutex_unlock(&fetch->lock);
	if (!starting)
		free(transfer);
}
