/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the target of a request names, and what a host can be.
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

#include "origin/content_target.h"

static void expect_path(const char *text, const char *path, bool slash)
{
	struct content_target target;

	if (content_target_read(text, &target) != 0)
		fail_msg("%s is refused", text);
	assert_string_equal(target.path, path);
	assert_int_equal(target.slash, slash);
	assert_false(target.server);
	content_target_clear(&target);
}

static void expect_refused(const char *text, int error)
{
	struct content_target target = {.query = "untouched"};
	int result = content_target_read(text, &target);

	if (result != error)
		fail_msg("%s: %d", text, result);
	assert_string_equal(target.query, "untouched");
}

static void paths_are_decoded_once(void **state)
{
	(void)state;
	expect_path("/", "", true);
	expect_path("/a", "a", false);
	expect_path("/a/", "a", true);
	expect_path("/a/b%20c", "a/b c", false);
	expect_path("/a%2520", "a%20", false);
	expect_path("/%ff%FE", "\xff\xfe", false);
	expect_path("/\xe4", "\xe4", false);
	expect_path("/a?b/c%zz", "a", false);
	expect_path("/a:b", "a:b", false);
	expect_path("/...", "...", false);
	expect_path("/.hidden/..x", ".hidden/..x", false);
	expect_path("/%5c..%5c", "\\..\\", false);
}

static void slashes_count_once(void **state)
{
	(void)state;
	expect_path("//", "", true);
	expect_path("//host.example/a", "host.example/a", false);
	expect_path("/a///b//", "a/b", true);
}

static void single_dots_count_for_nothing(void **state)
{
	(void)state;
	expect_path("/.", "", true);
	expect_path("/./a:b", "a:b", false);
	expect_path("/a/./b/.", "a/b", true);
	expect_path("/a/%2e//%2E/b", "a/b", false);
	expect_path("/././", "", true);
}

static void nothing_leads_up(void **state)
{
	(void)state;
	expect_refused("/..", -EINVAL);
	expect_refused("/../etc/passwd", -EINVAL);
	expect_refused("/a/../b", -EINVAL);
	expect_refused("/a/..", -EINVAL);
	expect_refused("/./../a", -EINVAL);
	expect_refused("/%2e%2e/a", -EINVAL);
	expect_refused("/.%2E/a", -EINVAL);
	expect_refused("/a%00b", -EINVAL);
	expect_refused("/..%00", -EINVAL);
	expect_refused("/..%2fetc", -ENOENT);
	expect_refused("/a%2f..%2fb", -ENOENT);
	expect_refused("/%2f", -ENOENT);
	/* Overlong forms are octets of names, not dots or slashes. */
	expect_path("/%c0%ae%c0%ae/%c0%af", "\xc0\xae\xc0\xae/\xc0\xaf", false);
	expect_path("/%252e%252e/a", "%2e%2e/a", false);
}

static void malformed_targets_are_refused(void **state)
{
	char name[300] = "/";

	(void)state;
	expect_refused("", -EINVAL);
	expect_refused("a", -EINVAL);
	expect_refused("**", -EINVAL);
	expect_refused("host:443", -EINVAL);
	expect_refused("ftp://host/a", -EINVAL);
	expect_refused("/%", -EINVAL);
	expect_refused("/%4", -EINVAL);
	expect_refused("/%4g", -EINVAL);
	expect_refused("/a b", -EINVAL);
	expect_refused("/a#b", -EINVAL);
	expect_refused("/a?b\r\nc", -EINVAL);
	memset(name + 1, 'x', 256);
	expect_refused(name, -ENOENT);
	name[256] = '\0';
	expect_path(name, name + 1, false);
}

static void absolute_form_is_split(void **state)
{
	struct content_target target;

	(void)state;
	assert_int_equal(content_target_read("http://host:80/a/?q", &target), 0);
	assert_string_equal(target.path, "a");
	assert_string_equal(target.query, "?q");
	assert_int_equal(target.authority_length, 7);
	assert_memory_equal(target.authority, "host:80", 7);
	assert_false(target.tls);
	content_target_clear(&target);
	assert_int_equal(content_target_read("HTTPS://host", &target), 0);
	assert_string_equal(target.path, "");
	assert_true(target.slash);
	assert_true(target.tls);
	content_target_clear(&target);
	expect_refused("http://host/../a", -EINVAL);
}

static void the_server_as_such(void **state)
{
	struct content_target target;

	(void)state;
	assert_int_equal(content_target_read("*", &target), 0);
	assert_true(target.server);
	assert_null(target.path);
	assert_null(target.authority);
	content_target_clear(&target);
}

static void expect_location(const char *text, const char *expected)
{
	struct content_target target;
	char *location;

	assert_int_equal(content_target_read(text, &target), 0);
	location = content_target_location(&target);
	assert_string_equal(location, expected);
	free(location);
	content_target_clear(&target);
}

static void redirects_stay_on_this_host(void **state)
{
	(void)state;
	expect_location("/a", "a/");
	expect_location("/a/b%20c?d=e", "b%20c/?d=e");
	expect_location("//host.example", "host.example/");
	expect_location("/http:", "http%3A/");
	expect_location("/%0d%0aX:y", "%0D%0AX%3Ay/");
	expect_location("/\\host", "%5Chost/");
}

static void expect_host(const char *text, bool possible)
{
	if (content_host_possible(text, strlen(text)) != possible)
		fail_msg("%s", text);
}

static void hosts_are_checked(void **state)
{
	(void)state;
	expect_host("host.example", true);
	expect_host("host:8080", true);
	expect_host("192.0.2.1:80", true);
	expect_host("[2001:db8::1]:80", true);
	expect_host("[::1]", true);
	expect_host("", true);
	expect_host("host:", true);
	expect_host("a@b", false);
	expect_host("a/b", false);
	expect_host("a b", false);
	expect_host("host:80:80", false);
	expect_host("host:x", false);
	expect_host("[::1", false);
	expect_host("[::1]80", false);
	expect_host("[x]", false);
	expect_host("[", false);
	expect_host("2001:db8::1", false);
}

static bool is_here(const char *text)
{
	return content_host_is_here(text, strlen(text));
}

static void this_machine_is_known(void **state)
{
	(void)state;
	assert_true(is_here("localhost:8080"));
	assert_true(is_here("LocalHost"));
	assert_true(is_here("127.0.0.1"));
	assert_true(is_here("127.0.0.1:99"));
	assert_false(is_here("192.0.2.77"));
	assert_false(is_here("0.0.0.0"));
	assert_false(is_here("224.0.0.1"));
	assert_false(is_here("255.255.255.255"));
	assert_false(is_here("[2001:db8::77]"));
	assert_false(is_here("[::]"));
	assert_false(is_here("elsewhere.example"));
	assert_false(is_here("localhost.elsewhere.example"));
	assert_false(is_here(""));
	assert_false(is_here("user@localhost"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_are_decoded_once),
		cmocka_unit_test(slashes_count_once),
		cmocka_unit_test(single_dots_count_for_nothing),
		cmocka_unit_test(nothing_leads_up),
		cmocka_unit_test(malformed_targets_are_refused),
		cmocka_unit_test(absolute_form_is_split),
		cmocka_unit_test(the_server_as_such),
		cmocka_unit_test(redirects_stay_on_this_host),
		cmocka_unit_test(hosts_are_checked),
		cmocka_unit_test(this_machine_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
