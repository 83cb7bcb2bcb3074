/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Requests of the retrieval protocol, as a server reads them; each is tried as it is and with its
 * size put right. What is valid must be written and read back as the same, and the answers that a
 * server makes to it must be answers to a client.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "peer/ages.h"
#include "peer/pccrr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SIZE_AT 8 /* MsgSize */

static void check(int holds)
{
	if (!holds)
		abort();
}

/* Of exactly that size, so that a sanitizer sees what reads on. */
static uint8_t *room_of(size_t size)
{
	uint8_t *room = malloc(size > 0 ? size : 1);

	check(room != NULL);
	return room;
}

static void check_id(struct pccrr_id id, const uint8_t *message, size_t size)
{
	check(id.size > 0 && id.size <= PCCRR_ID_SIZE_MAX);
	check(id.octets >= message && id.octets + id.size <= message + size);
}

static void check_sane(const struct pccrr_request *request, const uint8_t *message, size_t size)
{
	struct pccrr_ids rest = request->ids;
	struct ages_entry ages[AGES_MAX];
	struct pccrr_id id;
	unsigned count = 0;

	check(request->cipher < CIPHER_ALGORITHMS);
	check(request->version.major == 1 || request->version.major == 2);
	if (request->type == PCCRR_ASK_LIST || request->type == PCCRR_ASK_BLOCK)
		check_id(request->segment, message, size);
	for (uint32_t i = 0; i < request->ids.count; i++) {
		check(pccrr_ids_next(&rest, &id));
		check_id(id, message, size);
	}
	check(!pccrr_ids_next(&rest, &id) && rest.size == 0);
	check(request->type != PCCRR_ASK_SEGMENTS || request->ids.count > 0);
	if (request->blob.size > 0 &&
	    ages_read(request->blob.octets, request->blob.size, ages, &count) == 0)
		check(AGES_SIZE(count) <= request->blob.size);
}

static void check_same(const struct pccrr_request *one, const struct pccrr_request *other)
{
	check(one->type == other->type && one->cipher == other->cipher);
	check(memcmp(&one->version, &other->version, sizeof(one->version)) == 0);
	check(memcmp(&one->least, &other->least, sizeof(one->least)) == 0);
	check(memcmp(&one->most, &other->most, sizeof(one->most)) == 0);
	check(one->block == other->block && one->none == other->none);
	check(memcmp(one->blocks, other->blocks, sizeof(one->blocks)) == 0);
	check(memcmp(one->request_id, other->request_id, sizeof(one->request_id)) == 0);
	check(one->ids.count == other->ids.count && one->ids.size == other->ids.size);
	check(one->blob.size == other->blob.size);
	if (one->segment.size > 0)
		check(pccrr_id_equal(one->segment, other->segment));
	if (one->ids.size > 0)
		check(memcmp(one->ids.wire, other->ids.wire, one->ids.size) == 0);
	if (one->blob.size > 0)
		check(memcmp(one->blob.octets, other->blob.octets, one->blob.size) == 0);
}

static void check_written(const struct pccrr_request *request, size_t size)
{
	size_t written_size = pccrr_request_size(request);
	uint8_t *written = room_of(written_size);
	struct pccrr_request read;

	check(written_size > 0 && written_size <= size);
	pccrr_request_write(request, written);
	check(pccrr_request_read(written, written_size, &read) == PCCRR_VALID);
	check_same(request, &read);
	free(written);
}

static void check_answered(const struct pccrr_request *request, const struct pccrr_answer *answer)
{
	size_t size = pccrr_answer_size(answer);
	uint8_t *body = room_of(size);
	struct pccrr_answer read;

	check(size > 0 && size <= PCCRR_BODY_MAX);
	pccrr_answer_write(answer, body);
	check(pccrr_answer_read(body, size, request, &read) == 0);
	check(read.type == answer->type && read.size == answer->size);
	check(memcmp(read.blocks, answer->blocks, sizeof(read.blocks)) == 0);
	check(memcmp(read.segments, answer->segments, sizeof(read.segments)) == 0);
	free(body);
}

/* Nothing, then everything that was asked for. */
static void check_answers(const struct pccrr_request *request)
{
	static const uint8_t block[16];
	struct pccrr_answer answer;

	pccrr_answer_versions(&answer);
	check_answered(request, &answer);
	if (request->type == PCCRR_ASK_VERSIONS)
		return;
	pccrr_answer_begin(request, cipher_choose(request->cipher, false), &answer);
	check_answered(request, &answer);
	answer.data = block;
	answer.size = request->type == PCCRR_ASK_BLOCK ? sizeof(block) : 0;
	memcpy(answer.blocks, request->blocks, sizeof(answer.blocks));
	range_set_add(answer.segments, answer.positions, (struct range){0, UINT32_MAX});
	check_answered(request, &answer);
}

static void read_request(const uint8_t *message, size_t size)
{
	struct pccrr_request request;

	if (pccrr_request_read(message, size, &request) != PCCRR_VALID)
		return;
	check_sane(&request, message, size);
	check_written(&request, size);
	check_answers(&request);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *mended;

	read_request(data, size);
	if (size < PCCRR_MESSAGE_MIN || size > PCCRR_REQUEST_MAX)
		return 0;
	mended = room_of(size);
	memcpy(mended, data, size);
	struct bytes_out out = bytes_out(mended + SIZE_AT, 4);
	bytes_put_be32(&out, (uint32_t)size);
	read_request(mended, size);
	free(mended);
	return 0;
}
