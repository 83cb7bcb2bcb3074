/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The queue and the lanes: which message goes to whom when, and what becomes of it.
 */
#include <string.h>

#include "peer/backoff.h"
#include "peer/offering_private.h"

#define STATUS_OK 200u
#define STATUS_TOO_MANY 429u
#define STATUS_SERVER 500u /* its fault, from here on */

bool offering_takes(const struct lane *lane, enum offering_kind kind)
{
	return kind == KIND_EITHER || lane->version == (kind == KIND_2 ? 2u : 1u);
}

/* ---- the queue ---- */

static void enqueue(struct offering *offering, struct offered *segment, bool in_front)
{
	enum offering_kind kind = offering_kind(segment);

	segment->state = OFFERED_QUEUED;
	segment->again = false;
	offering->queued[kind]++;
	if (in_front)
		TAILQ_INSERT_HEAD(&offering->queue[kind], segment, in_list);
	else
		TAILQ_INSERT_TAIL(&offering->queue[kind], segment, in_list);
}

void offering_queue(struct offering *offering, struct offered *segment)
{
	segment->queued_ms = offering->now_ms;
	segment->tries = 0;
	enqueue(offering, segment, false);
}

void offering_unlist(struct offering *offering, struct offered *segment)
{
	enum offering_kind kind = offering_kind(segment);

	if (segment->state == OFFERED_QUEUED) {
		TAILQ_REMOVE(&offering->queue[kind], segment, in_list);
		offering->queued[kind]--;
	} else if (segment->state == OFFERED_OUT) {
		TAILQ_REMOVE(&segment->lane->out, segment, in_list);
		segment->lane = NULL;
	}
	segment->state = OFFERED_IDLE;
}

/* Who gets what is queued of KIND; NULL: nobody just now. */
static struct lane *choose(struct offering *offering, enum offering_kind kind)
{
	for (unsigned i = 0; i < offering->lane_count; i++) {
		struct lane *lane = &offering->lanes[i];

		if (offering_takes(lane, kind) && offering->now_ms >= lane->rest_until_ms)
			return lane;
	}
	return NULL;
}

/* What is queued for a lane: the one that waits for longest, NULL for none, and how many. */
static struct offered *first_for(struct offering *offering, const struct lane *lane,
				 uint32_t *count_out)
{
	struct offered *first = NULL;

	*count_out = 0;
	for (unsigned kind = 0; kind < OFFERING_KINDS; kind++) {
		struct offered *candidate = TAILQ_FIRST(&offering->queue[kind]);

		if (candidate == NULL || choose(offering, kind) != lane)
			continue;
		*count_out += offering->queued[kind];
		if (first == NULL || candidate->queued_ms < first->queued_ms)
			first = candidate;
	}
	return first;
}

/* ---- messages ---- */

static void post(struct offering *offering, struct lane *lane, const struct pchc_request *request)
{
	const struct offering_outlet *outlet = &offering->options.outlet;
	struct offering_message message = {.number = ++offering->numbers,
					   .server = lane->server,
					   .version = lane->version,
					   .type = request->type,
					   .octets = offering->message,
					   .size = pchc_request_size(request)};

	pchc_request_write(request, offering->message);
	lane->state = LANE_OUT;
	lane->asked = request->type;
	lane->number = message.number;
	lane->due_ms = offering->now_ms + OFFERING_REQUEST_MS;
	offering->counters.messages++;
	outlet->send(outlet->owner, &message);
}

static void put_out(struct offering *offering, struct lane *lane, struct offered *segment)
{
	offering_unlist(offering, segment);
	segment->state = OFFERED_OUT;
	segment->lane = lane;
	TAILQ_INSERT_TAIL(&lane->out, segment, in_list);
}

