/* SPDX-License-Identifier: BSD-2-Clause */
#include "origin/content_conditions.h"

#include <string.h>

#include "origin/origin_validator.h"

enum comparison { STRONG, WEAK };

static bool is_weak(const char *tag)
{
	return strncmp(tag, "W/", 2) == 0;
}

/* Octets of the entity tag at the start of TEXT; 0: none. */
static size_t tag_length(const char *text)
{
	size_t front = is_weak(text) ? 2 : 0;
	const char *end;

	if (text[front] != '"')
		return 0;
	end = strchr(text + front + 1, '"');
	return end != NULL ? (size_t)(end + 1 - text) : 0;
}

/* Section 8.8.3.2. */
static bool same_tag(const char *one, size_t length, const char *other, enum comparison comparison)
{
	if (comparison == STRONG && (is_weak(one) || is_weak(other)))
		return false;
	if (is_weak(one)) {
		one += 2;
		length -= 2;
	}
	if (is_weak(other))
		other += 2;
	return strlen(other) == length && memcmp(one, other, length) == 0;
}

static bool line_has(const char *line, const char *etag, enum comparison comparison)
{
	for (line += strspn(line, " \t,"); *line != '\0'; line += strspn(line, " \t,")) {
		size_t length = tag_length(line);

		if (length == 0)
			return false;
		if (same_tag(line, length, etag, comparison))
			return true;
		line += length;
	}
	return false;
}

static bool is_any(const char *line)
{
	return line[0] == '*' && line[1 + strspn(line + 1, " \t")] == '\0';
}

/* "*" alone is any content that there is. */
static bool list_has(const char *const *lines, const char *etag, enum comparison comparison)
{
	if (lines[0] != NULL && lines[1] == NULL && is_any(lines[0]))
		return true;
	for (; *lines != NULL && etag[0] != '\0'; lines++)
		if (line_has(*lines, etag, comparison))
			return true;
	return false;
}

/* Whether the content is as old as FIELD or older; NONE when FIELD or the content has no date. */
static bool older(const char *field, int64_t mtime, bool none)
{
	int64_t date = field != NULL ? validator_time(field) : -1;

	return date < 0 || mtime < 0 ? none : mtime <= date;
}

enum content_verdict content_conditions_judge(const struct content_conditions *conditions,
					      const struct content_validators *validators)
{
	if (conditions->if_match != NULL) {
		if (!list_has(conditions->if_match, validators->etag, STRONG))
			return CONTENT_FAILED;
	} else if (!older(conditions->if_unmodified_since, validators->mtime, true)) {
		return CONTENT_FAILED;
	}
	if (conditions->if_none_match != NULL)
		return list_has(conditions->if_none_match, validators->etag, WEAK)
			       ? CONTENT_NOT_MODIFIED
			       : CONTENT_PROCEED;
	return older(conditions->if_modified_since, validators->mtime, false) ? CONTENT_NOT_MODIFIED
									      : CONTENT_PROCEED;
}

bool content_conditions_range(const char *field, const struct content_validators *validators)
{
	size_t length;

	if (field == NULL)
		return true;
	length = tag_length(field);
	if (length > 0)
		return field[length + strspn(field + length, " \t")] == '\0' &&
		       same_tag(field, length, validators->etag, STRONG);
	return validators->mtime >= 0 && validator_time(field) == validators->mtime;
}
