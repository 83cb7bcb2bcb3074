/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Listings that mean harm, and limits.
 */
#include <errno.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "origin/origin.h"
#include "tests/unit/listing_reading.h"

/* HEAD, then REPEATED until LENGTH octets went in, then TAIL. */
static int read_repeated(const char *type, const char *head, const char *repeated, size_t length,
			 const char *tail)
{
	struct reading reading;
	char piece[65536];
	size_t unit = strlen(repeated), filled = 0;
	while (filled + unit <= sizeof(piece)) {
		memcpy(piece + filled, repeated, unit);
		filled += unit;
	}
	begin(&reading, "http://h/d/", type);
	feed(&reading, head, strlen(head), WHOLE);
	for (size_t fed = 0; fed < length && !reading.result; fed += filled)
		feed(&reading, piece, filled, WHOLE);
	feed(&reading, tail, strlen(tail), WHOLE);
	int result = end(&reading);
	discard(&reading);
	return result;
}

static const size_t mebibyte = 1 << 20;

static void endless_tokens_of_html_are_given_up(void **state)
{
	(void)state;
	static const char *const heads[] = {"<a href='", "<a x='",    "<!-- ", "<!doctype ",
					    "<?x ",      "<script> ", "<",     "&"};
	for (size_t index = 0; index < sizeof(heads) / sizeof(*heads); index++) {
		int result = read_repeated(HTML_TYPE, heads[index], "x", 8 * mebibyte, "");
		assert_true(result == -EBADMSG || result == -ENOTDIR);
	}
	assert_int_equal(read_repeated(HTML_TYPE, "<a href='", "x", 100 * mebibyte, "'>"),
			 -EBADMSG);
}

static void deep_html_is_given_up(void **state)
{
	(void)state;
	assert_int_equal(read_repeated(HTML_TYPE, "", "<div>", 5 * 100000, ""), -EBADMSG);
	assert_int_equal(read_repeated(HTML_TYPE, "", "<b><i>", 6 * 100000, ""), -EBADMSG);
}

static void unclosed_links_are_read_but_no_half_tag(void **state)
{
	(void)state;
	struct reading reading;
	read_text(&reading, HTML_TYPE, "<ul><li><a href=a>a<li><a href=b>b<p><a href=c");
	assert_int_equal(reading.result, 0);
	assert_int_equal(directory_count(reading.directory), 2);
	discard(&reading);
}

static void long_texts_and_attributes_do_not_disturb_their_row(void **state)
{
	(void)state;
	struct reading reading;
	char *page = malloc(400000), *at = page;
	at += sprintf(page, "<hr><pre><a href=\"../\">../</a>\n<a href='");
	memset(at, 'x', 70000);
	at += 70000;
	at += sprintf(at, "'>x</a> 20-Nov-2025 13:54 1\n<a href='y' title='");
	memset(at, 't', 200000);
	at += 200000;
	at += sprintf(at, "'>y</a>  20-Nov-2025 13:54  7\n");
	memset(at, 'z', 100000);
	at += 100000;
	strcpy(at, "</pre>");
	read_text(&reading, HTML_TYPE, page);
	assert_int_equal(reading.result, 0);
	assert_int_equal(only_entry(&reading).size, 7);
	discard(&reading);
	free(page);
}

static void doctype_of_xml_is_refused(void **state)
{
	(void)state;
	expect_result(XML_TYPE,
		      "<?xml version='1.0'?><!DOCTYPE m [<!ENTITY a 'x'><!ENTITY b '&a;&a;'>]>"
		      "<multistatus xmlns='DAV:'>&b;</multistatus>",
		      -EBADMSG);
	expect_result(XML_TYPE,
		      "<!DOCTYPE ListBucketResult SYSTEM 'file:///etc/passwd'><ListBucketResult/>",
		      -EBADMSG);
}

static void boundless_xml_is_given_up(void **state)
{
	(void)state;
	const char *root = "<multistatus xmlns='DAV:'>";
	assert_int_equal(read_repeated(XML_TYPE, root, "<a>", 3 * 100000, ""), -EBADMSG);
	assert_int_equal(read_repeated(XML_TYPE, "<multistatus xmlns='DAV:' x='", "x",
				       100 * mebibyte, "'/>"),
			 -EBADMSG);
	assert_int_equal(read_repeated(XML_TYPE, "<multistatus xmlns='DAV:'><!--", "x",
				       8 * mebibyte, "--></multistatus>"),
			 -EBADMSG);
	/* Text alone is bounded otherwise: it is not kept. */
	assert_int_equal(read_repeated(XML_TYPE, "<multistatus xmlns='DAV:'><response><href>", "x",
				       8 * mebibyte, "</href></response></multistatus>"),
			 0);
}

static void expect_new_names_given_up(const char *type, const char *head, const char *element)
{
	struct reading reading;
	char text[64];
	begin(&reading, "http://h/d/", type);
	feed(&reading, head, strlen(head), WHOLE);
	for (int index = 0; index < 100000 && !reading.result; index++)
		feed(&reading, text, (size_t)sprintf(text, element, index), WHOLE);
	assert_int_equal(reading.result, -EBADMSG);
	discard(&reading);
}

static void ever_new_names_are_given_up(void **state)
{
	(void)state;
	expect_new_names_given_up(XML_TYPE, "<ListBucketResult>", "<x%d/>");
	expect_new_names_given_up(XML_TYPE, "<ListBucketResult>", "<x y%d='1'/>");
	expect_new_names_given_up(XML_TYPE, "<ListBucketResult>", "<x xmlns:y='%d'/>");
	expect_new_names_given_up(HTML_TYPE, "<body>", "<x%d></x>");
	expect_new_names_given_up(HTML_TYPE, "<body>", "<br y%d=1>");
}

