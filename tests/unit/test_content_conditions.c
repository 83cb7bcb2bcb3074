/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Conditions and ranges of requests.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "origin/content_conditions.h"
#include "origin/content_ranges.h"

#define NOW "Thu, 20 Nov 2025 13:54:00 GMT"
#define BEFORE "Thu, 20 Nov 2025 13:53:59 GMT"
#define AFTER "Thu, 20 Nov 2025 13:54:01 GMT"

static const struct content_validators strong = {"\"a\"", 1763646840};
static const struct content_validators weak = {"W/\"a\"", 1763646840};
static const struct content_validators none = {"", -1};

#define LIST(...)                                                                                  \
	(const char *const[])                                                                      \
	{                                                                                          \
		__VA_ARGS__, NULL                                                                  \
	}

struct judgement {
	struct content_conditions conditions;
	enum content_verdict of_strong, of_weak, of_none;
};

static const struct judgement judgements[] = {
	{{0}, CONTENT_PROCEED, CONTENT_PROCEED, CONTENT_PROCEED},
	/* If-Match compares strongly, "*" is whatever there is. */
	{{.if_match = LIST("\"a\"")}, CONTENT_PROCEED, CONTENT_FAILED, CONTENT_FAILED},
	{{.if_match = LIST("W/\"a\"")}, CONTENT_FAILED, CONTENT_FAILED, CONTENT_FAILED},
	{{.if_match = LIST("\"b\"")}, CONTENT_FAILED, CONTENT_FAILED, CONTENT_FAILED},
	{{.if_match = LIST("\"b\", ,\"a\"")}, CONTENT_PROCEED, CONTENT_FAILED, CONTENT_FAILED},
	{{.if_match = LIST("\"b\"", "\"a\"")}, CONTENT_PROCEED, CONTENT_FAILED, CONTENT_FAILED},
	{{.if_match = LIST("*")}, CONTENT_PROCEED, CONTENT_PROCEED, CONTENT_PROCEED},
	{{.if_match = LIST("* ")}, CONTENT_PROCEED, CONTENT_PROCEED, CONTENT_PROCEED},
	{{.if_match = LIST("*, \"a\"")}, CONTENT_FAILED, CONTENT_FAILED, CONTENT_FAILED},
	{{.if_match = LIST("a")}, CONTENT_FAILED, CONTENT_FAILED, CONTENT_FAILED},
	{{.if_match = LIST("\"a")}, CONTENT_FAILED, CONTENT_FAILED, CONTENT_FAILED},
	{{.if_match = LIST("")}, CONTENT_FAILED, CONTENT_FAILED, CONTENT_FAILED},
	{{.if_match = LIST("\"a,b\", \"a\"")}, CONTENT_PROCEED, CONTENT_FAILED, CONTENT_FAILED},
	/* If-Unmodified-Since only without If-Match. */
	{{.if_unmodified_since = NOW}, CONTENT_PROCEED, CONTENT_PROCEED, CONTENT_PROCEED},
	{{.if_unmodified_since = AFTER}, CONTENT_PROCEED, CONTENT_PROCEED, CONTENT_PROCEED},
	{{.if_unmodified_since = BEFORE}, CONTENT_FAILED, CONTENT_FAILED, CONTENT_PROCEED},
	{{.if_unmodified_since = "yesterday or so"},
	 CONTENT_PROCEED,
	 CONTENT_PROCEED,
	 CONTENT_PROCEED},
	{{.if_match = LIST("\"a\""), .if_unmodified_since = BEFORE},
	 CONTENT_PROCEED,
	 CONTENT_FAILED,
	 CONTENT_FAILED},
	/* If-None-Match compares weakly. */
	{{.if_none_match = LIST("\"a\"")},
	 CONTENT_NOT_MODIFIED,
	 CONTENT_NOT_MODIFIED,
	 CONTENT_PROCEED},
	{{.if_none_match = LIST("W/\"a\"")},
	 CONTENT_NOT_MODIFIED,
	 CONTENT_NOT_MODIFIED,
	 CONTENT_PROCEED},
	{{.if_none_match = LIST("\"b\", W/\"c\"")},
	 CONTENT_PROCEED,
	 CONTENT_PROCEED,
	 CONTENT_PROCEED},
	{{.if_none_match = LIST("*")},
	 CONTENT_NOT_MODIFIED,
	 CONTENT_NOT_MODIFIED,
	 CONTENT_NOT_MODIFIED},
	/* If-Modified-Since only without If-None-Match. */
	{{.if_modified_since = NOW}, CONTENT_NOT_MODIFIED, CONTENT_NOT_MODIFIED, CONTENT_PROCEED},
	{{.if_modified_since = AFTER}, CONTENT_NOT_MODIFIED, CONTENT_NOT_MODIFIED, CONTENT_PROCEED},
	{{.if_modified_since = BEFORE}, CONTENT_PROCEED, CONTENT_PROCEED, CONTENT_PROCEED},
	{{.if_modified_since = "Thursday, 20-Nov-25 13:54:00 GMT"},
	 CONTENT_NOT_MODIFIED,
	 CONTENT_NOT_MODIFIED,
	 CONTENT_PROCEED},
	{{.if_modified_since = "Thu Nov 20 13:54:00 2025"},
	 CONTENT_NOT_MODIFIED,
	 CONTENT_NOT_MODIFIED,
	 CONTENT_PROCEED},
	{{.if_none_match = LIST("\"b\""), .if_modified_since = AFTER},
	 CONTENT_PROCEED,
	 CONTENT_PROCEED,
	 CONTENT_PROCEED},
	/* 412 comes before 304. */
	{{.if_match = LIST("\"b\""), .if_none_match = LIST("\"a\"")},
	 CONTENT_FAILED,
	 CONTENT_FAILED,
	 CONTENT_FAILED},
};

