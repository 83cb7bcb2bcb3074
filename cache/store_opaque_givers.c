/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Who gave opaque blocks, and how much of what is held is theirs. Rows have them all; in memory are
 * those with most, who write, and who wrote lately.
 *
 * What is in memory is what the rows will say when the transaction is committed; when one is undone
 * all is read anew.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cache/store_opaque_private.h"

static unsigned name_slot(const struct store_giver *name)
{
	return (unsigned)(XXH3_64bits(name->octets, sizeof(name->octets)) % OPAQUE_GIVER_BUCKETS);
}

static unsigned id_slot(uint64_t id)
{
	return (unsigned)(id % OPAQUE_GIVER_BUCKETS);
}

static uint64_t reduced(uint64_t octets, uint64_t by)
{
	return octets > by ? octets - by : 0;
}

/* ---- in memory, lock held ---- */

static struct opaque_giver *find(struct store *store, const struct store_giver *name)
{
	struct opaque_giver *giver;

	if (store->givers == NULL)
		return NULL;
	LIST_FOREACH (giver, &store->givers->by_name[name_slot(name)], by_name)
		if (memcmp(giver->name.octets, name->octets, sizeof(name->octets)) == 0)
			return giver;
	return NULL;
}

struct opaque_giver *opaque_giver_of(struct store *store, uint64_t id)
{
	struct opaque_giver *giver;

	if (store->givers == NULL)
		return NULL;
	LIST_FOREACH (giver, &store->givers->by_id[id_slot(id)], by_id)
		if (giver->id == id)
			return giver;
	return NULL;
}

static void forget(struct store *store, struct opaque_giver *giver)
{
	LIST_REMOVE(giver, by_name);
	LIST_REMOVE(giver, by_id);
	store->givers->count--;
	free(giver);
}

/* Makes room for one more: who has least of those that nobody uses goes. */
static void forget_least(struct store *store)
{
	struct opaque_giver *giver, *least = NULL;

	for (unsigned i = 0; i < OPAQUE_GIVER_BUCKETS; i++)
		LIST_FOREACH (giver, &store->givers->by_name[i], by_name)
			if (giver->users == 0 && giver->open == NULL &&
			    (least == NULL || giver->octets < least->octets))
				least = giver;
	if (least != NULL)
		forget(store, least);
}

static struct opaque_giver *insert(struct store *store, const struct store_giver *name, uint64_t id,
				   uint64_t octets)
{
	struct opaque_giver *giver = calloc(1, sizeof(*giver));

	if (store->givers == NULL)
		store->givers = calloc(1, sizeof(*store->givers));
	if (giver == NULL || store->givers == NULL) {
		free(giver);
		return NULL;
	}
	if (store->givers->count >= OPAQUE_GIVERS)
		forget_least(store);
	giver->name = *name;
	giver->id = id;
	giver->octets = octets;
	LIST_INSERT_HEAD(&store->givers->by_name[name_slot(name)], giver, by_name);
	LIST_INSERT_HEAD(&store->givers->by_id[id_slot(id)], giver, by_id);
	store->givers->count++;
	return giver;
}

/* ---- from rows, index.lock held ---- */

/* 1, 0: there is none, or a negative errno. */
static int read_row(struct store *store, const struct store_giver *name, uint64_t *id_out,
		    uint64_t *octets_out)
{
	sqlite3_stmt *row =
		index_query(&store->index, "SELECT id, max(0, octets) FROM giver WHERE name = ?",
			    "b", (const void *)name->octets, sizeof(name->octets));
	int state = index_step(&store->index, row);

	if (state != 1)
		return state;
	*id_out = (uint64_t)sqlite3_column_int64(row, 0);
	*octets_out = (uint64_t)sqlite3_column_int64(row, 1);
	index_done(row);
	return *id_out != 0;
}

static int load(struct store *store, const struct store_giver *name,
		struct opaque_giver **giver_out)
{
	uint64_t id = 0, octets = 0;
	int state = read_row(store, name, &id, &octets);
	struct opaque_giver *giver;

	if (state < 0)
		return state;
	if (state == 0) {
		id = store_new_id(store);
		octets = 0;
	}
	store_lock(store);
	giver = find(store, name);
	if (giver == NULL)
		giver = insert(store, name, id, octets);
	if (giver != NULL)
		giver->users++;
	store_unlock(store);
	*giver_out = giver;
	return giver != NULL ? 0 : -ENOMEM;
}

int opaque_giver_get(struct store *store, const struct store_giver *name,
		     struct opaque_giver **giver_out)
{
	struct opaque_giver *giver;
	int error;

	store_lock(store);
	giver = find(store, name);
	if (giver != NULL)
		giver->users++;
	store_unlock(store);
	if (giver != NULL) {
		*giver_out = giver;
		return 0;
	}
	index_lock(&store->index);
	error = load(store, name, giver_out);
	index_unlock(&store->index);
	return error;
}

void opaque_giver_put(struct store *store, struct opaque_giver *giver)
{
	store_lock(store);
	giver->users--;
	store_unlock(store);
}

/* ---- what they gave, index.lock held ---- */

