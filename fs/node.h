/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the kernel knows of us: a node per directory, and per *version* of a file. The kernel's
 * nodeid is the node's address. When a path's content changes, the next lookup makes a new node;
 * the old one keeps its pages and serves those who have it open. st_ino is the path's and stays.
 *
 * Kept small: a million of them must fit into 256 MiB with everything else. Any thread; one lock.
 */
#ifndef FS_NODE_H
#define FS_NODE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "cache/directory.h"

/* Longest path below the mount's root. */
#define NODE_PATH_MAX 4096

struct nodes;
struct fetch_file;

struct node {
	struct node *parent;     /* NULL: the root */
	struct node *next;       /* in the hash table; nodes->lock */
	uint64_t number;         /* st_ino */
	uint64_t lookups;        /* the kernel's, plus one per child and per open; nodes->lock */
	int64_t size;            /* octets; immutable */
	int64_t mtime;           /* seconds; nodes->lock */
	uint64_t tag;            /* digest of the validator; 0: not told yet; nodes->lock */
	struct fetch_file *file; /* while open; nodes->lock */
	uint32_t opens;          /* nodes->lock */
	uint16_t mode;           /* permission bits of the source, 0: none */
	bool directory;
	bool tried;    /* was open with an answer that comes but once; nodes->lock */
	bool unsized_; /* the origin does not say how long it is */
	bool current;  /* is what a lookup of the name finds; nodes->lock */
	char name[];
};

struct nodes_owner {
	uid_t uid;
	gid_t gid;
	mode_t umask;
};

/* The st_ino of NAME in PARENT. */
uint64_t node_number(const struct node *parent, const char *name);

int nodes_create(const struct nodes_owner *owner, struct nodes **nodes_out);
/* Closes what the kernel, which will not ask again, left open. NULL is fine. */
void nodes_close(struct nodes *nodes);
/* Frees all nodes, whatever the kernel still knows. NULL is fine. */
void nodes_destroy(struct nodes *nodes);
struct node *nodes_root(struct nodes *nodes);

/* The current node of NAME in PARENT, as ENTRY describes it (a file or a directory): found, or
 * made when there is none or when it is of another version. Counts one lookup. NULL: no memory. */
struct node *node_lookup(struct nodes *nodes, struct node *parent, const char *name,
			 const struct entry *entry);
void node_get(struct nodes *nodes, struct node *node);
void node_forget(struct nodes *nodes, struct node *node, uint64_t lookups);
/* Whether NODE is the version that ENTRY describes; takes over what ENTRY adds to it. */
bool node_is(struct nodes *nodes, struct node *node, const struct entry *entry);
/* The path relative to the root, "" for the root. -ENAMETOOLONG. */
int node_path(const struct node *node, char *path, size_t size);
void node_attributes(struct nodes *nodes, struct node *node, struct stat *attributes_out);

/* For versions that come by one answer only (ONCE): FILE may BEGIN it, or is what came of it. */
enum node_answer { NODE_ANY_ANSWER, NODE_ONCE_HERE, NODE_ONCE_BEGINS };
/* The file of an open node; references are counted by fetch. node_opened() keeps the first one it
 * is given, with its reference (KEPT), and returns it, so that all opens of a version share it.
 * NULL, and nothing is opened: FILE would begin what was begun before, of which the kernel may have
 * pages. */
struct fetch_file *node_opened(struct nodes *nodes, struct node *node, struct fetch_file *file,
			       enum node_answer answer, bool *kept_out);
/* Returns the file when this was the last open, to be put; else NULL. */
struct fetch_file *node_closed(struct nodes *nodes, struct node *node);

/* Calls VISIT, with the lock held, for every node that is PATH or below it ("": all), the root
 * excepted; VISIT may not call back. */
void nodes_visit(struct nodes *nodes, const char *path,
		 void (*visit)(void *context, struct node *node), void *context);
uint64_t nodes_count(struct nodes *nodes);

#endif
