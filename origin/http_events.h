/* SPDX-License-Identifier: BSD-2-Clause
 *
 * libcurl's multi handle on the loop: its sockets and its timer become events. Loop thread only.
 */
#ifndef ORIGIN_HTTP_EVENTS_H
#define ORIGIN_HTTP_EVENTS_H

#include <curl/curl.h>

#include "origin/loop.h"

struct http_events;

/* KEPT: idle connections, at most. ENDED is called for each transfer that has ended, outside of
 * curl's callbacks; it must remove the handle, and may add and remove any. */
int http_events_create(struct loop *loop, unsigned kept,
		       void (*ended)(void *context, CURL *handle, CURLcode code), void *context,
		       struct http_events **events_out);
void http_events_free(struct http_events *events);
/* Connections that are open at a time, idle ones included, which make room. Transfers wait for one
 * beyond it. */
void http_events_limit(struct http_events *events, unsigned connections);
/* CLOSES is told of each connection's socket before it is closed. */
void http_events_closes(struct http_events *events, void (*closes)(void *context, int fd),
			void *context);
/* 0 or -ENOMEM. */
int http_events_add(struct http_events *events, CURL *handle);
void http_events_remove(struct http_events *events, CURL *handle);
void http_events_resume(struct http_events *events, CURL *handle);

#endif
