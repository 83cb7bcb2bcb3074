/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Datagrams of discovery between real sockets, in network namespaces: machines of ours (loop,
 * interfaces, multicast), and plain sockets as other programs have them, here or at the far end.
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
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "peer/multicast.h"
#include "peer/multicast_sockets.h"
#include "tests/unit/network_scene.h"

#define HEARD_MAX 2048u
#define KEPT_OCTETS 64u

/* ---- machines ---- */

struct heard {
	bool answer;
	struct multicast_arrival arrival;
	size_t size;
	char text[KEPT_OCTETS]; /* how it begins */
};

struct machine {
	struct loop *loop;
	struct interfaces *interfaces;
	struct multicast *multicast;
	sem_t refreshed;

	pthread_mutex_t lock;
	pthread_cond_t more;
	struct heard heard[HEARD_MAX]; /* guarded by lock */
	unsigned heard_count;
	unsigned taken; /* the test's */
};

static struct machine *machines[2];

static void keep(void *context, bool answer, const struct multicast_arrival *arrival,
		 const void *datagram, size_t size)
{
	struct machine *machine = context;
	struct heard *heard;

	pthread_mutex_lock(&machine->lock);
	if (machine->heard_count < HEARD_MAX) {
		heard = &machine->heard[machine->heard_count++];
		heard->answer = answer;
		heard->arrival = *arrival;
		heard->size = size;
		memcpy(heard->text, datagram, size < KEPT_OCTETS ? size : KEPT_OCTETS - 1);
	}
	pthread_cond_signal(&machine->more);
	pthread_mutex_unlock(&machine->lock);
}

static void follow(void *context)
{
	struct machine *machine = context;
	struct multicast *multicast;

	pthread_mutex_lock(&machine->lock);
	multicast = machine->multicast;
	pthread_mutex_unlock(&machine->lock);
	if (multicast == NULL)
		return;
	multicast_refresh(multicast);
	sem_post(&machine->refreshed);
}

static struct machine *begin_with(const char *const *names, unsigned retry_ms)
{
	struct machine *machine = calloc(1, sizeof(*machine));
	struct interfaces_options interfaces = {
		.names = names, .changed = follow, .context = machine};
	struct multicast_options multicast = {
		.port = MULTICAST_PORT, .retry_ms = retry_ms, .heard = keep, .context = machine};
	struct multicast *created;

	assert_non_null(machine);
	machines[machines[0] != NULL] = machine;
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

static struct machine *begin(void)
{
	return begin_with(NULL, 0);
}

static int close_sockets(void *context)
{
	struct machine *machine = context;

	multicast_free(machine->multicast);
	interfaces_free(machine->interfaces);
	return 0;
}

static void end_machine(struct machine *machine)
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

static int end(void **state)
{
	for (unsigned i = 0; i < 2; i++) {
		if (machines[i] != NULL)
			end_machine(machines[i]);
		machines[i] = NULL;
	}
	return network_scene_end(state);
}

static struct timespec deadline(void)
{
	struct timespec when;

