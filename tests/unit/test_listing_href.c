/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What is said of a single link, a single date, a single run of octets.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "origin/listing_href.h"
#include "origin/listing_octets.h"
#include "origin/listing_time.h"

#define ENTRY(text, slash) HREF_ENTRY, text, sizeof(text) - 1, slash
#define NONE HREF_OTHER, "", 0, false
#define UP HREF_PARENT, "", 0, false

struct expectation {
	const char *base, *href;
	enum href_verdict verdict;
	const char *name;
	size_t length;
	bool slash;
};

static void expect_href(struct href_base *base, const struct expectation *expected)
{
	char href[4096];
	const char *name = "";
	size_t length = 0;
	bool slash = false;
	strcpy(href, expected->href);
	enum href_verdict verdict = href_resolve(base, href, strlen(href), &name, &length, &slash);
	if (verdict != expected->verdict)
		fail_msg("%s at %s: verdict %d", expected->href, expected->base, verdict);
	assert_int_equal(length, expected->length);
	assert_memory_equal(name, expected->name, length);
	assert_int_equal(slash, expected->slash);
}

static void expect_hrefs(const struct expectation *expected, size_t count)
{
	for (size_t index = 0; index < count; index++) {
		struct href_base *base;
		assert_int_equal(href_base_create(expected[index].base, &base), 0);
		expect_href(base, &expected[index]);
		href_base_free(base);
	}
}
#define EXPECT(table) expect_hrefs(table, sizeof(table) / sizeof(*(table)))

static void names_one_level_below_are_entries(void **state)
{
	(void)state;
	static const struct expectation table[] = {
		{"http://h/d/", "a", ENTRY("a", false)},
		{"http://h/d/", "a/", ENTRY("a", true)},
		{"http://h/d/", "./a:b", ENTRY("a:b", false)},
		{"http://h/d/", "a%3Ab", ENTRY("a:b", false)},
		{"http://h/d/", " a b\n", ENTRY("a b", false)},
		{"http://h/d/", "a%20", ENTRY("a ", false)},
		{"http://h/d/", "/d/a", ENTRY("a", false)},
		{"http://h/d/", "/d/a:b/", ENTRY("a:b", true)},
		{"http://h/d/", "/%64/a", ENTRY("a", false)},
		{"http://h/d/", "../d/a", ENTRY("a", false)},
		{"http://h/d/", "x/../a", ENTRY("a", false)},
		{"http://h/d/", "http://h/d/a", ENTRY("a", false)},
		{"http://h/d/", "HTTP://H:80/d/a", ENTRY("a", false)},
		{"http://h:80/d/", "//h/d/a", ENTRY("a", false)},
		{"https://h/d/", "https://h:443/d/a", ENTRY("a", false)},
		{"http://h/%7Eu/", "/~u/a", ENTRY("a", false)},
		{"http://h", "a", ENTRY("a", false)},
		{"http://h/", "/a", ENTRY("a", false)},
		{"http://h/d/?C=N#f", "a", ENTRY("a", false)},
		{"http://h/d", "d/a", ENTRY("a", false)},
		{"http://h/d", "/d/a", ENTRY("a", false)},
		{"http://h/d/", "..a", ENTRY("..a", false)},
		{"http://h/d/", "...", ENTRY("...", false)},
		{"http://h/d/", "\xff\xc3\xa4", ENTRY("\xff\xc3\xa4", false)},
		{"http://h/d/", "http://h/d/\xff", ENTRY("\xff", false)},
	};
	EXPECT(table);
}

