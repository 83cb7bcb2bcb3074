/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Looking at a directory tree of this machine without ever leaving it: every name is resolved by
 * the kernel below the tree's root (openat2, RESOLVE_BENEATH), so neither ".." nor a symbolic link
 * leads out, unless links are FOLLOWED; then a PATH must not hold "..". Only regular files and
 * directories exist; whatever else there is, is absent. Blocking; any thread.
 */
#ifndef ORIGIN_FILE_TREE_H
#define ORIGIN_FILE_TREE_H

#include <stdbool.h>
#include <sys/stat.h>

#include "cache/directory.h"

struct file_tree {
	int root;      /* a descriptor of the directory */
	bool followed; /* symbolic links may lead out of it */
};

/* A descriptor for reading the regular file at PATH below the root, with what it is. Negative
 * errno: -ENOENT also for what leads out and for what is no regular file. */
int file_tree_open(const struct file_tree *tree, const char *path, struct stat *status_out);
/* The same, without waiting for any disk: -EAGAIN when what is needed for it is not in memory, and
 * for whatever else is in the way. May be called on a loop thread. */
int file_tree_open_now(const struct file_tree *tree, const char *path, struct stat *status_out);
int file_tree_stat(const struct file_tree *tree, const char *path, struct entry *entry_out);
int file_tree_list(const struct file_tree *tree, const char *path, struct directory *directory);
/* Whether two looks were at the same version of one file. */
bool file_tree_same(const struct stat *before, const struct stat *after);
void file_tree_entry(const struct stat *status, struct entry *entry_out);

#endif
