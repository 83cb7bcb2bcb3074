/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The administrator's command `explain PATH`: block by block, where a file's octets are, where they
 * came from, and why not from a peer. Behind an "ok" that says what describes the file come two
 * tables as in fs/admin_peers.h, an empty line between them: runs of neighbouring blocks of which
 * the same is to be said, and sums.
 */
#ifndef FS_ADMIN_EXPLAIN_H
#define FS_ADMIN_EXPLAIN_H

#include "fs/job.h"

struct mount;

/* On the job's thread. -ENOENT, -EISDIR, explained: nothing can be said of PATH. */
int admin_explain(struct mount *mount, struct job *job, const char *path);

#endif
