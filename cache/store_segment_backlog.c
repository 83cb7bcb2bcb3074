/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Names of segments that are missing in the index: of objects that were described before it had
 * any, or just before the former session ended without order. A thread of its own goes through the
 * objects of former sessions once; those of this one see to themselves.
 */
#include <errno.h>
#include <string.h>

#include "cache/store_segment_private.h"

/* Our choices. */
enum {
	ROWS_AT_ONCE = 256,
	UNNAMED_MAX = 1 << 17, /* names that wait to be recorded; 1.5 MiB */
};

static bool go_on(void *context)
{
	struct store *store = context;

	return !__atomic_load_n(&store->backlog_stopping, __ATOMIC_RELAXED);
}

/* Waits until not too many are in memory. */
static void wait_room(struct store *store)
{
	store_lock(store);
	while (store->unnamed > UNNAMED_MAX && go_on(store))
		pthread_cond_wait(&store->changed, &store->lock);
	store_unlock(store);
}

/* Unless something else describes the object by now. */
static void add_names(struct object *object, uint64_t file, struct segment_names *names)
{
	struct store *store = object->store;

	index_lock(&store->index);
	store_lock(store);
	if (object->information.file == file) {
		segment_names_add(object, names);
		names = NULL;
	}
	store_unlock(store);
	index_unlock(&store->index);
	segment_names_free(names);
}

static void name_object(struct store *store, uint64_t id)
{
	struct segment_names *names;
	struct object *object;
	struct content *content;
	uint64_t file;
	int error;

	index_lock(&store->index);
	error = object_load(store, id, &object);
	index_unlock(&store->index);
	if (error != 0)
		return;
	content = object_content_look(object);
	if (content != NULL) {
		file = content_file_of(store, content)->information.file;
		if (segment_names_make(content, file, go_on, store, &names) == 0)
			add_names(object, file, names);
	}
	content_put(content);
	object_put(object);
}

struct batch {
	uint64_t next; /* id from which on the one after it begins; 0: there is none */
	unsigned count;
	uint64_t ids[ROWS_AT_ONCE]; /* those that lack names */
};

static bool lacks_names(sqlite3_stmt *row)
{
	struct information information;

	if (sqlite3_column_bytes(row, 1) != sizeof(information))
		return false;
	memcpy(&information, sqlite3_column_blob(row, 1), sizeof(information));
	return information.file != (uint64_t)sqlite3_column_int64(row, 2);
}

static int take_batch(struct store *store, uint64_t from, struct batch *batch_out)
{
	struct index *index = &store->index;
	unsigned rows = 0;
	sqlite3_stmt *row;
	int error;

	batch_out->next = 0;
	batch_out->count = 0;
	index_lock(index);
	row = index_query(index,
			  "SELECT id, information, file FROM content LEFT JOIN described"
			  " ON described.object = content.id WHERE id >= ? AND id < ?"
			  " ORDER BY id LIMIT ?",
			  "iii", (int64_t)from, (int64_t)store->first_id, (int64_t)ROWS_AT_ONCE);
	while ((error = index_step(index, row)) == 1) {
		uint64_t id = (uint64_t)sqlite3_column_int64(row, 0);

		if (lacks_names(row))
			batch_out->ids[batch_out->count++] = id;
		if (++rows == ROWS_AT_ONCE)
			batch_out->next = id + 1;
	}
	index_unlock(index);
	return error;
}

/* All have names, or are about to: what is lost from now on is lost with an end that is not in
 * order, or is noted at the end. */
static void finish(struct store *store)
{
	index_lock(&store->index);
	if (index_run(&store->index, "UPDATE segments SET todo = NULL", "") == 0)
		index_commit(&store->index);
	index_unlock(&store->index);
}

static void *catch_up(void *context)
{
	struct store *store = context;
	struct batch batch = {.next = 1};
	int error = 0;

	while (batch.next != 0 && error == 0 && go_on(store)) {
		error = take_batch(store, batch.next, &batch);
		for (unsigned i = 0; i < batch.count && error == 0 && go_on(store); i++) {
			wait_room(store);
			name_object(store, batch.ids[i]);
		}
	}
	if (error == 0 && go_on(store))
		finish(store);
	return NULL;
}

int segment_backlog_start(struct store *store)
{
	int error = pthread_create(&store->backlog_thread, NULL, catch_up, store);

	store->backlog_runs = error == 0;
	return -error;
}

void segment_backlog_stop(struct store *store)
{
	__atomic_store_n(&store->backlog_stopping, true, __ATOMIC_RELAXED);
	store_lock(store);
	pthread_cond_broadcast(&store->changed);
	store_unlock(store);
	if (store->backlog_runs)
		pthread_join(store->backlog_thread, NULL);
	store->backlog_runs = false;
}
