/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Blocks from nearby: a read of the fetch engine, which seeks the block that is waited for, and
 * with it what lies ahead. What comes has the tag of who was the first to want it, and of who was
 * given it by a search.
 */
#include "fs/service/parts_private.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

static struct parts_search *search_of(struct fetch_read *read)
{
	return (struct parts_search *)((char *)read - offsetof(struct parts_search, read));
}

static void tag_stored(struct fetch_witness *witness, struct object *object, uint32_t unit)
{
	(void)store_tag_note(object, &((struct tagger *)witness)->tag, unit, 1);
}

struct tagger *tagger_create(const struct store_tag *tag)
{
	struct tagger *tagger = calloc(1, sizeof *tagger);

	if (tagger == NULL)
		return NULL;
	atomic_init(&tagger->witness.references, 1);
	tagger->witness.stored = tag_stored;
	tagger->tag = *tag;
	return tagger;
}

/* Gives what came of the block, of which READ may have more than is wanted. */
static void give(struct parts_search *search, struct place *place)
{
	const struct fetch_read *read = &search->read;
	size_t skip = (size_t)(search->offset - place->base - read->offset);
	uint64_t left = content_end(search->parts->content) - search->offset;
	size_t length = read->length - skip;

	(void)store_tag_note(place->object, &search->parts->tag, place_unit(place, search->offset),
			     1);
	search->done(search, 0, (const char *)read->vectors[0].iov_base + skip,
		     length < left ? length : (size_t)left);
}

/* Whether what came, a whole block, is what the consumer's list says. From nearby it always is;
 * what lay in the object need not be. */
static bool is_right(const struct parts_search *search, struct place *place)
{
	const struct fetch_read *read = &search->read;
	struct content_block block;

	if (!place->partly)
		return true;
	if (content_block_at(search->parts->content, search->offset, &block) != 0)
		return false;
	if (content_block_check(search->parts->content, &block, read->vectors[0].iov_base,
				read->length) == 0)
		return true;
	object_discard(place->object, place_unit(place, search->offset), 1);
	return false;
}

static int error_told(int error)
{
	switch (error) {
	case -ENODATA:
	case -EAGAIN:
	case -ENOMEM:
		return error;
	default:
		return -EIO;
	}
}

static void ended(struct fetch_read *read, int error)
{
	struct parts_search *search = search_of(read);
	struct place *place = place_at(search->parts, search->offset);

	if (error == 0 && !is_right(search, place))
		error = -EAGAIN; /* now that it is gone it can come */
	if (error == 0)
		give(search, place);
	else
		search->done(search, error_told(error), NULL, 0);
}

/* Which octets are read: those that are wanted, or the whole block where it is to be checked here.
 */
static void set_range(struct fetch_read *read, const struct place *place, uint64_t offset,
		      uint64_t content_end)
{
	uint32_t unit = place_unit(place, offset);
	uint64_t start = place_offset(place, unit);
	uint64_t end = start + cutting_length(place->cutting, unit);

	if (!place->partly) {
		start = offset;
		end = end < content_end ? end : content_end;
	}
	read->offset = start - place->base;
	read->length = (size_t)(end - start);
}

/* The unit behind the last one that is wanted. */
static uint32_t wanted_end(const struct place *place, const struct parts_search *search,
			   uint64_t content_end)
{
	uint64_t left = content_end - search->offset;

	if (search->size == 0)
		return place_unit(place, search->offset) + 1;
	return place_units_end(place, search->offset + (search->size < left ? search->size : left));
}

void parts_search(struct parts *parts, struct parts_search *search)
{
	struct place *place = place_at(parts, search->offset);
	uint64_t end = content_end(parts->content);

	search->parts = parts;
	if (place == NULL || search->offset < content_start(parts->content) ||
	    search->offset >= end) {
		search->done(search, -ENODATA, NULL, 0);
		return;
	}
	uint32_t units_end = wanted_end(place, search, end);
	uint64_t last =
		place_offset(place, units_end - 1) + cutting_length(place->cutting, units_end - 1);
	search->read = (struct fetch_read){.file = place->file,
					   .ahead = last - place->base,
					   .uncounted = true,
					   .witness = &parts->tagger->witness,
					   .done = ended};
	set_range(&search->read, place, search->offset, end);
	fetch_read(&search->read);
}

void parts_given(struct parts *parts, uint64_t offset, size_t length)
{
	struct place *place = place_at(parts, offset);

	if (place != NULL)
		fetch_file_given(place->file, offset - place->base, length);
}
