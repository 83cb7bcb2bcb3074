/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Has content information made for all files of a tree that have none, before anybody asks: one
 * thread that walks, few files at a time, so that those that clients ask for find room beside them.
 * Symbolic links are not followed: where they lead inside the tree the walk comes by another way,
 * and what lies outside is published when it is asked for. It ends early when no more hashes can be
 * kept.
 */
#ifndef ORIGIN_CONTENT_WALK_H
#define ORIGIN_CONTENT_WALK_H

#include <stdint.h>

#include "origin/publish.h"

struct content_walk;

/* ROOT: a descriptor of the tree's directory, duplicated. */
int content_walk_start(int root, uint64_t min_size, struct publish *publish,
		       struct content_walk **walk_out);
/* Ends the thread; what it has had begun goes on. */
void content_walk_stop(struct content_walk *walk);
/* Stops it. Every publish_done of it has been called: after publish_free(). NULL is fine. */
void content_walk_free(struct content_walk *walk);

#endif
