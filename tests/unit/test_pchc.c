/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Messages of the hosted cache protocol: the worked ones octet by octet in both directions
 * (hosted-cache.md section 15), limits, descriptors, responses, paths. What is refused and the
 * content information of a segment have tests of their own.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cache/content_v1.h"
#include "tests/unit/pchc_vectors.h"

/* Reads HEX, which must be valid; writes what was read, which must give HEX again. */
static struct octets read_and_write(const char *hex, struct pchc_request *request_out)
{
	struct octets message = vectors_unhex(hex), again;

	assert_int_equal(pchc_request_read(message.data, message.size, pchc_own_version(&message),
					   request_out),
			 PCHC_VALID);
	again = pchc_written(request_out);
	assert_hex(again.data, again.size, hex);
	octets_free(&again);
	return message;
}

/* ---- the worked messages ---- */

static void initial_offer_of_the_digest(void **state)
{
	struct pchc_request request, made = {.type = PCHC_INITIAL_OFFER, .port = 8282};
	struct octets message = read_and_write(INITIAL, &request), id = vectors_unhex(COUNTING);

	(void)state;
	assert_int_equal(request.type, PCHC_INITIAL_OFFER);
	assert_int_equal(request.port, 8282);
	assert_hex(request.segment.octets, request.segment.size, COUNTING);
	octets_free(&message);
	made.segment = (struct pccrr_id){id.data, (uint32_t)id.size};
	message = pchc_written(&made);
	assert_hex(message.data, message.size, INITIAL);
	octets_free(&message);
	octets_free(&id);
}

static void batched_offer_of_the_digest(void **state)
{
	struct pchc_request request;
	struct octets message = read_and_write(BATCHED, &request);
	struct pchc_offers rest = request.offers;
	enum digest_algorithm algorithm;
	struct pchc_offer offer;
	uint32_t blocks;

	(void)state;
	assert_int_equal(request.type, PCHC_BATCHED_OFFER);
	assert_int_equal(request.port, 80);
	assert_int_equal(request.offers.count, 2);
	assert_true(pchc_offers_next(&rest, &offer));
	assert_int_equal(offer.block_size, 65536);
	assert_int_equal(offer.segment_size, 0x1d00000);
	assert_int_equal(offer.algorithm, 1);
	assert_hex(offer.tag, PCHC_TAG_SIZE, WININET);
	assert_hex(offer.id, PCHC_ID_SIZE, COUNTING);
	assert_int_equal(pchc_offer_use(&offer, &algorithm, &blocks), PCHC_USABLE);
	assert_int_equal(algorithm, DIGEST_SHA256);
	assert_int_equal(blocks, 464);
	assert_true(pchc_offers_next(&rest, &offer));
	assert_int_equal(offer.block_size, 70000);
	assert_int_equal(offer.segment_size, 70000);
	assert_int_equal(offer.algorithm, 4);
	assert_hex(offer.tag, PCHC_TAG_SIZE, SMB);
	assert_hex(offer.id, PCHC_ID_SIZE, BACKWARD);
	assert_int_equal(pchc_offer_use(&offer, &algorithm, &blocks), PCHC_USABLE);
	assert_int_equal(algorithm, DIGEST_SHA512_TRUNC256);
	assert_int_equal(blocks, 1);
	assert_false(pchc_offers_next(&rest, &offer));
	octets_free(&message);
}

static void batched_offer_is_made_from_segments(void **state)
{
	struct octets tags[2] = {vectors_unhex(WININET), vectors_unhex(SMB)};
	struct octets ids[2] = {vectors_unhex(COUNTING), vectors_unhex(BACKWARD)}, message;
	uint8_t wire[2 * PCHC_OFFER_SIZE];
	struct bytes_out out = bytes_out(wire, sizeof(wire));
	struct pchc_request request = {.type = PCHC_BATCHED_OFFER, .port = 80};
	struct pchc_offer offer;

	(void)state;
	assert_true(pchc_offer_make(DIGEST_SHA256, 0x1d00000, tags[0].data, ids[0].data, &offer));
	pchc_offers_put(&out, &offer);
	assert_true(
		pchc_offer_make(DIGEST_SHA512_TRUNC256, 70000, tags[1].data, ids[1].data, &offer));
	pchc_offers_put(&out, &offer);
	assert_true(!out.failed && out.left == 0);
	request.offers = (struct pchc_offers){wire, 2};
	message = pchc_written(&request);
	assert_hex(message.data, message.size, BATCHED);
	octets_free(&message);
	for (int i = 0; i < 2; i++) {
		octets_free(&tags[i]);
		octets_free(&ids[i]);
	}
}

