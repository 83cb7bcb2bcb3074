/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Content information in the store when its file or its row is not what was written, the daemon was
 * killed, or others use the object at the same time: no octet is ever wrong, and the object can be
 * used and described anew.
 */
#include "tests/unit/store_content_fixture.h"

#include <pthread.h>
#include <sqlite3.h>
#include <sys/wait.h>

/* The object is made, if it is not there, filled, and described; whatever is left of it is right.
 */
static void check_usable(const unsigned char *data, size_t size)
{
	struct store *store = fixture_open(LIMIT);
	struct content *content = content_of(store, data, size, 2);
	struct object *object = make_object(store, kept_path, size);
	uint64_t dropped;

	octets_right(object, data);
	assert_int_equal(describe(object, content, &dropped), 0);
	assert_int_equal(dropped, 0);
	write_units(object, data, 0, UINT32_MAX);
	assert_int_equal(octets_right(object, data), size);
	assert_true(has_content_of(object, data));
	content_put(content);
	object_put(object);
	store_close(store);
	store = fixture_open(LIMIT);
	object = find(store, size);
	assert_int_equal(octets_right(object, data), size);
	assert_true(has_content_of(object, data));
	object_put(object);
	store_close(store);
}

/* ---- what does not hold ---- */

static void verify_finds_altered_content(void **state)
{
	unsigned char *data = make_octets(BIG, 1);

	(void)state;
	for (unsigned version = 1; version <= 2; version++) {
		struct store_progress progress;
		struct object *object;
		struct store *store;

		leave_described(data, BIG, version);
		store = fixture_open(LIMIT);
		assert_int_equal(store_verify(store, NULL, NULL, NULL, &progress), 0);
		assert_true(progress.checked > BIG);
		assert_int_equal(progress.bad, 0);
		object = find(store, BIG);
		alter(content_file_path(), 50, "????", 4);
		assert_int_equal(store_verify(store, NULL, NULL, NULL, &progress), 0);
		assert_in_range(progress.bad, 1000, BIG / 100);
		assert_false(has_content(object));
		assert_int_equal(octets_right(object, data), BIG);
		object_put(object);
		store_close(store);
		check_usable(data, BIG);
		store = fixture_open(LIMIT);
		store_clear(store, NULL, NULL);
		store_close(store);
	}
	free(data);
}

static void altered_content_file_is_not_used(void **state)
{
	unsigned char *data = make_octets(BIG, 1);
	/* From the end: in the lengths of the units, which lie behind the encoded form. */
	static const int places[] = {0, 1, 20, 31, 40, 100, 3000, -1, -100};

	(void)state;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		struct stat attributes;
		struct object *object;
		struct store *store;
		off_t place = places[i];

		leave_described(data, BIG, 2);
		assert_int_equal(stat(content_file_path(), &attributes), 0);
		assert_int_equal(attributes.st_mode & 07777, 0600);
		alter(content_file_path(), place < 0 ? attributes.st_size + place : place, "\x55",
		      1);
		store = fixture_open(LIMIT);
		if (store_find(store, kept_path, "v1", BIG, &object) == 0) {
			assert_false(has_content(object));
			assert_int_equal(octets_right(object, data), BIG);
			assert_int_equal(usage(store).checksum_errors, 1);
			object_put(object);
		} else {
			assert_true(place < 0);
		}
		store_close(store);
		check_usable(data, BIG);
		fixture_teardown(NULL);
		fixture_setup(NULL);
	}
	free(data);
}

static void missing_and_short_content_files_are_survived(void **state)
{
	unsigned char *data = make_octets(BIG, 1);

	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		static const off_t lengths[] = {-1, 0, 30, 5000};
		off_t length = lengths[i % 4];

		leave_described(data, BIG, 1 + i / 4);
		if (length < 0)
			assert_int_equal(unlink(content_file_path()), 0);
		else
			assert_int_equal(truncate(content_file_path(), length), 0);
		check_usable(data, BIG);
		fixture_teardown(NULL);
		fixture_setup(NULL);
	}
	free(data);
}

static void what_cannot_be_believed_is_cleared(void **state)
{
	unsigned char *data = make_octets(BIG, 1);
	struct store *store;

	(void)state;
	leave_described(data, BIG, 2);
	assert_int_equal(unlink(content_file_path()), 0);
	store = fixture_open(LIMIT);
	assert_int_equal(store_clear(store, NULL, NULL), 0);
	assert_int_equal(count_files("data"), 0);
	assert_true(usage(store).used < MIB);
	free(data);
	store_close(store);
}

