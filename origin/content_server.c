/* SPDX-License-Identifier: BSD-2-Clause */
#include "origin/content_server.h"

#include <errno.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cache/log.h"
#include "origin/content_answer.h"
#include "origin/content_waiting.h"
#include "origin/content_walk.h"

struct content_server {
	struct content_service service;
	struct http_server *http;
	struct content_walk *walk; /* NULL: none */
};

static int start_http(struct content_server *server, const struct content_server_options *options,
		      char *message, size_t message_size)
{
	const struct http_server_options http = {
		.listen = options->listen,
		.tls_listen = options->tls_listen,
		.tls_cert = options->tls_cert,
		.tls_key = options->tls_key,
		.timeout = CONTENT_SERVER_TIMEOUT,
		.connections = options->connections,
		.body_limit = CONTENT_SERVER_BODY_MAX,
		.handle = content_answer,
		.context = &server->service,
	};

	return http_server_create(&http, &server->http, message, message_size);
}

/* Only costs the hashes that are made ahead. */
static void start_walk(struct content_server *server, const struct content_server_options *options)
{
	int error = content_walk_start(options->walked, options->min_size, options->publish,
				       &server->walk);

	if (error < 0)
		log_warning("nothing is hashed ahead: %s", strerror(-error));
}

static int start(struct content_server *server, const struct content_server_options *options,
		 char *message, size_t message_size)
{
	int error = content_waiting_create(CONTENT_SERVER_WAITERS, CONTENT_SERVER_WAIT_MS,
					   &server->service.waiting);

	if (error < 0) {
		snprintf(message, message_size, "cannot start the server: %s", strerror(-error));
		return error;
	}
	error = start_http(server, options, message, message_size);
	if (error == 0 && options->walked >= 0)
		start_walk(server, options);
	return error;
}

int content_server_create(const struct content_server_options *options,
			  struct content_server **server_out, char *message, size_t message_size)
{
	struct content_server *server = calloc(1, sizeof(*server));
	int error;

	if (server == NULL) {
		snprintf(message, message_size, "cannot start the server: out of memory");
		return -ENOMEM;
	}
	server->service.source = options->source;
	server->service.publish = options->publish;
	server->service.pool = options->pool;
	server->service.versions = options->versions;
	server->service.min_size = options->min_size;
	error = start(server, options, message, message_size);
	if (error < 0) {
		content_server_free(server);
		return error;
	}
	*server_out = server;
	return 0;
}

int content_server_address(const struct content_server *server, unsigned index, char *buffer,
			   size_t size)
{
	return http_server_address(server->http, index, buffer, size);
}

void content_server_counters(const struct content_server *server,
			     struct content_server_counters *counters_out)
{
	const struct content_counts *counts = &server->service.counts;

	*counters_out = (struct content_server_counters){
		.requests = atomic_load(&counts->requests),
		.octets = atomic_load(&counts->octets),
		.informations = atomic_load(&counts->informations),
		.information_octets = atomic_load(&counts->information_octets),
		.unreadable = atomic_load(&counts->unreadable),
		.busy = atomic_load(&counts->busy),
	};
}

struct look {
	sem_t done;
	int error;
	struct content_item *item;
};

static void looked(void *context, int error, struct content_item *item)
{
	struct look *look = context;

	look->error = error;
	look->item = error == 0 ? item : NULL;
	sem_post(&look->done);
}

int content_server_forget(struct content_server *server, const char *path)
{
	struct content_source *source = server->service.source;
	struct publish_subject subject;
	struct look look;

	sem_init(&look.done, 0, 0);
	source->kind->look(source, path, looked, &look);
	while (sem_wait(&look.done) < 0)
		;
	sem_destroy(&look.done);
	if (look.error == 0 && look.item->publishable) {
		source->kind->subject(look.item, &subject);
		publish_forget(server->service.publish, subject.name);
	} else if (look.error == 0) {
		look.error = -ENODATA;
	}
	if (look.item != NULL)
		source->kind->free_item(look.item);
	return look.error;
}

/* Those who wait are answered before the HTTP server waits for their answers. */
void content_server_stop(struct content_server *server)
{
	if (server->http != NULL)
		http_server_stop(server->http);
	if (server->service.waiting != NULL)
		content_waiting_stop(server->service.waiting);
	if (server->service.source->kind->stop != NULL)
		server->service.source->kind->stop(server->service.source);
	http_server_free(server->http);
	server->http = NULL;
	if (server->walk != NULL)
		content_walk_stop(server->walk);
}

void content_server_free(struct content_server *server)
{
	if (server == NULL)
		return;
	content_server_stop(server);
	content_waiting_free(server->service.waiting);
	content_walk_free(server->walk);
	free(server);
}
