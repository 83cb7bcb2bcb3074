/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The answer as a whole: headers, then pieces in order, octets and parts of files. Pieces are
 * handed to the connection in portions. A part of a file is one portion however long where the
 * connection can send it from the page cache; else it is read bit by bit as the client takes it.
 *
 * No file is ever mapped: one that is cut short meanwhile would end the process. Here it ends the
 * connection.
 */
#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "cache/log.h"
#include "origin/http_server_private.h"

/* Read from files into memory for one portion: our choice. */
#define PORTION_MAX (256u << 10)
/* A part as short as this is read: it goes with the head in one call, one packet if it fits. */
#define READ_RATHER_MAX (32u << 10)

/* ---- putting together ---- */

static bool is_ours(const char *name)
{
	static const char *const names[] = {"Content-Length", "Transfer-Encoding", "Connection",
					    "Date"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcasecmp(name, names[i]) == 0)
			return true;
	return false;
}

static bool one_line(const char *text)
{
	for (; *text != '\0'; text++)
		if (iscntrl((unsigned char)*text) && *text != '\t')
			return false;
	return true;
}

void http_reply_header(struct http_served *served, const char *name, const char *format, ...)
{
	va_list arguments;
	char *value;
	int length;

	if (is_ours(name))
		return;
	va_start(arguments, format);
	length = vasprintf(&value, format, arguments);
	va_end(arguments);
	if (length < 0) {
		served->failed = true;
		return;
	}
	if (!one_line(value) || evhttp_add_header(served->request->output_headers, name, value) < 0)
		served->failed = true;
	free(value);
}

static struct http_piece *add_piece(struct http_served *served, uint64_t length)
{
	struct http_piece *piece = calloc(1, sizeof(*piece));

	if (piece == NULL) {
		served->failed = true;
		return NULL;
	}
	piece->length = length;
	served->length += length;
	*served->end = piece;
	served->end = &piece->next;
	return piece;
}

static void free_data(const void *data, size_t size, void *context)
{
	(void)data;
	(void)size;
	free(context);
}

void http_reply_bytes(struct http_served *served, const void *data, size_t size)
{
	struct http_piece *piece = size > 0 ? add_piece(served, size) : NULL;
	void *copy;

	if (piece == NULL)
		return;
	copy = malloc(size);
	if (copy == NULL) {
		served->failed = true;
		return;
	}
	piece->data = memcpy(copy, data, size);
	piece->release = free_data;
	piece->context = copy;
}

void http_reply_lend(struct http_served *served, const void *data, size_t size,
		     void (*release)(const void *data, size_t size, void *context), void *context)
{
	struct http_piece *piece = size > 0 ? add_piece(served, size) : NULL;

	if (piece == NULL) {
		release(data, size, context);
		return;
	}
	piece->data = data;
	piece->release = release;
	piece->context = context;
}

static void release_file(struct http_file *file)
{
	if (file == NULL || --file->users > 0)
		return;
	close(file->file);
	free(file);
}

static void add_part(struct http_served *served, uint64_t offset, uint64_t length)
{
	struct http_piece *piece = length > 0 ? add_piece(served, length) : NULL;

	if (piece == NULL)
		return;
	piece->file = served->file;
	piece->file->users++;
	piece->offset = offset;
}

void http_reply_file(struct http_served *served, int file, uint64_t offset, uint64_t length)
{
	release_file(served->file);
	served->file = malloc(sizeof(*served->file));
	if (served->file == NULL) {
		served->failed = true;
		close(file);
		return;
	}
	*served->file = (struct http_file){.file = file, .users = 1};
	add_part(served, offset, length);
}

void http_reply_file_again(struct http_served *served, uint64_t offset, uint64_t length)
{
	if (served->file != NULL)
		add_part(served, offset, length);
	else
		served->failed = true;
}

static void free_piece(struct http_piece *piece)
{
	release_file(piece->file);
	if (piece->data != NULL)
		piece->release(piece->data, (size_t)piece->length, piece->context);
	free(piece);
}

static void drop_first(struct http_served *served)
{
	struct http_piece *piece = served->first;

	served->first = piece->next;
	if (served->first == NULL)
		served->end = &served->first;
	free_piece(piece);
}

void http_reply_free_pieces(struct http_served *served)
{
	while (served->first != NULL)
		drop_first(served);
	release_file(served->file);
	served->file = NULL;
}

void http_reply_anew(struct http_served *served)
{
	http_reply_free_pieces(served);
	served->length = 0;
	served->failed = false;
	evhttp_clear_headers(served->request->output_headers);
}

