/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Rows I: how completions are told. Most are about one way, so they use OVERLAPPEDs of their own.
 */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "tests/api/consuming.h"

#define ROUNDS 10000u /* of I14, in flights of */
#define FLIGHT 50u
#define PAGE 4096u
#define A_WHILE 300u /* ms that something is pending until its time is over */
#define POLL_MAX (60u * 1000)

static OVERLAPPED *overlapped_of(HANDLE event, uint64_t offset)
{
	OVERLAPPED *made = row_memory(sizeof *made);

	made->hEvent = event;
	made->Offset = (DWORD)offset;
	made->OffsetHigh = (DWORD)(offset >> 32);
	return made;
}

static HANDLE new_port(void)
{
	HANDLE made = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);

	REQUIRE_TRUE(made != NULL, "a port");
	return made;
}

/* Another C of the subject's content, with that port. */
static struct subject with_port(struct subject subject, HANDLE own, ULONG_PTR key)
{
	OVERLAPPED *overlapped = overlapped_of(NULL, 0);
	DWORD count;

	REQUIRE(ERROR_SUCCESS,
		PeerDistClientOpenContent(subject.peerdist, tag(), own, key, &subject.handle));
	/* With an event, so that the port stays as it is. */
	overlapped->hEvent = CreateEvent(NULL, TRUE, FALSE, NULL);
	REQUIRE(ERROR_IO_PENDING, PeerDistClientAddContentInformation(
					  subject.peerdist, subject.handle,
					  (DWORD)subject.info.size, subject.info.data, overlapped));
	REQUIRE_TRUE(PeerDistGetOverlappedResult(overlapped, &count, TRUE), "adding");
	REQUIRE(ERROR_IO_PENDING, PeerDistClientCompleteContentInformation(
					  subject.peerdist, subject.handle, overlapped));
	REQUIRE_TRUE(PeerDistGetOverlappedResult(overlapped, &count, TRUE), "completing");
	CloseHandle(overlapped->hEvent);
	return subject;
}

static DWORD block(const struct subject *subject, BYTE *buffer, DWORD size, DWORD timeout,
		   OVERLAPPED *overlapped)
{
	return PeerDistClientBlockRead(subject->peerdist, subject->handle, size, buffer, timeout,
				       overlapped);
}

static void is_empty(HANDLE own)
{
	DWORD count;
	ULONG_PTR key;
	OVERLAPPED *got = NULL;

	EXPECT_NUMBER(FALSE, GetQueuedCompletionStatus(own, &count, &key, &got, SILENCE));
	EXPECT_TRUE(got == NULL, "a packet");
	EXPECT_NUMBER(WAIT_TIMEOUT, GetLastError());
}

/* The next packet is that of OVERLAPPED. */
static void packet_is(HANDLE own, ULONG_PTR key, OVERLAPPED *overlapped, DWORD code, DWORD count)
{
	DWORD count_got = 4711;
	ULONG_PTR key_got = 0;
	OVERLAPPED *got = NULL;

	SetLastError(0);
	EXPECT_NUMBER(code == 0,
		      GetQueuedCompletionStatus(own, &count_got, &key_got, &got, PATIENCE));
	EXPECT(code, GetLastError());
	EXPECT_NUMBER(key, key_got);
	EXPECT_NUMBER(count, count_got);
	EXPECT_TRUE(got == overlapped, "%p", (void *)got);
}

static void result_is(OVERLAPPED *overlapped, BOOL wait, DWORD code, DWORD count)
{
	DWORD got = 4711;

	SetLastError(0);
	EXPECT_NUMBER(code == 0, PeerDistGetOverlappedResult(overlapped, &got, wait));
	EXPECT(code, GetLastError());
	EXPECT_NUMBER(count, got);
}

