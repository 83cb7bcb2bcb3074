/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Lists of servers: their lives, and their limits.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "peer/servers.h"

static const uint8_t segment[32] = {1}, other[32] = {2};

static struct servers *created(uint32_t lists, uint32_t per_list)
{
	struct servers_limits limits = SERVERS_LIMITS;
	struct servers *servers;

	limits.lists = lists;
	limits.per_list = per_list;
	assert_int_equal(servers_create(&limits, 5, &servers), 0);
	return servers;
}

static struct xaddr server(unsigned number)
{
	return (struct xaddr){XADDR_IPV4, 80, {192, 0, (uint8_t)(number >> 8), (uint8_t)number}, 0};
}

static bool add(struct servers *servers, const uint8_t *id, unsigned number, int64_t now_ms)
{
	struct xaddr address = server(number);
	bool fresh;

	assert_int_equal(servers_add(servers, id, 32, &address, now_ms, &fresh), 0);
	return fresh;
}

static void drop(struct servers *servers, const uint8_t *id, unsigned number, int64_t now_ms)
{
	struct xaddr address = server(number);

	servers_drop(servers, id, 32, &address, now_ms);
}

static void used(struct servers *servers, const uint8_t *id, unsigned number, int64_t now_ms)
{
	struct xaddr address = server(number);

	servers_used(servers, id, 32, &address, now_ms);
}

/* What is known, as "unknown", "nobody" or the servers' numbers. */
static const char *known(struct servers *servers, const uint8_t *id, int64_t now_ms)
{
	static char text[512];
	struct xaddr found[64];
	unsigned count, used_up = 0;
	enum servers_answer answer = servers_look(servers, id, 32, now_ms, found, 64, &count);

	if (answer != SERVERS_FOUND)
		assert_int_equal(count, 0);
	text[0] = '\0';
	for (unsigned i = 0; i < count; i++)
		used_up += (unsigned)snprintf(text + used_up, sizeof(text) - used_up, "%s%u",
					      i > 0 ? " " : "",
					      found[i].octets[2] << 8 | found[i].octets[3]);
	if (answer == SERVERS_UNKNOWN)
		return "unknown";
	return answer == SERVERS_NOBODY ? "nobody" : text;
}

static void an_empty_list_lives_15_s_from_its_creation(void **state)
{
	struct servers *servers = created(4, 4);

	(void)state;
	assert_string_equal(known(servers, segment, 1000), "unknown");
	servers_begin(servers, segment, 32, 1000);
	assert_string_equal(known(servers, segment, 1000), "nobody");
	servers_begin(servers, segment, 32, 9000); /* does not prolong it */
	assert_string_equal(known(servers, segment, 15999), "nobody");
	assert_string_equal(known(servers, segment, 16000), "unknown");
	assert_string_equal(known(servers, other, 1000), "unknown");
	servers_free(servers);
	servers_free(NULL);
}

static void a_found_server_lives_60_s_from_when_it_was_last_added(void **state)
{
	struct servers *servers = created(4, 4);

	(void)state;
	servers_begin(servers, segment, 32, 0);
	assert_true(add(servers, segment, 7, 100));
	assert_string_equal(known(servers, segment, 60099), "7");
	assert_false(add(servers, segment, 7, 50000));
	assert_string_equal(known(servers, segment, 109999), "7");
	used(servers, segment, 7, 109999); /* does not prolong it */
	assert_string_equal(known(servers, segment, 110000), "nobody");
	servers_free(servers);
}

static void the_15_s_begin_again_when_the_last_server_leaves(void **state)
{
	struct servers *servers = created(4, 4);

	(void)state;
	servers_begin(servers, segment, 32, 0);
	add(servers, segment, 1, 1000);
	add(servers, segment, 2, 14000);
	assert_string_equal(known(servers, segment, 20000), "2 1");
	drop(servers, segment, 2, 20000);
	assert_string_equal(known(servers, segment, 50000), "1");
	drop(servers, segment, 1, 50000);
	drop(servers, segment, 9, 64000); /* is not in it */
	assert_string_equal(known(servers, segment, 64999), "nobody");
	assert_string_equal(known(servers, segment, 65000), "unknown");
	servers_free(servers);
}

static void servers_whose_time_is_over_leave_one_by_one(void **state)
{
	struct servers *servers = created(4, 4);

	(void)state;
	add(servers, segment, 1, 0);
	add(servers, segment, 2, 1000);
	add(servers, segment, 3, 2000);
	used(servers, segment, 1, 2000);
	assert_string_equal(known(servers, segment, 59999), "1 3 2");
	assert_string_equal(known(servers, segment, 60000), "3 2");
	assert_string_equal(known(servers, segment, 61000), "3");
	assert_string_equal(known(servers, segment, 62000), "nobody");
	servers_free(servers);
}

/* Nobody looked in between: the list is empty since the last one's time was over, not since now. */
static void a_list_that_nobody_looked_at_ages_all_the_same(void **state)
{
	struct servers *servers = created(4, 4);

	(void)state;
	add(servers, segment, 2, 0);
	add(servers, segment, 1, 2000);
	add(servers, other, 1, 2000);
	used(servers, segment, 2, 2000);
	used(servers, segment, 1, 2000); /* first in the list, and last to go */
	assert_string_equal(known(servers, segment, 76999), "nobody");
	assert_string_equal(known(servers, other, 77000), "unknown");
	servers_free(servers);
}

