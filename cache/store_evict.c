/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Which run goes when there is no room. The one that was used longest ago goes, to the second;
 * neither runs in use nor those of a wish. Content information is as young as the youngest data of
 * its object, which is looked up when its turn comes. Candidates come from the rows, oldest first,
 * a few at a time. Nothing can become older than a candidate, and one that was used meanwhile is
 * passed over; so the list stays right until it is used up.
 */
#include <errno.h>
#include <string.h>

#include "cache/store_segment_private.h"

/* A list of few may have been used as a whole while it was made: then another one. */
enum { LISTS = 2 };

/* ---- candidates, index.lock held ---- */

static int list_candidates(struct store *store)
{
	sqlite3_stmt *row = index_query(&store->index,
					"SELECT content, number, live IS NOT NULL, used FROM run"
					" WHERE pinned = 0 ORDER BY used, number LIMIT ?",
					"i", (int64_t)STORE_EVICTION_BATCH);
	int error;

	store->candidate_count = store->candidate_next = 0;
	while ((error = index_step(&store->index, row)) == 1)
		store->candidates[store->candidate_count++] = (struct eviction_candidate){
			.owner = (uint64_t)sqlite3_column_int64(row, 0),
			.number = (uint32_t)sqlite3_column_int64(row, 1),
			.pack = sqlite3_column_int(row, 2) != 0,
			.used = sqlite3_column_int64(row, 3),
		};
	return error;
}

uint64_t evict_named_content(struct store *store, uint64_t id)
{
	struct information information = {0};
	sqlite3_stmt *row = index_query(&store->index,
					"SELECT information FROM content WHERE id = ?"
					" AND length(information) = ?",
					"ii", (int64_t)id, (int64_t)sizeof(information));

	if (index_step(&store->index, row) == 1) {
		memcpy(&information, sqlite3_column_blob(row, 0), sizeof(information));
		index_done(row);
	}
	return information.file;
}

void evict_stranger(struct store *store, uint64_t id)
{
	struct file file = {.id = id, .fd = -1};
	uint64_t content = evict_named_content(store, id), cost;

	if (record_delete(store, id, &cost) != 0)
		return;
	if (!store->unlinked)
		file_remove(store, &file);
	if (content != 0)
		content_file_unlink(store, id, content);
	store_lock(store);
	store->used -= cost < store->used ? cost : store->used;
	store_unlock(store);
}

static struct run *take_pack(struct store *store, const struct eviction_candidate *candidate)
{
	struct pack *pack;
	struct run *run;

	store_lock(store);
	pack = pack_pin_indexed(store, candidate->owner);
	run = pack != NULL ? &pack->run : NULL;
	if (run != NULL &&
	    (run->pins > 1 || run->used != candidate->used || run_pack(run)->wished > 0)) {
		run_unpin(store, run);
		run = NULL;
	}
	store_unlock(store);
	return run;
}

/* When content information was last of use: a moment after the object's data; now if somebody has
 * the object. 0: it is of no use. Lock held, released meanwhile. */
static int64_t content_used(struct object *object, const struct run *run)
{
	struct store *store = object->store;
	int64_t now = store->now(), used;

	/* One reference is the caller's. */
	if (object->references > 1 || object->seized || run->pins > 1)
		return now;
	if (object->runs == 0 && (object->pack == 0 || !pack_present_indexed(object)))
		return 0;
	store_unlock(store);
	used = record_last_use(object);
	store_lock(store);
	/* Behind the data; and if it was there already they had their turn, and are in use. */
	return used >= run->used ? used + 1 : now;
}

/* Takes content information, whose run is pinned, from its object, of which nobody else has a
 * reference. The units are uniform again. Lock held. Whether there was memory for it. */
static bool take_content(struct object *object, struct content_leaving *leaving)
{
	struct cutting *uniform;

	if (cutting_uniform(object->size, &uniform) != 0)
		return false;
	object_content_leave(object, leaving);
	object_replace_cutting(object, uniform);
	object_mark_dirty(object);
	object->users++;
	return true;
}

