/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The store when things go wrong: altered blocks, lost and damaged indexes, killed owners.
 * Whatever happens, a unit is right or absent.
 */
#include "tests/unit/store_fixture.h"

#include <sched.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#define LIMIT (64 * MIB)
#define BIG (5 * MIB + 12345)

static void altered_octet_is_found_once_and_counted(void **state)
{
	struct store *store = fixture_open(LIMIT);
	struct object *object;

	(void)state;
	write_object(store, "big", 1, BIG);
	store_close(store);
	alter(largest_file(), 5 * CUTTING_UNIT + 100, "?", 1);
	store = fixture_open(LIMIT);
	assert_int_equal(store_find(store, "big", "v1", BIG, &object), 0);
	assert_int_equal(read_unit(object, 1, 4), 0);
	assert_int_equal(read_unit(object, 1, 5), -EBADMSG);
	assert_int_equal(read_unit(object, 1, 5), -ENOENT);
	assert_int_equal(usage(store).checksum_errors, 1);
	assert_int_equal(object_cached(object), BIG - CUTTING_UNIT);
	assert_int_equal(write_unit(object, 1, 5), 0);
	assert_int_equal(read_unit(object, 1, 5), 0);
	object_put(object);
	store_close(store);
}

static void altered_octet_in_a_large_read_is_found(void **state)
{
	struct store *store = fixture_open(LIMIT);
	struct object *object;
	char *data = malloc(BIG);

	(void)state;
	write_object(store, "big", 1, BIG);
	alter(largest_file(), 5 * CUTTING_UNIT + 100, "?", 1);
	assert_int_equal(store_find(store, "big", "v1", BIG, &object), 0);
	assert_int_equal(object_read(object, 0, BIG, data), -EBADMSG);
	assert_int_equal(object_read(object, 0, BIG, data), -ENOENT);
	object_put(object);
	free(data);
	store_close(store);
}

static void altered_pack_costs_only_what_was_altered(void **state)
{
	struct store *store = fixture_open(LIMIT);
	struct object *object;

	(void)state;
	write_object(store, "a", 1, 1000);
	write_object(store, "b", 2, 1000);
	store_close(store);
	alter(largest_file(), 1500, "????", 4);
	store = fixture_open(LIMIT);
	assert_int_equal(store_find(store, "b", "v1", 1000, &object), 0);
	assert_int_equal(read_unit(object, 2, 0), -EBADMSG);
	assert_int_equal(read_unit(object, 2, 0), -ENOENT);
	assert_int_equal(write_unit(object, 2, 0), 0);
	assert_int_equal(read_unit(object, 2, 0), 0);
	object_put(object);
	assert_int_equal(count_right(store, "a", 1, 1000), 1);
	assert_int_equal(usage(store).checksum_errors, 1);
	store_close(store);
}

static void recent_check_is_believed_for_a_minute_only(void **state)
{
	struct store *store = fixture_open(LIMIT);
	struct object *object = make_object(store, "big", BIG);
	char part[100];

	(void)state;
	assert_int_equal(write_unit(object, 1, 0), 0);
	assert_int_equal(read_unit(object, 1, 0), 0);
	alter(largest_file(), 60000, "????", 4);
	assert_int_equal(object_read(object, 100, 100, part), 0);
	fixture_pass(61);
	assert_int_equal(object_read(object, 100, 100, part), -EBADMSG);
	object_put(object);
	store_close(store);
}

static void truncated_and_missing_block_files_are_absent(void **state)
{
	struct store *store = fixture_open(LIMIT);
	struct object *object;

	(void)state;
	write_object(store, "cut", 1, 10 * MIB);
	write_object(store, "lost", 2, 9 * MIB);
	write_object(store, "small", 3, 10);
	store_close(store);
	assert_int_equal(truncate(largest_file(), 3 * MIB), 0);
	assert_int_equal(unlink(largest_file()), 0);
	store = fixture_open(LIMIT);
	assert_int_equal(store_find(store, "lost", "v1", 9 * MIB, &object), 0);
	assert_int_equal(read_unit(object, 2, 0), -EBADMSG);
	assert_int_equal(write_unit(object, 2, 0), 0);
	assert_int_equal(read_unit(object, 2, 0), 0);
	object_put(object);
	assert_int_equal(store_find(store, "cut", "v1", 10 * MIB, &object), 0);
	assert_int_equal(read_unit(object, 1, 47), 0);
	assert_int_equal(read_unit(object, 1, 48), -EBADMSG);
	object_put(object);
	store_close(store);
}

