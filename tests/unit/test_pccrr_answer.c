/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Answers of the retrieval protocol: as a server writes them, and what of them a client believes
 * (retrieval.md sections 5, 9, 11.2 and 15).
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/retrieval_vectors.h"

/* A vector, read as far as both sides have it. */
struct exchange {
	struct octets message, body;
	struct pccrr_request asked; /* leads into MESSAGE */
};

static struct exchange exchange_of(const json_t *vector)
{
	struct exchange exchange = {
		vectors_octets(vector, "asked"), vectors_octets(vector, "body"), {0}};

	assert_int_equal(
		pccrr_request_read(exchange.message.data, exchange.message.size, &exchange.asked),
		PCCRR_VALID);
	return exchange;
}

static void exchange_free(struct exchange *exchange)
{
	octets_free(&exchange->message);
	octets_free(&exchange->body);
}

/* Of exactly the octets, so that a sanitizer sees what reads on. MENDED: both headers say that it
 * has this size. */
static int read_copy(const struct exchange *exchange, size_t size, bool mended)
{
	struct octets copy = {malloc(size > 0 ? size : 1), size};
	struct pccrr_answer answer;
	int error;

	assert_non_null(copy.data);
	memcpy(copy.data, exchange->body.data, size);
	if (mended) {
		struct bytes_out out = bytes_out(copy.data, PCCRR_TRANSPORT_SIZE);

		bytes_put_be32(&out, (uint32_t)(size - PCCRR_TRANSPORT_SIZE));
		set_message_size(copy.data + PCCRR_TRANSPORT_SIZE, size - PCCRR_TRANSPORT_SIZE);
	}
	error = pccrr_answer_read(copy.data, copy.size, &exchange->asked, &answer);
	octets_free(&copy);
	return error;
}

static void check_read(const struct pccrr_answer *answer, const json_t *expected)
{
	assert_int_equal(answer->type, vectors_number(expected, "type"));
	assert_int_equal(answer->cipher, vectors_number(expected, "cipher"));
	switch (answer->type) {
	case PCCRR_VERSIONS:
		assert_version(answer->least, vectors_list(expected, "least"));
		assert_version(answer->most, vectors_list(expected, "most"));
		break;
	case PCCRR_LIST:
		assert_id(answer->segment, expected, "segment");
		assert_set(answer->blocks, PCCRR_BLOCKS, vectors_list(expected, "blocks"));
		assert_int_equal(answer->next, vectors_number(expected, "next"));
		break;
	case PCCRR_BLOCK:
		assert_id(answer->segment, expected, "segment");
		assert_int_equal(answer->block, vectors_number(expected, "block"));
		assert_int_equal(answer->next, vectors_number(expected, "next"));
		assert_json_hex(answer->data, answer->size, expected, "data");
		assert_json_hex(answer->iv,
				strlen(vectors_text(expected, "iv")) > 0 ? CIPHER_IV_SIZE : 0,
				expected, "iv");
		break;
	case PCCRR_SEGMENTS:
		assert_json_hex(answer->request_id, PCCRR_REQUEST_ID_SIZE, expected, "request_id");
		assert_set(answer->segments, answer->positions, vectors_list(expected, "segments"));
		assert_int_equal(answer->first, vectors_number(expected, "first"));
		assert_json_hex(answer->blob.octets, answer->blob.size, expected, "blob");
		break;
	default:
		fail_msg("type %d is no answer", (int)answer->type);
	}
}

