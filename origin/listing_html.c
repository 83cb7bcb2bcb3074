/* SPDX-License-Identifier: BSD-2-Clause
 *
 * HTML in, rows out, entries added: see the header. libxml2's global state is set up once; after
 * that, parsers of different threads have nothing in common.
 */
#include "origin/listing_html.h"

#include <errno.h>
#include <libxml/HTMLparser.h>
#include <libxml/parserInternals.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "origin/listing_octets.h"
#include "origin/listing_time.h"

/* Our choices: octets that are fed at a time, and that the parser may keep back; open elements at
 * a time (an end tag that closes none is compared with all of them); and different names of
 * elements and attributes, each of which the parser remembers. */
#define SLICE ((size_t)32 << 10)
#define PENDING_MAX ((ptrdiff_t)1 << 20)
#define DEPTH_MAX 128
#define NAMES_MAX 4096

struct html_reader {
	struct listing *listing;
	htmlParserCtxtPtr parser;
	struct html_row row;
	size_t text_length;
	bool in_row, in_link;
	int error;
	char href[LISTING_ITEM_MAX + 1]; /* as the parser gave it */
	char hidden[OCTETS_HIDDEN_MAX(SLICE)];
};

void html_set_size(struct entry *entry, const char *text)
{
	const char *unit;
	int64_t size = listing_number(text, &unit);
	if (size < 0)
		return;
	if (!strncmp(unit, " B", 2))
		unit += 2;
	if (*unit == '\0' || *unit == ' ')
		listing_set_size(entry, size);
}

size_t html_set_time(struct entry *entry, const char *text)
{
	bool exact;
	return listing_time(text, &entry->mtime, &exact);
}

static void finish_row(struct html_reader *reader)
{
	if (!reader->in_row)
		return;
	reader->in_row = false;
	if (reader->error)
		return;
	struct html_row *row = &reader->row;
	if (reader->text_length && row->text[reader->text_length - 1] == ' ')
		reader->text_length--;
	row->text[reader->text_length] = '\0';
	struct entry entry;
	listing_entry_init(&entry);
	const struct listing_dialect *dialect = listing_dialect(reader->listing);
	if (dialect->row)
		dialect->row(row, &entry);
	size_t length = octets_reveal(reader->href, strlen(reader->href));
	reader->error = listing_add_href(reader->listing, reader->href, length, &entry);
}

static void begin_row(struct html_reader *reader, const char *href)
{
	if (reader->in_row && !strcmp(href, reader->href))
		return;
	finish_row(reader);
	size_t length = strnlen(href, LISTING_ITEM_MAX + 1);
	if (length > LISTING_ITEM_MAX)
		return;
	memcpy(reader->href, href, length + 1);
	reader->text_length = 0;
	reader->row = (struct html_row){.text = ""};
	reader->in_row = true;
}

static const char *find_attribute(const xmlChar **attributes, const char *name)
{
	for (; attributes && attributes[0]; attributes += 2) {
		if (attributes[1] && !strcmp((const char *)attributes[0], name))
			return (const char *)attributes[1];
	}
	return NULL;
}

static void keep_attribute(char *kept, const char *value)
{
	if (value && !*kept)
		strncat(kept, value, HTML_ATTRIBUTE_MAX - 1);
}

/* Cells touch each other without a space. */
static void add_space(struct html_reader *reader)
{
	char *text = reader->row.text;
	size_t length = reader->text_length;
	if (length && length < HTML_TEXT_MAX - 1 && text[length - 1] != ' ')
		text[reader->text_length++] = ' ';
}

static bool ends_row(const char *name)
{
	static const char *const names[] = {"tr", "li", "hr", "pre", "ul", "table"};
	for (size_t index = 0; index < sizeof(names) / sizeof(*names); index++) {
		if (!strcmp(name, names[index]))
			return true;
	}
	return false;
}

