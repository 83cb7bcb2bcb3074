/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Listings: replaced, confirmed, forgotten. A long one is written in batches of rows, between which
 * others get at the index; what makes it hold, all at once, is the number in its dir row.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cache/catalog_private.h"

/* Our choice: rows in one go, well under a millisecond. */
enum { ROWS_AT_A_TIME = 100 };

/* Gives index.lock to others for a moment, with the transaction ended if it has become long.
 * -ENOSPC: the index has no more room. */
static int breathe(struct catalog *catalog)
{
	struct store *store = catalog->store;
	int error = 0;

	if (index_should_commit(&store->index))
		error = record_flush(store);
	if (error == 0)
		index_tidy(&store->index);
	index_unlock(&store->index);
	if (error == 0 && room_enforce(store) != 0)
		error = -ENOSPC;
	index_lock(&store->index);
	return error;
}

int catalog_listing(struct catalog *catalog, const char *dir, struct catalog_listing *listing_out)
{
	struct index *index = &catalog->store->index;
	struct catalog_dir row;
	int error;

	index_lock(index);
	error = catalog_dir(catalog, dir, &row);
	index_unlock(index);
	if (error != 0)
		return error;
	if (row.generation == 0)
		return -ENOENT;
	*listing_out = (struct catalog_listing){
		.fetched = row.fetched, .count = (uint32_t)row.count, .complete = true};
	return 0;
}

/* ---- forgetting, index.lock held ---- */

static int forget_entries(struct catalog *catalog, int64_t dir)
{
	struct index *index = &catalog->store->index;
	int error, rows;

	do {
		error = index_run(index,
				  "DELETE FROM entry WHERE dir = ? AND position IN (SELECT position"
				  " FROM entry WHERE dir = ? ORDER BY position LIMIT ?)",
				  "iii", dir, dir, (int64_t)ROWS_AT_A_TIME);
		rows = error == 0 ? index_changes(index) : 0;
		/* Not after the last ones: the row of the directory goes with them. */
		if (rows == ROWS_AT_A_TIME)
			error = breathe(catalog);
		/* Deleting makes room in the end. */
		if (error == -ENOSPC)
			error = 0;
	} while (error == 0 && rows == ROWS_AT_A_TIME);
	return error;
}

/* A place among the directories, in the order of their paths. */
struct below {
	char *path;
	size_t size; /* octets of it that count; with its NUL it is the least path behind it */
	int64_t dir;
};

/* 1: the first one from BELOW's path on, which then stands behind it. */
static int next_dir_below(struct catalog *catalog, struct below *below, const char *high)
{
	struct index *index = &catalog->store->index;
	sqlite3_stmt *row =
		index_query(index,
			    "SELECT id, path FROM dir WHERE scope = ? AND path >= ?"
			    " AND path < ? ORDER BY path LIMIT 1",
			    "ibs", catalog->store->scope, below->path, below->size, high);
	int error = index_step(index, row);
	size_t length;
	char *path;

	if (error != 1)
		return error;
	length = (size_t)sqlite3_column_bytes(row, 1);
	path = calloc(1, length + 1);
	if (path != NULL && length > 0)
		memcpy(path, sqlite3_column_blob(row, 1), length);
	below->dir = sqlite3_column_int64(row, 0);
	index_done(row);
	if (path == NULL)
		return -ENOMEM;
	free(below->path);
	below->path = path;
	below->size = length + 1;
	return 1;
}

static bool is_held(struct catalog *catalog, const char *path)
{
	struct catalog_hold *hold;

	LIST_FOREACH (hold, &catalog->holds, in_catalog)
		if (strcmp(hold->path, path) == 0)
			return true;
	return false;
}

static int forget_dir(struct catalog *catalog, int64_t dir)
{
	struct index *index = &catalog->store->index;
	int error = index_run(index, "UPDATE dir SET generation = 0, fetched = 0 WHERE id = ?", "i",
			      dir);

	if (error == 0)
		error = forget_entries(catalog, dir);
	if (error == 0)
		error = index_run(index, "DELETE FROM dir WHERE id = ?", "i", dir);
	return error;
}

/* All but that names are listed. */
static int distrust_dir(struct catalog *catalog, int64_t dir)
{
	struct index *index = &catalog->store->index;
	int error = index_run(index, "UPDATE dir SET fetched = 0 WHERE id = ?", "i", dir);

	if (error == 0)
		error = index_run(index,
				  "DELETE FROM entry WHERE dir = ? AND (last = 0 OR kind = 0)", "i",
				  dir);
	if (error == 0)
		error = index_run(index,
				  "UPDATE entry SET said = 0, checked = 0, validator = NULL"
				  " WHERE dir = ? AND checked > 0",
				  "i", dir);
	return error;
}