static void check_vector(const json_t *vector)
{
	const json_t *expected = json_object_get(vector, "read");
	struct exchange exchange = exchange_of(vector);
	struct pccrr_answer answer, untouched;
	struct octets written, whole;
	int error;

	memset(&untouched, 0xa5, sizeof(untouched));
	answer = untouched;
	error = pccrr_answer_read(exchange.body.data, exchange.body.size, &exchange.asked, &answer);
	if (error != (expected != NULL ? 0 : -EBADMSG))
		fail_msg("%s: %d", vectors_text(vector, "name"), error);
	if (expected == NULL) {
		assert_memory_equal(&answer, &untouched, sizeof(answer));
	} else {
		check_read(&answer, expected);
		written = write_answer(&answer);
		whole = json_object_get(vector, "written") != NULL
				? vectors_octets(vector, "written")
				: vectors_octets(vector, "body");
		assert_octets(&written, &whole);
		octets_free(&written);
		octets_free(&whole);
	}
	exchange_free(&exchange);
}

static void vectors_are_read_and_written(void **state)
{
	json_t *file = retrieval_load("messages.json");
	const json_t *vector;
	size_t i;

	(void)state;
	assert_true(json_array_size(json_object_get(file, "answers")) > 100);
	json_array_foreach(json_object_get(file, "answers"), i, vector) check_vector(vector);
	json_decref(file);
}

/* The one cut that leaves an answer: a list of segments without its blob. */
static bool may_end_at(const struct exchange *exchange, size_t size)
{
	struct bytes_in in = bytes_in(exchange->body.data + 36, 4);

	return exchange->asked.type == PCCRR_ASK_SEGMENTS && size == 40 + 8 * bytes_be32(&in);
}

static void no_prefix_is_an_answer(void **state)
{
	json_t *file = retrieval_load("messages.json");
	const json_t *vector;
	size_t i, tried = 0;

	(void)state;
	json_array_foreach(json_object_get(file, "answers"), i, vector)
	{
		const json_t *expected = json_object_get(vector, "read");
		struct exchange exchange = exchange_of(vector);
		size_t end = expected != NULL ? exchange.body.size : 0;

		for (size_t size = 0; size < end; size++, tried++) {
			bool may = size >= 40 && may_end_at(&exchange, size);

			if (read_copy(&exchange, size, false) == 0 ||
			    (size >= 16 &&
			     read_copy(&exchange, size, true) != (may ? 0 : -EBADMSG)))
				fail_msg("%s at %zu", vectors_text(vector, "name"), size);
		}
		exchange_free(&exchange);
	}
	assert_true(tried > 3000);
	json_decref(file);
}

/* A letter for each octet: whether the answer is still believed when it is changed. a: any value
 * is; n: none other is; z: 0 is; M: majors 1 and 2 are; C: 0 to 3 are. */
#define HEADER "nnnnaanMnnnnnnnnnnnC"
#define ID "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"
#define DATA_48 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct sensitivity {
	const char *name;
	const char *octets;
} sensitivities[] = {
	{"worked-block", HEADER ID "nnnnaaaannnn" DATA_48 "nnnnnnnnaaaaaaaaaaaaaaaa"},
	{"worked-block-missing", HEADER ID "aaaaaaaannnnnnnnnnnn"},
	{"worked-versions-block", HEADER "aaaaaaaa"},
	{"worked-segments", HEADER "nnnnnnnnnnnnnnnnnnnn"
				   "nnnznnnn"
				   "nnnnaaaaaaaa"},
};

static bool believed(char letter, uint8_t value)
{
	return letter == 'a' || (letter == 'z' && value == 0) ||
	       (letter == 'M' && (value == 1 || value == 2)) || (letter == 'C' && value <= 3);
}

static void check_mutations(struct exchange *exchange, const struct sensitivity *sensitivity)
{
	assert_int_equal(strlen(sensitivity->octets), exchange->body.size);
	for (size_t at = 0; at < exchange->body.size; at++) {
		uint8_t original = exchange->body.data[at];

		for (unsigned flip = 1; flip < 256; flip++) {
			uint8_t value = (uint8_t)(original ^ flip);
			struct pccrr_answer answer;

			exchange->body.data[at] = value;
			if ((pccrr_answer_read(exchange->body.data, exchange->body.size,
					       &exchange->asked, &answer) == 0) !=
			    believed(sensitivity->octets[at], value))
				fail_msg("%s: %#x at %zu", sensitivity->name, value, at);
		}
		exchange->body.data[at] = original;
	}
}

