/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Rows G: data that a consumer adds, flushing it, and information about a content.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/api/consuming.h"

#define OTHER_USER 4711u
#define LARGE (40u << 20) /* more than the cache of $PEERDIST_SMALL takes */
#define MIB (1u << 20)

static DWORD add(const struct subject *subject, uint64_t offset, const BYTE *data, size_t size,
		 struct operation *one)
{
	operation_at(one, offset);
	return PeerDistClientAddData(subject->peerdist, subject->handle, (DWORD)size, (PBYTE)data,
				     &one->overlapped);
}

static void adds(const struct subject *subject, uint64_t offset, const BYTE *data, size_t size)
{
	struct operation *one = operation();

	COMPLETES_COUNT(ERROR_SUCCESS, size, one, add(subject, offset, data, size, one));
	EXPECT_NUMBER(offset, one->offset);
}

/* Octets of the right content. */
static void adds_right(const struct subject *subject, uint64_t offset, size_t size)
{
	adds(subject, offset, subject->data.data + offset, size);
}

#define MISSES(subject, at, length)                                                                \
	READ_ENDS(PEERDIST_ERROR_MISSING_DATA, at, length,                                         \
		  block_read(subject, at, row_memory(F_BLOCK), F_BLOCK, 0))

static bool reads(const char *file, int line, const struct subject *subject, uint64_t offset,
		  DWORD size)
{
	BYTE *buffer = row_memory(size);
	struct operation *read = block_read(subject, offset, buffer, size, 0);

	return read_gives(file, line, subject, read, offset, size, buffer);
}
#define READS(subject, at, size) reads(__FILE__, __LINE__, subject, at, size)

static void G01(void)
{
	struct subject subject = subject_new();

	MISSES(&subject, 0, F_SIZE);
	adds_right(&subject, 0, F_SIZE);
	READS(&subject, 0, F_SIZE);
	READS(&subject, 123456, F_SIZE - 123456);
}

/* From here on instances are of the service at the control file that VARIABLE names. */
static void at_service(const char *variable)
{
	const char *path = getenv(variable);

	if (path == NULL)
		row_leave("no other service");
	setenv("PEERDIST_CONTROL", path, 1);
}

static void G02(void)
{
	struct subject subject = subject_new(), there = subject;
	BYTE *buffer = row_memory(F_SIZE);
	uint64_t at = 0;

	adds_right(&subject, 0, F_SIZE);
	at_service("PEERDIST_OTHER");
	there.peerdist = instance();
	there.handle = content_ready(there.peerdist, subject.info);
	at_service("PEERDIST_FIRST");
	MISSES(&there, 0, F_SIZE);
	COMES(&there, 0);
	while (at < F_SIZE) {
		struct operation *read = stream_read(&there, buffer, F_SIZE, 20000);
		if (!ENDS(ERROR_SUCCESS, read) || !EXPECT_NUMBER(at, read->offset))
			return;
		REQUIRE_TRUE(read->count > 0, "nothing");
		EXPECT_OCTETS(subject.data.data + at, read->count, buffer, read->count);
		at += read->count;
	}
	EXPECT_NUMBER(F_SIZE, at);
}

static void G03(void)
{
	enum { PIECE = 1000, PIECES = (F_BLOCK + PIECE - 1) / PIECE };
	struct subject subject = subject_new();

	/* 37 and the number of pieces have no common factor: each comes once. */
	for (unsigned i = 0; i < PIECES; i++) {
		unsigned piece = i * 37 % PIECES;
		unsigned size = piece + 1 < PIECES ? PIECE : F_BLOCK - piece * PIECE;

		if (!MISSES(&subject, BLOCK(1), F_SIZE - F_BLOCK))
			return;
		adds_right(&subject, BLOCK(1) + piece * PIECE, size);
	}
	READS(&subject, BLOCK(1), F_BLOCK);
	MISSES(&subject, 0, F_BLOCK);
}

static void wrong_block(const struct subject *subject)
{
	long before = service_number_at("errors.hash");
	BYTE *wrong = row_memory(F_BLOCK);

	memcpy(wrong, subject->data.data + BLOCK(1), F_BLOCK);
	wrong[4711] ^= 1;
	adds(subject, BLOCK(1), wrong, F_BLOCK);
	MISSES(subject, BLOCK(1), F_SIZE - F_BLOCK);
	EXPECT_NUMBER(before + 1, service_number_at("errors.hash"));
}

