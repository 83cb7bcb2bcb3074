/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/open_file.h"

#include <stdlib.h>

void open_files_init(struct open_files *files)
{
	pthread_mutex_init(&files->lock, NULL);
	LIST_INIT(&files->all);
}

struct open_file *open_file_create(struct open_files *files, struct node *node,
				   struct fetch_file *file)
{
	struct open_file *open_file = calloc(1, sizeof *open_file);

	if (open_file == NULL)
		return NULL;
	open_file->node = node;
	open_file->file = file;
	pthread_mutex_init(&open_file->lock, NULL);
	pthread_mutex_lock(&files->lock);
	LIST_INSERT_HEAD(&files->all, open_file, in_all);
	pthread_mutex_unlock(&files->lock);
	return open_file;
}

void open_file_free(struct open_files *files, struct open_file *open_file)
{
	pthread_mutex_lock(&files->lock);
	LIST_REMOVE(open_file, in_all);
	pthread_mutex_unlock(&files->lock);
	pthread_mutex_destroy(&open_file->lock);
	free(open_file);
}

void open_files_end(struct open_files *files)
{
	while (!LIST_EMPTY(&files->all))
		open_file_free(files, LIST_FIRST(&files->all));
	pthread_mutex_destroy(&files->lock);
}
