/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reads: which of their octets are in the store, which are on their way, which must be sent for;
 * waiting, and putting the answer together.
 */
#include "fs/fetch_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* How often a read starts over because what was present went bad or was evicted. Our choice. */
#define STARTS_MAX 4
/* A stream that brings less than this is no reason to wait longer (interface.md, timeout). */
#define STREAM_OCTETS_PER_SECOND 1024

int fetch_create(const struct fetch_options *options, struct fetch **fetch_out)
{
	struct fetch *fetch = calloc(1, sizeof *fetch);

	if (fetch == NULL)
		return -ENOMEM;
	pthread_mutex_init(&fetch->lock, NULL);
	fetch->pool = options->pool;
	fetch->source = options->source;
	fetch->nearby = options->nearby;
	fetch->ledger = options->ledger;
	fetch->judges = options->judges;
	fetch->timeout_ms = 1000 * (int64_t)options->timeout;
	TAILQ_INIT(&fetch->held);
	TAILQ_INIT(&fetch->paused);
	TAILQ_INIT(&fetch->starved);
	TAILQ_INIT(&fetch->retries);
	*fetch_out = fetch;
	return 0;
}

void fetch_destroy(struct fetch *fetch)
{
	if (fetch == NULL)
		return;
	pthread_mutex_destroy(&fetch->lock);
	free(fetch);
}

void fetch_set_timeout(struct fetch *fetch, unsigned timeout)
{
	pthread_mutex_lock(&fetch->lock);
	fetch->timeout_ms = 1000 * (int64_t)timeout;
	pthread_mutex_unlock(&fetch->lock);
}

void fetch_stop(struct fetch *fetch)
{
	struct fetch_file *file;
	struct transfer *transfer;

	pthread_mutex_lock(&fetch->lock);
	fetch->stopping = true;
	LIST_FOREACH (file, &fetch->files, in_fetch)
		LIST_FOREACH (transfer, &file->transfers, in_file)
			atomic_store(&transfer->unwanted, true);
	while ((transfer = TAILQ_FIRST(&fetch->starved)) != NULL)
		follow_feed_locked(transfer);
	transfer_resume_locked(fetch);
	pthread_mutex_unlock(&fetch->lock);
}

bool fetch_idle(struct fetch *fetch)
{
	pthread_mutex_lock(&fetch->lock);
	bool idle = fetch->file_count == 0;
	pthread_mutex_unlock(&fetch->lock);
	return idle;
}

void fetch_forget(struct fetch *fetch)
{
	pthread_mutex_lock(&fetch->lock);
	flights_forget_locked(fetch, INT64_MAX);
	pthread_mutex_unlock(&fetch->lock);
}

/* Reads: the end */

static void pieces_free(struct fetch_read *read)
{
	for (uint32_t i = 0; i < read->piece_count; i++)
		buffer_put(read->pieces[i].buffer);
	free(read->pieces);
	read->pieces = NULL;
	read->piece_count = 0;
}

static void account(struct fetch_read *read)
{
	if (!read->store_only && !read->uncounted)
		fetch_file_given(read->file, read->offset, read->length);
}

/* The run of pieces from FIRST on that are in the store, as one vector. Returns how many. */
static int read_stored(struct fetch_read *read, uint32_t first, struct iovec *vector)
{
	uint32_t i = first;
	size_t length = 0;

	for (; i < read->piece_count && read->pieces[i].buffer == NULL; i++)
		length += read->pieces[i].length;
	vector->iov_base = malloc(length);
	vector->iov_len = length;
	if (vector->iov_base == NULL)
		return -ENOMEM;
	int error = object_read(read->file->object, read->pieces[first].offset, length,
				vector->iov_base);
	return error != 0 ? error : (int)(i - first);
}

static void vectors_free(struct fetch_read *read, struct fetch_piece *const *sources)
{
	for (int i = 0; i < read->vector_count; i++)
		if (sources[i] == NULL)
			free(read->vectors[i].iov_base);
}

