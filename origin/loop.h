/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One thread with an event base (libevent): sockets, timers, and tasks that other threads post.
 * What runs on it must not block: no disk, no hashing, no FUSE reply of many octets.
 */
#ifndef ORIGIN_LOOP_H
#define ORIGIN_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct event_base;
struct loop;

/* Embedded in the poster's struct; owned by the loop from post until run is called. */
struct loop_task {
	void (*run)(struct loop_task *task);
	struct loop_task *next;
};

/* Starts the thread. 0 or a negative errno. */
int loop_create(struct loop **loop_out);
/* Any thread. Tasks run in the order of posting. */
void loop_post(struct loop *loop, struct loop_task *task);
/* Runs it on the loop thread, waits for that, and returns what it returned; at once if the caller
 * is the loop's thread. */
int loop_call(struct loop *loop, int (*run)(void *context), void *context);
/* Whether the caller is the loop's thread. */
bool loop_inside(const struct loop *loop);
/* Without libevent's locks: to be used on the loop thread only. */
struct event_base *loop_base(struct loop *loop);
/* Calls run every INTERVAL ms on the loop thread until the loop ends. */
int loop_every(struct loop *loop, unsigned interval_ms, void (*run)(void *context), void *context);
/* Runs the tasks posted so far, ends the thread, frees. NULL is fine. Not from the loop thread. */
void loop_destroy(struct loop *loop);

/* Milliseconds of a clock that only goes forward. */
int64_t loop_clock_ms(void);

#endif
