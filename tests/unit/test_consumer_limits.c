/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What consumers can hold of the service: content information, searches, its threads and its lock.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "cache/digest.h"
#include "fs/service/consumer.h"
#include "origin/loop.h"
#include "tests/unit/consumer_scene.h"

#define THREADS 4u /* of the scene's pool */

static struct consumer_scene scene;

static int setup(void **state)
{
	(void)state;
	consumer_scene_begin(&scene, FILE_SIZE);
	return 0;
}

static int setup_large(void **state)
{
	(void)state;
	consumer_scene_begin(&scene, 8000000);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	consumer_scene_end(&scene);
	return 0;
}

static uint32_t add(struct scene_program *program, uint64_t handle, const void *data, uint32_t size)
{
	return consumer_scene_input(program, OPERATION_add_information, handle, 0, data, size,
				    1 << 20);
}

static uint64_t ready(uint8_t tag, uint64_t start, uint64_t length)
{
	return consumer_scene_ready_content(&scene, scene.program, tag, 1, start, length);
}

/* ---- content information ---- */

/* Of version 2.0, of SEGMENTS segments of 64 KiB; those from SALT on have other hashes. */
static uint8_t *many_segments(uint32_t segments, uint32_t salt, uint32_t *size_out)
{
	uint32_t size = 31 + 5 + 68 * segments;
	uint8_t *data = calloc(1, size), *at = data + 31;

	assert_non_null(data);
	data[1] = 2;
	data[2] = 4;
	*(uint32_t *)(at + 1) = htobe32(68 * segments);
	at += 5;
	for (uint32_t i = 0; i < segments; i++, at += 68) {
		*(uint32_t *)at = htobe32(BLOCK);
		*(uint32_t *)(at + 4) = i;
		*(uint32_t *)(at + 8) = salt;
		*(uint32_t *)(at + 36) = ~i;
	}
	*size_out = size;
	return data;
}

static unsigned descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	unsigned count = 0;

	assert_non_null(directory);
	while (readdir(directory) != NULL)
		count++;
	closedir(directory);
	return count;
}

static void half_of_it_needs_no_descriptor(void **state)
{
	uint32_t size;
	uint8_t *data = consumer_scene_information(&scene, 1, 0, FILE_SIZE, &size);

	(void)state;
	assert_int_equal(add(scene.program, consumer_scene_open(scene.program, 1), data, 20), 0);
	unsigned before = descriptors();
	for (unsigned i = 0; i < 50; i++)
		assert_int_equal(
			add(scene.program, consumer_scene_open(scene.program, 1), data, size - 1),
			0);
	assert_int_equal(descriptors(), before);
	free(data);
}

/* Nor does all of it, of a whole content or of a range. */
static void nor_does_all_of_it(void **state)
{
	(void)state;
	ready(1, 0, 0);
	ready(1, BLOCK, BLOCK);
	unsigned before = descriptors();
	for (unsigned i = 0; i < 50; i++) {
		ready(1, 0, 0);
		ready(1, BLOCK, BLOCK);
	}
	assert_true(descriptors() <= before + 2);
}

/* Whole contents that are complete are not counted; a new one can be had when others are closed. */
static void long_ones_are_limited(void **state)
{
	uint64_t handles[GATHERING_USER_FILES_MAX], refused;
	uint32_t size;
	uint8_t *data = many_segments(1000, 0, &size);
	struct scene_program *other = service_scene_start(&scene.scene, 1001);

	(void)state;
	assert_true(size > GATHERING_SHORT_MAX);
	for (unsigned i = 0; i < 2; i++) {
		uint64_t handle = consumer_scene_open(scene.program, 1);
		assert_int_equal(add(scene.program, handle, data, size), 0);
		assert_int_equal(consumer_scene_complete(scene.program, handle), 0);
	}
	for (unsigned i = 0; i < GATHERING_USER_FILES_MAX; i++) {
		handles[i] = consumer_scene_open(scene.program, 1);
		assert_int_equal(add(scene.program, handles[i], data, size), 0);
	}
	refused = consumer_scene_open(scene.program, 1);
	assert_int_equal(add(scene.program, refused, data, size), ERROR_NO_SYSTEM_RESOURCES);
	assert_int_equal(consumer_scene_complete(scene.program, refused),
			 ERROR_NO_SYSTEM_RESOURCES);
	uint64_t theirs = consumer_scene_open(other, 1);
	assert_int_equal(add(other, theirs, data, size), 0);
	assert_int_equal(consumer_scene_complete(other, theirs), 0);
	assert_int_equal(consumer_scene_complete(scene.program, handles[0]), 0);
	uint64_t handle = consumer_scene_open(scene.program, 1);
	assert_int_equal(add(scene.program, handle, data, size), 0);
	assert_int_equal(consumer_scene_complete(scene.program, handle), 0);
	service_scene_close(other);
	free(data);
}

