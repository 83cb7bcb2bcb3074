/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Asynchronous operations of the library on a scripted control file: results, events, ports,
 * cancelling (peerdist-api.md 4).
 */
#include "tests/unit/client_fixture.h"

#include <pthread.h>
#include <sched.h>

#define LARGE 1000003u /* octets; several requests, no multiple of anything */

static void a_read_brings_octets_and_offset(void **state)
{
	struct fixture *fixture = fixture_of(state);
	uint8_t *buffer = calloc(1, LARGE + 8);
	OVERLAPPED overlapped = {0};

	set_offset(&overlapped, 5ull << 32 | 17);
	assert_int_equal(do_read(fixture, buffer + 3, LARGE, READ_GIVE, &overlapped), 0);
	assert_int_equal(overlapped.Internal, 0);
	assert_int_equal(overlapped.InternalHigh, LARGE);
	assert_true(offset_of(&overlapped) == (5ull << 32 | 17));
	assert_pattern(buffer + 3, 5ull << 32 | 17, LARGE);
	assert_int_equal(buffer[LARGE + 3], 0);
	control_scene_await(&fixture->scene, COUNT_OPERATIONS, 0);
	free(buffer);
}

static void output_may_come_in_bits(void **state)
{
	struct fixture *fixture = fixture_of(state);
	static uint8_t buffer[10000];
	OVERLAPPED overlapped = {0};

	assert_int_equal(do_read(fixture, buffer, sizeof(buffer), READ_IN_BITS, &overlapped), 0);
	assert_pattern(buffer, 0, sizeof(buffer));
}

static void output_that_is_gone_is_an_aborted_read(void **state)
{
	struct fixture *fixture = fixture_of(state);
	uint8_t buffer[100];
	OVERLAPPED overlapped = {0};

	assert_int_equal(do_read(fixture, buffer, sizeof(buffer), READ_GONE, &overlapped),
			 ERROR_OPERATION_ABORTED);
	assert_int_equal(overlapped.InternalHigh, 0);
}

static void what_misses_is_told(void **state)
{
	struct fixture *fixture = fixture_of(state);
	uint8_t buffer[100];
	OVERLAPPED overlapped = {.Offset = 4};
	DWORD bytes;

	assert_int_equal(start_read(fixture, buffer, 100, READ_MISSING, &overlapped),
			 ERROR_IO_PENDING);
	assert_int_equal(result_of(&overlapped, &bytes), PEERDIST_ERROR_MISSING_DATA);
	assert_int_equal(bytes, 12345);
	assert_int_equal(overlapped.Offset, 4);
	/* As often as asked. */
	assert_int_equal(result_of(&overlapped, &bytes), PEERDIST_ERROR_MISSING_DATA);
	assert_int_equal(bytes, 12345);
}

static void a_pending_operation_says_so(void **state)
{
	struct fixture *fixture = fixture_of(state);
	uint8_t buffer[100];
	OVERLAPPED overlapped = {.Internal = 5, .InternalHigh = 6};
	DWORD bytes;

	assert_int_equal(start_read(fixture, buffer, 100, READ_HOLD, &overlapped),
			 ERROR_IO_PENDING);
	assert_false(HasOverlappedIoCompleted(&overlapped));
	assert_int_equal(overlapped.InternalHigh, 0);
	assert_false(PeerDistGetOverlappedResult(&overlapped, &bytes, FALSE));
	assert_int_equal(GetLastError(), ERROR_IO_INCOMPLETE);
	/* It serves one at a time, and is left alone. */
	assert_int_equal(start_read(fixture, buffer, 100, READ_GIVE, &overlapped),
			 ERROR_INVALID_PARAMETER);
	assert_false(HasOverlappedIoCompleted(&overlapped));
	assert_int_equal(PeerDistShutdown(fixture->instance), 0);
	fixture->instance = NULL;
	assert_int_equal(overlapped.Internal, ERROR_OPERATION_ABORTED);
}

