/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Writing version 2.0. All integers big-endian.
 */
#include "cache/content_v2.h"

#include <assert.h>
#include <errno.h>

#include "cache/content_v2_format.h"

static void set_size(struct content_v2_plan *plan)
{
	plan->size = content_v2_segment_at(plan, plan->segments - 1) +
		     content_v2_segment_size(plan, plan->segments - 1);
}

void content_v2_plan_whole(uint32_t count, struct content_v2_plan *plan_out)
{
	assert(count > 0);
	*plan_out = (struct content_v2_plan){.segments = count};
	set_size(plan_out);
}

static int sum_of(const uint32_t *lengths, uint32_t count, uint64_t *sum_out)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < count; i++) {
		if (lengths[i] == 0 || lengths[i] > CONTENT_V2_SEGMENT_MAX)
			return -EINVAL;
		sum += lengths[i]; /* 2^32 times 2^17 stays below 2^63 */
	}
	*sum_out = sum;
	return 0;
}

int content_v2_plan(const uint32_t *lengths, uint32_t count, uint64_t start, uint64_t length,
		    struct content_v2_plan *plan_out)
{
	struct content_v2_plan plan = {0};
	uint64_t size, end;
	int error = sum_of(lengths, count, &size);

	if (error != 0)
		return error;
	if (length == 0 || start >= size || length > size - start)
		return -EINVAL;
	if (length == size) {
		content_v2_plan_whole(count, plan_out);
		return 0;
	}
	while (start - plan.start >= lengths[plan.first_segment])
		plan.start += lengths[plan.first_segment++];
	plan.skip = (uint32_t)(start - plan.start);
	plan.length = length;
	for (end = plan.start; end < start + length; plan.segments++)
		end += lengths[plan.first_segment + plan.segments];
	set_size(&plan);
	*plan_out = plan;
	return 0;
}

uint64_t content_v2_segment_at(const struct content_v2_plan *plan, uint32_t index)
{
	/* Chunks begun before this segment. */
	uint64_t chunks =
		index / CONTENT_V2_CHUNK_SEGMENTS + (index % CONTENT_V2_CHUNK_SEGMENTS != 0);

	assert(index < plan->segments);
	return CONTENT_V2_HEADER_SIZE + chunks * CONTENT_V2_CHUNK_HEADER_SIZE +
	       (uint64_t)index * CONTENT_V2_DESCRIPTION_SIZE;
}

uint32_t content_v2_segment_size(const struct content_v2_plan *plan, uint32_t index)
{
	assert(index < plan->segments);
	return CONTENT_V2_DESCRIPTION_SIZE +
	       (index % CONTENT_V2_CHUNK_SEGMENTS == 0 ? CONTENT_V2_CHUNK_HEADER_SIZE : 0);
}

void content_v2_put_header(const struct content_v2_plan *plan, struct bytes_out *out)
{
	bytes_put_u8(out, CONTENT_V2_MINOR);
	bytes_put_u8(out, CONTENT_V2_MAJOR);
	bytes_put_u8(out, CONTENT_V2_ALGORITHM);
	bytes_put_be64(out, plan->start);
	bytes_put_be64(out, plan->first_segment);
	bytes_put_be32(out, plan->skip);
	bytes_put_be64(out, plan->length);
}

static void put_chunk_header(uint32_t segments, struct bytes_out *out)
{
	bytes_put_u8(out, CONTENT_V2_CHUNK_TYPE);
	bytes_put_be32(out, segments * CONTENT_V2_DESCRIPTION_SIZE);
}

void content_v2_put_segment(const struct content_v2_plan *plan, uint32_t index, uint32_t length,
			    const uint8_t *hash_of_data, const uint8_t *secret,
			    struct bytes_out *out)
{
	uint32_t left = plan->segments - index;

	assert(index < plan->segments);
	if (index % CONTENT_V2_CHUNK_SEGMENTS == 0)
		put_chunk_header(
			left < CONTENT_V2_CHUNK_SEGMENTS ? left : CONTENT_V2_CHUNK_SEGMENTS, out);
	bytes_put_be32(out, length);
	bytes_put(out, hash_of_data, CONTENT_V2_HASH_SIZE);
	bytes_put(out, secret, CONTENT_V2_HASH_SIZE);
}
