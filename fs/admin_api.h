/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The administrator's commands about the API: who uses it, what is published by it, and the end of
 * either. Each answers in JOB; 0, or a negative errno that it has explained.
 */
#ifndef FS_ADMIN_API_H
#define FS_ADMIN_API_H

#include "fs/job.h"

struct mount;

/* A read that looks for peers for longer had better say so itself. Our choice. */
#define ADMIN_READ_TIMEOUT_MAX_MS 3600000u

int admin_instances(struct mount *mount, struct job *job);
/* "ID" */
int admin_kick(struct mount *mount, struct job *job, const char *argument);
int admin_publications(struct mount *mount, struct job *job);
/* "UID HEX" */
int admin_unpublish(struct mount *mount, struct job *job, const char *argument);
/* "MS" */
int admin_read_timeout(struct mount *mount, struct job *job, const char *argument);

#endif
