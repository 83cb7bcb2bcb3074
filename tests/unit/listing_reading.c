/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reading one listing: see the header.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/listing_reading.h"

void begin(struct reading *reading, const char *base, const char *type)
{
	assert_int_equal(directory_create(false, &reading->directory), 0);
	assert_int_equal(listing_begin(base, type, reading->directory, &reading->listing), 0);
	reading->result = 0;
}

void feed(struct reading *reading, const char *data, size_t length, size_t piece)
{
	for (size_t at = 0; at < length && !reading->result;) {
		size_t part = length - at < piece ? length - at : piece;
		reading->result = listing_feed(reading->listing, data + at, part);
		at += part;
	}
}

int end(struct reading *reading)
{
	int result = listing_end(reading->listing);
	if (reading->result)
		assert_int_equal(result, reading->result);
	return result;
}

void discard(struct reading *reading)
{
	listing_free(reading->listing);
	directory_free(reading->directory);
}

void read_text(struct reading *reading, const char *type, const char *text)
{
	begin(reading, "http://h/d/", type);
	feed(reading, text, strlen(text), WHOLE);
	reading->result = end(reading);
}

void expect_result(const char *type, const char *text, int expected)
{
	struct reading reading;
	read_text(&reading, type, text);
	if (reading.result != expected)
		fail_msg("%.60s: %d", text, reading.result);
	discard(&reading);
}

struct entry only_entry(const struct reading *reading)
{
	struct entry entry;
	assert_int_equal(directory_count(reading->directory), 1);
	directory_entry(reading->directory, 0, &entry);
	return entry;
}
