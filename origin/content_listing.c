/* SPDX-License-Identifier: BSD-2-Clause */
#include "origin/content_listing.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "origin/http_date.h"
#include "origin/origin_url.h"

/* A name takes 3 octets for each as a link, 6 as text; dates, sizes and tags the rest. */
#define ROW_MAX (DIRECTORY_NAME_MAX * 9 + 512)
/* Longer paths are cut where they are shown: twice, 6 octets for each of their own. */
#define TITLE_MAX 2048
/* As nginx has it, our choice otherwise. */
#define NAME_COLUMNS 50
/* Of a date; who reads it knows then that it is not exact. */
#define MINUTES_LENGTH (sizeof("20-Nov-2025 13:54") - 1)

struct content_listing {
	struct directory *directory;
	uint32_t *order; /* numbers of the entries as they are shown */
	enum content_listing_form form;
	enum { AT_HEAD, AT_ROWS, AT_FOOT, AT_END } at;
	uint32_t row;
	char title[TITLE_MAX + 1];
};

/* ---- text ---- */

/* Cannot overflow: a row, a head and a foot have their largest sizes. */
struct writer {
	char *buffer;
	size_t length;
};

static void put(struct writer *writer, const char *text)
{
	size_t length = strlen(text);

	memcpy(writer->buffer + writer->length, text, length);
	writer->length += length;
}

__attribute__((format(printf, 2, 3))) static void putf(struct writer *writer, const char *format,
						       ...)
{
	va_list arguments;

	va_start(arguments, format);
	writer->length += (size_t)vsprintf(writer->buffer + writer->length, format, arguments);
	va_end(arguments);
}

/* Octets of the character of UTF-8 at TEXT; 0: none that can be shown. */
static size_t character_length(const char *text)
{
	const unsigned char *at = (const unsigned char *)text;
	size_t length = at[0] < 0x80 ? 1 : at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
	uint32_t code = at[0];

	if (length == 1)
		return at[0] >= 0x20 && at[0] != 0x7f;
	if (at[0] < 0xc2 || at[0] > 0xf4)
		return 0;
	code &= 0x7fu >> length;
	for (size_t i = 1; i < length; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (at[i] & 0x3f);
	}
	/* Overlong forms, surrogates, C1 controls, and what turns the direction of the text. */
	if ((length == 3 && code < 0x800) || (length == 4 && (code < 0x10000 || code > 0x10ffff)) ||
	    (code >= 0xd800 && code <= 0xdfff) || code < 0xa0 ||
	    (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069))
		return 0;
	return length;
}

static const char *escape_of(char octet, enum content_listing_form form)
{
	bool html = form == CONTENT_LISTING_HTML;

	switch (octet) {
	case '&':
		return html ? "&amp;" : NULL;
	case '<':
		return html ? "&lt;" : NULL;
	case '>':
		return html ? "&gt;" : NULL;
	case '"':
		return html ? "&quot;" : "\\\"";
	case '\\':
		return html ? NULL : "\\\\";
	default:
		return NULL;
	}
}

/* Returns how many characters that makes. */
static unsigned put_name(struct writer *writer, const char *name, enum content_listing_form form)
{
	unsigned columns = 0;

	for (; *name != '\0'; columns++) {
		size_t length = character_length(name);
		const char *escape = escape_of(*name, form);

		if (length == 0)
			put(writer, "\xef\xbf\xbd");
		else if (escape != NULL)
			put(writer, escape);
		else
			putf(writer, "%.*s", (int)length, name);
		name += length > 0 ? length : 1;
	}
	return columns;
}

static void put_link(struct writer *writer, const char *name, const struct entry *entry)
{
	writer->length =
		(size_t)(origin_url_encode(writer->buffer + writer->length, name) - writer->buffer);
	if (entry->kind == ENTRY_DIRECTORY)
		put(writer, "/");
}

/* What is not exact would be taken for exact. */
static bool size_is_known(const struct entry *entry)
{
	return entry->size >= 0 && entry->flags & ENTRY_SIZE_EXACT;
}

/* To the minute, as HTTP servers list times, where the second is not known. */
static bool write_short_date(const struct entry *entry, char date_out[HTTP_DATE_SHORT_SIZE])
{
	bool exact = entry->flags & ENTRY_MTIME_EXACT;

	if (!http_date_write_short(entry->mtime, date_out))
		return false;
	if (!exact)
		date_out[MINUTES_LENGTH] = '\0';
	return true;
}

static bool write_date(const struct entry *entry, char date_out[HTTP_DATE_SIZE])
{
	_Static_assert(HTTP_DATE_SIZE >= HTTP_DATE_SHORT_SIZE, "holds either");
	if (entry->flags & ENTRY_MTIME_EXACT)
		return http_date_write(entry->mtime, date_out);
	return write_short_date(entry, date_out);
}

/* ---- HTML ---- */

