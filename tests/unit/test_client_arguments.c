/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the library decides by itself, in the order of 3.3, with nothing mounted.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "fs/api/peerdist.h"

#define BAD ((HANDLE)0x1234)

static BYTE octets[8];
static const PEERDIST_CONTENT_TAG tag;

static int setup(void **state)
{
	HANDLE instance = NULL;

	PeerDistLinuxSetControlPath("/nonexistent/control");
	if (PeerDistStartup(PEERDIST_VERSION, &instance, NULL) != 0)
		return -1;
	*state = instance;
	return 0;
}

static int teardown(void **state)
{
	int error = (int)PeerDistShutdown(*state);

	PeerDistLinuxSetControlPath(NULL);
	return error;
}

static void an_instance_needs_no_service(void **state)
{
	PEERDIST_STATUS status = PEERDIST_STATUS_AVAILABLE;
	PEERDIST_STATUS_INFO info = {.cbSize = sizeof(info), .status = PEERDIST_STATUS_AVAILABLE};
	HANDLE content = BAD;

	assert_int_equal(PeerDistGetStatus(*state, &status), 0);
	assert_int_equal(status, PEERDIST_STATUS_UNAVAILABLE);
	assert_int_equal(PeerDistGetStatusEx(*state, &info), 0);
	assert_int_equal(info.status, PEERDIST_STATUS_UNAVAILABLE);
	assert_int_equal(PeerDistClientOpenContent(*state, &tag, NULL, 0, &content),
			 PEERDIST_ERROR_SERVICE_UNAVAILABLE);
	assert_ptr_equal(content, BAD);
}

static void startup_knows_two_versions(void **state)
{
	static const DWORD unknown[] = {0, 0x0003, 0x0102, 0x0101, 0x00010002, 0x00020000};
	HANDLE instance = BAD;
	DWORD version;

	(void)state;
	assert_int_equal(PeerDistStartup(2, NULL, &version), ERROR_INVALID_PARAMETER);
	for (size_t i = 0; i < sizeof(unknown) / sizeof(*unknown); i++) {
		version = 77;
		assert_int_equal(PeerDistStartup(unknown[i], &instance, &version),
				 PEERDIST_ERROR_VERSION_UNSUPPORTED);
		assert_ptr_equal(instance, BAD);
		assert_int_equal(version, 2);
	}
	assert_int_equal(PeerDistStartup(1, &instance, &version), 0);
	assert_int_equal(version, 2);
	assert_int_equal(PeerDistShutdown(instance), 0);
	assert_int_equal(PeerDistShutdown(instance), ERROR_INVALID_HANDLE);
}

static void handles_of_other_kinds_are_refused(void **state)
{
	HANDLE event = CreateEvent(NULL, TRUE, FALSE, NULL);
	PEERDIST_STATUS status;

	assert_int_equal(PeerDistShutdown(NULL), ERROR_INVALID_HANDLE);
	assert_int_equal(PeerDistShutdown(BAD), ERROR_INVALID_HANDLE);
	assert_int_equal(PeerDistShutdown(event), ERROR_INVALID_HANDLE);
	assert_int_equal(PeerDistGetStatus(event, &status), ERROR_INVALID_HANDLE);
	assert_int_equal(PeerDistClientCloseContent(*state, event), ERROR_INVALID_HANDLE);
	assert_int_equal(PeerDistClientCloseContent(*state, *state), ERROR_INVALID_HANDLE);
	assert_false(CloseHandle(*state));
	assert_int_equal(GetLastError(), ERROR_INVALID_HANDLE);
	CloseHandle(event);
}

