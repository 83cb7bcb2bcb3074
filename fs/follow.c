/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Transfers that follow a sequential reader. On a long line each new answer costs a round trip, and
 * on a connection of its own a slow start too. So the request of a reader that has read on for a
 * while *reaches* further than what is wanted now: its answer is taken as far as the read-ahead
 * window has come, then waits ("starves") until the reader has moved on. When nobody does for a
 * moment, it is ended, for the connection's sake.
 *
 * Where somebody nearby gives a part of the file nothing is reached for, and nothing skipped over:
 * the long line is not to carry what is here.
 */
#include "fs/fetch_private.h"

/* How long an answer that nobody wants more of is kept. Our choice: longer than a reader takes
 * between two refills at the speed of a line that is worth it, shorter than others should wait for
 * a connection. */
#define STARVED_MS 300
/* Units that are skipped rather than asked for by a request of its own. Our choice. */
#define GAP_MAX 16u
/* For so long after one came from nearby, others may. Our choice: longer than a line that is worth
 * reaching on takes for what lies between two that are here, shorter than it takes for a segment.
 */
#define NEARBY_MS 2000

void follow_came_locked(struct fetch_file *file)
{
	file->nearby_until_ms = file->fetch->now_ms + NEARBY_MS;
}

static bool is_given_nearby_locked(const struct fetch_file *file)
{
	return file->fetch->now_ms < file->nearby_until_ms;
}

struct transfer *follow_find_locked(struct fetch_file *file, uint32_t unit)
{
	uint32_t gap_max = is_given_nearby_locked(file) ? 0 : GAP_MAX;
	struct transfer *transfer;

	LIST_FOREACH (transfer, &file->transfers, in_file) {
		uint32_t wanted = transfer->first + transfer->count;
		if (!transfer->stream && transfer_is_wanted(transfer) &&
		    unit >= transfer->next_unit && unit - transfer->first < transfer->reach &&
		    (unit < wanted || unit - wanted <= gap_max))
			return transfer;
	}
	return NULL;
}

void follow_feed_locked(struct transfer *transfer)
{
	struct fetch *fetch = transfer->file->fetch;

	TAILQ_REMOVE(&fetch->starved, transfer, in_queue);
	transfer->starved = false;
	if (transfer->handle != NULL)
		fetch->source->resume(fetch->source, transfer->handle);
	else
		transfer->owed = true;
}

void follow_want_locked(struct transfer *transfer, uint32_t unit)
{
	if (transfer->stream || unit - transfer->first < transfer->count)
		return;
	transfer->count = unit - transfer->first + 1;
	atomic_store(&transfer->wanted_end, unit + 1);
	if (transfer->starved)
		follow_feed_locked(transfer);
}

void follow_reach(struct fetch_file *file, uint64_t reach, struct transfer_queue *starting)
{
	struct transfer *last = TAILQ_LAST(starting, transfer_queue);
	bool present;

	/* Without a transfer nothing keeps FILE. */
	if (last == NULL || last->stream || reach == 0)
		return;
	uint32_t from = last->first + last->count;
	uint32_t units = cutting_unit_at(last->cutting, reach - 1) + 1;
	if (from >= units)
		return;
	uint32_t absent = object_extent(file->object, from, units - from, &present);
	pthread_mutex_lock(&file->fetch->lock);
	if (!present)
		follow_extend_locked(starting, from - 1, absent);
	pthread_mutex_unlock(&file->fetch->lock);
}

/* Whether a unit before UNIT is still sought: while those behind it are not, he who has some of
 * them is giving it, most likely. */
static bool is_passed_locked(const struct fetch_file *file, uint32_t unit)
{
	const struct flight *flight;

	LIST_FOREACH (flight, &file->flights, in_file)
		if (flight->errand != NULL && flight->unit < unit)
			return true;
	return false;
}

void follow_extend_locked(struct transfer_queue *starting, uint32_t unit, uint32_t units)
{
	struct transfer *last = TAILQ_LAST(starting, transfer_queue);

	if (last != NULL &&
	    (is_given_nearby_locked(last->file) || is_passed_locked(last->file, unit)))
		return;
	if (last != NULL && !last->stream && !last->detached &&
	    last->first + last->count == unit + 1 &&
	    flight_find_locked(last->file, unit + 1) == NULL)
		last->reach = last->count + units;
}

bool follow_starves(struct transfer *transfer)
{
	struct fetch *fetch = transfer->file->fetch;

	if (transfer->stream || transfer->unit < atomic_load(&transfer->wanted_end))
		return false;
	pthread_mutex_lock(&fetch->lock);
	bool starves = transfer->unit - transfer->first >= transfer->count &&
		       !atomic_load(&transfer->unwanted);
	if (starves && !transfer->starved) {
		transfer->starved = true;
		transfer->starved_ms = fetch->now_ms;
		TAILQ_INSERT_TAIL(&fetch->starved, transfer, in_queue);
	}
	pthread_mutex_unlock(&fetch->lock);
	return starves;
}

void follow_leave_locked(struct transfer *transfer)
{
	if (transfer->starved)
		TAILQ_REMOVE(&transfer->file->fetch->starved, transfer, in_queue);
	transfer->starved = false;
}

void follow_tick_locked(struct fetch *fetch)
{
	struct transfer *transfer;

	while ((transfer = TAILQ_FIRST(&fetch->starved)) != NULL &&
	       fetch->now_ms - transfer->starved_ms >= STARVED_MS) {
		atomic_store(&transfer->unwanted, true);
		follow_feed_locked(transfer);
	}
}
