/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the publisher keeps: across restarts and secrets, altered, shared, and limited.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "origin/publish_private.h"
#include "tests/unit/publish_scene.h"

static void reopen(unsigned versions, uint64_t limit)
{
	publish_free(publish_scene.publish);
	publish_scene.publish = publish_scene_open(versions, limit);
}

static void a_restart_keeps_what_was_made(void **state)
{
	struct octets content = publish_scene_random(300000, 1), before, after;
	struct publish_subject subject, other;
	int file = publish_scene_file("file", content.data, content.size, &subject);

	(void)state;
	assert_int_equal(publish_scene_make(publish_scene.publish, &subject, file), 0);
	for (unsigned version = 1; version <= 2; version++) {
		before = publish_scene_form(publish_scene.publish, &subject, version);
		reopen(PUBLISH_BOTH, 0);
		after = publish_scene_form(publish_scene.publish, &subject, version);
		assert_true(publish_scene_same(&before, &after));
		octets_free(&before);
		octets_free(&after);
	}
	assert_int_equal(publish_scene_make(publish_scene.publish, &subject, file), 0);
	assert_int_equal(publish_scene_hashed(publish_scene.publish), 0);
	assert_int_equal(publish_scene_counters(publish_scene.publish).made, 0);
	other = subject;
	strcat(other.state, "0");
	assert_int_equal(publish_shelf_versions(publish_shelf(publish_scene.publish), &other), 0);
	other = subject;
	other.size++;
	assert_int_equal(publish_shelf_versions(publish_shelf(publish_scene.publish), &other), 0);
	publish_forget(publish_scene.publish, subject.name);
	assert_int_equal(publish_shelf_versions(publish_shelf(publish_scene.publish), &subject), 0);
	assert_int_equal(publish_scene_make(publish_scene.publish, &subject, file), 0);
	assert_int_equal(publish_scene_hashed(publish_scene.publish), content.size);
	close(file);
	octets_free(&content);
}

