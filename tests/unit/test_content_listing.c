/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Our listings, read by our own readers of listings: every name, exact sizes and times.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "origin/content_listing.h"
#include "tests/unit/listing_reading.h"

/* Every octet that a name can hold, what must be escaped somewhere, and the longest. */
static void add(struct directory *directory, const char *name, enum entry_kind kind, int64_t size,
		int64_t mtime)
{
	struct entry entry = {.kind = kind,
			      .flags = ENTRY_SIZE_EXACT | ENTRY_MTIME_EXACT,
			      .size = size,
			      .mtime = mtime};

	assert_int_equal(directory_add(directory, name, strlen(name), &entry), 0);
}

static struct directory *make_directory(void)
{
	static const char *const names[] = {
		"with space",
		" leading and trailing ",
		"percent%20encoded",
		"%",
		"hash#tag",
		"question?mark=1&b=2",
		"amp&ersand;",
		"&lt;b&gt;",
		"<b>bold",
		"quote\"s",
		"quote's",
		"colon:first",
		"http:",
		"back\\slash",
		"new\nline",
		"tab\there",
		"latin1-\xe9",
		"\xff\xfe",
		"\xc3\xbcml\xc3\xa4ut",
		"\xf0\x9f\x9c\x81",
		"\xe2\x80\xaeturned",
		"..hidden",
		"-dash",
		"~",
		"\xc0\xaf",
		"\xed\xa0\x80",
		"\xf5\x80\x80\x80",
		"\xe6\x97",
	};
	struct directory *directory;
	char name[DIRECTORY_NAME_MAX + 1] = "";
	int64_t number = 0;

	assert_int_equal(directory_create(false, &directory), 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		add(directory, names[i], ENTRY_FILE, number, 1763646840 + number * 61);
		number++;
	}
	for (int octet = 1; octet < 256; octet++) {
		snprintf(name, sizeof(name), "octet-%03d-%c-", octet, octet == '/' ? '_' : octet);
		add(directory, name, octet % 2 ? ENTRY_FILE : ENTRY_DIRECTORY, octet, octet);
	}
	for (int octet = 0; octet < 4; octet++) {
		memset(name, "\"&<\xff"[octet], DIRECTORY_NAME_MAX);
		add(directory, name, ENTRY_FILE, INT64_C(999999999999999999), 253402300799);
	}
	return directory;
}

static char *write_page(struct content_listing *listing, size_t *length_out)
{
	char *page = NULL, *buffer = malloc(CONTENT_LISTING_BUFFER);
	size_t length = 0, part;

	assert_non_null(buffer);
	while ((part = content_listing_next(listing, buffer)) > 0) {
		page = realloc(page, length + part + 1);
		assert_non_null(page);
		memcpy(page + length, buffer, part);
		length += part;
		page[length] = '\0';
	}
	free(buffer);
	*length_out = length;
	return page;
}

static void expect_same(const struct directory *expected, const struct directory *got, bool exact)
{
	assert_int_equal(directory_count(got), directory_count(expected));
	assert_int_equal(directory_rejected(got), 0);
	for (uint32_t i = 0; i < directory_count(expected); i++) {
		struct entry one, other;
		const char *name = directory_entry(expected, i, &one);
		uint32_t at = 0;

		while (at < directory_count(got) && strcmp(directory_entry(got, at, &other), name))
			at++;
		if (at == directory_count(got))
			fail_msg("%s is lost", name);
		assert_int_equal(other.kind, one.kind);
		assert_int_equal(other.mtime, one.mtime);
		assert_int_equal(!!(other.flags & ENTRY_MTIME_EXACT), exact);
		if (one.kind == ENTRY_FILE) {
			assert_int_equal(other.size, one.size);
			assert_true(other.flags & ENTRY_SIZE_EXACT);
		}
	}
}

static void round_trip(enum content_listing_form form, const char *dialect, bool exact)
{
	struct directory *directory = make_directory();
	struct content_listing *listing;
	struct reading reading;
	size_t length;
	char *page;

	assert_int_equal(content_listing_create(directory, form, "/d & <e>/\xff", &listing), 0);
	page = write_page(listing, &length);
	assert_true(length > CONTENT_LISTING_BUFFER / 4);
	begin(&reading, "http://h/d/", content_listing_type(form));
	feed(&reading, page, length, 1000);
	assert_int_equal(end(&reading), 0);
	assert_string_equal(listing_name(reading.listing), dialect);
	expect_same(directory, reading.directory, exact);
	discard(&reading);
	free(page);
	content_listing_free(listing);
}

static void html_is_read_back(void **state)
{
	(void)state;
	round_trip(CONTENT_LISTING_HTML, "nginx", false);
}

static void json_is_read_back(void **state)
{
	(void)state;
	round_trip(CONTENT_LISTING_JSON, "json", true);
}

static void write_one(const char *name, enum content_listing_form form, char *page_out)
{
	struct directory *directory;
	struct content_listing *listing;
	size_t length;
	char *page;

	assert_int_equal(directory_create(false, &directory), 0);
	if (name != NULL)
		add(directory, name, ENTRY_FILE, 5, 1763646840);
	assert_int_equal(content_listing_create(directory, form, "/", &listing), 0);
	page = write_page(listing, &length);
	assert_true(length < 1024);
	strcpy(page_out, page);
	free(page);
	content_listing_free(listing);
}

