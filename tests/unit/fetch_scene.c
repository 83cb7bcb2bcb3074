/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/fetch_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

unsigned char octet_at(uint64_t offset)
{
	return (unsigned char)(offset * 31 + (offset >> 8) * 7 + (offset >> 16));
}

static void *scripted_start(struct source *source, struct transfer *transfer)
{
	struct scripted *scripted = (struct scripted *)source;

	pthread_mutex_lock(&scripted->lock);
	scripted->transfers[scripted->last++ % TRANSFERS] = transfer;
	pthread_cond_signal(&scripted->started);
	pthread_mutex_unlock(&scripted->lock);
	return scripted;
}

static void scripted_resume(struct source *source, void *handle)
{
	struct scripted *scripted = (struct scripted *)source;

	assert_ptr_equal(handle, scripted);
	pthread_mutex_lock(&scripted->lock);
	scripted->resumed++;
	pthread_cond_signal(&scripted->started);
	pthread_mutex_unlock(&scripted->lock);
}

static void scripted_hurry(struct source *source, void *handle)
{
	(void)source;
	(void)handle;
}

unsigned waiting_transfers(struct fixture *fixture)
{
	pthread_mutex_lock(&fixture->scripted.lock);
	unsigned count = fixture->scripted.last - fixture->scripted.first;
	pthread_mutex_unlock(&fixture->scripted.lock);
	return count;
}

struct transfer *take_transfer(struct fixture *fixture)
{
	struct scripted *scripted = &fixture->scripted;

	pthread_mutex_lock(&scripted->lock);
	while (scripted->first == scripted->last)
		pthread_cond_wait(&scripted->started, &scripted->lock);
	struct transfer *transfer = scripted->transfers[scripted->first++ % TRANSFERS];
	pthread_mutex_unlock(&scripted->lock);
	return transfer;
}

void assert_wish(struct transfer *transfer, uint64_t offset, uint64_t length)
{
	struct transfer_wish wish;

	transfer_wish(transfer, &wish);
	assert_int_equal(wish.offset, offset);
	assert_int_equal(wish.length, length);
}

struct entry entry_of(int64_t size, unsigned flags)
{
	return (struct entry){.kind = ENTRY_FILE, .size = size, .mtime = -1, .flags = flags};
}

/* Octets from OFFSET on, in portions that do not fit the units. */
int send_octets(struct fixture *fixture, struct transfer *transfer, uint64_t offset,
		uint64_t length)
{
	unsigned char portion[50000];

	while (length > 0) {
		size_t part = length < sizeof portion ? (size_t)length : sizeof portion;
		for (size_t i = 0; i < part; i++)
			portion[i] = octet_at(offset + i);
		unsigned resumed = fixture->scripted.resumed;
		int error = transfer_bytes(transfer, portion, part);
		if (error == -EAGAIN) {
			pthread_mutex_lock(&fixture->scripted.lock);
			while (fixture->scripted.resumed == resumed)
				pthread_cond_wait(&fixture->scripted.started,
						  &fixture->scripted.lock);
			pthread_mutex_unlock(&fixture->scripted.lock);
			continue;
		}
		if (error != 0)
			return error;
		offset += part;
		length -= part;
	}
	return 0;
}

void deliver(struct fixture *fixture, struct transfer *transfer)
{
	const struct entry entry = entry_of((int64_t)object_size(fixture->object), 0);
	struct transfer_wish wish;

	transfer_wish(transfer, &wish);
	uint64_t length = wish.length > 0 ? wish.length : object_size(fixture->object);
	assert_int_equal(transfer_begin(transfer, &entry, wish.offset, (int64_t)length), 0);
	assert_int_equal(send_octets(fixture, transfer, wish.offset, length), 0);
	transfer_end(transfer, 0);
}

