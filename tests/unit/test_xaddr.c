/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Addresses as answers announce them.
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

#include "peer/xaddr.h"

static int read_text(const char *text, struct xaddr *address_out)
{
	/* Exactly as large as the text, so that reading past its end is seen. */
	size_t length = strlen(text);
	char *copy = malloc(length > 0 ? length : 1);
	int error;

	assert_non_null(copy);
	memcpy(copy, text, length);
	error = xaddr_read(copy, length, address_out);
	free(copy);
	return error;
}

static struct xaddr good(const char *text)
{
	struct xaddr address;

	assert_int_equal(read_text(text, &address), 0);
	return address;
}

static void every_form_is_read_and_one_is_written(void **state)
{
	static const char *const rows[][2] = {
		{"192.0.2.1:80", "192.0.2.1:80"},
		{"192.0.2.1", "192.0.2.1:80"},
		{"192.0.2.1:65535", "192.0.2.1:65535"},
		{"192.0.2.1:00080", "192.0.2.1:80"},
		{"http://192.0.2.1:1337/116B50EB-ECE2-41ac-8429-9F9E963361B7/", "192.0.2.1:1337"},
		{"HTTP://192.0.2.1/", "192.0.2.1:80"},
		{"192.0.2.1:81/x:82", "192.0.2.1:81"},
		{"[2001:db8::1]:80", "[2001:db8::1]:80"},
		{"[2001:DB8:0:0:0:0:0:1]", "[2001:db8::1]:80"},
		{"http://[2001:db8::1]:1337/x", "[2001:db8::1]:1337"},
		{"[fe80::1%3]:80", "[fe80::1]:80"},
		{"[fe80::1%25eth0]:80", "[fe80::1]:80"},
		{"[fe80::1%]:80", "[fe80::1]:80"},
		{"fe80::1%eth0", "[fe80::1]:80"},
		{"2001:db8::1", "[2001:db8::1]:80"},
		{"2001:db8:1111:2222:3333:4444:5555:6666",
		 "[2001:db8:1111:2222:3333:4444:5555:6666]:80"},
		{"127.0.0.1:80", "127.0.0.1:80"},
		{"[::1]:80", "[::1]:80"},
		{"[64:ff9b::192.0.2.1]:80", "[64:ff9b::c000:201]:80"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct xaddr address = good(rows[i][0]), again;
		char text[XADDR_TEXT_MAX];

		xaddr_write(&address, text);
		assert_string_equal(text, rows[i][1]);
		again = good(text);
		assert_memory_equal(&again, &address, sizeof(address));
	}
}

static void what_is_no_address_is_refused(void **state)
{
	static const char *const texts[] = {
		"",
		":",
		":80",
		"/",
		"http://",
		"http:///",
		"http://:80",
		"peer.example",
		"peer.example:80",
		"localhost:80",
		"192.0.2",
		"192.0.2.1.1",
		"192.0.2.256",
		"192.0.2.01",
		"0xc0000201",
		"3221225985",
		"192.0.2.1:",
		"192.0.2.1:0",
		"192.0.2.1:65536",
		"192.0.2.1:99999",
		"192.0.2.1:000080",
		"192.0.2.1:8a",
		"192.0.2.1:-1",
		"192.0.2.1:+80",
		"192.0.2.1: 80",
		"192.0.2.1%1:80",
		"192.0.2.1@192.0.2.2",
		"a@192.0.2.1:80",
		"https://192.0.2.1:80",
		"http://http://192.0.2.1",
		"ftp://192.0.2.1",
		"//192.0.2.1",
		"192.0.2.1?x",
		"[192.0.2.1]:80",
		"[]",
		"[]:80",
		"[",
		"[2001:db8::1",
		"[2001:db8::1]80",
		"[2001:db8::1]:",
		"[2001:db8::1]:0",
		"[2001:db8::1]:65536",
		"[2001:db8::1]]:80",
		"[[2001:db8::1]]:80",
		"[2001:db8::1:80",
		"2001:db8::1]:80",
		"[2001:db8::g]:80",
		"[2001:db8:::1]:80",
		"2001:db8:1:2:3:4:5:6:80",
		"[%1]:80",
		"%",
		"[fe80::1%3:80",
		"[2001:db8::1::2]:80",
		"[0000000000000000000000000000000000000000000000000000000000000001::]:80",
	};
	struct xaddr address = {.port = 4711};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (read_text(texts[i], &address) != -EBADMSG)
			fail_msg("taken: %s", texts[i]);
	assert_int_equal(xaddr_read("192.0.2.1\0", 10, &address), -EBADMSG);
	assert_int_equal(address.port, 4711);
}

static void addresses_of_no_single_host_are_refused(void **state)
{
	static const char *const texts[] = {
		"0.0.0.0:80",      "255.255.255.255:80", "224.0.0.1:80", "239.255.255.250:3702",
		"[::]:80",         "[ff02::c]:80",       "[ff0e::1]:80", "[::ffff:192.0.2.1]:80",
		"::ffff:c000:201",
	};
	struct xaddr address;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		assert_int_equal(read_text(texts[i], &address), -EBADMSG);
	good("240.0.0.1:80");
	good("223.255.255.255:80");
}

static void every_cut_is_read_within_its_bounds(void **state)
{
	static const char text[] = "http://[2001:db8:1111:2222:3333:4444:5555:6666%eth0]:1337/x";
	struct xaddr address;

	(void)state;
	for (size_t i = 0; i < strlen(text); i++) {
		char cut[sizeof(text)];

		snprintf(cut, sizeof(cut), "%.*s", (int)i, text);
		read_text(cut, &address);
	}
	assert_int_equal(read_text(text, &address), 0);
}

static void hosts_are_compared_with_and_without_port(void **state)
{
	struct xaddr one = good("192.0.2.1:80"), other = good("192.0.2.1:81");
	struct xaddr third = good("192.0.2.2:80"), fourth = good("[c000:201::]:80");

	(void)state;
	assert_true(xaddr_same_host(&one, &other));
	assert_false(xaddr_same(&one, &other));
	assert_true(xaddr_same(&one, &one));
	assert_false(xaddr_same_host(&one, &third));
	assert_false(xaddr_same_host(&one, &fourth)); /* equal octets, another family */
}

static void the_zone_parts_link_local_hosts_and_no_others(void **state)
{
	static const struct {
		const char *text;
		bool same;
	} rows[] = {
		{"fe80::1", false}, {"febf::1", false},    {"fec0::1", true},
		{"::1", true},      {"2001:db8::1", true}, {"169.254.0.1", true},
	};

	(void)state;
	assert_int_equal(good("fe80::1%7").zone, 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct xaddr one = good(rows[i].text), other = one;

		one.zone = 2;
		other.zone = 3;
		assert_int_equal(xaddr_same_host(&one, &other), rows[i].same);
		assert_int_equal(xaddr_same(&one, &other), rows[i].same);
		other.zone = 2;
		assert_true(xaddr_same(&one, &other));
	}
}

static void kinds_are_known(void **state)
{
	static const struct {
		const char *text;
		bool loopback, link_local;
	} rows[] = {
		{"127.0.0.1", true, false},    {"127.255.0.1", true, false},
		{"128.0.0.1", false, false},   {"169.254.0.1", false, true},
		{"169.253.0.1", false, false}, {"::1", true, false},
		{"::2", false, false},         {"fe80::1", false, true},
		{"febf::1", false, true},      {"fec0::1", false, false},
		{"2001:db8::1", false, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct xaddr address = good(rows[i].text);

		assert_int_equal(xaddr_is_loopback(&address), rows[i].loopback);
		assert_int_equal(xaddr_is_link_local(&address), rows[i].link_local);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_form_is_read_and_one_is_written),
		cmocka_unit_test(what_is_no_address_is_refused),
		cmocka_unit_test(addresses_of_no_single_host_are_refused),
		cmocka_unit_test(every_cut_is_read_within_its_bounds),
		cmocka_unit_test(hosts_are_compared_with_and_without_port),
		cmocka_unit_test(the_zone_parts_link_local_hosts_and_no_others),
		cmocka_unit_test(kinds_are_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
