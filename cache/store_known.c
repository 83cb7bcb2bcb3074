/* SPDX-License-Identifier: BSD-2-Clause */
#include "cache/store_known.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "cache/content_slice.h"
#include "cache/content_v1.h"
#include "cache/store_segment_private.h"

struct store_known {
	struct object *object;   /* a reference */
	struct content *content; /* likewise */
	uint32_t first;          /* unit that is block 0 */
	struct content_segment segment;
};

/* ---- finding it ---- */

/* -ENOENT: CONTENT, which describes the object, has no such segment at NUMBER. */
static int prove(struct store_known *known, uint32_t number, const uint8_t *id, size_t id_size)
{
	uint8_t found[DIGEST_SIZE_MAX];
	int error;

	if (number >= content_segments(known->content) ||
	    id_size != digest_size(content_algorithm(known->content)))
		return -ENOENT;
	error = content_segment(known->content, number, &known->segment);
	if (error == 0)
		error = content_segment_id(known->content, &known->segment, found);
	if (error != 0)
		return error;
	if (memcmp(found, id, id_size) != 0 || !content_segment_is_whole(&known->segment))
		return -ENOENT;
	known->first = content_version(known->content) == 1 ? number * CONTENT_V1_BLOCKS : number;
	return 0;
}

static int make(const struct candidate *candidate, const uint8_t *id, size_t id_size,
		struct store_known **known_out)
{
	struct store *store = candidate->object->store;
	struct store_known *known = calloc(1, sizeof(*known));
	int error = -ENOENT;

	if (known == NULL)
		return -ENOMEM;
	known->object = object_get(candidate->object);
	known->content = object_content_look(known->object);
	if (known->content != NULL &&
	    content_file_of(store, known->content)->information.file == candidate->place.file)
		error = prove(known, candidate->place.number, id, id_size);
	if (error != 0) {
		store_known_put(known);
		return error;
	}
	*known_out = known;
	return 0;
}

/* Who has most of it of those not tried yet; NULL: all are. */
static struct candidate *next_candidate(struct candidates *candidates,
					const bool tried[SEGMENT_PLACES])
{
	struct candidate *next = NULL;

	for (unsigned i = 0; i < candidates->count; i++) {
		struct candidate *candidate = &candidates->list[i];

		if (!tried[i] && (next == NULL || candidate->holding.held > next->holding.held))
			next = candidate;
	}
	return next;
}

int store_known_find(struct store *store, const uint8_t *id, size_t id_size,
		     struct store_known **known_out)
{
	struct candidates candidates;
	struct candidate *candidate;
	bool tried[SEGMENT_PLACES] = {false};
	int error = -ENOENT;

	candidates_gather(store, id, id_size, &candidates);
	while (error != 0 && error != -ENOMEM &&
	       (candidate = next_candidate(&candidates, tried)) != NULL) {
		tried[candidate - candidates.list] = true;
		if (candidate->object->scope == store->scope)
			error = make(candidate, id, id_size, known_out);
	}
	candidates_put(&candidates);
	return error == 0 || error == -ENOMEM ? error : -ENOENT;
}

void store_known_put(struct store_known *known)
{
	if (known == NULL)
		return;
	content_put(known->content);
	object_put(known->object);
	OPENSSL_cleanse(&known->segment, sizeof(known->segment));
	free(known);
}

/* ---- what it is ---- */

const struct content_segment *store_known_segment(const struct store_known *known)
{
	return &known->segment;
}

enum digest_algorithm store_known_algorithm(const struct store_known *known)
{
	return content_algorithm(known->content);
}

const char *store_known_path(const struct store_known *known)
{
	return known->object->path;
}

uint32_t store_known_length(const struct store_known *known, uint32_t block)
{
	uint32_t left;

	if (block >= known->segment.blocks)
		return 0;
	if (content_version(known->content) == 2)
		return known->segment.length;
	left = known->segment.length - block * CONTENT_V1_BLOCK;
	return left < CONTENT_V1_BLOCK ? left : CONTENT_V1_BLOCK;
}

int store_known_hash(const struct store_known *known, uint32_t block, uint8_t *hash_out)
{
	struct content_block listed;

	if (block >= known->segment.blocks)
		return -ENOENT;
	if (content_block_listed(known->content, &known->segment, block, &listed) != 0)
		return -ESTALE;
	memcpy(hash_out, listed.hash, sizeof(listed.hash));
	return 0;
}

/* ---- keeping ---- */

int store_known_write(struct store_known *known, uint32_t block, const void *data, size_t size)
{
	struct content_block listed;
	int error;

	if (block >= known->segment.blocks)
		return -ENOENT;
	if (content_block_listed(known->content, &known->segment, block, &listed) != 0)
		return -ESTALE;
	error = content_block_check(known->content, &listed, data, size);
	if (error != 0)
		return error;
	error = object_write_described(known->object, known->content, known->first + block, data,
				       size);
	return error == -EINVAL ? -ESTALE : error;
}