static void everything_else_is_none(void **state)
{
	(void)state;
	static const struct expectation table[] = {
		{"http://h/d/", "", NONE},
		{"http://h/d/", "   ", NONE},
		{"http://h/d/", ".", NONE},
		{"http://h/d/", "./", NONE},
		{"http://h/d/", "/d/", NONE},
		{"http://h/d/", "/d", NONE},
		{"http://h/d/", "a/b", NONE},
		{"http://h/d/", "a//", NONE},
		{"http://h/d/", "?C=M;O=A", NONE},
		{"http://h/d/", "a?x", NONE},
		{"http://h/d/", "a?", NONE},
		{"http://h/d/", "a#x", NONE},
		{"http://h/d/", "#", NONE},
		{"http://h/d/", "../../etc/passwd", NONE},
		{"http://h/d/", "../../../../../etc/passwd", NONE},
		{"http://h/d/", "/etc/passwd", NONE},
		{"http://h/d/", "//x/d/a", NONE},
		{"http://h/", "//x", NONE},
		{"http://h/", "//x/", NONE},
		{"http://h/d/", "http://x/d/a", NONE},
		{"http://h/d/", "http://h:81/d/a", NONE},
		{"http://h/d/", "https://h/d/a", NONE},
		{"http://h/d/", "http:a", NONE},
		{"http://h/d/", "javascript:alert(1)", NONE},
		{"http://h/d/", "data:text/html,x", NONE},
		{"http://h/d/", "mailto:a@b", NONE},
		{"http://h/d/", "file:///d/a", NONE},
		{"http://h/d/", "ftp://h/d/a", NONE},
		{"http://h/d/", "a:b", NONE},
		{"http://h/d/", "a\001b", NONE},
		{"http://h/d", "a", NONE},
		{"http://h/dd/", "/d/a", NONE},
		{"http://h/a%2Fb/", "/a/b/c", NONE},
		{"http://h/d/", "..", UP},
		{"http://h/d/", "../", UP},
		{"http://h/a/b/", "/a/", UP},
		{"http://h/a/b/", "../..", NONE},
	};
	EXPECT(table);
}

/* These have names that no directory takes: directory_add() is what refuses and counts them. */
static void names_are_decoded_once(void **state)
{
	(void)state;
	static const struct expectation table[] = {
		{"http://h/d/", "%2e%2e", ENTRY("..", false)},
		{"http://h/d/", "%2e", ENTRY(".", false)},
		{"http://h/d/", "a%2fb", ENTRY("a/b", false)},
		{"http://h/d/", "a%00b", ENTRY("a\0b", false)},
		{"http://h/d/", "%252e%252e", ENTRY("%2e%2e", false)},
		{"http://h/d/", "a%252Fb", ENTRY("a%2Fb", false)},
		{"http://h/d/", "%3FC=M", ENTRY("?C=M", false)},
		{"http://h/d/", "100%", ENTRY("100%", false)},
		{"http://h/d/", "%zz%4", ENTRY("%zz%4", false)},
		{"http://h/d/", "a+b", ENTRY("a+b", false)},
		{"http://h/d/", "a\\b", ENTRY("a\\b", false)},
		{"http://h/d/", "new%0Aline%7f", ENTRY("new\nline\177", false)},
	};
	EXPECT(table);
}

static void what_is_no_url_is_refused_as_base(void **state)
{
	(void)state;
	struct href_base *base;
	assert_int_equal(href_base_create("", &base), -EINVAL);
	assert_int_equal(href_base_create("http://", &base), -EINVAL);
	assert_int_equal(href_base_create("no url", &base), -EINVAL);
}

/* Whatever the short way takes, libcurl's parser must say the same of, given as absolute URL. */
static void short_way_agrees_with_the_long_one(void **state)
{
	(void)state;
	static const char alphabet[] = "ab./%2eE0:~ ;+&=@\\\"'<\xc3\xa4\xff?#-_,!$()*[]{}|^`";
	uint32_t random = 1;
	struct href_base *base;
	assert_int_equal(href_base_create("http://h:81/d%20/e/", &base), 0);
	for (int round = 0; round < 20000; round++) {
		char relative[64] = "", absolute[128], expected[64];
		size_t length = 0, expected_length, name_length;
		const char *name;
		bool slash, expected_slash;
		random = random * 1664525 + 1013904223;
		for (unsigned count = 1 + (random >> 28); length < count;) {
			random = random * 1664525 + 1013904223;
			relative[length++] = alphabet[(random >> 16) % (sizeof(alphabet) - 1)];
		}
		/* At the front of an attribute a space is stripped, within a URL it is not. */
		if (relative[0] == ' ')
			continue;
		snprintf(absolute, sizeof(absolute), "http://h:81/d%%20/e/%s", relative);
		enum href_verdict verdict =
			href_resolve(base, relative, length, &name, &name_length, &slash);
		if (verdict != HREF_ENTRY)
			continue;
		expected_length = name_length;
		memcpy(expected, name, name_length);
		expected_slash = slash;
		verdict =
			href_resolve(base, absolute, strlen(absolute), &name, &name_length, &slash);
		if (verdict != HREF_ENTRY || name_length != expected_length ||
		    memcmp(name, expected, name_length) != 0 || slash != expected_slash)
			fail_msg("%s", absolute);
	}
	href_base_free(base);
}

