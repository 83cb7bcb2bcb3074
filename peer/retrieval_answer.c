/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A block lies in the room behind RETRIEVAL_ANSWER_HEAD, with its head right before it and its tail
 * right behind; other answers begin with the room.
 */
#include "peer/retrieval_answer.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "cache/store_segment.h"

/* No algorithm makes shorter ones, so these are not worth a look. */
#define ID_SIZE_LEAST 32u

_Static_assert(PCCRR_HEAD_MAX <= RETRIEVAL_ANSWER_HEAD, "the head finds room");
_Static_assert(PCCRR_BLOCKS == STORE_SEGMENT_BLOCKS, "sets of blocks are of one size");
/* All positions apart from each other, and a full blob. */
_Static_assert(PCCRR_IDS_MAX / 2 * 8 + AGES_SIZE(AGES_MAX) + PCCRR_HEAD_MAX < RETRIEVAL_ANSWER_ROOM,
	       "the longest list finds room");

static void write_all(struct retrieval_answer *answer)
{
	answer->size = pccrr_answer_size(&answer->answer);
	assert(answer->size > 0 && answer->size <= sizeof(answer->room));
	pccrr_answer_write(&answer->answer, answer->room);
	answer->body = answer->room;
}

static int find(const struct retrieval_answer *answer, const struct retrieval_giver *giver,
		struct store_segment **segment_out)
{
	struct pccrr_id id = answer->request.segment;

	return store_segment_find(giver->store, id.octets, id.size, segment_out);
}

static void tell_unserved(const struct retrieval_answer *answer,
			  const struct retrieval_giver *giver, struct pccrr_id id)
{
	giver->unserved(giver->context, answer, id);
}

/* ---- a list of blocks ---- */

static uint64_t end_of_last(const uint64_t *blocks)
{
	struct range range = {0, 0};
	uint64_t end = 0;

	while (range_set_next(blocks, PCCRR_BLOCKS, end, &range))
		end = (uint64_t)range.index + range.count;
	return end;
}

static void make_list(struct retrieval_answer *answer, const struct retrieval_giver *giver)
{
	uint64_t held[STORE_SEGMENT_WORDS], end = 0;
	struct store_segment *segment;

	if (find(answer, giver, &segment) == 0) {
		store_segment_held(segment, held);
		store_segment_put(segment);
		memcpy(answer->answer.blocks, answer->request.blocks, sizeof(held));
		range_set_keep(answer->answer.blocks, held, PCCRR_BLOCKS);
		end = end_of_last(answer->answer.blocks);
		if (end > 0)
			answer->answer.next = pccrr_next_block(held, end);
	}
	if (end == 0)
		tell_unserved(answer, giver, answer->request.segment);
	write_all(answer);
}

/* ---- a block ---- */

/* What the block takes of the rate. */
static uint32_t length_of(const struct store_segment *segment, uint32_t block)
{
	const struct content_segment *description = store_segment_description(segment);

	return block + 1 < description->blocks || description->length <= block * CUTTING_UNIT
		       ? CUTTING_UNIT
		       : description->length - block * CUTTING_UNIT;
}

static int encrypt(struct retrieval_answer *answer, const uint8_t *secret, uint8_t *block,
		   uint32_t length)
{
	struct pccrr_answer *message = &answer->answer;

	if (message->cipher == CIPHER_NONE)
		return 0;
	if (cipher_random_iv(message->iv) != 0)
		return -EIO;
	return cipher_encrypt(message->cipher, secret, message->iv, block, length, block);
}

static int read_block(struct retrieval_answer *answer, const struct retrieval_giver *giver,
		      struct store_segment *segment)
{
	uint8_t *block = answer->room + RETRIEVAL_ANSWER_HEAD;
	uint32_t index = answer->request.block, length;
	int error;

	if (!giver->permits(giver->context, length_of(segment, index), &answer->delay_ms)) {
		answer->not_permitted = true;
		return -EBUSY;
	}
	error = store_segment_read(segment, index, block, &length);
	if (error == 0)
		error = encrypt(answer, store_segment_description(segment)->secret, block, length);
	if (error != 0)
		return error;
	answer->given = length;
	answer->answer.size = (uint32_t)cipher_sealed_size(answer->answer.cipher, length);
	return 0;
}

