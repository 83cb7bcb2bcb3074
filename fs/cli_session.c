/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One command to the admin file and its answer: lines "progress DONE TOTAL" as long as the work
 * goes on, then "ok" with what there is to say, or "error NUMBER NAME REASON"; behind "ok" come
 * lines of data. A command that is refused at once makes the writing fail, and has its answer all
 * the same. A file name in the command has control characters and backslashes as \xNN, so that a
 * line stays a line.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "cache/log.h"
#include "fs/cli.h"
#include "fs/cli_table.h"

/* Longest line of an answer; a longer one is cut in two: our choice. */
#define LINE_SIZE 65536

struct answer {
	struct cli_progress progress;
	enum { WORKING, GOOD, BAD } state;
	const char *command, *argument; /* argument: NULL: none */
	const char *root;               /* of the mount that is asked */
	json_t *json;        /* what will be printed at the end; NULL: what is not taken is printed
			      * as it comes */
	cli_take_line *take; /* who gets the data instead; NULL: nobody */
	void *owner;
	int take_error; /* what he said */
	char line[LINE_SIZE];
	size_t length;
};

/* For free(); NULL: no memory. */
static char *command_line(const char *command, const char *argument)
{
	char *line = NULL;
	size_t size = 0;
	FILE *stream = open_memstream(&line, &size);

	if (!stream)
		return NULL;
	fputs(command, stream);
	if (argument)
		putc(' ', stream);
	for (; argument && *argument; argument++) {
		unsigned char octet = (unsigned char)*argument;

		/* Blanks at the end would be taken for the line's. */
		if (iscntrl(octet) || octet == '\\' || (octet == ' ' && !argument[1]))
			fprintf(stream, "\\x%02x", octet);
		else
			putc(octet, stream);
	}
	putc('\n', stream);
	if (fclose(stream)) {
		free(line);
		return NULL;
	}
	return line;
}

/* REASON: the daemon's words, or "" where it has none. */
static int refused(const struct answer *answer, int number, const char *reason)
{
	char escaped[LOG_NAME_MAX] = "";

	if (!strncmp(reason, "no such command", strlen("no such command")))
		return cli_complain(CLI_FAILED,
				    "%s: no such command for what %s belongs to; peerdist(1) says "
				    "which it takes",
				    answer->command, answer->root);
	if (*reason)
		return cli_complain(CLI_FAILED, "%s: %s", answer->command, reason);
	if (answer->argument)
		log_escape(escaped, sizeof(escaped), answer->argument);
	return cli_complain(CLI_FAILED, "%s%s%s: %s", answer->command, *escaped ? " " : "", escaped,
			    strerror(number));
}

static int shut_out(const struct cli_mount *mount, int number)
{
	if (number == EACCES || number == EPERM)
		return cli_complain(CLI_FAILED,
				    "%s/.peerdist/admin is not yours to open; become root or who "
				    "mounted it, or see admin_mode in peerdistfs(8)",
				    mount->root);
	if (number == ENOTCONN)
		return cli_complain(CLI_FAILED,
				    "the daemon of %s has died; take the mount away (fusermount3 "
				    "-u %s) and mount it again",
				    mount->root, mount->root);
	return cli_complain(CLI_FAILED, "%s/.peerdist/admin cannot be opened: %s", mount->root,
			    strerror(number));
}

/* REST: " NUMBER NAME REASON"; the reason may be missing. */
static void take_error(struct answer *answer, const char *rest)
{
	int number = EPROTO, length = 0;

	sscanf(rest, " %9d %*s %n", &number, &length);
	rest += length;
	rest += strspn(rest, " ");
	cli_progress_end(&answer->progress);
	answer->state = BAD;
	refused(answer, number, rest);
}

static json_t *json_text(const char *text)
{
	char escaped[LOG_NAME_MAX];
	json_t *string = json_string(text);

	/* Not UTF-8. */
	return string ? string : json_string(log_escape(escaped, sizeof(escaped), text));
}

static void take_ok(struct answer *answer, const char *rest)
{
	rest += strspn(rest, " ");
	cli_progress_end(&answer->progress);
	answer->state = GOOD;
	if (answer->json)
		json_object_set_new(answer->json, "message", json_text(rest));
	else if (*rest)
		puts(rest);
}

static void take_data(struct answer *answer, const char *line)
{
	if (answer->take) {
		if (!answer->take_error)
			answer->take_error = answer->take(answer->owner, line);
	} else if (answer->json)
		json_array_append_new(json_object_get(answer->json, "data"), json_text(line));
	else
		puts(line);
}

/* What follows WORD on the line, or NULL when the line begins with something else. */
static const char *behind(const char *line, const char *word)
{
	size_t length = strlen(word);

	if (strncmp(line, word, length) || (line[length] && line[length] != ' '))
		return NULL;
	return line + length;
}

static void take_line(struct answer *answer, const char *line)
{
	const char *rest;
	uint64_t done, total;

	/* What is taken has no blanks in it: the daemon has failed half-way. */
	if (answer->state == GOOD && answer->take && (rest = behind(line, "error")))
		take_error(answer, rest);
	else if (answer->state != WORKING)
		take_data(answer, line);
	else if (sscanf(line, "progress %" SCNu64 " %" SCNu64, &done, &total) == 2)
		cli_progress_show(&answer->progress, done, total);
	else if ((rest = behind(line, "ok")))
		take_ok(answer, rest);
	else if ((rest = behind(line, "error")))
		take_error(answer, rest);
	else
		take_data(answer, line);
}

