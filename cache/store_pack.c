/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Packs: many small contents in one file, one behind the other. One pack is open at a time and
 * takes what is written; a full one is closed for good. What is dropped from a pack leaves dead
 * octets, which count until the pack goes: evicted as a whole, or with its last living content.
 * Packs of opaque blocks are the same but for what is written: cache/store_opaque_pack.c.
 */
#include <errno.h>
#include <string.h>

#include "cache/store_private.h"

/* What a read needs, and which it was. */
struct place {
	uint64_t pack;
	uint32_t start, length;
	XXH128_hash_t sum;
};

void pack_die(struct store *store, struct pack *pack)
{
	if (pack == store->open_pack)
		store->open_pack = NULL;
	opaque_close_pack(store, pack);
	pack->run.gone = true;
	run_mark_dirty(store, &pack->run);
}

void pack_unpin(struct store *store, struct pack *pack)
{
	if (pack->live == 0 && pack->run.pins == 1 && !pack->run.gone)
		pack_die(store, pack);
	run_unpin(store, &pack->run);
}

void pack_forget(struct object *object)
{
	struct store *store = object->store;
	struct pack *pack = object->pack != 0 ? pack_pin_indexed(store, object->pack) : NULL;

	object->pack = 0;
	object->cached = 0;
	object_mark_dirty(object);
	if (pack == NULL)
		return;
	store->contents--;
	pack->live--;
	pack->wished -= object->wished;
	run_mark_dirty(store, &pack->run);
	pack_unpin(store, pack);
}

/* ---- reading ---- */

static int read_all(const struct place *place, int fd, void *buffer)
{
	int error = file_read(fd, buffer, place->length, place->start);

	if (error == 0 && !XXH128_isEqual(unit_sum(buffer, place->length), place->sum))
		error = -EBADMSG;
	return error;
}

static int read_some(const struct place *place, int fd, uint32_t offset, uint32_t length,
		     void *buffer)
{
	char beside[CUTTING_UNIT_MAX];
	int error = read_all(place, fd, beside);

	if (error == 0)
		memcpy(buffer, beside + offset, length);
	return error;
}

/* Unless somebody was quicker. */
static int drop_bad(struct object *object, const struct place *place)
{
	struct store *store = object->store;
	bool dropped;

	index_lock(&store->index);
	store_lock(store);
	dropped = object->pack == place->pack;
	if (dropped)
		pack_forget(object);
	store_unlock(store);
	index_unlock(&store->index);
	if (dropped)
		store_count_bad(store, object);
	return -EBADMSG;
}

/* PACK, pinned, is what the object's number led to; NULL: there is none. Lock held. */
static struct pack *take_pack(struct object *object, struct pack *pack, struct place *place_out)
{
	if (pack == NULL) {
		/* It was evicted. */
		if (object->pack != 0)
			object_mark_dirty(object);
		object->pack = 0;
		object->cached = 0;
		return NULL;
	}
	*place_out = (struct place){.pack = object->pack,
				    .start = object->start,
				    .length = (uint32_t)object->size,
				    .sum = object->sum};
	return pack;
}

/* Pins the pack that the object lies in. Lock held. */
static struct pack *find_place(struct object *object, struct place *place_out)
{
	struct pack *pack = object->pack != 0 ? pack_pin(object->store, object->pack) : NULL;

	return take_pack(object, pack, place_out);
}

