/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Slots in use hang in a ring by age and in a chain by hash; free ones in a chain of their own. The
 * ring's anchor is one slot more than there are.
 */
#include "peer/recent.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <xxhash.h>

struct slot {
	XXH128_hash_t key;
	uint32_t newer, older; /* in the ring */
	uint32_t next;         /* in a chain */
};

struct recent {
	uint64_t seed;
	uint32_t count, free;
	uint32_t anchor; /* its "older" is the newest, its "newer" the oldest */
	uint32_t mask;
	uint32_t *chains;
	struct slot slots[];
};

static uint32_t *chain_of(const struct recent *recent, XXH128_hash_t key)
{
	return &recent->chains[key.low64 & recent->mask];
}

static void leave_ring(struct recent *recent, uint32_t slot)
{
	struct slot *leaving = &recent->slots[slot];

	recent->slots[leaving->newer].older = leaving->older;
	recent->slots[leaving->older].newer = leaving->newer;
}

static void join_ring(struct recent *recent, uint32_t slot)
{
	struct slot *anchor = &recent->slots[recent->anchor], *joining = &recent->slots[slot];

	joining->newer = recent->anchor;
	joining->older = anchor->older;
	recent->slots[anchor->older].newer = slot;
	anchor->older = slot;
}

int recent_create(uint32_t slots, uint64_t seed, struct recent **recent_out)
{
	struct recent *recent =
		calloc(1, sizeof(*recent) + ((size_t)slots + 1) * sizeof(struct slot));
	uint32_t chains = 1;

	assert(slots > 0);
	while (chains < slots && chains < UINT32_C(1) << 31)
		chains *= 2;
	if (recent == NULL)
		return -ENOMEM;
	recent->chains = malloc(chains * sizeof(*recent->chains));
	if (recent->chains == NULL) {
		free(recent);
		return -ENOMEM;
	}
	recent->seed = seed;
	recent->mask = chains - 1;
	for (uint32_t i = 0; i < chains; i++)
		recent->chains[i] = RECENT_NONE;
	recent->anchor = slots;
	recent->slots[slots].newer = recent->slots[slots].older = slots;
	for (uint32_t i = 0; i < slots; i++)
		recent->slots[i].next = i + 1 < slots ? i + 1 : RECENT_NONE;
	*recent_out = recent;
	return 0;
}

void recent_free(struct recent *recent)
{
	if (recent == NULL)
		return;
	free(recent->chains);
	free(recent);
}

static uint32_t find(const struct recent *recent, XXH128_hash_t key)
{
	uint32_t slot = *chain_of(recent, key);

	while (slot != RECENT_NONE && !XXH128_isEqual(recent->slots[slot].key, key))
		slot = recent->slots[slot].next;
	return slot;
}

uint32_t recent_find(const struct recent *recent, const void *key, size_t size)
{
	return find(recent, XXH3_128bits_withSeed(key, size, recent->seed));
}

void recent_forget(struct recent *recent, uint32_t slot)
{
	uint32_t *link = chain_of(recent, recent->slots[slot].key);

	while (*link != slot)
		link = &recent->slots[*link].next;
	*link = recent->slots[slot].next;
	leave_ring(recent, slot);
	recent->slots[slot].next = recent->free;
	recent->free = slot;
	recent->count--;
}

uint32_t recent_use(struct recent *recent, const void *key, size_t size, bool *fresh_out)
{
	XXH128_hash_t hash = XXH3_128bits_withSeed(key, size, recent->seed);
	uint32_t slot = find(recent, hash), *chain = chain_of(recent, hash);

	*fresh_out = slot == RECENT_NONE;
	if (slot != RECENT_NONE) {
		leave_ring(recent, slot);
		join_ring(recent, slot);
		return slot;
	}
	if (recent->free == RECENT_NONE)
		recent_forget(recent, recent->slots[recent->anchor].newer);
	slot = recent->free;
	recent->free = recent->slots[slot].next;
	recent->slots[slot].key = hash;
	recent->slots[slot].next = *chain;
	*chain = slot;
	join_ring(recent, slot);
	recent->count++;
	return slot;
}

uint32_t recent_count(const struct recent *recent)
{
	return recent->count;
}