static int assemble(struct fetch_read *read, struct fetch_piece **sources)
{
	for (uint32_t i = 0; i < read->piece_count;) {
		struct fetch_piece *piece = &read->pieces[i];
		struct iovec *vector = &read->vectors[read->vector_count];
		if (piece->buffer != NULL) {
			vector->iov_base = piece->buffer->bytes + piece->skip;
			vector->iov_len = piece->length;
			sources[read->vector_count++] = piece;
			i++;
			continue;
		}
		sources[read->vector_count++] = NULL;
		int taken = read_stored(read, i, vector);
		if (taken < 0)
			return taken;
		i += (uint32_t)taken;
	}
	return 0;
}

/* Of a read that starts over: takes out of the store at once what is there, so that it cannot go
 * bad again while the read waits for the rest. PRESENT as in look_up(). */
static void secure_pieces(struct fetch_read *read, const struct cutting *cutting, bool *present)
{
	struct object *object = read->file->object;

	for (uint32_t i = 0; i < read->piece_count; i++) {
		struct fetch_piece *piece = &read->pieces[i];
		uint32_t length = cutting_length(cutting, piece->unit);
		if (!present[i] || piece->buffer != NULL)
			continue;
		struct buffer *buffer = buffer_create(length);
		present[i] =
			buffer != NULL && object_read(object, cutting_offset(cutting, piece->unit),
						      length, buffer->bytes) == 0;
		if (present[i])
			piece->buffer = buffer;
		else
			buffer_put(buffer);
	}
}

static void start_over(struct fetch_read *read)
{
	pieces_free(read);
	if (++read->attempts >= STARTS_MAX) {
		read->done(read, -EIO);
		return;
	}
	fetch_read(read);
}

/* All pieces are there, or an error is; -EAGAIN: to begin anew. No lock is held. */
static void finish(struct fetch_read *read, int error)
{
	if (error == -EAGAIN) {
		pieces_free(read);
		fetch_read(read);
		return;
	}
	/* FETCH_READ_BUSY must not be taken for the wish to begin anew. */
	if (error == FETCH_READ_BUSY && (read->file->flags & FETCH_NEARBY_ONLY))
		error = -EAGAIN;
	if (error != 0 || read->store_only || read->piece_count == 0) {
		pieces_free(read);
		read->done(read, error);
		return;
	}
	struct iovec *vectors = calloc(read->piece_count, sizeof *vectors);
	struct fetch_piece **sources = calloc(read->piece_count, sizeof(struct fetch_piece *));
	read->vectors = vectors;
	read->vector_count = 0;
	error = vectors != NULL && sources != NULL ? assemble(read, sources) : -ENOMEM;
	/* done may free READ: what is to be freed after it is taken out first. */
	struct fetch_read rest = *read;
	if (error == 0) {
		account(read);
		read->done(read, 0);
		pieces_free(&rest);
	}
	vectors_free(&rest, sources);
	free(vectors);
	free(sources);
	if (error == -ENOENT || error == -EBADMSG) {
		start_over(read);
	} else if (error != 0) {
		pieces_free(read);
		read->done(read, -EIO);
	}
}

static void finish_job(struct pool_job *job)
{
	struct fetch_read *read =
		(struct fetch_read *)((char *)job - offsetof(struct fetch_read, job));

	finish(read, read->error);
}

static void unlink_waiting_locked(struct fetch_read *read)
{
	struct fetch *fetch = read->file->fetch;

	if (!read->waiting)
		return;
	*(read->previous ? &read->previous->next : &fetch->first_waiting) = read->next;
	*(read->next ? &read->next->previous : &fetch->last_waiting) = read->previous;
	read->waiting = false;
}

static void link_waiting_locked(struct fetch_read *read)
{
	struct fetch *fetch = read->file->fetch;

	read->deadline_ms = fetch->now_ms + fetch->timeout_ms;
	read->mark = read->file->stream ? atomic_load(&read->file->stream->received) : 0;
	read->next = NULL;
	read->previous = fetch->last_waiting;
	*(read->previous ? &read->previous->next : &fetch->first_waiting) = read;
	fetch->last_waiting = read;
	read->waiting = true;
}

void read_end_locked(struct fetch_read *read, int error)
{
	unlink_waiting_locked(read);
	read->error = error;
	read->job.run = finish_job;
	pool_submit(read->file->fetch->pool, POOL_READER, &read->job);
}

static void leave_all_locked(struct fetch_read *read)
{
	for (uint32_t i = 0; i < read->piece_count; i++)
		if (read->pieces[i].flight != NULL)
			flight_leave_locked(&read->pieces[i]);
}