static void each_changed_octet_has_its_verdict(void **state)
{
	json_t *file = retrieval_load("messages.json");
	const json_t *vector;
	size_t i, found = 0;

	(void)state;
	json_array_foreach(json_object_get(file, "answers"), i,
			   vector) for (size_t j = 0;
					j < sizeof(sensitivities) / sizeof(sensitivities[0]); j++)
	{
		struct exchange exchange;

		if (strcmp(vectors_text(vector, "name"), sensitivities[j].name) != 0)
			continue;
		exchange = exchange_of(vector);
		check_mutations(&exchange, &sensitivities[j]);
		exchange_free(&exchange);
		found++;
	}
	assert_int_equal(found, sizeof(sensitivities) / sizeof(sensitivities[0]));
	json_decref(file);
}

static const uint8_t id[PCCRR_ID_SIZE_MAX + 1] = {1, 2, 3};

/* Each cipher, several sizes of data and id: the parts put together are the whole. */
static void parts_are_the_whole(void **state)
{
	static const uint32_t sizes[] = {0, 1, 2, 3, 4, 16, 1001};
	uint8_t data[1001], head[PCCRR_HEAD_MAX], tail[PCCRR_TAIL_MAX];
	struct pccrr_answer answer = {.type = PCCRR_BLOCK, .block = 7, .next = 9, .data = data};

	(void)state;
	memset(data, 0x5a, sizeof(data));
	memset(answer.iv, 0xc3, sizeof(answer.iv));
	for (answer.cipher = 0; answer.cipher < CIPHER_ALGORITHMS; answer.cipher++)
		for (uint32_t size = 1; size <= PCCRR_ID_SIZE_MAX; size++)
			for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
				struct octets whole;
				size_t before, behind;

				answer.segment = (struct pccrr_id){id, size};
				answer.size = sizes[i];
				answer.data = data;
				whole = write_answer(&answer);
				answer.data = NULL;
				before = pccrr_block_head(&answer, head);
				behind = pccrr_block_tail(&answer, tail);
				assert_int_equal(before + sizes[i] + behind, whole.size);
				assert_memory_equal(head, whole.data, before);
				assert_memory_equal(data, whole.data + before, sizes[i]);
				assert_memory_equal(tail, whole.data + before + sizes[i], behind);
				octets_free(&whole);
			}
}

static void sizes_are_those_of_the_specification(void **state)
{
	struct pccrr_answer answer = {
		.type = PCCRR_BLOCK, .segment = {id, 32}, .cipher = CIPHER_AES_128};

	(void)state;
	answer.size = (uint32_t)cipher_sealed_size(answer.cipher, 65536);
	assert_int_equal(pccrr_answer_size(&answer), PCCRR_TRANSPORT_SIZE + 65640);
	answer.size = (uint32_t)cipher_sealed_size(answer.cipher, 131072);
	assert_int_equal(pccrr_answer_size(&answer), PCCRR_TRANSPORT_SIZE + 131176);
	answer.size = 0;
	assert_int_equal(pccrr_answer_size(&answer), PCCRR_TRANSPORT_SIZE + 72);
	answer.type = PCCRR_LIST;
	assert_int_equal(pccrr_answer_size(&answer), PCCRR_TRANSPORT_SIZE + 60);
}

