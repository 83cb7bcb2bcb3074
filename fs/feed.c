/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/feed.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

struct portion {
	STAILQ_ENTRY(portion) next;
	size_t size, taken;
	char octets[];
};

struct feed {
	pthread_mutex_t lock; /* all below */
	pthread_cond_t came;  /* of portions, ended, closed */
	STAILQ_HEAD(, portion) portions;
	size_t octets; /* in them */
	bool ended, closed;
	struct feed_waiter *waiters;
};

int feed_create(struct feed **feed_out)
{
	struct feed *feed = calloc(1, sizeof *feed);

	if (feed == NULL)
		return -ENOMEM;
	pthread_mutex_init(&feed->lock, NULL);
	pthread_cond_init(&feed->came, NULL);
	STAILQ_INIT(&feed->portions);
	*feed_out = feed;
	return 0;
}

static void drop_locked(struct feed *feed)
{
	struct portion *portion;

	while ((portion = STAILQ_FIRST(&feed->portions)) != NULL) {
		STAILQ_REMOVE_HEAD(&feed->portions, next);
		free(portion);
	}
	feed->octets = 0;
}

void feed_free(struct feed *feed)
{
	if (feed == NULL)
		return;
	drop_locked(feed);
	pthread_mutex_destroy(&feed->lock);
	pthread_cond_destroy(&feed->came);
	free(feed);
}

static void wake(struct feed_waiter *waiters)
{
	while (waiters != NULL) {
		struct feed_waiter *next = waiters->next;

		waiters->wake(waiters);
		waiters = next;
	}
}

static int give_locked(struct feed *feed, struct portion *portion, struct feed_waiter *waiter)
{
	if (feed->ended || feed->closed)
		return -EPIPE;
	STAILQ_INSERT_TAIL(&feed->portions, portion, next);
	feed->octets += portion->size;
	pthread_cond_signal(&feed->came);
	if (feed->octets <= FEED_ROOM)
		return 0;
	waiter->next = feed->waiters;
	feed->waiters = waiter;
	return -EAGAIN;
}

int feed_give(struct feed *feed, const void *data, size_t size, struct feed_waiter *waiter)
{
	/* Taking nothing would be the end. */
	struct portion *portion = size > 0 ? malloc(sizeof *portion + size) : NULL;

	if (size == 0)
		return 0;
	if (portion == NULL)
		return -ENOMEM;
	portion->size = size;
	portion->taken = 0;
	memcpy(portion->octets, data, size);
	pthread_mutex_lock(&feed->lock);
	int error = give_locked(feed, portion, waiter);
	pthread_mutex_unlock(&feed->lock);
	if (error == -EPIPE)
		free(portion);
	return error;
}

int feed_end(struct feed *feed)
{
	pthread_mutex_lock(&feed->lock);
	int error = feed->closed ? -EPIPE : 0;
	feed->ended = true;
	pthread_cond_signal(&feed->came);
	pthread_mutex_unlock(&feed->lock);
	return error;
}

static size_t take_locked(struct feed *feed, void *data, size_t size)
{
	struct portion *portion = STAILQ_FIRST(&feed->portions);
	size_t left = portion->size - portion->taken, taken = left < size ? left : size;

	memcpy(data, portion->octets + portion->taken, taken);
	portion->taken += taken;
	feed->octets -= taken;
	if (taken == left) {
		STAILQ_REMOVE_HEAD(&feed->portions, next);
		free(portion);
	}
	return taken;
}

long feed_take(struct feed *feed, void *data, size_t size)
{
	struct feed_waiter *waiters = NULL;
	long taken = 0;

	pthread_mutex_lock(&feed->lock);
	while (!feed->closed && !feed->ended && STAILQ_EMPTY(&feed->portions))
		pthread_cond_wait(&feed->came, &feed->lock);
	if (feed->closed)
		taken = -ECANCELED;
	else if (!STAILQ_EMPTY(&feed->portions))
		taken = (long)take_locked(feed, data, size);
	if (feed->octets <= FEED_ROOM) {
		waiters = feed->waiters;
		feed->waiters = NULL;
	}
	pthread_mutex_unlock(&feed->lock);
	wake(waiters);
	return taken;
}

void feed_close(struct feed *feed)
{
	pthread_mutex_lock(&feed->lock);
	feed->closed = true;
	drop_locked(feed);
	pthread_cond_broadcast(&feed->came);
	struct feed_waiter *waiters = feed->waiters;
	feed->waiters = NULL;
	pthread_mutex_unlock(&feed->lock);
	wake(waiters);
}

bool feed_is_whole(struct feed *feed)
{
	pthread_mutex_lock(&feed->lock);
	bool whole = feed->ended;
	pthread_mutex_unlock(&feed->lock);
	return whole;
}
