/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Loose data: octets that a program added and that cannot be verified yet, since their block is not
 * whole or no content information covers them (peerdist-api.md 8.5). Kept in memory in *slabs*,
 * each an aligned piece of a content as one handle sees it, and accounted by the slab, so that
 * scattered octets cannot cost more than they count. Above a limit the slab goes that was longest
 * without new octets: of the instance, else of the user.
 *
 * What is loose is data of its handle, its *owner*, until that one verifies it or is closed, or its
 * tag is flushed; contents that it verifies against copy it from there. Any thread; one lock for
 * all, held for a copy of a slab, or a walk over a user's, at most.
 */
#ifndef FS_SERVICE_LOOSE_H
#define FS_SERVICE_LOOSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct user;

#define LOOSE_SLAB (64u << 10)
/* Slabs. One more than the octets need, since data begins anywhere. */
#define LOOSE_INSTANCE_MAX ((16u << 20) / LOOSE_SLAB + 1)
#define LOOSE_USER_MAX ((64u << 20) / LOOSE_SLAB + 1)

#define LOOSE_TAG_SIZE 16u

/* A handle; its numbers are never given twice. */
struct loose_owner {
	uint64_t instance, handle;
	uint8_t tag[LOOSE_TAG_SIZE]; /* the handle's */
};

/* Keeps a copy; newer octets replace older ones. OFFSET + SIZE is in 64 bits. Without memory it is
 * as if it had been the oldest. */
void loose_put(struct user *user, const struct loose_owner *owner, uint64_t offset,
	       const void *data, size_t size);
/* Whether all of the SIZE octets from OFFSET on are here; then BUFFER has them. */
bool loose_copy(struct user *user, const struct loose_owner *owner, uint64_t offset, size_t size,
		void *buffer);
/* Forgets those octets. */
void loose_drop(struct user *user, const struct loose_owner *owner, uint64_t offset, size_t size);
/* Forgets all of OWNER. */
void loose_forget(struct user *user, const struct loose_owner *owner);
/* Forgets all of the owners with TAG. */
void loose_forget_tag(struct user *user, const uint8_t tag[LOOSE_TAG_SIZE]);

/* Where something is. */
struct loose_place {
	struct loose_owner owner;
	uint64_t offset; /* of a slab */
};
/* The slabs of USER that touch [START, END), for free(); NULL when there are none. */
struct loose_place *loose_places(struct user *user, uint64_t start, uint64_t end,
				 size_t *count_out);

#endif
