/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Content information of one segment as a hosted cache gets it: lists of every length at every
 * start of the range against rule 9 (content-information.md section 12), and the doubt that it
 * leaves; complete lists; ids; what is not written.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cache/content_v1.h"
#include "cache/content_v1_single.h"
#include "cache/secret.h"

#define LISTED_AT 98u /* cBlocks, with SHA-256 */
#define BLOCKS 5u
#define LAST 100u /* octets of the last block */
#define LENGTH (4 * CONTENT_V1_BLOCK + LAST)

/* A segment, its block hashes and what describes it all. Blocks REPEATED have the same octets. */
struct scene {
	uint8_t *data;
	uint8_t hashes[BLOCKS * DIGEST_SIZE_MAX];
	struct content_v1_single single;
	enum digest_algorithm algorithm;
	uint8_t encoded[CONTENT_V1_SINGLE_MAX];
	size_t size;
};

static const uint8_t *block_of(const struct scene *scene, uint32_t block)
{
	return scene->data + (size_t)block * CONTENT_V1_BLOCK;
}

static uint32_t length_of(uint32_t block)
{
	return block + 1 < BLOCKS ? CONTENT_V1_BLOCK : LAST;
}

static void scene_begin(struct scene *scene, enum digest_algorithm algorithm, bool repeated)
{
	size_t size = digest_size(algorithm);
	struct content_segment *segment = &scene->single.segment;

	*scene = (struct scene){.data = calloc(1, LENGTH), .algorithm = algorithm};
	assert_non_null(scene->data);
	for (uint32_t i = 0; i < BLOCKS; i++) {
		memset(scene->data + (size_t)i * CONTENT_V1_BLOCK, repeated ? 'r' : 'a' + (int)i,
		       length_of(i));
		assert_int_equal(digest_hash(algorithm, block_of(scene, i), length_of(i),
					     scene->hashes + i * size),
				 0);
	}
	scene->single.algorithm = algorithm;
	segment->length = LENGTH;
	segment->blocks = BLOCKS;
	assert_int_equal(
		digest_hash(algorithm, scene->hashes, BLOCKS * size, segment->hash_of_data), 0);
	memset(segment->secret, 0x5e, size);
}

static void scene_end(struct scene *scene)
{
	free(scene->data);
}

/* A list of LISTED hashes that begins at FIRST, the range beginning with octet SKIP, encoded. */
static void describe(struct scene *scene, uint32_t skip, uint32_t first, uint32_t listed)
{
	struct content_v1_single *single = &scene->single;
	struct bytes_out out;

	single->skip = skip;
	single->segment.first_listed = first;
	single->segment.listed = listed;
	single->hashes = scene->hashes + first * digest_size(scene->algorithm);
	scene->size = content_v1_single_size(single);
	assert_true(scene->size > 0 && scene->size <= sizeof(scene->encoded));
	out = bytes_out(scene->encoded, scene->size);
	content_v1_single_write(single, &out);
	assert_true(!out.failed && out.left == 0);
}

static struct content_v1_single read_scene(const struct scene *scene)
{
	struct content_v1_single read;

	assert_int_equal(content_v1_single_read(scene->encoded, scene->size, &read), 0);
	assert_int_equal(read.skip, scene->single.skip);
	assert_int_equal(read.segment.blocks, BLOCKS);
	assert_int_equal(read.segment.listed, scene->single.segment.listed);
	return read;
}

static int check(struct content_v1_single *single, const struct scene *scene, uint32_t block)
{
	return content_v1_single_check(single, block, block_of(scene, block), length_of(block));
}

/* ---- where a list begins ---- */

/* First block and, when there is a doubt, the other that may be, for a range that begins in block
 * LOW and a list of so many. Worked out by hand from rule 9. */
static const struct placement {
	uint32_t low, listed, first, otherwise;
} placements[] = {
	{0, 1, 0, 0}, {0, 2, 0, 0}, {0, 3, 0, 0}, {0, 4, 0, 0}, {0, 5, 0, 0},
	{1, 1, 1, 1}, {1, 2, 0, 1}, {1, 3, 0, 1}, {1, 4, 0, 1}, {1, 5, 0, 0},
	{2, 1, 2, 2}, {2, 2, 2, 2}, {2, 3, 0, 2}, {2, 4, 0, 0}, {2, 5, 0, 0},
	{3, 1, 3, 3}, {3, 2, 3, 3}, {3, 3, 0, 0}, {3, 4, 0, 0}, {3, 5, 0, 0},
	{4, 1, 4, 4}, {4, 2, 0, 0}, {4, 3, 0, 0}, {4, 4, 0, 0}, {4, 5, 0, 0},
};

