/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Command lines of an administrator: a table of names, arguments and what they do for each kind of
 * process that has a control directory, and the commands that all of them have: status, jobs,
 * cancel, help. In arguments slashes at either end mean nothing, "\xNN" stands for an octet.
 */
#ifndef FS_COMMAND_H
#define FS_COMMAND_H

#include "fs/job.h"

struct control;

struct command {
	const char *name; /* NULL ends a table */
	const char *arguments, *help;
	/* Argument: none allowed, one that may be missing (then NULL), one, or several with blanks
	 * between them, given as they were written, for command_words(). */
	enum { COMMAND_NONE, COMMAND_MAYBE, COMMAND_ONE, COMMAND_WORDS } takes;
	/* At once: returns 0 and has printed the answer behind "ok", or a negative errno. Of one
	 * that is long as well: only looks whether it can be begun. */
	int (*at_once)(const struct control *control, struct job *job, const char *argument);
	/* Long: on a thread of its own; prints its last "ok" line itself. */
	int (*long_work)(const struct control *control, struct job *job, const char *argument);
};

/* Takes ARGUMENT, of COMMAND_WORDS, apart; each word then is as other commands' argument: "\xNN" is
 * an octet, a blank too, and "/" is "". WORDS_OUT, ended by NULL, is one piece of memory for
 * free(). 0; -EINVAL; -ENOMEM. */
int command_words(const char *argument, char ***words_out, unsigned *count_out);

/* Carries LINE out, or starts to, by the table of CONTROL's answerer. JOB_OUT, never NULL unless
 * memory is short, holds the answer; the caller puts it. 0; or -EINVAL (no such command, wrong
 * arguments), -ENOENT, -EBUSY, ..., which the answer says too. CONTROL outlives its jobs. */
int command_start(const struct control *control, const char *line, struct job **job_out);

#endif
