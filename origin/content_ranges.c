/* SPDX-License-Identifier: BSD-2-Clause */
#include "origin/content_ranges.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

/* Decimal digits at *TEXT; a number beyond 64 bits is as good as the largest. */
static bool take_number(const char **text, uint64_t *number_out)
{
	size_t digits = strspn(*text, "0123456789");
	uint64_t number = 0;

	for (size_t i = 0; i < digits; i++)
		if (__builtin_mul_overflow(number, 10, &number) ||
		    __builtin_add_overflow(number, (uint64_t)((*text)[i] - '0'), &number)) {
			number = UINT64_MAX;
			break;
		}
	*text += digits;
	*number_out = number;
	return digits > 0;
}

/* One range at *TEXT: "A-B", "A-", "-N". LENGTH_OUT 0: well-formed, but there is nothing of it. */
static bool take_range(const char **text, uint64_t size, struct content_extent *extent_out)
{
	uint64_t first, last;
	bool has_first = take_number(text, &first), has_last;

	if (*(*text)++ != '-')
		return false;
	has_last = take_number(text, &last);
	if (!has_first && !has_last)
		return false;
	if (!has_first) {
		extent_out->length = last < size ? last : size;
		extent_out->start = size - extent_out->length;
		return true;
	}
	if (has_last && last < first)
		return false;
	if (!has_last || last >= size)
		last = size - 1;
	extent_out->start = first;
	extent_out->length = first < size ? last - first + 1 : 0;
	return true;
}

/* Behind a range: the end, or a comma, which empty elements and white space may follow. */
static bool take_comma(const char **text)
{
	*text += strspn(*text, " \t");
	if (**text != ',' && **text != '\0')
		return false;
	*text += strspn(*text, " \t,");
	return true;
}

enum content_ranges_verdict
content_ranges_read(const char *field, uint64_t size,
		    struct content_extent extents_out[CONTENT_RANGES_MAX], unsigned *count_out)
{
	struct content_extent extents[CONTENT_RANGES_MAX];
	unsigned count = 0, seen = 0;
	uint64_t sum = 0;

	if (strncasecmp(field, "bytes=", 6) != 0)
		return CONTENT_RANGES_IGNORED;
	field += 6;
	for (field += strspn(field, " \t,"); *field != '\0'; seen++) {
		struct content_extent extent;

		if (seen == CONTENT_RANGES_MAX || !take_range(&field, size, &extent) ||
		    !take_comma(&field))
			return CONTENT_RANGES_IGNORED;
		if (size == 0 && extent.start == 0)
			return CONTENT_RANGES_IGNORED;
		if (extent.length == 0)
			continue;
		if (extent.length > size - sum)
			return CONTENT_RANGES_IGNORED;
		sum += extent.length;
		extents[count++] = extent;
	}
	if (seen == 0)
		return CONTENT_RANGES_IGNORED;
	if (count == 0)
		return CONTENT_RANGES_UNSATISFIABLE;
	memcpy(extents_out, extents, count * sizeof(extents[0]));
	*count_out = count;
	return CONTENT_RANGES_GIVEN;
}
