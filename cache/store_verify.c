/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Verifying: every unit below a path is read and hashed, whatever is believed of it, and the bad
 * ones are dropped. So is content information. A look is not a use: nothing becomes younger by it.
 */
#include <errno.h>

#include "cache/store_content_private.h"
#include "cache/store_opaque_private.h"

struct verifier {
	struct store *store;
	bool (*continue_)(void *context, const struct store_progress *progress);
	void *context;
	struct store_progress progress;
};

/* Counts the outcome of a check of OCTETS and asks whether to go on. */
static int account(struct verifier *verifier, uint64_t octets, int error)
{
	if (error == 0 || error == -EBADMSG)
		verifier->progress.checked += octets;
	if (error == -EBADMSG)
		verifier->progress.bad += octets;
	if (verifier->continue_ != NULL &&
	    !verifier->continue_(verifier->context, &verifier->progress))
		return -ECANCELED;
	return 0;
}

/* The units of run NUMBER that are present, 0 when there is none; pinned when there are. */
static uint64_t pin_present(struct object *object, uint32_t number, struct object_run **run_out)
{
	struct store *store = object->store;
	uint64_t present = 0;

	store_lock(store);
	*run_out = object->runs > 0 ? run_pin(object, number) : NULL;
	if (*run_out != NULL)
		present = (*run_out)->present;
	if (*run_out != NULL && present == 0)
		run_unpin(store, &(*run_out)->run);
	store_unlock(store);
	return present;
}

static int verify_run(struct verifier *verifier, struct object *object, uint32_t number)
{
	char data[CUTTING_UNIT_MAX];
	struct object_run *run;
	uint64_t left = pin_present(object, number, &run);
	int error = 0;

	if (left == 0)
		return 0;
	for (; left != 0 && error == 0; left &= left - 1) {
		uint32_t unit = number * STORE_RUN_UNITS + (uint32_t)__builtin_ctzll(left);
		uint32_t length = object_unit_length(object, unit);

		error = account(verifier, length, unit_check(object, run, unit, data));
	}
	store_lock(verifier->store);
	run_unpin(verifier->store, &run->run);
	store_unlock(verifier->store);
	return error;
}

/* The first recorded run from FROM on. */
static bool next_run(struct object *object, uint32_t from, uint32_t *number_out)
{
	struct index *index = &object->store->index;
	sqlite3_stmt *row;
	bool found;

	index_lock(index);
	row = index_query(index,
			  "SELECT number FROM run WHERE content = ? AND number >= ?"
			  " ORDER BY number LIMIT 1",
			  "ii", (int64_t)object->id, (int64_t)from);
	found = index_step(index, row) == 1;
	if (found) {
		*number_out = (uint32_t)sqlite3_column_int64(row, 0);
		index_done(row);
	}
	index_unlock(index);
	return found;
}

static int verify_sparse(struct verifier *verifier, struct object *object)
{
	uint32_t number = 0;
	int error = 0;

	while (error == 0 && next_run(object, number, &number) && number != STORE_CONTENT_RUN)
		error = verify_run(verifier, object, number++);
	return error;
}

static int verify_object(struct verifier *verifier, struct object *object)
{
	char data[CUTTING_UNIT_MAX];
	struct store *store = object->store;
	uint64_t pack;
	int error;

	store_lock(store);
	object_begin(object);
	pack = object->pack;
	store_unlock(store);
	if (pack != 0)
		error = account(verifier, object->size,
				pack_read(object, 0, (uint32_t)object->size, data, false, false));
	else
		error = verify_sparse(verifier, object);
	store_lock(store);
	object_end(object);
	store_unlock(store);
	return error;
}

static int verify_id(struct verifier *verifier, uint64_t id)
{
	struct store *store = verifier->store;
	struct object *object;
	uint64_t octets;
	int error, content;

	index_lock(&store->index);
	error = object_load(store, id, &object);
	index_unlock(&store->index);
	if (error != 0)
		return 0; /* gone meanwhile */
	error = verify_object(verifier, object);
	content = error == 0 ? object_content_verify(object, &octets) : -ENOENT;
	if (content != -ENOENT)
		error = account(verifier, octets, content);
	object_put(object);
	return error;
}

/* Every opaque block. */
static int verify_opaque(struct verifier *verifier)
{
	struct store *store = verifier->store;
	struct opaque_row rows[STORE_BATCH], last = {.id = INT64_MIN};
	unsigned count = opaque_none(store) ? 0 : STORE_BATCH;
	struct opaque_header header;
	char data[STORE_OPAQUE_MAX];
	int error = 0;

	while (error == 0 && count == STORE_BATCH) {
		index_lock(&store->index);
		count = opaque_rows_next(store, &last, rows, STORE_BATCH);
		index_unlock(&store->index);
		for (unsigned i = 0; i < count && error == 0; i++)
			error = account(verifier, rows[i].length,
					opaque_load(store, &rows[i], false, &header, data));
		if (count > 0)
			last = rows[count - 1];
	}
	return error;
}

int store_verify(struct store *store, const char *path,
		 bool (*continue_)(void *context, const struct store_progress *progress),
		 void *context, struct store_progress *progress_out)
{
	struct verifier verifier = {.store = store, .continue_ = continue_, .context = context};
	struct walk walk;
	int count = 0, error = walk_start(&walk, store, path, false);

	if (error != 0)
		return error;
	while (error == 0 && (count = walk_next(&walk)) > 0)
		for (int i = 0; i < count && error == 0; i++)
			error = verify_id(&verifier, walk.ids[i]);
	walk_end(&walk);
	if (error == 0 && count < 0)
		error = count;
	if (error == 0 && path == NULL)
		error = verify_opaque(&verifier);
	if (progress_out != NULL)
		*progress_out = verifier.progress;
	return error;
}