	clock_gettime(CLOCK_REALTIME, &when);
	when.tv_sec += NETWORK_PATIENCE;
	return when;
}

/* The next datagram, which must be that. */
static struct heard *next(struct machine *machine, bool answer, const char *text)
{
	struct timespec until = deadline();
	struct heard *heard;
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
static void wait_refreshed(struct machine *machine)
{
	struct timespec until = deadline();

	assert_int_equal(sem_timedwait(&machine->refreshed, &until), 0);
}

struct speaking {
	struct machine *machine;
	const struct multicast_arrival *arrival;
	const void *datagram;
	size_t size;
};

static int ask_inside(void *context)
{
	const struct speaking *speaking = context;

	return (int)multicast_ask(speaking->machine->multicast, speaking->datagram, speaking->size);
}

static unsigned ask(struct machine *machine, const char *text)
{
	struct speaking speaking = {machine, NULL, text, strlen(text)};

	return (unsigned)loop_call(machine->loop, ask_inside, &speaking);
}

static int answer_inside(void *context)
{
	const struct speaking *speaking = context;
	struct xaddr own;

	if (!multicast_facing(speaking->arrival, &own))
		return -EADDRNOTAVAIL;
	return multicast_answer(speaking->machine->multicast, speaking->arrival, &own,
				speaking->datagram, speaking->size);
}

static int answer(struct machine *machine, const struct heard *heard, const char *text)
{
	struct speaking speaking = {machine, &heard->arrival, text, strlen(text)};

	return loop_call(machine->loop, answer_inside, &speaking);
}

static bool is_host(const struct xaddr *address, const char *text, unsigned zone)
{
	struct xaddr expected;

	assert_int_equal(xaddr_read(text, strlen(text), &expected), 0);
	expected.zone = zone;
	return xaddr_same_host(address, &expected);
}

static void assert_from(const struct heard *heard, const char *address, const char *interface)
{
	const struct multicast_arrival *arrival = &heard->arrival;
	bool zone = arrival->source.family == XADDR_IPV6 && xaddr_is_link_local(&arrival->source);

	assert_string_equal(arrival->interface.name, interface);
	assert_true(is_host(&arrival->source, address, zone ? arrival->interface.index : 0));
}

/* ---- other programs ---- */

static int other(int family)
{
	struct timeval patience = {.tv_sec = NETWORK_PATIENCE};
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0), on = 1;

	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
	if (family == AF_INET6)
		assert_int_equal(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)), 0);
	return fd;
}

static int bind_other(int fd, const char *address, unsigned port)
{
	struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = four.sin_port};

	if (inet_pton(AF_INET, address, &four.sin_addr) == 1)
		return bind(fd, (struct sockaddr *)&four, sizeof(four));
	assert_int_equal(inet_pton(AF_INET6, address, &six.sin6_addr), 1);
	return bind(fd, (struct sockaddr *)&six, sizeof(six));
}

/* One that hears the groups on the interface, and shares the port, as such programs do. */
static int other_listener(int family, const char *interface)
{
	struct ip_mreqn four = {.imr_ifindex = (int)if_nametoindex(interface)};
	struct ipv6_mreq six = {.ipv6mr_interface = if_nametoindex(interface)};
	int fd = other(family), on = 1;

	inet_pton(AF_INET, "239.255.255.250", &four.imr_multiaddr);
	inet_pton(AF_INET6, "ff02::c", &six.ipv6mr_multiaddr);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	assert_int_equal(bind_other(fd, family == AF_INET ? "0.0.0.0" : "::", MULTICAST_PORT), 0);
	if (family == AF_INET)
		assert_int_equal(setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &four, sizeof(four)),
				 0);
	else
		assert_int_equal(setsockopt(fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, &six, sizeof(six)),
				 0);
	return fd;
}

static int far_listener(int family, const char *interface)
{
	int fd;

	network_scene_enter_far();
	fd = other_listener(family, interface);
	network_scene_leave_far();
	return fd;
}

static int far_other(int family)
{
	int fd;

	network_scene_enter_far();
	fd = other(family);
	network_scene_leave_far();
	return fd;
}

/* To the group, as what is at the end of the interface (of the far machine, unless FD is here). */
static void say(int fd, int family, const char *interface, const char *text, size_t size)
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

static void far_say(int fd, int family, const char *interface, const char *text)
{
	network_scene_enter_far(); /* for the index of the interface */
	say(fd, family, interface, text, strlen(text));
	network_scene_leave_far();
}

union from {
	struct sockaddr any;
	struct sockaddr_in four;
	struct sockaddr_in6 six;
};

/* The next datagram, which must be that. */
static union from receive(int fd, const char *text)
{
	char octets[KEPT_OCTETS] = "";
	union from from = {.any = {0}};
	socklen_t length = sizeof(from);
	ssize_t size =
		recvfrom(fd, octets, sizeof(octets) - 1, 0, (struct sockaddr *)&from, &length);

	if (size < 0)
		fail_msg("\"%s\" did not come", text);
	assert_string_equal(octets, text);
	return from;
}

static void assert_sender(const union from *from, const char *address, unsigned port)
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
static void four(void)
{
	network_scene_link("v0");
	network_scene_ip("addr add 192.0.2.1/24 dev v0");
	network_scene_far_ip("addr add 192.0.2.2/24 dev v0");
}