static int forget_range(struct catalog *catalog, const char *low, const char *high)
{
	struct below below = {.path = strdup(low), .size = strlen(low)};
	int error = below.path != NULL ? 1 : -ENOMEM;

	while (error == 1 && (error = next_dir_below(catalog, &below, high)) == 1) {
		error = is_held(catalog, below.path) ? distrust_dir(catalog, below.dir)
						     : forget_dir(catalog, below.dir);
		if (error == 0)
			error = 1;
	}
	free(below.path);
	return error;
}

/* Forgets the listings of PATH and below. index.lock held, given to others meanwhile. */
static int forget_below(struct catalog *catalog, const char *path)
{
	char *low, *high;
	int error;

	if (path[0] == '\0')
		return forget_range(catalog, "", "\xff\xff\xff\xff\xff\xff\xff\xff");
	if (asprintf(&low, "%s/", path) < 0)
		return -ENOMEM;
	if (asprintf(&high, "%s0", path) < 0) { /* '0' follows '/' */
		free(low);
		return -ENOMEM;
	}
	error = forget_range(catalog, low, high);
	high[strlen(path)] = '\1';
	if (error == 0)
		error = forget_range(catalog, path, high);
	free(high);
	free(low);
	return error;
}

/* What is known of the name itself. That it is listed stays known. */
static int forget_name(struct catalog *catalog, const char *parent, const char *name)
{
	struct index *index = &catalog->store->index;
	struct catalog_dir dir;
	int error = catalog_dir(catalog, parent, &dir);

	if (error != 0)
		return error == -ENOENT ? 0 : error;
	error = index_run(index,
			  "DELETE FROM entry WHERE dir = ? AND name = ? AND (last = 0 OR kind = 0)",
			  "is", dir.id, name);
	if (error == 0)
		error = index_run(index,
				  "UPDATE entry SET said = 0, flags = 0, checked = 0,"
				  " validator = NULL WHERE dir = ? AND name = ?",
				  "is", dir.id, name);
	return error;
}

static int forget_path_name(struct catalog *catalog, const char *path)
{
	const char *slash = strrchr(path, '/');
	char *parent = slash != NULL ? strndup(path, (size_t)(slash - path)) : strdup("");
	int error;

	if (parent == NULL)
		return -ENOMEM;
	error = forget_name(catalog, parent, slash != NULL ? slash + 1 : path);
	free(parent);
	return error;
}

int catalog_forget(struct catalog *catalog, const char *path)
{
	struct store *store = catalog->store;
	int error = 0;

	/* A listing that is being written would lose names, or leave some without a directory. */
	pthread_mutex_lock(&catalog->replacing);
	index_lock(&store->index);
	if (path != NULL && path[0] != '\0')
		error = forget_path_name(catalog, path);
	if (error == 0)
		error = forget_below(catalog, path != NULL ? path : "");
	if (error == 0)
		error = record_flush(store);
	index_unlock(&store->index);
	pthread_mutex_unlock(&catalog->replacing);
	catalog_wrote(catalog);
	return error;
}

/* ---- replacing, index.lock held ---- */

struct replacement {
	struct catalog *catalog;
	const char *path;
	const struct directory *directory;
	struct catalog_dir dir;
	int64_t number;
	int64_t kept; /* names that were listed before */
};

/* What is known of a name now. */
struct former {
	int64_t position, first, last, said;
	struct entry entry;
};

static int64_t said_of(const struct entry *entry)
{
	const int64_t numbers[] = {entry->kind, entry->flags, entry->size, entry->mtime,
				   entry->mode};
	uint64_t seed = XXH3_64bits(entry->validator, strlen(entry->validator));

	return (int64_t)(XXH3_64bits_withSeed(numbers, sizeof(numbers), seed) | 1);
}

static int find_former(struct replacement *replacement, const char *name, struct former *former)
{
	struct index *index = &replacement->catalog->store->index;
	sqlite3_stmt *row = index_query(index,
					"SELECT position, first, last, said, " ENTRY_COLUMNS
					" FROM entry WHERE dir = ? AND name = ?",
					"is", replacement->dir.id, name);
	int error = index_step(index, row);

	if (error != 1)
		return error == 0 ? -ENOENT : error;
	former->position = sqlite3_column_int64(row, 0);
	former->first = sqlite3_column_int64(row, 1);
	former->last = sqlite3_column_int64(row, 2);
	former->said = sqlite3_column_int64(row, 3);
	catalog_entry_of(row, 4, &former->entry);
	index_done(row);
	return 0;
}

