/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Answers of the retrieval protocol, as a client reads them that asked one of four things; each is
 * tried as it is and with its sizes put right. What is believed must be within what was asked for,
 * and must be written and read back as the same; blocks are decrypted.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "peer/ages.h"
#include "peer/pccrr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ID_SIZE 32
#define IDS 2
#define SIZE_AT (PCCRR_TRANSPORT_SIZE + 8) /* MsgSize */

static const enum pccrr_type types[] = {PCCRR_ASK_VERSIONS, PCCRR_ASK_LIST, PCCRR_ASK_BLOCK,
					PCCRR_ASK_SEGMENTS};

static void check(int holds)
{
	if (!holds)
		abort();
}

static uint8_t *room_of(size_t size)
{
	uint8_t *room = malloc(size > 0 ? size : 1);

	check(room != NULL);
	return room;
}

/* What the corpus answers. IDS_OUT: room for those of the request. */
static struct pccrr_request ask(enum pccrr_type type, uint8_t *ids_out)
{
	struct pccrr_request asked = {.type = type, .cipher = CIPHER_AES_128, .block = 3};
	struct bytes_out out = bytes_out(ids_out, IDS * (4 + ID_SIZE));
	uint8_t id[ID_SIZE];

	for (unsigned base = 0; base <= 0x80; base += 0x80) {
		for (unsigned i = 0; i < ID_SIZE; i++)
			id[i] = (uint8_t)(base + i);
		pccrr_ids_put(&out, (struct pccrr_id){id, ID_SIZE});
	}
	asked.ids = (struct pccrr_ids){ids_out, IDS * (4 + ID_SIZE), IDS};
	asked.segment = (struct pccrr_id){ids_out + 4, ID_SIZE};
	range_set_add(asked.blocks, PCCRR_BLOCKS, (struct range){0, 4});
	range_set_add(asked.blocks, PCCRR_BLOCKS, (struct range){42, 7});
	for (unsigned i = 0; i < PCCRR_REQUEST_ID_SIZE; i++)
		asked.request_id[i] = (uint8_t)(0xa0 + i);
	return asked;
}

static void check_within(const uint8_t *octets, size_t length, const uint8_t *body, size_t size)
{
	check(length == 0 || (octets >= body && octets + length <= body + size));
}

static void check_sane(const struct pccrr_request *asked, const struct pccrr_answer *answer,
		       const uint8_t *body, size_t size)
{
	uint64_t kept[RANGE_SET_WORDS(PCCRR_BLOCKS)];
	struct ages_entry ages[AGES_MAX];
	struct range range;
	unsigned count = 0;

	check(answer->cipher < CIPHER_ALGORITHMS);
	memcpy(kept, answer->blocks, sizeof(kept));
	range_set_keep(kept, asked->blocks, PCCRR_BLOCKS);
	check(memcmp(kept, answer->blocks, sizeof(kept)) == 0);
	if (answer->type == PCCRR_LIST || answer->type == PCCRR_BLOCK)
		check(pccrr_id_equal(answer->segment, asked->segment));
	if (answer->type == PCCRR_BLOCK)
		check(answer->block == asked->block);
	check_within(answer->data, answer->size, body, size);
	check_within(answer->blob.octets, answer->blob.size, body, size);
	check(answer->type != PCCRR_SEGMENTS || answer->positions == IDS);
	check(!range_set_next(answer->segments, PCCRR_IDS_MAX, IDS, &range));
	if (answer->blob.size > 0)
		ages_read(answer->blob.octets, answer->blob.size, ages, &count);
}

static void check_written(const struct pccrr_request *asked, const struct pccrr_answer *answer)
{
	size_t size = pccrr_answer_size(answer);
	uint8_t *body = room_of(size);
	struct pccrr_answer read;

	check(size > 0);
	pccrr_answer_write(answer, body);
	check(pccrr_answer_read(body, size, asked, &read) == 0);
	check(read.type == answer->type && read.cipher == answer->cipher);
	check(memcmp(&read.least, &answer->least, sizeof(read.least)) == 0);
	check(memcmp(&read.most, &answer->most, sizeof(read.most)) == 0);
	check(read.next == answer->next && read.size == answer->size);
	check(memcmp(read.blocks, answer->blocks, sizeof(read.blocks)) == 0);
	check(memcmp(read.segments, answer->segments, sizeof(read.segments)) == 0);
	check(memcmp(read.iv, answer->iv, sizeof(read.iv)) == 0);
	check(read.blob.size == answer->blob.size);
	if (read.size > 0)
		check(memcmp(read.data, answer->data, read.size) == 0);
	free(body);
}

/* As a client does whose content information says that the block has these octets. */
static void open_block(const struct pccrr_answer *answer, size_t size)
{
	static const uint8_t secret[32];
	uint8_t *block = room_of(size);
	bool plausible = cipher_plausible(answer->cipher, size, answer->size);

	check((cipher_decrypt(answer->cipher, secret, answer->iv, answer->data, answer->size, block,
			      size) == 0) == plausible);
	free(block);
}

static void read_answer(const struct pccrr_request *asked, const uint8_t *body, size_t size)
{
	struct pccrr_answer answer;

	if (pccrr_answer_read(body, size, asked, &answer) != 0)
		return;
	check_sane(asked, &answer, body, size);
	check_written(asked, &answer);
	if (answer.type == PCCRR_BLOCK && answer.size > 0) {
		open_block(&answer, answer.size);
		open_block(&answer, 44);
		open_block(&answer, 65536);
	}
	if (answer.type == PCCRR_VERSIONS) {
		struct pccrr_version version = {1, 0};

		pccrr_version_agreed(asked->type, &answer, &version);
		check(version.minor == 0 && (version.major == 1 || version.major == 2));
	}
}

static void mend(uint8_t *body, size_t size)
{
	struct bytes_out transport = bytes_out(body, 4), message = bytes_out(body + SIZE_AT, 4);

	bytes_put_be32(&transport, (uint32_t)(size - PCCRR_TRANSPORT_SIZE));
	bytes_put_be32(&message, (uint32_t)(size - PCCRR_TRANSPORT_SIZE));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *mended = room_of(size), ids[IDS * (4 + ID_SIZE)];

	if (size > 0)
		memcpy(mended, data, size);
	if (size >= PCCRR_TRANSPORT_SIZE + PCCRR_MESSAGE_MIN)
		mend(mended, size);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct pccrr_request asked = ask(types[i], ids);

		read_answer(&asked, data, size);
		read_answer(&asked, mended, size);
	}
	free(mended);
	return 0;
}
