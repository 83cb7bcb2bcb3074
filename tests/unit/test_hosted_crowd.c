/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A hosted cache under more than it can do at once: crowds, queues, a full store, and its end in
 * the middle of it.
 */
#include "tests/unit/hosted_fixture.h"

#include <sys/resource.h>

#include "tests/unit/scripted_server.h"

#define BLOCKS 20u
#define SIZE (BLOCKS * CUTTING_UNIT - 100)

static bool stall(struct scripted_request *request)
{
	while (!scripted_stopping(request->server))
		usleep(1000);
	return false;
}

/* On all addresses of 127.0.0.0/8. */
static struct scripted_server *begin_stalling(void)
{
	struct sockaddr_storage place = {0};

	((struct sockaddr_in *)&place)->sin_family = AF_INET;
	return scripted_start_at(stall, NULL, &place);
}

static void be_impatient(struct hosted_cache_options *options)
{
	options->timeout_ms = 1000;
}

/* ---- many ---- */

#define CROWD 16u

static void same_segment_of_many_is_pulled_once(void **state)
{
	unsigned char *data = make_octets(SIZE, 1);
	struct known_segment segment = segment_of(data, SIZE, 1, 0);
	struct hosted_cache_counters counters;
	struct owner owners[CROWD];
	uint64_t given = 0;

	(void)state;
	hosted_begin();
	for (unsigned i = 0; i < CROWD; i++)
		owner_begin(&owners[i], 10 + i, data, SIZE, 1);
	for (unsigned i = 0; i < CROWD; i++)
		offer_batch(10 + i, owners[i].port, &segment, 1);
	counters = hosted_await(CROWD);
	assert_int_equal(counters.pulled_blocks, BLOCKS);
	assert_int_equal(get_all(&segment), BLOCKS);
	for (unsigned i = 0; i < CROWD; i++) {
		given += owner_served(&owners[i]).blocks;
		owner_end(&owners[i]);
	}
	assert_int_equal(given, BLOCKS);
	hosted_end();
	segment_free(&segment);
	free(data);
}

#define MANY 10000u
#define EACH 100u /* ids in a message */

static void offer_ids(unsigned number, unsigned port, uint32_t first)
{
	static const uint8_t tag[PCHC_TAG_SIZE];
	uint8_t wire[EACH * PCHC_OFFER_SIZE], id[PCHC_ID_SIZE] = {0};
	struct bytes_out out = bytes_out(wire, sizeof(wire));
	struct pchc_request request = {
		.type = PCHC_BATCHED_OFFER, .port = (uint16_t)port, .offers = {wire, EACH}};

	for (uint32_t i = 0; i < EACH; i++) {
		uint32_t number_of_id = first + i;
		struct pchc_offer offer;

		memcpy(id, &number_of_id, sizeof(number_of_id));
		assert_true(pchc_offer_make(DIGEST_SHA512_TRUNC256, 70000, tag, id, &offer));
		pchc_offers_put(&out, &offer);
	}
	assert_int_equal(client_ask(number, &request), PCHC_OK);
}

/* They all stall, and yet who does not is served in between. */
static void ten_thousand_offers_of_many_wait(void **state)
{
	unsigned char *data = make_octets(SIZE, 2);
	struct known_segment segment = segment_of(data, SIZE, 1, 0);
	struct scripted_server *server = begin_stalling();
	struct hosted_cache_counters counters;
	struct owner owner;

	(void)state;
	hosted_begin_with(LIMIT, be_impatient);
	owner_begin(&owner, 5, data, SIZE, 1);
	for (uint32_t i = 0; i < MANY / EACH; i++)
		offer_ids(300 + i, scripted_port(server), i * EACH);
	offer_batch(5, owner.port, &segment, 1);
	while (opaque_blocks(&segment) < BLOCKS)
		usleep(200);
	do {
		counters = hosted_counters();
		usleep(200);
	} while (hosted_offers_seen(&counters) < MANY + 1);
	assert_int_equal(counters.offers.offers[OFFERS_BEYOND], 0);
	assert_in_range(counters.offers.exchanges, 0, OFFERS_EXCHANGES);
	assert_int_equal(get_all(&segment), BLOCKS);
	owner_end(&owner);
	hosted_end(); /* with thousands waiting still */
	scripted_stop(server);
	segment_free(&segment);
	free(data);
}

