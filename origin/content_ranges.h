/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Which octets a Range header asks for (RFC 9110 section 14). Pure.
 */
#ifndef ORIGIN_CONTENT_RANGES_H
#define ORIGIN_CONTENT_RANGES_H

#include <stdint.h>

/* Our choice: who asks for more pieces at a time gets the whole (section 14.2 lets us). */
#define CONTENT_RANGES_MAX 32

struct content_extent {
	uint64_t start, length; /* length is not 0 */
};

enum content_ranges_verdict {
	CONTENT_RANGES_IGNORED, /* as if there were no such header: malformed, another unit, too
				 * many ranges, or in sum more than the whole */
	CONTENT_RANGES_GIVEN,
	CONTENT_RANGES_UNSATISFIABLE
};

/* SIZE: of the content. Ranges that begin behind its end are left out, those that end there are
 * cut; they stay in the order asked for. */
enum content_ranges_verdict
content_ranges_read(const char *field, uint64_t size,
		    struct content_extent extents_out[CONTENT_RANGES_MAX], unsigned *count_out);

#endif
