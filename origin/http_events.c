/* SPDX-License-Identifier: BSD-2-Clause */
#include "origin/http_events.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include <event2/event.h>
#include <event2/event_struct.h>

struct http_events {
	struct event_base *base;
	CURLM *multi;
	struct event timer;
	void (*ended)(void *context, CURL *handle, CURLcode code);
	void *context;
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

static int watch_socket(CURL *handle, curl_socket_t fd, int what, void *context, void *socket)
{
	struct http_events *events = context;
	struct watched_socket *watched = socket;
	short wanted = EV_PERSIST;

	(void)handle;
	if (watched != NULL)
		event_del(&watched->event);
	if (what == CURL_POLL_REMOVE) {
		free(watched);
		return 0;
	}
	if (watched == NULL) {
		watched = calloc(1, sizeof(*watched));
		if (watched == NULL)
			return -1;
		watched->events = events;
		curl_multi_assign(events->multi, fd, watched);
	}
	wanted |= what & CURL_POLL_IN ? EV_READ : 0;
	wanted |= what & CURL_POLL_OUT ? EV_WRITE : 0;
	event_assign(&watched->event, events->base, fd, wanted, socket_ready, watched);
	return event_add(&watched->event, NULL);
}

int http_events_add(struct http_events *events, CURL *handle)
{
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

void http_events_free(struct http_events *events)
{
	if (events == NULL)
		return;
	curl_multi_cleanup(events->multi);
	event_del(&events->timer);
	free(events);
}
