/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Resolving links: see the header.
 */
#include "origin/listing_href.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct href_base {
	CURLU *url;      /* of the page */
	CURLU *resolved; /* of the last link that took the long way, else NULL */
	char *scheme, *host, *port;
	char *directory; /* path with a slash at the end, encoded as given */
	size_t directory_length;
	bool slashed;    /* the page's own path ended in one: relative names are one level below */
	char *last_path; /* of the last long way: what a name may point into */
};

static int hex_digit(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	if ((digit | 0x20) >= 'a' && (digit | 0x20) <= 'f')
		return (digit | 0x20) - 'a' + 10;
	return -1;
}

size_t href_decode(char *text, size_t length)
{
	char *from = memchr(text, '%', length);
	if (!from)
		return length;
	char *to = from;
	const char *end = text + length;
	while (from < end) {
		int high = -1, low = -1;
		if (*from == '%' && end - from >= 3) {
			high = hex_digit(from[1]);
			low = hex_digit(from[2]);
		}
		if (high >= 0 && low >= 0) {
			*to++ = (char)(high << 4 | low);
			from += 3;
		} else {
			*to++ = *from++;
		}
	}
	return (size_t)(to - text);
}

static char *get_part(const CURLU *url, CURLUPart part, unsigned flags)
{
	char *text = NULL;
	return curl_url_get((CURLU *)url, part, &text, flags) ? NULL : text;
}

void href_base_free(struct href_base *base)
{
	if (!base)
		return;
	curl_url_cleanup(base->url);
	curl_url_cleanup(base->resolved);
	curl_free(base->scheme);
	curl_free(base->host);
	curl_free(base->port);
	curl_free(base->last_path);
	free(base->directory);
	free(base);
}

static int split_base(struct href_base *base, const char *url)
{
	base->url = curl_url();
	if (!base->url)
		return -ENOMEM;
	CURLUcode code = curl_url_set(base->url, CURLUPART_URL, url, 0);
	if (code)
		return code == CURLUE_OUT_OF_MEMORY ? -ENOMEM : -EINVAL;
	curl_url_set(base->url, CURLUPART_QUERY, NULL, 0);
	curl_url_set(base->url, CURLUPART_FRAGMENT, NULL, 0);
	base->scheme = get_part(base->url, CURLUPART_SCHEME, 0);
	base->host = get_part(base->url, CURLUPART_HOST, 0);
	base->port = get_part(base->url, CURLUPART_PORT, CURLU_DEFAULT_PORT);
	char *path = get_part(base->url, CURLUPART_PATH, 0);
	if (!base->scheme || !base->host || !base->port || !path) {
		curl_free(path);
		return -EINVAL;
	}
	size_t length = strlen(path);
	base->slashed = length && path[length - 1] == '/';
	base->directory = malloc(length + 2);
	if (base->directory) {
		memcpy(base->directory, path, length);
		if (!base->slashed)
			base->directory[length++] = '/';
		base->directory[length] = '\0';
		base->directory_length = length;
	}
	curl_free(path);
	return base->directory ? 0 : -ENOMEM;
}

int href_base_create(const char *url, struct href_base **base_out)
{
	struct href_base *base = calloc(1, sizeof(*base));
	if (!base)
		return -ENOMEM;
	int result = split_base(base, url);
	if (result) {
		href_base_free(base);
		return result;
	}
	*base_out = base;
	return 0;
}

static bool is_dots(const char *text, size_t length)
{
	return (length == 1 && text[0] == '.') || (length == 2 && text[0] == '.' && text[1] == '.');
}

/* Whether TEXT is one path segment, perhaps with a slash behind it, in which nothing but %XX has
 * a meaning. A colon has one, unless something stands before the segment. */
static bool is_plain_segment(const char *text, size_t length, bool colon)
{
	if (length && text[length - 1] == '/')
		length--;
	if (!length || is_dots(text, length))
		return false;
	for (size_t at = 0; at < length; at++) {
		unsigned char octet = (unsigned char)text[at];
		if (octet < 0x20 || octet == 0x7f || octet == '/' || octet == '?' || octet == '#' ||
		    (octet == ':' && !colon))
			return false;
	}
	return true;
}

static enum href_verdict take_segment(char *text, size_t length, const char **name_out,
				      size_t *name_length_out, bool *slash_out)
{
	bool slash = text[length - 1] == '/';
	*name_length_out = href_decode(text, length - slash);
	*name_out = text;
	*slash_out = slash;
	return HREF_ENTRY;
}

/* Length of the segment at TEXT, up to a slash or the end. */
static size_t segment_length(const char *text)
{
	return strcspn(text, "/");
}