static void six(void)
{
	network_scene_ip("addr add fe80::1/64 dev v0 nodad");
	network_scene_far_ip("addr add fe80::2/64 dev v0 nodad");
}

static void both(void)
{
	network_scene_begin();
	four();
	six();
}

/* A second link, of 198.51.100.0/24. */
static void second(void)
{
	network_scene_link("v1");
	network_scene_ip("addr add 198.51.100.1/24 dev v1");
	network_scene_far_ip("addr add 198.51.100.2/24 dev v1");
}

/* ---- hearing ---- */

static void each_of_a_machines_programs_hears_everything(void **state)
{
	struct machine *one, *another;
	int plain_four, plain_six, far_four, far_six;

	(void)state;
	both();
	plain_four = other_listener(AF_INET, "v0");
	one = begin();
	another = begin();
	plain_six = other_listener(AF_INET6, "v0");
	far_four = far_other(AF_INET);
	far_six = far_other(AF_INET6);
	assert_false(multicast_deaf(one->multicast) || multicast_deaf(another->multicast));
	for (unsigned i = 0; i < 3; i++) {
		far_say(far_four, AF_INET, "v0", "four");
		assert_from(next(one, false, "four"), "192.0.2.2", "v0");
		assert_from(next(another, false, "four"), "192.0.2.2", "v0");
		receive(plain_four, "four");
		far_say(far_six, AF_INET6, "v0", "six");
		assert_from(next(one, false, "six"), "fe80::2", "v0");
		assert_from(next(another, false, "six"), "fe80::2", "v0");
		receive(plain_six, "six");
	}
	close(plain_four);
	close(plain_six);
	close(far_four);
	close(far_six);
}

static void one_family_is_enough(void **state)
{
	struct machine *machine;
	int listener, asker;

	network_scene_begin();
	four();
	machine = begin();
	listener = far_listener(AF_INET, "v0");
	asker = far_other(AF_INET);
	assert_int_equal(ask(machine, "anybody?"), 1);
	receive(listener, "anybody?");
	next(machine, false, "anybody?"); /* our own, which others of this machine hear too */
	far_say(asker, AF_INET, "v0", "here");
	next(machine, false, "here");
	close(listener);
	close(asker);
	end(state);

	network_scene_begin();
	network_scene_link("v0");
	six();
	machine = begin();
	listener = far_listener(AF_INET6, "v0");
	asker = far_other(AF_INET6);
	assert_int_equal(ask(machine, "anybody?"), 1);
	receive(listener, "anybody?");
	next(machine, false, "anybody?");
	far_say(asker, AF_INET6, "v0", "here");
	next(machine, false, "here");
	close(listener);
	close(asker);
}

static void only_interfaces_that_take_part_are_heard(void **state)
{
	static const char *const names[] = {"v0", NULL};
	struct machine *machine;
	int stranger, neighbour, elsewhere;

	(void)state;
	both();
	second();
	machine = begin_with(names, 0);
	/* Another program has joined there, and hears. */
	elsewhere = other_listener(AF_INET, "v1");
	stranger = far_other(AF_INET);
	neighbour = far_other(AF_INET);
	far_say(stranger, AF_INET, "v1", "stranger");
	receive(elsewhere, "stranger");
	far_say(neighbour, AF_INET, "v0", "neighbour");
	next(machine, false, "neighbour");
	close(stranger);
	close(neighbour);
	close(elsewhere);
}

static void unicast_is_left_to_others(void **state)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(MULTICAST_PORT)};
	struct machine *machine;
	int daemon, asker;

	(void)state;
	both();
	inet_pton(AF_INET, "192.0.2.1", &to.sin_addr);
	daemon = other_listener(AF_INET, "v0"); /* first, so the last one to be preferred */
	machine = begin();
	asker = far_other(AF_INET);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(sendto(asker, "for it", 6, 0, (struct sockaddr *)&to, sizeof(to)),
				 6);
		receive(daemon, "for it");
	}
	far_say(asker, AF_INET, "v0", "for all");
	next(machine, false, "for all");
	close(daemon);
	close(asker);
}

