/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Rows C: publishing.
 */
#include <string.h>

#include "tests/api/harness.h"

#define UNKNOWN_HANDLE ((HANDLE)0x1234)
#define MIB (1u << 20)
#define LARGE (100u * MIB)
#define HUGE_SIZE 0xC0000000u
#define HUGE_PATIENCE (10 * PATIENCE) /* some seconds on a machine that does nothing else */

static DWORD publish_stream(PEERDIST_INSTANCE_HANDLE peerdist, BYTE *id, DWORD id_size,
			    const PEERDIST_PUBLICATION_OPTIONS *options,
			    PEERDIST_STREAM_HANDLE *stream)
{
	return PeerDistServerPublishStream(peerdist, id_size, id, 0,
					   (PEERDIST_PUBLICATION_OPTIONS *)options, port(), KEY,
					   stream);
}

static DWORD add(PEERDIST_INSTANCE_HANDLE peerdist, PEERDIST_STREAM_HANDLE stream, const BYTE *data,
		 size_t size, struct operation *operation)
{
	return PeerDistServerPublishAddToStream(peerdist, stream, (DWORD)size, (PBYTE)data,
						&operation->overlapped);
}

static DWORD complete(PEERDIST_INSTANCE_HANDLE peerdist, PEERDIST_STREAM_HANDLE stream,
		      struct operation *operation)
{
	return PeerDistServerPublishCompleteStream(peerdist, stream, &operation->overlapped);
}

static struct operation *pending_add(PEERDIST_INSTANCE_HANDLE peerdist,
				     PEERDIST_STREAM_HANDLE stream)
{
	struct operation *one = operation();

	if (!STARTS(one, add(peerdist, stream, row_sparse(PENDING_SIZE), PENDING_SIZE, one)))
		row_leave(NULL);
	return one;
}

static void C01(void)
{
	PEERDIST_INSTANCE_HANDLE peerdist = instance();
	struct operation *one = operation();
	BYTE *id = identifier();
	PEERDIST_STREAM_HANDLE stream = stream_open(peerdist, id, 0);

	COMPLETES_COUNT(ERROR_SUCCESS, F_SIZE, one, add(peerdist, stream, content(), F_SIZE, one));
	COMPLETES_COUNT(ERROR_SUCCESS, 0, one, complete(peerdist, stream, one));
	EXPECT(ERROR_SUCCESS, PeerDistServerCloseStreamHandle(peerdist, stream));
	EXPECT(ERROR_SUCCESS, information_opens(peerdist, id));
}

/* F in one piece, its content information of both versions. */
static struct octets whole(PEERDIST_INSTANCE_HANDLE peerdist, DWORD version)
{
	return information_of(peerdist, (struct octets){content(), F_SIZE}, 0, 0, version);
}

#define SAME_AS_WHOLE(peerdist, id)                                                                \
	do {                                                                                       \
		for (DWORD version = 1; version <= 2; version++) {                                 \
			struct octets in_one = whole(peerdist, version);                           \
			struct octets here = information(peerdist, id, 0, 0, version);             \
			EXPECT_OCTETS(in_one.data, in_one.size, here.data, here.size);             \
		}                                                                                  \
	} while (0)

static void C02(void)
{
	static const size_t pieces[] = {1, 7, 65536, F_SIZE - 1 - 7 - 65536};
	PEERDIST_INSTANCE_HANDLE peerdist = instance();
	BYTE *id = identifier();
	PEERDIST_STREAM_HANDLE stream = stream_open(peerdist, id, 0);
	size_t at = 0;

	for (size_t i = 0; i < sizeof pieces / sizeof *pieces; at += pieces[i++])
		stream_add(peerdist, stream, content() + at, pieces[i]);
	stream_complete(peerdist, stream);
	SAME_AS_WHOLE(peerdist, id);
}

