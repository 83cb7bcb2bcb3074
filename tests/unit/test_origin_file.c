/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The origin that is a directory of this machine.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/origin_outcome.h"

struct scene {
	char top[64]; /* holds "tree", the origin, and "outside" */
	struct rig rig;
	struct outcome outcome;
};

static void write_file(const struct scene *scene, const char *name, const char *text, mode_t mode)
{
	char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", scene->top, name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static void make_directory(const struct scene *scene, const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", scene->top, name);
	assert_int_equal(mkdir(path, 0755), 0);
}

static void make_link(const struct scene *scene, const char *target, const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", scene->top, name);
	assert_int_equal(symlink(target, path), 0);
}

static void open_scene(struct scene *scene)
{
	const char *base = getenv("TMPDIR");
	char url[200], path[200];

	snprintf(scene->top, sizeof(scene->top), "%s/originXXXXXX", base != NULL ? base : "/tmp");
	assert_non_null(mkdtemp(scene->top));
	make_directory(scene, "tree");
	make_directory(scene, "tree/sub");
	write_file(scene, "outside", "secret", 0644);
	write_file(scene, "tree/file", "0123456789", 0640);
	write_file(scene, "tree/sub/other", "abc", 0600);
	make_link(scene, "../outside", "tree/leads-out");
	make_link(scene, "/etc/passwd", "tree/absolute");
	make_link(scene, "sub/other", "tree/leads-in");
	make_link(scene, "round", "tree/round");
	make_link(scene, "nowhere", "tree/broken");
	make_link(scene, "..", "tree/sub/up");
	snprintf(path, sizeof(path), "%s/tree/fifo", scene->top);
	assert_int_equal(mkfifo(path, 0644), 0);
	snprintf(url, sizeof(url), "file://%s/tree", scene->top);
	rig_open(&scene->rig, &(struct origin_options){.url = url, .connections = 1, .timeout = 9});
	outcome_init(&scene->outcome);
}

static void close_scene(struct scene *scene)
{
	pid_t child;

	rig_close(&scene->rig);
	outcome_clear(&scene->outcome);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		execlp("rm", "rm", "-rf", "--", scene->top, NULL);
		_exit(1);
	}
	assert_int_equal(waitpid(child, NULL, 0), child);
}

static void next_outcome(struct scene *scene)
{
	outcome_clear(&scene->outcome);
	outcome_init(&scene->outcome);
}

static int stat_path(struct scene *scene, const char *path)
{
	next_outcome(scene);
	return outcome_stat(&scene->outcome, &scene->rig, path);
}

static void file_has_size_time_mode_and_validator(void **state)
{
	struct scene scene;

	(void)state;
	open_scene(&scene);
	assert_int_equal(stat_path(&scene, "file"), 0);
	assert_int_equal(scene.outcome.entry.kind, ENTRY_FILE);
	assert_int_equal(scene.outcome.entry.size, 10);
	assert_int_equal(scene.outcome.entry.mode, 0640);
	assert_int_equal(scene.outcome.entry.flags, ENTRY_SIZE_EXACT | ENTRY_MTIME_EXACT);
	assert_true(scene.outcome.entry.validator[0] != '\0');
	assert_true(scene.outcome.entry.checked > 0);
	close_scene(&scene);
}

static void directories_are_directories(void **state)
{
	struct scene scene;

	(void)state;
	open_scene(&scene);
	assert_int_equal(stat_path(&scene, ""), 0);
	assert_int_equal(scene.outcome.entry.kind, ENTRY_DIRECTORY);
	assert_int_equal(stat_path(&scene, "sub"), 0);
	assert_int_equal(scene.outcome.entry.kind, ENTRY_DIRECTORY);
	assert_int_equal(scene.outcome.entry.mode, 0755);
	close_scene(&scene);
}

static void nothing_outside_is_there(void **state)
{
	static const char *const absent[] = {
		"leads-out",         "absolute",          "round", "broken", "../outside",
		"sub/../../outside", "sub/up/../outside", "fifo",  "file/x", "none",
		"/etc/passwd"};
	struct scene scene;

	(void)state;
	open_scene(&scene);
	for (size_t i = 0; i < sizeof(absent) / sizeof(*absent); i++) {
		int error = stat_path(&scene, absent[i]);

		if (error != -ENOENT)
			fail_msg("%s: %d", absent[i], error);
		next_outcome(&scene);
		error = outcome_read(&scene.outcome, &scene.rig, absent[i], "", 0, 0);
		if (error != -ENOENT)
			fail_msg("%s: %d", absent[i], error);
	}
	close_scene(&scene);
}