static void interfaces_are_followed(void **state)
{
	struct machine *machine;
	struct heard *heard;
	int asker;

	(void)state;
	network_scene_begin();
	network_scene_link("v0");
	machine = begin();
	assert_int_equal(ask(machine, "x"), 0);
	network_scene_ip("addr add 192.0.2.1/24 dev v0");
	network_scene_far_ip("addr add 192.0.2.2/24 dev v0");
	wait_refreshed(machine);
	asker = far_other(AF_INET);
	far_say(asker, AF_INET, "v0", "one");
	heard = next(machine, false, "one");
	assert_int_equal(answer(machine, heard, "to one"), 0);
	receive(asker, "to one");
	network_scene_ip("addr flush dev v0");
	wait_refreshed(machine);
	assert_int_equal(answer(machine, heard, "to one"), -ENODEV);
	assert_int_equal(ask(machine, "x"), 0);
	network_scene_ip("addr add 192.0.2.1/24 dev v0");
	wait_refreshed(machine);
	network_scene_ip("link delete v0");
	wait_refreshed(machine);
	close(asker);
	four();
	wait_refreshed(machine);
	asker = far_other(AF_INET);
	far_say(asker, AF_INET, "v0", "two");
	assert_from(next(machine, false, "two"), "192.0.2.2", "v0");
	close(asker);
}

/* ---- asking and answering ---- */

static void questions_go_to_both_groups_on_every_interface(void **state)
{
	struct machine *machine;
	int by_four, by_six, second_by_four;
	union from from;

	(void)state;
	both();
	second();
	by_four = far_listener(AF_INET, "v0");
	by_six = far_listener(AF_INET6, "v0");
	machine = begin();
	assert_int_equal(ask(machine, "anybody?"), 3);
	from = receive(by_four, "anybody?");
	assert_sender(&from, "192.0.2.1", 0);
	from = receive(by_six, "anybody?");
	assert_sender(&from, "fe80::1", 0);
	close(by_four);
	second_by_four = far_listener(AF_INET, "v1");
	assert_int_equal(ask(machine, "again?"), 3);
	from = receive(second_by_four, "again?");
	assert_sender(&from, "198.51.100.1", 0);
	close(by_six);
	close(second_by_four);
}

static unsigned hops(int fd, int level, int type)
{
	unsigned char control[CMSG_SPACE(sizeof(int))], octets[KEPT_OCTETS];
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
	both();
	by_four = far_listener(AF_INET, "v0");
	by_six = far_listener(AF_INET6, "v0");
	setsockopt(by_four, IPPROTO_IP, IP_RECVTTL, &on, sizeof(on));
	setsockopt(by_six, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, &on, sizeof(on));
	assert_int_equal(ask(begin(), "anybody?"), 2);
	assert_int_equal(hops(by_four, IPPROTO_IP, IP_TTL), 1);
	assert_int_equal(hops(by_six, IPPROTO_IPV6, IPV6_HOPLIMIT), 1);
	close(by_four);
	close(by_six);
}

static void answers_come_from_the_port_of_discovery(void **state)
{
	struct machine *machine;
	int by_four, by_six;
	union from from;

	(void)state;
	both();
	/* Others, which the kernel would have preferred or not. */
	network_scene_ip("addr add 192.0.2.9/24 dev v0");
	network_scene_ip("addr add 2001:db8::1/64 dev v0 nodad");
	machine = begin();
	by_four = far_other(AF_INET);
	by_six = far_other(AF_INET6);
	far_say(by_four, AF_INET, "v0", "four?");
	assert_int_equal(answer(machine, next(machine, false, "four?"), "four!"), 0);
	from = receive(by_four, "four!");
	assert_sender(&from, "192.0.2.1", MULTICAST_PORT);
	far_say(by_six, AF_INET6, "v0", "six?");
	assert_int_equal(answer(machine, next(machine, false, "six?"), "six!"), 0);
	from = receive(by_six, "six!");
	assert_sender(&from, "fe80::1", MULTICAST_PORT);
	close(by_four);
	close(by_six);
}

