/* SPDX-License-Identifier: BSD-2-Clause
 *
 * For tests of a consumer's parts: contents of the octets of octet_at(), in all ranges; bringing
 * blocks, reading, seeking nearby. Over tests/unit/fetch_scene.h.
 */
#ifndef TESTS_UNIT_PARTS_SCENE_H
#define TESTS_UNIT_PARTS_SCENE_H

#include "cache/content_hashes.h"
#include "fs/service/parts.h"
#include "tests/unit/fetch_scene.h"

#define TINY 1000u /* lies in a pack */
#define SMALL (16u * UNIT + 1234)
#define SEGMENT 33554432u
#define LARGE (2u * SEGMENT + 200000u)

extern const struct parts_owner owner_a, owner_b, other_user;

/* Content information, encoded. */
struct information {
	size_t size;
	uint8_t *data;
};

/* Hashes of the content of that SIZE; computed once, since it takes a while. One thread. */
struct content_hashes *hashes_of(unsigned version, uint64_t size);
struct information encode(unsigned version, uint64_t size, uint64_t start, uint64_t length);
/* Frees the octets. */
struct content *take_in(struct fixture *fixture, struct information *information);
struct content *range_of(struct fixture *fixture, unsigned version, uint64_t size, uint64_t start,
			 uint64_t length);
/* A range of LARGE that begins in a segment and ends in another: of the first only the blocks of
 * the range are listed, as some publishers do, where ours list all of them. */
struct content *exact_range_of(struct fixture *fixture, uint64_t start, uint64_t length);

struct parts *open_content(struct fixture *fixture, struct content *content,
			   const struct parts_owner *owner);
/* With a content of its own each time, as consumers have. */
struct parts *open_range(struct fixture *fixture, unsigned version, uint64_t size, uint64_t start,
			 uint64_t length, const struct parts_owner *owner);
struct parts *open_small(struct fixture *fixture, unsigned version,
			 const struct parts_owner *owner);
/* Waits until nobody has anything open. */
void rest(struct fixture *fixture);

/* The block that holds OFFSET. Returns where it ends. */
uint64_t write_block(struct fixture *fixture, struct parts *parts, unsigned version, uint64_t size,
		     uint64_t offset);
void write_range(struct fixture *fixture, struct parts *parts, unsigned version, uint64_t size,
		 uint64_t offset, uint64_t end);
/* Returns how many octets were there, which must be right. */
size_t read_at(struct parts *parts, uint64_t offset, size_t size);
void assert_extent(struct parts *parts, uint64_t offset, uint64_t end, uint64_t length, bool here);
/* Blocks, or octets, that were given. */
uint64_t given(struct fixture *fixture, enum given kind, bool blocks);

struct seeking {
	struct parts_search search;
	pthread_mutex_t lock;
	pthread_cond_t ended;
	bool here;
	int error;
	size_t length;
	unsigned char octets[CUTTING_UNIT_MAX];
};

struct seeking *seek(struct parts *parts, uint64_t offset, size_t size);
/* Returns how many octets came, which must be right, or the error. */
int end_seeking(struct seeking *seeking);
/* As bring(), where the content information begins at BASE. */
void bring_at(struct neighbours_want *want, uint64_t base);
/* Waits until all of it is here. */
void wait_here(struct parts *parts, uint64_t offset, uint64_t end);

#endif
