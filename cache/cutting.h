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

struct cutting;

/* -ENOMEM; -EFBIG above 2^63-1 octets or 2^32-1 units. */
int cutting_uniform(uint64_t size, struct cutting **cutting_out);
/* -EINVAL when a length is 0 or above CUTTING_UNIT_MAX. The list is copied. */
int cutting_listed(const uint32_t *lengths, uint32_t count, struct cutting **cutting_out);
void cutting_free(struct cutting *cutting);
bool cutting_is_uniform(const struct cutting *cutting);

uint64_t cutting_size(const struct cutting *cutting);
uint32_t cutting_count(const struct cutting *cutting);
/* UNIT must be below the count, OFFSET below the size. */
uint64_t cutting_offset(const struct cutting *cutting, uint32_t unit);
uint32_t cutting_length(const struct cutting *cutting, uint32_t unit);
uint32_t cutting_unit_at(const struct cutting *cutting, uint64_t offset);

#endif
