/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a listing tells of one name, from text: sizes, times, entity tags. Dates are in
 * listing_time.c.
 */
#include <string.h>

#include "origin/listing_private.h"
#include "origin/listing_time.h"
#include "origin/origin_validator.h"

void listing_entry_init(struct entry *entry)
{
	*entry = (struct entry){.kind = ENTRY_FILE, .size = -1, .mtime = -1};
}

int64_t listing_number(const char *text, const char **rest_out)
{
	int64_t number = 0;
	size_t digits = strspn(text, "0123456789");
	/* 18 digits fit for sure, and no file has more. */
	if (!digits || digits > 18)
		return -1;
	for (size_t at = 0; at < digits; at++)
		number = number * 10 + (text[at] - '0');
	*rest_out = text + digits;
	return number;
}

void listing_set_size(struct entry *entry, int64_t size)
{
	if (size < 0)
		return;
	entry->size = size;
	entry->flags |= ENTRY_SIZE_EXACT;
}

void listing_set_time(struct entry *entry, const char *text)
{
	bool exact;
	if (listing_time(text, &entry->mtime, &exact) && exact)
		entry->flags |= ENTRY_MTIME_EXACT;
}

void listing_set_etag(struct entry *entry, const char *etag)
{
	const struct validator_facts facts = {.etag = etag, .size = -1};
	validator_make(&facts, entry->validator);
}