static void a_short_list_is_placed_by_the_start_of_the_range(void **state)
{
	struct scene scene;

	(void)state;
	scene_begin(&scene, DIGEST_SHA256, false);
	for (size_t i = 0; i < sizeof(placements) / sizeof(placements[0]); i++) {
		const struct placement *at = &placements[i];
		uint32_t start = at->low * CONTENT_V1_BLOCK, end = start + length_of(at->low) - 1;

		for (uint32_t skip = start; skip <= end; skip += end - start) {
			struct content_v1_single read;

			describe(&scene, skip, at->first, at->listed);
			read = read_scene(&scene);
			if (read.segment.first_listed != at->first ||
			    read.first_otherwise != at->otherwise)
				fail_msg("%u of block %u: %u or %u", at->listed, at->low,
					 read.segment.first_listed, read.first_otherwise);
		}
	}
	scene_end(&scene);
}

/* Whichever of the two the sender meant, its blocks are found to be what they are. */
static void the_first_block_that_fits_ends_the_doubt(void **state)
{
	struct scene scene;

	(void)state;
	scene_begin(&scene, DIGEST_SHA256, false);
	for (size_t i = 0; i < sizeof(placements) / sizeof(placements[0]); i++) {
		const struct placement *at = &placements[i];
		uint32_t meant[] = {at->first, at->otherwise};

		for (int j = 0; j < 2; j++)
			for (uint32_t block = 0; block < BLOCKS; block++) {
				uint32_t end = meant[j] + at->listed;
				struct content_v1_single read;

				describe(&scene, at->low * CONTENT_V1_BLOCK, meant[j], at->listed);
				read = read_scene(&scene);
				if (block < meant[j] || block >= end) {
					assert_int_not_equal(check(&read, &scene, block), 0);
					assert_int_equal(read.segment.first_listed, at->first);
					assert_int_equal(read.first_otherwise, at->otherwise);
					continue;
				}
				assert_int_equal(check(&read, &scene, block), 0);
				assert_int_equal(read.segment.first_listed, meant[j]);
				assert_int_equal(read.first_otherwise, meant[j]);
			}
	}
	scene_end(&scene);
}

static void the_same_block_twice_leaves_the_doubt(void **state)
{
	struct content_v1_single read;
	struct scene scene;

	(void)state;
	scene_begin(&scene, DIGEST_SHA256, true);
	describe(&scene, CONTENT_V1_BLOCK, 1, 3);
	read = read_scene(&scene);
	assert_int_equal(check(&read, &scene, 1), 0);
	assert_int_equal(check(&read, &scene, 2), 0);
	assert_int_equal(read.segment.first_listed, 0);
	assert_int_equal(read.first_otherwise, 1);
	/* Of block 3 only the other reading has a hash. */
	assert_int_equal(check(&read, &scene, 3), 0);
	assert_int_equal(read.segment.first_listed, 1);
	assert_int_equal(read.first_otherwise, 1);
	scene_end(&scene);
}

static void a_block_is_checked_as_a_whole(void **state)
{
	struct content_v1_single read;
	struct scene scene;

	(void)state;
	scene_begin(&scene, DIGEST_SHA256, false);
	describe(&scene, 0, 0, 4);
	read = read_scene(&scene);
	assert_int_equal(check(&read, &scene, 3), 0);
	assert_int_equal(content_v1_single_check(&read, 3, block_of(&scene, 3), 65535), -EBADMSG);
	assert_int_equal(content_v1_single_check(&read, 3, block_of(&scene, 3), 0), -EBADMSG);
	assert_int_equal(content_v1_single_check(&read, 3, block_of(&scene, 2), 65536), -EBADMSG);
	assert_int_equal(content_v1_single_check(&read, 4, block_of(&scene, 4), LAST), -ENOENT);
	assert_int_equal(content_v1_single_check(&read, 5, block_of(&scene, 4), LAST), -ENOENT);
	assert_int_equal(content_v1_single_check(&read, UINT32_MAX, scene.data, 65536), -ENOENT);
	describe(&scene, 0, 0, BLOCKS);
	read = read_scene(&scene);
	assert_int_equal(check(&read, &scene, 4), 0);
	assert_int_equal(content_v1_single_check(&read, 4, block_of(&scene, 4), LAST - 1),
			 -EBADMSG);
	assert_int_equal(content_v1_single_check(&read, 4, block_of(&scene, 4), 65536), -EBADMSG);
	scene_end(&scene);
}