/* As evict_take(), for content information; index.lock held. */
static struct run *take_content_candidate(struct store *store,
					  const struct eviction_candidate *candidate,
					  struct object *object)
{
	struct content_leaving leaving = {0};
	bool taken = false;
	struct run *run;
	int64_t used;

	store_lock(store);
	run = &run_pin_indexed(object, candidate->number)->run;
	if (run != NULL && !object->wished && run->used == candidate->used) {
		used = content_used(object, run);
		if (used > run->used) {
			run_touch(store, run, used);
			store->candidates_renewed = true;
		}
		/* content_used() may have given others the time to take it. */
		taken = used == 0 && object->references == 1 && !object->seized &&
			object->runs == 0 && object->pack == 0 && take_content(object, &leaving);
	}
	if (run != NULL && !taken)
		run_unpin(store, run);
	if (!taken) {
		object->references--;
		object_settle(object);
	}
	store_unlock(store);
	content_leaving_end(store, &leaving);
	return taken ? run : NULL;
}

struct run *evict_take(struct store *store, const struct eviction_candidate *candidate)
{
	struct object *object;
	struct run *run;

	if (candidate->pack)
		return take_pack(store, candidate);
	if (object_load(store, candidate->owner, &object) != 0) {
		evict_stranger(store, candidate->owner);
		return NULL;
	}
	if (candidate->number == STORE_CONTENT_RUN)
		return take_content_candidate(store, candidate, object);
	store_lock(store);
	run = &run_pin_indexed(object, candidate->number)->run;
	if (run != NULL && !object->seized && !object->wished && run->pins == 1 && !run->evicting &&
	    run->used == candidate->used) {
		object->users++;
		store_unlock(store);
		return run;
	}
	if (run != NULL)
		run_unpin(store, run);
	object->references--;
	object_settle(object);
	store_unlock(store);
	return NULL;
}

/* The run that was used longest ago, if before CUTOFF, taken; or NULL. */
static struct run *next_victim(struct store *store, int64_t cutoff)
{
	unsigned lists = 0;

	for (;;) {
		struct run *run;

		if (store->candidate_next == store->candidate_count) {
			/* One that became younger made way for others. */
			if (store->candidates_renewed)
				lists = 0;
			store->candidates_renewed = false;
			if (lists++ == LISTS || record_flush(store) != 0 ||
			    list_candidates(store) != 0)
				return NULL;
			if (store->candidate_count == 0)
				return NULL;
		}
		if (store->candidates[store->candidate_next].used >= cutoff)
			return NULL;
		run = evict_take(store, &store->candidates[store->candidate_next++]);
		if (run != NULL)
			return run;
	}
}

/* The first of GIVER's packs that nobody uses: numbers grow, so it was begun before the others. */
static struct run *next_of_giver(struct store *store, uint64_t giver)
{
	uint64_t ids[STORE_EVICTION_BATCH];
	struct run *victim = NULL;
	unsigned count = 0;
	sqlite3_stmt *row = index_query(&store->index,
					"SELECT content FROM run WHERE present = ?"
					" AND live IS NOT NULL AND present <> 0"
					" ORDER BY content LIMIT ?",
					"ii", (int64_t)giver, (int64_t)STORE_EVICTION_BATCH);

	while (index_step(&store->index, row) == 1)
		ids[count++] = (uint64_t)sqlite3_column_int64(row, 0);
	store_lock(store);
	for (unsigned i = 0; i < count && victim == NULL; i++) {
		struct pack *pack = pack_pin_indexed(store, ids[i]);

		if (pack != NULL && pack->run.pins == 1)
			victim = &pack->run;
		else if (pack != NULL)
			run_unpin(store, &pack->run);
	}
	store_unlock(store);
	return victim;
}

/* ---- taking away ---- */

