/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/control_mount.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "cache/log.h"
#include "fs/mounts.h"
#include "fs/quiet_mount.h"
#include "fs/read_only.h"
#include "fs/unmounter.h"

/* How often readers who wait are looked at, whether they were killed: fs/call.h. */
#define TICK_MS 100

struct control_mount {
	struct control control;
	struct calls calls;
	struct jobs *jobs;
	struct fuse_session *session;
	char *directory; /* resolved */
	int end;         /* eventfd */
	int unmounter;   /* -1: we can do it ourselves */
	bool serving;    /* the thread runs */
	pthread_t thread;
};

/* ---- the operations ---- */

static struct control *control_of(fuse_req_t request)
{
	struct control_mount *mount = fuse_req_userdata(request);

	return &mount->control;
}

static void op_init(void *userdata, struct fuse_conn_info *connection)
{
	(void)userdata;
	connection->want |= connection->capable & FUSE_CAP_ATOMIC_O_TRUNC;
}

static void op_lookup(fuse_req_t request, fuse_ino_t parent, const char *name)
{
	control_lookup(control_of(request), request, parent, name);
}

static void op_getattr(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *info)
{
	(void)info;
	control_getattr(control_of(request), request, number);
}

static void op_setattr(fuse_req_t request, fuse_ino_t number, struct stat *attributes, int to_set,
		       struct fuse_file_info *info)
{
	(void)attributes;
	(void)info;
	if (to_set == FUSE_SET_ATTR_SIZE) /* of a shell's ">" */
		control_getattr(control_of(request), request, number);
	else
		fuse_reply_err(request, EROFS);
}

static void op_readdir(fuse_req_t request, fuse_ino_t number, size_t size, off_t offset,
		       struct fuse_file_info *info)
{
	(void)info;
	control_readdir(control_of(request), request, number, size, offset, false);
}

static void op_open(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *info)
{
	control_open(control_of(request), request, number, info);
}

static void op_read(fuse_req_t request, fuse_ino_t number, size_t size, off_t offset,
		    struct fuse_file_info *info)
{
	(void)number;
	control_read(request, size, offset, info);
}

static void op_write(fuse_req_t request, fuse_ino_t number, const char *data, size_t size,
		     off_t offset, struct fuse_file_info *info)
{
	(void)number;
	control_write(request, data, size, offset, info);
}

static void op_poll(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *info,
		    struct fuse_pollhandle *handle)
{
	(void)number;
	control_poll(request, info, handle);
}

static void op_release(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *info)
{
	(void)number;
	control_release(request, info);
}

static const struct fuse_lowlevel_ops operations = {
	.init = op_init,
	.lookup = op_lookup,
	.getattr = op_getattr,
	.setattr = op_setattr,
	.readdir = op_readdir,
	.open = op_open,
	.read = op_read,
	.write = op_write,
	.poll = op_poll,
	.release = op_release,
	READ_ONLY_OPERATIONS,
};

/* ---- serving ---- */

/* One request. False: there will be none any more. */
static bool answer(struct fuse_session *session, struct fuse_buf *buffer)
{
	int got = fuse_session_receive_buf(session, buffer);

	if (got > 0)
		fuse_session_process_buf(session, buffer);
	/* Who is killed may take a request back after poll() has seen it. */
	return got > 0 || got == -EINTR || got == -EAGAIN;
}

static void *serve(void *argument)
{
	struct control_mount *mount = argument;
	struct pollfd ready[] = {{.fd = fuse_session_fd(mount->session), .events = POLLIN},
				 {.fd = mount->end, .events = POLLIN}};
	struct fuse_buf buffer = {0};
	bool parked = false, goes_on = true;

	while (goes_on) {
		int count = poll(ready, 2, parked ? TICK_MS : -1);

		if (count > 0 && ready[1].revents != 0)
			break;
		if (count > 0)
			goes_on = answer(mount->session, &buffer);
		parked = calls_tick(&mount->calls);
	}
	if (!goes_on)
		log_warning("the control directory %s was unmounted, and is no more",
			    mount->directory);
	free(buffer.mem);
	return NULL;
}

static int start_serving(struct control_mount *mount)
{
	int descriptor = fuse_session_fd(mount->session);
	int error;

	if (fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK) < 0)
		return -errno;
	error = -pthread_create(&mount->thread, NULL, serve, mount);
	mount->serving = error == 0;
	return error;
}

/* ---- mounting ---- */

/* That the control directory of another process is at DIRECTORY. */
static bool is_taken(const char *directory)
{
	struct statfs system;
	char path[PATH_MAX];

	if (statfs(directory, &system) < 0 || system.f_type != FUSE_SUPER_MAGIC)
		return false;
	snprintf(path, sizeof path, "%s/" CONTROL_DIRECTORY, directory);
	return access(path, F_OK) == 0;
}

struct topmost {
	const char *directory;
	bool ours;
};

static int look_for_ours(void *context, const struct mntent *mount)
{
	struct topmost *topmost = context;

	if (strcmp(mount->mnt_dir, topmost->directory) == 0)
		topmost->ours = strcmp(mount->mnt_type, "fuse." CONTROL_MOUNT_SUBTYPE) == 0;
	return 0;
}

