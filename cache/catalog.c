/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Names, one at a time: found, learned, read in order; and small facts. Whole listings are replaced
 * and forgotten in catalog_listing.c. Rows are described in catalog_private.h.
 */
#include "cache/catalog.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cache/catalog_private.h"

struct catalog *store_catalog(struct store *store)
{
	return store->catalog;
}

int catalog_create(struct store *store, struct catalog **catalog_out)
{
	struct catalog *catalog = calloc(1, sizeof(*catalog));

	if (catalog == NULL)
		return -ENOMEM;
	catalog->store = store;
	pthread_mutex_init(&catalog->replacing, NULL);
	LIST_INIT(&catalog->holds);
	*catalog_out = catalog;
	return 0;
}

void catalog_free(struct catalog *catalog)
{
	struct catalog_hold *hold;

	if (catalog == NULL)
		return;
	/* Directories that were open when the mount went. */
	while ((hold = LIST_FIRST(&catalog->holds)) != NULL) {
		LIST_REMOVE(hold, in_catalog);
		free(hold);
	}
	pthread_mutex_destroy(&catalog->replacing);
	free(catalog);
}

struct catalog_hold *catalog_hold(struct catalog *catalog, const char *dir)
{
	struct index *index = &catalog->store->index;
	struct catalog_hold *hold = malloc(sizeof(*hold) + strlen(dir) + 1);

	if (hold == NULL)
		return NULL;
	strcpy(hold->path, dir);
	index_lock(index);
	LIST_INSERT_HEAD(&catalog->holds, hold, in_catalog);
	index_unlock(index);
	return hold;
}

void catalog_release(struct catalog *catalog, struct catalog_hold *hold)
{
	struct index *index = &catalog->store->index;

	if (hold == NULL)
		return;
	index_lock(index);
	LIST_REMOVE(hold, in_catalog);
	index_unlock(index);
	free(hold);
}

void catalog_wrote(struct catalog *catalog)
{
	store_lock(catalog->store);
	record_wake(catalog->store);
	store_unlock(catalog->store);
}

/* ---- rows ---- */

int catalog_dir(struct catalog *catalog, const char *path, struct catalog_dir *dir_out)
{
	struct index *index = &catalog->store->index;
	sqlite3_stmt *row = index_query(index,
					"SELECT id, fetched, count, generation, attempt, next"
					" FROM dir WHERE scope = ? AND path = ?",
					"is", catalog->store->scope, path);
	int error = index_step(index, row);

	if (error != 1)
		return error == 0 ? -ENOENT : error;
	*dir_out = (struct catalog_dir){
		.id = sqlite3_column_int64(row, 0),
		.fetched = sqlite3_column_int64(row, 1),
		.count = sqlite3_column_int64(row, 2),
		.generation = sqlite3_column_int64(row, 3),
		.attempt = sqlite3_column_int64(row, 4),
		.next = sqlite3_column_int64(row, 5),
	};
	index_done(row);
	return 0;
}

int catalog_make_dir(struct catalog *catalog, const char *path, struct catalog_dir *dir_out)
{
	int error = catalog_dir(catalog, path, dir_out);

	if (error != -ENOENT)
		return error;
	error = index_run(&catalog->store->index,
			  "INSERT INTO dir(scope, path, fetched, count, generation, attempt, next)"
			  " VALUES(?, ?, 0, 0, 0, 0, 1)",
			  "is", catalog->store->scope, path);
	return error != 0 ? error : catalog_dir(catalog, path, dir_out);
}

void catalog_entry_of(sqlite3_stmt *row, int first, struct entry *entry_out)
{
	int64_t kind = sqlite3_column_int64(row, first);
	const void *validator = sqlite3_column_blob(row, first + 6);
	size_t length = (size_t)sqlite3_column_bytes(row, first + 6);

	/* Rows may have been altered: whatever they say becomes something that can be. */
	entry_out->kind = kind == ENTRY_FILE || kind == ENTRY_DIRECTORY ? (enum entry_kind)kind
									: ENTRY_ABSENT;
	entry_out->flags = (unsigned)sqlite3_column_int64(row, first + 1) & ~(unsigned)ENTRY_LISTED;
	entry_out->size = sqlite3_column_int64(row, first + 2);
	entry_out->mtime = sqlite3_column_int64(row, first + 3);
	entry_out->mode = (uint32_t)sqlite3_column_int64(row, first + 4) & 07777;
	entry_out->checked = sqlite3_column_int64(row, first + 5);
	if (entry_out->size < -1)
		entry_out->size = -1;
	if (length >= sizeof(entry_out->validator))
		length = 0;
	if (length > 0)
		memcpy(entry_out->validator, validator, length);
	entry_out->validator[length] = '\0';
}

