/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Rows E: a consumer adds content information.
 */
#include <string.h>

#include "tests/api/consuming.h"

/* Places in content information of version 1.0. */
#define V1_MAJOR 1
#define V1_ALGORITHM 2
#define V1_SEGMENTS 14
#define LARGE (700u << 20) /* more than 300 KiB of content information */
#define LARGE_INFORMATION (300u << 10)

struct adding {
	PEERDIST_INSTANCE_HANDLE peerdist;
	PEERDIST_CONTENT_HANDLE handle;
	struct octets info;
};

/* An EMPTY C, and what might be added: of F. */
static struct adding adding(DWORD version)
{
	struct adding all = {.peerdist = instance()};

	all.info = information_of(all.peerdist, (struct octets){content(), F_SIZE}, 0, 0, version);
	all.handle = content_open(all.peerdist);
	return all;
}

static DWORD add(struct adding *all, const BYTE *data, size_t size, struct operation *one)
{
	return PeerDistClientAddContentInformation(all->peerdist, all->handle, (DWORD)size,
						   (PBYTE)data, &one->overlapped);
}

static DWORD complete(struct adding *all, struct operation *one)
{
	return PeerDistClientCompleteContentInformation(all->peerdist, all->handle,
							&one->overlapped);
}

static void adds(struct adding *all, const BYTE *data, size_t size)
{
	struct operation *one = operation();

	COMPLETES_COUNT(ERROR_SUCCESS, size, one, add(all, data, size, one));
}

static void completes(struct adding *all)
{
	struct operation *one = operation();

	COMPLETES_COUNT(ERROR_SUCCESS, 0, one, complete(all, one));
}

/* F can be added and read back. */
static void is_ready(struct adding *all)
{
	struct subject subject = {all->peerdist, all->handle, {content(), F_SIZE}, all->info};
	BYTE *buffer = row_memory(F_SIZE);

	content_add_data(all->peerdist, all->handle, 0, content(), F_SIZE);
	struct operation *read = block_read(&subject, 0, buffer, F_SIZE, 0);
	READ_GIVES(&subject, 0, F_SIZE, read, buffer);
}

static void E01(void)
{
	PEERDIST_INSTANCE_HANDLE peerdist = instance();
	PEERDIST_CONTENT_TAG zeros = {{0}};
	PEERDIST_CONTENT_HANDLE first = NULL, second = NULL;

	EXPECT(ERROR_SUCCESS, PeerDistClientOpenContent(peerdist, tag(), NULL, 0, &first));
	EXPECT(ERROR_SUCCESS, PeerDistClientOpenContent(peerdist, &zeros, NULL, 0, &second));
	EXPECT_TRUE(first != NULL && second != NULL && first != second, "handles");
}

static void E02(void)
{
	PEERDIST_INSTANCE_HANDLE peerdist = instance();
	PEERDIST_CONTENT_HANDLE handle = NULL;

	EXPECT(ERROR_INVALID_PARAMETER,
	       PeerDistClientOpenContent(peerdist, NULL, port(), KEY, &handle));
	EXPECT(ERROR_INVALID_PARAMETER,
	       PeerDistClientOpenContent(peerdist, tag(), port(), KEY, NULL));
	EXPECT(ERROR_INVALID_HANDLE,
	       PeerDistClientOpenContent(UNKNOWN_HANDLE, tag(), port(), KEY, &handle));
	EXPECT(ERROR_INVALID_HANDLE, PeerDistClientOpenContent(NULL, tag(), port(), KEY, &handle));
	EXPECT_TRUE(handle == NULL, "the handle was written");
}

static void E03(void)
{
	struct adding all = adding(1);

	adds(&all, all.info.data, all.info.size);
	completes(&all);
	is_ready(&all);
}

static void E04(void)
{
	struct adding all = adding(1);

	for (size_t i = 0; i < all.info.size; i++)
		adds(&all, all.info.data + i, 1);
	completes(&all);
	is_ready(&all);
}

