/* SPDX-License-Identifier: BSD-2-Clause
 *
 * For the tests of the store: a private directory that goes with the process, also when it is
 * interrupted; a clock that the test turns; bytes that can be made again.
 */
#ifndef TESTS_UNIT_STORE_FIXTURE_H
#define TESTS_UNIT_STORE_FIXTURE_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cache/catalog.h"
#include "cache/log.h"
#include "cache/store.h"

#define MIB (1ull << 20)
#define UNUSED __attribute__((unused))

static char fixture_directory[64];
static pid_t fixture_owner;
static int64_t fixture_time; /* what the store's clock says */

static int64_t fixture_now(void)
{
	return __atomic_load_n(&fixture_time, __ATOMIC_RELAXED);
}

static int fixture_remove(const char *path, const struct stat *attributes, int type,
			  struct FTW *where)
{
	(void)attributes;
	(void)type;
	(void)where;
	return remove(path);
}

static UNUSED void fixture_pass(int64_t seconds)
{
	__atomic_fetch_add(&fixture_time, seconds, __ATOMIC_RELAXED);
}

static void fixture_clean(void)
{
	if (fixture_directory[0] != '\0' && getpid() == fixture_owner)
		nftw(fixture_directory, fixture_remove, 16, FTW_DEPTH | FTW_PHYS);
	fixture_directory[0] = '\0';
}

static void fixture_interrupted(int number)
{
	fixture_clean();
	signal(number, SIG_DFL);
	raise(number);
}

static UNUSED int fixture_setup(void **state)
{
	const char *base = getenv("TMPDIR");

	(void)state;
	fixture_owner = getpid();
	snprintf(fixture_directory, sizeof(fixture_directory), "%.40s/store-XXXXXX",
		 base != NULL ? base : "/tmp");
	signal(SIGINT, fixture_interrupted);
	signal(SIGTERM, fixture_interrupted);
	fixture_time = 1000000;
	return mkdtemp(fixture_directory) != NULL ? 0 : -1;
}

static UNUSED int fixture_teardown(void **state)
{
	(void)state;
	fixture_clean();
	return 0;
}

/* The cache directory, or what lies in it. */
static UNUSED const char *fixture_path(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/cache%s%s", fixture_directory, name[0] != '\0' ? "/" : "",
		 name);
	return path;
}

static UNUSED int fixture_try_open(uint64_t limit, struct store **store_out, char *message,
				   size_t size)
{
	char directory[256];
	struct store_options options = {.directory = directory,
					.scope = "http://origin/",
					.owner = "/mnt/point",
					.limit = limit,
					.max_age = 3600,
					.now = fixture_now};

	snprintf(directory, sizeof(directory), "%s", fixture_path(""));
	return store_open(&options, store_out, message, size);
}

static UNUSED struct store *fixture_open(uint64_t limit)
{
	char message[512];
	struct store *store = NULL;

	if (fixture_try_open(limit, &store, message, sizeof(message)) != 0)
		fail_msg("store_open: %s", message);
	return store;
}

/* Octets that depend on where they are, so that none can stand for another. */
static UNUSED void fixture_fill(void *data, size_t length, uint64_t seed)
{
	unsigned char *octet = data;
	uint64_t state = seed * 0x9e3779b97f4a7c15u + 1;

	for (size_t i = 0; i < length; i++) {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		octet[i] = (unsigned char)state;
	}
}

static UNUSED uint64_t unit_seed(uint64_t content, uint32_t unit)
{
	return content * 1000003 + unit;
}

/* Writes the unit that fixture_fill() makes. */
static UNUSED int write_unit(struct object *object, uint64_t content, uint32_t unit)
{
	static __thread unsigned char data[CUTTING_UNIT_MAX];
	uint32_t length = cutting_length(object_cutting(object), unit);

	fixture_fill(data, length, unit_seed(content, unit));
	return object_write(object, unit, data, length);
}

