/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Becoming an unprivileged user, for good, when all that takes root is done.
 */
#ifndef FS_RUN_AS_H
#define FS_RUN_AS_H

#include <stdbool.h>
#include <sys/types.h>

struct run_as {
	bool needed; /* we are root, and are to be somebody else */
	const char *name;
	uid_t uid;
	gid_t gid;
};

/* NAME NULL: nobody else. It is used as long as RUN_AS_OUT is. -ENOENT: there is no such user. */
int run_as_find(const char *name, struct run_as *run_as_out);
/* All threads become him, and have no capabilities any more; nothing if it is not needed. */
int run_as_become(const struct run_as *run_as);

#endif
