/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Rows F: reads of a consumer, but for those that only wait (test_waits.c).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/api/consuming.h"

#define LARGE (3u << 20)
#define READ_MAX (1u << 20) /* one read brings no more */
#define GUARD 0xA5
#define GUARDS 64u
#define V1_SEGMENT_OFFSET 18 /* in content information of version 1.0 */

static void F01(void)
{
	struct subject subject = subject_cached(ALL_BLOCKS);
	BYTE *buffer = row_memory(300000);
	uint64_t at = 0;

	while (at < F_SIZE) {
		struct operation *read = stream_read(&subject, buffer, 300000, 0);
		if (!ENDS(ERROR_SUCCESS, read) || !EXPECT_NUMBER(at, read->offset) ||
		    !EXPECT_OCTETS(subject.data.data + at, read->count, buffer, read->count))
			return;
		REQUIRE_TRUE(read->count > 0, "nothing");
		at += read->count;
	}
	EXPECT_NUMBER(F_SIZE, at);
	READ_IS_BEHIND(stream_read(&subject, buffer, 300000, 0));
	READ_IS_BEHIND(stream_read(&subject, buffer, 300000, 0));
}

static void F02(void)
{
	struct subject subject = subject_cached(ALL_BLOCKS);
	BYTE buffer[1000];
	uint64_t at = 0;

	while (at < F_SIZE) {
		struct operation *read = stream_read(&subject, buffer, sizeof buffer, 0);
		if (!ENDS(ERROR_SUCCESS, read) || !EXPECT_NUMBER(at, read->offset))
			return;
		REQUIRE_TRUE(read->count > 0 && read->count <= sizeof buffer, "%u octets",
			     read->count);
		EXPECT_OCTETS(subject.data.data + at, read->count, buffer, read->count);
		at += read->count;
	}
	READ_IS_BEHIND(stream_read(&subject, buffer, sizeof buffer, 0));
}

static void F03(void)
{
	struct subject subject = subject_new();
	BYTE *buffer = row_memory(300000);

	READ_ENDS(PEERDIST_ERROR_MISSING_DATA, 0, F_SIZE, stream_read(&subject, buffer, 300000, 0));
	READ_ENDS(PEERDIST_ERROR_MISSING_DATA, 0, F_SIZE,
		  block_read(&subject, 0, buffer, 300000, 0));
}

static void F04(void)
{
	struct subject subject = subject_new();
	BYTE *buffer = row_memory(1000);

	READ_ENDS(PEERDIST_ERROR_MISSING_DATA, 0, F_SIZE, stream_read(&subject, buffer, 1000, 0));
	READ_IS_BEHIND(stream_read(&subject, buffer, 1000, 0));
}

/* How many packets machine 1 has sent. */
static long packets(void)
{
	order("packets");
	struct octets text = octets_load("packets");
	return strtol((const char *)text.data, NULL, 10);
}

static void F09(void)
{
	struct subject subject = subject_new();
	BYTE *buffer = row_memory(F_SIZE);

	subject_peer(&subject, mechanism == BY_EVENT ? "willing-e" : "willing-p", "good");
	long before = packets();
	struct operation *read = block_read(&subject, 0, buffer, F_SIZE, 0);
	READ_ENDS(PEERDIST_ERROR_MISSING_DATA, 0, F_SIZE, read);
	read = stream_read(&subject, buffer, F_SIZE, 0);
	READ_ENDS(PEERDIST_ERROR_MISSING_DATA, 0, F_SIZE, read);
	EXPECT_NUMBER(before, packets());
	/* It would have been noticed, and the peer is willing. */
	COMES(&subject, 0);
	EXPECT_TRUE(packets() > before, "packets are not counted");
}

/* READY C of blocks 0 and 2. */
static struct subject with_gaps(void)
{
	return subject_cached(1u << 0 | 1u << 2);
}

