/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Answers about a file, declared in content_answer.h: conditions first, then which octets, then
 * whether content information goes in their place (http-extension.md section 3, whose steps are
 * named below), else the octets.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "origin/content_answer.h"
#include "origin/content_conditions.h"
#include "origin/content_type.h"
#include "origin/http_date.h"

#define VARY "Accept-Encoding, X-P2P-PeerDist, X-P2P-PeerDistEx"

struct answer {
	struct content_exchange *exchange;
	struct http_served *served;
	struct content_item *item;
	bool get;
	struct content_validators validators;
	enum content_ranges_verdict verdict;
	struct content_extent extents[CONTENT_RANGES_MAX];
	unsigned extent_count;
	bool several_ranges; /* named, however many of them there are */
	bool candidate; /* steps 9 and 10 as far as they are of the file: what makes answers vary */
};

/* ---- headers ---- */

static const char *type_of(const struct answer *answer)
{
	return answer->item->type != NULL ? answer->item->type
					  : content_type(answer->exchange->target.path);
}

static void put_validators(const struct answer *answer)
{
	char date[HTTP_DATE_SIZE];

	if (answer->item->etag[0] != '\0')
		http_reply_header(answer->served, "ETag", "%s", answer->item->etag);
	if (http_date_write(answer->item->mtime, date))
		http_reply_header(answer->served, "Last-Modified", "%s", date);
	if (answer->candidate)
		http_reply_header(answer->served, "Vary", VARY);
}

static void put_headers(const struct answer *answer)
{
	http_reply_header(answer->served, "Accept-Ranges",
			  answer->item->no_ranges ? "none" : "bytes");
	put_validators(answer);
}

static void put_content_range(const struct answer *answer, const struct content_extent *extent)
{
	http_reply_header(answer->served, "Content-Range", "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64,
			  extent->start, extent->start + extent->length - 1, answer->item->size);
}

static void put_cache_control(const struct answer *answer)
{
	if (answer->item->cache_control != NULL)
		http_reply_header(answer->served, "Cache-Control", "%s",
				  answer->item->cache_control);
}

/* ---- the plain answers ---- */

static void count_octets(const struct answer *answer, const struct content_body *body)
{
	uint64_t octets = 0;

	if (!answer->get)
		return;
	for (unsigned i = 0; i < body->count; i++)
		if (body->pieces[i].text == NULL &&
		    body->pieces[i].extent.length != CONTENT_SIZE_UNKNOWN)
			octets += body->pieces[i].extent.length;
	content_count(&answer->exchange->service->counts.octets, octets);
}

/* Nothing was sent: what was looked up did not hold. */
static void answer_otherwise(struct content_exchange *exchange, int error)
{
	bool again = error == -ESTALE && !exchange->renewed;

	http_reply_anew(exchange->served);
	exchange->renewed = true;
	if (again)
		content_exchange_again(exchange);
	else
		content_answer_error(exchange, error);
}

static void sent(void *context, int error)
{
	struct content_exchange *exchange = context;

	if (error == 0)
		content_exchange_end(exchange);
	else
		answer_otherwise(exchange, error);
}

static void send_body(const struct answer *answer, int status, const struct content_body *body)
{
	struct content_item *item = answer->item;

	put_headers(answer);
	put_cache_control(answer);
	count_octets(answer, body);
	answer->exchange->item = NULL;
	item->source->kind->send(item, answer->served, status, body, sent, answer->exchange);
}

static void send_whole(const struct answer *answer)
{
	const struct content_piece piece = {.extent = {0, answer->item->size}};
	const struct content_body body = {answer->item->size > 0, &piece};

	http_reply_header(answer->served, "Content-Type", "%s", type_of(answer));
	send_body(answer, 200, &body);
}

static void send_range(const struct answer *answer)
{
	const struct content_piece piece = {.extent = answer->extents[0]};
	const struct content_body body = {1, &piece};

	http_reply_header(answer->served, "Content-Type", "%s", type_of(answer));
	put_content_range(answer, &answer->extents[0]);
	send_body(answer, 206, &body);
}

/* The lines before a part of a multipart body (RFC 9110 section 14.6). */
#define PART_MAX 512
static void write_part(char *text, const struct answer *answer, const char *boundary,
		       const struct content_extent *extent)
{
	snprintf(text, PART_MAX,
		 "\r\n--%s\r\nContent-Type: %.255s\r\n"
		 "Content-Range: bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64 "\r\n\r\n",
		 boundary, type_of(answer), extent->start, extent->start + extent->length - 1,
		 answer->item->size);
}