/* An object of another kind would be 6, a service that is not there 4065: both come later. */
static void arguments_are_looked_at_first(void **state)
{
	PEERDIST_RETRIEVAL_OPTIONS retrieval = {sizeof(retrieval), 1, 2, 0};
	PEERDIST_PUBLICATION_OPTIONS options = {3, 0};
	PEERDIST_STATUS_INFO info = {.cbSize = 12};
	OVERLAPPED overlapped = {0};
	HANDLE handle;

	(void)state;
	assert_int_equal(PeerDistGetStatus(BAD, NULL), ERROR_INVALID_PARAMETER);
	assert_int_equal(PeerDistGetStatusEx(BAD, &info), ERROR_INVALID_PARAMETER);
	assert_int_equal(
		PeerDistRegisterForStatusChangeNotificationEx(BAD, NULL, 0, &overlapped, &info),
		ERROR_INVALID_PARAMETER);
	assert_int_equal(PeerDistServerPublishStream(BAD, 8193, octets, 0, NULL, NULL, 0, &handle),
			 ERROR_INVALID_PARAMETER);
	assert_int_equal(PeerDistServerPublishStream(BAD, 8, octets, 0, &options, NULL, 0, &handle),
			 ERROR_INVALID_PARAMETER);
	assert_int_equal(
		PeerDistServerOpenContentInformation(BAD, 8, octets, 100, 0, NULL, 0, &handle),
		ERROR_INVALID_PARAMETER);
	assert_int_equal(PeerDistServerOpenContentInformation(BAD, 8, octets, UINT64_MAX, 2, NULL,
							      0, &handle),
			 ERROR_INVALID_PARAMETER);
	retrieval.dwReserved = 9;
	assert_int_equal(PeerDistServerOpenContentInformationEx(BAD, 8, octets, 0, 0, &retrieval,
								NULL, 0, &handle),
			 ERROR_INVALID_PARAMETER);
	assert_int_equal(PeerDistServerUnpublish(BAD, 0, octets), ERROR_INVALID_PARAMETER);
	assert_int_equal(PeerDistServerCancelAsyncOperation(BAD, 8, octets, NULL),
			 ERROR_INVALID_PARAMETER);
	assert_int_equal(PeerDistServerRetrieveContentInformation(BAD, BAD, 0, octets, &overlapped),
			 ERROR_INVALID_PARAMETER);
	assert_int_equal(PeerDistClientOpenContent(BAD, NULL, NULL, 0, &handle),
			 ERROR_INVALID_PARAMETER);
	assert_int_equal(PeerDistClientBlockRead(BAD, BAD, 8, NULL, 0, &overlapped),
			 ERROR_INVALID_PARAMETER);
	assert_int_equal(PeerDistClientBlockRead(BAD, BAD, 8, octets, 0, NULL),
			 ERROR_INVALID_PARAMETER);
	assert_int_equal(PeerDistClientGetInformationByHandle(BAD, BAD, 0, 3, octets),
			 ERROR_INSUFFICIENT_BUFFER);
	assert_int_equal(PeerDistClientGetInformationByHandle(BAD, BAD, -1, 4, octets),
			 ERROR_INVALID_PARAMETER);
	assert_int_equal(PeerDistLinuxPublishOptions(BAD, 2), ERROR_INVALID_PARAMETER);
}

static void input_needs_octets_and_a_place(void **state)
{
	OVERLAPPED overlapped = {0};

	(void)state;
	assert_int_equal(PeerDistServerPublishAddToStream(BAD, BAD, 0, octets, &overlapped),
			 ERROR_INVALID_PARAMETER);
	assert_int_equal(PeerDistServerPublishAddToStream(BAD, BAD, 8, NULL, &overlapped),
			 ERROR_INVALID_PARAMETER);
	assert_int_equal(PeerDistServerPublishAddToStream(BAD, BAD, 8, octets, NULL),
			 ERROR_INVALID_PARAMETER);
	overlapped.OffsetHigh = 1;
	assert_int_equal(PeerDistServerPublishAddToStream(BAD, BAD, 8, octets, &overlapped),
			 ERROR_INVALID_PARAMETER);
	assert_int_equal(PeerDistServerPublishCompleteStream(BAD, BAD, &overlapped),
			 ERROR_INVALID_PARAMETER);
	assert_int_equal(PeerDistClientAddContentInformation(BAD, BAD, 8, octets, &overlapped),
			 ERROR_INVALID_PARAMETER);
	assert_int_equal(PeerDistClientFlushContent(BAD, &tag, NULL, 0, &overlapped),
			 ERROR_INVALID_PARAMETER);
	/* For data it is the place. */
	assert_int_equal(PeerDistClientAddData(BAD, BAD, 8, octets, &overlapped),
			 ERROR_INVALID_HANDLE);
	overlapped.Offset = overlapped.OffsetHigh = 0xFFFFFFFF;
	assert_int_equal(PeerDistClientAddData(BAD, BAD, 2, octets, &overlapped),
			 ERROR_INVALID_PARAMETER);
}

