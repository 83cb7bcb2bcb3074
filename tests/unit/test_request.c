/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Paths of requests, and addresses of who sends them. The rest is seen where requests come
 * (test_retrieval_listen.c, test_offer_intake.c).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "peer/request.h"

static void path_is_found_in_both_forms(void **state)
{
	static const char *const rows[][2] = {
		{"/a/b", "/a/b"},
		{"/a/b?c", "/a/b"},
		{"/a/b?c?d/e", "/a/b"},
		{"/?", "/"},
		{"?", ""},
		{"*", "*"},
		{"http://h/a/b", "/a/b"},
		{"HTTP://h:80/a/b?http://x/y", "/a/b"},
		{"https://h/a/", "/a/"},
		{"http://h", ""},
		{"http://h?a/b", ""},
		{"http://", ""},
		{"httpx://h/a", "httpx://h/a"},
		{"//h/a", "//h/a"},
	};
	char path[REQUEST_PATH_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_true(request_path(rows[i][0], path));
		assert_string_equal(path, rows[i][1]);
	}
}

static void long_path_is_none(void **state)
{
	char target[2 * REQUEST_PATH_MAX], path[REQUEST_PATH_MAX] = "untouched";

	(void)state;
	memset(target, 'a', sizeof(target));
	target[REQUEST_PATH_MAX] = '\0';
	assert_false(request_path(target, path));
	assert_string_equal(path, "untouched");
	target[REQUEST_PATH_MAX] = '?'; /* the query is as long as it likes */
	target[sizeof(target) - 1] = '\0';
	assert_false(request_path(target, path));
	target[REQUEST_PATH_MAX - 1] = '?';
	assert_true(request_path(target, path));
	assert_int_equal(strlen(path), REQUEST_PATH_MAX - 1);
}

static void expect_address(const char *text, enum xaddr_family family, const char *octets,
			   uint32_t zone)
{
	struct sockaddr_in6 six = {
		.sin6_family = AF_INET6, .sin6_port = htons(4711), .sin6_scope_id = 7};
	struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(4711)};
	bool is_six = strchr(text, ':') != NULL;
	struct xaddr address;

	assert_int_equal(inet_pton(is_six ? AF_INET6 : AF_INET, text,
				   is_six ? (void *)&six.sin6_addr : (void *)&four.sin_addr),
			 1);
	assert_true(request_address(is_six ? (struct sockaddr *)&six : (struct sockaddr *)&four,
				    &address));
	assert_int_equal(address.family, family);
	assert_int_equal(address.port, 4711);
	assert_int_equal(address.zone, zone);
	assert_memory_equal(address.octets, octets, 16);
}

static void address_is_that_of_the_socket(void **state)
{
	(void)state;
	expect_address("192.0.2.9", XADDR_IPV4, "\300\0\2\t\0\0\0\0\0\0\0\0\0\0\0\0", 0);
	expect_address("2001:db8::9", XADDR_IPV6, " \1\r\270\0\0\0\0\0\0\0\0\0\0\0\t", 0);
	expect_address("fe80::9", XADDR_IPV6, "\376\200\0\0\0\0\0\0\0\0\0\0\0\0\0\t", 7);
	expect_address("::1", XADDR_IPV6, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 0);
	expect_address("::ffff:192.0.2.9", XADDR_IPV4, "\300\0\2\t\0\0\0\0\0\0\0\0\0\0\0\0", 0);
	expect_address("::ffff:169.254.0.9", XADDR_IPV4, "\251\376\0\t\0\0\0\0\0\0\0\0\0\0\0\0", 0);
}

static void other_families_are_not_read(void **state)
{
	struct sockaddr other = {.sa_family = AF_UNIX};
	struct xaddr address, before;

	(void)state;
	memset(&address, 0xa5, sizeof(address));
	before = address;
	assert_false(request_address(&other, &address));
	assert_memory_equal(&address, &before, sizeof(address));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(path_is_found_in_both_forms),
		cmocka_unit_test(long_path_is_none),
		cmocka_unit_test(address_is_that_of_the_socket),
		cmocka_unit_test(other_families_are_not_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
