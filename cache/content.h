/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Content information: which segments and blocks a content has, and whether octets are those of a
 * block, whatever the version (content-information.md; this is its sections 7, 9, 12 and 13). An
 * unfinished input is rejected only at its end, else on its first fault, as a whole. The encoded
 * form is not kept in memory: a content knows where things lie in it and reads a piece when it
 * is asked, so that 64 MiB of content information cost a few hundred KiB. A piece that is not what
 * was read at first is -EBADMSG.
 *
 * A content is immutable once backed: any thread may ask, if its backing allows that. References
 * are counted; it begins with one.
 */
#ifndef CACHE_CONTENT_H
#define CACHE_CONTENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cache/cutting.h"
#include "cache/digest.h"

/* What a reader accepts at most, by default: our choice, 512 GiB of content in version 1.0. */
#define CONTENT_LIMIT_DEFAULT (256u << 20)

struct content;
struct content_reader;

/* The whole encoded form, for asking later. READ gives 0, or a negative errno when it cannot give
 * all; RELEASE is called once, with the last reference; may be NULL. */
struct content_backing {
	int (*read)(void *owner, uint64_t offset, void *data, size_t size);
	void (*release)(void *owner);
	void *owner;
};

struct content_segment {
	uint64_t offset;       /* in the content */
	uint32_t length;       /* octets */
	uint32_t blocks;       /* of the whole segment; 1 in version 2.0 */
	uint32_t first_listed; /* block */
	uint32_t listed;       /* blocks that have a hash here; all of them: checked against HoD */
	uint8_t hash_of_data[DIGEST_SIZE_MAX]; /* HoD */
	uint8_t secret[DIGEST_SIZE_MAX];       /* Kp and Ke */
};

/* What a header says as it is written, for people; everything else has its meaning worked out. */
struct content_header {
	uint32_t skip;          /* dwOffsetInFirstSegment */
	uint64_t length;        /* dwReadBytesInLastSegment, or ullLengthOfRange */
	uint64_t first_segment; /* ullIndexOfFirstSegment, unchecked; 0 in version 1.0 */
	uint32_t chunks;        /* 0 in version 1.0 */
	uint64_t size;          /* octets of the encoded form */
};

struct content_block {
	uint32_t segment; /* listed ones count from 0 */
	uint32_t block;   /* in the segment */
	uint64_t offset;  /* in the content; the block may begin before the range */
	uint32_t length;  /* octets, of which some may lie outside the range */
	uint8_t hash[DIGEST_SIZE_MAX];
};

/* Input in portions of any size; the caller keeps it for the backing. */
int content_reader_create(uint64_t limit, struct content_reader **reader_out);
/* -EBADMSG: rejected; -EFBIG: above the limit; -ENOMEM. A failure stays. */
int content_reader_feed(struct content_reader *reader, const void *data, size_t size);
/* The same failures; else a content without a backing, which knows its version and range. Once. */
int content_reader_end(struct content_reader *reader, struct content **content_out);
/* Why it failed, for people. A constant. */
const char *content_reader_reason(const struct content_reader *reader);
void content_reader_free(struct content_reader *reader);

/* Takes the backing over. Once, before anything that reads. */
void content_back(struct content *content, const struct content_backing *backing);
/* Reader and backing in one for what is in memory; DATA is copied. REASON_OUT may be NULL. */
int content_decode(const void *data, size_t size, uint64_t limit, struct content **content_out,
		   const char **reason_out);
struct content *content_get(struct content *content);
/* NULL is fine. */
void content_put(struct content *content);
/* NULL: not backed yet. */
const struct content_backing *content_backing(const struct content *content);

unsigned content_version(const struct content *content); /* 1 or 2 */
enum digest_algorithm content_algorithm(const struct content *content);
/* The range that it speaks for is [start, end), never empty. */
uint64_t content_start(const struct content *content);
uint64_t content_end(const struct content *content);
uint32_t content_segments(const struct content *content);
const struct content_header *content_header(const struct content *content);

/* The id under which other machines know SEGMENT (HoHoDk), of digest_size octets of the content's
 * algorithm. 0; -ENOMEM. */
int content_segment_id(const struct content *content, const struct content_segment *segment,
		       uint8_t id_out[DIGEST_SIZE_MAX]);
/* INDEX counts listed segments and is below their number. */
int content_segment(const struct content *content, uint32_t index,
		    struct content_segment *segment_out);
/* All listed segments, in order: for many of them far cheaper than one by one. What EACH gives, if
 * not 0, ends it and is returned. */
typedef int content_each(void *owner, uint32_t index, const struct content_segment *segment);
int content_each_segment(const struct content *content, content_each *each, void *owner);
/* -ENOENT: no listed segment holds OFFSET. */
int content_segment_at(const struct content *content, uint64_t offset, uint32_t *index_out);
/* The block that holds OFFSET. -ENOENT: outside the range. The blocks to fetch for the range are
 * those at its start, then each time at the end of the one before. */
int content_block_at(const struct content *content, uint64_t offset,
		     struct content_block *block_out);
/* BLOCK of SEGMENT (content_segment), in the range or not; -ENOENT: it has no hash here. */
int content_block_listed(const struct content *content, const struct content_segment *segment,
			 uint32_t block, struct content_block *block_out);
/* 0: DATA is the block, all of it and nothing else; -EBADMSG: it is not. */
int content_block_check(const struct content *content, const struct content_block *block,
			const void *data, size_t size);

/* Its blocks as the units of an object. -EINVAL when the range does not begin at 0 or
 * ends inside the last listed segment. */
int content_cutting(const struct content *content, struct cutting **cutting_out);

#endif
