/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Content information of version 1.0 against the vectors, in both directions: contents are hashed
 * and described, and every form of the description is read.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "cache/content_v1.h"
#include "cache/secret.h"
#include "tests/unit/content_vectors.h"

#define SMALL 2048 /* octets of content information of which every prefix is tried */

/* A content, hashed. */
struct described {
	struct octets data;
	enum digest_algorithm algorithm;
	size_t hash_size;
	uint8_t *block_hashes; /* of the whole content, one after the other */
	uint8_t ks[DIGEST_SIZE_MAX];
};

/* A structure in any form that the vectors know. */
struct form {
	uint32_t skip, read;
	const json_t *first_blocks, *counts;
};

static enum digest_algorithm algorithm_named(const char *name)
{
	enum digest_algorithm algorithm = 0;

	while (strcmp(digest_name(algorithm), name) != 0)
		assert_true(++algorithm < DIGEST_ALGORITHMS);
	return algorithm;
}

static struct described describe(const json_t *vector)
{
	struct described described = {.data = vectors_content(json_object_get(vector, "content"))};
	struct octets key = vectors_octets(vector, "secret_key");
	size_t blocks = (described.data.size + CONTENT_V1_BLOCK - 1) / CONTENT_V1_BLOCK;
	struct secret *secret;

	described.algorithm = algorithm_named(vectors_text(vector, "hash"));
	described.hash_size = digest_size(described.algorithm);
	described.block_hashes = malloc(blocks * described.hash_size + 1);
	assert_non_null(described.block_hashes);
	for (size_t i = 0; i < blocks; i++) {
		size_t at = i * CONTENT_V1_BLOCK, left = described.data.size - at;

		assert_int_equal(digest_hash(described.algorithm, described.data.data + at,
					     left < CONTENT_V1_BLOCK ? left : CONTENT_V1_BLOCK,
					     described.block_hashes + i * described.hash_size),
				 0);
	}
	assert_int_equal(secret_create(key.data, key.size, &secret), 0);
	assert_int_equal(secret_server(secret, described.algorithm, described.ks), 0);
	assert_json_hex(described.ks, described.hash_size, vector, "ks");
	secret_free(secret);
	octets_free(&key);
	return described;
}

static void described_free(struct described *described)
{
	octets_free(&described->data);
	free(described->block_hashes);
}

static const uint8_t *hashes_of(const struct described *described,
				const struct content_v1_plan *plan, uint32_t index)
{
	return described->block_hashes +
	       content_v1_offset(plan, index) / CONTENT_V1_BLOCK * described->hash_size;
}

/* HoD and Kp as they must be. */
static void name_segment(const struct described *described, const struct content_v1_plan *plan,
			 uint32_t index, uint8_t *hash_of_data, uint8_t *kp)
{
	assert_int_equal(digest_hash(described->algorithm, hashes_of(described, plan, index),
				     content_v1_blocks(plan, index) * described->hash_size,
				     hash_of_data),
			 0);
	assert_int_equal(secret_segment(described->algorithm, described->ks, hash_of_data, kp), 0);
}

/* As our encoder does it: parts in any order, here the last first. */
static struct octets encode(const struct described *described, const struct content_v1_plan *plan)
{
	struct octets info = {malloc(plan->size), plan->size};

	assert_non_null(info.data);
	for (uint32_t i = plan->segments; i-- > 0;) {
		uint8_t hash_of_data[DIGEST_SIZE_MAX], kp[DIGEST_SIZE_MAX];
		struct bytes_out list = bytes_out(info.data + content_v1_list_at(plan, i),
						  content_v1_list_size(plan, i));
		struct bytes_out description =
			bytes_out(info.data + content_v1_description_at(plan, i),
				  content_v1_description_size(plan));

		name_segment(described, plan, i, hash_of_data, kp);
		content_v1_put_list(plan, i, hashes_of(described, plan, i), &list);
		content_v1_put_description(plan, i, hash_of_data, kp, &description);
		assert_true(!list.failed && list.left == 0);
		assert_true(!description.failed && description.left == 0);
	}
	struct bytes_out header = bytes_out(info.data, CONTENT_V1_HEADER_SIZE);
	content_v1_put_header(plan, &header);
	assert_true(!header.failed && header.left == 0);
	return info;
}

