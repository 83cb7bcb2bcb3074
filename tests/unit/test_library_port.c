/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Rows L07 to L11 of peerdist-api-cases.md, and what else ports promise.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "library_threads.h"

static OVERLAPPED operation; /* of which only the address matters */

struct taken {
	DWORD bytes;
	ULONG_PTR key;
	LPOVERLAPPED overlapped;
	BOOL result;
	DWORD error;
};

static HANDLE new_port(void)
{
	HANDLE port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);

	assert_non_null(port);
	return port;
}

static struct taken take(HANDLE port, DWORD milliseconds)
{
	struct taken taken = {.bytes = 4711, .key = 4712, .overlapped = &operation};

	SetLastError(0);
	taken.result = GetQueuedCompletionStatus(port, &taken.bytes, &taken.key, &taken.overlapped,
						 milliseconds);
	taken.error = GetLastError();
	return taken;
}

/* No packet, for that reason. */
static void assert_none(struct taken taken, DWORD error)
{
	assert_int_equal(taken.result, FALSE);
	assert_null(taken.overlapped);
	assert_int_equal(taken.error, error);
	assert_int_equal(taken.bytes, 4711);
	assert_int_equal(taken.key, 4712);
}

static void L07_what_is_posted_is_dequeued(void **state)
{
	HANDLE port = new_port();
	struct taken taken;

	(void)state;
	assert_int_equal(PostQueuedCompletionStatus(port, 5, 6, NULL), TRUE);
	taken = take(port, 0);
	assert_int_equal(taken.result, TRUE);
	assert_int_equal(taken.bytes, 5);
	assert_int_equal(taken.key, 6);
	assert_null(taken.overlapped);
	PostQueuedCompletionStatus(port, UINT32_MAX, UINTPTR_MAX, &operation);
	taken = take(port, INFINITE);
	assert_int_equal(taken.result, TRUE);
	assert_int_equal(taken.bytes, UINT32_MAX);
	assert_true(taken.key == UINTPTR_MAX);
	assert_ptr_equal(taken.overlapped, &operation);
	CloseHandle(port);
}

static void L08_an_empty_port_gives_nothing_in_time(void **state)
{
	HANDLE port = new_port();

	(void)state;
	assert_none(take(port, 50), WAIT_TIMEOUT);
	assert_none(take(port, 0), WAIT_TIMEOUT);
	CloseHandle(port);
}

static void a_failed_operations_packet_has_its_code(void **state)
{
	HANDLE handle = new_port();
	struct object *port = handle_find(handle, OBJECT_PORT);
	struct taken taken;

	(void)state;
	assert_true(port_reserve(port));
	port_post(port, 77, &operation, 200000, PEERDIST_ERROR_MISSING_DATA);
	taken = take(handle, 0);
	assert_int_equal(taken.result, FALSE);
	assert_int_equal(taken.error, PEERDIST_ERROR_MISSING_DATA);
	assert_ptr_equal(taken.overlapped, &operation);
	assert_int_equal(taken.bytes, 200000);
	assert_int_equal(taken.key, 77);
	assert_none(take(handle, 0), WAIT_TIMEOUT);
	object_release(port);
	CloseHandle(handle);
}

static HANDLE shared;

static void take_shared(void *argument)
{
	struct taken *taken = argument;

	*taken = take(shared, INFINITE);
}

static void L09_closing_a_port_tells_those_who_wait(void **state)
{
	struct helper helpers[3];
	struct taken taken[3];

	(void)state;
	shared = new_port();
	for (int i = 0; i < 3; i++)
		helper_start(&helpers[i], take_shared, &taken[i]);
	for (int i = 0; i < 3; i++)
		helper_asleep(&helpers[i]);
	assert_int_equal(CloseHandle(shared), TRUE);
	for (int i = 0; i < 3; i++) {
		helper_join(&helpers[i]);
		assert_none(taken[i], ERROR_ABANDONED_WAIT_0);
	}
	assert_none(take(shared, 0), ERROR_INVALID_HANDLE);
}

static void L10_packets_leave_in_the_order_posted(void **state)
{
	HANDLE port = new_port();

	(void)state;
	for (DWORD i = 0; i < 1000; i++)
		PostQueuedCompletionStatus(port, i, i + 1, NULL);
	for (DWORD i = 0; i < 1000; i++) {
		struct taken taken = take(port, 0);

		assert_int_equal(taken.bytes, i);
		assert_int_equal(taken.key, i + 1);
	}
	assert_none(take(port, 0), WAIT_TIMEOUT);
	CloseHandle(port);
}

static void refused(HANDLE file, HANDLE existing, DWORD error)
{
	SetLastError(0);
	assert_null(CreateIoCompletionPort(file, existing, 1, 1));
	assert_int_equal(GetLastError(), error);
}

static void free_nothing(struct object *object)
{
	(void)object;
}

