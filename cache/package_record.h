/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The form of a package. All numbers are little-endian.
 *
 *   header         16 octets "peerdist package", u32 1 (the form), u32 0, u64 octets of blocks that
 *                  may come (a hint), u64 XXH3-64 of these 32
 *   each record    u32 kind, u32 size of the body, u64 XXH3-64 of the body, u64 XXH3-64 of these
 *                  16; both with the record's number, from 0, as the seed; the body
 *
 *   1 content      u64 size, u64 octets of content information, u32 octets of the path, u32 of the
 *                  validator, both
 *   2 information  the next octets of the content's content information, 1 to
 *                  PACKAGE_INFORMATION_MAX
 *   3 block        u64 offset in the content, octets
 *   4 opaque       u32 block, u32 size of the segment, u8 hash algorithm, u8 cipher, u16 octets of
 *                  the id, 16 octets of IV, the id, octets (cache/store_opaque.h)
 *   5 end          u64 records before it
 *
 * A number in the seed: records that were left out or changed places are found.
 */
#ifndef CACHE_PACKAGE_RECORD_H
#define CACHE_PACKAGE_RECORD_H

#include "cache/package.h"

enum package_kind {
	PACKAGE_CONTENT = 1,
	PACKAGE_INFORMATION,
	PACKAGE_BLOCK,
	PACKAGE_OPAQUE,
	PACKAGE_END,
};

#define PACKAGE_HEAD_SIZE 24u
/* Octets of a body: a padded opaque block of 128 KiB and what is said of it. */
#define PACKAGE_BODY_MAX (CUTTING_UNIT_MAX + 512u)
#define PACKAGE_INFORMATION_MAX 65536u
/* A path of the file system; ours have no more either. */
#define PACKAGE_PATH_MAX 4095u

/* Large: not for a thread's stack. */
struct package_writer {
	package_put *put;
	void *owner;
	uint64_t number; /* of the next record */
	uint8_t record[PACKAGE_HEAD_SIZE + PACKAGE_BODY_MAX];
};
int package_write_header(struct package_writer *writer, uint64_t octets);
/* Where the caller puts the next body: room for PACKAGE_BODY_MAX. */
static inline uint8_t *package_body(struct package_writer *writer)
{
	return writer->record + PACKAGE_HEAD_SIZE;
}
int package_write_record(struct package_writer *writer, enum package_kind kind, size_t size);
int package_write_end(struct package_writer *writer);

struct package_reader {
	package_take *take;
	void *owner;
	uint64_t number; /* of the next record */
	uint32_t kind, size;
	bool holds;
	uint8_t body[PACKAGE_BODY_MAX];
};
/* 0; -EPROTO; what taking gives. */
int package_read_header(struct package_reader *reader, uint64_t *octets_out);
/* Fills kind, size, body, and whether the body is what was written. 0; -EBADMSG: there is no record
 * here. */
int package_read_record(struct package_reader *reader);

#endif
