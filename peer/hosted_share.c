/* SPDX-License-Identifier: BSD-2-Clause */
#include "peer/hosted_share.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cache/store_opaque.h"
#include "peer/hosted_known.h"
#include "peer/recent.h"

/* Part of the limit, and octets at most, by which the index may grow before the room is told again.
 * Our choice. */
#define INDEX_PART 16
#define INDEX_PART_MAX (8u << 20)

struct hosted_share {
	struct store *store;
	pthread_mutex_t lock;  /* what follows */
	struct recent *recent; /* givers */
	/* What each may write before it can be over half. */
	uint64_t left[HOSTED_SHARE_GIVERS];
};

int hosted_share_create(struct store *store, uint64_t seed, struct hosted_share **share_out)
{
	struct hosted_share *share = calloc(1, sizeof(*share));

	if (share == NULL || recent_create(HOSTED_SHARE_GIVERS, seed, &share->recent) != 0) {
		free(share);
		return -ENOMEM;
	}
	share->store = store;
	pthread_mutex_init(&share->lock, NULL);
	*share_out = share;
	return 0;
}

void hosted_share_free(struct hosted_share *share)
{
	if (share == NULL)
		return;
	recent_free(share->recent);
	pthread_mutex_destroy(&share->lock);
	free(share);
}

/* ---- small shares ---- */

/* Whether GIVER, of whom OCTETS more are written, cannot be over half by that. */
static bool is_small(struct hosted_share *share, const struct offers_giver *giver, uint64_t octets)
{
	bool small = false;
	uint32_t slot;

	pthread_mutex_lock(&share->lock);
	slot = recent_find(share->recent, giver->octets, sizeof(giver->octets));
	if (slot != RECENT_NONE) {
		small = share->left[slot] >= octets;
		share->left[slot] = small ? share->left[slot] - octets : 0;
	}
	pthread_mutex_unlock(&share->lock);
	return small;
}

static void note(struct hosted_share *share, const struct offers_giver *giver, uint64_t left)
{
	uint32_t slot;
	bool fresh;

	pthread_mutex_lock(&share->lock);
	slot = recent_use(share->recent, giver->octets, sizeof(giver->octets), &fresh);
	share->left[slot] = left;
	pthread_mutex_unlock(&share->lock);
}

/* ---- room ---- */

static bool has_room(const struct store_usage *usage, uint64_t octets)
{
	uint64_t index = usage->limit / INDEX_PART;

	return octets + (index < INDEX_PART_MAX ? index : INDEX_PART_MAX) <= usage->room;
}

/* What somebody has brought. */
struct brought {
	struct store *store;
	struct store_giver name;
	char folder[HOSTED_KNOWN_PATH_MAX];
	uint64_t opaque, described;
	uint64_t held; /* by whomever, without the index */
};

static void look_up(struct brought *brought, struct store *store, const struct offers_giver *giver)
{
	brought->store = store;
	memcpy(brought->name.octets, giver->octets, sizeof(brought->name.octets));
	hosted_known_folder(giver, brought->folder);
	brought->described = store_octets_below(store, brought->folder);
}

/* Something of it goes, of that of which there is more. False: nothing can. */
static bool evict_some(struct brought *brought, uint64_t octets)
{
	uint64_t freed;

	if (brought->opaque > brought->described &&
	    store_opaque_evict(brought->store, &brought->name) == 0)
		return true;
	freed = store_evict_below(brought->store, brought->folder, octets);
	brought->described -= freed < brought->described ? freed : brought->described;
	return freed > 0;
}

/* Returns what GIVER may write without being over half. */
static uint64_t evict_own(struct store *store, const struct offers_giver *giver, uint64_t octets)
{
	struct store_usage usage;
	struct brought brought;
	uint64_t portion, given;

	look_up(&brought, store, giver);
	do {
		store_usage(store, &usage);
		portion = usage.limit / HOSTED_SHARE_PART;
		if (portion > HOSTED_SHARE_PORTION_MAX)
			portion = HOSTED_SHARE_PORTION_MAX;
		store_opaque_share(store, &brought.name, &brought.opaque, &brought.held);
		given = brought.opaque + brought.described;
	} while (given > brought.held / 2 && !has_room(&usage, octets + portion) &&
		 evict_some(&brought, octets + portion));
	return given <= brought.held / 2 ? brought.held / 2 - given + portion : 0;
}

void hosted_share_make_room(struct hosted_share *share, const struct offers_giver *giver,
			    uint64_t octets)
{
	bool small = is_small(share, giver, octets);
	struct store_usage usage;

	store_usage(share->store, &usage);
	if (!small && !has_room(&usage, octets))
		note(share, giver, evict_own(share->store, giver, octets));
}