static void link_within_the_tree_is_what_it_leads_to(void **state)
{
	struct scene scene;

	(void)state;
	open_scene(&scene);
	assert_int_equal(stat_path(&scene, "leads-in"), 0);
	assert_int_equal(scene.outcome.entry.kind, ENTRY_FILE);
	assert_int_equal(scene.outcome.entry.size, 3);
	close_scene(&scene);
}

static void listing_has_files_directories_and_inner_links(void **state)
{
	struct entry entry;
	struct scene scene;

	(void)state;
	open_scene(&scene);
	assert_int_equal(outcome_list(&scene.outcome, &scene.rig, ""), 0);
	assert_int_equal(directory_count(scene.outcome.directory), 3);
	assert_true(outcome_has(&scene.outcome, "file", &entry));
	assert_int_equal(entry.size, 10);
	assert_int_equal(entry.mode, 0640);
	assert_true(outcome_has(&scene.outcome, "sub", &entry));
	assert_int_equal(entry.kind, ENTRY_DIRECTORY);
	assert_true(outcome_has(&scene.outcome, "leads-in", &entry));
	next_outcome(&scene);
	assert_int_equal(outcome_list(&scene.outcome, &scene.rig, "sub"), 0);
	assert_true(outcome_has(&scene.outcome, "other", &entry));
	assert_true(outcome_has(&scene.outcome, "up", &entry));
	assert_int_equal(entry.kind, ENTRY_DIRECTORY);
	close_scene(&scene);
}

static void only_directories_are_listed(void **state)
{
	struct scene scene;

	(void)state;
	open_scene(&scene);
	assert_int_equal(outcome_list(&scene.outcome, &scene.rig, "file"), -ENOTDIR);
	next_outcome(&scene);
	assert_int_equal(outcome_list(&scene.outcome, &scene.rig, "none"), -ENOENT);
	close_scene(&scene);
}

static void ranges_are_read(void **state)
{
	struct scene scene;

	(void)state;
	open_scene(&scene);
	assert_int_equal(outcome_read(&scene.outcome, &scene.rig, "file", "", 3, 4), 0);
	assert_int_equal(scene.outcome.start, 3);
	assert_int_equal(scene.outcome.length, 4);
	assert_memory_equal(scene.outcome.body, "3456", 4);
	next_outcome(&scene);
	assert_int_equal(outcome_read(&scene.outcome, &scene.rig, "file", "", 8, 100), 0);
	assert_int_equal(scene.outcome.received, 2);
	next_outcome(&scene);
	assert_int_equal(outcome_read(&scene.outcome, &scene.rig, "file", "", 10, 1), -EPROTO);
	close_scene(&scene);
}

static void empty_file_is_read(void **state)
{
	struct scene scene;

	(void)state;
	open_scene(&scene);
	write_file(&scene, "tree/empty", "", 0644);
	assert_int_equal(outcome_read(&scene.outcome, &scene.rig, "empty", "", 0, 0), 0);
	assert_true(scene.outcome.begun);
	assert_int_equal(scene.outcome.length, 0);
	close_scene(&scene);
}

static void replaced_file_is_stale(void **state)
{
	char validator[ENTRY_VALIDATOR_MAX];
	struct scene scene;

	(void)state;
	open_scene(&scene);
	assert_int_equal(stat_path(&scene, "file"), 0);
	strcpy(validator, scene.outcome.entry.validator);
	next_outcome(&scene);
	assert_int_equal(outcome_read(&scene.outcome, &scene.rig, "file", validator, 0, 5), 0);
	write_file(&scene, "tree/file", "another text", 0644);
	next_outcome(&scene);
	assert_int_equal(outcome_read(&scene.outcome, &scene.rig, "file", validator, 0, 5),
			 -ESTALE);
	assert_false(scene.outcome.begun);
	close_scene(&scene);
}

static void write_large(const struct scene *scene, size_t size)
{
	char path[512], *text = malloc(size);
	int fd;

	for (size_t i = 0; i < size; i++)
		text[i] = (char)(i * 31 >> 8);
	snprintf(path, sizeof(path), "%s/tree/large", scene->top);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, size), size);
	close(fd);
	free(text);
}

#define LARGE ((3u << 20) + 77)

