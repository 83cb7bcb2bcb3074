/* SPDX-License-Identifier: BSD-2-Clause
 *
 * For the tests of segments in the store: the ids that a content's segments have, and asking for
 * them.
 */
#ifndef TESTS_UNIT_STORE_SEGMENT_FIXTURE_H
#define TESTS_UNIT_STORE_SEGMENT_FIXTURE_H

#include "tests/unit/store_content_fixture.h"

#include <sqlite3.h>
#include <time.h>

#include "cache/store_segment.h"

#define MANY 5000u
#define MANY_OCTETS 256u /* of each of them */
#define MANY_LIMIT (64 * MIB)

struct id {
	size_t size;
	uint8_t data[DIGEST_SIZE_MAX];
};

struct ids {
	uint32_t count;
	struct id list[MANY];
};

static UNUSED struct ids *ids_in(const void *encoded, size_t size)
{
	struct ids *ids = calloc(1, sizeof(*ids));
	struct content *content;

	assert_non_null(ids);
	assert_int_equal(content_decode(encoded, size, size, &content, NULL), 0);
	ids->count = content_segments(content);
	assert_in_range(ids->count, 1, MANY);
	for (uint32_t i = 0; i < ids->count; i++) {
		struct content_segment segment;

		assert_int_equal(content_segment(content, i, &segment), 0);
		assert_int_equal(content_segment_id(content, &segment, ids->list[i].data), 0);
		ids->list[i].size = digest_size(content_algorithm(content));
	}
	content_put(content);
	return ids;
}

static UNUSED struct ids *ids_of(const void *data, size_t size, unsigned version)
{
	struct encoded *encoded = encode(data, size, version);
	struct ids *ids = ids_in(encoded->data, encoded->size);

	free(encoded);
	return ids;
}

static UNUSED int find_id(struct store *store, const struct id *id,
			  struct store_segment **segment_out)
{
	return store_segment_find(store, id->data, id->size, segment_out);
}

/* How many blocks of it are held, by both ways of asking, which must agree. */
static UNUSED uint32_t held_of(struct store *store, const struct id *id)
{
	struct store_segment_summary summary = {.held = 12345};
	uint64_t words[STORE_SEGMENT_WORDS];
	struct store_segment *segment;
	uint32_t held = 0, bits = 0;
	int error;

	error = find_id(store, id, &segment);
	assert_int_equal(store_segment_look(store, id->data, id->size, &summary), 0);
	if (error != 0) {
		assert_int_equal(error, -ENOENT);
		/* The store may be catching up, and it came in between. */
		if (summary.held > 0)
			return held_of(store, id);
		assert_int_equal(summary.held, 0);
		assert_int_equal(summary.blocks, 0);
		return 0;
	}
	held = store_segment_held(segment, words);
	for (unsigned i = 0; i < STORE_SEGMENT_WORDS; i++)
		bits += (uint32_t)__builtin_popcountll(words[i]);
	assert_int_equal(held, bits);
	assert_int_equal(summary.held, held);
	assert_int_equal(summary.blocks, store_segment_description(segment)->blocks);
	assert_int_equal(summary.age_ms, store_segment_age_ms(segment));
	store_segment_put(segment);
	/* It was kept, and is asked for as such. */
	assert_int_equal(store_segment_look(store, id->data, id->size, &summary), 0);
	assert_int_equal(summary.held, held);
	return held;
}

/* Blocks held of all. */
static UNUSED uint32_t held_of_all(struct store *store, const struct ids *ids)
{
	uint32_t held = 0;

	for (uint32_t i = 0; i < ids->count; i++)
		held += held_of(store, &ids->list[i]);
	return held;
}

