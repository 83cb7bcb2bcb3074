/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Content information from hashes, one segment at a time: nothing as large as the whole is held.
 * And hashes from content information, one block at a time.
 */
#include "cache/content_hashes.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "cache/content_v1.h"
#include "cache/content_v2.h"
#include "cache/secret.h"

enum { COUNT_FIRST = 64 }; /* hashes to make room for at first */

struct writing {
	const struct content_hashes *hashes;
	const uint8_t *ks;
	content_hashes_put *put;
	void *owner;
	/* A part of the encoded form: a list of version 1.0 is the largest. */
	uint8_t part[sizeof(uint32_t) + CONTENT_V1_BLOCKS * DIGEST_SIZE_MAX];
};

void content_hashes_clear(struct content_hashes *hashes)
{
	free(hashes->lengths);
	free(hashes->hashes);
	*hashes = (struct content_hashes){0};
}

/* Room for one more hash. The blocks were listed, so the encoded form backs what this allocates. */
static int reserve(struct content_hashes *hashes, size_t *allocated)
{
	size_t size = *allocated == 0 ? COUNT_FIRST : *allocated * 2;
	uint8_t *larger;
	uint32_t *lengths;

	if (hashes->count < *allocated)
		return 0;
	if (hashes->count == UINT32_MAX)
		return -EFBIG;
	larger = reallocarray(hashes->hashes, size, digest_size(hashes->algorithm));
	if (larger == NULL)
		return -ENOMEM;
	hashes->hashes = larger;
	if (hashes->version == 2) {
		lengths = reallocarray(hashes->lengths, size, sizeof(*lengths));
		if (lengths == NULL)
			return -ENOMEM;
		hashes->lengths = lengths;
	}
	*allocated = size;
	return 0;
}

static int append_blocks(const struct content *content, struct content_hashes *hashes)
{
	size_t hash_size = digest_size(hashes->algorithm), allocated = 0;

	while (hashes->size < content_end(content)) {
		struct content_block block;
		int error = content_block_at(content, hashes->size, &block);

		if (error == 0)
			error = reserve(hashes, &allocated);
		if (error != 0)
			return error;
		memcpy(hashes->hashes + hashes->count * hash_size, block.hash, hash_size);
		if (hashes->lengths != NULL)
			hashes->lengths[hashes->count] = block.length;
		hashes->count++;
		hashes->size += block.length;
	}
	return 0;
}

/* It begins where the content does and ends where its last listed segment does. */
static int check_whole(const struct content *content)
{
	struct content_segment last;
	int error = content_segment(content, content_segments(content) - 1, &last);

	if (error != 0)
		return error;
	return content_start(content) == 0 && content_end(content) == last.offset + last.length
		       ? 0
		       : -EINVAL;
}

int content_hashes_of(const struct content *content, struct content_hashes *hashes_out)
{
	struct content_hashes hashes = {
		.version = content_version(content),
		.algorithm = content_algorithm(content),
	};
	int error = check_whole(content);

	if (error == 0)
		error = append_blocks(content, &hashes);
	if (error != 0) {
		content_hashes_clear(&hashes);
		return error;
	}
	*hashes_out = hashes;
	return 0;
}

static struct bytes_out part_begin(struct writing *writing)
{
	return bytes_out(writing->part, sizeof(writing->part));
}

static int part_end(struct writing *writing, const struct bytes_out *out)
{
	assert(!out->failed);
	return writing->put(writing->owner, writing->part, sizeof(writing->part) - out->left);
}

