/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reading version 2.0 (content-information.md sections 8, 9 and 12). A million segments of any
 * lengths, and chunks that may begin anywhere: the index has a *mark* at every MARK_SEGMENTS
 * segments, and from the mark before it a segment is found by walking the encoded form.
 */
#include <errno.h>
#include <stdlib.h>

#include "cache/content_private.h"
#include "cache/content_v2_format.h"

#define HEADER_REST (CONTENT_V2_HEADER_SIZE - CONTENT_VERSION_SIZE)

enum {
	/* Our choice: 0.4 octets of memory a segment, and a walk of 4 KiB at most, which is most of
	 * what finding a block costs. */
	MARK_SEGMENTS = 64,
	WINDOW_SIZE = 4096, /* of the encoded form, read at once when walking */
};

struct mark {
	uint64_t offset;     /* of the segment in the content */
	uint64_t position;   /* of its description in the encoded form */
	uint32_t chunk_left; /* descriptions from there to the end of its chunk */
};

struct index {
	uint32_t count, room;
	struct mark *marks;
};

struct state {
	enum { HEADER, CHUNK, SEGMENTS } next;
	uint32_t first_length, last_length;
};

static int begin(struct content_reader *reader)
{
	reader->content->index = calloc(1, sizeof(struct index));
	reader->state = calloc(1, sizeof(struct state));
	if (reader->content->index == NULL || reader->state == NULL)
		return content_reject(reader, -ENOMEM, "out of memory");
	reader->content->algorithm = DIGEST_SHA512_TRUNC256;
	return content_expect(reader, HEADER_REST, 1);
}

static void index_free(void *data)
{
	struct index *index = data;

	free(index->marks);
	free(index);
}

static int take_header(struct content_reader *reader, struct bytes_in *items)
{
	struct state *state = reader->state;
	struct content *content = reader->content;

	if (bytes_u8(items) != CONTENT_V2_ALGORITHM)
		return content_reject(reader, -EBADMSG, "unknown hash algorithm");
	content->listed_start = bytes_be64(items);
	content->header.first_segment = bytes_be64(items);
	content->header.skip = bytes_be32(items);
	content->header.length = bytes_be64(items);
	if (content->listed_start > INT64_MAX)
		return content_reject(reader, -EBADMSG, "impossible offset of a segment");
	content->listed_end = content->listed_start;
	state->next = CHUNK;
	return content_expect(reader, CONTENT_V2_CHUNK_HEADER_SIZE, 1);
}

/* Type and length of a chunk; 0 segments when it cannot be. */
static uint32_t chunk_segments(struct bytes_in *in)
{
	uint8_t type = bytes_u8(in);
	uint32_t length = bytes_be32(in);

	if (type != CONTENT_V2_CHUNK_TYPE || length % CONTENT_V2_DESCRIPTION_SIZE != 0)
		return 0;
	return length / CONTENT_V2_DESCRIPTION_SIZE;
}

static int take_chunk(struct content_reader *reader, struct bytes_in *items)
{
	struct state *state = reader->state;
	uint32_t count = chunk_segments(items);

	if (count == 0)
		return content_reject(reader, -EBADMSG, "impossible type or length of a chunk");
	if (count > UINT32_MAX - reader->content->segments)
		return content_reject(reader, -EFBIG, "too many segments");
	reader->content->header.chunks++;
	state->next = SEGMENTS;
	return content_expect(reader, CONTENT_V2_DESCRIPTION_SIZE, count);
}

static int add_mark(struct content_reader *reader, struct mark mark)
{
	struct index *index = reader->content->index;

	if (index->count == index->room) {
		uint32_t room = index->room == 0 ? 1 : index->room * 2;
		struct mark *grown = reallocarray(index->marks, room, sizeof(*grown));

		if (grown == NULL)
			return content_reject(reader, -ENOMEM, "out of memory");
		index->marks = grown;
		index->room = room;
	}
	index->marks[index->count++] = mark;
	return 0;
}

