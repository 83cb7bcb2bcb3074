/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The HTTP origin: opening, closing, and handing requests to the files that know them.
 */
#include "origin/origin_http.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* As written into the catalog. */
static const char *const dialect_names[] = {
	[DIALECT_UNKNOWN] = "", [DIALECT_WEB] = "web",         [DIALECT_DAV] = "dav",
	[DIALECT_S3] = "s3",    [DIALECT_S3_HOST] = "s3-host", [DIALECT_S3_PATH] = "s3-path"};

static struct http_origin *http_origin(struct origin *origin)
{
	return (struct http_origin *)origin;
}

void http_op_clear(struct http_op *op)
{
	http_cancel(&op->exchange);
	if (op->again != NULL)
		event_del(&op->back_off);
	if (op->trial)
		outage_trial_over(&op->origin->outage, loop_clock_ms());
	free(op->url);
	free(op->next_url);
	op->url = op->next_url = NULL;
}

static void start(struct origin_request *request)
{
	struct http_op *op = (struct http_op *)request;

	op->origin = http_origin(request->origin);
	switch (request->operation) {
	case ORIGIN_STAT:
		http_stat_start(op);
		break;
	case ORIGIN_LIST:
		http_list_start(op);
		break;
	case ORIGIN_READ:
		http_read_start(op);
		break;
	case ORIGIN_ASK:
		http_ask_start(op);
		break;
	}
}

static void cancel(struct origin_request *request)
{
	struct http_op *op = (struct http_op *)request;

	switch (request->operation) {
	case ORIGIN_STAT:
		http_stat_cancel(op);
		break;
	case ORIGIN_LIST:
		http_list_cancel(op);
		break;
	case ORIGIN_READ:
	case ORIGIN_ASK:
		http_op_clear(op);
		origin_end_failed(request, -ECANCELED);
		break;
	}
}

static void resume(struct origin_request *request)
{
	http_resume(&((struct http_op *)request)->exchange);
}

static void hurry(struct origin_request *request)
{
	request->priority = ORIGIN_READER;
	http_hurry(&((struct http_op *)request)->exchange);
}

static void tell_dialect(struct origin *origin, char *buffer, size_t size)
{
	snprintf(buffer, size, "%s", dialect_names[http_origin(origin)->dialect]);
}

static void tell_url(struct origin *origin, const char *path, char *buffer, size_t size)
{
	struct origin_root shown = http_origin(origin)->root;
	char no_query[] = "", *url;

	shown.query = no_query;
	url = origin_url_make(&shown, path, ORIGIN_URL_FILE, NULL);
	snprintf(buffer, size, "%s", url != NULL ? url : "");
	free(url);
}

static uint64_t octets(struct origin *origin)
{
	return http_client_octets(http_origin(origin)->client);
}

static void free_origin(struct http_origin *origin)
{
	http_client_free(origin->client);
	http_setup_free(origin->setup);
	origin_root_clear(&origin->root);
	free(origin);
}

static void close_origin(struct origin *origin)
{
	free_origin(http_origin(origin));
}

static const struct origin_kind http_kind = {
	.request_size = sizeof(struct http_op),
	.start = start,
	.cancel = cancel,
	.resume = resume,
	.hurry = hurry,
	.dialect = tell_dialect,
	.url = tell_url,
	.close = close_origin,
	.octets = octets,
};

static enum http_dialect dialect_named(const char *name)
{
	for (unsigned i = 0; name != NULL && i < sizeof(dialect_names) / sizeof(*dialect_names);
	     i++)
		if (strcmp(name, dialect_names[i]) == 0)
			return (enum http_dialect)i;
	return DIALECT_UNKNOWN;
}

int origin_http_open(const struct origin_options *options, struct loop *loop,
		     struct origin **origin_out, char *message, size_t message_size)
{
	struct http_origin *origin = calloc(1, sizeof(*origin));
	int error;

	if (origin == NULL)
		return -ENOMEM;
	error = origin_root_parse(options->url, &origin->root, message, message_size);
	if (error == 0)
		error = http_setup_create(options, origin->root.host, &origin->setup, message,
					  message_size);
	if (error == 0)
		error = http_client_create(loop, origin->setup, options->connections,
					   &origin->client);
	if (error < 0) {
		free_origin(origin);
		return error;
	}
	origin->origin.kind = &http_kind;
	origin->timeout_ms = options->timeout * 1000;
	origin->dialect = dialect_named(options->dialect);
	*origin_out = &origin->origin;
	return 0;
}