int pack_read(struct object *object, uint32_t offset, uint32_t length, void *buffer, bool believe,
	      bool touch)
{
	struct store *store = object->store;
	int64_t now = store->now();
	struct place place;
	struct pack *pack;
	int fd, error;
	bool all;

	store_lock(store);
	pack = find_place(object, &place);
	if (pack == NULL) {
		store_unlock(store);
		return -ENOENT;
	}
	all = offset == 0 && length == place.length;
	believe = believe && !all && object->checked != 0 && now >= object->checked &&
		  now - object->checked < STORE_CHECK_SECONDS;
	fd = file_acquire(store, &pack->file, FILE_READ, 0);
	store_unlock(store);
	if (fd < 0)
		error = fd;
	else if (believe)
		error = file_read(fd, buffer, length, place.start + offset);
	else if (all)
		error = read_all(&place, fd, buffer);
	else
		error = read_some(&place, fd, offset, length, buffer);
	store_lock(store);
	if (fd >= 0)
		file_release(store, &pack->file);
	if (error == 0 && !believe)
		object->checked = now;
	if (error == 0 && touch)
		run_touch(store, &pack->run, now);
	pack_unpin(store, pack);
	store_unlock(store);
	if (error == -EMFILE || error == -ENFILE || error == -ENOMEM)
		return -ENOENT;
	return error != 0 ? drop_bad(object, &place) : 0;
}

bool pack_present(struct object *object)
{
	struct place place;
	struct pack *pack = find_place(object, &place);

	if (pack == NULL)
		return false;
	pack_unpin(object->store, pack);
	return true;
}

bool pack_present_indexed(struct object *object)
{
	struct pack *pack =
		object->pack != 0 ? pack_pin_indexed(object->store, object->pack) : NULL;
	struct place place;

	if (take_pack(object, pack, &place) == NULL)
		return false;
	pack_unpin(object->store, pack);
	return true;
}

/* ---- writing ---- */

static int open_pack(struct store *store)
{
	struct pack *pack;
	uint64_t id;

	store_unlock(store);
	index_lock(&store->index);
	id = store_new_id(store);
	index_unlock(&store->index);
	store_lock(store);
	pack = pack_insert(store, id);
	if (pack == NULL)
		return -ENOMEM;
	/* The former one, be it of another writer just now, is closed. */
	store->open_pack = pack;
	pack->run.pins--;
	return 0;
}

/* A pack with room for LENGTH octets, pinned, and the place in it. Lock held, released meanwhile.
 */
static int take_place(struct store *store, uint32_t length, struct pack **pack_out,
		      uint32_t *start_out)
{
	struct pack *pack = store->open_pack;

	if (pack == NULL || pack->octets + length > store_pack_octets(store) ||
	    pack->appended >= STORE_PACK_CONTENTS) {
		int error = open_pack(store);

		if (error != 0)
			return error;
		pack = store->open_pack;
	}
	pack->run.pins++;
	*start_out = (uint32_t)pack->octets;
	pack->octets += length;
	pack->appended++;
	run_set_cost(store, &pack->run, room_rounded(store, pack->octets));
	*pack_out = pack;
	return 0;
}

/* Lock held. */
static void place_object(struct object *object, struct pack *pack, uint32_t start,
			 XXH128_hash_t sum)
{
	struct store *store = object->store;

	object->pack = pack->run.owner;
	object->start = start;
	object->sum = sum;
	object->checked = 0;
	object->cached = object->size;
	object_mark_dirty(object);
	pack->live++;
	pack->wished += object->wished;
	store->contents++;
	store->unrecorded += object->size;
	pack->run.used = store->now();
	run_mark_dirty(store, &pack->run);
}

int pack_write(struct object *object, const void *data, uint32_t length, XXH128_hash_t sum,
	       uint64_t reserved)
{
	struct store *store = object->store;
	struct pack *pack;
	uint32_t start;
	int fd, error;

	store_lock(store);
	room_return(store, reserved);
	error = take_place(store, length, &pack, &start);
	if (error != 0) {
		store_unlock(store);
		return error;
	}
	fd = file_acquire(store, &pack->file, FILE_WRITE, store_pack_octets(store));
	store_unlock(store);
	error = fd < 0 ? fd : file_write(fd, data, length, start);
	store_lock(store);
	if (fd >= 0)
		file_release(store, &pack->file);
	if (error == 0 && !pack_present(object)) {
		if (pack->run.gone)
			error = -EAGAIN; /* store_clear() came in between */
		else
			place_object(object, pack, start, sum);
	}
	pack_unpin(store, pack);
	store_unlock(store);
	return error;
}
