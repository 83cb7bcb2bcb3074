/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Rows B: the status of the service, and being told of its changes.
 */
#include <string.h>

#include "tests/api/harness.h"

#define UNKNOWN_HANDLE ((HANDLE)0x1234)
#define UNTOUCHED 4711

static PEERDIST_STATUS none = (PEERDIST_STATUS)UNTOUCHED;

struct registration {
	struct operation *operation;
	PEERDIST_STATUS status;
};

static struct registration *registered(PEERDIST_INSTANCE_HANDLE peerdist)
{
	struct registration *made = row_memory(sizeof *made);

	made->operation = operation();
	made->status = none;
	if (!STARTS(made->operation,
		    PeerDistRegisterForStatusChangeNotification(
			    peerdist, port(), KEY, &made->operation->overlapped, &made->status)))
		row_leave(NULL);
	return made;
}

#define TELLS(expected, whose)                                                                     \
	do {                                                                                       \
		struct registration *told = whose;                                                 \
		ENDS_COUNT(ERROR_SUCCESS, 0, told->operation);                                     \
		EXPECT_NUMBER(expected, told->status);                                             \
	} while (0)

static void B01(void)
{
	PEERDIST_STATUS status = none;

	EXPECT(ERROR_SUCCESS, PeerDistGetStatus(instance(), &status));
	EXPECT_NUMBER(2, status);
}

/* The moment of starting cannot be held; before it nothing is mounted, which is the same status. */
static void B02(void)
{
	PEERDIST_INSTANCE_HANDLE peerdist = instance();
	PEERDIST_STATUS status = none;

	service_off();
	EXPECT(ERROR_SUCCESS, PeerDistGetStatus(peerdist, &status));
	EXPECT_NUMBER(0, status);
	service_on();
	order("stop");
	status = none;
	EXPECT(ERROR_SUCCESS, PeerDistGetStatus(peerdist, &status));
	EXPECT_NUMBER(1, status);
	order("mount");
	EXPECT(ERROR_SUCCESS, PeerDistGetStatus(peerdist, &status));
	EXPECT_NUMBER(2, status);
}

static void B03(void)
{
	PEERDIST_STATUS status = none;

	EXPECT(ERROR_INVALID_PARAMETER, PeerDistGetStatus(instance(), NULL));
	EXPECT(ERROR_INVALID_HANDLE, PeerDistGetStatus(UNKNOWN_HANDLE, &status));
	EXPECT(ERROR_INVALID_HANDLE, PeerDistGetStatus(NULL, &status));
	EXPECT_NUMBER(UNTOUCHED, status);
}

static void expect_info(const PEERDIST_STATUS_INFO *info, DWORD status, DWORD least, DWORD most)
{
	EXPECT_NUMBER(sizeof *info, info->cbSize);
	EXPECT_NUMBER(status, info->status);
	EXPECT_NUMBER(least, info->dwMinVer);
	EXPECT_NUMBER(most, info->dwMaxVer);
}

static void B04(void)
{
	PEERDIST_STATUS_INFO info = {16, none, 0, 0};

	EXPECT(ERROR_SUCCESS, PeerDistGetStatusEx(instance(), &info));
	expect_info(&info, 2, 1, 2);
}

static void B05(void)
{
	static const DWORD sizes[] = {12, 0, 20};
	PEERDIST_INSTANCE_HANDLE peerdist = instance();

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		PEERDIST_STATUS_INFO info = {sizes[i], none, 5, 6}, same = info;

		EXPECT(ERROR_INVALID_PARAMETER, PeerDistGetStatusEx(peerdist, &info));
		EXPECT_OCTETS(&same, sizeof same, &info, sizeof info);
	}
}

static void B06(void)
{
	PEERDIST_STATUS_INFO info = {16, none, 0, 0};

	admin("versions 1 1");
	EXPECT(ERROR_SUCCESS, PeerDistGetStatusEx(instance(), &info));
	expect_info(&info, 2, 1, 1);
}

static void B07(void)
{
	TELLS(2, registered(instance()));
}

static void B08(void)
{
	PEERDIST_INSTANCE_HANDLE peerdist = instance();

	service_off();
	struct registration *one = registered(peerdist);
	STAYS_PENDING(one->operation, SILENCE);
	service_on();
	TELLS(2, one);
}

/* Events and port beside each other, since it takes its time. */
static void B09(void)
{
	struct registration *again[2];

	for (int by = BY_EVENT; by <= BY_PORT; by++) {
		mechanism = (enum mechanism)by;
		PEERDIST_INSTANCE_HANDLE peerdist = instance();
		TELLS(2, registered(peerdist));
		again[by] = registered(peerdist);
	}
	STAYS_PENDING(again[BY_EVENT]->operation, 1000);
	STAYS_PENDING(again[BY_PORT]->operation, 1);
}

static void B10(void)
{
	PEERDIST_INSTANCE_HANDLE peerdist = instance();

	TELLS(2, registered(peerdist));
	struct registration *again = registered(peerdist);
	service_off();
	TELLS(0, again);
}

static void B11(void)
{
	PEERDIST_INSTANCE_HANDLE peerdist = instance();

	TELLS(2, registered(peerdist));
	service_off();
	service_on();
	STAYS_PENDING(registered(peerdist)->operation, SILENCE);
}

/* One that stays pending. */
static struct registration *pending(PEERDIST_INSTANCE_HANDLE peerdist)
{
	TELLS(2, registered(peerdist));
	return registered(peerdist);
}

