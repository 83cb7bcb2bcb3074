/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Log lines: a line stays a line, and repeated ones are summed up.
 */
#include "tests/unit/store_fixture.h"

static const char *log_path(void)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/log", fixture_directory);
	return path;
}

static const char *log_text(void)
{
	static char text[65536];
	int fd = open(log_path(), O_RDONLY);
	ssize_t length = fd >= 0 ? read(fd, text, sizeof(text) - 1) : 0;

	if (fd >= 0)
		close(fd);
	text[length > 0 ? length : 0] = '\0';
	return text;
}

static unsigned count_lines(void)
{
	unsigned lines = 0;

	for (const char *at = log_text(); (at = strchr(at, '\n')) != NULL; at++)
		lines++;
	return lines;
}

static void lines_go_to_the_file_from_their_level_on(void **state)
{
	struct stat attributes;

	(void)state;
	assert_int_equal(log_open(log_path(), LOG_LEVEL_WARNING), 0);
	log_error("one %d", 1);
	log_warning("two");
	log_info("three");
	assert_non_null(strstr(log_text(), " error: one 1\n"));
	assert_non_null(strstr(log_text(), " warning: two\n"));
	assert_int_equal(count_lines(), 2);
	assert_int_equal(stat(log_path(), &attributes), 0);
	assert_int_equal(attributes.st_mode & 0777, 0600);
	log_open("stderr", LOG_LEVEL_INFO);
}

static void long_line_is_cut_and_stays_one(void **state)
{
	char text[10000];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(log_open(log_path(), LOG_LEVEL_INFO), 0);
	log_info("%s", text);
	assert_int_equal(count_lines(), 1);
	assert_in_range(strlen(log_text()), 1000, 5000);
	log_open("stderr", LOG_LEVEL_INFO);
}

static void reopening_follows_a_rotation(void **state)
{
	char moved[160];

	(void)state;
	assert_int_equal(log_open(log_path(), LOG_LEVEL_INFO), 0);
	log_info("before");
	snprintf(moved, sizeof(moved), "%s.1", log_path());
	assert_int_equal(rename(log_path(), moved), 0);
	log_reopen();
	log_info("after");
	assert_null(strstr(log_text(), "before"));
	assert_non_null(strstr(log_text(), "after"));
	log_open("stderr", LOG_LEVEL_INFO);
}

static void impossible_target_leaves_the_former(void **state)
{
	(void)state;
	assert_int_equal(log_open(log_path(), LOG_LEVEL_INFO), 0);
	assert_true(log_open("/nowhere/at/all", LOG_LEVEL_INFO) < 0);
	log_info("still here");
	assert_int_equal(count_lines(), 1);
	log_open("stderr", LOG_LEVEL_INFO);
}

static void repeated_event_is_said_once_a_minute(void **state)
{
	struct log_limit limit = {0};

	(void)state;
	assert_int_equal(log_open(log_path(), LOG_LEVEL_INFO), 0);
	for (int i = 0; i < 10; i++)
		log_limited(&limit, LOG_LEVEL_INFO, "event %d", i);
	assert_int_equal(count_lines(), 1);
	assert_int_equal(limit.unsaid, 9);
	limit.last -= 61; /* a minute passes */
	log_limited(&limit, LOG_LEVEL_INFO, "event %d", 10);
	assert_int_equal(count_lines(), 2);
	assert_non_null(strstr(log_text(), "event 10 (and 9 more"));
	assert_int_equal(limit.unsaid, 0);
	log_open("stderr", LOG_LEVEL_INFO);
}

static void levels_have_names(void **state)
{
	enum log_level level;

	(void)state;
	assert_int_equal(log_level_parse("warning", &level), 0);
	assert_int_equal(level, LOG_LEVEL_WARNING);
	assert_int_equal(log_level_parse("loud", &level), -EINVAL);
}

static void strange_names_are_escaped(void **state)
{
	static const struct {
		const char *name, *escaped;
	} cases[] = {
		{"plain", "plain"},
		{"a\nb\x7f", "a\\x0ab\\x7f"},
		{"back\\slash", "back\\x5cslash"},
		{"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80",
		 "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80"},
		{"\xff\xfe", "\\xff\\xfe"},
		{"\xc3", "\\xc3"},
		{"\xe2\x82", "\\xe2\\x82"},
		{"\xc0\xaf", "\\xc0\\xaf"},
		{"\xed\xa0\x80", "\\xed\\xa0\\x80"},
		{"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},
		{"\xc2\x9b"
		 "31m",
		 "\\xc2\\x9b"
		 "31m"},
	};
	char buffer[LOG_NAME_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(log_escape(buffer, sizeof(buffer), cases[i].name),
				    cases[i].escaped);
}

static void escaped_name_is_cut_between_characters(void **state)
{
	char buffer[8];

	(void)state;
	assert_string_equal(log_escape(buffer, 8, "abcd\n"), "abcd");
	assert_string_equal(log_escape(buffer, 8, "abcde\xe2\x82\xac"), "abcde");
	assert_string_equal(log_escape(buffer, 8, "abc\n"), "abc\\x0a");
	assert_string_equal(log_escape(buffer, 1, "abc"), "");
	buffer[0] = 'x';
	log_escape(buffer, 0, "abc");
	assert_int_equal(buffer[0], 'x');
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(lines_go_to_the_file_from_their_level_on),
		TEST(long_line_is_cut_and_stays_one),
		TEST(reopening_follows_a_rotation),
		TEST(impossible_target_leaves_the_former),
		TEST(repeated_event_is_said_once_a_minute),
		TEST(levels_have_names),
		TEST(strange_names_are_escaped),
		TEST(escaped_name_is_cut_between_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
