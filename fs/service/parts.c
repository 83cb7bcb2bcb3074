/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Opening and closing, what comes from the consumer himself, and dropping by tag.
 */
#include "fs/service/parts_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(PARTS_TAG_SIZE == STORE_TAG_SIZE, "a consumer's tag is one of the store's");

static struct store_tag tag_of(const struct parts_owner *owner)
{
	struct store_tag tag = {.uid = owner->uid};

	memcpy(tag.name, owner->tag, STORE_TAG_SIZE);
	return tag;
}

int parts_open(struct fetch *fetch, struct store *store, struct content *content,
	       const struct parts_owner *owner, struct parts **parts_out)
{
	struct parts *parts = calloc(1, sizeof *parts);

	if (parts == NULL)
		return -ENOMEM;
	pthread_mutex_init(&parts->lock, NULL);
	parts->fetch = fetch;
	parts->store = store;
	parts->content = content_get(content);
	parts->tag = tag_of(owner);
	parts->tagger = tagger_create(&parts->tag);
	int error = parts->tagger != NULL ? places_open(parts) : -ENOMEM;
	if (error != 0) {
		parts_close(parts);
		return error;
	}
	*parts_out = parts;
	return 0;
}

void parts_close(struct parts *parts)
{
	if (parts == NULL)
		return;
	elsewhere_close(parts);
	places_close(parts);
	content_put(parts->content);
	if (parts->tagger != NULL)
		fetch_witness_put(&parts->tagger->witness);
	pthread_mutex_destroy(&parts->lock);
	free(parts);
}

struct content *parts_kept(struct parts *parts)
{
	return parts->kept ? parts->content : NULL;
}

int parts_write(struct parts *parts, const struct parts_owner *owner,
		const struct content_block *block, const void *data)
{
	const struct store_tag tag = owner != NULL ? tag_of(owner) : parts->tag;
	struct place *place = place_at(parts, block->offset);
	int error = content_block_check(parts->content, block, data, block->length);

	if (error != 0)
		return error;
	if (place == NULL)
		return -EBADMSG; /* it is not a block that is listed */
	uint32_t unit = place_unit(place, block->offset);
	if (place_offset(place, unit) != block->offset)
		return -EBADMSG;
	error = object_write(place->object, unit, data, block->length);
	if (error == 0)
		error = store_tag_note(place->object, &tag, unit, 1);
	return error;
}

bool parts_has(struct parts *parts, const struct parts_owner *owner,
	       const struct content_block *block)
{
	const struct store_tag tag = tag_of(owner);
	struct place *place = place_at(parts, block->offset);

	if (place == NULL)
		return false;
	uint32_t unit = place_unit(place, block->offset);
	bool present;
	return object_extent(place->object, unit, 1, &present) == 1 && present &&
	       store_tag_has(place->object, &tag, unit);
}

static int discard(void *owner, struct object *object, uint32_t first, uint32_t count)
{
	(void)owner;
	object_discard(object, first, count);
	return 0;
}

int parts_flush(struct fetch *fetch, struct store *store, const struct parts_owner *owner)
{
	struct store_tag tag = tag_of(owner);
	int error = store_tag_drop(store, &tag, discard, NULL);

	/* What came lately would still be given. */
	fetch_forget(fetch);
	return error;
}
