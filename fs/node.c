/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/node.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "fs/fetch.h"

#define BUCKETS_FIRST 1024u

struct nodes {
	pthread_mutex_t lock;
	struct nodes_owner owner; /* immutable */
	struct node *root;        /* immutable */
	struct node **buckets;    /* of nodes but the root; a power of two */
	uint64_t bucket_count, count;
};

uint64_t node_number(const struct node *parent, const char *name)
{
	return XXH3_64bits_withSeed(name, strlen(name), parent->number);
}

static struct node *node_create(struct node *parent, const char *name, const struct entry *entry)
{
	size_t length = strlen(name);
	struct node *node = calloc(1, sizeof *node + length + 1);

	if (node == NULL)
		return NULL;
	memcpy(node->name, name, length + 1);
	node->parent = parent;
	node->number = parent == NULL ? 1 : node_number(parent, name);
	node->directory = entry->kind == ENTRY_DIRECTORY;
	node->size = entry->size > 0 && !node->directory ? entry->size : 0;
	node->unsized_ = entry->size < 0 && !node->directory;
	node->mtime = entry->mtime > 0 ? entry->mtime : 0;
	node->mode = (uint16_t)entry->mode;
	return node;
}

int nodes_create(const struct nodes_owner *owner, struct nodes **nodes_out)
{
	struct nodes *nodes = calloc(1, sizeof *nodes);
	const struct entry root = {.kind = ENTRY_DIRECTORY, .size = -1, .mtime = -1};

	if (nodes == NULL)
		return -ENOMEM;
	nodes->buckets = calloc(BUCKETS_FIRST, sizeof *nodes->buckets);
	nodes->root = node_create(NULL, "", &root);
	if (nodes->buckets == NULL || nodes->root == NULL) {
		free(nodes->buckets);
		free(nodes->root);
		free(nodes);
		return -ENOMEM;
	}
	pthread_mutex_init(&nodes->lock, NULL);
	nodes->owner = *owner;
	nodes->bucket_count = BUCKETS_FIRST;
	nodes->root->lookups = 1;
	nodes->root->current = true;
	*nodes_out = nodes;
	return 0;
}

struct node *nodes_root(struct nodes *nodes)
{
	return nodes->root;
}

static struct node **bucket_of(struct nodes *nodes, const struct node *node)
{
	return &nodes->buckets[node->number & (nodes->bucket_count - 1)];
}

static void grow(struct nodes *nodes)
{
	struct node **former = nodes->buckets;
	uint64_t former_count = nodes->bucket_count;
	struct node **buckets = calloc(2 * former_count, sizeof *buckets);

	if (buckets == NULL)
		return;
	nodes->buckets = buckets;
	nodes->bucket_count = 2 * former_count;
	for (uint64_t i = 0; i < former_count; i++) {
		struct node *next;
		for (struct node *node = former[i]; node != NULL; node = next) {
			struct node **bucket = bucket_of(nodes, node);
			next = node->next;
			node->next = *bucket;
			*bucket = node;
		}
	}
	free(former);
}

static void insert(struct nodes *nodes, struct node *node)
{
	if (nodes->count >= nodes->bucket_count)
		grow(nodes);
	struct node **bucket = bucket_of(nodes, node);
	node->next = *bucket;
	*bucket = node;
	nodes->count++;
}

static void remove_(struct nodes *nodes, struct node *node)
{
	struct node **link = bucket_of(nodes, node);

	while (*link != node)
		link = &(*link)->next;
	*link = node->next;
	nodes->count--;
}

static uint64_t tag_of(const struct entry *entry)
{
	size_t length = strlen(entry->validator);

	return length > 0 ? XXH3_64bits(entry->validator, length) | 1 : 0;
}

static bool same_version(const struct node *node, const struct entry *entry)
{
	if (node->directory || entry->kind == ENTRY_DIRECTORY)
		return node->directory == (entry->kind == ENTRY_DIRECTORY);
	if (node->unsized_ || entry->size < 0) {
		if (node->unsized_ != (entry->size < 0))
			return false;
	} else if (node->size != entry->size) {
		return false;
	}
	uint64_t tag = tag_of(entry);
	return node->tag == 0 || tag == 0 || node->tag == tag;
}

/* But the time: a node keeps the one it was first shown with, for programs that look at it before
 * and after they read take another one for another content. */
static void take_over(struct node *node, const struct entry *entry)
{
	if (node->tag == 0)
		node->tag = tag_of(entry);
	node->mode = (uint16_t)entry->mode;
}

bool node_is(struct nodes *nodes, struct node *node, const struct entry *entry)
{
	pthread_mutex_lock(&nodes->lock);
	bool same = same_version(node, entry);
	if (same)
		take_over(node, entry);
	pthread_mutex_unlock(&nodes->lock);
	return same;
}

static struct node *find(struct nodes *nodes, const struct node *parent, const char *name)
{
	uint64_t number = node_number(parent, name);

	for (struct node *node = nodes->buckets[number & (nodes->bucket_count - 1)]; node != NULL;
	     node = node->next)
		if (node->number == number && node->current && node->parent == parent &&
		    strcmp(node->name, name) == 0)
			return node;
	return NULL;
}

struct node *node_lookup(struct nodes *nodes, struct node *parent, const char *name,
			 const struct entry *entry)
{
	pthread_mutex_lock(&nodes->lock);
	struct node *node = find(nodes, parent, name);
	if (node != NULL && same_version(node, entry)) {
		take_over(node, entry);
		node->lookups++;
	} else {
		struct node *made = node_create(parent, name, entry);
		if (made != NULL) {
			if (node != NULL)
				node->current = false;
			made->tag = tag_of(entry);
			made->current = true;
			made->lookups = 1;
			parent->lookups++;
			insert(nodes, made);
		}
		node = made;
	}
	pthread_mutex_unlock(&nodes->lock);
	return node;
}

