/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The names in a directory. How an origin lists is its dialect, found at the first contact and
 * remembered:
 *
 *   dav   OPTIONS on the root says DAV class 1 (RFC 4918 section 18.1): PROPFIND with depth 1. Some
 *         servers and what stands before them cut or swallow OPTIONS, which says only "not DAV"
 *   s3    a GET of a directory answers with a ListBucketResult: ListObjectsV2, page by page. Where
 *         ORIGIN is a folder in a bucket (s3-host, s3-path) that GET answers that there is nothing;
 *         then the bucket is looked for above before that is believed
 *   web   anything else: GET of the directory
 *
 * The loop thread and the pump's pool job share nothing but the pump; an operation that has failed
 * or is cancelled waits for the job to come back.
 */
#include "origin/origin_http.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "origin/listing_pump.h"

/* Our choice: who has not said by then that it is DAV is not. */
#define OPTIONS_MS 3000u

static const char propfind_body[] =
	"<?xml version=\"1.0\" encoding=\"utf-8\"?>"
	"<propfind xmlns=\"DAV:\"><prop><resourcetype/><getcontentlength/><getlastmodified/>"
	"<getetag/></prop></propfind>";

struct http_list {
	struct listing_pump pump; /* first */
	struct http_op *op;
	struct directory *directory;
	enum http_dialect asked; /* the way of the query in progress */
	bool refused;            /* PROPFIND was */
	int error;               /* how the query ended, while the job is not back yet */
	int first_error;         /* of the GET, while a bucket is looked for */
};

static void send_list(struct http_op *op, enum http_dialect dialect);

/* ---- the end ---- */

static void free_list(struct http_op *op)
{
	if (op->list == NULL)
		return;
	pump_clear(&op->list->pump);
	directory_free(op->list->directory);
	free(op->list);
	op->list = NULL;
}

static void end_list(struct http_op *op)
{
	struct directory *directory = op->list->directory;

	op->list->directory = NULL;
	free_list(op);
	http_op_clear(op);
	origin_end_list(&op->request, 0, directory);
}

static void fail_list(struct http_op *op, int error)
{
	free_list(op);
	if (error != -ECANCELED) {
		http_try_failed(op, error);
		return;
	}
	http_op_clear(op);
	origin_end_list(&op->request, error, NULL);
}

/* ---- looking for the bucket ---- */

static bool is_unknown_root(const struct http_op *op)
{
	return op->origin->dialect == DIALECT_UNKNOWN && op->request.path[0] == '\0';
}

/* What to ask as when the query as ASKED ended in ERROR; DIALECT_UNKNOWN: nothing. */
static enum http_dialect next_guess(const struct http_op *op, int error)
{
	const struct origin_root *root = &op->origin->root;
	enum http_dialect asked = op->list->asked;

	if (!is_unknown_root(op) || error == -ECANCELED || origin_transient(error))
		return DIALECT_UNKNOWN;
	if (asked == DIALECT_WEB && error != -ENOENT && error != -EACCES)
		return DIALECT_UNKNOWN;
	if (asked == DIALECT_WEB && origin_s3_possible(root, S3_BUCKET_HOST))
		return DIALECT_S3_HOST;
	if (asked == DIALECT_S3_HOST && origin_s3_possible(root, S3_BUCKET_PATH))
		return DIALECT_S3_PATH;
	return DIALECT_UNKNOWN;
}

/* Asks again, as another dialect, into an empty directory. */
static void start_over(struct http_op *op, enum http_dialect dialect)
{
	struct http_list *list = op->list;
	int error;

	pump_clear(&list->pump);
	directory_free(list->directory);
	list->directory = NULL;
	error = directory_create(op->request.path[0] == '\0', &list->directory);
	if (error < 0)
		fail_list(op, error);
	else
		send_list(op, dialect);
}

/* The exchange is over; the pool job may be not. */
static void query_failed(struct http_op *op, int error)
{
	struct http_list *list = op->list;
	enum http_dialect guess;

	if (list->pump.working) {
		list->error = error;
		return;
	}
	list->error = 0;
	guess = next_guess(op, error);
	if (list->first_error == 0)
		list->first_error = error;
	if (guess != DIALECT_UNKNOWN)
		start_over(op, guess);
	else
		fail_list(op, error == -ECANCELED ? error : list->first_error);
}

void http_list_cancel(struct http_op *op)
{
	http_cancel(&op->exchange);
	if (op->list == NULL)
		fail_list(op, -ECANCELED);
	else
		query_failed(op, -ECANCELED);
}

/* ---- a body has been read ---- */

static void body_read(struct http_op *op)
{
	struct http_list *list = op->list;
	bool is_s3 = strcmp(listing_name(list->pump.listing), "s3") == 0;
	enum s3_bucket bucket;

	if (!http_dialect_is_s3(list->asked, &bucket)) {
		op->origin->dialect = is_s3 ? DIALECT_S3 : list->asked;
		if (is_s3)
			start_over(op, DIALECT_S3);
		else
			end_list(op);
	} else if (!is_s3) {
		query_failed(op, -ENOTDIR);
	} else {
		op->origin->dialect = list->asked;
		if (listing_continuation(list->pump.listing) != NULL)
			send_list(op, list->asked);
		else
			end_list(op);
	}
}

