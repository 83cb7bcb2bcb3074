/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Rows H: cancelling.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/api/consuming.h"

#define ROUNDS 500u  /* of the race, by each mechanism: 1000 */
#define FARAWAY 100u /* blocks that are raced for over the network, by each mechanism */
#define UNTOUCHED 0xA5

static DWORD cancel(const struct subject *subject, struct operation *one)
{
	return PeerDistClientCancelAsyncOperation(subject->peerdist, subject->handle,
						  one != NULL ? &one->overlapped : NULL);
}

/* It works, and says so in both ways; ONE is over when it returns. */
static bool cancels(const char *file, int line, const struct subject *subject,
		    struct operation *one)
{
	SetLastError(0);
	return row_code(file, line, "ClientCancel", ERROR_SUCCESS, cancel(subject, one)) &&
	       row_code(file, line, "last error", ERROR_OPERATION_ABORTED, GetLastError()) &&
	       operation_ended(file, line, one, ERROR_OPERATION_ABORTED) &&
	       row_number(file, line, "count", 0, one->count);
}
#define CANCELS(subject, one) cancels(__FILE__, __LINE__, subject, one)

/* Of what a peer has and does not give. */
static struct operation *pending(const struct subject *subject)
{
	return block_read(subject, BLOCK(2), row_memory(16), 16, LONG);
}

static void H01(void)
{
	struct subject subject = subject_silent();
	struct operation *read = pending(&subject);

	/* The search for it has begun. */
	STAYS_PENDING(read, 20);
	EXPECT(WAIT_TIMEOUT, WaitForSingleObject(read->overlapped.hEvent, 0));
	EXPECT(ERROR_SUCCESS, cancel(&subject, read));
	EXPECT(WAIT_OBJECT_0, WaitForSingleObject(read->overlapped.hEvent, 0));
	ENDED(ERROR_OPERATION_ABORTED, read);
	/* And at once. */
	read = pending(&subject);
	CANCELS(&subject, read);
}

static void H02(void)
{
	DWORD count = 7;
	ULONG_PTR key = 0;
	OVERLAPPED *overlapped = row_memory(sizeof *overlapped), *got = NULL;
	struct subject subject;
	HANDLE own;

	mechanism = BY_PORT;
	subject = subject_silent();
	own = port();
	overlapped->Offset = (DWORD)BLOCK(2);
	REQUIRE(ERROR_IO_PENDING, PeerDistClientBlockRead(subject.peerdist, subject.handle, 16,
							  row_memory(16), LONG, overlapped));
	SetLastError(0);
	EXPECT(ERROR_SUCCESS,
	       PeerDistClientCancelAsyncOperation(subject.peerdist, subject.handle, overlapped));
	EXPECT(ERROR_OPERATION_ABORTED, GetLastError());
	SetLastError(0);
	EXPECT_NUMBER(FALSE, GetQueuedCompletionStatus(own, &count, &key, &got, 0));
	EXPECT(ERROR_OPERATION_ABORTED, GetLastError());
	EXPECT_TRUE(got == overlapped, "%p", (void *)got);
	EXPECT_NUMBER(KEY, key);
	EXPECT_NUMBER(0, count);
}

static void H03(void)
{
	struct subject subject = subject_cached(1u << 0);
	BYTE buffer[16];
	struct operation *read = block_read(&subject, 0, buffer, 16, 0);

	READ_GIVES(&subject, 0, 16, read, buffer);
	SetLastError(0);
	EXPECT(PEERDIST_ERROR_OPERATION_NOTFOUND, cancel(&subject, read));
	EXPECT_NUMBER(0, GetLastError());
}

static void H04(void)
{
	struct subject subject = subject_silent(), other = subject;
	struct operation *read = pending(&subject);

	other.handle = content_ready(subject.peerdist, subject.info);
	EXPECT(PEERDIST_ERROR_OPERATION_NOTFOUND, cancel(&subject, operation()));
	EXPECT(PEERDIST_ERROR_OPERATION_NOTFOUND, cancel(&other, read));
	STAYS_PENDING(read, 20);
	CANCELS(&subject, read);
}

