/* SPDX-License-Identifier: BSD-2-Clause
 *
 * An answer that comes bit by bit, from any thread. What is given waits in a locked buffer until
 * the loop's flow() takes it to the connection; one flow() is posted at a time.
 *
 * The end has two halves that come in either order: the giver's http_reply_end(), and gone(), when
 * all is sent or the client has left. The exchange is released after both.
 */
#include <errno.h>
#include <string.h>

#include "cache/log.h"
#include "origin/http_server_private.h"

static struct http_served *of_task(struct loop_task *task)
{
	return (struct http_served *)((char *)task - offsetof(struct http_served, task));
}

/* Looks how much waits, and tells the giver when it has become little. */
static void measure(struct http_served *served)
{
	struct http_stream_state *stream = &served->stream;
	bool room;

	pthread_mutex_lock(&stream->lock);
	stream->output = evbuffer_get_length(bufferevent_get_output(served->connection->buffers));
	room = stream->wants_room &&
	       stream->output + evbuffer_get_length(stream->given) <= HTTP_STREAM_WAITING / 2;
	if (room)
		stream->wants_room = false;
	pthread_mutex_unlock(&stream->lock);
	if (room)
		stream->user.room(stream->user.context);
}

static void taken(struct evhttp_connection *evcon, void *context)
{
	(void)evcon;
	measure(context);
}

/* evhttp reads again whenever something is sent. What it reads then is the end of a client that
 * only sends no more, or requests that would wait in memory. */
static void read_nothing(struct http_served *served)
{
	if (served->stream.user.made_here)
		bufferevent_disable(served->connection->buffers, EV_READ);
}

static void begin(struct http_served *served)
{
	struct http_stream_state *stream = &served->stream;

	stream->begun = true;
	http_reply_head(served, stream->left);
	bufferevent_setwatermark(served->connection->buffers, EV_WRITE, HTTP_STREAM_WAITING / 2, 0);
	http_connection_listen_for_end(served->connection);
	read_nothing(served);
}

/* Whether the answer may go on. */
static bool send_on(struct http_served *served, struct evbuffer *data)
{
	struct http_stream_state *stream = &served->stream;
	size_t length = evbuffer_get_length(data);

	if (http_reply_bodiless(served))
		return true;
	if (stream->left >= 0) {
		if (length > (uint64_t)stream->left) {
			log_debug("%s: answer cut: longer than was said", served->peer);
			return false;
		}
		stream->left -= (int64_t)length;
	}
	evhttp_send_reply_chunk_with_cb(served->request, data, taken, served);
	read_nothing(served);
	return true;
}

/* All that was given is with the connection. May release the exchange. */
static void finish(struct http_served *served, bool whole)
{
	struct http_stream_state *stream = &served->stream;

	bool last_chunk = served->request->chunked;

	if (!whole || (stream->left > 0 && !http_reply_bodiless(served))) {
		http_reply_cut(served, http_stream_ends_with_connection(served));
		return;
	}
	bufferevent_setwatermark(served->connection->buffers, EV_WRITE, 0, 0);
	evhttp_send_reply_end(served->request);
	/* without it the exchange may be over by now */
	if (last_chunk)
		read_nothing(served);
}

static void flow_on(struct http_served *served, struct evbuffer *data, bool whole)
{
	struct http_stream_state *stream = &served->stream;

	if (!stream->begun)
		begin(served);
	if (!send_on(served, data))
		http_reply_cut(served, http_stream_ends_with_connection(served));
	else if (stream->ending)
		finish(served, whole);
	else
		measure(served);
}

/* The client has left; if that was before there was a stream, the giver does not know yet. */
static void flow_nowhere(struct http_served *served)
{
	struct http_stream_state *stream = &served->stream;

	if (!stream->known)
		http_stream_over(served, false);
	stream->known = true;
	if (stream->ending)
		http_served_free(served);
}

static void flow(struct loop_task *task)
{
	struct http_served *served = of_task(task);
	struct http_stream_state *stream = &served->stream;
	struct evbuffer *data = evbuffer_new();
	bool whole, broken;

	pthread_mutex_lock(&stream->lock);
	if (data == NULL || stream->given == NULL || evbuffer_add_buffer(data, stream->given) < 0)
		stream->broken = true;
	stream->ending = stream->ended;
	stream->posted = false;
	whole = stream->whole;
	broken = stream->broken;
	pthread_mutex_unlock(&stream->lock);

	if (served->connection == NULL) {
		flow_nowhere(served);
	} else if (broken) {
		stream->known = true;
		http_reply_cut(served, stream->begun);
	} else {
		stream->known = true;
		flow_on(served, data, whole);
	}
	if (data != NULL)
		evbuffer_free(data);
}

bool http_stream_ends_with_connection(const struct http_served *served)
{
	const struct http_stream_state *stream = &served->stream;

	return stream->begun && stream->left < 0 && served->minor == 0 &&
	       !http_reply_bodiless(served);
}

bool http_stream_over(struct http_served *served, bool whole)
{
	struct http_stream_state *stream = &served->stream;

	pthread_mutex_lock(&stream->lock);
	stream->client_left = true;
	pthread_mutex_unlock(&stream->lock);
	stream->user.gone(stream->user.context, whole);
	return stream->ending;
}

void http_stream_free(struct http_served *served)
{
	if (!served->streaming)
		return;
	if (served->stream.given != NULL)
		evbuffer_free(served->stream.given);
	pthread_mutex_destroy(&served->stream.lock);
}

/* ---- for the giver ---- */

void http_reply_begin(struct http_served *served, int status, int64_t length,
		      const struct http_stream *user)
{
	struct http_stream_state *stream = &served->stream;

	served->status = status;
	served->streaming = true;
	stream->user = *user;
	stream->left = length;
	stream->given = evbuffer_new();
	stream->broken = served->failed || stream->given == NULL;
	stream->posted = true;
	pthread_mutex_init(&stream->lock, NULL);
	served->task.run = flow;
	loop_post(served->thread->loop, &served->task);
}

int http_reply_more(struct http_served *served, const void *data, size_t size)
{
	struct http_stream_state *stream = &served->stream;
	bool post = false;
	int result = 0;

	pthread_mutex_lock(&stream->lock);
	if (stream->client_left || stream->broken) {
		result = -EPIPE;
	} else if (evbuffer_add(stream->given, data, size) < 0) {
		stream->broken = true;
		result = -EPIPE;
	} else if (stream->output + evbuffer_get_length(stream->given) > HTTP_STREAM_WAITING) {
		stream->wants_room = true;
		result = -EAGAIN;
	}
	post = !stream->posted;
	stream->posted = true;
	pthread_mutex_unlock(&stream->lock);
	if (post)
		loop_post(served->thread->loop, &served->task);
	return result;
}

void http_reply_end(struct http_served *served, bool whole)
{
	struct http_stream_state *stream = &served->stream;
	bool post;

	pthread_mutex_lock(&stream->lock);
	stream->ended = true;
	stream->whole = whole;
	post = !stream->posted;
	stream->posted = true;
	pthread_mutex_unlock(&stream->lock);
	/* when another post is under way, its flow() may have released the exchange by now */
	if (post)
		loop_post(served->thread->loop, &served->task);
}