static void segment_info_of_the_digest(void **state)
{
	struct pchc_request request;
	struct octets message = read_and_write(INFORMATION, &request);
	const struct content_v1_single *information = &request.information;
	const struct content_segment *segment = &information->segment;

	(void)state;
	assert_int_equal(request.type, PCHC_SEGMENT_INFO);
	assert_int_equal(request.port, 8282);
	assert_hex(request.tag, PCHC_TAG_SIZE, BITS);
	assert_int_equal(information->algorithm, DIGEST_SHA256);
	assert_int_equal(information->skip, 0);
	assert_int_equal(segment->offset, 0);
	assert_int_equal(segment->length, 19);
	assert_int_equal(segment->blocks, 1);
	assert_int_equal(segment->first_listed, 0);
	assert_int_equal(segment->listed, 1);
	assert_int_equal(information->first_otherwise, 0);
	assert_hex(segment->hash_of_data, 32, FOX_DATA);
	assert_hex(segment->secret, 32, FOX_SECRET);
	assert_hex(information->hashes, 32, FOX_BLOCK);
	assert_int_equal(
		content_v1_single_check(&request.information, 0, "The quick brown fox", 19), 0);
	octets_free(&message);
}

/* ---- limits ---- */

/* COUNT descriptors, as a client collects them; the buffer is to be freed. */
static uint8_t *many_offers(uint32_t count, struct pchc_request *request_out)
{
	static const uint8_t id[PCHC_ID_SIZE], tag[PCHC_TAG_SIZE];
	size_t size = (size_t)count * PCHC_OFFER_SIZE;
	uint8_t *wire = malloc(size > 0 ? size : 1);
	struct bytes_out out = bytes_out(wire, size);
	struct pchc_offer offer;

	assert_non_null(wire);
	assert_true(pchc_offer_make(DIGEST_SHA256, 1, tag, id, &offer));
	for (uint32_t i = 0; i < count; i++)
		pchc_offers_put(&out, &offer);
	assert_true(!out.failed && out.left == 0);
	*request_out = (struct pchc_request){.type = PCHC_BATCHED_OFFER, .offers = {wire, count}};
	return wire;
}

static void a_batch_has_up_to_128_descriptors(void **state)
{
	struct pchc_request request, read;
	struct pchc_offer offer;
	uint8_t *wire = many_offers(128, &request);
	struct octets message = pchc_written(&request);
	uint32_t count = 0;

	(void)state;
	assert_int_equal(message.size, 7568);
	assert_int_equal(pchc_request_read(message.data, message.size, 2, &read), PCHC_VALID);
	assert_int_equal(read.offers.count, 128);
	while (pchc_offers_next(&read.offers, &offer))
		count++;
	assert_int_equal(count, 128);
	/* One more: not written, and not read. */
	message.data = realloc(message.data, message.size + PCHC_OFFER_SIZE);
	assert_non_null(message.data);
	memcpy(message.data + message.size, wire, PCHC_OFFER_SIZE);
	message.size += PCHC_OFFER_SIZE;
	assert_int_equal(pchc_verdict_of(message.data, message.size, 2), PCHC_MALFORMED);
	octets_free(&message);
	free(wire);
	wire = many_offers(129, &request);
	assert_int_equal(pchc_request_size(&request), 0);
	free(wire);
	wire = many_offers(0, &request);
	assert_int_equal(pchc_request_size(&request), 0);
	free(wire);
}

/* Told apart by a message that is ignored, whatever follows. */
static void a_body_has_up_to_64_kib(void **state)
{
	struct octets information = vectors_unhex(INFORMATION);
	uint8_t *body = calloc(1, PCHC_REQUEST_MAX + 1);

	(void)state;
	assert_non_null(body);
	assert_int_equal(PCHC_REQUEST_MAX, 65536);
	memcpy(body, information.data, information.size);
	assert_int_equal(pchc_verdict_of(body, PCHC_REQUEST_MAX, 1), PCHC_IGNORED);
	assert_int_equal(pchc_verdict_of(body, PCHC_REQUEST_MAX + 1, 1), PCHC_MALFORMED);
	free(body);
	octets_free(&information);
}

static void the_longest_segment_info_fits(void **state)
{
	static const uint8_t tag[PCHC_TAG_SIZE];
	uint8_t *hashes = calloc(CONTENT_V1_BLOCKS, DIGEST_SIZE_MAX);
	struct pchc_request request = {.type = PCHC_SEGMENT_INFO, .tag = tag}, read;
	struct content_v1_single *information = &request.information;
	struct octets message;

	(void)state;
	assert_non_null(hashes);
	information->algorithm = DIGEST_SHA512;
	information->hashes = hashes;
	information->segment.length = CONTENT_V1_SEGMENT;
	information->segment.blocks = information->segment.listed = CONTENT_V1_BLOCKS;
	assert_int_equal(digest_hash(DIGEST_SHA512, hashes,
				     (size_t)CONTENT_V1_BLOCKS * DIGEST_SIZE_MAX,
				     information->segment.hash_of_data),
			 0);
	message = pchc_written(&request);
	assert_int_equal(message.size, 32966);
	assert_int_equal(pchc_request_read(message.data, message.size, 1, &read), PCHC_VALID);
	assert_int_equal(read.information.segment.listed, CONTENT_V1_BLOCKS);
	octets_free(&message);
	free(hashes);
}

