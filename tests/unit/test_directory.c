/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Lists of names: what may be a name, and that all that may is kept in order.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cache/directory.h"

static int add(struct directory *directory, const char *name)
{
	struct entry entry = {.kind = ENTRY_FILE};

	return directory_add(directory, name, strlen(name), &entry);
}

static void impossible_names_are_refused_and_counted(void **state)
{
	struct entry entry = {.kind = ENTRY_FILE};
	struct directory *directory;
	char longest[257];

	(void)state;
	memset(longest, 'x', 256);
	longest[256] = '\0';
	assert_int_equal(directory_create(true, &directory), 0);
	assert_int_equal(add(directory, ""), -EINVAL);
	assert_int_equal(add(directory, "."), -EINVAL);
	assert_int_equal(add(directory, ".."), -EINVAL);
	assert_int_equal(add(directory, "../../etc/passwd"), -EINVAL);
	assert_int_equal(add(directory, "/"), -EINVAL);
	assert_int_equal(directory_add(directory, "a\0b", 3, &entry), -EINVAL);
	assert_int_equal(add(directory, longest), -EINVAL);
	assert_int_equal(add(directory, ".peerdist"), -EINVAL);
	assert_int_equal(directory_rejected(directory), 8);
	assert_int_equal(directory_count(directory), 0);
	directory_free(directory);
}

static void odd_names_are_names(void **state)
{
	struct directory *directory;
	char longest[256];

	(void)state;
	memset(longest, 'x', 255);
	longest[255] = '\0';
	assert_int_equal(directory_create(true, &directory), 0);
	assert_int_equal(add(directory, longest), 0);
	assert_int_equal(add(directory, "..."), 0);
	assert_int_equal(add(directory, ".a"), 0);
	assert_int_equal(add(directory, "\xff\x01\n\\"), 0);
	assert_int_equal(add(directory, ".peerdist2"), 0);
	assert_int_equal(directory_rejected(directory), 0);
	directory_free(directory);
}

static void reserved_name_is_free_below_the_root(void **state)
{
	struct directory *directory;

	(void)state;
	assert_int_equal(directory_create(false, &directory), 0);
	assert_int_equal(add(directory, ".peerdist"), 0);
	directory_free(directory);
}

static void first_of_duplicates_stays(void **state)
{
	struct entry first = {.kind = ENTRY_FILE, .size = 1},
		     second = {.kind = ENTRY_DIRECTORY, .size = 2}, got;
	struct directory *directory;

	(void)state;
	assert_int_equal(directory_create(false, &directory), 0);
	assert_int_equal(directory_add(directory, "a", 1, &first), 0);
	assert_int_equal(directory_add(directory, "a", 1, &second), -EEXIST);
	assert_int_equal(directory_count(directory), 1);
	directory_entry(directory, 0, &got);
	assert_int_equal(got.size, 1);
	assert_int_equal(got.kind, ENTRY_FILE);
	directory_free(directory);
}

static void what_was_said_comes_back_in_order(void **state)
{
	struct entry entry = {.kind = ENTRY_FILE,
			      .flags = ENTRY_SIZE_EXACT,
			      .mtime = -1,
			      .checked = 5,
			      .mode = 0640};
	struct directory *directory;
	const char *names[5000];
	char name[32];

	(void)state;
	assert_int_equal(directory_create(false, &directory), 0);
	for (int i = 0; i < 5000; i++) {
		snprintf(name, sizeof(name), "name %d", i);
		entry.size = i;
		snprintf(entry.validator, sizeof(entry.validator), "v%d", i);
		assert_int_equal(directory_add(directory, name, strlen(name), &entry), 0);
		names[i] = directory_entry(directory, (uint32_t)i, &entry);
		entry.checked = 5;
	}
	for (int i = 0; i < 5000; i++) {
		struct entry got;

		snprintf(name, sizeof(name), "name %d", i);
		assert_ptr_equal(directory_entry(directory, (uint32_t)i, &got), names[i]);
		assert_string_equal(names[i], name);
		assert_int_equal(got.size, i);
		assert_int_equal(got.flags, ENTRY_SIZE_EXACT);
		assert_int_equal(got.mtime, -1);
		assert_int_equal(got.mode, 0640);
		assert_int_equal(got.checked, 0);
		snprintf(name, sizeof(name), "v%d", i);
		assert_string_equal(got.validator, name);
	}
	directory_free(directory);
}

static void too_many_names_are_refused(void **state)
{
	struct entry entry = {.kind = ENTRY_FILE};
	struct directory *directory;
	uint32_t i;

	(void)state;
	assert_int_equal(directory_create(false, &directory), 0);
	for (i = 0; i < DIRECTORY_ENTRIES_MAX; i++) {
		char name[4] = {(char)(1 + i % 40), (char)(50 + i / 40 % 150),
				(char)(50 + i / 6000), 0};

		assert_int_equal(directory_add(directory, name, 3, &entry), 0);
	}
	assert_int_equal(add(directory, "one more"), -E2BIG);
	assert_int_equal(directory_count(directory), DIRECTORY_ENTRIES_MAX);
	directory_free(directory);
	directory_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(impossible_names_are_refused_and_counted),
		cmocka_unit_test(odd_names_are_names),
		cmocka_unit_test(reserved_name_is_free_below_the_root),
		cmocka_unit_test(first_of_duplicates_stays),
		cmocka_unit_test(what_was_said_comes_back_in_order),
		cmocka_unit_test(too_many_names_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
