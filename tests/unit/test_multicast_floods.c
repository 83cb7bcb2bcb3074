/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Many datagrams of discovery at once, in network namespaces.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <net/if.h>
#include <unistd.h>

#include "peer/multicast_sockets.h"
#include "tests/unit/lan_scene.h"
#include "tests/unit/network_scene.h"

/* Runs once for each turn of the loop, until all is heard. */
struct turns {
	struct loop_task task;
	struct lan_machine *machine;
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
static unsigned flood(struct lan_machine *machine, unsigned count, size_t size)
{
	struct turns turns = {.task.run = stop_loop, .machine = machine, .expected = count};
	char *datagram = calloc(1, size);
	int asker = lan_other(AF_INET);
	struct timespec until = lan_deadline();

	assert_non_null(datagram);
	sem_init(&turns.stopped, 0, 0);
	sem_init(&turns.go, 0, 0);
	sem_init(&turns.done, 0, 0);
	loop_post(machine->loop, &turns.task);
	sem_wait(&turns.stopped);
	for (unsigned i = 0; i < count; i++)
		lan_say(asker, AF_INET, "v0", datagram, size);
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
	struct lan_machine *machine;

	(void)state;
	network_scene_begin();
	lan_four();
	machine = lan_begin();
	/* As many as fit into the least that a socket may hold by default. */
	assert_in_range(flood(machine, 2 * MULTICAST_PASS, 100), 1, MULTICAST_PASS);
	machine->heard_count = 0;
	assert_in_range(flood(machine, 4, MULTICAST_DATAGRAM_MAX), 1, 3);
}

#define BURST 1000u /* ALLOWANCE_ALL */

static void a_burst_is_kept_until_the_loop_comes_round(void **state)
{
	static unsigned char buffer[MULTICAST_DATAGRAM_MAX];
	struct multicast_received received;
	char probe[900] = "a usual Probe";
	unsigned heard = 0;
	int ear, asker;

	(void)state;
	network_scene_begin();
	lan_four();
	ear = multicast_sockets_ear(XADDR_IPV4, MULTICAST_PORT, if_nametoindex("v0"));
	assert_true(ear >= 0);
	asker = lan_far_other(AF_INET);
	memset(probe, 'x', sizeof(probe) - 1);
	for (unsigned i = 0; i < BURST; i++)
		lan_far_say(asker, AF_INET, "v0", probe);
	while (multicast_sockets_receive(ear, buffer, &received) == 0)
		heard++;
	assert_int_equal(heard, BURST);
	close(asker);
	close(ear);
}

static void who_is_not_there_does_not_silence_us(void **state)
{
	static const unsigned char answer[1300];
	struct xaddr to = {.family = XADDR_IPV4, .port = 5555, .octets = {192, 0, 2, 0}};
	unsigned interface;
	int ear;

	(void)state;
	network_scene_begin();
	lan_four();
	interface = if_nametoindex("v0");
	ear = multicast_sockets_ear(XADDR_IPV4, MULTICAST_PORT, interface);
	assert_true(ear >= 0);
	for (unsigned i = 0; i < BURST; i++) {
		to.octets[3] = (uint8_t)(10 + i % 200);
		assert_int_equal(
			multicast_sockets_send(ear, &to, interface, NULL, answer, sizeof(answer)),
			0);
	}
	close(ear);
}

#define NETWORK_TEST(test) cmocka_unit_test_teardown(test, lan_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		NETWORK_TEST(others_have_their_turn_in_a_flood),
		NETWORK_TEST(a_burst_is_kept_until_the_loop_comes_round),
		NETWORK_TEST(who_is_not_there_does_not_silence_us),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