/* Hands the whole lines in the buffer on and keeps the rest. */
static void take_lines(struct answer *answer, bool end)
{
	char *line = answer->line;
	char *stop = line + answer->length;
	char *newline;

	while ((newline = memchr(line, '\n', (size_t)(stop - line)))) {
		*newline = '\0';
		take_line(answer, line);
		line = newline + 1;
	}
	answer->length = (size_t)(stop - line);
	memmove(answer->line, line, answer->length);
	if (answer->length > 0 && (end || answer->length == LINE_SIZE - 1)) {
		answer->line[answer->length] = '\0';
		answer->length = 0;
		take_line(answer, answer->line);
	}
}

/* Reads to the end. 0 or a negative errno. */
static int follow(int admin, struct answer *answer)
{
	struct pollfd readable = {.fd = admin, .events = POLLIN};

	for (;;) {
		ssize_t got =
			read(admin, answer->line + answer->length, LINE_SIZE - 1 - answer->length);

		if (got == 0)
			break;
		if (got > 0) {
			answer->length += (size_t)got;
			take_lines(answer, false);
			fflush(stdout);
		} else if (errno == EAGAIN) {
			poll(&readable, 1, -1);
		} else if (errno != EINTR) {
			return -errno;
		}
	}
	take_lines(answer, true);
	return 0;
}

/* Sends the line and shows the answer. The exit status. */
static int converse(int admin, const char *line, struct answer *answer)
{
	int refusal = write(admin, line, strlen(line)) < 0 ? errno : 0;
	int error;

	cli_progress_start(&answer->progress);
	error = follow(admin, answer);
	cli_progress_end(&answer->progress);
	if (answer->state == BAD)
		return CLI_FAILED;
	if (refusal || error)
		return refused(answer, refusal ? refusal : -error, "");
	if (answer->state == WORKING)
		return cli_complain(CLI_FAILED,
				    "%s: the daemon ended before it had answered; the "
				    "log of the mount may say why",
				    answer->command);
	return CLI_DONE;
}

int cli_admin_open(const struct cli_mount *mount, int *admin_out)
{
	int admin = openat(mount->control, "admin", O_RDWR | O_NOFOLLOW | O_CLOEXEC);

	if (admin < 0)
		return shut_out(mount, errno);
	*admin_out = admin;
	return CLI_DONE;
}

/* For free(); NULL: no memory. */
static struct answer *create(const char *command, const char *argument)
{
	struct answer *answer = calloc(1, sizeof(*answer));

	if (answer) {
		answer->command = command;
		answer->argument = argument;
	}
	return answer;
}

/* ANSWER says what to do with the data. */
static int speak(const struct cli_mount *mount, struct answer *answer)
{
	char *line;
	int admin, status = cli_admin_open(mount, &admin);

	if (status)
		return status;
	answer->root = mount->root;
	line = command_line(answer->command, answer->argument);
	status = line ? converse(admin, line, answer) : cli_complain(CLI_FAILED, "out of memory");
	close(admin);
	free(line);
	return status;
}

int cli_command(const struct cli_mount *mount, const char *command, const char *argument, bool json)
{
	struct answer *answer = create(command, argument);
	int status;

	if (!answer)
		return cli_complain(CLI_FAILED, "out of memory");
	answer->json = json ? json_pack("{s:[]}", "data") : NULL;
	status = speak(mount, answer);
	if (status == CLI_DONE && answer->json) {
		json_dumpf(answer->json, stdout, JSON_INDENT(2));
		putchar('\n');
	}
	json_decref(answer->json);
	free(answer);
	return status;
}

int cli_command_data(const struct cli_mount *mount, const char *command, const char *argument,
		     cli_take_line *take, void *owner, int *error_out)
{
	struct answer *answer = create(command, argument);
	int status;

	if (!answer)
		return cli_complain(CLI_FAILED, "out of memory");
	answer->take = take;
	answer->owner = owner;
	status = speak(mount, answer);
	if (status == CLI_DONE)
		*error_out = answer->take_error;
	OPENSSL_cleanse(answer, sizeof(*answer));
	free(answer);
	return status;
}

/* ANSWER has taken the lines into TABLE. */
static int show_tables(const struct answer *answer, const struct cli_table *table,
		       const char *const *names)
{
	if (answer->take_error)
		return cli_complain(CLI_FAILED, "%s: %s", answer->command,
				    strerror(-answer->take_error));
	if (!answer->json) {
		cli_table_print(table, stdout);
		return CLI_DONE;
	}
	cli_table_json(table, names, answer->json);
	json_dumpf(answer->json, stdout, JSON_INDENT(2));
	putchar('\n');
	return CLI_DONE;
}

int cli_command_tables(const struct cli_mount *mount, const char *command, const char *argument,
		       const char *const *names, bool json)
{
	struct answer *answer = create(command, argument);
	struct cli_table *table = cli_table_create();
	int status;

	if (answer && table) {
		answer->take = cli_table_line;
		answer->owner = table;
		answer->json = json ? json_object() : NULL;
		status = speak(mount, answer);
		if (status == CLI_DONE)
			status = show_tables(answer, table, names);
		json_decref(answer->json);
	} else {
		status = cli_complain(CLI_FAILED, "out of memory");
	}
	cli_table_free(table);
	free(answer);
	return status;
}
