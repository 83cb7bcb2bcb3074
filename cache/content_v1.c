/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Writing version 1.0. All integers little-endian. Which block hashes a partly covered segment
 * lists is decided in content_v1_listed alone (section 7 of the digest).
 */
#include "cache/content_v1.h"

#include <assert.h>
#include <errno.h>

#include "cache/content_v1_format.h"

int content_v1_plan(enum digest_algorithm algorithm, uint64_t content_size, uint64_t start,
		    uint64_t length, struct content_v1_plan *plan_out)
{
	struct content_v1_plan plan = {.algorithm = algorithm, .content_size = content_size};
	uint64_t end = start + length, segments, last_end, last_start;

	if (algorithm >= DIGEST_ALGORITHMS || content_v1_number(algorithm) == 0)
		return -EINVAL;
	if (content_size > INT64_MAX || length == 0 || start >= content_size ||
	    length > content_size - start)
		return -EINVAL;
	plan.first_segment = start / CONTENT_V1_SEGMENT;
	segments = (end - 1) / CONTENT_V1_SEGMENT - plan.first_segment + 1;
	if (segments > UINT32_MAX)
		return -EFBIG;
	plan.segments = (uint32_t)segments;
	plan.skip = (uint32_t)(start % CONTENT_V1_SEGMENT);
	last_start = content_v1_offset(&plan, plan.segments - 1);
	last_end = last_start + content_v1_length(&plan, plan.segments - 1);
	if (end != last_end)
		plan.read = (uint32_t)(plan.segments == 1 ? length : end - last_start);
	plan.size = content_v1_list_at(&plan, plan.segments - 1) +
		    content_v1_list_size(&plan, plan.segments - 1);
	*plan_out = plan;
	return 0;
}

uint64_t content_v1_offset(const struct content_v1_plan *plan, uint32_t index)
{
	assert(index < plan->segments);
	return (plan->first_segment + index) * CONTENT_V1_SEGMENT;
}

uint32_t content_v1_length(const struct content_v1_plan *plan, uint32_t index)
{
	uint64_t left = plan->content_size - content_v1_offset(plan, index);

	return left < CONTENT_V1_SEGMENT ? (uint32_t)left : CONTENT_V1_SEGMENT;
}

uint32_t content_v1_blocks(const struct content_v1_plan *plan, uint32_t index)
{
	return content_v1_blocks_of(content_v1_length(plan, index));
}

uint32_t content_v1_listed(const struct content_v1_plan *plan, uint32_t index)
{
	uint32_t end = plan->read;

	if (index + 1 < plan->segments || plan->read == 0)
		return content_v1_blocks(plan, index);
	if (plan->segments == 1)
		end += plan->skip;
	return content_v1_blocks_of(end);
}

uint32_t content_v1_description_size(const struct content_v1_plan *plan)
{
	return CONTENT_V1_DESCRIPTION_FIXED + 2 * (uint32_t)digest_size(plan->algorithm);
}

uint64_t content_v1_description_at(const struct content_v1_plan *plan, uint32_t index)
{
	return CONTENT_V1_HEADER_SIZE + (uint64_t)index * content_v1_description_size(plan);
}

uint32_t content_v1_list_size(const struct content_v1_plan *plan, uint32_t index)
{
	return CONTENT_V1_COUNT_SIZE +
	       content_v1_listed(plan, index) * (uint32_t)digest_size(plan->algorithm);
}

uint64_t content_v1_list_at(const struct content_v1_plan *plan, uint32_t index)
{
	uint32_t whole =
		CONTENT_V1_COUNT_SIZE + CONTENT_V1_BLOCKS * (uint32_t)digest_size(plan->algorithm);

	/* All lists before the last one are those of full segments, listed from block 0. */
	return content_v1_description_at(plan, plan->segments) + (uint64_t)index * whole;
}

void content_v1_put_header(const struct content_v1_plan *plan, struct bytes_out *out)
{
	bytes_put_le16(out, CONTENT_V1_VERSION);
	bytes_put_le32(out, content_v1_number(plan->algorithm));
	bytes_put_le32(out, plan->skip);
	bytes_put_le32(out, plan->read);
	bytes_put_le32(out, plan->segments);
}

void content_v1_put_description(const struct content_v1_plan *plan, uint32_t index,
				const uint8_t *hash_of_data, const uint8_t *secret,
				struct bytes_out *out)
{
	size_t size = digest_size(plan->algorithm);

	bytes_put_le64(out, content_v1_offset(plan, index));
	bytes_put_le32(out, content_v1_length(plan, index));
	bytes_put_le32(out, CONTENT_V1_BLOCK);
	bytes_put(out, hash_of_data, size);
	bytes_put(out, secret, size);
}

void content_v1_put_list(const struct content_v1_plan *plan, uint32_t index, const uint8_t *hashes,
			 struct bytes_out *out)
{
	uint32_t listed = content_v1_listed(plan, index);

	bytes_put_le32(out, listed);
	bytes_put(out, hashes, listed * digest_size(plan->algorithm));
}
