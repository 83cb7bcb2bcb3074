/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What is held of segments that only opaque blocks are known of: as the index says, without a look
 * at the packs. Reading finds out what does not hold.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cache/store_opaque_private.h"

/* Our choice: ids looked up while others wait for the index. */
enum { LOOK_AT_ONCE = 64 };

static uint64_t age_ms(int64_t now, int64_t since)
{
	return now > since ? ((uint64_t)now - (uint64_t)since) * 1000 : 0;
}

static bool may_be_held(struct store *store, size_t id_size)
{
	return !opaque_none(store) && id_size <= DIGEST_SIZE_MAX;
}

/* The numbers of the rows that a segment can have. */
static void range_of(const struct store *store, const uint8_t *id, size_t id_size,
		     int64_t *first_out, int64_t *last_out)
{
	*first_out = opaque_row_id(store, id, id_size, 0);
	*last_out = *first_out + STORE_SEGMENT_BLOCKS - 1;
}

uint32_t store_opaque_held(struct store *store, const uint8_t *id, size_t id_size,
			   uint64_t held_out[STORE_SEGMENT_WORDS], uint64_t *age_ms_out)
{
	int64_t first, last, since = INT64_MAX;
	uint32_t held = 0;
	sqlite3_stmt *row;

	memset(held_out, 0, STORE_SEGMENT_WORDS * sizeof(held_out[0]));
	if (age_ms_out != NULL)
		*age_ms_out = 0;
	if (!may_be_held(store, id_size))
		return 0;
	range_of(store, id, id_size, &first, &last);
	index_lock(&store->index);
	row = index_query(&store->index, "SELECT id, since FROM opaque WHERE id >= ? AND id <= ?",
			  "ii", first, last);
	while (index_step(&store->index, row) == 1) {
		uint32_t block = (uint32_t)(sqlite3_column_int64(row, 0) - first);

		held_out[block / 64] |= UINT64_C(1) << block % 64;
		held++;
		if (sqlite3_column_int64(row, 1) < since)
			since = sqlite3_column_int64(row, 1);
	}
	index_unlock(&store->index);
	if (held > 0 && age_ms_out != NULL)
		*age_ms_out = age_ms(store->now(), since);
	return held;
}

uint32_t store_opaque_next(struct store *store, const uint8_t *id, size_t id_size, uint32_t from)
{
	uint32_t next = STORE_SEGMENT_BLOCKS;
	int64_t first, last;
	sqlite3_stmt *row;

	if (!may_be_held(store, id_size) || from >= STORE_SEGMENT_BLOCKS)
		return next;
	range_of(store, id, id_size, &first, &last);
	index_lock(&store->index);
	row = index_query(&store->index,
			  "SELECT id FROM opaque WHERE id >= ? AND id <= ? ORDER BY id LIMIT 1",
			  "ii", first + from, last);
	while (index_step(&store->index, row) == 1)
		next = (uint32_t)(sqlite3_column_int64(row, 0) - first);
	index_unlock(&store->index);
	return next;
}

/* ---- many ---- */

/* index.lock held. */
static struct store_segment_summary look(struct store *store, const uint8_t *id, size_t id_size,
					 int64_t now)
{
	struct store_segment_summary summary = {0};
	sqlite3_stmt *row;
	int64_t first, last;

	if (id_size > DIGEST_SIZE_MAX)
		return summary;
	range_of(store, id, id_size, &first, &last);
	row = index_query(&store->index, "SELECT since FROM opaque WHERE id >= ? AND id <= ?", "ii",
			  first, last);
	while (index_step(&store->index, row) == 1) {
		uint64_t age = age_ms(now, sqlite3_column_int64(row, 0));

		summary.held++;
		if (age > summary.age_ms)
			summary.age_ms = age;
	}
	return summary;
}

int store_opaque_look(struct store *store, const uint8_t *const *ids, const size_t *id_sizes,
		      unsigned count, struct store_segment_summary *summaries_out)
{
	int64_t now = store->now();

	if (opaque_none(store)) {
		for (unsigned i = 0; i < count; i++)
			summaries_out[i] = (struct store_segment_summary){0};
		return 0;
	}
	for (unsigned done = 0; done < count;) {
		unsigned end = count - done > LOOK_AT_ONCE ? done + LOOK_AT_ONCE : count;

		index_lock(&store->index);
		for (; done < end; done++)
			summaries_out[done] = look(store, ids[done], id_sizes[done], now);
		index_unlock(&store->index);
	}
	return 0;
}

/* ---- block by block ---- */

unsigned store_opaque_list(struct store *store, const uint8_t *id, size_t id_size,
			   struct store_opaque_held *held_out)
{
	int64_t first, last, now = store->now();
	unsigned count = 0;
	sqlite3_stmt *row;

	if (!may_be_held(store, id_size))
		return 0;
	range_of(store, id, id_size, &first, &last);
	index_lock(&store->index);
	row = index_query(
		&store->index,
		"SELECT opaque.id, algorithm, opaque.size, since, name FROM opaque"
		" JOIN run ON run.content = pack AND run.number = 0 AND live IS NOT NULL"
		" JOIN giver ON giver.id = run.present"
		" WHERE opaque.id >= ? AND opaque.id <= ? AND length(name) = ? ORDER BY opaque.id",
		"iii", first, last, (int64_t)STORE_OPAQUE_GIVER_SIZE);
	while (index_step(&store->index, row) == 1) {
		struct store_opaque_held *held = &held_out[count++];

		held->block = (uint32_t)(sqlite3_column_int64(row, 0) - first);
		held->algorithm = (uint8_t)sqlite3_column_int64(row, 1);
		held->segment_size = (uint32_t)sqlite3_column_int64(row, 2);
		held->age_ms = age_ms(now, sqlite3_column_int64(row, 3));
		memcpy(held->giver.octets, sqlite3_column_blob(row, 4), STORE_OPAQUE_GIVER_SIZE);
	}
	index_unlock(&store->index);
	return count;
}

/* ---- all ---- */

static int tell(struct store *store, const struct opaque_row *row, void *data,
		store_opaque_each *each, void *context)
{
	struct opaque_header header;
	struct store_opaque block = {0};

	if (opaque_load(store, row, false, &header, data) != 0)
		return 0;
	block.id = header.id;
	block.id_size = header.id_size;
	block.block = header.block;
	block.algorithm = header.algorithm;
	block.segment_size = header.segment_size;
	block.cipher = header.cipher;
	memcpy(block.iv, header.iv, sizeof(header.iv));
	block.size = header.size;
	index_lock(&store->index);
	(void)opaque_row_giver(store, row->pack, &block.giver);
	index_unlock(&store->index);
	return each(context, &block, data);
}

int store_opaque_walk(struct store *store, store_opaque_each *each, void *context)
{
	struct opaque_row rows[STORE_BATCH], last = {.id = INT64_MIN};
	unsigned count = opaque_none(store) ? 0 : STORE_BATCH;
	void *data = malloc(STORE_OPAQUE_MAX);
	int error = data == NULL ? -ENOMEM : 0;

	while (error == 0 && count == STORE_BATCH) {
		index_lock(&store->index);
		count = opaque_rows_next(store, &last, rows, STORE_BATCH);
		index_unlock(&store->index);
		for (unsigned i = 0; i < count && error == 0; i++)
			error = tell(store, &rows[i], data, each, context);
		if (count > 0)
			last = rows[count - 1];
	}
	free(data);
	return error;
}