/* By connections of their own, all at the same time. */
struct offering {
	pthread_t thread;
	unsigned number, port;
	struct known_segment *segments;
};

#define THREADS 8u
#define SEGMENTS 4u

static void *offer_each(void *context)
{
	struct offering *offering = context;

	for (unsigned i = 0; i < SEGMENTS; i++) {
		unsigned at = (i + offering->number) % SEGMENTS;

		offer_initial(offering->number, offering->port, &offering->segments[at]);
		offer_batch(offering->number, offering->port, &offering->segments[at], 1);
	}
	return NULL;
}

static void versions_and_clients_may_come_together(void **state)
{
	size_t size = SEGMENTS * (size_t)CUTTING_UNIT;
	unsigned char *data[SEGMENTS];
	struct known_segment segments[SEGMENTS];
	struct offering offerings[THREADS];
	struct owner owners[THREADS];

	(void)state;
	hosted_begin();
	for (unsigned i = 0; i < SEGMENTS; i++) {
		data[i] = make_octets(size, 50 + i);
		segments[i] = segment_of(data[i], size, 1, 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		owner_begin(&owners[i], 20 + i, data[i % SEGMENTS], size, 1);
		offerings[i] = (struct offering){
			.number = 20 + i, .port = owners[i].port, .segments = segments};
	}
	for (unsigned i = 0; i < SEGMENTS; i += 2)
		offer_information(20 + i, owners[i].port, &segments[i]);
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(
			pthread_create(&offerings[i].thread, NULL, offer_each, &offerings[i]), 0);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(offerings[i].thread, NULL);
	hosted_await(THREADS * SEGMENTS);
	for (unsigned i = 0; i < SEGMENTS; i += 2)
		assert_int_equal(verified_blocks(&segments[i]), SEGMENTS);
	for (unsigned i = 0; i < THREADS; i++)
		owner_end(&owners[i]);
	hosted_end();
	for (unsigned i = 0; i < SEGMENTS; i++) {
		segment_free(&segments[i]);
		free(data[i]);
	}
}

/* The same content information of many, and more of it while it is pulled. */
static void *inform(void *context)
{
	struct offering *offering = context;

	offer_information(offering->number, offering->port, offering->segments);
	return NULL;
}

static void same_information_of_many_changes_nothing(void **state)
{
	unsigned char *data = make_octets(SIZE, 3);
	struct known_segment segment = segment_of(data, SIZE, 1, 0);
	struct offering offerings[THREADS];
	struct hosted_cache_counters counters;
	struct owner owner;

	(void)state;
	hosted_begin();
	owner_begin(&owner, 5, data, SIZE, 1);
	for (unsigned i = 0; i < THREADS; i++) {
		offerings[i] =
			(struct offering){.number = 5, .port = owner.port, .segments = &segment};
		assert_int_equal(pthread_create(&offerings[i].thread, NULL, inform, &offerings[i]),
				 0);
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(offerings[i].thread, NULL);
	counters = hosted_await(THREADS);
	assert_int_equal(counters.verified_blocks, BLOCKS);
	assert_int_equal(counters.wrong, 0);
	assert_int_equal(count_content_files(), 1);
	owner_end(&owner);
	hosted_end();
	segment_free(&segment);
	free(data);
}

/* ---- too much ---- */

static void allow_few(struct hosted_cache_options *options)
{
	options->limits = OFFERS_LIMITS;
	options->limits.segments = 20;
	options->timeout_ms = 1000;
}

static void what_is_beyond_the_limits_is_forgotten(void **state)
{
	struct scripted_server *server = begin_stalling();
	struct hosted_cache_counters counters;

	(void)state;
	hosted_begin_with(LIMIT, allow_few);
	offer_ids(300, scripted_port(server), 0);
	do {
		counters = hosted_counters();
	} while (hosted_offers_seen(&counters) < EACH);
	assert_int_equal(counters.offers.offers[OFFERS_QUEUED], 10); /* half, of one address */
	assert_int_equal(counters.offers.offers[OFFERS_BEYOND], EACH - 10);
	hosted_end();
	scripted_stop(server);
}

#define LITTLE (8 * MIB)
#define PIECES 24u
#define PIECE (16u * CUTTING_UNIT)

static uint32_t give_piece(unsigned number, unsigned char *data, uint64_t offered)
{
	struct known_segment segment = segment_of(data, PIECE, 1, 0);
	struct owner owner;
	uint32_t kept;

	fixture_pass(1);
	owner_begin(&owner, number, data, PIECE, 1);
	offer_batch(number, owner.port, &segment, 1);
	hosted_await(offered);
	kept = opaque_blocks(&segment);
	owner_end(&owner);
	segment_free(&segment);
	return kept;
}

/* The same by an offer of version 1.0. */
static void inform_piece(unsigned number, unsigned char *data, uint64_t offered)
{
	struct known_segment segment = segment_of(data, PIECE, 1, 0);
	struct owner owner;

	fixture_pass(1);
	owner_begin(&owner, number, data, PIECE, 1);
	offer_information(number, owner.port, &segment);
	hosted_await(offered);
	assert_int_equal(verified_blocks(&segment), PIECE / CUTTING_UNIT);
	owner_end(&owner);
	segment_free(&segment);
}

static void full_store_makes_room(void **state)
{
	unsigned char *data = make_octets(PIECES * PIECE, 4);
	struct hosted_cache_counters counters;
	struct known_segment last;
	uint32_t kept = 0;

	(void)state;
	hosted_begin_with(LITTLE, NULL);
	for (unsigned i = 0; i < PIECES; i++)
		kept += give_piece(5 + i, data + i * PIECE, i + 1);
	counters = hosted_counters();
	assert_int_equal(kept, PIECES * PIECE / CUTTING_UNIT);
	assert_int_equal(counters.not_kept, 0);
	assert_true(usage(hosted.store).used <= LITTLE);
	last = segment_of(data, PIECE, 1, 0);
	assert_int_equal(get_all(&last), 0); /* the first one had to go */
	segment_free(&last);
	last = segment_of(data + (PIECES - 1) * PIECE, PIECE, 1, 0);
	assert_int_equal(get_all(&last), PIECE / CUTTING_UNIT);
	segment_free(&last);
	hosted_end();
	free(data);
}

/* What another gave stays, though it is the oldest. */
static void who_gave_most_displaces_its_own(void **state)
{
	unsigned char *data = make_octets(PIECES * PIECE, 7);
	struct known_segment first = segment_of(data, PIECE, 1, 0);

	(void)state;
	hosted_begin_with(LITTLE, NULL);
	for (unsigned i = 0; i < PIECES; i++)
		assert_int_equal(give_piece(i == 0 ? 6 : 5, data + i * PIECE, i + 1),
				 PIECE / CUTTING_UNIT);
	assert_int_equal(get_all(&first), PIECE / CUTTING_UNIT);
	hosted_end();
	segment_free(&first);
	free(data);
}

/* Half by lists of version 1.0, half opaque, and of neither over half of all. */
static void verified_and_opaque_blocks_count_together(void **state)
{
	unsigned char *data = make_octets(PIECES * PIECE, 9);
	struct known_segment first = segment_of(data, PIECE, 1, 0);

	(void)state;
	hosted_begin_with(LITTLE, NULL);
	for (unsigned i = 0; i < PIECES; i++) {
		if (i % 2 == 0)
			assert_int_equal(give_piece(i == 0 ? 6 : 5, data + i * PIECE, i + 1),
					 PIECE / CUTTING_UNIT);
		else
			inform_piece(5, data + i * PIECE, i + 1);
	}
	assert_int_equal(get_all(&first), PIECE / CUTTING_UNIT);
	hosted_end();
	segment_free(&first);
	free(data);
}

static void what_has_no_room_is_counted(void **state)
{
	unsigned char *data = make_octets(PIECE, 5);
	struct known_segment segment = segment_of(data, PIECE, 1, 0);
	struct hosted_cache_counters counters;
	struct owner owner;

	(void)state;
	hosted_begin_with(LITTLE, NULL);
	/* all there is room for, and none of it may go */
	assert_int_equal(store_pin(hosted.store, "pinned", true), 0);
	for (uint32_t i = 0, error = 0; error == 0; i++) {
		struct object *object;
		char path[32];

		snprintf(path, sizeof(path), "pinned/%u", i);
		object = make_object(hosted.store, path, CUTTING_UNIT);
		error = write_unit(object, i, 0) != 0;
		object_put(object);
	}
	owner_begin(&owner, 5, data, PIECE, 1);
	offer_batch(5, owner.port, &segment, 1);
	counters = hosted_await(1);
	assert_true(counters.not_kept > 0);
	assert_int_equal(counters.offers.blocks[OFFERS_GAVE_UP], counters.not_kept);
	assert_false(counters.wrong + counters.malformed > 0);
	owner_end(&owner);
	hosted_end();
	segment_free(&segment);
	free(data);
}

static void few_descriptors_are_enough(void **state)
{
	unsigned char *data = make_octets(SIZE, 8);
	struct known_segment segment = segment_of(data, SIZE, 1, 0);
	struct rlimit former, few;
	struct owner owner;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &former), 0);
	few = (struct rlimit){200, former.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	hosted_begin();
	owner_begin(&owner, 5, data, SIZE, 1);
	offer_batch(5, owner.port, &segment, 1);
	hosted_await(1);
	assert_int_equal(get_all(&segment), BLOCKS);
	owner_end(&owner);
	hosted_end();
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &former), 0);
	segment_free(&segment);
	free(data);
}

