/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Who is a neighbour, what announced address may be asked, and what is announced.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "peer/nearby.h"

#define ZONE 3u /* of all link-local addresses but where another is said */

/* Octets of an address, which xaddr_read may refuse. */
static struct xaddr raw(enum xaddr_family family, const char *octets)
{
	struct xaddr address = {.family = family, .port = 80};

	memcpy(address.octets, octets, xaddr_size(&address));
	return address;
}

static struct xaddr at(const char *text)
{
	struct xaddr address;

	assert_int_equal(xaddr_read(text, strlen(text), &address), 0);
	if (address.family == XADDR_IPV6 && xaddr_is_link_local(&address))
		address.zone = ZONE;
	return address;
}

/* 192.0.2.1/24, 198.51.100.1/31, 2001:db8::1/64, fe80::1/64 */
static struct nearby_interface network(void)
{
	static struct nearby_prefix prefixes[4];

	prefixes[0] = (struct nearby_prefix){at("192.0.2.1"), 24};
	prefixes[1] = (struct nearby_prefix){at("198.51.100.0"), 31};
	prefixes[2] = (struct nearby_prefix){at("2001:db8::1"), 64};
	prefixes[3] = (struct nearby_prefix){at("fe80::1"), 64};
	return (struct nearby_interface){prefixes, 4, false, ZONE};
}

static struct nearby_interface loopback(bool named)
{
	static struct nearby_prefix prefixes[2];

	prefixes[0] = (struct nearby_prefix){at("127.0.0.1"), 8};
	prefixes[1] = (struct nearby_prefix){at("::1"), 128};
	return (struct nearby_interface){prefixes, 2, named, 1};
}

static bool neighbour(struct nearby_interface interface, const char *text)
{
	struct xaddr source = at(text);

	return nearby_is_neighbour(&interface, &source);
}

static void neighbours_are_inside_a_prefix(void **state)
{
	static const char *const inside[] = {
		"192.0.2.1",  "192.0.2.254",          "198.51.100.0", "198.51.100.1", "2001:db8::2",
		"2001:db8::", "2001:db8:0:0:ffff::1", "fe80::2",      "fe80:1::2"};
	static const char *const outside[] = {"192.0.3.1",   "192.0.1.255",     "198.51.100.2",
					      "203.0.113.1", "2001:db8:0:1::1", "2001:db9::1",
					      "fec0::1",     "10.0.0.1"};

	(void)state;
	for (size_t i = 0; i < sizeof(inside) / sizeof(*inside); i++)
		assert_true(neighbour(network(), inside[i]));
	for (size_t i = 0; i < sizeof(outside) / sizeof(*outside); i++)
		assert_false(neighbour(network(), outside[i]));
}

static void the_ends_of_an_ipv4_network_are_nobody(void **state)
{
	(void)state;
	assert_false(neighbour(network(), "192.0.2.0"));
	assert_false(neighbour(network(), "192.0.2.255"));
}

static void prefixes_end_at_any_bit(void **state)
{
	struct nearby_prefix prefix = {at("10.1.96.1"), 19};
	struct nearby_interface interface = {&prefix, 1, false, ZONE};

	(void)state;
	assert_true(neighbour(interface, "10.1.127.254"));
	assert_false(neighbour(interface, "10.1.127.255"));
	assert_false(neighbour(interface, "10.1.128.1"));
	assert_false(neighbour(interface, "10.1.95.1"));
	prefix.bits = 32;
	assert_true(neighbour(interface, "10.1.96.1"));
	assert_false(neighbour(interface, "10.1.96.2"));
	prefix.bits = 33; /* of no sense */
	assert_false(neighbour(interface, "10.1.96.1"));
	prefix.bits = 0;
	assert_true(neighbour(interface, "203.0.113.1"));
}