static void objects_are_looked_at_before_the_service(void **state)
{
	HANDLE event = CreateEvent(NULL, TRUE, FALSE, NULL);
	PEERDIST_STATUS status = 77;
	OVERLAPPED overlapped = {0};
	HANDLE handle;

	assert_int_equal(PeerDistClientBlockRead(*state, BAD, 8, octets, 0, &overlapped),
			 ERROR_INVALID_HANDLE);
	assert_int_equal(PeerDistClientOpenContent(*state, &tag, event, 0, &handle),
			 ERROR_INVALID_HANDLE);
	overlapped.hEvent = BAD;
	assert_int_equal(
		PeerDistRegisterForStatusChangeNotification(*state, NULL, 0, &overlapped, &status),
		ERROR_INVALID_HANDLE);
	overlapped.hEvent = event;
	SetEvent(event);
	assert_int_equal(
		PeerDistRegisterForStatusChangeNotification(*state, NULL, 0, &overlapped, &status),
		PEERDIST_ERROR_SERVICE_UNAVAILABLE);
	assert_int_equal(status, 77);
	assert_true(HasOverlappedIoCompleted(&overlapped));
	CloseHandle(event);
}

static void nothing_is_registered_where_nothing_is_attached(void **state)
{
	SetLastError(7);
	assert_int_equal(PeerDistUnregisterForStatusChangeNotification(*state), 0);
	assert_int_equal(GetLastError(), 7);
	assert_int_equal(PeerDistUnregisterForStatusChangeNotification(BAD), ERROR_INVALID_HANDLE);
}

static void results_need_both_pointers(void **state)
{
	OVERLAPPED overlapped = {.Internal = STATUS_PENDING};
	DWORD bytes;

	(void)state;
	assert_false(PeerDistGetOverlappedResult(NULL, &bytes, TRUE));
	assert_int_equal(GetLastError(), ERROR_INVALID_PARAMETER);
	assert_false(PeerDistGetOverlappedResult(&overlapped, NULL, TRUE));
	assert_int_equal(GetLastError(), ERROR_INVALID_PARAMETER);
	/* Nobody works on it: waiting would be for ever. */
	assert_false(GetOverlappedResult(NULL, &overlapped, &bytes, TRUE));
	assert_int_equal(GetLastError(), ERROR_IO_INCOMPLETE);
}

static void the_path_is_checked(void **state)
{
	(void)state;
	assert_int_equal(PeerDistLinuxSetControlPath(""), ERROR_INVALID_PARAMETER);
}

/* A file that is none of ours is no control file. */
static void another_file_is_refused_at_startup(void **state)
{
	HANDLE instance = BAD;

	(void)state;
	PeerDistLinuxSetControlPath("/dev/null");
	assert_int_equal(PeerDistStartup(2, &instance, NULL), PEERDIST_ERROR_VERSION_UNSUPPORTED);
	assert_ptr_equal(instance, BAD);
}

static void an_instance_that_was_given_another_file_stays_unavailable(void **state)
{
	PEERDIST_STATUS status;

	PeerDistLinuxSetControlPath("/dev/null");
	assert_int_equal(PeerDistLinuxAttach(*state), PEERDIST_ERROR_SERVICE_UNAVAILABLE);
	assert_int_equal(PeerDistGetStatus(*state, &status), 0);
	assert_int_equal(status, PEERDIST_STATUS_UNAVAILABLE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_instance_needs_no_service),
		TEST(startup_knows_two_versions),
		TEST(handles_of_other_kinds_are_refused),
		TEST(arguments_are_looked_at_first),
		TEST(input_needs_octets_and_a_place),
		TEST(objects_are_looked_at_before_the_service),
		TEST(nothing_is_registered_where_nothing_is_attached),
		TEST(results_need_both_pointers),
		TEST(the_path_is_checked),
		TEST(another_file_is_refused_at_startup),
		TEST(an_instance_that_was_given_another_file_stays_unavailable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
