/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a path is: HEAD; where that is refused, a GET of the first octet. In an S3 bucket, where
 * directories are but what keys have in common, a path without an object is a directory if a key
 * lies below it.
 */
#include "origin/origin_http.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void send_query(struct http_op *op);

static bool is_root_directory(const struct http_op *op)
{
	const char *path = op->origin->root.path;

	return op->request.path[0] == '\0' && path[strlen(path) - 1] == '/';
}

static void become_directory(struct entry *entry)
{
	struct entry directory = {.kind = ENTRY_DIRECTORY, .size = -1, .mtime = -1};

	directory.checked = time(NULL);
	*entry = directory;
}

static bool refuses_head(long status)
{
	return status == 400 || status == 403 || status == 405 || status == 501;
}

static int head_answered(struct http_op *op, const struct http_answer *answer)
{
	if (refuses_head(answer->status)) {
		op->stat.head_refused = true;
		return 0;
	}
	if (answer->status != 200)
		return http_status_error(answer->status);
	op->stat.known = http_entry_whole(answer, &op->stat.entry) == 0;
	http_entry_said(answer, &op->stat.said);
	return op->stat.known ? 0 : -EBADMSG;
}

static int get_answered(struct http_op *op, const struct http_answer *answer)
{
	uint64_t carried;
	int error;

	if (answer->status == 206)
		error = http_entry_part(answer, 0, 1, &op->stat.entry, &carried);
	else if (answer->status == 416)
		error = http_entry_unsatisfied(answer, &op->stat.entry);
	else if (answer->status == 200)
		error = http_entry_whole(answer, &op->stat.entry);
	else
		error = http_status_error(answer->status);
	op->stat.get_refused = answer->status == 405;
	if (error < 0)
		return error;
	if (answer->status == 200)
		op->stat.entry.flags |= ENTRY_NO_RANGES;
	http_entry_said(answer, &op->stat.said);
	op->stat.known = true;
	op->origin->head_refused = true;
	return 0;
}

static void end_stat(struct http_op *op)
{
	struct entry entry = op->stat.entry;

	http_op_clear(op);
	if (entry.kind == ENTRY_FILE)
		op->request.said = &op->stat.said;
	origin_end_stat(&op->request, 0, &entry);
}

/* ---- S3 ---- */

/* Enough for a page with one key, whose beginning tells. */
#define PROBE_MAX 8192

static int probe_answered(struct http_op *op, const struct http_answer *answer)
{
	(void)op;
	return answer->status == 200 ? 0 : http_status_error(answer->status);
}

static int probe_body(struct http_op *op, const void *data, size_t length)
{
	size_t room = PROBE_MAX - op->stat.probe_length;

	if (length > room)
		length = room;
	memcpy(op->stat.probe + op->stat.probe_length, data, length);
	op->stat.probe_length += length;
	return 0;
}

static bool page_has_key(const char *page)
{
	return strstr(page, "<Contents>") != NULL || strstr(page, "<CommonPrefixes>") != NULL;
}

static void probe_received(struct http_op *op, int error)
{
	if (error == 0 && !page_has_key(op->stat.probe))
		error = -ENOENT;
	free(op->stat.probe);
	op->stat.probe = NULL;
	if (error < 0) {
		http_try_failed(op, error);
		return;
	}
	become_directory(&op->stat.entry);
	end_stat(op);
}

static const struct http_step probe_step = {
	.head = probe_answered, .body = probe_body, .done = probe_received};

static bool may_be_prefix(const struct http_op *op, int error)
{
	enum s3_bucket bucket;

	return error == -ENOENT && op->request.path[0] != '\0' &&
	       http_dialect_is_s3(op->origin->dialect, &bucket);
}

static void send_probe(struct http_op *op)
{
	enum s3_bucket bucket = S3_BUCKET_ALL;

	http_dialect_is_s3(op->origin->dialect, &bucket);
	op->stat.probe = calloc(1, PROBE_MAX + 1);
	op->stat.probe_length = 0;
	if (op->stat.probe == NULL) {
		http_try_failed(op, -ENOMEM);
		return;
	}
	http_query(op, &probe_step, "GET",
		   origin_s3_probe_url(&op->origin->root, bucket, op->request.path));
	op->exchange.timeout_ms = http_time_left(op);
	http_query_go(op);
}

/* ---- WebDAV collections that answer only with their slash ---- */

static int slash_answered(struct http_op *op, const struct http_answer *answer)
{
	if (answer->status != 200)
		return -EPROTO;
	become_directory(&op->stat.entry);
	op->stat.known = true;
	return 0;
}

static void slash_received(struct http_op *op, int error)
{
	if (op->stat.known)
		end_stat(op);
	else
		http_try_failed(op, error);
}

static const struct http_step slash_step = {.head = slash_answered, .done = slash_received};

static void send_slash(struct http_op *op)
{
	http_query(
		op, &slash_step, "HEAD",
		origin_url_make(&op->origin->root, op->request.path, ORIGIN_URL_DIRECTORY, NULL));
	op->exchange.timeout_ms = http_time_left(op);
	http_query_go(op);
}

/* ---- any server ---- */

/* HEAD, and where that was refused GET, have said what they had to say: nothing. */
static void stat_unknown(struct http_op *op, int error)
{
	if (may_be_prefix(op, error))
		send_probe(op);
	else if (op->stat.get_refused)
		send_slash(op);
	else
		http_try_failed(op, error);
}

static void stat_answered(struct http_op *op, int error)
{
	if (op->stat.head_refused && !op->stat.by_get) {
		op->stat.by_get = true;
		send_query(op);
	} else if (op->slash || (op->stat.known && is_root_directory(op))) {
		become_directory(&op->stat.entry);
		end_stat(op);
	} else if (op->stat.known) {
		end_stat(op);
	} else {
		stat_unknown(op, error);
	}
}

static const struct http_step head_step = {.head = head_answered, .done = stat_answered};
static const struct http_step get_step = {.head = get_answered, .done = stat_answered};

static void send_query(struct http_op *op)
{
	char *url = origin_url_make(&op->origin->root, op->request.path, ORIGIN_URL_FILE, NULL);

	if (op->stat.by_get) {
		http_query(op, &get_step, "GET", url);
		http_query_range(op, 0, 1);
	} else {
		http_query(op, &head_step, "HEAD", url);
	}
	op->slash_ends = true;
	op->exchange.timeout_ms = http_time_left(op);
	http_query_go(op);
}

static void try_stat(struct http_op *op)
{
	op->stat.known = op->stat.head_refused = op->stat.get_refused = false;
	op->stat.by_get = op->origin->head_refused;
	send_query(op);
}

void http_stat_cancel(struct http_op *op)
{
	free(op->stat.probe);
	http_op_clear(op);
	origin_end_stat(&op->request, -ECANCELED, NULL);
}

void http_stat_start(struct http_op *op)
{
	http_try(op, try_stat);
}
