/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Objects in memory: found by path, validator and size, or by id; loaded from their row, counted by
 * reference, and freed when neither a reference nor a loaded run nor an unwritten record needs
 * them. Whatever takes I/O at the end of an object is done by object_bury(), outside of locks.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cache/store_content_private.h"

static unsigned path_slot(const char *path)
{
	return (unsigned)XXH3_64bits(path, strlen(path)) % STORE_BUCKETS;
}

static unsigned id_slot(uint64_t id)
{
	return (unsigned)(id % STORE_BUCKETS);
}

bool path_below(const char *path, const char *top)
{
	size_t length = strlen(top);

	if (length == 0)
		return true;
	return strncmp(path, top, length) == 0 && (path[length] == '\0' || path[length] == '/');
}

/* Lock held. */
static struct object *find_by_id(struct store *store, uint64_t id)
{
	struct object *object;

	LIST_FOREACH (object, &store->by_id[id_slot(id)], id_bucket)
		if (object->id == id)
			return object;
	return NULL;
}

bool object_is_loaded(struct store *store, uint64_t id)
{
	bool loaded;

	store_lock(store);
	loaded = find_by_id(store, id) != NULL;
	store_unlock(store);
	return loaded;
}

/* Lock held. */
static struct object *find_by_key(struct store *store, const char *path, const char *validator,
				  uint64_t size)
{
	struct object *object;

	LIST_FOREACH (object, &store->by_path[path_slot(path)], path_bucket)
		if (object->size == size && object->scope == store->scope &&
		    strcmp(object->path, path) == 0 && strcmp(object->validator, validator) == 0)
			return object;
	return NULL;
}

static void object_free(struct object *object)
{
	for (unsigned i = 0; i < object->former_count; i++)
		cutting_free(object->former[i]);
	free(object->former);
	cutting_free(object->cutting);
	free(object->validator);
	free(object->path);
	free(object);
}

/* The cutting of an object of which no other is known; while the size is unknown, the longest. */
static int first_cutting(uint64_t size, struct cutting **cutting_out)
{
	if (size == STORE_SIZE_UNKNOWN)
		size = (uint64_t)UINT32_MAX * CUTTING_UNIT;
	return cutting_uniform(size, cutting_out);
}

static int object_make(struct store *store, const char *path, const char *validator, uint64_t size,
		       struct object **object_out)
{
	struct object *object = calloc(1, sizeof(*object));
	int error;

	if (object == NULL)
		return -ENOMEM;
	object->store = store;
	object->scope = store->scope;
	object->size = size;
	object->file.fd = -1;
	object->path = strdup(path);
	object->validator = strdup(validator);
	error = object->path == NULL || object->validator == NULL
			? -ENOMEM
			: first_cutting(size, &object->cutting);
	if (error != 0) {
		object_free(object);
		return error;
	}
	*object_out = object;
	return 0;
}

/* Lock held. With a first reference. */
static void object_insert(struct object *object, uint64_t id)
{
	struct store *store = object->store;

	object->id = id;
	object->file.id = id;
	object->references = 1;
	LIST_INSERT_HEAD(&store->by_path[path_slot(object->path)], object, path_bucket);
	LIST_INSERT_HEAD(&store->by_id[id_slot(id)], object, id_bucket);
}

int object_expect_cutting(struct object *object)
{
	struct cutting **former =
		reallocarray(object->former, object->former_count + 1, sizeof(object->former[0]));

	if (former == NULL)
		return -ENOMEM;
	object->former = former;
	return 0;
}

int object_set_cutting(struct object *object, struct cutting *cutting)
{
	int error = object_expect_cutting(object);

	if (error != 0)
		return error;
	object->former[object->former_count++] = object->cutting;
	__atomic_store_n(&object->cutting, cutting, __ATOMIC_RELEASE);
	return 0;
}

void object_replace_cutting(struct object *object, struct cutting *cutting)
{
	cutting_free(object->cutting);
	__atomic_store_n(&object->cutting, cutting, __ATOMIC_RELEASE);
}

/* ---- from rows ---- */

static char *column_text(sqlite3_stmt *statement, int column)
{
	const void *data = sqlite3_column_blob(statement, column);
	size_t length = (size_t)sqlite3_column_bytes(statement, column);

	if (data == NULL)
		return strdup("");
	return memchr(data, '\0', length) == NULL ? strndup(data, length) : NULL;
}