/* Whether what the origin itself said may stay beside what the first listing says. */
static bool agrees(const struct entry *listed, const struct entry *known)
{
	unsigned both = listed->flags & known->flags;

	if (known->checked == 0 || listed->kind != known->kind)
		return false;
	if ((both & ENTRY_SIZE_EXACT) != 0 && listed->size != known->size)
		return false;
	if ((both & ENTRY_MTIME_EXACT) != 0 && listed->mtime != known->mtime)
		return false;
	return listed->validator[0] == '\0' || strcmp(listed->validator, known->validator) == 0;
}

static int write_new(struct replacement *replacement, const char *name, const struct entry *entry)
{
	return index_run(&replacement->catalog->store->index,
			 "INSERT INTO entry(dir, position, name, first, last, said, " ENTRY_COLUMNS
			 ") VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?)",
			 "iisiiiiiiiis", replacement->dir.id, replacement->dir.next++, name,
			 replacement->number, replacement->number, said_of(entry),
			 (int64_t)entry->kind, (int64_t)entry->flags, entry->size, entry->mtime,
			 (int64_t)entry->mode, entry->validator);
}

static int write_again(struct replacement *replacement, const struct former *former,
		       const struct entry *entry, int64_t first)
{
	return index_run(&replacement->catalog->store->index,
			 "UPDATE entry SET first = ?, last = ?, said = ?, kind = ?, flags = ?,"
			 " size = ?, mtime = ?, mode = ?, checked = 0, validator = ?"
			 " WHERE dir = ? AND position = ?",
			 "iiiiiiiisii", first, replacement->number, said_of(entry),
			 (int64_t)entry->kind, (int64_t)entry->flags, entry->size, entry->mtime,
			 (int64_t)entry->mode, entry->validator, replacement->dir.id,
			 former->position);
}

static int write_repeated(struct replacement *replacement, const struct former *former,
			  const struct entry *entry, int64_t first)
{
	return index_run(&replacement->catalog->store->index,
			 "UPDATE entry SET first = ?, last = ?, said = ?"
			 " WHERE dir = ? AND position = ?",
			 "iiiii", first, replacement->number, said_of(entry), replacement->dir.id,
			 former->position);
}

static int forget_child(struct replacement *replacement, const char *name)
{
	char *path;
	int error;

	if (asprintf(&path, "%s%s%s", replacement->path, replacement->path[0] != '\0' ? "/" : "",
		     name) < 0)
		return -ENOMEM;
	error = forget_below(replacement->catalog, path);
	free(path);
	return error;
}

static int replace_name(struct replacement *replacement, uint32_t at)
{
	struct entry entry;
	const char *name = directory_entry(replacement->directory, at, &entry);
	int64_t generation = replacement->dir.generation, first = replacement->number;
	struct former former;
	int error = find_former(replacement, name, &former);

	if (error != 0)
		return error == -ENOENT ? write_new(replacement, name, &entry) : error;
	if (generation > 0 && former.first > 0 && former.first <= generation &&
	    former.last >= generation) {
		first = former.first;
		replacement->kept++;
	}
	if (former.said == said_of(&entry) || (former.said == 0 && agrees(&entry, &former.entry)))
		return write_repeated(replacement, &former, &entry, first);
	error = write_again(replacement, &former, &entry, first);
	if (error == 0 && former.entry.kind == ENTRY_DIRECTORY && entry.kind != ENTRY_DIRECTORY)
		error = forget_child(replacement, name);
	return error;
}

/* Others may have learned names meanwhile, or forgotten the directory. */
static int pause_and_look(struct replacement *replacement)
{
	struct index *index = &replacement->catalog->store->index;
	int64_t id = replacement->dir.id;
	int error = index_run(index, "UPDATE dir SET next = max(next, ?) WHERE id = ?", "ii",
			      replacement->dir.next, id);

	if (error == 0)
		error = breathe(replacement->catalog);
	if (error == 0)
		error = catalog_dir(replacement->catalog, replacement->path, &replacement->dir);
	if (error == -ENOENT || (error == 0 && (replacement->dir.id != id ||
						replacement->dir.attempt != replacement->number)))
		error = -ECANCELED;
	return error;
}

