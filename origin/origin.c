/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Requests: making, finding and ending them.
 *
 * The struct origin_request pointer that users hold is no address but a number: a place in the
 * table of live requests and how often that place was used before. So a user who cancels while done
 * is being called on the loop thread touches nothing: the number is found to be gone. A request
 * leaves the table before its done is called; its memory is freed then, or when the wish on its way
 * to the loop has come there.
 */
#include "origin/origin.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cache/log.h"
#include "origin/origin_private.h"

#define SLOT_BITS 20
#define SLOTS_MAX ((1u << SLOT_BITS) - 1)

enum { WISH_CANCEL = 1, WISH_RESUME = 2, WISH_HURRY = 4 };

static struct origin_request *from_start(struct loop_task *task)
{
	return (struct origin_request *)((char *)task - offsetof(struct origin_request, start));
}

static struct origin_request *from_wish(struct loop_task *task)
{
	return (struct origin_request *)((char *)task - offsetof(struct origin_request, wish));
}

/* ---- the table of live requests ---- */

static int grow_slots(struct origin *origin)
{
	uint32_t count = origin->slot_count > 0 ? origin->slot_count * 2 : 64;
	struct origin_slot *slots;

	if (count > SLOTS_MAX)
		count = SLOTS_MAX;
	if (count == origin->slot_count)
		return -ENOMEM;
	slots = realloc(origin->slots, count * sizeof(*slots));
	if (slots == NULL)
		return -ENOMEM;
	memset(slots + origin->slot_count, 0, (count - origin->slot_count) * sizeof(*slots));
	origin->slots = slots;
	origin->free_hint = origin->slot_count;
	origin->slot_count = count;
	return 0;
}

static int enter_table(struct origin *origin, struct origin_request *request)
{
	uint32_t at;

	if (origin->live == origin->slot_count && grow_slots(origin) < 0)
		return -ENOMEM;
	for (at = origin->free_hint; origin->slots[at].request != NULL;)
		at = at + 1 < origin->slot_count ? at + 1 : 0;
	origin->slots[at].request = request;
	origin->free_hint = at;
	origin->live++;
	request->handle = ++origin->slots[at].generation << SLOT_BITS | (at + 1);
	return 0;
}

static struct origin_request *find_live(struct origin *origin, uintptr_t handle)
{
	uint32_t at = (uint32_t)(handle & SLOTS_MAX) - 1;

	if (at >= origin->slot_count || origin->slots[at].request == NULL ||
	    origin->slots[at].request->handle != handle)
		return NULL;
	return origin->slots[at].request;
}

static void leave_table(struct origin_request *request)
{
	struct origin *origin = request->origin;
	uint32_t at = (uint32_t)(request->handle & SLOTS_MAX) - 1;

	pthread_mutex_lock(&origin->lock);
	origin->slots[at].request = NULL;
	origin->free_hint = at;
	pthread_mutex_unlock(&origin->lock);
}

/* ---- wishes ---- */

static unsigned take_wishes(struct origin_request *request)
{
	unsigned wishes;

	pthread_mutex_lock(&request->origin->lock);
	wishes = request->wishes;
	request->wishes = 0;
	pthread_mutex_unlock(&request->origin->lock);
	return wishes;
}

/* Granting a wish may end the request; as long as the wish counts as posted it is not freed. */
static void run_wishes(struct loop_task *task)
{
	struct origin_request *request = from_wish(task);
	struct origin *origin = request->origin;
	unsigned wishes = take_wishes(request);

	if (!request->ended && wishes & WISH_CANCEL)
		origin->kind->cancel(request);
	if (!request->ended && wishes & WISH_HURRY)
		origin->kind->hurry(request);
	if (!request->ended && wishes & WISH_RESUME)
		origin->kind->resume(request);

	pthread_mutex_lock(&origin->lock);
	request->wish_posted = request->wishes != 0 && !request->ended;
	if (request->wish_posted)
		loop_post(origin->loop, &request->wish);
	pthread_mutex_unlock(&origin->lock);
	if (request->ended)
		free(request);
}

static void wish_locked(struct origin_request *request, unsigned wish)
{
	request->wishes |= wish;
	if (request->wish_posted)
		return;
	request->wish_posted = true;
	loop_post(request->origin->loop, &request->wish);
}

static void make_wish(struct origin *origin, struct origin_request *handle, unsigned wish)
{
	struct origin_request *request;

	pthread_mutex_lock(&origin->lock);
	request = find_live(origin, (uintptr_t)handle);
	if (request != NULL)
		wish_locked(request, wish);
	pthread_mutex_unlock(&origin->lock);
}

void origin_cancel(struct origin *origin, struct origin_request *request)
{
	make_wish(origin, request, WISH_CANCEL);
}

void origin_resume(struct origin *origin, struct origin_request *request)
{
	make_wish(origin, request, WISH_RESUME);
}

void origin_hurry(struct origin *origin, struct origin_request *request)
{
	make_wish(origin, request, WISH_HURRY);
}

