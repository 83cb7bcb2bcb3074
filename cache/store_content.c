/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The content information that an object has: read from its file when somebody asks and as long as
 * somebody has the object, taken away when it is replaced, evicted or cleared. What a row says of
 * it was proven with the row; the file is proven when it is read.
 */
#include <errno.h>
#include <stdlib.h>

#include "cache/store_content_private.h"

enum { LOAD_BUFFER = 64 << 10 };

/* ---- reading it ---- */

/* Feeds the encoded form to READER. -EBADMSG: it is not what was recorded. */
static int feed_all(struct content_file *file, struct content_reader *reader, XXH3_state_t *sums)
{
	const struct information *information = &file->information;
	char data[LOAD_BUFFER];
	int error = 0;

	XXH3_128bits_reset(sums);
	for (uint64_t offset = 0; offset < information->octets && error == 0;) {
		uint64_t left = information->octets - offset;
		size_t size = left < sizeof(data) ? (size_t)left : sizeof(data);

		error = content_file_read(file, offset, data, size);
		if (error == 0) {
			XXH3_128bits_update(sums, data, size);
			error = content_reader_feed(reader, data, size);
		}
		offset += size;
	}
	if (error == 0 && !XXH128_isEqual(XXH3_128bits_digest(sums), information->sum))
		error = -EBADMSG;
	return error;
}

static int read_file(struct content_file *file, struct content **content_out)
{
	XXH3_state_t *sums = XXH3_createState();
	struct content_reader *reader = NULL;
	int error =
		sums != NULL ? content_reader_create(file->information.octets, &reader) : -ENOMEM;

	if (error == 0)
		error = feed_all(file, reader, sums);
	if (error == 0)
		error = content_reader_end(reader, content_out);
	content_reader_free(reader);
	XXH3_freeState(sums);
	return error;
}

/* Whether the units are its blocks. */
static bool describes(const struct content *content, const struct object *object)
{
	const struct cutting *cutting = object_cutting(object);

	return content_start(content) == 0 && content_end(content) == object_size(object) &&
	       (content_version(content) == 2) == !cutting_is_uniform(cutting) &&
	       (content_version(content) == 1 ||
		content_segments(content) == cutting_count(cutting));
}

static int load(struct object *object, struct content_file **file_out)
{
	struct content_file *file;
	struct content *content;
	int error = content_file_find(object, &file);

	if (error != 0)
		return error;
	error = read_file(file, &content);
	if (error != 0) {
		content_file_free(file);
		return error;
	}
	content_file_back(file, content);
	if (!describes(content, object)) {
		content_put(content);
		return -EBADMSG;
	}
	*file_out = file;
	return 0;
}

/* Without a descriptor or memory nothing is known about it. */
static bool proves_nothing(int error)
{
	return error == -EMFILE || error == -ENFILE || error == -ENOMEM;
}

/* Object begun, lock held, released meanwhile. */
static void load_once(struct object *object)
{
	struct store *store = object->store;
	struct content_file *file = NULL;
	int error;

	while (object->content_loading)
		pthread_cond_wait(&store->changed, &store->lock);
	if (object->content != NULL || object->information.file == 0 || object->content_broken)
		return;
	object->content_loading = true;
	store_unlock(store);
	error = load(object, &file);
	if (error != 0 && !proves_nothing(error))
		store_count_bad(store, object);
	store_lock(store);
	object->content = file;
	object->content_broken = error != 0 && !proves_nothing(error);
	object->content_loading = false;
	pthread_cond_broadcast(&store->changed);
}

/* A use. Lock held, released meanwhile. */
static void touch(struct object *object)
{
	struct object_run *run = run_pin(object, STORE_CONTENT_RUN);

	if (run == NULL)
		return;
	run_touch(object->store, &run->run, object->store->now());
	run_unpin(object->store, &run->run);
}

static struct content *get_content(struct object *object, bool use)
{
	struct store *store = object->store;
	struct content *content = NULL;

