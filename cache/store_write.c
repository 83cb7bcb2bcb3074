/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Writing units, and what is asked about them. Room is reserved before anything is pinned, so that
 * a writer may evict what it wrote before; the octets are hashed and written without locks, under
 * the unit's bit in "writing".
 */
#include <errno.h>
#include <unistd.h>

#include "cache/log.h"
#include "cache/store_content_private.h"

/* Our choice: how often room is made on a full disk for one unit. */
enum { WRITE_ATTEMPTS = 4 };

/* Whether a unit of LENGTH octets may be written there. Lock held. */
static bool length_fits(const struct object *object, uint32_t unit, size_t length)
{
	if (unit >= cutting_count(object->cutting))
		return false;
	if (object->short_length > 0 && unit > object->short_unit)
		return false;
	if (object->size == STORE_SIZE_UNKNOWN && object->short_length == 0)
		return length > 0 && length <= CUTTING_UNIT;
	return length == object_unit_length(object, unit);
}

/* A short unit of an object whose size is unknown is the last one. Lock held. */
static int note_short(struct object *object, uint32_t unit, size_t length)
{
	if (object->size != STORE_SIZE_UNKNOWN || length == CUTTING_UNIT ||
	    object->short_length > 0)
		return 0;
	if (object->units_end > unit + 1)
		return -EINVAL;
	object->short_unit = unit;
	__atomic_store_n(&object->short_length, (uint32_t)length, __ATOMIC_RELEASE);
	return 0;
}

/* Room that one unit may need: its blocks, those at its ends, the file system's own. */
static uint64_t room_for(const struct store *store, size_t length)
{
	return (length / store->block + 3) * store->block;
}

/* Takes the unit's bit in "writing", unless the unit is there. Lock held. */
static bool claim(struct store *store, struct object_run *run, uint64_t bit)
{
	while (run->run.evicting || (run->writing & bit) != 0)
		pthread_cond_wait(&store->changed, &store->lock);
	if ((run->present & bit) != 0)
		return false;
	run->writing |= bit;
	return true;
}

static int write_file(struct object *object, uint32_t unit, const void *data, size_t length)
{
	struct store *store = object->store;
	uint64_t size = object->size == STORE_SIZE_UNKNOWN ? 0 : object->size;
	int fd, error;

	store_lock(store);
	object->made = true;
	fd = file_acquire(store, &object->file, FILE_WRITE, size);
	store_unlock(store);
	if (fd < 0)
		return fd;
	error = file_write(fd, data, length, cutting_offset(object->cutting, unit));
	store_lock(store);
	file_release(store, &object->file);
	store_unlock(store);
	return error;
}

/* Lock held. */
static void unit_written(struct object_run *run, uint32_t unit, size_t length, XXH128_hash_t sum)
{
	struct object *object = run->run.object;
	struct store *store = object->store;
	uint32_t slot = unit % STORE_RUN_UNITS;

	run->sums[slot] = sum;
	run->checked[slot] = 0;
	run_set_present(run, run->present | UINT64_C(1) << slot);
	run_set_cost(store, &run->run, run_cost(object, run->run.number, run->present));
	run->run.used = store->now();
	store->unrecorded += length;
	if (unit >= object->units_end)
		object->units_end = unit + 1;
}

static int sparse_write(struct object *object, uint32_t unit, const void *data, size_t length,
			XXH128_hash_t sum, uint64_t reserved)
{
	struct store *store = object->store;
	uint64_t bit = UINT64_C(1) << unit % STORE_RUN_UNITS;
	struct object_run *run;
	int error = -ENOMEM;

	store_lock(store);
	run = run_pin(object, unit / STORE_RUN_UNITS);
	if (run == NULL)
		goto out;
	error = note_short(object, unit, length);
	if (error == 0 && claim(store, run, bit)) {
		store_unlock(store);
		error = write_file(object, unit, data, length);
		store_lock(store);
		room_return(store, reserved);
		reserved = 0;
		if (error == 0)
			unit_written(run, unit, length, sum);
		run->writing &= ~bit;
		pthread_cond_broadcast(&store->changed);
	}
	run_unpin(store, &run->run);
out:
	room_return(store, reserved);
	store_unlock(store);
	return error;
}

/* Lock held, object begun. CONTENT NULL: whatever describes it. */
static bool is_described_by(const struct object *object, const struct content *content)
{
	return content == NULL || (object->content != NULL && object->content->content == content);
}

static int write_reserved(struct object *object, const struct content *content, uint32_t unit,
			  const void *data, size_t length, XXH128_hash_t sum, uint64_t reserved)
{
	struct store *store = object->store;
	bool fits, packed;
	int error = -EINVAL;

	store_lock(store);
	object_begin(object);
	fits = length_fits(object, unit, length);
	if (!is_described_by(object, content)) {
		error = -ESTALE;
		fits = false;
	}
	packed = object_packed(object);
	if (!fits)
		room_return(store, reserved);
	store_unlock(store);
	if (fits && packed)
		error = pack_write(object, data, (uint32_t)length, sum, reserved);
	else if (fits)
		error = sparse_write(object, unit, data, length, sum, reserved);
	store_lock(store);
	object_end(object);
	store_unlock(store);
	return error;
}

