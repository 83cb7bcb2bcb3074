/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Which interfaces take part, and that their addresses are followed, in a network namespace.
 *
 * Lists are compared as text: "NAME ADDRESS/BITS ADDRESS/BITS; NAME ...", link-local IPv6 addresses
 * with a % if they have the zone of their interface.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/if_tun.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "peer/interfaces.h"
#include "peer/interfaces_choice.h"
#include "tests/unit/network_scene.h"

#define TEXT_MAX 8192

/* ---- scene ---- */

static struct loop *loop;
static struct interfaces *interfaces;
static sem_t changed;

static void count_change(void *context)
{
	(void)context;
	sem_post(&changed);
}

static void begin(const char *const *names)
{
	struct interfaces_options options = {.names = names, .changed = count_change};

	assert_int_equal(sem_init(&changed, 0, 0), 0);
	assert_int_equal(loop_create(&loop), 0);
	options.loop = loop;
	assert_int_equal(interfaces_create(&options, &interfaces), 0);
}

static int free_interfaces(void *context)
{
	interfaces_free(context);
	return 0;
}

static void stop_following(void)
{
	if (loop == NULL)
		return;
	loop_call(loop, free_interfaces, interfaces);
	loop_destroy(loop);
	sem_destroy(&changed);
	loop = NULL;
	interfaces = NULL;
}

static int end(void **state)
{
	stop_following();
	return network_scene_end(state);
}

static void write_prefix(const struct interface *interface, const struct nearby_prefix *prefix,
			 char *text)
{
	char address[INET6_ADDRSTRLEN];

	inet_ntop(prefix->own.family == XADDR_IPV4 ? AF_INET : AF_INET6, prefix->own.octets,
		  address, sizeof(address));
	sprintf(text + strlen(text), " %s%s/%u", address,
		prefix->own.zone == 0                  ? ""
		: prefix->own.zone == interface->index ? "%"
						       : "%?",
		prefix->bits);
}

static void write_list(char text[TEXT_MAX])
{
	static struct interface list[INTERFACES_MAX];
	unsigned count = interfaces_list(interfaces, list);

	text[0] = '\0';
	for (unsigned i = 0; i < count; i++) {
		sprintf(text + strlen(text), "%s%s", i > 0 ? "; " : "", list[i].name);
		for (unsigned j = 0; j < list[i].prefix_count; j++)
			write_prefix(&list[i], &list[i].prefixes[j], text);
	}
}

static bool wait_for_change(void)
{
	struct timespec deadline;

	clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec += NETWORK_PATIENCE;
	return sem_timedwait(&changed, &deadline) == 0;
}

/* Waits until the list is that. */
static void expect(const char *expected)
{
	char text[TEXT_MAX];

	for (write_list(text); strcmp(text, expected) != 0; write_list(text))
		if (!wait_for_change())
			fail_msg("it is \"%s\", not \"%s\"", text, expected);
}

static void expect_now(const char *expected)
{
	char text[TEXT_MAX];

	write_list(text);
	assert_string_equal(text, expected);
}

static struct xaddr at(const char *text)
{
	struct xaddr address;

	assert_int_equal(xaddr_read(text, strlen(text), &address), 0);
	return address;
}

static struct interface the_only_one(void)
{
	static struct interface list[INTERFACES_MAX];

	assert_int_equal(interfaces_list(interfaces, list), 1);
	return list[0];
}

/* ---- choice ---- */

#define USABLE (IFF_UP | IFF_RUNNING | IFF_MULTICAST)

