/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The keys that were used most recently, a fixed number of them: what makes memory of strangers'
 * doings bounded. Each key has a slot, a number below the table's size, under which its user keeps
 * what belongs to it. Finding, using and forgetting take constant time. Keys are known by a hash of
 * 128 bits under a seed that nobody else knows. One thread.
 */
#ifndef PEER_RECENT_H
#define PEER_RECENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct recent;

#define RECENT_NONE UINT32_MAX

/* SLOTS: at least 1. All memory is taken now: some 40 octets a slot. -ENOMEM. */
int recent_create(uint32_t slots, uint64_t seed, struct recent **recent_out);
void recent_free(struct recent *recent);

/* The slot of a key, or RECENT_NONE; its place in the order stays. */
uint32_t recent_find(const struct recent *recent, const void *key, size_t size);
/* The slot of a key, which is now the most recent one. A new key, *FRESH_OUT, takes a free slot, or
 * else that of the key that was not used for longest, which is forgotten. */
uint32_t recent_use(struct recent *recent, const void *key, size_t size, bool *fresh_out);
/* SLOT is in use; its key is forgotten. */
void recent_forget(struct recent *recent, uint32_t slot);
uint32_t recent_count(const struct recent *recent);

#endif
