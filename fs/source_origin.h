/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The origin as a source of blocks: transfers become ranged requests (or one whole GET).
 */
#ifndef FS_SOURCE_ORIGIN_H
#define FS_SOURCE_ORIGIN_H

#include "fs/source.h"
#include "origin/origin.h"

/* ORIGIN NULL: every transfer ends with -EHOSTUNREACH. 0 or -ENOMEM; free with free(). */
int source_origin_create(struct origin *origin, struct source **source_out);

#endif
