/* SPDX-License-Identifier: BSD-2-Clause */
#include "peer/retrieval_transfer.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cache/bytes.h"

/* Our choices. No honest answer has so much before its body, interim answers and trailers
 * included. */
#define HEAD_OCTETS_MAX (16u << 10)
/* A block of version 1.0 in one call, if it is all there. Up to 512 KiB costs the same. */
#define RECEIVE_BUFFER (128L << 10)
#define MESSAGE_KEPT_MAX 4096u /* all but lists of many segments are shorter */
#define URL_MAX (sizeof("http://") + INET6_ADDRSTRLEN + sizeof("[]:65535") + sizeof(PCCRR_PATH))

struct retrieval_transfer {
	CURL *handle;
	const struct pccrr_request *asked;
	uint8_t *message;
	size_t message_room;
	/* What was received. */
	uint8_t *body;
	size_t body_size, body_room, head_octets;
	bool head_over, answered;
	struct pccrr_answer answer; /* if answered */
	int error;                  /* why it was given up by us */
};

static bool grow(uint8_t **octets, size_t *room, size_t wanted)
{
	uint8_t *longer = realloc(*octets, wanted);

	if (longer == NULL)
		return false;
	*octets = longer;
	*room = wanted;
	return true;
}

/* Codings are neither asked for nor undone, and a transfer coding besides chunked is one more. */
static bool is_plain(CURL *handle)
{
	static const struct {
		const char *header, *allowed;
	} codings[] = {{"Content-Encoding", "identity"}, {"Transfer-Encoding", "chunked"}};
	struct curl_header *header;

	for (size_t i = 0; i < sizeof(codings) / sizeof(codings[0]); i++)
		for (size_t k = 0; curl_easy_header(handle, codings[i].header, k, CURLH_HEADER, -1,
						    &header) == CURLHE_OK;
		     k++)
			if (strcasecmp(header->value, codings[i].allowed) != 0)
				return false;
	return true;
}

