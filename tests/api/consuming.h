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
/* A peer says to have it and never gives it; BLOCK(1) alone is in the cache. The same content for a
 * while. Needs a script with order_peer. */
struct subject subject_silent(void);
void subject_add(const struct subject *subject, unsigned blocks);
/* The content in files for the script, NAME.content and NAME.information, and a peer NAME there
 * that has it and behaves so. */
void subject_peer(const struct subject *subject, const char *name, const char *behaviour);

/* The service has heard of a peer that has the content and does not give it: reads are pending. A
 * peer that is asked on a busy machine may answer too late to be waited for. */
void subject_await_silent(const struct subject *subject);
/* Some octets from a peer, who may have to be asked more than once, are the right ones. */
bool subject_comes(const char *file, int line, const struct subject *subject, uint64_t offset);
#define COMES(subject, at) subject_comes(__FILE__, __LINE__, subject, at)

/* Accepted, or the row ends. */
struct operation *block_read(const struct subject *subject, uint64_t offset, BYTE *buffer,
			     DWORD size, DWORD timeout);
struct operation *stream_read(const struct subject *subject, BYTE *buffer, DWORD size,
			      DWORD timeout);

/* READ completes with CODE, an offset and a count. */
bool read_ends(const char *file, int line, struct operation *read, DWORD code, uint64_t offset,
	       DWORD count);
#define READ_ENDS(code, at, number, read) read_ends(__FILE__, __LINE__, read, code, at, number)
/* It brings so many octets of the content into BUFFER. */
bool read_gives(const char *file, int line, const struct subject *subject, struct operation *read,
		uint64_t offset, DWORD count, const BYTE *buffer);
#define READ_GIVES(subject, at, number, read, buffer)                                              \
	read_gives(__FILE__, __LINE__, subject, read, at, number, buffer)
/* There is nothing more. */
bool read_is_behind(const char *file, int line, struct operation *read);
#define READ_IS_BEHIND(read) read_is_behind(__FILE__, __LINE__, read)

#endif