static void run_sql(const char *sql)
{
	sqlite3 *connection;
	char *message = NULL;

	assert_int_equal(sqlite3_open(fixture_path("index"), &connection), SQLITE_OK);
	if (sqlite3_exec(connection, sql, NULL, NULL, &message) != SQLITE_OK)
		fail_msg("%s: %s", sql, message);
	sqlite3_close(connection);
}

static void altered_rows_are_survived(void **state)
{
	static const char *const changes[] = {
		"UPDATE content SET information = NULL",
		"UPDATE content SET information = zeroblob(56)",
		"UPDATE content SET information = zeroblob(5)",
		"UPDATE content SET information = randomblob(56)",
		"UPDATE content SET refused = 1",
		"UPDATE content SET runs = 0, octets = 0",
		"UPDATE content SET pack = 77",
		"DELETE FROM run WHERE number = 4294967295",
		"DELETE FROM run WHERE number <> 4294967295",
		"DELETE FROM run",
		"DELETE FROM content",
		"UPDATE run SET cost = -1 WHERE number = 4294967295",
		"UPDATE run SET cost = 9223372036854775807 WHERE number = 4294967295",
		"UPDATE run SET sums = NULL, present = -1 WHERE number = 4294967295",
		"UPDATE run SET present = 0 WHERE number = 4294967295",
		"UPDATE run SET live = 1 WHERE number = 4294967295",
		"UPDATE run SET number = 5 WHERE number = 4294967295",
		"UPDATE run SET number = 4294967294 WHERE number = 4294967295",
		"UPDATE run SET content = content + 1000 WHERE number = 4294967295",
		"UPDATE meta SET clean = 0",
	};
	unsigned char *data = make_octets(BIG, 1);

	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		struct object *object;
		struct store *store;

		leave_described(data, BIG, 2);
		run_sql(changes[i]);
		/* Wrong figures may cost data: what is recorded of room is believed. */
		if (strstr(changes[i], "cost") == NULL)
			check_usable(data, BIG);
		store = fixture_open(2 * MIB);
		object = make_object(store, kept_path, BIG);
		octets_right(object, data);
		object_put(object);
		store_verify(store, NULL, NULL, NULL, NULL);
		fixture_pass(100000);
		store_expire(store);
		store_clear(store, NULL, NULL);
		store_close(store);
		fixture_teardown(NULL);
		fixture_setup(NULL);
	}
	free(data);
}

static void content_files_without_records_are_swept_after_a_kill(void **state)
{
	unsigned char *data = make_octets(BIG, 1);
	struct object *object;
	struct store *store;
	pid_t child = fork();

	(void)state;
	assert_true(child >= 0);
	if (child == 0) {
		store = fixture_open(LIMIT);
		object = make_described(store, kept_path, data, BIG, 2);
		store_flush(store);
		content_of(store, data, BIG, 2); /* one that has no name yet */
		raise(SIGKILL);
	}
	waitpid(child, NULL, 0);
	assert_int_equal(count_content_files(), 1);
	close(open(fixture_path("data/0.5"), O_WRONLY | O_CREAT, 0600));
	close(open(fixture_path("data/1.fff"), O_WRONLY | O_CREAT, 0600));
	close(open(fixture_path("data/fff.5"), O_WRONLY | O_CREAT, 0600));
	store = fixture_open(LIMIT);
	while (count_content_files() != 1)
		usleep(1000);
	object = find(store, BIG);
	assert_int_equal(octets_right(object, data), BIG);
	assert_true(has_content_of(object, data));
	object_put(object);
	free(data);
	store_close(store);
}

/* Describes and disowns until it is killed; says through FD when it begins to. */
static void exchange_forever(int fd, const unsigned char *data)
{
	struct store *store = fixture_open(LIMIT);
	struct object *object = make_object(store, kept_path, BIG);

	for (unsigned round = 0;; round++) {
		struct content *content = content_of(store, data, BIG, 1 + round % 2);
		uint64_t dropped;

		write_units(object, data, 0, UINT32_MAX);
		if (write(fd, "", 1) != 1)
			_exit(1);
		describe(object, content, &dropped);
		content_put(content);
		if (round % 3 == 2)
			object_disown(object, false);
	}
}