/* What is read from now on finds it absent. Lock held. */
static void mark_absent(struct store *store, struct run *run)
{
	if (run->object != NULL) {
		run->evicting = true;
		run_set_present(object_run(run), 0);
		return;
	}
	if (run_pack(run)->giver == 0)
		store->contents -= run_pack(run)->live;
	pack_die(store, run_pack(run));
}

static int release_run(struct object *object, const struct run *run)
{
	struct store *store = object->store;
	const struct cutting *cutting = object->cutting;
	uint32_t first = run->number * STORE_RUN_UNITS;
	uint64_t start = cutting_offset(cutting, first), end = cutting_size(cutting);
	int fd, error;

	if (cutting_count(cutting) - first > STORE_RUN_UNITS)
		end = cutting_offset(cutting, first + STORE_RUN_UNITS);
	else
		end += store->block; /* or the block that the content ends in would stay */
	store_lock(store);
	fd = file_acquire(store, &object->file, FILE_READ, 0);
	store_unlock(store);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	error = file_punch(fd, start, end - start);
	store_lock(store);
	file_release(store, &object->file);
	store_unlock(store);
	return error;
}

static void take_away_run(struct store *store, struct run *run)
{
	struct object *object = run->object;
	/* The file of content information has lost its name already. */
	int error = run->number != STORE_CONTENT_RUN ? release_run(object, run) : 0;

	store_lock(store);
	if (error == 0) {
		store->evicted += run->cost;
		run_set_cost(store, run, 0);
	}
	run->evicting = false;
	run_unpin(store, run);
	object_end(object);
	store_unlock(store);
	object_put(object);
}

static void take_away_pack(struct store *store, struct run *run)
{
	file_remove(store, &run_pack(run)->file);
	store_lock(store);
	store->evicted += run->cost;
	store->used -= run->cost;
	run->cost = 0;
	run_unpin(store, run);
	store_unlock(store);
	object_bury(store);
}

int evict_run(struct store *store, struct run *run)
{
	if (run != NULL) {
		store_lock(store);
		mark_absent(store, run);
		store_unlock(store);
		/* Records first: a crash in between then costs nothing. If it cannot be written,
		 * the run stays marked and is tried again. */
		record_flush(store);
	}
	index_unlock(&store->index);
	if (run == NULL) {
		object_bury(store);
		return -ENOENT;
	}
	if (run->object != NULL)
		take_away_run(store, run);
	else
		take_away_pack(store, run);
	return 0;
}

/* GIVER 0: of all. */
static int evict_one(struct store *store, int64_t cutoff, uint64_t giver)
{
	index_lock(&store->index);
	return evict_run(store,
			 giver != 0 ? next_of_giver(store, giver) : next_victim(store, cutoff));
}

/* The run that was used longest ago, if that was before CUTOFF. -ENOENT: none. */
static int evict_oldest(struct store *store, int64_t cutoff)
{
	int error = evict_one(store, cutoff, 0);

	/* Segments that were found lately may be all that keeps content information here. */
	if (error == -ENOENT && cutoff == INT64_MAX && segment_release(store, INT64_MAX))
		error = evict_one(store, cutoff, 0);
	return error;
}

int evict_for(struct store *store, uint64_t giver)
{
	return giver != 0 ? evict_one(store, INT64_MAX, giver) : evict_oldest(store, INT64_MAX);
}

void store_set_max_age(struct store *store, int64_t max_age)
{
	store_lock(store);
	store->max_age = max_age;
	store_unlock(store);
}

int64_t store_max_age(struct store *store)
{
	store_lock(store);
	int64_t max_age = store->max_age;
	store_unlock(store);
	return max_age;
}

void store_expire(struct store *store)
{
	int64_t max_age = store_max_age(store);

	segment_release_idle(store);
	while (max_age > 0 && evict_oldest(store, store->now() - max_age) == 0)
		;
	store_tags_sweep(store);
}
