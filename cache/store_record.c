/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Records: what is dirty in memory becomes rows, a batch a transaction. A batch is copied under
 * store.lock, written without it, and what it covered is clean once it is committed; if that fails
 * it is dirty again and tried later. What the rows add up to (content.octets, content.runs, the
 * totals) is computed from what they said before, so each transaction is right in itself.
 *
 * The flusher thread does this a few milliseconds after something became dirty.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cache/log.h"
#include "cache/store_segment_private.h"

struct object_record {
	struct object *object;
	bool empty, wished, refused;
	uint64_t size, pack;
	uint32_t start;
	XXH128_hash_t sum;
	struct information information;
};

struct run_record {
	struct run *run;
	bool touched; /* only the time of last use */
	bool gone, wished;
	int64_t used;
	uint64_t cost, octets, present;
	uint32_t live, pack_wished;
	unsigned units;
	XXH128_hash_t sums[STORE_RUN_UNITS];
};

struct record_batch {
	unsigned object_count, run_count;
	uint64_t unrecorded; /* octets of data that it covers */
	struct object_record objects[STORE_BATCH];
	struct run_record runs[STORE_BATCH];
};

/* ---- copying, lock held ---- */

static void copy_object(struct object *object, struct object_record *record)
{
	record->object = object;
	record->empty = object->runs == 0 && object->pack == 0 && object->information.file == 0;
	record->wished = object->wished;
	record->size = object->size;
	record->pack = object->pack;
	record->start = object->start;
	record->sum = object->sum;
	record->information = object->information;
	record->refused = object->refused;
	object->dirty = false;
	object->flushing = true;
}

/* A unit that was given short while the size was unknown is recorded when it is known: only then
 * is its length known from the row. */
static uint64_t recordable(const struct object_run *run)
{
	const struct object *object = run->run.object;

	if (object->size != STORE_SIZE_UNKNOWN || object->short_length == 0 ||
	    object->short_unit / STORE_RUN_UNITS != run->run.number)
		return run->present;
	return run->present & ~(UINT64_C(1) << object->short_unit % STORE_RUN_UNITS);
}

static void copy_object_run(struct object_run *run, struct run_record *record)
{
	const struct object *object = run->run.object;

	record->wished = object->wished;
	record->present = recordable(run);
	record->units = (unsigned)__builtin_popcountll(run_units(object, run->run.number));
	record->octets = run_octets(run, record->present);
	memcpy(record->sums, run->sums, record->units * sizeof(run->sums[0]));
	record->gone = record->present == 0;
}

static void copy_pack(const struct pack *pack, struct run_record *record)
{
	record->gone = pack->run.gone;
	record->live = pack->live;
	record->pack_wished = pack->wished;
	record->present = pack->giver;
	record->octets = 0;
}

static void copy_run(struct run *run, struct run_record *record)
{
	record->run = run;
	record->used = run->used;
	record->cost = run->cost;
	record->touched = run->touched;
	if (run->object != NULL) {
		copy_object_run(object_run(run), record);
	} else {
		copy_pack(run_pack(run), record);
	}
	run->dirty = false;
	run->touched = false;
	run->flushing = true;
}

static bool take_runs(struct record_batch *batch, struct run_list *list)
{
	while (!TAILQ_EMPTY(list)) {
		struct run *run = TAILQ_FIRST(list);

		if (batch->run_count == STORE_BATCH)
			return false;
		TAILQ_REMOVE(list, run, dirty_link);
		copy_run(run, &batch->runs[batch->run_count++]);
	}
	return true;
}

/* Fills the batch; false when something is left. Objects come first: the count of a pack's living
 * contents is right only when the rows of all of them are written no later than its own. */
static bool take_batch(struct store *store, struct record_batch *batch)
{
	batch->object_count = batch->run_count = 0;
	batch->unrecorded = 0;
	while (!TAILQ_EMPTY(&store->dirty_objects)) {
		struct object *object = TAILQ_FIRST(&store->dirty_objects);

		if (batch->object_count == STORE_BATCH)
			return false;
		TAILQ_REMOVE(&store->dirty_objects, object, dirty_link);
		copy_object(object, &batch->objects[batch->object_count++]);
	}
	if (!take_runs(batch, &store->dirty_runs) || !take_runs(batch, &store->touched_runs))
		return false;
	batch->unrecorded = store->unrecorded;
	return true;
}

