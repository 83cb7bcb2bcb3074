/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The directory: names, attributes, and who may open what.
 */
#include "fs/control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Node numbers below are never addresses. */
enum { NUMBER_DIRECTORY = 2, NUMBER_FIRST_FILE = 3 };
#define NUMBER_END (NUMBER_FIRST_FILE + CONTROL_FILES)

static const char *const names[CONTROL_FILES] = {
	[CONTROL_ADMIN] = "admin",
	[CONTROL_STATUS] = "status",
	[CONTROL_METRICS] = "metrics",
	[CONTROL_CONFIG] = "config",
};

void control_init(struct control *control)
{
	pthread_mutex_init(&control->lock, NULL);
	LIST_INIT(&control->sessions);
}

bool control_owns(fuse_ino_t number, const char *name)
{
	if (name != NULL && number == FUSE_ROOT_ID)
		return strcmp(name, CONTROL_DIRECTORY) == 0;
	return number >= NUMBER_DIRECTORY && number < NUMBER_END;
}

static void attributes_of(const struct control *control, fuse_ino_t number,
			  struct stat *attributes_out)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	memset(attributes_out, 0, sizeof *attributes_out);
	/* No path's number is so small but the root's. */
	attributes_out->st_ino = number;
	attributes_out->st_uid = control->uid;
	attributes_out->st_gid = control->gid;
	attributes_out->st_mtim = attributes_out->st_atim = attributes_out->st_ctim = now;
	attributes_out->st_blksize = 4096;
	attributes_out->st_nlink = 1;
	if (number < NUMBER_FIRST_FILE) {
		attributes_out->st_mode = S_IFDIR | 0555;
		attributes_out->st_nlink = 2;
	} else if (number == NUMBER_FIRST_FILE + CONTROL_ADMIN) {
		attributes_out->st_mode = S_IFREG | control->admin_mode;
		attributes_out->st_gid = control->admin_gid;
	} else {
		attributes_out->st_mode = S_IFREG | 0444;
	}
}

void control_lookup(const struct control *control, fuse_req_t request, fuse_ino_t parent,
		    const char *name)
{
	struct fuse_entry_param entry = {0};

	if (parent == FUSE_ROOT_ID && strcmp(name, CONTROL_DIRECTORY) == 0)
		entry.ino = NUMBER_DIRECTORY;
	for (unsigned i = 0; parent < NUMBER_FIRST_FILE && i < CONTROL_FILES; i++)
		if (strcmp(name, names[i]) == 0)
			entry.ino = NUMBER_FIRST_FILE + i;
	if (entry.ino == 0) {
		fuse_reply_err(request, ENOENT);
		return;
	}
	attributes_of(control, entry.ino, &entry.attr);
	fuse_reply_entry(request, &entry);
}

void control_getattr(const struct control *control, fuse_req_t request, fuse_ino_t number)
{
	struct stat attributes;

	attributes_of(control, number, &attributes);
	fuse_reply_attr(request, &attributes, 0);
}

void control_readdir(fuse_req_t request, fuse_ino_t number, size_t size, off_t offset, bool plus)
{
	char buffer[2048];
	size_t room = size < sizeof buffer ? size : sizeof buffer, used = 0;

	for (size_t i = (size_t)offset; i < CONTROL_FILES + 2; i++) {
		const char *name = i == 0 ? "." : i == 1 ? ".." : names[i - 2];
		struct fuse_entry_param entry = {
			.attr = {.st_mode = i < 2 ? S_IFDIR : S_IFREG,
				 .st_ino = i == 0   ? number
					   : i == 1 ? FUSE_ROOT_ID
						    : NUMBER_FIRST_FILE + i - 2}};
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
static bool may_administer(fuse_req_t request, const struct control *control)
{
	const struct fuse_ctx *context = fuse_req_ctx(request);
	gid_t groups[256];

	if (context->uid == 0 || context->uid == control->uid ||
	    (control->admin_mode & 0006) == 0006)
		return true;
	if ((control->admin_mode & 0060) != 0060)
		return false;
	int count = fuse_req_getgroups(request, 256, groups);
	for (int i = 0; i < count && i < 256; i++)
		if (groups[i] == control->admin_gid)
			return true;
	return context->gid == control->admin_gid;
}

void control_open(struct control *control, fuse_req_t request, fuse_ino_t number,
		  struct fuse_file_info *info)
{
	control_text *make = control->answerer->text[number - NUMBER_FIRST_FILE];
	struct control_session *session;
	char *text = NULL;
	size_t length = 0;
	int error = 0;

	if (make == NULL && !may_administer(request, control))
		error = -EACCES;
	if (make != NULL && (info->flags & O_ACCMODE) != O_RDONLY)
		error = -EACCES;
	if (error == 0 && make != NULL)
		error = make(control->owner, &text, &length);
	if (error == 0 && (session = control_session_begin(control, text, length)) == NULL)
		error = -ENOMEM;
	if (error != 0) {
		fuse_reply_err(request, -error);
		return;
	}
	info->fh = (uintptr_t)session;
	info->direct_io = 1;
	if (fuse_reply_open(request, info) != 0)
		control_session_end(session);
}
