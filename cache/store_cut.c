/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Cutting an object anew. In a sparse file no octet moves: each new unit that lies in old ones that
 * are all there is read, which checks those, and hashed; then the records are exchanged. A crash
 * in the middle of that loses records, never right ones for wrong data. What no new unit covers is
 * given back. A content in a pack is small enough to be written anew.
 */
#include <errno.h>
#include <stdlib.h>

#include "cache/store_private.h"

/* The new run NUMBER, as far as it can be filled; NULL where nothing can. */
struct cut_run {
	uint64_t present;
	XXH128_hash_t sums[STORE_RUN_UNITS];
};

struct cut {
	struct object *object;
	struct cutting *cutting; /* the new one */
	struct cut_run **runs;
	uint32_t run_count;
	int64_t used; /* the last use of the object */
};

static void cut_free(struct cut *cut)
{
	for (uint32_t i = 0; i < cut->run_count && cut->runs != NULL; i++)
		free(cut->runs[i]);
	free(cut->runs);
}

/* Hashes the new unit from the old ones, if they are there. */
static int fill_unit(struct cut *cut, uint32_t unit)
{
	char data[CUTTING_UNIT_MAX];
	uint32_t length = cutting_length(cut->cutting, unit);
	struct cut_run **run = &cut->runs[unit / STORE_RUN_UNITS];

	if (object_read_part(cut->object, cutting_offset(cut->cutting, unit), length, data, false,
			     false) != 0)
		return 0;
	if (*run == NULL)
		*run = calloc(1, sizeof(**run));
	if (*run == NULL)
		return -ENOMEM;
	(*run)->present |= UINT64_C(1) << unit % STORE_RUN_UNITS;
	(*run)->sums[unit % STORE_RUN_UNITS] = unit_sum(data, length);
	return 0;
}

static int fill(struct cut *cut)
{
	uint32_t count = cutting_count(cut->cutting);
	int error = 0;

	cut->run_count = (count + STORE_RUN_UNITS - 1) / STORE_RUN_UNITS;
	cut->runs = calloc(cut->run_count, sizeof(cut->runs[0]));
	if (cut->runs == NULL)
		return -ENOMEM;
	for (uint32_t unit = 0; unit < count && error == 0; unit++)
		error = fill_unit(cut, unit);
	return error;
}

/* Puts the new run in the place of the old ones. */
static int install_run(struct cut *cut, uint32_t number)
{
	struct object *object = cut->object;
	struct store *store = object->store;
	const struct cut_run *from = cut->runs[number];
	struct object_run *run;

	store_lock(store);
	run = run_pin(object, number);
	if (run == NULL) {
		store_unlock(store);
		return -ENOMEM;
	}
	for (unsigned i = 0; i < STORE_RUN_UNITS; i++)
		run->sums[i] = from->sums[i];
	run->run.used = cut->used;
	run_set_present(run, from->present);
	run_set_cost(store, &run->run, run_cost(object, number, from->present));
	run_unpin(store, &run->run);
	store_unlock(store);
	return 0;
}

/* Gives back what lies between new units that are present. */
static void punch_gaps(struct cut *cut, int fd)
{
	uint32_t count = cutting_count(cut->cutting);
	uint64_t gap = 0; /* where it begins */

	for (uint32_t unit = 0; unit <= count; unit++) {
		const struct cut_run *run = unit < count ? cut->runs[unit / STORE_RUN_UNITS] : NULL;
		bool present = run != NULL && (run->present >> unit % STORE_RUN_UNITS & 1) != 0;
		/* Behind the end, or the block that it lies in would stay. */
		uint64_t start = unit < count ? cutting_offset(cut->cutting, unit)
					      : cut->object->size + cut->object->store->block;

		if ((present || unit == count) && start > gap)
			file_punch(fd, gap, start - gap);
		if (present)
			gap = start + cutting_length(cut->cutting, unit);
	}
}

