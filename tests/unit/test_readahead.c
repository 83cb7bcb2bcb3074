/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fs/readahead.h"

#define KIB 1024ull
#define MIB (1024 * KIB)

static void first_read_fetches_only_itself(void **state)
{
	struct readahead readahead = {0};

	(void)state;
	assert_int_equal(readahead_advance(&readahead, 0, 64 * KIB, 100 * MIB, 16 * MIB), 64 * KIB);
}

static void large_first_read_opens_the_window(void **state)
{
	struct readahead readahead = {0};

	(void)state;
	assert_int_equal(readahead_advance(&readahead, 0, 1 * MIB, 100 * MIB, 16 * MIB), 3 * MIB);
	readahead = (struct readahead){0};
	assert_int_equal(readahead_advance(&readahead, 7 * MIB, 1 * MIB, 100 * MIB, 16 * MIB),
			 8 * MIB);
}

static void sequence_opens_a_window_that_grows_to_its_limit(void **state)
{
	struct readahead readahead = {0};
	uint64_t most = 0;

	(void)state;
	for (uint64_t offset = 0; offset < 64 * MIB; offset += 128 * KIB) {
		uint64_t end =
			readahead_advance(&readahead, offset, 128 * KIB, 100 * MIB, 16 * MIB);
		assert_true(end <= offset + 128 * KIB + 16 * MIB);
		if (end - offset > most)
			most = end - offset;
		/* What is fetched in vain is at most twice what was wanted, or the smallest window.
		 */
		assert_true(end <= 3 * (offset + 128 * KIB) + 256 * KIB);
	}
	assert_true(most >= 16 * MIB);
}

static void window_never_runs_dry(void **state)
{
	struct readahead readahead = {0};
	uint64_t fetched = 0;

	(void)state;
	for (uint64_t offset = 0; offset < 64 * MIB; offset += 128 * KIB) {
		uint64_t end =
			readahead_advance(&readahead, offset, 128 * KIB, 100 * MIB, 16 * MIB);
		if (end > fetched)
			fetched = end;
		if (offset > 16 * MIB)
			assert_true(fetched - offset >= 8 * MIB);
	}
}

static void random_reads_fetch_only_themselves(void **state)
{
	struct readahead readahead = {0};
	uint64_t offset = 77;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		offset = (offset * 6364136223846793005u + 1442695040888963407u) % (1000 * MIB);
		assert_int_equal(readahead_advance(&readahead, offset, 4096, 1001 * MIB, 16 * MIB),
				 offset + 4096);
	}
}

static void jump_closes_the_window(void **state)
{
	struct readahead readahead = {0};

	(void)state;
	for (uint64_t offset = 0; offset < 4 * MIB; offset += 128 * KIB)
		readahead_advance(&readahead, offset, 128 * KIB, 1000 * MIB, 16 * MIB);
	assert_int_equal(readahead_advance(&readahead, 500 * MIB, 4096, 1000 * MIB, 16 * MIB),
			 500 * MIB + 4096);
}

static void requests_out_of_order_stay_a_sequence(void **state)
{
	struct readahead readahead = {0};

	(void)state;
	for (uint64_t offset = 0; offset < 4 * MIB; offset += 128 * KIB)
		readahead_advance(&readahead, offset ^ (128 * KIB), 128 * KIB, 1000 * MIB,
				  16 * MIB);
	assert_true(readahead.sequence >= 3 * MIB);
}

static void window_ends_with_the_file(void **state)
{
	struct readahead readahead = {0};
	uint64_t size = 3 * MIB + 5;

	(void)state;
	for (uint64_t offset = 0; offset < size; offset += 128 * KIB) {
		size_t length = size - offset < 128 * KIB ? (size_t)(size - offset) : 128 * KIB;
		assert_true(readahead_advance(&readahead, offset, length, size, 16 * MIB) <= size);
	}
}

static void window_of_nothing_never_reads_ahead(void **state)
{
	struct readahead readahead = {0};

	(void)state;
	for (uint64_t offset = 0; offset < 4 * MIB; offset += 128 * KIB)
		assert_int_equal(readahead_advance(&readahead, offset, 128 * KIB, 100 * MIB, 0),
				 offset + 128 * KIB);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_read_fetches_only_itself),
		cmocka_unit_test(large_first_read_opens_the_window),
		cmocka_unit_test(sequence_opens_a_window_that_grows_to_its_limit),
		cmocka_unit_test(window_never_runs_dry),
		cmocka_unit_test(random_reads_fetch_only_themselves),
		cmocka_unit_test(jump_closes_the_window),
		cmocka_unit_test(requests_out_of_order_stay_a_sequence),
		cmocka_unit_test(window_ends_with_the_file),
		cmocka_unit_test(window_of_nothing_never_reads_ahead),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
