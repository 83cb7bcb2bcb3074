/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A directory of this machine as a source of contents. Names are resolved by the kernel and do not
 * lead out (file_tree.h); what is neither file nor directory is not there.
 *
 * A version is (device, inode, size, mtime, ctime), taken from the descriptor that is sent; its
 * entity tag is a hash of them. File systems stamp by a clock that ticks, so a file that was
 * changed during the last tick may change again and keep its stamps: its look waits for the tick to
 * be over. One that still changes then has a weak tag that never matches, and is not published.
 */
#ifndef ORIGIN_CONTENT_TREE_H
#define ORIGIN_CONTENT_TREE_H

#include "origin/content_source.h"
#include "origin/file_tree.h"

/* FOLLOWED: symbolic links may lead out. 0, or a negative errno with a MESSAGE. */
int content_tree_open(const char *path, bool followed, struct content_source **source_out,
		      char *message, size_t message_size);
/* The tree that SOURCE, made by content_tree_open(), is of. */
const struct file_tree *content_tree_root(const struct content_source *source);

/* What FILE is when its stamps mean something; waits a tick for that if it must. SETTLED_OUT: they
 * do. 0 or a negative errno. */
int content_tree_status(int file, struct stat *status_out, bool *settled_out);

#endif
