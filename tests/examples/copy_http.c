/* SPDX-License-Identifier: BSD-2-Clause */
#include "copy_http.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Our choices, in seconds: to connect, and with nothing coming. */
#define CONNECT_SECONDS 10L
#define SILENT_SECONDS 30L
#define REDIRECTS_MAX 10L

struct exchange {
	const struct http_request *get;
	CURL *handle;
	struct http_head head;
	BOOL told, unwanted;
};

/* The value of LINE if it is the header NAME; without the spaces around it. */
static BOOL is_header(const char *line, size_t size, const char *name, char *value_out, size_t room)
{
	size_t length = strlen(name);

	if (size <= length || strncasecmp(line, name, length) != 0 || line[length] != ':')
		return FALSE;
	line += length + 1;
	size -= length + 1;
	while (size > 0 && (*line == ' ' || *line == '\t')) {
		line++;
		size--;
	}
	while (size > 0 && strchr(" \t\r\n", line[size - 1]) != NULL)
		size--;
	if (size >= room)
		return FALSE;
	memcpy(value_out, line, size);
	value_out[size] = '\0';
	return TRUE;
}

static void read_content_length(const char *value, struct http_head *head)
{
	static const char name[] = "ContentLength=";

	while (*value != '\0') {
		value += strspn(value, ", \t");
		if (strncasecmp(value, name, sizeof(name) - 1) == 0) {
			head->has_length = TRUE;
			head->length = strtoull(value + sizeof(name) - 1, NULL, 10);
		}
		value += strcspn(value, ",");
	}
}

static void read_range(const char *value, struct http_head *head)
{
	unsigned long long first, last, total;

	if (sscanf(value, "bytes %llu-%llu/%llu", &first, &last, &total) != 3)
		return;
	head->has_range = TRUE;
	head->first = first;
	head->last = last;
	head->total = total;
}

static void read_coding(const char *value, struct http_head *head)
{
	head->peerdist = strcasecmp(value, "peerdist") == 0;
	head->coded = !head->peerdist && strcasecmp(value, "identity") != 0;
}

/* Each answer, also one that leads elsewhere, begins anew. */
static size_t take_line(char *line, size_t unit, size_t size, void *context)
{
	struct exchange *exchange = (struct exchange *)context;
	struct http_head *head = &exchange->head;
	char value[HTTP_VALIDATOR_MAX];

	size *= unit;
	if (size >= 5 && strncmp(line, "HTTP/", 5) == 0)
		memset(head, 0, sizeof(*head));
	else if (is_header(line, size, "ETag", value, sizeof(value)))
		strcpy(head->etag, value);
	else if (is_header(line, size, "Last-Modified", value, sizeof(value)))
		strcpy(head->modified, value);
	else if (is_header(line, size, "Content-Encoding", value, sizeof(value)))
		read_coding(value, head);
	else if (is_header(line, size, "X-P2P-PeerDist", value, sizeof(value)))
		read_content_length(value, head);
	else if (is_header(line, size, "Content-Range", value, sizeof(value)))
		read_range(value, head);
	return size;
}

static void tell_head(struct exchange *exchange)
{
	const struct http_request *get = exchange->get;

	if (exchange->told)
		return;
	exchange->told = TRUE;
	curl_easy_getinfo(exchange->handle, CURLINFO_RESPONSE_CODE, &exchange->head.status);
	exchange->unwanted = !get->head(get->owner, &exchange->head);
}

static size_t take_body(char *data, size_t unit, size_t size, void *context)
{
	struct exchange *exchange = (struct exchange *)context;
	const struct http_request *get = exchange->get;

	size *= unit;
	tell_head(exchange);
	if (!exchange->unwanted)
		exchange->unwanted = !get->body(get->owner, (const BYTE *)data, size);
	return exchange->unwanted ? 0 : size;
}

static CURLcode perform(struct exchange *exchange, struct curl_slist *lines)
{
	CURL *handle = exchange->handle;

	curl_easy_setopt(handle, CURLOPT_URL, exchange->get->url);
	curl_easy_setopt(handle, CURLOPT_HTTPHEADER, lines);
	curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 1L);
	curl_easy_setopt(handle, CURLOPT_MAXREDIRS, REDIRECTS_MAX);
	curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT, CONNECT_SECONDS);
	curl_easy_setopt(handle, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(handle, CURLOPT_LOW_SPEED_TIME, SILENT_SECONDS);
	curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, take_line);
	curl_easy_setopt(handle, CURLOPT_HEADERDATA, exchange);
	curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(handle, CURLOPT_WRITEDATA, exchange);
	return curl_easy_perform(handle);
}

enum http_outcome http_get(const struct http_request *get)
{
	struct exchange exchange;
	struct curl_slist *lines = NULL;
	CURLcode code;

	memset(&exchange, 0, sizeof(exchange));
	exchange.get = get;
	exchange.handle = curl_easy_init();
	if (exchange.handle == NULL)
		return HTTP_FAILED;
	for (unsigned i = 0; get->lines[i] != NULL; i++)
		lines = curl_slist_append(lines, get->lines[i]);
	code = perform(&exchange, lines);
	if (code == CURLE_OK)
		tell_head(&exchange);
	curl_slist_free_all(lines);
	curl_easy_cleanup(exchange.handle);
	if (exchange.unwanted)
		return HTTP_UNWANTED;
	if (code == CURLE_OK)
		return HTTP_WHOLE;
	fprintf(stderr, "%s: %s\n", get->url, curl_easy_strerror(code));
	return HTTP_FAILED;
}
