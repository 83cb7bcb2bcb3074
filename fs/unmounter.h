/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A process that stays root when the daemon does not, for the one thing that it cannot do any more:
 * taking its mount away when a signal ends it.
 */
#ifndef FS_UNMOUNTER_H
#define FS_UNMOUNTER_H

/* To be called as root, before the user changes. Returns a descriptor, or a negative errno. */
int unmounter_start(const char *mountpoint);
/* Has it unmount, unless the kernel has closed the connection SESSION_FD already, and ends it. -1
 * for UNMOUNTER is fine. */
void unmounter_end(int unmounter, int session_fd);

#endif
