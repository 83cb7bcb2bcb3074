/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reading version 1.0 (content-information.md sections 6, 7 and 12). Where everything lies follows
 * from the first and the last list, since all between are full; so the index is of constant size.
 * HoD of the segments is kept while reading only, to check each complete list.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cache/content_private.h"
#include "cache/content_v1_format.h"

#define HEADER_REST (CONTENT_V1_HEADER_SIZE - CONTENT_VERSION_SIZE)

/* The block hashes that a list has. */
struct list {
	uint32_t first, count;
};

struct index {
	uint32_t first_length, last_length; /* of segments, octets */
	struct list first, last;            /* the same one when there is one segment */
};

struct state {
	enum { HEADER, DESCRIPTIONS, COUNT, HASHES } next;
	uint32_t segment;        /* being read */
	uint8_t *hashes_of_data; /* one after the other */
	uint32_t known, room;    /* of these */
	struct list list;
	struct digest_stream *stream;
};

static uint32_t hash_size(const struct content *content)
{
	return (uint32_t)digest_size(content->algorithm);
}

static uint32_t description_size(const struct content *content)
{
	return CONTENT_V1_DESCRIPTION_FIXED + 2 * hash_size(content);
}

static uint64_t segment_offset(const struct content *content, uint32_t index)
{
	return content->listed_start + (uint64_t)index * CONTENT_V1_SEGMENT;
}

static uint32_t segment_length(const struct content *content, uint32_t index)
{
	const struct index *known = content->index;

	return index + 1 < content->segments ? CONTENT_V1_SEGMENT : known->last_length;
}

static struct list segment_list(const struct content *content, uint32_t index)
{
	const struct index *known = content->index;

	if (index == 0)
		return known->first;
	return index + 1 < content->segments ? (struct list){0, CONTENT_V1_BLOCKS} : known->last;
}

static uint64_t description_at(const struct content *content, uint32_t index)
{
	return CONTENT_V1_HEADER_SIZE + (uint64_t)index * description_size(content);
}

static uint64_t hashes_at(const struct content *content, uint32_t index)
{
	const struct index *known = content->index;
	uint64_t lists = description_at(content, content->segments);
	uint64_t first = CONTENT_V1_COUNT_SIZE + (uint64_t)known->first.count * hash_size(content);
	uint64_t full = CONTENT_V1_COUNT_SIZE + (uint64_t)CONTENT_V1_BLOCKS * hash_size(content);

	if (index == 0)
		return lists + CONTENT_V1_COUNT_SIZE;
	return lists + first + (index - 1) * full + CONTENT_V1_COUNT_SIZE;
}

static int begin(struct content_reader *reader)
{
	reader->content->index = calloc(1, sizeof(struct index));
	reader->state = calloc(1, sizeof(struct state));
	if (reader->content->index == NULL || reader->state == NULL)
		return content_reject(reader, -ENOMEM, "out of memory");
	return content_expect(reader, HEADER_REST, 1);
}

static void state_free(void *data)
{
	struct state *state = data;

	digest_stream_free(state->stream);
	free(state->hashes_of_data);
	free(state);
}

static int take_header(struct content_reader *reader, struct bytes_in *items)
{
	struct state *state = reader->state;
	struct content *content = reader->content;
	uint64_t room;
	int error;

	if (!content_v1_algorithm(bytes_le32(items), &content->algorithm))
		return content_reject(reader, -EBADMSG, "unknown hash algorithm");
	content->header.skip = bytes_le32(items);
	content->header.length = bytes_le32(items);
	content->segments = bytes_le32(items);
	if (content->segments == 0)
		return content_reject(reader, -EBADMSG, "no segments");
	/* The shortest list has no hash in this estimate, as in section 12, rule 4. */
	room = (reader->limit - CONTENT_V1_HEADER_SIZE) /
	       (description_size(content) + CONTENT_V1_COUNT_SIZE);
	if (content->segments > room)
		return content_reject(reader, -EBADMSG, "more segments than fit into the limit");
	error = digest_stream_create(content->algorithm, &state->stream);
	if (error != 0)
		return content_reject(reader, error, "hash function not available");
	state->next = DESCRIPTIONS;
	return content_expect(reader, description_size(content), content->segments);
}

