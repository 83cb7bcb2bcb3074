/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Web listings: bytes of an answer in, names out. Pure: no network, no clock. A reader is fed the
 * body as it comes and puts what it finds into a struct directory.
 *
 * Dialects, a file each, all behind struct listing_dialect: nginx HTML and JSON, Apache (plain,
 * fancy, table), lighttpd, Caddy, Python http.server, WebDAV multistatus, S3 ListObjectsV2, and
 * for any other page of links the bare names.
 *
 * An href is an entry if, resolved against the URL that answered (after redirects), it lies
 * exactly one level below it: same scheme, host and port, no query, no fragment. A trailing slash
 * makes it a directory. It is percent-decoded once.
 */
#ifndef ORIGIN_LISTING_H
#define ORIGIN_LISTING_H

#include "cache/directory.h"

struct listing;

/* BASE: the URL that answered, encoded. CONTENT_TYPE as sent; NULL: none. The dialect is chosen by
 * type and first octets. 0; -ENOTDIR when this type is no listing; -ENOMEM. DIRECTORY stays the
 * caller's. */
int listing_begin(const char *base, const char *content_type, struct directory *directory,
		  struct listing **listing_out);
/* 0; -EBADMSG: does not parse (XML, JSON); -E2BIG: too many entries; -EFBIG: over 512 MiB. */
int listing_feed(struct listing *listing, const void *data, size_t length);
/* Ends the input. 0; -ENOTDIR when it was no listing after all; or as listing_feed(). */
int listing_end(struct listing *listing);
/* Name of the dialect that was recognised, "none" before and without; valid as long as the listing.
 * "s3" in answer to a plain GET may be cut short without an error: ask for ListObjectsV2. */
const char *listing_name(const struct listing *listing);
/* S3 only: the token of the next page, or NULL at the last one. */
const char *listing_continuation(const struct listing *listing);
void listing_free(struct listing *listing);

#endif