static void boundless_json_is_given_up(void **state)
{
	(void)state;
	assert_int_equal(read_repeated(JSON_TYPE, "[{\"name\":\"", "x", mebibyte, "\"}]"),
			 -EBADMSG);
	assert_int_equal(read_repeated(JSON_TYPE, "[{\"name\":", "[", 60000, ""), -EBADMSG);
	assert_int_equal(read_repeated(JSON_TYPE, "[", "[", mebibyte, ""), -EBADMSG);
}

/* Octets from malloc(); always 0 with a sanitizer, which has a malloc() of its own. */
static size_t memory_in_use(void)
{
	struct mallinfo2 info = mallinfo2();
	return info.uordblks + info.hblkhd;
}

static void memory_does_not_grow_with_the_body(void **state)
{
	(void)state;
	static const char *const bodies[][3] = {
		{HTML_TYPE, "<body>", "<a href=x>x</a>"},
		{HTML_TYPE, "<body>", "<a href=x>"},
		{HTML_TYPE, "<body>", "<p>"},
		{HTML_TYPE, "<body>", "<"},
		{HTML_TYPE, "<body>", "</x>"},
		{HTML_TYPE, "<body>", "<!--x-->&auml;"},
		{JSON_TYPE, "[{\"name\":\"x\"}", ",{\"name\":\"x\"}"},
		{XML_TYPE, "<ListBucketResult>", "<Contents><Key>x</Key></Contents>"},
		{XML_TYPE, "<multistatus xmlns='DAV:'>", "<response>x</response>"},
		{XML_TYPE, "<multistatus xmlns='DAV:'>", "x"},
	};
	for (size_t index = 0; index < sizeof(bodies) / sizeof(*bodies); index++) {
		struct reading reading;
		const char *unit = bodies[index][2];
		char piece[32768];
		size_t filled = 0;
		for (; filled + strlen(unit) <= sizeof(piece); filled += strlen(unit))
			memcpy(piece + filled, unit, strlen(unit));
		size_t before = memory_in_use();
		begin(&reading, "http://h/d/", bodies[index][0]);
		feed(&reading, bodies[index][1], strlen(bodies[index][1]), WHOLE);
		for (size_t fed = 0; fed < 6 * mebibyte; fed += filled)
			feed(&reading, piece, filled, WHOLE);
		assert_int_equal(reading.result, 0);
		size_t after = memory_in_use();
		if (after > before + mebibyte)
			fail_msg("%s: %zu KiB", unit, (after - before) >> 10);
		discard(&reading);
	}
}

static void random_octets_do_no_harm(void **state)
{
	(void)state;
	static const char *const types[] = {HTML_TYPE, JSON_TYPE, XML_TYPE, NULL};
	static const char *const heads[] = {
		"", "[", "<multistatus xmlns='DAV:'>", "<ListBucketResult>", "<hr><pre>",
	};
	uint32_t random = 1;
	for (int round = 0; round < 200; round++) {
		char octets[4096];
		struct reading reading;
		for (size_t at = 0; at < sizeof(octets); at++) {
			random = random * 1664525 + 1013904223;
			octets[at] = (char)(random >> 24);
		}
		begin(&reading, "http://h/d/", types[round % 4]);
		const char *head = heads[round % 5];
		feed(&reading, head, strlen(head), WHOLE);
		feed(&reading, octets, sizeof(octets), 100);
		end(&reading);
		discard(&reading);
	}
}

/* Limits */

static void more_entries_than_a_directory_takes_are_an_error(void **state)
{
	(void)state;
	struct reading reading;
	char row[64];
	begin(&reading, "http://h/d/", JSON_TYPE);
	feed(&reading, "[", 1, WHOLE);
	for (unsigned index = 0; index <= DIRECTORY_ENTRIES_MAX && !reading.result; index++)
		feed(&reading, row,
		     (size_t)sprintf(row, "%s{\"name\":\"%u\"}", index ? "," : "", index), WHOLE);
	assert_int_equal(reading.result, -E2BIG);
	assert_int_equal(directory_count(reading.directory), DIRECTORY_ENTRIES_MAX);
	discard(&reading);
}

static void larger_bodies_than_the_limit_are_an_error(void **state)
{
	(void)state;
	assert_int_equal(read_repeated(JSON_TYPE, "{", " ", ORIGIN_LISTING_MAX - 65536, ""),
			 -ENOTDIR);
	assert_int_equal(read_repeated(JSON_TYPE, "{", " ", ORIGIN_LISTING_MAX, ""), -EFBIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(endless_tokens_of_html_are_given_up),
		cmocka_unit_test(deep_html_is_given_up),
		cmocka_unit_test(unclosed_links_are_read_but_no_half_tag),
		cmocka_unit_test(long_texts_and_attributes_do_not_disturb_their_row),
		cmocka_unit_test(doctype_of_xml_is_refused),
		cmocka_unit_test(boundless_xml_is_given_up),
		cmocka_unit_test(ever_new_names_are_given_up),
		cmocka_unit_test(boundless_json_is_given_up),
		cmocka_unit_test(memory_does_not_grow_with_the_body),
		cmocka_unit_test(random_octets_do_no_harm),
		cmocka_unit_test(more_entries_than_a_directory_takes_are_an_error),
		cmocka_unit_test(larger_bodies_than_the_limit_are_an_error),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