static void F10(void)
{
	struct subject subject = with_gaps();
	BYTE *buffer = row_memory(300000);
	struct operation *read = block_read(&subject, 0, buffer, 300000, 0);

	READ_GIVES(&subject, 0, F_BLOCK, read, buffer);
}

static void misses(const struct subject *subject, uint64_t offset, DWORD size, DWORD length)
{
	struct operation *read = block_read(subject, offset, row_memory(size), size, 0);

	READ_ENDS(PEERDIST_ERROR_MISSING_DATA, offset, length, read);
}

static void F11(void)
{
	struct subject subject = with_gaps();

	misses(&subject, BLOCK(1), 300000, F_BLOCK);
}

static void F12(void)
{
	struct subject subject = with_gaps();

	misses(&subject, BLOCK(1) + 100, 10, F_BLOCK - 100);
}

static void F13(void)
{
	struct subject subject = with_gaps();

	misses(&subject, BLOCK(3), 300000, TAIL);
}

static void F14(void)
{
	struct subject subject = with_gaps();
	const DWORD size = 300000, missing = PEERDIST_ERROR_MISSING_DATA;
	BYTE *buffer = row_memory(size);
	struct operation *read = stream_read(&subject, buffer, size, 0);

	READ_GIVES(&subject, 0, F_BLOCK, read, buffer);
	READ_ENDS(missing, BLOCK(1), F_BLOCK, stream_read(&subject, buffer, size, 0));
	read = stream_read(&subject, buffer, size, 0);
	READ_GIVES(&subject, BLOCK(2), F_BLOCK, read, buffer);
	READ_ENDS(missing, BLOCK(3), TAIL, stream_read(&subject, buffer, size, 0));
	READ_IS_BEHIND(stream_read(&subject, buffer, size, 0));
}

static void F15(void)
{
	static const uint64_t offsets[] = {F_SIZE, F_SIZE + 1, 1ull << 63, UINT64_MAX};
	struct subject subject = with_gaps();

	for (size_t i = 0; i < sizeof offsets / sizeof *offsets; i++) {
		struct operation *read = block_read(&subject, offsets[i], row_memory(16), 16, 0);
		READ_IS_BEHIND(read);
		read = block_read(&subject, offsets[i], NULL, 0, 0);
		READ_IS_BEHIND(read);
	}
}

static void F16(void)
{
	struct subject subject = subject_cached(1u << 0 | 1u << 1);

	READ_ENDS(ERROR_SUCCESS, 0, 2 * F_BLOCK, block_read(&subject, 0, NULL, 0, 0));
	READ_ENDS(ERROR_SUCCESS, 70000, 2 * F_BLOCK - 70000,
		  block_read(&subject, 70000, NULL, 0, LONG));
	READ_ENDS(ERROR_SUCCESS, BLOCK(2), 0, block_read(&subject, BLOCK(2), NULL, 0, 0));
}

static void F17(void)
{
	struct subject subject = subject_new();

	READ_ENDS(ERROR_SUCCESS, 0, 0, block_read(&subject, 0, NULL, 0, 0));
	READ_ENDS(ERROR_SUCCESS, 0, 0, stream_read(&subject, NULL, 0, 0));
}

static void F18(void)
{
	struct subject subject = subject_cached(1u << 0);

	subject_peer(&subject, mechanism == BY_EVENT ? "having-e" : "having-p", "good");
	long before = packets();
	READ_ENDS(ERROR_SUCCESS, 0, F_BLOCK, block_read(&subject, 0, NULL, 0, LONG));
	READ_ENDS(ERROR_SUCCESS, BLOCK(1), 0, block_read(&subject, BLOCK(1), NULL, 0, LONG));
	READ_ENDS(ERROR_SUCCESS, 0, F_BLOCK, stream_read(&subject, NULL, 0, LONG));
	EXPECT_NUMBER(before, packets());
	/* It would have been noticed, and the peer is willing. */
	COMES(&subject, BLOCK(1));
	EXPECT_TRUE(packets() > before, "packets are not counted");
}