void read_park_locked(struct fetch_read *read)
{
	leave_all_locked(read);
	unlink_waiting_locked(read);
	TAILQ_INSERT_TAIL(&read->file->parked, read, in_parked);
}

void reads_restart_locked(struct fetch_file *file, int error)
{
	struct fetch_read *read;

	while ((read = TAILQ_FIRST(&file->parked)) != NULL) {
		TAILQ_REMOVE(&file->parked, read, in_parked);
		read_end_locked(read, error);
	}
}

/* Reads: the beginning */

/* Whether all is in the store and nothing newer is in memory; then READ is done. */
static bool read_from_store(struct fetch_read *read)
{
	struct fetch_file *file = read->file;

	if (atomic_load(&file->flight_count) > 0 || read->store_only)
		return false;
	struct iovec vector = {malloc(read->length), read->length};
	if (vector.iov_base == NULL ||
	    object_read(file->object, read->offset, read->length, vector.iov_base) != 0) {
		free(vector.iov_base);
		return false;
	}
	read->vectors = &vector;
	read->vector_count = 1;
	account(read);
	read->done(read, 0);
	free(vector.iov_base);
	return true;
}

static int cut_into_pieces(struct fetch_read *read, const struct cutting *cutting)
{
	uint64_t offset = read->offset, end = read->offset + read->length;
	uint32_t first = cutting_unit_at(cutting, offset);

	read->piece_count = cutting_unit_at(cutting, end - 1) - first + 1;
	read->pieces = calloc(read->piece_count, sizeof *read->pieces);
	if (read->pieces == NULL) {
		read->piece_count = 0;
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < read->piece_count; i++) {
		struct fetch_piece *piece = &read->pieces[i];
		uint64_t start = cutting_offset(cutting, first + i);
		uint64_t stop = start + cutting_length(cutting, first + i);
		piece->read = read;
		piece->unit = first + i;
		piece->offset = offset;
		piece->skip = (uint32_t)(offset - start);
		piece->length = (uint32_t)((stop < end ? stop : end) - offset);
		offset += piece->length;
	}
	return 0;
}

/* One octet per unit from FIRST on: whether the store has it. In the middle of a change it may have
 * fewer units. */
static void look_up(struct object *object, uint32_t first, uint32_t count, bool *present)
{
	uint32_t length;

	memset(present, 0, count * sizeof *present);
	for (uint32_t done = 0; done < count; done += length) {
		bool here;
		length = object_extent(object, first + done, count - done, &here);
		if (length == 0)
			return;
		memset(present + done, here, length);
	}
}

/* What is to be begun when the lock is no longer held. */
struct departures {
	struct transfer_queue transfers;
	struct errand_queue errands;
	bool decided;
	unsigned why; /* if it was decided: errand_why_not_locked() */
};

static int send_locked(struct flight *flight, bool urgent, struct departures *departures)
{
	if (!departures->decided)
		departures->why = errand_why_not_locked(flight->file);
	departures->decided = true;
	flight->why = departures->why;
	if (flight->why == 0)
		return errand_assign_locked(flight, urgent, &departures->errands);
	if (flight->file->flags & FETCH_NEARBY_ONLY)
		return -ENODATA;
	return transfer_assign_locked(flight, urgent, &departures->transfers);
}

/* Lets PIECE (NULL: nobody) of READ have UNIT, which the store has not. */
static int want_locked(struct fetch_read *read, uint32_t unit, bool present,
		       struct fetch_piece *piece, struct departures *departures)
{
	struct fetch_file *file = read->file;
	struct flight *flight = flight_find_locked(file, unit);

