/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A server that answers with the versions it knows (retrieval.md section 8).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "tests/unit/asking_scene.h"

struct versions {
	uint16_t least, most;
	unsigned times;         /* that it says so, before it gives the block */
	uint8_t words[4][4];    /* the version words of the requests */
	uint8_t rest[4][64];    /* what follows them */
	bool silent_afterwards; /* instead of giving the block */
};

static bool say_versions(struct scripted_request *request)
{
	struct versions *versions = request->context;
	unsigned i = request->number - 1;

	if (i < 4) {
		memcpy(versions->words[i], request->payload, 4);
		memcpy(versions->rest[i], request->payload + 4, 64);
	}
	if (request->number <= versions->times)
		give_versions(request, versions->least, versions->most);
	else if (!versions->silent_afterwards)
		give_block(request, NULL);
	return true;
}

static const uint8_t one_zero[] = {0, 0, 0, 1}, two_zero[] = {0, 0, 0, 2};

static void range_with_own_version_is_asked_the_same_again(void **state)
{
	struct versions versions = {.least = 1, .most = 2, .times = 1};
	struct asking scene;

	(void)state;
	asking_begin(&scene, say_versions, &versions, 0, 0);
	assert_block_comes(&scene);
	assert_int_equal(scripted_requests(scene.server), 2);
	assert_int_equal(scripted_connections(scene.server), 1);
	assert_memory_equal(versions.words[0], one_zero, 4);
	assert_memory_equal(versions.words[1], one_zero, 4);
	assert_memory_equal(versions.rest[0], versions.rest[1], 64);
	asking_end(&scene);
}

static void range_above_is_asked_in_the_common_version(void **state)
{
	struct versions versions = {.least = 2, .most = 7, .times = 1};
	struct asking scene;

	(void)state;
	asking_begin(&scene, say_versions, &versions, 0, 0);
	assert_block_comes(&scene);
	assert_int_equal(scripted_requests(scene.server), 2);
	assert_memory_equal(versions.words[1], two_zero, 4);
	assert_memory_equal(versions.rest[0], versions.rest[1], 64);
	/* nothing of it is kept: the next exchange is asked in its own version */
	assert_block_comes(&scene);
	assert_memory_equal(versions.words[2], one_zero, 4);
	asking_end(&scene);
}

static void second_answer_of_versions_ends_it(void **state)
{
	struct versions versions = {.least = 1, .most = 2, .times = 2};
	struct asking scene;

	(void)state;
	asking_begin(&scene, say_versions, &versions, 0, 0);
	assert_block_fails(&scene, -EPROTONOSUPPORT);
	assert_int_equal(scripted_requests(scene.server), 2);
	assert_block_comes(&scene);
	asking_end(&scene);
}

static void nothing_in_common_ends_it(void **state)
{
	struct versions versions = {.least = 3, .most = 4, .times = 1};
	struct asking scene;

	(void)state;
	asking_begin(&scene, say_versions, &versions, 0, 0);
	assert_block_fails(&scene, -EPROTONOSUPPORT);
	assert_int_equal(scripted_requests(scene.server), 1);
	asking_end(&scene);
}

static void silence_after_versions_is_a_timeout(void **state)
{
	struct versions versions = {.least = 1, .most = 2, .times = 1, .silent_afterwards = true};
	struct asking scene;

	(void)state;
	asking_begin(&scene, say_versions, &versions, 300, 0);
	assert_block_fails(&scene, -ETIMEDOUT);
	assert_int_equal(scripted_requests(scene.server), 2);
	asking_end(&scene);
}

/* GETSEGLIST is of 2.0, and there is nothing below to ask with. */
static void segments_are_not_for_a_server_of_the_first_version(void **state)
{
	struct versions versions = {.least = 1, .most = 1, .times = 1};
	struct pccrr_request request = asking_for_block();
	struct asking scene;
	struct asked asked;
	uint8_t ids[64];
	struct bytes_out out = bytes_out(ids, sizeof(ids));

	(void)state;
	pccrr_ids_put(&out, request.segment);
	asking_begin(&scene, say_versions, &versions, 0, 0);
	asked_prepare(&scene, &asked);
	asked.retrieval.request =
		(struct pccrr_request){.type = PCCRR_ASK_SEGMENTS,
				       .cipher = CIPHER_AES_128,
				       .ids = {ids, (uint32_t)(sizeof(ids) - out.left), 1}};
	asked_start(&asked);
	asked_wait(&asked);
	assert_int_equal(asked.error, -EPROTONOSUPPORT);
	assert_int_equal(scripted_requests(scene.server), 1);
	assert_memory_equal(versions.words[0], two_zero, 4);
	asked_end(&asked);
	asking_end(&scene);
}

static void versions_that_were_asked_for_are_the_answer(void **state)
{
	struct versions versions = {.least = 1, .most = 2, .times = 1};
	struct asking scene;
	struct asked asked;

	(void)state;
	asking_begin(&scene, say_versions, &versions, 0, 0);
	asked_prepare(&scene, &asked);
	asked.retrieval.request =
		(struct pccrr_request){.type = PCCRR_ASK_VERSIONS, .least = {1, 0}, .most = {2, 0}};
	asked_start(&asked);
	asked_wait(&asked);
	assert_int_equal(asked.error, 0);
	assert_int_equal(asked.answer.type, PCCRR_VERSIONS);
	assert_int_equal(asked.answer.most.major, 2);
	assert_int_equal(scripted_requests(scene.server), 1);
	asked_end(&asked);
	asking_end(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(range_with_own_version_is_asked_the_same_again),
		cmocka_unit_test(range_above_is_asked_in_the_common_version),
		cmocka_unit_test(second_answer_of_versions_ends_it),
		cmocka_unit_test(nothing_in_common_ends_it),
		cmocka_unit_test(silence_after_versions_is_a_timeout),
		cmocka_unit_test(segments_are_not_for_a_server_of_the_first_version),
		cmocka_unit_test(versions_that_were_asked_for_are_the_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
