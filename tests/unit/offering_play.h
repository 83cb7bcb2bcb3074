/* SPDX-License-Identifier: BSD-2-Clause
 *
 * An offering under a virtual clock that jumps to whenever it wants to be called next. Segments
 * have numbers. Nothing may go out but when that is allowed, and each message must be a valid one
 * for where it goes.
 */
#ifndef TESTS_UNIT_OFFERING_PLAY_H
#define TESTS_UNIT_OFFERING_PLAY_H

#include "peer/offering.h"

enum { PLAY_SENT = 1024, PLAY_PORT = 8282, PLAY_LENGTH_2 = 70000 };
#define PLAY_FULL (32u << 20) /* length of a version 1.0 segment of 512 blocks */

struct play_sent {
	uint64_t number;
	unsigned server, version;
	enum pchc_type type;
	uint8_t *octets;
	size_t size;
	int64_t at_ms;
	bool abandoned;
};

struct play {
	struct offering *offering;
	int64_t now_ms, due_ms;
	struct play_sent sent[PLAY_SENT];
	unsigned sent_count;
	bool may;     /* messages may go out just now */
	bool unknown; /* nothing can be described */
	uint32_t random;
};

/* One server for each string: "1", "2" or "12", the versions that it takes. */
struct play *play_begin(const char *const *servers, unsigned count);
struct play *play_begin_small(const char *server, uint32_t segments);
/* Segment 0 of version 1.0 is on offer to a version 1.0 server; of version 2.0, to the first of
 * COUNT servers. */
struct play *play_initial(void);
struct play *play_batched(const char *const *servers, unsigned count);
void play_end(struct play *play);

struct pccrr_id play_id(unsigned segment);
/* All of a version 2.0 segment; a block of a version 1.0 one. */
void play_came_2(struct play *play, unsigned segment);
void play_came_1(struct play *play, unsigned segment, uint32_t length, uint32_t block);
void play_came_1_run(struct play *play, unsigned segment, uint32_t first, uint32_t count);
void play_came(struct play *play, enum digest_algorithm algorithm, unsigned segment,
	       uint32_t length, uint32_t block);

/* The last message is answered: 200 and CODE; a status; not at all. */
void play_answer(struct play *play, enum pchc_code code);
void play_refuse(struct play *play, unsigned status);
void play_break(struct play *play);
void play_tick(struct play *play);
void play_pass(struct play *play, int64_t ms);
/* To the next message, which must come within MOST_MS. Returns after how long it did. */
int64_t play_until_sent(struct play *play, int64_t most_ms);

const struct play_sent *play_last(const struct play *play);
/* As it is read by a hosted cache. */
struct pchc_request play_read(const struct play *play, unsigned sent);
/* Of a batch, place AT. */
struct pchc_offer play_descriptor(const struct play *play, unsigned sent, unsigned at);
bool play_serves(const struct play *play, unsigned segment);
struct offering_counters play_counters(const struct play *play);
struct offering_server_state play_state(const struct play *play, unsigned server);

#endif
