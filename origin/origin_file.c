/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A directory of this machine as an origin. A request is worked on either by one pool job or by the
 * loop thread, in turn, never by both: the job does the blocking part and posts its result. So a
 * request's fields need no lock, and a cancellation waits for the job to come back.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <curl/curl.h>

#include "origin/file_tree.h"
#include "origin/origin_private.h"
#include "origin/origin_url.h"

/* Our choice: long enough that the way through two threads does not count. */
#define CHUNK (1u << 20)

struct file_origin {
	struct origin origin;
	struct file_tree tree;
	char *path;
	_Atomic uint64_t octets;
};

struct file_request {
	struct origin_request request;
	struct pool_job job;
	struct loop_task back;
	bool cancelled; /* loop thread */
	bool working;   /* loop thread: the job has the request */
	int error;      /* of the job */
	struct entry entry;
	struct directory *directory;

	/* reading */
	int fd; /* -1 until opened */
	struct stat status;
	char *chunk;
	size_t held;  /* octets in the chunk that the reader has not taken */
	uint64_t at;  /* where the next chunk begins */
	uint64_t end; /* one behind the last octet to deliver */
	bool begun;   /* the reader knows of the answer */
	bool paused;
};

static struct file_origin *file_origin(const struct origin_request *request)
{
	return (struct file_origin *)request->origin;
}

static struct file_request *from_job(struct pool_job *job)
{
	return (struct file_request *)((char *)job - offsetof(struct file_request, job));
}

static struct file_request *from_back(struct loop_task *task)
{
	return (struct file_request *)((char *)task - offsetof(struct file_request, back));
}

static void end_request(struct file_request *file, int error)
{
	struct origin_request *request = &file->request;

	if (file->fd >= 0)
		close(file->fd);
	free(file->chunk);
	if (error < 0) {
		directory_free(file->directory);
		origin_end_failed(request, error);
	} else if (request->operation == ORIGIN_STAT) {
		origin_end_stat(request, 0, &file->entry);
	} else if (request->operation == ORIGIN_LIST) {
		origin_end_list(request, 0, file->directory);
	} else {
		origin_end_read(request, 0);
	}
}

/* ---- on a pool thread ---- */

static int job_list(struct file_request *file)
{
	const char *path = file->request.path;
	int error = directory_create(path[0] == '\0', &file->directory);

	if (error == 0)
		error = file_tree_list(&file_origin(&file->request)->tree, path, file->directory);
	return error;
}

static int job_open(struct file_request *file)
{
	struct origin_request *request = &file->request;
	uint64_t size;

	file->fd = file_tree_open(&file_origin(request)->tree, request->path, &file->status);
	if (file->fd < 0)
		return file->fd;
	file_tree_entry(&file->status, &file->entry);
	if (request->validator[0] != '\0' && strcmp(request->validator, file->entry.validator) != 0)
		return -ESTALE;
	size = (uint64_t)file->status.st_size;
	if (request->offset > 0 && request->offset >= size)
		return request->validator[0] != '\0' ? -ESTALE : -EPROTO;
	file->at = request->offset;
	file->end = size;
	if (request->length > 0 && request->length < size - request->offset)
		file->end = request->offset + request->length;
	file->chunk = malloc(CHUNK);
	return file->chunk != NULL ? 0 : -ENOMEM;
}

/* The look after the reading is what proves the chunk to be of the version that was opened. */
static int job_chunk(struct file_request *file)
{
	uint64_t left = file->end - file->at;
	size_t wanted = left < CHUNK ? (size_t)left : CHUNK, got = 0;
	struct stat status;

	while (got < wanted) {
		ssize_t more =
			pread(file->fd, file->chunk + got, wanted - got, (off_t)(file->at + got));

		if (more < 0)
			return -errno;
		if (more == 0)
			return -ESTALE;
		got += (size_t)more;
	}
	if (fstat(file->fd, &status) < 0)
		return -errno;
	if (!file_tree_same(&file->status, &status))
		return -ESTALE;
	file->held = got;
	return 0;
}

static int job_read(struct file_request *file)
{
	int error = file->fd < 0 ? job_open(file) : 0;

	return error < 0 ? error : job_chunk(file);
}

static void run_job(struct pool_job *job)
{
	struct file_request *file = from_job(job);
	struct origin_request *request = &file->request;

	switch (request->operation) {
	case ORIGIN_STAT:
		file->error =
			file_tree_stat(&file_origin(request)->tree, request->path, &file->entry);
		break;
	case ORIGIN_LIST:
		file->error = job_list(file);
		break;
	case ORIGIN_READ:
		file->error = job_read(file);
		break;
	case ORIGIN_ASK:
		file->error = -EOPNOTSUPP;
		break;
	}
	loop_post(request->origin->loop, &file->back);
}

/* ---- on the loop thread ---- */

static void submit(struct file_request *file)
{
	file->working = true;
	pool_submit(file->request.origin->pool,
		    file->request.priority == ORIGIN_READER ? POOL_READER : POOL_AHEAD, &file->job);
}