/* ---- names ---- */

int catalog_find(struct catalog *catalog, const char *dir, const char *name,
		 struct entry *entry_out)
{
	struct index *index = &catalog->store->index;
	sqlite3_stmt *row;
	int error;

	index_lock(index);
	row = index_query(
		index,
		"SELECT " ENTRY_COLUMNS
		", generation > 0 AND first BETWEEN 1 AND generation AND last >= generation"
		" FROM dir CROSS JOIN entry ON entry.dir = dir.id"
		" WHERE scope = ? AND path = ? AND name = ?"
		" AND (last = 0 OR last >= generation)",
		"iss", catalog->store->scope, dir, name);
	error = index_step(index, row);
	if (error == 1) {
		catalog_entry_of(row, 0, entry_out);
		if (sqlite3_column_int(row, ENTRY_COLUMN_COUNT))
			entry_out->flags |= ENTRY_LISTED;
		index_done(row);
	}
	index_unlock(index);
	if (error == 1)
		return 0;
	return error == 0 ? -ENOENT : error;
}

static int update_entry(struct index *index, const struct catalog_dir *dir, const char *name,
			const struct entry *entry)
{
	return index_run(index,
			 "UPDATE entry SET first = iif(last < ?, 0, first),"
			 " last = iif(last < ?, 0, last), kind = ?, flags = ?, size = ?, mtime = ?,"
			 " mode = ?, checked = ?, validator = ? WHERE dir = ? AND name = ?",
			 "iiiiiiiisis", dir->generation, dir->generation, (int64_t)entry->kind,
			 (int64_t)entry->flags, entry->size, entry->mtime, (int64_t)entry->mode,
			 entry->checked, entry->validator, dir->id, name);
}

static int insert_entry(struct index *index, const struct catalog_dir *dir, const char *name,
			const struct entry *entry)
{
	int error = index_run(index,
			      "INSERT INTO entry(dir, position, name, first, last, said,"
			      " " ENTRY_COLUMNS ") VALUES(?, ?, ?, 0, 0, 0, ?, ?, ?, ?, ?, ?, ?)",
			      "iisiiiiiis", dir->id, dir->next, name, (int64_t)entry->kind,
			      (int64_t)entry->flags, entry->size, entry->mtime,
			      (int64_t)entry->mode, entry->checked, entry->validator);

	if (error != 0)
		return error;
	return index_run(index, "UPDATE dir SET next = next + 1 WHERE id = ?", "i", dir->id);
}

static int learn(struct catalog *catalog, const char *path, const char *name,
		 const struct entry *entry)
{
	struct index *index = &catalog->store->index;
	struct catalog_dir dir;
	int error = catalog_make_dir(catalog, path, &dir);

	if (error == 0)
		error = update_entry(index, &dir, name, entry);
	if (error == 0 && index_changes(index) == 0)
		error = insert_entry(index, &dir, name, entry);
	return error;
}

int catalog_learn(struct catalog *catalog, const char *dir, const char *name,
		  const struct entry *entry)
{
	struct store *store = catalog->store;
	int error;

	if (room_enforce(store) != 0)
		return -ENOSPC;
	index_lock(&store->index);
	error = learn(catalog, dir, name, entry);
	if (error == 0)
		catalog_wrote(catalog);
	if (error == 0 && index_should_commit(&store->index))
		error = record_flush(store);
	index_unlock(&store->index);
	return error;
}

