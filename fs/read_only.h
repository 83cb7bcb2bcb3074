/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The FUSE operations that would change names or attributes: EROFS. Also those of the same shape:
 * rmdir and removexattr as unlink.
 */
#ifndef FS_READ_ONLY_H
#define FS_READ_ONLY_H

#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>

void read_only_mknod(fuse_req_t request, fuse_ino_t parent, const char *name, mode_t mode,
		     dev_t dev);
void read_only_mkdir(fuse_req_t request, fuse_ino_t parent, const char *name, mode_t mode);
void read_only_unlink(fuse_req_t request, fuse_ino_t parent, const char *name);
void read_only_symlink(fuse_req_t request, const char *target, fuse_ino_t parent, const char *name);
void read_only_rename(fuse_req_t request, fuse_ino_t parent, const char *name,
		      fuse_ino_t new_parent, const char *new_name, unsigned flags);
void read_only_link(fuse_req_t request, fuse_ino_t number, fuse_ino_t parent, const char *name);
void read_only_setxattr(fuse_req_t request, fuse_ino_t number, const char *name, const char *value,
			size_t size, int flags);

/* Of struct fuse_lowlevel_ops, one after another. */
#define READ_ONLY_OPERATIONS                                                                       \
	.setxattr = read_only_setxattr, .removexattr = read_only_unlink, .mknod = read_only_mknod, \
	.mkdir = read_only_mkdir, .unlink = read_only_unlink, .rmdir = read_only_unlink,           \
	.symlink = read_only_symlink, .rename = read_only_rename, .link = read_only_link

#endif
