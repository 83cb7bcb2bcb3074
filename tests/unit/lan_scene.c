/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/lan_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <unistd.h>

#include "tests/unit/network_scene.h"

/* ---- machines ---- */

struct lan_machine *lan_machines[LAN_MACHINES];

void lan_keep(void *context, bool answer, const struct multicast_arrival *arrival,
	      const void *datagram, size_t size)
{
	struct lan_machine *machine = context;
	struct lan_heard *heard;

	pthread_mutex_lock(&machine->lock);
	if (machine->heard_count < LAN_HEARD_MAX) {
		heard = &machine->heard[machine->heard_count++];
		heard->answer = answer;
		heard->arrival = *arrival;
		heard->size = size;
		memcpy(heard->text, datagram, size < LAN_KEPT_OCTETS ? size : LAN_KEPT_OCTETS - 1);
	}
	pthread_cond_signal(&machine->more);
	pthread_mutex_unlock(&machine->lock);
}

static void follow(void *context)
{
	struct lan_machine *machine = context;
	struct multicast *multicast;

	pthread_mutex_lock(&machine->lock);
	multicast = machine->multicast;
	pthread_mutex_unlock(&machine->lock);
	if (multicast == NULL)
		return;
	multicast_refresh(multicast);
	sem_post(&machine->refreshed);
}

struct lan_machine *lan_begin_with(const char *const *names, unsigned retry_ms)
{
	struct lan_machine *machine = calloc(1, sizeof(*machine));
	struct interfaces_options interfaces = {
		.names = names, .changed = follow, .context = machine};
	struct multicast_options multicast = {.port = MULTICAST_PORT,
					      .retry_ms = retry_ms,
					      .heard = lan_keep,
					      .context = machine};
	struct multicast *created;

	assert_non_null(machine);
	lan_machines[lan_machines[0] != NULL] = machine;
	pthread_mutex_init(&machine->lock, NULL);
	pthread_cond_init(&machine->more, NULL);
	sem_init(&machine->refreshed, 0, 0);
	assert_int_equal(loop_create(&machine->loop), 0);
	interfaces.loop = multicast.loop = machine->loop;
	assert_int_equal(interfaces_create(&interfaces, &machine->interfaces), 0);
	multicast.interfaces = machine->interfaces;
	assert_int_equal(multicast_create(&multicast, &created), 0);
	pthread_mutex_lock(&machine->lock);
	machine->multicast = created;
	pthread_mutex_unlock(&machine->lock);
	return machine;
}

struct lan_machine *lan_begin(void)
{
	return lan_begin_with(NULL, 0);
}

static int close_sockets(void *context)
{
	struct lan_machine *machine = context;

	multicast_free(machine->multicast);
	interfaces_free(machine->interfaces);
	return 0;
}

static void end_machine(struct lan_machine *machine)
{
	if (machine->loop != NULL) {
		loop_call(machine->loop, close_sockets, machine);
		loop_destroy(machine->loop);
	}
	pthread_mutex_destroy(&machine->lock);
	pthread_cond_destroy(&machine->more);
	sem_destroy(&machine->refreshed);
	free(machine);
}

int lan_end(void **state)
{
	for (unsigned i = 0; i < LAN_MACHINES; i++) {
		if (lan_machines[i] != NULL)
			end_machine(lan_machines[i]);
		lan_machines[i] = NULL;
	}
	return network_scene_end(state);
}

struct timespec lan_deadline(void)
{
	struct timespec when;

	clock_gettime(CLOCK_REALTIME, &when);
	when.tv_sec += NETWORK_PATIENCE;
	return when;
}

/* The next datagram, which must be that. */
struct lan_heard *lan_next(struct lan_machine *machine, bool answer, const char *text)
{
	struct timespec until = lan_deadline();
	struct lan_heard *heard;
	int error = 0;

	pthread_mutex_lock(&machine->lock);
	while (machine->heard_count == machine->taken && error == 0)
		error = pthread_cond_timedwait(&machine->more, &machine->lock, &until);
	heard = &machine->heard[machine->taken++];
	pthread_mutex_unlock(&machine->lock);
	if (error != 0)
		fail_msg("\"%s\" did not come", text);
	assert_string_equal(heard->text, text);
	assert_int_equal(heard->answer, answer);
	return heard;
}

/* Refreshed since the last time it was asked. */
void lan_wait_refreshed(struct lan_machine *machine)
{
	struct timespec until = lan_deadline();

	assert_int_equal(sem_timedwait(&machine->refreshed, &until), 0);
}

int lan_ask_inside(void *context)
{
	const struct lan_speaking *speaking = context;

	return (int)multicast_ask(speaking->machine->multicast, speaking->datagram, speaking->size);
}

unsigned lan_ask(struct lan_machine *machine, const char *text)
{
	struct lan_speaking speaking = {machine, NULL, text, strlen(text)};

	return (unsigned)loop_call(machine->loop, lan_ask_inside, &speaking);
}

int lan_answer_inside(void *context)
{
	const struct lan_speaking *speaking = context;
	struct xaddr own;

	if (!multicast_facing(speaking->arrival, &own))
		return -EADDRNOTAVAIL;
	return multicast_answer(speaking->machine->multicast, speaking->arrival, &own,
				speaking->datagram, speaking->size);
}

int lan_answer(struct lan_machine *machine, const struct lan_heard *heard, const char *text)
{
	struct lan_speaking speaking = {machine, &heard->arrival, text, strlen(text)};

	return loop_call(machine->loop, lan_answer_inside, &speaking);
}

