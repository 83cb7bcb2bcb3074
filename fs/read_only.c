/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/read_only.h"

#include <errno.h>

void read_only_mknod(fuse_req_t request, fuse_ino_t parent, const char *name, mode_t mode,
		     dev_t dev)
{
	(void)parent;
	(void)name;
	(void)mode;
	(void)dev;
	fuse_reply_err(request, EROFS);
}

void read_only_mkdir(fuse_req_t request, fuse_ino_t parent, const char *name, mode_t mode)
{
	(void)parent;
	(void)name;
	(void)mode;
	fuse_reply_err(request, EROFS);
}

void read_only_unlink(fuse_req_t request, fuse_ino_t parent, const char *name)
{
	(void)parent;
	(void)name;
	fuse_reply_err(request, EROFS);
}

void read_only_symlink(fuse_req_t request, const char *target, fuse_ino_t parent, const char *name)
{
	(void)target;
	read_only_unlink(request, parent, name);
}

void read_only_rename(fuse_req_t request, fuse_ino_t parent, const char *name,
		      fuse_ino_t new_parent, const char *new_name, unsigned flags)
{
	(void)new_parent;
	(void)new_name;
	(void)flags;
	read_only_unlink(request, parent, name);
}

void read_only_link(fuse_req_t request, fuse_ino_t number, fuse_ino_t parent, const char *name)
{
	(void)number;
	read_only_unlink(request, parent, name);
}

void read_only_setxattr(fuse_req_t request, fuse_ino_t number, const char *name, const char *value,
			size_t size, int flags)
{
	(void)number;
	(void)name;
	(void)value;
	(void)size;
	(void)flags;
	fuse_reply_err(request, EROFS);
}
