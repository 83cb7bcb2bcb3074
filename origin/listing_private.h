/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Between listing.c and the readers of the dialects; nobody else includes this.
 */
#ifndef ORIGIN_LISTING_PRIVATE_H
#define ORIGIN_LISTING_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>

#include "cache/directory.h"
#include "origin/listing_href.h"

/* What the media type, or without one the first octets, say of the notation. */
enum listing_family { LISTING_HTML, LISTING_JSON, LISTING_XML };

struct listing;
struct html_row;

struct listing_dialect {
	const char *name;
	enum listing_family family;
	/* HEAD: the first octets, LISTING_HEAD_MAX at most, NUL-terminated; what stands behind a
	 * NUL of the page's own is not looked at. */
	bool (*recognise)(const char *head);
	/* HTML only: size and mtime, as far as ROW tells them, into ENTRY, which says "unknown". */
	void (*row)(const struct html_row *row, struct entry *entry);
	const struct listing_notation *notation;
};

/* How octets become entries. The errors are those of listing_feed() and listing_end(). */
struct listing_notation {
	int (*begin)(struct listing *listing, void **reader_out);
	int (*feed)(void *reader, const char *data, size_t length);
	int (*end)(void *reader);
	void (*free)(void *reader);
};

/* Our choice: Caddy's table begins after 18 KiB of style and pictures, newer ones a bit later. */
#define LISTING_HEAD_MAX ((size_t)64 << 10)
/* Our choice: longest href, key or JSON element that is looked at; names have 255 octets, of which
 * each may be written with 6. */
#define LISTING_ITEM_MAX ((size_t)64 << 10)

/* listing_entry.c: what a listing tells of one name */

/* Kind "file", nothing known of it. */
void listing_entry_init(struct entry *entry);
/* The decimal number that TEXT begins with, and what stands behind it; -1: none, REST_OUT is
 * untouched. */
int64_t listing_number(const char *text, const char **rest_out);
/* SIZE is to the octet; -1: unknown, nothing is set. */
void listing_set_size(struct entry *entry, int64_t size);
/* The time of a date that is all there is in TEXT; exact if the date is. */
void listing_set_time(struct entry *entry, const char *text);
/* The validator, if ETAG (with its quotes) is a strong one. */
void listing_set_etag(struct entry *entry, const char *etag);

/* listing.c, for the readers */

/* A slash at the end of HREF makes ENTRY a directory; a directory loses its size. What is no entry
 * is passed over. HREF is overwritten, HREF[LENGTH] too. 0, -E2BIG, -ENOMEM. */
int listing_add_href(struct listing *listing, char *href, size_t length, struct entry *entry);
/* The same for a NAME that is not encoded. */
int listing_add_name(struct listing *listing, const char *name, size_t length, struct entry *entry);
/* URL that answered, as given to listing_begin(). */
const char *listing_base(const struct listing *listing);
const struct listing_dialect *listing_dialect(const struct listing *listing);
/* Whether anything said that this is a listing: an entry, or a link to the directory above. */
bool listing_has_evidence(const struct listing *listing);
/* Copies TOKEN. 0 or -ENOMEM. */
int listing_set_continuation(struct listing *listing, const char *token);

/* A file each */
extern const struct listing_dialect listing_nginx, listing_fancyindex, listing_lighttpd,
	listing_python, listing_caddy, listing_apache, listing_apache_sizeless, listing_links,
	listing_json, listing_dav, listing_s3;

#endif