	if ((flight == NULL && present) || (piece != NULL && piece->buffer != NULL))
		return 0;
	if (flight == NULL) {
		int error = file->dead != 0 ? file->dead : file_failure_locked(file, unit);
		if (error == 0 && file->fetch->stopping)
			error = -EIO;
		if (error != 0)
			return error;
		flight = flight_create_locked(file, unit);
		if (flight == NULL)
			return -ENOMEM;
		error = send_locked(flight, piece != NULL, departures);
		if (error != 0) {
			flight_free_locked(flight);
			return error;
		}
		flight_witness_locked(flight, read->witness);
	} else if (flight->state == FLIGHT_WAITING) {
		/* A block that came too late for one reader is not waited for by the next at once.
		 */
		int error = piece != NULL ? file_failure_locked(file, unit) : 0;
		if (error == 0)
			error = transfer_want_locked(flight, piece != NULL, &departures->transfers);
		if (error != 0)
			return error;
	}
	if (piece == NULL)
		return 0;
	if (flight->state == FLIGHT_LANDED && (flight->stored || !piece->read->store_only)) {
		piece->buffer = buffer_get(flight->buffer);
		return 0;
	}
	transfer_hurry_locked(flight->transfer);
	errand_hurry_locked(flight);
	flight_join_locked(flight, piece);
	return 0;
}

/* What a read wants, unit by unit: its own, then those to be read ahead. */
struct wants {
	unsigned changed; /* file->changed, when the units were these */
	const struct cutting *cutting;
	uint32_t first, count;
	bool *present;
};

/* Whether READ must wait until it is known whether there is content information, or until the units
 * are others. Meanwhile nothing is read ahead. */
static bool parks_locked(struct fetch_read *read, struct wants *wants, bool *ask_out)
{
	struct fetch_file *file = read->file;

	if (file->asking == FILE_ASKED && file->change == NULL)
		return false;
	/* The store has other units already: what it said was of those. */
	if (object_cutting(file->object) != wants->cutting && file->change != NULL)
		memset(wants->present, 0, wants->count * sizeof *wants->present);
	for (uint32_t i = 0; i < read->piece_count; i++)
		if (!wants->present[i] && read->pieces[i].buffer == NULL &&
		    flight_find_locked(file, wants->first + i) == NULL &&
		    describe_parks_locked(file, ask_out)) {
			read_park_locked(read);
			return true;
		}
	wants->count = read->piece_count;
	return false;
}

/* Joins or starts the flights of READ and of what is to be read ahead. Returns whether READ waits;
 * if not it must be finished with *error_out. */
static bool depart_locked(struct fetch_read *read, const struct wants *wants,
			  struct departures *departures, int *error_out)
{
	int error = 0;

	for (uint32_t i = 0; i < wants->count && error == 0; i++) {
		bool ahead = i >= read->piece_count;
		error = want_locked(read, wants->first + i, wants->present[i],
				    ahead ? NULL : &read->pieces[i], departures);
		if (error != 0 && ahead) {
			error = 0; /* nobody's error */
			break;
		}
	}
	if (error != 0)
		leave_all_locked(read);
	*error_out = error;
	if (read->pending == 0)
		return false;
	link_waiting_locked(read);
	return true;
}

/* Finds out what the store has, and takes the lock. -EAGAIN, without the lock: the units are others
 * by now. */
static int look_up_and_lock(struct fetch_read *read, const struct wants *wants)
{
	struct fetch_file *file = read->file;
	struct fetch *fetch = file->fetch;

	for (;;) {
		unsigned generation = atomic_load(&file->generation);
		look_up(file->object, wants->first, wants->count, wants->present);
		if (read->attempts > 0 && !read->store_only)
			secure_pieces(read, wants->cutting, wants->present);
		pthread_mutex_lock(&fetch->lock);
		bool changed = wants->changed != atomic_load(&file->changed);
		if (!changed && generation == atomic_load(&file->generation))
			return 0;
		pthread_mutex_unlock(&fetch->lock);
		if (changed)
			return -EAGAIN;
	}
}

static int want_units(struct fetch_read *read, struct wants *wants)
{
	uint64_t end = read->offset + read->length;

	wants->changed = atomic_load(&read->file->changed);
	wants->cutting = read->file->cutting;
	int error = cut_into_pieces(read, wants->cutting);
	if (error != 0)
		return error;
	if (read->ahead > end)
		end = read->ahead;
	wants->first = read->pieces[0].unit;
	wants->count = cutting_unit_at(wants->cutting, end - 1) - wants->first + 1;
	wants->present = malloc(wants->count * sizeof *wants->present);
	return wants->present != NULL ? 0 : -ENOMEM;
}

