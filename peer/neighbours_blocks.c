/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Blocks that are sought, and the exchanges that bring them. What is sought has a part on the loop,
 * which the seeker knows, and an owner elsewhere. Whoever takes the owner out of it, under the
 * lock, tells him; so he is told once, also when two machines give the block at the same time, or
 * when he gives it up just then. The loop's part stays until nobody refers to it any more.
 */
#include "peer/neighbours_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cache/digest.h"
#include "peer/cipher.h"
#include "peer/range_set.h"

struct neighbours_sought {
	struct seeker_want want; /* first, so that one pointer is the other */
	struct neighbours *neighbours;
	struct neighbours_want *owner; /* the lock's; NULL: he knows what became of it */
	void (*late)(void *owner, uint64_t stream, const uint64_t *offsets, unsigned count,
		     enum seeker_reason reason);
	void *late_owner;
	size_t head_room;
	uint8_t secret[DIGEST_SIZE_MAX], hash[DIGEST_SIZE_MAX];
	enum digest_algorithm algorithm;
	bool sought; /* the seeker has it */
	unsigned
		in_use; /* by the seeker, exchanges, and tasks under way; the loop's, and the lock's
			 */
	struct loop_task hurry, drop;
	bool hurried; /* the lock's */
};

/* Wants that were handed over together. */
struct batch {
	struct loop_task task;
	struct neighbours *neighbours;
	unsigned count;
	struct seeker_want *wants[];
};

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

/* What is sought */

static struct neighbours_sought *sought_of(struct seeker_want *want)
{
	return (struct neighbours_sought *)want;
}

static void use(struct neighbours_sought *sought)
{
	pthread_mutex_lock(&sought->neighbours->lock);
	sought->in_use++;
	pthread_mutex_unlock(&sought->neighbours->lock);
}

static void let_go(struct neighbours_sought *sought)
{
	struct neighbours *neighbours = sought->neighbours;

	pthread_mutex_lock(&neighbours->lock);
	bool last = --sought->in_use == 0;
	pthread_mutex_unlock(&neighbours->lock);
	if (last)
		free(sought);
}

/* Whose it is, if he is to be told: by the caller then. */
static struct neighbours_want *take_owner_locked(struct neighbours_sought *sought)
{
	struct neighbours_want *owner = sought->owner;

	if (owner != NULL)
		owner->sought = NULL;
	sought->owner = NULL;
	return owner;
}

static struct neighbours_want *take_owner(struct neighbours_sought *sought)
{
	pthread_mutex_lock(&sought->neighbours->lock);
	struct neighbours_want *owner = take_owner_locked(sought);
	pthread_mutex_unlock(&sought->neighbours->lock);
	return owner;
}

/* The seeker knows it no more. */
static void given_back(struct neighbours_sought *sought)
{
	if (!sought->sought)
		return;
	sought->sought = false;
	let_go(sought);
}

/* Beginning to seek */

/* The segment that the block before was of: most have many, or follow each other. */
struct describing {
	const struct content *content;
	bool known;
	uint32_t index;
	struct content_segment segment;
	uint8_t id[DIGEST_SIZE_MAX];
};

static int describe_segment(struct describing *describing, uint32_t index)
{
	if (describing->known && describing->index == index)
		return 0;
	describing->known = false;
	int error = content_segment(describing->content, index, &describing->segment);
	if (error == 0)
		error = content_segment_id(describing->content, &describing->segment,
					   describing->id);
	if (error == 0) {
		describing->known = true;
		describing->index = index;
	}
	return error;
}

static int describe(struct describing *describing, const struct neighbours_want *want,
		    struct neighbours_sought *sought)
{
	const struct content *content = want->content;
	struct content_block block;
	int error = content_block_at(content, want->offset, &block);

