/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What rows of consumers share: a content with its content information, and reads of it.
 */
#ifndef TESTS_API_CONSUMING_H
#define TESTS_API_CONSUMING_H

#include "tests/api/harness.h"

#define UNKNOWN_HANDLE ((HANDLE)0x1234)
#define LONG 60000u /* ms: a read that is pending for longer than any row */
#define BLOCK(number) ((uint64_t)(number)*F_BLOCK)
#define TAIL (F_SIZE - 3 * F_BLOCK) /* octets of F's last block */
#define ALL_BLOCKS 0xFu

/* A content like F, and a READY C of it. Offsets are of the content. */
struct subject {
	PEERDIST_INSTANCE_HANDLE peerdist;
	PEERDIST_CONTENT_HANDLE handle;
	struct octets data, info;
};

/* One that nobody has ever seen. */
struct subject subject_new(void);
/* The same; the BLOCKS, bits, are in the cache. */
struct subject subject_cached(unsigned blocks);
/* READY C[offset, offset + length) of it; all of the content is in the cache, or nothing is. */
struct subject subject_range(uint64_t offset, uint64_t length, bool cached);
/* A peer says to have it and never gives it; BLOCK(1) alone is in the cache. The same content each
 * time. Needs a script with order_peer. */
struct subject subject_silent(void);
void subject_add(const struct subject *subject, unsigned blocks);
/* The content in files for the script, NAME.content and NAME.information, and a peer NAME there
 * that has it and behaves so. */
void subject_peer(const struct subject *subject, const char *name, const char *behaviour);

/* Accepted, or the row ends. */
struct operation *block_read(const struct subject *subject, uint64_t offset, BYTE *buffer,
			     DWORD size, DWORD timeout);
struct operation *stream_read(const struct subject *subject, BYTE *buffer, DWORD size,
			      DWORD timeout);

/* READ completes with CODE, an offset and a count. */
#define READ_ENDS(code, at, number, read)                                                          \
	row_is(ENDS_COUNT(code, number, read) && EXPECT_NUMBER(at, (read)->offset))
/* It brings so many octets of the content into BUFFER. */
#define READ_GIVES(subject, at, number, read, buffer)                                              \
	row_is(READ_ENDS(ERROR_SUCCESS, at, number, read) &&                                       \
	       EXPECT_OCTETS((subject)->data.data + (at), number, buffer, (read)->count))
/* There is nothing more. */
#define READ_IS_BEHIND(read) ENDS_COUNT(PEERDIST_ERROR_NO_MORE, 0, read)

#endif