/* By itself, since it takes many. */
static void short_ones_are_limited(void **state)
{
	const unsigned most = GATHERING_USER_MAX / GATHERING_SHORT_MAX;
	struct gathering *gatherings[GATHERING_USER_MAX / GATHERING_SHORT_MAX + 1];
	struct user user = {.uid = 1};
	struct content *content;
	uint32_t size;
	uint8_t *data = many_segments(1000, 0, &size);

	(void)state;
	for (unsigned i = 0; i < most; i++) {
		assert_int_equal(gathering_create(scene.scene.store, &user, &gatherings[i]), 0);
		assert_int_equal(gathering_feed(gatherings[i], data, 10), 0);
		assert_int_equal(gathering_feed(gatherings[i], data + 10, GATHERING_SHORT_MAX - 10),
				 0);
	}
	assert_int_equal(gathering_create(scene.scene.store, &user, &gatherings[most]), 0);
	assert_int_equal(gathering_feed(gatherings[most], data, 1), -EDQUOT);
	gathering_free(gatherings[most]);
	/* It goes into a file, and makes room. */
	assert_int_equal(gathering_feed(gatherings[0], data + GATHERING_SHORT_MAX,
					size - GATHERING_SHORT_MAX),
			 0);
	assert_int_equal(gathering_create(scene.scene.store, &user, &gatherings[most]), 0);
	assert_int_equal(gathering_feed(gatherings[most], data, 36), 0);
	assert_int_equal(gathering_end(gatherings[most], &content), -EBADMSG);
	assert_int_equal(gathering_end(gatherings[0], &content), 0);
	assert_int_equal(content_segments(content), 1000);
	content_put(content);
	for (unsigned i = 0; i <= most; i++)
		gathering_free(gatherings[i]);
	assert_int_equal(user.information, 0);
	assert_int_equal(user.information_files, 0);
	free(data);
}

/* ---- threads ---- */

/* Threads of the pool that do nothing else. */
struct stopper {
	struct pool_job job;
	pthread_mutex_t *lock; /* held by the test until it lets them go */
	atomic_bool runs;
};

static void stop(struct pool_job *job)
{
	struct stopper *stopper = (struct stopper *)job;

	atomic_store(&stopper->runs, true);
	pthread_mutex_lock(stopper->lock);
	pthread_mutex_unlock(stopper->lock);
	atomic_store(&stopper->runs, false);
}

static void stop_threads(struct stopper *stoppers, unsigned count, pthread_mutex_t *lock)
{
	pthread_mutex_init(lock, NULL);
	pthread_mutex_lock(lock);
	for (unsigned i = 0; i < count; i++) {
		stoppers[i] = (struct stopper){.job.run = stop, .lock = lock};
		pool_submit(scene.scene.pool, POOL_READER, &stoppers[i].job);
	}
	for (unsigned i = 0; i < count; i++)
		while (!atomic_load(&stoppers[i].runs))
			sched_yield();
}

static void let_go(struct stopper *stoppers, unsigned count, pthread_mutex_t *lock)
{
	pthread_mutex_unlock(lock);
	for (unsigned i = 0; i < count; i++)
		while (atomic_load(&stoppers[i].runs))
			sched_yield();
	pthread_mutex_destroy(lock);
}

/* A read that is cancelled before its first step looks for nobody. */
static void cancelled_at_once(void **state)
{
	struct stopper stoppers[THREADS];
	pthread_mutex_t lock;
	uint64_t handle = ready(1, 0, 0);
	uint32_t number;

	(void)state;
	consumer_scene_become(&scene, NEAR_EMPTY);
	stop_threads(stoppers, THREADS, &lock);
	assert_int_equal(consumer_scene_submit_read(scene.program, OPERATION_block_read, handle, 0,
						    10, 60000, &number),
			 ERROR_IO_PENDING);
	assert_int_equal(
		service_scene_simple(scene.program, OPERATION_client_cancel, handle, number), 0);
	assert_int_equal(service_scene_reap(scene.program).status, ERROR_OPERATION_ABORTED);
	let_go(stoppers, THREADS, &lock);
	/* It comes behind it in the queue. */
	consumer_scene_expect(&scene, OPERATION_block_read, handle, 0, 0, 0, 0, 0, 0);
	service_scene_close(scene.program);
	scene.scene.program = scene.program = service_scene_start(&scene.scene, 1000);
	service_scene_wait_counters(&scene.scene, 0, 0);
	assert_int_equal(consumer_scene_asked(&scene), 0);
}

