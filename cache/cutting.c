/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Cuttings. A uniform one is two numbers. A listed one keeps the length of each unit in
 * LENGTH_BITS bits, and for each group of GROUP units its offset (8 octets); what lies between is
 * added up. So 2.4 octets a unit, and both directions of the mapping are quick.
 */
#include "cache/cutting.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	GROUP = 32,       /* our choice: 0.25 octets a unit, and 31 additions at most */
	LENGTH_BITS = 17, /* a length less one: 0 to 131071 */
};

struct cutting {
	uint64_t size; /* octets */
	uint32_t count;
	uint8_t *packed;  /* NULL: uniform */
	uint64_t *groups; /* offsets */
};

int cutting_uniform(uint64_t size, struct cutting **cutting_out)
{
	uint64_t count = size / CUTTING_UNIT + (size % CUTTING_UNIT != 0);
	struct cutting *cutting;

	if (size > INT64_MAX || count > UINT32_MAX)
		return -EFBIG;
	cutting = calloc(1, sizeof(*cutting));
	if (cutting == NULL)
		return -ENOMEM;
	cutting->size = size;
	cutting->count = (uint32_t)count;
	*cutting_out = cutting;
	return 0;
}

static size_t packed_size(uint32_t count)
{
	return ((uint64_t)count * LENGTH_BITS + 7) / 8;
}

/* Taken out of four octets, the first of which holds its first bit; hence the slack. */
static uint32_t read_length(const uint8_t *packed, uint32_t unit)
{
	uint64_t bit = (uint64_t)unit * LENGTH_BITS;
	const uint8_t *at = packed + bit / 8;
	uint32_t four = (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
			(uint32_t)at[3] << 24;

	return (four >> bit % 8 & ((1u << LENGTH_BITS) - 1)) + 1;
}

/* The bits of UNIT are 0. */
static void write_length(uint8_t *packed, uint32_t unit, uint32_t length)
{
	uint64_t bit = (uint64_t)unit * LENGTH_BITS;
	uint32_t four = (length - 1) << bit % 8;

	for (unsigned i = 0; i < 4; i++)
		packed[bit / 8 + i] |= (uint8_t)(four >> 8 * i);
}

/* Without lengths. */
static int make_listed(uint32_t count, struct cutting **cutting_out)
{
	struct cutting *cutting = calloc(1, sizeof(*cutting));

	if (cutting == NULL)
		return -ENOMEM;
	cutting->count = count;
	cutting->groups = malloc(((size_t)count / GROUP + 1) * sizeof(cutting->groups[0]));
	if (cutting->groups == NULL) {
		free(cutting);
		return -ENOMEM;
	}
	*cutting_out = cutting;
	return 0;
}

static void add_up(struct cutting *cutting)
{
	for (uint32_t i = 0; i < cutting->count; i++) {
		if (i % GROUP == 0)
			cutting->groups[i / GROUP] = cutting->size;
		cutting->size += read_length(cutting->packed, i);
	}
}

static int take_lengths(struct cutting *cutting, cutting_next *next, void *owner)
{
	for (uint32_t i = 0; i < cutting->count; i++) {
		uint32_t length = 0;
		int error = next(owner, &length);

		if (error != 0)
			return error;
		if (length == 0 || length > CUTTING_UNIT_MAX)
			return -EINVAL;
		write_length(cutting->packed, i, length);
	}
	return 0;
}

int cutting_told(uint32_t count, cutting_next *next, void *owner, struct cutting **cutting_out)
{
	struct cutting *cutting;
	int error = make_listed(count, &cutting);

	if (error != 0)
		return error;
	cutting->packed = calloc(1, packed_size(count) + CUTTING_PACKED_SLACK);
	error = cutting->packed != NULL ? take_lengths(cutting, next, owner) : -ENOMEM;
	if (error != 0) {
		cutting_free(cutting);
		return error;
	}
	add_up(cutting);
	*cutting_out = cutting;
	return 0;
}

static int next_listed(void *owner, uint32_t *length_out)
{
	const uint32_t **at = owner;

	*length_out = *(*at)++;
	return 0;
}

int cutting_listed(const uint32_t *lengths, uint32_t count, struct cutting **cutting_out)
{
	return cutting_told(count, next_listed, &lengths, cutting_out);
}

const void *cutting_packed(const struct cutting *cutting, size_t *size_out)
{
	*size_out = cutting->packed != NULL ? packed_size(cutting->count) : 0;
	return cutting->packed;
}

int cutting_unpack(void **packed, size_t size, struct cutting **cutting_out)
{
	uint64_t count = (uint64_t)size * 8 / LENGTH_BITS;
	struct cutting *cutting;
	int error;

	if (count > UINT32_MAX || packed_size((uint32_t)count) != size)
		return -EBADMSG;
	error = make_listed((uint32_t)count, &cutting);
	if (error != 0)
		return error;
	cutting->packed = *packed;
	*packed = NULL;
	add_up(cutting);
	*cutting_out = cutting;
	return 0;
}

void cutting_free(struct cutting *cutting)
{
	if (cutting == NULL)
		return;
	free(cutting->groups);
	free(cutting->packed);
	free(cutting);
}

bool cutting_is_uniform(const struct cutting *cutting)
{
	return cutting->packed == NULL;
}

bool cutting_equal(const struct cutting *one, const struct cutting *other)
{
	if (one->size != other->size || one->count != other->count ||
	    cutting_is_uniform(one) != cutting_is_uniform(other))
		return false;
	return cutting_is_uniform(one) ||
	       memcmp(one->packed, other->packed, packed_size(one->count)) == 0;
}

uint64_t cutting_size(const struct cutting *cutting)
{
	return cutting->size;
}

uint32_t cutting_count(const struct cutting *cutting)
{
	return cutting->count;
}

uint64_t cutting_offset(const struct cutting *cutting, uint32_t unit)
{
	uint64_t offset;

	assert(unit < cutting->count);
	if (cutting->packed == NULL)
		return (uint64_t)unit * CUTTING_UNIT;
	offset = cutting->groups[unit / GROUP];
	for (uint32_t i = unit - unit % GROUP; i < unit; i++)
		offset += read_length(cutting->packed, i);
	return offset;
}

uint32_t cutting_length(const struct cutting *cutting, uint32_t unit)
{
	assert(unit < cutting->count);
	if (cutting->packed != NULL)
		return read_length(cutting->packed, unit);
	if (unit + 1 < cutting->count)
		return CUTTING_UNIT;
	return (uint32_t)(cutting->size - (uint64_t)unit * CUTTING_UNIT);
}

/* The last group that begins at or before OFFSET. */
static uint32_t group_at(const struct cutting *cutting, uint64_t offset)
{
	uint32_t low = 0, high = (cutting->count - 1) / GROUP + 1; /* it is in [low, high) */

	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;

		if (cutting->groups[middle] <= offset)
			low = middle;
		else
			high = middle;
	}
	return low;
}

uint32_t cutting_unit_at(const struct cutting *cutting, uint64_t offset)
{
	uint32_t unit;

	assert(offset < cutting->size);
	if (cutting->packed == NULL)
		return (uint32_t)(offset / CUTTING_UNIT);
	unit = group_at(cutting, offset) * GROUP;
	offset -= cutting->groups[unit / GROUP];
	for (;; unit++) {
		uint32_t length = read_length(cutting->packed, unit);

		if (offset < length)
			return unit;
		offset -= length;
	}
}
