/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Names of segments: made, kept in memory until they are rows, looked up, swept away.
 *
 * Table "segment" has the names, by key. "described" says which contents' names are all there, and
 * of which object; it follows the rows of objects by triggers (cache/store_index.c), in the same
 * transactions, so that nobody who deletes or changes an object's row must think of it. "segments"
 * has the totals. Names of a content that no row of "described" has are left behind; when they are
 * many they are swept away, a little at a time.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cache/store_segment_private.h"

/* Our choices. */
enum {
	/* A content may have the same segment many times (zeros); more places than this are of no
	 * use to anybody. */
	SAME_MAX = 4,
	ASK_EVERY = 1024, /* segments between two questions whether to go on */
	ROWS_AT_ONCE = 128,
	GONE_AT_ONCE = 64,
	SWEEP_AT_ONCE = 256,
	/* Sweeping goes through the whole table: not for less than so many, nor for less than this
	 * part of it. */
	SWEEP_ROWS = 4096,
	SWEEP_PART = 4,
};
/* What is not recorded when the store closes is named anew at the next opening: a second's work. */
#define CLOSE_ROWS_MAX (1u << 18)

struct segment_name {
	int64_t key;
	uint32_t number;
} __attribute__((packed));

struct segment_names {
	uint64_t object, file;
	int64_t since;
	uint32_t count, written;
	TAILQ_ENTRY(segment_names) link; /* in store.names */
	struct segment_name list[];      /* ascending */
};

/* Ids are the output of a keyed hash, so half of one would do; but all of it counts. */
static int64_t key_of(const uint8_t *id, size_t id_size)
{
	return (int64_t)XXH3_64bits(id, id_size);
}

/* ---- making ---- */

struct making {
	const struct content *content;
	struct segment_names *names;
	bool (*continue_)(void *context);
	void *context;
};

static int add_name(void *owner, uint32_t index, const struct content_segment *segment)
{
	struct making *making = owner;
	struct segment_names *names = making->names;
	uint8_t id[DIGEST_SIZE_MAX];
	int error;

	if (index % ASK_EVERY == ASK_EVERY - 1 && making->continue_ != NULL &&
	    !making->continue_(making->context))
		return -ECANCELED;
	error = content_segment_id(making->content, segment, id);
	if (error == 0)
		names->list[names->count++] = (struct segment_name){
			key_of(id, digest_size(content_algorithm(making->content))), index};
	return error;
}

static int compare(const void *one, const void *other)
{
	const struct segment_name *a = one, *b = other;

	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	return a->number < b->number ? -1 : a->number > b->number;
}

/* In the order of the table, so that rows that lie together are written together. */
static void put_in_order(struct segment_names *names)
{
	uint32_t kept = 0, same = 0;

	qsort(names->list, names->count, sizeof(names->list[0]), compare);
	for (uint32_t i = 0; i < names->count; i++) {
		same = kept > 0 && names->list[kept - 1].key == names->list[i].key ? same + 1 : 0;
		if (same < SAME_MAX)
			names->list[kept++] = names->list[i];
	}
	names->count = kept;
}

int segment_names_make(const struct content *content, uint64_t file,
		       bool (*continue_)(void *context), void *context,
		       struct segment_names **names_out)
{
	size_t size = (size_t)content_segments(content) * sizeof(struct segment_name);
	struct segment_names *names = malloc(sizeof(*names) + size);
	struct making making = {content, names, continue_, context};
	int error;

	if (names == NULL)
		return -ENOMEM;
	*names = (struct segment_names){.file = file};
	error = content_each_segment(content, add_name, &making);
	if (error != 0) {
		free(names);
		return error;
	}
	put_in_order(names);
	*names_out = names;
	return 0;
}

void segment_names_free(struct segment_names *names)
{
	free(names);
}

