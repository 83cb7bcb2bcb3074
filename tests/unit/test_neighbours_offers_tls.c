/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What neighbours offer to hosted caches by version 1.0, over TLS; and to whom they do not.
 */
#include "tests/unit/offers_fixture.h"

static char cacert[256];

static const char *certificate_path(const char *file)
{
	static char paths[2][256];
	static unsigned turn;
	char *path = paths[turn++ % 2];

	snprintf(path, sizeof(paths[0]), "%s/%s", fixture_directory, file);
	return path;
}

/* A hosted cache at 127.0.0.1, with a certificate for NAMES. Blocks would be had at port 1. */
static struct taker *add_tls_taker(enum taker_certificate which, const char *names)
{
	taker_authority(fixture_directory);
	taker_certify(fixture_directory, "cache", which, names);
	snprintf(cacert, sizeof(cacert), "%s", certificate_path("authority.pem"));
	struct taker *taker = taker_begin("127.0.0.1:0", certificate_path("cache.pem"),
					  certificate_path("cache.key"));
	return add_host(taker, "127.0.0.1", 1);
}

static void turn_on_to(const struct taker *taker)
{
	turn_offerer_on_with(NEIGHBOURS_HOSTED, taker->port, cacert);
}

static void check_initial(const struct taken *taken, const uint8_t *id)
{
	assert_int_equal(taken->version, 1);
	assert_true(taken->tls);
	assert_false(taken->credentials);
	assert_int_equal(taken->request.type, PCHC_INITIAL_OFFER);
	assert_int_equal(taken->request.port, retrieval_port());
	assert_int_equal(taken->request.segment.size, 32);
	assert_memory_equal(taken->request.segment.octets, id, 32);
}

static void check_information(const struct taken *taken, const struct content_segment *segment,
			      const uint8_t *id)
{
	struct content_v1_single single = taken->request.information;

	assert_int_equal(taken->version, 1);
	assert_int_equal(taken->request.type, PCHC_SEGMENT_INFO);
	assert_int_equal(taken->request.port, retrieval_port());
	assert_memory_equal(taken->request.tag, OFFERING_TAG, PCHC_TAG_SIZE);
	assert_memory_equal(single.id, id, 32);
	assert_int_equal(single.segment.length, segment->length);
	assert_memory_equal(single.segment.secret, segment->secret, 32);
	/* The complete list, also of blocks that are not held. */
	assert_int_equal(single.segment.listed, segment->blocks);
	for (uint32_t i = 0; i < segment->blocks; i++) {
		struct content_block block;
		assert_int_equal(content_block_listed(offerer.content, segment, i, &block), 0);
		assert_int_equal(
			content_v1_single_check(&single, i, data + block.offset, block.length), 0);
	}
}

static void the_segment(struct content_segment *segment_out, uint8_t *id_out)
{
	assert_int_equal(content_segment(offerer.content, 0, segment_out), 0);
	assert_int_equal(content_segment_id(offerer.content, segment_out, id_out), 0);
}

static void who_is_interested_is_told_all(void **state)
{
	struct content_segment segment;
	uint8_t id[DIGEST_SIZE_MAX];

	(void)state;
	make_offerer(1, NULL, 0, 40);
	struct taker *taker = add_tls_taker(TAKER_GOOD, "IP:127.0.0.1");
	taker_behave(taker, TAKER_INTERESTED);
	the_segment(&segment, id);
	turn_on_to(taker);
	wait_until_known();
	assert_true(pull(0, 0, CIPHER_AES_128).empty);
	fetch(0, 20);
	check_initial(taker_wait(taker, 0), id);
	check_information(taker_wait(taker, 1), &segment, id);
	WAIT_FOR(offered, 1);
	struct pulled pulled = pull(0, 39, CIPHER_NONE);
	assert_true(!pulled.empty && pulled.right && pulled.cipher == CIPHER_AES_128);
	assert_true(pull(0, 40, CIPHER_AES_128).empty);
	/* The next step: both again. */
	fetch(20, 40);
	check_initial(taker_wait(taker, 2), id);
	check_information(taker_wait(taker, 3), &segment, id);
}

static void who_knows_it_is_not(void **state)
{
	struct content_segment segment;
	uint8_t id[DIGEST_SIZE_MAX];

	(void)state;
	make_offerer(1, NULL, 0, UINT32_MAX);
	struct taker *taker = add_tls_taker(TAKER_GOOD, "IP:127.0.0.1");
	the_segment(&segment, id);
	turn_on_to(taker);
	fetch(0, 17);
	check_initial(taker_wait(taker, 0), id);
	WAIT_FOR(offered, 1);
	fetch(17, UINT32_MAX);
	check_initial(taker_wait(taker, 1), id);
	WAIT_FOR(offered, 2);
}

