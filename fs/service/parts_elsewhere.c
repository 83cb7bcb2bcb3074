/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Blocks that other objects of the store have: files of the mount, publications, other ranges of
 * the same content. They are found by the id of their segment, which stands for all its block
 * hashes; where a consumer's own list of a segment is not complete, nothing binds it to the id, and
 * what is found is checked against it.
 */
#include "fs/service/parts_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

/* The segment that holds OFFSET, its place among the listed ones, and its id. */
struct wanted {
	uint32_t index;
	uint64_t offset;
	uint32_t length, blocks;
	size_t id_size;
	uint8_t id[DIGEST_SIZE_MAX];
};

/* Cheaper than content_segment_at(), which would have to look for it. */
static uint32_t segment_index(const struct content *content, const struct place *place,
			      uint64_t offset)
{
	uint32_t unit = place_unit(place, offset);

	return place->first + (content_version(content) == 1 ? unit / STORE_SEGMENT_BLOCKS : unit);
}

static int find_wanted(const struct content *content, const struct place *place, uint64_t offset,
		       struct wanted *wanted_out)
{
	struct wanted wanted = {.index = segment_index(content, place, offset),
				.id_size = digest_size(content_algorithm(content))};
	struct content_segment segment;
	int error = content_segment(content, wanted.index, &segment);

	if (error == 0)
		error = content_segment_id(content, &segment, wanted.id);
	if (error != 0)
		return error;
	wanted.offset = segment.offset;
	wanted.length = segment.length;
	wanted.blocks = segment.blocks;
	OPENSSL_cleanse(&segment, sizeof(segment));
	*wanted_out = wanted;
	return 0;
}

/* In version 2.0 the segment is the block. */
static uint32_t block_of(const struct content *content, uint64_t segment_offset, uint64_t offset)
{
	return content_version(content) == 1 ? (uint32_t)((offset - segment_offset) / CUTTING_UNIT)
					     : 0;
}

int elsewhere_look(struct parts *parts, const struct place *place, uint64_t offset,
		   uint64_t held_out[STORE_SEGMENT_WORDS], uint32_t *block_out,
		   uint32_t *blocks_out)
{
	struct wanted wanted;
	int error = find_wanted(parts->content, place, offset, &wanted);

	if (error != 0)
		return error;
	store_segment_anywhere(parts->store, wanted.id, wanted.id_size, held_out);
	*block_out = block_of(parts->content, wanted.offset, offset);
	*blocks_out = wanted.blocks;
	return 0;
}

/* ---- those that were found ---- */

static void elsewhere_put(struct elsewhere *elsewhere)
{
	if (elsewhere == NULL ||
	    __atomic_sub_fetch(&elsewhere->references, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	store_segment_put(elsewhere->segment);
	free(elsewhere);
}

/* Of those found lately; NULL: none of them holds OFFSET. */
static struct elsewhere *take_found(struct parts *parts, uint64_t offset)
{
	struct elsewhere *found = NULL;

	pthread_mutex_lock(&parts->lock);
	for (unsigned i = 0; i < PARTS_FOUND && found == NULL; i++) {
		struct elsewhere *one = parts->found[i];
		if (one != NULL && offset >= one->offset && offset < one->end)
			found = one;
	}
	if (found != NULL)
		__atomic_fetch_add(&found->references, 1, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&parts->lock);
	return found;
}

static void keep_found(struct parts *parts, struct elsewhere *elsewhere)
{
	struct elsewhere **slot = &parts->found[elsewhere->index % PARTS_FOUND];

	__atomic_fetch_add(&elsewhere->references, 1, __ATOMIC_RELAXED);
	pthread_mutex_lock(&parts->lock);
	struct elsewhere *former = *slot;
	*slot = elsewhere;
	pthread_mutex_unlock(&parts->lock);
	elsewhere_put(former);
}

void elsewhere_close(struct parts *parts)
{
	for (unsigned i = 0; i < PARTS_FOUND; i++) {
		elsewhere_put(parts->found[i]);
		parts->found[i] = NULL;
	}
}

/* Somebody who has the block that holds OFFSET; NULL: nobody. */
static struct elsewhere *find(struct parts *parts, const struct place *place, uint64_t offset)
{
	struct store_segment *segment;
	struct wanted wanted;

	if (find_wanted(parts->content, place, offset, &wanted) != 0 ||
	    store_segment_find_block(parts->store, wanted.id, wanted.id_size,
				     block_of(parts->content, wanted.offset, offset),
				     &segment) != 0)
		return NULL;
	const struct content_segment *description = store_segment_description(segment);
	struct elsewhere *elsewhere = NULL;
	if (description->length == wanted.length && description->blocks == wanted.blocks)
		elsewhere = calloc(1, sizeof *elsewhere);
	if (elsewhere == NULL) {
		store_segment_put(segment);
		return NULL;
	}
	*elsewhere = (struct elsewhere){.references = 1,
					.index = wanted.index,
					.offset = wanted.offset,
					.end = wanted.offset + wanted.length,
					.segment = segment};
	keep_found(parts, elsewhere);
	return elsewhere;
}

/* ---- reading ---- */

/* The whole block that holds OFFSET, which begins at STARTS_OUT. */
static int read_from(struct parts *parts, const struct elsewhere *elsewhere, uint64_t offset,
		     void *data, uint32_t *length_out, uint64_t *starts_out)
{
	uint32_t block = block_of(parts->content, elsewhere->offset, offset);

	*starts_out = elsewhere->offset + (uint64_t)block * CUTTING_UNIT;
	return store_segment_read(elsewhere->segment, block, data, length_out);
}

/* The whole block. 0, or a negative errno: nobody has it. */
static int read_block(struct parts *parts, const struct place *place, uint64_t offset, void *data,
		      uint32_t *length_out, uint64_t *starts_out)
{
	struct elsewhere *elsewhere = take_found(parts, offset);
	int error = -ENOENT;

	if (elsewhere != NULL)
		error = read_from(parts, elsewhere, offset, data, length_out, starts_out);
	elsewhere_put(elsewhere);
	if (error == 0)
		return 0;
	/* It may have gone there, or be with another one. */
	elsewhere = find(parts, place, offset);
	if (elsewhere != NULL)
		error = read_from(parts, elsewhere, offset, data, length_out, starts_out);
	elsewhere_put(elsewhere);
	return error;
}

static bool is_right(const struct parts *parts, const struct place *place, uint64_t offset,
		     const void *data, uint32_t length)
{
	struct content_block block;

	return !place->partly || (content_block_at(parts->content, offset, &block) == 0 &&
				  content_block_check(parts->content, &block, data, length) == 0);
}

size_t elsewhere_read(struct parts *parts, const struct place *place, uint64_t offset, void *buffer,
		      size_t size)
{
	char beside[CUTTING_UNIT_MAX];
	/* Where any block has room it need not be copied. */
	bool straight =
		size >= sizeof beside && offset == place_offset(place, place_unit(place, offset));
	char *data = straight ? buffer : beside;
	uint32_t length;
	uint64_t starts;

	if (read_block(parts, place, offset, data, &length, &starts) != 0 ||
	    offset - starts >= length || !is_right(parts, place, offset, data, length))
		return 0;
	size_t given = length - (size_t)(offset - starts);
	if (given > size)
		given = size;
	if (!straight)
		memcpy(buffer, beside + (offset - starts), given);
	return given;
}
