/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The FUSE operations: translate, call, reply. What needs the network is parked (fs/call.h). What
 * concerns `.peerdist` goes to fs/control.h.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "cache/log.h"
#include "fs/control.h"
#include "fs/mount.h"
#include "fs/opening.h"
#include "fs/read_only.h"

/* Replies with more pieces than writev(2) takes are copied together. */
#define VECTORS_MAX 1000
/* Names asked of the catalog at a time. */
#define NAMES_AT_ONCE 128
/* readdir offsets: "." is 0, ".." 1, the catalog's cookies follow. */
#define COOKIE_BASE 2

static struct mount *mount_of(fuse_req_t request)
{
	return fuse_req_userdata(request);
}

static struct node *node_of(struct mount *mount, fuse_ino_t number)
{
	return number == FUSE_ROOT_ID ? nodes_root(mount->nodes) : (struct node *)(uintptr_t)number;
}

static fuse_ino_t number_of(struct mount *mount, const struct node *node)
{
	return node == nodes_root(mount->nodes) ? FUSE_ROOT_ID : (fuse_ino_t)(uintptr_t)node;
}

/* A parked request that concerns NODE, which it keeps. */
struct parked {
	struct call call;
	struct mount *mount;
	struct node *node;
	char *name;                 /* LOOKUP */
	struct fuse_file_info info; /* OPEN, OPENDIR */
};

static struct parked *park(fuse_req_t request, struct node *node, const char *name,
			   const struct fuse_file_info *info)
{
	struct parked *parked = calloc(1, sizeof *parked);

	if (parked == NULL || (name != NULL && (parked->name = strdup(name)) == NULL)) {
		free(parked);
		fuse_reply_err(request, ENOMEM);
		return NULL;
	}
	parked->mount = mount_of(request);
	parked->node = node;
	if (info != NULL)
		parked->info = *info;
	node_get(parked->mount->nodes, node);
	call_park(&parked->mount->calls, &parked->call, request);
	return parked;
}

static void unpark(struct parked *parked)
{
	node_forget(parked->mount->nodes, parked->node, 1);
	free(parked->name);
	free(parked);
}

/* Names */

static void fill_entry(struct mount *mount, struct node *node, double believed,
		       struct fuse_entry_param *entry_out)
{
	memset(entry_out, 0, sizeof *entry_out);
	entry_out->ino = number_of(mount, node);
	entry_out->entry_timeout = entry_out->attr_timeout = believed;
	node_attributes(mount->nodes, node, &entry_out->attr);
}

static void reply_lookup(struct parked *parked, int error, const struct names_answer *answer)
{
	struct mount *mount = parked->mount;
	fuse_req_t request = parked->call.request;
	struct fuse_entry_param entry = {.entry_timeout = (double)answer->believed};

	/* What is not there cannot be taken back from the kernel when the cache is cleared, except
	 * with the directory that it is not in. */
	bool in_root = parked->node == nodes_root(mount->nodes);
	if (error == -ENOENT && answer->believed > 0 && !in_root) {
		fuse_reply_entry(request, &entry);
		return;
	}
	if (error != 0) {
		fuse_reply_err(request, -error);
		return;
	}
	struct node *node = node_lookup(mount->nodes, parked->node, parked->name, &answer->entry);
	if (node == NULL) {
		fuse_reply_err(request, ENOMEM);
		return;
	}
	fill_entry(mount, node, (double)answer->believed, &entry);
	if (fuse_reply_entry(request, &entry) != 0)
		node_forget(mount->nodes, node, 1);
}

static void looked_up(void *context, int error, const struct names_answer *answer)
{
	struct parked *parked = context;

	if (call_take(&parked->mount->calls, &parked->call))
		reply_lookup(parked, error, answer);
	unpark(parked);
}

static void op_lookup(fuse_req_t request, fuse_ino_t parent, const char *name)
{
	struct mount *mount = mount_of(request);
	char dir[NODE_PATH_MAX];

	if (control_owns(parent, name)) {
		control_lookup(&mount->control, request, parent, name);
		return;
	}
	struct node *node = node_of(mount, parent);
	int error = strlen(name) > DIRECTORY_NAME_MAX ? -ENAMETOOLONG
						      : node_path(node, dir, sizeof dir);
	if (error != 0) {
		fuse_reply_err(request, -error);
		return;
	}
	struct parked *parked = park(request, node, name, NULL);
	if (parked != NULL)
		names_resolve(mount->names, dir, name, NAMES_EXACT, looked_up, parked);
}