/* What column 8 says. -EBADMSG: neither nothing nor a struct information. */
static int load_information(struct object *object, sqlite3_stmt *row)
{
	const void *information = sqlite3_column_blob(row, 8);

	if (information == NULL)
		return 0;
	if (sqlite3_column_bytes(row, 8) != sizeof(object->information))
		return -EBADMSG;
	memcpy(&object->information, information, sizeof(object->information));
	return object->information.file != 0 ? 0 : -EBADMSG;
}

/* The units, when they are listed. */
static int load_cutting(struct object *object)
{
	struct cutting *cutting;
	int error;

	if (object->information.cutting_octets == 0)
		return 0;
	error = information_cutting(object, &cutting);
	if (error != 0)
		return error;
	object_replace_cutting(object, cutting);
	return 0;
}

#define CONTENT_COLUMNS                                                                            \
	"id, path, validator, size, pinned, pack, start, sum, information, proof, octets, runs,"   \
	" scope, refused"

/* The object that a row of CONTENT_COLUMNS describes. -EBADMSG: it contradicts itself. */
static int from_row(struct store *store, sqlite3_stmt *row, struct object **object_out)
{
	char *path = column_text(row, 1), *validator = column_text(row, 2);
	const void *sum = sqlite3_column_blob(row, 7);
	struct object *object;
	int error = -EBADMSG;

	if (path != NULL && validator != NULL)
		error = object_make(store, path, validator, (uint64_t)sqlite3_column_int64(row, 3),
				    &object);
	free(path);
	free(validator);
	if (error != 0)
		return error;
	object->id = (uint64_t)sqlite3_column_int64(row, 0);
	object->scope = sqlite3_column_int64(row, 12);
	object->wished = sqlite3_column_int64(row, 4) != 0;
	object->pack = (uint64_t)sqlite3_column_int64(row, 5);
	object->start = (uint32_t)sqlite3_column_int64(row, 6);
	if (sum != NULL && sqlite3_column_bytes(row, 7) == sizeof(object->sum))
		memcpy(&object->sum, sum, sizeof(object->sum));
	object->cached = (uint64_t)sqlite3_column_int64(row, 10);
	object->runs = (uint32_t)sqlite3_column_int64(row, 11);
	object->refused = sqlite3_column_int64(row, 13) != 0;
	error = load_information(object, row);
	if (error == 0 && record_proof(object) != (uint64_t)sqlite3_column_int64(row, 9))
		error = -EBADMSG;
	if (error == 0)
		error = load_cutting(object);
	if (error == 0 && object->pack != 0 && cutting_count(object->cutting) != 1)
		error = -EBADMSG;
	if (error != 0) {
		object_free(object);
		return error;
	}
	object->made = object->pack == 0;
	if (object->pack != 0)
		object->cached = object->size;
	*object_out = object;
	return 0;
}

/* How far an object was written whose size is not known yet. */
static uint32_t read_units_end(struct store *store, uint64_t id)
{
	sqlite3_stmt *row = index_query(&store->index,
					"SELECT number FROM run WHERE content = ?"
					" ORDER BY number DESC LIMIT 1",
					"i", (int64_t)id);
	uint32_t end = 0;

	if (index_step(&store->index, row) == 1) {
		end = ((uint32_t)sqlite3_column_int64(row, 0) + 1) * STORE_RUN_UNITS;
		index_done(row);
	}
	return end;
}

/* Puts an object that was loaded under index.lock among the others. */
static struct object *adopt(struct object *object)
{
	struct store *store = object->store;

	if (object->size == STORE_SIZE_UNKNOWN)
		object->units_end = read_units_end(store, object->id);
	store_lock(store);
	object_insert(object, object->id);
	store_unlock(store);
	return object;
}

int object_load(struct store *store, uint64_t id, struct object **object_out)
{
	struct object *object;
	sqlite3_stmt *row;
	int error;

	store_lock(store);
	object = find_by_id(store, id);
	if (object != NULL)
		object->references++;
	store_unlock(store);
	if (object != NULL) {
		*object_out = object;
		return 0;
	}
	row = index_query(&store->index, "SELECT " CONTENT_COLUMNS " FROM content WHERE id = ?",
			  "i", (int64_t)id);
	error = index_step(&store->index, row);
	if (error != 1)
		return error == 0 ? -ENOENT : error;
	error = from_row(store, row, &object);
	index_done(row);
	if (error != 0)
		return error == -EBADMSG ? -ENOENT : error;
	*object_out = adopt(object);
	return 0;
}