static void send_batch(struct offering *offering, struct lane *lane)
{
	uint8_t wire[PCHC_OFFERS_MAX * PCHC_OFFER_SIZE];
	struct bytes_out out = bytes_out(wire, sizeof(wire));
	struct pchc_request request = {.type = PCHC_BATCHED_OFFER, .port = offering->options.port};
	struct offered *segment;
	struct pchc_offer offer;
	uint32_t count;

	request.offers.wire = wire;
	while (request.offers.count < PCHC_OFFERS_MAX &&
	       (segment = first_for(offering, lane, &count)) != NULL) {
		put_out(offering, lane, segment);
		/* Never false: offering_came() lets no other segments in. */
		if (!pchc_offer_make(segment->algorithm, segment->length,
				     (const uint8_t *)OFFERING_TAG, segment->id, &offer))
			continue;
		pchc_offers_put(&out, &offer);
		request.offers.count++;
	}
	post(offering, lane, &request);
}

static void send_initial(struct offering *offering, struct lane *lane, struct offered *segment)
{
	struct pchc_request request = {.type = PCHC_INITIAL_OFFER,
				       .port = offering->options.port,
				       .segment = {segment->id, segment->id_size}};

	put_out(offering, lane, segment);
	post(offering, lane, &request);
}

/* False: nothing is known of the segment any more. */
static bool send_information(struct offering *offering, struct lane *lane)
{
	const struct offering_outlet *outlet = &offering->options.outlet;
	const struct offered *segment = TAILQ_FIRST(&lane->out);
	struct pchc_request request = {.type = PCHC_SEGMENT_INFO,
				       .port = offering->options.port,
				       .tag = (const uint8_t *)OFFERING_TAG};
	size_t size;

	if (segment == NULL ||
	    !outlet->describe(outlet->owner, (struct pccrr_id){segment->id, segment->id_size},
			      &request.information))
		return false;
	size = pchc_request_size(&request);
	if (size == 0 || size > sizeof(offering->message))
		return false;
	post(offering, lane, &request);
	return true;
}

/* ---- how sequences end ---- */

static void keep(struct offering *offering, struct offered *segment)
{
	segment->kept_until_ms = offering->kept_until_ms = offering->now_ms + OFFERING_KEEP_MS;
}

static void succeed(struct offering *offering, struct lane *lane)
{
	struct offered *segment;

	lane->state = LANE_IDLE;
	lane->failures = 0;
	while ((segment = TAILQ_FIRST(&lane->out)) != NULL) {
		offering_unlist(offering, segment);
		keep(offering, segment);
		offering->counters.offered++;
		if (segment->again)
			offering_queue(offering, segment);
	}
}

/* Between two sequences that fail, as long as FAILURES did in a row. */
static int64_t rest_ms(const struct offering *offering, unsigned failures)
{
	uint32_t rest = OFFERING_REST_MS;

	while (--failures > 0 && rest < OFFERING_REST_MAX_MS)
		rest *= 2;
	if (rest > OFFERING_REST_MAX_MS)
		rest = OFFERING_REST_MAX_MS;
	return backoff_between(rest / 2, rest, offering_random(offering));
}

/* What was on its way may have arrived: it is kept for as long as if it had. */
static void fail(struct offering *offering, struct lane *lane, unsigned tries)
{
	struct offered *segment;

	lane->state = LANE_IDLE;
	lane->rest_until_ms = offering->now_ms + rest_ms(offering, ++lane->failures);
	offering->counters.failed++;
	while ((segment = TAILQ_LAST(&lane->out, offereds)) != NULL) {
		offering_unlist(offering, segment);
		keep(offering, segment);
		segment->tries += tries;
		if (segment->tries < OFFERING_TRIES)
			enqueue(offering, segment, true);
		else
			offering->counters.dropped++;
	}
}

static struct lane *lane_of(struct offering *offering, uint64_t number)
{
	for (unsigned i = 0; i < offering->lane_count; i++)
		if (offering->lanes[i].state == LANE_OUT && offering->lanes[i].number == number)
			return &offering->lanes[i];
	return NULL;
}

static unsigned tries_of(unsigned status)
{
	bool passes = status >= STATUS_SERVER || status == STATUS_TOO_MANY;

	return passes ? 1 : OFFERING_REFUSED_TRIES;
}

