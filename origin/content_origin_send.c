/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Octets on their way from the origin to a client, to a hashing, or to both.
 *
 * A *passing* makes one read after the other, one for each extent of the body, on the loop thread
 * of the origin. A client that has enough, or a hashing that has, makes the read stand still until
 * room() comes. When the client leaves, the read is cancelled, unless it is hashed and that pays:
 * more than half has passed, or somebody waits for the hashes.
 *
 * Until the head of the first read has come nothing is sent, so that what is wrong with the origin
 * can still be said in an answer.
 *
 * It is held by its read, by its client from http_reply_begin() to gone(), and by its hashing.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "origin/content_origin_private.h"
#include "origin/loop.h"

/* An origin that answers a range with the whole is not asked for ranges so long, since that costs
 * it the whole each time: our choice. */
#define NO_RANGES_MS 60000

struct passing {
	struct content_origin *source;
	struct origin_item *item;

	struct http_served *served; /* NULL: there is no client */
	int status;
	content_sent *done;
	void *context;
	unsigned count;
	struct content_piece *pieces; /* their texts are in one allocation with them */
	unsigned at;                  /* the extent that is read; loop thread of the origin */
	unsigned said;                /* pieces whose text was given; likewise */
	bool begun;                   /* the answer; likewise */

	struct origin_hashing *hashing; /* NULL: none */

	pthread_mutex_t lock;
	/* Guarded by lock. */
	struct origin_request *read; /* NULL: none under way */
	bool client_full, client_left;
	bool waiting; /* the read does, for room */
	uint64_t passed;
	unsigned holders;
};

static void let_go(struct passing *passing)
{
	bool last;

	pthread_mutex_lock(&passing->lock);
	last = --passing->holders == 0;
	pthread_mutex_unlock(&passing->lock);
	if (!last)
		return;
	origin_item_free(&passing->item->item);
	pthread_mutex_destroy(&passing->lock);
	free(passing->pieces);
	free(passing);
}

/* ---- to the client ---- */

/* Lock held. Room, or the read waits. */
static void give(struct passing *passing, const void *data, size_t size)
{
	if (passing->client_left)
		return;
	if (http_reply_more(passing->served, data, size) == -EAGAIN)
		passing->client_full = true;
}

/* Lock held. Texts before the piece AT. */
static void give_texts(struct passing *passing, unsigned at)
{
	for (; passing->said < at; passing->said++) {
		const char *text = passing->pieces[passing->said].text;

		if (text != NULL)
			give(passing, text, strlen(text));
	}
}

/* Lock held. What makes the read wait may be over. */
static void go_on(struct passing *passing)
{
	if (passing->waiting && passing->read != NULL)
		origin_resume(passing->source->origin, passing->read);
	passing->waiting = false;
}

static void client_has_room(void *context)
{
	struct passing *passing = context;

	pthread_mutex_lock(&passing->lock);
	passing->client_full = false;
	go_on(passing);
	pthread_mutex_unlock(&passing->lock);
}

/* Lock held. */
static bool is_worth_hashing(struct passing *passing)
{
	if (passing->hashing == NULL)
		return false;
	return passing->passed >= passing->item->item.size / 2 ||
	       origin_hashing_goes_on(passing->hashing);
}

static void client_has_left(void *context, bool whole)
{
	struct passing *passing = context;

	(void)whole;
	pthread_mutex_lock(&passing->lock);
	passing->client_left = true;
	if (passing->read != NULL && is_worth_hashing(passing))
		go_on(passing);
	else if (passing->read != NULL)
		origin_cancel(passing->source->origin, passing->read);
	pthread_mutex_unlock(&passing->lock);
	let_go(passing);
}

static int64_t body_length(const struct passing *passing)
{
	uint64_t length = 0;

	for (unsigned i = 0; i < passing->count; i++) {
		const struct content_piece *piece = &passing->pieces[i];

		if (piece->text == NULL && piece->extent.length == CONTENT_SIZE_UNKNOWN)
			return -1;
		length += piece->text != NULL ? strlen(piece->text) : piece->extent.length;
	}
	return (int64_t)length;
}

static void begin_reply(struct passing *passing)
{
	const struct http_stream stream = {
		.room = client_has_room, .gone = client_has_left, .context = passing};

	passing->begun = true;
	pthread_mutex_lock(&passing->lock);
	passing->holders++;
	pthread_mutex_unlock(&passing->lock);
	passing->done(passing->context, 0);
	http_reply_begin(passing->served, passing->status, body_length(passing), &stream);
}

/* ---- to the hashing ---- */

static void hashing_has_room(void *context)
{
	struct passing *passing = context;

	pthread_mutex_lock(&passing->lock);
	go_on(passing);
	pthread_mutex_unlock(&passing->lock);
}

static void hashing_is_over(void *context)
{
	let_go(context);
}