static void C03(void)
{
	PEERDIST_INSTANCE_HANDLE peerdist = instance();
	BYTE *id = identifier();
	PEERDIST_STREAM_HANDLE stream = stream_open(peerdist, id, F_SIZE);

	stream_add(peerdist, stream, content(), F_SIZE);
	stream_complete(peerdist, stream);
	SAME_AS_WHOLE(peerdist, id);
}

static void C04(void)
{
	PEERDIST_INSTANCE_HANDLE peerdist = instance();
	BYTE *id = identifier();
	PEERDIST_STREAM_HANDLE stream = stream_open(peerdist, id, F_SIZE);
	struct operation *one = operation();

	stream_add(peerdist, stream, content(), F_SIZE - 1);
	COMPLETES_COUNT(ERROR_INVALID_PARAMETER, 0, one, complete(peerdist, stream, one));
	EXPECT(ERROR_NOT_FOUND, information_opens(peerdist, id));
}

static void C05(void)
{
	PEERDIST_INSTANCE_HANDLE peerdist = instance();
	PEERDIST_STREAM_HANDLE stream = stream_open(peerdist, identifier(), F_SIZE - 1);
	struct operation *one = operation();

	stream_add(peerdist, stream, content(), 100);
	COMPLETES_COUNT(PEERDIST_ERROR_OUT_OF_BOUNDS, 0, one,
			add(peerdist, stream, content() + 100, F_SIZE - 100, one));
	REFUSED(PEERDIST_ERROR_INVALIDATED, one, add(peerdist, stream, content(), 1, one));
	REFUSED(PEERDIST_ERROR_INVALIDATED, one, complete(peerdist, stream, one));
	EXPECT(ERROR_SUCCESS, PeerDistServerCloseStreamHandle(peerdist, stream));
}

static void C06(void)
{
	static const PEERDIST_PUBLICATION_OPTIONS options[] = {{1, 0}, {2, 0}};
	PEERDIST_INSTANCE_HANDLE peerdist = instance();

	for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
		PEERDIST_STREAM_HANDLE stream = NULL;

		REQUIRE(ERROR_SUCCESS,
			publish_stream(peerdist, identifier(), ID_SIZE, &options[i], &stream));
		stream_add(peerdist, stream, content(), F_SIZE);
		stream_complete(peerdist, stream);
	}
}

static void C07(void)
{
	static const PEERDIST_PUBLICATION_OPTIONS options[] = {{0, 0}, {3, 0}, {2, 1}};
	PEERDIST_INSTANCE_HANDLE peerdist = instance();
	PEERDIST_STREAM_HANDLE stream = NULL;

	for (size_t i = 0; i < sizeof options / sizeof *options; i++)
		EXPECT(ERROR_INVALID_PARAMETER,
		       publish_stream(peerdist, identifier(), ID_SIZE, &options[i], &stream));
	EXPECT_TRUE(stream == NULL, "the handle was written");
}

static void C08(void)
{
	PEERDIST_INSTANCE_HANDLE peerdist = instance();
	PEERDIST_STREAM_HANDLE stream = NULL;
	BYTE *id = row_memory(8193);

	memset(id, 'i', 8193);
	EXPECT(ERROR_INVALID_PARAMETER, publish_stream(peerdist, id, 0, NULL, &stream));
	EXPECT(ERROR_INVALID_PARAMETER, publish_stream(peerdist, NULL, ID_SIZE, NULL, &stream));
	EXPECT(ERROR_INVALID_PARAMETER, publish_stream(peerdist, id, 8193, NULL, &stream));
	EXPECT_TRUE(stream == NULL, "the handle was written");
	REQUIRE(ERROR_SUCCESS, publish_stream(peerdist, id, 8192, NULL, &stream));
	stream_add(peerdist, stream, content(), 1);
	stream_complete(peerdist, stream);
	EXPECT(ERROR_SUCCESS, PeerDistServerUnpublish(peerdist, 8192, id));
}