/* Any form, also those that we do not write. */
static struct octets encode_form(const struct described *described,
				 const struct content_v1_plan *plan, const struct form *form,
				 size_t size)
{
	struct octets info = {malloc(size), size};
	struct bytes_out out = bytes_out(info.data, size);
	struct content_v1_plan changed = *plan;

	changed.skip = form->skip;
	changed.read = form->read;
	content_v1_put_header(&changed, &out);
	for (uint32_t i = 0; i < plan->segments; i++) {
		uint8_t hash_of_data[DIGEST_SIZE_MAX], kp[DIGEST_SIZE_MAX];

		name_segment(described, plan, i, hash_of_data, kp);
		content_v1_put_description(plan, i, hash_of_data, kp, &out);
	}
	for (uint32_t i = 0; i < plan->segments; i++) {
		size_t first = json_integer_value(json_array_get(form->first_blocks, i));
		size_t count = json_integer_value(json_array_get(form->counts, i));

		bytes_put_le32(&out, (uint32_t)count);
		bytes_put(&out, hashes_of(described, plan, i) + first * described->hash_size,
			  count * described->hash_size);
	}
	assert_true(!out.failed && out.left == 0);
	return info;
}

static void check_octets(const struct octets *info, const json_t *form)
{
	uint8_t hash[32];

	assert_int_equal(info->size, vectors_number(form, "info_size"));
	assert_int_equal(EVP_Digest(info->data, info->size, hash, NULL, EVP_sha256(), NULL), 1);
	assert_json_hex(hash, sizeof(hash), form, "info_sha256");
	if (json_object_get(form, "info") != NULL)
		assert_json_hex(info->data, info->size, form, "info");
}

static void check_listing(const struct content *content, const json_t *form)
{
	for (uint32_t i = 0; i < content_segments(content); i++) {
		struct content_segment segment;

		assert_int_equal(content_segment(content, i, &segment), 0);
		assert_int_equal(segment.first_listed,
				 json_integer_value(
					 json_array_get(json_object_get(form, "first_block"), i)));
		assert_int_equal(segment.listed, json_integer_value(json_array_get(
							 json_object_get(form, "cBlocks"), i)));
	}
}

static void check_form(const json_t *vector, const json_t *form, const struct described *described,
		       const struct content_v1_plan *plan)
{
	struct form parts = {
		.skip = (uint32_t)vectors_number(form, "dwOffsetInFirstSegment"),
		.read = (uint32_t)vectors_number(form, "dwReadBytesInLastSegment"),
		.first_blocks = vectors_list(form, "first_block"),
		.counts = vectors_list(form, "cBlocks"),
	};
	struct octets info =
		encode_form(described, plan, &parts, (size_t)vectors_number(form, "info_size"));
	struct content *content;

	check_octets(&info, form);
	if (vectors_true(form, "canonical")) {
		struct octets written = encode(described, plan);

		check_octets(&written, form);
		octets_free(&written);
	}
	assert_int_equal(
		content_decode(info.data, info.size, CONTENT_LIMIT_DEFAULT, &content, NULL), 0);
	assert_int_equal(content_version(content), 1);
	assert_int_equal(content_header(content)->skip, parts.skip);
	assert_int_equal(content_header(content)->length, parts.read);
	assert_int_equal(content_header(content)->chunks, 0);
	assert_int_equal(content_header(content)->size, info.size);
	check_decoded(content, vector, described->data.data);
	check_listing(content, form);
	content_put(content);
	assert_int_equal(check_verdict(&info), 0);
	check_prefixes(&info, info.size <= SMALL ? 1 : 509, 0);
	octets_free(&info);
}