static void a_refused_call_leaves_no_trace(void **state)
{
	struct fixture *fixture = fixture_of(state);
	HANDLE event = CreateEvent(NULL, TRUE, FALSE, NULL);
	uint8_t buffer[100];
	OVERLAPPED overlapped = {.Internal = 5, .InternalHigh = 6, .hEvent = event};

	assert_int_equal(start_read(fixture, buffer, 100, READ_REFUSED, &overlapped),
			 ERROR_NO_SYSTEM_RESOURCES);
	assert_int_equal(overlapped.Internal, 5);
	assert_int_equal(overlapped.InternalHigh, 6);
	assert_int_equal(WaitForSingleObject(event, 0), WAIT_TIMEOUT);
	assert_int_equal(do_read(fixture, buffer, 100, READ_GIVE, &overlapped), 0);
	CloseHandle(event);
}

static void a_completion_may_be_quicker_than_its_call(void **state)
{
	struct fixture *fixture = fixture_of(state);
	uint8_t buffer[100];
	OVERLAPPED overlapped = {0};

	assert_int_equal(start_read(fixture, buffer, 100, READ_EARLY, &overlapped),
			 ERROR_IO_PENDING);
	assert_int_equal(result_of(&overlapped, NULL), 0);
	assert_pattern(buffer, 0, 100);
}

/* Events -------------------------------------------------------------------------------------- */

static void the_event_is_reset_and_set(void **state)
{
	struct fixture *fixture = fixture_of(state);
	HANDLE event = CreateEvent(NULL, TRUE, TRUE, NULL);
	uint8_t buffer[100];
	OVERLAPPED overlapped = {.hEvent = (HANDLE)((uintptr_t)event | 1)};

	assert_int_equal(start_read(fixture, buffer, 100, READ_HOLD, &overlapped),
			 ERROR_IO_PENDING);
	assert_int_equal(WaitForSingleObject(event, 0), WAIT_TIMEOUT);
	assert_int_equal(
		PeerDistClientCancelAsyncOperation(fixture->instance, fixture->content, NULL), 0);
	assert_int_equal(GetLastError(), ERROR_OPERATION_ABORTED);
	assert_int_equal(WaitForSingleObject(event, 0), WAIT_OBJECT_0);
	assert_int_equal(start_read(fixture, buffer, 100, READ_GIVE, &overlapped),
			 ERROR_IO_PENDING);
	assert_int_equal(WaitForSingleObject(event, INFINITE), WAIT_OBJECT_0);
	assert_int_equal(overlapped.Internal, 0);
	CloseHandle(event);
}

static void a_result_with_an_auto_reset_event_may_be_asked_for_again(void **state)
{
	struct fixture *fixture = fixture_of(state);
	HANDLE event = CreateEvent(NULL, FALSE, FALSE, NULL);
	uint8_t buffer[100];
	OVERLAPPED overlapped = {.hEvent = event};

	for (int i = 0; i < 100; i++) {
		DWORD bytes;

		assert_int_equal(start_read(fixture, buffer, 100, READ_GIVE, &overlapped),
				 ERROR_IO_PENDING);
		assert_true(PeerDistGetOverlappedResult(&overlapped, &bytes, TRUE));
		assert_true(PeerDistGetOverlappedResult(&overlapped, &bytes, TRUE));
	}
	CloseHandle(event);
}

static void *wait_for(void *overlapped)
{
	DWORD bytes;

	return PeerDistGetOverlappedResult(overlapped, &bytes, TRUE) ? overlapped : NULL;
}