static int write_unit(struct object *object, const struct content *content, uint32_t unit,
		      const void *data, size_t length)
{
	struct store *store = object->store;
	XXH128_hash_t sum;
	bool fits, present;
	int error;

	store_lock(store);
	fits = length_fits(object, unit, length);
	store_unlock(store);
	if (!fits)
		return -EINVAL;
	if (object_extent(object, unit, 1, &present) == 1 && present)
		return 0;
	sum = unit_sum(data, length);
	for (unsigned attempt = 0; attempt < WRITE_ATTEMPTS; attempt++) {
		uint64_t reserved = room_for(store, length);

		error = room_reserve(store, reserved);
		if (error != 0)
			return error;
		error = write_reserved(object, content, unit, data, length, sum, reserved);
		if (error == 0 || error == -EINVAL || error == -ESTALE)
			return error;
		if (error != -EAGAIN && room_trouble(store, error) != 0)
			return -ENOSPC;
	}
	return -ENOSPC;
}

int object_write(struct object *object, uint32_t unit, const void *data, size_t length)
{
	return write_unit(object, NULL, unit, data, length);
}

int object_write_described(struct object *object, const struct content *content, uint32_t unit,
			   const void *data, size_t length)
{
	return write_unit(object, content, unit, data, length);
}

/* ---- what is there ---- */

/* How many of run units from BIT on, at most COUNT, are there (or not) as the first is. */
static uint32_t same_bits(uint64_t present, uint32_t bit, uint32_t count, bool wanted)
{
	uint64_t differing = (wanted ? ~present : present) >> bit;
	uint32_t same = differing != 0 ? (uint32_t)__builtin_ctzll(differing) : STORE_RUN_UNITS;

	return same < count ? same : count;
}

uint32_t unit_extent(struct object *object, uint32_t first, uint32_t count, bool *present_out)
{
	struct store *store = object->store;
	uint32_t done = 0;

	*present_out = false;
	if (object->runs == 0)
		return count;
	while (done < count) {
		uint32_t unit = first + done, bit = unit % STORE_RUN_UNITS;
		uint32_t here =
			STORE_RUN_UNITS - bit < count - done ? STORE_RUN_UNITS - bit : count - done;
		struct object_run *run = run_pin(object, unit / STORE_RUN_UNITS);
		uint64_t present = run != NULL ? run->present : 0;
		uint32_t same;

		if (run != NULL)
			run_unpin(store, &run->run);
		/* Or a look at a large object would leave one for each run that is not there. */
		if (run != NULL && present == 0)
			run_unload(store, &run->run, false);
		if (done == 0)
			*present_out = (present >> bit & 1) != 0;
		same = same_bits(present, bit, here, *present_out);
		done += same;
		if (same < here)
			break;
	}
	return done;
}

uint32_t object_extent(struct object *object, uint32_t first, uint32_t count, bool *present_out)
{
	struct store *store = object->store;
	uint32_t units;

	store_lock(store);
	object_begin(object);
	units = cutting_count(object->cutting);
	if (first >= units)
		count = 0;
	else if (count > units - first)
		count = units - first;
	if (object->pack != 0) {
		*present_out = pack_present(object);
	} else {
		count = unit_extent(object, first, count, present_out);
	}
	object_end(object);
	store_unlock(store);
	return count;
}

uint64_t object_cached(struct object *object)
{
	struct store *store = object->store;
	uint64_t cached;

	store_lock(store);
	object_begin(object);
	if (object->pack != 0)
		pack_present(object);
	cached = object->cached;
	object_end(object);
	store_unlock(store);
	return cached;
}

bool object_complete(struct object *object)
{
	return object_cached(object) == object_size(object);
}

/* ---- the size becomes known ---- */

static bool size_possible(const struct object *object, uint64_t size)
{
	uint64_t end;

	if (object->size != STORE_SIZE_UNKNOWN)
		return false;
	if (object->short_length > 0)
		return size == (uint64_t)object->short_unit * CUTTING_UNIT + object->short_length;
	end = (uint64_t)object->units_end * CUTTING_UNIT;
	return size >= end || object->runs == 0;
}

/* The last run's record has another length now. Lock held, released meanwhile. */
static void renew_last_run(struct object *object)
{
	uint32_t count = cutting_count(object->cutting);
	struct object_run *run;

	if (count == 0)
		return;
	run = run_pin(object, (count - 1) / STORE_RUN_UNITS);
	if (run == NULL)
		return;
	run_mark_dirty(object->store, &run->run);
	run_unpin(object->store, &run->run);
}

static int finish(struct object *object, uint64_t size)
{
	struct store *store = object->store;
	struct cutting *cutting;
	int fd, error;

	if (!size_possible(object, size))
		return -EINVAL;
	error = cutting_uniform(size, &cutting);
	if (error != 0)
		return error;
	error = object_set_cutting(object, cutting);
	if (error != 0) {
		cutting_free(cutting);
		return error;
	}
	__atomic_store_n(&object->size, size, __ATOMIC_RELEASE);
	object_mark_dirty(object);
	renew_last_run(object);
	fd = object->runs > 0 ? file_acquire(store, &object->file, FILE_READ, 0) : -ENOENT;
	if (fd < 0)
		return 0;
	store_unlock(store);
	/* So that the file ends where the content does; if not, nothing but that is amiss. */
	if (ftruncate(fd, (off_t)size) != 0)
		log_debug("a block file could not be given its length");
	store_lock(store);
	file_release(store, &object->file);
	return 0;
}

int object_finish(struct object *object, uint64_t size)
{
	int error;

	store_lock(object->store);
	object_seize(object);
	error = finish(object, size);
	object_unseize(object);
	store_unlock(object->store);
	return error;
}
