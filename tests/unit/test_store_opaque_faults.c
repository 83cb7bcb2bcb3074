/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Opaque blocks when things go wrong: altered packs and rows, killed owners, full disks. Whatever
 * happens, a block is what was given or absent.
 */
#include "tests/unit/store_opaque_fixture.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

enum { HEADER = 136, SOME = 20 };

static void leave_some(uint32_t size)
{
	struct store *store = fixture_open(LIMIT);

	for (uint32_t i = 0; i < SOME; i++)
		assert_int_equal(write_opaque(store, i, 0, 1, size, 1), 0);
	store_close(store);
}

/* Whatever is still known reads right. Returns how much. */
static unsigned read_some(struct store *store, uint32_t size)
{
	unsigned right = 0;

	for (uint32_t i = 0; i < SOME; i++) {
		int error = read_opaque(store, i, 0, 1, size);

		assert_true(error == 0 || error == -ENOENT || error == -EBADMSG);
		right += error == 0;
	}
	return right;
}

static void invert(const char *path, off_t offset)
{
	int fd = open(path, O_RDWR);
	uint8_t octet = 0;

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &octet, 1, offset), 1);
	octet = (uint8_t)~octet;
	assert_int_equal(pwrite(fd, &octet, 1, offset), 1);
	close(fd);
}

/* Every octet of a block, header and data. */
static void any_altered_octet_is_found(void **state)
{
	enum { SIZE = 20 };

	(void)state;
	leave_some(SIZE);
	for (off_t at = 0; at < HEADER + SIZE; at++) {
		struct store *store;

		invert(largest_file(), 3 * (HEADER + SIZE) + at);
		store = fixture_open(LIMIT);
		assert_int_equal(read_opaque(store, 3, 0, 1, SIZE), -EBADMSG);
		assert_int_equal(read_opaque(store, 3, 0, 1, SIZE), -ENOENT);
		assert_false(is_held(store, 3, 0));
		assert_int_equal(read_some(store, SIZE), SOME - 1);
		assert_int_equal(usage(store).checksum_errors, 1);
		assert_int_equal(usage(store).opaque, SOME - 1);
		assert_int_equal(share_of(store, 1), (SOME - 1) * SIZE);
		store_close(store);
		assert_consistent();
		fixture_teardown(NULL);
		fixture_setup(NULL);
		leave_some(SIZE);
	}
}

static void verifying_finds_what_was_altered(void **state)
{
	struct store *store;
	struct store_progress progress;

	(void)state;
	leave_some(USUAL);
	invert(largest_file(), 2 * (HEADER + USUAL) + 20000);
	invert(largest_file(), 7 * (HEADER + USUAL) + 5);
	store = fixture_open(LIMIT);
	write_object(store, "p", 1, 1000);
	assert_int_equal(store_verify(store, "p", NULL, NULL, &progress), 0);
	assert_int_equal(progress.checked, 1000);
	assert_int_equal(store_verify(store, NULL, NULL, NULL, &progress), 0);
	assert_int_equal(progress.checked, 1000 + SOME * USUAL);
	assert_int_equal(progress.bad, 2 * USUAL);
	assert_int_equal(usage(store).checksum_errors, 2);
	assert_int_equal(usage(store).opaque, SOME - 2);
	assert_false(is_held(store, 2, 0));
	assert_false(is_held(store, 7, 0));
	assert_int_equal(read_some(store, USUAL), SOME - 2);
	assert_int_equal(store_verify(store, NULL, NULL, NULL, &progress), 0);
	assert_int_equal(progress.bad, 0);
	store_close(store);
	assert_consistent();
}

static bool stop_soon(void *context, const struct store_progress *progress)
{
	(void)context;
	return progress->checked < 5 * USUAL;
}

static void verifying_can_be_stopped(void **state)
{
	struct store *store;
	struct store_progress progress;

	(void)state;
	leave_some(USUAL);
	store = fixture_open(LIMIT);
	assert_int_equal(store_verify(store, NULL, stop_soon, NULL, &progress), -ECANCELED);
	assert_int_equal(progress.checked, 5 * USUAL);
	store_close(store);
}

