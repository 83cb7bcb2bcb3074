/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Command lines: of a process' own table, those that all have, and what is refused; and the numbers
 * that status and metrics tell.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "fs/control.h"
#include "fs/numbers.h"

static char owner[] = "owner";

static int do_echo(const struct control *control, struct job *job, const char *argument)
{
	assert_ptr_equal(control->owner, owner);
	job_print(job, "ok %s\n", argument != NULL ? argument : "nothing");
	return 0;
}

static int do_fail(const struct control *control, struct job *job, const char *argument)
{
	(void)control;
	job_explain(job, "%s is busy", argument);
	return -EBUSY;
}

static int do_wait(const struct control *control, struct job *job, const char *argument)
{
	(void)control;
	assert_string_equal(argument, "a/b");
	while (!job_cancelled(job))
		usleep(1000);
	return -ECANCELED;
}

static int check_even(const struct control *control, struct job *job, const char *argument)
{
	(void)control;
	if ((argument[0] - '0') % 2 == 0)
		return 0;
	job_explain(job, "%s is odd", argument);
	return -EINVAL;
}

static int do_halve(const struct control *control, struct job *job, const char *argument)
{
	(void)control;
	job_print(job, "ok %d\n", (argument[0] - '0') / 2);
	return 0;
}

static const struct command commands[] = {
	{"halve", " NUMBER", "half of it", COMMAND_ONE, check_even, do_halve},
	{"echo", " [TEXT]", "say it", COMMAND_MAYBE, do_echo, NULL},
	{"fail", " TEXT", "cannot", COMMAND_ONE, do_fail, NULL},
	{"wait", " PATH", "until cancelled", COMMAND_ONE, NULL, do_wait},
	{NULL, NULL, NULL, COMMAND_NONE, NULL, NULL},
};

static int make_status(void *given, char **text_out, size_t *length_out)
{
	assert_ptr_equal(given, owner);
	*text_out = strdup("{}\n");
	*length_out = 3;
	return 0;
}

static const struct control_answerer answerer = {
	.text = {[CONTROL_STATUS] = make_status},
	.commands = commands,
};
static struct control control = {.answerer = &answerer};

static int set_up(void **state)
{
	(void)state;
	control.owner = owner;
	return jobs_create(&control.jobs);
}

static int tear_down(void **state)
{
	(void)state;
	jobs_destroy(control.jobs);
	return 0;
}

/* What has been answered so far. */
static const char *text_of(struct job *job)
{
	static char text[2048];
	long length = job_read(job, 0, text, sizeof(text) - 1);

	text[length > 0 ? length : 0] = '\0';
	return text;
}

static void assert_answers(const char *line, int error, const char *answer)
{
	struct job *job;

	assert_int_equal(command_start(&control, line, &job), error);
	assert_string_equal(text_of(job), answer);
	job_put(job);
}

static void a_line_is_a_name_and_perhaps_an_argument(void **state)
{
	(void)state;
	assert_answers("echo", 0, "ok nothing\n");
	assert_answers("  echo  a b  ", 0, "ok a b\n");
	assert_answers("echo /a/b/", 0, "ok a/b\n");
	assert_answers("echo a\\x20\\x5cb", 0, "ok a \\b\n");
	assert_answers("fail x", -EBUSY, "error 16 EBUSY x is busy\n");
}

static void long_work_may_be_looked_at_before(void **state)
{
	struct job *job;
	char rest;

	(void)state;
	assert_answers("halve 3", -EINVAL, "error 22 EINVAL 3 is odd\n");
	assert_int_equal(command_start(&control, "halve 8", &job), 0);
	while (job_read(job, strlen("ok 4\n"), &rest, 1) == -EAGAIN)
		usleep(1000);
	assert_string_equal(text_of(job), "ok 4\n");
	job_put(job);
}

