/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a mount says of other machines: a verdict that is plain, and addresses as people write them.
 */
#include <net/if.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fs/peer_address.h"
#include "fs/status_peers.h"

static const char *verdict(const struct neighbours_counters *counters)
{
	static char text[128];

	status_peers_verdict(counters, true, 3702, text, sizeof text);
	return text;
}

static void silence_is_told_when_it_lasts(void **state)
{
	struct neighbours_counters counters = {0};

	(void)state;
	assert_string_equal(verdict(&counters), "ok");
	counters.seeker.probes = 2;
	assert_string_equal(verdict(&counters), "ok");
	counters.seeker.probes = 412;
	assert_string_equal(verdict(&counters),
			    "probes sent 412, answers 0: firewall? or nobody else is here");
	counters.seeker.answers = 1;
	assert_string_equal(verdict(&counters), "ok");
}

static void silence_among_others_is_told_later(void **state)
{
	struct neighbours_counters counters = {.seeker.probes = 100, .responder.received = 1};

	(void)state;
	assert_string_equal(verdict(&counters), "ok");
	counters.seeker.probes = 412;
	assert_string_equal(verdict(&counters),
			    "probes sent 412, answers 0, though others are heard: firewall? or "
			    "nobody has what is wanted");
	counters.seeker.answers = 1;
	assert_string_equal(verdict(&counters), "ok");
}

static void who_cannot_be_found_is_told_that_first(void **state)
{
	struct neighbours_counters counters = {.deaf = true, .seeker.probes = 412};
	char text[128];

	(void)state;
	status_peers_verdict(&counters, false, 3702, text, sizeof text);
	assert_string_equal(text, "no network interface takes part: peerdist doctor tells why");
}

static void a_port_that_another_has_is_told_first(void **state)
{
	struct neighbours_counters counters = {.deaf = true, .seeker.probes = 412};

	(void)state;
	assert_string_equal(verdict(&counters), "another program has UDP 3702 for itself");
}

static void who_cannot_have_peers_has_none(void **state)
{
	struct neighbours_counters counters = {0};
	json_t *status = json_pack("{s:{}}", "discovery");

	(void)state;
	status_peers_put(status, NULL, &counters, 3702);
	assert_true(json_is_null(json_object_get(status, "listen")));
	assert_int_equal(json_array_size(json_object_get(status, "peers")), 0);
	assert_true(json_is_array(json_object_get(status, "peers")));
	assert_null(json_object_get(json_object_get(status, "discovery"), "verdict"));
	json_decref(status);
}

static void addresses_are_shown_with_their_zone(void **state)
{
	struct xaddr address = {.family = XADDR_IPV4, .port = 1337, .octets = {192, 0, 2, 1}};
	char text[PEER_ADDRESS_MAX];

	(void)state;
	assert_string_equal(peer_address_text(&address, text), "192.0.2.1:1337");
	address =
		(struct xaddr){.family = XADDR_IPV6, .port = 80, .octets = {0xfe, 0x80, [15] = 1}};
	assert_string_equal(peer_address_text(&address, text), "[fe80::1]:80");
	address.zone = if_nametoindex("lo");
	assert_string_equal(peer_address_text(&address, text), "[fe80::1%lo]:80");
	/* Gone meanwhile. */
	address.zone = 4000000000u;
	assert_string_equal(peer_address_text(&address, text), "[fe80::1%4000000000]:80");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(silence_is_told_when_it_lasts),
		cmocka_unit_test(silence_among_others_is_told_later),
		cmocka_unit_test(who_cannot_be_found_is_told_that_first),
		cmocka_unit_test(a_port_that_another_has_is_told_first),
		cmocka_unit_test(who_cannot_have_peers_has_none),
		cmocka_unit_test(addresses_are_shown_with_their_zone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
