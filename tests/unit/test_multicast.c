/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Datagrams of discovery between real sockets, in network namespaces.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <unistd.h>

#include "peer/multicast_sockets.h"
#include "tests/unit/lan_scene.h"
#include "tests/unit/network_scene.h"

/* ---- hearing ---- */

static void each_of_a_machines_programs_hears_everything(void **state)
{
	struct lan_machine *one, *another;
	int plain_four, plain_six, far_four, far_six;

	(void)state;
	lan_both();
	plain_four = lan_other_listener(AF_INET, "v0");
	one = lan_begin();
	another = lan_begin();
	plain_six = lan_other_listener(AF_INET6, "v0");
	far_four = lan_far_other(AF_INET);
	far_six = lan_far_other(AF_INET6);
	assert_false(multicast_deaf(one->multicast) || multicast_deaf(another->multicast));
	for (unsigned i = 0; i < 3; i++) {
		lan_far_say(far_four, AF_INET, "v0", "four");
		lan_assert_from(lan_next(one, false, "four"), "192.0.2.2", "v0");
		lan_assert_from(lan_next(another, false, "four"), "192.0.2.2", "v0");
		lan_receive(plain_four, "four");
		lan_far_say(far_six, AF_INET6, "v0", "six");
		lan_assert_from(lan_next(one, false, "six"), "fe80::2", "v0");
		lan_assert_from(lan_next(another, false, "six"), "fe80::2", "v0");
		lan_receive(plain_six, "six");
	}
	close(plain_four);
	close(plain_six);
	close(far_four);
	close(far_six);
}

static void one_family_is_enough(void **state)
{
	struct lan_machine *machine;
	int listener, asker;

	network_scene_begin();
	lan_four();
	machine = lan_begin();
	listener = lan_far_listener(AF_INET, "v0");
	asker = lan_far_other(AF_INET);
	assert_int_equal(lan_ask(machine, "anybody?"), 1);
	lan_receive(listener, "anybody?");
	lan_next(machine, false, "anybody?"); /* our own, which others of this machine hear too */
	lan_far_say(asker, AF_INET, "v0", "here");
	lan_next(machine, false, "here");
	close(listener);
	close(asker);
	lan_end(state);

	network_scene_begin();
	network_scene_link("v0");
	lan_six();
	machine = lan_begin();
	listener = lan_far_listener(AF_INET6, "v0");
	asker = lan_far_other(AF_INET6);
	assert_int_equal(lan_ask(machine, "anybody?"), 1);
	lan_receive(listener, "anybody?");
	lan_next(machine, false, "anybody?");
	lan_far_say(asker, AF_INET6, "v0", "here");
	lan_next(machine, false, "here");
	close(listener);
	close(asker);
}

static void only_interfaces_that_take_part_are_heard(void **state)
{
	static const char *const names[] = {"v0", NULL};
	struct lan_machine *machine;
	int stranger, neighbour, elsewhere;

	(void)state;
	lan_both();
	lan_second();
	machine = lan_begin_with(names, 0);
	/* Another program has joined there, and hears. */
	elsewhere = lan_other_listener(AF_INET, "v1");
	stranger = lan_far_other(AF_INET);
	neighbour = lan_far_other(AF_INET);
	lan_far_say(stranger, AF_INET, "v1", "stranger");
	lan_receive(elsewhere, "stranger");
	lan_far_say(neighbour, AF_INET, "v0", "neighbour");
	lan_next(machine, false, "neighbour");
	close(stranger);
	close(neighbour);
	close(elsewhere);
}

static void unicast_is_left_to_others(void **state)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(MULTICAST_PORT)};
	struct lan_machine *machine;
	int daemon, asker;

	(void)state;
	lan_both();
	inet_pton(AF_INET, "192.0.2.1", &to.sin_addr);
	daemon = lan_other_listener(AF_INET, "v0"); /* first, so the last one to be preferred */
	machine = lan_begin();
	asker = lan_far_other(AF_INET);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(sendto(asker, "for it", 6, 0, (struct sockaddr *)&to, sizeof(to)),
				 6);
		lan_receive(daemon, "for it");
	}
	lan_far_say(asker, AF_INET, "v0", "for all");
	lan_next(machine, false, "for all");
	close(daemon);
	close(asker);
}

