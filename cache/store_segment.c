/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Finding segments. The index says where an id may be (cache/store_segment_names.c); what is there
 * is asked of the object, as it is now, and before anything is given away the id is computed from
 * what describes the object.
 *
 * A segment that was found has a reference to its object, so that content information stays; of
 * the octets it keeps none from being evicted. It speaks for one file of content information: when
 * another one describes the object, or none, it has nothing any more.
 *
 * Those found lately are kept, by id, so that asking for block after block costs neither a look
 * into the index nor content information read anew. They are let go when they are not found again
 * for a while; at once when versions are superseded or paths cleared, or when there is nothing else
 * to evict.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "cache/store_segment_private.h"

/* Our choice: seconds after which what is not asked for is let go. */
enum { KEEP_SECONDS = 10 };

struct store_segment {
	/* Constant, but for the count. */
	unsigned references;   /* atomic */
	struct object *object; /* a reference */
	uint64_t file;         /* of the content information that it is of */
	uint32_t number;       /* among the segments there */
	unsigned version;
	uint32_t first; /* unit that is block 0 */
	int64_t since;
	size_t id_size;
	uint8_t id[DIGEST_SIZE_MAX];
	struct content_segment description;

	/* Guarded by store.segment_lock. */
	int64_t used;   /* seconds: when it was last found */
	bool alone;     /* no other content had the segment */
	unsigned as_of; /* when names_added was this */
};

/* ---- making one ---- */

/* Fills in what CONTENT says. -ENOENT: it is not what was asked for. */
static int describe(struct store_segment *segment, const struct content *content)
{
	uint8_t id[DIGEST_SIZE_MAX];
	int error;

	if (content_file_of(segment->object->store, content)->information.file != segment->file ||
	    segment->number >= content_segments(content) ||
	    segment->id_size != digest_size(content_algorithm(content)))
		return -ENOENT;
	error = content_segment(content, segment->number, &segment->description);
	if (error == 0)
		error = content_segment_id(content, &segment->description, id);
	if (error == 0 && memcmp(id, segment->id, segment->id_size) != 0)
		error = -ENOENT;
	return error;
}

static void segment_free(struct store_segment *segment)
{
	OPENSSL_cleanse(&segment->description, sizeof(segment->description));
	free(segment);
}

static int segment_make(const struct candidate *candidate, const uint8_t *id, size_t id_size,
			struct store_segment **segment_out)
{
	struct store_segment *segment = calloc(1, sizeof(*segment));
	struct content *content;
	int error = -ENOENT;

	if (segment == NULL)
		return -ENOMEM;
	segment->references = 1;
	segment->object = candidate->object;
	segment->file = candidate->place.file;
	segment->number = candidate->place.number;
	segment->version = candidate->holding.version;
	segment->first = candidate->holding.first;
	segment->since = candidate->place.since;
	segment->id_size = id_size;
	memcpy(segment->id, id, id_size);
	content = object_content_look(candidate->object);
	if (content != NULL)
		error = describe(segment, content);
	content_put(content);
	if (error != 0) {
		segment_free(segment);
		return error;
	}
	object_get(segment->object);
	*segment_out = segment;
	return 0;
}

static struct store_segment *segment_get(struct store_segment *segment)
{
	__atomic_fetch_add(&segment->references, 1, __ATOMIC_RELAXED);
	return segment;
}