static void B12(void)
{
	PEERDIST_INSTANCE_HANDLE peerdist = instance();
	struct registration *first = pending(peerdist);
	PEERDIST_STATUS status = none;
	struct operation *other = operation();

	REFUSED(PEERDIST_ERROR_ALREADY_EXISTS, other,
		PeerDistRegisterForStatusChangeNotification(peerdist, port(), KEY,
							    &other->overlapped, &status));
	REFUSED(ERROR_INVALID_PARAMETER, first->operation,
		PeerDistRegisterForStatusChangeNotification(
			peerdist, port(), KEY, &first->operation->overlapped, &status));
	EXPECT_NUMBER(UNTOUCHED, status);
	STAYS_PENDING(first->operation, 1);
	service_off();
	TELLS(0, first);
}

static void B13(void)
{
	PEERDIST_INSTANCE_HANDLE peerdist = instance();
	struct registration *first = pending(peerdist);
	PEERDIST_STATUS_INFO info = {16, none, 0, 0};
	struct operation *other = operation();

	REFUSED(PEERDIST_ERROR_ALREADY_EXISTS, other,
		PeerDistRegisterForStatusChangeNotificationEx(peerdist, port(), KEY,
							      &other->overlapped, &info));
	STAYS_PENDING(first->operation, 1);
}

static void B14(void)
{
	PEERDIST_INSTANCE_HANDLE peerdist = instance();
	PEERDIST_STATUS status = none;
	struct operation *one = operation();

	REFUSED(ERROR_INVALID_PARAMETER, NULL,
		PeerDistRegisterForStatusChangeNotification(peerdist, port(), KEY, NULL, &status));
	REFUSED(ERROR_INVALID_PARAMETER, one,
		PeerDistRegisterForStatusChangeNotification(peerdist, port(), KEY, &one->overlapped,
							    NULL));
}

static void B15(void)
{
	PEERDIST_INSTANCE_HANDLE peerdist = instance();
	PEERDIST_STATUS_INFO info = {16, none, 0, 0};
	struct operation *one = operation();

	COMPLETES_COUNT(ERROR_SUCCESS, 0, one,
			PeerDistRegisterForStatusChangeNotificationEx(peerdist, port(), KEY,
								      &one->overlapped, &info));
	expect_info(&info, 2, 1, 2);
}

static void B16(void)
{
	PEERDIST_INSTANCE_HANDLE peerdist = instance();
	PEERDIST_STATUS_INFO info = {0, none, 0, 0};
	struct operation *one = operation();

	REFUSED(ERROR_INVALID_PARAMETER, one,
		PeerDistRegisterForStatusChangeNotificationEx(peerdist, port(), KEY,
							      &one->overlapped, &info));
}

static void B17(void)
{
	PEERDIST_INSTANCE_HANDLE peerdist = instance();
	struct registration *one = pending(peerdist);

	SetLastError(0);
	EXPECT(ERROR_SUCCESS, PeerDistUnregisterForStatusChangeNotification(peerdist));
	EXPECT(ERROR_OPERATION_ABORTED, GetLastError());
	ENDED(ERROR_OPERATION_ABORTED, one->operation);
	EXPECT_NUMBER(UNTOUCHED, one->status);
}

static void B18(void)
{
	PEERDIST_INSTANCE_HANDLE peerdist = instance();

	SetLastError(UNTOUCHED);
	EXPECT(ERROR_SUCCESS, PeerDistUnregisterForStatusChangeNotification(peerdist));
	EXPECT_NUMBER(UNTOUCHED, GetLastError());
}

static void B19(void)
{
	EXPECT(ERROR_INVALID_HANDLE, PeerDistUnregisterForStatusChangeNotification(NULL));
	EXPECT(ERROR_INVALID_HANDLE, PeerDistUnregisterForStatusChangeNotification(UNKNOWN_HANDLE));
}

static void B20(void)
{
	PEERDIST_INSTANCE_HANDLE peerdist = instance();
	PEERDIST_STATUS status = none;
	struct operation *one = operation(); /* with an event */
	HANDLE beside = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
	OVERLAPPED *packet = &one->overlapped;
	ULONG_PTR key;
	DWORD count;

	COMPLETES(ERROR_SUCCESS, one,
		  PeerDistRegisterForStatusChangeNotification(peerdist, beside, KEY,
							      &one->overlapped, &status));
	EXPECT_NUMBER(2, status);
	EXPECT_NUMBER(FALSE, GetQueuedCompletionStatus(beside, &count, &key, &packet, SILENCE));
	EXPECT_TRUE(packet == NULL, "a packet came");
	EXPECT_NUMBER(TRUE, CloseHandle(beside));
}

static void B21(void)
{
	struct registration *first = pending(instance()), *second = pending(instance());

	service_off();
	TELLS(0, first);
	TELLS(0, second);
}

static const struct row rows[] = {
	{ROW_ONCE(B01)}, {ROW_ONCE(B02)}, {ROW_ONCE(B03)}, {ROW_ONCE(B04)}, {ROW_ONCE(B05)},
	{ROW_ONCE(B06)}, {ROW(B07)},      {ROW(B08)},      {ROW_ONCE(B09)}, {ROW(B10)},
	{ROW(B11)},      {ROW(B12)},      {ROW(B13)},      {ROW(B14)},      {ROW(B15)},
	{ROW(B16)},      {ROW(B17)},      {ROW_ONCE(B18)}, {ROW_ONCE(B19)}, {ROW_ONCE(B20)},
	{ROW(B21)},
};

int main(int argc, char **argv)
{
	return rows_main(rows, sizeof rows / sizeof *rows, argc, argv);
}