/* ---- its end ---- */

static void stop_gives_up_what_is_under_way(void **state)
{
	struct scripted_server *server = begin_stalling();
	struct hosted_cache_counters counters;

	(void)state;
	hosted_begin(); /* patient */
	for (unsigned i = 0; i < 10; i++)
		offer_ids(300 + i, scripted_port(server), i * EACH);
	do {
		counters = hosted_counters();
		usleep(200);
	} while (counters.offers.exchanges < 10);
	hosted_cache_stop(hosted.cache);
	counters = hosted_await(0);
	assert_int_equal(counters.offers.exchanges, 0);
	assert_true(counters.offers.blocks[OFFERS_GAVE_UP] >= 10);
	assert_int_equal(counters.offers.blocks[OFFERS_LATE], 0);
	offer_ids(400, scripted_port(server), 5000); /* answered still */
	counters = hosted_counters();
	assert_int_equal(counters.offers.segments, 0);
	hosted_end();
	scripted_stop(server);
}

/* While blocks come, are checked and kept. */
static void end_may_come_at_any_time(void **state)
{
	unsigned char *data = make_octets(SIZE, 6);
	struct known_segment segment = segment_of(data, SIZE, 1, 0);

	(void)state;
	for (unsigned blocks = 0; blocks < BLOCKS; blocks += 3) {
		struct hosted_cache_counters counters;
		struct owner owner;

		hosted_begin();
		owner_begin(&owner, 5, data, SIZE, 1);
		if (blocks % 2 == 0)
			offer_information(5, owner.port, &segment);
		else
			offer_batch(5, owner.port, &segment, 1);
		do {
			counters = hosted_counters();
		} while (counters.pulled_blocks < blocks);
		hosted_cache_free(hosted.cache);
		hosted.cache = NULL;
		owner_end(&owner);
		hosted_end();
	}
	segment_free(&segment);
	free(data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_segment_of_many_is_pulled_once),
		cmocka_unit_test(ten_thousand_offers_of_many_wait),
		cmocka_unit_test(versions_and_clients_may_come_together),
		cmocka_unit_test(same_information_of_many_changes_nothing),
		cmocka_unit_test(what_is_beyond_the_limits_is_forgotten),
		cmocka_unit_test(full_store_makes_room),
		cmocka_unit_test(who_gave_most_displaces_its_own),
		cmocka_unit_test(verified_and_opaque_blocks_count_together),
		cmocka_unit_test(what_has_no_room_is_counted),
		cmocka_unit_test(few_descriptors_are_enough),
		cmocka_unit_test(stop_gives_up_what_is_under_way),
		cmocka_unit_test(end_may_come_at_any_time),
	};

	return cmocka_run_group_tests_name("hosted_crowd", tests, fixture_setup, fixture_teardown);
}