static void F19(void)
{
	struct subject subject = subject_cached(1u << 0 | 1u << 1);
	BYTE buffer[1000];

	READ_GIVES(&subject, 0, sizeof buffer, stream_read(&subject, buffer, sizeof buffer, 0),
		   buffer);
	READ_ENDS(ERROR_SUCCESS, 1000, 2 * F_BLOCK - 1000, stream_read(&subject, NULL, 0, 0));
	struct operation *read = stream_read(&subject, buffer, sizeof buffer, 0);
	READ_GIVES(&subject, 1000, sizeof buffer, read, buffer);
}

static DWORD block(const struct subject *subject, BYTE *buffer, DWORD size, struct operation *one)
{
	return PeerDistClientBlockRead(subject->peerdist, subject->handle, size, buffer, 0,
				       &one->overlapped);
}

static DWORD stream(const struct subject *subject, BYTE *buffer, DWORD size, struct operation *one)
{
	return PeerDistClientStreamRead(subject->peerdist, subject->handle, size, buffer, 0,
					&one->overlapped);
}

static void F20(void)
{
	struct subject subject = subject_cached(1u << 0);
	struct operation *one = operation();
	BYTE *buffer = row_memory(16);

	REFUSED(ERROR_INVALID_PARAMETER, one, block(&subject, NULL, 16, one));
	REFUSED(ERROR_INVALID_PARAMETER, one, stream(&subject, NULL, 16, one));
	REFUSED(ERROR_INVALID_PARAMETER, NULL,
		PeerDistClientBlockRead(subject.peerdist, subject.handle, 16, buffer, 0, NULL));
	REFUSED(ERROR_INVALID_PARAMETER, NULL,
		PeerDistClientStreamRead(subject.peerdist, subject.handle, 16, buffer, 0, NULL));
}

static void F21(void)
{
	struct subject subject = subject_range(BLOCK(1), F_BLOCK, true);
	BYTE *buffer = row_memory(300000);
	uint64_t at = BLOCK(1);

	while (at < BLOCK(2)) {
		struct operation *read = stream_read(&subject, buffer, 300000, 0);
		if (!ENDS(ERROR_SUCCESS, read) || !EXPECT_NUMBER(at, read->offset))
			return;
		REQUIRE_TRUE(read->count > 0 && read->count <= BLOCK(2) - at, "%u octets",
			     read->count);
		EXPECT_OCTETS(subject.data.data + at, read->count, buffer, read->count);
		at += read->count;
	}
	READ_IS_BEHIND(stream_read(&subject, buffer, 300000, 0));
}

static void F22(void)
{
	struct subject subject = subject_range(BLOCK(1), F_BLOCK, true);
	BYTE *buffer = row_memory(16);

	READ_IS_BEHIND(block_read(&subject, 0, buffer, 16, 0));
	READ_IS_BEHIND(block_read(&subject, BLOCK(1) - 1, buffer, 16, 0));
	READ_IS_BEHIND(block_read(&subject, BLOCK(2), buffer, 16, 0));
	READ_GIVES(&subject, BLOCK(2) - 1, 1, block_read(&subject, BLOCK(2) - 1, buffer, 16, 0),
		   buffer);
}

static void F23(void)
{
	struct subject subject = subject_range(BLOCK(1), F_BLOCK, false);

	misses(&subject, 70000, 300000, (DWORD)BLOCK(2) - 70000);
}

static void F24(void)
{
	struct subject subject = subject_range(100, 5000, true);
	BYTE *buffer = row_memory(300000);

	READ_GIVES(&subject, 100, 5000, stream_read(&subject, buffer, 300000, 0), buffer);
	READ_IS_BEHIND(stream_read(&subject, buffer, 300000, 0));
	READ_GIVES(&subject, 200, 4900, block_read(&subject, 200, buffer, 300000, 0), buffer);
	READ_IS_BEHIND(block_read(&subject, 99, buffer, 300000, 0));
	READ_IS_BEHIND(block_read(&subject, 5100, buffer, 300000, 0));
}