static void truncated_and_missing_packs_are_absent(void **state)
{
	struct store *store;

	(void)state;
	leave_some(USUAL);
	assert_int_equal(truncate(largest_file(), 5 * (HEADER + USUAL) + 10), 0);
	store = fixture_open(LIMIT);
	assert_int_equal(read_some(store, USUAL), 5);
	assert_int_equal(usage(store).opaque, 5);
	assert_int_equal(write_opaque(store, 9, 0, 1, USUAL, 1), 0);
	assert_int_equal(read_some(store, USUAL), 6);
	store_close(store);
	assert_consistent();
	assert_int_equal(unlink(largest_file()), 0);
	store = fixture_open(LIMIT);
	assert_int_equal(read_some(store, USUAL), 0);
	assert_int_equal(usage(store).opaque, 0);
	store_close(store);
	assert_consistent();
}

static int count_walked(void *context, const struct store_opaque *block, const void *data)
{
	(void)block;
	(void)data;
	++*(unsigned *)context;
	return 0;
}

static void use_hostile(struct store *store)
{
	struct store_opaque_held list[STORE_SEGMENT_BLOCKS];
	uint8_t id[DIGEST_SIZE_MAX];
	unsigned walked = 0;

	make_id(3, id);
	assert_true(store_opaque_list(store, id, ID_SIZE, list) <= STORE_SEGMENT_BLOCKS);
	share_of(store, 1);
	read_some(store, USUAL);
	store_opaque_walk(store, count_walked, &walked);
	assert_true(walked <= SOME);
	for (uint32_t i = 0; i < SOME; i++) {
		int error = write_opaque(store, i, 0, 2, 1000, 1 + i % 2);

		assert_true(error == 0 || error == -ENOSPC);
	}
	drop_opaque(store, 5, 0);
	store_verify(store, NULL, NULL, NULL, NULL);
	for (uint32_t i = 0; i < SOME; i++) {
		int error = read_opaque(store, i, 0, 2, 1000);

		assert_true(error == 0 || error == -ENOENT || error == -EBADMSG ||
			    error == -EILSEQ);
		if (error == -EILSEQ)
			assert_int_equal(read_opaque(store, i, 0, 1, USUAL), 0);
	}
	store_resize(store, 2 * MIB);
	fixture_pass(100000);
	store_expire(store);
	store_clear(store, NULL, NULL);
}

static void hostile_rows_are_survived(void **state)
{
	static const char *const changes[] = {
		"UPDATE opaque SET pack = pack + 1",
		"UPDATE opaque SET pack = 0",
		"UPDATE opaque SET pack = -1",
		"UPDATE opaque SET pack = 'x'",
		"UPDATE opaque SET pack = 1.5",
		"UPDATE opaque SET pack = NULL",
		"UPDATE opaque SET pack = 9223372036854775807",
		"UPDATE opaque SET start = start + 1",
		"UPDATE opaque SET start = -1",
		"UPDATE opaque SET start = 4294967295",
		"UPDATE opaque SET start = 'x'",
		"UPDATE opaque SET length = 0",
		"UPDATE opaque SET length = -1",
		"UPDATE opaque SET length = 131088",
		"UPDATE opaque SET length = 131089",
		"UPDATE opaque SET length = 9223372036854775807",
		"UPDATE opaque SET size = -1, algorithm = 1000",
		"UPDATE opaque SET since = 9223372036854775807",
		"UPDATE opaque SET since = -9223372036854775808",
		"UPDATE opaque SET since = 'never'",
		"UPDATE opaque SET id = id + 1",
		"UPDATE opaque SET id = id - 512",
		"UPDATE opaques SET blocks = 0",
		"UPDATE opaques SET blocks = -1",
		"UPDATE opaques SET blocks = 9223372036854775807",
		"UPDATE opaques SET seed = 'x'",
		"UPDATE opaques SET seed = seed + 1",
		"DELETE FROM opaques",
		"INSERT INTO opaques VALUES(2, 7, 7)",
		"UPDATE giver SET octets = -1",
		"UPDATE giver SET octets = 9223372036854775807",
		"UPDATE giver SET octets = 'x'",
		"UPDATE giver SET name = x'00'",
		"UPDATE giver SET name = '123456789'",
		"UPDATE giver SET id = 0",
		"UPDATE giver SET id = -1",
		"UPDATE giver SET id = id + 1",
		"DELETE FROM giver",
		"UPDATE run SET present = 0",
		"UPDATE run SET present = -1",
		"UPDATE run SET present = 'x'",
		"UPDATE run SET present = 1",
		"UPDATE run SET live = 0",
		"UPDATE run SET live = 1",
		"UPDATE run SET live = 4294967295",
		"UPDATE run SET live = NULL",
		"UPDATE run SET cost = 0",
		"UPDATE run SET cost = -1",
		"UPDATE run SET cost = 9223372036854775807",
		"UPDATE run SET content = content + 1000",
		"UPDATE run SET number = 1",
		"DELETE FROM run",
		"DELETE FROM opaque",
		"DROP TABLE opaque",
		"DROP TABLE giver",
		"DROP TABLE opaques",
		"DROP TABLE run",
		"DROP INDEX opaque_pack",
		"DROP TABLE opaque; CREATE TABLE opaque(id TEXT)",
		"UPDATE meta SET clean = 0",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		struct store *store;

		leave_some(USUAL);
		run_sql(changes[i]);
		store = fixture_open(LIMIT);
		use_hostile(store);
		store_close(store);
		store = fixture_open(LIMIT);
		assert_int_equal(write_opaque(store, 1, 0, 3, USUAL, 1), 0);
		assert_int_equal(read_opaque(store, 1, 0, 3, USUAL), 0);
		store_close(store);
		fixture_teardown(NULL);
		fixture_setup(NULL);
	}
}

