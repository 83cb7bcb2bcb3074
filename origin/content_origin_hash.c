/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The contents whose hashes are being made, or will be. A *hashing* WAITS until it is its turn to
 * be read for its hashes, or until somebody claims it who has the octets in hand anyway; then it
 * RUNS until it ends. One at most of a content. All in a state are in one list.
 *
 * Octets come on a loop thread and are hashed on a pool thread: one buffer is filled while the
 * other is hashed. If both are full the giver waits, so what passes a client passes it no faster
 * than it is hashed on one core.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "origin/content_origin_private.h"

/* All our choices. */
#define BUFFER_SIZE (512u << 10) /* twice what comes at a time */
#define BACKGROUND_MAX 2u        /* read for their hashes only, at a time */
#define WAITING_MAX 64u

struct hash_waiter {
	struct hash_waiter *next;
	publish_done *done;
	void *context;
};

struct origin_hashing {
	struct pool_job job; /* first */
	struct content_origin *source;
	struct publish_subject subject;
	uint64_t number; /* a hash of the subject */

	/* Guarded by the source's lock. */
	TAILQ_ENTRY(origin_hashing) others;
	enum { WAITS, RUNS } state;
	struct origin_item *item; /* of one that waits */
	bool urgent;
	bool wanted; /* by more than who passes it */
	bool background;
	struct hash_waiter *waiters;

	struct publish_stream *stream; /* of one that runs */
	struct origin_hasher hasher;

	pthread_mutex_t lock;
	/* Guarded by lock, but the octets of "hashed", which are the job's while it is posted. */
	char *filled, *hashed;
	size_t filled_size, hashed_size;
	bool posted, full, failed;
	bool ended, whole;
};

/* ---- what is at hand ---- */

static uint64_t number_of(const struct publish_subject *subject)
{
	uint64_t name = XXH3_64bits(subject->name, strlen(subject->name));

	return XXH3_64bits_withSeed(subject->state, strlen(subject->state), name);
}

static void note_kept(struct content_origin *source, uint64_t number, bool kept)
{
	_Atomic uint64_t *place = &source->known[number % ORIGIN_KNOWN_MAX];
	uint64_t expected = number;

	if (kept)
		atomic_store_explicit(place, number, memory_order_relaxed);
	else
		atomic_compare_exchange_strong(place, &expected, 0);
}

static bool is_kept(struct content_origin *source, const struct publish_subject *subject,
		    uint64_t number)
{
	_Atomic uint64_t *place = &source->known[number % ORIGIN_KNOWN_MAX];

	if (atomic_load_explicit(place, memory_order_relaxed) == number)
		return true;
	if (!publish_is_kept(source->publish, subject))
		return false;
	note_kept(source, number, true);
	return true;
}

/* ---- the list ---- */

/* Lock of the source held, as for all here. */
static struct origin_hashing *find(struct content_origin *source,
				   const struct publish_subject *subject, uint64_t number)
{
	struct origin_hashing *at;

	TAILQ_FOREACH (at, &source->hashings, others)
		if (at->number == number && strcmp(at->subject.name, subject->name) == 0 &&
		    strcmp(at->subject.state, subject->state) == 0)
			return at;
	return NULL;
}

/* The next that waits, urgent ones first; it runs from now on. NULL: none, or not now. */
static struct origin_hashing *take_next(struct content_origin *source)
{
	struct origin_hashing *at, *next = NULL;

	if (source->background >= BACKGROUND_MAX || source->stopping)
		return NULL;
	TAILQ_FOREACH (at, &source->hashings, others) {
		if (at->state != WAITS || (next != NULL && (next->urgent || !at->urgent)))
			continue;
		next = at;
	}
	if (next == NULL)
		return NULL;
	next->state = RUNS;
	next->background = true;
	source->waiting--;
	source->background++;
	return next;
}

static struct origin_hashing *create(const struct origin_item *item,
				     const struct publish_subject *subject, uint64_t number)
{
	struct origin_hashing *hashing = calloc(1, sizeof(*hashing));

	if (hashing == NULL)
		return NULL;
	hashing->source = origin_item_source(item);
	hashing->subject = *subject;
	hashing->number = number;
	pthread_mutex_init(&hashing->lock, NULL);
	return hashing;
}

/* -ECANCELED: the source is stopping. */
static int enter(struct origin_hashing *hashing)
{
	struct content_origin *source = hashing->source;

	if (source->stopping)
		return -ECANCELED;
	source->under_way++;
	TAILQ_INSERT_TAIL(&source->hashings, hashing, others);
	return 0;
}

/* ---- ends ---- */

static void free_hashing(struct origin_hashing *hashing)
{
	if (hashing->item != NULL)
		origin_item_free(&hashing->item->item);
	free(hashing->filled);
	free(hashing->hashed);
	pthread_mutex_destroy(&hashing->lock);
	free(hashing);
}