/* LEFT: segments of the chunk from this one on. */
static int take_segment(struct content_reader *reader, struct bytes_in *items, uint64_t position,
			uint32_t left)
{
	struct state *state = reader->state;
	struct content *content = reader->content;
	uint32_t length = bytes_be32(items);

	bytes_take(items, 2 * CONTENT_V2_HASH_SIZE); /* read when they are asked for */
	if (length == 0 || length > CONTENT_V2_SEGMENT_MAX)
		return content_reject(reader, -EBADMSG, "impossible length of a segment");
	if (length > INT64_MAX - content->listed_end)
		return content_reject(reader, -EBADMSG, "segments reach beyond 2^63-1");
	if (content->segments % MARK_SEGMENTS == 0 &&
	    add_mark(reader, (struct mark){content->listed_end, position, left}) != 0)
		return reader->failure;
	if (content->segments == 0)
		state->first_length = length;
	state->last_length = length;
	content->listed_end += length;
	content->segments++;
	return 0;
}

static int take_segments(struct content_reader *reader, struct bytes_in *items, uint32_t count)
{
	struct state *state = reader->state;

	for (uint32_t i = 0; i < count; i++) {
		uint64_t position = reader->taken + (uint64_t)i * CONTENT_V2_DESCRIPTION_SIZE;

		if (take_segment(reader, items, position, reader->repeat + count - i) != 0)
			return reader->failure;
	}
	if (reader->repeat > 0)
		return 0;
	state->next = CHUNK;
	return content_expect(reader, CONTENT_V2_CHUNK_HEADER_SIZE, 1);
}

static int take(struct content_reader *reader, struct bytes_in *items, uint32_t count)
{
	const struct state *state = reader->state;

	switch (state->next) {
	case HEADER:
		return take_header(reader, items);
	case CHUNK:
		return take_chunk(reader, items);
	default:
		return take_segments(reader, items, count);
	}
}

/* Section 9, and rules 16 to 19 of section 12. */
static int end(struct content_reader *reader)
{
	struct state *state = reader->state;
	struct content *content = reader->content;
	uint64_t total = content->listed_end - content->listed_start;
	uint32_t skip = content->header.skip;
	uint64_t length = content->header.length;

	if (state->next != CHUNK)
		return content_reject(reader, -EBADMSG, "cut short");
	if (content->segments == 0)
		return content_reject(reader, -EBADMSG, "no segments");
	if (skip >= state->first_length)
		return content_reject(reader, -EBADMSG, "range begins behind the first segment");
	if (length > total - skip)
		return content_reject(reader, -EBADMSG, "range ends behind the last segment");
	if (length != 0 && skip + length <= total - state->last_length)
		return content_reject(reader, -EBADMSG, "range ends before the last segment");
	content->start = content->listed_start + skip;
	content->end = length == 0 ? content->listed_end : content->start + length;
	return 0;
}

/* A place in the encoded form, just behind the description of the segment that was found last. */
struct walk {
	const struct content *content;
	struct mark at;
	uint32_t index;  /* of the next segment */
	uint64_t offset; /* of the one found last */
	uint32_t length;
	struct bytes_in hashes; /* its HoD and Kp, in the window */
	uint64_t window_start;
	size_t window_size;
	uint8_t window[WINDOW_SIZE];
};

static void walk_from(struct walk *walk, const struct content *content, uint32_t mark)
{
	const struct index *index = content->index;

	walk->content = content;
	walk->at = index->marks[mark];
	walk->index = mark * MARK_SEGMENTS;
	walk->length = 0;
	walk->window_start = 0;
	walk->window_size = 0;
}

/* The next SIZE octets, and moves behind them. */
static int walk_take(struct walk *walk, size_t size, struct bytes_in *in_out)
{
	uint64_t before = walk->at.position - walk->window_start;

	if (before > walk->window_size || size > walk->window_size - before) {
		uint64_t left = walk->content->header.size - walk->at.position;
		size_t wanted = left < WINDOW_SIZE ? (size_t)left : WINDOW_SIZE;
		int error;

		walk->window_size = 0;
		error = content_read_backing(walk->content, walk->at.position, walk->window,
					     wanted);
		if (error != 0)
			return error;
		walk->window_start = walk->at.position;
		walk->window_size = wanted;
		before = 0;
		if (size > wanted)
			return -EBADMSG;
	}
	*in_out = bytes_in(walk->window + before, size);
	walk->at.position += size;
	return 0;
}

