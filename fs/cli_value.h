/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What stands behind a verb that asks or tells a mount, before the mount: its value. It is checked
 * here as far as that can be done without the mount, so that a wrong one is wrong usage; the daemon
 * checks it again.
 */
#ifndef FS_CLI_VALUE_H
#define FS_CLI_VALUE_H

/* The first three and the last have no value. */
enum cli_takes {
	CLI_TAKES_MOUNT,
	CLI_TAKES_PATH_OR_NOTHING,
	CLI_TAKES_PATH,
	CLI_TAKES_SIZE,
	CLI_TAKES_JOB,
	CLI_TAKES_VERSIONS,
	CLI_TAKES_MODE,
	CLI_TAKES_TRUST,
	CLI_TAKES_INSTANCE,
	CLI_TAKES_PUBLICATION,
	CLI_TAKES_MILLISECONDS,
	CLI_TAKES_NOTHING
};

/* How many of WORDS are the value; perhaps more than there are. */
int cli_value_count(enum cli_takes takes, int count, char **words);
/* VALUE: its words with blanks between them. The exit status; if not 0 it has been said why. */
int cli_value_check(enum cli_takes takes, const char *value);

#endif
