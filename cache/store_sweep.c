/* SPDX-License-Identifier: BSD-2-Clause
 *
 * After an end that was not in order, files may take more than records know of: what was written
 * in the last moments. A thread of its own goes through them once: files without a record go, and
 * blocks outside of recorded units. Until it is through, what they may take counts as used.
 * A data directory of which the index was lost was put aside as DIR/stale-*, and goes as a whole.
 *
 * Only files of former sessions are looked at (numbers below store.first_id).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cache/log.h"
#include "cache/store_content_private.h"

static bool stopping(struct store *store)
{
	bool stop;

	store_lock(store);
	stop = store->sweep_stopping;
	store_unlock(store);
	return stop;
}

/* ---- directories put aside ---- */

static DIR *open_directory(int at, const char *name)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *directory = fd >= 0 ? fdopendir(fd) : NULL;

	if (fd >= 0 && directory == NULL)
		close(fd);
	return directory;
}

static void remove_stale(struct store *store, const char *name)
{
	DIR *directory = open_directory(store->directory_fd, name);
	struct dirent *entry;

	if (directory == NULL)
		return;
	while (!stopping(store) && (entry = readdir(directory)) != NULL)
		unlinkat(dirfd(directory), entry->d_name, 0);
	closedir(directory);
	unlinkat(store->directory_fd, name, AT_REMOVEDIR);
}

static void sweep_stale(struct store *store)
{
	DIR *directory = open_directory(store->directory_fd, ".");
	struct dirent *entry;

	if (directory == NULL)
		return;
	while (!stopping(store) && (entry = readdir(directory)) != NULL)
		if (strncmp(entry->d_name, SWEEP_STALE, strlen(SWEEP_STALE)) == 0)
			remove_stale(store, entry->d_name);
	closedir(directory);
}

/* ---- files ---- */

enum recorded { RECORDED_NOT, RECORDED_PACK, RECORDED_OBJECT };

/* What the rows say of a file; COST_OUT: that it takes. index.lock held. */
static enum recorded find_record(struct store *store, uint64_t id, uint64_t *cost_out)
{
	struct index *index = &store->index;
	enum recorded recorded = RECORDED_NOT;
	sqlite3_stmt *row =
		index_query(index,
			    "SELECT sum(cost), max(live IS NOT NULL) FROM run WHERE content = ?"
			    " AND number <> ?",
			    "ii", (int64_t)id, (int64_t)STORE_CONTENT_RUN);

	if (index_step(index, row) != 1)
		return RECORDED_OBJECT; /* unknown: leave it alone */
	*cost_out = (uint64_t)sqlite3_column_int64(row, 0);
	if (sqlite3_column_type(row, 0) != SQLITE_NULL)
		recorded = sqlite3_column_int(row, 1) != 0 ? RECORDED_PACK : RECORDED_OBJECT;
	index_done(row);
	return recorded;
}

/* Gives back what is not of present units. */
static void punch_absent(struct object *object)
{
	struct store *store = object->store;
	uint32_t count = object->size == STORE_SIZE_UNKNOWN ? object->units_end
							    : cutting_count(object->cutting);
	uint64_t gap = 0;
	int fd;

	store_lock(store);
	fd = file_acquire(store, &object->file, FILE_READ, 0);
	for (uint32_t unit = 0; fd >= 0 && unit < count && object->runs > 0;) {
		struct object_run *run = run_pin(object, unit / STORE_RUN_UNITS);
		uint64_t start = cutting_offset(object->cutting, unit);
		bool present = run != NULL && (run->present >> unit % STORE_RUN_UNITS & 1) != 0;
		uint32_t step = run != NULL && run->present == 0 ? STORE_RUN_UNITS : 1;

		if (run != NULL)
			run_unpin(store, &run->run);
		if (present && start > gap) {
			store_unlock(store);
			file_punch(fd, gap, start - gap);
			store_lock(store);
		}
		if (present)
			gap = start + object_unit_length(object, unit);
		if (step > count - unit)
			break;
		unit += step;
	}
	store_unlock(store);
	if (fd >= 0 && cutting_size(object->cutting) > gap)
		file_punch(fd, gap, cutting_size(object->cutting) - gap);
	store_lock(store);
	if (fd >= 0)
		file_release(store, &object->file);
	store_unlock(store);
}