static void every_vector_is_written_and_every_form_read(void **state)
{
	json_t *file = vectors_load("v1.json");
	const json_t *vector;
	size_t i, j;

	(void)state;
	json_array_foreach(vectors_list(file, "vectors"), i, vector)
	{
		struct described described = describe(vector);
		struct content_v1_plan plan;
		const json_t *form;
		uint64_t start, length;

		if (vectors_true(vector, "refuse")) {
			assert_int_equal(content_v1_plan(described.algorithm, described.data.size,
							 0, described.data.size, &plan),
					 -EINVAL);
			described_free(&described);
			continue;
		}
		vectors_pair(json_object_get(vector, "range"), &start, &length);
		assert_int_equal(content_v1_plan(described.algorithm, described.data.size, start,
						 length, &plan),
				 0);
		json_array_foreach(vectors_list(vector, "forms"), j, form)
			check_form(vector, form, &described, &plan);
		described_free(&described);
	}
	json_decref(file);
}

/* Of a complete structure, these fields have one right value; in the others another may do. */
static bool must_be_as_is(size_t at, size_t segments, size_t hash_size, size_t size)
{
	size_t description = 16 + 2 * hash_size, within;

	if (at < CONTENT_V1_HEADER_SIZE)
		return at < 6 || at >= 14;
	if (at >= CONTENT_V1_HEADER_SIZE + segments * description)
		return at < size;
	within = (at - CONTENT_V1_HEADER_SIZE) % description;
	return within >= 12 && within < 16 + hash_size;
}

static void check_mutations(const struct octets *info, size_t segments, size_t hash_size)
{
	for (size_t at = 0; at < info->size; at++) {
		uint8_t was = info->data[at];

		for (unsigned change = 1; change < 256; change = change * 2 + 1) {
			info->data[at] = was ^ (uint8_t)change;
			if (check_verdict(info) == 0 &&
			    must_be_as_is(at, segments, hash_size, info->size))
				fail_msg("accepted with octet %zu changed", at);
		}
		info->data[at] = was;
	}
}

static void no_changed_octet_is_accepted_that_could_be_checked(void **state)
{
	static const char *const names[] = {"one-byte", "hello-sha384", "hello-sha512",
					    "block-plus-1", "1MiB-plus-3"};
	json_t *file = vectors_load("v1.json");
	const json_t *vector;
	size_t i;

	(void)state;
	json_array_foreach(vectors_list(file, "vectors"), i, vector)
	{
		for (size_t j = 0; j < sizeof(names) / sizeof(names[0]); j++) {
			struct octets info;

			if (strcmp(vectors_text(vector, "name"), names[j]) != 0)
				continue;
			info = vectors_octets(json_array_get(vectors_list(vector, "forms"), 0),
					      "info");
			check_mutations(&info, 1,
					digest_size(algorithm_named(vectors_text(vector, "hash"))));
			octets_free(&info);
		}
	}
	json_decref(file);
}

static void ranges_that_cannot_be_are_refused(void **state)
{
	static const struct {
		uint64_t size, start, length;
		int error;
	} cases[] = {
		{0, 0, 0, -EINVAL},          {5, 0, 0, -EINVAL},
		{5, 5, 1, -EINVAL},          {5, 0, 6, -EINVAL},
		{5, 4, 2, -EINVAL},          {5, 1, UINT64_MAX, -EINVAL},
		{UINT64_MAX, 0, 1, -EINVAL}, {INT64_MAX, 0, INT64_MAX, -EFBIG},
	};
	struct content_v1_plan plan;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(content_v1_plan(DIGEST_SHA256, cases[i].size, cases[i].start,
						 cases[i].length, &plan),
				 cases[i].error);
	assert_int_equal(content_v1_plan(DIGEST_SHA512_TRUNC256, 5, 0, 5, &plan), -EINVAL);
}