/* How many blocks of a segment read as in DATA; others must be absent or found bad. */
static UNUSED uint32_t blocks_right(struct store_segment *segment, const unsigned char *data)
{
	const struct content_segment *description = store_segment_description(segment);
	unsigned char *read = malloc(CUTTING_UNIT_MAX);
	uint32_t right = 0;

	assert_non_null(read);
	for (uint32_t block = 0; block < description->blocks; block++) {
		uint64_t offset = (uint64_t)block * CUTTING_UNIT;
		uint32_t length = 0;
		int error = store_segment_read(segment, block, read, &length);

		if (error == 0) {
			assert_true(length <= description->length - offset);
			assert_memory_equal(read, data + description->offset + offset, length);
			right++;
		} else {
			assert_int_equal(length, 0);
			assert_true(error == -ENOENT || error == -EBADMSG);
		}
	}
	free(read);
	return right;
}

/* Content information of MANY small segments. */
static UNUSED void encode_many(const unsigned char *data, int (*put)(void *, const void *, size_t),
			       void *owner)
{
	static const uint8_t ks[DIGEST_SIZE_MAX] = {1, 2, 3};
	struct content_hashes hashes = {
		.version = 2, .algorithm = DIGEST_SHA512_TRUNC256, .size = MANY * MANY_OCTETS};

	hashes.count = MANY;
	hashes.lengths = calloc(MANY, sizeof(hashes.lengths[0]));
	hashes.hashes = calloc(MANY, 32);
	assert_non_null(hashes.lengths);
	assert_non_null(hashes.hashes);
	for (uint32_t i = 0; i < MANY; i++) {
		hashes.lengths[i] = MANY_OCTETS;
		assert_int_equal(digest_hash(hashes.algorithm, data + (size_t)i * MANY_OCTETS,
					     MANY_OCTETS, hashes.hashes + (size_t)i * 32),
				 0);
	}
	assert_int_equal(content_hashes_write(&hashes, ks, 0, hashes.size, NULL, put, owner), 0);
	content_hashes_clear(&hashes);
}

static UNUSED int many_to_memory(void *owner, const void *data, size_t size)
{
	struct octets_of_many {
		size_t size;
		unsigned char *data;
	} *many = owner;

	many->data = realloc(many->data, many->size + size);
	assert_non_null(many->data);
	memcpy(many->data + many->size, data, size);
	many->size += size;
	return 0;
}

/* For free(); with their ids. */
static UNUSED unsigned char *information_of_many(const unsigned char *data, size_t *size_out,
						 struct ids **ids_out)
{
	struct {
		size_t size;
		unsigned char *data;
	} many = {0};

	encode_many(data, many_to_memory, &many);
	*size_out = many.size;
	*ids_out = ids_in(many.data, many.size);
	return many.data;
}

/* An object of which nothing is there but what describes it. */
static UNUSED struct object *describe_octets(struct store *store, const char *path, uint64_t size,
					     const void *information, size_t information_size)
{
	struct object *object = make_object(store, path, size);
	struct content *content;
	uint64_t dropped;

	assert_int_equal(
		content_decode(information, information_size, information_size, &content, NULL), 0);
	assert_int_equal(describe(object, content, &dropped), 0);
	content_put(content);
	return object;
}

/* Waits until the store says that it has so many segments: the flusher counts them. */
static UNUSED void wait_segments(struct store *store, uint64_t count)
{
	const struct timespec moment = {.tv_nsec = 1000000};

	for (unsigned i = 0; i < 60000 && usage(store).segments != count; i++)
		nanosleep(&moment, NULL);
	assert_int_equal(usage(store).segments, count);
}

/* Runs SQL on the index of a store that is closed. Returns the first column of the last row. */
static UNUSED int64_t in_index(const char *sql)
{
	sqlite3_stmt *statement;
	sqlite3 *connection;
	const char *rest = sql;
	int64_t value = 0;

	assert_int_equal(sqlite3_open(fixture_path("index"), &connection), SQLITE_OK);
	while (*rest != '\0') {
		if (sqlite3_prepare_v2(connection, rest, -1, &statement, &rest) != SQLITE_OK)
			fail_msg("%s: %s", rest, sqlite3_errmsg(connection));
		if (statement == NULL)
			break;
		while (sqlite3_step(statement) == SQLITE_ROW)
			value = sqlite3_column_int64(statement, 0);
		assert_int_equal(sqlite3_finalize(statement), SQLITE_OK);
	}
	sqlite3_close(connection);
	return value;
}

#endif
