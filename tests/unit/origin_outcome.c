/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/origin_outcome.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void rig_open(struct rig *rig, const struct origin_options *options)
{
	char message[256];

	if (loop_create(&rig->loop) < 0 || pool_create(2, &rig->pool) < 0)
		abort();
	if (origin_open(options, rig->loop, rig->pool, &rig->origin, message, sizeof(message)) <
	    0) {
		fprintf(stderr, "%s\n", message);
		abort();
	}
}

void rig_close(struct rig *rig)
{
	origin_close(rig->origin);
	pool_destroy(rig->pool);
	loop_destroy(rig->loop);
}

void outcome_init(struct outcome *outcome)
{
	memset(outcome, 0, sizeof(*outcome));
	pthread_mutex_init(&outcome->lock, NULL);
	pthread_cond_init(&outcome->changed, NULL);
	outcome->body = malloc(OUTCOME_BODY_MAX);
	if (outcome->body == NULL)
		abort();
}

void outcome_clear(struct outcome *outcome)
{
	directory_free(outcome->directory);
	free(outcome->body);
	pthread_cond_destroy(&outcome->changed);
	pthread_mutex_destroy(&outcome->lock);
}

static void end(struct outcome *outcome, int error)
{
	outcome->error = error;
	outcome->ended++;
	pthread_cond_broadcast(&outcome->changed);
	pthread_mutex_unlock(&outcome->lock);
}

static void stat_done(void *context, int error, const struct entry *entry)
{
	struct outcome *outcome = context;

	pthread_mutex_lock(&outcome->lock);
	if (error == 0)
		outcome->entry = *entry;
	end(outcome, error);
}

static void list_done(void *context, int error, struct directory *directory)
{
	struct outcome *outcome = context;

	pthread_mutex_lock(&outcome->lock);
	outcome->directory = directory;
	end(outcome, error);
}

static void read_done(void *context, int error)
{
	struct outcome *outcome = context;

	pthread_mutex_lock(&outcome->lock);
	end(outcome, error);
}

static int read_begin(void *context, const struct entry *entry, uint64_t start, int64_t length)
{
	struct outcome *outcome = context;

	pthread_mutex_lock(&outcome->lock);
	outcome->begun = true;
	outcome->entry = *entry;
	outcome->start = start;
	outcome->length = length;
	pthread_cond_broadcast(&outcome->changed);
	pthread_mutex_unlock(&outcome->lock);
	return outcome->begin_answer;
}

static int take(struct outcome *outcome, const void *data, size_t length)
{
	if (outcome->pause_at > 0 && outcome->received >= outcome->pause_at && !outcome->resumed) {
		outcome->paused = true;
		return -EAGAIN;
	}
	if (length > OUTCOME_BODY_MAX - outcome->received)
		return -ENOBUFS;
	memcpy(outcome->body + outcome->received, data, length);
	outcome->received += length;
	return 0;
}

static int read_bytes(void *context, const void *data, size_t length)
{
	struct outcome *outcome = context;
	int error;

	pthread_mutex_lock(&outcome->lock);
	error = take(outcome, data, length);
	pthread_cond_broadcast(&outcome->changed);
	pthread_mutex_unlock(&outcome->lock);
	return error;
}

static int ask_begin(void *context, const struct origin_answer *answer)
{
	struct outcome *outcome = context;

	pthread_mutex_lock(&outcome->lock);
	outcome->answer = *answer;
	pthread_mutex_unlock(&outcome->lock);
	return read_begin(context, &answer->entry, 0, answer->length);
}

static const struct origin_asker asker = {ask_begin, read_bytes, read_done};
static const struct origin_reader reader = {
	.begin = read_begin, .bytes = read_bytes, .done = read_done};

int outcome_wait(struct outcome *outcome)
{
	int error;

	pthread_mutex_lock(&outcome->lock);
	while (outcome->ended == 0)
		pthread_cond_wait(&outcome->changed, &outcome->lock);
	error = outcome->error;
	pthread_mutex_unlock(&outcome->lock);
	return error;
}

void outcome_wait_paused(struct outcome *outcome)
{
	pthread_mutex_lock(&outcome->lock);
	while (!outcome->paused)
		pthread_cond_wait(&outcome->changed, &outcome->lock);
	pthread_mutex_unlock(&outcome->lock);
}

void outcome_wait_begun(struct outcome *outcome)
{
	pthread_mutex_lock(&outcome->lock);
	while (!outcome->begun)
		pthread_cond_wait(&outcome->changed, &outcome->lock);
	pthread_mutex_unlock(&outcome->lock);
}

void outcome_unpause(struct outcome *outcome)
{
	pthread_mutex_lock(&outcome->lock);
	outcome->resumed = true;
	pthread_mutex_unlock(&outcome->lock);
}

struct origin_request *outcome_start_read(struct outcome *outcome, struct rig *rig,
					  const char *path, const char *validator, uint64_t offset,
					  uint64_t length)
{
	return origin_read(rig->origin, path, validator, offset, length, outcome->purpose,
			   ORIGIN_READER, &reader, outcome);
}

int outcome_stat(struct outcome *outcome, struct rig *rig, const char *path)
{
	origin_stat(rig->origin, path, ORIGIN_READER, stat_done, outcome);
	return outcome_wait(outcome);
}

int outcome_list(struct outcome *outcome, struct rig *rig, const char *path)
{
	origin_list(rig->origin, path, list_done, outcome);
	return outcome_wait(outcome);
}

int outcome_read(struct outcome *outcome, struct rig *rig, const char *path, const char *validator,
		 uint64_t offset, uint64_t length)
{
	outcome_start_read(outcome, rig, path, validator, offset, length);
	return outcome_wait(outcome);
}

struct origin_request *outcome_start_ask(struct outcome *outcome, struct rig *rig, const char *path,
					 const struct origin_question *question,
					 enum origin_priority priority)
{
	return origin_ask(rig->origin, path, question, priority, &asker, outcome);
}

int outcome_ask(struct outcome *outcome, struct rig *rig, const char *path,
		const struct origin_question *question)
{
	outcome_start_ask(outcome, rig, path, question, ORIGIN_READER);
	return outcome_wait(outcome);
}

bool outcome_has(const struct outcome *outcome, const char *name, struct entry *entry_out)
{
	for (uint32_t i = 0; i < directory_count(outcome->directory); i++)
		if (strcmp(directory_entry(outcome->directory, i, entry_out), name) == 0)
			return true;
	return false;
}