static int answer_from_second(void *context)
{
	const struct speaking *speaking = context;
	struct xaddr own = speaking->arrival->source;

	own.octets[3] = 9; /* 192.0.2.9 */
	return multicast_answer(speaking->machine->multicast, speaking->arrival, &own,
				speaking->datagram, speaking->size);
}

static void answers_come_from_the_address_that_is_wanted(void **state)
{
	struct speaking speaking = {.datagram = "here", .size = 4};
	struct xaddr wrong = {.family = XADDR_IPV6};
	struct machine *machine;
	union from from;
	int asker;

	(void)state;
	both();
	network_scene_ip("addr add 192.0.2.9/24 dev v0");
	speaking.machine = machine = begin();
	asker = far_other(AF_INET);
	far_say(asker, AF_INET, "v0", "who?");
	speaking.arrival = &next(machine, false, "who?")->arrival;
	assert_int_equal(loop_call(machine->loop, answer_from_second, &speaking), 0);
	from = receive(asker, "here");
	assert_sender(&from, "192.0.2.9", MULTICAST_PORT);
	assert_int_equal(
		multicast_sockets_send(asker, &speaking.arrival->source, 1, &wrong, "x", 1),
		-EINVAL);
	close(asker);
}

static void answers_of_others_are_heard(void **state)
{
	struct machine *machine;
	int by_four, by_six;
	union from from;

	(void)state;
	both();
	by_four = far_listener(AF_INET, "v0");
	by_six = far_listener(AF_INET6, "v0");
	machine = begin();
	ask(machine, "anybody?");
	next(machine, false, "anybody?");
	next(machine, false, "anybody?");
	from = receive(by_four, "anybody?");
	assert_int_equal(sendto(by_four, "four", 4, 0, &from.any, sizeof(from.four)), 4);
	assert_from(next(machine, true, "four"), "192.0.2.2", "v0");
	from = receive(by_six, "anybody?");
	assert_int_equal(sendto(by_six, "six", 3, 0, &from.any, sizeof(from.six)), 3);
	assert_from(next(machine, true, "six"), "fe80::2", "v0");
	close(by_four);
	close(by_six);
}

static void machines_of_one_host_find_each_other(void **state)
{
	static const char *const sources[] = {"192.0.2.1", "fe80::1"};
	struct machine *asker, *answerer;

	(void)state;
	both();
	asker = begin();
	answerer = begin();
	assert_int_equal(ask(asker, "anybody?"), 2);
	for (unsigned i = 0; i < 2; i++)
		next(asker, false, "anybody?"); /* its own */
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(answer(answerer, next(answerer, false, "anybody?"), "here"), 0);
	for (unsigned i = 0; i < 2; i++) {
		struct heard *heard = next(asker, true, "here");
		bool is_six = heard->arrival.source.family == XADDR_IPV6;

		assert_from(heard, sources[is_six], "v0");
		assert_int_equal(heard->arrival.source.port, MULTICAST_PORT);
	}
}

static void other_programs_of_this_host_are_found(void **state)
{
	struct machine *machine;
	int daemon, inward;
	union from from;

	(void)state;
	both();
	second();
	daemon = other_listener(AF_INET, "v0");
	machine = begin();
	ask(machine, "anybody?");
	from = receive(daemon, "anybody?");
	for (unsigned i = 0; i < 3; i++)
		next(machine, false, "anybody?");
	assert_int_equal(sendto(daemon, "here", 4, 0, &from.any, sizeof(from.four)), 4);
	assert_from(next(machine, true, "here"), "192.0.2.1", "v0");
	/* By lo, which takes no part. */
	inward = other(AF_INET);
	assert_int_equal(bind_other(inward, "198.51.100.1", 0), 0);
	inet_pton(AF_INET, "127.0.0.1", &from.four.sin_addr);
	assert_int_equal(sendto(inward, "by lo", 5, 0, &from.any, sizeof(from.four)), 5);
	assert_from(next(machine, true, "by lo"), "198.51.100.1", "v1");
	close(inward);
	inward = other(AF_INET);
	assert_int_equal(bind_other(inward, "127.0.0.1", 0), 0);
	assert_int_equal(sendto(inward, "of lo", 5, 0, &from.any, sizeof(from.four)), 5);
	assert_int_equal(sendto(daemon, "last", 4, 0, &from.any, sizeof(from.four)), 4);
	next(machine, true, "last");
	close(inward);
	close(daemon);
}