static void several_threads_may_wait_for_one_result(void **state)
{
	struct fixture *fixture = fixture_of(state);
	HANDLE event = CreateEvent(NULL, FALSE, FALSE, NULL);
	uint8_t buffer[100];
	OVERLAPPED overlapped = {.hEvent = event};
	pthread_t threads[4];

	assert_int_equal(start_read(fixture, buffer, 100, READ_HOLD, &overlapped),
			 ERROR_IO_PENDING);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, wait_for, &overlapped), 0);
	assert_int_equal(PeerDistClientCancelAsyncOperation(fixture->instance, fixture->content,
							    &overlapped),
			 0);
	for (int i = 0; i < 4; i++) {
		void *result = &result;

		pthread_join(threads[i], &result);
		assert_null(result); /* 995 */
	}
	CloseHandle(event);
}

static void a_closed_event_is_held_until_the_end(void **state)
{
	struct fixture *fixture = fixture_of(state);
	HANDLE event = CreateEvent(NULL, TRUE, FALSE, NULL);
	uint8_t buffer[100];
	OVERLAPPED overlapped = {.hEvent = event};

	assert_int_equal(start_read(fixture, buffer, 100, READ_HOLD, &overlapped),
			 ERROR_IO_PENDING);
	CloseHandle(event);
	assert_int_equal(
		PeerDistClientCancelAsyncOperation(fixture->instance, fixture->content, NULL), 0);
	assert_int_equal(overlapped.Internal, ERROR_OPERATION_ABORTED);
}

/* Ports --------------------------------------------------------------------------------------- */

static void packets_have_the_key_of_the_open(void **state)
{
	struct fixture *fixture = fixture_of(state);
	HANDLE port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
	HANDLE content = open_content(fixture->instance, port, 77);
	uint8_t buffer[100];
	OVERLAPPED overlapped = {0}, *of;
	ULONG_PTR key;
	DWORD bytes;

	assert_int_equal(PeerDistClientBlockRead(fixture->instance, content, 100, buffer,
						 READ_MISSING, &overlapped),
			 ERROR_IO_PENDING);
	assert_false(GetQueuedCompletionStatus(port, &bytes, &key, &of, INFINITE));
	assert_int_equal(GetLastError(), PEERDIST_ERROR_MISSING_DATA);
	assert_ptr_equal(of, &overlapped);
	assert_int_equal(key, 77);
	assert_int_equal(bytes, 12345);
	CloseHandle(port);
}

static void with_both_the_event_wins(void **state)
{
	struct fixture *fixture = fixture_of(state);
	HANDLE port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
	HANDLE event = CreateEvent(NULL, TRUE, FALSE, NULL);
	PEERDIST_STATUS status = PEERDIST_STATUS_DISABLED;
	OVERLAPPED overlapped = {.hEvent = event}, *of;
	ULONG_PTR key;
	DWORD bytes;

	assert_int_equal(PeerDistRegisterForStatusChangeNotification(fixture->instance, port, 1,
								     &overlapped, &status),
			 ERROR_IO_PENDING);
	assert_int_equal(WaitForSingleObject(event, INFINITE), WAIT_OBJECT_0);
	assert_int_equal(status, PEERDIST_STATUS_AVAILABLE);
	assert_false(GetQueuedCompletionStatus(port, &bytes, &key, &of, 0));
	assert_int_equal(GetLastError(), WAIT_TIMEOUT);
	CloseHandle(event);
	CloseHandle(port);
}

static void a_closed_port_gets_no_packets(void **state)
{
	struct fixture *fixture = fixture_of(state);
	HANDLE port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
	HANDLE content = open_content(fixture->instance, port, 77);
	uint8_t buffer[100];
	OVERLAPPED overlapped = {0};

	CloseHandle(port);
	assert_int_equal(PeerDistClientBlockRead(fixture->instance, content, 100, buffer, READ_GIVE,
						 &overlapped),
			 ERROR_IO_PENDING);
	assert_int_equal(result_of(&overlapped, NULL), 0);
}

/* Cancelling ---------------------------------------------------------------------------------- */

