/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The offering as a whole, and its segments: what came of each, and when it is to be offered.
 */
#include "peer/offering_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cache/content_v1.h"
#include "cache/content_v2.h"

_Static_assert(sizeof(OFFERING_TAG) == PCHC_TAG_SIZE + 1, "size of a tag");
_Static_assert(DIGEST_SIZE_MAX >= PCCRR_ID_SIZE_MAX, "ids fit");

/* The latest of NOW_MS and what was told before. */
static int64_t latest(const struct offering *offering, int64_t now_ms)
{
	return now_ms > offering->now_ms ? now_ms : offering->now_ms;
}

void offering_advance(struct offering *offering, int64_t now_ms)
{
	offering->now_ms = latest(offering, now_ms);
}

uint32_t offering_random(const struct offering *offering)
{
	return offering->options.outlet.random(offering->options.outlet.owner);
}

/* ---- life ---- */

static void add_lane(struct offering *offering, unsigned server, unsigned version)
{
	struct lane *lane = &offering->lanes[offering->lane_count++];

	lane->server = server;
	lane->version = version;
	lane->rest_until_ms = OFFERING_NEVER;
	TAILQ_INIT(&lane->out);
}

static void begin_lists(struct offering *offering)
{
	const struct offering_options *options = &offering->options;

	for (unsigned i = 0; i < OFFERING_KINDS; i++)
		TAILQ_INIT(&offering->queue[i]);
	for (unsigned i = 0; i < options->server_count; i++) {
		if (options->servers[i].takes_2)
			add_lane(offering, i, 2);
		if (options->servers[i].takes_1)
			add_lane(offering, i, 1);
	}
}

int offering_create(const struct offering_options *options, int64_t now_ms,
		    struct offering **offering_out)
{
	struct offering *offering;
	uint32_t segments = options->segments != 0 ? options->segments : OFFERING_SEGMENTS;

	if (options->server_count > OFFERING_SERVERS_MAX)
		return -EINVAL;
	offering = calloc(1, sizeof(*offering));
	if (offering == NULL)
		return -ENOMEM;
	offering->options = *options;
	offering->now_ms = now_ms;
	offering->kept_until_ms = OFFERING_NEVER;
	begin_lists(offering);
	offering->segments = calloc(segments, sizeof(*offering->segments));
	if (offering->segments == NULL ||
	    recent_create(segments, options->seed, &offering->slots) != 0) {
		offering_free(offering);
		return -ENOMEM;
	}
	*offering_out = offering;
	return 0;
}

void offering_free(struct offering *offering)
{
	if (offering == NULL)
		return;
	recent_free(offering->slots);
	free(offering->segments);
	free(offering);
}

void offering_port(struct offering *offering, uint16_t port)
{
	offering->options.port = port;
}

void offering_counters(const struct offering *offering, struct offering_counters *counters_out)
{
	struct offering_counters counters = offering->counters;

	for (unsigned i = 0; i < OFFERING_KINDS; i++)
		counters.queued += offering->queued[i];
	*counters_out = counters;
}

void offering_trust(struct offering *offering)
{
	for (unsigned i = 0; i < offering->lane_count; i++) {
		offering->lanes[i].failures = 0;
		offering->lanes[i].rest_until_ms = OFFERING_NEVER;
	}
}

void offering_look(const struct offering *offering, unsigned server, int64_t now_ms,
		   struct offering_server_state *state_out)
{
	struct offering_server_state state = {0};

	now_ms = latest(offering, now_ms);
	for (unsigned i = 0; i < offering->lane_count; i++) {
		const struct lane *lane = &offering->lanes[i];

		if (lane->server == server && lane->rest_until_ms > now_ms)
			state.rest_ms[lane->version - 1] = lane->rest_until_ms - now_ms;
	}
	*state_out = state;
}

/* ---- segments ---- */

enum offering_kind offering_kind(const struct offered *segment)
{
	switch (segment->algorithm) {
	case DIGEST_SHA256:
		return KIND_EITHER;
	case DIGEST_SHA512_TRUNC256:
		return KIND_2;
	default:
		return KIND_LONG;
	}
}