static void E05(void)
{
	struct adding all = adding(1);
	struct operation *first = operation(), *second = operation();
	size_t half = all.info.size / 2;

	STARTS(first, add(&all, all.info.data, half, first));
	STARTS(second, add(&all, all.info.data + half, all.info.size - half, second));
	ENDS_COUNT(ERROR_SUCCESS, half, first);
	ENDS_COUNT(ERROR_SUCCESS, all.info.size - half, second);
	completes(&all);
	is_ready(&all);
}

static void E06(void)
{
	struct adding all = adding(1);
	struct operation *one = operation();

	operation_at(one, 1);
	REFUSED(ERROR_INVALID_PARAMETER, one, add(&all, all.info.data, 1, one));
	operation_at(one, 1ull << 32);
	REFUSED(ERROR_INVALID_PARAMETER, one, add(&all, all.info.data, 1, one));
	operation_at(one, 0);
	REFUSED(ERROR_INVALID_PARAMETER, one, add(&all, all.info.data, 0, one));
	REFUSED(ERROR_INVALID_PARAMETER, one, add(&all, NULL, 1, one));
	REFUSED(ERROR_INVALID_PARAMETER, NULL,
		PeerDistClientAddContentInformation(all.peerdist, all.handle, 1, all.info.data,
						    NULL));
	/* Nothing of that was taken. */
	adds(&all, all.info.data, all.info.size);
	completes(&all);
}

static void E07(void)
{
	struct adding all = adding(1), of_stream = all;
	struct operation *one = operation();

	of_stream.handle = stream_open(all.peerdist, identifier(), 0);
	REFUSED(ERROR_INVALID_HANDLE, one, add(&of_stream, all.info.data, 1, one));
	REFUSED(ERROR_INVALID_HANDLE, one, complete(&of_stream, one));
	EXPECT(ERROR_SUCCESS, PeerDistClientCloseContent(all.peerdist, all.handle));
	REFUSED(ERROR_INVALID_HANDLE, one, add(&all, all.info.data, 1, one));
	REFUSED(ERROR_INVALID_HANDLE, one, complete(&all, one));
}

/* Once it has failed with CODE, that is what everything gives but closing. */
static void stays_failed(struct adding *all, DWORD code)
{
	PEERDIST_CLIENT_BASIC_INFO info;
	struct operation *one = operation();
	BYTE buffer[1];

	REFUSED(code, one, add(all, all->info.data, 1, one));
	REFUSED(code, one, complete(all, one));
	REFUSED(code, one,
		PeerDistClientStreamRead(all->peerdist, all->handle, 1, buffer, 0,
					 &one->overlapped));
	REFUSED(code, one,
		PeerDistClientAddData(all->peerdist, all->handle, 1, buffer, &one->overlapped));
	EXPECT(code,
	       PeerDistClientGetInformationByHandle(all->peerdist, all->handle,
						    PeerDistClientBasicInfo, sizeof info, &info));
	EXPECT(ERROR_SUCCESS, PeerDistClientCloseContent(all->peerdist, all->handle));
}

static void E08(void)
{
	const DWORD code = PEERDIST_ERROR_CONTENTINFO_VERSION_UNSUPPORTED;
	struct adding all = adding(1);
	struct operation *one = operation();

	all.info.data[V1_MAJOR] = 3;
	COMPLETES_COUNT(code, 0, one, add(&all, all.info.data, all.info.size, one));
	stays_failed(&all, code);
	/* As soon as both octets are known. */
	struct adding slow = {all.peerdist, content_open(all.peerdist), all.info};
	adds(&slow, all.info.data, 1);
	COMPLETES_COUNT(code, 0, one, add(&slow, all.info.data + 1, 1, one));
	stays_failed(&slow, code);
}