/* With one thread for all: long input lets others come in between. */
static void expect_between(enum operation_opcode opcode, uint64_t handle, const void *data,
			   uint32_t size)
{
	struct stopper stoppers[THREADS];
	pthread_mutex_t locks[2];
	uint64_t asked = ready(2, 0, 0);
	uint32_t number, question;

	stop_threads(stoppers, THREADS - 1, &locks[0]);
	stop_threads(stoppers + THREADS - 1, 1, &locks[1]);
	assert_int_equal(
		consumer_scene_submit_input(scene.program, opcode, handle, 0, size, &number),
		ERROR_IO_PENDING);
	assert_int_equal(service_scene_feed(scene.program, number, data, size, 1 << 19), 0);
	assert_int_equal(consumer_scene_submit_read(scene.program, OPERATION_block_read, asked, 0,
						    0, 0, &question),
			 ERROR_IO_PENDING);
	let_go(stoppers + THREADS - 1, 1, &locks[1]);
	struct pdc_completion first = service_scene_reap(scene.program),
			      second = service_scene_reap(scene.program);
	let_go(stoppers, THREADS - 1, &locks[0]);
	assert_int_equal(first.op, question);
	assert_int_equal(second.op, number);
	assert_int_equal(second.status, 0);
}

static void long_data_lets_others_in(void **state)
{
	(void)state;
	expect_between(OPERATION_add_data, ready(1, 0, 0), scene.octets, (uint32_t)scene.size);
}

static void long_information_lets_others_in(void **state)
{
	uint32_t size;
	uint8_t *data = many_segments(90000, 0, &size);

	(void)state;
	assert_true(size > CONSUMER_STEP_MAX + (1 << 20));
	expect_between(OPERATION_add_information, consumer_scene_open(scene.program, 1), data,
		       size);
	free(data);
}

/* ---- others ---- */

/* Others of the user are found without the lock that everybody needs. */
static void others_are_found_without_the_service(void **state)
{
	uint64_t handle = ready(1, 0, BLOCK), other = ready(2, 2 * BLOCK, BLOCK);
	uint32_t number;

	(void)state;
	pthread_mutex_lock(&scene.scene.service->lock);
	assert_int_equal(consumer_scene_submit_input(scene.program, OPERATION_add_data, handle,
						     2 * BLOCK, BLOCK, &number),
			 ERROR_IO_PENDING);
	assert_int_equal(
		service_scene_feed(scene.program, number, scene.octets + 2 * BLOCK, BLOCK, BLOCK),
		0);
	assert_int_equal(service_scene_reap(scene.program).status, 0);
	pthread_mutex_unlock(&scene.scene.service->lock);
	consumer_scene_expect(&scene, OPERATION_block_read, other, 2 * BLOCK, BLOCK, 0, 0,
			      2 * BLOCK, BLOCK);
}

static void those_that_are_closed_are_not_found(void **state)
{
	uint64_t handle = ready(1, 0, BLOCK);
	struct scene_program *program = service_scene_start(&scene.scene, 1000);
	uint64_t closed = consumer_scene_ready_content(&scene, program, 2, 1, 2 * BLOCK, BLOCK);

	(void)state;
	assert_int_equal(service_scene_simple(program, OPERATION_close_content, closed, 0), 0);
	assert_int_equal(consumer_scene_add(&scene, scene.program, handle, 2 * BLOCK, BLOCK), 0);
	consumer_scene_ready_content(&scene, program, 2, 1, 2 * BLOCK, BLOCK);
	service_scene_close(program);
	assert_int_equal(consumer_scene_add(&scene, scene.program, handle, 3 * BLOCK, 100), 0);
}

/* ---- searches ---- */