static void pages_look_so(void **state)
{
	char page[1024];

	(void)state;
	write_one(NULL, CONTENT_LISTING_JSON, page);
	assert_string_equal(page, "[\n]\n");
	write_one("a\"\xff", CONTENT_LISTING_JSON, page);
	assert_string_equal(page, "[\n{\"name\":\"a\\\"\xef\xbf\xbd\",\"url\":\"./a%22%FF\","
				  "\"type\":\"file\",\"mtime\":\"Thu, 20 Nov 2025 13:54:00 GMT\","
				  "\"size\":5}\n]\n");
	write_one("<a>", CONTENT_LISTING_HTML, page);
	assert_non_null(strstr(page, "<a href=\"%3Ca%3E\">&lt;a&gt;</a>      "));
	assert_non_null(strstr(page, " 20-Nov-2025 13:54:00 GMT                   5\r\n"));
}

/* What is not exact must not look so: a mount would believe it. */
static void inexact(void **state)
{
	static const enum content_listing_form forms[] = {CONTENT_LISTING_HTML,
							  CONTENT_LISTING_JSON};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct entry entry = {.kind = ENTRY_FILE, .size = 1200, .mtime = 1763646840};
		struct content_listing *listing;
		struct directory *directory;
		size_t length;
		char *page;

		assert_int_equal(directory_create(false, &directory), 0);
		assert_int_equal(directory_add(directory, "a", 1, &entry), 0);
		assert_int_equal(content_listing_create(directory, forms[i], "/", &listing), 0);
		page = write_page(listing, &length);
		assert_null(strstr(page, "1200"));
		assert_null(strstr(page, "13:54:"));
		assert_non_null(
			strstr(page, i == 0 ? "20-Nov-2025 13:54 " : "20-Nov-2025 13:54\""));
		free(page);
		content_listing_free(listing);
	}
}

/* JSON must be UTF-8 whatever names are; C1 controls and what turns text round are not shown. */
static void text_is_tame(void **state)
{
	static const char *const wild[] = {"\x80",         "\xc2\x85", "\xe2\x80\xae",
					   "\xe2\x81\xa6", "\x1b",     "\x7f"};
	char page[1024];

	(void)state;
	for (size_t i = 0; i < sizeof(wild) / sizeof(wild[0]); i++) {
		write_one(wild[i], CONTENT_LISTING_JSON, page);
		assert_non_null(strstr(page, "\"\xef\xbf\xbd"));
		assert_null(strstr(page, wild[i]));
	}
	write_one("\xc3\xbc", CONTENT_LISTING_JSON, page);
	assert_non_null(strstr(page, "\"name\":\"\xc3\xbc\""));
}

static void the_whole_is_long(void **state)
{
	struct directory *directory;
	struct content_listing *listing;
	char name[32];
	size_t length;
	char *page;

	(void)state;
	assert_int_equal(directory_create(false, &directory), 0);
	for (int i = 0; i < 20000; i++) {
		snprintf(name, sizeof(name), "%05d", 19999 - i);
		add(directory, name, ENTRY_FILE, i, i);
	}
	assert_int_equal(content_listing_create(directory, CONTENT_LISTING_HTML, "/", &listing), 0);
	page = write_page(listing, &length);
	assert_true(strstr(page, ">00000<") < strstr(page, ">19999<"));
	assert_non_null(strstr(page, "</html>"));
	free(page);
	content_listing_free(listing);
}

static enum content_listing_form choose(const char *line)
{
	const char *const lines[] = {line, NULL};

	return content_listing_choose(lines);
}

static void json_for_who_names_it(void **state)
{
	static const char *const html[] = {
		"",
		"*/*",
		"text/html",
		"image/png",
		"application/*",
		"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
		"text/html, application/json;q=0.7",
		"application/json;q=0",
		"application/json;q=0.1, */*",
		"application/jsonp",
	};
	static const char *const json[] = {
		"application/json",
		"application/json, */*;q=0.5",
		"Application/JSON;charset=utf-8; q=0.5, */*;q=0.1",
		"text/html;q=0.5, application/json",
		/* What our mounts send. */
		"text/html, application/json;q=0.9, application/xml;q=0.9, */*;q=0.5",
	};

	(void)state;
	assert_int_equal(content_listing_choose(NULL), CONTENT_LISTING_HTML);
	for (size_t i = 0; i < sizeof(html) / sizeof(html[0]); i++)
		if (choose(html[i]) != CONTENT_LISTING_HTML)
			fail_msg("%s", html[i]);
	for (size_t i = 0; i < sizeof(json) / sizeof(json[0]); i++)
		if (choose(json[i]) != CONTENT_LISTING_JSON)
			fail_msg("%s", json[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(html_is_read_back),     cmocka_unit_test(json_is_read_back),
		cmocka_unit_test(pages_look_so),         cmocka_unit_test(inexact),
		cmocka_unit_test(text_is_tame),          cmocka_unit_test(the_whole_is_long),
		cmocka_unit_test(json_for_who_names_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
