/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Content information of a range, part by part: a header, descriptions of segments, in version 1.0
 * lists of block hashes. Where each lies follows from the plan, so whoever reads on makes only the
 * parts that are wanted. Segment secrets are taken over from the whole.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "cache/content_v1.h"
#include "cache/content_v2.h"
#include "fs/service/encoding.h"

#define HASH_SIZE 32u /* in both versions, as we make them */
/* A list of version 1.0 is the largest part. */
#define PART_MAX (sizeof(uint32_t) + CONTENT_V1_BLOCKS * HASH_SIZE)

struct excerpt {
	struct content *content; /* of the whole */
	bool whole;              /* it is what is wanted */
	uint64_t size;
	uint32_t parts;
	/* Of version 1.0: the range's, and the whole's. */
	struct content_v1_plan v1, v1_whole;
	struct content_v2_plan v2; /* of version 2.0 */
};

/* ---- the plan ---- */

static int plan_v1(struct excerpt *excerpt, uint64_t start, uint64_t length)
{
	uint64_t end = content_end(excerpt->content);
	int error = content_v1_plan(DIGEST_SHA256, end, start, length, &excerpt->v1);

	if (error == 0)
		error = content_v1_plan(DIGEST_SHA256, end, 0, end, &excerpt->v1_whole);
	if (error != 0)
		return error;
	excerpt->size = excerpt->v1.size;
	excerpt->parts = 1 + 2 * excerpt->v1.segments;
	return 0;
}

static int plan_v2(struct excerpt *excerpt, uint64_t start, uint64_t length)
{
	struct content_v2_plan *plan = &excerpt->v2;
	struct content_segment segment = {0};
	uint32_t first = 0, last = 0;
	int error = content_segment_at(excerpt->content, start, &first);

	if (error == 0)
		error = content_segment_at(excerpt->content, start + length - 1, &last);
	if (error == 0)
		error = content_segment(excerpt->content, first, &segment);
	if (error != 0)
		return error;
	/* How many segments there are decides the size, not which ones. */
	content_v2_plan_whole(last - first + 1, plan);
	plan->start = segment.offset;
	plan->first_segment = first;
	plan->skip = (uint32_t)(start - segment.offset);
	plan->length = length;
	excerpt->size = plan->size;
	excerpt->parts = 1 + plan->segments;
	return 0;
}

int excerpt_open(struct encoding *encoding, uint64_t start, uint64_t length,
		 struct excerpt **excerpt_out)
{
	struct excerpt *excerpt = calloc(1, sizeof *excerpt);
	int error = excerpt != NULL ? encoding_content(encoding, &excerpt->content) : -ENOMEM;

	if (error == 0) {
		excerpt->whole = length == content_end(excerpt->content);
		if (excerpt->whole)
			excerpt->size = content_header(excerpt->content)->size;
		else if (content_version(excerpt->content) == 1)
			error = plan_v1(excerpt, start, length);
		else
			error = plan_v2(excerpt, start, length);
	}
	if (error != 0) {
		excerpt_close(excerpt);
		return error;
	}
	*excerpt_out = excerpt;
	return 0;
}

void excerpt_close(struct excerpt *excerpt)
{
	if (excerpt == NULL)
		return;
	content_put(excerpt->content);
	free(excerpt);
}

uint64_t excerpt_size(const struct excerpt *excerpt)
{
	return excerpt->size;
}

/* ---- parts ---- */

static uint64_t part_at_v1(const struct content_v1_plan *plan, uint32_t part)
{
	if (part == 0)
		return 0;
	return part <= plan->segments ? content_v1_description_at(plan, part - 1)
				      : content_v1_list_at(plan, part - 1 - plan->segments);
}

static uint64_t part_at(const struct excerpt *excerpt, uint32_t part)
{
	if (excerpt->v1.segments > 0)
		return part_at_v1(&excerpt->v1, part);
	return part == 0 ? 0 : content_v2_segment_at(&excerpt->v2, part - 1);
}

