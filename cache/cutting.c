/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Cuttings. A uniform one is three numbers. A listed one keeps, for each unit, its start within
 * its group of GROUP units (4 octets), and for each group its offset (8 octets): both directions
 * of the mapping are quick, and 100 GB of content need about 7 MB.
 */
#include "cache/cutting.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

enum { GROUP = 64 };

struct cutting {
	uint64_t size; /* octets */
	uint32_t count;
	uint32_t *starts; /* NULL: uniform. Offset of a unit from that of its group */
	uint64_t groups[];
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

int cutting_listed(const uint32_t *lengths, uint32_t count, struct cutting **cutting_out)
{
	size_t groups = (size_t)count / GROUP + 1;
	struct cutting *cutting;
	uint64_t offset = 0;

	for (uint32_t i = 0; i < count; i++)
		if (lengths[i] == 0 || lengths[i] > CUTTING_UNIT_MAX)
			return -EINVAL;
	cutting = calloc(1, sizeof(*cutting) + groups * sizeof(cutting->groups[0]));
	if (cutting == NULL)
		return -ENOMEM;
	/* One more, so that an empty list is told from a uniform cutting. */
	cutting->starts = malloc(((size_t)count + 1) * sizeof(cutting->starts[0]));
	if (cutting->starts == NULL) {
		free(cutting);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < count; i++) {
		if (i % GROUP == 0)
			cutting->groups[i / GROUP] = offset;
		cutting->starts[i] = (uint32_t)(offset - cutting->groups[i / GROUP]);
		offset += lengths[i];
	}
	cutting->size = offset;
	cutting->count = count;
	*cutting_out = cutting;
	return 0;
}

void cutting_free(struct cutting *cutting)
{
	if (cutting == NULL)
		return;
	free(cutting->starts);
	free(cutting);
}

bool cutting_is_uniform(const struct cutting *cutting)
{
	return cutting->starts == NULL;
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
	assert(unit < cutting->count);
	if (cutting->starts == NULL)
		return (uint64_t)unit * CUTTING_UNIT;
	return cutting->groups[unit / GROUP] + cutting->starts[unit];
}

uint32_t cutting_length(const struct cutting *cutting, uint32_t unit)
{
	uint64_t end = cutting->size;

	assert(unit < cutting->count);
	if (unit + 1 < cutting->count) {
		if (cutting->starts == NULL)
			return CUTTING_UNIT;
		end = cutting_offset(cutting, unit + 1);
	}
	return (uint32_t)(end - cutting_offset(cutting, unit));
}

uint32_t cutting_unit_at(const struct cutting *cutting, uint64_t offset)
{
	uint32_t low = 0, high = cutting->count; /* the unit is in [low, high) */

	assert(offset < cutting->size);
	if (cutting->starts == NULL)
		return (uint32_t)(offset / CUTTING_UNIT);
	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;

		if (cutting_offset(cutting, middle) <= offset)
			low = middle;
		else
			high = middle;
	}
	return low;
}