static int write_names(struct replacement *replacement)
{
	uint32_t count = directory_count(replacement->directory);
	int error = 0;

	for (uint32_t i = 0; i < count && error == 0; i++) {
		error = replace_name(replacement, i);
		if (error == 0 && i % ROWS_AT_A_TIME == ROWS_AT_A_TIME - 1)
			error = pause_and_look(replacement);
	}
	return error;
}

/* One name behind AFTER that is listed no more: 1, with its position; 0: none. Looks at
 * ROWS_AT_A_TIME at most; AFTER is then where it stopped. */
static int next_unlisted(struct replacement *replacement, int64_t *after, char *name)
{
	struct index *index = &replacement->catalog->store->index;
	sqlite3_stmt *row =
		index_query(index,
			    "SELECT position, last, name FROM entry WHERE dir = ? AND position > ?"
			    " ORDER BY position LIMIT ?",
			    "iii", replacement->dir.id, *after, (int64_t)ROWS_AT_A_TIME);
	int error, seen = 0;

	while ((error = index_step(index, row)) == 1) {
		int64_t last = sqlite3_column_int64(row, 1);
		size_t length = (size_t)sqlite3_column_bytes(row, 2);

		seen++;
		*after = sqlite3_column_int64(row, 0);
		if (last == 0 || last >= replacement->number)
			continue;
		length = length < DIRECTORY_NAME_MAX ? length : DIRECTORY_NAME_MAX;
		memcpy(name, sqlite3_column_blob(row, 2), length);
		name[length] = '\0';
		index_done(row);
		return 1;
	}
	name[0] = '\0';
	return error == 0 && seen > 0 ? 1 : error;
}

/* Deletes the names that are listed no more, with all below them. */
static int forget_unlisted(struct replacement *replacement)
{
	struct index *index = &replacement->catalog->store->index;
	char name[DIRECTORY_NAME_MAX + 1];
	int64_t after = 0;
	unsigned steps = 0;
	int error;

	while ((error = next_unlisted(replacement, &after, name)) == 1) {
		error = 0;
		if (name[0] != '\0') {
			error = index_run(index, "DELETE FROM entry WHERE dir = ? AND position = ?",
					  "ii", replacement->dir.id, after);
			if (error == 0)
				error = forget_child(replacement, name);
		}
		if (error == 0 && (name[0] == '\0' || ++steps % ROWS_AT_A_TIME == 0))
			error = breathe(replacement->catalog);
		if (error != 0)
			return error;
	}
	return error;
}

static int begin_replacement(struct replacement *replacement)
{
	int error = catalog_make_dir(replacement->catalog, replacement->path, &replacement->dir);

	if (error != 0)
		return error;
	replacement->number = replacement->dir.attempt + 1;
	return index_run(&replacement->catalog->store->index,
			 "UPDATE dir SET attempt = ? WHERE id = ?", "ii", replacement->number,
			 replacement->dir.id);
}

static int replace(struct replacement *replacement, int64_t now)
{
	struct store *store = replacement->catalog->store;
	int64_t count = directory_count(replacement->directory), former;
	int error = begin_replacement(replacement);

	if (error != 0)
		return error;
	former = replacement->dir.generation > 0 ? replacement->dir.count : 0;
	error = write_names(replacement);
	if (error == 0)
		error = index_run(&store->index,
				  "UPDATE dir SET generation = ?, fetched = ?, count = ?,"
				  " next = max(next, ?) WHERE id = ?",
				  "iiiii", replacement->number, now, count, replacement->dir.next,
				  replacement->dir.id);
	if (error == 0)
		error = record_flush(store);
	if (error == 0 && former != replacement->kept)
		error = forget_unlisted(replacement);
	return error;
}

/* What the disk refused others took these rows with it. */
static int true_error(struct store *store, int error)
{
	bool failing;

	store_lock(store);
	failing = store->failing;
	store_unlock(store);
	return error == -ECANCELED && failing ? -ENOSPC : error;
}

int catalog_replace(struct catalog *catalog, const char *dir, const struct directory *directory,
		    int64_t now)
{
	struct replacement replacement = {.catalog = catalog, .path = dir, .directory = directory};
	struct store *store = catalog->store;
	int error = 0;

	if (room_enforce(store) != 0)
		return -ENOSPC;
	pthread_mutex_lock(&catalog->replacing);
	index_lock(&store->index);
	error = replace(&replacement, now);
	index_unlock(&store->index);
	pthread_mutex_unlock(&catalog->replacing);
	catalog_wrote(catalog);
	error = true_error(store, error);
	/* Others have filled the volume: what goes leaves room for the index too. */
	if (error == -ENOSPC)
		(void)evict_for(store, 0);
	return error;
}
