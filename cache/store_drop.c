/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What is no longer wanted: objects emptied, versions superseded, paths cleared. An object that is
 * in use stays valid and empty, and keeps its units and what describes them, since somebody may be
 * counting in them. Its file loses its name as a whole, so nothing is punched under anybody.
 */
#include <errno.h>
#include <stdlib.h>

#include "cache/store_segment_private.h"

/* Our choice: packs cleared in one transaction, when each may have many opaque blocks' rows. */
enum { OPAQUE_CLEARED = 4 };

/* Takes the runs of OBJECT out of memory; it is seized. Both locks held. Returns their cost. */
static uint64_t forget_runs(struct object *object)
{
	struct store *store = object->store;
	struct run *run, *next;
	uint64_t cost = 0;

	for (run = TAILQ_FIRST(&store->runs); run != NULL && object->loaded > 0; run = next) {
		next = TAILQ_NEXT(run, age);
		if (run->object != object)
			continue;
		cost += run->cost;
		if (run->dirty)
			TAILQ_REMOVE(&store->dirty_runs, run, dirty_link);
		if (run->touched)
			TAILQ_REMOVE(&store->touched_runs, run, dirty_link);
		LIST_REMOVE(run, bucket);
		TAILQ_REMOVE(&store->runs, run, age);
		store->run_count--;
		object->loaded--;
		free(run);
	}
	return cost;
}

uint64_t object_forget_begin(struct object *object, bool keep_pack)
{
	struct store *store = object->store;
	uint64_t recorded = 0, loaded;

	index_lock(&store->index);
	/* What cannot be written (a failing disk) is at least known in memory. */
	if (record_flush(store) == 0)
		record_delete(store, object->id, &recorded);
	store_lock(store);
	if (object->pack != 0 && !keep_pack)
		pack_forget(object);
	loaded = forget_runs(object);
	if (object->runs > 0)
		store->contents -= store->contents > 0;
	object->runs = 0;
	if (object->pack == 0)
		object->cached = 0;
	object->units_end = 0;
	object->short_length = 0;
	record_wake(store);
	return recorded > 0 ? recorded : loaded;
}

void object_forget_end(struct object *object)
{
	struct store *store = object->store;

	store_unlock(store);
	record_flush(store);
	index_unlock(&store->index);
}

/* What describes the object goes too if nobody else uses the object, else with the last reference.
 * Both locks held. UNIFORM: the units that it has then. Whether it was taken. */
static bool forget_content(struct object *object, struct cutting *uniform,
			   struct content_leaving *leaving)
{
	if (object->information.file == 0)
		return false;
	if (object->references > 1 || uniform == NULL) {
		object->content_unwanted = true;
		object_content_renew(object);
		return false;
	}
	object_content_leave(object, leaving);
	object_replace_cutting(object, uniform);
	return true;
}

uint64_t object_drop(struct object *object)
{
	struct store *store = object->store;
	struct content_leaving leaving = {0};
	struct cutting *uniform = NULL;
	bool made, described;
	uint64_t cost;

	store_lock(store);
	object_seize(object);
	made = object->made;
	described = object->information.file != 0;
	store_unlock(store);
	if (described && cutting_uniform(object->size, &uniform) != 0)
		uniform = NULL;
	cost = object_forget_begin(object, false);
	if (!forget_content(object, uniform, &leaving))
		cutting_free(uniform);
	object_forget_end(object);
	content_leaving_end(store, &leaving);
	if (made)
		file_remove(store, &object->file);
	store_lock(store);
	object->made = false;
	store->used -= cost < store->used ? cost : store->used;
	object_unseize(object);
	store_unlock(store);
	return cost;
}

/* ---- units ---- */

/* What is being read from a pack stays readable. Whether OBJECT lay in one. */
static bool discard_packed(struct object *object)
{
	struct store *store = object->store;
	bool packed;

	index_lock(&store->index);
	store_lock(store);
	packed = object->pack != 0;
	if (packed)
		pack_forget(object);
	store_unlock(store);
	index_unlock(&store->index);
	return packed;
}

/* Takes UNITS of run NUMBER, and their octets, away. OBJECT is seized; lock held, released
 * meanwhile. */
static void discard_units(struct object *object, uint32_t number, uint64_t units)
{
	struct store *store = object->store;
	struct object_run *run = object->runs > 0 ? run_pin(object, number) : NULL;
	int fd;

	if (run == NULL)
		return;
	units &= run->present;
	fd = units != 0 ? file_acquire(store, &object->file, FILE_READ, 0) : -ENOENT;
	if (units != 0)
		run_set_present(run, run->present & ~units);
	store_unlock(store);
	for (uint64_t left = fd >= 0 ? units : 0; left != 0; left &= left - 1) {
		uint32_t unit = number * STORE_RUN_UNITS + (uint32_t)__builtin_ctzll(left);

		file_punch(fd, cutting_offset(object->cutting, unit),
			   object_unit_length(object, unit));
	}
	store_lock(store);
	if (fd >= 0)
		file_release(store, &object->file);
	run_set_cost(store, &run->run, run_cost(object, number, run->present));
	run_unpin(store, &run->run);
	run_unload(store, &run->run, false); /* a look must not leave an empty one */
}

