/* SPDX-License-Identifier: BSD-2-Clause */
#include "peer/ages.h"

#include <assert.h>
#include <errno.h>

#define VERSION 1u
#define UNIT_HUNDREDTHS 3u
#define AGE_SIZE 3u
#define AGE_MAX 0xffffffu

/* By unit; 0 is none. */
static const uint16_t unit_ms[] = {0, 1000, 100, 10, 1};
#define UNITS (sizeof(unit_ms) / sizeof(*unit_ms))

void ages_write(const struct ages_entry *entries, unsigned count, struct bytes_out *out)
{
	assert(count <= AGES_MAX);
	bytes_put_be16(out, VERSION);
	bytes_put_u8(out, UNIT_HUNDREDTHS);
	bytes_put_u8(out, (uint8_t)count);
	for (unsigned i = 0; i < count; i++) {
		uint64_t age = entries[i].age_ms / unit_ms[UNIT_HUNDREDTHS];

		bytes_put_u8(out, entries[i].segment);
		bytes_put_little(out, age < AGE_MAX ? age : AGE_MAX, AGE_SIZE);
	}
}

int ages_read(const void *blob, size_t size, struct ages_entry entries_out[AGES_MAX],
	      unsigned *count_out)
{
	struct bytes_in in = bytes_in(blob, size);
	uint16_t version = bytes_be16(&in);
	uint8_t unit = bytes_u8(&in), count = bytes_u8(&in);

	if (in.failed || version != VERSION || unit == 0 || unit >= UNITS ||
	    size < AGES_SIZE((size_t)count))
		return -EBADMSG;
	for (unsigned i = 0; i < count; i++) {
		entries_out[i].segment = bytes_u8(&in);
		entries_out[i].age_ms = bytes_little(&in, AGE_SIZE) * unit_ms[unit];
	}
	*count_out = count;
	return 0;
}
