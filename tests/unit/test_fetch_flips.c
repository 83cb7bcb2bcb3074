/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The fetch engine under many threads: content information comes, becomes other units, and goes,
 * while readers read, the source gives wrong octets, breaks off and offers answers, who judges
 * takes his time, the store is cleared and files are opened and closed. Every read comes to its
 * end, and what is read while content information is in force is right.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdatomic.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/fetch_scene.h"

#define SIZE (40 * UNIT + 1000)
#define READERS 3
#define READS 2500

static unsigned char right[SIZE];

struct storm {
	struct fixture *fixture;
	struct content *contents[4]; /* in memory: the store copies them each time */
	pthread_mutex_t changing;    /* content comes and is in force, or goes */
	/* Even: content is in force since then. Odd: it may go. */
	atomic_uint epoch;
	atomic_uint reads, checked, failed, wrong, changes;
	atomic_bool readers_done, done;
	atomic_uint readers;
};

static unsigned chance(unsigned *seed, unsigned of)
{
	return (unsigned)rand_r(seed) % of;
}

/* ---- readers ---- */

struct plain_read {
	struct fetch_read read;
	pthread_mutex_t lock;
	pthread_cond_t ended;
	bool here, wrong;
	int error;
};

static void plain_done(struct fetch_read *read, int error)
{
	struct plain_read *reading = (struct plain_read *)read;
	uint64_t offset = read->offset;
	bool wrong = false;

	for (int i = 0; error == 0 && i < read->vector_count; i++) {
		wrong |= memcmp(read->vectors[i].iov_base, right + offset,
				read->vectors[i].iov_len) != 0;
		offset += read->vectors[i].iov_len;
	}
	if (error == 0 && !read->store_only)
		wrong |= offset != read->offset + read->length;
	pthread_mutex_lock(&reading->lock);
	reading->here = true;
	reading->error = error;
	reading->wrong = wrong;
	pthread_cond_signal(&reading->ended);
	pthread_mutex_unlock(&reading->lock);
}

static void read_once(struct storm *storm, struct fetch_file *file, unsigned *seed)
{
	struct plain_read reading = {.lock = PTHREAD_MUTEX_INITIALIZER,
				     .ended = PTHREAD_COND_INITIALIZER};
	uint64_t offset = chance(seed, SIZE);
	uint64_t length = 1 + chance(seed, chance(seed, 2) ? 2 * UNIT : 100);
	unsigned epoch = atomic_load(&storm->epoch);

	if (length > SIZE - offset)
		length = SIZE - offset;
	uint64_t end = offset + length;
	reading.read = (struct fetch_read){.file = file,
					   .offset = offset,
					   .length = length,
					   .ahead = chance(seed, 2) ? SIZE : end,
					   .reach = chance(seed, 2) ? SIZE : 0,
					   .store_only = chance(seed, 16) == 0,
					   .done = plain_done};
	fetch_read(&reading.read);
	pthread_mutex_lock(&reading.lock);
	while (!reading.here)
		pthread_cond_wait(&reading.ended, &reading.lock);
	pthread_mutex_unlock(&reading.lock);
	atomic_fetch_add(&storm->reads, 1);
	if (reading.error != 0)
		atomic_fetch_add(&storm->failed, 1);
	else if (epoch % 2 == 0 && epoch == atomic_load(&storm->epoch)) {
		atomic_fetch_add(&storm->checked, 1);
		atomic_fetch_add(&storm->wrong, reading.wrong);
	}
}

static void *read_much(void *context)
{
	struct storm *storm = context;
	struct fixture *fixture = storm->fixture;
	unsigned seed = 7 + atomic_fetch_add(&storm->readers, 1);
	struct fetch_file *file = fetch_file_get(fixture->file);

	for (unsigned i = 0; i < READS; i++) {
		if (chance(&seed, 20) == 0) {
			fetch_file_put(file);
			assert_int_equal(fetch_open(fixture->fetch, fixture->object, "a/file",
						    "\"v1\"", chance(&seed, 2) ? FETCH_MAY_ASK : 0,
						    &file),
					 0);
		}
		if (chance(&seed, 40) == 0)
			fetch_file_revive(file);
		read_once(storm, file, &seed);
	}
	fetch_file_put(file);
	return NULL;
}

