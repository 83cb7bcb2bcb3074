/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "origin/content_looks.h"

static int create(void **state)
{
	return content_looks_create((struct content_looks **)state);
}

static int destroy(void **state)
{
	content_looks_free(*state);
	return 0;
}

static struct content_look look_of(int error, int64_t size)
{
	return (struct content_look){.error = error, .entry = {.kind = ENTRY_FILE, .size = size}};
}

static void is_believed_for_a_while(void **state)
{
	struct content_look look = look_of(0, 7), found;

	assert_false(content_looks_find(*state, "a", 5000, &found));
	content_looks_put(*state, "a", 5000, &look);
	assert_true(content_looks_find(*state, "a", 5000, &found));
	assert_int_equal(found.entry.size, 7);
	assert_true(content_looks_find(*state, "a", 5000 + CONTENT_LOOKS_BELIEVED_MS - 1, &found));
	assert_false(content_looks_find(*state, "a", 5000 + CONTENT_LOOKS_BELIEVED_MS, &found));
	assert_false(content_looks_find(*state, "a", 4999, &found));
	assert_false(content_looks_find(*state, "b", 5000, &found));
}

static void forgets(void **state)
{
	struct content_look look = look_of(0, 7), found;

	content_looks_put(*state, "a", 5000, &look);
	content_looks_forget(*state, "b");
	assert_true(content_looks_find(*state, "a", 5000, &found));
	content_looks_forget(*state, "a");
	assert_false(content_looks_find(*state, "a", 5000, &found));
}

static void keeps_only_what_lasts(void **state)
{
	static const struct {
		int error;
		bool kept;
	} rows[] = {{0, true},           {-ENOENT, true},     {-EACCES, true},
		    {-EREMOTEIO, false}, {-ETIMEDOUT, false}, {-EHOSTUNREACH, false},
		    {-EPROTO, false}};
	struct content_look good = look_of(0, 7), found;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct content_look look = look_of(rows[i].error, 8);

		content_looks_put(*state, "a", 5000, &good);
		content_looks_put(*state, "a", 5001, &look);
		assert_int_equal(content_looks_find(*state, "a", 5001, &found), rows[i].kept);
		if (rows[i].kept)
			assert_int_equal(found.error, rows[i].error);
	}
}

static void long_paths_are_not_kept(void **state)
{
	struct content_look look = look_of(0, 7), found;
	char path[CONTENT_LOOKS_PATH_MAX + 2];

	memset(path, 'x', sizeof(path));
	path[CONTENT_LOOKS_PATH_MAX + 1] = '\0';
	content_looks_put(*state, path, 5000, &look);
	assert_false(content_looks_find(*state, path, 5000, &found));
	path[CONTENT_LOOKS_PATH_MAX] = '\0';
	content_looks_put(*state, path, 5000, &look);
	assert_true(content_looks_find(*state, path, 5000, &found));
}

/* More paths than places: whatever is found is what was said of that path. */
static void many_paths(void **state)
{
	struct content_look look, found;
	char path[32];
	unsigned count = 0;

	for (int i = 0; i < 4 * CONTENT_LOOKS_MAX; i++) {
		snprintf(path, sizeof(path), "path %d", i);
		look = look_of(0, i);
		content_looks_put(*state, path, 5000, &look);
	}
	for (int i = 0; i < 4 * CONTENT_LOOKS_MAX; i++) {
		snprintf(path, sizeof(path), "path %d", i);
		if (!content_looks_find(*state, path, 5000, &found))
			continue;
		assert_int_equal(found.entry.size, i);
		count++;
	}
	assert_in_range(count, CONTENT_LOOKS_MAX / 2, CONTENT_LOOKS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(is_believed_for_a_while, create, destroy),
		cmocka_unit_test_setup_teardown(forgets, create, destroy),
		cmocka_unit_test_setup_teardown(keeps_only_what_lasts, create, destroy),
		cmocka_unit_test_setup_teardown(long_paths_are_not_kept, create, destroy),
		cmocka_unit_test_setup_teardown(many_paths, create, destroy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