static void garbage_in_any_page_never_gives_wrong_octets(void **state)
{
	unsigned char garbage[700];
	struct stat attributes;

	(void)state;
	for (unsigned round = 0; round < 25; round++) {
		struct store *store;

		leave_some(USUAL);
		assert_int_equal(stat(fixture_path("index"), &attributes), 0);
		fixture_fill(garbage, sizeof(garbage), round);
		alter(fixture_path("index"), attributes.st_size * (round + 1) / 27, garbage,
		      sizeof(garbage));
		store = fixture_open(LIMIT);
		use_hostile(store);
		store_close(store);
		fixture_teardown(NULL);
		fixture_setup(NULL);
	}
}

/* ---- killed ---- */

#define KILLED_LIMIT (512 * MIB) /* nothing is evicted before the end */
enum { KILLED_GIVERS = 70, KILLED_SEGMENTS = 3000 };

static uint32_t killed_size(uint32_t number)
{
	return 1 + number * 7919 % 20000;
}

/* Writes until it is killed, replaces some, drops some; says through FD what is complete. */
static void write_forever(int fd, uint32_t first)
{
	struct store *store = fixture_open(KILLED_LIMIT);

	for (uint32_t i = first;; i++) {
		if (write_opaque(store, i % KILLED_SEGMENTS, 0, i, killed_size(i),
				 i % KILLED_GIVERS) != 0 ||
		    (i % 5 == 4 && drop_opaque(store, i % KILLED_SEGMENTS, 0) != 0) ||
		    write(fd, &i, sizeof(i)) != sizeof(i))
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

/* Lets a child write from FIRST on and kills it after some number of blocks. Returns the last one
 * that was complete; OLD_OUT: one that was a second before, or FIRST - 1. */
static uint32_t kill_one(uint32_t first, uint32_t count, uint32_t *old_out)
{
	uint32_t number = first - 1;
	int64_t last = 0;
	int pipes[2], status;
	pid_t child;

	assert_int_equal(pipe(pipes), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		close(pipes[0]);
		write_forever(pipes[1], first);
	}
	close(pipes[1]);
	*old_out = first - 1;
	while (number + 1 < first + count &&
	       read(pipes[0], &number, sizeof(number)) == sizeof(number))
		if (number == first + count / 2)
			last = now_ms();
	/* What was half the way back is old by then. */
	while (last != 0 && now_ms() - last < 1000 &&
	       read(pipes[0], &number, sizeof(number)) == sizeof(number))
		;
	if (last != 0)
		*old_out = first + count / 2;
	kill(child, SIGKILL);
	while (read(pipes[0], &number, sizeof(number)) == sizeof(number))
		;
	close(pipes[0]);
	waitpid(child, &status, 0);
	assert_true(WIFSIGNALED(status));
	return number;
}

/* Which number is there of SEGMENT; 0: none. What is said to be held can be read. */
static uint32_t find_killed(struct store *store, uint32_t segment, uint32_t last)
{
	bool held = is_held(store, segment, 0);

	for (uint32_t i = segment > 0 ? segment : KILLED_SEGMENTS; i <= last + 1;
	     i += KILLED_SEGMENTS)
		if (read_opaque(store, segment, 0, i, killed_size(i)) == 0)
			return i;
	assert_false(held);
	return 0;
}

/* What this session wrote up to OLD is there, or what came later in its place. Numbers before
 * FIRST are of others, that were killed too. */
static void check_killed_segment(struct store *store, uint32_t segment, uint32_t first,
				 uint32_t old, uint32_t last)
{
	uint32_t found = find_killed(store, segment, last), newest;

	if (old < first || old < segment)
		return;
	newest = old - (old - segment) % KILLED_SEGMENTS;
	if (newest < first)
		return;
	if (found != 0)
		assert_true(found > newest || (found == newest && newest % 5 != 4));
	else if (newest % 5 != 4 && newest + KILLED_SEGMENTS > last + 1)
		fail_msg("block %u is lost", newest);
}

static void check_killed(struct store *store, uint32_t first, uint32_t old, uint32_t last)
{
	for (uint32_t segment = 0; segment < KILLED_SEGMENTS; segment++)
		check_killed_segment(store, segment, first, old, last);
	assert_int_equal(usage(store).checksum_errors, 0);
}

static void killed_owner_loses_only_the_last_moment(void **state)
{
	uint32_t first = 1, old, last;

	(void)state;
	for (uint32_t round = 0; round < 6; round++) {
		struct store *store;

		last = kill_one(first, 50 + round * 330, &old);
		store = fixture_open(KILLED_LIMIT);
		check_killed(store, first, old, last);
		store_close(store);
		assert_consistent();
		/* Over the same again, in the packs that were left. */
		first = last + 1;
	}
}

static void limit_holds_after_a_kill(void **state)
{
	struct store *store;
	pid_t child = fork();

	(void)state;
	assert_true(child >= 0);
	if (child == 0) {
		store = fixture_open(8 * MIB);
		for (uint32_t i = 0; i < 300; i++)
			write_opaque(store, i, 0, 1, USUAL, i % 3);
		raise(SIGKILL);
	}
	waitpid(child, NULL, 0);
	store = fixture_open(8 * MIB);
	for (uint32_t i = 0; i < 300; i++) {
		assert_int_equal(write_opaque(store, i, 0, 2, USUAL, i % 3), 0);
		assert_in_range(disk_usage(), 0, 8 * MIB);
	}
	store_close(store);
	assert_consistent();
}

/* An end without closing, at a moment when the sweeper of the next session is at work while the
 * packs that are left are written to. */
static void sweeping_spares_what_is_written(void **state)
{
	pid_t child = fork();
	struct store *store;

	(void)state;
	assert_true(child >= 0);
	if (child == 0) {
		store = fixture_open(LIMIT);
		for (uint32_t i = 0; i < 200; i++)
			write_opaque(store, i, 0, 1, 3000, i % 10);
		store_flush(store);
		_exit(0);
	}
	waitpid(child, NULL, 0);
	store = fixture_open(LIMIT);
	for (uint32_t i = 200; i < 400; i++)
		assert_int_equal(write_opaque(store, i, 0, 1, 3000, i % 10), 0);
	for (uint32_t i = 0; i < 400; i++)
		assert_int_equal(read_opaque(store, i, 0, 1, 3000), 0);
	store_close(store);
	assert_consistent();
}

/* ---- an index of former times ---- */

/* It had none of the tables, and anything in that column. */
static void packs_of_a_former_program_have_no_giver(void **state)
{
	struct store *store = fixture_open(LIMIT);
	struct object *object;

	(void)state;
	assert_int_equal(store_object(store, "file", "1", 1000, &object), 0);
	assert_int_equal(object_write(object, 0, (char[1000]){0}, 1000), 0);
	object_put(object);
	store_close(store);
	run_sql("UPDATE run SET present = 7 WHERE live IS NOT NULL;"
		"DROP TABLE opaque; DROP TABLE giver; DROP TABLE opaques; DROP INDEX run_giver");
	store = fixture_open(LIMIT);
	assert_int_equal(usage(store).contents, 1);
	assert_int_equal(write_opaque(store, 1, 0, 1, USUAL, 1), 0);
	assert_int_equal(store_clear(store, "file", NULL), 0);
	assert_int_equal(usage(store).contents, 0);
	assert_int_equal(usage(store).opaque, 1);
	store_close(store);
	assert_int_equal(ask_sql("SELECT count(*) FROM run WHERE present = 7"), 0);
	assert_consistent();
}

/* ---- the disk ---- */

static void refused_writes_leave_nothing(void **state)
{
	struct rlimit limit, small;
	struct store *store = fixture_open(LIMIT);

	(void)state;
	assert_int_equal(write_opaque(store, 1, 0, 1, USUAL, 1), 0);
	store_flush(store); /* or the record of it is refused as well */
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &limit);
	small = limit;
	small.rlim_cur = 100000;
	setrlimit(RLIMIT_FSIZE, &small);
	assert_int_equal(write_opaque(store, 1, 0, 2, USUAL, 1), -ENOSPC);
	assert_int_equal(write_opaque(store, 2, 0, 2, USUAL, 2), -ENOSPC);
	setrlimit(RLIMIT_FSIZE, &limit);
	assert_int_equal(read_opaque(store, 1, 0, 1, USUAL), 0);
	assert_int_equal(read_opaque(store, 2, 0, 2, USUAL), -ENOENT);
	assert_int_equal(share_of(store, 2), 0);
	assert_int_equal(usage(store).opaque, 1);
	store_close(store);
	assert_consistent();
}

static void fill_small_disk(void)
{
	struct store *store;
	unsigned kept = 0;

	if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mkdir(fixture_path(""), 0700) != 0 ||
	    mount("tmpfs", fixture_path(""), "tmpfs", 0, "size=4m") != 0)
		_exit(77);
	store = fixture_open(LIMIT);
	for (uint32_t i = 0; i < 400; i++) {
		int error = write_opaque(store, i, 0, 1, USUAL, i % 3);

		if (error != 0 && error != -ENOSPC)
			_exit(1);
		if (error == 0 && read_opaque(store, i, 0, 1, USUAL) == 0)
			kept++;
		fixture_pass(1);
	}
	for (uint32_t i = 0; i < 400; i++) {
		int error = read_opaque(store, i, 0, 1, USUAL);

		if (error != 0 && error != -ENOENT)
			_exit(2);
	}
	if (usage(store).checksum_errors != 0)
		_exit(3);
	store_close(store);
	_exit(kept > 20 ? 0 : 4);
}

static void full_disk_is_made_do_with(void **state)
{
	pid_t child;
	int status;

	(void)state;
	if (geteuid() != 0) {
		print_message("needs root\n");
		skip();
	}
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		fill_small_disk();
	waitpid(child, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
		print_message("no mount namespaces here\n");
		skip();
	}
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(any_altered_octet_is_found),
		TEST(verifying_finds_what_was_altered),
		TEST(verifying_can_be_stopped),
		TEST(truncated_and_missing_packs_are_absent),
		TEST(hostile_rows_are_survived),
		TEST(garbage_in_any_page_never_gives_wrong_octets),
		TEST(killed_owner_loses_only_the_last_moment),
		TEST(limit_holds_after_a_kill),
		TEST(sweeping_spares_what_is_written),
		TEST(packs_of_a_former_program_have_no_giver),
		TEST(refused_writes_leave_nothing),
		TEST(full_disk_is_made_do_with),
	};

	log_open("/dev/null", LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