static void H05(void)
{
	struct subject subject = subject_silent();
	struct operation *reads[5], *other;

	for (unsigned i = 0; i < 5; i++)
		reads[i] =
			i < 3 ? pending(&subject) : stream_read(&subject, row_memory(16), 16, LONG);
	struct subject second = subject;
	second.handle = content_ready(subject.peerdist, subject.info);
	other = pending(&second);
	SetLastError(0);
	EXPECT(ERROR_SUCCESS, cancel(&subject, NULL));
	EXPECT(ERROR_OPERATION_ABORTED, GetLastError());
	for (unsigned i = 0; i < 5; i++)
		ENDED(ERROR_OPERATION_ABORTED, reads[i]);
	STAYS_PENDING(other, 20);
	CANCELS(&second, other);
}

static void H06(void)
{
	struct subject subject = subject_new();

	SetLastError(4711);
	EXPECT(ERROR_SUCCESS, cancel(&subject, NULL));
	EXPECT_NUMBER(4711, GetLastError());
}

/* Block 0 misses, block 1 is here. Had the second read not been cancelled, it would be the one that
 * begins there. */
static void H07(void)
{
	struct subject subject = subject_silent();
	BYTE *buffer = row_memory(100);
	struct operation *first = stream_read(&subject, row_memory(100), 100, 700);
	struct operation *second = stream_read(&subject, row_memory(100), 100, 20000);
	struct operation *third = stream_read(&subject, buffer, 100, 20000);

	CANCELS(&subject, second);
	STAYS_PENDING(third, 0);
	READ_ENDS(ERROR_TIMEOUT, 0, F_BLOCK, first);
	READ_GIVES(&subject, BLOCK(1), 100, third, buffer);
	READ_GIVES(&subject, BLOCK(1) + 100, 100, stream_read(&subject, buffer, 100, 0), buffer);
}

static void H08(void)
{
	struct subject subject = subject_silent();
	struct operation *read = pending(&subject);

	CANCELS(&subject, read);
	EXPECT(PEERDIST_ERROR_OPERATION_NOTFOUND, cancel(&subject, read));
}

static void spin(unsigned nanoseconds)
{
	struct timespec from, now;

	clock_gettime(CLOCK_MONOTONIC, &from);
	do
		clock_gettime(CLOCK_MONOTONIC, &now);
	while ((now.tv_sec - from.tv_sec) * 1000000000 + (now.tv_nsec - from.tv_nsec) <
	       (long)nanoseconds);
}

struct race {
	unsigned given, cancelled;
};

/* One read, cancelled DELAY after it began. */
static bool race_once(const struct subject *subject, uint64_t offset, BYTE *buffer, DWORD size,
		      unsigned delay, struct race *race)
{
	struct operation *read;

	memset(buffer, UNTOUCHED, size);
	read = block_read(subject, offset, buffer, size, LONG);
	spin(delay);
	DWORD code = cancel(subject, read);
	/* Posted before that returned, whatever it is. */
	DWORD end = operation_wait(read, 0);
	if (!EXPECT(end == ERROR_SUCCESS ? PEERDIST_ERROR_OPERATION_NOTFOUND : ERROR_SUCCESS, code))
		return false;
	if (end == ERROR_SUCCESS) {
		race->given++;
		return EXPECT_NUMBER(offset, read->offset) &&
		       EXPECT_OCTETS(subject->data.data + offset, read->count, buffer, read->count);
	}
	race->cancelled++;
	for (DWORD i = 0; i < size; i++)
		if (buffer[i] != UNTOUCHED) {
			WRONG("octet %u of a buffer was written, though the read was cancelled", i);
			return false;
		}
	return EXPECT(ERROR_OPERATION_ABORTED, end);
}

/* The delay follows what the races before showed, so that about as many are won as are lost. */
static void turn(unsigned *delay, const struct race *race, const struct race *before)
{
	*delay = race->given > before->given ? *delay - *delay / 16 : *delay + *delay / 16 + 1000;
}