static void the_limit_is_to_the_octet(void **state)
{
	struct pccrr_request asked = {.type = PCCRR_ASK_BLOCK, .segment = {id, 32}};
	struct octets data = {calloc(1, PCCRR_ANSWER_MAX), PCCRR_ANSWER_MAX - 88}, body;
	struct pccrr_answer answer, read;

	(void)state;
	assert_non_null(data.data);
	pccrr_answer_begin(&asked, CIPHER_AES_128, &answer);
	answer.size = (uint32_t)data.size;
	answer.data = data.data;
	body = write_answer(&answer);
	assert_int_equal(body.size, PCCRR_BODY_MAX);
	assert_int_equal(pccrr_answer_read(body.data, body.size, &asked, &read), 0);
	assert_int_equal(read.size, data.size);
	answer.size++;
	assert_int_equal(pccrr_answer_size(&answer), 0);
	answer.size = UINT32_MAX;
	assert_int_equal(pccrr_answer_size(&answer), 0);
	/* What we cannot write, by hand: verification data of 4 octets, so 4 over the limit. */
	body.data = realloc(body.data, body.size + 4);
	assert_non_null(body.data);
	memset(body.data + body.size - 24, 0, 28);
	body.data[body.size - 21] = 4;
	body.data[body.size - 13] = CIPHER_IV_SIZE;
	body.size += 4;
	struct bytes_out out = bytes_out(body.data, 4);
	bytes_put_be32(&out, PCCRR_ANSWER_MAX + 4);
	set_message_size(body.data + 4, PCCRR_ANSWER_MAX + 4);
	assert_int_equal(pccrr_answer_read(body.data, body.size, &asked, &read), -EBADMSG);
	octets_free(&data);
	octets_free(&body);
}

static void what_cannot_be_answered_has_no_size(void **state)
{
	struct pccrr_answer answer = {.type = PCCRR_BLOCK, .segment = {id, 0}};

	(void)state;
	assert_int_equal(pccrr_answer_size(&answer), 0);
	answer.segment.size = 65;
	assert_int_equal(pccrr_answer_size(&answer), 0);
	answer.type = PCCRR_LIST;
	assert_int_equal(pccrr_answer_size(&answer), 0);
	answer.segment.size = 32;
	answer.cipher = CIPHER_ALGORITHMS;
	assert_int_equal(pccrr_answer_size(&answer), 0);
	answer.cipher = CIPHER_NONE;
	for (answer.type = 0; answer.type <= PCCRR_TYPES; answer.type++)
		assert_int_equal(pccrr_answer_size(&answer) > 0,
				 answer.type == PCCRR_VERSIONS || answer.type == PCCRR_LIST ||
					 answer.type == PCCRR_BLOCK ||
					 answer.type == PCCRR_SEGMENTS);
	answer.type = PCCRR_SEGMENTS;
	answer.positions = PCCRR_IDS_MAX + 1;
	assert_int_equal(pccrr_answer_size(&answer), 0);
}

/* What one gets who asks a server that is busy, or that knows nothing. */
static void empty_answers_are_answers(void **state)
{
	json_t *file = retrieval_load("messages.json");
	const json_t *vector;
	size_t i, answered = 0;

	(void)state;
	json_array_foreach(json_object_get(file, "requests"), i, vector)
	{
		struct octets message = vectors_octets(vector, "message"), body;
		struct pccrr_request asked;
		struct pccrr_answer answer, read;

		if (pccrr_request_read(message.data, message.size, &asked) == PCCRR_VALID &&
		    asked.type != PCCRR_ASK_VERSIONS) {
			pccrr_answer_begin(&asked, CIPHER_AES_256, &answer);
			body = write_answer(&answer);
			assert_int_equal(pccrr_answer_read(body.data, body.size, &asked, &read), 0);
			assert_int_equal(read.cipher, CIPHER_AES_256);
			assert_int_equal(read.size, 0);
			assert_int_equal(read.next, 0);
			assert_int_equal(range_set_ranges(read.blocks, PCCRR_BLOCKS), 0);
			assert_int_equal(range_set_ranges(read.segments, read.positions), 0);
			assert_int_equal(read.block, asked.block);
			octets_free(&body);
			answered++;
		}
		octets_free(&message);
	}
	assert_true(answered > 50);
	json_decref(file);
}

