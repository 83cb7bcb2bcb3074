/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Builders. Buffers are filled one after the other, in a ring. A full one is cut into pieces,
 * blocks or segments, which the crew hashes; what is left of a segment moves to the next buffer.
 * Before a buffer is filled again its hashes are collected, so they come in order.
 *
 * The blocks of a file are at known places, so there whoever hashes a buffer also fills it: that
 * the bytes need not move from core to core makes a difference of five per cent.
 */
#include "cache/content_build.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "cache/content_v1.h"
#include "cache/content_v2.h"
#include "cache/crew.h"
#include "cache/cutter.h"
#include "cache/file_octets.h"

enum {
	/* Most pieces in a buffer: all but the last have CUTTER_SEGMENT_MIN octets or more. */
	PIECES_MAX = CONTENT_BUILD_BUFFER / CUTTER_SEGMENT_MIN + 1,
	COUNT_FIRST = 64, /* hashes to make room for at first */
};

struct buffer {
	struct crew_batch batch;
	enum digest_algorithm algorithm;
	uint8_t *data;    /* NULL before it is first needed */
	size_t filled;    /* octets */
	atomic_int error; /* of any piece */
	int file;         /* to fill it from, or -1 */
	uint64_t file_offset;
	uint32_t count; /* of pieces */
	struct piece {
		uint32_t offset, length; /* in the buffer */
		uint8_t hash[DIGEST_SIZE_MAX];
	} pieces[PIECES_MAX];
};

struct content_build {
	struct content_build_options options;
	struct crew *crew;
	struct cutter cutter;
	struct content_hashes hashes; /* what was collected */
	size_t allocated;             /* hashes there is room for */
	int error;
	unsigned current; /* the buffer being filled; the one after it is the oldest */
	unsigned count;
	uint8_t *rest;    /* what a shrunk one holds; NULL: it is in the current buffer */
	size_t rest_size; /* octets */
	struct buffer buffers[];
};

static void hash_piece(struct crew_batch *batch, uint32_t index)
{
	struct buffer *buffer = (struct buffer *)batch;
	struct piece *piece = &buffer->pieces[index];
	int error = digest_hash(buffer->algorithm, buffer->data + piece->offset, piece->length,
				piece->hash);

	if (error != 0)
		atomic_store(&buffer->error, error);
}

/* The only piece of a batch: all of the buffer. */
static void read_and_hash(struct crew_batch *batch, uint32_t index)
{
	struct buffer *buffer = (struct buffer *)batch;
	int error =
		file_octets_read(buffer->file, buffer->file_offset, buffer->data, buffer->filled);

	(void)index;
	if (error != 0)
		atomic_store(&buffer->error, error);
	for (uint32_t i = 0; i < buffer->count && error == 0; i++)
		hash_piece(batch, i);
}

static void begin_content(struct content_build *build)
{
	build->hashes = (struct content_hashes){
		.version = build->options.version,
		.algorithm = build->options.algorithm,
	};
	build->allocated = 0;
	build->error = 0;
	cutter_start(&build->cutter,
		     build->options.version == 1 ? CONTENT_V1_BLOCK : build->options.fixed);
}

int content_build_create(const struct content_build_options *options,
			 struct content_build **build_out)
{
	struct content_build *build;
	struct crew *crew;
	unsigned count;
	int error;

	if (options->version == 1 ? options->algorithm > DIGEST_SHA512 : options->version != 2)
		return -EINVAL;
	if (options->fixed != 0 &&
	    (options->fixed < CUTTER_SEGMENT_MIN || options->fixed > CUTTER_SEGMENT_MAX))
		return -EINVAL;
	error = crew_create(options->pool, options->lane, &crew);
	if (error != 0)
		return error;
	count = crew_size(crew) + 1;
	build = calloc(1, sizeof(*build) + count * sizeof(build->buffers[0]));
	if (build == NULL) {
		crew_destroy(crew);
		return -ENOMEM;
	}
	build->options = *options;
	if (options->version == 2)
		build->options.algorithm = DIGEST_SHA512_TRUNC256;
	build->crew = crew;
	build->count = count;
	for (unsigned i = 0; i < count; i++) {
		build->buffers[i].file = -1;
		build->buffers[i].algorithm = build->options.algorithm;
	}
	begin_content(build);
	*build_out = build;
	return 0;
}

