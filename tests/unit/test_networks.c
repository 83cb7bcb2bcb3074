/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Networks that an administrator names: forms, what is none, and who is in them.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fs/networks.h"

static struct xaddr address_of(const char *text)
{
	struct xaddr address = {.port = 80};

	if (inet_pton(AF_INET, text, address.octets) == 1) {
		address.family = XADDR_IPV4;
	} else {
		assert_int_equal(inet_pton(AF_INET6, text, address.octets), 1);
		address.family = XADDR_IPV6;
	}
	return address;
}

/* Whether the networks of LIST, parted by blanks, have ADDRESS. */
static bool held(const char *list, const char *address)
{
	struct networks networks = {0};
	struct xaddr who = address_of(address);
	char *copy = strdup(list), *rest = copy, *word, nearest[NETWORKS_TEXT_MAX];

	while ((word = strsep(&rest, " ")) != NULL)
		if (*word != '\0')
			assert_int_equal(networks_add(&networks, word, nearest), 0);
	bool answer = networks_hold(&networks, &who);
	networks_free(&networks);
	assert_null(networks.list);
	free(copy);
	return answer;
}

static void networks_end_where_their_prefix_says(void **state)
{
	(void)state;
	assert_true(held("10.0.0.0/8", "10.255.255.255"));
	assert_false(held("10.0.0.0/8", "11.0.0.0"));
	assert_true(held("172.16.0.0/12", "172.31.255.255"));
	assert_false(held("172.16.0.0/12", "172.32.0.0"));
	assert_false(held("172.16.0.0/12", "172.15.255.255"));
	assert_true(held("192.0.2.7", "192.0.2.7"));
	assert_false(held("192.0.2.7", "192.0.2.6"));
	assert_true(held("192.0.2.6/31", "192.0.2.7"));
	assert_true(held("2001:db8::/33", "2001:db8:7fff::1"));
	assert_false(held("2001:db8::/33", "2001:db8:8000::1"));
	assert_true(held("2001:db8::1", "2001:db8::1"));
	assert_false(held("2001:db8::1", "2001:db8::2"));
	assert_true(held("2001:db8::2/127", "2001:db8::3"));
}

static void a_prefix_of_nothing_is_everything_of_its_family(void **state)
{
	(void)state;
	assert_true(held("0.0.0.0/0", "255.1.2.3"));
	assert_false(held("0.0.0.0/0", "2001:db8::1"));
	assert_true(held("::/0", "2001:db8::1"));
	assert_false(held("::/0", "192.0.2.1"));
}

static void any_of_several_will_do(void **state)
{
	(void)state;
	assert_false(held("", "127.0.0.1"));
	assert_true(held("10.0.0.0/8 2001:db8::/32 192.0.2.0/24", "192.0.2.1"));
	assert_true(held("10.0.0.0/8 2001:db8::/32 192.0.2.0/24", "2001:db8::1"));
	assert_false(held("10.0.0.0/8 2001:db8::/32 192.0.2.0/24", "192.0.3.1"));
}

static void ipv4_inside_ipv6_is_ipv4(void **state)
{
	(void)state;
	assert_true(held("10.0.0.0/8", "::ffff:10.1.2.3"));
	assert_true(held("::ffff:10.0.0.0/104", "10.1.2.3"));
	assert_true(held("::ffff:10.1.2.3", "10.1.2.3"));
	assert_false(held("::ffff:10.0.0.0/104", "11.1.2.3"));
	/* It is no IPv6. */
	assert_false(held("::/0", "::ffff:10.1.2.3"));
}

static void what_is_no_network_is_refused(void **state)
{
	static const char *const texts[] = {
		"",
		"/",
		"x",
		"10",
		"10.0.0",
		"10.0.0.0/",
		"10.0.0.0/33",
		"10.0.0.0/-1",
		"10.0.0.0/ 8",
		"10.0.0.0/8 ",
		"10.0.0.0/0x8",
		"10.0.0.0/255.0.0.0",
		"10.0.0.0/8/8",
		"10.0.0.0/0000000008",
		" 10.0.0.0/8",
		"2001:db8::/129",
		"2001:db8::/9999",
		"[2001:db8::]/32",
		"fe80::1%lo",
		"localhost",
		"2001:0db8:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000/32",
	};
	struct networks networks = {0};
	char nearest[NETWORKS_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		if (networks_add(&networks, texts[i], nearest) != -EINVAL)
			fail_msg("%s was taken", texts[i]);
	assert_int_equal(networks.count, 0);
	networks_free(&networks);
}

static void an_address_in_a_network_is_not_taken_for_it(void **state)
{
	static const char *const cases[][2] = {
		{"10.1.2.3/8", "10.0.0.0/8"},          {"192.0.2.1/31", "192.0.2.0/31"},
		{"2001:db8::1/32", "2001:db8::/32"},   {"1.2.3.4/0", "0.0.0.0/0"},
		{"::ffff:10.1.2.3/104", "10.0.0.0/8"},
	};
	struct networks networks = {0};
	char nearest[NETWORKS_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_int_equal(networks_add(&networks, cases[i][0], nearest), -EDOM);
		assert_string_equal(nearest, cases[i][1]);
	}
	assert_int_equal(networks.count, 0);
	networks_free(&networks);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(networks_end_where_their_prefix_says),
		cmocka_unit_test(a_prefix_of_nothing_is_everything_of_its_family),
		cmocka_unit_test(any_of_several_will_do),
		cmocka_unit_test(ipv4_inside_ipv6_is_ipv4),
		cmocka_unit_test(what_is_no_network_is_refused),
		cmocka_unit_test(an_address_in_a_network_is_not_taken_for_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