static void release_gaps(struct cut *cut)
{
	struct object *object = cut->object;
	struct store *store = object->store;
	int fd;

	store_lock(store);
	fd = file_acquire(store, &object->file, FILE_READ, 0);
	store_unlock(store);
	if (fd < 0)
		return;
	punch_gaps(cut, fd);
	store_lock(store);
	file_release(store, &object->file);
	store_unlock(store);
}

static int64_t last_use(struct object *object)
{
	struct index *index = &object->store->index;
	int64_t used = 0;
	sqlite3_stmt *row;

	index_lock(index);
	record_flush(object->store);
	row = index_query(index, "SELECT max(used) FROM run WHERE content = ?", "i",
			  (int64_t)object->id);
	if (index_step(index, row) == 1) {
		used = sqlite3_column_int64(row, 0);
		index_done(row);
	}
	index_unlock(index);
	return used;
}

/* Takes the new cutting over, unless it fails. */
static int set_cutting(struct object *object, struct cutting *cutting)
{
	struct store *store = object->store;
	int error;

	store_lock(store);
	error = object_set_cutting(object, cutting);
	if (error == 0 && (object->runs > 0 || object->pack != 0))
		object_mark_dirty(object);
	store_unlock(store);
	return error;
}

static int cut_sparse(struct object *object, struct cutting *cutting)
{
	struct store *store = object->store;
	struct cut cut = {.object = object, .cutting = cutting};
	uint64_t cost;
	int error = fill(&cut);

	if (error != 0) {
		cut_free(&cut);
		return error;
	}
	cut.used = last_use(object);
	/* First: old records must never meet the new cutting. */
	cost = object_forget(object);
	error = set_cutting(object, cutting);
	for (uint32_t i = 0; i < cut.run_count && error == 0; i++)
		if (cut.runs[i] != NULL)
			error = install_run(&cut, i);
	release_gaps(&cut);
	store_lock(store);
	store->used -= cost < store->used ? cost : store->used;
	store_unlock(store);
	cut_free(&cut);
	return object_cutting(object) == cutting ? 0 : error;
}

/* Reads what lies in a pack, and leaves the object empty, to be written in another layout. */
static int cut_packed(struct object *object, struct cutting *cutting, void *data)
{
	struct store *store = object->store;
	int error = pack_read(object, 0, (uint32_t)object->size, data, false, false);

	if (error == 0) {
		index_lock(&store->index);
		store_lock(store);
		pack_forget(object);
		store_unlock(store);
		index_unlock(&store->index);
	}
	return set_cutting(object, cutting) != 0 ? -ENOMEM : error;
}

static void write_units(struct object *object, const struct cutting *cutting, const char *data)
{
	int error = 0;

	for (uint32_t unit = 0; unit < cutting_count(cutting) && error == 0; unit++)
		error = object_write(object, unit, data + cutting_offset(cutting, unit),
				     cutting_length(cutting, unit));
}

int object_cut(struct object *object, const uint32_t *lengths, uint32_t count)
{
	char data[CUTTING_UNIT_MAX];
	struct store *store = object->store;
	struct cutting *cutting;
	bool rewrite = false;
	int error = cutting_listed(lengths, count, &cutting);

	if (error != 0)
		return error;
	store_lock(store);
	object_seize(object);
	store_unlock(store);
	if (cutting_size(cutting) != object->size) {
		error = -EINVAL;
	} else if (object->pack == 0) {
		error = cut_sparse(object, cutting);
	} else if (count == 1) {
		error = set_cutting(object, cutting);
	} else {
		error = cut_packed(object, cutting, data);
		rewrite = error == 0;
		if (error == -ENOENT || error == -EBADMSG)
			error = 0; /* nothing was there to be kept */
	}
	store_lock(store);
	object_unseize(object);
	store_unlock(store);
	if (error != 0)
		cutting_free(cutting);
	else if (rewrite)
		write_units(object, cutting, data);
	return error;
}
