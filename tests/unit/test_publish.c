/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The publisher: what it makes, of what, and in which order. What it keeps is test_publish_kept.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "origin/publish_file.h"
#include "tests/unit/publish_scene.h"

/* Vectors */

static const json_t *canonical(const json_t *vector)
{
	const json_t *form;
	size_t index;

	json_array_foreach(vectors_list(vector, "forms"), index, form)
	{
		if (vectors_true(form, "canonical"))
			return form;
	}
	fail_msg("no canonical form");
	return NULL;
}

static void check_form(struct publish_form *form, const json_t *vector)
{
	struct octets octets = publish_scene_octets(form);
	uint8_t hash[32];

	assert_int_equal(octets.size, vectors_number(canonical(vector), "info_size"));
	EVP_Digest(octets.data, octets.size, hash, NULL, EVP_sha256(), NULL);
	assert_json_hex(hash, sizeof(hash), canonical(vector), "info_sha256");
	octets_free(&octets);
	close(form->file);
}

static void check_range(struct publish *publish, const struct publish_subject *subject,
			unsigned version, const json_t *vector)
{
	struct publish_form form;
	uint64_t start, length;

	vectors_pair(json_object_get(vector, "range"), &start, &length);
	assert_int_equal(publish_find_range(publish, subject, version, start, length, &form), 0);
	check_form(&form, vector);
	if (length < subject->size)
		return;
	assert_int_equal(publish_find(publish, subject, version, &form), 0);
	check_form(&form, vector);
}

static void check_vector(unsigned version, const json_t *vector)
{
	struct octets content = vectors_content(json_object_get(vector, "content"));
	struct octets key = vectors_octets(vector, "secret_key");
	struct publish_subject file_subject, stream_subject;
	struct publish *publish;
	struct secret *secret;
	int file = publish_scene_file("content", content.data, content.size, &file_subject);

	assert_int_equal(secret_create(key.data, key.size, &secret), 0);
	publish = publish_scene_open_with(NULL, secret, PUBLISH_BOTH, 0);
	assert_int_equal(publish_scene_make(publish, &file_subject, file), 0);
	check_range(publish, &file_subject, version, vector);
	publish_scene_subject("/path", "validator", content.size, &stream_subject);
	assert_int_equal(publish_scene_stream(publish, &stream_subject, content.data, 100000), 0);
	check_range(publish, &stream_subject, version, vector);
	assert_int_equal(publish_scene_hashed(publish), 2 * content.size);
	assert_int_equal(publish_scene_counters(publish).made, 2);
	publish_free(publish);
	secret_free(secret);
	close(file);
	octets_free(&key);
	octets_free(&content);
}

/* Of version 2.0, those that our cutter would cut so. */
static bool is_ours(unsigned version, const json_t *vector)
{
	const char *name = vectors_text(vector, "name");

	if (vectors_true(vector, "refuse"))
		return false;
	if (version == 1)
		return strcmp(vectors_text(vector, "hash"), "sha256") == 0;
	return strcmp(name, "one-byte") == 0 || strcmp(name, "hello") == 0 ||
	       strstr(name, "content-defined") != NULL;
}

static void check_vectors(unsigned version, const char *file_name, unsigned count)
{
	json_t *loaded = vectors_load(file_name);
	const json_t *vector;
	unsigned checked = 0;
	size_t index;

	json_array_foreach(vectors_list(loaded, "vectors"), index, vector)
	{
		if (!is_ours(version, vector))
			continue;
		check_vector(version, vector);
		checked++;
	}
	assert_int_equal(checked, count);
	json_decref(loaded);
}

static void version_1_is_that_of_the_vectors(void **state)
{
	(void)state;
	check_vectors(1, "v1.json", 22);
}

static void version_2_is_that_of_the_vectors(void **state)
{
	(void)state;
	check_vectors(2, "v2.json", 4);
}

/* Contents that are not */