static void C09(void)
{
	PEERDIST_INSTANCE_HANDLE peerdist = instance();
	PEERDIST_STREAM_HANDLE stream = NULL;
	BYTE *id = identifier();

	EXPECT(ERROR_INVALID_PARAMETER, publish_stream(peerdist, id, ID_SIZE, NULL, NULL));
	EXPECT(ERROR_INVALID_HANDLE, publish_stream(UNKNOWN_HANDLE, id, ID_SIZE, NULL, &stream));
	EXPECT(ERROR_INVALID_HANDLE, publish_stream(NULL, id, ID_SIZE, NULL, &stream));
	/* Neither has taken the identifier. */
	stream_open(peerdist, id, 0);
}

static void C10(void)
{
	PEERDIST_INSTANCE_HANDLE peerdist = instance();
	PEERDIST_STREAM_HANDLE stream = NULL;
	BYTE *id = identifier();

	publish_f(peerdist, id);
	EXPECT(PEERDIST_ERROR_ALREADY_EXISTS, publish_stream(peerdist, id, ID_SIZE, NULL, &stream));
	EXPECT(ERROR_SUCCESS, information_opens(peerdist, id));
}

static void C11(void)
{
	PEERDIST_INSTANCE_HANDLE peerdist = instance(), second = instance();
	PEERDIST_STREAM_HANDLE stream = NULL;
	BYTE *id = identifier();

	stream_open(peerdist, id, 0);
	EXPECT(PEERDIST_ERROR_ALREADY_EXISTS, publish_stream(peerdist, id, ID_SIZE, NULL, &stream));
	EXPECT(PEERDIST_ERROR_ALREADY_EXISTS, publish_stream(second, id, ID_SIZE, NULL, &stream));
}

static void C12(void)
{
	PEERDIST_INSTANCE_HANDLE peerdist = instance();
	PEERDIST_STREAM_HANDLE stream = stream_open(peerdist, identifier(), 0);
	struct operation *one = operation();

	operation_at(one, 1);
	REFUSED(ERROR_INVALID_PARAMETER, one, add(peerdist, stream, content(), 1, one));
	operation_at(one, 1ull << 32);
	REFUSED(ERROR_INVALID_PARAMETER, one, add(peerdist, stream, content(), 1, one));
	operation_at(one, 0);
	COMPLETES_COUNT(ERROR_SUCCESS, 1, one, add(peerdist, stream, content(), 1, one));
}

static void C13(void)
{
	PEERDIST_INSTANCE_HANDLE peerdist = instance();
	PEERDIST_STREAM_HANDLE stream = stream_open(peerdist, identifier(), 0);
	struct operation *one = operation();

	REFUSED(ERROR_INVALID_PARAMETER, one, add(peerdist, stream, content(), 0, one));
	REFUSED(ERROR_INVALID_PARAMETER, one, add(peerdist, stream, NULL, 1, one));
	REFUSED(ERROR_INVALID_PARAMETER, NULL,
		PeerDistServerPublishAddToStream(peerdist, stream, 1, content(), NULL));
}

static void C14(void)
{
	PEERDIST_INSTANCE_HANDLE peerdist = instance(), second = instance();
	PEERDIST_CONTENT_HANDLE handle = content_open(peerdist);
	PEERDIST_STREAM_HANDLE closed = stream_open(peerdist, identifier(), 0);
	PEERDIST_STREAM_HANDLE other = stream_open(second, identifier(), 0);
	struct operation *one = operation();

	EXPECT(ERROR_SUCCESS, PeerDistServerCloseStreamHandle(peerdist, closed));
	REFUSED(ERROR_INVALID_HANDLE, one, add(peerdist, handle, content(), 1, one));
	REFUSED(ERROR_INVALID_HANDLE, one, add(peerdist, closed, content(), 1, one));
	REFUSED(ERROR_INVALID_HANDLE, one, add(peerdist, other, content(), 1, one));
	REFUSED(ERROR_INVALID_HANDLE, one, complete(peerdist, other, one));
}