/* Reads it; 0 only if it is what was written, -EILSEQ if it is anything else. */
static UNUSED int read_unit(struct object *object, uint64_t content, uint32_t unit)
{
	static __thread unsigned char data[CUTTING_UNIT_MAX], wanted[CUTTING_UNIT_MAX];
	const struct cutting *cutting = object_cutting(object);
	uint32_t length = cutting_length(cutting, unit);
	int error = object_read(object, cutting_offset(cutting, unit), length, data);

	if (error != 0)
		return error;
	fixture_fill(wanted, length, unit_seed(content, unit));
	return memcmp(data, wanted, length) == 0 ? 0 : -EILSEQ;
}

static UNUSED struct object *make_object(struct store *store, const char *path, uint64_t size)
{
	struct object *object = NULL;

	assert_int_equal(store_object(store, path, "v1", size, &object), 0);
	return object;
}

/* Writes all units of PATH and puts it. */
static UNUSED void write_object(struct store *store, const char *path, uint64_t content,
				uint64_t size)
{
	struct object *object = make_object(store, path, size);

	for (uint32_t unit = 0; unit < cutting_count(object_cutting(object)); unit++)
		assert_int_equal(write_unit(object, content, unit), 0);
	object_put(object);
}

/* How many units of PATH read right; others must be absent. */
static UNUSED uint32_t count_right(struct store *store, const char *path, uint64_t content,
				   uint64_t size)
{
	struct object *object;
	uint32_t right = 0;

	if (store_find(store, path, "v1", size, &object) != 0)
		return 0;
	for (uint32_t unit = 0; unit < cutting_count(object_cutting(object)); unit++) {
		int error = read_unit(object, content, unit);

		if (error != 0)
			assert_int_equal(error, -ENOENT);
		right += error == 0;
	}
	object_put(object);
	return right;
}

static UNUSED uint64_t fixture_measured;

static int fixture_measure(const char *path, const struct stat *attributes, int type,
			   struct FTW *where)
{
	(void)path;
	(void)type;
	(void)where;
	fixture_measured += (uint64_t)attributes->st_blocks * 512;
	return 0;
}

/* What the cache directory takes on disk. A file that is being unlinked at the same time may give
 * any number of blocks on ext4, so only what is found twice counts. */
static UNUSED uint64_t disk_usage(void)
{
	uint64_t former;

	fixture_measured = 0;
	do {
		former = fixture_measured;
		fixture_measured = 0;
		nftw(fixture_path(""), fixture_measure, 16, FTW_PHYS);
	} while (fixture_measured != former);
	return former;
}

/* Path of the largest file in data/. */
static UNUSED const char *largest_file(void)
{
	static char largest[512];
	char path[400];
	DIR *directory = opendir(fixture_path("data"));
	struct dirent *entry;
	off_t size = -1;

	assert_non_null(directory);
	while ((entry = readdir(directory)) != NULL) {
		struct stat attributes;

		snprintf(path, sizeof(path), "%s/data/%.64s", fixture_path(""), entry->d_name);
		if (stat(path, &attributes) == 0 && S_ISREG(attributes.st_mode) &&
		    attributes.st_size > size) {
			size = attributes.st_size;
			strcpy(largest, path);
		}
	}
	closedir(directory);
	assert_true(size >= 0);
	return largest;
}

static UNUSED void alter(const char *path, off_t offset, const void *data, size_t length)
{
	int fd = open(path, O_WRONLY);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, data, length, offset), (ssize_t)length);
	close(fd);
}

static UNUSED unsigned count_files(const char *name)
{
	DIR *directory = opendir(fixture_path(name));
	struct dirent *entry;
	unsigned count = 0;

	while (directory != NULL && (entry = readdir(directory)) != NULL)
		count += entry->d_name[0] != '.';
	if (directory != NULL)
		closedir(directory);
	return count;
}

static UNUSED struct store_usage usage(struct store *store)
{
	struct store_usage result;

	store_usage(store, &result);
	return result;
}

#endif
