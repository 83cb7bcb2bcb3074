/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the tests of the publisher share.
 */
#include "tests/unit/publish_scene.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cache/log.h"

enum { POOL_THREADS = 3 };

struct publish_scene publish_scene;

/* Guarded by hold_lock. */
static pthread_mutex_t hold_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t hold_changed = PTHREAD_COND_INITIALIZER;
static unsigned held;
static unsigned to_hold;
static struct pool_job hold_jobs[POOL_THREADS];

static void hold(struct pool_job *job)
{
	(void)job;
	pthread_mutex_lock(&hold_lock);
	held++;
	pthread_cond_broadcast(&hold_changed);
	while (held <= to_hold)
		pthread_cond_wait(&hold_changed, &hold_lock);
	held--;
	pthread_cond_broadcast(&hold_changed);
	pthread_mutex_unlock(&hold_lock);
}

void publish_scene_hold(void)
{
	pthread_mutex_lock(&hold_lock);
	to_hold = POOL_THREADS;
	for (unsigned i = 0; i < POOL_THREADS; i++) {
		hold_jobs[i].run = hold;
		pool_submit(publish_scene.pool, POOL_READER, &hold_jobs[i]);
	}
	while (held < POOL_THREADS)
		pthread_cond_wait(&hold_changed, &hold_lock);
	pthread_mutex_unlock(&hold_lock);
}

static void hold_only(unsigned count)
{
	pthread_mutex_lock(&hold_lock);
	to_hold = count;
	pthread_cond_broadcast(&hold_changed);
	while (held > count)
		pthread_cond_wait(&hold_changed, &hold_lock);
	pthread_mutex_unlock(&hold_lock);
}

void publish_scene_let_one_go(void)
{
	hold_only(POOL_THREADS - 1);
}

void publish_scene_let_go(void)
{
	hold_only(0);
}

int publish_scene_begin(void **state)
{
	const char *base = getenv("TMPDIR");

	(void)state;
	log_open("stderr", LOG_LEVEL_ERROR);
	publish_scene = (struct publish_scene){0};
	snprintf(publish_scene.folder, sizeof(publish_scene.folder), "%s/test_publish.XXXXXX",
		 base != NULL ? base : "/tmp");
	if (mkdtemp(publish_scene.folder) == NULL)
		return -1;
	snprintf(publish_scene.directory, sizeof(publish_scene.directory), "%s/hashes",
		 publish_scene.folder);
	if (pool_create(POOL_THREADS, &publish_scene.pool) != 0)
		return -1;
	publish_scene.secret = publish_scene_secret("no more secrets");
	publish_scene.publish = publish_scene_open(PUBLISH_BOTH, 0);
	return 0;
}

static void remove_below(const char *path)
{
	DIR *stream = opendir(path);
	const struct dirent *entry;

	while (stream != NULL && (entry = readdir(stream)) != NULL) {
		char name[512];

		snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		if (entry->d_name[0] != '.' && unlink(name) != 0)
			rmdir(name);
	}
	if (stream != NULL)
		closedir(stream);
	rmdir(path);
}

int publish_scene_end(void **state)
{
	(void)state;
	publish_scene_let_go(); /* where the test failed meanwhile */
	publish_free(publish_scene.publish);
	pool_destroy(publish_scene.pool);
	secret_free(publish_scene.secret);
	remove_below(publish_scene.directory);
	remove_below(publish_scene.folder);
	return access(publish_scene.folder, F_OK) == 0 ? -1 : 0;
}

struct secret *publish_scene_secret(const char *key)
{
	struct secret *secret;

	assert_int_equal(secret_create(key, strlen(key), &secret), 0);
	return secret;
}

struct publish *publish_scene_open_with(const char *directory, const struct secret *secret,
					unsigned versions, uint64_t limit)
{
	struct publish_options options = {
		.secret = secret,
		.directory = directory,
		.versions = versions,
		.limit = limit,
		.pool = publish_scene.pool,
	};
	struct publish *publish;
	char message[512] = "";

	if (publish_create(&options, &publish, message, sizeof(message)) != 0)
		fail_msg("%s", message);
	return publish;
}

struct publish *publish_scene_open(unsigned versions, uint64_t limit)
{
	return publish_scene_open_with(publish_scene.directory, publish_scene.secret, versions,
				       limit);
}

int publish_scene_file(const char *name, const void *data, size_t size,
		       struct publish_subject *subject_out)
{
	struct stat status;
	char path[256];
	int file;

