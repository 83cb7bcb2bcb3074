/* SPDX-License-Identifier: BSD-2-Clause
 *
 * From an answer's head to an entry.
 */
#include "origin/origin_http.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "origin/origin_validator.h"

int http_status_error(long status)
{
	switch (status) {
	case 404:
	case 410:
		return -ENOENT;
	case 401:
	case 403:
	case 407:
		return -EACCES;
	case 408:
		return -ETIMEDOUT;
	case 412:
		return -ESTALE;
	case 429:
		return -EREMOTEIO;
	default:
		return status >= 500 && status <= 599 ? -EREMOTEIO : -EPROTO;
	}
}

static bool is_coding(const char *line)
{
	return line[0] != '\0' && strcasecmp(line, "identity") != 0 &&
	       strcasecmp(line, PCCRTP_ENCODING) != 0;
}

bool http_entry_coded(const struct http_answer *answer)
{
	const char *lines[HTTP_ANSWER_LINES_MAX + 1];

	if (http_answer_lines(answer, "Content-Encoding", lines) < 0)
		return true;
	for (unsigned i = 0; lines[i] != NULL; i++)
		if (is_coding(lines[i]))
			return true;
	return false;
}

/* A coded answer's ETag names the coded form, which is none that a read gives. With content
 * information come the validators of the content itself (http-extension.md section 4). */
static int read_facts(const struct http_answer *answer, int64_t size, struct validator_facts *facts)
{
	facts->size = size;
	if (http_answer_single(answer, "ETag", &facts->etag) < 0 ||
	    http_answer_single(answer, "Last-Modified", &facts->last_modified) < 0 ||
	    http_answer_single(answer, "Date", &facts->date) < 0)
		return -EBADMSG;
	if (http_entry_coded(answer)) {
		facts->etag = NULL;
		facts->size = -1;
	}
	return 0;
}

int http_entry_make(const struct http_answer *answer, int64_t size, struct entry *entry_out)
{
	const char *ranges = http_answer_header(answer, "Accept-Ranges");
	struct entry entry = {.kind = ENTRY_FILE, .size = size, .mtime = -1};
	struct validator_facts facts;

	if (read_facts(answer, size, &facts) < 0)
		return -EBADMSG;
	entry.checked = time(NULL);
	if (size >= 0)
		entry.flags |= ENTRY_SIZE_EXACT;
	if (facts.last_modified != NULL)
		entry.mtime = validator_time(facts.last_modified);
	if (entry.mtime >= 0)
		entry.flags |= ENTRY_MTIME_EXACT;
	if (http_entry_coded(answer) || (ranges != NULL && strcasecmp(ranges, "none") == 0))
		entry.flags |= ENTRY_NO_RANGES;
	validator_make(&facts, entry.validator);
	*entry_out = entry;
	return 0;
}

/* No control characters: it can be passed on. */
static bool is_plain(const char *text)
{
	for (; *text != '\0'; text++)
		if (((unsigned char)*text < ' ' && *text != '\t') || *text == 0x7f)
			return false;
	return true;
}

/* LINES as one. False: they are longer than SIZE, or none that we would pass on. */
static bool join_lines(const char *const *lines, char *text, size_t size)
{
	size_t length = 0;

	text[0] = '\0';
	for (; *lines != NULL; lines++) {
		int written = snprintf(text + length, size - length, "%s%s", length > 0 ? ", " : "",
				       *lines);

		if (!is_plain(*lines) || written < 0 || (size_t)written >= size - length)
			return false;
		length += (size_t)written;
	}
	return true;
}

void http_entry_said(const struct http_answer *answer, struct origin_said *said_out)
{
	const char *type = http_answer_header(answer, "Content-Type");
	const char *lines[HTTP_ANSWER_LINES_MAX + 1];
	struct origin_said said = {0};

	if (type != NULL && is_plain(type) && strlen(type) < sizeof(said.type))
		strcpy(said.type, type);
	if (http_answer_lines(answer, "Cache-Control", lines) < 0 ||
	    !join_lines(lines, said.cache_control, sizeof(said.cache_control)))
		strcpy(said.cache_control, "no-store");
	*said_out = said;
}

int http_entry_whole(const struct http_answer *answer, struct entry *entry_out)
{
	int64_t size;

	if (http_answer_length(answer, &size) < 0)
		return -EBADMSG;
	return http_entry_make(answer, http_entry_coded(answer) ? -1 : size, entry_out);
}

static int answered_range(const struct http_answer *answer, struct content_range *range_out)
{
	const char *type = http_answer_header(answer, "Content-Type"), *text;

	if (type != NULL && strncasecmp(type, "multipart/byteranges", 20) == 0)
		return -EBADMSG;
	if (http_answer_single(answer, "Content-Range", &text) < 0 || text == NULL)
		return -EBADMSG;
	return content_range_parse(text, range_out);
}

int http_entry_part(const struct http_answer *answer, uint64_t offset, uint64_t length,
		    struct entry *entry_out, uint64_t *carried_out)
{
	struct content_range range;
	int64_t body, expected_last;
	int error;

	if (http_entry_coded(answer) || answered_range(answer, &range) < 0 ||
	    http_answer_length(answer, &body) < 0)
		return -EBADMSG;
	if (!range.satisfied || range.total < 0 || (uint64_t)range.first != offset)
		return -EBADMSG;
	expected_last = range.total - 1;
	if (length > 0 && length <= (uint64_t)expected_last - offset)
		expected_last = (int64_t)(offset + length - 1);
	if (range.last != expected_last)
		return -EBADMSG;
	if (body >= 0 && body != range.last - range.first + 1)
		return -EBADMSG;
	error = http_entry_make(answer, range.total, entry_out);
	if (error == 0)
		*carried_out = (uint64_t)(range.last - range.first) + 1;
	return error;
}

int http_entry_unsatisfied(const struct http_answer *answer, struct entry *entry_out)
{
	struct content_range range;

	if (answered_range(answer, &range) < 0 || range.satisfied || range.total != 0)
		return -EPROTO;
	return http_entry_make(answer, 0, entry_out);
}

bool http_entry_is(const struct http_answer *answer, const char *validator, struct entry *entry)
{
	struct validator_facts facts;

	if (read_facts(answer, entry->size, &facts) < 0 || !validator_matches(validator, &facts))
		return false;
	strcpy(entry->validator, validator);
	return true;
}
