/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What an origin said of paths a moment ago, so that a client's HEAD, GET and ranges of one file
 * do not ask it each time. Bounded: a path has one place where it can be, and whoever comes last
 * has it. Any thread; the time is an argument.
 */
#ifndef ORIGIN_CONTENT_LOOKS_H
#define ORIGIN_CONTENT_LOOKS_H

#include <stdbool.h>
#include <stdint.h>

#include "origin/origin.h"

/* Our choices. What is said is believed for so long; a read asks for its version all the same, so
 * the worst is a listing, a HEAD or a 304 that is a second old. */
#define CONTENT_LOOKS_BELIEVED_MS 1000
#define CONTENT_LOOKS_MAX 1024
/* Longer paths are asked for each time. */
#define CONTENT_LOOKS_PATH_MAX 1024

struct content_look {
	int error; /* 0, -ENOENT or -EACCES: what does not pass by itself in a moment */
	struct entry entry;
	struct origin_said said;
};

struct content_looks;

int content_looks_create(struct content_looks **looks_out);
/* NULL is fine. */
void content_looks_free(struct content_looks *looks);
/* False: nothing is known. */
bool content_looks_find(struct content_looks *looks, const char *path, int64_t now_ms,
			struct content_look *look_out);
/* What is not to be remembered, other errors for example, only replaces what was. */
void content_looks_put(struct content_looks *looks, const char *path, int64_t now_ms,
		       const struct content_look *look);
void content_looks_forget(struct content_looks *looks, const char *path);

#endif
