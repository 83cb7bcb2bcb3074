/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "origin/publish_vain.h"

static int begin(void **state)
{
	*state = calloc(1, sizeof(struct publish_vain));
	return *state == NULL;
}

static int end(void **state)
{
	free(*state);
	return 0;
}

static struct publish_subject subject_of(unsigned number, unsigned version)
{
	struct publish_subject subject = {.size = 1};

	snprintf(subject.name, sizeof(subject.name), "name %u", number);
	snprintf(subject.state, sizeof(subject.state), "state %u", version);
	return subject;
}

static void what_changes_rests_for_a_multiple_of_its_time(void **state)
{
	struct publish_vain *vain = *state;
	struct publish_subject first = subject_of(1, 1), changed = subject_of(1, 2);
	struct publish_subject other = subject_of(2, 1);

	publish_vain_note(vain, &first, -ESTALE, 1000, 5000);
	assert_int_equal(publish_vain_look(vain, &first, 5000), -ESTALE);
	assert_int_equal(publish_vain_look(vain, &changed, 14999), -ESTALE);
	assert_int_equal(publish_vain_look(vain, &changed, 15000), 0);
	assert_int_equal(publish_vain_look(vain, &other, 5000), 0);
	publish_vain_note(vain, &first, -ESTALE, 1000000000, 20000);
	assert_int_equal(publish_vain_look(vain, &first, 20000 + PUBLISH_VAIN_REST_MAX_MS - 1),
			 -ESTALE);
	assert_int_equal(publish_vain_look(vain, &first, 20000 + PUBLISH_VAIN_REST_MAX_MS), 0);
}

static void what_cost_nothing_may_be_tried_again(void **state)
{
	struct publish_vain *vain = *state;
	struct publish_subject subject = subject_of(1, 1);

	publish_vain_note(vain, &subject, -ESTALE, 0, 5000);
	assert_int_equal(publish_vain_look(vain, &subject, 5000), 0);
	publish_vain_note(vain, &subject, -EIO, 1000, 5000);
	publish_vain_note(vain, &subject, 0, 1000, 5000);
	assert_int_equal(publish_vain_look(vain, &subject, 5000), 0);
}

static void what_is_too_large_is_so_in_one_state(void **state)
{
	struct publish_vain *vain = *state;
	struct publish_subject first = subject_of(1, 1), changed = subject_of(1, 2);

	publish_vain_note(vain, &first, -EFBIG, 0, 5000);
	assert_int_equal(publish_vain_look(vain, &first, 5001), -EFBIG);
	assert_int_equal(publish_vain_look(vain, &changed, 5001), 0);
	assert_int_equal(publish_vain_look(vain, &first, 5000 + PUBLISH_VAIN_REST_MAX_MS), 0);
}

static void the_first_to_end_makes_room(void **state)
{
	struct publish_vain *vain = *state;
	struct publish_subject subject;

	for (unsigned i = 0; i <= PUBLISH_VAIN_MAX; i++) {
		subject = subject_of(i, 1);
		publish_vain_note(vain, &subject, -ESTALE, i + 1, 5000);
	}
	for (unsigned i = 0; i <= PUBLISH_VAIN_MAX; i++) {
		subject = subject_of(i, 1);
		assert_int_equal(publish_vain_look(vain, &subject, 5000), i == 0 ? 0 : -ESTALE);
	}
	publish_vain_note(vain, &subject, -ESTALE, 5000, 5000); /* takes its own place */
	subject = subject_of(1, 1);
	assert_int_equal(publish_vain_look(vain, &subject, 5000), -ESTALE);
}

int main(void)
{
#define with_table(test) cmocka_unit_test_setup_teardown(test, begin, end)
	const struct CMUnitTest tests[] = {
		with_table(what_changes_rests_for_a_multiple_of_its_time),
		with_table(what_cost_nothing_may_be_tried_again),
		with_table(what_is_too_large_is_so_in_one_state),
		with_table(the_first_to_end_makes_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