static void cancelling_names_one_operation(void **state)
{
	struct fixture *fixture = fixture_of(state);
	HANDLE other = open_content(fixture->instance, NULL, 0);
	uint8_t buffer[100];
	OVERLAPPED first = {0}, second = {0}, never = {0};

	assert_int_equal(start_read(fixture, buffer, 50, READ_HOLD, &first), ERROR_IO_PENDING);
	assert_int_equal(start_read(fixture, buffer + 50, 50, READ_HOLD, &second),
			 ERROR_IO_PENDING);
	SetLastError(7);
	assert_int_equal(
		PeerDistClientCancelAsyncOperation(fixture->instance, fixture->content, &never),
		PEERDIST_ERROR_OPERATION_NOTFOUND);
	assert_int_equal(PeerDistClientCancelAsyncOperation(fixture->instance, other, &first),
			 PEERDIST_ERROR_OPERATION_NOTFOUND);
	assert_int_equal(GetLastError(), 7);
	assert_int_equal(
		PeerDistClientCancelAsyncOperation(fixture->instance, fixture->content, &first), 0);
	assert_int_equal(GetLastError(), ERROR_OPERATION_ABORTED);
	assert_int_equal(first.Internal, ERROR_OPERATION_ABORTED);
	assert_false(HasOverlappedIoCompleted(&second));
	assert_int_equal(
		PeerDistClientCancelAsyncOperation(fixture->instance, fixture->content, &first),
		PEERDIST_ERROR_OPERATION_NOTFOUND);
	assert_int_equal(PeerDistClientCloseContent(fixture->instance, fixture->content), 0);
	assert_int_equal(second.Internal, ERROR_OPERATION_ABORTED);
	assert_int_equal(PeerDistClientCloseContent(fixture->instance, fixture->content),
			 ERROR_INVALID_HANDLE);
}

static void cancelling_nothing_is_no_news(void **state)
{
	struct fixture *fixture = fixture_of(state);
	uint8_t buffer[100];

	for (int i = 0; i < 200; i++) {
		OVERLAPPED overlapped = {0};

		assert_int_equal(do_read(fixture, buffer, 100, READ_GIVE, &overlapped), 0);
		SetLastError(7);
		assert_int_equal(PeerDistClientCancelAsyncOperation(fixture->instance,
								    fixture->content, NULL),
				 0);
		assert_int_equal(GetLastError(), 7);
	}
}

static void a_stream_operation_is_cancelled_by_identifier(void **state)
{
	struct fixture *fixture = fixture_of(state);
	BYTE identifier[] = "an identifier";
	uint8_t buffer[100];
	OVERLAPPED overlapped = {0}, never = {0};
	HANDLE information;

	assert_int_equal(PeerDistServerOpenContentInformation(fixture->instance, sizeof(identifier),
							      identifier, 0, 0, NULL, 0,
							      &information),
			 0);
	assert_int_equal(PeerDistServerRetrieveContentInformation(fixture->instance, information,
								  100, buffer, &overlapped),
			 ERROR_IO_PENDING);
	assert_int_equal(result_of(&overlapped, NULL), 0);
	assert_pattern(buffer, 0, 100);
	assert_int_equal(PeerDistServerCancelAsyncOperation(fixture->instance, sizeof(identifier),
							    identifier, &never),
			 PEERDIST_ERROR_OPERATION_NOTFOUND);
	/* The script takes any identifier. */
	assert_int_equal(start_read(fixture, buffer, 100, READ_HOLD, &overlapped),
			 ERROR_IO_PENDING);
	assert_int_equal(PeerDistServerCancelAsyncOperation(fixture->instance, sizeof(identifier),
							    identifier, &overlapped),
			 0);
	assert_int_equal(overlapped.Internal, ERROR_OPERATION_ABORTED);
	assert_int_equal(PeerDistServerCloseContentInformation(fixture->instance, information), 0);
}