	if (error == 0 && (block.offset != want->offset || block.length != want->length))
		error = -EINVAL;
	if (error == 0)
		error = describe_segment(describing, block.segment);
	if (error != 0)
		return error;
	sought->algorithm = content_algorithm(content);
	size_t size = digest_size(sought->algorithm);
	memcpy(sought->hash, block.hash, size);
	memcpy(sought->secret, describing->segment.secret, size);
	memcpy(sought->want.id, describing->id, size);
	sought->want.id_size = (uint8_t)size;
	sought->want.form = content_version(content) == 1 ? WSD_FORM_1 : WSD_FORM_2;
	sought->want.block = block.block;
	sought->want.blocks = describing->segment.blocks;
	sought->want.length = block.length;
	return 0;
}

static struct neighbours_sought *make(struct neighbours *neighbours, struct describing *describing,
				      struct neighbours_want *want)
{
	struct neighbours_sought *sought = calloc(1, sizeof *sought);

	if (sought == NULL || describe(describing, want, sought) != 0) {
		free(sought);
		return NULL;
	}
	sought->neighbours = neighbours;
	sought->want.urgent = want->urgent;
	sought->want.stream = want->stream;
	sought->want.place = want->offset;
	sought->owner = want;
	sought->late = want->late;
	sought->late_owner = want->owner;
	sought->head_room = want->head_room;
	sought->in_use = 1;
	sought->sought = true;
	return sought;
}

static void begin_batch(struct loop_task *task)
{
	struct batch *batch = (struct batch *)task;
	struct neighbours *neighbours = batch->neighbours;

	if (neighbours->live) {
		seeker_seek(neighbours->seeker, batch->wants, batch->count, loop_clock_ms());
		neighbours_touch(neighbours);
	} else {
		blocks_refuse(neighbours, batch->wants, batch->count, SEEKER_ENDED);
	}
	free(batch);
	neighbours_ran(neighbours);
}

/* Posting under the lock has a drop come behind it. */
static bool post_batch(struct neighbours *neighbours, struct batch *batch)
{
	pthread_mutex_lock(&neighbours->lock);
	bool seeking = neighbours->seeking;
	if (seeking) {
		for (unsigned i = 0; i < batch->count; i++) {
			struct neighbours_sought *sought = sought_of(batch->wants[i]);
			sought->owner->sought = sought;
		}
		neighbours->running++;
		loop_post(neighbours->options.loop, &batch->task);
	}
	pthread_mutex_unlock(&neighbours->lock);
	return seeking;
}

static void free_batch(struct batch *batch)
{
	for (unsigned i = 0; i < batch->count; i++)
		free(batch->wants[i]);
	free(batch);
}

void neighbours_seek(struct neighbours *neighbours, struct neighbours_want *const *wants,
		     unsigned count)
{
	struct describing describing = {.content = wants[0]->content};
	struct batch *batch = malloc(sizeof *batch + count * sizeof batch->wants[0]);

	if (batch == NULL) {
		wants[0]->refused(wants, count, SEEKER_BUSY);
		return;
	}
	*batch = (struct batch){.task.run = begin_batch, .neighbours = neighbours};
	while (batch->count < count) {
		struct neighbours_sought *sought =
			make(neighbours, &describing, wants[batch->count]);
		if (sought == NULL)
			break;
		batch->wants[batch->count++] = &sought->want;
	}
	/* The wants may be gone as soon as they are posted, or refused. */
	unsigned made = batch->count;
	void (*refused)(struct neighbours_want *const *, unsigned, enum seeker_reason) =
		wants[0]->refused;
	if (made > 0 && !post_batch(neighbours, batch)) {
		free_batch(batch);
		refused(wants, count, SEEKER_ENDED);
		return;
	}
	if (made == 0)
		free(batch);
	if (made < count)
		refused(wants + made, count - made, SEEKER_FAILED);
}

bool neighbours_worthwhile(struct neighbours *neighbours)
{
	pthread_mutex_lock(&neighbours->lock);
	bool worthwhile =
		neighbours->seeking && seeker_worthwhile(neighbours->seeker, loop_clock_ms());
	pthread_mutex_unlock(&neighbours->lock);
	return worthwhile;
}