static void F25(void)
{
	struct subject subject = subject_cached(ALL_BLOCKS);
	struct operation *reads[10];
	BYTE *buffers[10];

	for (unsigned i = 0; i < 10; i++) {
		buffers[i] = row_memory(5000);
		reads[i] = block_read(&subject, i * 19777, buffers[i], 5000, 0);
	}
	for (unsigned i = 0; i < 10; i++)
		READ_GIVES(&subject, i * 19777, 5000, reads[i], buffers[i]);
}

static void F26(void)
{
	struct subject subject = subject_cached(ALL_BLOCKS);
	struct operation *reads[5];
	BYTE *buffers[5];

	for (unsigned i = 0; i < 5; i++) {
		buffers[i] = row_memory(10000);
		reads[i] = stream_read(&subject, buffers[i], 10000, 0);
	}
	for (unsigned i = 0; i < 5; i++)
		READ_GIVES(&subject, i * 10000, 10000, reads[i], buffers[i]);
}

static void F27(void)
{
	struct subject subject = subject_cached(ALL_BLOCKS);
	BYTE buffer[1000];

	for (unsigned i = 0; i < 5; i++) {
		struct operation *read = stream_read(&subject, buffer, sizeof buffer, 0);
		READ_GIVES(&subject, i * 1000, sizeof buffer, read, buffer);
		uint64_t elsewhere = 150000 - i * 7000;
		read = block_read(&subject, elsewhere, buffer, sizeof buffer, 0);
		READ_GIVES(&subject, elsewhere, sizeof buffer, read, buffer);
	}
}

static void F28(void)
{
	PEERDIST_INSTANCE_HANDLE peerdist = instance();
	struct subject subject = {.peerdist = peerdist, .data = content_of(28, LARGE)};
	const DWORD size = READ_MAX + 17;
	BYTE *place = row_memory(size + 2 * GUARDS + 1), *buffer = place + GUARDS + 1;

	subject.handle = content_ready(
		peerdist, information_of(peerdist, subject.data, 0, 0, mechanism ? 2 : 1));
	content_add_data(peerdist, subject.handle, 0, subject.data.data, LARGE);
	memset(place, GUARD, size + 2 * GUARDS + 1);
	struct operation *read = block_read(&subject, 12345, buffer, size, 0);
	if (!ENDS(ERROR_SUCCESS, read))
		return;
	REQUIRE_TRUE(read->count > 0 && read->count <= READ_MAX, "%u octets", read->count);
	EXPECT_NUMBER(12345, read->offset);
	EXPECT_OCTETS(subject.data.data + 12345, read->count, buffer, read->count);
	for (BYTE *at = place; at < buffer; at++)
		REQUIRE_TRUE(*at == GUARD, "before the buffer");
	for (BYTE *at = buffer + read->count; at < place + size + 2 * GUARDS + 1; at++)
		REQUIRE_TRUE(*at == GUARD, "%zd behind what was read",
			     at - buffer - (ssize_t)read->count);
}

/* The end of a content of 5 GiB and F_SIZE octets, as a range of it: content information of version
 * 1.0 says of each segment where it is, and nothing that depends on it. */