int opaque_giver_add(struct store *store, struct opaque_giver *giver, uint64_t octets)
{
	int error = index_run(&store->index,
			      "INSERT INTO giver(id, name, octets) VALUES(?, ?, ?)"
			      " ON CONFLICT(id) DO UPDATE SET octets = octets + excluded.octets",
			      "ibi", (int64_t)giver->id, (const void *)giver->name.octets,
			      sizeof(giver->name.octets), (int64_t)octets);

	store_lock(store);
	giver->octets += error == 0 ? octets : 0;
	store_unlock(store);
	return error;
}

int opaque_giver_less(struct store *store, uint64_t id, uint64_t octets)
{
	int error = index_run(&store->index,
			      "UPDATE giver SET octets = max(0, octets - ?) WHERE id = ?", "ii",
			      (int64_t)octets, (int64_t)id);
	struct opaque_giver *giver;

	store_lock(store);
	giver = opaque_giver_of(store, id);
	if (giver != NULL && error == 0)
		giver->octets = reduced(giver->octets, octets);
	store_unlock(store);
	return error;
}

int opaque_giver_end(struct store *store, uint64_t id)
{
	int error = index_run(&store->index,
			      "DELETE FROM giver WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM run"
			      " WHERE present = ?1 AND live IS NOT NULL AND present <> 0)",
			      "i", (int64_t)id);
	struct opaque_giver *giver;

	if (error != 0 || index_changes(&store->index) == 0)
		return error;
	store_lock(store);
	giver = opaque_giver_of(store, id);
	if (giver != NULL)
		giver->octets = 0;
	store_unlock(store);
	return 0;
}

/* The givers of a slot, as the rows have them. */
static void renew_slot(struct store *store, unsigned slot)
{
	struct opaque_giver *giver;

	store_lock(store);
	/* Nobody else takes one away: that is done under index.lock. */
	for (giver = LIST_FIRST(&store->givers->by_name[slot]); giver != NULL;
	     giver = LIST_NEXT(giver, by_name)) {
		uint64_t id, octets = 0;
		int state;

		store_unlock(store);
		state = read_row(store, &giver->name, &id, &octets);
		store_lock(store);
		if (state >= 0)
			giver->octets = octets;
	}
	store_unlock(store);
}

void opaque_publish(struct store *store)
{
	bool givers;

	__atomic_store_n(&store->opaque, store->index.totals.opaque, __ATOMIC_RELAXED);
	if (store->index.undone == store->opaque_undone)
		return;
	store->opaque_undone = store->index.undone;
	store_lock(store);
	givers = store->givers != NULL;
	store_unlock(store);
	for (unsigned i = 0; givers && i < OPAQUE_GIVER_BUCKETS; i++)
		renew_slot(store, i);
}

/* ---- opening and closing ---- */

int opaque_start(struct store *store)
{
	sqlite3_stmt *row;
	int state = 0;

	__atomic_store_n(&store->opaque, store->index.totals.opaque, __ATOMIC_RELAXED);
	store->opaque_undone = store->index.undone;
	if (store->index.totals.opaque == 0)
		return 0;
	row = index_query(&store->index,
			  "SELECT id, name, max(0, octets) FROM giver WHERE length(name) = ?"
			  " ORDER BY octets DESC LIMIT ?",
			  "ii", (int64_t)STORE_OPAQUE_GIVER_SIZE, (int64_t)OPAQUE_GIVERS);
	/* Nobody else knows of the store yet. */
	while ((state = index_step(&store->index, row)) == 1) {
		struct store_giver name;

		memcpy(name.octets, sqlite3_column_blob(row, 1), sizeof(name.octets));
		if (find(store, &name) == NULL)
			insert(store, &name, (uint64_t)sqlite3_column_int64(row, 0),
			       (uint64_t)sqlite3_column_int64(row, 2));
	}
	return state;
}

void opaque_close(struct store *store)
{
	struct opaque_giver *giver;

	for (unsigned i = 0; store->givers != NULL && i < OPAQUE_GIVER_BUCKETS; i++)
		while ((giver = LIST_FIRST(&store->givers->by_name[i])) != NULL)
			forget(store, giver);
	free(store->givers);
	store->givers = NULL;
}

/* ---- asking ---- */

uint64_t store_opaque_octets(struct store *store)
{
	uint64_t octets = 0;
	sqlite3_stmt *row;

	if (opaque_none(store))
		return 0;
	index_lock(&store->index);
	/* Not sum(), which is an error when altered rows overflow it. */
	row = index_query(&store->index, "SELECT min(total(max(0, octets)), 9e18) FROM giver", "");
	if (index_step(&store->index, row) == 1) {
		octets = (uint64_t)sqlite3_column_int64(row, 0);
		index_done(row);
	}
	index_unlock(&store->index);
	return octets;
}

void store_opaque_share(struct store *store, const struct store_giver *giver, uint64_t *given_out,
			uint64_t *held_out)
{
	const struct opaque_giver *known;

	store_lock(store);
	known = find(store, giver);
	*held_out = store->used;
	*given_out = known != NULL ? known->octets : 0;
	if (*given_out > *held_out)
		*given_out = *held_out; /* an altered row said so */
	store_unlock(store);
}

/* ---- taking away ---- */

int store_opaque_evict(struct store *store, const struct store_giver *name)
{
	struct opaque_giver *giver;
	int error = opaque_giver_get(store, name, &giver);

	if (error != 0)
		return error;
	error = evict_for(store, giver->id);
	opaque_giver_put(store, giver);
	return error;
}
