/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Taking content information in: judged, counted against the limit, and gone if nothing is
 * described by it.
 */
#include "tests/unit/store_content_fixture.h"

#include <sys/resource.h>

static void portions_of_any_size_give_the_same_content(void **state)
{
	static const size_t portions[] = {1, 7, 68, 4095, 1 << 20};
	struct store *store = fixture_open(LIMIT);
	unsigned char *data = make_octets(BIG, 1);

	(void)state;
	for (unsigned version = 1; version <= 2; version++) {
		struct encoded *encoded = encode(data, BIG, version);

		for (size_t i = 0; i < sizeof(portions) / sizeof(portions[0]); i++) {
			struct content *content;
			struct content_block block;

			assert_int_equal(take_in(store, encoded, portions[i], &content), 0);
			assert_int_equal(content_version(content), version);
			assert_int_equal(content_end(content), BIG);
			assert_int_equal(content_block_at(content, 3 * MIB, &block), 0);
			assert_int_equal(content_block_check(content, &block, data + block.offset,
							     block.length),
					 0);
			content_put(content);
		}
		free(encoded);
	}
	free(data);
	store_close(store);
}

static void content_that_describes_nothing_leaves_nothing(void **state)
{
	struct store *store = fixture_open(LIMIT);
	unsigned char *data = make_octets(BIG, 1);
	uint64_t used = usage(store).used;
	struct content *content = content_of(store, data, BIG, 2);

	(void)state;
	assert_int_equal(count_files("data"), 0);
	assert_true(usage(store).used >= used + content_header(content)->size);
	content_get(content);
	content_put(content);
	assert_true(usage(store).used > used);
	content_put(content);
	assert_int_equal(usage(store).used, used);
	free(data);
	store_close(store);
}

static void what_is_not_content_information_is_rejected(void **state)
{
	struct store *store = fixture_open(LIMIT);
	unsigned char *data = make_octets(BIG, 1);
	struct encoded *encoded = encode(data, BIG, 2);
	uint64_t used = usage(store).used;
	struct store_intake *intake;
	struct content *content;

	(void)state;
	assert_int_equal(store_intake_begin(store, CONTENT_LIMIT_DEFAULT, &intake), 0);
	assert_int_equal(store_intake_feed(intake, "<html>", 6), -EBADMSG);
	assert_int_equal(store_intake_feed(intake, encoded->data, encoded->size), -EBADMSG);
	assert_int_equal(store_intake_end(intake, &content), -EBADMSG);
	assert_true(strlen(store_intake_reason(intake)) > 0);
	store_intake_free(intake);
	encoded->size--;
	assert_int_equal(take_in(store, encoded, 1000, &content), -EBADMSG);
	encoded->size = 0;
	assert_int_equal(take_in(store, encoded, 1000, &content), -EBADMSG);
	assert_int_equal(usage(store).used, used);
	free(encoded);
	free(data);
	store_close(store);
}

static void what_is_above_the_limit_is_too_large(void **state)
{
	struct store *store = fixture_open(LIMIT);
	unsigned char *data = make_octets(BIG, 1);
	struct encoded *encoded = encode(data, BIG, 2);
	struct store_intake *intake;
	struct content *content;

	(void)state;
	assert_int_equal(store_intake_begin(store, encoded->size - 1, &intake), 0);
	assert_int_equal(store_intake_feed(intake, encoded->data, encoded->size - 1), 0);
	assert_int_equal(store_intake_feed(intake, encoded->data + encoded->size - 1, 1), -EFBIG);
	assert_int_equal(store_intake_end(intake, &content), -EFBIG);
	store_intake_free(intake);
	assert_int_equal(store_intake_begin(store, encoded->size, &intake), 0);
	assert_int_equal(store_intake_feed(intake, encoded->data, encoded->size), 0);
	assert_int_equal(store_intake_end(intake, &content), 0);
	store_intake_free(intake);
	content_put(content);
	free(encoded);
	free(data);
	store_close(store);
}

/* As many octets as are accepted: a header of version 2.0, then chunks of 900 segments. */
static int feed_endlessly(struct store *store, struct store_intake *intake, uint64_t most)
{
	static const unsigned char header[31] = {0, 2, 4};
	unsigned char chunk[5 + 68 * 900] = {0, 0, 0, 68 * 900 >> 8, 68 * 900 & 0xff};
	int error = store_intake_feed(intake, header, sizeof(header));

	for (unsigned i = 0; i < 900; i++)
		chunk[5 + i * 68 + 2] = 1; /* 256 octets each */
	for (uint64_t fed = 0; error == 0 && fed < most; fed += sizeof(chunk)) {
		error = store_intake_feed(intake, chunk, sizeof(chunk));
		assert_true(usage(store).used <= usage(store).limit);
		assert_true(disk_usage() <= usage(store).limit);
	}
	return error;
}

static void intake_makes_room_and_respects_the_limit(void **state)
{
	struct store *store = fixture_open(4 * MIB);
	struct store_intake *intake;
	struct content *content;
	uint64_t before;

	(void)state;
	write_object(store, "old", 1, 2 * MIB);
	before = usage(store).used;
	assert_int_equal(store_intake_begin(store, CONTENT_LIMIT_DEFAULT, &intake), 0);
	assert_int_equal(feed_endlessly(store, intake, 2 * MIB), 0);
	assert_true(usage(store).evicted > 0);
	assert_int_equal(store_intake_end(intake, &content), 0);
	store_intake_free(intake);
	assert_int_equal(store_intake_begin(store, CONTENT_LIMIT_DEFAULT, &intake), 0);
	assert_int_equal(feed_endlessly(store, intake, 16 * MIB), -ENOSPC);
	assert_true(strlen(store_intake_reason(intake)) > 0);
	store_intake_free(intake);
	content_put(content);
	assert_true(usage(store).used < before);
	write_object(store, "new", 1, MIB);
	assert_int_equal(count_right(store, "new", 1, MIB), 16);
	store_close(store);
}

/* What the process lacks is not the data's fault. */
static void without_descriptors_nothing_is_evicted(void **state)
{
	struct store *store = fixture_open(LIMIT);
	struct store_intake *intake;
	struct rlimit former, none;
	int last;

	(void)state;
	write_object(store, "a", 1, 4 * MIB);
	assert_int_equal(store_flush(store), 0);
	uint64_t used = usage(store).used;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &former), 0);
	last = dup(0);
	assert_true(last >= 0);
	close(last);
	none = (struct rlimit){.rlim_cur = (rlim_t)last, .rlim_max = former.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	int error = store_intake_begin(store, 1000, &intake);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &former), 0);
	assert_int_equal(error, -ENOSPC);
	assert_int_equal(usage(store).evicted, 0);
	assert_true(usage(store).used >= used);
	assert_int_equal(count_right(store, "a", 1, 4 * MIB), 64);
	store_close(store);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(portions_of_any_size_give_the_same_content),
		TEST(content_that_describes_nothing_leaves_nothing),
		TEST(without_descriptors_nothing_is_evicted),
		TEST(what_is_not_content_information_is_rejected),
		TEST(what_is_above_the_limit_is_too_large),
		TEST(intake_makes_room_and_respects_the_limit),
	};

	log_open("/dev/null", LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
