/* SPDX-License-Identifier: BSD-2-Clause
 *
 * XML listings in, leaf elements out. expat does the work; from strangers there is no DOCTYPE
 * (and so no entities), no deep nesting, no token of more than a megabyte, and no more names of
 * elements and attributes than any listing has, since expat remembers each.
 */
#ifndef ORIGIN_LISTING_XML_H
#define ORIGIN_LISTING_XML_H

#include "origin/listing_private.h"

struct xml_reader;

/* What a dialect is told. NAME: of the element, "namespace|name" or "name". DEPTH: 1 for the
 * outermost. TEXT: what stood in it since its start or the last element inside; "" when longer than
 * LISTING_ITEM_MAX. Both return 0 or an error of listing_feed(). */
struct xml_dialect {
	size_t state_size; /* zeroed at the beginning */
	int (*begin)(struct listing *listing, void *state);
	void (*start)(struct listing *listing, void *state, const char *name, unsigned depth);
	int (*end)(struct listing *listing, void *state, const char *name, unsigned depth,
		   char *text, size_t length);
	int (*finish)(void *state); /* may be NULL */
	void (*clear)(void *state); /* may be NULL */
};

int xml_begin(struct listing *listing, const struct xml_dialect *dialect, void **reader_out);
int xml_feed(void *reader, const char *data, size_t length);
int xml_end(void *reader);
void xml_free(void *reader);

/* The part of NAME behind the namespace. */
const char *xml_local_name(const char *name);
/* A decimal number that is all of TEXT, or -1. */
int64_t xml_number(const char *text);

#endif
