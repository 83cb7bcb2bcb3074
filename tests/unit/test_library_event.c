/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Rows L01 to L06 of peerdist-api-cases.md, and what else events promise.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "library_threads.h"

static HANDLE new_event(BOOL manual, BOOL set)
{
	HANDLE event = CreateEventA(NULL, manual, set, NULL);

	assert_non_null(event);
	return event;
}

static void close_all(const HANDLE *handles, int count)
{
	while (count--)
		assert_int_equal(CloseHandle(handles[count]), TRUE);
}

static void L01_a_manual_reset_event_stays_set_until_it_is_reset(void **state)
{
	HANDLE event = new_event(TRUE, FALSE);

	(void)state;
	assert_int_equal(WaitForSingleObject(event, 0), WAIT_TIMEOUT);
	assert_int_equal(SetEvent(event), TRUE);
	assert_int_equal(WaitForSingleObject(event, INFINITE), WAIT_OBJECT_0);
	assert_int_equal(WaitForSingleObject(event, 0), WAIT_OBJECT_0);
	assert_int_equal(ResetEvent(event), TRUE);
	assert_int_equal(WaitForSingleObject(event, 0), WAIT_TIMEOUT);
	assert_int_equal(ResetEvent(event), TRUE);
	close_all(&event, 1);
}

static void L02_an_auto_reset_event_set_twice_is_taken_once(void **state)
{
	HANDLE event = new_event(FALSE, FALSE);

	(void)state;
	SetEvent(event);
	SetEvent(event);
	assert_int_equal(WaitForSingleObject(event, 0), WAIT_OBJECT_0);
	assert_int_equal(WaitForSingleObject(event, 0), WAIT_TIMEOUT);
	close_all(&event, 1);
}

static HANDLE shared;
static atomic_int released;

static void wait_for_shared(void *argument)
{
	DWORD *result = argument;

	*result = WaitForSingleObject(shared, INFINITE);
	atomic_fetch_add(&released, 1);
}

/* Eight are released by eight sets, and the last one leaves nothing: so none released two. */
static void L03_setting_an_auto_reset_event_releases_one_of_eight(void **state)
{
	struct helper helpers[8];
	DWORD results[8];

	(void)state;
	shared = new_event(FALSE, FALSE);
	atomic_store(&released, 0);
	for (int i = 0; i < 8; i++)
		helper_start(&helpers[i], wait_for_shared, &results[i]);
	for (int i = 0; i < 8; i++)
		helper_asleep(&helpers[i]);
	for (int i = 0; i < 8; i++) {
		assert_int_equal(atomic_load(&released), i);
		SetEvent(shared);
		while (atomic_load(&released) <= i)
			Sleep(1);
	}
	for (int i = 0; i < 8; i++) {
		helper_join(&helpers[i]);
		assert_int_equal(results[i], WAIT_OBJECT_0);
	}
	assert_int_equal(WaitForSingleObject(shared, 0), WAIT_TIMEOUT);
	close_all(&shared, 1);
}

static void L04_of_several_the_lowest_that_is_set_counts(void **state)
{
	HANDLE events[2] = {new_event(TRUE, FALSE), new_event(TRUE, TRUE)};

	(void)state;
	assert_int_equal(WaitForMultipleObjects(2, events, FALSE, INFINITE), WAIT_OBJECT_0 + 1);
	SetEvent(events[0]);
	assert_int_equal(WaitForMultipleObjects(2, events, FALSE, INFINITE), WAIT_OBJECT_0);
	close_all(events, 2);
}

static void of_several_only_the_one_that_counts_is_reset(void **state)
{
	HANDLE events[2] = {new_event(FALSE, TRUE), new_event(FALSE, TRUE)};

	(void)state;
	assert_int_equal(WaitForMultipleObjects(2, events, FALSE, 0), WAIT_OBJECT_0);
	assert_int_equal(WaitForMultipleObjects(2, events, FALSE, 0), WAIT_OBJECT_0 + 1);
	assert_int_equal(WaitForMultipleObjects(2, events, FALSE, 0), WAIT_TIMEOUT);
	close_all(events, 2);
}

static void L05_a_wait_for_all_that_fails_leaves_auto_reset_events_set(void **state)
{
	HANDLE events[2] = {new_event(FALSE, TRUE), new_event(TRUE, FALSE)};

	(void)state;
	assert_int_equal(WaitForMultipleObjects(2, events, TRUE, 100), WAIT_TIMEOUT);
	assert_int_equal(WaitForSingleObject(events[0], 0), WAIT_OBJECT_0);
	close_all(events, 2);
}

static void a_wait_for_all_takes_all(void **state)
{
	HANDLE events[3] = {new_event(FALSE, TRUE), new_event(TRUE, TRUE), new_event(FALSE, TRUE)};

	(void)state;
	assert_int_equal(WaitForMultipleObjects(3, events, TRUE, 0), WAIT_OBJECT_0);
	assert_int_equal(WaitForSingleObject(events[0], 0), WAIT_TIMEOUT);
	assert_int_equal(WaitForSingleObject(events[1], 0), WAIT_OBJECT_0);
	assert_int_equal(WaitForSingleObject(events[2], 0), WAIT_TIMEOUT);
	close_all(events, 3);
}

