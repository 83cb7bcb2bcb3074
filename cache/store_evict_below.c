/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Room by a part of what there is: what lies below a path.
 */
#include <stdio.h>
#include <string.h>

#include "cache/store_private.h"

/* Those that were used longest ago; at most STORE_EVICTION_BATCH. Their number. Who asks has much
 * of what there is, so they are found soon among all in the order of use. */
static unsigned list_below(struct store *store, const char *from, const char *to,
			   struct eviction_candidate *candidates_out)
{
	sqlite3_stmt *row =
		index_query(&store->index,
			    "SELECT run.content, run.number, run.used FROM run"
			    " CROSS JOIN content ON content.id = run.content WHERE run.pinned = 0"
			    " AND run.live IS NULL AND content.scope = ? AND content.path >= ?"
			    " AND content.path < ? ORDER BY run.used, run.number LIMIT ?",
			    "issi", store->scope, from, to, (int64_t)STORE_EVICTION_BATCH);
	unsigned count = 0;

	while (index_step(&store->index, row) == 1)
		candidates_out[count++] = (struct eviction_candidate){
			.owner = (uint64_t)sqlite3_column_int64(row, 0),
			.number = (uint32_t)sqlite3_column_int64(row, 1),
			.used = sqlite3_column_int64(row, 2),
		};
	return count;
}

/* What is below PATH has paths from FROM on and before TO. False: PATH is too long. */
static bool name_borders(const char *path, char from[STORE_BELOW_MAX], char to[STORE_BELOW_MAX])
{
	int length = snprintf(from, STORE_BELOW_MAX, "%s/", path);

	if (length < 0 || length >= STORE_BELOW_MAX)
		return false;
	strcpy(to, from);
	to[length - 1]++;
	return true;
}

/* Octets that went with it; 0: nothing. */
static uint64_t evict_candidate(struct store *store, const struct eviction_candidate *candidate)
{
	struct run *run;
	uint64_t cost;

	index_lock(&store->index);
	run = evict_take(store, candidate);
	cost = run != NULL ? run->cost : 0;
	return evict_run(store, run) == 0 ? cost : 0;
}

uint64_t store_evict_below(struct store *store, const char *path, uint64_t octets)
{
	struct eviction_candidate candidates[STORE_EVICTION_BATCH];
	char from[STORE_BELOW_MAX], to[STORE_BELOW_MAX];
	unsigned count = 0;
	uint64_t freed = 0;

	if (!name_borders(path, from, to))
		return 0;
	index_lock(&store->index);
	if (record_flush(store) == 0)
		count = list_below(store, from, to, candidates);
	index_unlock(&store->index);
	for (unsigned i = 0; i < count && freed < octets; i++)
		freed += evict_candidate(store, &candidates[i]);
	return freed;
}

uint64_t store_octets_below(struct store *store, const char *path)
{
	char from[STORE_BELOW_MAX], to[STORE_BELOW_MAX];
	uint64_t octets = 0;
	sqlite3_stmt *row;

	if (!name_borders(path, from, to))
		return 0;
	index_lock(&store->index);
	record_flush(store);
	/* Of a list 32 octets for each block, and the rest of a page. */
	row = index_query(&store->index,
			  "SELECT min(total(max(0, octets) + max(0, size) / 2048 + 4096), 9e18)"
			  " FROM content WHERE scope = ? AND path >= ? AND path < ?",
			  "iss", store->scope, from, to);
	if (index_step(&store->index, row) == 1) {
		octets = (uint64_t)sqlite3_column_int64(row, 0);
		index_done(row);
	}
	index_unlock(&store->index);
	return octets;
}
