/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Mounting whose failure is one line: libfuse, and the program that it runs where the caller is not
 * root, say on standard error what is wrong, and not of which mount.
 */
#ifndef FS_QUIET_MOUNT_H
#define FS_QUIET_MOUNT_H

#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>

#define QUIET_MOUNT_REASON 256

/* Mounts SESSION at DIRECTORY. 0, or -EIO, with what they said in REASON ("": nothing). What other
 * threads write to standard error meanwhile gets there afterwards. From now on libfuse's messages
 * go to the log. */
int quiet_mount(struct fuse_session *session, const char *directory,
		char reason[QUIET_MOUNT_REASON]);

#endif