static void start_element(void *context, const xmlChar *element, const xmlChar **attributes)
{
	struct html_reader *reader = context;
	const char *name = (const char *)element;
	if (reader->error)
		return;
	if (reader->parser->nameNr > DEPTH_MAX) {
		reader->error = -EBADMSG;
		return;
	}
	if (!strcmp(name, "a")) {
		const char *href = find_attribute(attributes, "href");
		reader->in_link = true;
		if (href)
			begin_row(reader, href);
		return;
	}
	if (ends_row(name)) {
		finish_row(reader);
		return;
	}
	if (!reader->in_row)
		return;
	if (!strcmp(name, "td")) {
		add_space(reader);
		keep_attribute(reader->row.octets, find_attribute(attributes, "data-order"));
		keep_attribute(reader->row.octets, find_attribute(attributes, "data-size"));
	} else if (!strcmp(name, "time")) {
		keep_attribute(reader->row.datetime, find_attribute(attributes, "datetime"));
	}
}

static void end_element(void *context, const xmlChar *element)
{
	struct html_reader *reader = context;
	const char *name = (const char *)element;
	if (!strcmp(name, "a"))
		reader->in_link = false;
	else if (ends_row(name))
		finish_row(reader);
}

static void characters(void *context, const xmlChar *octets, int length)
{
	struct html_reader *reader = context;
	if (!reader->in_row || reader->in_link)
		return;
	for (int at = 0; at < length && reader->text_length < HTML_TEXT_MAX - 1; at++) {
		unsigned char octet = octets[at];
		/* U+00A0, no-break space, is C2 A0; C2 alone does not occur here. */
		if (octet <= ' ' || octet == 0xc2)
			add_space(reader);
		else if (octet != 0xa0)
			reader->row.text[reader->text_length++] = (char)octet;
	}
}

static void free_reader(void *opaque)
{
	struct html_reader *reader = opaque;
	if (!reader)
		return;
	htmlFreeParserCtxt(reader->parser);
	free(reader);
}

static int begin(struct listing *listing, void **reader_out)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, xmlInitParser);

	struct html_reader *reader = malloc(sizeof(*reader));
	if (!reader)
		return -ENOMEM;
	memset(reader, 0, offsetof(struct html_reader, href));
	reader->listing = listing;
	htmlSAXHandler handler = {
		.startElement = start_element,
		.endElement = end_element,
		.characters = characters,
		.ignorableWhitespace = characters,
	};
	reader->parser =
		htmlCreatePushParserCtxt(&handler, reader, NULL, 0, NULL, XML_CHAR_ENCODING_UTF8);
	if (!reader->parser) {
		free(reader);
		return -ENOMEM;
	}
	htmlCtxtUseOptions(reader->parser, HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING |
						   HTML_PARSE_NONET | HTML_PARSE_IGNORE_ENC);
	*reader_out = reader;
	return 0;
}

static int push(struct html_reader *reader, const char *data, size_t length, bool last)
{
	htmlParserCtxtPtr parser = reader->parser;
	/* libxml2 2.9.14 forgets which quote it was in when a tag is cut inside an attribute, and
	 * then looks for the tag's end in vain. So it begins anew at an unfinished tag each time.
	 */
	parser->checkIndex = 0;
	int code = htmlParseChunk(parser, data, (int)length, last);
	if (reader->error)
		return reader->error;
	if (code == XML_ERR_NO_MEMORY)
		return reader->error = -ENOMEM;
	if (last)
		return 0;
	if (parser->instate == XML_PARSER_EOF || xmlDictSize(parser->dict) > NAMES_MAX ||
	    parser->input->end - parser->input->cur > PENDING_MAX)
		return reader->error = -EBADMSG;
	/* By itself it lets go of what was read only when little is left to read. */
	xmlParserInputShrink(parser->input);
	return 0;
}

static int feed(void *opaque, const char *data, size_t length)
{
	struct html_reader *reader = opaque;
	while (length) {
		size_t slice = length < SLICE ? length : SLICE;
		size_t hidden = octets_hide(data, slice, reader->hidden);
		int result = push(reader, reader->hidden, hidden, false);
		if (result)
			return result;
		data += slice;
		length -= slice;
	}
	return 0;
}

static int end(void *opaque)
{
	struct html_reader *reader = opaque;
	const htmlParserCtxtPtr parser = reader->parser;
	/* A tag that the end cuts short would be read as if whole, with half a name. */
	bool inside_tag = parser->input->cur < parser->input->end && *parser->input->cur == '<';
	int result = inside_tag ? 0 : push(reader, "", 0, true);
	finish_row(reader);
	return result ? result : reader->error;
}

const struct listing_notation listing_html_notation = {begin, feed, end, free_reader};
