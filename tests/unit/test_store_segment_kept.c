/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Segments are found after a restart, also when the former session was killed, or was of a version
 * whose index knew no segments; and what nobody can find any more leaves the index.
 */
#include "tests/unit/store_segment_fixture.h"

#include <signal.h>
#include <sys/wait.h>

/* Waits until as many blocks of all are held. */
static void wait_held(struct store *store, const struct ids *ids, uint32_t count)
{
	const struct timespec moment = {.tv_nsec = 1000000};

	for (unsigned i = 0; i < 60000 && held_of_all(store, ids) != count; i++)
		nanosleep(&moment, NULL);
	assert_int_equal(held_of_all(store, ids), count);
}

static void found_after_a_restart(void **state)
{
	unsigned char *data = make_octets(BIG, 1);

	(void)state;
	for (unsigned version = 1; version <= 2; version++) {
		struct ids *ids = ids_of(data, BIG, version);
		struct store_segment *segment;
		struct store *store;
		uint32_t units;

		fixture_pass(1000);
		leave_described(data, BIG, version);
		fixture_pass(100);
		store = fixture_open(LIMIT);
		wait_segments(store, ids->count);
		assert_int_equal(find_id(store, &ids->list[ids->count - 1], &segment), 0);
		units = store_segment_description(segment)->blocks;
		assert_int_equal(blocks_right(segment, data), units);
		assert_int_equal(store_segment_age_ms(segment), 100 * 1000);
		store_segment_put(segment);
		assert_int_equal(held_of_all(store, ids), version == 1 ? units : ids->count);
		assert_int_equal(store_clear(store, NULL, NULL), 0);
		wait_segments(store, 0);
		store_close(store);
		store = fixture_open(LIMIT);
		assert_int_equal(held_of_all(store, ids), 0);
		assert_int_equal(usage(store).segments, 0);
		store_close(store);
		free(ids);
	}
	free(data);
}

static struct store *open_scope(const char *scope, bool unlinked)
{
	struct store_options options = {.directory = fixture_path(""),
					.scope = scope,
					.unlinked = unlinked,
					.limit = LIMIT,
					.now = fixture_now};
	struct store *store = NULL;
	char message[256];

	assert_int_equal(store_open(&options, &store, message, sizeof(message)), 0);
	return store;
}

static void other_scopes_are_not_served(void **state)
{
	unsigned char *data = make_octets(BIG, 1);
	struct ids *ids = ids_of(data, BIG, 2);
	struct store *store = open_scope("one", false);

	(void)state;
	object_put(make_described(store, "f", data, BIG, 2));
	store_close(store);
	store = open_scope("other", false);
	assert_int_equal(held_of_all(store, ids), 0);
	object_put(make_described(store, "g", data, BIG, 1));
	assert_int_equal(held_of_all(store, ids), 0);
	store_close(store);
	store = open_scope("one", false);
	assert_int_equal(held_of_all(store, ids), ids->count);
	store_close(store);
	free(ids);
	free(data);
}

static void unlinked_store_finds_them_as_long_as_it_is_open(void **state)
{
	unsigned char *data = make_octets(BIG, 1);
	struct ids *ids = ids_of(data, BIG, 2);
	struct store *store = open_scope("s", true);
	struct store_segment *segment;

	(void)state;
	object_put(make_described(store, "f", data, BIG, 2));
	assert_int_equal(held_of_all(store, ids), ids->count);
	assert_int_equal(find_id(store, &ids->list[3], &segment), 0);
	assert_int_equal(blocks_right(segment, data), 1);
	store_segment_put(segment);
	assert_int_equal(store_clear(store, "f", NULL), 0);
	assert_int_equal(held_of_all(store, ids), 0);
	assert_int_equal(count_files(""), 0);
	wait_segments(store, 0);
	store_close(store);
	store = open_scope("s", true);
	assert_int_equal(held_of_all(store, ids), 0);
	store_close(store);
	free(ids);
	free(data);
}

/* The index as version 2 had it. */
static void make_former_index(void)
{
	in_index("DROP TRIGGER content_gone; DROP TRIGGER content_changed;"
		 "DROP TRIGGER content_back; DROP TABLE segment; DROP TABLE described;"
		 "DROP TABLE segments; PRAGMA user_version = 2");
}

static void index_of_the_former_version_gets_its_segments(void **state)
{
	unsigned char *data = make_octets(BIG, 1);
	struct ids *ids = ids_of(data, BIG, 2), *other_ids = ids_of(data, BIG, 1);
	struct store *store = fixture_open(LIMIT);
	struct object *object;
	char other[32];

	(void)state;
	for (int i = 0; i < 300; i++) {
		snprintf(other, sizeof(other), "o%d", i);
		write_object(store, other, (uint64_t)i, 100);
	}
	object_put(make_described(store, "g", data, BIG, 1));
	object_put(make_described(store, kept_path, data, BIG, 2));
	store_close(store);
	make_former_index();
	for (unsigned i = 0; i < 2; i++) {
		store = fixture_open(LIMIT);
		if (i == 0)
			wait_held(store, ids, ids->count);
		assert_int_equal(held_of_all(store, ids), ids->count);
		wait_held(store, other_ids, (BIG - 1) / CUTTING_UNIT + 1);
		object = find(store, BIG);
		assert_true(object_complete(object));
		object_put(object);
		wait_segments(store, ids->count + other_ids->count);
		store_close(store);
		if (i == 0)
			assert_int_equal(
				in_index("SELECT count(*) FROM segments WHERE todo IS NULL"), 1);
	}
	free(ids);
	free(other_ids);
	free(data);
}

