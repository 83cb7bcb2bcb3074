/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Slices: a segment or a list at a time, so that nothing as large as the whole is held.
 */
#include "cache/content_slice.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "cache/content_v1_format.h"
#include "cache/content_v2.h"

struct slicing {
	const struct content *content;
	uint32_t first, count;
	content_hashes_put *put;
	void *owner;
	struct content_v2_plan plan; /* version 2.0 */
	/* A part of the encoded form: a list of version 1.0 is the largest. */
	uint8_t part[CONTENT_V1_COUNT_SIZE + CONTENT_V1_BLOCKS * DIGEST_SIZE_MAX];
};

static struct bytes_out part_begin(struct slicing *slicing)
{
	return bytes_out(slicing->part, sizeof(slicing->part));
}

static int part_end(struct slicing *slicing, const struct bytes_out *out)
{
	assert(!out->failed);
	return slicing->put(slicing->owner, slicing->part, sizeof(slicing->part) - out->left);
}

/* ---- version 1.0 ---- */

/* The range within the only segment, in whole blocks, so that its list is read as it was (section
 * 7). */
static void set_range(const struct content *content, const struct content_segment *segment,
		      struct content_v1_plan *plan)
{
	uint64_t start = 0, end = segment->length;

	if (content_segment_is_whole(segment))
		return;
	if (content_start(content) > segment->offset)
		start = (content_start(content) - segment->offset) / CONTENT_V1_BLOCK;
	if (content_end(content) - segment->offset < end)
		end = content_v1_blocks_of((uint32_t)(content_end(content) - segment->offset)) *
		      (uint64_t)CONTENT_V1_BLOCK;
	start *= CONTENT_V1_BLOCK;
	plan->skip = (uint32_t)start;
	plan->read = end >= segment->length ? 0 : (uint32_t)(end - start);
}

/* Only what the header and the descriptions need. */
static int make_plan(const struct slicing *slicing, struct content_v1_plan *plan_out)
{
	struct content_v1_plan plan = {.algorithm = content_algorithm(slicing->content),
				       .segments = slicing->count};
	struct content_segment first, last;
	int error = content_segment(slicing->content, slicing->first, &first);

	if (error == 0)
		error = content_segment(slicing->content, slicing->first + slicing->count - 1,
					&last);
	if (error != 0)
		return error;
	if (slicing->count > 1 &&
	    (!content_segment_is_whole(&first) || !content_segment_is_whole(&last)))
		return -EINVAL;
	plan.content_size = last.offset + last.length - first.offset;
	set_range(slicing->content, &first, &plan);
	*plan_out = plan;
	return 0;
}

static int put_description(struct slicing *slicing, const struct content_v1_plan *plan,
			   uint32_t index)
{
	struct bytes_out out = part_begin(slicing);
	struct content_segment segment;
	int error = content_segment(slicing->content, slicing->first + index, &segment);

	if (error != 0)
		return error;
	content_v1_put_description(plan, index, segment.hash_of_data, segment.secret, &out);
	OPENSSL_cleanse(segment.secret, sizeof(segment.secret));
	return part_end(slicing, &out);
}

static int put_list(struct slicing *slicing, uint32_t index)
{
	const struct content *content = slicing->content;
	size_t hash_size = digest_size(content_algorithm(content));
	struct bytes_out out = part_begin(slicing);
	struct content_segment segment;
	int error = content_segment(content, slicing->first + index, &segment);

	if (error != 0)
		return error;
	bytes_put_le32(&out, segment.listed);
	for (uint32_t i = 0; i < segment.listed && error == 0; i++) {
		struct content_block block;

		error = content_block_listed(content, &segment, segment.first_listed + i, &block);
		if (error == 0)
			bytes_put(&out, block.hash, hash_size);
	}
	return error != 0 ? error : part_end(slicing, &out);
}

static int write_v1(struct slicing *slicing)
{
	struct bytes_out out = part_begin(slicing);
	struct content_v1_plan plan;
	int error = make_plan(slicing, &plan);

	if (error != 0)
		return error;
	content_v1_put_header(&plan, &out);
	error = part_end(slicing, &out);
	for (uint32_t i = 0; i < slicing->count && error == 0; i++)
		error = put_description(slicing, &plan, i);
	for (uint32_t i = 0; i < slicing->count && error == 0; i++)
		error = put_list(slicing, i);
	return error;
}

/* ---- version 2.0 ---- */

enum { LAST = 1 }; /* not an error: there is no more to write */

static int put_segment(void *owner, uint32_t index, const struct content_segment *segment)
{
	struct slicing *slicing = owner;
	struct bytes_out out = part_begin(slicing);
	int error;

	if (index < slicing->first)
		return 0;
	content_v2_put_segment(&slicing->plan, index - slicing->first, segment->length,
			       segment->hash_of_data, segment->secret, &out);
	error = part_end(slicing, &out);
	if (error != 0)
		return error;
	return index - slicing->first + 1 == slicing->count ? LAST : 0;
}

static int write_v2(struct slicing *slicing)
{
	struct bytes_out out = part_begin(slicing);
	int error;

	content_v2_plan_whole(slicing->count, &slicing->plan);
	content_v2_put_header(&slicing->plan, &out);
	error = part_end(slicing, &out);
	if (error == 0)
		error = content_each_segment(slicing->content, put_segment, slicing);
	return error == LAST ? 0 : error;
}

/* ---- the public side ---- */

int content_slice_write(const struct content *content, uint32_t first, uint32_t count,
			content_hashes_put *put, void *owner)
{
	struct slicing *slicing;
	int error;

	if (count == 0 || first >= content_segments(content) ||
	    count > content_segments(content) - first)
		return -EINVAL;
	slicing = malloc(sizeof(*slicing));
	if (slicing == NULL)
		return -ENOMEM;
	slicing->content = content;
	slicing->first = first;
	slicing->count = count;
	slicing->put = put;
	slicing->owner = owner;
	error = content_version(content) == 1 ? write_v1(slicing) : write_v2(slicing);
	OPENSSL_cleanse(slicing, sizeof(*slicing)); /* segment secrets */
	free(slicing);
	return error;
}

struct memory {
	size_t size, room;
	uint8_t *data;
};

static int put_in_memory(void *owner, const void *data, size_t size)
{
	struct memory *memory = owner;

	if (size > memory->room - memory->size)
		return -EINVAL;
	memcpy(memory->data + memory->size, data, size);
	memory->size += size;
	return 0;
}

int content_slice_segment(const struct content *content, uint32_t index, struct content **slice_out)
{
	/* Header, description, list: whatever the version, more than one segment needs. */
	struct memory memory = {.room = CONTENT_V1_HEADER_SIZE + CONTENT_V1_DESCRIPTION_FIXED +
					2 * DIGEST_SIZE_MAX + CONTENT_V1_COUNT_SIZE +
					CONTENT_V1_BLOCKS * DIGEST_SIZE_MAX};
	int error;

	memory.data = malloc(memory.room);
	if (memory.data == NULL)
		return -ENOMEM;
	error = content_slice_write(content, index, 1, put_in_memory, &memory);
	if (error == 0)
		error = content_decode(memory.data, memory.size, memory.size, slice_out, NULL);
	OPENSSL_cleanse(memory.data, memory.size);
	free(memory.data);
	return error;
}
