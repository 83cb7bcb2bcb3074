/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Who stays silent about what many have.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "peer/thinning.h"

static struct xaddr host(unsigned number)
{
	return (struct xaddr){XADDR_IPV4, (uint16_t)(number + 1), {192, 0, 2, (uint8_t)number}, 0};
}

static void count(struct thinning_tally *tally, unsigned number, bool whole)
{
	struct xaddr source = host(number);

	thinning_count(tally, &source, whole);
}

static void assert_counted(const struct thinning_tally *tally, unsigned answers, unsigned whole)
{
	assert_int_equal(tally->counted.answers, answers);
	assert_int_equal(tally->counted.whole, whole);
}

static void the_rule_of_windows_is_followed(void **state)
{
	static const struct {
		struct thinning counted;
		bool low, high; /* with the lowest and the highest number by lot */
	} rows[] = {
		{{0, 0}, true, true},     {{9, 9}, true, true},   {{10, 0}, true, false},
		{{10, 9}, true, false},   {{32, 9}, true, false}, {{10, 10}, false, false},
		{{32, 32}, false, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_int_equal(thinning_answers(rows[i].counted, 10, 0), rows[i].low);
		assert_int_equal(thinning_answers(rows[i].counted, 10, UINT32_MAX), rows[i].high);
		assert_true(thinning_answers(rows[i].counted, 0, UINT32_MAX));
	}
}

static void one_in_three_answers(void **state)
{
	struct thinning counted = {20, 0};
	unsigned answered = 0;

	(void)state;
	for (uint32_t i = 0; i < 10000; i++)
		answered += thinning_answers(counted, 10, (uint32_t)(((uint64_t)i << 32) / 10000));
	assert_int_equal(answered, 3300);
}

static void each_address_counts_once(void **state)
{
	struct thinning_tally tally = {0};
	struct xaddr other_port = host(1);

	(void)state;
	for (unsigned i = 0; i < 100; i++)
		count(&tally, 1, true);
	other_port.port++;
	thinning_count(&tally, &other_port, true);
	assert_counted(&tally, 1, 1);
	count(&tally, 2, false);
	assert_counted(&tally, 2, 1);
}

static void a_later_claim_of_the_whole_counts(void **state)
{
	struct thinning_tally tally = {0};

	(void)state;
	count(&tally, 1, false);
	assert_counted(&tally, 1, 0);
	count(&tally, 1, true);
	assert_counted(&tally, 1, 1);
	count(&tally, 1, false);
	assert_counted(&tally, 1, 1);
}

static void both_counts_are_true_up_to_the_maximum(void **state)
{
	struct thinning_tally tally = {0};

	(void)state;
	for (unsigned i = 0; i < 100; i++)
		count(&tally, i, false);
	assert_counted(&tally, THINNING_MAX, 0);
	for (unsigned i = 100; i < 110; i++)
		count(&tally, i, true);
	assert_counted(&tally, THINNING_MAX, 10);
	for (unsigned i = 110; i < 200; i++)
		count(&tally, i, true);
	assert_counted(&tally, THINNING_MAX, THINNING_MAX);
	for (unsigned i = 0; i < 200; i++)
		count(&tally, i, true);
	assert_counted(&tally, THINNING_MAX, THINNING_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_rule_of_windows_is_followed),
		cmocka_unit_test(one_in_three_answers),
		cmocka_unit_test(each_address_counts_once),
		cmocka_unit_test(a_later_claim_of_the_whole_counts),
		cmocka_unit_test(both_counts_are_true_up_to_the_maximum),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