static void C15(void)
{
	PEERDIST_INSTANCE_HANDLE peerdist = instance();
	BYTE *id = identifier();
	PEERDIST_STREAM_HANDLE stream = stream_open(peerdist, id, 0);
	struct operation *first = operation(), *second = operation();

	STARTS(first, add(peerdist, stream, content(), 150000, first));
	STARTS(second, add(peerdist, stream, content() + 150000, F_SIZE - 150000, second));
	ENDS_COUNT(ERROR_SUCCESS, 150000, first);
	ENDS_COUNT(ERROR_SUCCESS, F_SIZE - 150000, second);
	stream_complete(peerdist, stream);
	SAME_AS_WHOLE(peerdist, id);
}

static void C16(void)
{
	PEERDIST_INSTANCE_HANDLE peerdist = instance();
	PEERDIST_STREAM_HANDLE stream = stream_open(peerdist, identifier(), 0);
	struct operation *one = operation();

	stream_add(peerdist, stream, content(), F_SIZE);
	stream_complete(peerdist, stream);
	REFUSED(PEERDIST_ERROR_ALREADY_COMPLETED, one, add(peerdist, stream, content(), 1, one));
	REFUSED(PEERDIST_ERROR_ALREADY_COMPLETED, one, complete(peerdist, stream, one));
}

static void C17(void)
{
	PEERDIST_INSTANCE_HANDLE peerdist = instance();
	PEERDIST_STREAM_HANDLE stream = stream_open(peerdist, identifier(), 0);
	struct operation *one = operation();

	COMPLETES_COUNT(ERROR_INVALID_PARAMETER, 0, one, complete(peerdist, stream, one));
}

static void C18(void)
{
	PEERDIST_INSTANCE_HANDLE peerdist = instance();
	PEERDIST_STREAM_HANDLE stream = stream_open(peerdist, identifier(), 0);
	struct operation *one = operation();

	stream_add(peerdist, stream, content(), F_SIZE);
	operation_at(one, 4);
	REFUSED(ERROR_INVALID_PARAMETER, one, complete(peerdist, stream, one));
	operation_at(one, 0);
	COMPLETES_COUNT(ERROR_SUCCESS, 0, one, complete(peerdist, stream, one));
}

static void C19(void)
{
	PEERDIST_INSTANCE_HANDLE peerdist = instance();
	BYTE *id = identifier();
	PEERDIST_STREAM_HANDLE stream = stream_open(peerdist, id, 0);
	struct operation *adds[20], *last = operation();

	for (size_t i = 0; i < 20; i++) {
		adds[i] = operation();
		STARTS(adds[i], add(peerdist, stream, content() + i * 10000, 10000, adds[i]));
	}
	STARTS(last, complete(peerdist, stream, last));
	ENDS_COUNT(ERROR_SUCCESS, 0, last);
	/* So they were before it. */
	for (size_t i = 0; i < 20; i++)
		ENDED(ERROR_SUCCESS, adds[i]);
	SAME_AS_WHOLE(peerdist, id);
}

static void C20(void)
{
	PEERDIST_INSTANCE_HANDLE peerdist = instance();
	BYTE *id = identifier();
	PEERDIST_STREAM_HANDLE stream = stream_open(peerdist, id, 0);

	stream_add(peerdist, stream, content(), 1000);
	EXPECT(ERROR_SUCCESS, PeerDistServerCloseStreamHandle(peerdist, stream));
	EXPECT(ERROR_NOT_FOUND, information_opens(peerdist, id));
	publish_f(peerdist, id);
	SAME_AS_WHOLE(peerdist, id);
}

static void C21(void)
{
	PEERDIST_INSTANCE_HANDLE peerdist = instance();
	PEERDIST_STREAM_HANDLE stream = stream_open(peerdist, identifier(), 0);
	struct operation *one = pending_add(peerdist, stream);

	EXPECT(ERROR_SUCCESS, PeerDistServerCloseStreamHandle(peerdist, stream));
	ENDED(ERROR_OPERATION_ABORTED, one);
}

