/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The store on a file system without room: others have filled it, or it is smaller than the limit.
 */
#include "tests/unit/store_fixture.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>

#define LIMIT (64 * MIB)

static void mount_small_disk(const char *size)
{
	if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mkdir(fixture_path(""), 0700) != 0 ||
	    mount("tmpfs", fixture_path(""), "tmpfs", 0, size) != 0)
		_exit(77);
}

/* A full file system: the store makes do with what there is. */
static void fill_small_disk(void)
{
	struct store *store;
	struct object *object;
	unsigned kept = 0;

	mount_small_disk("size=4m");
	store = fixture_open(LIMIT);
	object = make_object(store, "big", 40 * MIB);
	for (uint32_t unit = 0; unit < 640; unit++) {
		int error = write_unit(object, 1, unit);

		if (error != 0 && error != -ENOSPC)
			_exit(1);
		if (error == 0 && read_unit(object, 1, unit) == 0)
			kept++;
		fixture_pass(1);
	}
	for (uint32_t unit = 0; unit < 640; unit++) {
		int error = read_unit(object, 1, unit);

		if (error != 0 && error != -ENOENT)
			_exit(2);
	}
	object_put(object);
	if (usage(store).checksum_errors != 0)
		_exit(3);
	store_close(store);
	_exit(kept > 32 ? 0 : 4);
}

/* BODY, which ends with _exit(), in a process of its own. */
static void with_small_disk(void (*body)(void))
{
	pid_t child;
	int status;

	if (geteuid() != 0) {
		print_message("needs root\n");
		skip();
	}
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		body();
	waitpid(child, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
		print_message("no mount namespaces here\n");
		skip();
	}
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void full_disk_is_made_do_with(void **state)
{
	(void)state;
	with_small_disk(fill_small_disk);
}

static struct directory *long_listing(void)
{
	const struct entry file = {.kind = ENTRY_FILE, .size = 100, .mtime = -1};
	struct directory *directory;
	char name[64];

	if (directory_create(false, &directory) != 0)
		_exit(5);
	for (int i = 0; i < 8000; i++) {
		snprintf(name, sizeof(name), "a-name-that-takes-room-in-the-index-%d", i);
		if (directory_add(directory, name, strlen(name), &file) != 0)
			_exit(6);
	}
	return directory;
}

/* Others have filled the disk: blocks go for a listing, if it is tried a few times. */
static void list_on_full_disk(void)
{
	static const char zeros[65536];
	struct directory *directory = long_listing();
	int fd, error = -ENOSPC;
	struct store *store;

	mount_small_disk("size=12m");
	store = fixture_open(LIMIT);
	write_object(store, "big", 1, 8 * MIB);
	if (store_flush(store) != 0)
		_exit(7);
	fd = open(fixture_path("of-others"), O_WRONLY | O_CREAT, 0600);
	while (write(fd, zeros, sizeof(zeros)) > 0)
		;
	for (int tries = 0; tries < 10 && (error == -ENOSPC || error == -ECANCELED); tries++)
		error = catalog_replace(store_catalog(store), "d", directory, 500);
	directory_free(directory);
	close(fd);
	store_close(store);
	_exit(error == 0 ? 0 : 8);
}

static void blocks_go_for_a_listing_on_a_full_disk(void **state)
{
	(void)state;
	with_small_disk(list_on_full_disk);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(full_disk_is_made_do_with),
		TEST(blocks_go_for_a_listing_on_a_full_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
