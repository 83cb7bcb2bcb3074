/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A branch of ten thousand clients that offer to a hosted cache, under a virtual clock: what all of
 * them have, in versions 1 and 2, and what each has alone. Most give what they offered; some give
 * rubbish, nonsense or nothing, some are silent, some leave. Bounds are looked at with each
 * exchange, and in the end all that honest ones have is held, and no liar was asked twice for what
 * he had spoilt.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "peer/offers.h"

enum {
	CLIENTS = 10000,
	SHARED_1 = 100, /* segments of version 1, of BLOCKS blocks */
	BLOCKS = 8,
	SHARED_2 = 1000,
	SHARED = SHARED_1 + SHARED_2,
	OWN = 16,   /* segments of version 2 that a client has alone */
	BATCH = 32, /* offers in a client's message: its own, and of the others */
	SEGMENTS = SHARED + CLIENTS * OWN,
	CELLS = SHARED_1 * BLOCKS + SHARED_2 + CLIENTS * OWN,
	BETWEEN_MS = 6, /* two messages */
	TIMEOUT_MS = 2000,
	LOOKS = OFFERS_LOOKS
};

enum manner { GIVES, SPOILS, BABBLES, DENIES, STALLS, LEAVES, MANNERS };

/* A block that is held. */
struct cell {
	bool held, good;
	uint16_t giver;
	int64_t given_ms;
};

struct under_way {
	struct offers_exchange *exchange; /* NULL: free */
	int64_t end_ms;
};

struct crowd {
	struct offers *offers;
	int64_t now_ms;
	uint64_t chance;
	struct cell cells[CELLS];
	int64_t gone_ms[CLIENTS];
	uint8_t busy[CLIENTS];
	struct under_way under_way[OFFERS_EXCHANGES];
	struct offers_segment *looks[LOOKS];
	uint32_t look_of[LOOKS];
	unsigned look_count, busy_most, queued_most;
	/* Who is asked for a segment just now, and how often. */
	uint16_t asked_whom[SEGMENTS];
	uint8_t asked_times[SEGMENTS];
	/* By client and shared segment: what he gave of it was replaced. */
	uint8_t replaced[CLIENTS][SHARED / 8 + 1];
	unsigned good_replaced, bad_replaced;
};

/* ---- who is who ---- */

static uint32_t draw(struct crowd *crowd, uint32_t below)
{
	crowd->chance = crowd->chance * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t)((crowd->chance >> 33) % below);
}

/* A fifth are no help, in all the ways there are. */
static enum manner manner_of(unsigned client)
{
	return client % 5 != 0 ? GIVES : (enum manner)(1 + client / 5 % (MANNERS - 1));
}

static struct xaddr address_of(unsigned client)
{
	return (struct xaddr){.family = XADDR_IPV4,
			      .port = 1337,
			      .octets = {10, 0, (uint8_t)(client >> 8), (uint8_t)client}};
}

static unsigned client_at(const struct xaddr *address)
{
	return (unsigned)address->octets[2] << 8 | address->octets[3];
}

static bool is_version_1(uint32_t segment)
{
	return segment < SHARED_1;
}

static struct cell *cells_of(struct crowd *crowd, uint32_t segment)
{
	if (is_version_1(segment))
		return &crowd->cells[segment * BLOCKS];
	return &crowd->cells[SHARED_1 * (BLOCKS - 1) + segment];
}

static uint32_t blocks_of(uint32_t segment)
{
	return is_version_1(segment) ? BLOCKS : 1;
}

static uint32_t segment_by(struct pccrr_id id)
{
	uint32_t segment;

	assert_int_equal(id.size, 32);
	memcpy(&segment, id.octets, sizeof(segment));
	assert_true(segment < SEGMENTS);
	return segment;
}

/* ---- the outlet ---- */

static void answer_look(struct crowd *crowd, struct offers_segment *waiting, uint32_t segment)
{
	struct offers_portion portions[BLOCKS];
	struct offers_holding holding = {.portions = portions};

	for (uint32_t i = 0; i < blocks_of(segment); i++) {
		const struct cell *cell = &cells_of(crowd, segment)[i];
		struct xaddr giver = address_of(cell->giver);

		if (!cell->held)
			continue;
		portions[holding.count++] = (struct offers_portion){
			.blocks = {i, 1},
			.giver = offers_giver(&giver),
			.algorithm = is_version_1(segment) ? DIGEST_SHA256 : DIGEST_SHA512_TRUNC256,
			.size = blocks_of(segment) * 65536,
			.age_ms = crowd->now_ms - cell->given_ms};
	}
	offers_looked(crowd->offers, waiting, &holding, crowd->now_ms);
}

/* Some answers come at once, some later. */
static void look(void *owner, struct offers_segment *waiting, struct pccrr_id id)
{
	struct crowd *crowd = owner;
	uint32_t segment = segment_by(id);

	if (segment % 2 == 0) {
		answer_look(crowd, waiting, segment);
		return;
	}
	assert_true(crowd->look_count < LOOKS);
	crowd->look_of[crowd->look_count] = segment;
	crowd->looks[crowd->look_count++] = waiting;
}

