/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Which server is asked for blocks: by what it gave before (retrieval.md section 11.3).
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "peer/offering_private.h"

#define FAILURES_ONLY 4u /* these two: without any success; of OFFERING_JUDGED */
#define FAILURES_RECENT 12u
#define TIMEOUTS_IN_A_ROW 3u
#define OUT_MS 60000
#define OUT_MAX_MS 3600000
#define FORGET_MS 3600000 /* without failure */
#define WRONG_RECENT 12u  /* of OFFERING_JUDGED segments */
#define SPOILT_MS 600000
#define LISTLESS_MS 600000 /* hosted-cache.md section 12 */
/* Our choice: more wrong segments than that within SPOILT_MS, and the server is out. */
#define SPOILT 4096u

int offering_ask_begin(struct offering *offering)
{
	offering->spoilt_until_ms = calloc(SPOILT, sizeof(*offering->spoilt_until_ms));
	if (offering->spoilt_until_ms == NULL ||
	    recent_create(SPOILT, offering->options.seed, &offering->spoilt) != 0)
		return -ENOMEM;
	offering_trust(offering);
	return 0;
}

void offering_ask_end(struct offering *offering)
{
	recent_free(offering->spoilt);
	free(offering->spoilt_until_ms);
}

void offering_trust(struct offering *offering)
{
	for (unsigned i = 0; i < OFFERING_SERVERS_MAX; i++)
		offering->asked[i] = (struct asked){.failed_ms = OFFERING_NEVER,
						    .out_until_ms = OFFERING_NEVER,
						    .listless_until_ms = OFFERING_NEVER};
	for (unsigned i = 0; i < SPOILT; i++)
		offering->spoilt_until_ms[i] = OFFERING_NEVER;
	for (unsigned i = 0; i < offering->lane_count; i++) {
		offering->lanes[i].failures = 0;
		offering->lanes[i].rest_until_ms = OFFERING_NEVER;
	}
}

/* ---- what is wrong at a server ---- */

struct spoilt_key {
	uint8_t server;
	uint8_t id[PCCRR_ID_SIZE_MAX];
};

static struct spoilt_key spoilt_key(unsigned server, struct pccrr_id id)
{
	struct spoilt_key key = {.server = (uint8_t)server};

	assert(id.size <= sizeof(key.id));
	memcpy(key.id, id.octets, id.size);
	return key;
}

static bool is_spoilt(const struct offering *offering, unsigned server, struct pccrr_id id,
		      int64_t now_ms)
{
	struct spoilt_key key = spoilt_key(server, id);
	uint32_t slot = recent_find(offering->spoilt, &key, sizeof(key));

	return slot != RECENT_NONE && now_ms < offering->spoilt_until_ms[slot];
}

static void spoil(struct offering *offering, unsigned server, struct pccrr_id id)
{
	struct spoilt_key key = spoilt_key(server, id);
	bool fresh;
	uint32_t slot = recent_use(offering->spoilt, &key, sizeof(key), &fresh);

	offering->spoilt_until_ms[slot] = offering->now_ms + SPOILT_MS;
}

/* The segment among the last ones that SERVER gave something of. */
static struct judged *judged_of(struct asked *server, struct pccrr_id id)
{
	struct judged *judged;

	for (unsigned i = 0; i < OFFERING_JUDGED; i++) {
		judged = &server->judged[i];
		if (judged->id_size == id.size && memcmp(judged->id, id.octets, id.size) == 0)
			return judged;
	}
	judged = &server->judged[server->judged_next++ % OFFERING_JUDGED];
	*judged = (struct judged){.id_size = id.size};
	memcpy(judged->id, id.octets, id.size);
	return judged;
}

static void find_wrong(struct offering *offering, struct asked *server, struct pccrr_id id)
{
	unsigned wrong = 0;

	judged_of(server, id)->wrong = true;
	for (unsigned i = 0; i < OFFERING_JUDGED; i++)
		wrong += server->judged[i].wrong;
	if (wrong < WRONG_RECENT)
		return;
	memset(server->judged, 0, sizeof(server->judged));
	if (server->out_until_ms < offering->now_ms + OUT_MS)
		server->out_until_ms = offering->now_ms + OUT_MS;
}

/* ---- servers that fail ---- */

