/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/command.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/control.h"

/* ---- the commands that all have ---- */

static int do_status(const struct control *control, struct job *job, const char *argument)
{
	char *text;
	size_t length;
	int error = control->answerer->text[CONTROL_STATUS](control->owner, &text, &length);

	(void)argument;
	if (error != 0)
		return error;
	job_print(job, "ok\n%s", text);
	free(text);
	return 0;
}

static int do_jobs(const struct control *control, struct job *job, const char *argument)
{
	(void)argument;
	job_print(job, "ok\n");
	jobs_list(control->jobs, job);
	return 0;
}

static int do_cancel(const struct control *control, struct job *job, const char *argument)
{
	char *end;
	unsigned long number = strtoul(argument, &end, 10);

	if (!isdigit((unsigned char)*argument) || *end != '\0' || number > UINT32_MAX) {
		job_explain(job, "%s is no number of a job: see jobs", argument);
		return -EINVAL;
	}
	int error = job_cancel(control->jobs, (unsigned)number);
	if (error == 0)
		job_print(job, "ok\n");
	else
		job_explain(job, "no job %lu runs: see jobs", number);
	return error;
}

static int do_help(const struct control *control, struct job *job, const char *argument);

static const struct command everyones[] = {
	{"status", "", "what the status file says", COMMAND_NONE, do_status, NULL},
	{"jobs", "", "what runs: number, done, total, command", COMMAND_NONE, do_jobs, NULL},
	{"cancel", " JOB", "end a job", COMMAND_ONE, do_cancel, NULL},
	{"help", "", "this list", COMMAND_NONE, do_help, NULL},
	{NULL, NULL, NULL, COMMAND_NONE, NULL, NULL},
};

static void list(struct job *job, const struct command *commands)
{
	for (const struct command *command = commands; command->name != NULL; command++)
		job_print(job, "%s%s\t%s\n", command->name, command->arguments, command->help);
}

static int do_help(const struct control *control, struct job *job, const char *argument)
{
	(void)argument;
	job_print(job, "ok\n");
	list(job, control->answerer->commands);
	list(job, everyones);
	return 0;
}

/* ---- long work ---- */

/* ARGUMENT of a long command. */
struct work {
	const struct control *control;
	const struct command *command;
	bool has_argument;
	char argument[];
};

static int run_work(struct job *job, void *context)
{
	struct work *work = context;

	return work->command->long_work(work->control, job,
					work->has_argument ? work->argument : NULL);
}

static int start_work(const struct control *control, struct job *job, const struct command *command,
		      const char *argument)
{
	size_t length = argument != NULL ? strlen(argument) : 0;
	struct work *work = calloc(1, sizeof *work + length + 1);

	if (work == NULL)
		return -ENOMEM;
	work->control = control;
	work->command = command;
	work->has_argument = argument != NULL;
	memcpy(work->argument, argument != NULL ? argument : "", length);
	int error = job_start(job, run_work, work);
	if (error != 0)
		free(work);
	return error;
}

/* ---- a line ---- */

/* Takes "\xNN" for an octet, and slashes off both ends. -EINVAL: a backslash that is none of it. */
static int unescape(char *argument)
{
	char *from = argument + strspn(argument, "/"), *to = argument;

	while (*from != '\0') {
		unsigned octet;
		if (*from != '\\') {
			*to++ = *from++;
			continue;
		}
		if (from[1] != 'x' || !isxdigit((unsigned char)from[2]) ||
		    !isxdigit((unsigned char)from[3]) || sscanf(from + 2, "%2x", &octet) != 1 ||
		    octet == 0)
			return -EINVAL;
		*to++ = (char)octet;
		from += 4;
	}
	while (to > argument && to[-1] == '/')
		to--;
	*to = '\0';
	return 0;
}

int command_words(const char *argument, char ***words_out, unsigned *count_out)
{
	size_t length = strlen(argument);
	/* A word and the blank behind it are two octets at least. */
	size_t room = (length / 2 + 2) * sizeof(char *);
	char **words = malloc(room + length + 1), *at, *rest;
	unsigned count = 0;
	int error = 0;

	if (words == NULL)
		return -ENOMEM;
	at = memcpy((char *)words + room, argument, length + 1);
	for (char *word = strtok_r(at, " \t", &rest); word != NULL && error == 0;
	     word = strtok_r(NULL, " \t", &rest)) {
		words[count++] = word;
		error = unescape(word);
	}
	if (error != 0) {
		free(words);
		return error;
	}
	words[count] = NULL;
	*words_out = words;
	*count_out = count;
	return 0;
}

static const struct command *find(const struct command *commands, const char *name, size_t length)
{
	for (const struct command *command = commands; command->name != NULL; command++)
		if (strlen(command->name) == length && strncmp(command->name, name, length) == 0)
			return command;
	return NULL;
}

/* ARGUMENT "": none given. */
static int run(const struct control *control, struct job *job, const struct command *command,
	       char *argument)
{
	bool given = *argument != '\0';

	if ((command->takes == COMMAND_NONE && given) ||
	    (!given && (command->takes == COMMAND_ONE || command->takes == COMMAND_WORDS))) {
		job_explain(job, "usage: %s%s", command->name,
			    given ? ", with nothing behind it" : command->arguments);
		return -EINVAL;
	}
	if (given && command->takes != COMMAND_WORDS && unescape(argument) != 0) {
		job_explain(job, "a backslash is written \\x5c, other octets \\xNN");
		return -EINVAL;
	}
	int error = 0;
	if (command->at_once != NULL)
		error = command->at_once(control, job, given ? argument : NULL);
	if (error == 0 && command->long_work != NULL)
		return start_work(control, job, command, given ? argument : NULL);
	if (error == 0)
		job_end(job, 0);
	return error;
}

static int carry_out(const struct control *control, struct job *job, char *line)
{
	char *name = line + strspn(line, " \t");
	size_t length = strcspn(name, " \t");
	char *argument = name + length;

	argument += strspn(argument, " \t");
	for (char *end = argument + strlen(argument); end > argument && end[-1] == ' ';)
		*--end = '\0';
	const struct command *command = find(control->answerer->commands, name, length);
	if (command == NULL)
		command = find(everyones, name, length);
	if (command != NULL)
		return run(control, job, command, argument);
	job_explain(job, "no such command: see help");
	return -EINVAL;
}

int command_start(const struct control *control, const char *line, struct job **job_out)
{
	struct job *job;
	char *copy = strdup(line);

	*job_out = NULL;
	if (copy == NULL || job_create(control->jobs, line, &job) != 0) {
		free(copy);
		return -ENOMEM;
	}
	int error = carry_out(control, job, copy);
	if (error != 0)
		job_end(job, error);
	free(copy);
	*job_out = job;
	return error;
}
