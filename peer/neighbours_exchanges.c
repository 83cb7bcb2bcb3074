/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The exchanges that the seeker wants: a question to a machine, what came of it, and, of a block,
 * its check on a thread of the pool, which gives it to whose it is.
 */
#include "peer/neighbours_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "peer/cipher.h"
#include "peer/range_set.h"

struct neighbours_asking {
	struct retrieval retrieval; /* first, so that one pointer is the other */
	LIST_ENTRY(neighbours_asking) in_list;
	struct neighbours *neighbours;
	struct seeker_exchange *exchange;
	struct neighbours_sought *sought; /* of PCCRR_ASK_BLOCK */
	uint8_t *ids;                     /* of PCCRR_ASK_SEGMENTS */
	/* The answer, while it is checked. */
	uint8_t *body;
	const uint8_t *sealed;
	uint32_t sealed_size;
	enum cipher_algorithm cipher;
	uint8_t iv[CIPHER_IV_SIZE];
	struct pool_job job;
	struct loop_task task;
	enum seeker_outcome outcome;
};

static void finish(struct neighbours_asking *asking, enum seeker_outcome outcome,
		   const uint64_t *list)
{
	struct neighbours *neighbours = asking->neighbours;
	struct seeker_want *want = asking->exchange->want;

	LIST_REMOVE(asking, in_list);
	if (outcome == SEEKER_WRONG && asking->exchange->hosted)
		neighbours_offers_spoilt(neighbours, asking->exchange->segment);
	seeker_told(neighbours->seeker, asking->exchange, outcome, list, loop_clock_ms());
	if (outcome == SEEKER_GOOD && want != NULL)
		blocks_given_back(blocks_sought(want));
	if (asking->sought != NULL)
		blocks_let_go(asking->sought);
	free(asking->ids);
	free(asking->body);
	free(asking);
	neighbours_touch(neighbours);
	neighbours_ran(neighbours);
}

static void tell_checked(struct loop_task *task)
{
	struct neighbours_asking *asking =
		(struct neighbours_asking *)((char *)task -
					     offsetof(struct neighbours_asking, task));

	finish(asking, asking->outcome, NULL);
}

/* BLOCK gets it; -EBADMSG: it is not the one that is sought. */
static int open_block(const struct neighbours_asking *asking, uint8_t *block)
{
	const struct neighbours_sought *sought = asking->sought;
	uint32_t length = sought->want.length;
	int error = cipher_decrypt(asking->cipher, sought->secret, asking->iv, asking->sealed,
				   asking->sealed_size, block, length);

	return error != 0 ? error : digest_check(sought->algorithm, block, length, sought->hash);
}

static enum seeker_outcome check(struct neighbours_asking *asking)
{
	struct neighbours_sought *sought = asking->sought;
	uint8_t *memory = malloc(sought->head_room + sought->want.length);

	if (memory == NULL)
		return SEEKER_GAVE_UP;
	int error = open_block(asking, memory + sought->head_room);
	struct neighbours_want *owner = error == 0 ? blocks_take_owner(sought) : NULL;
	if (owner != NULL)
		owner->came(owner, memory, &asking->retrieval.server, asking->exchange->hosted);
	else
		free(memory);
	if (error == -EBADMSG)
		atomic_fetch_add(&asking->neighbours->hash, 1);
	return error == 0 ? SEEKER_GOOD : error == -EBADMSG ? SEEKER_WRONG : SEEKER_GAVE_UP;
}

static void run_check(struct pool_job *job)
{
	struct neighbours_asking *asking =
		(struct neighbours_asking *)((char *)job - offsetof(struct neighbours_asking, job));

	asking->outcome = check(asking);
	asking->task.run = tell_checked;
	loop_post(asking->neighbours->options.loop, &asking->task);
}

static void take_block(struct neighbours_asking *asking, const struct pccrr_answer *answer,
		       uint8_t *body, size_t size)
{
	struct neighbours *neighbours = asking->neighbours;
	const struct seeker_want *want = asking->exchange->want;
	bool urgent = want != NULL && want->urgent;

	asking->body = body;
	if (answer->size == 0) {
		finish(asking, SEEKER_NOT_HERE, NULL);
		return;
	}
	seeker_received(neighbours->seeker, asking->exchange, size, loop_clock_ms());
	asking->sealed = answer->data;
	asking->sealed_size = answer->size;
	asking->cipher = answer->cipher;
	memcpy(asking->iv, answer->iv, sizeof asking->iv);
	asking->job.run = run_check;
	pool_submit(neighbours->options.pool, urgent ? POOL_READER : POOL_AHEAD, &asking->job);
	neighbours_touch(neighbours);
}

