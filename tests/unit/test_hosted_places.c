/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Addresses: who has offered, who may, and where we are ourselves.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "peer/hosted_clients.h"
#include "peer/hosted_places.h"

/* ---- clients ---- */

static struct xaddr client(uint32_t number)
{
	struct xaddr address = {.family = XADDR_IPV4, .port = 80, .octets = {10}};

	memcpy(address.octets + 1, &number, 3);
	return address;
}

static void most_recent_clients_are_known(void **state)
{
	struct hosted_client *list = calloc(HOSTED_CLIENTS, sizeof(*list));
	struct hosted_clients *clients;
	struct xaddr first = client(0), second = client(1);

	(void)state;
	assert_int_equal(hosted_clients_create(1, &clients), 0);
	assert_int_equal(hosted_clients_list(clients, list, HOSTED_CLIENTS), 0);
	for (uint32_t i = 0; i < HOSTED_CLIENTS; i++) {
		struct xaddr address = client(i);

		hosted_clients_offered(clients, &address);
	}
	first.port = 81;
	hosted_clients_offered(clients, &first);
	hosted_clients_pulled(clients, &first, 100, false);
	hosted_clients_pulled(clients, &first, 0, true);
	second = client(HOSTED_CLIENTS);
	hosted_clients_offered(clients, &second);
	assert_int_equal(hosted_clients_list(clients, list, HOSTED_CLIENTS), HOSTED_CLIENTS);
	assert_true(xaddr_same_host(&list[0].address, &second));
	assert_true(xaddr_same_host(&list[1].address, &first));
	assert_int_equal(list[1].blocks, 1);
	assert_int_equal(list[1].octets, 100);
	assert_int_equal(list[1].bad, 1);
	second = client(1); /* had to go, and is not remembered by what is told of it */
	hosted_clients_pulled(clients, &second, 100, false);
	for (unsigned i = 0; i < HOSTED_CLIENTS; i++)
		assert_false(xaddr_same_host(&list[i].address, &second));
	assert_int_equal(hosted_clients_list(clients, list, 2), 2);
	assert_true(xaddr_same_host(&list[1].address, &first));
	hosted_clients_free(clients);
	free(list);
}

/* ---- places ---- */

static struct xaddr read(const char *text)
{
	struct xaddr address;

	assert_int_equal(xaddr_read(text, strlen(text), &address), 0);
	return address;
}

static void near_ones_are_permitted(void **state)
{
	static const struct {
		const char *address;
		bool near;
	} rows[] = {
		{"127.0.0.1", true},    {"127.255.0.9", true},    {"10.1.2.3", true},
		{"11.1.2.3", false},    {"9.255.255.255", false}, {"172.16.0.1", true},
		{"172.31.255.1", true}, {"172.32.0.1", false},    {"172.15.0.1", false},
		{"192.168.9.9", true},  {"192.169.0.1", false},   {"169.254.1.1", true},
		{"169.253.1.1", false}, {"8.8.8.8", false},       {"::1", true},
		{"fe80::1", true},      {"febf::1", true},        {"fec0::1", false},
		{"fc00::1", true},      {"fdff::1", true},        {"fe00::1", false},
		{"2001:db8::1", false},
	};
	struct xaddr mapped = {.family = XADDR_IPV6, .octets = {[10] = 0xff, 0xff, 10, 0, 0, 1}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct xaddr address = read(rows[i].address);

		if (hosted_places_near(&address) != rows[i].near)
			fail_msg("%s", rows[i].address);
	}
	assert_true(hosted_places_near(&mapped));
	mapped.octets[12] = 8;
	assert_false(hosted_places_near(&mapped));
}

static bool is_there(const char *listener, const char *address)
{
	struct hosted_places *places;
	struct xaddr asked = read(address);
	bool there;

	assert_int_equal(hosted_places_create(&places), 0);
	assert_int_equal(hosted_places_add(places, "192.0.2.77:7777"), 0);
	assert_int_equal(hosted_places_add(places, listener), 0);
	there = hosted_places_has(places, &asked, 0);
	assert_int_equal(hosted_places_has(places, &asked, HOSTED_PLACES_FRESH_MS), there);
	hosted_places_free(places);
	return there;
}

static void listeners_are_known(void **state)
{
	(void)state;
	assert_true(is_there("127.0.0.1:80", "127.0.0.1:80"));
	assert_false(is_there("127.0.0.1:80", "127.0.0.1:81"));
	assert_false(is_there("127.0.0.1:80", "127.0.0.2:80"));
	assert_true(is_there("0.0.0.0:80", "127.0.0.2:80"));
	assert_true(is_there("[::]:80", "127.0.0.2:80"));
	assert_true(is_there("[::]:80", "[::1]:80"));
	assert_false(is_there("[::]:80", "192.0.2.1:80"));
	assert_true(is_there("[2001:db8::1]:80", "[2001:db8::1]:80"));
	assert_true(is_there("[fe80::1%lo]:80", "[fe80::1]:80"));
	assert_true(is_there("192.0.2.1:8080", "192.0.2.77:7777"));
}

static void rubbish_is_no_listener(void **state)
{
	static const char *const texts[] = {"", "80", "x:80", "[::1:80", "[]:80", ":80"};
	struct hosted_places *places;

	(void)state;
	assert_int_equal(hosted_places_create(&places), 0);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (hosted_places_add(places, texts[i]) == 0)
			fail_msg("%s", texts[i]);
	hosted_places_free(places);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(most_recent_clients_are_known),
		cmocka_unit_test(near_ones_are_permitted),
		cmocka_unit_test(listeners_are_known),
		cmocka_unit_test(rubbish_is_no_listener),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