static void pump_moved(struct listing_pump *pump)
{
	struct http_list *list = (struct http_list *)pump;
	struct http_op *op = list->op;

	if (pump->working) {
		http_resume(&op->exchange);
	} else if (list->error < 0) {
		query_failed(op, list->error);
	} else if (pump->error < 0) {
		http_cancel(&op->exchange);
		query_failed(op, pump->error);
	} else if (pump->finished) {
		body_read(op);
	} else {
		http_resume(&op->exchange);
	}
}

/* ---- asking for the list ---- */

static int refusal(struct http_op *op, long status)
{
	if (op->list->asked != DIALECT_DAV || (status >= 500 && status != 501) || status == 429 ||
	    status == 404 || status == 410)
		return http_status_error(status);
	op->list->refused = true;
	return -EPROTO;
}

static int list_answered(struct http_op *op, const struct http_answer *answer)
{
	struct http_list *list = op->list;
	int64_t length;

	if (answer->status != (list->asked == DIALECT_DAV ? 207 : 200))
		return refusal(op, answer->status);
	if (http_answer_length(answer, &length) < 0)
		return -EBADMSG;
	if (length > (int64_t)ORIGIN_LISTING_MAX)
		return -EFBIG;
	return pump_begin(&list->pump, op->url, http_answer_header(answer, "Content-Type"),
			  list->directory);
}

static int list_body(struct http_op *op, const void *data, size_t length)
{
	return pump_push(&op->list->pump, data, length);
}

static void list_received(struct http_op *op, int error)
{
	struct http_list *list = op->list;

	if (list->refused) {
		list->refused = false;
		op->origin->dialect = DIALECT_WEB;
		send_list(op, DIALECT_WEB);
	} else if (error < 0) {
		query_failed(op, error);
	} else {
		pump_end(&list->pump);
	}
}

static const struct http_step list_step = {
	.head = list_answered, .body = list_body, .done = list_received};

static char *directory_url(struct http_op *op)
{
	return origin_url_make(&op->origin->root, op->request.path, ORIGIN_URL_DIRECTORY, NULL);
}

bool http_dialect_is_s3(enum http_dialect dialect, enum s3_bucket *bucket_out)
{
	if (dialect < DIALECT_S3)
		return false;
	*bucket_out = (enum s3_bucket)(dialect - DIALECT_S3);
	return true;
}

static char *page_url(struct http_op *op, enum s3_bucket bucket)
{
	struct listing *before = op->list->pump.listing;

	return origin_s3_list_url(&op->origin->root, bucket, op->request.path,
				  before != NULL ? listing_continuation(before) : NULL);
}

static void send_list(struct http_op *op, enum http_dialect dialect)
{
	enum s3_bucket bucket;

	op->list->asked = dialect;
	if (dialect == DIALECT_DAV) {
		http_query(op, &list_step, "PROPFIND", directory_url(op));
		op->exchange.payload = propfind_body;
		http_line(&op->exchange, "Depth: 1");
		http_line(&op->exchange, "Content-Type: application/xml; charset=utf-8");
	} else {
		http_query(op, &list_step, "GET",
			   http_dialect_is_s3(dialect, &bucket) ? page_url(op, bucket)
								: directory_url(op));
		http_line(&op->exchange, "Accept: text/html, application/json;q=0.9, "
					 "application/xml;q=0.9, */*;q=0.5");
	}
	http_query_go(op);
}

static void send_first_list(struct http_op *op)
{
	enum http_dialect dialect = op->origin->dialect;

	send_list(op, dialect == DIALECT_UNKNOWN ? DIALECT_WEB : dialect);
}

/* ---- the first contact ---- */

/* A comma list of which one item is "1". */
static bool is_class_1(const char *classes)
{
	for (const char *at = classes; at != NULL; at = strchr(at, ',')) {
		at += strspn(at, ", \t");
		if (at[0] == '1' && strchr(", \t", at[1]) != NULL)
			return true;
	}
	return false;
}

static int options_answered(struct http_op *op, const struct http_answer *answer)
{
	if (is_class_1(http_answer_header(answer, "DAV")))
		op->origin->dialect = DIALECT_DAV;
	op->origin->options_asked = true;
	return 0;
}

/* Whether the origin is there at all is for the question that follows to find. */
static void options_received(struct http_op *op, int error)
{
	(void)error;
	send_first_list(op);
}

static const struct http_step options_step = {.head = options_answered, .done = options_received};

static int new_list(struct http_op *op)
{
	struct http_list *list = calloc(1, sizeof(*list));
	int error;

	if (list == NULL)
		return -ENOMEM;
	error = directory_create(op->request.path[0] == '\0', &list->directory);
	if (error < 0) {
		free(list);
		return error;
	}
	list->op = op;
	list->pump.pool = op->request.origin->pool;
	list->pump.loop = op->request.origin->loop;
	list->pump.moved = pump_moved;
	op->list = list;
	return 0;
}

static void try_list(struct http_op *op)
{
	const struct http_origin *origin = op->origin;
	unsigned left = http_time_left(op);
	int error = new_list(op);

	if (error < 0) {
		fail_list(op, error);
		return;
	}
	if (origin->dialect != DIALECT_UNKNOWN || origin->options_asked) {
		send_first_list(op);
		return;
	}
	http_query(op, &options_step, "OPTIONS",
		   origin_url_make(&origin->root, "", ORIGIN_URL_DIRECTORY, NULL));
	op->exchange.timeout_ms = left < OPTIONS_MS ? left : OPTIONS_MS;
	http_query_go(op);
}

void http_list_start(struct http_op *op)
{
	http_try(op, try_list);
}