/* Room for COUNT more hashes. */
static int reserve(struct content_build *build, uint32_t count)
{
	struct content_hashes *hashes = &build->hashes;
	size_t size = build->allocated == 0 ? COUNT_FIRST : build->allocated * 2;
	uint8_t *larger;
	uint32_t *lengths;

	if (count > UINT32_MAX - hashes->count)
		return -EFBIG;
	if (hashes->count + count <= build->allocated)
		return 0;
	static_assert(COUNT_FIRST >= PIECES_MAX, "one doubling is enough");
	larger = reallocarray(hashes->hashes, size, digest_size(hashes->algorithm));
	if (larger == NULL)
		return -ENOMEM;
	hashes->hashes = larger;
	if (hashes->version == 2) {
		lengths = reallocarray(hashes->lengths, size, sizeof(*lengths));
		if (lengths == NULL)
			return -ENOMEM;
		hashes->lengths = lengths;
	}
	build->allocated = size;
	return 0;
}

static void wait_for(struct content_build *build, struct buffer *buffer)
{
	crew_wait(build->crew, &buffer->batch);
	if (build->error == 0)
		build->error = atomic_load(&buffer->error);
}

/* Waits for the hashes of BUFFER and takes them out; it is empty then. */
static void collect(struct content_build *build, struct buffer *buffer)
{
	struct content_hashes *hashes = &build->hashes;
	size_t hash_size = digest_size(hashes->algorithm);

	wait_for(build, buffer);
	if (build->error == 0)
		build->error = reserve(build, buffer->count);
	for (uint32_t i = 0; i < buffer->count && build->error == 0; i++) {
		const struct piece *piece = &buffer->pieces[i];

		memcpy(hashes->hashes + hashes->count * hash_size, piece->hash, hash_size);
		if (hashes->lengths != NULL)
			hashes->lengths[hashes->count] = piece->length;
		hashes->count++;
		hashes->size += piece->length;
	}
	buffer->count = 0;
	buffer->filled = 0;
	buffer->file = -1;
	atomic_store(&buffer->error, 0);
}

/* Finds the pieces of BUFFER and returns where they end. */
static size_t cut(struct cutter *cutter, struct buffer *buffer, bool end)
{
	size_t at = 0;

	for (;;) {
		uint32_t length = cutter_next(cutter, buffer->data + at, buffer->filled - at, end);

		if (length == 0)
			return at;
		assert(buffer->count < PIECES_MAX);
		buffer->pieces[buffer->count++] =
			(struct piece){.offset = (uint32_t)at, .length = length};
		at += length;
	}
}

static int prepare(struct buffer *buffer)
{
	if (buffer->data == NULL)
		buffer->data = malloc(CONTENT_BUILD_BUFFER);
	return buffer->data == NULL ? -ENOMEM : 0;
}

/* What a shrunk one holds is in the current buffer again. */
static void expand(struct content_build *build)
{
	struct buffer *buffer = &build->buffers[build->current];

	if (build->rest == NULL)
		return;
	if (build->error == 0)
		build->error = prepare(buffer);
	if (build->error == 0) {
		memcpy(buffer->data, build->rest, build->rest_size);
		buffer->filled = build->rest_size;
	}
	free(build->rest);
	build->rest = NULL;
}

static void submit(struct content_build *build, struct buffer *buffer)
{
	bool to_read = buffer->file >= 0;

	buffer->batch.piece = to_read ? read_and_hash : hash_piece;
	buffer->batch.pieces = to_read ? 1 : buffer->count;
	crew_submit(build->crew, &buffer->batch);
}

/* Gives the full buffer to the crew, which has work then while the next one is filled. */
static void turn(struct content_build *build)
{
	struct buffer *full = &build->buffers[build->current], *next;
	size_t cut_to = cut(&build->cutter, full, false);

	submit(build, full);
	build->current = (build->current + 1) % build->count;
	next = &build->buffers[build->current];
	collect(build, next);
	if (build->error == 0)
		build->error = prepare(next);
	if (build->error != 0)
		return;
	next->filled = full->filled - cut_to;
	memcpy(next->data, full->data + cut_to, next->filled);
}

int content_build_room(struct content_build *build, void **room_out, size_t *size_out)
{
	struct buffer *buffer;

	expand(build);
	if (build->error == 0 && build->buffers[build->current].filled == CONTENT_BUILD_BUFFER)
		turn(build);
	buffer = &build->buffers[build->current];
	if (build->error == 0)
		build->error = prepare(buffer);
	if (build->error != 0)
		return build->error;
	*room_out = buffer->data + buffer->filled;
	*size_out = CONTENT_BUILD_BUFFER - buffer->filled;
	return 0;
}

