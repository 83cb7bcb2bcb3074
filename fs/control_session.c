/* SPDX-License-Identifier: BSD-2-Clause
 *
 * An open file of the control directory: a text, a conversation of commands and answers, or an
 * instance of the API.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "fs/control.h"

/* fuse_file_info.fh. */
struct control_session {
	LIST_ENTRY(control_session) in_control; /* control->lock */
	struct control *control;
	struct control_content content; /* immutable */
	pthread_mutex_t lock;           /* all below */
	struct job *job;                /* the last command; NULL: none yet */
	size_t position;                /* of its answer, given so far */
	off_t last_offset;              /* of the last read, -1: none since the command */
	struct fuse_pollhandle *poll;
	struct job_waiter poll_waiter;
	bool poll_waiting;
	unsigned references;
};

static void session_get(struct control_session *session)
{
	pthread_mutex_lock(&session->lock);
	session->references++;
	pthread_mutex_unlock(&session->lock);
}

static void session_put(struct control_session *session)
{
	pthread_mutex_lock(&session->lock);
	bool last = --session->references == 0;
	pthread_mutex_unlock(&session->lock);
	if (!last)
		return;
	if (session->poll != NULL)
		fuse_pollhandle_destroy(session->poll);
	job_put(session->job);
	pthread_mutex_destroy(&session->lock);
	free(session->content.text);
	free(session);
}

static void free_content(const struct control_content *content)
{
	if (content->api != NULL)
		control_api_close(content->api);
	free(content->text);
}

struct control_session *control_session_begin(struct control *control,
					      const struct control_content *content)
{
	struct control_session *session = calloc(1, sizeof *session);

	if (session == NULL) {
		free_content(content);
		return NULL;
	}
	pthread_mutex_init(&session->lock, NULL);
	session->control = control;
	session->content = *content;
	session->last_offset = -1;
	session->references = 1;
	pthread_mutex_lock(&control->lock);
	LIST_INSERT_HEAD(&control->sessions, session, in_control);
	pthread_mutex_unlock(&control->lock);
	return session;
}

static struct control_session *session_of(const struct fuse_file_info *info)
{
	return (struct control_session *)(uintptr_t)info->fh;
}

/* Wakes who polls; called by the job with no lock held. */
static void wake_poll(struct job_waiter *waiter)
{
	struct control_session *session =
		(struct control_session *)((char *)waiter -
					   offsetof(struct control_session, poll_waiter));

	pthread_mutex_lock(&session->lock);
	session->poll_waiting = false;
	if (session->poll != NULL)
		fuse_lowlevel_notify_poll(session->poll);
	pthread_mutex_unlock(&session->lock);
	session_put(session);
}

static void stop_polling(struct control_session *session, struct job *job)
{
	pthread_mutex_lock(&session->lock);
	bool waiting = session->poll_waiting;
	pthread_mutex_unlock(&session->lock);
	if (waiting && job_leave(job, &session->poll_waiter)) {
		pthread_mutex_lock(&session->lock);
		session->poll_waiting = false;
		pthread_mutex_unlock(&session->lock);
		session_put(session);
	}
}

/* ---- octets for a job ---- */

/* A parked write. */
struct gift_call {
	struct call call;
	struct feed_waiter waiter;
	struct control_session *session;
	struct job *job;
	size_t size; /* of the write */
};

static void gift_end(struct gift_call *gift, int error)
{
	if (call_take(gift->session->control->calls, &gift->call)) {
		if (error != 0)
			fuse_reply_err(gift->call.request, -error);
		else
			fuse_reply_write(gift->call.request, gift->size);
	}
	job_put(gift->job);
	session_put(gift->session);
	free(gift);
}

static void gift_taken(struct feed_waiter *waiter)
{
	gift_end((struct gift_call *)((char *)waiter - offsetof(struct gift_call, waiter)), 0);
}

/* JOB comes with a reference. SIZE: of the whole write, with its line. */
static void give(fuse_req_t request, struct control_session *session, struct job *job,
		 const char *octets, size_t count, size_t size)
{
	struct gift_call *gift = calloc(1, sizeof *gift);

	if (gift == NULL) {
		job_put(job);
		fuse_reply_err(request, ENOMEM);
		return;
	}
	gift->session = session;
	gift->job = job;
	gift->size = size;
	gift->waiter.wake = gift_taken;
	session_get(session);
	call_park(session->control->calls, &gift->call, request);
	int error = feed_give(job_feed(job), octets, count, &gift->waiter);
	if (error != -EAGAIN)
		gift_end(gift, error);
}

