/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Offers under a clock that the test moves: what is looked up and asked for is written down, and
 * answered when the test says so. Segments and addresses have numbers.
 */
#ifndef TESTS_UNIT_OFFERS_STAGE_H
#define TESTS_UNIT_OFFERS_STAGE_H

#include "peer/offers.h"

enum { STAGE_ASKED = 1024, STAGE_LOOKS = 256, STAGE_PORTIONS = 8, STAGE_OWN_PORT = 4 };

struct stage {
	struct offers *offers;
	int64_t now_ms;
	bool later; /* looks wait for stage_look() */
	/* What is held of every segment. */
	struct offers_portion portions[STAGE_PORTIONS];
	struct offers_holding holding;
	uint64_t given, held;
	/* Exchanges in the order of asking; NULL: told. */
	struct offers_exchange *asked[STAGE_ASKED];
	struct offers_exchange copies[STAGE_ASKED]; /* as they were when they were asked */
	unsigned asked_count;
	struct offers_segment *looks[STAGE_LOOKS];
	unsigned look_count, look_first;
};

struct stage *stage_begin(void);
struct stage *stage_begin_with(struct offers_limits limits);
/* Whatever is under way is given up, and everything must be gone. */
void stage_end(struct stage *stage);

/* 10.0.x.y, port 1337. */
struct xaddr stage_address(unsigned number);
/* 2001:db8:0:NETWORK::HOST, port 1337. */
struct xaddr stage_address_6(unsigned network, unsigned host);

#define STAGE_BLOCK 65536u
/* An offer by an address, alone in its message, of a segment of version 2 or of version 1. */
void stage_offer(struct stage *stage, unsigned address, unsigned segment);
void stage_offer_1(struct stage *stage, unsigned address, unsigned segment, uint32_t blocks);
void stage_offer_from(struct stage *stage, const struct xaddr *server, unsigned segment);
void stage_offer_item(struct stage *stage, const struct xaddr *server, unsigned segment,
		      struct offers_item item);
/* Blocks COUNT from FIRST on of a segment of version 1 with 512 blocks are held, given so long
 * ago. */
void stage_hold(struct stage *stage, uint32_t first, uint32_t count, const struct xaddr *giver,
		int64_t age_ms);
/* The one block of a segment of version 2, of STAGE_BLOCK octets. */
void stage_hold_2(struct stage *stage, const struct xaddr *giver, int64_t age_ms);

/* Answers the oldest look that waits. */
void stage_look(struct stage *stage);
/* Ends exchange NUMBER. */
void stage_tell(struct stage *stage, unsigned number, enum offers_outcome outcome);
void stage_tell_replaced(struct stage *stage, unsigned number, const struct xaddr *giver);
/* The list it asked for has COUNT blocks from FIRST on. */
void stage_tell_list(struct stage *stage, unsigned number, uint32_t first, uint32_t count);

/* Exchange NUMBER is the last one asked for, goes to that address, and is for that block. */
void stage_asked_block(const struct stage *stage, unsigned number, unsigned address,
		       uint32_t block);
void stage_asked_list(const struct stage *stage, unsigned number, unsigned address);

struct offers_counters stage_counters(const struct stage *stage);
uint64_t stage_fate(const struct stage *stage, enum offers_fate fate);

#endif