static void dates_of_every_listing_are_read(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t seconds; /* -1: none */
		size_t length;
		bool exact;
	} table[] = {
		{"20-Nov-2025 13:54 1961", 1763646840, 17, false},
		{"  2025-11-20 13:54   20", 1763646840, 18, false},
		{"2025-Nov-20 13:54:01", 1763646841, 20, false},
		{"Thu, 20 Nov 2025 13:54:01 GMT", 1763646841, 29, true},
		{"2025-11-20T13:54:01Z", 1763646841, 20, true},
		{"2025-11-20T13:54:01.000Z", 1763646841, 24, true},
		{"2025-11-20T13:54:01.123456789Z", 1763646841, 30, true},
		{"2025-11-20T14:54:01+01:00", 1763646841, 25, true},
		{"2025-11-20 13:54:01.5 +0000 UTC", 1763646841, 31, true},
		{"2000-02-29 00:00", 951782400, 16, false},
		{"1970-01-01T00:00:00Z", 0, 20, true},
		{"1969-12-31T23:59:59Z", -1, 0, false},
		{"2025-11-20 13:54 -   ", 1763646840, 16, false},
		{"2025-13-20 13:54", -1, 0, false},
		{"2025-11-31 13:54", -1, 0, false},
		{"2025-11-20 24:00", -1, 0, false},
		{"2025-11-20", -1, 0, false},
		{"2025-11-2", -1, 0, false},
		{"20-Foo-2025 13:54", -1, 0, false},
		{"20-Nov-25 13:54", -1, 0, false},
		{"20-Nov 2025 13:54", -1, 0, false},
		{"", -1, 0, false},
		{",", -1, 0, false},
		{"-", -1, 0, false},
		{"99999-11-20 13:54", -1, 0, false},
	};
	for (size_t index = 0; index < sizeof(table) / sizeof(*table); index++) {
		int64_t seconds = -1;
		bool exact = false;
		size_t length = listing_time(table[index].text, &seconds, &exact);
		if (seconds != table[index].seconds)
			fail_msg("%s: %lld", table[index].text, (long long)seconds);
		assert_int_equal(length, table[index].length);
		assert_int_equal(exact, table[index].exact);
	}
}

static void every_octet_survives_the_disguise(void **state)
{
	(void)state;
	char octets[256], hidden[OCTETS_HIDDEN_MAX(256)];
	for (int octet = 0; octet < 256; octet++)
		octets[octet] = (char)octet;
	size_t length = octets_hide(octets, sizeof(octets), hidden);
	assert_null(memchr(hidden, '\0', length));
	assert_int_equal(octets_reveal(hidden, length), sizeof(octets));
	assert_memory_equal(hidden, octets, sizeof(octets));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_one_level_below_are_entries),
		cmocka_unit_test(everything_else_is_none),
		cmocka_unit_test(names_are_decoded_once),
		cmocka_unit_test(what_is_no_url_is_refused_as_base),
		cmocka_unit_test(short_way_agrees_with_the_long_one),
		cmocka_unit_test(dates_of_every_listing_are_read),
		cmocka_unit_test(every_octet_survives_the_disguise),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