static void G04(void)
{
	struct subject subject = subject_new();

	wrong_block(&subject);
	/* Of pieces as well. */
	long before = service_number_at("errors.hash");
	adds(&subject, BLOCK(2), subject.data.data, 40000);
	EXPECT_NUMBER(before, service_number_at("errors.hash"));
	adds_right(&subject, BLOCK(2) + 40000, F_BLOCK - 40000);
	EXPECT_NUMBER(before + 1, service_number_at("errors.hash"));
	MISSES(&subject, BLOCK(2), F_SIZE - 2 * F_BLOCK);
}

static void G05(void)
{
	struct subject subject = subject_new();

	wrong_block(&subject);
	adds_right(&subject, BLOCK(1), F_BLOCK);
	READS(&subject, BLOCK(1), F_BLOCK);
}

static void is_beyond(const struct subject *subject, uint64_t offset, DWORD size)
{
	struct operation *one = operation();

	COMPLETES_COUNT(PEERDIST_ERROR_OUT_OF_BOUNDS, 0, one,
			add(subject, offset, row_memory(size), size, one));
}

static void G06(void)
{
	struct subject subject = subject_new();

	is_beyond(&subject, F_SIZE, 1);
	is_beyond(&subject, 300000, 1000);
	is_beyond(&subject, 1ull << 40, 1000);
	adds_right(&subject, 0, F_SIZE);
}

static void G07(void)
{
	struct subject subject = subject_new();
	struct operation *one = operation();
	BYTE *longer = row_memory(TAIL + 1);

	is_beyond(&subject, 199000, 2000);
	/* The whole of the last block, and an octet. */
	memcpy(longer, subject.data.data + BLOCK(3), TAIL);
	COMPLETES_COUNT(PEERDIST_ERROR_OUT_OF_BOUNDS, 0, one,
			add(&subject, BLOCK(3), longer, TAIL + 1, one));
	MISSES(&subject, BLOCK(3), TAIL);
	adds_right(&subject, BLOCK(3), TAIL);
	READS(&subject, BLOCK(3), TAIL);
}

static void G08(void)
{
	struct subject first = subject_range(0, F_BLOCK, false), whole = first;

	adds_right(&first, BLOCK(1), F_BLOCK);
	READ_IS_BEHIND(block_read(&first, BLOCK(1), row_memory(16), 16, 0));
	/* Another content information that is complete only now. */
	whole.info = information_of(first.peerdist, first.data, 0, 0, 1);
	whole.handle = content_ready(first.peerdist, whole.info);
	READS(&whole, BLOCK(1), F_BLOCK);
	/* Or has been before. */
	adds_right(&first, BLOCK(2), F_BLOCK);
	READS(&whole, BLOCK(2), F_BLOCK);
	/* Nobody's, once the handle is closed. */
	struct subject later = subject_range(0, F_BLOCK, false), all = later;
	adds_right(&later, BLOCK(1), F_BLOCK);
	EXPECT(ERROR_SUCCESS, PeerDistClientCloseContent(later.peerdist, later.handle));
	all.handle =
		content_ready(later.peerdist, information_of(later.peerdist, later.data, 0, 0, 1));
	MISSES(&all, BLOCK(1), F_SIZE - F_BLOCK);
}

static void G09(void)
{
	struct subject subject = subject_new();
	struct operation *one = operation();

	REFUSED(ERROR_INVALID_PARAMETER, one, add(&subject, 0, subject.data.data, 0, one));
	REFUSED(ERROR_INVALID_PARAMETER, one, add(&subject, 0, NULL, 16, one));
	REFUSED(ERROR_INVALID_PARAMETER, one, add(&subject, UINT64_MAX, subject.data.data, 2, one));
	REFUSED(ERROR_INVALID_PARAMETER, NULL,
		PeerDistClientAddData(subject.peerdist, subject.handle, 16, subject.data.data,
				      NULL));
}

static void G10(void)
{
	PEERDIST_INSTANCE_HANDLE peerdist = instance();
	struct subject subject = {.peerdist = peerdist, .handle = content_open(peerdist)};
	struct operation *one = operation();

	REFUSED(PEERDIST_ERROR_NOT_INITIALIZED, one, add(&subject, 0, content(), 16, one));
}

static void G11(void)
{
	struct subject subject = subject_new();
	struct operation *one[4];

	for (unsigned i = 0; i < 4; i++) {
		one[i] = operation();
		STARTS(one[i],
		       add(&subject, i * 50000, subject.data.data + i * 50000, 50000, one[i]));
	}
	for (unsigned i = 0; i < 4; i++)
		ENDS_COUNT(ERROR_SUCCESS, 50000, one[i]);
	READS(&subject, 0, F_SIZE);
}

