/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What stands behind a verb, checked before anything is asked.
 */
#include "tests/unit/cli_fixture.h"

#include "fs/cli_value.c"

struct value {
	enum cli_takes takes;
	const char *text;
};

static void what_is_right_is_taken(void **state)
{
	static const struct value values[] = {
		{CLI_TAKES_SIZE, "10G"},
		{CLI_TAKES_SIZE, "0.25%"},
		{CLI_TAKES_JOB, "0"},
		{CLI_TAKES_VERSIONS, "1 1"},
		{CLI_TAKES_VERSIONS, "1 2"},
		{CLI_TAKES_VERSIONS, "1.0 2.0"},
		{CLI_TAKES_VERSIONS, "2.0 2"},
		{CLI_TAKES_MODE, "local"},
		{CLI_TAKES_MODE, "hosted"},
		{CLI_TAKES_MODE, "hosted+distributed a [::1]:9 b:80"},
		{CLI_TAKES_TRUST, "reset"},
		{CLI_TAKES_INSTANCE, "7"},
		{CLI_TAKES_PUBLICATION, "0 aA"},
		{CLI_TAKES_PUBLICATION, "4711 0123456789abcdef"},
		{CLI_TAKES_MILLISECONDS, "1"},
		{CLI_TAKES_MILLISECONDS, "3600000"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		if (cli_value_check(values[i].takes, values[i].text) != CLI_DONE)
			fail_msg("%s: %s", values[i].text, complaint);
}

static void what_is_wrong_is_wrong_usage(void **state)
{
	static const struct value values[] = {
		{CLI_TAKES_SIZE, "much"},
		{CLI_TAKES_SIZE, ""},
		{CLI_TAKES_JOB, "-1"},
		{CLI_TAKES_JOB, ""},
		{CLI_TAKES_VERSIONS, "2 1"},
		{CLI_TAKES_VERSIONS, "0 1"},
		{CLI_TAKES_VERSIONS, "1 3"},
		{CLI_TAKES_VERSIONS, "1 1.5"},
		{CLI_TAKES_VERSIONS, "1 2 2"},
		{CLI_TAKES_VERSIONS, "1.0x 2"},
		{CLI_TAKES_VERSIONS, "1 "},
		{CLI_TAKES_VERSIONS, " "},
		{CLI_TAKES_MODE, "lokal"},
		{CLI_TAKES_MODE, "hosted a:b"},
		{CLI_TAKES_MODE, "hosted+distributed a b:0"},
		{CLI_TAKES_TRUST, "me"},
		{CLI_TAKES_INSTANCE, "x"},
		{CLI_TAKES_PUBLICATION, "0 a"},
		{CLI_TAKES_PUBLICATION, "0 xy"},
		{CLI_TAKES_PUBLICATION, "0 "},
		{CLI_TAKES_PUBLICATION, "x 00"},
		{CLI_TAKES_PUBLICATION, " 00"},
		{CLI_TAKES_MILLISECONDS, "0"},
		{CLI_TAKES_MILLISECONDS, "3600001"},
		{CLI_TAKES_MILLISECONDS, "99999999999999999999999"},
		{CLI_TAKES_MILLISECONDS, "10x"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		if (cli_value_check(values[i].takes, values[i].text) != CLI_USAGE)
			fail_msg("%s was taken", values[i].text);
}

/* A path ends the hosts of a mode; other modes have none. */
static void words_are_counted(void **state)
{
	char hosted[] = "hosted", local[] = "local", a[] = "a", b[] = "b:80", path[] = "./mnt";
	char *words[] = {hosted, a, b, path, NULL};

	(void)state;
	assert_int_equal(cli_value_count(CLI_TAKES_MODE, 4, words), 3);
	assert_int_equal(cli_value_count(CLI_TAKES_MODE, 2, words), 2);
	assert_int_equal(cli_value_count(CLI_TAKES_MODE, 0, words), 1);
	words[0] = local;
	assert_int_equal(cli_value_count(CLI_TAKES_MODE, 4, words), 1);
	assert_int_equal(cli_value_count(CLI_TAKES_VERSIONS, 0, words), 2);
	assert_int_equal(cli_value_count(CLI_TAKES_PATH, 1, words), 0);
	assert_int_equal(cli_value_count(CLI_TAKES_MOUNT, 1, words), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_right_is_taken),
		cmocka_unit_test(what_is_wrong_is_wrong_usage),
		cmocka_unit_test(words_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