/* The segment, which is now the one told of last; zeros but for the id if it was not known. */
static struct offered *use_segment(struct offering *offering, struct pccrr_id id)
{
	bool fresh;
	uint32_t slot = recent_use(offering->slots, id.octets, id.size, &fresh);
	struct offered *segment = &offering->segments[slot];

	if (!fresh)
		return segment;
	offering->counters.pushed += segment->state == OFFERED_QUEUED;
	offering_unlist(offering, segment);
	*segment = (struct offered){.id_size = (uint8_t)id.size, .kept_until_ms = OFFERING_NEVER};
	memcpy(segment->id, id.octets, id.size);
	return segment;
}

/* What is told of a block, as the beginning of a segment. False: there is no such block. */
static bool is_block(const struct offering_block *block, struct offered *segment_out)
{
	bool version_2 = block->algorithm == DIGEST_SHA512_TRUNC256;
	uint32_t most = version_2 ? CONTENT_V2_SEGMENT_MAX : CONTENT_V1_SEGMENT;

	if ((unsigned)block->algorithm >= DIGEST_ALGORITHMS ||
	    block->segment.size != digest_size(block->algorithm) || block->length == 0 ||
	    block->length > most)
		return false;
	segment_out->algorithm = block->algorithm;
	segment_out->length = block->length;
	segment_out->blocks = version_2 ? 1 : (block->length - 1) / CONTENT_V1_BLOCK + 1;
	return block->block < segment_out->blocks;
}

static bool is_taken(const struct offering *offering, enum offering_kind kind)
{
	for (unsigned i = 0; i < offering->lane_count; i++)
		if (offering_takes(&offering->lanes[i], kind))
			return true;
	return false;
}

static void count_anew(struct offered *segment)
{
	memset(segment->seen, 0, sizeof(segment->seen));
	segment->count = 0;
	segment->steps = 0;
}

/* Whether BLOCK is one more. */
static bool count(const struct offering *offering, struct offered *segment, uint32_t block)
{
	if (range_set_has(segment->seen, segment->blocks, block)) {
		if (segment->state != OFFERED_IDLE || segment->kept_until_ms == OFFERING_NEVER ||
		    offering->now_ms < segment->kept_until_ms)
			return false;
		count_anew(segment);
	}
	range_set_add(segment->seen, segment->blocks, (struct range){block, 1});
	segment->count++;
	return true;
}

bool offering_came(struct offering *offering, const struct offering_block *block, int64_t now_ms)
{
	struct offered told = {0}, *segment;
	uint8_t steps;

	offering_advance(offering, now_ms);
	if (offering->stopped || !is_block(block, &told) ||
	    !is_taken(offering, offering_kind(&told)))
		return false;
	segment = use_segment(offering, block->segment);
	if (segment->blocks == 0) {
		segment->algorithm = told.algorithm;
		segment->length = told.length;
		segment->blocks = told.blocks;
	}
	if (block->block >= segment->blocks || !count(offering, segment, block->block))
		return false;
	steps = (uint8_t)(segment->count * OFFERING_STEPS / segment->blocks);
	if (steps <= segment->steps && !segment->complaint)
		return false;
	segment->steps = steps;
	segment->complaint = false;
	if (segment->state == OFFERED_IDLE)
		offering_queue(offering, segment);
	else if (segment->state == OFFERED_OUT)
		segment->again = true;
	return true;
}

void offering_spoilt(struct offering *offering, struct pccrr_id id)
{
	struct offered *segment = use_segment(offering, id);

	count_anew(segment);
	segment->complaint = true;
}

/* ---- serving ---- */

bool offering_serves(const struct offering *offering, struct pccrr_id id, int64_t now_ms)
{
	uint32_t slot = recent_find(offering->slots, id.octets, id.size);
	const struct offered *segment;

	if (slot == RECENT_NONE)
		return false;
	segment = &offering->segments[slot];
	return segment->state == OFFERED_OUT || latest(offering, now_ms) < segment->kept_until_ms;
}

int64_t offering_serves_until(const struct offering *offering)
{
	for (unsigned i = 0; i < offering->lane_count; i++)
		if (offering->lanes[i].state != LANE_IDLE)
			return INT64_MAX;
	return offering->kept_until_ms;
}
