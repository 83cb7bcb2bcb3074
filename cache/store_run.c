/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Runs and packs in memory: found by owner and number, loaded from their row, unloaded when too
 * many are clean and unused. An object that has a run in memory is in memory itself.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cache/store_content_private.h"

/* Looked at in one go for what may be unloaded. */
enum { TRIM_STEPS = 32 };

static unsigned slot_of(uint64_t owner, uint32_t number)
{
	return (unsigned)((owner * 0x9e3779b97f4a7c15u >> 32) + number) % STORE_BUCKETS;
}

/* Lock held. */
static struct run *find(struct store *store, uint64_t owner, uint32_t number)
{
	struct run *run;

	LIST_FOREACH (run, &store->run_buckets[slot_of(owner, number)], bucket)
		if (run->owner == owner && run->number == number)
			return run;
	return NULL;
}

/* Lock held. Pinned once. */
static void insert(struct store *store, struct run *run, uint64_t owner, uint32_t number)
{
	run->owner = owner;
	run->number = number;
	run->pins = 1;
	LIST_INSERT_HEAD(&store->run_buckets[slot_of(owner, number)], run, bucket);
	TAILQ_INSERT_TAIL(&store->runs, run, age);
	store->run_count++;
	if (run->object != NULL)
		run->object->loaded++;
}

uint64_t run_units(const struct object *object, uint32_t number)
{
	uint32_t first = number * STORE_RUN_UNITS, count = cutting_count(object->cutting);

	if (number == STORE_CONTENT_RUN)
		return 1;
	if (number > UINT32_MAX / STORE_RUN_UNITS || first >= count)
		return 0;
	return count - first >= STORE_RUN_UNITS ? UINT64_MAX : (UINT64_C(1) << (count - first)) - 1;
}

uint32_t object_unit_length(const struct object *object, uint32_t unit)
{
	uint32_t length = __atomic_load_n(&object->short_length, __ATOMIC_ACQUIRE);

	if (length > 0 && unit == object->short_unit)
		return length;
	return cutting_length(object->cutting, unit);
}

uint64_t run_cost(const struct object *object, uint32_t number, uint64_t present)
{
	uint64_t block = object->store->block, next = 0, blocks = 0;

	if (present == 0)
		return 0;
	if (number == STORE_CONTENT_RUN)
		return information_cost(object->store, &object->information);
	for (uint64_t left = present; left != 0; left &= left - 1) {
		uint32_t unit = number * STORE_RUN_UNITS + (uint32_t)__builtin_ctzll(left);
		uint64_t offset = cutting_offset(object->cutting, unit);
		uint64_t first = offset / block;
		uint64_t end = (offset + object_unit_length(object, unit) - 1) / block + 1;

		if (first < next)
			first = next;
		blocks += end - first;
		next = end;
	}
	/* One for what the file system keeps of where they are. */
	return (blocks + 1) * block;
}

/* ---- loading ---- */

/* index.lock held. Fills RUN from its row if that can be believed; returns what the row says that
 * it takes. */
static uint64_t read_row(struct object *object, uint32_t number, struct object_run *run)
{
	struct store *store = object->store;
	uint64_t units = run_units(object, number), cost = 0;
	sqlite3_stmt *row;

	row = index_query(&store->index,
			  "SELECT present, sums, used, cost FROM run WHERE content = ?"
			  " AND number = ? AND live IS NULL",
			  "ii", (int64_t)object->id, (int64_t)number);
	if (index_step(&store->index, row) != 1)
		return 0;
	if (units != 0 && sqlite3_column_bytes(row, 1) ==
				  __builtin_popcountll(units) * (int)sizeof(run->sums[0])) {
		run->present = (uint64_t)sqlite3_column_int64(row, 0) & units;
		memcpy(run->sums, sqlite3_column_blob(row, 1),
		       (size_t)sqlite3_column_bytes(row, 1));
	}
	run->run.used = sqlite3_column_int64(row, 2);
	cost = (uint64_t)sqlite3_column_int64(row, 3);
	index_done(row);
	return cost;
}