/* It was closed before all had its segments. */
static void closing_while_catching_up_loses_nothing(void **state)
{
	unsigned char *data = make_octets(BIG, 1);
	struct ids *ids = ids_of(data, BIG, 2);
	struct store *store;

	(void)state;
	leave_described(data, BIG, 2);
	make_former_index();
	for (unsigned i = 0; i < 5; i++)
		store_close(fixture_open(LIMIT));
	store = fixture_open(LIMIT);
	wait_held(store, ids, ids->count);
	store_close(store);
	free(ids);
	free(data);
}

/* Describes what has thousands of segments and says so; some of it is there. */
static void describe_and_wait_to_be_killed(int fd, const unsigned char *data,
					   const void *information, size_t size)
{
	struct store *store = fixture_open(MANY_LIMIT);
	struct object *object = describe_octets(store, "f", MANY * MANY_OCTETS, information, size);

	write_units(object, data, 0, 100);
	if (store_flush(store) != 0 || write(fd, "", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

static void killed_while_they_are_recorded(void **state)
{
	unsigned char *data = make_octets(MANY * MANY_OCTETS, 1), *information;
	struct store *store;
	struct ids *ids;
	int ends[2];
	pid_t child;
	size_t size;
	char octet;

	(void)state;
	information = information_of_many(data, &size, &ids);
	assert_int_equal(pipe(ends), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		describe_and_wait_to_be_killed(ends[1], data, information, size);
	close(ends[1]);
	assert_int_equal(read(ends[0], &octet, 1), 1);
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, NULL, 0), child);
	close(ends[0]);
	store = fixture_open(MANY_LIMIT);
	wait_held(store, ids, 100);
	wait_segments(store, MANY);
	store_close(store);
	free(ids);
	free(information);
	free(data);
}

/* What is left behind is swept away. */
static void left_behind_names_are_swept_away(void **state)
{
	unsigned char *data = make_octets(MANY * MANY_OCTETS, 1), *information;
	struct store *store = fixture_open(MANY_LIMIT);
	unsigned char *small = make_octets(BIG, 7);
	struct ids *ids, *kept = ids_of(small, BIG, 2);
	struct object *object;
	int64_t rows = -1;
	size_t size;

	(void)state;
	information = information_of_many(data, &size, &ids);
	object_put(make_described(store, "kept", small, BIG, 2));
	object = describe_octets(store, "f", MANY * MANY_OCTETS, information, size);
	object_put(object);
	store_close(store);
	assert_int_equal(in_index("SELECT count(*) FROM segment"), MANY + kept->count);
	assert_int_equal(in_index("SELECT live FROM segments"), MANY + kept->count);
	store = fixture_open(MANY_LIMIT);
	assert_int_equal(store_clear(store, "f", NULL), 0);
	wait_segments(store, kept->count);
	store_close(store);
	/* Rows can be counted while the store is closed only: it is open for longer each time. */
	for (unsigned i = 0; i < 16 && rows != kept->count; i++) {
		const struct timespec open_for = {(1 << i) / 1000, (1 << i) % 1000 * 1000000};

		store = fixture_open(MANY_LIMIT);
		assert_int_equal(held_of_all(store, kept), kept->count);
		nanosleep(&open_for, NULL);
		store_close(store);
		rows = in_index("SELECT count(*) FROM segment");
	}
	assert_int_equal(rows, kept->count);
	assert_int_equal(in_index("SELECT count(*) FROM described"), 1);
	assert_true(in_index("SELECT dead FROM segments") < MANY);
	free(kept);
	free(small);
	free(ids);
	free(information);
	free(data);
}

/* The index lies in the hands of others: it may lead nowhere, not astray. */
static void altered_rows_give_nothing_wrong(void **state)
{
	static const char *const damage[] = {
		"UPDATE segment SET number = 4294967295",
		"UPDATE segment SET number = -1",
		/* Each of them said to be another one. */
		"CREATE TABLE other AS SELECT key, file, 60 - number AS number FROM segment;"
		"DELETE FROM segment; INSERT INTO segment SELECT key, file, number FROM other;"
		"DROP TABLE other",
		"UPDATE described SET object = -5",
		"UPDATE described SET object = 1 WHERE object <> 1",
		"UPDATE described SET file = 0",
		"UPDATE described SET since = -9223372036854775807, count = -1",
		"UPDATE segments SET live = -5, dead = 9223372036854775807",
		"UPDATE described SET since = 'x', gone = 'y'",
		"DELETE FROM segments",
	};
	unsigned char *data = make_octets(BIG, 1);
	struct ids *ids = ids_of(data, BIG, 2);

	(void)state;
	for (unsigned i = 0; i < sizeof(damage) / sizeof(damage[0]); i++) {
		struct store *store;

		fixture_teardown(NULL);
		fixture_setup(NULL);
		leave_described(data, BIG, 2);
		in_index(damage[i]);
		store = fixture_open(LIMIT);
		for (uint32_t j = 0; j < ids->count; j++) {
			struct store_segment *segment;

			if (find_id(store, &ids->list[j], &segment) != 0)
				continue;
			assert_in_range(blocks_right(segment, data), 0, 1);
			store_segment_age_ms(segment);
			store_segment_put(segment);
		}
		object_put(make_described(store, "g", data, BIG, 2));
		assert_int_equal(store_clear(store, NULL, NULL), 0);
		store_close(store);
	}
	free(ids);
	free(data);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(found_after_a_restart),
		TEST(other_scopes_are_not_served),
		TEST(unlinked_store_finds_them_as_long_as_it_is_open),
		TEST(index_of_the_former_version_gets_its_segments),
		TEST(closing_while_catching_up_loses_nothing),
		TEST(killed_while_they_are_recorded),
		TEST(left_behind_names_are_swept_away),
		TEST(altered_rows_give_nothing_wrong),
	};

	log_open("/dev/null", LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