/* Nobody takes those. */
static void segments_of_version_2_are_not_offered(void **state)
{
	(void)state;
	make_offerer(2, NULL, 0, UINT32_MAX);
	struct taker *taker = add_tls_taker(TAKER_GOOD, "IP:127.0.0.1");
	turn_on_to(taker);
	fetch(0, UINT32_MAX);
	assert_int_equal(offering_of().queued + offering_of().messages, 0);
}

/* The store has it no more when it is to be described. */
static void what_is_gone_is_not_told(void **state)
{
	(void)state;
	make_offerer(1, NULL, 0, UINT32_MAX);
	struct taker *taker = add_tls_taker(TAKER_GOOD, "IP:127.0.0.1");
	taker_behave(taker, TAKER_INTERESTED);
	turn_on_to(taker);
	object_discard(offerer.machine->object, 0,
		       cutting_count(object_cutting(offerer.machine->object)));
	fetch(0, 17);
	WAIT_FOR(offered, 1);
	assert_int_equal(taker_count(taker), 1);
}

static void names_are_verified(void **state)
{
	(void)state;
	make_offerer(1, NULL, 0, UINT32_MAX);
	struct taker *taker = add_tls_taker(TAKER_GOOD, "DNS:localhost");
	offerer.taker_count = 0;
	add_host(taker, "localhost", 1);
	turn_on_to(taker);
	fetch(0, 17);
	WAIT_FOR(offered, 1);
	assert_int_equal(offering_of().failed, 0);
}

static void is_not_trusted(enum taker_certificate which, const char *names, bool known)
{
	make_offerer(1, NULL, 0, UINT32_MAX);
	struct taker *taker = add_tls_taker(which, names);

	turn_offerer_on_with(NEIGHBOURS_HOSTED, taker->port, known ? cacert : NULL);
	fetch(0, 17);
	WAIT_FOR(failed, 1);
	neighbours_trust(offerer.machine->neighbours);
	WAIT_FOR(failed, 2);
	assert_int_equal(taker_count(taker), 0);
	assert_int_equal(offering_of().offered, 0);
	/* Nothing else is the matter. */
	struct taker *other = add_tls_taker(TAKER_GOOD, "IP:127.0.0.1");
	turn_on_to(other);
	fetch(0, 17);
	taker_wait(other, 0);
}

static void another_name_is_not_trusted(void **state)
{
	(void)state;
	is_not_trusted(TAKER_GOOD, "IP:127.0.0.2,DNS:localhost", true);
}

static void an_expired_certificate_is_not_trusted(void **state)
{
	(void)state;
	is_not_trusted(TAKER_EXPIRED, "IP:127.0.0.1", true);
}

static void one_of_another_authority_is_not_trusted(void **state)
{
	(void)state;
	is_not_trusted(TAKER_UNKNOWN, "IP:127.0.0.1", true);
}

static void ones_of_a_private_authority_are_not_by_default(void **state)
{
	(void)state;
	is_not_trusted(TAKER_GOOD, "IP:127.0.0.1", false);
}

static void without_tls_nothing_is_told(void **state)
{
	(void)state;
	make_offerer(1, NULL, 0, UINT32_MAX);
	add_tls_taker(TAKER_GOOD, "IP:127.0.0.1");
	struct taker *taker = taker_begin("127.0.0.1:0", NULL, NULL);
	turn_on_to(taker);
	fetch(0, 17);
	WAIT_FOR(failed, 1);
	neighbours_off(offerer.machine->neighbours);
	assert_int_equal(taker_count(taker), 0);
	taker_end(taker);
}

static void off_gives_up_what_is_under_way(void **state)
{
	(void)state;
	make_offerer(1, NULL, 0, UINT32_MAX);
	struct taker *taker = add_tls_taker(TAKER_GOOD, "IP:127.0.0.1");
	taker_behave(taker, TAKER_SILENT);
	for (unsigned i = 0; i < 3; i++) {
		turn_on_to(taker);
		fetch(0, 17);
		taker_wait(taker, i);
		neighbours_off(offerer.machine->neighbours);
	}
	/* Perhaps while it is being described. */
	for (unsigned i = 0; i < 20; i++) {
		turn_on_to(taker);
		fetch(0, 17);
		usleep(i * 500);
		neighbours_off(offerer.machine->neighbours);
	}
	assert_int_equal(offering_of().offered + offering_of().failed, 0);
}

#define TLS_TEST(name) cmocka_unit_test_setup_teardown(name, begin_offering, end_offering)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TLS_TEST(who_is_interested_is_told_all),
		TLS_TEST(who_knows_it_is_not),
		TLS_TEST(segments_of_version_2_are_not_offered),
		TLS_TEST(what_is_gone_is_not_told),
		TLS_TEST(names_are_verified),
		TLS_TEST(another_name_is_not_trusted),
		TLS_TEST(an_expired_certificate_is_not_trusted),
		TLS_TEST(one_of_another_authority_is_not_trusted),
		TLS_TEST(ones_of_a_private_authority_are_not_by_default),
		TLS_TEST(without_tls_nothing_is_told),
		TLS_TEST(off_gives_up_what_is_under_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