static void conditions_are_judged(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(judgements) / sizeof(judgements[0]); i++) {
		const struct judgement *row = &judgements[i];

		if (content_conditions_judge(&row->conditions, &strong) != row->of_strong ||
		    content_conditions_judge(&row->conditions, &weak) != row->of_weak ||
		    content_conditions_judge(&row->conditions, &none) != row->of_none)
			fail_msg("row %zu", i);
	}
}

static void if_range_wants_the_same_version(void **state)
{
	(void)state;
	assert_true(content_conditions_range(NULL, &strong));
	assert_true(content_conditions_range("\"a\"", &strong));
	assert_true(content_conditions_range("\"a\" ", &strong));
	assert_false(content_conditions_range("\"a\", \"a\"", &strong));
	assert_false(content_conditions_range("\"b\"", &strong));
	assert_false(content_conditions_range("W/\"a\"", &strong));
	assert_false(content_conditions_range("\"a\"", &weak));
	assert_false(content_conditions_range("W/\"a\"", &weak));
	assert_false(content_conditions_range("*", &strong));
	assert_true(content_conditions_range(NOW, &strong));
	assert_false(content_conditions_range(BEFORE, &strong));
	assert_false(content_conditions_range(AFTER, &strong));
	assert_false(content_conditions_range(NOW, &none));
	assert_false(content_conditions_range("", &none));
}

/* ---- ranges ---- */

/* Written as "3+2 0+1": starts and lengths. */
static void expect_ranges(const char *field, uint64_t size, const char *expected)
{
	struct content_extent extents[CONTENT_RANGES_MAX];
	char got[1024] = "";
	unsigned count = 0;

	switch (content_ranges_read(field, size, extents, &count)) {
	case CONTENT_RANGES_IGNORED:
		strcpy(got, "ignored");
		break;
	case CONTENT_RANGES_UNSATISFIABLE:
		strcpy(got, "unsatisfiable");
		break;
	case CONTENT_RANGES_GIVEN:
		for (unsigned i = 0; i < count; i++)
			snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%llu+%llu",
				 i > 0 ? " " : "", (unsigned long long)extents[i].start,
				 (unsigned long long)extents[i].length);
	}
	if (strcmp(got, expected) != 0)
		fail_msg("%s of %llu: %s, not %s", field, (unsigned long long)size, got, expected);
}