/* ---- writing, index.lock held ---- */

uint64_t record_proof(const struct object *object)
{
	const uint64_t numbers[] = {object->id,         (uint64_t)object->scope, object->size,
				    object->pack,       object->start,           object->sum.low64,
				    object->sum.high64, object->refused};
	uint64_t proof = XXH3_64bits(numbers, sizeof(numbers));

	proof = XXH3_64bits_withSeed(object->path, strlen(object->path), proof);
	proof = XXH3_64bits_withSeed(object->validator, strlen(object->validator), proof);
	return XXH3_64bits_withSeed(&object->information, sizeof(object->information), proof);
}

int64_t record_last_use(struct object *object)
{
	sqlite3_stmt *row = index_query(&object->store->index,
					"SELECT max(used) FROM run"
					" WHERE content = ? AND number <> ? OR content = ?",
					"iii", (int64_t)object->id, (int64_t)STORE_CONTENT_RUN,
					(int64_t)object->pack);
	int64_t used = 0;

	if (index_step(&object->store->index, row) == 1) {
		used = sqlite3_column_int64(row, 0);
		index_done(row);
	}
	return used;
}

int record_delete(struct store *store, uint64_t id, uint64_t *cost_out)
{
	struct index *index = &store->index;
	sqlite3_stmt *row =
		index_query(index, "SELECT sum(cost) FROM run WHERE content = ?", "i", (int64_t)id);
	uint64_t cost = 0;
	int error = index_step(index, row);

	if (error < 0)
		return error;
	if (error == 1) {
		cost = (uint64_t)sqlite3_column_int64(row, 0);
		index_done(row);
	}
	error = index_run(index, "DELETE FROM run WHERE content = ?", "i", (int64_t)id);
	if (error == 0)
		error = index_run(index, "DELETE FROM content WHERE id = ?", "i", (int64_t)id);
	if (error != 0)
		return error;
	index->totals.octets -= cost;
	index->totals.contents -= (uint64_t)index_changes(index);
	*cost_out = cost;
	return 0;
}

static int write_content(struct store *store, const struct object_record *record)
{
	struct index *index = &store->index;
	/* The columns as they are in the record. */
	const struct object row = {.id = record->object->id,
				   .scope = record->object->scope,
				   .path = record->object->path,
				   .validator = record->object->validator,
				   .size = record->size,
				   .pack = record->pack,
				   .start = record->start,
				   .sum = record->sum,
				   .information = record->information,
				   .refused = record->refused};
	sqlite3_stmt *known;
	const void *information = record->information.file != 0 ? &record->information : NULL;
	int error;

	known = index_query(index, "SELECT 1 FROM content WHERE id = ?", "i", (int64_t)row.id);
	error = index_step(index, known);
	if (error == 1)
		index_done(known);
	else if (error == 0)
		index->totals.contents++;
	if (error < 0)
		return error;
	return index_run(
		index,
		"INSERT INTO content(id, scope, path, validator, size, pinned, pack, start,"
		" sum, information, refused, proof) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
		" ON CONFLICT(id) DO UPDATE SET size = excluded.size,"
		" pinned = excluded.pinned, pack = excluded.pack, start = excluded.start,"
		" sum = excluded.sum, information = excluded.information,"
		" refused = excluded.refused, proof = excluded.proof",
		"iissiizibbii", (int64_t)row.id, row.scope, row.path, row.validator,
		(int64_t)row.size, (int64_t)record->wished, (int64_t)row.pack, (int64_t)row.start,
		&row.sum, sizeof(row.sum), information, sizeof(record->information),
		(int64_t)record->refused, (int64_t)record_proof(&row));
}

static int write_object(struct store *store, const struct object_record *record)
{
	uint64_t cost;

	return record->empty ? record_delete(store, record->object->id, &cost)
			     : write_content(store, record);
}

