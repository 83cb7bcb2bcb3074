/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Answers (retrieval.md section 5), in both directions, and what a client requires of one (section
 * 11.2). The parts of a block's message are written apart; writing it whole puts them together.
 */
#include "peer/pccrr_private.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define VERSIONS_SIZE 8u /* octets after the header */

static const enum pccrr_type answers[PCCRR_TYPES] = {
	[PCCRR_ASK_VERSIONS] = PCCRR_VERSIONS,
	[PCCRR_ASK_LIST] = PCCRR_LIST,
	[PCCRR_ASK_BLOCK] = PCCRR_BLOCK,
	[PCCRR_ASK_SEGMENTS] = PCCRR_SEGMENTS,
};

void pccrr_answer_begin(const struct pccrr_request *request, enum cipher_algorithm cipher,
			struct pccrr_answer *answer_out)
{
	assert(request->type < PCCRR_TYPES && answers[request->type] > PCCRR_VERSIONS);
	memset(answer_out, 0, sizeof(*answer_out));
	answer_out->type = answers[request->type];
	answer_out->cipher = cipher;
	answer_out->segment = request->segment;
	answer_out->block = request->block;
	memcpy(answer_out->request_id, request->request_id, PCCRR_REQUEST_ID_SIZE);
	answer_out->positions = request->ids.count;
}

void pccrr_answer_versions(struct pccrr_answer *answer_out)
{
	memset(answer_out, 0, sizeof(*answer_out));
	answer_out->type = PCCRR_VERSIONS;
	answer_out->least.major = PCCRR_MAJOR_LEAST;
	answer_out->most.major = PCCRR_MAJOR_MOST;
}

/* ---- versions ---- */

static size_t versions_size(const struct pccrr_answer *answer)
{
	(void)answer;
	return VERSIONS_SIZE;
}

static void put_versions(struct bytes_out *out, const struct pccrr_answer *answer)
{
	pccrr_put_version(out, answer->least);
	pccrr_put_version(out, answer->most);
}

static void take_versions(struct bytes_in *in, const struct pccrr_request *asked,
			  struct pccrr_answer *answer)
{
	(void)asked;
	answer->least = pccrr_take_version(in);
	answer->most = pccrr_take_version(in);
}

/* ---- a list of blocks ---- */

static size_t list_size(const struct pccrr_answer *answer)
{
	if (!pccrr_id_possible(answer->segment))
		return 0;
	return pccrr_sized(answer->segment.size) + PCCRR_NUMBER_SIZE +
	       PCCRR_RANGE_SIZE * (size_t)range_set_ranges(answer->blocks, PCCRR_BLOCKS) +
	       PCCRR_NUMBER_SIZE;
}

static void put_list(struct bytes_out *out, const struct pccrr_answer *answer)
{
	pccrr_put_id(out, answer->segment);
	pccrr_put_set(out, answer->blocks, PCCRR_BLOCKS);
	bytes_put_be32(out, answer->next);
}

/* Windows does not look at the id, since the connection tells which answer it is; we do. */
static void take_segment(struct bytes_in *in, const struct pccrr_request *asked,
			 struct pccrr_answer *answer)
{
	answer->segment = pccrr_take_id(in);
	pccrr_require(in, !in->failed && pccrr_id_equal(answer->segment, asked->segment));
}

static void take_list(struct bytes_in *in, const struct pccrr_request *asked,
		      struct pccrr_answer *answer)
{
	uint32_t count;

	take_segment(in, asked, answer);
	count = pccrr_take_range_count(in, PCCRR_RANGES_MAX);
	for (uint32_t i = 0; i < count; i++) {
		struct range range = pccrr_take_range(in);

		pccrr_require(in, range_set_meets(asked->blocks, PCCRR_BLOCKS, range));
		range_set_add(answer->blocks, PCCRR_BLOCKS, range);
	}
	range_set_keep(answer->blocks, asked->blocks, PCCRR_BLOCKS);
	answer->next = bytes_be32(in);
}

/* ---- a block ---- */

static uint32_t iv_size(const struct pccrr_answer *answer)
{
	return answer->size > 0 && answer->cipher != CIPHER_NONE ? CIPHER_IV_SIZE : 0;
}