static void L11_a_port_is_for_nothing_but_packets(void **state)
{
	HANDLE port = new_port();
	struct object content;
	HANDLE handle;

	(void)state;
	object_init(&content, OBJECT_CONTENT, free_nothing);
	handle = handle_new(&content);
	refused(handle, port, ERROR_INVALID_HANDLE);
	refused(handle, NULL, ERROR_INVALID_HANDLE);
	refused(INVALID_HANDLE_VALUE, port, ERROR_NOT_SUPPORTED);
	refused(port, port, ERROR_NOT_SUPPORTED);
	refused((HANDLE)(uintptr_t)3, NULL, ERROR_NOT_SUPPORTED);
	refused(NULL, NULL, ERROR_NOT_SUPPORTED);
	object_release(handle_remove(handle, OBJECT_CONTENT));
	CloseHandle(port);
}

static void pointers_must_be_there_before_the_handle_is_looked_at(void **state)
{
	OVERLAPPED_ENTRY entry;
	LPOVERLAPPED overlapped;
	ULONG_PTR key;
	DWORD bytes;
	ULONG count;

	(void)state;
	SetLastError(0);
	assert_false(GetQueuedCompletionStatus(NULL, NULL, &key, &overlapped, 0));
	assert_int_equal(GetLastError(), ERROR_INVALID_PARAMETER);
	assert_false(GetQueuedCompletionStatus(NULL, &bytes, NULL, &overlapped, 0));
	assert_false(GetQueuedCompletionStatus(NULL, &bytes, &key, NULL, 0));
	assert_int_equal(GetLastError(), ERROR_INVALID_PARAMETER);
	SetLastError(0);
	assert_false(GetQueuedCompletionStatusEx(NULL, NULL, 1, &count, 0, FALSE));
	assert_int_equal(GetLastError(), ERROR_INVALID_PARAMETER);
	SetLastError(0);
	assert_false(GetQueuedCompletionStatusEx(NULL, &entry, 0, &count, 0, FALSE));
	assert_int_equal(GetLastError(), ERROR_INVALID_PARAMETER);
	assert_false(GetQueuedCompletionStatusEx(NULL, &entry, 1, NULL, 0, FALSE));
	assert_int_equal(GetLastError(), ERROR_INVALID_PARAMETER);
}

static void what_is_not_a_port_is_refused(void **state)
{
	HANDLE event = CreateEventA(NULL, TRUE, TRUE, NULL);
	OVERLAPPED_ENTRY entry;
	ULONG count = 1;

	(void)state;
	assert_none(take(event, 0), ERROR_INVALID_HANDLE);
	assert_none(take(NULL, 0), ERROR_INVALID_HANDLE);
	SetLastError(0);
	assert_false(GetQueuedCompletionStatusEx(event, &entry, 1, &count, 0, FALSE));
	assert_int_equal(GetLastError(), ERROR_INVALID_HANDLE);
	assert_int_equal(count, 0);
	SetLastError(0);
	assert_false(PostQueuedCompletionStatus(event, 0, 0, NULL));
	assert_int_equal(GetLastError(), ERROR_INVALID_HANDLE);
	CloseHandle(event);
}

static void several_packets_are_taken_at_once(void **state)
{
	HANDLE handle = new_port();
	struct object *port = handle_find(handle, OBJECT_PORT);
	OVERLAPPED_ENTRY entries[4];
	ULONG count = 4711;

	(void)state;
	SetLastError(0);
	assert_false(GetQueuedCompletionStatusEx(handle, entries, 4, &count, 0, FALSE));
	assert_int_equal(GetLastError(), WAIT_TIMEOUT);
	for (ULONG i = 0; i < 5; i++) {
		assert_true(port_reserve(port));
		port_post(port, i, &operation, i * 10, i * 1000);
	}
	assert_true(GetQueuedCompletionStatusEx(handle, entries, 4, &count, INFINITE, TRUE));
	assert_int_equal(count, 4);
	for (ULONG i = 0; i < 4; i++) {
		assert_int_equal(entries[i].lpCompletionKey, i);
		assert_ptr_equal(entries[i].lpOverlapped, &operation);
		assert_int_equal(entries[i].Internal, i * 1000);
		assert_int_equal(entries[i].dwNumberOfBytesTransferred, i * 10);
	}
	assert_true(GetQueuedCompletionStatusEx(handle, entries, 4, &count, INFINITE, FALSE));
	assert_int_equal(count, 1);
	assert_int_equal(entries[0].lpCompletionKey, 4);
	object_release(port);
	CloseHandle(handle);
}

static void a_closed_port_drops_packets(void **state)
{
	HANDLE handle = new_port();
	struct object *port = handle_find(handle, OBJECT_PORT);

	(void)state;
	assert_true(port_reserve(port));
	assert_true(port_reserve(port));
	assert_true(port_reserve(port));
	port_post(port, 1, &operation, 1, 0);
	port_unreserve(port);
	CloseHandle(handle);
	port_post(port, 1, &operation, 1, 0);
	object_release(port);
	assert_none(take(handle, 0), ERROR_INVALID_HANDLE);
}

