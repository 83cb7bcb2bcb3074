/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The directory: names, attributes, and who may open what.
 */
#include "fs/control.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Node numbers below are never addresses, nor are those of the nodes that `control` has. */
enum { NUMBER_DIRECTORY = 2, NUMBER_FIRST_FILE = 3 };
#define NUMBER_END (NUMBER_FIRST_FILE + CONTROL_FILES)
#define NUMBER_API (1ull << 63)

static const char *const names[CONTROL_FILES] = {
	[CONTROL_ADMIN] = "admin",
	[CONTROL_STATUS] = "status",
	[CONTROL_METRICS] = "metrics",
	[CONTROL_CONFIG] = "config",
	[CONTROL_API] = "control",
	[CONTROL_INSTANCES] = "instances",
	[CONTROL_PUBLICATIONS] = "publications",
};

static enum control_file file_of(fuse_ino_t number)
{
	return number >= NUMBER_API ? CONTROL_API : (enum control_file)(number - NUMBER_FIRST_FILE);
}

static struct service *service_of(const struct control *control)
{
	return control->answerer->service != NULL ? control->answerer->service(control->owner)
						  : NULL;
}

static unsigned file_count(const struct control *control)
{
	return control->answerer->service != NULL ? CONTROL_FILES : CONTROL_API;
}

void control_init(struct control *control)
{
	pthread_mutex_init(&control->lock, NULL);
	LIST_INIT(&control->sessions);
}

bool control_owns(fuse_ino_t number, const char *name)
{
	if (name != NULL && number == FUSE_ROOT_ID)
		return strcmp(name, CONTROL_DIRECTORY) == 0;
	return (number >= NUMBER_DIRECTORY && number < NUMBER_END) || number >= NUMBER_API;
}

static void attributes_of(const struct control *control, fuse_ino_t number,
			  struct stat *attributes_out)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	memset(attributes_out, 0, sizeof *attributes_out);
	/* No path's number is so small but the root's. */
	attributes_out->st_ino =
		number >= NUMBER_API ? (ino_t)NUMBER_FIRST_FILE + CONTROL_API : number;
	attributes_out->st_uid = control->uid;
	attributes_out->st_gid = control->gid;
	attributes_out->st_mtim = attributes_out->st_atim = attributes_out->st_ctim = now;
	attributes_out->st_blksize = 4096;
	attributes_out->st_nlink = 1;
	if (number < NUMBER_FIRST_FILE) {
		attributes_out->st_mode = S_IFDIR | 0555;
		attributes_out->st_nlink = 2;
	} else if (file_of(number) == CONTROL_ADMIN) {
		attributes_out->st_mode = S_IFREG | control->admin_mode;
		attributes_out->st_gid = control->admin_gid;
	} else if (file_of(number) == CONTROL_API) {
		attributes_out->st_mode = S_IFREG | control->api_mode;
		attributes_out->st_gid = control->api_gid;
	} else {
		attributes_out->st_mode = S_IFREG | 0444;
	}
}

void control_lookup(struct control *control, fuse_req_t request, fuse_ino_t parent,
		    const char *name)
{
	struct fuse_entry_param entry = {0};

	if (parent == FUSE_ROOT_ID && strcmp(name, CONTROL_DIRECTORY) == 0)
		entry.ino = NUMBER_DIRECTORY;
	for (unsigned i = 0; parent < NUMBER_FIRST_FILE && i < file_count(control); i++)
		if (strcmp(name, names[i]) == 0)
			entry.ino = NUMBER_FIRST_FILE + i;
	if (entry.ino == 0) {
		fuse_reply_err(request, ENOENT);
		return;
	}
	if (file_of(entry.ino) == CONTROL_API)
		entry.ino = NUMBER_API + atomic_fetch_add(&control->api_nodes, 1);
	attributes_of(control, entry.ino, &entry.attr);
	fuse_reply_entry(request, &entry);
}

void control_getattr(const struct control *control, fuse_req_t request, fuse_ino_t number)
{
	struct stat attributes;

	attributes_of(control, number, &attributes);
	fuse_reply_attr(request, &attributes, 0);
}

void control_readdir(const struct control *control, fuse_req_t request, fuse_ino_t number,
		     size_t size, off_t offset, bool plus)
{
	char buffer[2048];
	size_t room = size < sizeof buffer ? size : sizeof buffer, used = 0;

	for (size_t i = (size_t)offset; i < file_count(control) + 2; i++) {
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

/* The kernel has checked the mode; a descriptor may have been asked for by other ways. For reading
 * and writing. */
static bool may_use(fuse_req_t request, const struct control *control, mode_t mode, gid_t group)
{
	const struct fuse_ctx *context = fuse_req_ctx(request);
	gid_t groups[256];

	if (context->uid == 0 || context->uid == control->uid || (mode & 0006) == 0006)
		return true;
	if ((mode & 0060) != 0060)
		return false;
	int count = fuse_req_getgroups(request, 256, groups);
	for (int i = 0; i < count && i < 256; i++)
		if (groups[i] == group)
			return true;
	return context->gid == group;
}

/* What who asks by REQUEST may see of the service. */
static int make_list(const struct control *control, fuse_req_t request, enum control_file file,
		     struct control_content *content_out)
{
	uid_t uid = fuse_req_ctx(request)->uid;
	bool all = uid == 0 || uid == control->uid;
	char *text = NULL;
	size_t length = 0;
	FILE *stream = open_memstream(&text, &length);

	if (stream == NULL)
		return -ENOMEM;
	int error = file == CONTROL_INSTANCES
			    ? service_list_instances(service_of(control), all, uid, stream)
			    : service_list_publications(service_of(control), all, uid, stream);
	if (fclose(stream) != 0 && error == 0)
		error = -ENOMEM;
	if (error != 0) {
		free(text);
		return error;
	}
	content_out->text = text;
	content_out->length = length;
	return 0;
}

static int make_content(const struct control *control, fuse_req_t request, enum control_file file,
			int flags, struct control_content *content_out)
{
	bool writes = (flags & O_ACCMODE) != O_RDONLY;

	if (file == CONTROL_ADMIN)
		return may_use(request, control, control->admin_mode, control->admin_gid) ? 0
											  : -EACCES;
	if (file == CONTROL_API && writes &&
	    !may_use(request, control, control->api_mode, control->api_gid))
		return -EACCES;
	if (file == CONTROL_API)
		return control_api_open(service_of(control), request, flags, &content_out->api);
	if (writes)
		return -EACCES;
	if (file == CONTROL_INSTANCES || file == CONTROL_PUBLICATIONS)
		return make_list(control, request, file, content_out);
	return control->answerer->text[file](control->owner, &content_out->text,
					     &content_out->length);
}

void control_open(struct control *control, fuse_req_t request, fuse_ino_t number,
		  struct fuse_file_info *info)
{
	struct control_content content = {0};
	struct control_session *session = NULL;
	int error = make_content(control, request, file_of(number), info->flags, &content);

	if (error == 0 && (session = control_session_begin(control, &content)) == NULL)
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