static enum seeker_outcome outcome_of(enum pccrr_type type, int error)
{
	switch (error) {
	case -EBADMSG:
		return SEEKER_MALFORMED;
	case -EPROTONOSUPPORT:
		return type == PCCRR_ASK_SEGMENTS ? SEEKER_MALFORMED : SEEKER_BROKEN;
	case -ECONNRESET: /* so may end what is not understood */
		return type == PCCRR_ASK_SEGMENTS ? SEEKER_CLOSED : SEEKER_BROKEN;
	case -ETIMEDOUT:
		return SEEKER_LATE;
	case -ENOMEM: /* our own doing, from here on */
	case -ENOBUFS:
	case -EMFILE:
	case -ENFILE:
		return SEEKER_GAVE_UP;
	default:
		return SEEKER_BROKEN;
	}
}

static void answered(struct retrieval *retrieval, int error, const struct pccrr_answer *answer,
		     uint8_t *body, size_t size)
{
	struct neighbours_asking *asking = (struct neighbours_asking *)retrieval;

	if (error == -EBADMSG)
		atomic_fetch_add(&asking->neighbours->malformed, 1);
	if (error != 0) {
		finish(asking, outcome_of(asking->exchange->type, error), NULL);
	} else if (asking->exchange->type == PCCRR_ASK_SEGMENTS) {
		asking->body = body;
		finish(asking, SEEKER_GOOD, answer->segments);
	} else if (asking->exchange->type == PCCRR_ASK_LIST) {
		asking->body = body;
		finish(asking, SEEKER_GOOD, answer->blocks);
	} else {
		take_block(asking, answer, body, size);
	}
}

static int describe_request(const struct seeker_exchange *exchange,
			    struct neighbours_asking *asking)
{
	struct pccrr_request *request = &asking->retrieval.request;

	asking->retrieval.server = exchange->server;
	asking->retrieval.done = answered;
	request->type = exchange->type;
	request->cipher = CIPHER_AES_128;
	if (exchange->type == PCCRR_ASK_SEGMENTS)
		return hosted_describe(exchange, request, &asking->ids);
	request->segment = exchange->segment;
	if (exchange->type == PCCRR_ASK_LIST)
		range_set_add(request->blocks, PCCRR_BLOCKS,
			      (struct range){exchange->first, exchange->count});
	else
		request->block = exchange->block;
	return 0;
}

void exchanges_begin(void *context, struct seeker_exchange *exchange)
{
	struct neighbours *neighbours = context;
	struct neighbours_asking *asking = calloc(1, sizeof *asking);

	if (asking == NULL || describe_request(exchange, asking) != 0) {
		free(asking);
		exchange->owner = neighbours->unasked;
		neighbours->unasked = exchange;
		neighbours_touch(neighbours);
		return;
	}
	pthread_mutex_lock(&neighbours->lock);
	neighbours->running++;
	pthread_mutex_unlock(&neighbours->lock);
	asking->neighbours = neighbours;
	asking->exchange = exchange;
	if (exchange->want != NULL) {
		asking->sought = blocks_sought(exchange->want);
		blocks_use(asking->sought);
	}
	LIST_INSERT_HEAD(&neighbours->asking, asking, in_list);
	retrieval_start(neighbours->client, &asking->retrieval);
}

void exchanges_give_up(struct neighbours *neighbours)
{
	struct seeker_exchange *exchange;

	while ((exchange = neighbours->unasked) != NULL) {
		neighbours->unasked = exchange->owner;
		seeker_told(neighbours->seeker, exchange, SEEKER_GAVE_UP, NULL, loop_clock_ms());
	}
}

void exchanges_end(struct neighbours *neighbours)
{
	struct neighbours_asking *asking, *next;

	exchanges_give_up(neighbours);
	for (asking = LIST_FIRST(&neighbours->asking); asking != NULL; asking = next) {
		next = LIST_NEXT(asking, in_list);
		if (asking->retrieval.exchange == NULL)
			continue; /* it is being checked */
		retrieval_cancel(&asking->retrieval);
		finish(asking, SEEKER_GAVE_UP, NULL);
	}
}
