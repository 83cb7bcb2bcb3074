/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Offers on real sockets: the worked messages (hosted-cache.md section 15), and each row of the
 * table of bad requests (section 10) by both transports; answered at once or later.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/offer_scene.h"

/* ---- messages ---- */

static void worked_messages_are_answered(void **state)
{
	(void)state;
	offer_scene.code = PCHC_INTERESTED;
	offer_expect_answered(1, PCHC_PATH_1, "", INITIAL, INTERESTED);
	offer_expect_offered(INITIAL, 8282);
	offer_scene.code = PCHC_OK;
	offer_expect_answered(1, PCHC_PATH_1, "", INITIAL, OK);
	offer_expect_offered(INITIAL, 8282);
	offer_expect_answered(1, PCHC_PATH_1, "", INFORMATION, OK);
	offer_expect_offered(INFORMATION, 8282);
	offer_expect_answered(2, PCHC_PATH_2, "", BATCHED, OK);
	offer_expect_offered(BATCHED, 80);
	assert_int_equal(offer_scene.offered, 4);
	assert_int_equal(offer_counters().messages[PCHC_INITIAL_OFFER], 2);
	assert_int_equal(offer_counters().messages[PCHC_SEGMENT_INFO], 1);
	assert_int_equal(offer_counters().messages[PCHC_BATCHED_OFFER], 1);
}

/* After what is answered the same connection serves on. */
static void check_row(const struct pchc_row *row)
{
	struct octets message = pchc_row_message(row), good;
	unsigned before = offer_scene.offered;
	struct client client;

	offer_come(&client, row->version);
	offer_post(&client, offer_paths[row->version], "", &message);
	if (row->verdict == PCHC_MALFORMED) {
		offer_expect_refusal(&client, 400, true);
		assert_int_equal(offer_scene.offered, before);
	} else {
		offer_expect_code(&client, OK);
		assert_int_equal(offer_scene.offered, before + (row->verdict == PCHC_VALID));
		good = vectors_unhex(row->version == 1 ? INFORMATION : BATCHED);
		offer_post(&client, offer_paths[row->version], "", &good);
		offer_expect_code(&client, OK);
		octets_free(&good);
	}
	raw_close(&client);
	octets_free(&message);
}

static void every_bad_request_is_answered_or_dropped(void **state)
{
	unsigned of[3] = {0};

	(void)state;
	for (size_t i = 0; i < pchc_row_count; i++) {
		offer_scene.row = pchc_rows[i].name;
		check_row(&pchc_rows[i]);
		of[pchc_rows[i].verdict]++;
	}
	offer_scene.row = NULL;
	assert_true(of[PCHC_VALID] > 0 && of[PCHC_IGNORED] > 0 && of[PCHC_MALFORMED] > 0);
	assert_int_equal(offer_counters().ignored, of[PCHC_IGNORED]);
	assert_int_equal(offer_counters().malformed, of[PCHC_MALFORMED]);
	assert_int_equal(offer_counters().messages[PCHC_INITIAL_OFFER] +
				 offer_counters().messages[PCHC_SEGMENT_INFO] +
				 offer_counters().messages[PCHC_BATCHED_OFFER],
			 offer_scene.offered);
}

/* COUNT descriptors, all alike. */
static struct octets batch_of(unsigned count)
{
	struct octets head = vectors_unhex(PREFIX_3), offer = vectors_unhex(OFFER_1), batch;

	batch.size = head.size + count * offer.size;
	batch.data = malloc(batch.size);
	memcpy(batch.data, head.data, head.size);
	for (unsigned i = 0; i < count; i++)
		memcpy(batch.data + head.size + i * offer.size, offer.data, offer.size);
	octets_free(&head);
	octets_free(&offer);
	return batch;
}

static void no_more_than_128_descriptors_are_taken(void **state)
{
	struct client client;

	(void)state;
	offer_come(&client, 2);
	for (unsigned count = 127; count <= 129; count++) {
		struct octets batch = batch_of(count);

		offer_post(&client, PCHC_PATH_2, "", &batch);
		if (count <= 128)
			offer_expect_code(&client, OK);
		else
			offer_expect_refusal(&client, 400, true);
		octets_free(&batch);
	}
	assert_int_equal(offer_scene.offered, 2);
	raw_close(&client);
}

static void port_0_is_handed_on(void **state)
{
	(void)state;
	offer_expect_answered(2, PCHC_PATH_2, "", "00020003000000000000000000000000" OFFER_1, OK);
	assert_int_equal(offer_scene.server_of.port, 0);
}

/* ---- answered later ---- */

/* Once COUNT are kept. */
static void answer_kept(unsigned count)
{
	pthread_mutex_lock(&offer_scene.lock);
	while (offer_scene.kept_count < count)
		pthread_cond_wait(&offer_scene.changed, &offer_scene.lock);
	pthread_mutex_unlock(&offer_scene.lock);
	for (unsigned i = 0; i < count; i++)
		offer_answer(offer_scene.kept[i]);
}

static void offers_may_be_answered_later(void **state)
{
	struct client clients[KEPT_MAX];
	struct octets message = vectors_unhex(INITIAL);

	(void)state;
	offer_scene.keep = true;
	offer_scene.code = PCHC_INTERESTED;
	for (unsigned i = 0; i < KEPT_MAX; i++) {
		offer_come(&clients[i], 1);
		offer_post(&clients[i], PCHC_PATH_1, "", &message);
	}
	answer_kept(KEPT_MAX);
	for (unsigned i = 0; i < KEPT_MAX; i++) {
		offer_expect_code(&clients[i], INTERESTED);
		raw_close(&clients[i]);
	}
	octets_free(&message);
}

/* What was handed out leads into what is still there. */
static void client_that_leaves_is_answered_all_the_same(void **state)
{
	struct octets message = vectors_unhex(BATCHED);
	struct pchc_offers offers;
	struct pchc_offer offer;
	struct client client;

	(void)state;
	offer_scene.keep = true;
	offer_come(&client, 2);
	offer_post(&client, PCHC_PATH_2, "", &message);
	pthread_mutex_lock(&offer_scene.lock);
	while (offer_scene.kept_count < 1)
		pthread_cond_wait(&offer_scene.changed, &offer_scene.lock);
	pthread_mutex_unlock(&offer_scene.lock);
	raw_close(&client);
	while (!http_served_left(offer_scene.kept[0]->served, true))
		sched_yield();
	offers = offer_scene.kept[0]->request.offers;
	assert_true(pchc_offers_next(&offers, &offer));
	assert_hex(offer.id, PCHC_ID_SIZE, COUNTING);
	answer_kept(1);
	octets_free(&message);
}

int main(void)
{
#define in_scene(test) cmocka_unit_test_setup_teardown(test, offer_begin, offer_end)
	const struct CMUnitTest tests[] = {
		in_scene(worked_messages_are_answered),
		in_scene(every_bad_request_is_answered_or_dropped),
		in_scene(no_more_than_128_descriptors_are_taken),
		in_scene(port_0_is_handed_on),
		in_scene(offers_may_be_answered_later),
		in_scene(client_that_leaves_is_answered_all_the_same),
	};

	return cmocka_run_group_tests(tests, offer_make_certificate, offer_remove_certificate);
}