static void F29(void)
{
	const uint64_t start = 5ull << 30;
	PEERDIST_INSTANCE_HANDLE peerdist = instance();
	struct octets data = content_new();
	struct octets info = information_of(peerdist, data, 0, 0, 1);
	BYTE *buffer = row_memory(1000);

	for (unsigned i = 0; i < 8; i++)
		info.data[V1_SEGMENT_OFFSET + i] = (BYTE)(start >> 8 * i);
	struct subject subject = {peerdist, content_ready(peerdist, info), data, info};
	content_add_data(peerdist, subject.handle, start + BLOCK(3), data.data + BLOCK(3), TAIL);
	struct operation *read = block_read(&subject, start + BLOCK(3) + 5, buffer, 1000, 0);
	READ_ENDS(ERROR_SUCCESS, start + BLOCK(3) + 5, 1000, read);
	EXPECT_NUMBER(1, read->overlapped.OffsetHigh);
	EXPECT_OCTETS(data.data + BLOCK(3) + 5, 1000, buffer, 1000);
	READ_ENDS(PEERDIST_ERROR_MISSING_DATA, start, BLOCK(3),
		  stream_read(&subject, buffer, 1000, 0));
	read = stream_read(&subject, buffer, 1000, 0);
	READ_ENDS(ERROR_SUCCESS, start + BLOCK(3), 1000, read);
	EXPECT_OCTETS(data.data + BLOCK(3), 1000, buffer, 1000);
	READ_IS_BEHIND(block_read(&subject, BLOCK(3), buffer, 1000, 0));
	READ_IS_BEHIND(block_read(&subject, start + F_SIZE, buffer, 1000, 0));
}

/* By events the corrupt peer is alone, on machine 3; by port one on machine 4 is with a good one.
 */
static void F30(void)
{
	bool alone = mechanism == BY_EVENT;
	struct subject subject = subject_new();
	BYTE *buffer = row_memory(F_BLOCK);
	long errors = service_number_at("errors.hash");
	unsigned given = 0;
	bool seen = false; /* what is to be seen */
	uint64_t end = now_ms() + PATIENCE;

	if (!alone)
		subject_peer(&subject, "right", "good");
	octets_save("corrupt.content", subject.data);
	octets_save("corrupt.information", subject.info);
	order("corrupt %s corrupt.content corrupt.information", alone ? "lan3" : "lan4");
	/* A peer may have to be asked for more than once. */
	for (unsigned i = 0; i < 3 || (!seen && now_ms() < end); i++) {
		struct operation *read =
			block_read(&subject, BLOCK(i % 3), buffer, F_BLOCK, alone ? 1000 : 5000);
		DWORD code = operation_wait(read, PATIENCE);

		EXPECT_NUMBER(BLOCK(i % 3), read->offset);
		if (code == ERROR_SUCCESS)
			EXPECT_OCTETS(subject.data.data + BLOCK(i % 3), read->count, buffer,
				      read->count);
		else
			EXPECT_TRUE(code == PEERDIST_ERROR_MISSING_DATA || code == ERROR_TIMEOUT,
				    "%s", code_name(code));
		given += code == ERROR_SUCCESS;
		seen = alone ? service_number_at("errors.hash") > errors : given > 0;
	}
	EXPECT_TRUE(seen, "%u blocks came", given);
	if (alone)
		EXPECT_NUMBER(0, given);
}

static void F31(void)
{
	struct subject subject = subject_cached(1u << 0), wrong;
	struct operation *one = operation();
	BYTE *buffer = row_memory(16);
	HANDLE handles[] = {content_open(subject.peerdist),
			    stream_open(subject.peerdist, identifier(), 0), UNKNOWN_HANDLE, NULL};

	EXPECT(ERROR_SUCCESS, PeerDistClientCloseContent(subject.peerdist, handles[0]));
	for (unsigned i = 0; i < 4; i++) {
		wrong = subject;
		wrong.handle = handles[i];
		REFUSED(ERROR_INVALID_HANDLE, one, block(&wrong, buffer, 16, one));
		REFUSED(ERROR_INVALID_HANDLE, one, stream(&wrong, buffer, 16, one));
	}
	PEERDIST_INSTANCE_HANDLE instances[] = {instance(), UNKNOWN_HANDLE, NULL, subject.handle};
	for (unsigned i = 0; i < 4; i++) {
		wrong = subject;
		wrong.peerdist = instances[i];
		REFUSED(ERROR_INVALID_HANDLE, one, block(&wrong, buffer, 16, one));
		REFUSED(ERROR_INVALID_HANDLE, one, stream(&wrong, buffer, 16, one));
	}
}