/* Keeps HoD. Grows with what has come, not with what was claimed. */
static int keep_hash(struct content_reader *reader, const uint8_t *hash_of_data)
{
	struct state *state = reader->state;
	size_t size = hash_size(reader->content);

	if (state->known == state->room) {
		uint32_t room = state->room == 0 ? 16 : state->room * 2;
		uint8_t *grown = reallocarray(state->hashes_of_data, room, size);

		if (grown == NULL)
			return content_reject(reader, -ENOMEM, "out of memory");
		state->hashes_of_data = grown;
		state->room = room;
	}
	memcpy(state->hashes_of_data + state->known * size, hash_of_data, size);
	state->known++;
	return 0;
}

static int take_description(struct content_reader *reader, struct bytes_in *items)
{
	struct state *state = reader->state;
	struct content *content = reader->content;
	struct index *index = content->index;
	uint64_t offset = bytes_le64(items);
	uint32_t length = bytes_le32(items), block_size = bytes_le32(items);
	const uint8_t *hash_of_data = bytes_take(items, hash_size(content));

	bytes_take(items, hash_size(content)); /* the secret is read when it is asked for */
	if (block_size != CONTENT_V1_BLOCK)
		return content_reject(reader, -EBADMSG, "block size is not 65536");
	if (length == 0 || length > CONTENT_V1_SEGMENT ||
	    (length < CONTENT_V1_SEGMENT && state->segment + 1 < content->segments))
		return content_reject(reader, -EBADMSG, "impossible length of a segment");
	if (offset % CONTENT_V1_SEGMENT != 0 || offset > INT64_MAX - (uint64_t)length)
		return content_reject(reader, -EBADMSG, "impossible offset of a segment");
	if (state->segment == 0) {
		content->listed_start = offset;
		index->first_length = length;
	} else if (offset != content->listed_end) {
		return content_reject(reader, -EBADMSG, "segments do not touch");
	}
	content->listed_end = offset + length;
	index->last_length = length;
	state->segment++;
	return keep_hash(reader, hash_of_data);
}

/* Section 7. */
static int find_range(struct content_reader *reader)
{
	struct content *content = reader->content;
	const struct index *index = content->index;
	uint32_t skip = content->header.skip, read = (uint32_t)content->header.length;
	bool to_end = read == 0 || read == index->last_length;

	if (skip >= index->first_length)
		return content_reject(reader, -EBADMSG, "range begins behind the first segment");
	if (read > index->last_length ||
	    (content->segments == 1 && !to_end && read > index->first_length - skip))
		return content_reject(reader, -EBADMSG, "range ends behind the last segment");
	content->start = content->listed_start + skip;
	if (to_end)
		content->end = content->listed_end;
	else if (content->segments == 1)
		content->end = content->start + read;
	else
		content->end = content->listed_end - index->last_length + read;
	return 0;
}

static int take_descriptions(struct content_reader *reader, struct bytes_in *items, uint32_t count)
{
	struct state *state = reader->state;

	for (uint32_t i = 0; i < count; i++)
		if (take_description(reader, items) != 0)
			return reader->failure;
	if (reader->repeat > 0)
		return 0;
	if (find_range(reader) != 0)
		return reader->failure;
	state->segment = 0;
	state->next = COUNT;
	return content_expect(reader, CONTENT_V1_COUNT_SIZE, 1);
}

/* Which blocks COUNT hashes are for: the three readings of section 7. */
static int find_list(const struct content *content, uint32_t index, uint32_t count,
		     struct list *list_out)
{
	uint64_t offset = segment_offset(content, index);
	uint32_t length = segment_length(content, index), total = content_v1_blocks_of(length);
	uint32_t low = 0, high = total;

	if (content->start > offset)
		low = (uint32_t)(content->start - offset) / CONTENT_V1_BLOCK;
	if (content->end - offset < length)
		high = content_v1_blocks_of((uint32_t)(content->end - offset));
	if (count == total || count == high)
		*list_out = (struct list){0, count};
	else if (count == high - low)
		*list_out = (struct list){low, count};
	else
		return -EBADMSG;
	return 0;
}

static int take_count(struct content_reader *reader, struct bytes_in *items)
{
	struct state *state = reader->state;
	struct content *content = reader->content;
	struct index *index = content->index;

	if (find_list(content, state->segment, bytes_le32(items), &state->list) != 0)
		return content_reject(reader, -EBADMSG, "impossible number of block hashes");
	if (state->segment == 0)
		index->first = state->list;
	if (state->segment + 1 == content->segments)
		index->last = state->list;
	state->next = HASHES;
	return content_expect(reader, hash_size(content), state->list.count);
}