/* ---- ending ---- */

static void note_end(const struct origin_request *request, int error)
{
	static const char *const operations[] = {"stat", "list", "read", "ask"};
	struct origin *origin = request->origin;
	char path[LOG_NAME_MAX];

	if (log_wanted(LOG_LEVEL_DEBUG))
		log_debug("origin: %s /%s from %llu: %s", operations[request->operation],
			  log_escape(path, sizeof(path), request->path),
			  (unsigned long long)request->offset,
			  error == 0 ? "done" : strerrorname_np(-error));
	if (error == 0 || error == -ECANCELED || error == -ENOENT || error == -EOPNOTSUPP)
		return;
	atomic_fetch_add_explicit(&origin->errors, 1, memory_order_relaxed);
	if (error == -EBADMSG)
		atomic_fetch_add_explicit(&origin->malformed, 1, memory_order_relaxed);
}

/* After the callback: the request does not count as live until then, for origin_close(). */
static void free_ended(struct origin_request *request)
{
	struct origin *origin = request->origin;
	bool wish_posted;

	request->ended = true;
	pthread_mutex_lock(&origin->lock);
	wish_posted = request->wish_posted;
	if (--origin->live == 0)
		pthread_cond_broadcast(&origin->all_ended);
	pthread_mutex_unlock(&origin->lock);
	if (!wish_posted)
		free(request);
}

void origin_end_stat(struct origin_request *request, int error, const struct entry *entry)
{
	static const struct origin_said nothing;

	leave_table(request);
	note_end(request, error);
	if (request->look_done != NULL)
		request->look_done(request->context, error, error == 0 ? entry : NULL,
				   request->said != NULL ? request->said : &nothing);
	else
		request->stat_done(request->context, error, error == 0 ? entry : NULL);
	free_ended(request);
}

void origin_end_list(struct origin_request *request, int error, struct directory *directory)
{
	leave_table(request);
	note_end(request, error);
	request->list_done(request->context, error, error == 0 ? directory : NULL);
	free_ended(request);
}

void origin_end_read(struct origin_request *request, int error)
{
	leave_table(request);
	note_end(request, error);
	request->reader.done(request->context, error);
	free_ended(request);
}

void origin_end_ask(struct origin_request *request, int error)
{
	leave_table(request);
	note_end(request, error);
	request->asker.done(request->context, error);
	free_ended(request);
}

void origin_end_failed(struct origin_request *request, int error)
{
	switch (request->operation) {
	case ORIGIN_STAT:
		origin_end_stat(request, error, NULL);
		break;
	case ORIGIN_LIST:
		origin_end_list(request, error, NULL);
		break;
	case ORIGIN_READ:
		origin_end_read(request, error);
		break;
	case ORIGIN_ASK:
		origin_end_ask(request, error);
		break;
	}
}

/* ---- making ---- */

static void start_request(struct loop_task *task)
{
	struct origin_request *request = from_start(task);

	request->origin->kind->start(request);
}

static struct origin_request *new_request(struct origin *origin, enum origin_operation operation,
					  const char *path, void *context)
{
	size_t size = origin->kind->request_size;
	struct origin_request *request = calloc(1, size + strlen(path) + 1);

	if (request == NULL)
		return NULL;
	request->path = strcpy((char *)request + size, path);
	request->origin = origin;
	request->operation = operation;
	request->context = context;
	request->start.run = start_request;
	request->wish.run = run_wishes;
	return request;
}

/* Posts REQUEST while the table is locked, so that no wish overtakes it. */
static struct origin_request *post_request(struct origin_request *request)
{
	struct origin *origin = request->origin;
	uintptr_t handle = 0;

	pthread_mutex_lock(&origin->lock);
	if (enter_table(origin, request) == 0) {
		handle = request->handle;
		loop_post(origin->loop, &request->start);
		if (origin->stopped)
			wish_locked(request, WISH_CANCEL);
	}
	pthread_mutex_unlock(&origin->lock);
	if (handle == 0)
		free(request);
	else
		atomic_fetch_add_explicit(&origin->requests, 1, memory_order_relaxed);
	return (struct origin_request *)handle;
}

struct origin_request *origin_stat(struct origin *origin, const char *path,
				   enum origin_priority priority, origin_stat_done *done,
				   void *context)
{
	struct origin_request *request = new_request(origin, ORIGIN_STAT, path, context);

	if (request == NULL)
		return NULL;
	request->priority = priority;
	request->stat_done = done;
	return post_request(request);
}

struct origin_request *origin_look(struct origin *origin, const char *path,
				   enum origin_priority priority, origin_look_done *done,
				   void *context)
{
	struct origin_request *request = new_request(origin, ORIGIN_STAT, path, context);

	if (request == NULL)
		return NULL;
	request->priority = priority;
	request->look_done = done;
	return post_request(request);
}