void object_discard(struct object *object, uint32_t first, uint32_t count)
{
	struct store *store = object->store;
	uint32_t end = first + count;

	if (discard_packed(object))
		return;
	store_lock(store);
	object_seize(object);
	while (first < end) {
		uint32_t bit = first % STORE_RUN_UNITS, here = STORE_RUN_UNITS - bit;

		if (here > end - first)
			here = end - first;
		discard_units(object, first / STORE_RUN_UNITS,
			      (here < 64 ? (UINT64_C(1) << here) - 1 : UINT64_MAX) << bit);
		first += here;
	}
	object_unseize(object);
	store_unlock(store);
}

/* ---- superseded versions ---- */

/* Of PATH, but for version ID. LOADED: some are in memory, and may have no row yet. Returns how
 * many there are; with references. */
static unsigned other_versions(struct store *store, const char *path, uint64_t id, bool loaded,
			       struct object **others, unsigned max)
{
	uint64_t ids[STORE_BATCH];
	unsigned count = 0, found = 0;
	sqlite3_stmt *row;

	index_lock(&store->index);
	if (loaded)
		record_flush(store);
	row = index_query(&store->index,
			  "SELECT id FROM content WHERE scope = ? AND path = ? AND id != ? LIMIT ?",
			  "isii", store->scope, path, (int64_t)id, (int64_t)max);
	while (index_step(&store->index, row) == 1)
		ids[count++] = (uint64_t)sqlite3_column_int64(row, 0);
	for (unsigned i = 0; i < count; i++)
		if (object_load(store, ids[i], &others[found]) == 0)
			found++;
	index_unlock(&store->index);
	return found;
}

bool store_supersede(struct store *store, struct object *object)
{
	struct object *others[STORE_BATCH];
	unsigned count;
	bool loaded;

	store_lock(store);
	object->doomed = false;
	loaded = object_doom_others(object);
	store_unlock(store);
	count = other_versions(store, object->path, object->id, loaded, others, STORE_BATCH);
	for (unsigned i = 0; i < count; i++) {
		store_lock(store);
		others[i]->doomed = true;
		store_unlock(store);
		object_put(others[i]);
	}
	segment_release(store, INT64_MAX);
	return loaded;
}

/* ---- clearing ---- */

/* Takes every pack away, whoever wishes it. What is being read from one stays readable. */
static int clear_packs(struct store *store)
{
	uint64_t ids[STORE_BATCH], last = 0;
	unsigned count, most;
	int error;

	do {
		sqlite3_stmt *row;

		count = 0;
		index_lock(&store->index);
		error = record_flush(store);
		most = store->index.totals.opaque > 0 ? OPAQUE_CLEARED : STORE_BATCH;
		row = index_query(&store->index,
				  "SELECT content FROM run WHERE live IS NOT NULL AND content > ?"
				  " ORDER BY content LIMIT ?",
				  "ii", (int64_t)last, (int64_t)most);
		while (index_step(&store->index, row) == 1)
			ids[count++] = last = (uint64_t)sqlite3_column_int64(row, 0);
		store_lock(store);
		for (unsigned i = 0; i < count; i++) {
			struct pack *pack = pack_pin_indexed(store, ids[i]);

			if (pack == NULL)
				continue;
			if (pack->giver == 0)
				store->contents -= pack->live;
			pack->live = pack->wished = 0;
			pack_die(store, pack);
			run_unpin(store, &pack->run);
		}
		store_unlock(store);
		if (error == 0)
			error = record_flush(store);
		index_unlock(&store->index);
		object_bury(store);
	} while (count == most && error == 0);
	return error;
}

/* Contents in packs: many, and of most no file goes with one. Returns which of IDS are left. */
static unsigned clear_packed(struct store *store, uint64_t *ids, unsigned count,
			     struct object **left)
{
	unsigned kept = 0;

	index_lock(&store->index);
	for (unsigned i = 0; i < count; i++) {
		struct object *object;
		int error = object_load(store, ids[i], &object);

		if (error == -ENOENT)
			evict_stranger(store, ids[i]);
		if (error != 0)
			continue;
		store_lock(store);
		if (object->pack != 0 && object->information.file == 0) {
			pack_forget(object);
			object->references--;
			object_settle(object);
		} else {
			left[kept++] = object;
		}
		store_unlock(store);
	}
	record_flush(store);
	index_unlock(&store->index);
	object_bury(store);
	return kept;
}

int store_clear(struct store *store, const char *path, uint64_t *freed_out)
{
	struct walk walk;
	uint64_t before, freed;
	int count, error = walk_start(&walk, store, path, true);

	if (error != 0)
		return error;
	segment_release(store, INT64_MAX);
	store_lock(store);
	before = store->used;
	store_unlock(store);
	if (path == NULL)
		error = clear_packs(store);
	while (error == 0 && (count = walk_next(&walk)) > 0) {
		struct object *left[STORE_BATCH];
		unsigned kept = clear_packed(store, walk.ids, (unsigned)count, left);

		for (unsigned i = 0; i < kept; i++) {
			object_drop(left[i]);
			object_put(left[i]);
		}
	}
	walk_end(&walk);
	store_flush(store);
	store_tags_sweep(store);
	store_lock(store);
	freed = before > store->used ? before - store->used : 0;
	store_unlock(store);
	if (freed_out != NULL)
		*freed_out = freed;
	return error;
}
