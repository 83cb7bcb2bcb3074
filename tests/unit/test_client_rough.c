/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The library roughly handled: what happens at the same moment as something else.
 */
#include "tests/unit/client_fixture.h"

#include <pthread.h>

#define ROUNDS 10
#define OTHERS 60 /* as many as the dispatcher is told of at a time */

struct others {
	struct control_scene *scene;
	pthread_barrier_t begin, end;
	HANDLE instances[OTHERS];
};

static void *shut_down_others(void *context)
{
	struct others *others = context;

	for (int round = 0; round < ROUNDS; round++) {
		pthread_barrier_wait(&others->begin);
		for (int i = OTHERS; i > 0; i--)
			PeerDistShutdown(others->instances[i - 1]);
		pthread_barrier_wait(&others->end);
	}
	return NULL;
}

static struct others *waiting; /* while the dispatcher is named */

/* Instead of libc's: what the library does just after it has begun its thread takes until one of
 * the others has closed its control file. */
int pthread_setname_np(pthread_t thread, const char *name)
{
	(void)thread;
	(void)name;
	if (waiting) {
		pthread_barrier_wait(&waiting->begin);
		control_scene_await(waiting->scene, COUNT_OPENED, OTHERS);
	}
	return 0;
}

/* The thread finds something at the control file of every instance at once; that of the last one,
 * when it has gone. */
static void shutting_down_as_the_dispatcher_begins(void **state)
{
	struct fixture *fixture = fixture_of(state);
	struct others others = {.scene = &fixture->scene};
	pthread_t thread;

	pthread_barrier_init(&others.begin, NULL, 2);
	pthread_barrier_init(&others.end, NULL, 2);
	assert_int_equal(pthread_create(&thread, NULL, shut_down_others, &others), 0);
	for (int round = 0; round < ROUNDS; round++) {
		OVERLAPPED overlapped = {0};
		uint8_t octets[16];

		for (int i = 0; i < OTHERS; i++)
			assert_int_equal(PeerDistStartup(2, &others.instances[i], NULL), 0);
		waiting = &others;
		assert_int_equal(do_read(fixture, octets, 16, READ_GIVE, &overlapped), 0);
		waiting = NULL;
		pthread_barrier_wait(&others.end);
		/* The last one ends the thread. */
		assert_int_equal(PeerDistShutdown(fixture->instance), 0);
		assert_int_equal(PeerDistStartup(2, &fixture->instance, NULL), 0);
		fixture->content = open_content(fixture->instance, NULL, 0);
	}
	pthread_join(thread, NULL);
	pthread_barrier_destroy(&others.begin);
	pthread_barrier_destroy(&others.end);
}

/* It is by this call that the service is found to be gone. */
static void unregistering_from_what_has_gone(void **state)
{
	struct fixture *fixture = fixture_of(state);

	SetLastError(77);
	control_scene_kill(&fixture->scene);
	assert_int_equal(PeerDistUnregisterForStatusChangeNotification(fixture->instance), 0);
	assert_int_equal(GetLastError(), 77);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(shutting_down_as_the_dispatcher_begins),
		FIXTURE_TEST(unregistering_from_what_has_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
