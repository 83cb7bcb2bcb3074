/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The packs that opaque blocks are written to: one for each giver who writes, the former ones of
 * those who wrote longest ago are closed. A closed one that is not full is opened again when its
 * giver comes back, so that many givers who take turns do not leave a file for each block.
 */
#include <errno.h>

#include "cache/store_opaque_private.h"

/* ---- open ones, lock held ---- */

void opaque_close_pack(struct store *store, struct pack *pack)
{
	struct opaque_giver *giver;

	if (!pack->open)
		return;
	giver = opaque_giver_of(store, pack->giver);
	if (giver != NULL && giver->open == pack)
		giver->open = NULL;
	pack->open = false;
	TAILQ_REMOVE(&store->opaque_open, pack, open_link);
	store->opaque_open_count--;
}

void opaque_close_packs(struct store *store)
{
	while (!TAILQ_EMPTY(&store->opaque_open))
		opaque_close_pack(store, TAILQ_FIRST(&store->opaque_open));
}

static void open_pack(struct store *store, struct opaque_giver *giver, struct pack *pack)
{
	if (giver->open != NULL)
		opaque_close_pack(store, giver->open);
	while (store->opaque_open_count >= OPAQUE_OPEN_PACKS)
		opaque_close_pack(store, TAILQ_LAST(&store->opaque_open, opaque_packs));
	pack->open = true;
	giver->open = pack;
	TAILQ_INSERT_HEAD(&store->opaque_open, pack, open_link);
	store->opaque_open_count++;
}

static bool has_room(const struct store *store, const struct pack *pack, uint32_t length)
{
	uint64_t most = store_pack_octets(store);

	return pack->octets <= most && length <= most - pack->octets &&
	       pack->appended < OPAQUE_PACK_BLOCKS;
}

/* GIVER's open pack with room for LENGTH octets, pinned, or NULL. */
static struct pack *pin_open(struct store *store, struct opaque_giver *giver, uint32_t length)
{
	struct pack *pack = giver->open;

	if (pack == NULL || !has_room(store, pack, length))
		return NULL;
	TAILQ_REMOVE(&store->opaque_open, pack, open_link);
	TAILQ_INSERT_HEAD(&store->opaque_open, pack, open_link);
	pack->run.pins++;
	return pack;
}

/* ---- finding one, index.lock held ---- */

/* The last pack of GIVER; 0: none. */
static uint64_t last_pack(struct store *store, const struct opaque_giver *giver)
{
	sqlite3_stmt *row = index_query(&store->index,
					"SELECT content FROM run WHERE present = ?"
					" AND live IS NOT NULL AND present <> 0"
					" ORDER BY content DESC LIMIT 1",
					"i", (int64_t)giver->id);
	uint64_t id = 0;

	if (index_step(&store->index, row) == 1) {
		id = (uint64_t)sqlite3_column_int64(row, 0);
		index_done(row);
	}
	return id;
}

/* Lock held, released meanwhile. What lies in the pack ends before what it costs; what a killed
 * process may have left there is nobody's, but the sweeper may be about to cut it off. */
static struct pack *pin_again(struct store *store, uint64_t id, uint32_t length)
{
	struct pack *pack = id != 0 && !store->sweeping ? pack_pin_indexed(store, id) : NULL;

	if (pack == NULL)
		return NULL;
	pack->octets = pack->run.cost;
	pack->appended = pack->live;
	if (pack->live > 0 && has_room(store, pack, length))
		return pack;
	pack_unpin(store, pack);
	return NULL;
}

/* Lock held, released meanwhile. */
static struct pack *pin_any(struct store *store, struct opaque_giver *giver, uint32_t length)
{
	struct pack *pack = pin_open(store, giver, length); /* somebody was quicker */
	bool closed = giver->open == NULL;                  /* or the last one is full */
	uint64_t former, id;

	if (pack != NULL)
		return pack;
	store_unlock(store);
	former = closed ? last_pack(store, giver) : 0;
	store_lock(store);
	pack = pin_again(store, former, length);
	if (pack == NULL) {
		store_unlock(store);
		id = store_new_id(store);
		store_lock(store);
		pack = pack_insert(store, id);
		if (pack == NULL)
			return NULL;
		pack->giver = giver->id;
	}
	open_pack(store, giver, pack);
	return pack;
}

int opaque_place(struct store *store, struct opaque_giver *giver, uint32_t length,
		 uint64_t reserved, struct pack **pack_out, uint32_t *start_out)
{
	struct pack *pack;

	store_lock(store);
	pack = pin_open(store, giver, length);
	if (pack == NULL) {
		store_unlock(store);
		index_lock(&store->index);
		store_lock(store);
		pack = pin_any(store, giver, length);
		index_unlock(&store->index);
	}
	if (pack != NULL) {
		*start_out = (uint32_t)pack->octets;
		pack->octets += length;
		pack->appended++;
		run_set_cost(store, &pack->run, room_rounded(store, pack->octets));
		*pack_out = pack;
	}
	room_return(store, reserved);
	store_unlock(store);
	return pack != NULL ? 0 : -ENOMEM;
}