static void single_ranges(void **state)
{
	(void)state;
	expect_ranges("bytes=0-0", 10, "0+1");
	expect_ranges("bytes=2-5", 10, "2+4");
	expect_ranges("bytes=2-", 10, "2+8");
	expect_ranges("bytes=9-", 10, "9+1");
	expect_ranges("bytes=-3", 10, "7+3");
	expect_ranges("bytes=-30", 10, "0+10");
	expect_ranges("bytes=5-100", 10, "5+5");
	expect_ranges("Bytes= 2-5 ", 10, "2+4");
	expect_ranges("bytes=0-99999999999999999999999", 10, "0+10");
	expect_ranges("bytes=-99999999999999999999999", 10, "0+10");
	expect_ranges("bytes=0-18446744073709551615", UINT64_MAX, "0+18446744073709551615");
}

static void what_is_not_there(void **state)
{
	(void)state;
	expect_ranges("bytes=10-", 10, "unsatisfiable");
	expect_ranges("bytes=10-20", 10, "unsatisfiable");
	expect_ranges("bytes=-0", 10, "unsatisfiable");
	expect_ranges("bytes=0-", 0, "ignored");
	expect_ranges("bytes=0-0", 0, "ignored");
	expect_ranges("bytes=1-", 0, "unsatisfiable");
	expect_ranges("bytes=-1", 0, "ignored");
	expect_ranges("bytes=99999999999999999999999-", 10, "unsatisfiable");
	expect_ranges("bytes=10-,20-", 10, "unsatisfiable");
	expect_ranges("bytes=10-,0-1", 10, "0+2");
}

static void several_ranges(void **state)
{
	(void)state;
	expect_ranges("bytes=0-0,2-3", 10, "0+1 2+2");
	expect_ranges("bytes=0-0, 2-3\t,,-1", 10, "0+1 2+2 9+1");
	expect_ranges("bytes=5-6,0-1", 10, "5+2 0+2");
	expect_ranges("bytes=0-4,5-9", 10, "0+5 5+5");
	/* In sum more than the whole. */
	expect_ranges("bytes=0-4,4-9", 10, "ignored");
	expect_ranges("bytes=0-,0-,0-", 10, "ignored");
}

static void malformed_ranges_are_ignored(void **state)
{
	(void)state;
	static const char *const fields[] = {
		"",           "bytes",         "bytes=",
		"bytes=,",    "bytes=-",       "bytes=a-b",
		"bytes=1",    "bytes=5-2",     "bytes=1-2-",
		"bytes=1--2", "bytes=0-1;2-3", "bytes=0-1, x",
		"items=0-1",  "bytes 0-1",     "bytes=0x1-2",
		"bytes=+1-2", "bytes=0 - 1",   "bytes=0-1 2",
		"0-1",
	};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		expect_ranges(fields[i], 10, "ignored");
}

static void many_ranges_are_ignored(void **state)
{
	char field[1024] = "bytes=";
	struct content_extent extents[CONTENT_RANGES_MAX];
	unsigned count = 0;

	(void)state;
	for (int i = 0; i < CONTENT_RANGES_MAX; i++)
		strcat(field, "1-1,");
	assert_int_equal(content_ranges_read(field, 1000, extents, &count), CONTENT_RANGES_GIVEN);
	assert_int_equal(count, CONTENT_RANGES_MAX);
	strcat(field, "1-1");
	expect_ranges(field, 1000, "ignored");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conditions_are_judged),
		cmocka_unit_test(if_range_wants_the_same_version),
		cmocka_unit_test(single_ranges),
		cmocka_unit_test(what_is_not_there),
		cmocka_unit_test(several_ranges),
		cmocka_unit_test(malformed_ranges_are_ignored),
		cmocka_unit_test(many_ranges_are_ignored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