/* As many reads as there may be search one content, and are cancelled; another content's waits. */
static void searches_of_all_contents_count(void **state)
{
	uint64_t handle = ready(1, 0, 0), other = ready(2, 2 * BLOCK, BLOCK);
	uint32_t number;

	(void)state;
	consumer_scene_become(&scene, NEAR_SILENT);
	for (unsigned i = 0; i < PDC_OPERATIONS_MAX; i++)
		assert_int_equal(consumer_scene_submit_read(scene.program, OPERATION_block_read,
							    handle, 0, 10, UINT32_MAX, &number),
				 ERROR_IO_PENDING);
	while (atomic_load(&scene.program->instance->searches) < PDC_OPERATIONS_MAX)
		sched_yield();
	assert_int_equal(service_scene_simple(scene.program, OPERATION_client_cancel, handle, 0),
			 0);
	for (unsigned i = 0; i < PDC_OPERATIONS_MAX; i++)
		assert_int_equal(service_scene_reap(scene.program).status, ERROR_OPERATION_ABORTED);
	unsigned asked = consumer_scene_asked(&scene);
	consumer_scene_expect(&scene, OPERATION_block_read, other, 2 * BLOCK, 10, 100,
			      ERROR_TIMEOUT, 2 * BLOCK, BLOCK);
	assert_int_equal(consumer_scene_asked(&scene), asked);
	assert_int_equal(atomic_load(&scene.program->instance->user->searches), PDC_OPERATIONS_MAX);
	consumer_scene_become(&scene, NEAR_WILLING);
	while (atomic_load(&scene.program->instance->searches) > 0)
		sched_yield();
	consumer_scene_expect(&scene, OPERATION_block_read, other, 2 * BLOCK, 10, 60000, 0,
			      2 * BLOCK, 10);
}

/* ---- the disk ---- */

static uint64_t unkept(void)
{
	struct service_counters counters;

	service_counters(scene.scene.service, &counters);
	return counters.unkept;
}

/* Disk trouble is not the program's, but can be seen. */
static void what_cannot_be_kept_is_counted(void **state)
{
	uint64_t handle = ready(1, 0, 0);
	struct rlimit former, none;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &former), 0);
	none = (struct rlimit){.rlim_cur = 0, .rlim_max = former.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	uint32_t status = consumer_scene_add(&scene, scene.program, handle, 0, FILE_SIZE);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &former), 0);
	assert_int_equal(status, 0);
	assert_int_equal(unkept(), 4);
}

/* ---- reports ---- */

/* What is looked for elsewhere has an end, and so has what is said to be missing: it does not cover
 * what another object has. */
static void what_is_elsewhere_is_not_missing(void **state)
{
	const uint32_t segments = 15000, there = 14000;
	uint32_t size;
	uint64_t position = 0, whole = consumer_scene_open(scene.program, 1),
		 last = consumer_scene_open(scene.program, 1);
	uint8_t *data = many_segments(segments, 0, &size), *entry = data + 36 + there * 68;
	struct pdc_completion completion;
	unsigned reads = 0;

	(void)state;
	assert_int_equal(digest_hash(DIGEST_SHA512_TRUNC256, scene.octets, BLOCK, entry + 4), 0);
	assert_int_equal(add(scene.program, whole, data, size), 0);
	assert_int_equal(consumer_scene_complete(scene.program, whole), 0);
	/* Another content that has that segment alone. */
	memmove(data + 36, entry, 68);
	*(uint32_t *)(data + 32) = htobe32(68);
	assert_int_equal(add(scene.program, last, data, 36 + 68), 0);
	assert_int_equal(consumer_scene_complete(scene.program, last), 0);
	assert_int_equal(consumer_scene_input(scene.program, OPERATION_add_data, last, 0,
					      scene.octets, BLOCK, BLOCK),
			 0);
	do {
		uint32_t number;
		assert_int_equal(consumer_scene_submit_read(scene.program, OPERATION_stream_read,
							    whole, 0, BLOCK, 0, &number),
				 ERROR_IO_PENDING);
		completion = service_scene_reap(scene.program);
		assert_int_equal(completion.offset, position);
		position += completion.bytes;
		reads++;
	} while (completion.status == PEERDIST_ERROR_MISSING_DATA);
	assert_int_equal(completion.status, 0);
	assert_int_equal(completion.offset, (uint64_t)there * BLOCK);
	assert_int_equal(completion.bytes, BLOCK);
	assert_in_range(reads, 3, 10);
	free(data);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define LARGE(name) cmocka_unit_test_setup_teardown(name, setup_large, teardown)
	const struct CMUnitTest tests[] = {
		TEST(half_of_it_needs_no_descriptor),
		TEST(nor_does_all_of_it),
		TEST(long_ones_are_limited),
		TEST(short_ones_are_limited),
		TEST(cancelled_at_once),
		LARGE(long_data_lets_others_in),
		TEST(long_information_lets_others_in),
		TEST(others_are_found_without_the_service),
		TEST(those_that_are_closed_are_not_found),
		TEST(searches_of_all_contents_count),
		TEST(what_cannot_be_kept_is_counted),
		TEST(what_is_elsewhere_is_not_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