static void op_forget(fuse_req_t request, fuse_ino_t number, uint64_t lookups)
{
	struct mount *mount = mount_of(request);

	if (!control_owns(number, NULL))
		node_forget(mount->nodes, node_of(mount, number), lookups);
	fuse_reply_none(request);
}

static void op_forget_multi(fuse_req_t request, size_t count, struct fuse_forget_data *forgets)
{
	struct mount *mount = mount_of(request);

	for (size_t i = 0; i < count; i++)
		if (!control_owns(forgets[i].ino, NULL))
			node_forget(mount->nodes, node_of(mount, forgets[i].ino),
				    forgets[i].nlookup);
	fuse_reply_none(request);
}

static void op_getattr(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *info)
{
	struct mount *mount = mount_of(request);
	struct stat attributes;

	(void)info;
	if (control_owns(number, NULL)) {
		control_getattr(&mount->control, request, number);
		return;
	}
	node_attributes(mount->nodes, node_of(mount, number), &attributes);
	fuse_reply_attr(request, &attributes, (double)names_revalidate(mount->names));
}

/* Directories */

static void close_directory(struct mount *mount, const struct fuse_file_info *info)
{
	catalog_release(mount->catalog, (struct catalog_hold *)(uintptr_t)info->fh);
}

static void opened_directory(void *context, int error)
{
	struct parked *parked = context;
	bool open = false;

	if (call_take(&parked->mount->calls, &parked->call)) {
		if (error != 0)
			fuse_reply_err(parked->call.request, -error);
		else
			open = fuse_reply_open(parked->call.request, &parked->info) == 0;
	}
	if (!open)
		close_directory(parked->mount, &parked->info);
	unpark(parked);
}

static void op_opendir(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *info)
{
	struct mount *mount = mount_of(request);
	char dir[NODE_PATH_MAX];

	if (control_owns(number, NULL)) {
		fuse_reply_open(request, info);
		return;
	}
	struct node *node = node_of(mount, number);
	int error = node_path(node, dir, sizeof dir);
	if (error != 0) {
		fuse_reply_err(request, -error);
		return;
	}
	struct parked *parked = park(request, node, NULL, info);
	if (parked == NULL)
		return;
	/* Before it is looked whether the listing is there: it must not go meanwhile. */
	parked->info.fh = (uintptr_t)catalog_hold(mount->catalog, dir);
	names_list(mount->names, dir, opened_directory, parked);
}

static void op_releasedir(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *info)
{
	if (!control_owns(number, NULL))
		close_directory(mount_of(request), info);
	fuse_reply_err(request, 0);
}

/* One answer to READDIR or READDIRPLUS while it is put together. */
struct page {
	fuse_req_t request;
	struct mount *mount;
	struct node *node;
	bool plus;
	int64_t believed;
	char *buffer;
	size_t size, used;
};

/* Returns whether it went in. ENTRY with ino 0: a name without attributes. */
static bool add_name(struct page *page, const char *name, const struct fuse_entry_param *entry,
		     off_t next)
{
	char *place = page->buffer + page->used;
	size_t left = page->size - page->used;
	size_t length =
		page->plus
			? fuse_add_direntry_plus(page->request, place, left, name, entry, next)
			: fuse_add_direntry(page->request, place, left, name, &entry->attr, next);

	if (length > left)
		return false;
	page->used += length;
	return true;
}

static bool add_dots(struct page *page, off_t offset)
{
	static const char *const dots[] = {".", ".."};
	struct fuse_entry_param entry = {.attr = {.st_mode = S_IFDIR}};

	for (off_t i = offset; i < COOKIE_BASE; i++) {
		const struct node *dot =
			i == 1 && page->node->parent ? page->node->parent : page->node;
		entry.attr.st_ino = dot->number;
		if (!add_name(page, dots[i], &entry, i + 1))
			return false;
	}
	return true;
}

