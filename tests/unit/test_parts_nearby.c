/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A consumer's content: what comes from nearby.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cache/store_segment.h"
#include "tests/unit/parts_scene.h"

static void blocks_come_from_nearby(void **state)
{
	struct fixture *fixture = *state;

	for (unsigned version = 1; version <= 2; version++) {
		uint64_t before = given(fixture, GIVEN_PEER, false);
		struct parts *parts = open_small(fixture, version, &owner_a);
		struct seeking *seeking = seek(parts, 100, 1);
		struct neighbours_want *want = take_want(fixture);
		int length = (int)want->length - 100;
		assert_true(want->urgent);
		bring_at(want, 0);
		assert_int_equal(end_seeking(seeking), length);
		assert_int_equal(given(fixture, GIVEN_PEER, false) - before, length);
		wait_here(parts, 0, (uint64_t)length + 100);
		assert_int_equal(parts_flush(fixture->fetch, fixture->store, &owner_a), 0);
		assert_int_equal(read_at(parts, 0, 1), 0);
		parts_close(parts);
	}
	rest(fixture);
}

static void what_lies_ahead_comes_too(void **state)
{
	struct fixture *fixture = *state;
	struct parts *parts = open_small(fixture, 1, &owner_a);

	struct seeking *seeking = seek(parts, UNIT, 2 * UNIT + 1);
	for (unsigned i = 0; i < 3; i++)
		bring_at(take_want(fixture), 0);
	assert_int_equal(end_seeking(seeking), UNIT);
	wait_here(parts, UNIT, 4 * UNIT);
	assert_int_equal(waiting_wants(fixture), 0);
	/* What nobody was given yet counts as theirs who gave it, once. */
	assert_int_equal(read_at(parts, UNIT, 3 * UNIT), 3 * UNIT);
	assert_int_equal(given(fixture, GIVEN_PEER, false), 3 * UNIT);
	assert_int_equal(given(fixture, GIVEN_PEER, true), 3);
	assert_int_equal(given(fixture, GIVEN_CACHE, false), UNIT);
	assert_int_equal(parts_flush(fixture->fetch, fixture->store, &owner_a), 0);
	assert_extent(parts, 0, SMALL, SMALL, false);
	parts_close(parts);
	rest(fixture);
}

/* What was only sought has no tag. */
static void what_came_by_another_tag_goes_with_it(void **state)
{
	struct fixture *fixture = *state;
	struct parts *parts = open_small(fixture, 1, &owner_a);
	struct parts *other = open_small(fixture, 1, &owner_b);

	struct seeking *seeking = seek(parts, 0, 3 * UNIT);
	for (unsigned i = 0; i < 3; i++) {
		struct neighbours_want *want = take_want(fixture);
		want->refused(&want, 1, SEEKER_NO_ANSWER);
	}
	assert_int_equal(end_seeking(seeking), -ENODATA);
	write_range(fixture, other, 1, SMALL, 0, SMALL);
	assert_int_equal(read_at(parts, 0, SMALL), SMALL);
	assert_int_equal(parts_flush(fixture->fetch, fixture->store, &owner_b), 0);
	assert_extent(parts, 0, SMALL, SMALL, false);
	parts_close(parts);
	parts_close(other);
	rest(fixture);
}

/* It comes when nobody has the content open any more. */
static void what_comes_late_has_its_tag(void **state)
{
	struct fixture *fixture = *state;
	struct parts *parts = open_small(fixture, 1, &owner_a);

	struct seeking *seeking = seek(parts, 0, 2 * UNIT);
	bring_at(take_want(fixture), 0);
	assert_int_equal(end_seeking(seeking), UNIT);
	struct neighbours_want *want = take_want(fixture);
	parts_close(parts);
	bring_at(want, 0);
	rest(fixture);
	parts = open_small(fixture, 1, &owner_b);
	assert_extent(parts, 0, SMALL, 2 * UNIT, true);
	assert_int_equal(parts_flush(fixture->fetch, fixture->store, &owner_a), 0);
	assert_extent(parts, 0, SMALL, SMALL, false);
	parts_close(parts);
	rest(fixture);
}

static void what_nobody_gives_is_told(void **state)
{
	struct fixture *fixture = *state;
	struct parts *parts = open_small(fixture, 1, &owner_a);
	static const enum seeker_reason reasons[] = {SEEKER_NO_ANSWER, SEEKER_EMPTY};
	static const int errors[] = {-ENODATA, -EAGAIN};

	for (unsigned i = 0; i < 2; i++) {
		struct seeking *seeking = seek(parts, SMALL - 1, 1000);
		struct neighbours_want *want = take_want(fixture);
		want->refused(&want, 1, reasons[i]);
		assert_int_equal(end_seeking(seeking), errors[i]);
	}
	fixture->near.why = LEDGER_MODE;
	assert_int_equal(end_seeking(seek(parts, 0, 1)), -ENODATA);
	fixture->near.why = 0;
	struct seeking *seeking = seek(parts, SMALL - 1, 1000);
	bring_at(take_want(fixture), 0);
	assert_int_equal(end_seeking(seeking), 1);
	parts_close(parts);
	rest(fixture);
}