/* ---- the index ---- */

static void write_some(void)
{
	struct store *store = fixture_open(LIMIT);
	char path[32];

	for (unsigned i = 0; i < 200; i++) {
		snprintf(path, sizeof(path), "s/%u", i);
		write_object(store, path, i, 100 + i);
	}
	write_object(store, "big", 1000, BIG);
	store_close(store);
}

/* Whatever is still known reads right, and the store works. Returns how much was right. */
static unsigned read_some(void)
{
	struct store *store = fixture_open(LIMIT);
	unsigned right = 0;
	char path[32];

	for (unsigned i = 0; i < 200; i++) {
		snprintf(path, sizeof(path), "s/%u", i);
		right += count_right(store, path, i, 100 + i);
	}
	right += count_right(store, "big", 1000, BIG);
	store_close(store);
	return right;
}

static void deleted_index_starts_empty(void **state)
{
	(void)state;
	write_some();
	assert_int_equal(read_some(), 200 + BIG / CUTTING_UNIT + 1);
	unlink(fixture_path("index"));
	assert_int_equal(read_some(), 0);
	write_some();
	assert_int_equal(read_some(), 200 + BIG / CUTTING_UNIT + 1);
	assert_true(disk_usage() < 2 * BIG);
}

static void blocks_without_an_index_are_removed(void **state)
{
	struct store *store;

	(void)state;
	write_some();
	unlink(fixture_path("index"));
	store = fixture_open(8 * MIB);
	/* Waits for room until the old blocks are gone. */
	write_object(store, "new", 1, 4 * MIB);
	assert_true(disk_usage() <= 8 * MIB);
	assert_int_equal(count_right(store, "new", 1, 4 * MIB), 64);
	store_close(store);
}

static void truncated_index_starts_empty(void **state)
{
	static const off_t lengths[] = {0, 10, 100, 4096, 20000, 40960};

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		write_some();
		assert_int_equal(truncate(fixture_path("index"), lengths[i]), 0);
		assert_int_equal(read_some(), 0);
		write_some();
		assert_int_equal(read_some(), 200 + BIG / CUTTING_UNIT + 1);
	}
}

static void index_of_garbage_starts_empty(void **state)
{
	unsigned char garbage[8192];

	(void)state;
	write_some();
	fixture_fill(garbage, sizeof(garbage), 1);
	alter(fixture_path("index"), 0, garbage, sizeof(garbage));
	assert_int_equal(read_some(), 0);
	write_some();
	assert_int_equal(read_some(), 200 + BIG / CUTTING_UNIT + 1);
}

static void garbage_in_any_page_never_gives_wrong_octets(void **state)
{
	unsigned char garbage[700];
	struct stat attributes;

	(void)state;
	for (unsigned round = 0; round < 25; round++) {
		write_some();
		assert_int_equal(stat(fixture_path("index"), &attributes), 0);
		fixture_fill(garbage, sizeof(garbage), round);
		alter(fixture_path("index"), attributes.st_size * (round + 1) / 27, garbage,
		      sizeof(garbage));
		read_some();
		read_some();
		fixture_teardown(NULL);
		fixture_setup(NULL);
	}
}

static void index_truncated_while_in_use_is_survived(void **state)
{
	struct store *store;
	struct object *object;

	(void)state;
	write_some();
	store = fixture_open(LIMIT);
	assert_int_equal(truncate(fixture_path("index"), 0), 0);
	for (unsigned i = 0; i < 200; i++) {
		char path[32];

		snprintf(path, sizeof(path), "s/%u", i);
		count_right(store, path, i, 100 + i);
		if (store_object(store, path, "v2", 100, &object) == 0) {
			write_unit(object, i, 0);
			object_put(object);
		}
	}
	store_close(store);
	write_some();
	assert_int_equal(read_some(), 200 + BIG / CUTTING_UNIT + 1);
}