static void send_ranges(const struct answer *answer)
{
	char parts[CONTENT_RANGES_MAX][PART_MAX], last[64], boundary[17];
	struct content_piece pieces[2 * CONTENT_RANGES_MAX + 1] = {0};
	struct content_body body = {0, pieces};
	uint64_t number = (uintptr_t)answer;

	if (getrandom(&number, sizeof(number), GRND_NONBLOCK) < 0)
		number += answer->item->size;
	snprintf(boundary, sizeof(boundary), "%016" PRIx64, number);
	for (unsigned i = 0; i < answer->extent_count; i++) {
		write_part(parts[i], answer, boundary, &answer->extents[i]);
		pieces[body.count++].text = parts[i];
		pieces[body.count++].extent = answer->extents[i];
	}
	snprintf(last, sizeof(last), "\r\n--%s--\r\n", boundary);
	pieces[body.count++].text = last;
	http_reply_header(answer->served, "Content-Type", "multipart/byteranges; boundary=%s",
			  boundary);
	send_body(answer, 206, &body);
}

static void send_plain(const struct answer *answer)
{
	if (answer->verdict != CONTENT_RANGES_GIVEN)
		send_whole(answer);
	else if (answer->extent_count == 1)
		send_range(answer);
	else
		send_ranges(answer);
}

/* ---- content information ---- */

/* Steps 3 to 7. */
static void read_wishes(const struct answer *answer, struct pccrtp_request *request_out)
{
	struct content_lines encoding, peerdist, peerdist_ex;
	const struct pccrtp_fields fields = {
		content_lines_read(answer->served, "Accept-Encoding", &encoding),
		content_lines_read(answer->served, "X-P2P-PeerDist", &peerdist),
		content_lines_read(answer->served, "X-P2P-PeerDistEx", &peerdist_ex),
	};

	pccrtp_request_read(&fields, answer->exchange->service->versions, request_out);
	if (encoding.many || peerdist.many || peerdist_ex.many)
		request_out->welcome = false;
}

static int find_information(const struct answer *answer, const struct pccrtp_request *request,
			    struct publish_form *form_out)
{
	struct publish *publish = answer->exchange->service->publish;
	const struct content_extent *range = &answer->extents[0];
	struct publish_subject subject;

	answer->item->source->kind->subject(answer->item, &subject);
	if (answer->verdict == CONTENT_RANGES_GIVEN)
		return publish_find_range(publish, &subject, request->content_version, range->start,
					  range->length, form_out);
	return publish_find(publish, &subject, request->content_version, form_out);
}

/* Without what speaks to shared caches, and with what keeps them off (section 4). */
static void put_private(const struct answer *answer)
{
	const char *value = answer->item->cache_control;
	char kept[512] = "";

	while (value != NULL && *value != '\0') {
		size_t length = strcspn(value, ","), skip = strspn(value, " \t");
		const char *item = value + skip;

		if (length > skip && strncasecmp(item, "public", 6) != 0 &&
		    strncasecmp(item, "s-maxage", 8) != 0 &&
		    strlen(kept) + length + 3 < sizeof(kept)) {
			strncat(kept, item, length - skip);
			strcat(kept, ", ");
		}
		value += length + (value[length] == ',');
	}
	http_reply_header(answer->served, "Cache-Control", "%sprivate, no-transform", kept);
}

static void send_information(const struct answer *answer, const struct pccrtp_request *request,
			     struct publish_form *form)
{
	struct content_counts *counts = &answer->exchange->service->counts;
	bool ranged = answer->verdict == CONTENT_RANGES_GIVEN;
	char field[PCCRTP_FIELD_MAX];

	pccrtp_answer_write(request, ranged ? answer->extents[0].length : answer->item->size,
			    field);
	http_reply_header(answer->served, "Content-Type", "%s", type_of(answer));
	http_reply_header(answer->served, "Content-Encoding", PCCRTP_ENCODING);
	http_reply_header(answer->served, "X-P2P-PeerDist", "%s", field);
	if (ranged)
		put_content_range(answer, &answer->extents[0]);
	put_headers(answer);
	put_private(answer);
	content_count(&counts->informations, 1);
	content_count(&counts->information_octets, form->size);
	http_reply_file(answer->served, form->file, form->offset, form->size);
	http_reply(answer->served, ranged ? 206 : 200);
	content_exchange_end(answer->exchange);
}

static void made(void *context)
{
	content_exchange_again(context);
}

/* A client that has the content and wants only the hashes is held up until they are made, or for
 * so long; then all is judged anew. False: it cannot be. */
static bool wait_for_information(const struct answer *answer)
{
	struct content_exchange *exchange = answer->exchange;
	struct content_service *service = exchange->service;
	struct content_item *item = answer->item;
	struct content_waiter *waiter;
	bool begun;

	if (exchange->hurried)
		return false;
	/* Once there is a waiter the exchange may go on elsewhere at any moment. */
	exchange->item = NULL;
	exchange->hurried = true;
	waiter = content_waiter_begin(service->waiting, made, exchange);
	if (waiter == NULL) {
		exchange->item = item;
		return false;
	}
	begun = item->source->kind->make(item, service->publish, true, content_waiter_made,
					 waiter) == 0;
	if (!begun && content_waiter_withdraw(waiter)) {
		exchange->item = item;
		return false;
	}
	item->source->kind->free_item(item);
	return true;
}