/* Second thoughts */

static void run_hurry(struct loop_task *task)
{
	struct neighbours_sought *sought =
		(struct neighbours_sought *)((char *)task -
					     offsetof(struct neighbours_sought, hurry));
	struct neighbours *neighbours = sought->neighbours;

	if (sought->sought && neighbours->seeker != NULL) {
		seeker_hurry(neighbours->seeker, &sought->want, loop_clock_ms());
		neighbours_touch(neighbours);
	}
	let_go(sought);
	neighbours_ran(neighbours);
}

static void run_drop(struct loop_task *task)
{
	struct neighbours_sought *sought =
		(struct neighbours_sought *)((char *)task -
					     offsetof(struct neighbours_sought, drop));
	struct neighbours *neighbours = sought->neighbours;

	if (sought->sought && neighbours->seeker != NULL) {
		seeker_drop(neighbours->seeker, &sought->want, loop_clock_ms());
		neighbours_touch(neighbours);
	}
	given_back(sought);
	let_go(sought);
	neighbours_ran(neighbours);
}

static void post_locked(struct neighbours_sought *sought, struct loop_task *task,
			void (*run)(struct loop_task *task))
{
	sought->in_use++;
	sought->neighbours->running++;
	task->run = run;
	loop_post(sought->neighbours->options.loop, task);
}

void neighbours_hurry(struct neighbours *neighbours, struct neighbours_want *want)
{
	pthread_mutex_lock(&neighbours->lock);
	struct neighbours_sought *sought = want->sought;
	if (sought != NULL && !sought->hurried) {
		sought->hurried = true;
		post_locked(sought, &sought->hurry, run_hurry);
	}
	pthread_mutex_unlock(&neighbours->lock);
}

bool neighbours_drop(struct neighbours *neighbours, struct neighbours_want *want)
{
	pthread_mutex_lock(&neighbours->lock);
	struct neighbours_sought *sought = want->sought;
	if (sought != NULL) {
		take_owner_locked(sought);
		post_locked(sought, &sought->drop, run_drop);
	}
	pthread_mutex_unlock(&neighbours->lock);
	return sought != NULL;
}

/* The ends of it, but for the good one */

static unsigned take_owners(struct neighbours *neighbours, struct seeker_want *const *wants,
			    unsigned count, struct neighbours_want **owners_out)
{
	unsigned taken = 0;

	pthread_mutex_lock(&neighbours->lock);
	for (unsigned i = 0; i < count; i++) {
		struct neighbours_want *owner = take_owner_locked(sought_of(wants[i]));
		if (owner != NULL)
			owners_out[taken++] = owner;
	}
	pthread_mutex_unlock(&neighbours->lock);
	return taken;
}

/* So many are told at once. */
#define PORTION 512u

void blocks_refuse(void *context, struct seeker_want *const *wants, unsigned count,
		   enum seeker_reason reason)
{
	struct neighbours_want *owners[PORTION];

	for (unsigned first = 0; first < count; first += PORTION) {
		unsigned portion = count - first < PORTION ? count - first : PORTION;
		unsigned taken = take_owners(context, wants + first, portion, owners);
		if (taken > 0)
			owners[0]->refused(owners, taken, reason);
		for (unsigned i = 0; i < portion; i++)
			given_back(sought_of(wants[first + i]));
	}
}

void blocks_late(void *context, struct seeker_want *const *wants, unsigned count,
		 enum seeker_reason reason)
{
	uint64_t offsets[PORTION];

	(void)context;
	for (unsigned first = 0, portion; first < count; first += portion) {
		const struct neighbours_sought *sought = sought_of(wants[first]);
		portion = 0;
		while (portion < PORTION && first + portion < count &&
		       wants[first + portion]->stream == sought->want.stream) {
			offsets[portion] = wants[first + portion]->place;
			portion++;
		}
		sought->late(sought->late_owner, sought->want.stream, offsets, portion, reason);
	}
}

