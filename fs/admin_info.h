/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The administrator's command `info PATH`: the content information of a file, encoded as it came or
 * as it was computed, in lines of base64 behind "ok".
 */
#ifndef FS_ADMIN_INFO_H
#define FS_ADMIN_INFO_H

#include "fs/job.h"

struct mount;

/* On the job's thread. Computes it if the content is whole and nothing describes it. -ENODATA,
 * explained: there is none and it cannot be made now. */
int admin_info(struct mount *mount, struct job *job, const char *path);

#endif
