/* SPDX-License-Identifier: BSD-2-Clause */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "origin/origin_s3.h"
#include "origin/origin_url.h"

static void expect_url(const char *root_url, const char *path, enum origin_url_form form,
		       const char *expected)
{
	struct origin_root root;
	char message[200], *url;

	assert_int_equal(origin_root_parse(root_url, &root, message, sizeof(message)), 0);
	url = origin_url_make(&root, path, form, NULL);
	assert_string_equal(url, expected);
	free(url);
	origin_root_clear(&root);
}

static void path_is_put_below_the_root(void **state)
{
	(void)state;
	expect_url("http://h/", "a/b", ORIGIN_URL_FILE, "http://h/a/b");
	expect_url("http://h", "", ORIGIN_URL_FILE, "http://h/");
	expect_url("HTTP://H:80/d", "a", ORIGIN_URL_FILE, "http://h/d/a");
	expect_url("http://h:8080/d/", "a", ORIGIN_URL_DIRECTORY, "http://h:8080/d/a/");
	expect_url("http://h/d", "", ORIGIN_URL_DIRECTORY, "http://h/d/");
	expect_url("http://h/file", "", ORIGIN_URL_FILE, "http://h/file");
	expect_url("http://h/d/?key=v&w", "a", ORIGIN_URL_DIRECTORY, "http://h/d/a/?key=v&w");
	expect_url("https://[::1]:8443/#part", "a", ORIGIN_URL_FILE, "https://[::1]:8443/a");
}

static void all_but_unreserved_is_encoded(void **state)
{
	(void)state;
	expect_url("http://h/", "a b?#%\xc3\xa4\n;+&~-._", ORIGIN_URL_FILE,
		   "http://h/a%20b%3F%23%25%C3%A4%0A%3B%2B%26~-._");
	expect_url("http://h/x y/", "z", ORIGIN_URL_FILE, "http://h/x%20y/z");
}

static void bad_origin_urls_are_refused(void **state)
{
	static const char *const urls[] = {"",
					   "/x",
					   "ftp://h/",
					   "http://",
					   "http://h:x/",
					   "http://user@h/",
					   "http://user:secret@h/",
					   "file:///x"};
	struct origin_root root;
	char message[200];

	(void)state;
	for (size_t i = 0; i < sizeof(urls) / sizeof(*urls); i++) {
		assert_int_equal(origin_root_parse(urls[i], &root, message, sizeof(message)),
				 -EINVAL);
		assert_null(strstr(message, "secret"));
	}
}

static void home_is_scheme_host_and_port(void **state)
{
	struct origin_root root;
	char message[200];

	(void)state;
	assert_int_equal(origin_root_parse("http://h/d/", &root, message, sizeof(message)), 0);
	assert_true(origin_url_is_home(&root, "http://H:80/elsewhere"));
	assert_false(origin_url_is_home(&root, "https://h/d/"));
	assert_false(origin_url_is_home(&root, "http://h:81/d/"));
	assert_false(origin_url_is_home(&root, "http://g/d/"));
	assert_false(origin_url_is_home(&root, "http://h.g/d/"));
	origin_root_clear(&root);
}

static void expect_redirect(const char *from, const char *location, int error, const char *to,
			    bool slash)
{
	struct origin_redirect redirect = {0};

	assert_int_equal(origin_url_redirect(from, location, &redirect), error);
	assert_int_equal(redirect.slash, slash);
	if (error == 0) {
		assert_string_equal(redirect.url, to);
		free(redirect.url);
	}
}

static void redirects_are_resolved(void **state)
{
	(void)state;
	expect_redirect("http://h/a/b", "c", 0, "http://h/a/c", false);
	expect_redirect("http://h/a/b", "//g/x?y#z", 0, "http://g/x?y", false);
	expect_redirect("http://h/a/b", "https://h/a/b", 0, "https://h/a/b", false);
	expect_redirect("https://h/a", "/x y", 0, "https://h/x%20y", false);
}

static void redirects_that_lead_astray_are_refused(void **state)
{
	(void)state;
	expect_redirect("https://h/a", "http://h/b", -ELOOP, NULL, false);
	expect_redirect("http://h/a", "file:///etc/passwd", -ELOOP, NULL, false);
	expect_redirect("http://h/a", "ftp://h/a", -ELOOP, NULL, false);
	expect_redirect("http://h/a", "gopher://h/a", -ELOOP, NULL, false);
	expect_redirect("http://h/a", "http://user:pw@h/b", -ELOOP, NULL, false);
	expect_redirect("http://h/a", "http://[", -ELOOP, NULL, false);
}