bool lan_is_host(const struct xaddr *address, const char *text, unsigned zone)
{
	struct xaddr expected;

	assert_int_equal(xaddr_read(text, strlen(text), &expected), 0);
	expected.zone = zone;
	return xaddr_same_host(address, &expected);
}

void lan_assert_from(const struct lan_heard *heard, const char *address, const char *interface)
{
	const struct multicast_arrival *arrival = &heard->arrival;
	bool zone = arrival->source.family == XADDR_IPV6 && xaddr_is_link_local(&arrival->source);

	assert_string_equal(arrival->interface.name, interface);
	assert_true(lan_is_host(&arrival->source, address, zone ? arrival->interface.index : 0));
}

/* ---- other programs ---- */

int lan_other(int family)
{
	struct timeval patience = {.tv_sec = NETWORK_PATIENCE};
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0), on = 1;

	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
	if (family == AF_INET6)
		assert_int_equal(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)), 0);
	return fd;
}

int lan_bind_other(int fd, const char *address, unsigned port)
{
	struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = four.sin_port};

	if (inet_pton(AF_INET, address, &four.sin_addr) == 1)
		return bind(fd, (struct sockaddr *)&four, sizeof(four));
	assert_int_equal(inet_pton(AF_INET6, address, &six.sin6_addr), 1);
	return bind(fd, (struct sockaddr *)&six, sizeof(six));
}

/* One that hears the groups on the interface, and shares the port, as such programs do. */
int lan_other_listener(int family, const char *interface)
{
	struct ip_mreqn four = {.imr_ifindex = (int)if_nametoindex(interface)};
	struct ipv6_mreq six = {.ipv6mr_interface = if_nametoindex(interface)};
	int fd = lan_other(family), on = 1;

	inet_pton(AF_INET, "239.255.255.250", &four.imr_multiaddr);
	inet_pton(AF_INET6, "ff02::c", &six.ipv6mr_multiaddr);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	assert_int_equal(lan_bind_other(fd, family == AF_INET ? "0.0.0.0" : "::", MULTICAST_PORT),
			 0);
	if (family == AF_INET)
		assert_int_equal(setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &four, sizeof(four)),
				 0);
	else
		assert_int_equal(setsockopt(fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, &six, sizeof(six)),
				 0);
	return fd;
}

int lan_far_listener(int family, const char *interface)
{
	int fd;

	network_scene_enter_far();
	fd = lan_other_listener(family, interface);
	network_scene_leave_far();
	return fd;
}

int lan_far_other(int family)
{
	int fd;

	network_scene_enter_far();
	fd = lan_other(family);
	network_scene_leave_far();
	return fd;
}

/* To the group, as what is at the end of the interface (of the far machine, unless FD is here). */
void lan_say(int fd, int family, const char *interface, const char *text, size_t size)
{
	struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(MULTICAST_PORT)};
	struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = four.sin_port};
	unsigned index = if_nametoindex(interface);
	struct ip_mreqn way = {.imr_ifindex = (int)index};
	ssize_t sent;

	inet_pton(AF_INET, "239.255.255.250", &four.sin_addr);
	inet_pton(AF_INET6, "ff02::c", &six.sin6_addr);
	six.sin6_scope_id = index;
	setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &way, sizeof(way));
	sent = family == AF_INET ? sendto(fd, text, size, 0, (struct sockaddr *)&four, sizeof(four))
				 : sendto(fd, text, size, 0, (struct sockaddr *)&six, sizeof(six));
	assert_int_equal(sent, size);
}

void lan_far_say(int fd, int family, const char *interface, const char *text)
{
	network_scene_enter_far(); /* for the index of the interface */
	lan_say(fd, family, interface, text, strlen(text));
	network_scene_leave_far();
}

/* The next datagram, which must be that. */
union lan_from lan_receive(int fd, const char *text)
{
	char octets[LAN_KEPT_OCTETS] = "";
	union lan_from from = {.any = {0}};
	socklen_t length = sizeof(from);
	ssize_t size =
		recvfrom(fd, octets, sizeof(octets) - 1, 0, (struct sockaddr *)&from, &length);

	if (size < 0)
		fail_msg("\"%s\" did not come", text);
	assert_string_equal(octets, text);
	return from;
}

void lan_assert_sender(const union lan_from *from, const char *address, unsigned port)
{
	char text[INET6_ADDRSTRLEN];
	bool four = from->any.sa_family == AF_INET;

	inet_ntop(from->any.sa_family,
		  four ? (const void *)&from->four.sin_addr : (const void *)&from->six.sin6_addr,
		  text, sizeof(text));
	assert_string_equal(text, address);
	if (port != 0)
		assert_int_equal(ntohs(four ? from->four.sin_port : from->six.sin6_port), port);
}

/* ---- networks ---- */

/* 192.0.2.1 and fe80::1 here, .2 and ::2 at the far end. */
void lan_four(void)
{
	network_scene_link("v0");
	network_scene_ip("addr add 192.0.2.1/24 dev v0");
	network_scene_far_ip("addr add 192.0.2.2/24 dev v0");
}

void lan_six(void)
{
	network_scene_add_six("fe80::1", "fe80::2");
}

void lan_both(void)
{
	network_scene_begin();
	lan_four();
	lan_six();
}

/* A second link, of 198.51.100.0/24. */
void lan_second(void)
{
	network_scene_link("v1");
	network_scene_ip("addr add 198.51.100.1/24 dev v1");
	network_scene_far_ip("addr add 198.51.100.2/24 dev v1");
}
