/* SPDX-License-Identifier: BSD-2-Clause
 *
 *	copy URL OUTPUT [MILLISECONDS]
 *
 * What a download manager does with the Peer Distribution API: asks the origin for the content
 * information of a file, reads from the local cache and from peers what they have, fetches the rest
 * from the origin and adds it to the cache, for others and for later. An origin or a service that
 * knows nothing of it makes an ordinary download. Says at the end where the octets came from.
 *
 * Everything in OUTPUT is of one version of the file: each answer of the origin must bear the
 * validators that came with the content information (or with the first octets). If one does not,
 *the file has changed, and the copy is begun anew.
 */
#include "copy_http.h"
#include "example.h"

#include <stdio.h>
#include <stdlib.h>

/* Of the content information, beside a sixteenth of the content; and in all. Our choices. */
#define INFORMATION_LEAST (64u << 10)
#define INFORMATION_MOST (256u << 20)
#define PORTION (1u << 20)
#define ATTEMPTS 3 /* with a file that changes meanwhile */
#define HTTP_LINE_MAX (HTTP_VALIDATOR_MAX + 64)

enum outcome {
	COPY_WHOLE,
	COPY_CHANGED, /* at the origin, meanwhile */
	COPY_ALONE,   /* the service has gone: from the origin alone */
	COPY_FAILED
};

struct copy {
	const char *url;
	FILE *output;
	DWORD timeout;
	ULONGLONG position;    /* octets in the output */
	struct http_head head; /* of the first answer: what all others are held against */
	BYTE *information;
	size_t information_size;
	ULONGLONG from_near, from_origin;

	BOOL with_service;
	PEERDIST_INSTANCE_HANDLE instance;
	PEERDIST_CONTENT_HANDLE content;
	OVERLAPPED reading, adding;
	BYTE *buffer; /* a portion: of what comes from near, or is to be added */
	DWORD filled;

	/* A part that is fetched: up to END; SKIP octets of the answer are before it. */
	ULONGLONG skip, end;
	BOOL add;
	enum outcome outcome;
};

static BOOL write_out(struct copy *copy, const BYTE *data, size_t size)
{
	if (fwrite(data, 1, size, copy->output) != size) {
		fprintf(stderr, "the output cannot be written\n");
		return FALSE;
	}
	copy->position += size;
	return TRUE;
}

/* ---- the first answer: content information, or the content itself ---- */

static BOOL first_head(void *owner, const struct http_head *head)
{
	struct copy *copy = (struct copy *)owner;

	copy->head = *head;
	if (head->status != 200 || (head->peerdist && !copy->with_service)) {
		fprintf(stderr, "%s: unusable answer, status %ld\n", copy->url, head->status);
		return FALSE;
	}
	return TRUE;
}

static BOOL keep_information(struct copy *copy, const BYTE *data, size_t size)
{
	ULONGLONG room = INFORMATION_LEAST + copy->head.length / 16;
	BYTE *larger;

	if (room > INFORMATION_MOST)
		room = INFORMATION_MOST;
	if (size > room - copy->information_size)
		return FALSE;
	larger = (BYTE *)realloc(copy->information, copy->information_size + size);
	if (larger == NULL)
		return FALSE;
	memcpy(larger + copy->information_size, data, size);
	copy->information = larger;
	copy->information_size += size;
	return TRUE;
}

static BOOL first_body(void *owner, const BYTE *data, size_t size)
{
	struct copy *copy = (struct copy *)owner;

	if (copy->head.peerdist)
		return keep_information(copy, data, size);
	copy->from_origin += size;
	return write_out(copy, data, size);
}

static enum http_outcome ask(struct copy *copy)
{
	static const char *const plain[] = {NULL};
	static const char *const welcome[] = {
		"Accept-Encoding: peerdist", "X-P2P-PeerDist: Version=1.1",
		"X-P2P-PeerDistEx: MinContentInformation=1.0, MaxContentInformation=2.0", NULL};
	struct http_request get = {copy->url, copy->with_service ? welcome : plain, first_head,
				   first_body, copy};

	return http_get(&get);
}

/* ---- parts from the origin ---- */

static BOOL is_strong(const char *etag)
{
	return etag[0] == '"';
}

/* The same version of the file. A validator that has been there must stay. */
static BOOL is_unchanged(const struct copy *copy, const struct http_head *head)
{
	if (copy->head.etag[0] != '\0')
		return strcmp(copy->head.etag, head->etag) == 0;
	return copy->head.modified[0] != '\0' && strcmp(copy->head.modified, head->modified) == 0;
}