/* Around the block that is in its place. */
static void write_block(struct retrieval_answer *answer)
{
	uint8_t head[PCCRR_HEAD_MAX], *block = answer->room + RETRIEVAL_ANSWER_HEAD;
	size_t head_size = pccrr_block_head(&answer->answer, head);
	size_t tail_size = pccrr_block_tail(&answer->answer, block + answer->answer.size);

	memcpy(block - head_size, head, head_size);
	answer->body = block - head_size;
	answer->size = head_size + answer->answer.size + tail_size;
}

static void make_block(struct retrieval_answer *answer, const struct retrieval_giver *giver)
{
	uint32_t index = answer->request.block;
	uint64_t held[STORE_SEGMENT_WORDS];
	struct store_segment *segment;
	int error = find(answer, giver, &segment);

	if (error == 0) {
		store_segment_held(segment, held);
		answer->answer.next = pccrr_next_block(held, (uint64_t)index + 1);
		error = answer->request.none || !range_set_has(held, PCCRR_BLOCKS, index)
				? -ENOENT
				: read_block(answer, giver, segment);
		store_segment_put(segment);
	}
	if (error == -ENOENT && !answer->request.none)
		tell_unserved(answer, giver, answer->request.segment);
	if (error != 0)
		answer->delay_ms = 0;
	write_block(answer);
}

/* ---- a list of segments ---- */

static void look(struct retrieval_answer *answer, const struct retrieval_giver *giver,
		 struct pccrr_id id)
{
	struct store_segment_summary summary;
	struct range here = {answer->position, 1};

	if (id.size < ID_SIZE_LEAST)
		return;
	if (store_segment_look(giver->store, id.octets, id.size, &summary) != 0 ||
	    summary.held == 0) {
		tell_unserved(answer, giver, id);
		return;
	}
	if (answer->age_count == 0)
		answer->first = answer->position;
	range_set_add(answer->answer.segments, answer->answer.positions, here);
	if (answer->position - answer->first < AGES_MAX)
		answer->ages[answer->age_count++] = (struct ages_entry){
			(uint8_t)(answer->position - answer->first), summary.age_ms};
}

static void write_segments(struct retrieval_answer *answer)
{
	uint8_t blob[AGES_SIZE(AGES_MAX)];
	struct bytes_out out = bytes_out(blob, sizeof(blob));

	if (answer->age_count > 0) {
		ages_write(answer->ages, answer->age_count, &out);
		answer->answer.blob =
			(struct pccrr_blob){blob, (uint32_t)(AGES_SIZE(answer->age_count))};
	}
	write_all(answer);
}

static bool make_segments(struct retrieval_answer *answer, const struct retrieval_giver *giver)
{
	struct pccrr_id id;

	for (unsigned i = 0; i < RETRIEVAL_ANSWER_LOOKS; i++) {
		if (!pccrr_ids_next(&answer->rest, &id)) {
			write_segments(answer);
			return true;
		}
		look(answer, giver, id);
		answer->position++;
	}
	return false;
}

/* ---- any ---- */

void retrieval_answer_begin(struct retrieval_answer *answer, const struct pccrr_request *request,
			    const struct retrieval_giver *giver)
{
	answer->request = *request;
	pccrr_answer_begin(request, cipher_choose(request->cipher, giver->plaintext),
			   &answer->answer);
	answer->rest = request->ids;
	answer->position = 0;
	answer->age_count = 0;
	answer->given = 0;
	answer->delay_ms = 0;
	answer->not_permitted = false;
}

bool retrieval_answer_make(struct retrieval_answer *answer, const struct retrieval_giver *giver)
{
	switch (answer->request.type) {
	case PCCRR_ASK_LIST:
		make_list(answer, giver);
		return true;
	case PCCRR_ASK_BLOCK:
		make_block(answer, giver);
		return true;
	default:
		return make_segments(answer, giver);
	}
}

size_t retrieval_answer_empty(const struct pccrr_request *request, bool plaintext,
			      uint8_t body_out[RETRIEVAL_ANSWER_EMPTY_MAX])
{
	struct pccrr_answer answer;
	size_t size;

	if (request != NULL)
		pccrr_answer_begin(request, cipher_choose(request->cipher, plaintext), &answer);
	else
		pccrr_answer_versions(&answer);
	size = pccrr_answer_size(&answer);
	assert(size > 0 && size <= RETRIEVAL_ANSWER_EMPTY_MAX);
	pccrr_answer_write(&answer, body_out);
	return size;
}
