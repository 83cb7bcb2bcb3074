/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Blocks that are sought. What is sought has a part on the loop, which the seeker knows, and an
 * owner elsewhere. Whoever takes the owner out of it, under the lock, tells him; so he is told
 * once, also when two machines give the block at the same time, or when he gives it up just then.
 * The loop's part stays until nobody refers to it any more.
 */
#include "peer/neighbours_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cache/digest.h"

/* Wants that were handed over together. */
struct batch {
	struct loop_task task;
	struct neighbours *neighbours;
	unsigned count;
	struct seeker_want *wants[];
};

/* What is sought */

void blocks_use(struct neighbours_sought *sought)
{
	pthread_mutex_lock(&sought->neighbours->lock);
	sought->in_use++;
	pthread_mutex_unlock(&sought->neighbours->lock);
}

void blocks_let_go(struct neighbours_sought *sought)
{
	struct neighbours *neighbours = sought->neighbours;

	pthread_mutex_lock(&neighbours->lock);
	bool last = --sought->in_use == 0;
	pthread_mutex_unlock(&neighbours->lock);
	if (last)
		free(sought);
}

static struct neighbours_want *take_owner_locked(struct neighbours_sought *sought)
{
	struct neighbours_want *owner = sought->owner;

	if (owner != NULL)
		owner->sought = NULL;
	sought->owner = NULL;
	return owner;
}

struct neighbours_want *blocks_take_owner(struct neighbours_sought *sought)
{
	pthread_mutex_lock(&sought->neighbours->lock);
	struct neighbours_want *owner = take_owner_locked(sought);
	pthread_mutex_unlock(&sought->neighbours->lock);
	return owner;
}

void blocks_given_back(struct neighbours_sought *sought)
{
	if (!sought->sought)
		return;
	sought->sought = false;
	blocks_let_go(sought);
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
			struct neighbours_sought *sought = blocks_sought(batch->wants[i]);
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
	blocks_let_go(sought);
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
	blocks_given_back(sought);
	blocks_let_go(sought);
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
		struct neighbours_want *owner = take_owner_locked(blocks_sought(wants[i]));
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
			blocks_given_back(blocks_sought(wants[first + i]));
	}
}

void blocks_late(void *context, struct seeker_want *const *wants, unsigned count,
		 enum seeker_reason reason)
{
	uint64_t offsets[PORTION];

	(void)context;
	for (unsigned first = 0, portion; first < count; first += portion) {
		const struct neighbours_sought *sought = blocks_sought(wants[first]);
		portion = 0;
		while (portion < PORTION && first + portion < count &&
		       wants[first + portion]->stream == sought->want.stream) {
			offsets[portion] = wants[first + portion]->place;
			portion++;
		}
		sought->late(sought->late_owner, sought->want.stream, offsets, portion, reason);
	}
}

/* What the origin can do */

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