static void those_that_reach_the_lan_are_chosen(void **state)
{
	static const struct {
		struct interfaces_link link;
		bool expected, named; /* the latter: if it is named */
	} rows[] = {
		{{1, USABLE, 0, ARPHRD_ETHER, "eth0", ""}, true, true},
		{{1, USABLE, 0, ARPHRD_ETHER, "eth0", "veth"}, true, true},
		{{1, USABLE, 0, ARPHRD_ETHER, "br0", "bridge"}, true, true},
		{{1, USABLE, 0, ARPHRD_ETHER, "bond0", "bond"}, true, true},
		{{1, USABLE, 0, ARPHRD_ETHER, "eth0.5", "vlan"}, true, true},
		{{1, USABLE, 0, ARPHRD_ETHER, "tap0", "tun"}, true, true},
		{{1, USABLE, 0, ARPHRD_ETHER, "br-lan", "bridge"}, true, true},
		{{1, USABLE, 0, ARPHRD_ETHER, "br-0123456789a", "bridge"}, true, true},
		{{1, USABLE, 0, ARPHRD_ETHER, "br-0123456789ag", "bridge"}, true, true},
		{{1, USABLE, 0, ARPHRD_ETHER, "mydocker0", "bridge"}, true, true},
		/* of no use at present */
		{{1, USABLE & ~IFF_UP, 0, ARPHRD_ETHER, "eth0", ""}, false, false},
		{{1, USABLE & ~IFF_RUNNING, 0, ARPHRD_ETHER, "eth0", ""}, false, false},
		/* of use only for who asks for it */
		{{1, USABLE & ~IFF_MULTICAST, 0, ARPHRD_ETHER, "eth0", ""}, false, true},
		{{1, USABLE | IFF_LOOPBACK, 0, ARPHRD_LOOPBACK, "lo", ""}, false, true},
		{{1, IFF_UP | IFF_RUNNING | IFF_LOOPBACK, 0, ARPHRD_LOOPBACK, "lo", ""},
		 false,
		 true},
		{{1, USABLE, 7, ARPHRD_ETHER, "eth0", ""}, false, true},
		{{1, USABLE | IFF_POINTOPOINT, 0, ARPHRD_ETHER, "x", ""}, false, true},
		{{1, USABLE, 0, ARPHRD_NONE, "wg0", "wireguard"}, false, true},
		{{1, USABLE, 0, ARPHRD_NONE, "tun0", "tun"}, false, true},
		{{1, USABLE, 0, ARPHRD_TUNNEL, "tunl0", "ipip"}, false, true},
		{{1, USABLE, 0, ARPHRD_TUNNEL6, "ip6tnl0", "ip6tnl"}, false, true},
		{{1, USABLE, 0, ARPHRD_SIT, "sit0", "sit"}, false, true},
		{{1, USABLE, 0, ARPHRD_IPGRE, "gre0", "gre"}, false, true},
		{{1, USABLE, 0, ARPHRD_PPP, "ppp0", "ppp"}, false, true},
		{{1, USABLE, 0, ARPHRD_ETHER, "x", "gretap"}, false, true},
		{{1, USABLE, 0, ARPHRD_ETHER, "x", "vxlan"}, false, true},
		{{1, USABLE, 0, ARPHRD_ETHER, "docker0", "bridge"}, false, true},
		{{1, USABLE, 0, ARPHRD_ETHER, "docker_gwbridge", "bridge"}, false, true},
		{{1, USABLE, 0, ARPHRD_ETHER, "br-0123456789af", "bridge"}, false, true},
		{{1, USABLE, 0, ARPHRD_ETHER, "podman0", "bridge"}, false, true},
		{{1, USABLE, 0, ARPHRD_ETHER, "cni0", "bridge"}, false, true},
		{{1, USABLE, 0, ARPHRD_ETHER, "virbr0", "bridge"}, false, true},
		{{1, USABLE, 0, ARPHRD_ETHER, "lxcbr0", "bridge"}, false, true},
		{{1, USABLE, 0, ARPHRD_ETHER, "lxdbr0", "bridge"}, false, true},
		{{1, USABLE, 0, ARPHRD_ETHER, "incusbr0", "bridge"}, false, true},
		{{1, USABLE, 0, ARPHRD_ETHER, "cali0123456789a", "veth"}, false, true},
	};
	static const char *const nobody[] = {"other", NULL}, *const none[] = {NULL};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct interfaces_link *link = &rows[i].link;
		const char *const names[] = {"other", link->name, NULL};

		if (interfaces_choice(link, NULL) != rows[i].expected ||
		    interfaces_choice(link, none) != rows[i].expected ||
		    interfaces_choice(link, names) != rows[i].named)
			fail_msg("%s (%s)", link->name, link->kind);
		assert_false(interfaces_choice(link, nobody));
	}
}

