/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the files of the command `peerdist` share. Functions that return a status return the
 * program's exit status, and when it is not 0 they have written one line to stderr.
 */
#ifndef FS_CLI_H
#define FS_CLI_H

#include <stdbool.h>
#include <stdint.h>

enum { CLI_DONE = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

/* Writes "peerdist: ..." to stderr and returns STATUS. */
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

/* Sends COMMAND, and ARGUMENT if not NULL, and shows what comes back. */
int cli_command(const struct cli_mount *mount, const char *command, const char *argument,
		bool json);

/* cli_status.c: the files that tell */

/* Content of a file of the control directory, for free(). */
int cli_file_read(const struct cli_mount *mount, const char *name, char **text_out);
/* For people, out of the JSON of the status file. */
int cli_status_show(const char *text);

/* Verbs with options of their own, that need no mount; WORDS[0] is the verb. Each in the file of its
 * name. */
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
