/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The job's thread walks the names; files are opened and read by callbacks, some at a time, so that
 * a tree of small files does not take a round trip each.
 */
#include "fs/warm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/opening.h"

/* Files at a time; octets of one file at a time. Our choice. */
#define FILES_MAX 16u
#define PORTION (4u << 20)
/* Deeper than any real tree, and an end to links that lead back. */
#define DEPTH_MAX 128
/* How often a file that changes under us is looked up anew. */
#define TRIES_MAX 3
#define NAMES_AT_ONCE 64

struct warmth {
	struct mount *mount;
	struct job *job;
	pthread_mutex_t lock; /* all below */
	pthread_cond_t changed;
	unsigned files;       /* under way */
	uint64_t done, total; /* octets */
	int error;            /* the first */
};

struct warm_file {
	struct warmth *warmth;
	struct node *node;
	struct fetch_read read;
	uint64_t position;
	unsigned tries;
	struct pool_job job;
};

/* What a callback brings to the walking thread. */
struct arrival {
	pthread_mutex_t lock;
	pthread_cond_t come;
	bool here;
	int error;
	struct entry entry;
};

static void arrival_init(struct arrival *arrival)
{
	memset(arrival, 0, sizeof *arrival);
	pthread_mutex_init(&arrival->lock, NULL);
	pthread_cond_init(&arrival->come, NULL);
}

static void arrive(struct arrival *arrival, int error)
{
	pthread_mutex_lock(&arrival->lock);
	arrival->error = error;
	arrival->here = true;
	pthread_cond_signal(&arrival->come);
	pthread_mutex_unlock(&arrival->lock);
}

static int await(struct arrival *arrival)
{
	pthread_mutex_lock(&arrival->lock);
	while (!arrival->here)
		pthread_cond_wait(&arrival->come, &arrival->lock);
	pthread_mutex_unlock(&arrival->lock);
	pthread_mutex_destroy(&arrival->lock);
	pthread_cond_destroy(&arrival->come);
	return arrival->error;
}

static void resolved(void *context, int error, const struct names_answer *answer)
{
	struct arrival *arrival = context;

	arrival->entry = answer->entry;
	arrive(arrival, error);
}

static void listed(void *context, int error)
{
	arrive(context, error);
}

/* The node of NAME in PARENT, with a lookup taken. */
static int find_node(struct mount *mount, struct node *parent, const char *name,
		     struct node **node_out)
{
	char dir[NODE_PATH_MAX];
	struct arrival arrival;
	int error = node_path(parent, dir, sizeof dir);

	if (error != 0)
		return error;
	arrival_init(&arrival);
	names_resolve(mount->names, dir, name, NAMES_EXACT, resolved, &arrival);
	error = await(&arrival);
	if (error != 0)
		return error;
	struct node *node = node_lookup(mount->nodes, parent, name, &arrival.entry);
	if (node == NULL)
		return -ENOMEM;
	*node_out = node;
	return 0;
}

static void file_end(struct warm_file *file, int error)
{
	struct warmth *warmth = file->warmth;

	node_forget(warmth->mount->nodes, file->node, 1);
	free(file);
	pthread_mutex_lock(&warmth->lock);
	if (error != 0 && warmth->error == 0)
		warmth->error = error;
	warmth->files--;
	pthread_cond_signal(&warmth->changed);
	pthread_mutex_unlock(&warmth->lock);
}

static void close_file(struct warm_file *file, int error)
{
	if (error == 0 && !object_complete(fetch_file_object(file->read.file)))
		error = -ENOSPC; /* the cache is too small, or its disk is full */
	opening_close(file->warmth->mount, file->node);
	file_end(file, error);
}

static void next_portion(struct pool_job *job)
{
	struct warm_file *file =
		(struct warm_file *)((char *)job - offsetof(struct warm_file, job));
	uint64_t left = (uint64_t)file->node->size - file->position;

	if (left == 0 || job_cancelled(file->warmth->job)) {
		close_file(file, left == 0 ? 0 : -ECANCELED);
		return;
	}
	file->read.offset = file->position;
	file->read.length = left < PORTION ? left : PORTION;
	file->read.ahead = file->position + (left < 2 * PORTION ? left : 2 * PORTION);
	file->read.attempts = 0;
	fetch_read(&file->read);
}

static void portion_read(struct fetch_read *read, int error)
{
	struct warm_file *file =
		(struct warm_file *)((char *)read - offsetof(struct warm_file, read));
	struct warmth *warmth = file->warmth;

	if (error != 0) {
		close_file(file, error == -ETIMEDOUT ? -EIO : error);
		return;
	}
	file->position += read->length;
	pthread_mutex_lock(&warmth->lock);
	warmth->done += read->length;
	uint64_t done = warmth->done, total = warmth->total;
	pthread_mutex_unlock(&warmth->lock);
	job_progress(warmth->job, done, total);
	/* By way of the pool: what is present already answers at once, and would nest. */
	file->job.run = next_portion;
	pool_submit(warmth->mount->pool, POOL_IDLE, &file->job);
}

static void opened(void *context, int error, struct fetch_file *fetch_file);