/* ---- coming and going ---- */

static void loopback_takes_part_only_where_it_is_named(void **state)
{
	static const char *const names[] = {"lo", NULL};

	network_scene_begin();
	begin(NULL);
	expect_now("");
	end(state);
	network_scene_begin();
	begin(names);
	expect_now("lo 127.0.0.1/8 ::1/128");
	assert_true(the_only_one().loopback);
	assert_true(interfaces_nearby(&(struct interface){.loopback = true}).loopback);
}

static void addresses_come_and_go(void **state)
{
	(void)state;
	network_scene_begin();
	network_scene_link("v0");
	network_scene_ip("addr add 192.0.2.1/24 dev v0");
	begin(NULL);
	expect_now("v0 192.0.2.1/24");
	assert_true(the_only_one().ipv4 && !the_only_one().ipv6 && !the_only_one().loopback);
	network_scene_ip("addr add fe80::1/64 dev v0 nodad");
	expect("v0 192.0.2.1/24 fe80::1%/64");
	assert_true(the_only_one().ipv4 && the_only_one().ipv6);
	network_scene_ip("addr add 2001:db8::1/64 dev v0 nodad");
	network_scene_ip("addr add 198.51.100.1/31 dev v0");
	expect("v0 192.0.2.1/24 198.51.100.1/31 2001:db8::1/64 fe80::1%/64");
	network_scene_ip("-4 addr flush dev v0");
	expect("v0 2001:db8::1/64 fe80::1%/64");
	assert_true(!the_only_one().ipv4 && the_only_one().ipv6);
	network_scene_ip("-6 addr flush dev v0");
	expect("");
	network_scene_ip("addr add 192.0.2.1/25 dev v0");
	expect("v0 192.0.2.1/25");
}

static void links_go_up_and_down(void **state)
{
	(void)state;
	network_scene_begin();
	network_scene_link("v0");
	network_scene_link("v1");
	network_scene_ip("addr add 192.0.2.1/24 dev v0");
	network_scene_ip("addr add 198.51.100.1/24 dev v1");
	begin(NULL);
	expect_now("v0 192.0.2.1/24; v1 198.51.100.1/24");
	network_scene_ip("link set v0 down");
	expect("v1 198.51.100.1/24");
	network_scene_ip("link set v0 up");
	expect("v0 192.0.2.1/24; v1 198.51.100.1/24");
	/* the cable is drawn */
	network_scene_far_ip("link set v1 down");
	expect("v0 192.0.2.1/24");
	network_scene_far_ip("link set v1 up");
	expect("v0 192.0.2.1/24; v1 198.51.100.1/24");
	network_scene_ip("link delete v0");
	expect("v1 198.51.100.1/24");
	network_scene_link("v0");
	network_scene_ip("addr add 192.0.2.7/24 dev v0");
	expect("v1 198.51.100.1/24; v0 192.0.2.7/24");
}

static void named_ones_are_taken_when_they_come(void **state)
{
	static const char *const names[] = {"later", "v1", NULL};

	(void)state;
	network_scene_begin();
	network_scene_link("v0");
	network_scene_ip("addr add 192.0.2.1/24 dev v0");
	begin(names);
	expect_now("");
	network_scene_link("v1");
	network_scene_ip("addr add 198.51.100.1/24 dev v1");
	expect("v1 198.51.100.1/24");
	network_scene_ip("link set v0 down");
	network_scene_ip("link set v0 name later up");
	expect("later 192.0.2.1/24; v1 198.51.100.1/24");
	network_scene_ip("link set v1 down");
	network_scene_ip("link set v1 name v2 up");
	expect("later 192.0.2.1/24");
}

static void new_names_are_known(void **state)
{
	(void)state;
	network_scene_begin();
	network_scene_link("v0");
	network_scene_ip("addr add 192.0.2.1/24 dev v0");
	begin(NULL);
	expect_now("v0 192.0.2.1/24");
	network_scene_ip("link set v0 down");
	network_scene_ip("link set v0 name office up");
	expect("office 192.0.2.1/24");
	/* Of a kind that is not used; and back. */
	network_scene_ip("link set office down");
	network_scene_ip("link set office name docker0 up");
	expect("");
	network_scene_ip("link set docker0 down");
	network_scene_ip("link set docker0 name v0 up");
	expect("v0 192.0.2.1/24");
}

