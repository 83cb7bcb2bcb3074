/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Content information from the origin: asks for it when the fetch engine wants to know, takes it in
 * as it comes, hands a plain answer to the readers as the flight it is, and judges blocks that
 * contradict it (http-extension.md section 7). An origin that never showed a header of the protocol
 * is plain, and left alone for an hour, over restarts too, unless other versions are asked for.
 *
 * Any thread.
 */
#ifndef FS_INFORM_H
#define FS_INFORM_H

#include "cache/catalog.h"
#include "fs/compute.h"
#include "fs/fetch.h"
#include "origin/origin.h"

/* Smaller contents are not asked for: one block of version 1.0 (http-extension.md section 3). */
#define INFORM_SIZE_MIN 65536

struct inform;

struct inform_options {
	struct origin *origin; /* NULL: nobody is asked */
	struct store *store;
	struct catalog *catalog; /* remembers whether the origin is plain */
	struct pool *pool;
	unsigned versions;       /* bits: 1, 2; that are accepted */
	struct compute *compute; /* for what the origin says nothing about */
	/* As of struct fetch_judges. */
	void (*replaced)(void *context, const char *path);
	void *context;
};

int inform_create(const struct inform_options *options, struct inform **inform_out);
/* When no file of the fetch engine is left. NULL is fine. */
void inform_destroy(struct inform *inform);
/* Becomes the engine's judges. */
void inform_serve(struct inform *inform, struct fetch_judges *judges);
/* The engine, before it has a file. */
void inform_set_fetch(struct inform *inform, struct fetch *fetch);
void inform_set_versions(struct inform *inform, unsigned versions);
/* Whether to ask for the content information of a content of SIZE octets. */
bool inform_may_ask(struct inform *inform, struct object *object);
/* FILE, of which inform_may_ask() was true, was opened: asks, if no read of it will and the origin
 * may have something new to say. Nobody waits for it. */
void inform_opened(struct inform *inform, struct fetch_file *file);
/* Answers that could not be believed. */
uint64_t inform_malformed(struct inform *inform);

#endif
