/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the files of the command `peerdist` share. Functions that return a status return the
 * program's exit status, and when it is not 0 they have written one line to stderr.
 */
#ifndef FS_CLI_H
#define FS_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct cli_option;
struct secret;

enum { CLI_DONE = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

/* cli_complain.c: writes "peerdist: ..." to stderr and returns STATUS */

int cli_complain(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* cli_mount.c: which mount is meant */

struct cli_mount {
	char *root;  /* where it is mounted */
	char *path;  /* what was named, seen from there; "/" is the root itself */
	int control; /* its .peerdist directory, O_PATH */
};
/* NAMED: a path in the mount, that need not exist; NULL: the only mount there is. */
int cli_mount_find(const char *named, struct cli_mount *mount_out);
void cli_mount_close(struct cli_mount *mount);

/* cli_session.c: a command and its answer */

/* The admin file, for reading and writing. */
int cli_admin_open(const struct cli_mount *mount, int *admin_out);

/* Sends COMMAND, and ARGUMENT if not NULL, and shows what comes back. */
int cli_command(const struct cli_mount *mount, const char *command, const char *argument,
		bool json);
/* The same, the lines behind "ok" going to TAKE, without their ends, until it gives anything but 0,
 * a negative errno. ERROR_OUT gets that, of which nothing has been said; the status is CLI_DONE
 * then. */
typedef int cli_take_line(void *owner, const char *line);
int cli_command_data(const struct cli_mount *mount, const char *command, const char *argument,
		     cli_take_line *take, void *owner, int *error_out);

/* The same; the lines are tables (fs/cli_table.h), shown as such or, with JSON, as members NAMES,
 * ended by NULL, of the object. */
int cli_command_tables(const struct cli_mount *mount, const char *command, const char *argument,
		       const char *const *names, bool json);

/* cli_status.c: the files that tell */

/* Content of a file of the control directory, for free(). */
int cli_file_read(const struct cli_mount *mount, const char *name, char **text_out);
/* For people, out of the JSON of the status file. */
int cli_status_show(const char *text);

/* cli_list.c: `instances` and `publications` */

/* TEXT of the file NAME, for people or as JSON, an object with an array of that name. */
int cli_list_show(const char *name, const char *text, bool json);

/* cli_action.c: verbs that consist of actions, such as `info make` */

struct cli_action {
	const char *name; /* NULL ends a table */
	int (*run)(const struct cli_action *action, int count, char **words); /* WORDS[0]: name */
	const char *usage; /* with verb and name */
	const char *help;  /* one line */
	const char *more;  /* for --help: its options, a line each */
};
int cli_actions(const struct cli_action *actions, int count, char **words);
/* Says how ACTION is used; CLI_USAGE. */
int cli_action_usage(const struct cli_action *action);

/* cli_secret.c: secrets on the command line */

/* Of a WORD of the command line, which is overwritten at once. */
int cli_secret_hex(char *word, struct secret **secret_out);
/* A cli_take_option of such a word; the field is a struct secret *, for secret_free(). */
int cli_secret_option(const struct cli_option *option, char *value, void *field);
/* WORD, which is overwritten; NULL: asked for on the terminal, twice if it is NEW, or the first
 * line of standard input if that is none. Never empty. For cli_passphrase_free(). */
int cli_passphrase(char *word, bool is_new, char **passphrase_out);
void cli_passphrase_free(char *passphrase);

/* cli_output.c: octets for a file, or for standard output */

struct cli_output {
	FILE *stream;
	/* NULL: standard output, or what is no plain file and is written to as it is. */
	char *target;
	char *beside; /* where it is until it is whole */
};
/* PATH NULL or "-": standard output, which must be no terminal. A file has mode 0600 and shows its
 * new content when all of it is there, else what it was. One at a time. */
int cli_output_open(const char *path, struct cli_output *output_out);
/* 0 or a negative errno. OWNER: struct cli_output. */
int cli_output_put(void *owner, const void *data, size_t size);
/* STATUS 0: all was put. Returns STATUS, or why it could not be kept. */
int cli_output_close(struct cli_output *output, int status);

/* Verbs with options of their own; WORDS[0] is the verb. Each in the file of its name. */
int cli_doctor(int count, char **words);
int cli_export(int count, char **words);
int cli_hosted(int count, char **words);
int cli_import(int count, char **words);
int cli_info(int count, char **words);
int cli_key(int count, char **words);
int cli_publish(int count, char **words);
int cli_serve(int count, char **words);

/* cli_progress.c: a bar on stderr if that is a terminal */

struct cli_progress {
	bool terminal;
	bool drawn;
	int64_t drawn_ms; /* monotonic */
};
void cli_progress_start(struct cli_progress *progress);
/* TOTAL 0: not known. */
void cli_progress_show(struct cli_progress *progress, uint64_t done, uint64_t total);
void cli_progress_end(struct cli_progress *progress);

#endif