static void trim_object(struct store *store, uint64_t id)
{
	struct object *object;
	int error;

	index_lock(&store->index);
	error = object_load(store, id, &object);
	index_unlock(&store->index);
	if (error != 0)
		return;
	store_lock(store);
	object_seize(object);
	store_unlock(store);
	punch_absent(object);
	store_lock(store);
	object_unseize(object);
	store_unlock(store);
	object_put(object);
}

static void trim_pack(struct store *store, const char *name, uint64_t cost)
{
	int fd = openat(store->data_fd, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return;
	if (ftruncate(fd, (off_t)cost) != 0)
		log_debug("a pack could not be cut to what is recorded of it");
	close(fd);
}

static void sweep_file(struct store *store, const char *name, uint64_t id)
{
	enum recorded recorded;
	struct stat attributes;
	uint64_t cost = 0;
	bool known;

	index_lock(&store->index);
	recorded = find_record(store, id, &cost);
	known = object_is_loaded(store, id);
	index_unlock(&store->index);
	if (recorded == RECORDED_NOT) {
		if (!known)
			unlinkat(store->data_fd, name, 0);
		return;
	}
	if (fstatat(store->data_fd, name, &attributes, AT_SYMLINK_NOFOLLOW) != 0 ||
	    (uint64_t)attributes.st_blocks * 512 <= cost)
		return;
	if (recorded == RECORDED_PACK)
		trim_pack(store, name, cost);
	else
		trim_object(store, id);
}

/* Content information, of an object whose row does not say so. */
static void sweep_content(struct store *store, const char *name, uint64_t object, uint64_t id)
{
	struct index *index = &store->index;
	struct information information = {0};
	sqlite3_stmt *row;
	int found;

	index_lock(index);
	row = index_query(index, "SELECT information FROM content WHERE id = ?", "i",
			  (int64_t)object);
	found = index_step(index, row);
	if (found == 1) {
		if (sqlite3_column_bytes(row, 0) == sizeof(information))
			memcpy(&information, sqlite3_column_blob(row, 0), sizeof(information));
		index_done(row);
	}
	if (found >= 0 && information.file != id)
		unlinkat(store->data_fd, name, 0);
	index_unlock(index);
}

/* NAME: as file_name() makes them. */
static void sweep_name(struct store *store, const char *name)
{
	char *end;
	uint64_t first = strtoull(name, &end, 16), id;

	if (name[0] == '.' || (*end != '\0' && *end != '.'))
		return;
	if (*end == '\0') {
		if (first < store->first_id)
			sweep_file(store, name, first);
		return;
	}
	id = strtoull(end + 1, &end, 16);
	if (*end == '\0' && id < store->first_id)
		sweep_content(store, name, first, id);
}

static void sweep_files(struct store *store)
{
	DIR *directory = open_directory(store->directory_fd, "data");
	struct dirent *entry;

	if (directory == NULL)
		return;
	while (!stopping(store) && (entry = readdir(directory)) != NULL)
		sweep_name(store, entry->d_name);
	closedir(directory);
}

static void *sweeper(void *context)
{
	struct store *store = context;

	sweep_stale(store);
	if (store->sweep_all)
		sweep_files(store);
	store_lock(store);
	/* Stopped halfway: the next session sweeps again. */
	if (!store->sweep_stopping) {
		store->suspect = 0;
		store->swept = true;
	}
	store->sweeping = false;
	pthread_cond_broadcast(&store->changed);
	/* What is left may be more than a new limit. */
	if (room_left(store) == 0)
		record_wake(store);
	store_unlock(store);
	return NULL;
}

int sweep_start(struct store *store)
{
	int error;

	store_lock(store);
	store->sweeping = true;
	store_unlock(store);
	error = pthread_create(&store->sweeper, NULL, sweeper, store);
	store->sweeper_runs = error == 0;
	if (error != 0) {
		store_lock(store);
		store->sweeping = false;
		store_unlock(store);
	}
	return -error;
}

void sweep_stop(struct store *store)
{
	store_lock(store);
	store->sweep_stopping = true;
	store_unlock(store);
	if (store->sweeper_runs)
		pthread_join(store->sweeper, NULL);
	store->sweeper_runs = false;
}