static void ranges_that_are_none_are_refused(void **state)
{
	static const uint64_t ranges[][2] = {{0, 0}, {5, 0}, {5, 1}, {0, 6}, {4, UINT64_MAX}};
	struct publish_subject subject, unknown;
	struct publish_form form;

	(void)state;
	publish_scene_subject("/path", "1", 5, &subject);
	publish_scene_subject("/other", "1", 5, &unknown);
	assert_int_equal(publish_scene_stream(publish_scene.publish, &subject, "hello", 2), 0);
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		assert_int_equal(publish_find_range(publish_scene.publish, &subject, 1,
						    ranges[i][0], ranges[i][1], &form),
				 -EINVAL);
	assert_int_equal(publish_find_range(publish_scene.publish, &unknown, 1, 0, 2, &form),
			 -ENOENT);
	assert_int_equal(publish_find_range(publish_scene.publish, &subject, 3, 0, 2, &form),
			 -ENOENT);
	assert_int_equal(publish_find(publish_scene.publish, &unknown, 2, &form), -ENOENT);
	assert_int_equal(publish_find(publish_scene.publish, &subject, 0, &form), -ENOENT);
}

static void the_form_of_a_range_has_a_limit(void **state)
{
	/* No octets, only the hashes that they could have: 12 GiB. */
	enum { BLOCKS = 196608 };
	struct publish_made made = {.hashes[0] = {.version = 1,
						  .algorithm = DIGEST_SHA256,
						  .size = BLOCKS * 65536ull,
						  .count = BLOCKS,
						  .hashes = calloc(BLOCKS, 32)}};
	struct publish_subject subject;
	struct publish_form form;

	(void)state;
	publish_scene_subject("/large", "1", made.hashes[0].size, &subject);
	assert_int_equal(publish_shelf_put(publish_shelf(publish_scene.publish), &subject, &made),
			 0);
	assert_int_equal(
		publish_find_range(publish_scene.publish, &subject, 1, 1, subject.size - 1, &form),
		-ENOENT);
	assert_int_equal(publish_find_range(publish_scene.publish, &subject, 1,
					    subject.size - 65536, 1, &form),
			 0);
	close(form.file);
	assert_int_equal(publish_find(publish_scene.publish, &subject, 1, &form), 0);
	assert_true(form.size > 6000000);
	close(form.file);
	publish_made_clear(&made);
}

static void nothing_is_kept_of(struct publish_subject *subject)
{
	struct publish_form form;

	assert_int_equal(publish_find(publish_scene.publish, subject, 1, &form), -ENOENT);
	assert_int_equal(publish_find(publish_scene.publish, subject, 2, &form), -ENOENT);
}

static void what_is_no_content_fails(void **state)
{
	struct publish_subject subject;
	struct stat status;
	char path[128];
	int file, ends[2];

	(void)state;
	file = publish_scene_file("empty", "", 0, &subject);
	assert_int_equal(publish_scene_make(publish_scene.publish, &subject, file), -EINVAL);
	close(file);

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(fstat(ends[0], &status), 0);
	publish_subject_of_file(&status, &subject);
	assert_int_equal(publish_scene_make(publish_scene.publish, &subject, ends[0]), -EINVAL);
	close(ends[0]);
	close(ends[1]);

	file = open(publish_scene.folder, O_RDONLY | O_DIRECTORY);
	assert_int_equal(fstat(file, &status), 0);
	publish_subject_of_file(&status, &subject);
	assert_int_equal(publish_scene_make(publish_scene.publish, &subject, file), -EINVAL);
	close(file);

	close(publish_scene_file("closed", "hello", 5, &subject));
	snprintf(path, sizeof(path), "%s/closed", publish_scene.folder);
	file = open(path, O_WRONLY);
	assert_int_equal(publish_scene_make(publish_scene.publish, &subject, file), -EBADF);
	close(file);
	nothing_is_kept_of(&subject);
	assert_int_equal(publish_scene_counters(publish_scene.publish).failed, 4);
	assert_int_equal(publish_scene_counters(publish_scene.publish).made, 0);
}

