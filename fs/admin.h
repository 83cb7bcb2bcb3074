/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The administrator's commands: one table of names, arguments and what they do. PATH arguments are
 * relative to the mount's root; leading slashes are fine, "\xNN" stands for an octet.
 */
#ifndef FS_ADMIN_H
#define FS_ADMIN_H

#include "fs/job.h"

struct mount;

/* Carries LINE out, or starts to. JOB_OUT, never NULL unless memory is short, holds the answer; the
 * caller puts it. 0; or -EINVAL (no such command, wrong arguments), -ENOENT, -EBUSY, ..., which the
 * answer says too. */
int admin_start(struct mount *mount, const char *line, struct job **job_out);

#endif