void store_segment_put(struct store_segment *segment)
{
	if (segment == NULL || __atomic_sub_fetch(&segment->references, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	object_put(segment->object);
	segment_free(segment);
}

/* ---- those found lately ---- */

static struct store_segment **slot_of(struct store *store, const uint8_t *id, size_t id_size)
{
	return &store->found[XXH3_64bits(id, id_size) % STORE_FOUND_SEGMENTS];
}

/* Whether no other object need be asked, as far as is known. Guarded by store.segment_lock. */
static bool is_alone(const struct store_segment *segment)
{
	const struct store *store = segment->object->store;

	return segment->alone &&
	       segment->as_of == __atomic_load_n(&store->names_added, __ATOMIC_RELAXED);
}

/* With a reference; NULL: it was not found lately. ALONE_OUT: is_alone(). */
static struct store_segment *take_found(struct store *store, const uint8_t *id, size_t id_size,
					bool *alone_out)
{
	struct store_segment **slot = slot_of(store, id, id_size), *segment;

	pthread_mutex_lock(&store->segment_lock);
	segment = *slot;
	if (segment != NULL && segment->id_size == id_size &&
	    memcmp(segment->id, id, id_size) == 0) {
		segment_get(segment);
		segment->used = store->now();
		*alone_out = is_alone(segment);
	} else {
		segment = NULL;
	}
	pthread_mutex_unlock(&store->segment_lock);
	return segment;
}

/* Keeps SEGMENT in the place of another. */
static void keep_found(struct store_segment *segment, bool alone, unsigned as_of)
{
	struct store *store = segment->object->store;
	struct store_segment **slot = slot_of(store, segment->id, segment->id_size);
	struct store_segment *former;

	pthread_mutex_lock(&store->segment_lock);
	former = *slot;
	*slot = segment_get(segment);
	segment->used = store->now();
	segment->alone = alone;
	segment->as_of = as_of;
	pthread_mutex_unlock(&store->segment_lock);
	store_segment_put(former);
}

bool segment_release(struct store *store, int64_t before)
{
	struct store_segment *released[STORE_FOUND_SEGMENTS];
	int64_t now = store->now();
	unsigned count = 0;

	pthread_mutex_lock(&store->segment_lock);
	for (unsigned i = 0; i < STORE_FOUND_SEGMENTS; i++) {
		struct store_segment *segment = store->found[i];

		/* The clock may have been set back. */
		if (segment == NULL || (segment->used >= before && segment->used <= now))
			continue;
		released[count++] = segment;
		store->found[i] = NULL;
	}
	pthread_mutex_unlock(&store->segment_lock);
	for (unsigned i = 0; i < count; i++)
		store_segment_put(released[i]);
	return count > 0;
}

void segment_release_idle(struct store *store)
{
	segment_release(store, store->now() - KEEP_SECONDS);
}

/* One found lately, if there is something of it, and not more elsewhere. */
static struct store_segment *find_again(struct store *store, const uint8_t *id, size_t id_size,
					struct holding *holding_out)
{
	bool alone = false;
	struct store_segment *segment = take_found(store, id, id_size, &alone);

	if (segment == NULL)
		return NULL;
	if (holding_measure(segment->object, segment->file, segment->number, false, holding_out) &&
	    holding_out->held > 0 && (alone || holding_out->held == holding_out->blocks))
		return segment;
	store_segment_put(segment);
	return NULL;
}

/* ---- the public side ---- */

/* Some may be worth nothing when they are looked at closely. */
static int find_best(struct candidates *candidates, const uint8_t *id, size_t id_size,
		     struct store_segment **segment_out)
{
	struct candidate *best;

	while ((best = candidates_best(candidates)) != NULL) {
		int error = segment_make(best, id, id_size, segment_out);

		if (error == 0 || error == -ENOMEM)
			return error;
		best->holding.held = 0;
	}
	return -ENOENT;
}

int store_segment_find(struct store *store, const uint8_t *id, size_t id_size,
		       struct store_segment **segment_out)
{
	unsigned as_of = __atomic_load_n(&store->names_added, __ATOMIC_RELAXED);
	struct candidates candidates;
	struct store_segment *segment;
	struct holding holding;
	int error;

	segment = find_again(store, id, id_size, &holding);
	if (segment == NULL) {
		candidates_gather(store, id, id_size, &candidates);
		error = find_best(&candidates, id, id_size, &segment);
		if (error == 0)
			keep_found(segment, candidates.count == 1, as_of);
		candidates_put(&candidates);
		if (error != 0)
			return error;
	}
	*segment_out = segment;
	return 0;
}

int store_segment_find_block(struct store *store, const uint8_t *id, size_t id_size, uint32_t block,
			     struct store_segment **segment_out)
{
	struct candidates candidates;
	int error;

	if (block >= STORE_SEGMENT_BLOCKS)
		return -ENOENT;
	candidates_gather(store, id, id_size, &candidates);
	for (unsigned i = 0; i < candidates.count; i++)
		if (candidates.list[i].holding.held > 0 &&
		    (candidates.list[i].holding.words[block / 64] >> block % 64 & 1) == 0)
			candidates.list[i].holding.held = 0;
	error = find_best(&candidates, id, id_size, segment_out);
	candidates_put(&candidates);
	return error;
}

uint32_t store_segment_anywhere(struct store *store, const uint8_t *id, size_t id_size,
				uint64_t held_out[STORE_SEGMENT_WORDS])
{
	struct candidates candidates;
	uint32_t held = 0;

	memset(held_out, 0, STORE_SEGMENT_WORDS * sizeof(held_out[0]));
	candidates_gather(store, id, id_size, &candidates);
	for (unsigned i = 0; i < candidates.count; i++)
		for (unsigned j = 0; candidates.list[i].holding.held > 0 && j < STORE_SEGMENT_WORDS;
		     j++)
			held_out[j] |= candidates.list[i].holding.words[j];
	candidates_put(&candidates);
	for (unsigned j = 0; j < STORE_SEGMENT_WORDS; j++)
		held += (uint32_t)__builtin_popcountll(held_out[j]);
	return held;
}

bool store_segment_known(struct store *store, const uint8_t *id, size_t id_size)
{
	struct candidates candidates;
	struct store_segment *segment = NULL;

	candidates_gather(store, id, id_size, &candidates);
	for (unsigned i = 0; i < candidates.count && segment == NULL; i++) {
		const struct candidate *candidate = &candidates.list[i];

		if (!candidate->described || segment_make(candidate, id, id_size, &segment) != 0)
			segment = NULL;
	}
	candidates_put(&candidates);
	store_segment_put(segment);
	return segment != NULL;
}

const struct content_segment *store_segment_description(const struct store_segment *segment)
{
	return &segment->description;
}

static int copy_hashes(const struct store_segment *segment, const struct content *content,
		       uint8_t *hashes_out)
{
	const struct content_segment *description = &segment->description;
	struct content_block block;

	if (content_file_of(segment->object->store, content)->information.file != segment->file)
		return -ENOENT;
	for (uint32_t i = 0; i < description->listed; i++) {
		int error = content_block_listed(content, description,
						 description->first_listed + i, &block);
		if (error != 0)
			return error;
		memcpy(hashes_out + i * segment->id_size, block.hash, segment->id_size);
	}
	return 0;
}

int store_segment_hashes(const struct store_segment *segment, uint8_t *hashes_out)
{
	struct content *content = object_content_look(segment->object);
	int error = content != NULL ? copy_hashes(segment, content, hashes_out) : -ENOENT;

	content_put(content);
	return error;
}

unsigned store_segment_version(const struct store_segment *segment)
{
	return segment->version;
}

uint32_t store_segment_held(struct store_segment *segment, uint64_t held_out[STORE_SEGMENT_WORDS])
{
	struct holding holding;

	holding_measure(segment->object, segment->file, segment->number, true, &holding);
	memcpy(held_out, holding.words, sizeof(holding.words));
	return holding.held;
}

static uint64_t age_ms(const struct store *store, int64_t since)
{
	int64_t now = store->now();

	return now > since ? ((uint64_t)now - (uint64_t)since) * 1000 : 0;
}

uint64_t store_segment_age_ms(const struct store_segment *segment)
{
	return age_ms(segment->object->store, segment->since);
}

/* Object begun. */
static int read_unit(struct object *object, uint32_t unit, void *data, uint32_t length)
{
	bool packed;

	store_lock(object->store);
	packed = object->pack != 0;
	store_unlock(object->store);
	if (packed)
		return pack_read(object, 0, length, data, true, true);
	return object_read_part(object, cutting_offset(object->cutting, unit), length, data, true,
				true);
}

int store_segment_read(struct store_segment *segment, uint32_t block, void *data,
		       uint32_t *length_out)
{
	struct object *object = segment->object;
	struct store *store = object->store;
	uint32_t length = 0;
	bool begun;
	int error;

	if (block >= segment->description.blocks)
		return -ENOENT;
	store_lock(store);
	begun = holding_begin(object, segment->file);
	store_unlock(store);
	if (!begun)
		return -ENOENT;
	length = cutting_length(object->cutting, segment->first + block);
	error = read_unit(object, segment->first + block, data, length);
	store_lock(store);
	object_end(object);
	store_unlock(store);
	if (error == 0)
		*length_out = length;
	return error;
}

static void summarize(const struct holding *holding, uint64_t age,
		      struct store_segment_summary *summary_out)
{
	*summary_out = (struct store_segment_summary){holding->held, holding->blocks, age};
}

int store_segment_look(struct store *store, const uint8_t *id, size_t id_size,
		       struct store_segment_summary *summary_out)
{
	struct store_segment_summary summary = {0};
	struct store_segment *segment;
	struct candidates candidates;
	struct candidate *best;
	struct holding holding;

	segment = find_again(store, id, id_size, &holding);
	if (segment != NULL) {
		summarize(&holding, store_segment_age_ms(segment), summary_out);
		store_segment_put(segment);
		return 0;
	}
	candidates_gather(store, id, id_size, &candidates);
	best = candidates_best(&candidates);
	if (best != NULL)
		summarize(&best->holding, age_ms(store, best->place.since), &summary);
	candidates_put(&candidates);
	*summary_out = summary;
	return 0;
}