/* Changes rows behind the store's back. */
static void run_sql(const char *sql)
{
	sqlite3 *connection;
	char *message = NULL;

	assert_int_equal(sqlite3_open(fixture_path("index"), &connection), SQLITE_OK);
	if (sqlite3_exec(connection, sql, NULL, NULL, &message) != SQLITE_OK)
		fail_msg("%s: %s", sql, message);
	sqlite3_close(connection);
}

static void hostile_rows_are_survived(void **state)
{
	static const char *const changes[] = {
		"UPDATE content SET path = 's/1' WHERE path = CAST('s/2' AS BLOB)",
		"UPDATE content SET path = CAST('s/1' AS BLOB) WHERE path = CAST('s/2' AS BLOB)",
		"UPDATE content SET size = -5",
		"UPDATE content SET size = 9223372036854775807",
		"UPDATE content SET information = x'ffffffff00000000'",
		"UPDATE content SET information = zeroblob(56)",
		"UPDATE content SET information = randomblob(56)",
		"UPDATE content SET refused = 1",
		"UPDATE content SET sum = x'00'",
		"UPDATE content SET start = 4294967295",
		"UPDATE content SET pack = 77",
		"UPDATE content SET runs = -1, octets = -1",
		"UPDATE content SET runs = 0, octets = 0",
		"UPDATE content SET proof = 0",
		"UPDATE run SET sums = zeroblob(3)",
		"UPDATE run SET sums = NULL",
		"UPDATE run SET present = -1",
		"UPDATE run SET number = -7 WHERE number = 1",
		"UPDATE run SET number = 4294967295 WHERE number = 1",
		"UPDATE run SET cost = -1",
		"UPDATE run SET cost = 9223372036854775807",
		"UPDATE run SET used = 'never'",
		"UPDATE run SET live = NULL",
		"UPDATE run SET live = 0",
		"UPDATE run SET content = content + 1000",
		"UPDATE meta SET next_id = 0",
		"UPDATE meta SET next_id = 1",
		"UPDATE meta SET octets = -1, contents = -9",
		"UPDATE meta SET octets = 0, contents = 0",
		"UPDATE meta SET clean = 0",
		"DELETE FROM meta",
		"DELETE FROM run",
		"DELETE FROM content",
		"DROP TABLE run",
		"DROP INDEX run_used",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		struct store *store;

		write_some();
		run_sql(changes[i]);
		read_some();
		store = fixture_open(2 * MIB);
		store_verify(store, NULL, NULL, NULL, NULL);
		fixture_pass(100000);
		store_expire(store);
		store_clear(store, NULL, NULL);
		store_close(store);
		fixture_teardown(NULL);
		fixture_setup(NULL);
	}
}

static void empty_path_is_not_confused(void **state)
{
	struct store *store = fixture_open(LIMIT);

	(void)state;
	write_object(store, "", 5, 300000);
	store_close(store);
	store = fixture_open(LIMIT);
	assert_int_equal(count_right(store, "", 5, 300000), 5);
	assert_int_equal(store_clear(store, "", NULL), 0);
	assert_int_equal(count_right(store, "", 5, 300000), 0);
	store_close(store);
}

/* ---- killed ---- */

#define KILLED_LIMIT (512 * MIB) /* nothing is evicted before the end */

static uint64_t killed_size(uint64_t number)
{
	return number % 16 == 0 ? 200000 : 3000;
}