	store_lock(store);
	object_begin(object);
	load_once(object);
	if (object->content != NULL) {
		content = content_get(object->content->content);
		if (use)
			touch(object);
	}
	object_end(object);
	store_unlock(store);
	return content;
}

struct content *object_content(struct object *object)
{
	return get_content(object, true);
}

struct content *object_content_look(struct object *object)
{
	return get_content(object, false);
}

bool object_refuses_content(struct object *object)
{
	bool refuses;

	store_lock(object->store);
	refuses = object->refused;
	store_unlock(object->store);
	return refuses;
}

/* ---- coming and going ---- */

void object_content_hold(struct object *object)
{
	if (object->content != NULL)
		content_file_hold(object->content);
}

void object_content_leave(struct object *object, struct content_leaving *leaving_out)
{
	*leaving_out =
		(struct content_leaving){object->id, object->information.file, object->content};
	if (object->content != NULL) {
		/* The run gives back what it counted; the file goes on taking it. */
		object->content->owned = false;
		object->store->used += object->content->cost;
	}
	object->content = NULL;
	object->information = (struct information){0};
	object->content_broken = object->content_unwanted = false;
}

void content_leaving_end(struct store *store, const struct content_leaving *leaving)
{
	if (leaving->file != 0)
		content_file_unlink(store, leaving->object, leaving->file);
	if (leaving->content != NULL)
		content_put(leaving->content->content);
}

void object_content_renew(struct object *object)
{
	struct store *store = object->store;
	struct object_run *run;

	object_mark_dirty(object);
	run = run_pin_indexed(object, STORE_CONTENT_RUN);
	if (run == NULL)
		return;
	run->run.used = store->now();
	run_mark_dirty(store, &run->run);
	run_unpin(store, &run->run);
}

void object_content_join(struct object *object, struct content_file *file)
{
	object->information = file->information;
	object->content = file;
	object->refused = false;
	object_content_renew(object);
	file->owned = true;
	file->claimed = false;
	room_return(object->store, file->cost);
}

void object_content_drop(struct object *object)
{
	struct store *store = object->store;
	struct content_leaving leaving;
	struct object_run *run;

	store_lock(store);
	object_content_hold(object);
	run = run_pin(object, STORE_CONTENT_RUN);
	object_content_leave(object, &leaving);
	if (run != NULL) {
		run_set_present(run, 0);
		run_set_cost(store, &run->run, 0);
		run_unpin(store, &run->run);
	}
	object_mark_dirty(object);
	store_unlock(store);
	content_leaving_end(store, &leaving);
}

/* ---- verifying ---- */

static int check(struct object *object)
{
	struct content_file *file;
	int error = content_file_find(object, &file);

	if (error != 0)
		return error;
	if (object->store->unlinked) {
		/* Its only descriptor is that of the loaded one. */
		content_file_free(file);
		store_lock(object->store);
		file = object->content;
		store_unlock(object->store);
		return file != NULL ? information_check(file, &file->information) : -ENOENT;
	}
	error = information_check(file, &file->information);
	content_file_free(file);
	return error;
}

int object_content_verify(struct object *object, uint64_t *octets_out)
{
	struct store *store = object->store;
	bool there, drop = false;
	uint64_t octets;
	int error;

	store_lock(store);
	object_begin(object);
	there = object->information.file != 0;
	octets = object->information.octets + object->information.cutting_octets;
	store_unlock(store);
	error = there ? check(object) : -ENOENT;
	if (error == -EBADMSG)
		store_count_bad(store, object);
	store_lock(store);
	if (error == -EBADMSG) {
		object->content_broken = true;
		/* Where it says how long the units are it stays until another one comes. */
		drop = cutting_is_uniform(object->cutting);
	}
	object_end(object);
	store_unlock(store);
	if (drop) {
		store_lock(store);
		object_seize(object);
		drop = object->content_broken;
		store_unlock(store);
		if (drop)
			object_content_drop(object);
		store_lock(store);
		object_unseize(object);
		store_unlock(store);
	}
	*octets_out = octets;
	return error;
}
