/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Connections of the retrieval client: used again, replaced when they have gone stale, limited in
 * number, told apart by zone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/asking_scene.h"

#define AT_A_TIME 8u
#define EXCHANGES 1000u

/* ---- used again ---- */

static atomic_uint exchanges_left;

static void start_another(struct asked *asked)
{
	free(asked->body);
	asked->body = NULL;
	if (asked->error == 0 && exchanges_left > 0) {
		exchanges_left--;
		retrieval_start(asked->scene->client, &asked->retrieval);
		return;
	}
	sem_post(&asked->over);
}

static void many_exchanges_use_few_connections(void **state)
{
	struct asking scene;
	struct asked asked[AT_A_TIME];
	unsigned times = 0;

	(void)state;
	asking_begin(&scene, block_given, NULL, 0, 0);
	exchanges_left = EXCHANGES - AT_A_TIME;
	for (unsigned i = 0; i < AT_A_TIME; i++) {
		asked_prepare(&scene, &asked[i]);
		asked[i].then = start_another;
		asked_start(&asked[i]);
	}
	for (unsigned i = 0; i < AT_A_TIME; i++) {
		asked_wait(&asked[i]);
		assert_int_equal(asked[i].error, 0);
		times += asked[i].times;
		asked_end(&asked[i]);
	}
	assert_int_equal(times, EXCHANGES);
	assert_int_equal(scripted_requests(scene.server), EXCHANGES);
	assert_in_range(scripted_connections(scene.server), 1, AT_A_TIME);
	asking_end(&scene);
}

/* ---- stale ones ---- */

struct staleness {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned begun;    /* first requests of their connections, so far */
	unsigned together; /* so many are answered when all are there */
	bool reset;
};

/* The first request of each connection is answered; the next one finds it closed. */
static bool answer_once(struct scripted_request *request)
{
	struct staleness *staleness = request->context;

	if (request->turn > 1) {
		if (staleness->reset)
			scripted_reset(request);
		return false;
	}
	pthread_mutex_lock(&staleness->lock);
	staleness->begun++;
	pthread_cond_broadcast(&staleness->changed);
	while (staleness->begun < staleness->together)
		pthread_cond_wait(&staleness->changed, &staleness->lock);
	pthread_mutex_unlock(&staleness->lock);
	return block_given(request);
}

static void staleness_begin(struct staleness *staleness, bool reset, unsigned together)
{
	memset(staleness, 0, sizeof(*staleness));
	pthread_mutex_init(&staleness->lock, NULL);
	pthread_cond_init(&staleness->changed, NULL);
	staleness->reset = reset;
	staleness->together = together;
}

/* Closed when the request is on its way already, which nobody can foresee; again and again, with
 * the same handle of curl's. */
static void stale_connection_is_replaced_silently(void **state)
{
	(void)state;
	for (int reset = 0; reset < 2; reset++) {
		struct staleness staleness;
		struct asking scene;

		staleness_begin(&staleness, reset != 0, 1);
		asking_begin(&scene, answer_once, &staleness, 0, 0);
		for (unsigned i = 1; i <= 20; i++) {
			assert_block_comes(&scene);
			assert_int_equal(scripted_connections(scene.server), i);
			assert_int_equal(scripted_requests(scene.server), 2 * i - 1);
		}
		asking_end(&scene);
	}
}

/* More than curl tries by itself before it gives up. */
static void many_stale_connections_are_replaced_silently(void **state)
{
	(void)state;
	for (int reset = 0; reset < 2; reset++) {
		struct staleness staleness;
		struct asking scene;
		struct asked asked[4 * AT_A_TIME];

		staleness_begin(&staleness, reset != 0, 4 * AT_A_TIME);
		asking_begin(&scene, answer_once, &staleness, 0, 0);
		for (unsigned i = 0; i < 4 * AT_A_TIME; i++) {
			asked_prepare(&scene, &asked[i]);
			asked_start(&asked[i]);
		}
		for (unsigned i = 0; i < 4 * AT_A_TIME; i++) {
			asked_wait(&asked[i]);
			assert_int_equal(asked[i].error, 0);
			asked_end(&asked[i]);
		}
		assert_int_equal(scripted_connections(scene.server), 4 * AT_A_TIME);
		for (unsigned i = 0; i < 4; i++)
			assert_block_comes(&scene);
		asking_end(&scene);
	}
}

static bool close_after_answer(struct scripted_request *request)
{
	give_block(request, NULL);
	return false;
}

/* Closed for idleness: usually it is known by the time of the next request. */
static void closed_idle_connection_is_replaced_silently(void **state)
{
	struct asking scene;

	(void)state;
	asking_begin(&scene, close_after_answer, NULL, 0, 0);
	for (unsigned i = 1; i <= 20; i++) {
		assert_block_comes(&scene);
		assert_int_equal(scripted_connections(scene.server), i);
	}
	asking_end(&scene);
}

/* The new connection of a stale one may break as any other, and then it is known. */
static bool answer_only_the_first(struct scripted_request *request)
{
	return request->number == 1 && block_given(request);
}

