/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Tags: which units of which objects came into the store under which tag of which user, so that
 * they can be dropped together (peerdist-api.md 8.8). A tag says nothing of whether a unit is
 * present: what was evicted may be tagged still. An object's tags go some time after neither data
 * nor content information of it are kept any more. Of one user at most STORE_TAGS_MAX pieces of
 * objects, each of 4096 units under one tag, are remembered; above that those of the oldest objects
 * are forgotten, whose data stays as what nobody tagged.
 *
 * What is noted is in memory at first and in the index a moment later (a killed daemon loses
 * milliseconds); everything that asks sees it at once. Objects of other scopes are never seen.
 *
 * Calls block on disk, but for store_tag_note(); any thread but a loop thread.
 */
#ifndef CACHE_STORE_TAGS_H
#define CACHE_STORE_TAGS_H

#include <stdbool.h>
#include <stdint.h>

#include "cache/store.h"

#define STORE_TAG_SIZE 16u
/* Our choice: at most some 40 MiB of the index for each user, and a dozen mostly. A few more are
 * there for a moment, until they are counted. */
#define STORE_TAGS_MAX 65536u

struct store_tag {
	uint32_t uid;
	uint8_t name[STORE_TAG_SIZE];
};

/* COUNT units of OBJECT from FIRST on, of its present cutting, came, or come soon, under TAG. 0;
 * -ENOMEM. */
int store_tag_note(struct object *object, const struct store_tag *tag, uint32_t first,
		   uint32_t count);
bool store_tag_has(struct object *object, const struct store_tag *tag, uint32_t unit);

/* TAG is no more. EACH is told what no other tag has: COUNT neighbouring units of OBJECT, many
 * times; no lock is held. What is noted under TAG meanwhile may be dropped or stay. What EACH
 * gives, if not 0, ends it and is returned: what was not yet told has the tag still. An unknown tag
 * is no failure. */
typedef int store_tag_each(void *owner, struct object *object, uint32_t first, uint32_t count);
int store_tag_drop(struct store *store, const struct store_tag *tag, store_tag_each *each,
		   void *owner);

#endif