static BOOL part_head(void *owner, const struct http_head *head)
{
	struct copy *copy = (struct copy *)owner;

	copy->outcome = COPY_CHANGED;
	if (head->status == 412 || head->status == 416)
		return FALSE;
	copy->outcome = COPY_FAILED;
	if ((head->status != 200 && head->status != 206) || head->peerdist || head->coded) {
		fprintf(stderr, "%s: unusable answer to a range, status %ld\n", copy->url,
			head->status);
		return FALSE;
	}
	copy->outcome = COPY_CHANGED;
	if (!is_unchanged(copy, head))
		return FALSE;
	copy->skip = copy->position;
	if (head->status == 206) {
		if (!head->has_range || head->first != copy->position ||
		    head->last != copy->end - 1 || head->total != copy->head.length)
			return FALSE;
		copy->skip = 0;
	}
	copy->outcome = COPY_FAILED;
	return TRUE;
}

/* What is in the buffer goes to the cache. That it cannot be added, because the service is gone for
 * instance, does not harm the copy. */
static void add_buffer(struct copy *copy)
{
	DWORD count, code;

	if (copy->filled == 0)
		return;
	set_offset(&copy->adding, copy->position - copy->filled);
	code = PeerDistClientAddData(copy->instance, copy->content, copy->filled, copy->buffer,
				     &copy->adding);
	if (finish(code, &copy->adding, &count) != ERROR_SUCCESS)
		copy->add = FALSE;
	copy->filled = 0;
}

static BOOL take_part(struct copy *copy, const BYTE *data, size_t size)
{
	copy->from_origin += size;
	if (!write_out(copy, data, size))
		return FALSE;
	if (!copy->add)
		return TRUE;
	memcpy(copy->buffer + copy->filled, data, size);
	copy->filled += (DWORD)size;
	if (copy->filled == PORTION)
		add_buffer(copy);
	return TRUE;
}

static BOOL part_body(void *owner, const BYTE *data, size_t size)
{
	struct copy *copy = (struct copy *)owner;
	size_t skipped = size < copy->skip ? size : (size_t)copy->skip;

	copy->skip -= skipped;
	data += skipped;
	size -= skipped;
	while (size > 0 && copy->position < copy->end) {
		size_t some = size < PORTION - copy->filled ? size : PORTION - copy->filled;

		if (some > copy->end - copy->position)
			some = (size_t)(copy->end - copy->position);
		if (!take_part(copy, data, some))
			return FALSE;
		data += some;
		size -= some;
	}
	return copy->position < copy->end || size == 0; /* the rest is not wanted */
}

/* From the output's end to END. */
static enum outcome fetch(struct copy *copy, ULONGLONG end, BOOL add)
{
	char range[HTTP_LINE_MAX], condition[HTTP_LINE_MAX];
	const char *const lines[] = {range, "X-P2P-PeerDist: Version=1.1, MissingDataRequest=true",
				     condition, NULL};
	struct http_request get = {copy->url, lines, part_head, part_body, copy};
	const char *validator = is_strong(copy->head.etag) ? copy->head.etag : copy->head.modified;
	enum http_outcome outcome;

	snprintf(range, sizeof(range), "Range: bytes=%llu-%llu", (unsigned long long)copy->position,
		 (unsigned long long)end - 1);
	snprintf(condition, sizeof(condition), "If-Range: %s", validator); /* empty: not sent */
	copy->end = end;
	copy->add = add;
	copy->filled = 0;
	outcome = http_get(&get);
	if (copy->add)
		add_buffer(copy);
	if (copy->position == end)
		return COPY_WHOLE;
	return outcome == HTTP_FAILED ? COPY_FAILED : copy->outcome;
}

/* ---- by the API ---- */

/* FALSE: the content information is no good, or the service is not. */
static BOOL open_content(struct copy *copy)
{
	static const PEERDIST_CONTENT_TAG tag = {{'c', 'o', 'p', 'y'}};
	DWORD count,
		code = PeerDistClientOpenContent(copy->instance, &tag, NULL, 0, &copy->content);

	if (code != ERROR_SUCCESS)
		return FALSE;
	set_offset(&copy->adding, 0);
	code = PeerDistClientAddContentInformation(copy->instance, copy->content,
						   (DWORD)copy->information_size, copy->information,
						   &copy->adding);
	code = finish(code, &copy->adding, &count);
	if (code == ERROR_SUCCESS) {
		code = PeerDistClientCompleteContentInformation(copy->instance, copy->content,
								&copy->adding);
		code = finish(code, &copy->adding, &count);
	}
	if (code != ERROR_SUCCESS)
		PeerDistClientCloseContent(copy->instance, copy->content);
	return code == ERROR_SUCCESS;
}

/* One read; *MORE_OUT: there is more to read. */
static enum outcome read_some(struct copy *copy, BOOL *more_out)
{
	DWORD count, code = PeerDistClientStreamRead(copy->instance, copy->content, PORTION,
						     copy->buffer, copy->timeout, &copy->reading);
	BOOL here, missing;

