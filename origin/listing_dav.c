/* SPDX-License-Identifier: BSD-2-Clause
 *
 * WebDAV: the multistatus that answers PROPFIND with depth 1 (RFC 4918, sections 9.1 and 14).
 *
 *     multistatus > response > href
 *                            > propstat > prop > getcontentlength, getlastmodified, getetag,
 *                                                resourcetype > collection
 *                                       > status
 *
 * Properties count only in a propstat whose status is 200. Elements are known by name and depth,
 * since properties may hold elements of any name.
 */
#include <errno.h>
#include <string.h>

#include "origin/listing_xml.h"

enum { DEPTH_RESPONSE = 2, DEPTH_PROPSTAT = 3, DEPTH_STATUS = 4, DEPTH_PROPERTY = 5 };
#define DEPTH_HREF DEPTH_PROPSTAT
#define DEPTH_COLLECTION (DEPTH_PROPERTY + 1)

struct dav_state {
	struct entry response; /* what is known for sure */
	struct entry propstat; /* if its status turns out to be 200 */
	bool successful;
	size_t href_length;
	char href[LISTING_ITEM_MAX + 1];
};

static bool recognise(const char *head)
{
	return strstr(head, "multistatus") && strstr(head, "DAV:");
}

static void read_property(struct entry *entry, const char *local, char *text, size_t length)
{
	while (length && strchr(" \t\r\n", text[length - 1]))
		text[--length] = '\0';
	text += strspn(text, " \t\r\n");
	if (!strcmp(local, "getcontentlength"))
		listing_set_size(entry, xml_number(text));
	else if (!strcmp(local, "getlastmodified"))
		listing_set_time(entry, text);
	else if (!strcmp(local, "getetag"))
		listing_set_etag(entry, text);
}

static int begin(struct listing *listing, void *opaque)
{
	(void)listing;
	struct dav_state *state = opaque;
	listing_entry_init(&state->response);
	listing_entry_init(&state->propstat);
	return 0;
}

static const char *dav_name(const char *name)
{
	return strncmp(name, "DAV:|", 5) ? "" : name + 5;
}

static void start(struct listing *listing, void *opaque, const char *name, unsigned depth)
{
	(void)listing;
	struct dav_state *state = opaque;
	const char *local = dav_name(name);
	if (depth == DEPTH_RESPONSE) {
		listing_entry_init(&state->response);
		state->href_length = 0;
	} else if (depth == DEPTH_PROPSTAT && !strcmp(local, "propstat")) {
		listing_entry_init(&state->propstat);
		state->successful = true;
	} else if (depth == DEPTH_COLLECTION && !strcmp(local, "collection")) {
		state->propstat.kind = ENTRY_DIRECTORY;
	}
}

static void merge_propstat(struct dav_state *state)
{
	struct entry *to = &state->response;
	const struct entry *from = &state->propstat;
	if (!state->successful)
		return;
	if (from->kind == ENTRY_DIRECTORY)
		to->kind = ENTRY_DIRECTORY;
	if (from->size >= 0)
		to->size = from->size;
	if (from->mtime >= 0)
		to->mtime = from->mtime;
	if (*from->validator)
		memcpy(to->validator, from->validator, sizeof(to->validator));
	to->flags |= from->flags;
}

static int end(struct listing *listing, void *opaque, const char *name, unsigned depth, char *text,
	       size_t length)
{
	struct dav_state *state = opaque;
	const char *local = dav_name(name);
	if (depth == DEPTH_PROPERTY) {
		read_property(&state->propstat, local, text, length);
	} else if (depth == DEPTH_STATUS && !strcmp(local, "status")) {
		state->successful = strstr(text, " 200");
	} else if (depth == DEPTH_HREF && !strcmp(local, "href") && !state->href_length) {
		memcpy(state->href, text, length);
		state->href_length = length;
	} else if (depth == DEPTH_PROPSTAT && !strcmp(local, "propstat")) {
		merge_propstat(state);
	} else if (depth == DEPTH_RESPONSE && !strcmp(local, "response")) {
		return listing_add_href(listing, state->href, state->href_length, &state->response);
	}
	return 0;
}

static const struct xml_dialect dialect = {
	.state_size = sizeof(struct dav_state),
	.begin = begin,
	.start = start,
	.end = end,
};

static int begin_reader(struct listing *listing, void **reader_out)
{
	return xml_begin(listing, &dialect, reader_out);
}

static const struct listing_notation notation = {begin_reader, xml_feed, xml_end, xml_free};

const struct listing_dialect listing_dav = {
	.name = "webdav",
	.family = LISTING_XML,
	.recognise = recognise,
	.notation = &notation,
};
