/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Messages of the hosted cache protocol: an input is read as an offer of either version, and as a
 * response; an offer with content information once more with a hash of data that its list makes.
 * What is valid must hold together, be written and read back as the same, and fit its answer.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cache/content_v1.h"
#include "peer/pchc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Where content information has its parts in a message, with SHA-256. */
#define HASH_OF_DATA_AT 66u
#define LIST_AT 134u

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

static void check_inside(const uint8_t *part, size_t part_size, const uint8_t *message, size_t size)
{
	check(part >= message && part_size <= size && part <= message + (size - part_size));
}

static void check_offers(const struct pchc_request *request, const uint8_t *message, size_t size)
{
	struct pchc_offers rest = request->offers;
	struct pchc_offer offer, made;
	enum digest_algorithm algorithm;
	uint32_t blocks, count = 0;

	check(rest.count > 0 && rest.count <= PCHC_OFFERS_MAX);
	while (pchc_offers_next(&rest, &offer)) {
		count++;
		check_inside(offer.tag, PCHC_TAG_SIZE, message, size);
		check_inside(offer.id, PCHC_ID_SIZE, message, size);
		if (pchc_offer_use(&offer, &algorithm, &blocks) != PCHC_USABLE)
			continue;
		check(blocks > 0 && blocks <= CONTENT_V1_BLOCKS);
		check(pchc_offer_make(algorithm, offer.segment_size, offer.tag, offer.id, &made));
		check(made.algorithm == offer.algorithm);
	}
	check(count == request->offers.count);
}

/* Any block: what it is checked against lies in the message, and a doubt only gets smaller. */
static void check_information(const struct content_v1_single *information, const uint8_t *message,
			      size_t size)
{
	const struct content_segment *segment = &information->segment;
	size_t hash_size = digest_size(information->algorithm);
	struct content_v1_single asked = *information;
	uint8_t octet = 0;

	check(segment->length > 0 && segment->length <= CONTENT_V1_SEGMENT);
	check(segment->listed > 0 && segment->blocks <= CONTENT_V1_BLOCKS);
	check(segment->first_listed + segment->listed <= segment->blocks);
	check(information->first_otherwise + segment->listed <= segment->blocks);
	check(segment->offset + segment->length <= INT64_MAX);
	check_inside(information->hashes, segment->listed * hash_size, message, size);
	for (uint32_t block = 0; block <= segment->blocks; block++)
		check(content_v1_single_check(&asked, block, &octet, 1) <= 0);
	check(content_v1_single_check(&asked, segment->blocks, &octet, 1) == -ENOENT);
}

static void check_sane(const struct pchc_request *request, const uint8_t *message, size_t size)
{
	switch (request->type) {
	case PCHC_INITIAL_OFFER:
		check_inside(request->segment.octets, request->segment.size, message, size);
		check(request->segment.size >= 32 && request->segment.size <= DIGEST_SIZE_MAX);
		break;
	case PCHC_SEGMENT_INFO:
		check_inside(request->tag, PCHC_TAG_SIZE, message, size);
		check_information(&request->information, message, size);
		break;
	default:
		check(request->type == PCHC_BATCHED_OFFER);
		check_offers(request, message, size);
	}
}

static void check_same_information(const struct content_v1_single *one,
				   const struct content_v1_single *other)
{
	check(one->algorithm == other->algorithm && one->skip == other->skip);
	check(memcmp(&one->segment, &other->segment, sizeof(one->segment)) == 0);
	check(one->first_otherwise == other->first_otherwise);
	check(memcmp(one->id, other->id, sizeof(one->id)) == 0);
	check(memcmp(one->hashes, other->hashes,
		     one->segment.listed * digest_size(one->algorithm)) == 0);
}

static void check_same(const struct pchc_request *one, const struct pchc_request *other)
{
	check(one->type == other->type && one->port == other->port);
	if (one->type == PCHC_INITIAL_OFFER)
		check(pccrr_id_equal(one->segment, other->segment));
	if (one->type == PCHC_SEGMENT_INFO) {
		check(memcmp(one->tag, other->tag, PCHC_TAG_SIZE) == 0);
		check_same_information(&one->information, &other->information);
	}
	check(one->offers.count == other->offers.count);
	if (one->offers.count > 0)
		check(memcmp(one->offers.wire, other->offers.wire,
			     (size_t)one->offers.count * PCHC_OFFER_SIZE) == 0);
}

/* Paddings and dwReadBytesInLastSegment apart it is the same message; and written once more it is
 * the same to the octet. */
static void check_written(const struct pchc_request *request, unsigned version, size_t size)
{
	size_t written_size = pchc_request_size(request);
	uint8_t *written = room_of(written_size), *again = room_of(written_size);
	struct pchc_request read;

	check(written_size == size);
	pchc_request_write(request, written);
	check(pchc_request_read(written, written_size, version, &read) == PCHC_VALID);
	check_same(request, &read);
	check(pchc_request_size(&read) == written_size);
	pchc_request_write(&read, again);
	check(memcmp(written, again, written_size) == 0);
	free(written);
	free(again);
}

static enum pchc_verdict read_request(const uint8_t *message, size_t size, unsigned version)
{
	struct pchc_request request;
	enum pchc_verdict verdict = pchc_request_read(message, size, version, &request);

	if (verdict == PCHC_IGNORED)
		check(version == 1 && size >= 32);
	if (verdict != PCHC_VALID)
		return verdict;
	check(size <= PCHC_REQUEST_MAX && message[1] == version);
	check_sane(&request, message, size);
	check_written(&request, version, size);
	return verdict;
}

/* A fuzzer finds no hash. */
static void read_mended(const uint8_t *message, size_t size)
{
	uint8_t *mended = room_of(size);

	memcpy(mended, message, size);
	check(digest_hash(DIGEST_SHA256, mended + LIST_AT, size - LIST_AT,
			  mended + HASH_OF_DATA_AT) == 0);
	read_request(mended, size, 1);
	free(mended);
}

static void read_response(const uint8_t *body, size_t size)
{
	for (enum pchc_type asked = PCHC_INITIAL_OFFER; asked <= PCHC_BATCHED_OFFER; asked++) {
		uint8_t written[PCHC_RESPONSE_SIZE];
		enum pchc_code code;

		if (pchc_response_read(body, size, asked, &code) != 0)
			continue;
		check(size == sizeof(written));
		check(code == PCHC_OK || (code == PCHC_INTERESTED && asked == PCHC_INITIAL_OFFER));
		pchc_response_write(code, written);
		check(memcmp(written, body, sizeof(written)) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum pchc_verdict verdict = read_request(data, size, 1);

	/* A message is of one version at most. */
	check(read_request(data, size, 2) == PCHC_MALFORMED || verdict == PCHC_MALFORMED);
	if (verdict == PCHC_IGNORED && size > LIST_AT)
		read_mended(data, size);
	read_response(data, size);
	return 0;
}
