/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Shared by inform.c (asking), inform_late.c (asking although no read has to) and judge.c (blocks
 * that contradict the answer).
 */
#ifndef FS_INFORM_PRIVATE_H
#define FS_INFORM_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "cache/store_content.h"
#include "fs/inform.h"

/* Our choice; when contents share one, one of them is asked for later. */
#define INFORM_LATE_SLOTS 1024u

struct inform {
	struct inform_options options;
	struct fetch *fetch;
	atomic_uint versions;
	atomic_ullong malformed;
	pthread_mutex_t lock;            /* what follows */
	unsigned plain;                  /* answers in a row without any header of the protocol */
	int64_t plain_since;             /* seconds since 1970: the last of them */
	int64_t late[INFORM_LATE_SLOTS]; /* likewise: not before (inform_late.c) */
};

/* What was asked for without a read that waits for it: CONTENT, for content_put(), or NULL when
 * there is none. Pool thread. */
typedef void inform_answered(void *context, struct content *content);
/* Asks past all caches. FILE: as long as it is not answered, the caller's. */
void inform_ask_again(struct inform *inform, struct fetch_file *file, inform_answered *answered,
		      void *context);

/* judge.c: struct fetch_judges.doubt */
void judge_doubt(void *owner, struct fetch_file *file, uint64_t offset, const void *data,
		 size_t length);

#endif