/* 4051 from the add or from complete. */
static void is_refused(struct adding *all)
{
	const DWORD code = PEERDIST_ERROR_CANNOT_PARSE_CONTENTINFO;
	struct operation *one = operation();

	if (!STARTS(one, add(all, all->info.data, all->info.size, one)))
		return;
	DWORD got = operation_wait(one, PATIENCE);
	if (got == ERROR_SUCCESS)
		COMPLETES_COUNT(code, 0, one, complete(all, one));
	else
		EXPECT(code, got);
	stays_failed(all, code);
}

static void E09(void)
{
	struct adding algorithm = adding(1), counts = adding(1), none = adding(1);

	memset(algorithm.info.data + V1_ALGORITHM, 0xFF, 4);
	is_refused(&algorithm);
	memset(counts.info.data + V1_SEGMENTS, 0xFF, 4);
	is_refused(&counts);
	memset(none.info.data + V1_SEGMENTS, 0, 4);
	is_refused(&none);
}

static void E10(void)
{
	for (DWORD version = 1; version <= 2; version++) {
		struct adding all = adding(version);
		struct operation *one = operation();

		adds(&all, all.info.data, all.info.size - 1);
		COMPLETES_COUNT(PEERDIST_ERROR_CANNOT_PARSE_CONTENTINFO, 0, one,
				complete(&all, one));
		stays_failed(&all, PEERDIST_ERROR_CANNOT_PARSE_CONTENTINFO);
	}
}

static void E11(void)
{
	for (DWORD version = 1; version <= 2; version++) {
		struct adding all = adding(version);

		/* There is room for it. */
		all.info.data[all.info.size++] = 0;
		is_refused(&all);
	}
}

static void E12(void)
{
	struct adding all = adding(1);
	struct operation *one = operation();

	COMPLETES_COUNT(PEERDIST_ERROR_CANNOT_PARSE_CONTENTINFO, 0, one, complete(&all, one));
	stays_failed(&all, PEERDIST_ERROR_CANNOT_PARSE_CONTENTINFO);
}

static void E13(void)
{
	struct adding all = adding(1);
	struct operation *one = operation();

	adds(&all, all.info.data, all.info.size);
	completes(&all);
	REFUSED(PEERDIST_ERROR_ALREADY_COMPLETED, one, add(&all, all.info.data, 1, one));
	REFUSED(PEERDIST_ERROR_ALREADY_COMPLETED, one, complete(&all, one));
	is_ready(&all);
}

static void not_initialized(struct adding *all)
{
	const DWORD code = PEERDIST_ERROR_NOT_INITIALIZED;
	struct operation *one = operation();
	PEERDIST_CLIENT_BASIC_INFO info;
	BYTE buffer[16];

	REFUSED(code, one,
		PeerDistClientStreamRead(all->peerdist, all->handle, sizeof buffer, buffer, 0,
					 &one->overlapped));
	REFUSED(code, one,
		PeerDistClientBlockRead(all->peerdist, all->handle, sizeof buffer, buffer, 0,
					&one->overlapped));
	REFUSED(code, one,
		PeerDistClientAddData(all->peerdist, all->handle, sizeof buffer, buffer,
				      &one->overlapped));
	EXPECT(code,
	       PeerDistClientGetInformationByHandle(all->peerdist, all->handle,
						    PeerDistClientBasicInfo, sizeof info, &info));
}

static void E14(void)
{
	struct adding all = adding(1);

	not_initialized(&all);
	adds(&all, all.info.data, all.info.size);
	not_initialized(&all);
	completes(&all);
	is_ready(&all);
}

