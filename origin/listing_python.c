/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Python's http.server: a list of names and nothing else. A symbolic link's text ends in "@",
 * its href does not.
 */
#include <string.h>

#include "origin/listing_html.h"

static bool recognise(const char *head)
{
	return strstr(head, "<title>Directory listing for ");
}

const struct listing_dialect listing_python = {
	.name = "python",
	.family = LISTING_HTML,
	.recognise = recognise,
	.notation = &listing_html_notation,
};
