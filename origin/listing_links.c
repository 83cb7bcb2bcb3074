/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Any other page: the names that it links to. It counts as a listing if it has an entry, or a
 * link to the directory above as an empty directory has.
 */
#include "origin/listing_html.h"

static bool recognise(const char *head)
{
	(void)head;
	return true;
}

const struct listing_dialect listing_links = {
	.name = "links",
	.family = LISTING_HTML,
	.recognise = recognise,
	.notation = &listing_html_notation,
};