static void files_and_their_directory_are_for_nobody_else(void **state)
{
	struct publish_subject subject;
	struct stat status;
	char path[256];

	(void)state;
	publish_scene_subject("/path", "1", 5, &subject);
	assert_int_equal(publish_scene_stream(publish_scene.publish, &subject, "hello", 5), 0);
	publish_scene_kept(path, sizeof(path));
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	assert_int_equal(stat(publish_scene.directory, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0700);
}

static void assert_refused(const char *directory, int expected)
{
	struct publish_options options = {.secret = publish_scene.secret,
					  .directory = directory,
					  .versions = PUBLISH_BOTH,
					  .pool = publish_scene.pool};
	char message[512] = "";
	struct publish *publish;

	assert_int_equal(publish_create(&options, &publish, message, sizeof(message)), expected);
	assert_non_null(strstr(message, directory));
}

static void directories_that_others_may_write_to_are_refused(void **state)
{
	char path[128];

	(void)state;
	assert_int_equal(chmod(publish_scene.directory, 0770), 0);
	assert_refused(publish_scene.directory, -EPERM);
	assert_int_equal(chmod(publish_scene.directory, 0702), 0);
	assert_refused(publish_scene.directory, -EPERM);
	assert_int_equal(chmod(publish_scene.directory, 0700), 0);
	close(open(strcat(strcpy(path, publish_scene.folder), "/plain"), O_CREAT | O_WRONLY, 0600));
	assert_refused(path, -ENOTDIR);
	assert_refused(strcat(path, "/below"), -ENOTDIR);
}

static void write_file(const char *path, const struct octets *octets, size_t size)
{
	int file = open(path, O_WRONLY | O_TRUNC);

	assert_true(file >= 0);
	assert_int_equal(write(file, octets->data, size), size);
	close(file);
}

static struct octets read_file(const char *path)
{
	struct octets octets;
	struct stat status;
	int file = open(path, O_RDONLY);

	assert_int_equal(fstat(file, &status), 0);
	/* One more than there is, zero. */
	octets = (struct octets){calloc(1, (size_t)status.st_size + 1), (size_t)status.st_size};
	assert_int_equal(read(file, octets.data, octets.size), octets.size);
	close(file);
	return octets;
}

/* Each version is found as it was or not at all. Returns which are, as bits. */
static unsigned check_found(const struct publish_subject *subject, const struct octets expected[2])
{
	unsigned found = 0;

	for (unsigned i = 0; i < 2; i++) {
		struct publish_form form;
		struct octets octets;
		int error = publish_find(publish_scene.publish, subject, i + 1, &form);

		if (error != 0) {
			assert_int_equal(error, -ENOENT);
			continue;
		}
		octets = publish_scene_octets(&form);
		assert_true(publish_scene_same(&octets, &expected[i]));
		octets_free(&octets);
		close(form.file);
		found |= 1u << i;
	}
	return found;
}

static void what_does_not_check_is_absent(void **state)
{
	struct octets content = publish_scene_random(70000, 2), kept, forms[2];
	struct publish_subject subject;
	char path[256];

	(void)state;
	publish_scene_subject("/path", "1", content.size, &subject);
	assert_int_equal(publish_scene_stream(publish_scene.publish, &subject, content.data, 9999),
			 0);
	publish_scene_kept(path, sizeof(path));
	kept = read_file(path);
	forms[0] = publish_scene_form(publish_scene.publish, &subject, 1);
	forms[1] = publish_scene_form(publish_scene.publish, &subject, 2);
	assert_int_equal(kept.size > forms[0].size + forms[1].size, 1);
	for (size_t i = 0; i < kept.size; i++) {
		size_t header = kept.size - forms[0].size - forms[1].size;

		kept.data[i] ^= 1 << i % 8;
		write_file(path, &kept, kept.size);
		kept.data[i] ^= 1 << i % 8;
		assert_int_equal(check_found(&subject, forms), i < header                   ? 0
							       : i < header + forms[0].size ? 2
											    : 1);
	}
	for (size_t size = 0; size < kept.size; size++) {
		write_file(path, &kept, size);
		assert_int_equal(check_found(&subject, forms), 0);
	}
	write_file(path, &kept, kept.size + 1);
	assert_int_equal(check_found(&subject, forms), 0);
	write_file(path, &kept, kept.size);
	assert_int_equal(check_found(&subject, forms), PUBLISH_BOTH);
	octets_free(&forms[0]);
	octets_free(&forms[1]);
	octets_free(&kept);
	octets_free(&content);
}

static void what_is_not_a_plain_file_is_absent(void **state)
{
	struct publish_subject subject;
	struct publish_form form;
	char path[256];

	(void)state;
	publish_scene_subject("/path", "1", 5, &subject);
	assert_int_equal(publish_scene_stream(publish_scene.publish, &subject, "hello", 5), 0);
	publish_scene_kept(path, sizeof(path));
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(publish_find(publish_scene.publish, &subject, 1, &form), -ENOENT);
	assert_int_equal(publish_scene_stream(publish_scene.publish, &subject, "hello", 5), 0);
	assert_int_equal(publish_find(publish_scene.publish, &subject, 1, &form), 0);
	close(form.file);
	unlink(path);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_int_equal(publish_find(publish_scene.publish, &subject, 1, &form), -ENOENT);
}

static void damage_to_one_version_costs_that_version(void **state)
{
	struct octets content = publish_scene_random(70000, 3), kept, forms[2];
	struct publish_subject subject;
	char path[256];
	int file = publish_scene_file("file", content.data, content.size, &subject);

	(void)state;
	assert_int_equal(publish_scene_make(publish_scene.publish, &subject, file), 0);
	forms[0] = publish_scene_form(publish_scene.publish, &subject, 1);
	forms[1] = publish_scene_form(publish_scene.publish, &subject, 2);
	publish_scene_kept(path, sizeof(path));
	kept = read_file(path);
	kept.data[kept.size - 1] ^= 1;
	write_file(path, &kept, kept.size);
	assert_int_equal(publish_scene_make(publish_scene.publish, &subject, file), 0);
	assert_int_equal(publish_scene_hashed(publish_scene.publish), 2 * content.size);
	assert_int_equal(check_found(&subject, forms), PUBLISH_BOTH);
	octets_free(&forms[0]);
	octets_free(&forms[1]);
	octets_free(&kept);
	octets_free(&content);
	close(file);
}

static void a_version_that_is_missing_is_added(void **state)
{
	struct octets content = publish_scene_random(400000, 4), first, same;
	struct publish_subject subject;
	int file = publish_scene_file("file", content.data, content.size, &subject);

	(void)state;
	reopen(1, 0);
	assert_int_equal(publish_scene_make(publish_scene.publish, &subject, file), 0);
	assert_int_equal(publish_shelf_versions(publish_shelf(publish_scene.publish), &subject), 1);
	first = publish_scene_form(publish_scene.publish, &subject, 1);
	reopen(PUBLISH_BOTH, 0);
	assert_int_equal(publish_scene_make(publish_scene.publish, &subject, file), 0);
	assert_int_equal(publish_shelf_versions(publish_shelf(publish_scene.publish), &subject), 3);
	same = publish_scene_form(publish_scene.publish, &subject, 1);
	assert_true(publish_scene_same(&first, &same));
	reopen(2, 0);
	assert_int_equal(publish_scene_make(publish_scene.publish, &subject, file), 0);
	assert_int_equal(publish_scene_hashed(publish_scene.publish), 0);
	assert_int_equal(publish_shelf_versions(publish_shelf(publish_scene.publish), &subject), 3);
	octets_free(&first);
	octets_free(&same);
	octets_free(&content);
	close(file);
}

/* The octets are gone by then. */
static void another_secret_needs_no_octets(void **state)
{
	struct octets content = publish_scene_random(40000000, 5), expected[2], old;
	struct secret *secret = publish_scene_secret("another");
	struct publish *publish = publish_scene_open_with(NULL, secret, PUBLISH_BOTH, 0);
	struct publish_subject subject;

	(void)state;
	publish_scene_subject("/path", "1", content.size, &subject);
	assert_int_equal(publish_scene_stream(publish, &subject, content.data, 1000000), 0);
	expected[0] = publish_scene_form(publish, &subject, 1);
	expected[1] = publish_scene_form(publish, &subject, 2);
	publish_free(publish);

	assert_int_equal(
		publish_scene_stream(publish_scene.publish, &subject, content.data, 777777), 0);
	old = publish_scene_form(publish_scene.publish, &subject, 1);
	octets_free(&content);
	assert_int_equal(old.size, expected[0].size);
	assert_false(publish_scene_same(&old, &expected[0]));
	octets_free(&old);
	publish_free(publish_scene.publish);
	publish_scene.publish =
		publish_scene_open_with(publish_scene.directory, secret, PUBLISH_BOTH, 0);
	assert_int_equal(check_found(&subject, expected), PUBLISH_BOTH);
	assert_int_equal(publish_scene_hashed(publish_scene.publish), 0);
	octets_free(&expected[0]);
	octets_free(&expected[1]);
	publish_free(publish_scene.publish);
	publish_scene.publish = NULL;
	secret_free(secret);
}

static void the_secret_is_not_in_what_is_kept(void **state)
{
	struct publish_keys keys;
	struct publish_subject subject;
	struct octets kept;
	char path[256];

	(void)state;
	publish_scene_subject("/path", "1", 5, &subject);
	assert_int_equal(publish_scene_stream(publish_scene.publish, &subject, "hello", 5), 0);
	publish_scene_kept(path, sizeof(path));
	kept = read_file(path);
	assert_int_equal(publish_keys_derive(publish_scene.secret, &keys), 0);
	assert_non_null(memmem(kept.data, kept.size, keys.identifier, sizeof(keys.identifier)));
	assert_null(memmem(kept.data, kept.size, keys.ks[0], 32));
	assert_null(memmem(kept.data, kept.size, keys.ks[1], 32));
	assert_null(memmem(kept.data, kept.size, secret_key(publish_scene.secret),
			   secret_size(publish_scene.secret)));
	octets_free(&kept);
}

struct sharer {
	struct publish *publish;
	struct octets expected[2], content;
	struct publish_subject subject;
};

/* Makes, finds and forgets; whatever it finds is its own. */
static void *share(void *context)
{
	struct sharer *sharer = context;
	unsigned found = 0;

	for (unsigned round = 0; round < 60; round++) {
		for (unsigned version = 1; version <= 2; version++) {
			struct publish_form form;
			struct octets octets;

			if (publish_find(sharer->publish, &sharer->subject, version, &form) != 0)
				continue;
			octets = publish_scene_octets(&form);
			if (!publish_scene_same(&octets, &sharer->expected[version - 1]))
				abort();
			octets_free(&octets);
			close(form.file);
			found++;
		}
		if (round % 20 == 19)
			publish_forget(sharer->publish, sharer->subject.name);
		publish_scene_stream(sharer->publish, &sharer->subject, sharer->content.data,
				     50000);
	}
	sharer->content.size = found;
	return NULL;
}

static void a_directory_may_be_shared(void **state)
{
	struct octets content = publish_scene_random(200000, 6);
	struct secret *secrets[3] = {publish_scene_secret("1"), publish_scene_secret("1"),
				     publish_scene_secret("2")};
	struct sharer sharers[3];
	pthread_t threads[3];

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct publish *own = publish_scene_open_with(NULL, secrets[i], PUBLISH_BOTH, 0);

		sharers[i].content = content;
		publish_scene_subject("/path", "1", content.size, &sharers[i].subject);
		assert_int_equal(
			publish_scene_stream(own, &sharers[i].subject, content.data, 65536), 0);
		sharers[i].expected[0] = publish_scene_form(own, &sharers[i].subject, 1);
		sharers[i].expected[1] = publish_scene_form(own, &sharers[i].subject, 2);
		publish_free(own);
		sharers[i].publish = publish_scene_open_with(publish_scene.directory, secrets[i],
							     PUBLISH_BOTH, 0);
	}
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, share, &sharers[i]), 0);
	for (unsigned i = 0; i < 3; i++) {
		pthread_join(threads[i], NULL);
		assert_true(sharers[i].content.size > 0);
		publish_free(sharers[i].publish);
		octets_free(&sharers[i].expected[0]);
		octets_free(&sharers[i].expected[1]);
		secret_free(secrets[i]);
	}
	assert_int_equal(publish_scene_kept_count(), 1);
	octets_free(&content);
}