static void interfaces_are_followed(void **state)
{
	struct lan_machine *machine;
	struct lan_heard *heard;
	int asker;

	(void)state;
	network_scene_begin();
	network_scene_link("v0");
	machine = lan_begin();
	assert_int_equal(lan_ask(machine, "x"), 0);
	network_scene_ip("addr add 192.0.2.1/24 dev v0");
	network_scene_far_ip("addr add 192.0.2.2/24 dev v0");
	lan_wait_refreshed(machine);
	asker = lan_far_other(AF_INET);
	lan_far_say(asker, AF_INET, "v0", "one");
	heard = lan_next(machine, false, "one");
	assert_int_equal(lan_answer(machine, heard, "to one"), 0);
	lan_receive(asker, "to one");
	network_scene_ip("addr flush dev v0");
	lan_wait_refreshed(machine);
	assert_int_equal(lan_answer(machine, heard, "to one"), -ENODEV);
	assert_int_equal(lan_ask(machine, "x"), 0);
	network_scene_ip("addr add 192.0.2.1/24 dev v0");
	lan_wait_refreshed(machine);
	network_scene_ip("link delete v0");
	lan_wait_refreshed(machine);
	close(asker);
	lan_four();
	lan_wait_refreshed(machine);
	asker = lan_far_other(AF_INET);
	lan_far_say(asker, AF_INET, "v0", "two");
	lan_assert_from(lan_next(machine, false, "two"), "192.0.2.2", "v0");
	close(asker);
}

/* ---- asking and answering ---- */

static void questions_go_to_both_groups_on_every_interface(void **state)
{
	struct lan_machine *machine;
	int by_four, by_six, second_by_four;
	union lan_from from;

	(void)state;
	lan_both();
	lan_second();
	by_four = lan_far_listener(AF_INET, "v0");
	by_six = lan_far_listener(AF_INET6, "v0");
	machine = lan_begin();
	assert_int_equal(lan_ask(machine, "anybody?"), 3);
	from = lan_receive(by_four, "anybody?");
	lan_assert_sender(&from, "192.0.2.1", 0);
	from = lan_receive(by_six, "anybody?");
	lan_assert_sender(&from, "fe80::1", 0);
	close(by_four);
	second_by_four = lan_far_listener(AF_INET, "v1");
	assert_int_equal(lan_ask(machine, "again?"), 3);
	from = lan_receive(second_by_four, "again?");
	lan_assert_sender(&from, "198.51.100.1", 0);
	close(by_six);
	close(second_by_four);
}

static unsigned hops(int fd, int level, int type)
{
	unsigned char control[CMSG_SPACE(sizeof(int))], octets[LAN_KEPT_OCTETS];
	struct iovec piece = {octets, sizeof(octets)};
	struct msghdr message = {.msg_iov = &piece,
				 .msg_iovlen = 1,
				 .msg_control = control,
				 .msg_controllen = sizeof(control)};
	struct cmsghdr *header;
	int found;

	assert_true(recvmsg(fd, &message, 0) >= 0);
	header = CMSG_FIRSTHDR(&message);
	assert_non_null(header);
	assert_true(header->cmsg_level == level && header->cmsg_type == type);
	memcpy(&found, CMSG_DATA(header), sizeof(found));
	return (unsigned)found;
}

static void questions_do_not_leave_the_lan(void **state)
{
	int by_four, by_six, on = 1;

	(void)state;
	lan_both();
	by_four = lan_far_listener(AF_INET, "v0");
	by_six = lan_far_listener(AF_INET6, "v0");
	setsockopt(by_four, IPPROTO_IP, IP_RECVTTL, &on, sizeof(on));
	setsockopt(by_six, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, &on, sizeof(on));
	assert_int_equal(lan_ask(lan_begin(), "anybody?"), 2);
	assert_int_equal(hops(by_four, IPPROTO_IP, IP_TTL), 1);
	assert_int_equal(hops(by_six, IPPROTO_IPV6, IPV6_HOPLIMIT), 1);
	close(by_four);
	close(by_six);
}

