/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Which version of a content an HTTP answer speaks of (RFC 9110 sections 8.8 and 13.1.5), and which
 * part (section 14.4). Pure.
 *
 * A validator is a strong ETag verbatim with its quotes; else "lm:DATE;SIZE", where DATE is
 * Last-Modified verbatim and was at least a second older than the answer's own Date, so that no
 * second version can bear it; else "": nothing that proves two answers to be of one version.
 */
#ifndef ORIGIN_ORIGIN_VALIDATOR_H
#define ORIGIN_ORIGIN_VALIDATOR_H

#include <stdbool.h>
#include <stdint.h>

#include "cache/directory.h"

/* What an answer's head says of the version; NULL: nothing. */
struct validator_facts {
	const char *etag, *last_modified, *date;
	int64_t size; /* of the whole content; -1 unknown */
};

void validator_make(const struct validator_facts *facts, char validator_out[ENTRY_VALIDATOR_MAX]);
/* Whether an answer is of the version VALIDATOR. "" matches nothing. The Date rule is not asked
 * again: it was met when VALIDATOR was made. */
bool validator_matches(const char *validator, const struct validator_facts *facts);
/* What goes into If-Range for VALIDATOR. -EINVAL when it is none that validator_make() made. */
int validator_if_range(const char *validator, char field_out[ENTRY_VALIDATOR_MAX]);
/* Seconds since 1970, or -1. */
int64_t validator_time(const char *http_date);

struct content_range {
	bool satisfied;      /* false: "bytes *" "/total" of a 416; first and last are then 0 */
	int64_t first, last; /* both included */
	int64_t total;       /* -1 unknown */
};
/* 0; -EBADMSG for whatever does not parse or contradicts itself. */
int content_range_parse(const char *text, struct content_range *range_out);

#endif