static bool add_found(struct page *page, const struct catalog_name *found)
{
	struct fuse_entry_param entry = {
		.attr = {.st_mode = found->entry.kind == ENTRY_DIRECTORY ? S_IFDIR : S_IFREG}};
	struct node *node = NULL;
	off_t next = (off_t)found->cookie + COOKIE_BASE;

	/* A size that is not exact is not shown: the first stat asks for it. */
	if (page->plus &&
	    (found->entry.kind == ENTRY_DIRECTORY || (found->entry.flags & ENTRY_SIZE_EXACT)))
		node = node_lookup(page->mount->nodes, page->node, found->name, &found->entry);
	if (node != NULL)
		fill_entry(page->mount, node, (double)page->believed, &entry);
	else
		entry.attr.st_ino = node_number(page->node, found->name);
	bool added = add_name(page, found->name, &entry, next);
	if (!added && node != NULL)
		node_forget(page->mount->nodes, node, 1);
	return added;
}

static int add_listed(struct page *page, const char *dir, off_t offset)
{
	struct catalog_name *names = calloc(NAMES_AT_ONCE, sizeof *names);
	uint64_t after = offset > COOKIE_BASE ? (uint64_t)(offset - COOKIE_BASE) : 0;
	bool room = names != NULL;
	int count = names != NULL ? 0 : -ENOMEM;

	while (room) {
		count = catalog_read(page->mount->catalog, dir, after, names, NAMES_AT_ONCE);
		if (count <= 0)
			break;
		for (int i = 0; i < count && room; i++)
			room = add_found(page, &names[i]);
		after = names[count - 1].cookie;
	}
	free(names);
	return count < 0 ? count : 0;
}

static void read_directory(fuse_req_t request, fuse_ino_t number, size_t size, off_t offset,
			   bool plus)
{
	struct mount *mount = mount_of(request);
	char dir[NODE_PATH_MAX];

	if (control_owns(number, NULL)) {
		control_readdir(&mount->control, request, number, size, offset, plus);
		return;
	}
	struct page page = {.request = request,
			    .mount = mount,
			    .node = node_of(mount, number),
			    .plus = plus,
			    .buffer = malloc(size),
			    .size = size};
	int error = page.buffer == NULL ? -ENOMEM : node_path(page.node, dir, sizeof dir);
	if (error == 0) {
		page.believed = names_listing_left(mount->names, dir);
		if (add_dots(&page, offset))
			error = add_listed(&page, dir, offset);
	}
	if (error != 0)
		fuse_reply_err(request, -error);
	else
		fuse_reply_buf(request, page.buffer, page.used);
	free(page.buffer);
}

static void op_readdir(fuse_req_t request, fuse_ino_t number, size_t size, off_t offset,
		       struct fuse_file_info *info)
{
	(void)info;
	read_directory(request, number, size, offset, false);
}

static void op_readdirplus(fuse_req_t request, fuse_ino_t number, size_t size, off_t offset,
			   struct fuse_file_info *info)
{
	(void)info;
	read_directory(request, number, size, offset, true);
}

/* Files */

static void reply_opened(struct parked *parked, int error, struct fetch_file *file)
{
	struct mount *mount = parked->mount;
	struct open_file *open_file =
		error == 0 ? open_file_create(&mount->open_files, parked->node, file) : NULL;

	if (error == 0 && open_file == NULL) {
		opening_close(mount, parked->node);
		error = -ENOMEM;
	}
	if (error != 0) {
		fuse_reply_err(parked->call.request, -error);
		return;
	}
	parked->info.fh = (uintptr_t)open_file;
	parked->info.keep_cache = 1; /* a node is one version */
	if (fuse_reply_open(parked->call.request, &parked->info) != 0) {
		opening_close(mount, parked->node);
		open_file_free(&mount->open_files, open_file);
	}
}

static void opened(void *context, int error, struct fetch_file *file)
{
	struct parked *parked = context;

	if (call_take(&parked->mount->calls, &parked->call))
		reply_opened(parked, error, file);
	else if (error == 0)
		opening_close(parked->mount, parked->node);
	unpark(parked);
}

static void op_open(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *info)
{
	struct mount *mount = mount_of(request);

	if (control_owns(number, NULL)) {
		control_open(&mount->control, request, number, info);
		return;
	}
	if ((info->flags & O_ACCMODE) != O_RDONLY || (info->flags & O_TRUNC)) {
		fuse_reply_err(request, EROFS);
		return;
	}
	struct node *node = node_of(mount, number);
	struct parked *parked = park(request, node, NULL, info);
	if (parked != NULL)
		opening_start(mount, node, opened, parked);
}