static void tentative_addresses_are_not_used(void **state)
{
	(void)state;
	network_scene_begin();
	network_scene_link("v0");
	begin(NULL);
	network_scene_set("ipv6/conf/v0/dad_transmits", "1000");
	network_scene_ip("addr add 2001:db8::1/64 dev v0");
	network_scene_ip("addr add 192.0.2.1/24 dev v0");
	expect("v0 192.0.2.1/24");
	assert_false(the_only_one().ipv6);
	network_scene_set("ipv6/conf/v0/dad_transmits", "1");
	network_scene_ip("addr add 2001:db8::2/64 dev v0");
	expect("v0 192.0.2.1/24 2001:db8::2/64");
}

static void addresses_that_are_anothers_are_not_used(void **state)
{
	(void)state;
	network_scene_begin();
	network_scene_link("v0");
	begin(NULL);
	network_scene_far_ip("addr add 2001:db8::1/64 dev v0 nodad");
	network_scene_ip("addr add 2001:db8::1/64 dev v0");
	network_scene_ip("addr add 2001:db8::2/64 dev v0");
	/* By the time that the second one is found to be good the first is known to be bad. */
	expect("v0 2001:db8::2/64");
}

static void deprecated_addresses_come_last(void **state)
{
	(void)state;
	network_scene_begin();
	network_scene_link("v0");
	network_scene_ip("addr add 2001:db8::1/64 dev v0 nodad");
	network_scene_ip("addr add 2001:db8::2/64 dev v0 nodad");
	begin(NULL);
	expect_now("v0 2001:db8::2/64 2001:db8::1/64"); /* as the kernel has them */
	network_scene_ip("addr change 2001:db8::2/64 dev v0 preferred_lft 0");
	expect("v0 2001:db8::1/64 2001:db8::2/64");
}

static void the_near_end_of_an_address_pair_is_ours(void **state)
{
	(void)state;
	network_scene_begin();
	network_scene_link("v0");
	network_scene_ip("addr add 192.0.2.1 peer 192.0.2.2/32 dev v0");
	network_scene_ip("addr add 2001:db8::1 peer 2001:db8::2/128 dev v0 nodad");
	begin(NULL);
	expect_now("v0 192.0.2.1/32 2001:db8::1/128");
}

static void bridges_take_part_in_place_of_their_ports(void **state)
{
	static const char *const names[] = {"v0", NULL};

	network_scene_begin();
	network_scene_link("v0");
	network_scene_ip("addr add 192.0.2.1/24 dev v0");
	begin(NULL);
	expect_now("v0 192.0.2.1/24");
	network_scene_ip("link add br0 type bridge");
	network_scene_ip("link set br0 addrgenmode none");
	network_scene_ip("link set br0 up");
	network_scene_ip("addr add 192.0.2.9/24 dev br0");
	network_scene_ip("link set v0 master br0");
	expect("br0 192.0.2.9/24");
	stop_following();
	begin(names);
	expect_now("v0 192.0.2.1/24");
	(void)state;
}

static int open_tunnel(const char *name)
{
	struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	char setting[64];

	if (fd < 0)
		return -1;
	strcpy(request.ifr_name, name);
	assert_int_equal(ioctl(fd, TUNSETIFF, &request), 0);
	snprintf(setting, sizeof(setting), "ipv6/conf/%s/disable_ipv6", name);
	network_scene_set(setting, "1");
	network_scene_ip("link set %s up", name);
	return fd;
}

static void tunnels_take_part_only_where_they_are_named(void **state)
{
	static const char *const names[] = {"tunnel", NULL};
	int fd;

	(void)state;
	network_scene_begin();
	fd = open_tunnel("tunnel");
	if (fd < 0) {
		printf("# no /dev/net/tun here\n");
		skip();
	}
	network_scene_link("v0");
	network_scene_ip("addr add 192.0.2.1/24 dev v0");
	network_scene_ip("addr add 198.51.100.1/24 dev tunnel");
	begin(NULL);
	expect_now("v0 192.0.2.1/24");
	stop_following();
	begin(names);
	expect_now("tunnel 198.51.100.1/24");
	/* It goes with its descriptor. */
	close(fd);
	expect("");
}

