/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A block lies in the room behind RETRIEVAL_ANSWER_HEAD, with its head right before it and its tail
 * right behind; other answers begin with the room.
 */
#include "peer/retrieval_answer.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "cache/store_opaque.h"
#include "cache/store_segment.h"

/* No algorithm makes shorter ones, so these are not worth a look. */
#define ID_SIZE_LEAST 32u

_Static_assert(PCCRR_HEAD_MAX <= RETRIEVAL_ANSWER_HEAD, "the head finds room");
_Static_assert(RETRIEVAL_ANSWER_HEAD + STORE_OPAQUE_MAX + PCCRR_TAIL_MAX <= RETRIEVAL_ANSWER_ROOM,
	       "an opaque block finds room");
_Static_assert(STORE_OPAQUE_IV_SIZE == CIPHER_IV_SIZE, "IVs are of one size");
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

static void tell_unserved(const struct retrieval_answer *answer,
			  const struct retrieval_giver *giver, struct pccrr_id id)
{
	if (giver->unserved != NULL)
		giver->unserved(giver->context, answer, id);
}

/* ---- what is held of a segment ---- */

struct held {
	struct store_segment *segment; /* of which something is held checked, or NULL */
	uint64_t checked[STORE_SEGMENT_WORDS];
	bool given; /* else as if nothing were held */
	bool plaintext;
};

/* Of the segment that is asked for, what is held checked, and in what manner it is given. */
static void find(struct retrieval_answer *answer, const struct retrieval_giver *giver,
		 struct held *held_out)
{
	struct pccrr_id id = answer->request.segment;
	enum retrieval_manner manner;

	*held_out = (struct held){0};
	manner = id.size >= ID_SIZE_LEAST ? giver->manner(giver->context, id) : RETRIEVAL_NOT;
	if (manner == RETRIEVAL_NOT)
		return;
	held_out->given = true;
	held_out->plaintext = giver->plaintext && manner == RETRIEVAL_AS_ASKED;
	answer->answer.cipher = cipher_choose(answer->request.cipher, held_out->plaintext);
	if (store_segment_find(giver->store, id.octets, id.size, &held_out->segment) == 0)
		store_segment_held(held_out->segment, held_out->checked);
}

