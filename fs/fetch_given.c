/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Counting: what readers were given, by where it came from when it was given, and what was wrong.
 */
#include "fs/fetch_private.h"

static void count(struct fetch *fetch, enum given given, uint64_t bytes, uint64_t blocks)
{
	atomic_fetch_add(&fetch->given[given].bytes, bytes);
	atomic_fetch_add(&fetch->given[given].blocks, blocks);
}

/* As whose a part of UNIT counts that reaches to its FIRST octet, its LAST, both or neither: as
 * that of where it came from until both were given, each once. Readers' requests may come in any
 * order. */
static enum given take_fresh(struct fetch_file *file, const struct cutting *cutting, uint32_t unit,
			     bool first, bool last)
{
	enum given given = GIVEN_CACHE;
	uint8_t ends = (uint8_t)((first ? FRESH_BEGUN : 0) | (last ? FRESH_ENDED : 0));

	pthread_mutex_lock(&file->fetch->lock);
	uint8_t *fresh =
		file->fresh != NULL && file->cutting == cutting ? &file->fresh[unit] : NULL;
	if (fresh != NULL && *fresh != 0 && (*fresh & ends) == 0) {
		given = (enum given)(*fresh & FRESH_GIVEN);
		*fresh |= ends;
		if ((*fresh & FRESH_BEGUN) && (*fresh & FRESH_ENDED)) {
			*fresh = 0;
			atomic_fetch_sub(&file->fresh_count, 1);
		}
	}
	pthread_mutex_unlock(&file->fetch->lock);
	return given;
}

/* A block counts when its last octet is given. What came from elsewhere counts as that the first
 * time, later as the cache's. */
void fetch_file_given(struct fetch_file *file, uint64_t offset, size_t length)
{
	const struct cutting *cutting = file->cutting;
	uint64_t end = offset + length;

	if (length == 0)
		return;
	for (uint32_t unit = cutting_unit_at(cutting, offset); offset < end; unit++) {
		uint64_t start = cutting_offset(cutting, unit);
		uint64_t stop = start + cutting_length(cutting, unit);
		bool last = stop <= end;
		uint64_t bytes = (last ? stop : end) - offset;
		enum given given = GIVEN_CACHE;
		if (atomic_load(&file->fresh_count) > 0)
			given = take_fresh(file, cutting, unit, offset == start, last);
		count(file->fetch, given, bytes, last);
		offset = stop;
	}
}

void fetch_count_hash_error(struct fetch *fetch)
{
	atomic_fetch_add(&fetch->hash_errors, 1);
}

void fetch_counters(struct fetch *fetch, struct fetch_counters *counters_out)
{
	for (int i = 0; i < GIVEN_KINDS; i++) {
		counters_out->given[i].bytes = atomic_load(&fetch->given[i].bytes);
		counters_out->given[i].blocks = atomic_load(&fetch->given[i].blocks);
	}
	counters_out->hash_errors = atomic_load(&fetch->hash_errors);
}
