/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The least that a FUSE file system can do, as the floor to measure against: a read-only view of a
 * local directory. passthrough [--splice] [FUSE options] DIRECTORY MOUNTPOINT
 *
 * Low-level API, multithreaded loop, kernel pages kept over opens (FOPEN_KEEP_CACHE), timeouts of
 * one second, everything else as libfuse has it by default. Reads are pread() into a buffer;
 * with --splice the octets go from the file to the kernel by splice. An ioctl is answered with what
 * it came with.
 */
#define FUSE_USE_VERSION 34
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <pthread.h>
#include <search.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TIMEOUT_SECONDS 1.0

struct node {
	dev_t device;
	ino_t inode;
	int path; /* O_PATH descriptor */
	uint64_t lookups;
};

static struct node root;
static bool with_splice;
static pthread_mutex_t nodes_lock = PTHREAD_MUTEX_INITIALIZER;
static void *nodes; /* tree by device and inode; under nodes_lock, as node.lookups */

static struct node *node_of(fuse_ino_t number)
{
	return number == FUSE_ROOT_ID ? &root : (struct node *)(uintptr_t)number;
}

static int compare_nodes(const void *left, const void *right)
{
	const struct node *a = left, *b = right;

	if (a->inode != b->inode)
		return a->inode < b->inode ? -1 : 1;
	return a->device < b->device ? -1 : a->device > b->device;
}

/* Takes PATH over. The kernel must see one number for one file, or it drops its pages. */
static struct node *remember(int path, const struct stat *st)
{
	struct node *made = calloc(1, sizeof(*made)), *node;

	if (!made)
		return NULL;
	made->device = st->st_dev;
	made->inode = st->st_ino;
	made->path = path;
	pthread_mutex_lock(&nodes_lock);
	node = *(struct node **)tsearch(made, &nodes, compare_nodes);
	node->lookups++;
	pthread_mutex_unlock(&nodes_lock);
	if (node != made) {
		close(path);
		free(made);
	}
	return node;
}

