/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Looks: what the store holds of a segment, as offers want to know it.
 */
#include "peer/puller_private.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "cache/store_segment.h"

#define container_of(pointer, type, member)                                                        \
	((type *)(void *)((char *)(pointer)-offsetof(type, member)))

/* Blocks that came in one second came together: nobody waits for so short an age to pass. */
#define TOGETHER_MS 1000u

struct looking {
	struct pool_job job;
	struct loop_task task;
	struct puller *puller;
	struct offers_segment *segment;
	struct pccrr_id id; /* as long as the segment waits */
	bool failed;
	struct offers_holding holding;
	struct offers_portion *portions; /* NULL: none */
};

_Static_assert(STORE_SEGMENT_BLOCKS == PCCRR_BLOCKS, "a set of blocks is one");

/* ---- on the pool ---- */

/* What was found, before it is known how much that is: a portion for each range of verified blocks,
 * and at most one for each opaque block. */
struct findings {
	uint64_t verified[PULLER_WORDS];
	struct store_opaque_held opaque[STORE_SEGMENT_BLOCKS];
	unsigned opaque_count;
};

static bool goes_on(const struct store_opaque_held *one, const struct store_opaque_held *next)
{
	return next->block == one->block + 1 && next->algorithm == one->algorithm &&
	       next->segment_size == one->segment_size &&
	       memcmp(&next->giver, &one->giver, sizeof(one->giver)) == 0 &&
	       next->age_ms / TOGETHER_MS == one->age_ms / TOGETHER_MS;
}

static struct offers_portion portion_of(const struct store_opaque_held *first, uint32_t blocks)
{
	struct offers_portion portion = {
		.blocks = {first->block, blocks},
		.algorithm = first->algorithm,
		.size = first->segment_size,
		.age_ms = first->age_ms < INT64_MAX ? (int64_t)first->age_ms : INT64_MAX};

	memcpy(portion.giver.octets, first->giver.octets, sizeof(portion.giver.octets));
	return portion;
}

static void put_verified(struct looking *looking, const uint64_t *verified)
{
	struct range range = {0};

	while (range_set_next(verified, PCCRR_BLOCKS, (uint64_t)range.index + range.count, &range))
		looking->portions[looking->holding.count++] =
			(struct offers_portion){.blocks = range, .verified = true};
}

static void put_opaque(struct looking *looking, const struct findings *findings)
{
	const struct store_opaque_held *held = findings->opaque;

	for (unsigned first = 0, next; first < findings->opaque_count; first = next) {
		next = first + 1;
		while (next < findings->opaque_count && goes_on(&held[next - 1], &held[next]))
			next++;
		looking->portions[looking->holding.count++] =
			portion_of(&held[first], next - first);
	}
}

static void find_out(struct looking *looking)
{
	struct store *store = looking->puller->options.store;
	struct pccrr_id id = looking->id;
	struct findings findings;
	size_t most;

	looking->holding.informed = store_segment_known(store, id.octets, id.size);
	memset(findings.verified, 0, sizeof(findings.verified));
	if (looking->holding.informed)
		store_segment_anywhere(store, id.octets, id.size, findings.verified);
	findings.opaque_count = store_opaque_list(store, id.octets, id.size, findings.opaque);
	most = range_set_ranges(findings.verified, PCCRR_BLOCKS) + findings.opaque_count;
	if (most == 0)
		return;
	looking->portions = malloc(most * sizeof(looking->portions[0]));
	looking->failed = looking->portions == NULL;
	if (looking->failed)
		return;
	put_verified(looking, findings.verified);
	put_opaque(looking, &findings);
	looking->holding.portions = looking->portions;
}

/* ---- on the loop ---- */

static void run_looked(struct loop_task *task)
{
	struct looking *looking = container_of(task, struct looking, task);
	struct puller *puller = looking->puller;

	offers_looked(puller->offers, looking->segment, looking->failed ? NULL : &looking->holding,
		      loop_clock_ms());
	free(looking->portions);
	free(looking);
	puller_ran(puller);
}

static void run_look(struct pool_job *job)
{
	struct looking *looking = container_of(job, struct looking, job);

	find_out(looking);
	looking->task.run = run_looked;
	loop_post(looking->puller->options.loop, &looking->task);
}

void puller_look(void *context, struct offers_segment *segment, struct pccrr_id id)
{
	struct puller *puller = context;
	struct looking *looking = calloc(1, sizeof(*looking));

	if (looking == NULL) {
		offers_looked(puller->offers, segment, NULL, loop_clock_ms());
		puller_ran(puller);
		return;
	}
	looking->puller = puller;
	looking->segment = segment;
	looking->id = id;
	looking->job.run = run_look;
	pool_submit(puller->options.pool, POOL_AHEAD, &looking->job);
}
