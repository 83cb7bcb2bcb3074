/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reading from a sparse file. A request is served run by run: the run is pinned and its checksums
 * copied under the lock, then all octets of the request that can be checked where they land are
 * read with one call and hashed there. Units that the request touches in part are read whole beside
 * it, or just in part if they were found right a moment ago.
 *
 * A unit that does not match is looked at a second time with its bit in "writing" held, since it
 * may have been dropped and written anew in between; only then it is dropped.
 */
#include <errno.h>
#include <string.h>

#include "cache/log.h"
#include "cache/store_private.h"
#if defined(__x86_64__) && __has_include(<xxh_x86dispatch.h>)
#include <xxh_x86dispatch.h> /* the same functions, by what the processor can do */
#endif

XXH128_hash_t unit_sum(const void *data, size_t length)
{
	return XXH3_128bits(data, length);
}

void store_count_bad(struct store *store, const struct object *object)
{
	static struct log_limit limit;
	char name[LOG_NAME_MAX];

	store_lock(store);
	store->checksum_errors++;
	store_unlock(store);
	log_limited(&limit, LOG_LEVEL_WARNING, "cached data of %s were altered on disk: dropped",
		    log_escape(name, sizeof(name), object->path));
}

/* Takes a bad unit off the disk. Its bit in "writing" is held. */
static void drop_unit(struct object *object, struct object_run *run, uint32_t unit, int fd)
{
	struct store *store = object->store;
	uint64_t bit = UINT64_C(1) << unit % STORE_RUN_UNITS;

	store_lock(store);
	run_set_present(run, run->present & ~bit);
	store_unlock(store);
	if (fd >= 0)
		file_punch(fd, cutting_offset(object->cutting, unit),
			   object_unit_length(object, unit));
	store_lock(store);
	run_set_cost(store, &run->run, run_cost(object, run->run.number, run->present));
	store_unlock(store);
}

int unit_check(struct object *object, struct object_run *run, uint32_t unit, void *data_out)
{
	struct store *store = object->store;
	uint32_t slot = unit % STORE_RUN_UNITS, length;
	uint64_t bit = UINT64_C(1) << slot;
	XXH128_hash_t sum;
	int fd, error;

	store_lock(store);
	while ((run->writing & bit) != 0)
		pthread_cond_wait(&store->changed, &store->lock);
	if ((run->present & bit) == 0) {
		store_unlock(store);
		return -ENOENT;
	}
	run->writing |= bit;
	sum = run->sums[slot];
	length = object_unit_length(object, unit);
	fd = file_acquire(store, &object->file, FILE_READ, 0);
	store_unlock(store);
	error = fd < 0 ? fd
		       : file_read(fd, data_out, length, cutting_offset(object->cutting, unit));
	if (error == 0 && !XXH128_isEqual(unit_sum(data_out, length), sum))
		error = -EBADMSG;
	/* Without a descriptor or memory nothing is known about the unit. */
	if (error == -EMFILE || error == -ENFILE || error == -ENOMEM) {
		error = -ENOENT;
	} else if (error != 0) {
		drop_unit(object, run, unit, fd);
		store_count_bad(store, object);
		error = -EBADMSG;
	}
	store_lock(store);
	if (error == 0)
		run->checked[slot] = store->now();
	run->writing &= ~bit;
	if (fd >= 0)
		file_release(store, &object->file);
	pthread_cond_broadcast(&store->changed);
	store_unlock(store);
	return error;
}

/* The part of a request that lies in one run. */
struct part {
	struct object *object;
	struct object_run *run;
	uint64_t offset, end; /* of the part */
	char *buffer;         /* where its first octet goes */
	uint32_t first, last; /* units */
	bool believe_first, believe_last;
	XXH128_hash_t sums[STORE_RUN_UNITS]; /* by unit - first */
};

static uint64_t unit_end(const struct part *part, uint32_t unit)
{
	return cutting_offset(part->object->cutting, unit) + object_unit_length(part->object, unit);
}

static bool whole(const struct part *part, uint32_t unit)
{
	return cutting_offset(part->object->cutting, unit) >= part->offset &&
	       unit_end(part, unit) <= part->end;
}

static bool believed(const struct part *part, uint32_t unit)
{
	return (unit == part->first && part->believe_first) ||
	       (unit == part->last && part->believe_last);
}

static int first_error(int first, int second)
{
	return first != 0 ? first : second;
}

/* Reads the unit beside the request and copies what belongs to it. */
static int read_beside(const struct part *part, uint32_t unit)
{
	char beside[CUTTING_UNIT_MAX];
	uint64_t start = cutting_offset(part->object->cutting, unit);
	uint64_t from = start > part->offset ? start : part->offset;
	uint64_t end = unit_end(part, unit);
	int error = unit_check(part->object, part->run, unit, beside);

	if (error != 0)
		return error;
	if (end > part->end)
		end = part->end;
	memcpy(part->buffer + (from - part->offset), beside + (from - start), end - from);
	return 0;
}

/* Units A to B, which need nothing beside the request: one read, then a hash each. All of them are
 * looked at, so that whoever must fetch the bad ones anew learns of them together. */
