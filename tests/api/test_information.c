/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Rows D: retrieving content information.
 */
#include <string.h>

#include "tests/api/harness.h"

#define UNKNOWN_HANDLE ((HANDLE)0x1234)
/* Layout of version 1.0, content-information.md: little-endian. */
#define V1_VERSION 0
#define V1_ALGORITHM 2
#define V1_FIRST 6 /* octet of the first segment at which the range begins */
#define V1_LAST 10 /* octets of the last segment in the range */
#define V1_SEGMENTS 14
#define V1_HEAD 18
#define V1_SEGMENT_SIZE 8 /* in a segment's description: offset 8, size 4, block size 4, hashes */
#define V1_BLOCK_SIZE 12
#define V1_SEGMENT (8u + 4 + 4 + 32 + 32)
#define SHA256 0x800Cu

static uint32_t word(const BYTE *at)
{
	return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* F published, by an instance of the row. */
static PEERDIST_INSTANCE_HANDLE published(BYTE **id)
{
	PEERDIST_INSTANCE_HANDLE peerdist = instance();

	*id = identifier();
	publish_f(peerdist, *id);
	return peerdist;
}

static DWORD retrieve(PEERDIST_INSTANCE_HANDLE peerdist, PEERDIST_CONTENTINFO_HANDLE handle,
		      BYTE *data, size_t size, struct operation *operation)
{
	return PeerDistServerRetrieveContentInformation(peerdist, handle, (DWORD)size, data,
							&operation->overlapped);
}

static DWORD open_range(PEERDIST_INSTANCE_HANDLE peerdist, BYTE *id, uint64_t offset,
			uint64_t length)
{
	PEERDIST_CONTENTINFO_HANDLE handle = NULL;
	DWORD code = PeerDistServerOpenContentInformation(peerdist, ID_SIZE, id, offset, length,
							  port(), KEY, &handle);

	EXPECT_TRUE((code == 0) == (handle != NULL), "handle %p", handle);
	return code;
}

/* One segment, F, of which the range is [OFFSET, OFFSET + LENGTH); BLOCKS are listed, those before
 * the range too. */
static void is_version_1(struct octets info, uint32_t offset, uint32_t length, uint32_t blocks)
{
	REQUIRE_TRUE(info.size >= V1_HEAD + V1_SEGMENT + 4, "%zu octets", info.size);
	uint32_t size = word(info.data + V1_HEAD + V1_SEGMENT_SIZE);
	uint32_t start = word(info.data + V1_HEAD) + word(info.data + V1_FIRST);
	uint32_t last = word(info.data + V1_LAST);

	EXPECT_NUMBER(0x0100, word(info.data) & 0xFFFF);
	EXPECT_NUMBER(SHA256, word(info.data + V1_ALGORITHM));
	EXPECT_NUMBER(1, word(info.data + V1_SEGMENTS));
	EXPECT_NUMBER(F_SIZE, size);
	EXPECT_NUMBER(F_BLOCK, word(info.data + V1_HEAD + V1_BLOCK_SIZE));
	EXPECT_NUMBER(offset, start);
	EXPECT_NUMBER(offset + length, last == 0 || last == size ? size : start + last);
	EXPECT_NUMBER(blocks, word(info.data + V1_HEAD + V1_SEGMENT));
	EXPECT_NUMBER(V1_HEAD + V1_SEGMENT + 4 + 32 * blocks, info.size);
}

static bool is_of_version(struct octets info, DWORD version)
{
	REQUIRE_TRUE(info.size > 2, "%zu octets", info.size);
	return EXPECT_NUMBER(version << 8, word(info.data) & 0xFFFF);
}

static void D01(void)
{
	BYTE *id, data[4096];
	PEERDIST_INSTANCE_HANDLE peerdist = published(&id);
	PEERDIST_CONTENTINFO_HANDLE handle = information_open(peerdist, id, 0, 0, 0);
	struct operation *one = operation();

	is_version_1(information_rest(peerdist, handle, 4096), 0, F_SIZE, 4);
	COMPLETES_COUNT(PEERDIST_ERROR_NO_MORE, 0, one,
			retrieve(peerdist, handle, data, sizeof data, one));
	EXPECT(ERROR_SUCCESS, PeerDistServerCloseContentInformation(peerdist, handle));
}

static void D02(void)
{
	BYTE *id;
	PEERDIST_INSTANCE_HANDLE peerdist = published(&id);
	struct octets expected = information(peerdist, id, 0, 0, 0);
	PEERDIST_CONTENTINFO_HANDLE handle = information_open(peerdist, id, 0, 0, 0);

	/* It looks at offsets and counts. */
	struct octets got = information_rest(peerdist, handle, 1);
	EXPECT_OCTETS(expected.data, expected.size, got.data, got.size);
}

static void D03(void)
{
	BYTE *id, octet;
	PEERDIST_INSTANCE_HANDLE peerdist = published(&id);
	PEERDIST_CONTENTINFO_HANDLE handle = information_open(peerdist, id, 0, 0, 0);
	struct operation *one = operation();

	information_rest(peerdist, handle, 4096);
	for (int i = 0; i < 3; i++)
		COMPLETES_COUNT(PEERDIST_ERROR_NO_MORE, 0, one,
				retrieve(peerdist, handle, &octet, 1, one));
}

static void D04(void)
{
	BYTE *id, data[100];
	PEERDIST_INSTANCE_HANDLE peerdist = published(&id);
	PEERDIST_CONTENTINFO_HANDLE handle = information_open(peerdist, id, 0, 0, 0);
	struct operation *one = operation();

	COMPLETES_COUNT(ERROR_SUCCESS, 100, one, retrieve(peerdist, handle, data, 100, one));
	EXPECT_NUMBER(0, one->offset);
	/* Whatever stands there. */
	operation_at(one, 0x123456789);
	COMPLETES_COUNT(ERROR_SUCCESS, 50, one, retrieve(peerdist, handle, data, 50, one));
	EXPECT_NUMBER(100, one->offset);
	COMPLETES_COUNT(ERROR_SUCCESS, 50, one, retrieve(peerdist, handle, data, 50, one));
	EXPECT_NUMBER(150, one->offset);
}

static void D05(void)
{
	BYTE *id, octet;
	PEERDIST_INSTANCE_HANDLE peerdist = published(&id);
	PEERDIST_CONTENTINFO_HANDLE handle = information_open(peerdist, id, 0, 0, 0);
	struct operation *one = operation();

	REFUSED(ERROR_INVALID_PARAMETER, one, retrieve(peerdist, handle, &octet, 0, one));
	REFUSED(ERROR_INVALID_PARAMETER, one, retrieve(peerdist, handle, NULL, 1, one));
	REFUSED(ERROR_INVALID_PARAMETER, NULL,
		PeerDistServerRetrieveContentInformation(peerdist, handle, 1, &octet, NULL));
}

static void D06(void)
{
	EXPECT(ERROR_NOT_FOUND, open_range(instance(), identifier(), 0, 0));
}

static void D07(void)
{
	PEERDIST_INSTANCE_HANDLE peerdist = instance();
	BYTE *id = identifier();
	PEERDIST_STREAM_HANDLE stream = stream_open(peerdist, id, 0);

	EXPECT(ERROR_NOT_FOUND, open_range(peerdist, id, 0, 0));
	stream_add(peerdist, stream, content(), F_SIZE);
	EXPECT(ERROR_NOT_FOUND, open_range(peerdist, id, 0, 0));
}

/* Reads all that there is, in order; it must be F from OFFSET on. */
static void reads_exactly(PEERDIST_INSTANCE_HANDLE peerdist, PEERDIST_CONTENT_HANDLE handle,
			  struct octets data, uint64_t offset, size_t length)
{
	struct octets got = {row_memory(length + F_BLOCK), 0};
	struct operation *read = operation();
	DWORD code = ERROR_SUCCESS;

	while (code == ERROR_SUCCESS && got.size <= length) {
		if (!STARTS(read,
			    PeerDistClientStreamRead(peerdist, handle, F_BLOCK, got.data + got.size,
						     0, &read->overlapped)))
			row_leave(NULL);
		code = operation_wait(read, PATIENCE);
		if (code == ERROR_SUCCESS) {
			EXPECT_NUMBER(offset + got.size, read->offset);
			got.size += read->count;
		}
	}
	EXPECT(PEERDIST_ERROR_NO_MORE, code);
	EXPECT_OCTETS(data.data + offset, length, got.data, got.size);
}

static void D08(void)
{
	PEERDIST_INSTANCE_HANDLE peerdist = instance();
	struct octets data = content_new();
	struct octets info = information_of(peerdist, data, F_BLOCK, F_BLOCK, 0);
	PEERDIST_CONTENT_HANDLE handle = content_ready(peerdist, info);

	is_version_1(info, F_BLOCK, F_BLOCK, 2);
	content_add_data(peerdist, handle, F_BLOCK, data.data + F_BLOCK, F_BLOCK);
	reads_exactly(peerdist, handle, data, F_BLOCK, F_BLOCK);
}

static void D09(void)
{
	BYTE *id;
	PEERDIST_INSTANCE_HANDLE peerdist = published(&id);

	EXPECT(ERROR_INVALID_PARAMETER, open_range(peerdist, id, 100, 0));
}

static void D10(void)
{
	BYTE *id;
	PEERDIST_INSTANCE_HANDLE peerdist = published(&id);

	EXPECT(PEERDIST_ERROR_OUT_OF_BOUNDS, open_range(peerdist, id, F_SIZE, 1));
	EXPECT(PEERDIST_ERROR_OUT_OF_BOUNDS, open_range(peerdist, id, 300000, 5));
}

static void D11(void)
{
	PEERDIST_INSTANCE_HANDLE peerdist = instance();
	struct octets data = content_new();
	struct octets info = information_of(peerdist, data, 199990, 1000, 0);
	PEERDIST_CONTENT_HANDLE handle = content_ready(peerdist, info);

	is_version_1(info, 199990, 10, 4);
	content_add_data(peerdist, handle, 3 * F_BLOCK, data.data + 3 * F_BLOCK,
			 F_SIZE - 3 * F_BLOCK);
	reads_exactly(peerdist, handle, data, 199990, 10);
}

static void D12(void)
{
	BYTE *id;
	PEERDIST_INSTANCE_HANDLE peerdist = published(&id);

	EXPECT(ERROR_INVALID_PARAMETER, open_range(peerdist, id, UINT64_MAX, 2));
}

static void D13(void)
{
	BYTE *id;
	PEERDIST_INSTANCE_HANDLE peerdist = published(&id);
	struct octets whole = information(peerdist, id, 0, 0, 0);
	struct octets range = information(peerdist, id, 0, F_SIZE, 0);

	EXPECT_OCTETS(whole.data, whole.size, range.data, range.size);
}

static DWORD open_options(PEERDIST_INSTANCE_HANDLE peerdist, BYTE *id,
			  const PEERDIST_RETRIEVAL_OPTIONS *options,
			  PEERDIST_CONTENTINFO_HANDLE *handle)
{
	return PeerDistServerOpenContentInformationEx(peerdist, ID_SIZE, id, 0, 0,
						      (PEERDIST_RETRIEVAL_OPTIONS *)options, port(),
						      KEY, handle);
}

static void gives_version(PEERDIST_RETRIEVAL_OPTIONS options, DWORD version)
{
	BYTE *id;
	PEERDIST_INSTANCE_HANDLE peerdist = published(&id);
	PEERDIST_CONTENTINFO_HANDLE handle = NULL;

	REQUIRE(ERROR_SUCCESS, open_options(peerdist, id, &options, &handle));
	is_of_version(information_rest(peerdist, handle, 4096), version);
}

static void D14(void)
{
	gives_version((PEERDIST_RETRIEVAL_OPTIONS){16, 1, 1, 0}, 1);
}

static void D15(void)
{
	gives_version((PEERDIST_RETRIEVAL_OPTIONS){16, 2, 2, 0}, 2);
	gives_version((PEERDIST_RETRIEVAL_OPTIONS){16, 1, 2, 0}, 2);
}

static void D16(void)
{
	static const PEERDIST_RETRIEVAL_OPTIONS options[] = {
		{12, 1, 2, 0}, {16, 2, 1, 0}, {16, 0, 1, 0}, {16, 1, 3, 0}, {16, 1, 2, 9},
	};
	BYTE *id;
	PEERDIST_INSTANCE_HANDLE peerdist = published(&id);
	PEERDIST_CONTENTINFO_HANDLE handle = NULL;

	for (size_t i = 0; i < sizeof options / sizeof *options; i++)
		if (!EXPECT(ERROR_INVALID_PARAMETER,
			    open_options(peerdist, id, &options[i], &handle)))
			WRONG("options %zu", i);
	EXPECT(ERROR_INVALID_PARAMETER, open_options(peerdist, id, NULL, &handle));
	EXPECT_TRUE(handle == NULL, "the handle was written");
}

static void D17(void)
{
	static const PEERDIST_RETRIEVAL_OPTIONS second = {16, 2, 2, 0};
	BYTE *id;
	PEERDIST_INSTANCE_HANDLE peerdist = published(&id);
	PEERDIST_CONTENTINFO_HANDLE handle = NULL;

	admin("versions 1 1");
	EXPECT(PEERDIST_ERROR_CONTENTINFO_VERSION_UNSUPPORTED,
	       open_options(peerdist, id, &second, &handle));
	gives_version((PEERDIST_RETRIEVAL_OPTIONS){16, 1, 2, 0}, 1);
}

static void D18(void)
{
	BYTE *before, *after;
	PEERDIST_INSTANCE_HANDLE first = published(&before);

	admin("versions 2 2");
	PEERDIST_INSTANCE_HANDLE second = published(&after);
	is_of_version(information(first, before, 0, 0, 0), 2);
	is_of_version(information(second, after, 0, 0, 0), 2);
}

static void D19(void)
{
	BYTE *id;
	PEERDIST_INSTANCE_HANDLE peerdist = published(&id);

	is_of_version(information(peerdist, id, 0, 0, 0), 1);
}

static void D20(void)
{
	BYTE *id, *data[2];
	PEERDIST_INSTANCE_HANDLE peerdist = published(&id);
	struct octets expected = information(peerdist, id, 0, 0, 0);
	PEERDIST_CONTENTINFO_HANDLE handles[2];
	struct operation *one = operation();

	for (int k = 0; k < 2; k++) {
		handles[k] = information_open(peerdist, id, 0, 0, 0);
		data[k] = row_memory(expected.size);
	}
	/* Pieces of different sizes. */
	for (size_t i = 0; i < 5; i++)
		for (size_t k = 0; k < 2; k++) {
			size_t size = 20 + 10 * k;

			COMPLETES_COUNT(
				ERROR_SUCCESS, size, one,
				retrieve(peerdist, handles[k], data[k] + i * size, size, one));
			EXPECT_NUMBER(i * size, one->offset);
		}
	EXPECT_OCTETS(expected.data, 100, data[0], 100);
	EXPECT_OCTETS(expected.data, 150, data[1], 150);
}

static void D21(void)
{
	BYTE *id, octet;
	PEERDIST_INSTANCE_HANDLE peerdist = published(&id), second = instance();
	PEERDIST_CONTENTINFO_HANDLE handle = information_open(peerdist, id, 0, 0, 0);
	struct operation *one = operation();

	REFUSED(ERROR_INVALID_HANDLE, one, retrieve(second, handle, &octet, 1, one));
	REFUSED(ERROR_INVALID_HANDLE, one,
		retrieve(peerdist, content_open(peerdist), &octet, 1, one));
	EXPECT(ERROR_INVALID_HANDLE, PeerDistServerCloseContentInformation(second, handle));
}

static void D22(void)
{
	BYTE *id, data[4096];
	PEERDIST_INSTANCE_HANDLE peerdist = published(&id);

	/* Which of the two comes first is open. */
	for (int i = 0; i < 50; i++) {
		PEERDIST_CONTENTINFO_HANDLE handle = information_open(peerdist, id, 0, 0, 0);
		struct operation *one = operation();

		STARTS(one, retrieve(peerdist, handle, data, sizeof data, one));
		EXPECT(ERROR_SUCCESS, PeerDistServerCloseContentInformation(peerdist, handle));
		DWORD code = operation_wait(one, 0);
		EXPECT_TRUE(code == ERROR_OPERATION_ABORTED ||
				    (code == ERROR_SUCCESS && one->count > 0),
			    "%s", code_name(code));
	}
}

static void D23(void)
{
	BYTE *id;
	PEERDIST_INSTANCE_HANDLE peerdist = published(&id);
	PEERDIST_CONTENTINFO_HANDLE handle = information_open(peerdist, id, 0, 0, 0);

	EXPECT(ERROR_SUCCESS, PeerDistServerCloseContentInformation(peerdist, handle));
	EXPECT(ERROR_INVALID_HANDLE, PeerDistServerCloseContentInformation(peerdist, handle));
	EXPECT(ERROR_INVALID_HANDLE,
	       PeerDistServerCloseContentInformation(peerdist, UNKNOWN_HANDLE));
}

static void D24(void)
{
	BYTE *id, data[3][64];
	PEERDIST_INSTANCE_HANDLE peerdist = published(&id);
	struct octets expected = information(peerdist, id, 0, 0, 0);
	PEERDIST_CONTENTINFO_HANDLE handle = information_open(peerdist, id, 0, 0, 0);
	struct operation *ones[3];

	for (int i = 0; i < 3; i++) {
		ones[i] = operation();
		STARTS(ones[i], retrieve(peerdist, handle, data[i], 64, ones[i]));
	}
	for (size_t i = 0; i < 3; i++) {
		ENDS_COUNT(ERROR_SUCCESS, 64, ones[i]);
		EXPECT_NUMBER(64 * i, ones[i]->offset);
		EXPECT_OCTETS(expected.data + 64 * i, 64, data[i], 64);
	}
}

static const struct row rows[] = {
	{ROW(D01)}, {ROW(D02)}, {ROW(D03)}, {ROW(D04)}, {ROW(D05)}, {ROW_ONCE(D06)},
	{ROW(D07)}, {ROW(D08)}, {ROW(D09)}, {ROW(D10)}, {ROW(D11)}, {ROW(D12)},
	{ROW(D13)}, {ROW(D14)}, {ROW(D15)}, {ROW(D16)}, {ROW(D17)}, {ROW(D18)},
	{ROW(D19)}, {ROW(D20)}, {ROW(D21)}, {ROW(D22)}, {ROW(D23)}, {ROW(D24)},
};

int main(int argc, char **argv)
{
	return rows_main(rows, sizeof rows / sizeof *rows, argc, argv);
}
