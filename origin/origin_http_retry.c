/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Trying again: operations whose failure would be seen by a user at once, and which cost little.
 */
#include "origin/origin_http.h"

#include <errno.h>
#include <stdlib.h>

/* Our choices: three more tries after 100, 400 and 1600 ms, each up to a quarter more or less so
 * that many clients do not come back in step. */
#define TRIES_MORE 3
#define FIRST_BACK_OFF_MS 100
#define BACK_OFF_FACTOR 4

static int64_t back_off_ms(struct http_op *op)
{
	int64_t delay = FIRST_BACK_OFF_MS;

	for (unsigned i = 0; i < op->tries; i++)
		delay *= BACK_OFF_FACTOR;
	delay += delay * (rand() % 51 - 25) / 100; /* any randomness will do */
	return delay > op->retry_after_ms ? delay : op->retry_after_ms;
}

static void end_failed(struct http_op *op, int error)
{
	http_op_clear(op);
	origin_end_failed(&op->request, error);
}

static void back_off_over(evutil_socket_t fd, short what, void *context)
{
	struct http_op *op = context;

	(void)fd;
	(void)what;
	op->again(op);
}

void http_try(struct http_op *op, void (*again)(struct http_op *op))
{
	int64_t now = loop_clock_ms();

	evtimer_assign(&op->back_off, loop_base(op->origin->origin.loop), back_off_over, op);
	op->again = again;
	op->deadline_ms = now + op->origin->timeout_ms;
	if (outage_admits(&op->origin->outage, now, &op->trial))
		again(op);
	else
		end_failed(op, -EHOSTUNREACH);
}

/* In an outage only the operation that found it goes on: nobody else waits for it. */
static bool may_try_again(const struct http_op *op, int error)
{
	if (!origin_transient(error) || op->tries >= TRIES_MORE || op->trial)
		return false;
	return error != -EHOSTUNREACH || op->found_outage;
}

void http_try_failed(struct http_op *op, int error)
{
	int64_t now = loop_clock_ms(), delay = back_off_ms(op);
	struct timeval wait = {.tv_sec = delay / 1000, .tv_usec = delay % 1000 * 1000};

	if (error == -EHOSTUNREACH && outage_unreachable(&op->origin->outage, now))
		op->found_outage = true;
	if (!may_try_again(op, error) || now + delay >= op->deadline_ms) {
		end_failed(op, error);
		return;
	}
	op->tries++;
	event_add(&op->back_off, &wait);
}

unsigned http_time_left(const struct http_op *op)
{
	int64_t left = op->deadline_ms - loop_clock_ms();

	return left > 0 ? (unsigned)left : 1;
}