static int read_straight(const struct part *part, int fd, uint32_t a, uint32_t b)
{
	const struct cutting *cutting = part->object->cutting;
	uint64_t from = cutting_offset(cutting, a), end = unit_end(part, b);
	bool all_read;
	int error = 0;

	if (from < part->offset)
		from = part->offset;
	if (end > part->end)
		end = part->end;
	all_read = file_read(fd, part->buffer + (from - part->offset), end - from, from) == 0;
	for (uint32_t unit = a; unit <= b; unit++) {
		const char *data = part->buffer + (cutting_offset(cutting, unit) - part->offset);

		if (all_read && !whole(part, unit))
			continue;
		if (all_read &&
		    XXH128_isEqual(
			    unit_sum(data, unit_end(part, unit) - cutting_offset(cutting, unit)),
			    part->sums[unit - part->first]))
			continue;
		error = first_error(error, read_beside(part, unit));
	}
	return error;
}

static int read_units(const struct part *part, int fd)
{
	uint32_t a = part->first, b = part->last;
	int error = 0;

	if (!whole(part, a) && !believed(part, a))
		error = read_beside(part, a++);
	if (a <= b && !whole(part, b) && !believed(part, b))
		error = first_error(error, read_beside(part, b--));
	if (a <= b)
		error = first_error(error, read_straight(part, fd, a, b));
	return error;
}

/* A descriptor, or what could not be had says that all of the part's units are gone. */
static int read_with_file(struct part *part)
{
	struct store *store = part->object->store;
	int fd, error = 0;

	store_lock(store);
	fd = file_acquire(store, &part->object->file, FILE_READ, 0);
	store_unlock(store);
	for (uint32_t unit = part->first; fd < 0 && unit <= part->last; unit++)
		error = first_error(error, read_beside(part, unit));
	if (fd < 0)
		return error;
	error = read_units(part, fd);
	store_lock(store);
	file_release(store, &part->object->file);
	store_unlock(store);
	return error;
}

static uint64_t part_mask(const struct part *part)
{
	uint32_t count = part->last - part->first + 1;
	uint64_t mask = count == STORE_RUN_UNITS ? UINT64_MAX : (UINT64_C(1) << count) - 1;

	return mask << part->first % STORE_RUN_UNITS;
}

static bool checked_lately(const struct part *part, uint32_t unit, int64_t now)
{
	int64_t checked = part->run->checked[unit % STORE_RUN_UNITS];

	return now >= checked && now - checked < STORE_CHECK_SECONDS && checked != 0;
}

/* Pins the run and copies what is needed. Lock held. */
static int part_begin(struct part *part, bool believe, int64_t now)
{
	uint64_t mask = part_mask(part);

	if (part->object->runs == 0)
		return -ENOENT;
	part->run = run_pin(part->object, part->first / STORE_RUN_UNITS);
	if (part->run == NULL)
		return -ENOENT;
	if ((part->run->present & mask) != mask) {
		run_unpin(part->object->store, &part->run->run);
		return -ENOENT;
	}
	memcpy(part->sums, part->run->sums + part->first % STORE_RUN_UNITS,
	       (part->last - part->first + 1) * sizeof(part->sums[0]));
	part->believe_first = believe && checked_lately(part, part->first, now);
	part->believe_last = believe && checked_lately(part, part->last, now);
	return 0;
}

static void part_end(struct part *part, int64_t now, bool touch, int error)
{
	for (uint32_t unit = part->first; error == 0 && unit <= part->last; unit++)
		if (whole(part, unit))
			part->run->checked[unit % STORE_RUN_UNITS] = now;
	if (touch)
		run_touch(part->object->store, &part->run->run, now);
	run_unpin(part->object->store, &part->run->run);
}

int object_read_part(struct object *object, uint64_t offset, size_t length, void *buffer,
		     bool believe, bool touch)
{
	struct store *store = object->store;
	const struct cutting *cutting = object->cutting;
	int64_t now = store->now();
	uint64_t end = offset + length;
	int error = 0;

	while (error == 0 && offset < end) {
		struct part part = {.object = object, .offset = offset, .buffer = buffer};
		uint32_t last = cutting_unit_at(cutting, end - 1);

		part.first = cutting_unit_at(cutting, offset);
		part.last = part.first | (STORE_RUN_UNITS - 1);
		if (part.last >= last)
			part.last = last;
		part.end = cutting_offset(cutting, part.last) + cutting_length(cutting, part.last);
		if (part.end > end)
			part.end = end;
		store_lock(store);
		error = part_begin(&part, believe, now);
		store_unlock(store);
		if (error != 0)
			break;
		error = read_with_file(&part);
		store_lock(store);
		part_end(&part, now, touch, error);
		store_unlock(store);
		buffer = (char *)buffer + (part.end - offset);
		offset = part.end;
	}
	return error;
}

/* How far octets reach, as far as known. Lock held. */
static uint64_t known_end(const struct object *object)
{
	if (object->size != STORE_SIZE_UNKNOWN)
		return object->size;
	if (object->short_length == 0)
		return cutting_size(object->cutting);
	return cutting_offset(object->cutting, object->short_unit) + object->short_length;
}

int object_read(struct object *object, uint64_t offset, size_t length, void *buffer)
{
	struct store *store = object->store;
	uint64_t end;
	bool packed;
	int error;

	store_lock(store);
	object_begin(object);
	end = known_end(object);
	packed = object->pack != 0;
	store_unlock(store);
	if (offset > end || length > end - offset)
		error = -EINVAL;
	else if (length == 0)
		error = 0;
	else if (packed)
		error = pack_read(object, (uint32_t)offset, (uint32_t)length, buffer, true, true);
	else
		error = object_read_part(object, offset, length, buffer, true, true);
	store_lock(store);
	object_end(object);
	store_unlock(store);
	return error;
}
