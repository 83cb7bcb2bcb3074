/* SPDX-License-Identifier: BSD-2-Clause */
#include "origin/origin_validator.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>

#define DATE_PREFIX "lm:"

/* RFC 9110 section 8.8.3: etagc is any visible character but the quote, and obs-text. */
static bool etag_is_strong(const char *etag)
{
	size_t length = strlen(etag);

	if (length < 2 || length >= ENTRY_VALIDATOR_MAX || etag[0] != '"' ||
	    etag[length - 1] != '"')
		return false;
	for (size_t i = 1; i < length - 1; i++)
		if ((unsigned char)etag[i] <= ' ' || etag[i] == '"' || etag[i] == 0x7f)
			return false;
	return true;
}

int64_t validator_time(const char *http_date)
{
	time_t seconds = curl_getdate(http_date, NULL);

	return seconds < 0 ? -1 : (int64_t)seconds;
}

static bool date_is_settled(const struct validator_facts *facts)
{
	int64_t modified, sent;

	if (facts->last_modified == NULL || facts->date == NULL || facts->size < 0)
		return false;
	modified = validator_time(facts->last_modified);
	sent = validator_time(facts->date);
	return modified >= 0 && sent > modified;
}

static int date_validator(const struct validator_facts *facts, char out[ENTRY_VALIDATOR_MAX])
{
	int length = snprintf(out, ENTRY_VALIDATOR_MAX, DATE_PREFIX "%s;%lld", facts->last_modified,
			      (long long)facts->size);

	return length < ENTRY_VALIDATOR_MAX ? 0 : -EMSGSIZE;
}

void validator_make(const struct validator_facts *facts, char validator_out[ENTRY_VALIDATOR_MAX])
{
	char validator[ENTRY_VALIDATOR_MAX];

	validator_out[0] = '\0';
	if (facts->etag != NULL && etag_is_strong(facts->etag))
		strcpy(validator_out, facts->etag);
	else if (date_is_settled(facts) && date_validator(facts, validator) == 0)
		strcpy(validator_out, validator);
}

bool validator_matches(const char *validator, const struct validator_facts *facts)
{
	char same[ENTRY_VALIDATOR_MAX];

	if (validator[0] == '"')
		return facts->etag != NULL && strcmp(validator, facts->etag) == 0;
	if (facts->last_modified == NULL || facts->size < 0 || date_validator(facts, same) < 0)
		return false;
	return strcmp(validator, same) == 0;
}

int validator_if_range(const char *validator, char field_out[ENTRY_VALIDATOR_MAX])
{
	const char *end;

	if (strlen(validator) >= ENTRY_VALIDATOR_MAX)
		return -EINVAL;
	if (etag_is_strong(validator)) {
		strcpy(field_out, validator);
		return 0;
	}
	end = strrchr(validator, ';');
	if (strncmp(validator, DATE_PREFIX, strlen(DATE_PREFIX)) != 0 || end == NULL)
		return -EINVAL;
	validator += strlen(DATE_PREFIX);
	memcpy(field_out, validator, (size_t)(end - validator));
	field_out[end - validator] = '\0';
	return 0;
}

/* Digits only, as much as fits into 63 bits. Returns what follows, or NULL. */
static const char *parse_number(const char *text, int64_t *number_out)
{
	int64_t number = 0;
	const char *at;

	for (at = text; *at >= '0' && *at <= '9'; at++)
		if (__builtin_mul_overflow(number, 10, &number) ||
		    __builtin_add_overflow(number, *at - '0', &number))
			return NULL;
	if (at == text)
		return NULL;
	*number_out = number;
	return at;
}

static const char *parse_extent(const char *text, struct content_range *range)
{
	if (*text == '*')
		return text + 1;
	range->satisfied = true;
	text = parse_number(text, &range->first);
	if (text == NULL || *text != '-')
		return NULL;
	return parse_number(text + 1, &range->last);
}

int content_range_parse(const char *text, struct content_range *range_out)
{
	struct content_range range = {.total = -1};

	if (strncasecmp(text, "bytes ", 6) != 0)
		return -EBADMSG;
	text = parse_extent(text + 6, &range);
	if (text == NULL || *text != '/')
		return -EBADMSG;
	text++;
	text = *text == '*' ? text + 1 : parse_number(text, &range.total);
	if (text == NULL || *text != '\0')
		return -EBADMSG;
	if (range.last < range.first || (!range.satisfied && range.total < 0))
		return -EBADMSG;
	if (range.satisfied && range.total >= 0 && range.last >= range.total)
		return -EBADMSG;
	*range_out = range;
	return 0;
}