/* Gives the reader what the chunk holds. 1: it has it; 0: it does not take it yet. */
static int deliver(struct file_request *file)
{
	struct origin_request *request = &file->request;
	int error = 0;

	if (!file->begun) {
		file->begun = true;
		error = request->reader.begin(request->context, &file->entry, file->at,
					      (int64_t)(file->end - file->at));
	}
	if (error == 0 && file->held > 0)
		error = request->reader.bytes(request->context, file->chunk, file->held);
	if (error == -EAGAIN) {
		file->paused = true;
		return 0;
	}
	if (error < 0)
		return error;
	atomic_fetch_add_explicit(&file_origin(request)->octets, file->held, memory_order_relaxed);
	file->at += file->held;
	file->held = 0;
	return 1;
}

static void go_on(struct file_request *file)
{
	int result = deliver(file);

	if (result < 0)
		end_request(file, result);
	else if (result == 1 && file->at == file->end)
		end_request(file, 0);
	else if (result == 1)
		submit(file);
}

/* An error of this machine's disk is the origin's trouble. */
static int error_told(int error)
{
	switch (error) {
	case -EIO:
	case -EMFILE:
	case -ENFILE:
		return -EREMOTEIO;
	case -EPERM:
		return -EACCES;
	default:
		return error;
	}
}

static void job_is_back(struct loop_task *task)
{
	struct file_request *file = from_back(task);

	file->working = false;
	if (file->cancelled)
		end_request(file, -ECANCELED);
	else if (file->error < 0)
		end_request(file, error_told(file->error));
	else if (file->request.operation == ORIGIN_READ)
		go_on(file);
	else
		end_request(file, 0);
}

static void start(struct origin_request *request)
{
	struct file_request *file = (struct file_request *)request;

	file->fd = -1;
	file->job.run = run_job;
	file->back.run = job_is_back;
	submit(file);
}

static void cancel(struct origin_request *request)
{
	struct file_request *file = (struct file_request *)request;

	file->cancelled = true;
	if (!file->working)
		end_request(file, -ECANCELED);
}

static void resume(struct origin_request *request)
{
	struct file_request *file = (struct file_request *)request;

	if (!file->paused)
		return;
	file->paused = false;
	go_on(file);
}

static void hurry(struct origin_request *request)
{
	request->priority = ORIGIN_READER;
}

static void tell_dialect(struct origin *origin, char *buffer, size_t size)
{
	(void)origin;
	snprintf(buffer, size, "%s", "");
}

static void tell_url(struct origin *origin, const char *path, char *buffer, size_t size)
{
	const char *root = ((struct file_origin *)origin)->path;
	char *encoded = malloc(3 * (strlen(root) + strlen(path)) + 2), *at = encoded;

	if (encoded != NULL) {
		at = origin_url_encode(at, root);
		if (path[0] != '\0' && at > encoded && at[-1] != '/')
			*at++ = '/';
		origin_url_encode(at, path);
	}
	snprintf(buffer, size, "file://%s", encoded != NULL ? encoded : "");
	free(encoded);
}

static uint64_t octets(struct origin *origin)
{
	return atomic_load_explicit(&((struct file_origin *)origin)->octets, memory_order_relaxed);
}

static void close_origin(struct origin *origin)
{
	struct file_origin *file = (struct file_origin *)origin;

	close(file->tree.root);
	free(file->path);
	free(file);
}

static const struct origin_kind file_kind = {
	.request_size = sizeof(struct file_request),
	.start = start,
	.cancel = cancel,
	.resume = resume,
	.hurry = hurry,
	.dialect = tell_dialect,
	.url = tell_url,
	.close = close_origin,
	.octets = octets,
};

/* ---- opening ---- */

static char *decode_path(const char *encoded)
{
	char *decoded, *path = NULL;
	int length = 0;

	decoded = curl_easy_unescape(NULL, encoded, 0, &length);
	if (decoded != NULL && strlen(decoded) == (size_t)length && decoded[0] == '/')
		path = strdup(decoded);
	curl_free(decoded);
	return path;
}

/* The path of file:///PATH or file://localhost/PATH; NULL: malformed. */
static char *url_path(const char *url)
{
	CURLU *parsed = curl_url();
	char *encoded = NULL, *path = NULL;

	if (parsed != NULL &&
	    curl_url_set(parsed, CURLUPART_URL, url, CURLU_URLENCODE) == CURLUE_OK &&
	    curl_url_get(parsed, CURLUPART_PATH, &encoded, 0) == CURLUE_OK)
		path = decode_path(encoded);
	curl_free(encoded);
	curl_url_cleanup(parsed);
	return path;
}

int origin_file_open(const struct origin_options *options, struct origin **origin_out,
		     char *message, size_t message_size)
{
	struct file_origin *origin;
	char *path = url_path(options->url);
	int root;

	if (path == NULL) {
		snprintf(message, message_size, "the origin's URL must be of the form file:///DIR");
		return -EINVAL;
	}
	root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0) {
		int error = -errno;

		snprintf(message, message_size, "cannot open the origin's directory %s: %s", path,
			 strerror(-error));
		free(path);
		return error;
	}
	origin = calloc(1, sizeof(*origin));
	if (origin == NULL) {
		close(root);
		free(path);
		return -ENOMEM;
	}
	origin->origin.kind = &file_kind;
	origin->tree.root = root;
	origin->path = path;
	*origin_out = &origin->origin;
	return 0;
}
