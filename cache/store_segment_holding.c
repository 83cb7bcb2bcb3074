/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What an object has of a segment, as it is now; and which objects may have one of a given id. An
 * object is asked only while the content information that is meant describes it.
 */
#include "cache/content_v1.h"
#include "cache/store_segment_private.h"

/* ---- what an object has of a segment ---- */

bool holding_begin(struct object *object, uint64_t file)
{
	if (object->seized || object->information.file != file || object->content_broken)
		return false;
	object_begin(object);
	return true;
}

/* Which units segment NUMBER has. Object begun. */
static bool place(const struct object *object, uint32_t number, struct holding *holding)
{
	uint32_t count = cutting_count(object->cutting);

	holding->version = cutting_is_uniform(object->cutting) ? 1 : 2;
	if (holding->version == 2) {
		holding->first = number;
		holding->blocks = 1;
		return number < count;
	}
	if (count == 0 || number > (count - 1) / CONTENT_V1_BLOCKS)
		return false;
	holding->first = number * CONTENT_V1_BLOCKS;
	holding->blocks = count - holding->first;
	if (holding->blocks > CONTENT_V1_BLOCKS)
		holding->blocks = CONTENT_V1_BLOCKS;
	return true;
}

/* The units from FIRST on that are present, at most COUNT, all in one run. Lock held, released
 * meanwhile; object begun. */
static uint64_t present_bits(struct object *object, uint32_t first, uint32_t count)
{
	uint64_t wanted = count < 64 ? (UINT64_C(1) << count) - 1 : UINT64_MAX, present;
	struct object_run *run;

	if (object->pack != 0)
		return pack_present(object) ? wanted : 0;
	run = object->runs > 0 ? run_pin(object, first / STORE_RUN_UNITS) : NULL;
	if (run == NULL)
		return 0;
	present = run->present;
	run_unpin(object->store, &run->run);
	/* As in unit_extent(). */
	if (present == 0)
		run_unload(object->store, &run->run, false);
	return present >> first % STORE_RUN_UNITS & wanted;
}

/* A segment of several blocks begins with a run. */
_Static_assert(CONTENT_V1_BLOCKS % STORE_RUN_UNITS == 0 && STORE_RUN_UNITS == 64 &&
		       CONTENT_V1_BLOCKS == STORE_SEGMENT_BLOCKS,
	       "the words of a segment are those of its runs");

bool holding_measure(struct object *object, uint64_t file, uint32_t number, bool superseded,
		     struct holding *holding_out)
{
	struct store *store = object->store;
	bool placed;

	*holding_out = (struct holding){0};
	store_lock(store);
	if ((object->doomed && !superseded) || !holding_begin(object, file)) {
		store_unlock(store);
		return false;
	}
	placed = place(object, number, holding_out);
	for (uint32_t at = 0; placed && at < holding_out->blocks; at += STORE_RUN_UNITS) {
		uint32_t left = holding_out->blocks - at;
		uint64_t bits = present_bits(object, holding_out->first + at,
					     left < STORE_RUN_UNITS ? left : STORE_RUN_UNITS);

		holding_out->words[at / STORE_RUN_UNITS] = bits;
		holding_out->held += (uint32_t)__builtin_popcountll(bits);
	}
	object_end(object);
	store_unlock(store);
	return placed;
}

/* ---- where it may be ---- */

static void load_candidates(struct store *store, const uint8_t *id, size_t id_size,
			    struct candidates *candidates)
{
	struct segment_place places[SEGMENT_PLACES];
	unsigned count;

	candidates->count = 0;
	/* A store without content information is not asked: others ask it often. */
	if (!__atomic_load_n(&store->described, __ATOMIC_RELAXED))
		return;
	index_lock(&store->index);
	count = id_size <= DIGEST_SIZE_MAX ? segment_names_look(store, id, id_size, places) : 0;
	for (unsigned i = 0; i < count; i++) {
		struct candidate *candidate = &candidates->list[candidates->count];

		if (object_load(store, places[i].object, &candidate->object) != 0)
			continue;
		candidate->place = places[i];
		candidates->count++;
	}
	index_unlock(&store->index);
}

void candidates_gather(struct store *store, const uint8_t *id, size_t id_size,
		       struct candidates *candidates)
{
	load_candidates(store, id, id_size, candidates);
	for (unsigned i = 0; i < candidates->count; i++) {
		struct candidate *candidate = &candidates->list[i];

		candidate->described =
			candidate->object->scope == store->scope &&
			holding_measure(candidate->object, candidate->place.file,
					candidate->place.number, false, &candidate->holding);
		if (!candidate->described)
			candidate->holding.held = 0;
	}
}

void candidates_put(struct candidates *candidates)
{
	for (unsigned i = 0; i < candidates->count; i++)
		object_put(candidates->list[i].object);
}

struct candidate *candidates_best(struct candidates *candidates)
{
	struct candidate *best = NULL;

	for (unsigned i = 0; i < candidates->count; i++) {
		struct candidate *candidate = &candidates->list[i];

		if (candidate->holding.held > (best != NULL ? best->holding.held : 0))
			best = candidate;
	}
	return best;
}
