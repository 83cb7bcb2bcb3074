/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A conversation with a scripted server: what it answers to the first request, the second and so on
 * whatever they are, each on a connection of its own, and what the requests were. There is one at a
 * time.
 */
#ifndef TESTS_UNIT_SCRIPTED_TALK_H
#define TESTS_UNIT_SCRIPTED_TALK_H

#include "tests/unit/scripted_server.h"

#define TALK_ANSWERS_MAX 8
#define TALK_REQUESTS_MAX 8

struct talk_answer {
	const char *head; /* status line and headers, without the end of the last line */
	const char *body; /* not sent to HEAD */
	size_t length;    /* of the body; 0: up to its NUL */
};

/* At most TALK_ANSWERS_MAX; the last is given to all further requests. What they point to must stay
 * until the server is stopped. */
void talk_begin(const struct talk_answer *answers, unsigned count);
scripted_answer talk;
/* Requests so far. */
unsigned talk_requests(void);
/* The head of request INDEX, from 0. It stays until talk_begin(). */
const char *talk_request(unsigned index);
/* Whether it has that line. */
bool talk_request_has(unsigned index, const char *line);

#endif