static void answers_come_from_the_port_of_discovery(void **state)
{
	struct lan_machine *machine;
	int by_four, by_six;
	union lan_from from;

	(void)state;
	lan_both();
	/* Others, which the kernel would have preferred or not. */
	network_scene_ip("addr add 192.0.2.9/24 dev v0");
	network_scene_ip("addr add 2001:db8::1/64 dev v0 nodad");
	machine = lan_begin();
	by_four = lan_far_other(AF_INET);
	by_six = lan_far_other(AF_INET6);
	lan_far_say(by_four, AF_INET, "v0", "four?");
	assert_int_equal(lan_answer(machine, lan_next(machine, false, "four?"), "four!"), 0);
	from = lan_receive(by_four, "four!");
	lan_assert_sender(&from, "192.0.2.1", MULTICAST_PORT);
	lan_far_say(by_six, AF_INET6, "v0", "six?");
	assert_int_equal(lan_answer(machine, lan_next(machine, false, "six?"), "six!"), 0);
	from = lan_receive(by_six, "six!");
	lan_assert_sender(&from, "fe80::1", MULTICAST_PORT);
	close(by_four);
	close(by_six);
}

static int answer_from_second(void *context)
{
	const struct lan_speaking *speaking = context;
	struct xaddr own = speaking->arrival->source;

	own.octets[3] = 9; /* 192.0.2.9 */
	return multicast_answer(speaking->machine->multicast, speaking->arrival, &own,
				speaking->datagram, speaking->size);
}

static void answers_come_from_the_address_that_is_wanted(void **state)
{
	struct lan_speaking speaking = {.datagram = "here", .size = 4};
	struct xaddr wrong = {.family = XADDR_IPV6};
	struct lan_machine *machine;
	union lan_from from;
	int asker;

	(void)state;
	lan_both();
	network_scene_ip("addr add 192.0.2.9/24 dev v0");
	speaking.machine = machine = lan_begin();
	asker = lan_far_other(AF_INET);
	lan_far_say(asker, AF_INET, "v0", "who?");
	speaking.arrival = &lan_next(machine, false, "who?")->arrival;
	assert_int_equal(loop_call(machine->loop, answer_from_second, &speaking), 0);
	from = lan_receive(asker, "here");
	lan_assert_sender(&from, "192.0.2.9", MULTICAST_PORT);
	assert_int_equal(
		multicast_sockets_send(asker, &speaking.arrival->source, 1, &wrong, "x", 1),
		-EINVAL);
	close(asker);
}

static void answers_of_others_are_heard(void **state)
{
	struct lan_machine *machine;
	int by_four, by_six;
	union lan_from from;

	(void)state;
	lan_both();
	by_four = lan_far_listener(AF_INET, "v0");
	by_six = lan_far_listener(AF_INET6, "v0");
	machine = lan_begin();
	lan_ask(machine, "anybody?");
	lan_next(machine, false, "anybody?");
	lan_next(machine, false, "anybody?");
	from = lan_receive(by_four, "anybody?");
	assert_int_equal(sendto(by_four, "four", 4, 0, &from.any, sizeof(from.four)), 4);
	lan_assert_from(lan_next(machine, true, "four"), "192.0.2.2", "v0");
	from = lan_receive(by_six, "anybody?");
	assert_int_equal(sendto(by_six, "six", 3, 0, &from.any, sizeof(from.six)), 3);
	lan_assert_from(lan_next(machine, true, "six"), "fe80::2", "v0");
	close(by_four);
	close(by_six);
}

