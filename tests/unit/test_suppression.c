/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Repeats of a Probe are passed over; what iPXE needs is not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "peer/suppression.h"
#include "peer/wsd.h"

#define NAME "urn:uuid:00010203-0405-4607-8809-0a0b0c0d0e0f"

static const struct xaddr here = {XADDR_IPV4, 40000, {192, 0, 2, 1}, 0};
static const struct xaddr there = {XADDR_IPV4, 40000, {192, 0, 2, 2}, 0};
static const struct xaddr here_6 = {XADDR_IPV6, 40000, {192, 0, 2, 1}, 0};

static struct suppression *created(void)
{
	struct suppression *suppression;

	assert_int_equal(suppression_create(1, &suppression), 0);
	return suppression;
}

static void a_copy_is_a_repeat_for_a_while(void **state)
{
	struct suppression *suppression = created();

	(void)state;
	assert_false(suppression_hears(suppression, NAME, &here, 1000));
	assert_true(suppression_hears(suppression, NAME, &here, 1000));
	assert_true(suppression_hears(suppression, NAME, &here, 1749));
	suppression_free(suppression);
	suppression_free(NULL);
}

static void the_window_runs_from_the_last_copy(void **state)
{
	struct suppression *suppression = created();

	(void)state;
	assert_false(suppression_hears(suppression, NAME, &here, 0));
	assert_true(suppression_hears(suppression, NAME, &here, 500));
	assert_true(suppression_hears(suppression, NAME, &here, 1249));
	assert_false(suppression_hears(suppression, NAME, &here, 1999));
	suppression_free(suppression);
}

static void a_second_later_the_same_name_is_answered_again(void **state)
{
	struct suppression *suppression = created();

	(void)state;
	assert_false(suppression_hears(suppression, NAME, &here, 0));
	assert_false(suppression_hears(suppression, NAME, &here, SUPPRESSION_MS));
	assert_false(suppression_hears(suppression, NAME, &here, SUPPRESSION_MS + 1000));
	suppression_free(suppression);
}

static void both_families_and_all_addresses_are_answered(void **state)
{
	struct suppression *suppression = created();

	(void)state;
	assert_false(suppression_hears(suppression, NAME, &here_6, 0));
	assert_false(suppression_hears(suppression, NAME, &here, 0));
	assert_false(suppression_hears(suppression, NAME, &there, 0));
	assert_false(suppression_hears(suppression, NAME "x", &here, 0));
	suppression_free(suppression);
}

static void the_port_does_not_count(void **state)
{
	struct suppression *suppression = created();
	struct xaddr other = here;

	(void)state;
	other.port = 40001;
	assert_false(suppression_hears(suppression, NAME, &here, 0));
	assert_true(suppression_hears(suppression, NAME, &other, 0));
	suppression_free(suppression);
}

static void an_address_and_a_name_do_not_run_together(void **state)
{
	struct suppression *suppression = created();
	struct xaddr other = {.family = XADDR_IPV6, .octets = {192, 0, 2, 1}};

	(void)state;
	memcpy(other.octets + 4, "abcdefghijkl", 12);
	assert_false(suppression_hears(suppression, "abcdefghijklm", &here, 0));
	assert_false(suppression_hears(suppression, "m", &other, 0));
	suppression_free(suppression);
}

static void the_longest_name_has_room(void **state)
{
	struct suppression *suppression = created();
	char name[WSD_MESSAGE_ID_MAX + 1];

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_false(suppression_hears(suppression, name, &here_6, 0));
	assert_true(suppression_hears(suppression, name, &here_6, 0));
	suppression_free(suppression);
}

static void a_flood_pushes_out_the_oldest_only(void **state)
{
	struct suppression *suppression = created();
	char name[16];

	(void)state;
	for (unsigned i = 0; i < SUPPRESSION_PAIRS + 1; i++) {
		snprintf(name, sizeof(name), "%u", i);
		assert_false(suppression_hears(suppression, name, &here, 0));
	}
	assert_true(suppression_hears(suppression, "1", &here, 0));
	assert_true(suppression_hears(suppression, name, &here, 0));
	assert_false(suppression_hears(suppression, "0", &here, 0));
	suppression_free(suppression);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_copy_is_a_repeat_for_a_while),
		cmocka_unit_test(the_window_runs_from_the_last_copy),
		cmocka_unit_test(a_second_later_the_same_name_is_answered_again),
		cmocka_unit_test(both_families_and_all_addresses_are_answered),
		cmocka_unit_test(the_port_does_not_count),
		cmocka_unit_test(an_address_and_a_name_do_not_run_together),
		cmocka_unit_test(the_longest_name_has_room),
		cmocka_unit_test(a_flood_pushes_out_the_oldest_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