/* ---- the head ---- */

bool http_reply_bodiless(const struct http_served *served)
{
	return served->head || served->status == 204 || served->status == 304 ||
	       served->status / 100 == 1;
}

/* evhttp derives what it writes and does about the connection from the request's header; so the
 * request says what we have decided. */
static void settle_connection(struct http_served *served)
{
	struct evkeyvalq *asked = served->request->input_headers;

	if (served->thread->stopping)
		served->last = true;
	while (evhttp_remove_header(asked, "Connection") == 0)
		;
	if (served->last)
		evhttp_add_header(asked, "Connection", "close");
	else if (served->minor == 0)
		evhttp_add_header(asked, "Connection", "keep-alive");
}

static void add_own_headers(struct http_served *served, int64_t length)
{
	struct evkeyvalq *headers = served->request->output_headers;
	char text[64];

	evutil_date_rfc1123(text, sizeof(text), NULL);
	evhttp_add_header(headers, "Date", text);
	if (length < 0 || served->status == 204 || served->status == 304 ||
	    served->status / 100 == 1)
		return;
	snprintf(text, sizeof(text), "%lld", (long long)length);
	evhttp_add_header(headers, "Content-Length", text);
}

void http_reply_head(struct http_served *served, int64_t length)
{
	/* without chunks only the end of the connection can tell the end of the body */
	if (length < 0 && served->minor == 0)
		served->last = true;
	settle_connection(served);
	add_own_headers(served, length);
	evhttp_send_reply_start(served->request, served->status, NULL);
}

void http_reply_cut(struct http_served *served, bool reset)
{
	if (reset)
		http_connection_reset(served->connection);
	served->connection->linger = false;
	evhttp_connection_free(evhttp_request_get_connection(served->request));
}

/* ---- the body ---- */

static int pour_bytes(struct http_served *served, struct evbuffer *portion)
{
	struct http_piece *piece = served->first;

	if (evbuffer_add_reference(portion, piece->data, (size_t)piece->length, piece->release,
				   piece->context) < 0)
		return -ENOMEM;
	piece->data = NULL;
	drop_first(served);
	return 0;
}

/* Up to ROOM octets. */
static int pour_read(struct http_served *served, struct evbuffer *portion, size_t room)
{
	struct http_piece *piece = served->first;
	size_t length = piece->length < room ? (size_t)piece->length : room;
	struct evbuffer_iovec space;
	ssize_t got;

	if (evbuffer_reserve_space(portion, (ev_ssize_t)length, &space, 1) != 1)
		return -ENOMEM;
	got = pread(piece->file->file, space.iov_base, length, (off_t)piece->offset);
	if (got < 0)
		return -errno;
	if (got == 0)
		return -EIO;
	space.iov_len = (size_t)got;
	evbuffer_commit_space(portion, &space, 1);
	piece->offset += (uint64_t)got;
	piece->length -= (uint64_t)got;
	if (piece->length == 0)
		drop_first(served);
	return 0;
}

static void free_segment(const struct evbuffer_file_segment *segment, int flags, void *context)
{
	(void)segment;
	(void)flags;
	release_file(context);
}

static int pour_file(struct http_served *served, struct evbuffer *portion)
{
	struct http_piece *piece = served->first;
	struct evbuffer_file_segment *segment = evbuffer_file_segment_new(
		piece->file->file, (ev_off_t)piece->offset, (ev_off_t)piece->length,
		EVBUF_FS_DISABLE_MMAP | EVBUF_FS_DISABLE_LOCKING);

	if (segment == NULL)
		return -ENOMEM;
	evbuffer_file_segment_add_cleanup_cb(segment, free_segment, piece->file);
	piece->file = NULL; /* the segment's */
	if (evbuffer_add_file_segment(portion, segment, 0, (ev_off_t)piece->length) < 0)
		return -ENOMEM; /* it has dropped our reference */
	evbuffer_file_segment_free(segment);
	drop_first(served);
	return 0;
}

/* Fills PORTION with what may be in memory at once, and any number of files that need none. */
static int pour(struct http_served *served, struct evbuffer *portion)
{
	size_t in_memory = 0;
	int error = 0;

	while (served->first != NULL && error == 0 && in_memory < PORTION_MAX) {
		const struct http_piece *piece = served->first;
		size_t before = evbuffer_get_length(portion);

		if (piece->file != NULL && !served->tls && piece->length > READ_RATHER_MAX) {
			error = pour_file(served, portion);
			continue;
		}
		error = piece->file == NULL ? pour_bytes(served, portion)
					    : pour_read(served, portion, PORTION_MAX - in_memory);
		in_memory += evbuffer_get_length(portion) - before;
	}
	return error;
}