static int judge_head(struct retrieval_transfer *transfer, long status)
{
	curl_off_t length = -1;

	if (status != 200 || !is_plain(transfer->handle))
		return -EBADMSG;
	curl_easy_getinfo(transfer->handle, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
	if (length > (curl_off_t)PCCRR_BODY_MAX)
		return -EBADMSG;
	/* of unknown length it may be the longest; pages that are not written cost nothing */
	if (length <= 0)
		length = PCCRR_BODY_MAX;
	return grow(&transfer->body, &transfer->body_room, (size_t)length) ? 0 : -ENOMEM;
}

/* A line of a head or of trailers. The empty one ends a head. */
static size_t receive_line(char *data, size_t size, size_t count, void *context)
{
	struct retrieval_transfer *transfer = context;
	size_t length = size * count;
	long status = 0;

	transfer->head_octets += length;
	if (transfer->head_octets > HEAD_OCTETS_MAX)
		transfer->error = -EBADMSG;
	else if (!transfer->head_over && (data[0] == '\r' || data[0] == '\n')) {
		curl_easy_getinfo(transfer->handle, CURLINFO_RESPONSE_CODE, &status);
		transfer->head_over = status < 100 || status >= 200;
		if (transfer->head_over || status == 101)
			transfer->error = judge_head(transfer, status);
	}
	return transfer->error == 0 ? length : 0;
}

/* Looked at as soon as it is as long as it says itself to be, since only a connection that has
 * given an answer to its request and nothing else is used again. */
static int judge_body(struct retrieval_transfer *transfer)
{
	struct bytes_in in = bytes_in(transfer->body, transfer->body_size);
	uint32_t left;

	if (transfer->body_size < PCCRR_TRANSPORT_SIZE)
		return 0;
	left = bytes_be32(&in);
	if (left > PCCRR_ANSWER_MAX || left < in.left)
		return -EBADMSG;
	if (left > in.left)
		return 0;
	if (pccrr_answer_read(transfer->body, transfer->body_size, transfer->asked,
			      &transfer->answer) < 0)
		return -EBADMSG;
	transfer->answered = true;
	curl_easy_setopt(transfer->handle, CURLOPT_FORBID_REUSE, 0L);
	return 0;
}

static size_t receive_body(char *data, size_t size, size_t count, void *context)
{
	struct retrieval_transfer *transfer = context;
	size_t length = size * count;

	if (length > transfer->body_room - transfer->body_size) {
		transfer->error = -EBADMSG;
		return CURL_WRITEFUNC_ERROR;
	}
	memcpy(transfer->body + transfer->body_size, data, length);
	transfer->body_size += length;
	transfer->error = judge_body(transfer);
	return transfer->error == 0 ? length : CURL_WRITEFUNC_ERROR;
}

/* What curl would say by itself, and shall not. Its type has no const; it does not write to it. */
static struct curl_slist *silence(void)
{
	static struct curl_slist type = {(char *)(uintptr_t) "Content-Type:", NULL};
	static struct curl_slist expect = {(char *)(uintptr_t) "Expect:", &type};
	static struct curl_slist accept = {(char *)(uintptr_t) "Accept:", &expect};

	return &accept;
}

static void set_constants(struct retrieval_transfer *transfer, void *context)
{
	CURL *handle = transfer->handle;

	curl_easy_setopt(handle, CURLOPT_PRIVATE, context);
	curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http");
	curl_easy_setopt(handle, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(handle, CURLOPT_PROXY, "");
	curl_easy_setopt(handle, CURLOPT_NOPROXY, "");
	curl_easy_setopt(handle, CURLOPT_TCP_NODELAY, 1L);
	curl_easy_setopt(handle, CURLOPT_BUFFERSIZE, RECEIVE_BUFFER);
	curl_easy_setopt(handle, CURLOPT_POST, 1L);
	curl_easy_setopt(handle, CURLOPT_HTTPHEADER, silence());
	curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, receive_line);
	curl_easy_setopt(handle, CURLOPT_HEADERDATA, transfer);
	curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, receive_body);
	curl_easy_setopt(handle, CURLOPT_WRITEDATA, transfer);
}

struct retrieval_transfer *retrieval_transfer_create(void *context)
{
	struct retrieval_transfer *transfer = calloc(1, sizeof(*transfer));

	if (transfer == NULL)
		return NULL;
	transfer->handle = curl_easy_init();
	if (transfer->handle == NULL) {
		free(transfer);
		return NULL;
	}
	set_constants(transfer, context);
	return transfer;
}

void retrieval_transfer_free(struct retrieval_transfer *transfer)
{
	if (transfer == NULL)
		return;
	curl_easy_cleanup(transfer->handle);
	free(transfer->message);
	free(transfer->body);
	free(transfer);
}

CURL *retrieval_transfer_handle(struct retrieval_transfer *transfer)
{
	return transfer->handle;
}

/* The zone is told apart, so that it is in no Host. */
static int set_place(CURL *handle, const struct xaddr *server)
{
	char place[XADDR_TEXT_MAX], url[URL_MAX];

	xaddr_write(server, place);
	snprintf(url, sizeof(url), "http://%s%s", place, PCCRR_PATH);
	curl_easy_setopt(handle, CURLOPT_ADDRESS_SCOPE, (long)server->zone);
	return curl_easy_setopt(handle, CURLOPT_URL, url) == CURLE_OK ? 0 : -ENOMEM;
}

static int write_message(struct retrieval_transfer *transfer, const struct pccrr_request *request)
{
	size_t size = pccrr_request_size(request);

	assert(size > 0);
	if (size > transfer->message_room &&
	    !grow(&transfer->message, &transfer->message_room, size))
		return -ENOMEM;
	pccrr_request_write(request, transfer->message);
	curl_easy_setopt(transfer->handle, CURLOPT_POSTFIELDS, transfer->message);
	curl_easy_setopt(transfer->handle, CURLOPT_POSTFIELDSIZE, (long)size);
	return 0;
}

