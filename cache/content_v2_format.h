/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What writing and reading version 2.0 share (content-information.md section 8). Private to
 * content_v2*.c.
 */
#ifndef CACHE_CONTENT_V2_FORMAT_H
#define CACHE_CONTENT_V2_FORMAT_H

#include "cache/content_v2.h"

#define CONTENT_V2_MINOR 0x00u
#define CONTENT_V2_MAJOR 0x02u
#define CONTENT_V2_ALGORITHM 0x04u /* DIGEST_SHA512_TRUNC256 */
#define CONTENT_V2_CHUNK_TYPE 0x00u

#endif