void read_done(struct fetch_read *read, int error)
{
	struct reading *reading = (struct reading *)read;
	size_t used = 0;

	for (int i = 0; error == 0 && i < read->vector_count; i++) {
		memcpy(reading->bytes + used, read->vectors[i].iov_base, read->vectors[i].iov_len);
		used += read->vectors[i].iov_len;
	}
	pthread_mutex_lock(&reading->lock);
	reading->length = used;
	reading->error = error;
	reading->here = true;
	pthread_cond_signal(&reading->ended);
	pthread_mutex_unlock(&reading->lock);
}

struct reading *start_read(struct fixture *fixture, uint64_t offset, size_t length, uint64_t ahead)
{
	struct reading *reading = calloc(1, sizeof *reading);

	pthread_mutex_init(&reading->lock, NULL);
	pthread_cond_init(&reading->ended, NULL);
	reading->bytes = malloc(length + 1);
	reading->read.file = fixture->file;
	reading->read.offset = offset;
	reading->read.length = length;
	reading->read.ahead = ahead;
	reading->read.done = read_done;
	fetch_read(&reading->read);
	return reading;
}

bool has_ended(struct reading *reading)
{
	pthread_mutex_lock(&reading->lock);
	bool here = reading->here;
	pthread_mutex_unlock(&reading->lock);
	return here;
}

int end_read(struct reading *reading)
{
	pthread_mutex_lock(&reading->lock);
	while (!reading->here)
		pthread_cond_wait(&reading->ended, &reading->lock);
	pthread_mutex_unlock(&reading->lock);
	int error = reading->error;
	if (error == 0 && !reading->read.store_only) {
		assert_int_equal(reading->length, reading->read.length);
		for (size_t i = 0; i < reading->length; i++)
			assert_int_equal(reading->bytes[i], octet_at(reading->read.offset + i));
	}
	free(reading->bytes);
	free(reading);
	return error;
}

void open_file(struct fixture *fixture, const char *validator, uint64_t size, unsigned flags)
{
	assert_int_equal(store_object(fixture->store, "a/file", validator, size, &fixture->object),
			 0);
	assert_int_equal(fetch_open(fixture->fetch, fixture->object, "a/file", validator, flags,
				    &fixture->file),
			 0);
}

void close_file(struct fixture *fixture)
{
	fetch_file_put(fixture->file);
	object_put(fixture->object);
	fixture->file = NULL;
	fixture->object = NULL;
	while (!fetch_idle(fixture->fetch))
		usleep(100);
}

static int setup_limited(void **state, uint64_t limit)
{
	struct fixture *fixture = calloc(1, sizeof *fixture);
	char message[256];

	strcpy(fixture->directory, "/tmp/test_fetch.XXXXXX");
	assert_non_null(mkdtemp(fixture->directory));
	const struct store_options options = {.directory = fixture->directory,
					      .scope = "test",
					      .owner = "test_fetch",
					      .limit = limit};
	assert_int_equal(store_open(&options, &fixture->store, message, sizeof message), 0);
	assert_int_equal(pool_create(2, &fixture->pool), 0);
	pthread_mutex_init(&fixture->scripted.lock, NULL);
	pthread_cond_init(&fixture->scripted.started, NULL);
	fixture->scripted.source =
		(struct source){GIVEN_ORIGIN, scripted_start, scripted_resume, scripted_hurry};
	const struct fetch_options fetch = {fixture->pool, &fixture->scripted.source, 30};
	assert_int_equal(fetch_create(&fetch, &fixture->fetch), 0);
	fetch_tick(fixture->fetch, 1);
	*state = fixture;
	return 0;
}

int setup(void **state)
{
	return setup_limited(state, 1ull << 30);
}

int setup_without_room(void **state)
{
	return setup_limited(state, 1 << 20);
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
	(void)status;
	(void)kind;
	(void)place;
	return remove(path);
}

int teardown(void **state)
{
	struct fixture *fixture = *state;

	if (fixture->file != NULL)
		close_file(fixture);
	assert_int_equal(waiting_transfers(fixture), 0);
	pool_destroy(fixture->pool);
	fetch_destroy(fixture->fetch);
	store_close(fixture->store);
	nftw(fixture->directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(fixture);
	return 0;
}
