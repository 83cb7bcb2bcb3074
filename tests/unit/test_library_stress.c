/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Events, ports and handles under eight threads; meant for the sanitizers' builds above all.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "library_threads.h"

#define THREADS 8
#define ROUNDS 4000

/* Nothing in a helper asserts by cmocka, which is for the main thread. */
static atomic_int mistakes;

static void run_all(void (*run)(void *argument))
{
	struct helper helpers[THREADS];
	int numbers[THREADS];

	atomic_store(&mistakes, 0);
	for (int i = 0; i < THREADS; i++) {
		numbers[i] = i;
		helper_start(&helpers[i], run, &numbers[i]);
	}
	for (int i = 0; i < THREADS; i++)
		helper_join(&helpers[i]);
	assert_int_equal(atomic_load(&mistakes), 0);
}

static void expect(bool right)
{
	if (!right)
		atomic_fetch_add(&mistakes, 1);
}

static HANDLE port;
static atomic_uint packets_taken;
static atomic_ullong sum_taken;

#define PRODUCERS (THREADS / 2)
#define PACKETS (PRODUCERS * ROUNDS)

static void produce(uintptr_t number)
{
	for (DWORD i = 0; i < ROUNDS; i++)
		expect(PostQueuedCompletionStatus(port, i, number, NULL));
}

/* Packets of one producer come in its order to every consumer. The last one closes the port, which
 * is what ends the others. */
static void consume(bool several)
{
	int64_t last[PRODUCERS] = {-1, -1, -1, -1};
	OVERLAPPED_ENTRY entries[16];
	ULONG count = 1;
	BOOL got;

	for (;;) {
		LPOVERLAPPED overlapped;

		got = several ? GetQueuedCompletionStatusEx(port, entries, 16, &count, INFINITE, 0)
			      : GetQueuedCompletionStatus(
					port, &entries[0].dwNumberOfBytesTransferred,
					&entries[0].lpCompletionKey, &overlapped, INFINITE);
		if (!got)
			break;
		for (ULONG i = 0; i < count; i++) {
			int64_t *before = &last[entries[i].lpCompletionKey];

			expect(*before < (int64_t)entries[i].dwNumberOfBytesTransferred);
			*before = entries[i].dwNumberOfBytesTransferred;
			atomic_fetch_add(&sum_taken, entries[i].dwNumberOfBytesTransferred);
		}
		if (atomic_fetch_add(&packets_taken, count) + count == PACKETS)
			expect(CloseHandle(port));
	}
	expect(GetLastError() == ERROR_ABANDONED_WAIT_0 || GetLastError() == ERROR_INVALID_HANDLE);
}

static void produce_or_consume(void *argument)
{
	int number = *(int *)argument;

	if (number < PRODUCERS)
		produce((uintptr_t)number);
	else
		consume(number % 2);
}

static void every_packet_is_taken_once(void **state)
{
	(void)state;
	port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
	atomic_store(&packets_taken, 0);
	atomic_store(&sum_taken, 0);
	run_all(produce_or_consume);
	assert_int_equal(atomic_load(&packets_taken), PACKETS);
	assert_int_equal(atomic_load(&sum_taken), PRODUCERS * (ROUNDS * (ROUNDS - 1ull) / 2));
}

static HANDLE events[3];
static int guarded[3]; /* each by the auto-reset event of its number */

static void add_under_one(void *argument)
{
	(void)argument;
	for (int i = 0; i < ROUNDS / 4; i++) {
		expect(WaitForSingleObject(events[0], INFINITE) == WAIT_OBJECT_0);
		guarded[0]++;
		SetEvent(events[0]);
	}
}

/* Two of the three in one of six orders, as philosophers take forks. */
static void add_under_two(void *argument)
{
	int first = *(int *)argument % 3;
	int second = (first + 1 + *(int *)argument / 3 % 2) % 3;
	HANDLE two[2] = {events[first], events[second]};

	for (int i = 0; i < ROUNDS / 4; i++) {
		expect(WaitForMultipleObjects(2, two, TRUE, INFINITE) == WAIT_OBJECT_0);
		guarded[first]++;
		guarded[second]++;
		SetEvent(two[i % 2]);
		SetEvent(two[1 - i % 2]);
	}
}

static void add_under_any(void *argument)
{
	(void)argument;
	for (int i = 0; i < ROUNDS / 4; i++) {
		DWORD index = WaitForMultipleObjects(3, events, FALSE, INFINITE);

		expect(index < 3);
		if (index >= 3)
			return;
		guarded[index]++;
		SetEvent(events[index]);
	}
}

static int sum_guarded(void (*run)(void *argument))
{
	int sum = 0;

	for (int i = 0; i < 3; i++) {
		guarded[i] = 0;
		events[i] = CreateEventA(NULL, FALSE, TRUE, NULL);
		assert_non_null(events[i]);
	}
	run_all(run);
	for (int i = 0; i < 3; i++) {
		sum += guarded[i];
		assert_int_equal(CloseHandle(events[i]), TRUE);
	}
	return sum;
}