static void pour_more(struct evhttp_connection *evcon, void *context);

static int pour_portion(struct http_served *served)
{
	struct evbuffer *portion = evbuffer_new();
	int error;

	if (portion == NULL)
		return -ENOMEM;
	/* without this libevent would read whole files here, since it cannot know that the portion
	 * will go to a socket */
	evbuffer_set_flags(portion, EVBUFFER_FLAG_DRAINS_TO_FD);
	error = pour(served, portion);
	if (error == 0)
		evhttp_send_reply_chunk_with_cb(served->request, portion,
						served->first != NULL ? pour_more : NULL, served);
	evbuffer_free(portion);
	return error;
}

/* What fits the socket's buffer goes there now, and not when the loop has been told that there is
 * room: who has made the buffer large enough for all answers is spared asking. What is left, or
 * fails, is seen to as ever. */
static void send_at_once(struct http_served *served)
{
	struct bufferevent *buffers = served->connection->buffers;
	struct evbuffer *output = bufferevent_get_output(buffers);

	if (served->thread->server->send_buffer == 0 || served->tls)
		return;
	evbuffer_unfreeze(output, 1);
	evbuffer_write(output, bufferevent_getfd(buffers));
	evbuffer_freeze(output, 1);
}

/* The next portion, or the end. */
static void go_on(struct http_served *served)
{
	struct bufferevent *buffers = served->connection->buffers;
	int error = served->first != NULL ? pour_portion(served) : 0;

	if (error < 0) {
		log_debug("%s: answer cut: %s", served->peer, strerror(-error));
		http_reply_cut(served, false);
		return;
	}
	/* not inside evhttp's own callback, which does not expect the answer to be sent so soon */
	if (served->posted && served->first == NULL)
		send_at_once(served);
	served->posted = false;
	/* Nothing is to be read before the answer is sent: no request that would wait in memory, no
	 * end that a client may send already. One that has gone is noticed when writing. */
	if (evbuffer_get_length(bufferevent_get_output(buffers)) > 0)
		bufferevent_disable(buffers, EV_READ);
	if (served->first == NULL) {
		bufferevent_setwatermark(buffers, EV_WRITE, 0, 0);
		evhttp_send_reply_end(served->request);
	}
}

static void pour_more(struct evhttp_connection *evcon, void *context)
{
	(void)evcon;
	go_on(context);
}

static void answer(struct http_served *served)
{
	uint64_t length = served->length;

	served->answered = true;
	if (served->connection == NULL) {
		http_served_free(served);
		return;
	}
	if (served->failed) {
		http_reply_cut(served, false);
		return;
	}
	if (http_reply_bodiless(served))
		http_reply_free_pieces(served);
	http_reply_head(served, (int64_t)length);
	/* the next portion is read while the end of this one is sent */
	bufferevent_setwatermark(served->connection->buffers, EV_WRITE, PORTION_MAX / 2, 0);
	go_on(served);
}

static void answer_posted(struct loop_task *task)
{
	struct http_served *served =
		(struct http_served *)((char *)task - offsetof(struct http_served, task));

	served->posted = true;
	answer(served);
}

static void delay_over(evutil_socket_t none, short what, void *served)
{
	(void)none;
	(void)what;
	answer(served);
}

static void delay_posted(struct loop_task *task)
{
	struct http_served *served =
		(struct http_served *)((char *)task - offsetof(struct http_served, task));
	struct timeval delay = {served->delay_ms / 1000,
				(suseconds_t)(served->delay_ms % 1000) * 1000};

	if (event_base_once(loop_base(served->thread->loop), -1, EV_TIMEOUT, delay_over, served,
			    &delay) < 0)
		answer(served);
}

void http_reply_after(struct http_served *served, int status, unsigned delay_ms)
{
	if (delay_ms == 0) {
		http_reply(served, status);
		return;
	}
	served->status = status;
	served->delay_ms = delay_ms;
	served->task.run = delay_posted;
	loop_post(served->thread->loop, &served->task);
}

void http_reply_last(struct http_served *served)
{
	served->last = true;
	served->linger = true;
}

void http_reply(struct http_served *served, int status)
{
	served->status = status;
	if (loop_inside(served->thread->loop)) {
		answer(served);
		return;
	}
	served->task.run = answer_posted;
	loop_post(served->thread->loop, &served->task);
}

void http_reply_none(struct http_served *served)
{
	served->failed = true;
	http_reply(served, 503);
}