/* Writes until it is killed; says through FD what is complete. */
static void write_forever(int fd)
{
	struct store *store = fixture_open(KILLED_LIMIT);

	for (uint64_t i = 0;; i++) {
		char path[32];

		snprintf(path, sizeof(path), "k/%llu", (unsigned long long)i);
		write_object(store, path, i, killed_size(i));
		if (write(fd, &i, sizeof(i)) != sizeof(i))
			_exit(1);
		usleep(300); /* a second of this fits into the limit */
	}
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void killed_owner_loses_only_the_last_moment(void **state)
{
	uint64_t number = 0, old = 0;
	int64_t start;
	struct store *store;
	int pipes[2];
	pid_t child;

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		close(pipes[0]);
		write_forever(pipes[1]);
	}
	close(pipes[1]);
	/* "old" was complete a second before the end, counted from when it was at work: recording
	 * takes milliseconds, but not where the machine is busy. */
	while (old == 0 && read(pipes[0], &old, sizeof(old)) == sizeof(old))
		;
	start = now_ms();
	while (now_ms() - start < 1100 && read(pipes[0], &number, sizeof(number)) == sizeof(number))
		if (now_ms() - start < 100)
			old = number;
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	close(pipes[0]);
	assert_true(old > 0);
	store = fixture_open(KILLED_LIMIT);
	for (uint64_t i = 0; i <= number + 1; i++) {
		uint64_t size = killed_size(i);
		char path[32];
		uint32_t right;

		snprintf(path, sizeof(path), "k/%llu", (unsigned long long)i);
		right = count_right(store, path, i, size);
		if (i <= old)
			assert_int_equal(right, (size + CUTTING_UNIT - 1) / CUTTING_UNIT);
	}
	assert_int_equal(usage(store).checksum_errors, 0);
	store_close(store);
}

static void limit_holds_after_a_kill(void **state)
{
	struct store *store;
	pid_t child = fork();

	(void)state;
	assert_true(child >= 0);
	if (child == 0) {
		store = fixture_open(16 * MIB);
		write_object(store, "first", 1, 30 * MIB);
		raise(SIGKILL);
	}
	waitpid(child, NULL, 0);
	store = fixture_open(16 * MIB);
	write_object(store, "second", 2, 30 * MIB);
	assert_true(disk_usage() <= 16 * MIB);
	store_close(store);
	assert_true(disk_usage() <= 16 * MIB);
}

static void last_writes_before_a_kill_are_there_after_a_flush(void **state)
{
	int status;
	pid_t child;
	struct store *store;

	(void)state;
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		store = fixture_open(LIMIT);
		write_object(store, "big", 1, BIG);
		write_object(store, "small", 2, 99);
		store_flush(store);
		raise(SIGKILL);
	}
	waitpid(child, &status, 0);
	assert_true(WIFSIGNALED(status));
	store = fixture_open(LIMIT);
	assert_int_equal(count_right(store, "big", 1, BIG), BIG / CUTTING_UNIT + 1);
	assert_int_equal(count_right(store, "small", 2, 99), 1);
	assert_int_equal(usage(store).contents, 2);
	store_close(store);
}

static void files_without_records_are_swept_after_a_kill(void **state)
{
	pid_t child = fork();
	struct store *store;
	int fd;

	(void)state;
	assert_true(child >= 0);
	if (child == 0) {
		store = fixture_open(LIMIT);
		write_object(store, "big", 1, BIG);
		store_flush(store);
		raise(SIGKILL);
	}
	waitpid(child, NULL, 0);
	fd = open(fixture_path("data/fff"), O_WRONLY | O_CREAT, 0600);
	assert_int_equal(write(fd, "orphan", 6), 6);
	close(fd);
	store = fixture_open(LIMIT);
	for (int64_t start = now_ms(); count_files("data") != 1;)
		assert_true(now_ms() - start < 5000);
	assert_int_equal(count_right(store, "big", 1, BIG), BIG / CUTTING_UNIT + 1);
	store_close(store);
}

/* ---- the disk ---- */

static void too_large_files_are_refused_not_fatal(void **state)
{
	struct rlimit limit, small;
	struct store *store = fixture_open(LIMIT);
	struct object *object = make_object(store, "big", 40 * MIB);

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &limit);
	small = limit;
	small.rlim_cur = MIB;
	setrlimit(RLIMIT_FSIZE, &small);
	assert_int_equal(write_unit(object, 1, 100), -ENOSPC);
	/* Left alone for a while, then tried again. */
	assert_int_equal(write_unit(object, 1, 0), -ENOSPC);
	setrlimit(RLIMIT_FSIZE, &limit);
	assert_int_equal(read_unit(object, 1, 0), -ENOENT);
	object_put(object);
	store_close(store);
}

