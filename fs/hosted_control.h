/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a hosted cache tells by its control directory, and the administrator's commands for it. Keys
 * of `status` and names of metrics that a mount has too mean the same as there.
 */
#ifndef FS_HOSTED_CONTROL_H
#define FS_HOSTED_CONTROL_H

#include "cache/store.h"
#include "fs/control.h"
#include "peer/hosted_cache.h"

/* What is answered from: the answerer's owner. All of it stays until control_mount_end(). */
struct hosted_control {
	const char *cache_dir; /* of STORE */
	const char *config;    /* lines "key=value"; the limit of the cache is put behind them */
	unsigned plain;        /* so many of the addresses of CACHE are for HTTP, the first ones */
	struct store *store;
	struct hosted_cache *cache;
};

extern const struct control_answerer hosted_control_answerer;

#endif
