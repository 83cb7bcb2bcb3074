/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The octets of a file: one GET, of a range or whole. What the answer's head promises is checked
 * before the reader hears of it, and held to.
 */
#include "origin/origin_http.h"

#include <errno.h>
#include <stdio.h>

#include "origin/origin_validator.h"

static bool is_ranged(const struct origin_request *request)
{
	return request->offset > 0 || request->length > 0;
}

static bool is_missing_data(const struct origin_request *request)
{
	return request->purpose == ORIGIN_MISSING_DATA;
}

static int begin(struct http_op *op, struct entry *entry, const struct http_answer *answer,
		 uint64_t start, int64_t length)
{
	struct origin_request *request = &op->request;

	if (request->validator[0] != '\0' && !http_entry_is(answer, request->validator, entry))
		return -ESTALE;
	op->read.left = length;
	return request->reader.begin(request->context, entry, start, length);
}

static int begin_part(struct http_op *op, const struct http_answer *answer)
{
	const struct origin_request *request = &op->request;
	struct entry entry;
	uint64_t carried;
	int error = http_entry_part(answer, request->offset, request->length, &entry, &carried);

	return error < 0 ? error : begin(op, &entry, answer, request->offset, (int64_t)carried);
}

static int begin_whole(struct http_op *op, const struct http_answer *answer)
{
	struct entry entry;
	int error = http_entry_whole(answer, &entry);

	if (error < 0)
		return error;
	if (is_ranged(&op->request))
		entry.flags |= ENTRY_NO_RANGES;
	return begin(op, &entry, answer, 0, entry.size);
}

static int read_answered(struct http_op *op, const struct http_answer *answer)
{
	if (answer->status == 200 && is_missing_data(&op->request) && http_entry_coded(answer))
		return -EBADMSG;
	if (answer->status == 206 && is_ranged(&op->request))
		return begin_part(op, answer);
	if (answer->status == 200)
		return begin_whole(op, answer);
	if (answer->status == 416 && op->request.validator[0] != '\0')
		return -ESTALE;
	return http_status_error(answer->status);
}

static int read_body(struct http_op *op, const void *data, size_t length)
{
	const struct origin_request *request = &op->request;
	int error;

	if (op->read.left >= 0 && length > (uint64_t)op->read.left)
		return -EBADMSG;
	error = request->reader.bytes(request->context, data, length);
	if (error == 0 && op->read.left >= 0)
		op->read.left -= (int64_t)length;
	return error;
}

static void read_done(struct http_op *op, int error)
{
	if (error == 0 && op->read.left > 0)
		error = -ECONNRESET;
	if (error == -EHOSTUNREACH)
		outage_unreachable(&op->origin->outage, loop_clock_ms());
	http_op_clear(op);
	origin_end_read(&op->request, error);
}

static const struct http_step read_step = {
	.head = read_answered, .body = read_body, .done = read_done};

void http_read_start(struct http_op *op)
{
	const struct origin_request *request = &op->request;
	char field[ENTRY_VALIDATOR_MAX];

	http_query(op, &read_step, "GET",
		   origin_url_make(&op->origin->root, request->path, ORIGIN_URL_FILE, NULL));
	if (is_ranged(request)) {
		http_query_range(op, request->offset, request->length);
		if (validator_if_range(request->validator, field) == 0) {
			snprintf(op->if_range_line, sizeof(op->if_range_line), "If-Range: %s",
				 field);
			http_line(&op->exchange, op->if_range_line);
		}
	}
	if (is_missing_data(request)) {
		http_line(&op->exchange, "Accept-Encoding:"); /* takes curl's own away */
		http_line(&op->exchange, PCCRTP_MISSING_LINE);
	}
	http_query_go(op);
}