static void an_interface_that_fails_does_not_stop_the_others(void **state)
{
	struct multicast_options options = {.port = MULTICAST_PORT, .heard = keep};
	struct interfaces_options following = {0}; /* tells nobody: what is known grows old */
	struct machine *machine;
	int listener;

	(void)state;
	network_scene_begin();
	four();
	second();
	machines[0] = machine = calloc(1, sizeof(*machine));
	assert_non_null(machine);
	assert_int_equal(loop_create(&machine->loop), 0);
	following.loop = options.loop = machine->loop;
	options.context = machine;
	assert_int_equal(interfaces_create(&following, &machine->interfaces), 0);
	options.interfaces = machine->interfaces;
	assert_int_equal(multicast_create(&options, &machine->multicast), 0);
	listener = far_listener(AF_INET, "v1");
	assert_int_equal(ask(machine, "both"), 2);
	receive(listener, "both");
	network_scene_ip("link delete v0");
	assert_int_equal(ask(machine, "one"), 1);
	receive(listener, "one");
	close(listener);
}

/* ---- the port is another's ---- */

static void check_deaf(int family)
{
	struct timespec moment = {.tv_nsec = 5000000};
	int holder, listener, asker;
	struct machine *machine;

	network_scene_begin();
	network_scene_link("v0");
	if (family == AF_INET) {
		network_scene_ip("addr add 192.0.2.1/24 dev v0");
		network_scene_far_ip("addr add 192.0.2.2/24 dev v0");
	} else {
		six();
	}
	holder = other(family);
	assert_int_equal(bind_other(holder, family == AF_INET ? "0.0.0.0" : "::", MULTICAST_PORT),
			 0);
	listener = far_listener(family, "v0");
	machine = begin_with(NULL, 5);
	assert_true(multicast_deaf(machine->multicast));
	assert_int_equal(ask(machine, "anybody?"), 1); /* goes on */
	receive(listener, "anybody?");
	close(holder);
	for (unsigned i = 0; multicast_deaf(machine->multicast); i++) {
		assert_true(i < NETWORK_PATIENCE * 200);
		nanosleep(&moment, NULL);
	}
	asker = far_other(family);
	far_say(asker, family, "v0", "here");
	next(machine, false, "here");
	close(asker);
	close(listener);
}

static void who_has_the_port_alone_makes_deaf_until_it_goes(void **state)
{
	check_deaf(AF_INET);
	end(state);
	check_deaf(AF_INET6);
}

static void deafness_goes_with_the_interface(void **state)
{
	struct machine *machine;
	int holder;

	(void)state;
	network_scene_begin();
	four();
	holder = other(AF_INET);
	assert_int_equal(bind_other(holder, "0.0.0.0", MULTICAST_PORT), 0);
	machine = begin();
	assert_true(multicast_deaf(machine->multicast));
	network_scene_ip("link set v0 down");
	wait_refreshed(machine);
	assert_false(multicast_deaf(machine->multicast));
	network_scene_ip("link set v0 up");
	wait_refreshed(machine);
	assert_true(multicast_deaf(machine->multicast));
	close(holder);
}

/* ---- loopback, sizes, floods ---- */

/* In IPv6 there is no way for groups on lo. */
static void the_largest_datagram_goes_by_lo(void **state)
{
	static const char *const names[] = {"lo", NULL};
	static char large[MULTICAST_DATAGRAM_MAX] = "large";
	struct speaking speaking = {.datagram = large, .size = sizeof(large)};
	struct heard *heard;

	(void)state;
	network_scene_begin();
	network_scene_ip("-6 addr flush dev lo");
	speaking.machine = begin_with(names, 0);
	assert_int_equal(loop_call(speaking.machine->loop, ask_inside, &speaking), 1);
	heard = next(speaking.machine, false, "large");
	assert_int_equal(heard->size, sizeof(large));
	assert_from(heard, "127.0.0.1", "lo");
	speaking.arrival = &heard->arrival;
	assert_int_equal(loop_call(speaking.machine->loop, answer_inside, &speaking), 0);
	heard = next(speaking.machine, true, "large");
	assert_int_equal(heard->size, sizeof(large));
	assert_from(heard, "127.0.0.1", "lo");
}