static void fill_name(sqlite3_stmt *row, struct catalog_name *name)
{
	size_t length = (size_t)sqlite3_column_bytes(row, 1);

	if (length > DIRECTORY_NAME_MAX)
		length = DIRECTORY_NAME_MAX;
	name->cookie = (uint64_t)sqlite3_column_int64(row, 0);
	if (length > 0)
		memcpy(name->name, sqlite3_column_blob(row, 1), length);
	name->name[length] = '\0';
	catalog_entry_of(row, 2, &name->entry);
	name->entry.flags |= ENTRY_LISTED;
}

static int read_names(struct catalog *catalog, const char *path, uint64_t after,
		      struct catalog_name *names, int max)
{
	struct index *index = &catalog->store->index;
	struct catalog_dir dir;
	sqlite3_stmt *row;
	int count = 0, error = catalog_dir(catalog, path, &dir);

	if (error != 0 || dir.generation == 0)
		return error != 0 ? error : -ENOENT;
	row = index_query(index,
			  "SELECT position, name, " ENTRY_COLUMNS " FROM entry"
			  " WHERE dir = ? AND position > ? AND first BETWEEN 1 AND ? AND last >= ?"
			  " AND kind != 0 ORDER BY position LIMIT ?",
			  "iiiii", dir.id, (int64_t)after, dir.generation, dir.generation,
			  (int64_t)max);
	while (count < max && (error = index_step(index, row)) == 1)
		fill_name(row, &names[count++]);
	if (error == 1)
		index_done(row);
	return error < 0 ? error : count;
}

int catalog_read(struct catalog *catalog, const char *dir, uint64_t after,
		 struct catalog_name *names, int max)
{
	int count;

	if (max <= 0 || after > INT64_MAX)
		return 0;
	index_lock(&catalog->store->index);
	count = read_names(catalog, dir, after, names, max);
	index_unlock(&catalog->store->index);
	return count;
}

/* ---- facts ---- */

int catalog_fact(struct catalog *catalog, const char *key, char *value_out, size_t size)
{
	struct index *index = &catalog->store->index;
	sqlite3_stmt *row;
	int error;

	if (size == 0)
		return -EINVAL;
	index_lock(index);
	row = index_query(index, "SELECT value FROM fact WHERE scope = ? AND key = ?", "is",
			  catalog->store->scope, key);
	error = index_step(index, row);
	if (error == 1) {
		size_t length = (size_t)sqlite3_column_bytes(row, 0);

		if (length > size - 1)
			length = size - 1;
		if (length > 0)
			memcpy(value_out, sqlite3_column_blob(row, 0), length);
		value_out[length] = '\0';
		index_done(row);
	}
	index_unlock(index);
	if (error == 1)
		return 0;
	return error == 0 ? -ENOENT : error;
}

int catalog_set_fact(struct catalog *catalog, const char *key, const char *value)
{
	struct index *index = &catalog->store->index;
	int error;

	index_lock(index);
	error = index_run(index, "REPLACE INTO fact(scope, key, value) VALUES(?, ?, ?)", "iss",
			  catalog->store->scope, key, value);
	if (error == 0)
		catalog_wrote(catalog);
	index_unlock(index);
	return error;
}

static int position_of(struct catalog *catalog, const char *path, const char *name,
		       uint64_t *position_out)
{
	struct index *index = &catalog->store->index;
	struct catalog_dir dir;
	int error = catalog_dir(catalog, path, &dir);
	sqlite3_stmt *row;

	if (error != 0)
		return error;
	row = index_query(index, "SELECT position FROM entry WHERE dir = ? AND name = ?", "is",
			  dir.id, name);
	error = index_step(index, row);
	if (error != 1)
		return error == 0 ? -ENOENT : error;
	*position_out = (uint64_t)sqlite3_column_int64(row, 0);
	index_done(row);
	return 0;
}

int catalog_behind(struct catalog *catalog, const char *dir, const char *name,
		   struct catalog_name *names, int max)
{
	uint64_t position;
	int count;

	index_lock(&catalog->store->index);
	count = position_of(catalog, dir, name, &position);
	if (count == 0)
		count = read_names(catalog, dir, position, names, max);
	index_unlock(&catalog->store->index);
	return count;
}
