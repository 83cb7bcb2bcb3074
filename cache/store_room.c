/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Room: what is reserved before a write, and the limit that it is reserved of.
 */
#include <errno.h>
#include <string.h>

#include "cache/log.h"
#include "cache/store_private.h"

/* Everything that counts. Lock held. */
static uint64_t total(const struct store *store)
{
	return store->used + store->index_octets + store->index_reserve + store->suspect;
}

uint64_t room_left(const struct store *store)
{
	uint64_t taken = total(store);

	return taken < store->limit ? store->limit - taken : 0;
}

uint64_t room_rounded(const struct store *store, uint64_t octets)
{
	return (octets + store->block - 1) / store->block * store->block;
}

void room_return(struct store *store, uint64_t octets)
{
	store->used -= octets;
}

/* Lock held, released meanwhile. Waits while too much is not recorded yet. */
static int wait_recorded(struct store *store)
{
	while (store->unrecorded > store_unrecorded_max(store)) {
		if (store->failing)
			return -ENOSPC;
		record_wake(store);
		pthread_cond_wait(&store->changed, &store->lock);
	}
	return 0;
}

int room_reserve(struct store *store, uint64_t octets)
{
	return room_reserve_of(store, octets, 0);
}

int room_reserve_of(struct store *store, uint64_t octets, uint64_t giver)
{
	int error = 0;

	store_lock(store);
	if (store->trouble_until != 0 && store_monotonic() < store->trouble_until)
		error = -ENOSPC;
	if (error == 0)
		error = wait_recorded(store);
	while (error == 0 && (octets > store->limit || total(store) > store->limit - octets)) {
		bool sweeping = store->sweeping;

		store_unlock(store);
		error = evict_for(store, giver);
		store_lock(store);
		if (error == -ENOENT && sweeping) {
			/* What others left may be all that is in the way, or what the sweeper looks
			 * at just now. */
			if (store->sweeping)
				pthread_cond_wait(&store->changed, &store->lock);
			error = 0;
		}
	}
	if (error == 0)
		store->used += octets;
	store_unlock(store);
	return error == -ENOENT ? -ENOSPC : error;
}

int room_enforce(struct store *store)
{
	int error = 0;

	store_lock(store);
	while (error == 0 && total(store) > store->limit && !store->sweeping) {
		store_unlock(store);
		error = evict_for(store, 0);
		store_lock(store);
	}
	store_unlock(store);
	return error;
}

/* Descriptors that the process lacks are not the data's, but where files have no names: then each
 * has one as long as it lives, and the store has a limit of its own for them. */
static bool eviction_helps(struct store *store, int error)
{
	if (error == -EMFILE) {
		store_lock(store);
		bool full = store->unlinked && store->open_files >= store->open_files_max;
		store_unlock(store);
		return full;
	}
	return error == -ENOSPC || error == -EDQUOT;
}

int room_trouble(struct store *store, int error)
{
	return room_trouble_of(store, error, 0);
}

int room_trouble_of(struct store *store, int error, uint64_t giver)
{
	static struct log_limit limit;

	/* One file would be longer than the file system or the process may have one: no other
	 * object is concerned. */
	if (error == -EFBIG || error == -EINVAL)
		return -ENOSPC;
	if (eviction_helps(store, error) && evict_for(store, giver) == 0)
		return 0;
	store_lock(store);
	store->trouble_until = store_monotonic() + STORE_TROUBLE_SECONDS;
	store_unlock(store);
	log_limited(&limit, LOG_LEVEL_WARNING,
		    "the cache in %s cannot be written (%s): reading through for now",
		    store->directory, strerror(-error));
	return -ENOSPC;
}

/* ---- another limit ---- */

/* Octets of runs that are wished for: what no eviction takes. index.lock held, all recorded. */
static uint64_t wished_octets(struct store *store)
{
	sqlite3_stmt *row =
		index_query(&store->index, "SELECT sum(cost) FROM run WHERE pinned <> 0", "");
	uint64_t octets = 0;

	if (index_step(&store->index, row) == 1) {
		octets = (uint64_t)sqlite3_column_int64(row, 0);
		index_done(row);
	}
	return octets;
}

/* The limit, and with it what the index keeps free for itself. -EBUSY, and all is as it was, when
 * what cannot be evicted would not fit. */
static int set_limit(struct store *store, uint64_t limit, uint64_t *former_out)
{
	struct index *index = &store->index;
	uint64_t octets, reserve;
	int error = 0;

	index_lock(index);
	/* What cannot be recorded now cannot be taken into account; it is evicted like the rest. */
	record_flush(store);
	index_set_limit(index, limit);
	index_cut_log(index);
	octets = index_size(index, &reserve);
	if (octets + reserve + wished_octets(store) > limit) {
		index_set_limit(index, store->limit);
		octets = index_size(index, &reserve);
		error = -EBUSY;
	}
	store_lock(store);
	if (error == 0) {
		*former_out = store->limit;
		store->limit = limit;
	}
	store->index_octets = octets;
	store->index_reserve = reserve;
	store_unlock(store);
	index_unlock(index);
	return error;
}

int store_resize(struct store *store, uint64_t limit)
{
	uint64_t former;

	if (limit < STORE_LIMIT_MIN)
		return -EINVAL;
	if (set_limit(store, limit, &former) != 0)
		return -EBUSY;
	if (room_enforce(store) == 0)
		return 0;
	set_limit(store, former, &former);
	return -EBUSY;
}