static void C22(void)
{
	PEERDIST_INSTANCE_HANDLE peerdist = instance();
	BYTE *id = identifier();
	PEERDIST_STREAM_HANDLE stream = stream_open(peerdist, id, 0);

	stream_add(peerdist, stream, content(), F_SIZE);
	stream_complete(peerdist, stream);
	EXPECT(ERROR_SUCCESS, PeerDistServerCloseStreamHandle(peerdist, stream));
	EXPECT(ERROR_SUCCESS, information_opens(peerdist, id));
}

static void C23(void)
{
	PEERDIST_INSTANCE_HANDLE peerdist = instance();
	PEERDIST_STREAM_HANDLE stream = stream_open(peerdist, identifier(), 0);

	EXPECT(ERROR_SUCCESS, PeerDistServerCloseStreamHandle(peerdist, stream));
	EXPECT(ERROR_INVALID_HANDLE, PeerDistServerCloseStreamHandle(peerdist, stream));
	EXPECT(ERROR_INVALID_HANDLE, PeerDistServerCloseStreamHandle(peerdist, UNKNOWN_HANDLE));
	EXPECT(ERROR_INVALID_HANDLE, PeerDistServerCloseStreamHandle(peerdist, NULL));
}

static void C24(void)
{
	PEERDIST_INSTANCE_HANDLE peerdist = instance();
	BYTE *id = identifier();

	publish_f(peerdist, id);
	EXPECT(ERROR_SUCCESS, PeerDistServerUnpublish(peerdist, ID_SIZE, id));
	EXPECT(ERROR_NOT_FOUND, information_opens(peerdist, id));
	publish_f(peerdist, id);
}

static void C25(void)
{
	EXPECT(ERROR_NOT_FOUND, PeerDistServerUnpublish(instance(), ID_SIZE, identifier()));
}

static void C26(void)
{
	PEERDIST_INSTANCE_HANDLE peerdist = instance();

	EXPECT(ERROR_INVALID_PARAMETER, PeerDistServerUnpublish(peerdist, 0, identifier()));
	EXPECT(ERROR_INVALID_PARAMETER, PeerDistServerUnpublish(peerdist, ID_SIZE, NULL));
}

static void C27(void)
{
	PEERDIST_INSTANCE_HANDLE peerdist = instance();
	BYTE *id = identifier(), octet;
	struct operation *one = operation();

	publish_f(peerdist, id);
	PEERDIST_CONTENTINFO_HANDLE handle = information_open(peerdist, id, 0, 0, 0);
	EXPECT(ERROR_SUCCESS, PeerDistServerUnpublish(peerdist, ID_SIZE, id));
	REFUSED(PEERDIST_ERROR_INVALIDATED, one,
		PeerDistServerRetrieveContentInformation(peerdist, handle, 1, &octet,
							 &one->overlapped));
	EXPECT(ERROR_SUCCESS, PeerDistServerCloseContentInformation(peerdist, handle));
}

static void C28(void)
{
	PEERDIST_INSTANCE_HANDLE peerdist = instance();
	BYTE *id = identifier();
	PEERDIST_STREAM_HANDLE stream = stream_open(peerdist, id, 0);
	struct operation *one = pending_add(peerdist, stream), *next = operation();

	EXPECT(ERROR_SUCCESS, PeerDistServerUnpublish(peerdist, ID_SIZE, id));
	ENDED(ERROR_OPERATION_ABORTED, one);
	REFUSED(PEERDIST_ERROR_INVALIDATED, next, add(peerdist, stream, content(), 1, next));
	REFUSED(PEERDIST_ERROR_INVALIDATED, next, complete(peerdist, stream, next));
	EXPECT(ERROR_SUCCESS, PeerDistServerCloseStreamHandle(peerdist, stream));
}

