/* SPDX-License-Identifier: BSD-2-Clause */
#include "origin/content_answer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALLOWED "GET, HEAD, OPTIONS"

/* ---- headers of a request ---- */

const char *const *content_lines_read(const struct http_served *served, const char *name,
				      struct content_lines *lines_out)
{
	unsigned count = http_served_fields(served, name, lines_out->line, CONTENT_LINES_MAX);

	lines_out->many = count > CONTENT_LINES_MAX;
	lines_out->line[lines_out->many ? CONTENT_LINES_MAX : count] = NULL;
	return count > 0 ? lines_out->line : NULL;
}

const char *content_line_read(const struct http_served *served, const char *name)
{
	const char *line;

	return http_served_fields(served, name, &line, 1) == 1 ? line : NULL;
}

/* ---- short answers ---- */

static const struct {
	int status;
	const char *text;
} reasons[] = {
	{400, "This request cannot be understood."},
	{403, "This may not be read here."},
	{404, "There is nothing here by that name."},
	{405, "Only GET, HEAD and OPTIONS are answered here."},
	{412, "The condition of this request does not hold."},
	{416, "These octets do not exist."},
	{421, "This is another host."},
	{500, "This could not be read."},
	{502, "The origin behind this server gave no usable answer."},
	{503, "Too much is going on here; try again later."},
	{504, "The origin behind this server did not answer in time."},
};

static void put_reason(struct http_served *served, int status)
{
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].status == status) {
			http_reply_header(served, "Content-Type", "text/plain; charset=utf-8");
			http_reply_bytes(served, reasons[i].text, strlen(reasons[i].text));
			http_reply_bytes(served, "\n", 1);
		}
}

void content_exchange_end(struct content_exchange *exchange)
{
	if (exchange->item != NULL)
		exchange->service->source->kind->free_item(exchange->item);
	content_target_clear(&exchange->target);
	free(exchange);
}

void content_answer_status(struct content_exchange *exchange, int status)
{
	struct content_counts *counts = &exchange->service->counts;

	if (status >= 500)
		content_count(status == 503 ? &counts->busy : &counts->unreadable, 1);
	put_reason(exchange->served, status);
	http_reply(exchange->served, status);
	content_exchange_end(exchange);
}

void content_answer_nobody(struct content_exchange *exchange)
{
	http_reply_none(exchange->served);
	content_exchange_end(exchange);
}

void content_answer_error(struct content_exchange *exchange, int error)
{
	int status;

	switch (error) {
	case -ENOENT:
		status = 404;
		break;
	case -EACCES:
	case -EPERM:
		status = 403;
		break;
	case -EAGAIN:
	case -ENOMEM:
	case -EMFILE:
	case -ENFILE:
	case -ECANCELED:
	case -ESTALE: /* it changes all the time */
		status = 503;
		break;
	case -ETIMEDOUT:
		status = 504;
		break;
	case -EREMOTEIO:
	case -EHOSTUNREACH:
	case -ECONNRESET:
	case -EBADMSG:
	case -EPROTO:
	case -ENOTDIR:
	case -ELOOP:
		status = 502;
		break;
	default:
		status = 500;
	}
	content_answer_status(exchange, status);
}

/* ---- the request line and Host ---- */

/* RFC 9112 section 3.2. 0, or the status that refuses. */
static int judge_host(const struct http_served *served, const struct content_target *target)
{
	const char *host = content_line_read(served, "Host"), *none;
	unsigned count = http_served_fields(served, "Host", &none, 1);

	if (count > 1 || (count == 0 && http_served_minor(served) > 0))
		return 400;
	if (host != NULL && !content_host_possible(host, strlen(host)))
		return 400;
	if (target->authority == NULL)
		return 0;
	if (target->authority_length == 0 ||
	    !content_host_possible(target->authority, target->authority_length))
		return 400;
	return target->tls == http_served_tls(served) &&
			       content_host_is_here(target->authority, target->authority_length)
		       ? 0
		       : 421;
}

/* 0, or the status of the refusal. */
static int read_request(struct content_exchange *exchange)
{
	int error = content_target_read(http_served_target(exchange->served), &exchange->target);

	if (error == -EINVAL)
		return 400;
	if (error == -ENOENT)
		return 404;
	if (error < 0)
		return 503;
	return judge_host(exchange->served, &exchange->target);
}

static void answer_method(struct content_exchange *exchange, int status)
{
	http_reply_header(exchange->served, "Allow", ALLOWED);
	content_answer_status(exchange, status);
}

/* ---- what was looked up ---- */

static void redirect(struct content_exchange *exchange)
{
	char *location = content_target_location(&exchange->target);

	if (location == NULL) {
		content_answer_status(exchange, 503);
		return;
	}
	http_reply_header(exchange->served, "Location", "%s", location);
	free(location);
	content_answer_status(exchange, 301);
}

static void looked(void *context, int error, struct content_item *item)
{
	struct content_exchange *exchange = context;

	exchange->item = item;
	if (error < 0)
		content_answer_error(exchange, error);
	else if (item->kind == ENTRY_FILE && !exchange->target.slash)
		content_answer_file(exchange);
	else if (item->kind == ENTRY_FILE)
		content_answer_status(exchange, 404);
	else if (exchange->target.slash)
		content_answer_folder(exchange);
	else
		redirect(exchange);
}

static void look_now(struct content_exchange *exchange)
{
	struct content_source *source = exchange->service->source;
	struct content_item *item;

	if (source->kind->look_now != NULL &&
	    source->kind->look_now(source, exchange->target.path, &item) == 0)
		looked(exchange, 0, item);
	else
		content_exchange_again(exchange);
}

static void run(struct pool_job *job)
{
	struct content_exchange *exchange = (struct content_exchange *)job;
	const char *method = http_served_method(exchange->served);
	struct content_source *source = exchange->service->source;
	int refusal = exchange->target.path == NULL ? read_request(exchange) : 0;

	if (!exchange->at_once && http_served_left(exchange->served, exchange->hurried))
		content_answer_nobody(exchange);
	else if (refusal != 0)
		content_answer_status(exchange, refusal);
	else if (strcmp(method, "OPTIONS") == 0)
		answer_method(exchange, 200);
	else if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
		answer_method(exchange, 405);
	else if (exchange->target.server)
		content_answer_status(exchange, 400);
	else if (exchange->at_once)
		look_now(exchange);
	else
		source->kind->look(source, exchange->target.path, looked, exchange);
}

void content_exchange_again(struct content_exchange *exchange)
{
	exchange->at_once = false;
	pool_submit(exchange->service->pool, POOL_READER, &exchange->job);
}

void content_answer(void *context, struct http_served *served)
{
	struct content_exchange *exchange = calloc(1, sizeof(*exchange));
	struct content_service *service = context;

	content_count(&service->counts.requests, 1);
	if (exchange == NULL) {
		content_count(&service->counts.busy, 1);
		http_reply(served, 503);
		return;
	}
	exchange->job.run = run;
	exchange->service = service;
	exchange->served = served;
	exchange->at_once = true;
	run(&exchange->job);
}