static void name_of(unsigned number, struct publish_subject *subject_out)
{
	char name[16];

	snprintf(name, sizeof(name), "/%u", number);
	publish_scene_subject(name, "1", 5, subject_out);
}

static bool is_kept(unsigned number)
{
	struct publish_subject subject;

	name_of(number, &subject);
	return publish_shelf_versions(publish_shelf(publish_scene.publish), &subject) != 0;
}

/* As if it had been used so many seconds ago. */
static void set_used(unsigned number, int seconds)
{
	struct publish_subject subject;
	struct timespec times[2] = {{0}, {0}};
	char name[PUBLISH_FILE_NAME_SIZE], path[256];

	name_of(number, &subject);
	publish_kept_name(subject.name, name);
	snprintf(path, sizeof(path), "%s/%s", publish_scene.directory, name);
	times[0].tv_sec = times[1].tv_sec = time(NULL) - seconds;
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void what_was_not_used_for_longest_goes_first(void **state)
{
	enum { FIT = 16 }; /* files of a block of 4096 octets */
	struct publish_subject subject;
	struct publish_form form;

	(void)state;
	reopen(PUBLISH_BOTH, FIT * 4096);
	for (unsigned i = 0; i < FIT; i++) {
		name_of(i, &subject);
		assert_int_equal(publish_scene_stream(publish_scene.publish, &subject, "hello", 5),
				 0);
		set_used(i, 100000 - 1000 * (int)i);
	}
	assert_int_equal(publish_scene_kept_count(), FIT);
	name_of(0, &subject); /* the oldest is used */
	assert_int_equal(publish_find(publish_scene.publish, &subject, 1, &form), 0);
	close(form.file);
	name_of(FIT, &subject);
	assert_int_equal(publish_scene_stream(publish_scene.publish, &subject, "hello", 5), 0);
	assert_true(is_kept(0));
	assert_true(is_kept(FIT));
	for (unsigned i = 1; i < FIT; i++)
		assert_int_equal(is_kept(i), i >= 4);
	/* A lower limit holds from the start. */
	set_used(0, 500);
	reopen(PUBLISH_BOTH, 2 * 4096);
	assert_true(publish_scene_kept_count() <= 2);
	assert_true(is_kept(FIT));
}

static void what_is_larger_than_the_limit_is_not_kept(void **state)
{
	struct octets content = publish_scene_random(9000000, 7);
	struct publish_subject subject;
	struct publish_stream *stream;
	int file = publish_scene_file("file", content.data, content.size, &subject);

	(void)state;
	reopen(PUBLISH_BOTH, 12288);
	assert_int_equal(publish_scene_make(publish_scene.publish, &subject, file), -EFBIG);
	assert_int_equal(publish_scene_hashed(publish_scene.publish), content.size);
	assert_int_equal(publish_scene_kept_count(), 0);
	/* It is not hashed again by the next who asks. */
	assert_int_equal(publish_make(publish_scene.publish, &subject, file, true, NULL, NULL),
			 -EFBIG);
	assert_int_equal(publish_stream_begin(publish_scene.publish, &subject, &stream), -EFBIG);
	assert_int_equal(publish_scene_hashed(publish_scene.publish), content.size);
	/* Here it is known before: each version by itself would fit. */
	reopen(PUBLISH_BOTH, 8192);
	assert_int_equal(publish_scene_make(publish_scene.publish, &subject, file), -EFBIG);
	assert_int_equal(publish_scene_hashed(publish_scene.publish), 0);
	reopen(1, 8192);
	assert_int_equal(publish_scene_make(publish_scene.publish, &subject, file), 0);
	assert_true(publish_is_kept(publish_scene.publish, &subject));
	close(file);
	octets_free(&content);
}

static void create_at(const char *name, int age)
{
	struct timespec times[2] = {{0}, {0}};
	char path[256];
	int file;

	snprintf(path, sizeof(path), "%s/%s", publish_scene.directory, name);
	file = open(path, O_CREAT | O_WRONLY, 0600);
	assert_true(file >= 0);
	times[0].tv_sec = times[1].tv_sec = time(NULL) - age;
	assert_int_equal(futimens(file, times), 0);
	close(file);
}

static void what_a_killed_process_left_is_removed(void **state)
{
	(void)state;
	create_at("new-0123456789abcdef", 7200);
	create_at("new-4567456789abcdef", 60); /* may be written now */
	create_at("new-paper", 7200);          /* somebody's own, as the next ones */
	create_at("new-0123456789abcdef.txt", 7200);
	create_at("anything", 7200);
	reopen(PUBLISH_BOTH, 0);
	assert_int_equal(publish_scene_kept_count(), 4);
}

/* The directory may be one that was named by mistake. */
static void what_others_keep_there_stays(void **state)
{
	char name[PUBLISH_FILE_NAME_SIZE], path[256];
	struct publish_subject subject;

	(void)state;
	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	create_at(name, 7200);
	name[0] = 'x';
	create_at(name, 7200);
	snprintf(path, sizeof(path), "%s/%s", publish_scene.directory, name);
	assert_int_equal(truncate(path, 1 << 20), 0); /* which does not count either */
	reopen(PUBLISH_BOTH, 2 * 4096);
	for (unsigned i = 0; i < 3; i++) {
		name_of(i, &subject);
		assert_int_equal(publish_scene_stream(publish_scene.publish, &subject, "hello", 5),
				 0);
		if (i < 2)
			set_used(i, 50);
	}
	assert_true(is_kept(2));
	assert_false(is_kept(0) && is_kept(1)); /* room was made */
	name[0] = 'a';
	for (unsigned i = 0; i < 2; i++, name[0] = 'x') {
		snprintf(path, sizeof(path), "%s/%s", publish_scene.directory, name);
		assert_int_equal(access(path, F_OK), 0);
	}
}

static void a_directory_below_tmpdir_vanishes(void **state)
{
	const char *usual = getenv("TMPDIR");
	char *saved = usual != NULL ? strdup(usual) : NULL;
	struct publish_subject subject;
	struct publish *publish;

	(void)state;
	setenv("TMPDIR", publish_scene.directory, 1);
	publish = publish_scene_open_with(NULL, publish_scene.secret, PUBLISH_BOTH, 0);
	publish_scene_subject("/path", "1", 5, &subject);
	assert_int_equal(publish_scene_stream(publish, &subject, "hello", 5), 0);
	assert_int_equal(publish_scene_kept_count(), 1);
	publish_free(publish);
	assert_int_equal(publish_scene_kept_count(), 0);
	if (saved != NULL)
		setenv("TMPDIR", saved, 1);
	else
		unsetenv("TMPDIR");
	free(saved);
}

static void a_directory_that_is_gone_is_a_failure(void **state)
{
	struct publish_subject subject;
	struct publish_form form;

	(void)state;
	publish_scene_subject("/path", "1", 5, &subject);
	assert_int_equal(rmdir(publish_scene.directory),
			 0); /* no file can be made in it any more */
	assert_int_equal(publish_scene_stream(publish_scene.publish, &subject, "hello", 5),
			 -ENOENT);
	assert_int_equal(publish_find(publish_scene.publish, &subject, 1, &form), -ENOENT);
	assert_int_equal(publish_scene_counters(publish_scene.publish).failed, 1);
}

#define WITH_SCENE(test)                                                                           \
	cmocka_unit_test_setup_teardown(test, publish_scene_begin, publish_scene_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SCENE(a_restart_keeps_what_was_made),
		WITH_SCENE(files_and_their_directory_are_for_nobody_else),
		WITH_SCENE(directories_that_others_may_write_to_are_refused),
		WITH_SCENE(what_does_not_check_is_absent),
		WITH_SCENE(what_is_not_a_plain_file_is_absent),
		WITH_SCENE(damage_to_one_version_costs_that_version),
		WITH_SCENE(a_version_that_is_missing_is_added),
		WITH_SCENE(another_secret_needs_no_octets),
		WITH_SCENE(the_secret_is_not_in_what_is_kept),
		WITH_SCENE(a_directory_may_be_shared),
		WITH_SCENE(what_was_not_used_for_longest_goes_first),
		WITH_SCENE(what_is_larger_than_the_limit_is_not_kept),
		WITH_SCENE(what_a_killed_process_left_is_removed),
		WITH_SCENE(what_others_keep_there_stays),
		WITH_SCENE(a_directory_below_tmpdir_vanishes),
		WITH_SCENE(a_directory_that_is_gone_is_a_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
