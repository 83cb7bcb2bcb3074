/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reading an answer's head: the last one of its exchange, never those of interim answers, trailers
 * or a proxy.
 */
#include "origin/http_client.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

static struct curl_header *find_header(const struct http_answer *answer, const char *name,
				       size_t index)
{
	struct curl_header *header;

	if (curl_easy_header(answer->handle, name, index, CURLH_HEADER, -1, &header) != CURLHE_OK)
		return NULL;
	return header;
}

const char *http_answer_header(const struct http_answer *answer, const char *name)
{
	const struct curl_header *header = find_header(answer, name, 0);

	return header != NULL ? header->value : NULL;
}

int http_answer_single(const struct http_answer *answer, const char *name, const char **value_out)
{
	const struct curl_header *header = find_header(answer, name, 0);
	const char *value;
	size_t amount;

	if (header == NULL) {
		*value_out = NULL;
		return 0;
	}
	value = header->value;
	amount = header->amount;
	for (size_t i = 1; i < amount; i++) {
		header = find_header(answer, name, i);
		if (header == NULL || strcmp(header->value, value) != 0)
			return -EBADMSG;
	}
	*value_out = value;
	return 0;
}

int http_answer_lines(const struct http_answer *answer, const char *name,
		      const char *lines_out[HTTP_ANSWER_LINES_MAX + 1])
{
	const struct curl_header *header = find_header(answer, name, 0);
	size_t amount = header != NULL ? header->amount : 0;

	if (amount > HTTP_ANSWER_LINES_MAX)
		return -EBADMSG;
	for (size_t i = 0; i < amount; i++) {
		header = find_header(answer, name, i);
		if (header == NULL)
			return -EBADMSG;
		lines_out[i] = header->value;
	}
	lines_out[amount] = NULL;
	return 0;
}

int http_answer_length(const struct http_answer *answer, int64_t *length_out)
{
	const char *text;
	int64_t length = 0;

	if (http_answer_single(answer, "Content-Length", &text) < 0)
		return -EBADMSG;
	if (text == NULL || find_header(answer, "Transfer-Encoding", 0) != NULL) {
		*length_out = -1;
		return 0;
	}
	if (*text == '\0')
		return -EBADMSG;
	for (; *text != '\0'; text++)
		if (*text < '0' || *text > '9' || __builtin_mul_overflow(length, 10, &length) ||
		    __builtin_add_overflow(length, *text - '0', &length))
			return -EBADMSG;
	*length_out = length;
	return 0;
}