int retrieval_transfer_prepare(struct retrieval_transfer *transfer,
			       const struct retrieval_question *question)
{
	struct pccrr_request request = *question->request;
	int error;

	if (question->version.major != 0)
		request.version = question->version;
	error = write_message(transfer, &request);
	if (error == 0)
		error = set_place(transfer->handle, question->server);
	curl_easy_setopt(transfer->handle, CURLOPT_FRESH_CONNECT, question->fresh ? 1L : 0L);
	curl_easy_setopt(transfer->handle, CURLOPT_TIMEOUT_MS, (long)question->timeout_ms);
	curl_easy_setopt(transfer->handle, CURLOPT_FORBID_REUSE, 1L);
	transfer->asked = question->request;
	transfer->head_octets = 0;
	transfer->head_over = transfer->answered = false;
	transfer->error = 0;
	return error;
}

static int system_error(CURL *handle)
{
	long number = 0;

	curl_easy_getinfo(handle, CURLINFO_OS_ERRNO, &number);
	return number > 0 ? -(int)number : 0;
}

static int no_connection(CURL *handle)
{
	int error = system_error(handle);

	return error < 0 ? error : -EHOSTUNREACH;
}

/* curl also calls it a lack of memory when a line is longer than it allows. */
static bool has_begun(CURL *handle)
{
	curl_off_t first_us = 0;

	curl_easy_getinfo(handle, CURLINFO_STARTTRANSFER_TIME_T, &first_us);
	return first_us > 0;
}

int retrieval_transfer_error(const struct retrieval_transfer *transfer, CURLcode code)
{
	if (transfer->error != 0)
		return transfer->error;
	switch (code) {
	case CURLE_OK:
		if (!transfer->head_over) /* which is no fault to curl */
			return -ECONNRESET;
		return transfer->answered ? 0 : -EBADMSG;
	case CURLE_OPERATION_TIMEDOUT:
		return -ETIMEDOUT;
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_CONNECT:
		return no_connection(transfer->handle);
	case CURLE_PARTIAL_FILE:
	case CURLE_GOT_NOTHING:
	case CURLE_SEND_ERROR:
		return -ECONNRESET;
	case CURLE_RECV_ERROR: /* also when chunks are malformed */
		return system_error(transfer->handle) < 0 ? -ECONNRESET : -EBADMSG;
	case CURLE_OUT_OF_MEMORY:
		return has_begun(transfer->handle) ? -EBADMSG : -ENOMEM;
	default:
		return -EBADMSG;
	}
}

bool retrieval_transfer_was_stale(const struct retrieval_transfer *transfer, CURLcode code)
{
	long connected = 0;

	if (code != CURLE_SEND_ERROR && code != CURLE_RECV_ERROR && code != CURLE_GOT_NOTHING)
		return false;
	curl_easy_getinfo(transfer->handle, CURLINFO_NUM_CONNECTS, &connected);
	return connected == 0 && transfer->head_octets == 0;
}

uint8_t *retrieval_transfer_steal(struct retrieval_transfer *transfer,
				  struct pccrr_answer *answer_out, size_t *size_out)
{
	uint8_t *body = transfer->body;

	*answer_out = transfer->answer;
	*size_out = transfer->body_size;
	transfer->body = NULL;
	transfer->body_size = transfer->body_room = 0;
	return body;
}

void retrieval_transfer_rest(struct retrieval_transfer *transfer)
{
	free(transfer->body);
	transfer->body = NULL;
	transfer->body_size = transfer->body_room = 0;
	if (transfer->message_room <= MESSAGE_KEPT_MAX)
		return;
	free(transfer->message);
	transfer->message = NULL;
	transfer->message_room = 0;
}