static void race_here(void)
{
	struct subject subject = subject_cached(ALL_BLOCKS);
	struct race race = {0, 0};
	unsigned delay = 100000;
	BYTE *buffer = row_memory(F_SIZE);

	for (unsigned i = 0; i < ROUNDS; i++) {
		struct race before = race;
		if (!race_once(&subject, i, buffer, F_SIZE - i, delay, &race))
			return;
		turn(&delay, &race, &before);
	}
	EXPECT_TRUE(race.given > 0 && race.cancelled > 0, "%u given, %u cancelled", race.given,
		    race.cancelled);
}

/* What machine 2 has. */
static void race_there(void)
{
	struct octets data = content_of((uint64_t)mechanism + 9, FARAWAY * F_BLOCK);
	struct subject there = {.data = data}, here = there;
	struct race race = {0, 0};
	unsigned delay = 300000;
	BYTE *buffer = row_memory(F_BLOCK);

	setenv("PEERDIST_CONTROL", getenv("PEERDIST_OTHER"), 1);
	there.peerdist = instance();
	setenv("PEERDIST_CONTROL", getenv("PEERDIST_FIRST"), 1);
	there.info = information_of(there.peerdist, data, 0, 0, 1);
	there.handle = content_ready(there.peerdist, there.info);
	content_add_data(there.peerdist, there.handle, 0, data.data, data.size);
	here.peerdist = instance();
	here.handle = content_ready(here.peerdist, there.info);
	/* From now on it is known who has it. */
	if (!COMES(&here, 0))
		return;
	for (unsigned i = 1; i < FARAWAY; i++) {
		struct race before = race;
		if (!race_once(&here, BLOCK(i), buffer, F_BLOCK, delay, &race))
			return;
		turn(&delay, &race, &before);
	}
	EXPECT_TRUE(race.given > 0 && race.cancelled > 0, "%u given, %u cancelled", race.given,
		    race.cancelled);
}

static void H09(void)
{
	race_here();
	if (getenv("PEERDIST_OTHER") != NULL)
		race_there();
}

static DWORD server_cancel(PEERDIST_INSTANCE_HANDLE peerdist, BYTE *id, struct operation *one)
{
	return PeerDistServerCancelAsyncOperation(peerdist, ID_SIZE, id,
						  one != NULL ? &one->overlapped : NULL);
}

static struct operation *pending_add(PEERDIST_INSTANCE_HANDLE peerdist,
				     PEERDIST_STREAM_HANDLE stream)
{
	struct operation *one = operation();

	if (!STARTS(one,
		    PeerDistServerPublishAddToStream(peerdist, stream, PENDING_SIZE,
						     row_sparse(PENDING_SIZE), &one->overlapped)))
		row_leave(NULL);
	return one;
}

static void H10(void)
{
	PEERDIST_INSTANCE_HANDLE peerdist = instance();
	BYTE *id = identifier();
	PEERDIST_STREAM_HANDLE stream = stream_open(peerdist, id, 0);
	struct operation *one = pending_add(peerdist, stream), *next = operation();

	SetLastError(0);
	EXPECT(ERROR_SUCCESS, server_cancel(peerdist, id, one));
	EXPECT(ERROR_OPERATION_ABORTED, GetLastError());
	ENDED(ERROR_OPERATION_ABORTED, one);
	EXPECT(PEERDIST_ERROR_OPERATION_NOTFOUND, server_cancel(peerdist, id, one));
	REFUSED(PEERDIST_ERROR_INVALIDATED, next,
		PeerDistServerPublishAddToStream(peerdist, stream, 1, content(),
						 &next->overlapped));
	REFUSED(PEERDIST_ERROR_INVALIDATED, next,
		PeerDistServerPublishCompleteStream(peerdist, stream, &next->overlapped));
	EXPECT(ERROR_SUCCESS, PeerDistServerCloseStreamHandle(peerdist, stream));
	publish_f(peerdist, id);
}

