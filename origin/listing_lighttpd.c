/* SPDX-License-Identifier: BSD-2-Clause
 *
 * lighttpd's mod_dirlisting: a table with the classes n, m, s and t.
 *
 *     <td class="n"><a href="name">...<td class="m">2026-Nov-20 13:54:00</td><td class="s">1.2K
 *
 * Every size has a unit and is rounded, so none is exact. Times are in the server's time zone.
 */
#include <string.h>

#include "origin/listing_html.h"

static bool recognise(const char *head)
{
	return strstr(head, "<table summary=\"Directory Listing\"") &&
	       strstr(head, "<th class=\"m\">");
}

static void read_row(const struct html_row *row, struct entry *entry)
{
	/* The slash of a directory's name stands behind the link. */
	html_set_time(entry, row->text + strspn(row->text, "/ "));
}

const struct listing_dialect listing_lighttpd = {
	.name = "lighttpd",
	.family = LISTING_HTML,
	.recognise = recognise,
	.row = read_row,
	.notation = &listing_html_notation,
};
