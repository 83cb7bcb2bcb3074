/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Content information made here, for contents that are whole in the store and that their origin
 * says nothing about, so that this machine can serve them to peers (interface.md, compute=). One at
 * a time, on a pool thread that nobody waits for. Any thread.
 */
#ifndef FS_COMPUTE_H
#define FS_COMPUTE_H

#include "cache/secret.h"
#include "fs/fetch.h"

struct compute;

struct compute_options {
	struct store *store;
	struct pool *pool;
	const struct secret *secret; /* outlives it; NULL: nothing is computed */
	unsigned version;            /* 1 or 2; 0: nothing is computed unless asked for */
	uint64_t size_min;           /* octets; smaller contents are left alone */
};

/* Whether CONTENT was made here, or where the same secret is: its first segment tells. */
bool compute_made(struct compute *compute, const struct content *content);

int compute_create(const struct compute_options *options, struct compute **compute_out);
/* What runs ends soon, and nothing is begun any more. Any number of times. */
void compute_stop(struct compute *compute);
/* After the pool. NULL is fine. */
void compute_destroy(struct compute *compute);
/* Nobody has OBJECT open in FETCH any more: queued if it is whole and nothing describes it. */
void compute_consider(struct compute *compute, struct fetch *fetch, struct object *object,
		      const char *path, const char *validator);
/* On a thread that may take long: 0 when OBJECT is described, by now or before; -ENODATA: it is not
 * whole, or there is no secret; -ECANCELED; ... */
int compute_now(struct compute *compute, struct fetch *fetch, struct object *object,
		const char *path, const char *validator);

#endif