static HANDLE both[2];

static void wait_for_both(void *argument)
{
	DWORD *result = argument;

	*result = WaitForMultipleObjects(2, both, TRUE, INFINITE);
}

static void a_wait_for_all_ends_with_the_last_one(void **state)
{
	struct helper helper;
	DWORD result = WAIT_FAILED;

	(void)state;
	both[0] = new_event(FALSE, FALSE);
	both[1] = new_event(TRUE, FALSE);
	helper_start(&helper, wait_for_both, &result);
	helper_asleep(&helper);
	SetEvent(both[1]);
	SetEvent(both[0]);
	helper_join(&helper);
	assert_int_equal(result, WAIT_OBJECT_0);
	assert_int_equal(WaitForSingleObject(both[0], 0), WAIT_TIMEOUT);
	close_all(both, 2);
}

static void L06_waiting_for_a_closed_handle_fails(void **state)
{
	HANDLE events[2] = {new_event(TRUE, TRUE), new_event(TRUE, TRUE)};

	(void)state;
	CloseHandle(events[1]);
	SetLastError(0);
	assert_int_equal(WaitForSingleObject(events[1], 0), 0xFFFFFFFF);
	assert_int_equal(GetLastError(), ERROR_INVALID_HANDLE);
	SetLastError(0);
	assert_int_equal(WaitForMultipleObjects(2, events, FALSE, 0), WAIT_FAILED);
	assert_int_equal(GetLastError(), ERROR_INVALID_HANDLE);
	assert_int_equal(SetEvent(events[1]), FALSE);
	assert_int_equal(ResetEvent(events[1]), FALSE);
	close_all(events, 1);
}

static void refused(DWORD count, const HANDLE *handles, BOOL all)
{
	SetLastError(0);
	assert_int_equal(WaitForMultipleObjects(count, handles, all, 0), WAIT_FAILED);
	assert_int_equal(GetLastError(), ERROR_INVALID_PARAMETER);
}

static void impossible_numbers_of_handles_are_refused(void **state)
{
	HANDLE events[65];

	(void)state;
	for (int i = 0; i < 65; i++)
		events[i] = new_event(FALSE, TRUE);
	refused(0, events, FALSE);
	refused(65, events, FALSE);
	refused(1, NULL, FALSE);
	assert_int_equal(WaitForMultipleObjects(64, events, TRUE, 0), WAIT_OBJECT_0);
	SetEvent(events[63]);
	assert_int_equal(WaitForMultipleObjects(64, events, FALSE, 0), WAIT_OBJECT_0 + 63);
	close_all(events, 65);
	events[0] = events[1] = new_event(FALSE, TRUE);
	refused(2, events, TRUE);
	assert_int_equal(WaitForMultipleObjects(2, events, FALSE, 0), WAIT_OBJECT_0);
	close_all(events, 1);
}

static void an_event_may_be_set_from_the_beginning_and_has_no_name(void **state)
{
	static const WCHAR wide_name[] = {'x', 0};
	SECURITY_ATTRIBUTES attributes = {sizeof(attributes), NULL, TRUE};
	HANDLE event = CreateEventW(&attributes, FALSE, TRUE, NULL);

	(void)state;
	assert_int_equal(WaitForSingleObject(event, 0), WAIT_OBJECT_0);
	assert_int_equal(WaitForSingleObject(event, 0), WAIT_TIMEOUT);
	SetLastError(0);
	assert_null(CreateEventA(NULL, TRUE, FALSE, "x"));
	assert_int_equal(GetLastError(), ERROR_NOT_SUPPORTED);
	SetLastError(0);
	assert_null(CreateEventW(NULL, TRUE, FALSE, wide_name));
	assert_int_equal(GetLastError(), ERROR_NOT_SUPPORTED);
	close_all(&event, 1);
}

