/* SPDX-License-Identifier: BSD-2-Clause
 *
 * For tests of the fetch engine: it works over a real store, with a source that does what the test
 * says, when it says so.
 */
#ifndef TESTS_UNIT_FETCH_SCENE_H
#define TESTS_UNIT_FETCH_SCENE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "cache/store_content.h"
#include "fs/fetch.h"

#define UNIT CUTTING_UNIT
#define TRANSFERS 256
#define QUESTIONS 64

/* What the engine asked for, in order; entries are taken by the test. */
struct scripted {
	struct source source;
	pthread_mutex_t lock;
	pthread_cond_t started;
	struct transfer *transfers[TRANSFERS];
	unsigned first, last, resumed;
	bool held;                /* start() does not return */
	uint64_t wrong, wrong_to; /* octets from here to before there are sent altered */
};

/* What the engine wanted to be found out, in order. */
struct doubt {
	struct fetch_file *file;
	uint64_t offset;
	const unsigned char *data;
	size_t length;
};
struct bench {
	pthread_mutex_t lock;
	pthread_cond_t called;
	struct fetch_file *questions[QUESTIONS]; /* with a reference */
	unsigned first_question, last_question;
	struct doubt doubts[QUESTIONS]; /* files with a reference */
	unsigned first_doubt, last_doubt;
	unsigned closed;
};

/* Who is nearby does what the test says. What is sought, in order; NULL once it was dropped or
 * taken. */
struct neighbourhood {
	struct nearby nearby;
	pthread_mutex_t lock;
	pthread_cond_t called;
	struct neighbours_want *wants[1024];
	unsigned first, last, hurried, dropped, seeks;
	unsigned why, questions; /* why_not(), and how often it was called */
	uint64_t fetched;        /* octets of blocks that it was told of */
};

struct fixture {
	char directory[64];
	struct store *store;
	struct pool *pool;
	struct fetch *fetch;
	struct scripted scripted;
	struct neighbourhood near;
	struct bench bench;
	struct object *object;
	struct fetch_file *file;
};

struct reading {
	struct fetch_read read;
	pthread_mutex_t lock;
	pthread_cond_t ended;
	bool here;
	int error;
	unsigned char *bytes;
	size_t length;
};

unsigned char octet_at(uint64_t offset);
unsigned waiting_transfers(struct fixture *fixture);
struct transfer *take_transfer(struct fixture *fixture);
void assert_wish(struct transfer *transfer, uint64_t offset, uint64_t length);
struct entry entry_of(int64_t size, unsigned flags);
int send_octets(struct fixture *fixture, struct transfer *transfer, uint64_t offset,
		uint64_t length);
void deliver(struct fixture *fixture, struct transfer *transfer);
void read_done(struct fetch_read *read, int error);
struct reading *start_read(struct fixture *fixture, uint64_t offset, size_t length, uint64_t ahead);
bool has_ended(struct reading *reading);
int end_read(struct reading *reading);
void open_file(struct fixture *fixture, const char *validator, uint64_t size, unsigned flags);
void close_file(struct fixture *fixture);
/* Waits until there is one. */
struct neighbours_want *take_want(struct fixture *fixture);
unsigned waiting_wants(struct fixture *fixture);
/* The block has come, altered octets excepted, which never get so far. */
void bring(struct neighbours_want *want);
/* The same from a hosted cache. */
void bring_hosted(struct neighbours_want *want);
struct fetch_file *take_question(struct fixture *fixture);
unsigned waiting_questions(struct fixture *fixture);
struct doubt take_doubt(struct fixture *fixture);
unsigned waiting_doubts(struct fixture *fixture);
/* Content information of SIZE octets, of which those from WRONG to before WRONG_TO are not those of
 * octet_at(). FIXED: version 2, octets of a segment, 0: as they come. */
struct content *make_content(struct fixture *fixture, unsigned version, uint64_t size,
			     uint32_t fixed, uint64_t wrong, uint64_t wrong_to);
/* The question that was asked is answered: no. */
void answer(struct fixture *fixture);
/* Waits until content information of VERSION is in force (0: none). */
void wait_described(struct fetch_file *file, unsigned version);
/* What make_content() made describes the file and is in force. */
void describe(struct fixture *fixture, struct content *content);
/* Gives what the engine asks for until READING has ended; returns its error. */
int serve(struct fixture *fixture, struct reading *reading);
/* Reads it, and returns what the engine had to ask for. */
unsigned transfers_for(struct fixture *fixture, uint64_t offset, size_t length);
/* A landing that lasts until the job is run, so that no change comes to its end before. */
struct pool_job *hold_change(struct fixture *fixture, uint32_t unit);
/* Waits until as much is stored, and drops what is in memory. */
void settle_fetch(struct fixture *fixture, uint64_t cached);
int setup(void **state);
int setup_without_judges(void **state);
/* With somebody nearby, fixture->near. */
int setup_nearby(void **state);
int setup_without_room(void **state);
int teardown(void **state);

#endif
