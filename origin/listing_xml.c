/* SPDX-License-Identifier: BSD-2-Clause
 *
 * XML in, leaf elements out: see the header.
 */
#include "origin/listing_xml.h"

#include <errno.h>
#include <expat.h>
#include <stdlib.h>
#include <string.h>

/* Our choices. The distinct names are counted by a hash of 16 bits. */
#define SLICE ((size_t)64 << 10)
#define PENDING_MAX ((uint64_t)1 << 20)
#define DEPTH_MAX 64
#define NAMES_MAX 1024
#define NAMESPACE_SEPARATOR '|'

struct xml_reader {
	struct listing *listing;
	const struct xml_dialect *dialect;
	XML_Parser parser;
	void *state;
	uint64_t fed;
	unsigned depth, names;
	int error;
	bool overlong;
	size_t length;
	unsigned char names_seen[8192];
	char text[LISTING_ITEM_MAX + 1];
};

const char *xml_local_name(const char *name)
{
	const char *separator = strrchr(name, NAMESPACE_SEPARATOR);
	return separator ? separator + 1 : name;
}

int64_t xml_number(const char *text)
{
	const char *rest;
	int64_t number = listing_number(text, &rest);
	return number >= 0 && !*rest ? number : -1;
}

static void stop(struct xml_reader *reader, int error)
{
	if (!reader->error)
		reader->error = error;
	XML_StopParser(reader->parser, XML_FALSE);
}

static void count_name(struct xml_reader *reader, const char *name)
{
	uint32_t hash = 2166136261u;
	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * 16777619u;
	hash = (hash ^ hash >> 16) & 0xffff;
	unsigned char bit = (unsigned char)(1 << (hash & 7));
	if (reader->names_seen[hash >> 3] & bit)
		return;
	reader->names_seen[hash >> 3] |= bit;
	if (++reader->names > NAMES_MAX)
		stop(reader, -EBADMSG);
}

static void start_element(void *context, const XML_Char *name, const XML_Char **attributes)
{
	struct xml_reader *reader = context;
	if (reader->error)
		return;
	count_name(reader, name);
	for (; *attributes; attributes += 2)
		count_name(reader, *attributes);
	if (++reader->depth > DEPTH_MAX)
		stop(reader, -EBADMSG);
	reader->length = 0;
	reader->overlong = false;
	if (!reader->error)
		reader->dialect->start(reader->listing, reader->state, name, reader->depth);
}

static void end_element(void *context, const XML_Char *name)
{
	struct xml_reader *reader = context;
	if (reader->error)
		return;
	if (reader->overlong)
		reader->length = 0;
	reader->text[reader->length] = '\0';
	int result = reader->dialect->end(reader->listing, reader->state, name, reader->depth,
					  reader->text, reader->length);
	if (result)
		stop(reader, result);
	reader->depth--;
	reader->length = 0;
	reader->overlong = false;
}

static void start_namespace(void *context, const XML_Char *prefix, const XML_Char *uri)
{
	struct xml_reader *reader = context;
	if (prefix)
		count_name(reader, prefix);
	if (uri)
		count_name(reader, uri);
}

static void characters(void *context, const XML_Char *text, int length)
{
	struct xml_reader *reader = context;
	if ((size_t)length > LISTING_ITEM_MAX - reader->length) {
		reader->overlong = true;
		return;
	}
	memcpy(reader->text + reader->length, text, (size_t)length);
	reader->length += (size_t)length;
}

static void refuse_doctype(void *context, const XML_Char *name, const XML_Char *system_id,
			   const XML_Char *public_id, int has_internal_subset)
{
	(void)name;
	(void)system_id;
	(void)public_id;
	(void)has_internal_subset;
	stop(context, -EBADMSG);
}

void xml_free(void *opaque)
{
	struct xml_reader *reader = opaque;
	if (!reader)
		return;
	if (reader->parser)
		XML_ParserFree(reader->parser);
	if (reader->state && reader->dialect->clear)
		reader->dialect->clear(reader->state);
	free(reader->state);
	free(reader);
}

int xml_begin(struct listing *listing, const struct xml_dialect *dialect, void **reader_out)
{
	struct xml_reader *reader = calloc(1, sizeof(*reader));
	if (!reader)
		return -ENOMEM;
	reader->listing = listing;
	reader->dialect = dialect;
	reader->state = calloc(1, dialect->state_size);
	reader->parser = XML_ParserCreateNS(NULL, NAMESPACE_SEPARATOR);
	int result = reader->state && reader->parser ? 0 : -ENOMEM;
	if (!result)
		result = dialect->begin(listing, reader->state);
	if (result) {
		xml_free(reader);
		return result;
	}
	XML_SetUserData(reader->parser, reader);
	XML_SetElementHandler(reader->parser, start_element, end_element);
	XML_SetStartNamespaceDeclHandler(reader->parser, start_namespace);
	XML_SetCharacterDataHandler(reader->parser, characters);
	XML_SetStartDoctypeDeclHandler(reader->parser, refuse_doctype);
	*reader_out = reader;
	return 0;
}

static int push(struct xml_reader *reader, const char *data, size_t length, bool last)
{
	enum XML_Status status = XML_Parse(reader->parser, data, (int)length, last);
	if (reader->error)
		return reader->error;
	if (status != XML_STATUS_OK)
		return reader->error = XML_GetErrorCode(reader->parser) == XML_ERROR_NO_MEMORY
					       ? -ENOMEM
					       : -EBADMSG;
	reader->fed += length;
	XML_Index consumed = XML_GetCurrentByteIndex(reader->parser);
	if (reader->fed - (uint64_t)(consumed > 0 ? consumed : 0) > PENDING_MAX)
		return reader->error = -EBADMSG;
	return 0;
}

int xml_feed(void *opaque, const char *data, size_t length)
{
	struct xml_reader *reader = opaque;
	while (length) {
		size_t slice = length < SLICE ? length : SLICE;
		int result = push(reader, data, slice, false);
		if (result)
			return result;
		data += slice;
		length -= slice;
	}
	return 0;
}

int xml_end(void *opaque)
{
	struct xml_reader *reader = opaque;
	int result = push(reader, "", 0, true);
	if (result)
		return result;
	return reader->dialect->finish ? reader->dialect->finish(reader->state) : 0;
}
