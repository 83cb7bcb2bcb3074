/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A retrieval server alone, for measuring it: makes a store in DIRECTORY that goes with it, with
 * one content of one segment, and serves that on 127.0.0.1 until its input ends.
 *
 *     retrieval_server DIRECTORY [VERSION] [BLOCKS]
 *
 * VERSION 1: 512 blocks of 64 KiB, unless BLOCKS says how many; 2: the first segment of a content;
 * opaque: as 1, but as a hosted cache has them by offers of version 2.0.
 * Prints the port, the id and the number of blocks.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cache/content_build.h"
#include "cache/cutting.h"
#include "cache/store_content.h"
#include "cache/store_opaque.h"
#include "peer/retrieval_server.h"

#define STORE_LIMIT (1ull << 30)
#define VERSION_TWO_SIZE (1u << 20)

static unsigned char *data;
static size_t size;

static void check(int error, const char *what)
{
	if (error == 0)
		return;
	fprintf(stderr, "%s: %s\n", what, strerror(-error));
	exit(1);
}

static void fill(void)
{
	uint64_t state = 88172645463325252u;

	data = malloc(size);
	check(data != NULL ? 0 : -ENOMEM, "malloc");
	for (size_t i = 0; i < size; i++) {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		data[i] = (unsigned char)state;
	}
}

static int feed(void *intake, const void *octets, size_t count)
{
	return store_intake_feed(intake, octets, count);
}

static struct content *make_content(struct store *store, unsigned version)
{
	static const uint8_t key[DIGEST_SIZE_MAX] = {1, 2, 3};
	struct content_build_options options = {.version = version,
						.algorithm = version == 2 ? DIGEST_SHA512_TRUNC256
									  : DIGEST_SHA256};
	struct content_build *build;
	struct content_hashes hashes;
	struct store_intake *intake;
	struct content *content;

	check(content_build_create(&options, &build), "content_build_create");
	check(content_build_add(build, data, size), "content_build_add");
	check(content_build_end(build, &hashes), "content_build_end");
	check(store_intake_begin(store, CONTENT_LIMIT_DEFAULT, &intake), "store_intake_begin");
	check(content_hashes_write(&hashes, key, 0, size, NULL, feed, intake),
	      "content_hashes_write");
	check(store_intake_end(intake, &content), "store_intake_end");
	store_intake_free(intake);
	content_hashes_clear(&hashes);
	content_build_free(build);
	return content;
}

static void keep_content(struct store *store, struct content *content)
{
	struct object_survey *survey;
	struct object *object;
	uint64_t dropped;

	check(store_object(store, "content", "v1", size, &object), "store_object");
	check(object_survey(object, content, NULL, NULL, &survey), "object_survey");
	check(object_describe(survey, &dropped), "object_describe");
	for (uint32_t i = 0; i < cutting_count(object_cutting(object)); i++)
		check(object_write(object, i, data + cutting_offset(object_cutting(object), i),
				   cutting_length(object_cutting(object), i)),
		      "object_write");
	object_put(object);
	check(store_flush(store), "store_flush");
}

/* What is served: a segment. */
struct serving {
	uint8_t id[DIGEST_SIZE_MAX];
	size_t id_size;
	uint32_t blocks;
};

static void serve_content(struct store *store, unsigned version, struct serving *serving_out)
{
	struct content *content = make_content(store, version);
	struct content_segment segment;

	keep_content(store, content);
	check(content_segment(content, 0, &segment), "content_segment");
	check(content_segment_id(content, &segment, serving_out->id), "content_segment_id");
	serving_out->id_size = digest_size(content_algorithm(content));
	serving_out->blocks = segment.blocks;
	content_put(content);
}

static void serve_opaque(struct store *store, struct serving *serving_out)
{
	struct store_opaque block = {.id = serving_out->id,
				     .id_size = 32,
				     .algorithm = DIGEST_SHA256,
				     .segment_size = (uint32_t)size,
				     .cipher = 1,
				     .size = CUTTING_UNIT + 16};

	serving_out->id_size = 32;
	serving_out->blocks = (uint32_t)(size / CUTTING_UNIT);
	for (; block.block < serving_out->blocks; block.block++) {
		/* The padding is the next block's first octets. */
		size_t at = (size_t)block.block * CUTTING_UNIT;

		if (at + block.size > size)
			at = 0;
		check(store_opaque_write(store, &block, data + at, STORE_OPAQUE_ROOM_OF_ALL, NULL,
					 NULL),
		      "store_opaque_write");
	}
	check(store_flush(store), "store_flush");
}

static void print_serving(const struct serving *serving, unsigned port)
{
	printf("%u ", port);
	for (size_t i = 0; i < serving->id_size; i++)
		printf("%02x", serving->id[i]);
	printf(" %u\n", serving->blocks);
	fflush(stdout);
}

static void serve(struct store *store, unsigned version)
{
	struct retrieval_server_options options = {.store = store, .address = "127.0.0.1"};
	struct serving serving = {0};
	struct retrieval_server *server;
	struct pool *pool;
	char message[256], input[256];

	if (version == 0)
		serve_opaque(store, &serving);
	else
		serve_content(store, version, &serving);
	check(pool_create(0, &pool), "pool_create");
	options.pool = pool;
	check(retrieval_server_create(&options, &server, message, sizeof(message)), message);
	print_serving(&serving, retrieval_server_port(server));
	while (read(STDIN_FILENO, input, sizeof(input)) > 0)
		;
	retrieval_server_free(server);
	pool_destroy(pool);
}

int main(int count, char **words)
{
	struct store_options options = {.unlinked = true,
					.scope = "http://origin/",
					.owner = "retrieval_server",
					.limit = STORE_LIMIT};
	unsigned version = count > 2 ? (unsigned)atoi(words[2]) : 1;
	struct store *store;
	char message[256];

	if (count > 2 && strcmp(words[2], "opaque") == 0)
		version = 0;
	else if (version < 1)
		version = 3;
	if (count < 2 || version > 2) {
		fprintf(stderr, "usage: retrieval_server DIRECTORY [1|2|opaque] [BLOCKS]\n");
		return 2;
	}
	size = version == 2 ? VERSION_TWO_SIZE
			    : (count > 3 ? (size_t)atoi(words[3]) : 512) * CUTTING_UNIT;
	fill();
	options.directory = words[1];
	check(store_open(&options, &store, message, sizeof(message)), message);
	serve(store, version);
	store_close(store);
	free(data);
	return 0;
}
