/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/service/keeping.h"

#include <stdlib.h>
#include <string.h>

struct keeping {
	struct object *object; /* NULL: it was given up */
	uint32_t unit;         /* the next one to be written */
	size_t filled;         /* octets of it */
	uint8_t data[CUTTING_UNIT];
};

struct keeping *keeping_begin(struct store *store, const char *path, const char *validator,
			      uint64_t size)
{
	struct keeping *keeping;
	struct store_usage usage;

	/* It would only push out what others have, and itself. */
	store_usage(store, &usage);
	if (size != STORE_SIZE_UNKNOWN && size > usage.limit)
		return NULL;
	keeping = calloc(1, sizeof *keeping);
	if (keeping == NULL || store_object(store, path, validator, size, &keeping->object) == 0)
		return keeping;
	free(keeping);
	return NULL;
}

static void give_up(struct keeping *keeping)
{
	if (keeping->object == NULL)
		return;
	object_discard(keeping->object, 0, keeping->unit);
	object_put(keeping->object);
	keeping->object = NULL;
}

static void write_unit(struct keeping *keeping, const void *data, size_t size)
{
	if (keeping->object != NULL &&
	    object_write(keeping->object, keeping->unit, data, size) != 0)
		give_up(keeping);
	keeping->unit++;
}

/* What is begun is filled first. Returns how much was taken. */
static size_t fill(struct keeping *keeping, const uint8_t *data, size_t size)
{
	size_t room = sizeof keeping->data - keeping->filled;

	if (size > room)
		size = room;
	memcpy(keeping->data + keeping->filled, data, size);
	keeping->filled += size;
	if (keeping->filled == sizeof keeping->data) {
		write_unit(keeping, keeping->data, sizeof keeping->data);
		keeping->filled = 0;
	}
	return size;
}

void keeping_add(struct keeping *keeping, const void *data, size_t size)
{
	const uint8_t *at = data;

	while (keeping != NULL && keeping->object != NULL && size > 0) {
		size_t taken = CUTTING_UNIT;

		if (keeping->filled > 0 || size < CUTTING_UNIT)
			taken = fill(keeping, at, size);
		else
			write_unit(keeping, at, taken);
		at += taken;
		size -= taken;
	}
}

bool keeping_end(struct keeping *keeping, uint64_t size)
{
	if (keeping == NULL || keeping->object == NULL)
		return false;
	if (keeping->filled > 0)
		write_unit(keeping, keeping->data, keeping->filled);
	keeping->filled = 0;
	if (keeping->object != NULL && object_size(keeping->object) == STORE_SIZE_UNKNOWN &&
	    object_finish(keeping->object, size) != 0)
		give_up(keeping);
	return keeping->object != NULL;
}

void keeping_free(struct keeping *keeping)
{
	if (keeping == NULL)
		return;
	give_up(keeping);
	free(keeping);
}

/* Something may have been evicted again: -ENOENT is no reason to end. */
static int copy_unit(struct object *from, struct object *to, uint32_t unit, uint8_t *data)
{
	const struct cutting *cutting = object_cutting(to);
	uint32_t length = cutting_length(cutting, unit);
	bool present = false;

	object_extent(to, unit, 1, &present);
	if (present || object_read(from, cutting_offset(cutting, unit), length, data) != 0)
		return 0;
	return object_write(to, unit, data, length);
}

/* What lies before END is not needed any more; units from *NEXT on were not dropped yet. Many at a
 * time, which is cheaper. */
static void drop_behind(struct object *object, uint64_t end, uint32_t *next)
{
	uint32_t until = (uint32_t)(end / CUTTING_UNIT);

	if (until - *next < STORE_RUN_UNITS)
		return;
	object_discard(object, *next, until - *next);
	*next = until;
}

void keeping_copy(struct keeping *keeping, struct object *to, bool last,
		  bool (*go_on)(void *context), void *context)
{
	const struct cutting *cutting = object_cutting(to);
	uint8_t *data = malloc(CUTTING_UNIT_MAX);
	uint32_t next = 0;

	for (uint32_t unit = 0; data != NULL && unit < cutting_count(cutting); unit++) {
		if (!go_on(context) || copy_unit(keeping->object, to, unit, data) != 0)
			break;
		if (last)
			drop_behind(keeping->object,
				    cutting_offset(cutting, unit) + cutting_length(cutting, unit),
				    &next);
	}
	free(data);
}