static void G12(void)
{
	struct subject subject = {.data = content_of((uint64_t)mechanism + 12, LARGE)};
	BYTE *buffer = row_memory(MIB);
	unsigned kept = 0;

	at_service("PEERDIST_SMALL");
	subject.peerdist = instance();
	at_service("PEERDIST_FIRST");
	subject.info = information_of(subject.peerdist, subject.data, 0, 0, 1);
	subject.handle = content_ready(subject.peerdist, subject.info);
	for (uint64_t at = 0; at < LARGE; at += MIB)
		adds_right(&subject, at, MIB);
	for (uint64_t at = 0; at < LARGE; at += MIB) {
		struct operation *read = block_read(&subject, at, buffer, MIB, 0);
		DWORD code = operation_wait(read, PATIENCE);

		if (code == ERROR_SUCCESS)
			EXPECT_OCTETS(subject.data.data + at, read->count, buffer, read->count);
		else
			EXPECT(PEERDIST_ERROR_MISSING_DATA, code);
		kept += code == ERROR_SUCCESS;
	}
	EXPECT_TRUE(kept < LARGE / MIB, "the cache has not been full");
}

static DWORD flush(PEERDIST_INSTANCE_HANDLE peerdist, const PEERDIST_CONTENT_TAG *label,
		   struct operation *one)
{
	return PeerDistClientFlushContent(peerdist, (PEERDIST_CONTENT_TAG *)label, port(), KEY,
					  &one->overlapped);
}

static void flushes(PEERDIST_INSTANCE_HANDLE peerdist, const PEERDIST_CONTENT_TAG *label)
{
	struct operation *one = operation();

	COMPLETES_COUNT(ERROR_SUCCESS, 0, one, flush(peerdist, label, one));
}

/* A subject under that tag. */
static struct subject tagged(const PEERDIST_CONTENT_TAG *label)
{
	struct subject subject = {.peerdist = instance(), .data = content_new()};

	subject.info = information_of(subject.peerdist, subject.data, 0, 0, 1);
	subject.handle = content_ready_tagged(subject.peerdist, subject.info, label);
	return subject;
}

static void G13(void)
{
	PEERDIST_CONTENT_TAG *label = tag();
	struct subject subject = tagged(label);

	adds_right(&subject, 0, F_SIZE);
	READS(&subject, 0, F_SIZE);
	flushes(subject.peerdist, label);
	MISSES(&subject, 0, F_SIZE);
	/* The handle stays usable, the tag too. */
	adds_right(&subject, BLOCK(1), F_BLOCK);
	READS(&subject, BLOCK(1), F_BLOCK);
	EXPECT(ERROR_SUCCESS, PeerDistClientCloseContent(subject.peerdist, subject.handle));
	flushes(subject.peerdist, label);
	subject.handle = content_ready(subject.peerdist, subject.info);
	MISSES(&subject, 0, F_SIZE);
}

static void G14(void)
{
	struct subject subject = tagged(tag());

	adds_right(&subject, 0, F_SIZE);
	flushes(subject.peerdist, tag());
	READS(&subject, 0, F_SIZE);
}

static void G15(void)
{
	PEERDIST_CONTENT_TAG *first = tag(), *second = tag();
	struct subject one = tagged(first), other = one;

	other.handle = content_ready_tagged(one.peerdist, one.info, second);
	adds_right(&one, 0, F_SIZE);
	adds_right(&other, 0, F_SIZE);
	flushes(one.peerdist, first);
	READS(&one, 0, F_SIZE);
	READS(&other, 0, F_SIZE);
	flushes(one.peerdist, second);
	MISSES(&one, 0, F_SIZE);
	MISSES(&other, 0, F_SIZE);
}

static void G16(void)
{
	const ULONG_PTR given = 4242;
	PEERDIST_INSTANCE_HANDLE peerdist = instance();
	HANDLE own = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
	OVERLAPPED *overlapped = row_memory(sizeof *overlapped), *got = NULL;
	ULONG_PTR key = 0;
	DWORD count = 7;

	REQUIRE(ERROR_IO_PENDING,
		PeerDistClientFlushContent(peerdist, tag(), own, given, overlapped));
	EXPECT_NUMBER(TRUE, GetQueuedCompletionStatus(own, &count, &key, &got, PATIENCE));
	EXPECT_NUMBER(given, key);
	EXPECT_NUMBER(0, count);
	EXPECT_TRUE(got == overlapped, "%p", (void *)got);
	CloseHandle(own);
}

