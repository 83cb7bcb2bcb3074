/* SPDX-License-Identifier: BSD-2-Clause
 *
 * For the tests of opaque blocks: segments by a number, blocks of octets that can be made again.
 */
#ifndef TESTS_UNIT_STORE_OPAQUE_FIXTURE_H
#define TESTS_UNIT_STORE_OPAQUE_FIXTURE_H

#include "tests/unit/store_fixture.h"

#include <sqlite3.h>

#include "cache/store_opaque.h"

#define LIMIT (64 * MIB)
#define ID_SIZE 32u
#define USUAL 65552u /* octets: 64 KiB and padding */

static UNUSED void make_id(uint32_t segment, uint8_t id[DIGEST_SIZE_MAX])
{
	fixture_fill(id, DIGEST_SIZE_MAX, 77000 + segment);
}

static UNUSED struct store_giver giver_of(uint32_t number)
{
	struct store_giver giver = {{0}};

	memcpy(giver.octets, &number, sizeof(number));
	return giver;
}

static uint64_t opaque_seed(uint32_t segment, uint32_t block, uint32_t variant)
{
	return ((uint64_t)segment * 1000 + block) * 1000 + variant;
}

/* What is told of VARIANT of a block of SIZE octets; ID has room for DIGEST_SIZE_MAX. */
static UNUSED struct store_opaque describe_opaque(uint32_t segment, uint32_t block,
						  uint32_t variant, uint32_t size, uint32_t giver,
						  uint8_t *id)
{
	struct store_opaque opaque = {.id = id,
				      .id_size = ID_SIZE,
				      .block = block,
				      .algorithm = DIGEST_SHA512_TRUNC256,
				      .segment_size = 100000 + segment,
				      .cipher = 1 + variant % 3,
				      .size = size,
				      .giver = giver_of(giver)};

	make_id(segment, id);
	fixture_fill(opaque.iv, sizeof(opaque.iv), opaque_seed(segment, block, variant) + 1);
	return opaque;
}

/* What write_opaque() found there before. */
static UNUSED bool had;
static UNUSED struct store_giver former;

static UNUSED int write_opaque_in(struct store *store, uint32_t segment, uint32_t block,
				  uint32_t variant, uint32_t size, uint32_t giver,
				  enum store_opaque_room room)
{
	uint8_t id[DIGEST_SIZE_MAX], *data = malloc(size);
	struct store_opaque opaque = describe_opaque(segment, block, variant, size, giver, id);
	int error;

	fixture_fill(data, size, opaque_seed(segment, block, variant));
	error = store_opaque_write(store, &opaque, data, room, NULL, NULL);
	free(data);
	return error;
}

static UNUSED int write_opaque(struct store *store, uint32_t segment, uint32_t block,
			       uint32_t variant, uint32_t size, uint32_t giver)
{
	uint8_t id[DIGEST_SIZE_MAX], *data = malloc(size);
	struct store_opaque opaque = describe_opaque(segment, block, variant, size, giver, id);
	int error;

	fixture_fill(data, size, opaque_seed(segment, block, variant));
	error = store_opaque_write(store, &opaque, data, STORE_OPAQUE_ROOM_OF_ALL, &had, &former);
	free(data);
	return error;
}

/* 0 only if what is read is VARIANT in all; -EILSEQ if it is anything else. */
static UNUSED int read_opaque(struct store *store, uint32_t segment, uint32_t block,
			      uint32_t variant, uint32_t size)
{
	uint8_t id[DIGEST_SIZE_MAX], *data = malloc(STORE_OPAQUE_MAX), *right = malloc(size);
	struct store_opaque wanted = describe_opaque(segment, block, variant, size, 0, id), got;
	int error = store_opaque_read(store, id, ID_SIZE, block, &got, data);

	fixture_fill(right, size, opaque_seed(segment, block, variant));
	if (error == 0 &&
	    (got.size != size || memcmp(data, right, size) != 0 || got.block != block ||
	     got.algorithm != wanted.algorithm || got.segment_size != wanted.segment_size ||
	     got.cipher != wanted.cipher || memcmp(got.iv, wanted.iv, sizeof(got.iv)) != 0))
		error = -EILSEQ;
	free(data);
	free(right);
	return error;
}

static UNUSED bool is_held(struct store *store, uint32_t segment, uint32_t block)
{
	uint64_t held[STORE_SEGMENT_WORDS];
	uint8_t id[DIGEST_SIZE_MAX];

	make_id(segment, id);
	store_opaque_held(store, id, ID_SIZE, held, NULL);
	return (held[block / 64] >> block % 64 & 1) != 0;
}

static UNUSED int drop_opaque(struct store *store, uint32_t segment, uint32_t block)
{
	uint8_t id[DIGEST_SIZE_MAX];

	make_id(segment, id);
	return store_opaque_drop(store, id, ID_SIZE, block);
}

static UNUSED uint64_t share_of(struct store *store, uint32_t giver)
{
	struct store_giver name = giver_of(giver);
	uint64_t given, held;

	store_opaque_share(store, &name, &given, &held);
	assert_true(held >= given);
	return given;
}

/* Changes rows behind the store's back, while it is closed. */
static UNUSED void run_sql(const char *sql)
{
	sqlite3 *connection;
	char *message = NULL;

	assert_int_equal(sqlite3_open(fixture_path("index"), &connection), SQLITE_OK);
	if (sqlite3_exec(connection, sql, NULL, NULL, &message) != SQLITE_OK)
		fail_msg("%s: %s", sql, message);
	sqlite3_close(connection);
}

/* What SQL, that gives one number, says of the index of a closed store. */
static UNUSED int64_t ask_sql(const char *sql)
{
	sqlite3 *connection;
	sqlite3_stmt *statement;
	int64_t value;

	assert_int_equal(sqlite3_open(fixture_path("index"), &connection), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(connection, sql, -1, &statement, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	value = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	sqlite3_close(connection);
	return value;
}

/* The rows of a closed store agree with each other. */
static UNUSED void assert_consistent(void)
{
	assert_int_equal(ask_sql("SELECT blocks - (SELECT count(*) FROM opaque) FROM opaques"), 0);
	assert_int_equal(ask_sql("SELECT count(*) FROM opaque WHERE pack NOT IN"
				 " (SELECT content FROM run WHERE live IS NOT NULL)"),
			 0);
	assert_int_equal(ask_sql("SELECT count(*) FROM run WHERE present <> 0 AND live IS NOT NULL"
				 " AND live <> (SELECT count(*) FROM opaque WHERE pack = content)"),
			 0);
	assert_int_equal(ask_sql("SELECT count(*) FROM giver WHERE octets <>"
				 " (SELECT coalesce(sum(length), 0) FROM opaque JOIN run"
				 " ON content = pack WHERE present = giver.id)"),
			 0);
	assert_int_equal(ask_sql("SELECT count(*) FROM giver WHERE id NOT IN (SELECT present"
				 " FROM run WHERE live IS NOT NULL)"),
			 0);
	assert_int_equal(ask_sql("SELECT octets - (SELECT coalesce(sum(cost), 0) FROM run)"
				 " FROM meta"),
			 0);
}

#endif
