/* SPDX-License-Identifier: BSD-2-Clause
 *
 * libcurl may say only after it has closed a socket that it need not be watched. By then another
 * thread may have a file of that number, so the event is taken away when the socket is closed.
 */
#include "origin/http_events.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/event_struct.h>

struct http_events {
	struct event_base *base;
	CURLM *multi;
	struct event timer;
	struct watched_socket **watched; /* by their descriptors; NULL: none */
	size_t watched_size;
	void (*ended)(void *context, CURL *handle, CURLcode code);
	void *context;
	void (*closes)(void *context, int fd);
	void *closes_context;
};

struct watched_socket {
	struct event event;
	struct http_events *events;
};

static void report_ended(struct http_events *events)
{
	struct CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(events->multi, &left)) != NULL)
		if (message->msg == CURLMSG_DONE)
			events->ended(events->context, message->easy_handle, message->data.result);
}

static void act(struct http_events *events, curl_socket_t fd, int what)
{
	int running;

	curl_multi_socket_action(events->multi, fd, what, &running);
	report_ended(events);
}

static void socket_ready(evutil_socket_t fd, short what, void *context)
{
	struct watched_socket *watched = context;

	act(watched->events, fd,
	    (what & EV_READ ? CURL_CSELECT_IN : 0) | (what & EV_WRITE ? CURL_CSELECT_OUT : 0));
}

static void timer_fired(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	act(context, CURL_SOCKET_TIMEOUT, 0);
}

static int set_timer(CURLM *multi, long timeout_ms, void *context)
{
	struct http_events *events = context;
	struct timeval delay = {.tv_sec = timeout_ms / 1000, .tv_usec = (timeout_ms % 1000) * 1000};

	(void)multi;
	if (timeout_ms < 0)
		event_del(&events->timer);
	else
		event_add(&events->timer, &delay);
	return 0;
}

/* ---- sockets ---- */

static bool make_room(struct http_events *events, curl_socket_t fd)
{
	size_t size = (size_t)fd + 1;
	struct watched_socket **watched;

	if (size <= events->watched_size)
		return true;
	size += size / 2;
	watched = realloc(events->watched, size * sizeof(*watched));
	if (watched == NULL)
		return false;
	memset(watched + events->watched_size, 0, (size - events->watched_size) * sizeof(*watched));
	events->watched = watched;
	events->watched_size = size;
	return true;
}

static struct watched_socket *watch(struct http_events *events, curl_socket_t fd)
{
	struct watched_socket *watched;

	if (!make_room(events, fd))
		return NULL;
	watched = calloc(1, sizeof(*watched));
	if (watched == NULL)
		return NULL;
	watched->events = events;
	curl_multi_assign(events->multi, fd, watched);
	return watched;
}

/* Where it was closed before, FD may be another's by now. */
static void unwatch(struct http_events *events, curl_socket_t fd, struct watched_socket *watched)
{
	if (watched != NULL && events->watched[fd] == watched)
		events->watched[fd] = NULL;
	free(watched);
}

static int close_socket(void *context, curl_socket_t fd)
{
	struct http_events *events = context;

	if ((size_t)fd < events->watched_size && events->watched[fd] != NULL) {
		event_del(&events->watched[fd]->event);
		events->watched[fd] = NULL;
	}
	if (events->closes != NULL)
		events->closes(events->closes_context, fd);
	return close(fd);
}

static int watch_socket(CURL *handle, curl_socket_t fd, int what, void *context, void *socket)
{
	struct http_events *events = context;
	struct watched_socket *watched = socket;
	short wanted = EV_PERSIST;

	(void)handle;
	if (watched != NULL)
		event_del(&watched->event);
	if (what == CURL_POLL_REMOVE) {
		unwatch(events, fd, watched);
		return 0;
	}
	if (watched == NULL && (watched = watch(events, fd)) == NULL)
		return -1;
	events->watched[fd] = watched; /* also when it is another socket of that number */
	wanted |= what & CURL_POLL_IN ? EV_READ : 0;
	wanted |= what & CURL_POLL_OUT ? EV_WRITE : 0;
	event_assign(&watched->event, events->base, fd, wanted, socket_ready, watched);
	return event_add(&watched->event, NULL);
}

int http_events_add(struct http_events *events, CURL *handle)
{
	curl_easy_setopt(handle, CURLOPT_CLOSESOCKETFUNCTION, close_socket);
	curl_easy_setopt(handle, CURLOPT_CLOSESOCKETDATA, events);
	return curl_multi_add_handle(events->multi, handle) == CURLM_OK ? 0 : -ENOMEM;
}

void http_events_remove(struct http_events *events, CURL *handle)
{
	curl_multi_remove_handle(events->multi, handle);
}

void http_events_resume(struct http_events *events, CURL *handle)
{
	curl_easy_pause(handle, CURLPAUSE_CONT);
	report_ended(events);
}

static void start_curl(void)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
}

int http_events_create(struct loop *loop, unsigned kept,
		       void (*ended)(void *context, CURL *handle, CURLcode code), void *context,
		       struct http_events **events_out)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct http_events *events = calloc(1, sizeof(*events));

	if (events == NULL)
		return -ENOMEM;
	pthread_once(&once, start_curl);
	events->multi = curl_multi_init();
	if (events->multi == NULL) {
		free(events);
		return -ENOMEM;
	}
	events->base = loop_base(loop);
	events->ended = ended;
	events->context = context;
	evtimer_assign(&events->timer, events->base, timer_fired, events);
	curl_multi_setopt(events->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
	curl_multi_setopt(events->multi, CURLMOPT_SOCKETDATA, events);
	curl_multi_setopt(events->multi, CURLMOPT_TIMERFUNCTION, set_timer);
	curl_multi_setopt(events->multi, CURLMOPT_TIMERDATA, events);
	curl_multi_setopt(events->multi, CURLMOPT_MAXCONNECTS, (long)kept);
	*events_out = events;
	return 0;
}

void http_events_limit(struct http_events *events, unsigned connections)
{
	curl_multi_setopt(events->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)connections);
}

void http_events_closes(struct http_events *events, void (*closes)(void *context, int fd),
			void *context)
{
	events->closes = closes;
	events->closes_context = context;
}

void http_events_free(struct http_events *events)
{
	if (events == NULL)
		return;
	curl_multi_cleanup(events->multi);
	event_del(&events->timer);
	free(events->watched);
	free(events);
}
