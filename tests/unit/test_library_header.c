/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Row L13 of peerdist-api-cases.md, as far as this compiler goes; tests/integration/api_headers.sh
 * has the others.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fs/api/peerdist.h"

#include "peerdist_layout.h"

static void L13_the_layout_is_as_asserted_and_members_can_be_named(void **state)
{
	OVERLAPPED overlapped;
	ULARGE_INTEGER offset;

	(void)state;
	ZeroMemory(&overlapped, sizeof(overlapped));
	offset.QuadPart = 0x123456789;
	overlapped.Offset = offset.LowPart;
	overlapped.OffsetHigh = offset.HighPart;
	assert_int_equal(overlapped.Offset, 0x23456789);
	assert_int_equal(overlapped.OffsetHigh, 1);
	assert_true(INVALID_HANDLE_VALUE == (HANDLE)UINTPTR_MAX);
}

static void an_operation_has_ended_when_its_code_is_another_than_pending(void **state)
{
	OVERLAPPED overlapped = {.Internal = STATUS_PENDING};

	(void)state;
	assert_false(HasOverlappedIoCompleted(&overlapped));
	overlapped.Internal = ERROR_SUCCESS;
	assert_true(HasOverlappedIoCompleted(&overlapped));
	overlapped.Internal = ERROR_OPERATION_ABORTED;
	assert_true(HasOverlappedIoCompleted(&overlapped));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(L13_the_layout_is_as_asserted_and_members_can_be_named),
		cmocka_unit_test(an_operation_has_ended_when_its_code_is_another_than_pending),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