/* ---- the source ---- */

/* In portions of all sizes; TRANSFER is gone afterwards. */
static void give(struct transfer *transfer, uint64_t offset, uint64_t length, unsigned *seed)
{
	unsigned char portion[50000];
	int error = 0;

	while (length > 0 && error == 0) {
		size_t part = 1 + chance(seed, sizeof portion);
		if (part > length)
			part = (size_t)length;
		memcpy(portion, right + offset, part);
		if (chance(seed, 20) == 0)
			portion[chance(seed, (unsigned)part)] ^= 0x40;
		error = transfer_bytes(transfer, portion, part);
		if (error == -EAGAIN) {
			/* A source of one thread only: what nobody wants now is broken off. */
			usleep(1000);
			error = chance(seed, 4) ? 0 : -ECANCELED;
			continue;
		}
		offset += part;
		length -= part;
		if (error == 0 && chance(seed, 200) == 0)
			error = -ECONNRESET;
	}
	transfer_end(transfer, error);
}

static void give_asked(struct transfer *transfer, unsigned *seed)
{
	const struct entry entry = entry_of(SIZE, 0);
	struct transfer_wish wish;

	transfer_wish(transfer, &wish);
	int error = transfer_begin(transfer, &entry, wish.offset, (int64_t)wish.length);
	if (error != 0)
		transfer_end(transfer, error);
	else
		give(transfer, wish.offset, wish.length, seed);
}

static void *source(void *context)
{
	struct storm *storm = context;
	struct fixture *fixture = storm->fixture;
	unsigned seed = 1;

	while (!atomic_load(&storm->done)) {
		if (waiting_transfers(fixture) > 0) {
			give_asked(take_transfer(fixture), &seed);
		} else if (!atomic_load(&storm->readers_done) && chance(&seed, 50) == 0) {
			struct transfer *transfer = fetch_offer(fixture->file, &fixture->scripted);
			give(transfer, 0, SIZE, &seed);
		} else {
			usleep(50);
		}
	}
	return NULL;
}

/* ---- who finds out ---- */

static void decide(struct storm *storm, const struct doubt *doubt, unsigned *seed)
{
	if (chance(seed, 4) == 0)
		usleep(chance(seed, 3000));
	switch (chance(seed, 4)) {
	case 0:
		pthread_mutex_lock(&storm->changing);
		if (atomic_load(&storm->epoch) % 2 == 0)
			atomic_fetch_add(&storm->epoch, 1);
		fetch_judge(doubt->file, FETCH_CONTRADICTED, NULL);
		pthread_mutex_unlock(&storm->changing);
		break;
	case 1:
		fetch_judge(doubt->file, FETCH_UNRELIABLE, NULL);
		break;
	default:
		fetch_judge(doubt->file, FETCH_RIGHT, right + doubt->offset);
		break;
	}
}

static void *judge(void *context)
{
	struct storm *storm = context;
	struct fixture *fixture = storm->fixture;
	unsigned seed = 2;

	while (!atomic_load(&storm->done)) {
		if (waiting_doubts(fixture) > 0) {
			struct doubt doubt = take_doubt(fixture);
			decide(storm, &doubt, &seed);
			fetch_file_put(doubt.file);
		} else if (waiting_questions(fixture) > 0) {
			struct fetch_file *file = take_question(fixture);
			if (chance(&seed, 2))
				fetch_asked(file);
			fetch_file_put(file);
		} else {
			usleep(50);
		}
	}
	return NULL;
}