static void server_that_has_gone_is_not_asked_for_ever(void **state)
{
	struct asking scene;

	(void)state;
	asking_begin(&scene, answer_only_the_first, NULL, 0, 0);
	assert_block_comes(&scene);
	assert_block_fails(&scene, -ECONNRESET);
	assert_in_range(scripted_requests(scene.server), 3, 4);
	asking_end(&scene);
}

/* ---- how many ---- */

struct crowd {
	atomic_uint now, most;
};

static bool count_crowd(struct scripted_request *request)
{
	struct crowd *crowd = request->context;
	unsigned now = atomic_fetch_add(&crowd->now, 1) + 1, most = crowd->most;

	while (now > most && !atomic_compare_exchange_weak(&crowd->most, &most, now))
		;
	sched_yield();
	atomic_fetch_sub(&crowd->now, 1);
	return block_given(request);
}

static void no_more_connections_than_allowed(void **state)
{
	struct crowd crowd = {0, 0};
	struct asking scene;
	struct asked asked[20];

	(void)state;
	asking_begin(&scene, count_crowd, &crowd, 0, 2);
	for (unsigned i = 0; i < 20; i++) {
		asked_prepare(&scene, &asked[i]);
		asked_start(&asked[i]);
	}
	for (unsigned i = 0; i < 20; i++) {
		asked_wait(&asked[i]);
		assert_int_equal(asked[i].error, 0);
		asked_end(&asked[i]);
	}
	assert_in_range(crowd.most, 1, 2);
	assert_in_range(scripted_connections(scene.server), 1, 2);
	asking_end(&scene);
}

/* Idle connections to one server make room for another. */
static void idle_connections_make_room(void **state)
{
	struct asking scene;
	struct scripted_server *other = scripted_start(block_given, NULL);
	uint16_t ports[2] = {(uint16_t)scripted_port(other)};

	(void)state;
	asking_begin(&scene, block_given, NULL, 0, 1);
	ports[1] = scene.place.port;
	for (unsigned i = 0; i < 10; i++) {
		scene.place.port = ports[i % 2];
		assert_block_comes(&scene);
	}
	assert_int_equal(scripted_connections(scene.server), 5);
	assert_int_equal(scripted_connections(other), 5);
	asking_end(&scene);
	scripted_stop(other);
}

/* ---- IPv6 ---- */

static bool keep_host(struct scripted_request *request)
{
	char *host = request->context;
	const char *value = scripted_header(request, "Host");

	snprintf(host, 128, "%s", value != NULL ? value : "none");
	return block_given(request);
}

static struct sockaddr_storage at_ipv6(const char *text, unsigned zone)
{
	struct sockaddr_storage address = {0};
	struct sockaddr_in6 *place = (struct sockaddr_in6 *)&address;

	place->sin6_family = AF_INET6;
	place->sin6_scope_id = zone;
	assert_int_equal(inet_pton(AF_INET6, text, &place->sin6_addr), 1);
	return address;
}

static void ipv6_is_asked(void **state)
{
	struct sockaddr_storage address = at_ipv6("::1", 0);
	struct asking scene;
	char host[128], expected[128];

	(void)state;
	if (access("/proc/net/if_inet6", F_OK) != 0)
		skip();
	asking_begin(&scene, NULL, NULL, 0, 0);
	scene.server = scripted_start_at(keep_host, host, &address);
	scene.place = (struct xaddr){.family = XADDR_IPV6,
				     .port = (uint16_t)scripted_port(scene.server),
				     .octets = {[15] = 1}};
	assert_block_comes(&scene);
	snprintf(expected, sizeof(expected), "[::1]:%u", (unsigned)scene.place.port);
	assert_string_equal(host, expected);
	asking_end(&scene);
}

/* In a network namespace of its own; what starts from here on is in it as well. -1: not allowed. */
static int enter_namespace(void)
{
	int before = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	if (before >= 0 && unshare(CLONE_NEWNET) == 0)
		return before;
	if (before >= 0)
		close(before);
	return -1;
}

static void leave_namespace(int before)
{
	assert_int_equal(setns(before, CLONE_NEWNET), 0);
	close(before);
}

/* Two links, on both of which fe80::1 is this machine, with another server on either. The kernel
 * makes the routes to it a moment after the addresses, and what is sent before is lost. */
static bool make_links(void)
{
	return system("ip link add one type veth peer name one-end && "
		      "ip link add two type veth peer name two-end && "
		      "for name in lo one one-end two two-end; do ip link set $name up; done && "
		      "ip address add fe80::1/64 dev one nodad && "
		      "ip address add fe80::1/64 dev two nodad && "
		      "for try in $(seq 1000); do "
		      "[ $(ip -6 route show table local | grep -c '^local fe80::1 ') = 2 ] && "
		      "break; sleep 0.01; done") == 0;
}