static void found_again(void *context, int error, const struct names_answer *answer)
{
	struct warm_file *file = context;
	struct mount *mount = file->warmth->mount;
	struct node *node = NULL;

	if (error == 0 && answer->entry.kind == ENTRY_FILE)
		node = node_lookup(mount->nodes, file->node->parent, file->node->name,
				   &answer->entry);
	if (node == NULL) {
		file_end(file, error != 0 ? error : -ESTALE);
		return;
	}
	node_forget(mount->nodes, file->node, 1);
	file->node = node;
	opening_start(mount, node, opened, file);
}

static void opened(void *context, int error, struct fetch_file *fetch_file)
{
	struct warm_file *file = context;
	struct mount *mount = file->warmth->mount;
	char dir[NODE_PATH_MAX];

	if (error == -ESTALE && ++file->tries < TRIES_MAX &&
	    node_path(file->node->parent, dir, sizeof dir) == 0) {
		names_resolve(mount->names, dir, file->node->name, NAMES_EXACT, found_again, file);
		return;
	}
	if (error != 0) {
		file_end(file, error);
		return;
	}
	file->read.file = fetch_file;
	file->read.store_only = true;
	file->read.done = portion_read;
	file->job.run = next_portion;
	pool_submit(mount->pool, POOL_IDLE, &file->job);
}

/* NODE's lookup goes over to the file. */
static int start_file(struct warmth *warmth, struct node *node)
{
	struct warm_file *file = calloc(1, sizeof *file);

	if (file == NULL) {
		node_forget(warmth->mount->nodes, node, 1);
		return -ENOMEM;
	}
	file->warmth = warmth;
	file->node = node;
	pthread_mutex_lock(&warmth->lock);
	while (warmth->files >= FILES_MAX)
		pthread_cond_wait(&warmth->changed, &warmth->lock);
	warmth->files++;
	warmth->total += (uint64_t)node->size;
	pthread_mutex_unlock(&warmth->lock);
	opening_start(warmth->mount, node, opened, file);
	return 0;
}

static int walk(struct warmth *warmth, struct node *directory, unsigned depth);

static int walk_name(struct warmth *warmth, struct node *parent, const char *name, unsigned depth)
{
	struct node *node;
	int error = find_node(warmth->mount, parent, name, &node);

	if (error != 0)
		return error;
	if (!node->directory)
		return start_file(warmth, node);
	error = walk(warmth, node, depth + 1);
	node_forget(warmth->mount->nodes, node, 1);
	return error;
}

static void note(struct warmth *warmth, int error)
{
	pthread_mutex_lock(&warmth->lock);
	if (error != 0 && warmth->error == 0)
		warmth->error = error;
	pthread_mutex_unlock(&warmth->lock);
}

static int walk(struct warmth *warmth, struct node *directory, unsigned depth)
{
	struct catalog_name *names = calloc(NAMES_AT_ONCE, sizeof *names);
	char dir[NODE_PATH_MAX];
	struct catalog *catalog = warmth->mount->catalog;
	struct catalog_hold *hold = NULL;
	struct arrival arrival;
	uint64_t after = 0;
	int count = 0;
	int error = names == NULL        ? -ENOMEM
		    : depth >= DEPTH_MAX ? -ELOOP
					 : node_path(directory, dir, sizeof dir);

	if (error == 0) {
		hold = catalog_hold(catalog, dir);
		arrival_init(&arrival);
		names_list(warmth->mount->names, dir, listed, &arrival);
		error = await(&arrival);
	}
	while (error == 0 &&
	       (count = catalog_read(catalog, dir, after, names, NAMES_AT_ONCE)) > 0) {
		for (int i = 0; i < count && error == 0; i++) {
			note(warmth, walk_name(warmth, directory, names[i].name, depth));
			error = job_cancelled(warmth->job) ? -ECANCELED : 0;
		}
		after = names[count - 1].cookie;
	}
	catalog_release(catalog, hold);
	free(names);
	return error != 0 ? error : count;
}

/* Like walk_name() for a path of several names. */
static int walk_path(struct warmth *warmth, const char *path)
{
	struct mount *mount = warmth->mount;
	struct node *node = nodes_root(mount->nodes);
	char *copy = strdup(path), *rest = copy, *name;
	int error = copy != NULL ? 0 : -ENOMEM;

	node_get(mount->nodes, node);
	while (error == 0 && (name = strsep(&rest, "/")) != NULL) {
		struct node *child;
		if (*name == '\0')
			continue;
		error = node->directory ? find_node(mount, node, name, &child) : -ENOTDIR;
		if (error == 0) {
			node_forget(mount->nodes, node, 1);
			node = child;
		}
	}
	free(copy);
	if (error == 0 && !node->directory)
		return start_file(warmth, node);
	if (error == 0)
		error = walk(warmth, node, 0);
	node_forget(mount->nodes, node, 1);
	return error;
}

int warm_path(struct mount *mount, struct job *job, const char *path)
{
	struct warmth warmth = {.mount = mount, .job = job};

	pthread_mutex_init(&warmth.lock, NULL);
	pthread_cond_init(&warmth.changed, NULL);
	note(&warmth, walk_path(&warmth, path));
	pthread_mutex_lock(&warmth.lock);
	while (warmth.files > 0)
		pthread_cond_wait(&warmth.changed, &warmth.lock);
	pthread_mutex_unlock(&warmth.lock);
	pthread_mutex_destroy(&warmth.lock);
	pthread_cond_destroy(&warmth.changed);
	return warmth.error;
}