void content_build_filled(struct content_build *build, size_t size)
{
	struct buffer *buffer = &build->buffers[build->current];

	assert(size <= CONTENT_BUILD_BUFFER - buffer->filled);
	buffer->filled += size;
}

int content_build_add(struct content_build *build, const void *data, size_t size)
{
	const uint8_t *at = data;

	while (size > 0) {
		void *room;
		size_t portion;
		int error = content_build_room(build, &room, &portion);

		if (error != 0)
			return error;
		if (portion > size)
			portion = size;
		memcpy(room, at, portion);
		content_build_filled(build, portion);
		at += portion;
		size -= portion;
	}
	return build->error;
}

/* Hashes of all buffers, from the oldest to the current one. */
static void collect_all(struct content_build *build)
{
	for (unsigned i = 1; i <= build->count; i++)
		collect(build, &build->buffers[(build->current + i) % build->count]);
}

void content_build_shrink(struct content_build *build)
{
	struct buffer *buffer = &build->buffers[build->current];
	size_t cut_to;

	if (build->error != 0 || build->rest != NULL || buffer->data == NULL)
		return;
	cut_to = cut(&build->cutter, buffer, false);
	build->rest_size = buffer->filled - cut_to;
	build->rest = malloc(build->rest_size + 1);
	if (build->rest == NULL)
		build->error = -ENOMEM;
	else
		memcpy(build->rest, buffer->data + cut_to, build->rest_size);
	submit(build, buffer);
	collect_all(build);
	for (unsigned i = 0; i < build->count; i++) {
		free(build->buffers[i].data);
		build->buffers[i].data = NULL;
	}
}

/* How much of LENGTH each buffer gets that the crew fills: all threads shall have some. */
static size_t share(const struct content_build *build, uint64_t length)
{
	uint64_t blocks = length / crew_size(build->crew) / CONTENT_V1_BLOCK;

	if (blocks > CONTENT_BUILD_BUFFER / CONTENT_V1_BLOCK)
		return CONTENT_BUILD_BUFFER;
	return blocks == 0 ? CONTENT_V1_BLOCK : (size_t)blocks * CONTENT_V1_BLOCK;
}

/* Version 1, nothing in the current buffer: lets the crew read what there is of whole shares.
 * Returns how much that was. */
static uint64_t add_shares(struct content_build *build, int file, uint64_t offset, uint64_t length)
{
	size_t size = share(build, length);
	uint64_t done = 0;

	for (; build->error == 0 && size <= length - done; done += size) {
		struct buffer *buffer = &build->buffers[build->current];

		build->error = prepare(buffer);
		if (build->error != 0)
			break;
		buffer->file = file;
		buffer->file_offset = offset + done;
		buffer->filled = size;
		turn(build);
	}
	/* The file is the caller's again. */
	for (unsigned i = 0; i < build->count; i++)
		wait_for(build, &build->buffers[i]);
	return done;
}

int content_build_add_file(struct content_build *build, int file, uint64_t offset, uint64_t length)
{
	uint64_t done = 0;

	expand(build);
	if (build->options.version == 1 && build->buffers[build->current].filled == 0)
		done = add_shares(build, file, offset, length);
	while (done < length && build->error == 0) {
		void *room;
		size_t portion;
		int error = content_build_room(build, &room, &portion);

		if (error != 0)
			return error;
		if (portion > length - done)
			portion = (size_t)(length - done);
		build->error = file_octets_read(file, offset + done, room, portion);
		if (build->error == 0)
			content_build_filled(build, portion);
		done += portion;
	}
	return build->error;
}

int content_build_end(struct content_build *build, struct content_hashes *hashes_out)
{
	struct buffer *last = &build->buffers[build->current];
	int error;

	expand(build);
	if (build->error == 0 && last->filled > 0) {
		cut(&build->cutter, last, true);
		submit(build, last);
	}
	collect_all(build);
	error = build->error;
	if (error == 0)
		*hashes_out = build->hashes;
	else
		content_hashes_clear(&build->hashes);
	begin_content(build);
	return error;
}

void content_build_free(struct content_build *build)
{
	struct content_hashes hashes;

	if (build == NULL)
		return;
	if (content_build_end(build, &hashes) == 0)
		content_hashes_clear(&hashes);
	crew_destroy(build->crew);
	for (unsigned i = 0; i < build->count; i++)
		free(build->buffers[i].data);
	free(build);
}