/* What a control directory's process has left behind that was killed; for who may. */
static bool take_away(const char *directory)
{
	struct topmost topmost = {.directory = directory};

	return mounts_each(look_for_ours, &topmost) == 0 && topmost.ours &&
	       umount2(directory, MNT_DETACH | UMOUNT_NOFOLLOW) == 0;
}

static int look_at(const char *directory)
{
	struct stat status;

	if (stat(directory, &status) < 0)
		return -errno;
	return S_ISDIR(status.st_mode) ? 0 : -ENOTDIR;
}

static int check_directory(const char *directory, char *message, size_t message_size)
{
	char name[LOG_NAME_MAX];
	int error = look_at(directory);

	log_escape(name, sizeof name, directory);
	if (error == -ENOTCONN && take_away(directory))
		error = look_at(directory);
	if (error == -ENOTCONN)
		snprintf(message, message_size,
			 "the control directory %s was left by a process that has died; take it "
			 "away with: fusermount3 -u %s",
			 name, name);
	else if (error == -ENOENT)
		snprintf(message, message_size,
			 "the control directory %s does not exist; make it first (mkdir -p %s)",
			 name, name);
	else if (error != 0)
		snprintf(message, message_size, "the control directory %s: %s; name another", name,
			 strerror(-error));
	if (error == 0 && is_taken(directory)) {
		error = -EBUSY;
		snprintf(message, message_size,
			 "the control directory %s is another process' already; name another",
			 name);
	}
	return error;
}

static int mount_session(struct control_mount *mount, bool others, char *message,
			 size_t message_size)
{
	char options[128], reason[QUIET_MOUNT_REASON], name[LOG_NAME_MAX];
	char *arguments[] = {"peerdist", "-o", options, NULL};
	struct fuse_args args = FUSE_ARGS_INIT(3, arguments);

	snprintf(options, sizeof options, "fsname=peerdist,subtype=%s,default_permissions,noexec%s",
		 CONTROL_MOUNT_SUBTYPE, others ? ",allow_other" : "");
	mount->session = fuse_session_new(&args, &operations, sizeof operations, mount);
	fuse_opt_free_args(&args);
	if (mount->session == NULL) {
		snprintf(message, message_size, "cannot make a file system: out of memory");
		return -ENOMEM;
	}
	int error = quiet_mount(mount->session, mount->directory, reason);
	if (error != 0)
		snprintf(message, message_size, "cannot mount the control directory %s: %s",
			 log_escape(name, sizeof name, mount->directory),
			 *reason != '\0' ? reason : strerror(-error));
	return error;
}

/* ---- beginning and end ---- */

static int create_parts(struct control_mount *mount, const struct control_mount_options *options)
{
	mount->end = eventfd(0, EFD_CLOEXEC);
	mount->directory = realpath(options->directory, NULL);
	if (mount->end < 0 || mount->directory == NULL)
		return -errno;
	int error = jobs_create(&mount->jobs);
	if (error != 0)
		return error;
	calls_init(&mount->calls);
	mount->control.answerer = options->answerer;
	mount->control.owner = options->owner;
	mount->control.jobs = mount->jobs;
	mount->control.calls = &mount->calls;
	mount->control.uid = geteuid();
	mount->control.gid = mount->control.admin_gid = getegid();
	mount->control.admin_mode = 0600;
	control_init(&mount->control);
	return 0;
}

int control_mount_start(const struct control_mount_options *options,
			struct control_mount **mount_out, char *message, size_t message_size)
{
	int error = check_directory(options->directory, message, message_size);

	if (error != 0)
		return error;
	struct control_mount *mount = calloc(1, sizeof *mount);
	if (mount == NULL) {
		snprintf(message, message_size, "cannot serve a control directory: out of memory");
		return -ENOMEM;
	}
	mount->end = -1;
	mount->unmounter = -1;
	error = create_parts(mount, options);
	snprintf(message, message_size, "cannot serve a control directory: %s",
		 strerror(error != 0 ? -error : EAGAIN));
	if (error == 0)
		error = mount_session(mount, options->others, message, message_size);
	if (error == 0)
		error = start_serving(mount);
	if (error != 0) {
		control_mount_end(mount);
		return error;
	}
	*mount_out = mount;
	return 0;
}

int control_mount_keep(struct control_mount *mount)
{
	int unmounter = unmounter_start(mount->directory);

	if (unmounter < 0)
		return unmounter;
	mount->unmounter = unmounter;
	return 0;
}

void control_mount_end(struct control_mount *mount)
{
	if (mount == NULL)
		return;
	/* With them all ends that anybody could be waiting for. */
	jobs_stop(mount->jobs);
	if (mount->serving) {
		eventfd_write(mount->end, 1);
		pthread_join(mount->thread, NULL);
	}
	if (mount->session != NULL) {
		unmounter_end(mount->unmounter, fuse_session_fd(mount->session));
		fuse_session_unmount(mount->session);
	}
	if (mount->jobs != NULL)
		control_end(&mount->control);
	if (mount->session != NULL)
		fuse_session_destroy(mount->session);
	jobs_destroy(mount->jobs);
	if (mount->end >= 0)
		close(mount->end);
	free(mount->directory);
	free(mount);
}
