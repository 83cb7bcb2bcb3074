/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Discovery on a LAN of the test's own (tests/unit/network_scene.h): machines of ours, each a loop
 * with interfaces and multicast, and plain sockets as other programs have them, here or at the far
 * end.
 */
#ifndef TESTS_UNIT_LAN_SCENE_H
#define TESTS_UNIT_LAN_SCENE_H

#include <netinet/in.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <time.h>

#include "peer/multicast.h"

#define LAN_MACHINES 2u
#define LAN_HEARD_MAX 2048u
#define LAN_KEPT_OCTETS 64u

/* ---- networks ---- */

/* v0 with 192.0.2.1 here and .2 at the far end; in a namespace that there is. */
void lan_four(void);
/* fe80::1 and fe80::2 on v0. */
void lan_six(void);
/* A namespace, and both. */
void lan_both(void);
/* A second link v1, of 198.51.100.1 and .2. */
void lan_second(void);

/* ---- machines ---- */

struct lan_heard {
	bool answer;
	struct multicast_arrival arrival;
	size_t size;
	char text[LAN_KEPT_OCTETS]; /* how it begins */
};

struct lan_machine {
	struct loop *loop;
	struct interfaces *interfaces;
	struct multicast *multicast;
	sem_t refreshed;

	pthread_mutex_t lock;
	pthread_cond_t more;
	struct lan_heard heard[LAN_HEARD_MAX]; /* guarded by lock */
	unsigned heard_count;
	unsigned taken; /* the test's */
};

/* Those that lan_end() ends; a test may put its own here. */
extern struct lan_machine *lan_machines[LAN_MACHINES];

/* NAMES and RETRY_MS: see interfaces.h and multicast.h. */
struct lan_machine *lan_begin_with(const char *const *names, unsigned retry_ms);
struct lan_machine *lan_begin(void);
/* A teardown: everything, the namespace too. */
int lan_end(void **state);
/* `heard` of multicast.h; CONTEXT is the machine. */
void lan_keep(void *context, bool answer, const struct multicast_arrival *arrival,
	      const void *datagram, size_t size);
/* The next datagram that was heard, which must be that. */
struct lan_heard *lan_next(struct lan_machine *machine, bool answer, const char *text);
/* Another change of the interfaces has been followed. */
void lan_wait_refreshed(struct lan_machine *machine);

unsigned lan_ask(struct lan_machine *machine, const char *text);
/* From the address that faces the asker. */
int lan_answer(struct lan_machine *machine, const struct lan_heard *heard, const char *text);
/* For loop_call(), with any octets. */
struct lan_speaking {
	struct lan_machine *machine;
	const struct multicast_arrival *arrival;
	const void *datagram;
	size_t size;
};
int lan_ask_inside(void *speaking);
int lan_answer_inside(void *speaking);

bool lan_is_host(const struct xaddr *address, const char *text, unsigned zone);
void lan_assert_from(const struct lan_heard *heard, const char *address, const char *interface);
/* Until when a test waits. */
struct timespec lan_deadline(void);

/* ---- other programs ---- */

union lan_from {
	struct sockaddr any;
	struct sockaddr_in four;
	struct sockaddr_in6 six;
};

int lan_other(int family);
int lan_far_other(int family);
/* 0 or -1, as bind(). */
int lan_bind_other(int fd, const char *address, unsigned port);
/* One that hears the groups on the interface, and shares the port, as such programs do. */
int lan_other_listener(int family, const char *interface);
int lan_far_listener(int family, const char *interface);
/* To the group, by the interface of this machine or, of a far socket, of the far one. */
void lan_say(int fd, int family, const char *interface, const char *text, size_t size);
void lan_far_say(int fd, int family, const char *interface, const char *text);
/* The next datagram, which must be that; says who sent it. */
union lan_from lan_receive(int fd, const char *text);
/* PORT 0: any. */
void lan_assert_sender(const union lan_from *from, const char *address, unsigned port);

#endif