/* "octets SIZE", and so many octets behind the line. How long the line is; 0: it is none. */
static size_t octets_line(const char *data, size_t size)
{
	const char *end = memchr(data, '\n', size);
	char line[32], *stop;

	if (end == NULL || (size_t)(end - data) >= sizeof line || strncmp(data, "octets ", 7) != 0)
		return 0;
	size_t length = (size_t)(end - data);
	memcpy(line, data, length);
	line[length] = '\0';
	unsigned long count = strtoul(line + 7, &stop, 10);
	return *stop == '\0' && count == size - length - 1 ? length + 1 : 0;
}

/* Whether the write was for the job of this session that takes octets. */
static bool write_feed(fuse_req_t request, struct control_session *session, const char *data,
		       size_t size)
{
	pthread_mutex_lock(&session->lock);
	struct job *job = session->job != NULL && job_feed(session->job) != NULL
				  ? job_get(session->job)
				  : NULL;
	pthread_mutex_unlock(&session->lock);
	if (job == NULL || size > CONTROL_COMMAND_MAX) {
		job_put(job);
		return false;
	}
	size_t line = octets_line(data, size);
	if (line > 0) {
		give(request, session, job, data + line, size - line, size);
		return true;
	}
	bool end = size == 4 && memcmp(data, "end\n", 4) == 0;
	/* As a command it would take the job's place. */
	bool malformed = size >= 6 && memcmp(data, "octets", 6) == 0;
	int error = end ? feed_end(job_feed(job)) : -EINVAL;
	job_put(job);
	if (error == 0)
		fuse_reply_write(request, size);
	else if (end || malformed)
		fuse_reply_err(request, -error);
	return end || malformed;
}

/* ---- a command ---- */

/* JOB, which becomes the session's, is what is read from now on. */
static void replace_job(struct control_session *session, struct job *job)
{
	pthread_mutex_lock(&session->lock);
	struct job *former = session->job;
	session->job = job;
	session->position = 0;
	session->last_offset = -1;
	pthread_mutex_unlock(&session->lock);
	if (former == NULL)
		return;
	stop_polling(session, former);
	job_abandon(former);
	job_put(former);
}

static void write_admin(fuse_req_t request, struct control_session *session, const char *data,
			size_t size)
{
	struct job *job;

	if (write_feed(request, session, data, size))
		return;
	/* One line: what follows a NUL or a second line would be lost without a word. */
	const char *end = memchr(data, '\n', size);
	if (size > CONTROL_COMMAND_MAX || memchr(data, '\0', size) != NULL ||
	    (end != NULL && end != data + size - 1)) {
		fuse_reply_err(request, EINVAL);
		return;
	}
	char *line = strndup(data, size);
	if (line == NULL) {
		fuse_reply_err(request, ENOMEM);
		return;
	}
	line[strcspn(line, "\n")] = '\0';
	int error = command_start(session->control, line, &job);
	free(line);
	if (job != NULL)
		replace_job(session, job);
	if (error != 0)
		fuse_reply_err(request, -error);
	else
		fuse_reply_write(request, size);
}

void control_write(fuse_req_t request, const char *data, size_t size, off_t offset,
		   struct fuse_file_info *info)
{
	struct control_session *session = session_of(info);

	if (session->content.api != NULL)
		control_api_write(session->content.api, request, data, size, offset);
	else
		write_admin(request, session, data, size);
}

void control_ioctl(fuse_req_t request, unsigned command, struct fuse_file_info *info,
		   const void *message, size_t in_size, size_t out_size)
{
	struct control_session *session = session_of(info);

	if (session->content.api != NULL)
		control_api_ioctl(session->content.api, request, command, message, in_size,
				  out_size);
	else
		fuse_reply_err(request, ENOTTY);
}

/* ---- its end ---- */

void control_session_end(struct control_session *session)
{
	struct control *control = session->control;

	pthread_mutex_lock(&control->lock);
	LIST_REMOVE(session, in_control);
	pthread_mutex_unlock(&control->lock);
	if (session->job != NULL) {
		stop_polling(session, session->job);
		job_abandon(session->job);
	}
	if (session->content.api != NULL)
		control_api_close(session->content.api);
	session_put(session);
}

void control_end(struct control *control)
{
	while (!LIST_EMPTY(&control->sessions))
		control_session_end(LIST_FIRST(&control->sessions));
	pthread_mutex_destroy(&control->lock);
}

void control_release(fuse_req_t request, struct fuse_file_info *info)
{
	control_session_end(session_of(info));
	fuse_reply_err(request, 0);
}

/* ---- reading ---- */