/* Compares two segments by what they decode to: "%7Euser" is "~user". */
static bool segments_equal(const char *one, size_t one_length, const char *other,
			   size_t other_length)
{
	if (one_length == other_length && !memcmp(one, other, one_length))
		return true;
	if (!memchr(one, '%', one_length) && !memchr(other, '%', other_length))
		return false;
	char *copy = malloc(one_length + other_length + 1);
	if (!copy)
		return false;
	memcpy(copy, one, one_length);
	memcpy(copy + one_length, other, other_length);
	size_t left = href_decode(copy, one_length);
	size_t right = href_decode(copy + one_length, other_length);
	bool equal = left == right && !memcmp(copy, copy + one_length, left);
	free(copy);
	return equal;
}

/* What of PATH is below the base's directory: NULL when it is elsewhere; PARENT_OUT: it is the
 * directory that holds the base's. */
static char *below_directory(const struct href_base *base, char *path, bool *parent_out)
{
	const char *mine = base->directory + 1;
	char *theirs = path + (*path == '/');
	*parent_out = false;
	while (*mine) {
		size_t mine_length = segment_length(mine), theirs_length = segment_length(theirs);
		const char *mine_next = mine + mine_length + 1;
		if (!*mine_next && !*theirs) {
			*parent_out = true;
			return NULL;
		}
		if (theirs[theirs_length] != '/' ||
		    !segments_equal(mine, mine_length, theirs, theirs_length))
			return NULL;
		mine = mine_next;
		theirs += theirs_length + 1;
	}
	return theirs;
}

static bool part_equals(const CURLU *url, CURLUPart part, unsigned flags, const char *expected)
{
	char *text = get_part(url, part, flags);
	bool equal = text && !strcasecmp(text, expected);
	curl_free(text);
	return equal;
}

/* Resolves HREF into base->last_path. */
static bool resolve_with_curl(struct href_base *base, const char *href)
{
	curl_url_cleanup(base->resolved);
	curl_free(base->last_path);
	base->last_path = NULL;
	base->resolved = curl_url_dup(base->url);
	if (!base->resolved ||
	    curl_url_set(base->resolved, CURLUPART_URL, href, CURLU_ALLOW_SPACE) ||
	    !part_equals(base->resolved, CURLUPART_SCHEME, 0, base->scheme) ||
	    !part_equals(base->resolved, CURLUPART_HOST, 0, base->host) ||
	    !part_equals(base->resolved, CURLUPART_PORT, CURLU_DEFAULT_PORT, base->port))
		return false;
	base->last_path = get_part(base->resolved, CURLUPART_PATH, 0);
	return base->last_path != NULL;
}

static enum href_verdict resolve_long_way(struct href_base *base, char *href, size_t length,
					  const char **name_out, size_t *name_length_out,
					  bool *slash_out)
{
	/* A query or a fragment, be it empty, is never part of an entry's link. */
	if (!length || memchr(href, '?', length) || memchr(href, '#', length) ||
	    memchr(href, '\0', length))
		return HREF_OTHER;
	href[length] = '\0';
	if (!resolve_with_curl(base, href))
		return HREF_OTHER;
	bool parent;
	char *rest = below_directory(base, base->last_path, &parent);
	if (!rest)
		return parent ? HREF_PARENT : HREF_OTHER;
	size_t rest_length = strlen(rest);
	if (!is_plain_segment(rest, rest_length, true))
		return HREF_OTHER;
	return take_segment(rest, rest_length, name_out, name_length_out, slash_out);
}

/* White space around an href is no part of it (HTML, "valid URL potentially surrounded by
 * spaces"). */
static bool is_space(char octet)
{
	return octet == ' ' || octet == '\t' || octet == '\n' || octet == '\r' || octet == '\f';
}

enum href_verdict href_resolve(struct href_base *base, char *href, size_t length,
			       const char **name_out, size_t *name_length_out, bool *slash_out)
{
	while (length && is_space(*href))
		href++, length--;
	while (length && is_space(href[length - 1]))
		length--;

	bool dotted = length > 2 && href[0] == '.' && href[1] == '/';
	size_t skip = dotted ? 2 : 0;
	if (base->slashed && is_plain_segment(href + skip, length - skip, dotted))
		return take_segment(href + skip, length - skip, name_out, name_length_out,
				    slash_out);

	if (length > base->directory_length && (length < 2 || href[1] != '/') &&
	    !memcmp(href, base->directory, base->directory_length) &&
	    is_plain_segment(href + base->directory_length, length - base->directory_length, true))
		return take_segment(href + base->directory_length, length - base->directory_length,
				    name_out, name_length_out, slash_out);

	return resolve_long_way(base, href, length, name_out, name_length_out, slash_out);
}
