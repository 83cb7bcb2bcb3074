/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Errands: units that are sought nearby before the origin is asked for them. An errand ends by
 * bringing its unit, by being refused, upon which the unit goes on a transfer together with its
 * neighbours, or because the unit came from elsewhere first. While one is late its unit is on a
 * transfer as well, and whoever comes first counts.
 */
#include "fs/fetch_private.h"

#include <errno.h>
#include <stdlib.h>

/* Handed over at once, at most: more than a read-ahead window has, since what is refused together
 * travels together. Our choice. */
#define BATCH 512u

struct errand {
	struct neighbours_want want; /* first, so that one pointer is the other */
	struct fetch_file *file;     /* a reference */
	struct flight *flight;       /* NULL: not wanted any more */
	TAILQ_ENTRY(errand) in_queue;
	uint32_t reach; /* units behind it that a request may ask for as well */
	bool hurried;
	bool seeking; /* being handed over: whichever of that and the end comes last frees it */
	bool ended;
	struct pool_job job;
};

static struct errand *errand_of(struct neighbours_want *want)
{
	return (struct errand *)want;
}

unsigned errand_why_not_locked(const struct fetch_file *file)
{
	struct nearby *nearby = file->fetch->nearby;

	if (file->content == NULL)
		return LEDGER_NO_INFORMATION;
	/* With a stream all of it comes from the origin already. */
	if (file->stream != NULL && file->stream->why != 0)
		return file->stream->why;
	if (nearby == NULL || file->stream != NULL || file->fetch->stopping)
		return LEDGER_MODE;
	return nearby->why_not(nearby);
}

static void release(struct errand *errand)
{
	content_put(errand->want.content);
	fetch_file_put(errand->file);
	free(errand);
}

static void release_job(struct pool_job *job)
{
	release((struct errand *)((char *)job - offsetof(struct errand, job)));
}

/* What it holds may be the last of its kind, and take a while to go. */
static void end_locked(struct errand *errand)
{
	if (!errand->ended)
		errand->file->fetch->sought -= errand->want.length;
	errand->ended = true;
	if (errand->seeking)
		return;
	errand->job.run = release_job;
	pool_submit(errand->file->fetch->pool, POOL_AHEAD, &errand->job);
}

static void part_locked(struct errand *errand)
{
	if (errand->flight != NULL)
		errand->flight->errand = NULL;
	errand->flight = NULL;
}

void errand_hurry_locked(struct flight *flight)
{
	struct errand *errand = flight->errand;
	struct nearby *nearby = flight->file->fetch->nearby;

	if (errand == NULL || errand->hurried)
		return;
	errand->hurried = true;
	if (!errand->seeking)
		nearby->hurry(nearby, &errand->want);
}

void errand_drop_locked(struct flight *flight)
{
	struct errand *errand = flight->errand;
	struct nearby *nearby = flight->file->fetch->nearby;

	if (errand == NULL)
		return;
	part_locked(errand);
	if (!errand->seeking && nearby->drop(nearby, &errand->want))
		end_locked(errand);
}

/* FLIGHT of FETCH_NEARBY_ONLY, whose errand was refused for REASON, has nowhere else to go. */
static void give_up_locked(struct flight *flight, enum seeker_reason reason)
{
	switch (reason) {
	case SEEKER_EMPTY:
	case SEEKER_BAD:
	case SEEKER_TIMEOUT:
	case SEEKER_FAILED:
	case SEEKER_BANNED:
	case SEEKER_BUSY:
		flight_fail_locked(flight, FETCH_READ_BUSY);
		break;
	default: /* nobody has it */
		flight_fail_locked(flight, -ENODATA);
	}
}

static bool is_nearby_only(const struct fetch_file *file)
{
	return (file->flags & FETCH_NEARBY_ONLY) != 0;
}

