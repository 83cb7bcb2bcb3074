/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Wishes: pinned paths, rows of their own, since they outlive the data. Whether a content is
 * covered by one is kept with it, and in its runs' rows, so that eviction does not look at it.
 */
#include <string.h>

#include "cache/store_private.h"

static bool is_pinned(struct store *store, const char *path, size_t length)
{
	sqlite3_stmt *row =
		index_query(&store->index, "SELECT 1 FROM pin WHERE scope = ? AND path = ?", "ib",
			    store->scope, (const void *)path, length);

	if (index_step(&store->index, row) != 1)
		return false;
	index_done(row);
	return true;
}

bool wish_covers(struct store *store, const char *path)
{
	size_t length = strlen(path);

	if (store->wishes == 0)
		return false;
	if (is_pinned(store, path, length) || is_pinned(store, "", 0))
		return true;
	while (length > 0)
		if (path[--length] == '/' && is_pinned(store, path, length))
			return true;
	return false;
}

/* Tells the pack that one of its contents is wished for, or no longer. Locks held. */
static void apply_pack(struct store *store, struct object *object, bool wished)
{
	struct pack *pack = object->pack != 0 ? pack_pin_indexed(store, object->pack) : NULL;

	if (pack == NULL)
		return;
	if (wished)
		pack->wished++;
	else if (pack->wished > 0)
		pack->wished--;
	run_mark_dirty(store, &pack->run);
	run_unpin(store, &pack->run);
}

/* Tells the object and its runs. index.lock held. */
static int apply(struct store *store, struct object *object)
{
	bool wished = wish_covers(store, object->path), change;
	struct run *run;

	store_lock(store);
	change = object->wished != wished;
	if (change) {
		object->wished = wished;
		if (object->runs > 0 || object->pack != 0)
			object_mark_dirty(object);
		apply_pack(store, object, wished);
		TAILQ_FOREACH (run, &store->runs, age)
			if (run->object == object && object_run(run)->present != 0)
				run_mark_dirty(store, run);
	}
	store_unlock(store);
	if (!change)
		return 0;
	return index_run(&store->index, "UPDATE run SET pinned = ? WHERE content = ?", "ii",
			 (int64_t)wished, (int64_t)object->id);
}

static int apply_recorded(struct store *store, const uint64_t *ids, unsigned count)
{
	int error = 0;

	index_lock(&store->index);
	for (unsigned i = 0; i < count && error == 0; i++) {
		struct object *object;

		if (object_load(store, ids[i], &object) != 0)
			continue;
		error = apply(store, object);
		store_lock(store);
		object->references--;
		object_settle(object);
		store_unlock(store);
	}
	if (error == 0)
		error = record_flush(store);
	else
		index_rollback(&store->index);
	index_unlock(&store->index);
	object_bury(store);
	return error;
}

/* Objects in memory: nothing may be recorded of them yet. */
static int apply_loaded(struct store *store, const char *path)
{
	struct object *objects[STORE_BATCH];
	int error = 0;

	for (unsigned bucket = 0; bucket < STORE_BUCKETS && error == 0; bucket++) {
		unsigned count = object_bucket(store, bucket, path, objects, STORE_BATCH);

		if (count == 0)
			continue;
		index_lock(&store->index);
		for (unsigned i = 0; i < count && error == 0; i++)
			error = apply(store, objects[i]);
		index_unlock(&store->index);
		for (unsigned i = 0; i < count; i++)
			object_put(objects[i]);
	}
	return error;
}

static int change(struct store *store, const char *path, bool pinned)
{
	struct index *index = &store->index;
	int error;

	index_lock(index);
	if (pinned)
		error = index_run(index, "INSERT OR IGNORE INTO pin(scope, path) VALUES(?, ?)",
				  "is", store->scope, path);
	else
		error = index_run(index, "DELETE FROM pin WHERE scope = ? AND path = ?", "is",
				  store->scope, path);
	if (error == 0) {
		store->wishes += (unsigned)(pinned ? index_changes(index) : -index_changes(index));
		error = index_commit(index);
	}
	index_unlock(index);
	return error;
}

int store_pin(struct store *store, const char *path, bool pinned)
{
	struct walk walk;
	int count = 0, error = change(store, path, pinned);

	if (error == 0)
		error = walk_start(&walk, store, path, false);
	if (error != 0)
		return error;
	error = apply_loaded(store, path);
	while (error == 0 && (count = walk_next(&walk)) > 0)
		error = apply_recorded(store, walk.ids, (unsigned)count);
	walk_end(&walk);
	return error != 0 ? error : count;
}