static void refused_octets_come_again_after_resume(void **state)
{
	struct origin_request *request;
	struct scene scene;

	(void)state;
	open_scene(&scene);
	write_large(&scene, LARGE);
	scene.outcome.pause_at = 1;
	request = outcome_start_read(&scene.outcome, &scene.rig, "large", "", 0, 0);
	outcome_wait_paused(&scene.outcome);
	assert_true(scene.outcome.received < LARGE);
	outcome_unpause(&scene.outcome);
	origin_resume(scene.rig.origin, request);
	assert_int_equal(outcome_wait(&scene.outcome), 0);
	assert_int_equal(scene.outcome.received, LARGE);
	for (size_t i = 0; i < LARGE; i++)
		if (scene.outcome.body[i] != (char)(i * 31 >> 8))
			fail_msg("octet %zu", i);
	close_scene(&scene);
}

static void change_during_a_read_is_stale(void **state)
{
	struct origin_request *request;
	struct scene scene;

	(void)state;
	open_scene(&scene);
	write_large(&scene, LARGE);
	scene.outcome.pause_at = 1;
	request = outcome_start_read(&scene.outcome, &scene.rig, "large", "", 0, 0);
	outcome_wait_paused(&scene.outcome);
	write_large(&scene, LARGE + 1);
	outcome_unpause(&scene.outcome);
	origin_resume(scene.rig.origin, request);
	assert_int_equal(outcome_wait(&scene.outcome), -ESTALE);
	close_scene(&scene);
}

static void paused_read_can_be_cancelled(void **state)
{
	struct origin_request *request;
	struct scene scene;

	(void)state;
	open_scene(&scene);
	write_large(&scene, LARGE);
	scene.outcome.pause_at = 1;
	request = outcome_start_read(&scene.outcome, &scene.rig, "large", "", 0, 0);
	outcome_wait_paused(&scene.outcome);
	origin_cancel(scene.rig.origin, request);
	assert_int_equal(outcome_wait(&scene.outcome), -ECANCELED);
	assert_int_equal(scene.outcome.ended, 1);
	close_scene(&scene);
}

static void directory_has_no_content_information(void **state)
{
	struct origin_question question = {.validator = "", .versions = 3};
	struct origin_counters counters;
	struct origin_request *request;
	struct scene scene;

	(void)state;
	open_scene(&scene);
	request = outcome_start_ask(&scene.outcome, &scene.rig, "file", &question, ORIGIN_AHEAD);
	origin_hurry(scene.rig.origin, request);
	origin_resume(scene.rig.origin, request);
	assert_int_equal(outcome_wait(&scene.outcome), -EOPNOTSUPP);
	assert_false(scene.outcome.begun);
	origin_counters(scene.rig.origin, &counters);
	assert_int_equal(counters.errors, 0);
	close_scene(&scene);
	assert_int_equal(scene.outcome.ended, 1);
}

static void missing_directory_is_told_when_opening(void **state)
{
	struct origin *origin;
	char message[200];

	(void)state;
	assert_int_equal(origin_open(&(struct origin_options){.url = "file:///no/such/dir"}, NULL,
				     NULL, &origin, message, sizeof(message)),
			 -ENOENT);
	assert_non_null(strstr(message, "/no/such/dir"));
	assert_int_equal(origin_open(&(struct origin_options){.url = "file://far.example/dir"},
				     NULL, NULL, &origin, message, sizeof(message)),
			 -EINVAL);
}

static void url_for_people_is_encoded(void **state)
{
	struct scene scene;
	char url[300], expected[300];

	(void)state;
	open_scene(&scene);
	origin_url(scene.rig.origin, "a b/c", url, sizeof(url));
	snprintf(expected, sizeof(expected), "file://%s/tree/a%%20b/c", scene.top);
	assert_string_equal(url, expected);
	close_scene(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(file_has_size_time_mode_and_validator),
		cmocka_unit_test(directories_are_directories),
		cmocka_unit_test(nothing_outside_is_there),
		cmocka_unit_test(link_within_the_tree_is_what_it_leads_to),
		cmocka_unit_test(listing_has_files_directories_and_inner_links),
		cmocka_unit_test(only_directories_are_listed),
		cmocka_unit_test(ranges_are_read),
		cmocka_unit_test(empty_file_is_read),
		cmocka_unit_test(replaced_file_is_stale),
		cmocka_unit_test(refused_octets_come_again_after_resume),
		cmocka_unit_test(change_during_a_read_is_stale),
		cmocka_unit_test(paused_read_can_be_cancelled),
		cmocka_unit_test(directory_has_no_content_information),
		cmocka_unit_test(missing_directory_is_told_when_opening),
		cmocka_unit_test(url_for_people_is_encoded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
