/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a valid request is answered with, of what the store holds (retrieval.md sections 9.2 to
 * 9.5): an answer in the making, with room of its own in which a block is read, encrypted and sent
 * from. Whatever goes wrong with what is held makes an answer that has it not.
 *
 * A block that is held checked is encrypted anew. One that is held opaque alone is replayed as it
 * came, whatever algorithm is asked for (hosted-cache.md section 9); of what is held, and of which
 * block is next, both kinds are told together.
 */
#ifndef PEER_RETRIEVAL_ANSWER_H
#define PEER_RETRIEVAL_ANSWER_H

#include <stdalign.h>

#include "cache/cutting.h"
#include "cache/store.h"
#include "peer/ages.h"
#include "peer/pccrr.h"
#include "peer/retrieval_server.h"

/* Before the block: the head, and so much more that the block is aligned. */
#define RETRIEVAL_ANSWER_HEAD 128u
#define RETRIEVAL_ANSWER_ROOM                                                                      \
	(RETRIEVAL_ANSWER_HEAD + CUTTING_UNIT_MAX + CIPHER_PADDING_MAX + PCCRR_TAIL_MAX)
/* Octets of an answer that has nothing, and of versions; more than enough. */
#define RETRIEVAL_ANSWER_EMPTY_MAX 128u

/* Ids of a list that are looked up in one go, so that no pool thread is held for long by one: our
 * choice, about a millisecond. */
#define RETRIEVAL_ANSWER_LOOKS 64u

struct retrieval_answer;

/* What is given of, and how. */
struct retrieval_giver {
	struct store *store;
	bool plaintext;
	/* How the segment ID is given; with a plain block, if `plaintext` is set, only as asked. */
	enum retrieval_manner (*manner)(void *context, struct pccrr_id id);
	/* Whether so many octets of a block may be sent, and in how many milliseconds. */
	bool (*permits)(void *context, uint32_t size, unsigned *delay_ms_out);
	/* What ANSWER was to give of the segment ID is not held. NULL: nobody wants to know. */
	void (*unserved)(void *context, const struct retrieval_answer *answer, struct pccrr_id id);
	void *context;
};

struct retrieval_answer {
	struct pccrr_request request; /* leads into memory of the caller's */
	struct pccrr_answer answer;
	/* PCCRR_ASK_SEGMENTS: what is still to be looked up, from POSITION on */
	struct pccrr_ids rest;
	uint32_t position, first; /* first: held, from which ages count */
	struct ages_entry ages[AGES_MAX];
	unsigned age_count;

	/* When it is made: */
	const uint8_t *body;
	size_t size;
	/* Octets of a block, before encryption; 0: none. Of an opaque one, what its offer said, or
	 * if that cannot be, all octets. */
	uint32_t given;
	unsigned delay_ms;
	bool not_permitted; /* the block is held, but is not given */

	alignas(64) uint8_t room[RETRIEVAL_ANSWER_ROOM];
};

/* ROOM is not touched. Not for PCCRR_ASK_VERSIONS. */
void retrieval_answer_begin(struct retrieval_answer *answer, const struct pccrr_request *request,
			    const struct retrieval_giver *giver);
/* Blocks on disk. False: there is more to do, call again. */
bool retrieval_answer_make(struct retrieval_answer *answer, const struct retrieval_giver *giver);

/* The answer to REQUEST that has nothing; NULL: the versions spoken here. Returns its octets. */
size_t retrieval_answer_empty(const struct pccrr_request *request, bool plaintext,
			      uint8_t body_out[RETRIEVAL_ANSWER_EMPTY_MAX]);

#endif
