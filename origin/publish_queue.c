/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Makings by subject, and two lists of those that wait.
 */
#include "origin/publish_queue.h"

#include <string.h>

#include <xxhash.h>

void publish_queue_init(struct publish_queue *queue)
{
	*queue = (struct publish_queue){0};
	queue->urgent.end = &queue->urgent.first;
	queue->idle.end = &queue->idle.first;
}

static bool same_subject(const struct publish_subject *left, const struct publish_subject *right)
{
	return left->size == right->size && strcmp(left->name, right->name) == 0 &&
	       strcmp(left->state, right->state) == 0;
}

static struct publish_making **bucket_of(struct publish_queue *queue,
					 const struct publish_subject *subject)
{
	return &queue->buckets[XXH3_64bits(subject->name, strlen(subject->name)) % PUBLISH_BUCKETS];
}

struct publish_making *publish_queue_find(struct publish_queue *queue,
					  const struct publish_subject *subject)
{
	struct publish_making *making = *bucket_of(queue, subject);

	while (making != NULL && !same_subject(&making->subject, subject))
		making = making->same_chain;
	return making;
}

void publish_queue_register(struct publish_queue *queue, struct publish_making *making)
{
	struct publish_making **bucket = bucket_of(queue, &making->subject);

	making->same_chain = *bucket;
	*bucket = making;
}

void publish_queue_unregister(struct publish_queue *queue, struct publish_making *making)
{
	struct publish_making **at = bucket_of(queue, &making->subject);

	while (*at != making)
		at = &(*at)->same_chain;
	*at = making->same_chain;
}

void publish_queue_add(struct publish_queue *queue, struct publish_making *making)
{
	struct publish_lane *lane = making->urgent ? &queue->urgent : &queue->idle;

	making->next = NULL;
	making->waits = true;
	*lane->end = making;
	lane->end = &making->next;
	queue->waiting++;
}

static void dequeue(struct publish_queue *queue, struct publish_making *making)
{
	struct publish_lane *lane = making->urgent ? &queue->urgent : &queue->idle;
	struct publish_making **at = &lane->first;

	while (*at != making)
		at = &(*at)->next;
	*at = making->next;
	if (making->next == NULL)
		lane->end = at;
	making->waits = false;
	queue->waiting--;
}

struct publish_making *publish_queue_take(struct publish_queue *queue, bool urgent_only)
{
	struct publish_making *making = queue->urgent.first;

	if (making == NULL && !urgent_only)
		making = queue->idle.first;
	if (making != NULL)
		dequeue(queue, making);
	return making;
}

void publish_queue_hurry(struct publish_queue *queue, struct publish_making *making)
{
	bool waits = making->waits;

	if (making->urgent)
		return;
	if (waits)
		dequeue(queue, making);
	making->urgent = true;
	if (waits)
		publish_queue_add(queue, making);
}