static void op_release(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *info)
{
	struct mount *mount = mount_of(request);

	if (control_owns(number, NULL)) {
		control_release(request, info);
		return;
	}
	struct open_file *open_file = (struct open_file *)(uintptr_t)info->fh;
	opening_close(mount, open_file->node);
	open_file_free(&mount->open_files, open_file);
	fuse_reply_err(request, 0);
}

struct read_call {
	struct call call;
	struct fetch_read read;
	struct mount *mount;
	struct node *node;
};

static void reply_copied(fuse_req_t request, const struct iovec *vectors, int count, size_t length)
{
	char *buffer = malloc(length);
	size_t used = 0;

	if (buffer == NULL) {
		fuse_reply_err(request, ENOMEM);
		return;
	}
	for (int i = 0; i < count; used += vectors[i++].iov_len)
		memcpy(buffer + used, vectors[i].iov_base, vectors[i].iov_len);
	fuse_reply_buf(request, buffer, used);
	free(buffer);
}

/* Logs what cannot be seen from the errno, and notes that the origin has another version. */
static int read_error(struct read_call *call, int error)
{
	static struct log_limit limit;
	char path[NODE_PATH_MAX], dir[NODE_PATH_MAX], name[LOG_NAME_MAX];

	if (node_path(call->node, path, sizeof path) != 0 ||
	    node_path(call->node->parent, dir, sizeof dir) != 0)
		return EIO;
	log_limited(&limit, LOG_LEVEL_WARNING, "reading /%s at %llu: %s",
		    log_escape(name, sizeof name, path), (unsigned long long)call->read.offset,
		    error == -ESTALE ? "the origin has another version now"
				     : strerrorname_np(-error));
	if (error == -ESTALE)
		names_doubt(call->mount->names, dir, call->node->name,
			    fetch_file_validator(call->read.file),
			    object_cached(fetch_file_object(call->read.file)) == 0);
	return error == -ETIMEDOUT ? EIO : -error;
}

static void read_done(struct fetch_read *read, int error)
{
	struct read_call *call =
		(struct read_call *)((char *)read - offsetof(struct read_call, read));
	struct mount *mount = call->mount;

	if (error != 0)
		error = read_error(call, error);
	if (call_take(&mount->calls, &call->call)) {
		if (error != 0)
			fuse_reply_err(call->call.request, error);
		else if (read->vector_count > VECTORS_MAX)
			reply_copied(call->call.request, read->vectors, read->vector_count,
				     read->length);
		else
			fuse_reply_iov(call->call.request, read->vectors, read->vector_count);
	}
	node_forget(mount->nodes, call->node, 1);
	fetch_file_put(read->file);
	free(call);
}

static void op_read(fuse_req_t request, fuse_ino_t number, size_t size, off_t offset,
		    struct fuse_file_info *info)
{
	struct mount *mount = mount_of(request);

	if (control_owns(number, NULL)) {
		control_read(request, size, offset, info);
		return;
	}
	struct open_file *open_file = (struct open_file *)(uintptr_t)info->fh;
	struct node *node = open_file->node;
	atomic_fetch_add_explicit(&mount->reads, 1, memory_order_relaxed);
	if (offset >= node->size) {
		fuse_reply_buf(request, NULL, 0);
		return;
	}
	struct read_call *call = calloc(1, sizeof *call);
	if (call == NULL) {
		fuse_reply_err(request, ENOMEM);
		return;
	}
	uint64_t left = (uint64_t)(node->size - offset);
	call->mount = mount;
	call->node = node;
	call->read.file = fetch_file_get(open_file->file);
	call->read.offset = (uint64_t)offset;
	call->read.length = size < left ? size : (size_t)left;
	call->read.done = read_done;
	node_get(mount->nodes, node);
	pthread_mutex_lock(&open_file->lock);
	call->read.ahead =
		readahead_advance(&open_file->readahead, call->read.offset, call->read.length,
				  (uint64_t)node->size, mount->window_max);
	call->read.reach = readahead_reach(&open_file->readahead, (uint64_t)node->size);
	pthread_mutex_unlock(&open_file->lock);
	call_park(&mount->calls, &call->call, request);
	fetch_read(&call->read);
}