/* The unit goes on a transfer, unless it is on one. */
static void send_on_locked(struct flight *flight, struct transfer_queue *starting)
{
	const struct fetch_file *file = flight->file;
	bool urgent = flight->waiting != NULL;
	int error = file->fetch->stopping ? -EIO : file->dead;

	/* One that only comes by must not stop before it. */
	if (error == 0)
		error = flight->transfer != NULL ? transfer_want_locked(flight, urgent, starting)
						 : transfer_assign_locked(flight, urgent, starting);
	else if (flight->transfer != NULL)
		return; /* which may still bring it */
	if (error != 0 && flight->errand == NULL)
		flight_fail_locked(flight, error);
}

/* Nobody here has it, or what follows, as far as can be told. Who is chosen to fetch a part, or has
 * got another from somebody, goes on with what follows as it comes. */
static bool reaches(enum seeker_reason reason)
{
	return reason == SEEKER_ALONE || reason == SEEKER_NO_ANSWER;
}

static void refused(struct neighbours_want *const *wants, unsigned count, enum seeker_reason reason)
{
	struct fetch *fetch = errand_of(wants[0])->file->fetch;
	struct transfer_queue starting = TAILQ_HEAD_INITIALIZER(starting);

	pthread_mutex_lock(&fetch->lock);
	for (unsigned i = 0; i < count; i++) {
		struct errand *errand = errand_of(wants[i]);
		struct flight *flight = errand->flight;
		part_locked(errand);
		if (flight != NULL && is_nearby_only(errand->file)) {
			give_up_locked(flight, reason);
		} else if (flight != NULL) {
			uint32_t unit = flight->unit;
			flight->why = LEDGER_SEEKER + reason;
			send_on_locked(flight, &starting);
			if (errand->reach > 0 && reaches(reason))
				follow_extend_locked(&starting, unit, errand->reach);
		}
		end_locked(errand);
	}
	pthread_mutex_unlock(&fetch->lock);
	transfers_start(fetch, &starting);
}

static struct fetch_file *find_file_locked(struct fetch *fetch, uint64_t number)
{
	struct fetch_file *file;

	LIST_FOREACH (file, &fetch->files, in_fetch)
		if (file->number == number)
			return file;
	return NULL;
}

static struct flight *find_late_locked(struct fetch_file *file, uint64_t offset)
{
	if (offset >= cutting_size(file->cutting))
		return NULL;
	struct flight *flight = flight_find_locked(file, cutting_unit_at(file->cutting, offset));
	return flight != NULL && flight->errand != NULL ? flight : NULL;
}

static void late(void *owner, uint64_t stream, const uint64_t *offsets, unsigned count,
		 enum seeker_reason reason)
{
	struct fetch *fetch = owner;
	struct transfer_queue starting = TAILQ_HEAD_INITIALIZER(starting);

	pthread_mutex_lock(&fetch->lock);
	struct fetch_file *file = find_file_locked(fetch, stream);
	for (unsigned i = 0; file != NULL && i < count; i++) {
		struct flight *flight = find_late_locked(file, offsets[i]);
		if (flight == NULL || is_nearby_only(file))
			continue; /* or there is nothing but to wait on */
		flight->why = LEDGER_SEEKER + reason;
		send_on_locked(flight, &starting);
	}
	pthread_mutex_unlock(&fetch->lock);
	transfers_start(fetch, &starting);
}

void errand_overdue_locked(struct fetch_read *read, struct transfer_queue *starting)
{
	for (uint32_t i = 0; i < read->piece_count && !is_nearby_only(read->file); i++) {
		struct flight *flight = read->pieces[i].flight;
		if (flight == NULL || flight->errand == NULL || flight->transfer != NULL)
			continue;
		flight->why = LEDGER_SEEKER + SEEKER_TIMEOUT;
		send_on_locked(flight, starting);
	}
}

