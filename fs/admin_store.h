/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The administrator's commands about a store, whoever has it. Each answers in JOB; 0, or a negative
 * errno that it has explained where there is more to say than its name does.
 */
#ifndef FS_ADMIN_STORE_H
#define FS_ADMIN_STORE_H

#include "cache/store.h"
#include "fs/config.h"
#include "fs/job.h"

/* Long. PATH and below; NULL: all. */
int admin_store_verify(struct store *store, struct job *job, const char *path);
/* ARGUMENT: the new limit, of the volume of DIRECTORY if it is a part. CAPACITY_OUT: as it was
 * given. */
int admin_store_resize(struct store *store, const char *directory, struct job *job,
		       const char *argument, config_capacity *capacity_out);
/* Whether ARGUMENT is "reset", which is all that can be done about trust. */
int admin_trust_check(struct job *job, const char *argument);

#endif