/* A list may have hashes of something that is no block: of too few octets, or of too many. */
static void what_is_no_block_does_not_pass_by_its_hash(void **state)
{
	static const size_t sizes[] = {0, 10, CONTENT_V1_BLOCK - 1, CONTENT_V1_BLOCK + 1};
	struct content_v1_single read;
	struct scene scene;

	(void)state;
	scene_begin(&scene, DIGEST_SHA256, false);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		assert_int_equal(digest_hash(DIGEST_SHA256, scene.data, sizes[i], scene.hashes), 0);
		describe(&scene, 0, 0, 1);
		read = read_scene(&scene);
		assert_int_equal(content_v1_single_check(&read, 0, scene.data, sizes[i]), -EBADMSG);
	}
	scene_end(&scene);
}

static void a_last_block_may_be_of_one_octet(void **state)
{
	struct content_v1_single read;
	struct scene scene;

	(void)state;
	scene_begin(&scene, DIGEST_SHA256, false);
	scene.single.segment.length = CONTENT_V1_BLOCK + 1;
	scene.single.segment.blocks = 2;
	assert_int_equal(digest_hash(DIGEST_SHA256, block_of(&scene, 1), 1, scene.hashes + 32), 0);
	assert_int_equal(
		digest_hash(DIGEST_SHA256, scene.hashes, 64, scene.single.segment.hash_of_data), 0);
	describe(&scene, 0, 0, 2);
	assert_int_equal(content_v1_single_read(scene.encoded, scene.size, &read), 0);
	assert_int_equal(content_v1_single_check(&read, 0, scene.data, CONTENT_V1_BLOCK), 0);
	assert_int_equal(content_v1_single_check(&read, 1, block_of(&scene, 1), 1), 0);
	scene_end(&scene);
}

/* ---- what is known of the segment ---- */

static void every_algorithm_of_the_version(void **state)
{
	(void)state;
	for (enum digest_algorithm i = DIGEST_SHA256; i <= DIGEST_SHA512; i++) {
		struct content_v1_single read;
		uint8_t id[DIGEST_SIZE_MAX];
		struct scene scene;

		scene_begin(&scene, i, false);
		scene.single.segment.offset = 7 * (uint64_t)CONTENT_V1_SEGMENT;
		describe(&scene, 3, 0, BLOCKS);
		assert_int_equal(scene.size, 18 + 16 + 4 + (2 + BLOCKS) * digest_size(i));
		read = read_scene(&scene);
		assert_int_equal(read.algorithm, i);
		assert_int_equal(read.segment.offset, 7 * (uint64_t)CONTENT_V1_SEGMENT);
		assert_int_equal(read.segment.length, LENGTH);
		assert_memory_equal(read.segment.hash_of_data, scene.single.segment.hash_of_data,
				    DIGEST_SIZE_MAX);
		assert_memory_equal(read.segment.secret, scene.single.segment.secret,
				    DIGEST_SIZE_MAX);
		assert_int_equal(
			secret_segment_id(i, read.segment.secret, read.segment.hash_of_data, id),
			0);
		assert_memory_equal(read.id, id, digest_size(i));
		scene_end(&scene);
	}
}

/* What a whole content of one segment is described with is such a thing, and the other way round,
 * whatever dwReadBytesInLastSegment says. */
static void a_complete_list_is_ordinary_content_information(void **state)
{
	uint8_t id[DIGEST_SIZE_MAX];
	struct content_segment segment;
	struct content *content;
	struct scene scene;

	(void)state;
	scene_begin(&scene, DIGEST_SHA256, false);
	describe(&scene, 0, 0, BLOCKS);
	assert_int_equal(
		content_decode(scene.encoded, scene.size, CONTENT_LIMIT_DEFAULT, &content, NULL),
		0);
	assert_int_equal(content_segment(content, 0, &segment), 0);
	assert_int_equal(segment.listed, BLOCKS);
	assert_int_equal(content_segment_id(content, &segment, id), 0);
	assert_memory_equal(read_scene(&scene).id, id, 32);
	content_put(content);
	memset(scene.encoded + 10, 0, 4);
	read_scene(&scene);
	memset(scene.encoded + 10, 0xff, 4);
	read_scene(&scene);
	scene_end(&scene);
}

