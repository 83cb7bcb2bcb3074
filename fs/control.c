/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/control.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fs/admin.h"
#include "fs/status.h"

/* Node numbers below are never addresses. */
enum { NUMBER_DIRECTORY = 2, NUMBER_FIRST_FILE = 3 };

static const struct control_file {
	const char *name;
	int (*make)(struct mount *mount, char **text_out, size_t *length_out); /* NULL: admin */
} files[] = {
	{"admin", NULL},
	{"status", status_make},
	{"metrics", metrics_make},
	{"config", config_make},
};
#define FILES (sizeof files / sizeof files[0])
#define NUMBER_END (NUMBER_FIRST_FILE + FILES)

/* fuse_file_info.fh of an open control file. */
struct session {
	char *text; /* of a text file; immutable */
	size_t length;
	struct mount *mount;
	bool is_admin;
	pthread_mutex_t lock; /* all below */
	struct job *job;      /* the last command; NULL: none yet */
	size_t position;      /* of its answer, given so far */
	off_t last_offset;    /* of the last read, -1: none since the command */
	struct fuse_pollhandle *poll;
	struct job_waiter poll_waiter;
	bool poll_waiting;
	unsigned references;
};

bool control_owns(fuse_ino_t number, const char *name)
{
	if (name != NULL && number == FUSE_ROOT_ID)
		return strcmp(name, CONTROL_DIRECTORY) == 0;
	return number >= NUMBER_DIRECTORY && number < NUMBER_END;
}

static void attributes_of(struct mount *mount, fuse_ino_t number, struct stat *attributes_out)
{
	const struct config *config = mount->config;
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	memset(attributes_out, 0, sizeof *attributes_out);
	/* No path's number is so small but the root's. */
	attributes_out->st_ino = number;
	attributes_out->st_uid = config->uid;
	attributes_out->st_gid = config->gid;
	attributes_out->st_mtim = attributes_out->st_atim = attributes_out->st_ctim = now;
	attributes_out->st_blksize = 4096;
	attributes_out->st_nlink = 1;
	if (number == NUMBER_DIRECTORY) {
		attributes_out->st_mode = S_IFDIR | 0555;
		attributes_out->st_nlink = 2;
	} else if (files[number - NUMBER_FIRST_FILE].make == NULL) {
		attributes_out->st_mode = S_IFREG | config->admin_mode;
		attributes_out->st_gid = config->admin_gid;
	} else {
		attributes_out->st_mode = S_IFREG | 0444;
	}
}

void control_lookup(fuse_req_t request, fuse_ino_t parent, const char *name)
{
	struct mount *mount = fuse_req_userdata(request);
	struct fuse_entry_param entry = {0};

	if (parent == FUSE_ROOT_ID)
		entry.ino = NUMBER_DIRECTORY;
	for (size_t i = 0; parent == NUMBER_DIRECTORY && i < FILES; i++)
		if (strcmp(name, files[i].name) == 0)
			entry.ino = NUMBER_FIRST_FILE + i;
	if (entry.ino == 0) {
		fuse_reply_err(request, ENOENT);
		return;
	}
	attributes_of(mount, entry.ino, &entry.attr);
	fuse_reply_entry(request, &entry);
}

void control_getattr(fuse_req_t request, fuse_ino_t number)
{
	struct stat attributes;

	attributes_of(fuse_req_userdata(request), number, &attributes);
	fuse_reply_attr(request, &attributes, 0);
}

void control_readdir(fuse_req_t request, size_t size, off_t offset, bool plus)
{
	char buffer[2048];
	size_t room = size < sizeof buffer ? size : sizeof buffer, used = 0;

	for (size_t i = (size_t)offset; i < FILES + 2; i++) {
		const char *name = i == 0 ? "." : i == 1 ? ".." : files[i - 2].name;
		struct fuse_entry_param entry = {.attr = {.st_mode = i < 2 ? S_IFDIR : S_IFREG,
							  .st_ino = i == 0   ? NUMBER_DIRECTORY
								    : i == 1 ? FUSE_ROOT_ID
									     : i + 1}};
		size_t length = plus ? fuse_add_direntry_plus(request, buffer + used, room - used,
							      name, &entry, (off_t)i + 1)
				     : fuse_add_direntry(request, buffer + used, room - used, name,
							 &entry.attr, (off_t)i + 1);
		if (length > room - used)
			break;
		used += length;
	}
	fuse_reply_buf(request, buffer, used);
}

