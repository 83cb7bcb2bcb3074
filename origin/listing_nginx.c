/* SPDX-License-Identifier: BSD-2-Clause
 *
 * nginx: ngx_http_autoindex_module in HTML, and the fancyindex module's table.
 *
 *     <a href="name">na..&gt;</a>      20-Nov-2026 13:54       1961
 *     <td class="link"><a href="name">...<td class="size">1961<td class="date">2026-Nov-20 13:54
 *
 * Sizes are exact when they have no unit, which with autoindex_exact_size off is so up to 9999;
 * fancyindex then writes "972 B". Times are to the minute, in UTC or local time.
 */
#include <string.h>

#include "origin/listing_html.h"

static bool recognise_autoindex(const char *head)
{
	return strstr(head, "<hr><pre><a href=\"../\">../</a>");
}

static void read_autoindex(const struct html_row *row, struct entry *entry)
{
	size_t date = html_set_time(entry, row->text);
	if (date && row->text[date] == ' ')
		html_set_size(entry, row->text + date + 1);
}

static bool recognise_fancyindex(const char *head)
{
	return strstr(head, "<table id=\"list\"><thead><tr><th");
}

static void read_fancyindex(const struct html_row *row, struct entry *entry)
{
	html_set_size(entry, row->text);
	const char *date = row->text;
	while (date && !html_set_time(entry, date)) {
		date = strchr(date, ' ');
		if (date)
			date++;
	}
}

const struct listing_dialect listing_nginx = {
	.name = "nginx",
	.family = LISTING_HTML,
	.recognise = recognise_autoindex,
	.row = read_autoindex,
	.notation = &listing_html_notation,
};

const struct listing_dialect listing_fancyindex = {
	.name = "nginx-fancyindex",
	.family = LISTING_HTML,
	.recognise = recognise_fancyindex,
	.row = read_fancyindex,
	.notation = &listing_html_notation,
};