static void two_consumers_seek_once(void **state)
{
	struct fixture *fixture = *state;
	struct parts *parts = open_small(fixture, 1, &owner_a);
	struct parts *other = open_small(fixture, 1, &other_user);

	struct seeking *one = seek(parts, 0, 1), *two = seek(other, 5, 1);
	struct neighbours_want *want = take_want(fixture);
	assert_int_equal(waiting_wants(fixture), 0);
	bring_at(want, 0);
	assert_int_equal(end_seeking(one), UNIT);
	assert_int_equal(end_seeking(two), UNIT - 5);
	parts_close(parts);
	/* Each has his tag on it. */
	assert_int_equal(parts_flush(fixture->fetch, fixture->store, &owner_a), 0);
	assert_int_equal(read_at(other, 0, UNIT), UNIT);
	parts_close(other);
	rest(fixture);
}

static void ranges_are_sought_where_they_are(void **state)
{
	struct fixture *fixture = *state;
	uint64_t start = SEGMENT - 3 * UNIT + 77, end = 2 * SEGMENT + UNIT + 99;
	struct content *content = exact_range_of(fixture, start, end - start);
	struct parts *parts = open_content(fixture, content, &owner_a);

	content_put(content);
	/* In the first, which is listed partly; what is ahead does not leave it. */
	struct seeking *seeking = seek(parts, start + UNIT, 10 * UNIT);
	bring_at(take_want(fixture), 0);
	bring_at(take_want(fixture), 0);
	assert_int_equal(waiting_wants(fixture), 0);
	assert_int_equal(end_seeking(seeking), UNIT - 77);
	wait_here(parts, start + UNIT, SEGMENT);
	seeking = seek(parts, start, 1);
	bring_at(take_want(fixture), 0);
	assert_int_equal(end_seeking(seeking), UNIT - 77);
	/* In the one that is listed wholly, which begins anew. */
	seeking = seek(parts, SEGMENT + 2 * UNIT, 1);
	struct neighbours_want *want = take_want(fixture);
	assert_int_equal(want->offset, 2 * UNIT);
	bring_at(want, SEGMENT);
	assert_int_equal(end_seeking(seeking), UNIT);
	/* At the end of the range, inside a block. */
	seeking = seek(parts, end - 9, 100);
	bring_at(take_want(fixture), 2 * SEGMENT);
	assert_int_equal(end_seeking(seeking), 9);
	assert_int_equal(end_seeking(seek(parts, end, 1)), -ENODATA);
	assert_int_equal(end_seeking(seek(parts, start - 100, 1)), -ENODATA);
	parts_close(parts);
	rest(fixture);
}

/* What lies in the object of a partly listed segment is not believed when it is sought, either. */
/* Somebody's list that says otherwise is nobody else's trouble. */
static void what_is_wrong_is_not_found(void **state)
{
	struct fixture *fixture = *state;
	struct information information = encode(1, SMALL, 0, 3 * UNIT);
	unsigned char wrong[UNIT] = "not the block";

	assert_int_equal(digest_hash(DIGEST_SHA256, wrong, UNIT,
				     information.data + information.size - 2 * 32),
			 0);
	struct content *content = take_in(fixture, &information);
	struct parts *liar = open_content(fixture, content, &other_user);
	struct content_block block;
	assert_int_equal(content_block_at(content, UNIT, &block), 0);
	assert_int_equal(parts_write(liar, NULL, &block, wrong), 0);
	struct parts *parts = open_range(fixture, 1, SMALL, 0, 3 * UNIT, &owner_a);
	struct seeking *seeking = seek(parts, UNIT + 1, 1);
	bring_at(take_want(fixture), 0);
	assert_int_equal(end_seeking(seeking), UNIT - 1);
	parts_close(liar);
	parts_close(parts);
	content_put(content);
	rest(fixture);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_nearby, teardown)
	const struct CMUnitTest tests[] = {
		TEST(blocks_come_from_nearby),
		TEST(what_lies_ahead_comes_too),
		TEST(what_came_by_another_tag_goes_with_it),
		TEST(what_comes_late_has_its_tag),
		TEST(what_nobody_gives_is_told),
		TEST(two_consumers_seek_once),
		TEST(ranges_are_sought_where_they_are),
		TEST(what_is_wrong_is_not_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