static void I01(void)
{
	HANDLE own = new_port();
	struct subject subject = with_port(subject_cached(1u << 0), own, 77);
	OVERLAPPED *overlapped = overlapped_of(NULL, 5);
	BYTE buffer[100];

	REQUIRE(ERROR_IO_PENDING, block(&subject, buffer, sizeof buffer, 0, overlapped));
	packet_is(own, 77, overlapped, 0, sizeof buffer);
	EXPECT_OCTETS(subject.data.data + 5, sizeof buffer, buffer, sizeof buffer);
	is_empty(own);
	CloseHandle(own);
}

static void event_wins(bool low_bit)
{
	HANDLE own = new_port(), event = CreateEvent(NULL, TRUE, FALSE, NULL);
	struct subject subject = with_port(subject_cached(1u << 0), own, 77);
	HANDLE marked = (HANDLE)((ULONG_PTR)event | (low_bit ? 1 : 0));
	OVERLAPPED *overlapped = overlapped_of(marked, 0);
	BYTE buffer[100];

	REQUIRE(ERROR_IO_PENDING, block(&subject, buffer, sizeof buffer, 0, overlapped));
	EXPECT(WAIT_OBJECT_0, WaitForSingleObject(event, PATIENCE));
	EXPECT_TRUE(overlapped->hEvent == marked, "hEvent was changed");
	result_is(overlapped, FALSE, 0, sizeof buffer);
	is_empty(own);
	CloseHandle(own);
	CloseHandle(event);
}

static void I02(void)
{
	event_wins(false);
}

static void I03(void)
{
	struct subject subject = with_port(subject_cached(1u << 0), NULL, 0);
	OVERLAPPED *overlapped = overlapped_of(NULL, 0);
	BYTE buffer[100];

	for (int i = 0; i < 20; i++) {
		REQUIRE(ERROR_IO_PENDING, block(&subject, buffer, sizeof buffer, 0, overlapped));
		result_is(overlapped, TRUE, 0, sizeof buffer);
		EXPECT_OCTETS(subject.data.data, sizeof buffer, buffer, sizeof buffer);
	}
}

static void I04(void)
{
	struct subject subject = subject_silent();
	OVERLAPPED *overlapped = overlapped_of(NULL, BLOCK(2));
	DWORD count;

	REQUIRE(ERROR_IO_PENDING, block(&subject, row_memory(16), 16, LONG, overlapped));
	EXPECT_NUMBER(FALSE, PeerDistGetOverlappedResult(overlapped, &count, FALSE));
	EXPECT(ERROR_IO_INCOMPLETE, GetLastError());
	EXPECT_NUMBER(0, HasOverlappedIoCompleted(overlapped));
	EXPECT_NUMBER(STATUS_PENDING, overlapped->Internal);
	EXPECT_NUMBER(0, overlapped->InternalHigh);
	EXPECT(ERROR_SUCCESS,
	       PeerDistClientCancelAsyncOperation(subject.peerdist, subject.handle, overlapped));
	EXPECT_NUMBER(1, HasOverlappedIoCompleted(overlapped));
	result_is(overlapped, FALSE, ERROR_OPERATION_ABORTED, 0);
}

static void I05(void)
{
	struct subject subject = subject_new();
	OVERLAPPED *overlapped = overlapped_of(NULL, 100);

	REQUIRE(ERROR_IO_PENDING, block(&subject, row_memory(16), 16, 0, overlapped));
	result_is(overlapped, TRUE, PEERDIST_ERROR_MISSING_DATA, F_SIZE - 100);
	EXPECT_NUMBER(100, overlapped->Offset);
	EXPECT_NUMBER(F_SIZE - 100, overlapped->InternalHigh);
	EXPECT_NUMBER(PEERDIST_ERROR_MISSING_DATA, overlapped->Internal);
}

static void I06(void)
{
	HANDLE own = new_port();
	struct subject subject = with_port(subject_new(), own, 78);
	OVERLAPPED *overlapped = overlapped_of(NULL, 100);

	REQUIRE(ERROR_IO_PENDING, block(&subject, row_memory(16), 16, 0, overlapped));
	packet_is(own, 78, overlapped, PEERDIST_ERROR_MISSING_DATA, F_SIZE - 100);
	CloseHandle(own);
}

