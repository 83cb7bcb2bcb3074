/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Caddy's file browser, and rclone's "serve http", which took its page over.
 *
 *     <a href="./name">...<td data-order="1961">1.9 KiB</td><td><time datetime="...">
 *
 * data-order (data-size in newer ones) is the exact size, -1 for directories and where rclone does
 * not know it. The time of a symbolic link is the link's own in Caddy, so it is a hint.
 */
#include <string.h>

#include "origin/listing_html.h"

static bool recognise(const char *head)
{
	return strstr(head, "<table aria-describedby=\"summary\">");
}

static void read_row(const struct html_row *row, struct entry *entry)
{
	html_set_size(entry, row->octets);
	html_set_time(entry, row->datetime);
}

const struct listing_dialect listing_caddy = {
	.name = "caddy",
	.family = LISTING_HTML,
	.recognise = recognise,
	.row = read_row,
	.notation = &listing_html_notation,
};
