/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The version that --version, status and metrics tell. The Makefile gives it.
 */
#ifndef FS_VERSION_H
#define FS_VERSION_H

#ifndef PEERDISTFS_VERSION
#define PEERDISTFS_VERSION "unknown"
#endif

#endif