static int put_description_v1(struct writing *writing, const struct content_v1_plan *plan,
			      uint32_t index)
{
	const struct content_hashes *hashes = writing->hashes;
	size_t hash_size = digest_size(hashes->algorithm);
	uint64_t block = (plan->first_segment + index) * CONTENT_V1_BLOCKS;
	uint8_t hash_of_data[DIGEST_SIZE_MAX], kp[DIGEST_SIZE_MAX];
	struct bytes_out out = part_begin(writing);
	int error;

	error = digest_hash(hashes->algorithm, hashes->hashes + block * hash_size,
			    content_v1_blocks(plan, index) * hash_size, hash_of_data);
	if (error == 0)
		error = secret_segment(hashes->algorithm, writing->ks, hash_of_data, kp);
	if (error != 0)
		return error;
	content_v1_put_description(plan, index, hash_of_data, kp, &out);
	OPENSSL_cleanse(kp, sizeof(kp));
	return part_end(writing, &out);
}

static int put_list_v1(struct writing *writing, const struct content_v1_plan *plan, uint32_t index)
{
	const struct content_hashes *hashes = writing->hashes;
	uint64_t block = (plan->first_segment + index) * CONTENT_V1_BLOCKS;
	struct bytes_out out = part_begin(writing);

	content_v1_put_list(plan, index, hashes->hashes + block * digest_size(hashes->algorithm),
			    &out);
	return part_end(writing, &out);
}

static int write_v1(struct writing *writing, uint64_t start, uint64_t length, uint64_t *size_out)
{
	struct content_v1_plan plan;
	struct bytes_out out = part_begin(writing);
	int error;

	error = content_v1_plan(writing->hashes->algorithm, writing->hashes->size, start, length,
				&plan);
	if (error != 0)
		return error;
	if (size_out != NULL)
		*size_out = plan.size;
	content_v1_put_header(&plan, &out);
	error = part_end(writing, &out);
	for (uint32_t i = 0; i < plan.segments && error == 0; i++)
		error = put_description_v1(writing, &plan, i);
	for (uint32_t i = 0; i < plan.segments && error == 0; i++)
		error = put_list_v1(writing, &plan, i);
	return error;
}

static int put_segment_v2(struct writing *writing, const struct content_v2_plan *plan,
			  uint32_t index)
{
	const struct content_hashes *hashes = writing->hashes;
	uint64_t segment = plan->first_segment + index;
	const uint8_t *hash_of_data = hashes->hashes + segment * CONTENT_V2_HASH_SIZE;
	uint8_t kp[DIGEST_SIZE_MAX];
	struct bytes_out out = part_begin(writing);
	int error = secret_segment(hashes->algorithm, writing->ks, hash_of_data, kp);

	if (error != 0)
		return error;
	content_v2_put_segment(plan, index, hashes->lengths[segment], hash_of_data, kp, &out);
	OPENSSL_cleanse(kp, sizeof(kp));
	return part_end(writing, &out);
}

static int write_v2(struct writing *writing, uint64_t start, uint64_t length, uint64_t *size_out)
{
	const struct content_hashes *hashes = writing->hashes;
	struct content_v2_plan plan;
	struct bytes_out out = part_begin(writing);
	int error = content_v2_plan(hashes->lengths, hashes->count, start, length, &plan);

	if (error != 0)
		return error;
	if (size_out != NULL)
		*size_out = plan.size;
	content_v2_put_header(&plan, &out);
	error = part_end(writing, &out);
	for (uint32_t i = 0; i < plan.segments && error == 0; i++)
		error = put_segment_v2(writing, &plan, i);
	return error;
}

int content_hashes_write(const struct content_hashes *hashes, const uint8_t *ks, uint64_t start,
			 uint64_t length, uint64_t *size_out, content_hashes_put *put, void *owner)
{
	struct writing *writing = malloc(sizeof(*writing));
	int error;

	if (writing == NULL)
		return -ENOMEM;
	writing->hashes = hashes;
	writing->ks = ks;
	writing->put = put;
	writing->owner = owner;
	if (hashes->version == 1)
		error = write_v1(writing, start, length, size_out);
	else
		error = write_v2(writing, start, length, size_out);
	OPENSSL_cleanse(writing, sizeof(*writing)); /* segment secrets */
	free(writing);
	return error;
}
