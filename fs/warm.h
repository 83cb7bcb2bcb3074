/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Warming: a file, or all files below a directory, fetched into the store now.
 */
#ifndef FS_WARM_H
#define FS_WARM_H

#include "fs/job.h"
#include "fs/mount.h"

/* On a job's thread. 0; -ECANCELED; -ENOENT; or the first error met, after all else was tried. */
int warm_path(struct mount *mount, struct job *job, const char *path);

#endif
