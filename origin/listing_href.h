/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Which links of a page are entries of the directory that the page lists: those that, resolved
 * against its URL (RFC 3986, section 5), are exactly one level below it.
 *
 * A plain relative name, and a path that begins with the directory's own, are decided without
 * building the URL; everything else goes through libcurl's URL parser. Where both could decide
 * they agree: the short ways take only references in which no octet has a meaning of its own.
 */
#ifndef ORIGIN_LISTING_HREF_H
#define ORIGIN_LISTING_HREF_H

#include <stdbool.h>
#include <stddef.h>

struct href_base;

enum href_verdict { HREF_OTHER, HREF_PARENT, HREF_ENTRY };

/* 0; -EINVAL: URL is none; -ENOMEM. */
int href_base_create(const char *url, struct href_base **base_out);
void href_base_free(struct href_base *base);

/* HREF is overwritten: for HREF_ENTRY *NAME_OUT points into HREF or BASE (valid until the next
 * call) at the name, percent-decoded once, without the slash that SLASH_OUT tells of. The name
 * may still be one that cannot be (directory_add() says). HREF[LENGTH] must be writable. */
enum href_verdict href_resolve(struct href_base *base, char *href, size_t length,
			       const char **name_out, size_t *name_length_out, bool *slash_out);

/* Decodes %XX in place and returns the new length; a percent sign that begins no %XX stays. */
size_t href_decode(char *text, size_t length);

#endif
