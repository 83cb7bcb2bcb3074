/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A control directory for a process without a mount: a file system of its own that has nothing
 * else. One thread of it answers; the jobs have theirs.
 */
#ifndef FS_CONTROL_MOUNT_H
#define FS_CONTROL_MOUNT_H

#include "fs/control.h"

/* Other than MOUNTS_TYPE (fs/mounts.h): it is none of those that need not be named. */
#define CONTROL_MOUNT_SUBTYPE "peerdist"

struct control_mount_options {
	const char *directory; /* must be there, and be the process' own */
	bool others;           /* may see it; `admin` remains the process' user's */
	const struct control_answerer *answerer;
	void *owner;
};

struct control_mount;

/* 0, or a negative errno with a MESSAGE. Nothing in the directory may be needed to answer. */
int control_mount_start(const struct control_mount_options *options,
			struct control_mount **mount_out, char *message, size_t message_size);
/* Before the process becomes another user, who could not take the mount away: a process that stays
 * does it at the end. 0 or a negative errno. */
int control_mount_keep(struct control_mount *mount);
/* Ends its jobs, answers who waits, and takes it away, whoever still has something open in it. To
 * be called before what the answerer needs goes. NULL is fine. */
void control_mount_end(struct control_mount *mount);

#endif
