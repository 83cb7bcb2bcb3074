/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Bytes in, in portions of any size, hashes for content information out. Hashing is done by pool
 * threads and by the thread that adds, which waits for nothing else; so it may be a pool thread.
 * The bytes held do not grow with the content: a buffer of CONTENT_BUILD_BUFFER per core and one.
 * One thread at a time. The first failure stays until the next content is begun.
 */
#ifndef CACHE_CONTENT_BUILD_H
#define CACHE_CONTENT_BUILD_H

#include <stddef.h>
#include <stdint.h>

#include "cache/content_hashes.h"
#include "cache/pool.h"

/* Octets; our choice, 16 blocks. Reading a file from the page cache this much at a time is nearly
 * twice as fast as 64 KiB at a time, and SHA-256 so fast that this is four per cent of the whole.
 */
#define CONTENT_BUILD_BUFFER (1u << 20)

struct content_build;

struct content_build_options {
	unsigned version;                /* 1 or 2 */
	enum digest_algorithm algorithm; /* version 1; version 2 has only one */
	/* Version 2: octets per segment, CUTTER_SEGMENT_MIN to CUTTER_SEGMENT_MAX; 0: the content
	 * decides. */
	uint32_t fixed;
	struct pool *pool; /* destroyed after the builder; NULL: the adding thread does all */
	enum pool_lane lane;
};

/* -EINVAL: options that cannot be. */
int content_build_create(const struct content_build_options *options,
			 struct content_build **build_out);
int content_build_add(struct content_build *build, const void *data, size_t size);
/* The same without copying: the caller fills up to SIZE_OUT octets, then says how many. */
int content_build_room(struct content_build *build, void **room_out, size_t *size_out);
void content_build_filled(struct content_build *build, size_t size);
/* For a pause: hashes what can be hashed by now, and gives the buffers back. What is left to be
 * held is below CUTTER_SEGMENT_MAX octets, and then the hashes. The next call gets buffers anew. */
void content_build_shrink(struct content_build *build);
/* LENGTH octets of the open FILE, from OFFSET on, read by many threads, none of which uses FILE
 * when this returns. -ENODATA: it ends before. Whether it was changed meanwhile is for the caller
 * to find out. In version 1 the fastest way, when nothing else was added before. */
int content_build_add_file(struct content_build *build, int file, uint64_t offset, uint64_t length);
/* Hashes of all that was added since the last end, to be cleared by the caller. Whether this fails
 * or not, the next content may be begun. Empty content is no failure here. */
int content_build_end(struct content_build *build, struct content_hashes *hashes_out);
/* NULL is fine. */
void content_build_free(struct content_build *build);

#endif
