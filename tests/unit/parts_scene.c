/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/parts_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cache/content_build.h"
#include "cache/store_segment.h"

const struct parts_owner owner_a = {1000, "tag A"}, owner_b = {1000, "tag B"},
			 other_user = {1001, "tag A"};

/* ---- contents ---- */

static int put(void *owner, const void *data, size_t size)
{
	struct information *information = owner;

	information->data = realloc(information->data, information->size + size);
	assert_non_null(information->data);
	memcpy(information->data + information->size, data, size);
	information->size += size;
	return 0;
}

/* Hashes of the content of octet_at(); computed once, since it takes a while. */
struct content_hashes *hashes_of(unsigned version, uint64_t size)
{
	static struct content_hashes known[6];
	struct content_hashes *hashes =
		&known[(version - 1) * 3 + (size >= SMALL) + (size == LARGE)];
	const struct content_build_options options = {.version = version,
						      .algorithm = DIGEST_SHA256};
	struct content_build *build;

	if (hashes->version != 0)
		return hashes;
	unsigned char *octets = malloc(size);
	for (uint64_t i = 0; i < size; i++)
		octets[i] = octet_at(i);
	assert_int_equal(content_build_create(&options, &build), 0);
	assert_int_equal(content_build_add(build, octets, size), 0);
	assert_int_equal(content_build_end(build, hashes), 0);
	content_build_free(build);
	free(octets);
	return hashes;
}

struct information encode(unsigned version, uint64_t size, uint64_t start, uint64_t length)
{
	const uint8_t ks[DIGEST_SIZE_MAX] = "server secret";
	struct information information = {0};

	assert_int_equal(content_hashes_write(hashes_of(version, size), ks, start, length, NULL,
					      put, &information),
			 0);
	return information;
}

struct content *take_in(struct fixture *fixture, struct information *information)
{
	struct store_intake *intake;
	struct content *content;

	assert_int_equal(store_intake_begin(fixture->store, 1 << 20, &intake), 0);
	assert_int_equal(store_intake_feed(intake, information->data, information->size), 0);
	assert_int_equal(store_intake_end(intake, &content), 0);
	store_intake_free(intake);
	free(information->data);
	return content;
}

struct content *range_of(struct fixture *fixture, unsigned version, uint64_t size, uint64_t start,
			 uint64_t length)
{
	struct information information = encode(version, size, start, length);

	return take_in(fixture, &information);
}

/* A range that begins in a segment and ends in another: of the first only the blocks of the range
 * are listed, as some publishers do, where ours list all of them. */
struct content *exact_range_of(struct fixture *fixture, uint64_t start, uint64_t length)
{
	const uint32_t segments = 3, listed = (uint32_t)(SEGMENT - start / UNIT * UNIT) / UNIT;
	struct information information = encode(1, LARGE, start, length);
	uint8_t *list = information.data + 18 + (size_t)segments * 80;
	uint8_t *kept = list + 4 + (size_t)(512 - listed) * 32;

	assert_int_equal(list[1], 2); /* 512 */
	list[0] = (uint8_t)listed;
	list[1] = 0;
	memmove(list + 4, kept, information.size - (size_t)(kept - information.data));
	information.size -= (size_t)(512 - listed) * 32;
	return take_in(fixture, &information);
}

struct parts *open_content(struct fixture *fixture, struct content *content,
			   const struct parts_owner *owner)
{
	struct parts *parts;

	assert_int_equal(parts_open(fixture->fetch, fixture->store, content, owner, &parts), 0);
	return parts;
}

/* A content of its own each time, as consumers have. */
struct parts *open_range(struct fixture *fixture, unsigned version, uint64_t size, uint64_t start,
			 uint64_t length, const struct parts_owner *owner)
{
	struct content *content = range_of(fixture, version, size, start, length);
	struct parts *parts = open_content(fixture, content, owner);

	content_put(content);
	return parts;
}

struct parts *open_small(struct fixture *fixture, unsigned version, const struct parts_owner *owner)
{
	return open_range(fixture, version, SMALL, 0, SMALL, owner);
}

/* ---- writing and reading ---- */

