/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What peerdist sends to a mount and makes of its answer; a socket stands for the admin file.
 */
#include <fcntl.h>
#include <sys/socket.h>

#include "tests/unit/cli_fixture.h"

#include "fs/cli_progress.c"
#include "fs/cli_session.c"
#include "fs/cli_status.c"
#include "fs/cli_table.c"

static char sent[8192]; /* to the admin file */

/* Has the daemon say TEXT. */
static int hear(const char *text, const char *line, bool json)
{
	struct answer *answer = calloc(1, sizeof(*answer));
	int ends[2], status;
	ssize_t length;

	answer->command = "verb";
	answer->argument = "/a\nb";
	answer->json = json ? json_pack("{s:[]}", "data") : NULL;
	complaint[0] = '\0';
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	assert_int_equal(write(ends[1], text, strlen(text)), strlen(text));
	shutdown(ends[1], SHUT_WR);
	catch_output();
	status = converse(ends[0], line, answer);
	if (json)
		json_dumpf(answer->json, stdout, JSON_COMPACT | JSON_SORT_KEYS);
	release_output();
	length = recv(ends[1], sent, sizeof(sent) - 1, MSG_DONTWAIT);
	sent[length > 0 ? length : 0] = '\0';
	close(ends[0]);
	close(ends[1]);
	json_decref(answer->json);
	free(answer);
	return status;
}

static void names_are_sent_on_one_line(void **state)
{
	static const char *const lines[][2] = {
		{"/a b/c", "pin /a b/c\n"},
		{"/a\nclear\\x", "pin /a\\x0aclear\\x5cx\n"},
		{"\x7f\xff\xc3\xa4", "pin \\x7f\xff\xc3\xa4\n"},
		{"/", "pin /\n"},
		{"/ a ", "pin / a\\x20\n"},
	};
	char *line;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		line = command_line("pin", lines[i][0]);
		assert_string_equal(line, lines[i][1]);
		free(line);
	}
	line = command_line("clear", NULL);
	assert_string_equal(line, "clear\n");
	free(line);
}

static void data_behind_ok_are_printed(void **state)
{
	(void)state;
	assert_int_equal(hear("ok\n1 warm a\n2 verify\n", "jobs\n", false), CLI_DONE);
	assert_string_equal(sent, "jobs\n");
	assert_string_equal(printed, "1 warm a\n2 verify\n");
	assert_int_equal(hear("ok 17 octets freed\n", "clear\n", false), CLI_DONE);
	assert_string_equal(printed, "17 octets freed\n");
	assert_int_equal(hear("ok", "clear\n", false), CLI_DONE);
	assert_string_equal(printed, "");
}

static void progress_is_not_printed_when_there_is_no_terminal(void **state)
{
	(void)state;
	assert_int_equal(hear("progress 0 10\nprogress 10 10\nok 10 octets\n", "warm x\n", false),
			 CLI_DONE);
	assert_string_equal(printed, "10 octets\n");
	assert_string_equal(complaint, "");
}

static void errors_are_told_and_fail(void **state)
{
	static const char *const answers[][2] = {
		{"error 2 ENOENT\n", "verb /a\\x0ab: No such file or directory"},
		{"progress 1 2\nerror 5 EIO\n", "verb /a\\x0ab: Input/output error"},
		{"error 28 ENOSPC pins need more\n", "verb: pins need more"},
		{"error\n", "verb /a\\x0ab: Protocol error"},
		{"error x\n", "verb: x"},
		{"error 99999999999999999999 X\n", "verb: "},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		assert_int_equal(hear(answers[i][0], "x\n", false), CLI_FAILED);
		assert_memory_equal(complaint, answers[i][1], strlen(answers[i][1]));
		assert_string_equal(printed, "");
	}
}

static void an_answer_that_breaks_off_is_a_failure(void **state)
{
	(void)state;
	assert_int_equal(hear("", "x\n", false), CLI_FAILED);
	assert_non_null(strstr(complaint, "before it had answered"));
	assert_int_equal(hear("progress 1 2\n", "x\n", false), CLI_FAILED);
	assert_int_equal(hear("okay\n", "x\n", false), CLI_FAILED);
}

static void json_holds_message_and_data(void **state)
{
	(void)state;
	assert_int_equal(hear("progress 1 2\nok done\na\n\"b\xff\n", "x\n", true), CLI_DONE);
	assert_string_equal(printed, "{\"data\":[\"a\",\"\\\"b\\\\xff\"],\"message\":\"done\"}");
}

struct taken {
	char lines[64];
	int refuse_after; /* lines; -1: never */
};

static int take_one(void *owner, const char *line)
{
	struct taken *taken = owner;

	if (taken->refuse_after-- == 0)
		return -EBADMSG;
	strcat(strcat(taken->lines, line), "|");
	return 0;
}