struct origin_request *origin_list(struct origin *origin, const char *path, origin_list_done *done,
				   void *context)
{
	struct origin_request *request = new_request(origin, ORIGIN_LIST, path, context);

	if (request == NULL)
		return NULL;
	request->list_done = done;
	return post_request(request);
}

struct origin_request *origin_read(struct origin *origin, const char *path, const char *validator,
				   uint64_t offset, uint64_t length, enum origin_purpose purpose,
				   enum origin_priority priority,
				   const struct origin_reader *reader, void *context)
{
	struct origin_request *request = new_request(origin, ORIGIN_READ, path, context);

	if (request == NULL)
		return NULL;
	snprintf(request->validator, sizeof(request->validator), "%s", validator);
	request->offset = offset;
	request->length = length;
	request->purpose = purpose;
	request->priority = priority;
	request->reader = *reader;
	return post_request(request);
}

struct origin_request *origin_ask(struct origin *origin, const char *path,
				  const struct origin_question *question,
				  enum origin_priority priority, const struct origin_asker *asker,
				  void *context)
{
	struct origin_request *request = new_request(origin, ORIGIN_ASK, path, context);

	if (request == NULL)
		return NULL;
	snprintf(request->validator, sizeof(request->validator), "%s", question->validator);
	request->question = *question;
	request->question.validator = NULL;
	request->priority = priority;
	request->asker = *asker;
	return post_request(request);
}

/* ---- the origin itself ---- */

static int open_kind(const struct origin_options *options, struct loop *loop,
		     struct origin **origin_out, char *message, size_t message_size)
{
	if (strncasecmp(options->url, "file:", 5) == 0)
		return origin_file_open(options, origin_out, message, message_size);
	return origin_http_open(options, loop, origin_out, message, message_size);
}

int origin_open(const struct origin_options *options, struct loop *loop, struct pool *pool,
		struct origin **origin_out, char *message, size_t message_size)
{
	struct origin *origin;
	int error;

	snprintf(message, message_size, "cannot open the origin");
	error = open_kind(options, loop, &origin, message, message_size);
	if (error < 0)
		return error;
	origin->loop = loop;
	origin->pool = pool;
	pthread_mutex_init(&origin->lock, NULL);
	pthread_cond_init(&origin->all_ended, NULL);
	*origin_out = origin;
	return 0;
}

void origin_stop(struct origin *origin)
{
	pthread_mutex_lock(&origin->lock);
	origin->stopped = true;
	for (uint32_t i = 0; i < origin->slot_count; i++)
		if (origin->slots[i].request != NULL)
			wish_locked(origin->slots[i].request, WISH_CANCEL);
	pthread_mutex_unlock(&origin->lock);
}

static void await_all_ended(struct origin *origin)
{
	pthread_mutex_lock(&origin->lock);
	while (origin->live > 0)
		pthread_cond_wait(&origin->all_ended, &origin->lock);
	pthread_mutex_unlock(&origin->lock);
}

struct closing {
	struct loop_task task;
	struct origin *origin;
	pthread_mutex_t lock;
	pthread_cond_t closed_changed;
	bool closed; /* guarded by lock */
};

static void close_kind(struct loop_task *task)
{
	struct closing *closing = (struct closing *)task;
	struct origin *origin = closing->origin;

	pthread_mutex_destroy(&origin->lock);
	pthread_cond_destroy(&origin->all_ended);
	free(origin->slots);
	origin->kind->close(origin);
	pthread_mutex_lock(&closing->lock);
	closing->closed = true;
	pthread_cond_signal(&closing->closed_changed);
	pthread_mutex_unlock(&closing->lock);
}

void origin_close(struct origin *origin)
{
	struct closing closing = {.task.run = close_kind,
				  .origin = origin,
				  .lock = PTHREAD_MUTEX_INITIALIZER,
				  .closed_changed = PTHREAD_COND_INITIALIZER};

	if (origin == NULL)
		return;
	origin_stop(origin);
	await_all_ended(origin);
	loop_post(origin->loop, &closing.task);
	pthread_mutex_lock(&closing.lock);
	while (!closing.closed)
		pthread_cond_wait(&closing.closed_changed, &closing.lock);
	pthread_mutex_unlock(&closing.lock);
	pthread_mutex_destroy(&closing.lock);
	pthread_cond_destroy(&closing.closed_changed);
}

bool origin_transient(int error)
{
	return error == -EREMOTEIO || error == -EHOSTUNREACH || error == -ECONNRESET ||
	       error == -ETIMEDOUT;
}

void origin_dialect(struct origin *origin, char *buffer, size_t size)
{
	origin->kind->dialect(origin, buffer, size);
}

void origin_url(struct origin *origin, const char *path, char *buffer, size_t size)
{
	origin->kind->url(origin, path, buffer, size);
}

void origin_counters(struct origin *origin, struct origin_counters *counters_out)
{
	counters_out->requests = atomic_load(&origin->requests);
	counters_out->errors = atomic_load(&origin->errors);
	counters_out->malformed = atomic_load(&origin->malformed);
	counters_out->bytes = origin->kind->octets(origin);
}