/* IPv6 takes a few octets more. */
static void too_large_and_empty_ones_do_no_harm(void **state)
{
	static const char large[MULTICAST_DATAGRAM_MAX + 1] = "large";
	struct machine *machine;
	int asker;

	(void)state;
	both();
	machine = begin();
	asker = other(AF_INET6);
	say(asker, AF_INET6, "v0", large, sizeof(large) - 1);
	assert_int_equal(next(machine, false, "large")->size, MULTICAST_DATAGRAM_MAX);
	say(asker, AF_INET6, "v0", large, sizeof(large));
	say(asker, AF_INET6, "v0", "small", 5);
	next(machine, false, "small");
	say(asker, AF_INET6, "v0", "", 0);
	assert_int_equal(next(machine, false, "")->size, 0);
	close(asker);
}

/* Runs once for each turn of the loop, until all is heard. */
struct turns {
	struct loop_task task;
	struct machine *machine;
	sem_t stopped, go, done;
	unsigned before, most, expected;
};

static void count_turn(struct loop_task *task)
{
	struct turns *turns = (struct turns *)task;
	unsigned count;

	pthread_mutex_lock(&turns->machine->lock);
	count = turns->machine->heard_count;
	pthread_mutex_unlock(&turns->machine->lock);
	if (count - turns->before > turns->most)
		turns->most = count - turns->before;
	turns->before = count;
	if (count < turns->expected)
		loop_post(turns->machine->loop, task);
	else
		sem_post(&turns->done);
}

static void stop_loop(struct loop_task *task)
{
	struct turns *turns = (struct turns *)task;

	sem_post(&turns->stopped);
	sem_wait(&turns->go);
	turns->task.run = count_turn;
	loop_post(turns->machine->loop, task);
}

/* Lies in wait with COUNT datagrams of SIZE; returns how many were heard in one turn at most. */
static unsigned flood(struct machine *machine, unsigned count, size_t size)
{
	struct turns turns = {.task.run = stop_loop, .machine = machine, .expected = count};
	char *datagram = calloc(1, size);
	int asker = other(AF_INET);
	struct timespec until = deadline();

	assert_non_null(datagram);
	sem_init(&turns.stopped, 0, 0);
	sem_init(&turns.go, 0, 0);
	sem_init(&turns.done, 0, 0);
	loop_post(machine->loop, &turns.task);
	sem_wait(&turns.stopped);
	for (unsigned i = 0; i < count; i++)
		say(asker, AF_INET, "v0", datagram, size);
	sem_post(&turns.go);
	assert_int_equal(sem_timedwait(&turns.done, &until), 0);
	sem_destroy(&turns.stopped);
	sem_destroy(&turns.go);
	sem_destroy(&turns.done);
	close(asker);
	free(datagram);
	return turns.most;
}

static void others_have_their_turn_in_a_flood(void **state)
{
	struct machine *machine;

	(void)state;
	network_scene_begin();
	four();
	machine = begin();
	/* As many as fit into the least that a socket may hold by default. */
	assert_in_range(flood(machine, 2 * MULTICAST_PASS, 100), 1, MULTICAST_PASS);
	machine->heard_count = 0;
	assert_in_range(flood(machine, 4, MULTICAST_DATAGRAM_MAX), 1, 3);
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
	assert_true(is_host(&own, expected, strncmp(expected, "fe80", 4) == 0 ? 3 : 0));
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
	struct machine *machine;

	(void)state;
	both();
	machine = begin();
	loop_destroy(machine->loop);
	multicast_free(machine->multicast);
	interfaces_free(machine->interfaces);
	multicast_free(NULL);
	machine->loop = NULL;
}

#define NETWORK_TEST(test) cmocka_unit_test_teardown(test, end)

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
		NETWORK_TEST(others_have_their_turn_in_a_flood),
		cmocka_unit_test(the_address_that_faces_the_asker_is_of_its_kind),
		NETWORK_TEST(the_loop_may_end_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
