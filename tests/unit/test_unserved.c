/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Who could not be given what: counted by address, forgotten with time, and safe from floods.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "peer/unserved.h"

#define ID_SIZE 32u

static struct unserved *unserved;

static int begin(void **state)
{
	(void)state;
	return unserved_create(7, &unserved);
}

static int end(void **state)
{
	(void)state;
	unserved_free(unserved);
	return 0;
}

static struct xaddr host(enum xaddr_family family, uint8_t number)
{
	return (struct xaddr){.family = family, .port = 1, .octets = {192, 0, 2, number}};
}

static void asks(struct xaddr who, uint32_t number, int64_t now_ms)
{
	uint8_t id[ID_SIZE] = {0};

	memcpy(id, &number, sizeof(number));
	unserved_note(unserved, &who, id, ID_SIZE, now_ms);
}

static unsigned hosts(uint32_t number, int64_t now_ms)
{
	uint8_t id[ID_SIZE] = {0};

	memcpy(id, &number, sizeof(number));
	return unserved_hosts(unserved, id, ID_SIZE, now_ms);
}

static void each_address_counts_once(void **state)
{
	struct xaddr again = host(XADDR_IPV4, 1);

	(void)state;
	again.port = 2;
	assert_int_equal(hosts(1, 0), 0);
	asks(host(XADDR_IPV4, 1), 1, 0);
	asks(again, 1, 1);
	assert_int_equal(hosts(1, 1), 1);
	asks(host(XADDR_IPV4, 2), 1, 1);
	assert_int_equal(hosts(1, 1), 2);
	assert_int_equal(hosts(2, 1), 0);
}

static void ids_of_other_sizes_are_others(void **state)
{
	uint8_t id[ID_SIZE + 1] = {1};
	struct xaddr who = host(XADDR_IPV4, 1);

	(void)state;
	unserved_note(unserved, &who, id, ID_SIZE, 0);
	assert_int_equal(unserved_hosts(unserved, id, ID_SIZE + 1, 0), 0);
	assert_int_equal(unserved_hosts(unserved, id, ID_SIZE, 0), 1);
}

static void it_is_forgotten_after_half_a_minute(void **state)
{
	(void)state;
	asks(host(XADDR_IPV4, 1), 1, 1000);
	asks(host(XADDR_IPV4, 2), 1, 2000);
	assert_int_equal(hosts(1, 1000 + UNSERVED_MS - 1), 2);
	assert_int_equal(hosts(1, 1000 + UNSERVED_MS), 1);
	assert_int_equal(hosts(1, 2000 + UNSERVED_MS), 0);
	asks(host(XADDR_IPV4, 1), 1, 2000 + UNSERVED_MS);
	assert_int_equal(hosts(1, 2000 + UNSERVED_MS), 1);
}

static void a_machine_with_both_families_counts_once(void **state)
{
	(void)state;
	asks(host(XADDR_IPV4, 1), 1, 0);
	asks(host(XADDR_IPV6, 101), 1, 0);
	assert_int_equal(hosts(1, 0), 1);
	asks(host(XADDR_IPV6, 102), 1, 0);
	assert_int_equal(hosts(1, 0), 2);
}

/* Whatever one asks for, at most those of its own row are forgotten. */
static void a_flood_hides_few(void **state)
{
	unsigned left = 0;

	(void)state;
	for (uint8_t i = 0; i < 200; i++)
		asks(host(XADDR_IPV4, i), 1000 + i, 0);
	for (uint32_t i = 0; i < 100000; i++)
		asks(host(XADDR_IPV4, 255), 10000 + i, 1);
	for (uint32_t i = 0; i < 200; i++)
		left += hosts(1000 + i, 1);
	assert_in_range(left, 150, 199);
	/* its own last ones are there */
	assert_int_equal(hosts(10000 + 99999, 1), 1);
	assert_int_equal(hosts(10000 + 99999 - (UNSERVED_IDS - 1), 1), 1);
	assert_int_equal(hosts(10000 + 99999 - UNSERVED_IDS, 1), 0);
}

/* More hosts than there is room for: those that asked last are counted. */
static void a_whole_network_is_counted_as_many(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 250; i++)
		asks(host(XADDR_IPV4, (uint8_t)i), 1, i);
	assert_in_range(hosts(1, 250), UNSERVED_ROWS, UNSERVED_ROWS * UNSERVED_HOSTS);
	assert_true(hosts(1, UNSERVED_MS + 200) >= 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_address_counts_once, begin, end),
		cmocka_unit_test_setup_teardown(ids_of_other_sizes_are_others, begin, end),
		cmocka_unit_test_setup_teardown(it_is_forgotten_after_half_a_minute, begin, end),
		cmocka_unit_test_setup_teardown(a_machine_with_both_families_counts_once, begin,
						end),
		cmocka_unit_test_setup_teardown(a_flood_hides_few, begin, end),
		cmocka_unit_test_setup_teardown(a_whole_network_is_counted_as_many, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
