/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Chooses the dialect, keeps the limits, and makes entries of what the readers find. The first
 * octets are held back until the buffer is full or the input ends; then the dialect is chosen, and
 * its reader gets them and everything after.
 */
#include "origin/listing.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "origin/listing_private.h"
#include "origin/origin.h"

struct listing {
	char *base;
	struct href_base *href;
	struct directory *directory;
	bool family_known;
	enum listing_family family;
	bool chosen;
	const struct listing_dialect *dialect; /* NULL: not chosen yet, or no listing */
	void *reader;
	bool evidence; /* see listing_has_evidence() */
	int error;     /* the first one; it stays */
	uint64_t fed;
	char *continuation;
	size_t head_length;
	char head[LISTING_HEAD_MAX + 1]; /* NUL-terminated */
};

/* In the order in which they are asked; the one that takes everything is the last. */
static const struct listing_dialect *const dialects[] = {
	&listing_nginx, &listing_fancyindex, &listing_lighttpd,        &listing_python,
	&listing_caddy, &listing_apache,     &listing_apache_sizeless, &listing_json,
	&listing_dav,   &listing_s3,         &listing_links,
};

const char *listing_base(const struct listing *listing)
{
	return listing->base;
}

const struct listing_dialect *listing_dialect(const struct listing *listing)
{
	return listing->dialect;
}

bool listing_has_evidence(const struct listing *listing)
{
	return listing->evidence;
}

int listing_set_continuation(struct listing *listing, const char *token)
{
	char *copy = strdup(token);
	if (!copy)
		return -ENOMEM;
	free(listing->continuation);
	listing->continuation = copy;
	return 0;
}

int listing_add_name(struct listing *listing, const char *name, size_t length, struct entry *entry)
{
	if (entry->kind == ENTRY_DIRECTORY) {
		entry->size = -1;
		entry->flags &= ~(unsigned)ENTRY_SIZE_EXACT;
		entry->validator[0] = '\0';
	}
	int result = directory_add(listing->directory, name, length, entry);
	if (!result)
		listing->evidence = true;
	/* Counted there, or here already. */
	return result == -EINVAL || result == -EEXIST ? 0 : result;
}

int listing_add_href(struct listing *listing, char *href, size_t length, struct entry *entry)
{
	const char *name;
	size_t name_length;
	bool slash;
	switch (href_resolve(listing->href, href, length, &name, &name_length, &slash)) {
	case HREF_ENTRY:
		if (slash)
			entry->kind = ENTRY_DIRECTORY;
		return listing_add_name(listing, name, name_length, entry);
	case HREF_PARENT:
		listing->evidence = true;
		return 0;
	case HREF_OTHER:
		break;
	}
	return 0;
}

/* "text/html; charset=x" begins with "text/html"; so does no other type. */
static bool is_type(const char *type, size_t length, const char *expected)
{
	return strlen(expected) == length && !strncasecmp(type, expected, length);
}

static bool has_suffix(const char *type, size_t length, const char *suffix)
{
	size_t suffix_length = strlen(suffix);
	return length > suffix_length &&
	       !strncasecmp(type + length - suffix_length, suffix, suffix_length);
}

static int family_of_type(const char *type, enum listing_family *family_out)
{
	size_t length = strcspn(type, "; \t,");
	if (is_type(type, length, "text/html") || is_type(type, length, "application/xhtml+xml"))
		*family_out = LISTING_HTML;
	else if (is_type(type, length, "application/json") || is_type(type, length, "text/json") ||
		 has_suffix(type, length, "+json"))
		*family_out = LISTING_JSON;
	else if (is_type(type, length, "application/xml") || is_type(type, length, "text/xml") ||
		 has_suffix(type, length, "+xml"))
		*family_out = LISTING_XML;
	else
		return -ENOTDIR;
	return 0;
}

int listing_begin(const char *base, const char *content_type, struct directory *directory,
		  struct listing **listing_out)
{
	enum listing_family family = LISTING_HTML;
	if (content_type && family_of_type(content_type, &family))
		return -ENOTDIR;
	struct listing *listing = malloc(sizeof(*listing));
	if (!listing)
		return -ENOMEM;
	memset(listing, 0, offsetof(struct listing, head));
	listing->head[0] = '\0';
	listing->directory = directory;
	listing->family = family;
	listing->family_known = content_type;
	listing->base = strdup(base);
	int result = listing->base ? href_base_create(base, &listing->href) : -ENOMEM;
	if (result) {
		listing_free(listing);
		return result == -EINVAL ? -ENOTDIR : result;
	}
	*listing_out = listing;
	return 0;
}

void listing_free(struct listing *listing)
{
	if (!listing)
		return;
	if (listing->reader)
		listing->dialect->notation->free(listing->reader);
	href_base_free(listing->href);
	free(listing->continuation);
	free(listing->base);
	free(listing);
}

/* Without a media type the first octets alone decide. */
static const struct listing_dialect *recognise(const struct listing *listing)
{
	for (size_t index = 0; index < sizeof(dialects) / sizeof(*dialects); index++) {
		const struct listing_dialect *dialect = dialects[index];
		if ((!listing->family_known || dialect->family == listing->family) &&
		    dialect->recognise(listing->head))
			return dialect;
	}
	return NULL;
}

/* Chooses the dialect, and hands the head over to it. */
static int choose(struct listing *listing)
{
	listing->chosen = true;
	listing->dialect = recognise(listing);
	if (!listing->dialect)
		return 0;
	int result = listing->dialect->notation->begin(listing, &listing->reader);
	if (result)
		return result;
	return listing->dialect->notation->feed(listing->reader, listing->head,
						listing->head_length);
}

static int feed(struct listing *listing, const char *data, size_t length)
{
	if (length > ORIGIN_LISTING_MAX - listing->fed)
		return -EFBIG;
	listing->fed += length;
	if (!listing->chosen) {
		size_t room = LISTING_HEAD_MAX - listing->head_length;
		size_t taken = length < room ? length : room;
		memcpy(listing->head + listing->head_length, data, taken);
		listing->head_length += taken;
		listing->head[listing->head_length] = '\0';
		if (taken == room) {
			int result = choose(listing);
			if (result)
				return result;
		}
		data += taken;
		length -= taken;
	}
	if (!length || !listing->dialect)
		return 0;
	return listing->dialect->notation->feed(listing->reader, data, length);
}

int listing_feed(struct listing *listing, const void *data, size_t length)
{
	if (!listing->error)
		listing->error = feed(listing, data, length);
	return listing->error;
}

static int end(struct listing *listing)
{
	if (!listing->chosen) {
		int result = choose(listing);
		if (result)
			return result;
	}
	if (!listing->dialect)
		return -ENOTDIR;
	int result = listing->dialect->notation->end(listing->reader);
	if (!result && listing->dialect == &listing_links && !listing->evidence)
		return -ENOTDIR;
	return result;
}

int listing_end(struct listing *listing)
{
	if (!listing->error)
		listing->error = end(listing);
	return listing->error;
}

const char *listing_name(const struct listing *listing)
{
	return listing->dialect ? listing->dialect->name : "none";
}

const char *listing_continuation(const struct listing *listing)
{
	return listing->continuation;
}