/* The first block from FROM on that is held opaque; PCCRR_BLOCKS: none. */
static uint32_t next_opaque(const struct retrieval_answer *answer,
			    const struct retrieval_giver *giver, const struct held *held,
			    uint64_t from)
{
	struct pccrr_id id = answer->request.segment;

	if (!held->given || from >= PCCRR_BLOCKS)
		return PCCRR_BLOCKS;
	return store_opaque_next(giver->store, id.octets, id.size, (uint32_t)from);
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

static void add_opaque(const struct retrieval_answer *answer, const struct retrieval_giver *giver,
		       uint64_t held[STORE_SEGMENT_WORDS])
{
	struct pccrr_id id = answer->request.segment;
	uint64_t opaque[STORE_SEGMENT_WORDS];

	if (store_opaque_held(giver->store, id.octets, id.size, opaque, NULL) > 0)
		for (unsigned i = 0; i < STORE_SEGMENT_WORDS; i++)
			held[i] |= opaque[i];
}

static void make_list(struct retrieval_answer *answer, const struct retrieval_giver *giver)
{
	struct held held;
	uint64_t end;

	find(answer, giver, &held);
	store_segment_put(held.segment);
	if (held.given)
		add_opaque(answer, giver, held.checked);
	memcpy(answer->answer.blocks, answer->request.blocks, sizeof(held.checked));
	range_set_keep(answer->answer.blocks, held.checked, PCCRR_BLOCKS);
	end = end_of_last(answer->answer.blocks);
	if (end > 0)
		answer->answer.next = pccrr_next_block(held.checked, end);
	else
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

static int ask_permission(struct retrieval_answer *answer, const struct retrieval_giver *giver,
			  uint32_t size)
{
	answer->not_permitted = !giver->permits(giver->context, size, &answer->delay_ms);
	return answer->not_permitted ? -EBUSY : 0;
}

static int read_checked(struct retrieval_answer *answer, const struct retrieval_giver *giver,
			struct store_segment *segment)
{
	uint8_t *block = answer->room + RETRIEVAL_ANSWER_HEAD;
	uint32_t index = answer->request.block, length;
	int error = ask_permission(answer, giver, length_of(segment, index));

	if (error == 0)
		error = store_segment_read(segment, index, block, &length);
	if (error == 0)
		error = encrypt(answer, store_segment_description(segment)->secret, block, length);
	if (error != 0)
		return error;
	answer->given = length;
	answer->answer.size = (uint32_t)cipher_sealed_size(answer->answer.cipher, length);
	return 0;
}

/* The object that has most of a segment may lack a block that another one has. */
static int read_elsewhere(struct retrieval_answer *answer, const struct retrieval_giver *giver)
{
	struct pccrr_id id = answer->request.segment;
	struct store_segment *segment;
	int error = store_segment_find_block(giver->store, id.octets, id.size,
					     answer->request.block, &segment);

	if (error != 0)
		return error;
	error = read_checked(answer, giver, segment);
	store_segment_put(segment);
	return error;
}

/* As what it was offered as says. */
static uint32_t plain_size(const struct store_opaque *opaque)
{
	uint32_t before = opaque->block * CUTTING_UNIT, size = opaque->segment_size;

	if (opaque->algorithm == DIGEST_SHA256 && size > before)
		size = size - before < CUTTING_UNIT ? size - before : CUTTING_UNIT;
	return cipher_plausible(opaque->cipher, size, opaque->size) ? size : opaque->size;
}

static int read_opaque(struct retrieval_answer *answer, const struct retrieval_giver *giver,
		       bool plaintext)
{
	struct pccrr_id id = answer->request.segment;
	struct store_opaque opaque;
	int error = store_opaque_read(giver->store, id.octets, id.size, answer->request.block,
				      &opaque, answer->room + RETRIEVAL_ANSWER_HEAD);

	if (error != 0)
		return error;
	if (opaque.cipher >= CIPHER_ALGORITHMS || (opaque.cipher == CIPHER_NONE && !plaintext)) {
		/* It was kept under another setting. Nobody is given it, and as long as it is here
		 * no other is fetched from who gave it. */
		if (!giver->plaintext)
			store_opaque_drop(giver->store, id.octets, id.size, answer->request.block);
		return -ENOENT;
	}
	/* its size was not known before */
	error = ask_permission(answer, giver, plain_size(&opaque));
	if (error != 0)
		return error;
	answer->given = plain_size(&opaque);
	answer->answer.cipher = opaque.cipher;
	answer->answer.size = opaque.size;
	memcpy(answer->answer.iv, opaque.iv, sizeof(opaque.iv));
	return 0;
}

/* Checked if it can be had so. */
static int read_block(struct retrieval_answer *answer, const struct retrieval_giver *giver,
		      const struct held *held)
{
	uint32_t index = answer->request.block;
	bool checked = range_set_has(held->checked, PCCRR_BLOCKS, index), opaque;
	int error = -ENOENT;

	if (checked)
		error = read_checked(answer, giver, held->segment);
	if (error == 0 || error == -EBUSY)
		return error;
	opaque = next_opaque(answer, giver, held, index) == index;
	if (opaque && !checked && held->segment != NULL)
		error = read_elsewhere(answer, giver);
	if (opaque && error != 0 && error != -EBUSY)
		error = read_opaque(answer, giver, held->plaintext);
	return error;
}

static uint32_t next_of_both(const struct retrieval_answer *answer,
			     const struct retrieval_giver *giver, const struct held *held)
{
	uint64_t end = (uint64_t)answer->request.block + 1;
	uint32_t checked = pccrr_next_block(held->checked, end);
	uint32_t opaque = next_opaque(answer, giver, held, end);

	if (opaque == PCCRR_BLOCKS)
		return checked;
	return checked == 0 || opaque < checked ? opaque : checked;
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
	struct held held;
	int error = -ENOENT;

	find(answer, giver, &held);
	answer->answer.next = next_of_both(answer, giver, &held);
	if (!answer->request.none)
		error = read_block(answer, giver, &held);
	store_segment_put(held.segment);
	if (error == -ENOENT && !answer->request.none)
		tell_unserved(answer, giver, answer->request.segment);
	if (error != 0)
		answer->delay_ms = 0;
	write_block(answer);
}

/* ---- a list of segments ---- */

/* Ids that are looked up in one go, and their positions. */
struct looks {
	const uint8_t *ids[RETRIEVAL_ANSWER_LOOKS];
	size_t sizes[RETRIEVAL_ANSWER_LOOKS];
	uint32_t positions[RETRIEVAL_ANSWER_LOOKS];
	struct store_segment_summary opaque[RETRIEVAL_ANSWER_LOOKS];
	unsigned count;
};

/* False: there are no more. */
static bool take_looks(struct retrieval_answer *answer, struct looks *looks)
{
	struct pccrr_id id;

	looks->count = 0;
	for (unsigned i = 0; i < RETRIEVAL_ANSWER_LOOKS; i++) {
		if (!pccrr_ids_next(&answer->rest, &id))
			return false;
		if (id.size >= ID_SIZE_LEAST) {
			looks->ids[looks->count] = id.octets;
			looks->sizes[looks->count] = id.size;
			looks->positions[looks->count++] = answer->position;
		}
		answer->position++;
	}
	return true;
}

static void add_segment(struct retrieval_answer *answer, uint32_t position, uint64_t age_ms)
{
	if (answer->age_count == 0)
		answer->first = position;
	range_set_add(answer->answer.segments, answer->answer.positions,
		      (struct range){position, 1});
	if (position - answer->first < AGES_MAX)
		answer->ages[answer->age_count++] =
			(struct ages_entry){(uint8_t)(position - answer->first), age_ms};
}

static void look(struct retrieval_answer *answer, const struct retrieval_giver *giver,
		 const struct looks *looks, unsigned i)
{
	struct pccrr_id id = {looks->ids[i], (uint32_t)looks->sizes[i]};
	const struct store_segment_summary *opaque = &looks->opaque[i];
	struct store_segment_summary checked = {0};

	if (store_segment_look(giver->store, id.octets, id.size, &checked) != 0)
		checked = (struct store_segment_summary){0};
	if ((checked.held == 0 && opaque->held == 0) ||
	    giver->manner(giver->context, id) == RETRIEVAL_NOT)
		tell_unserved(answer, giver, id);
	else
		add_segment(answer, looks->positions[i],
			    checked.age_ms > opaque->age_ms ? checked.age_ms : opaque->age_ms);
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
	struct looks looks;
	bool more = take_looks(answer, &looks);

	if (looks.count > 0 &&
	    store_opaque_look(giver->store, looks.ids, looks.sizes, looks.count, looks.opaque) != 0)
		memset(looks.opaque, 0, sizeof(looks.opaque));
	for (unsigned i = 0; i < looks.count; i++)
		look(answer, giver, &looks, i);
	if (!more)
		write_segments(answer);
	return !more;
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