static void what_cannot_be_offered_has_no_size(void **state)
{
	static const uint8_t id[DIGEST_SIZE_MAX];
	struct pchc_request request = {.type = PCHC_INITIAL_OFFER};

	(void)state;
	for (uint32_t size = 0; size <= DIGEST_SIZE_MAX; size++) {
		bool possible = size == 32 || size == 48 || size == 64;

		request.segment = (struct pccrr_id){id, size};
		assert_int_equal(pchc_request_size(&request), possible ? 16 + size : 0);
	}
	request.type = PCHC_SEGMENT_INFO;
	assert_int_equal(pchc_request_size(&request), 0); /* a segment of no octets */
	request.type = 0;
	assert_int_equal(pchc_request_size(&request), 0);
	request.type = PCHC_BATCHED_OFFER + 1;
	assert_int_equal(pchc_request_size(&request), 0);
}

/* ---- descriptors ---- */

static void each_descriptor_has_its_use(void **state)
{
	static const struct {
		uint8_t algorithm;
		uint32_t size;
		enum pchc_use use;
		uint32_t blocks;
	} rows[] = {
		{1, 1, PCHC_USABLE, 1},
		{1, 65536, PCHC_USABLE, 1},
		{1, 65537, PCHC_USABLE, 2},
		{1, 131073, PCHC_USABLE, 3},
		{1, 33554431, PCHC_USABLE, 512},
		{1, 33554432, PCHC_USABLE, 512},
		{1, 33554433, PCHC_ABSURD_SIZE, 0},
		{1, UINT32_MAX, PCHC_ABSURD_SIZE, 0},
		{1, 0, PCHC_ABSURD_SIZE, 0},
		{4, 1, PCHC_USABLE, 1},
		{4, 65537, PCHC_USABLE, 1},
		{4, 131072, PCHC_USABLE, 1},
		{4, 131073, PCHC_ABSURD_SIZE, 0},
		{4, UINT32_MAX, PCHC_ABSURD_SIZE, 0},
		{4, 0, PCHC_ABSURD_SIZE, 0},
		{0, 1, PCHC_UNKNOWN_ALGORITHM, 0},
		{2, 1, PCHC_UNKNOWN_ALGORITHM, 0},
		{3, 1, PCHC_UNKNOWN_ALGORITHM, 0},
		{5, 1, PCHC_UNKNOWN_ALGORITHM, 0},
		{0x0c, 1, PCHC_UNKNOWN_ALGORITHM, 0},
		{0xfe, 0, PCHC_UNKNOWN_ALGORITHM, 0},
	};
	static const uint32_t block_sizes[] = {0, 1, 65535, 65536, UINT32_MAX};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (size_t j = 0; j < sizeof(block_sizes) / sizeof(block_sizes[0]); j++) {
			struct pchc_offer offer = {.block_size = block_sizes[j],
						   .segment_size = rows[i].size,
						   .algorithm = rows[i].algorithm};
			enum digest_algorithm algorithm = DIGEST_ALGORITHMS;
			uint32_t blocks = 0;

			assert_int_equal(pchc_offer_use(&offer, &algorithm, &blocks), rows[i].use);
			assert_int_equal(blocks, rows[i].blocks);
			if (rows[i].use != PCHC_USABLE)
				assert_int_equal(algorithm, DIGEST_ALGORITHMS);
			else
				assert_int_equal(algorithm, rows[i].algorithm == 1
								    ? DIGEST_SHA256
								    : DIGEST_SHA512_TRUNC256);
		}
}