static void a_file_changed_before_it_is_made_is_stale(void **state)
{
	static const struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
	struct publish_subject subject, other;
	int file = publish_scene_file("file", "hello", 5, &subject);

	(void)state;
	other = subject;
	strcat(other.name, "0");
	assert_int_equal(publish_scene_make(publish_scene.publish, &other, file), -ESTALE);
	assert_int_equal(futimens(file, times), 0);
	assert_int_equal(publish_scene_make(publish_scene.publish, &subject, file), -ESTALE);
	assert_int_equal(ftruncate(file, 4), 0);
	assert_int_equal(publish_scene_make(publish_scene.publish, &subject, file), -ESTALE);
	close(file);
	assert_int_equal(publish_scene_hashed(publish_scene.publish), 0);
	nothing_is_kept_of(&subject);
}

enum change { NO_CHANGE, REWRITE, GROW, SHRINK, TOUCH, CHANGES };

static void change_file(int file, enum change change)
{
	static const struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
	struct stat status;

	assert_int_equal(fstat(file, &status), 0);
	if (change == REWRITE)
		assert_int_equal(pwrite(file, "x", 1, 3), 1);
	else if (change == GROW)
		assert_int_equal(pwrite(file, "x", 1, status.st_size), 1);
	else if (change == SHRINK)
		assert_int_equal(ftruncate(file, 100000), 0);
	else if (change == TOUCH)
		assert_int_equal(futimens(file, times), 0);
}

static int make_with_change(const struct octets *content, enum change change, unsigned after,
			    struct publish_subject *subject_out)
{
	int file = publish_scene_file("changing", content->data, content->size, subject_out), error;
	struct publish_file *progress;
	uint64_t octets = 0;
	bool more = true;

	assert_int_equal(publish_file_begin(file, subject_out, publish_shelf(publish_scene.publish),
					    PUBLISH_BOTH, publish_scene.pool, POOL_AHEAD,
					    &progress),
			 0);
	error = 0;
	for (unsigned slices = 0; more && error == 0; slices++) {
		octets = 0;
		if (slices == after)
			change_file(file, change);
		error = publish_file_slice(progress, &octets, &more);
	}
	if (error == -ESTALE)
		assert_int_equal(octets, 0); /* nothing was hashed any more */
	publish_file_free(progress);
	close(file);
	return error;
}

static void a_file_changed_while_it_is_made_is_stale(void **state)
{
	struct octets content = publish_scene_random(20000000, 1); /* three slices */
	struct publish_subject subject;
	struct publish_form form;

	(void)state;
	for (unsigned after = 0; after < 3; after++)
		for (enum change change = REWRITE; change < CHANGES; change++) {
			assert_int_equal(make_with_change(&content, change, after, &subject),
					 -ESTALE);
			nothing_is_kept_of(&subject);
		}
	assert_int_equal(make_with_change(&content, NO_CHANGE, 1, &subject), 0);
	assert_int_equal(publish_find(publish_scene.publish, &subject, 2, &form), 0);
	close(form.file);
	octets_free(&content);
}

/* Streams */

static void a_stream_of_another_length_gives_nothing(void **state)
{
	struct publish_subject subject;
	struct publish_stream *stream;

	(void)state;
	publish_scene_subject("/path", "1", 10, &subject);
	assert_int_equal(publish_stream_begin(publish_scene.publish, &subject, &stream), 0);
	assert_int_equal(publish_stream_feed(stream, "123456789", 9), 0);
	assert_int_equal(publish_stream_end(stream, true), -ESTALE);
	assert_int_equal(publish_stream_begin(publish_scene.publish, &subject, &stream), 0);
	assert_int_equal(publish_stream_feed(stream, "123456789", 9), 0);
	assert_int_equal(publish_stream_feed(stream, "01", 2), -ESTALE);
	assert_int_equal(publish_stream_feed(stream, "0", 1), -ESTALE);
	assert_int_equal(publish_stream_end(stream, true), -ESTALE);
	assert_int_equal(publish_stream_begin(publish_scene.publish, &subject, &stream), 0);
	assert_int_equal(publish_stream_feed(stream, "1234567890", 10), 0);
	assert_int_equal(publish_stream_end(stream, false), -ECANCELED);
	publish_scene_subject("/empty", "1", 0, &subject);
	assert_int_equal(publish_stream_begin(publish_scene.publish, &subject, &stream), 0);
	assert_int_equal(publish_stream_end(stream, true), -EINVAL);
	nothing_is_kept_of(&subject);
	assert_int_equal(publish_scene_counters(publish_scene.publish).failed, 3);
}