/* Step 11. HINT: the client may be told to ask again. */
static void begin_making(const struct answer *answer, bool hint)
{
	struct content_item *item = answer->item;

	if (item->source->kind->make(item, answer->exchange->service->publish, false, NULL, NULL) !=
	    0)
		return;
	if (!hint)
		return;
	http_reply_header(answer->served, "X-P2P-PeerDist", PCCRTP_LATER);
	http_reply_header(answer->served, "X-P2P-PeerDistEx", PCCRTP_LATER_EX);
}

/* True: the exchange has come to its end, or waits. */
static bool answer_with_information(const struct answer *answer)
{
	struct pccrtp_request request;
	struct publish_form form;
	bool several = answer->verdict == CONTENT_RANGES_GIVEN && answer->several_ranges;

	if (!answer->get || !answer->candidate || several ||
	    http_served_minor(answer->served) == 0) /* steps 1, 10, 9, 8 */
		return false;
	read_wishes(answer, &request);
	if (!request.welcome)
		return false;
	if (answer->exchange->at_once) { /* files of hashes are not for the loop */
		answer->item->source->kind->free_item(answer->item);
		answer->exchange->item = NULL;
		content_exchange_again(answer->exchange);
		return true;
	}
	if (find_information(answer, &request, &form) == 0) {
		send_information(answer, &request, &form);
		return true;
	}
	if (request.hash_request && http_served_left(answer->served, true)) {
		content_answer_nobody(answer->exchange);
		return true;
	}
	if (request.hash_request && wait_for_information(answer))
		return true;
	/* Who asked for hashes and did not get them is not told to ask for them again. */
	begin_making(answer, request.later && !request.hash_request);
	return false;
}

/* ---- what is asked for ---- */

static enum content_verdict judge_conditions(const struct answer *answer)
{
	struct content_lines match, none_match;
	const struct content_conditions conditions = {
		.if_match = content_lines_read(answer->served, "If-Match", &match),
		.if_none_match = content_lines_read(answer->served, "If-None-Match", &none_match),
		.if_modified_since = content_line_read(answer->served, "If-Modified-Since"),
		.if_unmodified_since = content_line_read(answer->served, "If-Unmodified-Since"),
	};

	return content_conditions_judge(&conditions, &answer->validators);
}

/* Ranges are defined for GET alone (RFC 9110 section 14.2). Two lines of If-Range are as one that
 * does not match. */
static void read_ranges(struct answer *answer)
{
	const char *range = answer->get ? content_line_read(answer->served, "Range") : NULL;
	struct content_lines lines;
	const char *const *condition = content_lines_read(answer->served, "If-Range", &lines);

	answer->verdict = CONTENT_RANGES_IGNORED;
	if (range == NULL || answer->item->no_ranges ||
	    (condition != NULL && condition[1] != NULL) ||
	    !content_conditions_range(condition != NULL ? condition[0] : NULL, &answer->validators))
		return;
	answer->several_ranges = strchr(range, ',') != NULL;
	answer->verdict = content_ranges_read(range, answer->item->size, answer->extents,
					      &answer->extent_count);
}

static void answer_unsatisfiable(const struct answer *answer)
{
	http_reply_header(answer->served, "Content-Range", "bytes */%" PRIu64, answer->item->size);
	content_answer_status(answer->exchange, 416);
}

static void answer_not_modified(const struct answer *answer)
{
	put_validators(answer);
	put_cache_control(answer);
	content_answer_status(answer->exchange, 304);
}

void content_answer_file(struct content_exchange *exchange)
{
	struct content_item *item = exchange->item;
	struct answer answer = {
		.exchange = exchange,
		.served = exchange->served,
		.item = item,
		.get = strcmp(http_served_method(exchange->served), "GET") == 0,
		.validators = {item->etag, item->mtime},
		.candidate = item->publishable && item->size > 0 &&
			     item->size >= exchange->service->min_size &&
			     (item->etag[0] != '\0' || item->mtime >= 0),
	};
	enum content_verdict verdict = judge_conditions(&answer);

	if (verdict == CONTENT_PROCEED)
		read_ranges(&answer);
	if (verdict == CONTENT_NOT_MODIFIED)
		answer_not_modified(&answer);
	else if (verdict == CONTENT_FAILED)
		content_answer_status(exchange, 412);
	else if (answer.verdict == CONTENT_RANGES_UNSATISFIABLE)
		answer_unsatisfiable(&answer);
	else if (!answer_with_information(&answer))
		send_plain(&answer);
}