static void what_is_malformed_is_refused(void **state)
{
	static const char *const unknown[] = {"", " ", "ech", "echoo", "Echo", "\xff"};

	(void)state;
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
		assert_answers(unknown[i], -EINVAL, "error 22 EINVAL no such command: see help\n");
	assert_answers("fail", -EINVAL, "error 22 EINVAL usage: fail TEXT\n");
	assert_answers("jobs x", -EINVAL, "error 22 EINVAL usage: jobs, with nothing behind it\n");
	assert_answers("echo \\x00", -EINVAL,
		       "error 22 EINVAL a backslash is written \\x5c, other octets \\xNN\n");
	assert_answers("cancel x", -EINVAL, "error 22 EINVAL x is no number of a job: see jobs\n");
	assert_answers("cancel 7", -ENOENT, "error 2 ENOENT no job 7 runs: see jobs\n");
}

static void all_have_some(void **state)
{
	(void)state;
	assert_answers("status", 0, "ok\n{}\n");
	assert_answers("jobs", 0, "ok\n");
	assert_answers("help", 0,
		       "ok\nhalve NUMBER\thalf of it\necho [TEXT]\tsay it\nfail TEXT\tcannot\nwait "
		       "PATH\tuntil cancelled\n"
		       "status\twhat the status file says\n"
		       "jobs\twhat runs: number, done, total, command\n"
		       "cancel JOB\tend a job\nhelp\tthis list\n");
}

static void long_work_goes_on_until_it_is_cancelled(void **state)
{
	struct job *job;

	(void)state;
	assert_int_equal(command_start(&control, "wait /a/b", &job), 0);
	assert_answers("jobs", 0, "ok\n1 0 0 wait /a/b\n");
	assert_answers("cancel 1", 0, "ok\n");
	jobs_stop(control.jobs);
	assert_string_equal(text_of(job), "error 125 ECANCELED\n");
	job_put(job);
}

static void numbers_are_the_same_in_both_forms(void **state)
{
	static const struct number list[] = {
		{{"a", "", "b"}, "one_total", NULL, "One.", 0},
		{{"a", "c", "d"}, "more", "kind", "More.", sizeof(uint64_t)},
		{{"a", "e", "d"}, "more", "kind", "More.", 0},
		{{"", "", "f"}, "last", "label", "Last.", sizeof(uint64_t)},
		{{NULL, NULL, NULL}, NULL, NULL, NULL, 0},
	};
	static const uint64_t values[] = {5, 1ull << 40};
	json_t *status = json_object();
	char *text;
	size_t length;

	(void)state;
	numbers_put(status, list, values);
	json_t *expected = json_pack("{s:{s:i, s:{s:I}, s:{s:i}}, s:I}", "a", "b", 5, "c", "d",
				     (json_int_t)1 << 40, "e", "d", 5, "f", (json_int_t)1 << 40);
	assert_true(json_equal(status, expected));
	json_decref(expected);
	json_decref(status);
	assert_int_equal(numbers_print(list, values, &text, &length), 0);
	assert_string_equal(text, "# HELP peerdist_one_total One.\n"
				  "# TYPE peerdist_one_total counter\n"
				  "peerdist_one_total 5\n"
				  "# HELP peerdist_more More.\n"
				  "# TYPE peerdist_more gauge\n"
				  "peerdist_more{kind=\"c\"} 1099511627776\n"
				  "peerdist_more{kind=\"e\"} 5\n"
				  "# HELP peerdist_last Last.\n"
				  "# TYPE peerdist_last gauge\n"
				  "peerdist_last{label=\"f\"} 1099511627776\n");
	assert_int_equal(length, strlen(text));
	free(text);
}

static void a_status_is_text_whatever_strangers_chose(void **state)
{
	json_t *status = json_object();
	char *text;
	size_t length;

	(void)state;
	json_object_set_new(status, "name", numbers_string("a\xff"));
	assert_int_equal(numbers_status(status, &text, &length), 0);
	assert_string_equal(text, "{\n  \"name\": \"a\\\\xff\"\n}\n");
	assert_int_equal(length, strlen(text));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_line_is_a_name_and_perhaps_an_argument, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(long_work_may_be_looked_at_before, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(what_is_malformed_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(all_have_some, set_up, tear_down),
		cmocka_unit_test_setup_teardown(long_work_goes_on_until_it_is_cancelled, set_up,
						tear_down),
		cmocka_unit_test(numbers_are_the_same_in_both_forms),
		cmocka_unit_test(a_status_is_text_whatever_strangers_chose),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
