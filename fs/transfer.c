/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Transfers: which units travel together, taking what a source delivers, and trying again.
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

/* How often a transfer that brought nothing is tried again, and the first pause; each further one
 * is four times as long. Our choice: an origin that is gone is given up after two seconds. */
#define ATTEMPTS_MAX 3
#define BACKOFF_MS 100
/* Shorter ones tell little of what the source can do. Our choice. */
#define MEASURED_MIN 65536u
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

static void stream_locked(struct transfer *transfer)
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
			stream_locked(transfer);
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
		stream_locked(other);
		if (other->starved)
			follow_feed_locked(other);
	} else if (file->stream == NULL) {
		stream_locked(transfer);
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

/* The stream of a content whose size nobody knew is complete. */
static void end_unsized(struct transfer *transfer)
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
		end_unsized(transfer);
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
