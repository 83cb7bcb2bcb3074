/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Apache's mod_autoindex: a list of names; with FancyIndexing a preformatted block; with HTMLTable
 * a table. Behind the link stand date, size and description, each of which can be switched off:
 *
 *     <a href="name">name</a>   2026-11-20 13:54  972   description
 *     <td align="right">2026-11-20 13:54  </td><td align="right">1.2K</td><td>&nbsp;</td>
 *
 * apr_strfsize() writes up to 972 octets as they are and from 973 on with a unit, rounded: so a
 * number without a unit is exact. Where the heading has no sizes, a number is the description's.
 * Times are to the minute, in the server's time zone.
 */
#include <string.h>

#include "origin/listing_html.h"

static bool recognise_sizeless(const char *head)
{
	return strstr(head, "<title>Index of ") &&
	       (strstr(head, "<ul><li><a href=\"") || strstr(head, "\"?C=") ||
		strstr(head, "Last modified") || strstr(head, "Parent Directory</a>"));
}

/* Whether the heading, which is what stands before the first rule or the first row's end, has a
 * column of sizes. */
static bool recognise(const char *head)
{
	if (!recognise_sizeless(head))
		return false;
	const char *heading = strstr(head, "<pre>");
	const char *heading_end = heading ? strstr(heading, "<hr") : NULL;
	if (!heading_end) {
		heading = strstr(head, "<table");
		heading_end = heading ? strstr(heading, "</tr>") : NULL;
	}
	return heading_end && memmem(heading, (size_t)(heading_end - heading), "Size", 4);
}

static void read_row(const struct html_row *row, struct entry *entry)
{
	size_t date = html_set_time(entry, row->text);
	html_set_size(entry, row->text + date + (row->text[date] == ' '));
}

static void read_sizeless_row(const struct html_row *row, struct entry *entry)
{
	html_set_time(entry, row->text);
}

const struct listing_dialect listing_apache = {
	.name = "apache",
	.family = LISTING_HTML,
	.recognise = recognise,
	.row = read_row,
	.notation = &listing_html_notation,
};

const struct listing_dialect listing_apache_sizeless = {
	.name = "apache-sizeless",
	.family = LISTING_HTML,
	.recognise = recognise_sizeless,
	.row = read_sizeless_row,
	.notation = &listing_html_notation,
};