static void added_slash_is_seen(void **state)
{
	(void)state;
	expect_redirect("http://h/a%20b", "http://h/a b/", 0, "http://h/a%20b/", true);
	expect_redirect("http://h/a", "/a/", 0, "http://h/a/", true);
	expect_redirect("http://h/a%0Ab", "/a%0ab/", 0, "http://h/a%0ab/", true);
	expect_redirect("http://h/a", "http://h:8080/a/", 0, "http://h:8080/a/", true);
	expect_redirect("https://h/a", "http://h/a/", -ELOOP, NULL, true);
	expect_redirect("http://h/a", "http://g/a/", 0, "http://g/a/", false);
	expect_redirect("http://h/a", "/b/a/", 0, "http://h/b/a/", false);
	expect_redirect("http://h/a", "/a/b/", 0, "http://h/a/b/", false);
}

static bool address_is_local(const char *text)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};

	if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
		return origin_address_is_local((struct sockaddr *)&v4);
	assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
	return origin_address_is_local((struct sockaddr *)&v6);
}

static void loopback_and_link_local_addresses_are_local(void **state)
{
	static const char *const local[] = {"127.0.0.1",
					    "127.255.0.3",
					    "0.0.0.0",
					    "169.254.169.254",
					    "::1",
					    "::",
					    "fe80::1",
					    "febf::1",
					    "::ffff:127.0.0.1",
					    "::ffff:169.254.1.1",
					    "64:ff9b::7f00:1",
					    "::127.0.0.1"};
	static const char *const far[] = {"192.0.2.1",   "10.0.0.1",         "128.0.0.1",
					  "2001:db8::1", "::ffff:192.0.2.1", "fec0::1"};

	(void)state;
	for (size_t i = 0; i < sizeof(local) / sizeof(*local); i++)
		assert_true(address_is_local(local[i]));
	for (size_t i = 0; i < sizeof(far) / sizeof(*far); i++)
		assert_false(address_is_local(far[i]));
}

static void local_hosts_are_known_by_name(void **state)
{
	static const char *const local[] = {"localhost", "LOCALHOST.",      "a.localhost",
					    "127.0.0.1", "127.1",           "2130706433",
					    "[::1]",     "[fe80::1%25eth0]"};
	static const char *const far[] = {"example.org", "notlocalhost", "localhost.example.org",
					  "192.0.2.1", "[2001:db8::1]"};

	(void)state;
	for (size_t i = 0; i < sizeof(local) / sizeof(*local); i++)
		assert_true(origin_host_is_local(local[i]));
	for (size_t i = 0; i < sizeof(far) / sizeof(*far); i++)
		assert_false(origin_host_is_local(far[i]));
}

static void s3_pages_are_asked_for_by_prefix_and_token(void **state)
{
	struct origin_root root;
	char message[200], *url;

	(void)state;
	assert_int_equal(origin_root_parse("http://h/bucket/", &root, message, sizeof(message)), 0);
	url = origin_s3_list_url(&root, S3_BUCKET_ALL, "a b/c", "t/+=");
	assert_string_equal(url, "http://h/bucket/?list-type=2&delimiter=%2F&encoding-type=url"
				 "&prefix=a%20b%2Fc%2F&continuation-token=t%2F%2B%3D");
	free(url);
	url = origin_s3_list_url(&root, S3_BUCKET_ALL, "", NULL);
	assert_string_equal(url,
			    "http://h/bucket/?list-type=2&delimiter=%2F&encoding-type=url&prefix=");
	free(url);
	origin_root_clear(&root);
}

static void folder_of_a_bucket_is_part_of_the_prefix(void **state)
{
	struct origin_root root;
	char message[200], *url;

	(void)state;
	assert_int_equal(origin_root_parse("http://h/x/y%20z", &root, message, sizeof(message)), 0);
	assert_true(origin_s3_possible(&root, S3_BUCKET_HOST));
	assert_true(origin_s3_possible(&root, S3_BUCKET_PATH));
	assert_false(origin_s3_possible(&root, S3_BUCKET_ALL));
	url = origin_s3_list_url(&root, S3_BUCKET_HOST, "p", NULL);
	assert_string_equal(url, "http://h/?list-type=2&delimiter=%2F&encoding-type=url"
				 "&prefix=x%2Fy%20z%2Fp%2F");
	free(url);
	url = origin_s3_probe_url(&root, S3_BUCKET_PATH, "");
	assert_string_equal(url, "http://h/x/?list-type=2&delimiter=%2F&encoding-type=url"
				 "&max-keys=1&prefix=y%20z%2F");
	free(url);
	origin_root_clear(&root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(path_is_put_below_the_root),
		cmocka_unit_test(all_but_unreserved_is_encoded),
		cmocka_unit_test(bad_origin_urls_are_refused),
		cmocka_unit_test(home_is_scheme_host_and_port),
		cmocka_unit_test(redirects_are_resolved),
		cmocka_unit_test(redirects_that_lead_astray_are_refused),
		cmocka_unit_test(added_slash_is_seen),
		cmocka_unit_test(loopback_and_link_local_addresses_are_local),
		cmocka_unit_test(local_hosts_are_known_by_name),
		cmocka_unit_test(folder_of_a_bucket_is_part_of_the_prefix),
		cmocka_unit_test(s3_pages_are_asked_for_by_prefix_and_token),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