/* The block that holds OFFSET, of a content that is described anew. Returns where it ends. */
uint64_t write_block(struct fixture *fixture, struct parts *parts, unsigned version, uint64_t size,
		     uint64_t offset)
{
	struct content *content = range_of(fixture, version, size, 0, size);
	static unsigned char data[CUTTING_UNIT_MAX];
	struct content_block block;

	assert_int_equal(content_block_at(content, offset, &block), 0);
	for (uint32_t i = 0; i < block.length; i++)
		data[i] = octet_at(block.offset + i);
	assert_int_equal(parts_write(parts, NULL, &block, data), 0);
	data[block.length / 2] ^= 1;
	assert_int_equal(parts_write(parts, NULL, &block, data), -EBADMSG);
	content_put(content);
	return block.offset + block.length;
}

void write_range(struct fixture *fixture, struct parts *parts, unsigned version, uint64_t size,
		 uint64_t offset, uint64_t end)
{
	while (offset < end)
		offset = write_block(fixture, parts, version, size, offset);
}

/* Returns how many octets were there, which must be right. */
size_t read_at(struct parts *parts, uint64_t offset, size_t size)
{
	unsigned char *data = malloc(size + 1);
	ssize_t length = parts_read(parts, offset, data, size);

	if (length < 0)
		assert_int_equal(length, -ENOENT);
	for (ssize_t i = 0; i < length; i++)
		if (data[i] != octet_at(offset + (uint64_t)i))
			fail_msg("octet %llu is wrong", (unsigned long long)offset + (uint64_t)i);
	free(data);
	return length < 0 ? 0 : (size_t)length;
}

void assert_extent(struct parts *parts, uint64_t offset, uint64_t end, uint64_t length, bool here)
{
	bool is = !here;

	assert_int_equal(parts_extent(parts, offset, end, &is), length);
	assert_int_equal(is, here);
}

void rest(struct fixture *fixture)
{
	while (!fetch_idle(fixture->fetch))
		usleep(100);
}

uint64_t given(struct fixture *fixture, enum given kind, bool blocks)
{
	struct fetch_counters counters;

	fetch_counters(fixture->fetch, &counters);
	return blocks ? counters.given[kind].blocks : counters.given[kind].bytes;
}

/* ---- nearby ---- */

static void seeking_done(struct parts_search *search, int error, const void *octets, size_t length)
{
	struct seeking *seeking = (struct seeking *)search;

	pthread_mutex_lock(&seeking->lock);
	seeking->error = error;
	seeking->length = length;
	if (error == 0) {
		memcpy(seeking->octets, octets, length);
		parts_given(search->parts, search->offset, length);
	}
	seeking->here = true;
	pthread_cond_signal(&seeking->ended);
	pthread_mutex_unlock(&seeking->lock);
}

struct seeking *seek(struct parts *parts, uint64_t offset, size_t size)
{
	struct seeking *seeking = calloc(1, sizeof *seeking);

	pthread_mutex_init(&seeking->lock, NULL);
	pthread_cond_init(&seeking->ended, NULL);
	seeking->search = (struct parts_search){offset, size, .done = seeking_done};
	parts_search(parts, &seeking->search);
	return seeking;
}

/* Returns how many octets came, which must be right. */
int end_seeking(struct seeking *seeking)
{
	pthread_mutex_lock(&seeking->lock);
	while (!seeking->here)
		pthread_cond_wait(&seeking->ended, &seeking->lock);
	pthread_mutex_unlock(&seeking->lock);
	int result = seeking->error != 0 ? seeking->error : (int)seeking->length;
	for (int i = 0; i < result; i++)
		assert_int_equal(seeking->octets[i],
				 octet_at(seeking->search.offset + (uint64_t)i));
	free(seeking);
	return result;
}

/* As bring(), where the content information begins at BASE. */
void bring_at(struct neighbours_want *want, uint64_t base)
{
	static const struct xaddr from = {.family = XADDR_IPV4, .octets = {10, 0, 0, 1}};
	unsigned char *memory = malloc(want->head_room + want->length);
	struct content_block block;

	for (uint32_t i = 0; i < want->length; i++)
		memory[want->head_room + i] = octet_at(base + want->offset + i);
	assert_int_equal(content_block_at(want->content, want->offset, &block), 0);
	assert_int_equal(block.offset, want->offset);
	assert_int_equal(
		content_block_check(want->content, &block, memory + want->head_room, want->length),
		0);
	want->came(want, memory, &from, false);
}

void wait_here(struct parts *parts, uint64_t offset, uint64_t end)
{
	bool here = false;

	while (parts_extent(parts, offset, end, &here) < end - offset || !here)
		usleep(100);
}