static void an_answer_after_the_list_went_makes_a_new_one(void **state)
{
	struct servers *servers = created(4, 4);

	(void)state;
	servers_begin(servers, segment, 32, 0);
	assert_true(add(servers, segment, 1, 20000));
	assert_string_equal(known(servers, segment, 20000), "1");
	servers_free(servers);
}

static void a_full_list_drops_the_server_not_used_for_longest(void **state)
{
	struct servers *servers = created(4, 16);

	(void)state;
	for (unsigned i = 1; i <= 16; i++)
		assert_true(add(servers, segment, i, 0));
	used(servers, segment, 1, 0);
	assert_true(add(servers, segment, 17, 0));
	assert_string_equal(known(servers, segment, 0), "17 1 16 15 14 13 12 11 10 9 8 7 6 5 4 3");
	servers_free(servers);
}

static void any_length_of_a_list_is_kept(void **state)
{
	(void)state;
	for (uint32_t per_list = 1; per_list <= 10; per_list++) {
		struct servers *servers = created(1, per_list);
		struct xaddr found[64];
		unsigned count;

		for (unsigned i = 0; i < 20; i++)
			add(servers, segment, i, 0);
		servers_look(servers, segment, 32, 0, found, 64, &count);
		assert_int_equal(count, per_list);
		servers_free(servers);
	}
}

static void the_room_of_the_asker_is_respected(void **state)
{
	struct servers *servers = created(4, 16);
	struct xaddr found[2] = {{0}};
	unsigned count;

	(void)state;
	for (unsigned i = 1; i <= 3; i++)
		add(servers, segment, i, 0);
	assert_int_equal(servers_look(servers, segment, 32, 0, found, 2, &count), SERVERS_FOUND);
	assert_int_equal(count, 2);
	assert_int_equal(found[0].octets[3], 3);
	assert_int_equal(servers_look(servers, segment, 32, 0, NULL, 0, &count), SERVERS_FOUND);
	assert_int_equal(count, 0);
	servers_free(servers);
}

static void ports_tell_servers_apart(void **state)
{
	struct servers *servers = created(4, 4);
	struct xaddr address = server(1);
	bool fresh;

	(void)state;
	add(servers, segment, 1, 0);
	address.port = 81;
	assert_int_equal(servers_add(servers, segment, 32, &address, 0, &fresh), 0);
	assert_true(fresh);
	assert_string_equal(known(servers, segment, 0), "1 1");
	servers_free(servers);
}

static void the_list_not_used_for_longest_goes(void **state)
{
	struct servers *servers = created(2, 4);
	static const uint8_t third[32] = {3};

	(void)state;
	add(servers, segment, 1, 0);
	add(servers, other, 2, 0);
	assert_string_equal(known(servers, segment, 0), "1");
	servers_begin(servers, third, 32, 0);
	assert_string_equal(known(servers, other, 0), "unknown");
	assert_string_equal(known(servers, segment, 0), "1");
	assert_string_equal(known(servers, third, 0), "nobody");
	servers_free(servers);
}

static void what_is_forgotten_is_unknown(void **state)
{
	struct servers *servers = created(4, 4);

	(void)state;
	add(servers, segment, 1, 0);
	servers_begin(servers, other, 32, 0);
	servers_forget(servers, segment, 32);
	servers_forget(servers, segment, 32);
	servers_forget(servers, other, 32);
	assert_string_equal(known(servers, segment, 0), "unknown");
	assert_string_equal(known(servers, other, 0), "unknown");
	assert_true(add(servers, segment, 2, 0));
	assert_string_equal(known(servers, segment, 0), "2");
	servers_free(servers);
}

static void thousands_of_forged_servers_stay_bounded(void **state)
{
	struct servers *servers = created(SERVERS_LISTS, SERVERS_PER_LIST);
	struct xaddr found[64];
	unsigned count;

	(void)state;
	for (unsigned i = 0; i < 2000; i++)
		add(servers, segment, i, i);
	servers_look(servers, segment, 32, 2000, found, 64, &count);
	assert_int_equal(count, SERVERS_PER_LIST);
	for (unsigned i = 0; i < 2000; i++) {
		uint8_t id[32] = {3, (uint8_t)i, (uint8_t)(i >> 8)};

		add(servers, id, i, 2000);
	}
	assert_string_equal(known(servers, segment, 2000), "unknown");
	servers_free(servers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_list_lives_15_s_from_its_creation),
		cmocka_unit_test(a_found_server_lives_60_s_from_when_it_was_last_added),
		cmocka_unit_test(the_15_s_begin_again_when_the_last_server_leaves),
		cmocka_unit_test(servers_whose_time_is_over_leave_one_by_one),
		cmocka_unit_test(a_list_that_nobody_looked_at_ages_all_the_same),
		cmocka_unit_test(an_answer_after_the_list_went_makes_a_new_one),
		cmocka_unit_test(a_full_list_drops_the_server_not_used_for_longest),
		cmocka_unit_test(any_length_of_a_list_is_kept),
		cmocka_unit_test(the_room_of_the_asker_is_respected),
		cmocka_unit_test(ports_tell_servers_apart),
		cmocka_unit_test(the_list_not_used_for_longest_goes),
		cmocka_unit_test(what_is_forgotten_is_unknown),
		cmocka_unit_test(thousands_of_forged_servers_stay_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