static void streams_are_few_and_one_of_a_subject(void **state)
{
	enum { MORE_THAN_ENOUGH = 1000 };
	struct publish_stream *streams[MORE_THAN_ENOUGH], *another;
	struct publish_subject subject, first;
	unsigned count = 0;
	char name[32];

	(void)state;
	publish_scene_subject("/0", "1", 10, &first);
	do {
		snprintf(name, sizeof(name), "/%u", count);
		publish_scene_subject(name, "1", 10, &subject);
	} while (count < MORE_THAN_ENOUGH &&
		 publish_stream_begin(publish_scene.publish, &subject, &streams[count]) == 0 &&
		 ++count);
	assert_true(count >= 8 && count < MORE_THAN_ENOUGH);
	publish_stream_end(streams[--count], false);
	assert_int_equal(publish_stream_begin(publish_scene.publish, &first, &another), -EBUSY);
	publish_scene_subject("/0", "2", 10, &first);
	assert_int_equal(publish_stream_begin(publish_scene.publish, &first, &another), 0);
	publish_stream_end(another, false);
	while (count > 0)
		publish_stream_end(streams[--count], false);
}

static void who_asks_for_what_a_stream_makes_is_told_by_it(void **state)
{
	struct publish_stream *stream;
	struct publish_subject subject;
	struct publish_told *told = malloc(sizeof(*told));
	int file = publish_scene_file("file", "hello", 5, &subject);

	(void)state;
	publish_told_init(told);
	assert_int_equal(publish_stream_begin(publish_scene.publish, &subject, &stream), 0);
	assert_int_equal(publish_make(publish_scene.publish, &subject, file, true,
				      publish_told_done, publish_told_number(told, 0)),
			 0);
	assert_int_equal(publish_stream_feed(stream, "hello", 5), 0);
	assert_int_equal(told->count, 0);
	assert_int_equal(publish_stream_end(stream, true), 0);
	assert_int_equal(told->count, 1);
	assert_int_equal(told->last, 0);
	assert_int_equal(publish_scene_counters(publish_scene.publish).made, 1);
	close(file);
	free(told);
}

/* The queue */

static void urgent_ones_go_first_and_each_is_made_once(void **state)
{
	enum { FILES = 6, URGENT_FROM = 4 };
	struct publish_subject subjects[FILES];
	struct publish_told *told = malloc(sizeof(*told));
	int files[FILES];

	(void)state;
	publish_told_init(told);
	publish_scene_hold();
	for (unsigned i = 0; i < FILES; i++) {
		char name[16], data[16];

		snprintf(name, sizeof(name), "file%u", i);
		snprintf(data, sizeof(data), "content %u", i);
		files[i] = publish_scene_file(name, data, strlen(data), &subjects[i]);
		for (unsigned twice = 0; twice < 2; twice++)
			assert_int_equal(publish_make(publish_scene.publish, &subjects[i], files[i],
						      false, publish_told_done,
						      publish_told_number(told, 2 * i + twice)),
					 0);
	}
	/* An urgent wish for what waits already. */
	for (unsigned i = URGENT_FROM; i < FILES; i++)
		assert_int_equal(publish_make(publish_scene.publish, &subjects[i], files[i], true,
					      NULL, NULL),
				 0);
	assert_int_equal(publish_scene_counters(publish_scene.publish).queued, FILES);
	publish_scene_let_one_go();
	assert_int_equal(publish_told_wait(told, 2 * FILES), 0);
	for (unsigned i = 0; i < 2 * FILES; i++)
		assert_int_equal(told->order[i] / 2, (URGENT_FROM + i / 2) % FILES);
	publish_scene_let_go();
	assert_int_equal(publish_scene_counters(publish_scene.publish).made, FILES);
	assert_int_equal(publish_scene_counters(publish_scene.publish).queued, 0);
	for (unsigned i = 0; i < FILES; i++)
		close(files[i]);
	free(told);
}