static void tell(struct origin_hashing *hashing, int error)
{
	while (hashing->waiters != NULL) {
		struct hash_waiter *waiter = hashing->waiters;

		hashing->waiters = waiter->next;
		waiter->done(waiter->context, error);
		free(waiter);
	}
}

static void start_next(struct content_origin *source);

/* It has left the list, or does now. */
static void finish(struct origin_hashing *hashing, int error)
{
	struct content_origin *source = hashing->source;

	if (error == 0)
		note_kept(source, hashing->number, true);
	pthread_mutex_lock(&source->lock);
	TAILQ_REMOVE(&source->hashings, hashing, others);
	source->background -= hashing->background;
	pthread_mutex_unlock(&source->lock);
	tell(hashing, error);
	if (hashing->hasher.over != NULL)
		hashing->hasher.over(hashing->hasher.context);
	free_hashing(hashing);
	start_next(source);
	content_origin_leave(source);
}

void origin_hashing_drop_waiting(struct content_origin *source)
{
	struct origin_hashing *at;

	do {
		pthread_mutex_lock(&source->lock);
		TAILQ_FOREACH (at, &source->hashings, others)
			if (at->state == WAITS)
				break;
		if (at != NULL) {
			at->state = RUNS;
			source->waiting--;
		}
		pthread_mutex_unlock(&source->lock);
		if (at != NULL)
			finish(at, -ECANCELED);
	} while (at != NULL);
}

/* ---- beginnings ---- */

/* Of one that RUNS by now; it ends if it fails. */
static int begin(struct origin_hashing *hashing)
{
	int error = 0;

	hashing->filled = malloc(BUFFER_SIZE);
	hashing->hashed = malloc(BUFFER_SIZE);
	if (hashing->filled == NULL || hashing->hashed == NULL)
		error = -ENOMEM;
	if (error == 0)
		error = publish_stream_begin(hashing->source->publish, &hashing->subject,
					     &hashing->stream);
	if (error < 0)
		finish(hashing, error);
	return error;
}

static void start_next(struct content_origin *source)
{
	struct origin_hashing *next;
	struct origin_item *item;

	pthread_mutex_lock(&source->lock);
	next = take_next(source);
	pthread_mutex_unlock(&source->lock);
	if (next == NULL)
		return;
	item = next->item;
	next->item = NULL;
	if (begin(next) == 0)
		origin_passing_hash(item, next);
	else
		origin_item_free(&item->item);
}

/* Lock of the source held. One of ITEM that waits, or a new one; -EALREADY: one runs. */
static int take(const struct origin_item *item, const struct publish_subject *subject,
		uint64_t number, struct origin_hashing **hashing_out)
{
	struct content_origin *source = origin_item_source(item);
	struct origin_hashing *hashing = find(source, subject, number);
	int error;

	if (hashing != NULL && hashing->state == RUNS) {
		hashing->wanted = hashing->wanted || item->wanted;
		return -EALREADY;
	}
	if (hashing != NULL) {
		source->waiting--;
	} else {
		hashing = create(item, subject, number);
		error = hashing != NULL ? enter(hashing) : -ENOMEM;
		if (error < 0) {
			if (hashing != NULL)
				free_hashing(hashing);
			return error;
		}
	}
	hashing->state = RUNS;
	hashing->wanted = hashing->wanted || item->wanted;
	*hashing_out = hashing;
	return 0;
}

int origin_hashing_claim(const struct origin_item *item, struct origin_hashing **hashing_out)
{
	struct content_origin *source = origin_item_source(item);
	struct origin_hashing *hashing = NULL;
	struct publish_subject subject;
	uint64_t number;
	int error;

	origin_item_subject(&item->item, &subject);
	number = number_of(&subject);
	if (is_kept(source, &subject, number))
		return -EALREADY;
	pthread_mutex_lock(&source->lock);
	error = take(item, &subject, number, &hashing);
	pthread_mutex_unlock(&source->lock);
	if (error == 0)
		error = begin(hashing);
	if (error == 0)
		*hashing_out = hashing;
	return error;
}

void origin_hashing_attach(struct origin_hashing *hashing, const struct origin_hasher *hasher)
{
	hashing->hasher = *hasher;
}

/* ---- wishes ---- */

static int add_waiter(struct origin_hashing *hashing, publish_done *done, void *context)
{
	struct hash_waiter *waiter;

	if (done == NULL)
		return 0;
	waiter = malloc(sizeof(*waiter));
	if (waiter == NULL)
		return -EBUSY;
	*waiter = (struct hash_waiter){hashing->waiters, done, context};
	hashing->waiters = waiter;
	return 0;
}