void segment_names_add(struct object *object, struct segment_names *names)
{
	struct store *store = object->store;

	names->object = object->id;
	names->since = store->now();
	TAILQ_INSERT_TAIL(&store->names, names, link);
	store->unnamed += names->count;
	store->segments += names->count;
	__atomic_store_n(&store->described, true, __ATOMIC_RELAXED);
	__atomic_fetch_add(&store->names_added, 1, __ATOMIC_RELAXED);
	record_wake(store);
}

/* index.lock held. */
static void remove_names(struct store *store, struct segment_names *names)
{
	TAILQ_REMOVE(&store->names, names, link);
	store_lock(store);
	store->unnamed -= names->count;
	pthread_cond_broadcast(&store->changed);
	store_unlock(store);
	free(names);
}

/* ---- looking up ---- */

/* The first name that has no lower key. */
static uint32_t first_of(const struct segment_names *names, int64_t key)
{
	uint32_t low = 0, high = names->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (names->list[middle].key < key)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static unsigned look_in_memory(struct store *store, int64_t key, struct segment_place *places,
			       unsigned count)
{
	struct segment_names *names;

	TAILQ_FOREACH (names, &store->names, link)
		for (uint32_t i = first_of(names, key);
		     i < names->count && names->list[i].key == key && count < SEGMENT_PLACES; i++)
			places[count++] = (struct segment_place){
				names->object, names->file, names->list[i].number, names->since};
	return count;
}

static unsigned look_in_rows(struct store *store, int64_t key, struct segment_place *places,
			     unsigned count)
{
	sqlite3_stmt *row =
		index_query(&store->index,
			    "SELECT described.object, segment.file, number, since FROM segment"
			    " JOIN described ON described.file = segment.file"
			    " WHERE key = ? AND gone = 0 LIMIT ?",
			    "ii", key, (int64_t)(SEGMENT_PLACES - count));

	while (index_step(&store->index, row) == 1)
		places[count++] = (struct segment_place){
			.object = (uint64_t)sqlite3_column_int64(row, 0),
			.file = (uint64_t)sqlite3_column_int64(row, 1),
			.number = (uint32_t)sqlite3_column_int64(row, 2),
			.since = sqlite3_column_int64(row, 3),
		};
	return count;
}

unsigned segment_names_look(struct store *store, const uint8_t *id, size_t id_size,
			    struct segment_place places_out[SEGMENT_PLACES])
{
	int64_t key = key_of(id, id_size);
	unsigned count = look_in_memory(store, key, places_out, 0);

	return look_in_rows(store, key, places_out, count);
}

/* ---- to rows, index.lock held ---- */

static int write_names(struct index *index, const struct segment_names *names, uint32_t from,
		       uint32_t end)
{
	int error = 0;

	for (uint32_t i = from; i < end && error == 0; i++)
		error = index_run(index,
				  "INSERT OR REPLACE INTO segment(key, file, number)"
				  " VALUES(?, ?, ?)",
				  "iii", names->list[i].key, (int64_t)names->file,
				  (int64_t)names->list[i].number);
	return error;
}

/* The names are all there. */
static int write_described(struct index *index, const struct segment_names *names)
{
	int error = index_run(index, "DELETE FROM described WHERE object = ? OR file = ?", "ii",
			      (int64_t)names->object, (int64_t)names->file);

	if (error != 0)
		return error;
	return index_run(index,
			 "INSERT INTO described(object, file, since, count, gone)"
			 " VALUES(?, ?, ?, ?, 0)",
			 "iiii", (int64_t)names->object, (int64_t)names->file, names->since,
			 (int64_t)names->count);
}

static int note_left_behind(struct index *index, int64_t rows)
{
	return index_run(index, "UPDATE segments SET dead = max(0, dead + ?)", "i", rows);
}

/* Some of NAMES, at most MAX. DONE_OUT: nothing more is to be written of them. */
static int write_some(struct store *store, struct segment_names *names, uint32_t max,
		      uint32_t *end_out, bool *done_out)
{
	struct index *index = &store->index;
	uint32_t left = names->count - names->written;
	uint32_t end = names->written + (left < max ? left : max);
	int error;

	/* What they are of was replaced or taken away before they were written. */
	if (evict_named_content(store, names->object) != names->file) {
		*end_out = names->written;
		*done_out = true;
		return names->written > 0 ? note_left_behind(index, names->written) : 0;
	}
	error = write_names(index, names, names->written, end);
	if (error == 0 && end == names->count)
		error = write_described(index, names);
	*end_out = end;
	*done_out = end == names->count;
	return error;
}

/* A transaction of the first names: one large one's, or several small ones'. */
static int record_some(struct store *store)
{
	struct segment_names *names = TAILQ_FIRST(&store->names), *done[ROWS_AT_ONCE];
	struct segment_names *partly = NULL;
	unsigned done_count = 0;
	uint32_t room = ROWS_AT_ONCE, end = 0;
	int error = 0;

	while (error == 0 && names != NULL && partly == NULL && done_count < ROWS_AT_ONCE &&
	       room > 0 && !(done_count > 0 && index_should_commit(&store->index))) {
		bool all = false;

		error = write_some(store, names, room, &end, &all);
		room -= end - names->written;
		if (all)
			done[done_count++] = names;
		else
			partly = names;
		names = TAILQ_NEXT(names, link);
	}
	if (error == 0)
		error = index_commit(&store->index);
	else
		index_rollback(&store->index);
	if (error != 0)
		return error;
	if (partly != NULL)
		partly->written = end;
	for (unsigned i = 0; i < done_count; i++)
		remove_names(store, done[i]);
	return 0;
}

/* ---- totals and sweeping, index.lock held ---- */

struct totals {
	int64_t live, dead;
	int64_t todo; /* -1: nothing */
};

static int read_totals(struct store *store, struct totals *totals_out)
{
	sqlite3_stmt *row =
		index_query(&store->index,
			    "SELECT live, dead, coalesce(todo, -1) FROM segments WHERE id = 1", "");
	int error = index_step(&store->index, row);

	if (error != 1)
		return error < 0 ? error : -EBADMSG;
	*totals_out = (struct totals){sqlite3_column_int64(row, 0), sqlite3_column_int64(row, 1),
				      sqlite3_column_int64(row, 2)};
	index_done(row);
	return 0;
}

static void publish(struct store *store, const struct totals *totals)
{
	store_lock(store);
	store->segments = store->unnamed + (totals->live > 0 ? (uint64_t)totals->live : 0);
	store_unlock(store);
}

/* Names of files from this one on may be in the middle of being written. */
static uint64_t first_unfinished(struct store *store)
{
	struct segment_names *names;
	uint64_t first = INT64_MAX;

	TAILQ_FOREACH (names, &store->names, link)
		if (names->file < first)
			first = names->file;
	return first;
}

static bool sweep_due(const struct totals *totals)
{
	return totals->dead >= SWEEP_ROWS && totals->dead >= totals->live / SWEEP_PART;
}

static void sweep_begin(struct store *store, const struct totals *totals)
{
	store->names_sweep = (struct names_sweep){
		.state = NAMES_SWEEP_GONE, .from = INT64_MIN, .dead = totals->dead};
}

static int sweep_gone(struct store *store)
{
	struct index *index = &store->index;
	int error = index_run(index,
			      "DELETE FROM described WHERE object IN"
			      " (SELECT object FROM described WHERE gone = 1 LIMIT ?)",
			      "i", (int64_t)GONE_AT_ONCE);

	if (error == 0 && index_changes(index) < GONE_AT_ONCE)
		store->names_sweep.state = NAMES_SWEEP_ROWS;
	return error;
}

/* The last key of the next rows; INT64_MAX: of all that are left. */
static int sweep_end(struct store *store, int64_t *end_out)
{
	sqlite3_stmt *row = index_query(&store->index,
					"SELECT key FROM segment WHERE key >= ?"
					" ORDER BY key LIMIT 1 OFFSET ?",
					"ii", store->names_sweep.from, (int64_t)SWEEP_AT_ONCE);
	int error = index_step(&store->index, row);

	*end_out = INT64_MAX;
	if (error == 1) {
		*end_out = sqlite3_column_int64(row, 0);
		index_done(row);
		error = 0;
	}
	return error;
}

static int sweep_rows(struct store *store)
{
	struct index *index = &store->index;
	struct names_sweep *sweep = &store->names_sweep;
	int64_t end;
	int error = sweep_end(store, &end);

	if (error == 0)
		error = index_run(index,
				  "DELETE FROM segment WHERE key >= ? AND key <= ? AND file < ?"
				  " AND NOT EXISTS (SELECT 1 FROM described"
				  " WHERE described.file = segment.file)",
				  "iii", sweep->from, end, (int64_t)first_unfinished(store));
	if (error == 0 && end == INT64_MAX) {
		error = note_left_behind(index, -sweep->dead);
		sweep->state = NAMES_SWEEP_NONE;
	} else if (error == 0) {
		sweep->from = end + 1;
	}
	return error;
}

static int sweep_some(struct store *store)
{
	int error = store->names_sweep.state == NAMES_SWEEP_GONE ? sweep_gone(store)
								 : sweep_rows(store);

	if (error == 0)
		return index_commit(&store->index);
	index_rollback(&store->index);
	return error;
}

bool segment_names_record(struct store *store)
{
	struct totals totals;
	int error = 0;

	if (!TAILQ_EMPTY(&store->names))
		error = record_some(store);
	if (error == 0)
		error = read_totals(store, &totals);
	if (error == 0)
		publish(store, &totals);
	if (error == 0 && store->names_sweep.state == NAMES_SWEEP_NONE && sweep_due(&totals))
		sweep_begin(store, &totals);
	if (error == 0 && store->names_sweep.state != NAMES_SWEEP_NONE)
		error = sweep_some(store);
	return error == 0 &&
	       (!TAILQ_EMPTY(&store->names) || store->names_sweep.state != NAMES_SWEEP_NONE);
}

/* ---- opening and closing ---- */

static bool any_described(struct index *index)
{
	sqlite3_stmt *row = index_query(index, "SELECT 1 FROM described LIMIT 1", "");
	bool found = index_step(index, row) != 0;

	if (found && row != NULL)
		index_done(row);
	return found;
}

int segment_names_open(struct store *store, bool clean)
{
	struct totals totals;
	int error = index_run(&store->index,
			      "INSERT OR IGNORE INTO segments(id, live, dead, todo)"
			      " VALUES(1, 0, 0, 0)",
			      "");

	/* What was being written when the former session ended is nowhere counted. */
	if (error == 0 && !clean)
		error = index_run(&store->index,
				  "UPDATE segments SET todo = 0, dead = max(dead, live) + ?", "i",
				  (int64_t)SWEEP_ROWS);
	if (error == 0)
		error = read_totals(store, &totals);
	if (error != 0)
		return error;
	store->described = any_described(&store->index);
	store->backlog = totals.todo >= 0;
	store->pending = sweep_due(&totals); /* nobody else knows of the flusher yet */
	publish(store, &totals);
	return 0;
}

void segment_names_close(struct store *store)
{
	struct segment_names *names;
	bool all = !store->unlinked && store->unnamed <= CLOSE_ROWS_MAX;

	while (all && !TAILQ_EMPTY(&store->names) && record_some(store) == 0)
		index_tidy(&store->index);
	if (!store->unlinked && !TAILQ_EMPTY(&store->names) &&
	    index_run(&store->index, "UPDATE segments SET todo = 0", "") == 0)
		index_commit(&store->index);
	while ((names = TAILQ_FIRST(&store->names)) != NULL)
		remove_names(store, names);
}