static void killed_while_described_is_right_or_absent(void **state)
{
	unsigned char *data = make_octets(BIG, 1);
	struct store *store;

	(void)state;
	for (int round = 0; round < 12; round++) {
		struct object *object;
		int pipes[2];
		pid_t child;
		char sign;

		assert_int_equal(pipe(pipes), 0);
		child = fork();
		assert_true(child >= 0);
		if (child == 0)
			exchange_forever(pipes[1], data);
		close(pipes[1]);
		/* At some moment of one exchange or another. */
		for (int i = 0; i <= round % 5; i++)
			assert_int_equal(read(pipes[0], &sign, 1), 1);
		for (volatile int i = 0; i < round * 1000000; i++)
			;
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		close(pipes[0]);
		store = fixture_open(LIMIT);
		object = make_object(store, kept_path, BIG);
		/* Content information may be named and not be there, which counts as an error,
		 * here or found out in the background. No unit may: all would not be right. */
		bool described = has_content(object);
		uint64_t cached = object_cached(object);
		assert_int_equal(octets_right(object, data), cached);
		assert_true(usage(store).checksum_errors <= 1);
		if (described)
			assert_true(has_content_of(object, data));
		object_put(object);
		store_close(store);
	}
	check_usable(data, BIG);
	/* The sweeper has time for what was left. */
	store = fixture_open(LIMIT);
	while (count_content_files() != 1)
		usleep(1000);
	free(data);
	store_close(store);
}

/* ---- at the same time ---- */

struct user {
	struct object *object;
	const unsigned char *data;
	bool write, stop;
};

static void *use(void *context)
{
	struct user *user = context;
	unsigned char *read = malloc(CUTTING_UNIT_MAX);

	for (uint64_t at = 1; !__atomic_load_n(&user->stop, __ATOMIC_RELAXED);
	     at = at * 6364136223846793005u + 1442695040888963407u) {
		uint64_t offset = (at >> 20) % (BIG - 5000);
		struct content *content = object_content(user->object);

		if (object_read(user->object, offset, 5000, read) == 0 &&
		    memcmp(read, user->data + offset, 5000) != 0)
			abort();
		/* Units are those of the moment: writers stop while they change, readers do not. */
		if (user->write)
			write_at(user->object, user->data,
				 cutting_unit_at(object_cutting(user->object), offset));
		content_put(content);
	}
	free(read);
	return NULL;
}

static void survey_goes_on_beside_readers_and_writers(void **state)
{
	struct store *store = fixture_open(LIMIT);
	unsigned char *data = make_octets(BIG, 1);
	struct object *object = make_object(store, kept_path, BIG);
	struct user reader = {object, data, false, false};

	(void)state;
	write_units(object, data, 0, 50);
	for (unsigned round = 0; round < 6; round++) {
		struct user writer = {object, data, true, false};
		struct content *content = content_of(store, data, BIG, 1 + round % 2);
		struct object_survey *survey;
		pthread_t threads[2];
		uint64_t dropped;

		reader.stop = false;
		assert_int_equal(pthread_create(&threads[0], NULL, use, &reader), 0);
		assert_int_equal(pthread_create(&threads[1], NULL, use, &writer), 0);
		assert_int_equal(object_survey(object, content, NULL, NULL, &survey), 0);
		__atomic_store_n(&writer.stop, true, __ATOMIC_RELAXED);
		pthread_join(threads[1], NULL);
		assert_int_equal(object_describe(survey, &dropped), 0);
		assert_int_equal(dropped, 0);
		content_put(content);
		if (round == 3)
			assert_int_equal(object_disown(object, false), 0);
		__atomic_store_n(&reader.stop, true, __ATOMIC_RELAXED);
		pthread_join(threads[0], NULL);
		store_clear(store, kept_path, NULL);
		write_units(object, data, 10, 60);
	}
	assert_int_equal(usage(store).checksum_errors, 0);
	assert_int_equal(octets_right(object, data), object_cached(object));
	object_put(object);
	free(data);
	store_close(store);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(verify_finds_altered_content),
		TEST(altered_content_file_is_not_used),
		TEST(missing_and_short_content_files_are_survived),
		TEST(what_cannot_be_believed_is_cleared),
		TEST(altered_rows_are_survived),
		TEST(content_files_without_records_are_swept_after_a_kill),
		TEST(killed_while_described_is_right_or_absent),
		TEST(survey_goes_on_beside_readers_and_writers),
	};

	log_open("/dev/null", LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