struct object_run *run_pin_indexed(struct object *object, uint32_t number)
{
	struct store *store = object->store;
	struct run *known = find(store, object->id, number);
	struct object_run *run;
	bool content = number == STORE_CONTENT_RUN;
	bool recorded = content ? object->information.file != 0 : object->runs > 0;
	uint64_t row_cost = 0;

	if (known != NULL) {
		known->pins++;
		return object_run(known);
	}
	store_unlock(store);
	run = calloc(1, sizeof(*run));
	if (run != NULL && recorded)
		row_cost = read_row(object, number, run);
	store_lock(store);
	if (run == NULL)
		return NULL;
	if (content) {
		/* The row of the object says it, and that one was proven. */
		run->present = object->information.file != 0;
		run->sums[0] = object->information.sum;
	}
	run->run.object = object;
	run->run.cost = run_cost(object, number, run->present);
	insert(store, &run->run, object->id, number);
	if (row_cost != run->run.cost) {
		/* The row is not to be believed, or the file system's blocks were others. */
		store->used += run->run.cost - row_cost;
		run_mark_dirty(store, &run->run);
	}
	return run;
}

struct object_run *run_pin(struct object *object, uint32_t number)
{
	struct store *store = object->store;
	struct run *known = find(store, object->id, number);
	struct object_run *run;

	if (known != NULL) {
		known->pins++;
		return object_run(known);
	}
	store_unlock(store);
	index_lock(&store->index);
	store_lock(store);
	run = run_pin_indexed(object, number);
	index_unlock(&store->index);
	return run;
}

struct pack *pack_insert(struct store *store, uint64_t id)
{
	struct pack *pack = calloc(1, sizeof(*pack));

	if (pack == NULL)
		return NULL;
	pack->file.id = id;
	pack->file.fd = -1;
	insert(store, &pack->run, id, 0);
	return pack;
}

struct pack *pack_pin_indexed(struct store *store, uint64_t id)
{
	struct run *known = find(store, id, 0);
	struct pack *pack = NULL;
	sqlite3_stmt *row;

	if (known != NULL) {
		if (known->object != NULL || known->gone)
			return NULL;
		known->pins++;
		return run_pack(known);
	}
	store_unlock(store);
	row = index_query(&store->index,
			  "SELECT live, pinned, used, cost, present FROM run WHERE content = ?"
			  " AND number = 0 AND live IS NOT NULL",
			  "i", (int64_t)id);
	if (index_step(&store->index, row) == 1) {
		store_lock(store);
		pack = pack_insert(store, id);
		if (pack != NULL) {
			pack->live = (uint32_t)sqlite3_column_int64(row, 0);
			pack->wished = (uint32_t)sqlite3_column_int64(row, 1);
			pack->run.used = sqlite3_column_int64(row, 2);
			pack->run.cost = (uint64_t)sqlite3_column_int64(row, 3);
			pack->giver = (uint64_t)sqlite3_column_int64(row, 4);
		}
		store_unlock(store);
		index_done(row);
	}
	store_lock(store);
	return pack;
}

struct pack *pack_pin(struct store *store, uint64_t id)
{
	struct run *known = find(store, id, 0);
	struct pack *pack;

	if (known != NULL && known->object == NULL && !known->gone) {
		known->pins++;
		return run_pack(known);
	}
	store_unlock(store);
	index_lock(&store->index);
	store_lock(store);
	pack = pack_pin_indexed(store, id);
	index_unlock(&store->index);
	return pack;
}

/* ---- changing ---- */

