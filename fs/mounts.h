/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What is mounted where, as the kernel tells this process.
 */
#ifndef FS_MOUNTS_H
#define FS_MOUNTS_H

#include <mntent.h>

/* The type that our mounts have. */
#define MOUNTS_TYPE "fuse.peerdistfs"

/* Calls EACH for every mount, the later over the earlier ones, until it returns other than 0, which
 * is then returned. 0 at the end; -EIO when the list cannot be read. */
int mounts_each(int (*each)(void *context, const struct mntent *mount), void *context);

#endif