void node_get(struct nodes *nodes, struct node *node)
{
	pthread_mutex_lock(&nodes->lock);
	node->lookups++;
	pthread_mutex_unlock(&nodes->lock);
}

void node_forget(struct nodes *nodes, struct node *node, uint64_t lookups)
{
	pthread_mutex_lock(&nodes->lock);
	while (node != nodes->root) {
		struct node *parent = node->parent;
		node->lookups -= lookups;
		if (node->lookups > 0)
			break;
		remove_(nodes, node);
		free(node);
		node = parent;
		lookups = 1;
	}
	pthread_mutex_unlock(&nodes->lock);
}

int node_path(const struct node *node, char *path, size_t size)
{
	size_t length = 0;

	for (const struct node *one = node; one->parent != NULL; one = one->parent)
		length += strlen(one->name) + (one->parent->parent != NULL);
	if (length >= size)
		return -ENAMETOOLONG;
	path[length] = '\0';
	for (const struct node *one = node; one->parent != NULL; one = one->parent) {
		size_t part = strlen(one->name);
		length -= part;
		memcpy(path + length, one->name, part);
		if (one->parent->parent != NULL)
			path[--length] = '/';
	}
	return 0;
}

void node_attributes(struct nodes *nodes, struct node *node, struct stat *attributes_out)
{
	mode_t bits = node->directory ? 0777 : 0666;

	memset(attributes_out, 0, sizeof *attributes_out);
	pthread_mutex_lock(&nodes->lock);
	if (node->mode != 0)
		bits = node->mode & 0777;
	attributes_out->st_mtime = node->mtime;
	pthread_mutex_unlock(&nodes->lock);
	bits &= ~(nodes->owner.umask | 0222);
	attributes_out->st_ino = node->number;
	attributes_out->st_mode = (node->directory ? S_IFDIR : S_IFREG) | bits;
	attributes_out->st_nlink = node->directory ? 2 : 1;
	attributes_out->st_uid = nodes->owner.uid;
	attributes_out->st_gid = nodes->owner.gid;
	attributes_out->st_size = node->size;
	attributes_out->st_blocks = (node->size + 511) / 512;
	attributes_out->st_blksize = CUTTING_UNIT;
	attributes_out->st_atime = attributes_out->st_ctime = attributes_out->st_mtime;
}

struct fetch_file *node_opened(struct nodes *nodes, struct node *node, struct fetch_file *file,
			       enum node_answer answer, bool *kept_out)
{
	pthread_mutex_lock(&nodes->lock);
	*kept_out = node->file == NULL && !(answer == NODE_ONCE_BEGINS && node->tried);
	if (*kept_out) {
		node->file = file;
		node->tried |= answer != NODE_ANY_ANSWER;
	}
	file = node->file;
	if (file != NULL) {
		node->opens++;
		node->lookups++;
	}
	pthread_mutex_unlock(&nodes->lock);
	return file;
}

struct fetch_file *node_closed(struct nodes *nodes, struct node *node)
{
	struct fetch_file *file = NULL;

	pthread_mutex_lock(&nodes->lock);
	if (node->opens == 0 || --node->opens == 0) {
		file = node->file;
		node->file = NULL;
	}
	pthread_mutex_unlock(&nodes->lock);
	node_forget(nodes, node, 1);
	return file;
}

static bool below(const struct node *node, const char *path)
{
	char own[NODE_PATH_MAX];
	size_t length = strlen(path);

	if (length == 0)
		return true;
	if (node_path(node, own, sizeof own) != 0 || strncmp(own, path, length) != 0)
		return false;
	return own[length] == '\0' || own[length] == '/';
}

void nodes_visit(struct nodes *nodes, const char *path,
		 void (*visit)(void *context, struct node *node), void *context)
{
	pthread_mutex_lock(&nodes->lock);
	for (uint64_t i = 0; i < nodes->bucket_count; i++)
		for (struct node *node = nodes->buckets[i]; node != NULL; node = node->next)
			if (below(node, path))
				visit(context, node);
	pthread_mutex_unlock(&nodes->lock);
}

uint64_t nodes_count(struct nodes *nodes)
{
	pthread_mutex_lock(&nodes->lock);
	uint64_t count = nodes->count;
	pthread_mutex_unlock(&nodes->lock);
	return count;
}

void nodes_close(struct nodes *nodes)
{
	if (nodes == NULL)
		return;
	pthread_mutex_lock(&nodes->lock);
	for (uint64_t i = 0; i < nodes->bucket_count; i++)
		for (struct node *node = nodes->buckets[i]; node != NULL; node = node->next) {
			fetch_file_put(node->file);
			node->file = NULL;
			node->opens = 0;
		}
	pthread_mutex_unlock(&nodes->lock);
}

void nodes_destroy(struct nodes *nodes)
{
	if (nodes == NULL)
		return;
	nodes_close(nodes);
	for (uint64_t i = 0; i < nodes->bucket_count; i++) {
		struct node *next;
		for (struct node *node = nodes->buckets[i]; node != NULL; node = next) {
			next = node->next;
			free(node);
		}
	}
	free(nodes->buckets);
	free(nodes->root);
	pthread_mutex_destroy(&nodes->lock);
	free(nodes);
}
