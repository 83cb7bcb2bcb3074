/* SPDX-License-Identifier: BSD-2-Clause */
#include "peer/hosted_inbox.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

/* A message; the ids lie behind the items. */
struct letter {
	STAILQ_ENTRY(letter) next;
	struct xaddr server;
	unsigned count;
	struct offers_item items[];
};
STAILQ_HEAD(letters, letter);

struct hosted_inbox {
	struct loop_task task; /* first, so that one pointer is the other */
	struct hosted_inbox_options options;
	pthread_mutex_t lock; /* what follows */
	struct letters letters;
	unsigned items;
	uint64_t beyond;
	bool begun, stopped;
	bool posted; /* the task */
};

static void run(struct loop_task *task);

int hosted_inbox_create(const struct hosted_inbox_options *options, struct hosted_inbox **inbox_out)
{
	struct hosted_inbox *inbox = calloc(1, sizeof(*inbox));

	if (inbox == NULL)
		return -ENOMEM;
	inbox->options = *options;
	if (inbox->options.items == 0)
		inbox->options.items = HOSTED_INBOX_ITEMS;
	inbox->task.run = run;
	pthread_mutex_init(&inbox->lock, NULL);
	STAILQ_INIT(&inbox->letters);
	*inbox_out = inbox;
	return 0;
}

static void free_all(struct letters *letters)
{
	struct letter *letter;

	while ((letter = STAILQ_FIRST(letters)) != NULL) {
		STAILQ_REMOVE_HEAD(letters, next);
		free(letter);
	}
}

void hosted_inbox_free(struct hosted_inbox *inbox)
{
	if (inbox == NULL)
		return;
	free_all(&inbox->letters);
	pthread_mutex_destroy(&inbox->lock);
	free(inbox);
}

/* ---- putting ---- */

static struct letter *write_letter(const struct xaddr *server, const struct offers_item *items,
				   unsigned count)
{
	struct letter *letter;
	size_t octets = 0;
	uint8_t *at;

	for (unsigned i = 0; i < count; i++)
		octets += items[i].id.size;
	letter = malloc(sizeof(*letter) + count * sizeof(items[0]) + octets);
	if (letter == NULL)
		return NULL;
	letter->server = *server;
	letter->count = count;
	memcpy(letter->items, items, count * sizeof(items[0]));
	at = (uint8_t *)&letter->items[count];
	for (unsigned i = 0; i < count; i++) {
		memcpy(at, items[i].id.octets, items[i].id.size);
		letter->items[i].id.octets = at;
		at += items[i].id.size;
	}
	return letter;
}

/* Lock held. */
static void post_if_due(struct hosted_inbox *inbox)
{
	if (inbox->posted || !inbox->begun || STAILQ_EMPTY(&inbox->letters))
		return;
	inbox->posted = true;
	loop_post(inbox->options.loop, &inbox->task);
}

void hosted_inbox_put(struct hosted_inbox *inbox, const struct xaddr *server,
		      const struct offers_item *items, unsigned count)
{
	struct letter *letter = write_letter(server, items, count);

	pthread_mutex_lock(&inbox->lock);
	if (letter == NULL || inbox->stopped || count > inbox->options.items - inbox->items) {
		inbox->beyond += count;
	} else {
		inbox->items += count;
		STAILQ_INSERT_TAIL(&inbox->letters, letter, next);
		letter = NULL;
		post_if_due(inbox);
	}
	pthread_mutex_unlock(&inbox->lock);
	free(letter);
}

uint64_t hosted_inbox_beyond(struct hosted_inbox *inbox)
{
	uint64_t beyond;

	pthread_mutex_lock(&inbox->lock);
	beyond = inbox->beyond;
	pthread_mutex_unlock(&inbox->lock);
	return beyond;
}

/* ---- taking ---- */

/* Moves what one turn takes. Lock held. */
static void collect(struct hosted_inbox *inbox, struct letters *turn)
{
	struct letter *letter;
	unsigned items = 0;

	while (items < HOSTED_INBOX_TURN && (letter = STAILQ_FIRST(&inbox->letters)) != NULL) {
		STAILQ_REMOVE_HEAD(&inbox->letters, next);
		STAILQ_INSERT_TAIL(turn, letter, next);
		items += letter->count;
	}
	inbox->items -= items;
}

static void run(struct loop_task *task)
{
	struct hosted_inbox *inbox = (struct hosted_inbox *)task;
	struct letters turn = STAILQ_HEAD_INITIALIZER(turn);
	struct letter *letter;

	pthread_mutex_lock(&inbox->lock);
	collect(inbox, &turn);
	pthread_mutex_unlock(&inbox->lock);
	STAILQ_FOREACH(letter, &turn, next)
	inbox->options.take(inbox->options.context, &letter->server, letter->items, letter->count);
	free_all(&turn);
	pthread_mutex_lock(&inbox->lock);
	inbox->posted = false;
	post_if_due(inbox); /* sockets first */
	pthread_mutex_unlock(&inbox->lock);
}

void hosted_inbox_begin(struct hosted_inbox *inbox)
{
	pthread_mutex_lock(&inbox->lock);
	inbox->begun = true;
	post_if_due(inbox);
	pthread_mutex_unlock(&inbox->lock);
}

void hosted_inbox_stop(struct hosted_inbox *inbox)
{
	struct letters letters = STAILQ_HEAD_INITIALIZER(letters);

	pthread_mutex_lock(&inbox->lock);
	inbox->stopped = true;
	STAILQ_CONCAT(&letters, &inbox->letters);
	inbox->beyond += inbox->items;
	inbox->items = 0;
	pthread_mutex_unlock(&inbox->lock);
	free_all(&letters);
}
