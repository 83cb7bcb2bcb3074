/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What is remembered of where blocks came from: as it was noted, within its room, and never of
 * other units than those that were noted.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fs/ledger.c"

static struct cutting *uniform(uint64_t units)
{
	struct cutting *cutting;

	assert_int_equal(cutting_uniform(units * CUTTING_UNIT, &cutting), 0);
	return cutting;
}

static struct cutting *listed(uint32_t first, uint32_t second, uint32_t third)
{
	const uint32_t lengths[] = {first, second, third};
	struct cutting *cutting;

	assert_int_equal(cutting_listed(lengths, 3, &cutting), 0);
	return cutting;
}

static struct ledger *created(void)
{
	struct ledger *ledger = NULL;

	assert_int_equal(ledger_create(&ledger), 0);
	return ledger;
}

static struct xaddr address(unsigned number)
{
	return (struct xaddr){
		.family = XADDR_IPV4,
		.port = 1337,
		.octets = {10, (uint8_t)(number >> 16), (uint8_t)(number >> 8), (uint8_t)number}};
}

static struct ledger_entry look(struct ledger *ledger, const char *path, const char *validator,
				const struct cutting *cutting, uint32_t unit)
{
	/* What is there before does not shine through. */
	struct ledger_entry entry = {.known = true, .why = 77, .from = address(77)};

	ledger_look(ledger, path, validator, cutting, unit, &entry);
	return entry;
}

static bool known(struct ledger *ledger, const char *path, const struct cutting *cutting,
		  uint32_t unit)
{
	return look(ledger, path, "v", cutting, unit).known;
}

static void note(struct ledger *ledger, const char *path, const struct cutting *cutting,
		 uint32_t unit)
{
	ledger_note(ledger, path, "v", cutting, unit, GIVEN_ORIGIN, LEDGER_MODE, NULL);
}

static void what_was_noted_is_told(void **state)
{
	struct ledger *ledger = created();
	struct cutting *cutting = uniform(5000);
	struct xaddr from = address(1);
	struct xaddr zoned = {.family = XADDR_IPV6, .port = 80, .octets = {0xfe, 0x80}, .zone = 3};
	uint32_t unit = 0;

	(void)state;
	for (unsigned given = 0; given < GIVEN_KINDS; given++)
		for (unsigned why = 0; why < LEDGER_WHYS; why++)
			ledger_note(ledger, "a/b", "v", cutting, unit++ * 37, given, why,
				    given == GIVEN_PEER     ? &from
				    : given == GIVEN_HOSTED ? &zoned
							    : NULL);
	unit = 0;
	for (unsigned given = 0; given < GIVEN_KINDS; given++)
		for (unsigned why = 0; why < LEDGER_WHYS; why++) {
			struct ledger_entry entry = look(ledger, "a/b", "v", cutting, unit++ * 37);

			assert_true(entry.known);
			assert_int_equal(entry.given, given);
			assert_int_equal(entry.why, why);
			if (given == GIVEN_PEER)
				assert_true(xaddr_same(&entry.from, &from));
			else if (given == GIVEN_HOSTED)
				assert_true(xaddr_same(&entry.from, &zoned));
			else
				assert_int_equal(entry.from.family, 0);
		}
	assert_false(look(ledger, "a/b", "v", cutting, 1).known);
	assert_int_equal(look(ledger, "a/b", "v", cutting, 1).why, 0);
	assert_false(look(ledger, "a/b", "w", cutting, 0).known);
	assert_false(look(ledger, "a", "v", cutting, 0).known);
	assert_false(look(ledger, "a/b", "v", cutting, 5000).known);
	cutting_free(cutting);
	ledger_free(ledger);
}

static void the_last_note_of_a_unit_counts(void **state)
{
	struct ledger *ledger = created();
	struct cutting *cutting = uniform(2);
	struct xaddr from = address(2);

	(void)state;
	note(ledger, "a", cutting, 1);
	ledger_note(ledger, "a", "v", cutting, 1, GIVEN_PEER, LEDGER_NOT_TOLD, &from);
	struct ledger_entry entry = look(ledger, "a", "v", cutting, 1);
	assert_int_equal(entry.given, GIVEN_PEER);
	assert_true(xaddr_same(&entry.from, &from));
	assert_int_equal(entry.why, LEDGER_NOT_TOLD);
	cutting_free(cutting);
	ledger_free(ledger);
}