void offering_answered(struct offering *offering, uint64_t number, unsigned status,
		       const void *body, size_t size, int64_t now_ms)
{
	struct lane *lane = lane_of(offering, number);
	enum pchc_code code;

	offering_advance(offering, now_ms);
	if (lane == NULL)
		return;
	if (status != STATUS_OK || pchc_response_read(body, size, lane->asked, &code) != 0)
		fail(offering, lane, tries_of(status));
	else if (code == PCHC_INTERESTED)
		lane->state = LANE_INTERESTED;
	else
		succeed(offering, lane);
}

void offering_broken(struct offering *offering, uint64_t number, int64_t now_ms)
{
	struct lane *lane = lane_of(offering, number);

	offering_advance(offering, now_ms);
	if (lane != NULL)
		fail(offering, lane, 1);
}

static void abandon(struct offering *offering, const struct lane *lane)
{
	const struct offering_outlet *outlet = &offering->options.outlet;

	if (lane->state == LANE_OUT)
		outlet->abandon(outlet->owner, lane->number);
}

void offering_stop(struct offering *offering, int64_t now_ms)
{
	struct offered *segment;

	offering_advance(offering, now_ms);
	offering->stopped = true;
	for (unsigned i = 0; i < offering->lane_count; i++) {
		struct lane *lane = &offering->lanes[i];

		abandon(offering, lane);
		lane->state = LANE_IDLE;
		while ((segment = TAILQ_FIRST(&lane->out)) != NULL) {
			offering_unlist(offering, segment);
			keep(offering, segment);
		}
	}
	for (unsigned kind = 0; kind < OFFERING_KINDS; kind++)
		while ((segment = TAILQ_FIRST(&offering->queue[kind])) != NULL)
			offering_unlist(offering, segment);
}

/* ---- time ---- */

/* When what is queued for an idle lane may go; INT64_MAX: nothing is. */
static int64_t ready_ms(struct offering *offering, const struct lane *lane,
			struct offered **first_out)
{
	uint32_t count;

	*first_out = first_for(offering, lane, &count);
	if (*first_out == NULL || offering->options.port == 0)
		return INT64_MAX;
	if (lane->version == 1 || count >= PCHC_OFFERS_MAX)
		return OFFERING_NEVER;
	return (*first_out)->queued_ms + OFFERING_BATCH_MS;
}

static void work(struct offering *offering, struct lane *lane)
{
	struct offered *first;

	if (lane->state == LANE_INTERESTED && !send_information(offering, lane))
		succeed(offering, lane);
	if (lane->state != LANE_IDLE || ready_ms(offering, lane, &first) > offering->now_ms)
		return;
	if (lane->version == 2)
		send_batch(offering, lane);
	else
		send_initial(offering, lane, first);
}

static bool has_work(const struct offering *offering, const struct lane *lane)
{
	for (unsigned kind = 0; kind < OFFERING_KINDS; kind++)
		if (offering_takes(lane, kind) && offering->queued[kind] > 0)
			return offering->options.port != 0;
	return false;
}

static int64_t due_ms(struct offering *offering, const struct lane *lane)
{
	struct offered *first;

	if (lane->state == LANE_OUT)
		return lane->due_ms;
	if (offering->now_ms < lane->rest_until_ms)
		return has_work(offering, lane) ? lane->rest_until_ms : INT64_MAX;
	return ready_ms(offering, lane, &first);
}

int64_t offering_tick(struct offering *offering, int64_t now_ms)
{
	int64_t next_ms = INT64_MAX, due;

	offering_advance(offering, now_ms);
	for (unsigned i = 0; i < offering->lane_count; i++) {
		struct lane *lane = &offering->lanes[i];

		if (lane->state != LANE_OUT || offering->now_ms < lane->due_ms)
			continue;
		abandon(offering, lane);
		fail(offering, lane, 1);
	}
	for (unsigned i = 0; i < offering->lane_count; i++)
		work(offering, &offering->lanes[i]);
	for (unsigned i = 0; i < offering->lane_count; i++) {
		due = due_ms(offering, &offering->lanes[i]);
		if (due < next_ms)
			next_ms = due;
	}
	return next_ms;
}