/* ---- limits ---- */

static void write_batch(const char *path, const char *format, unsigned count)
{
	FILE *batch = fopen(path, "w");

	assert_non_null(batch);
	for (unsigned i = 0; i < count; i++) {
		fprintf(batch, format, i, i, i);
		fputc('\n', batch);
	}
	assert_int_equal(fclose(batch), 0);
}

static void run_batch(const char *format, unsigned count)
{
	char path[] = "/tmp/interfaces-XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	close(fd);
	write_batch(path, format, count);
	network_scene_ip("-force -batch %s", path);
	unlink(path);
}

struct stop {
	struct loop_task task;
	sem_t stopped, go;
};

static void stop(struct loop_task *task)
{
	struct stop *stopping = (struct stop *)task;

	sem_post(&stopping->stopped);
	sem_wait(&stopping->go);
}

static void no_change_is_lost_in_a_storm(void **state)
{
	struct stop stopping = {.task.run = stop};

	(void)state;
	network_scene_begin();
	network_scene_link("v0");
	begin(NULL);
	sem_init(&stopping.stopped, 0, 0);
	sem_init(&stopping.go, 0, 0);
	loop_post(loop, &stopping.task);
	sem_wait(&stopping.stopped);
	/* More than a socket holds (ENOBUFS), and all of no account at the end. */
	run_batch("addr add 2001:db8::%x/128 dev lo nodad", 1000);
	run_batch("addr del 2001:db8::%x/128 dev lo", 1000);
	network_scene_ip("addr add 192.0.2.1/24 dev v0");
	sem_post(&stopping.go);
	expect("v0 192.0.2.1/24");
	network_scene_ip("addr add 198.51.100.1/24 dev v0");
	expect("v0 192.0.2.1/24 198.51.100.1/24");
	sem_destroy(&stopping.stopped);
	sem_destroy(&stopping.go);
}

static void what_is_over_the_limits_is_left_out(void **state)
{
	static struct interface list[INTERFACES_MAX];

	(void)state;
	network_scene_begin();
	network_scene_link("v0");
	run_batch("addr add 10.0.0.%u/32 dev v0", INTERFACES_PREFIXES_MAX + 8);
	run_batch("link add near%u type veth peer name wide%u", INTERFACES_MAX / 2 + 4);
	run_batch("link set near%u up", INTERFACES_MAX / 2 + 4);
	run_batch("link set wide%u up", INTERFACES_MAX / 2 + 4);
	run_batch("addr add 10.1.%u.1/24 dev near%u", INTERFACES_MAX / 2 + 4);
	run_batch("addr add 10.2.%u.1/24 dev wide%u", INTERFACES_MAX / 2 + 4);
	begin(NULL);
	assert_int_equal(interfaces_list(interfaces, list), INTERFACES_MAX);
	assert_string_equal(list[0].name, "v0");
	assert_int_equal(list[0].prefix_count, INTERFACES_PREFIXES_MAX);
}

static void what_is_none_of_ours_is_no_change(void **state)
{
	(void)state;
	network_scene_begin();
	network_scene_link("v0");
	network_scene_ip("addr add 192.0.2.1/24 dev v0");
	begin(NULL);
	network_scene_ip("link add br0 type bridge");
	network_scene_ip("addr add 127.0.0.2/8 dev lo");
	network_scene_ip("link set v0 mtu 1400");
	network_scene_ip("addr add 198.51.100.1/24 dev v0");
	assert_true(wait_for_change());
	expect_now("v0 192.0.2.1/24 198.51.100.1/24");
	assert_int_equal(sem_trywait(&changed), -1);
}

/* ---- asking ---- */

