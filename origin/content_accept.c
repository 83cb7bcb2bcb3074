/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Which form of a listing a client gets: declared in content_listing.h. Qualities are in
 * thousandths (RFC 9110 section 12.4.2).
 */
#include <string.h>
#include <strings.h>

#include "origin/content_listing.h"

/* Our choice. With it a client that takes both, HTML a little rather, gets the one that says
 * everything. */
#define HTML_WORTH 800u
#define JSON_WORTH 1000u

static unsigned read_quality(const char *text)
{
	unsigned quality = 0, weight = 100;

	if (text[0] == '1')
		return 1000;
	if (text[0] != '0' || text[1] != '.')
		return 0;
	for (text += 2; *text >= '0' && *text <= '9' && weight > 0; text++, weight /= 10)
		quality += weight * (unsigned)(*text - '0');
	return quality;
}

/* The q of an element of LENGTH octets; 1000 when it has none. */
static unsigned element_quality(const char *element, size_t length)
{
	const char *end = element + length, *at = element;

	while ((at = memchr(at, ';', (size_t)(end - at))) != NULL) {
		at += 1 + strspn(at + 1, " \t");
		if (end - at >= 3 && strncasecmp(at, "q=", 2) == 0)
			return read_quality(at + 2);
		if (at >= end)
			break;
	}
	return 1000;
}

struct wish {
	unsigned precision; /* 0: nothing said; "*" "/" "*" is 1, "text" "/" "*" 2, a full name 3 */
	unsigned quality;
};

static void consider(struct wish *wish, const char *range, unsigned precision, const char *element,
		     size_t length)
{
	size_t name = strcspn(element, "; \t,");

	if (wish->precision < precision && strlen(range) == name &&
	    strncasecmp(element, range, name) == 0)
		*wish = (struct wish){precision, element_quality(element, length)};
}

static void read_line(const char *line, struct wish *html, struct wish *json)
{
	for (line += strspn(line, " \t,"); *line != '\0'; line += strspn(line, " \t,")) {
		size_t length = strcspn(line, ",");

		consider(html, "*/*", 1, line, length);
		consider(html, "text/*", 2, line, length);
		consider(html, "text/html", 3, line, length);
		consider(json, "application/json", 3, line, length);
		line += length;
	}
}

enum content_listing_form content_listing_choose(const char *const *accept)
{
	struct wish html = {0}, json = {0};

	for (; accept != NULL && *accept != NULL; accept++)
		read_line(*accept, &html, &json);
	return json.quality > 0 && json.quality * JSON_WORTH >= html.quality * HTML_WORTH
		       ? CONTENT_LISTING_JSON
		       : CONTENT_LISTING_HTML;
}

const char *content_listing_type(enum content_listing_form form)
{
	return form == CONTENT_LISTING_JSON ? "application/json" : "text/html; charset=utf-8";
}
