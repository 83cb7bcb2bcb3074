/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Asking for content information (http-extension.md section 7): a GET of the whole file which says
 * that its content information is as welcome. What the answer's head says is checked here, and that
 * no more comes than may; content information itself is for others to read.
 */
#include "origin/origin_http.h"

#include <errno.h>

#include "cache/content.h"

int http_ask_answer(const struct http_answer *answer, struct pccrtp_answer *said_out)
{
	const char *encoding[HTTP_ANSWER_LINES_MAX + 1], *peerdist[HTTP_ANSWER_LINES_MAX + 1],
		*peerdist_ex[HTTP_ANSWER_LINES_MAX + 1];
	const struct pccrtp_answer_fields fields = {encoding, peerdist, peerdist_ex};

	if (http_answer_lines(answer, "Content-Encoding", encoding) < 0 ||
	    http_answer_lines(answer, "X-P2P-PeerDist", peerdist) < 0 ||
	    http_answer_lines(answer, "X-P2P-PeerDistEx", peerdist_ex) < 0)
		return -EBADMSG;
	pccrtp_answer_read(&fields, said_out);
	return 0;
}

static int begin(struct http_op *op, const struct http_answer *answer, struct origin_answer *told)
{
	struct origin_request *request = &op->request;

	if (request->validator[0] != '\0' &&
	    !http_entry_is(answer, request->validator, &told->entry))
		return -ESTALE;
	op->ask.left = told->length;
	return request->asker.begin(request->context, told);
}

/* The length of the encoded form, -1 if not told, and how much of it may come. No content
 * information is empty, nor is there any of an empty content. */
static int information_length(const struct http_answer *answer, int64_t content_length,
			      int64_t *length_out, uint64_t *room_out)
{
	uint64_t room;
	int64_t length;

	if (content_length <= 0 || http_answer_length(answer, &length) < 0 || length == 0)
		return -EBADMSG;
	room = pccrtp_limit((uint64_t)content_length, CONTENT_LIMIT_DEFAULT);
	if (length > 0 && (uint64_t)length > room)
		return -EBADMSG;
	*length_out = length;
	*room_out = room;
	return 0;
}

static int begin_information(struct http_op *op, const struct http_answer *answer,
			     const struct pccrtp_answer *said)
{
	struct origin_answer told = {.information = true, .spoke = true};
	int error = information_length(answer, said->length, &told.length, &op->ask.room);

	if (error == 0)
		error = http_entry_make(answer, said->length, &told.entry);
	return error < 0 ? error : begin(op, answer, &told);
}

/* Under another coding, which nobody asked for: the file is stored so, and its octets are what it
 * consists of. */
static int begin_plain(struct http_op *op, const struct http_answer *answer,
		       const struct pccrtp_answer *said)
{
	struct origin_answer told = {.spoke = said->spoke, .make = said->make};

	if (http_answer_length(answer, &told.length) < 0 ||
	    http_entry_make(answer, told.length, &told.entry) < 0)
		return -EBADMSG;
	op->ask.room = UINT64_MAX;
	return begin(op, answer, &told);
}

static int ask_answered(struct http_op *op, const struct http_answer *answer)
{
	struct pccrtp_answer said;

	if (answer->status == 206)
		return -EBADMSG;
	if (answer->status != 200)
		return http_status_error(answer->status);
	if (http_ask_answer(answer, &said) < 0 || said.stacked)
		return -EBADMSG;
	return said.encoded ? begin_information(op, answer, &said) : begin_plain(op, answer, &said);
}

static int ask_body(struct http_op *op, const void *data, size_t length)
{
	const struct origin_request *request = &op->request;
	int error;

	if (length > op->ask.room || (op->ask.left >= 0 && length > (uint64_t)op->ask.left))
		return -EBADMSG;
	error = request->asker.bytes(request->context, data, length);
	if (error < 0)
		return error;
	op->ask.room -= length;
	if (op->ask.left >= 0)
		op->ask.left -= (int64_t)length;
	return 0;
}

static void ask_done(struct http_op *op, int error)
{
	if (error == 0 && op->ask.left > 0)
		error = -ECONNRESET;
	if (error == -EHOSTUNREACH)
		outage_unreachable(&op->origin->outage, loop_clock_ms());
	http_op_clear(op);
	origin_end_ask(&op->request, error);
}

static const struct http_step ask_step = {.head = ask_answered, .body = ask_body, .done = ask_done};

void http_ask_start(struct http_op *op)
{
	const struct origin_request *request = &op->request;
	const struct origin_question *question = &request->question;

	pccrtp_question_write(question->versions, question->hash_request, op->ask.line);
	http_query(op, &ask_step, "GET",
		   origin_url_make(&op->origin->root, request->path, ORIGIN_URL_FILE, NULL));
	op->exchange.as_sent = true;
	http_line(&op->exchange, PCCRTP_ACCEPT_LINE);
	http_line(&op->exchange, PCCRTP_VERSION_LINE);
	http_line(&op->exchange, op->ask.line);
	if (question->no_cache)
		http_line(&op->exchange, "Cache-Control: no-cache");
	http_query_go(op);
}
