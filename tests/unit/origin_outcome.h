/* SPDX-License-Identifier: BSD-2-Clause
 *
 * For tests of an origin: requests whose outcome is waited for, and an origin with its loop and
 * pool.
 */
#ifndef TESTS_UNIT_ORIGIN_OUTCOME_H
#define TESTS_UNIT_ORIGIN_OUTCOME_H

#include <pthread.h>

#include "origin/origin.h"

struct rig {
	struct loop *loop;
	struct pool *pool;
	struct origin *origin;
};

void rig_open(struct rig *rig, const struct origin_options *options);
void rig_close(struct rig *rig);

#define OUTCOME_BODY_MAX (8u << 20)

struct outcome {
	/* the test's, before the request */
	int begin_answer;            /* what begin returns */
	enum origin_purpose purpose; /* of a read */
	size_t pause_at; /* refuse octets with -EAGAIN once so many have come; 0: never */

	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* guarded by lock */
	bool begun, paused, resumed;
	unsigned ended; /* how often done was called */
	int error;
	struct entry entry;
	struct origin_answer answer; /* to a question */
	uint64_t start;
	int64_t length;
	size_t received;
	char *body;
	struct directory *directory;
};

void outcome_init(struct outcome *outcome);
void outcome_clear(struct outcome *outcome);
/* Waits for the end; returns its error. */
int outcome_wait(struct outcome *outcome);
/* Waits until octets were refused. */
void outcome_wait_paused(struct outcome *outcome);
void outcome_wait_begun(struct outcome *outcome);
/* Octets are taken from now on. */
void outcome_unpause(struct outcome *outcome);

struct origin_request *outcome_start_read(struct outcome *outcome, struct rig *rig,
					  const char *path, const char *validator, uint64_t offset,
					  uint64_t length);
struct origin_request *outcome_start_ask(struct outcome *outcome, struct rig *rig, const char *path,
					 const struct origin_question *question,
					 enum origin_priority priority);
/* Start, wait, return the error. */
int outcome_stat(struct outcome *outcome, struct rig *rig, const char *path);
int outcome_list(struct outcome *outcome, struct rig *rig, const char *path);
int outcome_read(struct outcome *outcome, struct rig *rig, const char *path, const char *validator,
		 uint64_t offset, uint64_t length);
int outcome_ask(struct outcome *outcome, struct rig *rig, const char *path,
		const struct origin_question *question);
/* Whether the listing has NAME; its entry. */
bool outcome_has(const struct outcome *outcome, const char *name, struct entry *entry_out);

#endif