/* index.lock held. -ENOENT: no row that can be believed. */
static int load_by_key(struct store *store, const char *path, const char *validator, uint64_t size,
		       struct object **object_out)
{
	sqlite3_stmt *row =
		index_query(&store->index,
			    "SELECT " CONTENT_COLUMNS " FROM content WHERE scope = ? AND path = ?",
			    "is", store->scope, path);
	int error;

	while ((error = index_step(&store->index, row)) == 1) {
		struct object *object;

		if ((uint64_t)sqlite3_column_int64(row, 3) != size)
			continue;
		error = from_row(store, row, &object);
		if (error == -EBADMSG)
			continue;
		if (error != 0) {
			/* Not known to be bad: it must not be made a second time. */
			index_done(row);
			return error;
		}
		if (strcmp(object->validator, validator) == 0 && strcmp(object->path, path) == 0) {
			index_done(row);
			*object_out = adopt(object);
			return 0;
		}
		object_free(object);
	}
	return -ENOENT;
}

/* Takes a reference. Lock not held. NULL: none. */
static struct object *find_loaded(struct store *store, const char *path, const char *validator,
				  uint64_t size)
{
	struct object *object;

	store_lock(store);
	object = find_by_key(store, path, validator, size);
	if (object != NULL)
		object->references++;
	store_unlock(store);
	return object;
}

/* index.lock held. */
static int make_new(struct store *store, const char *path, const char *validator, uint64_t size,
		    struct object **object_out)
{
	struct object *object;
	uint64_t id;
	int error = object_make(store, path, validator, size, &object);

	if (error != 0)
		return error;
	id = store_new_id(store);
	object->wished = wish_covers(store, path);
	store_lock(store);
	object_insert(object, id);
	store_unlock(store);
	*object_out = object;
	return 0;
}

static int find_or_make(struct store *store, const char *path, const char *validator, uint64_t size,
			bool make, struct object **object_out)
{
	struct object *object = find_loaded(store, path, validator, size);
	int error = 0;

	if (object == NULL) {
		index_lock(&store->index);
		object = find_loaded(store, path, validator, size);
		if (object == NULL)
			error = load_by_key(store, path, validator, size, &object);
		if (error == -ENOENT && make)
			error = make_new(store, path, validator, size, &object);
		index_unlock(&store->index);
	}
	if (error != 0)
		return error;
	*object_out = object;
	return 0;
}

int store_object(struct store *store, const char *path, const char *validator, uint64_t size,
		 struct object **object_out)
{
	return find_or_make(store, path, validator, size, true, object_out);
}

int store_find(struct store *store, const char *path, const char *validator, uint64_t size,
	       struct object **object_out)
{
	struct object *object;
	bool something;
	int error;

	/* An empty content is always complete. */
	error = find_or_make(store, path, validator, size, size == 0, &object);
	if (error != 0)
		return error;
	something = size == 0 || object_cached(object) > 0;
	store_lock(store);
	something |= object->information.file != 0;
	store_unlock(store);
	if (!something) {
		object_put(object);
		return -ENOENT;
	}
	*object_out = object;
	return 0;
}

/* ---- references ---- */

struct object *object_get(struct object *object)
{
	store_lock(object->store);
	object->references++;
	store_unlock(object->store);
	return object;
}

void object_put(struct object *object)
{
	struct store *store;
	bool drop, bury;

	if (object == NULL)
		return;
	store = object->store;
	store_lock(store);
	drop = object->references == 1 &&
	       (object->doomed ||
		(object->content_unwanted && object->runs == 0 && object->pack == 0));
	if (drop)
		object->doomed = object->content_unwanted = false;
	store_unlock(store);
	if (drop)
		object_drop(object);
	store_lock(store);
	assert(object->references > 0);
	object->references--;
	object_settle(object);
	bury = !TAILQ_EMPTY(&store->dead_objects) || !TAILQ_EMPTY(&store->dead_packs) ||
	       !TAILQ_EMPTY(&store->dead_contents);
	store_unlock(store);
	if (bury)
		object_bury(store);
}

