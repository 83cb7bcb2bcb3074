/* SPDX-License-Identifier: BSD-2-Clause */
#include "origin/content_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

#include "cache/file_octets.h"
#include "cache/log.h"
#include "origin/file_stamps.h"

/* Shorter ones are read before they are sent, and are looked at again, so that what has no content
 * information is never sent half changed: our choice is the least size of content that has. */
#define READ_MAX 65536u

struct tree_source {
	struct content_source source; /* first */
	struct file_tree tree;
};

struct tree_item {
	struct content_item item; /* first */
	int file;                 /* -1: a directory */
	struct stat status;
	char *data; /* of look_now: all octets, of this version; NULL: not read */
};

/* ---- versions ---- */

static int64_t unsettled_ns(const struct stat *status)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return file_stamps_unsettled_ns(status, &now);
}

int content_tree_status(int file, struct stat *status_out, bool *settled_out)
{
	struct stat status;
	int64_t rest;

	if (fstat(file, &status) < 0)
		return -errno;
	rest = unsettled_ns(&status);
	if (rest > 0 && rest <= FILE_STAMPS_TICK_NS) {
		nanosleep(&(struct timespec){.tv_nsec = rest}, NULL);
		if (fstat(file, &status) < 0)
			return -errno;
		rest = unsettled_ns(&status);
	}
	*settled_out = rest == 0;
	*status_out = status;
	return 0;
}

static bool same_version(const struct stat *one, const struct stat *other)
{
	return file_tree_same(one, other) && one->st_ctim.tv_sec == other->st_ctim.tv_sec &&
	       one->st_ctim.tv_nsec == other->st_ctim.tv_nsec;
}

/* A hash, since inode numbers are nobody's business. */
static void write_etag(const struct stat *status, bool settled, char etag_out[CONTENT_ETAG_MAX])
{
	struct timespec now = {0};
	XXH128_hash_t hash;

	if (!settled)
		clock_gettime(CLOCK_REALTIME, &now);
	int64_t facts[] = {
		(int64_t)status->st_dev,
		(int64_t)status->st_ino,
		(int64_t)status->st_size,
		status->st_mtim.tv_sec,
		status->st_mtim.tv_nsec,
		status->st_ctim.tv_sec,
		status->st_ctim.tv_nsec,
		now.tv_sec,
		now.tv_nsec,
	};
	hash = XXH3_128bits(facts, sizeof(facts));
	snprintf(etag_out, CONTENT_ETAG_MAX, "%s\"%016llx%016llx\"", settled ? "" : "W/",
		 (unsigned long long)hash.high64, (unsigned long long)hash.low64);
}

/* ---- looking ---- */

static void fill_file(struct tree_item *item, bool settled)
{
	item->item.kind = ENTRY_FILE;
	item->item.size = (uint64_t)item->status.st_size;
	item->item.mtime = item->status.st_mtim.tv_sec < 0 ? -1 : item->status.st_mtim.tv_sec;
	item->item.publishable = settled;
	write_etag(&item->status, settled, item->item.etag);
}

static int find(struct tree_source *source, const char *path, struct tree_item *item)
{
	struct entry entry;
	bool settled;
	int error;

	item->file = file_tree_open(&source->tree, path, &item->status);
	if (item->file >= 0) {
		error = content_tree_status(item->file, &item->status, &settled);
		if (error == 0)
			fill_file(item, settled);
		return error;
	}
	if (item->file != -ENOENT)
		return item->file;
	error = file_tree_stat(&source->tree, path, &entry);
	if (error == 0 && entry.kind != ENTRY_DIRECTORY)
		error = -EAGAIN; /* it has just come to be a file */
	item->item.kind = ENTRY_DIRECTORY;
	return error;
}

static void free_item(struct content_item *opaque)
{
	struct tree_item *item = (struct tree_item *)opaque;

	if (item->file >= 0)
		close(item->file);
	free(item->data);
	free(item);
}

static void look(struct content_source *opaque, const char *path, content_looked *done,
		 void *context)
{
	struct tree_item *item = calloc(1, sizeof(*item));
	int error;

	if (item == NULL) {
		done(context, -ENOMEM, NULL);
		return;
	}
	item->item.source = opaque;
	item->file = -1;
	error = find((struct tree_source *)opaque, path, item);
	if (error < 0) {
		free_item(&item->item);
		done(context, error, NULL);
		return;
	}
	done(context, 0, &item->item);
}

/* All of a short file, if the kernel has it in memory. */
static int read_now(struct tree_item *item)
{
	size_t size = (size_t)item->status.st_size;
	struct iovec part = {.iov_len = size};
	struct stat now;

	if (size == 0)
		return 0;
	part.iov_base = item->data = malloc(size);
	if (item->data == NULL || preadv2(item->file, &part, 1, 0, RWF_NOWAIT) != (ssize_t)size ||
	    fstat(item->file, &now) < 0 || !same_version(&item->status, &now))
		return -EAGAIN;
	return 0;
}

