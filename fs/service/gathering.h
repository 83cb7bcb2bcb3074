/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Content information of a consumer's while a program adds it, judged as it comes, and then kept as
 * long as the consumer needs it. A short one is kept in memory, a longer one in a file of the store
 * without a name, which costs a descriptor as long as it is kept. Both are bounded for each user,
 * whatever the number of contents that he has open.
 *
 * Calls block on disk; a gathering: one at a time.
 */
#ifndef FS_SERVICE_GATHERING_H
#define FS_SERVICE_GATHERING_H

#include "cache/content.h"
#include "cache/store.h"

struct user;
struct gathering;

/* Octets that are kept in memory: our choice, that of 120 MiB in version 1.0 and of 60 in 2.0. */
#define GATHERING_SHORT_MAX (64u << 10)
/* Of all of a user's short ones, and how many longer ones he may have: our choices. */
#define GATHERING_USER_MAX (64u << 20)
#define GATHERING_USER_FILES_MAX 128u

/* USER is there until it is freed. -ENOMEM. */
int gathering_create(struct store *store, struct user *user, struct gathering **gathering_out);
/* -EBADMSG: it is not content information; -EFBIG: longer than is accepted; -ENOSPC: the store has
 * no room; -EDQUOT: the user has enough of them; -ENOMEM. After a failure it is to be freed. */
int gathering_feed(struct gathering *gathering, const void *data, size_t size);
/* All has come. The same failures; once. */
int gathering_end(struct gathering *gathering, struct content **content_out);
/* When nobody uses the content any more, which counts until then. NULL is fine. */
void gathering_free(struct gathering *gathering);

#endif
