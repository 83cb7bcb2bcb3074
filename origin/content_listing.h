/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A directory as a page: HTML in the shape of nginx's, for people and for what reads web listings,
 * or JSON. Names in links are percent-encoded octets, so all names work; where a name is shown as
 * text, what is no UTF-8 or would disturb the text is U+FFFD. Pure but for memory; one thread at a
 * time.
 *
 * HTML, directories first, both by octets:
 *
 *     <a href="a%20b.txt">a b.txt</a>                 20-Nov-2025 13:54:00 GMT        1961
 *
 * A size that is not known exactly is left out. Of a time of which only the minute is known, HTML
 * shows no seconds and no zone, and JSON has what HTML shows.
 *
 * JSON, an array of objects: "name" and "type" as nginx has them, "url" with the octets of the
 * name, "mtime" as in Last-Modified, and "size" of files:
 *
 *     {"name":"a b.txt","url":"./a%20b.txt","type":"file","mtime":"Thu, ...","size":1961}
 */
#ifndef ORIGIN_CONTENT_LISTING_H
#define ORIGIN_CONTENT_LISTING_H

#include "cache/directory.h"

enum content_listing_form { CONTENT_LISTING_HTML, CONTENT_LISTING_JSON };

/* What the lines of Accept want. ACCEPT: NULL-terminated; NULL: no such header. JSON goes to who
 * names it: it tells sizes and times exactly, HTML to people; so it is preferred somewhat, as RFC
 * 9110 section 12.5.1 leaves to us. */
enum content_listing_form content_listing_choose(const char *const *accept);
const char *content_listing_type(enum content_listing_form form);

struct content_listing;
/* TITLE: the path, for people. Takes DIRECTORY over if it returns 0. */
int content_listing_create(struct directory *directory, enum content_listing_form form,
			   const char *title, struct content_listing **listing_out);
void content_listing_free(struct content_listing *listing);

/* Writes the next octets of the page, at least one row while there are any; 0: it is over. */
#define CONTENT_LISTING_BUFFER 65536
size_t content_listing_next(struct content_listing *listing, char buffer[CONTENT_LISTING_BUFFER]);

#endif