static int look_now(struct content_source *opaque, const char *path, struct content_item **item_out)
{
	struct tree_source *source = (struct tree_source *)opaque;
	struct tree_item *item = calloc(1, sizeof(*item));
	int error = -EAGAIN;

	if (item == NULL)
		return -EAGAIN;
	item->item.source = opaque;
	item->file = file_tree_open_now(&source->tree, path, &item->status);
	if (item->file >= 0 && unsettled_ns(&item->status) == 0)
		error = item->status.st_size <= READ_MAX ? read_now(item) : 0;
	if (error < 0) {
		free_item(&item->item);
		return error;
	}
	fill_file(item, true);
	*item_out = &item->item;
	return 0;
}

static void list(struct content_source *opaque, const char *path, content_listed *done,
		 void *context)
{
	struct tree_source *source = (struct tree_source *)opaque;
	struct directory *directory;
	int error = directory_create(false, &directory);

	if (error == 0) {
		error = file_tree_list(&source->tree, path, directory);
		if (error < 0)
			directory_free(directory);
	}
	done(context, error, error == 0 ? directory : NULL);
}

/* ---- publishing ---- */

static void subject(const struct content_item *item, struct publish_subject *subject_out)
{
	publish_subject_of_file(&((const struct tree_item *)item)->status, subject_out);
}

static int make(struct content_item *item, struct publish *publish, bool urgent, publish_done *done,
		void *context)
{
	struct publish_subject which;

	subject(item, &which);
	return publish_make(publish, &which, ((struct tree_item *)item)->file, urgent, done,
			    context);
}

/* ---- sending ---- */

static void nothing(void *context)
{
	(void)context;
}

static void nothing_left(void *context, bool whole)
{
	(void)context;
	(void)whole;
}

static void cut(struct http_served *served, int status, uint64_t length)
{
	static const struct http_stream stream = {.room = nothing, .gone = nothing_left};

	http_reply_begin(served, status, (int64_t)length, &stream);
	http_reply_end(served, false);
}

/* By way of memory: the octets are then of this version or none. */
static void send_read(struct tree_item *item, struct http_served *served, int status,
		      const struct content_extent *extent)
{
	struct stat now;
	char *buffer = malloc(extent->length);
	int error = buffer != NULL
			    ? file_octets_read(item->file, extent->start, buffer, extent->length)
			    : -ENOMEM;

	if (error == 0 && fstat(item->file, &now) < 0)
		error = -errno;
	if (error == 0 && !same_version(&item->status, &now))
		error = -ESTALE;
	if (error < 0) {
		cut(served, status, extent->length);
	} else {
		http_reply_bytes(served, buffer, extent->length);
		http_reply(served, status);
	}
	free(buffer);
}

/* The item's descriptor becomes the answer's, whatever the number of its parts. */
static void add_extent(struct tree_item *item, struct http_served *served,
		       const struct content_extent *extent)
{
	if (item->file >= 0)
		http_reply_file(served, item->file, extent->start, extent->length);
	else
		http_reply_file_again(served, extent->start, extent->length);
	item->file = -1;
}

static void send_pieces(struct tree_item *item, struct http_served *served, int status,
			const struct content_body *body)
{
	for (unsigned i = 0; i < body->count; i++) {
		const struct content_piece *piece = &body->pieces[i];

		if (piece->text != NULL)
			http_reply_bytes(served, piece->text, strlen(piece->text));
		else if (item->data != NULL)
			http_reply_bytes(served, item->data + piece->extent.start,
					 piece->extent.length);
		else
			add_extent(item, served, &piece->extent);
	}
	http_reply(served, status);
}

static void send_body(struct content_item *opaque, struct http_served *served, int status,
		      const struct content_body *body, content_sent *done, void *context)
{
	struct tree_item *item = (struct tree_item *)opaque;

	bool head = strcmp(http_served_method(served), "HEAD") == 0;

	if (!head && item->data == NULL && body->count == 1 && body->pieces[0].text == NULL &&
	    body->pieces[0].extent.length <= READ_MAX)
		send_read(item, served, status, &body->pieces[0].extent);
	else
		send_pieces(item, served, status, body);
	free_item(opaque);
	done(context, 0);
}

/* ---- life ---- */

static void close_tree(struct content_source *opaque)
{
	struct tree_source *source = (struct tree_source *)opaque;

	close(source->tree.root);
	free(source);
}

static const struct content_source_kind tree_kind = {
	.look = look,
	.look_now = look_now,
	.list = list,
	.subject = subject,
	.make = make,
	.send = send_body,
	.free_item = free_item,
	.close = close_tree,
};

int content_tree_open(const char *path, bool followed, struct content_source **source_out,
		      char *message, size_t message_size)
{
	char escaped[LOG_NAME_MAX];
	struct tree_source *source = calloc(1, sizeof(*source));
	int root = source != NULL ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	if (root < 0) {
		int error = source != NULL ? -errno : -ENOMEM;

		snprintf(message, message_size, "%s cannot be served: %s",
			 log_escape(escaped, sizeof(escaped), path), strerror(-error));
		free(source);
		return error;
	}
	source->source.kind = &tree_kind;
	source->tree = (struct file_tree){.root = root, .followed = followed};
	*source_out = &source->source;
	return 0;
}

const struct file_tree *content_tree_root(const struct content_source *source)
{
	return &((const struct tree_source *)source)->tree;
}

void content_source_close(struct content_source *source)
{
	if (source != NULL)
		source->kind->close(source);
}