static void our_versions_are_the_worked_ones(void **state)
{
	struct pccrr_answer answer;
	struct octets body;

	(void)state;
	pccrr_answer_versions(&answer);
	body = write_answer(&answer);
	assert_hex(body.data, body.size,
		   "0000001800000001000000010000001800000000"
		   "0000000100000002");
	octets_free(&body);
}

static void next_block_is_after_the_end(void **state)
{
	uint64_t held[RANGE_SET_WORDS(PCCRR_BLOCKS)] = {0};

	(void)state;
	assert_int_equal(pccrr_next_block(held, 0), 0);
	range_set_add(held, PCCRR_BLOCKS, (struct range){0, 4});
	range_set_add(held, PCCRR_BLOCKS, (struct range){60, 1});
	range_set_add(held, PCCRR_BLOCKS, (struct range){511, 1});
	assert_int_equal(pccrr_next_block(held, 1), 1);
	assert_int_equal(pccrr_next_block(held, 4), 60);
	assert_int_equal(pccrr_next_block(held, 60), 60);
	assert_int_equal(pccrr_next_block(held, 61), 511);
	assert_int_equal(pccrr_next_block(held, 511), 511);
	assert_int_equal(pccrr_next_block(held, 512), 0);
	assert_int_equal(pccrr_next_block(held, (uint64_t)UINT32_MAX + 1), 0);
	assert_int_equal(pccrr_next_block(held, UINT64_MAX), 0);
}

static void fill(uint64_t *set, unsigned *seed)
{
	for (int i = rand_r(seed) % 6; i > 0; i--)
		range_set_add(set, PCCRR_BLOCKS,
			      (struct range){(uint32_t)rand_r(seed) % PCCRR_BLOCKS,
					     (uint32_t)rand_r(seed) % 90});
}

/* A server that answers as it should is understood: every block asked for and held, no other. */
static void exchange_gives_what_is_held(void **state)
{
	unsigned seed = 1;

	(void)state;
	for (int round = 0; round < 2000; round++) {
		struct pccrr_request asked = {.type = PCCRR_ASK_LIST, .segment = {id, 32}}, heard;
		uint64_t held[RANGE_SET_WORDS(PCCRR_BLOCKS)] = {0};
		struct pccrr_answer answer, read;
		struct octets message, body;

		fill(asked.blocks, &seed);
		fill(held, &seed);
		message = write_request(&asked);
		assert_int_equal(pccrr_request_read(message.data, message.size, &heard),
				 PCCRR_VALID);
		pccrr_answer_begin(&heard, CIPHER_AES_128, &answer);
		memcpy(answer.blocks, heard.blocks, sizeof(answer.blocks));
		range_set_keep(answer.blocks, held, PCCRR_BLOCKS);
		body = write_answer(&answer);
		assert_int_equal(pccrr_answer_read(body.data, body.size, &asked, &read), 0);
		for (uint32_t i = 0; i < PCCRR_BLOCKS; i++)
			assert_int_equal(range_set_has(read.blocks, PCCRR_BLOCKS, i),
					 range_set_has(asked.blocks, PCCRR_BLOCKS, i) &&
						 range_set_has(held, PCCRR_BLOCKS, i));
		octets_free(&message);
		octets_free(&body);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors_are_read_and_written),
		cmocka_unit_test(no_prefix_is_an_answer),
		cmocka_unit_test(each_changed_octet_has_its_verdict),
		cmocka_unit_test(parts_are_the_whole),
		cmocka_unit_test(sizes_are_those_of_the_specification),
		cmocka_unit_test(the_limit_is_to_the_octet),
		cmocka_unit_test(what_cannot_be_answered_has_no_size),
		cmocka_unit_test(empty_answers_are_answers),
		cmocka_unit_test(our_versions_are_the_worked_ones),
		cmocka_unit_test(next_block_is_after_the_end),
		cmocka_unit_test(exchange_gives_what_is_held),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