static void machines_of_one_host_find_each_other(void **state)
{
	static const char *const sources[] = {"192.0.2.1", "fe80::1"};
	struct lan_machine *asker, *answerer;

	(void)state;
	lan_both();
	asker = lan_begin();
	answerer = lan_begin();
	assert_int_equal(lan_ask(asker, "anybody?"), 2);
	for (unsigned i = 0; i < 2; i++)
		lan_next(asker, false, "anybody?"); /* its own */
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(
			lan_answer(answerer, lan_next(answerer, false, "anybody?"), "here"), 0);
	for (unsigned i = 0; i < 2; i++) {
		struct lan_heard *heard = lan_next(asker, true, "here");
		bool is_six = heard->arrival.source.family == XADDR_IPV6;

		lan_assert_from(heard, sources[is_six], "v0");
		assert_int_equal(heard->arrival.source.port, MULTICAST_PORT);
	}
}

static void other_programs_of_this_host_are_found(void **state)
{
	struct lan_machine *machine;
	int daemon, inward;
	union lan_from from;

	(void)state;
	lan_both();
	lan_second();
	daemon = lan_other_listener(AF_INET, "v0");
	machine = lan_begin();
	lan_ask(machine, "anybody?");
	from = lan_receive(daemon, "anybody?");
	for (unsigned i = 0; i < 3; i++)
		lan_next(machine, false, "anybody?");
	assert_int_equal(sendto(daemon, "here", 4, 0, &from.any, sizeof(from.four)), 4);
	lan_assert_from(lan_next(machine, true, "here"), "192.0.2.1", "v0");
	/* By lo, which takes no part. */
	inward = lan_other(AF_INET);
	assert_int_equal(lan_bind_other(inward, "198.51.100.1", 0), 0);
	inet_pton(AF_INET, "127.0.0.1", &from.four.sin_addr);
	/* This one's source is 127.0.0.1. */
	assert_int_equal(sendto(daemon, "of lo", 5, 0, &from.any, sizeof(from.four)), 5);
	assert_int_equal(sendto(inward, "by lo", 5, 0, &from.any, sizeof(from.four)), 5);
	lan_assert_from(lan_next(machine, true, "by lo"), "198.51.100.1", "v1");
	close(inward);
	close(daemon);
}

static void an_interface_that_fails_does_not_stop_the_others(void **state)
{
	struct multicast_options options = {.port = MULTICAST_PORT, .heard = lan_keep};
	struct interfaces_options following = {0}; /* tells nobody: what is known grows old */
	struct lan_machine *machine;
	int listener;

	(void)state;
	network_scene_begin();
	lan_four();
	lan_second();
	lan_machines[0] = machine = calloc(1, sizeof(*machine));
	assert_non_null(machine);
	assert_int_equal(loop_create(&machine->loop), 0);
	following.loop = options.loop = machine->loop;
	options.context = machine;
	assert_int_equal(interfaces_create(&following, &machine->interfaces), 0);
	options.interfaces = machine->interfaces;
	assert_int_equal(multicast_create(&options, &machine->multicast), 0);
	listener = lan_far_listener(AF_INET, "v1");
	assert_int_equal(lan_ask(machine, "both"), 2);
	lan_receive(listener, "both");
	network_scene_ip("link delete v0");
	assert_int_equal(lan_ask(machine, "one"), 1);
	lan_receive(listener, "one");
	close(listener);
}

/* ---- the port is another's ---- */