static void G17(void)
{
	PEERDIST_INSTANCE_HANDLE peerdist = instance();
	PEERDIST_CONTENT_TAG *label = tag();
	struct operation *one = operation();

	operation_at(one, 1);
	REFUSED(ERROR_INVALID_PARAMETER, one, flush(peerdist, label, one));
	operation_at(one, 1ull << 32);
	REFUSED(ERROR_INVALID_PARAMETER, one, flush(peerdist, label, one));
	operation_at(one, 0);
	REFUSED(ERROR_INVALID_PARAMETER, one, flush(peerdist, NULL, one));
	REFUSED(ERROR_INVALID_PARAMETER, NULL,
		PeerDistClientFlushContent(peerdist, label, port(), KEY, NULL));
	REFUSED(ERROR_INVALID_HANDLE, one, flush(UNKNOWN_HANDLE, label, one));
}

static void G18(void)
{
	PEERDIST_CONTENT_TAG *label = tag();
	struct subject subject = tagged(label);
	PEERDIST_INSTANCE_HANDLE other;
	PEERDIST_STATUS status;

	adds_right(&subject, 0, F_SIZE);
	become(OTHER_USER);
	other = instance();
	EXPECT(ERROR_SUCCESS, PeerDistGetStatus(other, &status));
	become(0);
	flushes(other, label);
	READS(&subject, 0, F_SIZE);
	flushes(subject.peerdist, label);
	MISSES(&subject, 0, F_SIZE);
}

static DWORD inform(const struct subject *subject, int class, DWORD size, void *into)
{
	return PeerDistClientGetInformationByHandle(subject->peerdist, subject->handle,
						    (PEERDIST_CLIENT_INFO_BY_HANDLE_CLASS) class,
						    size, into);
}

static void G19(void)
{
	struct subject subject = subject_new();
	struct {
		PEERDIST_CLIENT_BASIC_INFO info;
		BYTE behind[4];
	} answer = {{TRUE}, {1, 2, 3, 4}};

	EXPECT(ERROR_SUCCESS, inform(&subject, 0, 4, &answer));
	EXPECT_NUMBER(FALSE, answer.info.fFlashCrowd);
	/* Larger is fine. */
	answer.info.fFlashCrowd = TRUE;
	EXPECT(ERROR_SUCCESS, inform(&subject, 0, sizeof answer, &answer));
	EXPECT_NUMBER(FALSE, answer.info.fFlashCrowd);
	EXPECT_OCTETS("\1\2\3\4", 4, answer.behind, 4);
}

static void G20(void)
{
	struct subject subject = subject_new(), fresh = subject;
	PEERDIST_CLIENT_BASIC_INFO info = {4711};

	fresh.handle = content_open(subject.peerdist);
	EXPECT(ERROR_INVALID_PARAMETER, inform(&subject, 1, 4, &info));
	EXPECT(ERROR_INVALID_PARAMETER, inform(&subject, -1, 4, &info));
	EXPECT(ERROR_INSUFFICIENT_BUFFER, inform(&subject, 0, 3, &info));
	EXPECT(ERROR_INSUFFICIENT_BUFFER, inform(&subject, 0, 0, &info));
	EXPECT(ERROR_INVALID_PARAMETER, inform(&subject, 0, 4, NULL));
	EXPECT(ERROR_INSUFFICIENT_BUFFER, inform(&fresh, 0, 3, &info));
	EXPECT(PEERDIST_ERROR_NOT_INITIALIZED, inform(&fresh, 0, 4, &info));
	EXPECT_NUMBER(4711, info.fFlashCrowd);
}

static void G21(void)
{
	struct subject subject = subject_new();
	PEERDIST_CLIENT_BASIC_INFO info = {TRUE};

	octets_save("wanted.information", subject.info);
	EXPECT(ERROR_SUCCESS, inform(&subject, 0, sizeof info, &info));
	EXPECT_NUMBER(FALSE, info.fFlashCrowd);
	order("wanted lan2 wanted.information");
	EXPECT(ERROR_SUCCESS, inform(&subject, 0, sizeof info, &info));
	EXPECT_NUMBER(FALSE, info.fFlashCrowd);
	order("wanted lan3 wanted.information");
	EXPECT(ERROR_SUCCESS, inform(&subject, 0, sizeof info, &info));
	EXPECT_NUMBER(TRUE, info.fFlashCrowd);
}

static const struct row rows[] = {
	{ROW(G01)}, {ROW(G02)},      {ROW(G03)}, {ROW(G04)}, {ROW(G05)}, {ROW(G06)}, {ROW(G07)},
	{ROW(G08)}, {ROW(G09)},      {ROW(G10)}, {ROW(G11)}, {ROW(G12)}, {ROW(G13)}, {ROW(G14)},
	{ROW(G15)}, {ROW_ONCE(G16)}, {ROW(G17)}, {ROW(G18)}, {ROW(G19)}, {ROW(G20)}, {ROW(G21)},
};

int main(int argc, char **argv)
{
	return rows_main(rows, sizeof rows / sizeof *rows, argc, argv);
}
