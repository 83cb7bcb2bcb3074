/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/offering_play.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/pchc_vectors.h"

static struct octets fox; /* a message with content information; described segments point into it */

/* ---- the outlet ---- */

static void send(void *owner, const struct offering_message *message)
{
	struct play *play = owner;
	struct play_sent *sent = &play->sent[play->sent_count++];

	assert_true(play->may);
	assert_true(play->sent_count <= PLAY_SENT);
	*sent = (struct play_sent){.number = message->number,
				   .server = message->server,
				   .version = message->version,
				   .type = message->type,
				   .octets = malloc(message->size),
				   .size = message->size,
				   .at_ms = play->now_ms};
	assert_non_null(sent->octets);
	memcpy(sent->octets, message->octets, message->size);
	assert_int_equal(play_read(play, play->sent_count - 1).type, message->type);
}

static void abandon(void *owner, uint64_t number)
{
	struct play *play = owner;

	assert_true(play->may);
	for (unsigned i = 0; i < play->sent_count; i++)
		if (play->sent[i].number == number) {
			assert_false(play->sent[i].abandoned);
			play->sent[i].abandoned = true;
			return;
		}
	fail_msg("no message %u", (unsigned)number);
}

static bool describe(void *owner, struct pccrr_id segment, struct content_v1_single *single_out)
{
	struct play *play = owner;
	struct pchc_request request;

	(void)segment;
	if (play->unknown)
		return false;
	assert_int_equal(pchc_request_read(fox.data, fox.size, 1, &request), PCHC_VALID);
	*single_out = request.information;
	return true;
}

static uint32_t draw(void *owner)
{
	const struct play *play = owner;

	return play->random;
}

/* ---- life ---- */

static struct play *begin(const char *const *servers, unsigned count, uint32_t segments)
{
	struct play *play = calloc(1, sizeof(*play));
	struct offering_options options = {
		.outlet = {send, abandon, describe, draw, play},
		.server_count = count,
		.port = PLAY_PORT,
		.segments = segments,
	};

	assert_non_null(play);
	for (unsigned i = 0; i < count; i++) {
		options.servers[i].takes_1 = strchr(servers[i], '1') != NULL;
		options.servers[i].takes_2 = strchr(servers[i], '2') != NULL;
	}
	fox = vectors_unhex(INFORMATION);
	play->now_ms = 1000;
	play->due_ms = INT64_MAX;
	play->random = UINT32_MAX; /* the longest waits */
	assert_int_equal(offering_create(&options, play->now_ms, &play->offering), 0);
	return play;
}

struct play *play_begin(const char *const *servers, unsigned count)
{
	return begin(servers, count, 0);
}

struct play *play_begin_small(const char *server, uint32_t segments)
{
	return begin(&server, 1, segments);
}

void play_end(struct play *play)
{
	for (unsigned i = 0; i < play->sent_count; i++)
		free(play->sent[i].octets);
	offering_free(play->offering);
	octets_free(&fox);
	free(play);
}

/* ---- what happens ---- */

static uint8_t *name(unsigned segment)
{
	static uint8_t id[PCCRR_ID_SIZE_MAX];

	memset(id, 0x5a, sizeof(id));
	memcpy(id, &segment, sizeof(segment));
	return id;
}

struct pccrr_id play_id(unsigned segment)
{
	return (struct pccrr_id){name(segment), PCHC_ID_SIZE};
}

void play_tick(struct play *play)
{
	play->may = true;
	play->due_ms = offering_tick(play->offering, play->now_ms);
	play->may = false;
	assert_true(play->due_ms > play->now_ms);
}

void play_came(struct play *play, enum digest_algorithm algorithm, unsigned segment,
	       uint32_t length, uint32_t block)
{
	struct offering_block came = {
		algorithm,
		{name(segment), (uint32_t)digest_size(algorithm)},
		length,
		block,
	};

	offering_came(play->offering, &came, play->now_ms);
	play_tick(play);
}

void play_came_2(struct play *play, unsigned segment)
{
	play_came(play, DIGEST_SHA512_TRUNC256, segment, PLAY_LENGTH_2, 0);
}

void play_came_1(struct play *play, unsigned segment, uint32_t length, uint32_t block)
{
	play_came(play, DIGEST_SHA256, segment, length, block);
}

void play_came_1_run(struct play *play, unsigned segment, uint32_t first, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		play_came_1(play, segment, PLAY_FULL, first + i);
}

void play_answer(struct play *play, enum pchc_code code)
{
	uint8_t body[PCHC_RESPONSE_SIZE];

	pchc_response_write(code, body);
	offering_answered(play->offering, play_last(play)->number, 200, body, sizeof(body),
			  play->now_ms);
	play_tick(play);
}

void play_refuse(struct play *play, unsigned status)
{
	uint8_t body[PCHC_RESPONSE_SIZE];

	pchc_response_write(PCHC_OK, body);
	offering_answered(play->offering, play_last(play)->number, status, body, sizeof(body),
			  play->now_ms);
	play_tick(play);
}

void play_break(struct play *play)
{
	offering_broken(play->offering, play_last(play)->number, play->now_ms);
	play_tick(play);
}

void play_pass(struct play *play, int64_t ms)
{
	int64_t until_ms = play->now_ms + ms;

	while (play->due_ms <= until_ms) {
		play->now_ms = play->due_ms;
		play_tick(play);
	}
	play->now_ms = until_ms;
}

int64_t play_until_sent(struct play *play, int64_t most_ms)
{
	unsigned before = play->sent_count;
	int64_t from_ms = play->now_ms;

	while (play->sent_count == before) {
		assert_true(play->due_ms <= from_ms + most_ms);
		play->now_ms = play->due_ms;
		play_tick(play);
	}
	return play->now_ms - from_ms;
}

/* ---- beginnings ---- */

struct play *play_initial(void)
{
	static const char *const server = "1";
	struct play *play = play_begin(&server, 1);

	play_came_1(play, 0, 1, 0);
	assert_int_equal(play->sent_count, 1);
	return play;
}

struct play *play_batched(const char *const *servers, unsigned count)
{
	struct play *play = play_begin(servers, count);

	play_came_2(play, 0);
	play_until_sent(play, OFFERING_BATCH_MS);
	return play;
}

/* ---- what is seen ---- */

const struct play_sent *play_last(const struct play *play)
{
	assert_true(play->sent_count > 0);
	return &play->sent[play->sent_count - 1];
}

struct pchc_request play_read(const struct play *play, unsigned number)
{
	const struct play_sent *sent = &play->sent[number];
	struct pchc_request request;

	assert_true(number < play->sent_count);
	assert_int_equal(pchc_request_read(sent->octets, sent->size, sent->version, &request),
			 PCHC_VALID);
	return request;
}

struct pchc_offer play_descriptor(const struct play *play, unsigned sent, unsigned at)
{
	struct pchc_offers rest = play_read(play, sent).offers;
	struct pchc_offer offer;

	for (unsigned i = 0; i <= at; i++)
		assert_true(pchc_offers_next(&rest, &offer));
	return offer;
}

bool play_serves(const struct play *play, unsigned segment)
{
	return offering_serves(play->offering, play_id(segment), play->now_ms);
}

struct offering_counters play_counters(const struct play *play)
{
	struct offering_counters counters;

	offering_counters(play->offering, &counters);
	return counters;
}

struct offering_server_state play_state(const struct play *play, unsigned server)
{
	struct offering_server_state state;

	offering_look(play->offering, server, play->now_ms, &state);
	return state;
}
