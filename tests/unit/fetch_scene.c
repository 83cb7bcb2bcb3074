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

#include "cache/content_build.h"

unsigned char octet_at(uint64_t offset)
{
	return (unsigned char)(offset * 31 + (offset >> 8) * 7 + (offset >> 16));
}

static void *scripted_start(struct source *source, struct transfer *transfer)
{
	struct scripted *scripted = (struct scripted *)source;

	pthread_mutex_lock(&scripted->lock);
	scripted->transfers[scripted->last++ % TRANSFERS] = transfer;
	pthread_cond_broadcast(&scripted->started);
	while (scripted->held)
		pthread_cond_wait(&scripted->started, &scripted->lock);
	pthread_mutex_unlock(&scripted->lock);
	return scripted;
}

static void scripted_resume(struct source *source, void *handle)
{
	struct scripted *scripted = (struct scripted *)source;

	assert_ptr_equal(handle, scripted);
	pthread_mutex_lock(&scripted->lock);
	scripted->resumed++;
	pthread_cond_broadcast(&scripted->started);
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

static unsigned char octet_sent(const struct scripted *scripted, uint64_t offset)
{
	bool wrong = offset >= scripted->wrong && offset < scripted->wrong_to;

	return octet_at(offset) ^ (wrong ? 0xa5 : 0);
}

/* Octets from OFFSET on, in portions that do not fit the units. */
int send_octets(struct fixture *fixture, struct transfer *transfer, uint64_t offset,
		uint64_t length)
{
	unsigned char portion[50000];

	while (length > 0) {
		size_t part = length < sizeof portion ? (size_t)length : sizeof portion;
		for (size_t i = 0; i < part; i++)
			portion[i] = octet_sent(&fixture->scripted, offset + i);
		pthread_mutex_lock(&fixture->scripted.lock);
		unsigned resumed = fixture->scripted.resumed;
		pthread_mutex_unlock(&fixture->scripted.lock);
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

/* ---- nearby ---- */

static struct neighbourhood *neighbourhood_of(struct nearby *nearby)
{
	return (struct neighbourhood *)nearby;
}

static unsigned near_why_not(struct nearby *nearby)
{
	struct neighbourhood *near = neighbourhood_of(nearby);

	pthread_mutex_lock(&near->lock);
	near->questions++;
	unsigned why = near->why;
	pthread_mutex_unlock(&near->lock);
	return why;
}

static void near_seek(struct nearby *nearby, struct neighbours_want *const *wants, unsigned count)
{
	struct neighbourhood *near = neighbourhood_of(nearby);

	pthread_mutex_lock(&near->lock);
	near->seeks++;
	for (unsigned i = 0; i < count; i++) {
		wants[i]->sought = (struct neighbours_sought *)near;
		near->wants[near->last++ % 1024] = wants[i];
	}
	pthread_cond_broadcast(&near->called);
	pthread_mutex_unlock(&near->lock);
}

static void near_hurry(struct nearby *nearby, struct neighbours_want *want)
{
	struct neighbourhood *near = neighbourhood_of(nearby);

	(void)want;
	pthread_mutex_lock(&near->lock);
	near->hurried++;
	pthread_mutex_unlock(&near->lock);
}

/* What a test has taken has ended. */
static bool near_drop(struct nearby *nearby, struct neighbours_want *want)
{
	struct neighbourhood *near = neighbourhood_of(nearby);
	bool dropped = false;

	pthread_mutex_lock(&near->lock);
	for (unsigned i = near->first; i != near->last; i++)
		if (near->wants[i % 1024] == want) {
			near->wants[i % 1024] = NULL;
			dropped = true;
		}
	near->dropped += dropped;
	pthread_mutex_unlock(&near->lock);
	return dropped;
}

static void near_fetched(struct nearby *nearby, const struct content *content, uint64_t offset)
{
	struct neighbourhood *near = neighbourhood_of(nearby);
	struct content_block block;

	assert_int_equal(content_block_at(content, offset, &block), 0);
	assert_int_equal(block.offset, offset);
	pthread_mutex_lock(&near->lock);
	near->fetched += block.length;
	pthread_mutex_unlock(&near->lock);
}

static void near_origin(struct nearby *nearby, uint64_t octets_per_second, unsigned first_ms)
{
	(void)nearby;
	(void)first_ms;
	assert_true(octets_per_second > 0);
}

struct neighbours_want *take_want(struct fixture *fixture)
{
	struct neighbourhood *near = &fixture->near;
	struct neighbours_want *want = NULL;

	pthread_mutex_lock(&near->lock);
	while (want == NULL) {
		while (near->first == near->last)
			pthread_cond_wait(&near->called, &near->lock);
		want = near->wants[near->first++ % 1024];
	}
	pthread_mutex_unlock(&near->lock);
	return want;
}

unsigned waiting_wants(struct fixture *fixture)
{
	struct neighbourhood *near = &fixture->near;
	unsigned count = 0;

	pthread_mutex_lock(&near->lock);
	for (unsigned i = near->first; i != near->last; i++)
		count += near->wants[i % 1024] != NULL;
	pthread_mutex_unlock(&near->lock);
	return count;
}

static void bring_from(struct neighbours_want *want, bool hosted)
{
	static const struct xaddr from = {.family = XADDR_IPV4, .octets = {10, 0, 0, 1}};
	unsigned char *memory = malloc(want->head_room + want->length);

	for (uint32_t i = 0; i < want->length; i++)
		memory[want->head_room + i] = octet_at(want->offset + i);
	want->came(want, memory, &from, hosted);
}

void bring(struct neighbours_want *want)
{
	bring_from(want, false);
}

void bring_hosted(struct neighbours_want *want)
{
	bring_from(want, true);
}

/* ---- judges ---- */

static void note_question(void *owner, struct fetch_file *file)
{
	struct bench *bench = owner;

	pthread_mutex_lock(&bench->lock);
	bench->questions[bench->last_question++ % QUESTIONS] = file;
	pthread_cond_broadcast(&bench->called);
	pthread_mutex_unlock(&bench->lock);
}

static void note_doubt(void *owner, struct fetch_file *file, uint64_t offset, const void *data,
		       size_t length)
{
	struct bench *bench = owner;

	fetch_file_get(file);
	pthread_mutex_lock(&bench->lock);
	bench->doubts[bench->last_doubt++ % QUESTIONS] = (struct doubt){file, offset, data, length};
	pthread_cond_broadcast(&bench->called);
	pthread_mutex_unlock(&bench->lock);
}

static void note_closed(void *owner, struct object *object, const char *path, const char *validator)
{
	struct bench *bench = owner;

	(void)object;
	(void)path;
	(void)validator;
	pthread_mutex_lock(&bench->lock);
	bench->closed++;
	pthread_mutex_unlock(&bench->lock);
}

struct fetch_file *take_question(struct fixture *fixture)
{
	struct bench *bench = &fixture->bench;

	pthread_mutex_lock(&bench->lock);
	while (bench->first_question == bench->last_question)
		pthread_cond_wait(&bench->called, &bench->lock);
	struct fetch_file *file = bench->questions[bench->first_question++ % QUESTIONS];
	pthread_mutex_unlock(&bench->lock);
	return file;
}

unsigned waiting_questions(struct fixture *fixture)
{
	pthread_mutex_lock(&fixture->bench.lock);
	unsigned count = fixture->bench.last_question - fixture->bench.first_question;
	pthread_mutex_unlock(&fixture->bench.lock);
	return count;
}

struct doubt take_doubt(struct fixture *fixture)
{
	struct bench *bench = &fixture->bench;

	pthread_mutex_lock(&bench->lock);
	while (bench->first_doubt == bench->last_doubt)
		pthread_cond_wait(&bench->called, &bench->lock);
	struct doubt doubt = bench->doubts[bench->first_doubt++ % QUESTIONS];
	pthread_mutex_unlock(&bench->lock);
	return doubt;
}

unsigned waiting_doubts(struct fixture *fixture)
{
	pthread_mutex_lock(&fixture->bench.lock);
	unsigned count = fixture->bench.last_doubt - fixture->bench.first_doubt;
	pthread_mutex_unlock(&fixture->bench.lock);
	return count;
}

/* ---- content information ---- */

static int take_in(void *owner, const void *data, size_t size)
{
	return store_intake_feed(owner, data, size);
}

struct content *make_content(struct fixture *fixture, unsigned version, uint64_t size,
			     uint32_t fixed, uint64_t wrong, uint64_t wrong_to)
{
	const struct content_build_options options = {
		.version = version, .algorithm = DIGEST_SHA256, .fixed = fixed};
	const uint8_t ks[DIGEST_SIZE_MAX] = "server secret";
	const struct scripted altered = {.wrong = wrong, .wrong_to = wrong_to};
	struct content_build *build;
	struct content_hashes hashes;
	struct store_intake *intake;
	struct content *content;

	assert_int_equal(content_build_create(&options, &build), 0);
	unsigned char *octets = malloc(size);
	for (uint64_t i = 0; i < size; i++)
		octets[i] = octet_sent(&altered, i);
	assert_int_equal(content_build_add(build, octets, size), 0);
	assert_int_equal(content_build_end(build, &hashes), 0);
	content_build_free(build);
	free(octets);
	assert_int_equal(store_intake_begin(fixture->store, 1 << 20, &intake), 0);
	assert_int_equal(content_hashes_write(&hashes, ks, 0, size, NULL, take_in, intake), 0);
	assert_int_equal(store_intake_end(intake, &content), 0);
	store_intake_free(intake);
	content_hashes_clear(&hashes);
	return content;
}

/* ---- what tests do often ---- */

void answer(struct fixture *fixture)
{
	struct fetch_file *file = take_question(fixture);

	fetch_asked(file);
	fetch_file_put(file);
}

void wait_described(struct fetch_file *file, unsigned version)
{
	for (;;) {
		struct content *content = fetch_file_content(file);
		unsigned is = content != NULL ? content_version(content) : 0;
		content_put(content);
		if (is == version)
			return;
		usleep(100);
	}
}

void describe(struct fixture *fixture, struct content *content)
{
	struct content *former = fetch_file_content(fixture->file), *now = former;
	unsigned version = content_version(content);

	assert_int_equal(fetch_describe(fixture->file, content), 0);
	while (now == former) {
		usleep(100);
		now = fetch_file_content(fixture->file);
		content_put(now);
	}
	content_put(former);
	wait_described(fixture->file, version);
}

int serve(struct fixture *fixture, struct reading *reading)
{
	while (!has_ended(reading)) {
		if (waiting_transfers(fixture) > 0)
			deliver(fixture, take_transfer(fixture));
		usleep(100);
	}
	return end_read(reading);
}

unsigned transfers_for(struct fixture *fixture, uint64_t offset, size_t length)
{
	unsigned before = fixture->scripted.last;

	assert_int_equal(serve(fixture, start_read(fixture, offset, length, 0)), 0);
	return fixture->scripted.last - before;
}

struct pool_job *hold_change(struct fixture *fixture, uint32_t unit)
{
	unsigned char octets[UNIT];

	for (uint32_t i = 0; i < UNIT; i++)
		octets[i] = octet_at((uint64_t)unit * UNIT + i);
	struct pool_job *job = fetch_seed(fixture->file, unit, octets, UNIT);
	assert_non_null(job);
	return job;
}

void settle_fetch(struct fixture *fixture, uint64_t cached)
{
	while (object_cached(fixture->object) < cached)
		usleep(100);
	fetch_forget(fixture->fetch);
}

/* ---- */

static int setup_judged(void **state, uint64_t limit, bool judged, bool nearby)
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
	pthread_mutex_init(&fixture->bench.lock, NULL);
	pthread_cond_init(&fixture->bench.called, NULL);
	struct fetch_options fetch = {
		.pool = fixture->pool, .source = &fixture->scripted.source, .timeout = 30};
	pthread_mutex_init(&fixture->near.lock, NULL);
	pthread_cond_init(&fixture->near.called, NULL);
	fixture->near.nearby = (struct nearby){near_why_not, near_seek,    near_hurry,
					       near_drop,    near_fetched, near_origin};
	if (nearby)
		fetch.nearby = &fixture->near.nearby;
	if (judged)
		fetch.judges = (struct fetch_judges){.ask = note_question,
						     .doubt = note_doubt,
						     .closed = note_closed,
						     .owner = &fixture->bench};
	assert_int_equal(fetch_create(&fetch, &fixture->fetch), 0);
	fetch_tick(fixture->fetch, 1);
	*state = fixture;
	return 0;
}

int setup(void **state)
{
	return setup_judged(state, 1ull << 30, true, false);
}

int setup_nearby(void **state)
{
	return setup_judged(state, 1ull << 30, false, true);
}

int setup_without_judges(void **state)
{
	return setup_judged(state, 1ull << 30, false, false);
}

int setup_without_room(void **state)
{
	return setup_judged(state, 1 << 20, true, false);
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
	assert_int_equal(waiting_questions(fixture), 0);
	assert_int_equal(waiting_doubts(fixture), 0);
	assert_int_equal(waiting_wants(fixture), 0);
	pool_destroy(fixture->pool);
	fetch_destroy(fixture->fetch);
	store_close(fixture->store);
	nftw(fixture->directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(fixture);
	return 0;
}