static size_t block_size(const struct pccrr_answer *answer)
{
	if (!pccrr_id_possible(answer->segment) || answer->size > PCCRR_ANSWER_MAX)
		return 0;
	return pccrr_sized(answer->segment.size) + 2 * PCCRR_NUMBER_SIZE +
	       pccrr_sized(answer->size) + 2 * PCCRR_NUMBER_SIZE + iv_size(answer);
}

static void put_block_head(struct bytes_out *out, const struct pccrr_answer *answer)
{
	pccrr_put_id(out, answer->segment);
	bytes_put_be32(out, answer->block);
	bytes_put_be32(out, answer->next);
	bytes_put_be32(out, answer->size);
}

static void put_block_tail(struct bytes_out *out, const struct pccrr_answer *answer)
{
	pccrr_put_padding(out, answer->size);
	bytes_put_be32(out, 0); /* SizeOfVrfBlock */
	bytes_put_be32(out, iv_size(answer));
	bytes_put(out, answer->iv, iv_size(answer));
}

static void put_block(struct bytes_out *out, const struct pccrr_answer *answer)
{
	put_block_head(out, answer);
	bytes_put(out, answer->data, answer->size);
	put_block_tail(out, answer);
}

/* What says that the block is not here may say anything of index and IV. */
static void take_block(struct bytes_in *in, const struct pccrr_request *asked,
		       struct pccrr_answer *answer)
{
	uint32_t verification, iv;

	take_segment(in, asked, answer);
	answer->block = bytes_be32(in);
	answer->next = bytes_be32(in);
	answer->size = bytes_be32(in);
	answer->data = bytes_take(in, answer->size);
	pccrr_take_padding(in, answer->size);
	verification = bytes_be32(in);
	bytes_take(in, verification);
	pccrr_take_padding(in, verification);
	iv = bytes_be32(in);
	if (answer->size == 0) {
		answer->block = asked->block;
		answer->data = NULL;
	}
	pccrr_require(in, answer->block == asked->block);
	if (iv_size(answer) > 0) {
		pccrr_require(in, iv == CIPHER_IV_SIZE);
		bytes_copy(in, answer->iv, CIPHER_IV_SIZE);
	} else {
		bytes_take(in, iv);
	}
}

/* ---- a list of segments ---- */

static size_t segments_size(const struct pccrr_answer *answer)
{
	if (answer->positions > PCCRR_IDS_MAX)
		return 0;
	return PCCRR_REQUEST_ID_SIZE + PCCRR_NUMBER_SIZE +
	       PCCRR_RANGE_SIZE * (size_t)range_set_ranges(answer->segments, answer->positions) +
	       PCCRR_NUMBER_SIZE + answer->blob.size;
}

static void put_segments(struct bytes_out *out, const struct pccrr_answer *answer)
{
	bytes_put(out, answer->request_id, PCCRR_REQUEST_ID_SIZE);
	pccrr_put_set(out, answer->segments, answer->positions);
	pccrr_put_blob(out, answer->blob);
}

/* A list has no more ranges than ids were sent, however badly it is sorted, unless something is in
 * it twice: our choice. That it may end after the ranges is of the older specification. */
static void take_segments(struct bytes_in *in, const struct pccrr_request *asked,
			  struct pccrr_answer *answer)
{
	uint32_t count;

	bytes_copy(in, answer->request_id, PCCRR_REQUEST_ID_SIZE);
	pccrr_require(in,
		      memcmp(answer->request_id, asked->request_id, PCCRR_REQUEST_ID_SIZE) == 0);
	answer->positions = asked->ids.count;
	count = pccrr_take_range_count(in, answer->positions);
	for (uint32_t i = 0; i < count; i++) {
		struct range range = pccrr_take_range(in);

		pccrr_require(in, range.count > 0 &&
					  (uint64_t)range.index + range.count <= answer->positions);
		range_set_add(answer->segments, answer->positions, range);
		if (i == 0)
			answer->first = range.index;
	}
	if (in->left > 0)
		answer->blob = pccrr_take_blob(in);
}

/* ---- any ---- */