static int64_t lasts_ms(struct crowd *crowd, unsigned client)
{
	bool silent = manner_of(client) == STALLS || crowd->now_ms >= crowd->gone_ms[client];

	return silent ? TIMEOUT_MS : 2 + draw(crowd, 10);
}

static void ask(void *owner, struct offers_exchange *exchange)
{
	struct crowd *crowd = owner;
	unsigned client = client_at(&exchange->server), i = 0;
	uint32_t segment = segment_by(exchange->segment);

	while (i < OFFERS_EXCHANGES && crowd->under_way[i].exchange != NULL)
		i++;
	assert_true(i < OFFERS_EXCHANGES);
	crowd->under_way[i] = (struct under_way){exchange, crowd->now_ms + lasts_ms(crowd, client)};
	if (i >= crowd->busy_most)
		crowd->busy_most = i + 1;
	assert_true(++crowd->busy[client] <= OFFERS_PLACES);
	assert_true(crowd->asked_times[segment] == 0 || crowd->asked_whom[segment] == client);
	crowd->asked_times[segment]++;
	crowd->asked_whom[segment] = (uint16_t)client;
	if (segment < SHARED)
		assert_false(crowd->replaced[client][segment / 8] >> segment % 8 & 1);
}

static bool is_own(void *owner, const struct xaddr *server)
{
	(void)owner;
	(void)server;
	return false;
}

static void share(void *owner, const struct offers_giver *giver, uint64_t *given_out,
		  uint64_t *held_out)
{
	(void)owner;
	(void)giver;
	*given_out = *held_out = 0;
}

/* ---- clients ---- */

static struct offers_item item_of(uint32_t segment, uint8_t id_out[32])
{
	memset(id_out, 0, 32);
	memcpy(id_out, &segment, sizeof(segment));
	return (struct offers_item){.algorithm = is_version_1(segment) ? DIGEST_SHA256
								       : DIGEST_SHA512_TRUNC256,
				    .id = {id_out, 32},
				    .size = blocks_of(segment) * 65536};
}

static bool is_well_held(struct crowd *crowd, uint32_t segment)
{
	const struct cell *cells = cells_of(crowd, segment);

	for (uint32_t i = 0; i < blocks_of(segment); i++)
		if (!cells[i].held || !cells[i].good)
			return false;
	return true;
}

/* Honest ones read from the cache first, if they READ, and offer what they did not get there;
 * liars offer all the same. */
static void offer(struct crowd *crowd, unsigned client, bool read)
{
	struct offers_item items[BATCH];
	struct offers_counters counters;
	struct xaddr server = address_of(client);
	uint8_t ids[BATCH][32];
	unsigned count = 0;

	for (unsigned i = 0; i < BATCH; i++) {
		uint32_t segment = i < OWN ? SHARED + client * OWN + i : draw(crowd, SHARED);

		if (read && manner_of(client) == GIVES && is_well_held(crowd, segment))
			continue;
		items[count] = item_of(segment, ids[count]);
		count++;
	}
	if (manner_of(client) == LEAVES)
		crowd->gone_ms[client] = crowd->now_ms + draw(crowd, 1000);
	offers_take(crowd->offers, &server, items, count, crowd->now_ms);
	offers_counters(crowd->offers, &counters);
	if (counters.segments > crowd->queued_most)
		crowd->queued_most = counters.segments;
}

static struct offers_result keep(struct crowd *crowd, const struct offers_exchange *exchange,
				 unsigned client)
{
	struct offers_result result = {.outcome = OFFERS_CAME};
	uint32_t segment = segment_by(exchange->segment);
	struct cell *cell = &cells_of(crowd, segment)[exchange->block];

	if (cell->held && cell->giver != client) {
		struct xaddr giver = address_of(cell->giver);

		result.replaced = offers_giver(&giver);
		assert_true(segment < SHARED);
		crowd->replaced[cell->giver][segment / 8] |= (uint8_t)(1 << segment % 8);
		*(cell->good ? &crowd->good_replaced : &crowd->bad_replaced) += 1;
	}
	*cell = (struct cell){true, manner_of(client) != SPOILS, (uint16_t)client, crowd->now_ms};
	return result;
}

static struct offers_result result_of(struct crowd *crowd, const struct offers_exchange *exchange,
				      unsigned client)
{
	static const uint64_t all[RANGE_SET_WORDS(PCCRR_BLOCKS)] = {UINT64_MAX};

	if (manner_of(client) == BABBLES)
		return (struct offers_result){.outcome = OFFERS_MALFORMED};
	if (manner_of(client) == DENIES)
		return (struct offers_result){.outcome = OFFERS_NOT_HERE};
	if (manner_of(client) == STALLS || crowd->now_ms >= crowd->gone_ms[client])
		return (struct offers_result){.outcome = OFFERS_LATE};
	if (exchange->type == PCCRR_ASK_LIST)
		return (struct offers_result){.outcome = OFFERS_CAME, .list = all};
	return keep(crowd, exchange, client);
}