static void a_complete_list_must_make_the_hash_of_data(void **state)
{
	struct content_v1_single read, untouched;
	struct scene scene;

	(void)state;
	memset(&untouched, 0xa5, sizeof(untouched));
	read = untouched;
	scene_begin(&scene, DIGEST_SHA256, false);
	scene.single.segment.hash_of_data[31] ^= 1;
	describe(&scene, 0, 0, BLOCKS);
	assert_int_equal(content_v1_single_read(scene.encoded, scene.size, &read), -EBADMSG);
	assert_memory_equal(&read, &untouched, sizeof(read));
	/* One hash less, and it is a short list, of which nothing can be seen. */
	describe(&scene, 0, 0, BLOCKS - 1);
	read_scene(&scene);
	scene_end(&scene);
}

static void no_prefix_is_read_and_nothing_more(void **state)
{
	struct content_v1_single read;
	struct scene scene;

	(void)state;
	scene_begin(&scene, DIGEST_SHA384, false);
	describe(&scene, CONTENT_V1_BLOCK, 1, 3);
	for (size_t size = 0; size < scene.size; size++) {
		uint8_t *prefix = malloc(size > 0 ? size : 1);

		assert_non_null(prefix);
		memcpy(prefix, scene.encoded, size);
		assert_int_equal(content_v1_single_read(prefix, size, &read), -EBADMSG);
		free(prefix);
	}
	scene.encoded[scene.size] = 0;
	assert_int_equal(content_v1_single_read(scene.encoded, scene.size + 1, &read), -EBADMSG);
	scene_end(&scene);
}

static void counts_are_within_the_segment(void **state)
{
	static const uint32_t counts[] = {0, 4, 6, 513, 0x08000005, UINT32_MAX};
	struct scene scene;

	(void)state;
	scene_begin(&scene, DIGEST_SHA256, false);
	describe(&scene, 0, 0, BLOCKS);
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		struct bytes_out out = bytes_out(scene.encoded + LISTED_AT, 4);
		struct content_v1_single read;

		bytes_put_le32(&out, counts[i]);
		assert_int_equal(content_v1_single_read(scene.encoded, scene.size, &read),
				 -EBADMSG);
	}
	scene_end(&scene);
}

/* ---- writing ---- */

static void what_would_not_be_read_has_no_size(void **state)
{
	struct scene scene;

	(void)state;
	scene_begin(&scene, DIGEST_SHA256, false);
	describe(&scene, CONTENT_V1_BLOCK, 0, 3);
	struct content_v1_single good = scene.single;
#define REFUSED(change)                                                                            \
	do {                                                                                       \
		struct content_v1_single bad = good;                                               \
		bad.change;                                                                        \
		if (content_v1_single_size(&bad) != 0)                                             \
			fail_msg("%s", #change);                                                   \
	} while (0)
	REFUSED(algorithm = DIGEST_SHA512_TRUNC256);
	REFUSED(algorithm = DIGEST_ALGORITHMS);
	REFUSED(skip = LENGTH);
	REFUSED(segment.offset = 1);
	REFUSED(segment.offset = 1ull << 63);
	REFUSED(segment.length = 0);
	REFUSED(segment.length = CONTENT_V1_SEGMENT + 1);
	REFUSED(segment.blocks = BLOCKS + 1);
	REFUSED(segment.listed = 0);
	REFUSED(segment.listed = BLOCKS + 1);
	REFUSED(segment.first_listed = 2); /* who reads would say 0, or 1 */
#undef REFUSED
	assert_true(content_v1_single_size(&good) > 0);
	scene_end(&scene);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_short_list_is_placed_by_the_start_of_the_range),
		cmocka_unit_test(the_first_block_that_fits_ends_the_doubt),
		cmocka_unit_test(the_same_block_twice_leaves_the_doubt),
		cmocka_unit_test(a_block_is_checked_as_a_whole),
		cmocka_unit_test(what_is_no_block_does_not_pass_by_its_hash),
		cmocka_unit_test(a_last_block_may_be_of_one_octet),
		cmocka_unit_test(every_algorithm_of_the_version),
		cmocka_unit_test(a_complete_list_is_ordinary_content_information),
		cmocka_unit_test(a_complete_list_must_make_the_hash_of_data),
		cmocka_unit_test(no_prefix_is_read_and_nothing_more),
		cmocka_unit_test(counts_are_within_the_segment),
		cmocka_unit_test(what_would_not_be_read_has_no_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
