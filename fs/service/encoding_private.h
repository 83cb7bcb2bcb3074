/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What encoding.c and encoding_excerpt.c share.
 */
#ifndef FS_SERVICE_ENCODING_PRIVATE_H
#define FS_SERVICE_ENCODING_PRIVATE_H

#include "fs/service/encoding.h"

/* The whole, with a reference. -EIO: its file cannot be had. */
int encoding_content(struct encoding *encoding, struct content **content_out);

#endif