/* ---- time ---- */

static struct under_way *first_to_end(struct crowd *crowd)
{
	struct under_way *first = NULL;

	for (unsigned i = 0; i < OFFERS_EXCHANGES; i++) {
		struct under_way *next = &crowd->under_way[i];

		if (next->exchange != NULL && (first == NULL || next->end_ms < first->end_ms))
			first = next;
	}
	return first;
}

static void end_exchange(struct crowd *crowd, struct under_way *under_way)
{
	struct offers_exchange *exchange = under_way->exchange;
	unsigned client = client_at(&exchange->server);
	struct offers_result result;

	crowd->now_ms = under_way->end_ms;
	under_way->exchange = NULL;
	result = result_of(crowd, exchange, client);
	crowd->busy[client]--;
	crowd->asked_times[segment_by(exchange->segment)]--;
	offers_told(crowd->offers, exchange, &result, crowd->now_ms);
}

static void answer_looks(struct crowd *crowd)
{
	while (crowd->look_count > 0) {
		crowd->look_count--;
		answer_look(crowd, crowd->looks[crowd->look_count],
			    crowd->look_of[crowd->look_count]);
	}
}

/* Until END_MS, or until nothing is under way any more. */
static void pass(struct crowd *crowd, int64_t end_ms)
{
	struct under_way *under_way;

	for (;;) {
		answer_looks(crowd);
		under_way = first_to_end(crowd);
		if (under_way == NULL || under_way->end_ms > end_ms)
			break;
		end_exchange(crowd, under_way);
	}
	if (end_ms != INT64_MAX)
		crowd->now_ms = end_ms;
}

/* Every client once, and all is fetched. */
static void wave(struct crowd *crowd, bool read, int64_t between_ms)
{
	for (unsigned i = 0; i < CLIENTS; i++) {
		offer(crowd, i * 7919 % CLIENTS, read);
		pass(crowd, crowd->now_ms + between_ms);
	}
	pass(crowd, INT64_MAX);
	assert_true(offers_is_idle(crowd->offers));
}

static struct crowd *gathered(void)
{
	struct crowd *crowd = calloc(1, sizeof(*crowd));
	struct offers_options options = {.outlet = {look, ask, is_own, share, crowd}, .seed = 1};

	assert_non_null(crowd);
	crowd->chance = 1;
	for (unsigned i = 0; i < CLIENTS; i++)
		crowd->gone_ms[i] = INT64_MAX;
	assert_int_equal(offers_create(&options, &crowd->offers), 0);
	return crowd;
}

static void disperse(struct crowd *crowd)
{
	offers_free(crowd->offers);
	free(crowd);
}

static uint64_t beyond(const struct crowd *crowd)
{
	struct offers_counters counters;

	offers_counters(crowd->offers, &counters);
	return counters.offers[OFFERS_BEYOND];
}

/* 5,333 offers a second, with liars and all. */
static void all_that_honest_clients_offer_is_fetched(void **state)
{
	struct crowd *crowd = gathered();

	(void)state;
	wave(crowd, false, BETWEEN_MS);
	assert_int_equal(crowd->busy_most, OFFERS_EXCHANGES);
	assert_true(crowd->queued_most < OFFERS_SEGMENTS / 8);
	for (unsigned client = 0; client < CLIENTS; client++)
		for (uint32_t i = 0; i < OWN && manner_of(client) == GIVES; i++)
			assert_true(is_well_held(crowd, SHARED + client * OWN + i));
	/* Nothing is left to do but for those who are no help. */
	assert_true(crowd->now_ms < CLIENTS * BETWEEN_MS + 30000);
	disperse(crowd);
}

static void complaints_replace_what_liars_gave(void **state)
{
	struct crowd *crowd = gathered();

	(void)state;
	wave(crowd, false, BETWEEN_MS);
	assert_int_equal(crowd->good_replaced + crowd->bad_replaced, 0);
	for (unsigned i = 0; i < 2; i++) {
		crowd->now_ms += OFFERS_YOUNG_MS + 1;
		wave(crowd, true, BETWEEN_MS);
	}
	assert_true(crowd->bad_replaced > 0);
	disperse(crowd);
}

static void what_was_too_much_at_once_is_fetched_later(void **state)
{
	struct crowd *crowd = gathered();

	(void)state;
	wave(crowd, false, 0);
	assert_int_equal(crowd->queued_most, OFFERS_SEGMENTS);
	assert_true(beyond(crowd) > 0);
	assert_true(crowd->now_ms < 60000);
	for (unsigned i = 0; i < 2; i++)
		wave(crowd, true, BETWEEN_MS);
	for (unsigned client = 0; client < CLIENTS; client++)
		for (uint32_t i = 0; i < OWN && manner_of(client) == GIVES; i++)
			assert_true(is_well_held(crowd, SHARED + client * OWN + i));
	disperse(crowd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_that_honest_clients_offer_is_fetched),
		cmocka_unit_test(complaints_replace_what_liars_gave),
		cmocka_unit_test(what_was_too_much_at_once_is_fetched_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