	snprintf(path, sizeof(path), "%s/%s", publish_scene.folder, name);
	file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(file >= 0);
	assert_int_equal(write(file, data, size), size);
	assert_int_equal(fstat(file, &status), 0);
	publish_subject_of_file(&status, subject_out);
	assert_int_equal(subject_out->size, size);
	return file;
}

struct octets publish_scene_random(size_t size, uint32_t seed)
{
	struct octets octets = {malloc(size), size};
	uint32_t random = seed;

	assert_non_null(octets.data);
	for (size_t i = 0; i < size; i++) {
		random = random * 1664525 + 1013904223;
		octets.data[i] = (uint8_t)(random >> 24);
	}
	return octets;
}

void publish_scene_subject(const char *name, const char *state, uint64_t size,
			   struct publish_subject *subject_out)
{
	snprintf(subject_out->name, sizeof(subject_out->name), "%s", name);
	snprintf(subject_out->state, sizeof(subject_out->state), "%s", state);
	subject_out->size = size;
}

void publish_told_init(struct publish_told *told)
{
	*told = (struct publish_told){.last = 1};
	pthread_mutex_init(&told->lock, NULL);
	pthread_cond_init(&told->changed, NULL);
}

struct telling *publish_told_number(struct publish_told *told, unsigned number)
{
	told->tellings[number] = (struct telling){told, number};
	return &told->tellings[number];
}

void publish_told_done(void *context, int error)
{
	const struct telling *telling = context;
	struct publish_told *told = telling->told;

	pthread_mutex_lock(&told->lock);
	told->order[told->count++] = telling->number;
	told->last = error;
	pthread_cond_signal(&told->changed);
	pthread_mutex_unlock(&told->lock);
}

int publish_told_wait(struct publish_told *told, unsigned count)
{
	int last;

	pthread_mutex_lock(&told->lock);
	while (told->count < count)
		pthread_cond_wait(&told->changed, &told->lock);
	last = told->last;
	pthread_mutex_unlock(&told->lock);
	return last;
}

int publish_scene_make(struct publish *publish, const struct publish_subject *subject, int file)
{
	struct publish_told *told = malloc(sizeof(*told));
	int error;

	assert_non_null(told);
	publish_told_init(told);
	assert_int_equal(publish_make(publish, subject, file, true, publish_told_done,
				      publish_told_number(told, 0)),
			 0);
	error = publish_told_wait(told, 1);
	free(told);
	return error;
}

int publish_scene_stream(struct publish *publish, const struct publish_subject *subject,
			 const void *data, size_t portion)
{
	struct publish_stream *stream;
	const uint8_t *at = data;

	assert_int_equal(publish_stream_begin(publish, subject, &stream), 0);
	for (uint64_t left = subject->size; left > 0;) {
		size_t size = left < portion ? (size_t)left : portion;

		assert_int_equal(publish_stream_feed(stream, at, size), 0);
		at += size;
		left -= size;
	}
	return publish_stream_end(stream, true);
}

struct octets publish_scene_octets(const struct publish_form *form)
{
	struct octets octets = {malloc(form->size), form->size};

	assert_non_null(octets.data);
	assert_int_equal(pread(form->file, octets.data, form->size, (off_t)form->offset),
			 form->size);
	return octets;
}

struct octets publish_scene_form(struct publish *publish, const struct publish_subject *subject,
				 unsigned version)
{
	struct publish_form form;
	struct octets octets;

	assert_int_equal(publish_find(publish, subject, version, &form), 0);
	octets = publish_scene_octets(&form);
	close(form.file);
	return octets;
}

bool publish_scene_same(const struct octets *left, const struct octets *right)
{
	return left->size == right->size && memcmp(left->data, right->data, left->size) == 0;
}

void publish_scene_kept(char *path, size_t size)
{
	DIR *stream = opendir(publish_scene.directory);
	const struct dirent *entry;
	unsigned count = 0;

	assert_non_null(stream);
	while ((entry = readdir(stream)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, size, "%s/%s", publish_scene.directory, entry->d_name);
		count++;
	}
	closedir(stream);
	assert_int_equal(count, 1);
}

unsigned publish_scene_kept_count(void)
{
	DIR *stream = opendir(publish_scene.directory);
	const struct dirent *entry;
	unsigned count = 0;

	assert_non_null(stream);
	while ((entry = readdir(stream)) != NULL)
		count += entry->d_name[0] != '.';
	closedir(stream);
	return count;
}

struct publish_counters publish_scene_counters(struct publish *publish)
{
	struct publish_counters counters;

	publish_counters(publish, &counters);
	return counters;
}

uint64_t publish_scene_hashed(struct publish *publish)
{
	return publish_scene_counters(publish).octets_hashed;
}