static void unregistering_ends_the_registration(void **state)
{
	struct fixture *fixture = fixture_of(state);
	PEERDIST_STATUS_INFO info = {.cbSize = sizeof(info)};
	PEERDIST_STATUS status = 77;
	OVERLAPPED first = {0}, second = {0}, third = {0};

	SetLastError(7);
	assert_int_equal(PeerDistUnregisterForStatusChangeNotification(fixture->instance), 0);
	assert_int_equal(GetLastError(), 7);
	assert_int_equal(PeerDistRegisterForStatusChangeNotificationEx(fixture->instance, NULL, 0,
								       &first, &info),
			 ERROR_IO_PENDING);
	assert_int_equal(result_of(&first, NULL), 0);
	assert_int_equal(info.status, PEERDIST_STATUS_AVAILABLE);
	assert_int_equal(info.dwMinVer, 1);
	assert_int_equal(info.dwMaxVer, 2);
	assert_int_equal(PeerDistRegisterForStatusChangeNotification(fixture->instance, NULL, 0,
								     &second, &status),
			 ERROR_IO_PENDING);
	assert_int_equal(PeerDistRegisterForStatusChangeNotification(fixture->instance, NULL, 0,
								     &second, &status),
			 ERROR_INVALID_PARAMETER);
	assert_int_equal(PeerDistRegisterForStatusChangeNotification(fixture->instance, NULL, 0,
								     &third, &status),
			 PEERDIST_ERROR_ALREADY_EXISTS);
	SetLastError(7);
	assert_int_equal(PeerDistUnregisterForStatusChangeNotification(fixture->instance), 0);
	assert_int_equal(GetLastError(), ERROR_OPERATION_ABORTED);
	assert_int_equal(second.Internal, ERROR_OPERATION_ABORTED);
	assert_int_equal(status, 77);
}

/* Life of an OVERLAPPED ----------------------------------------------------------------------- */

/* The address checker says whether it was touched afterwards (I14). */
static void a_polled_overlapped_may_be_freed_at_once(void **state)
{
	struct fixture *fixture = fixture_of(state);
	HANDLE port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
	HANDLE content = open_content(fixture->instance, port, 1);
	OVERLAPPED_ENTRY entries[16];
	ULONG count;
	uint8_t buffer[16];

	for (int i = 0; i < 3000; i++) {
		OVERLAPPED *overlapped = calloc(1, sizeof(*overlapped));

		assert_int_equal(PeerDistClientBlockRead(fixture->instance, content, 16, buffer,
							 i % 2 ? READ_GIVE : READ_EARLY,
							 overlapped),
				 ERROR_IO_PENDING);
		while (!HasOverlappedIoCompleted(overlapped))
			sched_yield();
		free(overlapped);
		GetQueuedCompletionStatusEx(port, entries, 16, &count, 0, FALSE);
	}
	CloseHandle(port);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(a_read_brings_octets_and_offset),
		FIXTURE_TEST(output_may_come_in_bits),
		FIXTURE_TEST(output_that_is_gone_is_an_aborted_read),
		FIXTURE_TEST(what_misses_is_told),
		FIXTURE_TEST(a_pending_operation_says_so),
		FIXTURE_TEST(a_refused_call_leaves_no_trace),
		FIXTURE_TEST(a_completion_may_be_quicker_than_its_call),
		FIXTURE_TEST(the_event_is_reset_and_set),
		FIXTURE_TEST(a_result_with_an_auto_reset_event_may_be_asked_for_again),
		FIXTURE_TEST(several_threads_may_wait_for_one_result),
		FIXTURE_TEST(a_closed_event_is_held_until_the_end),
		FIXTURE_TEST(packets_have_the_key_of_the_open),
		FIXTURE_TEST(with_both_the_event_wins),
		FIXTURE_TEST(a_closed_port_gets_no_packets),
		FIXTURE_TEST(cancelling_names_one_operation),
		FIXTURE_TEST(cancelling_nothing_is_no_news),
		FIXTURE_TEST(a_stream_operation_is_cancelled_by_identifier),
		FIXTURE_TEST(unregistering_ends_the_registration),
		FIXTURE_TEST(a_polled_overlapped_may_be_freed_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