static void what_is_out_of_range_is_not_noted(void **state)
{
	struct ledger *ledger = created();
	struct cutting *cutting = uniform(2);
	const struct xaddr nobody = {.port = 0};

	(void)state;
	note(ledger, "a", cutting, 2);
	note(ledger, "a", cutting, UINT32_MAX);
	assert_int_equal(ledger->octets, 0);
	ledger_note(ledger, "a", "v", cutting, 0, GIVEN_ORIGIN, LEDGER_WHYS + 4, &nobody);
	assert_int_equal(ledger->address_count, 0);
	assert_int_equal(look(ledger, "a", "v", cutting, 0).why, LEDGER_NOT_TOLD);
	cutting_free(cutting);
	ledger_free(ledger);
}

static void other_units_are_not_taken_for_those_noted(void **state)
{
	struct ledger *ledger = created();
	struct cutting *plain = uniform(3), *same = uniform(3), *longer = uniform(4);
	struct cutting *cut = listed(65536, 65535, 65537), *moved = listed(65535, 65536, 65537);

	(void)state;
	for (uint32_t unit = 0; unit < 3; unit++)
		note(ledger, "a", plain, unit);
	/* Only the first is the same unit in both. */
	assert_true(known(ledger, "a", same, 2));
	assert_true(known(ledger, "a", cut, 0));
	assert_false(known(ledger, "a", cut, 1));
	assert_false(known(ledger, "a", cut, 2));
	assert_false(known(ledger, "a", moved, 0));
	/* One of another length altogether begins anew. */
	assert_false(known(ledger, "a", longer, 0));
	note(ledger, "a", longer, 3);
	assert_true(known(ledger, "a", longer, 3));
	assert_false(known(ledger, "a", longer, 0));
	assert_false(known(ledger, "a", plain, 0));
	cutting_free(plain);
	cutting_free(same);
	cutting_free(longer);
	cutting_free(cut);
	cutting_free(moved);
	ledger_free(ledger);
}

static void what_is_forgotten_is_the_path_and_below(void **state)
{
	static const char *const paths[] = {"a", "a/b", "a/b/c", "ab", "b"};
	struct ledger *ledger = created();
	struct cutting *cutting = uniform(1);

	(void)state;
	for (size_t i = 0; i < 5; i++)
		note(ledger, paths[i], cutting, 0);
	ledger_forget(ledger, "a/b");
	assert_true(known(ledger, "a", cutting, 0));
	assert_false(known(ledger, "a/b", cutting, 0));
	assert_false(known(ledger, "a/b/c", cutting, 0));
	ledger_forget(ledger, "a");
	assert_false(known(ledger, "a", cutting, 0));
	assert_true(known(ledger, "ab", cutting, 0));
	ledger_forget(ledger, "");
	assert_false(known(ledger, "ab", cutting, 0));
	assert_false(known(ledger, "b", cutting, 0));
	assert_int_equal(ledger->octets, 0);
	cutting_free(cutting);
	ledger_free(ledger);
}

static void what_was_written_to_last_is_kept_within_the_room(void **state)
{
	struct ledger *ledger = created();
	/* A page a content, and many more pages than there is room for. */
	struct cutting *cutting = uniform(PAGE_UNITS);
	unsigned count = 3 * LEDGER_OCTETS_MAX / (PAGE_UNITS * sizeof(uint32_t)), kept = 0;
	char path[32];

	(void)state;
	for (unsigned i = 0; i < count; i++) {
		snprintf(path, sizeof path, "file-%u", i);
		note(ledger, path, cutting, 7);
		note(ledger, "used", cutting, 8);
		assert_in_range(ledger->octets, 1, LEDGER_OCTETS_MAX);
	}
	for (unsigned i = 0; i < count; i++) {
		snprintf(path, sizeof path, "file-%u", i);
		bool here = known(ledger, path, cutting, 7);
		assert_false(kept > 0 && !here); /* the older went first */
		kept += here;
	}
	assert_in_range(kept, count / 4, count / 3);
	assert_true(known(ledger, "used", cutting, 8));
	cutting_free(cutting);
	ledger_free(ledger);
}

static void a_content_larger_than_the_room_keeps_its_end(void **state)
{
	struct ledger *ledger = created();
	uint32_t units = 2 * LEDGER_OCTETS_MAX / sizeof(uint32_t);
	struct cutting *cutting = uniform(units);

	(void)state;
	for (uint32_t unit = 0; unit < units; unit += PAGE_UNITS / 2)
		note(ledger, "large", cutting, unit);
	assert_in_range(ledger->octets, LEDGER_OCTETS_MAX / 2, LEDGER_OCTETS_MAX);
	assert_false(known(ledger, "large", cutting, 0));
	assert_true(known(ledger, "large", cutting, units - PAGE_UNITS / 2));
	cutting_free(cutting);
	/* Not one whose list of pages would take too much. */
	cutting = uniform(UINT32_MAX);
	note(ledger, "huge", cutting, 1);
	assert_false(known(ledger, "huge", cutting, 1));
	cutting_free(cutting);
	ledger_free(ledger);
}

