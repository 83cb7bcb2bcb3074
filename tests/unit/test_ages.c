/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The extensible blob: the published example, units, and the order of checks.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "peer/ages.h"

static const uint8_t example[] = {0, 1, 3, 2, 0, 0x60, 0xea, 0, 2, 0x60, 0xea, 0};

static void the_example_is_written(void **state)
{
	struct ages_entry entries[] = {{0, 600000}, {2, 600009}};
	uint8_t blob[AGES_SIZE(2)];
	struct bytes_out out = bytes_out(blob, sizeof(blob));

	(void)state;
	ages_write(entries, 2, &out);
	assert_false(out.failed);
	assert_int_equal(out.left, 0);
	assert_memory_equal(blob, example, sizeof(example));
}

static void the_example_is_read(void **state)
{
	struct ages_entry entries[AGES_MAX];
	unsigned count;

	(void)state;
	assert_int_equal(ages_read(example, sizeof(example), entries, &count), 0);
	assert_int_equal(count, 2);
	assert_true(entries[0].segment == 0 && entries[0].age_ms == 600000);
	assert_true(entries[1].segment == 2 && entries[1].age_ms == 600000);
}

static void ages_saturate(void **state)
{
	struct ages_entry entries[] = {{1, UINT64_C(167772149)},
				       {2, UINT64_C(167772160)},
				       {3, UINT64_MAX}},
			  read[AGES_MAX];
	uint8_t blob[AGES_SIZE(3)];
	struct bytes_out out = bytes_out(blob, sizeof(blob));
	unsigned count;

	(void)state;
	ages_write(entries, 3, &out);
	assert_int_equal(ages_read(blob, sizeof(blob), read, &count), 0);
	assert_int_equal(read[0].age_ms, 167772140);
	assert_int_equal(read[1].age_ms, 167772150);
	assert_int_equal(read[2].age_ms, 167772150);
}

static void every_unit_is_read(void **state)
{
	static const uint64_t expected_ms[] = {197121000, 19712100, 1971210, 197121};
	struct ages_entry entries[AGES_MAX];
	unsigned count;

	(void)state;
	for (uint8_t unit = 1; unit <= 4; unit++) {
		uint8_t blob[] = {0, 1, unit, 1, 9, 1, 2, 3};

		assert_int_equal(ages_read(blob, sizeof(blob), entries, &count), 0);
		assert_int_equal(entries[0].age_ms, expected_ms[unit - 1]);
	}
}

static void the_most_entries_and_none_are_fine(void **state)
{
	struct ages_entry entries[AGES_MAX] = {{0}}, read[AGES_MAX];
	uint8_t blob[AGES_SIZE(AGES_MAX)];
	struct bytes_out out = bytes_out(blob, sizeof(blob));
	unsigned count;

	(void)state;
	ages_write(entries, AGES_MAX, &out);
	assert_int_equal(ages_read(blob, sizeof(blob), read, &count), 0);
	assert_int_equal(count, AGES_MAX);
	assert_int_equal(ages_read("\0\1\3\0", 4, read, &count), 0);
	assert_int_equal(count, 0);
}

static void more_octets_than_needed_are_fine(void **state)
{
	struct ages_entry entries[AGES_MAX];
	unsigned count;

	(void)state;
	assert_int_equal(ages_read("\0\1\3\0more", 8, entries, &count), 0);
	assert_int_equal(count, 0);
}

static void bad_blobs_are_refused(void **state)
{
	struct ages_entry entries[AGES_MAX];
	unsigned count = 4711;

	(void)state;
	for (size_t size = 0; size < sizeof(example); size++) {
		uint8_t *copy = malloc(size > 0 ? size : 1);

		assert_non_null(copy);
		memcpy(copy, example, size);
		assert_int_equal(ages_read(copy, size, entries, &count), -EBADMSG);
		free(copy);
	}
	assert_int_equal(ages_read("\0\2\3\0", 4, entries, &count), -EBADMSG);
	assert_int_equal(ages_read("\1\0\3\0", 4, entries, &count), -EBADMSG);
	assert_int_equal(ages_read("\0\1\0\0", 4, entries, &count), -EBADMSG);
	assert_int_equal(ages_read("\0\1\5\0", 4, entries, &count), -EBADMSG);
	assert_int_equal(count, 4711);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_example_is_written),
		cmocka_unit_test(the_example_is_read),
		cmocka_unit_test(ages_saturate),
		cmocka_unit_test(every_unit_is_read),
		cmocka_unit_test(the_most_entries_and_none_are_fine),
		cmocka_unit_test(more_octets_than_needed_are_fine),
		cmocka_unit_test(bad_blobs_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