/* Lock of the source held. */
static int add(const struct origin_item *item, const struct publish_subject *subject,
	       uint64_t number, bool urgent, publish_done *done, void *context)
{
	struct content_origin *source = origin_item_source(item);
	struct origin_hashing *hashing;
	int error = -EBUSY;

	if (source->waiting >= WAITING_MAX)
		return -EBUSY;
	hashing = create(item, subject, number);
	if (hashing == NULL)
		return -EBUSY;
	hashing->state = WAITS;
	hashing->urgent = urgent;
	hashing->wanted = true;
	hashing->item = origin_item_copy(item);
	if (hashing->item != NULL && add_waiter(hashing, done, context) == 0)
		error = enter(hashing);
	if (error < 0) {
		free(hashing->waiters);
		free_hashing(hashing);
		return -EBUSY;
	}
	source->waiting++;
	return 0;
}

void origin_hashing_missed(const struct origin_item *item)
{
	struct publish_subject subject;

	origin_item_subject(&item->item, &subject);
	note_kept(origin_item_source(item), number_of(&subject), false);
}

int origin_hashing_want(const struct origin_item *item, bool urgent, publish_done *done,
			void *context)
{
	struct content_origin *source = origin_item_source(item);
	struct origin_hashing *hashing;
	struct publish_subject subject;
	uint64_t number;
	int error;

	origin_item_subject(&item->item, &subject);
	number = number_of(&subject);
	pthread_mutex_lock(&source->lock);
	hashing = find(source, &subject, number);
	if (hashing != NULL) {
		error = add_waiter(hashing, done, context);
		hashing->wanted = true;
		hashing->urgent = hashing->urgent || urgent;
	} else {
		error = add(item, &subject, number, urgent, done, context);
	}
	pthread_mutex_unlock(&source->lock);
	if (error == 0)
		start_next(source);
	return error;
}

bool origin_hashing_goes_on(struct origin_hashing *hashing)
{
	struct content_origin *source = hashing->source;
	bool may;

	pthread_mutex_lock(&source->lock);
	may = hashing->background ||
	      (hashing->wanted && source->background < BACKGROUND_MAX && !source->stopping);
	if (may && !hashing->background) {
		hashing->background = true;
		source->background++;
	}
	pthread_mutex_unlock(&source->lock);
	return may;
}

/* ---- octets ---- */

/* Lock held. */
static void turn_over(struct origin_hashing *hashing)
{
	char *filled = hashing->filled;

	hashing->filled = hashing->hashed;
	hashing->hashed = filled;
	hashing->hashed_size = hashing->filled_size;
	hashing->filled_size = 0;
}

static void tell_room(struct origin_hashing *hashing)
{
	bool full;

	pthread_mutex_lock(&hashing->lock);
	full = hashing->full;
	hashing->full = false;
	pthread_mutex_unlock(&hashing->lock);
	if (full)
		hashing->hasher.room(hashing->hasher.context);
}

/* Until this takes "posted" back nobody else ends the hashing. */
static void run(struct pool_job *job)
{
	struct origin_hashing *hashing = (struct origin_hashing *)job;
	bool more, over;

	/* The buffer that is filled next is empty, so there is room while this one is hashed. */
	tell_room(hashing);
	if (hashing->hashed_size > 0)
		publish_stream_feed(hashing->stream, hashing->hashed, hashing->hashed_size);
	pthread_mutex_lock(&hashing->lock);
	more = hashing->filled_size > 0;
	over = !more && hashing->ended;
	if (more)
		turn_over(hashing);
	hashing->posted = more || over;
	pthread_mutex_unlock(&hashing->lock);
	if (more)
		pool_submit(hashing->source->pool, POOL_READER, &hashing->job);
	else if (over)
		finish(hashing, publish_stream_end(hashing->stream, hashing->whole));
}

/* Lock held. */
static void post(struct origin_hashing *hashing)
{
	if (hashing->posted)
		return;
	turn_over(hashing);
	hashing->posted = true;
	hashing->job.run = run;
	pool_submit(hashing->source->pool, POOL_READER, &hashing->job);
}

int origin_hashing_put(struct origin_hashing *hashing, const void *data, size_t size)
{
	int error = 0;

	pthread_mutex_lock(&hashing->lock);
	hashing->failed = hashing->failed || size > BUFFER_SIZE;
	if (hashing->failed) {
		; /* only costs the hashes */
	} else if (size > BUFFER_SIZE - hashing->filled_size) {
		hashing->full = true;
		error = -EAGAIN;
	} else {
		memcpy(hashing->filled + hashing->filled_size, data, size);
		hashing->filled_size += size;
		post(hashing);
	}
	pthread_mutex_unlock(&hashing->lock);
	return error;
}

void origin_hashing_end(struct origin_hashing *hashing, bool whole)
{
	pthread_mutex_lock(&hashing->lock);
	hashing->ended = true;
	hashing->whole = whole && !hashing->failed;
	post(hashing);
	pthread_mutex_unlock(&hashing->lock);
}