static void I07(void)
{
	struct subject subject = subject_silent();
	HANDLE event = CreateEvent(NULL, TRUE, TRUE, NULL);
	OVERLAPPED *overlapped = overlapped_of(event, BLOCK(2));

	REQUIRE(ERROR_IO_PENDING, block(&subject, row_memory(16), 16, A_WHILE, overlapped));
	EXPECT(WAIT_TIMEOUT, WaitForSingleObject(event, 0));
	EXPECT(WAIT_OBJECT_0, WaitForSingleObject(event, PATIENCE));
	result_is(overlapped, FALSE, ERROR_TIMEOUT, F_SIZE - (DWORD)BLOCK(2));
	CloseHandle(event);
}

/* A stream read that succeeds, but not before another has timed out. */
static void pending_success(struct subject *subject, OVERLAPPED *overlapped)
{
	*subject = subject_silent();
	stream_read(subject, row_memory(16), 16, A_WHILE);
	REQUIRE(ERROR_IO_PENDING, PeerDistClientStreamRead(subject->peerdist, subject->handle, 16,
							   row_memory(16), 0, overlapped));
	EXPECT_NUMBER(0, HasOverlappedIoCompleted(overlapped));
}

static void I08(void)
{
	HANDLE event = CreateEvent(NULL, FALSE, FALSE, NULL);
	OVERLAPPED *overlapped = overlapped_of(event, 0);
	struct subject subject;

	pending_success(&subject, overlapped);
	result_is(overlapped, TRUE, 0, 16);
	EXPECT(WAIT_TIMEOUT, WaitForSingleObject(event, 0));
	result_is(overlapped, TRUE, 0, 16);
	CloseHandle(event);
}

struct waiter {
	pthread_t thread;
	OVERLAPPED *overlapped;
	DWORD count;
	BOOL good;
};

static void *wait_for_it(void *argument)
{
	struct waiter *waiter = argument;

	waiter->good = PeerDistGetOverlappedResult(waiter->overlapped, &waiter->count, TRUE);
	return NULL;
}

static void I09(void)
{
	HANDLE event = CreateEvent(NULL, TRUE, FALSE, NULL);
	OVERLAPPED *overlapped = overlapped_of(event, 0);
	struct waiter waiters[2];
	struct subject subject;

	pending_success(&subject, overlapped);
	for (int i = 0; i < 2; i++) {
		waiters[i] = (struct waiter){.overlapped = overlapped};
		REQUIRE_TRUE(pthread_create(&waiters[i].thread, NULL, wait_for_it, &waiters[i]) ==
				     0,
			     "a thread");
	}
	for (int i = 0; i < 2; i++) {
		pthread_join(waiters[i].thread, NULL);
		EXPECT_NUMBER(TRUE, waiters[i].good);
		EXPECT_NUMBER(16, waiters[i].count);
	}
	CloseHandle(event);
}

static void I10(void)
{
	OVERLAPPED *overlapped = overlapped_of(NULL, 0);
	DWORD count = 0;

	SetLastError(0);
	EXPECT_NUMBER(FALSE, PeerDistGetOverlappedResult(NULL, &count, FALSE));
	EXPECT(ERROR_INVALID_PARAMETER, GetLastError());
	SetLastError(0);
	EXPECT_NUMBER(FALSE, PeerDistGetOverlappedResult(overlapped, NULL, FALSE));
	EXPECT(ERROR_INVALID_PARAMETER, GetLastError());
}

static void I11(void)
{
	event_wins(true);
}