static int hear_lines(const char *text, struct taken *taken, int *error_out)
{
	struct answer *answer = calloc(1, sizeof(*answer));
	int ends[2], status;

	answer->command = "info";
	answer->take = take_one;
	answer->owner = taken;
	complaint[0] = '\0';
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	assert_int_equal(write(ends[1], text, strlen(text)), strlen(text));
	shutdown(ends[1], SHUT_WR);
	catch_output();
	status = converse(ends[0], "info /x\n", answer);
	release_output();
	assert_string_equal(printed, "");
	*error_out = answer->take_error;
	close(ends[0]);
	close(ends[1]);
	free(answer);
	return status;
}

static void data_lines_go_to_who_takes_them(void **state)
{
	struct taken taken = {"", -1};
	int error;

	(void)state;
	assert_int_equal(hear_lines("progress 1 2\nok\nAAAA\nBBBB\n", &taken, &error), CLI_DONE);
	assert_int_equal(error, 0);
	assert_string_equal(taken.lines, "AAAA|BBBB|");
}

static void no_line_is_taken_after_a_refusal(void **state)
{
	struct taken taken = {"", 1};
	int error;

	(void)state;
	assert_int_equal(hear_lines("ok\nAAAA\nBBBB\nCCCC\n", &taken, &error), CLI_DONE);
	assert_int_equal(error, -EBADMSG);
	assert_string_equal(taken.lines, "AAAA|");
	assert_string_equal(complaint, "");
}

static void an_error_behind_data_is_a_failure(void **state)
{
	struct taken taken = {"", -1};
	int error;

	(void)state;
	assert_int_equal(hear_lines("ok\nAAAA\nerror 5 EIO cache is gone\n", &taken, &error),
			 CLI_FAILED);
	assert_string_equal(taken.lines, "AAAA|");
	assert_string_equal(complaint, "info: cache is gone");
}

static void lines_without_end_are_bounded(void **state)
{
	size_t length = 3 * LINE_SIZE;
	char *line = malloc(length + 1);

	(void)state;
	memset(line, 'x', length);
	line[length] = '\0';
	memcpy(line, "ok\n", 3);
	/* More than a socket takes at once, so that take_lines() is fed by hand. */
	struct answer *answer = calloc(1, sizeof(*answer));

	answer->command = "verb";
	catch_output();
	for (size_t at = 0; at < length;) {
		size_t piece = LINE_SIZE - 1 - answer->length;

		if (piece > length - at)
			piece = length - at;
		memcpy(answer->line + answer->length, line + at, piece);
		answer->length += piece;
		at += piece;
		take_lines(answer, false);
		assert_true(answer->length < LINE_SIZE - 1);
	}
	take_lines(answer, true);
	release_output();
	assert_int_equal(answer->state, GOOD);
	free(answer);
	free(line);
}

static void status_is_shown_for_people(void **state)
{
	(void)state;
	catch_output();
	assert_int_equal(cli_status_show("{\"origin\":\"http://h/\\n\",\"mode\":\"local\","
					 "\"cache\":{\"dir\":\"/c\",\"used\":1536,\"limit\":"
					 "10737418240,\"contents\":3},\"sources\":{\"cache\":"
					 "{\"bytes\":2097152,\"blocks\":32},\"peer\":{}},"
					 "\"errors\":{\"hash\":1,\"origin\":2}}"),
			 CLI_DONE);
	release_output();
	assert_non_null(strstr(printed, "origin      http://h/\\x0a\n"));
	assert_non_null(strstr(printed, "cache       1.5 KiB of 10.0 GiB, 3 contents, in /c\n"));
	assert_non_null(strstr(printed, "cache           2.0 MiB           32\n"));
	assert_non_null(strstr(printed, "peer                0 B            0\n"));
	assert_non_null(strstr(printed, "errors      hash 1, origin 2\n"));
}

static void a_status_that_is_none_is_refused(void **state)
{
	static const char *const bad[] = {"", "[]", "{", "17"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(cli_status_show(bad[i]), CLI_FAILED);
	/* Of another version: nothing that we know in it. */
	catch_output();
	assert_int_equal(cli_status_show("{\"cache\":7,\"sources\":[],\"errors\":null}"), CLI_DONE);
	release_output();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_sent_on_one_line),
		cmocka_unit_test(data_behind_ok_are_printed),
		cmocka_unit_test(progress_is_not_printed_when_there_is_no_terminal),
		cmocka_unit_test(errors_are_told_and_fail),
		cmocka_unit_test(an_answer_that_breaks_off_is_a_failure),
		cmocka_unit_test(json_holds_message_and_data),
		cmocka_unit_test(data_lines_go_to_who_takes_them),
		cmocka_unit_test(no_line_is_taken_after_a_refusal),
		cmocka_unit_test(an_error_behind_data_is_a_failure),
		cmocka_unit_test(lines_without_end_are_bounded),
		cmocka_unit_test(status_is_shown_for_people),
		cmocka_unit_test(a_status_that_is_none_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