static void came(struct neighbours_want *want, void *memory, const struct xaddr *from, bool hosted)
{
	struct errand *errand = errand_of(want);
	struct fetch *fetch = errand->file->fetch;
	struct buffer *buffer = buffer_adopt(memory, want->length);

	pthread_mutex_lock(&fetch->lock);
	struct flight *flight = errand->flight;
	part_locked(errand);
	follow_came_locked(errand->file);
	if (flight != NULL)
		flight_bring_locked(flight, buffer, hosted ? GIVEN_HOSTED : GIVEN_PEER, from);
	end_locked(errand);
	pthread_mutex_unlock(&fetch->lock);
	if (flight != NULL)
		flight_accept(flight);
	else
		buffer_put(buffer);
}

int errand_assign_locked(struct flight *flight, bool urgent, struct errand_queue *leaving)
{
	struct fetch_file *file = flight->file;
	struct fetch *fetch = file->fetch;

	/* What comes from nearby cannot be paused, but is bounded like what comes from the origin.
	 */
	if (!urgent && fetch->sought + atomic_load(&fetch->buffered) > FETCH_BUFFERED_MAX)
		return -EAGAIN;
	struct errand *errand = calloc(1, sizeof *errand);
	if (errand == NULL)
		return -ENOMEM;
	errand->want = (struct neighbours_want){
		.content = content_get(file->content),
		.stream = file->number,
		.offset = cutting_offset(file->cutting, flight->unit),
		.length = cutting_length(file->cutting, flight->unit),
		.urgent = urgent,
		.head_room = offsetof(struct buffer, bytes),
		.came = came,
		.refused = refused,
		.late = late,
		.owner = fetch,
	};
	fetch->sought += errand->want.length;
	errand->file = file;
	errand->hurried = urgent;
	errand->seeking = true;
	errand->flight = flight;
	flight->errand = errand;
	file_get_locked(file);
	TAILQ_INSERT_TAIL(leaving, errand, in_queue);
	return 0;
}

void errand_reach(struct errand_queue *leaving, uint64_t reach)
{
	struct errand *last = TAILQ_LAST(leaving, errand_queue);
	bool present;

	if (last == NULL || reach <= last->want.offset)
		return;
	const struct cutting *cutting = last->file->cutting;
	uint32_t from = cutting_unit_at(cutting, last->want.offset) + 1;
	uint32_t units = cutting_unit_at(cutting, reach - 1) + 1;
	if (from >= units)
		return;
	uint32_t absent = object_extent(last->file->object, from, units - from, &present);
	if (!present)
		last->reach = absent;
}

/* The hand-over is through: what came up meanwhile is made good. */
static void handed_over_locked(struct errand *errand, bool urgent)
{
	struct nearby *nearby = errand->file->fetch->nearby;

	errand->seeking = false;
	if (errand->ended)
		end_locked(errand);
	else if (errand->flight == NULL) {
		if (nearby->drop(nearby, &errand->want))
			end_locked(errand);
	} else if (errand->hurried && !urgent) {
		nearby->hurry(nearby, &errand->want);
	}
}

static void hand_over(struct fetch *fetch, struct errand *const *errands, unsigned count)
{
	struct neighbours_want *wants[BATCH];
	bool urgent[BATCH];

	for (unsigned i = 0; i < count; i++) {
		wants[i] = &errands[i]->want;
		urgent[i] = wants[i]->urgent;
	}
	fetch->nearby->seek(fetch->nearby, wants, count);
	pthread_mutex_lock(&fetch->lock);
	for (unsigned i = 0; i < count; i++)
		handed_over_locked(errands[i], urgent[i]);
	pthread_mutex_unlock(&fetch->lock);
}

void errands_start(struct fetch *fetch, struct errand_queue *leaving)
{
	struct errand *errands[BATCH];
	struct errand *errand;
	unsigned count = 0;

	while ((errand = TAILQ_FIRST(leaving)) != NULL) {
		TAILQ_REMOVE(leaving, errand, in_queue);
		errands[count++] = errand;
		if (count == BATCH || TAILQ_EMPTY(leaving)) {
			hand_over(fetch, errands, count);
			count = 0;
		}
	}
}