static void without_descriptors_there_is_no_event(void **state)
{
	struct rlimit limit, none;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = (struct rlimit){0, limit.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	SetLastError(0);
	assert_null(CreateEventA(NULL, TRUE, FALSE, NULL));
	assert_int_equal(GetLastError(), ERROR_NO_SYSTEM_RESOURCES);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static bool readable(int descriptor)
{
	struct pollfd entry = {.fd = descriptor, .events = POLLIN};

	return poll(&entry, 1, 0) == 1;
}

static void a_limit_below_what_is_waited_for_is_no_time_out(void **state)
{
	HANDLE events[] = {new_event(TRUE, FALSE), new_event(FALSE, FALSE)};
	struct rlimit before, none;
	DWORD one, any, all, error;

	(void)state;
	getrlimit(RLIMIT_NOFILE, &before);
	none = before;
	none.rlim_cur = 0;
	setrlimit(RLIMIT_NOFILE, &none);
	one = WaitForSingleObject(events[0], INFINITE);
	error = GetLastError();
	any = WaitForMultipleObjects(2, events, FALSE, INFINITE);
	all = WaitForMultipleObjects(2, events, TRUE, INFINITE);
	setrlimit(RLIMIT_NOFILE, &before);
	assert_int_equal(one, WAIT_FAILED);
	assert_int_equal(error, ERROR_NO_SYSTEM_RESOURCES);
	assert_int_equal(any, WAIT_FAILED);
	assert_int_equal(all, WAIT_FAILED);
	close_all(events, 2);
}

static void the_descriptor_is_readable_as_long_as_the_event_is_set(void **state)
{
	HANDLE event = new_event(FALSE, FALSE);
	int descriptor = PeerDistLinuxGetDescriptor(event);

	(void)state;
	assert_true(descriptor >= 0);
	assert_true(fcntl(descriptor, F_GETFD) & FD_CLOEXEC);
	assert_false(readable(descriptor));
	SetEvent(event);
	assert_true(readable(descriptor));
	assert_true(readable(descriptor));
	WaitForSingleObject(event, 0);
	assert_false(readable(descriptor));
	close_all(&event, 1);
	SetLastError(0);
	assert_int_equal(PeerDistLinuxGetDescriptor(event), -1);
	assert_int_equal(GetLastError(), ERROR_INVALID_HANDLE);
}

static void closing_does_not_disturb_those_who_wait(void **state)
{
	struct helper helper;
	DWORD result = WAIT_FAILED;
	struct object *event;

	(void)state;
	shared = new_event(TRUE, FALSE);
	event = handle_find(shared, OBJECT_EVENT);
	helper_start(&helper, wait_for_shared, &result);
	helper_asleep(&helper);
	CloseHandle(shared);
	event_set(event);
	object_release(event);
	helper_join(&helper);
	assert_int_equal(result, WAIT_OBJECT_0);
}

static void on_signal(int number)
{
	(void)number;
}

static void a_signal_does_not_end_a_wait(void **state)
{
	struct sigaction action = {.sa_handler = on_signal};
	struct helper helper;
	DWORD result = WAIT_FAILED;

	(void)state;
	assert_int_equal(sigaction(SIGUSR1, &action, NULL), 0);
	shared = new_event(TRUE, FALSE);
	atomic_store(&released, 0);
	helper_start(&helper, wait_for_shared, &result);
	for (int i = 0; i < 10; i++) {
		helper_asleep(&helper);
		pthread_kill(helper.thread, SIGUSR1);
	}
	helper_asleep(&helper);
	assert_int_equal(atomic_load(&released), 0);
	SetEvent(shared);
	helper_join(&helper);
	assert_int_equal(result, WAIT_OBJECT_0);
	close_all(&shared, 1);
}

static void after_fork_both_have_the_event(void **state)
{
	HANDLE event = new_event(FALSE, TRUE);
	pid_t child = fork();
	int status;

	(void)state;
	if (child == 0) {
		bool as_expected = WaitForSingleObject(event, 0) == WAIT_OBJECT_0 &&
				   WaitForSingleObject(event, 0) == WAIT_TIMEOUT &&
				   SetEvent(event) && CloseHandle(event) &&
				   CreateEventA(NULL, TRUE, FALSE, NULL);
		_exit(as_expected ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(WaitForSingleObject(event, 0), WAIT_OBJECT_0);
	close_all(&event, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(L01_a_manual_reset_event_stays_set_until_it_is_reset),
		cmocka_unit_test(L02_an_auto_reset_event_set_twice_is_taken_once),
		cmocka_unit_test(L03_setting_an_auto_reset_event_releases_one_of_eight),
		cmocka_unit_test(L04_of_several_the_lowest_that_is_set_counts),
		cmocka_unit_test(of_several_only_the_one_that_counts_is_reset),
		cmocka_unit_test(L05_a_wait_for_all_that_fails_leaves_auto_reset_events_set),
		cmocka_unit_test(a_wait_for_all_takes_all),
		cmocka_unit_test(a_wait_for_all_ends_with_the_last_one),
		cmocka_unit_test(L06_waiting_for_a_closed_handle_fails),
		cmocka_unit_test(impossible_numbers_of_handles_are_refused),
		cmocka_unit_test(an_event_may_be_set_from_the_beginning_and_has_no_name),
		cmocka_unit_test(without_descriptors_there_is_no_event),
		cmocka_unit_test(a_limit_below_what_is_waited_for_is_no_time_out),
		cmocka_unit_test(the_descriptor_is_readable_as_long_as_the_event_is_set),
		cmocka_unit_test(closing_does_not_disturb_those_who_wait),
		cmocka_unit_test(a_signal_does_not_end_a_wait),
		cmocka_unit_test(after_fork_both_have_the_event),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
