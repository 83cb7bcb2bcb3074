/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Row L12 of peerdist-api-cases.md, names of codes, and time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "library_threads.h"

static void set_and_compare(void *argument)
{
	DWORD *seen = argument;

	*seen = GetLastError();
	SetLastError(12);
	if (GetLastError() != 12)
		*seen = 13;
}

static void L12_each_thread_has_its_own_last_error(void **state)
{
	struct helper helper;
	DWORD seen = 14;

	(void)state;
	SetLastError(11);
	helper_start(&helper, set_and_compare, &seen);
	helper_join(&helper);
	assert_int_equal(seen, 0);
	assert_int_equal(GetLastError(), 11);
}

static void success_leaves_the_last_error_alone(void **state)
{
	HANDLE event, port;
	ULONG_PTR key;
	LPOVERLAPPED overlapped;
	DWORD bytes;

	(void)state;
	SetLastError(4711);
	event = CreateEventA(NULL, FALSE, TRUE, NULL);
	port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
	SetEvent(event);
	WaitForSingleObject(event, 0);
	WaitForSingleObject(event, 0);
	PostQueuedCompletionStatus(port, 0, 0, NULL);
	GetQueuedCompletionStatus(port, &bytes, &key, &overlapped, 0);
	PeerDistLinuxGetDescriptor(port);
	CloseHandle(event);
	CloseHandle(port);
	assert_int_equal(GetLastError(), 4711);
}

static void codes_have_names(void **state)
{
	(void)state;
	assert_string_equal(PeerDistLinuxErrorName(0), "ERROR_SUCCESS");
	assert_string_equal(PeerDistLinuxErrorName(258), "WAIT_TIMEOUT");
	assert_string_equal(PeerDistLinuxErrorName(4059), "PEERDIST_ERROR_OPERATION_NOTFOUND");
	for (DWORD code = 4050; code <= 4066; code++)
		assert_non_null(PeerDistLinuxErrorName(code));
	assert_null(PeerDistLinuxErrorName(1));
	assert_null(PeerDistLinuxErrorName(4049));
	assert_null(PeerDistLinuxErrorName(4067));
	assert_null(PeerDistLinuxErrorName(UINT32_MAX));
}

static void sleeping_takes_its_time(void **state)
{
	ULONGLONG before = GetTickCount64();

	(void)state;
	Sleep(0);
	Sleep(30);
	assert_true(GetTickCount64() - before >= 29); /* two clocks, rounded down */
}

static void waiting_takes_its_time(void **state)
{
	HANDLE event = CreateEventA(NULL, FALSE, FALSE, NULL);
	ULONGLONG before = GetTickCount64();

	(void)state;
	assert_int_equal(WaitForSingleObject(event, 30), WAIT_TIMEOUT);
	assert_int_equal(WaitForMultipleObjects(1, &event, TRUE, 30), WAIT_TIMEOUT);
	assert_true(GetTickCount64() - before >= 58);
	CloseHandle(event);
}

static void the_longest_finite_time_is_no_overflow(void **state)
{
	struct clock_limit now = clock_limit(0), later = clock_limit(INFINITE - 1);

	(void)state;
	assert_false(later.infinite);
	assert_true(clock_limit(INFINITE).infinite);
	assert_true(later.at.tv_sec - now.at.tv_sec >= 4294967);
	assert_true(later.at.tv_nsec >= 0 && later.at.tv_nsec < 1000000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(L12_each_thread_has_its_own_last_error),
		cmocka_unit_test(success_leaves_the_last_error_alone),
		cmocka_unit_test(codes_have_names),
		cmocka_unit_test(sleeping_takes_its_time),
		cmocka_unit_test(waiting_takes_its_time),
		cmocka_unit_test(the_longest_finite_time_is_no_overflow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
