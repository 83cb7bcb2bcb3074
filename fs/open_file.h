/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One open(2) of a file, from the answer to OPEN to RELEASE: what fuse_file_info.fh points to. The
 * kernel sends no RELEASE for what is open when the connection ends. Any thread.
 */
#ifndef FS_OPEN_FILE_H
#define FS_OPEN_FILE_H

#include <pthread.h>
#include <sys/queue.h>

#include "fs/readahead.h"

struct node;
struct fetch_file;

struct open_file {
	LIST_ENTRY(open_file) in_all; /* open_files.lock */
	struct node *node;
	struct fetch_file *file;
	pthread_mutex_t lock;
	struct readahead readahead; /* lock */
};

struct open_files {
	pthread_mutex_t lock;
	LIST_HEAD(, open_file) all;
};

void open_files_init(struct open_files *files);
/* Frees what was not released. NODE and FILE are not touched. */
void open_files_end(struct open_files *files);
/* Borrows NODE and FILE. NULL: not enough memory. */
struct open_file *open_file_create(struct open_files *files, struct node *node,
				   struct fetch_file *file);
void open_file_free(struct open_files *files, struct open_file *open_file);

#endif