static int walk_next(struct walk *walk)
{
	struct bytes_in in;
	int error;

	if (walk->at.chunk_left == 0) {
		error = walk_take(walk, CONTENT_V2_CHUNK_HEADER_SIZE, &in);
		if (error != 0)
			return error;
		walk->at.chunk_left = chunk_segments(&in);
		if (walk->at.chunk_left == 0)
			return -EBADMSG;
	}
	error = walk_take(walk, CONTENT_V2_DESCRIPTION_SIZE, &walk->hashes);
	if (error != 0)
		return error;
	walk->offset = walk->at.offset;
	walk->length = bytes_be32(&walk->hashes);
	if (walk->length == 0 || walk->length > CONTENT_V2_SEGMENT_MAX ||
	    walk->length > walk->content->listed_end - walk->offset)
		return -EBADMSG;
	walk->at.chunk_left--;
	walk->at.offset += walk->length;
	walk->index++;
	return 0;
}

/* The segment that was found last. */
static void take_found(struct walk *walk, struct content_segment *segment_out)
{
	*segment_out = (struct content_segment){
		.offset = walk->offset, .length = walk->length, .blocks = 1, .listed = 1};
	bytes_copy(&walk->hashes, segment_out->hash_of_data, CONTENT_V2_HASH_SIZE);
	bytes_copy(&walk->hashes, segment_out->secret, CONTENT_V2_HASH_SIZE);
}

static int segment(const struct content *content, uint32_t index,
		   struct content_segment *segment_out)
{
	struct walk walk;

	walk_from(&walk, content, index / MARK_SEGMENTS);
	do {
		int error = walk_next(&walk);

		if (error != 0)
			return error;
	} while (walk.index <= index);
	take_found(&walk, segment_out);
	return 0;
}

static int each_segment(const struct content *content, content_each *each, void *owner)
{
	struct content_segment description;
	struct walk walk;

	walk_from(&walk, content, 0);
	while (walk.index < content->segments) {
		int error = walk_next(&walk);

		if (error != 0)
			return error;
		take_found(&walk, &description);
		error = each(owner, walk.index - 1, &description);
		if (error != 0)
			return error;
	}
	return 0;
}

/* The last mark at or before OFFSET. */
static uint32_t mark_before(const struct index *index, uint64_t offset)
{
	uint32_t low = 0, high = index->count; /* it is in [low, high) */

	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;

		if (index->marks[middle].offset <= offset)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* Walks to the segment that holds OFFSET. */
static int find(const struct content *content, uint64_t offset, struct walk *walk)
{
	walk_from(walk, content, mark_before(content->index, offset));
	do {
		int error = walk->index < content->segments ? walk_next(walk) : -EBADMSG;

		if (error != 0)
			return error;
	} while (offset - walk->offset >= walk->length);
	return 0;
}

static int segment_at(const struct content *content, uint64_t offset, uint32_t *index_out)
{
	struct walk walk;
	int error = find(content, offset, &walk);

	if (error != 0)
		return error;
	*index_out = walk.index - 1;
	return 0;
}

static int block_at(const struct content *content, uint64_t offset, struct content_block *block_out)
{
	struct walk walk;
	int error = find(content, offset, &walk);

	if (error != 0)
		return error;
	*block_out = (struct content_block){
		.segment = walk.index - 1, .offset = walk.offset, .length = walk.length};
	bytes_copy(&walk.hashes, block_out->hash, CONTENT_V2_HASH_SIZE);
	return 0;
}

static int next_length(void *owner, uint32_t *length_out)
{
	struct walk *walk = owner;
	int error = walk_next(walk);

	*length_out = walk->length;
	return error;
}

static int cutting(const struct content *content, struct cutting **cutting_out)
{
	struct walk walk;

	walk_from(&walk, content, 0);
	return cutting_told(content->segments, next_length, &walk, cutting_out);
}

const struct content_format content_format_v2 = {
	.version = 2,
	.begin = begin,
	.take = take,
	.end = end,
	.state_free = free,
	.segment = segment,
	.each = each_segment,
	.segment_at = segment_at,
	.block_at = block_at,
	.cutting = cutting,
	.index_free = index_free,
};
