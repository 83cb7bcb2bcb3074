/* SPDX-License-Identifier: BSD-2-Clause
 *
 * How a content is cut into units, the pieces that are fetched, checked and kept whole.
 * Uniform: every CUTTING_UNIT octets, the last one shorter (no content information, and version
 * 1.0, content-information.md section 2). Listed: any lengths of 1 to CUTTING_UNIT_MAX (version
 * 2.0). Units touch, do not overlap and cover the content. An empty content has no unit.
 * Immutable once made, so any thread may read it.
 */
#ifndef CACHE_CUTTING_H
#define CACHE_CUTTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CUTTING_UNIT 65536u
#define CUTTING_UNIT_MAX 131072u

#define CUTTING_PACKED_SLACK 3u

struct cutting;

/* -ENOMEM; -EFBIG above 2^63-1 octets or 2^32-1 units. */
int cutting_uniform(uint64_t size, struct cutting **cutting_out);
/* NEXT gives COUNT lengths, or fails, and so does this. -EINVAL when a length is 0 or above
 * CUTTING_UNIT_MAX. */
typedef int cutting_next(void *owner, uint32_t *length_out);
int cutting_told(uint32_t count, cutting_next *next, void *owner, struct cutting **cutting_out);
/* The same from a list. */
int cutting_listed(const uint32_t *lengths, uint32_t count, struct cutting **cutting_out);
/* A listed one's lengths for keeping, 17 bits each; valid as long as CUTTING is. NULL: uniform. */
const void *cutting_packed(const struct cutting *cutting, size_t *size_out);
/* The listed one that was packed so. PACKED, from malloc() and with room for CUTTING_PACKED_SLACK
 * octets more, is taken over. -EBADMSG: no such list has SIZE octets. */
int cutting_unpack(void **packed, size_t size, struct cutting **cutting_out);
/* NULL is fine. */
void cutting_free(struct cutting *cutting);
bool cutting_is_uniform(const struct cutting *cutting);
/* Whether the units are the same and both are listed or both uniform. */
bool cutting_equal(const struct cutting *one, const struct cutting *other);

uint64_t cutting_size(const struct cutting *cutting);
uint32_t cutting_count(const struct cutting *cutting);
/* UNIT must be below the count, OFFSET below the size. */
uint64_t cutting_offset(const struct cutting *cutting, uint32_t unit);
uint32_t cutting_length(const struct cutting *cutting, uint32_t unit);
uint32_t cutting_unit_at(const struct cutting *cutting, uint64_t offset);

#endif
