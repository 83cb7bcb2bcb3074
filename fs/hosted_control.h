/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a hosted cache tells by its control directory, and the administrator's commands for it. Keys
 * of `status` and names of metrics that a mount has too mean the same as there.
 */
#ifndef FS_HOSTED_CONTROL_H
#define FS_HOSTED_CONTROL_H

#include <stdbool.h>

#include "cache/store.h"
#include "fs/control_mount.h"
#include "peer/hosted_cache.h"

struct hosted_control;

struct hosted_control_options {
	const char *directory;
	bool others;           /* may see it */
	const char *cache_dir; /* of STORE */
	const char *config;    /* lines "key=value"; the limit of the cache is put behind them */
	unsigned plain;        /* so many of the addresses of CACHE are for HTTP, the first ones */
	struct store *store;
	struct hosted_cache *cache;
};

/* 0, or a negative errno with a MESSAGE. Texts are copied. */
int hosted_control_start(const struct hosted_control_options *options,
			 struct hosted_control **control_out, char *message, size_t message_size);
/* As control_mount_keep(). */
int hosted_control_keep(struct hosted_control *control);
/* Before hosted_cache_stop(). NULL is fine. */
void hosted_control_end(struct hosted_control *control);

#endif