static void do_lookup(fuse_req_t request, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param entry = {.attr_timeout = TIMEOUT_SECONDS,
					 .entry_timeout = TIMEOUT_SECONDS};
	int path = openat(node_of(parent)->path, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct node *node;

	if (path < 0) {
		fuse_reply_err(request, errno);
		return;
	}
	node = fstat(path, &entry.attr) ? NULL : remember(path, &entry.attr);
	if (!node) {
		close(path);
		fuse_reply_err(request, EIO);
		return;
	}
	entry.ino = (uintptr_t)node;
	fuse_reply_entry(request, &entry);
}

static void do_forget(fuse_req_t request, fuse_ino_t number, uint64_t count)
{
	struct node *node = node_of(number);

	pthread_mutex_lock(&nodes_lock);
	if (node != &root && (node->lookups -= count) == 0) {
		tdelete(node, &nodes, compare_nodes);
		close(node->path);
		free(node);
	}
	pthread_mutex_unlock(&nodes_lock);
	fuse_reply_none(request);
}

static void do_getattr(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *file)
{
	struct stat st;

	(void)file;
	if (fstatat(node_of(number)->path, "", &st, AT_EMPTY_PATH))
		fuse_reply_err(request, errno);
	else
		fuse_reply_attr(request, &st, TIMEOUT_SECONDS);
}

static int reopen(fuse_ino_t number, int flags)
{
	char name[64];

	snprintf(name, sizeof(name), "/proc/self/fd/%d", node_of(number)->path);
	return open(name, flags | O_CLOEXEC);
}

static void do_open(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *file)
{
	int descriptor;

	if ((file->flags & O_ACCMODE) != O_RDONLY) {
		fuse_reply_err(request, EROFS);
		return;
	}
	descriptor = reopen(number, O_RDONLY);
	if (descriptor < 0) {
		fuse_reply_err(request, errno);
		return;
	}
	file->fh = (uint64_t)descriptor;
	file->keep_cache = 1;
	fuse_reply_open(request, file);
}

static void do_read(fuse_req_t request, fuse_ino_t number, size_t size, off_t offset,
		    struct fuse_file_info *file)
{
	static __thread char *buffer;
	static __thread size_t room;
	ssize_t got;

	(void)number;
	if (with_splice) {
		struct fuse_bufvec source = FUSE_BUFVEC_INIT(size);

		source.buf[0].flags = FUSE_BUF_IS_FD | FUSE_BUF_FD_SEEK;
		source.buf[0].fd = (int)file->fh;
		source.buf[0].pos = offset;
		fuse_reply_data(request, &source, FUSE_BUF_SPLICE_MOVE);
		return;
	}
	if (room < size) {
		free(buffer);
		buffer = malloc(size);
		room = buffer ? size : 0;
	}
	got = buffer ? pread((int)file->fh, buffer, size, offset) : -1;
	if (got < 0)
		fuse_reply_err(request, EIO);
	else
		fuse_reply_buf(request, buffer, (size_t)got);
}

static void do_release(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *file)
{
	(void)number;
	close((int)file->fh);
	fuse_reply_err(request, 0);
}

static void do_opendir(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *file)
{
	int descriptor = reopen(number, O_RDONLY | O_DIRECTORY);
	DIR *dir = descriptor < 0 ? NULL : fdopendir(descriptor);

	if (!dir) {
		fuse_reply_err(request, errno);
		return;
	}
	file->fh = (uintptr_t)dir;
	fuse_reply_open(request, file);
}

static void do_readdir(fuse_req_t request, fuse_ino_t number, size_t size, off_t offset,
		       struct fuse_file_info *file)
{
	DIR *dir = (DIR *)(uintptr_t)file->fh;
	char *buffer = malloc(size);
	size_t used = 0, wanted;
	struct dirent *found;

	(void)number;
	seekdir(dir, offset);
	while (buffer && (found = readdir(dir))) {
		struct stat st = {.st_ino = found->d_ino, .st_mode = DTTOIF(found->d_type)};

		wanted = fuse_add_direntry(request, buffer + used, size - used, found->d_name, &st,
					   found->d_off);
		if (wanted > size - used)
			break;
		used += wanted;
	}
	fuse_reply_buf(request, buffer, used);
	free(buffer);
}

static void do_releasedir(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *file)
{
	(void)number;
	closedir((DIR *)(uintptr_t)file->fh);
	fuse_reply_err(request, 0);
}

/* Nothing is done but to answer, with what came. */
static void do_ioctl(fuse_req_t request, fuse_ino_t number, int command, void *argument,
		     struct fuse_file_info *file, unsigned flags, const void *in, size_t in_size,
		     size_t out_size)
{
	(void)number;
	(void)command;
	(void)argument;
	(void)file;
	(void)flags;
	fuse_reply_ioctl(request, 0, in, in_size < out_size ? in_size : out_size);
}

static void do_init(void *context, struct fuse_conn_info *connection)
{
	(void)context;
	if (with_splice)
		connection->want |=
			connection->capable & (FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE);
	else
		connection->want &= ~(unsigned)(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE);
}

static const struct fuse_lowlevel_ops operations = {
	.init = do_init,
	.lookup = do_lookup,
	.forget = do_forget,
	.getattr = do_getattr,
	.open = do_open,
	.read = do_read,
	.release = do_release,
	.opendir = do_opendir,
	.readdir = do_readdir,
	.releasedir = do_releasedir,
	.ioctl = do_ioctl,
};

static int serve(struct fuse_args *arguments, const char *mountpoint)
{
	struct fuse_loop_config loop = {.clone_fd = 0, .max_idle_threads = 10};
	struct fuse_session *session =
		fuse_session_new(arguments, &operations, sizeof(operations), NULL);
	int status = 1;

	if (!session)
		return 1;
	if (fuse_set_signal_handlers(session))
		goto destroy;
	if (fuse_session_mount(session, mountpoint))
		goto handlers;
	status = fuse_session_loop_mt(session, &loop);
	fuse_session_unmount(session);
handlers:
	fuse_remove_signal_handlers(session);
destroy:
	fuse_session_destroy(session);
	return status ? 1 : 0;
}

int main(int argc, char **argv)
{
	struct fuse_args arguments = FUSE_ARGS_INIT(0, NULL);
	int status;

	fuse_opt_add_arg(&arguments, argv[0]);
	for (int i = 1; i < argc - 2; i++) {
		if (strcmp(argv[i], "--splice") == 0)
			with_splice = true;
		else
			fuse_opt_add_arg(&arguments, argv[i]);
	}
	root.path = argc < 3 ? -1 : open(argv[argc - 2], O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root.path < 0) {
		fprintf(stderr,
			"usage: passthrough [--splice] [-o OPTIONS] DIRECTORY MOUNTPOINT\n");
		return 2;
	}
	status = serve(&arguments, argv[argc - 1]);
	fuse_opt_free_args(&arguments);
	return status;
}