/* The part that the octet at POSITION belongs to. */
static uint32_t find_part(const struct excerpt *excerpt, uint64_t position)
{
	uint32_t low = 0, high = excerpt->parts; /* it is in [low, high) */

	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;

		if (part_at(excerpt, middle) <= position)
			low = middle;
		else
			high = middle;
	}
	return low;
}

static int put_description_v1(const struct excerpt *excerpt, uint32_t index, struct bytes_out *out)
{
	struct content_segment segment;
	int error = content_segment(excerpt->content, (uint32_t)(excerpt->v1.first_segment + index),
				    &segment);

	if (error == 0)
		content_v1_put_description(&excerpt->v1, index, segment.hash_of_data,
					   segment.secret, out);
	OPENSSL_cleanse(&segment, sizeof segment);
	return error;
}

/* The list is read whole, so that it can be checked. */
static int put_list_v1(const struct excerpt *excerpt, uint32_t index, struct bytes_out *out)
{
	const struct content_backing *backing = content_backing(excerpt->content);
	uint32_t whole = (uint32_t)(excerpt->v1.first_segment + index);
	uint32_t size = content_v1_list_size(&excerpt->v1_whole, whole);
	uint8_t list[PART_MAX];
	struct content_segment segment;
	int error = content_segment(excerpt->content, whole, &segment);

	if (error == 0)
		error = backing->read(backing->owner, content_v1_list_at(&excerpt->v1_whole, whole),
				      list, size);
	if (error == 0)
		error = digest_check(DIGEST_SHA256, list + sizeof(uint32_t),
				     size - sizeof(uint32_t), segment.hash_of_data);
	OPENSSL_cleanse(&segment, sizeof segment);
	if (error != 0)
		return error;
	content_v1_put_list(&excerpt->v1, index, list + sizeof(uint32_t), out);
	return 0;
}

static int put_segment_v2(const struct excerpt *excerpt, uint32_t index, struct bytes_out *out)
{
	struct content_segment segment;
	int error = content_segment(excerpt->content, (uint32_t)(excerpt->v2.first_segment + index),
				    &segment);

	if (error == 0)
		content_v2_put_segment(&excerpt->v2, index, segment.length, segment.hash_of_data,
				       segment.secret, out);
	OPENSSL_cleanse(&segment, sizeof segment);
	return error;
}

static int put_part(const struct excerpt *excerpt, uint32_t part, struct bytes_out *out)
{
	const struct content_v1_plan *v1 = &excerpt->v1;

	if (v1->segments == 0 && part > 0)
		return put_segment_v2(excerpt, part - 1, out);
	if (part > v1->segments)
		return put_list_v1(excerpt, part - 1 - v1->segments, out);
	if (part > 0)
		return put_description_v1(excerpt, part - 1, out);
	if (v1->segments > 0)
		content_v1_put_header(v1, out);
	else
		content_v2_put_header(&excerpt->v2, out);
	return 0;
}

static int read_whole(const struct excerpt *excerpt, uint64_t position, void *data, size_t size)
{
	const struct content_backing *backing = content_backing(excerpt->content);

	return backing->read(backing->owner, position, data, size);
}

int excerpt_read(struct excerpt *excerpt, uint64_t position, void *data, size_t size)
{
	uint8_t part[PART_MAX], *at = data;
	int error = 0;

	if (excerpt->whole)
		return read_whole(excerpt, position, data, size);
	for (uint32_t i = find_part(excerpt, position); size > 0 && error == 0; i++) {
		struct bytes_out out = bytes_out(part, sizeof part);
		size_t skip = (size_t)(position - part_at(excerpt, i)), length;

		error = put_part(excerpt, i, &out);
		if (error != 0)
			break;
		length = sizeof part - out.left - skip;
		if (length > size)
			length = size;
		memcpy(at, part + skip, length);
		at += length;
		position += length;
		size -= length;
	}
	OPENSSL_cleanse(part, sizeof part); /* segment secrets */
	return error;
}