static bool readable(int descriptor)
{
	struct pollfd entry = {.fd = descriptor, .events = POLLIN};

	return poll(&entry, 1, 0) == 1;
}

static void the_descriptor_is_readable_as_long_as_there_are_packets(void **state)
{
	HANDLE port = new_port();
	int descriptor;

	(void)state;
	PostQueuedCompletionStatus(port, 1, 0, NULL);
	descriptor = PeerDistLinuxGetDescriptor(port);
	assert_true(descriptor >= 0);
	assert_int_equal(PeerDistLinuxGetDescriptor(port), descriptor);
	assert_true(fcntl(descriptor, F_GETFD) & FD_CLOEXEC);
	assert_true(readable(descriptor));
	PostQueuedCompletionStatus(port, 2, 0, NULL);
	assert_int_equal(take(port, 0).bytes, 1);
	assert_true(readable(descriptor));
	assert_int_equal(take(port, 0).bytes, 2);
	assert_false(readable(descriptor));
	PostQueuedCompletionStatus(port, 3, 0, NULL);
	assert_true(readable(descriptor));
	CloseHandle(port);
}

static void without_descriptors_there_is_none_for_a_port(void **state)
{
	HANDLE port = new_port();
	struct rlimit limit, none;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = (struct rlimit){0, limit.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	SetLastError(0);
	assert_int_equal(PeerDistLinuxGetDescriptor(port), -1);
	assert_int_equal(GetLastError(), ERROR_NO_SYSTEM_RESOURCES);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	PostQueuedCompletionStatus(port, 1, 0, NULL);
	assert_int_equal(take(port, 0).bytes, 1);
	CloseHandle(port);
}

/* What the child does with the copy of a port that holds one packet, 1. */
static bool child_has_its_own(HANDLE port, int descriptor)
{
	return readable(descriptor) && fcntl(descriptor, F_GETFD) & FD_CLOEXEC &&
	       take(port, 0).bytes == 1 && take(port, 0).error == WAIT_TIMEOUT &&
	       !readable(descriptor) && PostQueuedCompletionStatus(port, 2, 0, NULL) &&
	       readable(descriptor) && take(port, INFINITE).bytes == 2 && CloseHandle(port);
}

static void after_fork_the_child_has_its_own_copy(void **state)
{
	HANDLE port = new_port();
	int descriptor = PeerDistLinuxGetDescriptor(port);
	pid_t child;
	int status;

	(void)state;
	PostQueuedCompletionStatus(port, 1, 0, NULL);
	child = fork();
	if (child == 0)
		_exit(child_has_its_own(port, descriptor) ? 0 : 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_true(readable(descriptor));
	assert_int_equal(take(port, 0).bytes, 1);
	assert_false(readable(descriptor));
	CloseHandle(port);
}

#ifdef __SANITIZE_THREAD__ /* which cannot follow threads that are started after fork() */
static DWORD post_and_take_in_child(void)
{
	PostQueuedCompletionStatus(shared, 3, 0, NULL);
	return take(shared, INFINITE).bytes;
}
#else
static DWORD post_and_take_in_child(void)
{
	struct helper helper;
	struct taken taken;

	helper_start(&helper, take_shared, &taken);
	helper_asleep(&helper);
	PostQueuedCompletionStatus(shared, 3, 0, NULL);
	helper_join(&helper);
	return taken.bytes;
}
#endif

static void after_fork_those_who_waited_are_not_missed(void **state)
{
	struct helper helper;
	struct taken taken;
	pid_t child;
	int status;

	(void)state;
	shared = new_port();
	helper_start(&helper, take_shared, &taken);
	helper_asleep(&helper);
	child = fork();
	if (child == 0) {
		alarm(60); /* instead of hanging for good */
		_exit(post_and_take_in_child() == 3 && CloseHandle(shared) ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	PostQueuedCompletionStatus(shared, 4, 0, NULL);
	helper_join(&helper);
	assert_int_equal(taken.bytes, 4);
	CloseHandle(shared);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(L07_what_is_posted_is_dequeued),
		cmocka_unit_test(L08_an_empty_port_gives_nothing_in_time),
		cmocka_unit_test(a_failed_operations_packet_has_its_code),
		cmocka_unit_test(L09_closing_a_port_tells_those_who_wait),
		cmocka_unit_test(L10_packets_leave_in_the_order_posted),
		cmocka_unit_test(L11_a_port_is_for_nothing_but_packets),
		cmocka_unit_test(pointers_must_be_there_before_the_handle_is_looked_at),
		cmocka_unit_test(what_is_not_a_port_is_refused),
		cmocka_unit_test(several_packets_are_taken_at_once),
		cmocka_unit_test(a_closed_port_drops_packets),
		cmocka_unit_test(the_descriptor_is_readable_as_long_as_there_are_packets),
		cmocka_unit_test(without_descriptors_there_is_none_for_a_port),
		cmocka_unit_test(after_fork_the_child_has_its_own_copy),
		cmocka_unit_test(after_fork_those_who_waited_are_not_missed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
