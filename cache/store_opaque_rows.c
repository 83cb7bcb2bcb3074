/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Rows of opaque blocks. A row's number is made of its segment's id and its block, under a seed of
 * the index's own, since strangers choose ids. Should two ids ever come to the same number, the
 * later block takes the place of the earlier one; which id a block is of is said in its pack.
 */
#include <errno.h>
#include <string.h>

#include "cache/store_opaque_private.h"

int64_t opaque_row_id(const struct store *store, const uint8_t *id, size_t id_size, uint32_t block)
{
	uint64_t key = XXH3_64bits_withSeed(id, id_size, store->index.opaque_seed);

	return (int64_t)(key / STORE_SEGMENT_BLOCKS * STORE_SEGMENT_BLOCKS + block);
}

/* ---- reading ---- */

static bool believable(int64_t pack, int64_t start, int64_t length)
{
	return pack > 0 && start >= 0 && start <= UINT32_MAX - STORE_OPAQUE_MAX && length > 0 &&
	       length <= STORE_OPAQUE_MAX;
}

/* From columns id, pack, start, length. One that cannot be leads nowhere. */
static struct opaque_row from_columns(sqlite3_stmt *row)
{
	struct opaque_row result = {.id = sqlite3_column_int64(row, 0),
				    .pack = (uint64_t)sqlite3_column_int64(row, 1)};

	if (believable(sqlite3_column_int64(row, 1), sqlite3_column_int64(row, 2),
		       sqlite3_column_int64(row, 3))) {
		result.start = (uint32_t)sqlite3_column_int64(row, 2);
		result.length = (uint32_t)sqlite3_column_int64(row, 3);
	}
	return result;
}

int opaque_row_find(struct store *store, int64_t id, struct opaque_row *row_out)
{
	sqlite3_stmt *row = index_query(
		&store->index, "SELECT id, pack, start, length FROM opaque WHERE id = ?", "i", id);
	int state = index_step(&store->index, row);

	if (state != 1)
		return state;
	*row_out = from_columns(row);
	index_done(row);
	return 1;
}

int opaque_row_giver(struct store *store, uint64_t pack, struct store_giver *giver_out)
{
	sqlite3_stmt *row = index_query(
		&store->index,
		"SELECT name FROM giver WHERE length(name) = ? AND id ="
		" (SELECT present FROM run WHERE content = ? AND number = 0 AND live IS NOT NULL)",
		"ii", (int64_t)STORE_OPAQUE_GIVER_SIZE, (int64_t)pack);
	int state = index_step(&store->index, row);

	if (state != 1)
		return state;
	memcpy(giver_out->octets, sqlite3_column_blob(row, 0), STORE_OPAQUE_GIVER_SIZE);
	index_done(row);
	return 1;
}

static bool is_behind(const struct opaque_row *row, const struct opaque_row *other)
{
	return row->pack != other->pack ? row->pack > other->pack : row->id > other->id;
}

unsigned opaque_rows_next(struct store *store, const struct opaque_row *after,
			  struct opaque_row *rows_out, unsigned max)
{
	sqlite3_stmt *row = index_query(&store->index,
					"SELECT id, pack, start, length FROM opaque"
					" WHERE (pack, id) > (?, ?) ORDER BY pack, id LIMIT ?",
					"iii", (int64_t)after->pack, after->id, (int64_t)max);
	unsigned count = 0;

	while (index_step(&store->index, row) == 1) {
		rows_out[count] = from_columns(row);
		/* Altered ones, with something else than numbers, end it. */
		if (!is_behind(&rows_out[count], after)) {
			index_done(row);
			break;
		}
		after = &rows_out[count++];
	}
	return count;
}

/* ---- changing ---- */

int opaque_row_add(struct store *store, const struct opaque_row *row,
		   const struct opaque_header *header)
{
	int error = index_run(
		&store->index,
		"INSERT OR REPLACE INTO opaque(id, pack, start, length, size, algorithm, since)"
		" VALUES(?, ?, ?, ?, ?, ?, ?)",
		"iiiiiii", row->id, (int64_t)row->pack, (int64_t)row->start, (int64_t)row->length,
		(int64_t)header->segment_size, (int64_t)header->algorithm, store->now());

	if (error == 0)
		store->index.totals.opaque++;
	return error;
}

/* COUNT rows are gone. */
static void count_less(struct store *store, uint64_t count)
{
	struct index_totals *totals = &store->index.totals;

	totals->opaque = totals->opaque > count ? totals->opaque - count : 0;
}

/* One block less lies in PACK. */
static int leave_pack(struct store *store, uint64_t id, uint32_t length)
{
	struct pack *pack;
	uint64_t giver;
	int error;

	store_lock(store);
	pack = pack_pin_indexed(store, id);
	if (pack == NULL) {
		record_wake(store);
		store_unlock(store);
		return 0;
	}
	giver = pack->giver;
	/* An altered row may lead to a pack of contents, or there may be more rows than it knows.
	 */
	if (giver != 0 && pack->live > 0)
		pack->live--;
	store_unlock(store);
	error = giver != 0 ? opaque_giver_less(store, giver, length) : 0;
	if (error == 0 && giver != 0)
		error = record_pack(store, pack);
	store_lock(store);
	pack_unpin(store, pack);
	store_unlock(store);
	return error;
}

int opaque_row_drop(struct store *store, const struct opaque_row *row)
{
	int error = index_run(&store->index, "DELETE FROM opaque WHERE id = ? AND pack = ?", "ii",
			      row->id, (int64_t)row->pack);

	if (error != 0 || index_changes(&store->index) == 0)
		return error;
	count_less(store, 1);
	error = leave_pack(store, row->pack, row->length);
	return error != 0 ? error : 1;
}

/* What the rows of PACK add up to. */
static int sum_up(struct index *index, uint64_t pack, uint64_t *octets_out)
{
	/* Whatever an altered row says, this does not overflow. */
	sqlite3_stmt *row =
		index_query(index, "SELECT sum(length & 262143) FROM opaque WHERE pack = ?", "i",
			    (int64_t)pack);
	int state = index_step(index, row);

	*octets_out = 0;
	if (state != 1)
		return state;
	*octets_out = (uint64_t)sqlite3_column_int64(row, 0);
	index_done(row);
	return 0;
}
_Static_assert(STORE_OPAQUE_MAX <= 262143, "the mask lets every length pass");

int opaque_pack_gone(struct store *store, const struct pack *pack)
{
	struct index *index = &store->index;
	uint64_t octets;
	int error;

	if (pack->giver == 0)
		return 0;
	error = sum_up(index, pack->run.owner, &octets);
	if (error == 0)
		error = index_run(index, "DELETE FROM opaque WHERE pack = ?", "i",
				  (int64_t)pack->run.owner);
	if (error != 0)
		return error;
	count_less(store, (uint64_t)index_changes(index));
	error = opaque_giver_less(store, pack->giver, octets);
	return error != 0 ? error : opaque_giver_end(store, pack->giver);
}

/* ---- afterwards ---- */

int opaque_rows_end(struct store *store, int error)
{
	struct index *index = &store->index;

	int committed = 0;

	if (error < 0)
		index_rollback(index);
	else if (index_should_commit(index))
		committed = index_commit(index);
	/* Or many writers would fill the log before the flusher has its turn. */
	if (error >= 0 && committed == 0)
		index_tidy(index);
	opaque_publish(store);
	return committed < 0 ? committed : error;
}