static void attach(struct passing *passing, struct origin_hashing *hashing)
{
	const struct origin_hasher hasher = {
		.room = hashing_has_room, .over = hashing_is_over, .context = passing};

	passing->hashing = hashing;
	passing->holders++;
	origin_hashing_attach(hashing, &hasher);
}

/* ---- reads ---- */

static int judge_whole(const struct origin_item *item, const struct entry *entry)
{
	if (item->validator[0] != '\0')
		return 0; /* by that it was judged */
	if (entry->size >= 0 && item->item.size != CONTENT_SIZE_UNKNOWN &&
	    (uint64_t)entry->size != item->item.size)
		return -ESTALE;
	return 0;
}

/* Whether the answer is what was asked for. */
static int judge(struct passing *passing, const struct entry *entry, uint64_t start, int64_t length)
{
	const struct content_extent *extent = &passing->pieces[passing->at].extent;
	bool ranged = extent->start > 0 || extent->length != passing->item->item.size;

	if (ranged && entry->flags & ENTRY_NO_RANGES) {
		atomic_store(&passing->source->no_ranges_until_ms, loop_clock_ms() + NO_RANGES_MS);
		return -ESTALE;
	}
	if (start != extent->start)
		return -EBADMSG;
	if (extent->length != CONTENT_SIZE_UNKNOWN && length >= 0 &&
	    (uint64_t)length != extent->length)
		return -ESTALE;
	return judge_whole(passing->item, entry);
}

static int read_begins(void *context, const struct entry *entry, uint64_t start, int64_t length)
{
	struct passing *passing = context;
	int error = judge(passing, entry, start, length);

	if (error < 0 || passing->served == NULL)
		return error;
	if (!passing->begun)
		begin_reply(passing);
	pthread_mutex_lock(&passing->lock);
	give_texts(passing, passing->at);
	pthread_mutex_unlock(&passing->lock);
	return 0;
}

/* Lock held. */
static int take(struct passing *passing, const void *data, size_t size)
{
	bool to_client = passing->served != NULL && !passing->client_left;
	int error = 0;

	if (to_client && passing->client_full)
		return -EAGAIN;
	if (passing->hashing != NULL)
		error = origin_hashing_put(passing->hashing, data, size);
	if (error == 0 && to_client)
		give(passing, data, size);
	return error;
}

static int read_bytes(void *context, const void *data, size_t size)
{
	struct passing *passing = context;
	int error;

	pthread_mutex_lock(&passing->lock);
	error = take(passing, data, size);
	if (error == 0)
		passing->passed += size;
	passing->waiting = error == -EAGAIN;
	pthread_mutex_unlock(&passing->lock);
	return error;
}

static void read_done(void *context, int error);

/* Lock held, so that READ is there for who wants to end it. */
static int start_read(struct passing *passing)
{
	static const struct origin_reader reader = {
		.begin = read_begins, .bytes = read_bytes, .done = read_done};
	const struct origin_item *item = passing->item;
	const struct content_extent *extent = &passing->pieces[passing->at].extent;
	bool whole = extent->start == 0 && extent->length == item->item.size;

	passing->read = origin_read(passing->source->origin, item->path, item->validator,
				    extent->start, whole ? 0 : extent->length, ORIGIN_ORDINARY,
				    passing->served != NULL ? ORIGIN_READER : ORIGIN_AHEAD, &reader,
				    passing);
	return passing->read != NULL ? 0 : -ENOMEM;
}

/* The next piece that is an extent, from AT on; COUNT: none. */
static unsigned next_extent(const struct passing *passing, unsigned at)
{
	while (at < passing->count && passing->pieces[at].text != NULL)
		at++;
	return at;
}

/* Nothing was sent yet. What is believed of the item has led to this. That it is gone is for a look
 * to find, which forgets its hashes. */
static void fail(struct passing *passing, int error)
{
	content_looks_forget(passing->source->looks, passing->item->path);
	passing->done(passing->context, error == -ENOENT ? -ESTALE : error);
}

static void end(struct passing *passing, int error)
{
	if (passing->hashing != NULL)
		origin_hashing_end(passing->hashing, error == 0);
	if (passing->served != NULL && passing->begun) {
		pthread_mutex_lock(&passing->lock);
		if (error == 0)
			give_texts(passing, passing->count);
		pthread_mutex_unlock(&passing->lock);
		http_reply_end(passing->served, error == 0);
	} else if (passing->served != NULL) {
		fail(passing, error);
	}
	/* What the client has not taken yet is the HTTP server's. */
	content_origin_leave(passing->source);
	let_go(passing);
}

