/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Brings the body of a listing from the loop thread to its reader on pool threads, in order and
 * with a bounded amount on the way. All functions and `moved`: loop thread only.
 */
#ifndef ORIGIN_LISTING_PUMP_H
#define ORIGIN_LISTING_PUMP_H

#include "cache/pool.h"
#include "origin/listing.h"
#include "origin/loop.h"

struct pump_chunk;

/* Embedded in the owner's struct. The first three are the owner's; `moved` is called whenever the
 * reader has taken what there was, or has ended. */
struct listing_pump {
	struct pool *pool;
	struct loop *loop;
	void (*moved)(struct listing_pump *pump);

	bool working;  /* a pool thread has the listing */
	bool finished; /* the reader has read all */
	int error;     /* the reader's */
	struct listing *listing;

	struct pool_job job;
	struct loop_task back;
	struct pump_chunk *first, *last, *taken;
	size_t waiting; /* octets in chunks that no job has taken */
	bool ended;
};

/* As listing_begin(). The pump must be idle. */
int pump_begin(struct listing_pump *pump, const char *base, const char *content_type,
	       struct directory *directory);
/* 0, -EAGAIN when much is waiting (`moved` will be called), -ENOMEM, or the reader's error. */
int pump_push(struct listing_pump *pump, const void *data, size_t length);
/* No more octets; `moved` is called with `finished` or `error` set. */
void pump_end(struct listing_pump *pump);
/* Drops what is waiting and the listing; not while working. */
void pump_clear(struct listing_pump *pump);

#endif