	code = finish(code, &copy->reading, &count);
	*more_out = code != PEERDIST_ERROR_NO_MORE;
	if (!*more_out)
		return COPY_WHOLE;
	here = code == ERROR_SUCCESS;
	missing = code == PEERDIST_ERROR_MISSING_DATA || code == ERROR_TIMEOUT;
	if ((!here && !missing) || offset_of(&copy->reading) != copy->position ||
	    count > copy->head.length - copy->position)
		return COPY_ALONE;
	if (missing)
		return fetch(copy, copy->position + count, TRUE);
	copy->from_near += count;
	return write_out(copy, copy->buffer, count) ? COPY_WHOLE : COPY_FAILED;
}

static enum outcome read_all(struct copy *copy)
{
	enum outcome outcome;
	BOOL more;

	if (!open_content(copy))
		return COPY_ALONE;
	do {
		outcome = read_some(copy, &more);
	} while (outcome == COPY_WHOLE && more);
	PeerDistClientCloseContent(copy->instance, copy->content);
	if (outcome == COPY_WHOLE && copy->position != copy->head.length)
		outcome = COPY_ALONE;
	return outcome;
}

static BOOL has_validator(const struct http_head *head)
{
	return head->etag[0] != '\0' || head->modified[0] != '\0';
}

/* The origin has sent content information. Without its length or a validator nothing can be fetched
 * that is sure to belong to it: then the file is asked for anew, without. */
static enum outcome use_information(struct copy *copy)
{
	enum outcome outcome;

	if (!copy->head.has_length || !has_validator(&copy->head)) {
		copy->with_service = FALSE;
		return COPY_CHANGED;
	}
	outcome = read_all(copy);
	if (outcome == COPY_ALONE)
		outcome = fetch(copy, copy->head.length, FALSE);
	return outcome;
}

static enum outcome attempt(struct copy *copy)
{
	enum http_outcome outcome;

	copy->position = copy->from_near = copy->from_origin = 0;
	free(copy->information);
	copy->information = NULL;
	copy->information_size = 0;
	outcome = ask(copy);
	if (outcome != HTTP_WHOLE)
		return COPY_FAILED;
	return copy->head.peerdist ? use_information(copy) : COPY_WHOLE;
}

/* Whether there is a service that is available. */
static BOOL start(struct copy *copy)
{
	PEERDIST_STATUS status;

	if (PeerDistStartup(PEERDIST_VERSION, &copy->instance, NULL) != ERROR_SUCCESS)
		return FALSE;
	copy->with_service = PeerDistGetStatus(copy->instance, &status) == ERROR_SUCCESS &&
			     status == PEERDIST_STATUS_AVAILABLE;
	return TRUE;
}

static enum outcome copy_to(struct copy *copy, const char *path)
{
	enum outcome outcome = COPY_CHANGED;

	for (int i = 0; i < ATTEMPTS && outcome == COPY_CHANGED; i++) {
		copy->output = fopen(path, "wb");
		if (copy->output == NULL) {
			fprintf(stderr, "%s: cannot be written\n", path);
			return COPY_FAILED;
		}
		outcome = attempt(copy);
		if (fclose(copy->output) != 0)
			outcome = COPY_FAILED;
	}
	return outcome;
}

int main(int count, char **words)
{
	struct copy copy;
	enum outcome outcome;
	BOOL started;

	if (count < 3) {
		fprintf(stderr, "usage: copy URL OUTPUT [MILLISECONDS]\n");
		return 2;
	}
	memset(&copy, 0, sizeof(copy));
	copy.url = words[1];
	copy.timeout =
		count > 3 ? (DWORD)strtoul(words[3], NULL, 10) : PEERDIST_READ_TIMEOUT_DEFAULT;
	copy.buffer = (BYTE *)malloc(PORTION);
	if (copy.buffer == NULL)
		give_up("memory", ERROR_NOT_ENOUGH_MEMORY);
	prepare(&copy.reading);
	prepare(&copy.adding);
	started = start(&copy);
	outcome = copy_to(&copy, words[2]);
	if (started)
		PeerDistShutdown(copy.instance);
	release(&copy.reading);
	release(&copy.adding);
	free(copy.buffer);
	free(copy.information);
	if (outcome != COPY_WHOLE) {
		remove(words[2]);
		fprintf(stderr, "%s: not copied%s\n", words[1],
			outcome == COPY_CHANGED ? ", it changes all the time" : "");
		return 1;
	}
	printf("near %llu origin %llu\n", (unsigned long long)copy.from_near,
	       (unsigned long long)copy.from_origin);
	return 0;
}