static void *describer(void *context)
{
	struct storm *storm = context;
	struct fixture *fixture = storm->fixture;
	unsigned seed = 3;
	uint64_t freed;

	while (!atomic_load(&storm->readers_done)) {
		struct content *content = content_get(storm->contents[chance(&seed, 4)]);
		unsigned version = content_version(content);
		pthread_mutex_lock(&storm->changing);
		if (fetch_describe(fixture->file, content) == 0) {
			wait_described(fixture->file, version);
			if (atomic_load(&storm->epoch) % 2 == 1)
				atomic_fetch_add(&storm->epoch, 1);
			atomic_fetch_add(&storm->changes, 1);
		}
		pthread_mutex_unlock(&storm->changing);
		/* As long as so many reads take, whatever this machine can do. */
		unsigned until = atomic_load(&storm->reads) + chance(&seed, 30);
		while (atomic_load(&storm->reads) < until && !atomic_load(&storm->readers_done))
			usleep(100);
		if (chance(&seed, 2) == 0) {
			fetch_forget(fixture->fetch);
			assert_int_equal(store_clear(fixture->store, NULL, &freed), 0);
		}
	}
	return NULL;
}

static void *clock_runs(void *context)
{
	struct storm *storm = context;

	for (int64_t now = 2; !atomic_load(&storm->done); now += 20) {
		fetch_tick(storm->fixture->fetch, now);
		usleep(1000);
	}
	return NULL;
}

static struct content *keep_in_memory(struct content *content)
{
	const struct content_backing *backing = content_backing(content);
	size_t size = (size_t)content_header(content)->size;
	void *octets = malloc(size);
	struct content *kept;

	assert_int_equal(backing->read(backing->owner, 0, octets, size), 0);
	assert_int_equal(content_decode(octets, size, size, &kept, NULL), 0);
	free(octets);
	content_put(content);
	return kept;
}

static void content_comes_and_goes_under_readers(void **state)
{
	struct fixture *fixture = *state;
	struct storm storm = {.fixture = fixture, .changing = PTHREAD_MUTEX_INITIALIZER};
	void *(*const works[])(void *) = {source, judge, describer, clock_runs};
	pthread_t readers[READERS], others[4];
	struct fetch_counters counters;

	for (uint64_t i = 0; i < SIZE; i++)
		right[i] = octet_at(i);
	atomic_init(&storm.epoch, 1);
	open_file(fixture, "\"v1\"", SIZE, 0);
	const uint32_t fixed[] = {0, 0, CUTTING_UNIT_MAX, 40000};
	for (unsigned i = 0; i < 4; i++)
		storm.contents[i] =
			keep_in_memory(make_content(fixture, i == 0 ? 1 : 2, SIZE, fixed[i], 0, 0));
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&others[i], NULL, works[i], &storm), 0);
	while (atomic_load(&storm.changes) == 0)
		usleep(100);
	for (unsigned i = 0; i < READERS; i++)
		assert_int_equal(pthread_create(&readers[i], NULL, read_much, &storm), 0);
	for (unsigned i = 0; i < READERS; i++)
		assert_int_equal(pthread_join(readers[i], NULL), 0);
	atomic_store(&storm.readers_done, true);
	assert_int_equal(pthread_join(others[2], NULL), 0);
	fetch_stop(fixture->fetch);
	fetch_file_put(fixture->file);
	fixture->file = NULL;
	while (!fetch_idle(fixture->fetch))
		usleep(100);
	atomic_store(&storm.done, true);
	for (unsigned i = 0; i < 4; i++)
		if (i != 2)
			assert_int_equal(pthread_join(others[i], NULL), 0);
	object_put(fixture->object);
	for (unsigned i = 0; i < 4; i++)
		content_put(storm.contents[i]);
	fetch_counters(fixture->fetch, &counters);
	print_message("%u reads checked, %u failed, %u changes, %u wrong blocks\n",
		      atomic_load(&storm.checked), atomic_load(&storm.failed),
		      atomic_load(&storm.changes), (unsigned)counters.hash_errors);
	assert_int_equal(atomic_load(&storm.wrong), 0);
	assert_in_range(atomic_load(&storm.checked), 1, UINT32_MAX);
	assert_in_range(atomic_load(&storm.changes), 1, UINT32_MAX);
	assert_in_range(counters.hash_errors, 1, UINT32_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(content_comes_and_goes_under_readers, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