static void I12(void)
{
	HANDLE own = new_port(), event = CreateEvent(NULL, TRUE, FALSE, NULL);
	struct subject subject = with_port(subject_cached(1u << 0), own, 77);
	OVERLAPPED *overlapped = overlapped_of(event, 0);
	BYTE buffer[16] = {0}, zeros[16] = {0};
	long before = service_number("operations");

	CloseHandle(event);
	EXPECT(ERROR_INVALID_HANDLE, block(&subject, buffer, sizeof buffer, 0, overlapped));
	EXPECT(ERROR_INVALID_HANDLE, block(&subject, buffer, sizeof buffer, LONG, overlapped));
	EXPECT_NUMBER(before, service_number("operations"));
	is_empty(own);
	EXPECT_OCTETS(zeros, sizeof zeros, buffer, sizeof buffer);
	/* Something else that is no event. */
	overlapped->hEvent = own;
	EXPECT(ERROR_INVALID_HANDLE, block(&subject, buffer, sizeof buffer, 0, overlapped));
	/* And at once it is used again. */
	overlapped->hEvent = NULL;
	overlapped->Offset = 0;
	REQUIRE(ERROR_IO_PENDING, block(&subject, buffer, sizeof buffer, 0, overlapped));
	packet_is(own, 77, overlapped, 0, sizeof buffer);
	CloseHandle(own);
}

static void I13(void)
{
	HANDLE closed = new_port(), own = new_port();
	struct subject subject = with_port(subject_silent(), own, 77);
	PEERDIST_CONTENT_HANDLE none = NULL;
	OVERLAPPED *before = overlapped_of(NULL, BLOCK(2)), *after = overlapped_of(NULL, BLOCK(1));
	BYTE buffer[16];

	CloseHandle(closed);
	EXPECT(ERROR_INVALID_HANDLE,
	       PeerDistClientOpenContent(subject.peerdist, tag(), closed, 77, &none));
	EXPECT_TRUE(none == NULL, "the handle was written");
	/* Pending when it is closed, and begun afterwards. */
	REQUIRE(ERROR_IO_PENDING, block(&subject, row_memory(16), 16, A_WHILE, before));
	EXPECT_NUMBER(TRUE, CloseHandle(own));
	result_is(before, TRUE, ERROR_TIMEOUT, F_SIZE - (DWORD)BLOCK(2));
	DWORD code = block(&subject, buffer, sizeof buffer, 0, after);
	if (code == ERROR_IO_PENDING)
		result_is(after, TRUE, 0, sizeof buffer);
	else
		EXPECT(ERROR_INVALID_HANDLE, code);
	EXPECT(ERROR_SUCCESS, PeerDistClientCloseContent(subject.peerdist, subject.handle));
}

/* I14: an OVERLAPPED that is given back as soon as it says that it is over. On a page of its own,
 * which is taken away, even a program without a checker cannot miss what comes later. */
struct polled {
	OVERLAPPED *overlapped;
	bool on_page;
};

static struct polled polled(unsigned round, HANDLE event)
{
	struct polled made = {.on_page = round % 2 == 0};

	if (made.on_page)
		made.overlapped = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
				       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	else
		made.overlapped = malloc(sizeof *made.overlapped);
	REQUIRE_TRUE(made.overlapped != NULL && made.overlapped != MAP_FAILED, "memory");
	memset(made.overlapped, 0, sizeof *made.overlapped);
	made.overlapped->hEvent = event;
	return made;
}

static bool give_back_when_over(struct polled *polled)
{
	uint64_t end = 0;

	while (!HasOverlappedIoCompleted(polled->overlapped)) {
		sched_yield();
		if (end == 0)
			end = now_ms() + POLL_MAX;
		else if (now_ms() > end)
			return false;
	}
	if (polled->on_page)
		munmap(polled->overlapped, PAGE);
	else
		free(polled->overlapped);
	return true;
}