static void an_auto_reset_event_is_a_lock(void **state)
{
	(void)state;
	assert_int_equal(sum_guarded(add_under_one), THREADS * (ROUNDS / 4));
}

static void any_of_several_auto_reset_events_is_a_lock(void **state)
{
	(void)state;
	assert_int_equal(sum_guarded(add_under_any), THREADS * (ROUNDS / 4));
}

static void who_waits_for_two_gets_both_or_none(void **state)
{
	(void)state;
	assert_int_equal(sum_guarded(add_under_two), 2 * THREADS * (ROUNDS / 4));
}

#define SHARED 16
static _Atomic(HANDLE) shared[SHARED];

static HANDLE new_object(unsigned random)
{
	return random & 1 ? CreateEventA(NULL, random & 2, random & 4, NULL)
			  : CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
}

static void use(HANDLE handle, unsigned random)
{
	LPOVERLAPPED overlapped;
	ULONG_PTR key;
	DWORD bytes;

	switch (random % 6) {
	case 0:
		SetEvent(handle);
		break;
	case 1:
		ResetEvent(handle);
		break;
	case 2:
		WaitForSingleObject(handle, random & 1);
		break;
	case 3:
		PostQueuedCompletionStatus(handle, 0, 0, NULL);
		break;
	case 4:
		GetQueuedCompletionStatus(handle, &bytes, &key, &overlapped, random & 1);
		break;
	case 5:
		PeerDistLinuxGetDescriptor(handle);
		break;
	}
}

/* Everybody uses everybody's handles, and closes them at any time. */
static void use_and_replace(void *argument)
{
	unsigned seed = (unsigned)*(int *)argument + 1;

	for (int i = 0; i < ROUNDS; i++) {
		unsigned random = (unsigned)rand_r(&seed);
		_Atomic(HANDLE) *place = &shared[random % SHARED];

		use(atomic_load(place), random / SHARED);
		if (random / SHARED % 8 == 7) {
			HANDLE old = atomic_exchange(place, new_object((unsigned)rand_r(&seed)));

			expect(CloseHandle(old));
		}
	}
}

static void fill_shared(void)
{
	for (unsigned i = 0; i < SHARED; i++)
		atomic_store(&shared[i], new_object(i));
}

static void close_shared(void)
{
	for (int i = 0; i < SHARED; i++)
		assert_int_equal(CloseHandle(atomic_load(&shared[i])), TRUE);
}

static void handles_may_be_closed_under_everybodys_hands(void **state)
{
	(void)state;
	fill_shared();
	run_all(use_and_replace);
	close_shared();
}

static atomic_bool stopped;

/* In one of the locks most of the time. */
static void look_until_stopped(void *argument)
{
	(void)argument;
	while (!atomic_load(&stopped))
		expect(!SetEvent(NULL));
}

static void use_until_stopped(void *argument)
{
	while (!atomic_load(&stopped))
		use_and_replace(argument);
}

/* Whatever the other threads did at that moment, the child can go on. */
static bool child_can_work(void)
{
	HANDLE own = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
	unsigned seed = 1;

	for (int i = 0; i < SHARED * 8; i++)
		use(atomic_load(&shared[i % SHARED]), (unsigned)rand_r(&seed));
	for (int i = 0; i < SHARED; i++) /* one that was being replaced may be closed */
		CloseHandle(atomic_load(&shared[i]));
	return own && PostQueuedCompletionStatus(own, 1, 2, NULL) && CloseHandle(own);
}

static void fork_is_possible_in_the_middle(void **state)
{
	struct helper helpers[2];
	int number = 0;

	(void)state;
	fill_shared();
	atomic_store(&stopped, false);
	atomic_store(&mistakes, 0);
	helper_start(&helpers[0], look_until_stopped, NULL);
	helper_start(&helpers[1], use_until_stopped, &number);
	for (int i = 0; i < 50; i++) {
		int status = -1;
		pid_t child = fork();

		if (child == 0) {
			alarm(60); /* instead of hanging for good */
			_exit(child_can_work() ? 0 : 1);
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_int_equal(status, 0);
	}
	atomic_store(&stopped, true);
	for (int i = 0; i < 2; i++)
		helper_join(&helpers[i]);
	assert_int_equal(atomic_load(&mistakes), 0);
	close_shared();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_packet_is_taken_once),
		cmocka_unit_test(an_auto_reset_event_is_a_lock),
		cmocka_unit_test(any_of_several_auto_reset_events_is_a_lock),
		cmocka_unit_test(who_waits_for_two_gets_both_or_none),
		cmocka_unit_test(handles_may_be_closed_under_everybodys_hands),
		cmocka_unit_test(fork_is_possible_in_the_middle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
