/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Listings of directories: declared in content_answer.h. The names are read at once, the page is
 * written bit by bit as the client takes it, on pool threads.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "origin/content_answer.h"
#include "origin/content_listing.h"

/* Our choice: names take about 100 octets each while their listing is sent. */
#define NAMES_MAX 4000000u

/* The page goes out in turns: WRITING, on a pool thread, until the client has enough; WAITING,
 * until it has room again. It may leave in either, so FOLDER is held twice: by its writer until
 * http_reply_end(), and until gone(). */
struct folder {
	struct pool_job job; /* first */
	struct content_service *service;
	struct http_served *served;
	struct content_listing *listing;
	uint32_t names;
	pthread_mutex_t lock;            /* leaf */
	enum { WRITING, WAITING } state; /* guarded by lock, as what follows */
	bool has_room;                   /* came while WRITING */
	bool left;
	unsigned holders;
};

static void let_go(struct folder *folder)
{
	bool last;

	pthread_mutex_lock(&folder->lock);
	last = --folder->holders == 0;
	pthread_mutex_unlock(&folder->lock);
	if (!last)
		return;
	atomic_fetch_sub(&folder->service->names_listed, folder->names);
	content_listing_free(folder->listing);
	pthread_mutex_destroy(&folder->lock);
	free(folder);
}

static void end_writing(struct folder *folder, bool whole)
{
	http_reply_end(folder->served, whole);
	let_go(folder);
}

/* The client has enough for now. True: it has room already, or has left, which the next octets will
 * show. False: FOLDER may be another thread's by now. */
static bool may_go_on(struct folder *folder)
{
	bool go;

	pthread_mutex_lock(&folder->lock);
	go = folder->has_room || folder->left;
	folder->has_room = false;
	if (!go)
		folder->state = WAITING;
	pthread_mutex_unlock(&folder->lock);
	return go;
}

static void write_on(struct pool_job *job)
{
	struct folder *folder = (struct folder *)job;
	char *buffer = malloc(CONTENT_LISTING_BUFFER);
	size_t length = 1;
	int error = buffer != NULL ? 0 : -ENOMEM;

	while (error == 0 && length > 0) {
		length = content_listing_next(folder->listing, buffer);
		if (length > 0)
			error = http_reply_more(folder->served, buffer, length);
		if (error == -EAGAIN) {
			if (!may_go_on(folder)) {
				free(buffer);
				return;
			}
			error = 0;
		}
	}
	free(buffer);
	end_writing(folder, error == 0);
}

static void room(void *context)
{
	struct folder *folder = context;
	bool wake;

	pthread_mutex_lock(&folder->lock);
	wake = folder->state == WAITING;
	folder->state = WRITING;
	folder->has_room = !wake;
	pthread_mutex_unlock(&folder->lock);
	if (wake)
		pool_submit(folder->service->pool, POOL_READER, &folder->job);
}

static void gone(void *context, bool whole)
{
	struct folder *folder = context;
	bool nobody_writes;

	(void)whole;
	pthread_mutex_lock(&folder->lock);
	folder->left = true;
	nobody_writes = folder->state == WAITING;
	pthread_mutex_unlock(&folder->lock);
	if (nobody_writes)
		end_writing(folder, false);
	let_go(folder);
}

/* Leaves a trace in names_listed if it returns true. */
static bool take_room(struct content_service *service, uint32_t names)
{
	if (atomic_fetch_add(&service->names_listed, names) <= NAMES_MAX)
		return true;
	atomic_fetch_sub(&service->names_listed, names);
	return false;
}

static struct folder *begin_folder(struct content_exchange *exchange, struct directory *directory,
				   enum content_listing_form form)
{
	struct folder *folder = calloc(1, sizeof(*folder));
	uint32_t names = directory_count(directory);
	char *title = malloc(strlen(exchange->target.path) + 3);
	int error = folder != NULL && title != NULL ? 0 : -ENOMEM;

	if (error == 0) {
		strcpy(stpcpy(stpcpy(title, "/"), exchange->target.path),
		       exchange->target.path[0] != '\0' ? "/" : "");
		error = content_listing_create(directory, form, title, &folder->listing);
	}
	free(title);
	if (error < 0) {
		free(folder);
		return NULL;
	}
	pthread_mutex_init(&folder->lock, NULL);
	folder->state = WRITING;
	folder->holders = 2;
	folder->job.run = write_on;
	folder->service = exchange->service;
	folder->served = exchange->served;
	folder->names = names;
	return folder;
}

static void send_folder(struct folder *folder, bool head)
{
	const struct http_stream stream = {
		.room = room, .gone = gone, .context = folder, .made_here = true};

	http_reply_begin(folder->served, 200, -1, &stream);
	if (head)
		end_writing(folder, true);
	else
		write_on(&folder->job);
}

static void listed(void *context, int error, struct directory *directory)
{
	struct content_exchange *exchange = context;
	struct http_served *served = exchange->served;
	bool head = strcmp(http_served_method(served), "HEAD") == 0;
	struct content_lines accept;
	enum content_listing_form form;
	struct folder *folder = NULL;
	uint32_t names;

	if (error < 0) {
		content_answer_error(exchange, error);
		return;
	}
	names = directory_count(directory);
	form = content_listing_choose(content_lines_read(served, "Accept", &accept));
	if (take_room(exchange->service, names)) {
		folder = begin_folder(exchange, directory, form);
		if (folder == NULL)
			atomic_fetch_sub(&exchange->service->names_listed, names);
	}
	if (folder == NULL) {
		directory_free(directory);
		content_answer_status(exchange, 503);
		return;
	}
	http_reply_header(served, "Content-Type", "%s", content_listing_type(form));
	http_reply_header(served, "Vary", "Accept");
	content_exchange_end(exchange);
	send_folder(folder, head);
}

static void list(struct pool_job *job)
{
	struct content_exchange *exchange = (struct content_exchange *)job;
	struct content_source *source = exchange->service->source;

	source->kind->list(source, exchange->target.path, listed, exchange);
}

/* Files and content information come first: a listing can take a second, and anybody can ask for
 * hundreds of them at once. */
void content_answer_folder(struct content_exchange *exchange)
{
	exchange->job.run = list;
	pool_submit(exchange->service->pool, POOL_AHEAD, &exchange->job);
}