static void I14(void)
{
	HANDLE own = new_port(), event = CreateEvent(NULL, TRUE, FALSE, NULL);
	struct subject first = subject_cached(1u << 0);
	/* By port and, in between, by event; by neither. */
	struct subject subjects[2] = {with_port(first, own, 77), with_port(first, NULL, 0)};
	OVERLAPPED *got = NULL;
	unsigned packets = 0, expected = 0;
	ULONG_PTR key;
	DWORD count;
	BYTE *octets = row_memory(FLIGHT);

	for (unsigned round = 0; round < ROUNDS; round += FLIGHT) {
		struct polled flight[FLIGHT];

		for (unsigned i = 0; i < FLIGHT; i++) {
			bool by_event = i % 3 == 1, query = i % 4 != 0;
			flight[i] = polled(i / 2, by_event ? event : NULL);
			expected += !by_event && i % 2 == 0;
			REQUIRE(ERROR_IO_PENDING, block(&subjects[i % 2], query ? NULL : octets + i,
							query ? 0 : 1, 0, flight[i].overlapped));
		}
		for (unsigned i = 0; i < FLIGHT; i++)
			REQUIRE_TRUE(give_back_when_over(&flight[i]), "it is never over");
	}
	/* What the packets name is gone long since. */
	while (packets < expected &&
	       (GetQueuedCompletionStatus(own, &count, &key, &got, PATIENCE) || got != NULL))
		packets++;
	EXPECT_NUMBER(expected, packets);
	CloseHandle(own);
	CloseHandle(event);
}

static void I15(void)
{
	enum { EACH = 10, INSTANCES = 3 };
	HANDLE own = new_port();
	OVERLAPPED *flights[INSTANCES][EACH];
	unsigned came[INSTANCES] = {0}, posted = 0;
	BYTE *buffer = row_memory(INSTANCES * EACH);

	for (unsigned i = 0; i < INSTANCES; i++) {
		struct subject subject = with_port(subject_cached(1u << 0), own, 100 + i);
		for (unsigned k = 0; k < EACH; k++) {
			flights[i][k] = overlapped_of(NULL, k);
			REQUIRE(ERROR_IO_PENDING,
				block(&subject, buffer + i * EACH + k, 1, 0, flights[i][k]));
			EXPECT_NUMBER(TRUE, PostQueuedCompletionStatus(own, k, 4711, NULL));
		}
	}
	for (unsigned i = 0; i < 2 * INSTANCES * EACH; i++) {
		DWORD count = 0;
		ULONG_PTR key = 0;
		OVERLAPPED *got = NULL;
		BOOL good = GetQueuedCompletionStatus(own, &count, &key, &got, PATIENCE);

		REQUIRE_TRUE(good, "packet %u", i);
		if (key == 4711) {
			posted++;
			EXPECT_TRUE(got == NULL, "a posted packet with an overlapped");
			continue;
		}
		REQUIRE_TRUE(key >= 100 && key < 100 + INSTANCES, "key %u", (unsigned)key);
		EXPECT_NUMBER(1, count);
		bool known = false;
		for (unsigned k = 0; k < EACH; k++)
			known |= flights[key - 100][k] == got;
		EXPECT_TRUE(known, "key %u for another's", (unsigned)key);
		came[key - 100]++;
	}
	EXPECT_NUMBER(INSTANCES * EACH, posted);
	for (unsigned i = 0; i < INSTANCES; i++)
		EXPECT_NUMBER(EACH, came[i]);
	is_empty(own);
	CloseHandle(own);
}

static void I16(void)
{
	struct subject subject = with_port(subject_cached(1u << 0), NULL, 4711);
	OVERLAPPED *overlapped = overlapped_of(NULL, 0);

	REQUIRE(ERROR_IO_PENDING, block(&subject, row_memory(16), 16, 0, overlapped));
	result_is(overlapped, TRUE, 0, 16);
}

