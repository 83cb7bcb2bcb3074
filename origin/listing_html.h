/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A page of HTML as a flat stream of rows: a link, and what stands behind it up to the next link
 * or the end of its table row, list item or preformatted block. Two links in sequence with the
 * same href (an icon and a name) are one row.
 *
 * libxml2's push parser does the work, in SAX mode and so without a tree. It keeps back an
 * unfinished tag, comment or text; we end a page that makes it keep more than a megabyte, or that
 * nests deeper than any listing does.
 */
#ifndef ORIGIN_LISTING_HTML_H
#define ORIGIN_LISTING_HTML_H

#include "origin/listing_private.h"

/* Longer texts are cut: sizes and dates stand at the front. */
#define HTML_TEXT_MAX 256
#define HTML_ATTRIBUTE_MAX 64

/* NUL-terminated; "" is nothing. */
struct html_row {
	char text[HTML_TEXT_MAX];          /* behind the link; each run of white space one space */
	char octets[HTML_ATTRIBUTE_MAX];   /* attribute data-order or data-size of a cell */
	char datetime[HTML_ATTRIBUTE_MAX]; /* of a <time> */
};

extern const struct listing_notation listing_html_notation;

/* Sets ENTRY's size, exact, if TEXT begins with one that is written out to the octet: "1961" or
 * "1961 B", and then a space or the end. "1.2K" and "-" are none. */
void html_set_size(struct entry *entry, const char *text);
/* Sets ENTRY's mtime to the date at the start of TEXT, as a hint (which pages show the time of
 * which zone is up to their server). Returns the octets that the date has; 0: none. */
size_t html_set_time(struct entry *entry, const char *text);

#endif