static void ask_both_zones(void)
{
	static const char *const names[] = {"one", "two"};
	struct scripted_server *servers[2];
	struct asking scene;
	char hosts[2][128];
	uint16_t port = 0;

	for (size_t i = 0; i < 2; i++) {
		struct sockaddr_storage address = at_ipv6("fe80::1", if_nametoindex(names[i]));

		((struct sockaddr_in6 *)&address)->sin6_port = htons(port);
		servers[i] = scripted_start_at(keep_host, hosts[i], &address);
		port = (uint16_t)scripted_port(servers[i]); /* of both */
	}
	asking_begin(&scene, NULL, NULL, 0, 0);
	for (size_t i = 0; i < 6; i++) {
		scene.place = (struct xaddr){.family = XADDR_IPV6,
					     .port = port,
					     .octets = {0xfe, 0x80, [15] = 1},
					     .zone = if_nametoindex(names[i % 2])};
		assert_block_comes(&scene);
		assert_int_equal(scripted_requests(servers[0]), i / 2 + 1);
		assert_int_equal(scripted_requests(servers[1]), (i + 1) / 2);
	}
	for (size_t i = 0; i < 2; i++) {
		char expected[128];

		snprintf(expected, sizeof(expected), "[fe80::1]:%u", (unsigned)port);
		assert_string_equal(hosts[i], expected);
		assert_int_equal(scripted_connections(servers[i]), 1);
	}
	asking_end(&scene);
	for (size_t i = 0; i < 2; i++)
		scripted_stop(servers[i]);
}

/* ---- addresses of our own that go ---- */

/* A server on this machine, which is asked from another of its addresses. */
static bool make_addresses(void)
{
	return system("ip link set lo up && ip address add 192.0.2.1/32 dev lo && "
		      "ip address add 192.0.2.2/32 dev lo && "
		      "ip route replace local 192.0.2.1 dev lo src 192.0.2.2 table local") == 0;
}

static bool lose_address(void)
{
	return system("ip route replace local 192.0.2.1 dev lo src 192.0.2.1 table local && "
		      "ip address del 192.0.2.2/32 dev lo") == 0;
}

static void tell_of_addresses(void *client)
{
	retrieval_client_readdressed(client);
}

static void ask_from_two_addresses(void)
{
	struct sockaddr_storage address = {0};
	struct sockaddr_in *place = (struct sockaddr_in *)&address;
	struct asking scene;

	place->sin_family = AF_INET;
	place->sin_addr.s_addr = htonl(0xc0000201);
	asking_begin(&scene, NULL, NULL, 0, 0);
	scene.server = scripted_start_at(block_given, NULL, &address);
	scene.place = (struct xaddr){.family = XADDR_IPV4,
				     .port = (uint16_t)scripted_port(scene.server),
				     .octets = {192, 0, 2, 1}};
	assert_block_comes(&scene);
	asking_on_loop(&scene, tell_of_addresses, scene.client);
	assert_block_comes(&scene);
	assert_int_equal(scripted_connections(scene.server), 1);
	assert_true(lose_address());
	asking_on_loop(&scene, tell_of_addresses, scene.client);
	assert_block_comes(&scene);
	assert_int_equal(scripted_connections(scene.server), 2);
	asking_end(&scene);
}

static void what_has_lost_its_address_is_not_used_again(void **state)
{
	int before = enter_namespace();
	bool made;

	(void)state;
	if (before < 0) {
		print_message("skipped: no permission for a network namespace\n");
		skip();
	}
	made = make_addresses();
	if (made)
		ask_from_two_addresses();
	leave_namespace(before);
	assert_true(made);
}

static void zones_tell_servers_apart(void **state)
{
	int before = enter_namespace();
	bool made;

	(void)state;
	if (before < 0) {
		print_message("skipped: no permission for a network namespace\n");
		skip();
	}
	made = make_links();
	if (made)
		ask_both_zones();
	leave_namespace(before);
	if (!made) {
		print_message("skipped: no links with IPv6 can be made\n");
		skip();
	}
}

static void place_without_route_is_unreachable(void **state)
{
	int before = enter_namespace();
	struct asking scene;

	(void)state;
	if (before < 0)
		skip();
	asking_begin(&scene, NULL, NULL, 0, 0);
	scene.place = (struct xaddr){.family = XADDR_IPV4, .port = 80, .octets = {192, 0, 2, 1}};
	assert_block_fails(&scene, -ENETUNREACH);
	asking_end(&scene);
	leave_namespace(before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_exchanges_use_few_connections),
		cmocka_unit_test(stale_connection_is_replaced_silently),
		cmocka_unit_test(many_stale_connections_are_replaced_silently),
		cmocka_unit_test(closed_idle_connection_is_replaced_silently),
		cmocka_unit_test(server_that_has_gone_is_not_asked_for_ever),
		cmocka_unit_test(no_more_connections_than_allowed),
		cmocka_unit_test(idle_connections_make_room),
		cmocka_unit_test(ipv6_is_asked),
		cmocka_unit_test(what_has_lost_its_address_is_not_used_again),
		cmocka_unit_test(zones_tell_servers_apart),
		cmocka_unit_test(place_without_route_is_unreachable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
