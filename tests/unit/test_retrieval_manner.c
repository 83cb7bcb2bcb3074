/* SPDX-License-Identifier: BSD-2-Clause
 *
 * In which manner the retrieval server gives a segment: not, encrypted, or as asked.
 */
#include "tests/unit/retrieval_fixture.h"

#include <stdatomic.h>

static struct client client;
static enum retrieval_manner manner; /* of the worked segment */
static atomic_uint unserved;         /* how often that is told */

static enum retrieval_manner manner_of(void *context, const uint8_t *id, size_t id_size)
{
	assert_ptr_equal(context, &manner);
	assert_int_equal(id_size, ID_SIZE);
	return id[0] == 0 ? manner : RETRIEVAL_AS_ASKED;
}

static void note_unserved(void *context, const struct xaddr *source, const uint8_t *id,
			  size_t id_size)
{
	(void)context;
	(void)id;
	(void)id_size;
	assert_int_equal(source->octets[0], 127);
	unserved++;
}

static int begin_mannered(void **state)
{
	(void)state;
	unserved = 0;
	begin_with(&(struct retrieval_server_options){.plaintext = true,
						      .manner = manner_of,
						      .unserved = note_unserved,
						      .context = &manner});
	come(&client);
	return 0;
}

static int end(void **state)
{
	raw_close(&client);
	return teardown(state);
}

static struct pccrr_answer ask(uint32_t block, enum cipher_algorithm cipher, struct reply *reply)
{
	struct pccrr_request request = ask_block(segment, block);

	request.cipher = cipher;
	return exchange(&client, &request, reply);
}

static void segment_that_is_not_given_seems_not_to_be_held(void **state)
{
	struct pccrr_request list = {.type = PCCRR_ASK_LIST,
				     .cipher = CIPHER_AES_128,
				     .segment = {segment->id, ID_SIZE}};
	struct pccrr_answer answer;
	struct reply reply;

	(void)state;
	manner = RETRIEVAL_NOT;
	hold_opaque(segment, 9, 1);
	for (uint32_t block = 2; block < 10; block++) {
		answer = ask(block, CIPHER_AES_128, &reply);
		assert_int_equal(answer.size, 0);
		assert_int_equal(answer.next, 0);
		raw_free(&reply);
	}
	assert_int_equal(unserved, 8);
	list.blocks[0] = UINT64_MAX;
	answer = exchange(&client, &list, &reply);
	assert_int_equal(answer.blocks[0], 0);
	assert_int_equal(answer.next, 0);
	raw_free(&reply);
	assert_int_equal(unserved, 9);
	assert_int_equal(counters().blocks, 0);
}

/* Of three, the first is not given. */
static void list_has_the_segments_that_are_given(void **state)
{
	struct store_segment *second = make_segment(2, 0x80, 1, 1000);
	struct store_segment third = {.id = {0xc0}};
	struct pccrr_request request = {.type = PCCRR_ASK_SEGMENTS, .cipher = CIPHER_AES_128};
	uint8_t wire[3 * 36];
	struct bytes_out out = bytes_out(wire, sizeof(wire));
	struct pccrr_answer answer;
	struct reply reply;

	(void)state;
	hold(second, 0);
	hold_opaque(&third, 0, 1);
	pccrr_ids_put(&out, (struct pccrr_id){segment->id, ID_SIZE});
	pccrr_ids_put(&out, (struct pccrr_id){second->id, ID_SIZE});
	pccrr_ids_put(&out, (struct pccrr_id){third.id, ID_SIZE});
	request.ids = (struct pccrr_ids){wire, sizeof(wire), 3};
	for (manner = RETRIEVAL_NOT; manner <= RETRIEVAL_AS_ASKED; manner++) {
		answer = exchange(&client, &request, &reply);
		assert_int_equal(answer.segments[0], manner == RETRIEVAL_NOT ? 6 : 7);
		raw_free(&reply);
	}
	assert_int_equal(unserved, 1);
}

static void plaintext_is_given_only_as_asked(void **state)
{
	struct made_up_opaque *opaque = hold_opaque(segment, 9, 1);

	(void)state;
	opaque->of.cipher = CIPHER_NONE;
	opaque->of.size = CUTTING_UNIT;
	for (manner = RETRIEVAL_ENCRYPTED; manner <= RETRIEVAL_AS_ASKED; manner++) {
		bool plain = manner == RETRIEVAL_AS_ASKED;
		struct reply reply;
		struct pccrr_answer answer = ask(3, CIPHER_NONE, &reply);

		assert_int_equal(answer.cipher, plain ? CIPHER_NONE : CIPHER_AES_128);
		assert_true(is_block(&answer, segment, 3));
		raw_free(&reply);
		answer = ask(3, CIPHER_AES_256, &reply);
		assert_int_equal(answer.cipher, CIPHER_AES_256);
		assert_true(is_block(&answer, segment, 3));
		raw_free(&reply);
		assert_int_equal(ask(9, CIPHER_NONE, &reply).size, plain ? CUTTING_UNIT : 0);
		raw_free(&reply);
	}
}

int main(void)
{
#define in_scene(test) cmocka_unit_test_setup_teardown(test, begin_mannered, end)
	const struct CMUnitTest tests[] = {
		in_scene(segment_that_is_not_given_seems_not_to_be_held),
		in_scene(list_has_the_segments_that_are_given),
		in_scene(plaintext_is_given_only_as_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
