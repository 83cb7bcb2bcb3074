/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The administrator's commands about other machines: `mode`, `peers`, `trust reset`. What they
 * answer with is a table: columns parted by tabs, the first line names them, "-" is nothing
 * (fs/cli_table.h reads it).
 */
#ifndef FS_ADMIN_PEERS_H
#define FS_ADMIN_PEERS_H

#include "fs/job.h"

struct mount;

/* ARGUMENT: MODE [HOST...]; without a HOST the hosted caches are those that there were. Whether it
 * is one that can be changed to; -EINVAL, explained. */
int admin_mode_check(struct job *job, const char *argument);
/* Changes to it: long, since sockets are opened and closed. ARGUMENT was checked. When it fails
 * the mode is what it was. */
int admin_mode(struct mount *mount, struct job *job, const char *argument);
int admin_peers(struct mount *mount, struct job *job);
/* ARGUMENT: what is to be done about trust. */
int admin_trust(struct mount *mount, struct job *job, const char *argument);

#endif