void run_unpin(struct store *store, struct run *run)
{
	assert(run->pins > 0);
	TAILQ_REMOVE(&store->runs, run, age);
	TAILQ_INSERT_TAIL(&store->runs, run, age);
	if (--run->pins > 0)
		return;
	if (run->object == NULL && run->gone && !run->dirty && !run->flushing) {
		run_unload(store, run, false);
		record_wake(store);
	}
	run_trim(store);
}

void run_mark_dirty(struct store *store, struct run *run)
{
	if (run->touched)
		TAILQ_REMOVE(&store->touched_runs, run, dirty_link);
	run->touched = false;
	if (!run->dirty)
		TAILQ_INSERT_TAIL(&store->dirty_runs, run, dirty_link);
	run->dirty = true;
	record_wake(store);
}

void run_touch(struct store *store, struct run *run, int64_t now)
{
	if (run->used == now)
		return;
	run->used = now;
	if (run->dirty || run->touched)
		return;
	run->touched = true;
	TAILQ_INSERT_TAIL(&store->touched_runs, run, dirty_link);
}

uint64_t run_octets(const struct object_run *run, uint64_t present)
{
	uint64_t octets = 0;

	if (run->run.number == STORE_CONTENT_RUN)
		return 0;
	for (uint64_t left = present; left != 0; left &= left - 1)
		octets += object_unit_length(run->run.object,
					     run->run.number * STORE_RUN_UNITS +
						     (uint32_t)__builtin_ctzll(left));
	return octets;
}

static uint64_t reduced(uint64_t count, uint64_t by)
{
	return count > by ? count - by : 0;
}

/* What the object and the store count of units. */
static void count_present(const struct object_run *run, uint64_t present)
{
	struct object *object = run->run.object;
	struct store *store = object->store;

	object->cached += run_octets(run, present & ~run->present);
	/* The row that these counts began with may have been altered. */
	object->cached = reduced(object->cached, run_octets(run, run->present & ~present));
	if (run->present == 0 && present != 0 && object->runs++ == 0) {
		store->contents++;
		object_mark_dirty(object);
	}
	if (run->present != 0 && present == 0 && object->runs > 0 && --object->runs == 0) {
		store->contents = reduced(store->contents, 1);
		object_mark_dirty(object);
	}
}

void run_set_present(struct object_run *run, uint64_t present)
{
	if (run->run.number != STORE_CONTENT_RUN)
		count_present(run, present);
	run->present = present;
	run_mark_dirty(run->run.object->store, &run->run);
}

void run_set_cost(struct store *store, struct run *run, uint64_t cost)
{
	if (cost == run->cost)
		return;
	store->used = reduced(store->used + cost, run->cost);
	run->cost = cost;
	run_mark_dirty(store, run);
}

/* ---- unloading ---- */

static bool empty(const struct run *run)
{
	if (run->object != NULL)
		return ((const struct object_run *)run)->present == 0;
	return run->gone;
}

void run_unload(struct store *store, struct run *run, bool force)
{
	struct object *object = run->object;

	if (run->pins > 0 || run->dirty || run->touched || run->flushing || run->evicting)
		return;
	if (object == NULL ? run_pack(run) == store->open_pack || run_pack(run)->open
			   : object_run(run)->writing != 0 || (object->seized && !empty(run)))
		return;
	if (!empty(run) && (!force || (object == NULL && store->unlinked && !store->stopping)))
		return;
	LIST_REMOVE(run, bucket);
	TAILQ_REMOVE(&store->runs, run, age);
	store->run_count--;
	if (object == NULL) {
		TAILQ_INSERT_TAIL(&store->dead_packs, run, dirty_link);
		return;
	}
	object->loaded--;
	free(run);
	object_settle(object);
}

void run_trim(struct store *store)
{
	struct run *run = TAILQ_FIRST(&store->runs), *next;

	for (unsigned i = 0; i < TRIM_STEPS && store->run_count > STORE_LOADED_RUNS && run != NULL;
	     i++, run = next) {
		next = TAILQ_NEXT(run, age);
		run_unload(store, run, true);
	}
}