/* The kernel has checked the mode; a descriptor may have been asked for by other ways. */
static bool may_administer(fuse_req_t request, const struct config *config)
{
	const struct fuse_ctx *context = fuse_req_ctx(request);
	gid_t groups[256];

	if (context->uid == 0 || context->uid == config->uid || (config->admin_mode & 0006) == 0006)
		return true;
	if ((config->admin_mode & 0060) != 0060)
		return false;
	int count = fuse_req_getgroups(request, 256, groups);
	for (int i = 0; i < count && i < 256; i++)
		if (groups[i] == config->admin_gid)
			return true;
	return context->gid == config->admin_gid;
}

static void session_get(struct session *session)
{
	pthread_mutex_lock(&session->lock);
	session->references++;
	pthread_mutex_unlock(&session->lock);
}

static void session_put(struct session *session)
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
	free(session->text);
	free(session);
}

void control_open(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *info)
{
	struct mount *mount = fuse_req_userdata(request);
	const struct control_file *file = &files[number - NUMBER_FIRST_FILE];
	int error = 0;

	if (file->make == NULL && !may_administer(request, mount->config))
		error = -EACCES;
	if (file->make != NULL && (info->flags & O_ACCMODE) != O_RDONLY)
		error = -EACCES;
	struct session *session = error == 0 ? calloc(1, sizeof *session) : NULL;
	if (error == 0 && session == NULL)
		error = -ENOMEM;
	if (error == 0 && file->make != NULL)
		error = file->make(mount, &session->text, &session->length);
	if (error != 0) {
		free(session);
		fuse_reply_err(request, -error);
		return;
	}
	pthread_mutex_init(&session->lock, NULL);
	session->mount = mount;
	session->is_admin = file->make == NULL;
	session->last_offset = -1;
	session->references = 1;
	info->fh = (uintptr_t)session;
	info->direct_io = 1;
	if (fuse_reply_open(request, info) != 0)
		session_put(session);
}

static struct session *session_of(const struct fuse_file_info *info)
{
	return (struct session *)(uintptr_t)info->fh;
}

/* Wakes who polls; called by the job with no lock held. */
static void wake_poll(struct job_waiter *waiter)
{
	struct session *session =
		(struct session *)((char *)waiter - offsetof(struct session, poll_waiter));

	pthread_mutex_lock(&session->lock);
	session->poll_waiting = false;
	if (session->poll != NULL)
		fuse_lowlevel_notify_poll(session->poll);
	pthread_mutex_unlock(&session->lock);
	session_put(session);
}

static void stop_polling(struct session *session, struct job *job)
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

void control_write(fuse_req_t request, fuse_ino_t number, const char *data, size_t size,
		   off_t offset, struct fuse_file_info *info)
{
	struct session *session = session_of(info);
	struct job *job;

	(void)number;
	(void)offset;
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
	int error = admin_start(session->mount, line, &job);
	free(line);
	if (job != NULL) {
		pthread_mutex_lock(&session->lock);
		struct job *former = session->job;
		session->job = job;
		session->position = 0;
		session->last_offset = -1;
		pthread_mutex_unlock(&session->lock);
		if (former != NULL)
			stop_polling(session, former);
		job_put(former);
	}
	if (error != 0)
		fuse_reply_err(request, -error);
	else
		fuse_reply_write(request, size);
}

void control_release(fuse_req_t request, struct fuse_file_info *info)
{
	struct session *session = session_of(info);

	if (session->job != NULL)
		stop_polling(session, session->job);
	session_put(session);
	fuse_reply_err(request, 0);
}

/* A parked read of `admin`. */
struct answer_call {
	struct call call;
	struct job_waiter waiter;
	struct session *session;
	struct job *job;
	size_t size;
	off_t offset;
};

static long read_answer(struct session *session, struct job *job, off_t offset, char *buffer,
			size_t size)
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

	if (call_take(&call->session->mount->calls, &call->call)) {
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

static void read_admin(fuse_req_t request, struct session *session, size_t size, off_t offset,
		       bool nonblock)
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
	call_park(&session->mount->calls, &call->call, request);
	job_wait(job, &call->waiter);
}

void control_read(fuse_req_t request, size_t size, off_t offset, struct fuse_file_info *info)
{
	struct session *session = session_of(info);

	if (session->is_admin) {
		read_admin(request, session, size, offset, (info->flags & O_NONBLOCK) != 0);
		return;
	}
	size_t start = (size_t)offset < session->length ? (size_t)offset : session->length;
	size_t left = session->length - start;
	/* The reader may have closed it before the reply returns. */
	session_get(session);
	fuse_reply_buf(request, session->text + start, size < left ? size : left);
	session_put(session);
}

void control_poll(fuse_req_t request, struct fuse_file_info *info, struct fuse_pollhandle *handle)
{
	struct session *session = session_of(info);
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