static void the_queue_is_bounded(void **state)
{
	struct rlimit usual, few;
	struct publish *publish;
	struct publish_subject subject;
	struct publish_told *told = malloc(sizeof(*told));
	unsigned count = 0;
	int file;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &usual), 0);
	few = usual;
	few.rlim_cur = 200;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	publish = publish_scene_open_with(NULL, publish_scene.secret, PUBLISH_BOTH, 0);
	file = publish_scene_file("file", "hello", 5, &subject);
	publish_told_init(told);
	publish_scene_hold();
	/* All but the first are not what the file is, which is seen only when they are made. */
	while (publish_make(publish, &subject, file, false, publish_told_done,
			    publish_told_number(told, count)) == 0) {
		assert_true(++count < 512);
		snprintf(subject.state, sizeof(subject.state), "%u", count);
	}
	assert_int_equal(count, 50);
	assert_int_equal(publish_scene_counters(publish).queued, 50);
	publish_scene_let_go();
	publish_told_wait(told, count);
	assert_int_equal(told->count, count);
	assert_int_equal(publish_scene_counters(publish).made, 1);
	assert_int_equal(publish_scene_counters(publish).failed, count - 1);
	publish_free(publish);
	setrlimit(RLIMIT_NOFILE, &usual);
	close(file);
	free(told);
}

static void what_waits_is_given_up_at_the_end(void **state)
{
	struct publish_subject subject;
	struct publish_told *told = malloc(sizeof(*told));
	int file = publish_scene_file("file", "hello", 5, &subject);

	(void)state;
	publish_told_init(told);
	publish_scene_hold();
	for (unsigned i = 0; i < 20; i++) {
		assert_int_equal(publish_make(publish_scene.publish, &subject, file, i % 2 == 0,
					      publish_told_done, publish_told_number(told, i)),
				 0);
		snprintf(subject.state, sizeof(subject.state), "%u", i);
	}
	/* With no thread of the pool to help. */
	publish_free(publish_scene.publish);
	publish_scene.publish = NULL;
	assert_int_equal(told->count, 20);
	assert_int_equal(told->last, -ECANCELED);
	publish_scene_let_go();
	close(file);
	free(told);
}

static void what_is_being_made_is_given_up_at_the_end(void **state)
{
	const uint64_t size = 4ull << 30; /* a hole: would take seconds */
	struct publish_subject subject;
	struct stat status;
	struct publish_told *told = malloc(sizeof(*told));
	int file = publish_scene_file("file", "", 0, &subject);

	(void)state;
	publish_told_init(told);
	assert_int_equal(ftruncate(file, (off_t)size), 0);
	assert_int_equal(fstat(file, &status), 0);
	publish_subject_of_file(&status, &subject);
	assert_int_equal(publish_make(publish_scene.publish, &subject, file, false,
				      publish_told_done, publish_told_number(told, 0)),
			 0);
	while (publish_scene_hashed(publish_scene.publish) == 0)
		sched_yield();
	publish_free(publish_scene.publish);
	publish_scene.publish = NULL;
	assert_int_equal(told->count, 1);
	assert_int_equal(told->last, -ECANCELED);
	assert_int_equal(publish_scene_kept_count(), 0);
	close(file);
	free(told);
}

#define WITH_SCENE(test)                                                                           \
	cmocka_unit_test_setup_teardown(test, publish_scene_begin, publish_scene_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SCENE(version_1_is_that_of_the_vectors),
		WITH_SCENE(version_2_is_that_of_the_vectors),
		WITH_SCENE(ranges_that_are_none_are_refused),
		WITH_SCENE(the_form_of_a_range_has_a_limit),
		WITH_SCENE(what_is_no_content_fails),
		WITH_SCENE(a_file_changed_before_it_is_made_is_stale),
		WITH_SCENE(a_file_changed_while_it_is_made_is_stale),
		WITH_SCENE(a_stream_of_another_length_gives_nothing),
		WITH_SCENE(streams_are_few_and_one_of_a_subject),
		WITH_SCENE(who_asks_for_what_a_stream_makes_is_told_by_it),
		WITH_SCENE(urgent_ones_go_first_and_each_is_made_once),
		WITH_SCENE(the_queue_is_bounded),
		WITH_SCENE(what_waits_is_given_up_at_the_end),
		WITH_SCENE(what_is_being_made_is_given_up_at_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