static void only_what_somebody_would_take_is_made(void **state)
{
	static const uint8_t id[PCHC_ID_SIZE], tag[PCHC_TAG_SIZE];
	static const struct {
		enum digest_algorithm algorithm;
		uint32_t length;
		bool made;
	} rows[] = {
		{DIGEST_SHA256, 0, false},
		{DIGEST_SHA256, 33554432, true},
		{DIGEST_SHA256, 33554433, false},
		{DIGEST_SHA384, 1, false},
		{DIGEST_SHA512, 1, false},
		{DIGEST_SHA512_TRUNC256, 0, false},
		{DIGEST_SHA512_TRUNC256, 131072, true},
		{DIGEST_SHA512_TRUNC256, 131073, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pchc_offer offer, untouched;
		enum digest_algorithm algorithm;
		uint32_t blocks;

		memset(&untouched, 0xa5, sizeof(untouched));
		offer = untouched;
		assert_int_equal(
			pchc_offer_make(rows[i].algorithm, rows[i].length, tag, id, &offer),
			rows[i].made);
		if (!rows[i].made) {
			assert_memory_equal(&offer, &untouched, sizeof(offer));
			continue;
		}
		assert_int_equal(pchc_offer_use(&offer, &algorithm, &blocks), PCHC_USABLE);
		assert_int_equal(algorithm, rows[i].algorithm);
	}
}

/* ---- responses ---- */

static void responses_of_the_digest(void **state)
{
	uint8_t body[PCHC_RESPONSE_SIZE];

	(void)state;
	pchc_response_write(PCHC_OK, body);
	assert_hex(body, sizeof(body), "0000000100");
	pchc_response_write(PCHC_INTERESTED, body);
	assert_hex(body, sizeof(body), "0000000101");
}

static void each_response_has_its_request(void **state)
{
	static const struct {
		const char *body;
		int codes[PCHC_BATCHED_OFFER + 1]; /* by request; negative: -EBADMSG */
	} rows[] = {
		{"0000000100", {-1, PCHC_OK, PCHC_OK, PCHC_OK}},
		{"0000000101", {-1, PCHC_INTERESTED, -1, -1}},
		{"0000000102", {-1, -1, -1, -1}},
		{"00000001ff", {-1, -1, -1, -1}},
		{"0000000000", {-1, -1, -1, -1}},
		{"0000000200", {-1, -1, -1, -1}},
		{"0000000500", {-1, -1, -1, -1}},
		{"0100000000", {-1, -1, -1, -1}},
		{"00000001", {-1, -1, -1, -1}},
		{"000000010000", {-1, -1, -1, -1}},
		{"00", {-1, -1, -1, -1}},
		{"", {-1, -1, -1, -1}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct octets body = vectors_unhex(rows[i].body);

		for (enum pchc_type asked = PCHC_INITIAL_OFFER; asked <= PCHC_BATCHED_OFFER;
		     asked++) {
			enum pchc_code code = 77;
			int error = pchc_response_read(body.data, body.size, asked, &code);

			assert_int_equal(error, rows[i].codes[asked] < 0 ? -EBADMSG : 0);
			assert_int_equal(code,
					 rows[i].codes[asked] < 0 ? 77 : rows[i].codes[asked]);
		}
		octets_free(&body);
	}
}

static void path_tells_the_version(void **state)
{
	static const struct {
		const char *path;
		unsigned version;
	} rows[] = {
		{"/C574AC30-5794-4AEE-B1BB-6651C5315029/", 1},
		{"/C574AC30-5794-4AEE-B1BB-6651C5315029", 1},
		{"/c574ac30-5794-4aee-b1bb-6651c5315029/", 1},
		{"/0131501b-d67f-491b-9a40-c4bf27bcb4d4/", 2},
		{"/0131501b-d67f-491b-9a40-c4bf27bcb4d4", 2},
		{"/0131501B-D67F-491B-9A40-C4BF27BCB4D4", 2},
		{"/0131501b-d67f-491b-9a40-c4bf27bcb4d4//", 0},
		{"/0131501b-d67f-491b-9a40-c4bf27bcb4d4/x", 0},
		{"/0131501b-d67f-491b-9a40-c4bf27bcb4d4x", 0},
		{"/0131501b-d67f-491b-9a40-c4bf27bcb4d", 0},
		{"0131501b-d67f-491b-9a40-c4bf27bcb4d4/", 0},
		{PCCRR_PATH, 0},
		{"/", 0},
		{"", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(pchc_path_version(rows[i].path), rows[i].version);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(initial_offer_of_the_digest),
		cmocka_unit_test(batched_offer_of_the_digest),
		cmocka_unit_test(batched_offer_is_made_from_segments),
		cmocka_unit_test(segment_info_of_the_digest),
		cmocka_unit_test(a_batch_has_up_to_128_descriptors),
		cmocka_unit_test(a_body_has_up_to_64_kib),
		cmocka_unit_test(the_longest_segment_info_fits),
		cmocka_unit_test(what_cannot_be_offered_has_no_size),
		cmocka_unit_test(each_descriptor_has_its_use),
		cmocka_unit_test(only_what_somebody_would_take_is_made),
		cmocka_unit_test(responses_of_the_digest),
		cmocka_unit_test(each_response_has_its_request),
		cmocka_unit_test(path_tells_the_version),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