/* The rest */

static void op_statfs(fuse_req_t request, fuse_ino_t number)
{
	struct mount *mount = mount_of(request);
	struct store_usage usage;
	struct statvfs answer = {
		.f_bsize = 4096, .f_frsize = 4096, .f_namemax = DIRECTORY_NAME_MAX};

	(void)number;
	store_usage(mount->store, &usage);
	answer.f_blocks = usage.limit / answer.f_frsize;
	answer.f_bfree =
		usage.used < usage.limit ? (usage.limit - usage.used) / answer.f_frsize : 0;
	answer.f_bavail = answer.f_bfree;
	fuse_reply_statfs(request, &answer);
}

static void op_setattr(fuse_req_t request, fuse_ino_t number, struct stat *attributes, int to_set,
		       struct fuse_file_info *info)
{
	(void)attributes;
	(void)info;
	/* "echo COMMAND > admin" truncates; where the kernel does it apart from the open it is
	 * here. */
	if (control_owns(number, NULL) && to_set == FUSE_SET_ATTR_SIZE)
		control_getattr(&mount_of(request)->control, request, number);
	else
		fuse_reply_err(request, EROFS);
}

static void op_write(fuse_req_t request, fuse_ino_t number, const char *data, size_t size,
		     off_t offset, struct fuse_file_info *info)
{
	if (control_owns(number, NULL))
		control_write(request, data, size, offset, info);
	else
		fuse_reply_err(request, EROFS);
}

static void op_ioctl(fuse_req_t request, fuse_ino_t number, unsigned command, void *argument,
		     struct fuse_file_info *info, unsigned flags, const void *message,
		     size_t in_size, size_t out_size)
{
	(void)argument;
	if (control_owns(number, NULL) && !(flags & FUSE_IOCTL_DIR))
		control_ioctl(request, command, info, message, in_size, out_size);
	else
		fuse_reply_err(request, ENOTTY);
}

static void op_poll(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *info,
		    struct fuse_pollhandle *handle)
{
	if (control_owns(number, NULL)) {
		control_poll(request, info, handle);
		return;
	}
	if (handle != NULL)
		fuse_pollhandle_destroy(handle);
	fuse_reply_poll(request, POLLIN | POLLRDNORM);
}

static void root_listed(void *context, int error)
{
	(void)context;
	(void)error; /* whoever needs it asks again and is told */
}

static void op_init(void *userdata, struct fuse_conn_info *connection)
{
	struct mount *mount = userdata;

	/* A node is one version, so pages are never dropped for a changed size or time; a listing
	 * always brings the attributes that it knows; and who is killed in an asynchronous direct
	 * read could not be let go. */
	connection->want &= ~(unsigned)(FUSE_CAP_AUTO_INVAL_DATA | FUSE_CAP_READDIRPLUS_AUTO |
					FUSE_CAP_ASYNC_DIO);
	connection->want |=
		connection->capable & (FUSE_CAP_READDIRPLUS | FUSE_CAP_ASYNC_READ |
				       FUSE_CAP_PARALLEL_DIROPS | FUSE_CAP_ATOMIC_O_TRUNC);
	connection->max_background = 64;
	connection->congestion_threshold = 48;
	/* libfuse wants to hear it twice. */
	connection->max_read = config_max_read(mount->config);
	mount_service_begin(mount);
	/* The first look will be into the root; the connection is warm by then. */
	names_list(mount->names, "", root_listed, NULL);
}

const struct fuse_lowlevel_ops mount_operations = {
	.init = op_init,
	.lookup = op_lookup,
	.forget = op_forget,
	.forget_multi = op_forget_multi,
	.getattr = op_getattr,
	.setattr = op_setattr,
	.opendir = op_opendir,
	.releasedir = op_releasedir,
	.readdir = op_readdir,
	.readdirplus = op_readdirplus,
	.open = op_open,
	.read = op_read,
	.write = op_write,
	.ioctl = op_ioctl,
	.poll = op_poll,
	.release = op_release,
	.statfs = op_statfs,
	.getxattr = xattr_get,
	.listxattr = xattr_list,
	READ_ONLY_OPERATIONS,
};