/* What a row says now. */
struct former_row {
	bool known;
	uint64_t octets, cost;
};

static int read_former(struct index *index, const struct run *run, struct former_row *former_out)
{
	sqlite3_stmt *row =
		index_query(index, "SELECT octets, cost FROM run WHERE content = ? AND number = ?",
			    "ii", (int64_t)run->owner, (int64_t)run->number);
	int error = index_step(index, row);

	*former_out = (struct former_row){0};
	if (error != 1)
		return error;
	former_out->known = true;
	former_out->octets = (uint64_t)sqlite3_column_int64(row, 0);
	former_out->cost = (uint64_t)sqlite3_column_int64(row, 1);
	index_done(row);
	return 0;
}

static int delete_run(struct store *store, const struct run *run)
{
	struct index *index = &store->index;
	int error = index_run(index, "DELETE FROM run WHERE content = ? AND number = ?", "ii",
			      (int64_t)run->owner, (int64_t)run->number);

	if (error != 0 || run->object != NULL)
		return error;
	/* What describes a content stays, and then says that it lies in a pack that is not there.
	 */
	error = index_run(index, "DELETE FROM content WHERE pack = ? AND information IS NULL", "i",
			  (int64_t)run->owner);
	if (error == 0)
		index->totals.contents -= (uint64_t)index_changes(index);
	return error != 0 ? error : opaque_pack_gone(store, (const struct pack *)run);
}

static int upsert_run(struct index *index, const struct run_record *record)
{
	bool pack = record->run->object == NULL;

	return index_run(index,
			 "INSERT INTO run(content, number, present, sums, octets, cost, used,"
			 " pinned, live) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)"
			 " ON CONFLICT(content, number) DO UPDATE SET present = excluded.present,"
			 " sums = excluded.sums, octets = excluded.octets, cost = excluded.cost,"
			 " used = excluded.used, pinned = excluded.pinned, live = excluded.live",
			 pack ? "iiibiiiii" : "iiibiiiin", (int64_t)record->run->owner,
			 (int64_t)record->run->number, (int64_t)record->present,
			 pack ? NULL : record->sums, record->units * sizeof(record->sums[0]),
			 (int64_t)record->octets, (int64_t)record->cost, record->used,
			 (int64_t)(pack ? record->pack_wished : record->wished),
			 (int64_t)record->live);
}

static int write_run(struct store *store, const struct run_record *record)
{
	struct index *index = &store->index;
	const struct run *run = record->run;
	struct former_row former;
	int error;

	if (record->touched)
		return index_run(index, "UPDATE run SET used = ? WHERE content = ? AND number = ?",
				 "iii", record->used, (int64_t)run->owner, (int64_t)run->number);
	error = read_former(index, run, &former);
	if (error == 0)
		error = record->gone ? delete_run(store, run) : upsert_run(index, record);
	if (error != 0)
		return error;
	index->totals.octets += (record->gone ? 0 : record->cost) - former.cost;
	if (run->object == NULL || run->number == STORE_CONTENT_RUN)
		return 0;
	return index_run(index,
			 "UPDATE content SET octets = octets + ?, runs = runs + ? WHERE id = ?",
			 "iii", (int64_t)(record->octets - former.octets),
			 (int64_t)!record->gone - (int64_t)former.known, (int64_t)run->owner);
}

int record_pack(struct store *store, struct pack *pack)
{
	struct run_record record = {.run = &pack->run, .used = 0};

	store_lock(store);
	copy_pack(pack, &record);
	record.used = pack->run.used;
	record.cost = pack->run.cost;
	run_mark_dirty(store, &pack->run);
	store_unlock(store);
	return write_run(store, &record);
}

static int write_batch(struct store *store, const struct record_batch *batch)
{
	int error = 0;

	for (unsigned i = 0; i < batch->object_count && error == 0; i++)
		error = write_object(store, &batch->objects[i]);
	for (unsigned i = 0; i < batch->run_count && error == 0; i++)
		error = write_run(store, &batch->runs[i]);
	if (error == 0)
		return index_commit(&store->index);
	index_rollback(&store->index);
	return error;
}