/* Has READ wait for what it lacks, or finishes it. */
static void depart(struct fetch_read *read, struct wants *wants)
{
	struct fetch_file *file = read->file;
	struct fetch *fetch = file->fetch;
	struct departures departures = {TAILQ_HEAD_INITIALIZER(departures.transfers),
					TAILQ_HEAD_INITIALIZER(departures.errands), false, 0};
	uint64_t reach = read->reach;
	bool ask = false, waits = false;
	int error = look_up_and_lock(read, wants);

	if (error == 0) {
		bool parked = parks_locked(read, wants, &ask);
		if (ask)
			file_get_locked(file);
		waits = parked || depart_locked(read, wants, &departures, &error);
		pthread_mutex_unlock(&fetch->lock);
	}
	if (ask)
		fetch->judges.ask(fetch->judges.owner, file);
	if (!ask) {
		follow_reach(file, reach, &departures.transfers);
		errand_reach(&departures.errands, reach);
	}
	transfers_start(fetch, &departures.transfers);
	errands_start(fetch, &departures.errands);
	if (!waits)
		finish(read, error);
}

void fetch_read(struct fetch_read *read)
{
	struct wants wants = {.present = NULL};

	read->vectors = NULL;
	read->vector_count = 0;
	read->pieces = NULL;
	read->piece_count = read->pending = 0;
	read->error = 0;
	read->waiting = false;
	if (read->length == 0 || atomic_load(&read->file->replaced)) {
		finish(read, read->length == 0 ? 0 : -ESTALE);
		return;
	}
	if (read->ahead <= read->offset + read->length && read_from_store(read))
		return;
	int error = want_units(read, &wants);
	if (error == 0)
		depart(read, &wants);
	else
		finish(read, error);
	free(wants.present);
}

void fetch_whole(struct fetch_read *read)
{
	struct fetch_file *file = read->file;
	struct fetch *fetch = file->fetch;
	struct transfer_queue starting = TAILQ_HEAD_INITIALIZER(starting);

	read->piece_count = 0;
	read->pieces = NULL;
	read->waiting = false;
	pthread_mutex_lock(&fetch->lock);
	int error = 0;
	bool waits = file->finishing;
	if (!waits && object_size(file->object) == STORE_SIZE_UNKNOWN) {
		error = transfer_stream_locked(file, true, &starting);
		waits = error == 0;
	}
	if (waits) {
		read->next = file->whole;
		file->whole = read;
	}
	pthread_mutex_unlock(&fetch->lock);
	transfers_start(fetch, &starting);
	if (!waits)
		read->done(read, error);
}

/* Time */

static bool still_coming_locked(const struct fetch_read *read)
{
	const struct transfer *stream = read->file->stream;

	if (stream == NULL)
		return false;
	uint64_t received = atomic_load(&stream->received);
	uint64_t since = received < read->mark ? received : received - read->mark;
	return since >= STREAM_OCTETS_PER_SECOND * (uint64_t)read->file->fetch->timeout_ms / 1000;
}

void fetch_tick(struct fetch *fetch, int64_t now_ms)
{
	struct transfer_queue starting = TAILQ_HEAD_INITIALIZER(starting);
	struct fetch_read *read;

	pthread_mutex_lock(&fetch->lock);
	fetch->now_ms = now_ms;
	while ((read = fetch->first_waiting) != NULL && read->deadline_ms <= now_ms) {
		unlink_waiting_locked(read);
		if (still_coming_locked(read)) {
			link_waiting_locked(read);
			continue;
		}
		for (uint32_t i = 0; i < read->piece_count; i++)
			if (read->pieces[i].flight != NULL &&
			    !(read->file->flags & FETCH_NEARBY_ONLY))
				file_fail_locked(read->file, read->pieces[i].unit, -EIO);
		leave_all_locked(read);
		read_end_locked(read, -ETIMEDOUT);
	}
	for (read = fetch->first_waiting;
	     read != NULL && read->deadline_ms - fetch->timeout_ms / 2 <= now_ms; read = read->next)
		errand_overdue_locked(read, &starting);
	describe_tick_locked(fetch);
	follow_tick_locked(fetch);
	flights_forget_locked(fetch, now_ms - HELD_MS);
	bool retries = !TAILQ_EMPTY(&fetch->retries);
	pthread_mutex_unlock(&fetch->lock);
	transfers_start(fetch, &starting);
	if (retries)
		transfers_retry(fetch);
}