static void every_range_comes_back(void **state)
{
	static const uint64_t edges[] = {0,
					 1,
					 65535,
					 65536,
					 65537,
					 33488896,
					 33554431,
					 33554432,
					 33554433,
					 67108863,
					 67108864,
					 67108865,
					 67108864 + 65536,
					 67108864 + 70000};
	enum { EDGES = sizeof(edges) / sizeof(edges[0]) };
	const uint64_t size = edges[EDGES - 1];
	/* The hashes need not be those of a content as long as they fit each other. */
	struct described described = {
		.algorithm = DIGEST_SHA256, .hash_size = 32, .block_hashes = calloc(1026, 32)};

	(void)state;
	assert_non_null(described.block_hashes);
	for (size_t i = 0; i < EDGES; i++)
		for (size_t j = i + 1; j < EDGES; j++) {
			struct content_v1_plan plan;
			struct octets info;
			struct content *content;

			assert_int_equal(content_v1_plan(DIGEST_SHA256, size, edges[i],
							 edges[j] - edges[i], &plan),
					 0);
			info = encode(&described, &plan);
			assert_int_equal(
				content_decode(info.data, info.size, info.size, &content, NULL), 0);
			assert_int_equal(content_start(content), edges[i]);
			assert_int_equal(content_end(content), edges[j]);
			content_put(content);
			octets_free(&info);
		}
	free(described.block_hashes);
}

/* Else right: as many hashes as blocks, and those of HoD. */
static void a_segment_over_the_largest_is_rejected(void **state)
{
	enum { BLOCKS = CONTENT_V1_BLOCKS + 1 };
	static const uint8_t hashes[BLOCKS * 32];
	struct octets info = {malloc(102 + sizeof(hashes)), 102 + sizeof(hashes)};

	(void)state;
	assert_non_null(info.data);
	for (uint32_t over = 0; over < 2; over++) {
		uint32_t count = CONTENT_V1_BLOCKS + over;
		struct bytes_out out = bytes_out(info.data, info.size);
		uint8_t hash_of_data[32];

		assert_int_equal(digest_hash(DIGEST_SHA256, hashes, count * 32, hash_of_data), 0);
		bytes_put(&out, "\0\1\x0c\x80\0\0\0\0\0\0\0\0\0\0\1\0\0", 18);
		bytes_put_le64(&out, 0);
		bytes_put_le32(&out, CONTENT_V1_SEGMENT + over);
		bytes_put_le32(&out, CONTENT_V1_BLOCK);
		bytes_put(&out, hash_of_data, 32);
		bytes_put(&out, hashes, 32);
		bytes_put_le32(&out, count);
		bytes_put(&out, hashes, count * 32);
		info.size -= out.left;
		assert_int_equal(check_verdict(&info), over == 0 ? 0 : -EBADMSG);
		info.size += out.left;
	}
	octets_free(&info);
}

static void octets_that_differ_do_not_pass(void **state)
{
	json_t *file = vectors_load("v1.json");
	const json_t *vector = json_array_get(vectors_list(file, "vectors"), 2);
	struct octets info =
		vectors_octets(json_array_get(vectors_list(vector, "forms"), 0), "info");
	struct content *content;
	struct content_block block;

	(void)state;
	assert_int_equal(content_decode(info.data, info.size, info.size, &content, NULL), 0);
	assert_int_equal(content_block_at(content, 0, &block), 0);
	assert_int_equal(content_block_check(content, &block, "hello", 5), 0);
	assert_int_equal(content_block_check(content, &block, "hellO", 5), -EBADMSG);
	assert_int_equal(content_block_check(content, &block, "hello", 4), -EBADMSG);
	assert_int_equal(content_block_check(content, &block, "hello", 6), -EBADMSG);
	content_put(content);
	octets_free(&info);
	json_decref(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_vector_is_written_and_every_form_read),
		cmocka_unit_test(no_changed_octet_is_accepted_that_could_be_checked),
		cmocka_unit_test(ranges_that_cannot_be_are_refused),
		cmocka_unit_test(every_range_comes_back),
		cmocka_unit_test(a_segment_over_the_largest_is_rejected),
		cmocka_unit_test(octets_that_differ_do_not_pass),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