static void F32(void)
{
	struct subject subject = subject_silent();
	BYTE *buffer = row_memory(16);
	struct operation *read = block_read(&subject, BLOCK(2), buffer, 16, LONG);

	REFUSED(ERROR_INVALID_PARAMETER, read, block(&subject, buffer, 16, read));
	REFUSED(ERROR_INVALID_PARAMETER, read, stream(&subject, buffer, 16, read));
	struct subject other = subject_cached(1u << 0);
	REFUSED(ERROR_INVALID_PARAMETER, read, block(&other, buffer, 16, read));
	STAYS_PENDING(read, 50);
	EXPECT(ERROR_SUCCESS, PeerDistClientCancelAsyncOperation(subject.peerdist, subject.handle,
								 &read->overlapped));
	ENDED(ERROR_OPERATION_ABORTED, read);
}

/* Not in the cases: what is waited for may be added (8.6: as soon as any octets are available). */
static void added_while_pending(void)
{
	struct subject subject = subject_silent();
	BYTE *blocks = row_memory(16), *stream_octets = row_memory(16);
	struct operation *read = block_read(&subject, BLOCK(2) + 5, blocks, 16, LONG);
	struct operation *streamed = stream_read(&subject, stream_octets, 16, LONG);
	struct operation *other = block_read(&subject, BLOCK(3), row_memory(16), 16, LONG);

	STAYS_PENDING(streamed, 50);
	subject_add(&subject, 1u << 0 | 1u << 2);
	READ_GIVES(&subject, BLOCK(2) + 5, 16, read, blocks);
	READ_GIVES(&subject, 0, 16, streamed, stream_octets);
	STAYS_PENDING(other, 0);
}

/* Not in the cases: who answers a Probe later than is waited for at first is found all the same. A
 * busy machine may make the answer too late: one of several such peers does not have that luck. */
static void tardy_peer(void)
{
	BYTE *buffer = row_memory(16);
	DWORD code = PEERDIST_ERROR_MISSING_DATA;
	struct operation *read = NULL;
	struct subject subject;

	for (unsigned i = 0; code == PEERDIST_ERROR_MISSING_DATA && i < 4; i++) {
		char name[16];

		snprintf(name, sizeof name, "tardy-%u", i);
		subject = subject_new();
		subject_peer(&subject, name, "tardy");
		read = block_read(&subject, 0, buffer, 16, LONG);
		code = operation_wait(read, LONG);
	}
	EXPECT(ERROR_SUCCESS, code);
	EXPECT_NUMBER(16, read->count);
	EXPECT_OCTETS(subject.data.data, 16, buffer, read->count);
}

static const struct row rows[] = {
	{ROW(F01)},
	{ROW(F02)},
	{ROW(F03)},
	{ROW(F04)},
	{ROW(F09)},
	{ROW(F10)},
	{ROW(F11)},
	{ROW(F12)},
	{ROW(F13)},
	{ROW(F14)},
	{ROW(F15)},
	{ROW(F16)},
	{ROW(F17)},
	{ROW(F18)},
	{ROW(F19)},
	{ROW(F20)},
	{ROW(F21)},
	{ROW(F22)},
	{ROW(F23)},
	{ROW(F24)},
	{ROW(F25)},
	{ROW(F26)},
	{ROW(F27)},
	{ROW(F28)},
	{ROW(F29)},
	{ROW(F30)},
	{ROW(F31)},
	{ROW(F32)},
	{ROW_ONCE(added_while_pending)},
	{ROW_ONCE(tardy_peer)},
};

int main(int argc, char **argv)
{
	return rows_main(rows, sizeof rows / sizeof *rows, argc, argv);
}