static int check_list(struct content_reader *reader)
{
	struct state *state = reader->state;
	const struct content *content = reader->content;
	const uint8_t *expected =
		state->hashes_of_data + (size_t)state->segment * hash_size(content);
	uint8_t hash[DIGEST_SIZE_MAX];
	int error = digest_stream_end(state->stream, hash);

	if (error != 0)
		return content_reject(reader, error, "hashing failed");
	if (state->list.count == content_v1_blocks_of(segment_length(content, state->segment)) &&
	    memcmp(hash, expected, hash_size(content)) != 0)
		return content_reject(reader, -EBADMSG, "block hashes contradict the segment's");
	return 0;
}

static int take_hashes(struct content_reader *reader, struct bytes_in *items)
{
	struct state *state = reader->state;
	size_t size = items->left;
	int error = digest_stream_add(state->stream, bytes_take(items, size), size);

	if (error != 0)
		return content_reject(reader, error, "hashing failed");
	if (reader->repeat > 0)
		return 0;
	if (check_list(reader) != 0)
		return reader->failure;
	state->segment++;
	state->next = COUNT;
	if (state->segment == reader->content->segments)
		return content_expect(reader, 0, 0);
	return content_expect(reader, CONTENT_V1_COUNT_SIZE, 1);
}

static int take(struct content_reader *reader, struct bytes_in *items, uint32_t count)
{
	const struct state *state = reader->state;

	switch (state->next) {
	case HEADER:
		return take_header(reader, items);
	case DESCRIPTIONS:
		return take_descriptions(reader, items, count);
	case COUNT:
		return take_count(reader, items);
	default:
		return take_hashes(reader, items);
	}
}

static int end(struct content_reader *reader)
{
	return reader->need == 0 ? 0 : content_reject(reader, -EBADMSG, "cut short");
}

static int segment(const struct content *content, uint32_t index,
		   struct content_segment *segment_out)
{
	uint8_t encoded[CONTENT_ITEM_MAX];
	size_t size = description_size(content);
	struct list list = segment_list(content, index);
	struct content_segment segment = {
		.offset = segment_offset(content, index),
		.length = segment_length(content, index),
		.first_listed = list.first,
		.listed = list.count,
	};
	struct bytes_in in = bytes_in(encoded, size);
	int error = content_read_backing(content, description_at(content, index), encoded, size);

	if (error != 0)
		return error;
	if (bytes_le64(&in) != segment.offset || bytes_le32(&in) != segment.length ||
	    bytes_le32(&in) != CONTENT_V1_BLOCK)
		return -EBADMSG;
	segment.blocks = content_v1_blocks_of(segment.length);
	bytes_copy(&in, segment.hash_of_data, hash_size(content));
	bytes_copy(&in, segment.secret, hash_size(content));
	*segment_out = segment;
	return 0;
}

static int each_segment(const struct content *content, content_each *each, void *owner)
{
	for (uint32_t index = 0; index < content->segments; index++) {
		struct content_segment description;
		int error = segment(content, index, &description);

		if (error == 0)
			error = each(owner, index, &description);
		if (error != 0)
			return error;
	}
	return 0;
}

static int segment_at(const struct content *content, uint64_t offset, uint32_t *index_out)
{
	*index_out = (uint32_t)((offset - content->listed_start) / CONTENT_V1_SEGMENT);
	return 0;
}

static int block_at(const struct content *content, uint64_t offset, struct content_block *block_out)
{
	uint64_t within = offset - content->listed_start;
	struct content_block block = {
		.segment = (uint32_t)(within / CONTENT_V1_SEGMENT),
		.block = (uint32_t)(within % CONTENT_V1_SEGMENT / CONTENT_V1_BLOCK),
		.offset = offset - within % CONTENT_V1_BLOCK,
		.length = CONTENT_V1_BLOCK,
	};
	struct list list = segment_list(content, block.segment);
	int error;

	if (content->listed_end - block.offset < block.length)
		block.length = (uint32_t)(content->listed_end - block.offset);
	error = content_read_backing(content,
				     hashes_at(content, block.segment) +
					     (uint64_t)(block.block - list.first) *
						     hash_size(content),
				     block.hash, hash_size(content));
	if (error != 0)
		return error;
	*block_out = block;
	return 0;
}

static int cutting(const struct content *content, struct cutting **cutting_out)
{
	return cutting_uniform(content->end, cutting_out);
}

const struct content_format content_format_v1 = {
	.version = 1,
	.begin = begin,
	.take = take,
	.end = end,
	.state_free = state_free,
	.segment = segment,
	.each = each_segment,
	.segment_at = segment_at,
	.block_at = block_at,
	.cutting = cutting,
	.index_free = free,
};
