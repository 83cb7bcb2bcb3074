/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One segment of version 1.0 in both directions. All integers little-endian.
 */
#include "cache/content_v1_single.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "cache/content_v1_format.h"
#include "cache/secret.h"

/* Rules 5 to 7, and of rule 9 the count. */
static bool possible(const struct content_v1_single *single)
{
	const struct content_segment *segment = &single->segment;

	return segment->length <= CONTENT_V1_SEGMENT && segment->offset % CONTENT_V1_SEGMENT == 0 &&
	       segment->offset <= INT64_MAX - (uint64_t)segment->length &&
	       single->skip < segment->length && /* so there are some */
	       segment->blocks == content_v1_blocks_of(segment->length) && segment->listed > 0 &&
	       segment->listed <= segment->blocks;
}

/* Rule 9: where a list begins that is possible. Senders write it from block 0, or from the block in
 * which the range begins. */
static void place(struct content_v1_single *single)
{
	struct content_segment *segment = &single->segment;
	uint32_t low = single->skip / CONTENT_V1_BLOCK;

	segment->first_listed = 0;
	single->first_otherwise = 0;
	if (segment->listed > segment->blocks - low)
		return;
	single->first_otherwise = low;
	if (segment->listed <= low)
		segment->first_listed = low;
}

/* ---- reading ---- */

static bool take_header(struct bytes_in *in, struct content_v1_single *single)
{
	uint16_t version = bytes_le16(in);
	uint32_t number = bytes_le32(in);

	single->skip = bytes_le32(in);
	bytes_le32(in); /* dwReadBytesInLastSegment */
	return bytes_le32(in) == 1 && version == CONTENT_V1_VERSION &&
	       content_v1_algorithm(number, &single->algorithm);
}

static bool take_description(struct bytes_in *in, struct content_v1_single *single)
{
	struct content_segment *segment = &single->segment;
	uint32_t block_size;

	segment->offset = bytes_le64(in);
	segment->length = bytes_le32(in);
	segment->blocks = content_v1_blocks_of(segment->length);
	block_size = bytes_le32(in);
	bytes_copy(in, segment->hash_of_data, digest_size(single->algorithm));
	bytes_copy(in, segment->secret, digest_size(single->algorithm));
	return block_size == CONTENT_V1_BLOCK;
}

static bool take_list(struct bytes_in *in, struct content_v1_single *single)
{
	single->segment.listed = bytes_le32(in);
	if (in->failed || !possible(single))
		return false;
	place(single);
	single->hashes = bytes_take(in, single->segment.listed * digest_size(single->algorithm));
	return bytes_complete(in);
}

/* Rule 10. */
static int check_list(const struct content_v1_single *single)
{
	const struct content_segment *segment = &single->segment;

	if (segment->listed < segment->blocks)
		return 0;
	return digest_check(single->algorithm, single->hashes,
			    segment->listed * digest_size(single->algorithm),
			    segment->hash_of_data);
}

int content_v1_single_read(const void *data, size_t size, struct content_v1_single *single_out)
{
	struct bytes_in in = bytes_in(data, size);
	struct content_v1_single single = {0};
	int error;

	if (!take_header(&in, &single) || !take_description(&in, &single) ||
	    !take_list(&in, &single))
		return -EBADMSG;
	error = check_list(&single);
	if (error == 0)
		error = secret_segment_id(single.algorithm, single.segment.secret,
					  single.segment.hash_of_data, single.id);
	if (error != 0)
		return error;
	*single_out = single;
	return 0;
}

/* ---- writing ---- */

/* A reader can take the list to begin where it does. */
static bool is_placed(const struct content_v1_single *single)
{
	struct content_v1_single read = *single;

	place(&read);
	return single->segment.first_listed == read.segment.first_listed ||
	       single->segment.first_listed == read.first_otherwise;
}

size_t content_v1_single_size(const struct content_v1_single *single)
{
	if (single->algorithm >= DIGEST_ALGORITHMS || content_v1_number(single->algorithm) == 0)
		return 0;
	if (!possible(single) || !is_placed(single))
		return 0;
	return CONTENT_V1_HEADER_SIZE + CONTENT_V1_DESCRIPTION_FIXED + CONTENT_V1_COUNT_SIZE +
	       (2 + (size_t)single->segment.listed) * digest_size(single->algorithm);
}

void content_v1_single_write(const struct content_v1_single *single, struct bytes_out *out)
{
	const struct content_segment *segment = &single->segment;
	size_t hash_size = digest_size(single->algorithm);

	assert(content_v1_single_size(single) > 0);
	bytes_put_le16(out, CONTENT_V1_VERSION);
	bytes_put_le32(out, content_v1_number(single->algorithm));
	bytes_put_le32(out, single->skip);
	bytes_put_le32(out, segment->length); /* dwReadBytesInLastSegment */
	bytes_put_le32(out, 1);
	bytes_put_le64(out, segment->offset);
	bytes_put_le32(out, segment->length);
	bytes_put_le32(out, CONTENT_V1_BLOCK);
	bytes_put(out, segment->hash_of_data, hash_size);
	bytes_put(out, segment->secret, hash_size);
	bytes_put_le32(out, segment->listed);
	bytes_put(out, single->hashes, segment->listed * hash_size);
}

/* ---- checking ---- */

/* NULL: BLOCK has none when the list begins at FIRST. */
static const uint8_t *hash_of(const struct content_v1_single *single, uint32_t block,
			      uint32_t first)
{
	if (block < first || block - first >= single->segment.listed)
		return NULL;
	return single->hashes + (block - first) * digest_size(single->algorithm);
}

static uint32_t length_of(const struct content_segment *segment, uint32_t block)
{
	uint32_t left = segment->length - block * CONTENT_V1_BLOCK;

	return left < CONTENT_V1_BLOCK ? left : CONTENT_V1_BLOCK;
}

int content_v1_single_check(struct content_v1_single *single, uint32_t block, const void *data,
			    size_t size)
{
	struct content_segment *segment = &single->segment;
	const uint8_t *likely = hash_of(single, block, segment->first_listed);
	const uint8_t *otherwise = hash_of(single, block, single->first_otherwise);
	uint8_t hash[DIGEST_SIZE_MAX];
	bool fits, fits_otherwise;
	int error;

	if (likely == NULL && otherwise == NULL)
		return -ENOENT;
	if (size != length_of(segment, block))
		return -EBADMSG;
	error = digest_hash(single->algorithm, data, size, hash);
	if (error != 0)
		return error;
	size = digest_size(single->algorithm);
	fits = likely != NULL && memcmp(hash, likely, size) == 0;
	fits_otherwise = otherwise != NULL && memcmp(hash, otherwise, size) == 0;
	if (!fits && !fits_otherwise)
		return -EBADMSG;
	if (!fits)
		segment->first_listed = single->first_otherwise;
	else if (!fits_otherwise)
		single->first_otherwise = segment->first_listed;
	return 0;
}