static void remember(struct asked *server, bool failed, bool late)
{
	server->history = (uint16_t)(server->history << 1 | failed);
	server->history_late = (uint16_t)(server->history_late << 1 | late);
	server->timeouts = late ? server->timeouts + 1 : 0;
}

static void put_out(const struct offering *offering, struct asked *server)
{
	server->out_ms = server->out_ms == 0 ? OUT_MS : server->out_ms * 2;
	if (server->out_ms > OUT_MAX_MS)
		server->out_ms = OUT_MAX_MS;
	/* While it is out it cannot fail, which is no merit. */
	server->out_until_ms = server->failed_ms = offering->now_ms + server->out_ms;
	server->history = server->history_late = 0;
	server->failures_only = server->timeouts = 0;
	server->succeeded = false;
}

static void fail(const struct offering *offering, struct asked *server, bool late)
{
	unsigned recent;

	/* Of what was under way when it was put out. */
	if (offering->now_ms < server->out_until_ms)
		return;
	if (server->failed_ms != OFFERING_NEVER &&
	    offering->now_ms - server->failed_ms >= FORGET_MS)
		server->out_ms = 0;
	server->failed_ms = offering->now_ms;
	server->failures_only += server->succeeded ? 0 : 1;
	remember(server, true, late);
	recent = (unsigned)(__builtin_popcount(server->history) +
			    __builtin_popcount(server->history_late));
	if (server->failures_only >= FAILURES_ONLY || recent >= FAILURES_RECENT ||
	    server->timeouts >= TIMEOUTS_IN_A_ROW)
		put_out(offering, server);
}

static void succeed(struct asked *server)
{
	server->succeeded = true;
	remember(server, false, false);
}

void offering_told(struct offering *offering, unsigned number, struct pccrr_id segment,
		   enum offering_outcome outcome, int64_t now_ms)
{
	struct asked *server = &offering->asked[number];

	assert(number < offering->options.server_count && segment.size <= PCCRR_ID_SIZE_MAX);
	offering_advance(offering, now_ms);
	switch (outcome) {
	case OFFERING_GOOD:
		succeed(server);
		judged_of(server, segment);
		break;
	case OFFERING_EMPTY:
		remember(server, false, false);
		break;
	case OFFERING_WRONG:
		remember(server, false, false);
		spoil(offering, number, segment);
		find_wrong(offering, server, segment);
		offering_complain(offering, segment);
		break;
	case OFFERING_FAILED:
	case OFFERING_LATE:
		fail(offering, server, outcome == OFFERING_LATE);
		break;
	}
}

int offering_ask(const struct offering *offering, struct pccrr_id segment, unsigned from,
		 int64_t now_ms)
{
	now_ms = offering_now(offering, now_ms);
	for (unsigned i = from; i < offering->options.server_count; i++)
		if (now_ms >= offering->asked[i].out_until_ms &&
		    !is_spoilt(offering, i, segment, now_ms))
			return (int)i;
	return -ENOENT;
}

/* ---- MSG_GETSEGLIST ---- */

bool offering_may_list(const struct offering *offering, unsigned server, int64_t now_ms)
{
	return offering_now(offering, now_ms) >= offering->asked[server].listless_until_ms;
}

void offering_cannot_list(struct offering *offering, unsigned server, int64_t now_ms)
{
	offering_advance(offering, now_ms);
	offering->asked[server].listless_until_ms = offering->now_ms + LISTLESS_MS;
}

/* ---- status ---- */

static int64_t left(int64_t until_ms, int64_t now_ms)
{
	return until_ms > now_ms ? until_ms - now_ms : 0;
}

void offering_look(const struct offering *offering, unsigned server, int64_t now_ms,
		   struct offering_server_state *state_out)
{
	const struct asked *asked = &offering->asked[server];
	struct offering_server_state state = {0};

	now_ms = offering_now(offering, now_ms);
	state.out_ms = left(asked->out_until_ms, now_ms);
	state.lists = now_ms >= asked->listless_until_ms;
	for (unsigned i = 0; i < offering->lane_count; i++)
		if (offering->lanes[i].server == server)
			state.rest_ms[offering->lanes[i].version - 1] =
				left(offering->lanes[i].rest_until_ms, now_ms);
	*state_out = state;
}
