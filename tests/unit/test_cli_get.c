/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What `peerdist info get` makes of the lines that a daemon answers.
 */
#include "tests/unit/cli_fixture.h"

#include "fs/cli_info_get.c"

static const char *const *lines; /* of the answer, up to NULL */
static uint8_t came[1024];       /* out */
static size_t came_size;
static int put_error;
static int closed_with; /* the status, or -1 */

int cli_options(int count, char **words, const struct cli_option *table, void *request)
{
	(void)count, (void)words, (void)table, (void)request;
	return CLI_DONE;
}

int cli_option_text(const struct cli_option *option, char *value, void *field)
{
	(void)option, (void)value, (void)field;
	return CLI_DONE;
}

int cli_action_usage(const struct cli_action *action)
{
	(void)action;
	return CLI_USAGE;
}

int cli_mount_find(const char *named, struct cli_mount *mount_out)
{
	(void)named, (void)mount_out;
	return CLI_FAILED;
}

void cli_mount_close(struct cli_mount *mount)
{
	(void)mount;
}

int cli_command_data(const struct cli_mount *mount, const char *command, const char *argument,
		     cli_take_line *take, void *owner, int *error_out)
{
	(void)mount;
	assert_string_equal(command, "info");
	assert_string_equal(argument, "/file");
	*error_out = 0;
	for (size_t i = 0; lines[i] && !*error_out; i++)
		*error_out = take(owner, lines[i]);
	return CLI_DONE;
}

int cli_output_open(const char *path, struct cli_output *output_out)
{
	(void)path, (void)output_out;
	came_size = 0;
	closed_with = -1;
	return CLI_DONE;
}

int cli_output_put(void *owner, const void *data, size_t size)
{
	(void)owner;
	if (put_error)
		return put_error;
	assert_true(size <= sizeof(came) - came_size);
	memcpy(came + came_size, data, size);
	came_size += size;
	return 0;
}

int cli_output_close(struct cli_output *output, int status)
{
	(void)output;
	closed_with = status;
	return status;
}

static int get_lines(const char *const *answer)
{
	struct cli_mount mount = {.path = "/file"};

	lines = answer;
	put_error = 0;
	complaint[0] = '\0';
	return get_into(&mount, NULL);
}

/* Section 16 of content-information.md: version 2.0 of "hello". */
#define FIRST "AAIEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAABEAAAABZtx0iS9YvN4XZbUatPqPXMx"
#define SECOND "m/vCiQyq2uLf9yUZZzynJeRZhFPwet1hZtndOA6mN9uVl2yvtAKvmRkJqu8lPWk="

static void a_whole_answer_is_passed_on(void **state)
{
	static const uint8_t start[] = {0, 2, 4, 0}, end[] = {0x25, 0x3d, 0x69};
	/* However it is cut into lines. */
	static const char *const answers[][4] = {{FIRST, SECOND, NULL, NULL},
						 {FIRST SECOND, NULL, NULL, NULL},
						 {"AAI", "E", "", NULL}};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(get_lines(answers[i]), CLI_DONE);
		assert_int_equal(closed_with, CLI_DONE);
		assert_memory_equal(came, start, sizeof(start));
		assert_memory_equal(came + came_size - sizeof(end), end, sizeof(end));
	}
	assert_int_equal(get_lines(answers[2]), CLI_FAILED);
	assert_int_equal(came_size, 3);
	assert_memory_equal(came, start, 3);
}

static void what_is_no_content_information_fails(void **state)
{
	static const char *const answers[][4] = {
		{NULL, NULL, NULL, NULL},                           /* nothing */
		{FIRST, NULL, NULL, NULL},                          /* cut short */
		{FIRST, SECOND, "AAAA", NULL},                      /* goes on behind the end */
		{FIRST, SECOND, FIRST, NULL},                       /* likewise */
		{"AAAAAAAAAAAAAAAAAAAAAAAAAAAA", NULL, NULL, NULL}, /* version 0.0 */
		{"not base64!", NULL, NULL, NULL},
		{FIRST, "A", NULL, NULL},
		{FIRST, "====", SECOND, NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		assert_int_equal(get_lines(answers[i]), CLI_FAILED);
		assert_int_equal(closed_with, CLI_FAILED);
		assert_non_null(strstr(complaint, "no content information"));
	}
}

static void a_full_disk_is_told(void **state)
{
	static const char *const answer[] = {FIRST, SECOND, NULL};
	struct cli_mount mount = {.path = "/file"};

	(void)state;
	lines = answer;
	put_error = -ENOSPC;
	assert_int_equal(get_into(&mount, NULL), CLI_FAILED);
	assert_non_null(strstr(complaint, "No space left"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_answer_is_passed_on),
		cmocka_unit_test(what_is_no_content_information_fails),
		cmocka_unit_test(a_full_disk_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