static void I17(void)
{
	HANDLE event = CreateEvent(NULL, TRUE, FALSE, NULL);
	OVERLAPPED *overlapped = overlapped_of(event, 0);
	struct subject subject;
	DWORD count = 0;

	pending_success(&subject, overlapped);
	SetLastError(0);
	EXPECT_NUMBER(FALSE, GetOverlappedResult(NULL, overlapped, &count, FALSE));
	EXPECT(ERROR_IO_INCOMPLETE, GetLastError());
	EXPECT_NUMBER(TRUE, GetOverlappedResult(NULL, overlapped, &count, TRUE));
	EXPECT_NUMBER(16, count);
	overlapped->Offset = (DWORD)BLOCK(2);
	REQUIRE(ERROR_IO_PENDING, block(&subject, row_memory(16), 16, 0, overlapped));
	EXPECT_NUMBER(FALSE, GetOverlappedResult(subject.peerdist, overlapped, &count, TRUE));
	EXPECT(PEERDIST_ERROR_MISSING_DATA, GetLastError());
	EXPECT_NUMBER(F_SIZE - BLOCK(2), count);
	CloseHandle(event);
}

static void I18(void)
{
	struct subject subject = subject_cached(1u << 0);
	BYTE *buffer = row_memory(1234);
	struct operation *read = block_read(&subject, 0, buffer, 1234, 0), *flush = operation();

	ENDS(ERROR_SUCCESS, read);
	EXPECT_NUMBER(0, read->overlapped.Internal);
	EXPECT_NUMBER(1234, read->overlapped.InternalHigh);
	COMPLETES(ERROR_SUCCESS, flush,
		  PeerDistClientFlushContent(subject.peerdist, tag(), port(), KEY,
					     &flush->overlapped));
	EXPECT_NUMBER(0, flush->overlapped.Internal);
	EXPECT_NUMBER(0, flush->overlapped.InternalHigh);
}

static void I19(void)
{
	struct subject subject = subject_new();
	const char *name = mechanism == BY_EVENT ? "holding-e" : "holding-p";
	BYTE *buffer =
		mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	BYTE *filled = row_memory(F_BLOCK);

	REQUIRE_TRUE(buffer != MAP_FAILED, "memory");
	memset(buffer, 0xA5, F_BLOCK);
	memset(filled, 0xA5, F_BLOCK);
	subject_peer(&subject, name, "held");
	subject_await_silent(&subject);
	REQUIRE_TRUE(mprotect(buffer, 16 * PAGE, PROT_READ) == 0, "mprotect");
	struct operation *read = block_read(&subject, BLOCK(1), buffer, F_BLOCK, LONG);
	STAYS_PENDING(read, A_WHILE);
	EXPECT_OCTETS(filled, F_BLOCK, buffer, F_BLOCK);
	EXPECT_NUMBER(BLOCK(1), read->overlapped.Offset);
	EXPECT_NUMBER(0, read->overlapped.InternalHigh);
	REQUIRE_TRUE(mprotect(buffer, 16 * PAGE, PROT_READ | PROT_WRITE) == 0, "mprotect");
	order("release %s", name);
	READ_GIVES(&subject, BLOCK(1), F_BLOCK, read, buffer);
	munmap(buffer, 16 * PAGE);
}

static const struct row rows[] = {
	{ROW_ONCE(I01)}, {ROW_ONCE(I02)}, {ROW_ONCE(I03)}, {ROW_ONCE(I04)}, {ROW_ONCE(I05)},
	{ROW_ONCE(I06)}, {ROW_ONCE(I07)}, {ROW_ONCE(I08)}, {ROW_ONCE(I09)}, {ROW_ONCE(I10)},
	{ROW_ONCE(I11)}, {ROW_ONCE(I12)}, {ROW_ONCE(I13)}, {ROW_ONCE(I14)}, {ROW_ONCE(I15)},
	{ROW_ONCE(I16)}, {ROW_ONCE(I17)}, {ROW(I18)},      {ROW(I19)},
};

int main(int argc, char **argv)
{
	return rows_main(rows, sizeof rows / sizeof *rows, argc, argv);
}