static void check_deaf(int family)
{
	struct timespec moment = {.tv_nsec = 5000000};
	int holder, listener, asker;
	struct lan_machine *machine;

	network_scene_begin();
	network_scene_link("v0");
	if (family == AF_INET) {
		network_scene_ip("addr add 192.0.2.1/24 dev v0");
		network_scene_far_ip("addr add 192.0.2.2/24 dev v0");
	} else {
		lan_six();
	}
	holder = lan_other(family);
	assert_int_equal(
		lan_bind_other(holder, family == AF_INET ? "0.0.0.0" : "::", MULTICAST_PORT), 0);
	listener = lan_far_listener(family, "v0");
	machine = lan_begin_with(NULL, 5);
	assert_true(multicast_deaf(machine->multicast));
	assert_int_equal(lan_ask(machine, "anybody?"), 1); /* goes on */
	lan_receive(listener, "anybody?");
	close(holder);
	for (unsigned i = 0; multicast_deaf(machine->multicast); i++) {
		assert_true(i < NETWORK_PATIENCE * 200);
		nanosleep(&moment, NULL);
	}
	asker = lan_far_other(family);
	lan_far_say(asker, family, "v0", "here");
	lan_next(machine, false, "here");
	close(asker);
	close(listener);
}

static void who_has_the_port_alone_makes_deaf_until_it_goes(void **state)
{
	check_deaf(AF_INET);
	lan_end(state);
	check_deaf(AF_INET6);
}

static void deafness_goes_with_the_interface(void **state)
{
	struct lan_machine *machine;
	int holder;

	(void)state;
	network_scene_begin();
	lan_four();
	holder = lan_other(AF_INET);
	assert_int_equal(lan_bind_other(holder, "0.0.0.0", MULTICAST_PORT), 0);
	machine = lan_begin();
	assert_true(multicast_deaf(machine->multicast));
	network_scene_ip("link set v0 down");
	lan_wait_refreshed(machine);
	assert_false(multicast_deaf(machine->multicast));
	network_scene_ip("link set v0 up");
	lan_wait_refreshed(machine);
	assert_true(multicast_deaf(machine->multicast));
	close(holder);
}

/* ---- loopback, sizes, floods ---- */

/* In IPv6 there is no way for groups on lo. */
static void the_largest_datagram_goes_by_lo(void **state)
{
	static const char *const names[] = {"lo", NULL};
	static char large[MULTICAST_DATAGRAM_MAX] = "large";
	struct lan_speaking speaking = {.datagram = large, .size = sizeof(large)};
	struct lan_heard *heard;

	(void)state;
	network_scene_begin();
	network_scene_ip("-6 addr flush dev lo");
	speaking.machine = lan_begin_with(names, 0);
	assert_int_equal(loop_call(speaking.machine->loop, lan_ask_inside, &speaking), 1);
	heard = lan_next(speaking.machine, false, "large");
	assert_int_equal(heard->size, sizeof(large));
	lan_assert_from(heard, "127.0.0.1", "lo");
	speaking.arrival = &heard->arrival;
	assert_int_equal(loop_call(speaking.machine->loop, lan_answer_inside, &speaking), 0);
	heard = lan_next(speaking.machine, true, "large");
	assert_int_equal(heard->size, sizeof(large));
	lan_assert_from(heard, "127.0.0.1", "lo");
}

/* IPv6 takes a few octets more. */
static void too_large_and_empty_ones_do_no_harm(void **state)
{
	static const char large[MULTICAST_DATAGRAM_MAX + 1] = "large";
	struct lan_machine *machine;
	int asker;

	(void)state;
	lan_both();
	machine = lan_begin();
	asker = lan_other(AF_INET6);
	lan_say(asker, AF_INET6, "v0", large, sizeof(large) - 1);
	assert_int_equal(lan_next(machine, false, "large")->size, MULTICAST_DATAGRAM_MAX);
	lan_say(asker, AF_INET6, "v0", large, sizeof(large));
	lan_say(asker, AF_INET6, "v0", "small", 5);
	lan_next(machine, false, "small");
	lan_say(asker, AF_INET6, "v0", "", 0);
	assert_int_equal(lan_next(machine, false, "")->size, 0);
	close(asker);
}

/* ---- facing ---- */

static struct multicast_arrival arrival_of(const char *source)
{
	static const struct {
		const char *address;
		unsigned bits;
	} own[] = {{"198.51.100.1", 24},  {"192.0.2.1", 24},   {"169.254.7.7", 16},
		   {"2001:db8:1::1", 64}, {"2001:db8::1", 64}, {"fe80::1", 64}};
	struct multicast_arrival arrival = {.interface = {.index = 3, .prefix_count = 6}};