static void H11(void)
{
	PEERDIST_INSTANCE_HANDLE peerdist = instance();
	BYTE *id = identifier(), *other = identifier();
	PEERDIST_STREAM_HANDLE stream = stream_open(peerdist, id, 0);
	struct operation *one = pending_add(peerdist, stream);

	stream_open(peerdist, other, 0);
	EXPECT(PEERDIST_ERROR_OPERATION_NOTFOUND, server_cancel(peerdist, identifier(), one));
	EXPECT(PEERDIST_ERROR_OPERATION_NOTFOUND, server_cancel(peerdist, other, one));
	EXPECT(PEERDIST_ERROR_OPERATION_NOTFOUND, server_cancel(peerdist, id, operation()));
	EXPECT(ERROR_SUCCESS, server_cancel(peerdist, id, one));
	ENDED(ERROR_OPERATION_ABORTED, one);
}

static void H12(void)
{
	PEERDIST_INSTANCE_HANDLE peerdist = instance();
	BYTE *id = identifier();
	struct operation *one = pending_add(peerdist, stream_open(peerdist, id, 0));

	EXPECT(ERROR_INVALID_PARAMETER, server_cancel(peerdist, id, NULL));
	EXPECT(ERROR_INVALID_PARAMETER, server_cancel(peerdist, NULL, one));
	EXPECT(ERROR_INVALID_PARAMETER,
	       PeerDistServerCancelAsyncOperation(peerdist, 0, id, &one->overlapped));
	EXPECT(ERROR_SUCCESS, server_cancel(peerdist, id, one));
	ENDED(ERROR_OPERATION_ABORTED, one);
}

static void H13(void)
{
	PEERDIST_INSTANCE_HANDLE peerdist = instance(), second = instance();
	BYTE *id = identifier();
	struct operation *one = pending_add(peerdist, stream_open(peerdist, id, 0));

	EXPECT(PEERDIST_ERROR_OPERATION_NOTFOUND, server_cancel(second, id, one));
	EXPECT(ERROR_SUCCESS, server_cancel(peerdist, id, one));
	ENDED(ERROR_OPERATION_ABORTED, one);
}

static void H14(void)
{
	struct subject subject = subject_new(), wrong = subject;
	struct operation *one = operation();

	EXPECT(ERROR_INVALID_HANDLE, server_cancel(UNKNOWN_HANDLE, identifier(), one));
	EXPECT(ERROR_INVALID_HANDLE, server_cancel(NULL, identifier(), one));
	wrong.peerdist = UNKNOWN_HANDLE;
	EXPECT(ERROR_INVALID_HANDLE, cancel(&wrong, one));
	EXPECT(ERROR_INVALID_HANDLE, cancel(&wrong, NULL));
	wrong.peerdist = instance();
	EXPECT(ERROR_INVALID_HANDLE, cancel(&wrong, NULL));
	EXPECT(ERROR_SUCCESS, PeerDistClientCloseContent(subject.peerdist, subject.handle));
	EXPECT(ERROR_INVALID_HANDLE, cancel(&subject, one));
	EXPECT(ERROR_INVALID_HANDLE, cancel(&subject, NULL));
}

static void H15(void)
{
	struct subject subject = subject_silent();
	BYTE *buffer = row_memory(100);
	struct operation *read = stream_read(&subject, buffer, 100, LONG);

	STAYS_PENDING(read, 20);
	CANCELS(&subject, read);
	READ_ENDS(PEERDIST_ERROR_MISSING_DATA, 0, F_BLOCK, stream_read(&subject, buffer, 100, 0));
	READ_GIVES(&subject, BLOCK(1), 100, stream_read(&subject, buffer, 100, 0), buffer);
	READ_GIVES(&subject, BLOCK(1) + 100, 100, stream_read(&subject, buffer, 100, 0), buffer);
}

static const struct row rows[] = {
	{ROW_ONCE(H01)}, {ROW_ONCE(H02)}, {ROW(H03)}, {ROW(H04)}, {ROW(H05)},
	{ROW(H06)},      {ROW(H07)},      {ROW(H08)}, {ROW(H09)}, {ROW(H10)},
	{ROW(H11)},      {ROW(H12)},      {ROW(H13)}, {ROW(H14)}, {ROW(H15)},
};

int main(int argc, char **argv)
{
	return rows_main(rows, sizeof rows / sizeof *rows, argc, argv);
}