static bool welcome(const char *source, const char *local, unsigned zone)
{
	struct xaddr from = at(source), here = at(local);

	from.zone = xaddr_is_link_local(&from) && from.family == XADDR_IPV6 ? zone : 0;
	here.zone = xaddr_is_link_local(&here) && here.family == XADDR_IPV6 ? zone : 0;
	return interfaces_welcome(interfaces, &from, &here);
}

static void neighbours_are_welcome_where_they_live(void **state)
{
	struct interface first, second, found;
	struct xaddr own = at("198.51.100.1"), other = at("192.0.2.7");
	static struct interface list[INTERFACES_MAX];

	(void)state;
	network_scene_begin();
	network_scene_link("v0");
	network_scene_link("v1");
	network_scene_ip("addr add 192.0.2.1/24 dev v0");
	network_scene_ip("addr add fe80::1/64 dev v0 nodad");
	network_scene_ip("addr add 198.51.100.1/24 dev v1");
	begin(NULL);
	assert_int_equal(interfaces_list(interfaces, list), 2);
	first = list[0];
	second = list[1];
	assert_true(welcome("192.0.2.7", "192.0.2.1", 0));
	assert_true(welcome("192.0.2.1", "192.0.2.1", 0));
	assert_true(welcome("198.51.100.7", "198.51.100.1", 0));
	assert_false(welcome("198.51.100.7", "192.0.2.1", 0));
	assert_false(welcome("192.0.2.7", "192.0.2.2", 0));
	assert_false(welcome("203.0.113.1", "192.0.2.1", 0));
	assert_false(welcome("127.0.0.1", "127.0.0.1", 0));
	assert_true(welcome("fe80::7", "fe80::1", first.index));
	assert_false(welcome("fe80::7", "fe80::1", second.index));
	assert_true(interfaces_find(interfaces, second.index, &found));
	assert_string_equal(found.name, "v1");
	assert_false(interfaces_find(interfaces, 1, &found)); /* lo */
	assert_true(interfaces_owner(interfaces, &own, &found));
	assert_int_equal(found.index, second.index);
	assert_false(interfaces_owner(interfaces, &other, &found));
}

static void the_loop_may_end_first(void **state)
{
	network_scene_begin();
	begin(NULL);
	loop_destroy(loop);
	interfaces_free(interfaces);
	interfaces_free(NULL);
	sem_destroy(&changed);
	loop = NULL;
	(void)state;
}

static int create_here(void *context)
{
	struct interfaces_options options = {.loop = loop};

	(void)context;
	return interfaces_create(&options, &interfaces);
}

static void the_loop_thread_may_create_them(void **state)
{
	(void)state;
	network_scene_begin();
	network_scene_link("v0");
	network_scene_ip("addr add 192.0.2.1/24 dev v0");
	assert_int_equal(sem_init(&changed, 0, 0), 0);
	assert_int_equal(loop_create(&loop), 0);
	assert_int_equal(loop_call(loop, create_here, NULL), 0);
	expect_now("v0 192.0.2.1/24");
}

#define NETWORK_TEST(test) cmocka_unit_test_teardown(test, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(those_that_reach_the_lan_are_chosen),
		NETWORK_TEST(loopback_takes_part_only_where_it_is_named),
		NETWORK_TEST(addresses_come_and_go),
		NETWORK_TEST(links_go_up_and_down),
		NETWORK_TEST(named_ones_are_taken_when_they_come),
		NETWORK_TEST(new_names_are_known),
		NETWORK_TEST(tentative_addresses_are_not_used),
		NETWORK_TEST(addresses_that_are_anothers_are_not_used),
		NETWORK_TEST(deprecated_addresses_come_last),
		NETWORK_TEST(the_near_end_of_an_address_pair_is_ours),
		NETWORK_TEST(bridges_take_part_in_place_of_their_ports),
		NETWORK_TEST(tunnels_take_part_only_where_they_are_named),
		NETWORK_TEST(no_change_is_lost_in_a_storm),
		NETWORK_TEST(what_is_over_the_limits_is_left_out),
		NETWORK_TEST(what_is_none_of_ours_is_no_change),
		NETWORK_TEST(neighbours_are_welcome_where_they_live),
		NETWORK_TEST(the_loop_may_end_first),
		NETWORK_TEST(the_loop_thread_may_create_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