	assert_int_equal(xaddr_read(source, strlen(source), &arrival.source), 0);
	for (unsigned i = 0; i < 6; i++) {
		struct nearby_prefix *prefix = &arrival.interface.prefixes[i];

		assert_int_equal(xaddr_read(own[i].address, strlen(own[i].address), &prefix->own),
				 0);
		prefix->bits = (uint8_t)own[i].bits;
	}
	arrival.source.zone = xaddr_is_link_local(&arrival.source) ? 3 : 0;
	arrival.interface.prefixes[5].own.zone = 3;
	return arrival;
}

static void check_facing(struct multicast_arrival arrival, const char *expected)
{
	struct xaddr own;

	assert_true(multicast_facing(&arrival, &own));
	assert_true(lan_is_host(&own, expected, strncmp(expected, "fe80", 4) == 0 ? 3 : 0));
}

static void the_address_that_faces_the_asker_is_of_its_kind(void **state)
{
	struct multicast_arrival arrival;
	struct xaddr own;

	(void)state;
	check_facing(arrival_of("192.0.2.7"), "192.0.2.1");
	check_facing(arrival_of("198.51.100.7"), "198.51.100.1");
	check_facing(arrival_of("169.254.1.1"), "169.254.7.7");
	check_facing(arrival_of("203.0.113.1"), "198.51.100.1");
	check_facing(arrival_of("2001:db8::7"), "2001:db8::1");
	check_facing(arrival_of("2001:db8:1::7"), "2001:db8:1::1");
	check_facing(arrival_of("2001:db8:2::7"), "2001:db8:1::1");
	check_facing(arrival_of("fe80::7"), "fe80::1");
	arrival = arrival_of("fe80::7");
	arrival.interface.prefix_count = 5; /* no link-local one */
	check_facing(arrival, "2001:db8:1::1");
	arrival.interface.prefix_count = 3; /* IPv4 only */
	assert_false(multicast_facing(&arrival, &own));
	arrival.interface.prefix_count = 0;
	assert_false(multicast_facing(&arrival, &own));
}

/* ---- life ---- */

static void the_loop_may_end_first(void **state)
{
	struct lan_machine *machine;

	(void)state;
	lan_both();
	machine = lan_begin();
	loop_destroy(machine->loop);
	multicast_free(machine->multicast);
	interfaces_free(machine->interfaces);
	multicast_free(NULL);
	machine->loop = NULL;
}

#define NETWORK_TEST(test) cmocka_unit_test_teardown(test, lan_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		NETWORK_TEST(each_of_a_machines_programs_hears_everything),
		NETWORK_TEST(one_family_is_enough),
		NETWORK_TEST(only_interfaces_that_take_part_are_heard),
		NETWORK_TEST(unicast_is_left_to_others),
		NETWORK_TEST(interfaces_are_followed),
		NETWORK_TEST(questions_go_to_both_groups_on_every_interface),
		NETWORK_TEST(questions_do_not_leave_the_lan),
		NETWORK_TEST(answers_come_from_the_port_of_discovery),
		NETWORK_TEST(answers_come_from_the_address_that_is_wanted),
		NETWORK_TEST(answers_of_others_are_heard),
		NETWORK_TEST(machines_of_one_host_find_each_other),
		NETWORK_TEST(other_programs_of_this_host_are_found),
		NETWORK_TEST(an_interface_that_fails_does_not_stop_the_others),
		NETWORK_TEST(who_has_the_port_alone_makes_deaf_until_it_goes),
		NETWORK_TEST(deafness_goes_with_the_interface),
		NETWORK_TEST(the_largest_datagram_goes_by_lo),
		NETWORK_TEST(too_large_and_empty_ones_do_no_harm),
		cmocka_unit_test(the_address_that_faces_the_asker_is_of_its_kind),
		NETWORK_TEST(the_loop_may_end_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