static void put_html_head(struct writer *writer, const char *title)
{
	put(writer, "<html>\r\n<head><title>Index of ");
	put_name(writer, title, CONTENT_LISTING_HTML);
	put(writer, "</title></head>\r\n<body>\r\n<h1>Index of ");
	put_name(writer, title, CONTENT_LISTING_HTML);
	put(writer, "</h1><hr><pre><a href=\"../\">../</a>\r\n");
}

static void put_html_row(struct writer *writer, const char *name, const struct entry *entry)
{
	bool directory = entry->kind == ENTRY_DIRECTORY;
	char date[HTTP_DATE_SHORT_SIZE] = "-";
	unsigned columns;

	put(writer, "<a href=\"");
	put_link(writer, name, entry);
	put(writer, "\">");
	columns = put_name(writer, name, CONTENT_LISTING_HTML) + directory;
	put(writer, directory ? "/</a>" : "</a>");
	write_short_date(entry, date);
	putf(writer, "%*s%-24s ", columns < NAME_COLUMNS ? (int)(NAME_COLUMNS - columns) + 1 : 1,
	     "", date);
	if (directory || !size_is_known(entry))
		putf(writer, "%19s\r\n", "-");
	else
		putf(writer, "%19" PRId64 "\r\n", entry->size);
}

/* ---- JSON ---- */

static void put_json_row(struct writer *writer, const char *name, const struct entry *entry,
			 bool first)
{
	bool directory = entry->kind == ENTRY_DIRECTORY;
	char date[HTTP_DATE_SIZE];

	put(writer, first ? "\n{\"name\":\"" : ",\n{\"name\":\"");
	put_name(writer, name, CONTENT_LISTING_JSON);
	put(writer, "\",\"url\":\"./");
	put_link(writer, name, entry);
	putf(writer, "\",\"type\":\"%s\"", directory ? "directory" : "file");
	if (write_date(entry, date))
		putf(writer, ",\"mtime\":\"%s\"", date);
	if (!directory && size_is_known(entry))
		putf(writer, ",\"size\":%" PRId64, entry->size);
	put(writer, "}");
}

/* ---- pages ---- */

static void put_head(struct content_listing *listing, struct writer *writer)
{
	if (listing->form == CONTENT_LISTING_HTML)
		put_html_head(writer, listing->title);
	else
		put(writer, "[");
	listing->at = AT_ROWS;
}

static void put_row(struct content_listing *listing, struct writer *writer)
{
	struct entry entry;
	const char *name =
		directory_entry(listing->directory, listing->order[listing->row], &entry);

	if (listing->form == CONTENT_LISTING_HTML)
		put_html_row(writer, name, &entry);
	else
		put_json_row(writer, name, &entry, listing->row == 0);
	listing->row++;
}

static void put_foot(struct content_listing *listing, struct writer *writer)
{
	put(writer,
	    listing->form == CONTENT_LISTING_HTML ? "</pre><hr></body>\r\n</html>\r\n" : "\n]\n");
	listing->at = AT_END;
}

size_t content_listing_next(struct content_listing *listing, char buffer[CONTENT_LISTING_BUFFER])
{
	struct writer writer = {.buffer = buffer};

	while (listing->at != AT_END && writer.length + ROW_MAX <= CONTENT_LISTING_BUFFER) {
		if (listing->at == AT_HEAD)
			put_head(listing, &writer);
		else if (listing->row < directory_count(listing->directory))
			put_row(listing, &writer);
		else
			put_foot(listing, &writer);
	}
	return writer.length;
}

static int compare(const void *one, const void *other, void *opaque)
{
	const struct directory *directory = opaque;
	struct entry one_entry, other_entry;
	const char *one_name = directory_entry(directory, *(const uint32_t *)one, &one_entry);
	const char *other_name = directory_entry(directory, *(const uint32_t *)other, &other_entry);

	if (one_entry.kind != other_entry.kind)
		return one_entry.kind == ENTRY_DIRECTORY ? -1 : 1;
	return strcmp(one_name, other_name);
}

int content_listing_create(struct directory *directory, enum content_listing_form form,
			   const char *title, struct content_listing **listing_out)
{
	uint32_t count = directory_count(directory);
	struct content_listing *listing = calloc(1, sizeof(*listing));
	uint32_t *order = calloc(count + 1, sizeof(order[0]));

	if (listing == NULL || order == NULL) {
		free(listing);
		free(order);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < count; i++)
		order[i] = i;
	qsort_r(order, count, sizeof(order[0]), compare, directory);
	*listing = (struct content_listing){.directory = directory, .order = order, .form = form};
	strncat(listing->title, title, TITLE_MAX);
	*listing_out = listing;
	return 0;
}

void content_listing_free(struct content_listing *listing)
{
	if (listing == NULL)
		return;
	directory_free(listing->directory);
	free(listing->order);
	free(listing);
}