static void C29(void)
{
	PEERDIST_INSTANCE_HANDLE peerdist = instance(), second = instance();
	BYTE *id = identifier(), octet;
	struct operation *one = operation();

	publish_f(peerdist, id);
	PEERDIST_CONTENTINFO_HANDLE handle = information_open(peerdist, id, 0, 0, 0);
	EXPECT(ERROR_SUCCESS, PeerDistServerUnpublish(second, ID_SIZE, id));
	REFUSED(PEERDIST_ERROR_INVALIDATED, one,
		PeerDistServerRetrieveContentInformation(peerdist, handle, 1, &octet,
							 &one->overlapped));
	EXPECT(ERROR_NOT_FOUND, information_opens(peerdist, id));
}

/* Content information of 100 MiB from DATA on, in pieces of 1 MiB, some at a time. */
static struct octets large(PEERDIST_INSTANCE_HANDLE peerdist, const BYTE *data)
{
	BYTE *id = identifier();
	PEERDIST_STREAM_HANDLE stream = stream_open(peerdist, id, LARGE);
	struct operation *adds[4] = {operation(), operation(), operation(), operation()};

	for (size_t i = 0; i < LARGE / MIB; i++) {
		struct operation *one = adds[i % 4];

		if (i >= 4)
			ENDS_COUNT(ERROR_SUCCESS, MIB, one);
		STARTS(one, add(peerdist, stream, data + i * MIB, MIB, one));
	}
	for (size_t i = 0; i < 4; i++)
		ENDS_COUNT(ERROR_SUCCESS, MIB, adds[i]);
	stream_complete(peerdist, stream);
	return information(peerdist, id, 0, 0, 1);
}

/* The one with events, the other with a port. */
static void C30(void)
{
	PEERDIST_INSTANCE_HANDLE peerdist = instance();
	struct octets data = content_of(30, LARGE + 4096 + 13);
	BYTE *aligned = data.data + 4096 - (uintptr_t)data.data % 4096;

	struct octets expected = large(peerdist, aligned);
	memmove(aligned + 13, aligned, LARGE);
	mechanism = BY_PORT;
	struct octets got = large(peerdist, aligned + 13);
	EXPECT_OCTETS(expected.data, expected.size, got.data, got.size);
}

static void C31(void)
{
	PEERDIST_INSTANCE_HANDLE peerdist = instance();
	struct operation *one = operation();
	PEERDIST_STREAM_HANDLE stream = stream_open(peerdist, identifier(), HUGE_SIZE);

	STARTS(one, add(peerdist, stream, row_sparse(HUGE_SIZE), HUGE_SIZE, one));
	EXPECT(ERROR_SUCCESS, operation_wait(one, HUGE_PATIENCE));
	EXPECT_NUMBER(HUGE_SIZE, one->count);
	stream_complete(peerdist, stream);
}

/* C31 takes seconds: with events alone. */
static const struct row rows[] = {
	{ROW(C01)},      {ROW(C02)},      {ROW(C03)},      {ROW(C04)},      {ROW(C05)},
	{ROW(C06)},      {ROW_ONCE(C07)}, {ROW(C08)},      {ROW_ONCE(C09)}, {ROW(C10)},
	{ROW_ONCE(C11)}, {ROW(C12)},      {ROW(C13)},      {ROW(C14)},      {ROW(C15)},
	{ROW(C16)},      {ROW(C17)},      {ROW(C18)},      {ROW(C19)},      {ROW(C20)},
	{ROW(C21)},      {ROW(C22)},      {ROW_ONCE(C23)}, {ROW(C24)},      {ROW_ONCE(C25)},
	{ROW_ONCE(C26)}, {ROW(C27)},      {ROW(C28)},      {ROW(C29)},      {ROW_ONCE(C30)},
	{ROW_ONCE(C31)},
};

int main(int argc, char **argv)
{
	return rows_main(rows, sizeof rows / sizeof *rows, argc, argv);
}
