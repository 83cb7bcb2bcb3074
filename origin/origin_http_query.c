/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A query: one request and those its redirects lead to. Each hop is an exchange of its own, so
 * that credentials are given, and addresses judged, hop by hop.
 */
#include "origin/origin_http.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REDIRECTS_MAX 10
/* Our choice: reading so much of a body that nobody wants is cheaper than a new connection. */
#define DROPPED_MAX (64u << 10)
/* Our choice: an origin that asks for more time than this does not get it. */
#define RETRY_AFTER_MAX_SECONDS 5

static struct http_op *from_exchange(struct http_exchange *exchange)
{
	return (struct http_op *)((char *)exchange - offsetof(struct http_op, exchange));
}

static bool is_redirect(long status)
{
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* Whether the target lies where only an ORIGIN of the same sort may lead. Names that resolve to
 * such addresses are found when connecting, in http_client.c. */
static bool leads_inside(const struct http_op *op, const struct origin_redirect *redirect)
{
	return redirect->local && !origin_host_is_local(op->origin->root.host) &&
	       !http_client_home_is_local(op->origin->client);
}

static int see_redirect(struct http_op *op, const char *location)
{
	struct origin_redirect redirect;
	int error = origin_url_redirect(op->url, location, &redirect);

	if (redirect.slash && op->slash_ends) {
		if (error == 0)
			free(redirect.url);
		op->slash = true;
		return 0;
	}
	if (error < 0)
		return error;
	if (op->redirects >= REDIRECTS_MAX || leads_inside(op, &redirect)) {
		free(redirect.url);
		return -ELOOP;
	}
	op->redirects++;
	op->next_url = redirect.url;
	return 0;
}

static void see_retry_after(struct http_op *op, const struct http_answer *answer)
{
	const char *text = http_answer_header(answer, "Retry-After");
	unsigned long seconds = text != NULL ? strtoul(text, NULL, 10) : 0;

	if (seconds > RETRY_AFTER_MAX_SECONDS)
		seconds = RETRY_AFTER_MAX_SECONDS;
	op->retry_after_ms = (int64_t)seconds * 1000;
}

/* Content information for somebody else: a cache on the way has not looked at Vary. */
static bool see_unasked(struct http_op *op, const struct http_answer *answer)
{
	struct pccrtp_answer said;

	if (op->request.operation == ORIGIN_ASK ||
	    http_answer_header(answer, "Content-Encoding") == NULL)
		return false;
	op->unasked = http_ask_answer(answer, &said) < 0 || said.encoded || said.stacked;
	return op->unasked;
}

static int see_answer(struct http_op *op, const struct http_answer *answer)
{
	bool success = answer->status >= 200 && answer->status <= 299;

	if (success && (see_unasked(op, answer) || answer->undecodable))
		return -EBADMSG;
	return op->step->head(op, answer);
}

static int see_head(struct http_exchange *exchange, const struct http_answer *answer)
{
	struct http_op *op = from_exchange(exchange);
	const char *location = NULL;

	if (exchange->home)
		outage_answered(&op->origin->outage);
	see_retry_after(op, answer);
	if (is_redirect(answer->status))
		location = http_answer_header(answer, "Location");
	return location != NULL ? see_redirect(op, location) : see_answer(op, answer);
}

static int see_body(struct http_exchange *exchange, const void *data, size_t length)
{
	struct http_op *op = from_exchange(exchange);

	if (op->next_url == NULL && !op->slash && op->step->body != NULL)
		return op->step->body(op, data, length);
	op->dropped += length;
	return op->dropped <= DROPPED_MAX ? 0 : -ECANCELED;
}

static bool still_wanted(const struct http_exchange *exchange)
{
	const struct origin_request *request =
		&((const struct http_op *)((const char *)exchange -
					   offsetof(struct http_op, exchange)))
			 ->request;

	return request->operation != ORIGIN_READ || request->reader.wanted == NULL ||
	       request->reader.wanted(request->context);
}

static void exchange_done(struct http_exchange *exchange, int error)
{
	struct http_op *op = from_exchange(exchange);

	if (op->unasked && !op->past_caches) {
		op->past_caches = true;
		http_line(exchange, "Cache-Control: no-cache");
		http_query_go(op);
		return;
	}
	if (op->next_url == NULL) {
		op->step->done(op, op->slash ? 0 : error);
		return;
	}
	free(op->url);
	op->url = op->next_url;
	op->next_url = NULL;
	http_query_go(op);
}

void http_query(struct http_op *op, const struct http_step *step, const char *method, char *url)
{
	free(op->url);
	op->url = url;
	op->step = step;
	op->redirects = 0;
	op->slash_ends = op->slash = op->past_caches = false;
	op->exchange.method = method;
	op->exchange.payload = NULL;
	op->exchange.timeout_ms = 0;
	op->exchange.as_sent = false;
	op->exchange.urgent = op->request.priority == ORIGIN_READER;
	op->exchange.shared = op->request.priority == ORIGIN_SHARED;
	op->exchange.head = see_head;
	op->exchange.body = see_body;
	op->exchange.done = exchange_done;
	op->exchange.wanted = still_wanted;
	http_drop_lines(&op->exchange);
}

void http_query_go(struct http_op *op)
{
	op->dropped = 0;
	op->unasked = false;
	op->retry_after_ms = 0;
	if (op->url == NULL) {
		op->step->done(op, -ENOMEM);
		return;
	}
	op->exchange.url = op->url;
	op->exchange.home = op->redirects == 0 || origin_url_is_home(&op->origin->root, op->url);
	http_start(op->origin->client, &op->exchange);
}

void http_query_range(struct http_op *op, uint64_t offset, uint64_t length)
{
	int written = snprintf(op->range_line, sizeof(op->range_line), "Range: bytes=%llu-",
			       (unsigned long long)offset);

	if (length > 0)
		snprintf(op->range_line + written, sizeof(op->range_line) - (size_t)written, "%llu",
			 (unsigned long long)(offset + length - 1));
	http_line(&op->exchange, op->range_line);
}
