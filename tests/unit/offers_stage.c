/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/offers_stage.h"

/* ---- the outlet ---- */

static void look(void *owner, struct offers_segment *segment, struct pccrr_id id)
{
	struct stage *stage = owner;

	assert_true(id.size == 32 || id.size == 48);
	if (!stage->later) {
		offers_looked(stage->offers, segment, &stage->holding, stage->now_ms);
		return;
	}
	assert_true(stage->look_count < STAGE_LOOKS);
	stage->looks[stage->look_count++] = segment;
}

static void ask(void *owner, struct offers_exchange *exchange)
{
	struct stage *stage = owner;

	assert_true(stage->asked_count < STAGE_ASKED);
	assert_null(exchange->owner);
	stage->copies[stage->asked_count] = *exchange;
	stage->asked[stage->asked_count++] = exchange;
}

static bool is_own(void *owner, const struct xaddr *server)
{
	(void)owner;
	return server->port == STAGE_OWN_PORT;
}

static void share(void *owner, const struct offers_giver *giver, uint64_t *given_out,
		  uint64_t *held_out)
{
	struct stage *stage = owner;

	assert_int_equal(giver->octets[0], XADDR_IPV4);
	*given_out = stage->given;
	*held_out = stage->held;
}

/* ---- life ---- */

struct stage *stage_begin_with(struct offers_limits limits)
{
	struct stage *stage = calloc(1, sizeof(*stage));
	struct offers_options options = {
		.outlet = {look, ask, is_own, share, stage}, .seed = 1, .limits = limits};

	assert_non_null(stage);
	stage->now_ms = 1000000;
	assert_int_equal(offers_create(&options, &stage->offers), 0);
	return stage;
}

struct stage *stage_begin(void)
{
	return stage_begin_with((struct offers_limits){0});
}

void stage_end(struct stage *stage)
{
	offers_stop(stage->offers);
	while (stage->look_first < stage->look_count)
		stage_look(stage);
	for (unsigned i = 0; i < stage->asked_count; i++)
		if (stage->asked[i] != NULL)
			stage_tell(stage, i, OFFERS_GAVE_UP);
	assert_true(offers_is_idle(stage->offers));
	offers_free(stage->offers);
	free(stage);
}

/* ---- offers ---- */

struct xaddr stage_address(unsigned number)
{
	return (struct xaddr){
		.family = XADDR_IPV4,
		.port = 1337,
		.octets = {10, (uint8_t)(number >> 16), (uint8_t)(number >> 8), (uint8_t)number}};
}

struct xaddr stage_address_6(unsigned network, unsigned host)
{
	return (struct xaddr){
		.family = XADDR_IPV6,
		.port = 1337,
		.octets = {0x20, 0x01, 0x0d, 0xb8, [7] = (uint8_t)network, [15] = (uint8_t)host}};
}

void stage_offer_item(struct stage *stage, const struct xaddr *server, unsigned segment,
		      struct offers_item item)
{
	uint8_t id[32] = {0xab};

	memcpy(id + 1, &segment, sizeof(segment));
	if (item.id.size == 0)
		item.id = (struct pccrr_id){id, sizeof(id)};
	offers_take(stage->offers, server, &item, 1, stage->now_ms);
}

void stage_offer_from(struct stage *stage, const struct xaddr *server, unsigned segment)
{
	stage_offer_item(
		stage, server, segment,
		(struct offers_item){.algorithm = DIGEST_SHA512_TRUNC256, .size = STAGE_BLOCK});
}

void stage_offer(struct stage *stage, unsigned address, unsigned segment)
{
	struct xaddr server = stage_address(address);

	stage_offer_from(stage, &server, segment);
}

void stage_offer_1(struct stage *stage, unsigned address, unsigned segment, uint32_t blocks)
{
	struct xaddr server = stage_address(address);

	stage_offer_item(
		stage, &server, segment,
		(struct offers_item){.algorithm = DIGEST_SHA256, .size = blocks * STAGE_BLOCK});
}

static void hold(struct stage *stage, struct offers_portion portion, const struct xaddr *giver)
{
	assert_true(stage->holding.count < STAGE_PORTIONS);
	if (giver != NULL)
		portion.giver = offers_giver(giver);
	stage->portions[stage->holding.count++] = portion;
	stage->holding.portions = stage->portions;
}

void stage_hold(struct stage *stage, uint32_t first, uint32_t count, const struct xaddr *giver,
		int64_t age_ms)
{
	hold(stage,
	     (struct offers_portion){.blocks = {first, count},
				     .algorithm = DIGEST_SHA256,
				     .size = 512 * STAGE_BLOCK,
				     .age_ms = age_ms},
	     giver);
}

void stage_hold_2(struct stage *stage, const struct xaddr *giver, int64_t age_ms)
{
	hold(stage,
	     (struct offers_portion){.blocks = {0, 1},
				     .algorithm = DIGEST_SHA512_TRUNC256,
				     .size = STAGE_BLOCK,
				     .age_ms = age_ms},
	     giver);
}

/* ---- what follows ---- */

void stage_look(struct stage *stage)
{
	assert_true(stage->look_first < stage->look_count);
	offers_looked(stage->offers, stage->looks[stage->look_first++], &stage->holding,
		      stage->now_ms);
}

static void tell(struct stage *stage, unsigned number, struct offers_result result)
{
	struct offers_exchange *exchange = stage->asked[number];

	assert_true(number < stage->asked_count);
	assert_non_null(exchange);
	stage->asked[number] = NULL;
	offers_told(stage->offers, exchange, &result, stage->now_ms);
}

void stage_tell(struct stage *stage, unsigned number, enum offers_outcome outcome)
{
	tell(stage, number, (struct offers_result){.outcome = outcome});
}

void stage_tell_replaced(struct stage *stage, unsigned number, const struct xaddr *giver)
{
	tell(stage, number,
	     (struct offers_result){.outcome = OFFERS_CAME, .replaced = offers_giver(giver)});
}

void stage_tell_list(struct stage *stage, unsigned number, uint32_t first, uint32_t count)
{
	uint64_t list[RANGE_SET_WORDS(PCCRR_BLOCKS)] = {0};

	range_set_add(list, PCCRR_BLOCKS, (struct range){first, count});
	tell(stage, number, (struct offers_result){.outcome = OFFERS_CAME, .list = list});
}

static void asked_last(const struct stage *stage, unsigned number, unsigned address)
{
	struct xaddr server = stage_address(address);

	assert_int_equal(stage->asked_count, number + 1);
	assert_true(xaddr_same(&stage->copies[number].server, &server));
}

void stage_asked_block(const struct stage *stage, unsigned number, unsigned address, uint32_t block)
{
	asked_last(stage, number, address);
	assert_int_equal(stage->copies[number].type, PCCRR_ASK_BLOCK);
	assert_int_equal(stage->copies[number].block, block);
}

void stage_asked_list(const struct stage *stage, unsigned number, unsigned address)
{
	asked_last(stage, number, address);
	assert_int_equal(stage->copies[number].type, PCCRR_ASK_LIST);
}

struct offers_counters stage_counters(const struct stage *stage)
{
	struct offers_counters counters;

	offers_counters(stage->offers, &counters);
	return counters;
}

uint64_t stage_fate(const struct stage *stage, enum offers_fate fate)
{
	return stage_counters(stage).offers[fate];
}
