/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The control directory, MOUNTPOINT/.peerdist (interface.md): found by name, not listed in the
 * root. `status`, `metrics` and `config` are texts, made at open. `admin` takes one command line
 * by write and gives its answer to reads on the same descriptor, in the order of reading, whatever
 * the offset; reading from offset 0 again starts over. All files are direct I/O.
 */
#ifndef FS_CONTROL_H
#define FS_CONTROL_H

#include "fs/mount.h"

#define CONTROL_DIRECTORY ".peerdist"
/* Longest command line. */
#define CONTROL_COMMAND_MAX 65536u

/* NAME NULL: whether NUMBER is of the control directory or a file in it; else whether NAME in
 * NUMBER is to be looked up here. */
bool control_owns(fuse_ino_t number, const char *name);

void control_lookup(fuse_req_t request, fuse_ino_t parent, const char *name);
void control_getattr(fuse_req_t request, fuse_ino_t number);
void control_readdir(fuse_req_t request, size_t size, off_t offset, bool plus);
void control_open(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *info);
void control_read(fuse_req_t request, size_t size, off_t offset, struct fuse_file_info *info);
void control_write(fuse_req_t request, fuse_ino_t number, const char *data, size_t size,
		   off_t offset, struct fuse_file_info *info);
void control_poll(fuse_req_t request, struct fuse_file_info *info, struct fuse_pollhandle *handle);
void control_release(fuse_req_t request, struct fuse_file_info *info);

/* The extended attributes user.peerdist.* (fs/xattr.c). */
void xattr_get(fuse_req_t request, fuse_ino_t number, const char *name, size_t size);
void xattr_list(fuse_req_t request, fuse_ino_t number, size_t size);

#endif