/* A parked read of `admin`. */
struct answer_call {
	struct call call;
	struct job_waiter waiter;
	struct control_session *session;
	struct job *job;
	size_t size;
	off_t offset;
};

static long read_answer(struct control_session *session, struct job *job, off_t offset,
			char *buffer, size_t size)
{
	pthread_mutex_lock(&session->lock);
	if (offset == 0 && session->last_offset > 0)
		session->position = 0;
	long taken = job_read(job, session->position, buffer, size);
	if (taken >= 0 && job == session->job) {
		session->position += (size_t)taken;
		session->last_offset = offset + taken;
	}
	pthread_mutex_unlock(&session->lock);
	return taken;
}

static void answer_ready(struct job_waiter *waiter)
{
	struct answer_call *call =
		(struct answer_call *)((char *)waiter - offsetof(struct answer_call, waiter));
	char *buffer = malloc(call->size);

	if (call_take(call->session->control->calls, &call->call)) {
		long taken = buffer == NULL ? -ENOMEM
					    : read_answer(call->session, call->job, call->offset,
							  buffer, call->size);
		if (taken < 0)
			fuse_reply_err(call->call.request, (int)-taken);
		else
			fuse_reply_buf(call->call.request, buffer, (size_t)taken);
	}
	free(buffer);
	job_put(call->job);
	session_put(call->session);
	free(call);
}

static void read_admin(fuse_req_t request, struct control_session *session, size_t size,
		       off_t offset, bool nonblock)
{
	pthread_mutex_lock(&session->lock);
	struct job *job = session->job != NULL ? job_get(session->job) : NULL;
	size_t position = offset == 0 && session->last_offset > 0 ? 0 : session->position;
	pthread_mutex_unlock(&session->lock);
	if (job == NULL) {
		fuse_reply_buf(request, NULL, 0);
		return;
	}
	char probe;
	struct answer_call *call = NULL;
	int error = nonblock && job_read(job, position, &probe, 1) == -EAGAIN ? EAGAIN : 0;
	if (error == 0 && (call = calloc(1, sizeof *call)) == NULL)
		error = ENOMEM;
	if (error != 0) {
		job_put(job);
		fuse_reply_err(request, error);
		return;
	}
	call->session = session;
	call->job = job;
	call->size = size;
	call->offset = offset;
	call->waiter.position = position;
	call->waiter.wake = answer_ready;
	session_get(session);
	call_park(session->control->calls, &call->call, request);
	job_wait(job, &call->waiter);
}

static void read_text(fuse_req_t request, struct control_session *session, size_t size,
		      off_t offset)
{
	size_t length = session->content.length;
	size_t start = (size_t)offset < length ? (size_t)offset : length;
	size_t left = length - start;

	/* The reader may have closed it before the reply returns. */
	session_get(session);
	fuse_reply_buf(request, session->content.text + start, size < left ? size : left);
	session_put(session);
}

void control_read(fuse_req_t request, size_t size, off_t offset, struct fuse_file_info *info)
{
	struct control_session *session = session_of(info);

	if (session->content.api != NULL)
		control_api_read(session->content.api, request, size, offset);
	else if (session->content.text != NULL)
		read_text(request, session, size, offset);
	else
		read_admin(request, session, size, offset, (info->flags & O_NONBLOCK) != 0);
}

static void poll_session(fuse_req_t request, struct control_session *session,
			 struct fuse_pollhandle *handle)
{
	struct job *job = NULL;
	char octet;

	pthread_mutex_lock(&session->lock);
	if (handle != NULL) {
		if (session->poll != NULL)
			fuse_pollhandle_destroy(session->poll);
		session->poll = handle;
	}
	bool readable = session->job == NULL ||
			job_read(session->job, session->position, &octet, 1) != -EAGAIN;
	if (!readable && handle != NULL && !session->poll_waiting) {
		session->poll_waiting = true;
		session->references++;
		session->poll_waiter.position = session->position;
		session->poll_waiter.wake = wake_poll;
		job = job_get(session->job);
	}
	pthread_mutex_unlock(&session->lock);
	fuse_reply_poll(request, (readable ? POLLIN | POLLRDNORM : 0) | POLLOUT | POLLWRNORM);
	if (job != NULL) {
		job_wait(job, &session->poll_waiter);
		job_put(job);
	}
}

void control_poll(fuse_req_t request, struct fuse_file_info *info, struct fuse_pollhandle *handle)
{
	struct control_session *session = session_of(info);

	if (session->content.api != NULL)
		control_api_poll(session->content.api, request, handle);
	else
		poll_session(request, session, handle);
}
