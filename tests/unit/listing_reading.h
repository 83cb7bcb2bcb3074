/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reading one listing from memory, for the tests of listings.
 */
#ifndef TESTS_UNIT_LISTING_READING_H
#define TESTS_UNIT_LISTING_READING_H

#include <stddef.h>
#include <stdint.h>

#include "origin/listing.h"

#define WHOLE SIZE_MAX
#define HTML_TYPE "text/html"
#define JSON_TYPE "application/json"
#define XML_TYPE "application/xml"

/* One listing being read, and what became of it. */
struct reading {
	struct directory *directory;
	struct listing *listing;
	int result;
};

void begin(struct reading *reading, const char *base, const char *type);
/* In pieces of PIECE octets, until all is fed or there is an error. */
void feed(struct reading *reading, const char *data, size_t length, size_t piece);
/* Checks that an error stayed. */
int end(struct reading *reading);
void discard(struct reading *reading);
/* All of TEXT, from begin to end, at http://h/d/. */
void read_text(struct reading *reading, const char *type, const char *text);
void expect_result(const char *type, const char *text, int expected);
struct entry only_entry(const struct reading *reading);

#endif