static const struct {
	/* Of what follows the header; 0: there is no such message. */
	size_t (*size)(const struct pccrr_answer *answer);
	void (*put)(struct bytes_out *out, const struct pccrr_answer *answer);
	void (*take)(struct bytes_in *in, const struct pccrr_request *asked,
		     struct pccrr_answer *answer);
} kinds[PCCRR_TYPES] = {
	[PCCRR_VERSIONS] = {versions_size, put_versions, take_versions},
	[PCCRR_LIST] = {list_size, put_list, take_list},
	[PCCRR_BLOCK] = {block_size, put_block, take_block},
	[PCCRR_SEGMENTS] = {segments_size, put_segments, take_segments},
};

size_t pccrr_answer_size(const struct pccrr_answer *answer)
{
	size_t size;

	if (answer->type >= PCCRR_TYPES || kinds[answer->type].put == NULL ||
	    answer->cipher >= CIPHER_ALGORITHMS)
		return 0;
	size = kinds[answer->type].size(answer);
	return size == 0 || size > PCCRR_ANSWER_MAX - PCCRR_HEADER_SIZE
		       ? 0
		       : PCCRR_TRANSPORT_SIZE + PCCRR_HEADER_SIZE + size;
}

static void put_beginning(struct bytes_out *out, const struct pccrr_answer *answer)
{
	size_t size = pccrr_answer_size(answer);
	struct pccrr_header header = {pccrr_version_of(answer->type), answer->type,
				      (uint32_t)(size - PCCRR_TRANSPORT_SIZE), answer->cipher};

	assert(size > 0);
	bytes_put_be32(out, header.size);
	pccrr_put_header(out, &header);
}

void pccrr_answer_write(const struct pccrr_answer *answer, uint8_t *body_out)
{
	struct bytes_out out = bytes_out(body_out, pccrr_answer_size(answer));

	put_beginning(&out, answer);
	kinds[answer->type].put(&out, answer);
	assert(!out.failed && out.left == 0);
}

size_t pccrr_block_head(const struct pccrr_answer *answer, uint8_t head_out[PCCRR_HEAD_MAX])
{
	struct bytes_out out = bytes_out(head_out, PCCRR_HEAD_MAX);

	assert(answer->type == PCCRR_BLOCK);
	put_beginning(&out, answer);
	put_block_head(&out, answer);
	assert(!out.failed);
	return (size_t)(out.at - head_out);
}

size_t pccrr_block_tail(const struct pccrr_answer *answer, uint8_t tail_out[PCCRR_TAIL_MAX])
{
	struct bytes_out out = bytes_out(tail_out, PCCRR_TAIL_MAX);

	assert(answer->type == PCCRR_BLOCK);
	put_block_tail(&out, answer);
	assert(!out.failed);
	return (size_t)(out.at - tail_out);
}

/* Takes the transport header and the message's, which must be of one mind with each other and with
 * SIZE. */
static bool take_beginning(struct bytes_in *in, size_t size, const struct pccrr_request *asked,
			   struct pccrr_answer *answer)
{
	uint32_t announced = bytes_be32(in);
	struct pccrr_header header = pccrr_take_header(in);

	if (in->failed || size > PCCRR_BODY_MAX || announced != size - PCCRR_TRANSPORT_SIZE ||
	    header.size != announced)
		return false;
	if (header.type != answers[asked->type] && header.type != PCCRR_VERSIONS)
		return false;
	if (!pccrr_version_known(header.version) || header.cipher >= CIPHER_ALGORITHMS)
		return false;
	answer->type = header.type;
	answer->cipher = header.cipher;
	return true;
}

int pccrr_answer_read(const void *body, size_t size, const struct pccrr_request *asked,
		      struct pccrr_answer *answer_out)
{
	struct bytes_in in = bytes_in(body, size);
	struct pccrr_answer answer = {0};

	assert(asked->type < PCCRR_TYPES && answers[asked->type] != 0);
	if (!take_beginning(&in, size, asked, &answer))
		return -EBADMSG;
	kinds[answer.type].take(&in, asked, &answer);
	if (!bytes_complete(&in))
		return -EBADMSG;
	*answer_out = answer;
	return 0;
}