static void groups_and_no_address_are_nobody(void **state)
{
	struct nearby_prefix all[] = {{at("10.0.0.1"), 0}, {at("2001:db8::1"), 0}};
	struct nearby_interface interface = {all, 2, true, ZONE};
	struct xaddr hosts[] = {raw(XADDR_IPV4, "\0\0\0"),
				raw(XADDR_IPV4, "\xff\xff\xff\xff"),
				raw(XADDR_IPV4, "\xef\xff\xff\xfa"),
				raw(XADDR_IPV6, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
				raw(XADDR_IPV6, "\xff\2\0\0\0\0\0\0\0\0\0\0\0\0\0\x0c"),
				raw(XADDR_IPV6, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\0\0\1")};

	(void)state;
	for (size_t i = 0; i < sizeof(hosts) / sizeof(*hosts); i++)
		assert_false(nearby_is_neighbour(&interface, &hosts[i]));
}

static void loopback_is_a_neighbour_only_where_it_is_named(void **state)
{
	(void)state;
	assert_true(neighbour(loopback(true), "127.0.0.1"));
	assert_true(neighbour(loopback(true), "127.1.2.3"));
	assert_true(neighbour(loopback(true), "::1"));
	assert_false(neighbour(loopback(false), "127.0.0.1"));
	assert_false(neighbour(loopback(false), "::1"));
	assert_false(neighbour(network(), "127.0.0.1"));
}

static void link_local_needs_ipv6_on_the_interface(void **state)
{
	struct nearby_prefix prefix = {at("192.0.2.1"), 24};
	struct nearby_interface interface = {&prefix, 1, false, ZONE};

	(void)state;
	assert_false(neighbour(interface, "fe80::2"));
	interface.count = 0;
	assert_false(neighbour(interface, "192.0.2.2"));
}

static void link_local_of_another_zone_is_another_host(void **state)
{
	struct nearby_interface interface = network();
	struct xaddr own = at("fe80::1"), other = at("fe80::7"), wide = at("2001:db8::7");

	(void)state;
	assert_true(nearby_is_own(&interface, &own));
	assert_true(nearby_may_use(&interface, &other, &other));
	for (uint32_t zone = 0; zone < ZONE; zone++) {
		struct xaddr elsewhere = other;

		elsewhere.zone = own.zone = zone;
		assert_false(nearby_is_own(&interface, &own));
		assert_false(nearby_is_neighbour(&interface, &elsewhere));
		assert_false(nearby_may_use(&interface, &other, &elsewhere));
		assert_false(nearby_may_use(&interface, &wide, &elsewhere));
	}
}

static void zones_count_for_link_local_only(void **state)
{
	struct nearby_interface interface = network();
	struct xaddr own = at("2001:db8::1"), other = at("192.0.2.7");

	(void)state;
	own.zone = other.zone = ZONE + 1;
	assert_true(nearby_is_own(&interface, &own));
	assert_true(nearby_is_neighbour(&interface, &own));
	assert_true(nearby_is_neighbour(&interface, &other));
}

static void own_addresses_are_known(void **state)
{
	struct nearby_interface interface = network();
	struct xaddr own = at("[2001:db8::1]:4711"), other = at("2001:db8::2");

	(void)state;
	assert_true(nearby_is_own(&interface, &own));
	assert_false(nearby_is_own(&interface, &other));
}

static void only_the_source_itself_is_asked_or_an_ipv6_neighbour(void **state)
{
	static const struct {
		const char *source, *address;
		bool expected;
	} rows[] = {
		{"192.0.2.7", "192.0.2.7:1337", true},  {"192.0.2.7", "192.0.2.8:1337", false},
		{"192.0.2.7", "[fe80::7]:1337", false}, {"192.0.2.7", "127.0.0.1:80", false},
		{"fe80::7", "[fe80::7]:80", true},      {"fe80::7", "[2001:db8::7]:80", true},
		{"fe80::7", "[fe80::8]:80", true},      {"fe80::7", "[2001:db8:1::7]:80", false},
		{"fe80::7", "192.0.2.7:80", false},     {"fe80::7", "[::1]:80", false},
		{"2001:db8::7", "[fe80::7]:80", true},
	};
	struct nearby_interface interface = network();

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct xaddr source = at(rows[i].source), address = at(rows[i].address);

		assert_int_equal(nearby_may_use(&interface, &source, &address), rows[i].expected);
		address.port = 0;
		assert_false(nearby_may_use(&interface, &source, &address));
	}
}

static void loopback_is_asked_only_where_it_is_named(void **state)
{
	struct nearby_interface named = loopback(true), unnamed = loopback(false);
	struct xaddr here = at("127.0.0.1");

	(void)state;
	assert_true(nearby_may_use(&named, &here, &here));
	assert_false(nearby_may_use(&unnamed, &here, &here));
}

/* The addresses that listen, and what is announced of them, parted by spaces. */
static void check_announced(enum wsd_form form, const char *sender, const char *listening,
			    const char *expected)
{
	struct xaddr from = at(sender), servers[4], announced[NEARBY_ANNOUNCED_MAX];
	char *words = strdup(listening), *rest = words, *word, text[2 * XADDR_TEXT_MAX] = "";
	unsigned count = 0, found;

	while ((word = strtok_r(rest, " ", &rest)) != NULL)
		servers[count++] = at(word);
	free(words);
	found = nearby_announce(form, &from, servers, count, announced);
	assert_in_range(found, 0, NEARBY_ANNOUNCED_MAX);
	for (unsigned i = 0; i < found; i++) {
		char one[XADDR_TEXT_MAX];

		xaddr_write(&announced[i], one);
		if (i > 0)
			strcat(text, " ");
		strcat(text, one);
	}
	assert_string_equal(text, expected);
}

static void the_senders_own_address_is_announced(void **state)
{
	(void)state;
	check_announced(WSD_FORM_1, "192.0.2.1", "[fe80::1]:1337 192.0.2.1:1337", "192.0.2.1:1337");
	check_announced(WSD_FORM_2, "2001:db8::1", "192.0.2.1:80 [2001:db8::1]:80",
			"[2001:db8::1]:80");
	check_announced(WSD_FORM_1, "2001:db8::1", "192.0.2.1:80 [2001:db8::1]:80",
			"[2001:db8::1]:80");
	check_announced(WSD_FORM_2, "fe80::1", "192.0.2.1:80 [fe80::1]:80", "[fe80::1]:80");
	check_announced(WSD_FORM_1, "169.254.7.7", "192.0.2.1:80 169.254.7.7:80", "169.254.7.7:80");
}

static void link_local_comes_behind_what_ipxe_can_use(void **state)
{
	(void)state;
	check_announced(WSD_FORM_1, "fe80::1", "[fe80::1]:80 [2001:db8::1]:80 192.0.2.1:80",
			"192.0.2.1:80 [fe80::1]:80");
	check_announced(WSD_FORM_1, "fe80::1", "[fe80::1]:80 [2001:db8::1]:80",
			"[2001:db8::1]:80 [fe80::1]:80");
	check_announced(WSD_FORM_1, "fe80::1", "[fe80::1]:80 [fe80::2]:80 127.0.0.1:80",
			"[fe80::1]:80");
	check_announced(WSD_FORM_1, "fe80::1", "192.0.2.1:80", "192.0.2.1:80");
}

static void what_listens_in_another_zone_is_not_announced(void **state)
{
	struct xaddr sender = at("fe80::1"), listening = at("[fe80::1]:80"), announced[2];

	(void)state;
	assert_int_equal(nearby_announce(WSD_FORM_2, &sender, &listening, 1, announced), 1);
	listening.zone = ZONE + 1;
	assert_int_equal(nearby_announce(WSD_FORM_2, &sender, &listening, 1, announced), 0);
}

static void nothing_that_does_not_listen_is_announced(void **state)
{
	(void)state;
	check_announced(WSD_FORM_1, "192.0.2.1", "192.0.2.2:80", "");
	check_announced(WSD_FORM_2, "fe80::1", "192.0.2.1:80", "");
	check_announced(WSD_FORM_1, "fe80::1", "", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(neighbours_are_inside_a_prefix),
		cmocka_unit_test(the_ends_of_an_ipv4_network_are_nobody),
		cmocka_unit_test(prefixes_end_at_any_bit),
		cmocka_unit_test(groups_and_no_address_are_nobody),
		cmocka_unit_test(loopback_is_a_neighbour_only_where_it_is_named),
		cmocka_unit_test(link_local_needs_ipv6_on_the_interface),
		cmocka_unit_test(link_local_of_another_zone_is_another_host),
		cmocka_unit_test(zones_count_for_link_local_only),
		cmocka_unit_test(own_addresses_are_known),
		cmocka_unit_test(only_the_source_itself_is_asked_or_an_ipv6_neighbour),
		cmocka_unit_test(loopback_is_asked_only_where_it_is_named),
		cmocka_unit_test(the_senders_own_address_is_announced),
		cmocka_unit_test(link_local_comes_behind_what_ipxe_can_use),
		cmocka_unit_test(what_listens_in_another_zone_is_not_announced),
		cmocka_unit_test(nothing_that_does_not_listen_is_announced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
