/* SPDX-License-Identifier: BSD-2-Clause
 *
 * HTTP for the copy tool: one GET, and of its answer what the PeerDist extension of HTTP is about
 * ([MS-PCCRTP]). By libcurl.
 */
#ifndef COPY_HTTP_H
#define COPY_HTTP_H

#include <stddef.h>

#include <windows.h>

/* Longest that are understood; longer ones count as not sent. */
#define HTTP_VALIDATOR_MAX 256

struct http_head {
	long status;
	BOOL peerdist; /* Content-Encoding: peerdist: the body is content information */
	BOOL coded;    /* another coding */
	char etag[HTTP_VALIDATOR_MAX], modified[HTTP_VALIDATOR_MAX]; /* "": none */
	BOOL has_length;  /* X-P2P-PeerDist: ContentLength */
	ULONGLONG length; /* of the content */
	BOOL has_range;   /* Content-Range: bytes FIRST-LAST/TOTAL */
	ULONGLONG first, last, total;
};

struct http_request {
	const char *url;
	const char *const *lines; /* of the request's head, NULL behind the last one */
	/* The head of the final answer, before its body. FALSE: the answer is not wanted. */
	BOOL (*head)(void *owner, const struct http_head *head);
	BOOL (*body)(void *owner, const BYTE *data, size_t size);
	void *owner;
};

enum http_outcome {
	HTTP_WHOLE,
	HTTP_UNWANTED, /* head() or body() said so */
	HTTP_FAILED    /* what happened was said on the standard error */
};
enum http_outcome http_get(const struct http_request *get);

#endif