static void E15(void)
{
	struct adding all = adding(1);
	struct operation *last = operation(), *read = operation();
	BYTE *buffer = row_memory(16);

	adds(&all, all.info.data, all.info.size);
	STARTS(last, complete(&all, last));
	DWORD code =
		PeerDistClientBlockRead(all.peerdist, all.handle, 16, buffer, 0, &read->overlapped);
	if (code == PEERDIST_ERROR_NOT_INITIALIZED) {
		REFUSED(PEERDIST_ERROR_NOT_INITIALIZED, read, code);
	} else if (STARTS(read, code)) {
		/* Others have F in the cache, perhaps. */
		DWORD end = operation_wait(read, PATIENCE);
		EXPECT_TRUE(end == ERROR_SUCCESS || end == PEERDIST_ERROR_MISSING_DATA, "%s",
			    code_name(end));
	}
	ENDS_COUNT(ERROR_SUCCESS, 0, last);
	is_ready(&all);
}

static void E16(void)
{
	struct adding all = adding(2);

	EXPECT_NUMBER(2, all.info.data[V1_MAJOR]);
	adds(&all, all.info.data, all.info.size);
	completes(&all);
	is_ready(&all);
}

static void E17(void)
{
	static const char name[] = "large.information";
	PEERDIST_INSTANCE_HANDLE peerdist = instance();
	struct adding all = {.peerdist = peerdist, .handle = content_open(peerdist)};

	/* Zeros all over; to make it takes a while. */
	if (!octets_are_saved(name))
		octets_save(name,
			    information_of(peerdist, (struct octets){row_sparse(LARGE), LARGE}, 0,
					   0, 1));
	all.info = octets_load(name);
	EXPECT_TRUE(all.info.size >= LARGE_INFORMATION, "%zu octets", all.info.size);
	adds(&all, all.info.data, all.info.size);
	completes(&all);
	struct subject subject = {all.peerdist, all.handle, {NULL, 0}, all.info};
	struct operation *read = block_read(&subject, 1000, row_memory(16), 16, 0);
	DWORD code = operation_wait(read, PATIENCE);
	EXPECT(PEERDIST_ERROR_MISSING_DATA, code);
	EXPECT_NUMBER(LARGE - 1000, read->count);
}

static void E18(void)
{
	PEERDIST_INSTANCE_HANDLE peerdist = instance(), second = instance();
	PEERDIST_CONTENT_HANDLE handle = content_open(peerdist);

	EXPECT(ERROR_INVALID_HANDLE, PeerDistClientCloseContent(second, handle));
	EXPECT(ERROR_SUCCESS, PeerDistClientCloseContent(peerdist, handle));
	EXPECT(ERROR_INVALID_HANDLE, PeerDistClientCloseContent(peerdist, handle));
	EXPECT(ERROR_INVALID_HANDLE, PeerDistClientCloseContent(peerdist, NULL));
	EXPECT(ERROR_INVALID_HANDLE, PeerDistClientCloseContent(UNKNOWN_HANDLE, handle));
}

static void E19(void)
{
	for (int i = 0; i < 20; i++) {
		struct adding all = adding(1);
		struct operation *one = operation();

		STARTS(one, add(&all, all.info.data, all.info.size, one));
		EXPECT(ERROR_SUCCESS, PeerDistClientCloseContent(all.peerdist, all.handle));
		DWORD code = operation_wait(one, 0);
		EXPECT_TRUE(code == ERROR_SUCCESS || code == ERROR_OPERATION_ABORTED, "%s",
			    code_name(code));
	}
}

static const struct row rows[] = {
	{ROW_ONCE(E01)}, {ROW(E02)}, {ROW(E03)}, {ROW(E04)}, {ROW(E05)}, {ROW(E06)}, {ROW(E07)},
	{ROW(E08)},      {ROW(E09)}, {ROW(E10)}, {ROW(E11)}, {ROW(E12)}, {ROW(E13)}, {ROW(E14)},
	{ROW(E15)},      {ROW(E16)}, {ROW(E17)}, {ROW(E18)}, {ROW(E19)},
};

int main(int argc, char **argv)
{
	return rows_main(rows, sizeof rows / sizeof *rows, argc, argv);
}
