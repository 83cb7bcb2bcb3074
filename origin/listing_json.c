/* SPDX-License-Identifier: BSD-2-Clause
 *
 * JSON listings: nginx (autoindex_format json) and Caddy (to "Accept: application/json"), both an
 * array of objects:
 *
 *     { "name":"x", "type":"file", "mtime":"Thu, 20 Nov 2025 13:54:00 GMT", "size":1961 }
 *     {"name":"x/","size":4096,"url":"./x/","mod_time":"2025-11-20T13:54:00Z","is_dir":true,
 *      "is_symlink":false}
 *
 * jansson reads whole documents only, so the array is cut into its elements here, by counting
 * brackets outside strings, and jansson gets one element at a time. What is no object with a
 * "name" is passed over.
 */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "origin/listing_octets.h"
#include "origin/listing_private.h"

/* Between elements of the outer array: BEFORE it, wanting an element (or, if FIRST, the end), IN
 * one, wanting a comma or the end, AFTER the array. */
enum cutter_state { BEFORE, WANT_FIRST, WANT_ELEMENT, IN_ELEMENT, WANT_COMMA, AFTER };

struct json_reader {
	struct listing *listing;
	enum cutter_state state;
	unsigned depth; /* brackets open inside the element */
	bool in_string, escaped;
	bool foreign; /* an element was not of a listing */
	size_t length;
	char element[LISTING_ITEM_MAX];
	char hidden[OCTETS_HIDDEN_MAX(LISTING_ITEM_MAX)];
};

static bool recognise(const char *head)
{
	return head[strspn(head, " \t\r\n")] == '[';
}

/* Copies the string KEY of OBJECT, its octets revealed, for the caller to free. NULL: has none. */
static char *take_string(const json_t *object, const char *key, size_t *length_out)
{
	const json_t *value = json_object_get(object, key);
	if (!json_is_string(value))
		return NULL;
	size_t length = json_string_length(value);
	char *copy = malloc(length + 1);
	if (!copy)
		return NULL;
	memcpy(copy, json_string_value(value), length);
	length = octets_reveal(copy, length);
	copy[length] = '\0';
	*length_out = length;
	return copy;
}

static void read_attributes(const json_t *object, struct entry *entry)
{
	const json_t *size = json_object_get(object, "size");
	if (json_is_integer(size))
		listing_set_size(entry, json_integer_value(size));
	const char *time = json_string_value(json_object_get(object, "mtime"));
	if (!time)
		time = json_string_value(json_object_get(object, "mod_time"));
	if (time)
		listing_set_time(entry, time);
	/* Caddy gives a symbolic link its own time, not that of what it leads to. */
	if (json_is_true(json_object_get(object, "is_symlink")))
		entry->flags &= ~(unsigned)ENTRY_MTIME_EXACT;
}

static int add_object(struct json_reader *reader, const json_t *object)
{
	size_t length = 0;
	const char *type = json_string_value(json_object_get(object, "type"));
	struct entry entry;
	listing_entry_init(&entry);
	read_attributes(object, &entry);
	if ((type && !strcmp(type, "directory")) || json_is_true(json_object_get(object, "is_dir")))
		entry.kind = ENTRY_DIRECTORY;

	/* Caddy's name has lost the octets that are not UTF-8, its url has not. */
	char *url = take_string(object, "url", &length);
	if (url) {
		int result = listing_add_href(reader->listing, url, length, &entry);
		free(url);
		return result;
	}
	char *name = take_string(object, "name", &length);
	if (!name) {
		reader->foreign = true;
		return 0;
	}
	/* nginx calls a socket or a device "other". */
	int result = 0;
	if (!type || strcmp(type, "other") != 0)
		result = listing_add_name(reader->listing, name, length, &entry);
	free(name);
	return result;
}

static int finish_element(struct json_reader *reader)
{
	size_t hidden = octets_hide(reader->element, reader->length, reader->hidden);
	reader->length = 0;
	reader->state = WANT_COMMA;
	json_t *value = json_loadb(reader->hidden, hidden, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	if (!value)
		return -EBADMSG;
	int result = add_object(reader, value);
	json_decref(value);
	return result;
}

static int between_elements(struct json_reader *reader, char octet)
{
	if (strchr(" \t\r\n", octet) && octet)
		return 0;
	if (reader->state == BEFORE && octet == '[') {
		reader->state = WANT_FIRST;
	} else if (reader->state == WANT_COMMA && octet == ',') {
		reader->state = WANT_ELEMENT;
	} else if ((reader->state == WANT_COMMA || reader->state == WANT_FIRST) && octet == ']') {
		reader->state = AFTER;
	} else {
		return -EBADMSG;
	}
	return 0;
}

/* Whether OCTET, now part of the element, was its last one. Only objects get this far. */
static bool ends_element(struct json_reader *reader, char octet)
{
	if (reader->escaped) {
		reader->escaped = false;
	} else if (reader->in_string) {
		reader->escaped = octet == '\\';
		reader->in_string = octet != '"';
	} else if (octet == '"') {
		reader->in_string = true;
	} else if (octet == '{' || octet == '[') {
		reader->depth++;
	} else if (octet == '}' || octet == ']') {
		return --reader->depth == 0;
	}
	return false;
}

static int feed_octet(struct json_reader *reader, char octet)
{
	bool starts = reader->state == WANT_FIRST || reader->state == WANT_ELEMENT;
	if (starts && octet == '{')
		reader->state = IN_ELEMENT;
	if (reader->state != IN_ELEMENT)
		return between_elements(reader, octet);
	if (reader->length == LISTING_ITEM_MAX)
		return -EBADMSG;
	reader->element[reader->length++] = octet;
	return ends_element(reader, octet) ? finish_element(reader) : 0;
}

static int begin(struct listing *listing, void **reader_out)
{
	struct json_reader *reader = malloc(sizeof(*reader));
	if (!reader)
		return -ENOMEM;
	memset(reader, 0, offsetof(struct json_reader, element));
	reader->listing = listing;
	*reader_out = reader;
	return 0;
}

static int feed(void *opaque, const char *data, size_t length)
{
	struct json_reader *reader = opaque;
	int result = 0;
	for (size_t at = 0; at < length && !result; at++)
		result = feed_octet(reader, data[at]);
	return result;
}

static int end(void *opaque)
{
	const struct json_reader *reader = opaque;
	if (reader->state != AFTER)
		return -EBADMSG;
	return reader->foreign && !listing_has_evidence(reader->listing) ? -ENOTDIR : 0;
}

static const struct listing_notation notation = {begin, feed, end, free};

const struct listing_dialect listing_json = {
	.name = "json",
	.family = LISTING_JSON,
	.recognise = recognise,
	.notation = &notation,
};
