/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Going through the recorded contents below a path, a batch at a time, so that the index is held
 * for moments only. What is recorded or deleted meanwhile may be seen or not.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cache/store_private.h"

int walk_start(struct walk *walk, struct store *store, const char *top, bool all_scopes)
{
	*walk = (struct walk){.store = store, .everything = top == NULL && all_scopes};
	walk->top = strdup(top != NULL ? top : "");
	walk->path = strdup(walk->top != NULL ? walk->top : "");
	if (walk->top == NULL || walk->path == NULL) {
		walk_end(walk);
		return -ENOMEM;
	}
	return 0;
}

void walk_end(struct walk *walk)
{
	free(walk->top);
	free(walk->path);
	walk->top = walk->path = NULL;
}

static sqlite3_stmt *select_next(struct walk *walk, const char *from)
{
	struct index *index = &walk->store->index;

	if (walk->everything)
		return index_query(index,
				   "SELECT id, path FROM content WHERE id > ? ORDER BY id LIMIT ?",
				   "ii", (int64_t)walk->last, (int64_t)STORE_BATCH);
	return index_query(index,
			   "SELECT id, path FROM content WHERE scope = ? AND path >= ?"
			   " AND (path, id) > (?, ?) ORDER BY path, id LIMIT ?",
			   "issii", walk->store->scope, from, from, (int64_t)walk->last,
			   (int64_t)STORE_BATCH);
}

/* 1: taken or passed over; 0: behind the last one; or a negative errno. */
static int take(struct walk *walk, sqlite3_stmt *row, unsigned *count)
{
	size_t length = (size_t)sqlite3_column_bytes(row, 1);
	char *path = length > 0 ? strndup(sqlite3_column_blob(row, 1), length) : strdup("");

	if (path == NULL)
		return -ENOMEM;
	free(walk->path);
	walk->path = path;
	walk->last = (uint64_t)sqlite3_column_int64(row, 0);
	if (walk->everything || path_below(path, walk->top))
		walk->ids[(*count)++] = walk->last;
	else if (strncmp(path, walk->top, strlen(walk->top)) != 0)
		return 0;
	return 1;
}

/* The rows behind FROM, which the statement is bound to while walk->path moves on. */
static int take_rows(struct walk *walk, sqlite3_stmt *rows, unsigned *count, bool *again)
{
	unsigned seen = 0;
	int state;

	while ((state = index_step(&walk->store->index, rows)) == 1) {
		seen++;
		state = take(walk, rows, count);
		if (state != 1) {
			index_done(rows);
			*again = false;
			return state;
		}
	}
	*again = state == 0 && seen == STORE_BATCH;
	return state;
}

/* AGAIN_OUT: there may be more behind them. */
static int next_batch(struct walk *walk, bool *again_out)
{
	char *from = strdup(walk->path);
	unsigned count = 0;
	int error;

	*again_out = false;
	if (from == NULL)
		return -ENOMEM;
	index_lock(&walk->store->index);
	record_flush(walk->store);
	error = take_rows(walk, select_next(walk, from), &count, again_out);
	index_unlock(&walk->store->index);
	free(from);
	return error < 0 ? error : (int)count;
}

int walk_next(struct walk *walk)
{
	bool again = true;
	int count = 0;

	while (count == 0 && again)
		count = next_batch(walk, &again);
	return count;
}
