/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Whether a request's conditions hold for the content as it is now (RFC 9110 section 13), for GET
 * and HEAD. What does not parse is a condition that no content meets where it is a list of entity
 * tags, and none at all where it is a date (section 13.1). Pure.
 */
#ifndef ORIGIN_CONTENT_CONDITIONS_H
#define ORIGIN_CONTENT_CONDITIONS_H

#include <stdbool.h>
#include <stdint.h>

/* Lists are NULL-terminated; a NULL says that there is no such header. */
struct content_conditions {
	const char *const *if_match, *const *if_none_match;
	const char *if_modified_since, *if_unmodified_since;
};

struct content_validators {
	const char *etag; /* as sent; "": none */
	int64_t mtime;    /* seconds since 1970; -1: none */
};

enum content_verdict { CONTENT_PROCEED, CONTENT_NOT_MODIFIED, CONTENT_FAILED };

/* In the order of section 13.2.2. */
enum content_verdict content_conditions_judge(const struct content_conditions *conditions,
					      const struct content_validators *validators);
/* Whether If-Range lets a range be sent. FIELD NULL: there is none. */
bool content_conditions_range(const char *field, const struct content_validators *validators);

#endif