/* Exchanges */

static void end_asking(struct neighbours_asking *asking, enum seeker_outcome outcome,
		       const uint64_t *list)
{
	struct neighbours *neighbours = asking->neighbours;
	struct seeker_want *want = asking->exchange->want;

	LIST_REMOVE(asking, in_list);
	if (outcome == SEEKER_WRONG && asking->exchange->hosted)
		neighbours_offers_spoilt(neighbours, asking->exchange->segment);
	seeker_told(neighbours->seeker, asking->exchange, outcome, list, loop_clock_ms());
	if (outcome == SEEKER_GOOD && want != NULL)
		given_back(sought_of(want));
	if (asking->sought != NULL)
		let_go(asking->sought);
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

	end_asking(asking, asking->outcome, NULL);
}

/* MEMORY gets the block behind the head room. */
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
	struct neighbours_want *owner = error == 0 ? take_owner(sought) : NULL;
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
		end_asking(asking, SEEKER_NOT_HERE, NULL);
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
		end_asking(asking, outcome_of(asking->exchange->type, error), NULL);
	} else if (asking->exchange->type == PCCRR_ASK_SEGMENTS) {
		asking->body = body;
		end_asking(asking, SEEKER_GOOD, answer->segments);
	} else if (asking->exchange->type == PCCRR_ASK_LIST) {
		asking->body = body;
		end_asking(asking, SEEKER_GOOD, answer->blocks);
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

void blocks_ask(void *context, struct seeker_exchange *exchange)
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
		asking->sought = sought_of(exchange->want);
		use(asking->sought);
	}
	LIST_INSERT_HEAD(&neighbours->asking, asking, in_list);
	retrieval_start(neighbours->client, &asking->retrieval);
}

void blocks_give_up(struct neighbours *neighbours)
{
	struct seeker_exchange *exchange;

	while ((exchange = neighbours->unasked) != NULL) {
		neighbours->unasked = exchange->owner;
		seeker_told(neighbours->seeker, exchange, SEEKER_GAVE_UP, NULL, loop_clock_ms());
	}
}

void blocks_end(struct neighbours *neighbours)
{
	struct neighbours_asking *asking, *next;

	blocks_give_up(neighbours);
	for (asking = LIST_FIRST(&neighbours->asking); asking != NULL; asking = next) {
		next = LIST_NEXT(asking, in_list);
		if (asking->retrieval.exchange == NULL)
			continue; /* it is being checked */
		retrieval_cancel(&asking->retrieval);
		end_asking(asking, SEEKER_GAVE_UP, NULL);
	}
}

struct telling_origin {
	struct loop_task task;
	struct neighbours *neighbours;
	uint64_t octets_per_second;
	unsigned first_ms;
};

static void run_origin(struct loop_task *task)
{
	struct telling_origin *telling = (struct telling_origin *)task;
	struct neighbours *neighbours = telling->neighbours;

	if (neighbours->live)
		seeker_origin(neighbours->seeker, telling->octets_per_second, telling->first_ms);
	free(telling);
	neighbours_ran(neighbours);
}

void neighbours_origin(struct neighbours *neighbours, uint64_t octets_per_second, unsigned first_ms)
{
	struct telling_origin *telling = malloc(sizeof *telling);

	if (telling == NULL)
		return;
	*telling = (struct telling_origin){
		{.run = run_origin}, neighbours, octets_per_second, first_ms};
	pthread_mutex_lock(&neighbours->lock);
	bool seeking = neighbours->seeking;
	if (seeking) {
		neighbours->running++;
		loop_post(neighbours->options.loop, &telling->task);
	}
	pthread_mutex_unlock(&neighbours->lock);
	if (!seeking)
		free(telling);
}