static void more_addresses_than_there_are_numbers_begin_anew(void **state)
{
	struct ledger *ledger = created();
	struct cutting *cutting = uniform(2 * ADDRESSES);

	(void)state;
	for (unsigned i = 0; i <= ADDRESSES; i++) {
		struct xaddr from = address(i);

		ledger_note(ledger, "a", "v", cutting, i, GIVEN_PEER, 0, &from);
		ledger_note(ledger, "a", "v", cutting, ADDRESSES + 1, GIVEN_PEER, 0, &from);
	}
	assert_false(known(ledger, "a", cutting, 0));
	assert_false(known(ledger, "a", cutting, ADDRESSES - 1));
	struct xaddr last = address(ADDRESSES);
	struct ledger_entry entry = look(ledger, "a", "v", cutting, ADDRESSES);
	assert_true(xaddr_same(&entry.from, &last));
	entry = look(ledger, "a", "v", cutting, ADDRESSES + 1);
	assert_true(xaddr_same(&entry.from, &last));
	cutting_free(cutting);
	ledger_free(ledger);
}

static void every_reason_has_a_name_of_its_own(void **state)
{
	(void)state;
	for (unsigned why = 0; why < LEDGER_WHYS; why++) {
		assert_non_null(ledger_why_name(why));
		assert_true(*ledger_why_name(why) != '\0');
		for (unsigned other = 0; other < why; other++)
			assert_string_not_equal(ledger_why_name(why), ledger_why_name(other));
	}
	assert_string_equal(ledger_why_name(LEDGER_NO_INFORMATION), "no content information");
	assert_non_null(ledger_why_name(LEDGER_WHYS));
	assert_non_null(ledger_why_name(UINT32_MAX));
}

#define TURNS 3000u

struct writer {
	struct ledger *ledger;
	struct cutting *cutting;
	unsigned number;
};

static void *write_and_read(void *argument)
{
	struct writer *writer = argument;
	char path[32];

	for (unsigned i = 0; i < TURNS; i++) {
		struct xaddr from = address(writer->number);
		uint32_t unit = i % cutting_count(writer->cutting);
		struct ledger_entry entry;

		/* One that only this thread writes to, and one that all do. */
		snprintf(path, sizeof path, "own-%u", writer->number);
		ledger_note(writer->ledger, path, "v", writer->cutting, unit, GIVEN_PEER, 0, &from);
		ledger_look(writer->ledger, path, "v", writer->cutting, unit, &entry);
		if (!entry.known || !xaddr_same(&entry.from, &from))
			return argument;
		ledger_note(writer->ledger, "shared", "v", writer->cutting, unit, GIVEN_PEER, 0,
			    &from);
		if (i % 100 == 0)
			ledger_forget(writer->ledger, "shared");
	}
	return NULL;
}

static void threads_do_not_disturb_each_other(void **state)
{
	struct ledger *ledger = created();
	struct cutting *cutting = uniform(2000);
	struct writer writers[4];
	pthread_t threads[4];
	void *failed;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		writers[i] = (struct writer){ledger, cutting, i};
		assert_int_equal(pthread_create(&threads[i], NULL, write_and_read, &writers[i]), 0);
	}
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(threads[i], &failed), 0);
		assert_null(failed);
	}
	cutting_free(cutting);
	ledger_free(ledger);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_noted_is_told),
		cmocka_unit_test(the_last_note_of_a_unit_counts),
		cmocka_unit_test(what_is_out_of_range_is_not_noted),
		cmocka_unit_test(other_units_are_not_taken_for_those_noted),
		cmocka_unit_test(what_is_forgotten_is_the_path_and_below),
		cmocka_unit_test(what_was_written_to_last_is_kept_within_the_room),
		cmocka_unit_test(a_content_larger_than_the_room_keeps_its_end),
		cmocka_unit_test(more_addresses_than_there_are_numbers_begin_anew),
		cmocka_unit_test(every_reason_has_a_name_of_its_own),
		cmocka_unit_test(threads_do_not_disturb_each_other),
	};

	ledger_free(NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
