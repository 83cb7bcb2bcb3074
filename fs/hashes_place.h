/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Where `serve` and `publish` keep what they have hashed, unless --hashes names a directory: root:
 * /var/cache/peerdistfs/hashes; else $XDG_CACHE_HOME/peerdistfs/hashes.
 */
#ifndef FS_HASHES_PLACE_H
#define FS_HASHES_PLACE_H

/* For free(). NULL: there is no home directory, or no memory. */
char *hashes_place(void);

#endif