/* ---- afterwards, lock held ---- */

static void settle_run(struct store *store, const struct run_record *record, bool done)
{
	struct run *run = record->run;

	run->flushing = false;
	if (done) {
		run_unload(store, run, false);
	} else if (record->touched && !run->dirty && !run->touched) {
		run->touched = true;
		TAILQ_INSERT_TAIL(&store->touched_runs, run, dirty_link);
	} else if (!record->touched) {
		run_mark_dirty(store, run);
	}
}

static void settle_batch(struct store *store, const struct record_batch *batch, bool done)
{
	for (unsigned i = 0; i < batch->run_count; i++)
		settle_run(store, &batch->runs[i], done);
	for (unsigned i = 0; i < batch->object_count; i++) {
		struct object *object = batch->objects[i].object;

		object->flushing = false;
		if (done)
			object_settle(object);
		else
			object_mark_dirty(object);
	}
	if (done)
		store->unrecorded -= batch->unrecorded;
	store->failing = !done;
	run_trim(store);
	pthread_cond_broadcast(&store->changed);
}

int record_flush(struct store *store)
{
	static struct log_limit limit;
	struct record_batch *batch = store->batch;
	bool all;
	int error;

	do {
		uint64_t octets, reserve;

		store_lock(store);
		all = take_batch(store, batch);
		store_unlock(store);
		error = write_batch(store, batch);
		opaque_publish(store);
		octets = index_size(&store->index, &reserve);
		store_lock(store);
		settle_batch(store, batch, error == 0);
		store->index_octets = octets;
		store->index_reserve = reserve;
		store_unlock(store);
	} while (!all && error == 0);
	if (error != 0)
		log_limited(&limit, LOG_LEVEL_WARNING,
			    "the cache's index cannot be written (%s): trying again",
			    strerror(-error));
	return error;
}

/* ---- the flusher ---- */

void record_wake(struct store *store)
{
	if (!store->pending) {
		store->pending = true;
		pthread_cond_signal(&store->wake);
	}
}

/* Lock held. Waits until PENDING is what is wished, MS at most; not when the store is closing. */
static void wait_ms(struct store *store, unsigned ms, bool until_pending)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	while (!store->stopping && !(until_pending && store->pending))
		if (pthread_cond_timedwait(&store->wake, &store->lock, &until) != 0)
			return;
}

static void *flusher(void *context)
{
	struct store *store = context;
	bool more;

	store_lock(store);
	while (!store->stopping) {
		wait_ms(store, STORE_TOUCH_SECONDS * 1000, true);
		if (!store->pending && TAILQ_EMPTY(&store->touched_runs)) {
			store_unlock(store);
			segment_release_idle(store);
			store_lock(store);
			continue;
		}
		wait_ms(store, store->failing ? STORE_TROUBLE_SECONDS * 1000 : STORE_FLUSH_PAUSE_MS,
			false);
		store->pending = false;
		store_unlock(store);
		index_lock(&store->index);
		more = record_flush(store) == 0 && store_tags_record(store) == 0 &&
		       segment_names_record(store);
		more |= index_tidy(&store->index);
		index_unlock(&store->index);
		segment_release_idle(store);
		object_bury(store);
		room_enforce(store);
		store_lock(store);
		store->pending |= more;
	}
	store_unlock(store);
	return NULL;
}

int record_start(struct store *store)
{
	int error;

	store->batch = malloc(sizeof(*store->batch));
	if (store->batch == NULL)
		return -ENOMEM;
	error = pthread_create(&store->flusher, NULL, flusher, store);
	store->flusher_runs = error == 0;
	return -error;
}

void record_stop(struct store *store)
{
	store_lock(store);
	store->stopping = true;
	pthread_cond_broadcast(&store->wake);
	store_unlock(store);
	if (store->flusher_runs)
		pthread_join(store->flusher, NULL);
	store->flusher_runs = false;
}

int store_flush(struct store *store)
{
	int error;

	index_lock(&store->index);
	error = record_flush(store);
	index_unlock(&store->index);
	object_bury(store);
	return error;
}