static void read_done(void *context, int error)
{
	struct passing *passing = context;
	unsigned next = next_extent(passing, passing->at + 1);
	bool more = false;

	pthread_mutex_lock(&passing->lock);
	passing->read = NULL;
	passing->waiting = false;
	if (error == 0 && next < passing->count && passing->client_left)
		error = -ECANCELED;
	if (error == 0 && next < passing->count) {
		passing->at = next;
		error = start_read(passing);
		more = error == 0;
	}
	pthread_mutex_unlock(&passing->lock);
	if (!more)
		end(passing, error);
}

/* ---- beginnings ---- */

static struct passing *create(struct origin_item *item, unsigned count)
{
	struct content_origin *source = origin_item_source(item);
	struct passing *passing = calloc(1, sizeof(*passing));

	if (passing == NULL || !content_origin_enter(source)) {
		free(passing);
		return NULL;
	}
	passing->source = source;
	passing->item = item;
	passing->count = count;
	passing->holders = 1;
	pthread_mutex_init(&passing->lock, NULL);
	return passing;
}

/* The body lives only as long as the call that brings it. */
static int copy_body(struct passing *passing, const struct content_body *body)
{
	size_t size = body->count * sizeof(*body->pieces);
	char *texts;

	for (unsigned i = 0; i < body->count; i++)
		if (body->pieces[i].text != NULL)
			size += strlen(body->pieces[i].text) + 1;
	passing->pieces = malloc(size);
	if (passing->pieces == NULL)
		return -ENOMEM;
	texts = (char *)(passing->pieces + body->count);
	for (unsigned i = 0; i < body->count; i++) {
		passing->pieces[i] = body->pieces[i];
		if (body->pieces[i].text == NULL)
			continue;
		passing->pieces[i].text = texts;
		texts = stpcpy(texts, body->pieces[i].text) + 1;
	}
	return 0;
}

static void start(struct passing *passing)
{
	int error;

	passing->at = next_extent(passing, 0);
	pthread_mutex_lock(&passing->lock);
	error = start_read(passing);
	pthread_mutex_unlock(&passing->lock);
	if (error < 0)
		end(passing, error);
}

void origin_passing_hash(struct origin_item *item, struct origin_hashing *hashing)
{
	const struct content_piece piece = {.extent = {0, item->item.size}};
	const struct content_body body = {1, &piece};
	struct passing *passing = create(item, 1);

	if (passing == NULL) {
		origin_hashing_end(hashing, false);
		origin_item_free(&item->item);
		return;
	}
	attach(passing, hashing);
	if (copy_body(passing, &body) == 0)
		start(passing);
	else
		end(passing, -ENOMEM);
}

/* ---- answers ---- */

static void nothing(void *context)
{
	(void)context;
}

static void nothing_left(void *context, bool whole)
{
	(void)context;
	(void)whole;
}

/* To HEAD: the length is told, nothing is read. */
static void send_head(struct http_served *served, int status, int64_t length)
{
	static const struct http_stream stream = {.room = nothing, .gone = nothing_left};

	http_reply_begin(served, status, length, &stream);
	http_reply_end(served, true);
}

static bool is_whole(const struct passing *passing)
{
	const struct content_piece *piece = &passing->pieces[0];

	return passing->count == 1 && piece->text == NULL && piece->extent.start == 0 &&
	       piece->extent.length == passing->item->item.size;
}

/* Has it hashed as it passes, or, if that was promised and only a part passes, by itself. */
static void have_hashed(struct passing *passing)
{
	const struct origin_item *item = passing->item;
	struct origin_hashing *hashing;

	if (!item->item.publishable || item->item.size == 0 ||
	    item->item.size < passing->source->min_size)
		return;
	if (!is_whole(passing)) {
		if (item->wanted)
			origin_hashing_want(item, false, NULL, NULL);
	} else if (origin_hashing_claim(item, &hashing) == 0) {
		attach(passing, hashing);
	}
}

static struct passing *prepare(struct origin_item *item, const struct content_body *body)
{
	struct passing *passing = create(item, body->count);

	if (passing == NULL)
		return NULL;
	if (copy_body(passing, body) == 0)
		return passing;
	passing->item = NULL;
	free(passing);
	content_origin_leave(origin_item_source(item));
	return NULL;
}

void origin_passing_send(struct content_item *opaque, struct http_served *served, int status,
			 const struct content_body *body, content_sent *done, void *context)
{
	struct origin_item *item = (struct origin_item *)opaque;
	struct passing *passing = prepare(item, body);

	if (passing == NULL) {
		origin_item_free(opaque);
		done(context, -ECANCELED);
		return;
	}
	if (next_extent(passing, 0) == passing->count ||
	    strcmp(http_served_method(served), "HEAD") == 0) {
		done(context, 0);
		send_head(served, status, body_length(passing));
		content_origin_leave(passing->source);
		let_go(passing);
		return;
	}
	passing->served = served;
	passing->status = status;
	passing->done = done;
	passing->context = context;
	have_hashed(passing);
	start(passing);
}
