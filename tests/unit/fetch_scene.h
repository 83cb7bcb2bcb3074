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

#include "fs/fetch.h"

#define UNIT CUTTING_UNIT
#define TRANSFERS 256

/* What the engine asked for, in order; entries are taken by the test. */
struct scripted {
	struct source source;
	pthread_mutex_t lock;
	pthread_cond_t started;
	struct transfer *transfers[TRANSFERS];
	unsigned first, last, resumed;
};

struct fixture {
	char directory[64];
	struct store *store;
	struct pool *pool;
	struct fetch *fetch;
	struct scripted scripted;
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
int setup(void **state);
int setup_without_room(void **state);
int teardown(void **state);

#endif