/* ---- opening ---- */

static void second_owner_is_told_of_the_first(void **state)
{
	struct store *store = fixture_open(LIMIT), *second;
	char message[512], pid[32];

	(void)state;
	assert_int_equal(fixture_try_open(LIMIT, &second, message, sizeof(message)), -EBUSY);
	snprintf(pid, sizeof(pid), "pid %d", (int)getpid());
	assert_non_null(strstr(message, pid));
	assert_non_null(strstr(message, "/mnt/point"));
	assert_non_null(strstr(message, "cache=DIR"));
	store_close(store);
	store = fixture_open(LIMIT);
	store_close(store);
}

static void impossible_limits_and_places_are_refused(void **state)
{
	struct store *store;
	struct store_options options = {
		.directory = "/proc/nowhere/cache", .scope = "s", .limit = LIMIT};
	char message[512];

	(void)state;
	assert_int_equal(fixture_try_open(0, &store, message, sizeof(message)), -EINVAL);
	assert_true(message[0] != '\0');
	assert_int_equal(fixture_try_open(1000, &store, message, sizeof(message)), -EINVAL);
	assert_true(store_open(&options, &store, message, sizeof(message)) < 0);
	assert_non_null(strstr(message, "/proc/nowhere/cache"));
}

static void directory_is_private(void **state)
{
	struct store *store = fixture_open(LIMIT);
	struct stat attributes;

	(void)state;
	write_object(store, "p", 1, 10);
	assert_int_equal(stat(fixture_path(""), &attributes), 0);
	assert_int_equal(attributes.st_mode & 07777, 0700);
	assert_int_equal(stat(largest_file(), &attributes), 0);
	assert_int_equal(attributes.st_mode & 07777, 0600);
	assert_int_equal(stat(fixture_path("index"), &attributes), 0);
	assert_int_equal(attributes.st_mode & 07777, 0600);
	assert_int_equal(stat(fixture_path("index-wal"), &attributes), 0);
	assert_int_equal(attributes.st_mode & 07777, 0600);
	store_close(store);
}

/* A file that cannot be so long (here by the process's limit) is no failing disk. */
static void a_file_too_long_is_no_trouble_for_others(void **state)
{
	const struct rlimit low = {64 * MIB, RLIM_INFINITY};
	struct store *store = fixture_open(LIMIT);
	struct object *impossible = make_object(store, "impossible", 1ull << 40);
	struct object *object = make_object(store, "big", BIG);
	struct rlimit former;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &former), 0);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
	assert_int_equal(write_unit(impossible, 1, 0), -ENOSPC);
	assert_int_equal(write_unit(object, 1, 0), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &former), 0);
	assert_int_equal(read_unit(object, 1, 0), 0);
	object_put(impossible);
	object_put(object);
	store_close(store);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(altered_octet_is_found_once_and_counted),
		TEST(altered_octet_in_a_large_read_is_found),
		TEST(altered_pack_costs_only_what_was_altered),
		TEST(recent_check_is_believed_for_a_minute_only),
		TEST(truncated_and_missing_block_files_are_absent),
		TEST(deleted_index_starts_empty),
		TEST(blocks_without_an_index_are_removed),
		TEST(truncated_index_starts_empty),
		TEST(index_of_garbage_starts_empty),
		TEST(garbage_in_any_page_never_gives_wrong_octets),
		TEST(index_truncated_while_in_use_is_survived),
		TEST(hostile_rows_are_survived),
		TEST(empty_path_is_not_confused),
		TEST(killed_owner_loses_only_the_last_moment),
		TEST(limit_holds_after_a_kill),
		TEST(last_writes_before_a_kill_are_there_after_a_flush),
		TEST(files_without_records_are_swept_after_a_kill),
		TEST(too_large_files_are_refused_not_fatal),
		TEST(a_file_too_long_is_no_trouble_for_others),
		TEST(second_owner_is_told_of_the_first),
		TEST(impossible_limits_and_places_are_refused),
		TEST(directory_is_private),
	};

	/* Only the outcome counts here, not what is said about it. */
	log_open("/dev/null", LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