bool object_doom_others(struct object *object)
{
	struct object *other;
	bool some = false;

	LIST_FOREACH (other, &object->store->by_path[path_slot(object->path)], path_bucket)
		if (other != object && other->scope == object->scope &&
		    strcmp(other->path, object->path) == 0)
			some = other->doomed = true;
	return some;
}

unsigned object_bucket(struct store *store, unsigned bucket, const char *top,
		       struct object **objects, unsigned max)
{
	struct object *object;
	unsigned count = 0;

	store_lock(store);
	LIST_FOREACH (object, &store->by_path[bucket], path_bucket)
		if (count < max && object->scope == store->scope && path_below(object->path, top)) {
			object->references++;
			objects[count++] = object;
		}
	store_unlock(store);
	return count;
}

void object_settle(struct object *object)
{
	struct store *store = object->store;

	if (object->references == 0 && object->content != NULL && !store->unlinked) {
		/* It costs memory, and is read again when it is asked for. */
		TAILQ_INSERT_TAIL(&store->dead_contents, object->content, dead_link);
		object->content = NULL;
	}
	if (object->references > 0 || object->users > 0 || object->seized || object->loaded > 0 ||
	    object->dirty || object->flushing)
		return;
	/* A file without a name lives as long as its descriptor. */
	if (store->unlinked && (object->runs > 0 || object->information.file != 0) &&
	    !store->stopping)
		return;
	LIST_REMOVE(object, path_bucket);
	LIST_REMOVE(object, id_bucket);
	TAILQ_INSERT_TAIL(&store->dead_objects, object, dirty_link);
}

static void bury_pack(struct store *store, struct pack *pack)
{
	if (pack->run.gone) {
		file_remove(store, &pack->file);
		store_lock(store);
		store->used -= pack->run.cost;
		store_unlock(store);
	} else {
		file_close_idle(store, &pack->file);
	}
	free(pack);
}

static void bury_content(struct content_file *content)
{
	if (content != NULL)
		content_put(content->content);
}

void object_bury(struct store *store)
{
	for (;;) {
		struct content_file *content;
		struct object *object;
		struct run *pack;

		store_lock(store);
		content = TAILQ_FIRST(&store->dead_contents);
		if (content != NULL)
			TAILQ_REMOVE(&store->dead_contents, content, dead_link);
		object = TAILQ_FIRST(&store->dead_objects);
		if (object != NULL)
			TAILQ_REMOVE(&store->dead_objects, object, dirty_link);
		pack = TAILQ_FIRST(&store->dead_packs);
		if (pack != NULL)
			TAILQ_REMOVE(&store->dead_packs, pack, dirty_link);
		store_unlock(store);
		bury_content(content);
		if (pack != NULL)
			bury_pack(store, run_pack(pack));
		if (object == NULL) {
			if (pack == NULL && content == NULL)
				return;
			continue;
		}
		bury_content(object->content);
		/* Whoever was evicted to the last run leaves an empty file. */
		if (object->runs == 0 && object->made)
			file_remove(store, &object->file);
		else
			file_close_idle(store, &object->file);
		object_free(object);
	}
}

void object_mark_dirty(struct object *object)
{
	struct store *store = object->store;

	if (!object->dirty) {
		object->dirty = true;
		TAILQ_INSERT_TAIL(&store->dirty_objects, object, dirty_link);
	}
	record_wake(store);
}

void object_begin(struct object *object)
{
	while (object->seized)
		pthread_cond_wait(&object->store->changed, &object->store->lock);
	object->users++;
}

void object_end(struct object *object)
{
	if (--object->users == 0)
		pthread_cond_broadcast(&object->store->changed);
}

void object_seize(struct object *object)
{
	while (object->seized)
		pthread_cond_wait(&object->store->changed, &object->store->lock);
	object->seized = true;
	while (object->users > 0)
		pthread_cond_wait(&object->store->changed, &object->store->lock);
}

void object_unseize(struct object *object)
{
	object->seized = false;
	pthread_cond_broadcast(&object->store->changed);
}

/* ---- what is known of an object ---- */

uint64_t object_size(const struct object *object)
{
	return __atomic_load_n(&object->size, __ATOMIC_ACQUIRE);
}

const struct cutting *object_cutting(const struct object *object)
{
	return __atomic_load_n(&object->cutting, __ATOMIC_ACQUIRE);
}

bool object_packed(const struct object *object)
{
	return object->size != STORE_SIZE_UNKNOWN && cutting_count(object->cutting) == 1 &&
	       object->runs == 0;
}
